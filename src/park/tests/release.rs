//! Ledgers as releases wrote them (`tests/data/`): each opens in this version, with the state that it had.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

use super::noticed;
use super::traffic::Traffic;
use crate::lane::number::LedgerId;
use crate::park::Park;
use crate::park::disk::{CHECKPOINT, STEP};
use crate::park::erasure::{Erasure, Payloads, Rule};
use crate::park::record::{LaneRecord, Record};
use crate::park::state::Snapshot;
use crate::simulation::site::rules;
use crate::store::audit::{self, Frame, Verdict, Watcher};
use crate::store::ledger::{Collected, Identity, Ledger, Options};
use crate::store::record::{Class, Record as Stored};

/// Where the state stands, as it was when the ledger was written.
const STATE: &str = "state.json";
/// Steps of the first seed; of the others only what is new.
const STEPS: usize = 120;

/// Writes the ledger of a release, with every kind of record, and reads it back. With
/// `PARKGATE_RELEASE_LEDGER` set, it is kept in `tests/data/`.
#[test]
fn release_ledger_has_every_kind_and_is_read_back() {
    let temp = tempfile::tempdir().unwrap();
    write(temp.path());
    let kinds = check(temp.path());
    let expected: BTreeSet<u16> = (1..=6).chain(16..=31).chain(32..=64).collect();
    assert_eq!(kinds, expected, "see docs/record-kinds.md");
    if std::env::var_os("PARKGATE_RELEASE_LEDGER").is_some() {
        let to = data().join(format!("ledger-{}", env!("CARGO_PKG_VERSION")));
        assert!(!to.exists(), "{} is there and never changes", to.display());
        copy(temp.path(), &to);
    }
}

#[test]
fn the_ledger_of_every_release_opens_with_the_state_that_it_had() {
    let mut releases = 0;
    for entry in fs::read_dir(data()).unwrap() {
        let folder = entry.unwrap().path();
        if folder.is_dir() {
            assert!(check(&folder).len() > 30, "{}", folder.display());
            releases += 1;
        }
    }
    assert!(releases > 0);
}

fn data() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data")
}

fn identity() -> Identity {
    Identity {
        site: "sz-oct-bay".into(),
        box_id: "south-1".into(),
    }
}

fn options() -> Options {
    Options {
        first_segment_bytes: 64 << 10,
        segment_bytes: 64 << 10,
        reserve: 1,
        append: false,
        inline_upkeep: true,
    }
}

fn write(folder: &Path) {
    let (mut ledger, opening) =
        Ledger::open(&folder.join("ledger"), &identity(), &options(), 1).unwrap();
    let mut park = Park::new(opening.ledger_id, rules());
    let steps = steps();
    let quarter = steps.len() / 4;
    for (number, step) in steps.iter().enumerate() {
        let stored: Vec<Stored> = step.iter().map(Record::to_stored).collect();
        ledger.commit(&stored).unwrap();
        for record in step {
            park.replay(record);
        }
        if number % quarter == quarter - 1 && number < 3 * quarter {
            let state = [
                Record::RulesChanged(Box::new(rules())).to_stored(),
                Record::Checkpoint(Box::new(park.snapshot())).to_stored(),
            ];
            ledger.checkpoint(&state).unwrap();
        }
    }
    let closed = ledger.closed();
    let oldest = closed.read(1).unwrap().unwrap();
    let is_reading = |_: u64, record: &Stored| record.class == Class::Reading;
    closed.erase(&oldest, is_reading, &mut || true).unwrap();
    drop((closed, ledger));
    fs::remove_file(folder.join("ledger/lock")).unwrap();
    for entry in fs::read_dir(folder.join("ledger")).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy();
        if name.starts_with("spare") {
            fs::remove_file(&path).unwrap();
        }
    }
    let state = serde_json::to_string_pretty(&park.snapshot()).unwrap();
    fs::write(folder.join(STATE), state).unwrap();
}

/// A morning of one seed, and of the others each step that brings a kind not seen before.
fn steps() -> Vec<Vec<Record>> {
    let mut seen = BTreeSet::new();
    let mut chosen: Vec<Vec<Record>> = Vec::new();
    for seed in 0..=40 {
        let stored = match seed {
            40 => noticed::with_every_kind().disk.stored(),
            seed => {
                let mut traffic = Traffic::new(seed);
                traffic.run();
                traffic.world.disk.stored()
            }
        };
        for (number, step) in by_step(stored).into_iter().enumerate() {
            let kinds: BTreeSet<u16> = step.iter().map(|stored| stored.kind).collect();
            if (seed == 0 && number < STEPS) || !kinds.is_subset(&seen) {
                seen.extend(kinds);
                let step = step
                    .iter()
                    .map(|stored| Record::from_stored(stored).unwrap());
                chosen.push(step.collect());
            }
        }
    }
    let skipped = Record::Lane(LaneRecord::NumbersSkipped { sessions: 1024 });
    let erased = Record::PayloadsErased(Box::new(Erasure {
        rule: Rule::Request {
            reference: LedgerId(7).to_string(),
            by: "李雷".into(),
            why: "request 17".into(),
        },
        first_seq: 1,
        last_seq: 40,
        rewritten: 1,
        removed: 0,
        payloads: Payloads::default(),
        forgotten: None,
        kept: Payloads::default(),
    }));
    chosen.insert(1, vec![skipped, erased]);
    chosen
}

/// Whole states are left out: they are the writer's own.
fn by_step(records: Vec<Stored>) -> Vec<Vec<Stored>> {
    let mut steps: Vec<Vec<Stored>> = Vec::new();
    for stored in records {
        match steps.last_mut() {
            _ if stored.kind == CHECKPOINT => {}
            Some(step) if stored.kind != STEP => step.push(stored),
            _ => steps.push(vec![stored]),
        }
    }
    steps
}

/// Opens a copy of a ledger as a start does, and compares. Returns the kinds in it.
fn check(folder: &Path) -> BTreeSet<u16> {
    let temp = tempfile::tempdir().unwrap();
    copy(folder, temp.path());
    let dir = temp.path().join("ledger");
    let mut kinds = Kinds::default();
    let report = audit::read(&dir, &mut kinds).unwrap();
    assert_eq!(report.verdict(), Verdict::Sound, "{:?}", report.findings);
    assert!(report.erased > 0, "one segment has erased payloads");
    let mut read = Collected::default();
    let (_ledger, opening) = Ledger::replay(&dir, &identity(), &options(), 2, &mut read).unwrap();
    assert!(!opening.created && opening.findings.is_empty());
    let mut park = Park::new(opening.ledger_id, rules());
    let tail = read.tail.iter().flat_map(|commit| &commit.records);
    for stored in read.checkpoint.iter().chain(tail) {
        let record = Record::from_stored(stored).unwrap();
        assert!(!matches!(record, Record::Unknown { .. }), "{}", stored.kind);
        park.replay(&record);
    }
    let state = fs::read_to_string(folder.join(STATE)).unwrap();
    let then: Snapshot = serde_json::from_str(&state).unwrap();
    // What is not stored is made from what is.
    let mut expected = Park::new(opening.ledger_id, rules());
    expected.replay(&Record::Checkpoint(Box::new(then)));
    assert_eq!(park.snapshot(), expected.snapshot());
    kinds.0
}

#[derive(Default)]
struct Kinds(BTreeSet<u16>);

impl Watcher for Kinds {
    fn commit(&mut self, frame: &Frame) -> std::ops::ControlFlow<()> {
        for entry in &frame.entries {
            let stored = Stored {
                class: Class::from_code(entry.class),
                kind: entry.kind,
                version: entry.version,
                payload: entry.payload.clone().unwrap_or_default(),
            };
            Record::from_stored(&stored).expect("every form is read for ever");
            self.0.insert(entry.kind);
        }
        std::ops::ControlFlow::Continue(())
    }
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap() {
        let entry = entry.unwrap();
        let target = to.join(entry.file_name());
        match entry.file_type().unwrap().is_dir() {
            true => copy(&entry.path(), &target),
            false => {
                fs::copy(entry.path(), target).unwrap();
            }
        }
    }
}
