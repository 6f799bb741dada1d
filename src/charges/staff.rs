//! What a person has to finish, or has finished, or wishes for.

use serde::{Deserialize, Serialize};

use super::agenda::Item;
use super::call::Out;
use super::charge::{Charge, ChargeState, StaffReason, WithdrawnReason};
use super::payment::Payment;
use super::queue::Queue;
use super::record::{MoneyRecord, StaffOutcome};
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::tariff::yuan;
use crate::lane::time::Now;

/// Why a person's wish about a charge is not done, and what to do instead.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum Declined {
    /// Neither in the queue nor with the staff.
    #[error("no such charge waits; `parkgate charges show` tells what became of a number")]
    NoSuchCharge,
    /// `Sent`, `Unknown` or `ToRepeat`: only WeChat can say whether it has the money.
    #[error(
        "WeChat may still take this money; do not collect it a second time. `parkgate charges \
         retry` asks WeChat at once, and what WeChat says it has not got can be handed over"
    )]
    MayStillBeTaken,
    /// `Accepted`: WeChat's, until it settles or fails.
    #[error(
        "WeChat has taken this charge on; it settles or comes back by itself. `parkgate charges \
         retry` asks WeChat at once"
    )]
    TakenOn,
    /// A person has it already.
    #[error("it is with the staff; `parkgate review list` tells why")]
    WithStaff,
    /// An answer is waited for.
    #[error("a call about it is on its way; look again in a minute")]
    OnItsWay,
    /// In the queue, and so on its way to WeChat.
    #[error(
        "it is on its way to WeChat; `parkgate charges to-staff` takes it out of the queue as long as \
         WeChat has not got it"
    )]
    InQueue,
    /// Wrong as it may be, somebody has seen to that.
    #[error("its correction was asked for before; `parkgate review list` shows it")]
    CorrectedBefore,
    /// Nothing is to be refunded.
    #[error("no correction of it is open; `parkgate charges show` tells what became of it")]
    NoCorrection,
    /// Nobody works off so many.
    #[error("too many corrections are open; close some first, see `parkgate review list`")]
    TooManyCorrections,
    /// Done with, or never asked for.
    #[error("no such refund waits; `parkgate refund show` tells what became of a number")]
    NoSuchRefund,
    /// WeChat closed it.
    #[error(
        "WeChat closed this refund; `parkgate refund` asks for another, under a number of its own"
    )]
    RefundClosed,
    /// Only WeChat can say whether the driver gets the money.
    #[error(
        "WeChat may still pay this refund, so it cannot be ended; `parkgate refund retry` asks WeChat at \
         once"
    )]
    MayStillBeRefunded,
    /// The driver may be paying it at this moment.
    #[error(
        "this order may still be paid; it is closed when the car goes, and over 15 minutes after it was made: \
         ask again then"
    )]
    MayStillBePaid,
    /// Done with, or never made.
    #[error("no such code order waits; `parkgate sessions show` tells what became of a number")]
    NoSuchCode,
    /// Nothing came in by it.
    #[error("this order was never paid, so nothing can go back; `parkgate sessions show` tells")]
    NeverPaid,
    /// A charge is refunded once.
    #[error("only {} yuan of this charge are left to refund", yuan(*left_fen))]
    MoreThanIsLeft {
        /// What is left, fen.
        left_fen: u64,
    },
    /// WeChat refunds for a year.
    #[error(
        "WeChat refunds for a year after the payment; pay otherwise, and note it in your books"
    )]
    TooOldToRefund,
    /// WeChat takes 50 for a charge, and nobody works off so many.
    #[error("too many refunds: of one charge there are 50 at most, and 4096 at a time")]
    TooManyRefunds,
    /// Nothing could be recorded.
    #[error("the store cannot write, so nothing is changed; see the alarm in `parkgate status`")]
    StoreFailed,
}

/// What a charge that is due now still waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WaitsFor {
    /// Nothing: it goes with the next turn.
    Nothing,
    /// WeChat has not confirmed the entry yet.
    Entry,
    /// The pause after failures or after "too many requests".
    Link,
    /// WeChat refuses this merchant, with this code; single queries try now and then.
    Merchant(String),
    /// The clock is not trusted, and nothing is signed.
    Clock,
}

impl Queue {
    /// Nothing is claimed any more, or staff has finished.
    ///
    /// # Errors
    /// While WeChat may still take the money, nobody else may; and what WeChat has taken on is its.
    pub fn finish_by_staff(
        &mut self,
        trade_no: &str,
        how: StaffOutcome,
        out: &mut Out,
    ) -> Result<(), Declined> {
        let trade_no = trade_no.to_owned();
        if let Some(charge) = self.book.on_desk(&trade_no) {
            let session = charge.claim.session.clone();
            let text = "staff has finished".to_owned();
            out.alarms.push(with_staff(&trade_no, false, text));
            // Who charges a stay anew needs its entry.
            let is_over = !matches!(how, StaffOutcome::Replaced { .. });
            self.record(out, MoneyRecord::StaffFinished { trade_no, how });
            if is_over {
                self.abandon_entry(&session, out);
            }
            return Ok(());
        }
        let session = self.not_at_wechat(&trade_no)?.claim.session;
        let reason = match how {
            StaffOutcome::Collected { by, channel } => {
                WithdrawnReason::PaidElsewhere { by, channel }
            }
            StaffOutcome::WrittenOff { by, why } => WithdrawnReason::Waived { by, why },
            StaffOutcome::Replaced { by, why, trade_no } => WithdrawnReason::Replaced {
                by,
                channel: why,
                trade_no,
            },
        };
        // Who charges a stay anew needs its entry.
        let is_over = !matches!(reason, WithdrawnReason::Replaced { .. });
        self.agenda.forget(&Item::Charge(trade_no.clone()));
        self.record(out, MoneyRecord::ChargeWithdrawn { trade_no, reason });
        if is_over {
            self.abandon_entry(&session, out);
        }
        Ok(())
    }

    /// Takes a note of money that came by other means.
    pub fn note_payment(&mut self, payment: Payment, out: &mut Out) {
        self.record(out, MoneyRecord::PaymentTaken { payment });
    }

    /// Whether a part of this charge may be paid by other means: nobody else may take money for it, and
    /// its request is not fixed.
    ///
    /// # Errors
    /// As [`Self::finish_by_staff`]; what has a fixed request has to be with the staff first.
    pub fn may_pay_a_part(&self, trade_no: &str) -> Result<(), Declined> {
        if self.book.on_desk(trade_no).is_some() {
            return Ok(());
        }
        match self.not_at_wechat(trade_no)?.body {
            Some(_) => Err(Declined::InQueue),
            None => Ok(()),
        }
    }

    /// Whether [`Self::finish_by_staff`] would.
    ///
    /// # Errors
    /// As there.
    pub fn may_finish(&self, trade_no: &str) -> Result<(), Declined> {
        match self.book.on_desk(trade_no) {
            Some(_) => Ok(()),
            None => self.not_at_wechat(trade_no).map(|_| ()),
        }
    }

    /// A person takes a charge out of the queue to finish it by hand.
    ///
    /// # Errors
    /// Only what WeChat has not got, and says so where it was asked, can be taken (DESIGN 3.5).
    pub fn take_by_staff(
        &mut self,
        trade_no: &str,
        by: &str,
        why: &str,
        out: &mut Out,
    ) -> Result<(), Declined> {
        if self.is_paused() {
            return Err(Declined::StoreFailed);
        }
        if self.book.on_desk(trade_no).is_some() {
            return Err(Declined::WithStaff);
        }
        self.not_at_wechat(trade_no)?;
        let (by, why) = (by.to_owned(), why.to_owned());
        self.hand_to_staff(trade_no, StaffReason::ByHand { by, why }, out);
        Ok(())
    }

    /// Brings forward when a charge is next seen to. Everything that keeps a charge from being sent,
    /// or from being sent before it is queried, holds as before.
    ///
    /// # Errors
    /// When there is nothing to bring forward.
    pub fn hurry_by_hand(&mut self, trade_no: &str, now: Now) -> Result<WaitsFor, Declined> {
        if self.is_paused() {
            return Err(Declined::StoreFailed);
        }
        if self.book.on_desk(trade_no).is_some() {
            return Err(Declined::WithStaff);
        }
        let charge = self.book.charge(trade_no).ok_or(Declined::NoSuchCharge)?;
        let item = Item::Charge(trade_no.to_owned());
        if self.agenda.is_in_flight(&item) {
            return Err(Declined::OnItsWay);
        }
        let waits_for_entry =
            charge.state == ChargeState::WaitingForEntry && charge.body.is_none() && {
                let entry = self.book.entry(&charge.claim.session);
                entry.is_some_and(|entry| entry.is_to_send())
            };
        let entry = Item::Entry(charge.claim.session.clone());
        self.agenda.advance(&item, now.moment);
        self.agenda.advance(&entry, now.moment);
        Ok(match self.kept_back_by(now.moment) {
            WaitsFor::Nothing if waits_for_entry => WaitsFor::Entry,
            kept_back => kept_back,
        })
    }

    /// A charge that WeChat has not got.
    pub(super) fn not_at_wechat(&self, trade_no: &str) -> Result<Charge, Declined> {
        let charge = self.book.charge(trade_no).ok_or(Declined::NoSuchCharge)?;
        match charge.state {
            ChargeState::WaitingForEntry | ChargeState::Due => Ok(charge),
            ChargeState::Unknown { .. } if planted!(PaidWhileUnknown) => Ok(charge),
            ChargeState::Sent | ChargeState::Unknown { .. } | ChargeState::ToRepeat => {
                Err(Declined::MayStillBeTaken)
            }
            ChargeState::Accepted { .. }
            | ChargeState::Refused(_)
            | ChargeState::Failed
            | ChargeState::Settled
            | ChargeState::HandedToStaff(_)
            | ChargeState::Withdrawn(_) => Err(Declined::TakenOn),
        }
    }

    /// A person must finish it. Nothing that WeChat may still take on comes here.
    pub(super) fn hand_to_staff(&mut self, trade_no: &str, reason: StaffReason, out: &mut Out) {
        let Some(charge) = self.book.charge(trade_no) else {
            return;
        };
        let (session, fee_fen) = (charge.claim.session.clone(), charge.fee_fen());
        let fee = yuan(fee_fen);
        let text = format!(
            "charge of {fee} yuan is with the staff: {reason:?}; see `parkgate review list`"
        );
        out.alarms.push(with_staff(trade_no, true, text));
        self.agenda.forget(&Item::Charge(trade_no.to_owned()));
        self.drop_refunds_of(trade_no, out);
        let trade_no = trade_no.to_owned();
        self.record(out, MoneyRecord::ChargeHandedToStaff { trade_no, reason });
        self.abandon_entry(&session, out);
    }
}

fn with_staff(trade_no: &str, raised: bool, text: String) -> Alarm {
    Alarm {
        kind: AlarmKind::ChargeWithStaff,
        subject: trade_no.to_owned(),
        raised,
        text,
    }
}
