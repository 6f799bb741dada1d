//! What cameras report, as events of the lanes that they belong to.

use std::collections::BTreeMap;

use crate::barrier;
use crate::camera::{BarrierPosition, CameraEvent, Report};
use crate::config;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::number::LedgerId;
use crate::lane::session::LaneId;
use crate::lane::time::Moment;
use crate::park::event::Event;

/// Which camera belongs to which lane, and what its inputs mean.
pub struct Ears {
    ledger: LedgerId,
    cameras: BTreeMap<String, Ear>,
}

struct Ear {
    lane: LaneId,
    closing: Option<config::LoopInput>,
    /// Last message of any kind; before the first one, the start.
    heard_at: Moment,
    silent: bool,
}

/// Three heartbeats missed (`gate-hardware.md` 9). A command to such a camera might wait somewhere on
/// the way and raise a barrier long after its car has gone.
const SILENT_AFTER_MS: u64 = 30_000;

impl Ears {
    /// The cameras of a configuration; `ledger` tells our own replies from others'.
    pub fn new(lanes: &[config::Lane], ledger: LedgerId, now: Moment) -> Self {
        let ear = |lane: &config::Lane| Ear {
            lane: LaneId(lane.id.clone()),
            closing: lane.loops.closing,
            heard_at: now,
            silent: false,
        };
        let cameras = lanes
            .iter()
            .map(|lane| (lane.camera.device_id.clone(), ear(lane)));
        Self {
            ledger,
            cameras: cameras.collect(),
        }
    }

    /// The lane of a camera.
    pub fn lane_of(&self, camera_id: &str) -> Option<&LaneId> {
        self.cameras.get(camera_id).map(|ear| &ear.lane)
    }

    /// Takes note of a sign of life, whatever it says.
    pub fn heard(&mut self, camera_id: &str, now: Moment) {
        if let Some(ear) = self.cameras.get_mut(camera_id) {
            ear.heard_at = now;
        }
    }

    /// Whether the camera of a lane has said nothing for too long to be sent a raise.
    pub fn is_silent(&self, lane: &LaneId, now: Moment) -> bool {
        let mut of_lane = self.cameras.values().filter(|ear| ear.lane == *lane);
        of_lane.any(|ear| now.since_ms(ear.heard_at) > SILENT_AFTER_MS)
    }

    /// Cameras that fell silent or spoke again since the last look.
    pub fn changes(&mut self, now: Moment) -> Vec<Alarm> {
        let mut alarms = Vec::new();
        for (camera_id, ear) in &mut self.cameras {
            let silent = now.since_ms(ear.heard_at) > SILENT_AFTER_MS;
            if std::mem::replace(&mut ear.silent, silent) != silent {
                let lane = &ear.lane;
                let text = match silent {
                    true => format!(
                        "camera {camera_id} of lane {lane} has been silent for half a minute; \
                         check its power, its network and its broker settings"
                    ),
                    false => format!("camera {camera_id} of lane {lane} speaks again"),
                };
                alarms.push(Alarm {
                    kind: AlarmKind::LinkDown,
                    subject: camera_id.clone(),
                    raised: silent,
                    text,
                });
            }
        }
        alarms
    }

    /// The event that a report is, if it is one. Previews and retained messages never act.
    pub fn event(&self, heard: CameraEvent) -> Option<Event> {
        let ear = self.cameras.get(&heard.camera_id)?;
        let lane = ear.lane.clone();
        if heard.retained && !matches!(heard.report, Report::Read(_)) {
            return None;
        }
        match heard.report {
            Report::Read(read) => Some(Event::PlateRead {
                lane,
                camera: heard.camera_id,
                read,
            }),
            Report::Heartbeat => Some(Event::CameraAlive {
                lane,
                sent_at: heard.sent_at,
            }),
            Report::Input { input, active } => {
                let closing = ear.closing.filter(|closing| closing.input == input)?;
                let occupied = active == closing.active_high;
                Some(Event::ClosingLoop { lane, occupied })
            }
            Report::Barrier {
                connected: true,
                position: BarrierPosition::Up,
                ..
            } => Some(Event::ArmUp { lane }),
            Report::CommandReply { command_id, ok, .. } => {
                let raise = barrier::raise_of(self.ledger, &command_id)?;
                Some(Event::RaiseAnswered {
                    lane,
                    raise,
                    driven: ok,
                })
            }
            Report::Barrier { .. }
            | Report::Preview(_)
            | Report::SerialReceived { .. }
            | Report::OfflineCount(_)
            | Report::Dropped { .. }
            | Report::Ignored => None,
        }
    }

    /// The event of a command that was taken and then not written.
    pub fn not_written(&self, command_id: &str, why: String) -> Option<(u64, String)> {
        barrier::raise_of(self.ledger, command_id).map(|raise| (raise, why))
    }
}
