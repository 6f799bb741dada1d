//! A tiny HTTP server that does with each request what the test says, and a platform that signs.

use std::sync::{Arc, Mutex};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Barrier;

use super::vectors::{PLATFORM, settings, text, vectors};
use crate::clock::Clock;
use crate::lane::time::{BootId, Moment, Now, Wall};
use crate::wechat::settings::Settings;
use crate::wechat::sign::{FileSigner, Signer};
use crate::wechat::{Client, Secret};

/// What the box and the platform take for now.
pub const NOW: Wall = Wall(1_764_001_810_000);

/// One request as it came over the wire.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Request {
    pub head: String,
    pub body: String,
}

/// What to do with a request.
pub enum Reaction {
    /// Send these bytes.
    Answer(Vec<u8>),
    /// Send these bytes and close.
    AnswerAndClose(Vec<u8>),
    /// Say nothing, keep the connection.
    Silence,
    /// Break the connection off.
    Reset,
    /// First wait until as many requests as the barrier counts have come.
    Together(Arc<Barrier>, Box<Reaction>),
}

/// Lives as long as the test's runtime.
pub struct Server {
    pub url: String,
    requests: Arc<Mutex<Vec<Request>>>,
    connections: Arc<Mutex<usize>>,
}

type React = dyn Fn(&Request) -> Reaction + Send + Sync;

impl Server {
    pub async fn start(react: impl Fn(&Request) -> Reaction + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let server = Self {
            url: format!("http://{}", listener.local_addr().unwrap()),
            requests: Arc::default(),
            connections: Arc::default(),
        };
        let react: Arc<React> = Arc::new(react);
        let (requests, connections) = (server.requests.clone(), server.connections.clone());
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                *connections.lock().unwrap() += 1;
                tokio::spawn(serve(stream, react.clone(), requests.clone()));
            }
        });
        server
    }

    /// A server that gives every request the same answer.
    pub async fn answering(answer: Vec<u8>) -> Self {
        Self::start(move |_| Reaction::Answer(answer.clone())).await
    }

    pub fn requests(&self) -> Vec<Request> {
        self.requests.lock().unwrap().clone()
    }

    pub fn connections(&self) -> usize {
        *self.connections.lock().unwrap()
    }

    /// How many requests had this path.
    pub fn count(&self, path: &str) -> usize {
        self.requests()
            .iter()
            .filter(|it| it.path() == path)
            .count()
    }
}

impl Request {
    pub fn path(&self) -> &str {
        self.head.split(' ').nth(1).unwrap()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().skip(1).find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    /// The request without the one header that names the host.
    pub fn without_host(&self) -> Self {
        let lines = self.head.lines().filter(|line| !line.starts_with("host:"));
        Self {
            head: lines.collect::<Vec<_>>().join("\n"),
            body: self.body.clone(),
        }
    }
}

/// A port of this machine where nobody listens.
pub async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A client that asks these hosts at [`NOW`], and its clock.
pub fn client(base_urls: &[&str]) -> (Client, Clock) {
    client_with(settings(base_urls))
}

pub fn client_with(settings: Settings) -> (Client, Clock) {
    let clock = Clock::manual(Now {
        moment: Moment(1000),
        wall: NOW,
        trusted: true,
        boot: BootId(1),
    });
    (Client::new(settings, clock.clone()).unwrap(), clock)
}

/// An answer that the platform signed: with the public key.
pub fn signed(status: u16, body: &str) -> Vec<u8> {
    signed_by("wechatpay_public_key", status, body)
}

/// An answer signed with a key of the vectors' material.
pub fn signed_by(key: &str, status: u16, body: &str) -> Vec<u8> {
    let vectors = vectors();
    let key = &vectors["material"][key];
    let pem = Secret::new(text(&key["private_key_pem_pkcs8"]));
    let id = match key["serial_no"].as_str() {
        Some(serial) => serial,
        None => text(&key["public_key_id"]),
    };
    let timestamp = NOW.0 / 1000;
    let message = format!("{timestamp}\nNONCE\n{body}\n");
    let signature = FileSigner::from_pem(&pem)
        .unwrap()
        .sign(message.as_bytes())
        .unwrap();
    let headers = format!(
        "Wechatpay-Timestamp: {timestamp}\r\nWechatpay-Nonce: NONCE\r\n\
         Wechatpay-Signature: {signature}\r\nWechatpay-Serial: {id}\r\n\
         Wechatpay-Signature-Type: WECHATPAY2-SHA256-RSA2048\r\n"
    );
    http(status, &headers, body)
}

/// An answer with these further headers, each ended by CR LF.
pub fn http(status: u16, headers: &str, body: &str) -> Vec<u8> {
    let length = body.len();
    format!(
        "HTTP/1.1 {status} X\r\nRequest-ID: 08F5-0\r\nDate: Mon, 24 Nov 2025 16:30:09 GMT\r\n\
         Content-Length: {length}\r\n{headers}\r\n{body}"
    )
    .into_bytes()
}

/// The list of platform certificates, signed by one that is in it.
pub fn certificates() -> Vec<u8> {
    let vectors = vectors();
    signed_by(PLATFORM, 200, text(&vectors["certificates_response_body"]))
}

async fn serve(mut stream: TcpStream, react: Arc<React>, requests: Arc<Mutex<Vec<Request>>>) {
    while let Some(request) = read(&mut stream).await {
        requests.lock().unwrap().push(request.clone());
        let mut reaction = react(&request);
        while let Reaction::Together(barrier, then) = reaction {
            barrier.wait().await;
            reaction = *then;
        }
        match reaction {
            // The client may have gone, which is its business.
            Reaction::Answer(bytes) => drop(stream.write_all(&bytes).await),
            Reaction::AnswerAndClose(bytes) => return drop(stream.write_all(&bytes).await),
            Reaction::Silence => std::future::pending().await,
            Reaction::Reset => return stream.set_zero_linger().unwrap(),
            Reaction::Together(..) => unreachable!("unwrapped above"),
        }
    }
}

async fn read(stream: &mut TcpStream) -> Option<Request> {
    let mut bytes = Vec::new();
    loop {
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some((head, body)) = text.split_once("\r\n\r\n") {
            let mut request = Request {
                head: head.to_owned(),
                body: String::new(),
            };
            let length = request.header("content-length").unwrap_or("0");
            if body.len() >= length.parse().unwrap() {
                request.body = body.to_owned();
                return Some(request);
            }
        }
        let mut chunk = [0; 4096];
        match stream.read(&mut chunk).await {
            Ok(0) | Err(_) => return None,
            Ok(count) => bytes.extend_from_slice(&chunk[..count]),
        }
    }
}
