use std::sync::LazyLock;

use proptest::prelude::*;

use super::super::tests::vectors::{full_ring, headers, text, vectors};
use super::*;
use serde_json::json;

const NOW: Wall = Wall(1_764_001_802_000);

/// Which signature an answer carries.
#[derive(Clone, Copy, Debug)]
enum Signed {
    No,
    Well,
    Forged,
    ByUnknown,
    Stale,
}

#[derive(Debug, PartialEq)]
enum Kind {
    Believed,
    Refused,
    Throttled,
    Lost(&'static str),
    Unknown,
}

#[test]
fn the_table() {
    use Kind::*;
    use Signed::*;
    const JSON: &str = r#"{"code":"SOME_CODE","message":"说明"}"#;
    const HTML: &str = "<html>Please log in</html>";
    let table = [
        (200, Well, Good, Believed),
        (200, No, Good, Lost("not signed (no Wechatpay-Timestamp)")),
        (200, Forged, Good, Lost("does not fit")),
        (200, Stale, Good, Lost("check the clock")),
        (200, ByUnknown, Good, Unknown),
        (200, No, Text(HTML), Lost("not signed")),
        (201, Well, Good, Believed),
        (204, Well, Good, Believed),
        (202, Well, Good, Lost("not finished")),
        (202, No, Text(""), Lost("not finished")),
        (400, No, Text(JSON), Refused),
        (401, No, Text(JSON), Refused),
        (403, No, Text(JSON), Refused),
        (404, No, Text(JSON), Refused),
        (499, No, Text(JSON), Refused),
        (400, Forged, Text(JSON), Lost("does not fit")),
        (404, ByUnknown, Text(JSON), Unknown),
        (400, No, Text(HTML), Lost("not API JSON")),
        (
            403,
            No,
            Text(r#"{"error":"blocked"}"#),
            Lost("not API JSON"),
        ),
        (403, No, Text(r#"{"code":403}"#), Lost("not API JSON")),
        (403, No, Text(r#"{"code":""}"#), Lost("not API JSON")),
        (403, No, Text(r#"{"code":"a b"}"#), Lost("not API JSON")),
        (404, No, Text("[]"), Lost("not API JSON")),
        (407, No, Text(""), Lost("not API JSON")),
        (429, No, Text(JSON), Throttled),
        (429, Forged, Text(JSON), Lost("does not fit")),
        (429, No, Text(HTML), Lost("not API JSON")),
        (500, No, Text(JSON), Lost("SOME_CODE")),
        (502, No, Text(HTML), Lost("not API JSON")),
        (503, No, Text(JSON), Lost("SOME_CODE")),
        (100, Well, Good, Lost("not an answer")),
        (301, No, Text(HTML), Lost("not an answer")),
        (302, Well, Good, Lost("not an answer")),
        (600, Well, Good, Lost("not an answer")),
    ];
    let ring = full_ring(&vectors());
    for (status, signed, body, expected) in table {
        let reply = reply(status, signed, body);
        let verdict = reply.judge(&ring, NOW);
        let kind = match &verdict {
            Verdict::Believed => Believed,
            Verdict::Refused(refusal) => {
                assert_eq!((refusal.status, &*refusal.code), (status, "SOME_CODE"));
                assert!(!refusal.proven, "nobody signed it");
                Refused
            }
            Verdict::Throttled { .. } => Throttled,
            Verdict::UnknownSerial(_) => Unknown,
            Verdict::Lost(detail) => {
                assert!(detail.contains("Request-ID 08F5-0"), "{detail}");
                match expected {
                    Lost(part) if detail.contains(part) => Lost(part),
                    _ => panic!("{status} {signed:?}: {detail}"),
                }
            }
        };
        assert_eq!(kind, expected, "{status} {signed:?}");

        let cut = Reply { cut: true, ..reply };
        assert!(
            matches!(cut.judge(&ring, NOW), Verdict::Lost(detail) if detail.contains("larger"))
        );
    }
}

#[test]
fn a_refusal_names_the_field() {
    let body = r#"{"code":"PARAM_ERROR","message":"参数错误\n","detail":
        {"field":"/amount/total","value":"粤B888888","issue":"too small"}}"#;
    let verdict = reply(400, Signed::No, Body::Text(body)).judge(&KeyRing::default(), NOW);
    let Verdict::Refused(refusal) = verdict else {
        panic!("{verdict:?}")
    };
    assert_eq!(refusal.message, "参数错误 (/amount/total: too small)");
}

#[test]
fn retry_after_is_seconds_or_a_date() {
    let body = Body::Text(r#"{"code":"FREQUENCY_LIMITED","message":""}"#);
    let mut reply = reply(429, Signed::No, body);
    reply.date = Some("Mon, 24 Nov 2025 16:30:02 GMT".into());
    for (text, expected) in [
        (None, None),
        (Some("3"), Some(3000)),
        (Some(" 0 "), Some(0)),
        (Some("18446744073709551615"), Some(MAX_RETRY_AFTER_MS)),
        (Some("Mon, 24 Nov 2025 16:30:12 GMT"), Some(10_000)),
        (Some("Mon, 24 Nov 2025 16:30:00 GMT"), Some(0)),
        (Some("soon"), None),
        (Some("-1"), None),
        (Some("1.5"), None),
    ] {
        reply.retry_after = text.map(str::to_owned);
        assert_eq!(
            reply.judge(&KeyRing::default(), NOW),
            Verdict::Throttled {
                retry_after_ms: expected
            },
            "{text:?}"
        );
    }
}

#[test]
fn skew_is_the_box_minus_the_date() {
    let mut reply = reply(200, Signed::No, Body::Good);
    assert_eq!(reply.skew_ms(NOW), None);
    reply.date = Some("Mon, 24 Nov 2025 16:30:02 GMT".into());
    assert_eq!(reply.skew_ms(NOW), Some(0));
    assert_eq!(reply.skew_ms(NOW.plus_ms(-90_500)), Some(-90_500));
    reply.date = Some("yesterday".into());
    assert_eq!(reply.skew_ms(NOW), None);
}

#[test]
fn untrusted_text_is_cleaned() {
    assert_eq!(printable("a\r\n\u{1b}[31mb车", 5), "a[31m");
    let long = json!({"code": "X".repeat(65), "message": ""}).to_string();
    assert!(api_error(long.as_bytes()).is_none());
}

static RING: LazyLock<KeyRing> = LazyLock::new(|| full_ring(&vectors()));

proptest! {
    #[test]
    fn arbitrary_answers_never_panic_and_are_never_believed(
        status in 0_u16..700,
        body in prop_oneof![
            proptest::collection::vec(any::<u8>(), 0..300),
            "\\{\"code\":\"[A-Z_]{0,9}\",\"message\":.{0,9}\\}".prop_map(String::into_bytes),
        ],
        timestamp in proptest::option::of("1764001[0-9]{3}|.*"),
        nonce in proptest::option::of(".*"),
        signature in proptest::option::of("(WECHATPAY/SIGNTEST/)?[A-Za-z0-9+/]{0,400}={0,2}|.*"),
        serial in proptest::option::of("3775B6A45ACD588826D15E583A95F5DD00000001|PUB_KEY_ID_.*|.*"),
        dates in proptest::array::uniform2(proptest::option::of("[0-9]{1,25}|Mon, 24 Nov .*|.*")),
        cut: bool,
    ) {
        let [date, retry_after] = dates;
        let signature =
            SignatureHeaders { timestamp, nonce, signature, serial, signature_type: None };
        let request_id = None;
        let reply = Reply { status, request_id, date, retry_after, signature, body, cut };
        let verdict = reply.judge(&RING, NOW);
        prop_assert_ne!(verdict, Verdict::Believed);
        reply.skew_ms(NOW);
        let _ = super::super::parking::transaction(&reply.body);
        let _ = super::super::parking::parking_entry(&reply.body);
    }
}

enum Body {
    /// The body of the accepted charge, to which the good signature belongs.
    Good,
    Text(&'static str),
}
use Body::{Good, Text};

fn reply(status: u16, signed: Signed, body: Body) -> Reply {
    let vectors = vectors();
    let case = &vectors["response_signatures"][3];
    assert_eq!(case["name"], "charge_accepted_public_key");
    let well = headers(case);
    let signature = match signed {
        Signed::No => SignatureHeaders::default(),
        Signed::Well => well,
        Signed::Forged => SignatureHeaders {
            signature: Some("QUJD".into()),
            ..well
        },
        Signed::ByUnknown => SignatureHeaders {
            serial: Some("5157F09EFDC096DE15EBE81A47057A7232F1B8E1".into()),
            ..well
        },
        Signed::Stale => SignatureHeaders {
            timestamp: Some("1764001402".into()),
            ..well
        },
    };
    Reply {
        status,
        request_id: Some("08F5-0".into()),
        signature,
        body: match body {
            Body::Good => text(&case["body"]).into(),
            Body::Text(text) => text.into(),
        },
        ..Reply::default()
    }
}
