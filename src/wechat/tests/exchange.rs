//! One host: what goes over the wire, and what each kind of answer comes to.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use tokio::sync::Barrier;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use super::server::{NOW, Reaction, Server, client, client_with, http, nobody, signed, signed_by};
use super::vectors::{PLATFORM, settings, text, vectors};
use crate::charges::answer::{Answer, Heard, ServiceState, TradeState, Transaction};
use crate::charges::queue::{CONCURRENCY_MAX, ON_WIRE_MAX};
use crate::wechat::sign::{FileSigner, SignError, Signer};
use crate::wechat::{Client, MerchantKey, Patience, Secret};

const LANE: Patience = Patience::Lane {
    total: Duration::from_secs(5),
};
const CHARGE: &str = r#"{"out_trade_no":"T1","description":"停车费"}"#;
const ACCEPTED: &str = r#"{"out_trade_no":"T1","trade_state":"ACCEPTED","amount":{"total":1500}}"#;

#[tokio::test]
async fn a_charge_goes_out_signed_and_comes_back_verified() {
    let server = Server::answering(signed(200, ACCEPTED)).await;
    let (client, _) = client(&[&server.url]);

    let heard = client.charge(CHARGE, LANE).await;

    let Answer::Verified(order) = heard.answer else {
        panic!("{heard:?}")
    };
    assert_eq!(order.state, TradeState::Accepted);
    assert_eq!(order.total_fen, Some(1500));
    assert_eq!(heard.request_id.as_deref(), Some("08F5-0"));
    assert_eq!(heard.skew_ms, Some(1000));

    let [request] = server.requests().try_into().unwrap();
    assert!(
        request
            .head
            .starts_with("POST /v3/vehicle/transactions/parking HTTP/1.1\r\n")
    );
    assert_eq!(request.body, CHARGE);
    let expected = [
        ("accept", "application/json"),
        ("content-type", "application/json"),
        ("user-agent", crate::wechat::settings::USER_AGENT),
        (
            "wechatpay-serial",
            "PUB_KEY_ID_0119000091912026112400000000000001",
        ),
    ];
    for (name, value) in expected {
        assert_eq!(request.header(name), Some(value), "{name}");
    }
    let fresh = signature_of(request.header("authorization").unwrap());
    assert_eq!(fresh.timestamp, NOW.0 / 1000);
    let message = format!(
        "POST\n/v3/vehicle/transactions/parking\n{}\n{}\n{CHARGE}\n",
        fresh.timestamp, fresh.nonce
    );
    assert_eq!(
        fresh.signature,
        merchant_signer().sign(message.as_bytes()).unwrap()
    );
}

#[tokio::test]
async fn a_query_has_no_body_and_an_entry_its_own_path() {
    let entry = r#"{"id":"9","out_parking_no":"P1","plate_number":"粤B888888","state":"BLOCKED","block_reason":"PAUSE"}"#;
    let server = Server::start(move |request| {
        Reaction::Answer(match request.path() {
            "/v3/vehicle/parking/parkings" => signed_by(PLATFORM, 200, entry),
            _ => signed(200, ACCEPTED),
        })
    })
    .await;
    let (client, _) = client(&[&server.url]);
    let rows = super::vectors::full_ring(&vectors()).export();
    client.key_ring().import(&rows, NOW);

    let heard = client.query("T1", None, Patience::Background).await;
    assert!(matches!(heard.answer, Answer::Verified(_)), "{heard:?}");
    let heard = client.create_entry("{}", LANE).await;
    let Answer::Verified(entry) = heard.answer else {
        panic!("{heard:?}")
    };
    assert_eq!(entry.state, ServiceState::Blocked("PAUSE".into()));

    let query = &server.requests()[0];
    assert_eq!(query.path(), "/v3/vehicle/transactions/out-trade-no/T1");
    assert_eq!(query.header("content-type"), None);
    assert_eq!(query.header("content-length"), None);
    let heard = client.query("../certificates", None, LANE).await;
    assert!(matches!(heard.answer, Answer::NotSent(_)));
    assert_eq!(server.requests().len(), 2);
}

#[tokio::test]
async fn the_connection_is_kept_for_the_next_call() {
    let server = Server::answering(signed(200, ACCEPTED)).await;
    let (client, _) = client(&[&server.url]);
    for _ in 0..3 {
        let heard = client.charge(CHARGE, LANE).await;
        assert!(matches!(heard.answer, Answer::Verified(_)), "{heard:?}");
    }
    assert_eq!((server.requests().len(), server.connections()), (3, 1));
    let nonces: Vec<_> = server
        .requests()
        .iter()
        .map(|it| signature_of(it.header("authorization").unwrap()).nonce)
        .collect();
    assert!(nonces[0] != nonces[1] && nonces[1] != nonces[2]);
}

#[tokio::test]
async fn what_is_not_wechats_word_is_lost() {
    let forged = String::from_utf8(signed(200, ACCEPTED)).unwrap();
    let forged = forged.replace("ACCEPTED\"", "SUCCESS \"").into_bytes();
    let html = "<html>请登录</html>";
    let long = " ".repeat(64 * 1024 + 1);
    let cases = [
        (forged, "does not fit"),
        (http(200, "", ACCEPTED), "not signed"),
        (http(200, "Content-Type: text/html\r\n", html), "not signed"),
        (http(403, "", html), "not API JSON"),
        (http(302, "Location: /v3/certificates\r\n", ""), "HTTP 302"),
        (
            http(500, "", r#"{"code":"SYSTEM_ERROR","message":"系统繁忙"}"#),
            "SYSTEM_ERROR",
        ),
        (signed(202, ACCEPTED), "not finished"),
        (signed(204, ""), "not a JSON object"),
        (signed(200, "{}"), "no out_trade_no"),
        (signed(200, &long), "larger"),
    ];
    for (answer, part) in cases {
        let server = Server::answering(answer).await;
        let heard = client(&[&server.url]).0.charge(CHARGE, LANE).await;
        let detail = lost(heard);
        assert!(
            detail.contains(part) && detail.contains("Request-ID 08F5-0"),
            "{detail}"
        );
        assert_eq!(server.requests().len(), 1, "{part}: asked once");
    }
}

#[tokio::test]
async fn an_endless_answer_is_left() {
    let server = Server::start(|_| {
        let mut bytes = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n".to_vec();
        for _ in 0..100 {
            bytes.extend_from_slice(b"1000\r\n");
            bytes.extend_from_slice(&[b'x'; 0x1000]);
            bytes.extend_from_slice(b"\r\n");
        }
        Reaction::Answer(bytes)
    })
    .await;
    let heard = client(&[&server.url]).0.charge(CHARGE, LANE).await;
    assert!(lost(heard).contains("larger"));
}

#[tokio::test]
async fn a_torn_answer_is_lost() {
    let mut torn = signed(200, ACCEPTED);
    torn.truncate(torn.len() - 1);
    let cases = [
        torn,
        b"HTTP/1.1 200 OK\r\nConte".to_vec(),
        b"\0\xff\r\n\r\n".to_vec(),
        Vec::new(),
    ];
    for torn in cases {
        let server = Server::start(move |_| Reaction::AnswerAndClose(torn.clone())).await;
        lost(client(&[&server.url]).0.charge(CHARGE, LANE).await);
        assert_eq!(server.requests().len(), 1, "a request is never repeated");
    }
}

#[tokio::test]
async fn a_refusal_is_heard_and_a_forged_one_is_not() {
    let body = r#"{"code":"RULE_LIMIT","message":"超出扣费次数限制"}"#;
    for (answer, is_signed) in [(http(403, "", body), false), (signed(403, body), true)] {
        let server = Server::answering(answer).await;
        let heard = client(&[&server.url]).0.charge(CHARGE, LANE).await;
        let Answer::Refused(refusal) = heard.answer else {
            panic!("{heard:?}")
        };
        assert_eq!((refusal.status, &*refusal.code), (403, "RULE_LIMIT"));
        assert_eq!(refusal.proven, is_signed);
        assert_eq!(heard.request_id.as_deref(), Some("08F5-0"));
    }
    let forged = String::from_utf8(signed(403, body)).unwrap();
    let server = Server::answering(forged.replace("RULE", "RULF").into_bytes()).await;
    lost(client(&[&server.url]).0.charge(CHARGE, LANE).await);
}

#[tokio::test]
async fn an_unsigned_refusal_proves_something_where_the_operator_says_so() {
    let body = r#"{"code":"ORDER_NOT_EXIST","message":"订单不存在"}"#;
    let server = Server::answering(http(404, "", body)).await;
    let mut settings = settings(&[&server.url]);
    settings.believe_unsigned_errors = true;
    let (client, _) = client_with(settings);
    let heard = client.query("T1", None, LANE).await;
    let Answer::Refused(refusal) = heard.answer else {
        panic!("{heard:?}")
    };
    assert!(refusal.proven);
}

#[tokio::test]
async fn throttling_says_for_how_long() {
    let body = r#"{"code":"FREQUENCY_LIMITED","message":""}"#;
    let server = Server::answering(http(429, "Retry-After: 3\r\n", body)).await;
    let heard = client(&[&server.url]).0.charge(CHARGE, LANE).await;
    assert_eq!(
        heard.answer,
        Answer::Throttled {
            retry_after_ms: Some(3000)
        }
    );
}

#[tokio::test]
async fn an_untrusted_clock_signs_nothing() {
    let server = Server::answering(signed(200, ACCEPTED)).await;
    let (client, clock) = client(&[&server.url]);
    let mut now = clock.now();
    now.trusted = false;
    clock.set(now);
    let heard = client.charge(CHARGE, LANE).await;
    assert!(matches!(heard.answer, Answer::NotSent(reason) if reason.contains("clock")));
    assert!(client.refresh_certificates().await.is_err());
    assert_eq!(server.connections(), 0);
}

#[tokio::test]
async fn a_signer_that_fails_or_hangs_sends_nothing() {
    struct Failing;
    impl Signer for Failing {
        fn sign(&self, _: &[u8]) -> Result<String, SignError> {
            Err(SignError::Signer("no route to the key box".into()))
        }
    }
    struct Panicking;
    impl Signer for Panicking {
        fn sign(&self, _: &[u8]) -> Result<String, SignError> {
            panic!("a defect in somebody's signer")
        }
    }
    struct Hanging(Mutex<mpsc::Receiver<()>>);
    impl Signer for Hanging {
        fn sign(&self, _: &[u8]) -> Result<String, SignError> {
            let _ = self.0.lock().unwrap().recv();
            Ok("too late".into())
        }
    }
    let (release, held) = mpsc::sync_channel(1);
    let server = Server::answering(signed(200, ACCEPTED)).await;
    let signers: [(Arc<dyn Signer>, u64, &str); 3] = [
        (Arc::new(Failing), 5000, "no route to the key box"),
        (Arc::new(Panicking), 5000, "panicked"),
        (Arc::new(Hanging(Mutex::new(held))), 100, "in time"),
    ];
    for (signer, total_ms, part) in signers {
        let mut settings = settings(&[&server.url]);
        settings.key = MerchantKey::Signer(signer);
        let total = Duration::from_millis(total_ms);
        let heard = client_with(settings)
            .0
            .charge(CHARGE, Patience::Lane { total })
            .await;
        assert!(
            matches!(&heard.answer, Answer::NotSent(reason) if reason.contains(part)),
            "{heard:?}"
        );
    }
    assert_eq!(server.connections(), 0);
    drop(release);
}

/// As many charges as are under way at once, at a server that does `then` with each; with those that fill
/// the wire only when the test says so, at the barrier. The others are signed by then.
async fn a_full_wire(
    then: impl Fn() -> Reaction + Send + Sync + 'static,
) -> (
    Server,
    Client,
    Vec<JoinHandle<Heard<Transaction>>>,
    Arc<Barrier>,
) {
    struct Counting(FileSigner, Arc<AtomicUsize>);
    impl Signer for Counting {
        fn sign(&self, message: &[u8]) -> Result<String, SignError> {
            let signed = self.0.sign(message);
            self.1.fetch_add(1, Ordering::SeqCst);
            signed
        }
    }
    let together = Arc::new(Barrier::new(ON_WIRE_MAX + 1));
    let server = Server::start({
        let (together, came) = (together.clone(), AtomicUsize::new(0));
        move |_| match came.fetch_add(1, Ordering::SeqCst) {
            0..ON_WIRE_MAX => Reaction::Together(together.clone(), Box::new(then())),
            _ => then(),
        }
    })
    .await;
    let signatures = Arc::new(AtomicUsize::new(0));
    let mut settings = settings(&[&server.url]);
    let signer = Counting(merchant_signer(), signatures.clone());
    settings.key = MerchantKey::Signer(Arc::new(signer));
    let (client, _) = client_with(settings);
    let charge = || {
        let client = client.clone();
        tokio::spawn(async move { client.charge(CHARGE, Patience::Background).await })
    };
    let calls = (0..CONCURRENCY_MAX).map(|_| charge()).collect();
    let is_full = || {
        signatures.load(Ordering::SeqCst) == CONCURRENCY_MAX
            && server.requests().len() == ON_WIRE_MAX
    };
    timeout(Duration::from_secs(20), async {
        while !is_full() {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    })
    .await
    .expect("all are signed while eight are on the wire");
    (server, client, calls, together)
}

#[tokio::test]
async fn the_next_requests_are_signed_while_others_are_on_the_wire() {
    let (server, client, calls, answer) =
        a_full_wire(|| Reaction::Answer(signed(200, ACCEPTED))).await;
    let a_lanes = client.charge(CHARGE, LANE).await;
    assert!(matches!(a_lanes.answer, Answer::Verified(_)), "{a_lanes:?}");
    assert_eq!(server.requests().len(), ON_WIRE_MAX + 1);

    answer.wait().await;
    for call in calls {
        let heard = call.await.unwrap();
        assert!(matches!(heard.answer, Answer::Verified(_)), "{heard:?}");
    }
    assert_eq!(server.requests().len(), CONCURRENCY_MAX + 1);
}

#[tokio::test]
async fn what_is_signed_does_not_leave_once_those_before_it_were_not_answered() {
    let (server, _, calls, reset) = a_full_wire(|| Reaction::Reset).await;
    reset.wait().await;
    let mut kept = 0;
    for call in calls {
        let heard = call.await.unwrap();
        kept += usize::from(matches!(heard.answer, Answer::NotSent(_)));
    }
    assert_eq!(server.requests().len() + kept, CONCURRENCY_MAX);
    // One may follow the first that was lost: a single lost answer is no silence yet.
    assert!(kept >= CONCURRENCY_MAX - ON_WIRE_MAX - 1, "{kept}");
}

#[tokio::test]
async fn a_proxy_is_used_only_where_configured() {
    let proxy = Server::answering(signed(200, ACCEPTED)).await;
    let mut settings = settings(&[&nobody().await]);
    settings.proxy = Some(proxy.url.clone());
    let heard = client_with(settings).0.charge(CHARGE, LANE).await;
    assert!(matches!(heard.answer, Answer::Verified(_)), "{heard:?}");
    assert_eq!(proxy.requests().len(), 1);
}

struct Signed {
    timestamp: i64,
    nonce: String,
    signature: String,
}

fn signature_of(authorization: &str) -> Signed {
    let part = |name: &str| {
        let (_, rest) = authorization.split_once(&format!("{name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    Signed {
        timestamp: part("timestamp").parse().unwrap(),
        nonce: part("nonce_str"),
        signature: part("signature"),
    }
}

fn merchant_signer() -> FileSigner {
    let vectors = vectors();
    let pem = text(&vectors["material"]["merchant"]["private_key_pem_pkcs8"]);
    FileSigner::from_pem(&Secret::new(pem)).unwrap()
}

fn lost(heard: Heard<Transaction>) -> String {
    match heard.answer {
        Answer::Lost(detail) => detail,
        other => panic!("{other:?}"),
    }
}
