//! Request bodies as they are frozen in the ledger: built once, byte-identical ever after.

use serde::{Deserialize, Serialize};

use super::call::MerchantRules;
use super::charge::Charge;
use super::entry::Entry;
use crate::lane::plate::PlateColor;
use crate::lane::time::{Now, Wall};

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
    /// Bound to the merchant id.
    pub appid: String,
    /// Appears in the payer's bill.
    pub description: String,
    /// Our number of the charge.
    pub out_trade_no: String,
    /// `PARKING`.
    pub trade_scene: String,
    /// https, no query string.
    pub notify_url: String,
    /// What is claimed.
    pub amount: AmountBody,
    /// For which stay.
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
    /// WeChat's id of the entry.
    pub parking_id: String,
    /// As sent with the entry.
    pub plate_number: String,
    /// As sent with the entry.
    pub plate_color: PlateColor,
    /// As sent with the entry, to the letter.
    pub start_time: String,
    /// After `start_time` and before now as WeChat sees it.
    pub end_time: String,
    /// As sent with the entry.
    pub parking_name: String,
    /// Seconds.
    pub charging_duration: u64,
    /// Gate or lane, `[0-9A-Za-z]`, at most 32.
    pub device_id: String,
}

impl EntryBody {
    /// The body of an entry's current attempt. None where the start of the stay cannot be told by a
    /// clock that may be believed, or the colour is not known.
    pub fn of(entry: &Entry, now: Now, rules: &MerchantRules) -> Option<Self> {
        let start_time = match &entry.start_time {
            Some(as_sent) => as_sent.clone(),
            None => entry.entered.believable_wall(now)?.to_rfc3339(),
        };
        Some(Self {
            out_parking_no: entry.session.parking_no(entry.attempt),
            plate_number: entry.plate.as_str().to_owned(),
            plate_color: entry.color?,
            notify_url: rules.entry_notify_url.clone(),
            start_time,
            parking_name: rules.parking_name.clone(),
            free_duration: rules.free_duration_s,
        })
    }
}

impl ChargeBody {
    /// The body of a charge on `entry`, which WeChat knows as `parking_id`. None where the stay has no
    /// believable end after its start and before now.
    pub fn of(
        charge: &Charge,
        entry: &Entry,
        parking_id: &str,
        now: Now,
        rules: &MerchantRules,
    ) -> Option<Self> {
        let sent: EntryBody = serde_json::from_str(entry.body.as_deref()?).ok()?;
        let start = Wall::from_rfc3339(&sent.start_time)?;
        let stay_ms = i64::try_from(charge.claim.stay_ms).ok()?;
        let end = start
            .plus_ms(stay_ms)
            .min(now.wall)
            .plus_ms(-1000)
            .floor_to_second();
        let duration_s = u64::try_from(end.0.checked_sub(start.0)?).ok()? / 1000;
        if duration_s == 0 {
            return None;
        }
        Some(Self {
            appid: rules.appid.clone(),
            description: rules.description.clone(),
            out_trade_no: charge.claim.trade_no.clone(),
            trade_scene: "PARKING".to_owned(),
            notify_url: rules.charge_notify_url.clone(),
            amount: AmountBody {
                total: charge.fee_fen(),
                currency: "CNY".to_owned(),
            },
            parking_info: ParkingInfoBody {
                parking_id: parking_id.to_owned(),
                plate_number: sent.plate_number,
                plate_color: sent.plate_color,
                start_time: sent.start_time,
                end_time: end.to_rfc3339(),
                parking_name: sent.parking_name,
                charging_duration: duration_s,
                device_id: device_id(&charge.claim.lane.0),
            },
        })
    }
}

/// Letters and digits, at most 32, as WeChat wants them.
fn device_id(lane: &str) -> String {
    lane.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(32)
        .collect()
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
