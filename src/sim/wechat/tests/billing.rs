//! Bills: whatever was paid, and went back, is in the bill of its day.

use std::io::Read;

use flate2::read::GzDecoder;

use super::*;

const DAY_MS: i64 = 24 * 3600 * 1000;
const CODE: &str = "N20251124123010000001";

/// A driver pays an order by its code, and 200 fen go back.
fn paid_by_code(world: &mut World) {
    let order = json!({
        "appid": material::APPID,
        "mchid": material::MCHID,
        "description": "停车费",
        "out_trade_no": CODE,
        "time_expire": "2025-11-24T12:45:10+08:00",
        "notify_url": "https://pay.example.com/wx/native",
        "amount": { "total": 1500, "currency": "CNY" },
    });
    assert_eq!(
        world.post("/v3/pay/transactions/native", &order).status,
        200
    );
    assert!(world.simulator.pay_native(CODE, world.now));
    let back = json!({
        "out_trade_no": CODE,
        "out_refund_no": "R1",
        "amount": { "refund": 200, "total": 1500, "currency": "CNY" },
    });
    let refunds = "/v3/refund/domestic/refunds";
    assert_eq!(world.post(refunds, &back).status, 200);
}

fn bill(world: &mut World, call: &str) -> String {
    let target = format!("/v3/bill/{call}?bill_date=2025-11-24&tar_type=GZIP");
    let place = json_of(&world.get(&target));
    let url = text(&place, "/download_url").to_owned();
    let file = world.get(url.strip_prefix("https://api.mch.weixin.qq.com").unwrap());
    let mut bill = String::new();
    GzDecoder::new(&*file.body)
        .read_to_string(&mut bill)
        .unwrap();
    bill
}

#[test]
fn what_is_paid_by_code_and_goes_back_stands_in_both_bills() {
    let mut world = World::new();
    paid_by_code(&mut world);
    world.pass(DAY_MS);
    let trades = bill(&mut world, "tradebill");
    let lines: Vec<&str> = trades.lines().collect();
    assert_eq!(lines.len(), 5, "{trades}");
    for line in &lines[1..3] {
        assert!(line.contains(CODE) && line.contains("`NATIVE,"), "{line}");
    }
    assert!(
        lines[1].contains("`SUCCESS,") && lines[1].contains("`15.00,`0.00,"),
        "{trades}"
    );
    assert!(
        lines[2].contains("`R1,`2.00,") && lines[2].contains("`15.00,`2.00,"),
        "{trades}"
    );
    assert_eq!(lines[4], "`2,`15.00,`2.00,`0.00,`0.07800,`15.00,`2.00");
    let flows = bill(&mut world, "fundflowbill");
    assert!(flows.contains("`交易,`交易,`收入,`15.00,"), "{flows}");
    assert!(flows.contains("`退款,`退款,`支出,`2.00,"), "{flows}");
}

#[test]
fn the_money_of_a_sub_merchant_is_not_in_the_providers_fund_flow() {
    let mut settings = material::partner_settings(1);
    settings.seal = Arc::new(Seal::None);
    let mut world = World {
        simulator: Simulator::new(settings),
        now: NOW,
    };
    let order = json!({
        "sp_appid": material::APPID,
        "sp_mchid": material::MCHID,
        "sub_mchid": material::SUB_MCHID,
        "description": "停车费",
        "out_trade_no": CODE,
        "time_expire": "2025-11-24T12:45:10+08:00",
        "notify_url": "https://pay.example.com/wx/native",
        "amount": { "total": 1500, "currency": "CNY" },
    });
    let made = world.post("/v3/pay/partner/transactions/native", &order);
    assert_eq!(made.status, 200, "{made:?}");
    assert!(world.simulator.pay_native(CODE, world.now));
    world.pass(DAY_MS);
    assert!(bill(&mut world, "tradebill").contains(CODE));
    let none = world.get("/v3/bill/fundflowbill?bill_date=2025-11-24");
    assert_eq!(text(&json_of(&none), "/code"), "NO_STATEMENT_EXIST");
}
