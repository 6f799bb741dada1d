//! Segments that are missing, and segments that are there twice.

use std::fs;
use std::path::PathBuf;

use crate::store::ledger::files::{self, Files};
use crate::store::ledger::{Finding, Ledger, Options};
use crate::store::record::Commit;

use super::world::{World, commits, record, small};

/// Some packed segments, one of them with a checkpoint, and one in use.
fn lived_in() -> (World, Vec<Commit>) {
    let mut world = World::small(1);
    world.open();
    for n in 0..14 {
        world.commit(&[record(n, 600)]).unwrap();
        if n == 6 {
            world.checkpoint(&[record(90, 900)]).unwrap();
        }
    }
    world.ledger = None;
    let whole = commits(&world.dir);
    assert_eq!(whole.len(), 15);
    (world, whole)
}

fn paths(world: &World) -> Vec<(u32, PathBuf)> {
    let files = Files::list(&world.dir).unwrap();
    let live = files.live.iter().map(|n| (*n, files::live(&world.dir, *n)));
    let packed = files.packed.iter();
    live.chain(packed.map(|n| (*n, files::packed(&world.dir, *n))))
        .collect()
}

/// Whatever is copied, under whichever name: nothing is lost by it, and commits go on behind the end.
#[test]
fn a_segment_that_is_there_twice_costs_nothing() {
    let count = paths(&lived_in().0).len();
    let mut told = 0;
    for file in 0..count {
        for name in 0..7 {
            let (mut world, whole) = lived_in();
            let (number, path) = paths(&world).remove(file);
            let newest = *Files::list(&world.dir).unwrap().numbers().last().unwrap();
            let copy = match name {
                0 => files::live(&world.dir, number),
                1 => files::packed(&world.dir, number),
                2 => files::live(&world.dir, newest + 1),
                3 => files::packed(&world.dir, newest + 1),
                4 => files::live(&world.dir, newest + 7),
                5 => files::packed(&world.dir, newest + 7),
                _ => world.dir.join("spare-99.segment"),
            };
            if copy.exists() {
                continue;
            }
            fs::copy(&path, &copy).unwrap();
            let what = format!("{} as {}", path.display(), copy.display());
            assert_eq!(commits(&world.dir), whole, "{what}");
            let opening = world.try_open().unwrap();
            assert_eq!(opening.last_seq, whole.last().unwrap().last_seq(), "{what}");
            assert_eq!(opening.possibly_lost, 0, "{what}: {opening:?}");
            assert!(opening.checkpoint.len() == 1, "{what}: {opening:?}");
            let is_copy = |finding: &Finding| matches!(finding, Finding::Copy { .. });
            assert!(opening.findings.iter().all(is_copy), "{what}: {opening:?}");
            told += opening.findings.len();
            for n in 0..9 {
                world.ledger().commit(&[record(50 + n, 600)]).unwrap();
            }
            world.ledger = None;
            let read = commits(&world.dir);
            assert_eq!(read.len(), whole.len() + 9, "{what}");
            assert_eq!(read[..whole.len()], whole, "{what}");
            let again = world.try_open().unwrap();
            assert_eq!(again.last_seq, read.last().unwrap().last_seq(), "{what}");
        }
    }
    assert!(told > 0, "a copy is told where the start meets it");
}

#[test]
fn a_segment_that_is_missing_costs_what_was_in_it_and_is_told() {
    let count = paths(&lived_in().0).len();
    for file in 0..count {
        let (mut world, whole) = lived_in();
        let (number, path) = paths(&world).remove(file);
        let part = {
            let bytes = fs::read(&path).unwrap();
            let name = path.extension().is_some_and(|ending| ending == "packed");
            crate::store::ledger::scan::Scan::of(&bytes, number, name)
        };
        let gone: Vec<u64> = part.frames().map(|frame| frame.commit.first_seq).collect();
        fs::remove_file(&path).unwrap();
        let what = format!("without {}", path.display());
        let left: Vec<Commit> = whole
            .iter()
            .filter(|commit| !gone.contains(&commit.first_seq))
            .cloned()
            .collect();
        assert_eq!(commits(&world.dir), left, "{what}");
        world.try_open().unwrap();
        world.ledger().commit(&[record(50, 600)]).unwrap();
        world.ledger = None;
        let read = commits(&world.dir);
        assert_eq!(read[..left.len()], left, "{what}");
        assert_eq!(read.len(), left.len() + 1, "{what}");
        // What was behind the end of all that is left leaves no trace, nor does what was before it.
        let first = left.first().unwrap().first_seq;
        let last = left.last().unwrap().last_seq();
        let is_within = |seq: &u64| (first..last).contains(seq);
        let report = Ledger::verify(&world.dir).unwrap();
        let is_gap = |finding: &Finding| matches!(finding, Finding::Missing { .. });
        assert_eq!(
            report.findings.iter().any(is_gap),
            gone.iter().any(is_within),
            "{what}: {report:?}"
        );
    }
}

/// As a tool that rescues files may leave it: nothing but a wrong name.
#[test]
fn a_segment_under_another_number_is_read_where_no_other_has_it() {
    let mut world = World::new(
        Options {
            first_segment_bytes: 12 * 4096,
            ..small()
        },
        1,
    );
    world.open();
    for n in 0..4 {
        world.commit(&[record(n, 600)]).unwrap();
    }
    world.ledger = None;
    let whole = commits(&world.dir);
    fs::rename(files::live(&world.dir, 1), files::live(&world.dir, 3)).unwrap();
    let opening = world.try_open().unwrap();
    assert_eq!((opening.created, opening.tail.len()), (false, whole.len()));
    world.ledger().commit(&[record(9, 600)]).unwrap();
    world.ledger = None;
    assert_eq!(commits(&world.dir).len(), whole.len() + 1);
}
