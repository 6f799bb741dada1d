//! Entries are decided on the spot: whether WeChat answers must not show in how long they take.

use std::net::{Ipv4Addr, TcpListener};

use crate::Outcome;
use crate::figure::put;
use crate::figures::{Figures, fact, head, line};
use crate::loads::PLAIN;
use crate::place::Place;

const BLOCK: usize = 50;
const BLOCKS: usize = 14;
const PER_SECOND: u32 = 50;

/// Three daemons take turns: WeChat answers, refuses connections, takes them and says nothing. The
/// entries of the latter two pile up, as in an outage.
pub async fn measure(place: &mut Place) -> Outcome<()> {
    let refusing = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let nobody = url(&refusing)?;
    drop(refusing);
    // Nobody accepts: the kernel takes connections and requests, and that is all.
    let silent = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
    let daemons = [
        place.daemon("answered")?,
        place.daemon_asking("refused", nobody)?,
        place.daemon_asking("silent", url(&silent)?)?,
    ];
    let cameras = &mut place.cameras;
    for daemon in &daemons {
        cameras.until_served(&daemon.entries()[0]).await?;
        daemon.quiet().await?;
        let warming_up = cameras.fresh_plates(BLOCK, false);
        let entries = daemon.entries();
        cameras
            .read(&entries, &warming_up, PLAIN.with_qos_1(), PER_SECOND)
            .await?;
    }
    let mut took = <[Figures; 3]>::default();
    for round in 0..BLOCKS {
        for turn in 0..daemons.len() {
            let at = (round + turn) % daemons.len();
            let plates = cameras.fresh_plates(BLOCK, false);
            let entries = daemons[at].entries();
            let block = cameras
                .read(&entries, &plates, PLAIN.with_qos_1(), PER_SECOND)
                .await?;
            took[at].add(block);
        }
    }
    let [answered, refused, silent] = &took;
    head(
        &format!("Entries during an outage, QoS 1, {PER_SECOND}/s"),
        "/ first",
    );
    line("WeChat answers", answered, None);
    line("WeChat refuses connections", refused, Some(answered));
    line("WeChat takes them and is silent", silent, Some(answered));
    let [by_refusal, by_silence] = [refused, silent].map(|it| it.p99() / answered.p99());
    fact("  p99, refused / answered", by_refusal, "");
    fact("  p99, silent / answered", by_silence, "");
    put("outage_p99_us", answered.p99())?;
    put("outage_refused_ratio", by_refusal)?;
    put("outage_silent_ratio", by_silence)?;
    Ok(())
}

fn url(listener: &TcpListener) -> Outcome<String> {
    Ok(format!("http://{}", listener.local_addr()?))
}
