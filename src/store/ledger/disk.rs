//! Every effect that the ledger has on the disk, in one place: counted, and in tests cut short.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::error::LedgerError;
#[cfg(test)]
use super::tests::trial::Trial;

/// The way to the disk. A clone shares the count of flushes.
#[derive(Clone, Default)]
pub(super) struct Disk {
    syncs: Arc<AtomicU64>,
    /// Shared by all that work on one ledger.
    written: Arc<AtomicU64>,
    #[cfg(test)]
    trial: Option<Arc<Trial>>,
}

/// An open file and where it is.
pub(super) struct DiskFile {
    pub(super) file: File,
    pub(super) path: PathBuf,
}

impl Disk {
    /// A disk on trial.
    #[cfg(test)]
    pub(super) fn tried(trial: Arc<Trial>) -> Self {
        Self {
            trial: Some(trial),
            ..Self::default()
        }
    }

    /// The same disk with a count of flushes of its own.
    pub(super) fn counted_apart(&self) -> Self {
        let mut apart = self.clone();
        apart.syncs = Arc::default();
        apart
    }

    /// How often this disk was told to flush a file or a folder.
    pub(super) fn syncs(&self) -> u64 {
        self.syncs.load(Ordering::Relaxed)
    }

    /// Bytes written so far, by this disk and all that were counted apart from it.
    pub(super) fn written(&self) -> u64 {
        self.written.load(Ordering::Relaxed)
    }

    /// Bytes that the disk of a folder has left for this process; none where it does not say.
    pub(super) fn room(&self, folder: &Path) -> Option<u64> {
        let left = rustix::fs::statvfs(folder).ok()?;
        Some(left.f_bavail.saturating_mul(left.f_frsize))
    }

    /// Makes a file that was not there before.
    pub(super) fn create(&self, path: &Path) -> Result<DiskFile, LedgerError> {
        self.create_raw(path)
            .map(|file| DiskFile {
                file,
                path: path.to_path_buf(),
            })
            .map_err(|e| {
                LedgerError::of(path, e, |path, source| LedgerError::Create { path, source })
            })
    }

    /// Opens a file that is there, to read and to write over.
    pub(super) fn open(&self, path: &Path) -> Result<DiskFile, LedgerError> {
        OpenOptions::new()
            .read(true)
            .write(true)
            .open(path)
            .map(|file| DiskFile {
                file,
                path: path.to_path_buf(),
            })
            .map_err(|e| {
                LedgerError::of(path, e, |path, source| LedgerError::Read { path, source })
            })
    }

    /// Makes a folder, its parents too, and makes their names durable.
    pub(super) fn create_folder(&self, path: &Path) -> Result<(), LedgerError> {
        let missing: Vec<&Path> = path.ancestors().take_while(|p| !p.exists()).collect();
        if missing.is_empty() {
            return Ok(());
        }
        fs::create_dir_all(path).map_err(|e| {
            LedgerError::of(path, e, |path, source| LedgerError::Create { path, source })
        })?;
        for made in missing {
            let parent = made.parent().filter(|p| !p.as_os_str().is_empty());
            self.sync_folder(parent.unwrap_or(Path::new(".")))?;
        }
        Ok(())
    }

    /// Writes `bytes` at `offset`; not durable yet.
    pub(super) fn write(
        &self,
        to: &DiskFile,
        bytes: &[u8],
        offset: u64,
    ) -> Result<(), LedgerError> {
        self.write_raw(&to.file, bytes, offset).map_err(|e| {
            LedgerError::of(&to.path, e, |path, source| LedgerError::Write {
                path,
                source,
            })
        })
    }

    /// Makes what was written durable; the file's length too where that is needed to read it.
    pub(super) fn sync_data(&self, of: &DiskFile) -> Result<(), LedgerError> {
        self.sync_raw(&of.file, File::sync_data).map_err(|e| {
            LedgerError::of(&of.path, e, |path, source| LedgerError::Sync {
                path,
                source,
            })
        })
    }

    /// Makes what was written and everything about the file durable.
    pub(super) fn sync_all(&self, of: &DiskFile) -> Result<(), LedgerError> {
        self.sync_raw(&of.file, File::sync_all).map_err(|e| {
            LedgerError::of(&of.path, e, |path, source| LedgerError::Sync {
                path,
                source,
            })
        })
    }

    /// Makes names in a folder durable.
    pub(super) fn sync_folder(&self, path: &Path) -> Result<(), LedgerError> {
        self.sync_folder_raw(path).map_err(|e| {
            LedgerError::of(path, e, |path, source| LedgerError::Sync { path, source })
        })
    }

    /// Renames a file within its folder, over another one if need be. Not durable yet.
    pub(super) fn rename(&self, file: &mut DiskFile, to: &Path) -> Result<(), LedgerError> {
        self.rename_path(&file.path, to)?;
        file.path = to.to_path_buf();
        Ok(())
    }

    /// [`Disk::rename`] for a file that is not open.
    pub(super) fn rename_path(&self, from: &Path, to: &Path) -> Result<(), LedgerError> {
        self.rename_raw(from, to).map_err(|e| {
            LedgerError::of(from, e, |path, source| LedgerError::Rename {
                path,
                to: to.to_path_buf(),
                source,
            })
        })
    }

    /// Removes a file. Not durable yet.
    pub(super) fn remove(&self, path: &Path) -> Result<(), LedgerError> {
        self.remove_raw(path).map_err(|e| {
            LedgerError::of(path, e, |path, source| LedgerError::Remove { path, source })
        })
    }

    /// Makes the next read of `file` come from the disk. After a failed flush the kernel goes on
    /// showing pages that never reached it; they must not pass for committed after a restart.
    pub(super) fn forget_cache(&self, file: &DiskFile) {
        #[cfg(test)]
        if let Some(trial) = &self.trial {
            return trial.forget_cache(&file.file);
        }
        // Advice only: a filesystem without it serves its cache.
        let _ = rustix::fs::fadvise(&file.file, 0, None, rustix::fs::Advice::DontNeed);
    }

    fn create_raw(&self, path: &Path) -> io::Result<File> {
        #[cfg(test)]
        if let Some(trial) = &self.trial {
            return trial.create(path);
        }
        let mut options = OpenOptions::new();
        options.read(true).write(true).create_new(true).mode(0o640);
        options.open(path)
    }

    fn write_raw(&self, file: &File, bytes: &[u8], offset: u64) -> io::Result<()> {
        let count = u64::try_from(bytes.len()).unwrap_or(u64::MAX);
        self.written.fetch_add(count, Ordering::Relaxed);
        #[cfg(test)]
        if let Some(trial) = &self.trial {
            return trial.write(file, bytes, offset);
        }
        file.write_all_at(bytes, offset)
    }

    fn sync_raw(&self, file: &File, sync: fn(&File) -> io::Result<()>) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        #[cfg(test)]
        if let Some(trial) = &self.trial {
            return trial.sync(file);
        }
        sync(file)
    }

    fn sync_folder_raw(&self, path: &Path) -> io::Result<()> {
        self.syncs.fetch_add(1, Ordering::Relaxed);
        #[cfg(test)]
        if let Some(trial) = &self.trial {
            return trial.sync_folder(path);
        }
        File::open(path)?.sync_all()
    }

    fn rename_raw(&self, from: &Path, to: &Path) -> io::Result<()> {
        #[cfg(test)]
        if let Some(trial) = &self.trial {
            return trial.rename(from, to);
        }
        fs::rename(from, to)
    }

    fn remove_raw(&self, path: &Path) -> io::Result<()> {
        #[cfg(test)]
        if let Some(trial) = &self.trial {
            return trial.remove(path);
        }
        fs::remove_file(path)
    }
}

/// Reads a whole file, at most `limit` bytes. What the disk cannot read comes as 0xFF, which is
/// neither free room nor a commit, so that one bad sector does not cost the file.
pub(super) fn read_file(file: &File, limit: u64) -> io::Result<Vec<u8>> {
    const PART: usize = 256 * 1024;
    const SECTOR: usize = 512;
    let length = file.metadata()?.len().min(limit);
    let mut bytes = vec![0xFF; usize::try_from(length).unwrap_or(usize::MAX)];
    let mut read = 0;
    for part in bytes.chunks_mut(PART) {
        if read_part(file, part, read).is_err() {
            let mut at = read;
            for sector in part.chunks_mut(SECTOR) {
                if read_part(file, sector, at).is_err() {
                    sector.fill(0xFF);
                }
                at = at.saturating_add(u64::try_from(sector.len()).unwrap_or(u64::MAX));
            }
        }
        read = read.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
    }
    Ok(bytes)
}

fn read_part(file: &File, part: &mut [u8], at: u64) -> io::Result<()> {
    file.read_exact_at(part, at)
}
