//! One MQTT connection to a broker, for all the cameras behind it.
//!
//! A command is written to the socket while it is wanted, or never: nothing waits for a connection,
//! and what a dying connection had not written dies with it. Whatever the broker does, the link
//! ends that connection, waits a little longer each time, and makes a new one.

mod link;
mod overhear;
mod session;

use super::CameraEvent;
use crate::broker::Endpoint;

pub use crate::broker::LinkFault;
pub use link::{Link, NotSent, spawn};
pub use overhear::overhear;

/// How to reach a broker, and which cameras to listen to.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The broker.
    pub endpoint: Endpoint,
    /// Two connections of one client id throw each other out: one per box.
    pub client_id: String,
    /// Serials of the cameras, in the spelling of their topics or in lower case. Empty: every
    /// camera of the broker.
    pub cameras: Vec<String>,
}

/// What a link reports. It is called from the connection's own task and must not block.
#[derive(Clone, Debug, PartialEq)]
pub enum LinkEvent {
    /// Connected, and every subscription is answered. Messages may come a moment earlier.
    Up,
    /// Not connected. Repeated only when the reason changes.
    Down { reason: LinkFault },
    /// The broker does not serve these topic filters: what they match will not be heard. Told when
    /// it changes; none, when the broker serves them all again.
    Refused { filters: Vec<String> },
    /// A message of a camera.
    Camera(CameraEvent),
    /// A command that [`Link::send`] took was not written after all, and never will be.
    NotWritten { command_id: String, reason: NotSent },
}

#[cfg(test)]
mod tests;
