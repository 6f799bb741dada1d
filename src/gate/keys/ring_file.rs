//! WeChat's platform certificates as they are kept over restarts: `wechat-keys.json` in the store's folder.
//!
//! A file of its own, and not rows of the index: it is there at once when the box starts, outlives an index
//! that is set aside, and can be read while nobody runs.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::json;
use crate::lane::time::Wall;
use crate::store::whole_file;
use crate::wechat::trust::{KeyRing, KeyRow};

const FILE: &str = "wechat-keys.json";
const LARGEST: u64 = 1024 * 1024;

/// Nothing in it is a secret.
#[derive(Default, Serialize, Deserialize)]
struct Contents {
    keys: Vec<KeyRow>,
}

/// See the module.
pub struct RingFile {
    file: PathBuf,
    /// As it is on disk.
    kept: Vec<KeyRow>,
}

/// What is kept in this store; an error where the file is not one of these.
pub fn kept(store: &Path) -> io::Result<Vec<KeyRow>> {
    let file = store.join(FILE);
    let metadata = match fs::metadata(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        metadata => metadata?,
    };
    if metadata.len() > LARGEST {
        return Err(io::Error::other("it is too large"));
    }
    let contents: Contents = serde_json::from_slice(&fs::read(&file)?)?;
    Ok(contents.keys)
}

impl RingFile {
    pub fn new(store: &Path) -> Self {
        Self {
            file: store.join(FILE),
            kept: Vec::new(),
        }
    }

    /// Takes the kept certificates into the ring. A damaged file is as good as none: WeChat is asked again.
    pub fn restore(&mut self, ring: &KeyRing, now: Wall) {
        let store = self.file.parent().unwrap_or(Path::new("."));
        match kept(store) {
            Ok(rows) => {
                ring.import(&rows, now);
                self.kept = rows;
            }
            Err(error) => {
                tracing::warn!(file = %self.file.display(), %error, "WeChat's keys are fetched anew");
            }
        }
    }

    /// Keeps what the ring holds, if that is not what is on disk.
    pub fn keep(&mut self, ring: &KeyRing) {
        let rows = ring.export();
        if rows == self.kept {
            return;
        }
        match self.write(&rows) {
            Ok(()) => self.kept = rows,
            // The disk has alarms of its own, and WeChat can be asked again.
            Err(error) => tracing::debug!(%error, "WeChat's keys are not kept"),
        }
    }

    fn write(&self, rows: &[KeyRow]) -> io::Result<()> {
        let contents = Contents {
            keys: rows.to_vec(),
        };
        whole_file::write(&self.file, &json::bytes(&contents))
    }
}
