//! Exit lanes while WeChat says nothing, or the money is slow.

use super::cars::*;
use super::world::*;
use crate::charges::charge::ChargeState;
use crate::lane::alarm::AlarmKind;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::sim::wechat::{Outcome, Plate};

// WeChat is silent.

#[test]
fn e13_given_silence_when_the_entry_was_normal_then_out_up_to_the_limit_and_filed_later() {
    let mut world = silent_for(10 * HOUR, true, |_| {});
    assert_eq!(world.reason(OUT), Some(RaiseReason::SilentNormal));
    assert_eq!(world.book().exposure_fen(), 5_000);
    world.pass(HOUR);
    assert!(world.is_alarmed(AlarmKind::WechatSilent));
    world.simulator.faults_mut().outage = false;
    world.pass(10 * MINUTE);
    assert!(!world.is_alarmed(AlarmKind::WechatSilent));
    assert_eq!(world.book().totals().settled.fen, 5_000);
    assert_eq!(world.book().exposure_fen(), 0);
    let over = silent_for(10 * HOUR + 1_000, true, |_| {});
    assert_eq!(over.held_for(OUT), Some(HoldReason::Silent));
}

#[test]
fn given_silence_when_nothing_is_known_of_the_entry_then_out_up_to_the_lower_limit() {
    let mut world = silent_for(4 * HOUR, false, |_| {});
    assert_eq!(world.reason(OUT), Some(RaiseReason::SilentUnknown));
    world.simulator.faults_mut().outage = false;
    world.pass(10 * MINUTE);
    assert_eq!(world.book().totals().settled.fen, 2_000);
    assert_eq!(world.simulator.books().violations, []);
    let over = silent_for(4 * HOUR + 1_000, false, |_| {});
    assert_eq!(over.held_for(OUT), Some(HoldReason::Silent));
}

#[test]
fn given_a_car_held_in_silence_when_wechat_answers_again_then_it_is_released() {
    let mut world = silent_for(5 * HOUR, false, |_| {});
    assert_eq!(world.held_for(OUT), Some(HoldReason::Silent));
    world.simulator.faults_mut().outage = false;
    world.pass(2 * MINUTE);
    assert!(is_accepted(world.reason(OUT)));
    assert_eq!((world.raises(OUT), world.hold(OUT)), (1, None));
}

#[test]
fn given_silence_when_the_sum_at_risk_is_reached_then_hold() {
    let mut world = World::with(|rules| rules.exit.exposure_limit_fen = 1_000);
    let plates = ["粤B10001", "粤B20002", "粤B30003"];
    for plate in plates {
        world.enter(plate);
    }
    world.simulator.faults_mut().outage = true;
    world.pass(10 * MINUTE);
    for plate in plates {
        world.read(OUT, plate);
        world.pass(2_000);
        world.drive_through(OUT);
    }
    assert_eq!(world.raises(OUT), 2);
    assert_eq!(world.book().exposure_fen(), 1_000);
    assert_eq!(world.held_for(OUT), Some(HoldReason::Silent));
}

#[test]
fn given_an_outage_that_used_up_the_limit_when_it_is_over_then_the_next_begins_anew() {
    let mut world = World::with(|rules| rules.exit.exposure_limit_fen = 500);
    let plates = ["粤B10001", PLATE];
    for plate in plates {
        world.enter(plate);
    }
    for plate in plates {
        world.simulator.faults_mut().outage = true;
        world.pass(10 * MINUTE);
        world.read(OUT, plate);
        world.pass(2_000);
        assert_eq!(
            world.reason(OUT),
            Some(RaiseReason::SilentNormal),
            "{plate}"
        );
        world.drive_through(OUT);
        assert_eq!(world.book().exposure_fen(), 500);
        world.simulator.faults_mut().outage = false;
        world.pass(15 * MINUTE);
        assert_eq!(world.book().exposure_fen(), 0);
    }
}

#[test]
fn given_silence_when_the_plate_has_open_arrears_then_hold() {
    let mut world = World::new();
    enrolled_as(&mut world, Plate::ending(Outcome::PayFail));
    world.enter(PLATE);
    world.pass(10 * MINUTE);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    world.drive_through(OUT);
    let owes = world.book().arrears_of(&number(PLATE)).unwrap();
    assert_eq!((owes.charges, owes.fen), (1, 500));
    world.enter(PLATE);
    world.simulator.faults_mut().outage = true;
    world.pass(10 * MINUTE);
    world.read(OUT, PLATE);
    world.pass(2_000);
    assert_eq!(
        world.held_for(OUT),
        Some(HoldReason::Arrears { fen: 500 }),
        "whoever is called learns why"
    );
}

#[test]
fn given_silence_when_the_entry_was_blocked_then_hold() {
    let mut world = World::new();
    enrolled_as(&mut world, Plate::blocked("OVERDUE"));
    world.enter(PLATE);
    world.simulator.faults_mut().outage = true;
    world.enter("粤B2M905");
    world.pass(10 * MINUTE);
    assert!(world.is_alarmed(AlarmKind::WechatSilent));
    world.read(OUT, PLATE);
    assert_eq!(
        world.held_for(OUT),
        Some(HoldReason::Blocked("OVERDUE".into()))
    );
}

// Without the advance permission.

#[test]
fn given_no_advance_when_the_money_moves_within_its_budget_then_only_that_raises() {
    let mut world = without_advance(Outcome::Success, 5_000);
    world.pass(4_000);
    assert_eq!(world.raises(OUT), 0, "accepted is not enough");
    world.pass(2_500);
    assert!(matches!(
        world.reason(OUT),
        Some(RaiseReason::Settled { .. })
    ));
    let queries = world.calls_since(0).len() - 1;
    assert!((4..=7).contains(&queries), "{queries} queries");
}

#[test]
fn given_no_advance_when_the_money_is_slow_then_hold_and_raise_when_it_has_moved() {
    let mut world = without_advance(Outcome::Success, 60_000);
    world.pass(8_500);
    assert_eq!(world.held_for(OUT), Some(HoldReason::NotYetPaid));
    world.pass(50_000);
    assert_eq!(world.raises(OUT), 0);
    world.pass(8_000);
    assert!(matches!(
        world.reason(OUT),
        Some(RaiseReason::Settled { .. })
    ));
    assert!(world.calls.len() < 30, "{} calls", world.calls.len());
}

#[test]
fn given_no_advance_when_a_car_held_in_silence_is_paid_for_then_it_goes_within_seconds() {
    let mut world = silent_for(5 * HOUR, false, |rules| rules.exit.advance = false);
    world.simulator.settings_mut().settle_after_ms = 70_000;
    world.simulator.faults_mut().outage = false;
    let accepted = world.pass_until(2 * MINUTE, |world| {
        matches!(world.charge().state, ChargeState::Accepted { .. })
    });
    assert!(accepted);
    world.pass(76_000);
    assert_eq!(world.raises(OUT), 1);
}

#[test]
fn given_no_advance_when_the_driver_cannot_pay_then_the_hold_says_so() {
    let mut world = without_advance(Outcome::PayFail, 20_000);
    world.pass(30_000);
    assert_eq!(world.held_for(OUT), Some(HoldReason::PaymentFailed));
    assert_eq!(world.raises(OUT), 0);
}
