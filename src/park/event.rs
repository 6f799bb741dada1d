//! What happens to the car park. Written to the ledger with the step that it led to.

use serde::{Deserialize, Serialize};

use crate::charges::answer::{Heard, ParkingEntry, Transaction};
pub use crate::charges::queue::UnsentCall;
use crate::charges::record::StaffOutcome;
use crate::lane::number::SessionId;
use crate::lane::reading::PlateRead;
use crate::lane::session::LaneId;
use crate::lane::time::Wall;

/// One thing that happened. Past tense; an answer from the world is simply the next event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// The daemon took up its work; its state is what the ledger holds.
    Started {
        version: String,
        /// The rules differ from those that the ledger knows.
        rules_changed: bool,
        /// Commits that may have been acknowledged and cannot be read.
        possibly_lost: u64,
    },
    /// A camera saw a vehicle.
    PlateRead {
        lane: LaneId,
        camera: String,
        read: PlateRead,
    },
    /// A camera gave a sign of life.
    CameraAlive { lane: LaneId, sent_at: Option<Wall> },
    /// The loop under the arm became occupied or free.
    ClosingLoop { lane: LaneId, occupied: bool },
    /// The arm was seen up.
    ArmUp { lane: LaneId },
    /// The barrier's relay was driven, or refused to be.
    RaiseAnswered {
        lane: LaneId,
        raise: u64,
        driven: bool,
    },
    /// The command to raise did not leave this box.
    RaiseNotSent {
        lane: LaneId,
        raise: u64,
        why: String,
    },
    /// WeChat answered *create entry*.
    EntryAnswered {
        session: SessionId,
        heard: Heard<ParkingEntry>,
    },
    /// WeChat answered *charge*.
    ChargeAnswered {
        trade_no: String,
        heard: Heard<Transaction>,
    },
    /// WeChat answered *query*.
    QueryAnswered {
        trade_no: String,
        heard: Heard<Transaction>,
    },
    /// The attendant opens, always possible.
    AttendantRaised {
        lane: LaneId,
        by: String,
        why: String,
        /// What became of the money, if the attendant says so.
        money: Option<StaffOutcome>,
    },
    /// The records of these could not be written; what they commanded was not done.
    StoreFailed {
        raises: Vec<(LaneId, u64)>,
        calls: Vec<UnsentCall>,
    },
    /// The store writes again, and has written what was kept in memory.
    StoreRecovered,
    /// Time has passed.
    Tick,
}

impl Event {
    /// The lane that it concerns, if it concerns one.
    pub fn lane(&self) -> Option<&LaneId> {
        match self {
            Self::PlateRead { lane, .. }
            | Self::CameraAlive { lane, .. }
            | Self::ClosingLoop { lane, .. }
            | Self::ArmUp { lane }
            | Self::RaiseAnswered { lane, .. }
            | Self::RaiseNotSent { lane, .. }
            | Self::AttendantRaised { lane, .. } => Some(lane),
            Self::Started { .. }
            | Self::EntryAnswered { .. }
            | Self::ChargeAnswered { .. }
            | Self::QueryAnswered { .. }
            | Self::StoreFailed { .. }
            | Self::StoreRecovered
            | Self::Tick => None,
        }
    }
}
