//! The shell over real sockets.

use std::io;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rsa::pkcs8::DecodePrivateKey;
use rsa::{Pkcs1v15Sign, PrivateKey};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::time::timeout;

use super::super::wechat::{Call, Fault, OrderState};
use super::*;
use crate::lane::time::{BootId, Moment, Now, Wall};
use crate::sim::material;

/// 2025-11-24T12:30:05+08:00.
const NOW: Wall = Wall(1_763_958_605_000);
const DEADLINE: Duration = Duration::from_secs(20);

#[tokio::test]
async fn a_stay_is_entered_charged_and_settled_over_two_hosts() {
    let world = World::start().await;
    let entry = world.send(0, &entry("n1")).await.unwrap();
    let id = verified(&world, &entry)["id"].as_str().unwrap().to_owned();

    let accepted = world.send(1, &charge(&id, "n2")).await.unwrap();
    assert_eq!(verified(&world, &accepted)["trade_state"], "ACCEPTED");

    let later = NOW.plus_ms(2_000);
    world.clock.set(at(later));
    let query = signed(
        Request::get("/v3/vehicle/transactions/out-trade-no/T00001"),
        "n3",
    );
    let settled = world.send(0, &query).await.unwrap();
    assert_eq!(verified(&world, &settled)["trade_state"], "SUCCESS");
    assert_eq!(
        settled.header("Date"),
        Some("Mon, 24 Nov 2025 04:30:07 GMT")
    );

    let books = world.server.books();
    assert_eq!(books.fen_in(OrderState::Success), 1500);
    assert_eq!(books.violations, []);
    world.server.shutdown().await;
}

#[tokio::test]
async fn percent_encoding_reaches_the_signature_check_untouched() {
    let world = World::start().await;
    let target = format!(
        "/v3/vehicle/parking/services/find?appid={}&plate_number=%E7%B2%a4B888888\
         &plate_color=BLUE&openid=oUpF8uMuAJOM2pxb1Q",
        material::APPID
    );
    let answer = world
        .send(0, &signed(Request::get(target), "n1"))
        .await
        .unwrap();
    assert_eq!(verified(&world, &answer)["service_state"], "NORMAL");
}

#[tokio::test]
async fn a_lost_answer_is_fetched_at_the_backup_with_the_same_signature() {
    let world = World::start().await;
    let id = world.enter().await;
    world.server.with(|simulator| {
        simulator
            .faults_mut()
            .push_on(Call::Charge, Fault::AnswerLost)
    });
    let request = charge(&id, "n2");
    let charged = world.until(|| async { !world.server.books().orders.is_empty() });
    tokio::select! {
        answer = world.send(0, &request) => panic!("{answer:?}"),
        () = charged => {}
    }

    let answer = world.send(1, &request).await.unwrap();
    assert_eq!(verified(&world, &answer)["trade_state"], "ACCEPTED");
    let books = world.server.books();
    assert_eq!((books.accepted_fen(), books.orders[0].asked), (1500, 1));
    assert_eq!(books.violations, []);
}

#[tokio::test]
async fn an_outage_keeps_connections_and_drops_them_at_its_end() {
    let world = World::start().await;
    world.server.set_outage(Outage::Silent);
    let request = entry("n1");
    let mut waiting = Box::pin(world.send(0, &request));
    tokio::select! {
        answer = &mut waiting => panic!("{answer:?}"),
        () = world.asked(Call::Entry) => {}
    }

    world.server.set_outage(Outage::None);
    let dropped = timeout(DEADLINE, waiting).await.unwrap();
    assert!(dropped.is_err(), "{dropped:?}");
    assert!(world.server.books().entries.is_empty());
    assert_eq!(world.send(0, &entry("n1")).await.unwrap().status, 200);
}

#[tokio::test]
async fn ports_can_refuse_and_come_back() {
    let world = World::start().await;
    let mut open = TcpStream::connect(world.server.addresses()[0])
        .await
        .unwrap();
    exchange(&mut open, &entry("n1"), true).await.unwrap();

    world.server.set_outage(Outage::Refused);
    for port in [0, 1] {
        world
            .until(|| async {
                let error = world.send(port, &entry("n2")).await.err();
                error.is_some_and(|error| error.kind() == io::ErrorKind::ConnectionRefused)
            })
            .await;
    }
    let request = entry("n2");
    let cut = timeout(DEADLINE, exchange(&mut open, &request, true)).await;
    assert!(cut.expect("cut at once").is_err());
    assert_eq!(world.server.books().entries[0].asked, 1);

    world.server.set_outage(Outage::None);
    world
        .until(|| async { world.send(0, &entry("n3")).await.is_ok() })
        .await;
}

#[tokio::test]
async fn one_host_can_be_down_while_the_other_serves() {
    let world = World::start().await;
    for outage in [Outage::Refused, Outage::Silent] {
        world.server.set_outage_at(0, outage);
        world
            .until(|| async {
                let asked = timeout(Duration::from_millis(100), world.send(0, &entry("n1"))).await;
                !matches!(asked, Ok(Ok(_)))
            })
            .await;
        assert!(world.send(1, &entry("n2")).await.is_ok());
        world.server.set_outage_at(0, Outage::None);
        world
            .until(|| async { world.send(0, &entry("n2")).await.is_ok() })
            .await;
    }
}

#[tokio::test]
async fn a_server_that_dies_takes_everything_on_its_way_with_it_and_keeps_its_books() {
    let world = World::start().await;
    let id = world.enter().await;
    world
        .server
        .with(|simulator| simulator.settings_mut().latency_ms = 60_000);
    let (open, request) = (world.server.addresses()[0], charge(&id, "n2"));
    let mut idle = TcpStream::connect(open).await.unwrap();
    let acted = async {
        world
            .until(|| async { !world.server.books().orders.is_empty() })
            .await;
        world.server.set_outage(Outage::Down);
    };
    let (lost, ()) = tokio::join!(timeout(DEADLINE, world.send(1, &request)), acted);
    assert!(lost.expect("cut at once").is_err(), "acted, never answered");
    let ended = timeout(DEADLINE, idle.read(&mut [0])).await;
    assert!(matches!(ended.expect("cut at once"), Ok(0) | Err(_)));
    world
        .until(|| async { world.send(0, &entry("n3")).await.is_err() })
        .await;

    world.server.set_outage(Outage::None);
    world
        .server
        .with(|simulator| simulator.settings_mut().latency_ms = 0);
    world
        .until(|| async { world.send(0, &request).await.is_ok() })
        .await;
    let books = world.server.books();
    assert_eq!((books.accepted_fen(), books.orders[0].asked), (1500, 1));
}

#[tokio::test]
async fn delays_are_kept() {
    let world = World::start().await;
    world.server.with(|simulator| {
        simulator.settings_mut().latency_ms = 30;
        simulator.faults_mut().next.push_back(Fault::Slow(50));
    });
    let asked = tokio::time::Instant::now();
    let answer = world.send(0, &entry("n1")).await.unwrap();
    assert_eq!(answer.status, 200);
    assert!(asked.elapsed() >= Duration::from_millis(80));
}

#[tokio::test]
async fn faults_arrive_as_they_were_decided() {
    let world = World::start().await;
    let faults = [
        Fault::ProxyPage(502),
        Fault::Throttled(Some(2)),
        Fault::ErrorBefore,
        Fault::Unsigned,
    ];
    world
        .server
        .with(|simulator| simulator.faults_mut().next.extend(faults));
    let page = world.send(0, &entry("n1")).await.unwrap();
    assert_eq!(page.status, 502);
    assert_eq!(page.header("content-type"), Some("text/html"));
    let throttled = world.send(0, &entry("n1")).await.unwrap();
    assert_eq!(throttled.status, 429);
    assert_eq!(throttled.header("retry-after"), Some("2"));
    assert_eq!(world.send(0, &entry("n1")).await.unwrap().status, 500);
    let unsigned = world.send(0, &entry("n1")).await.unwrap();
    assert_eq!(unsigned.status, 200);
    assert_eq!(unsigned.header("wechatpay-signature"), None);
}

#[tokio::test]
async fn requests_that_are_too_large_are_not_read() {
    let world = World::start().await;
    let request = Request::post("/v3/vehicle/parking/parkings", vec![b' '; 70_000]);
    match world.send(0, &request).await {
        Ok(answer) => assert_eq!(answer.status, 413),
        // The rest of the body met a closed connection.
        Err(error) => assert_ne!(error.kind(), io::ErrorKind::ConnectionRefused),
    }
    assert_eq!(world.server.books().violations, []);
}

#[tokio::test]
async fn shutting_down_does_not_wait_for_silence() {
    let world = World::start().await;
    world.server.set_outage(Outage::Silent);
    let address = world.server.addresses()[0];
    let mut stream = TcpStream::connect(address).await.unwrap();
    let waiting =
        tokio::spawn(async move { exchange(&mut stream, &entry("n1"), false).await.is_err() });
    world.asked(Call::Entry).await;
    timeout(DEADLINE, world.server.shutdown()).await.unwrap();
    assert!(timeout(DEADLINE, waiting).await.unwrap().unwrap());
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn many_calls_at_once_are_all_answered() {
    let world = Arc::new(World::start().await);
    let calls: Vec<_> = (0..32)
        .map(|n| {
            let world = world.clone();
            tokio::spawn(async move {
                let request = signed(Request::get("/v3/certificates"), &format!("n{n}"));
                let answer = world.send(n % 2, &request).await.unwrap();
                verified(&world, &answer);
            })
        })
        .collect();
    for call in calls {
        timeout(DEADLINE, call).await.unwrap().unwrap();
    }
}

struct World {
    server: Server,
    clock: Clock,
}

impl World {
    async fn start() -> Self {
        let clock = Clock::manual(at(NOW));
        let simulator = Simulator::new(material::settings(1));
        let server = Server::on_loopback(simulator, clock.clone(), 2)
            .await
            .unwrap();
        Self { server, clock }
    }

    async fn send(&self, port: usize, request: &Request) -> io::Result<Answer> {
        let mut stream = TcpStream::connect(self.server.addresses()[port]).await?;
        exchange(&mut stream, request, false).await
    }

    async fn enter(&self) -> String {
        let answer = self.send(0, &entry("n1")).await.unwrap();
        verified(self, &answer)["id"].as_str().unwrap().to_owned()
    }

    /// Waits until a request of `call` has come.
    async fn asked(&self, call: Call) {
        self.until(|| async { self.server.with(|simulator| simulator.asked(call)) > 0 })
            .await;
    }

    async fn until<F: Future<Output = bool>>(&self, holds: impl Fn() -> F) {
        let wait = async {
            while !holds().await {
                tokio::time::sleep(Duration::from_millis(5)).await;
            }
        };
        timeout(DEADLINE, wait).await.expect("it holds in time");
    }
}

fn at(wall: Wall) -> Now {
    Now {
        moment: Moment(0),
        wall,
        trusted: true,
        boot: BootId(1),
    }
}

/// The body of an answer whose signature fits the simulator's keys.
fn verified(world: &World, answer: &Answer) -> Value {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(world.server.with(|simulator| simulator.verify(answer)));
    serde_json::from_slice(&answer.body).unwrap()
}

fn entry(nonce: &str) -> Request {
    let body = json!({
        "out_parking_no": "P1",
        "plate_number": "粤B888888",
        "plate_color": "BLUE",
        "notify_url": "https://pay.example.com/wx/parking-state",
        "start_time": "2025-11-24T10:00:00+08:00",
        "parking_name": "测试停车场",
        "free_duration": 900,
    });
    let request = Request::post("/v3/vehicle/parking/parkings", body.to_string());
    signed(request, nonce)
}

fn charge(parking_id: &str, nonce: &str) -> Request {
    let body = json!({
        "appid": material::APPID,
        "description": "停车费",
        "out_trade_no": "T00001",
        "trade_scene": "PARKING",
        "notify_url": "https://pay.example.com/wx/parking-pay",
        "amount": { "total": 1500 },
        "parking_info": {
            "parking_id": parking_id,
            "plate_number": "粤B888888",
            "plate_color": "BLUE",
            "start_time": "2025-11-24T10:00:00+08:00",
            "end_time": "2025-11-24T12:30:00+08:00",
            "parking_name": "测试停车场",
            "charging_duration": 9000,
            "device_id": "E1",
        },
    });
    let request = Request::post("/v3/vehicle/transactions/parking", body.to_string());
    signed(request, nonce)
}

/// Signs as a client does, at [`NOW`].
fn signed(mut request: Request, nonce: &str) -> Request {
    let key = PrivateKey::from_pkcs8_pem(material::MERCHANT_KEY).unwrap();
    let timestamp = NOW.0 / 1000;
    let (method, target) = (&request.method, &request.target);
    let mut text = format!("{method}\n{target}\n{timestamp}\n{nonce}\n").into_bytes();
    text.extend_from_slice(&request.body);
    text.push(b'\n');
    let signature = key
        .sign(Pkcs1v15Sign::new::<Sha256>(), &Sha256::digest(&text))
        .unwrap();
    let header = format!(
        "WECHATPAY2-SHA256-RSA2048 mchid=\"{}\",nonce_str=\"{nonce}\",timestamp=\"{timestamp}\",\
         serial_no=\"{}\",signature=\"{}\"",
        material::MCHID,
        material::MERCHANT_SERIAL,
        STANDARD.encode(signature)
    );
    request.headers.push(("Authorization".into(), header));
    request
}

/// One request and its answer over HTTP/1.1; an error where the connection ends without one.
async fn exchange(stream: &mut TcpStream, request: &Request, keep: bool) -> io::Result<Answer> {
    let mut head = format!(
        "{} {} HTTP/1.1\r\nHost: api.mch.weixin.qq.com\r\nContent-Length: {}\r\n",
        request.method,
        request.target,
        request.body.len()
    );
    if !keep {
        head.push_str("Connection: close\r\n");
    }
    for (name, value) in &request.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    stream.write_all(head.as_bytes()).await?;
    stream.write_all(&request.body).await?;

    let mut received = Vec::new();
    loop {
        if let Some(answer) = parse(&received) {
            return Ok(answer);
        }
        if stream.read_buf(&mut received).await? == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
    }
}

/// None until the answer is complete.
fn parse(received: &[u8]) -> Option<Answer> {
    let end = received.windows(4).position(|four| four == b"\r\n\r\n")?;
    let head = std::str::from_utf8(&received[..end]).unwrap();
    let mut lines = head.split("\r\n");
    let status = lines.next().unwrap().split(' ').nth(1).unwrap();
    let headers: Vec<(String, String)> = lines
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| (name.to_owned(), value.to_owned()))
        .collect();
    let mut answer = Answer {
        status: status.parse().unwrap(),
        headers,
        body: Vec::new(),
    };
    let length: usize = answer.header("Content-Length")?.parse().unwrap();
    let body = &received[end + 4..];
    if body.len() < length {
        return None;
    }
    answer.body = body[..length].to_vec();
    Some(answer)
}
