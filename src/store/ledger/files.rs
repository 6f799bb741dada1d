//! The files of a ledger's folder: their names, and reading one whole.

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::disk;
use super::error::LedgerError;
use super::layout::{BLOCK, HeaderBlock, SegmentHeader};

/// Held locked while a ledger is open.
pub(super) const LOCK: &str = "lock";
/// Folder of copies of what could not be read.
pub(super) const DAMAGED: &str = "damaged";
/// A segment of more is not of this program's making; the rest of such a file is not read.
pub(super) const SEGMENT_BYTES_MAX: u64 = 192 << 20;

const LIVE: &str = ".segment";
const PACKED: &str = ".packed";
const UNFINISHED: &str = ".tmp";
const SPARE: &str = "spare-";
/// Leaves room for the numbers that follow the highest found.
const NUMBER_MAX: u32 = 4_000_000_000;

/// What stands in a ledger's folder.
#[derive(Debug, Default)]
pub(super) struct Files {
    /// Numbers of segments as they were written.
    pub(super) live: BTreeSet<u32>,
    /// Numbers of packed segments.
    pub(super) packed: BTreeSet<u32>,
    pub(super) spares: Vec<PathBuf>,
    /// Files that never became part of the ledger.
    pub(super) unfinished: Vec<PathBuf>,
}

/// One segment, read whole.
pub(super) struct SegmentFile {
    pub(super) name: String,
    pub(super) packed: bool,
    pub(super) bytes: Vec<u8>,
}

impl Files {
    /// Looks into the folder. Names that are not the ledger's are left alone.
    pub(super) fn list(dir: &Path) -> Result<Self, LedgerError> {
        let failed = |source| {
            LedgerError::of(dir, source, |path, source| LedgerError::List {
                path,
                source,
            })
        };
        let mut files = Self::default();
        for entry in fs::read_dir(dir).map_err(failed)? {
            let path = entry.map_err(failed)?.path();
            let Some(name) = path.file_name().and_then(|name| name.to_str()) else {
                continue;
            };
            if let Some(number) = number(name, LIVE) {
                files.live.insert(number);
            } else if let Some(number) = number(name, PACKED) {
                files.packed.insert(number);
            } else if name.starts_with(SPARE) && name.ends_with(LIVE) {
                files.spares.push(path);
            } else if name.ends_with(UNFINISHED) {
                files.unfinished.push(path);
            }
        }
        files.spares.sort();
        Ok(files)
    }

    /// Every segment's number, oldest first.
    pub(super) fn numbers(&self) -> BTreeSet<u32> {
        self.live.union(&self.packed).copied().collect()
    }
}

/// The file of a segment as it is written.
pub(super) fn live(dir: &Path, number: u32) -> PathBuf {
    dir.join(live_name(number))
}

/// The file of a closed segment without its padding.
pub(super) fn packed(dir: &Path, number: u32) -> PathBuf {
    dir.join(packed_name(number))
}

/// A segment that waits to be used.
pub(super) fn spare(dir: &Path, number: u32) -> PathBuf {
    dir.join(format!("{SPARE}{number}{LIVE}"))
}

/// The name under which a file is made, until it is whole.
pub(super) fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(UNFINISHED);
    PathBuf::from(name)
}

/// Reads a segment; `None` if it is gone. The live file counts while it is there, since packing
/// removes it last. Safe beside a running ledger: a live file that was renamed meanwhile may have
/// been given away, and what was read of it is dropped.
pub(super) fn load(dir: &Path, number: u32) -> Result<Option<SegmentFile>, LedgerError> {
    loop {
        let path = live(dir, number);
        if let Some(file) = open(&path)? {
            let bytes = read(&file, &path)?;
            if is_still(&file, &path)? {
                let (name, packed) = (live_name(number), false);
                return Ok(Some(SegmentFile {
                    name,
                    packed,
                    bytes,
                }));
            }
            // Packed, then renamed away: the packed file is there now.
        }
        let path = packed(dir, number);
        return match open(&path)? {
            Some(file) => Ok(Some(SegmentFile {
                name: packed_name(number),
                packed: true,
                bytes: read(&file, &path)?,
            })),
            None if live(dir, number).exists() => continue,
            None => Ok(None),
        };
    }
}

/// The header of a segment, if it is there and can be read.
pub(super) fn header(dir: &Path, number: u32) -> Option<SegmentHeader> {
    let file = [live(dir, number), packed(dir, number)]
        .into_iter()
        .find_map(|path| File::open(path).ok())?;
    let block = u64::try_from(BLOCK).ok()?;
    match HeaderBlock::decode(&disk::read_file(&file, block).ok()?) {
        HeaderBlock::Readable(header) => Some(header),
        HeaderBlock::Newer(_) | HeaderBlock::Unreadable => None,
    }
}

fn live_name(number: u32) -> String {
    format!("{number:010}{LIVE}")
}

/// The number of the segment in a file of this name, if it is one as it was written.
pub(super) fn live_number(name: &str) -> Option<u32> {
    number(name, LIVE)
}

/// Name of the file of a closed segment without its padding.
pub(super) fn packed_name(number: u32) -> String {
    format!("{number:010}{PACKED}")
}

fn number(name: &str, ending: &str) -> Option<u32> {
    let digits = name.strip_suffix(ending)?;
    let ours = digits.len() == 10 && digits.bytes().all(|b| b.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| ours)?;
    (1..NUMBER_MAX).contains(&number).then_some(number)
}

fn open(path: &Path) -> Result<Option<File>, LedgerError> {
    match File::open(path) {
        Ok(file) => Ok(Some(file)),
        Err(e) if e.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(e) => Err(LedgerError::of(path, e, |path, source| LedgerError::Read {
            path,
            source,
        })),
    }
}

fn read(file: &File, path: &Path) -> Result<Vec<u8>, LedgerError> {
    disk::read_file(file, SEGMENT_BYTES_MAX)
        .map_err(|e| LedgerError::of(path, e, |path, source| LedgerError::Read { path, source }))
}

fn is_still(file: &File, path: &Path) -> Result<bool, LedgerError> {
    let inode = |m: fs::Metadata| (m.dev(), m.ino());
    let opened = file.metadata().map(inode);
    match (opened, fs::metadata(path).map(inode)) {
        (Ok(opened), Ok(now)) => Ok(opened == now),
        (_, Err(e)) if e.kind() == io::ErrorKind::NotFound => Ok(false),
        (Err(e), _) | (_, Err(e)) => Err(LedgerError::of(path, e, |path, source| {
            LedgerError::Read { path, source }
        })),
    }
}
