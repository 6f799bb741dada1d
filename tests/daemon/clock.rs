//! The box's clock in 1970, and stepping. The gate runs in this process: nobody sets the clock of the
//! machine that tests run on.

use parkgate::gate::Ended;
use parkgate::lane::time::Now;
use parkgate::sim::wechat::{Call, ViolationKind};
use serde_json::Value;
use tokio::time::sleep;

use crate::accounts::assert_balanced;
use crate::bench::{Bench, FEE, Setup};
use crate::shift::{Shift, alarm};
use crate::stay;

const HOUR_MS: i64 = 3_600_000;

/// Lanes work and nothing is signed; once the clock is set, what happened before is registered with its
/// true times and charged once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_box_that_starts_in_1970_serves_its_lanes_and_charges_when_its_clock_is_set() {
    let bench = Bench::prepare(Setup::default()).await;
    let wall = Shift::default();
    let Now { wall: today, .. } = bench.clock.now();
    wall.set(60_000 - today.0);
    let gate = wall.gate(&bench).await;
    bench.entry().pass("粤B12001").await;
    bench.entry().pass("粤B12002").await;
    let status = bench.place.status().await.unwrap();
    assert_eq!(status["wechat_silent"], true, "nothing is signed: {status}");
    assert_eq!(status["wechat"], "clock_untrusted", "{status}");
    assert_eq!(status["clock"]["trusted"], false, "{status}");
    assert_eq!(status["clock"]["why"], "unset", "{status}");
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B12001").await;
    let status = bench.place.status().await.unwrap();
    assert_eq!(status["totals"]["opened"]["fen"], FEE, "{status}");
    for call in [Call::Entry, Call::Charge, Call::Query, Call::Certificates] {
        assert_eq!(bench.wechat.with(|wechat| wechat.asked(call)), 0);
    }

    wall.set(0);
    let status = bench.filed(1).await;
    assert_eq!(status["wechat_silent"], false, "{status}");
    assert_eq!(status["wechat"], "answers", "{status}");
    assert_eq!(status["clock"]["trusted"], true, "{status}");
    let ahead_ms = status["clock"]["ahead_of_wechat_ms"].as_i64();
    assert!(ahead_ms.is_some_and(|ms| ms.abs() < 60_000), "{status}");
    bench.exit().pass("粤B12002").await;
    let status = bench.settled().await;
    assert_eq!(bench.wechat.books().accepted_fen(), 2 * FEE);
    assert_eq!(status["totals"]["settled"]["fen"], 2 * FEE, "{status}");
    assert_balanced(&bench, &status);
    assert_eq!(gate.stop().await, Ended::Stopped);
}

/// Whoever set the clock ahead pays for it in refused requests. No driver pays for time that did not
/// pass, and when it is set right, everything is filed: also after a restart, for which the hour that
/// never was must not count as the last that was trusted.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_steps_an_hour_ahead_and_back_costs_no_driver_and_no_charge() {
    let bench = Bench::prepare(Setup::default()).await;
    let wall = Shift::default();
    let gate = wall.gate(&bench).await;
    for plate in ["粤B12003", "粤B12004"] {
        bench.entry().pass(plate).await;
    }
    bench.filed(2).await;
    sleep(stay::CHARGED).await;
    wall.set(HOUR_MS);
    bench.exit().pass("粤B12003").await;
    let unanswered = |status: &Value| !alarm(status, "wechat_silent").is_empty();
    let status = bench.place.status_with("the alarm", unanswered).await;
    let told = alarm(&status, "wechat_silent");
    assert!(told.contains("check the clock"), "{told}");
    assert_eq!(status["totals"]["opened"]["fen"], FEE, "by the boot clock");
    assert_eq!(bench.wechat.books().orders, []);

    wall.set(0);
    bench.exit().pass("粤B12004").await;
    assert_eq!(gate.stop().await, Ended::Stopped);
    let gate = wall.gate(&bench).await;
    let status = bench.filed(0).await;
    assert_eq!(status["wechat_silent"], false, "{status}");
    let books = bench.wechat.books();
    let kinds = books.violations.iter().map(|violation| violation.kind);
    assert!(kinds.clone().all(|kind| kind == ViolationKind::Clock));
    assert!(kinds.count() > 0, "the clock was off");
    assert_eq!(books.orders_of("粤B12003").count(), 1, "{status}");
    assert_eq!(books.orders_of("粤B12004").count(), 1, "{status}");
    assert_eq!(books.accepted_fen(), 2 * FEE);
    assert_eq!(status["with_staff"], 0, "{status}");
    assert_eq!(gate.stop().await, Ended::Stopped);
}

/// Behind the last time that was trusted a clock is not believed, and nothing is signed until it has
/// come back.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_clock_that_steps_back_signs_nothing_until_it_is_right_again() {
    let bench = Bench::prepare(Setup::default()).await;
    let wall = Shift::default();
    let gate = wall.gate(&bench).await;
    bench.entry().pass("粤B12005").await;
    bench.filed(1).await;
    assert_eq!(gate.stop().await, Ended::Stopped);

    let gate = wall.gate(&bench).await;
    wall.set(-HOUR_MS);
    let charges = bench.wechat.with(|wechat| wechat.asked(Call::Charge));
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B12005").await;
    let status = bench.place.status().await.unwrap();
    assert_eq!(status["wechat_silent"], true, "nothing is signed: {status}");
    let why = &status["clock"]["why"];
    assert!(
        why == "behind_the_ledger" || why == "set_by_hand",
        "{status}"
    );
    assert_eq!(status["totals"]["opened"]["fen"], FEE, "{status}");
    assert_eq!(
        bench.wechat.with(|wechat| wechat.asked(Call::Charge)),
        charges
    );

    wall.set(0);
    let status = bench.filed(0).await;
    assert_eq!(status["wechat_silent"], false, "{status}");
    assert_eq!(bench.wechat.books().accepted_fen(), FEE);
    assert_balanced(&bench, &status);
    assert_eq!(gate.stop().await, Ended::Stopped);
}
