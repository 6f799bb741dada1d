//! What the tests ask a sandbox with.

use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs8::DecodePrivateKey;
use rsa::{Pkcs1v15Sign, PrivateKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::super::keys::Keys;
use super::super::*;
use crate::sim::wechat::Request;

/// A sandbox in a folder of its own.
pub(super) struct World {
    pub sandbox: Sandbox,
    pub folder: tempfile::TempDir,
    nonces: u32,
}

/// An HTTP answer.
pub(super) struct Told {
    pub status: u16,
    head: String,
    pub body: String,
}

impl World {
    pub async fn start(change: impl FnOnce(&mut Kind)) -> Self {
        let folder = folder_with_keys();
        let mut kind = Kind::at(folder.path());
        kind.control = Some(SocketAddr::from(([127, 0, 0, 1], 0)));
        change(&mut kind);
        let sandbox = Sandbox::start(kind).await.unwrap();
        Self {
            sandbox,
            folder,
            nonces: 0,
        }
    }

    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The control's address without its scheme.
    pub fn control(&self) -> &str {
        let url = self.sandbox.setup.control_url.as_deref().unwrap();
        url.strip_prefix("http://").unwrap()
    }

    pub async fn get(&self, path: &str) -> Value {
        let told = self.ask("GET", path, None, &[]).await;
        assert_eq!(told.status, 200, "{path}: {}", told.body);
        serde_json::from_str(&told.body).unwrap()
    }

    pub async fn post(&self, path: &str, body: &Value) -> Value {
        let told = self.post_told(path, &body.to_string()).await;
        assert_eq!(told.status, 200, "{path}: {}", told.body);
        serde_json::from_str(&told.body).unwrap()
    }

    pub async fn post_told(&self, path: &str, body: &str) -> Told {
        let json = [("Content-Type", "application/json")];
        self.ask("POST", path, Some(body), &json).await
    }

    pub async fn ask(
        &self,
        method: &str,
        path: &str,
        body: Option<&str>,
        headers: &[(&str, &str)],
    ) -> Told {
        let address = self.control();
        let mut text = format!("{method} {path} HTTP/1.1\r\nConnection: close\r\n");
        if !headers.iter().any(|(name, _)| *name == "Host") {
            text.push_str(&format!("Host: {address}\r\n"));
        }
        for (name, value) in headers {
            text.push_str(&format!("{name}: {value}\r\n"));
        }
        let body = body.unwrap_or_default();
        text.push_str(&format!("Content-Length: {}\r\n\r\n{body}", body.len()));
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(text.as_bytes()).await.unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).await.unwrap();
        let (head, body) = answer.split_once("\r\n\r\n").unwrap();
        Told {
            status: head.split(' ').nth(1).unwrap().parse().unwrap(),
            head: head.to_lowercase(),
            body: body.to_owned(),
        }
    }

    /// What WeChat answers to a client that has the folder's files.
    pub fn call(&mut self, request: Request) -> (u16, Value) {
        self.nonces += 1;
        let signed = signed(
            self.folder.path(),
            &self.sandbox.setup,
            request,
            self.nonces,
        );
        let now = self.sandbox.server.now();
        let exchange = self
            .sandbox
            .server
            .with(|wechat| wechat.handle(&signed, now));
        let answer = exchange.answer.unwrap();
        let body = serde_json::from_slice(&answer.body).unwrap_or_default();
        (answer.status, body)
    }

    /// A registered stay: its entry's id and the start as it was sent.
    pub fn enter(&mut self, number: &str, plate: &str) -> (String, String) {
        let start = self.sandbox.server.now().plus_ms(-3_600_000).to_rfc3339();
        let body = json!({
            "out_parking_no": number, "plate_number": plate, "plate_color": "BLUE",
            "notify_url": "http://127.0.0.1:9/n", "start_time": start, "parking_name": "测试停车场",
            "free_duration": 0,
        });
        let request = Request::post("/v3/vehicle/parking/parkings", body.to_string());
        let (status, entry) = self.call(request);
        assert_eq!(status, 200, "{entry}");
        (entry["id"].as_str().unwrap().to_owned(), start)
    }

    /// A charge of 15 yuan that WeChat has accepted.
    pub fn charge(&mut self, number: &str, plate: &str) {
        let (id, start) = self.enter(&format!("P{number}"), plate);
        let end = self.sandbox.server.now().plus_ms(-60_000).to_rfc3339();
        let body = json!({
            "appid": self.sandbox.setup.appid, "description": "停车费", "out_trade_no": number,
            "trade_scene": "PARKING", "notify_url": "http://127.0.0.1:9/n",
            "amount": { "total": 1500, "currency": "CNY" },
            "parking_info": {
                "parking_id": id, "plate_number": plate, "plate_color": "BLUE", "start_time": start,
                "end_time": end, "parking_name": "测试停车场", "charging_duration": 3540,
                "device_id": "E1",
            },
        });
        let request = Request::post("/v3/vehicle/transactions/parking", body.to_string());
        let (status, charge) = self.call(request);
        assert_eq!(
            (status, &charge["trade_state"]),
            (200, &json!("ACCEPTED")),
            "{charge}"
        );
    }
}

impl Told {
    pub fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&start))
    }
}

/// Keys take a moment to make, and these tests are not about that.
pub(super) fn folder_with_keys() -> tempfile::TempDir {
    static MADE: OnceLock<Keys> = OnceLock::new();
    let now = Clock::system(TrustRule::Rtc, Wall(0)).now().wall;
    let keys = MADE.get_or_init(|| Keys::make(now).unwrap());
    let folder = tempfile::tempdir().unwrap();
    keys.keep(folder.path()).unwrap();
    folder
}

fn signed(folder: &Path, setup: &ClientSetup, mut request: Request, nonce: u32) -> Request {
    let clock = Clock::system(TrustRule::Rtc, Wall(0));
    let timestamp = clock.now().wall.0 / 1000;
    let mut text = format!(
        "{}\n{}\n{timestamp}\n{nonce}\n",
        request.method, request.target
    );
    text.push_str(std::str::from_utf8(&request.body).unwrap());
    text.push('\n');
    let pem = std::fs::read_to_string(folder.join(KEY_FILE)).unwrap();
    let key = PrivateKey::from_pkcs8_pem(&pem).unwrap();
    let signature = key
        .sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(text))
        .unwrap();
    let authorization = format!(
        "WECHATPAY2-SHA256-RSA2048 mchid=\"{}\",nonce_str=\"{nonce}\",timestamp=\"{timestamp}\",\
         serial_no=\"{}\",signature=\"{}\"",
        setup.mchid,
        setup.merchant_serial,
        STANDARD.encode(signature)
    );
    request
        .headers
        .push(("Authorization".into(), authorization));
    request
}
