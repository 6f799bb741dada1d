//! The commits between a reading and the command to raise. A car waits for each: on eMMC a flush takes
//! 5 to 30 ms.

use super::cars::*;
use super::world::*;
use crate::lane::raise::RaiseReason;

/// The car is read at the lane now; how many commits until its barrier is told to rise.
#[track_caller]
fn commits_before_the_raise(world: &mut World, lane: &str) -> u64 {
    let (before, raises) = (world.disk.commits(), world.raised.len());
    world.read(lane, PLATE);
    let rose = world.pass_until(MINUTE, |world| world.raised.len() > raises);
    assert!(rose, "the barrier was not told to rise");
    world.raised[raises].commits - before
}

#[test]
fn given_an_entry_when_the_barrier_rises_then_the_car_waited_for_one_commit() {
    let mut world = World::new();
    assert_eq!(commits_before_the_raise(&mut world, IN), 1);
}

#[test]
fn given_a_free_exit_when_the_barrier_rises_then_the_car_waited_for_one_commit() {
    let mut world = inside_under(20 * MINUTE, |rules| rules.tariff.prices.free_s = 1_800);
    assert_eq!(commits_before_the_raise(&mut world, OUT), 1);
    assert_eq!(world.reason(OUT), Some(RaiseReason::Free));
}

#[test]
fn given_a_charged_exit_when_the_barrier_rises_then_the_car_waited_for_two_commits() {
    let mut world = inside_for(HOUR);
    assert_eq!(commits_before_the_raise(&mut world, OUT), 2);
    assert!(is_accepted(world.reason(OUT)));
}
