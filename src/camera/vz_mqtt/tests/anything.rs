use std::collections::BTreeSet;

use proptest::prelude::*;
use serde_json::{Map, Value, json};

use super::super::{MESSAGE_BYTES_MAX, decode};
use super::{at, fixture, index, wall};
use crate::camera::Report;
use crate::spoiled::{self, Spoiled};

proptest! {
    #[test]
    fn any_bytes_on_any_topic(
        topic in topic(),
        payload in proptest::collection::vec(any::<u8>(), 0..400),
    ) {
        decode_all(&topic, &payload);
    }

    #[test]
    fn any_json_on_any_topic(topic in topic(), message in json_value()) {
        decode_all(&topic, message.to_string().as_bytes());
    }

    #[test]
    fn a_fixture_with_any_bytes_changed(
        at in any::<prop::sample::Index>(),
        bytes in proptest::collection::vec(any::<u8>(), 1..8),
    ) {
        let mut payload = fixture("vz-mqtt/001-blue.json");
        let at = at.index(payload.len() - bytes.len());
        payload[at..at + bytes.len()].copy_from_slice(&bytes);
        decode_all("device/3f1c20aa-7be09d41/message/up/ivs_result", &payload);
    }

    #[test]
    fn a_reading_with_any_value_anywhere(key in key(), value in json_value()) {
        let mut message: Value = serde_json::from_slice(&fixture("vz-mqtt/001-blue.json")).unwrap();
        message["payload"]["AlarmInfoPlate"]["result"]["PlateResult"][key] = value;
        let event = decode(
            "device/3f1c20aa-7be09d41/message/up/ivs_result",
            message.to_string().as_bytes(),
            false,
            at(wall("2026-03-02T08:15:31+08:00")),
        );
        // Whatever one field holds, the vehicle at the gate is not overlooked.
        prop_assert!(matches!(event.report, Report::Read(_)), "{:?}", event.report);
    }
}

/// Every field of every message that a camera sends, wrong in each way, costs that message at most.
#[test]
fn one_wrong_field_costs_one_message_at_most() {
    // One of each name; the other fixtures differ in values only.
    let mut names = BTreeSet::new();
    for entry in index("inbound") {
        let (Some(file), Some(topic)) = (entry["file"].as_str(), entry["source"]["topic"].as_str())
        else {
            continue;
        };
        let Ok(good) = serde_json::from_slice::<Value>(&fixture(file)) else {
            continue;
        };
        if !names.insert(topic.to_owned()) {
            continue;
        }
        let is_reading = topic.ends_with("/ivs_result");
        for Spoiled { what, text } in spoiled::all(&good) {
            let at = at(wall("2026-03-02T08:15:31+08:00"));
            let report = decode(topic, &text, false, at).report;
            assert!(!is_reading || tells(&report), "{file}: {what}: {report:?}");
            if let Report::Dropped { detail, .. } = report {
                assert!((1..=300).contains(&detail.chars().count()), "{detail}");
                assert!(!detail.contains(char::is_control), "{what}: {detail:?}");
            }
        }
    }
    assert!(names.len() >= 8, "{names:?}");
}

/// A vehicle, or a line in the log that says why there is none.
fn tells(report: &Report) -> bool {
    matches!(report, Report::Read(_) | Report::Dropped { .. })
}

/// A reading with pictures is one pass over its bytes: nothing of the pictures is kept.
#[test]
fn pictures_are_passed_over() {
    let mut message: Value = serde_json::from_slice(&fixture("vz-mqtt/001-blue.json")).unwrap();
    let result = &mut message["payload"]["AlarmInfoPlate"]["result"]["PlateResult"];
    result["full_image_content"] = "A".repeat(MESSAGE_BYTES_MAX - 100_000).into();
    result["small_image_content"] = json!(["damaged", {"in": "kind"}]);
    let payload = message.to_string();
    let event = decode(
        "device/3f1c20aa-7be09d41/message/up/ivs_result",
        payload.as_bytes(),
        false,
        at(wall("2026-03-02T08:15:31+08:00")),
    );
    assert!(matches!(event.report, Report::Read(read) if read.plate.is_some()));
}

#[test]
fn deep_nesting_is_refused_not_followed() {
    let deep = format!("{{\"payload\":{}", "[".repeat(100_000));
    decode_all("device/3f/message/up/ivs_result", deep.as_bytes());
    let deep = "{\"payload\":".repeat(100_000);
    decode_all("device/3f/message/up/ivs_result", deep.as_bytes());
}

fn decode_all(topic: &str, payload: &[u8]) {
    for time in [
        wall("2026-03-02T08:15:31+08:00"),
        crate::lane::time::Wall(i64::MIN),
    ] {
        let _ = decode(topic, payload, true, at(time));
    }
}

fn topic() -> impl Strategy<Value = String> {
    let name = proptest::sample::select(vec![
        "ivs_result",
        "quick_ivs_result",
        "keep_alive",
        "gpio_in",
        "serial_data",
        "barr_gate_status",
        "offline_record",
        "snapshot",
    ]);
    prop_oneof![
        any::<String>(),
        "[device/+#$ -]{0,30}",
        name.clone()
            .prop_map(|name| format!("device/3f1c20aa-7be09d41/message/up/{name}")),
        name.prop_map(|name| format!("3f1c20aa-7be09d41/device/message/down/{name}/reply")),
    ]
}

fn json_value() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
        proptest::sample::select(vec!["57KkQjZLN0gy", "X+aXoF8=", "7", "-1", "粤B6K7H2"])
            .prop_map(Value::from),
    ];
    leaf.prop_recursive(6, 60, 6, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            proptest::collection::vec((key(), inner), 0..6)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect::<Map<_, _>>())),
        ]
    })
}

fn key() -> impl Strategy<Value = String> {
    let known = vec![
        "payload",
        "AlarmInfoPlate",
        "result",
        "PlateResult",
        "license",
        "plates",
        "timeStamp",
        "Timeval",
        "sec",
        "usec",
        "decyear",
        "colorType",
        "type",
        "confidence",
        "triggerType",
        "isoffline",
        "is_encrypted",
        "plateid",
        "unique_id",
        "id",
        "sn",
        "timestamp",
        "code",
        "body",
        "AlarmGioIn",
        "TriggerResult",
        "source",
        "value",
        "SerialData",
        "serialChannel",
        "data",
        "connect_status",
        "gate_status",
        "offline_record",
    ];
    prop_oneof![
        8 => proptest::sample::select(known).prop_map(str::to_owned),
        1 => any::<String>(),
    ]
}
