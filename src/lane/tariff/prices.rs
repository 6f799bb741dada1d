//! Everything that prices a class of vehicles: free time, prices by hour and day, the cap and its window.

use serde::{Deserialize, Serialize};

use super::price::{Band, Price};

/// The prices of a class, or of every vehicle that has none of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Prices {
    /// A stay up to this long costs nothing. At most a day.
    pub free_s: u64,
    /// Whether the free minutes are charged once the stay is longer.
    pub free_counts_once_exceeded: bool,
    /// Whether the last second of the free time costs already ("less than 30 minutes").
    #[serde(default, skip_serializing_if = "is_false")]
    pub free_edge_costs: bool,
    /// When free time is given again.
    #[serde(default, skip_serializing_if = "is_default")]
    pub free_again: FreeAgain,
    /// Where no band holds.
    #[serde(flatten)]
    pub price: Price,
    /// The first one that holds counts.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub bands: Vec<Band>,
    /// What happens to a unit at the edge of a band.
    #[serde(default, skip_serializing_if = "is_default")]
    pub at_edge: AtEdge,
    /// Whether a band's blocks begin once a window, and not with each stretch of the band.
    #[serde(default, skip_serializing_if = "is_false")]
    pub first_once: bool,
    /// The most that a window costs, fen.
    pub cap_fen: Option<u64>,
    /// Whether several visits within a window share its cap.
    #[serde(default, skip_serializing_if = "is_false")]
    pub cap_shared: bool,
    /// The time for which the cap holds, and after which the prices start anew.
    #[serde(default, skip_serializing_if = "is_default")]
    pub window: Window,
    /// What happens at the end of a window.
    #[serde(default, skip_serializing_if = "is_default")]
    pub after_window: AfterWindow,
    /// A price for each full 24 h, fen; the rest of the stay is priced as if it stood alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub full_day_fen: Option<u64>,
    /// Whether what is left of a minute at the end of the stay is dropped.
    #[serde(default, skip_serializing_if = "is_false")]
    pub drops_seconds: bool,
}

/// When free time is given again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FreeAgain {
    /// Once a stay.
    #[default]
    EachStay,
    /// In each window of the stay.
    EachWindow,
    /// Only in the first visit that begins on a calendar day.
    FirstVisitOfDay,
}

/// What happens to a unit at the edge of a band.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtEdge {
    /// The stay is split there, and each part is counted on its own.
    #[default]
    Split,
    /// A unit that has begun goes on, at the price at which it began.
    GoOn,
}

/// The time for which the cap holds.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Window {
    /// 24 h from the entry, or from the first of several visits that share a cap.
    #[default]
    Hours24,
    /// The calendar day.
    Day,
    /// The whole stay.
    Stay,
}

/// What happens at the end of a window.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AfterWindow {
    /// The prices start anew, first block and all.
    #[default]
    Anew,
    /// They go on where they were; only the cap starts anew.
    GoOn,
}

/// Nothing costs anything.
impl Default for Prices {
    fn default() -> Self {
        Self {
            free_s: 0,
            free_counts_once_exceeded: true,
            free_edge_costs: false,
            free_again: FreeAgain::default(),
            price: Price::default(),
            bands: Vec::new(),
            at_edge: AtEdge::default(),
            first_once: false,
            cap_fen: None,
            cap_shared: false,
            window: Window::default(),
            after_window: AfterWindow::default(),
            full_day_fen: None,
            drops_seconds: false,
        }
    }
}

impl Prices {
    /// Whether a stay is priced by the plate's earlier visits too.
    pub fn looks_back(&self) -> bool {
        self.cap_shared || self.free_again == FreeAgain::FirstVisitOfDay
    }

    /// Whether its cap is per calendar day or 24 h.
    pub(super) fn has_windows(&self) -> bool {
        self.window != Window::Stay
    }

    /// So much of a stay as counts, seconds.
    pub(super) fn whole(&self, stay_s: u64) -> u64 {
        match self.drops_seconds {
            true => stay_s / 60 * 60,
            false => stay_s,
        }
    }

    pub(super) fn price_of(&self, band: usize) -> (&Price, Option<&Band>) {
        match self.bands.get(band) {
            Some(band) => (&band.price, Some(band)),
            None => (&self.price, None),
        }
    }
}

pub(super) fn is_default<T: Default + PartialEq>(value: &T) -> bool {
    *value == T::default()
}

#[expect(
    clippy::trivially_copy_pass_by_ref,
    reason = "serde hands out references"
)]
pub(super) fn is_false(flag: &bool) -> bool {
    !*flag
}
