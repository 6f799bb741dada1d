//! The box's clock, and what it keeps the box from doing.

use serde_json::Value;

use super::{Lang, Pair, pair};

pub const CLOCK: Pair = pair("clock", "时钟");

/// Why WeChat is not asked at all, by its name in the status.
pub fn not_asked(code: &str) -> Option<Pair> {
    Some(match code {
        "without_keys" => pair("not asked: keys are missing", "未联系：缺少密钥"),
        "store_failed" => pair("not asked: the store cannot write", "未联系：存储无法写入"),
        "clock_untrusted" => pair(
            "not asked: the clock is not trusted, and nothing is signed",
            "未联系：时钟不可信，不签名",
        ),
        _ => return None,
    })
}

fn why(word: &str) -> Option<Pair> {
    Some(match word {
        "ntp" => pair("an NTP client keeps it", "由 NTP 校准"),
        "ntp_before" => pair(
            "an NTP client kept it less than a week ago",
            "一周内曾由 NTP 校准",
        ),
        "rtc" => pair(
            "battery-backed, by [clock] trust",
            "电池时钟（[clock] trust）",
        ),
        "unset" => pair("it was never set", "从未设置"),
        "never_synchronised" => pair(
            "no NTP client has kept it since the box started",
            "本次开机后未经 NTP 校准",
        ),
        "long_ago" => pair(
            "no NTP client has kept it for more than a week",
            "超过一周未经 NTP 校准",
        ),
        "set_by_hand" => pair(
            "it was set since an NTP client last kept it",
            "NTP 校准之后又被设置",
        ),
        "behind_the_ledger" => pair(
            "it is behind the last time on record: its battery is empty, or it was set back",
            "落后于账本的最后时间：电池耗尽或被调回",
        ),
        _ => return None,
    })
}

impl Lang {
    /// The clock as the status has it.
    pub fn clock(self, clock: &Value) -> String {
        let text = |name: &str| clock[name].as_str().unwrap_or_default();
        let length = |name: &str| self.length(clock[name].as_u64().unwrap_or_default());
        let says = text("says");
        let why = why(text("why")).map_or_else(|| text("why"), |why| self.of(why));
        let standing = length("for_ms");
        let is_trusted = clock["trusted"] == true;
        let mut told = match (self, is_trusted) {
            (Self::En, true) => format!("{says}, trusted for {standing}: {why}"),
            (Self::En, false) => format!("{says}, NOT TRUSTED for {standing}: {why}"),
            (Self::Zh, true) => format!("{says}，可信已 {standing}：{why}"),
            (Self::Zh, false) => format!("{says}，不可信已 {standing}：{why}"),
        };
        if let Some(ahead_ms) = clock["ahead_of_wechat_ms"].as_i64() {
            let ago = length("compared_ms_ago");
            told.push_str(&self.ahead_of_wechat(ahead_ms, &ago));
        }
        told
    }

    /// WeChat's `Date` knows whole seconds, and the way takes some of one.
    fn ahead_of_wechat(self, ahead_ms: i64, ago: &str) -> String {
        let seconds = ahead_ms.unsigned_abs() / 1000;
        match (self, seconds, ahead_ms > 0) {
            (Self::En, 0 | 1, _) => format!("; as WeChat's ({ago} ago)"),
            (Self::En, _, true) => format!("; {seconds} s ahead of WeChat's ({ago} ago)"),
            (Self::En, _, false) => format!("; {seconds} s behind WeChat's ({ago} ago)"),
            (Self::Zh, 0 | 1, _) => format!("；与微信一致（{ago}前）"),
            (Self::Zh, _, true) => format!("；比微信快 {seconds} 秒（{ago}前）"),
            (Self::Zh, _, false) => format!("；比微信慢 {seconds} 秒（{ago}前）"),
        }
    }
}
