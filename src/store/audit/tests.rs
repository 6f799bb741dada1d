//! The second reading against the first, and against bytes that somebody changed.

use std::fs;
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

use tempfile::TempDir;

use super::*;
use crate::store::ledger::{self, Identity, Ledger, Options};
use crate::store::record::{Class, Record};

const BLOCK: u64 = 4096;

/// Two packed segments, one of them with erased payloads, and one in use.
struct Sample {
    dir: PathBuf,
    _temp: TempDir,
}

impl Sample {
    fn new() -> Self {
        let temp = tempfile::tempdir().unwrap();
        let dir = temp.path().join("ledger");
        let identity = Identity {
            site: "sz-oct-bay".into(),
            box_id: "south-1".into(),
        };
        let options = Options {
            first_segment_bytes: 4 * BLOCK,
            segment_bytes: 6 * BLOCK,
            reserve: 1,
            append: false,
            inline_upkeep: true,
        };
        let (mut ledger, _) = Ledger::open(&dir, &identity, &options, 0xBEEF).unwrap();
        for number in 0..6 {
            ledger
                .commit(&[record(number, 300), record(number, 40)])
                .unwrap();
        }
        ledger.checkpoint(&[record(90, 900)]).unwrap();
        ledger.commit(&[record(91, 5000)]).unwrap();
        let closed = ledger.closed();
        let first = closed.read(1).unwrap().unwrap();
        closed
            .erase(&first, |seq, _| seq == 3, &mut || true)
            .unwrap();
        ledger.checkpoint(&[record(92, 900)]).unwrap();
        ledger.commit(&[record(93, 30), record(94, 10)]).unwrap();
        drop(ledger);
        Self { dir, _temp: temp }
    }

    fn files(&self) -> Vec<PathBuf> {
        let mut files: Vec<PathBuf> = fs::read_dir(&self.dir)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .filter(|path| {
                let name = path.file_name().unwrap().to_str().unwrap();
                name.starts_with("00000") && !name.contains("tmp")
            })
            .collect();
        files.sort();
        files
    }

    fn audit(&self) -> Report {
        read(&self.dir, &mut Nobody).unwrap()
    }
}

fn record(number: u8, bytes: usize) -> Record {
    Record {
        class: Class::from_code(number % 4 + 1),
        kind: u16::from(number),
        version: 1,
        payload: (0..bytes)
            .map(|at| u8::try_from(at % 251).unwrap() ^ number)
            .collect(),
    }
}

struct Nobody;

impl Watcher for Nobody {}

#[test]
fn both_readings_agree_on_a_sound_ledger_and_erased_payloads_still_verify() {
    let sample = Sample::new();
    let names: Vec<String> = sample.files().iter().map(|path| name(path)).collect();
    assert!(
        names.iter().any(|name| name.ends_with(".packed")),
        "{names:?}"
    );
    assert!(
        names.iter().any(|name| name.ends_with(".segment")),
        "{names:?}"
    );
    let (second, first) = (sample.audit(), Ledger::verify(&sample.dir).unwrap());
    assert_eq!(second.findings, []);
    assert_eq!(second.verdict(), Verdict::Sound);
    assert_eq!(second.site, "sz-oct-bay");
    assert_eq!(second.box_id, "south-1");
    assert_eq!(second.ledger_id, first.ledger_id.map(|id| id.0));
    assert_eq!(
        (second.commits, second.records),
        (first.commits, first.records)
    );
    assert_eq!(
        (second.first_seq, second.last_seq),
        (first.first_seq, first.last_seq)
    );
    assert_eq!((second.erased, first.erased), (1, 1));
    assert_eq!(second.head, first.head.map(|head| hexadecimal(&head)));
}

/// What retention leaves of a ledger: the oldest segment gone, another one without any payload.
#[test]
fn both_readings_agree_where_the_oldest_records_were_purged() {
    let sample = Sample::new();
    let whole = sample.audit();
    let numbers: Vec<PathBuf> = sample.files();
    fs::remove_file(&numbers[0]).unwrap();
    let second = sample.audit();
    let first = Ledger::verify(&sample.dir).unwrap();
    assert_eq!(second.verdict(), Verdict::Sound, "{:?}", second.findings);
    assert!(first.is_sound(), "{:?}", first.findings);
    assert!(second.first_seq > 1 && second.first_seq == first.first_seq);
    assert_eq!((second.erased, first.erased), (0, 0));
    assert_eq!(
        (second.last_seq, &second.head),
        (whole.last_seq, &whole.head)
    );
    // One from the middle is another matter.
    fs::remove_file(&numbers[2]).unwrap();
    assert_eq!(sample.audit().verdict(), Verdict::Missing);
}

/// A bit in each of many places: what is found says so, at that place, and both readings agree.
#[test]
fn a_flipped_bit_is_found_where_it_is() {
    let sample = Sample::new();
    let sound = sample.audit();
    let mut found = 0;
    for path in sample.files() {
        let bytes = fs::read(&path).unwrap();
        for at in (0..bytes.len())
            .step_by(37)
            .chain(bytes.len() - 1..bytes.len())
        {
            let mut changed = bytes.clone();
            changed[at] ^= 1 << (at % 8);
            fs::write(&path, &changed).unwrap();
            let report = sample.audit();
            same_as_the_first_reading(&report, &sample.dir, &path, at);
            if report == sound {
                assert!(
                    nothing_covers(&bytes, at),
                    "{} byte {at}: unseen",
                    name(&path)
                );
                continue;
            }
            found += 1;
            let at = u64::try_from(at).unwrap();
            let is_named = report.findings.iter().any(|finding| match finding {
                Finding::Unreadable { file, from, bytes } => {
                    *file == name(&path) && (*from..from + bytes).contains(&at)
                }
                _ => false,
            });
            assert!(is_named, "{} byte {at}: {:?}", name(&path), report.findings);
            assert_ne!(report.verdict(), Verdict::Sound);
        }
        fs::write(&path, &bytes).unwrap();
    }
    assert!(found > 300, "{found}");
    assert_eq!(sample.audit(), sound);
}

/// Zeros behind a frame, to the end of its last block or of its eight bytes, and blocks that a recycled
/// file kept of its former use.
fn nothing_covers(bytes: &[u8], at: usize) -> bool {
    let is_in_a_frame = frames(bytes).into_iter().any(|from| {
        let length = u32::from_le_bytes(bytes[from + 24..from + 28].try_into().unwrap());
        (from..from + usize::try_from(length).unwrap()).contains(&at)
    });
    let block = at - at % 4096;
    let is_left_over = bytes[block..].starts_with(b"PGCOMMIT");
    at >= 4096 && !is_in_a_frame && (bytes[at] == 0 || is_left_over)
}

fn same_as_the_first_reading(second: &Report, dir: &Path, path: &Path, at: usize) {
    let first = Ledger::verify(dir).unwrap();
    let context = format!(
        "{} byte {at}: {:?} / {:?}",
        name(path),
        second.findings,
        first.findings
    );
    assert_eq!(second.commits, first.commits, "{context}");
    assert_eq!(second.last_seq, first.last_seq, "{context}");
    let missing = |finding: &Finding| match finding {
        Finding::Missing { first, last, .. } => Some((*first, *last)),
        _ => None,
    };
    let missed = |finding: &ledger::Finding| match finding {
        ledger::Finding::Missing { first, last } => Some((*first, *last)),
        _ => None,
    };
    let [of_second, of_first]: [Vec<(u64, u64)>; 2] = [
        second.findings.iter().filter_map(missing).collect(),
        first.findings.iter().filter_map(missed).collect(),
    ];
    assert_eq!(of_second, of_first, "{context}");
    let in_doubt = second
        .findings
        .iter()
        .any(|f| matches!(f, Finding::PossiblyLost { .. }));
    let in_doubt_first = first
        .findings
        .iter()
        .any(|f| matches!(f, ledger::Finding::PossiblyLost { .. }));
    assert_eq!(in_doubt, in_doubt_first, "{context}");
}

/// Somebody who knows the format writes a record anew, with all sums right.
#[test]
fn a_record_that_was_rewritten_with_all_sums_right_breaks_the_chain() {
    let sample = Sample::new();
    let path = sample.files().remove(0);
    let mut bytes = fs::read(&path).unwrap();
    let [at, length] = first_frame(&bytes);
    let frame = &mut bytes[at..at + length];
    let count = usize::try_from(u32::from_le_bytes(frame[28..32].try_into().unwrap())).unwrap();
    let payload_at = 128 + 44 * count;
    frame[payload_at] ^= 1;
    let payload_bytes = u32::from_le_bytes(frame[136..140].try_into().unwrap());
    let payload = payload_at..payload_at + usize::try_from(payload_bytes).unwrap();
    let hash = sha256(&frame[payload]);
    frame[140..172].copy_from_slice(&hash);
    let mut chained = frame[28..96].to_vec();
    for header in frame[128..payload_at].chunks(44) {
        let mut header = header.to_vec();
        header[1] = 0;
        chained.extend(header);
    }
    let head = sha256(&chained);
    frame[96..128].copy_from_slice(&head);
    let body = crc32fast::hash(&frame[128..]);
    frame[12..16].copy_from_slice(&body.to_le_bytes());
    let fixed = crc32fast::hash(&frame[12..128]);
    frame[8..12].copy_from_slice(&fixed.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let report = sample.audit();
    assert_eq!(report.verdict(), Verdict::Altered);
    let [
        Finding::Altered {
            file, at: behind, ..
        },
    ] = &report.findings[..]
    else {
        panic!("{:?}", report.findings);
    };
    assert_eq!(*file, name(&path));
    assert!(
        *behind > u64::try_from(at).unwrap(),
        "the commit behind it does not follow"
    );
}

#[test]
fn a_segment_that_is_gone_is_missed_by_its_records() {
    let sample = Sample::new();
    let files = sample.files();
    fs::remove_file(&files[1]).unwrap();
    let report = sample.audit();
    assert_eq!(report.verdict(), Verdict::Missing);
    assert!(
        matches!(&report.findings[..], [Finding::Missing { .. }]),
        "{:?}",
        report.findings
    );
    fs::remove_file(&files[0]).unwrap();
    let archived = sample.audit();
    assert_eq!(
        archived.verdict(),
        Verdict::Sound,
        "older ones may have been archived"
    );
    assert!(archived.first_seq > 1);
}

#[test]
fn the_end_of_a_ledger_that_was_cut_in_a_write_is_possibly_lost() {
    let sample = Sample::new();
    let path = sample.files().pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let at = frames(&bytes).pop().unwrap();
    bytes[at + 200] ^= 0xFF;
    fs::write(&path, &bytes).unwrap();
    let report = sample.audit();
    assert_eq!(report.verdict(), Verdict::PossiblyLost);
    let last = report.findings.last().unwrap();
    assert!(matches!(last, Finding::PossiblyLost { file, .. } if *file == name(&path)));
}

#[test]
fn what_is_no_ledger_and_what_a_later_version_wrote_is_refused_with_the_reason() {
    let empty = tempfile::tempdir().unwrap();
    assert!(matches!(
        read(empty.path(), &mut Nobody),
        Err(AuditError::Empty { .. })
    ));
    let nowhere = empty.path().join("nowhere");
    assert!(matches!(
        read(&nowhere, &mut Nobody),
        Err(AuditError::Folder { .. })
    ));
    let sample = Sample::new();
    let path = sample.files().pop().unwrap();
    let mut bytes = fs::read(&path).unwrap();
    bytes[12] = 3;
    let crc = crc32fast::hash(&bytes[12..4096]);
    bytes[8..12].copy_from_slice(&crc.to_le_bytes());
    fs::write(&path, &bytes).unwrap();
    let found = read(&sample.dir, &mut Nobody);
    assert!(matches!(
        found,
        Err(AuditError::NewerFormat { found: 3, .. })
    ));
}

#[test]
fn a_watcher_sees_every_commit_in_order_and_may_stop() {
    struct Counts {
        seqs: Vec<u64>,
        at_most: usize,
    }
    impl Watcher for Counts {
        fn commit(&mut self, frame: &Frame) -> ControlFlow<()> {
            self.seqs.push(frame.first_seq);
            match self.seqs.len() < self.at_most {
                true => ControlFlow::Continue(()),
                false => ControlFlow::Break(()),
            }
        }
    }
    let sample = Sample::new();
    let mut all = Counts {
        seqs: Vec::new(),
        at_most: usize::MAX,
    };
    let report = read(&sample.dir, &mut all).unwrap();
    assert_eq!(u64::try_from(all.seqs.len()).unwrap(), report.commits);
    assert!(all.seqs.is_sorted());
    let mut three = Counts {
        seqs: Vec::new(),
        at_most: 3,
    };
    read(&sample.dir, &mut three).unwrap();
    assert_eq!(three.seqs, all.seqs[..3]);
}

fn name(path: &Path) -> String {
    path.file_name().unwrap().to_str().unwrap().to_owned()
}

/// Not those that a recycled file kept of its former use.
fn frames(bytes: &[u8]) -> Vec<usize> {
    let is_here = |at: &usize| {
        bytes[*at..].starts_with(b"PGCOMMIT") && bytes[at + 16..at + 20] == bytes[16..20]
    };
    (0..bytes.len()).step_by(8).filter(is_here).collect()
}

fn first_frame(bytes: &[u8]) -> [usize; 2] {
    let at = frames(bytes)[0];
    let length = u32::from_le_bytes(bytes[at + 24..at + 28].try_into().unwrap());
    [at, usize::try_from(length).unwrap()]
}

fn sha256(bytes: &[u8]) -> [u8; 32] {
    use sha2::{Digest, Sha256};
    Sha256::digest(bytes).into()
}

/// As the start judges it (`ledger/tests/copies.rs`): whatever is copied, under whichever name, nothing is
/// missing and nothing altered.
#[test]
fn a_segment_that_is_there_twice_is_a_copy_and_alters_nothing() {
    let mut told = 0;
    for file in 0..Sample::new().files().len() {
        for name in 0..6 {
            let sample = Sample::new();
            let sound = sample.audit();
            let path = sample.files().remove(file);
            let number: u32 = path.file_stem().unwrap().to_str().unwrap().parse().unwrap();
            let (number, ending) = match name {
                0 => (number, "segment"),
                1 => (number, "packed"),
                2 => (8, "segment"),
                3 => (8, "packed"),
                4 => (15, "segment"),
                _ => (15, "packed"),
            };
            let copy = sample.dir.join(format!("{number:010}.{ending}"));
            if copy.exists() {
                continue;
            }
            fs::copy(&path, &copy).unwrap();
            let what = format!("{} as {}", path.display(), copy.display());
            let report = sample.audit();
            assert!(report.verdict() <= Verdict::Scratched, "{what}: {report:?}");
            assert_eq!(report.records, sound.records, "{what}: {report:?}");
            assert_eq!(report.head, sound.head, "{what}");
            let copies = report.findings.iter();
            told += copies
                .filter(|finding| matches!(finding, Finding::Copy { .. }))
                .count();
        }
    }
    assert!(told > 0, "a copy is told");
}
