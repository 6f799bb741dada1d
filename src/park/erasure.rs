//! Payloads that were taken out of the ledger: what it remembers of them.

use serde::{Deserialize, Serialize};

use crate::store::record::Class;

/// One piece of erasing. Recorded before it is done, so that after a power cut in between it stands here
/// twice: once for what was not done, and once for what was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Erasure {
    /// By what right.
    pub rule: Rule,
    /// First record of the segments that it concerned.
    pub first_seq: u64,
    /// Last record of them.
    pub last_seq: u64,
    /// Segments that were written anew without some payloads.
    pub rewritten: u64,
    /// Segments of which nothing was left to keep; they are gone, headers and all.
    pub removed: u64,
    /// Payloads that were taken.
    pub payloads: Payloads,
    /// Where the plate stood among those that left last: the whole states that come after do not have it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub forgotten: Option<u64>,
    /// Payloads that the rule covers and that had to stay: what they tell of is not finished, or is money.
    pub kept: Payloads,
}

/// By what right payloads are erased.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rule {
    /// They were older than `[retention]` wants them kept.
    Age {
        /// As configured then.
        readings_days: u64,
        /// As configured then.
        sessions_days: u64,
        /// As configured then.
        money_days: u64,
        /// As configured then.
        events_days: u64,
    },
    /// A person asked for one plate's to be erased. Which plate is not told: there are so few plates that
    /// any hash of one can be tried out, with whatever salt, by whoever has the ledger.
    Request {
        /// Random; whoever files the request writes it onto the paper.
        reference: String,
        /// Who erased.
        by: String,
        /// Why.
        why: String,
    },
}

/// How many payloads of each class.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payloads {
    /// What cameras saw.
    pub reading: u64,
    /// Stays, barriers and people.
    pub session: u64,
    /// Entries and charges.
    pub money: u64,
    /// Everything else.
    pub event: u64,
    /// Of classes that this version does not know.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub other: u64,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Payloads {
    /// One more of this class.
    pub fn count(&mut self, class: Class) {
        *self.of_mut(class) += 1;
    }

    /// How many of this class.
    pub fn of(mut self, class: Class) -> u64 {
        *self.of_mut(class)
    }

    /// Of all classes together.
    pub fn total(&self) -> u64 {
        self.reading + self.session + self.money + self.event + self.other
    }

    /// As many more.
    pub fn add(&mut self, more: Self) {
        self.reading += more.reading;
        self.session += more.session;
        self.money += more.money;
        self.event += more.event;
        self.other += more.other;
    }

    fn of_mut(&mut self, class: Class) -> &mut u64 {
        match class {
            Class::Reading => &mut self.reading,
            Class::Session => &mut self.session,
            Class::Money => &mut self.money,
            Class::Event => &mut self.event,
            Class::Other(_) => &mut self.other,
        }
    }
}
