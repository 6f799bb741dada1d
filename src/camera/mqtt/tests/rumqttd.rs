//! Against the broker that the demo embeds.

use rumqttc::{AsyncClient, MqttOptions, QoS};

use super::*;
use crate::sim::broker::Broker;

#[tokio::test]
async fn readings_and_raises_pass_through_a_real_broker() {
    let port = Broker::start().await.unwrap().address().port();
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
    let port = Broker::start().await.unwrap().address().port();
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
