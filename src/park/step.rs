//! What one event led to.

use crate::charges::queue::Call;
use crate::lane::alarm::Alarm;
use crate::lane::session::LaneId;
use crate::lane::time::Moment;

use super::record::Record;
use super::reply::{Done, Refusal};

/// Records are on disk before commands run; the gate's step routine sees to it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Step {
    /// For the ledger, in order.
    pub records: Vec<Record>,
    /// To be carried out once the records are on disk, in order.
    pub commands: Vec<Command>,
    /// For people.
    pub alarms: Vec<Alarm>,
    /// Why an event led to nothing, for the log.
    pub ignored: Option<Ignored>,
    /// What to tell the person who asked, if one did.
    pub reply: Option<Result<Done, Refusal>>,
}

/// What the adapters are to do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    /// Pulse the lane's barrier, at most until then, never queued.
    RaiseBarrier {
        /// The lane.
        lane: LaneId,
        /// Number of the raise.
        raise: u64,
        /// Which try it is, from 1.
        issue: u8,
        /// Worth nothing after this.
        valid_until: Moment,
    },
    /// Call WeChat.
    Call(Call),
}

/// Why a reading led to nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ignored {
    /// No such lane in the configuration.
    UnknownLane,
    /// Delivered as a retained message.
    Retained,
    /// Older than a live reading may be, milliseconds.
    Stale {
        /// How old it was.
        age_ms: u64,
    },
    /// The same car again, or a worse reading of it.
    Duplicate,
    /// This very record was handled before.
    SeenBefore,
    /// Cached data without a plate or a time to work with.
    UselessReplay,
    /// Waits until the car before it is decided.
    NextInLine,
    /// The car turned back.
    TurnedBack,
}
