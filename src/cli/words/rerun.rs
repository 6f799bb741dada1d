//! What a re-run of a ledger came to.

use super::{Lang, Pair, pair};
use crate::rerun::HoleWhy;

pub const STEPS: Pair = pair("steps", "步骤");
pub const EQUAL: Pair = pair("as recorded", "与记录一致");
pub const DIFFERING: Pair = pair("differing", "不一致");
pub const NOT_RUN: Pair = pair("not run", "未重算");
pub const RECORDS: Pair = pair("records", "记录");
pub const FEES_RECORDED: Pair = pair("fees recorded", "记录的费用");
pub const FEES_NOW: Pair = pair("fees now", "现在的费用");
pub const RECORDED: Pair = pair("recorded", "记录");
pub const NOW: Pair = pair("now", "现在");
pub const NOTHING: Pair = pair("nothing", "无");
pub const UNTRUSTED: Pair = pair("(clock not trusted)", "（时钟不可信）");
pub const NOTHING_RUN: Pair = pair(
    "nothing could be decided once more: these records hold neither a start nor a whole checkpoint, or \
     are not all there (an export must be made without --class and without --mask)",
    "没有可重算的步骤：这些记录中既无启动也无完整检查点，或记录不全（导出时不可使用 --class 或 --mask）",
);

/// Why nothing can be decided from a record on.
pub fn hole(why: HoleWhy) -> Pair {
    match why {
        HoleWhy::Missing => pair("records are missing", "记录缺失"),
        HoleWhy::Erased => pair("a record has been erased", "记录内容已擦除"),
        HoleWhy::Unreadable => pair(
            "a record cannot be read by this version",
            "记录无法由此版本读取",
        ),
        HoleWhy::NoBeginning => pair(
            "neither a start nor a checkpoint is before it",
            "之前既无启动也无检查点",
        ),
    }
}

impl Lang {
    /// Where a difference is.
    pub fn difference_at(self, seq: u64, at: &str, event: &str) -> String {
        match self {
            Self::En => format!("record {seq}, {at}: {event}"),
            Self::Zh => format!("第 {seq} 条记录，{at}：{event}"),
        }
    }

    /// It may be the consequence of an earlier one.
    pub fn follows(self, seq: u64) -> String {
        match self {
            Self::En => format!("may follow from what differs at record {seq}"),
            Self::Zh => format!("可能由第 {seq} 条记录处的差异引起"),
        }
    }

    /// From a record on nothing was decided.
    pub fn hole_at(self, seq: u64, why: HoleWhy) -> String {
        let why = self.of(hole(why));
        match self {
            Self::En => format!("from record {seq} to the next start or checkpoint: {why}"),
            Self::Zh => format!("自第 {seq} 条记录至下一次启动或检查点：{why}"),
        }
    }

    /// Differences that are not shown.
    pub fn more_differences(self, count: u64) -> String {
        match self {
            Self::En => format!("{count} more differ; see --limit and --json"),
            Self::Zh => format!("另有 {count} 处差异未显示，可用 --limit 或 --json"),
        }
    }
}
