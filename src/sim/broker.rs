//! An MQTT broker within this process, for the demo and for tests: rumqttd on a loopback port that
//! the kernel chooses.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::JoinHandle;
use std::time::Duration;

use rumqttd::{Config, ConnectionSettings, RouterConfig, ServerSettings};
use tokio::net::{TcpSocket, TcpStream};

/// A broker that serves until the process ends: rumqttd has no way to be stopped.
pub struct Broker {
    address: SocketAddr,
}

/// Why there is no broker.
#[derive(Debug, thiserror::Error)]
pub enum BrokerError {
    /// No port of the loopback interface, or no thread, is to be had.
    #[error("cannot start an MQTT broker on the loopback interface")]
    Start(#[source] io::Error),
    /// rumqttd gave up; it tells why in the log only.
    #[error("the MQTT broker ended as it started; RUST_LOG=rumqttd=info shows its own words")]
    Ended,
    /// It does not accept connections.
    #[error("the MQTT broker at {0} does not accept connections")]
    Silent(SocketAddr),
}

/// Pictures make readings of 1 MB; nothing here is larger than this.
const PACKET_BYTES_MAX: usize = 16 * 1024 * 1024;
const CONNECTIONS_MAX: usize = 64;
const CONNECT_WITHIN_MS: u16 = 5_000;
/// Messages under way to one client.
const IN_FLIGHT_MAX: usize = 100;
/// What is remembered of a topic for a slow client.
const SEGMENT_BYTES_MAX: usize = 32 * 1024 * 1024;
const SEGMENTS_MAX: usize = 2;

const READY_LOOKS: u32 = 250;
const READY_PAUSE: Duration = Duration::from_millis(20);

impl Broker {
    /// Starts a broker and waits until it accepts connections.
    ///
    /// rumqttd takes no socket and no port 0. So a socket that never listens holds a port that the
    /// kernel chose until rumqttd listens on it: nobody else can be given it meanwhile.
    ///
    /// # Errors
    /// When no port or thread is to be had, or rumqttd does not serve.
    pub async fn start() -> Result<Self, BrokerError> {
        let holder = hold_a_port().map_err(BrokerError::Start)?;
        let address = holder.local_addr().map_err(BrokerError::Start)?;
        let thread = std::thread::Builder::new()
            .name("broker".to_owned())
            .spawn(move || {
                if let Err(error) = rumqttd::Broker::new(config(address)).start() {
                    tracing::error!(%error, "the MQTT broker ended");
                }
            })
            .map_err(BrokerError::Start)?;
        ready(address, &thread).await?;
        Ok(Self { address })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

fn hold_a_port() -> io::Result<TcpSocket> {
    let socket = TcpSocket::new_v4()?;
    // rumqttd sets it too; both must, for the second to be let in.
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))?;
    Ok(socket)
}

async fn ready(address: SocketAddr, thread: &JoinHandle<()>) -> Result<(), BrokerError> {
    for _ in 0..READY_LOOKS {
        if thread.is_finished() {
            return Err(BrokerError::Ended);
        }
        if TcpStream::connect(address).await.is_ok() {
            return Ok(());
        }
        tokio::time::sleep(READY_PAUSE).await;
    }
    Err(BrokerError::Silent(address))
}

fn config(listen: SocketAddr) -> Config {
    let connections = ConnectionSettings {
        connection_timeout_ms: CONNECT_WITHIN_MS,
        max_payload_size: PACKET_BYTES_MAX,
        max_inflight_count: IN_FLIGHT_MAX,
        auth: None,
        external_auth: None,
        // Otherwise only filters that were named beforehand could be subscribed to.
        dynamic_filters: true,
    };
    let server = ServerSettings {
        name: "mqtt".to_owned(),
        listen,
        tls: None,
        next_connection_delay_ms: 1,
        connections,
    };
    let router = RouterConfig {
        max_connections: CONNECTIONS_MAX,
        max_outgoing_packet_count: 200,
        max_segment_size: SEGMENT_BYTES_MAX,
        max_segment_count: SEGMENTS_MAX,
        ..RouterConfig::default()
    };
    Config {
        router,
        v4: Some([(server.name.clone(), server)].into()),
        ..Config::default()
    }
}

#[cfg(test)]
mod tests {
    use rumqttc::{AsyncClient, Event, MqttOptions, Packet, QoS};

    use super::*;

    #[tokio::test]
    async fn a_message_with_a_picture_goes_through() {
        let broker = Broker::start().await.unwrap();
        let mut options = MqttOptions::new("test", "127.0.0.1", broker.address().port());
        options.set_max_packet_size(PACKET_BYTES_MAX, PACKET_BYTES_MAX);
        let (client, mut connection) = AsyncClient::new(options, 8);
        client.subscribe("a/+", QoS::AtLeastOnce).await.unwrap();
        let picture = vec![b'x'; 2_000_000];
        let delivered = async {
            loop {
                match connection.poll().await.unwrap() {
                    Event::Incoming(Packet::SubAck(_)) => client
                        .try_publish("a/b", QoS::AtLeastOnce, false, picture.clone())
                        .unwrap(),
                    Event::Incoming(Packet::Publish(publish)) => break publish.payload,
                    _ => {}
                }
            }
        };
        let deadline = Duration::from_secs(20);
        let payload = tokio::time::timeout(deadline, delivered).await.unwrap();
        assert_eq!(payload.len(), picture.len());
    }

    #[tokio::test]
    async fn two_brokers_do_not_meet() {
        let (one, other) = tokio::join!(Broker::start(), Broker::start());
        assert_ne!(one.unwrap().address(), other.unwrap().address());
    }
}
