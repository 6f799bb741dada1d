//! Sums of fees: over the ledger's life, and of what one plate owes.

use serde::{Deserialize, Serialize};

use crate::lane::time::Stamp;

/// Sums over the ledger's whole life; they always balance:
/// `opened = settled + handed to staff + withdrawn + what is still in the queue`, and
/// `handed to staff = collected + written off + replaced + what is still on the desk`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    /// Fees that became due.
    pub opened: Sum,
    /// WeChat moved the money.
    pub settled: Sum,
    /// A person had, or has, to finish these.
    pub handed_to_staff: Sum,
    /// Not claimed any more: paid elsewhere before WeChat took them on, or waived.
    pub withdrawn: Sum,
    /// Of those handed to staff: collected by them.
    pub collected: Sum,
    /// Of those handed to staff: written off by them.
    pub written_off: Sum,
    /// Of those handed to staff: charged anew, and so in `opened` once more.
    #[serde(default)]
    pub replaced: Sum,
}

/// What a plate owes from before.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Arrears {
    /// How many charges.
    pub charges: u64,
    /// How much, fen.
    pub fen: u64,
    /// When the car left that owes the oldest of them.
    pub since: Stamp,
}

/// How many and how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sum {
    /// How many.
    pub count: u64,
    /// How much, fen.
    pub fen: u64,
}

impl Sum {
    pub(super) fn add(&mut self, fen: u64) {
        self.count = self.count.saturating_add(1);
        self.fen = self.fen.saturating_add(fen);
    }
}
