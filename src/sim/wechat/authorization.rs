//! Who calls, and whether it can be believed (`wechat-pay.md` 1.3).

use super::books::ViolationKind;
use super::message::Request;
use super::refusal::Refusal;
use super::seal::Seal;
use super::settings::Settings;
use super::time::seconds;
use crate::lane::time::Wall;

/// The five items of the header.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authorization {
    pub mchid: String,
    pub nonce: String,
    pub timestamp: i64,
    /// As written: it is part of what is signed.
    timestamp_text: String,
    pub serial: String,
    signature: String,
}

const SCHEME: &str = "WECHATPAY2-SHA256-RSA2048";
const ITEMS: [&str; 5] = ["mchid", "nonce_str", "timestamp", "serial_no", "signature"];
const LONGEST_NONCE: usize = 32;
const LARGEST_SKEW_S: u64 = 300;

/// Checks headers, merchant, serial, clock and signature, in this order. None where no seal is in
/// force and the request is not signed.
pub(super) fn admit(
    settings: &Settings,
    request: &Request,
    now: Wall,
) -> Result<Option<Authorization>, Refusal> {
    check_headers(request)?;
    let unsealed = matches!(*settings.seal, Seal::None);
    let authorization = match request.header("Authorization") {
        Some(header) => parse(header)?,
        None if unsealed => return Ok(None),
        None => return Err(malformed("is missing")),
    };
    if authorization.mchid != settings.merchant.mchid {
        return Err(unknown_caller("mchid", "merchant not exist"));
    }
    let is_known = settings.merchant.serials.iter().any(|(serial, refused)| {
        serial.eq_ignore_ascii_case(&authorization.serial) && refused.is_none_or(|from| now < from)
    });
    if !is_known {
        return Err(unknown_caller("serial_no", "certificate not exist"));
    }
    if seconds(now).abs_diff(authorization.timestamp) > LARGEST_SKEW_S {
        return Err(Refusal::sign(
            ViolationKind::Clock,
            "timestamp",
            "timestamp expired",
        ));
    }
    let text = authorization.signed_text(request);
    if !settings
        .seal
        .verify_request(&authorization.serial, &text, &authorization.signature)
    {
        return Err(Refusal::sign_mismatch(
            &request.method,
            &request.target,
            &text,
        ));
    }
    Ok(Some(authorization))
}

impl Authorization {
    /// Five lines, each ended by a newline.
    fn signed_text(&self, request: &Request) -> Vec<u8> {
        let mut text = format!(
            "{}\n{}\n{}\n{}\n",
            request.method, request.target, self.timestamp_text, self.nonce
        )
        .into_bytes();
        text.extend_from_slice(&request.body);
        text.push(b'\n');
        text
    }
}

fn check_headers(request: &Request) -> Result<(), Refusal> {
    let present = |name| {
        request
            .header(name)
            .filter(|value| !value.trim().is_empty())
    };
    let (Some(accept), Some(_)) = (present("Accept"), present("User-Agent")) else {
        return Err(Refusal::headers_missing());
    };
    if !accept.contains("application/json") && !accept.contains("*/*") {
        return Err(Refusal::header(406, "Accept必须包含application/json"));
    }
    let json = present("Content-Type").is_some_and(|kind| {
        let kind = kind.split(';').next().unwrap_or_default();
        kind.trim().eq_ignore_ascii_case("application/json")
    });
    if !request.body.is_empty() && !json {
        return Err(Refusal::header(415, "Content-Type必须是application/json"));
    }
    Ok(())
}

fn parse(header: &str) -> Result<Authorization, Refusal> {
    let items = header
        .strip_prefix(SCHEME)
        .and_then(|rest| rest.strip_prefix(' '))
        .ok_or_else(|| malformed("has another scheme than WECHATPAY2-SHA256-RSA2048"))?;
    let mut values: [Option<&str>; 5] = [None; 5];
    for item in items.split(',') {
        let (name, quoted) = item
            .trim()
            .split_once('=')
            .ok_or_else(|| malformed("has an item without ="))?;
        let value = quoted
            .strip_prefix('"')
            .and_then(|rest| rest.strip_suffix('"'))
            .filter(|value| !value.contains('"'))
            .ok_or_else(|| malformed("has a value without quotes"))?;
        let place = ITEMS
            .iter()
            .position(|known| *known == name)
            .ok_or_else(|| malformed("has an unknown item"))?;
        if values[place].replace(value).is_some() {
            return Err(malformed("has an item twice"));
        }
    }
    let [
        Some(mchid),
        Some(nonce),
        Some(timestamp),
        Some(serial),
        Some(signature),
    ] = values
    else {
        return Err(malformed("lacks one of its five items"));
    };
    let nonce_fits = (1..=LONGEST_NONCE).contains(&nonce.len())
        && nonce.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !nonce_fits {
        return Err(malformed("has a nonce that is not 1 to 32 of [0-9A-Za-z]"));
    }
    if !timestamp.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(malformed("has a timestamp that is not decimal"));
    }
    Ok(Authorization {
        mchid: mchid.into(),
        nonce: nonce.into(),
        timestamp: timestamp
            .parse()
            .map_err(|_| malformed("has a timestamp that is not decimal"))?,
        timestamp_text: timestamp.into(),
        serial: serial.into(),
        signature: signature.into(),
    })
}

fn malformed(issue: &str) -> Refusal {
    Refusal::sign(
        ViolationKind::Authorization,
        "Authorization",
        &format!("header {issue}"),
    )
}

fn unknown_caller(field: &str, issue: &str) -> Refusal {
    Refusal::sign(ViolationKind::UnknownCaller, field, issue)
}
