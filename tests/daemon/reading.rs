//! What a VZ camera writes (`gate-hardware.md` 2).

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use parkgate::lane::time::Wall;
use serde_json::{Value, json};

/// A reading of one car, to be varied before it is sent.
#[derive(Clone, Debug)]
pub struct Reading {
    /// The licence's bytes before base64.
    pub license: Vec<u8>,
    /// 1 is blue.
    pub color: u8,
    /// Percent.
    pub confidence: u8,
    pub record: u64,
    pub captured: Wall,
    pub sent: Wall,
    /// Bytes of base64 that stand for a picture.
    pub picture_bytes: usize,
}

impl Reading {
    /// A good reading of a blue plate.
    pub fn of(plate: &str, record: u64, now: Wall) -> Self {
        Self {
            license: plate.as_bytes().to_vec(),
            color: 1,
            confidence: 98,
            record,
            captured: now,
            sent: now,
            picture_bytes: 0,
        }
    }

    /// The message, named `ivs_result` or `quick_ivs_result`.
    pub fn message(&self, serial: &str, name: &str) -> Vec<u8> {
        let license = BASE64.encode(&self.license);
        let mut message = json!({
            "id": format!("m{:015}", self.record),
            "bv": 12378,
            "sn": serial,
            "name": name,
            "version": "1.0",
            "timestamp": self.sent.0.div_euclid(1000),
            "payload": { "AlarmInfoPlate": {
                "channel": 0,
                "serialno": serial,
                "result": { "PlateResult": {
                    "license": license,
                    "colorType": self.color,
                    "confidence": self.confidence,
                    "is_encrypted": 0,
                    "is_fake_plate": 0,
                    "isoffline": 0,
                    "plateid": self.record,
                    "timeStamp": { "Timeval": {
                        "sec": self.captured.0.div_euclid(1000),
                        "usec": self.captured.0.rem_euclid(1000) * 1000,
                    } },
                    "triggerType": 8,
                    "type": 1,
                    "plates": [{ "license": license, "color": self.color, "type": 1 }],
                } },
            } },
        });
        if self.picture_bytes > 0 {
            let result = &mut message["payload"]["AlarmInfoPlate"]["result"]["PlateResult"];
            result["full_image_content"] = Value::String("A".repeat(self.picture_bytes));
        }
        message.to_string().into_bytes()
    }
}

/// A level on one of the camera's inputs.
pub fn input(serial: &str, source: u8, value: u8, now: Wall) -> Vec<u8> {
    envelope(
        serial,
        "gpio_in",
        now,
        json!({
            "AlarmGioIn": { "result": { "TriggerResult": { "source": source, "value": value } } },
        }),
    )
}

/// A sign of life.
pub fn heartbeat(serial: &str, now: Wall) -> Vec<u8> {
    let body = json!({ "timestamp": now.0.div_euclid(1000) });
    envelope(serial, "keep_alive", now, body)
}

/// The reply to a command.
pub fn reply(serial: &str, id: &str, code: u16, now: Wall) -> Vec<u8> {
    let message = json!({
        "id": id,
        "sn": serial,
        "name": "gpio_out",
        "version": "1.0",
        "timestamp": now.0.div_euclid(1000),
        "code": code,
        "payload": null,
    });
    message.to_string().into_bytes()
}

fn envelope(serial: &str, name: &str, now: Wall, body: Value) -> Vec<u8> {
    let message = json!({
        "id": "k1",
        "bv": 12378,
        "sn": serial,
        "name": name,
        "version": "1.0",
        "timestamp": now.0.div_euclid(1000),
        "payload": { "body": body },
    });
    message.to_string().into_bytes()
}
