//! A stay that a person ends: its car is gone, and no camera saw it go.

use super::reply::{Done, Refusal, Undecided};
use super::review::{Review, ReviewWhy};
use super::state::Car;
use super::verdict::Word;
use super::{Park, Turn};
use crate::lane::number::SessionId;
use crate::lane::session::{Ending, LaneId, Session};
use crate::lane::time::Wall;

impl Park {
    pub(super) fn stay_ended(
        &mut self,
        session: &SessionId,
        review: bool,
        left: Option<Wall>,
        word: Word<'_>,
        turn: &mut Turn,
    ) {
        let ended = self.end_stay(session, review, left, word, turn);
        turn.reply = Some(ended.map_err(|why| Refusal::Review {
            session: session.clone(),
            why,
        }));
    }

    /// A charge that was made for it goes on. Else nothing is charged, unless it shall be looked at.
    fn end_stay(
        &mut self,
        session: &SessionId,
        review: bool,
        left: Option<Wall>,
        word: Word<'_>,
        turn: &mut Turn,
    ) -> Result<Done, Undecided> {
        if self.queue.is_paused() {
            return Err(Undecided::StoreFailed);
        }
        let open = self.site.session(session);
        let open = open.ok_or(Undecided::NotInside)?;
        if let Some(lane) = self.lane_of(session) {
            return Err(Undecided::StandsThere { lane });
        }
        let seen = self.review_of_the_gone(&open, left, turn)?;
        let trade_no = self.site.claimed.get(session).cloned();
        // What waits for a person's word waits on.
        let review = (review || left.is_some()) && trade_no.is_none();
        if review && !self.site.is_under_review(session) {
            self.open_review(seen, turn);
        }
        let ending = Ending::EndedByHand {
            by: word.by.to_owned(),
            why: word.why.to_owned(),
            left,
        };
        self.close_inferred(&open, &open.lane, ending, turn);
        Ok(Done::StayEnded {
            session: session.clone(),
            trade_no,
            review: self.site.is_under_review(session),
        })
    }

    /// Where its car stands, if it does at a barrier.
    fn lane_of(&self, session: &SessionId) -> Option<LaneId> {
        let held = self.site.newest_hold_of(session);
        let is_it = |car: &Car| car.session == *session;
        let waiting = self.lanes.iter();
        let mut waiting =
            waiting.filter(|(_, mind)| mind.car.as_ref().is_some_and(|car| is_it(car)));
        let held = held.map(|hold| hold.lane.clone());
        held.or_else(|| waiting.next().map(|(lane, _)| lane.clone()))
    }

    /// As a person will look at it: with the price where the end is known.
    fn review_of_the_gone(
        &self,
        session: &Session,
        left: Option<Wall>,
        turn: &Turn,
    ) -> Result<Review, Undecided> {
        let why = ReviewWhy::EndedByHand;
        let unseen = self.review_unseen(session, &session.lane, why, None, &turn.at);
        let Some(left) = left else {
            return Ok(unseen);
        };
        let (exited, stay_ms) = self.left_by_word(&unseen, left, turn)?;
        let quote = self.rest(session, Some(stay_ms));
        Ok(Review {
            exited: Some(exited),
            fee_fen: Some(quote.fee_fen),
            quote: Some(quote),
            ..unseen
        })
    }
}
