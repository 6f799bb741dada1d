//! `[[lane]]`: one vehicle track with its camera and barrier.

use serde::{Deserialize, Serialize};

use super::barrier::{self, Barrier};
use super::document::{Need, Section};
use super::port::Ports;
use super::site::{IDENTIFIER, identifier};
use super::tariff::label;
use super::text::TextCamera;
use super::value::shortened;
use crate::park::rules::Direction;

/// One lane.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Lane {
    /// Unique on the box, also without its hyphens.
    pub id: String,
    pub direction: Direction,
    /// The zone within the car park that it leads into or out of, as the price list calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub zone: Option<String>,
    /// Readings of one plate within this time are one vehicle.
    pub duplicate_window_ms: u64,
    pub camera: Camera,
    pub barrier: Barrier,
    pub loops: Loops,
}

impl Lane {
    /// The id as WeChat takes it for `device_id`: `[0-9A-Za-z]` only.
    pub fn device_id(&self) -> String {
        self.id.replace('-', "")
    }
}

/// The lane's camera.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Camera {
    pub dialect: Dialect,
    /// Vendor serial, lower case; on a serial line its port, and its address there.
    pub device_id: String,
    /// A reading below this confidence is not charged automatically.
    pub min_confidence_permille: u16,
}

/// How a camera speaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Dialect {
    /// 臻识 cameras over MQTT.
    VzMqtt,
    /// Lines of text over a serial port.
    Text(Box<TextCamera>),
}

impl Camera {
    /// The camera's line, if it is a serial one.
    pub fn text(&self) -> Option<&TextCamera> {
        match &self.dialect {
            Dialect::Text(text) => Some(text),
            Dialect::VzMqtt => None,
        }
    }
}

/// The lane's loops, as far as they are wired to the camera's inputs.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Loops {
    /// Before the arm: a vehicle is present.
    pub arming: Option<LoopInput>,
    /// Under the arm: keeps it up, and tells that the vehicle has passed.
    pub closing: Option<LoopInput>,
}

/// An input of the camera.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoopInput {
    /// From 0.
    pub input: u8,
    /// Whether a high level means *occupied*.
    pub active_high: bool,
}

/// All lanes, each with an id and a camera of its own.
pub(super) fn read_all(root: &mut Section<'_>) -> Vec<Lane> {
    let mut lanes: Vec<Lane> = Vec::new();
    let mut ports = Ports::default();
    let before = root.faults();
    root.sections("lane", |section| {
        let lane = Lane::read(section);
        for (number, other) in (1..).zip(&lanes) {
            if !lane.id.is_empty() && lane.device_id() == other.device_id() {
                let text = format!(
                    "lane {number} is called {:?} already (WeChat is told the id without hyphens); write another id",
                    other.id
                );
                section.fault("id", text);
            }
            let device_id = &lane.camera.device_id;
            let is_serial = lane.camera.text().is_some();
            if !device_id.is_empty() && !is_serial && *device_id == other.camera.device_id {
                let text = format!(
                    "{device_id:?} is the camera of lane {:?} already; a camera serves one lane",
                    other.id
                );
                section.fault("camera.device_id", text);
            }
            barrier::compare(section, &lane, other);
        }
        ports.add(section, &lane);
        lanes.push(lane);
    });
    if root.faults() == before {
        refuse_dead_ends(root, &lanes);
    }
    lanes
}

/// Who goes into a zone comes out of it, and both must be seen.
fn refuse_dead_ends(root: &Section<'_>, lanes: &[Lane]) {
    for lane in lanes {
        let Some(zone) = &lane.zone else { continue };
        let mut of_zone = lanes.iter().filter(|other| other.zone == lane.zone);
        if of_zone.all(|other| other.direction == lane.direction) {
            let (leads, none) = match lane.direction {
                Direction::Entry => ("into", "out of it; add one with direction = \"exit\""),
                Direction::Exit => ("out of", "into it; add one with direction = \"entry\""),
            };
            let id = &lane.id;
            let text = format!("lane {id:?} leads {leads} {zone:?}, and no lane leads {none}");
            root.fault_among("lane", text);
            return;
        }
    }
}

impl Lane {
    fn read(section: &mut Section<'_>) -> Self {
        let id = section.parsed("id", Need::Required, IDENTIFIER, identifier);
        let direction = section.choice(
            "direction",
            None,
            &[("entry", Direction::Entry), ("exit", Direction::Exit)],
            &[],
        );
        let zone = section.parsed("zone", Need::Optional, "1 to 64 characters", label);
        let duplicate_window_ms = section.duration_ms(
            "duplicate_window",
            Need::Default("\"30s\"".into()),
            30_000,
            1000..=600_000,
        );
        section.not_yet("display");
        let lane = Self {
            id: id.unwrap_or_default(),
            direction: direction.unwrap_or(Direction::Entry),
            zone,
            duplicate_window_ms: duplicate_window_ms.unwrap_or_default(),
            camera: section.section("camera", Camera::read),
            barrier: section.section("barrier", Barrier::read),
            loops: section.section("loops", Loops::read),
        };
        if lane.camera.text().is_some() {
            refuse_what_text_cannot(section);
        }
        if let (Barrier::Gpio(gpio), Some(closing)) = (&lane.barrier, lane.loops.closing)
            && gpio.loop_line.is_some()
        {
            let text = format!(
                "the loop under the arm is camera input {} already; leave one of the two out",
                closing.input
            );
            section.fault("barrier.loop_line", text);
        }
        lane
    }
}

/// A camera that speaks text has neither a relay nor inputs.
fn refuse_what_text_cannot(section: &Section<'_>) {
    let driver = section.given("barrier.driver");
    if driver.is_some_and(|driver| driver.get_ref().as_str() == Some("camera")) {
        let text = "a camera that speaks text has no relay; write driver = \"gpio\" or \"modbus\"";
        section.fault("barrier.driver", text.to_owned());
    }
    for key in ["loops.arming_input", "loops.closing_input"] {
        if section.has(key) {
            let text = "a camera that speaks text has no inputs; leave it out";
            section.fault(key, text.to_owned());
        }
    }
}

impl Camera {
    fn read(section: &mut Section<'_>) -> Self {
        let dialect = section.choice(
            "dialect",
            None,
            &[("vz-mqtt", false), ("text", true)],
            &[
                "vz-http",
                "vz-mqtt-push",
                "vz-tcp",
                "qianyi",
                "xinlutong",
                "huaxia",
                "hikvision",
                "dahua",
            ],
        );
        let is_text = dialect == Some(true);
        let need = match is_text {
            true => Need::Optional,
            false => Need::Required,
        };
        let device_id = section.parsed("device_id", need, "1 to 64 of 0-9 A-Z a-z - _", device_id);
        if is_text && section.has("device_id") {
            let text = "belongs to dialect = \"vz-mqtt\"; leave it out, the port names the camera";
            section.fault("device_id", text.to_owned());
        }
        let min_confidence_permille = section
            .permille("min_confidence", Need::Default("0.8".into()))
            .unwrap_or_default();
        let text = TextCamera::read(section, dialect);
        if dialect.is_none() {
            section.allow_unknown();
        }
        Self {
            device_id: match &text {
                Some(text) => text.camera_id(),
                None => device_id.unwrap_or_default(),
            },
            dialect: text.map_or(Dialect::VzMqtt, |text| Dialect::Text(Box::new(text))),
            min_confidence_permille,
        }
    }
}

impl Loops {
    fn read(section: &mut Section<'_>) -> Self {
        let before = section.faults();
        let arming = loop_input(section, "arming_input", "arming_active");
        let closing = loop_input(section, "closing_input", "closing_active");
        if let (Some(arming), Some(closing)) = (arming, closing)
            && arming.input == closing.input
            && section.faults() == before
        {
            section.fault(
                "closing_input",
                format!(
                    "input {} is the arming loop's; write another number",
                    closing.input
                ),
            );
        }
        Self { arming, closing }
    }
}

fn loop_input(
    section: &mut Section<'_>,
    input_key: &'static str,
    active_key: &'static str,
) -> Option<LoopInput> {
    let input = section.small(input_key, Need::Optional, 3);
    let active_high = section.choice(
        active_key,
        Some("high"),
        &[("high", true), ("low", false)],
        &[],
    );
    if section.has(active_key) && !section.has(input_key) {
        section.fault(
            active_key,
            format!("of no input; add {input_key} = 0 to 3, or leave it out"),
        );
    }
    Some(LoopInput {
        input: input?,
        active_high: active_high?,
    })
}

fn device_id(text: &str) -> Result<String, String> {
    let text = text.trim();
    let fits = (1..=64).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte));
    match fits {
        true => Ok(text.to_ascii_lowercase()),
        false => Err(format!(
            "{:?} is no device id; write the serial number that the camera's web page shows",
            shortened(text)
        )),
    }
}
