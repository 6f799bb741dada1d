//! Setting aside: what cannot be read is copied or moved, never deleted.

use std::path::{Path, PathBuf};

use super::disk::Disk;
use super::error::LedgerError;
use super::files::{self, DAMAGED, Files};

/// Copies unreadable bytes of a segment into the folder of damaged parts. Durable on return.
/// The name is made from the bytes, so that the same damage is kept once; `true` if it is new.
pub(super) fn copy(
    disk: &Disk,
    dir: &Path,
    segment: u32,
    from: usize,
    bytes: &[u8],
) -> Result<(PathBuf, bool), LedgerError> {
    let folder = dir.join(DAMAGED);
    let crc = crc32fast::hash(bytes);
    let path = folder.join(format!("{segment:010}-{from:010}-{crc:08x}"));
    if path.exists() {
        return Ok((path, false));
    }
    disk.create_folder(&folder)?;
    let unfinished = files::unfinished(&path);
    if unfinished.exists() {
        disk.remove(&unfinished)?;
    }
    let mut file = disk.create(&unfinished)?;
    disk.write(&file, bytes, 0)?;
    disk.sync_all(&file)?;
    disk.rename(&mut file, &path)?;
    disk.sync_folder(&folder)?;
    Ok((path, true))
}

/// Moves every segment into a folder of its own, the first free one of `unreadable-1`, `-2`, …
pub(super) fn move_all(disk: &Disk, dir: &Path, files: &Files) -> Result<PathBuf, LedgerError> {
    let folder = (1_u32..)
        .map(|n| dir.join(format!("unreadable-{n}")))
        .find(|folder| !folder.exists())
        .expect("a folder holds fewer entries than there are numbers");
    disk.create_folder(&folder)?;
    let live = files.live.iter().map(|number| files::live(dir, *number));
    let packed = files
        .packed
        .iter()
        .map(|number| files::packed(dir, *number));
    for path in live.chain(packed) {
        if let Some(name) = path.file_name() {
            disk.rename_path(&path, &folder.join(name))?;
        }
    }
    disk.sync_folder(&folder)?;
    disk.sync_folder(dir)?;
    Ok(folder)
}
