//! WeChat's callbacks at the daemon's own port, and by a relay over the broker.

use std::net::SocketAddr;
use std::time::Duration;

use parkgate::lane::time::Wall;
use parkgate::sim::http::Target;
use parkgate::sim::wechat::{Call, CallbackFault, Delivery, Fault, Outcome, Plate, TrustMode};
use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::sleep;

use crate::accounts::assert_balanced;
use crate::bench::{Bench, Setup};
use crate::daemon::Daemon;
use crate::stay;
use crate::wait::{soon, until};

const PLATE: &str = "粤B61001";

/// Settled by what WeChat tells and not by a query, with everything that goes wrong on the way; and what
/// was never said by WeChat is never taken.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_charge_is_settled_by_its_callback_through_forgeries_and_repeats() {
    let (mut bench, daemon) = start(|_| {}, "listen = \"127.0.0.1:0\"").await;
    let address = listening(&bench).await;
    bench.wechat.with(|wechat| {
        wechat.push_callback_faults([
            CallbackFault::Forged,
            CallbackFault::Probe,
            CallbackFault::Unsigned,
            CallbackFault::Old,
            CallbackFault::Truncated,
            CallbackFault::Twice,
        ]);
        let never = std::collections::VecDeque::from(vec![Fault::ErrorBefore; 1000]);
        wechat.faults_mut().next_on.insert(Call::Query, never);
    });
    bench.wechat.deliver_callbacks(Target::Proxied(address));
    pass(&bench).await;
    let status = bench.settled().await;
    assert_balanced(&bench, &status);
    let status = bench
        .place
        .status_with("all deliveries", |status| {
            status["callbacks"]["refused"] == 5 && status["callbacks"]["repeated"] == 1
        })
        .await;
    assert_eq!(status["callbacks"]["taken"], 1, "{status}");
    assert_eq!(bench.wechat.books().violations, []);
    let shown = bench.place.ask(&["sessions", "show", PLATE]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("WeChat told"), "{shown}");
    daemon.stop().await;
}

/// The driver pays what was owed while the car stands at the barrier.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_held_car_goes_when_wechat_tells_that_it_may_be_charged() {
    let blocked = |wechat: &mut parkgate::sim::wechat::Settings| {
        let plate = Plate::blocked("OVERDUE");
        wechat.plates.insert(PLATE.to_owned(), plate);
    };
    let (mut bench, daemon) = start(blocked, "listen = \"127.0.0.1:0\"").await;
    let address = listening(&bench).await;
    bench.wechat.deliver_callbacks(Target::Proxied(address));
    bench.entry().pass(PLATE).await;
    bench.place.logged("entry registered", 1).await;
    sleep(stay::CHARGED).await;
    bench.exit().read(PLATE).await;
    bench
        .place
        .status_with("the car to be held", |status| status["held"] == 1)
        .await;
    assert_eq!(bench.exit().pulses(), 0);
    bench.wechat.set_plate(PLATE, Plate::default());
    bench.exit().raised_after(0).await;
    let shown = bench.place.ask(&["sessions", "show", PLATE]).await;
    let shown = String::from_utf8(shown.stdout).unwrap();
    assert!(shown.contains("entry changed"), "{shown}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_same_callback_after_a_kill_is_known_and_moves_nothing() {
    let (bench, mut daemon) = start(|_| {}, "listen = \"127.0.0.1:0\"").await;
    let address = listening(&bench).await;
    pass(&bench).await;
    let delivery = due(&bench).await;
    assert_eq!(post(address, &delivery).await, 200);
    daemon.kill();
    let daemon = bench.daemon().await;
    let address = listening(&bench).await;
    assert_eq!(
        post(address, &delivery).await,
        200,
        "signed less than 5 minutes ago"
    );
    let status = bench.place.status().await.unwrap();
    assert_eq!(status["callbacks"]["repeated"], 1, "{status}");
    assert_eq!(status["callbacks"]["taken"], 0, "{status}");
    let status = bench.settled().await;
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

/// A car is served while somebody holds every connection.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_callback_is_refused_and_keeps_nobody_waiting() {
    let callbacks = "listen = \"127.0.0.1:0\"\nconnections = 4\nread_timeout = \"300ms\"";
    let (bench, daemon) = start(|_| {}, callbacks).await;
    let address = listening(&bench).await;
    let place = "/lab/b1/entry";
    let head = |method: &str, path: &str, more: &str| {
        format!("{method} {path} HTTP/1.1\r\nHost: box\r\n{more}\r\n")
    };
    let large = "x".repeat(70_000);
    for (what, request, expected) in [
        (
            "unsigned",
            head("POST", place, "Content-Length: 2\r\n") + "{}",
            "401",
        ),
        (
            "with the proxy's prefix",
            head("POST", "/parkgate/lab/b1/charge", "Content-Length: 2\r\n") + "{}",
            "401",
        ),
        ("read", head("GET", place, ""), "405"),
        (
            "elsewhere",
            head("POST", "/lab/b2/entry", "Content-Length: 0\r\n"),
            "404",
        ),
        (
            "large",
            head("POST", place, "Content-Length: 70000\r\n") + &large,
            "413",
        ),
        (
            "large and not said so",
            head("POST", place, "Transfer-Encoding: chunked\r\n") + "11170\r\n" + &large,
            "413",
        ),
        (
            "slow",
            head("POST", place, "Content-Length: 9\r\n") + "{",
            "408",
        ),
    ] {
        let answer = exchange(address, request.as_bytes()).await;
        let status = answer.split(' ').nth(1).unwrap_or_default();
        assert_eq!(status, expected, "{what}: {answer}");
        if expected != "404" && expected != "405" {
            assert!(answer.contains(r#"{"code":"FAIL""#), "{what}: {answer}");
        }
    }
    // Cut off in its body.
    let mut stream = TcpStream::connect(address).await.unwrap();
    let cut = head("POST", place, "Content-Length: 900\r\n") + "{";
    stream.write_all(cut.as_bytes()).await.unwrap();
    stream.shutdown().await.unwrap();
    let mut answer = String::new();
    let read = stream.read_to_string(&mut answer);
    soon("the answer to a cut callback", read).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 400"), "{answer}");
    // Slow heads, more of them than there are places.
    let mut slow = Vec::new();
    for _ in 0..12 {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(b"POST /lab/b1/entry HT").await.unwrap();
        slow.push(stream);
    }
    pass(&bench).await;
    let delivery = due(&bench).await;
    assert_eq!(post(address, &delivery).await, 200);
    for mut stream in slow {
        let mut rest = Vec::new();
        let closed = soon("a slow head to be cut off", stream.read_to_end(&mut rest)).await;
        assert!(closed.is_ok() || rest.is_empty());
    }
    daemon.stop().await;
}

/// The key was changed in the merchant platform, and not here.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn another_api_v3_key_is_an_alarm_and_the_callback_comes_again() {
    let (bench, daemon) = start(|_| {}, "listen = \"127.0.0.1:0\"").await;
    let address = listening(&bench).await;
    bench
        .wechat
        .with(|wechat| wechat.push_callback_faults([CallbackFault::OtherKey]));
    pass(&bench).await;
    let delivery = due(&bench).await;
    assert_eq!(post(address, &delivery).await, 500);
    bench
        .place
        .status_with("the alarm", |status| {
            has_alarm(status, "callbacks_fail/opening")
        })
        .await;
    let now = bench.clock.now().wall;
    bench
        .wechat
        .with(|wechat| wechat.callback_answered(&delivery, Some(500), now));
    let again = due(&bench).await;
    assert_eq!(post(address, &again).await, 200);
    bench
        .place
        .status_with("no alarm", |status| {
            !has_alarm(status, "callbacks_fail/opening")
        })
        .await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_relay_without_keys_brings_callbacks_over_the_broker() {
    let (bench, mut daemon) = start(|_| {}, "relay = true").await;
    bench
        .place
        .status_with("the relay's topic", |status| {
            status["callbacks"]["relay"] == true
        })
        .await;
    pass(&bench).await;
    let delivery = due(&bench).await;
    let now = bench.clock.now().wall;
    let mut relay = Relay::connect(bench.broker.port()).await;
    daemon.kill();
    relay.publish("kept", &delivery, now, true).await;
    relay.taken().await;
    let daemon = bench.daemon().await;
    let kept = relay.answer("kept").await;
    assert_eq!(kept, Some(500), "nobody waits for what the broker kept");
    let old = relay.bring("old", &delivery, now.plus_ms(-400_000)).await;
    assert_eq!(old, Some(401));
    let mut forged = delivery.clone();
    forged.body.push(b' ');
    assert_eq!(relay.bring("forged", &forged, now).await, Some(401));
    assert_eq!(relay.bring("first", &delivery, now).await, Some(200));
    assert_eq!(relay.bring("again", &delivery, now).await, Some(200));
    let status = bench.settled().await;
    assert_eq!(status["callbacks"]["taken"], 1, "{status}");
    assert_eq!(status["callbacks"]["repeated"], 1, "{status}");
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

/// A daemon that receives, and a WeChat that calls back and settles by callback alone.
async fn start(
    change: fn(&mut parkgate::sim::wechat::Settings),
    callbacks: &str,
) -> (Bench, Daemon) {
    let setup = Setup {
        wechat: |wechat| {
            wechat.calls_back = true;
            // The bench has no public key.
            wechat.trust.mode = TrustMode::Certificates;
            wechat.callback_ladder_ms = vec![50; 15];
            wechat.default_plate = Plate::ending(Outcome::Success);
        },
        ..Setup::default()
    };
    let bench = Bench::prepare(setup).await;
    bench.wechat.with(|wechat| change(wechat.settings_mut()));
    let config = std::fs::read_to_string(&bench.place.config).unwrap();
    let config = config.replacen(
        "[wechat]\n",
        &format!(
            "notify_base_url = \"https://pay.invalid/parkgate\"\n[callbacks]\n{callbacks}\n[wechat]\n"
        ),
        1,
    );
    std::fs::write(&bench.place.config, config).unwrap();
    let daemon = bench.daemon().await;
    (bench, daemon)
}

async fn listening(bench: &Bench) -> SocketAddr {
    let status = bench
        .place
        .status_with("the port for callbacks", |status| {
            status["callbacks"]["listening"].is_string()
        })
        .await;
    let address = status["callbacks"]["listening"].as_str().unwrap();
    address.parse().unwrap()
}

/// In, and out with a charge.
async fn pass(bench: &Bench) {
    bench.entry().pass(PLATE).await;
    bench.place.logged("entry registered", 1).await;
    sleep(stay::CHARGED).await;
    bench.exit().pass(PLATE).await;
}

/// What WeChat would send next.
async fn due(bench: &Bench) -> Delivery {
    until("a callback to be due", async || {
        let now = bench.clock.now().wall;
        bench
            .wechat
            .with(|wechat| wechat.callbacks_due(now))
            .into_iter()
            .next()
    })
    .await
}

/// HTTP status.
async fn post(address: SocketAddr, delivery: &Delivery) -> u16 {
    let path = delivery.url.strip_prefix("https://pay.invalid").unwrap();
    let mut request = format!("POST {path} HTTP/1.1\r\nHost: pay.invalid\r\n");
    for (name, value) in &delivery.headers {
        request.push_str(&format!("{name}: {value}\r\n"));
    }
    request.push_str(&format!("Content-Length: {}\r\n\r\n", delivery.body.len()));
    let request = [request.as_bytes(), &delivery.body].concat();
    let answer = exchange(address, &request).await;
    let status = answer
        .split(' ')
        .nth(1)
        .and_then(|status| status.parse().ok());
    status.unwrap_or_else(|| panic!("no answer: {answer:?}"))
}

async fn exchange(address: SocketAddr, request: &[u8]) -> String {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // One that is refused early may not be read to its end.
    let _ = stream.write_all(request).await;
    let mut answer = Vec::new();
    let reading = stream.read_to_end(&mut answer);
    let _ = tokio::time::timeout(Duration::from_secs(20), reading)
        .await
        .expect("an answer within the limits");
    String::from_utf8_lossy(&answer).into_owned()
}

fn has_alarm(status: &Value, id: &str) -> bool {
    status["alarms"].to_string().contains(id)
}

struct Relay {
    client: AsyncClient,
    connection: rumqttc::EventLoop,
}

impl Relay {
    async fn connect(port: u16) -> Self {
        let options = MqttOptions::new("relay", "127.0.0.1", port);
        let (client, connection) = AsyncClient::new(options, 16);
        let mut relay = Self { client, connection };
        let topic = "parkgate/v1/lab/b1/notice-answer";
        relay
            .client
            .subscribe(topic, QoS::AtLeastOnce)
            .await
            .unwrap();
        let subscribed = async {
            while !matches!(
                relay.connection.poll().await.unwrap(),
                Event::Incoming(Packet::SubAck(_))
            ) {}
        };
        soon("the relay to be connected", subscribed).await;
        relay
    }

    async fn publish(&self, id: &str, delivery: &Delivery, at: Wall, retain: bool) {
        let headers: serde_json::Map<String, Value> = delivery
            .headers
            .iter()
            .map(|(name, value)| (name.to_lowercase(), json!(value)))
            .collect();
        let message = json!({
            "id": id,
            "received_at": at.to_rfc3339(),
            "headers": headers,
            "body": String::from_utf8(delivery.body.clone()).unwrap(),
        });
        let topic = "parkgate/v1/lab/b1/notice/charge";
        let payload = message.to_string();
        let published = self
            .client
            .publish(topic, QoS::AtLeastOnce, retain, payload);
        published.await.unwrap();
    }

    /// Waits until the broker has what was published.
    async fn taken(&mut self) {
        let acknowledged = async {
            while !matches!(
                self.connection.poll().await.unwrap(),
                Event::Incoming(Packet::PubAck(_))
            ) {}
        };
        soon("the broker's acknowledgement", acknowledged).await;
    }

    /// The status to answer WeChat with.
    async fn answer(&mut self, id: &str) -> Option<u64> {
        let answered = async {
            loop {
                if let Event::Incoming(Packet::Publish(publish)) =
                    self.connection.poll().await.unwrap()
                {
                    let answer: Value = serde_json::from_slice(&publish.payload).unwrap();
                    if answer["id"] == id {
                        return answer["status"].as_u64();
                    }
                }
            }
        };
        soon("the box's answer", answered).await
    }

    async fn bring(&mut self, id: &str, delivery: &Delivery, at: Wall) -> Option<u64> {
        self.publish(id, delivery, at, false).await;
        self.answer(id).await
    }
}
