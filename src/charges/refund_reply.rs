//! What each answer about a refund means. Only a verified answer moves money back.

use super::agenda::{Errand, Item};
use super::answer::{Answer, Heard, RefundSeen, RefundWord, Refusal};
use super::backoff;
use super::call::Out;
use super::link::is_set_up_error;
use super::queue::Queue;
use super::record::MoneyRecord;
use super::refund::{Refund, RefundState, RefundTold};
use super::refunding::APART_MS;
use super::reply::mismatch;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::tariff::yuan;
use crate::lane::time::Stamp;

/// A refusal that time or a top-up may mend is tried again so often, by itself.
const REFUSED_AGAIN_MS: u64 = 6 * 60 * 60 * 1000;

impl Queue {
    /// *Apply for a refund* was answered.
    pub fn refund_answered(
        &mut self,
        refund_no: &str,
        heard: &Heard<RefundSeen>,
        now: &Stamp,
        out: &mut Out,
    ) {
        let item = Item::Refund(refund_no.to_owned());
        let is_awaited = self.landed(&item, Errand::Refund, &heard.answer, now, out);
        let Some(refund) = self.book.refunds().get(refund_no).cloned() else {
            return;
        };
        match &heard.answer {
            Answer::Verified(seen) => {
                self.refund_seen(&refund, seen, is_awaited, now, out);
            }
            // Too late: the queue has moved on without it.
            _ if !is_awaited || refund.state != RefundState::Sent => {}
            Answer::Refused(refusal) if refund.in_doubt => {
                // It may be refused for having been taken on before.
                self.refund_unknown(refund_no, &refusal.code, now, out);
            }
            Answer::Refused(refusal) => self.refund_refused(&refund, refusal, now, out),
            Answer::Throttled { retry_after_ms } => {
                self.refund_unknown(refund_no, "throttled", now, out);
                self.quieten(*retry_after_ms, now.now.moment);
            }
            Answer::NotSent(why) => {
                let told = RefundTold::Missing {
                    why: why.clone(),
                    proven: !refund.unproven,
                };
                self.refund_is(refund_no, told, out);
                self.again_later(&item, now);
            }
            Answer::Lost(why) => self.refund_unknown(refund_no, why, now, out),
        }
    }

    /// *Query refund* was answered.
    pub fn refund_query_answered(
        &mut self,
        refund_no: &str,
        heard: &Heard<RefundSeen>,
        now: &Stamp,
        out: &mut Out,
    ) {
        let item = Item::Refund(refund_no.to_owned());
        let is_awaited = self.landed(&item, Errand::QueryRefund, &heard.answer, now, out);
        let Some(refund) = self.book.refunds().get(refund_no).cloned() else {
            return;
        };
        match &heard.answer {
            Answer::Verified(seen) => {
                self.refund_seen(&refund, seen, is_awaited, now, out);
            }
            _ if !is_awaited => {}
            Answer::Refused(refusal)
                if refusal.status == 404 && !is_set_up_error(refusal.status, &refusal.code) =>
            {
                self.refund_missing(&refund, refusal, now, out);
            }
            Answer::Throttled { retry_after_ms } => self.throttled(&item, *retry_after_ms, now),
            Answer::Refused(_) | Answer::NotSent(_) | Answer::Lost(_) => {
                self.again_later(&item, now);
            }
        }
    }

    /// A callback told of a refund: its signature and its secrecy are verified, and nothing else is. True:
    /// it is one of ours, and what it says is taken over or known already.
    pub fn refund_told(&mut self, seen: &RefundSeen, now: &Stamp, out: &mut Out) -> bool {
        let number = &seen.out_refund_no;
        let Some(refund) = self.book.refunds().get(number).cloned() else {
            // Done with, or another box's.
            return false;
        };
        self.refund_seen(&refund, seen, false, now, out)
    }

    /// A verified answer shows the refund. It counts only if it is ours in every point. True: it is.
    fn refund_seen(
        &mut self,
        refund: &Refund,
        seen: &RefundSeen,
        is_awaited: bool,
        now: &Stamp,
        out: &mut Out,
    ) -> bool {
        let number = &refund.claim.refund_no;
        let item = Item::Refund(number.clone());
        let is_meant = refund.is_meant_by(seen);
        if !is_meant || refund.body.is_none() {
            let theirs = format!(
                "{} of {}, {:?} of {:?} fen",
                seen.out_refund_no, seen.out_trade_no, seen.refund_fen, seen.total_fen
            );
            out.alarms.push(mismatch(number, true, &theirs));
            match refund.state {
                RefundState::Sent if is_awaited => {
                    let why = "the answer names another refund, charge or sum";
                    self.refund_unknown(number, why, now, out);
                }
                _ if is_awaited => self.again_later(&item, now),
                _ => {}
            }
            return is_meant;
        }
        out.alarms.push(mismatch(number, false, number));
        let refund_id = seen.refund_id.clone();
        match &seen.state {
            // What WeChat closed stays closed, whatever comes late.
            _ if refund.state == RefundState::Closed => {}
            RefundWord::Success => {
                self.agenda.forget(&item);
                let told = RefundTold::Succeeded {
                    refund_id,
                    payer_fen: seen.payer_refund_fen,
                    account: seen.account.clone(),
                };
                self.refund_is(number, told, out);
                out.alarms.push(Self::refund_seen_to(number));
                self.correction_refunded(refund, now, out);
            }
            RefundWord::Closed => {
                self.agenda.forget(&item);
                self.refund_is(number, RefundTold::Closed, out);
                let what = "WeChat closed it without paying; see in the merchant platform why, and ask for \
                            another with `parkgate refund`, or end it with `parkgate refund close`";
                out.alarms.push(stuck(refund, what));
            }
            RefundWord::Abnormal => {
                if refund.state != RefundState::Abnormal {
                    self.refund_is(number, RefundTold::Abnormal { refund_id }, out);
                }
                let what = "the driver's account takes no money: finish it in the merchant platform \
                            (abnormal refunds), or pay otherwise and end it with `parkgate refund close`";
                out.alarms.push(stuck(refund, what));
                self.poll_refund(&item, now);
            }
            RefundWord::Processing if planted!(RefundDoneTooSoon) => {
                self.agenda.forget(&item);
                let told = RefundTold::Succeeded {
                    refund_id,
                    payer_fen: None,
                    account: None,
                };
                self.refund_is(number, told, out);
            }
            // A late answer may be older than what was told since.
            RefundWord::Processing if !is_awaited && refund.state == RefundState::Abnormal => {}
            RefundWord::Processing => {
                if refund.state != RefundState::Processing {
                    self.agenda.moved_on(&item);
                    self.refund_is(number, RefundTold::Processing { refund_id }, out);
                    out.alarms.push(Self::refund_seen_to(number));
                }
                self.poll_refund(&item, now);
            }
            RefundWord::Other(word) => {
                if refund.state == RefundState::Sent {
                    let why = format!("status {word:?} is not known to this version");
                    self.refund_unknown(number, &why, now, out);
                } else {
                    self.poll_refund(&item, now);
                }
            }
        }
        true
    }

    /// WeChat does not know the refund.
    fn refund_missing(&mut self, refund: &Refund, refusal: &Refusal, now: &Stamp, out: &mut Out) {
        let number = &refund.claim.refund_no;
        let item = Item::Refund(number.clone());
        match refund.state {
            RefundState::Unknown | RefundState::Sent => {
                let told = RefundTold::Missing {
                    why: format!("WeChat has no such refund ({})", refusal.code),
                    proven: refusal.proven,
                };
                self.refund_is(number, told, out);
                self.again_later(&item, now);
            }
            _ => {
                let theirs = "WeChat took it on and now does not know it";
                out.alarms.push(mismatch(number, true, theirs));
                self.poll_refund(&item, now);
            }
        }
    }

    fn refund_refused(&mut self, refund: &Refund, refusal: &Refusal, now: &Stamp, out: &mut Out) {
        let number = &refund.claim.refund_no;
        let item = Item::Refund(number.clone());
        let told = RefundTold::Refused {
            code: refusal.code.clone(),
            message: refusal.message.clone(),
            proven: refusal.proven && !refund.unproven,
        };
        self.refund_is(number, told, out);
        let what = format!(
            "WeChat refuses it ({} {}: {}): {}",
            refusal.status,
            refusal.code,
            refusal.message,
            remedy(&refusal.code)
        );
        out.alarms.push(stuck(refund, &what));
        let goes_on = self.book.refunds().get(number);
        match goes_on.is_some_and(|refund| refund.state.goes_on()) {
            true => {
                let moment = now.now.moment;
                self.agenda.put(&item, moment.after_ms(REFUSED_AGAIN_MS));
            }
            // A person says when.
            false => self.agenda.forget(&item),
        }
    }

    fn refund_unknown(&mut self, number: &str, why: &str, now: &Stamp, out: &mut Out) {
        let why = why.to_owned();
        self.refund_is(number, RefundTold::Unknown { why }, out);
        let item = Item::Refund(number.to_owned());
        let own_ms = backoff::item_delay_ms(number, self.agenda.tried(&item));
        let moment = now.now.moment.after_ms(own_ms.max(APART_MS));
        self.agenda.put(&item, moment);
    }

    fn poll_refund(&mut self, item: &Item, now: &Stamp) {
        let ms = backoff::refund_delay_ms(item.key(), self.agenda.tried(item));
        self.agenda.put_poll(item, now.now.moment.after_ms(ms));
    }

    /// A correction with nothing due instead is made by its refund.
    fn correction_refunded(&mut self, refund: &Refund, now: &Stamp, out: &mut Out) {
        let trade_no = &refund.claim.trade_no;
        let is_made = self.book.correction(trade_no).is_some_and(|correction| {
            let is_its_refund = correction.refund_no.as_ref() == Some(&refund.claim.refund_no);
            is_its_refund && correction.due_fen == 0
        });
        if is_made {
            self.record(
                out,
                MoneyRecord::CorrectionDone {
                    trade_no: trade_no.clone(),
                    by: "parkgate".to_owned(),
                    why: format!("refund {}", refund.claim.refund_no),
                    at: now.clone(),
                },
            );
        }
    }

    pub(super) fn refund_is(&mut self, number: &str, told: RefundTold, out: &mut Out) {
        let refund_no = number.to_owned();
        self.record(out, MoneyRecord::RefundTold { refund_no, told });
    }

    /// After a restart: what needs a person is on record, and its alarm is not.
    pub(super) fn tell_of_stuck_refunds(&self, out: &mut Out) {
        let open = self.book.refunds().open();
        for refund in open.filter(|refund| refund.state.needs_a_person()) {
            let what = "it needs a person; see `parkgate review list`";
            out.alarms.push(stuck(refund, what));
        }
    }

    pub(super) fn refund_seen_to(number: &str) -> Alarm {
        Alarm {
            kind: AlarmKind::RefundStuck,
            subject: number.to_owned(),
            raised: false,
            text: "the refund goes on, or is done with".to_owned(),
        }
    }
}

/// What to do about a refusal, by WeChat's code (`wechat-pay.md` 4.1).
pub fn remedy(code: &str) -> &'static str {
    match code {
        "NOT_ENOUGH" => {
            "the merchant's balance is too small; top it up in the merchant platform. It goes again by \
             itself, at once with `parkgate refund retry`"
        }
        "USER_ACCOUNT_ABNORMAL" => {
            "the driver's account is closed; pay otherwise and end it with `parkgate refund close`"
        }
        "REQUEST_BLOCKED" => {
            "WeChat says why in its message; when that is mended, `parkgate refund retry`"
        }
        "NO_AUTH" | "SIGN_ERROR" => {
            "check that the merchant may refund through the API, the key and the certificate serial. It \
             goes again by itself"
        }
        "RESOURCE_NOT_EXISTS" | "MCH_NOT_EXISTS" => {
            "WeChat does not know the charge or the merchant; check merchant id and sub-merchant"
        }
        _ => {
            "see the message: the payment may be over a year old, or refunded in the merchant platform \
             already. `parkgate refund retry` sends it again, `parkgate refund close` ends it"
        }
    }
}

fn stuck(refund: &Refund, what: &str) -> Alarm {
    let claim = &refund.claim;
    Alarm {
        kind: AlarmKind::RefundStuck,
        subject: claim.refund_no.clone(),
        raised: true,
        text: format!(
            "refund {} of {} yuan of charge {}: {what}",
            claim.refund_no,
            yuan(claim.fen),
            claim.trade_no
        ),
    }
}
