//! Cars that come, leave and are charged, for `benches/device_bytes.sh`, which has the store on devices of
//! its own: what these were told to write is counted by the kernel.

use std::fs;
use std::path::Path;
use std::time::Duration;

use parkgate::store::ledger::Ledger;
use tokio::time::sleep;

use crate::Outcome;
use crate::figure::put;
use crate::figures::fact;
use crate::loads::PLAIN;
use crate::place::{Place, STAY};

/// So far apart that few cars share a commit.
const PER_SECOND: u32 = 40;
const SETTLED_WITHIN: Duration = Duration::from_secs(60);
const SECTOR: u64 = 512;

/// `stats` are the counters of the ledger's device and of the index's.
pub async fn measure(
    place: &mut Place,
    store: &Path,
    stats: [&Path; 2],
    passages: usize,
) -> Outcome<()> {
    let empty = sectors(stats)?;
    let urls = place.wechat.urls.clone();
    let mut daemon = place.daemon_at("passages", store, &urls)?;
    let cameras = &mut place.cameras;
    cameras.until_served(&daemon.entries()[0]).await?;
    let alongside = daemon.status()?["cars_inside"].as_u64().unwrap_or_default();
    daemon.quiet().await?;
    let begun = sectors(stats)?;
    let commits_before = commits(&daemon.ledger())?;

    let plates = cameras.fresh_plates(passages, false);
    let form = PLAIN.with_qos_1();
    cameras
        .read(&daemon.entries(), &plates, form, PER_SECOND)
        .await?;
    daemon.quiet().await?;
    sleep(STAY).await;
    cameras
        .read(&daemon.exits(), &plates, form, PER_SECOND)
        .await?;
    let wanted = u64::try_from(passages).ok();
    let settled = daemon.until("the last settled charge", SETTLED_WITHIN, |status| {
        status["totals"]["settled"]["count"].as_u64() >= wanted
    });
    settled.await?;
    let commits = commits(&daemon.ledger())? - commits_before;
    daemon.process.stop()?;
    let ended = sectors(stats)?;

    let bytes =
        |from: [u64; 2], to: [u64; 2]| [0, 1].map(|at| (to[at] - from[at]) as f64 * SECTOR as f64);
    let each = |bytes: f64| bytes / passages as f64;
    let [ledger, index] = bytes(begun, ended).map(each);
    let before_the_first: f64 = bytes(empty, begun).iter().sum();
    println!();
    println!(
        "{passages} charged passages from entry to settled charge, {alongside} more cars inside"
    );
    fact(
        "written before the first, by the start",
        before_the_first / 1e3,
        "kB",
    );
    fact("written a passage", ledger + index, "B");
    fact("  the ledger, with the zeroing of segments", ledger, "B");
    fact("  sled", index, "B");
    fact("commits a passage", each(commits as f64), "");
    put("bytes_per_passage", ledger + index)?;
    put("bytes_per_passage_ledger", ledger)?;
    put("bytes_per_passage_index", index)?;
    put("commits_per_passage", each(commits as f64))?;
    Ok(())
}

fn commits(ledger: &Path) -> Outcome<usize> {
    Ok(Ledger::read_all(ledger)?.filter_map(Result::ok).count())
}

/// Written by each device, once everything is on it.
fn sectors(stats: [&Path; 2]) -> Outcome<[u64; 2]> {
    rustix::fs::sync();
    let written = |stat: &Path| -> Outcome<u64> {
        let text = fs::read_to_string(stat)?;
        let field = text.split_whitespace().nth(6);
        Ok(field.ok_or("no count of sectors written")?.parse()?)
    };
    Ok([written(stats[0])?, written(stats[1])?])
}
