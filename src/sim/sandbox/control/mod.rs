//! The hand of whoever tests a client: a listener of its own that shows what WeChat's side holds and
//! makes things happen there. JSON over HTTP, and a page that uses it.

mod acts;
mod change;
mod desk;
mod guard;
mod page;
mod problem;
mod rolling;
mod routes;
mod views;

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::{Request as HttpRequest, State};
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::Response;
use serde_json::Value;
use tokio::net::TcpListener;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

pub(super) use self::desk::Desk;
use self::problem::Problem;
use self::routes::Asked;
#[cfg(test)]
pub(super) use self::{page::source as page, routes::ROUTES};

/// The control's port, listened at.
pub(super) struct Bound {
    listener: TcpListener,
    address: SocketAddr,
    is_open: bool,
}

/// The control while it is served.
pub(super) struct Serving {
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

/// Why there is no control.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    /// It would be reachable from other machines, and nobody said that it shall be.
    #[error(
        "control at {0} could be reached from other machines, and whoever reaches it rules the sandbox; \
         give --control-open if that is meant, or an address of this machine such as 127.0.0.1:8701"
    )]
    Open(SocketAddr),
    /// The port.
    #[error(
        "cannot listen on {address} for control; is the port taken, or the address not of this machine?"
    )]
    Listen {
        address: SocketAddr,
        #[source]
        source: std::io::Error,
    },
}

/// More than any of the calls needs.
const LARGEST_BODY: usize = 64 * 1024;
/// For connections that somebody keeps open without a request.
const CLOSE_WITHIN: Duration = Duration::from_secs(2);

impl Bound {
    /// Listens at `address`, which is one of this machine alone unless `is_open`.
    pub async fn at(address: SocketAddr, is_open: bool) -> Result<Self, ControlError> {
        if !address.ip().is_loopback() && !is_open {
            return Err(ControlError::Open(address));
        }
        let failed = |source| ControlError::Listen { address, source };
        let listener = TcpListener::bind(address).await.map_err(failed)?;
        let address = listener.local_addr().map_err(failed)?;
        Ok(Self {
            listener,
            address,
            is_open,
        })
    }

    /// Where a browser finds it.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Serves until the result is shut down or dropped.
    pub fn serve(self, desk: Desk) -> Serving {
        let stop = watch::Sender::new(false);
        let mut stopped = stop.subscribe();
        let service = Arc::new(Service {
            desk,
            is_open: self.is_open,
        });
        let router = Router::new().fallback(serve_one).with_state(service);
        let task = tokio::spawn(async move {
            let served = axum::serve(self.listener, router)
                .with_graceful_shutdown(async move {
                    // An error means that the sandbox is gone, which is a reason to stop too.
                    let _stopped = stopped.wait_for(|stop| *stop).await;
                })
                .await;
            if let Err(error) = served {
                tracing::warn!(%error, "the sandbox's control stopped serving");
            }
        });
        Serving { stop, task }
    }
}

impl Serving {
    /// Stops listening and lets requests that are under way finish.
    pub async fn shutdown(mut self) {
        self.stop.send_replace(true);
        if timeout(CLOSE_WITHIN, &mut self.task).await.is_err() {
            self.task.abort();
        }
    }
}

struct Service {
    desk: Desk,
    is_open: bool,
}

async fn serve_one(State(service): State<Arc<Service>>, request: HttpRequest) -> Response {
    let answered = answer(service, request).await;
    answered.unwrap_or_else(Problem::response)
}

async fn answer(service: Arc<Service>, request: HttpRequest) -> Result<Response, Problem> {
    let (parts, body) = request.into_parts();
    guard::admit(&parts.method, &parts.headers, service.is_open)?;
    let asked = Asked::of(parts.method.as_str(), parts.uri.path(), parts.uri.query())?;
    if asked.is_page() {
        return page::response();
    }
    let too_large = |_| Problem::too_large(LARGEST_BODY);
    let body = to_bytes(body, LARGEST_BODY).await.map_err(too_large)?;
    // Making a key takes a second.
    let deciding = tokio::task::spawn_blocking(move || service.desk.answer(&asked, &body));
    let value = deciding.await.map_err(|_| Problem::failed())??;
    Ok(json(StatusCode::OK, &value))
}

fn json(status: StatusCode, value: &Value) -> Response {
    let mut response = Response::new(Body::from(format!("{value:#}\n")));
    *response.status_mut() = status;
    let kind = HeaderValue::from_static("application/json; charset=utf-8");
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    guarded(response)
}

/// Nothing of it is kept, framed, or taken for something else.
fn guarded(mut response: Response) -> Response {
    for (name, value) in [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}
