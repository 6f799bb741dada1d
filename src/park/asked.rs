//! What people ask for, and what they are told.

use super::event::Event;
use super::reply::{Done, Refusal};
use super::state::Stage;
use super::{Park, Turn};
use crate::charges::record::{Correction, StaffOutcome};
use crate::charges::staff::Declined;
use crate::lane::raise::RaiseReason;
use crate::lane::session::LaneId;

impl Park {
    pub(super) fn attendant_raised(
        &mut self,
        lane: &LaneId,
        by: &str,
        why: &str,
        money: Option<StaffOutcome>,
        turn: &mut Turn,
    ) {
        let reason = RaiseReason::Attendant {
            by: by.to_owned(),
            why: why.to_owned(),
        };
        let outcome = self.release_by_hand(lane, reason, money, turn);
        turn.reply = Some(Ok(outcome));
    }

    pub(super) fn retry_asked(&mut self, trade_no: &str, turn: &mut Turn) {
        let hurried = self.queue.hurry_by_hand(trade_no, turn.now());
        let trade_no = trade_no.to_owned();
        turn.reply = Some(match hurried {
            Ok(waits_for) => Ok(Done::Hurried {
                trade_no,
                waits_for,
            }),
            Err(why) => Err(Refusal::Charge { trade_no, why }),
        });
    }

    pub(super) fn staff_asked(&mut self, trade_no: &str, by: &str, why: &str, turn: &mut Turn) {
        let taken = self.with_queue(turn, |queue, _, out| {
            queue.take_by_staff(trade_no, by, why, out)
        });
        let trade_no = trade_no.to_owned();
        turn.reply = Some(match taken {
            Ok(()) => Ok(Done::HandedToStaff { trade_no }),
            Err(why) => Err(Refusal::Charge { trade_no, why }),
        });
    }

    /// Staff collected the money of a charge, or gave it up, also after its car has gone. One that still
    /// stands at a barrier goes, as if the same person had raised for it.
    pub(super) fn arrears_finished(&mut self, trade_no: &str, how: &StaffOutcome, turn: &mut Turn) {
        let finished = self.finish_arrears(trade_no, how, turn);
        turn.reply = Some(finished.map_err(|why| Refusal::Charge {
            trade_no: trade_no.to_owned(),
            why,
        }));
    }

    pub(super) fn finish_arrears(
        &mut self,
        trade_no: &str,
        how: &StaffOutcome,
        turn: &mut Turn,
    ) -> Result<Done, Declined> {
        let (by, why) = match how {
            StaffOutcome::Collected { by, channel } => (by, channel),
            StaffOutcome::WrittenOff { by, why } => (by, why),
            // Only together with the claim that takes its place.
            StaffOutcome::Replaced { .. } => return Err(Declined::NoSuchCharge),
        };
        if self.queue.is_paused() {
            return Err(Declined::StoreFailed);
        }
        self.queue.may_finish(trade_no)?;
        let charge = self.queue.book().unfinished(trade_no);
        let charge = charge.ok_or(Declined::NoSuchCharge)?;
        let (fen, plate) = (charge.fee_fen(), charge.claim.plate.clone());
        for lane in self.lanes_waiting_for(trade_no) {
            let reason = match &turn.by_code {
                Some(spot) => RaiseReason::PaidByCode {
                    number: spot.number.clone(),
                },
                None => RaiseReason::Attendant {
                    by: by.clone(),
                    why: why.clone(),
                },
            };
            self.release(&lane, reason, turn);
        }
        self.with_queue(turn, |queue, _, out| {
            queue.finish_by_staff(trade_no, how.clone(), out)
        })?;
        Ok(Done::Finished {
            trade_no: trade_no.to_owned(),
            fen,
            plate,
        })
    }

    /// Where the car stands that waits for this charge.
    fn lanes_waiting_for(&self, trade_no: &str) -> Vec<LaneId> {
        let holds = self.site.holds.values();
        let held = holds.filter(|hold| hold.trade_no.as_deref() == Some(trade_no));
        // Of two lanes the one at which it was read last.
        let held = held.max_by_key(|hold| hold.nth);
        let held = held.map(|hold| hold.lane.clone()).into_iter();
        let filing = self.lanes.iter().filter(|(_, mind)| {
            let stage = mind.car.as_ref().map(|car| &car.stage);
            matches!(
                stage,
                Some(Stage::Filing { trade_no: no } | Stage::Paying { trade_no: no }) if no == trade_no
            )
        });
        held.chain(filing.map(|(lane, _)| lane.clone())).collect()
    }

    pub(super) fn correction_asked(&mut self, event: &Event, turn: &mut Turn) {
        let Event::CorrectionAsked {
            trade_no,
            session,
            plate,
            charged_fen,
            due_fen,
            due_from,
            exited,
            sent_for,
            by,
            why,
        } = event
        else {
            return;
        };
        let correction = Correction {
            trade_no: trade_no.clone(),
            session: session.clone(),
            plate: plate.clone(),
            charged_fen: *charged_fen,
            due_fen: *due_fen,
            due_from: due_from.clone(),
            refund_no: None,
            by: by.clone(),
            why: why.clone(),
            at: turn.at.clone(),
        };
        let asked = self.with_queue(turn, |queue, _, out| {
            queue.ask_correction(correction, *exited, sent_for.as_ref(), out)
        });
        let trade_no = trade_no.clone();
        turn.reply = Some(match asked {
            Ok(by_itself) => Ok(Done::CorrectionNoted {
                trade_no,
                refund_fen: by_itself.unwrap_or(*charged_fen),
                by_itself: by_itself.is_some(),
                due_fen: *due_fen,
            }),
            Err(why) => Err(Refusal::Charge { trade_no, why }),
        });
    }

    pub(super) fn correction_done(&mut self, trade_no: &str, by: &str, why: &str, turn: &mut Turn) {
        let closed = self.with_queue(turn, |queue, at, out| {
            queue.close_correction(trade_no, by, why, at, out)
        });
        let trade_no = trade_no.to_owned();
        turn.reply = Some(match closed {
            Ok(()) => Ok(Done::CorrectionClosed { trade_no }),
            Err(why) => Err(Refusal::Charge { trade_no, why }),
        });
    }
}
