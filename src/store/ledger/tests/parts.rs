//! A state that goes over several commits.

use std::fs;

use crate::store::ledger::files::{self, Files};
use crate::store::ledger::{Finding, Ledger};
use crate::store::record::Record;

use super::world::{World, record, small};

fn parts(of: u64, count: u64) -> Vec<Vec<Record>> {
    let part = |n| vec![record(of + n, 5000), record(of + n + 50, 40)];
    (0..count).map(part).collect()
}

/// The format that a segment's header names.
fn format(world: &World, number: u32) -> u8 {
    let live = files::live(&world.dir, number);
    let packed = files::packed(&world.dir, number);
    let file = fs::read(&live).or_else(|_| fs::read(&packed));
    file.expect("a segment")[12]
}

#[test]
fn a_start_reads_all_its_parts_and_what_follows() {
    let mut world = World::small(1);
    world.open();
    for n in 0..9 {
        world.commit(&[record(n, 600)]).unwrap();
    }
    let before = *Files::list(&world.dir).unwrap().numbers().last().unwrap();
    world.checkpoint_in_parts(&parts(100, 5)).unwrap();
    world.commit(&[record(7, 10)]).unwrap();
    let opening = world.reopen();
    assert_eq!(opening.checkpoint, parts(100, 5).concat());
    assert_eq!(opening.tail.len(), 1);
    let newest = *Files::list(&world.dir).unwrap().numbers().last().unwrap();
    assert_eq!(newest, before + 5, "each part begins a segment");
    for number in 1..=newest {
        let expected = if number > before { 2 } else { 1 };
        assert_eq!(format(&world, number), expected, "segment {number}");
    }
    // What came before is not needed, and may be archived.
    world.ledger = None;
    for number in 1..=before {
        fs::remove_file(files::packed(&world.dir, number)).unwrap();
    }
    assert_eq!(world.try_open().unwrap(), opening);
    assert_eq!(Ledger::verify(&world.dir).unwrap().findings, []);
    // The next one may be small again, and so is its format.
    let last_seq = world.ledger().checkpoint(&[record(1, 10)]).unwrap();
    assert_eq!(format(&world, newest + 1), 1);
    let whole = world.ledger();
    assert_eq!(
        (whole.last_seq(), whole.wants_checkpoint()),
        (last_seq, false)
    );
}

#[test]
fn the_next_one_is_written_when_as_much_has_followed() {
    let mut world = World::small(1);
    world.open();
    world.checkpoint_in_parts(&parts(100, 5)).unwrap();
    for again in [false, true] {
        if again {
            world.reopen();
        }
        let mut bytes = 0;
        while !world.ledger().wants_checkpoint() {
            world.commit(&[record(1, 3000)]).unwrap();
            bytes += 3172;
            assert!(bytes < 60_000);
        }
        assert!(bytes > 15_000, "{bytes}");
        world.checkpoint_in_parts(&parts(200, 5)).unwrap();
    }
}

#[test]
fn a_state_whose_writing_failed_counts_for_nothing() {
    let effects = {
        let mut world = World::small(0);
        world.open();
        let before = world.trial.effects();
        world.checkpoint_in_parts(&parts(100, 4)).unwrap();
        world.trial.effects() - before
    };
    let mut failed = 0;
    for at in 0..effects {
        let mut world = World::small(at as u64);
        world.open();
        world.checkpoint(&[record(1, 900)]).unwrap();
        world.commit(&[record(2, 20)]).unwrap();
        world.trial.fail_after(at, libc::EIO);
        let result = world.checkpoint_in_parts(&parts(100, 4));
        failed += u64::from(result.is_err());
        // Later than in the run that was counted, if the upkeep had less to do.
        while !world.trial.has_failed() {
            let _ = world.commit(&[record(3, 20)]);
        }
        world.commit(&[record(4, 20)]).unwrap();
        // Compares what is handed on with what counts.
        world.reopen();
        world.verify();
    }
    assert!(failed > 8, "{failed} of {effects}");
}

#[test]
fn with_a_damaged_part_a_start_reads_from_the_state_before() {
    let mut world = World::new(small(), 1);
    world.open();
    world.checkpoint(&[record(1, 900)]).unwrap();
    world.commit(&[record(2, 20)]).unwrap();
    let before = *Files::list(&world.dir).unwrap().numbers().last().unwrap();
    world.checkpoint_in_parts(&parts(100, 4)).unwrap();
    for n in 0..8 {
        world.commit(&[record(n, 900)]).unwrap();
    }
    world.ledger = None;
    for number in before + 1..=before + 4 {
        let packed = files::packed(&world.dir, number);
        let path = match packed.exists() {
            true => packed,
            false => files::live(&world.dir, number),
        };
        let sound = fs::read(&path).unwrap();
        let mut damaged = sound.clone();
        damaged[4096 + 300] ^= 1;
        fs::write(&path, &damaged).unwrap();
        let opening = world.try_open().unwrap();
        assert_eq!(opening.checkpoint, [record(1, 900)], "segment {number}");
        assert!(opening.tail.len() > 8, "all that can be read follows");
        let is_told = |finding: &Finding| matches!(finding, Finding::Unreadable { .. });
        assert!(
            opening.findings.iter().any(is_told),
            "{:?}",
            opening.findings
        );
        world.ledger = None;
        // Back as it was, whatever the upkeep made of it meanwhile.
        let _ = fs::remove_file(files::packed(&world.dir, number));
        fs::write(&path, &sound).unwrap();
    }
    assert_eq!(world.try_open().unwrap().checkpoint, parts(100, 4).concat());
}
