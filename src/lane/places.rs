//! How many cars there is room for, and who comes in all the same when it is taken (E23).

use serde::{Deserialize, Serialize};

/// The places of the car park.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlaceRules {
    /// How many.
    pub count: u64,
    /// What a car meets that pays for its stay.
    pub when_full: WhenFull,
    /// What a season ticket meets. Police, fire and ambulance always come in.
    pub permits_when_full: WhenFull,
}

/// What a car meets that comes when there is no room.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenFull {
    /// Waits for the attendant.
    #[default]
    Hold,
    /// Comes in.
    Open,
}

/// Whom the rules tell apart when there is no room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Pays for its stay.
    Temporary,
    /// Has a season ticket.
    Permit,
    /// Police, fire, ambulance, military.
    Special,
}

impl PlaceRules {
    /// Whether there is no room left.
    pub fn is_full(&self, inside: u64) -> bool {
        inside >= self.count
    }

    /// Whether there is so much room again that it is worth telling: at a car park that is full all
    /// day, every car that leaves makes room for a moment.
    pub fn has_room_again(&self, inside: u64) -> bool {
        inside.saturating_add((self.count / 50).max(1)) <= self.count
    }

    /// Whether a car of this class waits when it is full.
    pub fn holds(&self, class: Class) -> bool {
        let when_full = match class {
            Class::Temporary => self.when_full,
            Class::Permit => self.permits_when_full,
            Class::Special => WhenFull::Open,
        };
        when_full == WhenFull::Hold
    }
}
