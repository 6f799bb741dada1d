//! Bills, and what does not fit.

use serde_json::Value;

use super::{Lang, Pair, pair};
use crate::bills::report::What;
use crate::bills::standing::Stage;
use crate::wechat::bill::Kind;

pub const NOTHING: Pair = pair("nothing happened on that day", "当日无交易");
pub const BILLS: Pair = pair("bills", "对账单");
pub const NOT_HERE: Pair = pair(
    "no bills are kept here; with [bills] fetch = true the daemon fetches them, `parkgate bill fetch` does at once",
    "尚无账单；[bills] fetch = true 时由守护进程自动下载，也可执行 `parkgate bill fetch`",
);
pub const DAY: Pair = pair("day", "日期");
pub const LINES: Pair = pair("lines", "账单行数");
pub const OK: Pair = pair("paid, the same", "支付相符");
pub const REFUNDED: Pair = pair("refunds, same", "退款相符");
pub const FEE: Pair = pair("fee", "手续费");
pub const OTHERS: Pair = pair("of others", "其他系统");
pub const OTHERS_REFUNDED: Pair = pair("their refunds", "其他系统退款");
pub const AT_MIDNIGHT: Pair = pair("of another day", "属另一日");
pub const COUPONS: Pair = pair("by coupons", "其中优惠");
pub const FLOW: Pair = pair("flow, the same", "资金账单相符");
pub const NOT_HERE_FLOW: Pair = pair("the fund-flow bill is not here", "没有资金账单");
pub const FLOW_IN: Pair = pair("  came in", "  收入");
pub const FLOW_OUT: Pair = pair("  went back", "  退款支出");
pub const FLOW_FEE: Pair = pair("  fee", "  手续费");
pub const NO_FEES: Pair = pair("not from this account", "不从此账户扣除");
pub const FLOW_MIDNIGHT: Pair = pair("  other day", "  属另一日");
pub const VERDICT: Pair = pair("verdict", "结论");
pub const MATCHES: Pair = pair("bill and ledger match", "账单与账本相符");
pub const DIFFERS: Pair = pair(
    "BILL AND LEDGER DIFFER (number, bill | ledger | fund flow)",
    "账单与账本不符（单号，账单｜账本｜资金账单）",
);

/// How far a day has come.
pub fn stage(stage: Stage) -> Pair {
    match stage {
        Stage::Missing => pair("MISSING", "未取得"),
        Stage::NotMatched => pair("not matched", "未核对"),
        Stage::Matches => pair("matches", "相符"),
        Stage::Differs => pair("DIFFERS", "不符"),
        Stage::Accepted => pair("accepted", "已确认"),
    }
}

impl Lang {
    /// How far the daemon has come with them, as the status has it.
    pub fn bills(self, told: &Value) -> String {
        let number = |name: &str| told[name].as_u64().unwrap_or_default();
        let mut parts = vec![match (told["newest"].as_str(), self) {
            (Some(day), Self::En) => format!("up to {day}"),
            (Some(day), Self::Zh) => format!("已到 {day}"),
            (None, _) => self.of(pair("none yet", "尚无")).to_owned(),
        }];
        if let Some(day) = told["at_work"].as_str() {
            parts.push(match self {
                Self::En => format!("at work on {day}"),
                Self::Zh => format!("正在处理 {day}"),
            });
        }
        let (missing, differing) = (number("missing"), number("differing"));
        if missing > 0 {
            let mut part = match self {
                Self::En => format!("{missing} days MISSING"),
                Self::Zh => format!("{missing} 天未取得"),
            };
            if let Some(why) = told["fault"].as_str() {
                part.push_str(&match self {
                    Self::En => format!(" ({why})"),
                    Self::Zh => format!("（{why}）"),
                });
            }
            parts.push(part);
        }
        if differing > 0 {
            parts.push(match self {
                Self::En => format!("{differing} days DIFFER"),
                Self::Zh => format!("{differing} 天不符"),
            });
        }
        parts.join(self.of(pair("; ", "；")))
    }
}

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
        What::PayerDiffers => pair("the driver paid another part of it", "用户实付金额不符"),
        What::NotInFlow => pair(
            "in the trade bill, and not in the fund-flow bill",
            "交易账单中有，资金账单中没有",
        ),
        What::OnlyInFlow => pair(
            "in the fund-flow bill, and not in the trade bill",
            "资金账单中有，交易账单中没有",
        ),
        What::FlowDiffers => pair("another sum in the fund-flow bill", "资金账单金额不符"),
        What::FeeDiffers => pair("another fee in the fund-flow bill", "资金账单手续费不符"),
        What::RefundMissingThere => {
            pair("refunded here, and not in the bill", "已退款，账单中没有")
        }
    }
}
