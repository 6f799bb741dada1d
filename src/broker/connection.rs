//! One connection. The only place, beside who reads its packets, that knows rumqttc.
//!
//! rumqttc reconnects by itself and keeps what it has not written for the next connection. Neither is
//! wanted: an event loop is used for one connection and dropped, and packets are written to its
//! socket directly.

use std::time::Duration;

use rumqttc::{ConnectionError, Event, EventLoop, MqttOptions, NetworkOptions, Packet, Request};
use tokio::time::timeout;

use super::{Endpoint, LinkFault};

/// A socket that takes nothing for this long is as good as dead.
pub const WRITE_WITHIN: Duration = Duration::from_secs(2);

const KEEP_ALIVE: Duration = Duration::from_secs(15);
/// TCP, TLS and CONNACK together.
const CONNECT_WITHIN_S: u64 = 5;

/// See the module.
pub struct Connection {
    endpoint: Endpoint,
    network: EventLoop,
}

impl Connection {
    /// Prepares a connection without making it; `shape` says what is special about it. It is clean,
    /// and acknowledges nothing by itself.
    ///
    /// # Errors
    /// [`LinkFault::NotReady`].
    pub fn new(
        endpoint: &Endpoint,
        client_id: &str,
        shape: impl FnOnce(&mut MqttOptions),
    ) -> Result<Self, LinkFault> {
        let mut options = endpoint.options(client_id)?;
        options
            .set_keep_alive(KEEP_ALIVE)
            .set_clean_session(true)
            .set_manual_acks(true);
        shape(&mut options);
        let mut network = NetworkOptions::new();
        // Without it, an answer can wait 40 ms for the peer's delayed acknowledgement.
        network.set_tcp_nodelay(true);
        network.set_connection_timeout(CONNECT_WITHIN_S);
        let mut event_loop = EventLoop::new(options, 1);
        event_loop.set_network_options(network);
        Ok(Self {
            endpoint: endpoint.clone(),
            network: event_loop,
        })
    }

    /// TCP, TLS and login.
    ///
    /// # Errors
    /// Why not.
    pub async fn connect(&mut self) -> Result<(), LinkFault> {
        match self.network.poll().await {
            Ok(_connack) => Ok(()),
            Err(error) => Err(LinkFault::of_connect(error, &self.endpoint)),
        }
    }

    /// What happens next. Dropping the future midway loses nothing: everything it holds is in the
    /// event loop's own state.
    ///
    /// # Errors
    /// The connection has ended.
    pub async fn poll(&mut self) -> Result<Event, ConnectionError> {
        self.network.poll().await
    }

    /// What an error of [`Connection::poll`] means.
    pub fn fault(&self, error: &ConnectionError) -> LinkFault {
        LinkFault::of_connection(error, &self.endpoint)
    }

    /// What was read together with an error, and before it.
    pub fn read_before_the_end(&mut self) -> impl Iterator<Item = Event> + use<> {
        std::mem::take(&mut self.network.state.events).into_iter()
    }

    /// Writes a packet that wants an answer. Returns the packet id.
    ///
    /// # Errors
    /// The connection must end.
    pub async fn ask(&mut self, request: Request) -> Result<u16, LinkFault> {
        let packet = self.network.state.handle_outgoing_packet(request);
        let (id, packet) = match packet {
            Ok(Some(Packet::Subscribe(subscribe))) => {
                (subscribe.pkid, Packet::Subscribe(subscribe))
            }
            Ok(Some(Packet::Publish(publish))) => (publish.pkid, Packet::Publish(publish)),
            Ok(_) | Err(_) => return Err(lost("a packet could not be written")),
        };
        self.write([packet], WRITE_WITHIN).await?;
        Ok(id)
    }

    /// Writes packets as they are, in one go.
    ///
    /// # Errors
    /// The connection must end: half a packet must not be completed later.
    pub async fn write(
        &mut self,
        packets: impl IntoIterator<Item = Packet>,
        within: Duration,
    ) -> Result<(), LinkFault> {
        let Some(network) = &mut self.network.network else {
            return Err(lost("the socket is gone"));
        };
        let written = timeout(within, async {
            for packet in packets {
                network.write(packet).await?;
            }
            network.flush().await
        });
        match written.await {
            Ok(Ok(())) => Ok(()),
            Ok(Err(error)) => Err(LinkFault::Lost {
                detail: error.to_string(),
            }),
            Err(_) => Err(lost("the broker takes no more bytes")),
        }
    }
}

fn lost(detail: &str) -> LinkFault {
    LinkFault::Lost {
        detail: detail.to_owned(),
    }
}
