//! One MQTT connection to a broker, for all the cameras behind it.
//!
//! A command is written to the socket while it is wanted, or never: nothing waits for a connection,
//! and what a dying connection had not written dies with it. Whatever the broker does, the link
//! ends that connection, waits a little longer each time, and makes a new one.

mod backoff;
mod link;
mod session;

use std::fmt;
use std::sync::Arc;

use zeroize::Zeroizing;

use super::CameraEvent;

pub use link::{Link, NotSent, spawn};

/// How to reach a broker, and which cameras to listen to.
#[derive(Clone)]
pub struct Settings {
    /// Host name or address.
    pub host: String,
    /// TCP port.
    pub port: u16,
    /// Two connections of one client id throw each other out: one per box.
    pub client_id: String,
    /// Login, where the broker wants one.
    pub username: Option<String>,
    /// Never shown.
    pub password: Option<Zeroizing<String>>,
    /// For `mqtts`.
    pub tls: Option<Arc<rustls::ClientConfig>>,
    /// Serials of the cameras, in the spelling of their topics or in lower case. Empty: every
    /// camera of the broker.
    pub cameras: Vec<String>,
}

impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings")
            .field("host", &self.host)
            .field("port", &self.port)
            .field("client_id", &self.client_id)
            .field("username", &self.username)
            .field("password", &self.password.as_ref().map(|_| "…"))
            .field("tls", &self.tls.is_some())
            .field("cameras", &self.cameras)
            .finish()
    }
}

/// What a link reports. It is called from the connection's own task and must not block.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkEvent {
    /// Connected, and every subscription is answered. Messages may come a moment earlier.
    Up,
    /// Not connected. Repeated only when the reason changes.
    Down { reason: LinkFault },
    /// The broker does not serve these topic filters: what they match will not be heard.
    Refused { filters: Vec<String> },
    /// A message of a camera.
    Camera(CameraEvent),
    /// A command that [`Link::send`] took was not written after all, and never will be.
    NotWritten { command_id: String, reason: NotSent },
}

/// Why there is no connection.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkFault {
    #[error("no MQTT connection to {address}: {detail}")]
    Unreachable { address: String, detail: String },
    #[error("the broker refused the login ({code}); check user name, password and client id")]
    LoginRefused { code: String },
    #[error("the broker did not answer {question} in time")]
    Silent { question: &'static str },
    #[error("the broker serves none of the cameras' topics; check its access rules")]
    NothingSubscribed,
    #[error("connection lost: {detail}")]
    Lost { detail: String },
    #[error("the connection's task panicked; please report it with the log")]
    Panicked,
    #[error("the link was closed")]
    Closed,
}

#[cfg(test)]
mod tests;
