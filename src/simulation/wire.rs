//! From the queue's calls to the simulator and back: what the client and the sender do on the box.

use serde_json::Value;

use crate::charges::answer::{
    Answer, CodeUrl, Heard, NativeSeen, ParkingEntry, RefundSeen, Refusal, Transaction,
};
use crate::charges::queue::Request;
use crate::park::event::Event;
use crate::sim::wechat::{Exchange, Request as Http};
use crate::wechat::parking::{self, ParseFault};
use crate::wechat::{native, refund};

/// The HTTP request of a call.
pub fn http(request: &Request) -> Http {
    match request {
        Request::NotifyEntry { body, .. } => Http::post(parking::ENTRIES, body.as_str()),
        Request::Charge { body, .. } => Http::post(parking::CHARGES, body.as_str()),
        Request::Query {
            trade_no,
            sub_mchid,
        } => {
            let order = parking::order(trade_no, sub_mchid.as_deref());
            Http::get(order.expect("our own numbers are well formed"))
        }
        Request::Refund { body, .. } => Http::post(refund::REFUNDS, body.as_str()),
        Request::QueryRefund {
            refund_no,
            sub_mchid,
        } => {
            let target = refund::target(refund_no, sub_mchid.as_deref());
            Http::get(target.expect("our own numbers are well formed"))
        }
        Request::Spot { payee, body, .. } => Http::post(payee.create(), body.as_str()),
        Request::QuerySpot { number, payee } => Http::get(
            payee
                .query(number)
                .expect("our own numbers are well formed"),
        ),
        Request::CloseSpot { number, payee } => {
            let (target, body) = payee
                .close(number)
                .expect("our own numbers are well formed");
            Http::post(target, body)
        }
    }
}

/// What the box hears of it; whether it believes the signature.
pub fn heard(request: &Request, exchange: &Exchange, verifies: bool) -> Event {
    match request {
        Request::NotifyEntry { session, .. } => Event::EntryAnswered {
            session: session.clone(),
            heard: judged(exchange, verifies, parking::parking_entry),
        },
        Request::Charge { trade_no, .. } => Event::ChargeAnswered {
            trade_no: trade_no.clone(),
            heard: judged(exchange, verifies, parking::transaction),
        },
        Request::Query { trade_no, .. } => Event::QueryAnswered {
            trade_no: trade_no.clone(),
            heard: judged(exchange, verifies, parking::transaction),
        },
        Request::Refund { refund_no, .. } => Event::RefundAnswered {
            refund_no: refund_no.clone(),
            heard: judged(exchange, verifies, refund::refund),
        },
        Request::QueryRefund { refund_no, .. } => Event::RefundQueryAnswered {
            refund_no: refund_no.clone(),
            heard: judged(exchange, verifies, refund::refund),
        },
        Request::Spot { number, .. } => Event::SpotAnswered {
            number: number.clone(),
            heard: judged(exchange, verifies, native::code_url),
        },
        Request::QuerySpot { number, .. } => Event::SpotQueryAnswered {
            number: number.clone(),
            heard: judged(exchange, verifies, native::seen),
        },
        Request::CloseSpot { number, .. } => Event::SpotCloseAnswered {
            number: number.clone(),
            heard: judged(exchange, verifies, native::closed),
        },
    }
}

/// Nothing came back.
pub fn lost(request: &Request) -> Event {
    without(
        request,
        &Nothing {
            entry: Answer::Lost,
            order: Answer::Lost,
            refund: Answer::Lost,
            code: Answer::Lost,
            native: Answer::Lost,
            close: Answer::Lost,
        },
    )
}

/// Nothing left the box.
pub fn not_sent(request: &Request) -> Event {
    without(
        request,
        &Nothing {
            entry: Answer::NotSent,
            order: Answer::NotSent,
            refund: Answer::NotSent,
            code: Answer::NotSent,
            native: Answer::NotSent,
            close: Answer::NotSent,
        },
    )
}

/// One and the same answer to each call.
struct Nothing {
    entry: fn(String) -> Answer<ParkingEntry>,
    order: fn(String) -> Answer<Transaction>,
    refund: fn(String) -> Answer<RefundSeen>,
    code: fn(String) -> Answer<CodeUrl>,
    native: fn(String) -> Answer<NativeSeen>,
    close: fn(String) -> Answer<()>,
}

fn without(request: &Request, nothing: &Nothing) -> Event {
    let why = "no answer".to_owned();
    match request {
        Request::NotifyEntry { session, .. } => entry_answered(&session.0, (nothing.entry)(why)),
        Request::Charge { trade_no, .. } => charge_answered(trade_no, (nothing.order)(why)),
        Request::Query { trade_no, .. } => query_answered(trade_no, (nothing.order)(why)),
        Request::Refund { refund_no, .. } => Event::RefundAnswered {
            refund_no: refund_no.clone(),
            heard: unadorned((nothing.refund)(why)),
        },
        Request::QueryRefund { refund_no, .. } => Event::RefundQueryAnswered {
            refund_no: refund_no.clone(),
            heard: unadorned((nothing.refund)(why)),
        },
        Request::Spot { number, .. } => Event::SpotAnswered {
            number: number.clone(),
            heard: unadorned((nothing.code)(why)),
        },
        Request::QuerySpot { number, .. } => Event::SpotQueryAnswered {
            number: number.clone(),
            heard: unadorned((nothing.native)(why)),
        },
        Request::CloseSpot { number, .. } => Event::SpotCloseAnswered {
            number: number.clone(),
            heard: unadorned((nothing.close)(why)),
        },
    }
}

pub fn entry_answered(session: &str, answer: Answer<ParkingEntry>) -> Event {
    Event::EntryAnswered {
        session: crate::lane::number::SessionId(session.to_owned()),
        heard: unadorned(answer),
    }
}

pub fn charge_answered(trade_no: &str, answer: Answer<Transaction>) -> Event {
    Event::ChargeAnswered {
        trade_no: trade_no.to_owned(),
        heard: unadorned(answer),
    }
}

pub fn query_answered(trade_no: &str, answer: Answer<Transaction>) -> Event {
    Event::QueryAnswered {
        trade_no: trade_no.to_owned(),
        heard: unadorned(answer),
    }
}

fn unadorned<T>(answer: Answer<T>) -> Heard<T> {
    Heard {
        answer,
        request_id: None,
        skew_ms: None,
    }
}

fn judged<T>(
    exchange: &Exchange,
    verifies: bool,
    parse: fn(&[u8]) -> Result<T, ParseFault>,
) -> Heard<T> {
    let lost = |why: &str| Answer::Lost(why.to_owned());
    let Some(answer) = &exchange.answer else {
        return unadorned(lost("silence"));
    };
    let is_signed = answer.header("Wechatpay-Signature").is_some();
    let error = || {
        let value: Value = serde_json::from_slice(&answer.body).ok()?;
        Some(Refusal {
            status: answer.status,
            code: value["code"].as_str()?.to_owned(),
            message: value["message"].as_str().unwrap_or_default().to_owned(),
            proven: is_signed,
        })
    };
    unadorned(match answer.status {
        202 => lost("unfinished"),
        200..=299 if verifies => match parse(&answer.body) {
            Ok(value) => Answer::Verified(value),
            Err(fault) => lost(&fault.to_string()),
        },
        400..=499 if !is_signed || verifies => match error() {
            Some(_) if answer.status == 429 => Answer::Throttled {
                retry_after_ms: answer
                    .header("Retry-After")
                    .and_then(|text| text.parse::<u64>().ok())
                    .map(|seconds| seconds * 1000),
            },
            Some(refusal) => Answer::Refused(refusal),
            None => lost("not API JSON"),
        },
        status => lost(&format!("HTTP {status}, or not believed")),
    })
}
