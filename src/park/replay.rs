//! Cached readings: they repair the records, and never raise, speak or charge.

use super::review::ReviewWhy;
use super::rules::Direction;
use super::step::Ignored;
use super::{Park, Turn};
use crate::lane::guard::{self, Doubt};
use crate::lane::plate::PlateNumber;
use crate::lane::reading::PlateRead;
use crate::lane::session::{Ending, LaneId, Session};
use crate::lane::time::{BootId, Moment, Now, Stamp, Wall};

impl Park {
    pub(super) fn replayed(&mut self, lane: &LaneId, read: &PlateRead, turn: &mut Turn) {
        let (Some(plate), Some(captured_at)) = (&read.plate, read.captured_at) else {
            turn.ignored = Some(Ignored::UselessReplay);
            return;
        };
        let open = self.site.session_of(plate);
        match (self.direction(lane), open) {
            (None, Some(session)) if is_after_entry(captured_at, &session, turn) => {
                self.zone_replayed(lane, &session, turn);
            }
            (Some(Direction::Entry), None) if !self.has_left_since(plate, captured_at) => {
                let entered = self.by_camera(captured_at);
                let doubts = guard::doubts_of_read(read, self.min_confidence(lane));
                debug_assert!(doubts.contains(&Doubt::Replayed));
                self.open_session(lane, plate, read, entered, doubts, turn);
            }
            (Some(Direction::Exit), Some(session))
                if is_after_entry(captured_at, &session, turn) =>
            {
                self.exit_replayed(&session, lane, read, turn);
            }
            _ => turn.ignored = Some(Ignored::UselessReplay),
        }
    }

    fn exit_replayed(
        &mut self,
        session: &Session,
        lane: &LaneId,
        read: &PlateRead,
        turn: &mut Turn,
    ) {
        let (why, read) = (ReviewWhy::ReplayedExit, Some(read.clone()));
        let review = self.review_unseen(session, lane, why, read, &turn.at);
        self.open_review(review, turn);
        self.close_inferred(session, lane, Ending::ReplayedExit, turn);
    }

    /// An entry from before the plate last left begins no stay: nobody would ever end it.
    fn has_left_since(&self, plate: &PlateNumber, captured_at: Wall) -> bool {
        let left_at = self.site.left_at(plate);
        left_at.is_some_and(|left_at| captured_at <= left_at)
    }

    /// A time that only the camera vouches for: never trusted, and of no boot of this box.
    fn by_camera(&self, captured_at: Wall) -> Stamp {
        Stamp {
            now: Now {
                moment: Moment(0),
                wall: captured_at,
                trusted: false,
                boot: BootId(0),
            },
            box_id: self.rules.box_id.clone(),
        }
    }
}

/// An exit that was captured before the stay began is of an earlier stay, and comes late. A start that
/// only a camera told is compared all the same: nothing is charged from either.
fn is_after_entry(captured_at: Wall, session: &Session, turn: &Turn) -> bool {
    let by_camera = session.doubts.contains(&Doubt::Replayed);
    let entered = session.entered.believable_wall(turn.now());
    let entered = entered.or_else(|| by_camera.then_some(session.entered.now.wall));
    entered.is_some_and(|entered| captured_at > entered)
}
