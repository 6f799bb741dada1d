//! Cars that wait for WeChat's answer: what the answer, or its absence, makes of them.

use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::sync::Arc;

use super::reading::SAME_CAR_MS;
use super::state::{Car, Held, Hold, Stage};
use super::{Park, Turn};
use crate::charges::charge::{Charge, ChargeState};
use crate::lane::exit::{self, ExitCase, ExitDecision};
use crate::lane::number::SessionId;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::reading::PlateRead;
use crate::lane::session::LaneId;
use crate::lane::tariff::Quote;

/// What has become of what a car waits for.
enum Outcome {
    /// The barrier may rise.
    Raise(RaiseReason),
    /// A person is needed.
    Hold(HoldReason),
    /// Taken on, but only money that has moved raises.
    AwaitPayment,
    /// Nothing yet.
    Open,
}

impl Park {
    /// Lets those go, or holds those, of whom the book now says what became of them.
    pub(super) fn cars_with_an_outcome(&mut self, turn: &mut Turn) {
        for (lane, car) in self.cars() {
            self.follow(&lane, &car, turn);
        }
        let holds = self.site.holds.values();
        let mut with_charge: Vec<Hold> = holds
            .filter(|hold| hold.trade_no.is_some())
            .cloned()
            .collect();
        // Where a stay was read last, its car stands.
        with_charge.sort_by_key(|hold| Reverse(hold.nth));
        for hold in with_charge {
            self.follow_held(&hold, turn);
        }
    }

    /// The rest: of whom nothing will be heard in time, or whose time is up.
    pub(super) fn cars_without_an_answer(&mut self, turn: &mut Turn) {
        for (lane, car) in self.cars() {
            let time_is_up = turn.moment() >= car.deadline;
            let in_vain = time_is_up || !self.queue.may_hear_of(&car.session, car.deadline);
            match &car.stage {
                Stage::Greeting if in_vain => self.raise_entry(&lane, &car, turn),
                Stage::Filing { trade_no } if in_vain => {
                    self.silent(&lane, &car, trade_no, turn);
                }
                Stage::Paying { trade_no } if time_is_up => {
                    self.hold_car(&lane, &car, HoldReason::NotYetPaid, trade_no, turn);
                }
                Stage::Greeting | Stage::Filing { .. } | Stage::Paying { .. } => {}
            }
        }
    }

    /// Cars that stood at an exit while their charge was asked for, when the power went. Nobody may see
    /// them a second time, so they go on waiting, unless it is too long ago or the lane has moved on.
    pub(super) fn cars_left_waiting(&mut self, turn: &mut Turn) {
        let book = self.queue.book();
        let mut waiting: BTreeMap<LaneId, (SessionId, String)> = BTreeMap::new();
        for (session, trade_no) in &self.site.claimed {
            let Some(charge) = book.charge(trade_no) else {
                continue;
            };
            let claim = &charge.claim;
            let arrived = &claim.exited;
            let since_ms = arrived.stay_ms(&turn.at).unwrap_or(turn.moment().0);
            let raise = self.site.raises.get(&claim.lane);
            let moved_on = raise.is_some_and(|raise| arrived.stay_ms(&raise.at).is_some());
            let is_held = self.site.holds.contains_key(&claim.lane);
            if since_ms < SAME_CAR_MS && !moved_on && !is_held {
                let car = (session.clone(), trade_no.clone());
                waiting.insert(claim.lane.clone(), car);
            }
        }
        for (lane, (session, trade_no)) in waiting {
            let Some(session) = self.site.session(&session) else {
                continue;
            };
            let deadline = turn.moment().after_ms(self.rules.exit.budget_ms);
            self.queue.hurry(&session.id, deadline, turn.now());
            self.mind(&lane).car = Some(Arc::new(Car {
                session: session.id,
                plate: session.plate.clone(),
                read: PlateRead::by_hand(session.plate, session.color),
                arrived: turn.at.clone(),
                held: None,
                deadline,
                stage: Stage::Filing { trade_no },
            }));
        }
    }

    fn cars(&self) -> Vec<(LaneId, Arc<Car>)> {
        let cars = self.lanes.iter();
        cars.filter_map(|(lane, mind)| {
            let car = mind.car.as_ref()?;
            Some((lane.clone(), Arc::clone(car)))
        })
        .collect()
    }

    fn follow(&mut self, lane: &LaneId, car: &Car, turn: &mut Turn) {
        let (Stage::Filing { trade_no } | Stage::Paying { trade_no }) = &car.stage else {
            if self.greeting_is_known(car) {
                self.raise_entry(lane, car, turn);
            }
            return;
        };
        match self.outcome(trade_no) {
            Outcome::Raise(reason) => self.let_go(lane, car, trade_no, reason, turn),
            Outcome::Hold(reason) => self.hold_car(lane, car, reason, trade_no, turn),
            Outcome::AwaitPayment if matches!(car.stage, Stage::Filing { .. }) => {
                let deadline = turn.moment().after_ms(self.rules.exit.success_budget_ms);
                let trade_no = trade_no.clone();
                self.queue.await_payment(&car.session, deadline, turn.now());
                let stage = Stage::Paying { trade_no };
                self.mind(lane).car = Some(Arc::new(Car {
                    deadline,
                    stage,
                    ..car.clone()
                }));
            }
            Outcome::AwaitPayment | Outcome::Open => {}
        }
    }

    /// A held car whose charge came through after all goes at once.
    fn follow_held(&mut self, hold: &Hold, turn: &mut Turn) {
        let Some(trade_no) = &hold.trade_no else {
            return;
        };
        match self.outcome(trade_no) {
            Outcome::Raise(reason) => {
                let open = hold.session.as_ref().and_then(|id| self.site.session(id));
                // Whose stay ended elsewhere has left there; another car with its plate is let out in time.
                let Some(session) = open else { return };
                self.let_out(&session, &hold.lane, trade_no, turn);
                let plate = hold.plate.clone();
                self.raise(&hold.lane, plate, Some(session.id), reason, turn);
            }
            Outcome::Hold(reason) if reason != hold.reason => {
                let hold = Hold {
                    reason,
                    ..hold.clone()
                };
                self.start_hold(hold, turn);
            }
            Outcome::Hold(_) | Outcome::AwaitPayment | Outcome::Open => {}
        }
    }

    fn outcome(&self, trade_no: &str) -> Outcome {
        let advance = self.rules.exit.advance;
        let trade_no = trade_no.to_owned();
        match self
            .queue
            .book()
            .charge(&trade_no)
            .map(|charge| charge.state)
        {
            Some(ChargeState::Accepted { .. }) if advance => {
                Outcome::Raise(RaiseReason::Accepted { trade_no })
            }
            Some(ChargeState::Accepted { .. }) => Outcome::AwaitPayment,
            Some(_) => Outcome::Open,
            None => match self.desk_reason(&trade_no) {
                Some(reason) => Outcome::Hold(reason),
                None => Outcome::Raise(RaiseReason::Settled { trade_no }),
            },
        }
    }

    fn greeting_is_known(&self, car: &Car) -> bool {
        let entry = self.queue.book().entry(&car.session);
        entry.is_none_or(|entry| !entry.is_to_send())
    }

    fn raise_entry(&mut self, lane: &LaneId, car: &Car, turn: &mut Turn) {
        let (plate, session) = (Some(car.plate.clone()), Some(car.session.clone()));
        self.raise(lane, plate, session, RaiseReason::Entry, turn);
    }

    fn let_go(
        &mut self,
        lane: &LaneId,
        car: &Car,
        trade_no: &str,
        reason: RaiseReason,
        turn: &mut Turn,
    ) {
        if let Some(session) = self.site.session(&car.session) {
            self.let_out(&session, lane, trade_no, turn);
        }
        let plate = car.read.plate.clone();
        self.raise(lane, plate, Some(car.session.clone()), reason, turn);
    }

    /// WeChat said nothing in time.
    fn silent(&mut self, lane: &LaneId, car: &Car, trade_no: &str, turn: &mut Turn) {
        let charge = self.queue.book().charge(trade_no);
        let Some(fee_fen) = charge.as_ref().map(Charge::fee_fen) else {
            return;
        };
        let entered_as = self.standing_of_car(car, trade_no, turn);
        let mut risk = self.risk(&car.plate);
        risk.silent = true;
        let case = ExitCase {
            fee_fen,
            doubts: &[],
            standing: entered_as,
            risk,
        };
        match exit::when_silent(&case, &self.rules.exit) {
            ExitDecision::LetOut(reason) => self.let_go(lane, car, trade_no, reason, turn),
            ExitDecision::Hold(reason) | ExitDecision::HoldAndFile(reason) => {
                self.hold_car(lane, car, reason, trade_no, turn);
            }
            ExitDecision::LeaveFree
            | ExitDecision::Review(_)
            | ExitDecision::File
            | ExitDecision::RegisterThenFile => {}
        }
    }

    /// Once the charge is frozen its entry has ended; the frozen body remembers what it was worth.
    fn standing_of_car(&self, car: &Car, trade_no: &str, turn: &Turn) -> exit::Standing {
        let charge = self.queue.book().charge(trade_no);
        match charge.and_then(|charge| charge.body) {
            Some(frozen) => exit::Standing::Registered {
                service: frozen.service,
                age_ms: u64::MAX,
            },
            None => match self.site.session(&car.session) {
                Some(session) => self.standing(&session, &turn.at),
                None => exit::Standing::NotYet,
            },
        }
    }

    fn hold_car(
        &mut self,
        lane: &LaneId,
        car: &Car,
        reason: HoldReason,
        trade_no: &str,
        turn: &mut Turn,
    ) {
        let hold = Hold {
            lane: lane.clone(),
            plate: car.read.plate.clone(),
            color: car.read.color,
            raw_plate: None,
            session: Some(car.session.clone()),
            reason,
            since: match &car.held {
                Some(held) => held.since.clone(),
                None => turn.at.clone(),
            },
            arrived: car.arrived.clone(),
            quote: self.quote_of(trade_no),
            trade_no: Some(trade_no.to_owned()),
            confidence_permille: car.read.confidence_permille,
            nth: 0,
        };
        let hold = self.read_last(hold);
        self.start_hold(hold, turn);
        if let Some(Held { until, .. }) = &car.held {
            self.mind(lane).held_until = *until;
        }
    }

    fn quote_of(&self, trade_no: &str) -> Option<Quote> {
        let charge = self.queue.book().unfinished(trade_no)?;
        Some(charge.claim.quote)
    }
}
