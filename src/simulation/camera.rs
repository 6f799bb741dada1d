//! The cameras: what they see, and what they say of it, in the bytes of a real dialect. The box's own
//! decoder reads them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::broker::Letter;
use super::faults::permille;
use super::site::{LANES, PLATES, color_of, number};
use crate::camera::vz_mqtt::decode;
use crate::camera::{CameraEvent, Report};
use crate::config::{self, Config};
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::reading::{self, PlateRead, ReadFault, ReadWarning};
use crate::lane::time::{Now, Wall};
use crate::sim::random::SplitMix64;
use crate::sim::site::message::{self, Message, Sight, Trigger};

/// One seed in so many has its letters in bytes.
const IN_BYTES_EVERY: u64 = 4;

/// What is wrong with cameras.
#[derive(Default)]
pub struct CameraFaults {
    /// So many of 1000 looks see nothing.
    blind_permille: u16,
    unreadable_permille: u16,
    misread_permille: u16,
    unsure_permille: u16,
    /// The camera says no confidence.
    silent_about_confidence_permille: u16,
    /// A second camera reads the same car a moment later, perhaps otherwise.
    second_permille: u16,
    /// The reading comes when the car has gone.
    after_permille: u16,
    garbage_permille: u16,
    fake_permille: u16,
    /// How far the cameras' clocks are off, milliseconds.
    clock_error_ms: i64,
}

/// What a camera says.
#[derive(Clone, Debug)]
pub enum Content {
    Heartbeat,
    ClosingLoop { occupied: bool },
    Reply { command_id: String, driven: bool },
    Reading(Reading),
    Garbage(Vec<u8>),
}

/// What it saw.
#[derive(Clone, Debug)]
pub struct Reading {
    plate: PlateNumber,
    color: PlateColor,
    /// Percent.
    confidence: u8,
    says_confidence: bool,
    is_readable: bool,
    is_fake: bool,
    record: u64,
    captured: Wall,
    turned_back: bool,
    is_replay: bool,
}

/// What a camera really saw, to judge by what the box does about it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// True milliseconds.
    pub at: u64,
}

pub struct Cameras {
    faults: CameraFaults,
    random: SplitMix64,
    records: u64,
    /// Letters are read by the box's decoder.
    in_bytes: bool,
    /// Looks and readings that were not as they should be.
    pub went_wrong: u64,
    /// By camera and record number.
    pub seen: BTreeMap<(String, String), Seen>,
}

impl CameraFaults {
    pub fn drawn(random: &mut SplitMix64) -> Self {
        let clock_error_ms = match random.below(4) {
            0 => i64::try_from(random.below(7_200_000)).unwrap() - 3_600_000,
            1 => i64::try_from(random.below(4_000)).unwrap() - 2_000,
            _ => 0,
        };
        Self {
            blind_permille: permille(random, 300),
            unreadable_permille: permille(random, 60),
            misread_permille: permille(random, 80),
            unsure_permille: permille(random, 120),
            silent_about_confidence_permille: permille(random, 60),
            second_permille: permille(random, 200),
            after_permille: permille(random, 100),
            garbage_permille: permille(random, 100),
            fake_permille: permille(random, 20),
            clock_error_ms,
        }
    }
}

/// What one look at a car leads to: letters, each after so many milliseconds.
pub type Said = Vec<(u64, Letter)>;

impl Cameras {
    pub fn new(seed: u64, faults: CameraFaults) -> Self {
        Self {
            faults,
            random: SplitMix64::new(seed, "cameras"),
            records: 0,
            went_wrong: 0,
            in_bytes: seed.is_multiple_of(IN_BYTES_EVERY),
            seen: BTreeMap::new(),
        }
    }

    /// Their clocks stay as they are: nobody sets them.
    pub fn calm_down(&mut self) {
        let clock_error_ms = self.faults.clock_error_ms;
        self.faults = CameraFaults {
            clock_error_ms,
            ..CameraFaults::default()
        };
    }

    /// Whether their clocks are so wrong that the box cannot tell how old their messages are before it
    /// has heard a sign of life.
    pub fn have_wrong_clocks(&self) -> bool {
        self.faults.clock_error_ms.abs() > 1_000
    }

    /// A sign of life.
    pub fn heartbeat(&self, lane: &'static str, wall: Wall) -> Letter {
        self.letter(lane, Content::Heartbeat, wall)
    }

    /// The loop under the arm, wired to the camera.
    pub fn closing_loop(&self, lane: &'static str, occupied: bool, wall: Wall) -> Letter {
        self.letter(lane, Content::ClosingLoop { occupied }, wall)
    }

    /// The answer to a command to raise.
    pub fn reply(&self, lane: &'static str, command_id: &str, driven: bool, wall: Wall) -> Letter {
        let command_id = command_id.to_owned();
        self.letter(lane, Content::Reply { command_id, driven }, wall)
    }

    /// Looks at a car.
    pub fn look(&mut self, lane: &'static str, plate: &str, time: u64, wall: Wall) -> Said {
        if self.random.chance(self.faults.blind_permille) {
            self.went_wrong += 1;
            return Vec::new();
        }
        let first = self.read(lane, plate, time, wall);
        let mut said = vec![(0, first)];
        if self.random.chance(self.faults.after_permille) {
            said[0].0 = self.random.below(25_000);
        }
        if self.random.chance(self.faults.second_permille) {
            let second = self.read(lane, plate, time, wall);
            said.push((100 + self.random.below(1_500), second));
        }
        if self.random.chance(self.faults.garbage_permille) {
            let mut bytes = message_of(&said[0].1).payload;
            self.garble(&mut bytes);
            let garbage = self.letter(lane, Content::Garbage(bytes), wall);
            said.push((self.random.below(500), garbage));
        }
        self.went_wrong += u64::from(said.len() > 1 || said[0].0 > 0);
        said
    }

    /// The car turns round.
    pub fn turned_back(
        &mut self,
        lane: &'static str,
        plate: &str,
        time: u64,
        wall: Wall,
    ) -> Letter {
        let mut letter = self.read(lane, plate, time, wall);
        if let Content::Reading(reading) = &mut letter.content {
            reading.turned_back = true;
        }
        letter
    }

    fn read(&mut self, lane: &'static str, plate: &str, time: u64, wall: Wall) -> Letter {
        let plate = match self.random.chance(self.faults.misread_permille) {
            true => self.misread(plate),
            false => number(plate),
        };
        self.records += 1;
        let key = (serial(lane).to_owned(), self.records.to_string());
        self.seen.insert(key, Seen { at: time });
        let faults = &self.faults;
        let reading = Reading {
            color: color_of(plate.as_str()),
            plate,
            confidence: match self.random.chance(faults.unsure_permille) {
                true => 60,
                false => 95,
            },
            says_confidence: !self.random.chance(faults.silent_about_confidence_permille),
            is_readable: !self.random.chance(faults.unreadable_permille),
            is_fake: self.random.chance(faults.fake_permille),
            record: self.records,
            captured: self.clock(wall),
            turned_back: false,
            is_replay: false,
        };
        let is_fine = reading.is_readable
            && reading.says_confidence
            && !reading.is_fake
            && reading.confidence > 60
            && PLATES.contains(&reading.plate.as_str());
        self.went_wrong += u64::from(!is_fine);
        self.letter(lane, Content::Reading(reading), wall)
    }

    /// What the box's adapter hears of a letter: in some seeds its own decoder reads the very bytes, which
    /// takes time; in the others it is spared that.
    pub fn heard(&self, letter: &Letter, received: Now) -> CameraEvent {
        if self.in_bytes || matches!(letter.content, Content::Garbage(_)) {
            let message = message_of(letter);
            return decode(&message.topic, &message.payload, letter.retained, received);
        }
        CameraEvent {
            camera_id: serial(letter.lane).to_owned(),
            received,
            sent_at: Some(letter.sent.floor_to_second()),
            retained: letter.retained,
            report: match &letter.content {
                Content::Heartbeat => Report::Heartbeat,
                Content::ClosingLoop { occupied } => Report::Input {
                    input: 1,
                    active: *occupied,
                },
                Content::Reply { command_id, driven } => Report::CommandReply {
                    command_id: command_id.clone(),
                    ok: *driven,
                    code: if *driven { 200 } else { 500 },
                },
                Content::Reading(reading) => Report::Read(reading.read(letter)),
                Content::Garbage(_) => Report::Ignored,
            },
        }
    }

    fn letter(&self, lane: &'static str, content: Content, wall: Wall) -> Letter {
        Letter {
            lane,
            sent: self.clock(wall),
            retained: false,
            content,
        }
    }

    /// The last character is read as another. Never as the plate of another car here: nobody could know.
    fn misread(&mut self, plate: &str) -> PlateNumber {
        let mut text: Vec<char> = plate.chars().collect();
        let last = text.last_mut().expect("a plate");
        let others: Vec<char> = "2358".chars().filter(|c| c != last).collect();
        *last = *self.random.pick(&others).expect("three at least");
        let text: String = text.into_iter().collect();
        assert!(!PLATES.contains(&text.as_str()));
        number(&text)
    }

    fn garble(&mut self, payload: &mut Vec<u8>) {
        match self.random.below(3) {
            0 => payload.truncate(payload.len() / 2),
            1 => {
                for _ in 0..8 {
                    let at = usize::try_from(self.random.below(payload.len() as u64)).unwrap();
                    payload[at] = u8::try_from(self.random.below(256)).unwrap();
                }
            }
            _ => *payload = vec![0xff; 200],
        }
    }

    fn clock(&self, wall: Wall) -> Wall {
        wall.plus_ms(self.faults.clock_error_ms)
    }
}

impl Reading {
    fn read(&self, letter: &Letter) -> PlateRead {
        let mut warnings = Vec::new();
        if self.is_fake {
            warnings.push(ReadWarning::FakePlate);
        }
        PlateRead {
            record_id: Some(self.record.to_string()),
            plate: self.is_readable.then(|| self.plate.clone()),
            color: Some(self.color),
            confidence_permille: self
                .says_confidence
                .then_some(self.confidence.into())
                .map(|p: u16| p * 10),
            captured_at: Some(self.captured),
            sent_at: Some(letter.sent.floor_to_second()),
            replay: self.is_replay,
            retained: letter.retained,
            fault: (!self.is_readable).then_some(ReadFault::Unlicensed),
            warnings,
            raw_plate: None,
            trigger: Some(match self.turned_back {
                true => reading::Trigger::TurnedBack,
                false => reading::Trigger::VirtualLoop,
            }),
        }
    }

    fn message(&self, letter: &Letter) -> Message {
        let sight = Sight {
            plate: self.plate.clone(),
            color: self.color,
            confidence: self.confidence,
            record: self.record,
            captured: self.captured,
            trigger: Trigger::VirtualLoop,
        };
        let mut message = message::final_result(serial(letter.lane), &sight, letter.sent);
        if self.turned_back {
            replace(&mut message, r#""triggerType":8"#, r#""triggerType":66"#);
        }
        if self.is_replay {
            replace(&mut message, r#""isoffline":0"#, r#""isoffline":1"#);
        }
        if !self.is_readable {
            let license = BASE64.encode(sight.plate.as_str());
            replace(&mut message, &license, &BASE64.encode("_无_"));
        }
        if !self.says_confidence {
            let confidence = format!(r#""confidence":{},"#, sight.confidence);
            replace(&mut message, &confidence, "");
        }
        if self.is_fake {
            replace(&mut message, r#""is_fake_plate":0"#, r#""is_fake_plate":1"#);
        }
        message
    }
}

/// What the camera kept while nobody heard it, and hands over as such.
pub fn as_replay(mut letter: Letter) -> Letter {
    if let Content::Reading(reading) = &mut letter.content {
        reading.is_replay = true;
    }
    letter
}

/// The bytes of a letter.
fn message_of(letter: &Letter) -> Message {
    let serial = serial(letter.lane);
    match &letter.content {
        Content::Heartbeat => message::heartbeat(serial, letter.sent),
        Content::ClosingLoop { occupied } => message::input(serial, 1, *occupied, letter.sent),
        Content::Reply { command_id, driven } => {
            let topic = format!("device/{serial}/message/down/gpio_out");
            let code = if *driven { 200 } else { 500 };
            message::reply(&topic, serial, "gpio_out", command_id, code, letter.sent)
        }
        Content::Reading(reading) => reading.message(letter),
        Content::Garbage(bytes) => Message {
            topic: format!("device/{serial}/message/up/ivs_result"),
            payload: bytes.clone(),
        },
    }
}

/// The lanes as the box's configuration has them, for its ears.
pub fn configured() -> &'static [config::Lane] {
    static LANES_READ: OnceLock<Vec<config::Lane>> = OnceLock::new();
    LANES_READ.get_or_init(|| {
        let text = include_str!("../../firmware-config/parkgate.toml");
        let (head, rest) = text.split_once("[[lane]]").expect("it has lanes");
        let (_, tail) = rest.split_once("[tariff]").expect("it has a tariff");
        let lanes = LANES.map(|lane| {
            let direction = if lane.starts_with("in") {
                "entry"
            } else {
                "exit"
            };
            format!(
                "[[lane]]\nid = {lane:?}\ndirection = {direction:?}\n\
                 camera = {{ dialect = \"vz-mqtt\", device_id = {:?} }}\n\
                 barrier = {{ driver = \"camera\", output = 0 }}\n\
                 loops = {{ closing_input = 1, closing_active = \"high\" }}\n\n",
                serial(lane)
            )
        });
        let text = format!("{head}{}[tariff]{tail}", lanes.concat());
        let config = Config::parse(&text, "simulation.toml").expect("a valid configuration");
        config.lanes
    })
}

fn serial(lane: &str) -> &'static str {
    match lane {
        "in-1" => "265e1040-85e01fb1",
        "in-2" => "265e1040-85e01fb2",
        "out-1" => "265e1040-85e01fb3",
        _ => "265e1040-85e01fb4",
    }
}

fn replace(message: &mut Message, from: &str, to: &str) {
    if let Ok(text) = std::str::from_utf8(&message.payload) {
        message.payload = text.replace(from, to).into_bytes();
    }
}
