//! The messages' parts, as far as parkgate reads them. Pictures are not named here, so that they
//! are skipped in place and a reading of a megabyte costs one pass over its bytes.

use serde::Deserialize;

use crate::camera::loose::{Few, Maybe, Number, Text};
use crate::camera::{capture_time::DeviceTimes, local_time};
use crate::lane::time::Wall;

/// Every message.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Envelope<'a> {
    #[serde(borrow)]
    pub id: Text<'a>,
    #[serde(borrow)]
    pub sn: Text<'a>,
    /// When it was sent.
    pub timestamp: Number,
    /// Of a reply.
    pub code: Number,
    #[serde(borrow)]
    pub payload: Maybe<Payload<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Payload<'a> {
    #[serde(borrow, rename = "AlarmInfoPlate")]
    pub alarm: Maybe<AlarmInfoPlate<'a>>,
    #[serde(borrow)]
    pub body: Maybe<Body<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct AlarmInfoPlate<'a> {
    #[serde(borrow)]
    pub serialno: Text<'a>,
    #[serde(borrow)]
    pub result: Maybe<AlarmResult<'a>>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct AlarmResult<'a> {
    #[serde(borrow, rename = "PlateResult")]
    pub plate: Maybe<PlateResult<'a>>,
}

/// A reading.
#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct PlateResult<'a> {
    #[serde(borrow)]
    pub license: Text<'a>,
    pub color_type: Number,
    #[serde(rename = "type")]
    pub plate_type: Number,
    pub confidence: Number,
    pub trigger_type: Number,
    pub isoffline: Number,
    #[serde(rename = "is_encrypted")]
    pub is_encrypted: Number,
    #[serde(rename = "is_fake_plate")]
    pub is_fake_plate: Number,
    #[serde(borrow)]
    pub plateid: Text<'a>,
    #[serde(borrow, rename = "unique_id")]
    pub unique_id: Text<'a>,
    #[serde(borrow, rename = "record_uuid")]
    pub record_uuid: Text<'a>,
    pub time_stamp: Maybe<TimeStamp>,
    #[serde(borrow)]
    pub plates: Few<OnePlate<'a>>,
}

/// One of the plates in the picture.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct OnePlate<'a> {
    #[serde(borrow)]
    pub license: Text<'a>,
    pub color: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TimeStamp {
    #[serde(rename = "Timeval")]
    pub value: Maybe<Timeval>,
}

/// The capture, twice.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Timeval {
    pub sec: Number,
    pub usec: Number,
    pub decyear: Number,
    pub decmon: Number,
    pub decday: Number,
    pub dechour: Number,
    pub decmin: Number,
    pub decsec: Number,
}

/// What every other message carries.
#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct Body<'a> {
    /// Of a heartbeat.
    pub timestamp: Number,
    #[serde(rename = "AlarmGioIn")]
    pub gpio_in: Maybe<GpioIn>,
    #[serde(borrow, rename = "SerialData")]
    pub serial: Maybe<SerialData<'a>>,
    pub connect_status: Number,
    pub enable: Number,
    pub gate_status: Number,
    pub offline_record: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct GpioIn {
    pub result: Maybe<GpioResult>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct GpioResult {
    #[serde(rename = "TriggerResult")]
    pub trigger: Maybe<TriggerResult>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default)]
pub struct TriggerResult {
    pub source: Number,
    pub value: Number,
}

#[derive(Debug, Default, Deserialize)]
#[serde(default, rename_all = "camelCase")]
pub struct SerialData<'a> {
    pub serial_channel: Number,
    #[serde(borrow)]
    pub data: Text<'a>,
}

impl PlateResult<'_> {
    /// The capture, and the sending as the envelope has it.
    pub fn times(&self, sent: Option<Wall>) -> DeviceTimes {
        let Some(TimeStamp {
            value: Maybe(Some(value)),
        }) = &self.time_stamp.0
        else {
            return DeviceTimes {
                sent,
                ..DeviceTimes::default()
            };
        };
        DeviceTimes {
            epoch: value.epoch(),
            local: value.local(),
            sent,
        }
    }
}

impl Timeval {
    fn epoch(&self) -> Option<Wall> {
        let micros = self.usec.0.unwrap_or(0).clamp(0, 999_999);
        Some(epoch(self.sec)?.plus_ms(micros / 1000))
    }

    fn local(&self) -> Option<Wall> {
        local_time::wall_of(
            self.decyear.0?,
            self.decmon.0?,
            self.decday.0?,
            self.dechour.0?,
            self.decmin.0?,
            self.decsec.0?,
        )
    }
}

/// Epoch seconds, or milliseconds where the number is too large for seconds of this millennium.
pub fn epoch(number: Number) -> Option<Wall> {
    const SECONDS_MAX: i64 = 100_000_000_000;
    let value = number.0?;
    if value.checked_abs()? < SECONDS_MAX {
        value.checked_mul(1000).map(Wall)
    } else {
        Some(Wall(value))
    }
}
