//! Raises: decided, issued, proven, and doubted.

use super::record::{LaneRecord, Proof};
use super::state::Decided;
use super::step::Command;
use super::{Park, Turn};
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::session::LaneId;
use crate::lane::time::Stamp;

/// A raise that nothing proved within this time is uncertain.
const PROOF_WITHIN_MS: u64 = 10_000;
/// A command to raise is worth nothing after this.
const RAISE_VALID_MS: u64 = 5_000;
/// What follows on the closing loop so soon may be the trailer of what went before; and who was read so
/// shortly before is hardly on it.
const NEXT_VEHICLE_MS: u64 = 2_000;
/// So long after a raise a car that is held is another one, whether the first was seen passing or not.
const LONG_GONE_MS: u64 = 60_000;

impl Park {
    /// The reason is recorded, and with it the command goes out once the step is on disk.
    pub(super) fn raise(
        &mut self,
        lane: &LaneId,
        plate: Option<PlateNumber>,
        session: Option<SessionId>,
        reason: RaiseReason,
        turn: &mut Turn,
    ) {
        if reason != RaiseReason::HeldTooLong {
            let text = format!("lane {lane} is free again");
            turn.alarms.push(held_too_long(lane, false, text));
        }
        let raise = self.site.raises_decided.saturating_add(1);
        let is_ours = reason != RaiseReason::NotOurs;
        let at = turn.at.clone();
        self.end_hold(lane, turn);
        self.lane_record(
            LaneRecord::RaiseDecided {
                raise,
                lane: lane.clone(),
                plate: plate.clone(),
                session,
                reason,
                at,
            },
            turn,
        );
        if is_ours {
            self.issue(lane, raise, 1, turn);
        }
        let at = turn.moment();
        self.take_car(lane);
        self.mind(lane).decided = Some(Decided { plate, at });
    }

    pub(super) fn raise_again(
        &mut self,
        lane: &LaneId,
        plate: &PlateNumber,
        raise: u64,
        issue: u8,
        turn: &mut Turn,
    ) {
        let reissued = LaneRecord::RaiseReissued {
            raise,
            lane: lane.clone(),
        };
        self.lane_record(reissued, turn);
        self.issue(lane, raise, issue, turn);
        self.mind(lane).decided = Some(Decided {
            plate: Some(plate.clone()),
            at: turn.moment(),
        });
    }

    fn issue(&mut self, lane: &LaneId, raise: u64, issue: u8, turn: &mut Turn) {
        let valid_until = turn.moment().after_ms(RAISE_VALID_MS);
        let proof_by = turn.moment().after_ms(PROOF_WITHIN_MS);
        self.mind(lane).proof_by = Some((raise, proof_by));
        turn.commands.push(Command::RaiseBarrier {
            lane: lane.clone(),
            raise,
            issue,
            valid_until,
        });
    }

    /// The loop under the arm became occupied, which proves the raise, or free, which ends it.
    pub(super) fn closing_loop(&mut self, lane: &LaneId, occupied: bool, turn: &mut Turn) {
        let before = self.mind(lane).loop_occupied.replace(occupied);
        if occupied && before != Some(true) && self.is_next_vehicle(lane, turn) {
            self.went_through(lane, Proof::Loop, turn);
        } else if occupied {
            self.proven(lane, None, Proof::Loop, turn);
        } else if before == Some(true) {
            self.mind(lane).passed_at = Some(turn.moment());
            let raise = self.site.raises.get(lane);
            if let Some(raise) = raise.filter(|raise| !raise.passed).map(|raise| raise.raise) {
                let passed = LaneRecord::Passed {
                    raise,
                    lane: lane.clone(),
                };
                self.lane_record(passed, turn);
                let hold = self.site.holds.get(lane);
                if hold.is_some_and(|hold| hold.reason == HoldReason::BarrierStuck) {
                    self.end_hold(lane, turn);
                }
            }
        }
    }

    /// The arm was seen up. Where no loop tells who goes through, a held car goes by that.
    pub(super) fn arm_up(&mut self, lane: &LaneId, turn: &mut Turn) {
        let raise = self.site.raises.get(lane);
        let since_ms = raise.and_then(|raise| raise.at.stay_ms(&turn.at));
        let may_be_its = raise.is_some() && since_ms.is_none_or(|ms| ms < PROOF_WITHIN_MS);
        let has_loop = self
            .lanes
            .get(lane)
            .is_some_and(|mind| mind.loop_occupied.is_some());
        if !may_be_its && !has_loop && self.has_waited(lane, turn) {
            self.went_through(lane, Proof::Arm, turn);
        } else {
            self.proven(lane, None, Proof::Arm, turn);
        }
    }

    /// Whether what is on the loop now is no vehicle that a raise was for: the last one has passed, and
    /// whoever stands at the barrier has stood there before.
    fn is_next_vehicle(&self, lane: &LaneId, turn: &Turn) -> bool {
        let mind = self.lanes.get(lane);
        let passed_at = mind.and_then(|mind| mind.passed_at);
        let is_close = passed_at.is_some_and(|at| turn.moment().since_ms(at) < NEXT_VEHICLE_MS);
        let is_over = match self.site.raises.get(lane) {
            None => true,
            Some(raise) => raise.passed || self.is_long_gone(&raise.at, lane),
        };
        let is_empty =
            !self.site.holds.contains_key(lane) && mind.is_none_or(|mind| mind.car.is_none());
        is_over && !is_close && (is_empty || self.has_waited(lane, turn))
    }

    /// Whether the car that is held here came long after that raise.
    fn is_long_gone(&self, raised: &Stamp, lane: &LaneId) -> bool {
        let hold = self.site.holds.get(lane);
        let after_ms = hold.and_then(|hold| raised.stay_ms(&hold.since));
        after_ms.is_some_and(|ms| ms > LONG_GONE_MS)
    }

    /// Whether a car has stood here for a moment, and was not only just read.
    fn has_waited(&self, lane: &LaneId, turn: &Turn) -> bool {
        let car = self.lanes.get(lane).and_then(|mind| mind.car.as_ref());
        let since = car.map(|car| &car.arrived);
        let since = since.or_else(|| self.site.holds.get(lane).map(|hold| &hold.since));
        let waited_ms = since.and_then(|since| since.stay_ms(&turn.at));
        waited_ms.is_some_and(|ms| ms >= NEXT_VEHICLE_MS)
    }

    /// A vehicle went through and nothing here had told the arm to rise. Who stood at the barrier is
    /// gone, as if a person had let it out; nobody is to be told to rise any more.
    fn went_through(&mut self, lane: &LaneId, proof: Proof, turn: &mut Turn) {
        self.release(lane, RaiseReason::NotOurs, turn);
        self.proven(lane, None, proof, turn);
    }

    /// Something showed that the lane's newest raise was carried out.
    pub(super) fn proven(
        &mut self,
        lane: &LaneId,
        number: Option<u64>,
        proof: Proof,
        turn: &mut Turn,
    ) {
        let Some(raise) = self.site.raises.get(lane) else {
            return;
        };
        let is_meant = number.is_none_or(|number| number == raise.raise);
        if !is_meant || raise.proof.is_some() || raise.passed {
            return;
        }
        let raise = raise.raise;
        self.mind(lane).proof_by = None;
        let carried_out = LaneRecord::RaiseCarriedOut {
            raise,
            lane: lane.clone(),
            proof,
        };
        self.lane_record(carried_out, turn);
        turn.alarms.push(Alarm {
            kind: AlarmKind::BarrierUncertain,
            subject: lane.0.clone(),
            raised: false,
            text: format!("the barrier of lane {lane} answers"),
        });
    }

    pub(super) fn proofs_missing(&mut self, turn: &mut Turn) {
        let moment = turn.moment();
        let missing: Vec<(LaneId, u64)> = self
            .lanes
            .iter()
            .filter_map(|(lane, mind)| Some((lane, mind.proof_by?)))
            .filter(|(_, (_, by))| *by <= moment)
            .map(|(lane, (raise, _))| (lane.clone(), raise))
            .collect();
        for (lane, raise) in missing {
            self.raise_uncertain(&lane, raise, "nothing showed that it rose", turn);
        }
    }

    /// No record: a raise without a proof is uncertain by itself, after a restart too.
    pub(super) fn raise_uncertain(
        &mut self,
        lane: &LaneId,
        raise: u64,
        why: &str,
        turn: &mut Turn,
    ) {
        let mind = self.mind(lane);
        let waited_for = mind.proof_by.map(|(raise, _)| raise);
        if waited_for == Some(raise) {
            mind.proof_by = None;
            turn.alarms.push(uncertain(lane, raise, why));
        }
    }

    /// Raises that were on their way when the box restarted.
    pub(super) fn raises_left_uncertain(&mut self, turn: &mut Turn) {
        let raises = self.site.raises.iter();
        let unproven = raises.filter(|(_, raise)| raise.proof.is_none() && !raise.passed);
        let alarms = unproven.map(|(lane, raise)| {
            uncertain(lane, raise.raise, "the box restarted before it was proven")
        });
        turn.alarms.extend(alarms);
    }
}

/// A car waited for a person for longer than it should.
pub(super) fn held_too_long(lane: &LaneId, raised: bool, text: String) -> Alarm {
    Alarm {
        kind: AlarmKind::HeldTooLong,
        subject: lane.0.clone(),
        raised,
        text,
    }
}

fn uncertain(lane: &LaneId, raise: u64, why: &str) -> Alarm {
    Alarm {
        kind: AlarmKind::BarrierUncertain,
        subject: lane.0.clone(),
        raised: true,
        text: format!(
            "raise {raise} of lane {lane} is uncertain: {why}; look at the barrier. The next \
             reading of the same car raises it once more, without a second charge"
        ),
    }
}
