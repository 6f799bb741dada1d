//! Makes the calls that the queue decided on, and brings the answers back as events.

use std::time::Duration;

use tokio::sync::mpsc;

use super::answer::{Answer, Heard};
use super::queue::{Call, Request};
use crate::clock::Clock;
use crate::gate::account::Account;
use crate::gate::inbox::Inbox;
use crate::lane::time::Moment;
use crate::park::event::Event;
use crate::wechat::{Client, Patience};

/// A call for a lane goes on for this long after the lane has decided, so that its answer is heard.
const AFTER_THE_LANE: Duration = Duration::from_millis(2_500);

/// Runs until the gate drops its end of `calls`. How many calls are under way at once is the queue's
/// business, and how many of them are on the wire the client's; here each has a task of its own. Without a client (its secrets are missing) nothing
/// leaves the box.
pub async fn run(account: Account, clock: Clock, inbox: Inbox, mut calls: mpsc::Receiver<Call>) {
    while let Some(call) = calls.recv().await {
        let (client, clock, inbox) = (account.client(), clock.clone(), inbox.clone());
        tokio::spawn(async move {
            let event = match client {
                Ok(client) => make(&client, &clock, call).await,
                Err(why) => not_made(call.request, &why),
            };
            inbox.put(event).await;
        });
    }
}

async fn make(client: &Client, clock: &Clock, call: Call) -> Event {
    let patience = patience(call.lane_until, clock);
    match call.request {
        Request::NotifyEntry { session, body } => {
            let heard = client.create_entry(&body, patience).await;
            Event::EntryAnswered { session, heard }
        }
        Request::Charge { trade_no, body } => {
            let heard = client.charge(&body, patience).await;
            Event::ChargeAnswered { trade_no, heard }
        }
        Request::Query {
            trade_no,
            sub_mchid,
        } => {
            let sub_mchid = sub_mchid.as_deref();
            let heard = client.query(&trade_no, sub_mchid, patience).await;
            Event::QueryAnswered { trade_no, heard }
        }
        Request::Refund { refund_no, body } => {
            let heard = client.refund(&body, patience).await;
            Event::RefundAnswered { refund_no, heard }
        }
        Request::QueryRefund {
            refund_no,
            sub_mchid,
        } => {
            let sub_mchid = sub_mchid.as_deref();
            let heard = client.query_refund(&refund_no, sub_mchid, patience).await;
            Event::RefundQueryAnswered { refund_no, heard }
        }
        Request::Spot {
            number,
            payee,
            body,
        } => {
            let heard = client.create_native(&payee, &body, patience).await;
            Event::SpotAnswered { number, heard }
        }
        Request::QuerySpot { number, payee } => {
            let heard = client.query_native(&payee, &number, patience).await;
            Event::SpotQueryAnswered { number, heard }
        }
        Request::CloseSpot { number, payee } => {
            let heard = client.close_native(&payee, &number, patience).await;
            Event::SpotCloseAnswered { number, heard }
        }
    }
}

fn patience(lane_until: Option<Moment>, clock: &Clock) -> Patience {
    match lane_until {
        None => Patience::Background,
        Some(until) => {
            let left_ms = until.since_ms(clock.now().moment);
            Patience::Lane {
                total: Duration::from_millis(left_ms) + AFTER_THE_LANE,
            }
        }
    }
}

/// The event of a call that did not leave the box.
pub fn not_made(request: Request, why: &str) -> Event {
    fn nothing<T>(why: &str) -> Heard<T> {
        Heard {
            answer: Answer::NotSent(why.to_owned()),
            request_id: None,
            skew_ms: None,
        }
    }
    match request {
        Request::NotifyEntry { session, .. } => Event::EntryAnswered {
            session,
            heard: nothing(why),
        },
        Request::Charge { trade_no, .. } => Event::ChargeAnswered {
            trade_no,
            heard: nothing(why),
        },
        Request::Query { trade_no, .. } => Event::QueryAnswered {
            trade_no,
            heard: nothing(why),
        },
        Request::Refund { refund_no, .. } => Event::RefundAnswered {
            refund_no,
            heard: nothing(why),
        },
        Request::QueryRefund { refund_no, .. } => Event::RefundQueryAnswered {
            refund_no,
            heard: nothing(why),
        },
        Request::Spot { number, .. } => Event::SpotAnswered {
            number,
            heard: nothing(why),
        },
        Request::QuerySpot { number, .. } => Event::SpotQueryAnswered {
            number,
            heard: nothing(why),
        },
        Request::CloseSpot { number, .. } => Event::SpotCloseAnswered {
            number,
            heard: nothing(why),
        },
    }
}
