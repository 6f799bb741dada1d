//! Starting, stopping, and what keeps a daemon from starting.

use std::fs;

use parkgate::config::Config;
use parkgate::gate::{Ended, Gate, Parts};
use parkgate::health::systemd::Notifier;
use parkgate::sim::http::Outage;
use tokio::time::sleep;

use crate::accounts::assert_balanced;
use crate::bench::{Bench, FEE, Setup};
use crate::daemon::run_to_the_end;
use crate::stay;
use crate::wait::soon;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn ten_mistakes_in_the_config_are_ten_lines() {
    let bench = Bench::prepare(Setup::default()).await;
    for (right, wrong) in [
        ("id = \"lab\"", "id = \"l a b\""),
        ("name = \"停车场\"", "nmae = \"停车场\""),
        ("mchid = \"1900009191\"", "mchid = 1900009191"),
        ("advance = true", "advance = \"yes\""),
        ("trust = \"rtc\"", "trust = \"gps\""),
        (
            "[exit]\n",
            "[exit]\nbudget = \"1500\"\nnear_match = \"yes\"\n",
        ),
        ("direction = \"entry\"", "direction = \"in\""),
        ("closing_input = 1", "closing_input = 9"),
        ("driver = \"camera\"", "driver = \"rope\""),
    ] {
        let text = fs::read_to_string(&bench.place.config).unwrap();
        fs::write(&bench.place.config, text.replacen(right, wrong, 1)).unwrap();
    }
    let (code, said) = run_to_the_end(&bench.place.config).await;
    assert_eq!(code, Some(78), "{said}");
    let faults = said.lines().filter(|line| line.contains("parkgate.toml:"));
    assert_eq!(faults.count(), 10, "{said}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_daemon_is_refused_and_the_first_goes_on() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    let again = bench.path("again.toml");
    fs::copy(&bench.place.config, &again).unwrap();
    let (code, said) = run_to_the_end(&again).await;
    assert_eq!(code, Some(75), "{said}");
    assert_eq!(said.lines().count(), 1, "{said}");
    assert!(said.contains("in use by another parkgate"), "{said}");

    // Another store, and the same socket.
    let second = bench.path("second.toml");
    let text = fs::read_to_string(&bench.place.config).unwrap();
    let store = bench.store().display().to_string();
    let other = bench.path("second").display().to_string();
    fs::write(&second, text.replace(&store, &other)).unwrap();
    let (code, said) = run_to_the_end(&second).await;
    assert_eq!(code, Some(75), "{said}");
    assert!(said.contains("parkgate.sock"), "{said}");

    bench.entry().pass("粤B10001").await;
    let status = bench.place.status().await.unwrap();
    assert_eq!(status["cars_inside"], 1, "{status}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_its_key_the_lanes_run_and_charges_wait() {
    let bench = Bench::prepare(Setup::default()).await;
    let (key, hidden) = (bench.path("key.pem"), bench.path("hidden"));
    fs::rename(&key, &hidden).unwrap();
    let daemon = bench.daemon().await;
    bench.entry().pass("粤B10002").await;
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B10002").await;
    let status = bench.place.status().await.unwrap();
    assert_eq!(status["totals"]["opened"]["fen"], FEE, "{status}");
    let alarms = status["alarms"].to_string();
    assert!(alarms.contains("secrets_missing"), "{status}");
    assert!(alarms.contains("key.pem"), "{status}");
    daemon.stop().await;

    fs::rename(&hidden, &key).unwrap();
    let daemon = bench.daemon().await;
    let status = bench.filed(0).await;
    assert_eq!(bench.wechat.books().accepted_fen(), FEE);
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sigterm_ends_it_and_the_next_start_takes_up_everything() {
    let (bench, mut daemon) = Bench::start(Setup::default()).await;
    bench.entry().pass("粤B10003").await;
    bench.entry().pass("粤B10004").await;
    bench.place.logged("entry registered", 2).await;
    bench.wechat.set_outage(Outage::Silent);
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B10003").await;
    let before = bench.place.status().await.unwrap();

    let asked = bench.clock.now().moment;
    daemon.terminate();
    let status = daemon.ended().await;
    assert!(status.success(), "{status}");
    let took_ms = bench.clock.now().moment.since_ms(asked);
    assert!(took_ms < 8_000, "{took_ms} ms");
    assert!(!bench.place.socket.exists());

    let daemon = bench.daemon().await;
    let after = bench.place.status().await.unwrap();
    for same in ["ledger", "cars_inside", "totals", "exposure_fen"] {
        assert_eq!(before[same], after[same], "{same}");
    }
    bench.wechat.set_outage(Outage::None);
    bench.exit().pass("粤B10004").await;
    let status = bench.filed(0).await;
    assert_eq!(bench.wechat.books().accepted_fen(), 2 * FEE);
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_socket_outlives_a_time_without_free_files() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    daemon.starve_of_files(true);
    let knocked = tokio::net::UnixStream::connect(&bench.place.socket).await;
    bench.place.logged("nobody can be let in", 1).await;
    daemon.starve_of_files(false);
    drop(knocked);
    assert!(bench.place.status().await.is_some());
    daemon.stop().await;
}

/// Whoever restarts the daemon must not take a panic for a clean end.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_that_panics_is_no_clean_end() {
    let bench = Bench::prepare(Setup::default()).await;
    let (config, tariff) = Config::load_with_tariff(&bench.place.config).unwrap();
    let mut gate = Gate::start(Parts {
        config,
        tariff,
        observer: Some(Box::new(|observed| panic!("at {:?}", observed.now))),
        notifier: Notifier::default(),
    })
    .await
    .unwrap();
    soon("the loop to end", gate.ended()).await;
    assert_eq!(soon("the gate to end", gate.stop()).await, Ended::Broken);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_car_is_still_held_after_a_power_cut() {
    let (bench, mut daemon) = Bench::start(Setup::default()).await;
    bench.exit().read("粤B10005").await;
    let held = |status: &serde_json::Value| status["held"] == 1;
    bench.place.status_with("the held car", held).await;
    daemon.kill();
    let daemon = bench.daemon().await;
    bench.exit().read("粤B10005").await;
    bench.place.status_with("the held car", held).await;
    assert_eq!(bench.exit().pulses(), 0);
    let raise = ["lane", "raise", "out-1", "--by", "王芳", "--reason", "访客"];
    let output = bench.place.ask(&raise).await;
    assert!(output.status.success(), "{output:?}");
    bench.exit().raised_after(0).await;
    let free = |status: &serde_json::Value| status["held"] == 0;
    bench.place.status_with("nobody held", free).await;
    daemon.stop().await;
}
