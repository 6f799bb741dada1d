//! What an exit lane makes of a car: finds its stay, prices it, asks the table what to do.

use super::record::LaneRecord;
use super::state::{Car, Hold, Review, ReviewWhy, Stage};
use super::{Park, Turn};
use crate::charges::charge::{Claim, Opening, StaffReason};
use crate::charges::entry::EntryState;
use crate::lane::exit::{self, ExitCase, ExitDecision, NearMatch, NoEntry, Risk, Standing};
use crate::lane::guard::{self, Doubt, WhenGuarded};
use crate::lane::near;
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::reading::PlateRead;
use crate::lane::session::{Ending, LaneId, Session};
use crate::lane::tariff::{Quote, Stay};
use crate::lane::time::Stamp;

/// A stay shorter than this costs nothing (WeChat wants an end after its start and before now).
const SHORTEST_CHARGED_MS: u64 = 2_000;
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
        let known = self.site.session_of(plate).cloned();
        if self.is_free_of_charge(plate, read.color) {
            self.leave_by_right(lane, plate, known, turn);
            return;
        }
        match known {
            Some(session) => {
                let leaving = self.leaving(lane, session, read, arrived, Vec::new());
                self.leave(leaving, turn);
            }
            None => self.without_entry(lane, plate, read, arrived, turn),
        }
    }

    /// Season ticket or special vehicle.
    fn leave_by_right(
        &mut self,
        lane: &LaneId,
        plate: &PlateNumber,
        session: Option<Session>,
        turn: &mut Turn,
    ) {
        let reason = if self.rules.lists.permits.contains(plate) {
            RaiseReason::Permit
        } else {
            RaiseReason::SpecialVehicle
        };
        let id = session.as_ref().map(|session| session.id.clone());
        if let Some(session) = session {
            self.close_session(&session, lane, Ending::Free, 0, turn);
        }
        self.raise(lane, Some(plate.clone()), id, reason, turn);
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
        let inside = || self.site.plates_inside().map(|(plate, _)| plate);
        let rules = near::Rules::default();
        if self.rules.exit.near_match == NearMatch::Auto
            && read.confidence_permille.is_some()
            && let near::Match::Unique {
                plate: near_plate,
                distance,
            } = near::best(plate.as_str(), inside(), &rules)
            && distance <= near::HalfEdits::ONE_EDIT
            && let Some(session) = self.site.session_of(near_plate).cloned()
        {
            let leaving = self.leaving(lane, session, read, arrived, Vec::new());
            self.leave(leaving, turn);
            return;
        }
        if self.rules.exit.no_entry == NoEntry::Open {
            self.raise(
                lane,
                Some(plate.clone()),
                None,
                RaiseReason::NoEntryOpen,
                turn,
            );
            return;
        }
        let ranked = near::ranked(plate.as_str(), inside(), &rules, CANDIDATES_MAX);
        let candidates: Vec<SessionId> = ranked
            .into_iter()
            .filter_map(|(_, plate)| self.site.session_of(plate))
            .map(|session| session.id.clone())
            .collect();
        let reason = HoldReason::NoEntry { candidates };
        self.hold_unread(lane, read, reason, turn);
    }

    fn leaving(
        &self,
        lane: &LaneId,
        session: Session,
        read: &PlateRead,
        arrived: Stamp,
        mut doubts: Vec<Doubt>,
    ) -> Leaving {
        let stay_ms = session.entered.stay_ms(&arrived);
        let quote = self.quote(&session, stay_ms.unwrap_or(0));
        let min = self
            .rules
            .lanes
            .get(lane)
            .and_then(|rules| rules.min_confidence_permille);
        doubts.extend(session.doubts.iter().copied());
        doubts.extend(guard::doubts_of_read(read, min));
        doubts.extend(guard::doubts_of_stay(
            stay_ms,
            quote.fee_fen,
            &self.rules.guard,
        ));
        doubts.sort_unstable();
        doubts.dedup();
        Leaving {
            lane: lane.clone(),
            session,
            read: read.clone(),
            arrived,
            stay_ms,
            quote,
            doubts,
        }
    }

    fn quote(&self, session: &Session, stay_ms: u64) -> Quote {
        if stay_ms < SHORTEST_CHARGED_MS {
            return Quote {
                fee_fen: 0,
                lines: Vec::new(),
            };
        }
        let stay = Stay {
            entry: session.entered.now.wall,
            duration_ms: stay_ms,
            color: session.color,
        };
        self.rules.tariff.quote(&stay)
    }

    /// A car whose stay is known.
    fn leave(&mut self, leaving: Leaving, turn: &mut Turn) {
        if self.goes_on_with_a_charge(&leaving, turn) {
            return;
        }
        let case = ExitCase {
            fee_fen: leaving.quote.fee_fen,
            doubts: &leaving.doubts,
            standing: self.standing(&leaving.session.id, &turn.at),
            risk: self.risk(&leaving.session.plate),
        };
        let decision = exit::decide(&case, &self.rules.exit, self.rules.guard.at_exit);
        match decision {
            ExitDecision::LeaveFree => {
                self.close_session(&leaving.session, &leaving.lane, Ending::Free, 0, turn);
                self.raise_for(&leaving, RaiseReason::Free, turn);
            }
            ExitDecision::Review(at_exit) => self.review(leaving, at_exit, turn),
            ExitDecision::File | ExitDecision::RegisterThenFile => {
                let despite_block = matches!(case.standing, Standing::Registered { .. });
                self.file_and_wait(leaving, despite_block, turn);
            }
            ExitDecision::LetOut(reason) => {
                let trade_no = self.claim(&leaving, to_file(false), turn);
                self.let_out(&leaving.session, &leaving.lane, &trade_no, turn);
                self.raise_for(&leaving, reason, turn);
            }
            ExitDecision::Hold(reason) => self.hold(&leaving, reason, None, turn),
            ExitDecision::HoldAndFile(reason) => {
                let trade_no = self.claim(&leaving, to_file(false), turn);
                self.hold(&leaving, reason, Some(trade_no), turn);
            }
        }
    }

    /// A charge of this stay exists already: after a restart, or because the car turned back. It is
    /// not made a second time, and its fee stands.
    fn goes_on_with_a_charge(&mut self, leaving: &Leaving, turn: &mut Turn) -> bool {
        let session = &leaving.session;
        let book = self.queue.book();
        let of_session = book.charges_of_session(&session.plate, &session.id);
        let Some(trade_no) = of_session.map(|c| c.claim.trade_no.clone()).last() else {
            return self.was_paid_already(leaving, turn);
        };
        if let Some(reason) = book
            .on_desk(&trade_no)
            .map(|_| HoldReason::Refused(String::new()))
        {
            let reason = self.desk_reason(&trade_no).unwrap_or(reason);
            self.hold(leaving, reason, Some(trade_no), turn);
            return true;
        }
        let deadline = turn.moment().after_ms(self.rules.exit.budget_ms);
        self.wait(leaving, Stage::Filing { trade_no }, deadline, turn);
        true
    }

    /// Its charge was settled while it was still inside: one stay is charged once.
    fn was_paid_already(&mut self, leaving: &Leaving, turn: &mut Turn) -> bool {
        let Some(trade_no) = self.site.claimed.get(&leaving.session.id).cloned() else {
            return false;
        };
        let review = review_of(leaving, ReviewWhy::StayedAfterCharge, &turn.at);
        self.lane_record(LaneRecord::ReviewOpened { review }, turn);
        let ending = Ending::Charged {
            trade_no: trade_no.clone(),
        };
        self.close_session(&leaving.session, &leaving.lane, ending, 0, turn);
        self.raise_for(leaving, RaiseReason::Settled { trade_no }, turn);
        true
    }

    fn file_and_wait(&mut self, leaving: Leaving, despite_block: bool, turn: &mut Turn) {
        let trade_no = self.claim(&leaving, to_file(despite_block), turn);
        let deadline = turn.moment().after_ms(self.rules.exit.budget_ms);
        self.wait(&leaving, Stage::Filing { trade_no }, deadline, turn);
    }

    fn wait(
        &mut self,
        leaving: &Leaving,
        stage: Stage,
        deadline: crate::lane::time::Moment,
        turn: &mut Turn,
    ) {
        self.end_hold(&leaving.lane, turn);
        self.queue.hurry(&leaving.session.id, deadline, turn.now());
        self.mind(&leaving.lane).car = Some(Car {
            session: leaving.session.id.clone(),
            plate: leaving.session.plate.clone(),
            read: leaving.read.clone(),
            arrived: leaving.arrived.clone(),
            deadline,
            stage,
        });
    }

    fn review(&mut self, leaving: Leaving, at_exit: WhenGuarded, turn: &mut Turn) {
        let review = review_of(
            &leaving,
            ReviewWhy::Guarded(leaving.doubts.clone()),
            &turn.at,
        );
        self.lane_record(LaneRecord::ReviewOpened { review }, turn);
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

    fn raise_for(&mut self, leaving: &Leaving, reason: RaiseReason, turn: &mut Turn) {
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
        let charge = self.queue.book().charge(trade_no);
        let fee_fen = charge.map(|charge| charge.fee_fen());
        let on_desk = self
            .queue
            .book()
            .on_desk(trade_no)
            .map(|charge| charge.fee_fen());
        self.with_queue(turn, |queue, _, out| queue.let_out(trade_no, out));
        let ending = Ending::Charged {
            trade_no: trade_no.to_owned(),
        };
        self.close_session(
            session,
            lane,
            ending,
            fee_fen.or(on_desk).unwrap_or(0),
            turn,
        );
    }

    /// How WeChat stands to a stay.
    pub(super) fn standing(&self, session: &SessionId, at: &Stamp) -> Standing {
        let Some(entry) = self.queue.book().entry(session) else {
            return Standing::Never("no entry was made".to_owned());
        };
        if let Some(why) = entry.never() {
            return Standing::Never(why);
        }
        match &entry.state {
            EntryState::Registered { service, as_of, .. } => Standing::Registered {
                service: service.clone(),
                age_ms: as_of.stay_ms(at).unwrap_or(u64::MAX),
            },
            _ => Standing::NotYet,
        }
    }

    pub(super) fn risk(&self, plate: &PlateNumber) -> Risk {
        let book = self.queue.book();
        Risk {
            silent: self.queue.is_silent(),
            exposure_fen: book.exposure_fen(),
            has_arrears: book.has_arrears(plate),
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
        };
        self.start_hold(hold, turn);
    }
}

fn to_file(despite_block: bool) -> Opening {
    Opening::ToFile { despite_block }
}

fn review_of(leaving: &Leaving, why: ReviewWhy, at: &Stamp) -> Review {
    Review {
        session: leaving.session.id.clone(),
        plate: leaving.session.plate.clone(),
        entered: leaving.session.entered.clone(),
        at: at.clone(),
        lane: leaving.lane.clone(),
        why,
        fee_fen: Some(leaving.quote.fee_fen),
        read: Some(leaving.read.clone()),
    }
}
