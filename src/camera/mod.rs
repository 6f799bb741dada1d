//! Cameras: one dialect a file, one transport a file, one stream of [`CameraEvent`]s out.

mod capture_time;
mod local_time;
mod loose;
pub mod mqtt;
mod plate_text;
pub mod serial;
pub mod text;
pub mod vz_mqtt;

use crate::lane::reading::PlateRead;
use crate::lane::time::{Now, Wall};

/// Something a camera (or what hangs behind it) reported.
#[derive(Clone, Debug, PartialEq)]
pub struct CameraEvent {
    /// Vendor serial, trimmed, lower case; the topic's beats the body's.
    pub camera_id: String,
    /// The box's time on arrival.
    pub received: Now,
    /// When the device says it sent the message (envelope), plausible or not.
    pub sent_at: Option<Wall>,
    /// The broker delivered it as retained: never acted upon.
    pub retained: bool,
    /// What it says.
    pub report: Report,
}

/// The content of a [`CameraEvent`].
#[derive(Clone, Debug, PartialEq)]
pub enum Report {
    /// A final reading: a vehicle is at the gate.
    Read(PlateRead),
    /// The quick reading before the final one. Never makes a passage.
    Preview(PlateRead),
    /// Sign of life.
    Heartbeat,
    /// A level on one of the camera's inputs (loops, buttons), from 0.
    Input { input: u8, active: bool },
    /// The barrier controller behind the camera.
    Barrier {
        connected: bool,
        enabled: bool,
        position: BarrierPosition,
    },
    /// Bytes from the camera's serial port.
    SerialReceived { channel: u8, bytes: Vec<u8> },
    /// Reply to one of our commands; `ok` means that the relay was driven, not that the arm moved.
    CommandReply {
        command_id: String,
        ok: bool,
        code: i64,
    },
    /// Readings waiting in the camera.
    OfflineCount(u64),
    /// Something that is not for us, or cannot be read: logged and dropped.
    Dropped { fault: FrameFault, detail: String },
    /// Known and of no consequence.
    Ignored,
}

/// Where the arm is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BarrierPosition {
    Down,
    Up,
    Unknown,
}

/// Why a message was dropped whole.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FrameFault {
    /// Not the JSON object that the dialect speaks of.
    Malformed,
    /// A part without which nothing can be said is missing.
    MissingField,
    /// Larger than the limit.
    TooLarge,
    /// A topic that no dialect here knows.
    UnknownTopic,
}
