//! Rules about charges and entries.

use super::charge::{Charge, Stage};
use super::{Oracle, Rule, Verdict, View, hold, price};
use crate::charges::book::Book;
use crate::charges::charge::StaffReason;
use crate::charges::queue::Request;
use crate::charges::record::MoneyRecord;
use crate::lane::number::SessionId;
use crate::sim::wechat::{OrderState, Simulator};

/// A plate's next entry waits this long for its older charge.
const OLDER_CHARGE_WAIT_MS: u64 = 10 * 60 * 1000;

impl Oracle {
    pub(super) fn judge_money(&mut self, record: &MoneyRecord, view: &View<'_>) -> Verdict {
        match record {
            MoneyRecord::ChargeOpened { claim } => self.judge_claim(claim, view),
            MoneyRecord::EntrySent {
                session,
                attempt,
                body,
            } => self.judge_entry_sent(session, *attempt, body),
            MoneyRecord::EntryRegistered { .. }
            | MoneyRecord::EntryServiceChanged { .. }
            | MoneyRecord::AdvanceRepaid { .. } => self.judge_answer(record),
            MoneyRecord::PaymentTaken { payment } => self.judge_payment(payment),
            MoneyRecord::ChargeSuperseded { trade_no } => self.judge_superseded(trade_no),
            MoneyRecord::ChargeSent { trade_no, body } => {
                self.judge_move(trade_no, record)?;
                let known = self.charge(trade_no)?.body.is_some();
                hold(known != body.is_some(), Rule::FrozenNeverChanges, || {
                    format!(
                        "{trade_no} was frozen {}",
                        if known { "twice" } else { "never" }
                    )
                })
            }
            MoneyRecord::ChargeAccepted { trade_no, .. }
            | MoneyRecord::ChargeSettled { trade_no, .. }
            | MoneyRecord::ChargeFailed { trade_no } => {
                self.judge_move(trade_no, record)?;
                self.judge_answer(record)?;
                self.judge_by_books(trade_no, record, view.simulator)
            }
            MoneyRecord::ChargeHandedToStaff { trade_no, reason } => {
                self.judge_move(trade_no, record)?;
                if *reason == StaffReason::Superseded && !self.charge(trade_no)?.superseded {
                    self.judge_superseded(trade_no)?;
                }
                self.judge_by_books(trade_no, record, view.simulator)
            }
            MoneyRecord::ChargeWithdrawn { trade_no, .. } => {
                let stage = self.charge(trade_no)?.stage;
                let may = matches!(stage, Stage::Waiting | Stage::Due);
                hold(may, Rule::OneChannel, || {
                    format!("{trade_no} was withdrawn while it was {stage:?}")
                })?;
                self.judge_by_books(trade_no, record, view.simulator)
            }
            MoneyRecord::StaffFinished { trade_no, how } => {
                self.judge_move(trade_no, record)?;
                self.judge_replacement(trade_no, how)?;
                self.judge_by_books(trade_no, record, view.simulator)
            }
            MoneyRecord::ChargeDueAgain { trade_no, .. }
            | MoneyRecord::ChargeUnknown { trade_no, .. }
            | MoneyRecord::ChargeToRepeat { trade_no, .. }
            | MoneyRecord::ChargeRefused { trade_no, .. } => self.judge_move(trade_no, record),
            MoneyRecord::ChargeLetOut { trade_no } => self.charge(trade_no).map(|_| ()),
            MoneyRecord::CorrectionAsked { correction } => self.judge_correction(correction),
            MoneyRecord::CorrectionDone { trade_no, .. } => {
                let is_open = self.model.corrections.get(trade_no) == Some(&true);
                hold(is_open, Rule::CorrectionIsOfWhatIsFiled, || {
                    format!("{trade_no} was corrected, and nobody had asked")
                })
            }
            MoneyRecord::EntryOpened { session, .. } => {
                let is_new = !self.model.entries.contains_key(session);
                hold(is_new, Rule::NumbersAreNew, || {
                    format!("{session} has two entries")
                })
            }
            MoneyRecord::EntryUnknown { session, .. }
            | MoneyRecord::EntryRenumbered { session, .. }
            | MoneyRecord::EntryEnded { session, .. } => {
                let is_known = self.model.entries.contains_key(session);
                hold(is_known, Rule::StatesMoveForward, || {
                    format!("{session} has no entry, and then: {record:?}")
                })
            }
            MoneyRecord::RefundAsked { .. }
            | MoneyRecord::RefundSent { .. }
            | MoneyRecord::RefundTold { .. }
            | MoneyRecord::RefundGivenUp { .. } => self.judge_refund(record, view),
            MoneyRecord::SpotAsked { .. }
            | MoneyRecord::SpotSent { .. }
            | MoneyRecord::SpotTold { .. }
            | MoneyRecord::SpotGivenUp { .. } => self.judge_code(record, view),
            // Also by an error that nobody signed: it only keeps the box from asking.
            MoneyRecord::MerchantStopped { .. } | MoneyRecord::MerchantResumed => Ok(()),
            MoneyRecord::NoticeTaken { id, .. } => self.judge_notice(id, record),
            // It says of itself what it is.
            MoneyRecord::NoticeSetAside { .. } => Ok(()),
        }
    }

    /// What is asked for is on disk as it is asked for, and its turn has come.
    pub(super) fn judge_call(&self, request: &Request) -> Verdict {
        match request {
            Request::NotifyEntry { session, body } => {
                let entry = self.model.entries.get(session);
                let frozen = entry.and_then(|entry| entry.bodies.values().next_back());
                hold(frozen == Some(body), Rule::FrozenNeverChanges, || {
                    format!("the entry of {session} leaves with other bytes than on disk")
                })?;
                self.judge_turn_of(session)
            }
            Request::Charge { trade_no, body } => {
                let frozen = self.charge(trade_no)?.body.as_ref();
                hold(frozen == Some(body), Rule::FrozenNeverChanges, || {
                    format!("{trade_no} leaves with other bytes than on disk")
                })?;
                self.judge_beside_code(trade_no)
            }
            Request::Spot { number, body, .. } => {
                let frozen = self.model.codes.all.get(number);
                let frozen = frozen.and_then(|code| code.body.as_ref());
                hold(frozen == Some(body), Rule::FrozenNeverChanges, || {
                    format!("{number} leaves with other bytes than on disk")
                })
            }
            Request::Refund { refund_no, body } => self.judge_refund_call(refund_no, body),
            Request::Query { .. }
            | Request::QueryRefund { .. }
            | Request::QuerySpot { .. }
            | Request::CloseSpot { .. } => Ok(()),
        }
    }

    pub(super) fn judge_sums(&self, book: &Book) -> Verdict {
        let totals = book.totals();
        let queued: u64 = book.charges().map(|charge| charge.fee_fen()).sum();
        let desk: u64 = book.desk().map(|charge| charge.fee_fen()).sum();
        let parts = totals.settled.fen + totals.handed_to_staff.fen + totals.withdrawn.fen;
        let done = totals.collected.fen + totals.written_off.fen + totals.replaced.fen;
        hold(
            totals.opened.fen == parts + queued && totals.handed_to_staff.fen == desk + done,
            Rule::SumsBalance,
            || format!("{totals:?}, in the queue {queued}, with the staff {desk}"),
        )
    }

    pub(super) fn charge(&self, trade_no: &str) -> Result<&Charge, super::Violation> {
        let charge = self.model.charges.get(trade_no);
        charge.ok_or_else(|| super::Violation {
            rule: Rule::StatesMoveForward,
            what: format!("{trade_no} was never opened"),
        })
    }

    fn judge_move(&self, trade_no: &str, record: &MoneyRecord) -> Verdict {
        use Stage::*;
        let from = self.charge(trade_no)?.stage;
        let may_come_from: &[Stage] = match record {
            MoneyRecord::ChargeSent { .. } => &[Waiting, Due, ToRepeat],
            MoneyRecord::ChargeDueAgain { .. } => &[Sent, Unknown, ToRepeat],
            MoneyRecord::ChargeUnknown { .. } => &[Sent],
            MoneyRecord::ChargeToRepeat { .. } => &[Sent, Unknown],
            MoneyRecord::ChargeAccepted { .. } => &[Due, Sent, Unknown, ToRepeat],
            MoneyRecord::ChargeSettled { .. } | MoneyRecord::ChargeFailed { .. } => {
                &[Due, Sent, Unknown, ToRepeat, Accepted]
            }
            MoneyRecord::ChargeRefused { .. } => &[Sent, Unknown],
            MoneyRecord::ChargeHandedToStaff { reason, .. } => match reason {
                StaffReason::Unsettled => &[Accepted],
                StaffReason::Refused(_) => &[Refused],
                StaffReason::PaymentFailed => &[Failed],
                StaffReason::Blocked(_)
                | StaffReason::NotRegistered(_)
                | StaffReason::Superseded
                | StaffReason::Guarded(_)
                | StaffReason::ByHand { .. } => &[Waiting, Due],
            },
            MoneyRecord::StaffFinished { .. } => &[WithStaff],
            MoneyRecord::EntryOpened { .. }
            | MoneyRecord::EntrySent { .. }
            | MoneyRecord::EntryUnknown { .. }
            | MoneyRecord::EntryRegistered { .. }
            | MoneyRecord::EntryRenumbered { .. }
            | MoneyRecord::EntryEnded { .. }
            | MoneyRecord::ChargeOpened { .. }
            | MoneyRecord::ChargeSuperseded { .. }
            | MoneyRecord::ChargeLetOut { .. }
            | MoneyRecord::ChargeWithdrawn { .. }
            | MoneyRecord::PaymentTaken { .. }
            | MoneyRecord::NoticeTaken { .. }
            | MoneyRecord::EntryServiceChanged { .. }
            | MoneyRecord::AdvanceRepaid { .. }
            | MoneyRecord::NoticeSetAside { .. }
            | MoneyRecord::CorrectionAsked { .. }
            | MoneyRecord::CorrectionDone { .. }
            | MoneyRecord::RefundAsked { .. }
            | MoneyRecord::RefundSent { .. }
            | MoneyRecord::RefundTold { .. }
            | MoneyRecord::RefundGivenUp { .. }
            | MoneyRecord::SpotAsked { .. }
            | MoneyRecord::SpotSent { .. }
            | MoneyRecord::SpotTold { .. }
            | MoneyRecord::SpotGivenUp { .. }
            | MoneyRecord::MerchantStopped { .. }
            | MoneyRecord::MerchantResumed => return Ok(()),
        };
        hold(
            may_come_from.contains(&from),
            Rule::StatesMoveForward,
            || format!("{trade_no} was {from:?}, and then: {record:?}"),
        )
    }

    /// Money moves forward by WeChat's own word alone.
    pub(super) fn judge_answer(&self, record: &MoneyRecord) -> Verdict {
        let event = self.model.head.as_ref().map(|head| &head.event);
        let by_answer = event.is_some_and(|event| self.genuine.contains(event));
        hold(by_answer, Rule::OnlyVerifiedAnswersCount, || {
            format!("{record:?} follows from {event:?}")
        })
    }

    /// WeChat's side has the same.
    fn judge_by_books(
        &self,
        trade_no: &str,
        record: &MoneyRecord,
        simulator: &Simulator,
    ) -> Verdict {
        let order = simulator.order(trade_no).map(|order| order.state);
        let (rule, agrees) = match record {
            MoneyRecord::ChargeAccepted { .. } => (Rule::WechatAgrees, order.is_some()),
            MoneyRecord::ChargeSettled { .. } => {
                (Rule::WechatAgrees, order == Some(OrderState::Success))
            }
            MoneyRecord::ChargeFailed { .. } => {
                (Rule::WechatAgrees, order == Some(OrderState::PayFail))
            }
            MoneyRecord::ChargeHandedToStaff { reason, .. } => match reason {
                StaffReason::PaymentFailed | StaffReason::Unsettled => return Ok(()),
                StaffReason::Refused(_)
                | StaffReason::Blocked(_)
                | StaffReason::NotRegistered(_)
                | StaffReason::Superseded
                | StaffReason::Guarded(_)
                | StaffReason::ByHand { .. } => (Rule::WechatAgrees, order.is_none()),
            },
            MoneyRecord::ChargeWithdrawn { .. } | MoneyRecord::StaffFinished { .. } => (
                Rule::OneChannel,
                order.is_none() || order == Some(OrderState::PayFail),
            ),
            MoneyRecord::EntryOpened { .. }
            | MoneyRecord::EntrySent { .. }
            | MoneyRecord::EntryUnknown { .. }
            | MoneyRecord::EntryRegistered { .. }
            | MoneyRecord::EntryRenumbered { .. }
            | MoneyRecord::EntryEnded { .. }
            | MoneyRecord::ChargeOpened { .. }
            | MoneyRecord::ChargeSent { .. }
            | MoneyRecord::ChargeDueAgain { .. }
            | MoneyRecord::ChargeUnknown { .. }
            | MoneyRecord::ChargeToRepeat { .. }
            | MoneyRecord::ChargeRefused { .. }
            | MoneyRecord::ChargeSuperseded { .. }
            | MoneyRecord::ChargeLetOut { .. }
            | MoneyRecord::PaymentTaken { .. }
            | MoneyRecord::NoticeTaken { .. }
            | MoneyRecord::EntryServiceChanged { .. }
            | MoneyRecord::AdvanceRepaid { .. }
            | MoneyRecord::NoticeSetAside { .. }
            | MoneyRecord::CorrectionAsked { .. }
            | MoneyRecord::CorrectionDone { .. }
            | MoneyRecord::RefundAsked { .. }
            | MoneyRecord::RefundSent { .. }
            | MoneyRecord::RefundTold { .. }
            | MoneyRecord::RefundGivenUp { .. }
            | MoneyRecord::SpotAsked { .. }
            | MoneyRecord::SpotSent { .. }
            | MoneyRecord::SpotTold { .. }
            | MoneyRecord::SpotGivenUp { .. }
            | MoneyRecord::MerchantStopped { .. }
            | MoneyRecord::MerchantResumed => return Ok(()),
        };
        hold(agrees, rule, || {
            format!("{record:?}, and at WeChat the order is {order:?}")
        })
    }

    fn judge_entry_sent(&self, session: &SessionId, attempt: u16, body: &str) -> Verdict {
        let entry = self.model.entries.get(session);
        let earlier = entry.and_then(|entry| entry.bodies.get(&attempt));
        let is_same = earlier.is_none_or(|earlier| earlier == body);
        let started = entry.and_then(|entry| entry.bodies.values().next());
        let starts_same = started.is_none_or(|first| start_of(first) == start_of(body));
        hold(is_same && starts_same, Rule::FrozenNeverChanges, || {
            format!("the entry of {session} was frozen otherwise before")
        })
    }

    /// No entry overtakes a newer one, or an older charge of its plate.
    fn judge_turn_of(&self, session: &SessionId) -> Verdict {
        let Some(entry) = self.model.entries.get(session) else {
            return Ok(());
        };
        let newest = self.model.notified.get(&entry.plate);
        hold(
            newest.is_none_or(|newest| newest <= session),
            Rule::OlderChargeFirst,
            || format!("the entry of {session} goes after {newest:?}"),
        )?;
        let charges = self.model.charges.values();
        let mut of_plate = charges.filter(|charge| charge.claim.plate == entry.plate);
        let older = of_plate.find(|charge| {
            charge.claim.session < *session && charge.is_unfiled() && !charge.superseded
        });
        hold(older.is_none(), Rule::OlderChargeFirst, || {
            let number = older.map(|charge| &charge.claim.trade_no);
            format!("the entry of {session} goes before {number:?} is filed")
        })
    }

    /// A charge is given up for a newer entry of its plate, which has waited long enough for it.
    fn judge_superseded(&self, trade_no: &str) -> Verdict {
        let charge = self.charge(trade_no)?;
        let Some(head) = &self.model.head else {
            return Ok(());
        };
        let newer = self.model.entries.iter().filter(|(session, entry)| {
            **session > charge.claim.session && entry.plate == charge.claim.plate
        });
        let waited = newer
            .map(|(_, entry)| {
                let now = crate::lane::time::Stamp {
                    now: head.now,
                    box_id: entry.entered.box_id.clone(),
                };
                price::stay_ms(&entry.entered, &now).unwrap_or(u64::MAX)
            })
            .max();
        hold(
            waited.is_some_and(|ms| ms >= OLDER_CHARGE_WAIT_MS),
            Rule::OlderChargeFirst,
            || format!("{trade_no} was given up for an entry that had waited {waited:?} ms"),
        )
    }
}

fn start_of(body: &str) -> Option<&str> {
    let (_, rest) = body.split_once(r#""start_time":""#)?;
    rest.split_once('"').map(|(start, _)| start)
}
