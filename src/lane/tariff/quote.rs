//! A fee and the lines that it is the sum of: stored with the charge, shown to whoever asks.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, offset};
use serde::{Deserialize, Serialize};

use crate::lane::time::Wall;

/// China's only offset; there is no summer time.
const OFFSET: Offset = offset(8);

/// What a stay costs, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Sum of the lines.
    pub fee_fen: u64,
    /// In the order of time.
    pub lines: Vec<Line>,
}

/// One part of the explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub what: What,
    /// From entry.
    pub from_ms: u64,
    /// From entry, exclusive.
    pub to_ms: u64,
    /// Started units, 0 for free time.
    pub units: u64,
    /// Price of a unit; for [`What::Cap`], the cap.
    pub price_fen: u64,
    /// What this line adds; negative for [`What::Cap`].
    pub amount_fen: i64,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    FreeTime,
    FirstBlock,
    Steps,
    /// Whole 24 h windows after the first one, each a unit.
    FullDays,
    /// What the cap takes off the lines of its 24 h.
    Cap,
}

impl Quote {
    /// The fee is the sum of `lines` and can be nothing else.
    pub(super) fn of(lines: Vec<Line>) -> Self {
        let sum = lines
            .iter()
            .fold(0_i64, |sum, line| sum.saturating_add(line.amount_fen));
        Self {
            fee_fen: u64::try_from(sum).unwrap_or(0),
            lines,
        }
    }

    /// A line of text for each line, then the sum, for a stay that began at `entry`.
    pub fn display(&self, entry: Wall) -> impl fmt::Display {
        Dated(self, entry)
    }
}

impl Line {
    pub(super) fn free(from_s: u64, to_s: u64) -> Self {
        Self::units(What::FreeTime, from_s, to_s, 0, 0)
    }

    pub(super) fn units(what: What, from_s: u64, to_s: u64, units: u64, price_fen: u64) -> Self {
        Self {
            what,
            from_ms: from_s.saturating_mul(1000),
            to_ms: to_s.saturating_mul(1000),
            units,
            price_fen,
            amount_fen: i64::try_from(units.saturating_mul(price_fen)).unwrap_or(i64::MAX),
        }
    }

    pub(super) fn cap(from_s: u64, to_s: u64, cap_fen: u64, taken_off_fen: u64) -> Self {
        let taken_off = i64::try_from(taken_off_fen).unwrap_or(i64::MAX);
        Self {
            amount_fen: taken_off.saturating_neg(),
            ..Self::units(What::Cap, from_s, to_s, 1, cap_fen)
        }
    }

    /// The line in words, `09:00–12:00  3 × 5.00 yuan`, for a stay that began at `entry`. Times on
    /// another day than the entry's carry their date.
    pub fn display(&self, entry: Wall) -> impl fmt::Display {
        Dated(self, entry)
    }
}

/// Something told by the hours of a stay that began at the given time.
struct Dated<'a, T>(&'a T, Wall);

impl fmt::Display for Dated<'_, Quote> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(quote, entry) = self;
        for line in &quote.lines {
            writeln!(f, "{}", line.display(*entry))?;
        }
        write!(f, "{} yuan", yuan(quote.fee_fen))
    }
}

impl fmt::Display for Dated<'_, Line> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(line, entry) = self;
        let (from, to) = (Instant(*entry, line.from_ms), Instant(*entry, line.to_ms));
        write!(f, "{from}–{to}  ")?;
        let (units, price) = (line.units, yuan(line.price_fen));
        match line.what {
            What::FreeTime => f.write_str("free"),
            What::FirstBlock | What::Steps => write!(f, "{units} × {price} yuan"),
            What::FullDays => write!(f, "{units} × 24 h × {price} yuan"),
            What::Cap => {
                let taken_off = yuan(line.amount_fen.unsigned_abs());
                write!(f, "at most {price} yuan per 24 h: −{taken_off} yuan")
            }
        }
    }
}

/// Fen as yuan with two decimals: 1050 → `10.50`.
pub fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// A time in a stay: its entry, and milliseconds from there.
struct Instant(Wall, u64);

impl fmt::Display for Instant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let later = i64::try_from(self.1).unwrap_or(i64::MAX);
        match (local(self.0), local(self.0.plus_ms(later))) {
            (Some(entry), Some(time)) => {
                if time.date() != entry.date() {
                    write!(f, "{} ", time.date())?;
                }
                write!(f, "{:02}:{:02}", time.hour(), time.minute())?;
                match time.second() {
                    0 => Ok(()),
                    second => write!(f, ":{second:02}"),
                }
            }
            // No calendar reaches that far; seconds from entry are still true.
            _ => write!(f, "+{} s", self.1 / 1000),
        }
    }
}

fn local(wall: Wall) -> Option<DateTime> {
    let timestamp = Timestamp::from_millisecond(wall.0).ok()?;
    Some(OFFSET.to_datetime(timestamp))
}
