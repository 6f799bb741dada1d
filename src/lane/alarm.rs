//! What a person should know now, with what to do about it.

use serde::{Deserialize, Serialize};

/// A condition that was found, or is over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alarm {
    /// What it is.
    pub kind: AlarmKind,
    /// What it concerns, where there may be several: a lane, a number.
    pub subject: String,
    /// False: it is over.
    pub raised: bool,
    /// What is wrong and what to do.
    pub text: String,
}

/// The kinds of alarm; the name is the alarm's id.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AlarmKind {
    /// WeChat does not answer.
    WechatSilent,
    /// WeChat refuses this merchant.
    MerchantStopped,
    /// A verified answer speaks of something else than was asked.
    AnswerMismatch,
    /// WeChat's errors come without a signature.
    UnsignedErrors,
    /// The store cannot write.
    StoreFailed,
    /// Records that may be missing after a start.
    StoreDamaged,
    /// The index over the ledger was set aside, or is not there.
    IndexUnavailable,
    /// A camera or broker is not reachable.
    LinkDown,
    /// A barrier did not answer.
    BarrierUncertain,
    /// A car was held for too long.
    HeldTooLong,
    /// A charge went to the staff.
    ChargeWithStaff,
    /// Secrets are missing or do not fit.
    SecretsMissing,
    /// The wall clock is not trusted; nothing is signed.
    ClockUntrusted,
}

impl AlarmKind {
    /// How soon a person should look.
    pub fn severity(self) -> Severity {
        match self {
            Self::MerchantStopped
            | Self::StoreFailed
            | Self::StoreDamaged
            | Self::SecretsMissing
            | Self::AnswerMismatch => Severity::Critical,
            Self::WechatSilent
            | Self::LinkDown
            | Self::HeldTooLong
            | Self::BarrierUncertain
            | Self::UnsignedErrors
            | Self::ClockUntrusted => Severity::Warning,
            Self::IndexUnavailable | Self::ChargeWithStaff => Severity::Notice,
        }
    }
}

/// How soon a person should look.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// In working hours.
    Notice,
    /// Today.
    Warning,
    /// Now.
    Critical,
}
