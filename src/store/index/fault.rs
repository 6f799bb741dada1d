//! What can be wrong with the index, and whether the folder is to blame.

use std::io;

use thiserror::Error;

use crate::lane::number::LedgerId;

use super::TruthError;
use super::frame::FrameFault;
use super::row::Prefix;
use super::tree::TreeError;

/// Why the index does not serve.
#[derive(Debug, Error)]
pub(super) enum Fault {
    #[error(transparent)]
    Tree(#[from] TreeError),
    #[error(transparent)]
    Wrong(#[from] Wrong),
    #[error("the ledger could not say what the index should hold")]
    Truth(#[source] TruthError),
    #[error("the damaged folder could not be renamed")]
    SetAside(#[source] io::Error),
    #[error("the index panicked: {0}")]
    Panicked(String),
}

/// Rows that are not what was written, or not what the ledger says.
#[derive(Debug, PartialEq, Eq, Error)]
pub(super) enum Wrong {
    #[error("a row cannot be read")]
    Frame(#[source] FrameFault),
    #[error("a row has an unknown prefix, {0:#04x}")]
    UnknownPrefix(u8),
    #[error("there are rows, but no meta row that counts them")]
    NoMeta,
    #[error("the meta row is unreadable or from another version")]
    UnknownMeta,
    #[error("rows of {0:?} are missing or too many by the index's own count")]
    Count(Prefix),
    #[error("the rows come from ledger {0}")]
    OtherLedger(LedgerId),
    #[error("the index is at sequence {index}, ahead of the ledger's {ledger}")]
    Ahead { index: u64, ledger: u64 },
    #[error("{0} rows differ from the park's state at the same sequence")]
    Differs(usize),
}

impl Fault {
    /// Whether the folder's content is to blame, so that only a new folder helps.
    pub fn is_damage(&self) -> bool {
        match self {
            Self::Tree(error) => error.is_damage(),
            Self::Wrong(_) => true,
            Self::Truth(_) | Self::SetAside(_) | Self::Panicked(_) => false,
        }
    }
}
