//! Cars come and go.

use parkgate::charges::record::MoneyRecord;
use parkgate::lane::raise::RaiseReason;
use parkgate::park::record::{LaneRecord, Record};
use tokio::time::sleep;

use crate::accounts::{assert_balanced, records};
use crate::bench::{Bench, FEE, Setup};
use crate::stay;
use crate::wait::until;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_car_comes_in_leaves_and_pays() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    bench.entry().pass("粤B00001").await;
    until("the entry at WeChat", async || {
        let books = bench.wechat.books();
        books.entries.first().cloned()
    })
    .await;
    sleep(stay::CHARGED).await;
    let pulse = bench.exit().pass("粤B00001").await;

    let books = bench.wechat.books();
    let [order] = &books.orders[..] else {
        panic!("raised without one order: {books:?}")
    };
    assert_eq!((order.plate.as_str(), order.total_fen), ("粤B00001", FEE));
    assert!(order.accepted_at <= pulse.at, "raised before acceptance");
    let status = bench.settled().await;
    assert_eq!(status["totals"]["settled"]["fen"], FEE);
    assert_eq!(status["cars_inside"], 0);
    assert_eq!(status["alarms"], serde_json::json!([]));
    assert_balanced(&bench, &status);
    daemon.stop().await;
    assert_order_of_facts(&records(&bench));
}

/// Charged, accepted, and only then raised.
fn assert_order_of_facts(records: &[Record]) {
    let place = |fits: fn(&Record) -> bool| records.iter().position(fits).unwrap();
    let opened = place(|r| matches!(r, Record::Money(MoneyRecord::ChargeOpened { .. })));
    let sent = place(|r| matches!(r, Record::Money(MoneyRecord::ChargeSent { .. })));
    let accepted = place(|r| matches!(r, Record::Money(MoneyRecord::ChargeAccepted { .. })));
    let raised = place(|record| {
        let Record::Lane(LaneRecord::RaiseDecided { reason, .. }) = record else {
            return false;
        };
        matches!(reason, RaiseReason::Accepted { .. })
    });
    assert!(opened < sent && sent < accepted && accepted < raised);
}
