//! WeChat Pay: one signed request, one verified answer.
//!
//! What an answer proves is decided in `reply`, by whom it is signed in [`trust`], where it comes
//! from in `transport`. Nothing here remembers a charge or repeats one: that is the queue's.

pub mod bill;
mod certificate;
pub(crate) mod certificates;
pub mod code;
mod complaint;
pub mod enrolment;
mod hosts;
pub mod native;
pub(crate) mod parking;
pub(crate) mod pem;
pub mod refund;
mod reply;
pub mod seal;
mod secret;
mod settings;
pub mod sign;
mod transport;
pub mod trust;

use std::sync::{Arc, Mutex};
use std::time::Duration;

use reqwest::Method;
use reqwest::header::{self, HeaderMap, HeaderValue};
use tokio::time::{Instant, timeout_at};
use tracing::{debug, info, warn};

use crate::charges::answer::{
    Answer, CodeUrl, Heard, NativeSeen, ParkingEntry, Refusal, Transaction,
};
use crate::clock::Clock;
use crate::lane::time::{Moment, Now, Wall};
use crate::store::sha256;

use self::certificates::{Opened, Schedule, open_list};
use self::complaint::{Complaints, Look};
use self::enrolment::{Asker, Enrolment, Wanted};
use self::native::Payee;
use self::parking::ParseFault;
use self::reply::{Reply, Verdict};
use self::seal::ApiV3Keys;
use self::sign::{Credentials, Freshness};
use self::transport::{Delivery, SignedRequest, Transport};
use self::trust::{KeyRing, is_public_key_id};

pub use self::certificate::{Certificate, RsaPublicKey};
pub use self::certificates::ListFault;
pub use self::complaint::Complaint;
pub use self::hosts::HostFault;
pub use self::pem::PemFault;
pub use self::reply::printable;
pub use self::secret::Secret;
pub use self::settings::{
    MerchantCertificate, MerchantKey, PublicKey, Settings, SetupError, USER_AGENT, tls,
};
pub use self::transport::{Patience, WiringFault};

const MAX_ANSWER: usize = 64 * 1024;
const MAX_CERTIFICATES: usize = 256 * 1024;
const MAX_TOTAL: Duration = Duration::from_secs(3600);

/// A merchant's connection to WeChat Pay. Cheap to clone; clones share connections and keys.
#[derive(Clone)]
pub struct Client(Arc<Inner>);

struct Inner {
    credentials: Credentials,
    certificate_ends: Option<Wall>,
    /// Of everything that [`Client::has_keys_of`] compares.
    keys_digest: sha256::Hash,
    user_agent: HeaderValue,
    api_v3_keys: ApiV3Keys,
    ring: KeyRing,
    platform_certificates: bool,
    believe_unsigned_errors: bool,
    schedule: Mutex<Schedule>,
    complaints: Complaints,
    /// Held while the list of certificates is fetched.
    refreshing: tokio::sync::Mutex<()>,
    transport: Transport,
    clock: Clock,
}

/// What a look for platform certificates brought.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refreshed {
    /// The ring holds what WeChat Pay lists now.
    Listed {
        /// How many certificates.
        held: usize,
        /// The ring is another one than before, and worth caching.
        changed: bool,
    },
    /// This merchant has no platform certificates, only a public key. No fault.
    NoneOffered,
}

/// Why a look for platform certificates brought nothing. The ring is as it was.
#[derive(Debug, thiserror::Error)]
pub enum RefreshFault {
    /// Configured so.
    #[error("platform certificates are turned off (platform_certificates = false)")]
    TurnedOff,
    /// No answer.
    #[error("WeChat Pay is not reached: {0}")]
    NotReached(String),
    /// WeChat Pay says no.
    #[error("WeChat Pay refuses the list of platform certificates with {} (HTTP {})", .0.code, .0.status)]
    Refused(Refusal),
    /// Asked too often.
    #[error("WeChat Pay asks to come back later for the list of platform certificates")]
    Throttled,
    /// The answer proves nothing.
    #[error("the list of platform certificates is not believed: {0}")]
    NotBelieved(String),
    /// The answer names a key that is not held.
    #[error("the list of platform certificates is not believed: {told}")]
    SignedByUnknown {
        /// As `Wechatpay-Serial` names it.
        serial: String,
        /// What was answered, for people.
        told: String,
    },
    /// The list is of no use.
    #[error("the list of platform certificates is of no use")]
    Unusable(#[source] ListFault),
}

/// A request before it is signed.
struct Call<'a> {
    method: Method,
    target: &'a str,
    body: &'a str,
    max_answer: usize,
}

/// What became of a request, and until when the call may still look for a key.
struct Sent {
    delivery: Delivery,
    deadline: Instant,
}

impl Client {
    /// Checks the settings and gets ready; asks WeChat Pay nothing.
    pub fn new(settings: Settings, clock: Clock) -> Result<Self, SetupError> {
        let keys_digest = settings.keys_digest();
        let checked = settings.check()?;
        let transport = Transport::new(checked.hosts, checked.wiring, clock.clone());
        Ok(Self(Arc::new(Inner {
            credentials: checked.credentials,
            certificate_ends: checked.certificate_ends,
            keys_digest,
            user_agent: checked.user_agent,
            api_v3_keys: checked.api_v3_keys,
            ring: checked.ring,
            platform_certificates: checked.platform_certificates,
            believe_unsigned_errors: checked.believe_unsigned_errors,
            schedule: Mutex::new(Schedule::new(clock.now().moment)),
            complaints: Complaints::default(),
            refreshing: tokio::sync::Mutex::new(()),
            transport: transport.map_err(SetupError::Wiring)?,
            clock,
        })))
    }

    /// *Create entry* (`wechat-pay.md` 2.2). `body` is sent byte for byte.
    pub async fn create_entry(&self, body: &str, patience: Patience) -> Heard<ParkingEntry> {
        let call = Call::post(parking::ENTRIES, body);
        self.call(call, patience, parking::parking_entry).await
    }

    /// *Charge* (2.3). `body` is sent byte for byte.
    pub async fn charge(&self, body: &str, patience: Patience) -> Heard<Transaction> {
        let call = Call::post(parking::CHARGES, body);
        self.call(call, patience, parking::transaction).await
    }

    /// *Query order* (2.4); in partner mode with the sub-merchant whose order it is.
    pub async fn query(
        &self,
        out_trade_no: &str,
        sub_mchid: Option<&str>,
        patience: Patience,
    ) -> Heard<Transaction> {
        let Some(target) = parking::order(out_trade_no, sub_mchid) else {
            let fault = match sub_mchid {
                None => format!("{out_trade_no:?} cannot be an order number"),
                Some(sub) => format!("{out_trade_no:?} of {sub:?} cannot be an order"),
            };
            return unanswered(Answer::NotSent(fault));
        };
        let call = Call::get(&target);
        self.call(call, patience, parking::transaction).await
    }

    /// Whether a driver opened the service for a plate (2.1). Changes nothing.
    pub async fn find(
        &self,
        wanted: &Wanted,
        asker: &Asker,
        patience: Patience,
    ) -> Heard<Enrolment> {
        let target = wanted.target(asker);
        let mut heard = self
            .call(Call::get(&target), patience, enrolment::enrolment)
            .await;
        if let Answer::Verified(found) = &heard.answer
            && !wanted.is_meant_by(found)
        {
            let why = "the answer speaks of another plate or driver, and is not believed";
            heard.answer = Answer::Lost(why.to_owned());
        }
        heard
    }

    /// *Create Native order* (6.1). `body` is sent byte for byte.
    pub async fn create_native(
        &self,
        payee: &Payee,
        body: &str,
        patience: Patience,
    ) -> Heard<CodeUrl> {
        let target = payee.create();
        let call = Call::post(&target, body);
        self.call(call, patience, native::code_url).await
    }

    /// *Query Native order* (6.2), by our number. An answer about another order is not believed.
    pub async fn query_native(
        &self,
        payee: &Payee,
        out_trade_no: &str,
        patience: Patience,
    ) -> Heard<NativeSeen> {
        let Some(target) = payee.query(out_trade_no) else {
            return unanswered(no_native_order(out_trade_no));
        };
        let call = Call::get(&target);
        let mut heard = self.call(call, patience, native::seen).await;
        if let Answer::Verified(order) = &heard.answer
            && order.out_trade_no != out_trade_no
        {
            let why = "the answer speaks of another order, and is not believed";
            heard.answer = Answer::Lost(why.to_owned());
        }
        heard
    }

    /// *Close Native order* (6.2). May be repeated; a paid one is refused.
    pub async fn close_native(
        &self,
        payee: &Payee,
        out_trade_no: &str,
        patience: Patience,
    ) -> Heard<()> {
        let Some((target, body)) = payee.close(out_trade_no) else {
            return unanswered(no_native_order(out_trade_no));
        };
        let call = Call::post(&target, &body);
        self.call(call, patience, native::closed).await
    }

    /// Asks for the platform certificates now (1.6).
    pub async fn refresh_certificates(&self) -> Result<Refreshed, RefreshFault> {
        let _alone = self.0.refreshing.lock().await;
        self.refresh().await
    }

    /// When [`refresh_certificates`](Self::refresh_certificates) is due next; None if never.
    pub fn refresh_due(&self) -> Option<Moment> {
        self.0
            .platform_certificates
            .then(|| self.schedule(|schedule| schedule.due()))
    }

    /// What is wrong with WeChat Pay's keys now.
    pub fn complaints(&self) -> Vec<Complaint> {
        let (ring, fetches) = (&self.0.ring, self.0.platform_certificates);
        self.0
            .complaints
            .standing(ring, fetches, self.0.clock.now())
    }

    /// Waits until there may be another [complaint](Self::complaints), or one less.
    pub async fn complained(&self) {
        self.0.complaints.changed().await;
    }

    /// WeChat Pay's keys: to verify callbacks with, and to be cached over restarts.
    pub fn key_ring(&self) -> &KeyRing {
        &self.0.ring
    }

    /// The APIv3 keys, to open callbacks with.
    pub fn api_v3_keys(&self) -> &ApiV3Keys {
        &self.0.api_v3_keys
    }

    /// Whether both were made of the same keys, the merchant's and those that WeChat Pay is believed by.
    pub fn has_keys_of(&self, other: &Self) -> bool {
        self.0.keys_digest == other.0.keys_digest
    }

    /// Serial of the merchant's certificate, whose key signs.
    pub fn serial(&self) -> &str {
        &self.0.credentials.serial
    }

    /// When the merchant's own certificate ends; None if only its serial is known.
    pub fn certificate_ends(&self) -> Option<Wall> {
        self.0.certificate_ends
    }

    async fn call<T>(
        &self,
        call: Call<'_>,
        patience: Patience,
        parse: fn(&[u8]) -> Result<T, ParseFault>,
    ) -> Heard<T> {
        let sent = self.send(&call, patience).await;
        let (reply, doubled) = match sent.delivery {
            Delivery::Answered { reply, doubled } => (reply, doubled),
            Delivery::NotSent(text) => return unanswered(Answer::NotSent(text)),
            Delivery::Lost(text) => return unanswered(Answer::Lost(text)),
        };
        let skew_ms = reply.skew_ms(self.0.clock.now().wall);
        let verdict = self.judge(&reply, sent.deadline).await;
        let unclear = doubled && call.changes_something();
        let answer = match verdict {
            Verdict::Believed => match parse(&reply.body) {
                Ok(value) => Answer::Verified(value),
                Err(fault) => Answer::Lost(reply.detail(&fault.to_string())),
            },
            // The other host may have accepted what this one refuses for having been accepted.
            Verdict::Refused(refusal) if unclear => Answer::Lost(reply.detail(&format!(
                "refused with {} at one host, while another may have accepted",
                refusal.code
            ))),
            Verdict::Throttled { .. } if unclear => {
                Answer::Lost(reply.detail("put off by one host, while another may have accepted"))
            }
            Verdict::Refused(refusal) => Answer::Refused(self.weighed(refusal, &reply)),
            Verdict::Throttled { retry_after_ms } => Answer::Throttled { retry_after_ms },
            Verdict::Lost(text) => Answer::Lost(text),
            Verdict::UnknownSerial(serial) => {
                let now = self.0.clock.now().moment;
                self.0.complaints.unknown_key(&serial, now);
                Answer::Lost(reply.detail(&format!(
                    "the answer is signed with key {serial}, which is not known here"
                )))
            }
        };
        Heard {
            answer,
            request_id: reply.request_id,
            skew_ms,
        }
    }

    /// Signs and carries one request. The time that a request of the background waits for its place on
    /// the wire is not counted: whoever has the place gives it up within its own time.
    async fn send(&self, call: &Call<'_>, patience: Patience) -> Sent {
        let total = patience.total().min(MAX_TOTAL);
        let sign_by = Instant::now() + total;
        let not_sent = |why: String| Sent {
            delivery: Delivery::NotSent(why),
            deadline: sign_by,
        };
        let now = self.0.clock.now();
        if !now.trusted {
            return not_sent(
                "the clock is not trusted, so nothing is signed: see that NTP runs and reaches its server"
                    .to_owned(),
            );
        }
        let request = match timeout_at(sign_by, self.signed(call, now)).await {
            Ok(Ok(request)) => request,
            Ok(Err(fault)) => return not_sent(fault.to_string()),
            Err(_) => {
                return not_sent("the merchant key's signer did not answer in time".to_owned());
            }
        };
        let place = match self.0.transport.place(patience).await {
            Ok(place) => place,
            Err(why) => return not_sent(why.to_owned()),
        };
        let deadline = match &place {
            Some(_) => Instant::now() + total,
            None => sign_by,
        };
        let leaves = self.0.clock.now().moment;
        let delivery = self.0.transport.deliver(&request, patience, deadline).await;
        drop(place);
        let ms = self.0.clock.now().moment.since_ms(leaves);
        let (method, path) = (&request.method, call.path());
        match &delivery {
            Delivery::Answered { reply, .. } => {
                let (status, request_id) = (reply.status, reply.request_id.as_deref());
                debug!(%method, path, status, request_id, ms, "WeChat Pay answered");
            }
            Delivery::NotSent(reason) => debug!(%method, path, reason, ms, "not sent"),
            Delivery::Lost(reason) => debug!(%method, path, reason, ms, "no answer"),
        }
        Sent { delivery, deadline }
    }

    async fn signed(&self, call: &Call<'_>, now: Now) -> Result<SignedRequest, sign::SignError> {
        let fresh = Freshness::new(now.wall.0.div_euclid(1000))?;
        let credentials = &self.0.credentials;
        let authorization = credentials
            .authorize(call.method.as_str(), call.target, call.body, &fresh)
            .await?;
        let unfit = |_| sign::SignError::Signer("it gave no base64".to_owned());
        let mut headers = HeaderMap::new();
        let mut authorization = HeaderValue::from_str(&authorization).map_err(unfit)?;
        authorization.set_sensitive(true);
        headers.insert(header::AUTHORIZATION, authorization);
        headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
        headers.insert(header::USER_AGENT, self.0.user_agent.clone());
        if !call.body.is_empty() {
            headers.insert(
                header::CONTENT_TYPE,
                HeaderValue::from_static("application/json"),
            );
        }
        let serial = self.0.ring.preferred(now.wall);
        if let Some(serial) = serial.and_then(|id| HeaderValue::from_str(&id).ok()) {
            headers.insert("wechatpay-serial", serial);
        }
        Ok(SignedRequest {
            method: call.method.clone(),
            target: call.target.to_owned(),
            headers,
            body: call.body.to_owned(),
            max_answer: call.max_answer,
        })
    }

    /// A refusal that nobody signed proves something only where the operator says so.
    fn weighed(&self, refusal: Refusal, reply: &Reply) -> Refusal {
        if !refusal.proven {
            debug!(
                "{}",
                reply.detail(&format!("{} came unsigned", refusal.code))
            );
        }
        Refusal {
            proven: refusal.proven || self.0.believe_unsigned_errors,
            ..refusal
        }
    }

    /// Judges the answer; where its key is unknown, looks for it once.
    async fn judge(&self, reply: &Reply, deadline: Instant) -> Verdict {
        let judged = || reply.judge(&self.0.ring, self.0.clock.now().wall);
        match judged() {
            Verdict::UnknownSerial(serial) => {
                self.look_for(serial, deadline).await;
                judged()
            }
            verdict => verdict,
        }
    }

    /// Fetches the certificates if that may bring this serial. The look goes on when the call's
    /// time is over: the next one needs it too.
    pub(crate) async fn look_for(&self, serial: String, deadline: Instant) {
        if !self.0.platform_certificates || is_public_key_id(&serial) {
            return;
        }
        let client = self.clone();
        let look = tokio::spawn(async move {
            let _alone = client.0.refreshing.lock().await;
            let now = client.0.clock.now().moment;
            let known = client.0.ring.knows(&serial);
            if known || !client.schedule(|schedule| schedule.ask_for_unknown(now)) {
                return;
            }
            info!(serial, "an unknown key signed a message: looking for it");
            if let Err(fault) = client.refresh().await {
                warn!(
                    fault = &fault as &dyn std::error::Error,
                    "platform certificates cannot be refreshed"
                );
            }
        });
        // Too late or done, the ring says what came of it.
        let _ = timeout_at(deadline, look).await;
    }

    /// The caller holds `refreshing`.
    async fn refresh(&self) -> Result<Refreshed, RefreshFault> {
        if !self.0.platform_certificates {
            return Err(RefreshFault::TurnedOff);
        }
        let result = self.fetch_certificates().await;
        let now = self.0.clock.now().moment;
        self.schedule(|schedule| match &result {
            Ok(_) => schedule.succeeded(now, getrandom::u64().unwrap_or(0)),
            Err(_) => schedule.failed(now),
        });
        self.0.complaints.looked(&result);
        result.map(|look| look.came_to)
    }

    async fn fetch_certificates(&self) -> Result<Look, RefreshFault> {
        let call = Call {
            max_answer: MAX_CERTIFICATES,
            ..Call::get(certificates::PATH)
        };
        let sent = self.send(&call, Patience::Background).await;
        let reply = match sent.delivery {
            Delivery::Answered { reply, .. } => reply,
            Delivery::NotSent(text) | Delivery::Lost(text) => {
                return Err(RefreshFault::NotReached(text));
            }
        };
        let wall = self.0.clock.now().wall;
        let opened = match reply.status {
            200..=299 => open_list(&reply.body, &self.0.api_v3_keys, wall),
            _ => Ok(Opened::default()),
        };
        let listed = opened.as_ref().map(|opened| &*opened.certificates);
        let ring = self.0.ring.with(listed.unwrap_or_default());
        match (reply.judge(&ring, wall), opened) {
            (Verdict::Believed, Ok(opened)) => {
                let mut listed = opened.certificates;
                // What is held is better than what cannot be read of the same serial.
                let left_out: Vec<String> =
                    opened.left_out.iter().map(|(it, _)| it.clone()).collect();
                listed.extend(self.0.ring.held(&left_out));
                let held = listed.len();
                let changed = self.0.ring.replace_certificates(listed);
                self.0.ring.listed(wall);
                if changed {
                    info!(serials = ?self.0.ring.serials(), "platform certificates changed");
                }
                Ok(Look {
                    came_to: Refreshed::Listed { held, changed },
                    left_out: opened.left_out,
                })
            }
            (Verdict::Believed | Verdict::UnknownSerial(_), Err(fault)) => {
                Err(RefreshFault::Unusable(fault))
            }
            (Verdict::UnknownSerial(serial), Ok(_)) => {
                let told = reply.detail(&format!("it is signed with unknown key {serial}"));
                Err(RefreshFault::SignedByUnknown { serial, told })
            }
            (Verdict::Refused(refusal), _) if refusal.status == 404 => Ok(Look {
                came_to: Refreshed::NoneOffered,
                left_out: Vec::new(),
            }),
            (Verdict::Refused(refusal), _) => Err(RefreshFault::Refused(refusal)),
            (Verdict::Throttled { .. }, _) => Err(RefreshFault::Throttled),
            (Verdict::Lost(text), _) if (200..300).contains(&reply.status) => {
                Err(RefreshFault::NotBelieved(text))
            }
            (Verdict::Lost(text), _) => Err(RefreshFault::NotReached(text)),
        }
    }

    fn schedule<T>(&self, change: impl FnOnce(&mut Schedule) -> T) -> T {
        change(&mut self.0.schedule.lock().expect("no holder panics"))
    }
}

impl<'a> Call<'a> {
    fn get(target: &'a str) -> Self {
        Self {
            method: Method::GET,
            target,
            body: "",
            max_answer: MAX_ANSWER,
        }
    }

    fn post(target: &'a str, body: &'a str) -> Self {
        Self {
            method: Method::POST,
            target,
            body,
            max_answer: MAX_ANSWER,
        }
    }

    fn changes_something(&self) -> bool {
        self.method != Method::GET
    }

    /// The target without its query, which may name a plate.
    fn path(&self) -> &str {
        self.target.split('?').next().unwrap_or_default()
    }
}

fn no_native_order<T>(out_trade_no: &str) -> Answer<T> {
    Answer::NotSent(format!(
        "{out_trade_no:?} cannot be a Native order's number"
    ))
}

fn unanswered<T>(answer: Answer<T>) -> Heard<T> {
    Heard {
        answer,
        request_id: None,
        skew_ms: None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
