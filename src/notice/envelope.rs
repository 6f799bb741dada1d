//! The envelope of a notice, and its opening: by whose key it is signed, within which time, and what its
//! sealed part says (`wechat-pay.md` 1.4, 1.8, 3.1). Pure.

use serde::Deserialize;

use super::native::{NativeNotice, is_native};
use super::{EntryNotice, Notice, Opened, OrderEvent, OrderNotice, RefundNotice};
use crate::lane::time::Wall;
use crate::wechat::parking::{self, ParseFault};
use crate::wechat::printable;
use crate::wechat::seal::{ApiV3Keys, SealFault, Sealed};
use crate::wechat::trust::{KeyRing, SignatureHeaders, VerifyFault};

/// Longest `id` and `event_type` that are taken: WeChat promises 36 and 32.
const LONGEST_WORD: usize = 64;

/// Why a notice says nothing.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NoticeFault {
    /// It proves nothing: forged, replayed, probed, or a key is missing here.
    #[error("{0}")]
    NotBelieved(#[from] VerifyFault),
    /// Signed by WeChat, and no envelope.
    #[error("it is signed, and is no notice: {0}")]
    NoEnvelope(&'static str),
    /// Signed by WeChat, and its sealed part stays closed.
    #[error("{0}")]
    Sealed(#[from] SealFault),
    /// Signed and opened, and does not say what it must.
    #[error("a {event} notice does not say what it must: {why}")]
    Unreadable {
        /// Its event.
        event: String,
        /// What is wrong.
        why: ParseFault,
    },
}

#[derive(Deserialize)]
struct Envelope {
    id: String,
    event_type: String,
    resource: Sealed,
}

/// Opens a notice: `raw` are the body's bytes as they were received, `at` when that was, by a clock that
/// is trusted.
///
/// # Errors
/// The signature comes first: nothing of an unsigned notice is looked at.
pub fn open(
    ring: &KeyRing,
    keys: &ApiV3Keys,
    headers: &SignatureHeaders,
    raw: &[u8],
    at: Wall,
) -> Result<Opened, NoticeFault> {
    ring.verify(headers, raw, at)?;
    unsealed(keys, raw)
}

/// Opens a notice whose signature fitted.
///
/// # Errors
/// When it is none, or says nothing that can be read.
pub fn unsealed(keys: &ApiV3Keys, raw: &[u8]) -> Result<Opened, NoticeFault> {
    let envelope: Envelope = serde_json::from_slice(raw)
        .map_err(|_| NoticeFault::NoEnvelope("id, event_type or resource are missing"))?;
    let Envelope {
        id,
        event_type,
        resource,
    } = envelope;
    if !is_word(&id) || !is_word(&event_type) {
        return Err(NoticeFault::NoEnvelope("its id or event_type is no word"));
    }
    let Some(content) = content(&event_type) else {
        let event_type = printable(&event_type, LONGEST_WORD);
        let notice = Notice::Other { event_type };
        return Ok(Opened { id, notice });
    };
    let opened = keys.open(&resource)?;
    let notice = content.read(&opened);
    let notice = notice.map_err(|why| NoticeFault::Unreadable {
        event: event_type,
        why,
    })?;
    Ok(Opened { id, notice })
}

enum Content {
    Entry,
    Transaction(OrderEvent),
    Refund,
}

/// None for what is none of parkgate's: the sealed part may be anything then.
fn content(event_type: &str) -> Option<Content> {
    Some(match event_type {
        "VEHICLE.ENTRANCE_STATE_CHANGE" => Content::Entry,
        "TRANSACTION.SUCCESS" => Content::Transaction(OrderEvent::Success),
        "TRANSACTION.FAIL" => Content::Transaction(OrderEvent::Fail),
        "TRANSACTION.PAY_BACK" => Content::Transaction(OrderEvent::PayBack),
        "REFUND.SUCCESS" | "REFUND.ABNORMAL" | "REFUND.CLOSED" => Content::Refund,
        _ => return None,
    })
}

impl Content {
    fn read(&self, opened: &[u8]) -> Result<Notice, ParseFault> {
        match self {
            Self::Entry => EntryNotice::read(opened).map(Notice::Entry),
            Self::Refund => RefundNotice::read(opened).map(Notice::Refund),
            Self::Transaction(_) if is_native(&parking::object(opened)?) => {
                NativeNotice::read(opened).map(Notice::Native)
            }
            Self::Transaction(event) => {
                let order = OrderNotice::read(*event, opened)?;
                Ok(Notice::Order(Box::new(order)))
            }
        }
    }
}

fn is_word(text: &str) -> bool {
    (1..=LONGEST_WORD).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic())
}
