//! Bills by themselves: a box and WeChat by one clock, which the test sets.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use parkgate::bills::day::Day;
use parkgate::gate::Ended;
use parkgate::lane::time::Now;
use parkgate::sim::http::Outage;
use parkgate::sim::wechat::Call;
use serde_json::Value;
use tokio::time::sleep;

use crate::bench::{Bench, FEE, Setup};
use crate::daemon::run;
use crate::shift::alarm;
use crate::stay;

const HALF_AN_HOUR_MS: i64 = 1_800_000;

/// A day's bills come after 10:00, those of days without power when it is back, and match.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn bills_come_by_themselves_and_days_without_power_are_made_up_for() {
    let bench = Bench::prepare(Setup::default()).await;
    let gate = bench.shift.gate(&bench).await;
    let day = charged(&bench, "粤B13001").await;
    bench.shift.set_to(day.has_bill_from().plus_ms(-60_000));
    let early = bench.place.status().await.unwrap();
    assert_eq!(early["bills"]["newest"], Value::Null, "{early}");
    bench
        .shift
        .set_to(day.has_bill_from().plus_ms(HALF_AN_HOUR_MS));
    let status = bench
        .place
        .status_with("the bill", |status| is_here(status, day))
        .await;
    assert_eq!(alarm(&status, "bill_differs"), "", "{status}");
    assert_eq!(listed(&bench, day).await["stage"], "matches");
    assert_eq!(listed(&bench, day).await["paid"]["fen"], FEE);
    for file in std::fs::read_dir(bench.store().join("bills")).unwrap() {
        let mode = file.unwrap().metadata().unwrap().permissions().mode();
        assert_eq!(mode & 0o137, 0, "{mode:o}");
    }

    assert_eq!(gate.stop().await, Ended::Stopped);
    let later = day.plus(4);
    bench
        .shift
        .set_to(later.has_bill_from().plus_ms(HALF_AN_HOUR_MS));
    let gate = bench.shift.gate(&bench).await;
    bench
        .place
        .status_with("the bills since", |status| is_here(status, later))
        .await;
    for day in day.through(later) {
        assert_eq!(listed(&bench, day).await["stage"], "matches", "{day}");
    }
    let asked = bench.wechat.with(|wechat| wechat.asked(Call::TradeBill));
    assert_eq!(asked, 5, "each day once");
    assert_eq!(gate.stop().await, Ended::Stopped);
}

/// A charge that WeChat's bill leaves out is an alarm until somebody has cleared it up; so are bills that do
/// not come for days. Both by the command line, too.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_bill_that_differs_or_is_missing_is_an_alarm_until_a_person_has_seen_to_it() {
    let bench = Bench::prepare(Setup::default()).await;
    let gate = bench.shift.gate(&bench).await;
    let day = charged(&bench, "粤B13002").await;
    let trade_no = bench.wechat.books().orders[0].out_trade_no.clone();
    bench
        .wechat
        .with(|wechat| wechat.settings_mut().bills_without = [trade_no].into());
    bench
        .shift
        .set_to(day.has_bill_from().plus_ms(HALF_AN_HOUR_MS));
    let differs = |status: &Value| !alarm(status, "bill_differs").is_empty();
    let status = bench.place.status_with("the alarm", differs).await;
    let told = alarm(&status, "bill_differs");
    assert!(told.contains(&format!("bill match --date {day}")), "{told}");

    let matched = bill(&bench, &["match", "--json", "--date", &day.to_string()]).await;
    assert_eq!(matched.status.code(), Some(1));
    let report: Value = serde_json::from_slice(&matched.stdout).unwrap();
    assert_eq!(
        report["differences"][0]["what"], "missing_there",
        "{report}"
    );
    let date = day.to_string();
    let seen = [
        "accept",
        "--date",
        &date,
        "--by",
        "Li",
        "--why",
        "asked WeChat",
    ];
    assert!(bill(&bench, &seen).await.status.success());
    bench
        .place
        .status_with("the alarm to go", |status| !differs(status))
        .await;
    assert_eq!(listed(&bench, day).await["stage"], "accepted");

    bench.wechat.set_outage(Outage::Refused);
    let late = day.plus(5);
    bench
        .shift
        .set_to(late.has_bill_from().plus_ms(HALF_AN_HOUR_MS));
    let missing = |status: &Value| !alarm(status, "bills_missing").is_empty();
    let status = bench.place.status_with("the other alarm", missing).await;
    let told = alarm(&status, "bills_missing");
    assert!(told.contains(&day.plus(1).to_string()), "{told}");
    assert_eq!(status["bills"]["missing"], 5, "{status}");
    for day in day.plus(1).through(late) {
        let date = day.to_string();
        let gone = ["accept", "--date", &date, "--by", "Li", "--why", "printed"];
        assert!(bill(&bench, &gone).await.status.success());
    }
    bench
        .place
        .status_with("it to go", |status| !missing(status))
        .await;
    assert_eq!(gate.stop().await, Ended::Stopped);
}

/// By the command, with the machine's own clock: nothing happened on a day before the box was there.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_command_fetches_and_matches_a_day_without_a_daemon() {
    let bench = Bench::prepare(Setup::default()).await;
    let daemon = bench.daemon().await;
    daemon.stop().await;
    let Now { wall, .. } = bench.clock.now();
    let date = Day::of(wall).plus(-2).to_string();
    let too_soon = bill(&bench, &["match", "--date", &date]).await;
    assert_eq!(too_soon.status.code(), Some(2));
    let why = String::from_utf8_lossy(&too_soon.stderr).into_owned();
    assert!(why.contains("bill fetch"), "{why}");

    let config = bench.place.config.display().to_string();
    let fetch = [
        "bill", "fetch", "--json", "--date", &date, "--config", &config,
    ];
    let fetched = run(fetch.map(str::to_owned).to_vec()).await;
    assert!(fetched.status.success(), "{fetched:?}");
    let came: Value = serde_json::from_slice(&fetched.stdout).unwrap();
    for place in [0, 1] {
        assert_eq!(came["bills"][place]["came"], "nothing", "{came}");
    }
    assert!(
        bill(&bench, &["match", "--date", &date])
            .await
            .status
            .success()
    );
    let listed = bill(&bench, &["list"]).await;
    let listed = String::from_utf8(listed.stdout).unwrap();
    assert!(
        listed.contains(&date) && listed.contains("matches"),
        "{listed}"
    );
}

/// A car comes, leaves and pays. Gives back on which day.
async fn charged(bench: &Bench, plate: &str) -> Day {
    bench.entry().pass(plate).await;
    bench.filed(1).await;
    sleep(stay::CHARGED).await;
    bench.exit().pass(plate).await;
    bench.settled().await;
    Day::of(bench.clock.now().wall)
}

fn is_here(status: &Value, day: Day) -> bool {
    let bills = &status["bills"];
    bills["newest"] == day.to_string() && bills["missing"] == 0 && bills["at_work"].is_null()
}

async fn listed(bench: &Bench, day: Day) -> Value {
    let output = bill(bench, &["list", "--json"]).await;
    let days: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    let mut days = days.into_iter();
    days.find(|it| it["date"] == day.to_string())
        .unwrap_or_default()
}

async fn bill(bench: &Bench, arguments: &[&str]) -> std::process::Output {
    let store = bench.store();
    let store = Path::to_str(&store).unwrap();
    let all = [&["bill"], arguments, &["--store", store]].concat();
    run(all.into_iter().map(str::to_owned).collect()).await
}
