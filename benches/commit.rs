//! What a commit costs, against the least that a durable write can cost on the same disk.
//!
//! `cargo bench --bench commit` times commits and bare overwrites in turns.
//! `benches/device_bytes.sh` runs the same program on a disk of its own and counts what is written.

#[path = "goals/figure.rs"]
mod figure;

use std::error::Error;
use std::fs::{self, File, OpenOptions};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

use parkgate::store::ledger::{Identity, Ledger, Options};
use parkgate::store::record::{Class, Record};
use rustix::time::{ClockId, clock_gettime};

const PAYLOAD: usize = 512;
const STEPS: usize = 32;
const ROUNDS: usize = 1000;
const BLOCK: usize = 4096;

type Outcome<T> = Result<T, Box<dyn Error>>;

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    match arguments.next().as_deref() {
        // From the script: a folder, its disk's counters, how many commits.
        Some("bytes") => {
            let mut next = || arguments.next().ok_or("bytes FOLDER STAT COMMITS");
            let (folder, stat) = (PathBuf::from(next()?), PathBuf::from(next()?));
            count_bytes(&folder, &stat, next()?.parse()?)
        }
        _ => {
            let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
            time_commits(folder.path())
        }
    }
}

/// The four kinds of write take turns, so that a noisy disk is noisy for all of them.
fn time_commits(folder: &Path) -> Outcome<()> {
    let mut ledger = open(&folder.join("ledger"))?;
    let mut bare = Bare::new(&folder.join("bare"))?;
    let (one, many) = (records(1), records(STEPS));
    // What the ledger writes for the same steps, without the ledger.
    let (one_bytes, many_bytes) = (BLOCK, frame_bytes(STEPS).next_multiple_of(BLOCK));
    let mut took: [Vec<u64>; 4] = Default::default();
    let mut flushes = [0_u64; 2];
    for round in 0..ROUNDS {
        if ledger.wants_checkpoint() {
            ledger.checkpoint(&records(4))?;
            ledger.settle();
        }
        for turn in 0..4 {
            let kind = (turn + round) % 4;
            let before = (nanoseconds(), ledger.flushes());
            match kind {
                0 => bare.write(one_bytes)?,
                1 => drop(ledger.commit(&one)?),
                2 => bare.write(many_bytes)?,
                _ => drop(ledger.commit(&many)?),
            }
            took[kind].push(nanoseconds() - before.0);
            flushes[kind / 2] += ledger.flushes() - before.1;
        }
    }
    let [bare_one, commit_one, bare_many, commit_many] = took.map(Summary::of);
    println!(
        "{ROUNDS} rounds, payloads of {PAYLOAD} B, in {}",
        folder.display()
    );
    println!();
    println!("                                     p50 us    p99 us   steps/s    flushes/commit");
    line("bare overwrite, one block", &bare_one, 1, None);
    line("commit, one step", &commit_one, 1, Some(flushes[0]));
    let name = format!("bare overwrite, {} blocks", many_bytes / BLOCK);
    line(&name, &bare_many, STEPS, None);
    let name = format!("commit, {STEPS} steps sharing");
    line(&name, &commit_many, STEPS, Some(flushes[1]));
    println!();
    println!("                                     p50       p99   steps/s");
    ratio("one step / bare", (&commit_one, 1), (&bare_one, 1));
    let name = format!("{STEPS} steps / bare");
    ratio(&name, (&commit_many, STEPS), (&bare_many, STEPS));
    let name = format!("{STEPS} steps / one step");
    ratio(&name, (&commit_many, STEPS), (&commit_one, 1));
    figure::put("commit_ratio", commit_one.p50 / bare_one.p50)?;
    figure::put("commit_us", commit_one.p50)?;
    let (commits, bare) = (commit_many.per_second(STEPS), bare_many.per_second(STEPS));
    figure::put("burst_ratio", commits / bare)?;
    figure::put("burst_per_s", commits)?;
    Ok(())
}

/// What the device was told to write for commits of one record, then for commits that many share.
fn count_bytes(folder: &Path, stat: &Path, commits: u32) -> Outcome<()> {
    for (name, steps, commits) in [("commit", 1, commits), ("record", STEPS, commits / 4)] {
        let mut ledger = open(&folder.join(name))?;
        ledger.checkpoint(&records(4))?;
        ledger.settle();
        rustix::fs::sync();
        let shared = records(steps);
        let mut within = [0; 3];
        let start = read_stat(stat)?;
        for _ in 0..commits {
            if ledger.wants_checkpoint() {
                ledger.checkpoint(&records(4))?;
                ledger.settle();
            }
            let before = read_stat(stat)?;
            ledger.commit(&shared)?;
            let after = read_stat(stat)?;
            within = [0, 1, 2].map(|field| within[field] + after[field] - before[field]);
        }
        drop(ledger);
        rustix::fs::sync();
        let end = read_stat(stat)?;
        let all = [0, 1, 2].map(|field| end[field] - start[field]);
        println!(
            "{commits} commits, each of {steps} x {PAYLOAD} B    B/{name}    writes/commit    flushes/commit"
        );
        let per_step = |sectors: u64| (sectors * 512) as f64 / f64::from(commits) / steps as f64;
        let per_commit = |count: u64| count as f64 / f64::from(commits);
        for (what, [sectors, writes, flushes]) in [
            ("while a commit waits", within),
            ("all, with checkpoints and packing", all),
        ] {
            println!(
                "  {what:<36}{:>8.0}  {:>15.3}  {:>16.3}",
                per_step(sectors),
                per_commit(writes),
                per_commit(flushes)
            );
        }
        figure::put(&format!("bytes_per_{name}"), per_step(within[0]))?;
        figure::put(&format!("bytes_per_{name}_all"), per_step(all[0]))?;
    }
    Ok(())
}

fn open(folder: &Path) -> Outcome<Ledger> {
    let identity = Identity {
        site: "bench".to_owned(),
        box_id: "bench".to_owned(),
    };
    let (ledger, _) = Ledger::open(folder, &identity, &Options::default(), nanoseconds())?;
    ledger.settle();
    Ok(ledger)
}

fn records(count: usize) -> Vec<Record> {
    let record = Record {
        class: Class::Session,
        kind: 1,
        version: 1,
        payload: vec![b'x'; PAYLOAD],
    };
    vec![record; count]
}

/// Length of a commit, from docs/ledger-format.md.
fn frame_bytes(count: usize) -> usize {
    128 + count * (44 + PAYLOAD)
}

/// A file written once, then over and over.
struct Bare {
    file: File,
    at: usize,
    buffer: Vec<u8>,
}

impl Bare {
    const BYTES: usize = 4 << 20;

    fn new(path: &Path) -> Outcome<Self> {
        let file = OpenOptions::new().write(true).create_new(true).open(path)?;
        file.write_all_at(&vec![0; Self::BYTES], 0)?;
        file.sync_all()?;
        Ok(Self {
            file,
            at: 0,
            buffer: vec![b'x'; Self::BYTES],
        })
    }

    fn write(&mut self, bytes: usize) -> Outcome<()> {
        if self.at + bytes > Self::BYTES {
            self.at = 0;
        }
        self.file
            .write_all_at(&self.buffer[..bytes], u64::try_from(self.at)?)?;
        self.file.sync_data()?;
        self.at += bytes;
        Ok(())
    }
}

struct Summary {
    p50: f64,
    p99: f64,
    mean: f64,
}

impl Summary {
    /// In microseconds, of nanoseconds.
    fn of(mut took: Vec<u64>) -> Self {
        took.sort_unstable();
        let at = |percent: usize| took[took.len() * percent / 100] as f64 / 1000.0;
        Self {
            p50: at(50),
            p99: at(99),
            mean: took.iter().sum::<u64>() as f64 / took.len() as f64 / 1000.0,
        }
    }

    /// How many steps were made durable in a second of writing, `steps` at once.
    fn per_second(&self, steps: usize) -> f64 {
        steps as f64 * 1e6 / self.mean
    }
}

fn line(name: &str, summary: &Summary, steps: usize, flushes: Option<u64>) {
    let flushes = flushes.map_or("1 by construction".to_owned(), |n| {
        format!("{:.3}", n as f64 / ROUNDS as f64)
    });
    println!(
        "{name:<34}{:>9.0} {:>9.0} {:>9.0}    {flushes}",
        summary.p50,
        summary.p99,
        summary.per_second(steps)
    );
}

fn ratio(name: &str, a: (&Summary, usize), b: (&Summary, usize)) {
    println!(
        "{name:<34}{:>9.2} {:>9.2} {:>9.2}",
        a.0.p50 / b.0.p50,
        a.0.p99 / b.0.p99,
        a.0.per_second(a.1) / b.0.per_second(b.1)
    );
}

/// Sectors written, writes and flushes that a block device has completed.
fn read_stat(path: &Path) -> Outcome<[u64; 3]> {
    let text = fs::read_to_string(path)?;
    let fields: Vec<u64> = text
        .split_whitespace()
        .map(str::parse)
        .collect::<Result<_, _>>()?;
    let field = |at: usize| fields.get(at).copied().unwrap_or(0);
    Ok([field(6), field(4), field(15)])
}

#[expect(
    clippy::disallowed_methods,
    reason = "clock.rs tells milliseconds; a commit takes microseconds"
)]
fn nanoseconds() -> u64 {
    let time = clock_gettime(ClockId::Monotonic);
    u64::try_from(time.tv_sec * 1_000_000_000 + time.tv_nsec).unwrap_or(0)
}
