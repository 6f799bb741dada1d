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
fn damage_to_a_small_index_is_never_served() {
    let park = Park::lived_in();
    let (_root, whole) = indexed(&park);
    expect_only_the_truth(&park, &whole, 60);
    fs::remove_file(whole.join("seal")).unwrap();
    expect_only_the_truth(&park, &whole, 60);
}

#[test]
fn damage_to_an_index_of_many_segments_is_never_served() {
    let park = Park::new();
    let (_root, whole) = indexed(&park);
    let running = Running::start(&whole, park.clone());
    running.until_ready();
    for round in 0..600u32 {
        running.index.apply(park.commit(vec![
            put(
                Prefix::Session,
                &(round % 7).to_be_bytes(),
                &round.to_be_bytes(),
            ),
            put(Prefix::History, &round.to_be_bytes(), &[b'h'; 900]),
        ]));
    }
    assert_eq!(running.rows(), park.rows());
    running.index.close().unwrap();
    fs::remove_file(whole.join("seal")).unwrap();
    expect_only_the_truth(&park, &whole, 40);
}

/// Damages copies of a folder here and there: whatever sled makes of them, the rows are the park's.
fn expect_only_the_truth(park: &Park, whole: &Path, trials: usize) {
    let root = tempfile::tempdir().unwrap();
    let files: Vec<_> = fs::read_dir(whole)
        .unwrap()
        .map(|entry| entry.unwrap())
        .filter(|entry| entry.file_type().unwrap().is_file())
        .map(|entry| entry.file_name())
        .collect();
    let mut dice = Dice(0x9E37_79B9_7F4A_7C15);
    let mut noticed = 0;
    for trial in 0..trials {
        let damage = [Damage::FlippedBit, Damage::ZeroedBlock, Damage::Cut][dice.below(3)];
        let file = match dice.below(4) {
            0 => files[dice.below(files.len())].clone(),
            _ => "db".into(),
        };
        let dir = root.path().join(format!("trial-{trial}"));
        copy(whole, &dir);
        let at = spoil(&dir.join(&file), damage, &mut dice);

        let running = Running::start(&dir, park.clone());
        let told = running.until_ready();
        let what = format!("{damage:?} at {at} of {}: {told:?}", file.display());
        let went_away = |report: &IndexReport| matches!(report, IndexReport::Unavailable { .. });
        assert!(!told.iter().any(went_away), "{what}");
        assert_eq!(running.rows(), park.rows(), "{what}");
        let known_good = park.0.lock().unwrap().clone();
        for round in 0..12u32 {
            let key = (round * 53).to_be_bytes();
            running.index.apply(park.commit(vec![
                put(Prefix::Session, &key, b"later"),
                put(Prefix::History, &[&key[..], b"+"].concat(), b"later"),
                delete(Prefix::History, &key),
            ]));
        }
        assert_eq!(running.rows(), park.rows(), "later, {what}");
        *park.0.lock().unwrap() = known_good;
        running.index.close().unwrap();
        noticed += usize::from(!matches!(
            told[..],
            [IndexReport::Ready { repaired: 0, .. }]
        ));
        fs::remove_dir_all(&dir).unwrap();
        let _ = fs::remove_dir_all(root.path().join(format!("trial-{trial}.damaged-1")));
    }
    assert!(
        noticed > trials / 2,
        "only {noticed} of {trials} were noticed"
    );
}

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
    let answer = wait_for(running.index.client().get(Prefix::Session, b"a".to_vec()));
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
    fn level(&mut self, is_wanted: &dyn Fn() -> bool) -> Result<Level, TruthError> {
        self.asked += 1;
        match self.asked {
            1 => Err("the ledger is being repaired".into()),
            2 => panic!("a mistake"),
            _ => self.park.level(is_wanted),
        }
    }

    fn derived(
        &mut self,
        behind: Option<(Prefix, &[u8])>,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Page, TruthError> {
        self.park.derived(behind, is_wanted)
    }

    fn history(&mut self, after: u64) -> Result<HistoryRows<'_>, TruthError> {
        self.park.history(after)
    }
}
