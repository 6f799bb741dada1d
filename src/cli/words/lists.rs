//! Permits, visitors and blocked plates.

use super::super::when::{age_days, long};
use super::{Lang, Pair, pair};
use crate::lane::listing::{Lapse, List};
use crate::lane::time::Wall;

pub const LISTED: Pair = pair("lists", "名单");
/// Money of a plate that is on no list of cards any more.
pub const NO_CARD: Pair = pair("money without a card", "余额（无卡）");
pub const NOBODY: Pair = pair("nobody is listed", "名单为空");

/// What being listed means.
pub fn list(list: List) -> Pair {
    match list {
        List::Permit => pair("permit", "免费通行"),
        List::Visitor => pair("visitor", "访客"),
        List::Stored => pair("stored value", "储值"),
        List::Blocked => pair("blocked", "禁止入场"),
    }
}

/// Whether it holds now.
pub fn lapse(lapse: Option<Lapse>) -> Pair {
    match lapse {
        None => pair("holds", "有效"),
        Some(Lapse::NotYet) => pair("not yet", "未生效"),
        Some(Lapse::Over) => pair("expired", "已过期"),
    }
}

impl Lang {
    /// How many plates, which version, and how old it is.
    pub fn lists(self, plates: u64, version: u64, changed: Option<Wall>) -> String {
        match (self, changed) {
            (Self::En, None) => "never changed".to_owned(),
            (Self::Zh, None) => "从未更改".to_owned(),
            (Self::En, Some(at)) => format!(
                "{plates} plates, version {version} of {}, {} days old",
                long(at),
                age_days(at)
            ),
            (Self::Zh, Some(at)) => format!(
                "{plates} 个车牌，版本 {version}（{}，{} 天前）",
                long(at),
                age_days(at)
            ),
        }
    }
}
