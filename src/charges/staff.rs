//! What a person has to finish, or has finished.

use super::agenda::Item;
use super::call::Out;
use super::charge::{ChargeState, StaffReason, WithdrawnReason};
use super::queue::Queue;
use super::record::{MoneyRecord, StaffOutcome};
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::tariff::yuan;

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
    ) -> Result<(), &'static str> {
        let trade_no = trade_no.to_owned();
        if self.book.on_desk(&trade_no).is_some() {
            let text = "staff has finished".to_owned();
            out.alarms.push(with_staff(&trade_no, false, text));
            self.record(out, MoneyRecord::StaffFinished { trade_no, how });
            return Ok(());
        }
        let charge = self.book.charge(&trade_no).ok_or("no such charge")?;
        match charge.state {
            ChargeState::WaitingForEntry | ChargeState::Due => {}
            ChargeState::Sent | ChargeState::Unknown { .. } | ChargeState::ToRepeat => {
                return Err("WeChat may still take this money; do not collect it a second time");
            }
            _ => return Err("WeChat has taken this charge on"),
        }
        let session = charge.claim.session.clone();
        let reason = match how {
            StaffOutcome::Collected { by, channel } => {
                WithdrawnReason::PaidElsewhere { by, channel }
            }
            StaffOutcome::WrittenOff { by, why } => WithdrawnReason::Waived { by, why },
        };
        self.agenda.forget(&Item::Charge(trade_no.clone()));
        self.record(out, MoneyRecord::ChargeWithdrawn { trade_no, reason });
        self.abandon_entry(&session, out);
        Ok(())
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
