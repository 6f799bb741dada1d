//! When the queue wants a turn, and what it does with one.

use super::material::*;
use crate::charges::answer::{Answer, Refusal};
use crate::charges::call::{Out, Request};
use crate::charges::queue::{CONCURRENCY_MAX, Queue};
use crate::charges::record::MoneyRecord;
use crate::lane::time::Moment;

#[test]
fn given_a_lane_that_waited_in_vain_when_all_calls_are_taken_then_no_turn_is_asked_for_at_once() {
    let mut out = Out::default();
    let mut queue = Queue::default();
    for counter in 1..=20 {
        queue.open_entry(&stay(counter), at(0).now, &mut out);
    }
    assert_eq!(turn(&mut queue, 0).calls.len(), CONCURRENCY_MAX);
    for counter in 1..=2 {
        queue.entry_answered(&stay(counter).id, &lost(), &at(10), &mut out);
    }
    assert!(queue.is_silent());
    queue.hurry(&stay(20).id, Moment(500), at(20).now);
    let heard = refused(400, "PARAM_ERROR");
    queue.entry_answered(&stay(3).id, &heard, &at(1_000), &mut out);
    assert_eq!(turn(&mut queue, 1_000).calls.len(), 3);
    assert!(queue.wake_at() > Some(Moment(1_000)));
}

#[test]
fn given_a_stopped_merchant_with_an_empty_queue_when_a_car_comes_in_then_it_is_asked_about_at_once()
{
    let stopped = MoneyRecord::MerchantStopped {
        code: "NO_AUTH".into(),
        message: String::new(),
    };
    let (mut queue, _) = resumed(&[stopped]);
    assert_eq!(queue.wake_at(), None);
    let mut out = Out::default();
    queue.open_entry(&stay(1), at(2 * HOUR).now, &mut out);
    let out = turn(&mut queue, 2 * HOUR);
    assert!(matches!(out.calls[0].request, Request::Query { .. }));
    let mut out = Out::default();
    let unknown = heard(Answer::Refused(Refusal {
        status: 404,
        code: "ORDER_NOT_EXIST".into(),
        message: String::new(),
        proven: true,
    }));
    let number = stay(1).id.trade_no(0);
    let now = at(2 * HOUR + 200);
    queue.query_answered(&number, &unknown, &now, &rules(), &mut out);
    assert_eq!(out.records, [MoneyRecord::MerchantResumed]);
    let out = turn(&mut queue, 2 * HOUR + 200);
    assert!(matches!(out.calls[0].request, Request::NotifyEntry { .. }));
}

#[test]
fn given_orders_to_ask_about_when_an_entry_is_due_after_them_then_it_goes_first() {
    let (mut queue, _) = resumed(&registered_and_due());
    let trade_no = number();
    let calls = turn(&mut queue, HOUR + 1_000).calls;
    assert!(matches!(calls[0].request, Request::Charge { .. }));
    let mut out = Out::default();
    let now = at(HOUR + 1_010);
    queue.charge_answered(
        &trade_no,
        &heard(Answer::Verified(accepted())),
        &now,
        &rules(),
        &mut out,
    );
    // Long after the order was to be asked about.
    let later = 2 * HOUR;
    queue.open_entry(&stay(2), at(later).now, &mut out);
    an_entry_goes_before_a_query(&mut queue, later);
}

#[test]
fn given_a_start_with_orders_to_ask_about_when_an_entry_is_due_after_them_then_it_goes_first() {
    let accepted = MoneyRecord::ChargeAccepted {
        trade_no: number(),
        at: at(3),
    };
    let (mut queue, mut out) = (
        resumed(&[sent(), vec![accepted]].concat()).0,
        Out::default(),
    );
    let later = HOUR + 2_000;
    queue.open_entry(&stay(2), at(later).now, &mut out);
    an_entry_goes_before_a_query(&mut queue, later);
}

fn an_entry_goes_before_a_query(queue: &mut Queue, ms: u64) {
    let calls = turn(queue, ms).calls;
    let requests: Vec<&Request> = calls.iter().map(|call| &call.request).collect();
    assert!(
        matches!(
            requests[..],
            [Request::NotifyEntry { .. }, Request::Query { .. }]
        ),
        "{requests:?}"
    );
}
