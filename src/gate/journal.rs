//! The ledger as the step routine writes to it, also while it cannot be opened.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use super::turn::Journal;
use crate::lane::number::LedgerId;
use crate::store::ledger::{Closed, Identity, Ledger, LedgerError, Options, Reserve};
use crate::store::record::Record;

/// The ledger, or the hope of one.
pub struct LedgerJournal {
    dir: PathBuf,
    identity: Identity,
    id: LedgerId,
    ledger: Option<Ledger>,
    /// An older ledger turned up that this run knows nothing of: only a new start can take it up.
    restart_wanted: Arc<AtomicBool>,
}

/// Why nothing was written.
#[derive(Debug, thiserror::Error)]
pub enum JournalError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("the ledger can be read again; parkgate restarts to take up what is in it")]
    RestartWanted,
}

impl LedgerJournal {
    /// Over an open ledger.
    pub fn open(dir: PathBuf, identity: Identity, ledger: Ledger) -> Self {
        let id = ledger.id();
        let restart_wanted = Arc::default();
        Self {
            dir,
            identity,
            id,
            ledger: Some(ledger),
            restart_wanted,
        }
    }

    /// Without a ledger: every commit tries to begin one under `id`.
    pub fn closed(dir: PathBuf, identity: Identity, id: LedgerId) -> Self {
        Self {
            dir,
            identity,
            id,
            ledger: None,
            restart_wanted: Arc::default(),
        }
    }

    /// Set once a restart is wanted.
    pub fn restart_wanted(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.restart_wanted)
    }

    /// The ledger's segments, if it is open.
    pub fn segments(&self) -> Option<Closed> {
        self.ledger.as_ref().map(Ledger::closed)
    }

    /// Whether there is a ledger to write to.
    pub fn is_open(&self) -> bool {
        self.ledger.is_some()
    }

    /// Seq of the last record on disk.
    pub fn last_seq(&self) -> u64 {
        self.ledger.as_ref().map_or(0, Ledger::last_seq)
    }

    /// What kept the work behind the ledger from its end when it was last done.
    pub fn upkeep_failure(&self) -> Option<String> {
        self.ledger.as_ref()?.upkeep_failure()
    }

    /// See [`Ledger::retry_upkeep`].
    pub fn retry_upkeep(&self) {
        if let Some(ledger) = &self.ledger {
            ledger.retry_upkeep();
        }
    }

    /// What is reserved for commits, where something is.
    pub fn reserve(&self) -> Option<Reserve> {
        self.ledger.as_ref().and_then(Ledger::reserve)
    }

    fn ledger(&mut self) -> Result<&mut Ledger, JournalError> {
        if self.ledger.is_none() {
            let options = Options::default();
            let (ledger, opening) = Ledger::open(&self.dir, &self.identity, &options, self.id.0)?;
            if !opening.created {
                self.restart_wanted.store(true, Ordering::Relaxed);
                return Err(JournalError::RestartWanted);
            }
            self.ledger = Some(ledger);
        }
        self.ledger.as_mut().ok_or(JournalError::RestartWanted)
    }
}

impl Journal for LedgerJournal {
    type Error = JournalError;

    fn commit(&mut self, records: &[Record]) -> Result<u64, JournalError> {
        Ok(self.ledger()?.commit(records)?)
    }

    fn wants_checkpoint(&self) -> bool {
        self.ledger.as_ref().is_some_and(Ledger::wants_checkpoint)
    }

    fn checkpoint(&mut self, state: &[Record]) -> Result<u64, JournalError> {
        Ok(self.ledger()?.checkpoint(state)?)
    }

    fn checkpoint_in_parts(
        &mut self,
        parts: &mut dyn Iterator<Item = Vec<Record>>,
    ) -> Result<u64, JournalError> {
        Ok(self.ledger()?.checkpoint_in_parts(parts)?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record::Class;

    fn identity() -> Identity {
        Identity {
            site: "sz-oct-bay".into(),
            box_id: "south-1".into(),
        }
    }

    fn records() -> [Record; 1] {
        [Record {
            class: Class::Event,
            kind: 1,
            version: 1,
            payload: b"{}".to_vec(),
        }]
    }

    fn id(bits: u64) -> LedgerId {
        LedgerId::from_random(bits)
    }

    #[test]
    fn without_a_folder_it_fails_until_there_is_one_and_then_begins_under_its_own_id() {
        let root = tempfile::tempdir().unwrap();
        let parent = root.path().join("store");
        std::fs::write(&parent, "a file where the folder should be").unwrap();
        let dir = parent.join("ledger");
        let mut journal = LedgerJournal::closed(dir.clone(), identity(), id(7));
        assert!(matches!(
            journal.commit(&records()),
            Err(JournalError::Ledger(_))
        ));
        assert!(!journal.wants_checkpoint());
        std::fs::remove_file(&parent).unwrap();
        std::fs::create_dir(&parent).unwrap();
        assert_eq!(journal.commit(&records()).unwrap(), 1);
        drop(journal);
        let (ledger, _) = Ledger::open(&dir, &identity(), &Options::default(), 9).unwrap();
        assert_eq!(ledger.id(), id(7));
    }

    #[test]
    fn a_ledger_that_was_not_there_at_the_start_is_left_to_the_next_start() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("ledger");
        let mut journal = LedgerJournal::closed(dir.clone(), identity(), id(7));
        drop(Ledger::open(&dir, &identity(), &Options::default(), 9).unwrap());
        let restart = journal.restart_wanted();
        assert!(matches!(
            journal.commit(&records()),
            Err(JournalError::RestartWanted)
        ));
        assert!(restart.load(Ordering::Relaxed));
    }

    #[test]
    fn work_behind_the_ledger_that_failed_is_done_when_it_is_asked_for_again() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("ledger");
        let options = Options {
            inline_upkeep: true,
            ..Options::default()
        };
        let (ledger, _) = Ledger::open(&dir, &identity(), &options, 7).unwrap();
        let mut journal = LedgerJournal::open(dir.clone(), identity(), ledger);
        assert_eq!(journal.upkeep_failure(), None);
        // In the way of packing the first segment, which a checkpoint closes.
        let obstacle = dir.join("0000000001.packed.tmp");
        std::fs::create_dir(&obstacle).unwrap();
        journal.commit(&records()).unwrap();
        journal.checkpoint(&records()).unwrap();
        let why = journal.upkeep_failure().unwrap();
        assert!(why.contains("0000000001.packed.tmp"), "{why}");
        journal.retry_upkeep();
        assert!(journal.upkeep_failure().is_some());
        std::fs::remove_dir(&obstacle).unwrap();
        journal.retry_upkeep();
        assert_eq!(journal.upkeep_failure(), None);
        assert!(dir.join("0000000001.packed").exists());
        assert!(!dir.join("0000000001.segment").exists());
    }
}
