//! *Charge*: what is accepted, once, and what is refused.

use super::*;

#[test]
fn a_charge_on_its_entry_is_accepted() {
    let mut world = World::new();
    let parking_id = world.enter("P1", PLATE);
    let sent = charge_body("T00001", &parking_id, PLATE);
    let body = json_of(&world.post(CHARGE, &sent));
    assert_eq!(text(&body, "/trade_state"), "ACCEPTED");
    assert_eq!(text(&body, "/sp_mchid"), material::MCHID);
    assert_eq!(text(&body, "/create_time"), "2025-11-24T12:30:05+08:00");
    assert_eq!(text(&body, "/payer/openid"), Plate::default().openid);
    for pointer in ["/parking_info", "/amount", "/out_trade_no", "/appid"] {
        assert_eq!(body.pointer(pointer), sent.pointer(pointer), "{pointer}");
    }
    for absent in ["transaction_id", "success_time", "bank_type", "attach"] {
        assert!(body.get(absent).is_none(), "{absent}");
    }
    let books = world.books();
    assert_eq!(books.accepted_fen(), 1500);
    assert_eq!(books.entries[0].accepted, 1);
    assert_eq!(books.violations, []);
}

#[test]
fn accepted_has_a_second_spelling() {
    let mut world = World::new();
    world.settings().switches.accept_spelling = true;
    world.enter_and_charge("00001", PLATE);
    let body = json_of(&world.query("T00001"));
    assert_eq!(text(&body, "/trade_state"), "ACCEPT");
}

#[test]
fn bodies_are_read_strictly() {
    let cases: [(&str, Option<Value>); 36] = [
        ("/appid", None),
        ("/description", None),
        ("/description", Some(json!("费".repeat(129)))),
        ("/attach", Some(Value::Null)),
        ("/out_trade_no", None),
        ("/out_trade_no", Some(json!("T0001"))),
        ("/out_trade_no", Some(json!("T".repeat(33)))),
        ("/out_trade_no", Some(json!("T*00001"))),
        ("/trade_scene", None),
        ("/trade_scene", Some(json!("HIGHWAY"))),
        ("/notify_url", Some(json!("http://a.cn/"))),
        ("/profit_sharing", Some(json!(true))),
        ("/profit_sharing", Some(json!("n"))),
        ("/amount", None),
        ("/amount", Some(json!(1500))),
        ("/amount/total", None),
        ("/amount/total", Some(json!(0))),
        ("/amount/total", Some(json!(-5))),
        ("/amount/total", Some(json!("1500"))),
        ("/amount/total", Some(json!(15.5))),
        ("/amount/currency", Some(json!("USD"))),
        ("/amount/refund", Some(json!(1))),
        ("/parking_info", None),
        ("/parking_info/parking_id", None),
        ("/parking_info/plate_color", Some(json!("RED"))),
        ("/parking_info/start_time", None),
        ("/parking_info/end_time", None),
        (
            "/parking_info/end_time",
            Some(json!("2025-11-24T10:00:00+08:00")),
        ),
        (
            "/parking_info/end_time",
            Some(json!("2025-11-24T12:30:05+08:00")),
        ),
        (
            "/parking_info/end_time",
            Some(json!("2025-11-24T04:30:06Z")),
        ),
        ("/parking_info/charging_duration", None),
        ("/parking_info/charging_duration", Some(json!(1.5))),
        ("/parking_info/device_id", None),
        ("/parking_info/device_id", Some(json!("gate 1"))),
        ("/parking_info/extra", Some(json!(1))),
        ("/sub_appid", Some(json!("wx1"))),
    ];
    for (pointer, value) in cases {
        let mut world = World::new();
        let parking_id = world.enter("P1", PLATE);
        let body = with(&charge_body("T00001", &parking_id, PLATE), pointer, value);
        let answer = world.post(CHARGE, &body);
        assert_parameter_refused(&answer, pointer);
        assert_eq!(world.violations(), [ViolationKind::Parameter], "{body}");
        assert!(world.books().orders.is_empty());
    }
}

#[test]
fn values_that_a_careful_client_sends_are_taken() {
    for (pointer, value) in [
        ("/attach", Some(json!("lane=E1"))),
        ("/profit_sharing", Some(json!("N"))),
        ("/goods_tag", Some(json!("x"))),
        ("/amount/currency", None),
        ("/parking_info/charging_duration", Some(json!(0))),
        (
            "/parking_info/end_time",
            Some(json!("2025-11-24T12:30:04+08:00")),
        ),
    ] {
        let mut world = World::new();
        let parking_id = world.enter("P1", PLATE);
        let body = with(&charge_body("T00001", &parking_id, PLATE), pointer, value);
        assert_eq!(world.post(CHARGE, &body).status, 200, "{body}");
    }
}

#[test]
fn a_charge_must_equal_its_entry() {
    for (key, value) in [
        ("plate_number", "粤B888889"),
        ("plate_color", "GREEN"),
        ("start_time", "2025-11-24T10:00:01+08:00"),
        ("start_time", "2025-11-24T02:00:00Z"),
        ("parking_name", "另一停车场"),
    ] {
        let mut world = World::new();
        let parking_id = world.enter("P1", PLATE);
        let body = charge_body("T00001", &parking_id, PLATE);
        let body = with(&body, &format!("/parking_info/{key}"), Some(json!(value)));
        let answer = world.post(CHARGE, &body);
        assert_refused(&answer, 400, "INVALID_REQUEST");
        assert_eq!(world.violations(), [ViolationKind::Mismatch], "{key}");
        assert!(world.books().orders.is_empty());
    }
}

#[test]
fn only_the_latest_entry_of_a_plate_can_be_charged() {
    let mut world = World::new();
    let older = world.enter("P1", PLATE);
    let other = world.enter("P2", "粤B00001");
    let newer = world.enter("P3", PLATE);
    // A repeat of the older one does not make it the latest again.
    world.enter("P1", PLATE);
    let answer = world.post(CHARGE, &charge_body("T00001", &older, PLATE));
    assert_refused(&answer, 400, "INVALID_REQUEST");
    assert_eq!(text(&json_of(&answer), "/message"), "停车入场id不存在");
    assert_eq!(world.violations(), [ViolationKind::SupersededEntry]);
    for (number, id, plate) in [("T00003", &newer, PLATE), ("T00002", &other, "粤B00001")] {
        let answer = world.post(CHARGE, &charge_body(number, id, plate));
        assert_eq!(answer.status, 200);
    }
    let books = world.books();
    assert!(books.entries[0].superseded);
    assert!(!books.entries[2].superseded);
}

#[test]
fn an_entry_is_charged_once() {
    let mut world = World::new();
    let parking_id = world.enter("P1", PLATE);
    world.post(CHARGE, &charge_body("T00001", &parking_id, PLATE));
    let answer = world.post(CHARGE, &charge_body("T00002", &parking_id, PLATE));
    assert_refused(&answer, 400, "INVALID_REQUEST");
    assert_eq!(world.violations(), [ViolationKind::UsedEntry]);
    assert_eq!(world.books().accepted_fen(), 1500);
}

#[test]
fn an_entry_that_never_was_cannot_be_charged() {
    let mut world = World::new();
    let answer = world.post(CHARGE, &charge_body("T00001", "0100032", PLATE));
    assert_refused(&answer, 400, "INVALID_REQUEST");
    assert_eq!(world.violations(), [ViolationKind::UnknownEntry]);
}

#[test]
fn an_identical_repeat_answers_the_current_state() {
    let mut world = World::new();
    let body = world.enter_and_charge("00001", PLATE);
    let answer = world.post(CHARGE, &body);
    assert_eq!(text(&json_of(&answer), "/trade_state"), "ACCEPTED");
    world.pass(2_000);
    let answer = world.post(CHARGE, &body);
    assert_eq!(text(&json_of(&answer), "/trade_state"), "SUCCESS");
    // Also long after, and also when a newer entry exists.
    world.pass(86_400_000);
    world.enter("P2", PLATE);
    assert_eq!(world.post(CHARGE, &body).status, 200);
    let books = world.books();
    assert_eq!(books.orders.len(), 1);
    assert_eq!((books.orders[0].asked, books.orders[0].accepted), (4, 1));
    assert_eq!(books.violations, []);
}

#[test]
fn a_changed_repeat_is_refused_and_noted() {
    let mut world = World::new();
    let body = world.enter_and_charge("00001", PLATE);
    for (pointer, value) in [
        ("/amount/total", json!(1600)),
        ("/parking_info/end_time", json!("2025-11-24T12:30:01+08:00")),
        ("/attach", json!("new")),
    ] {
        let answer = world.post(CHARGE, &with(&body, pointer, Some(value)));
        assert_refused(&answer, 400, "INVALID_REQUEST");
        assert!(answer.header("Request-ID").unwrap().ends_with("-268498688"));
    }
    assert_eq!(world.violations(), [ViolationKind::ChangedRepeat; 3]);
    assert_eq!(world.books().accepted_fen(), 1500);
}

#[test]
fn plates_without_service_are_not_charged() {
    let mut world = World::new();
    world.set_plate("粤B00001", Plate::not_enrolled());
    world.set_plate("粤B00002", Plate::blocked("PAUSE"));
    for (plate, status, code) in [
        ("粤B00001", 404, "NOT_FOUND"),
        ("粤B00002", 403, "TRADE_ERROR"),
    ] {
        let parking_id = world.enter(plate.trim_start_matches('粤'), plate);
        let body = charge_body("T00001", &parking_id, plate);
        assert_refused(&world.post(CHARGE, &body), status, code);
    }
    assert!(world.books().orders.is_empty());
    assert_eq!(world.violations(), []);
}

#[test]
fn a_plate_enrolled_meanwhile_is_charged_on_its_blocked_entry() {
    let mut world = World::new();
    world.set_plate(PLATE, Plate::not_enrolled());
    let parking_id = world.enter("P1", PLATE);
    world.set_plate(PLATE, Plate::default());
    let answer = world.post(CHARGE, &charge_body("T00001", &parking_id, PLATE));
    assert_eq!(answer.status, 200);
}

#[test]
fn too_many_charges_of_a_plate_and_day_hit_the_rule() {
    let mut world = World::new();
    world.settings().charges_per_plate_and_day = Some(2);
    world.enter_and_charge("00001", PLATE);
    world.enter_and_charge("00002", PLATE);
    world.enter_and_charge("00003", "粤B00001");
    let parking_id = world.enter("P4", PLATE);
    let body = charge_body("T00004", &parking_id, PLATE);
    assert_refused(&world.post(CHARGE, &body), 403, "RULE_LIMIT");
    world.pass(86_400_000);
    assert_eq!(world.post(CHARGE, &body).status, 200);
}

#[test]
fn set_up_errors_are_no_auth() {
    let mut world = World::new();
    let parking_id = world.enter("P1", PLATE);
    let body = charge_body("T00001", &parking_id, PLATE);
    let unbound = with(&body, "/appid", Some(json!("wx0000000000000000")));
    assert_refused(&world.post(CHARGE, &unbound), 403, "NO_AUTH");
    world.settings().switches.may_collect = false;
    assert_refused(&world.post(CHARGE, &body), 403, "NO_AUTH");
    world.settings().switches.may_collect = true;
    assert_eq!(world.post(CHARGE, &body).status, 200);
}

#[test]
fn partner_mode_needs_the_sub_merchant_throughout() {
    let mut world = World::new();
    let sub = material::SUB_MCHID;
    world.settings().merchant.sub_merchants = [
        (sub.to_owned(), BTreeSet::from(["wxsub".to_owned()])),
        ("1900000110".to_owned(), BTreeSet::new()),
    ]
    .into();
    let entry = entry_body("P1", PLATE);
    assert_parameter_refused(&world.post(ENTRY, &entry), "/sub_mchid");
    let entry = with(&entry, "/sub_mchid", Some(json!(sub)));
    let answer = json_of(&world.post(ENTRY, &entry));

    let charge = charge_body("T00001", text(&answer, "/id"), PLATE);
    assert_parameter_refused(&world.post(CHARGE, &charge), "/sub_mchid");
    let other = with(&charge, "/sub_mchid", Some(json!("1900000110")));
    assert_refused(&world.post(CHARGE, &other), 400, "INVALID_REQUEST");
    let charge = with(&charge, "/sub_mchid", Some(json!(sub)));
    let unbound = with(&charge, "/sub_appid", Some(json!("wxother")));
    assert_refused(&world.post(CHARGE, &unbound), 403, "NO_AUTH");
    let charge = with(&charge, "/sub_appid", Some(json!("wxsub")));
    let accepted = json_of(&world.post(CHARGE, &charge));
    assert_eq!(text(&accepted, "/sub_mchid"), sub);
    assert!(accepted.pointer("/payer/sub_openid").is_some());

    assert_parameter_refused(&world.query("T00001"), "sub_mchid");
    assert_eq!(world.query(&format!("T00001?sub_mchid={sub}")).status, 200);
    let elsewhere = world.query("T00001?sub_mchid=1900000110");
    assert_refused(&elsewhere, 404, "ORDER_NOT_EXIST");

    let stranger = Some(json!("1900000199"));
    let entry = with(&entry_body("P2", PLATE), "/sub_mchid", stranger.clone());
    assert_refused(&world.post(ENTRY, &entry), 403, "NO_AUTH");
    let charge = with(&charge, "/sub_mchid", stranger);
    assert_refused(&world.post(CHARGE, &charge), 403, "NO_AUTH");
    let query = world.query("T00001?sub_mchid=1900000199");
    assert_refused(&query, 403, "NO_AUTH");
}

#[test]
fn an_answer_for_another_sub_merchant_is_signed_as_well_as_any() {
    let mut world = World::new();
    let sub = material::SUB_MCHID;
    world.settings().merchant = material::partner_settings(1).merchant;
    let entry = with(&entry_body("P1", PLATE), "/sub_mchid", Some(json!(sub)));
    world
        .simulator
        .faults_mut()
        .push_on(Call::Entry, Fault::OtherSubMerchant);
    let answer = world.post(ENTRY, &entry);
    assert!(world.simulator.verify(&answer));
    let named = text(&json_of(&answer), "/sub_mchid").to_owned();
    assert!(named != sub && named.len() == sub.len());
    let again = json_of(&world.post(ENTRY, &entry));
    assert_eq!(text(&again, "/sub_mchid"), sub, "the entry itself is right");
}
