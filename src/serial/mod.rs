//! Serial ports, whatever hangs on them: how one is set, and how it is opened.

mod open;

use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use open::OpenFault;

/// A serial port, and how its line is set. Data bits are always 8: no text fits into 7, and Modbus RTU
/// has 8.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PortSettings {
    /// A name that outlives a replug, from /dev/serial/by-id.
    pub path: PathBuf,
    /// Bits a second.
    pub baud: u32,
    pub parity: Parity,
    /// 1 or 2.
    pub stop_bits: u8,
}

/// The parity bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Parity {
    None,
    Even,
    Odd,
}

impl fmt::Display for Parity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "none",
            Self::Even => "even",
            Self::Odd => "odd",
        })
    }
}
