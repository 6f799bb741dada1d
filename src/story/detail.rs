//! What happened, in codes, numbers and other people's words.

use serde::Serialize;

use super::happening::What;
use crate::charges::answer::{Answer, Heard, ParkingEntry, Refusal, TradeState, Transaction};
use crate::charges::record::{Correction, MoneyRecord};
use crate::lane::service::ServiceState;
use crate::notice::Notice;

/// What a record about money is called here, and its detail; None if the story does without it.
pub(super) fn money(record: &MoneyRecord) -> (Option<What>, String) {
    let bytes = |body: &str| format!("{} B", body.len());
    let (what, detail) = match record {
        MoneyRecord::EntryOpened {
            not_registrable, ..
        } => (
            What::EntryOpened,
            not_registrable.as_ref().map(word).unwrap_or_default(),
        ),
        MoneyRecord::EntrySent {
            session,
            attempt,
            body,
        } => {
            let number = session.parking_no((*attempt).min(1023));
            (What::EntrySent, format!("{number}, {}", bytes(body)))
        }
        MoneyRecord::EntryUnknown { why, .. } => (What::EntryUnknown, why.clone()),
        MoneyRecord::EntryRegistered {
            parking_id,
            service,
            ..
        } => {
            let service = service_word(service);
            (What::EntryRegistered, format!("{parking_id}, {service}"))
        }
        MoneyRecord::EntryServiceChanged { service, .. } => {
            (What::EntryServiceChanged, service_word(service))
        }
        MoneyRecord::AdvanceRepaid { .. } => (What::AdvanceRepaid, String::new()),
        MoneyRecord::EntryRenumbered { code, .. } => (What::EntryRenumbered, code.clone()),
        MoneyRecord::EntryEnded { why, .. } => (What::EntryEnded, word(why)),
        MoneyRecord::ChargeOpened { claim } => (What::ChargeOpened, claim.trade_no.clone()),
        MoneyRecord::ChargeSent { body, .. } => (
            What::ChargeSent,
            body.as_deref().map(bytes).unwrap_or_default(),
        ),
        MoneyRecord::ChargeDueAgain { why, .. } => (What::ChargeDueAgain, why.clone()),
        MoneyRecord::ChargeUnknown { why, refused, .. } => match refused {
            Some(code) => (What::ChargeUnknown, format!("{why}: {code}")),
            None => (What::ChargeUnknown, why.clone()),
        },
        MoneyRecord::ChargeToRepeat { why, .. } => (What::ChargeToRepeat, why.clone()),
        MoneyRecord::ChargeAccepted { .. } => (What::ChargeAccepted, String::new()),
        MoneyRecord::ChargeSettled {
            transaction_id,
            bank_type,
            paid,
            ..
        } => {
            let coupons = paid.coupon_fen.map(|fen| format!("coupons {fen} fen"));
            let parts = [
                transaction_id.as_deref(),
                bank_type.as_deref(),
                coupons.as_deref(),
            ];
            let detail: Vec<&str> = parts.into_iter().flatten().collect();
            (What::ChargeSettled, detail.join(", "))
        }
        MoneyRecord::ChargeRefused { code, .. } => (What::ChargeRefused, code.clone()),
        MoneyRecord::ChargeFailed { .. } => (What::ChargeFailed, String::new()),
        MoneyRecord::ChargeSuperseded { .. } => (What::ChargeSuperseded, String::new()),
        MoneyRecord::ChargeLetOut { .. } => (What::ChargeLetOut, String::new()),
        MoneyRecord::ChargeHandedToStaff { reason, .. } => {
            (What::ChargeHandedToStaff, word(reason))
        }
        MoneyRecord::ChargeWithdrawn { reason, .. } => (What::ChargeWithdrawn, word(reason)),
        MoneyRecord::StaffFinished { how, .. } => (What::StaffFinished, word(how)),
        MoneyRecord::PaymentTaken { payment } => {
            let (fen, by, channel) = (payment.fen, &payment.by, &payment.channel);
            let toward = word(&payment.toward);
            (
                What::PaymentTaken,
                format!("{fen} fen, {channel}, {by}: {toward}"),
            )
        }
        MoneyRecord::CorrectionAsked { correction } => {
            let Correction {
                charged_fen,
                due_fen,
                by,
                why,
                ..
            } = correction;
            let detail = format!("{charged_fen} fen → {due_fen} fen, {by}: {why}");
            (What::CorrectionAsked, detail)
        }
        MoneyRecord::CorrectionDone { by, why, .. } => {
            (What::CorrectionDone, format!("{by}: {why}"))
        }
        MoneyRecord::RefundAsked { refund } => {
            let (fen, by, why) = (refund.fen, &refund.by, &refund.why);
            let number = &refund.refund_no;
            (
                What::RefundAsked,
                format!("{number}: {fen} fen, {by}: {why}"),
            )
        }
        MoneyRecord::RefundSent { refund_no, .. } => (What::RefundSent, refund_no.clone()),
        MoneyRecord::RefundTold { refund_no, told } => {
            (What::RefundTold, format!("{refund_no}: {}", word(told)))
        }
        MoneyRecord::RefundGivenUp {
            refund_no, by, why, ..
        } => (What::RefundGivenUp, format!("{refund_no}, {by}: {why}")),
        MoneyRecord::SpotAsked { spot } => (
            What::SpotAsked,
            format!("{}: {} fen, {}", spot.number, spot.fen, spot.lane),
        ),
        MoneyRecord::SpotSent { number, .. } => (What::SpotSent, number.clone()),
        MoneyRecord::SpotTold { number, told } => {
            (What::SpotTold, format!("{number}: {}", word(told)))
        }
        MoneyRecord::SpotGivenUp { number, why, .. } => {
            (What::SpotGivenUp, format!("{number}: {}", word(why)))
        }
        MoneyRecord::NoticeTaken { .. }
        | MoneyRecord::NoticeSetAside { .. }
        | MoneyRecord::MerchantStopped { .. }
        | MoneyRecord::MerchantResumed => {
            return (None, String::new());
        }
    };
    (Some(what), detail)
}

fn service_word(service: &ServiceState) -> String {
    match service {
        ServiceState::Normal => "NORMAL".to_owned(),
        ServiceState::Blocked(why) => format!("BLOCKED {why}"),
    }
}

/// What WeChat told by itself, in its own words.
pub(super) fn notice_word(notice: &Notice) -> String {
    match notice {
        Notice::Entry(entry) => service_word(&entry.state),
        Notice::Order(order) => format!("{}, {}", word(&order.event), order_word(&order.order)),
        Notice::Refund(refund) => format!("{}, {}", refund.out_refund_no, word(&refund.state)),
        Notice::Native(native) => format!("{}, {}", native.out_trade_no, native.trade_state),
        Notice::Other { event_type } => event_type.clone(),
    }
}

pub(super) fn said<T>(heard: &Heard<T>, verified: impl Fn(&T) -> String) -> String {
    match &heard.answer {
        Answer::Verified(answer) => verified(answer),
        Answer::Refused(Refusal {
            status,
            code,
            message,
            proven,
        }) => {
            let signed = if *proven { "" } else { ", unsigned" };
            format!("{status} {code} {message}").trim_end().to_owned() + signed
        }
        Answer::Throttled { .. } => "429".to_owned(),
        Answer::NotSent(why) | Answer::Lost(why) => why.clone(),
    }
}

pub(super) fn entry_word(entry: &ParkingEntry) -> String {
    match &entry.state {
        ServiceState::Normal => "NORMAL".to_owned(),
        ServiceState::Blocked(why) => format!("BLOCKED {why}"),
    }
}

pub(super) fn order_word(order: &Transaction) -> String {
    match &order.state {
        TradeState::Accepted => "ACCEPTED".to_owned(),
        TradeState::Success => "SUCCESS".to_owned(),
        TradeState::PayFail => "PAY_FAIL".to_owned(),
        TradeState::Refund => "REFUND".to_owned(),
        TradeState::Other(word) => word.clone(),
    }
}

/// A reason by the name that it has in the ledger, with what belongs to it.
pub fn word(reason: &impl Serialize) -> String {
    fn of(value: &serde_json::Value) -> String {
        match value {
            serde_json::Value::String(word) => word.clone(),
            serde_json::Value::Object(object) => {
                let parts = object.iter().map(|(key, value)| match of(value) {
                    inner if inner.is_empty() => key.clone(),
                    inner => format!("{key} {inner}"),
                });
                parts.collect::<Vec<_>>().join(", ")
            }
            serde_json::Value::Array(items) => items.iter().map(of).collect::<Vec<_>>().join(", "),
            serde_json::Value::Null => String::new(),
            other => other.to_string(),
        }
    }
    of(&serde_json::to_value(reason).unwrap_or_default())
}
