//! What a stay costs before coupons and payments: window by window, each with its cap.

use super::DAY_S;
use super::class::Discount;
use super::line::{Line, What};
use super::meter::Meter;
use super::prices::{AfterWindow, FreeAgain, Prices, Window};
use super::quote::Lines;
use super::timeline::Timeline;

/// A stay to price.
#[derive(Clone, Copy)]
pub(super) struct Gross<'a> {
    pub prices: &'a Prices,
    pub discount: Option<(&'a str, Discount)>,
    pub timeline: Timeline<'a>,
    /// Free time of this stay: none where an earlier visit had it.
    pub free_s: u64,
    /// How long the first window has lasted when the stay begins, since an earlier visit began it.
    pub window_age_s: u64,
    /// How much of the first window's cap earlier visits have used.
    pub used_fen: u64,
}

/// What it came to.
pub(super) struct Priced {
    pub lines: Lines,
    /// Second of the stay at which its last window begins; before the entry if earlier visits began it.
    pub window_from_s: i64,
    /// What the last window costs, with what earlier visits used of it.
    pub window_fen: u64,
}

impl Gross<'_> {
    /// Prices the stay up to `stay_s`. Takes the same time for a day and for years where all days are
    /// alike, and is linear in the days where they are not.
    pub(super) fn price(&self, stay_s: u64) -> Priced {
        let mut priced = Priced {
            lines: Lines::default(),
            window_from_s: -i64::try_from(self.window_age_s).unwrap_or(0),
            window_fen: self.used_fen,
        };
        if self.is_free(stay_s) && self.prices.free_again != FreeAgain::EachWindow {
            priced.lines.push(Line::free(0, stay_s));
            return priced;
        }
        let full_days = match self.prices.full_day_fen {
            Some(_) => stay_s / DAY_S,
            None => 0,
        };
        let from_s = full_days * DAY_S;
        self.fixed_days(full_days, &mut priced);
        match self.prices.after_window {
            AfterWindow::Anew => self.windows(from_s, stay_s, &mut priced),
            AfterWindow::GoOn => self.windows_in_one(stay_s, &mut priced),
        }
        priced
    }

    fn is_free(&self, length_s: u64) -> bool {
        match self.prices.free_edge_costs {
            true => length_s < self.free_s,
            false => length_s <= self.free_s,
        }
    }

    /// From when the stay is charged.
    fn charged_from_s(&self) -> u64 {
        match self.prices.free_counts_once_exceeded
            || self.prices.free_again == FreeAgain::EachWindow
        {
            true => 0,
            false => self.free_s,
        }
    }

    fn fixed_days(&self, full_days: u64, priced: &mut Priced) {
        let Some(fen) = self.prices.full_day_fen.filter(|_| full_days > 0) else {
            return;
        };
        let to_s = full_days * DAY_S;
        let mut lines = Lines::default();
        lines.push(Line::units(What::FullDays, 0, to_s, full_days, fen));
        if let Some((name, discount)) = self.discount {
            discount.take_off(name, (0, to_s), lines.sum_fen(), &mut lines);
        }
        priced.lines.append(lines);
    }

    /// Windows of which each begins anew.
    fn windows(&self, from_s: u64, stay_s: u64, priced: &mut Priced) {
        let alone_to_s = self.charged_from_s().max(self.discounted_to_s());
        let mut at_s = from_s;
        let mut next_s = self.first_end_s(from_s);
        while at_s < stay_s {
            // Windows unlike those after them: the first one, those while free time or a discount lasts, and
            // the rest of a day whose beginning the clock stood.
            let is_whole = next_s == at_s.saturating_add(DAY_S);
            let is_alone = at_s == from_s || at_s < alone_to_s || !is_whole;
            let stop_s = self.timeline.clock.next_stop_s(at_s).unwrap_or(u64::MAX);
            let full = (stop_s.min(stay_s) - at_s) / DAY_S;
            let to_s = match is_alone || full == 0 {
                true => {
                    let to_s = next_s.min(stay_s);
                    self.push_window(at_s, to_s, stay_s, at_s == 0, priced);
                    to_s
                }
                false => {
                    self.full_windows(at_s, full, priced);
                    at_s + full * DAY_S
                }
            };
            (at_s, next_s) = (to_s, self.next_end_s(to_s));
        }
    }

    /// The end of the first window that is not over at `from_s`.
    fn first_end_s(&self, from_s: u64) -> u64 {
        match self.prices.window {
            Window::Hours24 => from_s + DAY_S - self.window_age_s.min(DAY_S - 1),
            Window::Day | Window::Stay => self.next_end_s(from_s),
        }
    }

    /// The end of a window that begins at `from_s`.
    fn next_end_s(&self, from_s: u64) -> u64 {
        match self.prices.window {
            Window::Stay => u64::MAX,
            Window::Day => self.timeline.next_midnight_s(from_s),
            Window::Hours24 => from_s.saturating_add(DAY_S),
        }
    }

    fn discounted_to_s(&self) -> u64 {
        self.discount
            .and_then(|(_, discount)| discount.for_s)
            .unwrap_or(0)
    }

    fn push_window(
        &self,
        from_s: u64,
        to_s: u64,
        stay_s: u64,
        is_first: bool,
        priced: &mut Priced,
    ) {
        let used_fen = if is_first { self.used_fen } else { 0 };
        let lines = self.window(from_s, to_s, stay_s, used_fen);
        if !is_first {
            priced.window_from_s = from_s.cast_signed();
        }
        priced.window_fen = used_fen.saturating_add(lines.sum_fen());
        priced.lines.append(lines);
    }

    /// One window that begins anew, or the part of it that the stay has.
    fn window(&self, from_s: u64, to_s: u64, stay_s: u64, used_fen: u64) -> Lines {
        let mut lines = Lines::default();
        let charged_from_s = if self.prices.free_again == FreeAgain::EachWindow {
            if self.is_free(to_s - from_s) {
                lines.push(Line::free(from_s, to_s));
                return lines;
            }
            match self.prices.free_counts_once_exceeded {
                true => from_s,
                false => from_s + self.free_s,
            }
        } else {
            self.charged_from_s().clamp(from_s, to_s)
        };
        lines.push(Line::free(from_s, charged_from_s));
        let walk = |to_s: u64| {
            let end_s = to_s.min(stay_s);
            Meter::new(self.prices, self.timeline, end_s).walk(charged_from_s, end_s)
        };
        let counted = walk(to_s);
        let discountable_fen = match self.discount.and_then(|(_, discount)| discount.for_s) {
            Some(for_s) if for_s < to_s => walk(for_s.max(charged_from_s)).sum_fen(),
            _ => counted.sum_fen(),
        };
        lines.append(counted);
        self.settle_window(
            &mut lines,
            (charged_from_s, to_s),
            discountable_fen,
            used_fen,
        );
        lines
    }

    /// Discount, then cap; or the other way round.
    fn settle_window(
        &self,
        lines: &mut Lines,
        span: (u64, u64),
        discountable_fen: u64,
        used_fen: u64,
    ) {
        let after_cap = self
            .discount
            .is_some_and(|(_, discount)| discount.after_cap);
        if after_cap {
            self.cap(lines, span, used_fen);
        }
        if let Some((name, discount)) = self.discount {
            let of_fen = discountable_fen.min(lines.sum_fen());
            discount.take_off(name, span, of_fen, lines);
        }
        if !after_cap {
            self.cap(lines, span, used_fen);
        }
    }

    fn cap(&self, lines: &mut Lines, span: (u64, u64), used_fen: u64) {
        let Some(cap_fen) = self.prices.cap_fen else {
            return;
        };
        let left_fen = cap_fen.saturating_sub(used_fen);
        let over_fen = lines.sum_fen().saturating_sub(left_fen);
        if over_fen == 0 {
            return;
        }
        let what = match (used_fen, self.prices.window) {
            (0, Window::Hours24) => What::Cap,
            (0, Window::Day) => What::DayCap,
            (0, Window::Stay) => What::StayCap,
            (_, _) => What::SharedCap,
        };
        lines.push(Line::off(what, span, left_fen, over_fen));
    }

    /// Whole windows, of which those with the same kinds of days cost the same.
    fn full_windows(&self, from_s: u64, count: u64, priced: &mut Priced) {
        let price_fen = |at_s: u64| {
            let to_s = at_s.saturating_add(DAY_S);
            self.window(at_s, to_s, u64::MAX, 0).sum_fen()
        };
        let mut costs: Vec<((u64, u64), u64)> = Vec::new();
        let mut groups: Vec<Line> = Vec::new();
        let mut last_fen = 0;
        let like_the_first = self.timeline.is_daily();
        let steps = if like_the_first { 1 } else { count };
        let mut next_s = from_s;
        for days in self.timeline.days(from_s, steps) {
            let at_s = next_s;
            next_s += DAY_S;
            let known = costs.iter().find(|(of, _)| *of == days);
            let fen = known.map_or_else(|| price_fen(at_s), |(_, fen)| *fen);
            if known.is_none() {
                costs.push((days, fen));
            }
            last_fen = fen;
            let units = if like_the_first { count } else { 1 };
            let line = Line::units(What::FullDays, at_s, at_s + units * DAY_S, units, fen);
            match groups.iter_mut().find(|group| group.price_fen == fen) {
                None => groups.push(line),
                Some(group) => {
                    group.to_ms = line.to_ms;
                    group.units += 1;
                    group.amount_fen = group.amount_fen.saturating_add(line.amount_fen);
                }
            }
        }
        for group in groups {
            priced.lines.push(group);
        }
        priced.window_from_s = (from_s + (count - 1) * DAY_S).cast_signed();
        priced.window_fen = last_fen;
    }

    /// Prices that go on over the ends of windows; only the cap is per window.
    fn windows_in_one(&self, stay_s: u64, priced: &mut Priced) {
        let charged_from_s = self.charged_from_s().min(stay_s);
        priced.lines.push(Line::free(0, charged_from_s));
        let mut meter = Meter::new(self.prices, self.timeline, stay_s);
        let (mut at_s, mut next_s) = (0, self.first_end_s(0));
        while at_s < stay_s {
            let to_s = next_s.min(stay_s);
            let from_s = at_s.max(charged_from_s).min(to_s);
            let used_fen = if at_s == 0 { self.used_fen } else { 0 };
            let mut lines = meter.walk(from_s, to_s);
            let counted_fen = lines.sum_fen();
            self.settle_window(&mut lines, (from_s, to_s), counted_fen, used_fen);
            if at_s > 0 {
                priced.window_from_s = at_s.cast_signed();
            }
            priced.window_fen = used_fen.saturating_add(lines.sum_fen());
            priced.lines.append(lines);
            (at_s, next_s) = (to_s, self.next_end_s(to_s));
        }
    }
}
