//! Keys and passwords, from their files to those who need them. What is missing stops WeChat, never
//! the lanes.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};
use zeroize::Zeroizing;

use super::inbox::{Inbox, Message};
use crate::causes;
use crate::clock::Clock;
use crate::config::{Certificate, Config, read_secret};
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::store::index::{IndexClient, Prefix, Row};
use crate::wechat::{
    Client, MerchantCertificate, MerchantKey, PublicKey, Refreshed, Secret, Settings, USER_AGENT,
    trust::KeyRow,
};

/// How often the keys' schedule is looked at.
const LOOK_EVERY: Duration = Duration::from_secs(60);
/// The index opens beside the lanes; its cached keys are asked for until it answers, so often.
const CACHE_TRIES: u32 = 30;
const CACHE_MAX: usize = 100;

/// The client, or why there is none.
pub fn client(config: &Config, clock: &Clock) -> Result<Client, String> {
    let settings = settings(config).map_err(|error| causes::told(&*error))?;
    Client::new(settings, clock.clone()).map_err(|error| causes::told(&error))
}

fn settings(config: &Config) -> Result<Settings, Box<dyn Error>> {
    let merchant = &config.merchant;
    let secret = |file: &Path| read_secret(file).map(|text| Secret::new(text.trim().to_owned()));
    let api_v3_keys = merchant.api_v3_key_files.iter().map(|file| secret(file));
    let certificate = match &merchant.certificate {
        Certificate::File(file) => MerchantCertificate::Pem(text(file)?),
        Certificate::Serial(serial) => MerchantCertificate::Serial(serial.clone()),
    };
    let public_key = match &config.wechat.public_key {
        Some(key) => Some(PublicKey {
            id: key.id.clone(),
            pem: text(&key.file)?,
        }),
        None => None,
    };
    Ok(Settings {
        mchid: merchant.mchid.clone(),
        key: MerchantKey::Pem(secret(&merchant.private_key_file)?),
        certificate,
        api_v3_keys: api_v3_keys.collect::<Result<_, _>>()?,
        base_urls: config.wechat.base_urls.clone(),
        ca_pem: config.wechat.ca_file.as_deref().map(text).transpose()?,
        proxy: None,
        public_key,
        platform_certificates: config.wechat.platform_certificates,
        believe_unsigned_errors: config.wechat.believe_unsigned_errors,
        user_agent: USER_AGENT.to_owned(),
    })
}

/// Takes the cached platform certificates back, and looks for new ones when that is due. What changed
/// is cached again, so that the next start needs no network.
pub async fn keep_keys(client: Client, clock: Clock, index: IndexClient, inbox: Inbox) {
    for _ in 0..CACHE_TRIES {
        if let Ok(rows) = index.scan(Prefix::Keys, Vec::new(), CACHE_MAX).await {
            let rows: Vec<KeyRow> = rows
                .iter()
                .filter_map(|row| serde_json::from_slice(&row.value).ok())
                .collect();
            client.key_ring().import(&rows, clock.now().wall);
            break;
        }
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let mut cached = client.key_ring().serials();
    loop {
        let now = clock.now();
        if now.trusted && client.refresh_due().is_some_and(|due| due <= now.moment) {
            match client.refresh_certificates().await {
                Ok(Refreshed::NoneOffered) if client.key_ring().serials().is_empty() => {
                    inbox.offer(Message::Alarm(nothing_to_trust()));
                }
                Ok(_) => {}
                Err(error) => tracing::debug!(error = &error as &dyn Error, "no certificates"),
            }
        }
        let serials = client.key_ring().serials();
        if serials != cached {
            for row in rows(&client) {
                index.put_cache(row);
            }
            cached = serials;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

fn rows(client: &Client) -> Vec<Row> {
    let row = |key: KeyRow| Row {
        prefix: Prefix::Keys,
        key: key.serial.clone().into_bytes(),
        value: serde_json::to_vec(&key).expect("a key row is two strings"),
    };
    client.key_ring().export().into_iter().map(row).collect()
}

fn nothing_to_trust() -> Alarm {
    Alarm {
        kind: AlarmKind::SecretsMissing,
        subject: "wechatpay key".to_owned(),
        raised: true,
        text: "WeChat offers this merchant no platform certificates and no public key is \
               configured, so no answer can be verified: download the WeChat Pay public key from \
               the merchant platform and set [wechat.public_key]"
            .to_owned(),
    }
}

/// The broker's password; a missing file is an alarm, and the broker will refuse the login.
pub fn broker_password(config: &Config, inbox: &Inbox) -> Option<Zeroizing<String>> {
    let file = config.mqtt.password_file.as_deref()?;
    match read_secret(file) {
        Ok(password) => Some(Zeroizing::new(password.trim().to_owned())),
        Err(missing) => {
            inbox.offer(Message::Alarm(Alarm {
                kind: AlarmKind::SecretsMissing,
                subject: "broker".to_owned(),
                raised: true,
                text: causes::told(&missing),
            }));
            None
        }
    }
}

/// TLS to the broker, if its URL asks for it.
pub fn broker_tls(config: &Config) -> Result<Option<Arc<ClientConfig>>, String> {
    if !config.mqtt.broker.tls {
        return Ok(None);
    }
    tls(config)
        .map(|config| Some(Arc::new(config)))
        .map_err(|error| causes::told(&*error))
}

fn tls(config: &Config) -> Result<ClientConfig, Box<dyn Error>> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    if let Some(file) = &config.mqtt.ca_file {
        for certificate in CertificateDer::pem_slice_iter(text(file)?.as_bytes()) {
            roots.add(certificate?)?;
        }
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(roots);
    let Some(own) = &config.mqtt.client_certificate else {
        return Ok(builder.with_no_client_auth());
    };
    let chain = CertificateDer::pem_slice_iter(text(&own.certificate_file)?.as_bytes())
        .collect::<Result<Vec<_>, _>>()?;
    let key = PrivateKeyDer::from_pem_slice(read_secret(&own.key_file)?.as_bytes())?;
    Ok(builder.with_client_auth_cert(chain, key)?)
}

fn text(file: &Path) -> Result<String, Box<dyn Error>> {
    std::fs::read_to_string(file).map_err(|error| format!("{}: {error}", file.display()).into())
}
