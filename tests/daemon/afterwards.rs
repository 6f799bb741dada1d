//! What explains and proves afterwards, over the ledger that a real daemon wrote through an outage, a
//! restart and a kill.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;

use parkgate::sim::http::Outage;
use serde_json::Value;
use tokio::time::sleep;

use crate::bench::{Bench, Setup};
use crate::daemon::run;
use crate::stay;

const CHARGED: &str = "粤B71001";
const IN_OUTAGE: &str = "粤B71002";
const OVER_RESTART: &str = "粤B71003";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_real_ledger_is_decided_alike_again_and_its_books_balance() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    for plate in [CHARGED, IN_OUTAGE, OVER_RESTART] {
        bench.entry().pass(plate).await;
    }
    bench.filed(3).await;
    sleep(stay::CHARGED).await;
    bench.exit().pass(CHARGED).await;
    bench.filed(2).await;
    bench.wechat.set_outage(Outage::Silent);
    bench.exit().pass(IN_OUTAGE).await;
    daemon.stop().await;

    let mut daemon = bench.daemon().await;
    bench.wechat.set_outage(Outage::None);
    bench.filed(1).await;
    daemon.kill();
    let daemon = bench.daemon().await;
    bench.exit().pass(OVER_RESTART).await;
    bench.settled().await;

    // Beside the running daemon.
    let out = bench.path("evidence.zip");
    let config = bench.place.config.to_str().unwrap();
    let zip = out.to_str().unwrap();
    let evidence = [
        "sessions", "evidence", CHARGED, "--out", zip, "--config", config,
    ];
    let written = asked(&evidence).await;
    assert!(written.status.success(), "{written:?}");
    let mode = std::fs::metadata(&out).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "a plate is in it");
    assert!(
        text(&written.stderr).contains("number plate"),
        "{written:?}"
    );
    let again = asked(&evidence).await;
    assert_eq!(
        again.status.code(),
        Some(1),
        "it is not overwritten: {again:?}"
    );
    daemon.stop().await;

    let store = bench.store();
    let store = store.to_str().unwrap();
    let rerun = asked(&["ledger", "rerun", store, "--json"]).await;
    let report = json(&rerun);
    assert_eq!(rerun.status.code(), Some(0), "{report:#}");
    assert_eq!(
        (&report["differing"], &report["not_run"]),
        (&0.into(), &0.into())
    );
    assert!(report["steps"].as_u64() > Some(20), "{report}");
    assert!(report["fees_now_fen"].as_u64() > Some(0), "{report}");

    let books = asked(&["books", "check", "--store", store, "--json"]).await;
    let report = json(&books);
    assert_eq!(books.status.code(), Some(0), "{report:#}");
    assert_eq!(report["due"]["count"], 3, "{report}");
    assert_eq!(report["due"], report["settled"], "{report}");
    assert_eq!(report["inside"], 0, "{report}");

    // An export is as good as the folder.
    let export = asked(&["ledger", "export", "--store", store]).await;
    let file = bench.path("export.jsonl");
    std::fs::write(&file, &export.stdout).unwrap();
    let from_export = asked(&["ledger", "rerun", file.to_str().unwrap()]).await;
    assert_eq!(from_export.status.code(), Some(0), "{from_export:?}");

    // Another price list, on the same traffic.
    let dearer = dearer(&bench.place.config);
    let tried = asked(&["ledger", "rerun", store, "--json", "--config", &dearer]).await;
    let report = json(&tried);
    assert_eq!(tried.status.code(), Some(1), "{report:#}");
    let (then, now) = (&report["fees_recorded_fen"], &report["fees_now_fen"]);
    assert_eq!(now.as_u64(), then.as_u64().map(|fen| fen * 2), "{report:#}");

    let nowhere = asked(&["ledger", "rerun", "/nowhere"]).await;
    assert_eq!(nowhere.status.code(), Some(2), "{nowhere:?}");
}

/// A configuration beside `config` whose price list asks for twice as much.
fn dearer(config: &Path) -> String {
    let folder = config.parent().unwrap();
    let text = std::fs::read_to_string(config).unwrap();
    let tariff = text.split("[tariff]").nth(1).unwrap();
    let tariff = tariff.split('"').nth(1).unwrap();
    let prices = std::fs::read_to_string(folder.join(tariff)).unwrap();
    let doubled: Vec<String> = prices.lines().map(doubled).collect();
    std::fs::write(folder.join("dearer.toml"), doubled.join("\n")).unwrap();
    let dearer = text.replace(tariff, folder.join("dearer.toml").to_str().unwrap());
    let path = folder.join("dearer-config.toml");
    std::fs::write(&path, dearer).unwrap();
    path.to_str().unwrap().to_owned()
}

/// Every price in a line of a price list, twice.
fn doubled(line: &str) -> String {
    let mut parts = line.split("fen = ");
    let mut out = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let digits = part.bytes().take_while(u8::is_ascii_digit).count();
        let (price, rest) = part.split_at(digits);
        let price: u64 = price.parse().unwrap();
        out.push_str(&format!("fen = {}{rest}", 2 * price));
    }
    out
}

async fn asked(arguments: &[&str]) -> Output {
    run(arguments.iter().map(|word| (*word).to_owned()).collect()).await
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_owned()).unwrap()
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}
