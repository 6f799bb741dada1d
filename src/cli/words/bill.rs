//! Bills, and what does not fit.

use super::{Pair, pair};
use crate::bills::report::What;
use crate::wechat::bill::Kind;

pub const NOTHING: Pair = pair("nothing happened on that day", "当日无交易");
pub const NOT_FETCHED: Pair = pair(
    "the bill of that day is not here; `parkgate bill fetch` fetches it",
    "没有当日账单，请先执行 `parkgate bill fetch`",
);
pub const DAY: Pair = pair("day", "日期");
pub const LINES: Pair = pair("lines", "账单行数");
pub const OK: Pair = pair("paid, the same", "支付相符");
pub const REFUNDED: Pair = pair("refunds, same", "退款相符");
pub const FEE: Pair = pair("fee", "手续费");
pub const OTHERS: Pair = pair("of others", "其他系统");
pub const OTHERS_REFUNDED: Pair = pair("their refunds", "其他系统退款");
pub const AT_MIDNIGHT: Pair = pair("of the day before", "属前一日");
pub const VERDICT: Pair = pair("verdict", "结论");
pub const MATCHES: Pair = pair("bill and ledger match", "账单与账本相符");
pub const DIFFERS: Pair = pair(
    "BILL AND LEDGER DIFFER (number, bill | ledger)",
    "账单与账本不符（单号，账单｜账本）",
);

/// As in JSON.
pub fn code(kind: Kind) -> &'static str {
    match kind {
        Kind::Trade => "trade",
        Kind::FundFlow => "fund_flow",
    }
}

/// What does not fit.
pub fn what(what: What) -> Pair {
    match what {
        What::MissingHere => pair(
            "in the bill, and this ledger does not know its number",
            "账单中有，账本中没有此单号",
        ),
        What::MissingThere => pair(
            "settled here, and not in the bill",
            "账本已到账，账单中没有",
        ),
        What::AmountDiffers => pair("another sum", "金额不符"),
        What::NotSettledHere => pair(
            "paid there, and not settled here; it is asked about again",
            "账单已支付，账本尚未到账，将再次查询",
        ),
        What::TwiceThere => pair("twice in the bill", "账单中重复"),
        What::RefundFromElsewhere => pair(
            "refunded, and not from here: in the merchant platform, say",
            "已退款，但非由此发起（如商户平台）",
        ),
        What::RefundMissingThere => {
            pair("refunded here, and not in the bill", "已退款，账单中没有")
        }
    }
}
