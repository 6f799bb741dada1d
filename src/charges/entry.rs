//! One stay's entry at WeChat (停车入场).

use serde::{Deserialize, Serialize};

use super::answer::ParkingEntry;
use super::frozen::EntryText;
use crate::lane::number::SessionId;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::service::ServiceState;
use crate::lane::time::{Stamp, Wall};

/// An entry from its wish to its end.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// The stay.
    pub session: SessionId,
    /// Its plate.
    pub plate: PlateNumber,
    /// The plate's colour.
    pub color: Option<PlateColor>,
    /// When it came in.
    pub entered: Stamp,
    /// Which `out_parking_no` it goes under, from 0.
    pub attempt: u16,
    /// Frozen request body of this attempt.
    pub body: Option<EntryText>,
    /// RFC 3339; once sent it is never changed, whatever happens to clocks and numbers.
    pub start_time: Option<String>,
    /// How far it has come.
    pub state: EntryState,
}

/// Where an entry stands.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryState {
    /// Not sent yet.
    Pending,
    /// On its way; after a restart read as [`EntryState::Unknown`].
    Sent,
    /// The answer was lost: the identical request is repeated.
    Unknown,
    /// WeChat has it.
    Registered {
        /// WeChat's id, which the charge names.
        parking_id: String,
        /// May it be charged?
        service: ServiceState,
        /// When WeChat said so.
        as_of: Stamp,
        /// Since when by WeChat's clock, if a notice told it; none older counts any more.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        told_at: Option<Wall>,
    },
    /// It cannot be made.
    NotRegistrable(NotRegistrable),
    /// WeChat refused it, with this code.
    Refused(String),
}

/// Why an entry cannot be made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NotRegistrable {
    /// WeChat matches plate and colour, and the camera did not know the colour.
    ColorUnknown,
    /// The start of the stay cannot be said.
    UntrustedTime,
}

/// Why an entry has no further use.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EntryEnd {
    /// The stay ended and nothing is owed.
    NothingOwed,
    /// The plate has a newer stay. An older entry is never notified after it.
    Superseded,
    /// It cannot be made, found out late.
    NotRegistrable(NotRegistrable),
    /// WeChat refused it.
    Refused(String),
}

impl Entry {
    /// Whether WeChat has still to hear of it.
    pub fn is_to_send(&self) -> bool {
        matches!(
            self.state,
            EntryState::Pending | EntryState::Sent | EntryState::Unknown
        )
    }

    /// Whether a verified answer speaks of this entry's attempt and of nothing else.
    pub fn is_meant_by(&self, made: &ParkingEntry) -> bool {
        let sub_mchid = || self.body.as_ref()?.sub_mchid();
        made.out_parking_no == self.session.parking_no(self.attempt)
            && made.plate_number == self.plate.as_str()
            && (made.sub_mchid.is_none() || made.sub_mchid == sub_mchid())
    }

    /// A short word for why there will never be an id, if so.
    pub fn never(&self) -> Option<String> {
        match &self.state {
            EntryState::NotRegistrable(NotRegistrable::ColorUnknown) => {
                Some("plate colour unknown".into())
            }
            EntryState::NotRegistrable(NotRegistrable::UntrustedTime) => {
                Some("entry time not trusted".into())
            }
            EntryState::Refused(code) => Some(format!("entry refused: {code}")),
            EntryState::Pending
            | EntryState::Sent
            | EntryState::Unknown
            | EntryState::Registered { .. } => None,
        }
    }
}
