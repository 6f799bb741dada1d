//! Keys, ports, and what a client is told.

use std::os::unix::fs::PermissionsExt;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::super::keys::Keys;
use super::super::*;
use super::asking::{World, folder_with_keys};

#[tokio::test]
async fn keys_are_made_at_the_first_start_and_kept_for_the_next() {
    let folder = tempfile::tempdir().unwrap();
    let place = folder.path().join("new/place");
    let first = Sandbox::start(Kind::at(&place)).await.unwrap();
    let again = Sandbox::start(Kind::at(&place)).await.unwrap();
    assert_eq!(first.setup.merchant_serial, again.setup.merchant_serial);
    assert_eq!(first.setup.public_key_id, again.setup.public_key_id);

    let other = World::start(|_| ()).await;
    assert_ne!(
        first.setup.merchant_serial,
        other.sandbox.setup.merchant_serial
    );
    let key = std::fs::read_to_string(place.join(API_V3_KEY_FILE)).unwrap();
    assert_eq!(key.len(), 32);
    assert!(key.bytes().all(|byte| byte.is_ascii_alphanumeric()));
    assert_ne!(
        key,
        std::fs::read_to_string(other.path(API_V3_KEY_FILE)).unwrap()
    );
    assert_ne!(key, material::API_V3_KEY);
}

#[tokio::test]
async fn a_client_that_is_parkgate_takes_key_certificate_and_public_key() {
    let world = World::start(|_| ()).await;
    let text = |name| std::fs::read_to_string(world.path(name)).unwrap();
    let certificate = crate::wechat::Certificate::from_pem(&text(CERTIFICATE_FILE));
    let certificate = certificate.unwrap();
    assert_eq!(certificate.serial, world.sandbox.setup.merchant_serial);
    assert_eq!(certificate.subject, material::MCHID);
    assert!(certificate.valid_at(world.sandbox.server.now()));
    let key = crate::wechat::RsaPublicKey::from_pem(&text(PUBLIC_KEY_FILE));
    assert!(key.is_ok());
    // Of two platform certificates the second has the leading zero that clients lose.
    let listed = world
        .sandbox
        .server
        .with(|wechat| wechat.settings().trust.certificates.clone());
    assert_eq!(listed.len(), 2);
    assert!(listed[1].serial.starts_with("0A") && listed[1].serial.len() == 40);
}

#[tokio::test]
async fn secrets_are_for_their_owner_and_in_nothing_that_is_printed() {
    let world = World::start(|_| ()).await;
    let mode = |name: &str| {
        let metadata = std::fs::metadata(world.path(name)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    for name in [KEY_FILE, API_V3_KEY_FILE, "keys.json"] {
        assert_eq!(mode(name), 0o600, "{name}");
    }
    for name in [CERTIFICATE_FILE, PUBLIC_KEY_FILE, CA_FILE, SETUP_FILE] {
        assert_eq!(mode(name), 0o644, "{name}");
    }
    let key = std::fs::read_to_string(world.path(API_V3_KEY_FILE)).unwrap();
    let state = world.get("/state").await.to_string();
    let printed = world.sandbox.setup.to_string();
    let json = world.sandbox.setup.json().to_string();
    for text in [&state, &printed, &json] {
        assert!(
            !text.contains(&key) && !text.contains("PRIVATE KEY"),
            "{text}"
        );
    }
    let file = std::fs::read_to_string(world.path(SETUP_FILE)).unwrap();
    let file: serde_json::Value = serde_json::from_str(&file).unwrap();
    assert_eq!(file, world.sandbox.setup.json());
}

#[tokio::test]
async fn what_is_in_the_way_is_named() {
    let file = tempfile::NamedTempFile::new().unwrap();
    let below = file.path().join("keys");
    let told = |error: SandboxError| crate::causes::told(&error);
    let error = Sandbox::start(Kind::at(&below)).await.err().unwrap();
    assert!(told(error).contains(&below.display().to_string()));

    let folder = folder_with_keys();
    let damaged = folder.path().join("keys.json");
    std::fs::write(&damaged, "{\"root_key\": 1}").unwrap();
    let error = Sandbox::start(Kind::at(folder.path())).await.err().unwrap();
    let error = told(error);
    assert!(error.contains(&damaged.display().to_string()) && error.contains("move it away"));

    let world = World::start(|_| ()).await;
    let mut kind = Kind::at(world.folder.path());
    kind.listen = world.sandbox.server.addresses()[0];
    let error = Sandbox::start(kind).await.err().unwrap();
    assert!(matches!(error, SandboxError::Listen(_)));

    let mut kind = Kind::at(world.folder.path());
    kind.control = Some(world.control().parse().unwrap());
    let error = Sandbox::start(kind).await.err().unwrap();
    assert!(matches!(
        error,
        SandboxError::Control(ControlError::Listen { .. })
    ));
}

#[tokio::test]
async fn control_is_for_this_machine_unless_that_is_said() {
    let folder = folder_with_keys();
    let mut kind = Kind::at(folder.path());
    kind.control = Some(SocketAddr::from(([0, 0, 0, 0], 0)));
    let error = Sandbox::start(kind.clone()).await.err().unwrap();
    assert!(matches!(
        error,
        SandboxError::Control(ControlError::Open(_))
    ));
    assert!(crate::causes::told(&error).contains("--control-open"));
    kind.control_open = true;
    Sandbox::start(kind).await.unwrap().shutdown().await;
}

#[tokio::test]
async fn keys_of_years_ago_are_refused() {
    let long_ago = Wall::from_rfc3339("2020-05-30T00:00:00Z").unwrap();
    let folder = tempfile::tempdir().unwrap();
    Keys::make(long_ago).unwrap().keep(folder.path()).unwrap();
    let error = Sandbox::start(Kind::at(folder.path())).await.err().unwrap();
    assert!(crate::causes::told(&error).contains("have run out"));
}

#[tokio::test]
async fn the_setup_says_what_each_kind_of_sandbox_needs() {
    for (partner, trust) in [
        (true, TrustMode::Both),
        (false, TrustMode::Certificates),
        (true, TrustMode::PublicKey),
        (false, TrustMode::Mixed),
    ] {
        let world = World::start(|kind| {
            kind.partner = partner;
            kind.trust = trust;
            kind.tls = partner;
        })
        .await;
        let setup: toml::Table = world.sandbox.setup.to_string().parse().unwrap();
        let (merchant, wechat) = (&setup["merchant"], &setup["wechat"]);
        assert_eq!(merchant["mchid"].as_str(), Some(material::MCHID));
        let key = merchant["private_key_file"].as_str().unwrap();
        assert!(Path::new(key).is_file());
        let sub = merchant.get("sub").map(|sub| sub["mchid"].as_str());
        assert_eq!(sub, partner.then_some(Some(material::SUB_MCHID)));
        assert_eq!(merchant.get("mode").is_some(), partner);
        let url = wechat["base_urls"][0].as_str().unwrap();
        assert_eq!(url, world.sandbox.server.base_urls()[0]);
        assert_eq!(wechat.get("ca_file").is_some(), partner);
        assert_eq!(url.starts_with("https://"), partner);
        let by_key = wechat.get("public_key").is_some();
        assert_eq!(by_key, trust != TrustMode::Certificates);
        let off = wechat.get("platform_certificates").is_some();
        assert_eq!(off, trust == TrustMode::PublicKey);
    }
}

#[tokio::test]
async fn over_tls_the_folders_authority_vouches_for_it() {
    let world = World::start(|kind| kind.tls = true).await;
    let pem = std::fs::read_to_string(world.path(CA_FILE)).unwrap();
    let connector = TlsConnector::from(crate::wechat::tls(Some(&pem), false).unwrap());

    let address = world.sandbox.server.addresses()[0];
    // Who says nothing holds up nobody.
    let _dawdler = TcpStream::connect(address).await.unwrap();
    let tcp = TcpStream::connect(address).await.unwrap();
    let name = rustls::pki_types::ServerName::try_from("127.0.0.1").unwrap();
    let mut tls = connector.connect(name, tcp).await.unwrap();
    let request = "GET /v3/certificates HTTP/1.1\r\nHost: x\r\nAccept: application/json\r\n\
                   User-Agent: t\r\nConnection: close\r\n\r\n";
    tls.write_all(request.as_bytes()).await.unwrap();
    let mut answer = String::new();
    tls.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 401"), "{answer}");
}
