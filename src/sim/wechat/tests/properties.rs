//! What holds whatever comes.

use proptest::prelude::*;

use super::*;

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn nothing_unsigned_is_acted_upon(request in any_request(), now in any_time()) {
        let mut simulator = simulator_with_one_charge();
        let before = simulator.books();
        let exchange = simulator.handle(&request, now);
        let after = simulator.books();
        prop_assert_eq!(before.entries, after.entries);
        prop_assert_eq!(before.orders, after.orders);
        prop_assert!(after.violations.len() == 1);
        prop_assert!(exchange.answer.unwrap().status >= 400);
    }

    #[test]
    fn no_request_panics_the_simulator(request in any_request(), now in any_time()) {
        let mut world = World::new();
        world.simulator.handle(&request, now);
    }

    #[test]
    fn damaged_bodies_are_refused_or_mean_the_same(
        place in 0_usize..400,
        byte in any::<u8>(),
        charge in any::<bool>(),
    ) {
        let mut world = World::new();
        let parking_id = world.enter("P1", PLATE);
        let (target, body) = if charge {
            (CHARGE, charge_body("T00001", &parking_id, PLATE))
        } else {
            (ENTRY, entry_body("P1", PLATE))
        };
        let mut bytes = body.to_string().into_bytes();
        let place = place % bytes.len();
        bytes[place] = byte;
        let answer = world.answer(&Request::post(target, bytes));
        prop_assert!([200, 400, 403].contains(&answer.status));
        prop_assert!(world.books().orders.len() <= 1);
    }

    /// A client that repeats what it sent until it hears a verified answer is charged once a stay,
    /// whatever goes wrong in between.
    #[test]
    fn patient_repetition_charges_each_stay_once(
        seed in any::<u64>(),
        stays in prop::collection::vec((0_usize..4, 1_u64..9_999), 1..12),
    ) {
        let mut world = World::new();
        world.settings().settle_after_ms = 5_000;
        world.simulator.fault_draws = SplitMix64::new(seed, "faults");
        world.simulator.faults_mut().rates = Rates {
            silence: 60, answer_lost: 60, error_before: 60, error_after: 60, throttled: 60,
            wrong_signature: 60, probe_signature: 60, unsigned: 60, proxy_page: 60,
            ..Rates::default()
        };
        let plates = ["粤B00001", "粤B00002", "粤B00003", "粤BD00004"];
        let mut due_fen = 0;
        for (n, (plate, total)) in stays.iter().enumerate() {
            let plate = plates[*plate];
            let entry = world.until_verified(ENTRY, &entry_body(&format!("P{n}"), plate));
            let charge = charge_body(&format!("T{n:05}"), text(&entry, "/id"), plate);
            let charge = with(&charge, "/amount/total", Some(json!(total)));
            let accepted = world.until_verified(CHARGE, &charge);
            prop_assert_eq!(&accepted["amount"]["total"], total);
            due_fen += total;
        }
        world.pass(5_000);
        world.simulator.advance(world.now);
        let books = world.books();
        prop_assert_eq!(books.orders.len(), stays.len());
        prop_assert!(books.orders.iter().all(|order| order.accepted == 1));
        prop_assert!(books.entries.iter().all(|entry| entry.accepted == 1));
        prop_assert_eq!(books.fen_in(OrderState::Success), due_fen);
        prop_assert_eq!(books.violations, vec![]);
    }
}

impl World {
    fn until_verified(&mut self, target: &str, body: &Value) -> Value {
        for _ in 0..200 {
            self.pass(100);
            let exchange = self.exchange(&Request::post(target, body.to_string()));
            match exchange.answer {
                Some(answer) if answer.status == 200 && self.simulator.verify(&answer) => {
                    return json_of(&answer);
                }
                _ => {}
            }
        }
        panic!("no verified answer in 200 tries");
    }
}

fn simulator_with_one_charge() -> Simulator {
    let mut world = World::new();
    world.set_plate(PLATE, Plate::ending(Outcome::Never));
    world.enter_and_charge("00001", PLATE);
    world.settings().seal = material::seal();
    world.simulator
}

fn any_time() -> impl Strategy<Value = Wall> {
    prop_oneof![
        Just(NOW),
        any::<i64>().prop_map(Wall),
        (-400_i64..400).prop_map(|seconds| NOW.plus_ms(seconds * 1000)),
    ]
}

fn any_request() -> impl Strategy<Value = Request> {
    (any_method(), any_target(), any_headers(), any_body()).prop_map(
        |(method, target, headers, body)| Request {
            method,
            target,
            headers,
            body,
        },
    )
}

fn any_method() -> impl Strategy<Value = String> {
    prop_oneof![Just("GET".into()), Just("POST".into()), "[A-Z]{0,7}"]
}

fn any_target() -> impl Strategy<Value = String> {
    let known = prop::sample::select(vec![
        ENTRY,
        CHARGE,
        "/v3/certificates",
        "/v3/vehicle/parking/services/find",
        "/v3/vehicle/transactions/out-trade-no/T00001",
    ]);
    prop_oneof![
        known.clone().prop_map(str::to_owned),
        (known, "[?&=%a-zA-Z0-9粤]{0,24}").prop_map(|(path, rest)| format!("{path}{rest}")),
        ".{0,40}",
    ]
}

fn any_headers() -> impl Strategy<Value = Vec<(String, String)>> {
    let authorization = (
        "[0-9A-Za-z]{0,33}",
        prop_oneof![
            Just(time::seconds(NOW).to_string()),
            any::<i64>().prop_map(|seconds| seconds.to_string()),
        ],
        "[0-9A-Za-z+/=]{0,344}",
    )
        .prop_map(|(nonce, timestamp, signature)| {
            let (mchid, serial) = (material::MCHID, material::MERCHANT_SERIAL);
            format!(
                "WECHATPAY2-SHA256-RSA2048 mchid=\"{mchid}\",nonce_str=\"{nonce}\",\
                 timestamp=\"{timestamp}\",serial_no=\"{serial}\",signature=\"{signature}\""
            )
        });
    (prop_oneof![authorization, ".{0,80}"], any::<bool>()).prop_map(|(authorization, plain)| {
        let mut headers = if plain {
            Request::post("/", "").headers
        } else {
            Vec::new()
        };
        headers.push(("Authorization".into(), authorization));
        headers
    })
}

fn any_body() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        Just(Vec::new()),
        Just(entry_body("P9", PLATE).to_string().into_bytes()),
        prop::collection::vec(any::<u8>(), 0..64),
        any_json(3).prop_map(|value| value.to_string().into_bytes()),
    ]
}

fn any_json(depth: u32) -> BoxedStrategy<Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let keys = prop::sample::select(vec![
        "amount",
        "total",
        "parking_info",
        "plate_number",
        "out_trade_no",
        "x",
    ]);
    leaf.prop_recursive(depth, 32, 6, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(keys.clone().prop_map(str::to_owned), inner, 0..6)
                .prop_map(|map| Value::Object(map.into_iter().collect())),
        ]
    })
    .boxed()
}
