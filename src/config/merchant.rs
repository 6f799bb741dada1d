//! `[merchant]`: who collects the money, and with which keys.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::address::notify_base;
use super::document::{Need, Section};
use super::value::{key_file, shortened};
use crate::charges::queue::Extras;

/// The merchant. Keys are named by file, never held.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Merchant {
    /// Merchant id; in partner mode the service provider's.
    pub mchid: String,
    /// App id bound to the merchant id.
    pub appid: String,
    /// Partner mode (服务商模式): for whom the provider collects. None: direct mode.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sub: Option<SubMerchant>,
    /// WeChat advances accepted charges (垫资), so that *accepted* raises the barrier.
    pub advance: bool,
    /// PEM of the key that signs requests.
    pub private_key_file: PathBuf,
    /// How the key is named to WeChat.
    pub certificate: Certificate,
    /// `APIv3` keys, new and old side by side during a change; the first is tried first.
    pub api_v3_key_files: Vec<PathBuf>,
    /// What charges say besides.
    #[serde(default)]
    pub extras: Extras,
    /// Where WeChat's callbacks arrive, without a slash at the end. None: polling only.
    pub notify_base_url: Option<String>,
    /// The same for what drivers pay by code. None: as above.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native_notify_base_url: Option<String>,
}

/// The sub-merchant (特约商户) that a service provider acts for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubMerchant {
    /// Its merchant id.
    pub mchid: String,
    /// App id bound to its merchant id; the payer reads its name.
    pub appid: String,
}

/// Who stands before WeChat.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Direct,
    Partner,
}

/// Where the serial number of the merchant's certificate comes from.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Certificate {
    /// PEM; the serial number is read from it.
    File(PathBuf),
    /// Hexadecimal, upper case.
    Serial(String),
}

const MODES: [(&str, Mode); 2] = [("direct", Mode::Direct), ("partner", Mode::Partner)];

impl Merchant {
    pub(super) fn read(section: &mut Section<'_>) -> Self {
        let mode = section.choice("mode", Some("direct"), &MODES, &[]);
        let mchid = section.parsed("mchid", Need::Required, "digits", mchid);
        let appid = section.parsed("appid", Need::Required, "wx and letters or digits", appid);
        let sub = section.optional_section("sub", SubMerchant::read);
        check_mode(section, mode, mchid.as_deref(), sub.as_ref());
        let advance = section.flag("advance", false);
        let extras = extras(section);
        // 国密: the signer and the cipher have their seams, and nobody behind them yet.
        section.choice("algorithm", Some("rsa"), &[("rsa", ())], &["sm2"]);
        let private_key_file = section.file("private_key_file", Need::Required);
        let certificate = certificate(section);
        let api_v3_key_files = api_v3_key_files(section);
        let notify_base_url = section.parsed(
            "notify_base_url",
            Need::Optional,
            "https:// address without ? and #",
            notify_base,
        );
        let native_notify_base_url = section.parsed(
            "native_notify_base_url",
            Need::Optional,
            "https:// address without ? and #",
            notify_base,
        );
        Self {
            mchid: mchid.unwrap_or_default(),
            appid: appid.unwrap_or_default(),
            sub,
            advance,
            private_key_file: private_key_file.unwrap_or_default(),
            certificate,
            api_v3_key_files,
            extras,
            notify_base_url,
            native_notify_base_url,
        }
    }
}

impl SubMerchant {
    fn read(section: &mut Section<'_>) -> Self {
        let mchid = section.parsed("mchid", Need::Required, "digits", mchid);
        let appid = section.parsed("appid", Need::Required, "wx and letters or digits", appid);
        Self {
            mchid: mchid.unwrap_or_default(),
            appid: appid.unwrap_or_default(),
        }
    }
}

fn extras(section: &mut Section<'_>) -> Extras {
    let attach = section.parsed("attach", Need::Optional, "1 to 128 characters", |text| {
        in_a_bill(text, 128)
    });
    let goods_tag = section.parsed("goods_tag", Need::Optional, "1 to 32 characters", |text| {
        in_a_bill(text, 32)
    });
    Extras {
        attach,
        goods_tag,
        profit_sharing: section.flag("profit_sharing", false),
    }
}

/// What comes back in WeChat's bills, whose cells end at these characters.
fn in_a_bill(text: &str, most: usize) -> Result<String, String> {
    let characters = text.chars().count();
    if characters == 0 || characters > most {
        return Err(format!("{characters} characters; write 1 to {most}"));
    }
    match text
        .chars()
        .find(|c| c.is_control() || matches!(c, ',' | '`' | '"'))
    {
        Some(c) => Err(format!(
            "{c:?} would break the cell of a bill; leave it out"
        )),
        None => Ok(text.to_owned()),
    }
}

/// In partner mode every call names the sub-merchant, in direct mode none may.
fn check_mode(
    section: &Section<'_>,
    mode: Option<Mode>,
    mchid: Option<&str>,
    sub: Option<&SubMerchant>,
) {
    match (mode, sub) {
        (Some(Mode::Direct), Some(_)) => section.fault(
            "sub",
            "has no meaning in direct mode; write mode = \"partner\", or leave [merchant.sub] out"
                .into(),
        ),
        (Some(Mode::Partner), None) => section.fault(
            "mode",
            "names no sub-merchant; add [merchant.sub] with its mchid and appid, or write \"direct\""
                .into(),
        ),
        (Some(Mode::Partner), Some(sub)) if mchid == Some(sub.mchid.as_str()) => section.fault(
            "sub.mchid",
            "is the provider's own; write the sub-merchant's, for whom the money is collected"
                .into(),
        ),
        _ => {}
    }
}

fn certificate(section: &mut Section<'_>) -> Certificate {
    let file = section.file("certificate_file", Need::Optional);
    let serial = section.parsed(
        "certificate_serial",
        Need::Optional,
        "8 to 64 hexadecimal digits",
        certificate_serial,
    );
    match (
        section.has("certificate_file"),
        section.has("certificate_serial"),
    ) {
        (true, true) => section.fault(
            "certificate_serial",
            "certificate_file holds the serial number already; leave one of the two out".into(),
        ),
        (false, false) if section.is_given() => section.fault(
            "certificate_file",
            "missing; write certificate_file = \"…\" or certificate_serial = \"…\"".into(),
        ),
        _ => {}
    }
    match serial {
        Some(serial) => Certificate::Serial(serial),
        None => Certificate::File(file.unwrap_or_default()),
    }
}

fn api_v3_key_files(section: &mut Section<'_>) -> Vec<PathBuf> {
    const KEY: &str = "api_v3_key_files";
    let mut files = Vec::new();
    for (text, span) in section.texts(
        KEY,
        Need::Required,
        "1 to 4 of: absolute path or credential:name",
        1..=4,
    ) {
        match key_file(text) {
            Ok(file) if files.contains(&file) => {
                section.note(KEY, &span, "named twice; leave one out".into());
            }
            Ok(file) => files.push(file),
            Err(fault) => section.note(KEY, &span, fault),
        }
    }
    files
}

fn mchid(text: &str) -> Result<String, String> {
    let fits = (1..=32).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
    match fits {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "{:?} is no merchant id; write its digits, such as \"1900000109\"",
            shortened(text)
        )),
    }
}

fn appid(text: &str) -> Result<String, String> {
    let fits = text.starts_with("wx")
        && (3..=32).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric());
    match fits {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "{:?} is no app id; write it as WeChat shows it, wx…",
            shortened(text)
        )),
    }
}

fn certificate_serial(text: &str) -> Result<String, String> {
    let fits = (8..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match fits {
        true => Ok(text.to_ascii_uppercase()),
        false => Err(format!(
            "{:?} is no serial number; write 8 to 64 hexadecimal digits without blanks and colons",
            shortened(text)
        )),
    }
}
