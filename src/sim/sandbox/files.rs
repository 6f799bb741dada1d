//! The folder of a sandbox.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// What could not be done with a file.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The folder for the keys.
    #[error("cannot make the folder {} for the keys", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// A file that was written before.
    #[error("cannot read {}", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// One of the files.
    #[error("cannot write {}", path.display())]
    Write {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

/// Makes the folder where it is not there, for its owner alone.
pub(super) fn make_folder(path: &Path) -> Result<(), FilesError> {
    let made = fs::DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(path);
    made.map_err(|source| FilesError::Folder {
        path: path.to_owned(),
        source,
    })
}

/// None if there is no such file.
pub(super) fn read(path: &Path) -> Result<Option<String>, FilesError> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(source) => Err(FilesError::Read {
            path: path.to_owned(),
            source,
        }),
    }
}

/// For its owner alone.
pub(super) fn write_secret(path: &Path, text: &str) -> Result<(), FilesError> {
    write(path, text, 0o600)
}

/// For anybody.
pub(super) fn write_public(path: &Path, text: &str) -> Result<(), FilesError> {
    write(path, text, 0o644)
}

/// In one piece: a reader sees the old file or the new one.
fn write(path: &Path, text: &str, mode: u32) -> Result<(), FilesError> {
    let mut beside = path.as_os_str().to_owned();
    beside.push(".new");
    let beside = PathBuf::from(beside);
    let written = || -> io::Result<()> {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(mode)
            .open(&beside)?;
        file.write_all(text.as_bytes())?;
        fs::rename(&beside, path)
    };
    written().map_err(|source| FilesError::Write {
        path: path.to_owned(),
        source,
    })
}
