//! A virtual VZ camera with a barrier behind its relay and a loop under the arm.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use parkgate::clock::{Clock, TrustRule};
use parkgate::lane::time::{Now, Wall};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, Publish, QoS};
use serde_json::Value;
use tokio::sync::{Mutex, MutexGuard, watch};
use tokio::task::JoinHandle;
use tokio::time::{sleep, timeout};

use crate::reading::{Reading, heartbeat, input, reply};
use crate::wait::{AT_MOST, soon};

/// Input that the loop under the arm is wired to.
pub const CLOSING_INPUT: u8 = 1;

const PACKET_BYTES_MAX: usize = 16 * 1024 * 1024;
/// How often a car that waits is read again.
const READ_AGAIN_AFTER: Duration = Duration::from_millis(1_000);
const HEARTBEAT_EVERY: Duration = Duration::from_secs(10);
const RECONNECT_AFTER: Duration = Duration::from_millis(100);

/// One camera at one lane.
pub struct Camera {
    shared: Arc<Shared>,
    /// Cars stand in line, one at a time. Holds the raise by which the last one passed: when that is
    /// issued once more the arm is up already, and nobody else passes by it.
    line: Mutex<Option<String>>,
    tasks: [JoinHandle<()>; 2],
}

/// A car in front of the barrier.
pub struct Waiting<'a> {
    camera: &'a Camera,
    plate: &'a str,
    already: usize,
    passed: MutexGuard<'a, Option<String>>,
}

/// One pulse of the relay.
#[derive(Clone, Debug)]
pub struct Pulse {
    /// Of the command: `{ledger}-{raise}-{issue}`.
    pub command_id: String,
    pub at: Wall,
}

impl Pulse {
    /// Command id without the issue.
    fn raise(&self) -> &str {
        let id = &self.command_id;
        id.rsplit_once('-').map_or(id, |(raise, _)| raise)
    }
}

struct Shared {
    client: AsyncClient,
    serial: String,
    clock: Clock,
    records: AtomicU64,
    connected: watch::Sender<bool>,
    pulses: watch::Sender<Vec<Pulse>>,
}

impl Camera {
    /// Connects and subscribes; a connection that is lost later is made anew.
    pub async fn connect(port: u16, serial: &str) -> Self {
        let mut options = MqttOptions::new(serial, "127.0.0.1", port);
        options
            .set_keep_alive(Duration::from_secs(30))
            .set_clean_session(true)
            .set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
        let (client, mut connection) = AsyncClient::new(options, 64);
        let mut network = NetworkOptions::new();
        network.set_tcp_nodelay(true);
        connection.set_network_options(network);
        let shared = Arc::new(Shared {
            client,
            serial: serial.to_owned(),
            clock: Clock::system(TrustRule::Rtc, Wall(0)),
            records: AtomicU64::new(0),
            connected: watch::Sender::new(false),
            pulses: watch::Sender::new(Vec::new()),
        });
        let tasks = [
            tokio::spawn(keep_connected(shared.clone(), connection)),
            tokio::spawn(keep_alive(shared.clone())),
        ];
        let camera = Self {
            shared,
            line: Mutex::new(None),
            tasks,
        };
        camera.connected().await;
        camera
    }

    pub fn serial(&self) -> &str {
        &self.shared.serial
    }

    /// The lane that it stands at.
    pub fn lane(&self) -> &str {
        self.serial().trim_start_matches("camera-")
    }

    /// A good reading of a blue plate, as of now, under a new record number.
    pub fn reading(&self, plate: &str) -> Reading {
        let record = self.shared.records.fetch_add(1, Ordering::Relaxed) + 1;
        Reading::of(plate, record, self.shared.now())
    }

    /// Sends a good reading.
    pub async fn read(&self, plate: &str) {
        self.send(&self.reading(plate)).await;
    }

    /// Sends a reading at QoS 1.
    pub async fn send(&self, reading: &Reading) {
        let message = reading.message(self.serial(), "ivs_result");
        self.say("ivs_result", message, false).await;
    }

    /// Sends the quick reading before the final one.
    pub async fn preview(&self, reading: &Reading) {
        let message = reading.message(self.serial(), "quick_ivs_result");
        self.say("quick_ivs_result", message, false).await;
    }

    /// Sends anything under one of this camera's topics.
    pub async fn say(&self, name: &str, message: Vec<u8>, retain: bool) {
        let topic = format!("device/{}/message/up/{name}", self.serial());
        self.publish(topic, message, retain).await;
    }

    /// Sends anything anywhere.
    pub async fn publish(&self, topic: String, message: Vec<u8>, retain: bool) {
        let client = &self.shared.client;
        let sent = client.publish(topic, QoS::AtLeastOnce, retain, message);
        soon("the camera's outbox", sent).await.unwrap();
    }

    /// A car drives up, waits until the barrier rises, and passes.
    pub async fn pass(&self, plate: &str) -> Pulse {
        let mut car = self.drive_up(plate).await;
        let pulse = car.raised_within(AT_MOST).await;
        car.pass().await;
        pulse.expect("the barrier rises")
    }

    /// A car stands in line until it is the first in front of the barrier.
    pub async fn drive_up<'a>(&'a self, plate: &'a str) -> Waiting<'a> {
        let passed = self.line.lock().await;
        Waiting {
            already: self.pulses(),
            camera: self,
            plate,
            passed,
        }
    }

    /// The car passes the loop under the arm.
    pub async fn cross(&self) {
        for level in [1, 0] {
            let now = self.shared.now();
            let message = input(self.serial(), CLOSING_INPUT, level, now);
            self.say("gpio_in", message, false).await;
        }
    }

    /// How often the relay was pulsed so far.
    pub fn pulses(&self) -> usize {
        self.shared.pulses.borrow().len()
    }

    /// Ids of all commands that pulsed the relay.
    pub fn commands(&self) -> Vec<String> {
        let pulses = self.shared.pulses.borrow();
        pulses
            .iter()
            .map(|pulse| pulse.command_id.clone())
            .collect()
    }

    /// The first pulse after so many.
    pub async fn pulse_after(&self, already: usize) -> Pulse {
        let mut pulses = self.shared.pulses.subscribe();
        let more = pulses.wait_for(|pulses| pulses.len() > already);
        more.await.expect("the camera lives")[already].clone()
    }

    /// As [`Camera::pulse_after`], with an end.
    pub async fn raised_after(&self, already: usize) -> Pulse {
        soon("the barrier to rise", self.pulse_after(already)).await
    }

    /// Waits for the connection to the broker.
    pub async fn connected(&self) {
        let mut connected = self.shared.connected.subscribe();
        let up = connected.wait_for(|up| *up);
        soon("the camera's connection", up).await.unwrap();
    }
}

impl Waiting<'_> {
    /// It is read, and read again for as long as it waits, until the barrier rises or patience ends.
    pub async fn raised_within(&mut self, patience: Duration) -> Option<Pulse> {
        let (camera, plate) = (self.camera, self.plate);
        let reading = async {
            loop {
                camera.read(plate).await;
                if let Ok(pulse) = timeout(READ_AGAIN_AFTER, self.raised()).await {
                    return pulse;
                }
            }
        };
        timeout(patience, reading).await.ok()
    }

    async fn raised(&mut self) -> Pulse {
        loop {
            let pulse = self.camera.pulse_after(self.already).await;
            self.already += 1;
            if self.passed.as_deref() != Some(pulse.raise()) {
                *self.passed = Some(pulse.raise().to_owned());
                return pulse;
            }
        }
    }

    /// It passes the arm.
    pub async fn pass(self) {
        self.camera.cross().await;
    }
}

impl Drop for Camera {
    fn drop(&mut self) {
        self.tasks.iter().for_each(JoinHandle::abort);
    }
}

impl Shared {
    fn now(&self) -> Wall {
        let Now { wall, .. } = self.clock.now();
        wall
    }

    /// Never waits: what has no room is not said.
    fn try_say(&self, topic: String, message: Vec<u8>) {
        let _ = self
            .client
            .try_publish(topic, QoS::AtMostOnce, false, message);
    }

    fn beat(&self) {
        let topic = format!("device/{}/message/up/keep_alive", self.serial);
        self.try_say(topic, heartbeat(&self.serial, self.now()));
    }

    fn obey(&self, command: &Publish) {
        let Ok(message) = serde_json::from_slice::<Value>(&command.payload) else {
            return;
        };
        let id = message["id"].as_str().unwrap_or_default();
        let is_pulse = message["payload"]["body"]["value"] == 2;
        if command.topic.ends_with("/gpio_out") && is_pulse {
            let pulse = Pulse {
                command_id: id.to_owned(),
                at: self.now(),
            };
            self.pulses.send_modify(|pulses| pulses.push(pulse));
        }
        let topic = format!("{}/reply", command.topic);
        self.try_say(topic, reply(&self.serial, id, 200, self.now()));
    }
}

/// The only task that polls the connection, so that no poll is dropped midway.
async fn keep_connected(shared: Arc<Shared>, mut connection: EventLoop) {
    loop {
        match connection.poll().await {
            Ok(Event::Incoming(Packet::ConnAck(_))) => {
                let commands = format!("device/{}/message/down/+", shared.serial);
                let _ = shared.client.try_subscribe(commands, QoS::AtMostOnce);
            }
            Ok(Event::Incoming(Packet::SubAck(_))) => {
                shared.connected.send_replace(true);
                shared.beat();
            }
            Ok(Event::Incoming(Packet::Publish(command))) => shared.obey(&command),
            Ok(_) => {}
            Err(_) => {
                shared.connected.send_replace(false);
                sleep(RECONNECT_AFTER).await;
            }
        }
    }
}

async fn keep_alive(shared: Arc<Shared>) {
    loop {
        sleep(HEARTBEAT_EVERY).await;
        if *shared.connected.borrow() {
            shared.beat();
        }
    }
}
