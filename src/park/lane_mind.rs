//! What each lane knows of this run, beside the durable state.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use crate::lane::freshness::CameraClock;
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::reading::PlateRead;
use crate::lane::time::{Moment, Stamp};

/// What a lane knows of this run only.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LaneMind {
    /// How old its camera's messages are.
    #[serde(skip)]
    pub camera: CameraClock,
    /// What was last decided here.
    pub decided: Option<Decided>,
    /// The car that waits for an answer.
    pub car: Option<Arc<Car>>,
    /// The reading that waits until the car before it is decided.
    pub next: Option<Waiting>,
    /// When the car that is held here is let out.
    pub held_until: Option<Moment>,
    /// The raise whose proof is waited for, until then.
    pub proof_by: Option<(u64, Moment)>,
    /// The closing loop as last reported; None: it never was in this run, and there may be none.
    pub loop_occupied: Option<bool>,
    /// When the last vehicle left the closing loop.
    pub passed_at: Option<Moment>,
}

/// A raise or a hold, to know the same car by.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Decided {
    /// As read; None for a vehicle without a readable plate.
    pub plate: Option<PlateNumber>,
    /// When.
    pub at: Moment,
}

/// A reading that waits for its turn.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Waiting {
    /// Which camera.
    pub camera: String,
    /// What it saw.
    pub read: PlateRead,
    /// When it arrived.
    pub arrived: Stamp,
}

/// A car in front of the barrier while WeChat is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Car {
    /// Its stay.
    pub session: SessionId,
    /// The plate of the stay; at an exit the reading may differ from it.
    pub plate: PlateNumber,
    /// How it was read here.
    pub read: PlateRead,
    /// When it arrived.
    pub arrived: Stamp,
    /// How it was held before it was decided anew; the time counts on.
    pub held: Option<Held>,
    /// Until when it waits.
    pub deadline: Moment,
    /// What it waits for.
    pub stage: Stage,
}

/// How long a car has waited for a person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Held {
    /// Since when.
    pub since: Stamp,
    /// When it is let out, if it stands at an exit.
    pub until: Option<Moment>,
}

/// What it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// At the entry: WeChat's answer, to greet with it.
    Greeting,
    /// At the exit: the charge to be taken on.
    Filing {
        /// Number of the charge.
        trade_no: String,
    },
    /// At the exit, without the advance permission: the money to move.
    Paying {
        /// Number of the charge.
        trade_no: String,
    },
}
