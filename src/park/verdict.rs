//! What a person decides about a stay under review: it is charged, or nothing is asked for it. The
//! commands act on what stands in the book, and never where WeChat may have the money (DESIGN 3.5).

use super::record::LaneRecord;
use super::reply::{Claimed, Done, Refusal, Undecided};
use super::review::{REVIEWS_MAX, Review, ReviewEnd, ReviewWhy, Terms, Verdict};
use super::state::Hold;
use super::{Park, Turn};
use crate::charges::charge::{ChargeState, Claim, Opening, StaffReason};
use crate::charges::record::StaffOutcome;
use crate::charges::staff::Declined;
use crate::lane::number::SessionId;
use crate::lane::session::{Ending, LaneId};
use crate::lane::tariff::{Quote, Stay};
use crate::lane::time::{BootId, Moment, Now, Stamp, Wall};

/// Who decides where a review makes room for another.
const NOBODY: &str = "parkgate";

/// Who decided, and why.
#[derive(Clone, Copy)]
pub(super) struct Word<'a> {
    pub by: &'a str,
    pub why: &'a str,
}

/// What is to be claimed, as a person wants it.
struct Claiming {
    exited: Stamp,
    stay_ms: u64,
    quote: Quote,
    /// Paid before, and taken off, fen.
    paid_fen: u64,
}

/// Where the money of a stay is, that a person wants to charge.
enum Money {
    /// Nowhere: no charge was made for it.
    None,
    /// With the staff, and WeChat was never asked for it.
    OnDesk(String),
    /// Finished; more may be due beside it.
    Finished(String),
}

impl Park {
    pub(super) fn review_decided(
        &mut self,
        session: &SessionId,
        verdict: &Verdict,
        word: Word<'_>,
        turn: &mut Turn,
    ) {
        let decided = match verdict {
            Verdict::Charge(terms) => self.charge_reviewed(session, terms, word, turn),
            Verdict::Waive => self.waive_reviewed(session, word, turn),
        };
        turn.reply = Some(decided.map_err(|why| Refusal::Review {
            session: session.clone(),
            why,
        }));
    }

    /// Puts a stay on the review list; if that is full, the oldest makes room.
    pub(super) fn open_review(&mut self, review: Review, turn: &mut Turn) {
        if self.site.open_reviews().count() >= REVIEWS_MAX {
            let oldest = self.site.open_reviews().next().cloned();
            if let Some(oldest) = oldest {
                let word = Word {
                    by: NOBODY,
                    why: "too many stays wait for a person",
                };
                self.give_up_entry(&oldest.session, turn);
                self.close_review(&oldest, ReviewEnd::MadeRoom, word, turn);
            }
        }
        let review = Box::new(review);
        self.lane_record(LaneRecord::ReviewOpened { review }, turn);
    }

    /// The fee is claimed once, under a number of its own: at WeChat where its entry still is, else from
    /// the plate's owner.
    fn charge_reviewed(
        &mut self,
        session: &SessionId,
        terms: &Terms,
        word: Word<'_>,
        turn: &mut Turn,
    ) -> Result<Done, Undecided> {
        let review = self.under_review(session)?;
        // Its money is there already, and which numbers its charges had may not be known any more.
        if review.why == ReviewWhy::PaidTooMuch {
            return Err(Undecided::NothingDue);
        }
        let hold = self.hold_of(session);
        let is_open = self.site.is_open(session);
        if is_open && hold.is_none() && terms.exited.is_none() {
            return Err(Undecided::GoesOn);
        }
        let money = self.money_of(&review, is_open)?;
        if let (Money::Finished(trade_no), None) = (&money, terms.fee_fen) {
            let trade_no = trade_no.clone();
            return Err(Undecided::ChargedBefore { trade_no });
        }
        let claiming = self.claiming(&review, hold.as_ref(), terms, turn)?;
        let (fee_fen, paid_fen) = (claiming.quote.fee_fen, claiming.paid_fen);
        let opening = self.opening_for(&review, terms, &money, is_open, word);
        let trade_no = session.trade_no(review.charges);
        if let Money::OnDesk(replaced) = money {
            let how = StaffOutcome::Replaced {
                by: word.by.to_owned(),
                why: word.why.to_owned(),
                trade_no: trade_no.clone(),
            };
            self.with_queue(turn, |queue, _, out| {
                queue.finish_by_staff(&replaced, how, out)
            })
            .map_err(|why| Undecided::Charge {
                trade_no: replaced,
                why,
            })?;
        }
        let claimed = match opening {
            Opening::ToFile { .. } => Claimed::Queue,
            Opening::ToStaff(_) => Claimed::Staff,
        };
        self.claim_reviewed(&review, terms, claiming, opening, &trade_no, turn);
        let end = ReviewEnd::Charged {
            trade_no: trade_no.clone(),
            fee_fen,
        };
        self.close_review(&review, end, word, turn);
        match hold {
            Some(hold) => self.hold_for_charge(hold, &trade_no, turn),
            None if is_open => self.end_unseen(session, &review.lane, &trade_no, fee_fen, turn),
            None => {}
        }
        Ok(Done::Charged {
            session: session.clone(),
            trade_no,
            fen: fee_fen,
            paid_fen,
            claimed,
        })
    }

    fn waive_reviewed(
        &mut self,
        session: &SessionId,
        word: Word<'_>,
        turn: &mut Turn,
    ) -> Result<Done, Undecided> {
        let review = self.under_review(session)?;
        if let Some(hold) = self.hold_of(session) {
            return Err(Undecided::AtTheBarrier { lane: hold.lane });
        }
        // Money is given back, and the charge stands.
        let is_over_paid = review.why == ReviewWhy::PaidTooMuch;
        if let Some(trade_no) = review.trade_no.as_ref().filter(|_| !is_over_paid)
            && self.queue.book().unfinished(trade_no).is_some()
        {
            let how = StaffOutcome::WrittenOff {
                by: word.by.to_owned(),
                why: word.why.to_owned(),
            };
            let given_up = self.with_queue(turn, |queue, _, out| {
                queue.finish_by_staff(trade_no, how, out)
            });
            given_up.map_err(|why| Undecided::Charge {
                trade_no: trade_no.clone(),
                why,
            })?;
        }
        if !self.site.is_open(session) {
            self.give_up_entry(session, turn);
        }
        let fen = review.fee_fen;
        let end = ReviewEnd::Waived { fee_fen: fen };
        self.close_review(&review, end, word, turn);
        Ok(Done::Waived {
            session: session.clone(),
            fen,
        })
    }

    fn under_review(&self, session: &SessionId) -> Result<Review, Undecided> {
        if self.queue.is_paused() {
            return Err(Undecided::StoreFailed);
        }
        let review = self.site.reviews.get(session);
        let review = review.ok_or(Undecided::NotUnderReview)?;
        match &review.closed {
            Some(closed) => Err(Undecided::Decided {
                by: closed.by.clone(),
            }),
            None => Ok(review.clone()),
        }
    }

    /// The car of an open stay, where it waits for a person.
    fn hold_of(&self, session: &SessionId) -> Option<Hold> {
        let hold = self.site.newest_hold_of(session);
        hold.filter(|_| self.site.is_open(session)).cloned()
    }

    /// What WeChat has, or may have, is not claimed a second time; nor is what was sent and refused.
    fn money_of(&self, review: &Review, is_open: bool) -> Result<Money, Undecided> {
        let waits = review.trade_no.clone().filter(|_| !planted!(ReviewedTwice));
        let Some(trade_no) = waits else {
            return Ok(Money::None);
        };
        let book = self.queue.book();
        let why = match (book.charge(&trade_no), book.on_desk(&trade_no)) {
            (Some(charge), _) => match charge.state {
                ChargeState::WaitingForEntry | ChargeState::Due => Declined::InQueue,
                ChargeState::Sent | ChargeState::Unknown { .. } | ChargeState::ToRepeat => {
                    Declined::MayStillBeTaken
                }
                ChargeState::Accepted { .. }
                | ChargeState::Refused(_)
                | ChargeState::Failed
                | ChargeState::Settled
                | ChargeState::HandedToStaff(_)
                | ChargeState::Withdrawn(_) => Declined::TakenOn,
            },
            (None, Some(charge)) if charge.body.is_none() && !is_open => {
                return Ok(Money::OnDesk(trade_no));
            }
            (None, Some(_)) => Declined::WithStaff,
            (None, None) => return Ok(Money::Finished(trade_no)),
        };
        Err(Undecided::Charge { trade_no, why })
    }

    /// What the person wants to have claimed: what the tariff said at the exit, unless a fee or another
    /// exit was named.
    fn claiming(
        &self,
        review: &Review,
        hold: Option<&Hold>,
        terms: &Terms,
        turn: &Turn,
    ) -> Result<Claiming, Undecided> {
        let seen = hold.map(|hold| hold.arrived.clone());
        let seen = seen.or_else(|| review.exited.clone());
        let (exited, stay_ms) = match terms.exited {
            Some(wall) => self.left_by_word(review, wall, turn)?,
            None => {
                let exited = seen.unwrap_or_else(|| review.at.clone());
                let stay_ms = review.entered.stay_ms(&exited).unwrap_or(0);
                (exited, stay_ms)
            }
        };
        // A car that waits owes by now what its hold says.
        let due_now = hold.and_then(|hold| hold.quote.clone());
        let is_of_now = due_now.is_some();
        let quoted = due_now.or_else(|| review.quote.clone());
        let by_code_fen = self.kept_by_code(review);
        let since_fen = by_code_fen.saturating_add(review.since.fen);
        let (quote, paid_fen) = match (terms.fee_fen, terms.exited) {
            // A person knows of the cash that was taken, and not of every code.
            (Some(fee_fen), _) => match quoted.filter(|quote| quote.fee_fen == fee_fen) {
                Some(quote) => (quote, by_code_fen),
                None => {
                    let lines = Vec::new();
                    (Quote { fee_fen, lines }, by_code_fen)
                }
            },
            (None, Some(_)) => {
                let stay = Stay {
                    entry: review.entered.now.wall,
                    duration_ms: stay_ms,
                    color: review.color,
                    plate: Some(review.plate.clone()),
                    tally: self.site.tallies.get(&review.plate).copied(),
                    benefits: self.site.benefits.to_price(&review.session),
                    visits: self.site.visits.to_price(&review.session),
                };
                let paid_fen = review.paid_fen.saturating_add(since_fen);
                (self.rules.tariff.quote(&stay), paid_fen)
            }
            (None, None) => {
                let quote = quoted.ok_or(Undecided::FeeUnknown)?;
                (quote, if is_of_now { 0 } else { since_fen })
            }
        };
        let whole_fen = quote.fee_fen;
        let quote = quote.less_paid(paid_fen, stay_ms);
        match quote.fee_fen {
            // A stay whose length nobody could tell was quoted as none at all.
            0 if whole_fen == 0 && stay_ms == 0 => Err(Undecided::FeeUnknown),
            0 if whole_fen > 0 => Err(Undecided::PaidAlready { paid_fen }),
            0 => Err(Undecided::NothingToCharge),
            _ => Ok(Claiming {
                exited,
                stay_ms,
                quote,
                paid_fen,
            }),
        }
    }

    /// What of the money that came in by code since the review began has not gone back, and does not, fen.
    fn kept_by_code(&self, review: &Review) -> u64 {
        let refunds = self.queue.book().refunds();
        let codes = review.since.by_code.iter();
        let kept = codes.map(|(number, fen)| fen.saturating_sub(refunds.reserved_fen(number)));
        kept.fold(0, u64::saturating_add)
    }

    /// A person vouches for the end of the stay, and for the start that the list shows beside it.
    pub(super) fn left_by_word(
        &self,
        review: &Review,
        wall: Wall,
        turn: &Turn,
    ) -> Result<(Stamp, u64), Undecided> {
        let entered = review.entered.believable_wall(turn.now());
        let entered = entered.unwrap_or(review.entered.now.wall);
        let stay_ms = wall.0.checked_sub(entered.0);
        let stay_ms = stay_ms.and_then(|ms| u64::try_from(ms).ok());
        let is_possible = entered >= Wall::PLAUSIBLE_FROM && wall <= turn.now().wall;
        let stay_ms = stay_ms.filter(|ms| is_possible && *ms > 0);
        let stay_ms = stay_ms.ok_or(Undecided::ExitImpossible)?;
        let exited = Stamp {
            now: Now {
                moment: Moment(0),
                wall,
                trusted: turn.now().trusted,
                boot: BootId(0),
            },
            box_id: self.rules.box_id.clone(),
        };
        Ok((exited, stay_ms))
    }

    /// To WeChat goes what WeChat can still be asked for: the plate of the entry, once, and not after a
    /// newer stay of it.
    fn opening_for(
        &self,
        review: &Review,
        terms: &Terms,
        money: &Money,
        is_open: bool,
        word: Word<'_>,
    ) -> Opening {
        let is_anothers = terms
            .plate
            .as_ref()
            .is_some_and(|plate| *plate != review.plate);
        if is_anothers {
            let (by, why) = (word.by.to_owned(), word.why.to_owned());
            return Opening::ToStaff(StaffReason::ByHand { by, why });
        }
        if let Money::Finished(trade_no) = money {
            let why = format!("charged before as {trade_no}");
            return Opening::ToStaff(StaffReason::NotRegistered(why));
        }
        if is_open || self.queue.is_registered(&review.session) {
            return Opening::ToFile {
                despite_block: true,
            };
        }
        Opening::ToStaff(StaffReason::NotRegistered("its entry is over".to_owned()))
    }

    fn claim_reviewed(
        &mut self,
        review: &Review,
        terms: &Terms,
        claiming: Claiming,
        opening: Opening,
        trade_no: &str,
        turn: &mut Turn,
    ) {
        let open = self.site.session(&review.session);
        if let (Opening::ToFile { .. }, Some(session)) = (&opening, &open)
            && self.queue.book().entry(&session.id).is_none()
        {
            self.with_queue(turn, |queue, at, out| {
                queue.open_entry(session, at.now, out)
            });
        }
        let claim = Claim {
            trade_no: trade_no.to_owned(),
            session: review.session.clone(),
            plate: terms.plate.clone().unwrap_or_else(|| review.plate.clone()),
            lane: review.lane.clone(),
            entered: review.entered.clone(),
            exited: claiming.exited,
            stay_ms: claiming.stay_ms,
            quote: claiming.quote,
            opening,
        };
        self.with_queue(turn, |queue, at, out| queue.open_charge(claim, at.now, out));
    }

    /// The car that is held goes when its charge comes through, as any other.
    pub(super) fn hold_for_charge(&mut self, hold: Hold, trade_no: &str, turn: &mut Turn) {
        let charge = self.queue.book().unfinished(trade_no);
        let quote = charge.map(|charge| charge.claim.quote);
        let hold = Hold {
            quote: quote.or(hold.quote),
            trade_no: Some(trade_no.to_owned()),
            ..hold
        };
        self.start_hold(hold, turn);
    }

    /// The car left, by a person's word, and no reading said so.
    fn end_unseen(
        &mut self,
        session: &SessionId,
        lane: &LaneId,
        trade_no: &str,
        fee_fen: u64,
        turn: &mut Turn,
    ) {
        if let Some(session) = self.site.session(session) {
            let trade_no = trade_no.to_owned();
            let ending = Ending::Charged { trade_no };
            self.close_session(&session, lane, ending, fee_fen, turn);
        }
    }

    fn give_up_entry(&mut self, session: &SessionId, turn: &mut Turn) {
        if !self.site.is_open(session) && self.queue.is_registered(session) {
            self.with_queue(turn, |queue, _, out| queue.abandon_entry(session, out));
        }
    }

    fn close_review(&mut self, review: &Review, how: ReviewEnd, word: Word<'_>, turn: &mut Turn) {
        let closed = LaneRecord::ReviewClosed {
            session: review.session.clone(),
            plate: review.plate.clone(),
            how,
            by: word.by.to_owned(),
            why: word.why.to_owned(),
            at: turn.at.clone(),
        };
        self.lane_record(closed, turn);
    }
}
