//! Answers with one wrong field: whoever signed them, they say nothing that was not asked.

use serde_json::{Value, json};

use super::server::{NOW, Reaction, Server, client, signed_by};
use super::vectors::{PLATFORM, text, vectors};
use crate::charges::answer::ServiceState;
use crate::spoiled::{self, Spoiled};
use crate::wechat::reply::{Reply, Verdict};
use crate::wechat::trust::{KeyRing, KeyRow};
use crate::wechat::{certificates, parking};

/// *Charge* and *query order*. Number and sum must be there; what else is echoed must not contradict.
#[test]
fn an_order_with_a_wrong_field_is_another_order_or_the_same() {
    let body = text(&vectors()["response_signatures"][3]["body"]).to_owned();
    let good = parking::transaction(body.as_bytes()).unwrap();
    let mut taken = 0;
    for Spoiled { what, text } in spoiled::all(&serde_json::from_str(&body).unwrap()) {
        let order = match parking::transaction(&text) {
            Ok(order) => order,
            Err(fault) => {
                assert!(fault.to_string().len() < 100, "{what}: {fault}");
                continue;
            }
        };
        let is_ours = order.out_trade_no == good.out_trade_no && order.total_fen == good.total_fen;
        let same = |echo: &Option<String>, own: &Option<String>| echo.is_none() || echo == own;
        let fits = is_ours
            && same(&order.parking_id, &good.parking_id)
            && same(&order.plate_number, &good.plate_number);
        if fits && order.state == good.state {
            taken += 1;
        }
        if what.starts_with("out_trade_no is ") && !what.contains("twice") {
            assert!(!is_ours, "{what}");
        }
        if what.starts_with("total is ") && !what.contains("twice") {
            assert!(!is_ours, "{what}");
        }
    }
    assert!(taken > 100, "what nobody asks about may say anything");
}

/// *Create entry*: only a plain NORMAL lets its stay be charged.
#[test]
fn an_entry_with_a_wrong_field_is_normal_only_if_it_says_so() {
    let body = text(&vectors()["response_signatures"][0]["body"]).to_owned();
    for Spoiled { what, text } in spoiled::all(&serde_json::from_str(&body).unwrap()) {
        let Ok(entry) = parking::parking_entry(&text) else {
            continue;
        };
        if what.starts_with("state is ") && !what.contains("twice") {
            assert_ne!(entry.state, ServiceState::Normal, "{what}");
        }
    }
}

#[test]
fn a_refusal_with_a_wrong_field_is_short_and_printable_or_none() {
    let good = json!({
        "code": "PARAM_ERROR",
        "message": "参数错误",
        "detail": {"field": "/amount/total", "value": 1, "issue": "too small", "location": "body"},
    });
    for Spoiled { what, text } in spoiled::all(&good) {
        for status in [400, 401, 403, 404, 429, 500] {
            let reply = Reply {
                status,
                body: text.clone(),
                ..Reply::default()
            };
            match reply.judge(&KeyRing::default(), NOW) {
                Verdict::Refused(refusal) => {
                    let said = format!("{}{}", refusal.code, refusal.message);
                    assert!(said.chars().count() < 900, "{what}");
                    assert!(!said.contains(char::is_control), "{what}: {said:?}");
                }
                Verdict::Lost(said) => assert!(said.len() < 300, "{what}: {said}"),
                Verdict::Throttled { .. } => assert_eq!(status, 429),
                verdict => panic!("{what}: {verdict:?}"),
            }
        }
    }
}

/// The list of platform certificates, well signed: what is wrong in it brings no key, and takes none
/// away.
#[tokio::test]
async fn a_list_with_a_wrong_field_brings_no_other_key() {
    let list: Value = serde_json::from_str(text(&vectors()["certificates_response_body"])).unwrap();
    let bodies: Vec<Spoiled> = spoiled::all(&list)
        .into_iter()
        // Signed text goes as text.
        .filter(|it| std::str::from_utf8(&it.text).is_ok())
        .collect();
    let next = std::sync::atomic::AtomicUsize::new(0);
    let answers: Vec<Vec<u8>> = bodies
        .iter()
        .map(|it| signed_by(PLATFORM, 200, std::str::from_utf8(&it.text).unwrap()))
        .collect();
    let count = answers.len();
    let server = Server::start(move |request| {
        assert_eq!(request.path(), certificates::PATH);
        let number = next.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Reaction::Answer(answers[number].clone())
    })
    .await;
    let (client, _) = client(&[&server.url]);
    let rows = super::vectors::full_ring(&vectors()).export();
    let known: Vec<String> = rows.iter().map(|row| row.serial.clone()).collect();
    for Spoiled { what, .. } in bodies {
        client.key_ring().import(&rows, NOW);
        // Why a look brought nothing is for others to test.
        let _ = client.refresh_certificates().await;
        let serials = client.key_ring().serials();
        assert!(!serials.is_empty(), "{what}");
        assert!(serials.iter().all(|it| known.contains(it)), "{what}");
    }
    assert_eq!(server.requests().len(), count);
}

/// Cached keys: a row that is not as it was written is left out.
#[test]
fn a_cached_key_with_a_wrong_field_is_left_out() {
    let rows = super::vectors::full_ring(&vectors()).export();
    let good = serde_json::to_value(&rows[0]).unwrap();
    for Spoiled { what, text } in spoiled::all(&good) {
        let Ok(row) = serde_json::from_slice::<KeyRow>(&text) else {
            continue;
        };
        let ring = KeyRing::default();
        let is_as_it_was = row == rows[0];
        assert_eq!(
            ring.import(&[row], NOW),
            usize::from(is_as_it_was),
            "{what}"
        );
    }
}
