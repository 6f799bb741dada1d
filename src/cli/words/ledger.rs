//! What a look at the whole ledger found.

use super::{Lang, Pair, pair};
use crate::park::reply::StillNeeded;
use crate::store::audit::{Finding, Report, Verdict};

pub const SEGMENTS: Pair = pair("segments", "段");
pub const RECORDS: Pair = pair("records", "记录");
pub const ERASED: Pair = pair("erased", "已擦除");
pub const REFERENCE: Pair = pair("reference", "编号");
pub const WOULD_GO: Pair = pair("would go", "将擦除");
pub const KEPT: Pair = pair("kept", "保留");
pub const LEFT: Pair = pair("left", "剩余");
pub const ARCHIVE: Pair = pair("archive", "归档");
pub const READINGS: Pair = pair("readings", "读数");
pub const SESSIONS: Pair = pair("of stays", "停车");
pub const MONEY: Pair = pair("of money", "资金");
pub const EVENTS: Pair = pair("of events", "事件");
pub const WHY_KEPT: Pair = pair(
    "(money, for as long as [retention] money has it)",
    "（资金记录，按 [retention] money 的期限保留）",
);
pub const WHY_LEFT: Pair = pair(
    "(in what a start reads, such as a lane's last raise; ask again tomorrow)",
    "（启动所需，如车道的最近一次抬杆；请明天再试）",
);
pub const NOT_MOUNTED: Pair = pair(
    "not mounted: its copies are as they were; mount it and ask again",
    "未挂载：其中副本未动；请挂载后再试",
);
pub const LOOK_ELSEWHERE: Pair = pair(
    "Not looked at: backups, pictures, logs, what was set aside (damaged/, unreadable-N/, index.damaged-N).",
    "未检查：备份、图片、日志，以及另存的损坏部分（damaged/、unreadable-N/、index.damaged-N）。",
);
pub const HEAD: Pair = pair("head", "链头");
pub const VERDICT: Pair = pair("verdict", "结论");
pub const LEDGER: Pair = pair("ledger", "账本");

/// How bad it is, and what to do.
pub fn verdict(verdict: Verdict) -> Pair {
    match verdict {
        Verdict::Sound => pair("sound: nothing is amiss", "完好"),
        Verdict::Scratched => pair(
            "bytes cannot be read, and every record is there; keep a copy and watch the disk",
            "有字节无法读取，但记录齐全；请备份并留意磁盘",
        ),
        Verdict::PossiblyLost => pair(
            "the last commit is possibly lost: cut short by a power cut, or damaged",
            "最后一次提交可能丢失：断电中断或已损坏",
        ),
        Verdict::Missing => pair(
            "RECORDS ARE MISSING; keep a copy, and compare with WeChat's bill",
            "记录缺失；请备份，并与微信账单核对",
        ),
        Verdict::Altered => pair(
            "THE LEDGER WAS ALTERED: its hash chain does not hold; keep a copy",
            "账本被改动：哈希链不成立；请备份",
        ),
    }
}

/// Why a plate's records stay.
pub fn still_needed(why: StillNeeded) -> &'static str {
    match why {
        StillNeeded::Inside => "车辆在场内，请待其离场后再试",
        StillNeeded::NotSettled => "尚有扣费或入场登记在处理中；见 `parkgate charges list`",
        StillNeeded::WithStaff => "尚有扣费待人工处理；见 `parkgate review list`",
        StillNeeded::InReview => "尚有停车待人工核查；见 `parkgate review list`",
        StillNeeded::HasMoney => "尚有储值余额；请先用 `parkgate lists pay-out` 退还",
        StillNeeded::Listed => "该车牌在配置的 [lists] 中；请先删去并重启 parkgate",
        StillNeeded::InTheReason => "姓名或原因中含有该车牌，会被留存；请勿写入",
        StillNeeded::StoreFailed => "存储无法写入；见 `parkgate status` 的告警",
    }
}

impl Lang {
    /// One finding with its place.
    pub fn finding(self, finding: &Finding) -> String {
        match (self, finding) {
            (Self::En, Finding::Unreadable { file, from, bytes }) => {
                format!("{file}: {bytes} bytes from byte {from} on cannot be read")
            }
            (Self::Zh, Finding::Unreadable { file, from, bytes }) => {
                format!("{file}：自第 {from} 字节起 {bytes} 字节无法读取")
            }
            (
                Self::En,
                Finding::Cut {
                    file,
                    bytes,
                    expected,
                },
            ) => {
                format!("{file}: {bytes} bytes long, and made with {expected}")
            }
            (
                Self::Zh,
                Finding::Cut {
                    file,
                    bytes,
                    expected,
                },
            ) => {
                format!("{file}：长 {bytes} 字节，应为 {expected}")
            }
            (Self::En, Finding::Failed { file, why }) => {
                format!("{file}: cannot be read from the disk: {why}")
            }
            (Self::Zh, Finding::Failed { file, why }) => format!("{file}：磁盘读取失败：{why}"),
            (Self::En, Finding::Copy { file, of }) => {
                format!("{file}: a copy of segment {of}, left out")
            }
            (Self::Zh, Finding::Copy { file, of }) => {
                format!("{file}：是第 {of} 段的副本，未读")
            }
            (Self::En, Finding::Foreign { file }) => {
                format!("{file}: of another ledger, left out")
            }
            (Self::Zh, Finding::Foreign { file }) => format!("{file}：属于另一账本，未读"),
            (
                Self::En,
                Finding::Missing {
                    file,
                    at,
                    first,
                    last,
                },
            ) => {
                format!("{file}, byte {at}: the records {first} to {last} before it are missing")
            }
            (
                Self::Zh,
                Finding::Missing {
                    file,
                    at,
                    first,
                    last,
                },
            ) => {
                format!("{file} 第 {at} 字节：其前的第 {first} 至 {last} 条记录缺失")
            }
            (
                Self::En,
                Finding::NeverAcknowledged {
                    file,
                    at,
                    first,
                    last,
                },
            ) => format!(
                "{file}, byte {at}: the records {first} to {last} were never acknowledged and were \
                 written anew; harmless"
            ),
            (
                Self::Zh,
                Finding::NeverAcknowledged {
                    file,
                    at,
                    first,
                    last,
                },
            ) => format!("{file} 第 {at} 字节：第 {first} 至 {last} 条记录未曾确认，已重写；无妨"),
            (Self::En, Finding::OutOfOrder { file, at, seq }) => {
                format!("{file}, byte {at}: record {seq} is there a second time")
            }
            (Self::Zh, Finding::OutOfOrder { file, at, seq }) => {
                format!("{file} 第 {at} 字节：第 {seq} 条记录重复出现")
            }
            (Self::En, Finding::Altered { file, at, seq }) => format!(
                "{file}, byte {at}: record {seq} does not follow the one before it; one of them was \
                 changed"
            ),
            (Self::Zh, Finding::Altered { file, at, seq }) => {
                format!("{file} 第 {at} 字节：第 {seq} 条记录与前一条不衔接，其中之一被改动")
            }
            (Self::En, Finding::PossiblyLost { file, after_seq }) => {
                format!("{file}: a commit after record {after_seq} is possibly lost")
            }
            (Self::Zh, Finding::PossiblyLost { file, after_seq }) => {
                format!("{file}：第 {after_seq} 条记录之后可能丢失一次提交")
            }
        }
    }

    /// How many records, from which to which.
    pub fn records(self, report: &Report) -> String {
        let (records, commits) = (report.records, report.commits);
        let (first, last) = (report.first_seq, report.last_seq);
        match self {
            Self::En => format!("{records} in {commits} commits, {first} to {last}"),
            Self::Zh => format!("{records} 条，{commits} 次提交，{first} 至 {last}"),
        }
    }

    /// How far it is.
    pub fn progress(self, done: usize, of: usize) -> String {
        match self {
            Self::En => format!("segment {done} of {of}"),
            Self::Zh => format!("第 {done} 段，共 {of} 段"),
        }
    }
}
