//! Codes of a stay that two exits hold: a car that drove from the one to the other unseen, or two cars with one
//! plate.

use super::cars::*;
use super::spots::*;
use super::world::*;
use crate::charges::spot::GivenUp;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::service::ServiceState;
use crate::park::rules::Rules;
use crate::sim::wechat::{Call, Fault, NativeState, Plate};

/// A second exit, beside [`OUT`].
pub const OUT_2: &str = "out-2";
/// Either may come first: the names of lanes decide nothing.
const EITHER_WAY: [(&str, &str); 2] = [(OUT, OUT_2), (OUT_2, OUT)];

pub fn with_two_exits(rules: &mut Rules) {
    by_code(rules);
    let exit = rules.lanes[&lane_id(OUT)].clone();
    rules.lanes.insert(lane_id(OUT_2), exit);
}

/// A blocked car whose code is shown at the one exit, and a doubtful reading of it at the other.
pub fn read_poorly_beside_the_code() -> World {
    let mut world = World::with(with_two_exits);
    enrolled_as(&mut world, Plate::blocked("OUT_SERVICE"));
    world.enter(PLATE);
    world.run_to(HOUR - MINUTE);
    world.read(OUT_2, PLATE);
    world.pass(5_000);
    let mut poor = world.reading(PLATE);
    poor.confidence_permille = Some(500);
    world.read_as(OUT, poor);
    assert!(matches!(world.held_for(OUT), Some(HoldReason::Guarded(_))));
    world
}

/// Held at the first exit, and shown a code there.
fn held_at(first: &str, change: impl FnOnce(&mut Rules)) -> World {
    let mut world = World::with(|rules| {
        with_two_exits(rules);
        change(rules);
    });
    enrolled_as(&mut world, Plate::blocked("OUT_SERVICE"));
    world.enter(PLATE);
    world.run_to(HOUR - 10 * MINUTE);
    world.read(first, PLATE);
    world.pass(2 * MINUTE);
    assert_eq!(spot(&world).claim.lane, lane_id(first));
    world
}

/// Two minutes later it was read at the second.
fn moved(first: &str, second: &str, change: impl FnOnce(&mut Rules)) -> World {
    let mut world = held_at(first, change);
    world.read(second, PLATE);
    world
}

fn is_by_code(reason: Option<RaiseReason>) -> bool {
    matches!(reason, Some(RaiseReason::PaidByCode { .. }))
}

#[test]
fn given_a_car_that_backed_out_unseen_when_it_is_held_at_another_exit_then_its_code_is_there() {
    for (first, second) in EITHER_WAY {
        let mut world = moved(first, second, |_| {});
        assert_eq!(given_up(&world), [GivenUp::NotHeld]);
        world.pass(5_000);
        assert_eq!(spot(&world).claim.lane, lane_id(second));
        assert!(spot(&world).code_url().is_some());
        assert!(pay(&mut world));
        world.pass(5_000);
        assert_eq!((world.raises(first), world.raises(second)), (0, 1));
        assert!(is_by_code(world.reason(second)));
        world.pass(MINUTE);
        assert_eq!(world.raises(first), 0, "nobody stands there");
        adds_up(&world, 500);
    }
}

#[test]
fn given_a_code_of_the_first_exit_when_it_is_paid_at_the_second_then_the_car_goes_where_it_is() {
    for (first, second) in EITHER_WAY {
        let mut world = held_at(first, |_| {});
        let faults = world.simulator.faults_mut();
        faults.push_on(Call::NativeClose, Fault::ErrorBefore);
        world.read(second, PLATE);
        // He had scanned it before.
        assert!(pay(&mut world));
        world.pass(10_000);
        assert_eq!((world.raises(first), world.raises(second)), (0, 1));
        adds_up(&world, 500);
    }
}

#[test]
fn given_a_refused_charge_when_its_car_has_moved_and_pays_by_code_then_only_its_barrier_rises() {
    for (first, second) in EITHER_WAY {
        let mut world = moved(first, second, |rules| rules.exit.try_when_blocked = true);
        world.pass(5_000);
        assert!(matches!(
            world.held_for(second),
            Some(HoldReason::Refused(_))
        ));
        assert!(pay(&mut world));
        world.pass(MINUTE);
        assert_eq!((world.raises(first), world.raises(second)), (0, 1));
        assert!(is_by_code(world.reason(second)));
        assert_eq!(world.book().totals().collected.fen, 500);
        adds_up(&world, 500);
    }
}

#[test]
fn given_a_plate_that_is_freed_when_its_car_has_moved_then_it_is_charged_where_it_is() {
    for (first, second) in EITHER_WAY {
        let mut world = moved(first, second, |_| {});
        enrolled_as(&mut world, Plate::default());
        super::noticed::tell(&mut world, "1", ServiceState::Normal, 1);
        world.pass(10_000);
        assert_eq!((world.raises(first), world.raises(second)), (0, 1));
        assert!(is_accepted(world.reason(second)));
        adds_up(&world, 0);
    }
}

#[test]
fn given_a_car_that_drives_back_when_the_first_exit_reads_it_again_then_its_code_is_there_again() {
    for (first, second) in EITHER_WAY {
        let mut world = moved(first, second, |_| {});
        world.pass(MINUTE);
        world.read(first, PLATE);
        world.pass(5_000);
        let open = spot(&world);
        assert_eq!((open.claim.lane, open.claim.fen), (lane_id(first), 500));
        assert!(pay(&mut world));
        world.pass(5_000);
        assert_eq!((world.raises(first), world.raises(second)), (1, 0));
        adds_up(&world, 500);
    }
}

#[test]
fn given_a_car_that_has_moved_when_nobody_comes_then_it_has_waited_no_longer_than_in_one_place() {
    for (first, second) in EITHER_WAY {
        let mut world = moved(first, second, |_| {});
        world.pass(8 * MINUTE - 2_000);
        assert_eq!((world.raises(first), world.raises(second)), (0, 0));
        world.pass(3_000);
        assert_eq!(world.reason(second), Some(RaiseReason::HeldTooLong));
        assert_eq!(world.book().desk().count(), 1, "arrears, once");
        world.pass(MINUTE);
        assert_eq!(open_spots(&world), 0);
        adds_up(&world, 0);
    }
}

#[test]
fn given_a_car_that_has_moved_when_the_power_goes_then_its_code_stays_where_it_is() {
    for (first, second) in EITHER_WAY {
        let mut world = moved(first, second, |_| {});
        world.pass(5_000);
        world.power_off();
        world.pass(10_000);
        world.boot_again(true);
        world.pass(5_000);
        assert_eq!(spot(&world).claim.lane, lane_id(second));
        assert!(pay(&mut world));
        world.pass(5_000);
        assert_eq!((world.raises(first), world.raises(second)), (0, 1));
        adds_up(&world, 500);
    }
}

#[test]
fn given_two_cars_with_one_plate_when_both_are_read_all_the_time_then_both_get_away_in_time() {
    for (first, second) in EITHER_WAY {
        let mut world = moved(first, second, |_| {});
        for _ in 0..40 {
            world.pass(10_000);
            world.read(first, PLATE);
            world.pass(10_000);
            world.read(second, PLATE);
        }
        for lane in [first, second] {
            assert_eq!(world.reason(lane), Some(RaiseReason::HeldTooLong), "{lane}");
        }
        let orders = world.simulator.native_orders().len();
        assert!(orders <= 6, "{orders} orders: the code does not stay");
        world.pass(30 * MINUTE);
        adds_up(&world, 0);
    }
}

#[test]
fn given_two_cars_with_one_plate_when_one_pays_then_it_goes_and_the_other_is_let_out_in_time() {
    for (first, second) in EITHER_WAY {
        let mut world = moved(first, second, |_| {});
        world.pass(5_000);
        assert!(pay(&mut world));
        world.pass(5_000);
        assert_eq!((world.raises(first), world.raises(second)), (0, 1));
        world.pass(8 * MINUTE);
        assert_eq!(world.reason(first), Some(RaiseReason::HeldTooLong));
        assert_eq!(world.book().desk().count(), 0, "one stay, and it is paid");
        adds_up(&world, 500);
    }
}

#[test]
fn given_a_close_that_is_lost_when_the_car_has_moved_then_one_order_at_a_time_stands() {
    for (first, second) in EITHER_WAY {
        let mut world = held_at(first, |_| {});
        let faults = world.simulator.faults_mut();
        faults.push_on(Call::NativeClose, Fault::Silence);
        faults.push_on(Call::NativeClose, Fault::ErrorBefore);
        world.read(second, PLATE);
        world.pass(2 * MINUTE);
        let orders = world.simulator.native_orders().into_iter();
        let unpaid = orders.filter(|order| order.state == NativeState::NotPaid);
        assert_eq!(unpaid.count(), 1);
        assert_eq!(spot(&world).claim.lane, lane_id(second));
        assert!(pay(&mut world));
        world.pass(5_000);
        assert_eq!((world.raises(first), world.raises(second)), (0, 1));
        adds_up(&world, 500);
    }
}
