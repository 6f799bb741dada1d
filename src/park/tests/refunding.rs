//! Money that goes back: whole, in parts, through lost answers and power cuts, and never more than was charged.

use super::cars::*;
use super::world::*;
use crate::books::{self, Period};
use crate::charges::answer::{Answer, Heard, RefundSeen, RefundWord};
use crate::charges::refund::{Refund, RefundState};
use crate::lane::alarm::AlarmKind;
use crate::lane::number::SessionId;
use crate::park::event::Event;
use crate::sim::wechat::{Call, Fault, RefundOutcome, RefundState as AtWechat};

/// A charge of 5 yuan, settled. Its number, and when its car left.
fn settled() -> (World, String) {
    let mut world = inside_for(HOUR);
    world.read(OUT, PLATE);
    world.pass(100);
    let trade_no = world.charge().claim.trade_no.clone();
    world.pass(MINUTE);
    assert_eq!(world.book().totals().settled.fen, 500);
    (world, trade_no)
}

fn ask(world: &mut World, trade_no: &str, fen: Option<u64>) -> Result<String, String> {
    world.tell(Event::RefundAsked {
        sent_for: None,
        trade_no: trade_no.to_owned(),
        session: SessionId::named_by(trade_no).unwrap(),
        plate: number(PLATE),
        charged_fen: 500,
        exited: world.now().wall,
        fen,
        by: "王芳".into(),
        why: "误收".into(),
    });
    world.replies.pop().expect("a reply")
}

fn correct(world: &mut World, trade_no: &str, due_fen: u64) -> Result<String, String> {
    let exited = Some(world.now().wall);
    world.tell(Event::CorrectionAsked {
        sent_for: None,
        trade_no: trade_no.to_owned(),
        session: SessionId::named_by(trade_no).unwrap(),
        plate: number(PLATE),
        charged_fen: 500,
        due_fen,
        due_from: None,
        exited,
        by: "王芳".into(),
        why: "the camera was wrong".into(),
    });
    world.replies.pop().expect("a reply")
}

fn open(world: &World) -> Vec<Refund> {
    world.book().refunds().open().cloned().collect()
}

fn refunded_fen(world: &World) -> u64 {
    world.book().totals().refunded.fen
}

/// The second accountant agrees, and WeChat has seen nothing that a correct client never sends.
fn adds_up(world: &World) {
    let stored = world.disk.stored().into_iter();
    let records = (1..).zip(stored).map(|(seq, record)| (seq, record, false));
    let report = books::check_records(Period::default(), records);
    assert_eq!(report.violations, [], "{report:?}");
    assert_eq!(report.refunded.fen, refunded_fen(world));
    assert_eq!(world.simulator.violations(), []);
    let gone = world.simulator.refunds().into_iter();
    let gone = gone.filter(|refund| refund.state == AtWechat::Success);
    assert_eq!(
        gone.map(|refund| refund.refund_fen).sum::<u64>(),
        refunded_fen(world)
    );
}

#[test]
fn given_a_settled_charge_when_parts_go_back_then_never_more_than_it_and_a_minute_apart() {
    let (mut world, trade_no) = settled();
    ask(&mut world, &trade_no, Some(200)).unwrap();
    ask(&mut world, &trade_no, Some(100)).unwrap();
    let why = ask(&mut world, &trade_no, Some(201)).unwrap_err();
    assert!(why.contains("2.00 yuan"), "{why}");
    world.pass(10_000);
    assert_eq!(world.simulator.refunds().len(), 1, "the second one waits");
    world.pass(10 * MINUTE);
    assert_eq!((refunded_fen(&world), open(&world).len()), (300, 0));
    ask(&mut world, &trade_no, None).unwrap();
    world.pass(10 * MINUTE);
    assert_eq!(refunded_fen(&world), 500);
    assert!(ask(&mut world, &trade_no, None).is_err(), "nothing is left");
    let numbers = world.simulator.refunds();
    assert!(
        numbers.iter().all(|refund| refund.asked == 1),
        "{numbers:?}"
    );
    assert_eq!(world.book().totals().settled.fen, 500, "it stays settled");
    adds_up(&world);
}

#[test]
fn given_answers_that_are_lost_when_a_refund_is_repeated_then_it_is_the_same_number_and_one_refund()
{
    for fault in [
        Fault::AnswerLost,
        Fault::ErrorBefore,
        Fault::ErrorAfter,
        Fault::Throttled(Some(2)),
        Fault::WrongSignature,
        Fault::WrongEcho,
        Fault::Silence,
    ] {
        let (mut world, trade_no) = settled();
        let is_wrong = fault == Fault::WrongEcho;
        world
            .simulator
            .faults_mut()
            .push_on(Call::Refund, fault.clone());
        ask(&mut world, &trade_no, Some(200)).unwrap();
        world.pass(20_000);
        assert_eq!(open(&world)[0].state, RefundState::Unknown, "{fault:?}");
        assert_eq!(
            world.is_alarmed(AlarmKind::AnswerMismatch),
            is_wrong,
            "{fault:?}"
        );
        world.power_off();
        world.boot_again(true);
        world.pass(20 * MINUTE);
        assert_eq!(
            (refunded_fen(&world), open(&world).len()),
            (200, 0),
            "{fault:?}"
        );
        assert_eq!(world.simulator.refunds().len(), 1, "{fault:?}");
        assert!(!world.is_alarmed(AlarmKind::AnswerMismatch), "{fault:?}");
        adds_up(&world);
    }
}

#[test]
fn given_an_accepted_charge_when_it_is_to_be_refunded_then_the_refund_waits_until_it_settles() {
    let mut world = inside_for(HOUR);
    world.simulator.settings_mut().settle_after_ms = 40 * MINUTE;
    world.read(OUT, PLATE);
    world.pass(5_000);
    let trade_no = world.charge().claim.trade_no.clone();
    ask(&mut world, &trade_no, None).unwrap();
    world.pass(20 * MINUTE);
    assert_eq!(world.simulator.refunds(), []);
    world.pass(4 * HOUR);
    assert_eq!(refunded_fen(&world), 500);
    adds_up(&world);
}

#[test]
fn given_a_charge_that_fails_when_it_was_to_be_refunded_then_nothing_goes_back() {
    let mut world = without_advance(crate::sim::wechat::Outcome::PayFail, 40_000);
    world.read(OUT, PLATE);
    world.pass(3_000);
    let trade_no = world.charge().claim.trade_no.clone();
    ask(&mut world, &trade_no, None).unwrap();
    world.pass(10 * MINUTE);
    assert_eq!(world.book().desk().count(), 1);
    assert_eq!(
        (open(&world).len(), world.simulator.refunds().len()),
        (0, 0)
    );
    adds_up(&world);
}

#[test]
fn given_too_small_a_balance_when_it_is_topped_up_then_the_same_number_goes_again() {
    let (mut world, trade_no) = settled();
    world.simulator.settings_mut().switches.balance_too_small = true;
    ask(&mut world, &trade_no, None).unwrap();
    world.pass(MINUTE);
    let refund = open(&world).remove(0);
    assert!(matches!(&refund.state, RefundState::Refused { code, .. } if code == "NOT_ENOUGH"));
    assert!(world.is_alarmed(AlarmKind::RefundStuck));
    world.simulator.settings_mut().switches.balance_too_small = false;
    let refund_no = refund.claim.refund_no.clone();
    world.tell(Event::RefundRetryAsked {
        refund_no: refund_no.clone(),
        by: None,
    });
    world.replies.pop().unwrap().unwrap();
    world.pass(20 * MINUTE);
    assert_eq!(world.simulator.refunds()[0].out_refund_no, refund_no);
    assert_eq!(refunded_fen(&world), 500);
    assert!(!world.is_alarmed(AlarmKind::RefundStuck));
    adds_up(&world);
}

#[test]
fn given_a_refund_that_wechat_closes_when_it_is_asked_for_anew_then_under_another_number() {
    let (mut world, trade_no) = settled();
    world.simulator.settings_mut().refund_outcome = RefundOutcome::Closed;
    ask(&mut world, &trade_no, None).unwrap();
    world.pass(10 * MINUTE);
    let closed = open(&world).remove(0);
    assert_eq!(closed.state, RefundState::Closed);
    assert!(world.is_alarmed(AlarmKind::RefundStuck));
    world.simulator.settings_mut().refund_outcome = RefundOutcome::Success;
    ask(&mut world, &trade_no, None).unwrap();
    assert!(!world.is_alarmed(AlarmKind::RefundStuck));
    world.pass(10 * MINUTE);
    assert_eq!((refunded_fen(&world), open(&world).len()), (500, 0));
    assert_eq!(world.simulator.refunds().len(), 2);
    adds_up(&world);
}

#[test]
fn given_an_abnormal_refund_when_the_merchant_platform_finishes_it_then_it_is_done_here_too() {
    let (mut world, trade_no) = settled();
    world.simulator.settings_mut().refund_outcome = RefundOutcome::Abnormal;
    ask(&mut world, &trade_no, None).unwrap();
    world.pass(10 * MINUTE);
    let abnormal = open(&world).remove(0);
    assert_eq!(abnormal.state, RefundState::Abnormal);
    assert!(
        ask(&mut world, &trade_no, None).is_err(),
        "it may be paid yet"
    );
    let now = world.now().wall;
    let refund_no = &abnormal.claim.refund_no;
    assert!(world.simulator.finish_abnormal(refund_no, now));
    world.pass(49 * HOUR);
    assert_eq!((refunded_fen(&world), open(&world).len()), (500, 0));
    adds_up(&world);
}

/// Found by the simulation: a query that was given up was answered minutes later.
#[test]
fn given_an_abnormal_refund_when_an_older_answer_comes_late_then_it_stays_abnormal() {
    let (mut world, trade_no) = settled();
    world.simulator.settings_mut().refund_outcome = RefundOutcome::Abnormal;
    ask(&mut world, &trade_no, None).unwrap();
    world.pass(10 * MINUTE);
    let abnormal = open(&world).remove(0);
    assert_eq!(abnormal.state, RefundState::Abnormal);
    let late = RefundSeen {
        out_refund_no: abnormal.claim.refund_no.clone(),
        out_trade_no: trade_no,
        sub_mchid: None,
        state: RefundWord::Processing,
        refund_id: None,
        refund_fen: Some(500),
        total_fen: Some(500),
        payer_refund_fen: None,
        account: None,
    };
    world.tell(Event::RefundQueryAnswered {
        refund_no: abnormal.claim.refund_no.clone(),
        heard: Heard {
            answer: Answer::Verified(late),
            request_id: None,
            skew_ms: None,
        },
    });
    assert_eq!(open(&world).remove(0).state, RefundState::Abnormal);
    assert!(world.is_alarmed(AlarmKind::RefundStuck));
}

#[test]
fn given_an_abnormal_refund_that_was_paid_in_cash_when_it_is_ended_then_its_sum_is_not_free_again()
{
    let (mut world, trade_no) = settled();
    world.simulator.settings_mut().refund_outcome = RefundOutcome::Abnormal;
    ask(&mut world, &trade_no, Some(300)).unwrap();
    let under_way = open(&world).remove(0).claim.refund_no;
    let end = |world: &mut World| {
        world.tell(Event::RefundGivenUp {
            refund_no: under_way.clone(),
            by: "王芳".into(),
            why: "paid in cash".into(),
        });
        world.replies.pop().expect("a reply")
    };
    assert!(end(&mut world).unwrap_err().contains("may still pay"));
    world.pass(10 * MINUTE);
    end(&mut world).unwrap();
    assert!(!world.is_alarmed(AlarmKind::RefundStuck));
    assert!(ask(&mut world, &trade_no, Some(201)).is_err());
    world.simulator.settings_mut().refund_outcome = RefundOutcome::Success;
    ask(&mut world, &trade_no, Some(200)).unwrap();
    world.pass(10 * MINUTE);
    adds_up(&world);
}

#[test]
fn e16_given_a_correction_with_nothing_due_when_its_refund_is_made_then_it_closes_by_itself() {
    let (mut world, trade_no) = settled();
    let said = correct(&mut world, &trade_no, 0).unwrap();
    assert!(said.contains("5.00 yuan go back by themselves"), "{said}");
    world.pass(10 * MINUTE);
    assert_eq!(refunded_fen(&world), 500);
    assert_eq!(world.book().corrections().count(), 0);
    adds_up(&world);
}

#[test]
fn e16_given_a_correction_with_something_due_when_its_refund_is_made_then_a_person_closes_it() {
    let (mut world, trade_no) = settled();
    ask(&mut world, &trade_no, Some(100)).unwrap();
    let said = correct(&mut world, &trade_no, 300).unwrap();
    assert!(
        said.contains("4.00 yuan go back by themselves"),
        "what is left: {said}"
    );
    world.pass(10 * MINUTE);
    assert_eq!(refunded_fen(&world), 500);
    let correction = world.book().correction(&trade_no).expect("it is open");
    assert!(correction.refund_no.is_some());
    adds_up(&world);
}

#[test]
fn given_a_callback_when_it_names_another_sum_then_it_moves_nothing() {
    use crate::charges::queue::Out;
    use crate::lane::time::Stamp;
    let (mut world, trade_no) = settled();
    ask(&mut world, &trade_no, None).unwrap();
    world.pass(5_000);
    let refund = open(&world).remove(0);
    let now = Stamp {
        now: world.now(),
        box_id: "south-1".into(),
    };
    let seen = |fen| RefundSeen {
        out_refund_no: refund.claim.refund_no.clone(),
        out_trade_no: trade_no.clone(),
        sub_mchid: None,
        state: RefundWord::Success,
        refund_id: None,
        total_fen: Some(500),
        refund_fen: Some(fen),
        payer_refund_fen: Some(fen),
        account: None,
    };
    let mut queue = world.park().queue().clone();
    let mut out = Out::default();
    assert!(!queue.refund_told(&seen(400), &now, &mut out));
    assert!(out.records.is_empty() && out.alarms[0].kind == AlarmKind::AnswerMismatch);
    assert!(queue.refund_told(&seen(500), &now, &mut out));
    assert_eq!(queue.book().totals().refunded.fen, 500);
    assert!(!queue.refund_told(&seen(500), &now, &mut out), "done with");
}
