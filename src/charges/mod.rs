//! The queues of entries and charges, and the sender that empties them.

pub mod agenda;
pub mod answer;
pub mod backoff;
pub mod body;
pub mod book;
pub mod charge;
pub mod entry;
pub mod link;
pub mod queue;
pub mod record;
mod reply;
pub mod sender;
