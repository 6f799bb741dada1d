//! `parkgate devices`: cameras, barriers and links, as the running daemon has heard of them.

use std::process::ExitCode;

use serde_json::Value;

use super::output::{Table, text};
use super::words::{Lang, devices as words};
use super::{SocketArgs, client};
use crate::control::Question;
use crate::gate::devices::DeviceList;
use crate::json;

#[derive(Debug, clap::Args)]
pub struct DevicesArgs {
    #[command(flatten)]
    socket: SocketArgs,
}

/// Asks and shows. Only a running daemon hears devices.
pub fn run(args: &DevicesArgs, lang: Lang) -> ExitCode {
    client::ask(&args.socket, lang, &Question::Devices, |answer| {
        show(answer, lang)
    })
}

fn show(answer: &Value, lang: Lang) -> String {
    let Ok(list) = json::typed::<DeviceList>(answer) else {
        return answer.to_string();
    };
    let mut table = Table::default();
    for camera in &list.cameras {
        table.row([
            text(lang.of(words::CAMERA)),
            text(camera.lane.as_str()),
            text(camera.id.as_str()),
            text(lang.of(words::camera_state(camera.state))),
            text(lang.camera(camera)),
        ]);
    }
    for barrier in &list.barriers {
        table.row([
            text(lang.of(words::BARRIER)),
            text(barrier.lane.as_str()),
            text(barrier.how["driver"].as_str().unwrap_or("")),
            text(lang.of(words::barrier_state(barrier.state))),
            text(lang.barrier(barrier)),
        ]);
    }
    for link in &list.links {
        table.row([
            text(lang.of(words::LINK)),
            text(""),
            text(link.id.as_str()),
            text(lang.of(words::link_state(link.state))),
            text(lang.link(link)),
        ]);
    }
    for port in &list.ports {
        table.row([
            text(lang.of(words::PORT)),
            text(words::port_lanes(port)),
            text(port["device"].as_str().unwrap_or("")),
            text(lang.of(words::port_state(port))),
            text(lang.port_counts(port)),
        ]);
    }
    table.render() + &lang.counted_for(list.counted_for_ms)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::gate::devices::{
        BarrierRow, BarrierState, CameraRow, CameraState, LinkRow, LinkState,
    };

    #[test]
    fn devices_are_told_in_both_languages() {
        let list = DeviceList {
            cameras: vec![CameraRow {
                id: "265e1040".into(),
                lane: "in-1".into(),
                how: Value::Null,
                state: CameraState::Silent,
                heard_ms_ago: Some(95_000),
                messages: 12,
                readings: 3,
                heartbeats: 8,
                dropped: 1,
            }],
            barriers: vec![BarrierRow {
                lane: "in-1".into(),
                how: serde_json::json!({ "driver": "camera" }),
                state: BarrierState::Uncertain,
                raise: Some(17),
                reason: Some("entry".into()),
                issues: 1,
                told: 4,
                not_sent: 1,
                last_fault: Some("not connected".into()),
            }],
            links: vec![LinkRow {
                id: "wechat".into(),
                state: LinkState::Up,
                for_ms: Some(3_600_000),
                heard_ms_ago: Some(1_000),
                ups: 9,
                downs: 0,
                text: String::new(),
            }],
            ports: vec![serde_json::json!({
                "device": "/dev/ttyS1",
                "lanes": ["in-2", "out-2"],
                "serial": { "open": true, "received_bytes": 420, "frames": 9, "bad_checksums": 1 },
            })],
            counted_for_ms: 7_200_000,
        };
        let answer = serde_json::to_value(&list).unwrap();
        let english = show(&answer, Lang::En);
        for words in [
            "SILENT",
            "heard 1 min 35 s ago",
            "1 not understood",
            "raise 17: entry; told 4 times, 1 not sent; not connected",
            "for 1 h; 9 answers",
            "in-2, out-2",
            "420 bytes received, 9 frames, 1 bad checksums",
        ] {
            assert!(english.contains(words), "{words}: {english}");
        }
        let chinese = show(&answer, Lang::Zh);
        for words in [
            "无声",
            "最近一次 1 分 35 秒前",
            "第 17 次起杆",
            "持续 1 小时",
            "420 接收字节",
        ] {
            assert!(chinese.contains(words), "{words}: {chinese}");
        }
    }
}
