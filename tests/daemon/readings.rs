//! Readings that are large, old, or not live.

use tokio::time::sleep;

use crate::bench::{Bench, Setup};
use crate::stay;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_picture_of_a_megabyte_passes_and_one_of_five_costs_itself() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    let camera = bench.entry();
    for (plate, picture_bytes) in [
        ("粤B60001", 1_000_000),
        ("粤B60002", 5_000_000),
        ("粤B60003", 1_000_000),
    ] {
        let mut reading = camera.reading(plate);
        reading.picture_bytes = picture_bytes;
        camera.send(&reading).await;
        if picture_bytes < 4_000_000 {
            camera.raised_after(camera.pulses()).await;
            camera.cross().await;
        }
    }
    let status = bench.place.status().await.unwrap();
    assert_eq!(status["cars_inside"], 2, "{status}");
    let log = bench.place.log();
    assert!(log.contains("TooLarge"));
    assert_eq!(log.matches("connected to the cameras' broker").count(), 1);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_old_or_retained_raises_nothing() {
    let bench = Bench::prepare(Setup::default()).await;
    let camera = bench.entry();
    let retained = camera
        .reading("粤B60004")
        .message(camera.serial(), "ivs_result");
    camera.say("ivs_result", retained, true).await;
    let daemon = bench.daemon().await;
    let mut old = camera.reading("粤B60005");
    old.captured = old.captured.plus_ms(-660_000);
    old.sent = old.captured;
    camera.send(&old).await;
    camera.pass("粤B60006").await;
    assert_eq!(camera.pulses(), 1, "only the live one raises");
    let status = bench.place.status().await.unwrap();
    assert_eq!(status["cars_inside"], 1, "{status}");

    sleep(stay::CHARGED).await;
    let mut old = bench.exit().reading("粤B60006");
    old.captured = old.captured.plus_ms(-660_000);
    old.sent = old.captured;
    bench.exit().send(&old).await;
    bench.exit().pass("粤B60006").await;
    assert_eq!(bench.exit().pulses(), 1);
    daemon.stop().await;
}
