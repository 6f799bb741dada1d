//! The connection that tells. One message is under way at a time, and what comes next is looked up when
//! it has arrived: so nothing piles up, and the newest state wins.

use std::convert::Infallible;
use std::sync::Mutex;
use std::time::Duration;

use rumqttc::{Event, LastWill, Packet, Publish, QoS, Request, Subscribe};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until, timeout};

use super::announcement::Announcement;
use super::cloud_event::Events;
use super::told::{self, Message, Next, Told};
use super::topic::Topics;
use crate::broker::backoff::Backoff;
use crate::broker::{Connection, Endpoint, LinkFault, WRITE_WITHIN};

/// No alarm or state is larger.
const PACKET_BYTES_MAX: usize = 256 * 1024;
/// A broker that acknowledges nothing for so long is left.
const ACKNOWLEDGED_WITHIN: Duration = Duration::from_secs(10);
/// How long saying goodbye may take.
const GOODBYE_WITHIN: Duration = Duration::from_secs(2);
/// A connection that lived this long proved healthy.
const PROVEN_AFTER: Duration = Duration::from_secs(20);

/// Where and as whom to tell.
#[derive(Clone, Debug)]
pub struct Settings {
    pub endpoint: Endpoint,
    /// Another one than the cameras' connection has.
    pub client_id: String,
    pub topics: Topics,
}

/// The running connection; it ends when this is dropped, and the broker then tells the last will.
pub struct Announcer {
    stop: watch::Sender<bool>,
    task: Mutex<Option<JoinHandle<()>>>,
}

/// Tells what `announcements` holds, for ever. `on_fault` hears at every attempt why it cannot, and None
/// when it can again; it must not block.
///
/// # Panics
/// Outside of a tokio runtime.
pub fn spawn(
    settings: Settings,
    announcements: watch::Receiver<Announcement>,
    on_fault: impl Fn(Option<LinkFault>) + Send + Sync + 'static,
) -> Announcer {
    let (stop, stopped) = watch::channel(false);
    let run = getrandom::u64().unwrap_or_default();
    let speaker = Speaker {
        events: Events::new(settings.topics.source(), run),
        settings,
        announcements,
        stopped,
        told: Told::default(),
        on_fault: Box::new(on_fault),
    };
    Announcer {
        stop,
        task: Mutex::new(Some(tokio::spawn(speaker.speak()))),
    }
}

impl Announcer {
    /// Says that the box stops, and ends.
    pub async fn close(&self) {
        self.stop.send_replace(true);
        let task = self.task.lock().map(|mut task| task.take());
        if let Ok(Some(task)) = task {
            // A panic costs the goodbye, and then the last will says the same.
            let _ = timeout(2 * GOODBYE_WITHIN, task).await;
        }
    }
}

struct Speaker {
    settings: Settings,
    announcements: watch::Receiver<Announcement>,
    stopped: watch::Receiver<bool>,
    events: Events,
    told: Told,
    on_fault: Box<dyn Fn(Option<LinkFault>) + Send + Sync>,
}

impl Speaker {
    async fn speak(mut self) {
        let mut backoff = Backoff::default();
        let mut is_faulty = false;
        loop {
            let began = Instant::now();
            let Err(fault) = self.live(&mut is_faulty).await;
            if fault == LinkFault::Closed {
                return;
            }
            if began.elapsed() >= PROVEN_AFTER {
                backoff.reset();
            }
            tracing::debug!(%fault, "the box's state is not told");
            is_faulty = true;
            (self.on_fault)(Some(fault));
            let wait = backoff.next(getrandom::u64().unwrap_or_default());
            tokio::select! {
                () = sleep(wait) => {}
                () = stop(&mut self.stopped) => return,
            }
        }
    }

    /// One connection.
    async fn live(&mut self, is_faulty: &mut bool) -> Result<Infallible, LinkFault> {
        let will = self.will();
        let settings = &self.settings;
        let shape = |options: &mut rumqttc::MqttOptions| {
            options
                .set_last_will(will)
                .set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
        };
        let mut connection = Connection::new(&settings.endpoint, &settings.client_id, shape)?;
        tokio::select! {
            () = stop(&mut self.stopped) => return Err(LinkFault::Closed),
            connected = connection.connect() => connected?,
        }
        self.told.connected();
        // What an earlier run raised and nobody took back. QoS 0, so that nothing need be acknowledged.
        let alarms = Subscribe::new(self.settings.topics.alarms(), QoS::AtMostOnce);
        connection.ask(Request::Subscribe(alarms)).await?;
        let mut under_way: Option<UnderWay> = None;
        loop {
            if under_way.is_none() {
                under_way = self.tell_next(&mut connection).await?;
            }
            let answer_until = under_way.as_ref().map(|it| it.until);
            tokio::select! {
                () = stop(&mut self.stopped) => {
                    self.goodbye(&mut connection).await;
                    return Err(LinkFault::Closed);
                }
                () = until(answer_until) => return Err(LinkFault::Silent {
                    question: "a message about the box's state",
                }),
                // The sender lives as long as the gate: an error is its end, and `stopped` says so too.
                Ok(()) = self.announcements.changed(), if under_way.is_none() => {}
                event = connection.poll() => match event {
                    Ok(Event::Incoming(Packet::PubAck(ack))) => {
                        if let Some(arrived) = under_way.take_if(|it| it.id == ack.pkid) {
                            self.told.took(arrived.what);
                            if std::mem::take(is_faulty) {
                                (self.on_fault)(None);
                            }
                        }
                    }
                    Ok(Event::Incoming(Packet::Publish(publish))) => self.heard(&publish),
                    Ok(_) => {}
                    Err(error) => return Err(connection.fault(&error)),
                },
            }
        }
    }

    async fn tell_next(
        &mut self,
        connection: &mut Connection,
    ) -> Result<Option<UnderWay>, LinkFault> {
        let announcement = self.announcements.borrow_and_update().clone();
        let Some(what) = self.told.next(&announcement) else {
            return Ok(None);
        };
        let message = what.message(&self.settings.topics, &mut self.events, &announcement.at);
        let id = connection.ask(request(message)).await?;
        let until = Instant::now() + ACKNOWLEDGED_WITHIN;
        Ok(Some(UnderWay { id, what, until }))
    }

    fn heard(&mut self, publish: &Publish) {
        // What we publish ourselves comes back too, not marked as retained.
        if publish.retain
            && !publish.payload.is_empty()
            && let Some(id) = self.settings.topics.alarm_of(&publish.topic)
        {
            self.told.found(id);
        }
    }

    fn will(&mut self) -> LastWill {
        let state = self.announcements.borrow().state.clone();
        let payload = told::offline(&mut self.events, None, "connection lost", &state);
        LastWill::new(
            self.settings.topics.state(),
            payload,
            QoS::AtLeastOnce,
            true,
        )
    }

    async fn goodbye(&mut self, connection: &mut Connection) {
        let last = self.announcements.borrow().clone();
        let at = Some(&*last.at).filter(|at| !at.is_empty());
        let message = Message {
            topic: self.settings.topics.state(),
            payload: told::offline(&mut self.events, at, "stopped", &last.state),
            retain: true,
        };
        let said = timeout(GOODBYE_WITHIN, async {
            let id = connection.ask(request(message)).await?;
            loop {
                match connection.poll().await {
                    Ok(Event::Incoming(Packet::PubAck(ack))) if ack.pkid == id => break,
                    Ok(_) => {}
                    Err(error) => return Err(connection.fault(&error)),
                }
            }
            connection.write([Packet::Disconnect], WRITE_WITHIN).await
        });
        if !matches!(said.await, Ok(Ok(()))) {
            tracing::debug!("the broker was not told of the end; it will tell the last will");
        }
    }
}

struct UnderWay {
    id: u16,
    what: Next,
    until: Instant,
}

fn request(message: Message) -> Request {
    let mut publish = Publish::new(message.topic, QoS::AtLeastOnce, message.payload);
    publish.retain = message.retain;
    Request::Publish(publish)
}

async fn until(instant: Option<Instant>) {
    match instant {
        Some(instant) => sleep_until(instant).await,
        None => std::future::pending().await,
    }
}

/// Waits until the announcer is closed or dropped.
async fn stop(stopped: &mut watch::Receiver<bool>) {
    let _ = stopped.wait_for(|stop| *stop).await;
}
