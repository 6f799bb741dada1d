//! Whether the box knows the time. WeChat refuses what is signed five minutes off.

use super::finding::Finding;
use super::step::Step;
use crate::clock::{Clock, Word};
use crate::config::Config;

/// Farther off than this, something is wrong with it; WeChat bears 300 s.
pub const SKEW_MAX_MS: i64 = 30_000;

/// By the box's own word.
pub fn look(_config: &Config, clock: &Clock) -> Vec<Finding> {
    let step = Step::Clock;
    let says = clock.now().wall.to_rfc3339();
    let trusted = |why_en: &str, why_zh: &str| {
        Finding::passed(step, both!("{says}: {why_en}", "{says}：{why_zh}"))
    };
    let untrusted = |why_en: &str, why_zh: &str| {
        Finding::failed(
            step,
            both!("{says}, not believed: {why_en}", "{says}，不可信：{why_zh}"),
            both!(
                "see that an NTP client runs and reaches a server (chronyc sources); on a box with a battery-backed \
                 clock and no network write [clock] trust = \"rtc\"",
                "请确认 NTP 客户端在运行并能连上服务器（chronyc sources）；有电池时钟且无网络的设备可设 [clock] trust = \"rtc\""
            ),
        )
    };
    vec![match clock.word() {
        Word::Ntp => trusted("an NTP client keeps it", "由 NTP 校准"),
        Word::NtpBefore => trusted(
            "an NTP client kept it less than a week ago",
            "一周内曾由 NTP 校准",
        ),
        Word::Rtc => trusted("battery-backed, as configured", "按配置信任电池时钟"),
        Word::Unset => untrusted("it was never set", "从未设置"),
        Word::NeverSynchronised => untrusted(
            "no NTP client has kept it since the box started",
            "本次开机后未经 NTP 校准",
        ),
        Word::LongAgo => untrusted(
            "no NTP client has kept it for more than a week",
            "超过一周未经 NTP 校准",
        ),
        Word::SetByHand => untrusted(
            "it was set since an NTP client last kept it",
            "NTP 校准之后又被设置",
        ),
        Word::BehindTheLedger => untrusted(
            "it is behind the ledger: its battery is empty, or it was set back",
            "落后于账本：电池耗尽或被调回",
        ),
    }]
}

/// By the `Date` of an answer, which counts whole seconds. A hint, never what a clock is set by.
pub fn compared(skew_ms: i64) -> Finding {
    let seconds = skew_ms / 1000;
    match skew_ms.abs() <= SKEW_MAX_MS {
        true => Finding::passed(
            Step::Clock,
            both!(
                "as WeChat's, within {SKEW_MAX_S} s",
                "与微信服务器相差不超过 {SKEW_MAX_S} 秒"
            ),
        ),
        false => Finding::failed(
            Step::Clock,
            both!(
                "{seconds} s ahead of WeChat's (behind, if negative); beyond 300 s WeChat refuses every call",
                "比微信服务器快 {seconds} 秒（负数为慢）；超过 300 秒微信拒绝所有请求"
            ),
            both!(
                "set it: see that an NTP client runs and reaches a server (chronyc sources, chronyc makestep)",
                "请校时：确认 NTP 客户端在运行并能连上服务器（chronyc sources、chronyc makestep）"
            ),
        ),
    }
}

const SKEW_MAX_S: i64 = SKEW_MAX_MS / 1000;
