//! A reading arrives: whether it counts, and whether it is a car of its own.

use super::record::{LaneRecord, Record, StepTaken};
use super::rules::Direction;
use super::state::{Hold, Raise, Waiting};
use super::step::Ignored;
use super::{Park, Turn};
use crate::lane::freshness::STALE_AFTER_MS;
use crate::lane::guard::{self, Doubt};
use crate::lane::near;
use crate::lane::plate::PlateNumber;
use crate::lane::raise::HoldReason;
use crate::lane::reading::{PlateRead, Trigger};
use crate::lane::session::{Ending, LaneId};
use crate::lane::time::Stamp;

use super::event::Event;

/// The same plate at the same barrier within this time, without having passed, is the same car.
pub(super) const SAME_CAR_MS: u64 = 5 * 60 * 1000;
/// So soon after a decision a worse reading at the same barrier is of the same car.
const WORSE_READING_MS: u64 = 10_000;
/// A raise is issued at most so often for one car.
const ISSUES_MAX: u8 = 2;

/// What a reading is to a lane.
enum Meaning {
    /// A car that is to be decided.
    ACar,
    /// The car that was decided, or a worse reading of it.
    NothingNew,
    /// The car whose raise is uncertain.
    RaiseAgain { raise: u64, issue: u8 },
    /// The car whose barrier was told twice.
    Stuck,
}

impl Park {
    /// A camera saw a vehicle.
    pub(super) fn plate_read(
        &mut self,
        lane: &LaneId,
        camera: &str,
        read: &PlateRead,
        turn: &mut Turn,
    ) {
        if read.retained {
            turn.ignored = Some(Ignored::Retained);
            return;
        }
        if seen_key(camera, read).is_some_and(|key| self.site.has_seen(&key)) {
            turn.ignored = Some(Ignored::SeenBefore);
            return;
        }
        if read.replay {
            self.replayed(lane, read, turn);
            return;
        }
        let now = turn.now();
        let age_ms = self.mind(lane).camera.age_ms(read.sent_at, now);
        let stale = age_ms.filter(|age_ms| *age_ms > STALE_AFTER_MS);
        if let Some(age_ms) = stale.filter(|_| !planted!(StaleReadingRaises)) {
            turn.ignored = Some(Ignored::Stale { age_ms });
            return;
        }
        if read.trigger == Some(Trigger::TurnedBack) {
            self.turned_back(lane, read, turn);
            return;
        }
        if self.must_wait_in_line(lane, camera, read, turn) {
            return;
        }
        self.take_up(lane, read, turn.at.clone(), turn);
    }

    /// While one car is being decided, the next reading waits; the same car adds nothing. Only the
    /// newest waits: a car that is overtaken in a lane was no car.
    fn must_wait_in_line(
        &mut self,
        lane: &LaneId,
        camera: &str,
        read: &PlateRead,
        turn: &mut Turn,
    ) -> bool {
        let Some(car) = &self.mind(lane).car else {
            return false;
        };
        let is_same = read.plate.is_none()
            || read.plate == car.read.plate
            || read.plate.as_ref() == Some(&car.plate);
        if is_same {
            self.lift_doubt(lane, read, turn);
            turn.ignored = Some(Ignored::Duplicate);
        } else {
            self.mind(lane).next = Some(Waiting {
                camera: camera.to_owned(),
                read: read.clone(),
                arrived: turn.at.clone(),
            });
            turn.ignored = Some(Ignored::NextInLine);
        }
        true
    }

    /// The reading that waited behind a car is taken up once that car is decided, as a step of its own.
    pub(super) fn next_in_line(&mut self, turn: &mut Turn) {
        let free: Vec<LaneId> = self
            .lanes
            .iter()
            .filter(|(_, mind)| mind.car.is_none() && mind.next.is_some())
            .map(|(lane, _)| lane.clone())
            .collect();
        for lane in free {
            let Some(waiting) = self.mind(&lane).next.take() else {
                continue;
            };
            let now = turn.now();
            let waited_ms = now.moment.since_ms(waiting.arrived.now.moment);
            let sent_at = waiting.read.sent_at;
            let age_ms = self.mind(&lane).camera.age_ms(sent_at, now);
            let age_ms = age_ms.unwrap_or(0).max(waited_ms);
            if age_ms > STALE_AFTER_MS {
                turn.ignored = Some(Ignored::Stale { age_ms });
                continue;
            }
            let before = turn.records.len();
            self.take_up(&lane, &waiting.read, waiting.arrived, turn);
            if turn.records.len() > before {
                let event = Event::PlateRead {
                    lane,
                    camera: waiting.camera,
                    read: waiting.read,
                };
                let head = StepTaken {
                    now: turn.now(),
                    event,
                    waited_ms: Some(waited_ms),
                };
                turn.records.insert(before, Record::StepTaken(head));
            }
        }
    }

    fn take_up(&mut self, lane: &LaneId, read: &PlateRead, arrived: Stamp, turn: &mut Turn) {
        let Some(direction) = self.lane_direction(lane) else {
            return;
        };
        let is_within = self.zone(lane).is_some();
        match (self.meaning(lane, direction, read, turn), &read.plate) {
            (Meaning::NothingNew, _) => {
                self.lift_doubt(lane, read, turn);
                turn.ignored = Some(Ignored::Duplicate);
            }
            (Meaning::RaiseAgain { raise, issue }, Some(plate)) => {
                self.raise_again(lane, plate, raise, issue, turn);
            }
            (Meaning::Stuck, _) => {
                let raise = self.site.raises.get(lane);
                let session = raise.and_then(|raise| raise.session.clone());
                self.hold_unread(lane, read, session, HoldReason::BarrierStuck, turn);
            }
            (_, Some(plate)) if is_within => self.at_zone(lane, plate, &arrived, turn),
            (_, None) if is_within => self.unreadable_at_zone(lane, read, turn),
            (_, Some(plate)) if direction == Direction::Entry => {
                self.at_entry(lane, plate, read, arrived, turn);
            }
            (_, Some(plate)) => self.at_exit(lane, plate, read, arrived, turn),
            (_, None) if direction == Direction::Entry => {
                self.unreadable_at_entry(lane, read, turn)
            }
            (_, None) => self.unread_at_exit(lane, read, turn),
        }
    }

    fn meaning(
        &self,
        lane: &LaneId,
        direction: Direction,
        read: &PlateRead,
        turn: &Turn,
    ) -> Meaning {
        let hold = self.site.holds.get(lane);
        let Some(plate) = &read.plate else {
            return match hold.is_some() || self.was_just_decided(lane, turn) {
                true => Meaning::NothingNew,
                false => Meaning::ACar,
            };
        };
        if let Some(hold) = hold {
            return self.meaning_while_held(lane, hold, plate, read, turn);
        }
        if let Some(raise) = self.site.raises.get(lane)
            && self.is_before_its_raise(lane, raise, direction, plate, turn)
        {
            return self.meaning_after_raise(lane, raise, turn);
        }
        let decided = self.lanes.get(lane).and_then(|mind| mind.decided.as_ref());
        let last = decided.and_then(|decided| decided.plate.as_ref());
        let window_ms = self.duplicate_window_ms(lane);
        let is_the_last = last == Some(plate) && self.was_decided(lane, window_ms, turn);
        let is_misread = self.was_just_decided(lane, turn)
            && last.is_some_and(|last| self.may_be_misread(last, plate));
        if (is_the_last && !self.has_new_business(lane, direction, plate)) || is_misread {
            Meaning::NothingNew
        } else {
            Meaning::ACar
        }
    }

    /// A car is held here. Its plate again is decided anew after the duplicate window, or at once if
    /// the reading is better than the one it was held for. A misreading of it adds nothing. Any other
    /// plate is another car: the barrier has room for one, so the held one must have backed out; its
    /// stay and its charge go on without the lane.
    fn meaning_while_held(
        &self,
        lane: &LaneId,
        hold: &Hold,
        plate: &PlateNumber,
        read: &PlateRead,
        turn: &Turn,
    ) -> Meaning {
        let Some(held) = &hold.plate else {
            return Meaning::ACar;
        };
        if held != plate {
            return match self.may_be_misread(held, plate) && hold.session.is_some() {
                true => Meaning::NothingNew,
                false => Meaning::ACar,
            };
        }
        let was_poor = matches!(
            &hold.reason, HoldReason::Guarded(doubts) if doubts.contains(&Doubt::LowConfidence)
        );
        let is_better = was_poor && !self.is_poor(lane, read);
        let is_again = !self.was_decided(lane, self.duplicate_window_ms(lane), turn);
        match hold.reason {
            HoldReason::BarrierStuck => Meaning::NothingNew,
            HoldReason::Full if !self.is_full() => Meaning::ACar,
            _ if is_better || is_again => Meaning::ACar,
            _ => Meaning::NothingNew,
        }
    }

    /// An uncertain raise is issued once more, for the same reason and without a new charge (E1, E9).
    /// So is one that was carried out, if the car still stands there after the duplicate window.
    fn meaning_after_raise(&self, lane: &LaneId, raise: &Raise, turn: &Turn) -> Meaning {
        let is_asked = self
            .lanes
            .get(lane)
            .is_some_and(|mind| mind.proof_by.is_some());
        let is_uncertain = raise.proof.is_none();
        let is_recent = self.was_decided(lane, self.duplicate_window_ms(lane), turn);
        if is_asked || (is_recent && !is_uncertain) {
            Meaning::NothingNew
        } else if raise.issues < ISSUES_MAX {
            Meaning::RaiseAgain {
                raise: raise.raise,
                issue: raise.issues + 1,
            }
        } else {
            Meaning::Stuck
        }
    }

    /// Whether the car that was let through by `raise` stands there still. Where clocks cannot tell how
    /// long ago that was, it is at least as long as this boot.
    fn is_before_its_raise(
        &self,
        lane: &LaneId,
        raise: &Raise,
        direction: Direction,
        plate: &PlateNumber,
        turn: &Turn,
    ) -> bool {
        let since_ms = raise.at.stay_ms(&turn.at).unwrap_or(turn.moment().0);
        raise.plate.as_ref() == Some(plate)
            && !raise.passed
            && since_ms < SAME_CAR_MS
            && match direction {
                _ if self.zone(lane).is_some() => match &raise.session {
                    Some(session) => self.is_beyond(lane, session),
                    None => self.site.session_of(plate).is_none(),
                },
                Direction::Entry => {
                    let session = self.site.session_of(plate);
                    session.is_some_and(|session| raise.session.as_ref() == Some(&session.id))
                }
                Direction::Exit => self.site.session_of(plate).is_none(),
            }
    }

    /// A car that was let in is inside, and one that was let out is not: if that has changed, it is
    /// here for another reason.
    fn has_new_business(&self, lane: &LaneId, direction: Direction, plate: &PlateNumber) -> bool {
        let session = self.site.session_of(plate);
        if self.zone(lane).is_some() {
            return session.is_some_and(|session| !self.is_beyond(lane, &session.id));
        }
        let is_inside = session.is_some();
        match direction {
            Direction::Entry => !is_inside,
            Direction::Exit => is_inside,
        }
    }

    /// A plate without a stay, one character away from the one that was just decided.
    fn may_be_misread(&self, decided: &PlateNumber, plate: &PlateNumber) -> bool {
        decided != plate
            && self.site.session_of(plate).is_none()
            && near::distance(decided.as_str(), plate.as_str(), None) <= near::HalfEdits::ONE_EDIT
    }

    /// Whether something was decided here so recently.
    fn was_decided(&self, lane: &LaneId, within_ms: u64, turn: &Turn) -> bool {
        let decided = self.lanes.get(lane).and_then(|mind| mind.decided.as_ref());
        decided.is_some_and(|decided| turn.moment().since_ms(decided.at) < within_ms)
    }

    /// Whether the car that was decided last can hardly have gone.
    fn was_just_decided(&self, lane: &LaneId, turn: &Turn) -> bool {
        let raise = self.site.raises.get(lane);
        let has_passed = raise.is_some_and(|raise| raise.passed);
        !has_passed && self.was_decided(lane, WORSE_READING_MS, turn)
    }

    fn duplicate_window_ms(&self, lane: &LaneId) -> u64 {
        let rules = self.rules.lanes.get(lane);
        rules.map_or(0, |rules| rules.duplicate_window_ms)
    }

    pub(super) fn min_confidence(&self, lane: &LaneId) -> Option<u16> {
        self.rules.lanes.get(lane)?.min_confidence_permille
    }

    fn is_poor(&self, lane: &LaneId, read: &PlateRead) -> bool {
        let doubts = guard::doubts_of_read(read, self.min_confidence(lane));
        doubts.contains(&Doubt::LowConfidence)
    }

    /// Later readings of the same car only raise confidence (E1).
    fn lift_doubt(&mut self, lane: &LaneId, read: &PlateRead, turn: &mut Turn) {
        let Some(plate) = &read.plate else {
            return;
        };
        let session = self.site.session_of(plate);
        let doubted = session.filter(|session| {
            session.lane == *lane && session.doubts.contains(&Doubt::LowConfidence)
        });
        if let Some(session) = doubted.filter(|_| !self.is_poor(lane, read)) {
            let lifted = LaneRecord::DoubtLifted {
                session: session.id.clone(),
                doubt: Doubt::LowConfidence,
            };
            self.lane_record(lifted, turn);
        }
    }

    /// The car went back where it came from (E8). At an entry its stay is void; at an exit it goes on,
    /// with its charge if there is one.
    fn turned_back(&mut self, lane: &LaneId, read: &PlateRead, turn: &mut Turn) {
        let is_it =
            |plate: Option<&PlateNumber>| read.plate.is_none() || read.plate.as_ref() == plate;
        let mind = self.mind(lane);
        mind.next = mind
            .next
            .take()
            .filter(|next| !is_it(next.read.plate.as_ref()));
        let at_barrier = mind.car.as_ref();
        let waited = at_barrier.filter(|car| is_it(car.read.plate.as_ref()));
        let mut session = waited.map(|car| car.session.clone());
        if session.is_some() {
            self.take_car(lane);
        }
        let hold = self.site.holds.get(lane);
        if hold.is_some_and(|hold| is_it(hold.plate.as_ref())) {
            self.end_hold(lane, turn);
        }
        let raise = self.site.raises.get(lane);
        let raise = raise.filter(|raise| {
            let since_ms = raise.at.stay_ms(&turn.at).unwrap_or(u64::MAX);
            !raise.passed && since_ms < SAME_CAR_MS && is_it(raise.plate.as_ref())
        });
        session = session.or_else(|| raise.and_then(|raise| raise.session.clone()));
        self.mind(lane).decided = None;
        let session = session.and_then(|id| self.site.session(&id));
        if let Some(session) = session.as_ref().filter(|_| self.zone(lane).is_some()) {
            self.zone_undone(lane, session, turn);
            return;
        }
        match session.filter(|session| session.lane == *lane) {
            Some(session) => self.close_session(&session, lane, Ending::TurnedBack, 0, turn),
            None => turn.ignored = Some(Ignored::TurnedBack),
        }
    }

    /// Remembers a reading that led to something, live and at replay.
    pub(super) fn note_seen(&mut self, event: &Event) {
        if let Event::PlateRead { camera, read, .. } = event
            && let Some(key) = seen_key(camera, read)
        {
            self.site.note_seen(key);
        }
    }
}

/// What tells one reading of one camera from every other: record numbers restart, so the second of
/// the capture belongs to it.
fn seen_key(camera: &str, read: &PlateRead) -> Option<String> {
    let second = read.captured_at?.0.div_euclid(1000);
    let plate = read.plate.as_ref().map_or("", |plate| plate.as_str());
    let id = read.record_id.as_deref().unwrap_or(plate);
    Some(format!("{camera}|{id}|{second}"))
}
