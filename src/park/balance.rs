//! Money that a plate has in store: put in and paid out at the till, and debited at the exit. Never more
//! than there is; what a stay costs beyond it is charged like anybody's.

use serde::{Deserialize, Serialize};

use super::exit::Leaving;
use super::record::LaneRecord;
use super::reply::{Done, Refusal};
use super::verdict::Word;
use super::{Park, Turn};
use crate::charges::payment::{Payment, Toward};
use crate::lane::listing::{BALANCE_MAX_FEN, ChangeFault, List};
use crate::lane::plate::PlateNumber;
use crate::lane::tariff::yuan;

/// How a debit is named among payments.
pub const CHANNEL: &str = "stored value";
/// Who takes it.
pub const BY: &str = "parkgate";

/// What is done at the till.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BalanceChange {
    /// Money was put in.
    TopUp {
        /// Fen.
        fen: u64,
    },
    /// Money was paid out.
    PayOut {
        /// Fen.
        fen: u64,
    },
}

impl Park {
    pub(super) fn balance_changed(
        &mut self,
        plate: &PlateNumber,
        change: BalanceChange,
        word: Word<'_>,
        turn: &mut Turn,
    ) {
        turn.reply = Some(self.change_balance(plate, change, word, turn));
    }

    fn change_balance(
        &mut self,
        plate: &PlateNumber,
        change: BalanceChange,
        word: Word<'_>,
        turn: &mut Turn,
    ) -> Result<Done, Refusal> {
        if self.queue.is_paused() {
            return Err(Refusal::ListNotWritten);
        }
        let listing = &self.site.listing;
        let balance_fen = listing.balance_fen(plate);
        let unchanged = |why| Refusal::ListUnchanged { why };
        let left_fen = match change {
            BalanceChange::TopUp { fen } => {
                let listed = listing.of(plate).iter();
                let has_card = listed.into_iter().any(|listed| listed.list == List::Stored);
                if !has_card {
                    return Err(unchanged(ChangeFault::NoCard));
                }
                let sum_fen = balance_fen.saturating_add(fen);
                match sum_fen <= BALANCE_MAX_FEN {
                    true => sum_fen,
                    false => return Err(unchanged(ChangeFault::TooMuch)),
                }
            }
            BalanceChange::PayOut { fen } => balance_fen
                .checked_sub(fen)
                .ok_or_else(|| unchanged(ChangeFault::NotSoMuch { balance_fen }))?,
        };
        let moved = LaneRecord::BalanceChanged {
            plate: plate.clone(),
            fen: left_fen.cast_signed() - balance_fen.cast_signed(),
            left_fen,
            session: None,
            by: word.by.to_owned(),
            why: word.why.to_owned(),
            at: turn.at.clone(),
        };
        self.lane_record(moved, turn);
        Ok(Done::BalanceChanged {
            plate: plate.clone(),
            left_fen,
        })
    }

    /// Pays what the stay costs from what the plate has in store, as far as that goes. Where anything about the
    /// stay is in doubt, nothing is debited, as nothing would be filed.
    pub(super) fn debit(&mut self, leaving: &Leaving, turn: &mut Turn) -> bool {
        let (session, fee_fen) = (&leaving.session, leaving.quote.fee_fen);
        let is_due = fee_fen > 0 && leaving.over_fen.is_none() && leaving.stay_ms.is_some();
        let is_clear = leaving.doubts.is_empty() && !self.site.claimed.contains_key(&session.id);
        if !is_due || !is_clear || self.queue.is_paused() {
            return false;
        }
        let balance_fen = self.site.listing.stored(&session.plate, turn.now());
        let fen = balance_fen.min(fee_fen);
        if fen == 0 {
            return false;
        }
        let left_fen = match planted!(StoreNotDebited) {
            true => balance_fen,
            false => balance_fen - fen,
        };
        let moved = LaneRecord::BalanceChanged {
            plate: session.plate.clone(),
            fen: -fen.cast_signed(),
            left_fen,
            session: Some(session.id.clone()),
            by: BY.to_owned(),
            why: format!("{} of {} yuan due", yuan(fen), yuan(fee_fen)),
            at: turn.at.clone(),
        };
        self.lane_record(moved, turn);
        let paid_fen = self.site.paid.get(&session.id).map_or(0, |paid| paid.fen);
        let payment = Payment {
            session: session.id.clone(),
            plate: session.plate.clone(),
            fen,
            toward: Toward::Stay {
                fee_fen: fee_fen.saturating_add(paid_fen),
            },
            channel: CHANNEL.to_owned(),
            by: BY.to_owned(),
            number: None,
            at: turn.at.clone(),
        };
        self.with_queue(turn, |queue, _, out| queue.note_payment(payment, out));
        true
    }
}
