//! The merchant's preparation on the command line: beside a daemon, and before there is one.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::Output;
use std::sync::Arc;

use parkgate::sim::material;
use parkgate::sim::wechat::{RsaKeys, Seal, Settings};
use serde_json::Value;

use crate::bench::{Bench, Setup};
use crate::daemon::run;

/// A second certificate of the merchant, and its key.
const NEW_SERIAL: &str = material::PLATFORM_SERIAL_1;
const NEW_CERTIFICATE: &str = material::PLATFORM_CERTIFICATE_1;
const NEW_KEY: &str = include_str!("../../src/sim/material/throwaway_platform_1_key.pem");
const WECHATS_KEY: &str = include_str!("../../src/sim/material/throwaway_wechatpay_key.pem");

/// WeChat lists both certificates of the merchant.
fn two_certificates(settings: &mut Settings) {
    use rsa::pkcs8::{DecodePrivateKey, EncodePublicKey};
    let key = rsa::PrivateKey::from_pkcs8_pem(NEW_KEY).unwrap();
    let public = key.to_public_key().to_public_key_pem(Default::default());
    let keys = RsaKeys::default()
        .caller(material::MERCHANT_SERIAL, material::MERCHANT_PUBLIC_KEY)
        .unwrap()
        .caller(NEW_SERIAL, &public.unwrap())
        .unwrap()
        .platform(material::PLATFORM_SERIAL_1, NEW_KEY)
        .unwrap()
        .platform(material::PUBLIC_KEY_ID, WECHATS_KEY)
        .unwrap();
    settings.seal = Arc::new(Seal::Rsa(keys));
    settings
        .merchant
        .serials
        .insert(NEW_SERIAL.to_owned(), None);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_pair_is_imported_and_signs_without_a_restart() {
    let setup = Setup {
        wechat: two_certificates,
        ..Setup::default()
    };
    let (bench, daemon) = Bench::start(setup).await;
    bench.place.logged("platform certificates changed", 1).await;
    let keys = json(&bench.place.ask(&["keys", "list", "--json"]).await);
    assert_eq!(keys["merchant_serial"], material::MERCHANT_SERIAL, "{keys}");
    assert_eq!(keys["keys"][0]["source"], "fetched", "{keys}");
    assert_eq!(keys["keys"].as_array().unwrap().len(), 2, "{keys}");

    // Files under each other's names.
    let inbox = bench.path("inbox");
    fs::create_dir(&inbox).unwrap();
    fs::write(inbox.join("apiclient_cert.pem"), NEW_KEY).unwrap();
    fs::write(inbox.join("apiclient_key.pem"), NEW_CERTIFICATE).unwrap();
    let import = ["certificate", "import"];
    let refused = command(&bench, &import, &inbox, &[]).await;
    assert_eq!(refused.status.code(), Some(1), "{refused:?}");
    assert!(error(&refused).contains("--force"), "{refused:?}");
    assert_eq!(read(&bench.path("key.pem")), material::MERCHANT_KEY);
    let done = json(&command(&bench, &import, &inbox, &["--force", "--json"]).await);
    assert_eq!(done["certificate"]["serial"], NEW_SERIAL, "{done}");
    assert_eq!(done["found"][0]["holds"], "private_key", "{done}");
    for name in ["key.pem", "cert.pem", "key.pem.previous"] {
        let mode = fs::metadata(bench.path(name)).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{name}");
    }
    assert_eq!(
        read(&bench.path("key.pem.previous")),
        material::MERCHANT_KEY
    );

    let reloaded = json(&bench.place.ask(&["keys", "reload", "--json"]).await);
    assert_eq!(reloaded["serial"], NEW_SERIAL, "{reloaded}");
    bench.entry().pass("粤B15001").await;
    bench.place.logged("entry registered", 1).await;
    assert_eq!(bench.wechat.books().violations, []);
    let keys = json(&bench.place.ask(&["keys", "list", "--json"]).await);
    assert_eq!(keys["merchant_serial"], NEW_SERIAL, "{keys}");

    let doctor = doctor(&bench, &["--json"]).await;
    let report = json_of(&doctor);
    assert_eq!(doctor.status.code(), Some(0), "{report:#}");
    assert_ne!(outcome(&report, "camera"), "failed", "{report:#}");
    assert_eq!(outcome(&report, "permission"), "passed", "{report:#}");
    daemon.stop().await;

    let shown = bench
        .place
        .ask(&["keys", "list", "--config", config(&bench), "--json"])
        .await;
    let kept = json(&shown);
    assert_eq!(
        kept["keys"][0]["source"], "cached",
        "without a daemon: {kept}"
    );
    assert!(kept["keys"][0]["since"].is_i64(), "{kept}");
    let said = format!(
        "{}{}",
        bench.place.log(),
        String::from_utf8_lossy(&doctor.stdout)
    );
    for secret in [NEW_KEY, material::MERCHANT_KEY, material::API_V3_KEY] {
        let line = secret.lines().find(|line| !line.starts_with('-')).unwrap();
        assert!(!said.contains(line), "a secret is told");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn before_the_first_start_the_doctor_and_the_checklist_tell_what_is_missing() {
    let bench = Bench::prepare(Setup::default()).await;
    fs::create_dir_all(bench.store()).unwrap();
    fs::remove_file(bench.path("key.pem")).unwrap();
    let ill = doctor(&bench, &["--json", "--lang", "zh"]).await;
    let report = json_of(&ill);
    assert_eq!(ill.status.code(), Some(1), "{report:#}");
    assert_eq!(outcome(&report, "private_key"), "failed", "{report:#}");
    assert_eq!(
        outcome(&report, "host"),
        "cannot_tell",
        "nothing is signed: {report:#}"
    );
    assert!(report.to_string().contains("请导入"), "{report:#}");

    let key = bench.path("new.pem");
    fs::write(&key, material::MERCHANT_KEY).unwrap();
    let import = ["certificate", "import"];
    let cert = bench.path("cert.pem").display().to_string();
    let done = command(&bench, &import, &key, &[&cert]).await;
    assert!(done.status.success(), "{done:?}");
    let well = doctor(&bench, &["--trial-order"]).await;
    let told = String::from_utf8(well.stdout.clone()).unwrap();
    assert_eq!(well.status.code(), Some(0), "{told}");
    assert!(
        told.contains("are bound") && told.contains("is closed again"),
        "{told}"
    );

    let steps = json(&prepare(&bench, &["--json"]).await);
    let states: Vec<&str> = steps["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(|step| step["state"].as_str().unwrap())
        .collect();
    assert!(
        states.contains(&"open") && !states.contains(&"failed"),
        "{steps:#}"
    );
    let confirm = ["confirm", "binding", "--by", "王芳", "--json"];
    let confirmed = json(&prepare(&bench, &confirm).await);
    assert_eq!(confirmed["state"], "done", "{confirmed:#}");
    let mail = prepare(&bench, &["show", "white-list", "--lang", "zh"]).await;
    assert!(String::from_utf8_lossy(&mail.stdout).contains("微信车主服务"));
    let nothing = prepare(&bench, &["confirm", "contract", "--by", "x"]).await;
    assert_eq!(nothing.status.code(), Some(1), "{nothing:?}");
    let report = json_of(&doctor(&bench, &["--json", "--offline"]).await);
    let binding = report["findings"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["subject"] == "binding");
    assert_eq!(binding.unwrap()["outcome"], "passed", "{report:#}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_key_is_made_on_the_box_and_waits_for_its_certificate() {
    let bench = Bench::prepare(Setup::default()).await;
    let config = config(&bench);
    let request = ["certificate", "request", "--config", config, "--json"];
    let made = json(&words(&request).await);
    assert_eq!(made["verified_against_console"], false, "{made}");
    assert!(
        made["request"]
            .as_str()
            .unwrap()
            .contains("BEGIN CERTIFICATE REQUEST")
    );
    let key = made["key_file"].as_str().unwrap();
    let mode = fs::metadata(key).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let again = words(&request).await;
    assert_eq!(again.status.code(), Some(1), "the first key is not lost");
    // A certificate of another key.
    let cert = bench.path("cert.pem").display().to_string();
    let install = ["certificate", "install", &cert, "--config", config];
    let refused = words(&install).await;
    assert!(
        error(&refused).contains("no private key belongs to"),
        "{refused:?}"
    );
    assert_eq!(read(&bench.path("key.pem")), material::MERCHANT_KEY);
}

async fn doctor(bench: &Bench, more: &[&str]) -> Output {
    words(&[&["doctor", "--config", config(bench)], more].concat()).await
}

async fn prepare(bench: &Bench, more: &[&str]) -> Output {
    words(&[&["prepare"], more, &["--config", config(bench)]].concat()).await
}

async fn command(bench: &Bench, name: &[&str], file: &Path, more: &[&str]) -> Output {
    let file = file.to_str().unwrap();
    words(&[name, &[file], more, &["--config", config(bench)]].concat()).await
}

async fn words(arguments: &[&str]) -> Output {
    run(arguments.iter().map(|word| (*word).to_owned()).collect()).await
}

fn config(bench: &Bench) -> &str {
    bench.place.config.to_str().unwrap()
}

/// The worst of what was found of a step.
fn outcome(report: &Value, step: &str) -> String {
    let findings = report["findings"].as_array().unwrap().iter();
    let outcomes: Vec<&str> = findings
        .filter(|it| it["step"] == step)
        .map(|it| it["outcome"].as_str().unwrap())
        .collect();
    let worst = ["failed", "cannot_tell", "passed"];
    let found = worst.iter().find(|it| outcomes.contains(it));
    (*found.unwrap_or(&"none")).to_owned()
}

fn json(output: &Output) -> Value {
    assert!(output.status.success(), "{output:?}");
    json_of(output)
}

fn json_of(output: &Output) -> Value {
    serde_json::from_slice(&output.stdout).unwrap_or_else(|_| panic!("{output:?}"))
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

fn read(file: &Path) -> String {
    fs::read_to_string(file).unwrap()
}
