//! Everything that takes part, and the play itself.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant, MissedTickBehavior, interval, sleep, sleep_until, timeout};

use super::audit::{Audit, Evidence, queued};
use super::faults;
use super::files::{FilesError, Folder};
use super::foot::Standings;
use super::paint::Ink;
use super::player::Player;
use super::screen::{Pen, Screen};
use super::sheet::Sheet;
use crate::clock::{Clock, TrustRule};
use crate::config::{Config, Faults};
use crate::control::{Answer, Question};
use crate::gate::{Gate, Parts, StartError};
use crate::health::systemd::Notifier;
use crate::lane::session::LaneId;
use crate::lane::tariff::yuan;
use crate::lane::time::Wall;
use crate::park::rules::Direction;
use crate::sim::broker::{Broker, BrokerError};
use crate::sim::http::{ListenError, Outage, Server, Target};
use crate::sim::site::{
    Car, Delivery, Happening, Pace, Site, SiteError, SiteLane, SiteReport, SiteSettings, Traffic,
    What, percentile,
};
use crate::sim::wechat::{self, Books, OrderState, Simulator};

/// What is played.
pub struct Plan {
    /// None: until Ctrl-C.
    pub cars: Option<usize>,
    /// Of cars and times.
    pub seed: u64,
    /// The simulated WeChat Pay and its plates.
    pub wechat: wechat::Settings,
    /// The daemon collects for a sub-merchant.
    pub partner: bool,
    /// When WeChat is cut off, from the first car's coming, and for how long.
    pub offline: Option<(Duration, Duration)>,
    /// Keep the daemon's folder.
    pub keep: bool,
    pub pace: Pace,
}

/// How it ended.
#[derive(Debug)]
pub struct Ending {
    pub audit: Audit,
    /// By Ctrl-C or SIGTERM.
    pub interrupted: bool,
    /// The daemon's folder, if it is kept.
    pub kept_in: Option<PathBuf>,
}

/// Why it could not be played.
#[derive(Debug, thiserror::Error)]
pub enum DemoError {
    #[error("the simulated WeChat Pay cannot serve")]
    Wechat(#[from] ListenError),
    #[error("there is no broker for the cameras")]
    Broker(#[from] BrokerError),
    #[error("the car park is not complete")]
    Site(#[from] SiteError),
    #[error("the daemon's files are not complete")]
    Files(#[from] FilesError),
    #[error("the daemon refuses the demo's configuration: {0}")]
    Config(Faults),
    #[error("the daemon does not start")]
    Gate(#[from] StartError),
    #[error("the daemon did not hear every camera within {HEARD_WITHIN:?}")]
    Deaf,
}

/// Simulated hosts of WeChat: the primary and its backup.
const WECHAT_HOSTS: usize = 2;
const HEARD_WITHIN: Duration = Duration::from_secs(20);
const LISTENING_LOOKS: usize = 40;
const LISTENING_LOOK: Duration = Duration::from_millis(50);
const BEAT_EVERY: Duration = Duration::from_millis(100);
const HAPPENINGS_MAX: usize = 1024;
/// How often the daemon is asked how it is doing.
const LOOK_EVERY: Duration = Duration::from_millis(250);
/// After the last car and the end of the outage, the queue must be empty within this.
const DRAINED_WITHIN: Duration = Duration::from_secs(180);
const ATTENDANT: &str = "attendant";

/// The lanes of the demo: two entries, two exits.
pub fn lanes() -> Vec<SiteLane> {
    [
        ("in-1", "265e1040-85e01fb7", Direction::Entry),
        ("in-2", "1d7a33c2-0b94e6f5", Direction::Entry),
        ("out-1", "8fcd1c4e-20ca9ecb", Direction::Exit),
        ("out-2", "70b9e25d-c63a1f08", Direction::Exit),
    ]
    .map(|(id, serial, direction)| SiteLane {
        id: LaneId(id.to_owned()),
        serial: serial.to_owned(),
        direction,
    })
    .into()
}

/// Sets everything up, plays, and draws up the account. With a player, what is typed counts too.
pub async fn play(
    plan: Plan,
    screen: &Screen,
    player: Option<Player>,
) -> Result<Ending, DemoError> {
    let scene = Scene::set(&plan, screen).await?;
    let interrupted = scene.run(&plan, player).await;
    let ending = scene.account(interrupted).await;
    scene.strike().await;
    Ok(ending)
}

/// Where the daemon listens for callbacks, once it does. Without them charges are polled.
async fn listening(gate: &Gate) -> Option<SocketAddr> {
    for _ in 0..LISTENING_LOOKS {
        if let Answer::Ok(status) = gate.ask(Question::Status).await
            && let Some(address) = status["callbacks"]["listening"].as_str()
        {
            return address.parse().ok();
        }
        sleep(LISTENING_LOOK).await;
    }
    None
}

/// Everything that takes part.
pub struct Scene {
    wechat: Server,
    site: Site,
    gate: Gate,
    folder: Folder,
    sheet: Arc<Sheet>,
}

impl Scene {
    async fn set(plan: &Plan, screen: &Screen) -> Result<Self, DemoError> {
        let clock = Clock::system(TrustRule::Rtc, Wall(0));
        let mut settings = plan.wechat.clone();
        settings.calls_back = true;
        let simulator = Simulator::new(settings);
        let mut wechat = Server::on_loopback(simulator, clock.clone(), WECHAT_HOSTS).await?;
        let broker = Broker::start().await?.address();
        let settings = SiteSettings {
            host: broker.ip().to_string(),
            port: broker.port(),
            lanes: lanes(),
            delivery: Delivery::AtMostOnce,
            pace: plan.pace.clone(),
        };
        let site = Site::connect(settings, clock.clone()).await?;
        let folder = Folder::create(plan.keep)?;
        let config_file = folder.write(&wechat.base_urls(), plan.partner, broker, &lanes())?;
        let sheet = Arc::new(Sheet::new(screen, clock));
        let gate = start_gate(config_file, &sheet).await?;
        if let Some(address) = listening(&gate).await {
            wechat.deliver_callbacks(Target::Proxied(address));
        }
        let scene = Self {
            wechat,
            site,
            gate,
            folder,
            sheet,
        };
        scene.every_camera_is_heard().await?;
        scene.open(broker.port());
        Ok(scene)
    }

    /// The daemon tells in no other way that its subscriptions are in place.
    async fn every_camera_is_heard(&self) -> Result<(), DemoError> {
        let mut heard = self.sheet.heard.subscribe();
        let all = heard.wait_for(|lanes_heard| lanes_heard.len() == lanes().len());
        let beating = async {
            loop {
                self.site.beat();
                sleep(BEAT_EVERY).await;
            }
        };
        let heard = async {
            tokio::select! {
                heard = all => heard.is_ok(),
                () = beating => false,
            }
        };
        match timeout(HEARD_WITHIN, heard).await {
            Ok(true) => Ok(()),
            _ => Err(DemoError::Deaf),
        }
    }

    fn open(&self, broker_port: u16) {
        let wechat = self.wechat.base_urls().join(" and ");
        self.sheet.note(
            &format!("WeChat Pay simulated at {wechat}, cameras at mqtt://127.0.0.1:{broker_port}"),
            Ink::Dim,
        );
        self.sheet.note(
            "each started hour costs 5.00 yuan; cars stay for 3 to 20 s; the plates are invented",
            Ink::Dim,
        );
        let socket = self.folder.socket();
        self.sheet.note(
            &format!(
                "in another terminal: parkgate status --socket {}",
                socket.display()
            ),
            Ink::Dim,
        );
    }

    /// Until all cars are gone and the queue is empty, or somebody ends it: then true. Whoever
    /// has begun to play ends it.
    async fn run(&self, plan: &Plan, player: Option<Player>) -> bool {
        let traffic = Traffic::new(plan.seed, &plan.pace);
        let cars: Box<dyn Iterator<Item = Car> + Send> = match plan.cars {
            Some(cars) => Box::new(traffic.take(cars)),
            None => Box::new(traffic),
        };
        let (told, happenings) = mpsc::channel(HAPPENINGS_MAX);
        let player_told = told.downgrade();
        let is_played = player.as_ref().map(Player::is_playing);
        let is_terminal = player.is_some();
        let traffic = async {
            tokio::join!(self.site.run(cars, Some(told.clone())), self.outage(plan));
            if is_played.is_some_and(|is_played| *is_played.borrow()) {
                std::future::pending::<()>().await;
            }
            drop(told);
        };
        let to_the_end = async {
            tokio::join!(traffic, self.attend(happenings));
            self.drained().await;
        };
        let played = async {
            match player {
                Some(player) => player.play(self, player_told).await,
                None => std::future::pending().await,
            }
        };
        tokio::select! {
            () = to_the_end => false,
            never = self.look() => match never {},
            () = played => true,
            () = interrupt(is_terminal) => true,
        }
    }

    /// Cuts WeChat off and brings it back.
    async fn outage(&self, plan: &Plan) {
        let Some((after, length)) = plan.offline else {
            return;
        };
        sleep(after).await;
        self.cut_off(true, &format!(" for {} s", length.as_secs_f32()));
        sleep(length).await;
        self.cut_off(false, "");
    }

    /// Cuts the network to WeChat, or mends it. `how_long` is what to say of it.
    pub fn cut_off(&self, cut_off: bool, how_long: &str) {
        self.wechat.set_outage(match cut_off {
            true => Outage::Silent,
            false => Outage::None,
        });
        let waiting = {
            let mut timeline = self.sheet.timeline();
            timeline.cut_off(cut_off);
            timeline.waiting()
        };
        match cut_off {
            true => self.note(&format!("✂ WeChat is cut off{how_long}"), Ink::Bad),
            false => self.note(
                &format!("✓ WeChat is back, as the daemon's next try will show; {waiting}"),
                Ink::Good,
            ),
        }
    }

    pub fn is_cut_off(&self) -> bool {
        self.wechat.with(|wechat| wechat.faults().outage)
    }

    pub fn wechat(&self) -> &Server {
        &self.wechat
    }

    pub fn site(&self) -> &Site {
        &self.site
    }

    pub fn pen(&self) -> &Pen {
        &self.sheet.pen
    }

    /// A line that concerns everybody.
    pub fn note(&self, text: &str, ink: Ink) {
        self.sheet.note(text, ink);
    }

    /// Tells what happens on the ground, and opens for those who call.
    async fn attend(&self, mut happenings: mpsc::Receiver<Happening>) {
        while let Some(happening) = happenings.recv().await {
            let line = self.sheet.timeline().tell(&happening);
            line.into_iter().for_each(|line| self.sheet.pen.write(line));
            if matches!(happening.what, What::CallsAttendant { .. }) {
                self.open_by_hand(happening.lane).await;
            }
        }
    }

    async fn open_by_hand(&self, lane: LaneId) {
        let question = Question::Raise {
            lane,
            by: ATTENDANT.to_owned(),
            why: "the driver called".to_owned(),
            money: None,
        };
        let why = match self.gate.ask(question).await {
            Answer::Ok(_) => return,
            Answer::Refused(refusal) => refusal.to_string(),
            Answer::Error(why) => why,
        };
        self.sheet.note(&format!("{ATTENDANT}: {why}"), Ink::Bad);
    }

    /// Shows how things stand, and tells when the daemon's view of the world changes.
    async fn look(&self) -> Infallible {
        let mut looks = interval(LOOK_EVERY);
        looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        let mut was_silent = false;
        loop {
            looks.tick().await;
            let status = self.status().await;
            self.sheet.pen.stand(self.standings(&status));
            let is_silent = status["wechat_silent"] == Value::Bool(true);
            if is_silent == was_silent {
                continue;
            }
            was_silent = is_silent;
            match is_silent {
                true => self.sheet.note(
                    "the daemon: WeChat does not answer; no car waits for it any more",
                    Ink::Waits,
                ),
                false => self
                    .sheet
                    .note("the daemon: WeChat answers again", Ink::Good),
            }
        }
    }

    fn standings(&self, status: &Value) -> Standings {
        let (fault, cut_off) = self.wechat.with(|wechat| {
            let faults = wechat.faults();
            (faults::named(faults.standing.as_ref()), faults.outage)
        });
        Standings {
            fault: fault.map(|choice| choice.name),
            paused: self.site.is_paused(),
            ..Standings::of(status, self.sheet.timeline().unfiled(), cut_off)
        }
    }

    /// Until the queue is empty, or will not become so.
    async fn drained(&self) {
        let deadline = Instant::now() + DRAINED_WITHIN;
        while queued(&self.status().await) > 0 && Instant::now() < deadline {
            sleep_until((Instant::now() + LOOK_EVERY).min(deadline)).await;
        }
    }

    async fn status(&self) -> Value {
        match self.gate.ask(Question::Status).await {
            Answer::Ok(status) => status,
            Answer::Refused(_) | Answer::Error(_) => Value::Null,
        }
    }

    async fn account(&self, interrupted: bool) -> Ending {
        let status = self.status().await;
        let books = self.wechat.books();
        let site = self.site.report();
        let audit = {
            let timeline = self.sheet.timeline();
            Audit::of(&Evidence {
                status: &status,
                charges: timeline.charges(),
                site: &site,
                books: &books,
            })
        };
        self.sum_up(&audit, &site, &books);
        Ending {
            audit,
            interrupted,
            kept_in: self.folder.kept_in(),
        }
    }

    fn sum_up(&self, audit: &Audit, site: &SiteReport, books: &Books) {
        let sums = &audit.sums;
        let row = |name: &str, text: String| {
            self.sheet.pen.write(format!("  {name:<16}{text}"));
        };
        self.sheet.pen.write(String::new());
        row(
            "cars",
            format!(
                "{} came in and left, {} are inside, {} waited in vain",
                sums.passages,
                site.inside(),
                site.not_raised()
            ),
        );
        row(
            "charged",
            format!(
                "{} yuan = {} settled + {} with the staff + {} withdrawn; {} charges in the queue",
                yuan(sums.charged_fen),
                yuan(sums.settled_fen),
                yuan(sums.handed_to_staff_fen),
                yuan(sums.withdrawn_fen),
                sums.queued
            ),
        );
        row(
            "WeChat's books",
            format!(
                "{} charges, {} yuan paid; {} lost, {} doubled",
                books.orders.len(),
                yuan(books.fen_in(OrderState::Success)),
                sums.lost,
                sums.doubled
            ),
        );
        let spread = |ms: &[u64]| {
            let (half, most) = (percentile(ms, 50), percentile(ms, 99));
            format!("half within {half} ms, 99 % within {most} ms")
        };
        for (name, ms) in [
            ("entries rose", site.entry_latencies_ms()),
            ("exits rose", site.exit_latencies_ms()),
        ] {
            if !ms.is_empty() {
                row(name, spread(&ms));
            }
        }
    }

    /// Ends the daemon, then what it spoke to.
    async fn strike(self) {
        self.gate.stop().await;
        self.wechat.shutdown().await;
    }
}

async fn start_gate(config_file: PathBuf, sheet: &Arc<Sheet>) -> Result<Gate, DemoError> {
    let (config, tariff) = Config::load_with_tariff(&config_file).map_err(DemoError::Config)?;
    let sheet = sheet.clone();
    let parts = Parts {
        config,
        tariff,
        observer: Some(Box::new(move |observed| sheet.observe(&observed))),
        notifier: Notifier::default(),
    };
    Ok(Gate::start(parts).await?)
}

/// Ctrl-C or SIGTERM, or a terminal that is closed; never, where there are no signals to wait for.
async fn interrupt(is_terminal: bool) {
    let signals = [
        SignalKind::interrupt(),
        SignalKind::terminate(),
        SignalKind::hangup(),
    ];
    // Without a terminal of its own it may have been started to outlive one.
    let count = if is_terminal { 3 } else { 2 };
    let mut any = JoinSet::new();
    for kind in signals.into_iter().take(count) {
        let Ok(mut signals) = signal(kind) else {
            return std::future::pending().await;
        };
        any.spawn(async move { signals.recv().await });
    }
    // None of them panics.
    let _ = any.join_next().await;
}
