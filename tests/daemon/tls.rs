//! A broker that wants TLS and a certificate of the box.

use std::fs;
use std::path::{Path, PathBuf};

use rcgen::{BasicConstraints, CertificateParams, DnType, IsCa, Issuer, KeyPair};

use crate::bench::{Bench, Setup};
use crate::broker::hold_a_port;
use crate::daemon::Daemon;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_car_passes_over_tls_and_without_the_certificate_the_alarm_says_what_is_missing() {
    let mut bench = Bench::prepare(Setup::default()).await;
    if !bench.broker.can_be_killed() {
        return;
    }
    let files = Files::make(&bench.path(""));
    let (_holder, port) = hold_a_port();
    let listener = format!(
        "user root\nlistener {port} 127.0.0.1\ncafile {}\ncertfile {}\nkeyfile {}\n\
         require_certificate true\n",
        files.authority.display(),
        files.certificate.display(),
        files.key.display(),
    );
    bench.broker.kill();
    let config = bench.path("mosquitto.conf");
    let plain = fs::read_to_string(&config).unwrap();
    fs::write(&config, plain + &listener).unwrap();
    bench.broker.resume().await;

    let parkgate = fs::read_to_string(&bench.place.config).unwrap();
    let url = format!("url = \"mqtt://127.0.0.1:{}\"", bench.broker.port());
    assert!(parkgate.contains(&url));
    let tls = format!(
        "url = \"mqtts://localhost:{port}\"\nca_file = \"{}\"",
        files.authority.display()
    );
    fs::write(&bench.place.config, parkgate.replace(&url, &tls)).unwrap();
    let daemon = Daemon::start(&bench.place).await;
    let alarmed = |status: &serde_json::Value| {
        let alarms = status["alarms"].to_string();
        alarms.contains("set [mqtt] client_certificate_file and client_key_file")
    };
    bench.place.status_with("the alarm", alarmed).await;
    daemon.stop().await;

    // One pair for both ends is enough for a test.
    let own = format!(
        "{tls}\nclient_certificate_file = \"{}\"\nclient_key_file = \"{}\"",
        files.certificate.display(),
        files.key.display()
    );
    fs::write(&bench.place.config, parkgate.replace(&url, &own)).unwrap();
    let daemon = bench.daemon().await;
    bench.entry().connected().await;
    bench.entry().pass("粤B14001").await;
    let status = bench.place.status().await.unwrap();
    assert_eq!(status["cars_inside"], 1, "{status}");
    assert_eq!(status["alarms"], serde_json::json!([]), "{status}");
    daemon.stop().await;
    let log = bench.place.log();
    assert_eq!(log.matches("client_certificate_file").count(), 1, "once");
    let warned = log.matches("readable by others").count();
    assert_eq!(warned, 1, "once, though it is read for each connection");
}

struct Files {
    authority: PathBuf,
    certificate: PathBuf,
    key: PathBuf,
}

impl Files {
    fn make(folder: &Path) -> Self {
        let (authority_key, key) = (KeyPair::generate().unwrap(), KeyPair::generate().unwrap());
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        // One of the same name would pass for signed by itself.
        authority
            .distinguished_name
            .push(DnType::CommonName, "authority");
        let root = authority.self_signed(&authority_key).unwrap();
        let issuer = Issuer::new(authority, authority_key);
        let host = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        let certificate = host.signed_by(&key, &issuer).unwrap();
        let write = |name: &str, text: String| {
            let file = folder.join(name);
            fs::write(&file, text).unwrap();
            file
        };
        Self {
            authority: write("mqtt-ca.pem", root.pem()),
            certificate: write("mqtt.pem", certificate.pem()),
            key: write("mqtt.key", key.serialize_pem()),
        }
    }
}
