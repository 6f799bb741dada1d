//! Time and money as the oracle counts them, without a line of the core's.

use std::num::NonZeroU64;

use super::zones::Within;
use crate::lane::tariff::{Benefit, Prices, Tariff};
use crate::lane::time::Stamp;
use crate::park::benefit::Given;

/// A shorter stay costs nothing.
const SHORTEST_CHARGED_MS: u64 = 2_000;
const DAY_S: u64 = 24 * 3_600;

/// Milliseconds between two stamps, as docs/time.md has it: by the boot clock where box and boot agree,
/// else by two trusted wall clocks, else unknown.
pub fn stay_ms(from: &Stamp, to: &Stamp) -> Option<u64> {
    let (a, b) = (from.now, to.now);
    if from.box_id == to.box_id && a.boot.0 == b.boot.0 {
        return b.moment.0.checked_sub(a.moment.0);
    }
    match a.trusted && b.trusted {
        true => u64::try_from(b.wall.0 - a.wall.0).ok(),
        false => None,
    }
}

/// The fee for a stay, after what was handed in for it: first time, then amounts, then parts of what is left, and
/// at last the whole.
pub fn fee_fen(tariff: &Tariff, stay_ms: u64, given: &[Given], within: &[Within]) -> u64 {
    if stay_ms < SHORTEST_CHARGED_MS {
        return 0;
    }
    let (mut off_s, mut off_fen, mut parts, mut is_whole) = (0, 0, Vec::new(), false);
    for Given { benefit, .. } in given {
        match benefit {
            Benefit::Time { s, .. } => off_s += s,
            Benefit::Amount { fen, .. } => off_fen += fen,
            Benefit::Percent { off, .. } => parts.push(*off),
            Benefit::Whole { .. } => is_whole = true,
            Benefit::Prepaid { .. } => {}
        }
    }
    if is_whole {
        return 0;
    }
    let counted_s = (stay_ms / 1_000).saturating_sub(off_s);
    let mut left_fen = gross_fen(tariff, counted_s, within).saturating_sub(off_fen);
    // It matters to the half fen which is first.
    parts.sort_unstable();
    for percent in parts {
        left_fen -= (left_fen * percent + 50) / 100;
    }
    left_fen
}

/// What the whole car park costs, and each time in the zone besides; outside the clock stands meanwhile, or goes
/// on.
fn gross_fen(tariff: &Tariff, stay_s: u64, within: &[Within]) -> u64 {
    let Some(zone) = tariff.zones.first() else {
        return prices_fen(&tariff.prices, stay_s);
    };
    let (mut within_s, mut within_fen) = (0, 0);
    for visit in within {
        let from_s = (visit.from_ms / 1_000).min(stay_s);
        let to_s = visit.to_ms.map_or(stay_s, |ms| (ms / 1_000).min(stay_s));
        let lasts_s = to_s.saturating_sub(from_s);
        within_s += lasts_s;
        if lasts_s > 0 {
            within_fen += prices_fen(&zone.prices, lasts_s);
        }
    }
    let outside_s = match zone.stops_clock {
        true => stay_s - within_s,
        false => stay_s,
    };
    prices_fen(&tariff.prices, outside_s) + within_fen
}

/// Free minutes, then equal steps. The tariffs of the simulation have no other parts.
fn prices_fen(prices: &Prices, stay_s: u64) -> u64 {
    assert!(prices.price.first.is_empty() && prices.bands.is_empty() && prices.cap_fen.is_none());
    if stay_s <= prices.free_s {
        return 0;
    }
    let (every_s, fen) = match &prices.price.then {
        Some(steps) => (steps.every_s, steps.fen),
        None => (NonZeroU64::MIN, 0),
    };
    let first_day_s = stay_s.min(DAY_S) - prices.free_s;
    let mut steps = first_day_s.div_ceil(every_s.get());
    let later_s = stay_s.saturating_sub(DAY_S);
    steps += (later_s / DAY_S) * DAY_S.div_ceil(every_s.get());
    steps += (later_s % DAY_S).div_ceil(every_s.get());
    steps * fen
}

/// How many characters must be changed, added or left out to make one of the other.
pub fn edits(a: &str, b: &str) -> usize {
    let (a, b): (Vec<char>, Vec<char>) = (a.chars().collect(), b.chars().collect());
    let mut row: Vec<usize> = (0..=b.len()).collect();
    for (i, x) in a.iter().enumerate() {
        let mut diagonal = row[0];
        row[0] = i + 1;
        for (j, y) in b.iter().enumerate() {
            let changed = diagonal + usize::from(x != y);
            diagonal = row[j + 1];
            row[j + 1] = changed.min(diagonal + 1).min(row[j] + 1);
        }
    }
    row[b.len()]
}
