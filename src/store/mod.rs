//! What outlives a power cut: the ledger (the truth) and sled (what answers questions).

pub mod audit;
pub mod index;
pub mod ledger;
pub mod record;
pub mod sha256;
pub mod whole_file;
