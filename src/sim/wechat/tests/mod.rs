//! The simulator against the wire contract: vectors, rules, faults, properties.

mod admission;
mod billing;
mod charging;
mod entering;
mod failing;
mod paying;
mod properties;
mod settling;
mod signing;
mod telling;

use std::sync::Arc;

use serde_json::{Value, json};

use super::*;
use crate::sim::material;

/// 2025-11-24T12:30:05+08:00.
const NOW: Wall = Wall(1_763_958_605_000);
const PLATE: &str = "粤B888888";
const ENTRY: &str = "/v3/vehicle/parking/parkings";
const CHARGE: &str = "/v3/vehicle/transactions/parking";

/// A simulator without RSA, and the time it is asked at.
struct World {
    simulator: Simulator,
    now: Wall,
}

impl World {
    fn new() -> Self {
        let mut settings = material::settings(1);
        settings.seal = Arc::new(Seal::None);
        settings.switches.omit_free_duration_permille = 0;
        settings.switches.extra_keys_permille = 0;
        Self {
            simulator: Simulator::new(settings),
            now: NOW,
        }
    }

    fn settings(&mut self) -> &mut Settings {
        self.simulator.settings_mut()
    }

    fn set_plate(&mut self, number: &str, plate: Plate) {
        self.settings().plates.insert(number.into(), plate);
    }

    fn pass(&mut self, ms: i64) {
        self.now = self.now.plus_ms(ms);
    }

    fn exchange(&mut self, request: &Request) -> Exchange {
        self.simulator.handle(request, self.now)
    }

    fn answer(&mut self, request: &Request) -> Answer {
        self.exchange(request).answer.expect("an answer")
    }

    fn post(&mut self, target: &str, body: &Value) -> Answer {
        self.answer(&Request::post(target, body.to_string()))
    }

    fn get(&mut self, target: &str) -> Answer {
        self.answer(&Request::get(target))
    }

    fn query(&mut self, out_trade_no: &str) -> Answer {
        self.get(&format!("{}{out_trade_no}", message::QUERY_PREFIX))
    }

    /// Creates the entry `number` and returns its `parking_id`.
    fn enter(&mut self, number: &str, plate: &str) -> String {
        let answer = self.post(ENTRY, &entry_body(number, plate));
        assert_eq!(answer.status, 200, "{answer:?}");
        text(&json_of(&answer), "/id").to_owned()
    }

    /// Creates an entry and charges it.
    fn enter_and_charge(&mut self, number: &str, plate: &str) -> Value {
        let parking_id = self.enter(&format!("P{number}"), plate);
        let body = charge_body(&format!("T{number}"), &parking_id, plate);
        let answer = self.post(CHARGE, &body);
        assert_eq!(answer.status, 200, "{answer:?}");
        body
    }

    fn books(&self) -> Books {
        self.simulator.books()
    }

    fn violations(&self) -> Vec<ViolationKind> {
        let books = self.books();
        books.violations.iter().map(|fault| fault.kind).collect()
    }
}

fn entry_body(number: &str, plate: &str) -> Value {
    json!({
        "out_parking_no": number,
        "plate_number": plate,
        "plate_color": "BLUE",
        "notify_url": "https://pay.example.com/wx/parking-state",
        "start_time": "2025-11-24T10:00:00+08:00",
        "parking_name": "测试停车场",
        "free_duration": 900,
    })
}

fn charge_body(number: &str, parking_id: &str, plate: &str) -> Value {
    json!({
        "appid": material::APPID,
        "description": "停车费",
        "out_trade_no": number,
        "trade_scene": "PARKING",
        "notify_url": "https://pay.example.com/wx/parking-pay",
        "amount": { "total": 1500, "currency": "CNY" },
        "parking_info": {
            "parking_id": parking_id,
            "plate_number": plate,
            "plate_color": "BLUE",
            "start_time": "2025-11-24T10:00:00+08:00",
            "end_time": "2025-11-24T12:30:00+08:00",
            "parking_name": "测试停车场",
            "charging_duration": 9000,
            "device_id": "E1",
        },
    })
}

/// `body` with the value at `pointer` replaced, added, or, for `None`, taken away.
fn with(body: &Value, pointer: &str, value: Option<Value>) -> Value {
    let mut body = body.clone();
    let (parent, key) = pointer.rsplit_once('/').unwrap();
    let keys = body.pointer_mut(parent).unwrap().as_object_mut().unwrap();
    match value {
        Some(value) => keys.insert(key.into(), value),
        None => keys.remove(key),
    };
    body
}

fn json_of(answer: &Answer) -> Value {
    serde_json::from_slice(&answer.body).expect("a JSON body")
}

fn text<'a>(body: &'a Value, pointer: &str) -> &'a str {
    body.pointer(pointer)
        .and_then(Value::as_str)
        .unwrap_or_else(|| panic!("no text at {pointer} of {body}"))
}

#[track_caller]
fn assert_refused(answer: &Answer, status: u16, code: &str) {
    let body = json_of(answer);
    assert_eq!(
        (answer.status, text(&body, "/code")),
        (status, code),
        "{body}"
    );
    assert!(!text(&body, "/message").is_empty());
}

#[track_caller]
fn assert_parameter_refused(answer: &Answer, field: &str) {
    assert_refused(answer, 400, "PARAM_ERROR");
    assert_eq!(text(&json_of(answer), "/detail/field"), field);
}
