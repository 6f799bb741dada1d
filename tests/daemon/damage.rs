//! A store that cannot be written, and files that are not what was written.

use std::fs;
use std::path::Path;

use tokio::time::sleep;

use crate::accounts::{assert_balanced, records};
use crate::bench::{Bench, FEE, Setup};
use crate::small_disk::SmallDisk;
use crate::stay;

/// The first one of a ledger, which a short test does not fill.
const ACTIVE_SEGMENT: &str = "0000000001.segment";

/// A folder below a file cannot be made by anybody, root included.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_store_lanes_raise_and_what_happened_is_written_later() {
    let bench = Bench::prepare(Setup::default()).await;
    fs::write(bench.store(), "not a folder").unwrap();
    let daemon = bench.daemon().await;
    let status = bench.place.status().await.unwrap();
    assert!(
        status["alarms"].to_string().contains("store_failed"),
        "{status}"
    );
    bench.entry().pass("粤B11001").await;
    bench.entry().pass("粤B11002").await;
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B11001").await;
    let books = bench.wechat.books();
    assert!(
        books.entries.is_empty() && books.orders.is_empty(),
        "{books:?}"
    );

    fs::remove_file(bench.store()).unwrap();
    fs::create_dir(bench.store()).unwrap();
    bench.exit().pass("粤B11002").await;
    let no_alarm =
        |status: &serde_json::Value| !status["alarms"].to_string().contains("store_failed");
    bench
        .place
        .status_with("the store to work again", no_alarm)
        .await;
    let status = bench.filed(0).await;
    assert_eq!(bench.wechat.books().accepted_fen(), 2 * FEE);
    assert_balanced(&bench, &status);
    daemon.stop().await;
    assert!(!records(&bench).is_empty());
}

/// A store on a small disk of its own that somebody else fills. Lanes go on, nothing is charged from what
/// is not on disk, and once there is room again everything is written and charged once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_disk_that_fills_up_in_mid_run_stops_charges_and_no_car() {
    let bench = Bench::prepare(Setup::default()).await;
    fs::create_dir(bench.store()).unwrap();
    let Some(disk) = SmallDisk::mount(&bench.store(), 3) else {
        return;
    };
    let daemon = bench.daemon().await;
    bench.entry().pass("粤B11101").await;
    bench.place.logged("entry registered", 1).await;
    disk.fill();
    let failed = |status: &serde_json::Value| status["alarms"].to_string().contains("store_failed");
    let mut cars = 1;
    while !failed(&bench.place.status().await.unwrap()) {
        cars += 1;
        assert!(cars < 100, "the ledger never needs more room");
        bench
            .entry()
            .pass(&format!("粤B{:05}", 11_100 + cars))
            .await;
    }
    let status = bench.place.status().await.unwrap();
    assert!(
        status["alarms"].to_string().contains("No space left"),
        "{status}"
    );
    let orders = bench.wechat.books().orders;
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B11101").await;
    bench.exit().pass("粤B11102").await;
    bench.entry().pass("粤B11201").await;
    assert_eq!(
        bench.wechat.books().orders,
        orders,
        "nothing is charged meanwhile"
    );

    disk.free();
    let well = |status: &serde_json::Value| !failed(status);
    bench
        .place
        .status_with("the store to write again", well)
        .await;
    let status = bench.filed(cars - 1).await;
    assert_eq!(status["cars_inside"], cars - 1, "{status}");
    assert_eq!(bench.wechat.books().accepted_fen(), 2 * FEE);
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_index_is_set_aside_and_made_anew() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    for plate in ["粤B11003", "粤B11004", "粤B11005"] {
        bench.entry().pass(plate).await;
    }
    daemon.stop().await;
    let index = bench.store().join("index");
    assert!(flip_bits(&index) > 0);

    let daemon = bench.daemon().await;
    bench.entry().pass("粤B11006").await;
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B11003").await;
    bench.place.logged("the index is ready", 2).await;
    assert!(bench.store().join("index.damaged-1").is_dir());
    let status = bench.filed(3).await;
    assert_eq!(status["cars_inside"], 3, "{status}");
    daemon.stop().await;

    let daemon = bench.daemon().await;
    bench.place.logged("agree with the ledger", 1).await;
    let status = bench.place.status().await.unwrap();
    assert!(!status["alarms"].to_string().contains("index_unavailable"));
    daemon.stop().await;
}

/// What was lost had numbers that WeChat knows. They are never given to another car.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_damaged_ledger_no_number_is_used_twice() {
    let (bench, mut daemon) = Bench::start(Setup::default()).await;
    bench.entry().pass("粤B11007").await;
    bench.place.logged("entry registered", 1).await;
    daemon.kill();
    assert!(flip_bits(&bench.store().join("ledger")) > 0);

    let daemon = bench.daemon().await;
    let status = bench.place.status().await.unwrap();
    assert!(
        status["alarms"].to_string().contains("store_damaged"),
        "{status}"
    );
    bench.entry().pass("粤B11008").await;
    bench.place.logged("entry registered", 2).await;
    let books = bench.wechat.books();
    assert_eq!(books.violations, []);
    assert_ne!(
        books.entries[0].out_parking_no,
        books.entries[1].out_parking_no
    );
    daemon.stop().await;
}

/// As the one before, with the beginning of the ledger intact.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn after_a_damaged_end_of_the_ledger_no_number_is_used_twice() {
    let (bench, mut daemon) = Bench::start(Setup::default()).await;
    let lost = bench.entry().pass("粤B11009").await;
    bench.place.logged("entry registered", 1).await;
    let ledger = bench.place.status().await.unwrap()["ledger"].clone();
    daemon.kill();
    let segment = bench.store().join("ledger").join(ACTIVE_SEGMENT);
    let mut bytes = fs::read(&segment).unwrap();
    // Behind the header and the commit of the start.
    let commits = bytes.chunks_mut(4096).skip(2).filter(|block| block[0] != 0);
    assert!(commits.map(|block| block[100] ^= 1).count() > 1);
    fs::write(&segment, bytes).unwrap();

    let daemon = bench.daemon().await;
    let status = bench.place.status().await.unwrap();
    assert_eq!(status["ledger"], ledger, "the readable part is kept");
    assert_eq!(status["cars_inside"], 0, "{status}");
    assert!(
        status["alarms"].to_string().contains("possibly lost"),
        "{status}"
    );
    let pulse = bench.entry().pass("粤B11010").await;
    assert_ne!(
        pulse.command_id, lost.command_id,
        "a late reply would prove it"
    );
    bench.place.logged("entry registered", 2).await;
    let books = bench.wechat.books();
    assert_eq!(books.violations, []);
    assert_ne!(
        books.entries[0].out_parking_no,
        books.entries[1].out_parking_no
    );
    daemon.stop().await;
}

/// A bit in every 64 bytes of every file. Returns how many bits.
fn flip_bits(folder: &Path) -> usize {
    let mut flipped = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            flipped += flip_bits(&path);
            continue;
        }
        let mut bytes = fs::read(&path).unwrap();
        for byte in bytes.iter_mut().step_by(64) {
            *byte ^= 1;
            flipped += 1;
        }
        fs::write(&path, bytes).unwrap();
    }
    flipped
}
