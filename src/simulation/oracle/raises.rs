//! Rules about barriers, and about what is said of cars in front of them.

use super::{Oracle, Rule, Verdict, View, hold, price};
use crate::lane::exit::NoEntry;
use crate::lane::guard::WhenGuarded;
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::raise::RaiseReason;
use crate::lane::session::{LaneId, Session};
use crate::lane::time::Stamp;
use crate::park::event::Event;
use crate::park::record::LaneRecord;
use crate::park::rules::Direction;

use super::charge::Stage;

/// A live reading older than this never raises (DESIGN 3.8).
const STALE_AFTER_MS: u64 = 15_000;
/// Cameras write whole seconds, and messages take their time.
const TOLERANCE_MS: u64 = 2_000;
/// Signs of life teach a camera's clock for so long.
const LEARNT_FROM_MS: u64 = 10 * 60 * 1000;

impl Oracle {
    pub(super) fn judge_lane(&mut self, record: &LaneRecord, view: &View<'_>) -> Verdict {
        match record {
            LaneRecord::SessionOpened { session } => self.judge_number(&session.id),
            LaneRecord::RaiseDecided {
                raise,
                lane,
                plate,
                session,
                reason,
                at,
            } => {
                let is_new = !self.model.raises.contains_key(&(lane.clone(), *raise));
                hold(is_new, Rule::NumbersAreNew, || {
                    format!("raise {raise} twice")
                })?;
                if follows_a_reading(reason) {
                    self.judge_liveness(lane, view)?;
                }
                self.judge_reason(lane, plate.as_ref(), session.as_ref(), reason, at)
            }
            LaneRecord::RaiseReissued { lane, .. } => self.judge_liveness(lane, view),
            LaneRecord::SessionClosed { session, .. } => {
                let is_open = self.model.open.contains_key(session);
                hold(is_open, Rule::StatesMoveForward, || {
                    format!("{session} ends, and had ended or never begun")
                })
            }
            LaneRecord::ReviewOpened { review } => self.judge_review(review),
            LaneRecord::ReviewClosed {
                session, how, by, ..
            } => self.judge_review_end(session, how, by),
            LaneRecord::ArrearsSeen { plate, owes, .. } => self.judge_arrears(plate, owes),
            LaneRecord::PlateNamed { by, .. } => {
                let head = self.model.head.as_ref().map(|head| &head.event);
                let said = matches!(head, Some(Event::PlateNamed { by: who, .. }) if who == by);
                hold(said, Rule::APersonSaidSo, || {
                    format!("{by} named a plate, by {head:?}")
                })
            }
            LaneRecord::BenefitGiven { .. } | LaneRecord::BenefitTakenBack { .. } => {
                self.judge_favour(record)
            }
            LaneRecord::BalanceChanged { .. } => self.judge_store(record),
            LaneRecord::ZonePassed { .. } => self.judge_zone(record, view),
            LaneRecord::ListChanged { by, .. } | LaneRecord::PlacesCounted { by, .. } => {
                if let LaneRecord::PlacesCounted {
                    inside, open_stays, ..
                } = record
                {
                    self.judge_count(*inside, *open_stays)?;
                }
                let head = self.model.head.as_ref().map(|head| &head.event);
                let said = matches!(
                    head,
                    Some(Event::ListChanged { by: who, .. } | Event::PlacesCounted { by: who, .. })
                        if who == by
                );
                hold(said, Rule::APersonSaidSo, || {
                    format!("{record:?} follows from {head:?}")
                })
            }
            LaneRecord::RaiseCarriedOut { .. }
            | LaneRecord::Passed { .. }
            | LaneRecord::HoldStarted { .. }
            | LaneRecord::HoldEnded { .. }
            | LaneRecord::NumbersSkipped { .. }
            | LaneRecord::DoubtLifted { .. } => Ok(()),
        }
    }

    fn judge_number(&mut self, session: &SessionId) -> Verdict {
        let is_new = self.numbers.insert(session.0.clone());
        hold(is_new, Rule::NumbersAreNew, || {
            format!("{session} was another stay's number before")
        })
    }

    fn judge_reason(
        &self,
        lane: &LaneId,
        plate: Option<&PlateNumber>,
        session: Option<&SessionId>,
        reason: &RaiseReason,
        at: &Stamp,
    ) -> Verdict {
        let rules = &self.rules;
        let Some(lane_rules) = rules.lanes.get(lane) else {
            return hold(false, Rule::ReasonIsTrue, || format!("no lane {lane}"));
        };
        let enters = lane_rules.direction == Direction::Entry;
        let stage = |number: &str| self.model.charges.get(number).map(|charge| charge.stage);
        let stay = session.and_then(|session| self.model.stays.get(session));
        let head = self.model.head.as_ref();
        let is_true = match reason {
            RaiseReason::Entry => {
                let is_by_reading = head.is_some_and(
                    |head| matches!(&head.event, Event::PlateRead { lane: of, .. } if of == lane),
                );
                if is_by_reading {
                    self.judge_blocked(plate, at.now)?;
                }
                enters && stay.is_some()
            }
            RaiseReason::Prepaid => {
                let held = self.model.last_holds.get(lane);
                let held = held.filter(|hold| hold.session.as_ref() == session);
                let arrived = held.map_or(at, |hold| &hold.arrived);
                let is_paid = |session| self.is_paid(session, at) || self.is_paid(session, arrived);
                !enters && session.is_some_and(is_paid)
            }
            RaiseReason::Zone => lane_rules.zone.is_some(),
            RaiseReason::PaidByCode { number } => {
                !enters && self.is_code_paid(number) && self.waits_for_code(lane, number)
            }
            RaiseReason::Free => !enters && self.is_free(stay, at),
            RaiseReason::Permit => {
                let its = stay.map(|stay| &stay.plate).or(plate);
                its.is_some_and(|plate| self.has_permit(plate, at.now))
            }
            RaiseReason::SpecialVehicle => rules.lists.free_special_vehicles,
            RaiseReason::Accepted { trade_no } => {
                rules.exit.advance && stage(trade_no) == Some(Stage::Accepted)
            }
            RaiseReason::Settled { trade_no } => matches!(
                stage(trade_no),
                Some(Stage::Settled | Stage::Withdrawn | Stage::Collected | Stage::WrittenOff)
            ),
            RaiseReason::SilentNormal => {
                return self.judge_risk(session, rules.exit.silent_normal_up_to_fen);
            }
            RaiseReason::SilentUnknown => {
                return self.judge_risk(session, rules.exit.silent_unknown_up_to_fen);
            }
            RaiseReason::HeldTooLong => self.was_held_long_enough(lane, at),
            RaiseReason::NoEntryOpen => !enters && rules.exit.no_entry == NoEntry::Open,
            RaiseReason::UnreadableOpen => {
                enters && rules.entry.unreadable == crate::lane::entry::Unreadable::Open
            }
            RaiseReason::GuardOpen => !enters && rules.guard.at_exit == WhenGuarded::Open,
            // Who finishes the charge that a car is held for lets it go.
            RaiseReason::Attendant { .. } => head.is_some_and(|head| {
                matches!(
                    &head.event,
                    Event::AttendantRaised { .. }
                        | Event::ArrearsFinished { .. }
                        | Event::PaymentTaken { .. }
                )
            }),
            RaiseReason::StoreFailed => {
                head.is_some_and(|head| matches!(&head.event, Event::StoreFailed { .. }))
            }
            RaiseReason::NotOurs => head.is_some_and(|head| {
                matches!(&head.event, Event::ArmUp { .. } | Event::ClosingLoop { .. })
            }),
        };
        hold(is_true, Rule::ReasonIsTrue, || {
            format!("{lane} is raised for {reason:?}, at {:?}", at.now)
        })
    }

    /// By the oracle's own price.
    fn is_free(&self, stay: Option<&Session>, at: &Stamp) -> bool {
        let Some(stay) = stay else {
            return false;
        };
        let stay_ms = price::stay_ms(&stay.entered, &self.arrived_by_head(at));
        stay_ms.is_some_and(|ms| self.fee_fen(&self.rules.tariff, &stay.id, ms) == 0)
    }

    /// Let out unpaid: within the limit for one fee, and for all of them together.
    fn judge_risk(&self, session: Option<&SessionId>, limit_fen: u64) -> Verdict {
        let charges = self.model.charges.values();
        let mut its = charges.filter(|charge| {
            Some(&charge.claim.session) == session && charge.stage != Stage::Replaced
        });
        let fee_fen = its.next().map(|charge| charge.claim.quote.fee_fen);
        let at_risk_fen = self.model.at_risk_fen();
        hold(
            fee_fen.is_some_and(|fen| fen <= limit_fen)
                && at_risk_fen <= self.rules.exit.exposure_limit_fen,
            Rule::ExposureIsLimited,
            || format!("let out with {fee_fen:?}, and {at_risk_fen} at risk"),
        )
    }

    fn was_held_long_enough(&self, lane: &LaneId, at: &Stamp) -> bool {
        // The hold has just ended; its record came before this one.
        let hold = self.model.last_holds.get(lane);
        let waited_ms = hold.map(|hold| price::stay_ms(&hold.since, at));
        match waited_ms {
            None => false,
            // Where clocks cannot tell, it began to count anew with the boot.
            Some(None) => true,
            Some(Some(ms)) => {
                let of_this_boot = hold.is_some_and(|hold| hold.since.now.boot == at.now.boot);
                !of_this_boot || ms + TOLERANCE_MS >= self.rules.exit.held_at_most_ms
            }
        }
    }

    /// A barrier that rises because of a reading rises because of a car that stands there.
    fn judge_liveness(&self, lane: &LaneId, view: &View<'_>) -> Verdict {
        let Some(head) = &self.model.head else {
            return Ok(());
        };
        let Event::PlateRead {
            lane: read_at,
            camera,
            read,
        } = &head.event
        else {
            return Ok(());
        };
        if read_at != lane {
            return Ok(());
        }
        let is_said_live = !read.retained && !read.replay;
        hold(is_said_live, Rule::OnlyLiveReadingsRaise, || {
            format!("{lane} is raised by a kept reading")
        })?;
        let Some(decided) = view.clock.true_time(&Stamp {
            now: head.now,
            box_id: String::new(),
        }) else {
            return Ok(());
        };
        let learnt_ms = self.least_delay_ms(lane, decided);
        let knows_the_age = learnt_ms.is_some()
            || (head.now.trusted && !view.cameras.have_wrong_clocks() && !view.clock.lies());
        let key = read
            .record_id
            .as_ref()
            .map(|id| (camera.clone(), id.clone()));
        let seen = key.and_then(|key| view.cameras.seen.get(&key));
        let Some(seen) = seen else { return Ok(()) };
        let age_ms = decided.saturating_sub(seen.at);
        // By a sign of life that was late itself, every message looks so much younger.
        let youth_ms = learnt_ms.unwrap_or(0).max(TOLERANCE_MS);
        let may = !knows_the_age || age_ms <= STALE_AFTER_MS + youth_ms;
        hold(may, Rule::OnlyLiveReadingsRaise, || {
            format!("{lane} is raised by a reading of {age_ms} ms ago")
        })
    }

    /// How long the promptest sign of life of these ten minutes took. None: there was none.
    fn least_delay_ms(&self, lane: &LaneId, now: u64) -> Option<u64> {
        let heard = self.alive.get(&lane.0)?.iter();
        let by_then = heard.filter(|sign| sign.at <= now);
        let newer = by_then.filter(|sign| now - sign.at <= LEARNT_FROM_MS);
        newer.map(|sign| sign.took_ms).min()
    }
}

/// Whether such a raise is decided by the reading at hand, and not by what came of an earlier one.
fn follows_a_reading(reason: &RaiseReason) -> bool {
    use RaiseReason::*;
    matches!(
        reason,
        Entry | Zone | Free | Permit | SpecialVehicle | NoEntryOpen | UnreadableOpen | GuardOpen
    )
}
