//! An entry whose service state changed while the car is inside (停车入场状态变更通知, `wechat-pay.md` 3.3).

use serde::{Deserialize, Serialize};

use crate::lane::service::ServiceState;
use crate::lane::time::Wall;
use crate::wechat::parking::{self, ParseFault};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryNotice {
    /// Who called, in direct mode too.
    pub sp_mchid: Option<String>,
    /// For whom, in partner mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_mchid: Option<String>,
    /// WeChat's id of the entry.
    pub parking_id: String,
    /// Our number of it.
    pub out_parking_no: String,
    /// Its plate.
    pub plate_number: String,
    /// Whether it may be charged from now on.
    pub state: ServiceState,
    /// Since when, by WeChat's clock, milliseconds: notices are put in order by it.
    pub updated_at: Wall,
}

impl EntryNotice {
    /// Reads the opened part.
    ///
    /// # Errors
    /// Where a part is missing without which nothing can be said.
    pub(super) fn read(opened: &[u8]) -> Result<Self, ParseFault> {
        let entry = parking::object(opened)?;
        let updated_at = parking::required(&entry, "state_update_time")?;
        parking::required(&entry, "parking_state")?;
        Ok(Self {
            sp_mchid: parking::optional(&entry["sp_mchid"]),
            sub_mchid: parking::optional(&entry["sub_mchid"]),
            parking_id: parking::required(&entry, "parking_id")?,
            out_parking_no: parking::required(&entry, "out_parking_no")?,
            plate_number: parking::required(&entry, "plate_number")?,
            state: parking::service_state(&entry),
            updated_at: Wall::from_rfc3339(&updated_at)
                .ok_or(ParseFault::Missing("state_update_time in RFC 3339"))?,
        })
    }
}
