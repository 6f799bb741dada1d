//! Carrying one signed request to WeChat Pay: over which connection, to which host, for how long.

use std::pin::pin;
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use reqwest::header::HeaderMap;
use reqwest::{Method, Response};
use rustls::pki_types::CertificateDer;
use rustls::{ClientConfig, RootCertStore};
use tokio::sync::{Semaphore, SemaphorePermit};
use tokio::time::{Instant, sleep_until, timeout_at};
use tracing::{debug, info, warn};

use super::hosts::Hosts;
use super::reply::{Reply, printable};
use super::trust::SignatureHeaders;
use crate::charges::link::SILENT_AFTER;
use crate::charges::queue::ON_WIRE_MAX;
use crate::clock::Clock;

const LANE_CONNECT: Duration = Duration::from_millis(400);
const LANE_PRIMARY: Duration = Duration::from_millis(800);
const BACKGROUND_CONNECT: Duration = Duration::from_secs(2);
const BACKGROUND_HOST: Duration = Duration::from_secs(10);
const DOWNLOAD: Duration = Duration::from_secs(300);
const POOL_IDLE: Duration = Duration::from_secs(45);
/// Between two requests of a drain every connection is idle for a moment, and none is to be made anew.
const POOL_IDLE_MAX: usize = ON_WIRE_MAX;

/// How long a call may take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Patience {
    /// A car is waiting: connect 400 ms, the primary's answer 800 ms, the rest for the backup.
    /// Give a longer `total` than the lane waits, to hear an answer that comes after the decision.
    Lane {
        /// For the whole call, signing included.
        total: Duration,
    },
    /// Nobody waits: connect 2 s, 10 s for each host, once one of the [`ON_WIRE_MAX`] places on the wire
    /// is free.
    Background,
    /// A large file by an address that is good for one use: one host alone, five minutes.
    Download,
}

/// A request that is ready to leave: the same bytes and signature to whichever host.
#[derive(Debug)]
pub struct SignedRequest {
    pub method: Method,
    /// Path and query, as signed.
    pub target: String,
    pub headers: HeaderMap,
    /// Empty for a GET.
    pub body: String,
    /// The longest answer taken, bytes.
    pub max_answer: usize,
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delivery {
    /// An HTTP answer of whatever kind.
    Answered {
        reply: Box<Reply>,
        /// Another host may have received the same request, and may have acted on it.
        doubled: bool,
    },
    /// No byte of the request left, at any host.
    NotSent(String),
    /// Bytes may have arrived somewhere; no answer came.
    Lost(String),
}

/// Keeps connections alive and the hosts in order.
pub struct Transport {
    lane: reqwest::Client,
    background: reqwest::Client,
    places: Semaphore,
    hosts: Hosts,
    /// Requests in a row that nobody answered.
    unanswered: AtomicU32,
    clock: Clock,
}

/// What a connection needs to be made with.
pub struct Wiring {
    /// Extra roots beside the public web's.
    pub extra_roots: Vec<CertificateDer<'static>>,
    /// The box's own trust store too.
    pub system_roots: bool,
    /// A proxy, and only where one is configured: the environment's is not looked at.
    pub proxy: Option<reqwest::Proxy>,
}

/// One host's failure.
struct Fault {
    /// The request's bytes may have reached the host.
    maybe_sent: bool,
    text: String,
}

impl Transport {
    /// Builds the clients; connects to nothing.
    pub fn new(hosts: Hosts, wiring: Wiring, clock: Clock) -> Result<Self, WiringFault> {
        let tls = tls(&wiring)?;
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that builds clients"
        )]
        let client = |connect: Duration| {
            let mut builder = reqwest::Client::builder()
                .tls_backend_preconfigured(tls.clone())
                .no_proxy()
                .http1_only()
                .tcp_nodelay(true)
                .tcp_keepalive(Duration::from_secs(15))
                .redirect(reqwest::redirect::Policy::none())
                .retry(reqwest::retry::never())
                .referer(false)
                .connect_timeout(connect)
                .pool_idle_timeout(POOL_IDLE)
                .pool_max_idle_per_host(POOL_IDLE_MAX);
            if let Some(proxy) = wiring.proxy.clone() {
                builder = builder.proxy(proxy);
            }
            builder.build().map_err(WiringFault::Client)
        };
        Ok(Self {
            lane: client(LANE_CONNECT)?,
            background: client(BACKGROUND_CONNECT)?,
            places: Semaphore::new(ON_WIRE_MAX),
            hosts,
            unanswered: AtomicU32::new(0),
            clock,
        })
    }

    /// Waits for a place on the wire, which lasts as long as the value; a lane's request needs none.
    /// What waits here is signed already, so that the wire does not wait for signatures.
    ///
    /// # Errors
    /// If WeChat fell silent meanwhile: what waited has not left the box, and had better not.
    pub async fn place(
        &self,
        patience: Patience,
    ) -> Result<Option<SemaphorePermit<'_>>, &'static str> {
        if matches!(patience, Patience::Lane { .. }) {
            return Ok(None);
        }
        if let Ok(place) = self.places.try_acquire() {
            return Ok(Some(place));
        }
        let place = self.places.acquire().await.ok();
        match self.unanswered.load(Ordering::Relaxed) >= SILENT_AFTER {
            true => Err("those before it were not answered"),
            false => Ok(place),
        }
    }

    /// Sends the request to the first host and, if that one cannot be reached or stays silent, to
    /// the next; the first HTTP answer of any kind ends it.
    ///
    /// A silent host is still listened to while the next one is asked: its answer is as good.
    pub async fn deliver(
        &self,
        request: &SignedRequest,
        patience: Patience,
        deadline: Instant,
    ) -> Delivery {
        let order = self.hosts.order(self.clock.now().moment);
        let client = self.client(patience);
        let mut first = pin!(self.attempt(client, order.first, request));
        let mut faults = Vec::new();
        let mut first_done = false;

        let alone_until = match order.then {
            Some(_) => deadline.min(Instant::now() + patience.primary()),
            None => deadline,
        };
        match timeout_at(alone_until, &mut first).await {
            Ok(Ok(reply)) => return self.answered(order.first, reply, false),
            Ok(Err(fault)) => {
                faults.push(fault);
                first_done = true;
            }
            Err(_silent) => {}
        }
        let again = patience != Patience::Download && Instant::now() < deadline;
        let Some(then) = order.then.filter(|_| again) else {
            return self.failed(faults, !first_done);
        };

        let mut second = pin!(self.attempt(client, then, request));
        let mut second_done = false;
        while !(first_done && second_done) {
            tokio::select! {
                result = &mut first, if !first_done => match result {
                    Ok(reply) => {
                        let doubled = !second_done || faults.iter().any(|it| it.maybe_sent);
                        return self.answered(order.first, reply, doubled);
                    }
                    Err(fault) => {
                        faults.push(fault);
                        first_done = true;
                    }
                },
                result = &mut second, if !second_done => match result {
                    Ok(reply) => {
                        let doubled = !first_done || faults.iter().any(|it| it.maybe_sent);
                        return self.answered(then, reply, doubled);
                    }
                    Err(fault) => {
                        faults.push(fault);
                        second_done = true;
                    }
                },
                () = sleep_until(deadline) => break,
            }
        }
        self.failed(faults, !(first_done && second_done))
    }

    /// Host and port of each.
    pub fn host_names(&self) -> Vec<String> {
        self.hosts.names()
    }

    /// Which host is asked first at this moment, counted from 0.
    #[cfg(test)]
    pub fn leads(&self, now: crate::lane::time::Moment) -> usize {
        self.hosts.order(now).first
    }

    fn client(&self, patience: Patience) -> &reqwest::Client {
        match patience {
            Patience::Lane { .. } => &self.lane,
            Patience::Background | Patience::Download => &self.background,
        }
    }

    async fn attempt(
        &self,
        client: &reqwest::Client,
        host: usize,
        request: &SignedRequest,
    ) -> Result<Reply, Fault> {
        let fault = |error: reqwest::Error| Fault::new(self.hosts.name(host), error);
        let url = self
            .hosts
            .url(host, &request.target)
            .ok_or_else(|| Fault::unsendable(&request.target))?;
        let mut call = client
            .request(request.method.clone(), url)
            .headers(request.headers.clone());
        if !request.body.is_empty() {
            call = call.body(request.body.clone());
        }
        let response = call.send().await.map_err(fault)?;
        receive(response, request.max_answer).await.map_err(fault)
    }

    fn answered(&self, host: usize, reply: Reply, doubled: bool) -> Delivery {
        let reply = Box::new(reply);
        if !speaks_the_api(&reply) {
            // A portal's page says nothing about who can be reached, or should be asked first.
            return Delivery::Answered { reply, doubled };
        }
        if self.hosts.answered(host, self.clock.now().moment) {
            warn!(
                host = self.hosts.name(host),
                "WeChat Pay is asked at another host first"
            );
        }
        if self.unanswered.swap(0, Ordering::Relaxed) > 0 {
            info!(host = self.hosts.name(host), "WeChat Pay answers again");
        }
        Delivery::Answered { reply, doubled }
    }

    fn failed(&self, faults: Vec<Fault>, still_waiting: bool) -> Delivery {
        let mut texts: Vec<_> = faults.iter().map(|fault| fault.text.as_str()).collect();
        if still_waiting {
            texts.push("no answer within the time allowed");
        }
        let text = texts.join("; ");
        if self.unanswered.fetch_add(1, Ordering::Relaxed) == 0 {
            warn!(reason = text, "WeChat Pay is not reached");
        }
        match still_waiting || faults.iter().any(|fault| fault.maybe_sent) {
            true => Delivery::Lost(text),
            false => Delivery::NotSent(text),
        }
    }
}

impl Patience {
    /// For the whole call.
    pub fn total(self) -> Duration {
        match self {
            Self::Lane { total } => total,
            Self::Background => BACKGROUND_HOST.saturating_mul(2),
            Self::Download => DOWNLOAD,
        }
    }

    /// How long the first host is asked alone.
    fn primary(self) -> Duration {
        match self {
            Self::Lane { .. } => LANE_PRIMARY,
            Self::Background => BACKGROUND_HOST,
            Self::Download => DOWNLOAD,
        }
    }
}

/// Why no connection could ever be made.
#[derive(Debug, thiserror::Error)]
pub enum WiringFault {
    /// A certificate of the extra file is not one.
    #[error("a certificate in it cannot be used as a root")]
    Root(#[source] rustls::Error),
    /// Cannot happen with this build's cipher suites.
    #[error("the TLS set-up is refused")]
    Tls(#[source] rustls::Error),
    /// The HTTP client refuses the set-up.
    #[error("the HTTP client refuses the set-up")]
    Client(#[source] reqwest::Error),
}

/// The public web's roots, the extra ones and the box's own, on ring.
pub(super) fn tls(wiring: &Wiring) -> Result<ClientConfig, WiringFault> {
    let mut roots = RootCertStore {
        roots: webpki_roots::TLS_SERVER_ROOTS.to_vec(),
    };
    for root in &wiring.extra_roots {
        roots.add(root.clone()).map_err(WiringFault::Root)?;
    }
    if wiring.system_roots {
        roots.roots.extend_from_slice(&OWN_ROOTS.roots);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    Ok(ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(WiringFault::Tls)?
        .with_root_certificates(roots)
        .with_no_client_auth())
}

/// The box's own trust store as it is when it is first needed: each change of keys makes a client anew, and
/// reading it takes longer than all the rest. Many a box has none, and WeChat's own authority is among those
/// that parkgate brings.
static OWN_ROOTS: LazyLock<RootCertStore> = LazyLock::new(|| {
    let mut roots = RootCertStore::empty();
    let found = rustls_native_certs::load_native_certs();
    let (added, unusable) = roots.add_parsable_certificates(found.certs);
    debug!(
        added,
        unusable,
        faults = found.errors.len(),
        "the box's own trust store"
    );
    roots
});

/// Whether this can be of WeChat Pay at all, believed or not.
fn speaks_the_api(reply: &Reply) -> bool {
    let has_code = |body: serde_json::Value| body.get("code").is_some();
    reply.signature.claim_a_signature() || serde_json::from_slice(&reply.body).is_ok_and(has_code)
}

async fn receive(mut response: Response, max: usize) -> Result<Reply, reqwest::Error> {
    let header = |name: &str| {
        let value = response.headers().get(name)?;
        Some(value.to_str().ok()?.to_owned())
    };
    let announced = response.content_length().unwrap_or(0);
    let announced = usize::try_from(announced).unwrap_or(usize::MAX);
    let mut reply = Reply {
        status: response.status().as_u16(),
        request_id: header("request-id").map(|id| printable(&id, 128)),
        date: header("date"),
        retry_after: header("retry-after"),
        signature: SignatureHeaders {
            timestamp: header("wechatpay-timestamp"),
            nonce: header("wechatpay-nonce"),
            signature: header("wechatpay-signature"),
            serial: header("wechatpay-serial"),
            signature_type: header("wechatpay-signature-type"),
        },
        // A large one does not grow into twice its size.
        body: Vec::with_capacity(announced.min(max)),
        cut: false,
    };
    while let Some(chunk) = response.chunk().await? {
        if chunk.len() > max.saturating_sub(reply.body.len()) {
            reply.cut = true;
            break;
        }
        reply.body.extend_from_slice(&chunk);
    }
    Ok(reply)
}

impl Fault {
    /// Only what failed while connecting (name look-up, TCP, TLS) certainly sent nothing.
    fn new(host: &str, error: reqwest::Error) -> Self {
        let maybe_sent = !(error.is_connect() || error.is_builder());
        Self {
            maybe_sent,
            text: format!("{host}: {}", chain(&error.without_url())),
        }
    }

    fn unsendable(target: &str) -> Self {
        // The query may name a plate and a driver.
        let target = target.split('?').next().unwrap_or_default();
        Self {
            maybe_sent: false,
            text: format!("{target:?} is no path that goes out unchanged"),
        }
    }
}

/// An error with its causes, innermost last; the outer ones of reqwest alone say too little.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(inner) = cause {
        let inner_text = inner.to_string();
        if !text.contains(&inner_text) {
            text.push_str(": ");
            text.push_str(&inner_text);
        }
        cause = inner.source();
    }
    printable(&text, 400)
}
