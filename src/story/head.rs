//! The head of a step: when it was decided.

use serde::Deserialize;

use crate::lane::time::Now;
use crate::store::record::{Class, Record as Stored};

/// The number of a step's head on disk.
pub const STEP: u16 = 1;

/// When the records from here on were decided, if this one is a step's head.
pub fn decided_at(stored: &Stored) -> Option<Now> {
    #[derive(Deserialize)]
    struct Head {
        now: Now,
    }
    let may_be_read = is_head(stored) && !stored.payload.is_empty();
    may_be_read.then_some(())?;
    let head: Head = serde_json::from_slice(&stored.payload).ok()?;
    Some(head.now)
}

/// Whether a record is a step's head, also if its contents are erased.
pub fn is_head(stored: &Stored) -> bool {
    stored.kind == STEP && matches!(stored.class, Class::Reading | Class::Money | Class::Event)
}
