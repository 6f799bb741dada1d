//! Every word that the command line says to people, in each of its languages.
//!
//! A word is written once, as a [`Pair`] or as a match over both languages, so that one that is
//! missing in a language does not compile.

pub mod bill;
pub mod books;
pub mod callbacks;
pub mod clock;
pub mod devices;
pub mod evidence;
pub mod ledger;
pub mod lists;
pub mod money;
pub mod places;
pub mod preparation;
pub mod refund;
mod replies;
pub mod rerun;
pub mod review;
pub mod story;
#[cfg(test)]
mod tests;

use std::path::Path;

use serde_json::Value;

use super::when::short;
use crate::bilingual::Both;
pub use crate::bilingual::{Pair, pair};
use crate::lane::tariff::yuan;
use crate::lane::time::Wall;

/// A language.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
pub enum Lang {
    En,
    Zh,
}

impl Lang {
    /// As asked for, else as the environment has it: `LC_ALL`, then `LC_MESSAGES`, then `LANG`.
    pub fn chosen(asked: Option<Self>, environment: impl Fn(&str) -> Option<String>) -> Self {
        let names = ["LC_ALL", "LC_MESSAGES", "LANG"];
        let set = |name: &&str| environment(name).filter(|value| !value.is_empty());
        let locale = names.iter().find_map(set);
        asked.unwrap_or(match locale {
            Some(locale) if locale.to_lowercase().starts_with("zh") => Self::Zh,
            _ => Self::En,
        })
    }

    /// The word in this language.
    pub fn of(self, pair: Pair) -> &'static str {
        match self {
            Self::En => pair.en,
            Self::Zh => pair.zh,
        }
    }

    /// The sentence in this language.
    pub fn told(self, both: &Both) -> &str {
        match self {
            Self::En => &both.en,
            Self::Zh => &both.zh,
        }
    }
}

pub const PLATE: Pair = pair("plate", "车牌");
pub const LANE: Pair = pair("lane", "车道");
pub const STATE: Pair = pair("state", "状态");
pub const REASON: Pair = pair("reason", "原因");
pub const FEE: Pair = pair("fee", "费用");
pub const NO_PLATE: Pair = pair("no plate", "无牌");
pub const SINCE: Pair = pair("since", "自");

// status
pub const CARS_INSIDE: Pair = pair("cars inside", "场内车辆");
pub const HELD: Pair = pair("held", "等待人工");
pub const CODE: Pair = pair("code to pay", "收款码");
pub const WECHAT: Pair = pair("WeChat", "微信支付");
pub const QUEUE: Pair = pair("queue", "待处理");
pub const CHARGED: Pair = pair("charged", "应收");
pub const SETTLED: Pair = pair("settled", "已收");
pub const WITH_STAFF: Pair = pair("with staff", "转人工");
pub const WITHDRAWN: Pair = pair("withdrawn", "已撤销");
pub const ALARM: Pair = pair("ALARM", "告警");
pub const SILENT: Pair = pair("silent", "无应答");
pub const ANSWERS: Pair = pair("answers", "正常");
pub const NOT_KNOWN: Pair = pair("not known without a daemon", "守护进程未运行，无法得知");
pub const EMPTY: Pair = pair("empty", "空");

// review
pub const NOTHING_WAITS: Pair = pair("nothing waits for a person", "没有需要人工处理的事项");
pub const STAY: Pair = pair("stay", "停车");
pub const CHARGE: Pair = pair("charge", "扣费");

/// How soon a person should look, by its name in the status.
pub fn severity(name: &str) -> Option<Pair> {
    Some(match name {
        "critical" => pair("critical", "严重"),
        "warning" => pair("warning", "警告"),
        "notice" => pair("notice", "提示"),
        _ => return None,
    })
}

impl Lang {
    /// An alarm; its text is the daemon's.
    pub fn alarm(self, severity: &str, id: &str, since: &str, text: &str) -> String {
        match self {
            Self::En => format!("{severity} {id} since {since}: {text}"),
            Self::Zh => format!("{severity} {id}，自 {since}：{text}"),
        }
    }

    /// The code that a lane shows.
    pub fn code_shown(self, code: &Value) -> String {
        let word = |key: &str| code[key].as_str().unwrap_or("");
        let fee = yuan(code["fen"].as_u64().unwrap_or(0));
        let since = Wall::from_rfc3339(word("since")).map(short);
        let (lane, number, since) = (word("lane"), word("number"), since.unwrap_or_default());
        match self {
            Self::En => format!("{lane}: {fee} yuan since {since} ({number})"),
            Self::Zh => format!("{lane}：{fee} 元，自 {since}（{number}）"),
        }
    }

    /// The version and the ledger's id.
    pub fn version(self, version: &str, ledger: &str) -> String {
        match self {
            Self::En => format!("{version}, ledger {ledger}"),
            Self::Zh => format!("{version}，账本 {ledger}"),
        }
    }

    /// WeChat refuses the merchant, with this code.
    pub fn merchant_refused(self, code: &str) -> String {
        match self {
            Self::En => format!("refuses this merchant ({code})"),
            Self::Zh => format!("拒绝本商户（{code}）"),
        }
    }

    /// So much in so many.
    pub fn sum(self, yuan: &str, count: u64) -> String {
        match self {
            Self::En => format!("{yuan} yuan in {count}"),
            Self::Zh => format!("{yuan} 元，{count} 笔"),
        }
    }

    /// An amount.
    pub fn yuan(self, yuan: &str) -> String {
        match self {
            Self::En => format!("{yuan} yuan"),
            Self::Zh => format!("{yuan} 元"),
        }
    }

    /// Rows that were left off a list.
    pub fn left_off(self, count: u64) -> String {
        match self {
            Self::En => format!("{count} older ones are not shown; see --limit and --since"),
            Self::Zh => format!("另有 {count} 条较早的未显示，可用 --limit 和 --since 调整"),
        }
    }

    /// A running daemon answered.
    pub fn by_daemon(self) -> &'static str {
        self.of(pair(
            "answered by the running daemon",
            "由运行中的守护进程回答",
        ))
    }

    /// The ledger was read, since no daemon runs.
    pub fn by_ledger(self, dir: &Path, last_seq: u64) -> String {
        let dir = dir.display();
        match self {
            Self::En => {
                format!("no daemon runs; read from the ledger in {dir}, up to record {last_seq}")
            }
            Self::Zh => format!("守护进程未运行；读自账本 {dir}，至第 {last_seq} 条记录"),
        }
    }

    /// Nobody listens at the socket and no store was named.
    pub fn no_daemon(self, socket: &Path, error: &std::io::Error) -> String {
        let socket = socket.display();
        match self {
            Self::En => format!(
                "no daemon answers at {socket} ({error}); is it running, and may you use its \
                 socket? --config FILE or --store DIR reads the ledger without it"
            ),
            Self::Zh => format!(
                "{socket} 处没有守护进程应答（{error}）；它在运行吗？您有权使用该套接字吗？\
                 用 --config FILE 或 --store DIR 可直接读取账本"
            ),
        }
    }

    /// Only a daemon may change something.
    pub fn daemon_needed(self, socket: &Path, error: &std::io::Error) -> String {
        let socket = socket.display();
        match self {
            Self::En => format!(
                "no daemon answers at {socket} ({error}); this needs the running daemon, which \
                 alone writes the ledger: is it running, and may you use its socket? Start it with \
                 `systemctl start parkgate`"
            ),
            Self::Zh => format!(
                "{socket} 处没有守护进程应答（{error}）；此操作需要运行中的守护进程，只有它能写账本。\
                 请用 `systemctl start parkgate` 启动，并确认您有权使用该套接字"
            ),
        }
    }

    /// The daemon at the socket has another store.
    pub fn other_store(self, socket: &Path, theirs: &str, ours: &Path) -> String {
        let (socket, ours) = (socket.display(), ours.display());
        match self {
            Self::En => format!(
                "the daemon at {socket} has the store {theirs} and not {ours}; name its socket with \
                 --socket, or its config with --config"
            ),
            Self::Zh => format!(
                "{socket} 处的守护进程使用的是 {theirs} 而不是 {ours}；请用 --socket 或 --config 指明"
            ),
        }
    }
}
