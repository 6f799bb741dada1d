//! Cars that wait for a person at an exit, and plates that nobody knows.

use super::cars::*;
use super::world::*;
use crate::charges::charge::{ChargeState, StaffReason};
use crate::lane::alarm::AlarmKind;
use crate::lane::exit::{NearMatch, NoEntry};
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::park::review::ReviewWhy;
use crate::sim::wechat::{Call, Fault, Plate};

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
fn e03_given_no_entry_when_the_policy_asks_then_the_attendant_sees_what_resembles_it() {
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
    assert_eq!(world.park().site().cars_inside(), 2, "nobody's stay ends");
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
fn given_near_match_auto_when_the_colours_differ_then_ask() {
    let mut world = World::with(|rules| rules.exit.near_match = NearMatch::Auto);
    world.enter("粤BD12873");
    world.pass(HOUR);
    world.read(OUT, "粤B12873");
    assert!(
        matches!(world.held_for(OUT), Some(HoldReason::NoEntry { candidates }) if candidates.len() == 1),
        "a blue plate is hardly the green one that lost its D"
    );
    world.pass(MINUTE);
    let mut green = world.reading("粤B12873");
    green.color = Some(crate::lane::plate::PlateColor::Green);
    world.read_as(OUT, green);
    world.pass(1_000);
    assert!(is_accepted(world.reason(OUT)));
}

#[test]
fn given_near_match_auto_when_the_province_is_the_homes_then_it_weighs_little() {
    for (home_province, taken) in [(Some('粤'), true), (None, false)] {
        let mut world = World::with(|rules| {
            rules.exit.near_match = NearMatch::Auto;
            rules.exit.home_province = home_province;
        });
        world.enter(PLATE);
        world.pass(HOUR);
        // Another province, and a look-alike at the end: one edit at home, one and a half elsewhere.
        world.read(OUT, "湘B6K7HZ");
        world.pass(1_000);
        assert_eq!(is_accepted(world.reason(OUT)), taken);
    }
}

#[test]
fn given_a_plate_without_its_last_character_when_it_is_read_then_the_attendant_sees_whose_it_may_be()
 {
    let mut world = inside_for(HOUR);
    let mut read = world.unreadable();
    read.raw_plate = Some("粤B6K7H".into());
    world.read_as(OUT, read);
    let Some(HoldReason::NoEntry { candidates }) = world.held_for(OUT) else {
        panic!("{:?}", world.held_for(OUT));
    };
    assert_eq!(candidates, [world.session(PLATE).unwrap().id.clone()]);
    let mut read = world.unreadable();
    read.raw_plate = Some("?".into());
    let mut other = inside_for(HOUR);
    other.read_as(OUT, read);
    assert_eq!(other.held_for(OUT), Some(HoldReason::Unreadable));
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
