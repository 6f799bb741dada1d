//! Stays under review, what is owed, and what is to be refunded.

use super::{Lang, Pair, pair};
use crate::charges::record::Correction;
use crate::lane::tariff::yuan;
use crate::park::review::{Closed, ReviewEnd};

pub const CORRECTION: Pair = pair("correction", "更正");
pub const WHY: Pair = pair("in question", "疑问");
pub const DECIDED: Pair = pair("decided", "处理结果");
pub const READ: Pair = pair("exit read", "离场识别");
pub const ARREARS: Pair = pair("owes", "欠费");
pub const OWED: Pair = pair("arrears", "未收欠费");
pub const REVIEWS: Pair = pair("for review", "待复核");
pub const AGE_DAYS: Pair = pair("days", "天数");
pub const NEAR: Pair = pair(
    "stays with similar plates (edits apart)",
    "相近车牌的停车（差异）",
);
pub const EXCHANGED: Pair = pair("sent to WeChat, and answered", "与微信的往来");
pub const NO_ARREARS: Pair = pair("nothing is owed", "没有欠费");
pub const NEVER_REVIEWED: Pair = pair("this stay is not under review", "该停车不在待复核之列");
pub const STAY_UNKNOWN: Pair = pair("unknown: no clock can tell", "未知：没有可信的时钟");

impl Lang {
    /// What became of a review.
    pub fn review_end(self, closed: &Closed) -> String {
        let Closed { how, by, why } = closed;
        let how = match (how, self) {
            (ReviewEnd::Charged { trade_no, fee_fen }, Self::En) => {
                format!("charged {} yuan as {trade_no}", yuan(*fee_fen))
            }
            (ReviewEnd::Charged { trade_no, fee_fen }, Self::Zh) => {
                format!("计费 {} 元（{trade_no}）", yuan(*fee_fen))
            }
            (ReviewEnd::Waived { .. }, _) => self.of(pair("waived", "免收")).to_owned(),
            (ReviewEnd::Finished { trade_no }, Self::En) => {
                format!("charge {trade_no} finished by the staff")
            }
            (ReviewEnd::Finished { trade_no }, Self::Zh) => {
                format!("扣费 {trade_no} 已由人工了结")
            }
            (ReviewEnd::MadeRoom, _) => {
                let words = pair("dropped, too many waited", "待复核过多，已移出列表");
                self.of(words).to_owned()
            }
        };
        match self {
            Self::En => format!("{how}, {by}: {why}"),
            Self::Zh => format!("{how}，{by}：{why}"),
        }
    }

    /// Why a stay is listed, with what is to be given back.
    pub fn with_over(self, why: String, over_fen: Option<u64>) -> String {
        match (over_fen.map(yuan), self) {
            (None, _) => why,
            (Some(over), Self::En) => format!("{why}: {over} yuan too much"),
            (Some(over), Self::Zh) => format!("{why}：多收 {over} 元"),
        }
    }

    /// What is right instead of a wrong charge.
    pub fn correction(self, correction: &Correction) -> String {
        let Correction {
            due_fen,
            due_from,
            by,
            why,
            ..
        } = correction;
        let due = yuan(*due_fen);
        let by_itself = correction.refund_no.as_ref().map(|refund_no| match self {
            Self::En => format!("refund {refund_no}, "),
            Self::Zh => format!("退款 {refund_no}，"),
        });
        let by_itself = by_itself.unwrap_or_default();
        let instead = match (self, due_fen, due_from) {
            (_, 0, None) => self
                .of(pair("charge nothing instead", "不再收费"))
                .to_owned(),
            (Self::En, _, None) => format!("charge {due} yuan instead"),
            (Self::Zh, _, None) => format!("改收 {due} 元"),
            (Self::En, _, Some(plate)) => {
                format!("charge {due} yuan to {} instead", plate.as_str())
            }
            (Self::Zh, _, Some(plate)) => format!("改向 {} 收 {due} 元", plate.as_str()),
        };
        match self {
            Self::En => format!("{by_itself}{instead}, {by}: {why}"),
            Self::Zh => format!("{by_itself}{instead}，{by}：{why}"),
        }
    }

    /// What one plate owes.
    pub fn owes(self, charges: u64, yuan: &str) -> String {
        match self {
            Self::En => format!("{yuan} yuan for {charges} before"),
            Self::Zh => format!("此前 {charges} 笔，共 {yuan} 元"),
        }
    }

    /// What all owe.
    pub fn owed(self, yuan: &str, charges: usize, plates: u64) -> String {
        match self {
            Self::En => {
                let s = |count: bool| if count { "" } else { "s" };
                let (charge, plate) = (s(charges == 1), s(plates == 1));
                format!("{yuan} yuan in {charges} charge{charge} of {plates} plate{plate}\n")
            }
            Self::Zh => format!("欠费 {yuan} 元，{charges} 笔，{plates} 个车牌\n"),
        }
    }

    /// A plate without arrears.
    pub fn owes_nothing(self, plate: &str) -> String {
        match self {
            Self::En => format!("{plate} owes nothing that is with the staff"),
            Self::Zh => format!("{plate} 没有转人工的欠费"),
        }
    }

    /// A plate that owes more than once.
    pub fn owes_several(self, plate: &str, numbers: &[String]) -> String {
        let numbers = numbers.join(", ");
        match self {
            Self::En => {
                format!("{plate} owes for several stays, name one by its number: {numbers}")
            }
            Self::Zh => format!("{plate} 有多笔欠费，请用单号指明：{numbers}"),
        }
    }
}
