//! The gate: the only place that knows everybody. It opens the store, starts the adapters and runs
//! the one loop: what happened → decide → commit → carry out.

pub mod account;
mod announcing;
mod barriers;
mod bills;
mod callbacks;
mod clock_watch;
pub mod devices;
mod disk_watch;
pub mod ears;
mod enquiries;
mod erasure;
pub mod inbox;
pub mod journal;
pub mod keys;
mod leftovers;
mod mark;
mod ports;
mod raised;
mod replay;
mod report;
pub mod rows;
pub mod rules;
mod run;
mod secrets;
mod steward;
#[cfg(test)]
mod tests;
mod thread;
pub mod turn;
mod upkeep_watch;
mod wishes;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::{AbortHandle, JoinError, JoinHandle};

use crate::broker::{Endpoint, LinkFault};
use crate::camera::mqtt::{self, Link, LinkEvent};
use crate::charges::sender;
use crate::clock::{Clock, TrustRule};
use crate::config::Config;
use crate::control::server::Server;
use crate::control::{Answer, Question};
use crate::health::systemd::Notifier;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::tariff::Tariff;
use crate::lane::time::{Now, Wall};
use crate::notice::Tally;
use crate::notice::receiver::Receiver;
use crate::park::event::Event;
use crate::park::step::Step;
use crate::site::{self, Announcement, Announcer};
use crate::store::index::{Index, IndexReport};
use crate::story::archive::Archive;

use account::Account;
pub use disk_watch::COMMITS_A_CAR;
pub use enquiries::find_directly;
use inbox::{Inbox, Message};
use keys::Keeper;
use ports::Ports;
use replay::Store;
pub use rules::rules;
use run::Loop;
pub use secrets::{client as client_directly, settings, tls};
use thread::GateThread;
use turn::Turner;

/// Calls between the loop and the sender; the queue keeps fewer under way.
const CALLS_MAX: usize = 256;
/// People whose questions wait to be put to WeChat.
const ENQUIRIES_MAX: usize = 4;
/// People who want the keys to be read anew.
const RELOADS_MAX: usize = 4;
/// How long stopping may take.
const STOP_WITHIN: Duration = Duration::from_secs(15);

/// What a gate is made of.
pub struct Parts {
    pub config: Config,
    pub tariff: Tariff,
    /// Sees every step after its commit, on the loop's thread: it must not wait.
    pub observer: Option<Observer>,
    /// Hears when the lanes are served, and that the loop turns.
    pub notifier: Notifier,
}

/// Whoever watches the gate at work.
pub type Observer = Box<dyn Fn(Observed) + Send>;

/// One step, as it was decided and committed.
#[derive(Clone, Debug)]
pub struct Observed {
    pub now: Now,
    pub event: Event,
    pub step: Step,
}

/// Why the gate does not start. Everything else starts, with an alarm (DESIGN 3.12).
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another daemon has the store, or it is another box's.
    #[error("the store cannot be used")]
    Store(#[source] crate::store::ledger::LedgerError),
    /// The local socket cannot be made.
    #[error("the socket {} cannot be made; check [control] socket and its folder", .path.display())]
    Socket {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// The system gives no thread.
    #[error("a thread cannot be started")]
    Thread(#[source] std::io::Error),
}

/// A running gate.
pub struct Gate {
    inbox: Inbox,
    /// None without a camera that speaks MQTT.
    link: Option<Arc<Link>>,
    ports: Ports,
    announcer: Option<Announcer>,
    notifier: Notifier,
    _server: Server,
    tasks: Vec<AbortHandle>,
    work: JoinHandle<Ended>,
    ended: oneshot::Receiver<()>,
    _thread: GateThread,
}

/// How the loop ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// It was told to.
    Stopped,
    /// A new start is needed to take up what the store holds.
    RestartWanted,
    /// It panicked, or did not end: a fault of parkgate. What was committed is safe.
    Broken,
}

impl Gate {
    /// Opens, replays, starts every adapter, and serves the lanes. Waits for nothing outside.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start(parts: Parts) -> Result<Self, StartError> {
        Self::start_by(parts, Clock::system).await
    }

    /// As [`Gate::start`], by a clock that `make` makes of the rule and of the last trusted time on
    /// record: for tests that set it.
    ///
    /// # Errors
    /// See [`StartError`].
    pub async fn start_by(
        parts: Parts,
        make: impl FnOnce(TrustRule, Wall) -> Clock,
    ) -> Result<Self, StartError> {
        let Parts {
            config,
            tariff,
            observer,
            notifier,
        } = parts;
        let rules = rules::rules(&config, tariff);
        let store = Store::open(&config, rules).map_err(StartError::Store)?;
        let clock = make(config.clock.trust, store.last_trusted);
        let (inbox, outlet) = inbox::open();
        for alarm in &store.alarms {
            inbox.offer(Message::Alarm(alarm.clone()));
        }
        let ledger = store.park.ledger();
        let index = start_index(&config, &clock, &inbox).map_err(StartError::Thread)?;
        let client = secrets::client(&config, &clock);
        if let Err(missing) = &client {
            inbox.offer(Message::Alarm(secrets_missing(missing)));
        }
        let (calls, queue) = mpsc::channel(CALLS_MAX);
        let account = Account::new(client);
        let sender = sender::run(account.clone(), clock.clone(), inbox.clone(), queue);
        let (enquiries, asked) = mpsc::channel(ENQUIRIES_MAX);
        let asking = enquiries::run(account.clone(), enquiries::asker(&config), asked);
        let (reloads, wanted) = mpsc::channel(RELOADS_MAX);
        let keeper = Keeper::new(&config, account.clone(), clock.clone(), inbox.clone());
        let mut tasks = vec![
            tokio::spawn(sender).abort_handle(),
            tokio::spawn(asking).abort_handle(),
            tokio::spawn(keeper.run(wanted)).abort_handle(),
        ];
        let progress = config.bills.fetch.then(bills::Progress::default);
        if let Some(progress) = progress.clone() {
            let (account, clock, inbox) = (account.clone(), clock.clone(), inbox.clone());
            let rounds = bills::Rounds::new(&config, ledger, account, clock, inbox, progress);
            tasks.push(tokio::spawn(rounds.run()).abort_handle());
        }
        let notices = Tally::default();
        let receiver = Receiver::new(
            account.clone(),
            clock.clone(),
            inbox.clone(),
            notices.clone(),
        );
        tasks.extend(callbacks::start(&config, &receiver));
        let thread = GateThread::start().map_err(StartError::Thread)?;
        let link = start_link(&config, &clock, &inbox, thread.runtime());
        let ports = Ports::start(&config.lanes, &clock, &inbox, thread.runtime());
        let (announcements, announced) = watch::channel(Announcement::default());
        let announcer = start_announcer(&config, announced, link.clone(), &inbox);
        let socket = &config.control.socket;
        let archive = Archive::new(replay::ledger_dir(&config));
        let server = Server::start(socket, inbox.clone(), archive).await;
        let server = server.map_err(|source| StartError::Socket {
            path: socket.clone(),
            source,
        })?;
        let barriers = barriers::start(&config.lanes, link.as_ref(), &clock, &inbox);
        let barriers = barriers.map_err(StartError::Thread)?;
        let (tell_end, ended) = oneshot::channel();
        let steward = steward::Steward::start(&config, &clock, index.client(), inbox.clone());
        let started_at = clock.now();
        let work = Loop {
            devices: devices::Devices::new(&config.lanes, started_at.moment),
            ears: ears::Ears::new(&config.lanes, ledger, started_at.moment),
            ports: ports.clone(),
            barriers,
            turner: Turner::new(store.park, store.journal),
            restart_wanted: store.restart_wanted,
            mark: store.mark,
            started: store.started,
            outlet,
            clock,
            clock_watch: clock_watch::ClockWatch::default(),
            upkeep_watch: upkeep_watch::UpkeepWatch::default(),
            disk_watch: disk_watch::DiskWatch::new(
                config.store.path.clone(),
                config.store.low_disk_mb,
            ),
            calls,
            enquiries,
            account,
            notices: config.callbacks.are_received().then_some(notices),
            bills: progress,
            reloads,
            index,
            steward: steward.map_err(StartError::Thread)?,
            rotations: Vec::new(),
            alarms: crate::health::Alarms::default(),
            announcing: announcing::Announcing::new(notifier.clone(), announcements, started_at),
            observer,
            store_dir: config.store.path.clone(),
        };
        let work = thread.runtime().spawn(async move {
            let end = work.run().await;
            // Nobody may be waiting any more.
            let _ = tell_end.send(());
            end
        });
        Ok(Self {
            inbox,
            link,
            ports,
            announcer,
            notifier,
            _server: server,
            tasks,
            work,
            ended,
            _thread: thread,
        })
    }

    /// Asks what the socket may ask.
    pub async fn ask(&self, question: Question) -> Answer {
        let (reply, answer) = oneshot::channel();
        self.inbox
            .put_message(Message::Asked(question, reply))
            .await;
        answer
            .await
            .unwrap_or_else(|_| Answer::Error("the gate has stopped".to_owned()))
    }

    /// Waits until the loop ends by itself.
    pub async fn ended(&mut self) {
        // An error says that the loop is gone, which is what is waited for.
        let _ = (&mut self.ended).await;
    }

    /// Finishes what is at hand and ends. What is due stays in the ledger.
    pub async fn stop(mut self) -> Ended {
        self.notifier.stopping();
        match tokio::time::timeout(STOP_WITHIN, self.finish()).await {
            Ok(Ok(end)) => end,
            Ok(Err(_)) => {
                tracing::error!("the loop panicked, please report it; what it committed is safe");
                Ended::Broken
            }
            Err(_) => {
                tracing::error!("the loop did not end in time; what it committed is safe");
                Ended::Broken
            }
        }
    }

    /// The loop first: what its last turn raises still leaves.
    async fn finish(&mut self) -> Result<Ended, JoinError> {
        self.inbox.put_message(Message::Stop).await;
        let end = (&mut self.work).await;
        if let Some(link) = &self.link {
            link.close().await;
        }
        self.ports.close().await;
        if let Some(announcer) = &self.announcer {
            announcer.close().await;
        }
        for task in &self.tasks {
            task.abort();
        }
        end
    }
}

fn start_index(config: &Config, clock: &Clock, inbox: &Inbox) -> std::io::Result<Index> {
    let truth = rows::GateTruth {
        dir: replay::ledger_dir(config),
        inbox: inbox.clone(),
    };
    let inbox = inbox.clone();
    let on_report = move |report: IndexReport| {
        let raised = !matches!(report, IndexReport::Ready { .. });
        tracing::info!("{report}");
        inbox.offer(Message::Alarm(Alarm {
            kind: AlarmKind::IndexUnavailable,
            subject: "index".to_owned(),
            raised,
            text: report.to_string(),
        }));
    };
    Index::spawn(
        config.store.path.join("index"),
        clock.clone(),
        truth,
        on_report,
    )
}

/// None where no camera needs a broker.
fn start_link(
    config: &Config,
    clock: &Clock,
    inbox: &Inbox,
    runtime: &Handle,
) -> Option<Arc<Link>> {
    let lanes = config.lanes.iter();
    let on_broker = lanes.filter(|lane| lane.camera.text().is_none());
    let cameras: Vec<String> = on_broker
        .map(|lane| lane.camera.device_id.clone())
        .collect();
    if cameras.is_empty() {
        return None;
    }
    let settings = mqtt::Settings {
        endpoint: Endpoint::of(&config.mqtt),
        client_id: config.mqtt.client_id.clone(),
        cameras,
    };
    let inbox = inbox.clone();
    let _on_it = runtime.enter();
    let link = mqtt::spawn(settings, clock.clone(), move |event| hear(event, &inbox));
    Some(Arc::new(link))
}

fn start_announcer(
    config: &Config,
    announced: watch::Receiver<Announcement>,
    link: Option<Arc<Link>>,
    inbox: &Inbox,
) -> Option<Announcer> {
    if !config.mqtt.announce {
        return None;
    }
    let settings = site::Settings {
        endpoint: Endpoint::of(&config.mqtt),
        client_id: format!("{}-state", config.mqtt.client_id),
        topics: site::Topics::new(&config.site.id, &config.site.box_id),
    };
    let inbox = inbox.clone();
    let on_fault = move |fault: Option<LinkFault>| {
        let text = match &fault {
            // The cameras' connection has the same broker and says why, once.
            Some(_) if link.as_ref().is_some_and(|link| !link.is_up()) => return,
            // It is made anew at once.
            Some(LinkFault::Lost { .. }) => return,
            Some(fault) => format!("the box's state and alarms are not told: {fault}"),
            None => "the box's state and alarms are told again".to_owned(),
        };
        inbox.offer(link_alarm("state", fault.is_some(), text));
    };
    Some(site::spawn(settings, announced, on_fault))
}

/// Runs in the connection's task: never waits.
fn hear(event: LinkEvent, inbox: &Inbox) {
    let messages = match event {
        LinkEvent::Camera(heard) => vec![Message::Camera(heard)],
        LinkEvent::NotWritten { command_id, reason } => vec![Message::NotWritten {
            command_id,
            why: reason.to_string(),
        }],
        LinkEvent::Up => vec![
            broker_files_alarm(false, "the broker's files serve".to_owned()),
            link_alarm(BROKER, false, "the broker is reached".to_owned()),
        ],
        LinkEvent::Down { reason } => broker_down(&reason),
        LinkEvent::Refused { filters } => vec![refused(&filters)],
    };
    for message in messages {
        if !inbox.offer(message) {
            tracing::error!("the inbox is full; a message from a camera was dropped");
        }
    }
}

/// A file that is wrong is another matter than a broker that is not there, and mended elsewhere.
fn broker_down(reason: &LinkFault) -> Vec<Message> {
    match reason {
        // It is we who close it.
        LinkFault::Closed => Vec::new(),
        LinkFault::NotReady { .. } => vec![
            broker_files_alarm(true, reason.to_string()),
            link_alarm(
                BROKER,
                true,
                "the broker is not asked, see secrets_missing".to_owned(),
            ),
        ],
        reason => vec![
            broker_files_alarm(false, "the broker's files serve".to_owned()),
            link_alarm(BROKER, true, reason.to_string()),
        ],
    }
}

/// The layout in `$` is asked for on the off chance; many brokers refuse it rightly.
fn refused(filters: &[String]) -> Message {
    let missed: Vec<&str> = filters
        .iter()
        .map(String::as_str)
        .filter(|filter| !filter.starts_with('$'))
        .collect();
    let text = match missed.is_empty() {
        true => "the broker serves the cameras' topics".to_owned(),
        false => format!(
            "the broker refuses {}: cameras that speak there are not heard; check its access rules",
            missed.join(", ")
        ),
    };
    link_alarm("broker-topics", !missed.is_empty(), text)
}

/// Subject of the alarm that the cameras' broker is not reached.
const BROKER: &str = "broker";

fn link_alarm(subject: &str, raised: bool, text: String) -> Message {
    Message::Alarm(Alarm {
        kind: AlarmKind::LinkDown,
        subject: subject.to_owned(),
        raised,
        text,
    })
}

fn broker_files_alarm(raised: bool, text: String) -> Message {
    Message::Alarm(Alarm {
        kind: AlarmKind::SecretsMissing,
        subject: BROKER.to_owned(),
        raised,
        text,
    })
}

fn secrets_missing(why: &str) -> Alarm {
    Alarm {
        kind: AlarmKind::SecretsMissing,
        subject: "wechat".to_owned(),
        raised: true,
        text: format!("WeChat is stopped: {why}. The lanes run; charges wait in the ledger"),
    }
}
