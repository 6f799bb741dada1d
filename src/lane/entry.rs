//! What to do with a vehicle at an entry lane. An entering car is never refused for WeChat's sake.

use serde::{Deserialize, Serialize};

use super::guard::Doubt;
use super::places::PlaceRules;
use super::raise::{HoldReason, RaiseReason};

/// `[entry]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EntryRules {
    /// How long the barrier waits for WeChat's answer, milliseconds; 0 raises at once.
    pub wait_for_wechat_ms: u64,
    /// What to do with a vehicle whose plate cannot be read.
    pub unreadable: Unreadable,
    /// How many cars there is room for; None: they are not counted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub places: Option<PlaceRules>,
}

/// What to do with a vehicle whose plate cannot be read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unreadable {
    /// Wait for the attendant.
    Hold,
    /// Let it in without a session.
    Open,
}

/// What stands in front of the entry barrier.
#[derive(Clone, Debug)]
pub struct EntryCase<'a> {
    /// There is a plate to open a session with.
    pub has_plate: bool,
    /// The plate is on the block list.
    pub blocked: bool,
    /// There is no room for a car of its class.
    pub full: bool,
    /// What the reading gives cause to doubt.
    pub doubts: &'a [Doubt],
}

/// What the lane decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum EntryDecision {
    /// Open a session, raise (after `wait_for_wechat`).
    Admit,
    /// Raise without a session.
    AdmitUnread(RaiseReason),
    /// Do not raise; a person decides.
    Hold(HoldReason),
}

/// The entry rules of DESIGN 3.6.
pub fn decide(case: &EntryCase<'_>, rules: &EntryRules) -> EntryDecision {
    let fake = case.doubts.contains(&Doubt::FakePlate);
    if case.blocked {
        return EntryDecision::Hold(HoldReason::BlockListed);
    }
    if case.full {
        return EntryDecision::Hold(HoldReason::Full);
    }
    match (case.has_plate && !fake, rules.unreadable) {
        (true, _) => EntryDecision::Admit,
        (false, Unreadable::Open) => EntryDecision::AdmitUnread(RaiseReason::UnreadableOpen),
        (false, Unreadable::Hold) => EntryDecision::Hold(HoldReason::Unreadable),
    }
}
