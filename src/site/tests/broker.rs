use std::time::Duration;

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use serde_json::Value;
use tokio::sync::watch;

use super::*;
use crate::broker::Endpoint;
use crate::broker::tests::mosquitto::Mosquitto;

const WITHIN: Duration = Duration::from_secs(20);
const STATE: &str = "parkgate/v1/lab/b1/state";
const ALARM: &str = "parkgate/v1/lab/b1/alarm/link_down/broker";

#[tokio::test]
async fn a_late_subscriber_sees_the_state_and_what_is_raised_and_nothing_else() {
    let folder = tempfile::tempdir().unwrap();
    let Some(broker) = Mosquitto::start(folder.path(), "allow_anonymous true").await else {
        return;
    };
    let (news, announcer) = announcer(broker.port);
    let mut live = Subscriber::new(broker.port, "live").await;
    news.send_replace(announcement(3, &[alarm("broker", "no route")]));
    let state = live.event(STATE).await;
    assert_eq!(state["specversion"], "1.0");
    assert_eq!(state["type"], "parkgate.state");
    assert_eq!(state["source"], "/parkgate/lab/b1");
    assert_eq!(state["time"], "2025-03-01T10:20:30+08:00");
    assert_eq!(state["data"]["cars_inside"], 3);
    let raised = live.event(ALARM).await;
    assert_eq!(raised["type"], "parkgate.alarm");
    assert_ne!(raised["id"], state["id"]);
    assert_eq!(raised["data"]["raised"], true);
    assert_eq!(raised["data"]["severity"], "warning");
    assert_eq!(raised["data"]["text"], "no route");

    let mut late = Subscriber::new(broker.port, "late").await;
    assert_eq!(late.event(STATE).await["data"]["online"], true);
    assert_eq!(late.event(ALARM).await["data"]["id"], "link_down/broker");

    news.send_replace(announcement(4, &[]));
    assert_eq!(live.event(STATE).await["data"]["cars_inside"], 4);
    assert_eq!(live.event(ALARM).await["data"]["raised"], false);
    assert_eq!(live.next(ALARM).await, b"", "forgotten");
    let mut later = Subscriber::new(broker.port, "later").await;
    assert_eq!(later.event(STATE).await["data"]["cars_inside"], 4);
    announcer.close().await;
    let last = later.message().await;
    assert_eq!(last.0, STATE, "and no alarm before it");
    let last: Value = serde_json::from_slice(&last.1).unwrap();
    assert_eq!(last["data"]["online"], false);
    assert_eq!(last["data"]["why"], "stopped");
}

#[tokio::test]
async fn a_box_that_is_gone_is_told_by_its_last_will() {
    let folder = tempfile::tempdir().unwrap();
    let Some(broker) = Mosquitto::start(folder.path(), "allow_anonymous true").await else {
        return;
    };
    let (news, announcer) = announcer(broker.port);
    news.send_replace(announcement(3, &[]));
    let mut live = Subscriber::new(broker.port, "live").await;
    assert_eq!(live.event(STATE).await["data"]["online"], true);
    // Another connection of its name throws it out, as a power cut would, without its goodbye.
    let _thief = Subscriber::new(broker.port, "parkgate-lab-b1-state").await;
    let will = live.event(STATE).await;
    assert_eq!(will["data"]["online"], false);
    assert_eq!(will["data"]["why"], "connection lost");
    assert_eq!(will.get("time"), None, "nobody knew it beforehand");
    drop((announcer, news));
}

#[tokio::test]
async fn alarms_of_an_earlier_run_are_taken_back() {
    let folder = tempfile::tempdir().unwrap();
    let Some(broker) = Mosquitto::start(folder.path(), "allow_anonymous true").await else {
        return;
    };
    let mut live = Subscriber::new(broker.port, "live").await;
    let left = live
        .client
        .publish(ALARM, QoS::AtLeastOnce, true, "left behind");
    left.await.unwrap();
    assert_eq!(live.next(ALARM).await, b"left behind");
    let (news, _announcer) = announcer(broker.port);
    news.send_replace(announcement(3, &[]));
    assert_eq!(live.next(ALARM).await, b"");
}

#[tokio::test]
async fn a_broker_that_forgot_is_told_again_and_its_absence_blocks_nobody() {
    let folder = tempfile::tempdir().unwrap();
    let Some(mut broker) = Mosquitto::start(folder.path(), "allow_anonymous true").await else {
        return;
    };
    let (faults, mut heard) = tokio::sync::mpsc::channel(16);
    let (news, known) = watch::channel(announcement(1, &[]));
    let _announcer = spawn(settings(broker.port), known, move |fault| {
        let _ = faults.try_send(fault.is_some());
    });
    let mut before = Subscriber::new(broker.port, "before").await;
    before.event(STATE).await;
    broker.kill();
    let fault = tokio::time::timeout(WITHIN, heard.recv()).await.unwrap();
    assert_eq!(fault, Some(true));
    // Nobody takes these, and nobody waits for it: the newest wins.
    for inside in 0..10_000 {
        news.send_replace(announcement(inside, &[alarm("broker", "x")]));
    }
}

fn announcer(port: u16) -> (watch::Sender<Announcement>, Announcer) {
    let (news, known) = watch::channel(Announcement::default());
    (news, spawn(settings(port), known, |_| ()))
}

fn settings(port: u16) -> Settings {
    Settings {
        endpoint: Endpoint {
            host: "127.0.0.1".to_owned(),
            port,
            username: None,
            password_file: None,
            tls: None,
        },
        client_id: "parkgate-lab-b1-state".to_owned(),
        topics: Topics::new("lab", "b1"),
    }
}

struct Subscriber {
    client: AsyncClient,
    connection: EventLoop,
}

impl Subscriber {
    /// Subscribed to everything of parkgate.
    async fn new(port: u16, name: &str) -> Self {
        let options = MqttOptions::new(name, "127.0.0.1", port);
        let (client, connection) = AsyncClient::new(options, 16);
        client
            .subscribe("parkgate/v1/#", QoS::AtLeastOnce)
            .await
            .unwrap();
        let mut subscriber = Self { client, connection };
        let subscribed = async {
            while !matches!(
                subscriber.connection.poll().await.unwrap(),
                Event::Incoming(Packet::SubAck(_))
            ) {}
        };
        tokio::time::timeout(WITHIN, subscribed).await.unwrap();
        subscriber
    }

    async fn message(&mut self) -> (String, Vec<u8>) {
        let message = async {
            loop {
                if let Event::Incoming(Packet::Publish(publish)) =
                    self.connection.poll().await.unwrap()
                {
                    return (publish.topic, publish.payload.to_vec());
                }
            }
        };
        tokio::time::timeout(WITHIN, message).await.unwrap()
    }

    /// The next message on a topic.
    async fn next(&mut self, topic: &str) -> Vec<u8> {
        loop {
            let (found, payload) = self.message().await;
            if found == topic {
                return payload;
            }
        }
    }

    async fn event(&mut self, topic: &str) -> Value {
        serde_json::from_slice(&self.next(topic).await).unwrap()
    }
}
