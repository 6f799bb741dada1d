//! One refund: money of a settled charge that goes back to whoever paid it (`wechat-pay.md` 4).

use serde::{Deserialize, Serialize};

use super::answer::RefundSeen;
use super::body::SentFor;
use crate::lane::number::{SessionId, read_order_no};
use crate::lane::plate::PlateNumber;
use crate::lane::time::Stamp;

/// What is to go back, of which charge, and who said so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundClaim {
    /// `out_refund_no`: WeChat refunds once by it, however often it is asked.
    pub refund_no: String,
    /// `out_trade_no` of the charge, or of what was paid on the spot.
    #[serde(deserialize_with = "read_order_no")]
    pub trade_no: String,
    /// Its stay.
    pub session: SessionId,
    /// The plate that was charged.
    pub plate: PlateNumber,
    /// The whole charge, fen.
    pub charged_fen: u64,
    /// What of it goes back, fen.
    pub fen: u64,
    /// What the driver reads; at most 80 bytes.
    pub reason: String,
    /// Whose money the charge is; None of an earlier version, which took the configuration's word.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent_for: Option<SentFor>,
    /// It belongs to the correction of this charge.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub corrects: bool,
    /// Who asked for it.
    pub by: String,
    /// Why, for the ledger.
    pub why: String,
    /// When.
    pub at: Stamp,
}

/// A refund in the book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refund {
    /// What was asked for.
    pub claim: RefundClaim,
    /// Where it stands.
    pub state: RefundState,
    /// The body as frozen; None before it is first sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// When it was last sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Stamp>,
    /// An answer was lost, and WeChat has not said since whether it has it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub in_doubt: bool,
    /// That WeChat has not got it was said without a signature.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub unproven: bool,
}

/// Where a refund stands. `Succeeded`, `NotNeeded` and `GivenUp` leave the book.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// Never sent so far: its charge has not settled, or its turn has not come.
    Waiting,
    /// On its way; after a restart read as [`RefundState::Unknown`].
    Sent,
    /// The answer was lost, or WeChat asked for quiet: asked about before anything else.
    Unknown,
    /// WeChat has not got it: the same bytes go again.
    ToRepeat,
    /// WeChat has it, and the money is on its way.
    Processing,
    /// WeChat will not, or not now. The same number may go again.
    Refused {
        /// WeChat's code.
        code: String,
        /// WeChat's words.
        message: String,
        /// It is certain that WeChat has not got it.
        proven: bool,
    },
    /// The driver's account takes no money: the merchant platform finishes it.
    Abnormal,
    /// WeChat closed it without paying. Another refund needs a number of its own.
    Closed,
    /// The driver has the money.
    Succeeded,
    /// Its charge never took money.
    NotNeeded,
    /// A person does not want it any more, or paid otherwise.
    GivenUp,
}

/// What became of a refund, as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundTold {
    /// Nothing believable came back, or the answer says that its outcome is unknown.
    Unknown {
        /// Why.
        why: String,
    },
    /// WeChat has not got it; the same bytes go again.
    Missing {
        /// How that is known.
        why: String,
        /// WeChat signed it, or nothing had left the box.
        proven: bool,
    },
    /// WeChat has it, and the money is on its way.
    Processing {
        /// WeChat's number.
        refund_id: Option<String>,
    },
    /// WeChat will not.
    Refused {
        /// WeChat's code.
        code: String,
        /// WeChat's words.
        message: String,
        /// It is certain that WeChat has not got it.
        proven: bool,
    },
    /// The driver's account takes no money.
    Abnormal {
        /// WeChat's number: the merchant platform finishes it by that.
        refund_id: Option<String>,
    },
    /// WeChat closed it without paying.
    Closed,
    /// The driver has the money.
    Succeeded {
        /// WeChat's number.
        refund_id: Option<String>,
        /// What the driver got, fen; less than the refund where a coupon had paid a part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payer_fen: Option<u64>,
        /// Where, in WeChat's words.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        account: Option<String>,
    },
    /// Its charge never took money.
    NotNeeded,
}

/// *Apply for a refund*, `POST /v3/refund/domestic/refunds` (4.1).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundBody {
    /// Partner mode: whose money it is.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub sub_mchid: Option<String>,
    /// The charge.
    pub out_trade_no: String,
    /// Our number of the refund.
    pub out_refund_no: String,
    /// What the driver reads.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub reason: Option<String>,
    /// https, no query string.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub notify_url: Option<String>,
    /// What of how much.
    pub amount: RefundAmount,
}

/// `amount` of a refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundAmount {
    /// Fen, more than 0.
    pub refund: u64,
    /// The whole charge, fen.
    pub total: u64,
    /// `CNY`.
    pub currency: String,
}

impl Refund {
    /// Before anything happened to it.
    pub fn asked(claim: RefundClaim) -> Self {
        Self {
            claim,
            state: RefundState::Waiting,
            body: None,
            sent: None,
            in_doubt: false,
            unproven: false,
        }
    }

    /// For whom it is, in partner mode, as frozen.
    pub fn sub_mchid(&self) -> Option<String> {
        self.frozen_body()?.sub_mchid
    }

    fn frozen_body(&self) -> Option<RefundBody> {
        serde_json::from_slice(self.body.as_ref()?.as_bytes()).ok()
    }

    /// Whether an answer speaks of this refund and of nothing else: numbers and both sums must be there.
    pub fn is_meant_by(&self, seen: &RefundSeen) -> bool {
        let sub_mchid = self.sub_mchid();
        seen.out_refund_no == self.claim.refund_no
            && seen.out_trade_no == self.claim.trade_no
            && seen.total_fen == Some(self.claim.charged_fen)
            && seen.refund_fen == Some(self.claim.fen)
            && seen
                .payer_refund_fen
                .is_none_or(|fen| fen <= self.claim.fen)
            && (seen.sub_mchid.is_none() || seen.sub_mchid == sub_mchid)
    }
}

impl RefundState {
    /// Whether its money may still go, or has gone, out of its charge: nobody else may have it.
    pub fn reserves(&self) -> bool {
        match self {
            Self::Waiting
            | Self::Sent
            | Self::Unknown
            | Self::ToRepeat
            | Self::Processing
            | Self::Refused { .. }
            | Self::Abnormal
            | Self::Succeeded => true,
            Self::Closed | Self::NotNeeded | Self::GivenUp => false,
        }
    }

    /// Whether WeChat may be at it now, so that no other refund of the same charge may go.
    pub fn is_on_its_way(&self) -> bool {
        matches!(self, Self::Sent | Self::Unknown)
    }

    /// Whether it goes on without a person. A refusal does that a top-up or a mended set-up takes away.
    pub fn goes_on(&self) -> bool {
        match self {
            Self::Waiting
            | Self::Sent
            | Self::Unknown
            | Self::ToRepeat
            | Self::Processing
            | Self::Abnormal => true,
            Self::Refused { code, .. } => {
                matches!(code.as_str(), "NOT_ENOUGH" | "NO_AUTH" | "SIGN_ERROR")
            }
            Self::Closed | Self::Succeeded | Self::NotNeeded | Self::GivenUp => false,
        }
    }

    /// Whether a person has to see to it.
    pub fn needs_a_person(&self) -> bool {
        matches!(self, Self::Refused { .. } | Self::Abnormal | Self::Closed)
    }

    /// As in JSON and on the command line.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::ToRepeat => "to_repeat",
            Self::Processing => "processing",
            Self::Refused { .. } => "refused",
            Self::Abnormal => "abnormal",
            Self::Closed => "closed",
            Self::Succeeded => "succeeded",
            Self::NotNeeded => "not_needed",
            Self::GivenUp => "given_up",
        }
    }
}

/// The text cut to what WeChat takes for a reason, at a whole character; nothing that it would refuse.
pub fn reason_for_driver(text: &str) -> String {
    const BYTES_MAX: usize = 80;
    let mut cut = String::new();
    let fits = |c: char| !c.is_control() && c.len_utf8() <= 3;
    for c in text.trim().chars().filter(|c| fits(*c)) {
        if cut.len() + c.len_utf8() > BYTES_MAX {
            break;
        }
        cut.push(c);
    }
    cut
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reason_is_cut_at_a_whole_character_and_to_what_wechat_takes() {
        assert_eq!(reason_for_driver("  误收\n了🚗 "), "误收了");
        let long = reason_for_driver(&"误".repeat(40));
        assert_eq!((long.len(), long.chars().count()), (78, 26));
        assert_eq!(reason_for_driver(&"a".repeat(100)).len(), 80);
    }
}
