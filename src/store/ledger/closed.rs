//! Closed segments as retention sees them: read, erased, removed, beside the ledger at work.

use std::fs::{self, File};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};

use serde::{Deserialize, Serialize};

use crate::lane::number::LedgerId;
use crate::store::record::{Commit, Record};

use super::disk::Disk;
use super::error::LedgerError;
use super::files::{self, Files};
use super::history::Part;
use super::pack;

/// The segments of one ledger. One thread at a time changes them through this; the ledger's own upkeep
/// never touches what is packed.
#[derive(Clone)]
pub struct Closed {
    pub(super) disk: Disk,
    pub(super) dir: PathBuf,
    pub(super) ledger: LedgerId,
    pub(super) checkpoint_segment: Arc<AtomicU32>,
    /// The folder stays ours while anybody works in it.
    pub(super) _lock: Arc<File>,
}

/// By what a file is known again: whoever writes to it or replaces it changes one of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PackedFile {
    inode: u64,
    bytes: u64,
    changed_s: i64,
    changed_ns: i64,
}

/// One segment, read whole.
pub struct ClosedSegment {
    part: Part,
}

impl Closed {
    /// The ledger that this is.
    pub fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// The same rules over copies of this ledger's segments in another folder.
    pub fn elsewhere(&self, dir: PathBuf) -> Self {
        Self {
            dir,
            ..self.clone()
        }
    }

    /// Number of every segment, oldest first, the one in use included.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn numbers(&self) -> Result<Vec<u32>, LedgerError> {
        Ok(Files::list(&self.dir)?.numbers().into_iter().collect())
    }

    /// Whether every segment before the newest is packed.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn all_packed(&self) -> Result<bool, LedgerError> {
        Ok(Files::list(&self.dir)?.live.len() <= 1)
    }

    /// The segment with the newest checkpoint; a start reads from there on.
    pub fn newest_checkpoint(&self) -> u32 {
        self.checkpoint_segment.load(Ordering::Relaxed)
    }

    /// By what the file of a packed segment is known again. None: it is not packed, or gone.
    pub fn packed_file(&self, number: u32) -> Option<PackedFile> {
        if files::live(&self.dir, number).exists() {
            return None;
        }
        let found = fs::metadata(files::packed(&self.dir, number)).ok()?;
        Some(PackedFile {
            inode: found.ino(),
            bytes: found.len(),
            changed_s: found.ctime(),
            changed_ns: found.ctime_nsec(),
        })
    }

    /// Reads a segment. None: it is gone, or another ledger's.
    ///
    /// # Errors
    /// If it cannot be read, or is of a newer format.
    pub fn read(&self, number: u32) -> Result<Option<ClosedSegment>, LedgerError> {
        let part = Part::load(&self.dir, number)?;
        let ours = part.filter(|part| part.ledger() == Some(self.ledger));
        Ok(ours.map(|part| ClosedSegment { part }))
    }

    /// Erases the payloads of the records for which `choose` says so, and returns how many. Class, kind,
    /// seq and hash stay, and so does the chain. The new file is made beside the old one and takes its
    /// name when it is durable. Between parts it asks `go_on`; None: it said no, and nothing changed.
    ///
    /// # Errors
    /// If it cannot be written; it is as before then. One that is not packed is refused.
    pub fn erase(
        &self,
        segment: &ClosedSegment,
        choose: impl FnMut(u64, &Record) -> bool,
        go_on: &mut dyn FnMut() -> bool,
    ) -> Result<Option<u64>, LedgerError> {
        segment.must_be_packed(&self.dir)?;
        pack::erase(&self.disk, &self.dir, &segment.part, choose, go_on)
    }

    /// Removes a segment. To be used from the oldest on, or records would be missing in between.
    ///
    /// # Errors
    /// If it cannot be removed. One that is not packed is refused.
    pub fn remove(&self, segment: &ClosedSegment) -> Result<(), LedgerError> {
        segment.must_be_packed(&self.dir)?;
        pack::set_aside(&self.disk, &self.dir, &segment.part)?;
        let path = files::packed(&self.dir, segment.part.number);
        self.disk.remove(&path)?;
        self.disk.sync_folder(&self.dir)
    }
}

impl ClosedSegment {
    /// Its number.
    pub fn number(&self) -> u32 {
        self.part.number
    }

    /// The name of its file when packed.
    pub fn packed_name(&self) -> String {
        files::packed_name(self.part.number)
    }

    /// Whether it is packed: only then it may be changed.
    pub fn is_packed(&self) -> bool {
        self.part.packed
    }

    /// Its file, byte for byte.
    pub fn file(&self) -> &[u8] {
        &self.part.bytes
    }

    /// What can be read in it, in the order of the file.
    pub fn commits(&self) -> impl Iterator<Item = &Commit> {
        self.part.scan.frames().map(|frame| &frame.commit)
    }

    fn must_be_packed(&self, dir: &Path) -> Result<(), LedgerError> {
        match self.part.packed {
            true => Ok(()),
            false => Err(LedgerError::InUseSegment {
                path: dir.join(&self.part.name),
            }),
        }
    }
}
