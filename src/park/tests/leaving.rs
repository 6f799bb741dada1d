//! Exit lanes: each row of the table while WeChat answers, end to end.

use super::cars::*;
use super::world::*;
use crate::charges::charge::{ChargeState, StaffReason};
use crate::lane::plate::PlateColor;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::sim::wechat::{Call, Fault, Plate};

// Nothing to pay.

#[test]
fn given_a_stay_under_two_seconds_when_it_ends_then_it_is_free() {
    for (stay_ms, opened) in [(1_999, 0), (2_000, 1)] {
        let mut world = World::new();
        world.read(IN, PLATE);
        world.run_to(stay_ms);
        world.read(OUT, PLATE);
        world.pass(MINUTE);
        assert_eq!(world.raises(OUT), 1);
        assert_eq!(world.book().totals().opened.count, opened, "{stay_ms}");
        assert_eq!(world.simulator.books().violations, []);
    }
}

#[test]
fn given_a_free_stay_when_it_ends_then_nothing_is_filed_and_its_entry_ends() {
    let mut world = inside_under(20 * MINUTE, |rules| rules.tariff.prices.free_s = 1_800);
    world.read(OUT, PLATE);
    assert_eq!(world.reason(OUT), Some(RaiseReason::Free));
    assert!(world.book().is_idle());
    world.pass(HOUR);
    assert_eq!(world.calls_since(0), [""; 0]);
}

#[test]
fn given_a_season_ticket_when_it_leaves_then_at_once_and_wechat_never_hears_of_it() {
    let mut world = World::with(|rules| {
        rules.lists.permits.insert(number(PLATE));
    });
    world.enter(PLATE);
    world.pass(5 * DAY);
    world.read(OUT, PLATE);
    assert_eq!(world.reason(OUT), Some(RaiseReason::Permit));
    assert_eq!(world.calls_since(0), [""; 0]);
    assert!(world.session(PLATE).is_none());
}

#[test]
fn given_a_season_ticket_without_an_entry_when_it_leaves_then_at_once() {
    let mut world = World::with(|rules| {
        rules.lists.permits.insert(number(PLATE));
    });
    world.read(OUT, PLATE);
    assert_eq!(world.reason(OUT), Some(RaiseReason::Permit));
}

#[test]
fn given_a_season_ticket_that_ended_during_the_stay_when_it_leaves_then_it_is_registered_and_charged()
 {
    let mut world = World::with(|rules| {
        rules.lists.permits.insert(number(PLATE));
    });
    world.enter(PLATE);
    world.rules.lists.permits.clear();
    world.power_off();
    world.start();
    world.pass(HOUR);
    world.read(OUT, PLATE);
    world.pass(1_000);
    assert!(is_accepted(world.reason(OUT)));
    assert_eq!(world.calls_since(0)[..2], ["entry", "charge"]);
    assert_eq!(world.simulator.books().violations, []);
}

#[test]
fn e22_given_a_police_car_when_it_leaves_then_free() {
    let mut world = World::with(|rules| rules.lists.free_special_vehicles = true);
    let mut read = world.reading("粤B1234警");
    read.color = Some(PlateColor::White);
    world.read_as(IN, read.clone());
    world.pass(HOUR);
    let mut read = world.reading("粤B1234警");
    read.color = Some(PlateColor::White);
    world.read_as(OUT, read);
    assert_eq!(world.reason(OUT), Some(RaiseReason::SpecialVehicle));
}

// Registered, and WeChat answers.

#[test]
fn given_a_registered_entry_when_the_charge_is_accepted_then_the_barrier_rises() {
    let mut world = inside_for(HOUR);
    world.read(OUT, PLATE);
    assert_eq!(world.raises(OUT), 0, "not before the answer");
    world.pass(250);
    assert!(is_accepted(world.reason(OUT)));
    assert_eq!(world.raises(OUT), 1);
    assert!(world.session(PLATE).is_none());
    let lane_calls = world.calls.len();
    assert_eq!(lane_calls, 1);
}

#[test]
fn given_an_entry_that_is_not_registered_when_wechat_answers_then_both_within_one_budget() {
    let mut world = unregistered(Plate::default());
    world.read(OUT, PLATE);
    world.pass(1_000);
    assert_eq!(world.calls_since(0), ["entry", "charge"]);
    assert!(is_accepted(world.reason(OUT)));
}

#[test]
fn given_a_plate_that_is_not_enrolled_when_it_leaves_then_it_pays_on_the_spot() {
    let mut world = World::new();
    enrolled_as(&mut world, Plate::not_enrolled());
    world.enter(PLATE);
    world.pass(MINUTE);
    world.calls.clear();
    world.read(OUT, PLATE);
    let blocked = HoldReason::Blocked("OUT_SERVICE".into());
    assert_eq!(world.held_for(OUT), Some(blocked));
    assert_eq!(
        world.hold(OUT).unwrap().quote.as_ref().unwrap().fee_fen,
        500
    );
    assert_eq!(world.calls_since(0), [""; 0], "the answer is fresh");
}

#[test]
fn given_a_blocked_entry_when_the_answer_has_aged_then_it_is_tried_once() {
    let mut world = World::new();
    enrolled_as(&mut world, Plate::blocked("PAUSE"));
    world.enter(PLATE);
    world.pass(3 * MINUTE);
    world.calls.clear();
    world.read(OUT, PLATE);
    world.pass(1_000);
    assert_eq!(world.calls_since(0), ["charge"]);
    let refused = HoldReason::Refused("TRADE_ERROR".into());
    assert_eq!(world.held_for(OUT), Some(refused.clone()));
    for _ in 0..4 {
        world.pass(40_000);
        world.read(OUT, PLATE);
    }
    assert_eq!(world.calls_since(0), ["charge"], "once");
    assert_eq!(world.held_for(OUT), Some(refused));
}

#[test]
fn given_a_blocked_entry_when_the_driver_has_enrolled_meanwhile_then_he_drives_through() {
    let mut world = World::new();
    enrolled_as(&mut world, Plate::blocked("OVERDUE"));
    world.enter(PLATE);
    world.pass(HOUR);
    enrolled_as(&mut world, Plate::default());
    world.read(OUT, PLATE);
    world.pass(1_000);
    assert!(is_accepted(world.reason(OUT)));
}

#[test]
fn e10_given_try_when_blocked_is_off_when_the_entry_was_blocked_then_nothing_is_tried() {
    let mut world = World::with(|rules| rules.exit.try_when_blocked = false);
    enrolled_as(&mut world, Plate::blocked("OVERDUE"));
    world.enter(PLATE);
    world.pass(HOUR);
    world.calls.clear();
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert_eq!(world.calls_since(0), [""; 0]);
    assert_eq!(
        world.held_for(OUT),
        Some(HoldReason::Blocked("OVERDUE".into()))
    );
}

#[test]
fn given_an_entry_that_turns_out_blocked_within_the_budget_then_the_car_is_held_and_staff_has_the_fee()
 {
    let blocked = HoldReason::Blocked("EVALUATION_FAILED".into());
    let mut world = unregistered(Plate::blocked("EVALUATION_FAILED"));
    world.read(OUT, PLATE);
    world.pass(1_000);
    assert_eq!(world.held_for(OUT), Some(blocked));
    assert_eq!(world.calls_since(0), ["entry"]);
    assert_eq!(
        world.desk().state,
        ChargeState::HandedToStaff(StaffReason::Blocked("EVALUATION_FAILED".into()))
    );
}

#[test]
fn given_an_unknown_colour_when_the_car_leaves_then_it_pays_on_the_spot() {
    let mut world = World::new();
    let mut read = world.reading(PLATE);
    read.color = None;
    world.read_as(IN, read);
    world.pass(HOUR);
    world.read(OUT, PLATE);
    let why = HoldReason::NotRegistered("plate colour unknown".into());
    assert_eq!(world.held_for(OUT), Some(why));
    world.attendant_raises(OUT);
    assert!(matches!(
        world.desk().state,
        ChargeState::HandedToStaff(StaffReason::NotRegistered(_))
    ));
}

// A short failure within the budget.

#[test]
fn given_one_failed_answer_when_the_budget_is_not_over_then_the_car_still_goes_as_accepted() {
    for fault in [Fault::ErrorAfter, Fault::ErrorBefore, Fault::Unsigned] {
        let mut world = inside_for(HOUR);
        world.simulator.faults_mut().push_on(Call::Charge, fault);
        world.read(OUT, PLATE);
        world.pass(1_500);
        assert!(is_accepted(world.reason(OUT)), "{:?}", world.reason(OUT));
    }
}

#[test]
fn given_an_answer_that_does_not_verify_when_the_budget_is_over_then_it_never_raises_by_itself() {
    let mut world = inside_for(20 * HOUR - 1);
    world.simulator.faults_mut().standing = Some(Fault::WrongSignature);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert_eq!(world.raises(OUT), 0);
    assert_eq!(world.held_for(OUT), Some(HoldReason::Silent));
    world.simulator.faults_mut().standing = None;
    world.pass(2 * MINUTE);
    assert_eq!(world.raises(OUT), 1, "released when it is known");
    assert_eq!(world.simulator.asked(Call::Charge), 1);
}
