//! Old segments are erased and removed, and the power is cut at every single effect of it.

use std::collections::BTreeSet;

use crate::store::ledger::{Finding, Ledger, LedgerError};

use super::world::{Opened, World, commits, record};

/// Several checkpoints, each with segments behind it.
fn lived_in(seed: u64) -> (World, Opened) {
    let mut world = World::small(seed);
    world.open();
    for n in 0..40_u64 {
        world
            .commit(&[record(n, 500), record(n + 100, 40)])
            .unwrap();
        if n % 9 == 8 {
            world.checkpoint(&[record(n + 300, 900)]).unwrap();
        }
    }
    let opening = world.reopen();
    (world, opening)
}

/// The first two segments are removed, the others before the newest checkpoint lose every odd record.
fn purge(world: &mut World) -> Result<(), LedgerError> {
    let closed = world.ledger().closed();
    let numbers = closed.numbers()?;
    let old = numbers
        .into_iter()
        .filter(|number| *number < closed.newest_checkpoint());
    for number in old {
        let Some(segment) = closed.read(number)? else {
            continue;
        };
        if number <= 2 {
            closed.remove(&segment)?;
        } else {
            closed.erase(&segment, |seq, _| seq % 2 == 1, &mut || true)?;
        }
    }
    Ok(())
}

#[test]
fn a_cut_at_any_effect_of_a_purge_leaves_a_start_what_it_had() {
    let effects = {
        let (mut world, _) = lived_in(0);
        let before = world.trial.effects();
        purge(&mut world).expect("the disk is fine");
        world.trial.effects() - before
    };
    assert!(effects > 30, "{effects}");
    for at in 0..effects {
        for fate in 0..3 {
            let seed = (at * 3 + fate) as u64;
            let (mut world, opening) = lived_in(seed);
            let whole = commits(&world.dir);
            world.trial.die_after(at);
            let _ = purge(&mut world);
            world.ledger = None;
            world.trial.cut();
            let again = world.try_open().unwrap();
            assert_eq!(state(&again), state(&opening), "{at}/{fate}");
            is_whole_but_for(&world, &whole);
            // The next round does what is left to do.
            purge(&mut world).unwrap();
            world.ledger = None;
            assert_eq!(state(&world.try_open().unwrap()), state(&opening));
            is_whole_but_for(&world, &whole);
        }
    }
}

#[test]
fn a_failed_effect_of_a_purge_loses_nothing_either() {
    for at in 0..30 {
        for errno in [libc::EIO, libc::ENOSPC] {
            let (mut world, opening) = lived_in(at as u64);
            let whole = commits(&world.dir);
            world.trial.fail_after(at, errno);
            let failed = purge(&mut world).is_err();
            assert!(failed && world.trial.has_failed(), "{at}: it is told");
            world.ledger().commit(&[record(7, 7)]).unwrap();
            world.ledger = None;
            let again = world.try_open().unwrap();
            assert_eq!(again.checkpoint, opening.checkpoint, "{at}");
            is_whole_but_for(&world, &whole);
        }
    }
}

#[test]
fn a_checkpoint_that_was_erased_is_not_read_from() {
    let (mut world, opening) = lived_in(3);
    let closed = world.ledger().closed();
    let newest = closed.newest_checkpoint();
    // By mistake, with the newest one damaged: what is left is read from the beginning.
    for number in closed.numbers().unwrap() {
        if number < newest {
            let segment = closed.read(number).unwrap().unwrap();
            let mut seqs = BTreeSet::new();
            for commit in segment.commits().filter(|commit| commit.is_checkpoint()) {
                seqs.extend(commit.first_seq..=commit.last_seq());
            }
            let erased = closed.erase(&segment, |seq, _| seqs.contains(&seq), &mut || true);
            erased.unwrap();
        }
    }
    drop(closed);
    world.ledger = None;
    assert_eq!(state(&world.try_open().unwrap()), state(&opening));
    let history = Ledger::read_since(&world.dir, |_| true).unwrap();
    assert!(
        history.map(Result::unwrap).count() < 15,
        "the newest one serves"
    );
}

#[test]
fn who_says_stop_leaves_the_segment_as_it_was() {
    let (mut world, _) = lived_in(5);
    let closed = world.ledger().closed();
    let whole = commits(&world.dir);
    let segment = closed.read(3).unwrap().unwrap();
    // So small a segment is written in one part, and nobody is asked.
    assert!(
        closed
            .erase(&segment, |_, _| true, &mut || false)
            .unwrap()
            .is_some()
    );
    assert_ne!(commits(&world.dir), whole);
    let live = *closed.numbers().unwrap().last().unwrap();
    let segment = closed.read(live).unwrap().unwrap();
    assert!(matches!(
        closed.erase(&segment, |_, _| true, &mut || true),
        Err(LedgerError::InUseSegment { .. })
    ));
}

fn state(opened: &Opened) -> (Vec<crate::store::record::Record>, usize, u64) {
    let checkpoint = opened.checkpoint.clone();
    (checkpoint, opened.tail.len(), opened.last_seq)
}

/// What is there is as it was, or erased where it might be; the chain holds from its first record on.
fn is_whole_but_for(world: &World, whole: &[crate::store::record::Commit]) {
    let report = Ledger::verify(&world.dir).unwrap();
    let harmless = |finding: &Finding| matches!(finding, Finding::Superseded { .. });
    assert!(
        report.findings.iter().all(harmless),
        "{:?}",
        report.findings
    );
    for commit in commits(&world.dir) {
        let Some(before) = whole.iter().find(|w| w.first_seq == commit.first_seq) else {
            continue;
        };
        for (index, (now, then)) in commit.records.iter().zip(&before.records).enumerate() {
            let seq = commit.first_seq + index as u64;
            match commit.erased.contains(&seq) {
                true => assert_eq!(seq % 2, 1),
                false => assert_eq!(now, then),
            }
        }
    }
}
