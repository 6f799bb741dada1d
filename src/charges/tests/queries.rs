//! Charges whose answer is in doubt, and what a query makes of them.

use super::material::*;
use crate::charges::answer::{Answer, Heard, Parties, TradeState, Transaction};
use crate::charges::call::{Call, Out, Request, SubMerchant};
use crate::charges::charge::{ChargeState, StaffReason};
use crate::charges::queue::Queue;
use crate::charges::record::MoneyRecord;
use crate::charges::staff::{Declined, WaitsFor};
use crate::lane::alarm::AlarmKind;

#[test]
fn given_a_charge_that_waits_when_it_is_hurried_then_it_is_queried_and_not_filed() {
    let (trade_no, why) = (number(), "silence".to_owned());
    let unknown = MoneyRecord::ChargeUnknown {
        trade_no,
        why,
        refused: None,
    };
    let (mut queue, _) = resumed(&[sent(), vec![unknown]].concat());
    turn(&mut queue, HOUR + 60_000);
    let hurried = queue.hurry_by_hand(&number(), at(HOUR + 60_001).now);
    assert_eq!(hurried, Err(Declined::OnItsWay), "queried already");
    let vague = Heard {
        answer: Answer::Verified(Transaction {
            state: TradeState::Other("?".into()),
            ..accepted()
        }),
        request_id: None,
        skew_ms: None,
    };
    let mut out = Out::default();
    queue.query_answered(&number(), &vague, &at(HOUR + 60_100), &rules(), &mut out);
    assert_eq!(turn(&mut queue, HOUR + 60_101).calls, [], "not yet");
    let hurried = queue.hurry_by_hand(&number(), at(HOUR + 60_102).now);
    assert_eq!(hurried, Ok(WaitsFor::Nothing));
    let calls = turn(&mut queue, HOUR + 60_103).calls;
    assert!(
        matches!(
            &calls[..],
            [Call {
                request: Request::Query { .. },
                ..
            }]
        ),
        "{calls:?}"
    );
}

#[test]
fn given_a_query_under_way_when_a_late_answer_to_the_charge_shows_acceptance_then_it_counts() {
    let (mut queue, _) = resumed(&sent());
    let out = turn(&mut queue, HOUR + 2_000);
    assert!(matches!(out.calls[0].request, Request::Query { .. }));
    let mut out = Out::default();
    let now = at(HOUR + 3_000);
    queue.charge_answered(&number(), &lost(), &now, &rules(), &mut out);
    assert_eq!(out, Out::default(), "nobody waited for it");
    let heard = heard(Answer::Verified(accepted()));
    queue.charge_answered(&number(), &heard, &now, &rules(), &mut out);
    let state = &queue.book().charge(&number()).unwrap().state;
    assert!(matches!(state, ChargeState::Accepted { .. }));
}

#[test]
fn given_another_sub_merchant_by_now_when_an_order_is_queried_then_its_own_is_asked_under() {
    let body = r#"{"appid":"wx1","sub_appid":"wx2","sub_mchid":"1900000109","description":"","out_trade_no":"","trade_scene":"PARKING","notify_url":"","amount":{"total":500,"currency":"CNY"},"parking_info":{"parking_id":"0100","plate_number":"粤B6K7H2","plate_color":"BLUE","start_time":"","end_time":"","parking_name":"","charging_duration":1,"device_id":""}}"#;
    let mut records = sent();
    records.pop();
    records.push(MoneyRecord::ChargeSent {
        trade_no: number(),
        body: Some(body.into()),
    });
    let asked_under = |queue: &mut Queue, now| {
        let mut rules = rules();
        rules.sub = Some(SubMerchant {
            mchid: "1900000110".into(),
            appid: "wx3".into(),
        });
        let mut out = Out::default();
        queue.turn(&at(now), &rules, &mut out);
        match &out.calls[0].request {
            Request::Query { sub_mchid, .. } => sub_mchid.clone(),
            other => panic!("{other:?}"),
        }
    };
    let (mut queue, _) = resumed(&records);
    let sub_mchid = asked_under(&mut queue, HOUR + 2_000);
    assert_eq!(sub_mchid.as_deref(), Some("1900000109"));

    let for_another = |parties: Parties| {
        let mut queue = queue.clone();
        let order = Transaction {
            parties,
            ..accepted()
        };
        let (heard, now) = (heard(Answer::Verified(order)), at(HOUR + 3_000));
        let mut out = Out::default();
        queue.query_answered(&number(), &heard, &now, &rules(), &mut out);
        let state = &queue.book().charge(&number()).unwrap().state;
        !matches!(state, ChargeState::Accepted { .. })
    };
    let named = |sub_mchid: &str| Parties {
        sp_mchid: Some(rules().mchid),
        sub_mchid: Some(sub_mchid.into()),
        appid: Some("wx1".into()),
        sub_appid: Some("wx2".into()),
    };
    assert!(!for_another(named("1900000109")));
    assert!(for_another(named("1900000110")));

    let (mut direct, _) = resumed(&sent());
    assert_eq!(asked_under(&mut direct, HOUR + 2_000), None);
}

#[test]
fn given_a_refusal_that_nobody_signed_when_no_query_proves_it_then_staff_may_not_collect() {
    let (mut queue, _) = resumed(&registered_and_due());
    let out = turn(&mut queue, HOUR + 2_000);
    assert!(matches!(out.calls[0].request, Request::Charge { .. }));
    let mut out = Out::default();
    let now = at(HOUR + 2_100);
    let blocked = unsigned(403, "RULE_LIMIT");
    queue.charge_answered(&number(), &blocked, &now, &rules(), &mut out);
    let doubtful = ChargeState::Unknown {
        refused: Some("RULE_LIMIT".into()),
    };
    assert_eq!(queue.book().charge(&number()).unwrap().state, doubtful);

    let asked = turn(&mut queue, HOUR + 2_200);
    assert!(matches!(asked.calls[0].request, Request::Query { .. }));
    let now = at(HOUR + 2_300);
    let missing = unsigned(404, "ORDER_NOT_EXIST");
    queue.query_answered(&number(), &missing, &now, &rules(), &mut out);
    assert_eq!(queue.book().charge(&number()).unwrap().state, doubtful);
    assert!(is_raised(&out, AlarmKind::UnsignedErrors));
    let refused = queue.finish_by_staff(&number(), cash(), &mut out);
    assert_eq!(refused, Err(Declined::MayStillBeTaken));

    let asked = turn(&mut queue, 2 * HOUR);
    assert!(matches!(asked.calls[0].request, Request::Query { .. }));
    let missing = refused_with(404, "ORDER_NOT_EXIST");
    let mut out = Out::default();
    queue.query_answered(&number(), &missing, &at(2 * HOUR + 100), &rules(), &mut out);
    let desk = queue.book().on_desk(&number()).expect("with the staff");
    let reason = StaffReason::Refused("RULE_LIMIT".into());
    assert_eq!(desk.state, ChargeState::HandedToStaff(reason));
    assert!(!is_raised(&out, AlarmKind::UnsignedErrors));
}

#[test]
fn given_a_lost_charge_when_an_unsigned_answer_says_it_is_not_there_then_it_is_repeated_and_never_free()
 {
    let (mut queue, _) = resumed(&sent());
    let asked = turn(&mut queue, HOUR + 2_000);
    assert!(matches!(asked.calls[0].request, Request::Query { .. }));
    let mut out = Out::default();
    let missing = unsigned(404, "ORDER_NOT_EXIST");
    queue.query_answered(&number(), &missing, &at(HOUR + 2_100), &rules(), &mut out);
    assert!(matches!(
        out.records[..],
        [MoneyRecord::ChargeToRepeat { .. }]
    ));
    let refused = queue.finish_by_staff(&number(), cash(), &mut out);
    assert_eq!(refused, Err(Declined::MayStillBeTaken));
    assert!(queue.book().charge(&number()).unwrap().is_under_way());
    let again = turn(&mut queue, HOUR + 2_200);
    let Request::Charge { body, .. } = &again.calls[0].request else {
        panic!("{:?}", again.calls)
    };
    assert_eq!(body, "{}", "the same bytes");
    let mut out = Out::default();
    let unsent = heard(Answer::NotSent("no network".into()));
    queue.charge_answered(&number(), &unsent, &at(HOUR + 2_300), &rules(), &mut out);
    let state = &queue.book().charge(&number()).unwrap().state;
    assert_eq!(*state, ChargeState::ToRepeat);
    let refused = queue.finish_by_staff(&number(), cash(), &mut out);
    assert_eq!(refused, Err(Declined::MayStillBeTaken));
}
