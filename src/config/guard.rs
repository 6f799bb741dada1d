//! `[guard]`: which stays are never charged without a person.

use serde::{Deserialize, Serialize};

use super::document::{Need, Section};
use crate::lane::guard::WhenGuarded;

/// The wrong-charge guard's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// A longer stay probably missed an exit.
    pub max_stay_ms: u64,
    /// A higher fee is not filed by itself, fen.
    pub max_fee_fen: u64,
    /// What the barrier does for a stay that the guard keeps from being filed.
    pub at_exit: WhenGuarded,
}

impl Guard {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        const HOUR_MS: u64 = 3_600_000;
        let max_stay_ms = section.duration_ms(
            "max_stay",
            Need::Default("\"72h\"".into()),
            72 * HOUR_MS,
            HOUR_MS..=8760 * HOUR_MS,
        );
        let max_fee_fen =
            section.integer("max_fee_fen", Need::Default("10000".into()), 1..=1_000_000);
        let at_exit = section.choice(
            "at_exit",
            Some("hold"),
            &[("hold", WhenGuarded::Hold), ("open", WhenGuarded::Open)],
            &[],
        );
        Self {
            max_stay_ms: max_stay_ms.unwrap_or_default(),
            max_fee_fen: max_fee_fen.unwrap_or_default(),
            at_exit: at_exit.unwrap_or(WhenGuarded::Hold),
        }
    }
}
