//! From an HTTP answer to what it proves (`wechat-pay.md` 1.4, 10). Pure.

use serde_json::Value;

use super::trust::{KeyRing, SignatureHeaders, VerifyFault};
use crate::charges::answer::Refusal;
use crate::lane::time::Wall;

/// `Retry-After` beyond this is cut: it comes unsigned, and must not silence the box for a day.
const MAX_RETRY_AFTER_MS: u64 = 60 * 60 * 1000;

/// An HTTP answer as it arrived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Reply {
    /// HTTP status.
    pub status: u16,
    /// `Request-ID`, for support.
    pub request_id: Option<String>,
    /// `Date`.
    pub date: Option<String>,
    /// `Retry-After`.
    pub retry_after: Option<String>,
    /// The signature's parts.
    pub signature: SignatureHeaders,
    /// The raw bytes received.
    pub body: Vec<u8>,
    /// The body was longer than the limit, and `body` is only its beginning.
    pub cut: bool,
}

/// What an answer proves.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// 2xx, and WeChat Pay signed these bytes.
    Believed,
    /// WeChat Pay says no.
    Refused(Refusal),
    /// Later, with the same request.
    Throttled { retry_after_ms: Option<u64> },
    /// Nothing.
    Lost(String),
    /// Nothing yet: the key that signed it has to be fetched first.
    UnknownSerial(String),
}

impl Reply {
    /// Judges the answer by status, form and signature. Only a verified 2xx is believed; a 4xx
    /// counts as a refusal if it is API JSON and its signature, if it has one, fits.
    pub fn judge(&self, ring: &KeyRing, now: Wall) -> Verdict {
        if self.cut {
            return self.lost("the answer is larger than any of this call");
        }
        match self.status {
            202 => self.lost("WeChat Pay has accepted the request but not finished it"),
            200..=299 => match ring.verify(&self.signature, &self.body, now) {
                Ok(()) => Verdict::Believed,
                Err(fault) => self.disbelieved(fault),
            },
            400..=499 => self.judge_refusal(ring, now),
            500..=599 => match api_error(&self.body) {
                Some(error) => self.lost(&format!("WeChat Pay failed with {}", error.code)),
                None => self.lost("the server failed, and its answer is not API JSON"),
            },
            _ => self.lost("not an answer that the API gives"),
        }
    }

    /// A detail for people: what happened, with status and Request-ID.
    pub fn detail(&self, what: &str) -> String {
        let id = match &self.request_id {
            Some(id) => format!(", Request-ID {id}"),
            None => String::new(),
        };
        format!("{what} (HTTP {}{id})", self.status)
    }

    /// The box's clock minus the answer's `Date`, milliseconds.
    pub fn skew_ms(&self, now: Wall) -> Option<i64> {
        let date = http_date(self.date.as_deref()?)?;
        Some(now.0.saturating_sub(date.0))
    }

    fn judge_refusal(&self, ring: &KeyRing, now: Wall) -> Verdict {
        let Some(error) = api_error(&self.body) else {
            return self.lost("not API JSON: a proxy or portal may have answered");
        };
        if self.signature.claim_a_signature()
            && let Err(fault) = ring.verify(&self.signature, &self.body, now)
        {
            return self.disbelieved(fault);
        }
        if self.status == 429 {
            let retry_after_ms = self.retry_after_ms(now);
            return Verdict::Throttled { retry_after_ms };
        }
        Verdict::Refused(Refusal {
            status: self.status,
            code: error.code,
            message: error.message,
            proven: self.signature.claim_a_signature(),
        })
    }

    fn disbelieved(&self, fault: VerifyFault) -> Verdict {
        match fault {
            VerifyFault::UnknownSerial(serial) => Verdict::UnknownSerial(serial),
            fault => self.lost(&format!("the answer is not believed: {fault}")),
        }
    }

    fn lost(&self, what: &str) -> Verdict {
        Verdict::Lost(self.detail(what))
    }

    /// Seconds or an HTTP date; a date counts from the answer's own `Date`, where it has one.
    fn retry_after_ms(&self, now: Wall) -> Option<u64> {
        let text = self.retry_after.as_deref()?.trim();
        let ms = if let Ok(seconds) = text.parse::<u64>() {
            seconds.saturating_mul(1000)
        } else {
            let from = self.date.as_deref().and_then(http_date).unwrap_or(now);
            let wait_ms = http_date(text)?.0.saturating_sub(from.0);
            u64::try_from(wait_ms).unwrap_or(0)
        };
        Some(ms.min(MAX_RETRY_AFTER_MS))
    }
}

/// An untrusted text made fit for a log: no control characters, at most `max` long.
pub fn printable(text: &str, max: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(max).collect()
}

struct ApiError {
    code: String,
    message: String,
}

/// An error body of API v3: an object with a `code`.
fn api_error(body: &[u8]) -> Option<ApiError> {
    let value: Value = serde_json::from_slice(body).ok()?;
    let code = value.as_object()?.get("code")?.as_str()?;
    let well_formed = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-' || b == b'.';
    if code.is_empty() || code.len() > 64 || !code.bytes().all(well_formed) {
        return None;
    }
    Some(ApiError {
        code: code.to_owned(),
        message: message(&value),
    })
}

/// The message, and where WeChat names it, the field and what is wrong with it.
fn message(value: &Value) -> String {
    let text = |value: &Value| value.as_str().map(|text| printable(text, 256));
    let mut message = text(&value["message"]).unwrap_or_default();
    let detail = &value["detail"];
    let parts: Vec<_> = [&detail["field"], &detail["issue"]]
        .into_iter()
        .filter_map(text)
        .collect();
    if !parts.is_empty() {
        message.push_str(&format!(" ({})", parts.join(": ")));
    }
    message
}

fn http_date(text: &str) -> Option<Wall> {
    let parser = jiff::fmt::rfc2822::DateTimeParser::new();
    let timestamp = parser.parse_timestamp(text.trim()).ok()?;
    Some(Wall(timestamp.as_millisecond()))
}

#[cfg(test)]
#[path = "tests/reply.rs"]
mod tests;
