//! From accepted to settled, and *query order*.

use super::*;

#[test]
fn an_accepted_order_is_paid_when_its_time_comes() {
    let mut world = World::new();
    world.enter_and_charge("00001", PLATE);
    world.pass(1_999);
    let body = json_of(&world.query("T00001"));
    assert_eq!(text(&body, "/trade_state"), "ACCEPTED");
    world.pass(1);
    let body = json_of(&world.query("T00001"));
    assert_eq!(text(&body, "/trade_state"), "SUCCESS");
    assert_eq!(text(&body, "/transaction_id").len(), 28);
    assert_eq!(text(&body, "/success_time"), "2025-11-24T12:30:07+08:00");
    assert_eq!(text(&body, "/bank_type"), "OTHERS");
    assert_eq!(body["amount"]["payer_total"], 1500);
    assert!(body.get("user_repaid").is_none());
    assert_eq!(world.books().fen_in(OrderState::Success), 1500);
}

#[test]
fn settlement_needs_no_call() {
    let mut world = World::new();
    world.enter_and_charge("00001", PLATE);
    world.pass(60_000);
    world.simulator.advance(world.now);
    assert_eq!(world.books().orders[0].state, OrderState::Success);
}

#[test]
fn plates_have_scripts() {
    let mut world = World::new();
    let plates = [
        ("粤B00001", Outcome::Success),
        ("粤B00002", Outcome::Advanced),
        ("粤B00003", Outcome::PayFail),
        ("粤B00004", Outcome::Never),
    ];
    for (plate, outcome) in plates {
        world.set_plate(plate, Plate::ending(outcome));
        world.enter_and_charge(plate.trim_start_matches("粤B"), plate);
    }
    world.pass(7 * 86_400_000);
    let mut order = |number: &str| json_of(&world.query(number));
    assert_eq!(text(&order("T00001"), "/bank_type"), "OTHERS");
    let advanced = order("T00002");
    assert_eq!(text(&advanced, "/trade_state"), "SUCCESS");
    assert_eq!(text(&advanced, "/bank_type"), "BPA");
    assert_eq!(text(&advanced, "/user_repaid"), "N");
    let failed = order("T00003");
    assert_eq!(text(&failed, "/trade_state"), "PAY_FAIL");
    assert!(failed.get("transaction_id").is_none());
    assert_eq!(text(&order("T00004"), "/trade_state"), "ACCEPTED");

    let books = world.books();
    assert_eq!(books.accepted_fen(), 6_000);
    assert_eq!(books.fen_in(OrderState::Success), 3_000);
    assert_eq!(books.fen_in(OrderState::PayFail), 1_500);
    assert_eq!(books.fen_in(OrderState::Accepted), 1_500);
}

#[test]
fn an_entry_stays_used_after_a_failed_payment() {
    let mut world = World::new();
    world.set_plate(PLATE, Plate::ending(Outcome::PayFail));
    let body = world.enter_and_charge("00001", PLATE);
    world.pass(10_000);
    let again = with(&body, "/out_trade_no", Some(json!("T00002")));
    assert_refused(&world.post(CHARGE, &again), 400, "INVALID_REQUEST");
    assert_eq!(world.violations(), [ViolationKind::UsedEntry]);
}

#[test]
fn an_order_that_was_never_accepted_does_not_exist() {
    let mut world = World::new();
    world.set_plate(PLATE, Plate::not_enrolled());
    let parking_id = world.enter("P1", PLATE);
    world.post(CHARGE, &charge_body("T00001", &parking_id, PLATE));
    assert_refused(&world.query("T00001"), 404, "ORDER_NOT_EXIST");
    assert_parameter_refused(&world.query("T00001?sub_mchid=1"), "sub_mchid");
    assert_parameter_refused(&world.query(""), "out_trade_no");
    assert_parameter_refused(&world.query("T%zz"), "out_trade_no");
}

#[test]
fn accepted_orders_can_be_in_states_that_nobody_knows() {
    let mut world = World::new();
    world.settings().switches.unknown_state_permille = 1000;
    world.enter_and_charge("00001", PLATE);
    let body = json_of(&world.query("T00001"));
    assert_eq!(text(&body, "/trade_state"), "DEDUCTING");
    world.pass(2_000);
    let body = json_of(&world.query("T00001"));
    assert_eq!(text(&body, "/trade_state"), "SUCCESS");
}
