//! A config with one wrong value: a fault with its place and its fix, or a config that means something.

use serde_json::json;

use super::super::*;
use crate::spoiled::{self, Spoiled};

/// Every key that there is, each with a value that is right.
fn every_key() -> serde_json::Value {
    let lane = |id: &str, direction: &str, camera: &str| {
        json!({
            "id": id,
            "direction": direction,
            "duplicate_window": "30s",
            "camera": { "dialect": "vz-mqtt", "device_id": camera, "min_confidence": 0.8 },
            "barrier": { "driver": "camera", "output": 0, "pulse": "500ms" },
            "loops": {
                "arming_input": 0,
                "closing_input": 1,
                "arming_active": "high",
                "closing_active": "low",
            },
        })
    };
    json!({
        "site": {
            "id": "s", "box": "b", "name": "停车场", "timezone": "+08:00", "support_phone": "4000000000",
        },
        "merchant": {
            "mode": "direct",
            "mchid": "1900000109",
            "appid": "wxd678efa567b16787",
            "advance": true,
            "private_key_file": "/k.pem",
            "certificate_serial": "5157F09EFDC096DE",
            "api_v3_key_files": ["/v3", "/v3-new"],
            "notify_base_url": "https://pay.example.cn/parkgate",
        },
        "wechat": {
            "base_urls": ["https://api.mch.weixin.qq.com", "http://127.0.0.1:80"],
            "ca_file": "/ca.pem",
            "platform_certificates": true,
            "public_key": { "id": "PUB_KEY_ID_0114232134912410000000000000", "file": "/pub.pem" },
            "advanced": {
                "placeholder_notify_url": "https://parkgate.invalid",
                "unsigned_errors": "distrust",
            },
        },
        "store": { "path": "/var/lib/parkgate" },
        "mqtt": {
            "url": "mqtts://broker.example:8883",
            "ca_file": "/mqtt-ca.pem",
            "client_certificate_file": "/mqtt.pem",
            "client_key_file": "/mqtt.key",
            "username": "parkgate",
            "password_file": "/password",
            "client_id": "parkgate-s-b",
        },
        "clock": { "trust": "rtc" },
        "entry": { "wait_for_wechat": "1s", "unreadable": "open" },
        "exit": {
            "budget": "1500ms",
            "success_budget": "8s",
            "try_when_blocked": true,
            "no_entry": "ask",
            "near_match": "auto",
            "held_at_most": "10m",
            "if_wechat_silent": {
                "normal_up_to_fen": 5000, "unknown_up_to_fen": 2000, "exposure_limit_fen": 200000,
            },
        },
        "guard": { "max_stay": "72h", "max_fee_fen": 10000, "at_exit": "hold" },
        "lane": [
            lane("in-1", "entry", "265e1040-85e01fb7"),
            lane("out-1", "exit", "8fcd1c4e-20ca9ecb"),
        ],
        "tariff": { "file": "/tariff.toml" },
        "lists": { "blocked": ["粤B12345"], "permits": ["粤BD12345"], "free_special_vehicles": true },
        "control": { "socket": "/parkgate.sock" },
    })
}

fn a_tariff() -> serde_json::Value {
    json!({
        "name": "Temporary cars",
        "version": "1",
        "free": "30m",
        "free_counts_once_exceeded": true,
        "from": "2026-07-01",
        "spanning": "by-entry",
        "free_edge": "inclusive",
        "free_again": "first-visit-of-day",
        "first": { "for": "2h", "every": "1h", "fen": 500, "count": "started", "tail": "5m" },
        "then": { "every": "1h", "fen": 100 },
        "band": [
            { "name": "night", "from": "19:00", "to": "07:00", "per_visit_fen": 500, "cap_fen": 900 },
            { "name": "fair", "days": ["fair", "2026-05-06"], "table": [{ "up_to": "24h", "fen": 700 }] },
        ],
        "at_edge": "split",
        "first_again": true,
        "cap": { "per": "24h", "fen": 2000, "shared": true },
        "after_window": "anew",
        "seconds": "kept",
        "grace_after_payment": "15m",
        "total": { "at_most_fen": 9000, "round_to_fen": 10, "rounding": "down", "at_least_fen": 50 },
        "calendar": [
            { "name": "2026", "holidays": ["2026-01-01"], "workdays": ["2026-01-04"] },
            { "name": "fair", "days": ["2026-03-01"] },
        ],
        "class": [{
            "name": "new energy",
            "kinds": ["new-energy-small"],
            "plates": ["粤B12345"],
            "percent_off": 50,
            "percent_off_for": "4h",
            "percent_off_order": "after-cap",
            "free": "2h",
        }],
        "example": [{
            "name": "an hour",
            "entry": "2026-03-02T08:10",
            "exit": "2026-03-02T09:10",
            "plate": "粤B12345",
            "color": "blue",
            "fee_fen": 500,
            "same_car": false,
        }],
    })
}

#[test]
fn one_wrong_value_is_a_fault_with_its_place_or_none() {
    check(&every_key(), |text| {
        Config::parse(text, "parkgate.toml").map(|_| ())
    });
}

#[test]
fn one_wrong_value_in_a_tariff_is_a_fault_with_its_place_or_none() {
    check(&a_tariff(), |text| {
        Tariff::from_toml(text, "parkgate.toml").map(|_| ())
    });
}

fn check(good: &serde_json::Value, parse: impl Fn(&str) -> Result<(), Faults>) {
    let mut refused = 0;
    for Spoiled { what, text } in spoiled::all_toml(good) {
        let Ok(text) = String::from_utf8(text) else {
            continue;
        };
        let Err(faults) = parse(&text) else {
            assert!(!what.ends_with("is null"), "{what}: taken");
            continue;
        };
        refused += 1;
        for fault in faults.list() {
            let line = fault.to_string();
            assert!(line.starts_with("parkgate.toml:"), "{what}: {line}");
            assert!(line.chars().count() < 400, "{what}: {line}");
            assert!(!line.contains(char::is_control), "{what}: {line:?}");
        }
        let printed = faults.to_string();
        assert!(printed.lines().count() <= 51, "{what}: {printed}");
        // Each wrong item of a list is a fault.
        let is_list = what.contains(" is [");
        assert!(is_list || faults.list().len() < 12, "{what}: {printed}");
    }
    assert!(refused > 200, "{refused}");
}
