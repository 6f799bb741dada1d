//! As much of an MQTT broker as a test needs, byte by byte, without the client's own library.

use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpSocket, TcpStream};

pub struct Broker {
    listener: TcpListener,
}

pub struct Peer {
    pub stream: TcpStream,
    /// Filters that were asked for on this connection.
    pub filters: Vec<String>,
    inbox: Vec<u8>,
}

pub struct Packet {
    pub kind: u8,
    pub body: Vec<u8>,
}

pub const CONNECT: u8 = 1;
pub const PUBLISH: u8 = 3;
pub const PUBACK: u8 = 4;
pub const SUBSCRIBE: u8 = 8;
pub const PINGREQ: u8 = 12;
pub const DISCONNECT: u8 = 14;

impl Broker {
    pub async fn start() -> Self {
        Self::on(0)
    }

    /// On a port of its own, or on one that a broker had before.
    pub fn on(port: u16) -> Self {
        let socket = TcpSocket::new_v4().unwrap();
        socket.set_reuseaddr(true).unwrap();
        // Small, so that a test that does not read is noticed soon.
        socket.set_recv_buffer_size(8 * 1024).unwrap();
        socket.bind(([127, 0, 0, 1], port).into()).unwrap();
        Self {
            listener: socket.listen(8).unwrap(),
        }
    }

    pub fn port(&self) -> u16 {
        self.listener.local_addr().unwrap().port()
    }

    pub async fn accept_raw(&self) -> Peer {
        let accepted = tokio::time::timeout(super::WITHIN, self.listener.accept());
        let (stream, _) = accepted.await.expect("a connection in time").unwrap();
        Peer {
            stream,
            filters: Vec::new(),
            inbox: Vec::new(),
        }
    }

    /// Accepts a connection and its CONNECT.
    pub async fn accept(&self) -> Peer {
        let mut peer = self.accept_raw().await;
        assert_eq!(peer.packet().await.expect("CONNECT").kind, CONNECT);
        peer.write(&[0x20, 2, 0, 0]).await;
        peer
    }

    /// Accepts a connection and grants everything it asks for, until it has asked for all.
    pub async fn accept_subscribed(&self) -> Peer {
        let mut peer = self.accept().await;
        peer.grant_all().await;
        peer
    }
}

impl Peer {
    /// Grants the filters in `$`, which come first, and then all others.
    pub async fn grant_all(&mut self) {
        while !self.filters.iter().any(|filter| !filter.starts_with('$')) {
            let subscribe = self.packet().await.expect("SUBSCRIBE");
            assert_eq!(subscribe.kind, SUBSCRIBE);
            self.answer(&subscribe, |_| 1).await;
        }
    }

    /// Answers a SUBSCRIBE with a code for each filter.
    pub async fn answer(&mut self, subscribe: &Packet, code: impl Fn(&str) -> u8) {
        let (id, mut rest) = subscribe.body.split_at(2);
        let mut codes = Vec::new();
        while !rest.is_empty() {
            let len = usize::from(u16::from_be_bytes([rest[0], rest[1]]));
            let filter = String::from_utf8(rest[2..2 + len].to_vec()).unwrap();
            codes.push(code(&filter));
            self.filters.push(filter);
            rest = &rest[2 + len + 1..];
        }
        let mut suback = vec![0x90];
        suback.extend(length(2 + codes.len()));
        suback.extend(id);
        suback.extend(codes);
        self.write(&suback).await;
    }

    /// The next packet; None at the connection's end. Pings are answered and passed over.
    pub async fn packet(&mut self) -> Option<Packet> {
        tokio::time::timeout(super::WITHIN, async {
            loop {
                if let Some(packet) = self.framed() {
                    if packet.kind != PINGREQ {
                        return Some(packet);
                    }
                    self.write(&[0xd0, 0]).await;
                    continue;
                }
                match self.stream.read_buf(&mut self.inbox).await {
                    Ok(0) | Err(_) => return None,
                    Ok(_) => {}
                }
            }
        })
        .await
        .expect("a packet in time")
    }

    /// The next PUBLISH of the client: topic and payload.
    pub async fn publish_seen(&mut self) -> Option<(String, serde_json::Value)> {
        loop {
            let packet = self.packet().await?;
            if packet.kind == PUBLISH {
                let len = usize::from(u16::from_be_bytes([packet.body[0], packet.body[1]]));
                let topic = String::from_utf8(packet.body[2..2 + len].to_vec()).unwrap();
                let payload = serde_json::from_slice(&packet.body[2 + len..]).unwrap();
                return Some((topic, payload));
            }
        }
    }

    /// Whether the client stays silent for a while. It has reason to be quick if it ever speaks.
    pub async fn stays_silent(&mut self) -> bool {
        let speaks = tokio::time::timeout(Duration::from_millis(700), self.publish_seen());
        speaks.await.is_err()
    }

    /// Publishes at QoS 0, or at QoS 1 with a packet id.
    pub async fn publish(&mut self, topic: &[u8], payload: &[u8], id: Option<u16>, retained: bool) {
        let mut bytes = vec![0x30 | u8::from(id.is_some()) << 1 | u8::from(retained)];
        let id = id.map(|id| id.to_be_bytes().to_vec()).unwrap_or_default();
        bytes.extend(length(2 + topic.len() + id.len() + payload.len()));
        bytes.extend(u16::try_from(topic.len()).unwrap().to_be_bytes());
        bytes.extend(topic);
        bytes.extend(id);
        bytes.extend(payload);
        self.write(&bytes).await;
    }

    pub async fn write(&mut self, bytes: &[u8]) {
        self.stream.write_all(bytes).await.unwrap();
    }

    fn framed(&mut self) -> Option<Packet> {
        let mut len = 0;
        let mut at = 1;
        loop {
            let byte = *self.inbox.get(at)?;
            len |= usize::from(byte & 0x7f) << (7 * (at - 1));
            at += 1;
            if byte & 0x80 == 0 {
                break;
            }
        }
        if self.inbox.len() < at + len {
            return None;
        }
        let kind = self.inbox[0] >> 4;
        let body = self.inbox[at..at + len].to_vec();
        self.inbox.drain(..at + len);
        Some(Packet { kind, body })
    }
}

fn length(mut len: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let digit = u8::try_from(len % 128).unwrap();
        len /= 128;
        bytes.push(if len > 0 { digit | 0x80 } else { digit });
        if len == 0 {
            return bytes;
        }
    }
}
