//! WeChat refuses the merchant as such.

use parkgate::sim::wechat::Fault;
use tokio::time::sleep;

use crate::accounts::assert_balanced;
use crate::bench::{Bench, FEE, Setup};
use crate::stay;

/// The half-open query comes after a minute, or at once after a restart, as here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_merchant_without_permission_is_stopped_and_cars_leave() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    bench.entry().pass("粤B90001").await;
    bench.place.logged("entry registered", 1).await;
    bench
        .wechat
        .with(|wechat| wechat.faults_mut().standing = Some(Fault::NoAuth));
    bench.entry().pass("粤B90002").await;
    let stopped = |status: &serde_json::Value| status["merchant_stopped"] == "NO_AUTH";
    let status = bench
        .place
        .status_with("the merchant's stop", stopped)
        .await;
    assert_eq!(status["alarms"][0]["kind"], "merchant_stopped", "{status}");
    sleep(stay::CHARGED).await;
    for plate in ["粤B90001", "粤B90002"] {
        bench.exit().pass(plate).await;
    }
    let status = bench.place.status().await.unwrap();
    assert_eq!(status["exposure_fen"], 2 * FEE, "{status}");
    assert_eq!(bench.wechat.books().orders, []);

    bench
        .wechat
        .with(|wechat| wechat.faults_mut().standing = None);
    daemon.stop().await;
    let daemon = bench.daemon().await;
    let status = bench.settled().await;
    assert_eq!(status["merchant_stopped"], serde_json::Value::Null);
    assert_eq!(bench.wechat.books().accepted_fen(), 2 * FEE);
    assert_balanced(&bench, &status);
    daemon.stop().await;
}
