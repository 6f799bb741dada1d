//! How old a segment is, by a clock that may have been wrong for a while.
//!
//! Age is not the difference of two wall times: a clock that once ran years ahead would make everything
//! old. It is the sum of the time from each record to the next, and a jump that no car park makes between
//! two records counts nothing. What is too old by this sum is so by any clock.

use serde::{Deserialize, Serialize};

use crate::lane::time::Wall;
use crate::store::record::Commit;
use crate::story::head::{StepClock, newest_stamp};

/// A longer time between two records is taken for a clock's jump.
pub const PLAUSIBLE_MS: u64 = 7 * 86_400_000;
/// A clock that is set back by more than this was wrong before; by less, it is merely corrected.
const SET_BACK_MS: i64 = 3_600_000;

/// The times of a segment's records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub first: Option<Wall>,
    pub last: Option<Wall>,
    /// From the first to the last, jumps left out.
    pub lived_ms: u64,
}

/// How far time has come, segment by segment.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reached {
    last: Option<Wall>,
    pub lived_ms: u64,
}

impl Span {
    /// Of a segment's trusted times, in the order of its records.
    pub fn of<'c>(commits: impl Iterator<Item = &'c Commit>) -> Self {
        let (mut clock, mut reached, mut first) = (StepClock::default(), Reached::default(), None);
        for stored in commits.flat_map(|commit| &commit.records) {
            let time = match clock.hear(stored) {
                Some(now) => now.trusted.then_some(now.wall),
                None => newest_stamp(stored),
            };
            if let Some(time) = time {
                first.get_or_insert(time);
                reached.come_to(time);
            }
        }
        Self {
            first,
            last: reached.last,
            lived_ms: reached.lived_ms,
        }
    }
}

impl Reached {
    /// Goes on to the end of a segment.
    pub fn through(&mut self, span: &Span) {
        if let Some(first) = span.first {
            self.come_to(first);
            self.lived_ms = self.lived_ms.saturating_add(span.lived_ms);
            self.last = span.last;
        }
    }

    /// Goes on to now. Of the time since the newest record, a clock that was seen to run evenly for so long
    /// vouches for that much.
    pub fn up_to_now(&mut self, now: Wall, even_for_ms: u64) {
        let Some(last) = self.last else { return };
        let gap = u64::try_from(now.0.saturating_sub(last.0)).unwrap_or(0);
        let counted = match gap <= PLAUSIBLE_MS {
            true => gap,
            false => gap.min(even_for_ms),
        };
        self.lived_ms = self.lived_ms.saturating_add(counted);
        self.last = Some(now);
    }

    fn come_to(&mut self, time: Wall) {
        let Some(last) = self.last else {
            self.last = Some(time);
            return;
        };
        let step = time.0.saturating_sub(last.0);
        if let Ok(forward) = u64::try_from(step) {
            if forward <= PLAUSIBLE_MS {
                self.lived_ms = self.lived_ms.saturating_add(forward);
            }
            self.last = Some(time);
        } else if step < -SET_BACK_MS {
            self.last = Some(time);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: i64 = 86_400_000;
    const T0: i64 = 1_772_410_000_000;

    fn lived(days: &[i64], now: i64, even_for_ms: u64) -> u64 {
        let mut reached = Reached::default();
        for day in days {
            reached.come_to(Wall(T0 + day * DAY));
        }
        reached.up_to_now(Wall(T0 + now * DAY), even_for_ms);
        reached.lived_ms / 86_400_000
    }

    #[test]
    fn time_goes_by_from_record_to_record() {
        assert_eq!(lived(&[0, 1, 5, 9], 10, 0), 10);
    }

    #[test]
    fn a_clock_that_jumps_ahead_makes_nothing_old_and_neither_does_its_correction() {
        assert_eq!(lived(&[0, 1, 1000, 1001], 1002, 0), 3);
        assert_eq!(lived(&[0, 1, 1000, 1001, 3], 4, 0), 3);
        // However often it goes to and fro.
        let to_and_fro: Vec<i64> = (0..50).flat_map(|n| [n / 10, 1000 + n / 10]).collect();
        assert_eq!(lived(&to_and_fro, 5, 0), 0);
    }

    #[test]
    fn a_jump_since_the_newest_record_counts_for_what_was_seen_of_it() {
        assert_eq!(lived(&[0, 1], 1000, 3_600_000), 1);
        // A box that stands idle grows old all the same.
        assert_eq!(lived(&[0, 1], 41, 40 * 86_400_000), 41);
    }
}
