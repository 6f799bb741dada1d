//! Request bodies as they are frozen in the ledger: built once, byte-identical ever after.

use serde::{Deserialize, Serialize};

use super::call::MerchantRules;
use super::charge::Charge;
use super::entry::Entry;
use crate::lane::plate::PlateColor;
use crate::lane::tariff::FreeTime;
use crate::lane::time::{Now, Wall};

/// *Create entry*, `POST /v3/vehicle/parking/parkings` (`wechat-pay.md` 2.2).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryBody {
    /// For whom, in partner mode; left out in direct mode.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sub_mchid: Option<String>,
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

/// *Charge*, `POST /v3/vehicle/transactions/parking` (2.3).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChargeBody {
    /// Bound to the merchant id.
    pub appid: String,
    /// Partner mode: bound to the sub-merchant. Optional on the page, and always sent.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sub_appid: Option<String>,
    /// Partner mode: as sent with the entry.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sub_mchid: Option<String>,
    /// Appears in the payer's bill.
    pub description: String,
    /// Given back in answers and bills.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub attach: Option<String>,
    /// Our number of the charge.
    pub out_trade_no: String,
    /// `PARKING`.
    pub trade_scene: String,
    /// Which of the merchant's promotions it may take part in.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub goods_tag: Option<String>,
    /// https, no query string.
    pub notify_url: String,
    /// `Y`: the money is held for being shared out. Left out otherwise.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub profit_sharing: Option<String>,
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
            sub_mchid: rules.sub.as_ref().map(|sub| sub.mchid.clone()),
            out_parking_no: entry.session.parking_no(entry.attempt),
            plate_number: entry.plate.as_str().to_owned(),
            plate_color: entry.color?,
            notify_url: rules.entry_notify_url.clone(),
            start_time,
            parking_name: rules.parking_name.clone(),
            free_duration: FreeTime::find(
                &rules.free_times,
                entry.entered.now.wall,
                &entry.plate,
                entry.color,
            )
            .unwrap_or(rules.free_duration_s),
        })
    }
}

/// Whose money a charge is, as its body was frozen: what goes back of it goes back from there, whatever the
/// configuration says by then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentFor {
    /// The sub-merchant; None for the direct merchant's own.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sub_mchid: Option<String>,
}

impl SentFor {
    /// Of a charge's body; None if it is none.
    pub fn of(body: &str) -> Option<Self> {
        serde_json::from_slice(body.as_bytes()).ok()
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
        let sent = entry.body.as_ref()?.body()?;
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
        // Whoever is configured by now: the money is whose entry it was.
        let sub = rules.sub.as_ref();
        let sub = sub.filter(|sub| sent.sub_mchid.as_deref() == Some(sub.mchid.as_str()));
        Some(Self {
            appid: rules.appid.clone(),
            sub_appid: sub.map(|sub| sub.appid.clone()),
            sub_mchid: sent.sub_mchid,
            description: rules.description.clone(),
            attach: rules.extras.attach.clone(),
            out_trade_no: charge.claim.trade_no.clone(),
            trade_scene: "PARKING".to_owned(),
            goods_tag: rules.extras.goods_tag.clone(),
            notify_url: rules.charge_notify_url.clone(),
            profit_sharing: rules.extras.profit_sharing.then(|| "Y".to_owned()),
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
    /// The rest is passed over.
    #[derive(Deserialize)]
    struct Start {
        start_time: String,
    }
    serde_json::from_slice::<Start>(body.as_bytes())
        .ok()
        .map(|body| body.start_time)
}

#[cfg(test)]
mod tests {
    use serde_json::Value;

    use super::*;
    use crate::charges::call::{Extras, SubMerchant};
    use crate::charges::charge::{Claim, Opening};
    use crate::charges::entry::EntryState;
    use crate::charges::frozen::{ChargeText, EntryText};
    use crate::lane::number::{LedgerId, SessionId};
    use crate::lane::plate::PlateNumber;
    use crate::lane::service::ServiceState;
    use crate::lane::session::LaneId;
    use crate::lane::tariff::Quote;
    use crate::lane::time::{BootId, Moment, Stamp};

    /// Frozen bodies lie in ledgers: these bytes never change.
    #[test]
    fn the_bytes_of_direct_mode() {
        let (entry, charge) = bodies(&rules(None));
        assert_eq!(
            entry,
            r#"{"out_parking_no":"P0000000001000000100","plate_number":"粤B88888","plate_color":"BLUE","notify_url":"https://pay.example.com/wx/parking-state","start_time":"2025-11-24T10:00:00+08:00","parking_name":"测试停车场","free_duration":900}"#
        );
        assert_eq!(
            charge,
            r#"{"appid":"wxcbda96de0b165486","description":"停车费","out_trade_no":"T0000000001000000100","trade_scene":"PARKING","notify_url":"https://pay.example.com/wx/parking-pay","amount":{"total":1500,"currency":"CNY"},"parking_info":{"parking_id":"5K8264ILTKCH16CQ250","plate_number":"粤B88888","plate_color":"BLUE","start_time":"2025-11-24T10:00:00+08:00","end_time":"2025-11-24T12:30:00+08:00","parking_name":"测试停车场","charging_duration":9000,"device_id":"E1"}}"#
        );
    }

    #[test]
    fn bodies_say_what_the_vectors_say_in_both_modes() {
        for (name, sub) in [("charge_direct", None), ("charge_partner", Some(sub()))] {
            let (_, charge) = bodies(&rules(sub));
            let mut ours: Value = serde_json::from_str(&charge).unwrap();
            let mut theirs = vector(name);
            // The vectors' plate is none; and optional keys that parkgate does not send.
            ours["out_trade_no"] = theirs["out_trade_no"].clone();
            let plate = theirs["parking_info"]["plate_number"].clone();
            ours["parking_info"]["plate_number"] = plate;
            let keys = theirs.as_object_mut().unwrap();
            keys.remove("attach");
            keys.remove("profit_sharing");
            assert_eq!(ours, theirs, "{name}");
        }
        let (entry, _) = bodies(&rules(None));
        let mut ours: Value = serde_json::from_str(&entry).unwrap();
        let theirs = vector("create_entry_direct");
        ours["out_parking_no"] = theirs["out_parking_no"].clone();
        ours["plate_number"] = theirs["plate_number"].clone();
        assert_eq!(ours, theirs);
        let (entry, _) = bodies(&rules(Some(sub())));
        let mut ours: Value = serde_json::from_str(&entry).unwrap();
        let named = ours.as_object_mut().unwrap().remove("sub_mchid");
        ours["out_parking_no"] = theirs["out_parking_no"].clone();
        ours["plate_number"] = theirs["plate_number"].clone();
        assert_eq!(named, Some(sub().mchid.into()));
        assert_eq!(ours, theirs, "the same otherwise");
    }

    #[test]
    fn what_a_charge_may_say_besides_stands_where_the_vectors_have_it() {
        let extras = Extras {
            attach: Some("lane=E1".into()),
            goods_tag: Some("NIGHT".into()),
            profit_sharing: true,
        };
        let rules = MerchantRules {
            extras,
            ..rules(None)
        };
        let (_, charge) = bodies(&rules);
        let ours: Value = serde_json::from_str(&charge).unwrap();
        assert_eq!(ours["attach"], vector("charge_direct")["attach"]);
        assert_eq!(ours["goods_tag"], "NIGHT");
        assert_eq!(ours["profit_sharing"], "Y");
        assert!(matches!(ChargeText::of(&charge), ChargeText::Formed(_)));
        assert_eq!(ChargeText::of(&charge).text(), charge);
    }

    #[test]
    fn the_charge_is_for_whom_the_entry_was() {
        let other = SubMerchant {
            mchid: "1900000110".into(),
            appid: "wx0".into(),
        };
        for (before, after, named) in [
            (Some(sub()), Some(other.clone()), Some(sub().mchid)),
            (Some(sub()), None, Some(sub().mchid)),
            (None, Some(other), None),
        ] {
            let entry = entry(&rules(before));
            let body = charge_body(&entry, &rules(after));
            assert_eq!((body.sub_mchid, body.sub_appid), (named, None));
        }
    }

    fn bodies(rules: &MerchantRules) -> (String, String) {
        let entry = entry(rules);
        let charge = freeze(&charge_body(&entry, rules));
        (entry.body.unwrap().text(), charge)
    }

    fn entry(rules: &MerchantRules) -> Entry {
        let mut entry = Entry {
            session: session(),
            plate: PlateNumber::parse("粤B88888").unwrap().plate,
            color: Some(PlateColor::Blue),
            entered: at("2025-11-24T10:00:00+08:00"),
            attempt: 0,
            body: None,
            start_time: None,
            state: EntryState::Sent,
        };
        let body = EntryBody::of(&entry, entry.entered.now, rules).unwrap();
        entry.body = Some(EntryText::of(&freeze(&body)));
        entry.state = EntryState::Registered {
            told_at: None,
            parking_id: "5K8264ILTKCH16CQ250".into(),
            service: ServiceState::Normal,
            as_of: entry.entered.clone(),
        };
        entry
    }

    fn charge_body(entry: &Entry, rules: &MerchantRules) -> ChargeBody {
        let exited = at("2025-11-24T12:30:01+08:00");
        let now = exited.now;
        let charge = Charge::opened(Claim {
            trade_no: session().trade_no(0),
            session: session(),
            plate: entry.plate.clone(),
            lane: LaneId("E-1".into()),
            entered: entry.entered.clone(),
            exited,
            stay_ms: 9_001_000,
            quote: Quote {
                fee_fen: 1500,
                lines: Vec::new(),
            },
            opening: Opening::ToFile {
                despite_block: false,
            },
        });
        ChargeBody::of(&charge, entry, "5K8264ILTKCH16CQ250", now, rules).unwrap()
    }

    fn rules(sub: Option<SubMerchant>) -> MerchantRules {
        MerchantRules {
            mchid: "1900009191".into(),
            appid: "wxcbda96de0b165486".into(),
            sub,
            parking_name: "测试停车场".into(),
            description: "停车费".into(),
            extras: Extras::default(),
            entry_notify_url: "https://pay.example.com/wx/parking-state".into(),
            charge_notify_url: "https://pay.example.com/wx/parking-pay".into(),
            refund_notify_url: None,
            native_notify_url: None,
            free_duration_s: 900,
            free_times: Vec::new(),
        }
    }

    fn sub() -> SubMerchant {
        let text = |key: &str| vector("charge_partner")[key].as_str().unwrap().to_owned();
        SubMerchant {
            mchid: text("sub_mchid"),
            appid: text("sub_appid"),
        }
    }

    /// The body of a signed request of the vectors.
    fn vector(name: &str) -> Value {
        let vectors = include_str!("../../tests/fixtures/wechat-vectors.json");
        let vectors: Value = serde_json::from_str(vectors).unwrap();
        let cases = vectors["request_signatures"].as_array().unwrap();
        let case = cases.iter().find(|case| case["name"] == name).unwrap();
        serde_json::from_str(case["body"].as_str().unwrap()).unwrap()
    }

    fn session() -> SessionId {
        SessionId::new(LedgerId(1), 1)
    }

    fn at(time: &str) -> Stamp {
        let wall = Wall::from_rfc3339(time).unwrap();
        Stamp {
            now: Now {
                moment: Moment(u64::try_from(wall.0).unwrap()),
                wall,
                trusted: true,
                boot: BootId(1),
            },
            box_id: "south-1".into(),
        }
    }
}
