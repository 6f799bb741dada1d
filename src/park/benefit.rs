//! What is in a driver's favour and handed in while the car is inside: coupons, time on the charger. It is
//! taken off the fee when the stay is priced, each under its number, and each number once.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::LaneRecord;
use super::reply::{Done, Refusal, Undecided};
use super::state::Hold;
use super::verdict::Word;
use super::{Park, Turn};
use crate::lane::number::SessionId;
use crate::lane::raise::RaiseReason;
use crate::lane::session::{Ending, Session};
use crate::lane::tariff::Benefit;

/// Numbers of coupons that are remembered after their stay; the oldest go first.
const SPENT_MAX: usize = 20_000;
/// Benefits that one stay takes.
const OF_A_STAY_MAX: usize = 16;

/// One coupon, or one time on the charger.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Given {
    /// Its own number: the coupon's, or that of the charging order.
    pub number: String,
    /// What it is worth.
    pub benefit: Benefit,
}

/// What a person, or another system, wants with a stay's benefits.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BenefitChange {
    /// It is handed in.
    Give(Given),
    /// It was handed in by mistake, and may be handed in elsewhere.
    TakeBack {
        /// Its number.
        number: String,
    },
}

/// The benefits of stays that may still be priced, and the numbers that were handed in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Benefits {
    of: BTreeMap<SessionId, Vec<Given>>,
    /// In which order they were handed in, by their number.
    spent: BTreeMap<String, u64>,
    count: u64,
}

impl Benefits {
    /// Whether nothing was ever handed in.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// Of one stay.
    pub fn of(&self, session: &SessionId) -> &[Given] {
        self.of.get(session).map_or(&[], |given| given)
    }

    /// As the price list takes them.
    pub fn to_price(&self, session: &SessionId) -> Vec<Benefit> {
        let given = self.of(session).iter();
        given.map(|given| given.benefit.clone()).collect()
    }

    pub(super) fn give(&mut self, session: &SessionId, given: &Given) {
        self.count = self.count.saturating_add(1);
        self.spent.insert(given.number.clone(), self.count);
        if self.spent.len() > SPENT_MAX {
            let oldest = self.spent.iter().min_by_key(|(_, count)| **count);
            if let Some(oldest) = oldest.map(|(number, _)| number.clone()) {
                self.spent.remove(&oldest);
            }
        }
        let of = self.of.entry(session.clone()).or_default();
        of.push(given.clone());
    }

    pub(super) fn take_back(&mut self, session: &SessionId, number: &str) {
        self.spent.remove(number);
        if let Some(of) = self.of.get_mut(session) {
            of.retain(|given| given.number != number);
        }
    }

    /// Forgets those of stays that nobody prices any more. Their numbers stay spent.
    pub(super) fn keep(&mut self, is_priced: impl Fn(&SessionId) -> bool) {
        self.of.retain(|session, _| is_priced(session));
    }
}

impl Park {
    pub(super) fn benefit_changed(
        &mut self,
        session: &SessionId,
        change: &BenefitChange,
        word: Word<'_>,
        turn: &mut Turn,
    ) {
        let changed = self.change_benefit(session, change, word, turn);
        turn.reply = Some(changed.map_err(|why| Refusal::Review {
            session: session.clone(),
            why,
        }));
    }

    fn change_benefit(
        &mut self,
        session: &SessionId,
        change: &BenefitChange,
        word: Word<'_>,
        turn: &mut Turn,
    ) -> Result<Done, Undecided> {
        if self.queue.is_paused() {
            return Err(Undecided::StoreFailed);
        }
        let open = self.site.session(session).ok_or(Undecided::NotInside)?;
        if let Some(trade_no) = self.site.claimed.get(session) {
            let trade_no = trade_no.clone();
            return Err(Undecided::ChargeMade { trade_no });
        }
        let held = self.site.benefits.of(session);
        let (by, why) = (word.by.to_owned(), word.why.to_owned());
        let (session, plate, at) = (session.clone(), open.plate.clone(), turn.at.clone());
        let record = match change {
            BenefitChange::Give(given) => {
                let number = given.number.clone();
                let is_spent = self.site.benefits.spent.contains_key(&number);
                if is_spent && !planted!(CouponTakenTwice) {
                    return Err(Undecided::NumberUsed { number });
                }
                if held.len() >= OF_A_STAY_MAX {
                    return Err(Undecided::TooManyBenefits);
                }
                LaneRecord::BenefitGiven {
                    session,
                    plate,
                    given: given.clone(),
                    by,
                    why,
                    at,
                }
            }
            BenefitChange::TakeBack { number } => {
                if !held.iter().any(|given| given.number == *number) {
                    let number = number.clone();
                    return Err(Undecided::NoSuchNumber { number });
                }
                LaneRecord::BenefitTakenBack {
                    session,
                    plate,
                    number: number.clone(),
                    by,
                    why,
                    at,
                }
            }
        };
        self.lane_record(record, turn);
        Ok(self.price_anew(&open, turn))
    }

    /// The car may be anywhere inside, or wait at a barrier for a person: then it owes what it owes now, and
    /// goes when that is nothing.
    fn price_anew(&mut self, open: &Session, turn: &mut Turn) -> Done {
        let hold = self.site.newest_hold_of(&open.id).cloned();
        let by_now = hold.as_ref().map_or(&turn.at, |hold| &hold.arrived);
        let stay_ms = open.entered.stay_ms(by_now);
        let quote = self.rest(open, stay_ms);
        let rest_fen = quote.fee_fen;
        let hold = hold.filter(|hold| stay_ms.is_some() && hold.quote.is_some());
        match hold {
            Some(hold) if rest_fen == 0 && self.site.paid.contains_key(&open.id) => {
                let paid_fen = self.site.paid.get(&open.id).map_or(0, |paid| paid.fen);
                let due = self.quote(open, stay_ms.unwrap_or(0)).fee_fen;
                self.close_prepaid(open, &hold.lane, paid_fen.saturating_sub(due), turn);
                self.open_for(open, hold, RaiseReason::Prepaid, turn);
            }
            Some(hold) if rest_fen == 0 => {
                self.close_session(open, &hold.lane, Ending::Free, 0, turn);
                self.open_for(open, hold, RaiseReason::Free, turn);
            }
            Some(hold) => {
                let hold = Hold {
                    quote: Some(quote),
                    ..hold
                };
                self.lane_record(LaneRecord::HoldStarted { hold }, turn);
            }
            None => {}
        }
        Done::BenefitNoted {
            session: open.id.clone(),
            rest_fen,
        }
    }

    fn open_for(&mut self, open: &Session, hold: Hold, reason: RaiseReason, turn: &mut Turn) {
        let session = Some(open.id.clone());
        self.raise(&hold.lane, hold.plate, session, reason, turn);
    }
}
