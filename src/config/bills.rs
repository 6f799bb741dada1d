//! `[bills]`: WeChat's daily bills, fetched and matched by the daemon itself.

use serde::{Deserialize, Serialize};

use super::document::{Need, Section};
use super::retention::MOST;

/// When bills are fetched, and how long they are kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BillsSection {
    /// Whether the daemon does that.
    pub fetch: bool,
    /// From which hour of Beijing on the bill of the day before is asked for.
    pub from_hour: u64,
    /// So long they are kept.
    pub keep_days: u64,
    /// A bill that is missing for so long is an alarm.
    pub missing_days: u64,
}

impl Default for BillsSection {
    fn default() -> Self {
        Self {
            fetch: true,
            from_hour: 10,
            keep_days: 1095,
            missing_days: 3,
        }
    }
}

impl BillsSection {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let ordinary = Self::default();
        let fetch = section.flag("fetch", ordinary.fetch);
        let from_hour = section.integer("from_hour", Need::Default("10".into()), 10..=23);
        let keep_days = section.days("keep", ordinary.keep_days, 31..=MOST);
        let missing_days = section.days("missing", ordinary.missing_days, 1..=60);
        Self {
            fetch,
            from_hour: from_hour.unwrap_or(ordinary.from_hour),
            keep_days: keep_days.unwrap_or(MOST),
            missing_days: missing_days.unwrap_or(ordinary.missing_days),
        }
    }
}
