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

/// Records that became durable together: all of them or none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Commit {
    /// Seq of the first record; the others follow one by one.
    pub first_seq: u64,
    /// Whether the records are the whole state at this point rather than a step.
    pub checkpoint: bool,
    pub records: Vec<Record>,
    /// Seqs of the records whose payload has been erased for privacy.
    pub erased: Vec<u64>,
}

impl Commit {
    /// Whether a start can read its state from here: a checkpoint of which nothing is erased.
    pub fn is_whole_checkpoint(&self) -> bool {
        self.checkpoint && self.erased.is_empty()
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
