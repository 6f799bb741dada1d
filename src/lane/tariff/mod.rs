//! What a stay costs. A tariff is data (docs/tariffs.md); a quote is the fee together with the lines
//! that it is the sum of.
//!
//! The order is always the same (`parking-domain.md` 5.2): the time is counted, the class's discount
//! and the cap are applied in each window, then coupons, payments made before, and rounding.

use serde::{Deserialize, Serialize};

use super::plate::{PlateColor, PlateNumber};
use super::time::Wall;

mod benefit;
mod calendar;
mod class;
mod clock;
mod free_time;
mod gross;
mod line;
mod meter;
mod price;
mod prices;
mod quote;
mod tally;
#[cfg(test)]
mod tests;
mod timeline;
mod total;
mod vehicle;
mod zone;

pub use self::benefit::Benefit;
pub use self::calendar::{Calendar, Day, Days};
pub use self::class::{Class, Discount};
pub use self::free_time::{FreeTime, FreeTimeOfClass};
pub use self::line::{Line, What};
pub use self::price::{Band, Block, Price, Row, Steps};
pub use self::prices::{AfterWindow, AtEdge, FreeAgain, Prices, Window};
pub use self::quote::{Quote, yuan};
pub use self::tally::Tally;
pub use self::total::{Rounding, Total};
pub use self::vehicle::VehicleKind;
pub use self::zone::{Visit, Zone};

use self::benefit::Taking;
use self::clock::{Clock, Pause};
use self::gross::{Gross, Priced};
use self::prices::is_default;
use self::timeline::Timeline;
use self::zone::Whereabouts;

/// A day, in seconds.
pub const DAY_S: u64 = 86_400;

/// Days have bits, one for each band.
pub const BANDS_MAX: usize = 32;

/// A longer stay is priced as this one, so that no sum can overflow: 1000 years.
const LONGEST_S: u64 = 365_250 * DAY_S;

/// A price list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tariff {
    /// For people.
    pub name: String,
    /// The operator's name of this state of the tariff, recorded with every fee.
    pub version: String,
    /// Of every vehicle that is in no class.
    #[serde(flatten)]
    pub prices: Prices,
    /// Vehicles with prices of their own; the first one that has a vehicle counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Class>,
    /// Car parks within this one, with prices of their own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub zones: Vec<Zone>,
    #[serde(default, skip_serializing_if = "Calendar::is_empty")]
    pub calendar: Calendar,
    #[serde(default, skip_serializing_if = "is_default")]
    pub total: Total,
    /// Time to leave after a payment, seconds.
    #[serde(default, skip_serializing_if = "is_default")]
    pub grace_s: u64,
    /// From when on it holds; None for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Wall>,
    /// Which stays it prices that began before it and end under it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub spanning: Spanning,
    /// The price lists that follow it, by their beginning.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub later: Vec<Tariff>,
}

/// What prices a stay that spans the beginning of a price list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Spanning {
    /// The price list of its entry.
    #[default]
    ByEntry,
    /// The price list of its exit.
    ByExit,
}

/// What is priced.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stay {
    /// By the wall clock: decides bands, days and the price list.
    pub entry: Wall,
    /// By the clock that cannot jump, see [`Stamp::stay_ms`](super::time::Stamp::stay_ms).
    pub duration_ms: u64,
    /// The colour that was seen, for vehicle classes.
    pub color: Option<PlateColor>,
    /// For vehicle classes.
    pub plate: Option<PlateNumber>,
    /// The plate's earlier visits.
    pub tally: Option<Tally>,
    /// Coupons, time on the charger, payments made before.
    pub benefits: Vec<Benefit>,
    /// Times in zones within the car park, in their order.
    pub visits: Vec<Visit>,
}

impl Tariff {
    /// The fee for a stay, with its explanation.
    pub fn quote(&self, stay: &Stay) -> Quote {
        self.rest(stay, 0)
    }

    /// What is left of it after `more_fen` were paid, which give no time to leave. Payments come before
    /// rounding (`parking-domain.md` 5.2).
    pub fn rest(&self, stay: &Stay, more_fen: u64) -> Quote {
        let tariff = self.in_force(stay);
        let mut quote = tariff.rest_by_this(stay, more_fen);
        if !self.later.is_empty() {
            let note = Line::note(What::PriceList, 0, stay.duration_ms / 1000, 0, 0);
            quote.lines.insert(0, note.named(Some(&tariff.version)));
        }
        quote
    }

    /// As [`Tariff::rest`], whichever price list follows it.
    fn rest_by_this(&self, stay: &Stay, more_fen: u64) -> Quote {
        let class = self.class_of(stay);
        let stay_s = self.counted_s(class, stay);
        let mut lines = Vec::new();
        if let Some(class) = class {
            let note = Line::note(What::Class, 0, stay_s, 0, 0);
            lines.push(note.named(Some(&class.name)));
        }
        lines.extend(self.count(class, stay, stay_s));
        let fee_fen = quote::sum_fen(&lines);
        lines.extend(self.total.limit(fee_fen, stay_s));
        let taking = Taking {
            stay_s,
            grace_s: self.grace_s,
            fee_of: &|stay_s| {
                let fee_fen = quote::sum_fen(&self.count(class, stay, stay_s));
                fee_fen.min(self.total.at_most_fen.unwrap_or(u64::MAX))
            },
            due_at: &|stay_s| {
                let by_then = Stay {
                    duration_ms: stay_s.saturating_mul(1000).min(stay.duration_ms),
                    benefits: benefit::but_payments(&stay.benefits),
                    ..stay.clone()
                };
                self.rest_by_this(&by_then, 0).fee_fen
            },
        };
        let taken = taking.lines(&stay.benefits, quote::sum_fen(&lines));
        let by_payments = |line: &&Line| matches!(line.what, What::Prepaid | What::Grace);
        let paid_before = taken.iter().filter(by_payments);
        let paid_before_fen: u64 = paid_before.map(|line| line.amount_fen.unsigned_abs()).sum();
        lines.extend(taken);
        let owed_fen = quote::sum_fen(&lines).saturating_add(paid_before_fen);
        let more = more_fen.min(quote::sum_fen(&lines));
        if more > 0 {
            lines.push(Line::off(What::Prepaid, (0, stay_s), more_fen, more));
        }
        let paid_fen = benefit::paid_fen(&stay.benefits).saturating_add(more_fen);
        let left_fen = quote::sum_fen(&lines);
        let finish = self.total.finish(left_fen, (owed_fen, paid_fen), stay_s);
        lines.extend(finish);
        Quote::of(lines)
    }

    /// Whether a stay may be priced by the plate's earlier visits too.
    pub fn looks_back(&self) -> bool {
        let classes = self.classes.iter().map(|class| &class.prices);
        classes.chain([&self.prices]).any(Prices::looks_back)
            || self.later.iter().any(Self::looks_back)
    }

    /// What is to be remembered of a stay for the plate's next visit; None where nothing is.
    pub fn tally(&self, stay: &Stay) -> Option<Tally> {
        let tariff = self.in_force(stay);
        let class = tariff.class_of(stay);
        let prices = class.map_or(&tariff.prices, |class| &class.prices);
        prices.looks_back().then(|| {
            let stay_s = tariff.counted_s(class, stay);
            let whereabouts = Whereabouts::of(tariff, stay, stay_s);
            let gross = tariff.gross(class, stay, &whereabouts.pauses);
            let clock = gross.timeline.clock;
            let Priced {
                window_from_s,
                window_fen,
                ..
            } = gross.price(clock.counted_s(stay_s));
            let window_from_s = match u64::try_from(window_from_s) {
                Ok(from_s) => clock.since_entry_s(from_s).cast_signed(),
                Err(_) => window_from_s,
            };
            Tally {
                entered: stay.entry,
                window_from: stay.entry.plus_ms(window_from_s.saturating_mul(1000)),
                used_fen: window_fen,
            }
        })
    }

    /// The free time as WeChat is told it at the entry, seconds: that of a vehicle of no class.
    pub fn free_duration_s(&self) -> u64 {
        self.prices.free_s
    }

    /// The price list that prices a stay.
    pub fn in_force(&self, stay: &Stay) -> &Self {
        let ended = i64::try_from(stay.duration_ms).unwrap_or(i64::MAX);
        let ended = stay.entry.plus_ms(ended);
        let mut lists = self.later.iter().rev();
        let holds = |list: &&Self| {
            list.from.is_some_and(|from| match list.spanning {
                Spanning::ByEntry => from <= stay.entry,
                Spanning::ByExit => from <= ended,
            })
        };
        lists.find(holds).unwrap_or(self)
    }

    /// The vehicle's class, if it has one.
    pub fn class_of(&self, stay: &Stay) -> Option<&Class> {
        Class::find(&self.classes, stay.plate.as_ref(), stay.color)
    }

    /// So much of a stay as counts, seconds.
    fn counted_s(&self, class: Option<&Class>, stay: &Stay) -> u64 {
        let prices = class.map_or(&self.prices, |class| &class.prices);
        prices.whole((stay.duration_ms / 1000).min(LONGEST_S))
    }

    /// What the first `stay_s` of a stay cost: outside, then in the zones.
    fn count(&self, class: Option<&Class>, stay: &Stay, stay_s: u64) -> Vec<Line> {
        let whereabouts = Whereabouts::of(self, stay, stay_s);
        let gross = self.gross(class, stay, &whereabouts.pauses);
        let clock = gross.timeline.clock;
        let outside = gross.price(clock.counted_s(stay_s)).lines.into_vec();
        let mut lines: Vec<Line> = outside.into_iter().map(|line| line.by(clock)).collect();
        lines.extend(whereabouts.notes());
        lines.extend(whereabouts.lines(self, stay));
        lines
    }

    fn gross<'a>(
        &'a self,
        class: Option<&'a Class>,
        stay: &Stay,
        pauses: &'a [Pause],
    ) -> Gross<'a> {
        let prices = class.map_or(&self.prices, |class| &class.prices);
        let mut gross = Gross::of(prices, class, &self.calendar, stay.entry, pauses);
        if let Some(tally) = &stay.tally {
            gross.remember(tally, calendar::local_s(stay.entry.0));
        }
        gross
    }
}

impl<'a> Gross<'a> {
    /// Of a stay that no earlier visit bears on.
    fn of(
        prices: &'a Prices,
        class: Option<&'a Class>,
        calendar: &'a Calendar,
        entry: Wall,
        pauses: &'a [Pause],
    ) -> Self {
        Self {
            prices,
            discount: class.and_then(|class| Some((class.name.as_str(), class.discount?))),
            timeline: Timeline {
                bands: &prices.bands,
                calendar,
                entry_s: calendar::local_s(entry.0),
                clock: Clock(pauses),
            },
            free_s: prices.free_s.min(DAY_S),
            window_age_s: 0,
            used_fen: 0,
        }
    }
}

impl Gross<'_> {
    /// Takes up what earlier visits have left.
    fn remember(&mut self, tally: &Tally, entry_s: i64) {
        let day_of = |wall: Wall| Day::of_local_s(calendar::local_s(wall.0)).0;
        let today = Day::of_local_s(entry_s).0;
        let had_its_free_time =
            self.prices.free_again == FreeAgain::FirstVisitOfDay && day_of(tally.entered) == today;
        if had_its_free_time {
            self.free_s = 0;
        }
        if !self.prices.cap_shared || !self.prices.has_windows() {
            return;
        }
        let age_s = entry_s.checked_sub(calendar::local_s(tally.window_from.0));
        let age_s = age_s.and_then(|age_s| u64::try_from(age_s).ok());
        match self.prices.window {
            Window::Hours24 => {
                if let Some(age_s) = age_s.filter(|age_s| *age_s < DAY_S) {
                    self.window_age_s = age_s;
                    self.used_fen = tally.used_fen;
                }
            }
            Window::Day if age_s.is_some() && day_of(tally.window_from) == today => {
                self.used_fen = tally.used_fen;
            }
            Window::Day | Window::Stay => {}
        }
    }
}
