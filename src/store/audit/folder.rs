//! The files of a ledger (`docs/ledger-format.md`, "Files").

use std::collections::BTreeSet;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::segment::Segment;
use super::{AuditError, Finding};

/// No segment is longer; what is, is not read to its end.
const BYTES_MAX: u64 = 256 << 20;
/// How often a file is looked for that a running daemon packs meanwhile.
const LOOKS: usize = 8;

/// A ledger's folder.
pub(super) struct Folder {
    dir: PathBuf,
    /// Of all segments, from the oldest to the newest.
    pub(super) numbers: BTreeSet<u32>,
}

/// A segment's bytes.
pub(super) struct Loaded {
    pub(super) name: String,
    pub(super) packed: bool,
    pub(super) bytes: Vec<u8>,
}

impl Folder {
    pub(super) fn list(dir: &Path) -> Result<Self, AuditError> {
        let failed = |source| AuditError::Folder {
            dir: dir.to_path_buf(),
            source,
        };
        let mut numbers = BTreeSet::new();
        for entry in fs::read_dir(dir).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            numbers.extend(name.to_str().and_then(number));
        }
        let dir = dir.to_path_buf();
        match numbers.is_empty() {
            true => Err(AuditError::Empty { dir }),
            false => Ok(Self { dir, numbers }),
        }
    }

    /// A segment; the live file counts while it is there. None: it is gone.
    pub(super) fn load(&self, number: u32) -> Result<Option<Loaded>, Finding> {
        let live = format!("{number:010}.segment");
        let packed = format!("{number:010}.packed");
        for _ in 0..LOOKS {
            if let Some(bytes) = self.bytes(&live)? {
                return Ok(Some(Loaded {
                    name: live,
                    packed: false,
                    bytes,
                }));
            }
            if let Some(bytes) = self.bytes(&packed)? {
                return Ok(Some(Loaded {
                    name: packed,
                    packed: true,
                    bytes,
                }));
            }
        }
        Ok(None)
    }

    /// Some: this file is somebody's copy of the segment with that number, which is there too. The header
    /// says which segment it is, and not the file's name.
    pub(super) fn original(&self, number: u32, segment: &Segment) -> Option<u32> {
        let (ledger, of) = segment.identity()?;
        if of == number || !self.numbers.contains(&of) {
            return None;
        }
        let own = self.load(of).ok()??;
        let own = Segment::parse(own.name, &own.bytes, of, own.packed);
        (own.identity() == Some((ledger, of))).then_some(of)
    }

    /// None: no such file, or no longer under this name when it was read. A running daemon gives a
    /// packed segment's file away, and what is in it then is not the ledger's.
    fn bytes(&self, name: &str) -> Result<Option<Vec<u8>>, Finding> {
        let path = self.dir.join(name);
        let read = File::open(&path).and_then(|file| {
            let mut bytes = Vec::new();
            (&file).take(BYTES_MAX).read_to_end(&mut bytes)?;
            let (opened, named) = (file.metadata()?, fs::metadata(&path)?);
            Ok((opened.ino() == named.ino()).then_some(bytes))
        });
        match read {
            Ok(bytes) => Ok(bytes),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Finding::Failed {
                file: name.to_owned(),
                why: error.to_string(),
            }),
        }
    }
}

fn number(name: &str) -> Option<u32> {
    let digits = name
        .strip_suffix(".segment")
        .or_else(|| name.strip_suffix(".packed"))?;
    let is_number = digits.len() == 10 && digits.bytes().all(|byte| byte.is_ascii_digit());
    let number = digits.parse().ok().filter(|_| is_number)?;
    (1..=3_999_999_999).contains(&number).then_some(number)
}
