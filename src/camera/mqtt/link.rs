//! The link: connection after connection, and the one way by which commands leave.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::sleep;

use super::session::{self, Ended};
use super::{LinkEvent, LinkFault, Settings};
use crate::broker::backoff::Backoff;
use crate::camera::vz_mqtt::{Layout, Outgoing, Topic, VzCommand, encode};
use crate::clock::Clock;
use crate::lane::time::Moment;

/// Commands that wait for the socket at most. At a gate there is one at a time, but the readings that share
/// a commit may each lead to one, and all of them are handed over before the first is written. Tests fill
/// it within the time that a socket which takes nothing is borne with.
const ORDERS_MAX: usize = if cfg!(test) { 16 } else { 64 };

/// Cameras remembered where none are configured.
const HEARD_MAX: usize = 1024;

/// A connection that lived this long proved healthy: it outlived a keep-alive interval, so that the
/// broker answered at least one ping.
const PROVEN_AFTER_MS: u64 = 20_000;

/// A connection to a broker that is kept up until it is closed or dropped.
pub struct Link {
    shared: Arc<Shared>,
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Why a command was not sent. It will not be sent later either.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotSent {
    #[error("there is no connection to the broker")]
    Down,
    #[error("the command's time has passed")]
    Expired,
    #[error("too many commands wait for the socket")]
    Busy,
    #[error("the command is too large")]
    TooLarge,
    #[error("this broker has no such camera")]
    UnknownCamera,
}

/// Connects to a broker and keeps connected; see [`LinkEvent`] for what `sink` is told.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn spawn(
    settings: Settings,
    clock: Clock,
    sink: impl Fn(LinkEvent) + Send + Sync + 'static,
) -> Link {
    let heard = settings
        .cameras
        .iter()
        .map(|serial| serial.trim())
        .filter(|serial| is_serial(serial))
        .map(|serial| {
            (
                serial.to_lowercase(),
                (Layout::default(), serial.to_owned()),
            )
        })
        .collect();
    let shared = Arc::new(Shared {
        settings,
        clock,
        sink: Box::new(sink),
        outlet: Mutex::new(None),
        heard: Mutex::new(heard),
        refused: Mutex::new(BTreeSet::new()),
    });
    let (stop, stopped) = watch::channel(false);
    let task = tokio::spawn(keep_connected(shared.clone(), stopped));
    Link {
        shared,
        stop,
        task: Mutex::new(Some(task)),
    }
}

impl Link {
    /// Hands a command to the connection, without waiting. It goes out at QoS 0 on the layout on
    /// which the camera was last heard.
    ///
    /// `Ok` says that the connection took it. What it then cannot write, because the time passed or
    /// the connection broke, is reported as [`LinkEvent::NotWritten`]; what was written is known to
    /// have worked only by the camera's reply to `command_id`.
    ///
    /// # Errors
    /// Nothing was or will be sent, and why.
    pub fn send(
        &self,
        camera_id: &str,
        command: &VzCommand,
        command_id: String,
        valid_until: Moment,
    ) -> Result<(), NotSent> {
        let (layout, serial) = self.shared.address(camera_id)?;
        let now = self.shared.clock.now();
        if now.moment > valid_until {
            return Err(NotSent::Expired);
        }
        let message = encode(layout, &serial, command, &command_id, now.wall);
        if message.topic.len() + message.payload.len() > session::COMMAND_BYTES_MAX {
            return Err(NotSent::TooLarge);
        }
        let order = Order {
            message,
            command_id,
            valid_until,
        };
        match &*lock(&self.shared.outlet) {
            Some(outlet) => outlet.try_send(order).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => NotSent::Busy,
                mpsc::error::TrySendError::Closed(_) => NotSent::Down,
            }),
            None => Err(NotSent::Down),
        }
    }

    /// Whether a command would be taken now.
    pub fn is_up(&self) -> bool {
        lock(&self.shared.outlet).is_some()
    }

    /// Says goodbye to the broker and waits for the connection's end. Nothing is sent afterwards.
    pub async fn close(&self) {
        self.stop.send_replace(true);
        let task = lock(&self.task).take();
        if let Some(task) = task {
            // A panic was reported when it happened.
            let _ = task.await;
        }
    }
}

/// A command on its way to the socket.
pub(super) struct Order {
    pub message: Outgoing,
    pub command_id: String,
    pub valid_until: Moment,
}

/// What the link and its connections share.
pub(super) struct Shared {
    pub settings: Settings,
    pub clock: Clock,
    sink: Box<dyn Fn(LinkEvent) + Send + Sync>,
    /// The way to the connection that is up. Each connection has its own, so that nothing can pass
    /// from one to the next.
    outlet: Mutex<Option<mpsc::Sender<Order>>>,
    /// By camera id: layout and serial as the camera spells it.
    heard: Mutex<BTreeMap<String, (Layout, String)>>,
    /// Filters that the broker refused when it was last asked for them.
    refused: Mutex<BTreeSet<String>>,
}

impl Shared {
    pub fn tell(&self, event: LinkEvent) {
        (self.sink)(event);
    }

    /// Opens the way for commands to a new connection.
    pub fn open(&self) -> mpsc::Receiver<Order> {
        let (sender, receiver) = mpsc::channel(ORDERS_MAX);
        *lock(&self.outlet) = Some(sender);
        receiver
    }

    /// Closes it. What waits in the receiver is not added to any more.
    pub fn close(&self) {
        *lock(&self.outlet) = None;
    }

    /// Takes note of the broker's word on filters, and reports what it refuses if that changed.
    pub fn answered(&self, granted: &[String], refused: &[String]) {
        let mut known = lock(&self.refused);
        let before = known.clone();
        known.retain(|filter| !granted.contains(filter));
        known.extend(refused.iter().cloned());
        if *known == before {
            return;
        }
        let filters: Vec<String> = known.iter().cloned().collect();
        drop(known);
        tracing::info!(?filters, "topics that the broker refuses to serve");
        self.tell(LinkEvent::Refused { filters });
    }

    /// Remembers how a camera lays out its topics.
    pub fn hear(&self, topic: &Topic<'_>) {
        let mut heard = lock(&self.heard);
        let id = topic.camera_id();
        let room = self.settings.cameras.is_empty() && heard.len() < HEARD_MAX;
        match heard.get_mut(&id) {
            Some((layout, serial)) => {
                *layout = topic.layout;
                if serial != topic.serial {
                    topic.serial.clone_into(serial);
                }
            }
            None if room => {
                heard.insert(id, (topic.layout, topic.serial.to_owned()));
            }
            None => {}
        }
    }

    fn address(&self, camera_id: &str) -> Result<(Layout, String), NotSent> {
        if let Some(known) = lock(&self.heard).get(&camera_id.trim().to_lowercase()) {
            return Ok(known.clone());
        }
        if self.settings.cameras.is_empty() && is_serial(camera_id) {
            return Ok((Layout::default(), camera_id.to_owned()));
        }
        Err(NotSent::UnknownCamera)
    }
}

/// Whether a text may be one level of a topic.
pub(super) fn is_serial(text: &str) -> bool {
    !text.is_empty() && !text.contains(['/', '+', '#', '\0'])
}

/// Every lock here guards plain data that is whole at any moment.
fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

async fn keep_connected(shared: Arc<Shared>, mut stopped: watch::Receiver<bool>) {
    let mut backoff = Backoff::default();
    let mut layouts = session::Layouts::All;
    let mut told = None;
    loop {
        // In a task of its own, so that a panic costs one connection and not the link.
        let session = tokio::spawn(session::run(shared.clone(), layouts, stopped.clone()));
        let ended = session
            .await
            .unwrap_or_else(|_| Ended::over(LinkFault::Panicked));
        shared.close();
        if ended.fault == LinkFault::Closed {
            shared.tell(LinkEvent::Down {
                reason: LinkFault::Closed,
            });
            return;
        }
        if ended.dollar_unwelcome {
            layouts = session::Layouts::WithoutDollar;
            continue;
        }
        // Asked again after every outage: it may have been the connection and not the question.
        layouts = session::Layouts::All;
        if ended.up_ms.is_some_and(|ms| ms >= PROVEN_AFTER_MS) {
            backoff.reset();
        }
        if ended.up_ms.is_some() || told.as_ref() != Some(&ended.fault) {
            // Whoever is told makes an alarm of it.
            tracing::debug!(fault = %ended.fault, "no connection to the cameras' broker");
            told = Some(ended.fault.clone());
            shared.tell(LinkEvent::Down {
                reason: ended.fault,
            });
        }
        let wait = backoff.next(getrandom::u64().unwrap_or_default());
        tokio::select! {
            () = sleep(wait) => {}
            _ = stopped.wait_for(|stop| *stop) => {
                shared.tell(LinkEvent::Down { reason: LinkFault::Closed });
                return;
            }
        }
    }
}
