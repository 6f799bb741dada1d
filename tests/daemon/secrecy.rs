//! What the log must not say.

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use parkgate::sim::http::Outage;
use parkgate::sim::material;
use parkgate::sim::wechat::{Call, Fault};
use tokio::time::sleep;

use crate::bench::{Bench, Setup};
use crate::stay;

const PLATES: [&str; 4] = ["粤B12001", "粤B12002", "粤B12003", "粤B12004"];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn neither_secrets_nor_plates_are_logged() {
    let (bench, daemon) = Bench::start(Setup::default()).await;
    for plate in &PLATES[..3] {
        bench.entry().pass(plate).await;
    }
    bench.place.logged("entry registered", 3).await;
    sleep(stay::CHARGED).await;
    bench.exit().pass(PLATES[0]).await;
    // Without an entry, and torn in the middle.
    bench.exit().read(PLATES[3]).await;
    let torn = bench.exit().reading(PLATES[3]).message("x", "ivs_result");
    bench
        .exit()
        .say("ivs_result", torn[..torn.len() - 9].into(), false)
        .await;
    bench.wechat.with(|wechat| {
        let faults = wechat.faults_mut();
        faults.push_on(Call::Charge, Fault::WrongSignature);
        faults.push_on(Call::Query, Fault::WrongEcho);
    });
    bench.exit().pass(PLATES[1]).await;
    bench.wechat.set_outage(Outage::Refused);
    bench.exit().pass(PLATES[2]).await;
    bench.wechat.set_outage(Outage::None);
    bench.filed(0).await;
    daemon.stop().await;
    let daemon = bench.daemon().await;
    daemon.stop().await;

    let log = bench.place.log();
    assert!(
        log.contains("left") && log.contains("charge accepted"),
        "{log}"
    );
    for plate in PLATES {
        assert!(!log.contains(plate), "{plate} is in the log");
        assert!(
            !log.contains(&BASE64.encode(plate)),
            "{plate} is in the log"
        );
    }
    assert!(!log.contains(material::API_V3_KEY));
    for line in material::MERCHANT_KEY
        .lines()
        .filter(|line| line.len() > 20)
    {
        assert!(!log.contains(line), "a line of the key is in the log");
    }
}
