use std::collections::BTreeSet;

use super::super::{LinkEvent, NotSent};
use super::broker::{Broker, PUBACK, PUBLISH, Peer};
use super::*;
use crate::lane::time::{BootId, Now};

#[tokio::test]
async fn a_raise_reaches_the_camera_where_it_was_heard() {
    let broker = Broker::start().await;
    let clock = system_clock();
    let (link, mut heard) = link(settings(broker.port()), &clock);
    let mut peer = broker.accept_subscribed().await;
    heard.up().await;
    link.send(SERIAL, &raise(), "c-1".into(), soon(&clock))
        .unwrap();
    let (topic, message) = peer.publish_seen().await.unwrap();
    assert_eq!(topic, format!("device/{SERIAL}/message/down/gpio_out"));
    assert_eq!(
        (&message["id"], &message["sn"]),
        (&"c-1".into(), &SERIAL.into())
    );

    let spelt = SERIAL.to_uppercase();
    let elsewhere = format!("{spelt}/device/message/up/keep_alive");
    peer.publish(elsewhere.as_bytes(), b"{}", None, false).await;
    assert_eq!(heard.camera().await.camera_id, SERIAL);
    link.send(SERIAL, &raise(), "c-2".into(), soon(&clock))
        .unwrap();
    let (topic, message) = peer.publish_seen().await.unwrap();
    assert_eq!(topic, format!("{spelt}/device/message/down/gpio_out"));
    assert_eq!(message["sn"], spelt);

    let reply = br#"{"id":"c-2","name":"gpio_out","code":200,"payload":null}"#;
    let reply_topic = format!("{spelt}/device/message/down/gpio_out/reply");
    peer.publish(reply_topic.as_bytes(), reply, Some(1), false)
        .await;
    let report = heard.camera().await.report;
    assert!(
        matches!(report, Report::CommandReply { ok: true, .. }),
        "{report:?}"
    );
}

/// A car waits for the one and nobody for the other.
#[tokio::test]
async fn a_raise_leaves_before_the_acknowledgement_of_its_reading() {
    let broker = Broker::start().await;
    let clock = system_clock();
    let (link, mut heard) = link(settings(broker.port()), &clock);
    let mut peer = broker.accept_subscribed().await;
    heard.up().await;
    for id in [7, 8] {
        peer.publish(topic("ivs_result").as_bytes(), READING, Some(id), false)
            .await;
        heard.reading_without_a_break().await;
        link.send(SERIAL, &raise(), format!("c-{id}"), soon(&clock))
            .unwrap();
        let first = peer.packet().await.unwrap();
        let second = peer.packet().await.unwrap();
        assert_eq!((first.kind, second.kind), (PUBLISH, PUBACK));
        assert_eq!(second.body, id.to_be_bytes());
    }
}

#[tokio::test]
async fn a_raise_given_while_down_is_refused_and_never_seen() {
    let broker = Broker::start().await;
    let port = broker.port();
    let clock = system_clock();
    let (link, mut heard) = link(settings(port), &clock);
    assert_eq!(
        link.send(SERIAL, &raise(), "c-0".into(), soon(&clock)),
        Err(NotSent::Down)
    );
    let peer = broker.accept_subscribed().await;
    heard.up().await;
    drop((peer, broker));
    heard.down().await;
    assert_eq!(
        link.send(SERIAL, &raise(), "c-1".into(), soon(&clock)),
        Err(NotSent::Down)
    );
    let broker = Broker::on(port);
    let mut peer = broker.accept_subscribed().await;
    heard.up().await;
    assert!(peer.stays_silent().await);
    // The way is open again for a new one.
    link.send(SERIAL, &raise(), "c-2".into(), soon(&clock))
        .unwrap();
    assert_eq!(peer.publish_seen().await.unwrap().1["id"], "c-2");
}

#[tokio::test]
async fn what_a_dying_connection_had_not_written_is_given_back_and_never_seen() {
    let broker = Broker::start().await;
    let clock = system_clock();
    let (link, mut heard) = link(settings(broker.port()), &clock);
    let mut peer = broker.accept_subscribed().await;
    heard.up().await;
    let sent = fill(&link, soon(&clock)).await;
    // Nobody reads: the socket takes no more, and the link gives the connection up.
    let mut given_back = BTreeSet::new();
    heard
        .until(|event| match event {
            LinkEvent::NotWritten { command_id, reason } => {
                assert_eq!(reason, NotSent::Down);
                assert!(given_back.insert(command_id));
                None
            }
            LinkEvent::Down { .. } => Some(()),
            _ => None,
        })
        .await;
    assert!(!given_back.is_empty());
    let written = all_seen(&mut peer).await;
    assert!(written.is_disjoint(&given_back));
    assert_eq!(&written | &given_back, sent);

    let mut peer = broker.accept_subscribed().await;
    heard.up().await;
    assert!(peer.stays_silent().await);
}

#[tokio::test]
async fn a_command_whose_time_passed_in_the_queue_is_not_written() {
    let broker = Broker::start().await;
    let now = system_clock().now();
    let clock = Clock::manual(now);
    let (link, mut heard) = link(settings(broker.port()), &clock);
    let mut peer = broker.accept_subscribed().await;
    heard.up().await;
    let sent = fill(&link, now.moment.after_ms(3000)).await;
    clock.set(Now {
        moment: now.moment.after_ms(3001),
        ..now
    });
    // The broker reads again, and the one command whose writing had begun goes out with the rest
    // of its bytes; those behind it do not.
    let mut seen = BTreeSet::new();
    let mut expired = BTreeSet::new();
    while seen.len() + expired.len() < sent.len() {
        tokio::select! {
            publish = peer.publish_seen() => {
                let id = publish.expect("the connection lives").1["id"].to_string();
                assert!(seen.insert(id));
            }
            id = heard.until(|event| match event {
                LinkEvent::NotWritten { command_id, reason: NotSent::Expired } => Some(command_id),
                LinkEvent::Down { reason } => panic!("{reason}"),
                _ => None,
            }) => assert!(expired.insert(format!("\"{id}\""))),
        }
    }
    assert!(!expired.is_empty());
    assert!(peer.stays_silent().await);
    assert!(link.is_up());
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_at_once() {
    let broker = Broker::start().await;
    let clock = Clock::manual(Now {
        moment: Moment(5000),
        wall: Wall(1_772_424_000_000),
        trusted: true,
        boot: BootId(1),
    });
    let (link, mut heard) = link(settings(broker.port()), &clock);
    let mut peer = broker.accept_subscribed().await;
    heard.up().await;
    let send = |camera: &str, command: &VzCommand, until| {
        link.send(camera, command, "c-1".into(), Moment(until))
    };
    assert_eq!(send(SERIAL, &raise(), 4999), Err(NotSent::Expired));
    assert_eq!(
        send("8fcd1c4e-20ca9ecb", &raise(), 9000),
        Err(NotSent::UnknownCamera)
    );
    assert_eq!(send("+", &raise(), 9000), Err(NotSent::UnknownCamera));
    assert_eq!(send(SERIAL, &large(60_000), 9000), Err(NotSent::TooLarge));
    assert!(peer.stays_silent().await);
    // Its last moment is still its time.
    send(&SERIAL.to_uppercase(), &raise(), 5000).unwrap();
    assert!(peer.publish_seen().await.is_some());
}

/// Sends large commands that nobody reads until the link takes no more; their ids.
async fn fill(link: &Link, valid_until: Moment) -> BTreeSet<String> {
    let mut sent = BTreeSet::new();
    loop {
        let id = format!("c-{}", sent.len());
        match link.send(SERIAL, &large(45_000), id.clone(), valid_until) {
            Ok(()) => assert!(sent.insert(id)),
            Err(NotSent::Busy) => return sent,
            Err(other) => panic!("{other}"),
        }
        // One at a time while the socket takes them; soon done when it does not, or the link gives up.
        tokio::task::yield_now().await;
    }
}

fn large(bytes: usize) -> VzCommand {
    VzCommand::SerialData {
        channel: 0,
        bytes: vec![0; bytes],
        interval_ms: 50,
    }
}

/// The ids of all commands that were written whole before the connection ended.
async fn all_seen(peer: &mut Peer) -> BTreeSet<String> {
    let mut ids = BTreeSet::new();
    while let Some((_, message)) = peer.publish_seen().await {
        ids.insert(message["id"].as_str().unwrap().to_owned());
    }
    ids
}
