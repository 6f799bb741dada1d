//! How long the ledger keeps what: old payloads are erased by class and age, and one plate's on request.
//!
//! The state needs nothing of this: a start reads the newest checkpoint, or the one before it if that is
//! damaged, and everything here keeps off what is not older than both. What is taken is recorded before
//! it goes (docs/durability.md, "Erasing").

mod age;
mod archive;
mod catalogue;
mod memory;
mod plan;
mod request;
mod rounds;
mod stays;
#[cfg(test)]
mod tests;

use std::io;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use crate::park::disk::ERASURE;
use crate::park::erasure::{Erasure, Rule};
use crate::store::ledger::LedgerError;
use crate::store::record::{Class, Record as Stored};

pub use archive::Archive;
pub use memory::Memory;
pub use request::{Archived, Found, Request};
pub use rounds::{Retention, Round};
pub use stays::Stays;

/// Days by class, after which a payload goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Days {
    pub readings: u64,
    pub sessions: u64,
    pub money: u64,
    pub events: u64,
}

/// What retention needs of its surroundings: the daemon's loop, or a test in its place.
pub trait Desk {
    /// Puts on record what is about to go. False: it is not on the disk, and nothing may go.
    fn record(&mut self, erasure: &Erasure) -> bool;

    /// Has the whole state written to a new segment, so that the one before can be closed. False: not now.
    fn rotate(&mut self) -> bool;

    /// Waits until nobody else needs the disk. False: stop here.
    fn breathe(&mut self) -> bool;

    /// What was taken out of these records is to be taken out of the index as well.
    fn taken(&mut self, first_seq: u64, last_seq: u64);
}

/// Why a round ended early. Everything done before it is done.
#[derive(Debug, thiserror::Error)]
pub enum Stopped {
    /// The daemon ends, or the store fails.
    #[error("it was stopped; ask again")]
    Told,
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The archive is not there, full, or failing.
    #[error("{} cannot be archived, so that nothing is taken out of it", .path.display())]
    Archive {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The upkeep does not come to its end.
    #[error("the newest segments were not packed in time; ask again")]
    NotPacked,
}

impl Days {
    /// The most days that anything is kept.
    fn longest(&self) -> u64 {
        let days = [self.readings, self.sessions, self.money, self.events];
        days.into_iter().fold(0, u64::max)
    }

    /// How many days a record is kept. What was erased is remembered as long as money, and so is what this
    /// version does not know.
    fn of(&self, stored: &Stored) -> u64 {
        match stored.class {
            _ if stored.kind == ERASURE => self.money,
            Class::Reading => self.readings,
            Class::Session => self.sessions,
            Class::Money => self.money,
            Class::Event => self.events,
            Class::Other(_) => self.longest(),
        }
    }

    fn rule(&self) -> Rule {
        Rule::Age {
            readings_days: self.readings,
            sessions_days: self.sessions,
            money_days: self.money,
            events_days: self.events,
        }
    }
}
