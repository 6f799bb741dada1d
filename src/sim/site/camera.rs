//! A virtual camera: a connection of its own to the broker, readings and signs of life up, commands
//! down, and a relay that pulses a barrier.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, Publish, QoS};
use serde::Deserialize;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};

use super::barrier::Barrier;
use super::message::{self, Message, Sight, Trigger};
use super::traffic::Car;
use crate::clock::Clock;
use crate::lane::time::Moment;

/// How a camera hands its messages to the broker.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Delivery {
    /// QoS 0. For a broker that does not set TCP_NODELAY, such as rumqttd: with QoS 1 its
    /// acknowledgement to the camera would hold the command after it back for 40 ms.
    #[default]
    AtMostOnce,
    /// QoS 1, as most cameras are set.
    AtLeastOnce,
}

/// One camera.
#[derive(Clone, Debug)]
pub(super) struct Settings {
    pub host: String,
    pub port: u16,
    pub serial: String,
    pub delivery: Delivery,
}

/// Why a camera does not work.
#[derive(Clone, Debug, thiserror::Error)]
pub enum CameraError {
    /// No connection, or no answer to the subscription, within the time.
    #[error("the broker at {host}:{port} did not serve it within {CONNECT_WITHIN:?}")]
    NotConnected { host: String, port: u16 },
    /// The connection is down. What was to be said is forgotten.
    #[error("it is not connected to its broker")]
    Down,
}

/// A connected camera, and the barrier behind its first relay.
pub(super) struct Camera {
    shared: Arc<Shared>,
    tasks: [JoinHandle<()>; 2],
}

struct Shared {
    settings: Settings,
    client: AsyncClient,
    clock: Clock,
    barrier: Arc<Barrier>,
    records: AtomicU64,
    connected: watch::Sender<bool>,
}

/// The input that the loop under the arm is wired to, from 0.
pub const CLOSING_INPUT: u8 = 1;

const CONNECT_WITHIN: Duration = Duration::from_secs(5);
const RECONNECT_AFTER: Duration = Duration::from_millis(500);
const KEEP_ALIVE: Duration = Duration::from_secs(30);
const PACKET_BYTES_MAX: usize = 16 * 1024 * 1024;
const OUTBOX_MAX: usize = 64;
const HEARTBEAT_EVERY: Duration = Duration::from_secs(10);
/// From the quick reading to the final one.
const FINAL_AFTER: Duration = Duration::from_millis(130);
/// Relay that the barrier is wired to, from 0.
const BARRIER_OUTPUT: i64 = 0;

const DONE: u16 = 200;
const BAD_REQUEST: u16 = 400;
const NO_SUCH_COMMAND: u16 = 405;

impl Camera {
    /// Connects and subscribes. A connection that is lost later is made anew, for ever.
    pub async fn connect(
        settings: Settings,
        barrier: Arc<Barrier>,
        clock: Clock,
    ) -> Result<Self, CameraError> {
        let mut options = MqttOptions::new(&settings.serial, &settings.host, settings.port);
        options
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_session(true)
            .set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
        let (client, mut connection) = AsyncClient::new(options, OUTBOX_MAX);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        connection.set_network_options(network);
        let shared = Arc::new(Shared {
            settings,
            client,
            clock,
            barrier,
            records: AtomicU64::new(0),
            connected: watch::Sender::new(false),
        });
        let tasks = [
            tokio::spawn(keep_connected(shared.clone(), connection)),
            tokio::spawn(keep_alive(shared.clone())),
        ];
        let camera = Self { shared, tasks };
        let mut connected = camera.shared.connected.subscribe();
        let up = timeout(CONNECT_WITHIN, connected.wait_for(|up| *up)).await;
        let settings = &camera.shared.settings;
        match up {
            Ok(Ok(_)) => Ok(()),
            _ => Err(CameraError::NotConnected {
                host: settings.host.clone(),
                port: settings.port,
            }),
        }?;
        Ok(camera)
    }

    /// Sees a car: a quick reading and then the final one, under one new record number. Returns when
    /// the final one went out.
    ///
    /// # Errors
    /// [`CameraError::Down`]; the camera does not repeat it later.
    pub async fn see(&self, car: &Car, trigger: Trigger) -> Result<Moment, CameraError> {
        let shared = &self.shared;
        let sight = Sight {
            plate: car.plate.clone(),
            color: car.color,
            confidence: car.confidence,
            record: shared.records.fetch_add(1, Ordering::Relaxed) + 1,
            captured: shared.clock.now().wall,
            trigger,
        };
        let serial = &shared.settings.serial;
        shared.say(message::quick_result(serial, &sight, sight.captured))?;
        sleep(FINAL_AFTER).await;
        let now = shared.clock.now();
        shared.say(message::final_result(serial, &sight, now.wall))?;
        Ok(now.moment)
    }

    /// A car is on the loop under the arm, or not any more.
    pub fn set_occupied(&self, occupied: bool) {
        let shared = &self.shared;
        let now = shared.clock.now().wall;
        let serial = &shared.settings.serial;
        // A camera without a broker forgets levels.
        let _ = shared.say(message::input(serial, CLOSING_INPUT, occupied, now));
    }

    /// A sign of life, now.
    pub fn beat(&self) {
        self.shared.beat();
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    /// Never waits: what has no room is not said.
    fn say(&self, message: Message) -> Result<(), CameraError> {
        if !*self.connected.borrow() {
            return Err(CameraError::Down);
        }
        let qos = match self.settings.delivery {
            Delivery::AtMostOnce => QoS::AtMostOnce,
            Delivery::AtLeastOnce => QoS::AtLeastOnce,
        };
        self.client
            .try_publish(message.topic, qos, false, message.payload)
            .map_err(|_| CameraError::Down)
    }

    fn beat(&self) {
        let now = self.clock.now().wall;
        // The next one comes in 10 s.
        let _ = self.say(message::heartbeat(&self.settings.serial, now));
    }

    fn obey(&self, publish: &Publish) {
        let Some(name) = publish.topic.rsplit('/').next() else {
            return;
        };
        let code = match serde_json::from_slice::<Command>(&publish.payload) {
            Ok(command) => {
                let code = self.carry_out(name, &command);
                self.reply(&publish.topic, name, &command.id, code);
                return;
            }
            Err(_) => BAD_REQUEST,
        };
        self.reply(&publish.topic, name, "", code);
    }

    /// What a camera of protocol 1.1.13 does with a command.
    fn carry_out(&self, name: &str, command: &Command) -> u16 {
        match name {
            "gpio_out" => {
                let Some(body) = command.output() else {
                    return BAD_REQUEST;
                };
                if body.io == BARRIER_OUTPUT && body.value != 0 {
                    self.barrier.pulse(self.clock.now().moment);
                }
                DONE
            }
            "serial_data" | "tts_voice" | "set_time" | "set_io_lock_status" => DONE,
            _ => NO_SUCH_COMMAND,
        }
    }

    fn reply(&self, topic: &str, name: &str, id: &str, code: u16) {
        let now = self.clock.now().wall;
        let message = message::reply(topic, &self.settings.serial, name, id, code, now);
        // Without a broker the command stays unanswered, as with hardware.
        let _ = self.say(message);
    }
}

/// A message down, as far as a virtual camera reads it.
#[derive(Debug, Deserialize)]
struct Command {
    id: String,
    #[serde(default)]
    payload: Option<CommandPayload>,
}

#[derive(Debug, Deserialize)]
struct CommandPayload {
    #[serde(default)]
    body: serde_json::Value,
}

#[derive(Clone, Copy, Debug, Deserialize)]
struct OutputBody {
    io: i64,
    value: i64,
}

impl Command {
    fn output(&self) -> Option<OutputBody> {
        OutputBody::deserialize(&self.payload.as_ref()?.body).ok()
    }
}

/// The only task that polls the connection, so that no poll is ever dropped midway.
async fn keep_connected(shared: Arc<Shared>, mut connection: EventLoop) {
    loop {
        match connection.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                let filter = message::commands(&shared.settings.serial);
                let asked = shared.client.try_subscribe(filter, QoS::AtMostOnce);
                if let Err(error) = asked {
                    tracing::warn!(serial = shared.settings.serial, %error, "cannot subscribe");
                }
            }
            Ok(Event::Incoming(Packet::SubAck(_))) => {
                shared.connected.send_replace(true);
                shared.beat();
            }
            Ok(Event::Incoming(Packet::Publish(publish))) => shared.obey(&publish),
            Ok(_) => {}
            Err(error) => {
                if shared.connected.send_replace(false) {
                    tracing::warn!(serial = shared.settings.serial, %error, "connection lost");
                }
                sleep(RECONNECT_AFTER).await;
            }
        }
    }
}

async fn keep_alive(shared: Arc<Shared>) {
    let mut beats = interval(HEARTBEAT_EVERY);
    beats.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        beats.tick().await;
        shared.beat();
    }
}
