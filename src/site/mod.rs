//! What the box tells the operator's systems: how it is, and what is wrong (docs/topics.md).
//!
//! It has a connection of its own beside the cameras'. That one is ended and made anew at the slightest
//! doubt, so that no raise leaves late; with a last will on it the box would be announced as gone each
//! time. And what waits here for an acknowledgement never stands before a raise in a socket.

mod announcement;
mod announcer;
mod cloud_event;
mod told;
mod topic;

#[cfg(test)]
mod tests;

pub use announcement::{Announcement, StandingAlarm};
pub use announcer::{Announcer, Settings, spawn};
pub use topic::Topics;
