//! What is done to the fee as a whole.

use serde::{Deserialize, Serialize};

use super::line::{Line, What};
use super::prices::is_default;

/// Limits and rounding of the fee.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Total {
    /// The most that a stay costs, fen, before coupons.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_most_fen: Option<u64>,
    /// What is left to pay is a multiple of this; 0 and 1 for none.
    #[serde(default, skip_serializing_if = "is_default")]
    pub round_to_fen: u64,
    #[serde(default, skip_serializing_if = "is_default")]
    pub rounding: Rounding,
    /// The least that one pays who has to pay at all, fen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub at_least_fen: Option<u64>,
}

/// Which way a fee is rounded.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Rounding {
    #[default]
    HalfUp,
    Down,
    Up,
}

impl Total {
    pub(super) fn limit(&self, fee_fen: u64, stay_s: u64) -> Option<Line> {
        let most_fen = self.at_most_fen.filter(|most| fee_fen > *most)?;
        let over_fen = fee_fen - most_fen;
        Some(Line::off(What::StayCap, (0, stay_s), most_fen, over_fen))
    }

    /// Rounding, then the least: of `fee_fen` that are left of `owed_fen` after `paid_fen` were paid before.
    pub(super) fn finish(
        &self,
        fee_fen: u64,
        (owed_fen, paid_fen): (u64, u64),
        stay_s: u64,
    ) -> Vec<Line> {
        let mut lines = Vec::new();
        let to = |what, price_fen, from_fen: u64, to_fen: u64| Line {
            amount_fen: to_fen.cast_signed().saturating_sub(from_fen.cast_signed()),
            ..Line::note(what, 0, stay_s, 1, price_fen)
        };
        let rounded_fen = self.rounded(fee_fen);
        if rounded_fen != fee_fen {
            lines.push(to(What::Rounding, self.round_to_fen, fee_fen, rounded_fen));
        }
        let least_fen = self.at_least_fen.unwrap_or(0).saturating_sub(paid_fen);
        if rounded_fen < least_fen && self.rounded(owed_fen) > 0 {
            lines.push(to(What::AtLeast, least_fen, rounded_fen, least_fen));
        }
        lines
    }

    fn rounded(&self, fee_fen: u64) -> u64 {
        let unit = self.round_to_fen.max(1);
        let over = fee_fen % unit;
        let up = match self.rounding {
            Rounding::HalfUp => over >= unit.div_ceil(2),
            Rounding::Down => false,
            Rounding::Up => over > 0,
        };
        match up && over > 0 {
            true => (fee_fen - over).saturating_add(unit),
            false => fee_fen - over,
        }
    }
}
