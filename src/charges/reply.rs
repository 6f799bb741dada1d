//! What each answer about a charge means, one exhaustive match a call. Only a verified answer moves money forward.

use super::agenda::{Errand, Item};
use super::answer::{Answer, Heard, TradeState, Transaction};
use super::backoff;
use super::call::{MerchantRules, Out};
use super::charge::{Charge, ChargeState, StaffReason};
use super::link::is_set_up_error;
use super::queue::Queue;
use super::record::MoneyRecord;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::time::Stamp;

/// How soon a charge whose answer was lost is asked about: until then nobody else may take its money.
const ASK_WITHIN_MS: u64 = 10_000;

impl Queue {
    /// *Charge* was answered.
    pub fn charge_answered(
        &mut self,
        trade_no: &str,
        heard: &Heard<Transaction>,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        let item = Item::Charge(trade_no.to_owned());
        let is_awaited = self.landed(&item, Errand::File, &heard.answer, now, out);
        let Some(charge) = self.book.charge(trade_no) else {
            return;
        };
        match &heard.answer {
            Answer::Verified(transaction) => {
                let is_ours = charge.is_meant_by(transaction, &rules.mchid);
                self.order_seen(&charge, transaction, is_ours, is_awaited, now, out);
            }
            // Too late: the queue has moved on without it.
            _ if (!is_awaited || charge.state != ChargeState::Sent)
                && !planted!(LateAnswerMovesBack) => {}
            Answer::Refused(refusal) if is_set_up_error(refusal.status, &refusal.code) => {
                self.due_again(trade_no, &refusal.code, out);
                self.stop_merchant(refusal, heard, now, out);
                self.agenda.put(&item, now.now.moment);
            }
            Answer::Refused(refusal) if charge.in_doubt || !refusal.proven => {
                let why = if charge.in_doubt {
                    "refused after an earlier try; it may have been taken on"
                } else {
                    "the refusal is not signed"
                };
                let why = why.to_owned();
                let refused = Some(refusal.code.clone());
                self.unknown(&charge, why, refused, out);
                self.agenda.put(&item, now.now.moment);
            }
            Answer::Refused(refusal) => self.refused(&charge, refusal.code.clone(), now, out),
            Answer::Throttled { retry_after_ms } => {
                self.due_again(trade_no, "throttled", out);
                self.throttled(&item, *retry_after_ms, now);
            }
            Answer::NotSent(why) => {
                self.due_again(trade_no, why, out);
                self.again_later(&item, now);
            }
            Answer::Lost(why) => {
                self.unknown(&charge, why.clone(), None, out);
                self.again_later(&item, now);
                self.agenda
                    .advance(&item, now.now.moment.after_ms(ASK_WITHIN_MS));
            }
        }
    }

    /// *Query* was answered.
    pub fn query_answered(
        &mut self,
        trade_no: &str,
        heard: &Heard<Transaction>,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        let item = Item::Charge(trade_no.to_owned());
        let is_awaited = self.landed(&item, Errand::Query, &heard.answer, now, out);
        match &heard.answer {
            Answer::Refused(refusal) if is_set_up_error(refusal.status, &refusal.code) => {
                self.stop_merchant(refusal, heard, now, out);
            }
            Answer::Verified(_) | Answer::Refused(_) => self.resume_merchant(out),
            Answer::Throttled { .. } | Answer::NotSent(_) | Answer::Lost(_) => {
                self.half_open_again(now);
            }
        }
        let Some(charge) = self.book.charge(trade_no) else {
            return;
        };
        match &heard.answer {
            Answer::Verified(transaction) => {
                let is_ours = charge.is_meant_by(transaction, &rules.mchid);
                self.order_seen(&charge, transaction, is_ours, is_awaited, now, out);
            }
            // Too late: the queue has moved on without it.
            _ if !is_awaited => {}
            Answer::Refused(refusal) if is_set_up_error(refusal.status, &refusal.code) => {
                self.agenda.put(&item, now.now.moment);
            }
            Answer::Refused(refusal) if refusal.status == 404 => {
                out.alarms.push(unsigned_errors(!refusal.proven));
                if refusal.proven || !charge.is_under_way() {
                    self.order_missing(&charge, now, out);
                } else {
                    self.order_said_to_be_missing(&charge, &refusal.code, now, out);
                }
            }
            Answer::Refused(_) | Answer::NotSent(_) | Answer::Lost(_) => {
                self.again_later(&item, now);
            }
            Answer::Throttled { retry_after_ms } => self.throttled(&item, *retry_after_ms, now),
        }
    }

    /// The call is still on its way after longer than any call takes.
    pub(super) fn lost_in_flight(
        &mut self,
        item: &Item,
        errand: Errand,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        match (item, errand) {
            (Item::Entry(session), _) => self.entry_answered(session, &lost(), now, out),
            (Item::Charge(trade_no), Errand::Query) => {
                self.query_answered(trade_no, &lost(), now, rules, out);
            }
            (Item::Charge(trade_no), _) => {
                self.charge_answered(trade_no, &lost(), now, rules, out);
            }
            (Item::Refund(refund_no), Errand::QueryRefund) => {
                self.refund_query_answered(refund_no, &lost(), now, out);
            }
            (Item::Refund(refund_no), _) => {
                self.refund_answered(refund_no, &lost(), now, out);
            }
            (Item::Spot(number), Errand::QuerySpot) => {
                self.spot_query_answered(number, &lost(), now, out);
            }
            (Item::Spot(number), Errand::CloseSpot) => {
                self.spot_close_answered(number, &lost(), now, rules, out);
            }
            (Item::Spot(number), _) => self.spot_answered(number, &lost(), now, out),
        }
    }

    /// A verified answer shows the order. It counts only if it is ours in every point.
    pub(super) fn order_seen(
        &mut self,
        charge: &Charge,
        transaction: &Transaction,
        is_ours: bool,
        is_awaited: bool,
        now: &Stamp,
        out: &mut Out,
    ) {
        let item = Item::Charge(charge.claim.trade_no.clone());
        if !is_ours {
            let (ours, theirs) = (&charge.claim.trade_no, named_by(transaction));
            out.alarms.push(mismatch(ours, true, &theirs));
            if is_awaited {
                let why = "the answer names another order, sum, entry, plate or merchant";
                self.not_believed(charge, why.to_owned(), out);
                self.again_later(&item, now);
            }
            return;
        }
        let trade_no = charge.claim.trade_no.clone();
        out.alarms.push(mismatch(&trade_no, false, &trade_no));
        let was_accepted = matches!(charge.state, ChargeState::Accepted { .. });
        match &transaction.state {
            TradeState::Success | TradeState::Refund => {
                self.agenda.forget(&item);
                self.record(
                    out,
                    MoneyRecord::ChargeSettled {
                        trade_no,
                        transaction_id: transaction.transaction_id.clone(),
                        bank_type: transaction.bank_type.clone(),
                        paid: transaction.paid,
                    },
                );
                self.wake_refunds_of(&charge.claim.trade_no, now);
            }
            TradeState::PayFail => {
                let failed = trade_no.clone();
                self.record(out, MoneyRecord::ChargeFailed { trade_no: failed });
                self.hand_to_staff(&trade_no, StaffReason::PaymentFailed, out);
            }
            TradeState::Accepted if !was_accepted => {
                self.refusals = 0;
                self.agenda.moved_on(&item);
                let at = now.clone();
                self.record(out, MoneyRecord::ChargeAccepted { trade_no, at });
                let first = backoff::poll_delay_ms(item.key(), self.agenda.tried(&item));
                self.agenda.put_poll(&item, now.now.moment.after_ms(first));
            }
            TradeState::Accepted => self.poll_later(&item, now),
            TradeState::Other(_) if was_accepted => self.poll_later(&item, now),
            TradeState::Other(word) => {
                let why = format!("trade_state {word:?} is not known to this version");
                self.not_believed(charge, why, out);
                self.again_later(&item, now);
            }
        }
        self.wake_entries_of(&charge.claim.plate, now);
    }

    /// WeChat has no such order.
    fn order_missing(&mut self, charge: &Charge, now: &Stamp, out: &mut Out) {
        let trade_no = &charge.claim.trade_no;
        let item = Item::Charge(trade_no.clone());
        match &charge.state {
            ChargeState::Unknown { .. } | ChargeState::ToRepeat if charge.superseded => {
                self.proven_missing(trade_no, out);
                self.hand_to_staff(trade_no, StaffReason::Superseded, out);
            }
            ChargeState::Unknown {
                refused: Some(code),
            } => self.refused(charge, code.clone(), now, out),
            ChargeState::Unknown { refused: None } | ChargeState::ToRepeat => {
                self.proven_missing(trade_no, out);
                self.repeat_in_turn(&item, now);
            }
            ChargeState::Accepted { .. } => {
                out.alarms.push(Alarm {
                    kind: AlarmKind::AnswerMismatch,
                    subject: trade_no.clone(),
                    raised: true,
                    text: "WeChat accepted this order and now does not know it; \
                           ask WeChat's support with the number"
                        .to_owned(),
                });
                self.poll_later(&item, now);
            }
            // It was only asked about to find out whether the merchant is let in again.
            _ => self.agenda.put(&item, now.now.moment),
        }
        self.wake_entries_of(&charge.claim.plate, now);
    }

    /// The same, but nobody signed it. The repeat of a number is harmless; money from another channel
    /// would not be.
    fn order_said_to_be_missing(
        &mut self,
        charge: &Charge,
        code: &str,
        now: &Stamp,
        out: &mut Out,
    ) {
        let trade_no = charge.claim.trade_no.clone();
        let item = Item::Charge(trade_no.clone());
        if charge.state == (ChargeState::Unknown { refused: None }) && !charge.superseded {
            let why = format!("WeChat has no such order ({code}, unsigned)");
            self.record(out, MoneyRecord::ChargeToRepeat { trade_no, why });
            self.repeat_in_turn(&item, now);
        } else {
            self.again_later(&item, now);
        }
    }

    fn refused(&mut self, charge: &Charge, code: String, now: &Stamp, out: &mut Out) {
        let trade_no = charge.claim.trade_no.clone();
        let reason = StaffReason::Refused(code.clone());
        self.record(out, MoneyRecord::ChargeRefused { trade_no, code });
        self.hand_to_staff(&charge.claim.trade_no, reason, out);
        self.wake_entries_of(&charge.claim.plate, now);
    }

    fn unknown(&mut self, charge: &Charge, why: String, refused: Option<String>, out: &mut Out) {
        let trade_no = charge.claim.trade_no.clone();
        self.record(
            out,
            MoneyRecord::ChargeUnknown {
                trade_no,
                why,
                refused,
            },
        );
    }

    /// An answer that proves nothing; it may have been the one to the charge itself.
    fn not_believed(&mut self, charge: &Charge, why: String, out: &mut Out) {
        if charge.state == ChargeState::Sent {
            self.unknown(charge, why, None, out);
        }
    }

    /// The call in hand did not reach WeChat, and leaves the charge as it was before.
    pub(super) fn due_again(&mut self, trade_no: &str, why: &str, out: &mut Out) {
        let was_unproven = self.book.charge(trade_no).is_some_and(|c| c.unproven);
        let (trade_no, why) = (trade_no.to_owned(), why.to_owned());
        self.record(
            out,
            match was_unproven {
                true => MoneyRecord::ChargeToRepeat { trade_no, why },
                false => MoneyRecord::ChargeDueAgain { trade_no, why },
            },
        );
    }

    /// WeChat verifiably has not got it.
    fn proven_missing(&mut self, trade_no: &str, out: &mut Out) {
        let why = "WeChat has no such order".to_owned();
        let trade_no = trade_no.to_owned();
        self.record(out, MoneyRecord::ChargeDueAgain { trade_no, why });
    }

    /// Whether this call was waited for; and what its answer tells about the way to WeChat.
    pub(super) fn landed<T>(
        &mut self,
        item: &Item,
        errand: Errand,
        answer: &Answer<T>,
        now: &Stamp,
        out: &mut Out,
    ) -> bool {
        let is_awaited = self.agenda.landed(item, errand);
        if let (Item::Entry(session), true) = (item, is_awaited) {
            self.no_longer_notifying(session);
        }
        let (changed, text) = match answer {
            Answer::Verified(_) | Answer::Refused(_) | Answer::Throttled { .. } => {
                (self.link.answered(), "WeChat answers again".to_owned())
            }
            Answer::NotSent(why) | Answer::Lost(why) => (
                is_awaited && self.link.failed(item.key(), now.now.moment),
                format!(
                    "WeChat does not answer ({why}); charges wait in the ledger. See that the box \
                     reaches WeChat's hosts: name server, firewall, and nothing on the way that answers \
                     in their place"
                ),
            ),
        };
        if changed {
            out.alarms.push(Alarm {
                kind: AlarmKind::WechatSilent,
                subject: "wechat".to_owned(),
                raised: self.link.is_silent(),
                text,
            });
        }
        is_awaited
    }
}

fn lost<T>() -> Heard<T> {
    Heard {
        answer: Answer::Lost("no answer reached the queue".to_owned()),
        request_id: None,
        skew_ms: None,
    }
}

fn unsigned_errors(raised: bool) -> Alarm {
    Alarm {
        kind: AlarmKind::UnsignedErrors,
        subject: "wechat".to_owned(),
        raised,
        text: match raised {
            true => "WeChat's \"no such order\" came without a signature, so it does not free a \
                     charge for cash; if WeChat's support confirms that errors come unsigned, set \
                     wechat.advanced.unsigned_errors = \"believe\""
                .to_owned(),
            false => "WeChat signs its errors".to_owned(),
        },
    }
}

/// What an answer speaks of, for people.
fn named_by(transaction: &Transaction) -> String {
    let mut text = transaction.out_trade_no.clone();
    let parties = &transaction.parties;
    for (who, id) in [
        ("merchant", &parties.sp_mchid),
        ("sub-merchant", &parties.sub_mchid),
    ] {
        if let Some(id) = id {
            text.push_str(&format!(", {who} {id}"));
        }
    }
    text
}

/// An answer spoke of something else than was asked; or, not raised, the right one has come.
pub(super) fn mismatch(ours: &str, raised: bool, theirs: &str) -> Alarm {
    Alarm {
        kind: AlarmKind::AnswerMismatch,
        subject: ours.to_owned(),
        raised,
        text: match raised {
            true => format!(
                "a verified answer to {ours} speaks of something else ({theirs}); nothing is \
                 believed of it, the order will be queried"
            ),
            false => format!("the answer to {ours} is the right one"),
        },
    }
}
