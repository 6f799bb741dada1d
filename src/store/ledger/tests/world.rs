//! A ledger on a disk that can fail, beside a list of what it should hold.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempfile::TempDir;

use crate::store::ledger::disk::Disk;
use crate::store::ledger::{
    Collected, Finding, Identity, Ledger, LedgerError, Opening, Options, Replay, Report,
};
use crate::store::record::{Checkpoint, Class, Commit, Record};

use super::trial::{Random, Trial};

pub(super) struct World {
    _temp: TempDir,
    pub(super) dir: PathBuf,
    pub(super) trial: Arc<Trial>,
    pub(super) options: Options,
    /// What is committed.
    pub(super) history: Vec<Commit>,
    /// What failed since the last commit: each may be on the disk, one of them may count later.
    attempts: Vec<Commit>,
    /// The last opening was in doubt and nothing was committed since.
    doubt: bool,
    pub(super) ledger: Option<Ledger>,
}

/// What an opening found, and what it handed on.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Opened {
    opening: Opening,
    pub(super) checkpoint: Vec<Record>,
    pub(super) tail: Vec<Commit>,
}

impl std::ops::Deref for Opened {
    type Target = Opening;

    fn deref(&self) -> &Opening {
        &self.opening
    }
}

impl World {
    pub(super) fn new(options: Options, seed: u64) -> Self {
        let temp = TempDir::new().expect("a folder for temporary files");
        let trash = temp.path().join("trash");
        std::fs::create_dir(&trash).expect("a fresh folder");
        Self {
            dir: temp.path().join("ledger"),
            trial: Arc::new(Trial::new(&trash, seed)),
            _temp: temp,
            options,
            history: Vec::new(),
            attempts: Vec::new(),
            doubt: false,
            ledger: None,
        }
    }

    pub(super) fn small(seed: u64) -> Self {
        Self::new(small(), seed)
    }

    pub(super) fn ledger(&mut self) -> &mut Ledger {
        self.ledger.as_mut().expect("open")
    }

    /// Opens the ledger without looking at what it holds.
    pub(super) fn try_open(&mut self) -> Result<Opened, LedgerError> {
        let disk = Disk::tried(Arc::clone(&self.trial));
        let mut state = Collected::default();
        let (ledger, opening) =
            Ledger::open_on(disk, &self.dir, &south(), &self.options, 0xBEEF, &mut state)?;
        self.ledger = Some(ledger);
        let Collected {
            checkpoint, tail, ..
        } = state;
        Ok(Opened {
            opening,
            checkpoint,
            tail,
        })
    }

    /// Opens the ledger and compares it with what it should hold.
    pub(super) fn open(&mut self) -> Opened {
        let opening = self.try_open().expect("the disk is fine");
        let read = commits(&self.dir);
        let known = self.history.len();
        assert!(
            read.len() >= known,
            "lost: {:?} of {:?}",
            read,
            self.history
        );
        assert_eq!(read[..known], self.history[..], "committed and read");
        match &read[known..] {
            [] => {}
            [more] => {
                assert!(self.attempts.contains(more), "invented: {more:?}");
                self.history.push(more.clone());
            }
            more => panic!("only the last one can be in doubt: {more:?}"),
        }
        let doubtful = self.doubt || !self.attempts.is_empty();
        assert!(
            opening.possibly_lost <= u64::from(doubtful),
            "false alarm: {opening:?}"
        );
        let torn_only = |finding: &Finding| {
            matches!(
                finding,
                Finding::Unreadable { .. }
                    | Finding::Truncated { .. }
                    | Finding::PossiblyLost { .. }
                    | Finding::Superseded { .. }
            )
        };
        assert!(
            opening.findings.iter().all(torn_only),
            "{:?}",
            opening.findings
        );
        self.attempts.clear();
        self.doubt = opening.possibly_lost > 0;
        let mut expected = Collected::default();
        for commit in &self.history {
            expected.commit(commit.clone());
        }
        assert_eq!(opening.checkpoint, expected.checkpoint);
        assert_eq!(opening.tail, expected.tail);
        assert_eq!(opening.last_seq, self.last_seq());
        opening
    }

    /// Spare segments that are ready.
    pub(super) fn spares(&mut self) -> usize {
        self.ledger().reserve().map_or(0, |reserve| reserve.ready)
    }

    pub(super) fn commit(&mut self, records: &[Record]) -> Result<u64, LedgerError> {
        let result = self.ledger().commit(records);
        self.note(records, Checkpoint::No, result)
    }

    pub(super) fn checkpoint(&mut self, state: &[Record]) -> Result<u64, LedgerError> {
        let result = self.ledger().checkpoint(state);
        self.note(state, Checkpoint::Whole, result)
    }

    /// Parts before the one that fails are committed.
    pub(super) fn checkpoint_in_parts(
        &mut self,
        parts: &[Vec<Record>],
    ) -> Result<u64, LedgerError> {
        let mut all = parts.iter().cloned();
        let result = self.ledger().checkpoint_in_parts(&mut all);
        let written = self.ledger().last_seq();
        for (at, part) in parts.iter().enumerate() {
            let kind = match at {
                0 => Checkpoint::First,
                _ if at + 1 == parts.len() => Checkpoint::Last,
                _ => Checkpoint::Further,
            };
            let last_seq = self.last_seq() + part.len() as u64;
            let ended = match (last_seq <= written, &result) {
                (true, _) => self.note(part, kind, Ok(last_seq)),
                (false, Err(_)) => self.note(part, kind, Err(LedgerError::EmptyCheckpoint)),
                (false, Ok(_)) => panic!("a part is missing"),
            };
            if ended.is_err() {
                break;
            }
        }
        result
    }

    /// Stops the daemon and starts it again.
    pub(super) fn reopen(&mut self) -> Opened {
        self.ledger = None;
        self.trial.revive();
        self.open()
    }

    /// Cuts the power and starts the daemon again.
    pub(super) fn cut(&mut self) -> Opened {
        self.ledger = None;
        self.trial.cut();
        self.open()
    }

    pub(super) fn last_seq(&self) -> u64 {
        self.history.last().map_or(0, Commit::last_seq)
    }

    /// Everything readable, nothing missing, the chain whole.
    pub(super) fn verify(&self) -> Report {
        let report = Ledger::verify(&self.dir).expect("readable");
        let fine = |finding: &Finding| {
            matches!(
                finding,
                Finding::Superseded { .. } | Finding::Unreadable { .. } | Finding::Truncated { .. }
            ) || (self.doubt && matches!(finding, Finding::PossiblyLost { .. }))
        };
        assert!(report.findings.iter().all(fine), "{:?}", report.findings);
        assert_eq!(report.commits, self.history.len() as u64);
        assert_eq!(report.last_seq, self.last_seq());
        report
    }

    fn note(
        &mut self,
        records: &[Record],
        checkpoint: Checkpoint,
        result: Result<u64, LedgerError>,
    ) -> Result<u64, LedgerError> {
        let commit = Commit {
            first_seq: self.last_seq() + 1,
            checkpoint,
            records: records.to_vec(),
            erased: Vec::new(),
        };
        match &result {
            Ok(seq) => {
                assert_eq!(*seq, commit.last_seq());
                self.history.push(commit);
                self.attempts.clear();
                self.doubt = false;
            }
            Err(_) => self.attempts.push(commit),
        }
        result
    }
}

/// Segments of a few blocks, so that they change often.
pub(super) fn small() -> Options {
    Options {
        first_segment_bytes: 4 * 4096,
        segment_bytes: 6 * 4096,
        reserve: 1,
        append: false,
        inline_upkeep: true,
    }
}

pub(super) fn south() -> Identity {
    Identity {
        site: "sz-oct-bay".to_owned(),
        box_id: "south-1".to_owned(),
    }
}

/// A record that is unlike those of other seeds.
pub(super) fn record(seed: u64, bytes: usize) -> Record {
    let mut random = Random(seed);
    Record {
        class: Class::from_code(u8::try_from(seed % 6).expect("below 6")),
        kind: u16::try_from(random.next() % 700).expect("below 700"),
        version: 1,
        payload: (0..bytes)
            .map(|_| u8::try_from(random.next() & 0xFF).expect("a byte"))
            .collect(),
    }
}

/// Every commit that can be read.
pub(super) fn commits(dir: &Path) -> Vec<Commit> {
    let all = Ledger::read_all(dir).expect("readable folder");
    all.map(|commit| commit.expect("readable file")).collect()
}
