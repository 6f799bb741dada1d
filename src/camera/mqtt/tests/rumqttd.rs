//! Against the broker that the demo embeds.

use std::net::{Ipv4Addr, SocketAddr, TcpListener};

use ::rumqttd::{Broker, Config, ConnectionSettings, RouterConfig, ServerSettings};
use rumqttc::{AsyncClient, MqttOptions, QoS};

use super::*;

#[tokio::test]
async fn readings_and_raises_pass_through_a_real_broker() {
    let port = start();
    let clock = system_clock();
    let (link, mut heard) = link(settings(port), &clock);
    heard.up().await;
    let camera = camera(port);
    for bytes in [0, 1_000_000] {
        publish(&camera, "ivs_result", reading_with_picture(bytes), false).await;
        heard.reading_without_a_break().await;
    }
    link.send(SERIAL, &raise(), "c-1".into(), soon(&clock))
        .unwrap();
    let reply = br#"{"id":"c-1","code":200,"payload":null}"#.to_vec();
    let topic = format!("device/{SERIAL}/message/down/gpio_out/reply");
    camera
        .publish(topic, QoS::AtLeastOnce, false, reply)
        .await
        .unwrap();
    let report = heard.camera().await.report;
    assert!(
        matches!(report, Report::CommandReply { ok: true, .. }),
        "{report:?}"
    );
    link.close().await;
}

#[tokio::test]
async fn a_retained_reading_is_told_from_a_live_one() {
    let port = start();
    let (first, mut heard) = link(settings(port), &system_clock());
    heard.up().await;
    let camera = camera(port);
    publish(&camera, "ivs_result", READING.to_vec(), true).await;
    assert!(!heard.reading_without_a_break().await.retained);
    first.close().await;
    let (_second, mut heard) = link(settings(port), &system_clock());
    assert!(heard.reading_without_a_break().await.retained);
}

async fn publish(camera: &AsyncClient, name: &str, message: Vec<u8>, retained: bool) {
    let sent = camera.publish(topic(name), QoS::AtLeastOnce, retained, message);
    sent.await.unwrap();
}

/// A virtual camera's connection.
fn camera(port: u16) -> AsyncClient {
    let mut options = MqttOptions::new("camera", "127.0.0.1", port);
    options.set_max_packet_size(1 << 24, 1 << 24);
    let (client, mut connection) = AsyncClient::new(options, 8);
    tokio::spawn(async move { while connection.poll().await.is_ok() {} });
    client
}

/// Starts a broker that lives as long as the test's process; its port.
fn start() -> u16 {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let listen: SocketAddr = free.local_addr().unwrap();
    drop(free);
    let server = ServerSettings {
        name: "v4".into(),
        listen,
        tls: None,
        next_connection_delay_ms: 1,
        connections: ConnectionSettings {
            connection_timeout_ms: 5000,
            max_payload_size: 1 << 24,
            max_inflight_count: 100,
            auth: None,
            external_auth: None,
            dynamic_filters: true,
        },
    };
    let config = Config {
        router: RouterConfig {
            max_connections: 16,
            max_outgoing_packet_count: 200,
            max_segment_size: 1 << 26,
            max_segment_count: 4,
            ..RouterConfig::default()
        },
        v4: Some([("v4".to_owned(), server)].into()),
        ..Config::default()
    };
    std::thread::spawn(move || {
        let _ = Broker::new(config).start();
    });
    listen.port()
}
