//! Folders that are not what was written.

use std::fs;

use super::super::tree::Tree;
use super::*;

/// A bit, a block or the end of a file.
#[derive(Clone, Copy, Debug)]
enum Damage {
    FlippedBit,
    ZeroedBlock,
    Cut,
}

#[test]
fn damage_is_never_served() {
    let park = Park::lived_in();
    let (root, whole) = indexed(&park);
    let files: Vec<PathBuf> = fs::read_dir(&whole)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.is_file())
        .collect();
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut set_aside = 0;
    for trial in 0..TRIALS {
        let damage = [Damage::FlippedBit, Damage::ZeroedBlock, Damage::Cut][dice.below(5).min(2)];
        let file = files[dice.below(files.len())]
            .file_name()
            .unwrap()
            .to_owned();
        let dir = root.path().join(format!("trial-{trial}"));
        copy(&whole, &dir);
        let at = spoil(&dir.join(&file), damage, &mut dice);

        let running = Running::start(&dir, park.clone());
        let told = running.until_ready();
        let what = || format!("{damage:?} at {at} of {}: {told:?}", file.display());
        assert!(
            !told
                .iter()
                .any(|report| matches!(report, IndexReport::Unavailable { .. })),
            "{}",
            what()
        );
        assert_eq!(running.rows(), park.rows(), "{}", what());
        running.index.close().unwrap();
        set_aside += usize::from(told.len() > 1);
        fs::remove_dir_all(&dir).unwrap();
    }
    assert!(
        set_aside > TRIALS / 10,
        "only {set_aside} of {TRIALS} were noticed"
    );
}

const TRIALS: usize = 300;

/// Damages a file where it holds something; returns the place.
fn spoil(file: &Path, damage: Damage, dice: &mut Dice) -> usize {
    let mut bytes = fs::read(file).unwrap();
    let used: Vec<usize> = (0..bytes.len()).filter(|at| bytes[*at] != 0).collect();
    if used.is_empty() {
        return 0;
    }
    let at = used[dice.below(used.len())];
    match damage {
        Damage::FlippedBit => bytes[at] ^= 1 << dice.below(8),
        Damage::ZeroedBlock => {
            let start = at & !4095;
            let end = (start + 4096).min(bytes.len());
            bytes[start..end].fill(0);
        }
        Damage::Cut => bytes.truncate(at),
    }
    fs::write(file, bytes).unwrap();
    at
}

/// The same numbers every time (xorshift).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap() % limit
    }
}

#[test]
fn rubbish_in_the_folder_is_set_aside() {
    let park = Park::lived_in();
    for size in [1, 4096, 700_000] {
        let root = tempfile::tempdir().unwrap();
        let dir = root.path().join("index");
        fs::create_dir(&dir).unwrap();
        fs::write(dir.join("conf"), vec![0xA5; size]).unwrap();
        fs::write(dir.join("db"), vec![0x5A; size]).unwrap();
        let running = Running::start(&dir, park.clone());
        running.until_ready();
        assert_eq!(running.rows(), park.rows());
    }
}

#[test]
fn a_file_in_the_folders_place_is_set_aside() {
    let park = Park::lived_in();
    let root = tempfile::tempdir().unwrap();
    let dir = root.path().join("index");
    fs::write(&dir, "rubbish").unwrap();
    let running = Running::start(&dir, park.clone());
    let told = running.until_ready();
    assert!(matches!(told[0], IndexReport::SetAside { .. }), "{told:?}");
    assert_eq!(running.rows(), park.rows());
}

#[test]
fn a_missing_row_is_noticed_by_the_count() {
    let park = Park::lived_in();
    let (_root, dir) = indexed(&park);
    let tree = Tree::open(&dir).unwrap();
    let key = Prefix::History.tree_key(&3u32.to_be_bytes());
    assert!(tree.get(&key).unwrap().is_some());
    tree.apply(vec![(key, None)]).unwrap();
    tree.sync().unwrap();
    drop(tree);

    let running = Running::start(&dir, park.clone());
    let told = running.until_ready();
    let IndexReport::SetAside { reason, .. } = &told[0] else {
        panic!("{told:?}");
    };
    assert!(reason.contains("History"), "{reason}");
    assert_eq!(running.rows(), park.rows());
}

#[test]
fn a_folder_that_cannot_be_made_is_tried_again() {
    let park = Park::new();
    let root = tempfile::tempdir().unwrap();
    let parent = root.path().join("store");
    fs::write(&parent, "in the way").unwrap();
    let running = Running::start(&parent.join("index"), park.clone());
    assert!(matches!(running.report(), IndexReport::Unavailable { .. }));
    running
        .index
        .apply(park.commit(vec![put(Prefix::Session, b"a", b"1")]));
    let answer = wait_for(
        running
            .index
            .questions()
            .get(Prefix::Session, b"a".to_vec()),
    );
    assert!(
        matches!(answer, Err(IndexError::Unavailable { .. })),
        "{answer:?}"
    );

    fs::remove_file(&parent).unwrap();
    fs::create_dir(&parent).unwrap();
    let told = running.until_ready();
    assert_eq!(told.len(), 1, "a reason is told once: {told:?}");
    assert_eq!(running.rows(), park.rows());
}

#[test]
fn a_folder_in_use_is_left_alone() {
    let park = Park::lived_in();
    let (_root, dir) = indexed(&park);
    let other = Tree::open(&dir).unwrap();
    let running = Running::start(&dir, park.clone());
    let IndexReport::Unavailable { reason } = running.report() else {
        panic!("it served beside another process");
    };
    assert!(reason.contains("another process"), "{reason}");
    drop(other);
    let told = running.until_ready();
    assert!(
        matches!(told[..], [IndexReport::Ready { repaired: 0, .. }]),
        "{told:?}"
    );
}

#[test]
fn a_truth_that_cannot_be_told_is_asked_again() {
    let root = tempfile::tempdir().unwrap();
    let park = Park::lived_in();
    let truth = Reluctant {
        park: park.clone(),
        asked: 0,
    };
    let running = Running::start(&root.path().join("index"), truth);
    let told = running.until_ready();
    assert_eq!(told.len(), 3, "an error, a panic, then success: {told:?}");
    assert_eq!(running.rows(), park.rows());
}

/// Fails, then panics, then tells.
struct Reluctant {
    park: Park,
    asked: u32,
}

impl Truth for Reluctant {
    fn snapshot(&mut self) -> Result<Snapshot, TruthError> {
        self.asked += 1;
        match self.asked {
            1 => Err("the ledger is being repaired".into()),
            2 => panic!("a mistake"),
            _ => self.park.snapshot(),
        }
    }

    fn history(&mut self, after: u64) -> Result<HistoryRows<'_>, TruthError> {
        self.park.history(after)
    }
}
