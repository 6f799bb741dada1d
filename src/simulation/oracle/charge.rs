//! A charge as the oracle knows it.

use crate::charges::charge::{Claim, StaffReason};
use crate::lane::plate::PlateNumber;

/// Where a charge stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    Waiting,
    Due,
    Sent,
    Unknown,
    ToRepeat,
    Accepted,
    Refused,
    Failed,
    Settled,
    WithStaff,
    Withdrawn,
    Collected,
    WrittenOff,
    /// The stay is charged anew.
    Replaced,
}

/// A charge.
#[derive(Clone, Debug)]
pub struct Charge {
    pub claim: Claim,
    pub stage: Stage,
    pub body: Option<String>,
    pub let_out: bool,
    pub superseded: bool,
    pub reason: Option<StaffReason>,
    /// The plate as read at the exit, if it is not the stay's.
    pub read_as: Option<PlateNumber>,
    /// A person decided so about a stay under review.
    pub by_person: bool,
}

impl Charge {
    /// WeChat has not said yes or no.
    pub fn is_unfiled(&self) -> bool {
        use Stage::*;
        matches!(self.stage, Waiting | Due | Sent | Unknown | ToRepeat)
    }

    /// WeChat took it on, and perhaps has the money.
    pub fn is_filed(&self) -> bool {
        matches!(self.stage, Stage::Accepted | Stage::Settled)
    }

    /// Nobody will claim it any more, or again.
    pub fn is_over(&self) -> bool {
        use Stage::*;
        matches!(
            self.stage,
            Settled | Withdrawn | Collected | WrittenOff | Replaced
        )
    }

    /// It is neither finished nor with the staff.
    pub fn is_queued(&self) -> bool {
        self.is_unfiled() || self.stage == Stage::Accepted
    }
}
