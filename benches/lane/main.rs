//! From a camera's reading to the open command, through Mosquitto, against a client that answers at
//! once; then charged exits, and what the daemon costs while nothing happens.
//!
//! `cargo bench --bench lane`, or `cargo bench --bench lane -- "QoS 1, 20/s"` for some of the loads.
//! What its figures mean stands in `docs/measurements.md`.

mod broker;
mod camera;
mod daemon;
mod echo;
mod figures;

use std::error::Error;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use parkgate::clock::{Clock, TrustRule};
use parkgate::lane::time::Wall;
use parkgate::sim::http::Server;
use parkgate::sim::material;
use parkgate::sim::wechat::Simulator;
use parkgate::store::ledger::{Identity, Ledger, Options};
use parkgate::store::record::{Class, Record};
use parkgate::wechat::{
    Client, MerchantCertificate, MerchantKey, Patience, PublicKey, Secret, Settings,
};
use rumqttc::QoS;
use tempfile::TempDir;
use tokio::time::{Instant, sleep, sleep_until};

use broker::Broker;
use camera::{Cameras, Form};
use daemon::{Daemon, entry_cameras};
use figures::{Figures, fact, head, line};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Readings at a given rate, in blocks: the echo, the daemons and the bare commits take turns.
struct Load {
    form: Form,
    per_second: u32,
    /// Readings in a block.
    block: usize,
    blocks: usize,
}

const PLAIN: Form = Form {
    qos: QoS::AtMostOnce,
    picture: false,
    special: false,
};
const LOADS: [Load; 7] = [
    Load {
        form: PLAIN,
        per_second: 20,
        block: 20,
        blocks: 8,
    },
    Load {
        form: PLAIN.with_qos_1(),
        per_second: 20,
        block: 20,
        blocks: 8,
    },
    Load {
        form: PLAIN,
        per_second: 200,
        block: 100,
        blocks: 4,
    },
    Load {
        form: PLAIN.with_qos_1(),
        per_second: 200,
        block: 100,
        blocks: 4,
    },
    Load {
        form: PLAIN.of_police_cars(),
        per_second: 200,
        block: 100,
        blocks: 4,
    },
    Load {
        form: PLAIN.of_police_cars().with_qos_1(),
        per_second: 200,
        block: 100,
        blocks: 4,
    },
    Load {
        form: PLAIN.with_qos_1().with_picture(),
        per_second: 20,
        block: 20,
        blocks: 4,
    },
];
/// A folder that is on no disk.
const MEMORY: &str = "/dev/shm";
const CHARGED: usize = 60;
const CHARGED_PER_SECOND: u32 = 10;
/// A shorter stay costs nothing.
const STAY: Duration = Duration::from_millis(2500);
/// After which nothing of a start is left to do: the index is synced, connections are up.
const REST: Duration = Duration::from_secs(12);

fn main() -> Outcome<()> {
    let mut arguments = std::env::args().skip(1);
    let alone = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    if arguments.next().as_deref() == Some("echo") {
        let port = arguments.next().ok_or("echo PORT")?.parse()?;
        return alone.block_on(echo::run(port, &entry_cameras("echo")));
    }
    let Some(mosquitto) = broker::find() else {
        println!("SKIPPED: no mosquitto on PATH or in /usr/sbin. Nothing was measured.");
        return Ok(());
    };
    // The simulator has threads of its own, so that it does not hold up what is measured here.
    let others = tokio::runtime::Runtime::new()?;
    let clock = Clock::system(TrustRule::Rtc, Wall(0));
    let simulator = Simulator::new(material::settings(1));
    let wechat = others.block_on(Server::on_loopback(simulator, clock, 1))?;
    alone.block_on(measure(&mosquitto, &wechat.base_urls()))?;
    let broken = wechat.books().violations;
    if !broken.is_empty() {
        return Err(format!("the simulator complains: {broken:?}").into());
    }
    Ok(())
}

/// Everything that is running.
struct Bench {
    cameras: Cameras,
    echo: Vec<String>,
    _echo: Echo,
    disk: Daemon,
    /// The same with its store in memory, where that can be had: what is left is not the disk's.
    memory: Option<Daemon>,
    commits: Commits,
}

async fn measure(mosquitto: &Path, wechat: &[String]) -> Outcome<()> {
    let on_disk = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let in_memory = tempfile::tempdir_in(MEMORY).ok();
    // Not on the disk whose writes are counted: the daemon's log is there.
    let scratch = tempfile::tempdir_in(MEMORY).or_else(|_| tempfile::tempdir())?;
    let broker = Broker::start(mosquitto, scratch.path()).await?;
    let mut cameras = Cameras::connect(broker.port).await?;

    let begun = Instant::now();
    let start = |name, store: &TempDir| {
        Daemon::start(
            name,
            scratch.path(),
            &store.path().join("store"),
            broker.port,
            wechat,
        )
    };
    let disk = start("disk", &on_disk)?;
    let served = cameras.until_served(&disk.entries()[0]).await?;
    println!("The daemon alone");
    fact(
        "start to first open command, empty store",
        ms(served - begun),
        "ms",
    );
    idle(&disk).await?;

    let memory = in_memory
        .as_ref()
        .map(|store| start("memory", store))
        .transpose()?;
    if let Some(memory) = &memory {
        cameras.until_served(&memory.entries()[0]).await?;
    }
    let echo = Echo::start(broker.port)?;
    let echo_cameras = entry_cameras("echo");
    cameras.until_served(&echo_cameras[0]).await?;
    let commits = Commits::like(&disk.ledger(), on_disk.path())?;
    let mut bench = Bench {
        cameras,
        echo: echo_cameras,
        _echo: echo,
        disk,
        memory,
        commits,
    };
    println!();
    println!(
        "Event to open command, through Mosquitto; a step is {}",
        bench.commits.form()
    );
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|a| !a.starts_with('-'))
        .collect();
    let is_wanted = |load: &&Load| {
        wanted.is_empty()
            || wanted
                .iter()
                .any(|part| load.title().contains(part.as_str()))
    };
    for load in LOADS.iter().filter(is_wanted) {
        bench.carry(load).await?;
    }
    bench.charge(wechat).await?;
    bench.load_left().await
}

impl Bench {
    async fn carry(&mut self, load: &Load) -> Outcome<()> {
        let [mut echo, mut disk, mut memory, mut commits] = <[Figures; 4]>::default();
        for _ in 0..load.blocks {
            echo.add(self.cameras.block(&self.echo, load).await?);
            disk.add(self.cameras.block(&self.disk.entries(), load).await?);
            self.disk.quiet().await?;
            if let Some(daemon) = &self.memory {
                memory.add(self.cameras.block(&daemon.entries(), load).await?);
                daemon.quiet().await?;
            }
            commits.add(self.commits.block(load).await?);
        }
        head(&load.title(), "/ echo");
        line("bare rumqttc echo", &echo, None);
        line("daemon, store on disk", &disk, Some(&echo));
        line("bare commit of the same step", &commits, None);
        if self.memory.is_some() {
            line("daemon, store in memory", &memory, Some(&echo));
            fact(
                "  p50 added without the disk (memory - echo)",
                memory.p50() - echo.p50(),
                "us",
            );
            fact(
                "  p50 added by the disk (disk - memory)",
                disk.p50() - memory.p50(),
                "us",
            );
        }
        let beyond = disk.p99() - commits.p99();
        fact("  p99 beyond the commit's (disk - commit)", beyond, "us");
        Ok(())
    }

    /// Cars that came in leave: two commits and an answer of WeChat before the barrier rises.
    async fn charge(&mut self, wechat: &[String]) -> Outcome<()> {
        let mut rows = Vec::new();
        for (name, daemon) in [("disk", Some(&self.disk)), ("memory", self.memory.as_ref())] {
            let Some(daemon) = daemon else { continue };
            let cameras = &mut self.cameras;
            let plates: Vec<String> = (0..CHARGED).map(|_| cameras.fresh_plate(false)).collect();
            cameras
                .read(&daemon.entries(), &plates, PLAIN.with_qos_1(), 40)
                .await?;
            daemon.quiet().await?;
            sleep(STAY).await;
            let mut figures = Figures::default();
            let form = PLAIN.with_qos_1();
            figures.add(
                cameras
                    .read(&daemon.exits(), &plates, form, CHARGED_PER_SECOND)
                    .await?,
            );
            daemon.quiet().await?;
            rows.push((name, figures));
        }
        let asked = signed_calls(wechat).await?;
        head(
            &format!("Charged exits, QoS 1, {CHARGED_PER_SECOND}/s"),
            "/ call",
        );
        line("one signed call to the simulator", &asked, None);
        for (name, figures) in &rows {
            line(
                &format!("reading to open, store on {name}"),
                figures,
                Some(&asked),
            );
        }
        Ok(())
    }

    /// What a day of cars leaves behind.
    async fn load_left(mut self) -> Outcome<()> {
        println!();
        println!("After all this");
        fact("memory (VmRSS)", mb(self.disk.memory_kb("VmRSS")?), "MB");
        fact(
            "memory at its most (VmHWM)",
            mb(self.disk.memory_kb("VmHWM")?),
            "MB",
        );
        let begun = Instant::now();
        self.disk.restart()?;
        let stopped = Instant::now();
        let served = self.cameras.until_served(&self.disk.entries()[0]).await?;
        fact("stop", ms(stopped - begun), "ms");
        fact(
            "start to first open command, store as left",
            ms(served - stopped),
            "ms",
        );
        Ok(())
    }
}

async fn idle(daemon: &Daemon) -> Outcome<()> {
    sleep(REST).await;
    let seconds: u32 = match std::env::var("IDLE_SECONDS") {
        Ok(text) => text.parse()?,
        Err(_) => 20,
    };
    fact("memory, idle (VmRSS)", mb(daemon.memory_kb("VmRSS")?), "MB");
    fact(
        "  of it not file-backed (RssAnon)",
        mb(daemon.memory_kb("RssAnon")?),
        "MB",
    );
    let counts = || -> Outcome<[u64; 3]> {
        Ok([
            daemon.switches()?,
            daemon.written_bytes()?,
            daemon.ran_ns()?,
        ])
    };
    let before = counts()?;
    sleep(Duration::from_secs(seconds.into())).await;
    let after = counts()?;
    // A thread that ended takes its count along.
    let [switches, written, ran] = [0, 1, 2].map(|at| after[at].saturating_sub(before[at]) as f64);
    fact(
        "wake-ups a second, idle",
        switches / f64::from(seconds),
        "/s",
    );
    fact(
        &format!("written to disk in {seconds} s, idle"),
        written,
        "B",
    );
    fact(
        "processor time, idle",
        ran / 1000.0 / f64::from(seconds),
        "us/s",
    );
    Ok(())
}

impl Load {
    fn title(&self) -> String {
        let Load {
            form, per_second, ..
        } = self;
        let qos = if form.qos == QoS::AtMostOnce { 0 } else { 1 };
        let what = match (form.picture, form.special) {
            (true, _) => ", 300 kB picture",
            (_, true) => ", WeChat not told",
            _ => "",
        };
        format!("QoS {qos}, {per_second}/s{what}")
    }
}

impl Form {
    const fn with_qos_1(self) -> Self {
        Self {
            qos: QoS::AtLeastOnce,
            ..self
        }
    }

    const fn with_picture(self) -> Self {
        Self {
            picture: true,
            ..self
        }
    }

    const fn of_police_cars(self) -> Self {
        Self {
            special: true,
            ..self
        }
    }
}

impl Cameras {
    async fn block(&mut self, cameras: &[String], load: &Load) -> Outcome<Vec<Duration>> {
        let special = load.form.special;
        let plates: Vec<String> = (0..load.block).map(|_| self.fresh_plate(special)).collect();
        self.read(cameras, &plates, load.form, load.per_second)
            .await
    }
}

/// The echo, as a process of its own, as the daemon is one.
struct Echo(Child);

impl Echo {
    fn start(port: u16) -> Outcome<Self> {
        let process = Command::new(std::env::current_exe()?)
            .args(["echo", &port.to_string()])
            .stdin(Stdio::null())
            .spawn()?;
        Ok(Self(process))
    }
}

impl Drop for Echo {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A ledger of our own on the daemon's disk, which is given what the daemon's was given for a car.
struct Commits {
    ledger: Ledger,
    step: Vec<Record>,
}

impl Commits {
    fn like(ledger: &Path, disk: &Path) -> Outcome<Self> {
        let is_step = |records: &[Record]| records.iter().any(|r| r.class == Class::Session);
        let mut commits = Ledger::read_all(ledger)?.filter_map(Result::ok);
        let commit = commits.find(|commit| !commit.checkpoint && is_step(&commit.records));
        let step = commit.ok_or("the daemon's ledger holds no car")?.records;
        let identity = Identity {
            site: "bench".to_owned(),
            box_id: "bench".to_owned(),
        };
        let folder: PathBuf = disk.join("bare");
        let (ledger, _) = Ledger::open(&folder, &identity, &Options::default(), 1)?;
        ledger.settle();
        Ok(Self { ledger, step })
    }

    fn form(&self) -> String {
        let bytes: usize = self.step.iter().map(|record| record.payload.len()).sum();
        format!("{} records of {bytes} B", self.step.len())
    }

    /// At the readings' pace: a disk that rested is slower than one that is kept busy.
    async fn block(&mut self, load: &Load) -> Outcome<Vec<Duration>> {
        let period = Duration::from_secs(1) / load.per_second;
        let mut due = Instant::now() + period;
        let mut took = Vec::new();
        for _ in 0..load.block {
            sleep_until(due).await;
            let began = Instant::now();
            self.ledger.commit(&self.step)?;
            took.push(began.elapsed());
            if self.ledger.wants_checkpoint() {
                self.ledger.checkpoint(&self.step)?;
                self.ledger.settle();
            }
            due += period;
        }
        Ok(took)
    }
}

/// Signing, HTTP on loopback, the simulator's own signature, and ours to verify.
async fn signed_calls(wechat: &[String]) -> Outcome<Figures> {
    let settings = Settings {
        mchid: material::MCHID.to_owned(),
        key: MerchantKey::Pem(Secret::new(material::MERCHANT_KEY.to_owned())),
        certificate: MerchantCertificate::Serial(material::MERCHANT_SERIAL.to_owned()),
        api_v3_keys: vec![Secret::new(material::API_V3_KEY.to_owned())],
        base_urls: wechat.to_vec(),
        ca_pem: None,
        proxy: None,
        public_key: Some(PublicKey {
            id: material::PUBLIC_KEY_ID.to_owned(),
            pem: material::PUBLIC_KEY.to_owned(),
        }),
        platform_certificates: true,
        believe_unsigned_errors: false,
        user_agent: "parkgate-bench".to_owned(),
    };
    let client = Client::new(settings, Clock::system(TrustRule::Rtc, Wall(0)))?;
    let mut figures = Figures::default();
    for number in 0..CHARGED {
        let began = Instant::now();
        client
            .query(&format!("TBENCH{number}"), None, Patience::Background)
            .await;
        figures.add([began.elapsed()]);
        sleep(Duration::from_secs(1) / CHARGED_PER_SECOND).await;
    }
    Ok(figures)
}

fn ms(took: Duration) -> f64 {
    took.as_secs_f64() * 1e3
}

/// From kB as /proc counts them.
fn mb(kb: u64) -> f64 {
    kb as f64 * 1024.0 / 1e6
}
