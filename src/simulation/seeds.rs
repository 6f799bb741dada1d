//! Many seeds, on all processors: every rule holds in each of them.

use std::ops::Range;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use super::faults::{Group, Tally};
use super::shrink;
use super::trace::Detail;

/// So many seeds are always run; `PARKGATE_SEEDS` says otherwise: a number, or `from..to`.
const SEEDS: u64 = 128;
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
    let totals = Totals::default();
    #[expect(clippy::disallowed_methods, reason = "for people who wait")]
    let began = std::time::Instant::now();
    run_all(&seeds, &totals, asked.is_some());
    if asked.is_some() {
        let (seconds, told) = (began.elapsed().as_secs(), totals.told());
        eprintln!("{told}; in {seconds} s");
    }
    let failed = totals.failed.into_inner().unwrap();
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
    assert_eq!(tally.get(&Group::People), None);
    assert!(tally.len() > 2, "{tally:?}");
    let calm = shrink::run(5, &Default::default(), Detail::Digest);
    assert_eq!(calm.violation, None);
    assert_eq!(calm.power_cuts, 0);
}

/// One seed with its whole trace.
fn watch(seed: u64) {
    let outcome = shrink::run(seed, &Group::all(), Detail::All);
    println!(
        "seed {seed}: trace {}, {} passages, {} power cuts, faults {:?}",
        outcome.digest, outcome.passages, outcome.power_cuts, outcome.tally
    );
    if outcome.violation.is_some() {
        panic!("{}", shrink::report(seed));
    }
}

#[derive(Default)]
struct Totals {
    seeds: AtomicU64,
    passages: AtomicU64,
    power_cuts: AtomicU64,
    tally: Mutex<Tally>,
    failed: Mutex<Vec<u64>>,
}

impl Totals {
    fn add(&self, seed: u64, outcome: &shrink::Outcome) {
        self.seeds.fetch_add(1, Ordering::Relaxed);
        self.passages.fetch_add(outcome.passages, Ordering::Relaxed);
        self.power_cuts
            .fetch_add(outcome.power_cuts, Ordering::Relaxed);
        let mut tally = self.tally.lock().unwrap();
        for (group, count) in &outcome.tally {
            *tally.entry(*group).or_default() += count;
        }
        if let Some(violation) = &outcome.violation {
            eprintln!("seed {seed} breaks {}", violation.rule.name());
            self.failed.lock().unwrap().push(seed);
        }
    }

    fn told(&self) -> String {
        format!(
            "{} seeds, {} passages, {} power cuts, faults by group {:?}, failed {:?}",
            self.seeds.load(Ordering::Relaxed),
            self.passages.load(Ordering::Relaxed),
            self.power_cuts.load(Ordering::Relaxed),
            self.tally.lock().unwrap(),
            self.failed.lock().unwrap(),
        )
    }
}

fn run_all(seeds: &[u64], totals: &Totals, tells: bool) {
    let next = AtomicU64::new(0);
    let prints = std::env::var_os("PARKGATE_DIGESTS").is_some();
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                loop {
                    let at = next.fetch_add(1, Ordering::Relaxed);
                    let Some(seed) = seeds.get(usize::try_from(at).unwrap()) else {
                        return;
                    };
                    let outcome = shrink::run(*seed, &Group::all(), Detail::Digest);
                    totals.add(*seed, &outcome);
                    if prints {
                        println!("{seed} {}", outcome.digest);
                    }
                    if tells && at % 1_000 == 999 {
                        eprintln!("{}", totals.told());
                    }
                }
            });
        }
    });
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
