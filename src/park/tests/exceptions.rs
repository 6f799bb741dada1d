//! `docs/exceptions.md` names a test for each exception; those that belong to
//! no other file are here.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use super::cars::*;
use super::world::*;
use crate::charges::charge::{ChargeState, StaffReason};
use crate::lane::guard::Doubt;
use crate::lane::raise::RaiseReason;
use crate::park::event::Event;
use crate::park::record::{LaneRecord, Proof};
use crate::sim::wechat::Plate;

const TABLE: &str = include_str!("../../../docs/exceptions.md");

#[test]
fn every_exception_has_its_behaviour_its_record_and_a_test_of_its_number() {
    let rows: BTreeMap<u32, Vec<&str>> = TABLE
        .lines()
        .filter_map(|line| {
            let cells: Vec<&str> = line.split('|').map(str::trim).collect();
            let number = cells.get(1)?.strip_prefix('E')?.parse().ok()?;
            Some((number, cells))
        })
        .collect();
    let numbers: Vec<u32> = rows.keys().copied().collect();
    assert_eq!(numbers, (1..=23).collect::<Vec<u32>>());
    let mut tests = numbered_tests();
    for (number, cells) in rows {
        let [_, _, what, behaviour, record, test, _] = cells[..] else {
            panic!("E{number}: {cells:?}");
        };
        assert!(what.len() > 10 && behaviour.len() > 20 && record.len() > 10);
        for test in test.split(", ").map(|test| test.trim_matches('`')) {
            assert!(test.starts_with(&format!("e{number:02}_")), "{test}");
            assert!(tests.remove(test), "E{number}: no test {test}");
        }
    }
    assert_eq!(tests, BTreeSet::new(), "in no row");
}

/// The tests of the core that bear a number.
fn numbered_tests() -> BTreeSet<String> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("src/park/tests");
    let files = std::fs::read_dir(folder).unwrap();
    let texts = files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap());
    let is_numbered = |name: &str| {
        let digits = name.get(1..3);
        name.starts_with('e') && digits.is_some_and(|digits| digits.parse::<u32>().is_ok())
    };
    texts
        .flat_map(|text| {
            let names = text.lines().filter_map(|line| {
                let name = line.strip_prefix("fn ")?.split('(').next()?;
                is_numbered(name).then(|| name.to_owned())
            });
            names.collect::<Vec<String>>()
        })
        .collect()
}

#[test]
fn e02_given_two_cameras_that_disagree_when_both_read_the_car_then_it_is_decided_once() {
    let mut world = World::new();
    let mut poor = world.reading(PLATE);
    poor.confidence_permille = Some(500);
    world.read_as(IN, poor);
    let second = |world: &mut World, plate: &str| {
        let read = world.reading(plate);
        world.tell(Event::PlateRead {
            lane: lane_id(IN),
            camera: "the other camera".into(),
            read,
        });
        world.pass(300);
    };
    second(&mut world, "粤B6K7HZ");
    assert!(
        world.session("粤B6K7HZ").is_none(),
        "misread by one of them"
    );
    let doubts = world.session(PLATE).unwrap().doubts.clone();
    assert_eq!(doubts, [Doubt::LowConfidence]);
    second(&mut world, PLATE);
    assert_eq!(
        world.session(PLATE).unwrap().doubts,
        [],
        "the surer one counts"
    );
    assert_eq!(world.raises(IN), 1);
}

#[test]
fn e07_given_a_raise_for_one_car_when_a_second_follows_through_then_its_stay_ends_too() {
    let mut world = World::new();
    world.enter("苏E6P398");
    world.enter(PLATE);
    world.simulator.faults_mut().outage = true;
    world.run_to(10 * HOUR);
    world.read(OUT, "苏E6P398");
    world.pass(1_600);
    assert_eq!(world.raises(OUT), 1);
    world.drive_through(OUT);
    world.read(OUT, PLATE);
    world.pass(2_500);
    let raises = world.raises(OUT);
    world.drive_through(OUT);
    assert_eq!(world.raises(OUT), raises, "nothing more is commanded");
    assert_eq!(world.park().site().cars_inside(), 0);
    assert_eq!(world.hold(OUT), None);
    // A third that nobody read is on record all the same.
    world.pass(5_000);
    world.drive_through(OUT);
    let raise = &world.park().site().raises[&lane_id(OUT)];
    assert_eq!(
        (&raise.reason, &raise.plate),
        (&RaiseReason::NotOurs, &None)
    );
    assert_eq!((raise.proof, raise.passed), (Some(Proof::Loop), true));
}

#[test]
fn e11_given_a_plate_that_was_blocked_meanwhile_when_its_charge_is_filed_late_then_it_is_arrears() {
    let mut world = silent_for(HOUR, true, |_| {});
    assert_eq!(world.reason(OUT), Some(RaiseReason::SilentNormal));
    enrolled_as(&mut world, Plate::blocked("OVERDUE"));
    world.drive_through(OUT);
    world.simulator.faults_mut().outage = false;
    world.pass(20 * MINUTE);
    assert!(matches!(
        world.desk().state,
        ChargeState::HandedToStaff(StaffReason::Refused(_))
    ));
    assert_eq!(world.book().exposure_fen(), 0, "the risk has come true");
    world.enter(PLATE);
    let records = world.lane_records();
    let is_shown = |record: &LaneRecord| matches!(record, LaneRecord::ArrearsSeen { .. });
    assert!(records.iter().any(is_shown));
}
