//! What a person asks for who wants a plate's payloads erased.

use serde::{Deserialize, Serialize};

use crate::lane::plate::PlateNumber;

/// Which plate, and who answers for it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Wanted {
    pub plate: PlateNumber,
    pub by: String,
    pub why: String,
    /// Only tell what would go.
    #[serde(default)]
    pub dry_run: bool,
}
