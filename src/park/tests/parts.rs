//! A whole state in parts: as the state itself, wherever its writing ends.

use super::traffic::Traffic;
use super::world::*;
use crate::park::Park;
use crate::park::record::Record;
use crate::store::record::Record as Stored;

fn folded(into: &Park, records: &[Stored]) -> Park {
    let mut park = into.clone();
    for stored in records {
        park.replay_owned(Record::from_stored(stored).unwrap());
    }
    park
}

/// Cars inside and under way, and more than one part of each.
fn busy() -> World {
    let mut world = World::new();
    for number in 0..30 {
        world.read(IN, &format!("粤B1{number:04}"));
        world.pass(MINUTE);
    }
    world.simulator.faults_mut().outage = true;
    world.pass(HOUR);
    for number in 0..12 {
        world.read(OUT, &format!("粤B1{number:04}"));
        world.pass(11 * MINUTE);
    }
    let standing = world.book().standing();
    assert!(
        standing.queued() > 5 && world.park().site().cars_inside() > 15,
        "{standing:?}"
    );
    world
}

#[test]
fn a_state_in_parts_is_the_state() {
    let world = busy();
    let park = world.park();
    let parts: Vec<Vec<Stored>> = park.checkpoint_in_parts(world.now(), 0).collect();
    let new = Park::new(park.ledger(), world.rules.clone());
    assert_eq!(folded(&new, &parts.concat()).snapshot(), park.snapshot());
    // At once it is what it always was.
    let whole: Vec<Vec<Stored>> = park.checkpoint_in_parts(world.now(), 1_000_000).collect();
    assert_eq!(whole, [park.checkpoint(world.now())]);
}

#[test]
fn a_part_that_is_folded_into_its_own_state_changes_nothing() {
    let world = busy();
    let park = world.park();
    let parts: Vec<Stored> = park.checkpoint_in_parts(world.now(), 0).flatten().collect();
    assert!(parts.len() > 5);
    for end in 0..=parts.len() {
        let again = folded(park, &parts[..end]);
        assert_eq!(
            again.snapshot(),
            park.snapshot(),
            "{end} of {}",
            parts.len()
        );
        assert_eq!(
            again.queue().book(),
            park.queue().book(),
            "with what follows from it"
        );
    }
}

#[test]
fn what_is_in_mind_goes_in_parts_as_well() {
    let world = busy();
    let park = world.park();
    let minds = |records: Vec<Stored>| {
        let minds = records
            .iter()
            .map(|stored| Record::from_stored(stored).unwrap());
        let mut parts = Vec::new();
        minds.fold(None, |_, record| match record {
            Record::PartOfMind(part) => {
                parts.push(*part);
                None
            }
            Record::Mind(mut mind) => {
                parts.drain(..).for_each(|part| mind.complete_with(part));
                Some(*mind)
            }
            _ => None,
        })
    };
    let in_parts = minds(park.checkpoint_in_parts(world.now(), 0).flatten().collect());
    assert!(in_parts.is_some());
    assert_eq!(in_parts, minds(park.checkpoint(world.now())));
}

#[test]
fn seeded_traffic_starts_from_states_in_parts() {
    let mut parts = 0;
    for seed in (0..12).step_by(2) {
        let mut traffic = Traffic::new(seed);
        traffic.run();
        let records = traffic.world.disk.stored();
        let is_part = |stored: &&Stored| stored.kind == 3 && stored.version == 2;
        parts += records.iter().filter(is_part).count();
        let new = Park::new(traffic.world.park().ledger(), traffic.world.rules.clone());
        if !traffic.world.has_given_up {
            let all = folded(&new, &records);
            assert_eq!(
                all.snapshot(),
                traffic.world.park().snapshot(),
                "seed {seed}"
            );
        }
    }
    assert!(parts > 20, "{parts}");
}
