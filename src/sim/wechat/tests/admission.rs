//! Who is let in: headers, `Authorization`, clock, resends.

use super::*;

#[test]
fn accept_and_user_agent_are_needed_before_all_else() {
    for missing in ["Accept", "User-Agent"] {
        let mut world = World::new();
        let mut request = Request::get("/v3/certificates");
        request.headers.retain(|(name, _)| name != missing);
        let answer = world.answer(&request);
        assert_refused(&answer, 400, "INVALID_REQUEST");
        assert_eq!(world.violations(), [ViolationKind::Headers]);
    }
}

#[test]
fn a_body_is_json_and_says_so() {
    let mut world = World::new();
    let mut request = Request::post(ENTRY, "{}");
    request.headers.retain(|(name, _)| name != "Content-Type");
    assert_eq!(world.answer(&request).status, 415);

    let mut request = Request::get("/v3/certificates");
    request.headers[0].1 = "text/html".into();
    assert_eq!(world.answer(&request).status, 406);
    let mut request = Request::get("/v3/certificates");
    request.headers[0].1 = "*/*".into();
    assert_eq!(world.answer(&request).status, 200);
}

#[test]
fn unsigned_requests_are_refused_where_rsa_is_in_force() {
    let mut simulator = Simulator::new(material::settings(1));
    let request = Request::post(ENTRY, entry_body("P1", PLATE).to_string());
    let answer = simulator.handle(&request, NOW).answer.unwrap();
    assert_refused(&answer, 401, "SIGN_ERROR");
    assert_eq!(text(&json_of(&answer), "/detail/location"), "authorization");
    let books = simulator.books();
    assert!(books.entries.is_empty());
    assert_eq!(books.violations[0].kind, ViolationKind::Authorization);
    assert_eq!(books.violations[0].call, Call::Entry);
}

#[test]
fn authorization_is_checked_item_by_item() {
    let good = authorization(&[]);
    let mut world = World::new();
    assert_eq!(world.get_with("/v3/certificates", &good).status, 200);

    use ViolationKind::{Authorization, Clock, UnknownCaller};
    let late = (time::seconds(NOW) + 301).to_string();
    let early = (time::seconds(NOW) - 301).to_string();
    let cases = [
        (good.replace("RSA2048", "RSA4096"), Authorization),
        (good.replace("WECHATPAY2", "wechatpay2"), Authorization),
        (good.replace('"', ""), Authorization),
        (good.replace(",serial_no", ",serial"), Authorization),
        (good.replace("mchid", "nonce_str"), Authorization),
        (format!("{good},extra=\"1\""), Authorization),
        (authorization(&[("nonce_str", "")]), Authorization),
        (
            authorization(&[("nonce_str", &"a".repeat(33))]),
            Authorization,
        ),
        (authorization(&[("nonce_str", "a-b")]), Authorization),
        (authorization(&[("timestamp", "1e9")]), Authorization),
        (authorization(&[("timestamp", "")]), Authorization),
        (
            authorization(&[("timestamp", "99999999999999999999")]),
            Authorization,
        ),
        (String::new(), Authorization),
        (
            authorization(&[("mchid", material::SUB_MCHID)]),
            UnknownCaller,
        ),
        (
            authorization(&[("serial_no", material::PLATFORM_SERIAL_1)]),
            UnknownCaller,
        ),
        (authorization(&[("timestamp", &late)]), Clock),
        (authorization(&[("timestamp", &early)]), Clock),
    ];
    for (header, kind) in cases {
        let mut world = World::new();
        let answer = world.get_with("/v3/certificates", &header);
        assert_refused(&answer, 401, "SIGN_ERROR");
        assert!(json_of(&answer)["detail"].is_object());
        assert_eq!(world.violations(), [kind], "{header}");
    }
}

#[test]
fn items_come_in_any_order_and_serials_in_any_case() {
    let mut world = World::new();
    let serial = material::MERCHANT_SERIAL.to_ascii_lowercase();
    let header = format!(
        "WECHATPAY2-SHA256-RSA2048 signature=\"c2ln\", serial_no=\"{serial}\",\
         timestamp=\"{}\",mchid=\"{}\",nonce_str=\"n1\"",
        time::seconds(NOW) + 300,
        material::MCHID
    );
    assert_eq!(world.get_with("/v3/certificates", &header).status, 200);
}

#[test]
fn a_resend_of_one_signed_request_is_one_business_request() {
    let mut world = World::new();
    world.settings().switches.strict_duplicate_entry = true;
    let request = signed(ENTRY, &entry_body("P1", PLATE), "n1");
    let first = world.answer(&request);
    world.pass(1_500);
    let mut resent = request.clone();
    resent.headers[1].1 += " (Retried-V1)";
    let second = world.answer(&resent);
    assert_eq!(
        text(&json_of(&first), "/id"),
        text(&json_of(&second), "/id")
    );
    let books = world.books();
    assert_eq!(books.entries.len(), 1);
    assert_eq!(books.entries[0].asked, 1);
    assert_eq!(books.violations, []);

    let repeated = signed(ENTRY, &entry_body("P1", PLATE), "n2");
    let answer = world.answer(&repeated);
    assert_refused(&answer, 400, "INVALID_REQUEST");
}

#[test]
fn a_nonce_serves_one_content() {
    let mut world = World::new();
    world.answer(&signed(ENTRY, &entry_body("P1", PLATE), "n1"));
    let answer = world.answer(&signed(ENTRY, &entry_body("P2", PLATE), "n1"));
    assert_refused(&answer, 401, "SIGN_ERROR");
    assert_eq!(world.violations(), [ViolationKind::ReusedNonce]);
    assert_eq!(world.books().entries.len(), 1);
}

#[test]
fn paths_and_methods_that_do_not_exist_are_refused() {
    let mut world = World::new();
    assert_refused(
        &world.get("/v3/vehicle/parking/parking"),
        404,
        "RESOURCE_NOT_EXISTS",
    );
    assert_refused(&world.get(ENTRY), 405, "INVALID_REQUEST");
    let request = Request {
        body: b"{}".to_vec(),
        headers: Request::post("/", "").headers,
        ..Request::get("/v3/certificates")
    };
    assert_refused(&world.answer(&request), 400, "PARAM_ERROR");
}

#[test]
fn without_permission_every_parking_call_is_no_auth() {
    let mut world = World::new();
    world.settings().switches.permission = false;
    assert_refused(&world.query("T00000001"), 403, "NO_AUTH");
    assert_refused(&world.post(ENTRY, &entry_body("P1", PLATE)), 403, "NO_AUTH");
    assert_eq!(world.get("/v3/certificates").status, 200);
    assert_eq!(world.violations(), []);
}

#[test]
fn error_answers_are_signed_by_switch() {
    let mut world = World::new();
    let answer = world.query("T00000001");
    assert!(world.simulator.verify(&answer));
    assert!(answer.header("Request-ID").unwrap().ends_with("-268512771"));
    world.settings().switches.sign_errors = false;
    let answer = world.query("T00000001");
    assert_eq!(answer.header("Wechatpay-Signature"), None);
    assert!(answer.header("Request-ID").is_some());
    assert!(answer.header("Date").is_some());
}

impl World {
    fn get_with(&mut self, target: &str, authorization: &str) -> Answer {
        let mut request = Request::get(target);
        request
            .headers
            .push(("Authorization".into(), authorization.into()));
        self.answer(&request)
    }
}

fn signed(target: &str, body: &Value, nonce: &str) -> Request {
    let mut request = Request::post(target, body.to_string());
    let header = authorization(&[("nonce_str", nonce)]);
    request.headers.push(("Authorization".into(), header));
    request
}

/// A header that passes without RSA, with `changes` to its items.
fn authorization(changes: &[(&str, &str)]) -> String {
    let timestamp = time::seconds(NOW).to_string();
    let mut items = [
        ("mchid", material::MCHID),
        ("nonce_str", "593BEC0C930BF1AFEB40B4A08C8FB242"),
        ("timestamp", timestamp.as_str()),
        ("serial_no", material::MERCHANT_SERIAL),
        ("signature", "c2lnbmF0dXJl"),
    ];
    for (name, value) in changes {
        items.iter_mut().find(|item| item.0 == *name).unwrap().1 = value;
    }
    let items = items.map(|(name, value)| format!("{name}=\"{value}\""));
    format!("WECHATPAY2-SHA256-RSA2048 {}", items.join(","))
}
