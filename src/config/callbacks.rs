//! `[callbacks]`: how WeChat's callbacks come in.

use std::net::SocketAddr;

use serde::{Deserialize, Serialize};

use super::document::{Need, Section};

/// Where and how callbacks are received. Without an address and a relay nothing is: charges are polled.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Callbacks {
    /// Where the operator's proxy brings them, in plain HTTP.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listen: Option<SocketAddr>,
    /// Largest body, KiB.
    pub max_body_kib: u64,
    /// Connections at once.
    pub connections: u64,
    /// How long a head, and how long a body, may take to arrive, milliseconds.
    pub read_timeout_ms: u64,
    /// Whether they come from a relay on the broker of `[mqtt]`.
    pub relay: bool,
    /// How long ago the relay may have received one, milliseconds.
    pub relay_window_ms: u64,
}

impl Default for Callbacks {
    /// Nothing is received.
    fn default() -> Self {
        Self {
            listen: None,
            max_body_kib: 64,
            connections: 32,
            read_timeout_ms: 2_000,
            relay: false,
            relay_window_ms: 300_000,
        }
    }
}

impl Callbacks {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let listen = section.parsed("listen", Need::Optional, "address:port", socket);
        let max_body_kib = section.integer("max_body_kib", Need::Default("64".into()), 4..=1024);
        let connections = section.integer("connections", Need::Default("32".into()), 1..=256);
        let read_timeout_ms = section.duration_ms(
            "read_timeout",
            Need::Default("\"2s\"".into()),
            2_000,
            100..=4_000,
        );
        let relay = section.flag("relay", false);
        let relay_window_ms = section.duration_ms(
            "relay_window",
            Need::Default("\"5m\"".into()),
            300_000,
            5_000..=86_400_000,
        );
        let ordinary = Self::default();
        Self {
            listen,
            max_body_kib: max_body_kib.unwrap_or(ordinary.max_body_kib),
            connections: connections.unwrap_or(ordinary.connections),
            read_timeout_ms: read_timeout_ms.unwrap_or(ordinary.read_timeout_ms),
            relay,
            relay_window_ms: relay_window_ms.unwrap_or(ordinary.relay_window_ms),
        }
    }

    /// Whether anything is received at all.
    pub fn are_received(&self) -> bool {
        self.listen.is_some() || self.relay
    }
}

fn socket(text: &str) -> Result<SocketAddr, String> {
    text.parse().map_err(|_| {
        format!(
            "{:?} is no address with a port; write \"127.0.0.1:8610\"",
            super::value::shortened(text)
        )
    })
}
