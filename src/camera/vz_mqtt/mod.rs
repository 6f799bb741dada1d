//! VZ (臻识) cameras over MQTT, protocol 1.1.0–1.1.14 (`gate-hardware.md` 3.1): pure, a message in,
//! an event out; a command in, a topic and a payload out.

mod decode;
mod encode;
mod payload;
mod pictures;
mod topic;

pub use decode::{MESSAGE_BYTES_MAX, decode};
pub use encode::{IoLock, Outgoing, OutputValue, VzCommand, WhiteListForm, encode};
pub use topic::{Kind, Layout, Topic};

#[cfg(test)]
mod tests;
