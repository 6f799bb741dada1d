//! Cars that wait for WeChat's answer: what the answer, or its absence, makes of them.

use super::state::{Car, Hold, Stage};
use super::{Park, Turn};
use crate::charges::charge::{Charge, ChargeState};
use crate::charges::entry::EntryState;
use crate::lane::exit::{self, ExitCase, ExitDecision};
use crate::lane::raise::{HoldReason, RaiseReason};
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
            self.follow(&lane, car, turn);
        }
        let held: Vec<Hold> = self.site.holds.values().cloned().collect();
        for hold in held {
            self.follow_held(&hold, turn);
        }
    }

    /// The rest: for whom nobody asks any more, or whose time is up.
    pub(super) fn cars_without_an_answer(&mut self, turn: &mut Turn) {
        self.cars_with_an_outcome(turn);
        for (lane, car) in self.cars() {
            let time_is_up = turn.moment() >= car.deadline;
            let is_asked = self.queue.may_hear_of(&car.session, car.deadline);
            match &car.stage {
                Stage::Greeting if time_is_up || !is_asked => {
                    self.raise_entry(&lane, &car, turn);
                }
                Stage::Filing { trade_no } if time_is_up || !is_asked => {
                    self.silent(&lane, &car, trade_no, turn);
                }
                Stage::Paying { trade_no } if time_is_up => {
                    let trade_no = trade_no.clone();
                    self.hold_car(&lane, &car, HoldReason::NotYetPaid, &trade_no, turn);
                }
                Stage::Greeting | Stage::Filing { .. } | Stage::Paying { .. } => {}
            }
        }
        self.next_in_line(turn);
    }

    fn cars(&self) -> Vec<(LaneId, Car)> {
        let cars = self.lanes.iter();
        cars.filter_map(|(lane, mind)| Some((lane.clone(), mind.car.clone()?)))
            .collect()
    }

    fn follow(&mut self, lane: &LaneId, car: Car, turn: &mut Turn) {
        let (Stage::Filing { trade_no } | Stage::Paying { trade_no }) = &car.stage else {
            if self.greeting_is_known(&car) {
                self.raise_entry(lane, &car, turn);
            }
            return;
        };
        match self.outcome(trade_no) {
            Outcome::Raise(reason) => self.let_go(lane, &car, trade_no, reason, turn),
            Outcome::Hold(reason) => self.hold_car(lane, &car, reason, trade_no, turn),
            Outcome::AwaitPayment if matches!(car.stage, Stage::Filing { .. }) => {
                let deadline = turn.moment().after_ms(self.rules.exit.success_budget_ms);
                let trade_no = trade_no.clone();
                self.queue.await_payment(&car.session, deadline, turn.now());
                let stage = Stage::Paying { trade_no };
                self.mind(lane).car = Some(Car {
                    deadline,
                    stage,
                    ..car
                });
            }
            Outcome::AwaitPayment | Outcome::Open => {}
        }
    }

    /// A held car whose charge came through after all goes at once.
    fn follow_held(&mut self, hold: &Hold, turn: &mut Turn) {
        let (Some(trade_no), Some(session)) = (&hold.trade_no, &hold.session) else {
            return;
        };
        let Some(session) = self.site.sessions.get(session).cloned() else {
            return;
        };
        match self.outcome(trade_no) {
            Outcome::Raise(reason) => {
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
            .map(|charge| &charge.state)
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
        entry.is_none_or(|entry| {
            matches!(
                entry.state,
                EntryState::Registered { .. }
                    | EntryState::Refused(_)
                    | EntryState::NotRegistrable(_)
            )
        })
    }

    fn raise_entry(&mut self, lane: &LaneId, car: &Car, turn: &mut Turn) {
        self.queue.no_hurry(&car.session);
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
        if let Some(session) = self.site.sessions.get(&car.session).cloned() {
            self.let_out(&session, lane, trade_no, turn);
        }
        let plate = car.read.plate.clone();
        self.raise(lane, plate, Some(car.session.clone()), reason, turn);
    }

    /// WeChat said nothing in time.
    fn silent(&mut self, lane: &LaneId, car: &Car, trade_no: &str, turn: &mut Turn) {
        let charge = self.queue.book().charge(trade_no);
        let Some(fee_fen) = charge.map(Charge::fee_fen) else {
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
        match charge.and_then(|charge| charge.body.as_ref()) {
            Some(frozen) => exit::Standing::Registered {
                service: frozen.service.clone(),
                age_ms: u64::MAX,
            },
            None => self.standing(&car.session, &turn.at),
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
            since: turn.at.clone(),
            arrived: car.arrived.clone(),
            quote: self.quote_of(trade_no),
            trade_no: Some(trade_no.to_owned()),
            confidence_permille: car.read.confidence_permille,
        };
        self.start_hold(hold, turn);
    }

    fn quote_of(&self, trade_no: &str) -> Option<Quote> {
        let book = self.queue.book();
        let charge = book.charge(trade_no).or_else(|| book.on_desk(trade_no))?;
        Some(charge.claim.quote.clone())
    }

    /// The reading that waited behind a car is taken up once that car is decided.
    fn next_in_line(&mut self, turn: &mut Turn) {
        let free: Vec<LaneId> = self
            .lanes
            .iter()
            .filter(|(_, mind)| mind.car.is_none() && mind.next.is_some())
            .map(|(lane, _)| lane.clone())
            .collect();
        for lane in free {
            if let Some((camera, read, arrived)) = self.mind(&lane).next.take() {
                self.plate_read(&lane, &camera, &read, arrived, turn);
            }
        }
    }
}
