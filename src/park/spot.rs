//! Cars at the exit whose plates cannot be charged: their drivers pay on the spot, by scanning a code. What is
//! wanted is worked out anew after every event, and the orders are brought in line with it.

use std::collections::BTreeMap;

use super::event::Event;
use super::payment::{PaidStay, Taking};
use super::reply::{Done, Refusal};
use super::rules::Direction;
use super::state::Hold;
use super::verdict::Word;
use super::{Park, Turn};
use crate::charges::agenda::Errand;
use crate::charges::queue::Out;
use crate::charges::refunding::RefundWish;
use crate::charges::spot::{GivenUp, Spot, SpotClaim, SpotPaid};
use crate::charges::spots::OF_ONE_STAY_MAX;
use crate::lane::number::SessionId;
use crate::lane::raise::HoldReason;
use crate::lane::session::LaneId;

/// How such a payment is named among payments.
pub const CHANNEL: &str = "wechat_native";
/// Who takes it.
pub const BY: &str = "WeChat";
/// Who gives back what was too much.
const PARKGATE: &str = "parkgate";
/// What the driver reads of that.
const TOO_MUCH: &str = "停车费多付退款";

/// A driver who may pay on the spot.
struct Wanted {
    lane: LaneId,
    fen: u64,
}

impl Park {
    pub(super) fn about_spot(&mut self, event: &Event, turn: &mut Turn) {
        if let Event::SpotEnded {
            number,
            is_paid,
            by,
            why,
        } = event
        {
            return self.spot_ended(number, *is_paid, Word { by, why }, turn);
        }
        if self.queue.is_paused() {
            // Money that nobody can take down is asked about again.
            let (number, errand) = match event {
                Event::SpotAnswered { number, .. } => (number, Errand::Spot),
                Event::SpotQueryAnswered { number, .. } => (number, Errand::QuerySpot),
                Event::SpotCloseAnswered { number, .. } => (number, Errand::CloseSpot),
                _ => return,
            };
            self.queue.spot_unheard(number, errand, &turn.at);
            return;
        }
        let (mut out, merchant) = (Out::default(), &self.rules.merchant);
        let (queue, at) = (&mut self.queue, &turn.at);
        match event {
            Event::SpotAnswered { number, heard } => {
                queue.spot_answered(number, heard, at, &mut out);
            }
            Event::SpotQueryAnswered { number, heard } => {
                queue.spot_query_answered(number, heard, at, &mut out);
            }
            Event::SpotCloseAnswered { number, heard } => {
                queue.spot_close_answered(number, heard, at, merchant, &mut out);
            }
            _ => {}
        }
        self.take_over(out, turn);
    }

    fn spot_ended(&mut self, number: &str, is_paid: bool, word: Word<'_>, turn: &mut Turn) {
        let word = format!("{}: {}", word.by, word.why);
        let ended = self.with_queue(turn, |queue, at, out| {
            queue.end_spot_by_word(number, is_paid, &word, at, out)
        });
        let number = number.to_owned();
        turn.reply = Some(match ended {
            Ok(fen) => Ok(Done::CodeEnded {
                number,
                fen,
                is_paid,
            }),
            Err(why) => Err(Refusal::Code { number, why }),
        });
    }

    /// One order for each car that may pay so, over what is due by now; no other.
    pub(super) fn paid_by_code(&mut self, turn: &mut Turn) {
        if self.queue.is_paused() {
            return;
        }
        let wanted = self.wanted_by_code();
        self.queue
            .keep_refused_spots(turn.moment(), |session| wanted.contains_key(session));
        let open = self.queue.book().spots().open();
        let open = open.filter(|spot| spot.given_up.is_none());
        // A clock that is not trusted says nothing of an order's time.
        let has_run_out = |spot: &Spot| turn.now().trusted && spot.ends() <= turn.now().wall;
        let open: Vec<(SpotClaim, bool)> = open
            .map(|spot| (spot.claim.clone(), has_run_out(spot)))
            .collect();
        for (claim, has_run_out) in open {
            let here = wanted.get(&claim.session);
            let why = match here.filter(|wanted| wanted.lane == claim.lane) {
                Some(wanted) if wanted.fen != claim.fen => GivenUp::OtherSum,
                Some(_) if has_run_out => GivenUp::RanOut,
                Some(_) => continue,
                None => GivenUp::NotHeld,
            };
            self.with_queue(turn, |queue, at, out| {
                queue.give_spot_up(&claim.number, why, at, out);
            });
        }
        for (session, Wanted { lane, fen }) in wanted {
            let asked = self.site.spots.get(&session).copied().unwrap_or_default();
            let may = self.queue.may_ask_spot(&session, turn.moment());
            let Some(open) = self.site.session(&session) else {
                continue;
            };
            if !may || asked >= OF_ONE_STAY_MAX {
                continue;
            }
            let claim = SpotClaim {
                number: session.spot_no(asked),
                session,
                plate: open.plate,
                lane,
                entered: open.entered,
                fen,
                at: turn.at.clone(),
            };
            self.with_queue(turn, |queue, at, out| queue.ask_spot(claim, at.now, out));
        }
    }

    /// Who stands at an exit, cannot be charged, and owes something that WeChat is not asked for otherwise.
    fn wanted_by_code(&self) -> BTreeMap<SessionId, Wanted> {
        let mut wanted = BTreeMap::new();
        if !self.rules.exit.pay_by_code {
            return wanted;
        }
        // Where a stay was read last, there its driver is shown the code.
        let mut holds: Vec<&Hold> = self.site.holds.values().collect();
        holds.sort_by_key(|hold| hold.nth);
        for hold in holds {
            if let (Some(session), Some(fen)) = (&hold.session, self.due_by_code(hold)) {
                let lane = hold.lane.clone();
                wanted.insert(session.clone(), Wanted { lane, fen });
            }
        }
        wanted
    }

    /// Where the car of a stay waits that was paid for: of those lanes that a code is shown at, if it was paid by
    /// one, where it was read last.
    pub(super) fn held_to_pay(&self, session: &SessionId, turn: &Turn) -> Option<&Hold> {
        let by_code = turn.by_code.as_ref();
        self.site.holds_of(session).max_by_key(|hold| {
            let is_shown = by_code.is_some() && self.due_by_code(hold).is_some();
            (is_shown, hold.nth)
        })
    }

    fn due_by_code(&self, hold: &Hold) -> Option<u64> {
        let session = hold.session.as_ref()?;
        let is_exit = self.direction(&hold.lane) == Some(Direction::Exit);
        let fen = match (&hold.trade_no, self.site.claimed.get(session)) {
            (None, None) => hold.quote.as_ref()?.fee_fen,
            // What is with the staff WeChat has not got, and nobody files it.
            (Some(trade_no), Some(claimed)) if trade_no == claimed => {
                self.queue.book().on_desk(trade_no)?.fee_fen()
            }
            _ => return None,
        };
        let is_payable = is_exit && fen > 0 && self.site.is_open(session);
        (is_payable && cannot_be_charged(&hold.reason)).then_some(fen)
    }

    /// The driver paid: the stay owes so much less, and its car goes when nothing is left. What is too much,
    /// since somebody paid otherwise meanwhile, goes back.
    pub(super) fn spot_paid(&mut self, paid: &SpotPaid, turn: &mut Turn) {
        let claim = &paid.claim;
        let is_late = |hold: &Hold| hold.session.as_ref() != Some(&claim.session);
        if planted!(LateCodeForgotten) && self.site.holds.values().all(is_late) {
            return;
        }
        let taking = Taking {
            stay: PaidStay {
                session: claim.session.clone(),
                plate: claim.plate.clone(),
                lane: claim.lane.clone(),
                entered: claim.entered.clone(),
            },
            fen: claim.fen,
            channel: CHANNEL.to_owned(),
            by: BY.to_owned(),
            regardless: true,
        };
        turn.by_code = Some(claim.clone());
        // The money is there, whatever may be done with it.
        if self.take_payment(&taking, turn).is_err() {
            self.note_over_payment(&taking, taking.fen, turn);
        }
        turn.by_code = None;
    }

    /// Whether what was paid too much was paid by the order at hand, and goes back the way that it came. Not
    /// where a person has to look at the stay anyway: then it may be due after all.
    pub(super) fn goes_back_by_itself(
        &mut self,
        stay: &PaidStay,
        over_fen: u64,
        turn: &mut Turn,
    ) -> bool {
        let Some(spot) = turn.by_code.clone() else {
            return false;
        };
        let is_clear = spot.session == stay.session
            && over_fen <= spot.fen
            && !self.site.is_under_review(&stay.session);
        if !is_clear {
            return false;
        }
        let wish = RefundWish {
            trade_no: spot.number,
            session: spot.session,
            plate: spot.plate,
            charged_fen: spot.fen,
            exited: turn.now().wall,
            sent_for: None,
            fen: Some(over_fen),
            corrects: false,
            by: PARKGATE.to_owned(),
            why: TOO_MUCH.to_owned(),
        };
        let asked = self.with_queue(turn, |queue, at, out| queue.ask_refund(wish, at, out));
        asked.is_ok()
    }
}

/// Whether nothing can be had of WeChat for this plate, or this time.
fn cannot_be_charged(reason: &HoldReason) -> bool {
    match reason {
        HoldReason::Blocked(_)
        | HoldReason::NotRegistered(_)
        | HoldReason::Refused(_)
        | HoldReason::PaymentFailed => true,
        HoldReason::BlockListed
        | HoldReason::Full
        | HoldReason::Unreadable
        | HoldReason::NoEntry { .. }
        | HoldReason::Silent
        | HoldReason::Arrears { .. }
        | HoldReason::NotYetPaid
        | HoldReason::Guarded(_)
        | HoldReason::BarrierStuck => false,
    }
}
