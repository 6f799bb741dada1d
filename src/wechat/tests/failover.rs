//! Two hosts: who is asked when, and what silence and failure come to.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Barrier;
use tokio::task::JoinSet;
use tokio::time::{Instant, timeout};

use super::server::{Reaction, Server, client, http, nobody, signed};
use crate::charges::answer::Answer;
use crate::lane::time::Moment;
use crate::wechat::Patience;

const LANE: Patience = Patience::Lane {
    total: Duration::from_secs(5),
};
const CHARGE: &str = r#"{"out_trade_no":"T1"}"#;
const ACCEPTED: &str = r#"{"out_trade_no":"T1","trade_state":"ACCEPTED"}"#;
const REFUSED: &str = r#"{"code":"INVALID_REQUEST","message":"场景信息和停车入场id不匹配"}"#;

#[tokio::test]
async fn a_silent_primary_leaves_time_for_the_backup() {
    let primary = Server::start(|_| Reaction::Silence).await;
    let backup = Server::answering(signed(200, ACCEPTED)).await;
    let (client, clock) = client(&[&primary.url, &backup.url]);

    let start = Instant::now();
    let heard = client.charge(CHARGE, LANE).await;
    assert!(
        start.elapsed() >= Duration::from_millis(800),
        "the primary had its time"
    );
    assert!(matches!(heard.answer, Answer::Verified(_)), "{heard:?}");
    let ([first], [second]) = (
        <[_; 1]>::try_from(primary.requests()).unwrap(),
        <[_; 1]>::try_from(backup.requests()).unwrap(),
    );
    assert_eq!(
        first.without_host(),
        second.without_host(),
        "the same bytes, the same signature"
    );

    client.charge(CHARGE, LANE).await;
    assert_eq!(
        (primary.requests().len(), backup.requests().len()),
        (1, 2),
        "the backup goes first for a while"
    );
    let mut now = clock.now();
    now.moment = Moment(now.moment.0 + 5 * 60 * 1000);
    clock.set(now);
    client.charge(CHARGE, LANE).await;
    assert_eq!(primary.requests().len(), 2, "and then the primary again");
}

#[tokio::test]
async fn a_late_answer_of_the_primary_still_counts() {
    let both = Arc::new(Barrier::new(2));
    let slow = both.clone();
    let primary = Server::start(move |_| {
        let answer = Reaction::Answer(signed(200, ACCEPTED));
        Reaction::Together(slow.clone(), Box::new(answer))
    })
    .await;
    let backup =
        Server::start(move |_| Reaction::Together(both.clone(), Box::new(Reaction::Silence))).await;
    let (client, _) = client(&[&primary.url, &backup.url]);
    let heard = client.charge(CHARGE, LANE).await;
    assert!(matches!(heard.answer, Answer::Verified(_)), "{heard:?}");
}

#[tokio::test]
async fn nobody_there_is_not_sent() {
    let (client, _) = client(&[&nobody().await, &nobody().await]);
    let heard = client.charge(CHARGE, LANE).await;
    let Answer::NotSent(reason) = heard.answer else {
        panic!("{heard:?}")
    };
    assert_eq!(reason.matches("refused").count(), 2, "{reason}");
}

#[tokio::test]
async fn an_unknown_name_is_not_sent() {
    let (client, _) = client(&["https://parkgate.invalid"]);
    let heard = client.charge(CHARGE, Patience::Background).await;
    assert!(matches!(heard.answer, Answer::NotSent(_)), "{heard:?}");
}

#[tokio::test]
async fn bytes_that_may_have_arrived_are_lost() {
    let breaking = Server::start(|_| Reaction::Reset).await;
    let silent = Server::start(|_| Reaction::Silence).await;
    let gone = nobody().await;
    let total = Duration::from_millis(1500);
    let mut calls = JoinSet::new();
    for urls in [
        vec![&breaking.url],
        vec![&silent.url],
        vec![&breaking.url, &gone],
        vec![&gone, &breaking.url],
        vec![&gone, &silent.url],
        vec![&breaking.url, &silent.url],
        vec![&silent.url, &silent.url],
    ] {
        let urls: Vec<_> = urls.into_iter().map(String::as_str).collect();
        let (client, _) = client(&urls);
        calls.spawn(async move { client.charge(CHARGE, Patience::Lane { total }).await });
    }
    for heard in calls.join_all().await {
        assert!(matches!(heard.answer, Answer::Lost(_)), "{heard:?}");
    }
}

#[tokio::test]
async fn a_broken_primary_costs_no_waiting() {
    let broken = Server::start(|_| Reaction::Reset).await;
    for primary in [nobody().await, broken.url.clone()] {
        let backup = Server::answering(signed(200, ACCEPTED)).await;
        let (client, _) = client(&[&primary, &backup.url]);
        let call = client.charge(CHARGE, Patience::Background);
        let heard = timeout(Duration::from_secs(8), call).await;
        let heard = heard.expect("not the 10 s that a silent one is given");
        assert!(matches!(heard.answer, Answer::Verified(_)), "{heard:?}");
    }
}

#[tokio::test]
async fn an_http_answer_is_never_a_reason_to_ask_elsewhere() {
    for answer in [
        http(500, "", ""),
        http(403, "", "<html>"),
        http(429, "", REFUSED),
        http(400, "", REFUSED),
    ] {
        let primary = Server::answering(answer).await;
        let backup = Server::answering(signed(200, ACCEPTED)).await;
        let (client, _) = client(&[&primary.url, &backup.url]);
        let heard = client.charge(CHARGE, LANE).await;
        assert!(!matches!(heard.answer, Answer::Verified(_)));
        assert_eq!(backup.connections(), 0);
    }
}

/// The backup may refuse a charge because the primary has just accepted it.
#[tokio::test]
async fn a_refusal_counts_only_if_no_other_host_may_have_accepted() {
    let broken = Server::start(|_| Reaction::Reset).await;
    let gone = nobody().await;
    for (primary, answer, refused) in [
        (&broken.url, http(400, "", REFUSED), false),
        (&broken.url, http(429, "", REFUSED), false),
        (&gone, http(400, "", REFUSED), true),
    ] {
        let backup = Server::answering(answer).await;
        let (client, _) = client(&[primary, &backup.url]);
        let heard = client.charge(CHARGE, LANE).await;
        match heard.answer {
            Answer::Refused(_) => assert!(refused),
            Answer::Lost(detail) => assert!(!refused && detail.contains("08F5-0"), "{detail}"),
            other => panic!("{other:?}"),
        }
    }
    let backup = Server::answering(http(404, "", REFUSED)).await;
    let (client, _) = client(&[&broken.url, &backup.url]);
    let heard = client.query("T1", None, LANE).await;
    assert!(
        matches!(heard.answer, Answer::Refused(_)),
        "asking changes nothing, so a query's refusal stands: {heard:?}"
    );
}
