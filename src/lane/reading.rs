//! One camera reading, whatever dialect it came in (`gate-hardware.md` 1).

use serde::{Deserialize, Serialize};

use super::plate::{PlateColor, PlateNumber};
use super::time::Wall;

/// What a camera says it saw.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlateRead {
    /// The vendor's own id of the reading; may restart after the camera's reset.
    pub record_id: Option<String>,
    /// None when there is no usable plate; `fault` says why.
    pub plate: Option<PlateNumber>,
    /// None when the device does not know it; never guessed.
    pub color: Option<PlateColor>,
    /// 0–1000. None when the device gave none.
    pub confidence_permille: Option<u16>,
    /// Instant of capture, after the time rule. None for a replay without a plausible time.
    pub captured_at: Option<Wall>,
    /// When the device says it sent the message, as it said it, plausible or not. The reading's age
    /// is computed from this and from nothing that was substituted.
    pub sent_at: Option<Wall>,
    /// The device says that this is cached data.
    pub replay: bool,
    /// The broker delivered it as a retained message.
    pub retained: bool,
    /// Why there is no plate, or why the reading must not be billed from.
    pub fault: Option<ReadFault>,
    /// What was repaired or looked odd on the way.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub warnings: Vec<ReadWarning>,
    /// The text as the device wrote it where it fits no plate shape, for the attendant.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub raw_plate: Option<String>,
    /// What made the camera look.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<Trigger>,
}

impl PlateRead {
    /// What a person says, where no camera did.
    pub fn by_hand(plate: PlateNumber, color: Option<PlateColor>) -> Self {
        Self {
            record_id: None,
            plate: Some(plate),
            color,
            confidence_permille: None,
            captured_at: None,
            sent_at: None,
            replay: false,
            retained: false,
            fault: None,
            warnings: Vec::new(),
            raw_plate: None,
            trigger: None,
        }
    }
}

/// Why a reading has no plate, or must not be billed from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadFault {
    /// A vehicle without a plate, by the device's own word.
    Unlicensed,
    /// The device sent ciphertext.
    Encrypted,
    /// A vehicle whose plate was not read.
    Unreadable,
    /// Text that fits no plate shape.
    InvalidPlate,
    /// Bytes that are neither UTF-8 nor GB18030, or broken base64.
    BadEncoding,
    /// A replay without a plausible capture time.
    BadTime,
}

/// Repairs and oddities, informative.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReadWarning {
    /// Plate text was GBK instead of UTF-8.
    GbkFallback,
    /// Plate text was not base64 although the dialect says so.
    PlainLicense,
    /// An 8-character shape decided the colour.
    ColorFromShape,
    /// The device named a colour that the shape contradicts.
    ColorConflict,
    /// 7 characters and green: probably an 8-character plate that lost one.
    LengthSuspect,
    /// I or O in the serial part, repaired to 1 or 0.
    LookAlikeRepaired,
    /// The device's clock is implausible.
    ClockImplausible,
    /// The device gave no time.
    NoDeviceTime,
    /// Topic and body name different devices; the topic wins.
    SerialMismatch,
    /// Photo, screen or handmade plate suspected.
    FakePlate,
    /// The picture was damaged; the reading was kept.
    BadPicture,
}

/// What made the camera look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Trigger {
    Video,
    Io,
    Software,
    VirtualLoop,
    Stay,
    StayEnded,
    TurnedBack,
    Other(i64),
}
