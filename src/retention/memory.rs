//! The catalogue between two runs, so that a start need not read the whole ledger. It may be lost or be
//! wrong: what it says of a file counts only for that very file.

use std::collections::BTreeMap;
use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::Days;
use super::catalogue::{Catalogue, Entry};
use crate::lane::number::LedgerId;
use crate::store::ledger::Closed;

/// Of the file's form, and of how segments are taken for it.
const VERSION: u32 = 1;

/// Where the catalogue is kept.
#[derive(Clone, Debug)]
pub struct Memory {
    path: PathBuf,
}

#[derive(Serialize, Deserialize)]
struct Kept<E> {
    version: u32,
    ledger: LedgerId,
    days: Days,
    /// The packed ones, by number.
    segments: BTreeMap<u32, E>,
}

impl Memory {
    /// In this file.
    pub fn at(path: PathBuf) -> Self {
        Self { path }
    }

    /// What is known of this ledger's segments from an earlier run, by the same days.
    pub fn recall(&self, closed: &Closed, days: &Days) -> Catalogue {
        let kept = fs::read(&self.path).ok();
        let kept = kept.and_then(|kept| serde_json::from_slice::<Kept<Entry>>(&kept).ok());
        let kept = kept.filter(|kept| {
            kept.version == VERSION && kept.ledger == closed.ledger() && kept.days == *days
        });
        Catalogue::of(kept.map(|kept| kept.segments).unwrap_or_default(), closed)
    }

    /// Keeps what is new; whole or not at all.
    ///
    /// # Errors
    /// When it cannot be written. Then the next start reads more.
    pub fn keep(&self, catalogue: &Catalogue, closed: &Closed, days: &Days) -> io::Result<()> {
        let kept = Kept {
            version: VERSION,
            ledger: closed.ledger(),
            days: *days,
            segments: catalogue.packed().collect(),
        };
        let unfinished = unfinished(&self.path);
        fs::write(&unfinished, serde_json::to_vec(&kept)?)?;
        fs::rename(&unfinished, &self.path)
    }
}

fn unfinished(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".tmp");
    PathBuf::from(name)
}
