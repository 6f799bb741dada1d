//! Disks that are full, small, read-only or somebody else's, and a store whose files are gone, cut short
//! or there twice.

use std::fs::{self, Permissions};
use std::os::unix::fs::{PermissionsExt, chown};
use std::path::{Path, PathBuf};

use parkgate::gate::COMMITS_A_CAR;
use parkgate::store::ledger::Ledger;
use serde_json::Value;
use tokio::time::sleep;

use crate::accounts::{assert_balanced, records};
use crate::bench::{Bench, FEE, Setup};
use crate::daemon::{Daemon, PARKGATE};
use crate::small_disk::SmallDisk;
use crate::stay;
use crate::wait::until;

/// Room for a reserve, which others cannot take: cars come, go and are charged on a disk that is full.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn on_a_disk_that_others_have_filled_cars_are_charged_from_what_is_reserved() {
    let Some((bench, disk)) = on_a_disk(40).await else {
        return;
    };
    let daemon = bench.daemon().await;
    bench.entry().pass("粤B15001").await;
    reserved(&bench, 4).await;
    disk.fill();
    raised(&bench, "disk_low").await;
    bench.entry().pass("粤B15002").await;
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B15001").await;
    let status = bench.filed(1).await;
    assert_eq!(alarm(&status, "store_failed"), "", "{status}");
    assert_eq!(bench.wechat.books().accepted_fen(), FEE);
    daemon.stop().await;

    // And again after a start on the full disk.
    let daemon = bench.daemon().await;
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B15002").await;
    let status = bench.settled().await;
    assert_eq!(alarm(&status, "store_failed"), "", "{status}");
    assert_eq!(bench.wechat.books().accepted_fen(), 2 * FEE);
    assert_balanced(&bench, &status);
    let told = raised(&bench, "disk_low").await;
    assert!(told.contains("low_disk_mb"), "{told}");

    disk.free();
    over(&bench, "disk_low").await;
    daemon.stop().await;
}

/// What is told while charges still can be written, and is over when there is room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_reserve_that_finds_no_room_is_told_and_made_up_when_there_is_some() {
    let Some((bench, disk)) = on_a_disk(8).await else {
        return;
    };
    let daemon = bench.daemon().await;
    let told = raised(&bench, "disk_reserve").await;
    assert!(told.contains("1 of 4 segments"), "{told}");
    assert!(told.contains("more cars can be charged"), "{told}");
    let status = bench.place.status().await.unwrap();
    assert_eq!(alarm(&status, "store_failed"), "", "{status}");
    disk.resize(200);
    over(&bench, "disk_reserve").await;
    reserved(&bench, 4).await;
    daemon.stop().await;
}

/// The figure by which the reserve is told in cars.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_car_takes_no_more_commits_than_the_reserve_reckons_with() {
    const CARS: usize = 4;
    let (bench, daemon) = Bench::start(Setup::default()).await;
    let commits = || {
        let dir = bench.store().join("ledger");
        Ledger::read_all(&dir).unwrap().count()
    };
    let before = commits();
    for number in 0..CARS {
        bench.entry().pass(&format!("粤B1510{number}")).await;
    }
    sleep(stay::CHARGED).await;
    for number in 0..CARS {
        bench.exit().pass(&format!("粤B1510{number}")).await;
    }
    bench.settled().await;
    let a_car = u64::try_from((commits() - before).div_ceil(CARS)).unwrap();
    println!("{a_car} commits a car");
    assert!(
        (5..=COMMITS_A_CAR).contains(&a_car),
        "{a_car} commits a car"
    );
    daemon.stop().await;
}

/// Nothing can be begun. Cars go by the rules for that, and all is written when there is room.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_first_start_on_a_full_disk_lets_cars_through_and_begins_when_there_is_room() {
    let Some((bench, disk)) = on_a_disk(3).await else {
        return;
    };
    disk.fill();
    let daemon = bench.daemon().await;
    let told = raised(&bench, "store_failed").await;
    assert!(told.contains("no room on the disk"), "{told}");
    assert!(told.contains("other programs' files first"), "{told}");
    bench.entry().pass("粤B15201").await;
    assert!(
        bench.wechat.books().entries.is_empty(),
        "nothing is told from memory"
    );
    disk.free();
    over(&bench, "store_failed").await;
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B15201").await;
    let status = bench.filed(0).await;
    assert_eq!(bench.wechat.books().accepted_fen(), FEE);
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

/// As the kernel leaves it when the medium fails. What is on it is not touched, and counts again when
/// it can be written.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_only_disk_is_told_and_its_ledger_is_taken_up_when_it_can_be_written() {
    let Some((bench, disk)) = on_a_disk(40).await else {
        return;
    };
    let daemon = bench.daemon().await;
    bench.entry().pass("粤B15301").await;
    bench.place.logged("entry registered", 1).await;
    daemon.stop().await;
    disk.read_only(true);

    let mut daemon = bench.daemon().await;
    let told = raised(&bench, "store_failed").await;
    assert!(told.contains("cannot be written"), "{told}");
    assert!(told.contains("mounted read-write"), "{told}");
    bench.entry().pass("粤B15302").await;
    disk.read_only(false);
    // It ends by itself, to be started again by the system.
    let ended = daemon.ended().await;
    assert!(!ended.success(), "{ended}");
    assert!(
        bench.place.log().contains("restarts to take up"),
        "{}",
        bench.place.log()
    );

    let daemon = bench.daemon().await;
    let status = bench.place.status().await.unwrap();
    assert_eq!(status["cars_inside"], 1, "{status}");
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B15301").await;
    let status = bench.filed(0).await;
    assert_eq!(bench.wechat.books().accepted_fen(), FEE);
    assert_balanced(&bench, &status);
    daemon.stop().await;
    // The car that came meanwhile is in the file for people.
    let left = files_of(&bench.store()).into_iter();
    let mut left = left.filter(|file| file.to_string_lossy().contains("not-in-ledger-"));
    let left = fs::read_to_string(left.next().unwrap()).unwrap();
    assert!(left.contains("粤B15302"), "{left}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_store_of_another_user_is_told_with_the_remedy_and_taken_up_after_it() {
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        println!("NOT CHECKED: a store of another user needs root, to run as somebody else");
        return;
    }
    let bench = Bench::prepare(Setup::default()).await;
    let daemon = bench.daemon().await;
    bench.entry().pass("粤B15401").await;
    bench.place.logged("entry registered", 1).await;
    daemon.stop().await;

    let root = bench.store().parent().unwrap().to_owned();
    fs::set_permissions(&root, Permissions::from_mode(0o777)).unwrap();
    for file in files_of(&root) {
        chown(file, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    for file in all_below(&bench.store()) {
        chown(file, Some(0), Some(0)).unwrap();
    }
    let program = root.join("parkgate");
    fs::copy(PARKGATE, &program).unwrap();
    let mut daemon = Daemon::start_as(NOBODY, &program, &bench.place).await;
    let told = raised(&bench, "store_failed").await;
    assert!(told.contains("cannot be written; let the user"), "{told}");
    bench.connected(2).await;
    bench.entry().pass("粤B15402").await;
    for file in all_below(&bench.store()) {
        chown(file, Some(NOBODY), Some(NOBODY)).unwrap();
    }
    let ended = daemon.ended().await;
    assert!(!ended.success(), "{ended}");

    let daemon = Daemon::start_as(NOBODY, &program, &bench.place).await;
    bench.connected(3).await;
    let status = bench.place.status().await.unwrap();
    assert_eq!(status["cars_inside"], 1, "{status}");
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B15401").await;
    let status = bench.filed(0).await;
    assert_eq!(bench.wechat.books().accepted_fen(), FEE);
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

/// Each file of sled's folder, gone, cut short, emptied or changed: the index is made anew, and nobody
/// notices but who asks for it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_index_damaged_in_any_of_its_files_is_made_anew() {
    const READY: &str = "the index is ready";
    let (bench, daemon) = Bench::start(Setup::default()).await;
    for number in 0..3 {
        bench.entry().pass(&format!("粤B1550{number}")).await;
    }
    bench.place.logged("entry registered", 3).await;
    daemon.stop().await;
    let index = bench.store().join("index");
    let whole = bench.path("whole");
    copy(&index, &whole);
    let files = all_below(&index).into_iter().filter(|path| path.is_file());
    let mut spoilt = 0;
    for file in files {
        for damage in 0..4 {
            let bytes = fs::read(&file).unwrap();
            match damage {
                0 => fs::remove_file(&file).unwrap(),
                1 => fs::write(&file, &bytes[..bytes.len() / 2]).unwrap(),
                2 => fs::write(&file, []).unwrap(),
                _ => fs::write(&file, bytes.iter().map(|byte| !byte).collect::<Vec<_>>()).unwrap(),
            }
            let told = bench.place.log().matches(READY).count();
            let daemon = bench.daemon().await;
            bench.place.logged(READY, told + 1).await;
            over(&bench, "index_unavailable").await;
            spoilt += 1;
            let status = bench.place.status().await.unwrap();
            assert_eq!(status["cars_inside"], 3, "{}, {damage}", file.display());
            daemon.stop().await;
            for entry in fs::read_dir(bench.store()).unwrap() {
                let path = entry.unwrap().path();
                if path
                    .file_name()
                    .is_some_and(|name| name.display().to_string().starts_with("index"))
                {
                    fs::remove_dir_all(path).unwrap();
                }
            }
            copy(&whole, &index);
        }
    }
    assert!(spoilt > 8, "sled has more than one file");
    let status = {
        let daemon = bench.daemon().await;
        let status = bench.place.status().await.unwrap();
        daemon.stop().await;
        status
    };
    assert_balanced(&bench, &status);
}

/// The daemon over a ledger with a segment that is gone, cut short or there twice: it starts with
/// everybody who is inside, and gives no number out again.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_ledger_with_segments_missing_cut_short_or_doubled_goes_on() {
    const PACKED: &str = "0000000001.packed";
    const LIVE: &str = "0000000002.segment";
    type Damage = fn(&Path);
    let damages: [(&str, Damage, bool); 5] = [
        (
            "missing",
            |ledger| fs::remove_file(ledger.join(PACKED)).unwrap(),
            false,
        ),
        (
            "cut short",
            |ledger| cut_to_half(&ledger.join(PACKED)),
            false,
        ),
        (
            "the newest cut short",
            |ledger| cut_to_half(&ledger.join(LIVE)),
            true,
        ),
        (
            "doubled",
            |ledger| copied(ledger, PACKED, "0000000007.packed"),
            true,
        ),
        (
            "the newest doubled",
            |ledger| copied(ledger, LIVE, "0000000007.segment"),
            true,
        ),
    ];
    for (what, damage, nothing_is_lost) in damages {
        let (bench, daemon) = Bench::start(Setup::default()).await;
        let ledger = bench.store().join("ledger");
        let mut cars = 0;
        while !ledger.join(PACKED).exists() {
            assert!(cars < 60, "{what}: {:?}", files_of(&ledger));
            bench.entry().pass(&format!("粤B156{cars:02}")).await;
            cars += 1;
        }
        bench.filed(cars).await;
        daemon.stop().await;
        let before = records(&bench).len();
        damage(&ledger);

        let daemon = bench.daemon().await;
        let status = bench.place.status().await.unwrap();
        // The state stands in the checkpoint with which the newest segment begins.
        assert_eq!(status["cars_inside"], cars, "{what}: {status}");
        assert_eq!(alarm(&status, "store_failed"), "", "{what}: {status}");
        sleep(stay::CHARGED).await;
        bench.exit().pass("粤B15600").await;
        bench.entry().pass("粤B15699").await;
        let status = bench.filed(cars).await;
        let books = bench.wechat.books();
        assert_eq!(books.violations, [], "{what}");
        assert_eq!(books.accepted_fen(), FEE, "{what}: {status}");
        daemon.stop().await;
        assert_eq!(records(&bench).len() > before, nothing_is_lost, "{what}");
    }
}

async fn on_a_disk(megabytes: u32) -> Option<(Bench, SmallDisk)> {
    let bench = Bench::prepare(Setup::default()).await;
    fs::create_dir(bench.store()).unwrap();
    let disk = SmallDisk::mount(&bench.store(), megabytes)?;
    let config = fs::read_to_string(&bench.place.config).unwrap();
    let config = config.replace("[store]\n", "[store]\nlow_disk_mb = 8\n");
    fs::write(&bench.place.config, config).unwrap();
    Some((bench, disk))
}

/// Waits until so many segments wait on the disk.
async fn reserved(bench: &Bench, segments: usize) {
    until("the reserve to be made", async || {
        let files = files_of(&bench.store().join("ledger"));
        let names = files.iter().map(|file| file.display().to_string());
        let whole = names.filter(|name| {
            name.contains("spare-") && fs::metadata(name).is_ok_and(|file| file.len() == 4 << 20)
        });
        (whole.count() == segments).then_some(())
    })
    .await;
}

async fn raised(bench: &Bench, kind: &str) -> String {
    let status = bench
        .place
        .status_with(kind, |status| !alarm(status, kind).is_empty())
        .await;
    alarm(&status, kind)
}

async fn over(bench: &Bench, kind: &str) {
    let over = |status: &Value| alarm(status, kind).is_empty();
    bench
        .place
        .status_with(&format!("{kind} to be over"), over)
        .await;
}

/// The text of the first alarm of a kind; empty where there is none.
fn alarm(status: &Value, kind: &str) -> String {
    let alarms = status["alarms"].as_array().into_iter().flatten();
    let mut of_kind = alarms.filter(|alarm| alarm["kind"] == kind);
    let text = of_kind.next().and_then(|alarm| alarm["text"].as_str());
    text.unwrap_or_default().to_owned()
}

fn cut_to_half(file: &Path) {
    let bytes = fs::read(file).unwrap();
    fs::write(file, &bytes[..bytes.len() / 2]).unwrap();
}

fn copied(ledger: &Path, file: &str, to: &str) {
    fs::copy(ledger.join(file), ledger.join(to)).unwrap();
}

/// What stands in a folder, itself left out.
fn files_of(folder: &Path) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap();
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths
}

/// A folder and everything in it.
fn all_below(folder: &Path) -> Vec<PathBuf> {
    let mut all = vec![folder.to_owned()];
    for path in files_of(folder) {
        match path.is_dir() {
            true => all.extend(all_below(&path)),
            false => all.push(path),
        }
    }
    all
}

fn copy(from: &Path, to: &Path) {
    for path in all_below(from) {
        let target = to.join(path.strip_prefix(from).unwrap());
        match path.is_dir() {
            true => fs::create_dir_all(target).unwrap(),
            false => drop(fs::copy(path, target).unwrap()),
        }
    }
}
