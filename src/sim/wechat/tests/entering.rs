//! *Create entry* and *find*.

use super::*;

#[test]
fn an_entry_is_answered_with_an_id_and_its_echo() {
    let mut world = World::new();
    let answer = world.post(ENTRY, &entry_body("P1", PLATE));
    let body = json_of(&answer);
    let id = text(&body, "/id");
    assert_eq!(id.len(), 29);
    assert!(id.bytes().all(|byte| byte.is_ascii_digit()));
    assert_eq!(text(&body, "/state"), "NORMAL");
    assert_eq!(body["block_reason"], Value::Null);
    for key in [
        "out_parking_no",
        "plate_number",
        "plate_color",
        "start_time",
        "parking_name",
        "free_duration",
    ] {
        assert_eq!(body[key], entry_body("P1", PLATE)[key], "{key}");
    }
}

#[test]
fn every_entry_has_an_id_of_its_own() {
    let mut world = World::new();
    let ids: BTreeSet<String> = (0..500)
        .map(|n| world.enter(&format!("P{n}"), PLATE))
        .collect();
    assert_eq!(ids.len(), 500);
}

#[test]
fn blocked_plates_get_an_entry_and_a_reason() {
    let mut world = World::new();
    world.set_plate("粤B00001", Plate::blocked("OVERDUE"));
    world.set_plate("粤B00002", Plate::not_enrolled());
    world.set_plate(
        "粤B00003",
        Plate {
            color: Some("GREEN".into()),
            ..Plate::default()
        },
    );
    for (plate, reason) in [
        ("粤B00001", "OVERDUE"),
        ("粤B00002", "OUT_SERVICE"),
        ("粤B00003", "OUT_SERVICE"),
    ] {
        let body = json_of(&world.post(ENTRY, &entry_body(plate.trim_start_matches('粤'), plate)));
        assert_eq!(text(&body, "/state"), "BLOCKED");
        assert_eq!(text(&body, "/block_reason"), reason);
        assert_eq!(text(&body, "/id").len(), 29);
    }
    let blocked = world.books().entries[0].blocked.clone();
    assert_eq!(blocked.as_deref(), Some("OVERDUE"));
}

#[test]
fn bodies_are_read_strictly() {
    let cases: [(&str, Option<Value>); 36] = [
        ("/out_parking_no", None),
        ("/out_parking_no", Some(json!(""))),
        ("/out_parking_no", Some(json!(7))),
        ("/out_parking_no", Some(json!("P".repeat(33)))),
        ("/out_parking_no", Some(json!("P-1"))),
        ("/plate_number", None),
        ("/plate_number", Some(json!("粤B·888888"))),
        ("/plate_number", Some(json!("粤B 888888"))),
        ("/plate_number", Some(json!("粤B-888888"))),
        ("/plate_number", Some(json!("粤b888888"))),
        ("/plate_number", Some(json!("粤Ｂ888888"))),
        ("/plate_number", Some(json!("粤"))),
        ("/plate_number", Some(json!("粤B8888𠀀"))),
        ("/plate_color", None),
        ("/plate_color", Some(json!("blue"))),
        ("/plate_color", Some(json!("LIME_GREEN"))),
        ("/notify_url", None),
        ("/notify_url", Some(json!("http://pay.example.com/wx"))),
        ("/notify_url", Some(json!("https://pay.example.com/wx?a=1"))),
        ("/notify_url", Some(json!("https://pay.example.com/wx#a"))),
        ("/notify_url", Some(json!("https:///wx"))),
        ("/notify_url", Some(json!("https://pay.example.com/停"))),
        (
            "/notify_url",
            Some(json!(format!("https://a.cn/{}", "a".repeat(256)))),
        ),
        ("/start_time", None),
        ("/start_time", Some(json!("2025-11-24 10:00:00"))),
        ("/start_time", Some(json!(1_763_949_600))),
        ("/start_time", Some(json!("2025-11-24T12:35:06+08:00"))),
        ("/start_time", Some(json!("2025-10-24T10:00:00+08:00"))),
        ("/parking_name", None),
        ("/parking_name", Some(json!("场".repeat(33)))),
        ("/parking_name", Some(json!("停车场🚗"))),
        ("/free_duration", None),
        ("/free_duration", Some(json!("900"))),
        ("/free_duration", Some(json!(-1))),
        ("/free_duration", Some(json!(0.5))),
        ("/free_duration", Some(Value::Null)),
    ];
    for (pointer, value) in cases {
        let mut world = World::new();
        let body = with(&entry_body("P1", PLATE), pointer, value);
        let answer = world.post(ENTRY, &body);
        assert_parameter_refused(&answer, pointer);
        assert_eq!(world.violations(), [ViolationKind::Parameter], "{body}");
        assert!(world.books().entries.is_empty());
    }
}

#[test]
fn unknown_keys_are_refused() {
    let mut world = World::new();
    for key in ["/appid", "/sub_mchid", "/out_parking_No"] {
        let body = with(&entry_body("P1", PLATE), key, Some(json!("x")));
        let answer = world.post(ENTRY, &body);
        assert_parameter_refused(&answer, key);
        assert!(answer.header("Request-ID").unwrap().ends_with("-270924358"));
    }
}

#[test]
fn bodies_that_are_not_an_object_are_refused() {
    for body in ["", "null", "[]", "1", "{", "\u{FEFF}{}", "{\"a\":1}{}"] {
        let mut world = World::new();
        let mut request = Request::post(ENTRY, body);
        assert_refused(&world.answer(&request), 400, "PARAM_ERROR");
        request.body = b"{\"plate_number\":\"\xff\"}".to_vec();
        assert_refused(&world.answer(&request), 400, "PARAM_ERROR");
    }
}

#[test]
fn values_that_a_careful_client_sends_are_taken() {
    for (pointer, value) in [
        ("/free_duration", json!(0)),
        ("/plate_color", json!("LIMEGREEN")),
        ("/start_time", json!("2025-11-24T02:00:00Z")),
        ("/start_time", json!("2025-11-24T12:35:05+08:00")),
        ("/plate_number", json!("粤BD12345")),
        ("/plate_number", json!("WJ京1234X")),
        ("/parking_name", json!("场".repeat(32))),
    ] {
        let mut world = World::new();
        let body = with(&entry_body("P1", PLATE), pointer, Some(value));
        assert_eq!(world.post(ENTRY, &body).status, 200, "{body}");
    }
}

#[test]
fn an_identical_repeat_is_the_same_entry_unless_strict() {
    let mut world = World::new();
    let id = world.enter("P1", PLATE);
    assert_eq!(world.enter("P1", PLATE), id);
    assert_eq!(world.books().entries[0].asked, 2);

    world.settings().switches.strict_duplicate_entry = true;
    let answer = world.post(ENTRY, &entry_body("P1", PLATE));
    assert_refused(&answer, 400, "INVALID_REQUEST");
    assert_eq!(world.books().entries.len(), 1);
    assert_eq!(world.violations(), []);
}

#[test]
fn a_changed_repeat_is_refused_and_noted() {
    let mut world = World::new();
    world.enter("P1", PLATE);
    for (pointer, value) in [
        ("/plate_number", json!("粤B888889")),
        ("/free_duration", json!(901)),
        ("/start_time", json!("2025-11-24T02:00:00Z")),
    ] {
        let body = with(&entry_body("P1", PLATE), pointer, Some(value));
        assert_refused(&world.post(ENTRY, &body), 400, "INVALID_REQUEST");
    }
    assert_eq!(world.violations(), [ViolationKind::ChangedRepeat; 3]);
    assert_eq!(world.books().entries.len(), 1);
}

#[test]
fn answers_vary_in_what_clients_must_not_rely_on() {
    let mut world = World::new();
    world.settings().switches.omit_free_duration_permille = 500;
    world.settings().switches.extra_keys_permille = 500;
    let mut lengths = BTreeSet::new();
    for n in 0..64 {
        let body = json_of(&world.post(ENTRY, &entry_body(&format!("P{n}"), PLATE)));
        lengths.insert((
            body.get("free_duration").is_some(),
            body.as_object()
                .unwrap()
                .keys()
                .any(|k| k.starts_with("x_")),
        ));
    }
    assert_eq!(lengths.len(), 4);
}

#[test]
fn find_tells_what_this_driver_opened_for_this_plate() {
    let mut world = World::new();
    world.set_plate("粤B00001", Plate::blocked("PAUSE"));
    world.set_plate("粤B00002", Plate::not_enrolled());
    world.set_plate("粤B00003", Plate::blocked("OVERDUE"));
    let driver = Plate::default().openid;
    let mut state = |plate: &str, openid: &str| {
        let answer = world.get(&find_target(plate, openid));
        assert_eq!(answer.status, 200, "{answer:?}");
        text(&json_of(&answer), "/service_state").to_owned()
    };
    assert_eq!(state("%E7%B2%A4B88888", &driver), "NORMAL");
    assert_eq!(state("%E7%B2%A4B88888", "oSomebodyElse"), "OUT_SERVICE");
    assert_eq!(state("%E7%B2%A4B00001", &driver), "PAUSE");
    assert_eq!(state("%E7%B2%A4B00002", &driver), "OUT_SERVICE");
    assert_eq!(state("%e7%b2%a4B00003", &driver), "NORMAL");
}

#[test]
fn find_reads_its_query_strictly() {
    let good = find_target("%E7%B2%A4B88888", "o1");
    for (target, field) in [
        (good.replace("&plate_color=BLUE", ""), "plate_color"),
        (good.replace("BLUE", "blue"), "plate_color"),
        (good.replace("B88888", "B%C2%B788888"), "plate_number"),
        (format!("{good}&x=1"), "x"),
        (format!("{good}&openid=o2"), "openid"),
        (good.replace("%E7%B2%A4", "粤"), "plate_number=粤B88888"),
    ] {
        let mut world = World::new();
        assert_parameter_refused(&world.get(&target), field);
    }
    let mut world = World::new();
    let answer = world.get(&good.replace(material::APPID, "wxother"));
    assert_refused(&answer, 403, "NO_AUTH");
}

fn find_target(plate: &str, openid: &str) -> String {
    format!(
        "/v3/vehicle/parking/services/find?appid={}&plate_number={plate}&plate_color=BLUE&openid={openid}",
        material::APPID
    )
}
