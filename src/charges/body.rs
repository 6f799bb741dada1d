//! Request bodies as they are frozen in the ledger: built once, byte-identical ever after.

use serde::{Deserialize, Serialize};

use crate::lane::plate::PlateColor;

/// *Create entry*, `POST /v3/vehicle/parking/parkings` (`wechat-pay.md` 2.2, direct mode).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryBody {
    /// Our number of the entry.
    pub out_parking_no: String,
    /// Bare plate, no separators.
    pub plate_number: String,
    /// WeChat matches plate *and* colour.
    pub plate_color: PlateColor,
    /// https, no query string.
    pub notify_url: String,
    /// RFC 3339, whole seconds, +08:00.
    pub start_time: String,
    /// At most 32 characters.
    pub parking_name: String,
    /// Seconds; 0 is sent, not left out.
    pub free_duration: u64,
}

/// *Charge*, `POST /v3/vehicle/transactions/parking` (2.3, direct mode).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeBody {
    pub appid: String,
    /// Appears in the payer's bill.
    pub description: String,
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attach: Option<String>,
    /// Our number of the charge.
    pub out_trade_no: String,
    /// `PARKING`.
    pub trade_scene: String,
    pub notify_url: String,
    pub amount: AmountBody,
    pub parking_info: ParkingInfoBody,
}

/// `amount` of a charge.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AmountBody {
    /// Fen, more than 0.
    pub total: u64,
    /// `CNY`.
    pub currency: String,
}

/// `parking_info` of a charge; plate, colour, start and name must equal the entry's as sent.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ParkingInfoBody {
    pub parking_id: String,
    pub plate_number: String,
    pub plate_color: PlateColor,
    pub start_time: String,
    /// After `start_time` and before now as WeChat sees it.
    pub end_time: String,
    pub parking_name: String,
    /// Seconds.
    pub charging_duration: u64,
    /// Gate or lane, `[0-9A-Za-z]`, at most 32.
    pub device_id: String,
}

/// Serialises a body to the bytes that are frozen, signed and sent.
pub fn freeze<T: Serialize>(body: &T) -> String {
    serde_json::to_string(body).expect("plain structs of strings and integers always serialise")
}

/// `start_time` of a frozen entry body.
pub fn start_time_of(body: &str) -> Option<String> {
    serde_json::from_str::<EntryBody>(body)
        .ok()
        .map(|body| body.start_time)
}
