//! One plate's records are erased on request, in the running daemon.

use serde_json::Value;
use tokio::time::sleep;

use crate::bench::{Bench, Setup};
use crate::daemon::run;
use crate::stay;

const LEFT: &str = "粤B00001";
const STAYED: &str = "粤B00002";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plates_records_are_erased_on_request_and_everything_else_holds() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    let place = &bench.place;
    bench.entry().pass(LEFT).await;
    let refused = erase(&bench, LEFT, "request 17", true).await;
    assert_eq!(refused["refused"]["why"], "inside", "{refused}");
    sleep(stay::CHARGED).await;
    bench.exit().pass(LEFT).await;
    bench.settled().await;
    // The lanes' last raises are another car's, so that nothing of it is in the state.
    bench.entry().pass(STAYED).await;
    sleep(stay::CHARGED).await;
    bench.exit().pass(STAYED).await;
    bench.settled().await;
    let before = exported(&bench).await;
    let named = erase(&bench, LEFT, "粤B00001 asked", false).await;
    assert_eq!(named["refused"]["why"], "in_the_reason", "{named}");

    let dry = erase(&bench, LEFT, "request 17", true).await;
    assert_eq!(exported(&bench).await, before, "a dry run changes nothing");
    assert!(dry["left"].as_u64().unwrap() > 0, "{dry}");
    let found = erase(&bench, LEFT, "request 17", false).await;
    // The two whole states know which plates left last.
    assert!(found["left"].as_u64().unwrap() <= 2, "{found}");
    assert!(found["erased"]["session"].as_u64().unwrap() > 0, "{found}");
    assert!(found["kept"]["money"].as_u64().unwrap() > 0, "{found}");

    let after = exported(&bench).await;
    let about = |lines: &[Value], plate: &str| -> Vec<Value> {
        let lines = lines.iter();
        let told = lines.filter(|line| line["payload"].to_string().contains(plate));
        told.cloned().collect()
    };
    let money = |lines: Vec<Value>| -> Vec<Value> {
        let lines = lines.into_iter();
        lines.filter(|line| line["class"] == "money").collect()
    };
    let left = about(&after, LEFT);
    let may_be_left = |line: &Value| line["class"] == "money" || line["name"] == "checkpoint";
    assert!(left.iter().all(may_be_left), "{left:?}");
    assert_eq!(money(left), money(about(&before, LEFT)));
    let is_state = |line: &Value| line["name"] == "checkpoint";
    let others = about(&before, STAYED);
    for line in others.iter().filter(|line| !is_state(line)) {
        assert!(after.contains(line), "{line}");
    }
    let record = after.iter().find(|line| line["name"] == "payloads_erased");
    let rule = &record.unwrap()["payload"]["rule"]["request"];
    assert_eq!(
        (&rule["by"], &rule["why"]),
        (&"李雷".into(), &"request 17".into())
    );
    assert_eq!(rule["reference"], found["reference"]);
    assert!(after.iter().any(|line| line["erased"] == true));
    let log = place.log();
    assert!(!log.contains(LEFT), "{log}");

    // The state is what it was, also for the next start.
    let status = place.status().await.unwrap();
    daemon.stop().await;
    let verified = run(arguments(&bench, &["ledger", "verify", "--json"])).await;
    assert!(verified.status.success(), "{verified:?}");
    let daemon = crate::daemon::Daemon::start(place).await;
    let again = place.status().await.unwrap();
    assert_eq!(again["totals"], status["totals"]);
    assert_eq!(again["cars_inside"], status["cars_inside"]);
    daemon.stop().await;
}

async fn erase(bench: &Bench, plate: &str, why: &str, dry_run: bool) -> Value {
    let mut arguments = vec![
        "ledger", "erase", "--plate", plate, "--by", "李雷", "--why", why, "--json",
    ];
    arguments.extend(dry_run.then_some("--dry-run"));
    let output = bench.place.ask(&arguments).await;
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

async fn exported(bench: &Bench) -> Vec<Value> {
    let output = run(arguments(bench, &["ledger", "export"])).await;
    assert!(output.status.success(), "{output:?}");
    let text = String::from_utf8(output.stdout).unwrap();
    let lines = text.lines();
    lines
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

fn arguments(bench: &Bench, arguments: &[&str]) -> Vec<String> {
    let store = bench.store();
    let all = arguments.iter().copied();
    let all = all.chain(["--store", store.to_str().unwrap()]);
    all.map(str::to_owned).collect()
}
