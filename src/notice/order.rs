//! What became of a charge (订单支付结果通知, `wechat-pay.md` 3.4).

use serde::{Deserialize, Serialize};

use crate::charges::answer::Transaction;
use crate::wechat::parking::{self, ParseFault};

/// See the module.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OrderNotice {
    /// What WeChat says has happened.
    pub event: OrderEvent,
    /// The order as WeChat sees it.
    pub order: Transaction,
}

/// What happened to an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OrderEvent {
    /// `TRANSACTION.SUCCESS`: the money moved, or WeChat advanced it.
    Success,
    /// `TRANSACTION.FAIL`: final, not collected.
    Fail,
    /// `TRANSACTION.PAY_BACK`: the driver repaid what WeChat had advanced.
    PayBack,
}

impl OrderNotice {
    /// Reads the opened part.
    ///
    /// # Errors
    /// Where a part is missing without which nothing can be said.
    pub(super) fn read(event: OrderEvent, opened: &[u8]) -> Result<Self, ParseFault> {
        let order = parking::transaction(opened)?;
        Ok(Self { event, order })
    }
}
