//! What can go wrong on the way to WeChat and back.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};

use super::message::Call;
use crate::sim::random::SplitMix64;

/// One thing that goes wrong with one request.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fault {
    /// Nothing: lets one request through ahead of what is queued behind it.
    Pass,
    /// The request never arrives, and nothing comes back.
    Silence,
    /// The answer takes so many milliseconds longer.
    Slow(u64),
    /// WeChat acts, and its answer is lost.
    AnswerLost,
    /// 500 without having acted.
    ErrorBefore,
    /// 500 after having acted.
    ErrorAfter,
    /// 429, and `Retry-After` in seconds where given.
    Throttled(Option<u64>),
    /// WeChat acts; the answer carries the signature of another text.
    WrongSignature,
    /// WeChat acts; the answer carries a `WECHATPAY/SIGNTEST/` probe (`wechat-pay.md` 1.4).
    ProbeSignature,
    /// WeChat acts; a 2xx without any `Wechatpay-*` header.
    Unsigned,
    /// A page of HTML with this status from a proxy or portal that kept the request for itself.
    ProxyPage(u16),
    /// WeChat acts; a well-signed answer about another plate, number or sum.
    WrongEcho,
    /// WeChat acts; a well-signed answer about another sub-merchant.
    OtherSubMerchant,
    /// WeChat acts; the answer names a key that nobody has.
    UnknownSerial,
    /// 401 `SIGN_ERROR` for a request that is in order.
    SignError,
    /// 403 `NO_AUTH` for a request that is in order.
    NoAuth,
}

/// The faults in force. A test queues single ones; the demo and long runs set rates.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Faults {
    /// Silence for everything, before all else.
    pub outage: bool,
    /// For the next requests of one call, in order; before [`Self::next`].
    pub next_on: BTreeMap<Call, VecDeque<Fault>>,
    /// For the next requests, in order.
    pub next: VecDeque<Fault>,
    /// For every request, until it is taken away.
    pub standing: Option<Fault>,
    /// For some requests.
    pub rates: Rates,
}

/// How many of 1000 requests meet each fault. Together at most 1000; what exceeds it never happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Rates {
    /// [`Fault::Silence`].
    pub silence: u16,
    /// [`Fault::Slow`], by up to three seconds.
    pub slow: u16,
    /// [`Fault::AnswerLost`].
    pub answer_lost: u16,
    /// [`Fault::ErrorBefore`].
    pub error_before: u16,
    /// [`Fault::ErrorAfter`].
    pub error_after: u16,
    /// [`Fault::Throttled`], for one to three seconds.
    pub throttled: u16,
    /// [`Fault::WrongSignature`].
    pub wrong_signature: u16,
    /// [`Fault::ProbeSignature`].
    pub probe_signature: u16,
    /// [`Fault::Unsigned`].
    pub unsigned: u16,
    /// [`Fault::ProxyPage`], with one of several statuses.
    pub proxy_page: u16,
    /// [`Fault::WrongEcho`].
    pub wrong_echo: u16,
    /// [`Fault::OtherSubMerchant`].
    pub other_sub_merchant: u16,
    /// [`Fault::UnknownSerial`].
    pub unknown_serial: u16,
    /// [`Fault::SignError`].
    pub sign_error: u16,
    /// [`Fault::NoAuth`].
    pub no_auth: u16,
}

/// How long a randomly slow answer takes at most, milliseconds.
const SLOW_AT_MOST_MS: u64 = 3_000;
/// What a proxy or portal answers with.
const PROXY_STATUSES: [u16; 5] = [200, 403, 404, 502, 504];

impl Faults {
    /// Queues `fault` for the next request of `call`.
    pub fn push_on(&mut self, call: Call, fault: Fault) {
        self.next_on.entry(call).or_default().push_back(fault);
    }

    /// The fault of a request of `call`.
    pub(super) fn draw(&mut self, call: Call, random: &mut SplitMix64) -> Option<Fault> {
        if self.outage {
            return Some(Fault::Silence);
        }
        let queued = self
            .next_on
            .get_mut(&call)
            .and_then(VecDeque::pop_front)
            .or_else(|| self.next.pop_front());
        match queued.or_else(|| self.standing.clone()) {
            Some(Fault::Pass) => None,
            Some(fault) => Some(fault),
            None => self.rates.draw(random),
        }
    }
}

impl Rates {
    fn draw(&self, random: &mut SplitMix64) -> Option<Fault> {
        if *self == Self::default() {
            return None;
        }
        let shares = [
            (self.silence, Fault::Silence),
            (self.slow, Fault::Slow(1 + random.below(SLOW_AT_MOST_MS))),
            (self.answer_lost, Fault::AnswerLost),
            (self.error_before, Fault::ErrorBefore),
            (self.error_after, Fault::ErrorAfter),
            (self.throttled, Fault::Throttled(Some(1 + random.below(3)))),
            (self.wrong_signature, Fault::WrongSignature),
            (self.probe_signature, Fault::ProbeSignature),
            (self.unsigned, Fault::Unsigned),
            (
                self.proxy_page,
                Fault::ProxyPage(*random.pick(&PROXY_STATUSES).unwrap_or(&502)),
            ),
            (self.wrong_echo, Fault::WrongEcho),
            (self.other_sub_merchant, Fault::OtherSubMerchant),
            (self.unknown_serial, Fault::UnknownSerial),
            (self.sign_error, Fault::SignError),
            (self.no_auth, Fault::NoAuth),
        ];
        let mut drawn = random.below(1000);
        for (permille, fault) in shares {
            match drawn.checked_sub(u64::from(permille)) {
                Some(rest) => drawn = rest,
                None => return Some(fault),
            }
        }
        None
    }
}
