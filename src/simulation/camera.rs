//! The cameras: what they see, and what they say of it, in the bytes of a real dialect. The box's own
//! decoder reads them.

use std::collections::BTreeMap;
use std::sync::OnceLock;

use super::faults::permille;
use super::letter::{Content, Letter, Reading, message_of};
use super::site::{LANES, PLATES, color_of, number};
use crate::camera::vz_mqtt::decode;
use crate::camera::{CameraEvent, Report};
use crate::config::{self, Config};
use crate::lane::plate::PlateNumber;
use crate::lane::time::{Now, Wall};
use crate::sim::random::SplitMix64;

/// One seed in so many has its letters in bytes.
const IN_BYTES_EVERY: u64 = 8;

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
    pub met: BTreeMap<&'static str, u64>,
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
            met: BTreeMap::new(),
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

    /// Whether this is a seed in which nothing is spared its bytes.
    pub fn speak_bytes(&self) -> bool {
        self.in_bytes
    }

    /// From here on they see cars, and no plates.
    pub fn read_no_plates(&mut self) {
        self.faults.unreadable_permille = 1_000;
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
            self.meet("saw nothing");
            return Vec::new();
        }
        let first = self.read(lane, plate, time, wall);
        let mut said = vec![(0, first)];
        if self.random.chance(self.faults.after_permille) {
            said[0].0 = self.random.below(25_000);
            self.meet("read late");
        }
        if self.random.chance(self.faults.second_permille) {
            let second = self.read(lane, plate, time, wall);
            said.push((100 + self.random.below(1_500), second));
            self.meet("read twice");
        }
        if self.random.chance(self.faults.garbage_permille) {
            let mut bytes = message_of(&said[0].1).payload;
            self.garble(&mut bytes);
            let garbage = self.letter(lane, Content::Garbage(bytes), wall);
            said.push((self.random.below(500), garbage));
            self.meet("garbage");
        }
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
        for (is_so, what) in [
            (!reading.is_readable, "unreadable"),
            (reading.confidence == 60, "low confidence"),
            (!reading.says_confidence, "no confidence"),
            (reading.is_fake, "suspected fake"),
            (!PLATES.contains(&reading.plate.as_str()), "misread"),
        ] {
            if is_so {
                self.meet(what);
            }
        }
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

    fn meet(&mut self, what: &'static str) {
        *self.met.entry(what).or_default() += 1;
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

    pub fn clock(&self, wall: Wall) -> Wall {
        wall.plus_ms(self.faults.clock_error_ms)
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

pub fn serial(lane: &str) -> &'static str {
    match lane {
        "in-1" => "265e1040-85e01fb1",
        "in-2" => "265e1040-85e01fb2",
        "out-1" => "265e1040-85e01fb3",
        "out-2" => "265e1040-85e01fb4",
        "in-tower" => "265e1040-85e01fb5",
        _ => "265e1040-85e01fb6",
    }
}
