//! Signatures made and checked and messages opened per second: parkgate's own code, `openssl speed`, and
//! the two clients that the sandbox is held against, each in its own language, on the same inputs, in
//! turns, on one thread each. A second is one of processor time, as `openssl speed` counts too, so that
//! other work on the machine does not show.
//!
//! `cargo bench --bench crypto`; openssl, and `tests/clients/install.sh` for the clients. What is missing is
//! left out of the table, and said.

use std::error::Error;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use parkgate::clock::{Clock, TrustRule};
use parkgate::lane::time::Wall;
use parkgate::sim::material;
use parkgate::wechat::seal::{ApiV3Keys, Sealed};
use parkgate::wechat::sign::{FileSigner, Signer};
use parkgate::wechat::trust::{KeyRing, SignatureHeaders};
use parkgate::wechat::{RsaPublicKey, Secret};
use serde_json::{Value, json};

type Outcome<T> = Result<T, Box<dyn Error>>;

/// Sign, verify, decrypt; per second.
type Rates = [f64; 3];

const WHAT: [&str; 3] = ["sign", "verify", "decrypt"];
const ROUNDS: usize = 5;
/// Of each operation in each round.
const FOR: Duration = Duration::from_secs(1);
/// So many of each operation between two looks at the processor time.
const BATCHES: [u32; 3] = [16, 256, 1024];

struct Inputs {
    /// The five lines that a charge's signature covers.
    message: String,
    /// An answer of WeChat's: a charge that was accepted.
    answer: String,
    timestamp: String,
    nonce: String,
    signature: String,
    /// A callback's resource: the same charge, paid.
    sealed: Value,
    folder: PathBuf,
}

fn main() -> Outcome<()> {
    let folder = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?;
    let inputs = Inputs::make(folder.path())?;
    let mut measured: Vec<(&str, Vec<Rates>)> = Vec::new();
    for _ in 0..ROUNDS {
        for (name, measure) in [
            (
                "parkgate",
                parkgate as fn(&Inputs) -> Outcome<Option<Rates>>,
            ),
            ("openssl speed", openssl),
            ("wechatpayv3", python),
            ("wechatpay-axios-plugin", node),
        ] {
            let Some(rates) = measure(&inputs)? else {
                continue;
            };
            match measured.iter_mut().find(|(known, _)| *known == name) {
                Some((_, rounds)) => rounds.push(rates),
                None => measured.push((name, vec![rates])),
            }
        }
    }
    show(&measured);
    Ok(())
}

fn show(measured: &[(&str, Vec<Rates>)]) {
    println!("Operations per second, median of {ROUNDS} rounds (parkgate : it)");
    println!("  {:24}{:>22}{:>22}{:>22}", "", WHAT[0], WHAT[1], WHAT[2]);
    let own = measured.first().map(|(_, rounds)| median(rounds));
    for (name, rounds) in measured {
        let rates = median(rounds);
        print!("  {name:24}");
        for at in 0..WHAT.len() {
            let ratio = own.map_or(1.0, |own| own[at] / rates[at]);
            print!("{:>22}", format!("{:.0} ({ratio:.2})", rates[at]));
        }
        println!();
    }
}

fn median(rounds: &[Rates]) -> Rates {
    [0, 1, 2].map(|at| {
        let mut all: Vec<f64> = rounds.iter().map(|rates| rates[at]).collect();
        all.sort_by(f64::total_cmp);
        all[all.len() / 2]
    })
}

/// The daemon's own functions, as it calls them.
fn parkgate(inputs: &Inputs) -> Outcome<Option<Rates>> {
    let signer = FileSigner::from_pem(&Secret::new(material::MERCHANT_KEY))?;
    let ring = KeyRing::default();
    let key = RsaPublicKey::from_pem(material::PUBLIC_KEY)?;
    ring.add_public_key(material::PUBLIC_KEY_ID, key);
    let headers = SignatureHeaders {
        timestamp: Some(inputs.timestamp.clone()),
        nonce: Some(inputs.nonce.clone()),
        signature: Some(inputs.signature.clone()),
        serial: Some(material::PUBLIC_KEY_ID.to_owned()),
        signature_type: None,
    };
    let now = Wall(inputs.timestamp.parse::<i64>()? * 1000);
    let keys = ApiV3Keys::new(&[Secret::new(material::API_V3_KEY)]);
    let keys = keys.map_err(|_| "the APIv3 key is none")?;
    let sealed: Sealed = serde_json::from_value(inputs.sealed.clone())?;
    Ok(Some([
        per_second(BATCHES[0], || {
            signer.sign(inputs.message.as_bytes()).is_ok()
        })?,
        per_second(BATCHES[1], || {
            ring.verify(&headers, inputs.answer.as_bytes(), now).is_ok()
        })?,
        per_second(BATCHES[2], || keys.open(&sealed).is_ok())?,
    ]))
}

fn per_second(batch: u32, mut operation: impl FnMut() -> bool) -> Outcome<f64> {
    let began = ran()?;
    let mut done = 0_u32;
    loop {
        for _ in 0..batch {
            if !operation() {
                return Err("an operation failed".into());
            }
        }
        done += batch;
        let took = ran()?.saturating_sub(began);
        if took >= FOR {
            return Ok(f64::from(done) / took.as_secs_f64());
        }
    }
}

/// How long this thread has been on a processor.
fn ran() -> Outcome<Duration> {
    let told = fs::read_to_string("/proc/thread-self/schedstat")?;
    let ns = told.split(' ').next().ok_or("schedstat is empty")?;
    Ok(Duration::from_nanos(ns.parse()?))
}

/// The bare private and public RSA operation, without hash or Base64, and GCM without Base64.
fn openssl(inputs: &Inputs) -> Outcome<Option<Rates>> {
    let sealed = inputs.sealed["ciphertext"].as_str().unwrap_or_default();
    let bytes = (STANDARD.decode(sealed)?.len() - 16).to_string();
    let seconds = FOR.as_secs().to_string();
    let rsa = speed(&["-seconds", &seconds, "rsa2048"])?;
    let gcm = [
        "-seconds",
        &seconds,
        "-bytes",
        &bytes,
        "-decrypt",
        "-aead",
        "-evp",
        "aes-256-gcm",
    ];
    let (Some(rsa), Some(gcm)) = (rsa, speed(&gcm)?) else {
        return Ok(None);
    };
    // +F2:number:bits:signatures a second:verifications a second, +F:number:name:bytes a second
    let rsa = fields(&rsa, "+F2:").ok_or("openssl speed told nothing of RSA")?;
    let gcm = fields(&gcm, "+F:").ok_or("openssl speed told nothing of GCM")?;
    let number = |text: Option<&String>| -> Outcome<f64> {
        Ok(text
            .ok_or("openssl speed told less than it should")?
            .trim()
            .parse()?)
    };
    let sign = number(rsa.get(2))?;
    let verify = number(rsa.get(3))?;
    let decrypt = number(gcm.last())? / bytes.parse::<f64>()?;
    Ok(Some([sign, verify, decrypt]))
}

fn fields(told: &str, start: &str) -> Option<Vec<String>> {
    let line = told.lines().find_map(|line| line.strip_prefix(start))?;
    Some(line.split(':').map(str::to_owned).collect())
}

/// None without openssl.
fn speed(arguments: &[&str]) -> Outcome<Option<String>> {
    let told = Command::new("openssl")
        .args(["speed", "-mr"])
        .args(arguments)
        .output();
    match told {
        Ok(told) if told.status.success() => Ok(Some(String::from_utf8(told.stdout)?)),
        Ok(told) => Err(String::from_utf8_lossy(&told.stderr).into_owned().into()),
        Err(_) => {
            println!("  openssl is missing: not measured");
            Ok(None)
        }
    }
}

fn python(inputs: &Inputs) -> Outcome<Option<Rates>> {
    let python = clients().map(|clients| clients.join("python/bin/python"));
    script(inputs, python.as_deref(), "sdk.py")
}

fn node(inputs: &Inputs) -> Outcome<Option<Rates>> {
    let is_there = clients().is_some_and(|clients| clients.join("node_modules").is_dir());
    let node = is_there.then(|| PathBuf::from("node"));
    script(inputs, node.as_deref(), "sdk.js")
}

fn script(inputs: &Inputs, program: Option<&Path>, name: &str) -> Outcome<Option<Rates>> {
    let Some(program) = program.filter(|_| clients().is_some()) else {
        println!("  {name}: tests/clients/install.sh has not been run: not measured");
        return Ok(None);
    };
    let clients = clients().unwrap_or_default();
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("benches/crypto")
        .join(name);
    let told = Command::new(program)
        .arg(script)
        .arg(inputs.folder.join("inputs.json"))
        .env("NODE_PATH", clients.join("node_modules"))
        .output()?;
    if !told.status.success() {
        return Err(String::from_utf8_lossy(&told.stderr).into_owned().into());
    }
    Ok(Some(serde_json::from_slice(&told.stdout)?))
}

fn clients() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    let tools = folder("PARKGATE_TOOLS").or_else(|| Some(cache?.join("parkgate-tools")));
    let clients = tools?.join("clients");
    clients.join("installed").is_file().then_some(clients)
}

impl Inputs {
    fn make(folder: &Path) -> Outcome<Self> {
        let now = Clock::system(TrustRule::Rtc, Wall(0)).now().wall;
        let charge = json!({
            "appid": material::APPID, "sp_mchid": material::MCHID, "description": "停车费",
            "create_time": now.to_rfc3339(), "out_trade_no": "T20260301000000000001",
            "transaction_id": "4200002345202603010000000001", "trade_state": "SUCCESS",
            "trade_state_description": "支付成功", "success_time": now.to_rfc3339(),
            "bank_type": "OTHERS", "trade_scene": "PARKING",
            "parking_info": {
                "parking_id": "01000321699017206677937836733", "plate_number": "粤B888888",
                "plate_color": "BLUE", "start_time": now.to_rfc3339(), "end_time": now.to_rfc3339(),
                "parking_name": "测试停车场", "charging_duration": 9000, "device_id": "E1",
            },
            "payer": { "openid": "oUpF8uMuAJOM2pxb1Q" },
            "amount": { "total": 1500, "payer_total": 1500, "discount_total": 0, "currency": "CNY" },
        })
        .to_string();
        let timestamp = (now.0 / 1000).to_string();
        let nonce = "5K8264ILTKCH16CQ2502SI8ZNMTM67VS".to_owned();
        let text = format!("{timestamp}\n{nonce}\n{charge}\n");
        let signature = material::seal()
            .sign_answer(material::PUBLIC_KEY_ID, text.as_bytes())
            .ok_or("the simulator has this key")?;
        let made = Self {
            message: format!(
                "POST\n/v3/vehicle/transactions/parking\n{timestamp}\n{nonce}\n{charge}\n"
            ),
            sealed: sealed(&charge)?,
            answer: charge,
            timestamp,
            nonce,
            signature,
            folder: folder.to_owned(),
        };
        let inputs = json!({
            "private_key": material::MERCHANT_KEY,
            "public_key": material::PUBLIC_KEY,
            "api_v3_key": material::API_V3_KEY,
            "message": made.message,
            "answer": made.answer,
            "timestamp": made.timestamp,
            "nonce": made.nonce,
            "signature": made.signature,
            "sealed": made.sealed,
            "seconds": FOR.as_secs_f64(),
        });
        fs::write(folder.join("inputs.json"), inputs.to_string())?;
        Ok(made)
    }
}

/// As WeChat seals what a callback tells.
fn sealed(text: &str) -> Outcome<Value> {
    use aes_gcm::aead::{Aead, Nonce, Payload};
    use aes_gcm::{Aes256Gcm, KeyInit};
    let nonce = "fdasfjihihij";
    let associated = "transaction";
    let cipher = Aes256Gcm::new_from_slice(material::API_V3_KEY.as_bytes())?;
    let payload = Payload {
        msg: text.as_bytes(),
        aad: associated.as_bytes(),
    };
    let sealed = cipher
        .encrypt(&Nonce::<Aes256Gcm>::try_from(nonce.as_bytes())?, payload)
        .map_err(|_| "a charge is short")?;
    Ok(json!({
        "algorithm": "AEAD_AES_256_GCM",
        "nonce": nonce,
        "associated_data": associated,
        "ciphertext": STANDARD.encode(sealed),
    }))
}
