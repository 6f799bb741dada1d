//! `[mqtt]`: the broker that the cameras speak to.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::address::{Broker, broker};
use super::document::{Need, Section};
use super::site::Site;
use super::value::shortened;

/// The broker and how the box presents itself.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mqtt {
    pub broker: Broker,
    /// A further root for TLS.
    pub ca_file: Option<PathBuf>,
    /// Certificate and key with which the box identifies itself to the broker.
    pub client_certificate: Option<ClientCertificate>,
    pub username: Option<String>,
    pub password_file: Option<PathBuf>,
    /// Must differ from that of every other client of the broker.
    pub client_id: String,
    /// Whether the box tells its state and alarms there.
    pub announce: bool,
}

/// PEM files for TLS.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClientCertificate {
    pub certificate_file: PathBuf,
    pub key_file: PathBuf,
}

impl Mqtt {
    pub(super) fn read(section: &mut Section<'_>, site: &Site) -> Self {
        let before = section.faults();
        let broker = section.parsed(
            "url",
            Need::Default("\"mqtt://127.0.0.1:1883\"".into()),
            "mqtt:// or mqtts:// host",
            broker,
        );
        let ca_file = section.file("ca_file", Need::Optional);
        let certificate_file = section.file("client_certificate_file", Need::Optional);
        let key_file = section.file("client_key_file", Need::Optional);
        let username = section.parsed(
            "username",
            Need::Optional,
            "1 to 128 characters",
            short_text,
        );
        let password_file = section.file("password_file", Need::Optional);
        let client_id = section.parsed(
            "client_id",
            Need::Default("\"parkgate-{site}-{box}\"".into()),
            "1 to 128 characters",
            short_text,
        );
        let client_id = match section.has("client_id") {
            true => client_id.unwrap_or_default(),
            false => format!("parkgate-{}-{}", site.id, site.box_id),
        };
        let announce = section.flag("announce", true);
        if section.faults() == before {
            refuse_contradictions(section, broker.as_ref());
        }
        Self {
            broker: broker.unwrap_or(Broker {
                host: String::new(),
                port: 0,
                tls: false,
            }),
            ca_file,
            client_certificate: certificate_file.zip(key_file).map(
                |(certificate_file, key_file)| ClientCertificate {
                    certificate_file,
                    key_file,
                },
            ),
            username,
            password_file,
            client_id,
            announce,
        }
    }
}

fn refuse_contradictions(section: &Section<'_>, broker: Option<&Broker>) {
    const TLS_KEYS: [&str; 3] = ["ca_file", "client_certificate_file", "client_key_file"];
    if broker.is_some_and(|broker| !broker.tls) {
        for key in TLS_KEYS.into_iter().filter(|key| section.has(key)) {
            section.fault(
                key,
                "has no meaning with mqtt://; write url = \"mqtts://…\"".into(),
            );
        }
    }
    for (given, missing) in [
        ("client_certificate_file", "client_key_file"),
        ("client_key_file", "client_certificate_file"),
        ("password_file", "username"),
    ] {
        if section.has(given) && !section.has(missing) {
            section.fault(
                given,
                format!("needs {missing} beside it; add {missing} = \"…\""),
            );
        }
    }
}

fn short_text(text: &str) -> Result<String, String> {
    let fits = !text.is_empty() && text.len() <= 128 && !text.chars().any(char::is_control);
    match fits {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "{:?} is refused by brokers; write 1 to 128 printable characters",
            shortened(text)
        )),
    }
}
