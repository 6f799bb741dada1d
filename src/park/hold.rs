//! Cars that wait for a person, and how they get away. Nobody is trapped.

use std::cmp::Reverse;

use super::barrier::held_too_long;
use super::exit::Leaving;
use super::record::LaneRecord;
use super::reply::{Done, Money};
use super::rules::Direction;
use super::state::{Decided, Hold};
use super::{Park, Turn};
use crate::charges::charge::{ChargeState, Opening, StaffReason};
use crate::charges::record::StaffOutcome;
use crate::lane::guard::Doubt;
use crate::lane::near;
use crate::lane::number::SessionId;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::reading::PlateRead;
use crate::lane::session::{Ending, LaneId, Session};

/// So often the newest place of a stay moves on between lanes that hold it already. A driver does not drive to
/// and fro more often; and of two cars with one plate, each read time and again, one keeps its place.
const MOVES_MAX: u64 = 4;

impl Park {
    /// A car without a stay to its name waits for a person.
    pub(super) fn hold_unread(
        &mut self,
        lane: &LaneId,
        read: &PlateRead,
        session: Option<SessionId>,
        reason: HoldReason,
        turn: &mut Turn,
    ) {
        let hold = Hold {
            lane: lane.clone(),
            plate: read.plate.clone(),
            color: read.color,
            raw_plate: read.raw_plate.clone(),
            session,
            reason,
            since: turn.at.clone(),
            arrived: turn.at.clone(),
            quote: None,
            trade_no: None,
            confidence_permille: read.confidence_permille,
            nth: 0,
        };
        self.start_hold(hold, turn);
    }

    /// A car that was just read here. Where another lane holds its stay, the car has backed out there, as far as
    /// anybody can tell, and what it has waited counts on. The other lane goes on holding until its own time
    /// is over: there may be two cars with one plate, and nobody is trapped.
    pub(super) fn read_last(&self, hold: Hold) -> Hold {
        let Some(session) = &hold.session else {
            return hold;
        };
        let (here, others): (Vec<&Hold>, Vec<&Hold>) = self
            .site
            .holds_of(session)
            .partition(|held| held.lane == hold.lane);
        let own = here.first().map(|held| held.nth);
        let newest = others.into_iter().max_by_key(|held| held.nth);
        match (newest, own) {
            (None, own) => Hold {
                nth: own.unwrap_or(0),
                ..hold
            },
            (Some(other), Some(own)) => Hold {
                nth: match own > other.nth || other.nth >= MOVES_MAX {
                    true => own,
                    false => other.nth.saturating_add(1),
                },
                ..hold
            },
            (Some(other), None) => Hold {
                nth: other.nth.saturating_add(1),
                since: match other.since.stay_ms(&hold.since) {
                    Some(_) => other.since.clone(),
                    None => hold.since,
                },
                ..hold
            },
        }
    }

    /// The same car goes on waiting since when it began to: a plate that is read a little differently
    /// each time must not wait for ever.
    pub(super) fn start_hold(&mut self, mut hold: Hold, turn: &mut Turn) {
        let lane = hold.lane.clone();
        self.mind(&lane).car = None;
        self.mind(&lane).decided = Some(Decided {
            plate: hold.plate.clone(),
            at: turn.moment(),
        });
        let mut goes_on = false;
        if let Some(held) = self.site.holds.get(&lane) {
            let is_same = held.plate == hold.plate;
            if is_same && held.reason == hold.reason && held.trade_no == hold.trade_no {
                match (self.is_paid_down(held), held.nth == hold.nth) {
                    (true, _) => {}
                    (false, true) => return,
                    // It is back, and owes what it owed.
                    (false, false) => {
                        hold = Hold {
                            nth: hold.nth,
                            ..held.clone()
                        }
                    }
                }
            }
            goes_on = is_same || may_be_the_same(held, &hold);
            if goes_on {
                hold.since = held.since.clone();
            }
            let left = held.session.clone();
            if let Some(left) = left.filter(|_| held.session != hold.session) {
                self.queue.no_hurry(&left);
            }
        }
        if !goes_on {
            let waited_ms = hold.since.stay_ms(&turn.at).unwrap_or(0);
            self.let_out_after(&lane, waited_ms, turn);
        }
        if let (Some(session), Some(_)) = (&hold.session, &hold.trade_no) {
            self.queue.await_held(session);
        }
        self.lane_record(LaneRecord::HoldStarted { hold }, turn);
    }

    /// Whether a part of what a hold shows was paid since: from what the plate has in store, say.
    fn is_paid_down(&self, held: &Hold) -> bool {
        let session = held.session.as_ref().and_then(|id| self.site.session(id));
        let paid = session.filter(|session| self.site.paid.contains_key(&session.id));
        let (Some(session), Some(quote), None) = (paid, &held.quote, &held.trade_no) else {
            return false;
        };
        let stay_ms = session.entered.stay_ms(&held.arrived);
        stay_ms.is_some() && self.rest(&session, stay_ms).fee_fen < quote.fee_fen
    }

    /// Nobody waits at an exit, or to come out of a zone, for longer than `held_at_most`, of which `waited_ms` are
    /// over.
    fn let_out_after(&mut self, lane: &LaneId, waited_ms: u64, turn: &Turn) {
        let left_ms = self.rules.exit.held_at_most_ms.saturating_sub(waited_ms);
        let is_exit = self.lane_direction(lane) == Some(Direction::Exit);
        self.mind(lane).held_until = is_exit.then_some(turn.moment().after_ms(left_ms));
    }

    pub(super) fn end_hold(&mut self, lane: &LaneId, turn: &mut Turn) {
        if let Some(hold) = self.site.holds.get(lane) {
            if let Some(session) = hold.session.clone() {
                self.queue.no_hurry(&session);
            }
            self.mind(lane).held_until = None;
            self.lane_record(LaneRecord::HoldEnded { lane: lane.clone() }, turn);
        }
    }

    /// After a restart the time already waited still counts, where clocks can tell it; and what the
    /// held cars wait for is looked for at once.
    pub(super) fn holds_go_on(&mut self, turn: &mut Turn) {
        let held: Vec<Hold> = self.site.holds.values().cloned().collect();
        for hold in held {
            let waited_ms = hold.since.stay_ms(&turn.at).unwrap_or(0);
            self.let_out_after(&hold.lane, waited_ms, turn);
            if let Some(session) = &hold.session {
                self.queue.hurry(session, turn.moment(), turn.now());
            }
        }
    }

    /// A car that nobody came for is let out as arrears.
    pub(super) fn holds_over(&mut self, turn: &mut Turn) {
        let moment = turn.moment();
        let mut over: Vec<LaneId> = self
            .lanes
            .iter()
            .filter(|(_, mind)| mind.held_until.is_some_and(|until| until <= moment))
            .map(|(lane, _)| lane.clone())
            .collect();
        // Where a stay was read last, there it ends.
        let nth = |lane: &LaneId| self.site.holds.get(lane).map_or(0, |hold| hold.nth);
        over.sort_by_key(|lane| Reverse(nth(lane)));
        for lane in over {
            let minutes = self.rules.exit.held_at_most_ms / 60_000;
            let text = format!(
                "a car was held at lane {lane} for {minutes} minutes and nobody came; it was let out"
            );
            turn.alarms.push(held_too_long(&lane, true, text));
            self.release(&lane, RaiseReason::HeldTooLong, turn);
            self.mind(&lane).held_until = None;
        }
    }

    /// The attendant opens. Says what became of the money.
    pub(super) fn release_by_hand(
        &mut self,
        lane: &LaneId,
        reason: RaiseReason,
        money: Option<StaffOutcome>,
        turn: &mut Turn,
    ) -> Done {
        let trade_no = self.release(lane, reason, turn);
        let money = match (&trade_no, money) {
            (_, None) => Money::NotMentioned,
            (None, Some(_)) => Money::NothingDue,
            (Some(trade_no), Some(money)) => {
                let finished = self.with_queue(turn, |queue, _, out| {
                    queue.finish_by_staff(trade_no, money, out)
                });
                match finished {
                    Ok(()) => Money::Finished,
                    Err(why) => Money::Stands(why),
                }
            }
        };
        Done::Raised {
            lane: lane.clone(),
            trade_no,
            money,
        }
    }

    /// Whatever stands in front of the barrier goes. Returns the number of its charge, if it has one.
    pub(super) fn release(
        &mut self,
        lane: &LaneId,
        reason: RaiseReason,
        turn: &mut Turn,
    ) -> Option<String> {
        let car = self.take_car(lane);
        let hold = self.site.holds.get(lane).cloned();
        let session = car
            .as_ref()
            .map(|car| car.session.clone())
            .or_else(|| hold.as_ref().and_then(|hold| hold.session.clone()))
            .and_then(|id| self.site.session(&id));
        let read_plate = car
            .as_ref()
            .and_then(|car| car.read.plate.clone())
            .or_else(|| hold.as_ref().and_then(|hold| hold.plate.clone()));
        match (self.direction(lane), session, hold) {
            (Some(Direction::Exit), Some(session), hold) => {
                let trade_no = self.settle_accounts(lane, &session, hold.as_ref(), turn);
                let plate = read_plate.or(Some(session.plate.clone()));
                self.raise(lane, plate, Some(session.id), reason, turn);
                trade_no
            }
            (
                Some(Direction::Entry),
                None,
                Some(Hold {
                    plate: Some(plate),
                    color,
                    reason: why,
                    ..
                }),
            ) => {
                let id = self.admit_by_hand(lane, &plate, color, &why, turn);
                self.raise(lane, Some(plate), Some(id), reason, turn);
                None
            }
            (_, session, _) => {
                let id = session.map(|session| session.id);
                self.raise(lane, read_plate, id, reason, turn);
                None
            }
        }
    }

    /// The stay ends; what is due for it stands with WeChat or with the staff.
    fn settle_accounts(
        &mut self,
        lane: &LaneId,
        session: &Session,
        hold: Option<&Hold>,
        turn: &mut Turn,
    ) -> Option<String> {
        let claimed = self.site.claimed.get(&session.id).cloned();
        let trade_no = match (claimed, hold) {
            (Some(trade_no), _) => Some(trade_no),
            (None, Some(hold)) => self.claim_for_staff(lane, session, hold, turn),
            (None, None) => None,
        };
        match &trade_no {
            Some(trade_no) => self.let_out(session, lane, trade_no, turn),
            None => {
                let is_doubtful = hold.is_some_and(|h| matches!(h.reason, HoldReason::Guarded(_)));
                let ending = match is_doubtful {
                    true => Ending::Reviewed { trade_no: None },
                    false => Ending::Free,
                };
                self.close_session(session, lane, ending, 0, turn);
            }
        }
        trade_no
    }

    fn claim_for_staff(
        &mut self,
        lane: &LaneId,
        session: &Session,
        hold: &Hold,
        turn: &mut Turn,
    ) -> Option<String> {
        let quote = hold.quote.clone().filter(|quote| quote.fee_fen > 0)?;
        let plate = hold.plate.clone().unwrap_or_else(|| session.plate.clone());
        let read = PlateRead::by_hand(plate, hold.color);
        let leaving = Leaving {
            lane: lane.clone(),
            session: session.clone(),
            read,
            arrived: hold.arrived.clone(),
            stay_ms: session.entered.stay_ms(&hold.arrived),
            quote,
            doubts: Vec::new(),
            over_fen: None,
        };
        let opening = Opening::ToStaff(staff_reason(&hold.reason));
        Some(self.claim(&leaving, opening, turn))
    }

    fn admit_by_hand(
        &mut self,
        lane: &LaneId,
        plate: &PlateNumber,
        color: Option<PlateColor>,
        why: &HoldReason,
        turn: &mut Turn,
    ) -> SessionId {
        let read = PlateRead::by_hand(plate.clone(), color);
        let entered = turn.at.clone();
        // A plate that could be read and was not believed: a person let the car in, not the plate.
        let doubts = match why {
            HoldReason::Unreadable => vec![Doubt::FakePlate],
            _ => Vec::new(),
        };
        self.open_session(lane, plate, &read, entered, doubts, turn)
            .id
    }

    /// Why a charge is with the staff, as a reason to hold the car.
    pub(super) fn desk_reason(&self, trade_no: &str) -> Option<HoldReason> {
        let charge = self.queue.book().on_desk(trade_no)?;
        let ChargeState::HandedToStaff(reason) = &charge.state else {
            return None;
        };
        Some(match reason {
            StaffReason::Refused(code) => HoldReason::Refused(code.clone()),
            StaffReason::PaymentFailed => HoldReason::PaymentFailed,
            StaffReason::Blocked(why) => HoldReason::Blocked(why.clone()),
            StaffReason::NotRegistered(why) => HoldReason::NotRegistered(why.clone()),
            StaffReason::Superseded => HoldReason::NotRegistered("superseded".to_owned()),
            StaffReason::Unsettled => HoldReason::NotYetPaid,
            StaffReason::Guarded(doubts) => HoldReason::Guarded(doubts.clone()),
            StaffReason::ByHand { .. } => {
                HoldReason::NotRegistered("taken out of the queue by hand".to_owned())
            }
        })
    }
}

/// Two readings that may be of one car: one of them has no plate, or they resemble each other.
fn may_be_the_same(held: &Hold, now: &Hold) -> bool {
    match (&held.plate, &now.plate) {
        (Some(held), Some(now)) => {
            let distance = near::distance(held.as_str(), now.as_str(), None);
            distance <= near::Rules::default().limit
        }
        _ => true,
    }
}

fn staff_reason(hold: &HoldReason) -> StaffReason {
    match hold {
        HoldReason::Blocked(why) => StaffReason::Blocked(why.clone()),
        HoldReason::NotRegistered(why) => StaffReason::NotRegistered(why.clone()),
        HoldReason::Refused(code) => StaffReason::Refused(code.clone()),
        HoldReason::PaymentFailed => StaffReason::PaymentFailed,
        HoldReason::Guarded(doubts) => StaffReason::Guarded(doubts.clone()),
        HoldReason::BlockListed
        | HoldReason::Full
        | HoldReason::Unreadable
        | HoldReason::NoEntry { .. }
        | HoldReason::Silent
        | HoldReason::Arrears { .. }
        | HoldReason::NotYetPaid
        | HoldReason::BarrierStuck => StaffReason::NotRegistered("let out by hand".to_owned()),
    }
}
