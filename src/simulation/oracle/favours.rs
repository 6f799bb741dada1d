//! What is in drivers' favour: coupons that were handed in, and money in store. And the price of a stay, which
//! both lower.

use std::collections::{BTreeMap, BTreeSet};

use super::{Oracle, Rule, Verdict, hold, price};
use crate::lane::listing::List;
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::tariff::Tariff;
use crate::lane::time::Stamp;
use crate::park::benefit::Given;
use crate::park::event::Event;
use crate::park::record::LaneRecord;

/// By the records.
#[derive(Default)]
pub struct Favours {
    given: BTreeMap<SessionId, Vec<Given>>,
    /// Numbers that were handed in, and not taken back.
    spent: BTreeSet<String>,
    /// What plates have in store, fen.
    balances: BTreeMap<PlateNumber, u64>,
    /// Stays that took anything out of store.
    pub from_store: BTreeSet<SessionId>,
    /// The newest debit for a stay, fen.
    pub debited: Option<(SessionId, u64)>,
}

impl Favours {
    pub fn apply(&mut self, record: &LaneRecord) {
        match record {
            LaneRecord::BenefitGiven { session, given, .. } => {
                self.spent.insert(given.number.clone());
                let of_stay = self.given.entry(session.clone()).or_default();
                of_stay.push(given.clone());
            }
            LaneRecord::BenefitTakenBack {
                session, number, ..
            } => {
                self.spent.remove(number);
                let of_stay = self.given.entry(session.clone()).or_default();
                of_stay.retain(|given| given.number != *number);
            }
            LaneRecord::BalanceChanged {
                plate,
                fen,
                left_fen,
                session,
                ..
            } => {
                self.balances.insert(plate.clone(), *left_fen);
                self.from_store.extend(session.clone());
                self.debited = session.clone().map(|session| (session, fen.unsigned_abs()));
            }
            _ => {}
        }
    }

    /// Stays for which anything is handed in.
    pub fn coupons(&self) -> impl Iterator<Item = &SessionId> {
        let given = self.given.iter().filter(|(_, given)| !given.is_empty());
        given.map(|(session, _)| session)
    }

    fn of(&self, session: &SessionId) -> &[Given] {
        self.given.get(session).map_or(&[], Vec::as_slice)
    }
}

impl Oracle {
    /// What a stay so long costs where it was, with what was handed in for it, fen; nothing that was paid is taken off.
    pub(super) fn fee_fen(&self, tariff: &Tariff, session: &SessionId, stay_ms: u64) -> u64 {
        let (given, within) = (self.model.favours.of(session), self.model.zones.of(session));
        price::fee_fen(tariff, stay_ms, given, within)
    }

    /// Each number is taken once, and for nothing that is claimed already.
    pub(super) fn judge_favour(&self, record: &LaneRecord) -> Verdict {
        let (session, by) = match record {
            LaneRecord::BenefitGiven {
                session, given, by, ..
            } => {
                let is_new = !self.model.favours.spent.contains(&given.number);
                hold(is_new, Rule::PaidOnce, || {
                    format!("{} was handed in before", given.number)
                })?;
                (session, by)
            }
            LaneRecord::BenefitTakenBack { session, by, .. } => (session, by),
            _ => return Ok(()),
        };
        let head = self.model.head.as_ref().map(|head| &head.event);
        let said = matches!(head, Some(Event::BenefitChanged { by: who, .. }) if who == by);
        hold(said, Rule::APersonSaidSo, || {
            format!("{record:?} follows from {head:?}")
        })?;
        let mut charges = self.model.charges.values();
        let is_open = self.model.open.contains_key(session);
        let is_claimed = charges.any(|charge| charge.claim.session == *session);
        hold(is_open && !is_claimed, Rule::PaidOnce, || {
            format!("{record:?}, and the stay is claimed: {is_claimed}, open: {is_open}")
        })
    }

    /// At the till a person says so; at the exit a stay takes what it costs, and no more than there is.
    pub(super) fn judge_store(&self, record: &LaneRecord) -> Verdict {
        let LaneRecord::BalanceChanged {
            plate,
            fen,
            left_fen,
            session,
            by,
            at,
            ..
        } = record
        else {
            return Ok(());
        };
        let before_fen = self.model.favours.balances.get(plate).copied().unwrap_or(0);
        let adds_up = before_fen.checked_add_signed(*fen) == Some(*left_fen);
        hold(adds_up, Rule::PaidOnce, || {
            format!("{record:?}, and there were {before_fen} fen")
        })?;
        let head = self.model.head.as_ref().map(|head| &head.event);
        let Some(session) = session else {
            let said = matches!(head, Some(Event::BalanceChanged { by: who, .. }) if who == by);
            return hold(said, Rule::APersonSaidSo, || {
                format!("{record:?} follows from {head:?}")
            });
        };
        let stay = self.model.open.get(session);
        let arrived = self.arrived_by_head(at);
        let stay_ms = stay.and_then(|stay| price::stay_ms(&stay.entered, &arrived));
        let due_fen = stay_ms.map(|ms| {
            let fee_fen = self.fee_fen(&self.rules.tariff, session, ms);
            fee_fen.saturating_sub(self.advance_fen(session))
        });
        let is_due = due_fen.map(|due_fen| due_fen.min(before_fen).cast_signed()) == Some(-fen);
        let card = self.model.listed.get(&(plate.clone(), List::Stored));
        let is_its = stay.is_some_and(|stay| stay.plate == *plate && stay.doubts.is_empty());
        hold(
            *fen < 0 && is_due && is_its && card.is_some(),
            Rule::PaidOnce,
            || format!("{record:?}, {due_fen:?} fen are due of {stay:?}, with {card:?}"),
        )
    }

    /// When the car came that the event at hand is about: by the reading, or, where a person names the plate or
    /// hands something in for one that is held, when it came to the barrier.
    pub(super) fn arrived_by_head(&self, now: &Stamp) -> Stamp {
        let Some(head) = &self.model.head else {
            return now.clone();
        };
        let held = match &head.event {
            Event::PlateNamed { lane, .. } => self.model.last_holds.get(lane),
            Event::BenefitChanged { session, .. } => {
                let mut holds = self.model.last_holds.values();
                holds.find(|hold| hold.session.as_ref() == Some(session))
            }
            _ => None,
        };
        if let Some(hold) = held {
            return hold.arrived.clone();
        }
        let waited_ms = head.waited_ms.unwrap_or(0);
        let mut arrived = Stamp {
            now: head.now,
            box_id: now.box_id.clone(),
        };
        arrived.now.moment.0 -= waited_ms;
        arrived.now.wall.0 -= i64::try_from(waited_ms).unwrap_or(0);
        arrived
    }
}
