//! Cars whose plate a person reads, and vehicles that nobody told to go.

use super::cars::*;
use super::world::*;
use crate::lane::plate::PlateColor;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::session::Ending;
use crate::park::event::Event;
use crate::park::record::{LaneRecord, Proof};
use crate::park::step::Ignored;

fn name(world: &mut World, lane: &str, plate: &str) -> Result<String, String> {
    world.tell(Event::PlateNamed {
        lane: lane_id(lane),
        plate: number(plate),
        color: None,
        by: "张三".into(),
        why: "read by a person".into(),
    });
    world.replies.pop().expect("a reply")
}

// Named.

#[test]
fn given_a_near_match_when_a_person_confirms_it_then_its_stay_is_charged_and_ends() {
    let mut world = inside_for(HOUR);
    world.read(OUT, "粤B6K7HZ");
    assert!(matches!(
        world.held_for(OUT),
        Some(HoldReason::NoEntry { .. })
    ));
    let session = world.session(PLATE).unwrap().id.clone();
    let said = name(&mut world, OUT, PLATE).unwrap();
    assert!(said.contains(&session.0), "{said}");
    world.pass(1_000);
    assert!(is_accepted(world.reason(OUT)));
    assert!(world.session(PLATE).is_none());
    world.pass(5_000);
    world.read(OUT, "粤B6K7HZ");
    world.pass(20_000);
    assert_eq!(
        (world.raises(OUT), world.hold(OUT)),
        (1, None),
        "the same car"
    );
    world.pass(MINUTE);
    let books = world.simulator.books();
    assert_eq!(
        (books.orders_of(PLATE).count(), &books.violations[..]),
        (1, &[][..])
    );
}

#[test]
fn given_an_unread_car_at_the_exit_when_its_plate_is_named_then_it_is_decided_like_any_other() {
    let mut world = inside_for(HOUR);
    let read = world.unreadable();
    world.read_as(OUT, read);
    assert_eq!(world.held_for(OUT), Some(HoldReason::Unreadable));
    let why = name(&mut world, OUT, "苏E6P398").unwrap_err();
    assert!(why.contains("no stay of this plate"), "{why}");
    name(&mut world, OUT, PLATE).unwrap();
    world.pass(1_000);
    assert!(is_accepted(world.reason(OUT)));
    assert_eq!(world.raises(OUT), 1);
}

#[test]
fn given_a_named_car_whose_fee_is_over_a_limit_when_it_is_held_on_then_the_raise_names_its_stay() {
    let mut world = inside_for(73 * HOUR);
    world.read(OUT, "粤B6K7HZ");
    name(&mut world, OUT, PLATE).unwrap();
    assert!(matches!(world.held_for(OUT), Some(HoldReason::Guarded(_))));
    world.attendant_raises(OUT);
    assert!(world.session(PLATE).is_none());
    assert_eq!(world.desk().fee_fen(), 36_500);
}

#[test]
fn given_an_unread_car_at_the_entry_when_its_plate_is_named_then_it_has_a_stay() {
    let mut world = World::new();
    let read = world.unreadable();
    world.read_as(IN, read);
    assert_eq!(world.held_for(IN), Some(HoldReason::Unreadable));
    name(&mut world, IN, "粤BD12873").unwrap();
    assert_eq!(world.reason(IN), Some(RaiseReason::Entry));
    let session = world.session("粤BD12873").unwrap();
    assert_eq!(session.color, Some(PlateColor::Green), "its shape says so");
    world.pass(HOUR);
    world.read(OUT, "粤BD12873");
    world.pass(1_000);
    assert!(is_accepted(world.reason(OUT)));
}

#[test]
fn given_nobody_at_a_barrier_when_a_plate_is_named_then_nothing_happens() {
    let mut world = inside_for(HOUR);
    let why = name(&mut world, OUT, PLATE).unwrap_err();
    assert!(why.contains("no car is held"), "{why}");
    assert!(name(&mut world, "north", PLATE).is_err());
    assert_eq!(world.raises(OUT), 0);
}

#[test]
fn given_a_car_that_was_charged_as_another_when_its_plate_is_named_then_that_charge_comes_first() {
    let mut world = silent_for(5 * HOUR, false, |_| {});
    world.enter("苏E6P398");
    let why = name(&mut world, OUT, "苏E6P398").unwrap_err();
    assert!(why.contains("charged for another stay"), "{why}");
}

#[test]
fn given_no_entry_when_the_policy_is_hold_then_nobody_is_asked_which_stay_it_is() {
    use crate::lane::exit::NoEntry;
    for (no_entry, shown) in [(NoEntry::Ask, 1), (NoEntry::Hold, 0)] {
        let mut world = inside_under(HOUR, |rules| rules.exit.no_entry = no_entry);
        world.read(OUT, "粤B6K7HZ");
        let Some(HoldReason::NoEntry { candidates }) = world.held_for(OUT) else {
            panic!("{:?}", world.held_for(OUT));
        };
        assert_eq!(candidates.len(), shown);
    }
}

// Not told to go.

fn cross(world: &mut World, lane: &str) {
    for occupied in [true, false] {
        let lane = lane_id(lane);
        world.tell(Event::ClosingLoop { lane, occupied });
        world.pass(1_500);
    }
}

/// A car that waits for a person, and a loop that has been heard before.
fn held() -> World {
    let mut world = inside_for(73 * HOUR);
    world.read(OUT, PLATE);
    world.pass(30_000);
    assert!(world.hold(OUT).is_some());
    world
}

#[test]
fn given_a_held_car_when_the_barriers_button_lets_it_out_then_its_stay_ends_and_the_fee_is_owed() {
    let mut world = held();
    cross(&mut world, OUT);
    assert_eq!(world.reason(OUT), Some(RaiseReason::NotOurs));
    assert_eq!(
        (world.raises(OUT), world.hold(OUT)),
        (0, None),
        "nothing is commanded"
    );
    assert!(world.session(PLATE).is_none());
    assert_eq!(world.desk().fee_fen(), 36_500);
    let records = world.lane_records();
    let has = |wanted: fn(&LaneRecord) -> bool| records.iter().any(wanted);
    assert!(has(|record| matches!(
        record,
        LaneRecord::RaiseCarriedOut {
            proof: Proof::Loop,
            ..
        }
    )));
    world.pass(11 * MINUTE);
    assert_eq!(world.raises(OUT), 0, "and nobody is let out after it");
}

#[test]
fn given_a_held_car_without_loops_when_the_arm_is_seen_up_then_it_is_gone() {
    let mut world = World::new();
    world.read(IN, PLATE);
    world.pass(73 * HOUR);
    world.read(OUT, PLATE);
    world.pass(30_000);
    let lane = lane_id(OUT);
    world.tell(Event::ArmUp { lane });
    assert_eq!(world.reason(OUT), Some(RaiseReason::NotOurs));
    assert_eq!((world.raises(OUT), world.hold(OUT)), (0, None));
}

#[test]
fn given_a_charge_on_its_way_when_the_car_is_let_out_by_the_button_then_the_charge_goes_on() {
    let mut world = silent_for(5 * HOUR, false, |_| {});
    world.pass(30_000);
    cross(&mut world, OUT);
    assert_eq!(world.reason(OUT), Some(RaiseReason::NotOurs));
    assert!(matches!(last_ending(&world), Some(Ending::Charged { .. })));
    world.simulator.faults_mut().outage = false;
    world.pass(10 * MINUTE);
    assert_eq!(world.book().totals().settled.count, 1);
    assert_eq!(world.raises(OUT), 0);
}

#[test]
fn given_a_car_with_a_trailer_when_both_cross_the_loop_then_the_next_one_stays_held() {
    let mut world = World::new();
    world.enter("苏E6P398");
    world.enter(PLATE);
    world.run_to(73 * HOUR);
    world.attendant_raises(OUT);
    world.pass(5_000);
    world.read(OUT, PLATE);
    for occupied in [true, false, true, false] {
        world.pass(700);
        let lane = lane_id(OUT);
        world.tell(Event::ClosingLoop { lane, occupied });
    }
    assert!(world.hold(OUT).is_some(), "the trailer was not this car");
    assert!(world.session(PLATE).is_some());
}

#[test]
fn given_a_held_car_at_the_entry_when_the_button_lets_it_in_then_it_has_a_stay() {
    let mut world = World::with(|rules| {
        rules.lists.blocked.insert(number(PLATE));
    });
    world.read(IN, PLATE);
    world.pass(30_000);
    cross(&mut world, IN);
    assert_eq!(world.reason(IN), Some(RaiseReason::NotOurs));
    assert!(world.session(PLATE).is_some());
    assert_eq!(world.raises(IN), 0);
}

#[test]
fn given_a_stuck_barrier_when_its_button_lets_the_car_out_then_nobody_waits_any_more() {
    let mut world = World::new();
    world.enter(PLATE);
    world.arms.insert(lane_id(OUT), Arm::Deaf);
    world.pass(HOUR);
    for _ in 0..3 {
        world.read(OUT, PLATE);
        world.pass(31_000);
    }
    assert_eq!(world.held_for(OUT), Some(HoldReason::BarrierStuck));
    cross(&mut world, OUT);
    assert_eq!(world.hold(OUT), None);
    assert_eq!(world.book().totals().opened.count, 1);
    assert_eq!(world.book().desk().count(), 0);
}

// Come too late.

#[test]
fn given_a_cached_entry_when_the_plate_has_left_since_then_it_begins_no_stay() {
    let mut world = World::new();
    let mut cached = world.reading(PLATE);
    cached.replay = true;
    world.pass(10_000);
    world.enter(PLATE);
    world.pass(HOUR);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    world.drive_through(OUT);
    world.power_off();
    world.boot_again(true);
    world.read_as(IN, cached.clone());
    assert_eq!(world.last_ignored(), Some(Ignored::UselessReplay));
    assert!(world.session(PLATE).is_none());
    cached.captured_at = Some(world.true_wall());
    world.read_as(IN, cached);
    assert!(
        world.session(PLATE).is_some(),
        "one that came after is another"
    );
}

#[test]
fn given_a_cached_entry_when_the_plate_left_without_a_stay_then_it_begins_none() {
    let mut world = World::with(|rules| rules.exit.no_entry = crate::lane::exit::NoEntry::Open);
    let mut cached = world.reading(PLATE);
    cached.replay = true;
    world.pass(HOUR);
    world.read(OUT, PLATE);
    assert_eq!(world.reason(OUT), Some(RaiseReason::NoEntryOpen));
    world.pass(HOUR);
    world.read_as(IN, cached);
    assert_eq!(world.last_ignored(), Some(Ignored::UselessReplay));
}

#[test]
fn given_a_cached_exit_and_entry_when_both_come_late_then_the_entry_counts() {
    let mut world = World::new();
    world.enter(PLATE);
    let mut cached = Vec::new();
    for lane in [OUT, IN] {
        world.pass(HOUR);
        let mut read = world.reading(PLATE);
        read.replay = true;
        cached.push((lane, read));
    }
    world.pass(HOUR);
    for (lane, read) in cached {
        world.read_as(lane, read);
    }
    assert!(world.session(PLATE).is_some(), "it is inside again");
}
