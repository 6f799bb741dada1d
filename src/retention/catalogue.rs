//! What stands in which segment, so that they need not be read again at each look.

use std::collections::BTreeMap;

use super::age::{Reached, Span};
use super::{Days, Desk, Stopped};
use crate::lane::time::Wall;
use crate::park::disk::{ERASURE, is_of_a_whole_state};
use crate::store::ledger::{Closed, ClosedSegment};

const DAY_MS: u64 = 86_400_000;

/// Every segment of a ledger, by number.
#[derive(Debug, Default)]
pub struct Catalogue {
    entries: BTreeMap<u32, Entry>,
}

/// One segment.
#[derive(Clone, Debug)]
pub struct Entry {
    pub packed: bool,
    /// Begins with a checkpoint that a start can read its state from.
    begins_whole: bool,
    span: Span,
    /// How many payloads are kept for how many days.
    payloads: BTreeMap<u64, u64>,
    /// The same without what no segment need end for: whole states, rules, and what tells of erasures. Else
    /// an idle box would write a state a day, erase the one before, and so have written again.
    steps: BTreeMap<u64, u64>,
    /// How old it was when something in it had to stay.
    kept_at_ms: Option<u64>,
}

/// How old a segment is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Age {
    /// Of its first record.
    pub first_ms: u64,
    /// Of its last one.
    pub last_ms: u64,
}

impl Catalogue {
    /// Reads what is new or may have changed.
    ///
    /// # Errors
    /// If it cannot be read, or is stopped.
    pub fn refresh(
        &mut self,
        closed: &Closed,
        days: &Days,
        desk: &mut dyn Desk,
    ) -> Result<(), Stopped> {
        let numbers = closed.numbers()?;
        self.entries.retain(|number, _| numbers.contains(number));
        for number in numbers {
            if self.entries.get(&number).is_some_and(|entry| entry.packed) {
                continue;
            }
            self.reload(number, closed, days)?;
            if !desk.breathe() {
                return Err(Stopped::Told);
            }
        }
        Ok(())
    }

    /// Reads one segment anew.
    ///
    /// # Errors
    /// If it cannot be read.
    pub fn reload(&mut self, number: u32, closed: &Closed, days: &Days) -> Result<(), Stopped> {
        match closed.read(number)? {
            Some(segment) => {
                let kept_at_ms = self.entries.get(&number).and_then(|old| old.kept_at_ms);
                let entry = Entry {
                    kept_at_ms,
                    ..Entry::of(&segment, days)
                };
                self.entries.insert(number, entry);
            }
            None => {
                self.entries.remove(&number);
            }
        }
        Ok(())
    }

    /// Something in a segment had to stay when it was so old.
    pub fn note_kept(&mut self, number: u32, age_ms: u64) {
        if let Some(entry) = self.entries.get_mut(&number) {
            entry.kept_at_ms = Some(age_ms);
        }
    }

    /// The oldest segment that a start may read: the one with the newest checkpoint but one. None: no
    /// segment can be spared.
    pub fn needed_from(&self, newest_checkpoint: u32) -> Option<u32> {
        let before = self.entries.range(..newest_checkpoint);
        let mut whole = before.rev().filter(|(_, entry)| entry.begins_whole);
        whole.next().map(|(number, _)| *number)
    }

    /// The packed segments before `until`, oldest first, in which something may be due, or of which nothing
    /// is left and that nothing older stands before.
    pub fn due(&self, until: u32, ages: &BTreeMap<u32, Age>) -> Vec<u32> {
        let mut may_be_removed = true;
        let mut due = Vec::new();
        for (number, entry) in self.entries.range(..until) {
            let age_ms = ages.get(number).map_or(0, |age| age.last_ms);
            let is_due = is_due(&entry.payloads, age_ms);
            let goes_whole = is_due && entry.kept_at_ms.is_none();
            may_be_removed &= goes_whole || entry.payloads.is_empty();
            // What had to stay is looked at again a day later.
            let is_time = entry
                .kept_at_ms
                .is_none_or(|kept_at| age_ms.saturating_sub(kept_at) >= DAY_MS);
            if entry.packed && is_time && (is_due || may_be_removed) {
                due.push(*number);
            }
        }
        due
    }

    /// Whether a new segment should begin: the one in use holds more than a day, or something is due
    /// that a start would still read.
    pub fn wants_rotation(&self, needed_from: Option<u32>, ages: &BTreeMap<u32, Age>) -> bool {
        let Some((newest, in_use)) = self.entries.last_key_value() else {
            return false;
        };
        let is_long = ages.get(newest).is_some_and(|age| age.first_ms >= DAY_MS);
        let mut needed = self.entries.range(needed_from.unwrap_or(0)..);
        let holds_due = needed.any(|(number, entry)| {
            let age_ms = ages.get(number).map_or(0, |age| age.last_ms);
            is_due(&entry.steps, age_ms)
        });
        holds_due || (is_long && !in_use.steps.is_empty())
    }

    /// Every segment's number, oldest first.
    pub fn numbers(&self) -> impl Iterator<Item = u32> {
        self.entries.keys().copied()
    }

    /// How old every segment is now, by a clock that has run evenly for so long.
    pub fn ages(&self, now: Wall, even_for_ms: u64) -> BTreeMap<u32, Age> {
        let mut reached = Reached::default();
        let lived: Vec<(u32, u64, u64)> = self
            .entries
            .iter()
            .map(|(number, entry)| {
                reached.through(&entry.span);
                let begun_ms = reached.lived_ms.saturating_sub(entry.span.lived_ms);
                (*number, begun_ms, reached.lived_ms)
            })
            .collect();
        reached.up_to_now(now, even_for_ms);
        let age = |lived_ms: u64| reached.lived_ms.saturating_sub(lived_ms);
        lived
            .into_iter()
            .map(|(number, begun_ms, ended_ms)| {
                let age = Age {
                    first_ms: age(begun_ms),
                    last_ms: age(ended_ms),
                };
                (number, age)
            })
            .collect()
    }
}

impl Entry {
    fn of(segment: &ClosedSegment, days: &Days) -> Self {
        let (mut payloads, mut steps) = (BTreeMap::new(), BTreeMap::new());
        let commits = || segment.commits();
        for stored in commits().flat_map(|commit| &commit.records) {
            if !stored.payload.is_empty() {
                let days = days.of(stored);
                *payloads.entry(days).or_default() += 1;
                if !is_of_a_whole_state(stored) && stored.kind != ERASURE {
                    *steps.entry(days).or_default() += 1;
                }
            }
        }
        if commits().next().is_none() {
            // Nobody knows what stood there.
            payloads.insert(days.longest(), 1);
        }
        Self {
            packed: segment.is_packed(),
            begins_whole: commits()
                .next()
                .is_some_and(|commit| commit.is_whole_checkpoint()),
            span: Span::of(commits()),
            payloads,
            steps,
            kept_at_ms: None,
        }
    }
}

fn is_due(payloads: &BTreeMap<u64, u64>, age_ms: u64) -> bool {
    payloads
        .first_key_value()
        .is_some_and(|(days, _)| age_ms >= days.saturating_mul(DAY_MS))
}
