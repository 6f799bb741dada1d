//! A disk that fails and recovers while the ledger is open.

use crate::store::ledger::{Finding, LedgerError, Options};

use super::world::{World, record, small};

#[test]
fn a_failed_flush_is_not_acknowledged_and_its_blocks_are_not_used_again() {
    for (seed, skip) in (0..40).zip([0, 1].into_iter().cycle()) {
        let mut world = World::small(seed);
        world.open();
        world.commit(&[record(1, 600)]).unwrap();
        // Effect 0 of a commit is its write, 1 its flush.
        world.trial.fail_after(skip, libc::EIO);
        let error = world.commit(&[record(2, 9000)]).unwrap_err();
        assert!(
            matches!(error, LedgerError::Write { .. } | LedgerError::Sync { .. }),
            "{error}"
        );
        assert_eq!(world.ledger().last_seq(), 1);
        // The same records again, and another one: the disk is fine.
        assert_eq!(world.commit(&[record(2, 9000)]).unwrap(), 2);
        assert_eq!(world.commit(&[record(3, 10)]).unwrap(), 3);
        world.reopen();
        world.verify();
        world.cut();
        world.verify();
    }
}

#[test]
fn a_failed_commit_that_reached_the_disk_is_superseded_by_the_next() {
    let mut world = World::small(1);
    world.open();
    world.commit(&[record(1, 10)]).unwrap();
    world.trial.fail_after(1, libc::EIO);
    world.commit(&[record(2, 10)]).unwrap_err();
    world.commit(&[record(3, 10), record(4, 10)]).unwrap();
    // No restart in between: the page of the failed commit is still in the kernel's cache.
    let report = world.verify();
    assert_eq!(report.findings, [Finding::Superseded { first: 2, last: 2 }]);
    assert!(report.is_sound());
}

#[test]
fn a_failed_commit_that_reached_the_disk_counts_if_nothing_follows() {
    let mut counted = 0;
    for seed in 0..30 {
        let mut world = World::small(seed);
        world.open();
        world.commit(&[record(1, 10)]).unwrap();
        world.trial.fail_after(1, libc::EIO);
        world.commit(&[record(2, 10)]).unwrap_err();
        counted += world.reopen().tail.len() - 1;
        world.commit(&[record(3, 10)]).unwrap();
        world.reopen();
    }
    assert!((1..30).contains(&counted), "{counted}");
}

#[test]
fn a_full_disk_is_told_as_such_and_commits_work_again_when_there_is_room() {
    let mut world = World::new(
        Options {
            append: true,
            ..small()
        },
        1,
    );
    world.open();
    world.commit(&[record(1, 10)]).unwrap();
    for n in 0..5 {
        world.trial.fail_after(0, libc::ENOSPC);
        let error = world.commit(&[record(10 + n, 10)]).unwrap_err();
        assert!(matches!(error, LedgerError::DiskFull { .. }), "{error:?}");
        assert!(error.to_string().contains("no room"), "{error}");
    }
    assert_eq!(world.commit(&[record(2, 10)]).unwrap(), 2);
    world.reopen();
    world.verify();
}

#[test]
fn without_a_spare_commits_go_on_in_a_segment_that_grows() {
    let mut world = World::small(1);
    world.open();
    world.trial.refuse("spare-");
    for n in 0..30 {
        world.commit(&[record(n, 600)]).unwrap();
    }
    assert_eq!(world.spares(), 0);
    assert!(
        world
            .ledger()
            .upkeep_failure()
            .is_some_and(|text| text.contains("no room"))
    );
    world.trial.revive();
    for n in 0..10 {
        world.commit(&[record(n, 600)]).unwrap();
    }
    assert_eq!(world.spares(), 1);
    assert_eq!(world.ledger().upkeep_failure(), None);
    world.reopen();
    world.verify();
}

/// Others have filled the disk. What is reserved can be committed to the last block.
#[test]
fn what_is_reserved_is_there_on_a_full_disk_and_is_made_up_when_there_is_room() {
    let mut world = World::new(
        Options {
            reserve: 3,
            ..small()
        },
        1,
    );
    world.open();
    world.commit(&[record(0, 600)]).unwrap();
    let reserve = world.ledger().reserve().expect("files are written over");
    assert_eq!((reserve.ready, reserve.wanted), (3, 3));
    world.trial.fill();
    for n in 0..reserve.commits {
        world
            .commit(&[record(n, 600)])
            .unwrap_or_else(|e| panic!("{n} of {}: {e}", reserve.commits));
    }
    let error = world.commit(&[record(99, 600)]).unwrap_err();
    assert!(matches!(error, LedgerError::DiskFull { .. }), "{error:?}");
    let left = world.ledger().reserve().expect("as before");
    assert_eq!((left.ready, left.commits), (0, 0));

    world.trial.revive();
    world.ledger().retry_upkeep();
    assert_eq!(world.spares(), 3);
    world.commit(&[record(100, 600)]).unwrap();
    world.reopen();
    world.verify();
}

#[test]
fn a_checkpoint_that_finds_no_room_takes_none_from_commits() {
    let mut world = World::new(
        Options {
            reserve: 0,
            segment_bytes: 12 * 4096,
            first_segment_bytes: 12 * 4096,
            ..small()
        },
        1,
    );
    world.open();
    for n in 0..9 {
        world.commit(&[record(n, 600)]).unwrap();
    }
    world.trial.fill();
    for n in 0..2 {
        let error = world.checkpoint(&[record(50, 600)]).unwrap_err();
        assert!(matches!(error, LedgerError::DiskFull { .. }), "{error:?}");
        world.commit(&[record(60 + n, 600)]).unwrap();
    }
    world.commit(&[record(70, 600)]).unwrap_err();
    world.reopen();
    world.commit(&[record(71, 600)]).unwrap();
    world.reopen();
    world.verify();
}

/// The removal of the failed segment's file is undone by the cut, so that it stands behind
/// commits that were acknowledged after it.
#[test]
fn a_failed_segment_that_comes_back_supersedes_nothing() {
    for seed in 0..60 {
        let restart = seed % 2 == 0;
        let mut world = World::new(
            Options {
                segment_bytes: 12 * 4096,
                ..small()
            },
            seed,
        );
        world.open();
        world.checkpoint(&[record(0, 10)]).unwrap();
        // Write, flush, rename; the folder's flush fails.
        world.trial.fail_after(3, libc::EIO);
        world.checkpoint(&[record(1, 10)]).unwrap_err();
        if restart {
            world.reopen();
        }
        for n in 0..3 {
            world.commit(&[record(2 + n, 10)]).unwrap();
        }
        world.cut();
        world.commit(&[record(9, 10)]).unwrap();
        world.reopen();
        world.verify();
    }
}

#[test]
fn any_effect_may_fail_once() {
    for append in [false, true] {
        for at in 0.. {
            let mut world = World::new(Options { append, ..small() }, at);
            world.open();
            let skip = usize::try_from(at).expect("small");
            let errno = if at % 2 == 0 { libc::EIO } else { libc::ENOSPC };
            world.trial.fail_after(skip, errno);
            for n in 0..14 {
                let records = [
                    record(n, 500),
                    record(n + 50, 5000 * usize::from(n % 3 == 0)),
                ];
                if world.commit(&records).is_err() {
                    world.commit(&records).expect("the disk is fine again");
                }
                if n == 6 && world.checkpoint(&[record(n, 5000)]).is_err() {
                    world
                        .checkpoint(&[record(n, 5000)])
                        .expect("the disk is fine again");
                }
            }
            let failed = world.trial.has_failed();
            world.reopen();
            world.verify();
            world.cut();
            world.verify();
            if !failed {
                assert!(at > 30, "{at}");
                break;
            }
        }
    }
}
