//! One HTTP shell around the pure simulator, for the demo, the sandbox and the daemon's tests.

mod callbacks;
mod door;
mod journal;
#[cfg(test)]
mod tests;
mod wire;

use std::net::{Ipv4Addr, SocketAddr};
use std::ops::Deref;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{ConnectInfo, Request as HttpRequest, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, StatusCode};
use axum::response::Response;
use rustls::ServerConfig;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

pub use self::callbacks::Target;
use self::door::{Cut, Door};
use self::journal::Journal;
pub use self::journal::JournalLine;
use super::wechat::{Answer, Books, Exchange, Plate, Request, Simulator};
use crate::clock::Clock;
use crate::lane::time::Wall;

/// What the network does, to every host or to one.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outage {
    /// Nothing.
    #[default]
    None,
    /// Connections are taken and never answered, until the outage ends and they are dropped.
    Silent,
    /// Nobody listens at the port, and open connections are dropped at their next request.
    Refused,
    /// The server has died: nobody listens, and every connection is cut at once with whatever is on
    /// its way, before it was acted on or after. Once it is over, another one serves from the same
    /// books.
    Down,
}

impl Outage {
    /// Whether the ports refuse connections.
    fn refuses(self) -> bool {
        matches!(self, Self::Refused | Self::Down)
    }
}

/// A simulator that is being served. Dropping it stops the serving.
pub struct Server {
    handle: Handle,
    addresses: Vec<SocketAddr>,
    is_tls: bool,
    tasks: Vec<JoinHandle<()>>,
}

/// A hand in a simulator that is being served, and beyond its end in what it left.
#[derive(Clone)]
pub struct Handle(Arc<Shell>);

/// Why the simulator could not be served.
#[derive(Debug, thiserror::Error)]
#[error("cannot listen on {address}; is the port taken, or the address not of this machine?")]
pub struct ListenError {
    address: SocketAddr,
    #[source]
    source: std::io::Error,
}

struct Shell {
    simulator: Mutex<Simulator>,
    journal: Mutex<Journal>,
    clock: Clock,
    /// What the network does to each host, in the order of their ports.
    hosts: Vec<watch::Sender<Outage>>,
    stop: watch::Sender<bool>,
}

/// More than any call of the contract needs; larger requests are answered 413.
const LARGEST_REQUEST: usize = 64 * 1024;
/// How long a single silence outside an outage keeps its connection open.
const SILENCE: Duration = Duration::from_secs(60);

impl Server {
    /// Serves `simulator` at each of `listen`, as WeChat's hosts all lead to the same state. Port 0
    /// lets the kernel choose.
    pub async fn start(
        simulator: Simulator,
        clock: Clock,
        listen: &[SocketAddr],
    ) -> Result<Self, ListenError> {
        Self::start_with(simulator, clock, listen, None).await
    }

    /// The same over TLS.
    pub async fn start_tls(
        simulator: Simulator,
        clock: Clock,
        listen: &[SocketAddr],
        tls: Arc<ServerConfig>,
    ) -> Result<Self, ListenError> {
        Self::start_with(simulator, clock, listen, Some(tls)).await
    }

    async fn start_with(
        simulator: Simulator,
        clock: Clock,
        listen: &[SocketAddr],
        tls: Option<Arc<ServerConfig>>,
    ) -> Result<Self, ListenError> {
        let is_tls = tls.is_some();
        let shell = Arc::new(Shell {
            simulator: Mutex::new(simulator),
            journal: Mutex::default(),
            clock,
            hosts: listen
                .iter()
                .map(|_| watch::Sender::new(Outage::None))
                .collect(),
            stop: watch::Sender::new(false),
        });
        let doors = listen
            .iter()
            .zip(&shell.hosts)
            .map(|(&address, outage)| {
                Door::open(address, outage.subscribe(), tls.clone())
                    .map_err(|source| ListenError { address, source })
            })
            .collect::<Result<Vec<Door>, ListenError>>()?;
        let addresses = doors.iter().map(Door::address).collect();
        let tasks = doors
            .into_iter()
            .enumerate()
            .map(|(host, door)| tokio::spawn(serve(shell.clone(), host, door)))
            .collect();
        Ok(Self {
            handle: Handle(shell),
            addresses,
            is_tls,
            tasks,
        })
    }

    /// Serves at `ports` ports of the loopback interface that the kernel chooses: a primary host
    /// and its backups.
    pub async fn on_loopback(
        simulator: Simulator,
        clock: Clock,
        ports: usize,
    ) -> Result<Self, ListenError> {
        let any = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
        Self::start(simulator, clock, &vec![any; ports]).await
    }

    /// Where it listens, in the order asked for.
    pub fn addresses(&self) -> &[SocketAddr] {
        &self.addresses
    }

    /// What a client is configured with as `base_urls`.
    pub fn base_urls(&self) -> Vec<String> {
        let scheme = if self.is_tls { "https" } else { "http" };
        let url = |address| format!("{scheme}://{address}");
        self.addresses.iter().map(url).collect()
    }

    /// Delivers what the simulator tells by itself, from now on, if its settings say that it does.
    pub fn deliver_callbacks(&mut self, target: Target) {
        let courier = callbacks::deliver(self.handle.0.clone(), target);
        self.tasks.push(tokio::spawn(courier));
    }

    /// A hand in it that others can hold.
    pub fn handle(&self) -> Handle {
        self.handle.clone()
    }

    /// Stops listening, drops the connections that are kept in silence, and lets the others finish.
    pub async fn shutdown(mut self) {
        self.handle.0.stop.send_replace(true);
        for task in std::mem::take(&mut self.tasks) {
            if let Err(error) = task.await {
                tracing::warn!(%error, "a port of the simulator ended badly");
            }
        }
    }
}

impl Handle {
    /// Looks into the simulator, or changes its faults, plates and settings. No request is served
    /// meanwhile.
    pub fn with<T>(&self, look: impl FnOnce(&mut Simulator) -> T) -> T {
        look(&mut self.0.simulator())
    }

    /// The books as they are now, with everything settled that is due.
    pub fn books(&self) -> Books {
        let now = self.0.clock.now().wall;
        self.with(|simulator| {
            simulator.advance(now);
            simulator.books()
        })
    }

    /// Changes what is true of a plate now; see [`Simulator::set_plate`].
    pub fn set_plate(&self, number: &str, plate: Plate) {
        let now = self.0.clock.now().wall;
        self.with(|simulator| simulator.set_plate(number, plate, now));
    }

    /// Starts, changes or ends an outage.
    pub fn set_outage(&self, outage: Outage) {
        self.with(|simulator| simulator.faults_mut().outage = outage != Outage::None);
        for host in &self.0.hosts {
            host.send_replace(outage);
        }
    }

    /// Starts, changes or ends an outage of one host, counted from 0; the others serve on.
    pub fn set_outage_at(&self, host: usize, outage: Outage) {
        if let Some(host) = self.0.hosts.get(host) {
            host.send_replace(outage);
        }
    }

    /// What the network does to the first host.
    pub fn outage(&self) -> Outage {
        let first = self.0.hosts.first();
        first.map_or(Outage::None, |host| *host.borrow())
    }

    /// How many requests came, and how many of these were refused.
    pub fn requests(&self) -> (u64, u64) {
        self.0.journal().counts()
    }

    /// How many requests came, and the newest that `wanted` lets through, newest first.
    pub fn journal(
        &self,
        at_most: usize,
        wanted: impl Fn(&JournalLine) -> bool,
    ) -> (u64, Vec<JournalLine>) {
        self.0.journal().newest(at_most, wanted)
    }

    /// The time as the simulator sees it.
    pub fn now(&self) -> Wall {
        self.0.clock.now().wall
    }
}

impl Deref for Server {
    type Target = Handle;

    fn deref(&self) -> &Handle {
        &self.handle
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.handle.0.stop.send_replace(true);
    }
}

impl Shell {
    /// A test that failed while it held the simulator must not hide behind a poisoned lock.
    fn simulator(&self) -> MutexGuard<'_, Simulator> {
        self.simulator
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    fn journal(&self) -> MutexGuard<'_, Journal> {
        self.journal.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Decides under the lock and signs outside it.
    fn exchange(&self, request: &Request) -> Exchange {
        let now = self.clock.now().wall;
        let decision = self.simulator().decide(request, now);
        let exchange = decision.seal();
        self.journal().write(request, &exchange, now);
        exchange
    }

    /// Keeps the connection open without a word, then cuts it. Ends early when the peer gives up,
    /// because then nobody waits for this any more. `outage` was `before` when the exchange was not
    /// decided yet: one that ended since then is over, and not a single silence.
    async fn keep_silent(&self, cut: &Cut, mut outage: watch::Receiver<Outage>, before: Outage) {
        let mut stop = self.stop.subscribe();
        let over = async {
            if before == Outage::Silent || outage.has_changed().unwrap_or(true) {
                // An error means that the server is gone, which is an end too.
                let _ended = outage.wait_for(|now| *now != Outage::Silent).await;
            } else {
                tokio::time::sleep(SILENCE).await;
            }
        };
        tokio::select! {
            () = over => {}
            _ = stop.wait_for(|stop| *stop) => {}
        }
        cut.now();
    }
}

async fn serve(shell: Arc<Shell>, host: usize, door: Door) {
    let mut stop = shell.stop.subscribe();
    let router = Router::new().fallback(answer).with_state((shell, host));
    let served = axum::serve(door, router.into_make_service_with_connect_info::<Cut>())
        .with_graceful_shutdown(async move {
            // An error means that the server is gone, which is a reason to stop too.
            let _stopped = stop.wait_for(|stop| *stop).await;
        })
        .await;
    if let Err(error) = served {
        tracing::warn!(%error, "the simulator stopped serving");
    }
}

async fn answer(
    State((shell, host)): State<(Arc<Shell>, usize)>,
    ConnectInfo(cut): ConnectInfo<Cut>,
    request: HttpRequest,
) -> Response {
    let asked = Instant::now();
    let outage = shell.hosts[host].subscribe();
    let before = *outage.borrow();
    if before.refuses() {
        cut.now();
        return Response::default();
    }
    let (parts, body) = request.into_parts();
    let Ok(body) = to_bytes(body, LARGEST_REQUEST).await else {
        return plain(StatusCode::PAYLOAD_TOO_LARGE);
    };
    let target = parts.uri.path_and_query().map_or("/", |path| path.as_str());
    let request = Request {
        method: parts.method.to_string(),
        target: target.to_owned(),
        headers: texts(&parts.headers),
        body: body.into(),
    };
    if before == Outage::Silent && !shell.simulator().faults().outage {
        // Of this host alone: the others' simulator never hears of it.
        shell.keep_silent(&cut, outage, before).await;
        return Response::default();
    }
    let exchanging = {
        let shell = shell.clone();
        tokio::task::spawn_blocking(move || shell.exchange(&request))
    };
    let Ok(exchange) = exchanging.await else {
        return plain(StatusCode::INTERNAL_SERVER_ERROR);
    };
    log(&exchange);
    let Some(answer) = exchange.answer else {
        shell.keep_silent(&cut, outage, before).await;
        return Response::default();
    };
    // Counted from the request on, so that what a signature costs here does not come on top.
    tokio::time::sleep_until(asked + Duration::from_millis(exchange.delay_ms)).await;
    response(answer)
}

fn log(exchange: &Exchange) {
    let answer = exchange.answer.as_ref();
    tracing::info!(
        call = ?exchange.call,
        status = answer.map(|answer| answer.status),
        fault = ?exchange.fault,
        delay_ms = exchange.delay_ms,
        request_id = answer.and_then(|answer| answer.header("Request-ID")),
        "simulated call"
    );
}

/// Header values that are no text count as they would be read leniently.
fn texts(headers: &HeaderMap) -> Vec<(String, String)> {
    headers
        .iter()
        .map(|(name, value)| {
            let value = String::from_utf8_lossy(value.as_bytes()).into_owned();
            (name.to_string(), value)
        })
        .collect()
}

fn response(answer: Answer) -> Response {
    let mut response = Response::new(Body::from(answer.body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    for (name, value) in answer.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
}

fn plain(status: StatusCode) -> Response {
    let mut response = Response::default();
    *response.status_mut() = status;
    response
}
