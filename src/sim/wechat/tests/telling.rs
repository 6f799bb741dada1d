//! What the simulator tells by itself.

use super::*;
use crate::sim::wechat::{CallbackFault, Delivery, LADDER_MS};

#[test]
fn what_becomes_of_a_charge_is_told_and_told_again_by_the_ladder() {
    let mut world = calling_back();
    world.enter_and_charge("00001", PLATE);
    assert_eq!(world.simulator.callbacks_due(NOW.plus_ms(1_000)), []);
    let mut now = NOW.plus_ms(3_000);
    let mut ids = std::collections::BTreeSet::new();
    let mut signatures = std::collections::BTreeSet::new();
    for pause_ms in LADDER_MS.into_iter().chain([0]) {
        let due = world.simulator.callbacks_due(now);
        assert_eq!(due.len(), 1);
        assert_eq!(world.simulator.callbacks_due(now), [], "it is under way");
        let body: Value = serde_json::from_slice(&due[0].body).unwrap();
        assert_eq!(body["event_type"], "TRANSACTION.SUCCESS");
        ids.insert(body["id"].as_str().unwrap().to_owned());
        signatures.insert(header(&due[0], "Wechatpay-Signature"));
        world.simulator.callback_answered(&due[0], Some(503), now);
        let pause_ms = i64::try_from(pause_ms).unwrap();
        if pause_ms > 0 {
            assert_eq!(world.simulator.callbacks_due(now.plus_ms(pause_ms - 1)), []);
        }
        now = now.plus_ms(pause_ms);
    }
    assert_eq!(
        (ids.len(), signatures.len()),
        (1, 16),
        "signed anew each time"
    );
    assert_eq!(
        world.simulator.callbacks_ended(),
        (0, 1),
        "given up after a day"
    );
}

#[test]
fn an_entry_is_told_of_when_it_flips_and_is_not_charged() {
    let mut world = calling_back();
    let now = NOW.plus_ms(1_000);
    world.enter("P00001", PLATE);
    world
        .simulator
        .set_plate(PLATE, Plate::blocked("PAUSE"), now);
    world
        .simulator
        .set_plate(PLATE, Plate::blocked("PAUSE"), now);
    world.simulator.set_plate(PLATE, Plate::default(), now);
    let told = world.simulator.callbacks_due(now);
    assert_eq!(told.len(), 2);
    for delivery in &told {
        let body: Value = serde_json::from_slice(&delivery.body).unwrap();
        assert_eq!(body["event_type"], "VEHICLE.ENTRANCE_STATE_CHANGE");
        assert!(world.simulator.verify_callback(delivery));
        world.simulator.callback_answered(delivery, Some(204), now);
    }
    assert_eq!(world.simulator.callbacks_ended(), (2, 0));
    assert_eq!(world.simulator.callbacks_waiting(), 0);
}

#[test]
fn whoever_takes_a_forgery_is_found_out() {
    for (fault, is_forgery) in [
        (CallbackFault::Forged, true),
        (CallbackFault::Probe, true),
        (CallbackFault::Unsigned, true),
        (CallbackFault::Truncated, true),
        (CallbackFault::Old, true),
        (CallbackFault::OtherKey, false),
        (CallbackFault::Pass, false),
    ] {
        let mut world = calling_back();
        world.enter_and_charge("00001", PLATE);
        world.simulator.push_callback_faults([fault]);
        let now = NOW.plus_ms(3_000);
        let due = world.simulator.callbacks_due(now);
        world.simulator.callback_answered(&due[0], Some(200), now);
        let found = !world.simulator.books().violations.is_empty();
        assert_eq!(found, is_forgery, "{fault:?}");
        let verifies = world.simulator.verify_callback(&due[0]);
        let is_signed_right = matches!(
            fault,
            CallbackFault::Old | CallbackFault::OtherKey | CallbackFault::Pass
        );
        assert_eq!(verifies, is_signed_right, "{fault:?}");
    }
}

#[test]
fn a_late_notice_is_overtaken_and_a_double_one_comes_twice() {
    let mut world = calling_back();
    world.enter("P00001", PLATE);
    let now = NOW.plus_ms(1_000);
    world
        .simulator
        .push_callback_faults([CallbackFault::Late(60_000), CallbackFault::Twice]);
    world
        .simulator
        .set_plate(PLATE, Plate::blocked("PAUSE"), now);
    world.simulator.set_plate(PLATE, Plate::default(), now);
    let told = world.simulator.callbacks_due(now);
    assert_eq!(told.len(), 2);
    assert_eq!(told[0], told[1]);
    assert_eq!(world.simulator.callbacks_due(now.plus_ms(60_000)).len(), 1);
}

#[test]
fn an_advance_is_repaid_and_told() {
    let mut world = calling_back();
    let settings = world.settings();
    settings.default_plate = Plate::ending(Outcome::Advanced);
    settings.repay_after_ms = Some(60_000);
    world.enter_and_charge("00001", PLATE);
    assert_eq!(world.simulator.callbacks_due(NOW.plus_ms(3_000)).len(), 1);
    let told = world.simulator.callbacks_due(NOW.plus_ms(70_000));
    let body: Value = serde_json::from_slice(&told[0].body).unwrap();
    assert_eq!(body["event_type"], "TRANSACTION.PAY_BACK");
}

fn calling_back() -> World {
    let mut world = World::new();
    world.settings().calls_back = true;
    world
}

fn header(delivery: &Delivery, name: &str) -> String {
    let found = delivery.headers.iter().find(|(key, _)| key == name);
    found.unwrap().1.clone()
}
