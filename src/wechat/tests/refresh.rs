//! Platform certificates: fetched once when an answer needs one, cached, rate-limited.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;

use super::server::{NOW, Reaction, Server, certificates, client_with, http, signed, signed_by};
use super::vectors::{PLATFORM, settings, text, vectors};
use crate::charges::answer::Answer;
use crate::clock::Clock;
use crate::wechat::certificates::ListFault;
use crate::wechat::seal::SealFault;
use crate::wechat::{Client, Patience, RefreshFault, Refreshed, Secret};

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
        (not_in_it, "NotBelieved"),
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
