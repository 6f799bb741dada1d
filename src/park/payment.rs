//! Money for a stay by other means than its charge: in advance, in part, or twice (E14, E15). A stay has
//! one amount due, and all of it counts.

use serde::{Deserialize, Serialize};

use super::exit::Leaving;
use super::record::LaneRecord;
use super::reply::{Done, Refusal, Undecided};
use super::review::{PaidSince, Review, ReviewWhy};
use super::state::{Car, Hold, Stage};
use super::{Park, Turn};
use crate::charges::charge::{Charge, ChargeState, Claim, Opening};
use crate::charges::payment::{Payment, Toward};
use crate::charges::record::StaffOutcome;
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::raise::RaiseReason;
use crate::lane::session::{Ending, LaneId, Session};
use crate::lane::tariff::Quote;
use crate::lane::time::Stamp;

/// Money that somebody took, or some other system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Taking {
    /// For which stay.
    pub stay: PaidStay,
    /// How much, fen.
    pub fen: u64,
    /// How it was paid.
    pub channel: String,
    /// Who took it.
    pub by: String,
    /// The money was taken, whatever is due: what is too much is listed, to be given back.
    #[serde(default, skip_serializing_if = "is_false")]
    pub regardless: bool,
}

fn is_false(flag: &bool) -> bool {
    !flag
}

/// A stay that was paid for, which may be over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidStay {
    /// Its number.
    pub session: SessionId,
    /// Its plate.
    pub plate: PlateNumber,
    /// Where it came in, or left.
    pub lane: LaneId,
    /// When it came in.
    pub entered: Stamp,
}

impl PaidStay {
    /// One that is open.
    pub fn of(session: &Session) -> Self {
        Self {
            session: session.id.clone(),
            plate: session.plate.clone(),
            lane: session.lane.clone(),
            entered: session.entered.clone(),
        }
    }

    /// One for which something is claimed.
    pub fn of_claim(claim: &Claim) -> Self {
        Self {
            session: claim.session.clone(),
            plate: claim.plate.clone(),
            lane: claim.lane.clone(),
            entered: claim.entered.clone(),
        }
    }
}

impl Park {
    pub(super) fn payment_taken(&mut self, taking: &Taking, turn: &mut Turn) {
        let taken = self.take_payment(taking, turn);
        turn.reply = Some(taken.map_err(|why| Refusal::Review {
            session: taking.stay.session.clone(),
            why,
        }));
    }

    pub(super) fn take_payment(
        &mut self,
        taking: &Taking,
        turn: &mut Turn,
    ) -> Result<Done, Undecided> {
        if self.queue.is_paused() {
            return Err(Undecided::StoreFailed);
        }
        let session = &taking.stay.session;
        let unfinished = self.queue.book().unfinished_of(session);
        if let Some(charge) = unfinished {
            return self.pay_a_charge(&charge, taking, turn);
        }
        let open = self.site.session(session);
        match open.filter(|_| !self.site.claimed.contains_key(session)) {
            Some(open) => Ok(self.pay_in_advance(&open, taking, turn)),
            None if taking.regardless => Ok(self.note_over_payment(taking, taking.fen, turn)),
            None => Err(Undecided::NothingDue),
        }
    }

    /// The car may be anywhere inside, or wait at a barrier without a charge.
    fn pay_in_advance(&mut self, open: &Session, taking: &Taking, turn: &mut Turn) -> Done {
        let hold = self.held_to_pay(&open.id, turn).cloned();
        let by_now = hold.as_ref().map_or(&turn.at, |hold| &hold.arrived);
        let stay_ms = open.entered.stay_ms(by_now);
        let fee_fen = self.quote(open, stay_ms.unwrap_or(0)).fee_fen;
        let toward = Toward::Stay { fee_fen };
        self.note_payment(taking, toward, taking.fen, turn);
        let rest_fen = self.rest(open, stay_ms).fee_fen;
        if let Some(hold) = hold {
            self.pay_at_the_barrier(open, hold, taking.fen, stay_ms, turn);
        }
        Done::Paid {
            session: open.id.clone(),
            fen: taking.fen,
            rest_fen,
            over_fen: 0,
        }
    }

    /// The car that waits here owes so much less, and goes when nothing is left.
    fn pay_at_the_barrier(
        &mut self,
        open: &Session,
        hold: Hold,
        fen: u64,
        stay_ms: Option<u64>,
        turn: &mut Turn,
    ) {
        // Where nobody could tell what it costs, a person says when it is enough.
        let Some(quote) = hold.quote.clone().filter(|quote| quote.fee_fen > 0) else {
            return;
        };
        let rest = match stay_ms {
            Some(_) => self.rest(open, stay_ms),
            None => quote.less_paid(fen, 0),
        };
        if let Some(stay_ms) = stay_ms.filter(|_| rest.fee_fen == 0) {
            let paid_fen = self.site.paid.get(&open.id).map_or(0, |paid| paid.fen);
            let over_fen = paid_fen.saturating_sub(self.quote(open, stay_ms).fee_fen);
            self.close_prepaid(open, &hold.lane, over_fen, turn);
            let session = Some(open.id.clone());
            let reason = match &turn.by_code {
                Some(spot) => RaiseReason::PaidByCode {
                    number: spot.number.clone(),
                },
                None => RaiseReason::Prepaid,
            };
            self.raise(&hold.lane, hold.plate, session, reason, turn);
            return;
        }
        let hold = Hold {
            quote: Some(rest),
            ..hold
        };
        self.lane_record(LaneRecord::HoldStarted { hold }, turn);
    }

    fn pay_a_charge(
        &mut self,
        charge: &Charge,
        taking: &Taking,
        turn: &mut Turn,
    ) -> Result<Done, Undecided> {
        let trade_no = charge.claim.trade_no.clone();
        let due_fen = charge.fee_fen();
        let declined = |why| Undecided::Charge {
            trade_no: trade_no.clone(),
            why,
        };
        let may = self.queue.may_pay_a_part(&trade_no);
        match may {
            // WeChat has the money, or may have it: what was taken beside it is too much.
            Err(_) if taking.regardless => {
                return Ok(self.note_over_payment(taking, taking.fen, turn));
            }
            Err(why) => return Err(declined(why)),
            Ok(()) => {}
        }
        if taking.fen < due_fen {
            return self.pay_a_part(charge, taking, turn).map_err(declined);
        }
        let over_fen = taking.fen - due_fen;
        if over_fen > 0 && !taking.regardless {
            return Err(Undecided::MoreThanDue { due_fen });
        }
        let how = StaffOutcome::Collected {
            by: taking.by.clone(),
            channel: taking.channel.clone(),
        };
        let done = self
            .finish_arrears(&trade_no, &how, turn)
            .map_err(declined)?;
        Ok(match over_fen {
            0 => done,
            over_fen => self.note_over_payment(taking, over_fen, turn),
        })
    }

    /// The charge is made anew over the rest, under the next number.
    fn pay_a_part(
        &mut self,
        charge: &Charge,
        taking: &Taking,
        turn: &mut Turn,
    ) -> Result<Done, crate::charges::staff::Declined> {
        let claim = &charge.claim;
        let before = claim.trade_no.clone();
        let trade_no = claim.session.trade_no_after(&before);
        let toward = Toward::Charge {
            trade_no: before.clone(),
        };
        self.note_payment(taking, toward, taking.fen, turn);
        let how = StaffOutcome::Replaced {
            by: taking.by.clone(),
            why: taking.channel.clone(),
            trade_no: trade_no.clone(),
        };
        self.with_queue(turn, |queue, _, out| {
            queue.finish_by_staff(&before, how, out)
        })?;
        let opening = match &charge.state {
            ChargeState::HandedToStaff(reason) => Opening::ToStaff(reason.clone()),
            _ => claim.opening.clone(),
        };
        let quote = match planted!(PartForgotten) {
            true => claim.quote.clone(),
            false => claim.quote.clone().less_paid(taking.fen, claim.stay_ms),
        };
        let rest_fen = quote.fee_fen;
        let rest = Claim {
            trade_no: trade_no.clone(),
            quote,
            opening,
            ..claim.clone()
        };
        self.with_queue(turn, |queue, at, out| queue.open_charge(rest, at.now, out));
        if charge.let_out {
            self.with_queue(turn, |queue, _, out| queue.let_out(&trade_no, out));
        }
        self.wait_for_the_rest(&before, &trade_no, turn);
        Ok(Done::Paid {
            session: claim.session.clone(),
            fen: taking.fen,
            rest_fen,
            over_fen: 0,
        })
    }

    /// Whoever waits for the one charge waits for the other.
    fn wait_for_the_rest(&mut self, before: &str, trade_no: &str, turn: &mut Turn) {
        let holds = self.site.holds.values();
        let held = holds.filter(|hold| hold.trade_no.as_deref() == Some(before));
        let held: Vec<Hold> = held.cloned().collect();
        for hold in held {
            self.hold_for_charge(hold, trade_no, turn);
        }
        for mind in self.lanes.values_mut() {
            let Some(car) = &mind.car else { continue };
            let stage = match &car.stage {
                Stage::Filing { trade_no: no } if no == before => Stage::Filing {
                    trade_no: trade_no.to_owned(),
                },
                _ => continue,
            };
            let car = Car {
                stage,
                ..Car::clone(car)
            };
            mind.car = Some(car.into());
        }
    }

    /// What is too much is listed, to be given back (E15).
    pub(super) fn note_over_payment(
        &mut self,
        taking: &Taking,
        over_fen: u64,
        turn: &mut Turn,
    ) -> Done {
        self.note_payment(taking, Toward::Nothing, over_fen, turn);
        self.list_over_payment(&taking.stay, over_fen, turn);
        Done::Paid {
            session: taking.stay.session.clone(),
            fen: taking.fen,
            rest_fen: 0,
            over_fen,
        }
    }

    fn note_payment(&mut self, taking: &Taking, toward: Toward, fen: u64, turn: &mut Turn) {
        let payment = Payment {
            session: taking.stay.session.clone(),
            plate: taking.stay.plate.clone(),
            fen,
            toward,
            channel: taking.channel.clone(),
            by: taking.by.clone(),
            number: turn.by_code.as_ref().map(|spot| spot.number.clone()),
            at: turn.at.clone(),
        };
        self.with_queue(turn, |queue, _, out| queue.note_payment(payment, out));
    }

    pub(super) fn list_over_payment(&mut self, stay: &PaidStay, over_fen: u64, turn: &mut Turn) {
        if self.goes_back_by_itself(stay, over_fen, turn) {
            return;
        }
        let known = self.site.reviews.get(&stay.session).cloned();
        let open = known.clone().filter(|review| review.closed.is_none());
        let trade_no = known.as_ref().and_then(|review| review.trade_no.clone());
        let review = open.unwrap_or_else(|| Review {
            session: stay.session.clone(),
            plate: stay.plate.clone(),
            color: None,
            entered: stay.entered.clone(),
            exited: None,
            at: turn.at.clone(),
            lane: stay.lane.clone(),
            why: ReviewWhy::PaidTooMuch,
            fee_fen: None,
            quote: None,
            over_fen: None,
            read: None,
            paid_fen: 0,
            since: PaidSince::default(),
            charges: known.map_or(0, |review| review.charges),
            trade_no,
            closed: None,
        });
        let over_fen = review.over_fen.unwrap_or(0).saturating_add(over_fen);
        let over_fen = Some(over_fen);
        self.open_review(Review { over_fen, ..review }, turn);
    }

    // At the exit.

    /// Some: everything was paid, and by so much more; what came due since the payment is not asked for
    /// where the car was quick.
    pub(super) fn paid_over(
        &self,
        session: &Session,
        rest: &Quote,
        arrived: &Stamp,
    ) -> Option<u64> {
        let paid = self.site.paid.get(&session.id)?;
        let stay_ms = session.entered.stay_ms(arrived)?;
        let tariff = &self.rules.tariff;
        let stay = self.to_price(session, stay_ms);
        let by_tariff_ms = tariff.in_force(&stay).grace_s.saturating_mul(1000);
        let to_leave_ms = self.rules.exit.time_to_leave_ms.unwrap_or(by_tariff_ms);
        let is_over = rest.fee_fen == 0 || paid.covers(arrived, to_leave_ms);
        let fee_fen = self.quote(session, stay_ms).fee_fen;
        is_over.then(|| paid.fen.saturating_sub(fee_fen))
    }

    /// Nothing is left to be charged, and so nothing that a doubt could keep from being filed.
    pub(super) fn leaves_prepaid(&mut self, leaving: &Leaving, turn: &mut Turn) -> bool {
        let Some(over_fen) = leaving.over_fen else {
            return false;
        };
        self.close_prepaid(&leaving.session, &leaving.lane, over_fen, turn);
        self.raise_for(leaving, RaiseReason::Prepaid, turn);
        true
    }

    pub(super) fn close_prepaid(
        &mut self,
        session: &Session,
        lane: &LaneId,
        over_fen: u64,
        turn: &mut Turn,
    ) {
        let paid_fen = self.site.paid.get(&session.id).map_or(0, |paid| paid.fen);
        let ending = Ending::Prepaid { paid_fen, over_fen };
        self.close_session(session, lane, ending, 0, turn);
    }

    /// What was paid for a stay that ends so and costs less.
    pub(super) fn over_at_the_end(&self, session: &SessionId, ending: &Ending) -> u64 {
        match ending {
            Ending::Prepaid { over_fen, .. } => *over_fen,
            Ending::Free | Ending::TurnedBack => {
                self.site.paid.get(session).map_or(0, |paid| paid.fen)
            }
            Ending::Charged { .. }
            | Ending::ExitMissed
            | Ending::ReplayedExit
            | Ending::Reviewed { .. }
            | Ending::EndedByHand { .. } => 0,
        }
    }
}
