//! Native orders: made, asked about, paid, closed.

use super::*;

const CREATE: &str = "/v3/pay/transactions/native";
const NUMBER: &str = "N20251124123010000001";

fn order() -> Value {
    json!({
        "appid": material::APPID,
        "mchid": material::MCHID,
        "description": "停车费",
        "out_trade_no": NUMBER,
        "time_expire": "2025-11-24T12:45:10+08:00",
        "notify_url": "https://pay.example.com/wx/native",
        "amount": { "total": 1500, "currency": "CNY" },
    })
}

fn target(tail: &str) -> String {
    format!("/v3/pay/transactions/out-trade-no/{NUMBER}{tail}")
}

fn state(world: &mut World) -> String {
    let answer = world.get(&target(&format!("?mchid={}", material::MCHID)));
    assert_eq!(answer.status, 200, "{answer:?}");
    text(&json_of(&answer), "/trade_state").to_owned()
}

#[test]
fn an_order_is_made_again_with_a_new_code_and_closed_for_good() {
    let mut world = World::new();
    let first = json_of(&world.post(CREATE, &order()));
    let second = json_of(&world.post(CREATE, &order()));
    assert!(text(&first, "/code_url").starts_with("weixin://wxpay/bizpayurl?pr="));
    assert_ne!(first, second);
    assert_eq!(state(&mut world), "NOTPAY");
    let caller = json!({ "mchid": material::MCHID });
    for _ in 0..2 {
        let closed = world.post(&target("/close"), &caller);
        assert_eq!((closed.status, closed.body.len()), (204, 0));
    }
    assert_eq!(state(&mut world), "CLOSED");
    assert_refused(&world.post(CREATE, &order()), 400, "ORDER_CLOSED");
    assert!(!world.simulator.pay_native(NUMBER, world.now));
    assert_eq!(world.violations(), []);
}

#[test]
fn a_paid_order_cannot_be_closed_and_an_old_one_not_be_paid() {
    let mut world = World::new();
    world.post(CREATE, &order());
    assert!(world.simulator.pay_native(NUMBER, world.now));
    let caller = json!({ "mchid": material::MCHID });
    let closed = world.post(&target("/close"), &caller);
    assert_refused(&closed, 400, "ORDER_PAID");
    assert_eq!(state(&mut world), "SUCCESS");

    let mut world = World::new();
    world.post(CREATE, &order());
    world.pass(16 * 60 * 1000);
    assert!(!world.simulator.pay_native(NUMBER, world.now));
    assert_eq!(state(&mut world), "CLOSED");
}

#[test]
fn what_breaks_the_contract_is_refused() {
    let mut world = World::new();
    let other = json!("wx0000000000000000");
    let unbound = with(&order(), "/appid", Some(other));
    assert_refused(&world.post(CREATE, &unbound), 400, "APPID_MCHID_NOT_MATCH");
    for (pointer, value, field) in [
        ("/mchid", Some(json!("1")), "/mchid"),
        ("/amount/total", Some(json!(0)), "/amount/total"),
        ("/amount/total", Some(json!("1")), "/amount/total"),
        ("/out_trade_no", Some(json!("N1")), "/out_trade_no"),
        ("/notify_url", None, "/notify_url"),
        ("/sub_mchid", Some(json!("1900000109")), "/sub_mchid"),
        (
            "/time_expire",
            Some(json!("2025-11-24T12:30:30+08:00")),
            "/time_expire",
        ),
    ] {
        let answer = world.post(CREATE, &with(&order(), pointer, value));
        assert_parameter_refused(&answer, field);
    }
    world.post(CREATE, &order());
    let changed = with(&order(), "/amount/total", Some(json!(2)));
    assert_refused(&world.post(CREATE, &changed), 400, "INVALID_REQUEST");
    let charged = world.enter_and_charge("20251124123000000009", PLATE);
    let taken = with(
        &order(),
        "/out_trade_no",
        Some(charged["out_trade_no"].clone()),
    );
    assert_refused(&world.post(CREATE, &taken), 403, "OUT_TRADE_NO_USED");
    world.settings().switches.native = false;
    assert_refused(&world.post(CREATE, &order()), 403, "NO_AUTH");
}

#[test]
fn a_provider_has_paths_and_keys_of_its_own() {
    let mut world = World::new();
    world.settings().merchant.sub_merchants = material::partner_settings(1).merchant.sub_merchants;
    assert_refused(&world.post(CREATE, &order()), 403, "NO_AUTH");
    let body = json!({
        "sp_appid": material::APPID,
        "sp_mchid": material::MCHID,
        "sub_mchid": material::SUB_MCHID,
        "description": "停车费",
        "out_trade_no": NUMBER,
        "notify_url": "https://pay.example.com/wx/native",
        "amount": { "total": 1 },
    });
    let answer = world.post("/v3/pay/partner/transactions/native", &body);
    assert_eq!(answer.status, 200, "{answer:?}");
    let root = format!("/v3/pay/partner/transactions/out-trade-no/{NUMBER}");
    let query = |sub: &str| format!("{root}?sp_mchid={}&sub_mchid={sub}", material::MCHID);
    let found = json_of(&world.get(&query(material::SUB_MCHID)));
    assert_eq!(text(&found, "/sub_mchid"), material::SUB_MCHID);
    let others = world.get(&query(material::OTHER_SUB_MCHID));
    assert_refused(&others, 404, "ORDER_NOT_EXIST");
    let parties = json!({ "sp_mchid": material::MCHID, "sub_mchid": material::SUB_MCHID });
    assert_eq!(world.post(&format!("{root}/close"), &parties).status, 204);
    assert_eq!(
        world.simulator.native_orders()[0].state,
        NativeState::Closed
    );
}
