//! The merchant's connection to WeChat Pay, which may be renewed while calls are made: whoever calls takes
//! the one that is in force.

use std::sync::{Arc, PoisonError, RwLock};

use crate::wechat::Client;

/// See the module. Clones share it.
#[derive(Clone)]
pub struct Account(Arc<RwLock<Result<Client, String>>>);

impl Account {
    /// The first one, or why there is none.
    pub fn new(client: Result<Client, String>) -> Self {
        Self(Arc::new(RwLock::new(client)))
    }

    /// The one in force, or why there is none.
    pub fn client(&self) -> Result<Client, String> {
        let held = self.0.read().unwrap_or_else(PoisonError::into_inner);
        held.clone()
    }

    /// From now on this one. Calls under way go on with the one before.
    pub fn renew(&self, client: Result<Client, String>) {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        *held = client;
    }
}
