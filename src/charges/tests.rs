//! The queue alone, over a book that is made of records.

use super::answer::{Answer, Heard, ParkingEntry, Parties, Refusal, Transaction};
use super::charge::{ChargeState, Claim, Opening, StaffReason};
use super::entry::{EntryEnd, EntryState};
use super::queue::{CONCURRENCY_MAX, Call, MerchantRules, Out, Queue, Request, SubMerchant};
use super::record::{MoneyRecord, StaffOutcome};
use super::staff::{Declined, WaitsFor};
use crate::lane::alarm::AlarmKind;
use crate::lane::number::{LedgerId, SessionId};
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::service::ServiceState;
use crate::lane::session::{LaneId, Session};
use crate::lane::tariff::Quote;
use crate::lane::time::{BootId, Moment, Now, Stamp, Wall};

const T0: i64 = 1_772_409_600_000;

/// A queue that has just been taken up after `records`, one second later.
fn resumed(records: &[MoneyRecord]) -> (Queue, Out) {
    let mut queue = Queue::default();
    for record in records {
        queue.replay(record);
    }
    let mut out = Out::default();
    queue.resume(at(HOUR).now, &mut out);
    (queue, out)
}

const HOUR: u64 = 3_600_000;

fn turn(queue: &mut Queue, ms: u64) -> Out {
    let mut out = Out::default();
    queue.note_clock(at(ms).now);
    queue.turn(&at(ms), &rules(), &mut out);
    out
}

#[test]
fn given_a_superseded_charge_when_it_is_due_again_then_staff_gets_it_and_nothing_is_sent() {
    let again = MoneyRecord::ChargeDueAgain {
        trade_no: number(),
        why: "throttled".into(),
    };
    let trade_no = number();
    let superseded = MoneyRecord::ChargeSuperseded { trade_no };
    let records = [sent(), vec![superseded, again]].concat();
    let (mut queue, _) = resumed(&records);
    let out = turn(&mut queue, HOUR + 2_000);
    assert_eq!(out.calls, []);
    let desk = queue.book().on_desk(&number()).expect("with the staff");
    let reason = ChargeState::HandedToStaff(StaffReason::Superseded);
    assert_eq!(desk.state, reason);
}

#[test]
fn given_an_entry_that_was_on_its_way_when_the_repeat_is_refused_after_a_restart_then_it_is_renumbered()
 {
    let (mut queue, out) = resumed(&entry_sent()[..2]);
    assert!(matches!(
        out.records[..],
        [MoneyRecord::EntryUnknown { .. }]
    ));
    let out = turn(&mut queue, HOUR + 2_000);
    let [Call { request, .. }] = &out.calls[..] else {
        panic!("{out:?}");
    };
    let repeat = Request::NotifyEntry {
        session: session(),
        body: entry_sent_body(),
    };
    assert_eq!(*request, repeat);
    let mut out = Out::default();
    let heard = refused(400, "INVALID_REQUEST");
    queue.entry_answered(&session(), &heard, &at(HOUR + 3_000), &mut out);
    let entry = queue.book().entry(&session()).unwrap();
    assert_eq!((entry.attempt, &entry.state), (1, &EntryState::Pending));
    let out = turn(&mut queue, HOUR + 60_000);
    let Request::NotifyEntry { body, .. } = &out.calls[0].request else {
        panic!("{out:?}");
    };
    assert!(body.contains(&session().parking_no(1)));
    assert!(
        body.contains("2026-03-02T08:00:00+08:00"),
        "the start stays"
    );
}

#[test]
fn given_a_first_try_of_an_entry_when_it_is_refused_then_it_is_not_renumbered() {
    let (mut queue, _) = resumed(&entry_sent()[..1]);
    turn(&mut queue, HOUR + 2_000);
    let mut out = Out::default();
    let heard = refused(400, "PARAM_ERROR");
    queue.entry_answered(&session(), &heard, &at(HOUR + 3_000), &mut out);
    let ended = MoneyRecord::EntryEnded {
        session: session(),
        why: EntryEnd::Refused("PARAM_ERROR".into()),
    };
    assert_eq!(out.records, [ended]);
}

#[test]
fn given_an_entry_whose_repeats_are_always_refused_when_numbers_run_out_then_it_is_refused() {
    let (mut queue, _) = resumed(&entry_sent()[..2]);
    let mut ms = HOUR;
    for _ in 0..40 {
        ms += 60_000;
        let out = turn(&mut queue, ms);
        let mut answered = Out::default();
        for call in &out.calls {
            let Request::NotifyEntry { body, .. } = &call.request else {
                panic!("{call:?}");
            };
            // The first of each number is lost, the repeat refused.
            let is_repeat = queue.book().entry(&session()).unwrap().state == EntryState::Unknown;
            let heard = if is_repeat {
                refused(400, "INVALID_REQUEST")
            } else {
                lost()
            };
            assert!(body.len() < 1_000);
            queue.entry_answered(&session(), &heard, &at(ms + 1), &mut answered);
        }
    }
    let state = &queue.book().entry(&session()).unwrap().state;
    assert_eq!(*state, EntryState::Refused("INVALID_REQUEST".into()));
}

#[test]
fn given_a_charge_in_each_state_when_staff_wants_it_then_only_what_wechat_has_not_got_is_handed_over()
 {
    let opened = sent()[..sent().len() - 1].to_vec();
    let more = |record: MoneyRecord| [sent(), vec![record]].concat();
    let (trade_no, why) = (number(), "test".to_owned());
    let due = more(MoneyRecord::ChargeDueAgain { trade_no, why });
    let (trade_no, why) = (number(), "silence".to_owned());
    let unknown = more(MoneyRecord::ChargeUnknown {
        trade_no,
        why,
        refused: None,
    });
    let (trade_no, why) = (number(), "unsigned 404".to_owned());
    let to_repeat = more(MoneyRecord::ChargeToRepeat { trade_no, why });
    let accepted = more(MoneyRecord::ChargeAccepted {
        trade_no: number(),
        at: at(HOUR),
    });
    for (records, expected) in [
        (opened, Ok(())),
        (due, Ok(())),
        (sent(), Err(Declined::MayStillBeTaken)),
        (unknown, Err(Declined::MayStillBeTaken)),
        (to_repeat, Err(Declined::MayStillBeTaken)),
        (accepted, Err(Declined::TakenOn)),
    ] {
        let (mut queue, _) = resumed(&records);
        let mut out = Out::default();
        let taken = queue.take_by_staff(&number(), "王芳", "cash", &mut out);
        assert_eq!(taken, expected, "{:?}", queue.book().charge(&number()));
        let desk = queue.book().on_desk(&number());
        assert_eq!(desk.is_some(), expected.is_ok());
        if desk.is_some() {
            let again = queue.take_by_staff(&number(), "王芳", "cash", &mut out);
            assert_eq!(again, Err(Declined::WithStaff));
            let done = queue.finish_by_staff(&number(), cash(), &mut out);
            assert_eq!(done, Ok(()));
        }
    }
}

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
            state: super::answer::TradeState::Other("?".into()),
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
fn given_a_store_that_cannot_write_when_somebody_asks_then_nothing_is_promised() {
    let (mut queue, _) = resumed(&sent());
    queue.pause(true);
    let hurried = queue.hurry_by_hand(&number(), at(HOUR).now);
    assert_eq!(hurried, Err(Declined::StoreFailed));
    let mut out = Out::default();
    let taken = queue.take_by_staff(&number(), "王芳", "cash", &mut out);
    assert_eq!(taken, Err(Declined::StoreFailed));
    assert_eq!(out, Out::default());
}

#[test]
fn given_a_charge_on_its_way_when_staff_wants_to_collect_then_it_may_not() {
    let mut out = Out::default();
    let (mut queue, _) = resumed(&sent());
    let refused = queue.finish_by_staff(&number(), cash(), &mut out);
    assert_eq!(refused, Err(Declined::MayStillBeTaken));
    queue.replay(&MoneyRecord::ChargeAccepted {
        trade_no: number(),
        at: at(HOUR),
    });
    let refused = queue.finish_by_staff(&number(), cash(), &mut out);
    assert_eq!(refused, Err(Declined::TakenOn));
    assert!(queue.finish_by_staff("T0", cash(), &mut out).is_err());
    assert_eq!(out, Out::default());
}

#[test]
fn given_staff_at_work_when_money_is_counted_then_the_sums_balance() {
    let mut out = Out::default();
    let mut queue = Queue::default();
    for counter in 1..=4 {
        let opening = if counter % 2 == 0 {
            Opening::ToStaff(StaffReason::Superseded)
        } else {
            Opening::ToFile {
                despite_block: false,
            }
        };
        let claim = claim(&SessionId::new(LedgerId(1), counter), opening);
        queue.open_charge(claim, at(0).now, &mut out);
    }
    let trade_no = |counter| SessionId::new(LedgerId(1), counter).trade_no(0);
    let waived = StaffOutcome::WrittenOff {
        by: "李四".into(),
        why: "wrong camera".into(),
    };
    for (counter, how) in [(1, cash()), (2, cash()), (4, waived.clone()), (3, waived)] {
        let done = queue.finish_by_staff(&trade_no(counter), how, &mut out);
        assert_eq!(done, Ok(()));
    }
    let totals = *queue.book().totals();
    assert_eq!(
        totals.opened.fen,
        totals.handed_to_staff.fen + totals.withdrawn.fen
    );
    assert_eq!(
        totals.handed_to_staff.fen,
        totals.collected.fen + totals.written_off.fen
    );
    assert_eq!((totals.withdrawn.count, totals.collected.count), (2, 1));
    assert!(queue.book().is_idle());
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
fn given_two_stays_of_a_plate_when_the_first_call_is_still_under_way_then_the_second_waits_for_it()
{
    let (mut queue, _) = resumed(&entry_sent()[..1]);
    let mut out = turn(&mut queue, HOUR + 2_000);
    assert_eq!(out.calls.len(), 1);
    queue.abandon_entry(&session(), &mut out);
    let next = Session {
        id: SessionId::new(LedgerId(1), 2),
        plate: plate(),
        color: Some(PlateColor::Blue),
        lane: LaneId("in-1".into()),
        entered: at(HOUR + 3_000),
        doubts: Vec::new(),
    };
    queue.open_entry(&next, at(HOUR + 3_000).now, &mut out);
    assert_eq!(turn(&mut queue, HOUR + 3_000).calls, []);
    queue.entry_answered(&session(), &lost(), &at(HOUR + 12_000), &mut out);
    assert_eq!(turn(&mut queue, HOUR + 13_000).calls.len(), 1);
}

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

// What they are made of.

fn registered_and_due() -> Vec<MoneyRecord> {
    let mut records = sent();
    records.pop();
    records
}

fn is_raised(out: &Out, kind: AlarmKind) -> bool {
    let mut of_kind = out.alarms.iter().filter(|alarm| alarm.kind == kind);
    of_kind.next_back().is_some_and(|alarm| alarm.raised)
}

fn unsigned<T>(status: u16, code: &str) -> Heard<T> {
    heard(Answer::Refused(Refusal {
        status,
        code: code.into(),
        message: String::new(),
        proven: false,
    }))
}

fn stay(counter: u64) -> Session {
    let plate = format!("粤B{:05}", 10_000 + counter);
    Session {
        id: SessionId::new(LedgerId(1), counter),
        plate: PlateNumber::parse(&plate).unwrap().plate,
        color: Some(PlateColor::Blue),
        lane: LaneId("in-1".into()),
        entered: at(0),
        doubts: Vec::new(),
    }
}

fn sent() -> Vec<MoneyRecord> {
    let opening = Opening::ToFile {
        despite_block: false,
    };
    let opened = MoneyRecord::ChargeOpened {
        claim: claim(&session(), opening),
    };
    let registered = MoneyRecord::EntryRegistered {
        session: session(),
        parking_id: "0100".into(),
        service: ServiceState::Normal,
        as_of: at(2),
    };
    let sent = MoneyRecord::ChargeSent {
        trade_no: number(),
        body: Some("{}".into()),
    };
    [entry_sent(), vec![registered, opened, sent]].concat()
}

fn entry_sent() -> Vec<MoneyRecord> {
    let opened = MoneyRecord::EntryOpened {
        session: session(),
        plate: plate(),
        color: Some(PlateColor::Blue),
        entered: at(0),
        not_registrable: None,
    };
    let sent = MoneyRecord::EntrySent {
        session: session(),
        attempt: 0,
        body: entry_sent_body(),
    };
    vec![opened, sent]
}

fn entry_sent_body() -> String {
    let session = session();
    format!(
        r#"{{"out_parking_no":"{}","plate_number":"粤B6K7H2","plate_color":"BLUE","notify_url":"","start_time":"2026-03-02T08:00:00+08:00","parking_name":"","free_duration":0}}"#,
        session.parking_no(0)
    )
}

fn claim(session: &SessionId, opening: Opening) -> Claim {
    Claim {
        trade_no: session.trade_no(0),
        session: session.clone(),
        plate: plate(),
        lane: LaneId("out-1".into()),
        entered: at(0),
        exited: at(HOUR),
        stay_ms: HOUR,
        quote: Quote {
            fee_fen: 500,
            lines: Vec::new(),
        },
        opening,
    }
}

fn accepted() -> Transaction {
    Transaction {
        out_trade_no: number(),
        parties: Parties::default(),
        state: super::answer::TradeState::Accepted,
        total_fen: Some(500),
        parking_id: Some("0100".into()),
        plate_number: None,
        plate_color: None,
        transaction_id: None,
        bank_type: None,
        description: None,
    }
}

fn cash() -> StaffOutcome {
    StaffOutcome::Collected {
        by: "张三".into(),
        channel: "cash".into(),
    }
}

fn refused(status: u16, code: &str) -> Heard<ParkingEntry> {
    refused_with(status, code)
}

fn refused_with<T>(status: u16, code: &str) -> Heard<T> {
    heard(Answer::Refused(Refusal {
        status,
        code: code.into(),
        message: String::new(),
        proven: true,
    }))
}

fn lost<T>() -> Heard<T> {
    heard(Answer::Lost("silence".into()))
}

fn heard<T>(answer: Answer<T>) -> Heard<T> {
    Heard {
        answer,
        request_id: None,
        skew_ms: None,
    }
}

fn session() -> SessionId {
    SessionId::new(LedgerId(1), 1)
}

fn number() -> String {
    session().trade_no(0)
}

fn plate() -> PlateNumber {
    PlateNumber::parse("粤B6K7H2").unwrap().plate
}

fn at(ms: u64) -> Stamp {
    Stamp {
        now: Now {
            moment: Moment(ms),
            wall: Wall(T0 + i64::try_from(ms).unwrap()),
            trusted: true,
            boot: BootId(1),
        },
        box_id: "south-1".into(),
    }
}

fn rules() -> MerchantRules {
    MerchantRules {
        mchid: "1900009191".into(),
        sub: None,
        appid: "wx1".into(),
        parking_name: "测试停车场".into(),
        description: "停车费".into(),
        entry_notify_url: "https://pay.example.com/entry".into(),
        charge_notify_url: "https://pay.example.com/charge".into(),
        free_duration_s: 0,
    }
}
