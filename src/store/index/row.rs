//! What the index holds: rows under a prefix, and the changes that a commit makes to them.

use std::fmt;

/// The kind of a row; the first byte of its key on disk, where it never changes its meaning.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Prefix {
    /// Charges not yet done with, by `out_trade_no` (docs/durability.md, "The index").
    Charge,
    /// Entries not yet done with, by session.
    Entry,
    /// Open sessions, by number.
    Session,
    /// What happened, by ledger sequence.
    History,
    /// Erasures that the index has to follow: the records whose history may be gone, by the sequence of
    /// the record that told of it.
    Erasure,
}

/// Where the rows of a prefix come from, and so what they can be compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Computed from the park's state: the whole set is known at any time and compared at start.
    Derived,
    /// Written from ledger records: repaired by reading the records again.
    History,
}

impl Prefix {
    /// Every prefix there is.
    pub const ALL: [Self; 5] = [
        Self::Charge,
        Self::Entry,
        Self::Session,
        Self::History,
        Self::Erasure,
    ];

    /// Those whose rows follow from the park's state, in the order in which they lie in the tree.
    pub const DERIVED: [Self; 3] = [Self::Charge, Self::Entry, Self::Session];

    /// Where rows of this prefix come from.
    pub fn origin(self) -> Origin {
        match self {
            Self::Charge | Self::Entry | Self::Session => Origin::Derived,
            Self::History | Self::Erasure => Origin::History,
        }
    }

    /// The byte on disk. 0 is taken: it leads to the meta row. 0x30 once led to WeChat's keys.
    pub(super) fn byte(self) -> u8 {
        match self {
            Self::Charge => 0x10,
            Self::Entry => 0x11,
            Self::Session => 0x12,
            Self::History => 0x20,
            Self::Erasure => 0x21,
        }
    }

    pub(super) fn from_byte(byte: u8) -> Option<Self> {
        Self::ALL.into_iter().find(|prefix| prefix.byte() == byte)
    }

    /// The key in the tree of the row that its owner calls `key`.
    pub(super) fn tree_key(self, key: &[u8]) -> Vec<u8> {
        let mut whole = Vec::with_capacity(1 + key.len());
        whole.push(self.byte());
        whole.extend_from_slice(key);
        whole
    }
}

/// One row. Rows of a prefix are kept and answered in the byte order of their keys, so counters and
/// times in keys are big-endian. Values are best kept under 4 KiB: sled packs up to 16 rows into a page.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Row {
    pub prefix: Prefix,
    pub key: Vec<u8>,
    pub value: Vec<u8>,
}

/// Lengths only: keys and values hold plates.
impl fmt::Debug for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Row")
            .field("prefix", &self.prefix)
            .field("key_bytes", &self.key.len())
            .field("value_bytes", &self.value.len())
            .finish()
    }
}

impl Row {
    /// These records' history may be gone, says the record `seq`.
    pub fn of_erasure(seq: u64, first_seq: u64, last_seq: u64) -> Self {
        Self {
            prefix: Prefix::Erasure,
            key: seq.to_be_bytes().to_vec(),
            value: [first_seq.to_be_bytes(), last_seq.to_be_bytes()].concat(),
        }
    }

    /// The first and the last of the records that [`Row::of_erasure`] tells of.
    pub(super) fn erased(&self) -> Option<(u64, u64)> {
        let (first, last) = self.value.split_first_chunk()?;
        let last = last.try_into().ok()?;
        Some((u64::from_be_bytes(*first), u64::from_be_bytes(last)))
    }
}

/// A row that comes, is replaced, or goes. Deleting what is not there is no fault.
#[derive(Clone, PartialEq, Eq)]
pub enum Change {
    Put(Row),
    Delete { prefix: Prefix, key: Vec<u8> },
}

impl Change {
    /// The prefix that is changed.
    pub fn prefix(&self) -> Prefix {
        match self {
            Self::Put(row) => row.prefix,
            Self::Delete { prefix, .. } => *prefix,
        }
    }
}

/// Lengths only, as for [`Row`].
impl fmt::Debug for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Put(row) => f.debug_tuple("Put").field(row).finish(),
            Self::Delete { prefix, key } => f
                .debug_struct("Delete")
                .field("prefix", prefix)
                .field("key_bytes", &key.len())
                .finish(),
        }
    }
}

/// Everything that a commit of the ledger changes in the index; applied whole or not at all. Where
/// two changes name the same row, the later one counts.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Batch {
    /// Sequence number of the commit's last record, from 1, rising from batch to batch.
    pub last_seq: u64,
    pub changes: Vec<Change>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_have_their_own_bytes_and_none_takes_the_meta_row() {
        for prefix in Prefix::ALL {
            assert_eq!(Prefix::from_byte(prefix.byte()), Some(prefix));
            assert_ne!(prefix.byte(), 0);
        }
        assert_eq!(Prefix::from_byte(0), None);
    }

    #[test]
    fn debug_shows_no_plate() {
        let row = Row {
            prefix: Prefix::Session,
            key: "粤B888888".into(),
            value: b"BLUE".to_vec(),
        };
        let shown = format!("{:?}", Change::Put(row));
        assert!(
            !shown.contains("888") && !shown.contains("56, 56"),
            "{shown}"
        );
    }
}
