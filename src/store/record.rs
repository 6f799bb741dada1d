//! What the ledger keeps: records, in commits.

/// Which retention and which reader a record belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Class {
    /// What a camera or a loop reported.
    Reading,
    /// A stay: opened, priced, closed.
    Session,
    /// An entry at WeChat, a charge, a refund, cash.
    Money,
    /// Everything else: config, tariff, alarms, decisions.
    Event,
    /// A class that this version does not know. It is kept as it is.
    Other(u8),
}

impl Class {
    /// The byte on disk.
    pub fn code(self) -> u8 {
        match self {
            Self::Reading => 1,
            Self::Session => 2,
            Self::Money => 3,
            Self::Event => 4,
            Self::Other(code) => code,
        }
    }

    /// The class of a byte on disk; every byte has one.
    pub fn from_code(code: u8) -> Self {
        match code {
            1 => Self::Reading,
            2 => Self::Session,
            3 => Self::Money,
            4 => Self::Event,
            other => Self::Other(other),
        }
    }

    /// As it is written for people; the number where there is no name.
    pub fn name(self) -> String {
        match self {
            Self::Reading => "reading".to_owned(),
            Self::Session => "session".to_owned(),
            Self::Money => "money".to_owned(),
            Self::Event => "event".to_owned(),
            Self::Other(code) => code.to_string(),
        }
    }

    /// The class of a name or a number; one that means nothing is of class 0.
    pub fn from_name(name: &str) -> Self {
        match name {
            "reading" => Self::Reading,
            "session" => Self::Session,
            "money" => Self::Money,
            "event" => Self::Event,
            number => Self::from_code(number.parse().unwrap_or(0)),
        }
    }
}

/// One fact. The ledger does not look into the payload.
#[derive(Clone, PartialEq, Eq)]
pub struct Record {
    pub class: Class,
    /// What the payload says, unique within its class (`src/park/record.rs`).
    pub kind: u16,
    /// Version of the payload's form.
    pub version: u16,
    /// JSON in practice. Empty if it has been erased.
    pub payload: Vec<u8>,
}

/// Without the payload, which holds plates.
impl std::fmt::Debug for Record {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Record")
            .field("class", &self.class)
            .field("kind", &self.kind)
            .field("version", &self.version)
            .field("bytes", &self.payload.len())
            .finish()
    }
}

/// Whether a commit tells of a step, or of the whole state at its point. A state that is too large for one
/// commit goes over several that follow each other.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Checkpoint {
    /// A step.
    #[default]
    No,
    /// All of the state.
    Whole,
    /// The state's first part.
    First,
    /// Another part, and not the last one.
    Further,
    /// The state's last part.
    Last,
}

impl Checkpoint {
    /// The byte on disk.
    pub fn code(self) -> u8 {
        match self {
            Self::No => 0,
            Self::Whole => 1,
            Self::First => 2,
            Self::Further => 3,
            Self::Last => 4,
        }
    }

    /// What a byte on disk says; None if this version does not know it.
    pub fn from_code(code: u8) -> Option<Self> {
        let all = [
            Self::No,
            Self::Whole,
            Self::First,
            Self::Further,
            Self::Last,
        ];
        all.into_iter().find(|known| known.code() == code)
    }

    /// Whether it is one of several commits.
    pub fn is_part(self) -> bool {
        matches!(self, Self::First | Self::Further | Self::Last)
    }
}

/// Records that became durable together: all of them or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Seq of the first record; the others follow one by one.
    pub first_seq: u64,
    /// Whether the records are the state at this point, or a part of it, rather than a step.
    pub checkpoint: Checkpoint,
    pub records: Vec<Record>,
    /// Seqs of the records whose payload has been erased for privacy.
    pub erased: Vec<u64>,
}

impl Commit {
    /// Whether a start can read the state, or this part of it: a checkpoint of which nothing is erased.
    pub fn is_checkpoint(&self) -> bool {
        self.checkpoint != Checkpoint::No && self.erased.is_empty()
    }

    /// Seq of the last record. A commit holds at least one.
    pub fn last_seq(&self) -> u64 {
        let count = u64::try_from(self.records.len()).unwrap_or(u64::MAX);
        self.first_seq.saturating_add(count.saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_class_byte_comes_back_as_itself() {
        for code in 0..=u8::MAX {
            let class = Class::from_code(code);
            assert_eq!(class.code(), code);
            assert_eq!(Class::from_name(&class.name()), class);
        }
    }
}
