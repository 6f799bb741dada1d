//! What became of a refund (退款结果通知, `wechat-pay.md` 4.5).

use crate::charges::answer::{RefundSeen, RefundWord};
use serde::{Deserialize, Serialize};

use crate::lane::time::Wall;
use crate::wechat::parking::{self, ParseFault};

/// See the module. Sums in fen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundNotice {
    /// The merchant; in partner mode the provider, where WeChat writes `sp_mchid`.
    pub mchid: Option<String>,
    /// For whom, in partner mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_mchid: Option<String>,
    /// Our number of the refund.
    pub out_refund_no: String,
    /// WeChat's.
    pub refund_id: String,
    /// Our number of the order that is refunded.
    pub out_trade_no: String,
    /// WeChat's.
    pub transaction_id: Option<String>,
    /// Where it stands.
    pub state: RefundState,
    /// When the money moved.
    pub success_at: Option<Wall>,
    /// Whereto, in WeChat's words.
    pub received_by: Option<String>,
    /// The order's sum.
    pub total_fen: Option<u64>,
    /// What is refunded of it.
    pub refund_fen: Option<u64>,
    /// What the payer had paid.
    pub payer_total_fen: Option<u64>,
    /// What the payer gets back.
    pub payer_refund_fen: Option<u64>,
}

/// `refund_status`; unknown words are kept and are not final.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundState {
    /// `SUCCESS`.
    Success,
    /// `CLOSED`: refused or withdrawn.
    Closed,
    /// `ABNORMAL`: the card is dead, a person must handle it.
    Abnormal,
    /// A word this version does not know.
    Other(String),
}

impl RefundNotice {
    /// As an answer to a query would say it.
    pub fn seen(&self) -> RefundSeen {
        RefundSeen {
            out_refund_no: self.out_refund_no.clone(),
            out_trade_no: self.out_trade_no.clone(),
            sub_mchid: self.sub_mchid.clone(),
            state: match &self.state {
                RefundState::Success => RefundWord::Success,
                RefundState::Closed => RefundWord::Closed,
                RefundState::Abnormal => RefundWord::Abnormal,
                RefundState::Other(word) => RefundWord::Other(word.clone()),
            },
            refund_id: Some(self.refund_id.clone()),
            total_fen: self.total_fen,
            refund_fen: self.refund_fen,
            payer_refund_fen: self.payer_refund_fen,
            account: self.received_by.clone(),
        }
    }

    /// Reads the opened part.
    ///
    /// # Errors
    /// Where a part is missing without which nothing can be said.
    pub(super) fn read(opened: &[u8]) -> Result<Self, ParseFault> {
        let refund = parking::object(opened)?;
        let mchid = parking::optional(&refund["mchid"]);
        let amount = &refund["amount"];
        Ok(Self {
            mchid: mchid.or_else(|| parking::optional(&refund["sp_mchid"])),
            sub_mchid: parking::optional(&refund["sub_mchid"]),
            out_refund_no: parking::required(&refund, "out_refund_no")?,
            refund_id: parking::required(&refund, "refund_id")?,
            out_trade_no: parking::required(&refund, "out_trade_no")?,
            transaction_id: parking::optional(&refund["transaction_id"]),
            state: match parking::required(&refund, "refund_status")? {
                word if word == "SUCCESS" => RefundState::Success,
                word if word == "CLOSED" => RefundState::Closed,
                word if word == "ABNORMAL" => RefundState::Abnormal,
                word => RefundState::Other(word),
            },
            success_at: refund["success_time"].as_str().and_then(Wall::from_rfc3339),
            received_by: parking::optional(&refund["user_received_account"]),
            total_fen: amount["total"].as_u64(),
            refund_fen: amount["refund"].as_u64(),
            payer_total_fen: amount["payer_total"].as_u64(),
            payer_refund_fen: amount["payer_refund"].as_u64(),
        })
    }
}
