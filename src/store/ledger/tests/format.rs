//! The bytes, for ten years.

use std::fs;

use crate::store::ledger::files;
use crate::store::ledger::{Ledger, Options};
use crate::store::record::{Class, Record};

use super::world::{World, commits, record, small, south};

const PAGE: &str = include_str!("../../../../docs/ledger-format.md");

#[test]
fn the_worked_example_of_the_format_page_is_what_is_written() {
    let temp = tempfile::TempDir::new().unwrap();
    let options = Options {
        inline_upkeep: true,
        ..Options::default()
    };
    let (mut ledger, _) = Ledger::open(temp.path(), &south(), &options, 48_879).unwrap();
    let fee = Record {
        class: Class::Money,
        kind: 1,
        version: 1,
        payload: br#"{"fee_fen":500}"#.to_vec(),
    };
    ledger.commit(&[fee]).unwrap();
    let mut written = fs::read(files::live(temp.path(), 1)).unwrap();
    assert_eq!(written.len(), 262_144);
    let mut compared = 0;
    for (at, bytes) in example() {
        assert_eq!(written[at..at + bytes.len()], bytes[..], "at {at:#x}");
        written[at..at + bytes.len()].fill(0);
        compared += bytes.len();
    }
    assert_eq!(compared, 112 + 187);
    assert!(
        written.iter().all(|byte| *byte == 0),
        "the page leaves bytes out"
    );
}

#[test]
fn unknown_classes_and_kinds_are_kept() {
    let mut world = World::small(1);
    world.open();
    let strange = Record {
        class: Class::Other(200),
        kind: u16::MAX,
        version: 9,
        payload: Vec::new(),
    };
    world.commit(&[strange.clone(), record(1, 3)]).unwrap();
    for n in 0..6 {
        world.commit(&[record(n, 600)]).unwrap();
    }
    assert_eq!(world.reopen().tail[0].records[0], strange);
    assert_eq!(commits(&world.dir)[0].records[0], strange);
}

#[test]
fn a_ledger_may_move_to_another_thread() {
    fn moves<T: Send>(_: T) {}
    let temp = tempfile::TempDir::new().unwrap();
    moves(Ledger::open(temp.path(), &south(), &small(), 1).unwrap());
}

/// The lines of the page that look like `001000  50 47 …`.
fn example() -> Vec<(usize, Vec<u8>)> {
    let hex = |text: &str| usize::from_str_radix(text, 16).ok();
    PAGE.lines()
        .filter_map(|line| {
            let (at, bytes) = line.split_once("  ")?;
            let at = hex(at).filter(|_| at.len() == 6)?;
            let byte = |text: &str| hex(text).and_then(|byte| u8::try_from(byte).ok());
            Some((at, bytes.split(' ').map(byte).collect::<Option<_>>()?))
        })
        .collect()
}
