//! Which band holds when.

use super::DAY_S;
use super::calendar::{Calendar, Day};
use super::clock::Clock;
use super::price::Band;

/// The bands of a price list along one stay.
#[derive(Clone, Copy)]
pub(super) struct Timeline<'a> {
    pub bands: &'a [Band],
    pub calendar: &'a Calendar,
    /// Local second of the entry, from 1970-01-01.
    pub entry_s: i64,
    /// By which the stay is counted.
    pub clock: Clock<'a>,
}

impl Timeline<'_> {
    /// The band at `from_s` of the stay, and until when it holds without a break, at most to `to_s`.
    /// Outside bands it is their number.
    pub(super) fn stretch(&self, from_s: u64, to_s: u64) -> (usize, u64) {
        if self.bands.is_empty() {
            return (0, to_s);
        }
        let (band, mut end_s) = self.step(from_s);
        while end_s < to_s {
            let (next, next_end_s) = self.step(end_s);
            if next != band {
                return (band, end_s);
            }
            end_s = next_end_s;
        }
        (band, to_s)
    }

    /// Whether every day is like every other.
    pub(super) fn is_daily(&self) -> bool {
        self.bands.iter().all(|band| band.days.is_empty())
    }

    /// For each of `count` stretches of 24 h from `at_s` of the stay, the bands that hold on its day and on
    /// the one after it, as bits: of those that begin at the same hour, two with equal bits cost the same.
    pub(super) fn days(&self, at_s: u64, count: u64) -> impl Iterator<Item = (u64, u64)> {
        let (mut day, _) = self.day(at_s);
        let mut bits = self.bits(day);
        (0..count).map(move |_| {
            day = day.plus(1);
            let today = std::mem::replace(&mut bits, self.bits(day));
            (today, bits)
        })
    }

    /// The second of the stay at the next midnight after `at_s`.
    pub(super) fn next_midnight_s(&self, at_s: u64) -> u64 {
        let (_, second) = self.day(at_s);
        let midnight_s = self.clock.since_entry_s(at_s) + DAY_S - second;
        self.clock.counted_s(midnight_s)
    }

    fn step(&self, at_s: u64) -> (usize, u64) {
        let (day, second) = self.day(at_s);
        let kind = self.calendar.kind_of(day);
        let (mut band, mut edge) = (self.bands.len(), DAY_S);
        for (index, candidate) in self.bands.iter().enumerate() {
            let days = &candidate.days;
            if !days.is_empty() && !days.iter().any(|days| self.calendar.has(days, &kind)) {
                continue;
            }
            if let Some(next) = candidate.edge_after(second) {
                edge = edge.min(next);
            }
            if candidate.has(second) {
                band = band.min(index);
            }
        }
        let end_s = at_s.saturating_add(edge - second);
        let stop_s = self.clock.next_stop_s(at_s).unwrap_or(u64::MAX);
        (band, end_s.min(stop_s))
    }

    fn bits(&self, day: Day) -> u64 {
        let kind = self.calendar.kind_of(day);
        let bands = self.bands.iter().enumerate();
        bands.fold(0, |bits, (index, band)| {
            let holds = band.days.iter().any(|days| self.calendar.has(days, &kind));
            bits | u64::from(holds) << (index % 64)
        })
    }

    fn day(&self, at_s: u64) -> (Day, u64) {
        let since_entry_s = self.clock.since_entry_s(at_s);
        Day::of_local_s(self.entry_s.saturating_add_unsigned(since_entry_s))
    }
}
