//! Money for a stay that comes by other means than its charge.

use serde::{Deserialize, Serialize};

use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::time::Stamp;

/// One sum of money that somebody took, or some other system.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Payment {
    /// The stay.
    pub session: SessionId,
    /// Its plate.
    pub plate: PlateNumber,
    /// How much, fen.
    pub fen: u64,
    /// What it is paid against.
    pub toward: Toward,
    /// How it was paid.
    pub channel: String,
    /// Who took it.
    pub by: String,
    /// `out_trade_no` of the code order that it came by.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub number: Option<String>,
    /// When.
    pub at: Stamp,
}

/// What money is paid against.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Toward {
    /// The stay, before a charge was made for it.
    Stay {
        /// What it cost by then, with what was paid before not taken off, fen.
        fee_fen: u64,
    },
    /// A charge that nobody else may take money for. It is made anew over the rest.
    Charge {
        /// `out_trade_no`.
        trade_no: String,
    },
    /// Nothing: more than was due, or paid already. To be given back.
    Nothing,
}

/// What was paid for an open stay before a charge was made for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Paid {
    /// All of it, fen.
    pub fen: u64,
    /// What the stay cost when the last of it was paid, fen.
    pub fee_fen: u64,
    /// When that was.
    pub at: Stamp,
}

impl Paid {
    /// Whether all that was due by then was paid, and the car arrived at the exit soon enough after.
    pub fn covers(&self, arrived: &Stamp, time_to_leave_ms: u64) -> bool {
        let since_ms = self.at.stay_ms(arrived);
        self.fen >= self.fee_fen && since_ms.is_some_and(|ms| ms <= time_to_leave_ms)
    }
}
