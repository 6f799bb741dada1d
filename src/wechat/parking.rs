//! The parking calls and what their answers say (`wechat-pay.md` 2). Read leniently: unknown keys
//! and words are no fault, WeChat adds them at any time.

use serde::Deserialize;
use serde::de::IntoDeserializer;
use serde_json::Value;

use crate::charges::answer::{Paid, ParkingEntry, Parties, ServiceState, TradeState, Transaction};
use crate::lane::plate::PlateColor;
use crate::lane::time::Wall;

/// *Create entry* (2.2).
pub const ENTRIES: &str = "/v3/vehicle/parking/parkings";
/// *Charge* (2.3).
pub const CHARGES: &str = "/v3/vehicle/transactions/parking";
const ORDERS: &str = "/v3/vehicle/transactions/out-trade-no/";

/// A verified answer that does not say what it must.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ParseFault {
    /// Not a JSON object.
    #[error("the answer is not a JSON object")]
    NotAnObject,
    /// A part without which nothing can be said.
    #[error("the answer has no {0}")]
    Missing(&'static str),
}

/// Target of *query order* (2.4), in partner mode with the sub-merchant whose order it is. None if
/// these cannot be an order number and a merchant id: they would change the path.
pub fn order(out_trade_no: &str, sub_mchid: Option<&str>) -> Option<String> {
    let well_formed = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'*');
    let fits = |text: &str| (1..=32).contains(&text.len()) && text.bytes().all(well_formed);
    if !fits(out_trade_no) || !sub_mchid.is_none_or(fits) {
        return None;
    }
    Some(match sub_mchid {
        None => format!("{ORDERS}{out_trade_no}"),
        Some(sub_mchid) => format!("{ORDERS}{out_trade_no}?sub_mchid={sub_mchid}"),
    })
}

/// Reads the answer to *create entry*.
pub fn parking_entry(body: &[u8]) -> Result<ParkingEntry, ParseFault> {
    let entry = object(body)?;
    Ok(ParkingEntry {
        parking_id: required(&entry, "id")?,
        out_parking_no: required(&entry, "out_parking_no")?,
        plate_number: required(&entry, "plate_number")?,
        sub_mchid: optional(&entry["sub_mchid"]),
        state: service_state(&entry),
    })
}

/// Reads the answer to *charge* and *query order*.
pub fn transaction(body: &[u8]) -> Result<Transaction, ParseFault> {
    let order = object(body)?;
    let parking = &order["parking_info"];
    Ok(Transaction {
        out_trade_no: required(&order, "out_trade_no")?,
        parties: Parties {
            sp_mchid: optional(&order["sp_mchid"]),
            sub_mchid: optional(&order["sub_mchid"]),
            appid: optional(&order["appid"]),
            sub_appid: optional(&order["sub_appid"]),
        },
        state: trade_state(required(&order, "trade_state")?),
        total_fen: order["amount"]["total"].as_u64(),
        paid: paid(&order),
        parking_id: optional(&parking["parking_id"]),
        plate_number: optional(&parking["plate_number"]),
        plate_color: parking["plate_color"].as_str().and_then(plate_color),
        transaction_id: optional(&order["transaction_id"]),
        bank_type: optional(&order["bank_type"]),
        description: optional(&order["trade_state_description"])
            .or_else(|| optional(&order["trade_state_desc"])),
    })
}

/// How an order was paid. A coupon whose amount cannot be read leaves the coupons' sum untold.
fn paid(order: &Value) -> Paid {
    let coupons = order["promotion_detail"]
        .as_array()
        .filter(|all| !all.is_empty());
    let sum = |key: &str, absent: Option<u64>| {
        let fen = |coupon: &Value| match &coupon[key] {
            Value::Null => absent,
            fen => fen.as_u64(),
        };
        coupons?
            .iter()
            .try_fold(0_u64, |sum, coupon| sum.checked_add(fen(coupon)?))
    };
    let payer = match planted!(CouponForgotten) {
        true => "total",
        false => "payer_total",
    };
    Paid {
        payer_fen: order["amount"][payer].as_u64(),
        coupon_fen: sum("amount", None),
        merchant_fen: sum("merchant_contribute", Some(0)),
        at: order["success_time"].as_str().and_then(Wall::from_rfc3339),
    }
}

pub(crate) fn object(body: &[u8]) -> Result<Value, ParseFault> {
    match serde_json::from_slice(body) {
        Ok(value @ Value::Object(_)) => Ok(value),
        _ => Err(ParseFault::NotAnObject),
    }
}

pub(crate) fn required(object: &Value, key: &'static str) -> Result<String, ParseFault> {
    optional(&object[key]).ok_or(ParseFault::Missing(key))
}

pub(crate) fn optional(value: &Value) -> Option<String> {
    value
        .as_str()
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
}

/// The callback writes the same two things under other names (3.3).
pub(crate) fn service_state(entry: &Value) -> ServiceState {
    let word = |names: [&str; 2]| names.iter().find_map(|name| optional(&entry[*name]));
    let state = word(["state", "parking_state"]);
    if state.as_deref() == Some("NORMAL") {
        return ServiceState::Normal;
    }
    let reason = word(["block_reason", "blocked_state_description"]);
    ServiceState::Blocked(reason.or(state).unwrap_or_else(|| "UNSTATED".to_owned()))
}

fn trade_state(word: String) -> TradeState {
    match word.as_str() {
        "ACCEPTED" | "ACCEPT" => TradeState::Accepted,
        "SUCCESS" => TradeState::Success,
        "PAY_FAIL" => TradeState::PayFail,
        "REFUND" => TradeState::Refund,
        _ => TradeState::Other(word),
    }
}

fn plate_color(word: &str) -> Option<PlateColor> {
    let word: serde::de::value::StrDeserializer<'_, serde::de::value::Error> =
        word.into_deserializer();
    PlateColor::deserialize(word).ok()
}

#[cfg(test)]
mod tests {
    use super::super::tests::vectors::{text, vectors};
    use super::*;

    #[test]
    fn an_entry_is_read() {
        let vectors = vectors();
        let body = text(&vectors["response_signatures"][0]["body"]);
        let entry = parking_entry(body.as_bytes()).unwrap();
        assert_eq!(entry.parking_id, "5K8264ILTKCH16CQ250");
        assert_eq!(entry.out_parking_no, "P20251124100000000001");
        assert_eq!(entry.plate_number, "粤B888888");
        assert_eq!(entry.state, ServiceState::Normal);
    }

    #[test]
    fn only_plainly_normal_is_normal() {
        let blocked = |reason: &str| ServiceState::Blocked(reason.into());
        for (state, expected) in [
            (r#""state":"NORMAL""#, ServiceState::Normal),
            (r#""parking_state":"NORMAL""#, ServiceState::Normal),
            (
                r#""state":"BLOCKED","block_reason":"OUT_SERVICE""#,
                blocked("OUT_SERVICE"),
            ),
            (
                r#""parking_state":"BLOCKED","blocked_state_description":"REMOVE""#,
                blocked("REMOVE"),
            ),
            (
                r#""state":"BLOCKED","block_reason":"NEW_WORD","new_key":[{}]"#,
                blocked("NEW_WORD"),
            ),
            (r#""state":"BLOCKED""#, blocked("BLOCKED")),
            (r#""state":"normal""#, blocked("normal")),
            (r#""state":7"#, blocked("UNSTATED")),
            (r#""free_duration":0"#, blocked("UNSTATED")),
        ] {
            let body =
                format!(r#"{{"id":"1","out_parking_no":"P1","plate_number":"粤B8",{state}}}"#);
            assert_eq!(
                parking_entry(body.as_bytes()).unwrap().state,
                expected,
                "{state}"
            );
        }
    }

    #[test]
    fn an_order_is_read_in_every_state() {
        let vectors = vectors();
        let body = text(&vectors["response_signatures"][3]["body"]);
        let order = transaction(body.as_bytes()).unwrap();
        assert_eq!(order.state, TradeState::Accepted);
        assert_eq!(order.out_trade_no, "T20251124123000000001");
        assert_eq!(order.total_fen, Some(1500));
        assert_eq!(order.parking_id.as_deref(), Some("5K8264ILTKCH16CQ250"));
        assert_eq!(order.plate_number.as_deref(), Some("粤B888888"));
        assert_eq!(order.plate_color, Some(PlateColor::Blue));
        let caller = text(&vectors["material"]["mchid"]);
        assert_eq!(order.parties.sp_mchid.as_deref(), Some(caller));
        assert_eq!(order.parties.sub_mchid, None);

        let advanced = text(&vectors["notifications"][2]["decrypted_resource"]);
        let order = transaction(advanced.as_bytes()).unwrap();
        assert_eq!(order.state, TradeState::Success);
        assert_eq!(order.bank_type.as_deref(), Some("BPA"));
        assert!(order.transaction_id.is_some());

        for (word, state) in [
            ("ACCEPT", TradeState::Accepted),
            ("REFUND", TradeState::Refund),
            ("PAY_FAIL", TradeState::PayFail),
            ("PAY_BACK", TradeState::Other("PAY_BACK".into())),
        ] {
            let body = format!(r#"{{"out_trade_no":"T1","trade_state":"{word}"}}"#);
            let order = transaction(body.as_bytes()).unwrap();
            assert_eq!(order.state, state);
            assert_eq!((order.total_fen, order.plate_color), (None, None));
        }
    }

    #[test]
    fn who_paid_which_part_is_read_as_far_as_it_is_said() {
        let paid = |rest: &str| {
            let body = format!(r#"{{"out_trade_no":"T1","trade_state":"SUCCESS",{rest}}}"#);
            transaction(body.as_bytes()).unwrap().paid
        };
        let at = Wall::from_rfc3339("2025-11-24T12:30:05+08:00");
        let told = paid(
            r#""success_time":"2025-11-24T12:30:05+08:00","amount":{"total":1500,"payer_total":1200},
            "promotion_detail":[
                {"coupon_id":"1","type":"CASH","amount":200,"wechatpay_contribute":200,"merchant_contribute":0},
                {"promotion_id":"2","type":"NOCASH","amount":100,"merchant_contribute":100}]"#,
        );
        let expected = Paid {
            payer_fen: Some(1200),
            coupon_fen: Some(300),
            merchant_fen: Some(100),
            at,
        };
        assert_eq!(told, expected);
        assert!(told.fits(1500) && told.fits(1200) && !told.fits(1199));
        assert!(paid(r#""promotion_detail":[]"#).is_untold());
        assert!(paid(r#""promotion_detail":null,"amount":{"total":1500}"#).is_untold());
        let odd = r#""success_time":"soon","amount":{"payer_total":-1},"promotion_detail":[{"amount":"1"}]"#;
        assert_eq!(paid(odd).coupon_fen, None);
        assert_eq!((paid(odd).payer_fen, paid(odd).at), (None, None));
        let huge = format!(
            r#""promotion_detail":[{{"amount":{0}}},{{"amount":{0}}}]"#,
            u64::MAX
        );
        assert_eq!(paid(&huge).coupon_fen, None);
    }

    #[test]
    fn odd_parts_are_left_out_not_guessed() {
        let body = r#"{"out_trade_no":"T1","trade_state":"SUCCESS","amount":{"total":-1},
            "parking_info":{"plate_color":"PINK","plate_number":""},"payer":null}"#;
        let order = transaction(body.as_bytes()).unwrap();
        assert_eq!(
            (order.total_fen, order.plate_color, order.plate_number),
            (None, None, None)
        );
    }

    #[test]
    fn what_says_nothing_is_a_fault() {
        for body in ["", "[]", "null", "{", "<html>", "\u{feff}{}"] {
            assert_eq!(
                transaction(body.as_bytes()),
                Err(ParseFault::NotAnObject),
                "{body}"
            );
        }
        let no_state = transaction(br#"{"out_trade_no":"T1"}"#);
        assert_eq!(no_state, Err(ParseFault::Missing("trade_state")));
        let no_id =
            parking_entry(br#"{"out_parking_no":"P1","plate_number":"x","state":"NORMAL"}"#);
        assert_eq!(no_id, Err(ParseFault::Missing("id")));
        assert_eq!(
            parking_entry(br#"{"id":7}"#),
            Err(ParseFault::Missing("id"))
        );
    }

    #[test]
    fn a_query_goes_to_the_vectors_target_in_both_modes() {
        let vectors = vectors();
        let sub = text(&vectors["material"]["sp_mode"]["sub_mchid"]);
        for (name, sub_mchid) in [("query_direct", None), ("query_partner", Some(sub))] {
            let cases = vectors["request_signatures"].as_array().unwrap();
            let case = cases.iter().find(|case| case["name"] == name).unwrap();
            let target = order("T20251124123000000001", sub_mchid).unwrap();
            assert_eq!(target, text(&case["request_target"]));
        }
    }

    #[test]
    fn an_order_number_cannot_change_the_path() {
        assert_eq!(
            order("T20251124123000000001", None).unwrap(),
            "/v3/vehicle/transactions/out-trade-no/T20251124123000000001"
        );
        for number in ["", "..", "a/b", "a?b", "a#b", "%2e", "粤B", &"9".repeat(33)] {
            assert_eq!(order(number, None), None, "{number}");
            assert_eq!(order("T1", Some(number)), None, "{number}");
        }
    }
}
