//! How a box starts that has very much to remember: live stays, queued charges, a long ledger.
//!
//! `cargo bench --bench scale` builds both ledgers and measures in one go; `-- STAYS CHARGES RECORDS`
//! chooses how many of each (100 000, 100 000 and 1 000 000).
//!
//! The daemon is the real one, a process of its own. It has no broker and no network, so that nothing
//! but its store keeps it from serving.

mod daemon;
#[path = "../installation.rs"]
mod installation;
mod ledger;
#[path = "../../src/bills/tests/written.rs"]
#[expect(clippy::unwrap_used, reason = "the tests write bills with it, too")]
mod written;

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use daemon::Daemon;
use ledger::{DAY, History};
use parkgate::bills::day::Day;
use parkgate::bills::keep::Bills;
use parkgate::bills::matching::compare;
use parkgate::story::steps;
use parkgate::wechat::bill::Kind;
use rustix::time::{ClockId, clock_gettime};
use written::Line;

type Outcome<T> = Result<T, Box<dyn Error>>;

const STAYS: u64 = 100_000;
const CHARGES: u64 = 100_000;
const RECORDS: u64 = 1_000_000;
/// Of the merchant's bill of a day. Most are of other boxes.
const ROWS: usize = 200_000;
/// A start that takes longer is not waited for.
const START_WITHIN: Duration = Duration::from_secs(300);
const REBUILD_WITHIN: Duration = Duration::from_secs(3_600);

fn main() -> Outcome<()> {
    let numbers = std::env::args().skip(1).filter_map(|arg| arg.parse().ok());
    let numbers: Vec<u64> = numbers.collect();
    let number = |at: usize, or: u64| numbers.get(at).copied().unwrap_or(or);
    let (stays, charges) = (number(0, STAYS), number(1, CHARGES));
    let records = number(2, RECORDS);
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;

    let full = folder.path().join("full");
    let bytes = ledger::with_state(&full, stays, charges)?;
    println!(
        "{stays} live stays, {charges} queued charges: a checkpoint of {} MB",
        bytes >> 20
    );
    start(&full, "first start, the index is made")?;
    start(&full, "second start, the index is there")?;

    let long = folder.path().join("long");
    let history = ledger::with_history(&long, records)?;
    println!(
        "a ledger of {} records, {} MB",
        history.records,
        history.bytes >> 20
    );
    start(&long, "start, the index is made from all of it")?;
    start(&long, "start, the index is there")?;
    asked(&long, &["charges", "export"])?;
    asked(&long, &["charges", "list", "--all", "--limit", "20"])?;
    asked(&long, &["books", "check"])?;
    asked(&long, &["ledger", "verify"])?;
    first_day(&long)?;
    bills(&long, &history)
}

/// What the daemon asks a little after each start.
fn first_day(store: &Path) -> Outcome<()> {
    let began = seconds();
    let first = steps::first_at(&store.join("ledger"))?;
    let took_ms = 1000.0 * (seconds() - began);
    let first = first.map(Day::of).ok_or("a ledger without a time")?;
    println!("  the day on which the ledger began, {first}: {took_ms:.2} ms");
    Ok(())
}

/// The bills of a day on which all of the box's charges were paid.
fn bills(store: &Path, history: &History) -> Outcome<()> {
    let (bills, day) = (Bills::of(store), Day::read(DAY).ok_or("no day")?);
    let others = ROWS.saturating_sub(history.charges.len());
    let own = history.charges.iter().map(String::as_str);
    let numbers = own.chain(std::iter::repeat_n("another box's", others));
    let line = |number| Line {
        fen: history.fen,
        ..Line::of(number, format!("{DAY} 12:00:00"))
    };
    written::trade_bill(&bills.path(Kind::Trade, day), numbers.clone().map(line));
    let fen = i64::try_from(history.fen)?;
    let moved = numbers.map(|number| (number, "交易", fen));
    let noon = format!("{DAY} 12:00:00");
    written::flow_bill(&bills.path(Kind::FundFlow, day), &noon, moved);
    println!(
        "bills of {} rows, of which {} are the box's",
        others + history.charges.len(),
        history.charges.len()
    );
    asked(store, &["bill", "match", "--date", DAY])?;
    let report = compare(&bills, day, &store.join("ledger"))?;
    match report.matches() && report.ok.count == u64::try_from(history.charges.len())? {
        true => Ok(()),
        false => Err(format!("they do not match: {report:?}").into()),
    }
}

fn start(store: &Path, what: &str) -> Outcome<()> {
    let began = seconds();
    let mut daemon = Daemon::start(store)?;
    daemon.wait_for("serving", START_WITHIN)?;
    let served = seconds() - began;
    let then = daemon.memory_mb("VmRSS")?;
    daemon.wait_for("index", REBUILD_WITHIN)?;
    let (indexed, rests) = (seconds() - began, daemon.memory_mb("VmRSS")?);
    let most = daemon.memory_mb("VmHWM")?;
    println!(
        "  {what}: serves after {served:.2} s with {then} MB; index after {indexed:.1} s; {rests} MB \
         then, {most} MB at most"
    );
    daemon.stop()
}

/// A command over the ledger of a stopped daemon.
fn asked(store: &Path, command: &[&str]) -> Outcome<()> {
    let began = seconds();
    let (printed, most_kb) = daemon::ask(store, command)?;
    let took = seconds() - began;
    println!(
        "  parkgate {}: {took:.1} s, {} MB at most, {} kB printed",
        command.join(" "),
        most_kb >> 10,
        printed >> 10
    );
    Ok(())
}

#[expect(
    clippy::disallowed_methods,
    reason = "clock.rs tells milliseconds of the boot clock; this is a stopwatch"
)]
fn seconds() -> f64 {
    let time = clock_gettime(ClockId::Monotonic);
    Duration::try_from(time).unwrap_or_default().as_secs_f64()
}
