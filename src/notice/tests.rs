//! Opening against the vectors, which other implementations sealed and signed; and what is not opened.

use serde_json::{Value, json};

use super::*;
use crate::charges::answer::TradeState;
use crate::lane::service::ServiceState;
use crate::lane::time::Wall;
use crate::wechat::Secret;
use crate::wechat::parking::ParseFault;
use crate::wechat::seal::{ApiV3Keys, SealFault};
use crate::wechat::tests::vectors::{full_ring, headers, text, vectors};
use crate::wechat::trust::{SignatureHeaders, VerifyFault, WINDOW_S};

#[test]
fn every_vector_is_opened_and_says_what_it_says() {
    let told: Vec<Opened> = cases()
        .iter()
        .map(|case| opened(case, 0).unwrap())
        .collect();
    let Notice::Entry(entry) = &told[0].notice else {
        panic!("{:?}", told[0]);
    };
    assert_eq!(entry.state, ServiceState::Blocked("PAUSE".into()));
    assert_eq!(entry.updated_at.0 % 1000, 123, "milliseconds count");
    assert_eq!(entry.sp_mchid.as_deref(), Some("1900009191"));
    let orders = [
        (1, OrderEvent::Success, TradeState::Success),
        (2, OrderEvent::Success, TradeState::Success),
        (3, OrderEvent::Fail, TradeState::PayFail),
        (4, OrderEvent::PayBack, TradeState::Success),
    ];
    for (index, event, state) in orders {
        let Notice::Order(order) = &told[index].notice else {
            panic!("{:?}", told[index]);
        };
        assert_eq!((order.event, &order.order.state), (event, &state));
        assert_eq!(order.order.total_fen, Some(1500));
        assert!(order.order.parking_id.is_some());
    }
    let Notice::Refund(refund) = &told[5].notice else {
        panic!("{:?}", told[5]);
    };
    assert_eq!(refund.state, RefundState::Success);
    assert_eq!(
        (refund.total_fen, refund.refund_fen),
        (Some(1500), Some(500))
    );
    assert!(refund.mchid.is_some() && refund.success_at.is_some());
    assert_eq!(told[1].id, "EV-2025112412300000001");
    for opened in told {
        let text = serde_json::to_string(&opened).unwrap();
        assert_eq!(serde_json::from_str::<Opened>(&text).unwrap(), opened);
    }
}

#[test]
fn a_notice_is_believed_for_five_minutes_around_its_time_and_not_longer() {
    let case = &cases()[1];
    for (seconds, is_believed) in [
        (WINDOW_S - 1, true),
        (1 - WINDOW_S, true),
        (WINDOW_S + 1, false),
        (-WINDOW_S - 1, false),
        (86_400, false),
    ] {
        let opened = opened(case, seconds);
        let is_outside = matches!(
            opened,
            Err(NoticeFault::NotBelieved(VerifyFault::OutsideWindow { .. }))
        );
        assert_eq!(is_outside, !is_believed, "{seconds} s: {opened:?}");
    }
}

#[test]
fn no_byte_of_a_notice_may_differ_and_no_header_be_missing() {
    let case = &cases()[1];
    let raw = text(&case["body"]).as_bytes();
    for end in [0, 1, raw.len() / 2, raw.len() - 1] {
        assert_eq!(
            judged(case, &raw[..end], headers(case)),
            mismatch(),
            "{end}"
        );
    }
    for place in (0..raw.len()).step_by(97) {
        let mut forged = raw.to_vec();
        forged[place] ^= 1;
        assert_eq!(judged(case, &forged, headers(case)), mismatch(), "{place}");
    }
    let longer = [raw, b" "].concat();
    assert_eq!(judged(case, &longer, headers(case)), mismatch());
    let without: [fn(&mut SignatureHeaders); 4] = [
        |it| it.timestamp = None,
        |it| it.nonce = None,
        |it| it.signature = None,
        |it| it.serial = None,
    ];
    for strip in without {
        let mut headers = headers(case);
        strip(&mut headers);
        let judged = judged(case, raw, headers);
        assert!(
            matches!(
                judged,
                Err(NoticeFault::NotBelieved(VerifyFault::Unsigned(_)))
            ),
            "{judged:?}"
        );
    }
}

#[test]
fn a_probe_is_an_ordinary_failure() {
    let case = &cases()[1];
    let mut probed = headers(case);
    let probe = "WECHATPAY/SIGNTEST/";
    let signature = probed.signature.take().unwrap();
    let rest: String = signature.chars().skip(probe.len()).collect();
    probed.signature = Some(format!("{probe}{rest}"));
    let raw = text(&case["body"]).as_bytes();
    assert_eq!(judged(case, raw, probed), mismatch());
}

#[test]
fn another_api_v3_key_opens_nothing_and_one_of_several_is_enough() {
    let case = &cases()[1];
    let other = Secret::new("00000000000000000000000000000000");
    let raw = text(&case["body"]).as_bytes();
    let closed = open(
        &full_ring(&vectors()),
        &ApiV3Keys::new(std::slice::from_ref(&other)).unwrap(),
        &headers(case),
        raw,
        signed_at(case),
    );
    assert_eq!(closed, Err(NoticeFault::Sealed(SealFault::NoKeyFits)));
    let both = ApiV3Keys::new(&[other, own_key()]).unwrap();
    let ring = full_ring(&vectors());
    let opened = open(&ring, &both, &headers(case), raw, signed_at(case));
    assert!(opened.is_ok(), "{opened:?}");
}

/// What is told apart is told by the object, and not by the event that both share.
#[test]
fn a_native_order_is_no_charge() {
    let native = json!({
        "mchid": "1900009191", "appid": "wx1", "out_trade_no": "N20251124123010000001",
        "transaction_id": "42", "trade_type": "NATIVE", "trade_state": "SUCCESS",
        "success_time": "2025-11-24T12:30:05+08:00",
        "amount": { "total": 1500, "payer_total": 1400 },
    });
    assert!(native::is_native(&native));
    let read = NativeNotice::read(native.to_string().as_bytes()).unwrap();
    assert_eq!(
        (read.total_fen, read.payer_total_fen),
        (Some(1500), Some(1400))
    );
    assert_eq!(read.trade_state, "SUCCESS");
    for other in [
        json!({ "trade_scene": "PARKING", "trade_type": "NATIVE" }),
        json!({ "trade_scene": "PARKING" }),
        json!({ "parking_info": {}, "trade_type": "NATIVE" }),
        json!({}),
    ] {
        assert!(!native::is_native(&other), "{other}");
    }
}

#[test]
fn what_a_notice_must_say_is_missed_and_the_rest_is_not() {
    let whole = json!({
        "parking_id": "1", "out_parking_no": "P1", "plate_number": "x",
        "parking_state": "NORMAL", "state_update_time": "2025-11-24T11:02:03.123+08:00",
    });
    let read = EntryNotice::read(whole.to_string().as_bytes()).unwrap();
    assert_eq!(read.state, ServiceState::Normal);
    for key in [
        "parking_id",
        "out_parking_no",
        "plate_number",
        "parking_state",
        "state_update_time",
    ] {
        let mut without = whole.clone();
        without.as_object_mut().unwrap().remove(key);
        let read = EntryNotice::read(without.to_string().as_bytes());
        assert!(
            matches!(read, Err(ParseFault::Missing(_))),
            "{key}: {read:?}"
        );
    }
    let refund = json!({
        "out_refund_no": "R1", "refund_id": "5", "out_trade_no": "T1", "refund_status": "NEW",
    });
    let read = RefundNotice::read(refund.to_string().as_bytes()).unwrap();
    assert_eq!(read.state, RefundState::Other("NEW".into()));
    assert_eq!((read.mchid, read.refund_fen), (None, None));
}

fn cases() -> Vec<Value> {
    vectors()["notifications"].as_array().unwrap().clone()
}

/// Opened so many seconds after it was signed.
fn opened(case: &Value, seconds: i64) -> Result<Opened, NoticeFault> {
    open(
        &full_ring(&vectors()),
        &ApiV3Keys::new(&[own_key()]).unwrap(),
        &headers(case),
        text(&case["body"]).as_bytes(),
        signed_at(case).plus_ms(seconds * 1000),
    )
}

fn judged(case: &Value, raw: &[u8], headers: SignatureHeaders) -> Result<Opened, NoticeFault> {
    let keys = ApiV3Keys::new(&[own_key()]).unwrap();
    open(
        &full_ring(&vectors()),
        &keys,
        &headers,
        raw,
        signed_at(case),
    )
}

fn mismatch() -> Result<Opened, NoticeFault> {
    Err(NoticeFault::NotBelieved(VerifyFault::Mismatch))
}

fn own_key() -> Secret {
    Secret::new(text(&vectors()["material"]["apiv3_key"]))
}

fn signed_at(case: &Value) -> Wall {
    let seconds = text(&case["headers"]["Wechatpay-Timestamp"]);
    Wall(seconds.parse::<i64>().unwrap() * 1000)
}
