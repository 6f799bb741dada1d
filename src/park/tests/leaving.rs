//! Exit lanes: each row of the table, end to end.

use super::world::*;
use crate::charges::charge::{ChargeState, StaffReason};
use crate::charges::record::StaffOutcome;
use crate::lane::alarm::AlarmKind;
use crate::lane::exit::{NearMatch, NoEntry};
use crate::lane::guard::{Doubt, WhenGuarded};
use crate::lane::plate::PlateColor;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::reading::ReadWarning;
use crate::lane::session::Ending;
use crate::park::event::Event;
use crate::park::record::LaneRecord;
use crate::park::rules::Rules;
use crate::park::state::ReviewWhy;
use crate::sim::wechat::{Call, Fault, Outcome, Plate};

const PLATE: &str = "粤B6K7H2";

/// A car that came in so long ago.
fn inside_for(ms: u64) -> World {
    inside_under(ms, |_| {})
}

fn inside_under(ms: u64, change: impl FnOnce(&mut Rules)) -> World {
    let mut world = World::with(change);
    world.enter(PLATE);
    world.run_to(ms);
    world.calls.clear();
    world
}

fn enrolled_as(world: &mut World, plate: Plate) {
    world
        .simulator
        .settings_mut()
        .plates
        .insert(PLATE.into(), plate);
}

/// A car whose entry got no answer a moment ago, and whose next try is not due yet.
fn unregistered(plate: Plate) -> World {
    let mut world = World::new();
    enrolled_as(&mut world, plate);
    let faults = world.simulator.faults_mut();
    for _ in 0..5 {
        faults.push_on(Call::Entry, Fault::WrongEcho);
    }
    world.read(IN, PLATE);
    world.pass(20_000);
    assert_eq!(world.calls_since(0).len(), 5);
    world.calls.clear();
    world
}

fn is_accepted(reason: Option<RaiseReason>) -> bool {
    matches!(reason, Some(RaiseReason::Accepted { .. }))
}

fn last_ending(world: &World) -> Option<Ending> {
    let records = world.lane_records().into_iter().rev();
    records
        .filter_map(|record| match record {
            LaneRecord::SessionClosed { ending, .. } => Some(ending),
            _ => None,
        })
        .next()
}

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
    let mut world = inside_under(20 * MINUTE, |rules| rules.tariff.free_s = 1_800);
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
fn given_a_police_car_when_it_leaves_then_free() {
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
fn given_try_when_blocked_is_off_when_the_entry_was_blocked_then_nothing_is_tried() {
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

// WeChat is silent.

/// Inside for so long when WeChat stops answering; registered or not.
fn silent_for(ms: u64, registered: bool, change: impl FnOnce(&mut Rules)) -> World {
    let mut world = World::with(change);
    world.simulator.faults_mut().outage = !registered;
    world.enter(PLATE);
    world.simulator.faults_mut().outage = true;
    world.run_to(ms);
    world.read(OUT, PLATE);
    world.pass(1_600);
    world
}

#[test]
fn given_silence_when_the_entry_was_normal_then_out_up_to_the_limit_and_filed_later() {
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
fn given_silence_when_the_plate_has_open_arrears_then_hold() {
    let mut world = World::new();
    enrolled_as(&mut world, Plate::ending(Outcome::PayFail));
    world.enter(PLATE);
    world.pass(10 * MINUTE);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    world.drive_through(OUT);
    assert!(world.book().has_arrears(&number(PLATE)));
    world.enter(PLATE);
    world.simulator.faults_mut().outage = true;
    world.pass(10 * MINUTE);
    world.read(OUT, PLATE);
    world.pass(2_000);
    assert_eq!(world.held_for(OUT), Some(HoldReason::Silent));
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

fn without_advance(outcome: Outcome, settle_after_ms: u64) -> World {
    let mut world = inside_under(HOUR, |rules| rules.exit.advance = false);
    world.simulator.settings_mut().settle_after_ms = settle_after_ms;
    enrolled_as(&mut world, Plate::ending(outcome));
    world.read(OUT, PLATE);
    world
}

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
fn given_no_advance_when_the_driver_cannot_pay_then_the_hold_says_so() {
    let mut world = without_advance(Outcome::PayFail, 20_000);
    world.pass(30_000);
    assert_eq!(world.held_for(OUT), Some(HoldReason::PaymentFailed));
    assert_eq!(world.raises(OUT), 0);
}

// Held.

#[test]
fn given_a_held_car_when_nobody_comes_then_it_is_let_out_as_arrears() {
    let mut world = World::new();
    enrolled_as(&mut world, Plate::not_enrolled());
    world.enter(PLATE);
    world.pass(MINUTE);
    world.read(OUT, PLATE);
    world.pass(10 * MINUTE - 1);
    assert_eq!(world.raises(OUT), 0);
    world.pass(1);
    assert_eq!(world.reason(OUT), Some(RaiseReason::HeldTooLong));
    assert!(world.is_alarmed(AlarmKind::HeldTooLong));
    assert_eq!(
        world.desk().state,
        ChargeState::HandedToStaff(StaffReason::Blocked("OUT_SERVICE".into()))
    );
}

#[test]
fn given_a_held_car_that_is_read_all_the_time_when_nobody_comes_then_its_time_runs_all_the_same() {
    for fee_filed in [false, true] {
        let mut world = match fee_filed {
            true => silent_for(5 * HOUR, false, |_| {}),
            false => {
                let mut world = inside_for(DAY);
                world.read(OUT, PLATE);
                world
            }
        };
        let from = world.time;
        assert!(world.hold(OUT).is_some());
        while world.raises(OUT) == 0 {
            world.pass(35_000);
            world.read(OUT, PLATE);
            assert!(world.time - from < 12 * MINUTE, "it waits for ever");
        }
    }
}

#[test]
fn given_a_held_car_that_is_read_differently_when_nobody_comes_then_it_is_not_trapped() {
    let mut world = World::new();
    let from = world.time;
    for round in 0.. {
        world.read(OUT, ["粤B6K7H2", "粤B6K7HZ"][round % 2]);
        if round % 5 == 4 {
            let read = world.unreadable();
            world.read_as(OUT, read);
        }
        world.pass(31_000);
        if world.raises(OUT) > 0 {
            break;
        }
        assert!(world.time - from < 12 * MINUTE, "it waits for ever");
    }
}

#[test]
fn given_a_held_car_when_an_unreadable_or_misread_plate_follows_then_the_hold_keeps_its_stay() {
    let mut world = World::new();
    enrolled_as(&mut world, Plate::not_enrolled());
    world.enter(PLATE);
    world.pass(MINUTE);
    world.read(OUT, PLATE);
    world.pass(20_000);
    let read = world.unreadable();
    world.read_as(OUT, read);
    world.read(OUT, "粤B6K7HZ");
    let hold = world.hold(OUT).unwrap();
    assert_eq!(hold.plate, Some(number(PLATE)));
    assert!(hold.session.is_some());
}

#[test]
fn given_a_held_car_when_another_is_read_then_the_hold_is_the_others_and_the_first_charge_goes_on()
{
    let mut world = silent_for(5 * HOUR, false, |_| {});
    let first = world.charge().claim.trade_no.clone();
    world.read(OUT, "苏E6P398");
    assert!(matches!(
        world.held_for(OUT),
        Some(HoldReason::NoEntry { .. })
    ));
    world.simulator.faults_mut().outage = false;
    world.pass(3 * MINUTE);
    assert!(world.simulator.books().order(&first).is_some());
    assert_eq!(world.raises(OUT), 0, "the first has backed out");
    world.read(OUT, PLATE);
    assert!(matches!(
        world.reason(OUT),
        Some(RaiseReason::Settled { .. })
    ));
    assert_eq!(world.book().totals().opened.count, 1);
}

#[test]
fn given_a_car_that_backed_out_when_it_stays_for_hours_more_then_it_is_charged_once_and_reviewed() {
    let mut world = silent_for(5 * HOUR, false, |_| {});
    world.read(OUT, "苏E6P398");
    world.simulator.faults_mut().outage = false;
    world.pass(5 * HOUR);
    world.read(OUT, PLATE);
    assert!(matches!(
        world.reason(OUT),
        Some(RaiseReason::Settled { .. })
    ));
    let mut reviews = world.park().site().reviews.values();
    assert_eq!(reviews.next().unwrap().why, ReviewWhy::StayedAfterCharge);
    assert_eq!(world.simulator.books().orders.len(), 1);
}

#[test]
fn given_an_unknown_charge_when_the_car_is_read_again_then_its_order_is_looked_for_and_nothing_else()
 {
    let mut world = inside_for(20 * HOUR - 1);
    world
        .simulator
        .faults_mut()
        .push_on(Call::Charge, Fault::AnswerLost);
    for _ in 0..4 {
        let faults = world.simulator.faults_mut();
        faults.push_on(Call::Query, Fault::WrongEcho);
    }
    world.read(OUT, PLATE);
    world.pass(32_000);
    assert!(matches!(world.charge().state, ChargeState::Unknown { .. }));
    assert_eq!(world.held_for(OUT), Some(HoldReason::Silent));
    let from = world.calls.len();
    world.read(OUT, PLATE);
    assert_eq!(world.calls_since(from), ["query"]);
    assert_eq!(world.hold(OUT), None, "it waits for one more budget");
    world.pass(1_000);
    assert_eq!(world.raises(OUT), 1);
    assert_eq!(world.simulator.asked(Call::Charge), 1);
}

// E3: no entry.

#[test]
fn given_no_entry_when_the_policy_asks_then_the_attendant_sees_what_resembles_it() {
    let mut world = World::new();
    world.enter("粤B6K7H8");
    world.enter("苏E6P398");
    world.pass(MINUTE);
    world.read(OUT, PLATE);
    let Some(HoldReason::NoEntry { candidates }) = world.held_for(OUT) else {
        panic!("{:?}", world.held_for(OUT));
    };
    assert_eq!(candidates, [world.session("粤B6K7H8").unwrap().id.clone()]);
    world.attendant_raises(OUT);
    assert_eq!((world.raises(OUT), world.hold(OUT)), (1, None));
    assert_eq!(world.park().site().sessions.len(), 2, "nobody's stay ends");
}

#[test]
fn given_no_entry_when_the_policy_is_open_then_out_and_recorded() {
    let mut world = World::with(|rules| rules.exit.no_entry = NoEntry::Open);
    world.read(OUT, PLATE);
    assert_eq!(world.reason(OUT), Some(RaiseReason::NoEntryOpen));
    world.pass(3_000);
    world.read(OUT, PLATE);
    assert_eq!(world.raises(OUT), 1);
}

#[test]
fn given_no_entry_when_the_policy_is_hold_then_after_ten_minutes_it_is_let_out() {
    let mut world = World::with(|rules| rules.exit.no_entry = NoEntry::Hold);
    world.read(OUT, PLATE);
    assert!(matches!(
        world.held_for(OUT),
        Some(HoldReason::NoEntry { .. })
    ));
    world.pass(10 * MINUTE);
    assert_eq!(world.reason(OUT), Some(RaiseReason::HeldTooLong));
}

fn near_match(confidence: Option<u16>, others: &[&str]) -> World {
    let mut world = World::with(|rules| rules.exit.near_match = NearMatch::Auto);
    world.enter(PLATE);
    for other in others {
        world.enter(other);
    }
    world.pass(HOUR);
    let mut read = world.reading("粤B6K7HZ");
    read.confidence_permille = confidence;
    world.read_as(OUT, read);
    world.pass(1_000);
    world
}

#[test]
fn given_near_match_auto_when_one_stay_is_one_character_away_then_it_is_charged_on_its_own_plate() {
    let mut world = near_match(Some(950), &["苏E6P398"]);
    assert!(is_accepted(world.reason(OUT)));
    world.pass(MINUTE);
    let books = world.simulator.books();
    assert_eq!(books.orders_of(PLATE).count(), 1);
    assert_eq!(books.violations, []);
    world.pass(5_000);
    assert!(world.session(PLATE).is_none());
}

#[test]
fn given_near_match_auto_when_it_is_ambiguous_or_the_camera_gave_no_confidence_then_ask() {
    for world in [
        near_match(Some(950), &["粤B6K7HX"]),
        near_match(None, &[]),
        near_match(None, &["苏E6P398"]),
    ] {
        assert_eq!(world.raises(OUT), 0);
        assert!(matches!(
            world.held_for(OUT),
            Some(HoldReason::NoEntry { .. })
        ));
    }
}

#[test]
fn given_near_match_auto_when_the_near_plate_is_read_again_while_it_waits_then_it_is_the_same_car()
{
    let mut world = World::with(|rules| rules.exit.near_match = NearMatch::Auto);
    world.enter(PLATE);
    world.pass(HOUR);
    world.read(OUT, "粤B6K7HZ");
    world.pass(100);
    world.read(OUT, "粤B6K7HZ");
    world.read(OUT, PLATE);
    world.pass(20_000);
    assert_eq!((world.raises(OUT), world.hold(OUT)), (1, None));
}

#[test]
fn given_near_match_auto_when_the_stay_is_a_season_ticket_then_free() {
    let mut world = World::with(|rules| {
        rules.exit.near_match = NearMatch::Auto;
        rules.lists.permits.insert(number(PLATE));
    });
    world.enter(PLATE);
    world.pass(HOUR);
    world.read(OUT, "粤B6K7HZ");
    assert_eq!(world.reason(OUT), Some(RaiseReason::Permit));
    assert!(world.session(PLATE).is_none());
}

// The guard.

#[test]
fn given_an_implausible_stay_or_fee_when_it_ends_then_a_person_looks() {
    for (stay_ms, doubts) in [
        (20 * HOUR, vec![]),
        (20 * HOUR + 1_000, vec![Doubt::FeeTooHigh]),
        (73 * HOUR, vec![Doubt::StayTooLong, Doubt::FeeTooHigh]),
    ] {
        let mut world = inside_for(stay_ms);
        world.read(OUT, PLATE);
        world.pass(1_000);
        match doubts.is_empty() {
            true => assert!(is_accepted(world.reason(OUT))),
            false => {
                let guarded = HoldReason::Guarded(doubts.clone());
                assert_eq!(world.held_for(OUT), Some(guarded));
                assert_eq!(world.calls_since(0), [""; 0], "nothing is filed");
                let mut reviews = world.park().site().reviews.values();
                assert_eq!(reviews.next().unwrap().why, ReviewWhy::Guarded(doubts));
            }
        }
    }
}

#[test]
fn given_a_doubtful_exit_reading_when_it_costs_something_then_a_person_looks() {
    type Spoil = fn(&mut crate::lane::reading::PlateRead);
    let spoil: [(Spoil, Doubt); 4] = [
        (
            |read| read.confidence_permille = Some(799),
            Doubt::LowConfidence,
        ),
        (
            |read| read.warnings = vec![ReadWarning::ColorConflict],
            Doubt::ColorContradictsShape,
        ),
        (
            |read| read.warnings = vec![ReadWarning::LengthSuspect],
            Doubt::ColorContradictsShape,
        ),
        (
            |read| read.warnings = vec![ReadWarning::FakePlate],
            Doubt::FakePlate,
        ),
    ];
    for (spoil, doubt) in spoil {
        let mut world = inside_for(HOUR);
        let mut read = world.reading(PLATE);
        spoil(&mut read);
        world.read_as(OUT, read);
        world.pass(1_000);
        assert_eq!(world.held_for(OUT), Some(HoldReason::Guarded(vec![doubt])));
        assert_eq!(world.calls_since(0), [""; 0]);
    }
    let mut world = inside_for(HOUR);
    let mut read = world.reading(PLATE);
    read.confidence_permille = None;
    world.read_as(OUT, read);
    world.pass(1_000);
    assert!(is_accepted(world.reason(OUT)), "no confidence passes");
}

#[test]
fn given_a_hold_for_low_confidence_when_a_better_reading_follows_then_it_is_decided_anew() {
    let mut world = inside_for(HOUR);
    let mut poor = world.reading(PLATE);
    poor.confidence_permille = Some(500);
    world.read_as(OUT, poor.clone());
    world.pass(2_000);
    poor.record_id = Some("another".into());
    poor.confidence_permille = Some(600);
    world.read_as(OUT, poor);
    assert!(world.hold(OUT).is_some(), "no better");
    world.pass(2_000);
    world.read(OUT, PLATE);
    world.pass(300);
    assert!(is_accepted(world.reason(OUT)));
    assert_eq!(world.hold(OUT), None);
    let lane_until = world.calls.len();
    assert_eq!(lane_until, 1);
}

#[test]
fn given_the_guard_opens_when_a_stay_is_implausible_then_out_and_staff_has_the_fee() {
    let mut world = inside_under(73 * HOUR, |rules| rules.guard.at_exit = WhenGuarded::Open);
    world.read(OUT, PLATE);
    assert_eq!(world.reason(OUT), Some(RaiseReason::GuardOpen));
    assert!(matches!(
        world.desk().state,
        ChargeState::HandedToStaff(StaffReason::Guarded(_))
    ));
    assert!(matches!(
        last_ending(&world),
        Some(Ending::Reviewed { trade_no: Some(_) })
    ));
    world.pass(DAY);
    assert_eq!(world.calls_since(0), [""; 0]);
}

// The attendant.

fn raised_by_hand(world: &mut World, money: Option<StaffOutcome>) -> String {
    world.tell(Event::AttendantRaised {
        lane: lane_id(OUT),
        by: "张三".into(),
        why: "asked to".into(),
        money,
    });
    world
        .replies
        .pop()
        .expect("a reply")
        .expect("it is always possible")
}

fn cash() -> Option<StaffOutcome> {
    Some(StaffOutcome::Collected {
        by: "张三".into(),
        channel: "cash".into(),
    })
}

fn is_by_hand(reason: Option<RaiseReason>) -> bool {
    matches!(reason, Some(RaiseReason::Attendant { .. }))
}

#[test]
fn given_an_empty_lane_when_the_attendant_raises_then_it_is_recorded() {
    let mut world = World::new();
    assert_eq!(
        raised_by_hand(&mut world, cash()),
        "lane out-1 raised; nothing was due"
    );
    assert!(is_by_hand(world.reason(OUT)));
    world.tell(Event::AttendantRaised {
        lane: lane_id("north"),
        by: String::new(),
        why: String::new(),
        money: None,
    });
    assert!(world.replies.pop().unwrap().is_err());
}

#[test]
fn given_a_charge_on_its_way_when_the_attendant_takes_cash_then_the_money_may_not_be_taken() {
    let mut world = inside_for(HOUR);
    world.read(OUT, PLATE);
    assert_eq!(world.charge().state, ChargeState::Sent);
    let reply = raised_by_hand(&mut world, cash());
    assert!(reply.contains("may still take"), "{reply}");
    assert!(is_by_hand(world.reason(OUT)));
    world.pass(MINUTE);
    assert_eq!(world.raises(OUT), 1);
    assert_eq!(world.book().totals().settled.count, 1);
    assert_eq!(world.book().totals().withdrawn.count, 0);
}

#[test]
fn given_an_unknown_charge_when_the_attendant_takes_cash_then_the_money_may_not_be_taken() {
    let mut world = inside_for(20 * HOUR - 1);
    world.simulator.faults_mut().outage = true;
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert!(matches!(world.charge().state, ChargeState::Unknown { .. }));
    let reply = raised_by_hand(&mut world, cash());
    assert!(reply.contains("may still take"), "{reply}");
    assert_eq!(world.raises(OUT), 1);
    world.simulator.faults_mut().outage = false;
    world.pass(10 * MINUTE);
    assert_eq!(world.book().totals().settled.count, 1);
}

#[test]
fn given_a_charge_that_was_never_sent_when_the_attendant_takes_cash_then_it_is_withdrawn() {
    let mut world = silent_for(5 * HOUR, false, |_| {});
    assert_eq!(world.charge().state, ChargeState::WaitingForEntry);
    let reply = raised_by_hand(&mut world, cash());
    assert!(reply.ends_with("is finished"), "{reply}");
    world.simulator.faults_mut().outage = false;
    world.pass(10 * MINUTE);
    let totals = world.book().totals();
    assert_eq!(totals.withdrawn, totals.opened);
    assert_eq!(world.simulator.books().orders.len(), 0);
}

#[test]
fn given_a_refused_charge_when_the_attendant_takes_cash_then_the_desk_is_clear() {
    let mut world = inside_for(HOUR);
    enrolled_as(&mut world, Plate::blocked("OVERDUE"));
    world.read(OUT, PLATE);
    world.pass(1_000);
    let reply = raised_by_hand(&mut world, cash());
    assert!(reply.ends_with("is finished"), "{reply}");
    assert_eq!(world.book().desk().count(), 0);
    assert_eq!(world.book().totals().collected.count, 1);
}

#[test]
fn given_a_car_that_waits_for_its_money_when_the_attendant_raises_then_once_and_the_charge_stands()
{
    let mut world = without_advance(Outcome::Success, 20_000);
    world.pass(3_000);
    let reply = raised_by_hand(&mut world, cash());
    assert!(reply.contains("has taken this charge on"), "{reply}");
    world.pass(MINUTE);
    assert_eq!(world.raises(OUT), 1);
    assert_eq!(world.book().totals().settled.count, 1);
}

#[test]
fn given_a_hold_without_a_claim_when_the_attendant_raises_then_the_fee_is_arrears_or_collected() {
    for money in [None, cash()] {
        let mut world = inside_for(73 * HOUR);
        world.read(OUT, PLATE);
        let collects = money.is_some();
        raised_by_hand(&mut world, money);
        let totals = world.book().totals();
        assert_eq!(totals.handed_to_staff.count, 1);
        assert_eq!(totals.collected.count, u64::from(collects));
        assert!(world.session(PLATE).is_none());
    }
}
