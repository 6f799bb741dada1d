//! A client of a sandbox that knows what `client.json` tells and nothing else. The tests of the page, which is
//! another program's, use it too.

use std::path::{Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rsa::pkcs8::DecodePrivateKey;
use rsa::{Pkcs1v15Sign, PrivateKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

/// Asks over plain HTTP, each request signed.
pub struct Customer {
    file: PathBuf,
    /// In the place of what the file tells.
    pub setup: Option<Value>,
    /// What entries and charges name.
    pub notify_url: String,
    /// Seconds since 1970.
    now: fn() -> i64,
    /// Of that.
    pub ahead_s: i64,
    nonces: u32,
}

/// An HTTP answer.
pub struct Told {
    pub status: u16,
    head: String,
    pub body: String,
}

impl Customer {
    /// With the `client.json` of a folder, read anew for each request, as the keys in it may change.
    pub fn of(folder: &Path, now: fn() -> i64) -> Self {
        Self {
            file: folder.join("client.json"),
            setup: None,
            notify_url: "http://127.0.0.1:9/n".into(),
            now,
            ahead_s: 0,
            nonces: 0,
        }
    }

    pub async fn get(&mut self, target: &str) -> (u16, Value) {
        self.call("GET", target, "").await
    }

    pub async fn post(&mut self, target: &str, body: &Value) -> (u16, Value) {
        self.call("POST", target, &body.to_string()).await
    }

    /// A stay that began an hour ago, as far as its entry is concerned.
    pub async fn enter(&mut self, number: &str, plate: &str) -> (u16, Value) {
        let body = json!({
            "out_parking_no": number, "plate_number": plate, "plate_color": "BLUE",
            "notify_url": self.notify_url, "start_time": self.ago(3600), "parking_name": "测试停车场",
            "free_duration": 0,
        });
        self.post("/v3/vehicle/parking/parkings", &body).await
    }

    /// A charge of 15 yuan that WeChat has accepted, with the entry before it.
    pub async fn charge(&mut self, number: &str, plate: &str) {
        let (status, entry) = self.enter(&format!("P{number}"), plate).await;
        assert_eq!(status, 200, "{entry}");
        let body = json!({
            "appid": self.setup()["appid"], "description": "停车费", "out_trade_no": number,
            "trade_scene": "PARKING", "notify_url": self.notify_url,
            "amount": { "total": 1500, "currency": "CNY" },
            "parking_info": {
                "parking_id": entry["id"], "plate_number": plate, "plate_color": "BLUE",
                "start_time": entry["start_time"], "end_time": self.ago(60), "parking_name": "测试停车场",
                "charging_duration": 3540, "device_id": "E1",
            },
        });
        let (status, charge) = self.post("/v3/vehicle/transactions/parking", &body).await;
        let state = (status, &charge["trade_state"]);
        assert_eq!(state, (200, &json!("ACCEPTED")), "{charge}");
    }

    async fn call(&mut self, method: &str, target: &str, body: &str) -> (u16, Value) {
        let setup = self.setup();
        let url = setup["base_url"].as_str().unwrap();
        let authorization = self.authorization(&setup, method, target, body);
        let headers = [
            ("Accept", "application/json"),
            ("User-Agent", "customer"),
            ("Content-Type", "application/json"),
            ("Authorization", &authorization),
        ];
        let address = url.strip_prefix("http://").unwrap();
        let told = ask(address, method, target, body, &headers).await;
        (
            told.status,
            serde_json::from_str(&told.body).unwrap_or_default(),
        )
    }

    fn now_s(&self) -> i64 {
        (self.now)() + self.ahead_s
    }

    fn ago(&self, seconds: i64) -> String {
        let at = Timestamp::from_second(self.now_s() - seconds).unwrap();
        let here = jiff::tz::offset(8).to_datetime(at);
        here.strftime("%Y-%m-%dT%H:%M:%S+08:00").to_string()
    }

    fn setup(&self) -> Value {
        let told = || serde_json::from_str(&std::fs::read_to_string(&self.file).unwrap()).unwrap();
        self.setup.clone().unwrap_or_else(told)
    }

    fn authorization(&mut self, setup: &Value, method: &str, target: &str, body: &str) -> String {
        self.nonces += 1;
        let (nonce, timestamp) = (self.nonces, self.now_s());
        let text = format!("{method}\n{target}\n{timestamp}\n{nonce}\n{body}\n");
        let pem = std::fs::read_to_string(setup["private_key_file"].as_str().unwrap()).unwrap();
        let key = PrivateKey::from_pkcs8_pem(&pem).unwrap();
        let digest = Sha256::digest(text);
        let signature = key.sign(Pkcs1v15Sign::new::<Sha256>(), &digest).unwrap();
        format!(
            "WECHATPAY2-SHA256-RSA2048 mchid={},nonce_str=\"{nonce}\",timestamp=\"{timestamp}\",\
             serial_no={},signature=\"{}\"",
            setup["mchid"],
            setup["merchant_serial"],
            STANDARD.encode(signature)
        )
    }
}

impl Told {
    pub fn header(&self, name: &str) -> Option<&str> {
        let start = format!("{name}: ");
        self.head.lines().find_map(|line| line.strip_prefix(&start))
    }
}

/// One request on a connection of its own. A `Host` is added where none is given.
pub async fn ask(
    address: &str,
    method: &str,
    target: &str,
    body: &str,
    headers: &[(&str, &str)],
) -> Told {
    let mut text = format!("{method} {target} HTTP/1.1\r\nConnection: close\r\n");
    if !headers.iter().any(|(name, _)| *name == "Host") {
        text.push_str(&format!("Host: {address}\r\n"));
    }
    for (name, value) in headers {
        text.push_str(&format!("{name}: {value}\r\n"));
    }
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
