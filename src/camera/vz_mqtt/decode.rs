//! From a message to an event.

use std::borrow::Cow;

use base64::Engine;
use base64::alphabet::STANDARD;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::payload::{Body, Envelope, PlateResult, epoch};
use super::pictures;
use super::topic::{Kind, Topic, camera_id};
use crate::camera::capture_time::captured_at;
use crate::camera::loose::{Maybe, Number, Text};
use crate::camera::plate_text::{self, PlateText};
use crate::camera::{BarrierPosition, CameraEvent, FrameFault, Report};
use crate::lane::plate::{PlateColor, PlateFault, PlateNumber, settle_color};
use crate::lane::reading::{PlateRead, ReadFault, ReadWarning, Trigger};
use crate::lane::time::Now;

/// Larger messages are dropped unread.
pub const MESSAGE_BYTES_MAX: usize = 4 * 1024 * 1024;

const ID_BYTES_MAX: usize = 128;
const LICENSE_BYTES_MAX: usize = 256;
const SERIAL_DATA_BYTES_MAX: usize = 64 * 1024;
const RAW_PLATE_CHARS_MAX: usize = 32;

/// Padding or none: devices differ.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Reads one message. Never fails: what cannot be read is a [`Report::Dropped`].
///
/// `topic` decides which camera and what kind of message it is; where the body names another
/// camera, the topic wins.
pub fn decode(topic: &str, payload: &[u8], retained: bool, received: Now) -> CameraEvent {
    let mut event = CameraEvent {
        camera_id: String::new(),
        received,
        sent_at: None,
        retained,
        report: Report::Ignored,
    };
    let Some(topic) = Topic::parse(topic) else {
        let start: String = topic.chars().take(80).collect();
        event.report = dropped(FrameFault::UnknownTopic, format!("topic {start:?}"));
        return event;
    };
    event.camera_id = topic.camera_id();
    if !is_read(topic.kind) {
        return event;
    }
    if payload.len() > MESSAGE_BYTES_MAX {
        event.report = dropped(FrameFault::TooLarge, format!("{} bytes", payload.len()));
        return event;
    }
    let short = without_pictures(payload, topic.kind, &mut event);
    event.report = short.unwrap_or_else(|| whole(payload, topic.kind, &mut event));
    event
}

/// What a reading with pictures says, without a look at these. None if there are none, and where
/// anything else may be wrong: then the whole message is read, which tells what.
pub(super) fn without_pictures(
    payload: &[u8],
    kind: Kind<'_>,
    event: &mut CameraEvent,
) -> Option<Report> {
    let Kind::Up("ivs_result" | "quick_ivs_result") = kind else {
        return None;
    };
    let Cow::Owned(rest) = pictures::cut(payload) else {
        return None;
    };
    let (text, gbk) = text(&rest)?;
    let envelope = serde_json::from_slice(text.as_bytes())
        .ok()
        .filter(|_| !gbk)?;
    Some(read(envelope, gbk, kind, event))
}

pub(super) fn whole(payload: &[u8], kind: Kind<'_>, event: &mut CameraEvent) -> Report {
    let Some((text, gbk)) = text(payload) else {
        return dropped(FrameFault::Malformed, "neither UTF-8 nor GB18030".into());
    };
    match serde_json::from_slice(text.as_bytes()) {
        Ok(envelope) => read(envelope, gbk, kind, event),
        // Without the error's own text, which may quote the message.
        Err(error) => {
            let (line, column) = (error.line(), error.column());
            let detail = format!("not JSON at line {line} column {column}");
            dropped(FrameFault::Malformed, detail)
        }
    }
}

/// Whether a message of this kind says anything that parkgate acts upon.
fn is_read(kind: Kind<'_>) -> bool {
    match kind {
        Kind::Reply(_) => true,
        Kind::Down(_) => false,
        Kind::Up(name) => matches!(
            name,
            "ivs_result"
                | "quick_ivs_result"
                | "keep_alive"
                | "gpio_in"
                | "serial_data"
                | "barr_gate_status"
                | "offline_record"
        ),
    }
}

/// The payload as text, and whether it was GB18030.
fn text(payload: &[u8]) -> Option<(Cow<'_, str>, bool)> {
    let payload = payload.strip_prefix(b"\xef\xbb\xbf").unwrap_or(payload);
    match std::str::from_utf8(payload) {
        Ok(text) => Some((Cow::Borrowed(text), false)),
        Err(_) => encoding_rs::GB18030
            .decode_without_bom_handling_and_without_replacement(payload)
            .map(|text| (text, true)),
    }
}

fn read(
    envelope: Maybe<Envelope<'_>>,
    gbk: bool,
    kind: Kind<'_>,
    event: &mut CameraEvent,
) -> Report {
    let Maybe(Some(envelope)) = envelope else {
        return dropped(FrameFault::Malformed, "not an object".into());
    };
    event.sent_at = epoch(envelope.timestamp);
    let (alarm, body) = match envelope.payload.0 {
        Some(payload) => (payload.alarm.0, payload.body.0.unwrap_or_default()),
        None => (None, Body::default()),
    };
    let report = match kind {
        Kind::Reply(_) => command_reply(&envelope.id, envelope.code),
        Kind::Up("ivs_result" | "quick_ivs_result") => {
            let alarm = alarm.unwrap_or_default();
            let Some(plate) = alarm.result.0.and_then(|result| result.plate.0) else {
                return missing("PlateResult");
            };
            let named = [&envelope.sn, &alarm.serialno];
            let mut read = plate_read(&plate, gbk, event);
            if named
                .into_iter()
                .any(|serial| differs(serial, &event.camera_id))
            {
                read.warnings.push(ReadWarning::SerialMismatch);
            }
            Some(match kind {
                Kind::Up("quick_ivs_result") => Report::Preview(read),
                _ => Report::Read(read),
            })
        }
        Kind::Up("keep_alive") => {
            event.sent_at = event.sent_at.or(epoch(body.timestamp));
            Some(Report::Heartbeat)
        }
        Kind::Up("gpio_in") => gpio_in(&body),
        Kind::Up("serial_data") => return serial_data(&body),
        Kind::Up("barr_gate_status") => barrier(&body),
        Kind::Up("offline_record") => offline_count(&body),
        Kind::Up(_) | Kind::Down(_) => Some(Report::Ignored),
    };
    report.unwrap_or_else(|| missing("a number of the body"))
}

fn plate_read(result: &PlateResult<'_>, gbk: bool, event: &CameraEvent) -> PlateRead {
    let replay = result.isoffline.is_set();
    let (captured_at, time_warning) =
        captured_at(result.times(event.sent_at), replay, event.received);
    let named = color(result);
    let mut read = PlateRead {
        record_id: record_id(result),
        plate: None,
        color: named,
        confidence_permille: confidence_permille(result.confidence),
        captured_at,
        sent_at: event.sent_at,
        replay,
        retained: event.retained,
        fault: None,
        warnings: time_warning.into_iter().collect(),
        raw_plate: None,
        trigger: result.trigger_type.0.map(trigger),
    };
    if result.is_fake_plate.is_set() || result.plate_type.0 == Some(PLATE_TYPE_FAKE) {
        read.warnings.push(ReadWarning::FakePlate);
    }
    match license(result, gbk) {
        Ok(license) => {
            read.warnings.extend(license.warnings);
            let (color, warnings) = settle_color(&license.plate, named);
            read.color = color;
            read.warnings.extend(warnings);
            read.plate = Some(license.plate);
        }
        Err((fault, raw)) => {
            read.fault = Some(fault);
            read.raw_plate = raw;
        }
    }
    if read.captured_at.is_none() && read.fault.is_none() {
        read.fault = Some(ReadFault::BadTime);
    }
    read
}

struct License {
    plate: PlateNumber,
    warnings: Vec<ReadWarning>,
}

/// The plate, or why there is none and the text that was no plate.
fn license(result: &PlateResult<'_>, gbk: bool) -> Result<License, (ReadFault, Option<String>)> {
    if result.is_encrypted.is_set() {
        return Err((ReadFault::Encrypted, None));
    }
    let written = std::iter::once(&result.license)
        .chain(result.plates.0.iter().map(|plate| &plate.license))
        .map(Text::trimmed)
        .find(|text| !text.is_empty());
    let Some(written) = written else {
        let none = result.plate_type.0 == Some(PLATE_TYPE_NONE);
        let fault = if none {
            ReadFault::Unlicensed
        } else {
            ReadFault::Unreadable
        };
        return Err((fault, None));
    };
    if written.len() > LICENSE_BYTES_MAX {
        return Err((ReadFault::BadEncoding, None));
    }
    let (text, plain) = plain_or_base64(written).ok_or((ReadFault::BadEncoding, None))?;
    let PlateText {
        text,
        parsed,
        gbk: text_gbk,
    } = text;
    let parsed = parsed.map_err(|fault| match fault {
        PlateFault::Unlicensed => (ReadFault::Unlicensed, None),
        PlateFault::Empty => (ReadFault::Unreadable, None),
        PlateFault::Invalid => {
            let raw = text.chars().take(RAW_PLATE_CHARS_MAX).collect();
            (ReadFault::InvalidPlate, Some(raw))
        }
    })?;
    let mut warnings = Vec::new();
    if plain {
        warnings.push(ReadWarning::PlainLicense);
    }
    if text_gbk || (plain && gbk) {
        warnings.push(ReadWarning::GbkFallback);
    }
    if parsed.repaired {
        warnings.push(ReadWarning::LookAlikeRepaired);
    }
    Ok(License {
        plate: parsed.plate,
        warnings,
    })
}

/// The licence text, and whether it was written plainly instead of in base64. A plate in base64 is
/// never a plate by its letters, so that plain text is tried first and loses nothing.
fn plain_or_base64(written: &str) -> Option<(PlateText, bool)> {
    let plain = plate_text::read(written.as_bytes())?;
    if !written.is_ascii() || plain.parsed != Err(PlateFault::Invalid) {
        return Some((plain, true));
    }
    let bytes = BASE64.decode(written).ok()?;
    Some((plate_text::read(&bytes)?, false))
}

/// The newer builds' own id, else the record number; a number may restart after a reset.
fn record_id(result: &PlateResult<'_>) -> Option<String> {
    let is_id = |text: &&str| *text != "0";
    [&result.unique_id, &result.plateid, &result.record_uuid]
        .into_iter()
        .find_map(|text| text.within(ID_BYTES_MAX).filter(is_id))
        .map(str::to_owned)
}

fn confidence_permille(percent: Number) -> Option<u16> {
    let percent = percent.0.filter(|percent| *percent > 0)?.min(100);
    u16::try_from(percent).ok().map(|percent| percent * 10)
}

/// `gate-hardware.md` 2.3.
fn color(result: &PlateResult<'_>) -> Option<PlateColor> {
    let first_plate = || result.plates.0.first().and_then(|plate| plate.color.0);
    match result.color_type.0.or_else(first_plate)? {
        1 => Some(PlateColor::Blue),
        2 => Some(PlateColor::Yellow),
        3 => Some(PlateColor::White),
        4 => Some(PlateColor::Black),
        5 => Some(PlateColor::Green),
        6 => Some(PlateColor::LimeGreen),
        _ => None,
    }
}

/// Plate types (`gate-hardware.md` 2.4) that say more than the colour.
const PLATE_TYPE_FAKE: i64 = 29;
const PLATE_TYPE_NONE: i64 = 31;

fn trigger(code: i64) -> Trigger {
    match code {
        1 => Trigger::Video,
        2 => Trigger::Io,
        4 => Trigger::Software,
        8 => Trigger::VirtualLoop,
        64 => Trigger::Stay,
        65 => Trigger::StayEnded,
        66 => Trigger::TurnedBack,
        other => Trigger::Other(other),
    }
}

fn command_reply(id: &Text<'_>, code: Number) -> Option<Report> {
    let code = code.0?;
    Some(Report::CommandReply {
        command_id: id.within(ID_BYTES_MAX)?.to_owned(),
        ok: code == 200,
        code,
    })
}

fn gpio_in(body: &Body<'_>) -> Option<Report> {
    let result = body.gpio_in.0.as_ref()?.result.0.as_ref()?;
    let trigger = result.trigger.0.as_ref()?;
    Some(Report::Input {
        input: u8::try_from(trigger.source.0?).ok()?,
        active: trigger.value.0? != 0,
    })
}

fn serial_data(body: &Body<'_>) -> Report {
    let Some(serial) = &body.serial.0 else {
        return missing("SerialData");
    };
    let Ok(channel) = u8::try_from(serial.serial_channel.0.unwrap_or(0)) else {
        return missing("serialChannel");
    };
    let data = serial.data.trimmed();
    if data.len() > SERIAL_DATA_BYTES_MAX {
        return dropped(
            FrameFault::TooLarge,
            format!("{} bytes of serial data", data.len()),
        );
    }
    match BASE64.decode(data) {
        Ok(bytes) => Report::SerialReceived { channel, bytes },
        Err(_) => dropped(FrameFault::Malformed, "serial data is not base64".into()),
    }
}

/// While the link to the barrier controller is down, its last position says nothing.
fn barrier(body: &Body<'_>) -> Option<Report> {
    let connected = body.connect_status.0? != 0;
    Some(Report::Barrier {
        connected,
        enabled: body.enable.0.is_none_or(|enable| enable != 0),
        position: match body.gate_status.0 {
            Some(0) if connected => BarrierPosition::Down,
            Some(1) if connected => BarrierPosition::Up,
            _ => BarrierPosition::Unknown,
        },
    })
}

fn offline_count(body: &Body<'_>) -> Option<Report> {
    u64::try_from(body.offline_record.0?)
        .ok()
        .map(Report::OfflineCount)
}

fn differs(serial: &Text<'_>, topic_id: &str) -> bool {
    !serial.trimmed().is_empty() && camera_id(serial.trimmed()) != topic_id
}

fn missing(what: &str) -> Report {
    dropped(FrameFault::MissingField, format!("{what} is missing"))
}

fn dropped(fault: FrameFault, detail: String) -> Report {
    Report::Dropped { fault, detail }
}
