//! Which stays or charges somebody wants to see.

use serde::{Deserialize, Serialize};

use super::charge::ChargeRow;
use super::session::SessionRow;
use crate::lane::time::Wall;

/// Rows of one answer at most.
pub const ROWS_MAX: usize = 20_000;

/// A filter; everything in it must fit. `S`: what is told apart by state.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted<S> {
    /// Also what is over. Without it, and without a time or a state of what is over: what is open.
    pub all: bool,
    /// Empty: any.
    pub states: Vec<S>,
    /// A part of the plate.
    pub plate: Option<String>,
    /// Begun then or later, milliseconds since 1970.
    pub since: Option<Wall>,
    /// Begun before.
    pub until: Option<Wall>,
    /// So many rows at most, the newest.
    pub limit: usize,
}

/// A state of something that may be over.
pub trait State: Copy + PartialEq {
    /// Whether it has left the memory of the daemon.
    fn is_over(self) -> bool;
}

/// Something that can be listed.
pub trait Row {
    type State: State;

    fn state(&self) -> Self::State;
    fn plate(&self) -> &str;
    /// When it began; decides whether it lies in a range, and the order.
    fn began(&self) -> Wall;
    /// Decides the order of what began together.
    fn number(&self) -> &str;
}

impl<S: State> Wanted<S> {
    /// Whether only the ledger's past can answer.
    pub fn needs_the_past(&self) -> bool {
        let asks_for_ends = self.states.iter().any(|state| state.is_over());
        self.all || asks_for_ends || self.since.is_some() || self.until.is_some()
    }

    /// Whether something that began then can fit.
    pub fn spans(&self, began: Wall) -> bool {
        self.since.is_none_or(|since| began >= since)
            && self.until.is_none_or(|until| began < until)
    }

    /// The rows that fit, newest first, and how many more there are.
    pub fn choose<R: Row<State = S>>(&self, rows: impl Iterator<Item = R>) -> (Vec<R>, usize) {
        let past = self.needs_the_past();
        let mut rows: Vec<R> = rows
            .filter(|row| {
                let in_state = match self.states.is_empty() {
                    true => past || !row.state().is_over(),
                    false => self.states.contains(&row.state()),
                };
                let has_plate = self
                    .plate
                    .as_ref()
                    .is_none_or(|plate| row.plate().contains(&plate.to_uppercase()));
                in_state && has_plate && self.spans(row.began())
            })
            .collect();
        rows.sort_by(|a, b| (b.began(), b.number()).cmp(&(a.began(), a.number())));
        let left_off = rows.len().saturating_sub(self.limit.min(ROWS_MAX));
        rows.truncate(self.limit.min(ROWS_MAX));
        (rows, left_off)
    }
}

impl Row for ChargeRow {
    type State = super::charge::Stage;

    fn state(&self) -> Self::State {
        self.state
    }

    fn plate(&self) -> &str {
        &self.plate
    }

    fn began(&self) -> Wall {
        self.opened
    }

    fn number(&self) -> &str {
        &self.trade_no
    }
}

impl Row for SessionRow {
    type State = super::session::Stay;

    fn state(&self) -> Self::State {
        self.state
    }

    fn plate(&self) -> &str {
        &self.plate
    }

    fn began(&self) -> Wall {
        self.entered
    }

    fn number(&self) -> &str {
        &self.session
    }
}
