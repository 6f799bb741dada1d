//! What people ask a running daemon, and the ledger of a stopped one.

use std::fs;
use std::path::PathBuf;
use std::process::Output;

use parkgate::sim::http::Outage;
use serde_json::Value;
use tokio::time::sleep;

use crate::bench::{Bench, Setup};
use crate::daemon::run;
use crate::stay;
use crate::wait::until;

const PLATE: &str = "粤B70001";
const WAITING: &str = "粤B70002";
const IN_DOUBT: &str = "粤B70003";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn stays_charges_and_devices_are_told_and_charges_can_be_taken_over() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    bench.entry().pass(PLATE).await;
    bench.entry().pass(IN_DOUBT).await;
    bench.entry().pass(WAITING).await;
    bench.place.logged("entry registered", 3).await;
    let inside = json(&bench.place.ask(&["sessions", "list", "--json"]).await);
    assert_eq!(inside["answered_by"], "daemon");
    let plates: Vec<&str> = list(&inside["sessions"], "plate");
    assert_eq!(plates, [WAITING, IN_DOUBT, PLATE], "newest first");
    sleep(stay::CHARGED).await;
    bench.exit().pass(PLATE).await;
    bench.settled_or_accepted().await;

    let story = bench.place.ask(&["charges", "show", PLATE]).await;
    let told = text(&story);
    for words in [
        "fee due",
        "charge sent",
        "WeChat answered the charge",
        "Request-ID",
        "5.00 yuan",
    ] {
        assert!(told.contains(words), "{words}: {told}");
    }
    assert!(told.contains("answered by the running daemon"), "{told}");
    let chinese = bench
        .place
        .ask(&["charges", "show", PLATE, "--lang", "zh"])
        .await;
    assert!(text(&chinese).contains("发送扣费"), "{}", text(&chinese));
    let masked = text(&bench.place.ask(&["charges", "show", PLATE, "--mask"]).await);
    assert!(
        !masked.contains(PLATE) && masked.contains("粤B·7***"),
        "{masked}"
    );

    let devices = json(&bench.place.ask(&["devices", "--json"]).await);
    assert_eq!(devices["cameras"][0]["state"], "speaks", "{devices}");
    assert!(
        devices["cameras"][0]["readings"].as_u64() >= Some(2),
        "{devices}"
    );
    assert_eq!(
        devices["barriers"][1]["how"]["driver"], "camera",
        "{devices}"
    );
    let broker = devices["links"]
        .as_array()
        .unwrap()
        .iter()
        .find(|link| link["id"] == "broker");
    assert_eq!(broker.unwrap()["state"], "up", "{devices}");

    // What WeChat has taken on cannot be taken over; it can be asked about.
    let accepted = json(
        &bench
            .place
            .ask(&["charges", "list", "--all", "--json"])
            .await,
    );
    let trade_no = accepted["charges"][0]["trade_no"]
        .as_str()
        .unwrap()
        .to_owned();
    let taken = take_over(&bench, &trade_no).await;
    assert_eq!(taken.status.code(), Some(1), "{taken:?}");

    // Nor can what WeChat may have: it took the connection and never answered.
    bench.wechat.set_outage(Outage::Silent);
    bench.exit().pass(IN_DOUBT).await;
    let unknown = charge_in(&bench, IN_DOUBT, &["unknown"]).await;
    let taken = take_over(&bench, unknown["trade_no"].as_str().unwrap()).await;
    assert_eq!(taken.status.code(), Some(1), "{taken:?}");
    let why = String::from_utf8(taken.stderr).unwrap();
    assert!(why.contains("may still take this money"), "{why}");

    // A charge that never left can.
    bench.wechat.set_outage(Outage::Refused);
    bench.exit().pass(WAITING).await;
    let due = charge_in(&bench, WAITING, &["due", "waiting_for_entry"]).await;
    let trade_no = due["trade_no"].as_str().unwrap().to_owned();
    let retry = ["charges", "retry", &trade_no, "--by", "王芳", "--json"];
    until("the retry to be taken", async || {
        let answer = bench.place.ask(&retry).await;
        answer
            .status
            .success()
            .then(|| json(&answer)["done"] == "hurried")
    })
    .await;
    until("the charge to be taken over", async || {
        let taken = take_over(&bench, &trade_no).await;
        taken.status.success().then_some(())
    })
    .await;
    let review = text(&bench.place.ask(&["review", "list"]).await);
    assert!(review.contains("taken by 王芳"), "{review}");
    let again = take_over(&bench, &trade_no).await;
    let why = String::from_utf8(again.stderr).unwrap();
    assert!(why.contains("with the staff"), "{why}");
    let nothing = take_over(&bench, "T0").await;
    assert_eq!(nothing.status.code(), Some(1));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_ledger_of_a_stopped_daemon_answers_and_is_changed_by_nobody() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    bench.entry().pass(PLATE).await;
    bench.place.logged("entry registered", 1).await;
    sleep(stay::CHARGED).await;
    bench.exit().pass(PLATE).await;
    let live = bench.settled().await;
    let store = bench.store().display().to_string();
    let verify = ["ledger", "verify", "--store", &store];
    let beside = run_words(&verify).await;
    assert_eq!(
        beside.status.code(),
        Some(0),
        "beside a running daemon: {}",
        text(&beside)
    );
    let config = bench.place.config.display().to_string();
    let with_config = ["status", "--json", "--config", &config];
    assert_eq!(
        json(&run_words(&with_config).await)["answered_by"],
        "daemon"
    );
    let with_store = ["status", "--json", "--store", &store, "--socket"];
    let socket = bench.place.socket.display().to_string();
    let same = run_words(&[&with_store[..], &[&socket]].concat()).await;
    assert_eq!(json(&same)["answered_by"], "daemon", "of the same store");
    daemon.stop().await;

    let status = json(&run_words(&with_config).await);
    assert_eq!(status["answered_by"], "ledger");
    assert_eq!(status["totals"], live["totals"]);
    assert_eq!(status["cars_inside"], 0);
    assert!(status["last_seq"].as_u64() > Some(5), "{status}");
    let story = run_words(&["sessions", "show", PLATE, "--store", &store]).await;
    let told = text(&story);
    assert!(
        told.contains("settled") && told.contains("read from the ledger in"),
        "{told}"
    );

    let export = run_words(&["charges", "export", "--store", &store, "--bom"]).await;
    let csv = text(&export);
    assert!(
        csv.starts_with('\u{FEFF}') && csv.contains(",500,5.00,500,0,0,0,0,0,settled,"),
        "{csv}"
    );
    let lines = run_words(&["charges", "export", "--store", &store, "--json", "--mask"]).await;
    let charge: Value = serde_json::from_str(text(&lines).trim()).unwrap();
    assert_eq!(
        (&charge["settled_fen"], &charge["plate"]),
        (&500.into(), &"粤B·7***01".into())
    );

    let trade_no = charge["trade_no"].as_str().unwrap();
    let retry = run_words(&["charges", "retry", trade_no, "--config", &config]).await;
    assert_eq!(retry.status.code(), Some(69), "{retry:?}");
    let why = String::from_utf8(retry.stderr).unwrap();
    assert!(why.contains("systemctl start parkgate"), "{why}");

    let records = text(&run_words(&["ledger", "export", "--store", &store]).await);
    let settled = records
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap());
    let settled = settled.filter(|record| record["name"] == "charge_settled");
    assert_eq!(settled.count(), 1, "{records}");
    verify_finds_a_changed_byte(&bench, &verify).await;
}

async fn verify_finds_a_changed_byte(bench: &Bench, verify: &[&str]) {
    let sound = run_words(verify).await;
    assert_eq!(sound.status.code(), Some(0), "{}", text(&sound));
    assert!(text(&sound).contains("sound"), "{}", text(&sound));
    let segment = segments(bench).remove(0);
    let mut bytes = fs::read(&segment).unwrap();
    let at = 4096 + 300;
    bytes[at] ^= 0x10;
    fs::write(&segment, &bytes).unwrap();
    let damaged = run_words(&[verify, &["--json"]].concat()).await;
    assert_eq!(damaged.status.code(), Some(5), "{}", text(&damaged));
    let report: Value = serde_json::from_str(&text(&damaged)).unwrap();
    let name = segment.file_name().unwrap().to_str().unwrap();
    assert_eq!(report["findings"][0]["file"], name, "{report}");
    assert_eq!(report["findings"][0]["from"], 4096, "{report}");
    let nowhere = run_words(&["ledger", "verify", "--store", "/nonexistent/store"]).await;
    assert_eq!(nowhere.status.code(), Some(66), "{nowhere:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reader_that_goes_away_upsets_nobody() {
    use std::io::Read;
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_parkgate"))
        .args(["config", "explain"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    drop(child.stdout.take());
    let mut said = String::new();
    child
        .stderr
        .take()
        .unwrap()
        .read_to_string(&mut said)
        .unwrap();
    let status = child.wait().unwrap();
    assert!(status.success() && said.is_empty(), "{status}: {said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_config_can_be_begun_from_the_template() {
    let template = run_words(&["config", "template"]).await;
    let shipped = include_str!("../../firmware-config/parkgate.toml");
    assert_eq!(text(&template), shipped);
    let explained = run_words(&["config", "explain", "exit.budget", "--json"]).await;
    let key = &json(&explained)["keys"][0];
    assert_eq!(
        (&key["type"], &key["default"]),
        (&"duration".into(), &"\"1500ms\"".into())
    );
    let unknown = run_words(&["config", "explain", "exit.budge"]).await;
    assert_eq!(unknown.status.code(), Some(1));
}

impl Bench {
    /// Waits until WeChat has taken on what was filed, or it has settled already.
    async fn settled_or_accepted(&self) {
        let is_filed = |status: &Value| {
            let queue = &status["queue"];
            ["waiting_for_entry", "due", "sent", "unknown"]
                .iter()
                .all(|name| queue[*name] == 0)
        };
        self.place
            .status_with("the charge to be filed", is_filed)
            .await;
    }
}

/// Waits until the plate's charge is in one of these states.
async fn charge_in(bench: &Bench, plate: &str, states: &[&str]) -> Value {
    let words = ["charges", "list", "--plate", plate, "--json"];
    until(&format!("a charge of {plate} in {states:?}"), async || {
        let list = json(&bench.place.ask(&words).await);
        let charge = list["charges"][0].clone();
        states
            .contains(&charge["state"].as_str()?)
            .then_some(charge)
    })
    .await
}

async fn take_over(bench: &Bench, trade_no: &str) -> Output {
    let words = [
        "charges",
        "to-staff",
        trade_no,
        "--by",
        "王芳",
        "--reason",
        "付现金",
    ];
    bench.place.ask(&words).await
}

async fn run_words(words: &[&str]) -> Output {
    run(words.iter().map(|word| (*word).to_owned()).collect()).await
}

fn segments(bench: &Bench) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(bench.store().join("ledger"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| {
            path.file_name()
                .unwrap()
                .to_str()
                .unwrap()
                .starts_with("00000")
        })
        .collect();
    files.sort();
    files
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    serde_json::from_slice(&output.stdout).unwrap()
}

fn list<'v>(rows: &'v Value, key: &str) -> Vec<&'v str> {
    let rows = rows.as_array().unwrap();
    rows.iter().map(|row| row[key].as_str().unwrap()).collect()
}
