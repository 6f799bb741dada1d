//! What is remembered of a plate's visit for its next one: the window that its cap is for, and the day.

use serde::{Deserialize, Serialize};

use crate::lane::time::Wall;

/// A plate's earlier visits, as far as they bear on the price of the next.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tally {
    /// When the newest of them began.
    pub entered: Wall,
    /// When the window began in which the newest one ended.
    pub window_from: Wall,
    /// What they used of its cap, fen.
    pub used_fen: u64,
}
