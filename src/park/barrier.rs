//! Raises: decided, issued, proven, and doubted.

use super::record::{LaneRecord, Proof};
use super::state::Decided;
use super::step::Command;
use super::{Park, Turn};
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::raise::RaiseReason;
use crate::lane::session::LaneId;

/// A raise that nothing proved within this time is uncertain.
const PROOF_WITHIN_MS: u64 = 10_000;
/// A command to raise is worth nothing after this.
const RAISE_VALID_MS: u64 = 5_000;

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
        self.issue(lane, raise, 1, turn);
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
        let was_occupied = std::mem::replace(&mut self.mind(lane).loop_occupied, occupied);
        if occupied {
            self.proven(lane, None, Proof::Loop, turn);
            return;
        }
        let raise = self.site.raises.get(lane);
        let passed = raise.filter(|raise| was_occupied && !raise.passed);
        if let Some(raise) = passed.map(|raise| raise.raise) {
            let lane = lane.clone();
            self.lane_record(LaneRecord::Passed { raise, lane }, turn);
        }
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
