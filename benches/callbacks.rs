//! A callback at the running daemon: from the first byte of the request to the answer, which comes when
//! the ledger has it. One after the other, each on a connection of its own, as a proxy brings them.
//!
//! `cargo bench --bench callbacks`; WeChat waits 5 s, and 1 s is what one would like.

use std::error::Error;
use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use aes_gcm::aead::{Aead, Nonce};
use aes_gcm::{Aes256Gcm, KeyInit};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parkgate::clock::{Clock, TrustRule};
use parkgate::lane::time::Wall;
use parkgate::sim::{material, sandbox};
use serde_json::{Value, json};
use tokio::time::Instant;

const CALLBACKS: usize = 1000;
const STARTS_WITHIN: Duration = Duration::from_secs(20);

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Ends with the value.
struct Daemon(Child);

fn main() -> Outcome<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let _daemon = start(folder.path())?;
    let address = listening(&folder.path().join("parkgate.sock"))?;
    let mut took = Vec::new();
    for number in 0..CALLBACKS {
        let request = request(number)?;
        let began = Instant::now();
        let mut stream = TcpStream::connect(&address)?;
        stream.write_all(&request)?;
        let mut answer = String::new();
        stream.read_to_string(&mut answer)?;
        took.push(began.elapsed());
        if !answer.starts_with("HTTP/1.1 200") {
            return Err(format!("callback {number} was answered {answer:?}").into());
        }
    }
    took.sort_unstable();
    let at = |permille: usize| took[CALLBACKS * permille / 1000].as_secs_f64() * 1e3;
    println!(
        "  callbacks, each on disk before its answer: p50 {:.2} ms, p99 {:.2} ms, most {:.2} ms",
        at(500),
        at(990),
        at(999)
    );
    Ok(())
}

/// A genuine notice about an order that is in no ledger: verified, opened, put on record.
fn request(number: usize) -> Outcome<Vec<u8>> {
    let order = json!({
        "appid": material::APPID, "sp_mchid": material::MCHID,
        "out_trade_no": format!("BENCH{number:010}"), "trade_state": "SUCCESS",
        "trade_scene": "PARKING", "amount": { "total": 1500, "currency": "CNY" },
    });
    let nonce = format!("{number:012}");
    let key = material::API_V3_KEY.as_bytes();
    let cipher = Aes256Gcm::new_from_slice(key).map_err(|_| "the key has 32 bytes")?;
    let sealed_nonce = Nonce::<Aes256Gcm>::try_from(nonce.as_bytes())?;
    let sealed = cipher
        .encrypt(&sealed_nonce, order.to_string().as_bytes())
        .map_err(|_| "an order is short")?;
    let body = json!({
        "id": format!("bench-{number}"), "event_type": "TRANSACTION.SUCCESS",
        "resource": {
            "algorithm": "AEAD_AES_256_GCM", "nonce": nonce, "ciphertext": STANDARD.encode(sealed),
        },
    })
    .to_string();
    let now = Clock::system(TrustRule::Rtc, Wall(0)).now().wall;
    let timestamp = now.0 / 1000;
    let text = format!("{timestamp}\n{nonce}\n{body}\n");
    let serial = material::PUBLIC_KEY_ID;
    let signature = material::seal()
        .sign_answer(serial, text.as_bytes())
        .ok_or("the simulator has this key")?;
    let request = format!(
        "POST /bench/b1/charge HTTP/1.1\r\nHost: box\r\nWechatpay-Timestamp: {timestamp}\r\n\
         Wechatpay-Nonce: {nonce}\r\nWechatpay-Signature: {signature}\r\nWechatpay-Serial: {serial}\r\n\
         Content-Length: {}\r\n\r\n{body}",
        body.len()
    );
    Ok(request.into_bytes())
}

fn start(folder: &Path) -> Outcome<Daemon> {
    let path = |name: &str| folder.join(name).display().to_string();
    sandbox::write_material(folder)?;
    fs::write(
        path("tariff.toml"),
        "name = \"bench\"\nversion = \"1\"\nthen = { every = \"1h\", fen = 500 }\n",
    )?;
    fs::set_permissions(folder, fs::Permissions::from_mode(0o700))?;
    // Nobody serves the broker or WeChat: neither is needed.
    let config = format!(
        "[site]\nid = \"bench\"\nbox = \"b1\"\nname = \"bench\"\n\
         [merchant]\nmchid = \"{}\"\nappid = \"{}\"\nprivate_key_file = \"{}\"\n\
         certificate_file = \"{}\"\napi_v3_key_files = [\"{}\"]\n\
         notify_base_url = \"https://pay.invalid\"\n\
         [callbacks]\nlisten = \"127.0.0.1:0\"\n\
         [wechat]\nbase_urls = [\"http://127.0.0.1:9\"]\nplatform_certificates = false\n\
         [wechat.public_key]\nid = \"{}\"\nfile = \"{}\"\n\
         [store]\npath = \"{}\"\n[mqtt]\nurl = \"mqtt://127.0.0.1:9\"\nannounce = false\n\
         [clock]\ntrust = \"rtc\"\n[tariff]\nfile = \"{}\"\n[control]\nsocket = \"{}\"\n\
         [[lane]]\nid = \"in-1\"\ndirection = \"entry\"\n\
         camera = {{ dialect = \"vz-mqtt\", device_id = \"camera-1\" }}\n\
         barrier = {{ driver = \"camera\" }}\n",
        material::MCHID,
        material::APPID,
        path(sandbox::KEY_FILE),
        path(sandbox::CERTIFICATE_FILE),
        path(sandbox::API_V3_KEY_FILE),
        material::PUBLIC_KEY_ID,
        path(sandbox::PUBLIC_KEY_FILE),
        path("store"),
        path("tariff.toml"),
        path("parkgate.sock"),
    );
    fs::write(path("parkgate.toml"), config)?;
    let program =
        std::env::var_os("PARKGATE_PROGRAM").unwrap_or(env!("CARGO_BIN_EXE_parkgate").into());
    let child = Command::new(program)
        .args(["run", "--config", &path("parkgate.toml")])
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(fs::File::create(path("log"))?)
        .spawn()?;
    Ok(Daemon(child))
}

fn listening(socket: &Path) -> Outcome<String> {
    let give_up = Instant::now() + STARTS_WITHIN;
    while Instant::now() < give_up {
        if let Ok(status) = status(socket)
            && let Some(address) = status["ok"]["callbacks"]["listening"].as_str()
        {
            return Ok(address.to_owned());
        }
        std::thread::sleep(Duration::from_millis(20));
    }
    let log = fs::read_to_string(socket.with_file_name("log"))?;
    Err(format!("the daemon does not listen:\n{log}").into())
}

fn status(socket: &Path) -> Outcome<Value> {
    let mut stream = UnixStream::connect(socket)?;
    stream.write_all(b"{\"ask\":\"status\"}\n")?;
    let mut line = String::new();
    BufReader::new(stream).read_line(&mut line)?;
    Ok(serde_json::from_str(&line)?)
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
