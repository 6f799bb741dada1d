//! Many seeds, on all processors: every rule holds in each of them.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::faults::{Group, Tally};
use super::oracle::Way;
use super::shrink;
use super::trace::Detail;

/// So many seeds are always run; `PARKGATE_SEEDS` says otherwise: a number, or `from..to`.
const SEEDS: u64 = 256;
/// One amount is due over all of them: these have to pay one and the same stay somewhere. A charge is filed
/// beside a code only once the code is over.
const WAYS_THAT_MEET: [(Way, Way); 9] = [
    (Way::Coupon, Way::Store),
    (Way::Coupon, Way::ByHand),
    (Way::Coupon, Way::Code),
    (Way::Coupon, Way::Charge),
    (Way::Store, Way::ByHand),
    (Way::Store, Way::Code),
    (Way::Store, Way::Charge),
    (Way::ByHand, Way::Code),
    (Way::ByHand, Way::Charge),
];
/// More failures than this are not looked into.
const REPORTS_MAX: usize = 3;

#[test]
fn whatever_goes_wrong_every_rule_holds() {
    if let Ok(seed) = std::env::var("PARKGATE_SEED") {
        let seed = seed.parse().expect("PARKGATE_SEED is a number");
        return watch(seed);
    }
    let asked = std::env::var("PARKGATE_SEEDS").ok();
    let mut seeds: Vec<u64> = range(asked.as_deref()).collect();
    seeds.extend(once_failed());
    let totals = Mutex::new(Totals::default());
    #[expect(clippy::disallowed_methods, reason = "for people who wait")]
    let began = std::time::Instant::now();
    run_all(&seeds, &totals, asked.is_some());
    let totals = totals.into_inner().unwrap();
    if asked.is_some() {
        eprintln!("{}", totals.told(began.elapsed().as_millis()));
    } else {
        let unseen: Vec<u16> = kinds_on_disk().difference(&totals.kinds).copied().collect();
        assert_eq!(unseen, [0_u16; 0], "kinds of records that nothing led to");
        assert_eq!(totals.unmet(), [], "faults that happened in no seed");
        let is_apart = |ways: &&(Way, Way)| !totals.ways.contains(ways);
        let apart: Vec<_> = WAYS_THAT_MEET.iter().filter(is_apart).collect();
        assert!(
            apart.is_empty(),
            "paid one stay in no seed: {apart:?}, but {:?}",
            totals.ways
        );
    }
    let failed = totals.failed;
    let reports = failed.iter().take(REPORTS_MAX).map(|s| shrink::report(*s));
    let reports: Vec<String> = reports.collect();
    assert!(
        failed.is_empty(),
        "seeds {failed:?} fail\n\n{}",
        reports.join("\n\n")
    );
}

#[test]
fn the_same_seed_gives_the_same_run_to_the_last_byte() {
    let digest = |seed| shrink::run(seed, &Group::all(), Detail::Digest).digest;
    let digests = [3, 4].map(|seed| (digest(seed), digest(seed)));
    let [(a, again), (b, _)] = &digests;
    assert_eq!(a, again);
    assert_ne!(a, b);
    assert_eq!(digests[1].0, digests[1].1);
}

#[test]
fn a_group_that_is_left_out_does_not_move_the_others() {
    let mut without = Group::all();
    without.remove(&Group::People);
    let tally = shrink::run(5, &without, Detail::Digest).tally;
    let groups: BTreeSet<Group> = tally.keys().map(|(group, _)| *group).collect();
    assert!(!groups.contains(&Group::People), "{tally:?}");
    assert!(groups.len() > 2, "{tally:?}");
    let calm = shrink::run(5, &Default::default(), Detail::Digest);
    assert_eq!(calm.violation, None);
    assert!(calm.tally.is_empty(), "{:?}", calm.tally);
}

/// One seed with its whole trace.
fn watch(seed: u64) {
    let outcome = shrink::run(seed, &Group::all(), Detail::All);
    println!(
        "seed {seed}: trace {}, {} passages, faults {:?}",
        outcome.digest, outcome.passages, outcome.tally
    );
    if outcome.violation.is_some() {
        panic!("{}", shrink::report(seed));
    }
}

#[derive(Default)]
struct Totals {
    seeds: u64,
    passages: u64,
    tally: Tally,
    kinds: BTreeSet<u16>,
    ways: BTreeSet<(Way, Way)>,
    failed: Vec<u64>,
}

impl Totals {
    fn add(&mut self, seed: u64, outcome: &shrink::Outcome) {
        self.seeds += 1;
        self.passages += outcome.passages;
        self.kinds.extend(&outcome.kinds);
        self.ways.extend(&outcome.ways);
        for (kind, count) in &outcome.tally {
            *self.tally.entry(*kind).or_default() += count;
        }
        if let Some(violation) = &outcome.violation {
            let what: String = violation.what.chars().take(300).collect();
            eprintln!("seed {seed} breaks {}: {what}", violation.rule.name());
            self.failed.push(seed);
        }
    }

    /// Groups without any fault.
    fn unmet(&self) -> Vec<Group> {
        let met: BTreeSet<Group> = self.tally.keys().map(|(group, _)| *group).collect();
        Group::all().difference(&met).copied().collect()
    }

    fn told(&self, took_ms: u128) -> String {
        let mut by_group: BTreeMap<Group, (u64, Vec<String>)> = BTreeMap::new();
        for ((group, what), count) in &self.tally {
            let (sum, kinds) = by_group.entry(*group).or_default();
            *sum += count;
            kinds.push(format!("{what} {count}"));
        }
        let faults: u64 = self.tally.values().sum();
        let per_s = u128::from(self.passages) * 1_000 / took_ms.max(1);
        let mut told = format!(
            "{} seeds, {} passages, {per_s} passages a second, {faults} faults, {} violations",
            self.seeds,
            self.passages,
            self.failed.len(),
        );
        for (group, (sum, kinds)) in by_group {
            let group = format!("{group:?}").to_lowercase();
            told += &format!("\n  {group}: {sum} ({})", kinds.join(", "));
        }
        told
    }
}

fn run_all(seeds: &[u64], totals: &Mutex<Totals>, tells: bool) {
    let next = AtomicUsize::new(0);
    let prints = std::env::var_os("PARKGATE_DIGESTS").is_some();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(seed) = seeds.get(at) else { return };
                    let outcome = shrink::run(*seed, &Group::all(), Detail::Digest);
                    totals.lock().unwrap().add(*seed, &outcome);
                    if prints {
                        println!("{seed} {}", outcome.digest);
                    }
                    if tells && at % 1_000 == 999 {
                        eprintln!("{} seeds", at + 1);
                    }
                }
            });
        }
    });
}

/// All kinds that docs/record-kinds.md has; another test binds that page to the code.
fn kinds_on_disk() -> BTreeSet<u16> {
    let rows = include_str!("../../docs/record-kinds.md").lines();
    rows.filter_map(|row| row.split('|').nth(1)?.trim().parse().ok())
        .collect()
}

fn range(asked: Option<&str>) -> Range<u64> {
    let number = |text: &str| {
        text.parse::<u64>()
            .expect("PARKGATE_SEEDS is N or FROM..TO")
    };
    match asked.map(|asked| (asked, asked.split_once(".."))) {
        None => 0..SEEDS,
        Some((_, Some((from, to)))) => number(from)..number(to),
        Some((count, None)) => 0..number(count),
    }
}

/// Those of seeds.txt.
fn once_failed() -> Vec<u64> {
    let lines = include_str!("seeds.txt").lines();
    let lines = lines.filter(|line| !line.starts_with('#') && !line.is_empty());
    lines
        .map(|line| {
            let (seed, why) = line.split_once(' ').expect("a seed and why");
            assert!(!why.trim().is_empty(), "{seed} failed, and nobody says why");
            seed.parse().expect("a seed")
        })
        .collect()
}
