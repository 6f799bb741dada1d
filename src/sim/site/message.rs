//! What a VZ camera says, with every field that a real one sends (`gate-hardware.md` 3.1). Written
//! without a line of the decoder, so that a mistake cannot hide on both sides.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use jiff::civil::DateTime;
use jiff::tz::{Offset, offset};
use serde_json::{Value, json};

use crate::lane::plate::{PlateColor, PlateNumber, Shape};
use crate::lane::time::Wall;

/// A message to publish.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    pub topic: String,
    pub payload: Vec<u8>,
}

/// A car in the picture.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sight {
    pub plate: PlateNumber,
    pub color: PlateColor,
    /// Percent.
    pub confidence: u8,
    /// The camera's number of the record.
    pub record: u64,
    pub captured: Wall,
    /// Why the camera looked.
    pub trigger: Trigger,
}

/// Why a camera looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trigger {
    /// The car drove onto the virtual loop.
    VirtualLoop,
    /// It is still standing there.
    Stay,
}

const FIRMWARE_BUILD: u32 = 12_378;
const BEIJING: Offset = offset(8);

/// The quick reading, a moment before the final one and with the same record number.
pub fn quick_result(serial: &str, sight: &Sight, sent: Wall) -> Message {
    result("quick_ivs_result", serial, sight, sent)
}

/// The final reading.
pub fn final_result(serial: &str, sight: &Sight, sent: Wall) -> Message {
    result("ivs_result", serial, sight, sent)
}

/// A sign of life.
pub fn heartbeat(serial: &str, sent: Wall) -> Message {
    let body = json!({ "body": { "timestamp": seconds(sent) } });
    up("keep_alive", serial, "keep_alive", sent, body)
}

/// A level on an input, from 0.
pub fn input(serial: &str, input: u8, high: bool, sent: Wall) -> Message {
    let body = json!({
        "body": {
            "AlarmGioIn": {
                "deviceName": BASE64.encode("parkgate"),
                "ipaddr": "127.0.0.1",
                "result": { "TriggerResult": { "source": input, "value": u8::from(high) } },
                "serialno": serial,
            }
        }
    });
    up("gpio_in", serial, "gpio_in", sent, body)
}

/// The answer to a command, on the command's own topic.
pub fn reply(
    command_topic: &str,
    serial: &str,
    name: &str,
    id: &str,
    code: u16,
    sent: Wall,
) -> Message {
    let message = json!({
        "id": id,
        "sn": serial,
        "name": name,
        "version": "1.0",
        "timestamp": seconds(sent),
        "code": code,
        "payload": null,
    });
    Message {
        topic: format!("{command_topic}/reply"),
        payload: message.to_string().into_bytes(),
    }
}

/// The filter for all commands to a camera, none of the replies.
pub fn commands(serial: &str) -> String {
    format!("device/{serial}/message/down/+")
}

fn result(name: &str, serial: &str, sight: &Sight, sent: Wall) -> Message {
    let alarm = json!({
        "channel": 0,
        "deviceName": BASE64.encode("parkgate"),
        "ipaddr": "127.0.0.1",
        "result": { "PlateResult": plate_result(sight) },
        "serialno": serial,
        "user_data": "",
    });
    let id = format!("m{:015}", sight.record);
    up(name, serial, &id, sent, json!({ "AlarmInfoPlate": alarm }))
}

fn plate_result(sight: &Sight) -> Value {
    let license = BASE64.encode(sight.plate.as_str());
    let (color, kind) = (color_code(sight.color), type_code(sight));
    let position = json!({ "left": 880, "top": 512, "right": 1050, "bottom": 560 });
    json!({
        "license": license,
        "license_ext_type": 0,
        "colorType": color,
        "colorValue": 0,
        "type": kind,
        "confidence": sight.confidence,
        "bright": 0,
        "carBright": 0,
        "carColor": 255,
        "car_brand": { "brand": 255, "type": 255, "year": 65_535 },
        "car_location": {
            "RECT": { "left": 702, "top": 300, "right": 1180, "bottom": 640 }
        },
        "direction": 4,
        "triggerType": match sight.trigger {
            Trigger::VirtualLoop => 8,
            Trigger::Stay => 64,
        },
        "isoffline": 0,
        "is_encrypted": 0,
        "is_fake_plate": 0,
        "plateid": sight.record,
        "plate_distance": 0,
        "plate_true_width": 170,
        "gioouts": [],
        "imagePath": "",
        "location": { "RECT": position },
        "timeStamp": { "Timeval": timeval(sight.captured) },
        "timeUsed": 120_334,
        "plates": [{
            "color": color,
            "license": license,
            "plate_width": 170,
            "is_danger": 0,
            "pos": position,
            "type": kind,
        }],
    })
}

fn timeval(wall: Wall) -> Value {
    let local = local(wall).unwrap_or_default();
    json!({
        "sec": seconds(wall),
        "usec": wall.0.rem_euclid(1000) * 1000,
        "decyear": local.year(),
        "decmon": local.month(),
        "decday": local.day(),
        "dechour": local.hour(),
        "decmin": local.minute(),
        "decsec": local.second(),
    })
}

fn local(wall: Wall) -> Option<DateTime> {
    let instant = jiff::Timestamp::from_millisecond(wall.0).ok()?;
    Some(BEIJING.to_datetime(instant))
}

/// `gate-hardware.md` 2.3.
fn color_code(color: PlateColor) -> u8 {
    match color {
        PlateColor::Blue => 1,
        PlateColor::Yellow => 2,
        PlateColor::White => 3,
        PlateColor::Black => 4,
        PlateColor::Green => 5,
        PlateColor::LimeGreen => 6,
    }
}

/// `gate-hardware.md` 2.4.
fn type_code(sight: &Sight) -> u8 {
    match (sight.plate.shape(), sight.color) {
        (Shape::SmallNewEnergy, _) => 19,
        (Shape::LargeNewEnergy, _) => 20,
        (Shape::CrossBorder, _) if sight.plate.as_str().ends_with('港') => 11,
        (Shape::CrossBorder, _) => 14,
        (Shape::DrivingSchool, _) => 13,
        (Shape::Police, _) => 5,
        (Shape::ArmedPolice, _) => 6,
        (Shape::Ordinary, PlateColor::Blue) => 1,
        (Shape::Ordinary, PlateColor::Black) => 2,
        (Shape::Ordinary, PlateColor::Yellow) => 3,
        _ => 0,
    }
}

fn up(name: &str, serial: &str, id: &str, sent: Wall, payload: Value) -> Message {
    let message = json!({
        "id": id,
        "bv": FIRMWARE_BUILD,
        "sn": serial,
        "name": name,
        "version": "1.0",
        "timestamp": seconds(sent),
        "payload": payload,
    });
    Message {
        topic: format!("device/{serial}/message/up/{name}"),
        payload: message.to_string().into_bytes(),
    }
}

fn seconds(wall: Wall) -> i64 {
    wall.0.div_euclid(1000)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::camera::vz_mqtt::{Kind, Topic, decode};
    use crate::camera::{CameraEvent, Report};
    use crate::lane::reading;
    use crate::lane::time::{BootId, Moment, Now};
    use crate::sim::site::{Pace, Traffic};

    const SERIAL: &str = "265E1040-85e01fb7";
    const NOON: Wall = Wall(1_772_424_000_123);

    #[test]
    fn readings_are_read_as_they_were_meant() {
        for (record, car) in (1..).zip(Traffic::new(5, &Pace::default()).take(300)) {
            let sight = Sight {
                plate: car.plate,
                color: car.color,
                confidence: car.confidence,
                record,
                captured: NOON,
                trigger: Trigger::VirtualLoop,
            };
            let event = heard(&final_result(SERIAL, &sight, NOON.plus_ms(400)));
            assert_eq!(event.camera_id, SERIAL.to_lowercase());
            assert_eq!(event.sent_at, Some(NOON.floor_to_second()));
            let Report::Read(read) = event.report else {
                panic!("{:?}", event.report);
            };
            assert_eq!(read.plate.as_ref(), Some(&sight.plate));
            assert_eq!(read.color, Some(sight.color));
            let permille = u16::from(sight.confidence) * 10;
            assert_eq!(read.confidence_permille, Some(permille));
            assert_eq!(read.record_id, Some(record.to_string()));
            assert_eq!(read.captured_at, Some(NOON));
            assert_eq!(read.trigger, Some(reading::Trigger::VirtualLoop));
            assert_eq!((read.fault, read.replay), (None, false));
            assert_eq!(read.warnings, []);
            let quick = heard(&quick_result(SERIAL, &sight, NOON)).report;
            assert!(
                matches!(&quick, Report::Preview(preview) if preview.plate == read.plate),
                "{quick:?}"
            );
        }
    }

    #[test]
    fn everything_else_is_read_as_it_was_meant() {
        let report = |message| heard(&message).report;
        assert_eq!(report(heartbeat(SERIAL, NOON)), Report::Heartbeat);
        let loop_free = Report::Input {
            input: 1,
            active: false,
        };
        assert_eq!(report(input(SERIAL, 1, false, NOON)), loop_free);
        let command = "device/265E1040-85e01fb7/message/down/gpio_out";
        assert!(matches!(Topic::parse(command).unwrap().kind, Kind::Down(_)));
        let done = Report::CommandReply {
            command_id: "c-1".into(),
            ok: true,
            code: 200,
        };
        let answer = reply(command, SERIAL, "gpio_out", "c-1", 200, NOON);
        assert_eq!(report(answer), done);
    }

    fn heard(message: &Message) -> CameraEvent {
        let now = Now {
            moment: Moment(1),
            wall: NOON,
            trusted: true,
            boot: BootId(1),
        };
        decode(&message.topic, &message.payload, false, now)
    }
}
