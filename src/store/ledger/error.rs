//! Why the ledger could not do what it was asked.

use std::io;
use std::path::{Path, PathBuf};

use super::layout::{COMMIT_BYTES_MAX, Identity};

/// One variant per thing that failed. After any of them the ledger may be asked again.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error(
        "the ledger in {} is in use by another parkgate{}; stop that one first, or give this one \
         its own [store] path", dir.display(), process(*.by)
    )]
    InUse { dir: PathBuf, by: Option<u32> },

    #[error(
        "{} cannot be written; let the user that parkgate runs as own the [store] path, on a \
         disk that is mounted read-write", path.display()
    )]
    NotWritable { path: PathBuf, source: io::Error },

    #[error(
        "no room on the disk for {}; free some: logs and other programs' files first, then the \
         ledger's oldest *.packed files, copied elsewhere. What was committed is safe, and commits \
         work again by themselves as soon as there is room", path.display()
    )]
    DiskFull { path: PathBuf, source: io::Error },

    #[error(
        "the ledger in {} belongs to box {}/{}, and the config names {}/{}; set [site] id and \
         box right, or give this box its own [store] path",
        dir.display(), found.site, found.box_id, wanted.site, wanted.box_id
    )]
    WrongBox {
        dir: PathBuf,
        found: Identity,
        wanted: Identity,
    },

    #[error(
        "{} has ledger format {found}, and this parkgate knows up to format {known}; install \
         the newer parkgate again, or an even newer one", path.display()
    )]
    NewerFormat {
        path: PathBuf,
        found: u16,
        known: u16,
    },

    #[error("a commit of more than {COMMIT_BYTES_MAX} bytes is refused; split it")]
    TooLarge,

    #[error("a checkpoint holds the whole state, so at least one record")]
    EmptyCheckpoint,

    #[error("[site] id and box are too long for the ledger; shorten them")]
    LongIdentity,

    #[error("the ledger in {} has used up its segment numbers; move the folder away", dir.display())]
    NoMoreSegments { dir: PathBuf },

    #[error("{} is not packed yet; it is left alone", path.display())]
    InUseSegment { path: PathBuf },

    #[error("cannot lock {}", path.display())]
    Lock { path: PathBuf, source: io::Error },

    #[error("cannot list the folder {}", path.display())]
    List { path: PathBuf, source: io::Error },

    #[error("cannot create {}", path.display())]
    Create { path: PathBuf, source: io::Error },

    #[error("cannot read {}; check the disk", path.display())]
    Read { path: PathBuf, source: io::Error },

    #[error("cannot write {}; check the disk", path.display())]
    Write { path: PathBuf, source: io::Error },

    #[error("cannot flush {} to the disk; check the disk", path.display())]
    Sync { path: PathBuf, source: io::Error },

    #[error("cannot rename {} to {}", path.display(), to.display())]
    Rename {
        path: PathBuf,
        to: PathBuf,
        source: io::Error,
    },

    #[error("cannot remove {}", path.display())]
    Remove { path: PathBuf, source: io::Error },

    #[error("cannot start the thread that prepares segments")]
    Thread { source: io::Error },
}

impl LedgerError {
    /// Sorts out the causes that have a remedy of their own; `otherwise` names what failed.
    pub(super) fn of(
        path: &Path,
        source: io::Error,
        otherwise: impl FnOnce(PathBuf, io::Error) -> Self,
    ) -> Self {
        let path = path.to_path_buf();
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path, source }
            }
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                Self::NotWritable { path, source }
            }
            _ => otherwise(path, source),
        }
    }
}

fn process(id: Option<u32>) -> String {
    id.map(|id| format!(" (process {id})")).unwrap_or_default()
}
