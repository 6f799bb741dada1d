//! A ledger in memory, and what a power cut leaves of it.

use std::cell::{OnceCell, RefCell};
use std::collections::BTreeSet;
use std::rc::Rc;

use sha2::{Digest, Sha256};

use crate::gate::turn::Journal;
use crate::lane::time::Wall;
use crate::park::Park;
use crate::park::erasure::{Erasure, Payloads, Rule};
use crate::park::record::Record;
use crate::park::rules::Rules;
use crate::retention::Stays;
use crate::store::record::{Class, Record as Stored};
use crate::story::steps::Times;

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
    kinds: BTreeSet<u16>,
    reads_bytes: bool,
}

struct Commit {
    records: Vec<Stored>,
    is_checkpoint: bool,
    /// Its checksum does not fit what is there.
    torn: bool,
    /// The same as a start reads them: once, since that takes longer than all else in a start.
    read: OnceCell<Rc<[Record]>>,
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
            self.kinds.insert(record.kind);
        }
        let lost = planted!(RecordLost) && records.len() > 3 && self.commits.len() == 7;
        let kept = records.len() - usize::from(lost);
        self.commits.push(Commit {
            records: records[..kept].to_vec(),
            is_checkpoint,
            torn: false,
            read: OnceCell::new(),
        });
        self.since_checkpoint = match is_checkpoint {
            true => 0,
            false => self.since_checkpoint + 1,
        };
        self.records += u64::try_from(records.len()).unwrap();
        Ok(self.records)
    }
}

impl Commit {
    /// What has not been erased, each with the time of its step.
    fn timed<'a>(&'a self, times: &mut Times) -> Vec<(&'a Record, Wall)> {
        let mut read = self.read().iter();
        let mut timed = Vec::new();
        for stored in &self.records {
            if stored.payload.is_empty() {
                times.hear(stored);
                continue;
            }
            let record = read.next().expect("it is not erased");
            let at = match record {
                Record::StepTaken(head) => times.begin(head.now),
                _ => times.hear(stored),
            };
            timed.push((record, at));
        }
        timed
    }

    /// What has not been erased.
    fn read(&self) -> &[Record] {
        self.read.get_or_init(|| {
            let records = self.records.iter();
            let left = records.filter(|stored| !stored.payload.is_empty());
            left.map(|stored| Record::from_stored(stored).expect("a checksum that fits"))
                .collect()
        })
    }
}

impl Disk {
    /// In most seeds a start takes records as they were written, which spares it most of its time; in
    /// the others it reads their bytes.
    pub fn read_bytes(&self) {
        self.0.borrow_mut().reads_bytes = true;
    }

    /// What was written in this commit.
    pub fn remember(&self, commit: usize, records: &Rc<[Record]>) {
        let platter = self.0.borrow();
        let commit = &platter.commits[commit];
        if !platter.reads_bytes && commit.records.len() == records.len() {
            commit.read.get_or_init(|| records.clone());
        }
    }

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
        for record in whole.skip(from.unwrap_or(0)).flat_map(Commit::read) {
            park.replay(record);
            if let Record::RulesChanged(changed) = record {
                rules = Some((**changed).clone());
            }
        }
        let is_torn = platter.commits.last().is_some_and(|commit| commit.torn);
        Opening {
            park,
            rules,
            possibly_lost: u64::from(is_torn),
        }
    }

    /// Each record with the time of its step, from the newest whole state on that lies before `since`, or from
    /// the first one on. A whole state in the middle says nothing that the records before it did not.
    pub fn tell(&self, since: Option<Wall>, hear: &mut dyn FnMut(&Record, Wall)) {
        let platter = self.0.borrow();
        let whole = || platter.commits.iter().filter(|commit| !commit.torn);
        let mut times = Times::default();
        let mut from = 0;
        let mut told = Vec::new();
        for (index, commit) in whole().enumerate() {
            if commit.is_checkpoint {
                if since.is_some_and(|since| times.now() < since) {
                    from = index;
                }
                told.push(Vec::new());
            } else {
                told.push(commit.timed(&mut times));
            }
        }
        let state = whole().nth(from).filter(|commit| commit.is_checkpoint);
        for record in state.map(Commit::read).unwrap_or_default() {
            hear(record, times.now());
        }
        for (record, at) in told.into_iter().skip(from).flatten() {
            hear(record, at);
        }
    }

    /// What an erasure takes, and where that stands: whatever a start needs no more, and tells of nothing
    /// that is unfinished; of one plate alone, if one is named. None: nothing.
    pub fn plan_erasure(
        &self,
        rule: Rule,
        plate: Option<&str>,
        park: &Park,
    ) -> Option<(Erasure, Vec<(usize, usize)>)> {
        let platter = self.0.borrow();
        let commits = || platter.commits.iter().enumerate();
        let mut checkpoints = commits()
            .filter(|(_, it)| it.is_checkpoint && !it.torn)
            .rev();
        let (until, _) = checkpoints.nth(1)?;
        let unfinished = Stays::unfinished(park);
        let (mut payloads, mut kept) = (Payloads::default(), Payloads::default());
        let (mut chosen, mut seq, mut last_seq) = (Vec::new(), 0, 0);
        for (at, commit) in commits().take(until) {
            for (index, stored) in commit.records.iter().enumerate() {
                seq += 1;
                let names = |plate: &str| contains(&stored.payload, plate.as_bytes());
                let is_meant = plate.is_none_or(names) && stored.class != Class::Money;
                if !is_meant || stored.payload.is_empty() {
                    continue;
                }
                if unfinished.are_told_of_by(stored) {
                    kept.count(stored.class);
                } else {
                    payloads.count(stored.class);
                    chosen.push((at, index));
                    last_seq = seq;
                }
            }
        }
        let erasure = Erasure {
            rule,
            first_seq: 1,
            last_seq,
            rewritten: 1,
            removed: 0,
            payloads,
            forgotten: None,
            kept,
        };
        (payloads.total() > 0).then_some((erasure, chosen))
    }

    /// These payloads are no more: commit, and record in it.
    pub fn erase(&self, chosen: &[(usize, usize)]) {
        let mut platter = self.0.borrow_mut();
        for (at, index) in chosen {
            let commit = &mut platter.commits[*at];
            commit.records[*index].payload.clear();
            commit.read = OnceCell::new();
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
        let records = whole.flat_map(|commit| &commit.records);
        let has_payload = |stored: &&Stored| !stored.payload.is_empty();
        records.filter(has_payload).cloned().collect()
    }

    /// Kinds of all records that were ever written.
    pub fn kinds(&self) -> BTreeSet<u16> {
        self.0.borrow().kinds.clone()
    }

    /// Digest of all that was ever written.
    pub fn digest(&self) -> [u8; 32] {
        self.0.borrow().written.clone().finalize().into()
    }
}

fn contains(payload: &[u8], text: &[u8]) -> bool {
    payload.windows(text.len()).any(|window| window == text)
}
