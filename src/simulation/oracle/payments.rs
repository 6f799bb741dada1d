//! Rules about money that comes by other means than the charge, about counted cars and about lists.

use super::charge::Stage;
use super::model::Advance;
use super::{Oracle, Rule, Verdict, hold, price};
use crate::charges::charge::{Claim, Opening};
use crate::charges::payment::{Payment, Toward};
use crate::lane::listing::{List, Listed};
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::session::Session;
use crate::lane::time::{Now, Stamp};
use crate::park::event::Event;
use crate::park::payment::Taking;

impl Oracle {
    /// Somebody said so, and it counts once: for a stay that nothing is claimed for, for a claim that
    /// nobody else takes the money of, or as too much.
    pub(super) fn judge_payment(&self, payment: &Payment) -> Verdict {
        let head = self.model.head.as_ref().map(|head| &head.event);
        // From what the plate has in store, which only the exit's reading can lead to.
        if let Some(Event::PlateRead { .. } | Event::PlateNamed { .. }) = head
            && self.model.favours.debited.as_ref() == Some(&(payment.session.clone(), payment.fen))
        {
            return Ok(());
        }
        let taking = self.taking_of_step();
        let taking = taking.as_ref();
        let said = taking.is_some_and(|taking| {
            taking.stay.session == payment.session
                && taking.by == payment.by
                && taking.fen >= payment.fen
        });
        hold(said, Rule::APersonSaidSo, || {
            format!("{payment:?} follows from {head:?}")
        })?;
        let charges = self.model.charges.values();
        let mut of_stay = charges.filter(|charge| charge.claim.session == payment.session);
        let counts = match &payment.toward {
            Toward::Stay { .. } => {
                let is_open = self.model.open.contains_key(&payment.session);
                is_open && of_stay.all(|charge| charge.is_over())
            }
            Toward::Charge { trade_no } => {
                let charge = self.charge(trade_no)?;
                let may = matches!(charge.stage, Stage::Waiting | Stage::Due | Stage::WithStaff);
                may && payment.fen < charge.claim.quote.fee_fen
            }
            Toward::Nothing => taking.is_some_and(|taking| taking.regardless),
        };
        hold(counts, Rule::PaidOnce, || {
            format!("{payment:?} counts twice, or for nothing that is due")
        })
    }

    /// After a part of it was paid: the same claim over the rest.
    pub(super) fn judge_rest_of_claim(&self, claim: &Claim, taking: &Taking) -> Verdict {
        let charges = self.model.charges.values();
        let of_stay: Vec<_> = charges
            .filter(|charge| charge.claim.session == claim.session)
            .collect();
        let is_new = !self.model.charges.contains_key(&claim.trade_no);
        let rest_is_over = of_stay.iter().all(|charge| charge.is_over());
        hold(is_new && rest_is_over, Rule::OneChargeAStay, || {
            format!("{claim:?} beside another of its stay")
        })?;
        let was = of_stay.iter().rev().find(|it| it.stage == Stage::Replaced);
        let is_the_rest = was.is_some_and(|was| {
            let fee_fen = was.claim.quote.fee_fen;
            fee_fen.checked_sub(taking.fen) == Some(claim.quote.fee_fen)
                && was.claim.plate == claim.plate
                && was.claim.exited == claim.exited
        });
        hold(is_the_rest, Rule::PaidOnce, || {
            format!("{claim:?} is not the rest of {was:?} after {taking:?}")
        })?;
        let was_filed = was.is_some_and(|was| was.body.is_some());
        let is_filed = matches!(claim.opening, Opening::ToFile { .. });
        hold(!was_filed || !is_filed, Rule::OneChargeAStay, || {
            format!("{claim:?} goes to WeChat a second time")
        })
    }

    /// What was paid in advance for a stay is all that it cost by then, or now.
    pub(super) fn is_paid(&self, session: &SessionId, arrived: &Stamp) -> bool {
        let Some(paid) = self.model.advance.get(session) else {
            return false;
        };
        let stay = self.model.stays.get(session);
        let stay_ms = stay.and_then(|stay| price::stay_ms(&stay.entered, arrived));
        let mut tariffs = self.model.tariffs.iter();
        let is_enough = |ms| tariffs.any(|tariff| self.fee_fen(tariff, session, ms) <= paid.fen);
        stay_ms.is_some_and(is_enough) || self.is_quick(paid, arrived)
    }

    fn is_quick(&self, paid: &Advance, arrived: &Stamp) -> bool {
        let since_ms = price::stay_ms(&paid.at, arrived);
        paid.fen >= paid.fee_fen
            && since_ms.is_some_and(|ms| Some(ms) <= self.rules.exit.time_to_leave_ms)
    }

    /// What was paid in advance for it, fen.
    pub(super) fn advance_fen(&self, session: &SessionId) -> u64 {
        self.model.advance.get(session).map_or(0, |paid| paid.fen)
    }

    /// What was taken beyond what was due is on the list, to be given back.
    pub(super) fn judge_over_payments(&self) -> Verdict {
        for (session, over_fen) in &self.model.over_fen {
            let listed_fen = self.model.listed_over_fen.get(session).copied();
            let seen_to_fen = listed_fen.unwrap_or(0) + self.back_fen(session);
            hold(seen_to_fen >= *over_fen, Rule::PaidOnce, || {
                format!("{over_fen} fen too much for {session}, and the list has {listed_fen:?}")
            })?;
        }
        Ok(())
    }

    /// The money that the event at hand says was taken.
    pub(super) fn taking(&self) -> Option<&Taking> {
        match self.model.head.as_ref().map(|head| &head.event) {
            Some(Event::PaymentTaken { taking }) => Some(taking),
            _ => None,
        }
    }

    /// The money that was taken in the step at hand: as its event says, or as WeChat does.
    pub(super) fn taking_of_step(&self) -> Option<Taking> {
        self.taking().cloned().or_else(|| self.taking_by_code())
    }

    /// A person counted, and this many stays were open then.
    pub(super) fn judge_count(&self, inside: u64, open_stays: u64) -> Verdict {
        let head = self.model.head.as_ref().map(|head| &head.event);
        let said = matches!(head, Some(Event::PlacesCounted { inside: n, .. }) if *n == inside);
        let open = u64::try_from(self.model.open.len()).unwrap();
        hold(said && open == open_stays, Rule::CarsAreCounted, || {
            format!("{inside} inside and {open_stays} stays by {head:?}; the model has {open}")
        })
    }

    /// Whether the lists let a plate come and go now, by configuration or by hand.
    pub(super) fn has_permit(&self, plate: &PlateNumber, now: Now) -> bool {
        let by_hand = |list| self.listed(plate, list).is_some_and(|it| holds(it, now));
        self.rules.lists.permits.contains(plate) || by_hand(List::Permit) || by_hand(List::Visitor)
    }

    /// Nobody is let in by a reading whom a list keeps out.
    pub(super) fn judge_blocked(&self, plate: Option<&PlateNumber>, now: Now) -> Verdict {
        let Some(plate) = plate else { return Ok(()) };
        let listed = self.listed(plate, List::Blocked);
        let is_blocked =
            self.rules.lists.blocked.contains(plate) || listed.is_some_and(|it| it.until.is_none());
        hold(!is_blocked, Rule::ListsHold, || {
            format!("a blocked plate is let in, at {now:?}")
        })
    }

    /// A plate that is on a list without an end pays nothing.
    pub(super) fn judge_listed(&self, claim: &Claim, stay: &Session) -> Verdict {
        let for_good = |list| {
            let listed = self.listed(&stay.plate, list);
            listed.is_some_and(|it| it.until.is_none())
        };
        let is_listed = for_good(List::Permit) || for_good(List::Visitor);
        let is_filed = matches!(claim.opening, Opening::ToFile { .. });
        hold(!is_listed || !is_filed, Rule::ListsHold, || {
            format!("{claim:?} is filed, and its plate is listed")
        })
    }

    fn listed(&self, plate: &PlateNumber, list: List) -> Option<&Listed> {
        self.model.listed.get(&(plate.clone(), list))
    }
}

/// A clock that is not trusted lets a permit hold.
fn holds(listed: &Listed, now: Now) -> bool {
    !now.trusted || listed.until.is_none_or(|until| now.wall < until)
}
