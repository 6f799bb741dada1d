//! What to do with a vehicle at an exit lane: the table of DESIGN 3.6.

use serde::{Deserialize, Serialize};

use super::guard::{Doubt, WhenGuarded};
use super::raise::{HoldReason, RaiseReason};
use super::service::ServiceState;

/// A blocked state older than this may have changed without our knowing: no callback keeps it fresh.
pub const BLOCKED_STALE_AFTER_MS: u64 = 2 * 60 * 1000;

/// `[exit]` of the configuration.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitRules {
    /// How long a car waits for WeChat to take its charge on, milliseconds.
    pub budget_ms: u64,
    /// How long it waits for the money to move, without the advance permission, milliseconds.
    pub success_budget_ms: u64,
    /// Try a charge once although the entry was blocked when last heard of.
    pub try_when_blocked: bool,
    /// What to do without an entry on record.
    pub no_entry: NoEntry,
    /// What to do with a plate that only resembles one inside.
    pub near_match: NearMatch,
    /// The province of most cars here, for near matching: a misread or lost one weighs little.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub home_province: Option<char>,
    /// After this long a held car is let out as arrears, milliseconds.
    pub held_at_most_ms: u64,
    /// Highest fee let out unfiled when WeChat is silent and the entry was NORMAL, fen.
    pub silent_normal_up_to_fen: u64,
    /// The same for entries of which nothing is known, fen.
    pub silent_unknown_up_to_fen: u64,
    /// Highest sum of fees at risk at any time, fen.
    pub exposure_limit_fen: u64,
    /// After a payment in advance the car may leave within this time without a further fee, milliseconds; None:
    /// within that of the price list.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub time_to_leave_ms: Option<u64>,
    /// The advance permission (垫资): acceptance is money-safe.
    pub advance: bool,
    /// Who cannot be charged may pay by scanning a code.
    #[serde(default)]
    pub pay_by_code: bool,
}

/// What to do without an entry on record (E3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoEntry {
    /// Show the attendant the stays that resemble it.
    Ask,
    /// Let it out, recorded.
    Open,
    /// Wait for the attendant.
    Hold,
}

/// What to do with a plate that only resembles one inside.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NearMatch {
    /// A person confirms it.
    Ask,
    /// Take it if it is the only one and at most one character away.
    Auto,
}

/// What is known of the car in front of the exit barrier.
#[derive(Clone, Debug)]
pub struct ExitCase<'a> {
    /// What the tariff says, fen.
    pub fee_fen: u64,
    /// What gives cause to doubt.
    pub doubts: &'a [Doubt],
    /// How WeChat stands to this stay.
    pub standing: Standing,
    /// Risks taken so far.
    pub risk: Risk,
}

/// How WeChat stands to a stay.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It has an entry.
    Registered {
        /// May it be charged?
        service: ServiceState,
        /// Since when that is known, milliseconds.
        age_ms: u64,
    },
    /// It has none yet, or the answer was lost.
    NotYet,
    /// It can have none.
    Never(String),
}

/// What stands open already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Risk {
    /// WeChat has not been answering.
    pub silent: bool,
    /// Fees of cars let out whose charges WeChat has not taken on yet, fen.
    pub exposure_fen: u64,
    /// What this plate owes from before, fen.
    pub arrears_fen: u64,
}

/// What the lane decides.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ExitDecision {
    /// Nothing to pay.
    LeaveFree,
    /// The guard wants a person, and the barrier does this meanwhile.
    Review(WhenGuarded),
    /// File the charge and wait for the answer.
    File,
    /// Register the entry first, then file, within one budget.
    RegisterThenFile,
    /// Let out now, file later.
    LetOut(RaiseReason),
    /// A person decides; nothing is filed.
    Hold(HoldReason),
    /// A person decides; the charge is filed as soon as WeChat answers.
    HoldAndFile(HoldReason),
}

/// The table, from the top.
pub fn decide(case: &ExitCase<'_>, rules: &ExitRules, guarded: WhenGuarded) -> ExitDecision {
    let harmless_when_free = [
        Doubt::LowConfidence,
        Doubt::ColorContradictsShape,
        Doubt::ZoneUnclear,
    ];
    if case
        .doubts
        .iter()
        .any(|doubt| case.fee_fen > 0 || !harmless_when_free.contains(doubt))
    {
        return ExitDecision::Review(guarded);
    }
    if case.fee_fen == 0 {
        return ExitDecision::LeaveFree;
    }
    match &case.standing {
        Standing::Never(why) => ExitDecision::Hold(HoldReason::NotRegistered(why.clone())),
        _ if case.risk.silent => when_silent(case, rules),
        Standing::Registered {
            service: ServiceState::Normal,
            ..
        } => ExitDecision::File,
        Standing::Registered {
            service: ServiceState::Blocked(why),
            age_ms,
        } => {
            if rules.try_when_blocked && *age_ms > BLOCKED_STALE_AFTER_MS {
                ExitDecision::File
            } else {
                ExitDecision::Hold(HoldReason::Blocked(why.clone()))
            }
        }
        Standing::NotYet => ExitDecision::RegisterThenFile,
    }
}

/// The rows for a silent WeChat: also used when the budget has run out.
pub fn when_silent(case: &ExitCase<'_>, rules: &ExitRules) -> ExitDecision {
    let (limit_fen, reason) = match &case.standing {
        Standing::Registered {
            service: ServiceState::Normal,
            ..
        } => (rules.silent_normal_up_to_fen, RaiseReason::SilentNormal),
        Standing::Registered {
            service: ServiceState::Blocked(why),
            ..
        } => {
            return ExitDecision::Hold(HoldReason::Blocked(why.clone()));
        }
        Standing::NotYet => (rules.silent_unknown_up_to_fen, RaiseReason::SilentUnknown),
        Standing::Never(why) => {
            return ExitDecision::Hold(HoldReason::NotRegistered(why.clone()));
        }
    };
    let at_risk = case.risk.exposure_fen.saturating_add(case.fee_fen);
    let is_over_a_limit = case.fee_fen > limit_fen
        || (at_risk > rules.exposure_limit_fen && !planted!(ExposureUnlimited));
    if case.risk.arrears_fen > 0 {
        ExitDecision::HoldAndFile(HoldReason::Arrears {
            fen: case.risk.arrears_fen,
        })
    } else if is_over_a_limit {
        ExitDecision::HoldAndFile(HoldReason::Silent)
    } else {
        ExitDecision::LetOut(reason)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rules() -> ExitRules {
        ExitRules {
            budget_ms: 1500,
            success_budget_ms: 8000,
            try_when_blocked: true,
            no_entry: NoEntry::Ask,
            near_match: NearMatch::Ask,
            home_province: None,
            held_at_most_ms: 600_000,
            silent_normal_up_to_fen: 5000,
            silent_unknown_up_to_fen: 2000,
            exposure_limit_fen: 200_000,
            time_to_leave_ms: Some(0),
            advance: true,
            pay_by_code: false,
        }
    }

    fn case(fee_fen: u64, standing: Standing) -> ExitCase<'static> {
        ExitCase {
            fee_fen,
            doubts: &[],
            standing,
            risk: Risk::default(),
        }
    }

    fn normal() -> Standing {
        Standing::Registered {
            service: ServiceState::Normal,
            age_ms: 0,
        }
    }

    fn blocked(age_ms: u64) -> Standing {
        Standing::Registered {
            service: ServiceState::Blocked("OVERDUE".into()),
            age_ms,
        }
    }

    fn decided(case: &ExitCase<'_>) -> ExitDecision {
        decide(case, &rules(), WhenGuarded::Hold)
    }

    #[test]
    fn a_doubt_comes_first() {
        for (fee_fen, doubt) in [
            (500, Doubt::StayTooLong),
            (500, Doubt::LowConfidence),
            (0, Doubt::NearMatch),
        ] {
            let doubts = [doubt];
            let case = ExitCase {
                doubts: &doubts,
                ..case(fee_fen, normal())
            };
            assert_eq!(decided(&case), ExitDecision::Review(WhenGuarded::Hold));
        }
    }

    #[test]
    fn a_poor_reading_of_a_known_plate_may_leave_free() {
        let doubts = [Doubt::LowConfidence];
        let case = ExitCase {
            doubts: &doubts,
            ..case(0, normal())
        };
        assert_eq!(decided(&case), ExitDecision::LeaveFree);
    }

    #[test]
    fn the_rows_for_a_wechat_that_answers() {
        assert_eq!(decided(&case(0, Standing::NotYet)), ExitDecision::LeaveFree);
        assert_eq!(decided(&case(500, normal())), ExitDecision::File);
        assert_eq!(
            decided(&case(500, Standing::NotYet)),
            ExitDecision::RegisterThenFile
        );
        assert_eq!(
            decided(&case(500, Standing::Never("no_color".into()))),
            ExitDecision::Hold(HoldReason::NotRegistered("no_color".into()))
        );
    }

    #[test]
    fn a_blocked_entry_is_tried_only_when_the_answer_has_aged() {
        let held = ExitDecision::Hold(HoldReason::Blocked("OVERDUE".into()));
        assert_eq!(decided(&case(500, blocked(BLOCKED_STALE_AFTER_MS))), held);
        assert_eq!(
            decided(&case(500, blocked(BLOCKED_STALE_AFTER_MS + 1))),
            ExitDecision::File
        );
        let never = ExitRules {
            try_when_blocked: false,
            ..rules()
        };
        let case = case(500, blocked(BLOCKED_STALE_AFTER_MS + 1));
        assert_eq!(decide(&case, &never, WhenGuarded::Hold), held);
    }

    #[test]
    fn the_rows_for_a_silent_wechat() {
        let silent = |fee, standing| ExitCase {
            risk: Risk {
                silent: true,
                ..Risk::default()
            },
            ..case(fee, standing)
        };
        assert_eq!(
            decided(&silent(5000, normal())),
            ExitDecision::LetOut(RaiseReason::SilentNormal)
        );
        assert_eq!(
            decided(&silent(5001, normal())),
            ExitDecision::HoldAndFile(HoldReason::Silent)
        );
        assert_eq!(
            decided(&silent(2000, Standing::NotYet)),
            ExitDecision::LetOut(RaiseReason::SilentUnknown)
        );
        assert_eq!(
            decided(&silent(2001, Standing::NotYet)),
            ExitDecision::HoldAndFile(HoldReason::Silent)
        );
        assert_eq!(
            decided(&silent(1, blocked(u64::MAX))),
            ExitDecision::Hold(HoldReason::Blocked("OVERDUE".into()))
        );
    }

    fn at_risk(exposure_fen: u64, arrears_fen: u64) -> ExitCase<'static> {
        let risk = Risk {
            silent: true,
            exposure_fen,
            arrears_fen,
        };
        ExitCase {
            risk,
            ..case(500, normal())
        }
    }

    #[test]
    fn the_sum_at_risk_and_old_arrears_hold() {
        assert_eq!(
            decided(&at_risk(199_501, 0)),
            ExitDecision::HoldAndFile(HoldReason::Silent)
        );
        assert_eq!(
            decided(&at_risk(0, 1)),
            ExitDecision::HoldAndFile(HoldReason::Arrears { fen: 1 })
        );
        assert_eq!(
            decided(&at_risk(199_500, 0)),
            ExitDecision::LetOut(RaiseReason::SilentNormal)
        );
    }
}
