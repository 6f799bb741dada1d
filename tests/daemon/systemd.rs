//! What systemd hears: ready, alive, stopping.

use std::os::unix::net::UnixDatagram;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use parkgate::config::Config;
use parkgate::gate::{Ended, Gate, Parts};
use parkgate::health::systemd::Notifier;
use tokio::time::{Instant, timeout};

use crate::bench::{Bench, Setup};
use crate::daemon::Daemon;
use crate::wait::soon;

const WATCHDOG: Duration = Duration::from_millis(600);

/// What systemd would hear.
struct Systemd {
    socket: tokio::net::UnixDatagram,
    path: PathBuf,
}

impl Systemd {
    fn at(path: PathBuf) -> Self {
        let socket = UnixDatagram::bind(&path).unwrap();
        socket.set_nonblocking(true).unwrap();
        let socket = tokio::net::UnixDatagram::from_std(socket).unwrap();
        Self { socket, path }
    }

    async fn word(&self) -> String {
        let mut bytes = [0; 1024];
        let length = self.socket.recv(&mut bytes).await.unwrap();
        String::from_utf8(bytes[..length].to_vec()).unwrap()
    }

    /// Everything up to a word.
    async fn until(&self, wanted: &str) -> Vec<String> {
        soon(wanted, async {
            let mut words = Vec::new();
            loop {
                words.push(self.word().await);
                if words.last().is_some_and(|word| word == wanted) {
                    return words;
                }
            }
        })
        .await
    }

    /// As systemd does: whether the next sign of life comes within the time that it grants.
    async fn is_satisfied(&self) -> bool {
        let deadline = Instant::now() + WATCHDOG;
        let sign = async { while self.word().await != "WATCHDOG=1" {} };
        tokio::time::timeout_at(deadline, sign).await.is_ok()
    }

    /// Hears everything that was said already.
    async fn catch_up(&self) {
        while timeout(Duration::from_millis(1), self.word()).await.is_ok() {}
    }

    fn environment(&self) -> Vec<(&'static str, String)> {
        vec![
            ("NOTIFY_SOCKET", self.path.display().to_string()),
            ("WATCHDOG_USEC", WATCHDOG.as_micros().to_string()),
        ]
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn systemd_hears_of_a_daemon_that_serves_lives_and_ends() {
    let bench = Bench::prepare(Setup::default()).await;
    let systemd = Systemd::at(bench.path("notify"));
    let mut daemon = Daemon::spawn_with(&bench.place, &systemd.environment());
    let before = systemd.until("READY=1").await;
    assert!(before.iter().all(|word| word != "STOPPING=1"), "{before:?}");
    assert!(
        before.iter().any(|word| word.starts_with("STATUS=2 lanes")),
        "{before:?}"
    );
    // Served means served: the lanes answer at once.
    let output = bench
        .place
        .ask(&["lane", "raise", "in-1", "--by", "x", "--reason", "y"]);
    assert!(output.await.status.success());
    for _ in 0..5 {
        assert!(systemd.is_satisfied().await);
    }

    // A process that stands still gives no sign, and one that goes on does.
    daemon.freeze(true);
    systemd.catch_up().await;
    assert!(!systemd.is_satisfied().await);
    daemon.freeze(false);
    systemd.until("WATCHDOG=1").await;

    daemon.terminate();
    systemd.until("STOPPING=1").await;
    assert!(daemon.ended().await.success());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_daemon_that_may_not_start_is_never_called_ready() {
    let (bench, first) = Bench::start(Setup::default()).await;
    let systemd = Systemd::at(bench.path("notify"));
    let mut second = Daemon::spawn_with(&bench.place, &systemd.environment());
    assert_eq!(second.ended().await.code(), Some(75));
    let heard = timeout(Duration::from_millis(100), systemd.word()).await;
    assert!(heard.is_err(), "{heard:?}");
    first.stop().await;
}

/// The rest of the process lives on, and that must not count: only a turn that was completed does.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_loop_that_hangs_starves_the_watchdog() {
    let bench = Bench::prepare(Setup::default()).await;
    let systemd = Systemd::at(bench.path("notify"));
    let (config, tariff) = Config::load_with_tariff(&bench.place.config).unwrap();
    let hangs = Arc::new(AtomicBool::new(false));
    let is_hung = Arc::clone(&hangs);
    let gate = Gate::start(Parts {
        config,
        tariff,
        observer: Some(Box::new(move |_| {
            while is_hung.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(5));
            }
        })),
        notifier: Notifier::to(systemd.path.as_os_str(), Some(WATCHDOG)).unwrap(),
    })
    .await
    .unwrap();
    systemd.until("READY=1").await;
    assert!(systemd.is_satisfied().await);

    hangs.store(true, Ordering::Relaxed);
    // Its step is answered before it is observed, and with that the loop hangs.
    let raise = ["lane", "raise", "in-1", "--by", "x", "--reason", "y"];
    assert!(bench.place.ask(&raise).await.status.success());
    systemd.catch_up().await;
    assert!(!systemd.is_satisfied().await, "the loop hangs");
    // The process itself is well, and lets callers in.
    let caller = tokio::net::UnixStream::connect(&bench.place.socket).await;
    assert!(caller.is_ok());

    hangs.store(false, Ordering::Relaxed);
    systemd.until("WATCHDOG=1").await;
    assert_eq!(soon("the gate to end", gate.stop()).await, Ended::Stopped);
}
