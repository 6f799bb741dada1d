//! A medium that fails while cars come: its filesystem is read-only from one moment to the next.

use std::fs;

use serde_json::Value;
use tokio::time::sleep;

use crate::accounts::assert_balanced;
use crate::bench::{Bench, FEE, Setup};
use crate::small_disk::FailingDisk;
use crate::stay;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_becomes_read_only_under_the_daemon_is_told_and_costs_no_charge() {
    let bench = Bench::prepare(Setup::default()).await;
    fs::create_dir(bench.store()).unwrap();
    let Some(disk) = FailingDisk::mount(bench.path("disk.img"), &bench.store()) else {
        return;
    };
    let daemon = bench.daemon().await;
    bench.entry().pass("粤B15701").await;
    bench.place.logged("entry registered", 1).await;

    disk.fail();
    // Nobody is locked out or in, and nothing is charged from memory.
    bench.entry().pass("粤B15702").await;
    let failed = |status: &Value| status["alarms"].to_string().contains("store_failed");
    let status = bench.place.status_with("store_failed", failed).await;
    assert!(
        status["alarms"].to_string().contains("Read-only"),
        "{status}"
    );
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B15701").await;
    assert_eq!(bench.wechat.books().accepted_fen(), 0);
    daemon.stop().await;
    let log = bench.place.log();
    assert!(log.contains("are in no ledger"), "{log}");

    // What was on it is all there, and what was not is not made up.
    disk.mount_anew();
    let daemon = bench.daemon().await;
    let status = bench.place.status().await.unwrap();
    assert_eq!(status["cars_inside"], 1, "{status}");
    assert!(!failed(&status), "{status}");
    bench.exit().pass("粤B15701").await;
    let status = bench.filed(0).await;
    assert_eq!(bench.wechat.books().accepted_fen(), FEE);
    assert_balanced(&bench, &status);
    daemon.stop().await;
}
