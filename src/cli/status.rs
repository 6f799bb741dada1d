//! `parkgate status`: how things stand.

use std::process::ExitCode;

use serde_json::Value;

use super::output::padded;
use super::words::{self, Lang, Pair, money};
use super::{SocketArgs, client};
use crate::control::Question;
use crate::lane::tariff::yuan;
use crate::lane::time::Wall;

#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    #[command(flatten)]
    socket: SocketArgs,
}

/// Asks and shows. 0 also when alarms stand; scripts read `--json`.
pub fn run(args: &StatusArgs, lang: Lang) -> ExitCode {
    client::read(&args.socket, lang, &Question::Status, |status| {
        show(status, lang)
    })
}

fn show(status: &Value, lang: Lang) -> String {
    let mut text = String::new();
    let number = |path: &str| status.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let word = |path: &str| status.pointer(path).and_then(Value::as_str).unwrap_or("");
    let mut row = |name: Pair, value: &str| {
        let name = padded(lang.of(name), 16);
        text.push_str(&format!("{name} {value}\n"));
    };
    row(
        words::pair("parkgate", "parkgate"),
        &lang.version(word("/version"), word("/ledger")),
    );
    row(words::CARS_INSIDE, &number("/cars_inside").to_string());
    if status["places"].is_object() {
        let places = lang.places(number("/cars_inside"), &status["places"]);
        row(words::places::PLACES, &places);
    }
    row(words::HELD, &number("/held").to_string());
    for code in status["codes"].as_array().into_iter().flatten() {
        row(words::CODE, &lang.code_shown(code));
    }
    row(words::WECHAT, &wechat(status, lang));
    if status["clock"].is_object() {
        row(words::clock::CLOCK, &lang.clock(&status["clock"]));
    }
    if status["callbacks"].is_object() {
        row(
            words::callbacks::CALLBACKS,
            &lang.callbacks(&status["callbacks"]),
        );
    }
    if status["bills"].is_object() {
        row(words::bill::BILLS, &lang.bills(&status["bills"]));
    }
    row(words::QUEUE, &queue(status, lang));
    for (name, path) in [
        (words::CHARGED, "opened"),
        (words::SETTLED, "settled"),
        (words::WITH_STAFF, "handed_to_staff"),
        (words::WITHDRAWN, "withdrawn"),
    ] {
        let (count, fen) = (
            number(&format!("/totals/{path}/count")),
            number(&format!("/totals/{path}/fen")),
        );
        row(name, &lang.sum(&yuan(fen), count));
    }
    let (owed_fen, owed) = (number("/arrears_fen"), number("/with_staff"));
    row(words::review::OWED, &lang.sum(&yuan(owed_fen), owed));
    row(words::review::REVIEWS, &number("/reviews").to_string());
    if status["lists"].is_object() {
        let changed = status.pointer("/lists/changed").and_then(Value::as_str);
        let changed = changed.and_then(Wall::from_rfc3339);
        let lists = lang.lists(number("/lists/plates"), number("/lists/version"), changed);
        row(words::lists::LISTED, &lists);
    }
    for port in status["devices"].as_array().into_iter().flatten() {
        row(words::devices::PORT, &lang.serial_port(port));
    }
    for barrier in status["barriers"].as_array().into_iter().flatten() {
        row(words::devices::BARRIER, &lang.barrier_driver(barrier));
    }
    for alarm in status["alarms"].as_array().into_iter().flatten() {
        let word = |key: &str| alarm[key].as_str().unwrap_or("");
        let severity = match words::severity(word("severity")) {
            Some(words) => lang.of(words),
            None => word("severity"),
        };
        let alarm = lang.alarm(severity, word("id"), word("since"), word("text"));
        row(words::ALARM, &alarm);
    }
    text
}

fn wechat(status: &Value, lang: Lang) -> String {
    let stopped = status["merchant_stopped"].as_str();
    let why = status["wechat"].as_str().and_then(words::clock::not_asked);
    if let Some(why) = why {
        return lang.of(why).to_owned();
    }
    match (stopped, status["wechat_silent"].as_bool()) {
        (Some(code), _) => lang.merchant_refused(code),
        (None, Some(true)) => lang.of(words::SILENT).to_owned(),
        (None, Some(false)) => lang.of(words::ANSWERS).to_owned(),
        (None, None) => lang.of(words::NOT_KNOWN).to_owned(),
    }
}

fn queue(status: &Value, lang: Lang) -> String {
    let counts = status["queue"].as_object().into_iter().flatten();
    let parts: Vec<String> = counts
        .filter(|(_, count)| count.as_u64() != Some(0))
        .map(|(name, count)| match money::queue_part(name) {
            Some(words) => format!("{count} {}", lang.of(words)),
            None => format!("{count} {name}"),
        })
        .collect();
    match parts.is_empty() {
        true => lang.of(words::EMPTY).to_owned(),
        false => parts.join(lang.of(words::pair(", ", "，"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_told_in_both_languages() {
        let status = serde_json::json!({
            "version": "0.1.0", "ledger": "0000000BEF", "cars_inside": 7, "held": 1,
            "merchant_stopped": null, "wechat_silent": true,
            "queue": { "due": 2, "sent": 0 },
            "totals": { "opened": { "count": 3, "fen": 1250 } },
            "alarms": [{ "severity": "warning", "id": "wechat_silent/wechat", "text": "no answer",
                         "since": "2025-11-25T00:00:00+08:00" }],
        });
        let english = show(&status, Lang::En);
        assert!(english.contains("cars inside      7\n"), "{english}");
        assert!(english.contains("queue            2 due\n"), "{english}");
        assert!(english.contains("12.50 yuan in 3"), "{english}");
        let alarm = "warning wechat_silent/wechat since 2025";
        assert!(english.contains(alarm), "{english}");
        let chinese = show(&status, Lang::Zh);
        assert!(chinese.contains("警告 wechat_silent/wechat"), "{chinese}");
        assert!(chinese.contains("场内车辆         7\n"), "{chinese}");
        assert!(
            chinese.contains("无应答") && chinese.contains("2 笔待发送"),
            "{chinese}"
        );
        assert_eq!(chinese.lines().count(), english.lines().count());
    }

    #[test]
    fn a_code_that_a_lane_shows_is_told_with_its_sum_and_since_when() {
        let status = serde_json::json!({ "codes": [{
            "lane": "out-1", "number": "N3K9QZ0T8MB000001C00", "fen": 1250,
            "since": "2025-11-25T10:20:05+08:00", "expires": "2025-11-25T10:35:05+08:00",
        }] });
        let english = show(&status, Lang::En);
        let line =
            "code to pay      out-1: 12.50 yuan since 11-25 10:20:05 (N3K9QZ0T8MB000001C00)\n";
        assert!(english.contains(line), "{english}");
        let chinese = show(&status, Lang::Zh);
        assert!(
            chinese.contains("out-1：12.50 元，自 11-25 10:20:05"),
            "{chinese}"
        );
        assert!(!show(&serde_json::json!({}), Lang::En).contains("code to pay"));
    }

    #[test]
    fn a_wechat_that_is_not_asked_is_told_apart_from_a_silent_one() {
        let told = |code: &str, lang| {
            let status = serde_json::json!({ "wechat": code, "wechat_silent": true });
            wechat(&status, lang)
        };
        let all = ["without_keys", "store_failed", "clock_untrusted", "silent"];
        for lang in [Lang::En, Lang::Zh] {
            let told: std::collections::BTreeSet<String> =
                all.iter().map(|code| told(code, lang)).collect();
            assert_eq!(told.len(), all.len(), "{told:?}");
        }
        assert!(told("clock_untrusted", Lang::En).contains("clock"));
        assert_eq!(told("silent", Lang::En), "silent");
    }

    #[test]
    fn the_clock_is_told_with_why_since_when_and_how_far_off() {
        let clock = serde_json::json!({
            "trusted": true, "why": "ntp", "says": "2025-11-25T00:00:00+08:00",
            "for_ms": 90_000, "ahead_of_wechat_ms": -12_345, "compared_ms_ago": 60_000,
        });
        let status = serde_json::json!({ "clock": clock });
        let english = show(&status, Lang::En);
        let line = "clock            2025-11-25T00:00:00+08:00, trusted for 1 min 30 s: an NTP client \
                    keeps it; 12 s behind WeChat's (1 min ago)\n";
        assert!(english.contains(line), "{english}");
        let chinese = show(&status, Lang::Zh);
        assert!(chinese.contains("比微信慢 12 秒"), "{chinese}");
        let status = serde_json::json!({
            "clock": { "trusted": false, "why": "unset", "says": "1970-01-01T08:01:00+08:00", "for_ms": 0 }
        });
        let english = show(&status, Lang::En);
        assert!(
            english.contains("NOT TRUSTED") && english.contains("never set"),
            "{english}"
        );
    }

    #[test]
    fn callbacks_are_told_where_they_are_received_and_not_elsewhere() {
        let status = serde_json::json!({
            "callbacks": {
                "listening": "127.0.0.1:8610", "relay": false,
                "taken": 12, "repeated": 3, "refused": 4, "put_off": 0, "last_at": 1_764_000_000_000_i64,
            },
        });
        let english = show(&status, Lang::En);
        let line = "at 127.0.0.1:8610, relay NOT HEARD; 12 taken, 3 repeated, 4 refused, 0 put off; last 2025-";
        assert!(english.contains(line), "{english}");
        let chinese = show(&status, Lang::Zh);
        assert!(chinese.contains("已收 12"), "{chinese}");
        let none = show(&serde_json::json!({ "callbacks": null }), Lang::En);
        assert!(!none.contains("callbacks"), "{none}");
    }

    #[test]
    fn bills_are_told_with_what_is_missing_and_what_differs() {
        let told = |bills: serde_json::Value| {
            let status = serde_json::json!({ "bills": bills });
            (show(&status, Lang::En), show(&status, Lang::Zh))
        };
        let (english, chinese) = told(serde_json::json!({
            "newest": "2026-03-01", "missing": 2, "differing": 1, "at_work": "2026-02-27",
            "fault": "WeChat gave no answer to believe: time out",
        }));
        let line = "up to 2026-03-01; at work on 2026-02-27; 2 days MISSING (WeChat gave no answer to believe: \
                    time out); 1 days DIFFER\n";
        assert!(english.contains(line), "{english}");
        assert!(chinese.contains("2 天未取得"), "{chinese}");
        let (english, _) = told(serde_json::json!({ "missing": 0, "differing": 0 }));
        assert!(english.contains("bills            none yet\n"), "{english}");
    }

    #[test]
    fn what_only_a_daemon_knows_is_not_made_up() {
        let status = serde_json::json!({ "merchant_stopped": null });
        assert_eq!(wechat(&status, Lang::En), "not known without a daemon");
    }
}
