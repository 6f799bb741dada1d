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
    /// None: it may be silent for as long as no car comes.
    silent_after_ms: Option<u64>,
    /// It speaks over a serial line, and not through the broker.
    is_serial: bool,
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
            silent_after_ms: match &lane.camera.dialect {
                config::Dialect::VzMqtt => Some(SILENT_AFTER_MS),
                config::Dialect::Text(text) => text.silent_after_ms,
            },
            is_serial: lane.camera.text().is_some(),
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

    /// Whether the camera of a lane has said nothing for too long.
    pub fn is_silent(&self, lane: &LaneId, now: Moment) -> bool {
        self.of_lane(lane).any(|ear| ear.is_silent(now))
    }

    fn of_lane(&self, lane: &LaneId) -> impl Iterator<Item = &Ear> {
        self.cameras.values().filter(move |ear| ear.lane == *lane)
    }

    /// Cameras that fell silent or spoke again since the last look.
    pub fn changes(&mut self, now: Moment) -> Vec<Alarm> {
        let mut alarms = Vec::new();
        for (camera_id, ear) in &mut self.cameras {
            let silent = ear.is_silent(now);
            if std::mem::replace(&mut ear.silent, silent) != silent {
                let lane = &ear.lane;
                let text = match silent {
                    true if !ear.is_serial => format!(
                        "camera {camera_id} of lane {lane} has been silent for half a minute; \
                         check its power, its network and its broker settings"
                    ),
                    true => format!(
                        "camera {camera_id} of lane {lane} has been silent for silent_after; check \
                         its power and its cable, and what `parkgate status` counts of its port"
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
}

impl Ear {
    fn is_silent(&self, now: Moment) -> bool {
        let silence_ms = now.since_ms(self.heard_at);
        self.silent_after_ms
            .is_some_and(|after_ms| silence_ms > after_ms)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;
    use crate::lane::time::{BootId, Now, Wall};

    const CAMERA: &str = "265e1040-85e01fb7";

    fn ears() -> Ears {
        let text = include_str!("../../firmware-config/parkgate.toml");
        let config = Config::parse(text, "parkgate.toml").unwrap();
        Ears::new(&config.lanes, LedgerId::from_random(1), Moment(0))
    }

    fn heard(camera_id: &str, retained: bool, report: Report) -> CameraEvent {
        let received = Now {
            moment: Moment(5),
            wall: Wall(0),
            trusted: false,
            boot: BootId(1),
        };
        CameraEvent {
            camera_id: camera_id.into(),
            received,
            sent_at: None,
            retained,
            report,
        }
    }

    #[test]
    fn a_report_belongs_to_the_lane_of_its_camera_and_to_no_other() {
        let ears = ears();
        let alive = ears.event(heard(CAMERA, false, Report::Heartbeat));
        let lane = LaneId("in-1".into());
        assert_eq!(
            alive,
            Some(Event::CameraAlive {
                lane,
                sent_at: None
            })
        );
        assert_eq!(
            ears.event(heard("00000000-00000000", false, Report::Heartbeat)),
            None
        );
    }

    #[test]
    fn what_the_broker_kept_teaches_nothing() {
        assert_eq!(ears().event(heard(CAMERA, true, Report::Heartbeat)), None);
    }

    #[test]
    fn a_reply_to_somebody_elses_command_is_none_of_ours() {
        let reply = |command_id: &str| Report::CommandReply {
            command_id: command_id.into(),
            ok: true,
            code: 200,
        };
        let ears = ears();
        let own = barrier::command_id(LedgerId::from_random(1), 3, 1);
        let lane = LaneId("in-1".into());
        assert_eq!(
            ears.event(heard(CAMERA, false, reply(&own))),
            Some(Event::RaiseAnswered {
                lane,
                raise: 3,
                driven: true
            })
        );
        assert_eq!(ears.event(heard(CAMERA, false, reply("c-7f31"))), None);
    }

    #[test]
    fn a_camera_that_falls_silent_is_told_once_and_so_is_its_return() {
        let (mut ears, lane) = (ears(), LaneId("in-1".into()));
        ears.heard(CAMERA, Moment(10_000));
        assert!(!ears.is_silent(&lane, Moment(40_000)));
        assert!(ears.is_silent(&lane, Moment(40_001)));
        let of_camera = |alarms: Vec<Alarm>| {
            let mut alarms = alarms.into_iter().filter(|alarm| alarm.subject == CAMERA);
            alarms.next().map(|alarm| alarm.raised)
        };
        assert_eq!(of_camera(ears.changes(Moment(40_001))), Some(true));
        assert_eq!(of_camera(ears.changes(Moment(50_000))), None);
        ears.heard(CAMERA, Moment(50_001));
        assert_eq!(of_camera(ears.changes(Moment(50_002))), Some(false));
    }
}
