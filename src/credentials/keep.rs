//! Files of secrets, written so that they are whole or not there, and nobody else can read them at any
//! moment.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, fchown};
use std::path::{Path, PathBuf};

use zeroize::Zeroizing;

use crate::bilingual::Both;

/// Owner alone.
const MODE: u32 = 0o600;

/// Where something is to be kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    pub file: PathBuf,
    /// Replace what stands there, keeping it beside.
    pub force: bool,
    /// User and group that the daemon runs as; None leaves it with whoever writes. The owner of a file
    /// that is replaced stays its owner.
    pub owner: Option<(u32, u32)>,
}

/// What became of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kept {
    /// It is new.
    Written,
    /// It replaced another, which stands beside it ([`previous`]).
    Replaced,
    /// It stood there already, byte for byte; its mode is set.
    Same,
}

/// Why nothing was written. What stood there stands there.
#[derive(Debug)]
pub enum KeepFault {
    /// Something else stands there.
    Exists { file: PathBuf },
    /// The disk or its rights.
    Failed { file: PathBuf, source: io::Error },
}

/// Where the file that was replaced is kept: one generation.
pub fn previous(file: &Path) -> PathBuf {
    beside(file, "previous")
}

/// Keeps one file.
pub fn keep(target: &Target, text: &str) -> Result<Kept, KeepFault> {
    let prepared = Prepared::new(target, text)?;
    prepared.put()
}

/// Keeps a key and its certificate. Both are on disk under other names before the first is put in its
/// place, so that a full disk changes neither; a daemon that looks between the two renames sees two files
/// that do not belong together, keeps what it has, and looks again.
pub fn keep_pair(
    key: (&Target, &str),
    certificate: (&Target, &str),
) -> Result<(Kept, Kept), KeepFault> {
    let key = Prepared::new(key.0, key.1)?;
    let certificate = Prepared::new(certificate.0, certificate.1)?;
    Ok((key.put()?, certificate.put()?))
}

/// A file that is on disk under another name.
struct Prepared<'a> {
    target: &'a Target,
    kept: Kept,
    temporary: PathBuf,
}

impl<'a> Prepared<'a> {
    fn new(target: &'a Target, text: &str) -> Result<Self, KeepFault> {
        let failed = |source| KeepFault::Failed {
            file: target.file.clone(),
            source,
        };
        let standing = standing(&target.file).map_err(failed)?;
        let kept = match &standing {
            None => Kept::Written,
            Some((_, bytes)) if bytes[..] == *text.as_bytes() => Kept::Same,
            Some(_) if target.force => Kept::Replaced,
            Some(_) => {
                return Err(KeepFault::Exists {
                    file: target.file.clone(),
                });
            }
        };
        let owner = standing.map(|(owner, _)| owner).or(target.owner);
        let temporary = beside(&target.file, "new");
        let prepared = Self {
            target,
            kept,
            temporary,
        };
        write(&prepared.temporary, text, owner).map_err(failed)?;
        Ok(prepared)
    }

    /// In its place, and the folder on disk.
    fn put(self) -> Result<Kept, KeepFault> {
        let file = &self.target.file;
        let put = || {
            if self.kept == Kept::Replaced {
                let previous = previous(file);
                remove(&previous)?;
                fs::hard_link(file, &previous)?;
            }
            fs::rename(&self.temporary, file)?;
            File::open(folder(file))?.sync_all()
        };
        put().map_err(|source| KeepFault::Failed {
            file: file.clone(),
            source,
        })?;
        Ok(self.kept)
    }
}

/// What was not put in its place is not left lying about.
impl Drop for Prepared<'_> {
    fn drop(&mut self) {
        // It has its right name by now, or nobody needs it.
        let _ = fs::remove_file(&self.temporary);
    }
}

fn write(file: &Path, text: &str, owner: Option<(u32, u32)>) -> io::Result<()> {
    // Of a run that was killed. A link that somebody laid there is removed, not followed.
    remove(file)?;
    let mut opened = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(MODE)
        .open(file)?;
    if let Some((user, group)) = owner.filter(|_| rustix::process::geteuid().is_root()) {
        fchown(&opened, Some(user), Some(group))?;
    }
    opened.write_all(text.as_bytes())?;
    opened.sync_all()
}

/// A file that is there: its user and group, and what is in it.
type Standing = ((u32, u32), Zeroizing<Vec<u8>>);

fn standing(file: &Path) -> io::Result<Option<Standing>> {
    let metadata = match fs::metadata(file) {
        Ok(metadata) => metadata,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let bytes = Zeroizing::new(fs::read(file)?);
    Ok(Some(((metadata.uid(), metadata.gid()), bytes)))
}

fn remove(file: &Path) -> io::Result<()> {
    match fs::remove_file(file) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

fn beside(file: &Path, what: &str) -> PathBuf {
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(".");
    name.push(what);
    file.with_file_name(name)
}

fn folder(file: &Path) -> &Path {
    match file.parent() {
        Some(folder) if !folder.as_os_str().is_empty() => folder,
        _ => Path::new("."),
    }
}

impl KeepFault {
    /// What is wrong and what to do.
    pub fn told(&self) -> Both {
        match self {
            Self::Exists { file } => both!(
                "{file} is there and holds something else; nothing was written. --force replaces it and keeps \
                 the old one as {previous}",
                "{file} 已存在且内容不同，未写入任何文件。--force 可替换，旧文件保留为 {previous}",
                file = file.display(),
                previous = previous(file).display(),
            ),
            Self::Failed { file, source } => both!(
                "{file} cannot be written ({source}); make the folder, and run this as root or as its owner",
                "无法写入 {file}（{source}）；请先建立目录，并以 root 或该目录所有者身份运行",
                file = file.display(),
            ),
        }
    }
}
