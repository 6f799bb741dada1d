//! Rules about what is claimed for a stay.

use super::{Oracle, Rule, Verdict, View, hold, price};
use crate::charges::charge::{Claim, Opening};
use crate::lane::exit::NearMatch;
use crate::lane::plate::PlateNumber;
use crate::lane::raise::HoldReason;
use crate::lane::reading::{PlateRead, ReadWarning};
use crate::lane::session::Session;
use crate::lane::tariff::Tariff;
use crate::park::event::Event;

/// How much longer than a car really stayed it may be charged for.
const TOLERANCE_MS: u64 = 2_000;

impl Oracle {
    pub(super) fn judge_claim(&self, claim: &Claim, view: &View<'_>) -> Verdict {
        if let Some(Event::ReviewDecided {
            session, verdict, ..
        }) = self.model.head.as_ref().map(|head| &head.event)
            && *session == claim.session
        {
            return self.judge_reviewed(claim, verdict);
        }
        let taking = self.taking_of_step();
        if let Some(taking) = taking.filter(|it| it.stay.session == claim.session) {
            return self.judge_rest_of_claim(claim, &taking);
        }
        let charges = self.model.charges.values();
        let mut of_stay = charges.filter(|charge| charge.claim.session == claim.session);
        let is_first =
            of_stay.next().is_none() && !self.model.charges.contains_key(&claim.trade_no);
        hold(is_first, Rule::OneChargeAStay, || {
            format!(
                "{} is charged a second time, as {}",
                claim.session, claim.trade_no
            )
        })?;
        let Some(stay) = self.model.open.get(&claim.session) else {
            return hold(false, Rule::OneChargeAStay, || {
                format!("{} is charged and not inside", claim.session)
            });
        };
        self.judge_fee(claim, stay, view)?;
        self.judge_listed(claim, stay)?;
        match claim.opening {
            Opening::ToFile { .. } => self.judge_filing(claim, stay),
            Opening::ToStaff(_) => Ok(()),
        }
    }

    fn judge_fee(&self, claim: &Claim, stay: &Session, view: &View<'_>) -> Verdict {
        let stay_ms = price::stay_ms(&stay.entered, &claim.exited);
        let fee_fen = claim.quote.fee_fen;
        let head = self.model.head.as_ref();
        let exited_now = head.is_some_and(|head| match &head.event {
            // It stayed until it came to the barrier, and then waited for a person to say whose it is.
            Event::PlateNamed { lane, .. } => {
                let hold = self.model.last_holds.get(lane);
                hold.is_some_and(|hold| hold.arrived == claim.exited)
            }
            // Or for WeChat to tell that it may be charged now.
            Event::Noticed { .. } => self.was_held_for_a_block(claim),
            _ => claim.exited.now.moment.0 + head.waited_ms.unwrap_or(0) == head.now.moment.0,
        });
        let is_filed = matches!(claim.opening, Opening::ToFile { .. });
        let paid_fen = self.advance_fen(&claim.session);
        let is_fee = |tariff: &Tariff, ms| {
            fee_fen
                == self
                    .fee_fen(tariff, &claim.session, ms)
                    .saturating_sub(paid_fen)
        };
        let at_these_prices = |ms| match is_filed {
            true => exited_now && is_fee(&self.rules.tariff, ms),
            // Out of a hold, which may have begun under another tariff.
            false => {
                let mut tariffs = self.model.tariffs.iter();
                tariffs.any(|tariff| is_fee(tariff, ms))
            }
        };
        let is_the_models = claim.entered == stay.entered
            && claim.stay_ms == stay_ms.unwrap_or(0)
            && at_these_prices(stay_ms.unwrap_or(0));
        hold(is_the_models, Rule::FeeIsTheModels, || {
            format!("{claim:?}; the model has {stay_ms:?} ms")
        })?;
        let came = view.clock.true_time(&stay.entered);
        let left = view.clock.true_time(&claim.exited);
        let (Some(came), Some(left)) = (came, left) else {
            return Ok(());
        };
        // Two walls that were trusted and wrong: nobody can know.
        if view.clock.lies() {
            return Ok(());
        }
        let true_ms = left.saturating_sub(came) + TOLERANCE_MS;
        let mut tariffs = self.model.tariffs.iter();
        let is_fair =
            tariffs.any(|tariff| fee_fen <= self.fee_fen(tariff, &claim.session, true_ms));
        hold(is_fair, Rule::FeeIsTheModels, || {
            format!("{fee_fen} fen for {true_ms} ms: {claim:?}")
        })
    }

    fn was_held_for_a_block(&self, claim: &Claim) -> bool {
        let hold = self.model.last_holds.get(&claim.lane);
        hold.is_some_and(|hold| {
            matches!(hold.reason, HoldReason::Blocked(_))
                && hold.session.as_ref() == Some(&claim.session)
                && hold.arrived == claim.exited
        })
    }

    /// What is filed without a person is beyond doubt.
    fn judge_filing(&self, claim: &Claim, stay: &Session) -> Verdict {
        let event = self.model.head.as_ref().map(|head| &head.event);
        let by_hand;
        let (lane, read) = match event {
            Some(Event::PlateRead { lane, read, .. }) => (lane, read),
            Some(Event::PlateNamed { lane, plate, .. }) => {
                by_hand = PlateRead::by_hand(plate.clone(), None);
                (lane, &by_hand)
            }
            Some(Event::Noticed { .. }) if self.model.held_reads.contains_key(&claim.lane) => {
                (&claim.lane, &self.model.held_reads[&claim.lane])
            }
            _ => {
                return hold(false, Rule::GuardedIsNotFiled, || {
                    format!("{} is filed without a reading", claim.trade_no)
                });
            }
        };
        let min = self.rules.lanes.get(lane);
        let min = min.and_then(|lane| lane.min_confidence_permille);
        let guard = &self.rules.guard;
        let stay_ms = price::stay_ms(&claim.entered, &claim.exited);
        let doubtful = [
            (!stay.doubts.is_empty(), "its entry reading"),
            (is_unsure(read, min), "a confidence below the lane's"),
            (is_odd(read), "a reading that warns"),
            (read.replay, "a reading that was kept"),
            (stay_ms.is_none(), "times that cannot be compared"),
            (
                self.model.zones.are_unclear(&claim.session),
                "a passage that is missing",
            ),
            (stay_ms > Some(guard.max_stay_ms), "a stay beyond max_stay"),
            (
                claim.quote.fee_fen > guard.max_fee_fen,
                "a fee beyond max_fee_fen",
            ),
        ];
        for (is_so, why) in doubtful {
            hold(!is_so, Rule::GuardedIsNotFiled, || {
                format!("{} is filed despite {why}", claim.trade_no)
            })?;
        }
        match &read.plate {
            Some(plate) if *plate == stay.plate => Ok(()),
            Some(plate) => self.judge_near_match(plate, stay, read),
            None => hold(false, Rule::NearMatchIsAsked, || {
                format!("{} is filed without a plate", claim.trade_no)
            }),
        }
    }

    /// Another plate's stay is charged: the operator lets it, the camera was sure, and no other stay
    /// resembles the reading as much.
    fn judge_near_match(&self, plate: &PlateNumber, stay: &Session, read: &PlateRead) -> Verdict {
        let near = |stay: &&Session| price::edits(plate.as_str(), stay.plate.as_str()) <= 1;
        let candidates = self.model.open.values().filter(near).count();
        hold(
            self.rules.exit.near_match == NearMatch::Auto
                && read.confidence_permille.is_some()
                && near(&stay)
                && candidates == 1,
            Rule::NearMatchIsAsked,
            || {
                format!(
                    "{} is charged for a car read as another of {candidates}",
                    stay.id
                )
            },
        )
    }
}

fn is_unsure(read: &PlateRead, min: Option<u16>) -> bool {
    matches!((read.confidence_permille, min), (Some(confidence), Some(min)) if confidence < min)
}

fn is_odd(read: &PlateRead) -> bool {
    read.warnings.iter().any(|warning| {
        matches!(
            warning,
            ReadWarning::ColorConflict | ReadWarning::LengthSuspect | ReadWarning::FakePlate
        )
    })
}
