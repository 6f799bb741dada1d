//! What became of a Native order (`wechat-pay.md` 6.2): the event is that of a charge, the object another.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::charges::answer::{NativeSeen, NativeState};
use crate::lane::time::Wall;
use crate::wechat::parking::{self, ParseFault};

/// See the module. Sums in fen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct NativeNotice {
    /// The merchant; in partner mode the provider, where WeChat writes `sp_mchid`.
    pub mchid: Option<String>,
    /// For whom, in partner mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub_mchid: Option<String>,
    /// Bound to the merchant id.
    pub appid: Option<String>,
    /// Our number of the order.
    pub out_trade_no: String,
    /// WeChat's.
    pub transaction_id: Option<String>,
    /// `trade_state` as WeChat wrote it.
    pub trade_state: String,
    /// What was asked for.
    pub total_fen: Option<u64>,
    /// What was paid.
    pub payer_total_fen: Option<u64>,
    /// When it was paid.
    pub success_at: Option<Wall>,
}

/// Whether an opened transaction is no parking charge: it says how it is traded, and not that it is for
/// parking.
pub(super) fn is_native(transaction: &Value) -> bool {
    transaction["trade_type"].is_string()
        && transaction["trade_scene"] != "PARKING"
        && transaction["parking_info"].is_null()
}

impl NativeNotice {
    /// As an answer to a query would say it.
    pub fn seen(&self) -> NativeSeen {
        NativeSeen {
            out_trade_no: self.out_trade_no.clone(),
            mchid: self.mchid.clone(),
            sub_mchid: self.sub_mchid.clone(),
            state: NativeState::of(&self.trade_state),
            total_fen: self.total_fen,
            payer_total_fen: self.payer_total_fen,
            transaction_id: self.transaction_id.clone(),
        }
    }

    /// Reads the opened part.
    ///
    /// # Errors
    /// Where a part is missing without which nothing can be said.
    pub(super) fn read(opened: &[u8]) -> Result<Self, ParseFault> {
        let order = parking::object(opened)?;
        let either = |one: &str, other: &str| {
            parking::optional(&order[one]).or_else(|| parking::optional(&order[other]))
        };
        Ok(Self {
            mchid: either("mchid", "sp_mchid"),
            sub_mchid: parking::optional(&order["sub_mchid"]),
            appid: either("appid", "sp_appid"),
            out_trade_no: parking::required(&order, "out_trade_no")?,
            transaction_id: parking::optional(&order["transaction_id"]),
            trade_state: parking::required(&order, "trade_state")?,
            total_fen: order["amount"]["total"].as_u64(),
            payer_total_fen: order["amount"]["payer_total"].as_u64(),
            success_at: order["success_time"].as_str().and_then(Wall::from_rfc3339),
        })
    }
}
