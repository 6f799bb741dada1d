use serde_json::{Value, json};

use super::super::decode;
use super::{at, fixture, index, wall};
use crate::camera::{BarrierPosition, CameraEvent, FrameFault, Report};
use crate::display::olm;
use crate::lane::reading::{PlateRead, ReadFault, ReadWarning};

#[test]
fn every_fixture_is_read_as_expected() {
    let rows = index("inbound");
    assert_eq!(rows.len(), 36);
    for row in rows {
        let event = decode_row(&row);
        let said = describe(&event);
        let expected = row["expect"].as_object().unwrap();
        for (field, value) in expected {
            match field.as_str() {
                // Informative: those listed are there.
                "warnings" => {
                    for warning in value.as_array().unwrap() {
                        let all = said["warnings"].as_array().unwrap();
                        assert!(all.contains(warning), "{}: {all:?}", row["id"]);
                    }
                }
                "captured_at" => {
                    let expected = value.as_str().map(|text| wall(text).0);
                    assert_eq!(said["captured_at"].as_i64(), expected, "{}", row["id"]);
                }
                "detail" => {
                    for (part, value) in value.as_object().unwrap() {
                        assert_eq!(
                            &said["detail"][part],
                            &plain(part, value),
                            "{} {part}",
                            row["id"]
                        );
                    }
                }
                _ => assert_eq!(&said[field], value, "{} {field}", row["id"]),
            }
        }
    }
}

#[test]
fn clean_fixtures_raise_no_warnings() {
    for row in index("inbound") {
        let expected = row["expect"]["warnings"].as_array().unwrap();
        if expected.is_empty() && row["expect"]["error"].is_null() {
            assert_eq!(
                describe(&decode_row(&row))["warnings"],
                json!([]),
                "{}",
                row["id"]
            );
        }
    }
}

/// What a lane makes of the deliveries is its own; here only that they carry what it decides by.
#[test]
fn scenarios_carry_what_tells_passages_apart() {
    let rows = index("inbound");
    for scenario in index("scenarios") {
        let from = &scenario["expect"]["passages"][0]["from"];
        let events: Vec<(Value, CameraEvent)> = scenario["steps"]
            .as_array()
            .unwrap()
            .iter()
            .map(|step| {
                let row = rows
                    .iter()
                    .find(|row| row["id"] == step["fixture"])
                    .unwrap();
                (row["id"].clone(), decode_row(row))
            })
            .collect();
        let firsts: Vec<&Value> = events
            .iter()
            .filter(|(_, event)| matches!(event.report, Report::Read(_)))
            .map(|(id, _)| id)
            .collect();
        assert_eq!(firsts.first(), Some(&from), "{}", scenario["id"]);
    }
    let replays = ["vz-mqtt-010", "vz-mqtt-012"].map(read);
    assert_eq!(replays[0].record_id, replays[1].record_id);
    assert_eq!(replays[0].captured_at, replays[1].captured_at);
    assert!(replays.iter().all(|read| read.replay));
}

#[test]
fn a_live_reading_keeps_its_age_though_its_capture_time_is_substituted() {
    let read = read("vz-mqtt-040");
    assert_eq!(read.sent_at, Some(wall("2026-03-02T08:29:00+08:00")));
    assert_eq!(read.captured_at, Some(wall("2026-03-02T08:40:00+08:00")));
    assert!(!read.replay);
}

#[test]
fn encrypted_and_unlicensed_plates_show_nothing() {
    for id in ["vz-mqtt-008", "vz-mqtt-009", "vz-mqtt-032"] {
        assert_eq!((read(id).plate, read(id).raw_plate), (None, None), "{id}");
    }
}

#[test]
fn variations_of_a_reading() {
    let gbk = |text: &str| base64(&encoding_rs::GB18030.encode(text).0);
    let valid = |text: &str| base64(text.as_bytes());
    // Licence, plate, fault, warning.
    type Row<'a> = (
        Value,
        Option<&'a str>,
        Option<ReadFault>,
        Option<ReadWarning>,
    );
    let rows: Vec<Row> = vec![
        (valid("粤B·6k7h2").into(), Some("粤B6K7H2"), None, None),
        (
            valid("粤BO2345").into(),
            Some("粤B02345"),
            None,
            Some(ReadWarning::LookAlikeRepaired),
        ),
        (
            gbk("鲁A12345").into(),
            Some("鲁A12345"),
            None,
            Some(ReadWarning::GbkFallback),
        ),
        (
            gbk("豫A12345").into(),
            Some("豫A12345"),
            None,
            Some(ReadWarning::GbkFallback),
        ),
        (
            gbk("无牌车").into(),
            None,
            Some(ReadFault::Unlicensed),
            None,
        ),
        (
            valid("无牌").trim_end_matches('=').into(),
            None,
            Some(ReadFault::Unlicensed),
            None,
        ),
        ("null".into(), None, Some(ReadFault::Unlicensed), None),
        ("unknown".into(), None, Some(ReadFault::Unlicensed), None),
        (
            "WJ12345".into(),
            Some("WJ12345"),
            None,
            Some(ReadWarning::PlainLicense),
        ),
        (
            "\u{7ca4}B6K7H2".into(),
            Some("粤B6K7H2"),
            None,
            Some(ReadWarning::PlainLicense),
        ),
        (
            valid("粤B888888").into(),
            None,
            Some(ReadFault::InvalidPlate),
            None,
        ),
        (Value::Null, None, Some(ReadFault::Unreadable), None),
        ("  ".into(), None, Some(ReadFault::Unreadable), None),
        (
            valid("\0\0").into(),
            None,
            Some(ReadFault::Unreadable),
            None,
        ),
        (json!(["x"]), None, Some(ReadFault::Unreadable), None),
        (
            "A".repeat(300).into(),
            None,
            Some(ReadFault::BadEncoding),
            None,
        ),
        (
            base64(&[0xff, 0xff, 0xff]).into(),
            None,
            Some(ReadFault::BadEncoding),
            None,
        ),
    ];
    for (license, plate, fault, warning) in rows {
        let read = changed(|result| {
            result["license"] = license.clone();
            result["plates"] = json!([]);
        });
        assert_eq!(
            read.plate.as_ref().map(|plate| plate.as_str()),
            plate,
            "{license}"
        );
        assert_eq!(read.fault, fault, "{license}");
        if let Some(warning) = warning {
            assert!(
                read.warnings.contains(&warning),
                "{license} {:?}",
                read.warnings
            );
        }
        assert_eq!(read.confidence_permille, Some(980));
    }
    let invalid = changed(|result| result["license"] = valid("粤B888888").into());
    assert_eq!(invalid.raw_plate.as_deref(), Some("粤B888888"));
}

#[test]
fn odd_parts_do_not_cost_the_reading() {
    let read = changed(|result| {
        result["confidence"] = json!("high");
        result["timeStamp"] = json!([1, 2]);
        result["plates"] = json!({"0": {}});
        result["triggerType"] = json!(85);
        result["plateid"] = json!(0);
        result["record_uuid"] = json!("u-1");
        result["type"] = json!(29);
        result["colorType"] = json!(null);
        result["full_image_content"] = json!("!not base64!");
    });
    assert_eq!(read.plate.unwrap().as_str(), "粤B6K7H2");
    assert_eq!((read.confidence_permille, read.color), (None, None));
    assert_eq!(read.record_id.as_deref(), Some("u-1"));
    assert!(read.warnings.contains(&ReadWarning::NoDeviceTime));
    assert!(read.warnings.contains(&ReadWarning::FakePlate));
    assert_eq!(read.captured_at, Some(wall("2026-03-02T08:15:31+08:00")));
}

#[test]
fn newer_builds_own_id_is_preferred_and_confidence_is_clamped() {
    let read = changed(|result| {
        result["unique_id"] = json!("20260302-1");
        result["confidence"] = json!(250);
    });
    assert_eq!(read.record_id.as_deref(), Some("20260302-1"));
    assert_eq!(read.confidence_permille, Some(1000));
}

#[test]
fn the_topic_s_serial_beats_the_body_s() {
    let body = fixture("vz-mqtt/001-blue.json");
    let topic = "device/5D77E0C2-19AB43F8/message/up/ivs_result";
    let event = decode(topic, &body, false, at(wall("2026-03-02T08:15:31+08:00")));
    assert_eq!(event.camera_id, "5d77e0c2-19ab43f8");
    let Report::Read(read) = event.report else {
        panic!("{event:?}")
    };
    assert!(read.warnings.contains(&ReadWarning::SerialMismatch));
}

#[test]
fn every_layout_is_decoded() {
    let body = fixture("vz-mqtt/020-keepalive.json");
    for topic in [
        "device/3f1c20aa-7be09d41/message/up/keep_alive",
        "3f1c20aa-7be09d41/device/message/up/keep_alive",
        "$/device/3f1c20aa-7be09d41/message/up/keep_alive",
    ] {
        let event = decode(topic, &body, false, at(wall("2026-03-02T08:30:00+08:00")));
        assert_eq!(event.report, Report::Heartbeat, "{topic}");
        assert_eq!(event.camera_id, "3f1c20aa-7be09d41");
    }
}

#[test]
fn a_byte_order_mark_is_skipped_and_gbk_json_is_read() {
    let topic = "device/3f1c20aa-7be09d41/message/up/ivs_result";
    let now = at(wall("2026-03-02T08:31:05+08:00"));
    let plain = fixture("vz-mqtt/034-plain-license.json");
    let marked = [b"\xef\xbb\xbf", plain.as_slice()].concat();
    for (body, gbk) in [
        (marked, false),
        (
            encoding_rs::GB18030
                .encode(std::str::from_utf8(&plain).unwrap())
                .0
                .into_owned(),
            true,
        ),
        // In GBK, 鲁 is valid UTF-8 as well.
        (
            encoding_rs::GB18030
                .encode(
                    &String::from_utf8(plain.clone())
                        .unwrap()
                        .replace('粤', "鲁"),
                )
                .0
                .into_owned(),
            true,
        ),
    ] {
        let Report::Read(read) = decode(topic, &body, false, now).report else {
            panic!()
        };
        assert!(read.plate.is_some());
        assert_eq!(read.warnings.contains(&ReadWarning::GbkFallback), gbk);
    }
}

#[test]
fn messages_that_are_not_for_us_are_dropped_or_ignored() {
    let now = at(wall("2026-03-02T08:30:00+08:00"));
    let fault = |topic: &str, body: &[u8]| match decode(topic, body, false, now).report {
        Report::Dropped { fault, .. } => Some(fault),
        Report::Ignored => None,
        other => panic!("{topic}: {other:?}"),
    };
    let up = |name: &str| format!("device/3f1c20aa-7be09d41/message/up/{name}");
    assert_eq!(fault("elsewhere", b"{}"), Some(FrameFault::UnknownTopic));
    assert_eq!(fault(&up("snapshot"), b"not even JSON"), None);
    assert_eq!(fault(&up("lanectrl_result"), b"{}"), None);
    assert_eq!(fault("device/3f/message/down/gpio_out", b"{}"), None);
    for name in [
        "ivs_result",
        "gpio_in",
        "serial_data",
        "barr_gate_status",
        "offline_record",
    ] {
        assert_eq!(
            fault(&up(name), b"{}"),
            Some(FrameFault::MissingField),
            "{name}"
        );
        assert_eq!(fault(&up(name), b""), Some(FrameFault::Malformed), "{name}");
        assert_eq!(
            fault(&up(name), b"{\"payload\":5}"),
            Some(FrameFault::MissingField)
        );
    }
    let reply = "device/3f/message/down/gpio_out/reply";
    assert_eq!(
        fault(reply, b"{\"id\":\"c\"}"),
        Some(FrameFault::MissingField)
    );
    assert_eq!(
        fault(reply, b"{\"code\":200}"),
        Some(FrameFault::MissingField)
    );
    let large = vec![b' '; super::super::MESSAGE_BYTES_MAX + 1];
    assert_eq!(fault(&up("ivs_result"), &large), Some(FrameFault::TooLarge));
}

fn decode_row(row: &Value) -> CameraEvent {
    decode(
        row["source"]["topic"].as_str().unwrap(),
        &fixture(row["file"].as_str().unwrap()),
        row["source"]["retained"].as_bool().unwrap_or(false),
        at(wall(row["received_at"].as_str().unwrap())),
    )
}

fn read(id: &str) -> PlateRead {
    let row = index("inbound")
        .into_iter()
        .find(|row| row["id"] == id)
        .unwrap();
    match decode_row(&row).report {
        Report::Read(read) => read,
        other => panic!("{id}: {other:?}"),
    }
}

/// The first fixture with its `PlateResult` changed.
fn changed(change: impl Fn(&mut Value)) -> PlateRead {
    let mut body: Value = serde_json::from_slice(&fixture("vz-mqtt/001-blue.json")).unwrap();
    change(&mut body["payload"]["AlarmInfoPlate"]["result"]["PlateResult"]);
    let event = decode(
        "device/3f1c20aa-7be09d41/message/up/ivs_result",
        body.to_string().as_bytes(),
        false,
        at(wall("2026-03-02T08:15:31+08:00")),
    );
    match event.report {
        Report::Read(read) => read,
        other => panic!("{other:?}"),
    }
}

/// An event in the index's words.
fn describe(event: &CameraEvent) -> Value {
    let mut said = json!({
        "camera_id": event.camera_id,
        "captured_at": event.sent_at.map(|wall| wall.0),
        "plate": null, "plate_color": null, "confidence": null, "is_replay": false,
        "error": null, "warnings": [], "detail": {},
    });
    let kind = match &event.report {
        Report::Read(read) => {
            describe_read(read, &mut said);
            "reading"
        }
        Report::Preview(read) => {
            describe_read(read, &mut said);
            "preview"
        }
        Report::Heartbeat => "heartbeat",
        Report::Input { input, active } => {
            said["detail"] = json!({"input": input, "value": u8::from(*active)});
            "io_input"
        }
        Report::Barrier {
            connected,
            enabled,
            position,
        } => {
            let state = match position {
                BarrierPosition::Down => "closed",
                BarrierPosition::Up => "open",
                BarrierPosition::Unknown => "unknown",
            };
            said["detail"] = json!({"connected": connected, "enabled": enabled, "state": state});
            "barrier_state"
        }
        Report::SerialReceived { channel, bytes } => {
            let frame = olm::frames(bytes).last();
            let hex: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
            said["detail"] = json!({"channel": channel, "bytes": hex, "inner": frame.map(|frame| {
                json!({"protocol": "olm_485", "cmd": frame.command, "ok": frame.ack()})
            })});
            "serial_rx"
        }
        Report::CommandReply {
            command_id,
            ok,
            code,
        } => {
            said["detail"] = json!({"command_id": command_id, "ok": ok, "code": code});
            if !ok {
                said["error"] = "device_error".into();
            }
            "command_reply"
        }
        Report::OfflineCount(count) => {
            said["detail"] = json!({"count": count});
            "offline_count"
        }
        Report::Dropped { fault, .. } => {
            said["captured_at"] = Value::Null;
            said["error"] = match fault {
                FrameFault::Malformed => "malformed",
                FrameFault::MissingField => "missing_field",
                FrameFault::TooLarge => "bad_length",
                FrameFault::UnknownTopic => "unknown_topic",
            }
            .into();
            "none"
        }
        Report::Ignored => "none",
    };
    said["kind"] = kind.into();
    said
}

fn describe_read(read: &PlateRead, said: &mut Value) {
    said["plate"] = read.plate.as_ref().map(|plate| plate.as_str()).into();
    said["plate_color"] = json!(read.color);
    said["confidence"] = read
        .confidence_permille
        .map(|p| f64::from(p) / 1000.0)
        .into();
    said["captured_at"] = read.captured_at.map(|wall| wall.0).into();
    said["is_replay"] = read.replay.into();
    said["error"] = json!(read.fault);
    said["warnings"] = json!(read.warnings);
    said["detail"] = json!({
        "record_id": read.record_id,
        "trigger": read.trigger,
        "sent_at": read.sent_at.map(|wall| wall.0),
        "retained": read.retained,
    });
}

/// An expected detail as [`describe`] writes it.
fn plain(part: &str, value: &Value) -> Value {
    match part {
        "sent_at" => wall(value.as_str().unwrap()).0.into(),
        _ => value.clone(),
    }
}

fn base64(bytes: &[u8]) -> String {
    use base64::Engine;
    base64::engine::general_purpose::STANDARD.encode(bytes)
}
