//! What is to be done when, and what is under way.

use std::collections::{BTreeMap, BTreeSet};

use crate::lane::number::SessionId;
use crate::lane::time::Moment;

/// One thing that the queue works on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Item {
    /// The charge with this `out_trade_no`.
    Charge(String),
    /// The entry of this stay.
    Entry(SessionId),
}

impl Item {
    /// What its jitter derives from.
    pub fn key(&self) -> &str {
        match self {
            Self::Charge(trade_no) => trade_no,
            Self::Entry(session) => &session.0,
        }
    }
}

/// Times are of this run and not on disk: after a restart everything is due at once.
#[derive(Clone, Debug, Default)]
pub struct Agenda {
    due: BTreeSet<(Moment, Item)>,
    at: BTreeMap<Item, Moment>,
    in_flight: BTreeMap<Item, Moment>,
    tries: BTreeMap<Item, u32>,
}

impl Agenda {
    /// Puts `item` at `at`, instead of where it was.
    pub fn put(&mut self, item: &Item, at: Moment) {
        self.lift(item);
        self.due.insert((at, item.clone()));
        self.at.insert(item.clone(), at);
    }

    /// Forgets `item` altogether.
    pub fn forget(&mut self, item: &Item) {
        self.lift(item);
        self.in_flight.remove(item);
        self.tries.remove(item);
    }

    /// The first item that is due.
    pub fn first_due(&self, now: Moment) -> Option<Item> {
        self.due
            .first()
            .filter(|(at, _)| *at <= now)
            .map(|(_, item)| item.clone())
    }

    /// When the first item is due.
    pub fn next_at(&self) -> Option<Moment> {
        self.due.first().map(|(at, _)| *at)
    }

    /// When `item` is due; None if it is on its way or unknown.
    pub fn next_at_of(&self, item: &Item) -> Option<Moment> {
        self.at.get(item).copied()
    }

    /// `item` is on its way; it is not due until it is put again.
    pub fn sent(&mut self, item: &Item, now: Moment) {
        self.lift(item);
        self.in_flight.insert(item.clone(), now);
    }

    /// An answer for `item` came. False: nobody was waiting for one.
    pub fn landed(&mut self, item: &Item) -> bool {
        self.in_flight.remove(item).is_some()
    }

    /// Whether `item` is on its way.
    pub fn is_in_flight(&self, item: &Item) -> bool {
        self.in_flight.contains_key(item)
    }

    /// How many calls are on their way.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// What has been on its way since before `moment`.
    pub fn overdue(&self, moment: Moment) -> Option<Item> {
        self.in_flight
            .iter()
            .find(|(_, since)| **since < moment)
            .map(|(item, _)| item.clone())
    }

    /// When the longest call under way began.
    pub fn oldest_flight(&self) -> Option<Moment> {
        self.in_flight.values().min().copied()
    }

    /// Counts one more try; returns how many there were before.
    pub fn tried(&mut self, item: &Item) -> u32 {
        let tries = self.tries.entry(item.clone()).or_default();
        *tries = tries.saturating_add(1);
        *tries - 1
    }

    /// Starts counting anew, as the item has moved on.
    pub fn moved_on(&mut self, item: &Item) {
        self.tries.remove(item);
    }

    fn lift(&mut self, item: &Item) {
        if let Some(at) = self.at.remove(item) {
            self.due.remove(&(at, item.clone()));
        }
    }
}
