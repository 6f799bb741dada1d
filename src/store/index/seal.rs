//! A hash of the whole folder, left when it is closed and broken when it is opened.
//!
//! Some damage sled takes for an older state of single pages; the rows then add up, and go wrong
//! later. So what lay on the disk between two runs is compared byte by byte. A folder without a seal
//! was not closed (power cut, kill) and has only the checks of `inspection`.

use std::fs::{self, File};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use super::folder;
use crate::store::sha256::{Hash, Sha256};

const SEAL: &str = "seal";
const NEW_SEAL: &str = "seal.new";

/// What the seal of a folder said.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Seal {
    /// There was none: a new folder, or one that was not closed.
    Missing,
    /// The folder was as it had been closed. The seal is gone now.
    Whole,
    /// Something changed since the folder was closed. The seal stays.
    Wrong,
}

/// Seals a folder that nobody writes to any more.
pub(super) fn set(dir: &Path) -> io::Result<()> {
    let mut file = File::create(dir.join(NEW_SEAL))?;
    file.write_all(&hash(dir)?)?;
    file.sync_all()?;
    fs::rename(dir.join(NEW_SEAL), dir.join(SEAL))?;
    folder::sync(dir)
}

/// Compares and removes the seal; to be called before sled opens the folder.
pub(super) fn break_open(dir: &Path) -> io::Result<Seal> {
    let found = match fs::read(dir.join(SEAL)) {
        Ok(found) => found,
        Err(error) if is_missing(&error) => return Ok(Seal::Missing),
        Err(error) => return Err(error),
    };
    if found != hash(dir)? {
        return Ok(Seal::Wrong);
    }
    fs::remove_file(dir.join(SEAL))?;
    folder::sync(dir)?;
    Ok(Seal::Whole)
}

/// Over the names, lengths and contents of all files below `dir`.
fn hash(dir: &Path) -> io::Result<Hash> {
    let mut files = Vec::new();
    list(dir, &mut files)?;
    files.sort();
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 64 * 1024];
    for path in files {
        let name = path.strip_prefix(dir).unwrap_or(&path);
        if name == Path::new(SEAL) || name == Path::new(NEW_SEAL) {
            continue;
        }
        let mut file = File::open(&path)?;
        hasher.update(name.as_os_str().as_encoded_bytes());
        hasher.update(&[0]);
        hasher.update(&file.metadata()?.len().to_be_bytes());
        loop {
            match file.read(&mut buffer)? {
                0 => break,
                read => hasher.update(&buffer[..read]),
            }
        }
    }
    Ok(hasher.finish())
}

fn list(dir: &Path, files: &mut Vec<PathBuf>) -> io::Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            list(&entry.path(), files)?;
        } else {
            files.push(entry.path());
        }
    }
    Ok(())
}

fn is_missing(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_seal_holds_until_anything_changes() {
        let dir = tempfile::tempdir().unwrap();
        let dir = dir.path();
        fs::create_dir(dir.join("blobs")).unwrap();
        fs::write(dir.join("db"), "rows").unwrap();
        fs::write(dir.join("blobs/1"), "large").unwrap();
        assert_eq!(break_open(dir).unwrap(), Seal::Missing);
        set(dir).unwrap();
        assert_eq!(break_open(dir).unwrap(), Seal::Whole);
        assert_eq!(break_open(dir).unwrap(), Seal::Missing);

        set(dir).unwrap();
        fs::write(dir.join("blobs/1"), "Large").unwrap();
        assert_eq!(break_open(dir).unwrap(), Seal::Wrong);
        fs::write(dir.join("blobs/1"), "large").unwrap();
        fs::rename(dir.join("db"), dir.join("db2")).unwrap();
        assert_eq!(break_open(dir).unwrap(), Seal::Wrong);
    }
}
