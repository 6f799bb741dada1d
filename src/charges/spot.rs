//! One order that is paid on the spot: the driver at the exit scans a code, since nothing can be charged to the
//! plate (Native pay, `wechat-pay.md` 6).

use serde::{Deserialize, Deserializer, Serialize};

use super::answer::NativeSeen;
use crate::lane::number::{NoNumber, NumberKey, SessionId};
use crate::lane::plate::PlateNumber;
use crate::lane::session::LaneId;
use crate::lane::time::{Stamp, Wall};
use crate::wechat::native::{Order, Payee};

/// So long the code of an order can be paid; then another order takes its place.
const LASTS_MS: i64 = 15 * 60 * 1000;

/// What is asked for, of whom, where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpotClaim {
    /// `out_trade_no`, never that of a parking charge.
    #[serde(deserialize_with = "read_spot_no")]
    pub number: String,
    /// The stay.
    pub session: SessionId,
    /// Its plate, as read at the entry.
    pub plate: PlateNumber,
    /// The exit lane at which the car stands.
    pub lane: LaneId,
    /// When the stay began.
    pub entered: Stamp,
    /// What is due, fen.
    pub fen: u64,
    /// When it was asked for.
    pub at: Stamp,
}

/// An order that may still be paid, or become so.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Spot {
    /// What is asked for.
    pub claim: SpotClaim,
    /// Where it stands.
    pub state: SpotState,
    /// The body as frozen; None before it is first sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Nobody waits for its money any more: it is to be closed. Until WeChat says that it is, the money may
    /// still come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub given_up: Option<GivenUp>,
}

/// Where an order stands. What is paid, closed or refused is no [`Spot`] any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpotState {
    /// Never sent so far.
    Waiting,
    /// On its way; after a restart read as [`SpotState::Unknown`].
    Sent,
    /// The answer was lost: asked about before anything else.
    Unknown,
    /// WeChat has not got it, or has it and its code was lost: the same bytes go again.
    ToRepeat,
    /// The driver can pay it.
    Open {
        /// The text of the QR code.
        code_url: String,
    },
}

/// Why nobody waits for the money any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GivenUp {
    /// The car does not stand there any more, or waits for something else.
    NotHeld,
    /// Another sum is due by now.
    OtherSum,
    /// Its time is over, and WeChat has not said so.
    RanOut,
}

/// What became of an order, as the ledger has it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SpotTold {
    /// Nothing believable came back.
    Unknown {
        /// Why.
        why: String,
    },
    /// The same bytes go again.
    ToRepeat {
        /// Why.
        why: String,
    },
    /// WeChat has it, and gave its code out.
    Open {
        /// The text of the QR code.
        code_url: String,
    },
    /// The driver paid it.
    Paid {
        /// WeChat's number of the order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction_id: Option<String>,
        /// What the driver paid, fen; less than was asked for where a coupon paid a part.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        payer_fen: Option<u64>,
    },
    /// The driver paid it, and WeChat has given the money back, or a part of it, before it was heard of here:
    /// by whose hand parkgate does not know. Nothing came in by it.
    GivenBack {
        /// WeChat's number of the order.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        transaction_id: Option<String>,
    },
    /// It cannot be paid any more.
    Closed {
        /// How that is known.
        why: String,
    },
    /// WeChat does not take it. Its code was never given out, so nobody can pay it.
    Refused {
        /// WeChat's code.
        code: String,
        /// WeChat's words.
        message: String,
    },
}

/// An order that was paid, and how WeChat knows it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpotPaid {
    /// What was asked for, and paid.
    pub claim: SpotClaim,
    /// WeChat's number of the order.
    pub transaction_id: Option<String>,
}

impl Spot {
    /// Before anything happened to it.
    pub fn asked(claim: SpotClaim) -> Self {
        Self {
            claim,
            state: SpotState::Waiting,
            body: None,
            given_up: None,
        }
    }

    /// What the driver scans, as long as that is wanted.
    pub fn code_url(&self) -> Option<&str> {
        match (&self.state, self.given_up) {
            (SpotState::Open { code_url }, None) => Some(code_url),
            _ => None,
        }
    }

    /// Whether anybody can have its code. Who has none can pay nothing.
    pub fn was_shown(&self) -> bool {
        matches!(self.state, SpotState::Open { .. })
    }

    /// In whose name it was made, as frozen; None before it is first sent.
    pub fn payee(&self) -> Option<Payee> {
        /// The rest is passed over.
        #[derive(Deserialize)]
        struct Named {
            #[serde(alias = "sp_mchid")]
            mchid: String,
            #[serde(alias = "sp_appid")]
            appid: String,
            sub_mchid: Option<String>,
        }
        let named: Named = serde_json::from_slice(self.body.as_ref()?.as_bytes()).ok()?;
        Some(Payee {
            mchid: named.mchid,
            appid: named.appid,
            sub_mchid: named.sub_mchid,
        })
    }

    /// When its code stops working, as frozen.
    pub fn expires(&self) -> Option<Wall> {
        /// The rest is passed over.
        #[derive(Deserialize)]
        struct Timed {
            time_expire: String,
        }
        let timed: Timed = serde_json::from_slice(self.body.as_ref()?.as_bytes()).ok()?;
        Wall::from_rfc3339(&timed.time_expire)
    }

    /// When it is over at the latest, whether what was frozen can be read or not.
    pub fn ends(&self) -> Wall {
        let expires = self.expires();
        expires.unwrap_or(self.claim.at.now.wall.plus_ms(LASTS_MS))
    }

    /// Whether a verified answer speaks of this order and of nothing else. Of an order that nobody paid the
    /// sum may be left out.
    pub fn is_meant_by(&self, seen: &NativeSeen) -> bool {
        if self.state == SpotState::Waiting {
            // WeChat cannot know what never left.
            return false;
        }
        // Where the record of what was sent cannot be read any more, its number and sum must do.
        let payee = self.payee();
        let payee = payee.as_ref();
        let sum_fits = match seen.state {
            super::answer::NativeState::Paid | super::answer::NativeState::Refunded => {
                seen.total_fen == Some(self.claim.fen)
            }
            _ => seen.total_fen.is_none_or(|fen| fen == self.claim.fen),
        };
        seen.out_trade_no == self.claim.number
            && sum_fits
            && payee.is_none_or(|payee| {
                seen.mchid.as_ref().is_none_or(|id| *id == payee.mchid)
                    && (seen.sub_mchid.is_none() || seen.sub_mchid == payee.sub_mchid)
            })
    }
}

impl SpotClaim {
    /// The body of the order, to be frozen.
    pub(super) fn body(
        &self,
        payee: &Payee,
        description: &str,
        notify_url: &str,
        now: Wall,
    ) -> String {
        Order {
            payee,
            out_trade_no: &self.number,
            description,
            total_fen: self.fen,
            expires: now.plus_ms(LASTS_MS).floor_to_second(),
            notify_url,
        }
        .body()
    }
}

impl SpotState {
    /// As in JSON and on the command line.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Sent => "sent",
            Self::Unknown => "unknown",
            Self::ToRepeat => "to_repeat",
            Self::Open { .. } => "open",
        }
    }
}

/// Only a number that this release gives out for such an order.
fn read_spot_no<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let text = String::deserialize(deserializer)?;
    match NumberKey::of_spot_no(&text) {
        Some(_) => Ok(text),
        None => Err(serde::de::Error::custom(NoNumber)),
    }
}
