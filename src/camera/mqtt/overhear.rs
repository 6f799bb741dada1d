//! Listening without being one of the talkers: every message of some cameras, unread.

use std::convert::Infallible;

use rumqttc::{Event, Packet, QoS, Request, Subscribe, SubscribeFilter, SubscribeReasonCode};

use super::session::{connection, spellings};
use super::{LinkFault, Settings};
use crate::camera::vz_mqtt::Layout;

/// Hands topic and payload of every message to and from the cameras to `heard`, until the connection
/// ends. `settings` must name a client id of its own.
pub async fn overhear(settings: &Settings, heard: impl FnMut(&str, &[u8])) -> LinkFault {
    let Err(fault) = listen(settings, heard).await;
    fault
}

async fn listen(
    settings: &Settings,
    mut heard: impl FnMut(&str, &[u8]),
) -> Result<Infallible, LinkFault> {
    let mut connection = connection(settings)?;
    connection.connect().await?;
    let request = Request::Subscribe(Subscribe::new_many(filters(settings)));
    connection.ask(request).await?;
    loop {
        match connection.poll().await {
            Ok(Event::Incoming(Packet::SubAck(answer))) => {
                let granted = |code: &SubscribeReasonCode| *code != SubscribeReasonCode::Failure;
                if !answer.return_codes.iter().any(granted) {
                    return Err(LinkFault::NothingSubscribed);
                }
            }
            Ok(Event::Incoming(Packet::Publish(message))) => {
                heard(&message.topic, &message.payload);
            }
            Ok(_) => {}
            Err(error) => return Err(connection.fault(&error)),
        }
    }
}

/// At QoS 0, which needs no acknowledgement. Without the layout in `$`: some brokers throw a client
/// out that asks for it.
fn filters(settings: &Settings) -> Vec<SubscribeFilter> {
    let serials = spellings(&settings.cameras);
    let layouts = [Layout::Documented, Layout::SerialFirst];
    serials
        .iter()
        .flat_map(|serial| layouts.map(|layout| layout.everything(serial)))
        .map(|filter| SubscribeFilter::new(filter, QoS::AtMostOnce))
        .collect()
}
