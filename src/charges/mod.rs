//! The queues of entries and charges, and the sender that empties them.

pub mod agenda;
pub mod answer;
pub mod backoff;
pub mod body;
pub mod book;
mod call;
pub mod charge;
mod correction;
pub mod entry;
mod entry_reply;
mod filing;
pub mod frozen;
mod later;
pub mod link;
mod merchant;
mod noticed;
pub mod notices;
pub mod payment;
mod plates;
pub mod queue;
pub mod record;
pub mod refund;
mod refund_reply;
pub mod refunding;
pub mod refunds;
mod reply;
pub mod sender;
mod shelved;
pub mod spot;
mod spot_reply;
pub mod spots;
mod spotting;
pub mod staff;
#[cfg(test)]
mod tests;
pub mod totals;
