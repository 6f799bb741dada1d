//! `[guard]`: which stays are never charged without a person.

use serde::{Deserialize, Serialize};

use super::document::{Need, Section};

/// The wrong-charge guard's limits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Guard {
    /// A longer stay probably missed an exit.
    pub max_stay_ms: u64,
    /// A higher fee is not filed by itself, fen.
    pub max_fee_fen: u64,
    /// What the barrier does for a stay that the guard keeps from being filed.
    pub at_exit: AtExit,
}

/// What the barrier does for a stay that the guard keeps from being filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AtExit {
    /// It stays down for the attendant; after `held_at_most` the vehicle goes as arrears.
    Hold,
    /// It rises; the stay goes to the review list.
    Open,
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
            &[("hold", AtExit::Hold), ("open", AtExit::Open)],
            &[],
        );
        Self {
            max_stay_ms: max_stay_ms.unwrap_or_default(),
            max_fee_fen: max_fee_fen.unwrap_or_default(),
            at_exit: at_exit.unwrap_or(AtExit::Hold),
        }
    }
}
