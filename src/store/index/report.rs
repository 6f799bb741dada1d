//! What the index tells the rest of the daemon, in words for the log and the alarm list.

use std::fmt;
use std::path::PathBuf;

/// Something happened to the index. The ledger, and so every charge, is never affected.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum IndexReport {
    /// It serves; `repaired` of its rows were missing, wrong or too many before.
    Ready { rows: u64, repaired: usize },
    /// Rows of history are written anew from the ledger; so many records of so many are done. Told at
    /// each tenth, where there are many.
    Filling { done: u64, of: u64 },
    /// Its folder was renamed, and a new one is being filled.
    SetAside { to: PathBuf, reason: String },
    /// It does not serve. Told once for each reason; [`Ready`](Self::Ready) ends it.
    Unavailable { reason: String },
    /// Batches came faster than the disk took them, and `dropped` of them were not queued; it
    /// catches up by comparing itself with the ledger.
    Behind { dropped: u64 },
}

impl fmt::Display for IndexReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Ready { rows, repaired: 0 } => {
                write!(f, "the index is ready: {rows} rows agree with the ledger")
            }
            Self::Ready { rows, repaired } => write!(
                f,
                "the index is ready: {rows} rows, {repaired} of them repaired from the ledger"
            ),
            Self::Filling { done, of } => write!(
                f,
                "the index is being made from the ledger: {done} of {of} records; lists and searches \
                 wait, lanes and charges do not"
            ),
            Self::SetAside { to, reason } => write!(
                f,
                "the index was damaged ({reason}) and lies in {} now; a new one is being made from \
                 the ledger, where every charge is safe",
                to.display()
            ),
            Self::Unavailable { reason } => write!(
                f,
                "the index does not answer ({reason}); lists and searches wait, every charge is \
                 safe in the ledger"
            ),
            Self::Behind { dropped } => write!(
                f,
                "the index fell behind by {dropped} commits and catches up from the ledger, where \
                 every charge is safe"
            ),
        }
    }
}
