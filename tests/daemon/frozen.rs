//! A daemon that stands still.

use std::sync::mpsc;
use std::time::Duration;

use parkgate::config::Config;
use parkgate::gate::{Ended, Gate, Parts};
use parkgate::health::systemd::Notifier;
use tokio::time::sleep;

use crate::accounts::assert_balanced;
use crate::bench::{Bench, FEE, Setup};
use crate::stay;
use crate::wait::soon;

/// A reading is worth nothing after 15 s, by a camera's clock that is known to a few seconds at first: it
/// writes whole ones, and its first signs of life may have come late.
const LONGER_THAN_A_READING_LIVES: Duration = Duration::from_secs(20);

/// A box that swaps, or whose process was stopped: what it hears late raises nothing, and whoever is
/// there then passes and is charged once.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_stood_still_raises_for_nobody_who_has_gone() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    bench.entry().pass("粤B14001").await;
    bench.place.logged("entry registered", 1).await;
    sleep(stay::CHARGED).await;
    daemon.freeze(true);
    bench.entry().read("粤B14002").await;
    bench.exit().read("粤B14001").await;
    sleep(LONGER_THAN_A_READING_LIVES).await;
    daemon.freeze(false);
    bench.entry().connected().await;
    let pulse = bench.exit().pass("粤B14001").await;
    assert!(pulse.command_id.ends_with("-1"), "{pulse:?}");
    assert_eq!(bench.exit().pulses(), 1);
    let status = bench.filed(0).await;
    assert_eq!(bench.entry().pulses(), 1, "the second car has gone");
    assert_eq!(bench.wechat.books().accepted_fen(), FEE);
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

/// Whoever asks is told so, and it ends when it is told to, not as if all were well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_that_hangs_is_said_to_hang_and_is_no_clean_end() {
    let bench = Bench::prepare(Setup::default()).await;
    let (config, tariff) = Config::load_with_tariff(&bench.place.config).unwrap();
    let (hang, hung) = mpsc::sync_channel::<()>(0);
    let hung = std::sync::Mutex::new(hung);
    let gate = Gate::start(Parts {
        config,
        tariff,
        // Ends with the test.
        observer: Some(Box::new(move |_| {
            let _ = hung.lock().unwrap().recv();
        })),
        notifier: Notifier::default(),
    })
    .await
    .unwrap();
    // Each takes its time to find out.
    let asking = bench.place.ask(&["status", "--json"]);
    let stopping = soon("the gate to end", gate.stop());
    let (output, end) = tokio::join!(asking, stopping);
    assert_ne!(output.status.code(), Some(0), "{output:?}");
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(said.contains("did not answer"), "{said}");
    assert_eq!(end, Ended::Broken);
    drop(hang);
}
