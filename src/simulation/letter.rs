//! What a camera says, and the bytes of it: in a real MQTT dialect, or as a sentence on a serial line.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;

use super::camera::serial;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::reading::{self, PlateRead, ReadFault, ReadWarning};
use crate::lane::time::Wall;
use crate::sim::site::message::{self, Message, Sight, Trigger};

/// A camera's message on its way.
#[derive(Clone, Debug)]
pub struct Letter {
    pub lane: &'static str,
    /// By the camera's clock.
    pub sent: Wall,
    pub retained: bool,
    pub content: Content,
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
    pub plate: PlateNumber,
    pub color: PlateColor,
    /// Percent.
    pub confidence: u8,
    pub says_confidence: bool,
    pub is_readable: bool,
    pub is_fake: bool,
    pub record: u64,
    pub captured: Wall,
    pub turned_back: bool,
    pub is_replay: bool,
}

impl Letter {
    /// A reading, which a camera keeps while it cannot be delivered.
    pub fn is_reading(&self) -> bool {
        matches!(self.content, Content::Reading(_))
    }
}

impl Reading {
    /// As the box's decoder would have it.
    pub fn read(&self, letter: &Letter) -> PlateRead {
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

    /// As a sentence of docs/devices.md, said at this time by the camera's clock. None: a board that
    /// speaks it does not see such a thing.
    pub fn sentence(&self, now: Wall) -> Option<Vec<u8>> {
        if self.turned_back {
            return None;
        }
        let plate = match self.is_readable {
            true => self.plate.as_str(),
            false => "",
        };
        let confidence = match self.says_confidence {
            true => self.confidence.to_string(),
            false => String::new(),
        };
        let age_s = (now.0 - self.captured.0).max(0) / 1_000;
        let color = match self.color {
            PlateColor::Green => "green",
            _ => "蓝",
        };
        Some(sentence(&format!(
            "PGR,1,{},{age_s},{plate},{color},{confidence}",
            self.record
        )))
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
pub fn message_of(letter: &Letter) -> Message {
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

fn replace(message: &mut Message, from: &str, to: &str) {
    if let Ok(text) = std::str::from_utf8(&message.payload) {
        message.payload = text.replace(from, to).into_bytes();
    }
}

/// A sentence of this body, with its checksum and end.
pub fn sentence(body: &str) -> Vec<u8> {
    let crc = body.bytes().fold(0xffff_u16, |crc, byte| {
        (0..8).fold(crc ^ u16::from(byte), |crc, _| {
            let carry = crc & 1;
            (crc >> 1) ^ (carry * 0xa001)
        })
    });
    format!("${body}*{crc:04X}\r\n").into_bytes()
}
