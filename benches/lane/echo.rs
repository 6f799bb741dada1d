//! The least that can stand between a camera's reading and its relay: a client of the same library
//! that reads the plate and answers at once. It decides, remembers and checks nothing.

use std::time::Duration;

use rumqttc::{
    AsyncClient, Event, EventLoop, MqttOptions, NetworkOptions, Packet, QoS, SubscribeFilter,
};
use serde::Deserialize;
use serde_json::json;

use crate::Outcome;

const PACKET_BYTES_MAX: usize = 4 * 1024 * 1024;

#[derive(Deserialize)]
struct Reading {
    id: String,
    sn: String,
    timestamp: i64,
    payload: Payload,
}

#[derive(Deserialize)]
struct Payload {
    #[serde(rename = "AlarmInfoPlate")]
    alarm: Alarm,
}

#[derive(Deserialize)]
struct Alarm {
    result: AlarmResult,
}

#[derive(Deserialize)]
struct AlarmResult {
    #[serde(rename = "PlateResult")]
    plate: Plate,
}

#[derive(Deserialize)]
struct Plate {
    license: String,
    confidence: i64,
}

/// A connection to the broker of this machine, without delays of its own.
pub fn connect(client_id: &str, port: u16) -> (AsyncClient, EventLoop) {
    let mut options = MqttOptions::new(client_id, "127.0.0.1", port);
    options
        .set_keep_alive(Duration::from_secs(60))
        .set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
    let (client, mut network) = AsyncClient::new(options, 64);
    let mut socket = NetworkOptions::new();
    socket.set_tcp_nodelay(true);
    network.set_network_options(socket);
    (client, network)
}

/// Answers the readings of `cameras` until it is killed.
pub async fn run(port: u16, cameras: &[String]) -> Outcome<()> {
    let (client, mut network) = connect("echo", port);
    let filters = cameras.iter().map(|serial| {
        SubscribeFilter::new(format!("device/{serial}/message/up/+"), QoS::AtLeastOnce)
    });
    client.subscribe_many(filters).await?;
    loop {
        let Event::Incoming(Packet::Publish(publish)) = network.poll().await? else {
            continue;
        };
        let reading: Reading = serde_json::from_slice(&publish.payload)?;
        let plate = reading.payload.alarm.result.plate;
        let value = if plate.license.is_empty() || plate.confidence == 0 {
            0
        } else {
            2
        };
        let open = json!({
            "id": reading.id,
            "sn": reading.sn,
            "name": "gpio_out",
            "version": "1.0",
            "timestamp": reading.timestamp,
            "payload": { "type": "gpio_out", "body": { "io": 0, "value": value, "delay": 500 } },
        });
        let topic = format!("device/{}/message/down/gpio_out", reading.sn);
        client
            .publish(topic, QoS::AtMostOnce, false, open.to_string())
            .await?;
    }
}
