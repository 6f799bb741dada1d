//! Segments: begun, left, packed, recycled; checkpoints; erasure.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::store::ledger::files::{self, Files};
use crate::store::ledger::{Finding, Ledger, LedgerError, Options};

use super::world::{World, commits, record, small, south};

#[test]
fn a_new_ledger_is_empty_and_draws_its_id_from_the_bits_it_is_given() {
    let mut world = World::small(1);
    let opening = world.open();
    assert!(opening.created);
    assert_eq!(opening.ledger_id.0, 0xBEEF);
    assert_eq!(opening.last_seq, 0);
    assert!(!world.reopen().created);
}

#[test]
fn a_commit_is_there_after_a_restart_and_takes_one_flush() {
    let mut world = World::small(1);
    world.open();
    let before = world.ledger().flushes();
    assert_eq!(world.commit(&[record(1, 512), record(2, 512)]).unwrap(), 2);
    assert_eq!(world.ledger().flushes(), before + 1);
    let opening = world.reopen();
    assert_eq!(opening.tail.len(), 1);
    assert_eq!(world.commit(&[record(3, 10)]).unwrap(), 3);
    assert_eq!(world.reopen().tail.len(), 2);
}

#[test]
fn nothing_is_flushed_while_nothing_is_committed() {
    let mut world = World::small(1);
    world.open();
    world.ledger().settle();
    let before = (world.ledger().flushes(), world.ledger().upkeep_flushes());
    assert_eq!(world.ledger().commit(&[]).unwrap(), 0);
    let _ = Ledger::verify(&world.dir).unwrap();
    assert_eq!(
        (world.ledger().flushes(), world.ledger().upkeep_flushes()),
        before
    );
}

#[test]
fn segments_follow_each_other_and_are_packed_and_recycled() {
    let mut world = World::small(1);
    world.open();
    for n in 0..40 {
        world.commit(&[record(n, 600)]).unwrap();
    }
    let files = Files::list(&world.dir).unwrap();
    assert_eq!(files.live.len(), 1, "{files:?}");
    assert_eq!(files.spares.len(), 1, "{files:?}");
    assert!(files.packed.len() > 5, "{files:?}");
    for number in &files.packed {
        // Header and frames; the padding is gone.
        let bytes = fs::metadata(files::packed(&world.dir, *number))
            .unwrap()
            .len();
        assert!(bytes <= 4096 + 5 * 776, "{bytes}");
    }
    let opening = world.reopen();
    assert_eq!(opening.tail.len(), 40);
    world.verify();
}

#[test]
fn a_recycled_segment_shows_nothing_of_what_it_held() {
    let mut world = World::small(1);
    world.open();
    // Frames of several blocks leave blocks that begin with no header.
    for n in 0..30 {
        world
            .commit(&[record(n, 600 + 3000 * usize::try_from(n % 3).unwrap())])
            .unwrap();
        let opening = world.reopen();
        assert_eq!(opening.findings, [], "after commit {n}");
    }
    let name = files::live(
        &world.dir,
        *Files::list(&world.dir).unwrap().live.last().unwrap(),
    );
    let bytes = fs::read(name).unwrap();
    assert!(
        bytes
            .chunks(4096)
            .filter(|block| block.starts_with(b"PGCOMMIT"))
            .count()
            >= 2
    );
}

#[test]
fn a_start_reads_one_checkpoint_and_what_follows() {
    let mut world = World::small(1);
    world.open();
    for n in 0..9 {
        world.commit(&[record(n, 600)]).unwrap();
    }
    assert!(world.ledger().wants_checkpoint());
    world
        .checkpoint(&[record(100, 900), record(101, 900)])
        .unwrap();
    assert!(!world.ledger().wants_checkpoint());
    world.commit(&[record(102, 10)]).unwrap();
    let opening = world.reopen();
    assert_eq!(opening.checkpoint.len(), 2);
    assert_eq!(opening.tail.len(), 1);
    // What came before is not needed, and may be archived.
    world.ledger = None;
    for number in Files::list(&world.dir).unwrap().packed {
        fs::remove_file(files::packed(&world.dir, number)).unwrap();
    }
    let again = world.try_open().unwrap();
    assert_eq!(again, opening);
    assert_eq!(Ledger::verify(&world.dir).unwrap().findings, []);
}

#[test]
fn reading_from_a_record_on_begins_with_its_segment() {
    let mut world = World::small(1);
    world.open();
    for n in 0..40 {
        world.commit(&[record(n, 700), record(n + 50, 20)]).unwrap();
    }
    let last = world.ledger().last_seq();
    for damaged in [false, true] {
        if damaged {
            // A header that cannot be read says nothing of where its segment begins.
            let third = files::packed(&world.dir, 3);
            let mut bytes = fs::read(&third).unwrap();
            bytes[20] ^= 1;
            fs::write(&third, bytes).unwrap();
        }
        for seq in 1..=last {
            let read = Ledger::read_from(&world.dir, seq).unwrap();
            let read: Vec<_> = read.map(Result::unwrap).collect();
            let later = world
                .history
                .iter()
                .filter(|commit| commit.last_seq() >= seq);
            let later: Vec<_> = later.cloned().collect();
            assert!(read.ends_with(&later), "{seq}");
            let more = if damaged { 12 } else { 6 };
            assert!(read.len() <= later.len() + more, "{seq}: {}", read.len());
        }
    }
}

#[test]
fn a_checkpoint_larger_than_a_segment_finds_room() {
    let mut world = World::small(1);
    world.open();
    let state: Vec<_> = (0..20).map(|n| record(n, 5000)).collect();
    for round in 0..3 {
        world.checkpoint(&state).unwrap();
        assert!(!world.ledger().wants_checkpoint(), "round {round}");
        world.commit(&[record(round, 100)]).unwrap();
        assert_eq!(world.reopen().checkpoint.len(), 20);
    }
    world.verify();
}

#[test]
fn a_segment_is_nearly_full_before_it_is_full() {
    let mut world = World::new(
        Options {
            segment_bytes: 40 * 4096,
            ..small()
        },
        1,
    );
    world.open();
    world.checkpoint(&[record(0, 10)]).unwrap();
    let mut commits = 0;
    while !world.ledger().wants_checkpoint() {
        world.commit(&[record(commits, 10)]).unwrap();
        commits += 1;
    }
    assert!((25..36).contains(&commits), "{commits}");
    let segments = Files::list(&world.dir).unwrap().numbers().len();
    world.commit(&[record(commits, 10)]).unwrap();
    assert_eq!(Files::list(&world.dir).unwrap().numbers().len(), segments);
}

#[test]
fn segments_that_grow_hold_the_same() {
    let mut world = World::new(
        Options {
            append: true,
            ..small()
        },
        1,
    );
    world.open();
    for n in 0..30 {
        world
            .commit(&[record(n, 600 + 3000 * usize::try_from(n % 3).unwrap())])
            .unwrap();
        if n % 7 == 0 {
            world.checkpoint(&[record(n, 700)]).unwrap();
        }
        assert_eq!(world.reopen().findings, []);
    }
    let files = Files::list(&world.dir).unwrap();
    assert!(
        files.spares.is_empty() && files.live.len() == 1,
        "{files:?}"
    );
    world.verify();
}

#[test]
fn the_thread_does_what_is_done_inline() {
    let mut world = World::new(
        Options {
            inline_upkeep: false,
            ..small()
        },
        1,
    );
    world.open();
    for n in 0..60 {
        world.commit(&[record(n, 3000)]).unwrap();
    }
    world.ledger().settle();
    assert_eq!(world.spares(), 1);
    assert_eq!(world.ledger().upkeep_failure(), None);
    assert_eq!(Files::list(&world.dir).unwrap().live.len(), 1);
    assert_eq!(world.reopen().findings, []);
    world.verify();
}

#[test]
fn a_commit_that_is_too_large_changes_nothing() {
    let mut world = World::small(1);
    world.open();
    let huge = vec![record(1, 1000); 70_000];
    assert!(matches!(world.commit(&huge), Err(LedgerError::TooLarge)));
    assert!(matches!(
        world.ledger().checkpoint(&[]),
        Err(LedgerError::EmptyCheckpoint)
    ));
    assert_eq!(world.commit(&[record(2, 10)]).unwrap(), 1);
}

#[test]
fn erased_payloads_are_gone_and_the_chain_holds() {
    let mut world = World::small(1);
    world.open();
    for n in 0..20 {
        world
            .commit(&[record(n, 600), record(n + 100, 40)])
            .unwrap();
    }
    world.checkpoint(&[record(200, 50)]).unwrap();
    let head = world.verify().head;
    let whole = commits(&world.dir);
    let taken = erase(&mut world, |seq| seq % 2 == 1);
    assert!(taken >= 15, "{taken}");
    let report = Ledger::verify(&world.dir).unwrap();
    assert_eq!((report.findings.clone(), report.head), (Vec::new(), head));
    assert_eq!(report.erased, taken);
    for (before, after) in whole.iter().zip(commits(&world.dir)) {
        for (index, (old, new)) in before.records.iter().zip(&after.records).enumerate() {
            if after.erased.contains(&(before.first_seq + index as u64)) {
                assert_eq!(
                    (new.class, new.kind, new.payload.len()),
                    (old.class, old.kind, 0)
                );
            } else {
                assert_eq!(old, new);
            }
        }
    }
    // Erasing again finds nothing more to take, and a start is as before.
    assert_eq!(erase(&mut world, |seq| seq % 2 == 1), 0);
    world.ledger = None;
    assert_eq!(world.try_open().unwrap().checkpoint.len(), 1);
}

/// Erases from every packed segment before the newest checkpoint.
fn erase(world: &mut World, choose: impl Fn(u64) -> bool) -> u64 {
    let closed = world.ledger().closed();
    let numbers = closed.numbers().unwrap();
    let old = numbers
        .into_iter()
        .filter(|number| *number < closed.newest_checkpoint());
    old.map(|number| {
        let segment = closed.read(number).unwrap().unwrap();
        let erased = closed.erase(&segment, |seq, _| choose(seq), &mut || true);
        erased.unwrap().unwrap()
    })
    .sum()
}

#[test]
fn a_reader_beside_a_running_ledger_sees_each_commit_once() {
    let mut world = World::new(
        Options {
            inline_upkeep: false,
            ..small()
        },
        1,
    );
    world.open();
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        let dir = world.dir.clone();
        let reader = scope.spawn(|| {
            let dir = dir;
            loop {
                let last = stop.load(Ordering::Relaxed);
                let seqs: Vec<u64> = commits(&dir).iter().map(|c| c.first_seq).collect();
                assert!(seqs.iter().copied().eq(1..=seqs.len() as u64), "{seqs:?}");
                if last {
                    return seqs.len();
                }
            }
        });
        for n in 0..300 {
            world.commit(&[record(n, 700)]).unwrap();
        }
        stop.store(true, Ordering::Relaxed);
        assert_eq!(reader.join().expect("the reader agrees"), 300);
    });
}

#[test]
fn a_file_of_another_ledger_is_left_out() {
    let mut world = World::small(1);
    world.open();
    for n in 0..12 {
        world.commit(&[record(n, 600)]).unwrap();
    }
    world.ledger = None;
    let other = tempfile::TempDir::new().unwrap();
    let (mut ledger, _) = Ledger::open(other.path(), &south(), &small(), 77).unwrap();
    for n in 0..4 {
        ledger.commit(&[record(n, 600)]).unwrap();
    }
    let target = files::packed(&world.dir, 2);
    fs::copy(files::packed(other.path(), 1), target).unwrap();
    let report = Ledger::verify(&world.dir).unwrap();
    let foreign = |finding: &Finding| matches!(finding, Finding::Foreign { .. });
    assert!(report.findings.iter().any(foreign), "{:?}", report.findings);
    assert_eq!(report.ledger_id.unwrap().0, 0xBEEF);
}
