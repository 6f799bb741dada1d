//! Raises: carried out, uncertain, issued once more.

use super::world::*;
use crate::lane::alarm::AlarmKind;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::park::event::Event;
use crate::park::record::{LaneRecord, Proof};

const PLATE: &str = "粤B6K7H2";

fn proofs(world: &World) -> Vec<Proof> {
    let records = world.lane_records().into_iter();
    records
        .filter_map(|record| match record {
            LaneRecord::RaiseCarriedOut { proof, .. } => Some(proof),
            _ => None,
        })
        .collect()
}

fn paid_at(arm: Arm) -> World {
    let mut world = World::new();
    world.enter(PLATE);
    world.arms.insert(lane_id(OUT), arm);
    world.pass(HOUR);
    world.read(OUT, PLATE);
    world.pass(1_000);
    assert_eq!(world.raises(OUT), 1);
    world
}

fn issues(world: &World) -> Vec<(u64, u8)> {
    let at_exit = world.raised.iter().filter(|raised| raised.lane.0 == OUT);
    at_exit.map(|raised| (raised.raise, raised.issue)).collect()
}

#[test]
fn given_a_raise_when_reply_arm_or_loop_shows_it_then_it_is_carried_out_once() {
    for proof in [Proof::Reply, Proof::Arm, Proof::Loop] {
        let mut world = World::new();
        world.arms.insert(lane_id(IN), Arm::RepliesInVain);
        world.read(IN, PLATE);
        let lane = lane_id(IN);
        let shown = match proof {
            Proof::Reply => Event::RaiseAnswered {
                lane,
                raise: 1,
                driven: true,
            },
            Proof::Arm => Event::ArmUp { lane },
            Proof::Loop => Event::ClosingLoop {
                lane,
                occupied: true,
            },
        };
        world.pass(500);
        world.tell(shown.clone());
        world.tell(shown);
        assert_eq!(proofs(&world), [proof]);
        world.pass(MINUTE);
        assert!(!world.is_alarmed(AlarmKind::BarrierUncertain));
    }
}

#[test]
fn given_a_reply_to_an_older_raise_when_it_comes_then_it_proves_nothing() {
    let mut world = World::new();
    world.arms.insert(lane_id(IN), Arm::RepliesInVain);
    world.read(IN, PLATE);
    world.drive_through(IN);
    world.read(IN, "苏E6P398");
    world.tell(Event::RaiseAnswered {
        lane: lane_id(IN),
        raise: 1,
        driven: true,
    });
    assert_eq!(proofs(&world), [Proof::Loop], "of the first");
}

#[test]
fn given_no_proof_when_ten_seconds_are_over_then_the_raise_is_uncertain_and_an_alarm() {
    for arm in [Arm::Deaf, Arm::RepliesInVain] {
        let mut world = paid_at(arm);
        assert!(!world.is_alarmed(AlarmKind::BarrierUncertain));
        world.pass(10_000);
        assert!(world.is_alarmed(AlarmKind::BarrierUncertain));
    }
    for arm in [Arm::Offline, Arm::Refuses] {
        let world = paid_at(arm);
        assert!(world.is_alarmed(AlarmKind::BarrierUncertain), "at once");
    }
}

#[test]
fn e09_given_an_uncertain_raise_when_a_fresh_reading_comes_then_it_is_issued_exactly_once_more_without_a_charge()
 {
    for arm in [Arm::Deaf, Arm::Offline, Arm::Refuses] {
        let mut world = paid_at(arm);
        world.pass(11_000);
        for _ in 0..3 {
            world.read(OUT, PLATE);
            world.pass(11_000);
        }
        assert_eq!(issues(&world), [(2, 1), (2, 2)]);
        assert_eq!(world.held_for(OUT), Some(HoldReason::BarrierStuck));
        assert!(matches!(
            world.reason(OUT),
            Some(RaiseReason::Accepted { .. })
        ));
        assert_eq!(world.simulator.books().orders.len(), 1);
        assert_eq!(world.book().totals().opened.count, 1);
        world.pass(11 * MINUTE);
        assert_eq!(world.reason(OUT), Some(RaiseReason::HeldTooLong));
        assert_eq!(world.book().totals().opened.count, 1);
    }
}

#[test]
fn given_an_uncertain_raise_when_the_second_is_proven_then_the_car_is_through() {
    let mut world = paid_at(Arm::Offline);
    world.arms.clear();
    world.read(OUT, PLATE);
    world.pass(100);
    assert_eq!(issues(&world), [(2, 1), (2, 2)]);
    assert!(!world.is_alarmed(AlarmKind::BarrierUncertain));
    world.drive_through(OUT);
    world.pass(5_000);
    world.read(OUT, PLATE);
    assert_eq!(issues(&world).len(), 2);
    assert_eq!(world.hold(OUT), None);
}

#[test]
fn given_a_raise_that_is_waited_for_when_the_car_is_read_again_then_it_is_not_issued_again() {
    let mut world = paid_at(Arm::RepliesInVain);
    for _ in 0..3 {
        world.pass(2_000);
        world.read(OUT, PLATE);
    }
    assert_eq!(issues(&world), [(2, 1)]);
}

#[test]
fn given_an_uncertain_raise_when_another_car_is_read_then_it_is_decided_for_itself() {
    let mut world = paid_at(Arm::Deaf);
    world.arms.clear();
    world.pass(11_000);
    world.enter("苏E6P398");
    world.pass(MINUTE);
    world.read(OUT, "苏E6P398");
    world.pass(1_000);
    assert_eq!(issues(&world), [(2, 1), (4, 1)]);
}

#[test]
fn given_a_car_that_passed_when_the_loop_is_free_then_its_plate_may_come_again() {
    let mut world = paid_at(Arm::Answers);
    world.drive_through(OUT);
    let passed = world
        .lane_records()
        .into_iter()
        .rev()
        .any(|record| matches!(record, LaneRecord::Passed { raise: 2, .. }));
    assert!(passed);
    world.enter(PLATE);
    world.pass(MINUTE);
    world.read(OUT, PLATE);
    world.pass(1_000);
    assert_eq!(issues(&world), [(2, 1), (4, 1)]);
}

// After a restart.

#[test]
fn given_a_raise_that_was_lost_with_the_power_when_the_same_car_is_read_then_it_is_raised_once_more()
 {
    for (trusted, same_boot) in [(true, false), (false, false), (true, true)] {
        let mut world = World::new();
        world.enter(PLATE);
        world.pass(HOUR);
        world.read(OUT, PLATE);
        world.next_cut = Some(Cut::BeforeCommands);
        world.pass(1_000);
        assert!(world.off, "between the commit and its commands");
        assert_eq!(world.raises(OUT), 0);
        world.pass(20_000);
        match same_boot {
            true => world.start(),
            false => world.boot_again(trusted),
        }
        assert!(world.is_alarmed(AlarmKind::BarrierUncertain));
        world.pass(5_000);
        assert_eq!(world.raises(OUT), 0, "not by itself");
        world.read(OUT, PLATE);
        world.pass(1_000);
        assert_eq!(issues(&world), [(2, 2)]);
        assert_eq!(world.simulator.books().orders.len(), 1);
    }
}

#[test]
fn given_an_entry_that_was_lost_with_the_power_when_the_same_car_is_read_then_its_stay_is_the_same()
{
    let mut world = World::new();
    world.next_cut = Some(Cut::BeforeCommands);
    world.read(IN, PLATE);
    world.pass(30_000);
    world.boot_again(false);
    world.pass(1_000);
    world.read(IN, PLATE);
    world.pass(1_000);
    assert_eq!(world.raises(IN), 1);
    assert_eq!(world.park().site().sessions_opened, 1);
}

#[test]
fn given_a_step_that_was_lost_with_the_power_when_the_same_car_is_read_then_it_is_decided_from_the_start()
 {
    let mut world = World::new();
    world.next_cut = Some(Cut::BeforeCommit);
    world.read(IN, PLATE);
    world.pass(30_000);
    world.boot_again(true);
    assert_eq!(world.park().site().cars_inside(), 0);
    world.read(IN, PLATE);
    assert_eq!(world.raises(IN), 1);
    assert_eq!(world.park().site().sessions_opened, 1);
}
