//! The whole index, on real folders.

mod damage;
mod lag;
mod serving;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, sync_channel};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::clock::{Clock, TrustRule};
use crate::lane::number::LedgerId;
use crate::lane::time::Wall;

use super::keeper::Pace;
use super::*;

/// Rows as the index should hold them, by prefix and key.
type Rows = BTreeMap<(Prefix, Vec<u8>), Vec<u8>>;

/// A park and its ledger: what the index is compared with.
#[derive(Clone)]
struct Park(Arc<Mutex<Ledger>>);

#[derive(Clone)]
struct Ledger {
    id: LedgerId,
    batches: Vec<Batch>,
}

impl Park {
    fn new() -> Self {
        Self(Arc::new(Mutex::new(Ledger {
            id: LedgerId(7),
            batches: Vec::new(),
        })))
    }

    /// A park in which a few hundred things happened.
    fn lived_in() -> Self {
        let park = Self::new();
        for round in 0..120u32 {
            let mut changes = vec![
                put(Prefix::Session, &round.to_be_bytes(), &[b's'; 90]),
                put(Prefix::Charge, &round.to_be_bytes(), &[b'c'; 300]),
                put(Prefix::History, &round.to_be_bytes(), &[b'h'; 120]),
            ];
            if let Some(earlier) = round.checked_sub(20) {
                changes.push(delete(Prefix::Charge, &earlier.to_be_bytes()));
            }
            park.commit(changes);
        }
        park
    }

    fn commit(&self, changes: Vec<Change>) -> Batch {
        let mut ledger = self.0.lock().unwrap();
        let last_seq = ledger.batches.last().map_or(0, |batch| batch.last_seq) + 2;
        let batch = Batch { last_seq, changes };
        ledger.batches.push(batch.clone());
        batch
    }

    fn last_seq(&self) -> u64 {
        let ledger = self.0.lock().unwrap();
        ledger.batches.last().map_or(0, |batch| batch.last_seq)
    }

    fn batches(&self) -> Vec<Batch> {
        self.0.lock().unwrap().batches.clone()
    }

    fn rows(&self) -> Rows {
        let mut rows = Rows::new();
        for change in self.batches().into_iter().flat_map(|batch| batch.changes) {
            match change {
                Change::Put(row) => rows.insert((row.prefix, row.key), row.value),
                Change::Delete { prefix, key } => rows.remove(&(prefix, key)),
            };
        }
        // Those are followed at once.
        rows.retain(|(prefix, _), _| *prefix != Prefix::Erasure);
        rows
    }

    /// Erases the history of these batches' records; the index hears no more of it than the record says.
    fn erase(&self, batches: std::ops::Range<usize>) -> Batch {
        let (first, last) = {
            let erased = &mut self.0.lock().unwrap().batches[batches];
            for batch in erased.iter_mut() {
                batch
                    .changes
                    .retain(|change| change.prefix() != Prefix::History);
            }
            let seqs = (
                erased.first().unwrap().last_seq,
                erased.last().unwrap().last_seq,
            );
            (seqs.0 - 1, seqs.1)
        };
        let row = Row::of_erasure(self.last_seq() + 2, first, last);
        self.commit(vec![Change::Put(row)])
    }
}

impl Truth for Park {
    fn level(&mut self, _: &dyn Fn() -> bool) -> Result<Level, TruthError> {
        let ledger = self.0.lock().unwrap().id;
        let last_seq = self.last_seq();
        Ok(Level { ledger, last_seq })
    }

    /// Three rows at a time.
    fn derived(
        &mut self,
        behind: Option<(Prefix, &[u8])>,
        _: &dyn Fn() -> bool,
    ) -> Result<Page, TruthError> {
        let derived = self
            .rows()
            .into_iter()
            .filter(|((prefix, _), _)| prefix.origin() == Origin::Derived)
            .filter(|((prefix, key), _)| behind.is_none_or(|behind| (*prefix, &key[..]) > behind))
            .map(|((prefix, key), value)| Row { prefix, key, value });
        let rows: Vec<Row> = derived.take(3).collect();
        let last = rows.last();
        Ok(Page {
            last_seq: self.last_seq(),
            next: last.map(|row| (row.prefix, row.key.clone())),
            rows,
        })
    }

    fn history(&mut self, after: u64) -> Result<HistoryRows<'_>, TruthError> {
        let later = self
            .batches()
            .into_iter()
            .filter(move |batch| batch.last_seq > after);
        Ok(Box::new(later.map(Ok)))
    }
}

/// An index that runs, with what it reports.
struct Running {
    index: Index,
    reports: Receiver<IndexReport>,
}

impl Running {
    fn start(dir: &Path, truth: impl Truth) -> Self {
        Self::start_at(quick(), dir, truth)
    }

    fn start_at(pace: Pace, dir: &Path, truth: impl Truth) -> Self {
        let (told, reports) = sync_channel(1024);
        let clock = Clock::system(TrustRule::Ntp, Wall(0));
        let index = Index::spawn_at(pace, dir.to_owned(), clock, truth, move |report| {
            told.send(report).unwrap();
        });
        Self {
            index: index.unwrap(),
            reports,
        }
    }

    fn report(&self) -> IndexReport {
        self.reports.recv_timeout(PATIENCE).expect("a report")
    }

    /// What was reported until the index served, that included.
    fn until_ready(&self) -> Vec<IndexReport> {
        let mut told = Vec::new();
        while !matches!(told.last(), Some(IndexReport::Ready { .. })) {
            told.push(self.report());
        }
        told
    }

    /// All its rows.
    fn rows(&self) -> Rows {
        let client = self.index.client();
        Prefix::ALL
            .into_iter()
            .flat_map(|prefix| {
                wait_for(client.scan(prefix, Vec::new(), SCAN_LIMIT)).expect("an answer")
            })
            .map(|row| ((row.prefix, row.key), row.value))
            .collect()
    }

    fn wait_for_sync_after(&self, syncs: u64) {
        for _ in 0..PATIENCE.as_millis() {
            if self.index.syncs() > syncs {
                return;
            }
            std::thread::sleep(Duration::from_millis(1));
        }
        panic!("no sync within {PATIENCE:?}");
    }
}

const PATIENCE: Duration = Duration::from_secs(20);

fn quick() -> Pace {
    Pace {
        sync_after: Duration::from_millis(20),
        retry_first: Duration::from_millis(10),
        retry_max: Duration::from_millis(50),
        ..Pace::default()
    }
}

fn put(prefix: Prefix, key: &[u8], value: &[u8]) -> Change {
    Change::Put(Row {
        prefix,
        key: key.to_vec(),
        value: value.to_vec(),
    })
}

fn delete(prefix: Prefix, key: &[u8]) -> Change {
    Change::Delete {
        prefix,
        key: key.to_vec(),
    }
}

fn wait_for<T>(question: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .build()
        .unwrap()
        .block_on(question)
}

/// A folder of a park that was indexed and closed; gone with the guard.
fn indexed(park: &Park) -> (tempfile::TempDir, PathBuf) {
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("index");
    let running = Running::start(&dir, park.clone());
    running.until_ready();
    running.index.close().unwrap();
    (root, dir)
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        if entry.file_type().unwrap().is_dir() {
            copy(&entry.path(), &target);
        } else {
            std::fs::copy(entry.path(), target).unwrap();
        }
    }
}
