//! What WeChat tells by itself: taken once, in whatever order, and never backwards.

use proptest::prelude::*;

use super::material::*;
use crate::charges::answer::{Parties, TradeState, Transaction};
use crate::charges::call::{Out, Request};
use crate::charges::charge::ChargeState;
use crate::charges::entry::EntryState;
use crate::charges::queue::Queue;
use crate::charges::record::MoneyRecord;
use crate::lane::alarm::AlarmKind;
use crate::lane::number::LedgerId;
use crate::lane::service::ServiceState;
use crate::lane::time::Wall;
use crate::notice::{
    EntryNotice, NativeNotice, Notice, NoticeKind, Opened, OrderEvent, OrderNotice, RefundNotice,
    RefundState,
};

#[test]
fn given_an_accepted_charge_when_a_notice_tells_that_it_is_paid_then_it_is_settled() {
    for (event, settles) in [(OrderEvent::Success, true), (OrderEvent::PayBack, true)] {
        let (mut queue, _) = resumed(&[sent(), vec![accepted_record()]].concat());
        let out = tell(&mut queue, "1", order(event, TradeState::Success));
        assert_eq!(queue.book().charge(&number()).is_none(), settles);
        assert_eq!(queue.book().totals().settled.fen, 500);
        let repaid = out.records.iter();
        let repaid = repaid.filter(|it| matches!(it, MoneyRecord::AdvanceRepaid { .. }));
        assert_eq!(repaid.count() == 1, event == OrderEvent::PayBack);
    }
}

#[test]
fn given_a_charge_without_an_answer_when_a_notice_tells_that_it_is_paid_then_nobody_need_query() {
    let (mut queue, _) = resumed(&sent());
    tell(
        &mut queue,
        "1",
        order(OrderEvent::Success, TradeState::Success),
    );
    assert!(queue.book().charge(&number()).is_none());
    assert_eq!(turn(&mut queue, HOUR + 60_000).calls, []);
}

#[test]
fn given_an_accepted_charge_when_a_notice_tells_that_it_failed_then_the_staff_has_it() {
    let (mut queue, _) = resumed(&[sent(), vec![accepted_record()]].concat());
    tell(
        &mut queue,
        "1",
        order(OrderEvent::Fail, TradeState::PayFail),
    );
    let on_desk = queue.book().on_desk(&number()).unwrap();
    assert_eq!(on_desk.fee_fen(), 500);
    let late = tell(
        &mut queue,
        "2",
        order(OrderEvent::Success, TradeState::Success),
    );
    assert!(
        is_raised(&late, AlarmKind::AnswerMismatch),
        "collected twice"
    );
    assert!(
        queue.book().on_desk(&number()).is_some(),
        "a person decides"
    );
}

/// Event and state must say the same, in words that are known; otherwise a query tells.
#[test]
fn given_a_notice_that_contradicts_itself_when_it_comes_then_the_order_is_queried_and_nothing_moves()
 {
    for (event, state) in [
        (OrderEvent::Fail, TradeState::Success),
        (OrderEvent::Success, TradeState::PayFail),
        (OrderEvent::Fail, TradeState::Other("FAIL".into())),
        (OrderEvent::PayBack, TradeState::Other("PAY_BACK".into())),
        (OrderEvent::Success, TradeState::Other("NEW".into())),
    ] {
        let (mut queue, _) = resumed(&[sent(), vec![accepted_record()]].concat());
        turn(&mut queue, HOUR);
        tell(&mut queue, "1", order(event, state.clone()));
        let charge = queue.book().charge(&number()).unwrap();
        assert!(
            matches!(charge.state, ChargeState::Accepted { .. }),
            "{state:?}"
        );
        let calls = turn(&mut queue, HOUR + 1).calls;
        assert!(
            matches!(&calls[..], [call] if matches!(call.request, Request::Query { .. })),
            "{state:?}: {calls:?}"
        );
    }
}

#[test]
fn given_a_notice_about_another_sum_entry_plate_or_merchant_when_it_comes_then_an_alarm_and_no_more()
 {
    let others: [fn(&mut Transaction); 5] = [
        |it| it.total_fen = Some(501),
        |it| it.total_fen = None,
        |it| it.parking_id = Some("0101".into()),
        |it| it.plate_number = Some("粤B6K7H3".into()),
        |it| {
            it.parties = Parties {
                sp_mchid: Some("1900009192".into()),
                ..Parties::default()
            }
        },
    ];
    for change in others {
        let (mut queue, _) = resumed(&[sent(), vec![accepted_record()]].concat());
        let mut notice = order(OrderEvent::Success, TradeState::Success);
        if let Notice::Order(order) = &mut notice {
            change(&mut order.order);
        }
        let out = tell(&mut queue, "1", notice);
        assert!(is_raised(&out, AlarmKind::AnswerMismatch));
        let charge = queue.book().charge(&number()).unwrap();
        assert!(matches!(charge.state, ChargeState::Accepted { .. }));
    }
}

/// WeChat cannot know an order that never left this box.
#[test]
fn given_a_charge_that_was_never_sent_when_a_notice_names_it_then_an_alarm_and_no_more() {
    let (mut queue, _) = resumed(&registered_and_due());
    let out = tell(
        &mut queue,
        "1",
        order(OrderEvent::Success, TradeState::Success),
    );
    assert!(is_raised(&out, AlarmKind::AnswerMismatch));
    assert!(queue.book().charge(&number()).is_some());
}

#[test]
fn given_the_same_notice_again_when_it_comes_then_nothing_is_recorded_also_after_a_restart() {
    let (mut queue, _) = resumed(&[sent(), vec![accepted_record()]].concat());
    let first = tell(
        &mut queue,
        "1",
        order(OrderEvent::Success, TradeState::Success),
    );
    assert!(matches!(&first.records[0], MoneyRecord::NoticeTaken { id, .. } if id == "1"));
    let again = tell(
        &mut queue,
        "1",
        order(OrderEvent::Success, TradeState::Success),
    );
    assert_eq!(again, Out::default());
    let text = serde_json::to_string(queue.book()).unwrap();
    let mut restarted = Queue::with_book(serde_json::from_str(&text).unwrap());
    let again = tell(
        &mut restarted,
        "1",
        order(OrderEvent::Success, TradeState::Success),
    );
    assert_eq!(again, Out::default());
    let late = tell(
        &mut restarted,
        "2",
        order(OrderEvent::Success, TradeState::Accepted),
    );
    assert_eq!(late.records.len(), 1, "taken, and nothing follows");
}

#[test]
fn given_an_entry_when_it_is_blocked_and_freed_then_the_newest_counts_in_whatever_order() {
    let blocked = || ServiceState::Blocked("PAUSE".into());
    for order in [[1, 2, 3], [3, 1, 2], [2, 3, 1], [3, 2, 1]] {
        let (mut queue, _) = resumed(&registered());
        for (time, state) in order.map(|time| match time {
            2 => (time, ServiceState::Normal),
            _ => (time, blocked()),
        }) {
            tell(&mut queue, &time.to_string(), entry(state, time));
        }
        assert_eq!(service(&queue), Some(blocked()), "{order:?}");
    }
}

#[test]
fn given_an_entry_whose_answer_was_lost_when_a_notice_names_it_then_it_is_registered() {
    let (mut queue, _) = resumed(&entry_sent());
    tell(&mut queue, "1", entry(ServiceState::Normal, 5));
    assert_eq!(service(&queue), Some(ServiceState::Normal));
    assert_eq!(turn(&mut queue, HOUR + 60_000).calls, [], "not repeated");
}

#[test]
fn given_a_notice_about_another_entry_of_the_plate_when_it_comes_then_an_alarm_and_no_more() {
    let others: [fn(&mut EntryNotice); 4] = [
        |it| it.parking_id = "0101".into(),
        |it| it.plate_number = "粤B6K7H3".into(),
        |it| it.sp_mchid = Some("1900009192".into()),
        |it| it.sub_mchid = Some("1900000109".into()),
    ];
    for change in others {
        let (mut queue, _) = resumed(&registered());
        let mut notice = entry(ServiceState::Blocked("PAUSE".into()), 5);
        if let Notice::Entry(entry) = &mut notice {
            change(entry);
        }
        let out = tell(&mut queue, "1", notice);
        assert!(is_raised(&out, AlarmKind::AnswerMismatch));
        assert_eq!(service(&queue), Some(ServiceState::Normal));
    }
}

#[test]
fn given_notices_about_what_is_not_in_this_ledger_when_they_come_then_they_are_set_aside() {
    let other = LedgerId(2);
    let (mut queue, _) = resumed(&sent());
    let mut out = Out::default();
    let told = Opened {
        id: "1".into(),
        notice: order(OrderEvent::Success, TradeState::Success),
    };
    queue.notice_told(&told, other, &at(HOUR), &rules(), &mut out);
    assert!(is_raised(&out, AlarmKind::NoticeForeign));
    assert!(
        queue.book().charge(&number()).is_some(),
        "of another ledger"
    );
    for (id, notice, about) in [
        ("2", refund(), NoticeKind::Refund),
        ("3", native(), NoticeKind::Native),
    ] {
        let out = tell(&mut queue, id, notice);
        assert!(is_raised(&out, AlarmKind::NoticeForeign));
        let aside = out.records.iter().any(
            |it| matches!(it, MoneyRecord::NoticeSetAside { about: told, .. } if *told == about),
        );
        assert!(aside, "{about:?}");
    }
}

proptest! {
    /// Whatever order and repetition: a charge that has left the queue stays out of it, the sums never
    /// shrink, and an entry's time by WeChat's clock never goes back.
    #[test]
    fn no_order_and_no_repetition_of_notices_moves_anything_backwards(
        told in prop::collection::vec((0_u8..12, 0_i64..6, 0_u8..9), 1..40)
    ) {
        let (mut queue, _) = resumed(&[registered(), sent_later()].concat());
        let mut finished_fen = 0;
        let mut told_at = None;
        for (kind, time, id) in told {
            let state = [
                TradeState::Accepted,
                TradeState::Success,
                TradeState::PayFail,
                TradeState::Refund,
                TradeState::Other("?".into()),
            ][usize::from(kind) % 5].clone();
            let notice = match kind {
                0..4 => order(OrderEvent::Success, state),
                4..6 => order(OrderEvent::Fail, state),
                6..8 => order(OrderEvent::PayBack, state),
                8 => entry(ServiceState::Normal, time),
                _ => entry(ServiceState::Blocked("PAUSE".into()), time),
            };
            // One number is of one notice.
            let id = format!("{kind}-{time}-{id}");
            tell(&mut queue, &id, notice);
            let totals = queue.book().totals();
            let now_fen = totals.settled.fen + totals.handed_to_staff.fen;
            prop_assert!(now_fen >= finished_fen && now_fen <= 500, "{now_fen}");
            finished_fen = now_fen;
            let in_queue = queue.book().charge(&number()).is_some();
            prop_assert_eq!(in_queue, now_fen == 0);
            if let Some(EntryState::Registered { told_at: now, .. }) =
                queue.book().entry(&session()).map(|entry| entry.state)
            {
                prop_assert!(now >= told_at, "{now:?} after {told_at:?}");
                told_at = now;
            }
        }
        prop_assert_eq!(queue.book().totals().opened.fen, 500);
    }
}

fn registered() -> Vec<MoneyRecord> {
    let mut records = registered_and_due();
    // Without the charge.
    records.pop();
    records
}

fn sent_later() -> Vec<MoneyRecord> {
    let mut records = sent();
    records.split_off(registered().len())
}

fn accepted_record() -> MoneyRecord {
    MoneyRecord::ChargeAccepted {
        trade_no: number(),
        at: at(HOUR),
    }
}

fn tell(queue: &mut Queue, id: &str, notice: Notice) -> Out {
    let mut out = Out::default();
    let told = Opened {
        id: id.into(),
        notice,
    };
    queue.notice_told(&told, LedgerId(1), &at(HOUR), &rules(), &mut out);
    out
}

fn order(event: OrderEvent, state: TradeState) -> Notice {
    let order = Transaction {
        state,
        ..accepted()
    };
    Notice::Order(Box::new(OrderNotice { event, order }))
}

fn entry(state: ServiceState, time: i64) -> Notice {
    Notice::Entry(EntryNotice {
        sp_mchid: Some("1900009191".into()),
        sub_mchid: None,
        parking_id: "0100".into(),
        out_parking_no: session().parking_no(0),
        plate_number: plate().as_str().into(),
        state,
        updated_at: Wall(1_772_409_600_000 + time),
    })
}

fn refund() -> Notice {
    Notice::Refund(RefundNotice {
        mchid: None,
        sub_mchid: None,
        out_refund_no: "R1".into(),
        refund_id: "5".into(),
        out_trade_no: number(),
        transaction_id: None,
        state: RefundState::Success,
        success_at: None,
        received_by: None,
        total_fen: None,
        refund_fen: None,
        payer_total_fen: None,
        payer_refund_fen: None,
    })
}

fn native() -> Notice {
    Notice::Native(NativeNotice {
        mchid: None,
        sub_mchid: None,
        appid: None,
        out_trade_no: "N1".into(),
        transaction_id: None,
        trade_state: "SUCCESS".into(),
        total_fen: None,
        payer_total_fen: None,
        success_at: None,
    })
}

fn service(queue: &Queue) -> Option<ServiceState> {
    match queue.book().entry(&session())?.state {
        EntryState::Registered { service, .. } => Some(service),
        _ => None,
    }
}
