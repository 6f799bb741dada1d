//! The ledger's records one by one, each with the time of its step.

use std::path::Path;

use super::head::{StepClock, newest_stamp};
#[cfg(test)]
use crate::lane::time::Now;
use crate::lane::time::Wall;
use crate::park::disk::is_for_a_rerun;
use crate::park::record::Record;
use crate::store::ledger::{Commits, Ledger, LedgerError};
use crate::store::record::{Commit, Record as Stored};

/// One record and when it was decided.
pub struct Told<'r> {
    pub seq: u64,
    /// The wall time; where that was not trusted, the newest trusted one before, if there is one.
    pub at: Wall,
    pub stored: &'r Stored,
}

impl Told<'_> {
    /// What it says; None where this version cannot read it, or its payload is erased.
    pub fn record(&self) -> Option<Record> {
        if is_for_a_rerun(self.stored) {
            return None;
        }
        match Record::from_stored(self.stored) {
            Ok(Record::Unknown { .. }) | Err(_) => None,
            Ok(record) => Some(record),
        }
    }

    /// Whether the bytes of `text` stand in it.
    pub fn mentions(&self, text: &str) -> bool {
        let (payload, text) = (&self.stored.payload, text.as_bytes());
        !text.is_empty() && payload.windows(text.len()).any(|part| part == text)
    }
}

/// Reads a ledger, from the newest checkpoint on that lies before `since`, or all of it. Returns the
/// last seq.
///
/// # Errors
/// When the folder or a segment in it cannot be read.
pub fn read(
    dir: &Path,
    since: Option<Wall>,
    mut tell: impl FnMut(Told<'_>),
) -> Result<u64, LedgerError> {
    let commits = match since {
        Some(since) => Ledger::read_since(dir, |commits| is_before(commits, since))?,
        None => Ledger::read_all(dir)?,
    };
    through(commits, &mut tell)
}

/// As [`read`], from the newest checkpoint on.
///
/// # Errors
/// As there.
pub fn read_newest(dir: &Path, mut tell: impl FnMut(Told<'_>)) -> Result<u64, LedgerError> {
    through(Ledger::read_since(dir, |_| true)?, &mut tell)
}

/// The first trusted time that the ledger tells of; None while it tells of none.
///
/// # Errors
/// When the folder or a segment in it cannot be read.
pub fn first_at(dir: &Path) -> Result<Option<Wall>, LedgerError> {
    let mut clock = StepClock::default();
    for commit in Ledger::read_all(dir)? {
        for stored in &commit?.records {
            clock.hear(stored);
            if let Some((wall, true)) = clock.at() {
                return Ok(Some(wall));
            }
        }
    }
    Ok(None)
}

fn through(commits: Commits, tell: &mut impl FnMut(Told<'_>)) -> Result<u64, LedgerError> {
    let (mut last_seq, mut times) = (0, Times::default());
    for commit in commits {
        let commit = commit?;
        last_seq = commit.last_seq();
        for (seq, stored) in (commit.first_seq..).zip(&commit.records) {
            let at = times.hear(stored);
            tell(Told { seq, at, stored });
        }
    }
    Ok(last_seq)
}

/// Follows the records, one by one, and knows the wall time of each: where it was not trusted, the newest trusted
/// one before, if there is one.
#[derive(Default)]
pub struct Times {
    clock: StepClock,
    newest_trusted: Option<Wall>,
    at: Wall,
}

impl Times {
    /// The next record.
    pub fn hear(&mut self, stored: &Stored) -> Wall {
        self.clock.hear(stored);
        self.now()
    }

    /// The next record, a step's head that was read before.
    #[cfg(test)]
    pub fn begin(&mut self, now: Now) -> Wall {
        self.clock.begin(now);
        self.now()
    }

    /// That of the newest record.
    pub fn now(&mut self) -> Wall {
        if let Some((wall, trusted)) = self.clock.at() {
            if trusted {
                self.newest_trusted = Some(wall);
            }
            self.at = self.newest_trusted.filter(|_| !trusted).unwrap_or(wall);
        }
        self.at
    }
}

/// Whether a segment begins before that time, by its first record with a trusted one.
pub fn is_before(commits: &[&Commit], since: Wall) -> bool {
    let records = commits.iter().flat_map(|commit| &commit.records);
    let mut times = records.filter_map(newest_stamp);
    times.next().is_some_and(|time| time < since)
}
