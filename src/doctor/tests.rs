//! The doctor at a sound merchant and at ailing ones, with the simulator as WeChat.

use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

use tempfile::TempDir;

use super::*;
use crate::clock::TrustRule;
use crate::lane::time::Wall;
use crate::prepare::Step as Prepared;
use crate::sim::http::{Outage, Server};
use crate::sim::material;
use crate::sim::wechat::{Call, Fault, NativeState, Settings, Simulator, TrustMode};

/// A box, its merchant, and WeChat.
struct World {
    folder: TempDir,
    wechat: Server,
    config: Config,
    clock: Clock,
    off_ms: Arc<AtomicI64>,
}

const PARTNER: &str = "[merchant.sub]\nmchid = \"1900000109\"\nappid = \"wxcbda96de0b165489\"\n";

impl World {
    async fn new() -> Self {
        Self::with(material::settings(1), "").await
    }

    async fn with(settings: Settings, more: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let off_ms = Arc::<AtomicI64>::default();
        let clock = Clock::system_off_by(TrustRule::Rtc, Wall(0), off_ms.clone());
        let wechats = Clock::system(TrustRule::Rtc, Wall(0));
        let wechat = Server::on_loopback(Simulator::new(settings), wechats, 2);
        let wechat = wechat.await.unwrap();
        for (name, text) in [
            ("key.pem", material::MERCHANT_KEY),
            ("cert.pem", material::MERCHANT_CERTIFICATE),
            ("v3.key", material::API_V3_KEY),
            ("pub.pem", material::PUBLIC_KEY),
        ] {
            let file = folder.path().join(name);
            fs::write(&file, text).unwrap();
            fs::set_permissions(&file, Permissions::from_mode(0o600)).unwrap();
        }
        let config = config(&folder, &wechat.base_urls(), more);
        Self {
            folder,
            wechat,
            config,
            clock,
            off_ms,
        }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn here(&self) -> Report {
        let mut report = Report::default();
        report.extend(merchant::look(&self.config, self.clock.now().wall));
        report
    }

    async fn live(&self, trial_order: bool) -> Report {
        let mut report = Report::default();
        report.extend(wechat::look(&self.config, &self.clock, trial_order).await);
        report
    }
}

fn config(folder: &TempDir, hosts: &[String], more: &str) -> Config {
    let dir = folder.path().display();
    let mode = if more.is_empty() { "direct" } else { "partner" };
    let text = format!(
        "[site]\nid = \"lab\"\nbox = \"b1\"\nname = \"停车场\"\n\
         [merchant]\nmode = \"{mode}\"\nmchid = \"{}\"\nappid = \"{}\"\n\
         private_key_file = \"{dir}/key.pem\"\ncertificate_file = \"{dir}/cert.pem\"\n\
         api_v3_key_files = [\"{dir}/v3.key\"]\n{more}\
         [wechat]\nbase_urls = {hosts:?}\n\
         [store]\npath = \"{dir}\"\n\
         [mqtt]\nurl = \"mqtt://127.0.0.1:1\"\n\
         [clock]\ntrust = \"rtc\"\n\
         [tariff]\nfile = \"{dir}/tariff.toml\"\n\
         [[lane]]\nid = \"in-1\"\ndirection = \"entry\"\n\
         camera = {{ dialect = \"vz-mqtt\", device_id = \"265e1040-85e01fb7\" }}\n\
         barrier = {{ driver = \"camera\" }}\n",
        material::MCHID,
        material::APPID,
    );
    Config::parse(&text, "parkgate.toml").unwrap()
}

/// The outcome of a step; of several looks the worst.
fn outcome(report: &Report, step: Step) -> Option<Outcome> {
    let of_step = report.findings.iter().filter(|it| it.step == step);
    let outcomes: Vec<Outcome> = of_step.map(|it| it.outcome).collect();
    let failed = outcomes
        .contains(&Outcome::Failed)
        .then_some(Outcome::Failed);
    failed.or(outcomes.into_iter().max())
}

/// What is said of the first failure of a step, and how to mend it.
#[track_caller]
fn failure(report: &Report, step: Step) -> String {
    let failed = |it: &&Finding| it.step == step && it.outcome == Outcome::Failed;
    let Some(finding) = report.findings.iter().find(failed) else {
        panic!("{step:?} did not fail: {report:#?}")
    };
    let fix = finding.fix.as_ref().unwrap();
    assert!(
        !finding.found.zh.is_ascii() && !fix.zh.is_ascii(),
        "{finding:?}"
    );
    format!("{} -> {}", finding.found.en, fix.en)
}

#[tokio::test]
async fn a_sound_merchant_passes_with_the_calls_named_and_nothing_left_behind() {
    let world = World::new().await;
    let here = world.here();
    assert_eq!(here.count(Outcome::Failed), 0, "{here:#?}");
    let live = world.live(false).await;
    for step in [
        Step::ApiV3Key,
        Step::PlatformKeys,
        Step::Permission,
        Step::Clock,
        Step::Host,
    ] {
        assert_eq!(
            outcome(&live, step),
            Some(Outcome::Passed),
            "{step:?}: {live:#?}"
        );
    }
    assert_eq!(outcome(&live, Step::Binding), Some(Outcome::CannotTell));
    let hosts = live.findings.iter().filter(|it| it.step == Step::Host);
    assert_eq!(hosts.count(), 2, "each host is asked");
    let calls: Vec<_> = live.findings.iter().filter_map(|it| it.call).collect();
    assert!(
        calls.iter().all(|call| call.starts_with("GET ")),
        "{calls:?}"
    );
    let books = world.wechat.books();
    assert_eq!((books.entries.len(), books.orders.len()), (0, 0));
    assert_eq!(books.violations, []);
    assert_eq!(world.wechat.with(|it| it.native_orders()), []);
}

#[tokio::test]
async fn a_trial_order_proves_the_binding_and_is_closed_in_both_modes() {
    for partner in [false, true] {
        let world = match partner {
            false => World::new().await,
            true => World::with(material::partner_settings(1), PARTNER).await,
        };
        let live = world.live(true).await;
        assert_eq!(
            outcome(&live, Step::Binding),
            Some(Outcome::Passed),
            "{live:#?}"
        );
        let orders = world.wechat.with(|it| it.native_orders());
        assert_eq!(orders.len(), 1);
        assert_eq!(
            (orders[0].state, orders[0].total_fen),
            (NativeState::Closed, 1)
        );
        assert_eq!(world.wechat.books().violations, []);
    }
}

#[tokio::test]
async fn a_trial_order_is_closed_also_where_its_answer_or_the_close_is_lost() {
    let world = World::new().await;
    world.wechat.with(|it| {
        let faults = it.faults_mut();
        faults.push_on(Call::NativeOrder, Fault::ErrorAfter);
        faults.push_on(Call::NativeClose, Fault::ErrorBefore);
    });
    let live = world.live(true).await;
    let orders = world.wechat.with(|it| it.native_orders());
    assert_eq!(orders[0].state, NativeState::Closed, "{live:#?}");
    assert_eq!(
        outcome(&live, Step::Binding),
        Some(Outcome::CannotTell),
        "{live:#?}"
    );
}

#[tokio::test]
async fn an_app_id_that_is_not_bound_is_told_by_the_trial_order() {
    let world = World::new().await;
    world
        .wechat
        .with(|it| it.settings_mut().merchant.appids.clear());
    let live = world.live(true).await;
    let told = failure(&live, Step::Binding);
    assert!(
        told.contains("APPID_MCHID_NOT_MATCH") && told.contains("bind them"),
        "{told}"
    );
    assert!(told.contains("Request-ID"), "{told}");
    assert_eq!(world.wechat.with(|it| it.native_orders()), []);
}

#[tokio::test]
async fn a_wrong_api_v3_key_and_a_malformed_one_are_told_apart() {
    let world = World::new().await;
    fs::write(world.path("v3.key"), "Z9y8X7w6V5u4T3s2R1q0PaObNcMdLeKf").unwrap();
    assert_eq!(
        outcome(&world.here(), Step::ApiV3Key),
        Some(Outcome::Passed)
    );
    let told = failure(&world.live(false).await, Step::ApiV3Key);
    assert!(
        told.contains("another one is set in the merchant platform"),
        "{told}"
    );
    fs::write(world.path("v3.key"), "too-short").unwrap();
    let told = failure(&world.here(), Step::ApiV3Key);
    assert!(
        told.contains("9 characters") && !told.contains("too-short"),
        "{told}"
    );
    fs::write(world.path("v3.key"), "11111111111111111111111111111111").unwrap();
    assert!(failure(&world.here(), Step::ApiV3Key).contains("guessed"));
}

#[tokio::test]
async fn a_missing_permission_is_told_with_wechats_words() {
    let world = World::new().await;
    world
        .wechat
        .with(|it| it.settings_mut().switches.permission = false);
    let live = world.live(false).await;
    let told = failure(&live, Step::Permission);
    assert!(
        told.contains("NO_AUTH") && told.contains("parkgate prepare"),
        "{told}"
    );
    assert_eq!(
        outcome(&live, Step::Host),
        Some(Outcome::Passed),
        "the host is well"
    );

    let partner = World::with(material::partner_settings(1), PARTNER).await;
    partner.wechat.with(|it| {
        it.settings_mut()
            .merchant
            .sub_merchants
            .remove(material::SUB_MCHID);
    });
    let told = failure(&partner.live(false).await, Step::Permission);
    assert!(told.contains("特约商户与服务商未建立受理关系"), "{told}");
}

#[tokio::test]
async fn a_clock_that_is_off_is_blamed_before_the_key_is() {
    let world = World::new().await;
    world
        .off_ms
        .store(600_000, std::sync::atomic::Ordering::Relaxed);
    let live = world.live(false).await;
    let told = failure(&live, Step::Clock);
    assert!(told.contains("600 s") || told.contains("599 s"), "{told}");
    assert_eq!(
        outcome(&live, Step::Permission).unwrap_or(Outcome::CannotTell),
        Outcome::CannotTell
    );
}

#[tokio::test]
async fn one_dead_host_is_named_and_the_other_serves() {
    let world = World::new().await;
    world.wechat.set_outage_at(0, Outage::Refused);
    let live = world.live(false).await;
    let told = failure(&live, Step::Host);
    assert!(told.contains("not reached"), "{told}");
    assert_eq!(
        outcome(&live, Step::Permission),
        Some(Outcome::Passed),
        "{live:#?}"
    );
    let tls = Report {
        findings: hosts::look(&world.config).await,
    };
    assert!(failure(&tls, Step::Tls).contains("no connection to port"));
    assert_eq!(tls.count(Outcome::Failed), 1, "{tls:#?}");

    world.wechat.set_outage_at(1, Outage::Refused);
    let live = world.live(true).await;
    assert_eq!(outcome(&live, Step::Permission), Some(Outcome::CannotTell));
    assert_eq!(outcome(&live, Step::Binding), None, "no order is tried");
}

#[tokio::test]
async fn files_that_do_not_belong_together_or_are_mixed_up_are_told() {
    let world = World::new().await;
    let other = include_str!("../sim/material/throwaway_platform_1_key.pem");
    fs::write(world.path("key.pem"), other).unwrap();
    let told = failure(&world.here(), Step::KeyPair);
    assert!(
        told.contains("5157F09E") && told.contains("certificate import"),
        "{told}"
    );
    let live = world.live(false).await;
    assert_eq!(
        outcome(&live, Step::Host),
        Some(Outcome::CannotTell),
        "nothing is sent"
    );

    fs::write(world.path("key.pem"), material::MERCHANT_CERTIFICATE).unwrap();
    fs::write(world.path("cert.pem"), material::MERCHANT_KEY).unwrap();
    let here = world.here();
    let told = failure(&here, Step::PrivateKey);
    assert!(
        told.contains("holds a certificate") && told.contains("mixed up"),
        "{told}"
    );
    assert!(failure(&here, Step::Certificate).contains("holds a private key"));
    let all = format!("{here:?}");
    assert!(!all.contains("MII"), "no key is told: {all}");
}

#[tokio::test]
async fn a_file_that_everybody_reads_and_another_merchants_certificate_are_told() {
    let mut world = World::new().await;
    let key = world.path("key.pem");
    fs::set_permissions(&key, Permissions::from_mode(0o644)).unwrap();
    assert!(failure(&world.here(), Step::PrivateKey).contains("chmod 0600"));
    world.config.merchant.mchid = "1900000001".to_owned();
    assert!(failure(&world.here(), Step::MerchantId).contains("1900009191"));
    world.config.merchant.mchid = "12".to_owned();
    assert!(failure(&world.here(), Step::MerchantId).contains("8 to 10 digits"));
    world.config.merchant.appid = "wx12".to_owned();
    assert!(failure(&world.here(), Step::AppId).contains("wx12"));
}

#[tokio::test]
async fn a_certificate_is_told_a_month_before_it_ends() {
    let world = World::new().await;
    let ends = Wall(2_335_219_200_000);
    let day = 24 * 3600 * 1000;
    let at = |days: i64| {
        let mut report = Report::default();
        report.extend(merchant::look(&world.config, ends.plus_ms(days * day)));
        report
    };
    assert_eq!(outcome(&at(-31), Step::Certificate), Some(Outcome::Passed));
    assert!(failure(&at(-29), Step::Certificate).contains("in 29 days"));
    assert!(failure(&at(1), Step::Certificate).contains("ended on 2044-01-01"));
}

#[tokio::test]
async fn a_merchant_with_the_public_key_alone_is_told_to_configure_it() {
    let mut settings = material::settings(1);
    settings.trust.mode = TrustMode::PublicKey;
    let mut world = World::with(settings, "").await;
    let told = failure(&world.live(false).await, Step::PlatformKeys);
    assert!(told.contains("[wechat.public_key]"), "{told}");
    world.config.wechat.public_key = Some(crate::config::PublicKey {
        id: material::PUBLIC_KEY_ID.to_owned(),
        file: world.path("pub.pem"),
    });
    let live = world.live(false).await;
    assert_eq!(
        outcome(&live, Step::Permission),
        Some(Outcome::Passed),
        "{live:#?}"
    );
    assert_eq!(outcome(&live, Step::ApiV3Key), Some(Outcome::CannotTell));
    fs::write(world.path("pub.pem"), material::MERCHANT_PUBLIC_KEY).unwrap();
    assert!(failure(&world.here(), Step::PlatformKeys).contains("merchant's own"));
}

#[tokio::test]
async fn a_server_of_an_unknown_authority_is_not_spoken_to() {
    let mut world = World::new().await;
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("https://{}", listener.local_addr().unwrap());
    let here = (
        include_str!("../wechat/tests/tls/here.pem"),
        include_str!("../wechat/tests/tls/here.key"),
    );
    let tls = Arc::new(crate::wechat::tests::identity::server_config(here));
    std::thread::spawn(move || {
        while let Ok((mut tcp, _)) = listener.accept() {
            let mut connection = rustls::ServerConnection::new(tls.clone()).unwrap();
            // A client that does not like the certificate goes away.
            let _ = connection.complete_io(&mut tcp);
            let _ = connection.complete_io(&mut tcp);
        }
    });
    world.config.wechat.base_urls = vec![url];
    let looked = Report {
        findings: hosts::look(&world.config).await,
    };
    let told = failure(&looked, Step::Tls);
    assert!(
        told.contains("an authority that this box does not know"),
        "{told}"
    );
    let told = failure(&world.live(false).await, Step::Host);
    assert!(told.contains("not reached"), "{told}");

    let ca = world.path("ca.pem");
    fs::write(&ca, include_str!("../wechat/tests/tls/ca.pem")).unwrap();
    world.config.wechat.ca_file = Some(ca);
    let looked = Report {
        findings: hosts::look(&world.config).await,
    };
    assert_eq!(looked.count(Outcome::Failed), 0, "{looked:#?}");
}

/// The server of a name that only the proxy knows.
#[tokio::test]
async fn behind_a_proxy_wechat_is_looked_at_through_its_tunnel() {
    use std::io::{Read, Write};

    let mut world = World::new().await;
    let here = (
        include_str!("../wechat/tests/tls/here.pem"),
        include_str!("../wechat/tests/tls/here.key"),
    );
    let tls = Arc::new(crate::wechat::tests::identity::server_config(here));
    let ca = world.path("ca.pem");
    fs::write(&ca, include_str!("../wechat/tests/tls/ca.pem")).unwrap();
    world.config.wechat.ca_file = Some(ca);
    world.config.wechat.base_urls = vec!["https://127.0.0.1:1".to_owned()];
    for (answer, told) in [
        ("200 Connection established", None),
        ("403 No", Some("403")),
    ] {
        let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
        world.config.wechat.proxy = Some(format!("http://{}", listener.local_addr().unwrap()));
        let tls = tls.clone();
        let proxy = std::thread::spawn(move || {
            let (mut tcp, _) = listener.accept().unwrap();
            let mut asked = [0; 512];
            let length = tcp.read(&mut asked).unwrap();
            write!(tcp, "HTTP/1.1 {answer}\r\n\r\n").unwrap();
            let mut connection = rustls::ServerConnection::new(tls).unwrap();
            // Who was refused goes away.
            let _ = connection.complete_io(&mut tcp);
            String::from_utf8_lossy(&asked[..length]).into_owned()
        });
        let looked = Report {
            findings: hosts::look(&world.config).await,
        };
        let asked = proxy.join().unwrap();
        assert!(
            asked.starts_with("CONNECT 127.0.0.1:1 HTTP/1.1\r\n"),
            "{asked}"
        );
        match told {
            None => assert_eq!(looked.count(Outcome::Failed), 0, "{looked:#?}"),
            Some(told) => {
                let failure = failure(&looked, Step::Tls);
                assert!(
                    failure.contains(told) && failure.contains("proxy"),
                    "{failure}"
                );
            }
        }
    }
}

#[tokio::test]
async fn the_whole_look_tells_of_the_broker_the_store_and_the_checklist() {
    let world = World::new().await;
    let mut checklist = Checklist::default();
    let offline = Scope {
        offline: true,
        ..Scope::default()
    };
    let report = examine(&world.config, &checklist, None, &world.clock, offline).await;
    assert_eq!(report.count(Outcome::Failed), 0, "{report:#?}");
    assert_eq!(outcome(&report, Step::Daemon), Some(Outcome::CannotTell));
    let open = report.count(Outcome::CannotTell);

    checklist.confirm(Prepared::Binding, &world.config, "王芳", None, Wall(0));
    let online = Scope::default();
    let report = examine(&world.config, &checklist, None, &world.clock, online).await;
    assert!(failure(&report, Step::Broker).contains("[mqtt] url"));
    let confirmed = |it: &&Finding| it.subject.as_deref() == Some("binding");
    let finding = report.findings.iter().find(confirmed).unwrap();
    assert_eq!(finding.outcome, Outcome::Passed);
    assert!(finding.found.zh.contains("王芳"));
    assert!(open > 5, "what only people can say is open");
    let daemon = Daemon {
        status: serde_json::json!({
            "version": "0.1.0",
            "alarms": [{ "id": "link_down/broker", "text": "no MQTT connection" }],
        }),
        devices: None,
    };
    let report = examine(
        &world.config,
        &checklist,
        Some(&daemon),
        &world.clock,
        offline,
    )
    .await;
    let alarm = report
        .findings
        .iter()
        .find(|it| it.step == Step::Daemon && it.outcome == Outcome::Failed);
    assert_eq!(alarm.unwrap().subject.as_deref(), Some("link_down/broker"));
}
