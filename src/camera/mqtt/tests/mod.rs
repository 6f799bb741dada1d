//! Over real sockets: a hand-written broker where the moment matters, rumqttd for the ordinary.

mod broker;
mod commands;
mod connection;
#[cfg(feature = "demo")]
mod rumqttd;

use std::time::Duration;

use tokio::sync::mpsc::{Receiver, Sender, channel};

use super::{Link, LinkEvent, Settings, spawn};
use crate::broker::Endpoint;
use crate::camera::vz_mqtt::{OutputValue, VzCommand};
use crate::camera::{CameraEvent, Report};
use crate::clock::{Clock, TrustRule};
use crate::lane::time::{Moment, Wall};

const SERIAL: &str = "3f1c20aa-7be09d41";
const READING: &[u8] = include_bytes!("../../../../tests/fixtures/vz-mqtt/001-blue.json");
const WITHIN: Duration = Duration::from_secs(20);

struct Heard(Receiver<LinkEvent>);

impl Heard {
    /// The first event that `wanted` makes something of; those before it are passed over.
    async fn until<T>(&mut self, mut wanted: impl FnMut(LinkEvent) -> Option<T>) -> T {
        tokio::time::timeout(WITHIN, async {
            loop {
                let event = self.0.recv().await.expect("the link lives");
                if let Some(found) = wanted(event) {
                    return found;
                }
            }
        })
        .await
        .expect("the event came in time")
    }

    async fn up(&mut self) {
        self.until(|event| matches!(event, LinkEvent::Up).then_some(()))
            .await;
    }

    async fn down(&mut self) -> super::LinkFault {
        self.until(|event| match event {
            LinkEvent::Down { reason } => Some(reason),
            _ => None,
        })
        .await
    }

    async fn camera(&mut self) -> CameraEvent {
        self.until(|event| match event {
            LinkEvent::Camera(event) => Some(event),
            _ => None,
        })
        .await
    }

    /// The next camera event, which must be a reading on a connection that never broke.
    async fn reading_without_a_break(&mut self) -> CameraEvent {
        let event = self
            .until(|event| match event {
                LinkEvent::Camera(event) => Some(event),
                LinkEvent::Down { reason } => panic!("{reason}"),
                _ => None,
            })
            .await;
        assert!(
            matches!(event.report, Report::Read(_)),
            "{:?}",
            event.report
        );
        event
    }
}

fn settings(port: u16) -> Settings {
    Settings {
        endpoint: Endpoint {
            host: "127.0.0.1".into(),
            port,
            username: None,
            password_file: None,
            tls: None,
        },
        client_id: "parkgate-south-1".into(),
        cameras: vec![SERIAL.into()],
    }
}

fn link(settings: Settings, clock: &Clock) -> (Link, Heard) {
    let (sender, heard) = heard();
    let link = spawn(settings, clock.clone(), move |event| tell(&sender, event));
    (link, heard)
}

fn heard() -> (Sender<LinkEvent>, Heard) {
    let (sender, receiver) = channel(4096);
    (sender, Heard(receiver))
}

/// A test that has ended listens no more.
fn tell(sender: &Sender<LinkEvent>, event: LinkEvent) {
    let _ = sender.try_send(event);
}

fn system_clock() -> Clock {
    Clock::system(TrustRule::Rtc, Wall(0))
}

fn soon(clock: &Clock) -> Moment {
    clock.now().moment.after_ms(60_000)
}

fn raise() -> VzCommand {
    VzCommand::GpioOut {
        io: 0,
        value: OutputValue::Pulse,
        delay_ms: 500,
    }
}

fn topic(name: &str) -> String {
    format!("device/{SERIAL}/message/up/{name}")
}

/// A reading with a picture of `bytes` bytes.
fn reading_with_picture(bytes: usize) -> Vec<u8> {
    let mut message: serde_json::Value = serde_json::from_slice(READING).unwrap();
    let result = &mut message["payload"]["AlarmInfoPlate"]["result"]["PlateResult"];
    result["full_image_content"] = "A".repeat(bytes).into();
    message.to_string().into_bytes()
}
