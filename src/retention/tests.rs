//! Retention over a real ledger on disk, with a day's traffic a segment and simulated time.

use std::collections::BTreeSet;
use std::path::PathBuf;

use serde_json::json;
use tempfile::TempDir;

use super::*;
use crate::lane::number::NumberKey;
use crate::lane::plate::PlateNumber;
use crate::lane::time::Wall;
use crate::park::disk::{CHECKPOINT, ERASURE, RULES, STEP};
use crate::park::erasure::Payloads;
use crate::park::record::Record;
use crate::store::audit::{self, Frame, Verdict, Watcher};
use crate::store::ledger::{Collected, Identity, Ledger, Options};

const DAY: i64 = 86_400_000;
const HOUR: i64 = 3_600_000;
/// When the first car came.
const T0: i64 = 1_772_410_000_000;

/// A tenth of what is usual, so that a test need not live for years.
const DAYS: Days = Days {
    readings: 3,
    sessions: 18,
    money: 110,
    events: 18,
};

/// A box whose cars all have the same day.
struct World {
    temp: TempDir,
    ledger: Option<Ledger>,
    retention: Retention,
    now: Wall,
    cars: u64,
    records: Vec<Erasure>,
    /// After so many breaths it is stopped.
    breaths: usize,
    unfinished: Stays,
}

impl World {
    fn new() -> Self {
        Self::with_archive(None)
    }

    fn with_archive(archive: Option<Archive>) -> Self {
        let mut world = Self {
            temp: tempfile::tempdir().unwrap(),
            ledger: None,
            retention: Retention::new(DAYS, archive),
            now: Wall(T0),
            cars: 0,
            records: Vec::new(),
            breaths: usize::MAX,
            unfinished: Stays::default(),
        };
        world.open();
        world
    }

    fn dir(&self) -> PathBuf {
        self.temp.path().join("ledger")
    }

    fn open(&mut self) -> Collected {
        self.ledger = None;
        let identity = Identity {
            site: "sz-oct-bay".into(),
            box_id: "south-1".into(),
        };
        let options = Options {
            first_segment_bytes: 16 << 10,
            segment_bytes: 64 << 10,
            reserve: 1,
            append: false,
            inline_upkeep: true,
        };
        let mut read = Collected::default();
        let (ledger, _) =
            Ledger::replay(&self.dir(), &identity, &options, 0xBEEF, &mut read).unwrap();
        self.ledger = Some(ledger);
        read
    }

    fn ledger(&mut self) -> &mut Ledger {
        self.ledger.as_mut().unwrap()
    }

    fn commit(&mut self, records: &[Stored]) {
        self.ledger().commit(records).unwrap();
        if self.ledger().wants_checkpoint() {
            self.checkpoint();
        }
    }

    fn checkpoint(&mut self) {
        let inside = format!("{:?}", self.unfinished.0);
        let rules = stored(Class::Event, RULES, json!({ "rules": self.cars }));
        let state = stored(
            Class::Session,
            CHECKPOINT,
            json!({ "cars": self.cars, "inside": inside }),
        );
        self.ledger().checkpoint(&[rules, state]).unwrap();
    }

    /// Cars come, stay for some hours, are charged and go.
    fn live(&mut self, days: i64, cars_a_day: i64) {
        for day in 0..days {
            let midnight = self.now.plus_ms(day * DAY);
            for car in 0..cars_a_day {
                let plate = format!("粤B{:05}", self.cars % 90_000 + 10_000);
                self.car(&plate, midnight.plus_ms(car * DAY / cars_a_day));
            }
        }
        self.now = self.now.plus_ms(days * DAY);
    }

    fn car(&mut self, plate: &str, at: Wall) -> String {
        self.cars += 1;
        let session = format!("{:017}", self.cars);
        let trade_no = format!("T{session}00");
        let now = |ms: i64| {
            let at = at.plus_ms(ms);
            json!({ "moment": 1, "wall": at.0, "trusted": true, "boot": 1, "box": "south-1" })
        };
        let head = |class, ms: i64, event: serde_json::Value| {
            stored(class, STEP, json!({ "now": now(ms), "event": event }))
        };
        let read = json!({ "event": "plate_read", "read": { "plate": plate } });
        self.commit(&[
            head(Class::Reading, 0, read.clone()),
            stored(
                Class::Session,
                16,
                json!({ "fact": "session_opened", "session": {
                "id": session, "plate": plate, "color": "blue", "lane": "in-1",
                "entered": now(0), "doubts": [] } }),
            ),
            stored(
                Class::Money,
                32,
                json!({ "fact": "entry_opened", "session": session,
                "plate": plate, "color": "blue", "entered": now(0), "not_registrable": null }),
            ),
        ]);
        self.commit(&[
            head(Class::Reading, 2 * HOUR, read),
            stored(
                Class::Money,
                39,
                json!({ "fact": "charge_sent", "trade_no": trade_no,
                "body": format!("{{\"plate_number\":\"{plate}\"}}"), "at": now(2 * HOUR) }),
            ),
            stored(
                Class::Session,
                17,
                json!({ "fact": "session_closed", "session": session,
                "plate": plate, "at": now(2 * HOUR) }),
            ),
        ]);
        self.commit(&[
            head(
                Class::Money,
                2 * HOUR + 1000,
                json!({ "event": "charge_answered" }),
            ),
            stored(
                Class::Money,
                43,
                json!({ "fact": "charge_settled", "trade_no": trade_no }),
            ),
        ]);
        self.commit(&[
            head(
                Class::Event,
                2 * HOUR + 5000,
                json!({ "event": "closing_loop" }),
            ),
            stored(
                Class::Session,
                21,
                json!({ "fact": "passed", "raise": self.cars, "lane": "out-1" }),
            ),
        ]);
        session
    }

    fn round(&mut self) -> Result<Payloads, Stopped> {
        self.round_after(0)
    }

    fn round_after(&mut self, even_for_ms: u64) -> Result<Payloads, Stopped> {
        let round = Round {
            closed: self.ledger().closed(),
            now: self.now,
            even_for_ms,
            unfinished: self.unfinished.clone(),
        };
        self.with_retention(|retention, world| retention.round(&round, world))
    }

    fn erase(&mut self, plate: &str, dry_run: bool) -> Result<Found, Stopped> {
        let request = Request {
            plate: PlateNumber::parse(plate).unwrap().plate,
            by: "李雷".into(),
            why: "request 17".into(),
            reference: "REF0000001".into(),
            dry_run,
            up_to: self.ledger().last_seq(),
            closed: self.ledger().closed(),
            left_number: None,
            unfinished: self.unfinished.clone(),
        };
        self.with_retention(|retention, world| retention.erase_plate(&request, world))
    }

    fn with_retention<T>(&mut self, work: impl FnOnce(&mut Retention, &mut Self) -> T) -> T {
        let archive = self.retention.archive.clone();
        let mut retention = std::mem::replace(&mut self.retention, Retention::new(DAYS, archive));
        let done = work(&mut retention, self);
        self.retention = retention;
        done
    }

    /// What the second reading finds, and what is left of each class.
    fn audit(&self) -> (audit::Report, Payloads, Vec<Frame>) {
        let mut seen = Seen::default();
        let report = audit::read(&self.dir(), &mut seen).unwrap();
        assert_eq!(report.verdict(), Verdict::Sound, "{:?}", report.findings);
        (report, seen.left, seen.frames)
    }

    /// How often a text stands in payloads of each class.
    fn mentions(&self, text: &str) -> Payloads {
        let (_, _, frames) = self.audit();
        let mut found = Payloads::default();
        for entry in frames.iter().flat_map(|frame| &frame.entries) {
            let payload = entry.payload.clone().unwrap_or_default();
            if String::from_utf8_lossy(&payload).contains(text) {
                found.count(Class::from_code(entry.class));
            }
        }
        found
    }
}

impl Desk for World {
    fn record(&mut self, erasure: &Erasure) -> bool {
        self.records.push(erasure.clone());
        let record = Record::PayloadsErased(Box::new(erasure.clone()));
        self.commit(&[record.to_stored()]);
        true
    }

    fn rotate(&mut self) -> bool {
        self.checkpoint();
        true
    }

    fn breathe(&mut self) -> bool {
        self.breaths = self.breaths.saturating_sub(1);
        self.breaths > 0
    }

    fn taken(&mut self, _: u64, _: u64) {}
}

#[derive(Default)]
struct Seen {
    left: Payloads,
    frames: Vec<Frame>,
}

impl Watcher for Seen {
    fn commit(&mut self, frame: &Frame) -> std::ops::ControlFlow<()> {
        for entry in frame.entries.iter().filter(|entry| entry.payload.is_some()) {
            self.left.count(Class::from_code(entry.class));
        }
        self.frames.push(frame.clone());
        std::ops::ControlFlow::Continue(())
    }
}

fn stored(class: Class, kind: u16, payload: serde_json::Value) -> Stored {
    Stored {
        class,
        kind,
        version: 1,
        payload: payload.to_string().into_bytes(),
    }
}

fn none() -> Payloads {
    Payloads::default()
}

#[test]
fn each_class_goes_in_its_time_and_what_is_left_verifies() {
    let mut world = World::new();
    world.live(5, 12);
    let (_, before, _) = world.audit();
    let taken = world.round().unwrap();
    let (report, after, _) = world.audit();
    assert_eq!((taken.session, taken.money, taken.event), (0, 0, 0));
    assert_eq!(report.erased, taken.reading);
    assert_eq!(before.reading - after.reading, taken.reading);
    // Two days of five are older than three; a segment holds a few cars.
    assert!((30..=12 * 2 * 2).contains(&taken.reading), "{taken:?}");

    world.live(20, 3);
    let taken = world.round().unwrap();
    assert!(
        taken.session > 0 && taken.event > 0 && taken.money == 0,
        "{taken:?}"
    );
    let (report, _, _) = world.audit();
    assert_eq!(report.first_seq, 1, "money keeps the oldest segment");

    world.live(111, 1);
    world.round().unwrap();
    let (report, left, _) = world.audit();
    assert!(report.first_seq > 500, "{report:?}");
    assert!(left.money < 120 * 6, "{left:?}");
    assert!(world.records.iter().any(|erasure| erasure.removed > 0));
}

#[test]
fn nothing_is_written_while_nothing_is_too_old() {
    let mut world = World::new();
    world.live(2, 10);
    world.round().unwrap();
    for _ in 0..3 {
        let before = world.ledger().bytes_written();
        let records = world.records.len();
        assert_eq!(world.round().unwrap(), none());
        assert_eq!(world.ledger().bytes_written(), before);
        assert_eq!(world.records.len(), records);
    }
}

#[test]
fn a_clock_that_jumps_years_ahead_erases_nothing_nor_does_the_next_start() {
    let mut world = World::new();
    world.live(1, 10);
    world.round().unwrap();
    let (_, before, _) = world.audit();
    world.now = world.now.plus_ms(4000 * DAY);
    assert_eq!(world.round_after(3_600_000).unwrap(), none());
    // Cars come under the wrong clock, and the daemon is started anew under it.
    world.live(1, 5);
    world.open();
    world.retention = Retention::new(DAYS, None);
    assert_eq!(world.round_after(7_200_000).unwrap(), none());
    // It is set right, and all goes its way.
    world.now = world.now.plus_ms(-4000 * DAY);
    assert_eq!(world.round().unwrap(), none());
    assert!(world.audit().1.reading >= before.reading);
    world.live(4, 10);
    assert!(world.round().unwrap().reading > 0);
}

#[test]
fn what_tells_of_an_unfinished_stay_stays_and_goes_when_it_is_finished() {
    let mut world = World::new();
    let at = world.now;
    let session = world.car("粤B99999", at);
    world.live(6, 10);
    world.unfinished = Stays(NumberKey::of_text(&session).into_iter().collect());
    world.round().unwrap();
    let told = world.mentions("粤B99999");
    assert!(
        told.reading > 0 && told.session > 0 && told.money > 0,
        "{told:?}"
    );
    world.unfinished = Stays::default();
    world.live(2, 10);
    world.round().unwrap();
    let told = world.mentions("粤B99999");
    assert_eq!(told.reading, 0, "{told:?}");
    assert!(told.session > 0, "its days are not over");
}

/// A day's few cars do not fill a segment; a segment is begun each day all the same.
#[test]
fn a_quiet_car_park_keeps_readings_no_longer_than_a_busy_one() {
    let mut world = World::new();
    for _ in 0..12 {
        world.live(1, 1);
        world.round().unwrap();
    }
    let (_, left, _) = world.audit();
    assert!(left.reading <= 2 * 7, "{left:?}");
    // And after the last car has left for good, the last readings go too.
    world.now = world.now.plus_ms(40 * DAY);
    let mut rounds = 0;
    loop {
        let before = world.ledger().bytes_written();
        world.round_after(40 * 86_400_000).unwrap();
        if world.ledger().bytes_written() == before {
            break;
        }
        rounds += 1;
        assert!(rounds < 8, "it never rests");
    }
    let (_, left, _) = world.audit();
    assert_eq!(
        (left.reading, left.session),
        (0, 2),
        "two whole states are left"
    );
}

#[test]
fn closed_segments_are_archived_before_anything_goes() {
    let root = tempfile::tempdir().unwrap();
    let archive = Archive::new(root.path().join("archive"), "sz-oct-bay", "south-1");
    let mut world = World::with_archive(Some(archive.clone()));
    world.live(5, 10);
    // Not mounted: nothing goes.
    let (_, before, _) = world.audit();
    assert!(matches!(world.round(), Err(Stopped::Archive { .. })));
    assert_eq!(world.audit().1, before);
    assert!(world.records.is_empty());
    std::fs::create_dir(root.path().join("archive")).unwrap();
    let taken = world.round().unwrap();
    assert!(taken.reading > 0);
    let id = world.ledger().id();
    let folder = archive.folder(id);
    let mut seen = Seen::default();
    let report = audit::read(&folder, &mut seen).unwrap();
    assert_eq!((report.verdict(), report.erased), (Verdict::Sound, 0));
    assert!(seen.left.reading >= taken.reading, "the copies are whole");
    assert!(sums_hold(&folder) > 0);

    // A plate's payloads go there as well.
    let found = world.erase("粤B10001", false).unwrap();
    assert!(
        matches!(found.archived, Archived::Erased(count) if count > 0),
        "{found:?}"
    );
    let mut seen = Seen::default();
    let report = audit::read(&folder, &mut seen).unwrap();
    assert_eq!(report.verdict(), Verdict::Sound);
    let payloads = seen.frames.iter().flat_map(|frame| &frame.entries);
    let told = payloads.filter(|entry| {
        let payload = entry.payload.clone().unwrap_or_default();
        entry.class != Class::Money.code() && String::from_utf8_lossy(&payload).contains("粤B10001")
    });
    assert_eq!(told.count(), 0);
    assert!(sums_hold(&folder) > 0);
}

/// How many copies there are, each with its sum.
fn sums_hold(folder: &std::path::Path) -> usize {
    use sha2::{Digest, Sha256};
    let names = std::fs::read_dir(folder).unwrap();
    let packed = names
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|it| it == "packed"));
    packed
        .inspect(|path| {
            let sum = std::fs::read_to_string(format!("{}.sha256", path.display())).unwrap();
            let digest = Sha256::digest(std::fs::read(path).unwrap());
            let digest: String = digest.iter().map(|byte| format!("{byte:02x}")).collect();
            assert!(sum.starts_with(&digest), "{}", path.display());
        })
        .count()
}

#[test]
fn one_plates_payloads_go_and_its_money_and_everybody_elses_stay() {
    let mut world = World::new();
    world.live(3, 10);
    let at = world.now;
    world.car("京A7K2M5", at);
    world.live(3, 10);
    let at = world.now;
    // The newest car of all, in the segment in use.
    world.car("京A7K2M5", at.plus_ms(HOUR));
    let (_, before, _) = world.audit();
    let others = world.mentions("粤B");
    let told = world.mentions("京A7K2M5");

    let dry = world.erase("京A7K2M5", true).unwrap();
    assert_eq!(world.audit().1, before, "a dry run changes nothing");
    assert!(dry.left > 0 && dry.erased.reading > 0, "{dry:?}");

    let found = world.erase("京A7K2M5", false).unwrap();
    assert_eq!(found.left, 0, "{found:?}");
    assert_eq!(found.erased.reading, 4);
    // Opened and closed, twice.
    assert_eq!(found.erased.session, 4);
    assert_eq!(found.erased.money, 0);
    assert!(found.kept.money >= told.money, "{found:?}");
    let left = world.mentions("京A7K2M5");
    assert_eq!(
        left,
        Payloads {
            money: told.money,
            ..none()
        }
    );
    assert_eq!(world.mentions("粤B"), others);
    let record = world.records.last().unwrap();
    assert!(matches!(&record.rule, Rule::Request { by, .. } if by == "李雷"));
    assert!(!serde_json::to_string(record).unwrap().contains("京A"));
    assert!(world.mentions("REF0000001").event > 0);

    let again = world.erase("京A7K2M5", false).unwrap();
    assert_eq!(again.erased, none());
}

#[test]
fn a_round_that_is_stopped_anywhere_leaves_the_same_state_and_goes_on_later() {
    let whole = {
        let mut world = World::new();
        world.live(5, 4);
        world.breaths = 1_000_000;
        world.round().unwrap();
        1_000_000 - world.breaths
    };
    assert!(whole > 15, "{whole}");
    for breaths in 1..=whole {
        let mut world = World::new();
        world.live(5, 4);
        let before = world.open();
        world.breaths = breaths;
        assert!(matches!(world.round(), Err(Stopped::Told)), "{breaths}");
        let records = world.records.len();
        let after = world.open();
        assert_eq!(after.checkpoint, before.checkpoint, "{breaths}");
        assert_eq!(after.tail.len(), before.tail.len() + records, "{breaths}");
        world.breaths = usize::MAX;
        world.retention = Retention::new(DAYS, None);
        world.round().unwrap();
        let (_, left, _) = world.audit();
        assert!(left.reading <= 4 * 2 * 4, "{breaths}: {left:?}");
    }
}

#[test]
fn what_was_erased_is_remembered_as_long_as_money() {
    let mut world = World::new();
    world.live(5, 8);
    world.round().unwrap();
    world.live(30, 2);
    world.round().unwrap();
    let (_, _, frames) = world.audit();
    let entries = frames.iter().flat_map(|frame| &frame.entries);
    let erasures = entries.filter(|entry| entry.kind == ERASURE);
    let kept: BTreeSet<bool> = erasures.map(|entry| entry.payload.is_some()).collect();
    assert_eq!(kept, [true].into());
}
