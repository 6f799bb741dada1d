//! Sums of fees: over the ledger's life, and of what one plate owes.

use serde::{Deserialize, Serialize};

use super::charge::ChargeState;
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
    /// Taken by other means before a charge was made, in part of one, or too much; in none of the above.
    #[serde(default)]
    pub paid: Sum,
    /// Of what was settled: gone back to drivers through WeChat; still in `settled`.
    #[serde(default)]
    pub refunded: Sum,
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

/// How many entries and charges stand where.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Standing {
    /// Entries that are of use.
    pub entries: usize,
    /// Charges that were never sent.
    pub waiting_for_entry: usize,
    /// To be sent again.
    pub due: usize,
    /// On their way.
    pub sent: usize,
    /// Nobody knows whether WeChat has them.
    pub unknown: usize,
    /// WeChat has taken them on.
    pub accepted: usize,
    /// Handed to staff and not finished by them.
    pub with_staff: usize,
}

impl Standing {
    /// Charges that are still in the queue.
    pub fn queued(&self) -> usize {
        self.waiting_for_entry + self.due + self.sent + self.unknown + self.accepted
    }

    pub(super) fn add(&mut self, state: &ChargeState) {
        if let Some(count) = self.count_of(state) {
            *count += 1;
        }
    }

    pub(super) fn remove(&mut self, state: &ChargeState) {
        if let Some(count) = self.count_of(state) {
            *count = count.saturating_sub(1);
        }
    }

    fn count_of(&mut self, state: &ChargeState) -> Option<&mut usize> {
        match state {
            ChargeState::WaitingForEntry => Some(&mut self.waiting_for_entry),
            ChargeState::Due => Some(&mut self.due),
            ChargeState::Sent => Some(&mut self.sent),
            ChargeState::Unknown { .. } | ChargeState::ToRepeat => Some(&mut self.unknown),
            ChargeState::Accepted { .. } => Some(&mut self.accepted),
            // Of one step, or not in the queue.
            ChargeState::Refused(_)
            | ChargeState::Failed
            | ChargeState::Settled
            | ChargeState::HandedToStaff(_)
            | ChargeState::Withdrawn(_) => None,
        }
    }
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
