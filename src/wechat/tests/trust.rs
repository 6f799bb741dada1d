use super::super::seal::{ApiV3Keys, Sealed};
use super::super::secret::Secret;
use super::super::tests::vectors::{PLATFORM, full_ring, headers, text, vectors};
use super::*;
use serde_json::Value;

const NOW: Wall = Wall(1_764_001_810_500);

#[test]
fn every_answer_vector_is_judged_right() {
    let vectors = vectors();
    let ring = full_ring(&vectors);
    let cases = vectors["response_signatures"].as_array().unwrap();
    assert_eq!(cases.len(), 8);
    for case in cases {
        let verdict = ring.verify(&headers(case), body(case), signed_at(case));
        assert_eq!(
            verdict.is_ok(),
            case["expect_valid"].as_bool().unwrap(),
            "{}: {verdict:?}",
            case["name"]
        );
    }
}

#[test]
fn every_callback_verifies_and_opens() {
    let vectors = vectors();
    let ring = full_ring(&vectors);
    let key = Secret::new(text(&vectors["material"]["apiv3_key"]));
    let keys = ApiV3Keys::new(&[key]).unwrap();
    let cases = vectors["notifications"].as_array().unwrap();
    assert_eq!(cases.len(), 6);
    for case in cases {
        ring.verify(&headers(case), body(case), signed_at(case))
            .unwrap();
        let envelope: Value = serde_json::from_slice(body(case)).unwrap();
        let sealed: Sealed = serde_json::from_value(envelope["resource"].clone()).unwrap();
        let opened = keys.open(&sealed).unwrap();
        assert_eq!(opened, text(&case["decrypted_resource"]).as_bytes());
    }
}

#[test]
fn a_probe_is_an_ordinary_failure() {
    let vectors = vectors();
    let ring = full_ring(&vectors);
    let probe = response(&vectors, "signature_probe");
    let mut headers = headers(probe);
    assert!(
        headers
            .signature
            .as_ref()
            .unwrap()
            .starts_with("WECHATPAY/SIGNTEST/")
    );
    for (signature, fault) in [
        (headers.signature.clone().unwrap(), None),
        ("WECHATPAY/SIGNTEST/".into(), Some(VerifyFault::NotBase64)),
        (
            "WECHATPAY/SIGNTEST/=?!".into(),
            Some(VerifyFault::NotBase64),
        ),
        ("AAAA".into(), Some(VerifyFault::Mismatch)),
        (String::new(), Some(VerifyFault::Mismatch)),
    ] {
        headers.signature = Some(signature);
        let got = ring
            .verify(&headers, body(probe), signed_at(probe))
            .unwrap_err();
        assert!(fault.is_none_or(|fault| fault == got), "{got:?}");
    }
}

#[test]
fn any_changed_byte_breaks_the_signature() {
    let vectors = vectors();
    let ring = full_ring(&vectors);
    let case = response(&vectors, "entry_ok_platform_cert");
    let good = body(case);
    for index in 0..good.len() {
        let mut changed = good.to_vec();
        changed[index] ^= 1;
        let verdict = ring.verify(&headers(case), &changed, signed_at(case));
        assert_eq!(verdict, Err(VerifyFault::Mismatch));
    }
    let reformatted: Value = serde_json::from_slice(good).unwrap();
    let reformatted = serde_json::to_vec_pretty(&reformatted).unwrap();
    let verdict = ring.verify(&headers(case), &reformatted, signed_at(case));
    assert_eq!(verdict, Err(VerifyFault::Mismatch));
}

#[test]
fn the_window_is_five_minutes_to_both_sides() {
    let vectors = vectors();
    let ring = full_ring(&vectors);
    let case = response(&vectors, "charge_accepted_public_key");
    let at = signed_at(case);
    for (skew_s, believed) in [(-300, false), (-299, true), (299, true), (300, false)] {
        let verdict = ring.verify(&headers(case), body(case), at.plus_ms(skew_s * 1000));
        let expected = match believed {
            true => Ok(()),
            false => Err(VerifyFault::OutsideWindow { skew_s }),
        };
        assert_eq!(verdict, expected);
    }
    let mut headers = headers(case);
    for rubbish in ["", "now", "1764001801.5", "99999999999999999999"] {
        headers.timestamp = Some(rubbish.into());
        assert_eq!(
            ring.verify(&headers, body(case), at),
            Err(VerifyFault::Malformed("timestamp"))
        );
    }
    headers.timestamp = Some(i64::MIN.to_string());
    assert!(matches!(
        ring.verify(&headers, body(case), at),
        Err(VerifyFault::OutsideWindow { .. })
    ));
}

#[test]
fn every_header_is_needed_except_the_type() {
    let vectors = vectors();
    let ring = full_ring(&vectors);
    let case = response(&vectors, "charge_accepted_public_key");
    let verdict = |change: &dyn Fn(&mut SignatureHeaders)| {
        let mut headers = headers(case);
        change(&mut headers);
        ring.verify(&headers, body(case), signed_at(case))
    };
    let unsigned = |name| Err(VerifyFault::Unsigned(name));
    assert_eq!(
        verdict(&|h| h.timestamp = None),
        unsigned("Wechatpay-Timestamp")
    );
    assert_eq!(verdict(&|h| h.nonce = None), unsigned("Wechatpay-Nonce"));
    assert_eq!(
        verdict(&|h| h.signature = None),
        unsigned("Wechatpay-Signature")
    );
    assert_eq!(verdict(&|h| h.serial = None), unsigned("Wechatpay-Serial"));
    assert_eq!(verdict(&|h| h.signature_type = None), Ok(()));
    let sm2 = "WECHATPAY2-SM2-WITH-SM3";
    assert_eq!(
        verdict(&|h| h.signature_type = Some(sm2.into())),
        Err(VerifyFault::SignatureType(sm2.into()))
    );
}

#[test]
fn the_border_between_nonce_and_body_cannot_be_moved() {
    let vectors = vectors();
    let ring = full_ring(&vectors);
    let case = response(&vectors, "entry_ok_platform_cert");
    let mut headers = headers(case);
    let (moved, rest) = body(case).split_at(10);
    let nonce = headers.nonce.take().unwrap();
    headers.nonce = Some(format!("{nonce}\n{}", std::str::from_utf8(moved).unwrap()));
    assert_eq!(
        ring.verify(&headers, rest, signed_at(case)),
        Err(VerifyFault::Malformed("nonce"))
    );
}

#[test]
fn each_message_chooses_its_key() {
    let vectors = vectors();
    let full = full_ring(&vectors);
    let empty = KeyRing::default();
    for (name, serial) in [
        (
            "entry_ok_platform_cert",
            "3775B6A45ACD588826D15E583A95F5DD00000001",
        ),
        (
            "entry_ok_leading_zero_serial",
            "0A75B6A45ACD588826D15E583A95F5DD00000002",
        ),
        (
            "entry_ok_public_key",
            "PUB_KEY_ID_0119000091912026112400000000000001",
        ),
    ] {
        let case = response(&vectors, name);
        let unknown = Err(VerifyFault::UnknownSerial(serial.into()));
        assert_eq!(
            empty.verify(&headers(case), body(case), signed_at(case)),
            unknown
        );
        let mut other = headers(case);
        other.serial = Some("3775b6a45acd588826d15e583a95f5dd00000001".into());
        assert_eq!(
            full.verify(&other, body(case), signed_at(case)).is_ok(),
            name == "entry_ok_platform_cert",
            "lower case finds the certificate, and only its own messages fit it"
        );
    }
}

#[test]
fn an_expired_certificate_verifies_nothing() {
    let vectors = vectors();
    let ring = full_ring(&vectors);
    let case = response(&vectors, "entry_ok_platform_cert");
    let mut headers = headers(case);
    let after_2044 = 2_335_219_201_i64;
    headers.timestamp = Some(after_2044.to_string());
    let serial = headers.serial.clone().unwrap();
    assert_eq!(
        ring.verify(&headers, body(case), Wall(after_2044 * 1000)),
        Err(VerifyFault::NotValidToday(serial))
    );
    assert_eq!(
        ring.preferred(NOW).unwrap(),
        text(&vectors["material"]["wechatpay_public_key"]["public_key_id"])
    );
}

#[test]
fn a_cached_ring_needs_no_network() {
    let vectors = vectors();
    let rows = full_ring(&vectors).export();
    assert_eq!(rows.len(), 2);
    let json = serde_json::to_string(&rows).unwrap();
    let rows: Vec<KeyRow> = serde_json::from_str(&json).unwrap();

    let restored = KeyRing::default();
    assert_eq!(restored.import(&rows, NOW), 2);
    let case = response(&vectors, "entry_ok_leading_zero_serial");
    restored
        .verify(&headers(case), body(case), signed_at(case))
        .unwrap();
    assert!(restored.preferred(NOW).is_some());

    let mut damaged = rows.clone();
    damaged[0].certificate.truncate(100);
    damaged[1].serial = rows[0].serial.clone();
    let ring = KeyRing::default();
    assert_eq!(ring.import(&damaged, NOW), 0);
    assert_eq!(ring.import(&rows, Wall(4_000_000_000_000)), 0);
    assert_eq!(ring.preferred(NOW), None);
}

#[test]
fn a_new_list_drops_what_it_no_longer_names() {
    let vectors = vectors();
    let ring = full_ring(&vectors);
    let one = Certificate::from_pem(text(&vectors["material"][PLATFORM]["cert_pem"])).unwrap();
    assert!(ring.replace_certificates(vec![one.clone()]));
    assert!(!ring.replace_certificates(vec![one.clone()]));
    assert_eq!(ring.serials(), [one.serial]);
    assert!(
        ring.knows("PUB_KEY_ID_0119000091912026112400000000000001"),
        "the configured key stays"
    );
}

fn response<'a>(vectors: &'a Value, name: &str) -> &'a Value {
    let cases = vectors["response_signatures"].as_array().unwrap();
    cases.iter().find(|case| case["name"] == name).unwrap()
}

fn body(case: &Value) -> &[u8] {
    text(&case["body"]).as_bytes()
}

fn signed_at(case: &Value) -> Wall {
    let seconds: i64 = text(&case["headers"]["Wechatpay-Timestamp"])
        .parse()
        .unwrap();
    Wall(seconds * 1000)
}
