//! One part of the explanation of a fee.

use std::fmt;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::{Offset, offset};
use serde::{Deserialize, Serialize};

use super::clock::Clock;
use super::quote::yuan;
use crate::lane::time::Wall;

/// China's only offset; there is no summer time.
const OFFSET: Offset = offset(8);

/// One part of the explanation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Line {
    pub what: What,
    /// The zone within the car park whose prices it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Name of the band, class or coupon that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub of: Option<String>,
    /// From entry.
    pub from_ms: u64,
    /// From entry, exclusive.
    pub to_ms: u64,
    /// Counted units, 0 where nothing is counted.
    pub units: u64,
    /// Price of a unit; for a cap, the cap; for a discount, the percentage taken off.
    pub price_fen: u64,
    /// What this line adds; negative where it takes off.
    pub amount_fen: i64,
}

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum What {
    /// The price list that holds, where several follow each other.
    PriceList,
    /// The vehicle's class.
    Class,
    FreeTime,
    /// In a zone within the car park, and so not counted outside.
    Elsewhere,
    /// On the way to or from such a zone, and so not counted either.
    Passing,
    FirstBlock,
    Steps,
    /// One price for the visit, or for a band's stretch of it.
    Visit,
    /// A row of a table: all the time up to there.
    Table,
    /// Whole windows after the first one, each a unit.
    FullDays,
    /// What the cap takes off the lines of its window.
    Cap,
    /// What the cap of a band takes off one stretch of it.
    BandCap,
    /// The same for the cap of a calendar day.
    DayCap,
    /// The same for the cap of the stay, and for the most that a stay may cost.
    StayCap,
    /// The same for a cap that earlier visits have used a part of; the price is what was left.
    SharedCap,
    /// What the class pays less.
    Discount,
    /// What time on the charger, or time given away, would have cost.
    TimeOff,
    /// A coupon's amount or percentage.
    Coupon,
    /// Paid before.
    Prepaid,
    /// Left within the time given after a payment.
    Grace,
    /// To whole units of money.
    Rounding,
    /// Up to the least that is charged.
    AtLeast,
}

impl Line {
    pub(super) fn free(from_s: u64, to_s: u64) -> Self {
        Self::units(What::FreeTime, from_s, to_s, 0, 0)
    }

    pub(super) fn units(what: What, from_s: u64, to_s: u64, units: u64, price_fen: u64) -> Self {
        let amount_fen = i64::try_from(units.saturating_mul(price_fen)).unwrap_or(i64::MAX);
        Self {
            amount_fen,
            ..Self::note(what, from_s, to_s, units, price_fen)
        }
    }

    /// A line that adds nothing by itself.
    pub(super) fn note(what: What, from_s: u64, to_s: u64, units: u64, price_fen: u64) -> Self {
        Self {
            what,
            zone: None,
            of: None,
            from_ms: from_s.saturating_mul(1000),
            to_ms: to_s.saturating_mul(1000),
            units,
            price_fen,
            amount_fen: 0,
        }
    }

    pub(super) fn off(what: What, span: (u64, u64), price_fen: u64, taken_off_fen: u64) -> Self {
        let taken_off = i64::try_from(taken_off_fen).unwrap_or(i64::MAX);
        Self {
            amount_fen: taken_off.saturating_neg(),
            ..Self::note(what, span.0, span.1, 1, price_fen)
        }
    }

    pub(super) fn named(self, of: Option<&str>) -> Self {
        Self {
            of: of.map(str::to_owned),
            ..self
        }
    }

    /// The same with times from the entry, where they are those of a clock that stood now and then.
    pub(super) fn by(self, clock: Clock<'_>) -> Self {
        Self {
            from_ms: clock
                .since_entry_s(self.from_ms / 1000)
                .saturating_mul(1000),
            to_ms: clock
                .first_since_entry_s(self.to_ms / 1000)
                .saturating_mul(1000),
            ..self
        }
    }

    /// The line in words, `09:00–12:00  3 × 5.00 yuan`, for a stay that began at `entry`. Times on
    /// another day than the entry's carry their date.
    pub fn display(&self, entry: Wall) -> impl fmt::Display {
        Dated(self, entry)
    }

    /// Whether it tells how a stretch of time is priced; the others are about the lines before them.
    pub fn is_about_time(&self) -> bool {
        matches!(
            self.what,
            What::FreeTime
                | What::FirstBlock
                | What::Steps
                | What::Visit
                | What::Table
                | What::FullDays
        )
    }
}

/// Something told by the hours of a stay that began at the given time.
pub(super) struct Dated<'a, T>(pub &'a T, pub Wall);

impl fmt::Display for Dated<'_, Line> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(line, entry) = self;
        if line.has_span() {
            let (from, to) = (Instant(*entry, line.from_ms), Instant(*entry, line.to_ms));
            write!(f, "{from}–{to}  ")?;
        }
        if let Some(zone) = &line.zone {
            write!(f, "{zone}, ")?;
        }
        let (units, price) = (line.units, yuan(line.price_fen));
        let of = line.of.as_deref().unwrap_or_default();
        if line.is_about_time() && !of.is_empty() {
            write!(f, "{of}: ")?;
        }
        let off = || match line.amount_fen {
            added @ 1.. => format!("+{} yuan", yuan(added.unsigned_abs())),
            taken => format!("−{} yuan", yuan(taken.unsigned_abs())),
        };
        match line.what {
            What::PriceList => write!(f, "price list {of}"),
            What::Class => write!(f, "class {of}"),
            What::FreeTime => f.write_str("free"),
            What::Elsewhere => write!(f, "in {of}, not counted outside"),
            What::Passing => write!(f, "on the way to or from {of}, not counted"),
            What::FirstBlock | What::Steps => write!(f, "{units} × {price} yuan"),
            What::Visit if units == 0 => f.write_str("counted before"),
            What::Visit => write!(f, "{price} yuan a visit"),
            What::Table => write!(f, "by the table: {price} yuan"),
            What::FullDays => write!(f, "{units} × 24 h × {price} yuan"),
            What::Cap => write!(f, "at most {price} yuan per 24 h: {}", off()),
            What::BandCap => write!(f, "{of}: at most {price} yuan: {}", off()),
            What::DayCap => write!(f, "at most {price} yuan a day: {}", off()),
            What::StayCap => write!(f, "at most {price} yuan a stay: {}", off()),
            What::SharedCap => {
                write!(
                    f,
                    "{price} yuan left of a cap with earlier visits: {}",
                    off()
                )
            }
            What::Discount => write!(f, "{of}: {}% off: {}", line.price_fen, off()),
            What::TimeOff => write!(f, "{of}: {}", off()),
            What::Coupon => write!(f, "{of}: {}", off()),
            What::Prepaid => write!(f, "paid before: {}", off()),
            What::Grace => write!(f, "left in the time given after paying: {}", off()),
            What::Rounding => write!(f, "rounded to {price} yuan: {}", off()),
            What::AtLeast => write!(f, "at least {price} yuan: {}", off()),
        }
    }
}

impl Line {
    /// Whether it is told with the time that it is about.
    pub fn has_span(&self) -> bool {
        let is_note = matches!(self.what, What::Elsewhere | What::Passing);
        self.is_about_time() || self.is_cap() || is_note || self.what == What::Discount
    }

    /// Whether it is about a limit.
    pub fn is_cap(&self) -> bool {
        matches!(
            self.what,
            What::Cap | What::BandCap | What::DayCap | What::StayCap | What::SharedCap
        )
    }
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
