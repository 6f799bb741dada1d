//! A fee and the lines that it is the sum of: stored with the charge, shown to whoever asks.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::line::{Dated, Line, What};
use crate::lane::time::Wall;

/// What a stay costs, and why.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quote {
    /// Sum of the lines.
    pub fee_fen: u64,
    /// In the order in which they are applied.
    pub lines: Vec<Line>,
}

impl Quote {
    /// The fee is the sum of `lines` and can be nothing else.
    pub(super) fn of(lines: Vec<Line>) -> Self {
        Self {
            fee_fen: sum_fen(&lines),
            lines,
        }
    }

    /// What is left of it after `paid_fen` were paid for a stay of `stay_ms`.
    pub fn less_paid(mut self, paid_fen: u64, stay_ms: u64) -> Self {
        let taken_off_fen = paid_fen.min(self.fee_fen);
        if taken_off_fen > 0 {
            self.fee_fen -= taken_off_fen;
            let span = (0, stay_ms / 1000);
            let paid = Line::off(What::Prepaid, span, taken_off_fen, taken_off_fen);
            self.lines.push(paid);
        }
        self
    }

    /// A line of text for each line, then the sum, for a stay that began at `entry`.
    pub fn display(&self, entry: Wall) -> impl fmt::Display {
        Dated(self, entry)
    }
}

/// What lines come to; never below nothing.
pub(super) fn sum_fen(lines: &[Line]) -> u64 {
    let sum = lines
        .iter()
        .fold(0_i64, |sum, line| sum.saturating_add(line.amount_fen));
    u64::try_from(sum).unwrap_or(0)
}

impl fmt::Display for Dated<'_, Quote> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(quote, entry) = self;
        for line in &quote.lines {
            writeln!(f, "{}", line.display(*entry))?;
        }
        write!(f, "{} yuan", yuan(quote.fee_fen))
    }
}

/// Fen as yuan with two decimals: 1050 → `10.50`.
pub fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// Lines in the making. Beyond [`MOST`], a line is taken together with an earlier one like it, so that
/// a stay of years is explained on a page.
#[derive(Default)]
pub(super) struct Lines(Vec<Line>);

/// Lines that stand on their own.
const MOST: usize = 64;
/// Lines at the beginning that are never taken together with others.
const BEGINNING: usize = 32;

impl Lines {
    /// A line about no time says nothing.
    pub(super) fn push(&mut self, line: Line) {
        if line.from_ms >= line.to_ms {
            return;
        }
        if self.0.len() >= MOST
            && let Some(like) = self.0.iter_mut().skip(BEGINNING).rev().find(|held| {
                held.what == line.what
                    && held.price_fen == line.price_fen
                    && held.of == line.of
                    && held.zone == line.zone
            })
        {
            like.to_ms = line.to_ms;
            like.units = like.units.saturating_add(line.units);
            like.amount_fen = like.amount_fen.saturating_add(line.amount_fen);
            return;
        }
        self.0.push(line);
    }

    pub(super) fn append(&mut self, more: Self) {
        for line in more.0 {
            self.push(line);
        }
    }

    pub(super) fn sum_fen(&self) -> u64 {
        sum_fen(&self.0)
    }

    pub(super) fn into_vec(self) -> Vec<Line> {
        self.0
    }
}
