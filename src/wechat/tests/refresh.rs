//! Platform certificates: fetched once when an answer needs one, cached, rate-limited.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use serde_json::Value;
use tokio::sync::Barrier;

use super::server::{NOW, Reaction, Server, certificates, client_with, http, signed, signed_by};
use super::vectors::{OTHER_PLATFORM, PLATFORM, settings, text, vectors};
use crate::charges::answer::Answer;
use crate::clock::Clock;
use crate::wechat::certificates::ListFault;
use crate::wechat::seal::SealFault;
use crate::wechat::{Client, Complaint, Patience, RefreshFault, Refreshed, Secret};

const LIST: &str = "/v3/certificates";
const CHARGE: &str = r#"{"out_trade_no":"T1"}"#;
const ACCEPTED: &str = r#"{"out_trade_no":"T1","trade_state":"ACCEPTED"}"#;
const LANE: Patience = Patience::Lane {
    total: Duration::from_secs(5),
};

#[tokio::test]
async fn two_calls_with_an_unknown_serial_cause_one_look() {
    let both = Arc::new(Barrier::new(2));
    let server = Server::start(move |request| match request.path() {
        LIST => Reaction::Answer(certificates()),
        "/v3/vehicle/transactions/parking" => {
            let answer = Reaction::Answer(signed_by(PLATFORM, 200, ACCEPTED));
            Reaction::Together(both.clone(), Box::new(answer))
        }
        _ => Reaction::Answer(signed_by(PLATFORM, 200, ACCEPTED)),
    })
    .await;
    let (client, _) = without_public_key(&server);

    let (a, b) = tokio::join!(client.charge(CHARGE, LANE), client.charge(CHARGE, LANE));

    for heard in [a, b] {
        assert!(matches!(heard.answer, Answer::Verified(_)), "{heard:?}");
    }
    assert_eq!(server.count(LIST), 1);
    let first = &server.requests()[0];
    assert_eq!(first.header("wechatpay-serial"), None, "nothing known yet");
    let heard = client.query("T1", None, LANE).await;
    assert!(matches!(heard.answer, Answer::Verified(_)), "{heard:?}");
    let last = server.requests().pop().unwrap();
    assert!(last.header("wechatpay-serial").is_some());
}

#[tokio::test]
async fn a_serial_that_stays_unknown_is_looked_for_once_a_minute() {
    let server = Server::start(|request| {
        Reaction::Answer(match request.path() {
            LIST => certificates(),
            _ => {
                let answer = String::from_utf8(signed(200, ACCEPTED)).unwrap();
                answer.replace("Serial: PUB_KEY_ID_", "Serial: AB").into()
            }
        })
    })
    .await;
    let (client, clock) = without_public_key(&server);
    for (after_ms, looks) in [(0, 1), (59_999, 1), (1, 2)] {
        let mut now = clock.now();
        now.moment = now.moment.after_ms(after_ms);
        clock.set(now);
        let heard = client.charge(CHARGE, LANE).await;
        assert!(matches!(heard.answer, Answer::Lost(detail) if detail.contains("not known here")));
        assert_eq!(server.count(LIST), looks);
    }
}

#[tokio::test]
async fn a_public_key_is_never_looked_for() {
    let server = Server::answering(signed(200, ACCEPTED)).await;
    let (client, _) = without_public_key(&server);
    let heard = client.charge(CHARGE, LANE).await;
    assert!(matches!(heard.answer, Answer::Lost(_)));
    assert_eq!(server.count(LIST), 0);
}

#[tokio::test]
async fn a_look_goes_on_after_the_lane_stopped_waiting() {
    let server = Server::start(|request| match request.path() {
        LIST => Reaction::Silence,
        _ => Reaction::Answer(signed_by(PLATFORM, 200, ACCEPTED)),
    })
    .await;
    let (client, _) = without_public_key(&server);
    let total = Duration::from_millis(1500);
    let heard = client.charge(CHARGE, Patience::Lane { total }).await;
    assert!(matches!(heard.answer, Answer::Lost(_)), "{heard:?}");
    assert!(
        client.0.refreshing.try_lock().is_err(),
        "the look is still under way"
    );
}

#[tokio::test]
async fn the_list_is_taken_only_when_it_is_proven() {
    let vectors = vectors();
    let list = text(&vectors["certificates_response_body"]);
    let not_in_it = signed_by("merchant", 200, list);
    let forged = String::from_utf8(certificates()).unwrap();
    let forged = forged.replace("2044-01-01", "2054-01-01").into_bytes();
    let cases = [
        (certificates(), "Ok(Listed { held: 2, changed: true })"),
        // A merchant on its way to the public key.
        (signed(200, list), "Ok(Listed { held: 2, changed: true })"),
        (
            http(404, "", r#"{"code":"RESOURCE_NOT_EXISTS"}"#),
            "Ok(NoneOffered)",
        ),
        (not_in_it, "SignedByUnknown"),
        (forged, "NotBelieved"),
        (http(200, "", list), "NotBelieved"),
        (signed(200, "{\"data\":[]}"), "Unusable(NoneValid)"),
        (http(404, "", "<html>"), "NotReached"),
        (
            http(401, "", r#"{"code":"SIGN_ERROR"}"#),
            "code: \"SIGN_ERROR\"",
        ),
        (http(429, "", r#"{"code":"RATE_LIMITED"}"#), "Throttled"),
    ];
    for (answer, expected) in cases {
        let server = Server::answering(answer).await;
        let (client, clock) = client_with(settings(&[&server.url]));
        let result = client.refresh_certificates().await;
        let shown = format!("{result:?}");
        assert!(shown.contains(expected), "{shown}, not {expected}");

        let listed = matches!(result, Ok(Refreshed::Listed { .. }));
        assert_eq!(client.key_ring().export().len(), if listed { 2 } else { 0 });
        let wait_ms = client.refresh_due().unwrap().since_ms(clock.now().moment);
        let hours = 60 * 60 * 1000;
        match result {
            Ok(_) => assert!((11 * hours..12 * hours).contains(&wait_ms)),
            Err(_) => assert_eq!(wait_ms, 60_000),
        }
    }
}

#[tokio::test]
async fn a_changed_api_v3_key_is_named_as_the_cause() {
    let server = Server::answering(certificates()).await;
    let mut settings = settings(&[&server.url]);
    settings.public_key = None;
    settings.api_v3_keys = vec![Secret::new("Z".repeat(32))];
    let (client, _) = client_with(settings);
    let fault = client.refresh_certificates().await.unwrap_err();
    assert!(matches!(
        fault,
        RefreshFault::Unusable(ListFault::Sealed(SealFault::NoKeyFits))
    ));
}

#[tokio::test]
async fn a_cached_ring_starts_without_a_look() {
    let server = Server::start(|request| {
        Reaction::Answer(match request.path() {
            LIST => certificates(),
            _ => signed_by(PLATFORM, 200, ACCEPTED),
        })
    })
    .await;
    let (before, _) = without_public_key(&server);
    before.refresh_certificates().await.unwrap();
    let rows = before.key_ring().export();

    let (after, _) = without_public_key(&server);
    assert_eq!(after.key_ring().import(&rows, NOW), 2);
    let heard = after.charge(CHARGE, LANE).await;
    assert!(matches!(heard.answer, Answer::Verified(_)), "{heard:?}");
    assert_eq!(server.count(LIST), 1);
    let again = after.refresh_certificates().await.unwrap();
    let unchanged = Refreshed::Listed {
        held: 2,
        changed: false,
    };
    assert_eq!(again, unchanged);
}

#[tokio::test]
async fn turned_off_means_no_look() {
    let server = Server::answering(certificates()).await;
    let mut settings = settings(&[&server.url]);
    settings.platform_certificates = false;
    let (client, _) = client_with(settings);
    assert!(matches!(
        client.refresh_certificates().await,
        Err(RefreshFault::TurnedOff)
    ));
    assert_eq!(client.refresh_due(), None);
    assert_eq!(server.connections(), 0);
}

fn without_public_key(server: &Server) -> (Client, Clock) {
    let mut settings = settings(&[&server.url]);
    settings.public_key = None;
    client_with(settings)
}

#[tokio::test]
async fn old_and_new_certificates_stand_side_by_side_while_they_rotate() {
    let listed = Arc::new(Mutex::new(list(&[0])));
    let signer = Arc::new(Mutex::new(PLATFORM));
    let (list_now, signer_now) = (listed.clone(), signer.clone());
    let server = Server::start(move |request| {
        let signer = *signer_now.lock().unwrap();
        Reaction::Answer(match request.path() {
            LIST => signed_by(signer, 200, &list_now.lock().unwrap()),
            _ => signed_by(signer, 200, ACCEPTED),
        })
    })
    .await;
    let (client, clock) = without_public_key(&server);
    let is_believed = async || {
        let heard = client.charge(CHARGE, LANE).await;
        matches!(heard.answer, Answer::Verified(_))
    };
    assert!(is_believed().await);
    assert_eq!(client.key_ring().serials().len(), 1);

    *listed.lock().unwrap() = list(&[0, 1]);
    *signer.lock().unwrap() = OTHER_PLATFORM;
    let mut now = clock.now();
    now.moment = now.moment.after_ms(60_000);
    clock.set(now);
    assert!(is_believed().await, "the new serial is looked for");
    for by in [PLATFORM, OTHER_PLATFORM, PLATFORM] {
        *signer.lock().unwrap() = by;
        assert!(is_believed().await, "{by}");
    }
    assert_eq!(server.count(LIST), 2);
    assert_eq!(client.complaints(), []);

    *listed.lock().unwrap() = list(&[1]);
    *signer.lock().unwrap() = OTHER_PLATFORM;
    client.refresh_certificates().await.unwrap();
    *signer.lock().unwrap() = PLATFORM;
    assert!(
        !is_believed().await,
        "what WeChat took back is not believed"
    );
    let [Complaint::UnknownKey { serial, .. }] = &client.complaints()[..] else {
        panic!("{:?}", client.complaints())
    };
    assert!(serial.ends_with("00000001"));
}

#[tokio::test]
async fn a_list_of_rubbish_changes_nothing_and_is_complained_of() {
    let vectors = vectors();
    let good = text(&vectors["certificates_response_body"]);
    let spoilt = |path: &str, value: Value| {
        let mut list: Value = serde_json::from_str(good).unwrap();
        for item in [0, 1] {
            *list.pointer_mut(&format!("/data/{item}/{path}")).unwrap() = value.clone();
        }
        list.to_string()
    };
    let rubbish = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";
    let sealed_text = sealed(b"no certificate at all");
    let mut unreadable: Value = serde_json::from_str(good).unwrap();
    for item in unreadable["data"].as_array_mut().unwrap() {
        item["encrypt_certificate"] = sealed_text.clone();
    }
    let cases = [
        spoilt("encrypt_certificate/ciphertext", rubbish.into()),
        spoilt("encrypt_certificate/algorithm", "AEAD_SM4_GCM".into()),
        spoilt("serial_no", "AB".into()),
        unreadable.to_string(),
        r#"{"data":[]}"#.to_owned(),
        "[]".to_owned(),
    ];
    for body in cases {
        let answer = Arc::new(Mutex::new(certificates()));
        let now = answer.clone();
        let server = Server::start(move |request| {
            Reaction::Answer(match request.path() {
                LIST => now.lock().unwrap().clone(),
                _ => signed_by(PLATFORM, 200, ACCEPTED),
            })
        })
        .await;
        let (client, _) = without_public_key(&server);
        client.refresh_certificates().await.unwrap();
        let held = client.key_ring().serials();
        *answer.lock().unwrap() = signed_by(PLATFORM, 200, &body);
        let fault = client.refresh_certificates().await.unwrap_err();
        assert!(matches!(fault, RefreshFault::Unusable(_)), "{fault:?}");
        assert_eq!(client.key_ring().serials(), held, "the old ring is kept");
        let heard = client.charge(CHARGE, LANE).await;
        assert!(matches!(heard.answer, Answer::Verified(_)), "{heard:?}");
        let complaints = client.complaints();
        assert!(
            matches!(&complaints[..], [Complaint::List(_)]),
            "{complaints:?}"
        );

        *answer.lock().unwrap() = certificates();
        client.refresh_certificates().await.unwrap();
        assert_eq!(client.complaints(), [], "over");
    }
}

#[tokio::test]
async fn an_item_of_rubbish_does_not_drop_what_is_held_under_its_serial() {
    let vectors = vectors();
    let mut half: Value =
        serde_json::from_str(text(&vectors["certificates_response_body"])).unwrap();
    half["data"][0]["encrypt_certificate"]["nonce"] = "xxxxxxxxxxxx".into();
    let answers = Arc::new(Mutex::new(vec![
        signed_by(PLATFORM, 200, &half.to_string()),
        certificates(),
    ]));
    let server = Server::start(move |_| {
        let mut answers = answers.lock().unwrap();
        Reaction::Answer(answers.pop().expect("two looks"))
    })
    .await;
    let (client, _) = without_public_key(&server);
    client.refresh_certificates().await.unwrap();
    let again = client.refresh_certificates().await.unwrap();
    let unchanged = Refreshed::Listed {
        held: 2,
        changed: false,
    };
    assert_eq!(again, unchanged);
    let complaints = client.complaints();
    assert!(
        matches!(&complaints[..], [Complaint::LeftOut { .. }]),
        "{complaints:?}"
    );
}

#[tokio::test]
async fn on_the_way_to_the_public_key_both_are_believed_and_the_key_is_asked_for() {
    let signers = Arc::new(Mutex::new(vec![
        "wechatpay_public_key",
        PLATFORM,
        "wechatpay_public_key",
        OTHER_PLATFORM,
    ]));
    let server = Server::start(move |request| {
        Reaction::Answer(match request.path() {
            LIST => certificates(),
            _ => {
                let by = signers.lock().unwrap().pop().expect("four calls");
                signed_by(by, 200, ACCEPTED)
            }
        })
    })
    .await;
    let (client, _) = client_with(settings(&[&server.url]));
    for _ in 0..4 {
        let heard = client.query("T1", None, LANE).await;
        assert!(matches!(heard.answer, Answer::Verified(_)), "{heard:?}");
    }
    for request in server.requests() {
        let named = request.header("wechatpay-serial").unwrap();
        assert!(named.starts_with("PUB_KEY_ID_"), "{named}");
    }
    assert_eq!(server.count(LIST), 1);
    assert_eq!(client.complaints(), []);
}

#[tokio::test]
async fn a_merchant_with_the_public_key_alone_needs_no_certificates() {
    let none = http(404, "", r#"{"code":"RESOURCE_NOT_EXISTS","message":""}"#);
    let server = Server::start(move |request| {
        Reaction::Answer(match request.path() {
            LIST => none.clone(),
            _ => signed(200, ACCEPTED),
        })
    })
    .await;
    let (client, _) = client_with(settings(&[&server.url]));
    client.refresh_certificates().await.unwrap();
    let heard = client.charge(CHARGE, LANE).await;
    assert!(matches!(heard.answer, Answer::Verified(_)), "{heard:?}");
    assert_eq!(client.complaints(), []);

    let (client, _) = without_public_key(&server);
    client.refresh_certificates().await.unwrap();
    assert_eq!(client.complaints(), [Complaint::NothingToTrust]);
    client.charge(CHARGE, LANE).await;
    let complaints = client.complaints();
    assert!(
        matches!(&complaints[1], Complaint::UnknownKey { serial, .. } if serial.starts_with("PUB_KEY_ID_")),
        "{complaints:?}"
    );
}

#[tokio::test]
async fn a_probe_is_an_ordinary_failed_verification() {
    let probe = |answer: Vec<u8>| {
        let answer = String::from_utf8(answer).unwrap();
        let (head, signature) = answer.split_once("Wechatpay-Signature: ").unwrap();
        let rest = signature.chars().skip("WECHATPAY/SIGNTEST/".len());
        let rest: String = rest.collect();
        format!("{head}Wechatpay-Signature: WECHATPAY/SIGNTEST/{rest}").into_bytes()
    };
    let refusal = r#"{"code":"ORDER_NOT_EXIST","message":""}"#;
    for answer in [probe(signed(200, ACCEPTED)), probe(signed(404, refusal))] {
        let server = Server::answering(answer).await;
        let (client, _) = client_with(settings(&[&server.url]));
        let heard = client.query("T1", None, LANE).await;
        assert!(matches!(heard.answer, Answer::Lost(_)), "{heard:?}");
        assert_eq!((server.requests().len(), client.complaints().len()), (1, 0));
    }
    let server = Server::answering(probe(certificates())).await;
    let (client, _) = without_public_key(&server);
    let fault = client.refresh_certificates().await.unwrap_err();
    assert!(matches!(fault, RefreshFault::NotBelieved(_)), "{fault:?}");
    assert_eq!(client.key_ring().serials(), [""; 0]);
    assert_eq!(client.complaints(), [], "the next one may be a good one");
}

/// The vectors' list with these of its items.
fn list(items: &[usize]) -> String {
    let vectors = vectors();
    let mut list: Value =
        serde_json::from_str(text(&vectors["certificates_response_body"])).unwrap();
    let kept: Vec<Value> = items.iter().map(|at| list["data"][*at].clone()).collect();
    list["data"] = kept.into();
    list.to_string()
}

/// What only the platform, which has the APIv3 key, can seal.
fn sealed(plain: &[u8]) -> Value {
    use aes_gcm::aead::{Aead, Nonce, Payload};
    use aes_gcm::{Aes256Gcm, KeyInit};
    use base64::Engine;

    let vectors = vectors();
    let key = text(&vectors["material"]["apiv3_key"]).as_bytes();
    let nonce = Nonce::<Aes256Gcm>::try_from(&b"61f9c719728b"[..]).unwrap();
    let payload = Payload {
        msg: plain,
        aad: b"certificate",
    };
    let cipher = Aes256Gcm::new_from_slice(key).unwrap();
    let sealed = cipher.encrypt(&nonce, payload).unwrap();
    serde_json::json!({
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": "61f9c719728b",
        "associated_data": "certificate",
        "ciphertext": base64::engine::general_purpose::STANDARD.encode(sealed),
    })
}
