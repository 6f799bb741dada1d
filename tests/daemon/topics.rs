//! What the box tells on its own topics, and over TLS.

use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use serde_json::Value;

use crate::bench::{Bench, Setup};
use crate::wait::soon;

const PLATE: &str = "粤B13001";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn state_and_alarms_are_on_the_broker_and_the_last_word_is_goodbye() {
    let bench = Bench::prepare(Setup::default()).await;
    std::fs::remove_file(bench.path("key.pem")).unwrap();
    let daemon = bench.daemon().await;
    bench.entry().pass(PLATE).await;
    let mut late = Subscriber::new(bench.broker.port()).await;
    let state = late
        .event("state", |event| event["data"]["cars_inside"] == 1)
        .await;
    let data = &state["data"];
    assert_eq!(data["online"], true, "{data}");
    assert_eq!(data["links"]["wechat"], "without keys", "{data}");
    assert_eq!(data["links"]["cameras"], "up", "{data}");
    assert_eq!(data["lanes"][0]["id"], "in-1", "{data}");
    assert_eq!(data["alarms"]["critical"], 1, "{data}");
    assert_eq!(data["queue"]["entries"], 1, "{data}");
    let alarm = late.event("alarm/secrets_missing/wechat", |_| true).await;
    assert!(
        alarm["data"]["text"].as_str().unwrap().contains("key.pem"),
        "{alarm}"
    );
    assert!(!late.heard.contains(PLATE), "no plates: {}", late.heard);

    daemon.stop().await;
    let end = late
        .event("state", |event| event["data"]["online"] == false)
        .await;
    assert_eq!(end["data"]["why"], "stopped", "{end}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_password_file_that_is_missing_is_one_alarm_and_is_read_again() {
    let bench = Bench::prepare(Setup::default()).await;
    let password = bench.path("mqtt.password");
    let config = std::fs::read_to_string(&bench.place.config).unwrap();
    let login = format!(
        "[mqtt]\nusername = \"gate\"\npassword_file = \"{}\"\n",
        password.display()
    );
    std::fs::write(&bench.place.config, config.replace("[mqtt]\n", &login)).unwrap();
    let daemon = crate::daemon::Daemon::start(&bench.place).await;
    let status = bench
        .place
        .status_with("the alarm", |status| {
            status["alarms"]
                .to_string()
                .contains("secrets_missing/broker")
        })
        .await;
    assert!(
        status["alarms"]
            .to_string()
            .contains("mqtt.password cannot be read"),
        "{status}"
    );

    std::fs::write(&password, "open-sesame\n").unwrap();
    bench.connected(1).await;
    bench
        .place
        .status_with("no alarm", |status| {
            status["alarms"] == serde_json::json!([])
        })
        .await;
    daemon.stop().await;
    let log = bench.place.log();
    assert_eq!(
        log.matches("mqtt.password cannot be read").count(),
        1,
        "{log}"
    );
    assert!(!log.contains("open-sesame"));
}

struct Subscriber {
    _client: AsyncClient,
    connection: EventLoop,
    heard: String,
}

impl Subscriber {
    async fn new(port: u16) -> Self {
        let options = MqttOptions::new("operator", "127.0.0.1", port);
        let (client, connection) = AsyncClient::new(options, 16);
        let all = client.subscribe("parkgate/v1/lab/b1/#", QoS::AtLeastOnce);
        all.await.unwrap();
        Self {
            _client: client,
            connection,
            heard: String::new(),
        }
    }

    /// The next event on a topic of the box that fits.
    async fn event(&mut self, topic: &str, fits: impl Fn(&Value) -> bool) -> Value {
        let topic = format!("parkgate/v1/lab/b1/{topic}");
        let looking = async {
            loop {
                let Event::Incoming(Packet::Publish(publish)) =
                    self.connection.poll().await.unwrap()
                else {
                    continue;
                };
                self.heard
                    .push_str(&String::from_utf8_lossy(&publish.payload));
                if publish.topic == topic
                    && let Ok(event) = serde_json::from_slice(&publish.payload)
                    && fits(&event)
                {
                    return event;
                }
            }
        };
        soon(&topic, looking).await
    }
}
