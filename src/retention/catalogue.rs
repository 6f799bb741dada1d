//! What stands in which segment, so that they need not be read again at each look.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::age::{Reached, Span};
use super::{Days, Desk, Stopped};
use crate::lane::time::Wall;
use crate::park::disk::{ERASURE, is_of_a_whole_state};
use crate::store::ledger::{Closed, ClosedSegment, PackedFile};
use crate::store::record::{Checkpoint, Commit};

const DAY_MS: u64 = 86_400_000;

/// Every segment of a ledger, by number.
#[derive(Debug, Default)]
pub struct Catalogue {
    entries: BTreeMap<u32, Entry>,
    /// Packed segments came, changed or went since it was last kept.
    changed: bool,
}

/// One segment.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Entry {
    /// Its file, if it is packed; while that is the same, so is all else.
    file: Option<PackedFile>,
    state: StateIn,
    span: Span,
    /// How many payloads are kept for how many days.
    payloads: BTreeMap<u64, u64>,
    /// The same without what no segment need end for: whole states, rules, and what tells of erasures. Else
    /// an idle box would write a state a day, erase the one before, and so have written again.
    steps: BTreeMap<u64, u64>,
    /// How old it was when something in it had to stay.
    kept_at_ms: Option<u64>,
}

/// What a segment holds of the whole states in the ledger.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct StateIn {
    /// Begins with one, or with its first part.
    begins: bool,
    /// One ends in it.
    ends: bool,
    /// Some of it is erased.
    is_erased: bool,
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
    /// What was known before of segments, as far as their files are as they were.
    pub fn of(mut known: BTreeMap<u32, Entry>, closed: &Closed) -> Self {
        known.retain(|number, entry| {
            entry.file.is_some() && entry.file == closed.packed_file(*number)
        });
        Self {
            entries: known,
            changed: false,
        }
    }

    /// The packed segments.
    pub fn packed(&self) -> impl Iterator<Item = (u32, &Entry)> {
        let entries = self.entries.iter().map(|(number, entry)| (*number, entry));
        entries.filter(|(_, entry)| entry.is_packed())
    }

    /// Whether [`Catalogue::packed`] has changed since this was last asked.
    pub fn take_changed(&mut self) -> bool {
        std::mem::take(&mut self.changed)
    }

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
        let before = self.entries.len();
        self.entries.retain(|number, _| numbers.contains(number));
        self.changed |= self.entries.len() != before;
        for number in numbers {
            if self.entries.get(&number).is_some_and(Entry::is_packed) {
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
        // Before it is read: if it changes meanwhile, it is read again.
        let file = closed.packed_file(number);
        match closed.read(number)? {
            Some(segment) => {
                let file = file.filter(|_| segment.is_packed());
                self.changed |= file.is_some();
                let kept_at_ms = self.entries.get(&number).and_then(|old| old.kept_at_ms);
                let entry = Entry {
                    file,
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

    /// The oldest segment that a start may read: the one with which the newest checkpoint but one begins.
    /// None: no segment can be spared.
    pub fn needed_from(&self, newest_checkpoint: u32) -> Option<u32> {
        let mut is_whole_from_here = false;
        for (number, Entry { state, .. }) in self.entries.range(..newest_checkpoint).rev() {
            is_whole_from_here = (is_whole_from_here || state.ends) && !state.is_erased;
            if state.begins {
                if is_whole_from_here {
                    return Some(*number);
                }
                is_whole_from_here = false;
            }
        }
        None
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
            if entry.is_packed() && is_time && (is_due || may_be_removed) {
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

impl StateIn {
    fn of<'c>(commits: impl Iterator<Item = &'c Commit>) -> Self {
        let mut state = Self::default();
        for (at, commit) in commits.enumerate() {
            state.begins |=
                at == 0 && matches!(commit.checkpoint, Checkpoint::Whole | Checkpoint::First);
            state.ends |= matches!(commit.checkpoint, Checkpoint::Whole | Checkpoint::Last);
            state.is_erased |= commit.checkpoint != Checkpoint::No && !commit.is_checkpoint();
        }
        state
    }
}

impl Entry {
    /// Whether it is packed: only then it may be changed.
    fn is_packed(&self) -> bool {
        self.file.is_some()
    }

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
            file: None,
            state: StateIn::of(commits()),
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
