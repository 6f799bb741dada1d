//! What the folder can be like when the ledger is opened.

use std::fs;
use std::path::Path;

use tempfile::TempDir;

use crate::store::ledger::files::{self, Files};
use crate::store::ledger::{Finding, Identity, Ledger, LedgerError};

use super::world::{World, commits, record, small, south};

#[test]
fn a_second_daemon_is_told_who_has_the_ledger() {
    let temp = TempDir::new().unwrap();
    let first = Ledger::open(temp.path(), &south(), &small(), 1).unwrap();
    let second = Ledger::open(temp.path(), &south(), &small(), 2)
        .err()
        .unwrap();
    assert!(matches!(second, LedgerError::InUse { by: Some(by), .. } if by == std::process::id()));
    assert!(
        second.to_string().contains("in use by another parkgate"),
        "{second}"
    );
    drop(first);
    assert!(
        !Ledger::open(temp.path(), &south(), &small(), 3)
            .unwrap()
            .1
            .created
    );
}

#[test]
fn a_folder_that_cannot_be_written_is_an_error_of_its_own() {
    let error = Ledger::open(Path::new("/sys/parkgate"), &south(), &small(), 1)
        .err()
        .unwrap();
    assert!(
        matches!(error, LedgerError::NotWritable { .. }),
        "{error:?}"
    );
    assert!(error.to_string().contains("[store] path"), "{error}");
}

#[test]
fn missing_parents_are_made() {
    let temp = TempDir::new().unwrap();
    let dir = temp.path().join("var/lib/parkgate/ledger");
    let (mut ledger, opening) = Ledger::open(&dir, &south(), &small(), 1).unwrap();
    assert!(opening.created);
    ledger.commit(&[record(1, 1)]).unwrap();
}

#[test]
fn another_boxs_ledger_is_refused_and_left_as_it_is() {
    let mut world = World::small(1);
    world.open();
    world.commit(&[record(1, 10)]).unwrap();
    world.ledger = None;
    let other = Identity {
        box_id: "north-2".to_owned(),
        ..south()
    };
    let error = Ledger::open(&world.dir, &other, &small(), 1).err().unwrap();
    assert!(matches!(&error, LedgerError::WrongBox { found, .. } if *found == south()));
    assert!(error.to_string().contains("sz-oct-bay/south-1"), "{error}");
    world.open();
}

#[test]
fn a_newer_format_is_refused_and_left_as_it_is() {
    let mut world = World::small(1);
    world.open();
    world.commit(&[record(1, 10)]).unwrap();
    world.ledger = None;
    let path = files::live(&world.dir, 1);
    let old = fs::read(&path).unwrap();
    let mut newer = old.clone();
    newer[12] = 3;
    let crc = crc32fast::hash(&newer[12..4096]);
    newer[8..12].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, &newer).unwrap();
    let error = world.try_open().err().unwrap();
    assert!(
        matches!(
            error,
            LedgerError::NewerFormat {
                found: 3,
                known: 2,
                ..
            }
        ),
        "{error:?}"
    );
    assert_eq!(fs::read(&path).unwrap(), newer);
    // The same byte without its checksum is damage, and damage never stops a start.
    newer = old;
    newer[12] = 3;
    fs::write(&path, &newer).unwrap();
    assert_eq!(world.try_open().unwrap().tail.len(), 1);
}

#[test]
fn names_that_are_too_long_are_refused() {
    let temp = TempDir::new().unwrap();
    let long = Identity {
        site: "x".repeat(1001),
        ..south()
    };
    let error = Ledger::open(temp.path(), &long, &small(), 1).err().unwrap();
    assert!(matches!(error, LedgerError::LongIdentity));
}

#[test]
fn files_that_are_not_the_ledgers_are_left_alone() {
    let mut world = World::small(1);
    world.open();
    world.commit(&[record(1, 10)]).unwrap();
    world.ledger = None;
    let names = [
        "README",
        "0000000001.segment.bak",
        "1.segment",
        "9999999999.segment",
        "pictures",
    ];
    for name in names {
        fs::write(world.dir.join(name), b"mine").unwrap();
    }
    world.open();
    for name in names {
        assert_eq!(fs::read(world.dir.join(name)).unwrap(), b"mine", "{name}");
    }
}

#[test]
fn unfinished_files_and_spares_of_an_earlier_run_do_no_harm() {
    let mut world = World::small(1);
    world.open();
    for n in 0..8 {
        world.commit(&[record(n, 600)]).unwrap();
    }
    world.ledger = None;
    fs::write(world.dir.join("0000000099.segment.tmp"), b"half").unwrap();
    fs::write(world.dir.join("0000000001.packed.tmp"), b"half").unwrap();
    fs::write(world.dir.join("spare-7.segment"), vec![0xAA; 6 * 4096]).unwrap();
    fs::write(world.dir.join("spare-8.segment"), b"short").unwrap();
    world.open();
    let files = Files::list(&world.dir).unwrap();
    assert_eq!(
        (files.unfinished.len(), files.spares.len()),
        (0, 1),
        "{files:?}"
    );
    for n in 0..30 {
        world.commit(&[record(n, 600)]).unwrap();
        assert_eq!(world.reopen().findings, []);
    }
}

/// Each state that a power cut can leave between two steps of packing, made by hand.
#[test]
fn packing_may_stop_after_each_step() {
    let mut world = World::small(1);
    world.open();
    for n in 0..3 {
        world.commit(&[record(n, 600)]).unwrap();
    }
    let unpacked = fs::read(files::live(&world.dir, 1)).unwrap();
    world.commit(&[record(3, 600)]).unwrap();
    world.ledger = None;
    let whole = commits(&world.dir);
    assert_eq!(whole.len(), 4);
    let (live, packed) = (files::live(&world.dir, 1), files::packed(&world.dir, 1));
    let done = fs::read(&packed).unwrap();
    let half = &done[..done.len() / 2];
    let (unpacked, done) = (&unpacked[..], &done[..]);
    let states = [
        ("not begun", Some(unpacked), None, None),
        ("half written", Some(unpacked), Some(half), None),
        ("written", Some(unpacked), Some(done), None),
        ("renamed", Some(unpacked), None, Some(done)),
        ("done", None, None, Some(done)),
    ];
    for (name, old, unfinished, new) in states {
        put(&live, old);
        put(&files::unfinished(&packed), unfinished);
        put(&packed, new);
        assert_eq!(commits(&world.dir), whole, "{name}, before the start");
        let opening = world.open();
        assert_eq!(opening.findings, [], "{name}");
        world.ledger = None;
        assert_eq!(commits(&world.dir), whole, "{name}, after the start");
        assert!(!live.exists(), "{name}");
        assert_eq!(fs::read(&packed).unwrap(), done, "{name}");
    }
}

#[test]
fn a_ledger_of_which_nothing_is_readable_is_set_aside_and_a_new_one_begun() {
    let mut world = World::small(1);
    world.open();
    world.commit(&[record(1, 10)]).unwrap();
    world.ledger = None;
    for round in 1..=2 {
        let path = files::live(&world.dir, 1);
        let noise = vec![0x5A; 3 * 4096];
        fs::write(&path, &noise).unwrap();
        let opening = world.try_open().unwrap();
        assert!(opening.created);
        assert_eq!((opening.last_seq, opening.possibly_lost), (0, 1));
        let folder = world.dir.join(format!("unreadable-{round}"));
        assert_eq!(
            opening.findings,
            [Finding::Replaced {
                folder: folder.clone()
            }]
        );
        assert_eq!(fs::read(folder.join("0000000001.segment")).unwrap(), noise);
        assert_eq!(world.ledger().commit(&[record(2, 10)]).unwrap(), 1);
        world.ledger = None;
    }
}

fn put(path: &Path, bytes: Option<&[u8]>) {
    match bytes {
        Some(bytes) => fs::write(path, bytes).unwrap(),
        None if path.exists() => fs::remove_file(path).unwrap(),
        None => {}
    }
}
