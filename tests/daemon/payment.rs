//! Without the advance permission only money that has moved raises.

use parkgate::sim::wechat::{OrderState, Outcome, Plate};
use tokio::time::sleep;

use crate::bench::{Bench, Setup};
use crate::stay;

const SETTLES_AFTER_MS: i64 = 1_500;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_car_waits_until_its_money_has_moved() {
    let setup = Setup {
        exits: 3,
        advance: false,
        exit: "success_budget = \"4s\"",
        wechat: |wechat| {
            wechat.settle_after_ms = SETTLES_AFTER_MS.unsigned_abs();
            let mut ends = |plate: &str, outcome| {
                wechat
                    .plates
                    .insert(plate.to_owned(), Plate::ending(outcome));
            };
            ends("粤B80002", Outcome::Never);
            ends("粤B80003", Outcome::PayFail);
        },
        ..Setup::default()
    };
    let (bench, daemon) = Bench::start(setup).await;
    for plate in ["粤B80001", "粤B80002", "粤B80003"] {
        bench.entry().pass(plate).await;
    }
    bench.place.logged("entry registered", 3).await;
    sleep(stay::CHARGED).await;
    bench.exits[1].read("粤B80002").await;
    bench.exits[2].read("粤B80003").await;
    let pulse = bench.exits[0].pass("粤B80001").await;
    let books = bench.wechat.books();
    let order = books.orders_of("粤B80001").next().unwrap();
    assert_eq!(order.state, OrderState::Success);
    let waited_ms = pulse.at.0 - order.accepted_at.0;
    assert!(waited_ms >= SETTLES_AFTER_MS, "{waited_ms} ms");

    bench
        .place
        .status_with("two held cars", |status| status["held"] == 2)
        .await;
    let review = bench.place.ask(&["review", "list"]).await;
    let review = String::from_utf8(review.stdout).unwrap();
    assert!(review.contains("not yet paid"), "{review}");
    assert!(review.contains("the payment failed"), "{review}");
    assert_eq!(bench.exits[1].pulses() + bench.exits[2].pulses(), 0);
    let raise = ["lane", "raise", "out-2", "--by", "王芳", "--reason", "认识"];
    let output = bench.place.ask(&raise).await;
    let said = String::from_utf8(output.stdout).unwrap();
    assert!(said.contains("stands"), "{said}");
    bench.exits[1].raised_after(0).await;
    daemon.stop().await;
}
