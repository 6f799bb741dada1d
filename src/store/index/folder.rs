//! The folder on disk: set aside when it is damaged, never more than two of those kept.

use std::ffi::OsString;
use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};

const KEPT: usize = 2;

/// Renames `dir` to `<dir>.damaged-<n>`, drops the oldest of those beyond two, and returns the new
/// path. Works on a file that stands in the folder's place too.
pub(super) fn set_aside(dir: &Path) -> io::Result<PathBuf> {
    let mut aside = damaged(dir)?;
    let number = aside
        .last()
        .map_or(1, |(number, _)| number.saturating_add(1));
    let to = with_suffix(dir, &format!("{MARK}{number}"));
    fs::rename(dir, &to)?;
    aside.push((number, to.clone()));
    for (_, old) in &aside[..aside.len().saturating_sub(KEPT)] {
        // What cannot be removed now is tried again with the next one; the rebuild must not wait.
        let _ = remove(old);
    }
    sync(&parent(dir))?;
    Ok(to)
}

/// Removes a folder that was just made and did not come to anything.
pub(super) fn remove(path: &Path) -> io::Result<()> {
    let removed = if fs::symlink_metadata(path).is_ok_and(|found| found.is_dir()) {
        fs::remove_dir_all(path)
    } else {
        fs::remove_file(path)
    };
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

/// Makes a new folder's name and content last.
pub(super) fn sync_with_parent(dir: &Path) -> io::Result<()> {
    sync(dir)?;
    sync(&parent(dir))
}

const MARK: &str = ".damaged-";

/// What was set aside from `dir` before, the oldest first.
fn damaged(dir: &Path) -> io::Result<Vec<(u64, PathBuf)>> {
    let stem = with_suffix(dir, MARK);
    let stem = stem.file_name().unwrap_or_default().as_encoded_bytes();
    let mut found = Vec::new();
    for entry in fs::read_dir(parent(dir))? {
        let path = entry?.path();
        let name = path.file_name().unwrap_or_default().as_encoded_bytes();
        let number = name
            .strip_prefix(stem)
            .and_then(|digits| std::str::from_utf8(digits).ok()?.parse().ok());
        if let Some(number) = number {
            found.push((number, path));
        }
    }
    found.sort();
    Ok(found)
}

fn with_suffix(dir: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(dir);
    name.push(suffix);
    name.into()
}

fn parent(dir: &Path) -> PathBuf {
    match dir.parent() {
        Some(parent) if parent != Path::new("") => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// Makes the names in a folder last.
pub(super) fn sync(dir: &Path) -> io::Result<()> {
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_two_are_kept() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("index");
        for round in 1..=4 {
            fs::create_dir(&dir).unwrap();
            fs::write(dir.join("db"), format!("{round}")).unwrap();
            let to = set_aside(&dir).unwrap();
            assert_eq!(to, root.path().join(format!("index.damaged-{round}")));
        }
        let left: Vec<_> = damaged(&dir).unwrap().into_iter().map(|(n, _)| n).collect();
        assert_eq!(left, [3, 4]);
    }

    #[test]
    fn a_file_in_the_folders_place_is_set_aside_too() {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("index");
        fs::write(&dir, "rubbish").unwrap();
        let to = set_aside(&dir).unwrap();
        assert_eq!(fs::read(to).unwrap(), b"rubbish");
        assert!(!dir.exists());
    }
}
