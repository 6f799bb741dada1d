//! The local socket: JSON lines between the command line and a running daemon.

pub mod server;

use serde::{Deserialize, Serialize};

use crate::charges::record::StaffOutcome;
use crate::lane::session::LaneId;
use crate::park::reply::Refusal;

/// What may be asked, one JSON object a line.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "ask", deny_unknown_fields)]
pub enum Question {
    /// How things stand: cars inside, queue, sums, links, alarms.
    Status,
    /// Raise a barrier now. Always possible, recorded with name and reason.
    Raise {
        lane: LaneId,
        by: String,
        why: String,
        money: Option<StaffOutcome>,
    },
    /// Cars that wait for a person, stays to look at, charges with the staff.
    Review,
    /// See to a charge now.
    Retry {
        trade_no: String,
        by: Option<String>,
    },
    /// Take a charge out of the queue, to be finished by hand.
    ToStaff {
        trade_no: String,
        by: String,
        why: String,
    },
}

/// What comes back, one JSON object a line.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// Done, or what was asked for.
    Ok(serde_json::Value),
    /// Not done, and which rule says so.
    Refused(Refusal),
    /// Not done, and why.
    Error(String),
}
