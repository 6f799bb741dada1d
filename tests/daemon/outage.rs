//! WeChat does not answer.

use parkgate::sim::http::Outage;
use parkgate::sim::wechat::{Call, Fault};
use tokio::time::sleep;

use crate::accounts::assert_balanced;
use crate::bench::{Bench, FEE, Setup};
use crate::stay;

/// Two fees may be at risk; a stay of which WeChat knows nothing may cost nothing.
const LIMITS: &str = "if_wechat_silent = { normal_up_to_fen = 500, unknown_up_to_fen = 0, exposure_limit_fen = 1000 }";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn cars_are_let_out_up_to_the_limit_and_all_are_charged_later() {
    let setup = Setup {
        exit: LIMITS,
        ..Setup::default()
    };
    let (bench, daemon) = Bench::start(setup).await;
    for plate in ["粤B40001", "粤B40002", "粤B40003"] {
        bench.entry().pass(plate).await;
    }
    bench.place.logged("entry registered", 3).await;
    bench.wechat.set_outage(Outage::Silent);
    bench.entry().pass("粤B40004").await;
    sleep(stay::CHARGED).await;
    for plate in ["粤B40001", "粤B40002"] {
        bench.exit().pass(plate).await;
    }
    let status = bench.place.status().await.unwrap();
    assert_eq!(status["exposure_fen"], 1000, "{status}");

    let said = held_until_raised(&bench, "粤B40003", &[]).await;
    assert!(said.contains("stands"), "{said}");
    let said = held_until_raised(&bench, "粤B40004", &["--collected", "cash"]).await;
    assert!(said.contains("is finished"), "{said}");

    bench.wechat.set_outage(Outage::None);
    let status = bench.settled().await;
    assert_eq!(bench.wechat.books().accepted_fen(), 3 * FEE);
    assert_eq!(status["totals"]["withdrawn"]["fen"], FEE, "{status}");
    assert_eq!(status["exposure_fen"], 0, "{status}");
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

/// The car is held, and nothing raises the barrier but the attendant. Returns what the attendant is
/// told.
async fn held_until_raised(bench: &Bench, plate: &str, money: &[&str]) -> String {
    let already = bench.exit().pulses();
    bench.exit().read(plate).await;
    bench
        .place
        .status_with("a held car", |status| status["held"] == 1)
        .await;
    assert_eq!(bench.exit().pulses(), already);
    let raise = [
        "lane",
        "raise",
        "out-1",
        "--by",
        "王芳",
        "--reason",
        "等太久",
    ];
    let output = bench.place.ask(&[&raise[..], money].concat()).await;
    assert!(output.status.success(), "{output:?}");
    bench.exit().raised_after(already).await;
    bench.exit().cross().await;
    String::from_utf8(output.stdout).unwrap()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_backup_host_answers_for_the_first() {
    let setup = Setup {
        hosts: 2,
        ..Setup::default()
    };
    let (bench, daemon) = Bench::start(setup).await;
    bench.entry().pass("粤B40005").await;
    bench.place.logged("entry registered", 1).await;
    bench
        .wechat
        .with(|wechat| wechat.faults_mut().push_on(Call::Charge, Fault::Silence));
    sleep(stay::CHARGED).await;
    bench.exit().pass("粤B40005").await;
    let books = bench.wechat.books();
    assert_eq!(books.orders.len(), 1, "raised for the backup's answer");
    let status = bench.filed(0).await;
    assert_balanced(&bench, &status);
    daemon.stop().await;
}
