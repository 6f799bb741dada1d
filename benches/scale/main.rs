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

use std::error::Error;
use std::path::Path;
use std::time::Duration;

use daemon::Daemon;
use rustix::time::{ClockId, clock_gettime};

type Outcome<T> = Result<T, Box<dyn Error>>;

const STAYS: u64 = 100_000;
const CHARGES: u64 = 100_000;
const RECORDS: u64 = 1_000_000;
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
    let (records, bytes) = ledger::with_history(&long, records)?;
    println!("a ledger of {records} records, {} MB", bytes >> 20);
    start(&long, "start, the index is made from all of it")?;
    start(&long, "start, the index is there")?;
    asked(&long, &["charges", "export"])?;
    asked(&long, &["charges", "list", "--all", "--limit", "20"])?;
    asked(&long, &["books", "check"])?;
    asked(&long, &["ledger", "verify"])
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
