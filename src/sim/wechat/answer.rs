//! From what was decided to what goes over the wire: headers, quirks, and the seal.

use std::sync::Arc;

use serde_json::{Value, json};

use super::Simulator;
use super::faults::Fault;
use super::message::{Answer, Call, Exchange, Request};
use super::refusal::Refusal;
use super::seal::Seal;
use super::settings::TrustMode;
use super::time;
use crate::lane::time::Wall;
use crate::sim::random::SplitMix64;

/// What a request comes to, before it is dressed as HTTP.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Reply {
    status: u16,
    content: Content,
    /// Tail of `Request-ID`.
    internal: u32,
    retry_after_s: Option<u64>,
}

#[derive(Clone, Debug, PartialEq)]
enum Content {
    Json(Value),
    Empty,
    /// A bill: no JSON, and signed by nobody.
    File(Vec<u8>),
    /// From something in between that is not WeChat.
    Page(&'static str),
}

const PROXY_PAGE: &str = "<html><head><title>Network notice</title></head>\
    <body><h1>This page comes from a proxy on the way</h1></body></html>";
const PROBE: &str = "WECHATPAY/SIGNTEST/";
/// Of no key at all.
const UNKNOWN_SERIAL: &str = "7F00000000000000000000000000000000000009";

/// A decided exchange whose signature is still to be made.
pub struct Decision {
    unsealed: Option<Unsealed>,
    delay_ms: u64,
    call: Call,
    fault: Option<Fault>,
}

struct Unsealed {
    answer: Answer,
    stamp: Option<Stamp>,
    seal: Arc<Seal>,
}

/// What the signature covers beside the body, and how it shall come out.
struct Stamp {
    serial: String,
    timestamp: String,
    nonce: String,
    flaw: Flaw,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Flaw {
    None,
    OtherText,
    Probe,
    UnknownSerial,
}

/// The three lines that an answer's signature covers.
pub(super) fn signed_text(timestamp: &str, nonce: &str, body: &[u8]) -> Vec<u8> {
    let mut text = format!("{timestamp}\n{nonce}\n").into_bytes();
    text.extend_from_slice(body);
    text.push(b'\n');
    text
}

impl Decision {
    /// Makes the signature; the slow part, and it needs no simulator.
    pub fn seal(self) -> Exchange {
        Exchange {
            answer: self.unsealed.map(Unsealed::seal),
            delay_ms: self.delay_ms,
            call: self.call,
            fault: self.fault,
        }
    }
}

impl Unsealed {
    fn seal(mut self) -> Answer {
        if let Some(stamp) = self.stamp {
            stamp.put_on(&mut self.answer, &self.seal);
        }
        self.answer
    }
}

impl Stamp {
    /// Leaves the answer unsigned if the settings name a key that is not there.
    fn put_on(self, answer: &mut Answer, seal: &Seal) {
        let mut text = signed_text(&self.timestamp, &self.nonce, &answer.body);
        if self.flaw == Flaw::OtherText {
            text.extend_from_slice(b"of another text");
        }
        let Some(mut signature) = seal.sign_answer(&self.serial, &text) else {
            return;
        };
        if self.flaw == Flaw::Probe {
            let rest = signature.get(PROBE.len()..).unwrap_or_default();
            signature = format!("{PROBE}{rest}");
        }
        let named = match self.flaw {
            Flaw::UnknownSerial => UNKNOWN_SERIAL.to_owned(),
            _ => self.serial,
        };
        answer.headers.extend(
            [
                ("Wechatpay-Timestamp", self.timestamp),
                ("Wechatpay-Nonce", self.nonce),
                ("Wechatpay-Signature", signature),
                ("Wechatpay-Serial", named),
                (
                    "Wechatpay-Signature-Type",
                    "WECHATPAY2-SHA256-RSA2048".into(),
                ),
            ]
            .map(|(name, value)| (name.to_owned(), value)),
        );
    }
}

impl Reply {
    /// 200 with a body.
    pub fn ok(body: Value) -> Self {
        Self {
            status: 200,
            content: Content::Json(body),
            internal: 0,
            retry_after_s: None,
        }
    }

    /// 204: done, and nothing to say.
    pub fn empty() -> Self {
        Self {
            status: 204,
            content: Content::Empty,
            internal: 0,
            retry_after_s: None,
        }
    }

    /// 200 with a file.
    pub fn file(bytes: Vec<u8>) -> Self {
        Self {
            status: 200,
            content: Content::File(bytes),
            internal: 0,
            retry_after_s: None,
        }
    }

    /// 429.
    pub fn throttled(after_s: Option<u64>) -> Self {
        Self {
            retry_after_s: after_s,
            ..Self::from(Refusal::throttled())
        }
    }

    /// HTML from something in between.
    pub fn proxy_page(status: u16) -> Self {
        Self {
            status,
            content: Content::Page(PROXY_PAGE),
            internal: 0,
            retry_after_s: None,
        }
    }

    /// Changes one of the things that a client must compare with what it asked for.
    pub fn echo_wrongly(&mut self, random: &mut SplitMix64) {
        const ECHOES: [&str; 8] = [
            "/out_trade_no",
            "/out_refund_no",
            "/amount/refund",
            "/amount/total",
            "/parking_info/plate_number",
            "/parking_info/parking_id",
            "/plate_number",
            "/out_parking_no",
        ];
        let Content::Json(body) = &mut self.content else {
            return;
        };
        let present: Vec<&str> = ECHOES
            .into_iter()
            .filter(|pointer| body.pointer(pointer).is_some())
            .collect();
        let Some(value) = random
            .pick(&present)
            .and_then(|pointer| body.pointer_mut(pointer))
        else {
            return;
        };
        *value = match &*value {
            Value::String(text) => json!(with_other_end(text)),
            other => json!(other.as_u64().unwrap_or_default().saturating_add(100)),
        };
    }

    /// As if it were the answer to somebody else who uses the same number.
    pub fn name_another_sub_merchant(&mut self) {
        if let Content::Json(Value::Object(body)) = &mut self.content
            && (200..300).contains(&self.status)
        {
            let named = body.get("sub_mchid").and_then(Value::as_str);
            let other = with_other_end(named.unwrap_or("1900000109"));
            body.insert("sub_mchid".to_owned(), other.into());
        }
    }

    fn is_success(&self) -> bool {
        (200..300).contains(&self.status)
    }
}

impl From<Refusal> for Reply {
    fn from(refusal: Refusal) -> Self {
        Self {
            status: refusal.status,
            content: Content::Json(refusal.body()),
            internal: refusal.internal,
            retry_after_s: None,
        }
    }
}

impl Simulator {
    /// Dresses a reply as HTTP and decides how it is to be signed.
    pub(super) fn prepare(
        &mut self,
        request: &Request,
        call: Call,
        fault: Option<Fault>,
        reply: Option<Reply>,
        now: Wall,
    ) -> Decision {
        let slower_ms = match fault {
            Some(Fault::Slow(ms)) => ms,
            _ => 0,
        };
        Decision {
            unsealed: reply.map(|reply| self.dress(request, fault.as_ref(), reply, now)),
            delay_ms: self.settings.latency_ms.saturating_add(slower_ms),
            call,
            fault,
        }
    }

    fn dress(
        &mut self,
        request: &Request,
        fault: Option<&Fault>,
        reply: Reply,
        now: Wall,
    ) -> Unsealed {
        let flaw = match fault {
            Some(Fault::WrongSignature) => Some(Flaw::OtherText),
            Some(Fault::ProbeSignature) => Some(Flaw::Probe),
            Some(Fault::UnknownSerial) => Some(Flaw::UnknownSerial),
            Some(Fault::Unsigned | Fault::ProxyPage(_)) => None,
            _ => Some(Flaw::None),
        };
        let is_file = matches!(reply.content, Content::File(_));
        let signs = !is_file && (reply.is_success() || self.settings.switches.sign_errors);
        let stamp = flaw.filter(|_| signs).map(|flaw| Stamp {
            serial: self.signing_serial(request),
            timestamp: time::seconds(now).to_string(),
            nonce: self.nonces.hex(32),
            flaw,
        });
        let mut headers = vec![("Date".to_owned(), time::http_date(now))];
        let mut header = |name: &str, value: String| headers.push((name.into(), value));
        if let Some(seconds) = reply.retry_after_s {
            header("Retry-After", seconds.to_string());
        }
        let success = reply.is_success();
        let body = match reply.content {
            Content::Page(html) => {
                header("Content-Type", "text/html".into());
                if (300..400).contains(&reply.status) {
                    header("Location", "http://portal.invalid/login".into());
                }
                html.as_bytes().to_vec()
            }
            Content::Empty => {
                header("Request-ID", request_id(&mut self.nonces, reply.internal));
                Vec::new()
            }
            Content::File(bytes) => {
                header("Content-Type", "application/octet-stream".into());
                bytes
            }
            Content::Json(mut body) => {
                header("Request-ID", request_id(&mut self.nonces, reply.internal));
                header("Content-Type", "application/json; charset=utf-8".into());
                if success {
                    self.add_unknown_keys(&mut body);
                }
                body.to_string().into_bytes()
            }
        };
        Unsealed {
            answer: Answer {
                status: reply.status,
                headers,
                body,
            },
            stamp,
            seal: self.settings.seal.clone(),
        }
    }

    fn signing_serial(&mut self, request: &Request) -> String {
        let trust = &self.settings.trust;
        let named = request.header("Wechatpay-Serial") == Some(&trust.public_key_id);
        let by_public_key = match trust.mode {
            TrustMode::Certificates => false,
            TrustMode::PublicKey => true,
            TrustMode::Both => named,
            TrustMode::Mixed => self.nonces.chance(500),
        };
        if by_public_key {
            trust.public_key_id.clone()
        } else {
            self.nonces
                .pick(&trust.signing)
                .cloned()
                .unwrap_or_default()
        }
    }

    /// Answers may gain keys at any time; clients have to ignore what they do not know.
    fn add_unknown_keys(&mut self, body: &mut Value) {
        let permille = self.settings.switches.extra_keys_permille;
        if self.whims.chance(permille)
            && let Some(keys) = body.as_object_mut()
        {
            keys.insert(
                format!("x_{}", self.whims.hex(6)),
                json!({ "new": [1, null] }),
            );
        }
    }
}

fn request_id(nonces: &mut SplitMix64, internal: u32) -> String {
    let id = nonces.hex(40).to_ascii_uppercase();
    format!("{id}-{internal}")
}

/// The text with its last character changed.
fn with_other_end(text: &str) -> String {
    let mut chars: Vec<char> = text.chars().collect();
    let last = chars.pop();
    chars.push(if last == Some('8') { '9' } else { '8' });
    chars.into_iter().collect()
}
