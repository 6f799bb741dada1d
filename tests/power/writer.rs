//! Somebody who commits all the time, and what must be found of it.
#![allow(
    dead_code,
    reason = "the test and the virtual machine use a part of it each"
)]

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use parkgate::sim::random::SplitMix64;
use parkgate::store::ledger::{Finding, Identity, Ledger, Opening, Options};
use parkgate::store::record::{Class, Record};

/// Milliseconds, more than some commits take on the slowest machine.
const LOOKS: u32 = 120_000;

/// Opens the ledger of a disk and commits until it is stopped.
pub struct Writer {
    shared: Arc<Shared>,
    thread: JoinHandle<u64>,
}

#[derive(Default)]
struct Shared {
    acknowledged: AtomicU64,
    stop: AtomicBool,
}

impl Writer {
    /// Goes on behind what the ledger holds.
    pub fn start(disk: &Path, options: &Options) -> Self {
        let shared = Arc::<Shared>::default();
        let (dir, options, theirs) = (disk.join("ledger"), options.clone(), shared.clone());
        // Opening too: the power may be cut meanwhile.
        let thread = thread::spawn(move || write(&dir, &options, &theirs));
        Self { shared, thread }
    }

    /// The last commit that was acknowledged.
    pub fn acknowledged(&self) -> u64 {
        self.shared.acknowledged.load(Ordering::SeqCst)
    }

    /// Whether it will not commit any more.
    pub fn has_ended(&self) -> bool {
        self.thread.is_finished()
    }

    /// [`Writer::acknowledged`], for somebody else to ask.
    pub fn acknowledged_so_far(&self) -> impl FnOnce() -> u64 + Send + 'static {
        let shared = self.shared.clone();
        move || shared.acknowledged.load(Ordering::SeqCst)
    }

    /// Waits for so many.
    pub fn until_acknowledged(&self, commits: u64) {
        let mut looks = 0;
        while self.acknowledged() < commits {
            looks += 1;
            assert!(looks < LOOKS, "waited in vain for commit {commits}");
            thread::sleep(Duration::from_millis(1));
        }
    }

    /// Ends it. Returns the last commit that was asked for.
    pub fn stop(self) -> u64 {
        self.shared.stop.store(true, Ordering::SeqCst);
        self.thread.join().unwrap()
    }
}

fn write(dir: &Path, options: &Options, shared: &Shared) -> u64 {
    let (mut ledger, opening) = Ledger::open(dir, &identity(), options, 0xBEEF).unwrap();
    assert_only_the_end_is_torn(&opening);
    let mut number = count(dir);
    shared.acknowledged.store(number, Ordering::SeqCst);
    while !shared.stop.load(Ordering::SeqCst) {
        number += 1;
        let records = records(number);
        match ledger.wants_checkpoint() {
            true => ledger.checkpoint(&records),
            false => ledger.commit(&records),
        }
        .unwrap();
        shared.acknowledged.store(number, Ordering::SeqCst);
    }
    number
}

/// How many commits a disk holds, each as it was asked for, in order, none twice, and the chain whole.
pub fn read(disk: &Path) -> u64 {
    let dir = disk.join("ledger");
    if !dir.exists() {
        return 0;
    }
    let report = Ledger::verify(&dir).unwrap();
    let findings = report.findings.iter();
    assert!(findings.clone().all(is_of_the_end), "{:?}", report.findings);
    count(&dir)
}

fn count(dir: &Path) -> u64 {
    let mut number = 0;
    for commit in Ledger::read_all(dir).unwrap() {
        number += 1;
        assert_eq!(commit.unwrap().records, records(number), "commit {number}");
    }
    number
}

fn assert_only_the_end_is_torn(opening: &Opening) {
    assert!(opening.possibly_lost <= 1, "{opening:?}");
    assert!(opening.findings.iter().all(is_of_the_end), "{opening:?}");
}

/// What a commit that was cut short leaves, at the end or with others behind it.
fn is_of_the_end(finding: &Finding) -> bool {
    matches!(
        finding,
        Finding::Unreadable { .. }
            | Finding::Truncated { .. }
            | Finding::PossiblyLost { .. }
            | Finding::Superseded { .. }
    )
}

/// What the commit of a number holds: one to three records, unlike those of every other number.
fn records(number: u64) -> Vec<Record> {
    let mut random = SplitMix64::new(number, "records");
    (0..=random.below(3))
        .map(|at| {
            let long = random.chance(100);
            let length = random.below(if long { 9_000 } else { 900 });
            let mut payload = format!("{number}.{at} ").into_bytes();
            payload.extend((0..length).map(|_| u8::try_from(random.below(256)).unwrap_or(0)));
            Record {
                class: Class::Money,
                kind: 1,
                version: 1,
                payload,
            }
        })
        .collect()
}

fn identity() -> Identity {
    Identity {
        site: "lab".to_owned(),
        box_id: "b1".to_owned(),
    }
}
