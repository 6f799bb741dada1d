//! A reading arrives; and what an entry lane makes of it.

use super::record::LaneRecord;
use super::rules::Direction;
use super::state::{Car, Review, ReviewWhy, Stage};
use super::step::Ignored;
use super::{ISSUES_MAX, Park, SAME_CAR_MS, Turn, seen_key};
use crate::lane::entry::{self, EntryCase, EntryDecision};
use crate::lane::freshness::STALE_AFTER_MS;
use crate::lane::guard::{self, Doubt};
use crate::lane::plate::PlateNumber;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::reading::PlateRead;
use crate::lane::session::{Ending, LaneId, Session};
use crate::lane::time::{BootId, Moment, Now, Stamp};

impl Park {
    /// A camera saw a vehicle; `arrived` is the box's receipt.
    pub(super) fn plate_read(
        &mut self,
        lane: &LaneId,
        camera: &str,
        read: &PlateRead,
        arrived: Stamp,
        turn: &mut Turn,
    ) {
        let Some(direction) = self.direction(lane) else {
            turn.ignored = Some(Ignored::UnknownLane);
            return;
        };
        if read.retained {
            turn.ignored = Some(Ignored::Retained);
            return;
        }
        if seen_key(camera, read).is_some_and(|key| self.site.has_seen(&key)) {
            turn.ignored = Some(Ignored::SeenBefore);
            return;
        }
        if read.replay {
            self.replayed(lane, direction, read, turn);
            return;
        }
        let age_ms = self
            .mind(lane)
            .camera
            .age_ms(read.sent_at, arrived.now)
            .unwrap_or(0);
        let waited_ms = turn.moment().since_ms(arrived.now.moment);
        if age_ms.saturating_add(waited_ms) > STALE_AFTER_MS {
            turn.ignored = Some(Ignored::Stale { age_ms });
            return;
        }
        if self.must_wait_in_line(lane, camera, read, &arrived, turn) {
            return;
        }
        match (&read.plate, direction) {
            (None, Direction::Entry) => self.unreadable_at_entry(lane, read, turn),
            (None, Direction::Exit) => {
                self.hold_unread(lane, read, HoldReason::Unreadable, turn);
            }
            (Some(plate), _) if self.is_the_same_car(lane, plate, read, turn) => {}
            (Some(plate), Direction::Entry) => self.at_entry(lane, plate, read, arrived, turn),
            (Some(plate), Direction::Exit) => self.at_exit(lane, plate, read, arrived, turn),
        }
    }

    /// While one car is being decided, the next reading waits; the same plate adds nothing.
    fn must_wait_in_line(
        &mut self,
        lane: &LaneId,
        camera: &str,
        read: &PlateRead,
        arrived: &Stamp,
        turn: &mut Turn,
    ) -> bool {
        let mind = self.mind(lane);
        let Some(car) = &mind.car else {
            return false;
        };
        if read.plate.as_ref() == Some(&car.plate) {
            turn.ignored = Some(Ignored::Duplicate);
        } else {
            mind.next = Some((camera.to_owned(), read.clone(), arrived.clone()));
            turn.ignored = Some(Ignored::NextInLine);
        }
        true
    }

    /// Whether this is the car that was decided last and has not passed. An uncertain raise is then
    /// issued once more, for the same reason and without a new charge (E1, E9).
    fn is_the_same_car(
        &mut self,
        lane: &LaneId,
        plate: &PlateNumber,
        read: &PlateRead,
        turn: &mut Turn,
    ) -> bool {
        let moment = turn.moment();
        let window_ms = self
            .rules
            .lanes
            .get(lane)
            .map_or(0, |rules| rules.duplicate_window_ms);
        let decided = self.mind(lane).decided.clone();
        let within_window =
            decided.is_some_and(|(last, at)| last == *plate && moment.since_ms(at) < window_ms);
        if let Some(hold) = self
            .site
            .holds
            .get(lane)
            .filter(|h| h.plate.as_ref() == Some(plate))
        {
            let min = self
                .rules
                .lanes
                .get(lane)
                .and_then(|rules| rules.min_confidence_permille);
            let was_poor = matches!(
                &hold.reason, HoldReason::Guarded(doubts) if doubts.contains(&Doubt::LowConfidence)
            );
            let is_better = !guard::doubts_of_read(read, min).contains(&Doubt::LowConfidence);
            let stuck = hold.reason == HoldReason::BarrierStuck;
            let decide_anew = !stuck && (!within_window || (was_poor && is_better));
            if !decide_anew {
                turn.ignored = Some(Ignored::Duplicate);
            }
            return !decide_anew;
        }
        let raise = self.site.raises.get(lane).filter(|raise| {
            let since = raise.at.stay_ms(&turn.at);
            raise.plate.as_ref() == Some(plate)
                && !raise.passed
                && since.is_some_and(|ms| ms < SAME_CAR_MS)
        });
        let Some(raise) = raise.cloned() else {
            if within_window {
                turn.ignored = Some(Ignored::Duplicate);
            }
            return within_window;
        };
        let is_asked = self.mind(lane).proof_by.is_some();
        let uncertain = raise.proof.is_none() && !is_asked;
        if is_asked || (within_window && !uncertain) {
            turn.ignored = Some(Ignored::Duplicate);
        } else if raise.issues < ISSUES_MAX {
            let number = raise.raise;
            self.lane_record(
                LaneRecord::RaiseReissued {
                    raise: number,
                    lane: lane.clone(),
                },
                turn,
            );
            self.issue(lane, number, raise.issues + 1, turn);
            self.mind(lane).decided = Some((plate.clone(), moment));
        } else {
            self.hold_unread(lane, read, HoldReason::BarrierStuck, turn);
        }
        true
    }

    fn unreadable_at_entry(&mut self, lane: &LaneId, read: &PlateRead, turn: &mut Turn) {
        let case = EntryCase {
            has_plate: false,
            blocked: false,
            doubts: &[],
        };
        match entry::decide(&case, &self.rules.entry) {
            EntryDecision::AdmitUnread(reason) => self.raise(lane, None, None, reason, turn),
            EntryDecision::Hold(reason) => self.hold_unread(lane, read, reason, turn),
            EntryDecision::Admit => {}
        }
    }

    fn at_entry(
        &mut self,
        lane: &LaneId,
        plate: &PlateNumber,
        read: &PlateRead,
        arrived: Stamp,
        turn: &mut Turn,
    ) {
        let min = self
            .rules
            .lanes
            .get(lane)
            .and_then(|rules| rules.min_confidence_permille);
        let doubts = guard::doubts_of_read(read, min);
        let blocked = self.rules.lists.blocked.contains(plate);
        let case = EntryCase {
            has_plate: true,
            blocked,
            doubts: &doubts,
        };
        match entry::decide(&case, &self.rules.entry) {
            EntryDecision::Hold(reason) => self.hold_unread(lane, read, reason, turn),
            EntryDecision::AdmitUnread(reason) => self.raise(lane, None, None, reason, turn),
            EntryDecision::Admit => {
                let unfinished = self.site.session_of(plate).filter(|session| {
                    let since = session.entered.stay_ms(&arrived);
                    let raised = self.site.raises.get(lane);
                    let passed = raised.is_some_and(|raise| {
                        raise.session.as_ref() == Some(&session.id) && raise.passed
                    });
                    session.lane == *lane && !passed && since.is_some_and(|ms| ms < SAME_CAR_MS)
                });
                if let Some(session) = unfinished.map(|session| session.id.clone()) {
                    let reason = RaiseReason::Entry;
                    self.raise(lane, Some(plate.clone()), Some(session), reason, turn);
                    return;
                }
                let session = self.open_session(lane, plate, read, arrived, doubts, turn);
                self.admit(lane, session, read, turn);
            }
        }
    }

    /// Opens a stay; an older one of the plate missed its exit (E4).
    pub(super) fn open_session(
        &mut self,
        lane: &LaneId,
        plate: &PlateNumber,
        read: &PlateRead,
        entered: Stamp,
        doubts: Vec<Doubt>,
        turn: &mut Turn,
    ) -> Session {
        if let Some(missed) = self.site.session_of(plate).cloned() {
            self.exit_missed(&missed, lane, turn);
        }
        let session = Session {
            id: self.next_session_id(),
            plate: plate.clone(),
            color: read.color,
            lane: lane.clone(),
            entered,
            doubts,
        };
        self.lane_record(
            LaneRecord::SessionOpened {
                session: session.clone(),
            },
            turn,
        );
        if !self.is_free_of_charge(plate, read.color) {
            self.with_queue(turn, |queue, at, out| {
                queue.open_entry(&session, at.now, out)
            });
        }
        session
    }

    /// Season tickets and special vehicles need no entry at WeChat.
    pub(super) fn is_free_of_charge(
        &self,
        plate: &PlateNumber,
        color: Option<crate::lane::plate::PlateColor>,
    ) -> bool {
        let lists = &self.rules.lists;
        lists.permits.contains(plate) || (lists.free_special_vehicles && plate.is_special_in(color))
    }

    fn admit(&mut self, lane: &LaneId, session: Session, read: &PlateRead, turn: &mut Turn) {
        let wait_ms = self.rules.entry.wait_for_wechat_ms;
        if wait_ms == 0 || self.queue.is_silent() {
            let (plate, id) = (Some(session.plate.clone()), Some(session.id));
            self.raise(lane, plate, id, RaiseReason::Entry, turn);
            return;
        }
        let deadline = turn.moment().after_ms(wait_ms);
        self.queue.hurry(&session.id, deadline, turn.now());
        self.end_hold(lane, turn);
        self.mind(lane).car = Some(Car {
            session: session.id,
            plate: session.plate,
            read: read.clone(),
            arrived: session.entered,
            deadline,
            stage: Stage::Greeting,
        });
    }

    /// The old exit was missed: no automatic charge, and a person should look (E4).
    fn exit_missed(&mut self, session: &Session, lane: &LaneId, turn: &mut Turn) {
        let review = Review {
            session: session.id.clone(),
            plate: session.plate.clone(),
            entered: session.entered.clone(),
            at: turn.at.clone(),
            lane: lane.clone(),
            why: ReviewWhy::ExitMissed,
            fee_fen: None,
            read: None,
        };
        self.lane_record(LaneRecord::ReviewOpened { review }, turn);
        let of_session = self
            .queue
            .book()
            .charges_of_session(&session.plate, &session.id);
        let charge = of_session
            .map(|c| (c.claim.trade_no.clone(), c.fee_fen()))
            .next();
        match charge {
            Some((trade_no, fee_fen)) => {
                self.close_session(session, lane, Ending::Charged { trade_no }, fee_fen, turn);
            }
            None => self.close_session(session, lane, Ending::ExitMissed, 0, turn),
        }
    }

    /// Cached data: it repairs the records, and never raises, speaks or charges.
    fn replayed(&mut self, lane: &LaneId, direction: Direction, read: &PlateRead, turn: &mut Turn) {
        let (Some(plate), Some(captured_at)) = (&read.plate, read.captured_at) else {
            turn.ignored = Some(Ignored::UselessReplay);
            return;
        };
        let open = self.site.session_of(plate).cloned();
        match (direction, open) {
            (Direction::Entry, None) => {
                let entered = Stamp {
                    now: Now {
                        moment: Moment(0),
                        wall: captured_at,
                        trusted: false,
                        boot: BootId(0),
                    },
                    box_id: self.rules.box_id.clone(),
                };
                let doubts = vec![Doubt::Replayed];
                self.open_session(lane, plate, read, entered, doubts, turn);
            }
            (Direction::Exit, Some(session)) => {
                let review = Review {
                    session: session.id.clone(),
                    plate: session.plate.clone(),
                    entered: session.entered.clone(),
                    at: turn.at.clone(),
                    lane: lane.clone(),
                    why: ReviewWhy::ReplayedExit,
                    fee_fen: None,
                    read: Some(read.clone()),
                };
                self.lane_record(LaneRecord::ReviewOpened { review }, turn);
                self.close_session(&session, lane, Ending::ReplayedExit, 0, turn);
            }
            (Direction::Entry, Some(_)) | (Direction::Exit, None) => {
                turn.ignored = Some(Ignored::UselessReplay);
            }
        }
    }
}
