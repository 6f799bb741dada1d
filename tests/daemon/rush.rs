//! A rush, with power cuts at any moment, outages and restarts of WeChat, and every fault of its
//! answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parkgate::sim::http::Outage;
use parkgate::sim::random::SplitMix64;
use parkgate::sim::wechat::{Call, Rates};
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::accounts::assert_balanced;
use crate::bench::{Bench, FEE, Setup};
use crate::daemon::Daemon;
use crate::driver::drive;
use crate::stay;
use crate::wait::{seen, soon};

/// What one round goes through.
struct Plan {
    seed: u64,
    cars: usize,
    /// One after the other, each some time after the one before.
    outages: &'static [Outage],
    /// Of WeChat's, all the while.
    rates: Rates,
}

/// Everything that goes wrong with one call at a time.
const EVERY_FAULT: Rates = Rates {
    silence: 10,
    slow: 30,
    answer_lost: 20,
    error_before: 30,
    error_after: 30,
    throttled: 10,
    wrong_signature: 30,
    probe_signature: 10,
    unsigned: 30,
    proxy_page: 30,
    unknown_serial: 10,
    wrong_echo: 10,
    other_sub_merchant: 0, // in partner mode only
    sign_error: 0,
    no_auth: 0,
};
/// And the merchant is refused as such, which stops everything until it is let in again.
const REFUSALS_TOO: Rates = Rates {
    sign_error: 2,
    no_auth: 2,
    ..EVERY_FAULT
};
const NO_FAULTS: Rates = Rates {
    silence: 0,
    slow: 0,
    answer_lost: 0,
    error_before: 0,
    error_after: 0,
    throttled: 0,
    wrong_signature: 0,
    probe_signature: 0,
    unsigned: 0,
    proxy_page: 0,
    unknown_serial: 0,
    wrong_echo: 0,
    other_sub_merchant: 0,
    sign_error: 0,
    no_auth: 0,
};

const QUICK: [Plan; 1] = [Plan {
    seed: 1,
    cars: 120,
    outages: &[Outage::Silent, Outage::Refused],
    rates: EVERY_FAULT,
}];
const FULL: [Plan; 5] = [
    Plan {
        seed: 1,
        cars: 500,
        outages: &[Outage::Silent],
        rates: NO_FAULTS,
    },
    Plan {
        seed: 2,
        cars: 500,
        outages: &[Outage::Refused],
        rates: NO_FAULTS,
    },
    Plan {
        seed: 3,
        cars: 500,
        outages: &[Outage::Silent, Outage::Refused],
        rates: EVERY_FAULT,
    },
    Plan {
        seed: 4,
        cars: 500,
        outages: &[Outage::Refused, Outage::Silent, Outage::Silent],
        rates: EVERY_FAULT,
    },
    Plan {
        seed: 5,
        cars: 500,
        outages: &[Outage::Silent, Outage::Refused],
        rates: REFUSALS_TOO,
    },
];

/// One round of 120 cars; with `PARKGATE_RUSH=full` five of 500.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_stay_of_a_rush_is_charged_once() {
    let is_full = std::env::var_os("PARKGATE_RUSH").is_some_and(|of| of == "full");
    let plans = if is_full { &FULL[..] } else { &QUICK[..] };
    for plan in plans {
        round(plan).await;
    }
}

/// Where a round stands.
#[derive(Default)]
struct Progress {
    left: AtomicUsize,
    cuts: AtomicUsize,
    restarts: AtomicUsize,
    calls_for_help: AtomicUsize,
    /// What WeChat's network is like when WeChat itself is up.
    outage: Mutex<Outage>,
}

async fn round(plan: &'static Plan) {
    let setup = Setup {
        entries: 2,
        exits: 2,
        hosts: 2,
        ..Setup::default()
    };
    let (bench, daemon) = Bench::start(setup).await;
    set_rates(&bench, plan.rates);
    let (bench, progress) = (Arc::new(bench), Arc::new(Progress::default()));
    let mut tasks = JoinSet::new();
    tasks.spawn(arrivals(plan, bench.clone(), progress.clone()));
    tasks.spawn(outages(plan, bench.clone(), progress.clone()));
    tasks.spawn(restarts(plan, bench.clone(), progress.clone()));
    let power = tokio::spawn(power_cuts(plan, daemon, bench.clone(), progress.clone()));
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let daemon = soon("the last power cut", power).await.unwrap();
    set_rates(&bench, NO_FAULTS);

    let status = bench.settled().await;
    println!(
        "seed {}: {} cars, {} power cuts, {} restarts of WeChat; the attendant was called {} times",
        plan.seed,
        plan.cars,
        progress.cuts.load(Ordering::Relaxed),
        progress.restarts.load(Ordering::Relaxed),
        progress.calls_for_help.load(Ordering::Relaxed)
    );
    assert!(progress.cuts.load(Ordering::Relaxed) > 4);
    assert!(progress.restarts.load(Ordering::Relaxed) > 1);
    assert_eq!(status["totals"]["settled"]["count"], plan.cars, "{status}");
    assert_eq!(bench.wechat.books().accepted_fen(), plan.cars as u64 * FEE);
    assert_eq!(status["cars_inside"], 0, "{status}");
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

fn set_rates(bench: &Bench, rates: Rates) {
    bench
        .wechat
        .with(|wechat| wechat.faults_mut().rates = rates);
}

async fn arrivals(plan: &Plan, bench: Arc<Bench>, progress: Arc<Progress>) {
    let mut random = SplitMix64::new(plan.seed, "cars");
    let mut cars = JoinSet::new();
    for number in 0..plan.cars {
        sleep(between(&mut random, 40, 180)).await;
        let plate = format!("粤B{:05}", 10_000 * plan.seed + number as u64);
        let stay = stay::CHARGED + between(&mut random, 0, 1_500);
        let lanes = [random.below(2), random.below(2)].map(|lane| usize::try_from(lane).unwrap());
        let (bench, progress) = (bench.clone(), progress.clone());
        cars.spawn(async move {
            let mut calls = drive(&bench.entries[lanes[0]], &plate, &bench).await;
            sleep(stay).await;
            calls += drive(&bench.exits[lanes[1]], &plate, &bench).await;
            progress.calls_for_help.fetch_add(calls, Ordering::Relaxed);
            progress.left.fetch_add(1, Ordering::Relaxed);
        });
    }
    while let Some(car) = cars.join_next().await {
        car.unwrap();
    }
}

/// The first begins when a quarter of the cars have left; each ends some time after two power cuts.
async fn outages(plan: &Plan, bench: Arc<Bench>, progress: Arc<Progress>) {
    at_least(&progress.left, plan.cars / 4).await;
    for outage in plan.outages {
        change(*outage, &bench, &progress).await;
        let cuts = progress.cuts.load(Ordering::Relaxed);
        at_least(&progress.cuts, cuts + 2).await;
        sleep(Duration::from_secs(1)).await;
        change(Outage::None, &bench, &progress).await;
        sleep(Duration::from_secs(1)).await;
    }
}

async fn change(outage: Outage, bench: &Bench, progress: &Progress) {
    let mut now = progress.outage.lock().await;
    *now = outage;
    bench.wechat.set_outage(outage);
}

/// WeChat itself dies now and then, and comes back with the same books. Goes on until every car has
/// left.
async fn restarts(plan: &Plan, bench: Arc<Bench>, progress: Arc<Progress>) {
    let mut random = SplitMix64::new(plan.seed, "WeChat");
    while progress.left.load(Ordering::Relaxed) < plan.cars {
        sleep(between(&mut random, 500, 5_000)).await;
        if random.chance(500) {
            the_next_charge(&bench).await;
        }
        let outage = progress.outage.lock().await;
        bench.wechat.set_outage(Outage::Down);
        sleep(between(&mut random, 0, 1_000)).await;
        bench.wechat.set_outage(*outage);
        progress.restarts.fetch_add(1, Ordering::Relaxed);
    }
}

async fn at_least(counter: &AtomicUsize, count: usize) {
    let look = || (counter.load(Ordering::Relaxed) >= count).then_some(());
    seen("the round to go on", look).await;
}

/// Goes on until every car has left. Returns the daemon that then runs.
async fn power_cuts(
    plan: &Plan,
    mut daemon: Daemon,
    bench: Arc<Bench>,
    progress: Arc<Progress>,
) -> Daemon {
    let mut random = SplitMix64::new(plan.seed, "power");
    while progress.left.load(Ordering::Relaxed) < plan.cars {
        sleep(between(&mut random, 100, 1_500)).await;
        if random.chance(500) {
            the_next_charge(&bench).await;
        }
        daemon.kill();
        progress.cuts.fetch_add(1, Ordering::Relaxed);
        sleep(between(&mut random, 0, 1_000)).await;
        daemon = Daemon::spawn(&bench.place);
    }
    daemon
}

/// The moment at which a charge has left the box and its answer has not come, if one does soon.
async fn the_next_charge(bench: &Bench) {
    let charges = || bench.wechat.with(|wechat| wechat.asked(Call::Charge));
    let already = charges();
    let look = async {
        while charges() == already {
            sleep(Duration::from_millis(1)).await;
        }
    };
    // Without one the power goes all the same.
    let _ = timeout(Duration::from_secs(1), look).await;
}

fn between(random: &mut SplitMix64, least: u64, most: u64) -> Duration {
    Duration::from_millis(least + random.below(most - least + 1))
}
