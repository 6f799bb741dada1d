//! `parkgate status`: how the running daemon is doing.

use std::fmt::Write;
use std::process::ExitCode;

use serde_json::Value;

use super::{SocketArgs, client};
use crate::control::Question;
use crate::lane::tariff::yuan;

#[derive(Debug, clap::Args)]
pub struct StatusArgs {
    #[command(flatten)]
    socket: SocketArgs,
}

/// Asks and shows. 0 also when alarms stand; scripts read `--json`.
pub fn run(args: StatusArgs) -> ExitCode {
    client::ask(
        &args.socket.socket,
        &Question::Status,
        args.socket.json,
        show,
    )
}

fn show(status: &Value) -> String {
    let mut text = String::new();
    let number = |path: &str| status.pointer(path).and_then(Value::as_u64).unwrap_or(0);
    let word = |path: &str| status.pointer(path).and_then(Value::as_str).unwrap_or("");
    let wechat = match (word("/merchant_stopped"), status["wechat_silent"].as_bool()) {
        ("", Some(true)) => "silent".to_owned(),
        ("", _) => "answers".to_owned(),
        (code, _) => format!("refuses this merchant ({code})"),
    };
    let mut row = |name: &str, value: String| {
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{name:<16} {value}");
    };
    row(
        "parkgate",
        format!("{}, ledger {}", word("/version"), word("/ledger")),
    );
    row("cars inside", number("/cars_inside").to_string());
    row("held", number("/held").to_string());
    row("WeChat", wechat);
    row("queue", queue(status));
    for (name, path) in [
        ("charged", "opened"),
        ("settled", "settled"),
        ("with staff", "handed_to_staff"),
        ("withdrawn", "withdrawn"),
    ] {
        let (count, fen) = (
            number(&format!("/totals/{path}/count")),
            number(&format!("/totals/{path}/fen")),
        );
        row(name, format!("{} yuan in {count}", yuan(fen)));
    }
    for device in status["devices"].as_array().into_iter().flatten() {
        row("device", self::device(device));
    }
    for barrier in status["barriers"].as_array().into_iter().flatten() {
        let word = |key: &str| barrier[key].as_str().unwrap_or("");
        row(
            "barrier",
            format!(
                "{}: {}, {} ({})",
                word("lane"),
                word("health"),
                word("driver"),
                word("device")
            ),
        );
    }
    for alarm in status["alarms"].as_array().into_iter().flatten() {
        let word = |key: &str| alarm[key].as_str().unwrap_or("");
        row(
            "ALARM",
            format!(
                "{} {} since {}: {}",
                word("severity"),
                word("id"),
                word("since"),
                word("text")
            ),
        );
    }
    text.trim_end().to_owned()
}

fn queue(status: &Value) -> String {
    let counts = status["queue"].as_object().into_iter().flatten();
    let parts: Vec<String> = counts
        .filter(|(_, count)| count.as_u64() != Some(0))
        .map(|(name, count)| format!("{count} {}", name.replace('_', " ")))
        .collect();
    if parts.is_empty() {
        "empty".to_owned()
    } else {
        parts.join(", ")
    }
}

/// A serial port's counts, those of trouble only where there was some.
fn device(device: &Value) -> String {
    let serial = &device["serial"];
    let lanes = device["lanes"].as_array().into_iter().flatten();
    let lanes: Vec<&str> = lanes.filter_map(Value::as_str).collect();
    let state = match serial["open"].as_bool() {
        Some(true) => "open",
        _ => "NOT OPEN",
    };
    let mut text = format!(
        "{} ({}) {state}",
        device["device"].as_str().unwrap_or(""),
        lanes.join(", ")
    );
    let counts = [
        ("received_bytes", true),
        ("sent_bytes", false),
        ("frames", true),
        ("unreadable", false),
        ("bad_checksums", false),
        ("bad_frames", false),
        ("resyncs", false),
        ("echo_bytes", false),
        ("reopens", false),
    ];
    for (name, always) in counts {
        let count = serial[name].as_u64().unwrap_or(0);
        if always || count > 0 {
            // Writing to a string cannot fail.
            let _ = write!(text, ", {count} {}", name.replace('_', " "));
        }
    }
    text
}
