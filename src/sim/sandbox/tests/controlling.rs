//! The control's API, over real sockets.

use serde_json::{Value, json};

use super::super::control::ROUTES;
use super::super::*;
use super::asking::World;
use super::customer::ask;

const PLATE: &str = "粤B88888";
const PLATE_PATH: &str = "/plates/%E7%B2%A4B88888";

#[tokio::test]
async fn every_address_is_served_and_documented() {
    let world = World::start(|_| ()).await;
    let doc = include_str!("../../../../docs/sandbox.md");
    let documented: Vec<String> = doc
        .lines()
        .filter_map(|line| line.strip_prefix("| `"))
        .filter_map(|line| line.split_once('`'))
        .map(|(call, _)| call.to_owned())
        .filter(|call| call.contains(" /") && !call.contains(" /v3/"))
        .collect();
    let served: Vec<String> = ROUTES
        .iter()
        .map(|(method, path, _)| format!("{method} {}", path.replace("{}", "…")))
        .collect();
    assert_eq!(documented, served);
    let state = world.get("/state").await;
    for (name, _) in state["settings"].as_object().unwrap() {
        assert!(doc.contains(&format!("`{name}`")), "{name}");
    }
    for (name, _) in state["settings"]["switches"].as_object().unwrap() {
        assert!(doc.contains(&format!("`{name}`")), "{name}");
    }
    for (method, path, _) in ROUTES {
        if method == "GET" {
            let told = world.ask("GET", path, "", &[]).await;
            assert_eq!(told.status, 200, "{path}: {}", told.body);
            assert_eq!(told.header("cache-control"), Some("no-store"), "{path}");
            assert_eq!(
                told.header("x-content-type-options"),
                Some("nosniff"),
                "{path}"
            );
            assert_eq!(told.header("access-control-allow-origin"), None, "{path}");
        }
    }
}

#[tokio::test]
async fn a_stay_is_seen_and_settled_by_hand() {
    let mut world = World::start(|kind| kind.notify = Some(Notify::AsNamed)).await;
    world
        .post("/settings", &json!({ "settle_after_ms": 3_600_000 }))
        .await;
    world.customer.charge("T000001", PLATE).await;
    let entries = world.get("/entries").await;
    assert_eq!(entries["all"], 1);
    assert_eq!(entries["entries"][0]["charged_by"], json!(["T000001"]));
    let charges = world.get("/charges").await;
    assert_eq!(charges["charges"][0]["trade_state"], "ACCEPTED");

    let body = json!({ "outcome": "pay_fail" });
    let settled = world.post("/charges/T000001/settle", &body).await;
    assert_eq!(settled["charge"]["trade_state"], "PAY_FAIL");
    let again = world
        .post_told("/charges/T000001/settle", &body.to_string())
        .await;
    assert_eq!(again.status, 409);
    let callbacks = world.get("/callbacks").await;
    assert_eq!(callbacks["callbacks"][0]["event_type"], "TRANSACTION.FAIL");
    assert_eq!(
        callbacks["callbacks"][0]["resource"]["out_trade_no"],
        "T000001"
    );
}

#[tokio::test]
async fn a_refund_is_named_by_either_number_and_ends_by_hand() {
    let mut world = World::start(|kind| kind.notify = Some(Notify::AsNamed)).await;
    world
        .post("/settings", &json!({ "refund_after_ms": 3_600_000 }))
        .await;
    world.customer.charge("T000001", PLATE).await;
    let success = json!({ "outcome": "success" });
    let paid = world.post("/charges/T000001/settle", &success).await;
    let transaction = &paid["charge"]["transaction_id"];
    let number = "R_1-a|b*c@d";
    let by_transaction = json!({ "transaction_id": transaction });
    for (named, number, status) in [
        (
            json!({ "transaction_id": transaction, "out_trade_no": "T000002" }),
            number,
            404,
        ),
        (json!({ "transaction_id": "42" }), "R1", 404),
        (json!({}), "R1", 400),
        (by_transaction.clone(), "R 1", 400),
    ] {
        let (answered, why) = refund(&mut world, &named, number).await;
        assert_eq!(answered, status, "{named} {number}: {why}");
    }
    let (status, made) = refund(&mut world, &by_transaction, number).await;
    assert_eq!((status, &made["out_trade_no"]), (200, &json!("T000001")));
    // The same refund, whichever number names its order.
    let by_number = json!({ "out_trade_no": "T000001" });
    let (status, again) = refund(&mut world, &by_number, number).await;
    assert_eq!((status, &again["refund_id"]), (200, &made["refund_id"]));

    let path = "/refunds/R_1-a%7Cb*c@d/end";
    let ended = world.post(path, &json!({ "outcome": "abnormal" })).await;
    assert_eq!(ended["refund"]["status"], "ABNORMAL");
    // The merchant platform finishes it.
    let ended = world.post(path, &json!({ "outcome": "success" })).await;
    assert_eq!(ended["refund"]["status"], "SUCCESS");
    assert_eq!(
        world
            .post_told(path, r#"{"outcome":"success"}"#)
            .await
            .status,
        409
    );
    let callbacks = world.get("/callbacks").await;
    let told = |at: usize| &callbacks["callbacks"][at];
    assert_eq!(told(0)["event_type"], "REFUND.SUCCESS");
    assert_eq!(told(1)["event_type"], "REFUND.ABNORMAL");
    assert_eq!(told(1)["resource"]["refund_status"], "ABNORMAL");
    assert_eq!(told(1)["resource"]["amount"]["payer_refund"], 500);
    assert_eq!(told(1)["resource"]["mchid"], material::MCHID);
}

#[tokio::test]
async fn faults_are_played_and_the_requests_show_them() {
    let world = World::start(|_| ()).await;
    world
        .post(
            "/faults/next",
            &json!({ "fault": "error_before", "call": "certificates" }),
        )
        .await;
    let slow = json!({ "fault": { "slow": 1 }, "times": 2 });
    let queued = world.post("/faults/next", &slow).await;
    assert_eq!(
        queued["faults_next"]["any"],
        json!([{ "slow": 1 }, { "slow": 1 }])
    );
    assert_eq!(queued["faults_next"]["on"][0]["call"], "certificates");
    for _ in 0..4 {
        ask_wechat(&world).await;
    }
    let requests = world.get("/requests").await;
    let rows = requests["requests"].as_array().unwrap();
    let faults: Vec<&Value> = rows.iter().rev().map(|row| &row["fault"]).collect();
    let slow = json!({ "slow": 1 });
    assert_eq!(faults, [&json!("error_before"), &slow, &slow, &Value::Null]);
    assert_eq!(rows[3]["refusal"]["code"], "SYSTEM_ERROR");
    assert_eq!(rows[0]["refusal"]["code"], "SIGN_ERROR");
    let violations = world.get("/violations").await;
    assert_eq!(violations["violations"][0]["kind"], "authorization");

    let rates = json!({ "rates": { "silence": 10 }, "standing": "no_auth" });
    let faults = world.post("/faults", &rates).await;
    assert_eq!(faults["faults"]["rates"]["silence"], 10);
    let none = world.ask("DELETE", "/faults", "", &[]).await;
    assert_eq!(none.status, 200);
    let state = world.get("/state").await;
    assert_eq!(state["faults"]["standing"], Value::Null);
    assert_eq!(state["faults"]["rates"]["silence"], 0);
}

#[tokio::test]
async fn drivers_are_blocked_and_whoever_is_inside_is_told_of_it() {
    let mut world = World::start(|kind| kind.notify = Some(Notify::AsNamed)).await;
    world.customer.enter("P000001", PLATE).await;
    let blocked = json!({ "service": { "blocked": "OVERDUE" } });
    let plate = world.post(PLATE_PATH, &blocked).await;
    assert_eq!(plate["is"]["outcome"], "success");
    assert_eq!(world.ask("DELETE", PLATE_PATH, "", &[]).await.status, 200);
    assert_eq!(world.ask("DELETE", PLATE_PATH, "", &[]).await.status, 404);
    let callbacks = world.get("/callbacks").await;
    let states: Vec<&Value> = callbacks["callbacks"]
        .as_array()
        .unwrap()
        .iter()
        .map(|row| &row["resource"]["parking_state"])
        .collect();
    assert_eq!(states, ["NORMAL", "BLOCKED"]);
}

#[tokio::test]
async fn wechats_clock_can_be_ahead() {
    let mut world = World::start(|_| ()).await;
    world.post("/clock", &json!({ "ahead_ms": 600_000 })).await;
    let (status, refusal) = world.customer.get("/v3/certificates").await;
    assert_eq!(
        (status, &refusal["detail"]["field"]),
        (401, &json!("timestamp"))
    );
    world.post("/clock", &json!({ "ahead_ms": 0 })).await;
    assert_eq!(world.customer.get("/v3/certificates").await.0, 200);
}

#[tokio::test]
async fn bad_input_is_told_by_its_name_and_changes_nothing() {
    let world = World::start(|_| ()).await;
    let before = world.get("/state").await;
    for (path, body, status, named) in [
        (
            "/settings",
            r#"{"settle_after_ms": -1}"#,
            400,
            "settle_after_ms: invalid",
        ),
        (
            "/settings",
            r#"{"settle_after": 1}"#,
            400,
            "settle_after: unknown field",
        ),
        (
            "/settings",
            r#"{"switches": {"native": "no"}}"#,
            400,
            "switches.native",
        ),
        (
            "/settings",
            r#"{"switches": {"extra_keys_permille": 1001}}"#,
            400,
            "extra_keys_permille",
        ),
        (
            "/settings",
            r#"{"default_plate": {"openid": ""}}"#,
            400,
            "default_plate.openid",
        ),
        (
            "/settings",
            r#"{"coupon": {"fen": 100}}"#,
            400,
            "coupon: missing field `merchants`",
        ),
        (
            "/settings",
            r#"{"bills_without": [""]}"#,
            400,
            "bills_without",
        ),
        (
            "/settings",
            r#"{"appids": ["w x"]}"#,
            400,
            r#"appids: "w x""#,
        ),
        (
            "/settings",
            r#"{"sub_merchants": {"1900000109": []}}"#,
            400,
            "without --partner",
        ),
        ("/settings", r#"{"calls_back": true}"#, 400, "--notify"),
        ("/settings", r#"{"latency_ms": 600001}"#, 400, "latency_ms"),
        ("/settings", "[1]", 400, "not a JSON object"),
        ("/settings", "{", 400, "not JSON"),
        (
            "/faults",
            r#"{"rates": {"silence": 600, "slow": 600}}"#,
            400,
            "rates",
        ),
        (
            "/faults",
            r#"{"outage": "long"}"#,
            400,
            "outage: unknown variant",
        ),
        (
            "/faults",
            r#"{"standing": {"proxy_page": 99}}"#,
            400,
            "proxy_page",
        ),
        (
            "/faults/next",
            r#"{"fault": "lost"}"#,
            400,
            "unknown variant `lost`",
        ),
        (
            "/faults/next",
            r#"{"fault": "silence", "call": "enter"}"#,
            400,
            "unknown variant `enter`",
        ),
        (
            "/faults/next",
            r#"{"fault": "silence", "times": 0}"#,
            400,
            "times",
        ),
        (
            "/faults/next",
            r#"{"fault": "silence", "times": 1001}"#,
            400,
            "times",
        ),
        (
            "/faults/next",
            r#"{"fault": {"slow": 600001}}"#,
            400,
            "slow",
        ),
        ("/plates/a%20b", "{}", 400, "characters"),
        (
            PLATE_PATH,
            r#"{"service": {"blocked": ""}}"#,
            400,
            "service",
        ),
        (PLATE_PATH, r#"{"color": "PINK"}"#, 400, "color"),
        (
            "/charges/T9/settle",
            r#"{"outcome": "success"}"#,
            404,
            "no charge T9",
        ),
        (
            "/charges/T9/settle",
            r#"{"outcome": "never"}"#,
            400,
            "outcome",
        ),
        (
            "/refunds/R9/end",
            r#"{"outcome": "success"}"#,
            404,
            "no refund R9",
        ),
        ("/natives/N9/pay", "{}", 404, "no Native order N9"),
        ("/callbacks/7/deliver", "{}", 404, "no callback 7"),
        ("/callbacks/x/deliver", "{}", 404, "no callback x"),
        (
            "/callbacks/faults",
            r#"{"faults": ["false"]}"#,
            400,
            "unknown variant",
        ),
        ("/clock", r#"{"ahead_ms": 9999999999999}"#, 400, "ahead_ms"),
        ("/keys/issue", r#"{"bits": 512}"#, 400, "unknown field"),
        (
            "/keys/merchant/retire",
            r#"{"after_ms": 999999999999}"#,
            400,
            "after_ms",
        ),
    ] {
        let told = world.post_told(path, body).await;
        assert_eq!(told.status, status, "{path} {body}: {}", told.body);
        let error: Value = serde_json::from_str(&told.body).unwrap();
        let error = error["error"].as_str().unwrap();
        assert!(error.contains(named), "{path} {body}: {error}");
    }
    let large = format!("{{\"x\": \"{}\"}}", "x".repeat(70_000));
    assert_eq!(world.post_told("/settings", &large).await.status, 413);
    let mut after = world.get("/state").await;
    after["now"] = before["now"].clone();
    assert_eq!(after, before);
}

#[tokio::test]
async fn other_sites_pages_and_other_names_are_refused() {
    let world = World::start(|_| ()).await;
    let json = ("Content-Type", "application/json");
    let body = r#"{"latency_ms": 7}"#;
    for (headers, status) in [
        (vec![], 415),
        (vec![("Content-Type", "text/plain")], 415),
        (vec![json, ("Origin", "http://evil.example")], 403),
        (vec![json, ("Origin", "null")], 403),
        (vec![json, ("Host", "evil.example:8701")], 403),
        (
            vec![
                json,
                ("Host", "evil.example"),
                ("Origin", "http://evil.example"),
            ],
            403,
        ),
        (vec![json, ("Sec-Fetch-Site", "cross-site")], 403),
    ] {
        let told = world.ask("POST", "/settings", body, &headers).await;
        assert_eq!(told.status, status, "{headers:?}: {}", told.body);
    }
    let preflight = [
        ("Origin", "http://evil.example"),
        ("Access-Control-Request-Method", "POST"),
    ];
    let told = world.ask("OPTIONS", "/settings", "", &preflight).await;
    assert_eq!(told.status, 403);
    assert_eq!(told.header("access-control-allow-origin"), None);
    assert_eq!(world.get("/state").await["settings"]["latency_ms"], 0);

    let origin = format!("http://{}", world.control());
    let own = [json, ("Origin", &origin), ("Sec-Fetch-Site", "same-origin")];
    assert_eq!(world.ask("POST", "/settings", body, &own).await.status, 200);
    assert_eq!(world.get("/state").await["settings"]["latency_ms"], 7);
}

/// 5 yuan of the charge that `named` names.
async fn refund(world: &mut World, named: &Value, number: &str) -> (u16, Value) {
    let mut body = json!({
        "out_refund_no": number, "notify_url": world.customer.notify_url,
        "amount": { "refund": 500, "total": 1500, "currency": "CNY" },
    });
    let named = named.as_object().unwrap().clone();
    body.as_object_mut().unwrap().extend(named);
    let refunds = "/v3/refund/domestic/refunds";
    world.customer.post(refunds, &body).await
}

/// Nobody signs this request.
async fn ask_wechat(world: &World) {
    let address = world.sandbox.server.addresses()[0].to_string();
    let headers = [("Accept", "application/json"), ("User-Agent", "t")];
    ask(&address, "GET", "/v3/certificates", "", &headers).await;
}
