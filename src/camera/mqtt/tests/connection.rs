use super::super::{LinkEvent, LinkFault};
use super::broker::{Broker, DISCONNECT, PUBACK, SUBSCRIBE};
use super::*;
use crate::camera::FrameFault;
use crate::camera::vz_mqtt::MESSAGE_BYTES_MAX;

#[tokio::test]
async fn a_reading_arrives_and_is_acknowledged() {
    let broker = Broker::start().await;
    let (_link, mut heard) = link(settings(broker.port()), &system_clock());
    let mut peer = broker.accept_subscribed().await;
    heard.up().await;
    peer.publish(topic("ivs_result").as_bytes(), READING, Some(7), false)
        .await;
    let event = heard.reading_without_a_break().await;
    assert_eq!((event.camera_id.as_str(), event.retained), (SERIAL, false));
    let ack = peer.packet().await.unwrap();
    assert_eq!((ack.kind, ack.body.as_slice()), (PUBACK, &[0, 7][..]));
}

#[tokio::test]
async fn every_layout_of_the_configured_cameras_is_asked_for() {
    let broker = Broker::start().await;
    let cameras = vec![SERIAL.to_uppercase(), "8fcd1c4e-20ca9ecb".into()];
    let (_link, mut heard) = link(
        Settings {
            cameras,
            ..settings(broker.port())
        },
        &system_clock(),
    );
    let peer = broker.accept_subscribed().await;
    heard.up().await;
    for serial in [SERIAL, &SERIAL.to_uppercase(), "8fcd1c4e-20ca9ecb"] {
        for filter in [
            format!("device/{serial}/message/up/+"),
            format!("device/{serial}/message/down/+/reply"),
            format!("{serial}/device/message/up/+"),
            format!("{serial}/device/message/down/+/reply"),
            format!("$/device/{serial}/message/up/+"),
            format!("$/device/{serial}/message/down/+/reply"),
        ] {
            assert!(
                peer.filters.contains(&filter),
                "{filter} {:?}",
                peer.filters
            );
        }
    }
    assert_eq!(peer.filters.len(), 18);
}

#[tokio::test]
async fn without_configured_cameras_all_are_asked_for() {
    let broker = Broker::start().await;
    let cameras = Vec::new();
    let (_link, mut heard) = link(
        Settings {
            cameras,
            ..settings(broker.port())
        },
        &system_clock(),
    );
    let peer = broker.accept_subscribed().await;
    heard.up().await;
    assert!(peer.filters.contains(&"device/+/message/up/+".to_owned()));
    assert_eq!(peer.filters.len(), 6);
}

#[tokio::test]
async fn a_camera_that_cannot_be_one_never_means_all_cameras() {
    let broker = Broker::start().await;
    let cameras = vec!["a/b".into(), "+".into(), " ".into()];
    let (_link, mut heard) = link(
        Settings {
            cameras,
            ..settings(broker.port())
        },
        &system_clock(),
    );
    let peer = broker.accept().await;
    assert_eq!(heard.down().await, LinkFault::NothingSubscribed);
    assert!(peer.filters.is_empty());
}

#[tokio::test]
async fn a_large_message_costs_only_itself() {
    let broker = Broker::start().await;
    let (_link, mut heard) = link(settings(broker.port()), &system_clock());
    let mut peer = broker.accept_subscribed().await;
    heard.up().await;
    let topic = topic("ivs_result");
    peer.publish(
        topic.as_bytes(),
        &reading_with_picture(1_000_000),
        Some(1),
        false,
    )
    .await;
    heard.reading_without_a_break().await;
    peer.publish(
        topic.as_bytes(),
        &reading_with_picture(5_000_000),
        Some(2),
        false,
    )
    .await;
    peer.publish(topic.as_bytes(), READING, Some(3), false)
        .await;
    let report = heard.camera().await.report;
    assert!(
        matches!(
            report,
            Report::Dropped {
                fault: FrameFault::TooLarge,
                ..
            }
        ),
        "{report:?}"
    );
    heard.reading_without_a_break().await;
    const { assert!(MESSAGE_BYTES_MAX < 5_000_000) };
    for id in 1..=3 {
        assert_eq!(peer.packet().await.unwrap().body, [0, id]);
    }
}

#[tokio::test]
async fn retained_messages_are_marked() {
    let broker = Broker::start().await;
    let (_link, mut heard) = link(settings(broker.port()), &system_clock());
    let mut peer = broker.accept_subscribed().await;
    heard.up().await;
    peer.publish(topic("ivs_result").as_bytes(), READING, None, true)
        .await;
    let event = heard.reading_without_a_break().await;
    assert!(event.retained);
    assert!(matches!(event.report, Report::Read(read) if read.retained));
}

#[tokio::test]
async fn subscriptions_are_renewed_when_the_broker_comes_back() {
    let broker = Broker::start().await;
    let port = broker.port();
    let (link, mut heard) = link(settings(port), &system_clock());
    let peer = broker.accept_subscribed().await;
    let asked = peer.filters.clone();
    heard.up().await;
    drop((broker, peer));
    assert!(matches!(heard.down().await, LinkFault::Lost { .. }));
    assert!(!link.is_up());
    assert!(matches!(heard.down().await, LinkFault::Unreachable { .. }));

    let broker = Broker::on(port);
    let mut peer = broker.accept_subscribed().await;
    heard.up().await;
    assert_eq!(peer.filters, asked);
    peer.publish(topic("ivs_result").as_bytes(), READING, Some(1), false)
        .await;
    heard.reading_without_a_break().await;
}

#[tokio::test]
async fn what_is_not_mqtt_ends_the_connection_and_only_that() {
    // On a connection that was up: rubbish, after a reading in the same breath.
    for rubbish in [
        &b"\xff\xff\xff\xff\xff\xff"[..],
        b"\x00\x00",
        b"\x30\x02\x00\x09",
        b"\x20\x02\x00\x00",
        b"\x40\x02\x00\x63",
        b"\x62\x02\x00\x01",
        b"\x70\x02\x00\x01",
        b"\x90\x02\x00\x01",
        b"\x90\x03\x00\x63\x17",
        b"\xe0\x00",
    ] {
        let broker = Broker::start().await;
        let (_link, mut heard) = link(settings(broker.port()), &system_clock());
        let mut peer = broker.accept_subscribed().await;
        heard.up().await;
        peer.publish(topic("ivs_result").as_bytes(), READING, None, false)
            .await;
        peer.write(rubbish).await;
        heard.reading_without_a_break().await;
        let fault = heard.down().await;
        assert!(
            matches!(fault, LinkFault::Lost { .. }),
            "{rubbish:x?} {fault:?}"
        );
        // And the next connection is an ordinary one.
        let mut peer = broker.accept_subscribed().await;
        heard.up().await;
        peer.publish(topic("ivs_result").as_bytes(), READING, None, false)
            .await;
        heard.reading_without_a_break().await;
    }
}

#[tokio::test]
async fn what_answers_without_being_a_broker_is_left_and_tried_again() {
    let broker = Broker::start().await;
    let (_link, mut heard) = link(settings(broker.port()), &system_clock());
    let mut peer = broker.accept_raw().await;
    peer.write(b"HTTP/1.1 400 Bad Request\r\n\r\n").await;
    assert!(matches!(heard.down().await, LinkFault::Unreachable { .. }));
    let _peer = broker.accept_subscribed().await;
    heard.up().await;
}

#[tokio::test]
async fn strange_topics_do_no_harm() {
    let broker = Broker::start().await;
    let (_link, mut heard) = link(settings(broker.port()), &system_clock());
    let mut peer = broker.accept_subscribed().await;
    heard.up().await;
    for topic in [
        "",
        "/",
        "+/#",
        "device/粤/message/up/ivs_result/x",
        "\u{1}\u{7f}",
    ] {
        peer.publish(topic.as_bytes(), READING, None, false).await;
        let report = heard.camera().await.report;
        let unknown = matches!(
            report,
            Report::Dropped {
                fault: FrameFault::UnknownTopic,
                ..
            }
        );
        assert!(unknown, "{topic:?} {report:?}");
    }
    // A topic in GBK is no MQTT; it costs the connection, and the next one reads on.
    peer.publish(
        b"device/\xd4\xc1/message/up/ivs_result",
        READING,
        Some(1),
        false,
    )
    .await;
    assert!(matches!(heard.down().await, LinkFault::Lost { .. }));
    let mut peer = broker.accept_subscribed().await;
    heard.up().await;
    peer.publish(topic("ivs_result").as_bytes(), READING, Some(1), false)
        .await;
    heard.reading_without_a_break().await;
}

#[tokio::test]
async fn refused_subscriptions_are_reported() {
    let broker = Broker::start().await;
    let (_link, mut heard) = link(settings(broker.port()), &system_clock());
    let mut peer = broker.accept().await;
    for _ in 0..2 {
        let subscribe = peer.packet().await.unwrap();
        peer.answer(&subscribe, |filter| {
            if filter.starts_with("device") {
                1
            } else {
                0x80
            }
        })
        .await;
    }
    let refused = heard
        .until(|event| match event {
            LinkEvent::Refused { filters } => Some(filters),
            _ => None,
        })
        .await;
    assert_eq!(refused.len(), 4);
    assert!(refused.iter().all(|filter| !filter.starts_with("device")));
    heard.up().await;

    // It changes its mind.
    drop(peer);
    assert!(matches!(heard.down().await, LinkFault::Lost { .. }));
    let peer = broker.accept_subscribed().await;
    let refused = heard.until(|event| match event {
        LinkEvent::Refused { filters } => Some(filters),
        _ => None,
    });
    assert_eq!(refused.await, Vec::<String>::new());

    // All of them: there is nothing to be up for.
    drop(peer);
    assert!(matches!(heard.down().await, LinkFault::Lost { .. }));
    let mut peer = broker.accept().await;
    for _ in 0..2 {
        let subscribe = peer.packet().await.unwrap();
        peer.answer(&subscribe, |_| 0x80).await;
    }
    assert_eq!(heard.down().await, LinkFault::NothingSubscribed);
}

#[tokio::test]
async fn a_broker_that_cannot_bear_dollar_topics_is_asked_without() {
    let broker = Broker::start().await;
    let (_link, mut heard) = link(settings(broker.port()), &system_clock());
    let mut peer = broker.accept().await;
    assert_eq!(peer.packet().await.unwrap().kind, SUBSCRIBE);
    drop(peer);
    let mut peer = broker.accept_subscribed().await;
    assert!(peer.filters.iter().all(|filter| !filter.starts_with('$')));
    let first = heard.until(Some).await;
    assert!(matches!(first, LinkEvent::Refused { filters } if filters.len() == 2));
    assert_eq!(heard.until(Some).await, LinkEvent::Up);
    peer.publish(topic("ivs_result").as_bytes(), READING, Some(1), false)
        .await;
    heard.reading_without_a_break().await;
}

#[tokio::test]
async fn a_refused_login_is_told_without_the_password() {
    let broker = Broker::start().await;
    let folder = tempfile::tempdir().unwrap();
    let password_file = folder.path().join("password");
    std::fs::write(&password_file, "hunter2\n").unwrap();
    let mut told = settings(broker.port());
    told.endpoint.username = Some("gate".into());
    told.endpoint.password_file = Some(password_file);
    assert!(!format!("{told:?}").contains("hunter2"));
    let (_link, mut heard) = link(told, &system_clock());
    let mut peer = broker.accept_raw().await;
    let connect = peer.packet().await.unwrap();
    assert!(connect.body.ends_with(b"\x00\x04gate\x00\x07hunter2"));
    peer.write(&[0x20, 2, 0, 5]).await;
    let fault = heard.down().await;
    assert!(matches!(fault, LinkFault::LoginRefused { .. }), "{fault:?}");
    // A peer that sends our own CONNECT back.
    let mut peer = broker.accept_raw().await;
    let mut echo = vec![0x10, u8::try_from(connect.body.len()).unwrap()];
    echo.extend(&connect.body);
    peer.write(&echo).await;
    let fault = heard.down().await;
    assert!(
        !format!("{fault} {fault:?}").contains("hunter2"),
        "{fault:?}"
    );
}

#[tokio::test]
async fn a_panicking_sink_costs_one_connection() {
    let broker = Broker::start().await;
    let (sender, mut heard) = heard();
    let _link = spawn(settings(broker.port()), system_clock(), move |event| {
        assert!(
            !matches!(&event, LinkEvent::Camera(event) if event.retained),
            "a test's panic"
        );
        tell(&sender, event);
    });
    let mut peer = broker.accept_subscribed().await;
    heard.up().await;
    peer.publish(topic("ivs_result").as_bytes(), READING, None, true)
        .await;
    assert_eq!(heard.down().await, LinkFault::Panicked);
    let mut peer = broker.accept_subscribed().await;
    heard.up().await;
    peer.publish(topic("ivs_result").as_bytes(), READING, None, false)
        .await;
    heard.reading_without_a_break().await;
}

#[tokio::test]
async fn closing_says_goodbye() {
    let broker = Broker::start().await;
    let (link, mut heard) = link(settings(broker.port()), &system_clock());
    let mut peer = broker.accept_subscribed().await;
    heard.up().await;
    link.close().await;
    assert_eq!(heard.down().await, LinkFault::Closed);
    assert_eq!(peer.packet().await.unwrap().kind, DISCONNECT);
    assert!(peer.packet().await.is_none());
    assert!(!link.is_up());
    link.close().await;
}

#[tokio::test]
async fn closing_works_without_a_broker_and_so_does_dropping() {
    let port = Broker::start().await.port();
    let (link, mut heard) = link(settings(port), &system_clock());
    assert!(matches!(heard.down().await, LinkFault::Unreachable { .. }));
    link.close().await;
    assert_eq!(heard.down().await, LinkFault::Closed);

    let broker = Broker::start().await;
    let (link, mut heard) = super::link(settings(broker.port()), &system_clock());
    let _peer = broker.accept_subscribed().await;
    heard.up().await;
    drop(link);
    assert_eq!(heard.down().await, LinkFault::Closed);
}
