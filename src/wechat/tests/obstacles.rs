//! What stands between the box and WeChat: each is *not reached* to the queue. It is never a yes,
//! never a no, and never a reason to hold the other host for the better one.

use std::time::Duration;

use super::server::{Reaction, Server, client, client_with, http, nobody, signed};
use super::vectors::settings;
use crate::charges::answer::Answer;
use crate::lane::time::Moment;
use crate::wechat::Patience;

const LANE: Patience = Patience::Lane {
    total: Duration::from_secs(5),
};
const BODY: &str = r#"{"out_trade_no":"T1"}"#;
const ACCEPTED: &str = r#"{"out_trade_no":"T1","trade_state":"SUCCESS"}"#;
const PAGE: &str = "<html><head><title>请登录</title></head><body>SUCCESS</body></html>";

/// Pages of proxies and portals, and what is left of WeChat's own answers on a bad line.
fn obstacles() -> Vec<(&'static str, Vec<u8>)> {
    let page = |status, headers| http(status, headers, PAGE);
    let mut cut = signed(200, ACCEPTED);
    cut.truncate(cut.len() - 5);
    vec![
        ("portal 200", page(200, "Content-Type: text/html\r\n")),
        ("portal 302", page(302, "Location: http://10.0.0.1/\r\n")),
        ("proxy 403", page(403, "")),
        ("proxy 404", page(404, "")),
        ("proxy 407", page(407, "Proxy-Authenticate: Basic\r\n")),
        ("proxy 502", page(502, "")),
        (
            "portal's JSON",
            http(200, "", r#"{"trade_state":"SUCCESS"}"#),
        ),
        ("empty 200", http(200, "", "")),
        ("empty 204", http(204, "", "")),
        ("not HTTP", b"\x15\x03\x01\x00\x02\x02\x28\r\n\r\n".to_vec()),
        ("cut", cut),
        (
            "huge",
            signed(200, &format!("{ACCEPTED}{}", " ".repeat(1 << 20))),
        ),
    ]
}

#[tokio::test]
async fn no_obstacle_is_a_yes_or_a_no() {
    for (name, answer) in obstacles() {
        let server = Server::start(move |_| Reaction::AnswerAndClose(answer.clone())).await;
        let (client, _) = client(&[&server.url]);
        let order = client.charge(BODY, LANE).await;
        assert!(matches!(order.answer, Answer::Lost(_)), "{name}: {order:?}");
        let order = client.query("T1", None, LANE).await;
        assert!(matches!(order.answer, Answer::Lost(_)), "{name}: {order:?}");
        let entry = client.create_entry(BODY, LANE).await;
        assert!(matches!(entry.answer, Answer::Lost(_)), "{name}: {entry:?}");
        assert_eq!(server.requests().len(), 3, "{name}: each asked once");
        assert!(client.refresh_certificates().await.is_err(), "{name}");
        assert_eq!(client.key_ring().export(), [], "{name}");
    }
}

/// A tunnel that a proxy refuses carried nothing.
#[tokio::test]
async fn a_proxy_that_opens_no_tunnel_is_sent_nothing() {
    for status in [302, 403, 407, 502] {
        let proxy = Server::answering(http(status, "", PAGE)).await;
        let mut settings = settings(&["https://api.mch.weixin.qq.com"]);
        settings.proxy = Some(proxy.url.clone());
        let heard = client_with(settings).0.charge(BODY, LANE).await;
        assert!(matches!(heard.answer, Answer::NotSent(_)), "{heard:?}");
        for request in proxy.requests() {
            assert!(request.head.starts_with("CONNECT "), "{request:?}");
            assert_eq!(request.header("authorization"), None);
        }
    }
}

#[tokio::test]
async fn a_dead_primary_of_any_kind_leaves_it_to_the_backup() {
    let broken = Server::start(|_| Reaction::Reset).await;
    let mut cut = signed(200, ACCEPTED);
    cut.truncate(cut.len() - 5);
    let cut = Server::start(move |_| Reaction::AnswerAndClose(cut.clone())).await;
    let not_tls = Server::answering(http(400, "", PAGE)).await;
    let not_tls = not_tls.url.replace("http://", "https://");
    let dead = [
        "https://parkgate.invalid".to_owned(),
        nobody().await,
        broken.url.clone(),
        cut.url.clone(),
        not_tls,
    ];
    for primary in dead {
        let backup = Server::answering(signed(200, ACCEPTED)).await;
        let (client, clock) = client(&[&primary, &backup.url]);
        let heard = client.charge(BODY, LANE).await;
        assert!(
            matches!(heard.answer, Answer::Verified(_)),
            "{primary}: {heard:?}"
        );
        let order = |clock: &crate::clock::Clock| {
            let now = clock.now().moment;
            client.0.transport.leads(now)
        };
        assert_eq!(order(&clock), 1, "the backup leads");
        let mut later = clock.now();
        later.moment = Moment(later.moment.0 + 5 * 60 * 1000);
        clock.set(later);
        assert_eq!(order(&clock), 0, "and the primary is asked again");
    }
}

#[tokio::test]
async fn a_page_does_not_make_its_host_the_first() {
    let gone = nobody().await;
    for (name, answer) in obstacles() {
        let portal = Server::start(move |_| Reaction::AnswerAndClose(answer.clone())).await;
        let (client, clock) = client(&[&gone, &portal.url]);
        let heard = client.charge(BODY, LANE).await;
        assert!(matches!(heard.answer, Answer::Lost(_)), "{name}: {heard:?}");
        if name != "huge" {
            let first = client.0.transport.leads(clock.now().moment);
            assert_eq!(first, 0, "{name}");
        }
    }
}
