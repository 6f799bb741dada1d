//! A stay: who is inside, since when.

use serde::{Deserialize, Serialize};

use super::number::{NumberKey, SessionId};
use super::packing::{Packer, Unpacker};
use super::plate::{PlateColor, PlateNumber};
use super::shelf::Shelved;
use super::time::{Stamp, Wall};

/// The name of one lane, as in the configuration.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct LaneId(pub String);

impl std::fmt::Display for LaneId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

/// One visit, from the entry that opened it to the exit that names it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Our number of the stay.
    pub id: SessionId,
    /// The plate as read at the entry.
    pub plate: PlateNumber,
    /// Its colour, if the camera knew it.
    pub color: Option<PlateColor>,
    /// Where it came in.
    pub lane: LaneId,
    /// When it came in, by the box's receipt; by the camera's time for a replay.
    pub entered: Stamp,
    /// Why its entry reading alone forbids an automatic charge.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub doubts: Vec<super::guard::Doubt>,
}

impl Shelved for Session {
    type Form = ();

    fn key(&self) -> Option<NumberKey> {
        NumberKey::of_session(&self.id)
    }

    fn name_of(key: NumberKey) -> String {
        key.session().0
    }

    fn pack(&self, packer: &mut Packer<'_, ()>) {
        let Self {
            id: _,
            plate,
            color,
            lane,
            entered,
            doubts,
        } = self;
        packer.plate(plate);
        packer.color(*color);
        packer.name(&lane.0);
        packer.stamp(entered);
        packer.byte(u8::from(!doubts.is_empty()));
        if !doubts.is_empty() {
            packer.json(doubts);
        }
    }

    fn unpack(key: NumberKey, unpacker: &mut Unpacker<'_, ()>) -> Self {
        Self {
            id: key.session(),
            plate: unpacker.plate(),
            color: unpacker.color(),
            lane: LaneId(unpacker.name().to_owned()),
            entered: unpacker.stamp(),
            doubts: match unpacker.byte() {
                0 => Vec::new(),
                _ => unpacker.json(),
            },
        }
    }
}

/// How a stay ended.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Nothing to pay.
    Free,
    /// A charge stands for the fee; it has a life of its own from here on.
    Charged {
        /// `out_trade_no` of the charge.
        trade_no: String,
    },
    /// The next entry of the plate showed that the exit was missed. Nothing is charged.
    ExitMissed,
    /// The exit was replayed by the camera after the fact. Nothing is charged automatically.
    ReplayedExit,
    /// The car turned back at the entry barrier (E8). Nothing is charged.
    TurnedBack,
    /// The guard kept the fee from being filed; it stands with the staff.
    Reviewed {
        /// Number of the claim that stands with the staff, if there is a fee.
        trade_no: Option<String>,
    },
    /// All that was due was paid in advance (E14).
    Prepaid {
        /// How much was paid, fen.
        paid_fen: u64,
        /// More than was due by so much, fen.
        #[serde(default, skip_serializing_if = "is_zero")]
        over_fen: u64,
    },
    /// A person found that the car is gone. Nothing is charged, unless a person says so.
    EndedByHand {
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// When it left, as far as the person knows.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<Wall>,
    },
}

fn is_zero(fen: &u64) -> bool {
    *fen == 0
}
