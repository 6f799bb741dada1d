//! One claim on WeChat for one stay (扣费受理).

use serde::{Deserialize, Serialize};

use super::answer::{Parties, Transaction};
use super::body::{ChargeBody, SentFor};
use super::frozen::ChargeText;
use crate::lane::guard::Doubt;
use crate::lane::number::{SessionId, read_trade_no};
use crate::lane::plate::PlateNumber;
use crate::lane::service::ServiceState;
use crate::lane::session::LaneId;
use crate::lane::tariff::Quote;
use crate::lane::time::Stamp;

/// What is due, as it was when the exit decided. Never changes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claim {
    /// `out_trade_no`.
    #[serde(deserialize_with = "read_trade_no")]
    pub trade_no: String,
    /// The stay that it is for.
    pub session: SessionId,
    /// The plate as read at the entry.
    pub plate: PlateNumber,
    /// Exit lane, `device_id` of the charge.
    pub lane: LaneId,
    /// When the stay began.
    pub entered: Stamp,
    /// When the car arrived at the exit.
    pub exited: Stamp,
    /// Length of the stay, milliseconds; 0 where no clock could tell.
    pub stay_ms: u64,
    /// The fee with the lines that explain it.
    pub quote: Quote,
    /// What becomes of it first.
    pub opening: Opening,
}

/// What becomes of a claim first.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Opening {
    /// To be filed, once its entry is registered.
    ToFile {
        /// File it although the entry was blocked when last heard of (`try_when_blocked`).
        despite_block: bool,
    },
    /// Not to be filed: staff has it from the start.
    ToStaff(StaffReason),
}

/// A claim and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    /// What is due.
    pub claim: Claim,
    /// How far it has come.
    pub state: ChargeState,
    /// Frozen request body; None before it is first sent.
    pub body: Option<Frozen>,
    /// An answer was lost once, so that a refusal of a repeat may hide an acceptance.
    pub in_doubt: bool,
    /// The last word on whether WeChat has it was unsigned: as long as that is so, it may be repeated
    /// and is never [`ChargeState::Due`], from where another channel may take the money.
    #[serde(default)]
    pub unproven: bool,
    /// The car left before WeChat had taken it on.
    pub let_out: bool,
    /// A newer stay of the plate went to WeChat.
    pub superseded: bool,
}

/// The body as frozen, with what its entry was worth when it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Frozen {
    /// The bytes that are sent, every time.
    pub text: ChargeText,
    /// WeChat's id of the entry in them.
    pub parking_id: String,
    /// Whether the entry could be charged when last heard of.
    pub service: ServiceState,
}

/// Where a charge stands. Only `Settled`, `HandedToStaff` and `Withdrawn` leave the queue.
/// `HandedToStaff` is not reachable from `Sent`, `Unknown` or `ToRepeat`: WeChat has to say no first (`Refused`,
/// `Failed`), or that it has no such order (`Due`). `Refused` and `Failed` never outlast their step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ChargeState {
    /// Never sent so far: its entry has no id yet, or its turn has not come.
    WaitingForEntry,
    /// To be sent again, under the same number: WeChat has not got it.
    Due,
    /// On its way; after a restart read as [`ChargeState::Unknown`].
    Sent,
    /// The answer was lost: query before anything else.
    Unknown {
        /// Code of a refusal that may hide an earlier acceptance.
        refused: Option<String>,
    },
    /// An answer that nobody signed says that WeChat has not got it. That is enough to repeat the
    /// number, which is harmless, and not enough to take the money elsewhere.
    ToRepeat,
    /// WeChat took it on; the money has not moved yet.
    Accepted {
        /// Since when; what is not settled 90 days later goes to the staff.
        at: Stamp,
    },
    /// WeChat refused it for good.
    Refused(String),
    /// The order was final without money having moved.
    Failed,
    /// The money moved.
    Settled,
    /// A person finishes it.
    HandedToStaff(StaffReason),
    /// Nothing is claimed any more.
    Withdrawn(WithdrawnReason),
}

/// Why a person must finish a charge. All of these are arrears until staff says otherwise.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffReason {
    /// WeChat refused it, with this code.
    Refused(String),
    /// The order was final without money having moved.
    PaymentFailed,
    /// The entry cannot be charged, in WeChat's word.
    Blocked(String),
    /// There is no entry to charge.
    NotRegistered(String),
    /// A newer stay of the plate made the entry useless.
    Superseded,
    /// Accepted 90 days ago and never settled.
    Unsettled,
    /// The guard kept it from being filed.
    Guarded(Vec<Doubt>),
    /// A person took it out of the queue.
    ByHand {
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
}

/// Why nothing is claimed any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WithdrawnReason {
    /// Cash or another channel.
    PaidElsewhere {
        /// Who took it.
        by: String,
        /// How it was paid.
        channel: String,
    },
    /// It was paid in part, and the rest is claimed anew.
    Replaced {
        /// Who took the part.
        by: String,
        /// How it was paid.
        channel: String,
        /// `out_trade_no` of the claim on the rest.
        trade_no: String,
    },
    /// Let off.
    Waived {
        /// Who decided so.
        by: String,
        /// Why.
        why: String,
    },
}

impl Charge {
    /// The claim before anything happened to it.
    pub fn opened(claim: Claim) -> Self {
        let state = match &claim.opening {
            Opening::ToFile { .. } => ChargeState::WaitingForEntry,
            Opening::ToStaff(reason) => ChargeState::HandedToStaff(reason.clone()),
        };
        Self {
            claim,
            state,
            body: None,
            in_doubt: false,
            unproven: false,
            let_out: false,
            superseded: false,
        }
    }

    /// Fen.
    pub fn fee_fen(&self) -> u64 {
        self.claim.quote.fee_fen
    }

    /// Whether WeChat may still take this money, or may have: no other channel may meanwhile.
    pub fn is_under_way(&self) -> bool {
        matches!(
            self.state,
            ChargeState::Sent | ChargeState::Unknown { .. } | ChargeState::ToRepeat
        )
    }

    /// Whether WeChat has taken it on and its money has not moved yet.
    pub fn is_accepted(&self) -> bool {
        matches!(self.state, ChargeState::Accepted { .. })
    }

    /// Whether WeChat has not yet said yes or no.
    pub fn is_unfiled(&self) -> bool {
        matches!(
            self.state,
            ChargeState::WaitingForEntry
                | ChargeState::Due
                | ChargeState::Sent
                | ChargeState::Unknown { .. }
                | ChargeState::ToRepeat
        )
    }

    /// For whom it is, in partner mode, as frozen; None before it is first sent too.
    pub fn sub_mchid(&self) -> Option<String> {
        self.frozen_body()?.sub_mchid
    }

    /// The same, apart from one that was never sent.
    pub fn sent_for(&self) -> Option<SentFor> {
        let sub_mchid = self.frozen_body()?.sub_mchid;
        Some(SentFor { sub_mchid })
    }

    fn frozen_body(&self) -> Option<ChargeBody> {
        self.body.as_ref()?.text.body()
    }

    /// Whether a verified answer to `mchid`'s call speaks of this charge and of nothing else. What
    /// WeChat left out of its answer (`parking_info` is optional there) cannot contradict; number and
    /// sum must be there.
    pub fn is_meant_by(&self, transaction: &Transaction, mchid: &str) -> bool {
        let parking_id = self.body.as_ref().map(|b| b.parking_id.as_str());
        transaction.out_trade_no == self.claim.trade_no
            && transaction.total_fen == Some(self.fee_fen())
            && transaction.paid.fits(self.fee_fen())
            && echoes(&transaction.parking_id, parking_id)
            && echoes(&transaction.plate_number, Some(self.claim.plate.as_str()))
            && self.is_between(&transaction.parties, mchid)
    }

    /// An answer that names a sub-merchant where none was named speaks of another order too.
    fn is_between(&self, parties: &Parties, mchid: &str) -> bool {
        let Some(body) = self.frozen_body() else {
            return echoes(&parties.sp_mchid, Some(mchid));
        };
        echoes(&parties.sp_mchid, Some(mchid))
            && echoes(&parties.sub_mchid, body.sub_mchid.as_deref())
            && echoes(&parties.appid, Some(&body.appid))
            && echoes(&parties.sub_appid, body.sub_appid.as_deref())
    }
}

/// What is left out cannot contradict.
fn echoes(echo: &Option<String>, own: Option<&str>) -> bool {
    echo.as_deref().is_none_or(|echo| Some(echo) == own)
}
