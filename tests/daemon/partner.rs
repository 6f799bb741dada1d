//! A service provider collects for a sub-merchant, and the keys change on the way.

use std::collections::VecDeque;
use std::fs;

use parkgate::charges::record::MoneyRecord;
use parkgate::park::record::Record;
use parkgate::sim::material;
use parkgate::sim::wechat::{Call, Coupon, Fault};
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::accounts::{assert_balanced, records};
use crate::bench::{Bench, FEE, Setup};
use crate::daemon::run;
use crate::stay;
use crate::wait::until;

const OPENID: &str = "oUpF8uMuAJOM2pxb1Q";
const KEYS_CHANGED: &str = "platform certificates changed";
const NOTHING_ON_TRUST: &str =
    "if_wechat_silent = { normal_up_to_fen = 0, unknown_up_to_fen = 0, exposure_limit_fen = 0 }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_provider_collects_for_its_sub_merchant_while_certificates_rotate() {
    let setup = Setup {
        partner: true,
        wechat: |settings| settings.trust = settings.trust.clone().before_rotation(),
        ..Setup::default()
    };
    let (bench, daemon) = Bench::start(setup).await;
    bench.place.logged(KEYS_CHANGED, 1).await;
    for plate in ["粤B21001", "粤B21002", "粤B21003"] {
        bench.entry().pass(plate).await;
    }
    bench.place.logged("entry registered", 3).await;
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B21001").await;

    trust(&bench, |trust| {
        trust.rotate();
        trust.signing.remove(0);
    });
    bench.exit().pass("粤B21002").await;
    bench.place.logged(KEYS_CHANGED, 2).await;
    trust(&bench, |trust| {
        trust.signing = vec![material::PLATFORM_SERIAL_1.into()];
    });
    bench.exit().pass("粤B21003").await;

    let found = find(&bench).await;
    assert_eq!(found["service_state"], "NORMAL", "{found}");
    let status = bench.settled().await;
    assert_eq!(status["totals"]["settled"]["fen"], 3 * FEE);
    assert_eq!(status["alarms"], json!([]));
    assert_balanced(&bench, &status);
    assert_all_raised_for_an_answer(&bench);
    daemon.stop().await;
    assert_every_body_names_the_sub_merchant(&bench);

    let found = find(&bench).await;
    assert_eq!(found["plate_number"], "粤B21001", "without a daemon, too");
    assert!(!bench.place.log().contains(OPENID));
}

/// Nobody left on trust: what WeChat has not accepted for us raises nothing.
fn assert_all_raised_for_an_answer(bench: &Bench) {
    let books = bench.wechat.books();
    assert_eq!(books.orders.len(), 3);
    assert_eq!(bench.exit().pulses(), 3);
}

fn assert_every_body_names_the_sub_merchant(bench: &Bench) {
    let mut seen = 0;
    for record in records(bench) {
        let body = match &record {
            Record::Money(MoneyRecord::EntrySent { body, .. }) => body,
            Record::Money(MoneyRecord::ChargeSent {
                body: Some(body), ..
            }) => body,
            _ => continue,
        };
        let body: Value = serde_json::from_str(body).unwrap();
        assert_eq!(body["sub_mchid"], material::SUB_MCHID);
        if body["appid"].is_string() {
            assert_eq!(body["sub_appid"], material::SUB_APPID);
        }
        seen += 1;
    }
    assert_eq!(seen, 6);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_answer_for_another_sub_merchant_raises_nothing_and_hands_nothing_over() {
    let setup = Setup {
        partner: true,
        exit: NOTHING_ON_TRUST,
        ..Setup::default()
    };
    let (bench, daemon) = Bench::start(setup).await;
    bench.wechat.with(|wechat| {
        let faults = wechat.faults_mut();
        faults.push_on(Call::Entry, Fault::OtherSubMerchant);
        faults.push_on(Call::Charge, Fault::OtherSubMerchant);
        let others = VecDeque::from(vec![Fault::OtherSubMerchant; 1000]);
        faults.next_on.insert(Call::Query, others);
    });
    bench.entry().pass("粤B21004").await;
    bench.place.logged("entry registered", 1).await;
    assert_eq!(bench.wechat.books().entries[0].asked, 2, "asked again");
    sleep(stay::CHARGED).await;
    bench.exit().read("粤B21004").await;
    let status = bench
        .place
        .status_with("the car to be held", |status| status["held"] == 1)
        .await;
    assert_eq!(status["queue"]["unknown"], 1, "{status}");
    until("a query that speaks of somebody else", async || {
        let asked = bench.wechat.with(|wechat| wechat.asked(Call::Query));
        (asked > 1).then_some(())
    })
    .await;
    let status = bench.place.status().await.unwrap();
    let text = status["alarms"].to_string();
    assert!(
        text.contains("answer_mismatch") && text.contains("sub-merchant"),
        "{text}"
    );
    assert_eq!(status["with_staff"], 0, "{status}");
    assert_eq!(status["totals"]["settled"]["count"], 0, "{status}");
    assert_eq!(bench.exit().pulses(), 0);

    bench.wechat.with(|wechat| {
        wechat.faults_mut().next_on.remove(&Call::Query);
    });
    bench.exit().raised_after(0).await;
    let status = bench.filed(0).await;
    assert_eq!(bench.wechat.books().accepted_fen(), FEE);
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

/// The configuration names another sub-merchant by the time of the refund; a coupon paid a part of the charge.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refund_goes_back_from_where_it_was_charged_and_coupons_are_told() {
    let setup = Setup {
        partner: true,
        wechat: |settings| {
            settings.coupon = Some(Coupon {
                fen: 200,
                merchants: true,
            });
        },
        ..Setup::default()
    };
    let (bench, daemon) = Bench::start(setup).await;
    bench.entry().pass("粤B21005").await;
    bench.filed(1).await;
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B21005").await;
    let status = bench.settled().await;
    assert_eq!(status["totals"]["settled"]["fen"], FEE, "{status}");
    daemon.stop().await;

    let config = fs::read_to_string(&bench.place.config).unwrap();
    let other = config.replacen(material::SUB_MCHID, "1900000110", 1);
    fs::write(&bench.place.config, other).unwrap();
    let daemon = bench.daemon().await;
    let refund = [
        "refund",
        "粤B21005",
        "--all",
        "--by",
        "Li",
        "--reason",
        "误收",
    ];
    let asked = bench.place.ask(&refund).await;
    assert!(asked.status.success(), "{asked:?}");
    let body = until("the refund to be sent", async || {
        records(&bench).into_iter().find_map(|record| match record {
            Record::Money(MoneyRecord::RefundSent { body, .. }) => body,
            _ => None,
        })
    })
    .await;
    let body: Value = serde_json::from_str(&body).unwrap();
    assert_eq!(body["sub_mchid"], material::SUB_MCHID, "{body}");
    // It leaves when its record is on disk.
    until("WeChat to take it", async || {
        let refunds = bench.wechat.with(|wechat| wechat.refunds());
        (refunds.len() == 1).then_some(())
    })
    .await;

    let shown = bench.place.ask(&["sessions", "show", "粤B21005"]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(
        shown.contains("2.00 yuan by coupons, 3.00 yuan by the driver"),
        "{shown}"
    );
    assert!(shown.contains("the merchant bears 2.00"), "{shown}");
    let export = bench.place.ask(&["charges", "export", "--json"]).await;
    let charge: Value = serde_json::from_slice(&export.stdout).unwrap();
    assert_eq!(
        (&charge["payer_fen"], &charge["coupon_fen"]),
        (&json!(300), &json!(200))
    );
    daemon.stop().await;
    let store = bench.store().display().to_string();
    let books = ["books", "check", "--json", "--store", &store];
    let books = run(books.map(str::to_owned).to_vec()).await;
    let books: Value = serde_json::from_slice(&books.stdout).unwrap();
    assert_eq!(books["coupons"]["fen"], 200, "{books}");
}

fn trust(bench: &Bench, change: impl FnOnce(&mut parkgate::sim::wechat::Trust)) {
    bench
        .wechat
        .with(|wechat| change(&mut wechat.settings_mut().trust));
}

/// `parkgate find --json`, through the daemon or without one.
async fn find(bench: &Bench) -> Value {
    let config = bench.place.config.to_str().unwrap();
    let plate = ["find", "--plate", "粤B21001", "--color", "blue"];
    let driver = ["--openid", OPENID, "--config", config, "--json"];
    let output = bench.place.ask(&[plate, driver].concat()).await;
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}
