//! From the fields of a line to a reading.

use std::borrow::Cow;

use crate::camera::capture_time::{DeviceTimes, captured_at};
use crate::camera::local_time;
use crate::camera::plate_text::PlateText;
use crate::camera::serial::FrameFault;
use crate::lane::freshness::STALE_AFTER_MS;
use crate::lane::plate::{PlateColor, PlateFault, settle_color};
use crate::lane::reading::{PlateRead, ReadFault, ReadWarning};
use crate::lane::time::{Now, Wall};

const RAW_PLATE_CHARS_MAX: usize = 32;
/// More digits than any scale has.
const CONFIDENCE_DIGITS_MAX: usize = 6;

/// What a line says, field by field. What is empty there is None or empty here.
#[derive(Debug, PartialEq, Eq)]
pub struct Fields<'a> {
    /// Which of the line's cameras speaks.
    pub address: Option<&'a str>,
    /// Digits; the camera counts its readings.
    pub number: Option<&'a str>,
    /// How long ago the camera read the plate.
    pub age_s: Option<u64>,
    pub plate: PlateText,
    pub color: Cow<'a, str>,
    pub confidence: Option<&'a str>,
    pub time: Option<&'a str>,
}

/// The reading, as of its arrival.
///
/// # Errors
/// A confidence that cannot be one spoils the whole reading: a reading without any passes for a good
/// one.
pub fn reading(
    fields: Fields<'_>,
    confidence_max: u32,
    received: Now,
) -> Result<PlateRead, FrameFault> {
    let confidence_permille = match fields.confidence {
        Some(text) => Some(permille(text, confidence_max).ok_or(FrameFault::Field("confidence"))?),
        None => None,
    };
    let age_ms = fields.age_s.unwrap_or(0).saturating_mul(1000);
    // An old reading repairs the records and opens nothing, as another camera's replay.
    let replay = age_ms > STALE_AFTER_MS;
    let read_at = (replay && received.trusted)
        .then(|| i64::try_from(age_ms).ok())
        .flatten()
        .map(|age_ms| received.wall.plus_ms(age_ms.saturating_neg()));
    let times = DeviceTimes {
        epoch: read_at,
        local: fields.time.and_then(time),
        sent: None,
    };
    let (captured_at, time_warning) = captured_at(times, replay, received);
    let named = color(&fields.color);
    let mut read = PlateRead {
        record_id: fields.number.map(str::to_owned),
        plate: None,
        color: named,
        confidence_permille,
        captured_at,
        sent_at: None,
        replay,
        retained: false,
        fault: None,
        warnings: time_warning.into_iter().collect(),
        raw_plate: None,
        trigger: None,
    };
    let PlateText { text, parsed, gbk } = fields.plate;
    match parsed {
        Ok(parsed) => {
            if gbk {
                read.warnings.push(ReadWarning::GbkFallback);
            }
            if parsed.repaired {
                read.warnings.push(ReadWarning::LookAlikeRepaired);
            }
            let (color, warnings) = settle_color(&parsed.plate, named);
            read.color = color;
            read.warnings.extend(warnings);
            read.plate = Some(parsed.plate);
        }
        Err(PlateFault::Unlicensed) => read.fault = Some(ReadFault::Unlicensed),
        Err(PlateFault::Empty) => read.fault = Some(ReadFault::Unreadable),
        Err(PlateFault::Invalid) => {
            read.fault = Some(ReadFault::InvalidPlate);
            read.raw_plate = Some(text.chars().take(RAW_PLATE_CHARS_MAX).collect());
        }
    }
    if read.captured_at.is_none() && read.fault.is_none() {
        read.fault = Some(ReadFault::BadTime);
    }
    Ok(read)
}

/// Thousandths of `max`, by the digits: no floating point. None for what is no number, or beyond
/// `max`.
fn permille(text: &str, max: u32) -> Option<u16> {
    let text = text.strip_suffix('%').unwrap_or(text).trim_end();
    let (whole, decimals) = text.split_once('.').unwrap_or((text, ""));
    let is_digits = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
    let fits = !whole.is_empty() && whole.len() + decimals.len() <= CONFIDENCE_DIGITS_MAX;
    if !fits || !is_digits(whole) || !is_digits(decimals) {
        return None;
    }
    let value: u64 = format!("{whole}{decimals}").parse().ok()?;
    let unit = 10_u64.pow(u32::try_from(decimals.len()).ok()?);
    let permille = value * 1000 / (unit * u64::from(max).max(1));
    u16::try_from(permille)
        .ok()
        .filter(|_| value <= unit * u64::from(max))
}

/// English or Chinese, any case; what is not one of WeChat's six colours is not known.
fn color(text: &str) -> Option<PlateColor> {
    let text = text.trim().to_lowercase();
    let bare = text.strip_suffix('牌').unwrap_or(&text);
    let bare = bare.strip_suffix('色').unwrap_or(bare);
    match bare {
        "blue" | "蓝" => Some(PlateColor::Blue),
        "green" | "绿" | "渐变绿" => Some(PlateColor::Green),
        "yellow" | "黄" => Some(PlateColor::Yellow),
        "black" | "黑" => Some(PlateColor::Black),
        "white" | "白" => Some(PlateColor::White),
        "limegreen" | "yellowgreen" | "黄绿" => Some(PlateColor::LimeGreen),
        _ => None,
    }
}

/// RFC 3339, seconds or milliseconds since 1970, or a Beijing date and time down to the second with
/// whatever stands between its parts.
fn time(text: &str) -> Option<Wall> {
    if let Some(wall) = Wall::from_rfc3339(text) {
        return Some(wall);
    }
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    let is_plain = digits.len() == text.len();
    let number = |from: usize, to: usize| digits.get(from..to)?.parse::<i64>().ok();
    match digits.len() {
        14 => local_time::wall_of(
            number(0, 4)?,
            number(4, 6)?,
            number(6, 8)?,
            number(8, 10)?,
            number(10, 12)?,
            number(12, 14)?,
        ),
        10 if is_plain => Some(Wall(number(0, 10)?.saturating_mul(1000))),
        13 if is_plain => Some(Wall(number(0, 13)?)),
        _ => None,
    }
}
