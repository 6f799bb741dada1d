//! A daemon to whose lanes nobody comes: it neither wakes the processor nor wears the flash.

use std::time::Duration;

use tokio::time::sleep;

use crate::bench::{Bench, Setup};
use crate::wait::until;

/// Longer than anything that follows a start: the index's sync, the ledger's spare segment, the first look for
/// bills after ten seconds, which reads the ledger; the kernel then writes down when a file was last read.
const AT_REST: Duration = Duration::from_secs(12);
const WATCHED: Duration = Duration::from_secs(10);
/// The goal is 2; sled's pool alone would make 7 of them.
const WAKE_UPS_A_SECOND_MAX: u64 = 3;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_idle_daemon_rests_and_writes_nothing() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    // Something for the index to write, so that all of sled's threads are there.
    let by_hand = ["lane", "raise", "in-1", "--by", "王芳", "--reason", "试"];
    assert!(bench.place.ask(&by_hand).await.status.success());
    bench.entry().raised_after(0).await;
    let mut before = daemon.written_bytes();
    until("the daemon to come to rest", async || {
        sleep(AT_REST).await;
        let now = daemon.written_bytes();
        (std::mem::replace(&mut before, now) == now).then_some(())
    })
    .await;

    let (woken, written) = (daemon.wake_ups(), daemon.written_bytes());
    sleep(WATCHED).await;
    let woken = daemon.wake_ups() - woken;
    assert!(
        woken <= WAKE_UPS_A_SECOND_MAX * WATCHED.as_secs(),
        "{woken} wake-ups in {WATCHED:?}"
    );
    assert_eq!(daemon.written_bytes(), written);
    daemon.stop().await;
}
