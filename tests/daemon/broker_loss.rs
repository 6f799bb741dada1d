//! The cameras' broker goes away.

use std::time::Duration;

use parkgate::sim::wechat::{Call, Fault};
use tokio::time::sleep;

use crate::accounts::assert_balanced;
use crate::bench::{Bench, Setup};
use crate::stay;
use crate::wait::seen;

/// A raise is worth nothing after 5 s.
const LONGER_THAN_A_RAISE_LIVES: Duration = Duration::from_secs(6);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_raise_that_could_not_leave_never_leaves_late() {
    let (mut bench, daemon) = Bench::start(Setup::default()).await;
    if !bench.broker.can_be_killed() {
        return;
    }
    bench.entry().pass("粤B50001").await;
    bench.place.logged("entry registered", 1).await;
    sleep(stay::CHARGED).await;
    let slow = Fault::Slow(700);
    bench
        .wechat
        .with(|wechat| wechat.faults_mut().push_on(Call::Charge, slow));
    bench.exit().read("粤B50001").await;
    seen("the charge at WeChat", || {
        let charges = bench.wechat.with(|wechat| wechat.asked(Call::Charge));
        (charges == 1).then_some(())
    })
    .await;
    bench.broker.kill();
    bench
        .place
        .status_with("a raise that did not leave", |status| {
            has_alarm(status, "barrier_uncertain") && has_alarm(status, "link_down")
        })
        .await;
    sleep(LONGER_THAN_A_RAISE_LIVES).await;
    bench.broker.resume().await;
    bench.exit().connected().await;
    bench.connected(2).await;

    // The car is still there: the same raise goes out once more, for the first time on the wire.
    bench.exit().read("粤B50001").await;
    let pulse = bench.exit().raised_after(0).await;
    assert!(pulse.command_id.ends_with("-2"), "{pulse:?}");
    bench.exit().cross().await;

    let status = bench.filed(0).await;
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_broker_that_restarts_is_subscribed_to_again() {
    let (mut bench, daemon) = Bench::start(Setup::default()).await;
    if !bench.broker.can_be_killed() {
        return;
    }
    bench.entry().pass("粤B50002").await;
    bench.broker.kill();
    bench
        .place
        .status_with("the alarm", |status| has_alarm(status, "link_down"))
        .await;
    bench.broker.resume().await;
    bench.connected(2).await;
    bench.exit().connected().await;
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B50002").await;
    let status = bench.filed(0).await;
    assert!(!has_alarm(&status, "link_down"), "{status}");
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_starts_without_a_broker_finds_it_later() {
    let mut bench = Bench::prepare(Setup::default()).await;
    if !bench.broker.can_be_killed() {
        return;
    }
    bench.broker.kill();
    let daemon = crate::daemon::Daemon::start(&bench.place).await;
    bench
        .place
        .status_with("the alarm", |status| has_alarm(status, "link_down"))
        .await;
    bench.broker.resume().await;
    bench.connected(1).await;
    bench.entry().connected().await;
    bench.entry().pass("粤B50003").await;
    daemon.stop().await;
}

fn has_alarm(status: &serde_json::Value, kind: &str) -> bool {
    let mut alarms = status["alarms"].as_array().into_iter().flatten();
    alarms.any(|alarm| alarm["kind"] == kind)
}
