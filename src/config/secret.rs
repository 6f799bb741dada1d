//! Secrets are read from files, when they are needed, and wiped from memory afterwards.
//!
//! `credential:NAME` names a file that systemd handed over (`LoadCredential=NAME:…`). It stays so in the
//! configuration, and is looked up at each reading: where systemd puts the files differs from boot to
//! boot, and what is in force does not.

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::Read;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use zeroize::{Zeroize, Zeroizing};

/// The largest file that is taken for a secret; a PEM key has 2 KiB.
const LARGEST: u64 = 64 * 1024;

/// A secret that cannot be used. It stops what needs it, never the lanes.
#[derive(Debug, thiserror::Error)]
pub enum MissingSecret {
    /// No such file, or no right to read it.
    #[error("{} cannot be read; put the secret there, owned by the user that runs parkgate, mode 0600", file.display())]
    Unreadable {
        file: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "{} is handed over by systemd, and this process was started without it; add \
         LoadCredential={name}:/file to the service, or name the file itself",
        file.display()
    )]
    NotHandedOver { file: PathBuf, name: String },
    #[error("{} is empty; put the secret there", file.display())]
    Empty { file: PathBuf },
    #[error("{} is larger than any secret; check the file name", file.display())]
    TooLarge { file: PathBuf },
    #[error("{} is not text; write the secret as text, a key as PEM", file.display())]
    NotText { file: PathBuf },
}

impl MissingSecret {
    /// Whether there is no such file at all.
    pub fn is_absent(&self) -> bool {
        matches!(self, Self::Unreadable { source, .. } if source.kind() == std::io::ErrorKind::NotFound)
    }
}

/// Tells a file from what stood at its place before.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FileMark {
    inode: u64,
    length: u64,
    modified: (i64, i64),
    /// Of the inode itself, which a copy with kept times changes too.
    changed: (i64, i64),
}

/// The file's mark; None while there is no such file.
pub fn file_mark(file: &Path) -> Option<FileMark> {
    let metadata = std::fs::metadata(located(file).ok()?).ok()?;
    Some(FileMark {
        inode: metadata.ino(),
        length: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
    })
}

/// Reads a secret, without the blanks and line ends around it.
///
/// A file that others may read is used all the same, with a warning: refusing it would stop the
/// money for what a single `chmod` mends.
///
/// # Errors
/// [`MissingSecret`], without the content.
pub fn read_secret(file: &Path) -> Result<Zeroizing<String>, MissingSecret> {
    let unreadable = |source| MissingSecret::Unreadable {
        file: file.to_owned(),
        source,
    };
    let opened = File::open(located(file)?).map_err(unreadable)?;
    let metadata = opened.metadata().map_err(unreadable)?;
    if metadata.len() > LARGEST {
        return Err(MissingSecret::TooLarge {
            file: file.to_owned(),
        });
    }
    if readable_by_others(&metadata) && is_first_warning(file) {
        tracing::warn!(file = %file.display(), "secret is readable by others; chmod 0600 it");
    }
    let text = read_text(opened, file)?;
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(MissingSecret::Empty {
            file: file.to_owned(),
        });
    }
    Ok(Zeroizing::new(trimmed.to_owned()))
}

/// A file that is read at every attempt to connect is warned of once.
fn is_first_warning(file: &Path) -> bool {
    static WARNED: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    let mut warned = WARNED.lock().unwrap_or_else(PoisonError::into_inner);
    warned.insert(file.to_owned())
}

/// Reads a certificate or a public key, which is no secret and may be read by others.
///
/// # Errors
/// As [`read_secret`].
pub fn read_public(file: &Path) -> Result<String, MissingSecret> {
    let unreadable = |source| MissingSecret::Unreadable {
        file: file.to_owned(),
        source,
    };
    let opened = File::open(located(file)?).map_err(unreadable)?;
    Ok(read_text(opened, file)?.to_string())
}

/// The name behind `credential:`.
pub(super) fn credential(file: &Path) -> Option<&str> {
    file.to_str()?.strip_prefix(CREDENTIAL)
}

/// How a file is named that systemd hands over.
pub(super) const CREDENTIAL: &str = "credential:";

fn located(file: &Path) -> Result<Cow<'_, Path>, MissingSecret> {
    located_in(file, std::env::var_os("CREDENTIALS_DIRECTORY"))
}

fn located_in(file: &Path, folder: Option<OsString>) -> Result<Cow<'_, Path>, MissingSecret> {
    match (credential(file), folder) {
        (None, _) => Ok(Cow::Borrowed(file)),
        (Some(name), Some(folder)) => Ok(Cow::Owned(Path::new(&folder).join(name))),
        (Some(name), None) => Err(MissingSecret::NotHandedOver {
            file: file.to_owned(),
            name: name.to_owned(),
        }),
    }
}

/// Whether anyone beside the owner and the group may read the file. The group is allowed, since
/// systemd hands credentials over as `root:service` 0440.
pub fn readable_by_others(metadata: &std::fs::Metadata) -> bool {
    metadata.permissions().mode() & 0o007 != 0
}

fn read_text(opened: File, file: &Path) -> Result<Zeroizing<String>, MissingSecret> {
    // Room for everything at once: a buffer that grows would leave copies behind.
    let capacity = usize::try_from(LARGEST + 1).unwrap_or(usize::MAX);
    let mut bytes = Zeroizing::new(Vec::with_capacity(capacity));
    opened
        .take(LARGEST + 1)
        .read_to_end(&mut bytes)
        .map_err(|source| MissingSecret::Unreadable {
            file: file.to_owned(),
            source,
        })?;
    if bytes.len() == capacity {
        return Err(MissingSecret::TooLarge {
            file: file.to_owned(),
        });
    }
    String::from_utf8(std::mem::take(&mut *bytes))
        .map(Zeroizing::new)
        .map_err(|error| {
            error.into_bytes().zeroize();
            MissingSecret::NotText {
                file: file.to_owned(),
            }
        })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_where_systemd_put_it_and_any_other_file_where_it_says() {
        let (secret, plain) = (Path::new("credential:apiv3"), Path::new("/etc/apiv3"));
        let folder = || Some(OsString::from("/run/credentials/parkgate.service"));
        assert_eq!(
            located_in(secret, folder()).unwrap(),
            Path::new("/run/credentials/parkgate.service/apiv3")
        );
        assert_eq!(located_in(plain, folder()).unwrap(), plain);
        assert_eq!(located_in(plain, None).unwrap(), plain);
        let missing = located_in(secret, None).unwrap_err().to_string();
        assert!(missing.contains("LoadCredential=apiv3:"), "{missing}");
    }
}
