use serde_json::Value;

use super::super::{IoLock, Layout, OutputValue, VzCommand, WhiteListForm, encode};
use super::{fixture, index, wall};
use crate::lane::plate::PlateNumber;

const SERIAL: &str = "3f1c20aa-7be09d41";

#[test]
fn every_fixture_is_written_exactly() {
    let rows = index("outbound");
    assert_eq!(rows.len(), 10);
    for row in rows {
        let id = row["id"].as_str().unwrap();
        let sent = encode(
            Layout::Documented,
            SERIAL,
            &command(id),
            "c-7f31",
            wall("2026-03-02T08:30:00.900+08:00"),
        );
        let expected: Value =
            serde_json::from_slice(&fixture(row["file"].as_str().unwrap())).unwrap();
        assert_eq!(
            serde_json::from_slice::<Value>(&sent.payload).unwrap(),
            expected,
            "{id}"
        );
        assert_eq!(row["target"]["topic"], sent.topic, "{id}");
    }
}

#[test]
fn a_pulse_is_never_shorter_or_longer_than_the_camera_takes() {
    for (asked, written) in [
        (0, 500),
        (499, 500),
        (500, 500),
        (1500, 1500),
        (60_000, 5000),
    ] {
        let pulse = VzCommand::GpioOut {
            io: 0,
            value: OutputValue::Pulse,
            delay_ms: asked,
        };
        assert_eq!(body(&pulse)["delay"], written);
    }
}

#[test]
fn what_differs_between_white_lists_can_be_chosen() {
    let mut add = command("out-vz-wl");
    let VzCommand::WhiteListAdd { form, .. } = &mut add else {
        panic!()
    };
    *form = WhiteListForm {
        operator_type: "add".into(),
        plate_in_base64: false,
    };
    let body = body(&add);
    assert_eq!(body["operator_type"], "add");
    assert_eq!(body["dldb_rec"][0]["plate"], "粤B6K7H2");
}

#[test]
fn the_volume_is_clamped() {
    for (asked, written) in [(0, 1), (255, 100)] {
        let voice = VzCommand::TtsVoice {
            text: "请".into(),
            female: false,
            volume: asked,
        };
        assert_eq!(body(&voice)["voice_volume"], written);
    }
}

fn body(command: &VzCommand) -> Value {
    let sent = encode(
        Layout::Dollar,
        SERIAL,
        command,
        "c",
        wall("2026-03-02T08:30:00+08:00"),
    );
    let message: Value = serde_json::from_slice(&sent.payload).unwrap();
    message["payload"]["body"].clone()
}

fn command(id: &str) -> VzCommand {
    let pulse = |io| VzCommand::GpioOut {
        io,
        value: OutputValue::Pulse,
        delay_ms: 500,
    };
    match id {
        "out-vz-open" => pulse(0),
        "out-vz-close" => pulse(1),
        "out-vz-direct" => VzCommand::GateDirectOpen,
        "out-vz-hold" => VzCommand::SetIoLock {
            io: 0,
            lock: IoLock::High,
        },
        "out-vz-release" => VzCommand::SetIoLock {
            io: 0,
            lock: IoLock::Release,
        },
        "out-vz-trigger" => VzCommand::Trigger,
        "out-vz-serial" => VzCommand::SerialData {
            channel: 0,
            bytes: b"\x00\x64\xff\xff\x30\x09\x01\xbb\xb6\xd3\xad\xb9\xe2\xc1\xd9\x32\x58".to_vec(),
            interval_ms: 50,
        },
        "out-vz-tts" => VzCommand::TtsVoice {
            text: "请入场停车".into(),
            female: true,
            volume: 80,
        },
        "out-vz-time" => VzCommand::SetTime {
            at: wall("2026-03-02T08:30:00+08:00"),
        },
        "out-vz-wl" => VzCommand::WhiteListAdd {
            plate: PlateNumber::parse("粤B6K7H2").unwrap().plate,
            from: wall("2026-03-01T00:00:00+08:00"),
            until: wall("2026-03-31T23:59:59+08:00"),
            form: WhiteListForm::default(),
        },
        other => panic!("no command for {other}"),
    }
}
