//! `[exit]`: when the barrier rises for a vehicle that wants to leave.

use serde::{Deserialize, Serialize};

use super::document::{Need, Section};
use crate::lane::exit::{NearMatch, NoEntry};

/// Longer addresses make codes that no display shows and no telephone reads.
const PAGE_BYTES_MAX: usize = 300;

/// Rules of the exit lanes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exit {
    /// How long the vehicle waits for a charge to be accepted.
    pub budget_ms: u64,
    /// How long it waits for the money to move, where nothing is advanced.
    pub success_budget_ms: u64,
    /// Whether a charge is tried once on an entry remembered as blocked.
    pub try_when_blocked: bool,
    /// What a vehicle without an open session meets.
    pub no_entry: NoEntry,
    /// Whether a session of a nearly equal plate may be charged without asking.
    pub near_match: NearMatch,
    /// After this long before a barrier that stays down, the vehicle goes as arrears.
    pub held_at_most_ms: u64,
    /// After a payment in advance the vehicle may leave within this time without a further fee.
    pub time_to_leave_ms: Option<u64>,
    /// Whether a vehicle that cannot be charged is shown a code to pay by.
    #[serde(default)]
    pub pay_by_code: bool,
    /// The operator's own page on which a driver enrols a plate; shown where one is not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub enrol_url: Option<String>,
    /// What is let out while WeChat does not answer.
    pub if_wechat_silent: IfWechatSilent,
}

/// The operator's own risk while WeChat does not answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct IfWechatSilent {
    /// Highest fee let out when the entry was last known as `NORMAL`, fen.
    pub normal_up_to_fen: u64,
    /// Highest fee let out when nothing is known of the entry, fen.
    pub unknown_up_to_fen: u64,
    /// Sum let out in one outage, fen.
    pub exposure_limit_fen: u64,
}

impl Exit {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let before = section.faults();
        let budget_ms = section.duration_ms(
            "budget",
            Need::Default("\"1500ms\"".into()),
            1500,
            100..=10_000,
        );
        let success_budget_ms = section.duration_ms(
            "success_budget",
            Need::Default("\"8s\"".into()),
            8000,
            1000..=60_000,
        );
        let try_when_blocked = section.flag("try_when_blocked", true);
        let no_entry = section.choice(
            "no_entry",
            Some("ask"),
            &[
                ("ask", NoEntry::Ask),
                ("open", NoEntry::Open),
                ("hold", NoEntry::Hold),
            ],
            &[],
        );
        let near_match = section.choice(
            "near_match",
            Some("ask"),
            &[("ask", NearMatch::Ask), ("auto", NearMatch::Auto)],
            &[],
        );
        let held_at_most_ms = section.duration_ms(
            "held_at_most",
            Need::Default("\"10m\"".into()),
            600_000,
            60_000..=7_200_000,
        );
        let time_to_leave_ms =
            section.duration_ms("time_to_leave", Need::Optional, 900_000, 0..=7_200_000);
        let pay_by_code = section.flag("pay_by_code", false);
        let enrol_url = section.parsed("enrol_url", Need::Optional, "https:// address", page);
        if section.faults() == before && success_budget_ms < budget_ms {
            section.fault(
                "success_budget",
                "shorter than budget; write at least as much, since money moves after acceptance"
                    .into(),
            );
        }
        Self {
            budget_ms: budget_ms.unwrap_or_default(),
            success_budget_ms: success_budget_ms.unwrap_or_default(),
            try_when_blocked,
            no_entry: no_entry.unwrap_or(NoEntry::Ask),
            near_match: near_match.unwrap_or(NearMatch::Ask),
            held_at_most_ms: held_at_most_ms.unwrap_or_default(),
            time_to_leave_ms,
            pay_by_code,
            enrol_url,
            if_wechat_silent: section.section("if_wechat_silent", IfWechatSilent::read),
        }
    }
}

/// A page that a driver opens by scanning its address.
fn page(text: &str) -> Result<String, String> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    let rest = text.strip_prefix("https://").filter(|_| is_plain);
    match rest {
        Some(rest) if !rest.is_empty() && text.len() <= PAGE_BYTES_MAX => Ok(text.to_owned()),
        _ => Err(format!(
            "{:?} is no page to be scanned; write https:// and at most {PAGE_BYTES_MAX} characters, none of them \
             blank or outside ASCII",
            super::value::shortened(text)
        )),
    }
}

impl IfWechatSilent {
    fn read(section: &mut Section<'_>) -> Self {
        let before = section.faults();
        let mut fen = |key, default: &str, most| {
            section
                .integer(key, Need::Default(default.to_owned()), 0..=most)
                .unwrap_or_default()
        };
        let limits = Self {
            normal_up_to_fen: fen("normal_up_to_fen", "5000", 1_000_000),
            unknown_up_to_fen: fen("unknown_up_to_fen", "2000", 1_000_000),
            exposure_limit_fen: fen("exposure_limit_fen", "200000", 100_000_000),
        };
        if section.faults() == before && limits.unknown_up_to_fen > limits.normal_up_to_fen {
            section.fault(
                "unknown_up_to_fen",
                format!(
                    "{} would trust an unknown plate further than one known as NORMAL; write at most normal_up_to_fen, {}",
                    limits.unknown_up_to_fen, limits.normal_up_to_fen
                ),
            );
        }
        limits
    }
}
