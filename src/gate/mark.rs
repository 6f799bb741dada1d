//! Whether the ledger's folder is the one that this box has written all along, or a copy that was put back.
//!
//! A copy does not know which numbers were given out after it was made. What tells it apart is beside the
//! ledger and not in it: the birth of its lock file, which no copying preserves, and the machine.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use rustix::fs::{AtFlags, StatxFlags};
use serde::{Deserialize, Serialize};

use crate::json;
use crate::lane::number::LedgerId;
use crate::store::whole_file;

/// Numbers that are never given out after a copy was put back: more than a box gives out between two backups,
/// and drawn, so that two boxes that began with one copy do not meet.
const SKIPPED_AT_LEAST: u64 = 1 << 20;
const SKIPPED_MASK: u64 = (1 << 28) - 1;

/// A ledger's folder as it stands on this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mark {
    ledger: LedgerId,
    /// Inode of the lock file, and when it was made: seconds and nanoseconds, where the filesystem knows.
    lock: (u64, i64, u32),
    machine: String,
}

impl Mark {
    /// Of an open ledger in `dir`.
    ///
    /// # Errors
    /// If the folder cannot be looked at.
    pub fn of(dir: &Path, ledger: LedgerId) -> io::Result<Self> {
        let wanted = StatxFlags::INO | StatxFlags::BTIME;
        let lock = dir.join("lock");
        let stat = rustix::fs::statx(rustix::fs::CWD, &lock, AtFlags::empty(), wanted)?;
        let machine = fs::read_to_string("/etc/machine-id").unwrap_or_default();
        Ok(Self {
            ledger,
            lock: (stat.stx_ino, stat.stx_btime.tv_sec, stat.stx_btime.tv_nsec),
            machine: machine.trim().to_owned(),
        })
    }

    /// Whether this is what was kept at the last start. What cannot be read counts as another.
    pub fn is_kept_in(&self, store: &Path) -> bool {
        let kept = fs::read(path(store)).ok();
        let kept = kept.and_then(|bytes| serde_json::from_slice(&bytes).ok());
        kept.as_ref() == Some(self)
    }

    /// Keeps it for the next start. To be called when the numbers that are skipped are on disk.
    ///
    /// # Errors
    /// If it cannot be written; the next start then skips once more.
    pub fn keep(&self, store: &Path) -> io::Result<()> {
        whole_file::write(&path(store), &json::bytes(self))
    }
}

/// How many numbers a box that has given out so many skips; `random` are fresh bits.
pub fn skipped(given_out: u64, random: u64) -> u64 {
    const HALF_OF_ALL: u64 = 1 << 34;
    match given_out < HALF_OF_ALL {
        true => SKIPPED_AT_LEAST + (random & SKIPPED_MASK),
        // They must last for some more copies.
        false => SKIPPED_AT_LEAST,
    }
}

fn path(store: &Path) -> PathBuf {
    store.join("ledger.mark")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_of_a_folder_is_another_one_and_the_same_folder_is_not() {
        let store = tempfile::tempdir().unwrap();
        let dir = store.path().join("ledger");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("lock"), "1\n").unwrap();
        let id = LedgerId(7);
        let mark = Mark::of(&dir, id).unwrap();
        assert!(!mark.is_kept_in(store.path()), "nothing is kept yet");
        mark.keep(store.path()).unwrap();
        fs::write(dir.join("lock"), "2\n").unwrap();
        assert!(Mark::of(&dir, id).unwrap().is_kept_in(store.path()));
        assert!(
            !Mark::of(&dir, LedgerId(8))
                .unwrap()
                .is_kept_in(store.path())
        );
        // As `cp -a` does it.
        let copy = store.path().join("copy");
        fs::create_dir(&copy).unwrap();
        fs::copy(dir.join("lock"), copy.join("lock")).unwrap();
        fs::remove_dir_all(&dir).unwrap();
        fs::rename(&copy, &dir).unwrap();
        assert!(!Mark::of(&dir, id).unwrap().is_kept_in(store.path()));
    }

    #[test]
    fn numbers_last_for_many_copies() {
        let mut given_out = 0;
        for random in 0..200 {
            given_out += skipped(given_out, u64::MAX - random);
        }
        assert!(given_out < 1 << 35, "{given_out}");
        assert!(skipped(0, 0) > 1_000_000);
    }
}
