//! What is handed in for a stay and put in store, over the control socket of a real daemon: it holds at
//! once, outlives a kill, and what is wrong is refused in words.

use std::process::Output;

use serde_json::Value;
use tokio::time::sleep;

use crate::bench::{Bench, FEE, Setup};
use crate::daemon::run;
use crate::stay;

const SHOPPER: &str = "粤B75001";
const CHARGING: &str = "粤B75002";
const CARD: &str = "粤B75003";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn coupons_and_money_in_store_hold_at_once_and_outlive_a_kill() {
    let (bench, mut daemon) = Bench::start(Setup::default()).await;
    for plate in [SHOPPER, CHARGING] {
        bench.entry().pass(plate).await;
    }
    sleep(stay::CHARGED).await;

    // A car that is not inside, nothing at all, too much, nobody.
    let nowhere = coupon(&bench, "粤B00000", &["--number", "K-1", "--fen", "100"]).await;
    assert!(told(&nowhere).contains("粤B00000"), "{nowhere:?}");
    let worthless = coupon(&bench, SHOPPER, &["--number", "K-1"]).await;
    assert_eq!(worthless.status.code(), Some(2), "{worthless:?}");
    let both = ["--number", "K-1", "--fen", "100", "--percent", "10"];
    let both = coupon(&bench, SHOPPER, &both).await;
    assert_eq!(both.status.code(), Some(2), "{both:?}");
    let beyond = coupon(&bench, SHOPPER, &["--number", "K-1", "--percent", "101"]).await;
    assert_eq!(beyond.status.code(), Some(2), "{beyond:?}");
    let nameless = [
        "sessions", "coupon", SHOPPER, "--number", "K-1", "--fen", "100",
    ];
    let nameless = bench.place.ask(&nameless).await;
    assert_eq!(nameless.status.code(), Some(2), "{nameless:?}");

    let taken = coupon(&bench, SHOPPER, &["--number", "K-1", "--fen", "200"]).await;
    assert!(said(&taken).contains("3.00 yuan are due"), "{taken:?}");
    let whole = ["--number", "K-2", "--whole", "--name", "guest"];
    assert!(coupon(&bench, SHOPPER, &whole).await.status.success());
    let back = ["sessions", "take-back", SHOPPER, "--number", "K-2"];
    let back = by(&bench, &back).await;
    assert!(said(&back).contains("3.00 yuan are due"), "{back:?}");
    let unknown = ["sessions", "take-back", SHOPPER, "--number", "K-9"];
    let unknown = by(&bench, &unknown).await;
    assert!(told(&unknown).contains("K-9"), "{unknown:?}");
    let order = ["--number", "ORDER-77", "--minutes", "45"];
    let free_time = [&["sessions", "free-time", CHARGING][..], &order].concat();
    let free_time = by(&bench, &free_time).await;
    assert!(
        said(&free_time).contains("0.00 yuan are due"),
        "{free_time:?}"
    );
    cards(&bench).await;

    // Acknowledged, and the power goes at once.
    daemon.kill();
    let daemon = bench.daemon().await;
    let again = coupon(&bench, CHARGING, &["--number", "K-1", "--fen", "200"]).await;
    assert!(
        told(&again).contains("K-1 was handed in before"),
        "{again:?}"
    );
    bench.entry().pass(CARD).await;
    sleep(stay::CHARGED).await;
    for plate in [SHOPPER, CHARGING, CARD] {
        bench.exit().pass(plate).await;
    }
    bench.settled().await;
    let status = json(&bench.place.ask(&["status", "--json"]).await);
    assert_eq!(status["totals"]["opened"]["count"], 1, "{status}");
    assert_eq!(status["totals"]["opened"]["fen"], FEE - 200, "{status}");
    let lists = json(&bench.place.ask(&["lists", "show", "--json"]).await);
    assert_eq!(lists["balances_fen"][CARD], 2_000 - FEE, "{lists}");
    let late = coupon(&bench, SHOPPER, &["--number", "K-3", "--fen", "100"]).await;
    assert!(!late.status.success(), "it has left: {late:?}");
    daemon.stop().await;
    let store = bench.store().display().to_string();
    let books = ["books", "check", "--store", &store].map(str::to_owned);
    let checked = run(books.to_vec()).await;
    assert!(checked.status.success(), "{checked:?}");
}

/// A stored-value card, with the version and the age of the lists.
async fn cards(bench: &Bench) {
    let early = by(bench, &["lists", "top-up", CARD, "--fen", "100"]).await;
    assert!(told(&early).contains("no stored-value card"), "{early:?}");
    let put = by(bench, &["lists", "put", CARD, "--list", "stored"]).await;
    assert!(put.status.success(), "{put:?}");
    let nothing = by(bench, &["lists", "top-up", CARD, "--fen", "0"]).await;
    assert_eq!(nothing.status.code(), Some(2), "{nothing:?}");
    let no_list = by(bench, &["lists", "put", CARD, "--list", "gold"]).await;
    assert_eq!(no_list.status.code(), Some(2), "{no_list:?}");
    let top_up = by(bench, &["lists", "top-up", CARD, "--fen", "3000"]).await;
    assert!(said(&top_up).contains("30.00"), "{top_up:?}");
    let too_much = by(bench, &["lists", "pay-out", CARD, "--fen", "3001"]).await;
    assert!(told(&too_much).contains("only 30.00 yuan"), "{too_much:?}");
    let pay_out = by(bench, &["lists", "pay-out", CARD, "--fen", "1000"]).await;
    assert!(said(&pay_out).contains("20.00"), "{pay_out:?}");
    let status = json(&bench.place.ask(&["status", "--json"]).await);
    assert_eq!(status["lists"]["version"], 3, "{status}");
    assert!(status["lists"]["changed"].is_string(), "{status}");
    let shown = bench.place.ask(&["lists", "show"]).await;
    let shown = said(&shown);
    assert!(shown.contains(CARD) && shown.contains("20.00"), "{shown}");
}

async fn coupon(bench: &Bench, plate: &str, worth: &[&str]) -> Output {
    by(bench, &[&["sessions", "coupon", plate][..], worth].concat()).await
}

async fn by(bench: &Bench, words: &[&str]) -> Output {
    let word = ["--by", "shop 12", "--why", "dinner"];
    bench.place.ask(&[words, &word].concat()).await
}

fn said(output: &Output) -> String {
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// What a refused command says.
fn told(output: &Output) -> String {
    assert!(!output.status.success(), "{output:?}");
    String::from_utf8(output.stderr.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}
