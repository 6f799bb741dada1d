//! What an entry lane makes of a car.

use std::sync::Arc;

use super::reading::SAME_CAR_MS;
use super::record::LaneRecord;
use super::review::ReviewWhy;
use super::state::{Car, SESSIONS_MAX, Stage};
use super::{Park, Turn};
use crate::lane::entry::{self, EntryCase, EntryDecision};
use crate::lane::guard::{self, Doubt};
use crate::lane::plate::PlateNumber;
use crate::lane::raise::RaiseReason;
use crate::lane::reading::PlateRead;
use crate::lane::session::{Ending, LaneId, Session};
use crate::lane::time::Stamp;

impl Park {
    pub(super) fn unreadable_at_entry(&mut self, lane: &LaneId, read: &PlateRead, turn: &mut Turn) {
        let case = EntryCase {
            has_plate: false,
            blocked: false,
            full: self.has_no_room_for(None, read.color, turn.now()),
            doubts: &[],
        };
        match entry::decide(&case, &self.rules.entry) {
            EntryDecision::AdmitUnread(reason) => self.raise(lane, None, None, reason, turn),
            EntryDecision::Hold(reason) => self.hold_unread(lane, read, None, reason, turn),
            EntryDecision::Admit => {}
        }
    }

    pub(super) fn at_entry(
        &mut self,
        lane: &LaneId,
        plate: &PlateNumber,
        read: &PlateRead,
        arrived: Stamp,
        turn: &mut Turn,
    ) {
        let doubts = guard::doubts_of_read(read, self.min_confidence(lane));
        let case = EntryCase {
            has_plate: true,
            blocked: self.is_blocked(plate, turn.now()),
            full: self.has_no_room_for(Some(plate), read.color, turn.now()),
            doubts: &doubts,
        };
        match entry::decide(&case, &self.rules.entry) {
            EntryDecision::Hold(reason) => self.hold_unread(lane, read, None, reason, turn),
            EntryDecision::AdmitUnread(reason) => self.raise(lane, None, None, reason, turn),
            EntryDecision::Admit => match self.still_at_this_barrier(lane, plate, &arrived) {
                Some(session) => {
                    let (plate, id) = (Some(plate.clone()), Some(session.id));
                    self.raise(lane, plate, id, RaiseReason::Entry, turn);
                }
                None => {
                    let session = self.open_session(lane, plate, read, arrived, doubts, turn);
                    self.admit(lane, session, read, turn);
                }
            },
        }
    }

    /// The stay of a car that was let in here a moment ago and has not passed, as far as one can tell:
    /// the box may have restarted meanwhile, or another car was decided in between.
    fn still_at_this_barrier(
        &self,
        lane: &LaneId,
        plate: &PlateNumber,
        arrived: &Stamp,
    ) -> Option<Session> {
        let session = self.site.session_of(plate)?;
        let raise = self.site.raises.get(lane);
        let its_raise = raise.filter(|raise| raise.session.as_ref() == Some(&session.id));
        let passed = its_raise.is_some_and(|raise| raise.passed);
        let since_ms = session.entered.stay_ms(arrived);
        let since_ms = since_ms.unwrap_or(arrived.now.moment.0);
        let is_here = session.lane == *lane
            && !passed
            && since_ms < SAME_CAR_MS
            && !self.site.claimed.contains_key(&session.id);
        is_here.then_some(session)
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
        if let Some(missed) = self.site.session_of(plate) {
            self.exit_missed(&missed, lane, turn);
        }
        while self.site.cars_inside() >= SESSIONS_MAX {
            let Some(oldest) = self.site.sessions().next() else {
                break;
            };
            self.exit_missed(&oldest, lane, turn);
        }
        let session = Session {
            id: self.next_session_id(),
            plate: plate.clone(),
            color: read.color,
            lane: lane.clone(),
            entered,
            doubts,
        };
        let opened = LaneRecord::SessionOpened {
            session: session.clone(),
        };
        self.lane_record(opened, turn);
        self.show_arrears(&session, turn);
        if !self.enters_free(plate, read.color, turn.now()) {
            self.with_queue(turn, |queue, at, out| {
                queue.open_entry(&session, at.now, out);
            });
        }
        session
    }

    /// The plate owes from before: whoever looks at its new stay shall know.
    fn show_arrears(&mut self, session: &Session, turn: &mut Turn) {
        if let Some(owes) = self.queue.book().arrears_of(&session.plate) {
            let seen = LaneRecord::ArrearsSeen {
                session: session.id.clone(),
                plate: session.plate.clone(),
                lane: session.lane.clone(),
                owes,
                at: turn.at.clone(),
            };
            self.lane_record(seen, turn);
        }
    }

    fn admit(&mut self, lane: &LaneId, session: Session, read: &PlateRead, turn: &mut Turn) {
        let wait_ms = self.rules.entry.wait_for_wechat_ms;
        if wait_ms == 0 || self.queue.is_silent() {
            let (plate, id) = (Some(session.plate), Some(session.id));
            self.raise(lane, plate, id, RaiseReason::Entry, turn);
            return;
        }
        let deadline = turn.moment().after_ms(wait_ms);
        self.end_hold(lane, turn);
        self.queue.hurry(&session.id, deadline, turn.now());
        self.mind(lane).car = Some(Arc::new(Car {
            session: session.id,
            plate: session.plate,
            read: read.clone(),
            arrived: session.entered,
            held: None,
            deadline,
            stage: Stage::Greeting,
        }));
    }

    /// The old exit was missed: no automatic charge, and a person should look (E4). A charge that was
    /// made before goes on.
    fn exit_missed(&mut self, session: &Session, lane: &LaneId, turn: &mut Turn) {
        let review = self.review_unseen(session, lane, ReviewWhy::ExitMissed, None, &turn.at);
        self.open_review(review, turn);
        self.close_inferred(session, lane, Ending::ExitMissed, turn);
    }

    /// Ends a stay whose exit nobody saw, as `ending` if nothing was claimed for it.
    pub(super) fn close_inferred(
        &mut self,
        session: &Session,
        lane: &LaneId,
        ending: Ending,
        turn: &mut Turn,
    ) {
        match self.site.claimed.get(&session.id).cloned() {
            Some(trade_no) => self.let_out(session, lane, &trade_no, turn),
            None => self.close_session(session, lane, ending, 0, turn),
        }
    }
}
