//! What has been heard of cameras, barriers and links since the start: for a person who looks for a
//! fault. Nothing is decided from it.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::camera::{CameraEvent, Report};
use crate::charges::answer::Answer;
use crate::config;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::session::LaneId;
use crate::lane::time::Moment;
use crate::park::Park;
use crate::park::event::Event;
use crate::park::record::Proof;
use crate::park::state::Raise;
use crate::story::happening::word;

use super::ears::Ears;
use super::ports::Ports;

/// The answer to [`crate::control::Question::Devices`].
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeviceList {
    pub cameras: Vec<CameraRow>,
    pub barriers: Vec<BarrierRow>,
    pub links: Vec<LinkRow>,
    /// Serial ports that the box itself holds open, with what each has seen, as `status` has them.
    #[serde(default)]
    pub ports: Vec<Value>,
    /// How long the daemon has counted.
    pub counted_for_ms: u64,
}

/// A camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CameraRow {
    /// Serial number.
    pub id: String,
    pub lane: String,
    /// As configured.
    pub how: Value,
    pub state: CameraState,
    /// None: never since the start.
    pub heard_ms_ago: Option<u64>,
    pub messages: u64,
    pub readings: u64,
    pub heartbeats: u64,
    /// Messages that could not be understood.
    pub dropped: u64,
}

/// Whether a camera speaks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CameraState {
    NeverHeard,
    Speaks,
    /// For long enough that no raise is sent to it.
    Silent,
}

/// A barrier and its newest raise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BarrierRow {
    pub lane: String,
    /// As configured.
    pub how: Value,
    pub state: BarrierState,
    /// Its newest raise, in this ledger.
    pub raise: Option<u64>,
    /// Why, in the ledger's word.
    pub reason: Option<String>,
    /// How often it was told.
    pub issues: u8,
    /// Barriers were told so often since the start.
    pub told: u64,
    /// Commands that did not leave this box since the start.
    pub not_sent: u64,
    /// Why the last of them did not.
    pub last_fault: Option<String>,
}

/// What is known of a barrier's newest raise.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BarrierState {
    NeverRaised,
    /// Nothing has shown yet that the arm moved.
    Uncertain,
    /// A reply, the arm or the loop showed it.
    CarriedOut,
    /// The car is through.
    Passed,
}

/// A way out of the box.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkRow {
    /// `broker`, `wechat`.
    pub id: String,
    pub state: LinkState,
    /// How long it has been so.
    pub for_ms: Option<u64>,
    /// When an answer was last heard, where it is one that answers.
    pub heard_ms_ago: Option<u64>,
    /// Times it came up, or answers.
    pub ups: u64,
    /// Times it went down after it had been up, or calls without an answer.
    pub downs: u64,
    /// What was last said of it.
    pub text: String,
}

/// Whether a link works.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkState {
    /// Nothing has been heard of it yet.
    Unknown,
    Up,
    Down,
}

/// Counts while the daemon runs.
pub struct Devices {
    since: Moment,
    lanes: Vec<LaneDevices>,
    cameras: BTreeMap<String, Counts>,
    barriers: BTreeMap<LaneId, BarrierCounts>,
    links: BTreeMap<String, LinkCounts>,
}

struct LaneDevices {
    lane: LaneId,
    camera_id: String,
    camera: Value,
    barrier: Value,
}

#[derive(Default)]
struct Counts {
    heard_at: Option<Moment>,
    messages: u64,
    readings: u64,
    heartbeats: u64,
    dropped: u64,
}

#[derive(Default)]
struct BarrierCounts {
    told: u64,
    not_sent: u64,
    last_fault: Option<String>,
}

#[derive(Default)]
struct LinkCounts {
    up: Option<bool>,
    changed_at: Option<Moment>,
    heard_at: Option<Moment>,
    ups: u64,
    downs: u64,
    text: String,
}

/// The broker's link; further ones come up with the first thing that is said of them.
const BROKER: &str = "broker";
const WECHAT: &str = "wechat";

impl Devices {
    /// The devices of a configuration.
    pub fn new(lanes: &[config::Lane], now: Moment) -> Self {
        let as_configured = |lane: &config::Lane| LaneDevices {
            lane: LaneId(lane.id.clone()),
            camera_id: lane.camera.device_id.clone(),
            camera: as_value(&lane.camera),
            barrier: as_value(&lane.barrier),
        };
        let links = [BROKER, WECHAT].map(|id| (id.to_owned(), LinkCounts::default()));
        Self {
            since: now,
            lanes: lanes.iter().map(as_configured).collect(),
            cameras: BTreeMap::new(),
            barriers: BTreeMap::new(),
            links: links.into(),
        }
    }

    /// A camera of this box said something.
    pub fn heard(&mut self, heard: &CameraEvent) {
        if !self
            .lanes
            .iter()
            .any(|lane| lane.camera_id == heard.camera_id)
        {
            return;
        }
        let counts = self.cameras.entry(heard.camera_id.clone()).or_default();
        counts.heard_at = Some(heard.received.moment);
        add_one(&mut counts.messages);
        match &heard.report {
            Report::Read(_) => add_one(&mut counts.readings),
            Report::Heartbeat => add_one(&mut counts.heartbeats),
            Report::Dropped { .. } => add_one(&mut counts.dropped),
            _ => {}
        }
    }

    /// Something was said of a link.
    pub fn said(&mut self, alarm: &Alarm, now: Moment) {
        let is_camera = self
            .lanes
            .iter()
            .any(|lane| lane.camera_id == alarm.subject);
        if alarm.kind != AlarmKind::LinkDown || is_camera {
            return;
        }
        let link = self.links.entry(alarm.subject.clone()).or_default();
        match (link.up, alarm.raised) {
            (Some(true), true) => add_one(&mut link.downs),
            (None | Some(false), false) => add_one(&mut link.ups),
            // Never up, or said again with another text.
            _ => {}
        }
        link.turn(!alarm.raised, now);
        link.text.clone_from(&alarm.text);
    }

    /// An event that tells whether WeChat answers, or a command that did not leave.
    pub fn happened(&mut self, event: &Event, now: Moment) {
        match event {
            Event::EntryAnswered { heard, .. } => self.answered(&heard.answer, now),
            Event::ChargeAnswered { heard, .. } | Event::QueryAnswered { heard, .. } => {
                self.answered(&heard.answer, now);
            }
            Event::RaiseNotSent { lane, why, .. } => {
                let counts = self.barriers.entry(lane.clone()).or_default();
                add_one(&mut counts.not_sent);
                counts.last_fault = Some(why.clone());
            }
            _ => {}
        }
    }

    /// A barrier is told to rise.
    pub fn told(&mut self, lane: &LaneId) {
        let counts = self.barriers.entry(lane.clone()).or_default();
        add_one(&mut counts.told);
    }

    fn answered<T>(&mut self, answer: &Answer<T>, now: Moment) {
        let link = self.links.entry(WECHAT.to_owned()).or_default();
        match answer {
            Answer::Verified(_) | Answer::Refused(_) | Answer::Throttled { .. } => {
                add_one(&mut link.ups);
                link.heard_at = Some(now);
                link.turn(true, now);
            }
            Answer::NotSent(why) | Answer::Lost(why) => {
                add_one(&mut link.downs);
                link.text.clone_from(why);
                link.turn(false, now);
            }
        }
    }

    /// Everything, as it is now.
    pub fn list(&self, park: &Park, ears: &Ears, ports: &Ports, now: Moment) -> DeviceList {
        let cameras = self.lanes.iter().map(|lane| self.camera(lane, ears, now));
        let barriers = self.lanes.iter().map(|lane| self.barrier(lane, park));
        let links = self.links.iter().map(|(id, link)| link.row(id, now));
        DeviceList {
            cameras: cameras.collect(),
            barriers: barriers.collect(),
            links: links.collect(),
            ports: ports.status(),
            counted_for_ms: now.since_ms(self.since),
        }
    }

    fn camera(&self, lane: &LaneDevices, ears: &Ears, now: Moment) -> CameraRow {
        let nothing = Counts::default();
        let counts = self.cameras.get(&lane.camera_id).unwrap_or(&nothing);
        let state = match counts.heard_at {
            None => CameraState::NeverHeard,
            Some(_) if ears.is_silent(&lane.lane, now) => CameraState::Silent,
            Some(_) => CameraState::Speaks,
        };
        CameraRow {
            id: lane.camera_id.clone(),
            lane: lane.lane.0.clone(),
            how: lane.camera.clone(),
            state,
            heard_ms_ago: counts.heard_at.map(|at| now.since_ms(at)),
            messages: counts.messages,
            readings: counts.readings,
            heartbeats: counts.heartbeats,
            dropped: counts.dropped,
        }
    }

    fn barrier(&self, lane: &LaneDevices, park: &Park) -> BarrierRow {
        let raise = park.site().raises.get(&lane.lane);
        let nothing = BarrierCounts::default();
        let counts = self.barriers.get(&lane.lane).unwrap_or(&nothing);
        BarrierRow {
            lane: lane.lane.0.clone(),
            how: lane.barrier.clone(),
            state: raise.map_or(BarrierState::NeverRaised, state_of),
            raise: raise.map(|raise| raise.raise),
            reason: raise.map(|raise| word(&raise.reason)),
            issues: raise.map_or(0, |raise| raise.issues),
            told: counts.told,
            not_sent: counts.not_sent,
            last_fault: counts.last_fault.clone(),
        }
    }
}

impl LinkCounts {
    fn turn(&mut self, up: bool, now: Moment) {
        if self.up != Some(up) {
            self.up = Some(up);
            self.changed_at = Some(now);
        }
    }

    fn row(&self, id: &str, now: Moment) -> LinkRow {
        LinkRow {
            id: id.to_owned(),
            state: match self.up {
                None => LinkState::Unknown,
                Some(true) => LinkState::Up,
                Some(false) => LinkState::Down,
            },
            for_ms: self.changed_at.map(|at| now.since_ms(at)),
            heard_ms_ago: self.heard_at.map(|at| now.since_ms(at)),
            ups: self.ups,
            downs: self.downs,
            text: self.text.clone(),
        }
    }
}

fn state_of(raise: &Raise) -> BarrierState {
    match (raise.passed, raise.proof) {
        (true, _) => BarrierState::Passed,
        (false, Some(Proof::Reply | Proof::Arm | Proof::Loop)) => BarrierState::CarriedOut,
        (false, None) => BarrierState::Uncertain,
    }
}

fn as_value(configured: &impl Serialize) -> Value {
    serde_json::to_value(configured).unwrap_or_default()
}

fn add_one(count: &mut u64) {
    *count = count.saturating_add(1);
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charges::answer::Heard;
    use crate::config::Config;
    use crate::lane::number::LedgerId;
    use crate::lane::time::{BootId, Now, Wall};

    const CAMERA: &str = "265e1040-85e01fb7";

    fn heard(camera_id: &str, ms: u64, report: Report) -> CameraEvent {
        CameraEvent {
            camera_id: camera_id.into(),
            received: Now {
                moment: Moment(ms),
                wall: Wall(0),
                trusted: false,
                boot: BootId(1),
            },
            sent_at: None,
            retained: false,
            report,
        }
    }

    #[test]
    fn a_device_list_tells_who_was_heard_when_and_how_often() {
        let text = include_str!("../../firmware-config/parkgate.toml");
        let config = Config::parse(text, "parkgate.toml").unwrap();
        let mut devices = Devices::new(&config.lanes, Moment(0));
        let mut ears = Ears::new(&config.lanes, LedgerId(1), Moment(0));
        let tariff = include_str!("../../firmware-config/tariff.toml");
        let tariff = crate::lane::tariff::Tariff::from_toml(tariff, "tariff.toml").unwrap();
        let park = Park::new(LedgerId(1), super::super::rules::rules(&config, tariff));
        for ms in [1_000, 2_000] {
            let report = heard(CAMERA, ms, Report::Heartbeat);
            ears.heard(CAMERA, Moment(ms));
            devices.heard(&report);
        }
        devices.heard(&heard("00000000-00000000", 3_000, Report::Heartbeat));
        let lost = Event::QueryAnswered {
            trade_no: "T1".into(),
            heard: Heard {
                answer: Answer::Lost("silence".into()),
                request_id: None,
                skew_ms: None,
            },
        };
        devices.happened(&lost, Moment(4_000));
        let ports = Ports::default();
        let list = devices.list(&park, &ears, &ports, Moment(12_000));
        let [entry, exit] = &list.cameras[..] else {
            panic!("{list:?}");
        };
        assert_eq!(entry.state, CameraState::Speaks);
        assert_eq!((entry.messages, entry.heartbeats), (2, 2));
        assert_eq!(entry.heard_ms_ago, Some(10_000));
        assert_eq!(entry.how["dialect"], "vz-mqtt");
        assert_eq!(exit.state, CameraState::NeverHeard);
        assert_eq!(list.barriers[0].state, BarrierState::NeverRaised);
        assert_eq!(list.barriers[0].how["driver"], "camera");
        let wechat = list.links.iter().find(|link| link.id == WECHAT).unwrap();
        assert_eq!((wechat.state, wechat.downs), (LinkState::Down, 1));
        assert_eq!(wechat.for_ms, Some(8_000));
        let later = devices.list(&park, &ears, &ports, Moment(60_000));
        assert_eq!(later.cameras[0].state, CameraState::Silent);
    }
    #[test]
    fn a_link_that_was_never_up_has_not_gone_down() {
        let mut devices = Devices::new(&[], Moment(0));
        let mut said = |raised: bool, text: &str, ms: u64| {
            let alarm = Alarm {
                kind: AlarmKind::LinkDown,
                subject: BROKER.to_owned(),
                raised,
                text: text.to_owned(),
            };
            devices.said(&alarm, Moment(ms));
            let link = devices.links.get(BROKER).unwrap();
            (link.ups, link.downs)
        };
        assert_eq!(said(true, "nobody listens there", 1), (0, 0));
        assert_eq!(said(false, "the broker is reached", 2), (1, 0));
        assert_eq!(said(true, "it hung up", 3), (1, 1));
        assert_eq!(said(true, "nobody listens there", 4), (1, 1));
        assert_eq!(said(false, "the broker is reached", 5), (2, 1));
    }
}
