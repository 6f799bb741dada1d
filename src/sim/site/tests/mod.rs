//! Against a real broker, with a client in the daemon's place.

mod camera;
mod drive;

use std::sync::Arc;
use std::time::Duration;

use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};
use tokio::sync::{broadcast, watch};
use tokio::time::timeout;

use crate::camera::vz_mqtt::{Layout, OutputValue, VzCommand, decode, encode};
use crate::camera::{CameraEvent, Report};
use crate::clock::{Clock, TrustRule};
use crate::lane::time::Wall;
use crate::sim::broker::Broker;

const DEADLINE: Duration = Duration::from_secs(20);

/// A broker, and a client that hears the cameras and commands them.
#[derive(Clone)]
struct Bench {
    broker: Arc<Broker>,
    client: AsyncClient,
    heard: broadcast::Sender<CameraEvent>,
    clock: Clock,
}

impl Bench {
    async fn start() -> Self {
        let broker = Broker::start().await.unwrap();
        let options = MqttOptions::new("daemon", "127.0.0.1", broker.address().port());
        let (client, mut connection) = AsyncClient::new(options, 64);
        for filter in Layout::Documented.filters("+") {
            client.subscribe(filter, QoS::AtMostOnce).await.unwrap();
        }
        let (heard, _) = broadcast::channel(256);
        let (subscribed, mut subscriptions) = watch::channel(0);
        let clock = Clock::system(TrustRule::Rtc, Wall(0));
        let (tell, now) = (heard.clone(), clock.clone());
        tokio::spawn(async move {
            while let Ok(event) = connection.poll().await {
                match event {
                    Event::Incoming(Packet::SubAck(_)) => subscribed.send_modify(|n| *n += 1),
                    Event::Incoming(Packet::Publish(p)) => {
                        let _ = tell.send(decode(&p.topic, &p.payload, p.retain, now.now()));
                    }
                    _ => {}
                }
            }
        });
        let all = subscriptions.wait_for(|count| *count == 2);
        timeout(DEADLINE, all).await.unwrap().unwrap();
        Self {
            broker: Arc::new(broker),
            client,
            heard,
            clock,
        }
    }

    fn port(&self) -> u16 {
        self.broker.address().port()
    }

    /// The next report of that kind; listens from when it is first polled.
    async fn next(&self, wanted: impl Fn(&Report) -> bool) -> CameraEvent {
        let mut heard = self.heard.subscribe();
        let found = async {
            loop {
                let event = heard.recv().await.unwrap();
                if wanted(&event.report) {
                    return event;
                }
            }
        };
        timeout(DEADLINE, found).await.unwrap()
    }

    async fn send(&self, camera: &str, command: &VzCommand) {
        let now = self.clock.now().wall;
        let message = encode(Layout::Documented, camera, command, "c-1", now);
        let sent = self
            .client
            .publish(message.topic, QoS::AtMostOnce, false, message.payload);
        sent.await.unwrap();
    }

    async fn raise(&self, camera: &str) {
        let pulse = VzCommand::GpioOut {
            io: 0,
            value: OutputValue::Pulse,
            delay_ms: 500,
        };
        self.send(camera, &pulse).await;
    }
}
