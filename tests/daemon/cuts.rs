//! The box goes down at any moment, again and again. What the daemon has told the world before (barriers
//! that it raised, entries and charges that it sent) is in the ledger afterwards, and in the end
//! every stay is charged once.
//!
//! `PARKGATE_KILLS=200` and `PARKGATE_CUTS=100` say how often.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use parkgate::barrier::raise_of;
use parkgate::charges::record::MoneyRecord;
use parkgate::park::record::{LaneRecord, Record};
use parkgate::sim::random::SplitMix64;
use parkgate::store::ledger::{Finding, Ledger};
use tokio::task::{JoinSet, block_in_place};
use tokio::time::{sleep, timeout};

use crate::accounts::assert_books_balanced;
use crate::bench::{Bench, FEE, Setup};
use crate::camera::Camera;
use crate::daemon::Daemon;
use crate::device::Fate;
use crate::disk::{self, Disk};
use crate::driver::drive;
use crate::stay;
use crate::wait::soon;

/// Cars on their way at once, so that those who wait do not become more and more.
const CARS_AT_ONCE: usize = 16;
/// A daemon that is not disturbed raises within this.
const A_RAISE_WITHIN: Duration = Duration::from_secs(10);

/// The kernel keeps what was written: at most a write that was under way is cut short.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_told_before_a_kill_is_in_the_ledger_after_it() {
    let bench = Bench::prepare(two_lanes_each_way()).await;
    goes_down("kills", often("PARKGATE_KILLS", 20), bench, None).await;
}

/// The store, index and all, is on a disk that loses its cache; it recovers from its journal.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_was_told_before_a_power_cut_is_on_the_disk_after_it() {
    let Some(image) = block_in_place(disk::formatted) else {
        return;
    };
    let bench = Bench::prepare(two_lanes_each_way()).await;
    std::fs::create_dir(bench.store()).unwrap();
    let disk = block_in_place(|| Disk::mount(image, &bench.store()));
    goes_down("power cuts", often("PARKGATE_CUTS", 5), bench, Some(disk)).await;
}

fn two_lanes_each_way() -> Setup {
    Setup {
        entries: 2,
        exits: 2,
        ..Setup::default()
    }
}

fn often(variable: &str, otherwise: usize) -> usize {
    std::env::var(variable).map_or(otherwise, |often| often.parse().unwrap())
}

async fn goes_down(what: &str, times: usize, bench: Bench, mut disk: Option<Disk>) {
    let (bench, traffic) = (Arc::new(bench), Arc::new(Traffic::default()));
    let cars = tokio::spawn(arrivals(bench.clone(), traffic.clone()));
    let mut random = SplitMix64::new(1, what);
    let mut told = Told::new(&bench);
    for number in 0..times {
        let mut daemon = Daemon::spawn(&bench.place);
        if number % 3 == 0 {
            // However slow the machine: somebody gets through now and then.
            let _ = timeout(A_RAISE_WITHIN, one_more_raise(&bench)).await;
        }
        sleep(Duration::from_millis(100 + random.below(1_100))).await;
        match disk.take() {
            None => daemon.kill(),
            Some(before) => {
                daemon.frozen().await;
                let fate = Fate::drawn(&mut random);
                let cut = before.device.cut(fate, &mut random);
                daemon.kill();
                disk = Some(block_in_place(|| {
                    before.unmount();
                    Disk::mount(cut.image, &bench.store())
                }));
            }
        }
        block_in_place(|| told.assert_in_the_ledger(&bench));
    }
    let daemon = bench.daemon().await;
    traffic.closes.store(true, Ordering::Relaxed);
    soon("the last car to leave", cars).await.unwrap();
    let status = bench.settled().await;

    told.seen = 0;
    block_in_place(|| told.assert_in_the_ledger(&bench));
    let cars = traffic.left.load(Ordering::Relaxed);
    assert_eq!(status["totals"]["settled"]["count"], cars, "{status}");
    assert_eq!(bench.wechat.books().accepted_fen(), cars as u64 * FEE);
    assert_eq!(status["cars_inside"], 0, "{status}");
    assert_books_balanced(&bench, &status);
    bench.place.logged("the index is ready", 1).await;
    daemon.stop().await;
    println!(
        "{times} {what}, {cars} cars; told and all in the ledger: {} raises, {} entries, {} charges; {}",
        told.raises.len(),
        told.entries.len(),
        told.charges.len(),
        summary(&bench)
    );
    if let Some(disk) = disk {
        block_in_place(|| disk.unmount());
    }
}

async fn one_more_raise(bench: &Bench) {
    let raises = || bench.cameras().map(Camera::pulses).sum::<usize>();
    let already = raises();
    while raises() == already {
        sleep(Duration::from_millis(5)).await;
    }
}

/// What the cuts left, as the log tells it.
fn summary(bench: &Bench) -> String {
    let log = bench.place.log();
    let times = |text: &str| log.matches(text).count();
    format!(
        "the index was set aside {} times, a commit possibly lost {} times",
        times("a new one is being made"),
        times("possibly lost")
    )
}

#[derive(Default)]
struct Traffic {
    /// Nobody comes any more.
    closes: AtomicBool,
    left: AtomicUsize,
}

async fn arrivals(bench: Arc<Bench>, traffic: Arc<Traffic>) {
    let mut random = SplitMix64::new(1, "cars");
    let mut cars = JoinSet::new();
    for number in 0_u64.. {
        sleep(Duration::from_millis(100 + random.below(200))).await;
        if traffic.closes.load(Ordering::Relaxed) {
            break;
        }
        if cars.len() >= CARS_AT_ONCE {
            cars.join_next().await.unwrap().unwrap();
        }
        let plate = format!("粤B{:05}", 10_000 + number);
        let stay = stay::CHARGED + Duration::from_millis(random.below(1_500));
        let lanes = [random.below(2), random.below(2)].map(|lane| usize::try_from(lane).unwrap());
        let (bench, traffic) = (bench.clone(), traffic.clone());
        cars.spawn(async move {
            drive(&bench.entries[lanes[0]], &plate, &bench).await;
            sleep(stay).await;
            drive(&bench.exits[lanes[1]], &plate, &bench).await;
            traffic.left.fetch_add(1, Ordering::Relaxed);
        });
    }
    while let Some(car) = cars.join_next().await {
        car.unwrap();
    }
}

/// What the world has heard from the daemon, and what of it was found in the ledger.
struct Told {
    dir: PathBuf,
    /// Of records that were read already.
    seen: u64,
    raises: BTreeSet<String>,
    entries: BTreeSet<String>,
    charges: BTreeSet<String>,
}

impl Told {
    fn new(bench: &Bench) -> Self {
        Self {
            dir: bench.store().join("ledger"),
            seen: 0,
            raises: BTreeSet::new(),
            entries: BTreeSet::new(),
            charges: BTreeSet::new(),
        }
    }

    /// Reads what was written since the last time, and holds against it what was heard since.
    fn assert_in_the_ledger(&mut self, bench: &Bench) {
        if !self.dir.exists() {
            let heard: Vec<String> = self.heard(bench).concat();
            assert!(heard.is_empty(), "before there was a ledger: {heard:?}");
            return;
        }
        let written = self.written();
        let [raises, entries, charges] = self.heard(bench);
        for raise in raises {
            let number = raise_of(written.ledger, &raise);
            let number = number.unwrap_or_else(|| panic!("{raise} is of another ledger"));
            assert!(
                written.raises.contains(&number),
                "{raise} is not in the ledger"
            );
            self.raises.insert(raise);
        }
        for entry in entries {
            let is_sent = written.bodies.iter().any(|body| body.contains(&entry));
            assert!(is_sent, "entry {entry} is not in the ledger");
            self.entries.insert(entry);
        }
        for charge in charges {
            assert!(
                written.charges.contains(&charge),
                "{charge} is not in the ledger"
            );
            self.charges.insert(charge);
        }
        self.seen = written.last_seq;
    }

    /// Raises, entries and charges that were not heard before; all of them if nothing was seen.
    fn heard(&self, bench: &Bench) -> [Vec<String>; 3] {
        let books = bench.wechat.books();
        let is_new =
            |known: &BTreeSet<String>, heard: &String| self.seen == 0 || !known.contains(heard);
        let raises = bench.cameras().flat_map(Camera::commands);
        let entries = books.entries.into_iter().map(|entry| entry.out_parking_no);
        let charges = books.orders.into_iter().map(|order| order.out_trade_no);
        [
            raises.filter(|heard| is_new(&self.raises, heard)).collect(),
            entries
                .filter(|heard| is_new(&self.entries, heard))
                .collect(),
            charges
                .filter(|heard| is_new(&self.charges, heard))
                .collect(),
        ]
    }

    fn written(&self) -> Written {
        let report = Ledger::verify(&self.dir).unwrap();
        let is_of_the_end = |finding: &Finding| {
            matches!(
                finding,
                Finding::Unreadable { .. }
                    | Finding::PossiblyLost { .. }
                    | Finding::Superseded { .. }
            )
        };
        assert!(
            report.findings.iter().all(is_of_the_end),
            "{:?}",
            report.findings
        );
        assert!(
            report.last_seq >= self.seen,
            "{} lost",
            self.seen - report.last_seq
        );
        let mut written = Written {
            ledger: report.ledger_id.unwrap_or_default(),
            last_seq: report.last_seq,
            raises: BTreeSet::new(),
            bodies: Vec::new(),
            charges: BTreeSet::new(),
        };
        // What is heard late, because it was on its way, was written a little earlier.
        let early = self.seen.saturating_sub(5_000);
        let commits = Ledger::read_since(&self.dir, |segment| {
            segment
                .first()
                .is_some_and(|commit| commit.first_seq <= early)
        });
        for stored in commits.unwrap().flat_map(|commit| commit.unwrap().records) {
            match Record::from_stored(&stored).unwrap() {
                Record::Lane(LaneRecord::RaiseDecided { raise, .. }) => {
                    assert!(written.raises.insert(raise), "raise {raise} twice");
                }
                Record::Money(MoneyRecord::EntrySent { body, .. }) => written.bodies.push(body),
                Record::Money(MoneyRecord::ChargeSent { trade_no, .. }) => {
                    written.charges.insert(trade_no);
                }
                _ => {}
            }
        }
        written
    }
}

/// What the ledger says of the last while.
struct Written {
    ledger: parkgate::lane::number::LedgerId,
    last_seq: u64,
    raises: BTreeSet<u64>,
    bodies: Vec<String>,
    charges: BTreeSet<String>,
}
