//! `[entry]`: what happens to a vehicle that wants to come in.

use serde::{Deserialize, Serialize};

use super::document::{Need, Section};
use crate::lane::entry::Unreadable;
use crate::lane::places::WhenFull;

/// Rules of the entry lanes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    /// How long the barrier waits for WeChat's answer, so that the display can greet with it;
    /// 0 raises at once.
    pub wait_for_wechat_ms: u64,
    /// What a vehicle without a readable plate meets.
    pub unreadable: Unreadable,
    /// What a vehicle meets when no place is left.
    pub full: WhenFull,
    /// The same for season tickets.
    pub full_permits: WhenFull,
}

impl Entry {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let wait_for_wechat_ms = section.duration_ms(
            "wait_for_wechat",
            Need::Default("\"0s\"".into()),
            500,
            0..=1500,
        );
        let unreadable = section.choice(
            "unreadable",
            Some("hold"),
            &[("hold", Unreadable::Hold), ("open", Unreadable::Open)],
            &[],
        );
        let when_full = [("hold", WhenFull::Hold), ("open", WhenFull::Open)];
        let full = section.choice("full", Some("hold"), &when_full, &[]);
        let full_permits = section.choice("full_permits", Some("open"), &when_full, &[]);
        Self {
            wait_for_wechat_ms: wait_for_wechat_ms.unwrap_or_default(),
            unreadable: unreadable.unwrap_or(Unreadable::Hold),
            full: full.unwrap_or(WhenFull::Hold),
            full_permits: full_permits.unwrap_or(WhenFull::Open),
        }
    }
}
