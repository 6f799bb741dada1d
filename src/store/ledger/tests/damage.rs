//! Bytes that are not what was written.

use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use proptest::prelude::*;
use tempfile::TempDir;

use crate::store::ledger::chain::Chain;
use crate::store::ledger::files::{self, Files};
use crate::store::ledger::history::{Part, follow};
use crate::store::ledger::layout::BLOCK;
use crate::store::ledger::scan::Scan;
use crate::store::ledger::{Collected, Finding, Ledger, Options};
use crate::store::record::Commit;

use super::trial::Random;
use super::world::{World, commits, record, small};

/// A ledger of two packed segments and one in use, its files in memory.
struct Sample {
    files: Vec<(u32, bool, Vec<u8>)>,
    commits: Vec<Commit>,
}

fn sample(append: bool) -> Sample {
    let mut world = World::new(Options { append, ..small() }, 1);
    world.open();
    for n in 0..8 {
        world
            .commit(&[
                record(n, 300),
                record(n + 50, 5000 * usize::from(n % 4 == 3)),
            ])
            .unwrap();
    }
    world.checkpoint(&[record(90, 900)]).unwrap();
    world.commit(&[record(91, 20)]).unwrap();
    world.commit(&[record(92, 5000)]).unwrap();
    world.ledger = None;
    let listed = Files::list(&world.dir).unwrap();
    let files = listed
        .numbers()
        .into_iter()
        .map(|number| {
            let file = files::load(&world.dir, number).unwrap().unwrap();
            (number, file.packed, file.bytes)
        })
        .collect();
    Sample {
        files,
        commits: commits(&world.dir),
    }
}

impl Sample {
    /// Reads the files as they are in memory.
    fn read(&self) -> (Vec<Commit>, Vec<Finding>, bool) {
        let mut chain = Chain::default();
        let (mut commits, mut findings) = (Vec::new(), Vec::new());
        for (number, packed, bytes) in &self.files {
            let mut part = Part {
                number: *number,
                name: number.to_string(),
                packed: *packed,
                scan: Scan::of(bytes, *number, *packed),
                bytes: bytes.clone(),
                copy_of: None,
            };
            let (mut counted, mut found) = follow(&mut chain, LEDGER, &mut part);
            commits.append(&mut counted);
            findings.append(&mut found);
        }
        commits.extend(chain.end().map(|frame| frame.commit));
        (commits, findings, chain.in_doubt())
    }

    fn put(&self, dir: &Path) {
        for (number, packed, bytes) in &self.files {
            let path = if *packed {
                files::packed(dir, *number)
            } else {
                files::live(dir, *number)
            };
            fs::write(path, bytes).unwrap();
        }
    }

    /// Where each commit stands: file and bytes, padding left out.
    fn places(&self) -> Vec<(usize, Range<usize>)> {
        let mut places = Vec::new();
        for (index, (number, packed, bytes)) in self.files.iter().enumerate() {
            let scan = Scan::of(bytes, *number, *packed);
            places.extend(scan.frames().map(|frame| (index, frame.bytes.clone())));
        }
        assert_eq!(places.len(), self.commits.len());
        places
    }
}

const LEDGER: crate::lane::number::LedgerId = crate::lane::number::LedgerId(0xBEEF);

#[test]
fn a_flipped_bit_anywhere_costs_at_most_the_commit_it_is_in_and_is_told() {
    let mut sample = sample(false);
    let places = sample.places();
    let mut random = Random(1);
    for file in 0..sample.files.len() {
        // All of a packed file; of the live one as far as it is written, and the start of the rest.
        for at in 0..sample.files[file].2.len() {
            let bit = 1 << random.below(8);
            sample.files[file].2[at] ^= bit;
            let hit = places
                .iter()
                .position(|(f, bytes)| *f == file && bytes.contains(&at));
            let (read, findings, doubt) = sample.read();
            let mut expected = sample.commits.clone();
            let hit = hit.map(|hit| expected.remove(hit));
            assert_eq!(read, expected, "file {file}, byte {at}");
            if let Some(hit) = hit {
                let missing = Finding::Missing {
                    first: hit.first_seq,
                    last: hit.last_seq(),
                };
                assert!(
                    findings.contains(&missing) || doubt,
                    "file {file}, byte {at}: {findings:?}"
                );
            } else if at < BLOCK {
                let told = |f: &Finding| matches!(f, Finding::Unreadable { from: 0, .. });
                assert!(
                    findings.iter().any(told),
                    "file {file}, byte {at}: {findings:?}"
                );
            }
            sample.files[file].2[at] ^= bit;
        }
    }
}

#[test]
fn a_file_cut_short_at_any_length_keeps_the_commits_before_the_cut() {
    for append in [false, true] {
        let mut sample = sample(append);
        let places = sample.places();
        for file in 0..sample.files.len() {
            let whole = sample.files[file].2.clone();
            for length in (0..whole.len())
                .step_by(if append { 97 } else { 31 })
                .chain((0..whole.len()).filter(|at| at % 512 < 2 || at % 512 > 510))
            {
                sample.files[file].2.truncate(length);
                let expected: Vec<_> = places
                    .iter()
                    .zip(&sample.commits)
                    .filter(|((f, bytes), _)| *f != file || bytes.end <= length)
                    .map(|(_, commit)| commit.clone())
                    .collect();
                let (read, findings, doubt) = sample.read();
                assert_eq!(read, expected, "file {file}, {length} bytes");
                let grows = append && file == sample.files.len() - 1;
                if expected.len() < sample.commits.len() && !(grows && length % BLOCK == 0) {
                    assert!(
                        doubt || !findings.is_empty(),
                        "file {file}, {length} bytes: silent"
                    );
                }
                sample.files[file].2.clone_from(&whole);
            }
        }
    }
}

#[test]
fn a_zeroed_block_in_the_middle_costs_its_commit_and_is_told() {
    let sample = sample(false);
    for (hit, (file, bytes)) in sample.places().into_iter().enumerate() {
        let mut damaged = Sample {
            files: sample.files.clone(),
            commits: Vec::new(),
        };
        damaged.files[file].2[bytes.clone()].fill(0);
        let (read, findings, doubt) = damaged.read();
        assert_eq!(read.len(), sample.commits.len() - 1);
        // The very last commit, gone without a trace, leaves none (docs/durability.md).
        let last_live = !sample.files[file].1 && hit == sample.commits.len() - 1;
        assert!(
            last_live || doubt || !findings.is_empty(),
            "commit {hit}: silent"
        );
    }
}

#[test]
fn damage_in_the_middle_is_copied_aside_once_and_commits_go_on_behind_it() {
    let mut world = World::new(
        Options {
            segment_bytes: 40 * 4096,
            ..small()
        },
        1,
    );
    world.open();
    world.checkpoint(&[record(0, 10)]).unwrap();
    for n in 1..6 {
        world.commit(&[record(n, 100)]).unwrap();
    }
    world.ledger = None;
    let path = newest(&world.dir);
    let mut bytes = fs::read(&path).unwrap();
    let hit = 3 * BLOCK + 40..3 * BLOCK + 90;
    bytes[hit].fill(0xEE);
    fs::write(&path, &bytes).unwrap();

    let opening = world.try_open().unwrap();
    assert_eq!(
        (opening.tail.len(), opening.possibly_lost, opening.last_seq),
        (4, 0, 6)
    );
    let [
        Finding::Unreadable {
            copy: Some(copy),
            from: 12_288,
            bytes: 4096,
            ..
        },
        missing,
    ] = &opening.findings[..]
    else {
        panic!("{:?}", opening.findings);
    };
    assert_eq!(*missing, Finding::Missing { first: 3, last: 3 });
    assert_eq!(fs::read(copy).unwrap(), bytes[3 * BLOCK..4 * BLOCK]);

    assert_eq!(world.ledger().commit(&[record(9, 10)]).unwrap(), 7);
    world.ledger = None;
    let again = world.try_open().unwrap();
    assert_eq!(again.findings, [Finding::Missing { first: 3, last: 3 }]);
    assert_eq!((again.tail.len(), again.last_seq), (5, 7));
    // The damaged block is as it was.
    assert_eq!(fs::read(&path).unwrap()[..4 * BLOCK], bytes[..4 * BLOCK]);
}

#[test]
fn an_unreadable_last_commit_is_possibly_lost_until_the_next_one() {
    let mut world = World::small(1);
    world.open();
    world.commit(&[record(1, 100)]).unwrap();
    world.commit(&[record(2, 100)]).unwrap();
    world.ledger = None;
    let path = newest(&world.dir);
    let mut bytes = fs::read(&path).unwrap();
    bytes[2 * BLOCK + 150] ^= 1;
    fs::write(&path, &bytes).unwrap();
    for _ in 0..2 {
        let opening = world.try_open().unwrap();
        assert_eq!((opening.possibly_lost, opening.last_seq), (1, 1));
        assert!(
            opening
                .findings
                .contains(&Finding::PossiblyLost { after_seq: 1 })
        );
        world.ledger = None;
    }
    world.try_open().unwrap();
    // It goes to a new segment; the doubtful block is left as it is, then kept aside.
    assert_eq!(world.ledger().commit(&[record(3, 100)]).unwrap(), 2);
    world.ledger = None;
    let opening = world.try_open().unwrap();
    assert_eq!(
        (opening.possibly_lost, opening.last_seq, opening.tail.len()),
        (0, 2, 2)
    );
    let kept = fs::read_dir(world.dir.join("damaged"))
        .unwrap()
        .next()
        .unwrap()
        .unwrap();
    assert_eq!(fs::read(kept.path()).unwrap(), bytes[2 * BLOCK..3 * BLOCK]);
}

#[test]
fn a_lost_header_costs_nothing_but_itself() {
    let mut world = World::small(1);
    world.open();
    for n in 0..2 {
        world.commit(&[record(n, 100)]).unwrap();
    }
    world.ledger = None;
    let path = newest(&world.dir);
    let mut bytes = fs::read(&path).unwrap();
    bytes[..BLOCK].fill(0);
    fs::write(&path, &bytes).unwrap();
    let opening = world.try_open().unwrap();
    assert_eq!(
        (opening.tail.len(), opening.ledger_id, opening.possibly_lost),
        (2, LEDGER, 0)
    );
    assert_eq!(world.ledger().commit(&[record(3, 100)]).unwrap(), 3);
    world.ledger = None;
    assert_eq!(world.try_open().unwrap().tail.len(), 3);
}

#[test]
fn an_altered_record_with_new_checksums_breaks_the_chain() {
    let mut sample = sample(false);
    let (file, bytes) = sample.places()[1].clone();
    let frame = &mut sample.files[file].2[bytes];
    frame[130] ^= 1; // The first record's kind.
    let mut hash = <sha2::Sha256 as sha2::Digest>::new();
    sha2::Digest::update(&mut hash, &frame[28..96]);
    sha2::Digest::update(&mut hash, &frame[128..216]);
    frame[96..128].copy_from_slice(&sha2::Digest::finalize(hash));
    let body = crc32fast::hash(&frame[128..]);
    frame[12..16].copy_from_slice(&body.to_le_bytes());
    let header = crc32fast::hash(&frame[12..128]);
    frame[8..12].copy_from_slice(&header.to_le_bytes());
    let (read, findings, _) = sample.read();
    assert_eq!(read.len(), sample.commits.len());
    assert_eq!(
        findings,
        [Finding::ChainBroken {
            seq: read[2].first_seq
        }]
    );
}

#[test]
fn a_commit_in_the_wrong_block_is_not_a_commit() {
    let mut sample = sample(false);
    let live = sample.files.len() - 1;
    let (_, bytes) = sample.places().pop().unwrap();
    let copy = sample.files[live].2[bytes.start..bytes.start + 2 * BLOCK].to_vec();
    let file = &mut sample.files[live].2;
    let at = file.len();
    file.extend_from_slice(&copy);
    let (read, findings, doubt) = sample.read();
    assert_eq!(read, sample.commits);
    let told = |f: &Finding| matches!(f, Finding::Unreadable { from, .. } if *from == at as u64);
    assert!(doubt && findings.iter().any(told), "{findings:?}");
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 120, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_ledger_opens_whatever_its_files_hold(
        files in proptest::collection::vec(
            (1..5_u32, any::<bool>(), proptest::collection::vec(any::<u8>(), 0..9000)), 0..4),
    ) {
        let temp = TempDir::new().unwrap();
        for (number, packed, bytes) in &files {
            let path = if *packed { files::packed(temp.path(), *number) } else { files::live(temp.path(), *number) };
            fs::write(path, bytes).unwrap();
        }
        let (mut ledger, opening) = Ledger::open(temp.path(), &super::world::south(), &small(), 5).unwrap();
        prop_assert!(opening.created);
        prop_assert_eq!(opening.possibly_lost, u64::from(!files.is_empty()));
        prop_assert_eq!(ledger.commit(&[record(1, 100)]).unwrap(), 1);
    }

    #[test]
    fn a_damaged_ledger_opens_keeps_what_is_readable_and_goes_on(
        append in any::<bool>(),
        hits in proptest::collection::vec((any::<proptest::sample::Index>(), any::<proptest::sample::Index>(), 1..6000_usize, 0..4_u8), 1..4),
        seed in any::<u64>(),
    ) {
        let mut damaged = sample(append);
        let whole = damaged.commits.clone();
        let places = damaged.places();
        let mut touched: Vec<(usize, Range<usize>)> = Vec::new();
        let mut random = Random(seed);
        for (file, at, length, how) in hits {
            let file = file.index(damaged.files.len());
            let bytes = &mut damaged.files[file].2;
            if bytes.is_empty() { continue; }
            let at = at.index(bytes.len());
            let end = bytes.len().min(at + length);
            touched.push((file, at..if how == 3 { usize::MAX } else { end }));
            match how {
                0 => bytes[at] ^= 1 << random.below(8),
                1 => bytes[at..end].fill(0),
                2 => bytes[at..end].iter_mut().for_each(|b| *b = random.next().to_le_bytes()[0]),
                _ => bytes.truncate(at),
            }
        }
        let temp = TempDir::new().unwrap();
        damaged.put(temp.path());
        let mut handed_on = Collected::default();
        let (mut ledger, opening) = Ledger::replay(
            temp.path(), &super::world::south(), &small(), 5, &mut handed_on
        ).unwrap();
        if opening.created {
            // Then no file shows what ledger it was.
            let replaced = |f: &Finding| matches!(f, Finding::Replaced { .. });
            prop_assert!(opening.findings.iter().any(replaced));
            return Ok(());
        }
        for commit in &handed_on.tail {
            prop_assert!(whole.contains(commit), "invented {:?}", commit);
        }
        let seq = ledger.commit(&[record(1, 100)]).unwrap();
        prop_assert_eq!(seq, opening.last_seq + 1);
        drop(ledger);
        let read = commits(temp.path());
        let untouched = places.iter().zip(&whole).filter(|((file, bytes), _)| {
            !touched.iter().any(|(f, hit)| f == file && hit.start < bytes.end && bytes.start < hit.end)
        });
        for (_, commit) in untouched {
            prop_assert!(read.contains(commit), "lost {:?}", commit);
        }
        prop_assert!(read.iter().rev().skip(1).all(|commit| whole.contains(commit)));
        prop_assert_eq!(&read.last().unwrap().records[..], &[record(1, 100)]);
        let (_, opening) = Ledger::open(temp.path(), &super::world::south(), &small(), 5).unwrap();
        prop_assert_eq!(opening.last_seq, seq);
        prop_assert_eq!(opening.possibly_lost, 0);
    }
}

fn newest(dir: &Path) -> PathBuf {
    files::live(dir, *Files::list(dir).unwrap().live.last().unwrap())
}
