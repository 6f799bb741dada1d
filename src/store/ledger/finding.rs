//! What the ledger found amiss when it was read.

use std::path::PathBuf;

/// Nothing here stops the daemon; all of it goes to the log and to an alarm.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Finding {
    /// A part of a file is neither a commit nor free room.
    #[error("{file}: {bytes} bytes from byte {from} on cannot be read{}", kept(.copy))]
    Unreadable {
        file: String,
        from: u64,
        bytes: u64,
        /// Where the bytes were set aside.
        copy: Option<PathBuf>,
    },

    /// A file is shorter than it was made.
    #[error("{file} is {bytes} bytes long and was made with {expected}")]
    Truncated {
        file: String,
        bytes: u64,
        expected: u64,
    },

    /// Records that once were acknowledged are not there.
    #[error("the records {first} to {last} are missing")]
    Missing { first: u64, last: u64 },

    /// The newest part of the ledger cannot be read: a commit that was never acknowledged and was
    /// cut short by a power cut, or an acknowledged one that is damaged. They cannot be told apart.
    #[error("the last commit, after record {after_seq}, cannot be read: possibly lost")]
    PossiblyLost { after_seq: u64 },

    /// A commit failed, was reported as failed, and yet reached the disk. A later one took its place.
    #[error("the records {first} to {last} were never acknowledged and were written anew")]
    Superseded { first: u64, last: u64 },

    /// A header is not the one that its successor was chained to. Not a fault of a disk.
    #[error("the hash chain breaks before record {seq}: the ledger was altered")]
    ChainBroken { seq: u64 },

    /// A readable commit with records that others already hold.
    #[error("{file}: a commit starts again at record {seq}; it was left out")]
    OutOfOrder { file: String, seq: u64 },

    /// A file of another ledger.
    #[error("{file} belongs to another ledger; it was left out")]
    Foreign { file: String },

    /// A second file of one segment, under another's name.
    #[error("{file} is a copy of segment {of}; it was left out")]
    Copy { file: String, of: u32 },

    /// No file was readable; a new ledger with a new id was begun.
    #[error("nothing in the ledger could be read; its files were set aside in {}", folder.display())]
    Replaced { folder: PathBuf },
}

fn kept(copy: &Option<PathBuf>) -> String {
    match copy {
        Some(copy) => format!("; they were copied to {}", copy.display()),
        None => String::new(),
    }
}
