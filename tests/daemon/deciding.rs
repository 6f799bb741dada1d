//! What people finish beside a running daemon: arrears, stays under review, wrong charges.

use std::process::Output;

use parkgate::sim::http::Outage;
use serde_json::Value;
use tokio::time::sleep;

use crate::bench::{Bench, FEE, Setup};
use crate::stay;
use crate::wait::until;

const PAID: &str = "粤B71001";
const OWING: &str = "粤B71002";
const MISSED: &str = "粤B71003";
const UNTOLD: &str = "粤B71004";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn arrears_reviews_and_corrections_are_worked_off_and_told_once() {
    let (bench, daemon) = Bench::start(Setup {
        duplicate_window: "1s",
        ..Setup::default()
    })
    .await;
    for plate in [PAID, OWING, MISSED] {
        bench.entry().pass(plate).await;
    }
    bench.place.logged("entry registered", 3).await;
    sleep(stay::CHARGED).await;
    bench.exit().pass(PAID).await;
    let settled = |status: &Value| status["totals"]["settled"]["count"] == 1;
    bench.place.status_with("a settled charge", settled).await;

    // A missed exit: the plate comes in again.
    bench.entry().pass(MISSED).await;
    let shown = json(&ask(&bench, &["review", "show", MISSED, "--json"]).await);
    assert_eq!(shown["review"]["why"], "exit_missed", "not its newest stay");
    let listed = json(&ask(&bench, &["review", "list", "--json"]).await);
    let stay = listed["stays"][0]["session"].as_str().unwrap().to_owned();
    let shown = ask(&bench, &["review", "show", &stay]).await;
    let text = String::from_utf8(shown.stdout).unwrap();
    for words in [
        "came in again while inside",
        "entry_sent",
        "plate_number",
        "history",
    ] {
        assert!(text.contains(words), "{words}: {text}");
    }
    let by = ["--by", "王芳", "--why", "两小时"];
    let refused = ask(&bench, &[&["review", "charge", MISSED][..], &by].concat()).await;
    assert!(told(&refused).contains("--fee"), "{refused:?}");
    let nameless = ask(&bench, &["review", "waive", &stay, "--by", ""]).await;
    assert_eq!(nameless.status.code(), Some(2), "{nameless:?}");
    let waive = [&["review", "waive", &stay][..], &by].concat();
    assert!(ask(&bench, &waive).await.status.success());
    let again = ask(&bench, &waive).await;
    assert!(
        told(&again).contains("decided before, by 王芳"),
        "{again:?}"
    );

    // What was paid is wrong.
    let correct = ["review", "correct", PAID, "--fee", "100"];
    let noted = ask(&bench, &[&correct[..], &by, &["--lang", "zh"]].concat()).await;
    let said = String::from_utf8(noted.stdout.clone()).unwrap();
    assert!(said.contains("自动退还 5.00 元"), "{noted:?}");
    until("the refund to be at WeChat", async || {
        let refunds = json(&ask(&bench, &["refund", "list", "--json"]).await)["refunds"].clone();
        assert_eq!(
            (&refunds[0]["fen"], &refunds[0]["corrects"]),
            (&FEE.into(), &true.into())
        );
        (refunds[0]["state"] == "processing").then_some(())
    })
    .await;
    let all = ["refund", PAID, "--all", "--by", "王芳", "--reason", "误收"];
    let beyond = ask(&bench, &all).await;
    assert!(!beyond.status.success(), "{beyond:?}");
    let again = ask(&bench, &[&correct[..], &by].concat()).await;
    assert!(told(&again).contains("asked for before"), "{again:?}");
    let listed = json(&ask(&bench, &["review", "list", "--json"]).await);
    assert_eq!(listed["corrections"][0]["due_fen"], 100, "{listed}");

    owed_and_collected(&bench).await;
    daemon.stop().await;
    let store = bench.store().display().to_string();
    let offline = ["arrears", "list", "--json", "--store", &store];
    assert_eq!(json(&ask(&bench, &offline).await)["answered_by"], "ledger");
    let needs_a_daemon = ask(&bench, &waive).await;
    assert_eq!(needs_a_daemon.status.code(), Some(69), "{needs_a_daemon:?}");
}

async fn owed_and_collected(bench: &Bench) {
    bench.wechat.set_outage(Outage::Refused);
    // Its entry finds that out, so that the charge after it is not begun on a connection that breaks.
    bench.entry().pass(UNTOLD).await;
    let is_silent = |status: &Value| status["alarms"].to_string().contains("wechat_silent");
    bench.place.status_with("the silence", is_silent).await;
    bench.exit().pass(OWING).await;
    let list = ["charges", "list", "--plate", OWING, "--json"];
    let to_staff = ["--by", "王芳", "--reason", "转账"];
    until("the charge to be taken over", async || {
        let charge = json(&ask(bench, &list).await)["charges"][0].clone();
        let trade_no = charge["trade_no"].as_str()?.to_owned();
        let words = [&["charges", "to-staff", &trade_no][..], &to_staff].concat();
        ask(bench, &words).await.status.success().then_some(())
    })
    .await;
    let owed = json(&ask(bench, &["arrears", "list", "--json"]).await);
    assert_eq!(
        (&owed["total_fen"], &owed["plates"]),
        (&FEE.into(), &1.into())
    );
    assert_eq!(owed["arrears"][0]["age_days"], 0, "{owed}");
    let collect = [
        "arrears",
        "collect",
        OWING,
        "--by",
        "王芳",
        "--channel",
        "qr",
    ];
    let paid = ask(bench, &collect).await;
    assert!(paid.status.success(), "{paid:?}");
    let again = ask(bench, &collect).await;
    assert!(told(&again).contains("owes nothing"), "{again:?}");
    let trade_no = owed["arrears"][0]["trade_no"].as_str().unwrap();
    let by_number = [
        "arrears",
        "write-off",
        trade_no,
        "--by",
        "王芳",
        "--why",
        "?",
    ];
    let late = ask(bench, &by_number).await;
    assert!(told(&late).contains("charges show"), "{late:?}");
    let status = json(&ask(bench, &["status", "--json"]).await);
    assert_eq!(status["totals"]["collected"]["fen"], FEE, "{status}");
    assert_eq!(status["arrears_fen"], 0, "{status}");
}

async fn ask(bench: &Bench, words: &[&str]) -> Output {
    bench.place.ask(words).await
}

/// What a refused command says.
fn told(output: &Output) -> String {
    assert_eq!(output.status.code(), Some(1), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}
