//! A tower within the car park, behind gates of its own, on a real daemon.

use std::fs;
use std::process::Output;

use serde_json::Value;
use tokio::time::sleep;

use crate::bench::{Bench, Setup};
use crate::daemon::run;
use crate::stay;

const PLATE: &str = "粤B76001";

/// 5 yuan an hour outside, 2 in the tower, where the clock outside stands.
const TARIFF: &str = "\
name = \"lab\"
version = \"1\"
then = { every = \"1h\", fen = 500 }

[[zone]]
name = \"tower\"
then = { every = \"1h\", fen = 200 }
";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_car_that_was_in_the_tower_pays_for_both_and_can_be_told_why() {
    let bench = Bench::prepare(Setup {
        entries: 2,
        exits: 2,
        ..Setup::default()
    })
    .await;
    let mut config = fs::read_to_string(&bench.place.config).unwrap();
    for lane in ["id = \"in-2\"\n", "id = \"out-2\"\n"] {
        assert!(config.contains(lane));
        config = config.replace(lane, &format!("{lane}zone = \"tower\"\n"));
    }
    fs::write(&bench.place.config, config).unwrap();
    // The lanes' zone is in no price list yet.
    let config = bench.place.config.display().to_string();
    let checked = run(words(&["config", "check", "--config", &config])).await;
    assert_eq!(checked.status.code(), Some(78), "{checked:?}");
    let faults = String::from_utf8(checked.stderr).unwrap();
    assert!(
        faults.contains("add [[zone]] with name = \"tower\""),
        "{faults}"
    );
    fs::write(bench.path("tariff.toml"), TARIFF).unwrap();

    let mut daemon = bench.daemon().await;
    bench.entry().pass(PLATE).await;
    // Seconds are counted, and a second outside costs an hour.
    sleep(stay::CHARGED).await;
    bench.entries[1].pass(PLATE).await;
    bench.filed(1).await;
    // What passed is on record, and the power goes.
    daemon.kill();
    let daemon = bench.daemon().await;
    let inside = json(&bench.place.ask(&["sessions", "list", "--json"]).await);
    let visits = &inside["sessions"][0]["visits"]["list"];
    assert_eq!(visits[0]["zone"], "tower", "{inside}");
    assert!(visits[0]["to_ms"].is_null(), "{inside}");
    sleep(stay::CHARGED).await;
    bench.exits[1].pass(PLATE).await;
    bench.exit().pass(PLATE).await;
    bench.settled().await;

    let status = json(&bench.place.ask(&["status", "--json"]).await);
    assert_eq!(status["totals"]["opened"]["fen"], 500 + 200, "{status}");
    let shown = bench
        .place
        .ask(&["sessions", "show", PLATE, "--lang", "zh"])
        .await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    for words in ["场内通过", "在tower内，场外不计时", "tower，1 × 2.00 元"] {
        assert!(shown.contains(words), "{words}: {shown}");
    }
    daemon.stop().await;

    let store = bench.store().display().to_string();
    for proof in [
        &["books", "check", "--store", &store][..],
        &["ledger", "rerun", &store],
    ] {
        let proven = run(words(proof)).await;
        assert!(proven.status.success(), "{proven:?}");
    }
}

fn words(words: &[&str]) -> Vec<String> {
    words.iter().map(|word| (*word).to_owned()).collect()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}
