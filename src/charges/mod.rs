//! The queues of entries and charges, and the sender that empties them.

pub mod answer;
pub mod body;
