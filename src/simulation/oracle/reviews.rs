//! Rules about what people decide, and what is put before them.

use super::charge::Stage;
use super::{Oracle, Rule, Verdict, hold, price};
use crate::charges::charge::{Claim, Opening};
use crate::charges::record::{Correction, StaffOutcome};
use crate::charges::totals::Arrears;
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::session::Session;
use crate::lane::time::{Stamp, Wall};
use crate::park::event::Event;
use crate::park::review::{self, Review, ReviewEnd, Terms};
use crate::park::state::Hold;

impl Oracle {
    /// The list shows what the tariff says.
    pub(super) fn judge_review(&self, review: &Review) -> Verdict {
        let (Some(exited), Some(fee_fen)) = (&review.exited, review.fee_fen) else {
            return Ok(());
        };
        let stay_ms = price::stay_ms(&review.entered, exited).unwrap_or(0);
        let mut tariffs = self.model.tariffs.iter();
        let paid_fen = [
            0,
            self.advance_fen(&review.session),
            self.paid_fen(&review.session),
        ];
        let is_the_models = tariffs.any(|tariff| {
            let fen = self.fee_fen(tariff, &review.session, stay_ms);
            paid_fen
                .iter()
                .any(|paid| fee_fen == fen.saturating_sub(*paid))
        });
        hold(is_the_models, Rule::FeeIsTheModels, || {
            format!("the list shows {fee_fen} fen for {stay_ms} ms: {review:?}")
        })
    }

    pub(super) fn judge_review_end(
        &self,
        session: &SessionId,
        how: &ReviewEnd,
        by: &str,
    ) -> Verdict {
        let review = self.model.reviews.get(session);
        // Finishing its money ends it as well, in the same breath.
        let is_open = review.is_some_and(|review| match &review.closed {
            Some(closed) => matches!(closed.how, ReviewEnd::Finished { .. }),
            None => true,
        });
        let head = self.model.head.as_ref().map(|head| &head.event);
        let said = match (how, head) {
            (
                ReviewEnd::Charged { .. },
                Some(Event::ReviewDecided {
                    session: of,
                    verdict: review::Verdict::Charge(_),
                    by: who,
                    ..
                }),
            )
            | (
                ReviewEnd::Waived { .. },
                Some(Event::ReviewDecided {
                    session: of,
                    verdict: review::Verdict::Waive,
                    by: who,
                    ..
                }),
            ) => of == session && who == by,
            (ReviewEnd::Charged { .. } | ReviewEnd::Waived { .. }, _) => false,
            (ReviewEnd::Finished { .. } | ReviewEnd::MadeRoom, _) => true,
        };
        hold(is_open && said, Rule::APersonSaidSo, || {
            format!("the review of {session} ends as {how:?} by {by}, after {head:?}")
        })
    }

    /// A person has a stay charged: as they said, and not beside what is claimed for it already.
    pub(super) fn judge_reviewed(&self, claim: &Claim, verdict: &review::Verdict) -> Verdict {
        let (review::Verdict::Charge(terms), Some(stay)) =
            (verdict, self.model.stays.get(&claim.session))
        else {
            return hold(false, Rule::APersonSaidSo, || {
                format!("{claim:?}, by {verdict:?}")
            });
        };
        let of_stay = self.model.charges.values();
        let mut of_stay = of_stay.filter(|charge| charge.claim.session == claim.session);
        let is_new = !self.model.charges.contains_key(&claim.trade_no);
        let rest_is_over = of_stay.all(|charge| charge.is_over());
        hold(is_new && rest_is_over, Rule::OneChargeAStay, || {
            format!("{claim:?} beside another of its stay")
        })?;
        let review = self.model.reviews.get(&claim.session);
        let review = review.filter(|review| review.closed.is_none());
        let Some(review) = review else {
            return hold(false, Rule::APersonSaidSo, || {
                format!("{} is charged and not under review", claim.session)
            });
        };
        self.judge_where_it_goes(claim, terms, stay)?;
        self.judge_word(claim, terms, review)
    }

    /// To WeChat goes the plate of the entry, and no second time.
    fn judge_where_it_goes(&self, claim: &Claim, terms: &Terms, stay: &Session) -> Verdict {
        let whose = terms.plate.as_ref().unwrap_or(&stay.plate);
        hold(claim.plate == *whose, Rule::APersonSaidSo, || {
            format!("{claim:?} is not of {terms:?}")
        })?;
        let mut of_stay = self.model.charges.values();
        let was_finished = of_stay
            .any(|charge| charge.claim.session == claim.session && charge.stage != Stage::Replaced);
        let may_be_filed = claim.plate == stay.plate && !was_finished;
        let is_filed = matches!(claim.opening, Opening::ToFile { .. });
        hold(may_be_filed || !is_filed, Rule::OneChargeAStay, || {
            format!("{claim:?} goes to WeChat")
        })
    }

    /// The fee is the one that was named, or that of the exit that was named, or the one on the list.
    fn judge_word(&self, claim: &Claim, terms: &Terms, review: &Review) -> Verdict {
        let fee_fen = claim.quote.fee_fen;
        let named_ms = terms.exited.map(|wall| {
            let entered = self.entered_by_the_list(&review.entered);
            u64::try_from(wall.0 - entered.0).unwrap_or(0)
        });
        let holds = self.model.last_holds.values();
        let (cash_fen, by_code_fen) = self.paid_since(&review.session);
        let is_the_word = match (terms.fee_fen, named_ms) {
            (Some(fen), _) => fee_fen == fen.saturating_sub(by_code_fen),
            (None, Some(ms)) => {
                let fen = self.fee_fen(&self.rules.tariff, &review.session, ms);
                let before_fen = self.advance_fen(&review.session);
                let since_fen = cash_fen + by_code_fen;
                let paid_fen = before_fen.max(since_fen)..=before_fen + since_fen;
                fen.checked_sub(fee_fen)
                    .is_some_and(|fen| paid_fen.contains(&fen))
            }
            (None, None) => {
                let mut held = holds.filter(|it| it.session.as_ref() == Some(&review.session));
                let is_due_now = |hold: &Hold| {
                    let quote = hold.quote.as_ref();
                    quote.is_some_and(|quote| quote.fee_fen == fee_fen)
                };
                let shown_fen = review.fee_fen.unwrap_or(0);
                let rest_fen = shown_fen.saturating_sub(cash_fen + by_code_fen);
                fee_fen == rest_fen || held.any(is_due_now)
            }
        };
        let counted = named_ms.is_none_or(|ms| claim.stay_ms == ms);
        hold(is_the_word && counted, Rule::FeeIsTheModels, || {
            format!("{claim:?} by {terms:?}, and the list has {review:?}")
        })
    }

    /// What was taken for it by other means, fen.
    fn paid_fen(&self, session: &SessionId) -> u64 {
        self.model.paid_fen.get(session).copied().unwrap_or(0)
    }

    /// What came in for it since it waits for a person, in cash and by code, fen; what goes back does not count.
    fn paid_since(&self, session: &SessionId) -> (u64, u64) {
        let Some((cash_fen, by_code)) = self.model.since.get(session) else {
            return (0, 0);
        };
        let kept = by_code.iter().map(|(number, fen)| {
            let back_fen = self.model.refunds.reserved_fen(number);
            fen.saturating_sub(back_fen)
        });
        (*cash_fen, kept.sum())
    }

    /// A clock that has been set since tells when a stay began that it did not know at the time.
    fn entered_by_the_list(&self, entered: &Stamp) -> Wall {
        let now = self.model.head.as_ref().map(|head| head.now);
        let now = now.filter(|now| now.trusted && now.boot == entered.now.boot);
        match now {
            Some(now) if !entered.now.trusted => {
                let ago_ms = now.moment.0.saturating_sub(entered.now.moment.0);
                now.wall.plus_ms(-i64::try_from(ago_ms).unwrap_or(0))
            }
            _ => entered.now.wall,
        }
    }

    /// A claim is replaced by one, in the same breath.
    pub(super) fn judge_replacement(&self, trade_no: &str, how: &StaffOutcome) -> Verdict {
        let StaffOutcome::Replaced { .. } = how else {
            return Ok(());
        };
        let charge = self.charge(trade_no)?;
        let head = self.model.head.as_ref().map(|head| &head.event);
        let is_paid = self
            .taking_of_step()
            .is_some_and(|it| it.stay.session == charge.claim.session);
        let said = matches!(
            head,
            Some(Event::ReviewDecided { session, .. }) if *session == charge.claim.session
        );
        hold(
            is_paid || (said && charge.body.is_none()),
            Rule::OneChargeAStay,
            || format!("{trade_no} is replaced, by {head:?}"),
        )
    }

    pub(super) fn judge_correction(&self, correction: &Correction) -> Verdict {
        let trade_no = &correction.trade_no;
        let charge = self.charge(trade_no)?;
        let is_first = !self.model.corrections.contains_key(trade_no);
        let is_it = charge.claim.session == correction.session
            && charge.claim.quote.fee_fen == correction.charged_fen;
        let may = charge.is_filed() && is_first && is_it;
        hold(may, Rule::CorrectionIsOfWhatIsFiled, || {
            format!("{correction:?}, and the charge is {charge:?}")
        })
    }

    /// What is shown at a plate's next visit is what the staff still has of it.
    pub(super) fn judge_arrears(&self, plate: &PlateNumber, owes: &Arrears) -> Verdict {
        let charges = self.model.charges.values();
        let owed = charges
            .filter(|charge| charge.stage == Stage::WithStaff && charge.claim.plate == *plate);
        let (mut count, mut fen) = (0, 0);
        for charge in owed {
            count += 1;
            fen += charge.claim.quote.fee_fen;
        }
        hold(
            (owes.charges, owes.fen) == (count, fen),
            Rule::SumsBalance,
            || format!("{owes:?} are shown, and the staff has {count} charges of {fen} fen"),
        )
    }
}
