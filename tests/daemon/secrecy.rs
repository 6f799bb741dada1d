//! What the log must not say, and what nobody but the daemon may read.

use std::fs;
use std::os::unix::fs::{FileTypeExt, PermissionsExt};
use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use parkgate::sim::http::Outage;
use parkgate::sim::material;
use parkgate::sim::wechat::{Call, Fault};
use tokio::time::sleep;

use crate::bench::{Bench, Setup};
use crate::stay;

const PLATES: [&str; 4] = ["粤B12001", "粤B12002", "粤B12003", "粤B12004"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_secrets_nor_plates_are_logged() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    for plate in &PLATES[..3] {
        bench.entry().pass(plate).await;
    }
    bench.place.logged("entry registered", 3).await;
    sleep(stay::CHARGED).await;
    bench.exit().pass(PLATES[0]).await;
    // Without an entry, and torn in the middle.
    bench.exit().read(PLATES[3]).await;
    let torn = bench.exit().reading(PLATES[3]).message("x", "ivs_result");
    bench
        .exit()
        .say("ivs_result", torn[..torn.len() - 9].into(), false)
        .await;
    bench.wechat.with(|wechat| {
        let faults = wechat.faults_mut();
        faults.push_on(Call::Charge, Fault::WrongSignature);
        faults.push_on(Call::Query, Fault::WrongEcho);
    });
    bench.exit().pass(PLATES[1]).await;
    bench.wechat.set_outage(Outage::Refused);
    bench.exit().pass(PLATES[2]).await;
    bench.wechat.set_outage(Outage::None);
    bench.filed(0).await;
    daemon.stop().await;
    let daemon = bench.daemon().await;
    daemon.stop().await;

    let log = bench.place.log();
    assert!(
        log.contains("left") && log.contains("charge accepted"),
        "{log}"
    );
    for plate in PLATES {
        assert!(!log.contains(plate), "{plate} is in the log");
        assert!(
            !log.contains(&BASE64.encode(plate)),
            "{plate} is in the log"
        );
    }
    for secret in secrets() {
        assert!(
            !log.contains(secret),
            "a key, or a line of it, is in the log"
        );
    }
}

/// Whoever may look at processes, or finds a crashed one's memory, finds no key: none stands in arguments or
/// environment, and memory is written nowhere.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_argument_no_environment_and_no_core_dump_holds_a_secret() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    bench.entry().pass(PLATES[0]).await;
    bench.filed(1).await;
    for file in ["cmdline", "environ"] {
        let told = daemon.told_by_the_kernel(file);
        for secret in secrets() {
            let found = told
                .windows(secret.len())
                .any(|part| part == secret.as_bytes());
            assert!(!found, "a secret stands in /proc/PID/{file}");
        }
    }
    let limits = String::from_utf8(daemon.told_by_the_kernel("limits")).unwrap();
    let core = limits
        .lines()
        .find(|line| line.starts_with("Max core file size"));
    let core: Vec<&str> = core.unwrap().split_whitespace().collect();
    assert_eq!(core[4..6], ["0", "0"], "neither now nor ever again");
    daemon.stop().await;
    let unit = include_str!("../../systemd/parkgate.service");
    assert!(unit.lines().any(|line| line == "LimitCORE=0"));
}

/// Everything that the daemon writes, the ledger with its plates above all, is closed to other users, and
/// writable for its owner alone.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_the_daemon_writes_is_closed_to_others() {
    let bench = Bench::prepare(Setup::default()).await;
    let given = files(&bench.path(""));
    let daemon = bench.daemon().await;
    bench.entry().pass(PLATES[0]).await;
    bench.filed(1).await;
    let written: Vec<PathBuf> = files(&bench.path(""))
        .into_iter()
        .filter(|file| !given.contains(file) && *file != bench.place.log)
        .collect();
    assert!(written.len() > 10, "{written:?}");
    for file in written {
        let metadata = fs::symlink_metadata(&file).unwrap();
        let mode = metadata.permissions().mode() & 0o777;
        // The group of the socket may ask the daemon.
        let closed_to = if metadata.file_type().is_socket() {
            0o007
        } else {
            0o027
        };
        assert_eq!(mode & closed_to, 0, "{} {mode:o}", file.display());
    }
    for store in ["store", "store/ledger", "store/index"] {
        let mode = fs::metadata(bench.path(store))
            .unwrap()
            .permissions()
            .mode();
        assert_eq!(mode & 0o027, 0, "{store} {mode:o}");
    }
    daemon.stop().await;
}

/// The key's lines too: a part of it would be enough to find the rest.
fn secrets() -> impl Iterator<Item = &'static str> {
    let lines = material::MERCHANT_KEY.lines();
    lines
        .filter(|line| line.len() > 20)
        .chain([material::API_V3_KEY.trim()])
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut all = Vec::new();
    for file in fs::read_dir(folder).unwrap() {
        let path = file.unwrap().path();
        if path.is_dir() {
            all.extend(files(&path));
        }
        all.push(path);
    }
    all
}
