//! How often what became of notices, for `parkgate status`.

use std::sync::{Arc, Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use crate::lane::time::Wall;

/// Shared by whoever receives and whoever is asked.
#[derive(Clone, Debug, Default)]
pub struct Tally(Arc<Mutex<Told>>);

/// See the module.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Where notices are listened for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub listening: Option<String>,
    /// Whether they may come from the operator's relay, and it is connected.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub relay: Option<bool>,
    /// Taken on record.
    pub taken: u64,
    /// Taken before.
    pub repeated: u64,
    /// Signed by WeChat, and of no use to parkgate.
    pub passed_over: u64,
    /// Not believed: forged, replayed, probed, or signed with a key that is not held.
    pub refused: u64,
    /// Believed, and not opened or not understood.
    pub not_understood: u64,
    /// Not taken in time, or not now: WeChat sends them again.
    pub put_off: u64,
    /// When the last one was taken or repeated, by the box's clock.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_at: Option<Wall>,
    /// Why the last one was not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_refusal: Option<String>,
}

impl Tally {
    /// As it is now.
    pub fn told(&self) -> Told {
        self.with(|told| told.clone())
    }

    /// Changes or reads it.
    pub(super) fn with<T>(&self, work: impl FnOnce(&mut Told) -> T) -> T {
        work(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
