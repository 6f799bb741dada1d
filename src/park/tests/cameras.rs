//! What cameras send: the shared fixtures, old readings, retained ones, replays.

use std::path::PathBuf;

use serde_json::Value;

use super::world::*;
use crate::camera::{Report, vz_mqtt};
use crate::lane::guard::Doubt;
use crate::lane::raise::RaiseReason;
use crate::lane::session::Ending;
use crate::lane::time::Wall;
use crate::park::event::Event;
use crate::park::record::LaneRecord;
use crate::park::review::ReviewWhy;
use crate::park::step::Ignored;

const PLATE: &str = "粤B6K7H2";

#[test]
fn the_vz_scenarios_lead_to_their_passages_and_opens() {
    let index = index();
    let scenarios = index["scenarios"].as_array().unwrap();
    assert_eq!(scenarios.len(), 4);
    for scenario in scenarios {
        let mut world = World::new();
        let steps = scenario["steps"].as_array().unwrap();
        let first = inbound(&index, &steps[0]["fixture"]);
        let from = since_beginning(&first["received_at"]);
        for step in steps {
            world.run_to(from + step["at_ms"].as_u64().unwrap());
            deliver(&mut world, inbound(&index, &step["fixture"]));
        }
        world.pass(5_000);
        let expected = scenario["expect"]["passages"].as_array().unwrap();
        let expected: Vec<&str> = expected
            .iter()
            .map(|passage| passage["plate"].as_str().unwrap())
            .collect();
        assert_eq!(passages(&world), expected, "{}", scenario["id"]);
        if let Some(opens) = scenario["expect"]["open_commands"].as_u64() {
            assert_eq!(world.raises(IN) as u64, opens, "{}", scenario["id"]);
        }
    }
}

#[test]
fn the_fixtures_that_must_not_raise_do_not() {
    let index = index();
    for (fixture, ignored) in [
        ("vz-mqtt-040", Ignored::Stale { age_ms: 660_000 }),
        ("vz-mqtt-041", Ignored::Retained),
    ] {
        let mut world = World::new();
        let row = inbound(&index, &Value::from(fixture));
        world.run_to(since_beginning(&row["received_at"]));
        deliver(&mut world, row);
        assert_eq!(world.last_ignored(), Some(ignored));
        assert_eq!((world.raises(IN), passages(&world).len()), (0, 0));
    }
}

#[test]
fn given_a_reading_that_waited_when_it_is_older_than_fifteen_seconds_then_it_never_raises() {
    for (waited_ms, raises) in [(15_000, 1), (15_001, 0)] {
        let mut world = World::new();
        world.camera_lives(IN);
        let read = world.reading(PLATE);
        world.pass(waited_ms);
        world.read_as(IN, read);
        assert_eq!(world.raises(IN), raises);
    }
}

#[test]
fn given_a_camera_whose_clock_is_an_hour_off_when_it_has_given_a_sign_of_life_then_its_readings_count()
 {
    let mut world = World::new();
    for _ in 0..3 {
        let sent_at = Some(world.true_wall().plus_ms(-3_600_000));
        let lane = lane_id(IN);
        world.tell(Event::CameraAlive { lane, sent_at });
        world.pass(10_000);
    }
    let mut read = world.reading(PLATE);
    read.sent_at = Some(world.true_wall().plus_ms(-3_600_000));
    world.read_as(IN, read);
    assert_eq!(world.raises(IN), 1);
}

#[test]
fn given_a_record_that_was_handled_when_it_is_delivered_again_then_nothing_happens_even_after_a_restart()
 {
    let mut world = World::new();
    let read = world.reading(PLATE);
    world.read_as(IN, read.clone());
    world.power_off();
    world.start();
    world.read_as(IN, read);
    assert_eq!(world.last_ignored(), Some(Ignored::SeenBefore));
    assert_eq!(world.raises(IN), 1);
}

#[test]
fn given_a_cached_exit_when_it_is_replayed_then_the_stay_ends_uncharged_and_reviewed() {
    let mut world = World::new();
    world.enter(PLATE);
    world.pass(HOUR);
    let mut cached = world.reading(PLATE);
    cached.replay = true;
    world.pass(HOUR);
    world.read_as(OUT, cached);
    assert_eq!(world.raises(OUT), 0);
    assert!(world.session(PLATE).is_none());
    let mut reviews = world.park().site().reviews.values();
    assert_eq!(reviews.next().unwrap().why, ReviewWhy::ReplayedExit);
    assert_eq!(world.book().totals().opened.count, 0);
    assert_eq!(world.book().entries().count(), 1, "a person may charge it");
}

#[test]
fn given_a_cached_exit_from_before_the_entry_when_it_is_replayed_then_the_stay_goes_on() {
    let mut world = World::new();
    let mut cached = world.reading(PLATE);
    cached.replay = true;
    world.pass(HOUR);
    world.enter(PLATE);
    world.pass(HOUR);
    world.read_as(OUT, cached);
    assert_eq!(world.last_ignored(), Some(Ignored::UselessReplay));
    assert!(world.session(PLATE).is_some());
}

#[test]
fn given_a_cached_entry_and_exit_when_they_are_replayed_in_order_then_both_are_recorded() {
    let mut world = World::new();
    world.pass(DAY);
    for (lane, minutes) in [(IN, 10), (OUT, 40)] {
        let mut cached = world.reading(PLATE);
        cached.replay = true;
        cached.captured_at = Some(BEGINNING.plus_ms(minutes * 60_000));
        world.read_as(lane, cached);
    }
    assert_eq!(passages(&world), [PLATE]);
    assert!(world.session(PLATE).is_none());
    assert_eq!(world.raised, []);
    let closed = world.lane_records().into_iter().any(|record| {
        matches!(
            record,
            LaneRecord::SessionClosed {
                ending: Ending::ReplayedExit,
                ..
            }
        )
    });
    assert!(closed);
}

#[test]
fn given_a_replay_without_plate_or_time_when_it_comes_then_it_is_useless() {
    let mut world = World::new();
    for spoil in [true, false] {
        let mut cached = world.reading(PLATE);
        cached.replay = true;
        match spoil {
            true => cached.plate = None,
            false => cached.captured_at = None,
        }
        world.read_as(IN, cached);
        assert_eq!(world.last_ignored(), Some(Ignored::UselessReplay));
    }
}

#[test]
fn given_a_reading_that_waits_in_line_when_it_is_taken_up_then_it_is_in_the_ledger_and_known_again()
{
    let mut world = World::new();
    world.enter(PLATE);
    world.enter("苏E6P398");
    world.pass(HOUR);
    world.read(OUT, PLATE);
    world.pass(100);
    let next = world.reading("苏E6P398");
    world.read_as(OUT, next.clone());
    assert_eq!(world.last_ignored(), Some(Ignored::NextInLine));
    world.pass(3_000);
    assert_eq!(world.raises(OUT), 2);
    let steps = world.disk.records().into_iter();
    let waited: Vec<u64> = steps
        .filter_map(|record| match record {
            crate::park::record::Record::StepTaken(step) => step.waited_ms,
            _ => None,
        })
        .collect();
    assert_eq!(waited, [100]);
    world.read_as(OUT, next);
    assert_eq!(world.last_ignored(), Some(Ignored::SeenBefore));
}

#[test]
fn given_a_reading_that_is_taken_up_in_anothers_step_when_the_ledger_is_replayed_then_it_is_the_same()
 {
    let mut world = World::with(|rules| rules.entry.wait_for_wechat_ms = 1_500);
    world.simulator.settings_mut().latency_ms = 1_000;
    world.read(IN, PLATE);
    world.pass(50);
    world.read(IN, "苏E6P398");
    world.read(OUT, PLATE);
    assert!(
        world.session("苏E6P398").is_some(),
        "taken up with the exit"
    );
    assert_eq!(world.replayed().snapshot(), world.park().snapshot());
}

#[test]
fn given_a_reading_that_waited_in_line_too_long_when_its_turn_comes_then_it_is_stale() {
    let mut world = World::with(|rules| {
        rules.exit.advance = false;
        rules.exit.success_budget_ms = 20_000;
    });
    world.simulator.settings_mut().settle_after_ms = 60_000;
    world.enter(PLATE);
    world.pass(HOUR);
    world.camera_lives(OUT);
    world.read(OUT, PLATE);
    world.read(OUT, "苏E6P398");
    world.pass(30_000);
    assert!(matches!(world.last_ignored(), Some(Ignored::Stale { .. })));
}

#[test]
fn given_no_lane_of_that_name_when_anything_happens_there_then_it_is_ignored() {
    let mut world = World::new();
    world.read("north", PLATE);
    assert_eq!(world.last_ignored(), Some(Ignored::UnknownLane));
    for occupied in [true, false] {
        let lane = lane_id("north");
        world.tell(Event::ClosingLoop { lane, occupied });
    }
    assert_eq!(world.raised, []);
    assert_eq!(world.park().site().cars_inside(), 0);
}

#[test]
fn given_a_poor_but_free_exit_reading_when_the_plate_is_inside_then_it_leaves_free() {
    let mut world = World::with(|rules| rules.tariff.prices.free_s = 3_600);
    world.enter(PLATE);
    world.pass(MINUTE);
    let mut read = world.reading(PLATE);
    read.confidence_permille = Some(300);
    world.read_as(OUT, read);
    assert_eq!(world.reason(OUT), Some(RaiseReason::Free));
    let reviews = world.park().site().reviews.values();
    assert!(
        !reviews
            .into_iter()
            .any(|review| { review.why == ReviewWhy::Guarded(vec![Doubt::LowConfidence]) })
    );
}

fn passages(world: &World) -> Vec<String> {
    let records = world.lane_records().into_iter();
    records
        .filter_map(|record| match record {
            LaneRecord::SessionOpened { session } => Some(session.plate.as_str().to_owned()),
            _ => None,
        })
        .collect()
}

/// As the gate hands over what the camera's adapter made of a message.
fn deliver(world: &mut World, row: &Value) {
    let payload = fixture(row["file"].as_str().unwrap());
    let topic = row["source"]["topic"].as_str().unwrap();
    let retained = row["source"]["retained"].as_bool().unwrap_or(false);
    let event = vz_mqtt::decode(topic, &payload, retained, world.now());
    match event.report {
        Report::Read(read) => world.read_as(IN, read),
        Report::Preview(_) => {}
        report => panic!("{report:?}"),
    }
}

fn index() -> Value {
    serde_json::from_slice(&fixture("gate-index.json")).unwrap()
}

fn inbound<'a>(index: &'a Value, id: &Value) -> &'a Value {
    let mut rows = index["inbound"].as_array().unwrap().iter();
    rows.find(|row| row["id"] == *id).expect("a fixture")
}

fn fixture(path: &str) -> Vec<u8> {
    let fixtures = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/fixtures");
    std::fs::read(fixtures.join(path)).unwrap()
}

fn since_beginning(rfc3339: &Value) -> u64 {
    let wall = Wall::from_rfc3339(rfc3339.as_str().unwrap()).unwrap();
    u64::try_from(wall.0 - BEGINNING.0).unwrap()
}
