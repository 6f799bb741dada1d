//! One stay's archive: whole, checkable, and nobody else's.

use std::collections::BTreeMap;
use std::io::{Cursor, Read};
use std::path::Path;

use serde_json::Value;
use sha2::{Digest, Sha256};

use super::stories::on_disk;
use super::world::World;
use crate::evidence::{self, Evidence};
use crate::lane::number::SessionId;
use crate::simulation::site::*;
use crate::store::audit::{self, Report, Verdict, Watcher};
use crate::story::archive::Archive;

const MINE: &str = "粤B12345";
const OTHER: &str = "苏E6P398";
const PERMIT: &str = "京A7K2M5";

struct Nobody;

impl Watcher for Nobody {}

/// Two cars that come and go, one after the other's entry, with a whole state between.
fn world() -> World {
    let mut world = World::with(|rules| {
        rules.lists.permits.insert(number(PERMIT));
    });
    world.disk.checkpoint_every(7);
    for plate in [OTHER, MINE] {
        world.read(IN, plate);
        world.pass(5 * MINUTE);
    }
    world.pass(HOUR);
    for plate in [OTHER, MINE, OTHER] {
        world.read(OUT, plate);
        world.pass(10 * MINUTE);
    }
    world.pass(DAY);
    world
}

fn gather(dir: &Path) -> (SessionId, Evidence) {
    let session = Archive::new(dir.to_owned()).session(MINE).unwrap();
    let evidence = evidence::gather(dir, &session)
        .unwrap()
        .expect("it is known");
    (session, evidence)
}

fn unpack(evidence: &Evidence) -> BTreeMap<String, Vec<u8>> {
    let mut bytes = Cursor::new(Vec::new());
    let told = [("en", "a story".to_owned())];
    evidence::write(evidence, &told, &mut bytes).unwrap();
    let mut zip = zip::ZipArchive::new(bytes).unwrap();
    let mut files = BTreeMap::new();
    for at in 0..zip.len() {
        let mut file = zip.by_index(at).unwrap();
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).unwrap();
        files.insert(file.name().unwrap().into_owned(), bytes);
    }
    files
}

fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn verified(files: &BTreeMap<String, Vec<u8>>) -> Report {
    let part = tempfile::tempdir().unwrap();
    for (name, bytes) in files {
        if let Some(name) = name.strip_prefix("ledger/") {
            std::fs::write(part.path().join(name), bytes).unwrap();
        }
    }
    audit::read(part.path(), &mut Nobody).unwrap()
}

#[test]
fn an_archive_holds_every_record_of_its_stay_and_its_part_of_the_ledger_verifies() {
    let world = world();
    let folder = on_disk(&world.disk.stored(), world.park().ledger().0);
    let (_, evidence) = gather(folder.path());
    let files = unpack(&evidence);

    let list = String::from_utf8(files["records.jsonl"].clone()).unwrap();
    let lines: Vec<Value> = list
        .lines()
        .map(|l| serde_json::from_str(l).unwrap())
        .collect();
    assert_eq!(lines.len(), evidence.story.happenings.len());
    for name in [
        "session_opened",
        "charge_sent",
        "charge_settled",
        "session_closed",
    ] {
        assert!(lines.iter().any(|line| line["name"] == name), "{name}");
    }
    for line in &lines {
        let contents = &files[line["file"].as_str().unwrap()];
        assert_eq!(line["sha256"], hexadecimal(&Sha256::digest(contents)));
    }
    let sums = String::from_utf8(files["SHA256SUMS"].clone()).unwrap();
    assert_eq!(sums.lines().count(), files.len() - 1);
    for line in sums.lines() {
        let (sum, name) = line.split_once("  ").unwrap();
        assert_eq!(sum, hexadecimal(&Sha256::digest(&files[name])), "{name}");
    }

    let part = verified(&files);
    assert_eq!(part.verdict(), Verdict::Sound, "{:?}", part.findings);
    assert!(part.erased > 0 && part.records > part.erased, "{part:?}");
    let seqs: Vec<u64> = lines
        .iter()
        .map(|line| line["seq"].as_u64().unwrap())
        .collect();
    assert!(part.first_seq <= seqs[0] && seqs[seqs.len() - 1] <= part.last_seq);

    let rules: Value = serde_json::from_slice(&files["rules.json"]).unwrap();
    assert_eq!(rules[0]["rules"]["tariff"]["then"]["fen"], 500);
    let readme = String::from_utf8(files["README.txt"].clone()).unwrap();
    assert!(readme.contains("sha256sum -c SHA256SUMS") && readme.contains("一次停车的证据"));
}

#[test]
fn nobody_elses_plate_is_anywhere_in_it() {
    let world = world();
    let folder = on_disk(&world.disk.stored(), world.park().ledger().0);
    let (_, evidence) = gather(folder.path());
    let has = |bytes: &[u8], text: &str| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    let mut mine = 0;
    for (name, bytes) in unpack(&evidence) {
        mine += usize::from(has(&bytes, MINE));
        assert!(!has(&bytes, OTHER), "{name}");
        assert!(!has(&bytes, PERMIT), "{name}");
    }
    assert!(mine > 5, "{mine}");
}

#[test]
fn an_altered_part_does_not_verify() {
    let world = world();
    let folder = on_disk(&world.disk.stored(), world.park().ledger().0);
    let (_, evidence) = gather(folder.path());
    let mut files = unpack(&evidence);
    let fee = b"\"fee_fen\":";
    let segments = files
        .iter_mut()
        .filter(|(name, _)| name.starts_with("ledger/"));
    let place = |segment: &[u8]| segment.windows(fee.len()).position(|part| part == fee);
    let altered = segments.fold(0, |altered, (_, segment)| match place(segment) {
        Some(at) => {
            segment[at + fee.len()] = b'9';
            altered + 1
        }
        None => altered,
    });
    assert!(altered > 0);
    assert_ne!(verified(&files).verdict(), Verdict::Sound);
}

#[test]
fn a_stay_that_is_not_there_has_no_archive() {
    let world = world();
    let folder = on_disk(&world.disk.stored(), world.park().ledger().0);
    let nobody = SessionId("00000000000000000".into());
    assert!(evidence::gather(folder.path(), &nobody).unwrap().is_none());
    let archive = Archive::new(folder.path().to_owned());
    assert!(
        archive
            .session("京Z99999")
            .unwrap_err()
            .contains("knows nothing")
    );
}
