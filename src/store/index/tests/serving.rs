//! A healthy disk: what goes in comes out, and nothing is written without need.

use std::collections::BTreeMap;
use std::sync::mpsc::{Receiver, sync_channel};
use std::time::SystemTime;

use super::*;

#[test]
fn what_was_applied_is_answered() {
    let root = tempfile::tempdir().unwrap();
    let park = Park::new();
    let running = Running::start(&root.path().join("index"), park.clone());
    running.until_ready();
    running.index.apply(park.commit(vec![
        put(Prefix::Session, b"a", b"1"),
        put(Prefix::Session, b"b", b"2"),
        put(Prefix::Entry, b"b", b""),
    ]));
    running.index.apply(park.commit(vec![
        put(Prefix::Session, b"a", b"3"),
        put(Prefix::Session, b"c", b"4"),
        delete(Prefix::Session, b"c"),
        delete(Prefix::Session, b"never there"),
    ]));

    let client = running.index.client();
    let get = |key: &[u8]| wait_for(client.get(Prefix::Session, key.to_vec())).unwrap();
    assert_eq!(get(b"a"), Some(b"3".to_vec()));
    assert_eq!(get(b"c"), None);
    let scan = |from: &[u8], limit| {
        let rows = wait_for(client.scan(Prefix::Session, from.to_vec(), limit)).unwrap();
        rows.into_iter().map(|row| row.key).collect::<Vec<_>>()
    };
    assert_eq!(scan(b"", 9), [b"a", b"b"]);
    assert_eq!(scan(b"", 1), [b"a"]);
    assert_eq!(scan(b"aa", 9), [b"b"]);
    assert_eq!(running.rows(), park.rows());
}

#[test]
fn closing_and_starting_again_changes_nothing() {
    let park = Park::new();
    let (_root, dir) = indexed(&park);
    let first = Running::start(&dir, park.clone());
    first.until_ready();
    for batch in Park::lived_in().batches() {
        first.index.apply(park.commit(batch.changes));
    }
    first.index.close().unwrap();

    let second = Running::start(&dir, park.clone());
    let rows = u64::try_from(park.rows().len()).unwrap();
    assert_eq!(second.report(), IndexReport::Ready { rows, repaired: 0 });
    assert_eq!(second.rows(), park.rows());
}

#[test]
fn a_closed_index_says_so() {
    let root = tempfile::tempdir().unwrap();
    let running = Running::start(&root.path().join("index"), Park::new());
    let client = running.index.client();
    running.index.close().unwrap();
    let answer = wait_for(client.get(Prefix::Session, b"a".to_vec()));
    assert_eq!(answer, Err(IndexError::Closed));
}

#[test]
fn an_overflow_is_made_up_for() {
    let root = tempfile::tempdir().unwrap();
    let park = Park::new();
    let (release, held) = sync_channel(64);
    let truth = SlowTruth {
        park: park.clone(),
        held,
    };
    let pace = Pace {
        queue: 4,
        ..quick()
    };
    release.send(()).unwrap();
    let running = Running::start_at(pace, &root.path().join("index"), truth);
    running.until_ready();
    let overflow = |start: u8| {
        for key in start..start + 40 {
            let changes = vec![
                put(Prefix::Session, &[key], b"open"),
                put(Prefix::History, &[key], b"came"),
            ];
            running.index.apply(park.commit(changes));
        }
    };
    // The thread works while this runs, so how many overflow, and whether, is not known.
    overflow(0);
    // And while it stands in the comparison that the first overflow brings, more do.
    overflow(100);
    release.send(()).unwrap();
    release.send(()).unwrap();
    release.send(()).unwrap();

    let deadline = PATIENCE.as_millis();
    let level = (0..deadline).any(|_| {
        std::thread::sleep(Duration::from_millis(1));
        let rows = Prefix::ALL
            .into_iter()
            .map(|prefix| wait_for(running.index.client().scan(prefix, Vec::new(), SCAN_LIMIT)));
        let rows: Result<Vec<_>, _> = rows.collect();
        rows.is_ok_and(|rows| {
            let rows: Rows = rows
                .into_iter()
                .flatten()
                .map(|row| ((row.prefix, row.key), row.value))
                .collect();
            rows == park.rows()
        })
    });
    assert!(level, "the index never caught up");
    let told: Vec<_> = running.reports.try_iter().collect();
    assert!(
        told.iter()
            .any(|report| matches!(report, IndexReport::Behind { dropped } if *dropped > 0)),
        "{told:?}"
    );
}

/// Waits for a word before it tells the truth.
struct SlowTruth {
    park: Park,
    held: Receiver<()>,
}

impl Truth for SlowTruth {
    fn level(&mut self, is_wanted: &dyn Fn() -> bool) -> Result<Level, TruthError> {
        self.held.recv_timeout(PATIENCE)?;
        self.park.level(is_wanted)
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

#[test]
fn a_burst_costs_few_syncs_and_quiet_costs_none() {
    let park = Park::new();
    let (_root, dir) = indexed(&park);
    let pace = Pace {
        sync_after: Duration::from_millis(300),
        ..quick()
    };
    let running = Running::start_at(pace, &dir, park.clone());
    running.until_ready();
    for batch in Park::lived_in().batches() {
        running.index.apply(park.commit(batch.changes));
    }
    running.wait_for_sync_after(0);
    // The answer comes after the batches; whatever they left unsynced is due 300 ms later.
    assert_eq!(running.rows(), park.rows());
    std::thread::sleep(Duration::from_millis(500));
    let (syncs, files) = (running.index.syncs(), files(&dir));
    assert!(syncs < 10, "{syncs} syncs for one burst");

    // Questions, changes that change nothing and commits without rows write nothing either.
    let known = park.batches()[119].changes.clone();
    running.index.apply(park.commit(vec![known[0].clone()]));
    running.index.apply(park.commit(Vec::new()));
    running.rows();
    std::thread::sleep(Duration::from_millis(1200));
    assert_eq!(running.index.syncs(), syncs);
    assert_eq!(self::files(&dir), files);
    assert_eq!(running.index.busy_ms(), 0);
}

/// Length and time of change of every file.
fn files(dir: &Path) -> BTreeMap<PathBuf, (u64, SystemTime)> {
    let mut found = BTreeMap::new();
    for entry in std::fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        let about = path.metadata().unwrap();
        found.insert(path, (about.len(), about.modified().unwrap()));
    }
    found
}
