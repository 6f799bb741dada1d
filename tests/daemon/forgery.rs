//! Answers that do not prove what they say.

use std::collections::VecDeque;

use parkgate::sim::wechat::{Call, Fault};
use tokio::time::sleep;

use crate::accounts::assert_balanced;
use crate::bench::{Bench, FEE, Setup};
use crate::stay;

const NOTHING_ON_TRUST: &str =
    "if_wechat_silent = { normal_up_to_fen = 0, unknown_up_to_fen = 0, exposure_limit_fen = 0 }";

/// One car for each kind. WeChat has acted on most of them, and nobody may believe so until a query
/// proves it.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn no_forged_answer_raises_and_every_charge_is_queried() {
    const FORGED: [Fault; 6] = [
        Fault::WrongSignature,
        Fault::Unsigned,
        Fault::ProxyPage(200),
        Fault::ProxyPage(403),
        Fault::ProbeSignature,
        Fault::WrongEcho,
    ];
    let setup = Setup {
        exits: FORGED.len(),
        exit: NOTHING_ON_TRUST,
        ..Setup::default()
    };
    let (bench, daemon) = Bench::start(setup).await;
    let plates: Vec<String> = (1..=FORGED.len()).map(|n| format!("粤B7000{n}")).collect();
    for plate in &plates {
        bench.entry().pass(plate).await;
    }
    bench.place.logged("entry registered", FORGED.len()).await;
    sleep(stay::CHARGED).await;
    bench.wechat.with(|wechat| {
        let faults = wechat.faults_mut();
        faults.next_on.insert(Call::Charge, FORGED.into());
        let unclear = VecDeque::from(vec![Fault::ErrorBefore; 1000]);
        faults.next_on.insert(Call::Query, unclear);
    });
    for (camera, plate) in bench.exits.iter().zip(&plates) {
        camera.read(plate).await;
    }
    let all_held = |status: &serde_json::Value| status["held"] == FORGED.len();
    bench
        .place
        .status_with("every car to be held", all_held)
        .await;
    assert!(bench.exits.iter().all(|camera| camera.pulses() == 0));

    bench.wechat.with(|wechat| {
        wechat.faults_mut().next_on.remove(&Call::Query);
    });
    for camera in &bench.exits {
        camera.raised_after(0).await;
    }
    let status = bench.filed(0).await;
    let books = bench.wechat.books();
    assert_eq!(books.accepted_fen(), FORGED.len() as u64 * FEE);
    let queries = bench.wechat.with(|wechat| wechat.asked(Call::Query));
    assert!(queries >= FORGED.len() as u64);
    assert_balanced(&bench, &status);
    daemon.stop().await;
}
