//! What is taken off a fee that stands: time on the charger, coupons, payments made before. The order
//! is always this one, whatever the order in which they were handed in: time, amounts, percentages,
//! the whole, payments.

use serde::{Deserialize, Serialize};

use super::line::{Line, What};

/// Something in the driver's favour.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Benefit {
    /// Time that costs nothing: on the charger, or by a coupon. Worth what the end of the stay would have
    /// cost.
    Time { name: String, s: u64 },
    /// An amount off.
    Amount { name: String, fen: u64 },
    /// A percentage of what is left off.
    Percent { name: String, off: u64 },
    /// Nothing is to be paid.
    Whole { name: String },
    /// Paid before. Who had paid by then all that was due leaves within the time given after paying and owes
    /// no more.
    Prepaid {
        fen: u64,
        /// Seconds from the entry.
        at_s: u64,
    },
}

/// What benefits are taken off.
pub(super) struct Taking<'a> {
    pub stay_s: u64,
    /// Time to leave after a payment.
    pub grace_s: u64,
    /// What a stay so long costs, before benefits.
    pub fee_of: &'a dyn Fn(u64) -> u64,
    /// What is asked for a stay so long of one who has paid nothing.
    pub due_at: &'a dyn Fn(u64) -> u64,
}

/// Everything but payments.
pub(super) fn but_payments(benefits: &[Benefit]) -> Vec<Benefit> {
    let others = benefits
        .iter()
        .filter(|benefit| benefit.payment().is_none());
    others.cloned().collect()
}

/// All that was paid, fen.
pub(super) fn paid_fen(benefits: &[Benefit]) -> u64 {
    let paid = benefits.iter().filter_map(Benefit::payment);
    paid.fold(0, |sum, (fen, _)| sum.saturating_add(fen))
}

impl Benefit {
    fn payment(&self) -> Option<(u64, u64)> {
        match self {
            Self::Prepaid { fen, at_s } => Some((*fen, *at_s)),
            Self::Time { .. } | Self::Amount { .. } | Self::Percent { .. } | Self::Whole { .. } => {
                None
            }
        }
    }
}

impl Taking<'_> {
    /// The lines of all benefits, for a stay that costs `fee_fen` without them.
    pub(super) fn lines(&self, benefits: &[Benefit], fee_fen: u64) -> Vec<Line> {
        let mut sorted: Vec<&Benefit> = benefits.iter().collect();
        sorted.sort();
        let mut lines = Vec::new();
        let (mut left_fen, mut charged_s) = (fee_fen, self.stay_s);
        for benefit in sorted {
            let line = self.line(benefit, benefits, left_fen, &mut charged_s);
            left_fen = left_fen.saturating_sub(line.amount_fen.unsigned_abs());
            lines.push(line);
        }
        lines
    }

    fn line(&self, benefit: &Benefit, all: &[Benefit], left_fen: u64, charged_s: &mut u64) -> Line {
        let off = |what: What, price_fen: u64, off_fen: u64| {
            Line::off(what, (0, self.stay_s), price_fen, off_fen.min(left_fen))
        };
        match benefit {
            Benefit::Time { name, s } => {
                let before_s = *charged_s;
                *charged_s = before_s.saturating_sub(*s);
                let worth_fen = (self.fee_of)(before_s).saturating_sub((self.fee_of)(*charged_s));
                off(What::TimeOff, 0, worth_fen).named(Some(name))
            }
            Benefit::Amount { name, fen } => off(What::Coupon, *fen, *fen).named(Some(name)),
            Benefit::Percent { name, off: percent } => {
                let percent = (*percent).min(100);
                let off_fen = left_fen.saturating_mul(percent).saturating_add(50) / 100;
                off(What::Coupon, percent, off_fen).named(Some(name))
            }
            Benefit::Whole { name } => off(What::Coupon, 0, left_fen).named(Some(name)),
            Benefit::Prepaid { fen, at_s } => {
                let is_in_time = self.stay_s <= at_s.saturating_add(self.grace_s);
                let by_then = all.iter().filter_map(Benefit::payment);
                let by_then = by_then.filter(|(_, paid_s)| paid_s <= at_s);
                let by_then_fen = by_then.fold(0_u64, |sum, (fen, _)| sum.saturating_add(fen));
                let is_quick = is_in_time && by_then_fen >= (self.due_at)(*at_s);
                match is_quick && *fen < left_fen {
                    true => off(What::Grace, *fen, left_fen),
                    false => off(What::Prepaid, *fen, *fen),
                }
            }
        }
    }
}
