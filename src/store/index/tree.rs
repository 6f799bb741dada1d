//! The only file that touches sled.
//!
//! sled 0.34 panics on most damage, calls `sync_file_range` where it says fsync, and fails for good
//! after its first error. So every call stands in `catch_unwind`, syncing ends in an `fdatasync` of
//! our own, and whoever gets an error from here drops the tree.

use std::cell::Cell;
use std::fs::File;
use std::io;
use std::ops::Bound;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::fs::{FlockOperation, flock};
use thiserror::Error;

use super::folder;
use super::seal::{self, Seal};

/// The default is 1 GB; the box has little more than that.
const CACHE_BYTES: u64 = 4 * 1024 * 1024;

const CLOSE_TRIES: u32 = 200;
const CLOSE_PAUSE: Duration = Duration::from_millis(10);

/// Why the tree cannot be used.
#[derive(Debug, Error)]
pub(super) enum TreeError {
    #[error("{} is open in another process", .0.display())]
    Locked(PathBuf),
    /// Nothing is wrong with the folder itself: the disk is full, read-only or out of reach.
    #[error("the disk refuses to serve {}", .dir.display())]
    Refused {
        dir: PathBuf,
        #[source]
        source: io::Error,
    },
    #[error("sled failed")]
    Sled(#[source] sled::Error),
    #[error("the files changed after they were closed")]
    SealBroken,
    #[error("the files cannot be read")]
    Unreadable(#[source] io::Error),
    /// Damage that sled did not notice left two versions of some rows in the tree.
    #[error("the tree contradicts itself")]
    Torn,
    #[error("sled panicked: {0}")]
    Panicked(String),
}

impl TreeError {
    /// Whether the folder's content is to blame.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Sled(_)
            | Self::SealBroken
            | Self::Unreadable(_)
            | Self::Torn
            | Self::Panicked(_) => true,
            Self::Locked(_) | Self::Refused { .. } => false,
        }
    }
}

/// sled's default tree in one folder.
pub(super) struct Tree {
    /// None only while it is dropped.
    db: Option<sled::Db>,
    /// Our own handle of the file that sled writes, since sled does not sync it.
    file: File,
    dir: PathBuf,
    panicked: Cell<bool>,
}

/// A key and its value as they stand in the tree.
pub(super) type Pair = (Vec<u8>, Vec<u8>);
/// A key and what shall stand there; None deletes.
pub(super) type Write = (Vec<u8>, Option<Vec<u8>>);

impl Tree {
    /// Opens the tree in `dir`, or makes it there.
    pub fn open(dir: &Path) -> Result<Self, TreeError> {
        refuse_if_locked(dir)?;
        let refused = |source| TreeError::Refused {
            dir: dir.to_owned(),
            source,
        };
        match seal::break_open(dir) {
            Ok(Seal::Missing | Seal::Whole) => {}
            Ok(Seal::Wrong) => return Err(TreeError::SealBroken),
            Err(error) if is_refusal(&error) => return Err(refused(error)),
            Err(error) => return Err(TreeError::Unreadable(error)),
        }
        let is_new = !dir.join("db").exists();
        let db = guarded(dir, || {
            sled::Config::new()
                .path(dir)
                .cache_capacity(CACHE_BYTES)
                .mode(sled::Mode::LowSpace)
                .flush_every_ms(None)
                .open()
        })?;
        let tree = Self {
            db: Some(db),
            file: File::options()
                .read(true)
                .write(true)
                .open(dir.join("db"))
                .map_err(refused)?,
            dir: dir.to_owned(),
            panicked: Cell::new(false),
        };
        if is_new {
            tree.sync()?;
            folder::sync_with_parent(dir).map_err(refused)?;
        }
        Ok(tree)
    }

    /// The value at `key`.
    pub fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, TreeError> {
        self.call(|db| Ok(db.get(key)?.map(|value| value.to_vec())))
    }

    /// Up to `limit` pairs from `from` on, in the order of their keys.
    ///
    /// Goes down from the root for every pair: in a damaged tree, sled's own iterator goes on along a
    /// leaf that came back in an older state, and leaves out or repeats what lies in its successors.
    pub fn page(&self, from: Bound<&[u8]>, limit: usize) -> Result<Vec<Pair>, TreeError> {
        let mut page: Vec<Pair> = Vec::new();
        while page.len() < limit {
            let from = page.last().map_or(from, |(key, _)| Bound::Excluded(key));
            let next = self.call(|db| {
                let next = db.range::<&[u8], _>((from, Bound::Unbounded)).next();
                next.transpose()?
                    .map(|(key, value)| Ok((db.get(&key)? == Some(value.clone()), key, value)))
                    .transpose()
            })?;
            match next {
                Some((true, key, value)) => page.push((key.to_vec(), value.to_vec())),
                Some((false, ..)) => return Err(TreeError::Torn),
                None => break,
            }
        }
        Ok(page)
    }

    /// Writes all or nothing, to memory: only [`sync`](Self::sync) makes it last.
    pub fn apply(&self, writes: Vec<Write>) -> Result<(), TreeError> {
        let mut batch = sled::Batch::default();
        for (key, value) in writes {
            match value {
                Some(value) => batch.insert(key, value),
                None => batch.remove(key),
            }
        }
        self.call(|db| db.apply_batch(batch))
    }

    /// Puts on disk what was applied.
    pub fn sync(&self) -> Result<(), TreeError> {
        #[allow(
            clippy::disallowed_methods,
            reason = "the fdatasync that sled leaves out follows"
        )]
        self.call(|db| db.flush())?;
        self.file.sync_data().map_err(|source| TreeError::Refused {
            dir: self.dir.clone(),
            source,
        })
    }

    /// Lets go of the folder and seals it, once sled's own threads do not write to it any more. If
    /// they do not end, or the disk refuses, it stays without a seal.
    pub fn close(self) {
        let dir = self.dir.clone();
        drop(self);
        for _ in 0..CLOSE_TRIES {
            if refuse_if_locked(&dir).is_ok() {
                let _ = seal::set(&dir);
                return;
            }
            std::thread::sleep(CLOSE_PAUSE);
        }
    }

    fn call<T>(&self, call: impl FnOnce(&sled::Db) -> sled::Result<T>) -> Result<T, TreeError> {
        let db = self.db.as_ref().expect("only dropping takes it");
        let result = guarded(&self.dir, || call(db));
        if let Err(TreeError::Panicked(_)) = &result {
            self.panicked.set(true);
        }
        result
    }
}

impl Drop for Tree {
    #[expect(
        clippy::mem_forget,
        reason = "after a panic sled's own clean-up may wait for ever for a write that never ends"
    )]
    fn drop(&mut self) {
        let db = self.db.take();
        if self.panicked.get() {
            std::mem::forget(db);
        } else {
            // Whatever dropping could still put on disk, the next comparison does not rely on it.
            let _ = guarded(&self.dir, || {
                drop(db);
                Ok(())
            });
        }
    }
}

/// sled locks its file itself, but its refusal cannot be told from other errors.
fn refuse_if_locked(dir: &Path) -> Result<(), TreeError> {
    let Ok(file) = File::open(dir.join("db")) else {
        return Ok(());
    };
    match flock(&file, FlockOperation::NonBlockingLockExclusive) {
        Err(rustix::io::Errno::WOULDBLOCK) => Err(TreeError::Locked(dir.to_owned())),
        _ => Ok(()),
    }
}

fn guarded<T>(dir: &Path, call: impl FnOnce() -> sled::Result<T>) -> Result<T, TreeError> {
    match catch_unwind(AssertUnwindSafe(call)) {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(sled::Error::Io(source))) if is_refusal(&source) => Err(TreeError::Refused {
            dir: dir.to_owned(),
            source,
        }),
        Ok(Err(other)) => Err(TreeError::Sled(other)),
        Err(panic) => Err(TreeError::Panicked(panic_text(&*panic))),
    }
}

/// Whether the disk, not the folder's content, is the cause.
fn is_refusal(error: &io::Error) -> bool {
    let no_handles_or_memory = [libc::EMFILE, libc::ENFILE, libc::ENOMEM];
    matches!(
        error.kind(),
        io::ErrorKind::StorageFull
            | io::ErrorKind::QuotaExceeded
            | io::ErrorKind::ReadOnlyFilesystem
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::OutOfMemory
    ) || error
        .raw_os_error()
        .is_some_and(|errno| no_handles_or_memory.contains(&errno))
}

/// What a panic said.
pub(super) fn panic_text(panic: &(dyn std::any::Any + Send)) -> String {
    panic
        .downcast_ref::<&str>()
        .map(|text| (*text).to_owned())
        .or_else(|| panic.downcast_ref::<String>().cloned())
        .unwrap_or_else(|| "no reason given".to_owned())
}
