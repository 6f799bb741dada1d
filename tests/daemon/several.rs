//! Many lanes, many cars, and readings that come more than once.

use std::sync::Arc;

use parkgate::sim::wechat::{Call, Fault};
use tokio::task::JoinSet;
use tokio::time::sleep;

use crate::accounts::assert_balanced;
use crate::bench::{Bench, FEE, Setup};
use crate::stay;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn all_lanes_at_once() {
    const CARS: u64 = 12;
    let setup = Setup {
        entries: 3,
        exits: 3,
        ..Setup::default()
    };
    let (bench, daemon) = Bench::start(setup).await;
    let bench = Arc::new(bench);
    let mut cars = JoinSet::new();
    for number in 0..CARS {
        let bench = bench.clone();
        cars.spawn(async move {
            let plate = format!("粤B{:05}", 20_000 + number);
            let lane = usize::try_from(number % 3).unwrap();
            bench.entries[lane].pass(&plate).await;
            sleep(stay::CHARGED).await;
            bench.exits[(lane + 1) % 3].pass(&plate).await;
        });
    }
    while let Some(car) = cars.join_next().await {
        car.unwrap();
    }
    let pulses = bench.entries.iter().chain(&bench.exits);
    assert_eq!(pulses.map(|c| c.pulses()).sum::<usize>(), 24);
    let status = bench.filed(0).await;
    assert_eq!(bench.wechat.books().accepted_fen(), CARS * FEE);
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

/// A preview that misreads, the final reading, the same message once more, and the car read again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_car_that_is_read_many_times_passes_once() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    let slow = Fault::Slow(600);
    bench
        .wechat
        .with(|wechat| wechat.faults_mut().push_on(Call::Charge, slow));
    for camera in [bench.entry(), bench.exit()] {
        camera.preview(&camera.reading("粤B30007")).await;
        let reading = camera.reading("粤B30001");
        camera.send(&reading).await;
        camera.send(&reading).await;
        camera.read("粤B30001").await;
        camera.raised_after(0).await;
        camera.read("粤B30001").await;
        camera.send(&reading).await;
        camera.cross().await;
        // It is read after all that.
        if camera.serial() == bench.entry().serial() {
            camera.pass("粤B30002").await;
        }
        sleep(stay::CHARGED).await;
    }
    bench.exit().pass("粤B30002").await;
    assert_eq!((bench.entry().pulses(), bench.exit().pulses()), (2, 2));
    let status = bench.filed(0).await;
    assert_eq!(status["cars_inside"], 0, "{status}");
    assert_eq!(bench.wechat.books().accepted_fen(), 2 * FEE);
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_car_that_comes_back_pays_for_each_stay() {
    let setup = Setup {
        duplicate_window: "1s",
        ..Setup::default()
    };
    let (bench, daemon) = Bench::start(setup).await;
    for _ in 0..2 {
        bench.entry().pass("粤B30003").await;
        sleep(stay::CHARGED).await;
        bench.exit().pass("粤B30003").await;
    }
    let status = bench.filed(0).await;
    assert_eq!(bench.wechat.books().orders_of("粤B30003").count(), 2);
    assert_balanced(&bench, &status);
    daemon.stop().await;
}
