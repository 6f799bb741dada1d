//! The HTTP port for WeChat's callbacks, behind the operator's proxy. One request a connection; everything
//! has a limit, since anybody may knock.

use std::convert::Infallible;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use http_body_util::{BodyExt, Full, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::header::{ALLOW, CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::NoticeKind;
use super::receiver::{Receiver, Verdict};
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::wechat::trust::SignatureHeaders;

/// WeChat waits 5 s for the answer.
const ANSWER_WITHIN: Duration = Duration::from_millis(4_500);
/// Sending the answer included.
const CLOSE_WITHIN: Duration = Duration::from_secs(10);
/// A port that cannot be had, or a connection that cannot be taken, is tried again.
const AGAIN_AFTER: Duration = Duration::from_secs(5);
/// Request line and headers.
const HEAD_BYTES_MAX: usize = 16 * 1024;
const HEADERS_MAX: usize = 64;

/// `[callbacks]` of the configuration, and the addresses that are answered.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Port 0 takes a free one.
    pub listen: SocketAddr,
    /// A larger body is refused.
    pub body_bytes_max: usize,
    /// So many at once; others wait.
    pub connections: usize,
    /// How long a head, and how long a body, may take to arrive.
    pub read_within: Duration,
    /// `/{site}/{box}`.
    pub place: String,
    /// Path of `merchant.notify_base_url`: whether a proxy takes it off or not.
    pub prefix: String,
}

/// Listens for ever.
pub async fn run(settings: Settings, receiver: Receiver) {
    let mut is_told = false;
    let listener = loop {
        match TcpListener::bind(settings.listen).await {
            Ok(listener) => break listener,
            Err(error) => {
                if !std::mem::replace(&mut is_told, true) {
                    receiver.alarm(deaf(&settings, Some(&error)));
                }
                sleep(AGAIN_AFTER).await;
            }
        }
    };
    if is_told {
        receiver.alarm(deaf(&settings, None));
    }
    let address = listener.local_addr().ok();
    if let Some(address) = address {
        tracing::info!(%address, "listening for WeChat's callbacks");
    }
    receiver
        .tally()
        .with(|told| told.listening = address.map(|address| address.to_string()));
    let places = Arc::new(Semaphore::new(settings.connections));
    let settings = Arc::new(settings);
    loop {
        // Closed never.
        let Ok(place) = Arc::clone(&places).acquire_owned().await else {
            return;
        };
        match listener.accept().await {
            Ok((stream, _)) => {
                let (settings, receiver) = (Arc::clone(&settings), receiver.clone());
                tokio::spawn(serve(stream, settings, receiver, place));
            }
            Err(error) => {
                tracing::debug!(%error, "a callback's connection was not taken");
                sleep(AGAIN_AFTER).await;
            }
        }
    }
}

async fn serve(
    stream: TcpStream,
    settings: Arc<Settings>,
    receiver: Receiver,
    _place: OwnedSemaphorePermit,
) {
    // Without it an answer is only slower.
    let _set = stream.set_nodelay(true);
    let read_within = settings.read_within;
    let service = service_fn(move |request| {
        let (settings, receiver) = (Arc::clone(&settings), receiver.clone());
        async move { Ok::<_, Infallible>(answer(request, &settings, &receiver).await) }
    });
    let connection = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(read_within)
        .keep_alive(false)
        .max_buf_size(HEAD_BYTES_MAX)
        .max_headers(HEADERS_MAX)
        .serve_connection(TokioIo::new(stream), service);
    match timeout(CLOSE_WITHIN, connection).await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::debug!(%error, "a callback's connection ended badly"),
        Err(_) => tracing::debug!("a callback's connection took too long"),
    }
}

async fn answer(
    request: Request<Incoming>,
    settings: &Settings,
    receiver: &Receiver,
) -> Response<Full<Bytes>> {
    let deadline = Instant::now() + ANSWER_WITHIN;
    if kind_of(request.uri().path(), settings).is_none() {
        return refusal(StatusCode::NOT_FOUND, "no such address");
    }
    if request.method() != Method::POST {
        let mut response = refusal(StatusCode::METHOD_NOT_ALLOWED, "POST only");
        let post = HeaderValue::from_static("POST");
        response.headers_mut().insert(ALLOW, post);
        return response;
    }
    let (parts, body) = request.into_parts();
    let most = settings.body_bytes_max;
    let stated = usize::try_from(body.size_hint().lower()).unwrap_or(usize::MAX);
    if stated > most {
        return refusal(StatusCode::PAYLOAD_TOO_LARGE, "too large");
    }
    let body_by = (Instant::now() + settings.read_within).min(deadline);
    let raw = match timeout_at(body_by, Limited::new(body, most).collect()).await {
        Ok(Ok(raw)) => raw.to_bytes(),
        Ok(Err(error)) if error.is::<http_body_util::LengthLimitError>() => {
            return refusal(StatusCode::PAYLOAD_TOO_LARGE, "too large");
        }
        Ok(Err(_)) => return refusal(StatusCode::BAD_REQUEST, "cut off"),
        Err(_) => return refusal(StatusCode::REQUEST_TIMEOUT, "too slow"),
    };
    let headers = signature_headers(&parts.headers);
    let at = receiver.now().wall;
    let verdict = receiver.take(&headers, &raw, at, deadline).await;
    told(verdict)
}

/// What an address is for; None if it is none of this box's.
fn kind_of(path: &str, settings: &Settings) -> Option<NoticeKind> {
    let path = path.strip_prefix(&settings.prefix).unwrap_or(path);
    let word = path.strip_prefix(&settings.place)?.strip_prefix('/')?;
    NoticeKind::of_word(word)
}

fn signature_headers(headers: &HeaderMap) -> SignatureHeaders {
    let header = |name: &str| {
        let value = headers.get(name)?.to_str().ok()?;
        Some(value.to_owned())
    };
    SignatureHeaders {
        timestamp: header("Wechatpay-Timestamp"),
        nonce: header("Wechatpay-Nonce"),
        signature: header("Wechatpay-Signature"),
        serial: header("Wechatpay-Serial"),
        signature_type: header("Wechatpay-Signature-Type"),
    }
}

fn told(verdict: Verdict) -> Response<Full<Bytes>> {
    let status = StatusCode::from_u16(verdict.status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    json(status, Bytes::from_static(verdict.body().as_bytes()))
}

fn refusal(status: StatusCode, message: &'static str) -> Response<Full<Bytes>> {
    let body = format!(r#"{{"code":"FAIL","message":"{message}"}}"#);
    json(status, Bytes::from(body))
}

fn json(status: StatusCode, body: Bytes) -> Response<Full<Bytes>> {
    let mut response = Response::new(Full::new(body));
    *response.status_mut() = status;
    let json = HeaderValue::from_static("application/json");
    response.headers_mut().insert(CONTENT_TYPE, json);
    response
}

fn deaf(settings: &Settings, why: Option<&std::io::Error>) -> Alarm {
    let listen = settings.listen;
    Alarm {
        kind: AlarmKind::CallbacksFail,
        subject: "listen".to_owned(),
        raised: why.is_some(),
        text: match why {
            Some(why) => format!(
                "WeChat's callbacks cannot arrive: {listen} cannot be listened at ({why}); correct \
                 callbacks.listen, or end what has the port. Charges are polled meanwhile"
            ),
            None => format!("WeChat's callbacks are listened for at {listen}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_known_with_the_proxys_prefix_and_without() {
        let settings = Settings {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            body_bytes_max: 1,
            connections: 1,
            read_within: Duration::from_secs(1),
            place: "/lab/b1".to_owned(),
            prefix: "/parkgate".to_owned(),
        };
        for (path, kind) in [
            ("/lab/b1/entry", Some(NoticeKind::Entry)),
            ("/parkgate/lab/b1/charge", Some(NoticeKind::Charge)),
            ("/lab/b1/refund", Some(NoticeKind::Refund)),
            ("/lab/b1/native", Some(NoticeKind::Native)),
            ("/lab/b1/other", None),
            ("/lab/b1/entry/", None),
            ("/lab/b1/entryx", None),
            ("/lab/b2/entry", None),
            ("/lab/b1x/entry", None),
            ("/else/lab/b1/entry", None),
            ("/", None),
            ("", None),
        ] {
            assert_eq!(kind_of(path, &settings), kind, "{path}");
        }
    }
}
