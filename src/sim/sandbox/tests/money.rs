//! What the control sets of sums and bills.

use serde_json::{Value, json};

use super::super::*;
use super::asking::World;

const PLATE: &str = "粤B88888";

/// Of an order that is paid, nothing changes when coupons do.
#[tokio::test]
async fn a_coupon_pays_a_part_of_what_is_settled_from_then_on() {
    let mut world = World::start(notifying).await;
    let borne = json!({ "coupon": { "fen": 500, "merchants": true } });
    world.post("/settings", &borne).await;
    let paid = settled(&mut world, "T000001").await;
    assert_eq!(paid["amount"]["payer_total"], 1000, "{paid}");
    assert_eq!(paid["promotion_detail"][0]["merchant_contribute"], 500);

    world.post("/settings", &json!({ "coupon": null })).await;
    let whole = settled(&mut world, "T000002").await;
    assert_eq!(whole["amount"]["payer_total"], 1500, "{whole}");
    let charges = world.get("/charges").await;
    assert_eq!(charges["charges"][1]["amount"]["payer_total"], 1000);
}

#[tokio::test]
async fn a_bill_leaves_out_what_it_is_told_to() {
    let mut world = World::start(notifying).await;
    let charge = settled(&mut world, "T000001").await;
    let day = charge["success_time"].as_str().unwrap().get(..10).unwrap();
    let bill = format!("/v3/bill/tradebill?bill_date={day}");
    const TWO_DAYS_S: i64 = 2 * 24 * 3600;
    world.customer.ahead_s = TWO_DAYS_S;
    let ahead = json!({ "ahead_ms": TWO_DAYS_S * 1000 });
    world.post("/clock", &ahead).await;
    assert_eq!(world.customer.get(&bill).await.0, 200);

    let without = json!({ "bills_without": ["T000001"] });
    world.post("/settings", &without).await;
    let (status, refusal) = world.customer.get(&bill).await;
    let why = (status, &refusal["code"]);
    assert_eq!(why, (400, &json!("NO_STATEMENT_EXIST")), "{refusal}");
}

#[tokio::test]
async fn appids_are_bound_and_unbound() {
    let mut world = World::start(notifying).await;
    world.post("/settings", &json!({ "appids": [] })).await;
    let find = format!(
        "/v3/vehicle/parking/services/find?appid={}&plate_number=%E7%B2%A4B88888&plate_color=BLUE&openid={}",
        world.sandbox.setup.appid, world.sandbox.setup.openid
    );
    assert_eq!(world.customer.get(&find).await.0, 403);
    let bound = json!({ "appids": [world.sandbox.setup.appid] });
    world.post("/settings", &bound).await;
    assert_eq!(world.customer.get(&find).await.0, 200);
}

#[tokio::test]
async fn a_sandbox_that_calls_back_can_be_told_not_to() {
    let mut world = World::start(notifying).await;
    for (number, calls_back, told) in [("T000001", false, 0), ("T000002", true, 1)] {
        let silent = json!({ "calls_back": calls_back });
        world.post("/settings", &silent).await;
        settled(&mut world, number).await;
        let callbacks = world.get("/callbacks").await;
        assert_eq!(callbacks["callbacks"].as_array().unwrap().len(), told);
    }
}

/// Charges name an address on this machine.
fn notifying(kind: &mut Kind) {
    kind.notify = Some(Notify::AsNamed);
}

/// A charge that is paid.
async fn settled(world: &mut World, number: &str) -> Value {
    world.customer.charge(number, PLATE).await;
    let path = format!("/charges/{number}/settle");
    let told = world.post(&path, &json!({ "outcome": "success" })).await;
    told["charge"].clone()
}
