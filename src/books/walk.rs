//! A time walked through tick by tick: a unit begins where none is running, and its price is added when it
//! is over.

use std::collections::BTreeMap;

use crate::lane::tariff::{
    AfterWindow, AtEdge, Calendar, Class, DAY_S, Day, Days, Discount, FreeAgain, Prices, Stay,
    Tariff, VehicleKind, Window,
};

/// Everything in a price list falls on whole minutes, unless somebody wrote seconds.
const MINUTE_S: u64 = 60;
/// China's offset from UTC.
const OFFSET_S: i64 = 8 * 3600;

/// A time that is counted by one price list.
pub(super) struct Walk<'a> {
    pub(super) prices: &'a Prices,
    discount: Option<Discount>,
    calendar: &'a Calendar,
    entry_s: i64,
    tick_s: u64,
    /// When the clock stands by which the time is counted.
    stands: Vec<(u64, u64)>,
}

/// A moment of a stay.
#[derive(Clone, Copy)]
struct Moment {
    /// Since the walk began.
    at_s: u64,
    /// What the clock shows.
    shown_s: u64,
}

/// A unit that is running.
struct Running {
    /// Window and stretch in which it began.
    began_in: (u64, u64),
    band: usize,
    lasted_s: u64,
    /// Whole, it lasts so long.
    every_s: u64,
    /// It ends here at the latest, since its block does.
    at_most_s: u64,
    tail_s: u64,
    fen: u64,
}

impl<'a> Walk<'a> {
    /// One that begins `from_s` after the entry.
    pub(super) fn of(
        tariff: &'a Tariff,
        prices: &'a Prices,
        classes: &'a [Class],
        stay: &Stay,
        from_s: u64,
        stands: Vec<(u64, u64)>,
    ) -> Self {
        let class = class_of(classes, stay);
        let prices = class.map_or(prices, |class| &class.prices);
        Walk {
            prices,
            discount: class.and_then(|class| class.discount),
            calendar: &tariff.calendar,
            entry_s: stay.entry.0.div_euclid(1000) + OFFSET_S + from_s.cast_signed(),
            tick_s: if has_seconds(prices, class) || !on_minutes(&stands) {
                1
            } else {
                MINUTE_S
            },
            stands,
        }
    }

    /// From a moment on, past the time in which the clock stands there.
    fn past_stands(&self, mut now: Moment) -> Moment {
        for (from_s, to_s) in &self.stands {
            if (*from_s..*to_s).contains(&now.at_s) {
                now.at_s = *to_s;
            }
        }
        now
    }

    /// Up to the next whole tick of the clock, or of the day, or until the clock stands.
    fn tick_s(&self, now: Moment) -> u64 {
        let of_day_s = self.local_s(now.at_s).rem_euclid(DAY).unsigned_abs();
        let next = |s: u64| self.tick_s - s % self.tick_s;
        let mut tick_s = next(now.shown_s).min(next(of_day_s));
        for (from_s, _) in &self.stands {
            if *from_s > now.at_s {
                tick_s = tick_s.min(from_s - now.at_s);
            }
        }
        tick_s
    }

    fn local_s(&self, at_s: u64) -> i64 {
        self.entry_s + at_s.cast_signed()
    }

    /// What it costs when the clock shows `stay_s`, before anything is taken off.
    pub(super) fn fee_fen(&self, stay_s: u64) -> u64 {
        let (prices, discount) = (self.prices, self.discount);
        if prices.free_again != FreeAgain::EachWindow && self.is_free(stay_s) {
            return 0;
        }
        let mut fee_fen = 0;
        let mut from_s = 0;
        if let Some(fen) = prices.full_day_fen {
            from_s = stay_s / DAY_S * DAY_S;
            let days_fen = stay_s / DAY_S * fen;
            fee_fen += days_fen - discount.map_or(0, |discount| percent(discount, days_fen));
        }
        let windows = self.windows(from_s, stay_s, stay_s);
        let part = discount.and_then(|discount| discount.for_s);
        let parts = part.map(|for_s| self.windows(from_s, stay_s.min(for_s), stay_s));
        for (window, counted_fen) in windows {
            let discountable_fen = match &parts {
                Some(parts) => parts.get(&window).copied().unwrap_or(0),
                None => counted_fen,
            };
            let cap_fen = prices.cap_fen.unwrap_or(u64::MAX);
            fee_fen += match discount {
                None => counted_fen.min(cap_fen),
                Some(discount) if discount.after_cap => {
                    let capped_fen = counted_fen.min(cap_fen);
                    capped_fen - percent(discount, discountable_fen.min(capped_fen))
                }
                Some(discount) => (counted_fen - percent(discount, discountable_fen)).min(cap_fen),
            };
        }
        fee_fen
    }

    /// What each window, up to `to_s`, of a stay costs before discount and cap.
    fn windows(&self, from_s: u64, to_s: u64, stay_s: u64) -> BTreeMap<u64, u64> {
        let prices = self.prices;
        let goes_on = prices.after_window == AfterWindow::GoOn;
        let mut sums: BTreeMap<(u64, u64), (usize, u64)> = BTreeMap::new();
        let mut spent_s = vec![0; prices.bands.len() + 1];
        let mut running: Option<Running> = None;
        let (mut last_of_unit, mut before) = (None, None);
        let mut stretch = 0;
        let spans = self.spans(stay_s);
        for (now, tick_s) in self.ticks(from_s, to_s) {
            let (window, band) = (self.window(now), self.band(now.at_s));
            if self.is_given_away(now, &spans) {
                continue;
            }
            if let Some((window_before, band_before)) = before {
                let band_ends = band != band_before;
                stretch += u64::from(band_ends);
                let is_cut = window != window_before && !goes_on
                    || band_ends && prices.at_edge == AtEdge::Split;
                if is_cut {
                    finish(running.take(), &mut sums);
                }
                if window != window_before && !goes_on {
                    spent_s.fill(0);
                    last_of_unit = None;
                }
            }
            before = Some((window, band));
            if running.is_none() {
                if last_of_unit != Some(band) && !prices.first_once {
                    spent_s[band] = 0;
                }
                last_of_unit = Some(band);
                running = self.begin(band, spent_s[band], (window, stretch), tick_s, &mut sums);
            }
            let of = running.as_ref().map_or(band, |running| running.band);
            spent_s[of] += tick_s;
            if let Some(unit) = &mut running {
                unit.lasted_s += tick_s;
                if unit.lasted_s >= unit.every_s.min(unit.at_most_s) {
                    finish(running.take(), &mut sums);
                }
            }
        }
        finish(running, &mut sums);
        let mut windows = BTreeMap::new();
        for ((window, _), (band, fen)) in sums {
            let cap_fen = prices.bands.get(band).and_then(|band| band.cap_fen);
            *windows.entry(window).or_insert(0) += fen.min(cap_fen.unwrap_or(u64::MAX));
        }
        windows
    }

    /// Every tick from when the clock shows `from_s` until it shows `to_s`, and how long it lasts.
    fn ticks(&self, from_s: u64, to_s: u64) -> impl Iterator<Item = (Moment, u64)> {
        let mut next = Moment {
            at_s: 0,
            shown_s: 0,
        };
        let all = std::iter::from_fn(move || {
            let now = self.past_stands(next);
            if now.shown_s >= to_s {
                return None;
            }
            let mut tick_s = self.tick_s(now).min(to_s - now.shown_s);
            if now.shown_s < from_s {
                tick_s = tick_s.min(from_s - now.shown_s);
            }
            next = Moment {
                at_s: now.at_s + tick_s,
                shown_s: now.shown_s + tick_s,
            };
            Some((now, tick_s))
        });
        all.filter(move |(now, _)| now.shown_s >= from_s)
    }

    /// What the clock shows when each window of the stay begins and ends, where free time is given in each.
    fn spans(&self, stay_s: u64) -> BTreeMap<u64, (u64, u64)> {
        let mut spans = BTreeMap::new();
        if self.prices.free_again == FreeAgain::EachWindow {
            for (now, tick_s) in self.ticks(0, stay_s) {
                let span = spans.entry(self.window(now));
                span.or_insert((now.shown_s, 0)).1 = now.shown_s + tick_s;
            }
        }
        spans
    }

    /// What begins here. One price a visit, and a row of a table, count at once and run no unit.
    fn begin(
        &self,
        band: usize,
        spent_s: u64,
        began_in: (u64, u64),
        tick_s: u64,
        sums: &mut BTreeMap<(u64, u64), (usize, u64)>,
    ) -> Option<Running> {
        let price = match self.prices.bands.get(band) {
            Some(band) => &band.price,
            None => &self.prices.price,
        };
        let mut at_once = |fen: u64| sums.entry(began_in).or_insert((band, 0)).1 += fen;
        if let Some(fen) = price.per_visit_fen {
            at_once(if spent_s == 0 { fen } else { 0 });
            return None;
        }
        let last_s = price.table.last().map_or(0, |row| row.up_to_s);
        if spent_s < last_s {
            let row = |s: u64| match s {
                0 => 0,
                s => {
                    let mut rows = price.table.iter();
                    rows.find(|row| s <= row.up_to_s).map_or(0, |row| row.fen)
                }
            };
            at_once(row(spent_s + tick_s) - row(spent_s));
            return None;
        }
        let mut begins_s = 0;
        for block in &price.first {
            let ends_s = begins_s + block.for_s;
            if (begins_s..ends_s).contains(&spent_s) {
                return Some(Running {
                    began_in,
                    band,
                    lasted_s: 0,
                    every_s: block.every_s.get(),
                    at_most_s: ends_s - spent_s,
                    tail_s: block.tail_s,
                    fen: block.fen,
                });
            }
            begins_s = ends_s;
        }
        price.then.map(|then| Running {
            began_in,
            band,
            lasted_s: 0,
            every_s: then.every_s.get(),
            at_most_s: u64::MAX,
            tail_s: then.tail_s,
            fen: then.fen,
        })
    }

    fn is_free(&self, length_s: u64) -> bool {
        match self.prices.free_edge_costs {
            true => length_s < self.prices.free_s,
            false => length_s <= self.prices.free_s,
        }
    }

    /// Whether this second costs nothing, as part of free time.
    fn is_given_away(&self, now: Moment, spans: &BTreeMap<u64, (u64, u64)>) -> bool {
        let prices = self.prices;
        let counts = prices.free_counts_once_exceeded;
        match spans.get(&self.window(now)) {
            None => !counts && now.shown_s < prices.free_s,
            Some((from_s, to_s)) => {
                self.is_free(to_s - from_s) || !counts && now.shown_s - from_s < prices.free_s
            }
        }
    }

    fn window(&self, now: Moment) -> u64 {
        match self.prices.window {
            Window::Stay => 0,
            Window::Hours24 => now.shown_s / DAY_S,
            Window::Day => {
                let days = self.local_s(now.at_s).div_euclid(DAY) - self.entry_s.div_euclid(DAY);
                days.unsigned_abs()
            }
        }
    }

    fn band(&self, at_s: u64) -> usize {
        let local_s = self.local_s(at_s);
        let second = local_s.rem_euclid(DAY).unsigned_abs();
        let today = local_s.div_euclid(DAY);
        let of_week = (today + 3).rem_euclid(7);
        let date = Day::of_local_s(local_s).0;
        let (holiday, made_up) = (
            self.calendar.holidays.contains(&date),
            self.calendar.workdays.contains(&date),
        );
        let on = |days: &Days| match days {
            Days::Workday => made_up || of_week < 5 && !holiday,
            Days::Weekend => of_week >= 5 && !holiday && !made_up,
            Days::Holiday => holiday,
            Days::MakeUpWorkday => made_up,
            Days::OfWeek(day) => i64::from(*day) == of_week,
            Days::Named(name) => self
                .calendar
                .named
                .iter()
                .any(|(known, days)| known == name && days.contains(&date)),
            Days::Date(day) => *day == date,
        };
        let bands = &self.prices.bands;
        let mut holding = bands.iter().position(|band| {
            let in_hours = if band.from_s < band.to_s {
                band.from_s <= second && second < band.to_s
            } else {
                second >= band.from_s || second < band.to_s
            };
            in_hours && (band.days.is_empty() || band.days.iter().any(on))
        });
        holding.take().unwrap_or(bands.len())
    }
}

const DAY: i64 = 86_400;

fn finish(unit: Option<Running>, sums: &mut BTreeMap<(u64, u64), (usize, u64)>) {
    let Some(unit) = unit else { return };
    if unit.lasted_s >= unit.every_s || unit.lasted_s > unit.tail_s {
        sums.entry(unit.began_in).or_insert((unit.band, 0)).1 += unit.fen;
    }
}

fn percent(discount: Discount, of_fen: u64) -> u64 {
    (2 * of_fen * discount.percent_off + 100) / 200
}

/// One that names the plate, else one that names its kind.
pub(super) fn class_of<'a>(classes: &'a [Class], stay: &Stay) -> Option<&'a Class> {
    for class in classes {
        if stay
            .plate
            .as_ref()
            .is_some_and(|plate| class.plates.contains(plate))
        {
            return Some(class);
        }
    }
    let kind = VehicleKind::of(stay.plate.as_ref(), stay.color);
    let mut classes = classes.iter();
    classes.find(|class| class.kinds.contains(&kind))
}

fn has_seconds(prices: &Prices, class: Option<&Class>) -> bool {
    let mut all = vec![prices.free_s];
    let discount = class.and_then(|class| class.discount);
    all.extend(discount.and_then(|discount| discount.for_s));
    let of_bands = prices.bands.iter().map(|band| &band.price);
    for price in of_bands.chain([&prices.price]) {
        for block in &price.first {
            all.extend([block.for_s, block.every_s.get(), block.tail_s]);
        }
        if let Some(then) = &price.then {
            all.extend([then.every_s.get(), then.tail_s]);
        }
        all.extend(price.table.iter().map(|row| row.up_to_s));
    }
    for band in &prices.bands {
        all.extend([band.from_s, band.to_s]);
    }
    all.iter().any(|s| s % MINUTE_S != 0)
}

/// Whether units that wait while the clock stands go on and end at whole minutes still.
fn on_minutes(stands: &[(u64, u64)]) -> bool {
    let mut edges = stands.iter().flat_map(|(from_s, to_s)| [*from_s, *to_s]);
    edges.all(|s| s % MINUTE_S == 0)
}
