//! A segment that waits to be used: zero-written once, recycled ever after.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use crate::lane::number::LedgerId;

use super::disk::{Disk, DiskFile};
use super::error::LedgerError;
use super::layout::{BLOCK, BLOCK_BYTES, FrameHeader, is_zero};

/// A file in which every block is zero or begins with an intact frame header of an older segment,
/// so that whatever else stands in it later has been written by its next user.
pub(super) struct Spare {
    pub(super) file: DiskFile,
    pub(super) bytes: u64,
}

/// Room that a new spare does not take: the index and the lock file need some too.
const LEFT_TO_OTHERS: u64 = 1 << 20;

/// What is written or read at once, so that a stop is not held up.
const PART: usize = 64 * BLOCK;

impl Spare {
    /// A new file of `bytes` bytes of zeros; `None` if `stop` was set meanwhile. Written rather
    /// than only reserved: a commit into reserved room changes the file's map as well, which costs
    /// a second flush.
    pub(super) fn new(
        disk: &Disk,
        path: PathBuf,
        bytes: u64,
        stop: &AtomicBool,
    ) -> Result<Option<Self>, LedgerError> {
        check_room(disk, &path, bytes)?;
        let file = disk.create(&path)?;
        let made = write_zeros(disk, &file, bytes, stop);
        if !matches!(made, Ok(true)) {
            // Best effort: the next start removes it, and the first error is the one to tell.
            let _ = disk.remove(&path);
            return made.map(|_| None);
        }
        disk.sync_all(&file)?;
        if let Some(folder) = path.parent() {
            disk.sync_folder(folder)?;
        }
        Ok(Some(Self { file, bytes }))
    }

    /// Makes a spare of a file that the ledger `ledger` has used for a segment before `next`: wipes
    /// each block that could later be taken for a commit or a damaged one.
    pub(super) fn recycle(
        disk: &Disk,
        file: DiskFile,
        ledger: LedgerId,
        next: u32,
        stop: &AtomicBool,
    ) -> Result<Option<Self>, LedgerError> {
        // A failed flush may have left pages in the cache that are not on the disk.
        disk.sync_data(&file)?;
        disk.forget_cache(&file);
        let all = super::disk::read_file(&file.file, u64::MAX).map_err(|e| {
            LedgerError::of(&file.path, e, |path, source| LedgerError::Read {
                path,
                source,
            })
        })?;
        let mut wiped = false;
        let mut at = 0_u64;
        for (index, block) in all.chunks(BLOCK).enumerate() {
            if stop.load(Ordering::Relaxed) {
                return Ok(None);
            }
            let tells_nothing = is_zero(block) || (index > 0 && is_old(block, index, ledger, next));
            if !tells_nothing {
                disk.write(&file, &[0; BLOCK][..block.len()], at)?;
                wiped = true;
            }
            at += BLOCK_BYTES;
        }
        if wiped {
            // Here rather than with the first commit, for which a car waits.
            disk.sync_data(&file)?;
        }
        let bytes = u64::try_from(all.len()).unwrap_or(u64::MAX);
        Ok(Some(Self { file, bytes }))
    }
}

/// Asked beforehand, since zeros that fill the disk to the brim would take others' last room
/// until they are removed again.
fn check_room(disk: &Disk, path: &Path, bytes: u64) -> Result<(), LedgerError> {
    let room = path.parent().and_then(|folder| disk.room(folder));
    match room {
        Some(room) if room < bytes.saturating_add(LEFT_TO_OTHERS) => Err(LedgerError::DiskFull {
            path: path.to_path_buf(),
            source: io::ErrorKind::StorageFull.into(),
        }),
        _ => Ok(()),
    }
}

fn is_old(block: &[u8], index: usize, ledger: LedgerId, next: u32) -> bool {
    FrameHeader::decode(block).is_some_and(|header| {
        header.place.ledger == ledger
            && header.place.segment < next
            && u32::try_from(index).is_ok_and(|index| index == header.place.block)
    })
}

pub(super) fn write_zeros(
    disk: &Disk,
    file: &DiskFile,
    bytes: u64,
    stop: &AtomicBool,
) -> Result<bool, LedgerError> {
    let zeros = vec![0; PART];
    let mut at = 0_u64;
    while at < bytes {
        if stop.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let part = usize::try_from(bytes - at).unwrap_or(PART).min(PART);
        disk.write(file, &zeros[..part], at)?;
        at += u64::try_from(part).unwrap_or(u64::MAX);
    }
    Ok(true)
}
