//! Cameras, barriers and links.

use serde_json::Value;

use super::{Lang, Pair, pair};
use crate::gate::devices::{BarrierRow, BarrierState, CameraRow, CameraState, LinkRow, LinkState};

pub const CAMERA: Pair = pair("camera", "相机");
pub const BARRIER: Pair = pair("barrier", "道闸");
pub const LINK: Pair = pair("link", "连接");

/// Whether a camera speaks.
pub fn camera_state(state: CameraState) -> Pair {
    match state {
        CameraState::NeverHeard => pair("NEVER HEARD", "从未应答"),
        CameraState::Speaks => pair("speaks", "正常"),
        CameraState::Silent => pair("SILENT", "无声"),
    }
}

/// What is known of a barrier's newest raise.
pub fn barrier_state(state: BarrierState) -> Pair {
    match state {
        BarrierState::NeverRaised => pair("never raised", "未起过杆"),
        BarrierState::Uncertain => pair("UNCERTAIN", "未确认"),
        BarrierState::CarriedOut => pair("carried out", "已执行"),
        BarrierState::Passed => pair("passed", "车辆已通过"),
    }
}

/// Whether a link works.
pub fn link_state(state: LinkState) -> Pair {
    match state {
        LinkState::Unknown => pair("not used yet", "尚未使用"),
        LinkState::Up => pair("up", "正常"),
        LinkState::Down => pair("DOWN", "中断"),
    }
}

impl Lang {
    /// When it was last heard, and how much of it.
    pub fn camera(self, camera: &CameraRow) -> String {
        let heard = match camera.heard_ms_ago {
            Some(ms) => self.ago(ms),
            None => "-".to_owned(),
        };
        let (messages, readings, dropped) = (camera.messages, camera.readings, camera.dropped);
        match self {
            Self::En => format!(
                "heard {heard}; {messages} messages, {readings} readings, {dropped} not understood"
            ),
            Self::Zh => format!(
                "最近一次 {heard}；{messages} 条消息，{readings} 次识别，{dropped} 条无法解析"
            ),
        }
    }

    /// Its newest raise, and how often it was told.
    pub fn barrier(self, barrier: &BarrierRow) -> String {
        let (told, not_sent) = (barrier.told, barrier.not_sent);
        let mut text = match self {
            Self::En => format!("told {told} times, {not_sent} not sent"),
            Self::Zh => format!("发出 {told} 次，未发出 {not_sent} 次"),
        };
        let separator = self.of(pair("; ", "；"));
        if let (Some(raise), Some(reason)) = (barrier.raise, &barrier.reason) {
            text = match self {
                Self::En => format!("raise {raise}: {reason}{separator}{text}"),
                Self::Zh => format!("第 {raise} 次起杆：{reason}{separator}{text}"),
            };
        }
        match &barrier.last_fault {
            Some(fault) => format!("{text}{separator}{fault}"),
            None => text,
        }
    }

    /// Since when, how often, and what was last said.
    pub fn link(self, link: &LinkRow) -> String {
        let (ups, downs) = (link.ups, link.downs);
        let counts = match (self, link.id.as_str()) {
            (Self::En, "wechat") => format!("{ups} answers, {downs} calls without one"),
            (Self::Zh, "wechat") => format!("应答 {ups} 次，无应答 {downs} 次"),
            (Self::En, _) => format!("up {ups} times, down {downs} times"),
            (Self::Zh, _) => format!("接通 {ups} 次，中断 {downs} 次"),
        };
        let since = link.for_ms.map(|ms| match self {
            Self::En => format!("for {}", self.length(ms)),
            Self::Zh => format!("持续 {}", self.length(ms)),
        });
        let text = Some(link.text.clone()).filter(|text| !text.is_empty());
        let parts: Vec<String> = since.into_iter().chain([counts]).chain(text).collect();
        parts.join(self.of(pair("; ", "；")))
    }

    /// Since when it has been counted.
    pub fn counted_for(self, ms: u64) -> String {
        match self {
            Self::En => format!("counted since the daemon's start, {}", self.ago(ms)),
            Self::Zh => format!("自守护进程启动（{}）起计", self.ago(ms)),
        }
    }
}

pub const PORT: Pair = pair("port", "串口");

/// The counts of a serial port, and whether one is told although it is 0.
const PORT_COUNTS: [(&str, Pair, bool); 9] = [
    ("received_bytes", pair("bytes received", "接收字节"), true),
    ("sent_bytes", pair("bytes sent", "发送字节"), false),
    ("frames", pair("frames", "帧"), true),
    ("unreadable", pair("unreadable", "无法识别"), false),
    ("bad_checksums", pair("bad checksums", "校验错误"), false),
    ("bad_frames", pair("bad frames", "坏帧"), false),
    ("resyncs", pair("resyncs", "重新同步"), false),
    ("echo_bytes", pair("bytes of echo", "回显字节"), false),
    ("reopens", pair("reopens", "重新打开"), false),
];

/// Whether a serial port is open.
pub fn port_state(port: &Value) -> Pair {
    match port["serial"]["open"].as_bool() {
        Some(true) => pair("open", "已打开"),
        _ => pair("NOT OPEN", "未打开"),
    }
}

/// The lanes whose cameras are on it.
pub fn port_lanes(port: &Value) -> String {
    let lanes = port["lanes"].as_array().into_iter().flatten();
    let lanes: Vec<&str> = lanes.filter_map(Value::as_str).collect();
    lanes.join(", ")
}

impl Lang {
    /// A serial port as `status` has it, with its counts; those of trouble only where there was some.
    pub fn serial_port(self, port: &Value) -> String {
        let device = port["device"].as_str().unwrap_or("");
        let (lanes, state) = (port_lanes(port), self.of(port_state(port)));
        format!("{device} ({lanes}) {state}, {}", self.port_counts(port))
    }

    /// The counts alone.
    pub fn port_counts(self, port: &Value) -> String {
        let counts = PORT_COUNTS.iter().filter_map(|(name, words, always)| {
            let count = port["serial"][*name].as_u64().unwrap_or(0);
            (*always || count > 0).then(|| format!("{count} {}", self.of(*words)))
        });
        counts.collect::<Vec<String>>().join(", ")
    }

    /// How a barrier's driver is doing, as `status` has it.
    pub fn barrier_driver(self, barrier: &Value) -> String {
        let word = |key: &str| barrier[key].as_str().unwrap_or("");
        let health = match word("health") {
            "starting" => self.of(pair("starting", "启动中")),
            "ready" => self.of(pair("ready", "正常")),
            "failed" => self.of(pair("FAILED", "故障")),
            other => other,
        };
        let (lane, driver, device) = (word("lane"), word("driver"), word("device"));
        format!("{lane}: {health}, {driver} ({device})")
    }
}
