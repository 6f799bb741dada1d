//! What stands between the box and WeChat: no name server, portals, strangers' certificates.

use std::fs;
use std::io::Read;
use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use parkgate::sim::wechat::{Call, Fault, TrustMode};
use rustls::{ServerConnection, Stream};
use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::accounts::assert_balanced;
use crate::bench::{Bench, FEE, Setup};
use crate::identity::server_config;
use crate::stay;

const CA: &str = include_str!("../../src/wechat/tests/tls/ca.pem");
/// Of this machine's loopback address.
const HERE: (&str, &str) = (
    include_str!("../../src/wechat/tests/tls/here.pem"),
    include_str!("../../src/wechat/tests/tls/here.key"),
);
/// Of another one's.
const ELSEWHERE: (&str, &str) = (
    include_str!("../../src/wechat/tests/tls/elsewhere.pem"),
    include_str!("../../src/wechat/tests/tls/elsewhere.key"),
);

/// The budget of 1.5 s, and what a busy machine adds.
const AT_THE_BARRIER: Duration = Duration::from_millis(1_500 + 2_500);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn without_a_name_server_cars_leave_and_are_charged_later() {
    let bench = Bench::prepare(Setup::default()).await;
    let told = behind(&bench, "\"https://wechat.invalid\"", "").await;
    assert!(told.contains("wechat.invalid"), "{told}");
    assert!(told.contains("name server"), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_an_unknown_authority_is_told_nothing() {
    let bench = Bench::prepare(Setup::default()).await;
    let stranger = Stranger::listen(HERE);
    let told = behind(&bench, &format!("{:?}", stranger.url), "").await;
    assert!(told.contains("UnknownIssuer"), "{told}");
    stranger.assert_told_nothing();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_certificate_of_another_name_is_told_nothing() {
    let bench = Bench::prepare(Setup::default()).await;
    fs::write(bench.path("ca.pem"), CA).unwrap();
    let stranger = Stranger::listen(ELSEWHERE);
    let ca = format!("ca_file = {:?}\n", bench.path("ca.pem"));
    let told = behind(&bench, &format!("{:?}", stranger.url), &ca).await;
    assert!(told.contains("not valid for name"), "{told}");
    stranger.assert_told_nothing();
}

/// A hotel's portal, a proxy that wants a password, a gateway that is down: pages, not answers.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_page_in_the_place_of_an_answer_is_silence() {
    const PAGES: [(u16, &str); 5] = [
        (200, "粤B13001"),
        (302, "粤B13002"),
        (403, "粤B13003"),
        (407, "粤B13004"),
        (502, "粤B13005"),
    ];
    let (bench, daemon) = Bench::start(Setup::default()).await;
    for (status, plate) in PAGES {
        page(&bench, Some(status));
        bench.entry().pass(plate).await;
    }
    sleep(stay::CHARGED).await;
    for (status, plate) in PAGES {
        page(&bench, Some(status));
        leaves_in_time(&bench, plate).await;
    }
    let status = bench.place.status().await.unwrap();
    let told = silence(&status);
    assert!(told.contains("answers in their place"), "{told}");
    assert_eq!(status["queue"]["accepted"], 0, "{status}");
    assert_eq!(status["totals"]["settled"]["count"], 0, "{status}");
    assert_eq!(status["with_staff"], 0, "{status}");

    page(&bench, None);
    let status = bench.settled().await;
    assert_eq!(silence(&status), "", "{status}");
    assert_eq!(bench.wechat.books().accepted_fen(), 5 * FEE);
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

/// Nothing can be verified then, and so nothing is believed; the lanes do not mind.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn platform_certificates_that_open_to_rubbish_prove_nothing() {
    let setup = Setup {
        wechat: |wechat| {
            wechat.trust.mode = TrustMode::Certificates;
            for certificate in &mut wechat.trust.certificates {
                certificate.pem = "-----BEGIN RUBBISH-----".to_owned();
            }
        },
        ..Setup::default()
    };
    let (bench, daemon) = Bench::start(setup).await;
    bench.entry().pass("粤B13006").await;
    sleep(stay::CHARGED).await;
    leaves_in_time(&bench, "粤B13006").await;
    let unanswered = |status: &Value| !silence(status).is_empty();
    let status = bench.place.status_with("the alarm", unanswered).await;
    let told = silence(&status);
    assert!(told.contains("not known here"), "{told}");
    assert!(bench.place.log().contains("certificate"));
    assert_eq!(status["queue"]["accepted"], 0, "{status}");
    // WeChat has made the entry, and nobody believes it.
    assert_eq!(bench.wechat.with(|wechat| wechat.asked(Call::Charge)), 0);
    daemon.stop().await;

    let good = parkgate::sim::material::settings(1).trust.certificates;
    bench
        .wechat
        .with(|wechat| wechat.settings_mut().trust.certificates = good);
    let daemon = bench.daemon().await;
    let status = bench.filed(0).await;
    assert_eq!(bench.wechat.books().accepted_fen(), FEE);
    assert_balanced(&bench, &status);
    daemon.stop().await;
}

/// A car comes and goes while `hosts` stand for WeChat, with `more` lines of `[wechat]`; then they are
/// WeChat's own, and it is charged once. Returns what people were told.
async fn behind(bench: &Bench, hosts: &str, more: &str) -> String {
    let good = fs::read_to_string(&bench.place.config).unwrap();
    let (before, rest) = good.split_once("base_urls = [").unwrap();
    let (_, after) = rest.split_once("]\n").unwrap();
    let bad = format!("{before}base_urls = [{hosts}]\n{more}{after}");
    fs::write(&bench.place.config, bad).unwrap();
    let daemon = bench.daemon().await;
    bench.entry().pass("粤B13007").await;
    sleep(stay::CHARGED).await;
    leaves_in_time(bench, "粤B13007").await;
    let unanswered = |status: &Value| !silence(status).is_empty();
    let status = bench.place.status_with("the alarm", unanswered).await;
    let told = silence(&status);
    assert_eq!(status["totals"]["opened"]["fen"], FEE, "{status}");
    assert_eq!(status["with_staff"], 0, "{status}");
    let waiting = &status["queue"];
    assert_eq!(waiting["waiting_for_entry"], 1, "{status}");
    daemon.stop().await;

    fs::write(&bench.place.config, good).unwrap();
    let daemon = bench.daemon().await;
    let status = bench.filed(0).await;
    assert_eq!(silence(&status), "", "{status}");
    assert_eq!(bench.wechat.books().accepted_fen(), FEE);
    assert_balanced(bench, &status);
    daemon.stop().await;
    told
}

async fn leaves_in_time(bench: &Bench, plate: &str) {
    let (already, came) = (bench.exit().pulses(), Instant::now());
    bench.exit().read(plate).await;
    bench.exit().raised_after(already).await;
    assert!(came.elapsed() < AT_THE_BARRIER, "{:?}", came.elapsed());
    bench.exit().cross().await;
}

fn page(bench: &Bench, status: Option<u16>) {
    bench
        .wechat
        .with(|wechat| wechat.faults_mut().standing = status.map(Fault::ProxyPage));
}

/// The text of the alarm that WeChat does not answer; empty where there is none.
fn silence(status: &Value) -> String {
    let alarms = status["alarms"].as_array().into_iter().flatten();
    let mut silent = alarms.filter(|alarm| alarm["kind"] == "wechat_silent");
    let text = silent.next().and_then(|alarm| alarm["text"].as_str());
    text.unwrap_or_default().to_owned()
}

/// Somebody who has a certificate, and is not WeChat.
struct Stranger {
    url: String,
    knocks: Arc<AtomicUsize>,
    told: Arc<AtomicUsize>,
}

impl Stranger {
    /// Listens until the test's process ends.
    fn listen(identity: (&str, &str)) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("https://{}", listener.local_addr().unwrap());
        let tls = Arc::new(server_config(identity));
        let (knocks, told) = (Arc::<AtomicUsize>::default(), Arc::<AtomicUsize>::default());
        let counts = (knocks.clone(), told.clone());
        std::thread::spawn(move || {
            for tcp in listener.incoming() {
                let (Ok(mut tcp), Ok(mut tls)) = (tcp, ServerConnection::new(tls.clone())) else {
                    continue;
                };
                counts.0.fetch_add(1, Ordering::Relaxed);
                let mut request = [0; 4096];
                let read = Stream::new(&mut tls, &mut tcp).read(&mut request);
                counts.1.fetch_add(read.unwrap_or(0), Ordering::Relaxed);
            }
        });
        Self { url, knocks, told }
    }

    fn assert_told_nothing(&self) {
        assert!(self.knocks.load(Ordering::Relaxed) > 0, "nobody came");
        assert_eq!(self.told.load(Ordering::Relaxed), 0, "bytes of a request");
    }
}
