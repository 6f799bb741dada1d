//! Lanes within the car park: what passes them is on record with its stay, and the stay is priced by where
//! it was when. Nothing is charged there, and no car is kept in.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::LaneRecord;
use super::rules::Direction;
use super::{Park, Turn};
use crate::lane::entry::{self, EntryCase, EntryDecision};
use crate::lane::near;
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::raise::RaiseReason;
use crate::lane::reading::PlateRead;
use crate::lane::session::{LaneId, Session};
use crate::lane::tariff::Visit;
use crate::lane::time::Stamp;

/// Times in zones that one stay may have.
const OF_A_STAY_MAX: usize = 64;

/// What a passage does to a stay.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Way {
    /// Into the zone.
    Into,
    /// Out of it.
    OutOf,
    /// The car turned back before it was in.
    NotInto,
    /// It turned back before it was out.
    NotOutOf,
}

/// Where a stay was within the car park.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Visits {
    /// In their order.
    pub list: Vec<Visit>,
    /// A passage was missed, or nobody can tell when it was or whose.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unclear: bool,
}

/// Of every stay that may still be priced.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct AllVisits(BTreeMap<SessionId, Visits>);

impl Visits {
    /// Whether it never was in a zone.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// One passage. `after_ms` is None where no clock could tell how long after the entry it was, or
    /// nobody can be sure that it was this stay's.
    pub fn pass(&mut self, zone: &str, way: Way, after_ms: Option<u64>) {
        let Some(after_ms) = after_ms else {
            self.unclear = true;
            return;
        };
        let newest = self.list.last_mut();
        let here = newest.filter(|visit| visit.zone == zone);
        match (way, here) {
            (Way::Into, _) => self.begin(zone, after_ms),
            (Way::OutOf, Some(visit)) if visit.to_ms.is_none() => visit.to_ms = Some(after_ms),
            (Way::NotInto, Some(visit)) if visit.to_ms.is_none() => {
                self.list.pop();
            }
            (Way::NotOutOf, Some(visit)) => visit.to_ms = None,
            (Way::OutOf | Way::NotInto | Way::NotOutOf, _) => self.unclear = true,
        }
    }

    fn begin(&mut self, zone: &str, from_ms: u64) {
        if let Some(before) = self.list.last_mut().filter(|before| before.to_ms.is_none()) {
            before.to_ms = Some(from_ms);
            self.unclear = true;
        }
        if self.list.len() >= OF_A_STAY_MAX {
            self.unclear = true;
            return;
        }
        self.list.push(Visit {
            zone: zone.to_owned(),
            from_ms,
            to_ms: None,
        });
    }

    fn zone(&self) -> Option<&str> {
        let newest = self.list.last().filter(|visit| visit.to_ms.is_none());
        newest.map(|visit| visit.zone.as_str())
    }
}

impl AllVisits {
    /// Whether no stay was in a zone.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Of one stay.
    pub fn of(&self, session: &SessionId) -> Option<&Visits> {
        self.0.get(session)
    }

    /// As the price list takes them.
    pub fn to_price(&self, session: &SessionId) -> Vec<Visit> {
        let of = self.0.get(session).filter(|_| !planted!(ZoneForgotten));
        of.map_or(Vec::new(), |of| of.list.clone())
    }

    /// The zone that a stay is in.
    pub fn zone_of(&self, session: &SessionId) -> Option<&str> {
        self.0.get(session)?.zone()
    }

    /// Whether nobody can tell where a stay was that leaves the car park now.
    pub fn are_unclear(&self, session: &SessionId) -> bool {
        let of = self.0.get(session);
        of.is_some_and(|of| of.unclear || of.zone().is_some())
    }

    pub(super) fn pass(
        &mut self,
        session: &SessionId,
        zone: &str,
        way: Way,
        after_ms: Option<u64>,
    ) {
        let of = self.0.entry(session.clone()).or_default();
        of.pass(zone, way, after_ms);
    }

    pub(super) fn forget(&mut self, session: &SessionId) {
        self.0.remove(session);
    }

    /// Forgets those of stays that nobody prices any more.
    pub(super) fn keep(&mut self, is_priced: impl Fn(&SessionId) -> bool) {
        self.0.retain(|session, _| is_priced(session));
    }
}

impl Park {
    /// The zone that a lane leads into or out of; None for the lanes of the car park itself.
    pub(super) fn zone(&self, lane: &LaneId) -> Option<&str> {
        self.rules.lanes.get(lane)?.zone.as_deref()
    }

    /// A car at a lane within the car park. It is let through, whatever is known of it.
    pub(super) fn at_zone(
        &mut self,
        lane: &LaneId,
        plate: &PlateNumber,
        arrived: &Stamp,
        turn: &mut Turn,
    ) {
        let known = self.site.session_of(plate);
        let is_sure = known.is_some();
        let session = known.or_else(|| self.likely(plate));
        if let Some(session) = &session {
            let after_ms = session.entered.stay_ms(arrived).filter(|_| is_sure);
            self.zone_passed(lane, session, false, after_ms, turn);
        }
        let (plate, id) = (Some(plate.clone()), session.map(|session| session.id));
        self.raise(lane, plate, id, RaiseReason::Zone, turn);
    }

    /// Nobody knows whose time is missing then. Into a zone a car is let as into the car park.
    pub(super) fn unreadable_at_zone(&mut self, lane: &LaneId, read: &PlateRead, turn: &mut Turn) {
        let case = EntryCase {
            has_plate: false,
            blocked: false,
            full: false,
            doubts: &[],
        };
        let leads_in = self.lane_direction(lane) == Some(Direction::Entry);
        match entry::decide(&case, &self.rules.entry) {
            EntryDecision::Hold(reason) if leads_in => {
                self.hold_unread(lane, read, None, reason, turn);
            }
            EntryDecision::AdmitUnread(_) | EntryDecision::Hold(_) | EntryDecision::Admit => {
                self.raise(lane, None, None, RaiseReason::Zone, turn);
            }
        }
    }

    /// What a camera told late: that the stay was there is certain, and when it was is not.
    pub(super) fn zone_replayed(&mut self, lane: &LaneId, session: &Session, turn: &mut Turn) {
        self.zone_passed(lane, session, false, None, turn);
    }

    /// The car turned back at a lane that had let it through.
    pub(super) fn zone_undone(&mut self, lane: &LaneId, session: &Session, turn: &mut Turn) {
        let after_ms = session.entered.stay_ms(&turn.at);
        self.zone_passed(lane, session, true, after_ms, turn);
    }

    fn zone_passed(
        &mut self,
        lane: &LaneId,
        session: &Session,
        turned_back: bool,
        after_ms: Option<u64>,
        turn: &mut Turn,
    ) {
        let Some((zone, direction)) = self.zone(lane).zip(self.lane_direction(lane)) else {
            return;
        };
        let way = match (direction, turned_back) {
            (Direction::Entry, false) => Way::Into,
            (Direction::Exit, false) => Way::OutOf,
            (Direction::Entry, true) => Way::NotInto,
            (Direction::Exit, true) => Way::NotOutOf,
        };
        let passed = LaneRecord::ZonePassed {
            session: session.id.clone(),
            plate: session.plate.clone(),
            lane: lane.clone(),
            zone: zone.to_owned(),
            way,
            after_ms,
            at: turn.at.clone(),
        };
        self.lane_record(passed, turn);
    }

    /// Whether the stay is where a car is that has passed this lane.
    pub(super) fn is_beyond(&self, lane: &LaneId, session: &SessionId) -> bool {
        let is_there = self.site.visits.zone_of(session) == self.zone(lane);
        match self.lane_direction(lane) {
            Some(Direction::Entry) => is_there,
            Some(Direction::Exit) | None => !is_there,
        }
    }

    /// The only stay whose plate may have been misread so.
    fn likely(&self, plate: &PlateNumber) -> Option<Session> {
        let inside = self.site.plates_inside();
        match near::best(plate.as_str(), inside, &self.near_rules()) {
            near::Match::Unique { plate, distance } if distance <= near::HalfEdits::ONE_EDIT => {
                self.site.session_of(plate)
            }
            near::Match::None | near::Match::Unique { .. } | near::Match::Ambiguous { .. } => None,
        }
    }
}
