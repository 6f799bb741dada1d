//! Cameras on a serial line: one owner a port, however many there are on it.
//!
//! The owner opens the port by its configured name, hands what comes in to the port's dialect, puts
//! the dialect's questions, and opens the port again whenever it is gone. A port that is not there
//! costs nothing but its own readings.

mod echo;
mod owner;
mod rs485;
mod statistics;

use serde::{Deserialize, Serialize};

use super::CameraEvent;
use crate::lane::time::Now;
use crate::serial::PortSettings;

pub use owner::{Port, spawn};
pub use statistics::Statistics;

/// Which port, how its line is set, and who turns it round.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Settings {
    #[serde(flatten)]
    pub port: PortSettings,
    /// Whether the kernel drives the direction of an RS485 transceiver.
    pub rs485: bool,
}

/// What the devices of one port speak: bytes in, frames out.
pub trait Dialect: Send {
    /// Takes in what came, in whatever pieces it came. What it says does not depend on the pieces.
    fn take(&mut self, bytes: &[u8], received: Now) -> Vec<Frame>;

    /// Whether a frame has begun and not ended.
    fn is_midway(&self) -> bool;

    /// Drops a frame that was begun; whether there was one.
    fn forget(&mut self) -> bool;

    /// What the devices are asked, again and again.
    fn queries(&self) -> Vec<Query>;
}

/// A question to a device that speaks only when asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Query {
    pub bytes: Vec<u8>,
    pub every_ms: u64,
}

/// What a dialect makes of the bytes of a line.
#[derive(Clone, Debug, PartialEq)]
pub enum Frame {
    /// A frame that says something.
    Good(Box<CameraEvent>),
    /// A frame that must not be believed, or says nothing that can be understood.
    Bad(FrameFault),
    /// Bytes that belong to no frame.
    Skipped,
}

/// Why a frame is not believed. Says nothing of its content.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum FrameFault {
    #[error("the checksum is missing or wrong; check cable, termination and baud")]
    Checksum,
    #[error("the line is too long to be one; check baud and parity")]
    TooLong,
    #[error("the bytes are neither UTF-8 nor GB18030; check baud and parity")]
    Encoding,
    #[error("the line does not match the pattern; `parkgate capture` shows what comes")]
    NoMatch,
    #[error("its {0} is out of range")]
    Field(&'static str),
    #[error("it comes from an address that is no lane's camera")]
    Stranger,
}

/// What a port reports. It is called from the port's own task and must not block.
#[derive(Clone, Debug, PartialEq)]
pub enum PortEvent {
    /// The port is open.
    Up,
    /// It is not, and why. Repeated only when the reason changes.
    Down { reason: String },
    /// A camera spoke.
    Camera(Box<CameraEvent>),
}

#[cfg(test)]
mod tests;
