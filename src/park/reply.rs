//! What a person who asked for something is told.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::charges::staff::{Declined, WaitsFor};
use crate::lane::session::LaneId;

/// What was done. Its text is English; the command line has its own words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "done")]
pub enum Done {
    /// A barrier was told to rise.
    Raised {
        /// The lane.
        lane: LaneId,
        /// The charge of the car that stood there.
        trade_no: Option<String>,
        /// What became of what was said about the money.
        money: Money,
    },
    /// A charge is due now.
    Hurried {
        /// `out_trade_no`.
        trade_no: String,
        /// What it still waits for.
        waits_for: WaitsFor,
    },
    /// A person has the charge now.
    HandedToStaff {
        /// `out_trade_no`.
        trade_no: String,
    },
    /// What is to be erased is on record.
    ErasureRecorded,
}

/// What became of what an attendant said about the money.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Money {
    /// Nothing was said.
    NotMentioned,
    /// Something was said, and nothing was due.
    NothingDue,
    /// The charge is finished.
    Finished,
    /// The charge stands as it was.
    Stands(Declined),
}

/// Why nothing was done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case", tag = "refused")]
pub enum Refusal {
    /// Not a lane of this box.
    #[error("no lane {lane} in the configuration")]
    UnknownLane {
        /// As asked for.
        lane: LaneId,
    },
    /// The rules for charges do not allow it.
    #[error("charge {trade_no}: {why}")]
    Charge {
        /// As asked for.
        trade_no: String,
        /// Which rule.
        why: Declined,
    },
    /// What is known of a plate is still needed.
    #[error("nothing was erased: {why}")]
    Plate {
        /// What for.
        why: StillNeeded,
    },
}

/// What a plate's records are still needed for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum StillNeeded {
    /// The car is inside, or waits at a barrier.
    #[error("the car is inside; ask again when it has left")]
    Inside,
    /// A charge or an entry is in the queue.
    #[error("a charge or an entry of it is in the queue; see `parkgate charges list`")]
    NotSettled,
    /// The staff has something to finish.
    #[error("the staff has a charge of it to finish; see `parkgate review list`")]
    WithStaff,
    /// A person has to look at a stay.
    #[error("a stay of it waits for a person; see `parkgate review list`")]
    InReview,
    /// The configuration names it.
    #[error("it stands in [lists] of the configuration; take it out there and restart parkgate")]
    Listed,
    /// The name or the reason would keep what is to be erased.
    #[error("the plate stands in the name or in the reason, and would be kept there; leave it out")]
    InTheReason,
    /// Nothing can be put on record now.
    #[error("the store cannot write; see the alarms of `parkgate status`")]
    StoreFailed,
}

impl fmt::Display for Done {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Raised {
                lane,
                trade_no,
                money,
            } => {
                write!(f, "lane {lane} raised")?;
                match (trade_no, money) {
                    (None, Money::NotMentioned) => Ok(()),
                    (None, _) => f.write_str("; nothing was due"),
                    (Some(trade_no), Money::Finished) => {
                        write!(f, "; charge {trade_no} is finished")
                    }
                    (Some(trade_no), Money::Stands(why)) => {
                        write!(f, "; charge {trade_no} stands: {why}")
                    }
                    (Some(trade_no), _) => write!(f, "; charge {trade_no} stands"),
                }
            }
            Self::Hurried { trade_no, .. } => write!(f, "charge {trade_no} is due now"),
            Self::HandedToStaff { trade_no } => write!(f, "charge {trade_no} is with the staff"),
            Self::ErasureRecorded => f.write_str("the erasure is on record"),
        }
    }
}
