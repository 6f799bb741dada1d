use std::fs;
use std::path::Path;

use tempfile::TempDir;

use super::super::*;
use super::authority::{Authority, Pair};
use super::mosquitto::Mosquitto;

struct World {
    folder: TempDir,
    authority: Authority,
}

impl World {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let authority = Authority::new(folder.path(), "authority");
        Self { folder, authority }
    }

    async fn broker(&self, pair: &Pair, more: &str) -> Option<Mosquitto> {
        let listener = format!(
            "certfile {}\nkeyfile {}\n{more}",
            pair.certificate_file.display(),
            pair.key_file.display()
        );
        Mosquitto::start(self.folder.path(), &listener).await
    }

    /// A broker that wants a certificate of the box.
    async fn strict_broker(&self) -> Option<Mosquitto> {
        let pair = self.authority.sign("broker", "localhost");
        let cafile = self.authority.certificate_file.display();
        let more = format!("allow_anonymous true\ncafile {cafile}\nrequire_certificate true");
        self.broker(&pair, &more).await
    }

    fn endpoint(&self, broker: &Mosquitto) -> Endpoint {
        Endpoint {
            host: "localhost".to_owned(),
            port: broker.port,
            username: None,
            password_file: None,
            tls: Some(TlsFiles {
                ca_file: Some(self.authority.certificate_file.clone()),
                client_certificate: None,
            }),
        }
    }

    fn with_certificate(&self, broker: &Mosquitto, pair: Pair) -> Endpoint {
        let mut endpoint = self.endpoint(broker);
        endpoint.tls.as_mut().unwrap().client_certificate = Some(ClientCertificate {
            certificate_file: pair.certificate_file,
            key_file: pair.key_file,
        });
        endpoint
    }
}

#[tokio::test]
async fn a_broker_whose_certificate_is_right_is_believed_and_no_other() {
    let world = World::new();
    let pair = world.authority.sign("broker", "localhost");
    let Some(broker) = world.broker(&pair, "allow_anonymous true").await else {
        return;
    };
    assert_eq!(attempt(&world.endpoint(&broker)).await, Ok(()));

    let mut unknown = world.endpoint(&broker);
    unknown.tls = Some(TlsFiles::default());
    told(&unknown, "[mqtt] ca_file").await;

    let mut elsewhere = world.endpoint(&broker);
    elsewhere.host = "127.0.0.1".to_owned();
    let text = told(&elsewhere, "is for localhost; write one of these names").await;
    assert!(text.contains("[mqtt] url"), "{text}");

    let mut plain = world.endpoint(&broker);
    plain.tls = None;
    assert!(attempt(&plain).await.is_err());
}

#[tokio::test]
async fn a_certificate_of_yesterday_is_told_as_such() {
    let world = World::new();
    let pair = world.authority.sign_until("broker", "localhost", 2020);
    let Some(broker) = world.broker(&pair, "allow_anonymous true").await else {
        return;
    };
    let text = told(&world.endpoint(&broker), "not valid today; renew it").await;
    assert!(text.contains("clock"), "{text}");
}

#[tokio::test]
async fn a_broker_that_wants_a_certificate_gets_the_right_one() {
    let world = World::new();
    let Some(broker) = world.strict_broker().await else {
        return;
    };
    let own = world.authority.sign("box", "box");
    let right = world.with_certificate(&broker, own);
    assert_eq!(attempt(&right).await, Ok(()));

    told(
        &world.endpoint(&broker),
        "set [mqtt] client_certificate_file",
    )
    .await;

    let stranger = Authority::new(world.folder.path(), "stranger");
    let wrong = world.with_certificate(&broker, stranger.sign("stranger-box", "box"));
    let text = told(&wrong, "refuses this box's certificate").await;
    assert!(text.contains("stranger-box.pem"), "{text}");

    let expired = world.authority.sign_until("old-box", "box", 2020);
    let expired = world.with_certificate(&broker, expired);
    told(&expired, "refuses this box's certificate").await;
}

#[tokio::test]
async fn a_refused_password_is_told_without_it() {
    let world = World::new();
    let pair = world.authority.sign("broker", "localhost");
    let passwords = world.folder.path().join("passwords");
    fs::write(&passwords, "gate:open-sesame\n").unwrap();
    let hashed = std::process::Command::new("mosquitto_passwd")
        .arg("-U")
        .arg(&passwords)
        .status();
    if !hashed.is_ok_and(|status| status.success()) {
        let required = std::env::var_os("PARKGATE_REQUIRE_TOOLS").is_some();
        assert!(!required, "mosquitto_passwd is not installed");
        return eprintln!("SKIPPED: mosquitto_passwd is not installed");
    }
    let more = format!(
        "allow_anonymous false\npassword_file {}",
        passwords.display()
    );
    let Some(broker) = world.broker(&pair, &more).await else {
        return;
    };
    let password_file = world.folder.path().join("password");
    fs::write(&password_file, "open-barley\n").unwrap();
    let mut endpoint = world.endpoint(&broker);
    endpoint.username = Some("gate".to_owned());
    endpoint.password_file = Some(password_file.clone());
    let text = told(&endpoint, "check user name, password and client id").await;
    assert!(!text.contains("barley"), "{text}");
    assert!(!format!("{endpoint:?}").contains("barley"));

    // Put right, it serves without a restart.
    fs::write(&password_file, "open-sesame\n").unwrap();
    assert_eq!(attempt(&endpoint).await, Ok(()));
}

#[tokio::test]
async fn a_port_without_tls_is_told_as_such() {
    let folder = tempfile::tempdir().unwrap();
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let world = World::new();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        use tokio::io::AsyncWriteExt;
        let (mut stream, _) = listener.accept().await.unwrap();
        stream
            .write_all(b"\x20\x02\x00\x05 no TLS here")
            .await
            .unwrap();
    });
    let endpoint = Endpoint {
        host: "127.0.0.1".to_owned(),
        port,
        username: None,
        password_file: None,
        tls: Some(TlsFiles::default()),
    };
    told(&endpoint, "does not speak TLS; write mqtt://").await;
    drop((folder, world));
}

#[tokio::test]
async fn files_that_do_not_serve_are_named_without_their_content() {
    let world = World::new();
    let path = |name: &str| world.folder.path().join(name);
    fs::write(path("rubbish"), "-----BEGIN PRIVATE KEY-----\nhunter2\n").unwrap();
    let (own, other) = (
        world.authority.sign("one", "x"),
        world.authority.sign("two", "x"),
    );
    let endpoint = |ca: Option<&Path>, pair: Option<(&Path, &Path)>| Endpoint {
        host: "localhost".to_owned(),
        port: 1,
        username: None,
        password_file: None,
        tls: Some(TlsFiles {
            ca_file: ca.map(Path::to_owned),
            client_certificate: pair.map(|(certificate, key)| ClientCertificate {
                certificate_file: certificate.to_owned(),
                key_file: key.to_owned(),
            }),
        }),
    };
    let (missing, rubbish) = (path("missing.pem"), path("rubbish"));
    let pair = |key| -> Option<(&Path, &Path)> { Some((&own.certificate_file, key)) };
    for (endpoint, says) in [
        (endpoint(Some(&missing), None), "missing.pem cannot be read"),
        (
            endpoint(Some(&rubbish), None),
            "rubbish holds no certificate",
        ),
        (endpoint(None, pair(&missing)), "missing.pem cannot be read"),
        (
            endpoint(None, pair(&rubbish)),
            "rubbish holds no private key",
        ),
        (
            endpoint(None, pair(&other.key_file)),
            "do not belong together",
        ),
        (
            endpoint(Some(Path::new("credential:mqtt-ca")), None),
            "LoadCredential=mqtt-ca:",
        ),
    ] {
        let text = told(&endpoint, says).await;
        assert!(!text.contains("hunter2"), "{text}");
        assert!(text.starts_with("parkgate cannot present itself"), "{text}");
    }
}

async fn told(endpoint: &Endpoint, says: &str) -> String {
    let text = attempt(endpoint).await.unwrap_err().to_string();
    assert!(text.contains(says), "{text}");
    assert_eq!(text.lines().count(), 1, "{text}");
    text
}

/// Connects, and asks for something: a certificate may be refused only then.
async fn attempt(endpoint: &Endpoint) -> Result<(), LinkFault> {
    let mut connection = Connection::new(endpoint, "parkgate-test", |_| ())?;
    connection.connect().await
}
