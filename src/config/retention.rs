//! `[retention]`: how long the ledger keeps what, and where it goes before.

use std::ops::RangeInclusive;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::document::{Need, Section};

/// Days by class of record (docs/record-kinds.md), and the archive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Retention {
    /// What cameras saw.
    pub readings_days: u64,
    /// Stays, barriers and people.
    pub sessions_days: u64,
    /// Entries and charges.
    pub money_days: u64,
    /// Everything else.
    pub events_days: u64,
    /// Folder that closed segments are copied to before anything is taken out of them.
    pub archive: Option<PathBuf>,
}

/// A century: for good.
pub(super) const MOST: u64 = 36_500;

impl Retention {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let mut days = |key, default, range| section.days(key, default, range).unwrap_or(MOST);
        Self {
            readings_days: days("readings", 30, 1..=MOST),
            sessions_days: days("sessions", 180, 7..=MOST),
            money_days: days("money", 1095, 180..=MOST),
            events_days: days("events", 180, 7..=MOST),
            archive: section.path("archive", Need::Optional),
        }
    }
}

impl Section<'_> {
    /// A number of days, `"30d"`.
    pub(super) fn days(
        &mut self,
        key: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Option<u64> {
        const DAY_MS: u64 = 86_400_000;
        let need = Need::Default(format!("\"{default}d\""));
        let range_ms = range.start() * DAY_MS..=range.end() * DAY_MS;
        let ms = self.duration_ms(key, need, default * DAY_MS, range_ms)?;
        if ms % DAY_MS != 0 {
            let text = format!("whole days are counted; write \"{}d\"", ms.div_ceil(DAY_MS));
            self.fault(key, text);
            return None;
        }
        Some(ms / DAY_MS)
    }
}
