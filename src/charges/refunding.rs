//! Refunds whose turn has come: what leaves, and what a person may ask for.

use super::agenda::{Errand, Item};
use super::body::{self, SentFor};
use super::call::{Call, MerchantRules, Out, Request};
use super::charge::ChargeState;
use super::queue::Queue;
use super::record::MoneyRecord;
use super::refund::{
    Refund, RefundAmount, RefundBody, RefundClaim, RefundState, RefundTold, reason_for_driver,
};
use super::refunds::{OF_ONE_CHARGE_MAX, REFUNDABLE_DAYS};
use super::staff::{Declined, WaitsFor};
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::time::{Now, Stamp, Wall};

/// Between two refunds of one charge (`wechat-pay.md` 4.1), and before WeChat is first asked about one (4.2).
pub(super) const APART_MS: u64 = 61_000;
/// How often a refund looks whether its charge has settled; when it does, it goes at once.
const SETTLED_YET_MS: u64 = 60 * 60 * 1000;
/// Refunds not done with at once: nobody works off so many.
const OPEN_MAX: usize = 4096;
/// What the driver reads of a refund that a correction makes: why it was wrong may name another's plate.
const CORRECTED: &str = "停车费更正退款";

/// What a person wants refunded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundWish {
    /// `out_trade_no` of the charge.
    pub trade_no: String,
    /// Its stay.
    pub session: SessionId,
    /// The plate that was charged.
    pub plate: PlateNumber,
    /// The whole charge, fen.
    pub charged_fen: u64,
    /// When its car left.
    pub exited: Wall,
    /// Whose money it is, as it was sent; the queue's own charge says it first.
    pub sent_for: Option<SentFor>,
    /// How much of it, fen; None: all that is left.
    pub fen: Option<u64>,
    /// It belongs to the correction of this charge.
    pub corrects: bool,
    /// Who.
    pub by: String,
    /// Why.
    pub why: String,
}

impl Queue {
    /// Money of a charge is to go back. Goes by itself from here on, as soon as the charge has settled. What
    /// the queue does not know any more has settled, or was never WeChat's; whoever asks has found out which.
    /// Returns the refund's number and sum.
    ///
    /// # Errors
    /// Only what WeChat took on can be refunded, and never more than was charged.
    pub fn ask_refund(
        &mut self,
        wish: RefundWish,
        at: &Stamp,
        out: &mut Out,
    ) -> Result<(String, u64), Declined> {
        if self.is_paused() {
            return Err(Declined::StoreFailed);
        }
        self.may_be_refunded(&wish.trade_no)?;
        let refunds = self.book.refunds();
        let age_ms = at.now.wall.0.saturating_sub(wish.exited.0);
        let days = u64::try_from(age_ms).unwrap_or(0) / (24 * 60 * 60 * 1000);
        if days > REFUNDABLE_DAYS {
            return Err(Declined::TooOldToRefund);
        }
        let asked = refunds.of(&wish.trade_no).map_or(0, |of| of.asked);
        if asked >= OF_ONE_CHARGE_MAX || refunds.open().count() >= OPEN_MAX {
            return Err(Declined::TooManyRefunds);
        }
        let reserved_fen = refunds.reserved_fen(&wish.trade_no);
        let left_fen = wish.charged_fen.saturating_sub(reserved_fen);
        let fen = wish.fen.unwrap_or(left_fen);
        if fen == 0 || (fen > left_fen && !planted!(RefundUnlimited)) {
            return Err(Declined::MoreThanIsLeft { left_fen });
        }
        let refund_no = refunds.next_no(&wish.session);
        let charge = self.book.charge(&wish.trade_no);
        let sent_for = charge.and_then(|charge| charge.sent_for());
        let by_code = self.book.spots().done(&wish.trade_no);
        let by_code = by_code.and_then(|done| SentFor::of(done.spot.body.as_ref()?));
        let sent_for = sent_for.or(by_code);
        let item = Item::Refund(refund_no.clone());
        let claim = RefundClaim {
            refund_no: refund_no.clone(),
            trade_no: wish.trade_no,
            session: wish.session,
            plate: wish.plate,
            charged_fen: wish.charged_fen,
            fen,
            reason: match wish.corrects {
                true => CORRECTED.to_owned(),
                false => reason_for_driver(&wish.why),
            },
            sent_for: sent_for.or(wish.sent_for),
            corrects: wish.corrects,
            by: wish.by,
            why: wish.why,
            at: at.clone(),
        };
        let closed = refunds.open_of(&claim.trade_no);
        let closed = closed.filter(|refund| refund.state == RefundState::Closed);
        let closed: Vec<String> = closed.map(|it| it.claim.refund_no.clone()).collect();
        for refund_no in closed {
            out.alarms.push(Self::refund_seen_to(&refund_no));
        }
        self.record(out, MoneyRecord::RefundAsked { refund: claim });
        self.agenda.put(&item, at.now.moment);
        Ok((refund_no, fen))
    }

    /// Brings forward when a refund is next seen to, or sends a refused one again, under the same number.
    ///
    /// # Errors
    /// When there is nothing to bring forward.
    pub fn hurry_refund(&mut self, refund_no: &str, now: Now) -> Result<WaitsFor, Declined> {
        if self.is_paused() {
            return Err(Declined::StoreFailed);
        }
        let item = Item::Refund(refund_no.to_owned());
        let refund = self.book.refunds().get(refund_no);
        let refund = refund.ok_or(Declined::NoSuchRefund)?;
        if refund.state == RefundState::Closed {
            return Err(Declined::RefundClosed);
        }
        if self.agenda.is_in_flight(&item) {
            return Err(Declined::OnItsWay);
        }
        self.agenda.put(&item, now.moment);
        Ok(self.kept_back_by(now.moment))
    }

    /// A person does not want a refund any more, has seen that WeChat closed it, or paid otherwise what
    /// WeChat cannot.
    ///
    /// # Errors
    /// While WeChat may have it, or may still pay it.
    pub fn give_refund_up(
        &mut self,
        refund_no: &str,
        by: &str,
        why: &str,
        at: &Stamp,
        out: &mut Out,
    ) -> Result<u64, Declined> {
        if self.is_paused() {
            return Err(Declined::StoreFailed);
        }
        let refund = self.book.refunds().get(refund_no);
        let refund = refund.ok_or(Declined::NoSuchRefund)?;
        let fen = refund.claim.fen;
        match refund.state {
            RefundState::Waiting
            | RefundState::Abnormal
            | RefundState::Closed
            | RefundState::Refused { proven: true, .. } => {}
            RefundState::Sent
            | RefundState::Unknown
            | RefundState::ToRepeat
            | RefundState::Processing
            | RefundState::Refused { proven: false, .. }
            | RefundState::Succeeded
            | RefundState::NotNeeded
            | RefundState::GivenUp => return Err(Declined::MayStillBeRefunded),
        }
        self.agenda.forget(&Item::Refund(refund_no.to_owned()));
        out.alarms.push(Self::refund_seen_to(refund_no));
        self.record(
            out,
            MoneyRecord::RefundGivenUp {
                refund_no: refund_no.to_owned(),
                by: by.to_owned(),
                why: why.to_owned(),
                at: at.clone(),
            },
        );
        Ok(fen)
    }

    /// Only what WeChat has the money of, or will have.
    fn may_be_refunded(&self, trade_no: &str) -> Result<(), Declined> {
        if self.book.spots().get(trade_no).is_some() {
            return Err(Declined::MayStillBePaid);
        }
        if self
            .book
            .spots()
            .done(trade_no)
            .is_some_and(|done| !done.paid)
        {
            return Err(Declined::NeverPaid);
        }
        if self.book.on_desk(trade_no).is_some() {
            return Err(Declined::WithStaff);
        }
        match self.not_at_wechat(trade_no) {
            Ok(_) => Err(Declined::InQueue),
            Err(Declined::MayStillBeTaken) => Err(Declined::MayStillBeTaken),
            Err(_) => Ok(()),
        }
    }

    /// Its charge never took money: nothing is to go back.
    pub(super) fn drop_refunds_of(&mut self, trade_no: &str, out: &mut Out) {
        let of_it = self.book.refunds().open_of(trade_no);
        let waiting = of_it.filter(|refund| refund.state == RefundState::Waiting);
        let waiting: Vec<String> = waiting.map(|it| it.claim.refund_no.clone()).collect();
        for refund_no in waiting {
            self.agenda.forget(&Item::Refund(refund_no.clone()));
            self.refund_is(&refund_no, RefundTold::NotNeeded, out);
        }
    }

    /// Its charge has settled.
    pub(super) fn wake_refunds_of(&mut self, trade_no: &str, now: &Stamp) {
        let of_it = self.book.refunds().open_of(trade_no);
        let items: Vec<Item> = of_it
            .map(|refund| Item::Refund(refund.claim.refund_no.clone()))
            .collect();
        for item in items {
            self.agenda.advance(&item, now.now.moment);
        }
    }

    pub(super) fn act_on_refund(
        &mut self,
        refund_no: &str,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        let item = Item::Refund(refund_no.to_owned());
        let Some(refund) = self.book.refunds().get(refund_no).cloned() else {
            self.agenda.forget(&item);
            return;
        };
        match &refund.state {
            RefundState::Waiting if self.book.on_desk(&refund.claim.trade_no).is_some() => {
                self.drop_refunds_of(&refund.claim.trade_no, out);
            }
            RefundState::Waiting if !self.has_settled(&refund.claim.trade_no) => {
                self.agenda
                    .put(&item, now.now.moment.after_ms(SETTLED_YET_MS));
            }
            RefundState::Waiting | RefundState::ToRepeat | RefundState::Refused { .. } => {
                match self.waits_ms(&refund, now) {
                    0 => self.apply_for(&refund, now, rules, out),
                    ms => self.agenda.put(&item, now.now.moment.after_ms(ms)),
                }
            }
            RefundState::Sent
            | RefundState::Unknown
            | RefundState::Processing
            | RefundState::Abnormal => match left_ms(refund.sent.as_ref(), now) {
                0 => self.query_refund(&refund, now, out),
                ms => self.agenda.put(&item, now.now.moment.after_ms(ms)),
            },
            RefundState::Closed
            | RefundState::Succeeded
            | RefundState::NotNeeded
            | RefundState::GivenUp => self.agenda.forget(&item),
        }
    }

    /// The call in hand did not leave, and the refund is as it was before.
    pub(super) fn refund_not_made(&mut self, refund_no: &str, out: &mut Out) {
        let refund = self.book.refunds().get(refund_no);
        let Some(refund) = refund.filter(|refund| refund.state == RefundState::Sent) else {
            return;
        };
        let told = match refund.in_doubt {
            true => RefundTold::Unknown {
                why: "the store could not write".to_owned(),
            },
            false => RefundTold::Missing {
                why: "the store could not write".to_owned(),
                proven: !refund.unproven,
            },
        };
        self.refund_is(refund_no, told, out);
    }

    fn has_settled(&self, trade_no: &str) -> bool {
        let charge = self.book.charge(trade_no);
        charge.is_none_or(|charge| charge.state == ChargeState::Settled)
    }

    /// How long another refund of the same charge keeps this one back: no two at a time, nor within a minute.
    fn waits_ms(&self, refund: &Refund, now: &Stamp) -> u64 {
        let claim = &refund.claim;
        let mut others = self.book.refunds().open_of(&claim.trade_no);
        if others.any(|it| it.claim.refund_no != claim.refund_no && it.state.is_on_its_way()) {
            return APART_MS;
        }
        let of_the_charge = self.book.refunds().of(&claim.trade_no);
        left_ms(of_the_charge.and_then(|of| of.sent.as_ref()), now)
    }

    fn apply_for(&mut self, refund: &Refund, now: &Stamp, rules: &MerchantRules, out: &mut Out) {
        let refund_no = refund.claim.refund_no.clone();
        let (body, is_new) = match &refund.body {
            Some(frozen) => (frozen.clone(), false),
            None => (body::freeze(&RefundBody::of(&refund.claim, rules)), true),
        };
        self.record(
            out,
            MoneyRecord::RefundSent {
                refund_no: refund_no.clone(),
                body: is_new.then(|| body.clone()),
                at: now.clone(),
            },
        );
        let item = Item::Refund(refund_no.clone());
        self.agenda.sent(&item, Errand::Refund, now.now.moment);
        out.calls.push(Call {
            request: Request::Refund { refund_no, body },
            lane_until: None,
        });
    }

    fn query_refund(&mut self, refund: &Refund, now: &Stamp, out: &mut Out) {
        let refund_no = refund.claim.refund_no.clone();
        let item = Item::Refund(refund_no.clone());
        self.agenda.sent(&item, Errand::QueryRefund, now.now.moment);
        out.calls.push(Call {
            request: Request::QueryRefund {
                refund_no,
                sub_mchid: refund.sub_mchid(),
            },
            lane_until: None,
        });
    }
}

impl RefundBody {
    fn of(claim: &RefundClaim, rules: &MerchantRules) -> Self {
        Self {
            sub_mchid: match &claim.sent_for {
                Some(sent_for) => sent_for.sub_mchid.clone(),
                None => rules.sub.as_ref().map(|sub| sub.mchid.clone()),
            },
            out_trade_no: claim.trade_no.clone(),
            out_refund_no: claim.refund_no.clone(),
            reason: (!claim.reason.is_empty()).then(|| claim.reason.clone()),
            notify_url: rules.refund_notify_url.clone(),
            amount: RefundAmount {
                refund: claim.fen,
                total: claim.charged_fen,
                currency: "CNY".to_owned(),
            },
        }
    }
}

/// What is left of the minute after `sent`. Two times that cannot be compared lie further apart.
fn left_ms(sent: Option<&Stamp>, now: &Stamp) -> u64 {
    let since_ms = sent.and_then(|sent| sent.stay_ms(now));
    since_ms.map_or(0, |ms| APART_MS.saturating_sub(ms))
}
