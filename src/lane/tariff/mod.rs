//! What a stay costs. A tariff is data (`firmware-config/tariff.toml`); a quote is the fee together
//! with the lines that it is the sum of.
//!
//! The rules, where a tariff leaves them open (`parking-domain.md` 5.2): seconds count, parts of a
//! second do not; the last second of the free time is free; free minutes are given once a stay and
//! are charged once the stay is longer; a started unit counts; the cap holds for each 24 h from
//! entry, and after 24 h the tariff starts anew without free time.

use std::num::NonZeroU64;

use serde::{Deserialize, Serialize};

use super::plate::PlateColor;
use super::time::Wall;

mod quote;
#[cfg(test)]
mod tests;

pub use self::quote::{Line, Quote, What, yuan};

/// The time after which a tariff starts anew, and for which the cap holds: 24 h, in seconds.
pub const DAY_S: u64 = 86_400;

/// A longer stay is priced as this one, so that no sum can overflow: 1000 years.
const LONGEST_S: u64 = 365_250 * DAY_S;

/// A price list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tariff {
    /// For people.
    pub name: String,
    /// The operator's name of this state of the tariff, recorded with every fee.
    pub version: String,
    /// A stay up to this long costs nothing. At most [`DAY_S`].
    pub free_s: u64,
    /// Whether the free minutes are charged once the stay is longer.
    pub free_counts_once_exceeded: bool,
    /// The price at the beginning, if it differs.
    pub first: Option<FirstBlock>,
    /// The price of the time after the first block.
    pub then: Option<Steps>,
    /// The most that 24 h from entry cost, fen.
    pub cap_fen: Option<u64>,
}

/// The beginning of each 24 h.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstBlock {
    /// How long it lasts.
    pub for_s: u64,
    /// Its unit: the whole block, or an equal part of it.
    pub every_s: NonZeroU64,
    /// Price of a started unit.
    pub fen: u64,
}

/// Equal steps.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steps {
    /// The unit.
    pub every_s: NonZeroU64,
    /// Price of a started unit.
    pub fen: u64,
}

/// What is priced.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stay {
    /// Stands in no price of these forms; it dates the lines.
    pub entry: Wall,
    /// By the clock that cannot jump, see [`Stamp::stay_ms`](super::time::Stamp::stay_ms).
    pub duration_ms: u64,
    /// For tariffs that know vehicle classes.
    pub color: Option<PlateColor>,
}

impl Tariff {
    /// The fee for a stay, with its explanation. Takes the same time for a minute and for years.
    pub fn quote(&self, stay: &Stay) -> Quote {
        let stay_s = (stay.duration_ms / 1000).min(LONGEST_S);
        let free_s = self.free_s.min(DAY_S);
        let mut lines = Vec::new();
        if stay_s <= free_s {
            push(&mut lines, Line::free(0, stay_s));
            return Quote::of(lines);
        }
        let charged_from = if self.free_counts_once_exceeded {
            0
        } else {
            free_s
        };
        push(&mut lines, Line::free(0, charged_from));
        self.price_window(&mut lines, charged_from, stay_s.min(DAY_S));

        let full_days_end = stay_s / DAY_S * DAY_S;
        if full_days_end >= DAY_S {
            push(&mut lines, self.full_days(full_days_end));
            self.price_window(&mut lines, full_days_end, stay_s);
        }
        Quote::of(lines)
    }

    /// The free time as WeChat is told it at the entry, seconds.
    pub fn free_duration_s(&self) -> u64 {
        self.free_s
    }

    /// The 24 h windows after the first one up to `end_s`, all of which cost the same.
    fn full_days(&self, end_s: u64) -> Line {
        let mut one = Vec::new();
        self.price_window(&mut one, 0, DAY_S);
        let price_fen = Quote::of(one).fee_fen;
        Line::units(What::FullDays, DAY_S, end_s, end_s / DAY_S - 1, price_fen)
    }

    /// Prices `from_s..to_s`, which lies within one 24 h window and begins with the first block.
    fn price_window(&self, lines: &mut Vec<Line>, from_s: u64, to_s: u64) {
        let mut window = Vec::new();
        let mut steps_from = from_s;
        if let Some(first) = self.first {
            steps_from = from_s.saturating_add(first.for_s).min(to_s);
            let units = steps_from
                .saturating_sub(from_s)
                .div_ceil(first.every_s.get());
            push(
                &mut window,
                Line::units(What::FirstBlock, from_s, steps_from, units, first.fen),
            );
        }
        if let Some(steps) = self.then {
            let units = to_s
                .saturating_sub(steps_from)
                .div_ceil(steps.every_s.get());
            push(
                &mut window,
                Line::units(What::Steps, steps_from, to_s, units, steps.fen),
            );
        }
        let sum_fen = Quote::of(window.clone()).fee_fen;
        lines.append(&mut window);
        if let Some(cap_fen) = self.cap_fen.filter(|cap_fen| sum_fen > *cap_fen) {
            lines.push(Line::cap(from_s, to_s, cap_fen, sum_fen - cap_fen));
        }
    }
}

/// A line about no time says nothing.
fn push(lines: &mut Vec<Line>, line: Line) {
    if line.from_ms < line.to_ms {
        lines.push(line);
    }
}
