//! The whole daemon at work: from a camera's reading to the open command, through Mosquitto, against a
//! client that answers at once; charged exits; outages and what follows them; starts; and what it costs
//! while nothing happens.
//!
//! `cargo bench --bench lane` for all of it, `-- drain outage` for some of the parts ([`PARTS`]), or
//! `-- "QoS 1, 20/s"` for some of the loads. What its figures mean stands in `docs/measurements.md`.

mod bare;
mod broker;
mod camera;
mod charged;
mod daemon;
mod drain;
mod echo;
#[path = "../goals/figure.rs"]
mod figure;
mod figures;
mod idle;
#[path = "../installation.rs"]
mod installation;
mod loads;
mod outage;
mod passages;
mod path;
mod place;
mod process;
mod start;
mod wechat;

use std::error::Error;
use std::path::Path;
use std::process::{Command, Stdio};

use bare::Commits;
use daemon::{Daemon, entry_cameras};
use loads::Turns;
use place::Place;
use process::Running;

type Outcome<T> = Result<T, Box<dyn Error>>;

/// In their order. `day` needs the cars of `loads`.
const PARTS: [&str; 7] = ["idle", "loads", "charged", "day", "path", "outage", "drain"];

fn main() -> Outcome<()> {
    // cargo adds an option of its own.
    let arguments: Vec<String> = std::env::args()
        .skip(1)
        .filter(|argument| !argument.starts_with("--"))
        .collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let alone = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    match arguments.as_slice() {
        ["echo", port] => {
            return alone.block_on(echo::run(port.parse()?, &entry_cameras("echo")));
        }
        ["wechat"] => return wechat::run(),
        _ => {}
    }
    let Some(mosquitto) = broker::find() else {
        println!("SKIPPED: no mosquitto on PATH or in /usr/sbin. Nothing was measured.");
        return Ok(());
    };
    alone.block_on(async {
        let mut place = Place::new(&mosquitto).await?;
        match arguments.as_slice() {
            ["passages", store, ledger_stat, index_stat, count] => {
                let stats = [Path::new(ledger_stat), Path::new(index_stat)];
                let count = count.parse()?;
                passages::measure(&mut place, Path::new(store), stats, count).await?;
            }
            wanted => measure(&mut place, wanted).await?,
        }
        match place.wechat.complaints()? {
            broken if broken.is_empty() => Ok(()),
            broken => Err(format!("the simulator complains: {broken:?}").into()),
        }
    })
}

/// A part that fails leaves the others their turn.
async fn measure(place: &mut Place, wanted: &[&str]) -> Outcome<()> {
    let is_part = |word: &&&str| PARTS.contains(*word);
    let parts: Vec<&str> = wanted.iter().filter(is_part).copied().collect();
    let loads: Vec<String> = wanted
        .iter()
        .filter(|word| !is_part(word))
        .map(|word| (*word).to_owned())
        .collect();
    let wants = |part: &str| match part {
        "loads" if !loads.is_empty() => true,
        part => wanted.is_empty() || parts.contains(&part),
    };
    let mut failures = Failures::default();
    if ["idle", "loads", "charged", "day"].into_iter().any(wants) {
        println!("The daemon alone");
        let mut disk = start::empty(place).await?;
        if wants("idle") {
            failures.note(idle::measure(&disk).await);
        }
        let turns = take_turns(place, &disk, wants, &loads, &mut failures).await;
        let inside = failures.note(turns).unwrap_or_default();
        if wants("day") {
            failures.note(start::after_a_day(place, &mut disk, &inside).await);
        }
    }
    if wants("path") {
        failures.note(path::measure(place).await);
    }
    if wants("outage") {
        failures.note(outage::measure(place).await);
    }
    if wants("drain") {
        failures.note(drain::measure(place).await);
    }
    match failures.0 {
        0 => Ok(()),
        count => Err(format!("{count} parts failed, see above").into()),
    }
}

/// How many there were; each is told where it happens.
#[derive(Default)]
pub struct Failures(u32);

impl Failures {
    pub fn note<T>(&mut self, result: Outcome<T>) -> Option<T> {
        result
            .inspect_err(|why| {
                println!("FAILED: {why}. Is the machine busy?");
                self.0 += 1;
            })
            .ok()
    }
}

/// What the daemon does beside an echo, and beside its like whose store is on no disk. Returns who came
/// in and did not leave.
async fn take_turns(
    place: &mut Place,
    disk: &Daemon,
    wants: impl Fn(&str) -> bool,
    loads: &[String],
    failures: &mut Failures,
) -> Outcome<Vec<(String, bool)>> {
    if !wants("loads") && !wants("charged") {
        return Ok(Vec::new());
    }
    let memory = place.daemon_in_memory("memory")?;
    let echo_cameras = entry_cameras("echo");
    let _echo = Running::spawn(
        Command::new(std::env::current_exe()?)
            .args(["echo", &place.broker.port.to_string()])
            .stdin(Stdio::null()),
    )?;
    let commits = Commits::like(&disk.ledger(), place.disk())?;
    let others = memory.iter().map(|daemon| daemon.entries()[0].clone());
    for camera in others.chain([echo_cameras[0].clone()]) {
        place.cameras.until_served(&camera).await?;
    }
    let mut turns = Turns {
        cameras: &mut place.cameras,
        echo: &echo_cameras,
        disk,
        memory: memory.as_ref(),
        commits,
        inside: Vec::new(),
        delayed: 0,
    };
    if wants("loads") {
        turns.carry_all(loads, failures).await?;
    }
    let inside = turns.inside;
    if wants("charged") {
        let urls = &place.wechat.urls;
        let exits = charged::measure(&mut place.cameras, disk, memory.as_ref(), urls);
        failures.note(exits.await);
    }
    Ok(inside)
}
