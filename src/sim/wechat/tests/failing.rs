//! Every fault, and what it does to the books.

use super::*;

#[test]
fn faults_before_acting_leave_the_books_alone() {
    let cases = [
        (Fault::Silence, None),
        (Fault::ErrorBefore, Some((500, "SYSTEM_ERROR"))),
        (Fault::Throttled(Some(3)), Some((429, "RATELIMIT_EXCEEDED"))),
        (Fault::SignError, Some((401, "SIGN_ERROR"))),
        (Fault::NoAuth, Some((403, "NO_AUTH"))),
    ];
    for (fault, expected) in cases {
        let mut world = World::new();
        let (exchange, body) = world.charge_under(fault.clone());
        assert_eq!(exchange.fault, Some(fault));
        match (&exchange.answer, expected) {
            (None, None) => {}
            (Some(answer), Some((status, code))) => assert_refused(answer, status, code),
            other => panic!("{other:?}"),
        }
        assert!(world.books().orders.is_empty());
        assert_eq!(world.violations(), []);
        assert_eq!(world.post(CHARGE, &body).status, 200);
    }
}

#[test]
fn faults_after_acting_act_once() {
    for fault in [Fault::AnswerLost, Fault::ErrorAfter] {
        let mut world = World::new();
        let (exchange, body) = world.charge_under(fault);
        let status = exchange.answer.map(|answer| answer.status);
        assert!(status.is_none() || status == Some(500));
        assert_eq!(world.books().accepted_fen(), 1500);

        let answer = world.post(CHARGE, &body);
        assert_eq!(text(&json_of(&answer), "/trade_state"), "ACCEPTED");
        let books = world.books();
        assert_eq!(books.accepted_fen(), 1500);
        assert_eq!((books.orders[0].asked, books.orders[0].accepted), (2, 1));
        assert_eq!(books.violations, []);
    }
}

#[test]
fn throttling_says_when_to_come_back() {
    let mut world = World::new();
    let (exchange, _) = world.charge_under(Fault::Throttled(Some(3)));
    assert_eq!(exchange.answer.unwrap().header("Retry-After"), Some("3"));
    let (exchange, _) = World::new().charge_under(Fault::Throttled(None));
    assert_eq!(exchange.answer.unwrap().header("Retry-After"), None);
}

#[test]
fn bad_signatures_come_with_a_good_body() {
    for fault in [Fault::WrongSignature, Fault::ProbeSignature] {
        let probe = fault == Fault::ProbeSignature;
        let mut world = World::new();
        let (exchange, _) = world.charge_under(fault);
        let answer = exchange.answer.unwrap();
        assert_eq!(text(&json_of(&answer), "/trade_state"), "ACCEPTED");
        assert!(!world.simulator.verify(&answer));
        let signature = answer.header("Wechatpay-Signature").unwrap();
        assert_eq!(signature.starts_with("WECHATPAY/SIGNTEST/"), probe);
        assert_eq!(world.books().accepted_fen(), 1500);
    }
}

#[test]
fn bad_rsa_signatures_are_of_the_right_length() {
    for fault in [Fault::WrongSignature, Fault::ProbeSignature] {
        let mut world = World::new();
        world.settings().seal = material::seal();
        world.simulator.faults_mut().next.push_back(fault);
        // The signature of a good answer to an unsigned request is as long as any other.
        let answer = world.get("/v3/certificates");
        assert!(!world.simulator.verify(&answer));
        assert_eq!(answer.header("Wechatpay-Signature").unwrap().len(), 344);
    }
}

#[test]
fn a_success_can_come_without_a_signature() {
    let mut world = World::new();
    let (exchange, _) = world.charge_under(Fault::Unsigned);
    let answer = exchange.answer.unwrap();
    assert_eq!(answer.status, 200);
    for (name, _) in &answer.headers {
        assert!(!name.starts_with("Wechatpay"), "{name}");
    }
    assert_eq!(world.books().accepted_fen(), 1500);
}

#[test]
fn a_proxy_answers_in_html_and_keeps_the_request() {
    for status in [200, 403, 502] {
        let mut world = World::new();
        let (exchange, _) = world.charge_under(Fault::ProxyPage(status));
        let answer = exchange.answer.unwrap();
        assert_eq!(answer.status, status);
        assert_eq!(answer.header("Content-Type"), Some("text/html"));
        assert_eq!(answer.header("Request-ID"), None);
        assert!(answer.body.starts_with(b"<html>"));
        assert!(world.books().orders.is_empty());
    }
}

#[test]
fn a_wrong_echo_is_well_signed_and_speaks_of_something_else() {
    let mut changed = BTreeSet::new();
    for seed in 0..40 {
        let mut world = World::new();
        world.simulator.fault_draws = SplitMix64::new(seed, "faults");
        let (exchange, sent) = world.charge_under(Fault::WrongEcho);
        let answer = exchange.answer.unwrap();
        assert!(world.simulator.verify(&answer));
        let body = json_of(&answer);
        let differing: Vec<&str> = [
            "/out_trade_no",
            "/amount/total",
            "/parking_info/plate_number",
            "/parking_info/parking_id",
        ]
        .into_iter()
        .filter(|pointer| body.pointer(pointer) != sent.pointer(pointer))
        .collect();
        assert_eq!(differing.len(), 1, "{body}");
        changed.extend(differing);
        assert_eq!(world.books().accepted_fen(), 1500);
    }
    assert_eq!(changed.len(), 4);

    let mut world = World::new();
    world
        .simulator
        .faults_mut()
        .next
        .push_back(Fault::WrongEcho);
    let body = json_of(&world.post(ENTRY, &entry_body("P1", PLATE)));
    let sent = entry_body("P1", PLATE);
    assert!(
        body["plate_number"] != sent["plate_number"]
            || body["out_parking_no"] != sent["out_parking_no"]
    );
}

#[test]
fn slow_answers_come_late_and_right() {
    let mut world = World::new();
    world.settings().latency_ms = 200;
    let (exchange, body) = world.charge_under(Fault::Slow(5_000));
    assert_eq!(exchange.delay_ms, 5_200);
    assert!(world.simulator.verify(&exchange.answer.unwrap()));
    let exchange = world.exchange(&Request::post(CHARGE, body.to_string()));
    assert_eq!((exchange.delay_ms, exchange.fault), (200, None));
}

#[test]
fn an_outage_silences_everything_until_it_ends() {
    let mut world = World::new();
    world.simulator.faults_mut().outage = true;
    world.simulator.faults_mut().next.push_back(Fault::NoAuth);
    for _ in 0..3 {
        let exchange = world.exchange(&Request::get("/v3/certificates"));
        assert_eq!(exchange.answer, None);
    }
    world.simulator.faults_mut().outage = false;
    assert_refused(&world.get("/v3/certificates"), 403, "NO_AUTH");
    assert_eq!(world.get("/v3/certificates").status, 200);
}

#[test]
fn faults_are_taken_by_call_then_by_order_then_standing() {
    let mut world = World::new();
    let faults = world.simulator.faults_mut();
    faults.push_on(Call::Query, Fault::Pass);
    faults.push_on(Call::Query, Fault::ErrorBefore);
    faults.next.push_back(Fault::Throttled(None));
    faults.standing = Some(Fault::NoAuth);
    assert_eq!(world.query("T00001").status, 404);
    assert_eq!(world.get("/v3/certificates").status, 429);
    assert_eq!(world.query("T00001").status, 500);
    assert_eq!(world.query("T00001").status, 403);
    assert_eq!(world.get("/v3/certificates").status, 403);
}

#[test]
fn rates_are_kept_and_the_seed_decides() {
    let run = |seed: u64| {
        let mut settings = material::settings(seed);
        settings.seal = Arc::new(Seal::None);
        let mut simulator = Simulator::new(settings);
        simulator.faults_mut().rates = Rates {
            silence: 100,
            slow: 100,
            answer_lost: 50,
            error_before: 50,
            error_after: 50,
            throttled: 50,
            wrong_signature: 50,
            probe_signature: 50,
            unsigned: 50,
            proxy_page: 50,
            wrong_echo: 20,
            other_sub_merchant: 15,
            unknown_serial: 15,
            sign_error: 50,
            no_auth: 50,
        };
        let exchanges: Vec<Exchange> = (0..2_000)
            .map(|_| simulator.handle(&Request::get("/v3/certificates"), NOW))
            .collect();
        exchanges
    };
    let exchanges = run(7);
    assert_eq!(exchanges, run(7));
    assert_ne!(exchanges, run(8));
    let count = |fault: &Fault| {
        let same = |met: &Fault| std::mem::discriminant(met) == std::mem::discriminant(fault);
        let met = exchanges.iter().filter_map(|e| e.fault.as_ref());
        met.filter(|met| same(met)).count()
    };
    assert!((150..250).contains(&count(&Fault::Silence)));
    assert!((60..140).contains(&count(&Fault::NoAuth)));
    let unharmed = exchanges.iter().filter(|e| e.fault.is_none()).count();
    assert!((400..600).contains(&unharmed), "{unharmed}");
}

impl World {
    /// Charges an entry under `fault`; returns what came back and what was sent.
    fn charge_under(&mut self, fault: Fault) -> (Exchange, Value) {
        let parking_id = self.enter("P1", PLATE);
        let body = charge_body("T00001", &parking_id, PLATE);
        self.simulator.faults_mut().push_on(Call::Charge, fault);
        let exchange = self.exchange(&Request::post(CHARGE, body.to_string()));
        (exchange, body)
    }
}
