//! From the start of the process to the first open command, and what a day of cars leaves behind.

use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::daemon::Daemon;
use crate::figure::put;
use crate::figures::{Figures, fact, mb, ms};
use crate::loads::PLAIN;
use crate::place::{Place, STAY};
use crate::wechat::Mood;

const STARTS: usize = 5;
const REGISTERED_WITHIN: Duration = Duration::from_secs(20);

/// With an empty store. Leaves the daemon running.
pub async fn empty(place: &mut Place) -> Outcome<Daemon> {
    let begun = Instant::now();
    let disk = place.daemon("disk")?;
    let served = place.cameras.until_served(&disk.entries()[0]).await?;
    let took = ms(served - begun);
    fact("start to first open command, empty store", took, "ms");
    put("start_empty_ms", took)?;
    Ok(disk)
}

/// Lets out who came in, so that the store holds a day of whole stays, and starts anew over and over.
/// WeChat keeps its certificates back meanwhile: an answer of it is then believed only by the keys
/// that were cached.
pub async fn after_a_day(
    place: &mut Place,
    disk: &mut Daemon,
    inside: &[(String, bool)],
) -> Outcome<()> {
    println!();
    println!("After all this");
    sleep(STAY).await;
    for special in [false, true] {
        let of_this_kind = inside
            .iter()
            .filter(|(_, is_special)| *is_special == special);
        let plates: Vec<String> = of_this_kind.map(|(plate, _)| plate.clone()).collect();
        let form = if special {
            PLAIN.of_police_cars()
        } else {
            PLAIN
        };
        let form = form.with_qos_1();
        if !plates.is_empty() {
            let exits = disk.exits();
            place.cameras.pass(&exits, &plates, form).await?;
        }
    }
    disk.quiet().await?;
    let (rss, most) = (
        disk.process.memory_kb("VmRSS")?,
        disk.process.memory_kb("VmHWM")?,
    );
    fact("cars that came and left", inside.len() as f64, "");
    fact("memory (VmRSS)", mb(rss), "MB");
    fact("memory at its most (VmHWM)", mb(most), "MB");
    put("loaded_rss_mb", mb(rss))?;

    place.wechat.be(Mood {
        hides_certificates: true,
        ..Mood::default()
    })?;
    let [mut stops, mut starts] = <[Figures; 2]>::default();
    for _ in 0..STARTS {
        let registered = disk.logged(REGISTERED)?;
        let begun = Instant::now();
        disk.restart()?;
        let stopped = disk.started_at;
        stops.add([stopped - begun]);
        let served = place.cameras.until_served(&disk.entries()[0]).await?;
        starts.add([served - stopped]);
        believed(disk, registered).await?;
    }
    place.wechat.be(Mood::default())?;
    fact("stop, half", stops.p50() / 1e3, "ms");
    fact(
        "start to first open command, cached ring, half",
        starts.p50() / 1e3,
        "ms",
    );
    fact("  the slowest", starts.us(1000) / 1e3, "ms");
    put("stop_ms", stops.p50() / 1e3)?;
    put("start_ms", starts.p50() / 1e3)?;
    put("start_worst_ms", starts.us(1000) / 1e3)?;
    Ok(())
}

const REGISTERED: &str = "entry registered";

/// Waits until an answer was verified. Without a cached ring none is, since nothing can be fetched.
async fn believed(disk: &Daemon, before: usize) -> Outcome<()> {
    let give_up = Instant::now() + REGISTERED_WITHIN;
    while disk.logged(REGISTERED)? <= before {
        if Instant::now() > give_up {
            return Err("the ring was not cached: no answer is believed after a start".into());
        }
        sleep(Duration::from_millis(20)).await;
    }
    Ok(())
}
