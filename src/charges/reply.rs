//! What each answer means, one exhaustive match a call. Only a verified answer moves money forward.

use super::agenda::Item;
use super::answer::{Answer, Heard, ParkingEntry, Refusal, TradeState, Transaction};
use super::backoff;
use super::charge::{Charge, ChargeState, StaffReason};
use super::entry::{EntryEnd, EntryState};
use super::link::is_set_up_error;
use super::queue::{Out, Queue};
use super::record::MoneyRecord;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::number::SessionId;
use crate::lane::time::Stamp;

/// New numbers that a refused repeat of an entry may draw.
const RENUMBERINGS_MAX: u16 = 3;

impl Queue {
    /// *Create entry* was answered.
    pub fn entry_answered(
        &mut self,
        session: &SessionId,
        heard: &Heard<ParkingEntry>,
        now: &Stamp,
        out: &mut Out,
    ) {
        let item = Item::Entry(session.clone());
        self.agenda.landed(&item);
        self.note_link(&heard.answer, item.key(), now, out);
        let Some(entry) = self.book.entry(session).cloned() else {
            return;
        };
        if !super::queue::is_to_send(&entry) {
            return;
        }
        let session = session.clone();
        let number = session.parking_no(entry.attempt);
        match &heard.answer {
            Answer::Verified(made)
                if made.out_parking_no == number && made.plate_number == entry.plate.as_str() =>
            {
                self.agenda.forget(&item);
                let parking_id = made.parking_id.clone();
                let service = made.state.clone();
                let as_of = now.clone();
                let record = MoneyRecord::EntryRegistered {
                    session,
                    parking_id,
                    service,
                    as_of,
                };
                self.record(out, record);
                self.wake_charges_of(&entry.plate, now);
            }
            Answer::Verified(made) => {
                out.alarms.push(mismatch(&number, &made.out_parking_no));
                self.entry_lost(&entry.state, session, "the answer names another entry", out);
                self.again_later(&item, now);
            }
            Answer::Refused(refusal) if is_set_up_error(refusal.status, &refusal.code) => {
                self.stop_merchant(refusal, heard.skew_ms, now, out);
                self.agenda.put(&item, now.now.moment);
            }
            Answer::Refused(refusal) => {
                let is_repeat = entry.state == EntryState::Unknown;
                let attempt = entry.attempt + 1;
                let code = refusal.code.clone();
                if is_repeat && attempt <= RENUMBERINGS_MAX {
                    self.record(
                        out,
                        MoneyRecord::EntryRenumbered {
                            session,
                            attempt,
                            code,
                        },
                    );
                    self.again_later(&item, now);
                } else {
                    self.agenda.forget(&item);
                    let why = EntryEnd::Refused(code);
                    self.record(out, MoneyRecord::EntryEnded { session, why });
                    self.wake_charges_of(&entry.plate, now);
                }
            }
            Answer::Throttled { retry_after_ms } => self.throttled(&item, *retry_after_ms, now),
            Answer::NotSent(_) => self.again_later(&item, now),
            Answer::Lost(why) => {
                self.entry_lost(&entry.state, session, why, out);
                self.again_later(&item, now);
            }
        }
    }

    /// *Charge* was answered.
    pub fn charge_answered(
        &mut self,
        trade_no: &str,
        heard: &Heard<Transaction>,
        now: &Stamp,
        out: &mut Out,
    ) {
        let item = Item::Charge(trade_no.to_owned());
        self.agenda.landed(&item);
        self.note_link(&heard.answer, item.key(), now, out);
        let Some(charge) = self.book.charge(trade_no).cloned() else {
            return;
        };
        if charge.state != ChargeState::Sent {
            return;
        }
        let trade_no = trade_no.to_owned();
        match &heard.answer {
            Answer::Verified(transaction) => self.order_seen(&charge, transaction, now, out),
            Answer::Refused(refusal) if is_set_up_error(refusal.status, &refusal.code) => {
                let why = refusal.code.clone();
                self.record(out, MoneyRecord::ChargeDueAgain { trade_no, why });
                self.stop_merchant(refusal, heard.skew_ms, now, out);
                self.agenda.put(&item, now.now.moment);
            }
            Answer::Refused(refusal) if charge.sends > 1 => {
                let refused = Some(refusal.code.clone());
                let why = "refused after an earlier try; it may have been taken on".to_owned();
                self.record(
                    out,
                    MoneyRecord::ChargeUnknown {
                        trade_no,
                        why,
                        refused,
                    },
                );
                self.agenda.put(&item, now.now.moment);
            }
            Answer::Refused(refusal) => {
                self.hand_to_staff(&trade_no, StaffReason::Refused(refusal.code.clone()), out);
            }
            Answer::Throttled { retry_after_ms } => {
                let why = "throttled".to_owned();
                self.record(out, MoneyRecord::ChargeDueAgain { trade_no, why });
                self.throttled(&item, *retry_after_ms, now);
            }
            Answer::NotSent(why) => {
                let why = why.clone();
                self.record(out, MoneyRecord::ChargeDueAgain { trade_no, why });
                self.again_later(&item, now);
            }
            Answer::Lost(why) => self.charge_lost(trade_no, why.clone(), now, out),
        }
    }

    /// *Query* was answered.
    pub fn query_answered(
        &mut self,
        trade_no: &str,
        heard: &Heard<Transaction>,
        now: &Stamp,
        out: &mut Out,
    ) {
        let item = Item::Charge(trade_no.to_owned());
        self.agenda.landed(&item);
        self.note_link(&heard.answer, item.key(), now, out);
        let charge = self.book.charge(trade_no).cloned();
        match &heard.answer {
            Answer::Refused(refusal) if is_set_up_error(refusal.status, &refusal.code) => {
                self.stop_merchant(refusal, heard.skew_ms, now, out);
                if charge.is_some() {
                    self.agenda.put(&item, now.now.moment);
                }
                return;
            }
            Answer::Verified(_) | Answer::Refused(_) => self.resume_merchant(now, out),
            Answer::Throttled { .. } | Answer::NotSent(_) | Answer::Lost(_) => {}
        }
        let Some(charge) = charge else {
            return;
        };
        match &heard.answer {
            Answer::Verified(transaction) => self.order_seen(&charge, transaction, now, out),
            Answer::Refused(refusal) if refusal.status == 404 => {
                self.order_missing(&charge, now, out);
            }
            Answer::Refused(_) | Answer::NotSent(_) | Answer::Lost(_) => {
                self.again_later(&item, now);
            }
            Answer::Throttled { retry_after_ms } => self.throttled(&item, *retry_after_ms, now),
        }
    }

    /// The call is still on its way after longer than any call takes.
    pub(super) fn lost_in_flight(&mut self, item: &Item, now: &Stamp, out: &mut Out) {
        let why = "no answer reached the queue".to_owned();
        match item {
            Item::Entry(session) => {
                let heard = lost(why);
                self.entry_answered(session, &heard, now, out);
            }
            Item::Charge(trade_no) => {
                let sent = self
                    .book
                    .charge(trade_no)
                    .is_some_and(|c| c.state == ChargeState::Sent);
                let heard = lost(why);
                if sent {
                    self.charge_answered(trade_no, &heard, now, out);
                } else {
                    self.query_answered(trade_no, &heard, now, out);
                }
            }
        }
    }

    /// A verified answer shows the order. It counts only if it is ours in every point.
    fn order_seen(
        &mut self,
        charge: &Charge,
        transaction: &Transaction,
        now: &Stamp,
        out: &mut Out,
    ) {
        let trade_no = charge.claim.trade_no.clone();
        let item = Item::Charge(trade_no.clone());
        if !charge.is_meant_by(transaction) {
            out.alarms
                .push(mismatch(&trade_no, &transaction.out_trade_no));
            if charge.state == ChargeState::Sent {
                let why = "the answer names another order, sum, entry or plate".to_owned();
                self.record(
                    out,
                    MoneyRecord::ChargeUnknown {
                        trade_no,
                        why,
                        refused: None,
                    },
                );
            }
            self.again_later(&item, now);
            return;
        }
        let was_accepted = matches!(charge.state, ChargeState::Accepted { .. });
        match &transaction.state {
            TradeState::Success | TradeState::Refund => {
                self.agenda.forget(&item);
                let transaction_id = transaction.transaction_id.clone();
                let bank_type = transaction.bank_type.clone();
                let record = MoneyRecord::ChargeSettled {
                    trade_no,
                    transaction_id,
                    bank_type,
                };
                self.record(out, record);
            }
            TradeState::PayFail => {
                self.hand_to_staff(&trade_no, StaffReason::PaymentFailed, out);
            }
            TradeState::Accepted if !was_accepted => {
                self.agenda.moved_on(&item);
                self.record(
                    out,
                    MoneyRecord::ChargeAccepted {
                        trade_no,
                        at: now.clone(),
                    },
                );
                self.poll_later(&item, now);
            }
            TradeState::Accepted => self.poll_later(&item, now),
            TradeState::Other(_) if was_accepted => self.poll_later(&item, now),
            TradeState::Other(word) => {
                let why = format!("trade_state {word:?} is not known to this version");
                if charge.state == ChargeState::Sent {
                    self.record(
                        out,
                        MoneyRecord::ChargeUnknown {
                            trade_no,
                            why,
                            refused: None,
                        },
                    );
                }
                self.again_later(&item, now);
            }
        }
        self.wake_entries_of(&charge.claim.plate, now);
    }

    /// WeChat has no such order.
    fn order_missing(&mut self, charge: &Charge, now: &Stamp, out: &mut Out) {
        let trade_no = charge.claim.trade_no.clone();
        let item = Item::Charge(trade_no.clone());
        match &charge.state {
            ChargeState::Unknown { .. } if charge.superseded => {
                self.due_again(&trade_no, "WeChat has no such order", out);
                self.hand_to_staff(&trade_no, StaffReason::Superseded, out);
            }
            ChargeState::Unknown {
                refused: Some(code),
            } => {
                let code = code.clone();
                self.due_again(&trade_no, "WeChat has no such order", out);
                self.hand_to_staff(&trade_no, StaffReason::Refused(code), out);
            }
            ChargeState::Unknown { refused: None } => {
                self.due_again(&trade_no, "WeChat has no such order", out);
                self.agenda.put(&item, now.now.moment);
            }
            ChargeState::Accepted { .. } => {
                out.alarms.push(Alarm {
                    kind: AlarmKind::AnswerMismatch,
                    subject: trade_no,
                    raised: true,
                    text: "WeChat accepted this order and now does not know it; \
                           ask WeChat's support with the number"
                        .to_owned(),
                });
                self.poll_later(&item, now);
            }
            _ => self.again_later(&item, now),
        }
        self.wake_entries_of(&charge.claim.plate, now);
    }

    fn charge_lost(&mut self, trade_no: String, why: String, now: &Stamp, out: &mut Out) {
        let item = Item::Charge(trade_no.clone());
        self.record(
            out,
            MoneyRecord::ChargeUnknown {
                trade_no,
                why,
                refused: None,
            },
        );
        self.again_later(&item, now);
    }

    fn due_again(&mut self, trade_no: &str, why: &str, out: &mut Out) {
        let (trade_no, why) = (trade_no.to_owned(), why.to_owned());
        self.record(out, MoneyRecord::ChargeDueAgain { trade_no, why });
    }

    fn entry_lost(&mut self, state: &EntryState, session: SessionId, why: &str, out: &mut Out) {
        if *state != EntryState::Unknown {
            self.record(
                out,
                MoneyRecord::EntryUnknown {
                    session,
                    why: why.to_owned(),
                },
            );
        }
    }

    fn note_link<T>(&mut self, answer: &Answer<T>, key: &str, now: &Stamp, out: &mut Out) {
        let (changed, raised) = match answer {
            Answer::Verified(_) | Answer::Refused(_) | Answer::Throttled { .. } => {
                (self.link.answered(), false)
            }
            Answer::NotSent(_) | Answer::Lost(_) => (self.link.failed(key, now.now.moment), true),
        };
        if changed {
            let text = match answer {
                Answer::NotSent(why) | Answer::Lost(why) => {
                    format!("WeChat does not answer ({why}); charges wait in the ledger")
                }
                _ => "WeChat answers again".to_owned(),
            };
            let subject = "wechat".to_owned();
            out.alarms.push(Alarm {
                kind: AlarmKind::WechatSilent,
                subject,
                raised,
                text,
            });
        }
    }

    fn stop_merchant(
        &mut self,
        refusal: &Refusal,
        skew_ms: Option<i64>,
        now: &Stamp,
        out: &mut Out,
    ) {
        if self.book.stop().is_some() {
            return;
        }
        let delay = backoff::half_open_delay_ms(0);
        self.half_open = Some((now.now.moment.after_ms(delay), 1));
        let (code, message) = (refusal.code.clone(), refusal.message.clone());
        let clock = match skew_ms {
            Some(skew) if skew.abs() > 60_000 => {
                format!(
                    "; the box's clock is off by {} s: set it first",
                    skew / 1000
                )
            }
            _ => String::new(),
        };
        let text = format!(
            "WeChat refuses this merchant ({} {code}: {message}){clock}; \
             check the key, the certificate serial and the parking permission",
            refusal.status
        );
        let subject = "merchant".to_owned();
        out.alarms.push(Alarm {
            kind: AlarmKind::MerchantStopped,
            subject,
            raised: true,
            text,
        });
        self.record(out, MoneyRecord::MerchantStopped { code, message });
    }

    fn resume_merchant(&mut self, _now: &Stamp, out: &mut Out) {
        if self.book.stop().is_none() {
            return;
        }
        self.half_open = None;
        self.record(out, MoneyRecord::MerchantResumed);
        out.alarms.push(Alarm {
            kind: AlarmKind::MerchantStopped,
            subject: "merchant".to_owned(),
            raised: false,
            text: "WeChat accepts this merchant again".to_owned(),
        });
    }

    fn throttled(&mut self, item: &Item, retry_after_ms: Option<u64>, now: &Stamp) {
        let tries = self.agenda.tried(item);
        let own = backoff::item_delay_ms(item.key(), tries);
        self.agenda.put(
            item,
            now.now
                .moment
                .after_ms(own.max(retry_after_ms.unwrap_or(0))),
        );
    }

    /// While WeChat is silent the link's own back-off rules; an item's grows only when others get
    /// through.
    fn again_later(&mut self, item: &Item, now: &Stamp) {
        let tries = if self.link.is_silent() {
            0
        } else {
            self.agenda.tried(item)
        };
        let delay = backoff::item_delay_ms(item.key(), tries);
        self.agenda.put(item, now.now.moment.after_ms(delay));
    }

    fn poll_later(&mut self, item: &Item, now: &Stamp) {
        let delay = if self.lane_waits_for(item.key()) {
            super::queue::LANE_POLL_MS
        } else {
            let polls = self.agenda.tried(item);
            backoff::poll_delay_ms(item.key(), polls)
        };
        self.agenda.put(item, now.now.moment.after_ms(delay));
    }

    /// The plate's entry has moved on: its charge may go now.
    fn wake_charges_of(&mut self, plate: &crate::lane::plate::PlateNumber, now: &Stamp) {
        let waiting: Vec<Item> = self
            .book
            .charges_of(plate)
            .filter(|c| c.state == ChargeState::WaitingForEntry)
            .map(|c| Item::Charge(c.claim.trade_no.clone()))
            .collect();
        for item in waiting {
            self.agenda.put(&item, now.now.moment);
        }
    }

    /// The plate's charge has moved on: its next entry may go now.
    fn wake_entries_of(&mut self, plate: &crate::lane::plate::PlateNumber, now: &Stamp) {
        let waiting: Vec<Item> = self
            .book
            .entries()
            .filter(|e| e.plate == *plate && e.state == EntryState::Pending)
            .map(|e| Item::Entry(e.session.clone()))
            .collect();
        for item in waiting {
            if !self.agenda.is_in_flight(&item) {
                self.agenda.put(&item, now.now.moment);
            }
        }
    }
}

fn lost<T>(why: String) -> Heard<T> {
    Heard {
        answer: Answer::Lost(why),
        request_id: None,
        skew_ms: None,
    }
}

fn mismatch(ours: &str, theirs: &str) -> Alarm {
    Alarm {
        kind: AlarmKind::AnswerMismatch,
        subject: ours.to_owned(),
        raised: true,
        text: format!(
            "a verified answer to {ours} speaks of something else ({theirs}); nothing is \
             believed of it, the order will be queried"
        ),
    }
}
