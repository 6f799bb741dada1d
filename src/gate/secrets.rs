//! Keys and passwords, from their files to those who need them. What is missing stops WeChat, never
//! the lanes.

use std::path::Path;
use std::sync::Arc;

use rustls::ClientConfig;

use crate::causes;
use crate::clock::Clock;
use crate::config::{Certificate, Config, Merchant, MissingSecret, read_public, read_secret};
use crate::wechat::{
    self, Client, MerchantCertificate, MerchantKey, PublicKey, Secret, Settings, USER_AGENT,
};

/// The client, or why there is none.
pub fn client(config: &Config, clock: &Clock) -> Result<Client, String> {
    let settings = settings(config).map_err(|error| causes::told(&error))?;
    Client::new(settings, clock.clone()).map_err(|error| causes::told(&error))
}

/// What the client needs to know, with the secrets read from their files.
///
/// # Errors
/// The first file that is missing or unreadable.
pub fn settings(config: &Config) -> Result<Settings, MissingSecret> {
    let merchant = &config.merchant;
    let certificate = match &merchant.certificate {
        Certificate::File(file) => MerchantCertificate::Pem(read_public(file)?),
        Certificate::Serial(serial) => MerchantCertificate::Serial(serial.clone()),
    };
    let public_key = match &config.wechat.public_key {
        Some(key) => Some(PublicKey {
            id: key.id.clone(),
            pem: read_public(&key.file)?,
        }),
        None => None,
    };
    Ok(Settings {
        mchid: merchant.mchid.clone(),
        key: MerchantKey::Pem(secret(&merchant.private_key_file)?),
        certificate,
        api_v3_keys: api_v3_keys(merchant)?,
        base_urls: config.wechat.base_urls.clone(),
        ca_pem: ca_pem(config)?,
        system_roots: config.wechat.system_roots,
        proxy: config.wechat.proxy.clone(),
        public_key,
        platform_certificates: config.wechat.platform_certificates,
        believe_unsigned_errors: config.wechat.believe_unsigned_errors,
        user_agent: USER_AGENT.to_owned(),
    })
}

/// With whom TLS is spoken at WeChat's hosts.
///
/// # Errors
/// Why nobody can be, for people.
pub fn tls(config: &Config) -> Result<Arc<ClientConfig>, String> {
    let ca_pem = ca_pem(config).map_err(|error| causes::told(&error))?;
    let tls = wechat::tls(ca_pem.as_deref(), config.wechat.system_roots);
    tls.map_err(|error| causes::told(&error))
}

fn ca_pem(config: &Config) -> Result<Option<String>, MissingSecret> {
    config
        .wechat
        .ca_file
        .as_deref()
        .map(read_public)
        .transpose()
}

fn secret(file: &Path) -> Result<Secret, MissingSecret> {
    read_secret(file).map(Secret::of)
}

/// All that are there. A file may be named before there is a key in it, so that a change needs no other
/// config; without any key the first file's fault counts.
fn api_v3_keys(merchant: &Merchant) -> Result<Vec<Secret>, MissingSecret> {
    let mut keys = Vec::new();
    let mut absent = None;
    for file in &merchant.api_v3_key_files {
        match secret(file) {
            Ok(key) => keys.push(key),
            Err(missing) if missing.is_absent() => absent = absent.or(Some(missing)),
            Err(missing) => return Err(missing),
        }
    }
    match absent.filter(|_| keys.is_empty()) {
        Some(missing) => Err(missing),
        None => Ok(keys),
    }
}
