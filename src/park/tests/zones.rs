//! Lanes within the car park.

use super::cars::*;
use super::world::*;
use crate::books::{self, Period};
use crate::charges::record::MoneyRecord;
use crate::lane::guard::Doubt;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::reading::Trigger;
use crate::lane::tariff::{Tariff, Visit};
use crate::park::event::Event;
use crate::park::record::{LaneRecord, Record};
use crate::park::review::{Terms, Verdict};
use crate::park::rules::{Direction, LaneRules, Rules};
use crate::park::state::Snapshot;
use crate::park::zone::Way;

const TOWER_IN: &str = "tower-in";
const TOWER_OUT: &str = "tower-out";

/// 5 yuan an hour outside, 2 in the tower, 5 minutes on the way.
fn tower(rules: &mut Rules) {
    rules.tariff = Tariff::from_toml(
        "name = \"t\"\nversion = \"1\"\nthen = { every = \"1h\", fen = 500 }\n\
         [[zone]]\nname = \"tower\"\npassing = \"5m\"\nthen = { every = \"1h\", fen = 200 }\n",
        "tariff.toml",
    )
    .unwrap();
    let lanes = [(TOWER_IN, Direction::Entry), (TOWER_OUT, Direction::Exit)];
    for (lane, direction) in lanes {
        let lane_rules = LaneRules {
            direction,
            zone: Some("tower".into()),
            duplicate_window_ms: 30_000,
            min_confidence_permille: Some(800),
        };
        rules.lanes.insert(lane_id(lane), lane_rules);
    }
}

/// Came in at 08:00, and has been outside for so long.
fn outside_for(ms: u64) -> World {
    inside_under(ms, tower)
}

fn passages(world: &World) -> Vec<(Way, Option<u64>)> {
    let records = world.lane_records().into_iter();
    let passages = records.filter_map(|record| match record {
        LaneRecord::ZonePassed { way, after_ms, .. } => Some((way, after_ms)),
        _ => None,
    });
    passages.collect()
}

fn visits(world: &World) -> Vec<Visit> {
    let session = world.session(PLATE).expect("a stay").id;
    world.park().site().visits.to_price(&session)
}

fn claimed_fen(world: &World) -> Vec<u64> {
    let records = world.disk.records().into_iter();
    let claims = records.filter_map(|record| match record {
        Record::Money(MoneyRecord::ChargeOpened { claim }) => Some(claim.quote.fee_fen),
        _ => None,
    });
    claims.collect()
}

/// Another hand works out the same, and what was written is read again.
fn assert_books(world: &World) {
    let stored = world.disk.stored();
    let records = (1..).zip(stored).map(|(seq, record)| (seq, record, false));
    let report = books::check_records(Period::default(), records);
    assert_eq!(report.violations, []);
    assert_eq!(world.replayed().site(), world.park().site());
}

fn zone_unclear(world: &World) -> bool {
    matches!(
        world.held_for(OUT),
        Some(HoldReason::Guarded(doubts)) if doubts.contains(&Doubt::ZoneUnclear)
    )
}

#[test]
fn given_a_car_that_was_in_the_tower_when_it_leaves_then_each_time_is_charged_by_its_price() {
    let mut world = outside_for(HOUR);
    world.read(TOWER_IN, PLATE);
    assert_eq!(world.reason(TOWER_IN), Some(RaiseReason::Zone));
    world.pass(3 * HOUR);
    world.read(TOWER_OUT, PLATE);
    assert_eq!(world.reason(TOWER_OUT), Some(RaiseReason::Zone));
    world.pass(HOUR - MINUTE);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert!(is_accepted(world.reason(OUT)));
    assert_eq!(claimed_fen(&world), [2 * 500 + 3 * 200]);
    let passed = [(Way::Into, Some(HOUR)), (Way::OutOf, Some(4 * HOUR))];
    assert_eq!(passages(&world), passed);
    assert!(world.park().site().visits.is_empty(), "nothing is kept");
    assert_books(&world);
}

#[test]
fn given_power_cuts_within_the_stay_when_it_leaves_then_nothing_of_it_is_lost() {
    let mut world = outside_for(3 * MINUTE);
    world.read(TOWER_IN, PLATE);
    world.power_off();
    world.start();
    world.pass(2 * HOUR - MINUTE);
    world.read(TOWER_OUT, PLATE);
    world.power_off();
    world.start();
    world.pass(3 * MINUTE);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert_eq!(claimed_fen(&world), [400], "on the way in and out");
    assert_books(&world);
}

#[test]
fn given_the_same_car_read_again_at_the_tower_then_it_is_one_passage() {
    let mut world = outside_for(HOUR);
    world.read(TOWER_IN, PLATE);
    world.pass(2_000);
    world.read(TOWER_IN, PLATE);
    world.pass(40_000);
    world.read(TOWER_IN, PLATE);
    assert_eq!(passages(&world).len(), 1);
    assert!(
        world.raised.len() >= 2,
        "it stands there still, and the arm rises again"
    );
}

#[test]
fn given_a_missed_way_out_of_the_tower_when_it_leaves_then_a_person_looks() {
    let mut world = outside_for(HOUR);
    world.read(TOWER_IN, PLATE);
    world.pass(HOUR);
    world.read(OUT, PLATE);
    assert!(zone_unclear(&world));
    assert_eq!(claimed_fen(&world), [0; 0]);
    assert_books(&world);
}

#[test]
fn given_a_missed_way_into_the_tower_when_it_leaves_then_a_person_looks() {
    let mut world = outside_for(HOUR);
    world.read(TOWER_OUT, PLATE);
    assert_eq!(
        world.reason(TOWER_OUT),
        Some(RaiseReason::Zone),
        "nobody is kept in"
    );
    world.pass(HOUR);
    world.read(OUT, PLATE);
    assert!(zone_unclear(&world));
}

#[test]
fn given_a_misread_plate_at_the_tower_when_its_car_leaves_then_a_person_looks() {
    let mut world = outside_for(HOUR);
    world.read(TOWER_IN, "粤B6K7H3");
    assert_eq!(world.reason(TOWER_IN), Some(RaiseReason::Zone));
    assert_eq!(passages(&world), [(Way::Into, None)]);
    world.pass(HOUR);
    world.read(OUT, PLATE);
    assert!(zone_unclear(&world));
}

#[test]
fn given_a_plate_that_nobody_knows_at_the_tower_then_the_arm_rises_and_no_stay_changes() {
    let mut world = outside_for(HOUR);
    world.read(TOWER_IN, "苏E6P398");
    assert_eq!(world.reason(TOWER_IN), Some(RaiseReason::Zone));
    world.pass(2_000);
    world.read(TOWER_IN, "苏E6P398");
    assert_eq!(
        world
            .raised
            .iter()
            .filter(|r| r.lane == lane_id(TOWER_IN))
            .count(),
        1
    );
    assert_eq!(passages(&world), []);
    assert_eq!(
        world.park().site().left_at(&number("苏E6P398")),
        None,
        "it did not leave"
    );
    assert_books(&world);
}

#[test]
fn given_a_car_that_turns_back_at_the_tower_then_it_was_never_in_it() {
    let mut world = outside_for(HOUR);
    world.read(TOWER_IN, PLATE);
    world.pass(10_000);
    let mut back = world.reading(PLATE);
    back.trigger = Some(Trigger::TurnedBack);
    world.read_as(TOWER_IN, back);
    assert_eq!(visits(&world), []);
    world.pass(HOUR);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert_eq!(claimed_fen(&world), [1500]);
    assert_books(&world);
}

/// The arm did not rise, twice. A car in the tower cannot go back, as one in front of it can.
#[test]
fn given_an_arm_that_is_stuck_at_the_tower_when_the_car_has_waited_long_enough_then_it_is_let_out()
{
    let mut world = outside_for(HOUR);
    world.read(TOWER_IN, PLATE);
    world.pass(HOUR);
    world.arms.insert(lane_id(TOWER_OUT), Arm::Deaf);
    for _ in 0..3 {
        world.read(TOWER_OUT, PLATE);
        world.pass(11_000);
    }
    assert_eq!(world.held_for(TOWER_OUT), Some(HoldReason::BarrierStuck));
    world.pass(11 * MINUTE);
    assert_eq!(world.reason(TOWER_OUT), Some(RaiseReason::HeldTooLong));
    assert_eq!(world.held_for(TOWER_OUT), None);
    assert_eq!(visits(&world).len(), 1);
    assert_eq!(claimed_fen(&world), [0_u64; 0]);
    assert_books(&world);
}

#[test]
fn given_a_stay_for_review_when_a_person_says_when_it_left_then_its_zones_count() {
    let mut world = outside_for(HOUR);
    let session = world.session(PLATE).unwrap().id;
    world.read(TOWER_IN, PLATE);
    world.pass(2 * HOUR);
    world.read(TOWER_OUT, PLATE);
    world.pass(HOUR);
    // Its exit is missed.
    world.enter(PLATE);
    let exited = world.true_wall().plus_ms(-60_000);
    world.tell(Event::ReviewDecided {
        session,
        verdict: Verdict::Charge(Terms {
            exited: Some(exited),
            ..Terms::default()
        }),
        by: "王芳".into(),
        why: "by the video".into(),
    });
    world.replies.pop().unwrap().unwrap();
    assert_eq!(claimed_fen(&world), [2 * 500 + 2 * 200]);
    assert_books(&world);
}

#[test]
fn given_a_whole_state_on_disk_when_the_box_starts_from_it_then_it_knows_where_cars_are() {
    let mut world = outside_for(HOUR);
    world.read(TOWER_IN, PLATE);
    let before = world.park().site().visits.clone();
    assert!(!before.is_empty());
    let snapshot = serde_json::to_vec(&world.park().snapshot()).unwrap();
    let read: Snapshot = serde_json::from_slice(&snapshot).unwrap();
    assert_eq!(read.site.visits, before);
}
