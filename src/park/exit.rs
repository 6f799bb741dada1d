//! What an exit lane makes of a car: finds its stay, prices it, asks the table what to do.

use std::sync::Arc;

use super::review::{PaidSince, Review, ReviewWhy};
use super::state::{Car, Held, Hold, Stage};
use super::{Park, Turn};
use crate::charges::charge::{Charge, Claim, Opening, StaffReason};
use crate::charges::entry::EntryState;
use crate::lane::exit::{self, ExitCase, ExitDecision, NearMatch, NoEntry, Risk, Standing};
use crate::lane::guard::{self, Doubt, WhenGuarded};
use crate::lane::near;
use crate::lane::number::{SessionId, charges_by};
use crate::lane::plate::PlateNumber;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::reading::PlateRead;
use crate::lane::session::{Ending, LaneId, Session};
use crate::lane::tariff::Quote;
use crate::lane::time::{Now, Stamp};

/// Stays that are shown to the attendant for a plate without an entry.
const CANDIDATES_MAX: usize = 5;

/// A car at the exit with everything that is known of it.
#[derive(Clone, Debug)]
pub(super) struct Leaving {
    pub lane: LaneId,
    pub session: Session,
    pub read: PlateRead,
    pub arrived: Stamp,
    pub stay_ms: Option<u64>,
    pub quote: Quote,
    pub doubts: Vec<Doubt>,
    /// All of it was paid before, and by so much more, fen.
    pub over_fen: Option<u64>,
}

impl Park {
    pub(super) fn at_exit(
        &mut self,
        lane: &LaneId,
        plate: &PlateNumber,
        read: &PlateRead,
        arrived: Stamp,
        turn: &mut Turn,
    ) {
        match self.site.session_of(plate) {
            Some(session) => self.leave_from(session, lane, read, arrived, turn),
            None if self.enters_free(plate, read.color, turn.now()) => {
                let reason = self.right_of(plate, turn.now());
                self.raise(lane, Some(plate.clone()), None, reason, turn);
            }
            None => self.without_entry(lane, plate, read, arrived, turn),
        }
    }

    /// A car whose stay is known.
    pub(super) fn leave_from(
        &mut self,
        session: Session,
        lane: &LaneId,
        read: &PlateRead,
        arrived: Stamp,
        turn: &mut Turn,
    ) {
        if self.leaves_free(&session, read.color, turn.now()) {
            self.leave_by_right(&session, lane, read, turn);
        } else {
            let mut leaving = self.leaving(lane, session, read, arrived);
            if self.debit(&leaving, turn) {
                leaving = self.leaving(lane, leaving.session, read, leaving.arrived);
            }
            self.leave(leaving, turn);
        }
    }

    /// Season ticket or special vehicle. A charge that was made before it had the right goes on.
    fn leave_by_right(
        &mut self,
        session: &Session,
        lane: &LaneId,
        read: &PlateRead,
        turn: &mut Turn,
    ) {
        let reason = self.right_of(&session.plate, turn.now());
        match self.site.claimed.get(&session.id).cloned() {
            Some(trade_no) => self.let_out(session, lane, &trade_no, turn),
            None => self.close_session(session, lane, Ending::Free, 0, turn),
        }
        let plate = read.plate.clone();
        self.raise(lane, plate, Some(session.id.clone()), reason, turn);
    }

    fn right_of(&self, plate: &PlateNumber, now: Now) -> RaiseReason {
        if self.has_permit(plate, now) {
            RaiseReason::Permit
        } else {
            RaiseReason::SpecialVehicle
        }
    }

    /// E3: nothing is known of this plate.
    fn without_entry(
        &mut self,
        lane: &LaneId,
        plate: &PlateNumber,
        read: &PlateRead,
        arrived: Stamp,
        turn: &mut Turn,
    ) {
        if let Some(session) = self.certain_match(plate, read) {
            self.leave_from(session, lane, read, arrived, turn);
            return;
        }
        if self.rules.exit.no_entry == NoEntry::Open {
            let plate = Some(plate.clone());
            self.raise(lane, plate, None, RaiseReason::NoEntryOpen, turn);
            return;
        }
        let candidates = match self.rules.exit.no_entry {
            NoEntry::Ask => self.candidates(plate.as_str()),
            NoEntry::Open | NoEntry::Hold => Vec::new(),
        };
        let reason = HoldReason::NoEntry { candidates };
        self.hold_unread(lane, read, None, reason, turn);
    }

    /// What was read is no plate. What is left of one, its last character cut say, may still tell a
    /// person which stay it is; nothing is charged from it.
    pub(super) fn unread_at_exit(&mut self, lane: &LaneId, read: &PlateRead, turn: &mut Turn) {
        let candidates = match (self.rules.exit.no_entry, &read.raw_plate) {
            (NoEntry::Ask, Some(text)) => self.candidates(text),
            _ => Vec::new(),
        };
        let reason = match candidates.is_empty() {
            true => HoldReason::Unreadable,
            false => HoldReason::NoEntry { candidates },
        };
        self.hold_unread(lane, read, None, reason, turn);
    }

    /// Stays that a person may find the car to be, best first.
    fn candidates(&self, read: &str) -> Vec<SessionId> {
        let inside = self.site.plates_inside();
        let near = near::ranked(read, inside, &self.near_rules(), CANDIDATES_MAX);
        near.into_iter()
            .filter_map(|(_, plate)| self.site.session_of(plate))
            .map(|session| session.id)
            .collect()
    }

    pub(super) fn near_rules(&self) -> near::Rules {
        near::Rules {
            home: self.rules.exit.home_province,
            ..near::Rules::default()
        }
    }

    /// The only stay that a misread plate can mean, where the operator lets that be decided without a
    /// person. Never together with a missing confidence (DESIGN 3.7), nor where the colours differ.
    fn certain_match(&self, plate: &PlateNumber, read: &PlateRead) -> Option<Session> {
        let asks = self.rules.exit.near_match == NearMatch::Ask && !planted!(NearMatchCharged);
        if asks || read.confidence_permille.is_none() {
            return None;
        }
        let inside = self.site.plates_inside();
        let session = match near::best(plate.as_str(), inside, &self.near_rules()) {
            near::Match::Unique { plate, distance } if distance <= near::HalfEdits::ONE_EDIT => {
                self.site.session_of(plate)?
            }
            near::Match::None | near::Match::Unique { .. } | near::Match::Ambiguous { .. } => {
                return None;
            }
        };
        let differs = matches!((session.color, read.color), (Some(a), Some(b)) if a != b);
        (!differs).then_some(session)
    }

    fn leaving(
        &self,
        lane: &LaneId,
        session: Session,
        read: &PlateRead,
        arrived: Stamp,
    ) -> Leaving {
        let stay_ms = session.entered.stay_ms(&arrived);
        let quote = self.rest(&session, stay_ms);
        let over_fen = self.paid_over(&session, &quote, &arrived);
        let mut doubts = session.doubts.clone();
        doubts.extend(guard::doubts_of_read(read, self.min_confidence(lane)));
        doubts.extend(guard::doubts_of_stay(
            stay_ms,
            quote.fee_fen,
            &self.rules.guard,
        ));
        if self.site.visits.are_unclear(&session.id) {
            doubts.push(Doubt::ZoneUnclear);
        }
        doubts.sort_unstable();
        doubts.dedup();
        if planted!(GuardIgnored) {
            doubts.clear();
        }
        Leaving {
            lane: lane.clone(),
            session,
            read: read.clone(),
            arrived,
            stay_ms,
            quote,
            doubts,
            over_fen,
        }
    }

    /// What the table says of it.
    fn leave(&mut self, leaving: Leaving, turn: &mut Turn) {
        if self.goes_on_with_a_charge(&leaving, turn) || self.leaves_prepaid(&leaving, turn) {
            return;
        }
        let case = ExitCase {
            fee_fen: leaving.quote.fee_fen,
            doubts: &leaving.doubts,
            standing: self.standing(&leaving.session, &turn.at),
            risk: self.risk(&leaving.session.plate),
        };
        let decision = exit::decide(&case, &self.rules.exit, self.rules.guard.at_exit);
        let is_registered = matches!(case.standing, Standing::Registered { .. });
        match decision {
            ExitDecision::LeaveFree => {
                self.close_session(&leaving.session, &leaving.lane, Ending::Free, 0, turn);
                self.raise_for(&leaving, RaiseReason::Free, turn);
            }
            ExitDecision::Review(at_exit) => self.review(leaving, at_exit, turn),
            ExitDecision::File | ExitDecision::RegisterThenFile => {
                let trade_no = self.claim_to_file(&leaving, is_registered, turn);
                self.wait(&leaving, trade_no, turn);
            }
            ExitDecision::LetOut(reason) => {
                let trade_no = self.claim_to_file(&leaving, false, turn);
                self.let_out(&leaving.session, &leaving.lane, &trade_no, turn);
                self.raise_for(&leaving, reason, turn);
            }
            ExitDecision::Hold(reason) => self.hold(&leaving, reason, None, turn),
            ExitDecision::HoldAndFile(reason) => {
                let trade_no = self.claim_to_file(&leaving, false, turn);
                self.hold(&leaving, reason, Some(trade_no), turn);
            }
        }
    }

    /// A charge of this stay exists already: the car was held, turned back, or the box restarted. It is
    /// not made a second time, and its fee stands. The car waits for it once more, within one budget;
    /// a charge whose outcome is unknown is looked for in that time, and if nothing is found out the
    /// table's rows for a silent WeChat decide.
    fn goes_on_with_a_charge(&mut self, leaving: &Leaving, turn: &mut Turn) -> bool {
        let session = &leaving.session;
        let Some(trade_no) = self.site.claimed.get(&session.id).cloned() else {
            return false;
        };
        self.review_longer_stay(leaving, &trade_no, turn);
        if let Some(reason) = self.desk_reason(&trade_no) {
            self.hold(leaving, reason, Some(trade_no), turn);
        } else if self.queue.book().charge(&trade_no).is_some() {
            self.wait(leaving, trade_no, turn);
        } else {
            let reason = RaiseReason::Settled {
                trade_no: trade_no.clone(),
            };
            self.let_out(session, &leaving.lane, &trade_no, turn);
            self.raise_for(leaving, reason, turn);
        }
        true
    }

    /// One stay is charged once. If it went on after the charge was made, a person should look.
    fn review_longer_stay(&mut self, leaving: &Leaving, trade_no: &str, turn: &mut Turn) {
        let charge = self.queue.book().unfinished(trade_no);
        let claimed_fen = charge.as_ref();
        let claimed_fen = claimed_fen.map_or(leaving.quote.fee_fen, Charge::fee_fen);
        let is_reviewed = self.site.reviews.contains_key(&leaving.session.id);
        if (leaving.quote.fee_fen > claimed_fen || charge.is_none()) && !is_reviewed {
            let review = self.review_of(leaving, ReviewWhy::StayedAfterCharge, &turn.at);
            self.open_review(review, turn);
        }
    }

    /// The car stands there until its charge is taken on, at most for the budget.
    fn wait(&mut self, leaving: &Leaving, trade_no: String, turn: &mut Turn) {
        let deadline = turn.moment().after_ms(self.rules.exit.budget_ms);
        let hold = self.site.holds.get(&leaving.lane);
        let same = hold.filter(|hold| hold.plate == leaving.read.plate);
        let since = same.map(|hold| hold.since.clone());
        let until = self.mind(&leaving.lane).held_until;
        let held = since.map(|since| Held { since, until });
        self.end_hold(&leaving.lane, turn);
        let session = leaving.session.id.clone();
        self.queue.hurry(&session, deadline, turn.now());
        self.mind(&leaving.lane).car = Some(Arc::new(Car {
            session,
            plate: leaving.session.plate.clone(),
            read: leaving.read.clone(),
            arrived: leaving.arrived.clone(),
            held,
            deadline,
            stage: Stage::Filing { trade_no },
        }));
    }

    /// Makes a claim that is to be filed. A stay that was free when it began has no entry yet.
    fn claim_to_file(&mut self, leaving: &Leaving, despite_block: bool, turn: &mut Turn) -> String {
        let session = &leaving.session;
        if self.queue.book().entry(&session.id).is_none() {
            self.with_queue(turn, |queue, at, out| {
                queue.open_entry(session, at.now, out)
            });
        }
        let opening = Opening::ToFile { despite_block };
        self.claim(leaving, opening, turn)
    }

    fn review(&mut self, leaving: Leaving, at_exit: WhenGuarded, turn: &mut Turn) {
        let why = ReviewWhy::Guarded(leaving.doubts.clone());
        let review = self.review_of(&leaving, why, &turn.at);
        self.open_review(review, turn);
        let doubts = leaving.doubts.clone();
        match at_exit {
            WhenGuarded::Hold => self.hold(&leaving, HoldReason::Guarded(doubts), None, turn),
            WhenGuarded::Open => {
                let trade_no = (leaving.quote.fee_fen > 0).then(|| {
                    let opening = Opening::ToStaff(StaffReason::Guarded(doubts));
                    self.claim(&leaving, opening, turn)
                });
                let ending = Ending::Reviewed { trade_no };
                let fee_fen = leaving.quote.fee_fen;
                self.close_session(&leaving.session, &leaving.lane, ending, fee_fen, turn);
                self.raise_for(&leaving, RaiseReason::GuardOpen, turn);
            }
        }
    }

    pub(super) fn raise_for(&mut self, leaving: &Leaving, reason: RaiseReason, turn: &mut Turn) {
        let plate = leaving.read.plate.clone();
        let session = Some(leaving.session.id.clone());
        self.raise(&leaving.lane, plate, session, reason, turn);
    }

    /// Makes the claim; its number derives from the stay.
    pub(super) fn claim(&mut self, leaving: &Leaving, opening: Opening, turn: &mut Turn) -> String {
        let trade_no = leaving.session.id.trade_no(0);
        let claim = Claim {
            trade_no: trade_no.clone(),
            session: leaving.session.id.clone(),
            plate: leaving.session.plate.clone(),
            lane: leaving.lane.clone(),
            entered: leaving.session.entered.clone(),
            exited: leaving.arrived.clone(),
            stay_ms: leaving.stay_ms.unwrap_or(0),
            quote: leaving.quote.clone(),
            opening,
        };
        self.with_queue(turn, |queue, at, out| queue.open_charge(claim, at.now, out));
        trade_no
    }

    /// The car leaves; its charge has a life of its own.
    pub(super) fn let_out(
        &mut self,
        session: &Session,
        lane: &LaneId,
        trade_no: &str,
        turn: &mut Turn,
    ) {
        let charge = self.queue.book().unfinished(trade_no);
        let fee_fen = charge.map_or(0, |charge| charge.fee_fen());
        self.with_queue(turn, |queue, _, out| queue.let_out(trade_no, out));
        let ending = Ending::Charged {
            trade_no: trade_no.to_owned(),
        };
        self.close_session(session, lane, ending, fee_fen, turn);
    }

    /// How WeChat stands to a stay.
    pub(super) fn standing(&self, session: &Session, at: &Stamp) -> Standing {
        let Some(entry) = self.queue.book().entry(&session.id) else {
            // Free when it began; an entry can still be made, if WeChat can be told the colour.
            return match session.color {
                Some(_) => Standing::NotYet,
                None => Standing::Never("plate colour unknown".to_owned()),
            };
        };
        if let Some(why) = entry.never() {
            return Standing::Never(why);
        }
        match &entry.state {
            EntryState::Registered { service, as_of, .. } => Standing::Registered {
                service: service.clone(),
                // What has changed since WeChat would have told.
                age_ms: match self.queue.hears_notices(at.now.moment) {
                    true => 0,
                    false => as_of.stay_ms(at).unwrap_or(u64::MAX),
                },
            },
            _ => Standing::NotYet,
        }
    }

    pub(super) fn risk(&self, plate: &PlateNumber) -> Risk {
        let book = self.queue.book();
        Risk {
            silent: self.queue.is_silent(),
            exposure_fen: book.exposure_fen(),
            arrears_fen: book.arrears_of(plate).map_or(0, |owes| owes.fen),
        }
    }

    pub(super) fn hold(
        &mut self,
        leaving: &Leaving,
        reason: HoldReason,
        trade_no: Option<String>,
        turn: &mut Turn,
    ) {
        let hold = Hold {
            lane: leaving.lane.clone(),
            plate: leaving.read.plate.clone(),
            color: leaving.read.color,
            raw_plate: None,
            session: Some(leaving.session.id.clone()),
            reason,
            since: turn.at.clone(),
            arrived: leaving.arrived.clone(),
            quote: Some(leaving.quote.clone()),
            trade_no,
            confidence_permille: leaving.read.confidence_permille,
            nth: 0,
        };
        let hold = self.read_last(hold);
        self.start_hold(hold, turn);
    }

    fn review_of(&self, leaving: &Leaving, why: ReviewWhy, at: &Stamp) -> Review {
        let read = Some(leaving.read.clone());
        Review {
            exited: Some(leaving.arrived.clone()),
            fee_fen: Some(leaving.quote.fee_fen),
            quote: Some(leaving.quote.clone()),
            ..self.review_unseen(&leaving.session, &leaving.lane, why, read, at)
        }
    }

    /// A stay whose exit nobody saw in time.
    pub(super) fn review_unseen(
        &self,
        session: &Session,
        lane: &LaneId,
        why: ReviewWhy,
        read: Option<PlateRead>,
        at: &Stamp,
    ) -> Review {
        let trade_no = self.site.claimed.get(&session.id).cloned();
        Review {
            session: session.id.clone(),
            plate: session.plate.clone(),
            color: session.color,
            entered: session.entered.clone(),
            exited: None,
            at: at.clone(),
            lane: lane.clone(),
            why,
            fee_fen: None,
            quote: None,
            over_fen: None,
            read,
            paid_fen: self.site.paid.get(&session.id).map_or(0, |paid| paid.fen),
            since: PaidSince::default(),
            charges: trade_no.as_deref().map_or(0, charges_by),
            trade_no,
            closed: None,
        }
    }
}
