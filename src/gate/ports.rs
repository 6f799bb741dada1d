//! The serial ports that the box itself holds open, as `parkgate status` shows them.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

use serde_json::{Value, json};
use tokio::runtime::Handle;

use super::inbox::{Inbox, Message};
use crate::camera::serial::{self, Port, PortEvent};
use crate::camera::text::{self, Text};
use crate::clock::Clock;
use crate::config::{self, TextCamera};
use crate::lane::alarm::{Alarm, AlarmKind};

/// The serial ports with their lanes.
#[derive(Clone, Default)]
pub struct Ports(Arc<[Held]>);

struct Held {
    port: Port,
    lanes: Vec<String>,
}

impl Ports {
    /// Opens every port that a lane's camera names, each once, and serves it on `runtime`.
    pub fn start(lanes: &[config::Lane], clock: &Clock, inbox: &Inbox, runtime: &Handle) -> Self {
        let _on_it = runtime.enter();
        let mut ports: BTreeMap<&Path, Vec<(&config::Lane, &TextCamera)>> = BTreeMap::new();
        for lane in lanes {
            if let Some(camera) = lane.camera.text() {
                ports
                    .entry(&camera.line.port.path)
                    .or_default()
                    .push((lane, camera));
            }
        }
        let held = ports.into_values().filter_map(|cameras| {
            // The same for all of a port, or the config is refused.
            let (_, first) = cameras.first()?;
            let settings = text::Settings {
                pattern: first.pattern.clone(),
                confidence_max: first.confidence_max,
                cameras: cameras
                    .iter()
                    .map(|(lane, camera)| on_line(lane, camera))
                    .collect(),
            };
            let inbox = inbox.clone();
            let path = first.line.port.path.clone();
            let sink = move |event| hear(event, &path, &inbox);
            let dialect = Box::new(Text::new(settings));
            Some(Held {
                port: serial::spawn(first.line.clone(), dialect, clock.clone(), sink),
                lanes: cameras.iter().map(|(lane, _)| lane.id.clone()).collect(),
            })
        });
        Self(held.collect())
    }

    /// What each has seen so far.
    pub fn status(&self) -> Vec<Value> {
        let row = |held: &Held| {
            json!({
                "device": held.port.path(),
                "lanes": held.lanes,
                "serial": held.port.statistics(),
            })
        };
        self.0.iter().map(row).collect()
    }

    /// Closes them, and waits for it.
    pub async fn close(&self) {
        for held in self.0.iter() {
            held.port.close().await;
        }
    }
}

fn on_line(lane: &config::Lane, camera: &TextCamera) -> text::Camera {
    text::Camera {
        id: lane.camera.device_id.clone(),
        address: camera.address.clone(),
        query: camera.query.clone(),
    }
}

/// Runs in the port's task: never waits.
fn hear(event: PortEvent, path: &Path, inbox: &Inbox) {
    let (raised, text) = match event {
        PortEvent::Camera(heard) => {
            if !inbox.offer(Message::Camera(*heard)) {
                tracing::error!("the inbox is full; a message from a camera was dropped");
            }
            return;
        }
        PortEvent::Up => (false, "the serial port is open".to_owned()),
        PortEvent::Down { reason } => (true, reason),
    };
    // Told again with the next change, if there is no room for it now.
    let _ = inbox.offer(Message::Alarm(Alarm {
        kind: AlarmKind::LinkDown,
        subject: format!("port {}", path.display()),
        raised,
        text,
    }));
}
