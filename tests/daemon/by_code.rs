//! Drivers whose plates cannot be charged pay by scanning a code: by poll and by callback, over a kill, once.

use std::process::Output;

use parkgate::sim::http::Target;
use parkgate::sim::wechat::{Call, Fault, NativeState, Plate, RefundState, TrustMode};
use rumqttc::{AsyncClient, Event, EventLoop, MqttOptions, Packet, QoS};
use serde_json::Value;
use tokio::time::sleep;

use crate::bench::{Bench, FEE, Setup};
use crate::daemon::{Daemon, run};
use crate::stay;
use crate::wait::{soon, until};

const PLATE: &str = "粤B91001";
const PAGE: &str = "https://park.example.cn/enrol";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_driver_scans_the_code_that_is_told_and_goes_also_over_a_kill() {
    let (bench, mut daemon) = start().await;
    let mut display = Display::new(bench.broker.port()).await;
    hold(&bench).await;
    let told = display.code(|code| code["data"]["pay"].is_object()).await;
    assert_eq!(told["type"], "parkgate.code");
    let (pay, page) = (&told["data"]["pay"], &told["data"]["enrol_url"]);
    assert_eq!((&pay["fen"], page), (&FEE.into(), &PAGE.into()), "{told}");
    assert!(!told.to_string().contains(PLATE), "no plates: {told}");
    let url = pay["code_url"].as_str().unwrap().to_owned();
    assert!(url.starts_with("weixin://"), "{told}");
    let shown = json(&bench.place.ask(&["lane", "qr", "out-1", "--json"]).await);
    assert_eq!(shown["pay"]["code_url"], url.as_str(), "{shown}");
    let drawn = text(&bench.place.ask(&["lane", "qr", "out-1"]).await);
    assert!(drawn.contains('█') && drawn.contains("5.00"), "{drawn}");
    let review = json(&bench.place.ask(&["review", "list", "--json"]).await);
    assert_eq!(review["held"][0]["code"]["code_url"], url.as_str());

    daemon.kill();
    let daemon = bench.daemon().await;
    let after = json(&bench.place.ask(&["lane", "qr", "out-1", "--json"]).await);
    assert_eq!(after["pay"]["number"], pay["number"], "the same order");
    assert_eq!(bench.exit().pulses(), 0);
    scan(&bench);
    bench.exit().raised_after(0).await;
    display.code(Value::is_null).await;
    let nothing = text(&bench.place.ask(&["lane", "qr", "out-1"]).await);
    assert!(nothing.contains("nothing to scan"), "{nothing}");
    let story = text(&bench.place.ask(&["sessions", "show", PLATE]).await);
    assert!(story.contains("paid_by_code"), "{story}");
    daemon.stop().await;
    proven(&bench).await;
    let orders = bench.wechat.with(|wechat| wechat.native_orders());
    assert_eq!((orders.len(), orders[0].asked), (1, 1), "{orders:?}");
    assert!(bench.wechat.books().orders.is_empty(), "and no charge");
}

/// No query is answered: only the callback can tell.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_callback_alone_tells_that_it_is_paid() {
    let (mut bench, daemon) = start().await;
    let status = bench
        .place
        .status_with("the port for callbacks", |status| {
            status["callbacks"]["listening"].is_string()
        })
        .await;
    let address = status["callbacks"]["listening"].as_str().unwrap();
    let target = Target::Proxied(address.parse().unwrap());
    bench.wechat.deliver_callbacks(target);
    bench.wechat.with(|wechat| {
        let never = std::collections::VecDeque::from(vec![Fault::ErrorBefore; 1000]);
        wechat.faults_mut().next_on.insert(Call::NativeQuery, never);
    });
    hold(&bench).await;
    offered(&bench).await;
    scan(&bench);
    bench.exit().raised_after(0).await;
    daemon.stop().await;
    proven(&bench).await;
}

/// Cash and code for one fee: what was scanned goes back by itself, and a person can give it back as well.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_scanned_beside_cash_goes_back_by_itself() {
    let (bench, daemon) = start().await;
    hold(&bench).await;
    let number = offered(&bench).await;
    // The attendant is quicker than the next look at the order.
    bench.wechat.with(|wechat| {
        let blind = std::collections::VecDeque::from(vec![Fault::ErrorBefore; 3]);
        wechat.faults_mut().next_on.insert(Call::NativeQuery, blind);
    });
    scan(&bench);
    let raise = [
        "lane",
        "raise",
        "out-1",
        "--by",
        "王芳",
        "--reason",
        "现金",
        "--collected",
        "cash",
    ];
    let raised = bench.place.ask(&raise).await;
    assert!(raised.status.success(), "{raised:?}");
    until("the refund", async || {
        let refunds = bench.wechat.with(|wechat| wechat.refunds());
        let done = |state| matches!(state, RefundState::Processing | RefundState::Success);
        refunds
            .iter()
            .any(|refund| refund.out_trade_no == number && done(refund.state))
            .then_some(())
    })
    .await;
    let again = [
        "refund", &number, "--all", "--by", "王芳", "--reason", "再退",
    ];
    let again = bench.place.ask(&again).await;
    let said = String::from_utf8_lossy(&again.stderr).into_owned();
    assert!(said.contains("0.00 yuan"), "nothing is left: {again:?}");
    let listed = text(&bench.place.ask(&["refund", "list"]).await);
    assert!(listed.contains("5.00"), "{listed}");
    daemon.stop().await;
    proven(&bench).await;
}

/// Codes are made, nobody is charged whose entry was blocked when last heard of, and callbacks are received.
async fn start() -> (Bench, Daemon) {
    let setup = Setup {
        exit: "pay_by_code = true\ntry_when_blocked = false\nenrol_url = \"https://park.example.cn/enrol\"",
        wechat: |wechat| {
            let plate = Plate::blocked("OUT_SERVICE");
            wechat.plates.insert(PLATE.to_owned(), plate);
            wechat.calls_back = true;
            // The bench has no public key.
            wechat.trust.mode = TrustMode::Certificates;
            wechat.callback_ladder_ms = vec![200; 15];
        },
        ..Setup::default()
    };
    let bench = Bench::prepare(setup).await;
    let config = std::fs::read_to_string(&bench.place.config).unwrap();
    let config = config.replacen(
        "[wechat]\n",
        "notify_base_url = \"https://pay.invalid/parkgate\"\n[callbacks]\nlisten = \"127.0.0.1:0\"\n[wechat]\n",
        1,
    );
    std::fs::write(&bench.place.config, config).unwrap();
    let daemon = bench.daemon().await;
    (bench, daemon)
}

/// The car stands at the exit, and cannot be charged.
async fn hold(bench: &Bench) {
    bench.entry().pass(PLATE).await;
    bench.place.logged("entry registered", 1).await;
    sleep(stay::CHARGED).await;
    bench.exit().read(PLATE).await;
    bench
        .place
        .status_with("the car to be held", |status| status["held"] == 1)
        .await;
}

/// The number of the order, once its code can be scanned.
async fn offered(bench: &Bench) -> String {
    until("a code", async || {
        let shown = json(&bench.place.ask(&["lane", "qr", "out-1", "--json"]).await);
        shown["pay"]["number"].as_str().map(str::to_owned)
    })
    .await
}

fn scan(bench: &Bench) {
    let now = bench.clock.now().wall;
    bench.wechat.with(|wechat| {
        let order = wechat.native_orders().pop().expect("an order");
        assert_eq!(order.state, NativeState::NotPaid, "{order:?}");
        assert!(wechat.pay_native(&order.out_trade_no, now));
    });
}

/// The ledger is decided alike again, its books balance, and WeChat has seen nothing odd.
async fn proven(bench: &Bench) {
    let store = bench.store();
    let store = store.to_str().unwrap();
    for arguments in [
        &["ledger", "rerun", store, "--json"][..],
        &["books", "check", "--store", store, "--json"],
        &["ledger", "verify", "--store", store],
    ] {
        let output = run(arguments.iter().map(|word| (*word).to_owned()).collect()).await;
        assert_eq!(output.status.code(), Some(0), "{arguments:?}: {output:?}");
    }
    assert_eq!(bench.wechat.books().violations, []);
}

fn json(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn text(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).unwrap()
}

/// Something that draws codes.
struct Display {
    _client: AsyncClient,
    connection: EventLoop,
}

impl Display {
    async fn new(port: u16) -> Self {
        let options = MqttOptions::new("display", "127.0.0.1", port);
        let (client, connection) = AsyncClient::new(options, 16);
        let topic = "parkgate/v1/lab/b1/lane/out-1/code";
        client.subscribe(topic, QoS::AtLeastOnce).await.unwrap();
        Self {
            _client: client,
            connection,
        }
    }

    /// The next message that fits; null: an empty one.
    async fn code(&mut self, fits: impl Fn(&Value) -> bool) -> Value {
        let looking = async {
            loop {
                let Event::Incoming(Packet::Publish(publish)) =
                    self.connection.poll().await.unwrap()
                else {
                    continue;
                };
                let code = serde_json::from_slice(&publish.payload).unwrap_or_default();
                if fits(&code) {
                    return code;
                }
            }
        };
        soon("the lane's code", looking).await
    }
}
