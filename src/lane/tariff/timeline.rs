//! Which band holds when.

use super::DAY_S;
use super::calendar::{Calendar, Day};
use super::price::Band;

/// The bands of a price list along one stay.
#[derive(Clone, Copy)]
pub(super) struct Timeline<'a> {
    pub bands: &'a [Band],
    pub calendar: &'a Calendar,
    /// Local second of the entry, from 1970-01-01.
    pub entry_s: i64,
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

    /// The bands that hold on the day at `at_s` of the stay and on the one after it, as bits: two
    /// stretches of 24 h that begin at the same hour and have equal bits cost the same.
    pub(super) fn days_at(&self, at_s: u64) -> (u64, u64) {
        let (day, _) = self.day(at_s);
        (self.bits(day), self.bits(day.plus(1)))
    }

    /// Seconds from the entry to the next midnight.
    pub(super) fn until_midnight_s(&self) -> u64 {
        let (_, second) = self.day(0);
        DAY_S - second
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
        (band, at_s.saturating_add(edge - second))
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
        Day::of_local_s(self.entry_s.saturating_add_unsigned(at_s))
    }
}
