//! Refunds, and what to do about those that need a person.

use super::{Lang, Pair, pair};
use crate::charges::refund::RefundState;
use crate::lane::tariff::yuan;
use crate::story::refund::RefundRow;

pub const NUMBER: Pair = pair("refund", "退款单号");
pub const ASKED: Pair = pair("asked", "申请时间");
pub const SUM: Pair = pair("sum", "金额");
pub const NONE: Pair = pair("no refunds", "没有退款");
pub const NO_SUCH: Pair = pair(
    "the ledger knows no refund of this number",
    "账本中没有此退款单号",
);
pub const REFUNDED: Pair = pair("refunded", "已退款");

impl Lang {
    /// Where a refund stands, and what to do.
    pub fn refund_state(self, row: &RefundRow) -> String {
        let words = match &row.state {
            RefundState::Waiting => pair("waits for its charge to settle", "等待扣费到账"),
            RefundState::Sent => pair("sent", "已发送"),
            RefundState::Unknown => pair("unknown, WeChat is asked", "结果未知，正在查询"),
            RefundState::ToRepeat => pair("to be repeated", "待原样重发"),
            RefundState::Processing => pair("on its way to the driver", "退款处理中"),
            RefundState::Refused { code, .. } => {
                let what = self.of(remedy(code));
                return match self {
                    Self::En => format!("refused: {code}; {what}"),
                    Self::Zh => format!("微信拒绝：{code}；{what}"),
                };
            }
            RefundState::Abnormal => pair(
                "abnormal: finish it in the merchant platform, or pay otherwise and `refund close`",
                "退款异常：请在商户平台处理，或另行退还后执行 `refund close`",
            ),
            RefundState::Closed => pair(
                "closed by WeChat without paying: ask anew, or `refund close`",
                "微信已关闭，未退款：请重新申请，或执行 `refund close`",
            ),
            RefundState::Succeeded => {
                return match (self, row.payer_fen.filter(|fen| *fen != row.fen)) {
                    (_, None) => self.of(pair("done", "已退款")).to_owned(),
                    (Self::En, Some(fen)) => format!("done, {} to the driver", yuan(fen)),
                    (Self::Zh, Some(fen)) => format!("已退款，实退 {} 元", yuan(fen)),
                };
            }
            RefundState::NotNeeded => pair("not needed: never paid", "无需退款：未曾扣款"),
            RefundState::GivenUp => {
                let ended = row.ended.as_deref().unwrap_or_default();
                return format!("{}: {ended}", self.of(pair("ended", "已结束")));
            }
        };
        self.of(words).to_owned()
    }
}

/// What to do about a refusal, by WeChat's code; the alarm says it at length.
fn remedy(code: &str) -> Pair {
    match code {
        "NOT_ENOUGH" => pair(
            "top up the merchant's balance, then `refund retry`",
            "商户余额不足，请充值后执行 `refund retry`",
        ),
        "USER_ACCOUNT_ABNORMAL" => pair(
            "the driver's account is closed: pay otherwise, then `refund close`",
            "用户账户已注销，请另行退还后执行 `refund close`",
        ),
        "NO_AUTH" | "SIGN_ERROR" => pair(
            "check key, certificate serial and the permission to refund",
            "请检查密钥、证书序列号与退款权限",
        ),
        _ => pair(
            "see WeChat's message; `refund retry` or `refund close`",
            "请看微信的说明，再执行 `refund retry` 或 `refund close`",
        ),
    }
}
