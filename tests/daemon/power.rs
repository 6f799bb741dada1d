//! Power cuts at any moment, with an outage of WeChat in between: every stay is charged once.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parkgate::sim::http::Outage;
use parkgate::sim::random::SplitMix64;
use parkgate::sim::wechat::{Call, Rates};
use serde_json::Value;
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use crate::accounts::assert_balanced;
use crate::bench::{Bench, FEE, Setup};
use crate::camera::Camera;
use crate::daemon::Daemon;
use crate::stay;
use crate::wait::{seen, soon};

const CARS: usize = 100;
/// A driver who waited so long calls the attendant.
const PATIENCE: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn power_cuts_and_a_silent_wechat() {
    round(1, Outage::Silent, Rates::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn power_cuts_and_an_unreachable_wechat() {
    round(2, Outage::Refused, Rates::default()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn power_cuts_and_a_wechat_that_fails_in_every_way() {
    let rates = Rates {
        answer_lost: 20,
        slow: 30,
        error_before: 30,
        error_after: 30,
        wrong_signature: 30,
        unsigned: 30,
        probe_signature: 10,
        proxy_page: 30,
        wrong_echo: 10,
        ..Rates::default()
    };
    round(3, Outage::Silent, rates).await;
}

/// Where a round stands.
#[derive(Default)]
struct Progress {
    left: AtomicUsize,
    cuts: AtomicUsize,
    calls_for_help: AtomicUsize,
}

async fn round(seed: u64, outage: Outage, rates: Rates) {
    let setup = Setup {
        entries: 2,
        exits: 2,
        hosts: 2,
        ..Setup::default()
    };
    let (bench, daemon) = Bench::start(setup).await;
    bench
        .wechat
        .with(|wechat| wechat.faults_mut().rates = rates);
    let (bench, progress) = (Arc::new(bench), Arc::new(Progress::default()));
    let mut tasks = JoinSet::new();
    tasks.spawn(arrivals(seed, bench.clone(), progress.clone()));
    tasks.spawn(one_outage(outage, bench.clone(), progress.clone()));
    let power = tokio::spawn(power_cuts(seed, daemon, bench.clone(), progress.clone()));
    while let Some(task) = tasks.join_next().await {
        task.unwrap();
    }
    let daemon = soon("the last power cut", power).await.unwrap();
    let no_more = Rates::default();
    bench
        .wechat
        .with(|wechat| wechat.faults_mut().rates = no_more);

    let status = bench.settled().await;
    println!(
        "seed {seed}: {} power cuts, the attendant was called {} times",
        progress.cuts.load(Ordering::Relaxed),
        progress.calls_for_help.load(Ordering::Relaxed)
    );
    assert_eq!(status["totals"]["settled"]["count"], CARS, "{status}");
    assert_eq!(bench.wechat.books().accepted_fen(), CARS as u64 * FEE);
    assert_eq!(status["cars_inside"], 0, "{status}");
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

async fn arrivals(seed: u64, bench: Arc<Bench>, progress: Arc<Progress>) {
    let mut random = SplitMix64::new(seed, "cars");
    let mut cars = JoinSet::new();
    for number in 0..CARS {
        sleep(between(&mut random, 40, 180)).await;
        let plate = format!("粤B{:05}", 10_000 * seed + number as u64);
        let stay = stay::CHARGED + between(&mut random, 0, 1_500);
        let lanes = [random.below(2), random.below(2)].map(|lane| usize::try_from(lane).unwrap());
        let (bench, progress) = (bench.clone(), progress.clone());
        cars.spawn(async move {
            drive(&bench.entries[lanes[0]], &plate, &bench, &progress).await;
            sleep(stay).await;
            drive(&bench.exits[lanes[1]], &plate, &bench, &progress).await;
            progress.left.fetch_add(1, Ordering::Relaxed);
        });
    }
    while let Some(car) = cars.join_next().await {
        car.unwrap();
    }
}

async fn drive(camera: &Camera, plate: &str, bench: &Bench, progress: &Progress) {
    let mut car = camera.drive_up(plate).await;
    let raised = async {
        while car.raised_within(PATIENCE).await.is_none() {
            if is_held(camera.lane(), bench).await {
                progress.calls_for_help.fetch_add(1, Ordering::Relaxed);
                let lane = camera.lane();
                let arguments = ["lane", "raise", lane, "--by", "Wang", "--reason", "waits"];
                // While the box is without power nobody can; the driver calls again.
                let _ = bench.place.ask(&arguments).await;
            }
        }
    };
    soon("a barrier to rise", raised).await;
    car.pass().await;
}

/// Whether the box waits for a person too. An attendant who raised without looking would raise for
/// the next car.
async fn is_held(lane: &str, bench: &Bench) -> bool {
    let output = bench.place.ask(&["review", "list", "--json"]).await;
    let review: Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
    let mut held = review["held"].as_array().into_iter().flatten();
    held.any(|hold| hold["lane"] == lane)
}

/// Begins when a third of the cars have left, and ends some time after two power cuts.
async fn one_outage(outage: Outage, bench: Arc<Bench>, progress: Arc<Progress>) {
    at_least(&progress.left, CARS / 3).await;
    bench.wechat.set_outage(outage);
    let cuts = progress.cuts.load(Ordering::Relaxed);
    at_least(&progress.cuts, cuts + 2).await;
    sleep(Duration::from_secs(1)).await;
    bench.wechat.set_outage(Outage::None);
}

async fn at_least(counter: &AtomicUsize, count: usize) {
    let look = || (counter.load(Ordering::Relaxed) >= count).then_some(());
    seen("the round to go on", look).await;
}

/// Goes on until every car has left. Returns the daemon that then runs.
async fn power_cuts(
    seed: u64,
    mut daemon: Daemon,
    bench: Arc<Bench>,
    progress: Arc<Progress>,
) -> Daemon {
    let mut random = SplitMix64::new(seed, "power");
    while progress.left.load(Ordering::Relaxed) < CARS {
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
