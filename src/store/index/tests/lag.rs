//! Folders that are whole, but not where the ledger is.

use proptest::prelude::*;

use super::*;

#[test]
fn an_old_folder_is_repaired_by_difference() {
    let park = Park::lived_in();
    let (_root, dir) = indexed(&park);
    park.commit(vec![
        put(Prefix::Session, b"new", b"1"),
        put(Prefix::Session, &5u32.to_be_bytes(), b"changed"),
        delete(Prefix::Session, &6u32.to_be_bytes()),
        put(Prefix::History, b"new", b"1"),
    ]);
    let running = Running::start(&dir, park.clone());
    let rows = u64::try_from(park.rows().len()).unwrap();
    assert_eq!(running.report(), IndexReport::Ready { rows, repaired: 4 });
    assert_eq!(running.rows(), park.rows());
}

#[test]
fn a_folder_copied_from_a_running_index_is_good_enough() {
    let park = Park::new();
    let (root, dir) = indexed(&park);
    let running = Running::start(&dir, park.clone());
    running.until_ready();
    for (number, batch) in Park::lived_in().batches().into_iter().enumerate() {
        running.index.apply(park.commit(batch.changes));
        if number == 60 {
            running.wait_for_sync_after(0);
        }
    }
    running.rows();
    let image = root.path().join("image");
    copy(&dir, &image);

    let after = Running::start(&image, park.clone());
    after.until_ready();
    assert_eq!(after.rows(), park.rows());
}

/// History under the numbers of its records.
fn with_history() -> Park {
    let park = Park::new();
    for _ in 0..60_u64 {
        let seq = (park.last_seq() + 2).to_be_bytes();
        park.commit(vec![put(Prefix::History, &seq, &[b'h'; 40])]);
    }
    park
}

#[test]
fn what_was_erased_while_it_was_away_is_taken_out_at_the_start() {
    let park = with_history();
    let (_root, dir) = indexed(&park);
    park.erase(5..20);
    let running = Running::start(&dir, park.clone());
    running.until_ready();
    assert_eq!(running.rows(), park.rows());
    assert_eq!(park.rows().len(), 45);
}

#[test]
fn what_was_erased_and_never_told_is_taken_out_at_the_next_start() {
    let park = with_history();
    let (_root, dir) = indexed(&park);
    let running = Running::start(&dir, park.clone());
    running.until_ready();
    // It learns that something goes, and then nobody says that it is gone.
    running.index.apply(park.erase(5..20));
    running
        .index
        .apply(park.commit(vec![put(Prefix::Session, b"s", b"1")]));
    running.index.close().unwrap();
    let running = Running::start(&dir, park.clone());
    running.until_ready();
    assert_eq!(running.rows(), park.rows());
    running.index.close().unwrap();
    // And the one after has nothing left to follow.
    let running = Running::start(&dir, park.clone());
    let told = running.until_ready();
    assert!(
        matches!(told[..], [IndexReport::Ready { repaired: 0, .. }]),
        "{told:?}"
    );
}

#[test]
fn the_end_of_an_erasure_makes_up_for_what_nobody_told_of_it() {
    let park = with_history();
    let (_root, dir) = indexed(&park);
    let running = Running::start(&dir, park.clone());
    running.until_ready();
    running.index.apply(park.erase(5..20));
    // Of the segments in it only the last one is told.
    running.index.client().sweep(35, 40);
    assert_eq!(running.rows(), park.rows());
}

#[test]
fn a_new_folder_is_filled_without_following_what_was_erased_before() {
    let park = with_history();
    park.erase(5..20);
    let root = tempfile::tempdir().unwrap();
    let running = Running::start(&root.path().join("index"), park.clone());
    running.until_ready();
    assert_eq!(running.rows(), park.rows());
}

#[test]
fn a_folder_ahead_of_the_ledger_is_set_aside() {
    let park = Park::lived_in();
    let (_root, dir) = indexed(&park);
    park.0.lock().unwrap().batches.truncate(100);
    expect_set_aside(&dir, &park, "ahead");
}

#[test]
fn a_folder_of_another_ledger_is_set_aside() {
    let park = Park::lived_in();
    let (_root, dir) = indexed(&park);
    park.0.lock().unwrap().id = LedgerId(8);
    expect_set_aside(&dir, &park, "ledger");
}

#[test]
fn rows_that_differ_at_the_same_sequence_are_set_aside() {
    let park = Park::lived_in();
    let (_root, dir) = indexed(&park);
    park.0.lock().unwrap().batches[119].changes[0] =
        put(Prefix::Session, &119u32.to_be_bytes(), b"otherwise");
    expect_set_aside(&dir, &park, "differ");
}

fn expect_set_aside(dir: &Path, park: &Park, because: &str) {
    let running = Running::start(dir, park.clone());
    let told = running.until_ready();
    let [
        IndexReport::SetAside { to, reason },
        IndexReport::Ready { .. },
    ] = told.as_slice()
    else {
        panic!("{told:?}");
    };
    assert!(reason.contains(because), "{reason}");
    assert!(to.join("db").exists());
    assert_eq!(running.rows(), park.rows());
}

/// One step in the life of a box.
#[derive(Clone, Debug)]
enum Step {
    Commit(Vec<Change>),
    Restart,
    /// Stop, and keep a copy of the folder.
    Keep,
    /// Stop, and go on with the kept copy: everything since was lost.
    Lose,
}

fn step() -> impl Strategy<Value = Step> {
    let prefix = prop::sample::select(vec![Prefix::Charge, Prefix::Session, Prefix::History]);
    let change = (prefix, 0..12u8, prop::option::weighted(0.7, 0..200u8)).prop_map(
        |(prefix, key, value)| match value {
            Some(value) => put(prefix, &[key], &vec![value; usize::from(value)]),
            None => delete(prefix, &[key]),
        },
    );
    prop_oneof![
        12 => prop::collection::vec(change, 0..6).prop_map(Step::Commit),
        1 => Just(Step::Restart),
        1 => Just(Step::Keep),
        1 => Just(Step::Lose),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn the_index_always_comes_to_equal_the_park(steps in prop::collection::vec(step(), 1..60)) {
        let root = tempfile::tempdir().unwrap();
        let (dir, kept) = (root.path().join("index"), root.path().join("kept"));
        let park = Park::new();
        let start = || {
            let running = Running::start(&dir, park.clone());
            let told = running.until_ready();
            assert_eq!(told.len(), 1, "{told:?}");
            assert_eq!(running.rows(), park.rows());
            running
        };
        let mut running = start();
        for step in steps {
            match step {
                Step::Commit(changes) => {
                    running.index.apply(park.commit(changes));
                    continue;
                }
                Step::Restart => running.index.close().unwrap(),
                Step::Keep => {
                    running.index.close().unwrap();
                    folder::remove(&kept).unwrap();
                    copy(&dir, &kept);
                }
                Step::Lose => {
                    running.index.close().unwrap();
                    folder::remove(&dir).unwrap();
                    if kept.exists() {
                        copy(&kept, &dir);
                    }
                }
            }
            running = start();
        }
        prop_assert_eq!(running.rows(), park.rows());
    }
}
