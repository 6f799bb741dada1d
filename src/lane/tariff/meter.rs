//! Counts the units of a stay, stretch by stretch.

use super::line::{Line, What};
use super::price::{Band, Price};
use super::prices::{AfterWindow, AtEdge, Prices};
use super::quote::Lines;
use super::timeline::Timeline;

/// Walks along a stay.
pub(super) struct Meter<'a> {
    prices: &'a Prices,
    timeline: Timeline<'a>,
    /// End of the stay.
    end_s: u64,
    /// Time spent at each band's price, and outside bands.
    spent_s: Vec<u64>,
    /// The band of the newest unit.
    band: Option<usize>,
    /// The end of the newest unit.
    paid_to_s: u64,
    /// The stretch last looked up: its band and end.
    stretch: (usize, u64),
}

/// A part of a stay within one band, and where a unit in it ends at the latest.
#[derive(Clone, Copy)]
struct Part {
    from_s: u64,
    to_s: u64,
    cut_s: u64,
}

/// Units of one length and price.
#[derive(Clone, Copy)]
struct Unit {
    every_s: u64,
    tail_s: u64,
}

impl<'a> Meter<'a> {
    pub(super) fn new(prices: &'a Prices, timeline: Timeline<'a>, end_s: u64) -> Self {
        Self {
            prices,
            timeline,
            end_s,
            spent_s: vec![0; prices.bands.len() + 1],
            band: None,
            paid_to_s: 0,
            stretch: (0, 0),
        }
    }

    /// Prices `from_s..to_s`, a window or the beginning of one.
    pub(super) fn walk(&mut self, from_s: u64, to_s: u64) -> Lines {
        let mut lines = Lines::default();
        let hard_end_s = match self.prices.after_window {
            AfterWindow::Anew => to_s,
            AfterWindow::GoOn => self.end_s,
        };
        let mut at_s = from_s;
        while at_s < to_s {
            if self.stretch.1 <= at_s {
                self.stretch = self.timeline.stretch(at_s, hard_end_s);
            }
            let (band, edge_s) = self.stretch;
            let part = Part {
                from_s: at_s.max(self.paid_to_s),
                to_s: edge_s.min(to_s),
                cut_s: match self.prices.at_edge {
                    AtEdge::Split => edge_s,
                    AtEdge::GoOn => hard_end_s,
                },
            };
            if part.from_s < part.to_s {
                self.price_part(band, part, &mut lines);
            }
            at_s = part.to_s;
        }
        lines
    }

    fn price_part(&mut self, index: usize, part: Part, lines: &mut Lines) {
        let is_new = self.band != Some(index);
        self.band = Some(index);
        let spent_s = self.spent_s.get(index).copied().unwrap_or(0);
        let spent_s = match is_new && !self.prices.first_once {
            true => 0,
            false => spent_s,
        };
        let (price, band) = self.prices.price_of(index);
        let mut own = Lines::default();
        self.paid_to_s = price_time(price, band, spent_s, part, &mut own);
        if let Some(spent) = self.spent_s.get_mut(index) {
            *spent = spent_s.saturating_add(self.paid_to_s - part.from_s);
        }
        let sum_fen = own.sum_fen();
        lines.append(own);
        if let Some((band, cap_fen)) = band.and_then(|band| Some((band, band.cap_fen?)))
            && sum_fen > cap_fen
        {
            let span = (part.from_s, part.to_s);
            let line = Line::off(What::BandCap, span, cap_fen, sum_fen - cap_fen);
            lines.push(line.named(Some(&band.name)));
        }
    }
}

/// Prices a part of which `spent_s` went before, and returns the end of its last unit.
fn price_time(
    price: &Price,
    band: Option<&Band>,
    spent_s: u64,
    part: Part,
    lines: &mut Lines,
) -> u64 {
    let name = band.map(|band| band.name.as_str());
    let mut push = |line: Line| lines.push(line.named(name));
    if let Some(fen) = price.per_visit_fen {
        let units = u64::from(spent_s == 0);
        push(Line::units(What::Visit, part.from_s, part.to_s, units, fen));
        return part.to_s;
    }
    let mut at_s = part.from_s;
    let mut known_s = 0;
    if let Some(last) = price.table.last() {
        known_s = last.up_to_s;
        let left_s = last.up_to_s.saturating_sub(spent_s);
        at_s = part.from_s.saturating_add(left_s).min(part.to_s);
        let before_fen = row_fen(price, spent_s);
        let fen = row_fen(price, spent_s.saturating_add(at_s - part.from_s));
        let more_fen = fen.saturating_sub(before_fen);
        push(Line::units(What::Table, part.from_s, at_s, 1, more_fen));
    }
    for block in &price.first {
        let from_s = known_s;
        known_s = known_s.saturating_add(block.for_s);
        let spent_s = spent_s.saturating_add(at_s - part.from_s);
        if at_s >= part.to_s || spent_s >= known_s || spent_s < from_s {
            continue;
        }
        let ends_s = at_s.saturating_add(known_s - spent_s);
        let unit = Unit {
            every_s: block.every_s.get(),
            tail_s: block.tail_s,
        };
        let within = Part {
            from_s: at_s,
            to_s: ends_s.min(part.to_s),
            cut_s: ends_s.min(part.cut_s),
        };
        let (units, to_s) = unit.count(within);
        let shown_to_s = within.to_s;
        push(Line::units(
            What::FirstBlock,
            at_s,
            shown_to_s,
            units,
            block.fen,
        ));
        at_s = to_s;
    }
    if let Some(then) = price.then.filter(|_| at_s < part.to_s) {
        let unit = Unit {
            every_s: then.every_s.get(),
            tail_s: then.tail_s,
        };
        let (units, to_s) = unit.count(Part {
            from_s: at_s,
            ..part
        });
        push(Line::units(What::Steps, at_s, part.to_s, units, then.fen));
        at_s = to_s;
    }
    at_s.max(part.to_s)
}

/// What so much time costs by the table.
fn row_fen(price: &Price, spent_s: u64) -> u64 {
    let row = price.table.iter().find(|row| row.up_to_s >= spent_s);
    let row = row.or(price.table.last()).filter(|_| spent_s > 0);
    row.map_or(0, |row| row.fen)
}

impl Unit {
    /// How many of it a part has, and where the last one ends.
    fn count(self, part: Part) -> (u64, u64) {
        let length_s = part.to_s - part.from_s;
        let (whole, rest_s) = (length_s / self.every_s, length_s % self.every_s);
        if rest_s == 0 {
            return (whole, part.to_s);
        }
        let from_s = part.to_s - rest_s;
        let to_s = from_s.saturating_add(self.every_s).min(part.cut_s);
        let is_whole = to_s - from_s == self.every_s;
        let counts = is_whole || to_s - from_s > self.tail_s;
        (whole + u64::from(counts), to_s)
    }
}
