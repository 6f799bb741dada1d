//! `[wechat]`: where WeChat Pay answers, and whom to believe.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::address::{notify_base, proxy, wechat_host};
use super::document::{Need, Section};
use super::value::shortened;

/// WeChat Pay's hosts and keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wechat {
    /// Origins without a slash at the end; the first is asked first.
    pub base_urls: Vec<String>,
    /// A further root for TLS, for proxies and tests.
    pub ca_file: Option<PathBuf>,
    /// Whether the box's own trust store is believed for TLS, beside the public web's roots.
    #[serde(default = "yes")]
    pub system_roots: bool,
    /// The HTTP proxy that leads to WeChat, `http://host:port`. None: straight.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub proxy: Option<String>,
    /// Whether platform certificates are fetched and believed.
    pub platform_certificates: bool,
    /// WeChat Pay's public key, where the merchant has one.
    pub public_key: Option<PublicKey>,
    /// `notify_url` of a request while callbacks are not used: WeChat wants one in every request.
    pub placeholder_notify_url: String,
    /// Whether WeChat's refusals count as its word although nobody signed them.
    pub believe_unsigned_errors: bool,
}

/// WeChat Pay's public key (`PUB_KEY_ID_…`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct PublicKey {
    /// As `Wechatpay-Serial` names it.
    pub id: String,
    /// PEM.
    pub file: PathBuf,
}

const HOSTS: [&str; 2] = [
    "https://api.mch.weixin.qq.com",
    "https://api2.mch.weixin.qq.com",
];

impl Wechat {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let base_urls = base_urls(section);
        let ca_file = section.file("ca_file", Need::Optional);
        let system_roots = section.flag("system_roots", true);
        let proxy = section.parsed("proxy", Need::Optional, "http://host:port", proxy);
        let platform_certificates = section.flag("platform_certificates", true);
        let public_key = section.optional_section("public_key", PublicKey::read);
        if !platform_certificates && public_key.is_none() {
            section.fault(
                "platform_certificates",
                "no answer of WeChat could be verified; write true, or add [wechat.public_key]"
                    .into(),
            );
        }
        let (placeholder_notify_url, believe_unsigned_errors) =
            section.section("advanced", |section| {
                let placeholder = section.parsed(
                    "placeholder_notify_url",
                    Need::Default("\"https://parkgate.invalid\"".into()),
                    "https:// address without ? and #",
                    notify_base,
                );
                let words = [("distrust", false), ("believe", true)];
                let believe = section.choice("unsigned_errors", Some("distrust"), &words, &[]);
                (placeholder, believe)
            });
        Self {
            base_urls,
            ca_file,
            system_roots,
            proxy,
            platform_certificates,
            public_key,
            placeholder_notify_url: placeholder_notify_url.unwrap_or_default(),
            believe_unsigned_errors: believe_unsigned_errors.unwrap_or_default(),
        }
    }
}

impl PublicKey {
    fn read(section: &mut Section<'_>) -> Self {
        Self {
            id: section
                .parsed("id", Need::Required, "PUB_KEY_ID_…", public_key_id)
                .unwrap_or_default(),
            file: section.file("file", Need::Required).unwrap_or_default(),
        }
    }
}

/// A configuration in the ledger may be from before there was the choice.
fn yes() -> bool {
    true
}

fn base_urls(section: &mut Section<'_>) -> Vec<String> {
    const KEY: &str = "base_urls";
    let default = Need::Default(format!("[\"{}\", \"{}\"]", HOSTS[0], HOSTS[1]));
    let given = section.texts(KEY, default, "1 to 4 https:// hosts", 1..=4);
    if !section.has(KEY) {
        return HOSTS.map(str::to_owned).to_vec();
    }
    let mut hosts = Vec::new();
    for (text, span) in given {
        match wechat_host(text) {
            Ok(host) if hosts.contains(&host) => {
                section.note(KEY, &span, "named twice; leave one out".into());
            }
            Ok(host) => hosts.push(host),
            Err(fault) => section.note(KEY, &span, fault),
        }
    }
    hosts
}

fn public_key_id(text: &str) -> Result<String, String> {
    let fits = text.strip_prefix("PUB_KEY_ID_").is_some_and(|number| {
        (1..=64).contains(&number.len()) && number.bytes().all(|byte| byte.is_ascii_alphanumeric())
    });
    match fits {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "{:?} is no key id; write it as WeChat shows it, PUB_KEY_ID_…",
            shortened(text)
        )),
    }
}
