//! Car parks within the car park: a zone behind gates of its own, with prices of its own. Each time in it
//! is priced as a stay there; outside, the clock stands meanwhile or goes on.

use serde::{Deserialize, Serialize};

use super::class::Class;
use super::clock::Pause;
use super::line::{Line, What};
use super::prices::{Prices, is_default, is_false};
use super::quote::Lines;
use super::{Stay, Tariff};

/// A zone with prices of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Zone {
    /// As the lanes that lead into it name it.
    pub name: String,
    /// Whether time in it is not counted outside.
    #[serde(default, skip_serializing_if = "is_false")]
    pub stops_clock: bool,
    /// Time outside is on the way, and not counted there either, if it lasts so long at most and the car
    /// comes from the zone or goes into it.
    #[serde(default, skip_serializing_if = "is_default")]
    pub passing_s: u64,
    /// Of every vehicle that is in none of the zone's classes.
    pub prices: Prices,
    /// Vehicles that pay otherwise there; the first one that has a vehicle counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<Class>,
}

/// A time in a zone, counted from the entry.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Visit {
    /// The zone's name.
    pub zone: String,
    /// When it began, milliseconds.
    pub from_ms: u64,
    /// When it ended; None while the car is there.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to_ms: Option<u64>,
}

/// Where a stay was when.
#[derive(Default)]
pub(super) struct Whereabouts<'a> {
    visits: Vec<Within<'a>>,
    /// When the clock outside stood.
    pub pauses: Vec<Pause>,
    /// Times outside that were on the way, and the zone that they were on the way to or from.
    passing: Vec<Within<'a>>,
}

/// Seconds of a stay, from its entry.
#[derive(Clone, Copy)]
struct Within<'a> {
    zone: &'a Zone,
    from_s: u64,
    to_s: u64,
}

impl<'a> Whereabouts<'a> {
    /// Of the first `stay_s` of a stay. What is told of a zone that the price list does not know, or of
    /// two zones at once, is left out.
    pub(super) fn of(tariff: &'a Tariff, stay: &Stay, stay_s: u64) -> Self {
        let mut visits: Vec<Within<'a>> = Vec::new();
        for visit in &stay.visits {
            let zone = tariff.zones.iter().find(|zone| zone.name == visit.zone);
            let before_s = visits.last().map_or(0, |before| before.to_s);
            let from_s = (visit.from_ms / 1000).clamp(before_s, stay_s.max(before_s));
            let to_s = visit.to_ms.map_or(stay_s, |to_ms| to_ms / 1000).min(stay_s);
            if let Some(zone) = zone.filter(|_| from_s < to_s) {
                visits.push(Within { zone, from_s, to_s });
            }
        }
        let passing = passing(&visits, stay_s);
        let stopped = visits.iter().filter(|visit| visit.zone.stops_clock);
        let mut stands: Vec<(u64, u64)> = stopped
            .chain(&passing)
            .map(|within| (within.from_s, within.to_s))
            .collect();
        stands.sort_unstable();
        Self {
            pauses: Pause::all(&stands),
            visits,
            passing,
        }
    }

    /// What is not counted outside, and why.
    pub(super) fn notes(&self) -> Vec<Line> {
        let stopped = self.visits.iter().filter(|visit| visit.zone.stops_clock);
        let stopped = stopped.map(|visit| (visit, What::Elsewhere));
        let passing = self.passing.iter().map(|within| (within, What::Passing));
        let mut all: Vec<_> = stopped.chain(passing).collect();
        all.sort_by_key(|(within, _)| within.from_s);
        let mut lines = Lines::default();
        for (within, what) in all {
            let line = Line::note(what, within.from_s, within.to_s, 0, 0);
            lines.push(line.named(Some(&within.zone.name)));
        }
        lines.into_vec()
    }

    /// What each time in a zone costs.
    pub(super) fn lines(&self, tariff: &Tariff, stay: &Stay) -> Vec<Line> {
        let mut lines = Lines::default();
        for visit in &self.visits {
            for line in visit.lines(tariff, stay) {
                lines.push(line);
            }
        }
        lines.into_vec()
    }
}

/// Times outside between zones, from the entry to the first and from the last to the exit, that are short
/// enough.
fn passing<'a>(visits: &[Within<'a>], stay_s: u64) -> Vec<Within<'a>> {
    let ends = visits.iter().map(|visit| visit.to_s);
    let begins = visits.iter().map(|visit| visit.from_s).chain([stay_s]);
    let zones = || visits.iter().map(|visit| Some(visit.zone));
    let around = [None].into_iter().chain(zones()).zip(zones().chain([None]));
    let outside = [0].into_iter().chain(ends).zip(begins).zip(around);
    outside
        .filter_map(|((from_s, to_s), (before, after))| {
            let zone = [before, after].into_iter().flatten();
            let zone = zone.max_by_key(|zone| zone.passing_s)?;
            let lasts_s = to_s.saturating_sub(from_s);
            let is_short = lasts_s > 0 && lasts_s <= zone.passing_s;
            is_short.then_some(Within { zone, from_s, to_s })
        })
        .collect()
}

impl Within<'_> {
    /// As a stay of its own there.
    fn lines(&self, tariff: &Tariff, stay: &Stay) -> Vec<Line> {
        let class = Class::find(&self.zone.classes, stay.plate.as_ref(), stay.color);
        let lasts_s = self.to_s - self.from_s;
        let prices = class.map_or(&self.zone.prices, |class| &class.prices);
        let lasts_s = prices.whole(lasts_s);
        let from_ms = self.from_s.saturating_mul(1000);
        let entry = stay.entry.plus_ms(from_ms.cast_signed());
        let gross = super::Gross::of(prices, class, &tariff.calendar, entry, &[]);
        let note = class.map(|class| {
            let line = Line::note(What::Class, 0, lasts_s, 0, 0);
            line.named(Some(&class.name))
        });
        let counted = gross.price(lasts_s).lines.into_vec();
        let lines = note.into_iter().chain(counted).map(|line| Line {
            zone: Some(self.zone.name.clone()),
            from_ms: line.from_ms.saturating_add(from_ms),
            to_ms: line.to_ms.saturating_add(from_ms),
            ..line
        });
        lines.collect()
    }
}
