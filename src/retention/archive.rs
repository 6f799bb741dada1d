//! Copies of closed segments elsewhere, with their checksums.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

use crate::store::{sha256, whole_file};

use super::{Desk, Stopped};
use crate::lane::number::LedgerId;
use crate::store::ledger::{Closed, ClosedSegment};
use crate::store::record::Record as Stored;

/// A folder for the segments of one box; each ledger has its own in it.
#[derive(Clone, Debug)]
pub struct Archive {
    root: PathBuf,
    /// `site-box`.
    whose: String,
}

impl Archive {
    /// In `root`, which must be there: it is made by nobody, since an archive that is not mounted would
    /// fill the box's own disk.
    pub fn new(root: PathBuf, site: &str, box_id: &str) -> Self {
        let whose = format!("{site}-{box_id}");
        Self { root, whose }
    }

    /// Where the segments of a ledger go. `parkgate ledger verify --store` reads it.
    pub fn folder(&self, ledger: LedgerId) -> PathBuf {
        self.root.join(format!("{}-{ledger}", self.whose))
    }

    /// Copies a segment and its checksum, unless that was done before. Durable on return.
    ///
    /// # Errors
    /// [`Stopped::Archive`].
    pub fn keep(
        &self,
        segment: &ClosedSegment,
        ledger: LedgerId,
        desk: &mut dyn Desk,
    ) -> Result<(), Stopped> {
        let folder = self.folder(ledger);
        let path = folder.join(segment.packed_name());
        if path.exists() && sum_path(&path).exists() {
            return Ok(());
        }
        if !desk.breathe() {
            return Err(Stopped::Told);
        }
        let failed = |source| Stopped::Archive {
            path: path.clone(),
            source,
        };
        self.make(&folder).map_err(failed)?;
        whole_file::write(&path, segment.file()).map_err(failed)?;
        let copied = fs::read(&path).map_err(failed)?;
        if copied != segment.file() {
            let error = io::Error::new(
                io::ErrorKind::InvalidData,
                "it reads otherwise than written",
            );
            return Err(failed(error));
        }
        write_sum(&path, &copied).map_err(failed)
    }

    /// Erases the payloads for which `choose` says so from every copy; only counts them if `dry`. None: the
    /// archive is not there.
    ///
    /// # Errors
    /// If a copy cannot be read or written.
    pub fn erase(
        &self,
        closed: &Closed,
        dry: bool,
        choose: impl Fn(u64, &Stored) -> bool,
        desk: &mut dyn Desk,
    ) -> Result<Option<u64>, Stopped> {
        let folder = self.folder(closed.ledger());
        if !self.root.is_dir() {
            return Ok(None);
        }
        if !folder.is_dir() {
            return Ok(Some(0));
        }
        let copies = closed.elsewhere(folder.clone());
        let mut taken = 0;
        for number in copies.numbers()? {
            if !desk.breathe() {
                return Err(Stopped::Told);
            }
            let Some(segment) = copies.read(number)? else {
                continue;
            };
            let chosen = count_chosen(&segment, &choose);
            taken += chosen;
            if dry || chosen == 0 {
                continue;
            }
            let is_chosen =
                |seq: u64, stored: &Stored| !stored.payload.is_empty() && choose(seq, stored);
            if copies
                .erase(&segment, is_chosen, &mut || desk.breathe())?
                .is_none()
            {
                return Err(Stopped::Told);
            }
            let path = folder.join(segment.packed_name());
            let summed = fs::read(&path).and_then(|bytes| write_sum(&path, &bytes));
            summed.map_err(|source| Stopped::Archive { path, source })?;
        }
        Ok(Some(taken))
    }

    fn make(&self, folder: &Path) -> io::Result<()> {
        match fs::create_dir(folder) {
            Ok(()) => File::open(&self.root)?.sync_all(),
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn count_chosen(segment: &ClosedSegment, choose: impl Fn(u64, &Stored) -> bool) -> u64 {
    let commits = segment.commits();
    let records = commits.flat_map(|commit| (commit.first_seq..).zip(&commit.records));
    let chosen = records.filter(|(seq, stored)| !stored.payload.is_empty() && choose(*seq, stored));
    u64::try_from(chosen.count()).unwrap_or(u64::MAX)
}

/// As `sha256sum` writes and checks it.
fn write_sum(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let sum: String = sha256::of(bytes)
        .iter()
        .map(|byte| format!("{byte:02x}"))
        .collect();
    whole_file::write(&sum_path(path), format!("{sum}  {name}\n").as_bytes())
}

fn sum_path(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".sha256");
    PathBuf::from(name)
}
