//! What a person may take over, and what then adds up.

use super::material::*;
use crate::charges::call::Out;
use crate::charges::charge::{ChargeState, Opening, StaffReason};
use crate::charges::queue::Queue;
use crate::charges::record::{MoneyRecord, StaffOutcome};
use crate::charges::staff::Declined;
use crate::lane::number::{LedgerId, SessionId};

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
fn given_a_car_that_was_let_out_when_a_newer_stay_overtakes_its_charge_then_it_is_at_risk_until_wechat_answers()
 {
    let trade_no = number();
    let let_out = MoneyRecord::ChargeLetOut {
        trade_no: trade_no.clone(),
    };
    let overtaken = MoneyRecord::ChargeHandedToStaff {
        trade_no,
        reason: StaffReason::Superseded,
    };
    let (mut queue, _) = resumed(&[registered_and_due(), vec![let_out, overtaken]].concat());
    assert_eq!(queue.book().desk().count(), 1);
    assert_eq!(queue.book().exposure_fen(), 500, "of this outage");
    queue.replay(&MoneyRecord::ChargeSettled {
        paid: Default::default(),
        trade_no: "T9".into(),
        transaction_id: None,
        bank_type: None,
    });
    assert_eq!(queue.book().exposure_fen(), 0, "which is over");
}
