//! Entry lanes.

use super::world::*;
use crate::lane::raise::RaiseReason;

const PLATE: &str = "粤B6K7H2";

#[test]
fn given_a_plate_when_it_is_read_then_the_barrier_rises_at_once_and_wechat_hears_of_it() {
    let mut world = World::new();
    world.read(IN, PLATE);
    assert_eq!(world.raises(IN), 1);
    assert_eq!(world.reason(IN), Some(RaiseReason::Entry));
    world.pass(1_000);
    assert_eq!(world.calls_since(0), ["entry"]);
    assert!(world.session(PLATE).is_some());
}

#[test]
fn given_a_stay_when_it_is_paid_then_the_car_leaves() {
    let mut world = World::new();
    world.enter(PLATE);
    world.pass(HOUR);
    world.read(OUT, PLATE);
    world.pass(1_000);
    assert_eq!(world.raises(OUT), 1);
    world.pass(MINUTE);
    assert_eq!(world.book().totals().settled.fen, 1000);
}
