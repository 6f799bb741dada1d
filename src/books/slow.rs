//! What a stay costs, worked out slowly and obviously: walks through it tick by tick, lets a unit begin
//! where none is running, and adds its price when it is over. Shares nothing with the code that quotes
//! (`lane/tariff`) but the data, and that a plate is of a kind; so it is what proves a fee, in the books
//! and in that code's own tests.

use std::collections::BTreeMap;

use crate::lane::tariff::{
    AfterWindow, AtEdge, Benefit, Calendar, Class, DAY_S, Day, Days, Discount, FreeAgain, Prices,
    Rounding, Spanning, Stay, Tariff, VehicleKind, Window,
};

/// Longer stays take too long to walk through.
const LONGEST_S: u64 = 400 * DAY_S;
/// Everything in a price list falls on whole minutes, unless somebody wrote seconds.
const MINUTE_S: u64 = 60;
/// China's offset from UTC.
const OFFSET_S: i64 = 8 * 3600;

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

/// What a stay costs, fen, as its plate's first visit. None where it is longer than anybody would walk
/// through.
pub(crate) fn fee_fen(tariff: &Tariff, stay: &Stay) -> Option<u64> {
    let tariff = in_force(tariff, stay);
    let class = class_of(tariff, stay);
    let prices = class.map_or(&tariff.prices, |class| &class.prices);
    let mut stay_s = stay.duration_ms / 1000;
    if prices.drops_seconds {
        stay_s -= stay_s % 60;
    }
    if stay_s > LONGEST_S {
        return None;
    }
    let walk = Walk {
        prices,
        calendar: &tariff.calendar,
        entry_s: stay.entry.0.div_euclid(1000) + OFFSET_S,
        tick_s: if has_seconds(prices, class) {
            1
        } else {
            MINUTE_S
        },
    };
    let discount = class.and_then(|class| class.discount);
    let most_fen = tariff.total.at_most_fen.unwrap_or(u64::MAX);
    let costs = |stay_s: u64| walk.fee_fen(stay_s, discount).min(most_fen);
    let left_fen = less(
        &stay.benefits,
        costs(stay_s),
        stay_s,
        tariff.grace_s,
        &costs,
    );
    Some(finished(tariff, left_fen))
}

fn in_force<'a>(tariff: &'a Tariff, stay: &Stay) -> &'a Tariff {
    let exit = stay.entry.0 + i64::try_from(stay.duration_ms).unwrap_or(i64::MAX);
    let mut found = tariff;
    for later in &tariff.later {
        let decides = match later.spanning {
            Spanning::ByEntry => stay.entry.0,
            Spanning::ByExit => exit,
        };
        if later.from.is_some_and(|from| decides >= from.0) {
            found = later;
        }
    }
    found
}

/// One that names the plate, else one that names its kind.
fn class_of<'a>(tariff: &'a Tariff, stay: &Stay) -> Option<&'a Class> {
    for class in &tariff.classes {
        if stay
            .plate
            .as_ref()
            .is_some_and(|plate| class.plates.contains(plate))
        {
            return Some(class);
        }
    }
    let kind = VehicleKind::of(stay.plate.as_ref(), stay.color);
    let mut classes = tariff.classes.iter();
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

/// What is left after time, amounts, percentages, the whole, and payments, in this order.
fn less(
    benefits: &[Benefit],
    fee_fen: u64,
    stay_s: u64,
    grace_s: u64,
    costs: &dyn Fn(u64) -> u64,
) -> u64 {
    let mut left_fen = fee_fen;
    let mut charged_s = stay_s;
    let mut times: Vec<(&String, u64)> = Vec::new();
    for benefit in benefits {
        if let Benefit::Time { name, s } = benefit {
            times.push((name, *s));
        }
    }
    times.sort();
    for (_, s) in times {
        let shorter_s = charged_s - s.min(charged_s);
        let worth_fen = costs(charged_s).saturating_sub(costs(shorter_s));
        left_fen -= left_fen.min(worth_fen);
        charged_s = shorter_s;
    }
    for benefit in benefits {
        if let Benefit::Amount { fen, .. } = benefit {
            left_fen -= left_fen.min(*fen);
        }
    }
    let mut percentages: Vec<(&String, u64)> = Vec::new();
    for benefit in benefits {
        if let Benefit::Percent { name, off } = benefit {
            percentages.push((name, *off));
        }
    }
    percentages.sort();
    for (_, off) in percentages {
        left_fen -= (2 * left_fen * off.min(100) + 100) / 200;
    }
    if benefits
        .iter()
        .any(|benefit| matches!(benefit, Benefit::Whole { .. }))
    {
        left_fen = 0;
    }
    for benefit in benefits {
        if let Benefit::Prepaid { fen, at_s } = benefit {
            let is_quick = stay_s <= at_s + grace_s;
            left_fen -= if is_quick {
                left_fen
            } else {
                left_fen.min(*fen)
            };
        }
    }
    left_fen
}

/// Rounded, and at least so much.
fn finished(tariff: &Tariff, fee_fen: u64) -> u64 {
    let unit = tariff.total.round_to_fen.max(1);
    let rounded = match tariff.total.rounding {
        Rounding::Down => fee_fen / unit * unit,
        Rounding::Up => fee_fen.div_ceil(unit) * unit,
        Rounding::HalfUp => (2 * fee_fen + unit) / (2 * unit) * unit,
    };
    match tariff.total.at_least_fen {
        Some(least) if rounded > 0 => rounded.max(least),
        _ => rounded,
    }
}

struct Walk<'a> {
    prices: &'a Prices,
    calendar: &'a Calendar,
    entry_s: i64,
    tick_s: u64,
}

impl Walk<'_> {
    /// Up to the next whole tick of the stay's clock, or of the day's.
    fn tick_s(&self, at_s: u64) -> u64 {
        let of_day_s = self.local_s(at_s).rem_euclid(DAY).unsigned_abs();
        let next = |s: u64| self.tick_s - s % self.tick_s;
        next(at_s).min(next(of_day_s))
    }

    fn local_s(&self, at_s: u64) -> i64 {
        self.entry_s + at_s.cast_signed()
    }

    fn fee_fen(&self, stay_s: u64, discount: Option<Discount>) -> u64 {
        let prices = self.prices;
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
        let mut at_s = from_s;
        while at_s < to_s {
            let tick_s = self.tick_s(at_s).min(to_s - at_s);
            let (window, band) = (self.window(at_s), self.band(at_s));
            if self.is_given_away(at_s, stay_s) {
                at_s += tick_s;
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
            at_s += tick_s;
        }
        finish(running, &mut sums);
        let mut windows = BTreeMap::new();
        for ((window, _), (band, fen)) in sums {
            let cap_fen = prices.bands.get(band).and_then(|band| band.cap_fen);
            *windows.entry(window).or_insert(0) += fen.min(cap_fen.unwrap_or(u64::MAX));
        }
        windows
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
    fn is_given_away(&self, at_s: u64, stay_s: u64) -> bool {
        let prices = self.prices;
        let counts = prices.free_counts_once_exceeded;
        if prices.free_again != FreeAgain::EachWindow {
            return !counts && at_s < prices.free_s;
        }
        let into_window_s = match prices.window {
            Window::Hours24 => at_s % DAY_S,
            Window::Day | Window::Stay => self.local_s(at_s).rem_euclid(DAY).unsigned_abs(),
        };
        let from_s = at_s.saturating_sub(into_window_s);
        let ends_s = (at_s + DAY_S - into_window_s).min(stay_s);
        self.is_free(ends_s - from_s) || !counts && at_s - from_s < prices.free_s
    }

    fn window(&self, at_s: u64) -> u64 {
        match self.prices.window {
            Window::Stay => 0,
            Window::Hours24 => at_s / DAY_S,
            Window::Day => {
                let days = self.local_s(at_s).div_euclid(DAY) - self.entry_s.div_euclid(DAY);
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
