//! A ledger in memory, and what a power cut leaves of it.

use std::cell::RefCell;
use std::rc::Rc;

use sha2::{Digest, Sha256};

use crate::gate::turn::Journal;
use crate::park::Park;
use crate::park::record::Record;
use crate::park::rules::Rules;
use crate::store::record::Record as Stored;

/// What becomes of a commit that is under way when the power goes. The ledger's commits have a length
/// and a checksum: one that is not whole is none, and the next start says that it may be lost.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Fate {
    /// Nothing of it is on disk.
    Lost,
    /// All of it is.
    Kept,
    /// Its first half is.
    Cut,
    /// All of it but for some bytes of its last record.
    Garbled,
}

impl Fate {
    pub const ALL: [Self; 4] = [Self::Lost, Self::Kept, Self::Cut, Self::Garbled];
}

/// Handles to the same disk.
#[derive(Clone, Default)]
pub struct Disk(Rc<RefCell<Platter>>);

#[derive(Default)]
struct Platter {
    commits: Vec<Commit>,
    records: u64,
    failing: bool,
    checkpoint_every: Option<usize>,
    since_checkpoint: usize,
    written: Sha256,
}

#[derive(Clone)]
struct Commit {
    records: Vec<Stored>,
    is_checkpoint: bool,
    /// Its checksum does not fit what is there.
    torn: bool,
}

/// What a start reads.
pub struct Opening {
    pub park: Park,
    pub rules: Option<Rules>,
    pub possibly_lost: u64,
}

impl Journal for Disk {
    type Error = std::io::Error;

    fn commit(&mut self, records: &[Stored]) -> Result<u64, Self::Error> {
        assert!(!records.is_empty(), "an empty commit");
        self.0.borrow_mut().write(records, false)
    }

    fn wants_checkpoint(&self) -> bool {
        let platter = self.0.borrow();
        let every = platter.checkpoint_every;
        every.is_some_and(|every| platter.since_checkpoint >= every)
    }

    fn checkpoint(&mut self, state: &[Stored]) -> Result<u64, Self::Error> {
        self.0.borrow_mut().write(state, true)
    }
}

impl Platter {
    fn write(&mut self, records: &[Stored], is_checkpoint: bool) -> std::io::Result<u64> {
        if self.failing {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        // What could not be read is set aside when the next commit is written.
        while self.commits.last().is_some_and(|commit| commit.torn) {
            self.commits.pop();
        }
        for record in records {
            self.written.update(&record.payload);
        }
        let lost = planted!(RecordLost) && records.len() > 3 && self.commits.len() == 7;
        let kept = records.len() - usize::from(lost);
        self.commits.push(Commit {
            records: records[..kept].to_vec(),
            is_checkpoint,
            torn: false,
        });
        self.since_checkpoint = match is_checkpoint {
            true => 0,
            false => self.since_checkpoint + 1,
        };
        self.records += u64::try_from(records.len()).unwrap();
        Ok(self.records)
    }
}

impl Disk {
    /// Writes the state whole after so many commits.
    pub fn checkpoint_every(&self, commits: usize) {
        self.0.borrow_mut().checkpoint_every = Some(commits);
    }

    pub fn set_failing(&self, failing: bool) {
        self.0.borrow_mut().failing = failing;
    }

    /// How many commits are on it, whole.
    pub fn commits(&self) -> usize {
        let platter = self.0.borrow();
        let is_torn = platter.commits.last().is_some_and(|commit| commit.torn);
        platter.commits.len() - usize::from(is_torn)
    }

    /// The power went while the newest commit was written.
    pub fn tear(&self, fate: Fate) {
        let mut platter = self.0.borrow_mut();
        let Some(commit) = platter.commits.last_mut() else {
            return;
        };
        match fate {
            Fate::Kept => {}
            Fate::Lost => {
                platter.commits.pop();
            }
            Fate::Cut => {
                let half = commit.records.len() / 2;
                commit.records.truncate(half);
                commit.torn = true;
            }
            Fate::Garbled => {
                if let Some(byte) = commit.records.last_mut().and_then(|r| r.payload.last_mut()) {
                    *byte ^= 0x55;
                }
                commit.torn = true;
            }
        }
    }

    /// As a start does it: the newest whole state, and what came after it.
    pub fn open(&self, mut park: Park) -> Opening {
        let platter = self.0.borrow();
        let whole = platter.commits.iter().filter(|commit| !commit.torn);
        let from = platter
            .commits
            .iter()
            .rposition(|commit| commit.is_checkpoint && !commit.torn);
        let mut rules = None;
        for stored in whole.skip(from.unwrap_or(0)).flat_map(|c| &c.records) {
            let record = Record::from_stored(stored).expect("a checksum that fits");
            park.replay(&record);
            if let Record::RulesChanged(changed) = record {
                rules = Some(*changed);
            }
        }
        let is_torn = platter.commits.last().is_some_and(|commit| commit.torn);
        Opening {
            park,
            rules,
            possibly_lost: u64::from(is_torn),
        }
    }

    /// Puts an old copy back: what was written after so many commits is gone.
    pub fn restore(&self, commits: usize) {
        self.0.borrow_mut().commits.truncate(commits);
    }

    /// All that can be read.
    pub fn stored(&self) -> Vec<Stored> {
        let platter = self.0.borrow();
        let whole = platter.commits.iter().filter(|commit| !commit.torn);
        whole.flat_map(|commit| commit.records.clone()).collect()
    }

    /// Digest of all that was ever written.
    pub fn digest(&self) -> [u8; 32] {
        self.0.borrow().written.clone().finalize().into()
    }
}
