//! Cars at the point where a scenario begins.

use super::world::*;
use crate::lane::raise::RaiseReason;
use crate::lane::session::Ending;
use crate::park::record::LaneRecord;
use crate::park::rules::Rules;
use crate::sim::wechat::{Call, Fault, Outcome, Plate};

pub const PLATE: &str = "粤B6K7H2";

/// A car that came in so long ago.
pub fn inside_for(ms: u64) -> World {
    inside_under(ms, |_| {})
}

pub fn inside_under(ms: u64, change: impl FnOnce(&mut Rules)) -> World {
    let mut world = World::with(change);
    world.enter(PLATE);
    world.run_to(ms);
    world.calls.clear();
    world
}

pub fn enrolled_as(world: &mut World, plate: Plate) {
    world
        .simulator
        .settings_mut()
        .plates
        .insert(PLATE.into(), plate);
}

/// A car whose entry got no answer a moment ago, and whose next try is not due yet.
pub fn unregistered(plate: Plate) -> World {
    let mut world = World::new();
    enrolled_as(&mut world, plate);
    let faults = world.simulator.faults_mut();
    for _ in 0..5 {
        faults.push_on(Call::Entry, Fault::WrongEcho);
    }
    world.read(IN, PLATE);
    world.pass(20_000);
    assert_eq!(world.calls_since(0).len(), 5);
    world.calls.clear();
    world
}

pub fn is_accepted(reason: Option<RaiseReason>) -> bool {
    matches!(reason, Some(RaiseReason::Accepted { .. }))
}

pub fn last_ending(world: &World) -> Option<Ending> {
    let records = world.lane_records().into_iter().rev();
    records
        .filter_map(|record| match record {
            LaneRecord::SessionClosed { ending, .. } => Some(ending),
            _ => None,
        })
        .next()
}

/// Inside for so long when WeChat stops answering; registered or not.
pub fn silent_for(ms: u64, registered: bool, change: impl FnOnce(&mut Rules)) -> World {
    let mut world = World::with(change);
    world.simulator.faults_mut().outage = !registered;
    world.enter(PLATE);
    world.simulator.faults_mut().outage = true;
    world.run_to(ms);
    world.read(OUT, PLATE);
    world.pass(1_600);
    world
}

pub fn without_advance(outcome: Outcome, settle_after_ms: u64) -> World {
    let mut world = inside_under(HOUR, |rules| rules.exit.advance = false);
    world.simulator.settings_mut().settle_after_ms = settle_after_ms;
    enrolled_as(&mut world, Plate::ending(outcome));
    world.read(OUT, PLATE);
    world
}
