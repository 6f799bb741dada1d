//! Room for cars: who comes in when there is none, and who counts (E23).

use super::world::*;
use crate::lane::alarm::AlarmKind;
use crate::lane::entry::Unreadable;
use crate::lane::places::{PlaceRules, WhenFull};
use crate::lane::plate::PlateColor;
use crate::lane::raise::HoldReason;
use crate::park::event::Event;
use crate::park::record::LaneRecord;
use crate::park::rules::Rules;

const FIRST: &str = "粤B10001";
const SECOND: &str = "苏E6P398";
const THIRD: &str = "京A7K2M5";

fn places(count: u64) -> impl FnOnce(&mut Rules) {
    move |rules| {
        rules.entry.places = Some(PlaceRules {
            count,
            when_full: WhenFull::Hold,
            permits_when_full: WhenFull::Open,
        });
    }
}

/// Two places, both taken.
fn full() -> World {
    full_under(|_| {})
}

fn full_under(change: impl FnOnce(&mut Rules)) -> World {
    let mut world = World::with(|rules| {
        places(2)(rules);
        change(rules);
    });
    world.enter(FIRST);
    world.enter(SECOND);
    world
}

fn count(world: &mut World, inside: u64) -> Result<String, String> {
    world.tell(Event::PlacesCounted {
        inside,
        by: "张三".into(),
        why: "went round".into(),
    });
    world.replies.pop().unwrap()
}

fn told(world: &World) -> Vec<bool> {
    let alarms = world.alarms.iter();
    let full = alarms.filter(|alarm| alarm.kind == AlarmKind::CarParkFull);
    full.map(|alarm| alarm.raised).collect()
}

fn is_inside(world: &World, plate: &str) -> bool {
    world.session(plate).is_some()
}

#[test]
fn e23_given_a_full_car_park_when_a_temporary_car_comes_then_it_waits_and_a_person_may_let_it_in() {
    let mut world = full();
    assert_eq!(told(&world), [true]);
    world.read(IN, THIRD);
    assert_eq!(world.held_for(IN), Some(HoldReason::Full));
    assert!(!is_inside(&world, THIRD));
    world.attendant_raises(IN);
    world.drive_through(IN);
    assert!(is_inside(&world, THIRD));
    assert_eq!(world.park().site().counted_inside(), 3);
    world.pass(HOUR);
    world.read(OUT, THIRD);
    world.pass(MINUTE);
    let settled = world.book().totals().settled.count;
    assert_eq!(settled, 1, "it pays like any other");
}

#[test]
fn given_a_car_that_waits_for_room_when_one_leaves_then_its_next_reading_lets_it_in_at_once() {
    let mut world = full();
    world.read(IN, THIRD);
    world.read(OUT, FIRST);
    world.drive_through(OUT);
    assert_eq!(
        world.held_for(IN),
        Some(HoldReason::Full),
        "nobody saw it since"
    );
    world.read(IN, THIRD);
    assert_eq!(world.hold(IN), None);
    assert!(is_inside(&world, THIRD));
    assert_eq!(
        told(&world),
        [true, false, true],
        "full, room, and full again"
    );
}

#[test]
fn given_a_full_car_park_when_a_season_ticket_or_the_police_comes_then_by_the_rules_for_them() {
    for (permits, held) in [(WhenFull::Open, false), (WhenFull::Hold, true)] {
        let mut world = full_under(|rules| {
            rules.lists.permits.insert(number(THIRD));
            rules.entry.places.as_mut().unwrap().permits_when_full = permits;
        });
        world.read(IN, THIRD);
        assert_eq!(world.held_for(IN) == Some(HoldReason::Full), held);
        assert_eq!(is_inside(&world, THIRD), !held);
    }
    let mut world = full();
    let mut police = world.reading("粤B1234警");
    police.color = Some(PlateColor::White);
    world.read_as(IN, police);
    assert!(is_inside(&world, "粤B1234警"), "always");
}

#[test]
fn given_full_is_open_when_a_car_comes_then_it_is_told_and_nobody_waits() {
    let mut world =
        full_under(|rules| rules.entry.places.as_mut().unwrap().when_full = WhenFull::Open);
    world.read(IN, THIRD);
    assert!(is_inside(&world, THIRD));
    assert_eq!(told(&world), [true]);
}

#[test]
fn given_a_full_car_park_when_a_car_without_a_plate_comes_then_it_waits_too() {
    let mut world = full_under(|rules| rules.entry.unreadable = Unreadable::Open);
    let read = world.unreadable();
    world.read_as(IN, read);
    assert_eq!(world.held_for(IN), Some(HoldReason::Full));
}

#[test]
fn given_a_full_car_park_when_a_plate_comes_in_that_is_inside_already_then_it_takes_no_place_more()
{
    let mut world = full();
    world.pass(HOUR);
    world.read(IN, FIRST);
    assert_eq!(world.hold(IN), None, "its old exit was missed");
    assert_eq!(world.park().site().counted_inside(), 2);
}

#[test]
fn given_a_count_that_has_drifted_when_a_person_corrects_it_then_it_goes_on_from_there() {
    let mut world = full();
    let told = count(&mut world, 1).unwrap();
    assert!(
        told.contains("1 cars are inside; the count had 2"),
        "{told}"
    );
    let records = world.lane_records();
    let counted = records.iter().rev().find_map(|record| match record {
        LaneRecord::PlacesCounted {
            inside,
            open_stays,
            by,
            ..
        } => Some((*inside, *open_stays, by.clone())),
        _ => None,
    });
    assert_eq!(counted, Some((1, 2, "张三".to_owned())));
    world.enter(THIRD);
    assert!(is_inside(&world, THIRD), "there was room");
    assert_eq!(world.park().site().counted_inside(), 2);
    // The stay whose car is gone was not counted; that it ends makes no room.
    world.pass(HOUR);
    world.enter(FIRST);
    assert_eq!(world.park().site().counted_inside(), 3, "E4 found it");
    assert_eq!(world.park().site().uncounted(), 0);
    // Kept over a restart.
    count(&mut world, 7).unwrap();
    world.power_off();
    world.boot_again(true);
    assert_eq!(world.park().site().counted_inside(), 7);
}

#[test]
fn given_a_store_that_fails_when_a_person_counts_then_nothing_is_changed() {
    let mut world = full();
    world.disk.set_failing(true);
    world.read(OUT, FIRST);
    assert!(
        count(&mut world, 0)
            .unwrap_err()
            .contains("store cannot write")
    );
    assert_ne!(world.park().site().counted_inside(), 0);
}
