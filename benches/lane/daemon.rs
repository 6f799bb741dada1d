//! The daemon as it runs on a box: its own process, its own store, and what the kernel knows of it.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use parkgate::sim::material;
use rustix::process::{Pid, Signal, kill_process};
use tokio::time::{Instant, sleep};

use crate::Outcome;

const ENTRIES: usize = 8;
const EXITS: usize = 4;
/// Nothing ran for this long: what a reading led to is done.
const QUIET: Duration = Duration::from_millis(60);
const QUIET_WITHIN: Duration = Duration::from_secs(20);

/// Names of the entry cameras of `name`, whoever serves them.
pub fn entry_cameras(name: &str) -> Vec<String> {
    (0..ENTRIES)
        .map(|lane| format!("{name}-in-{lane}"))
        .collect()
}

/// A running daemon; ends with the value.
pub struct Daemon {
    name: &'static str,
    folder: PathBuf,
    store: PathBuf,
    process: Child,
}

impl Daemon {
    /// Writes a configuration into `folder` and starts the daemon that this benchmark was built with.
    pub fn start(
        name: &'static str,
        folder: &Path,
        store: &Path,
        broker_port: u16,
        wechat: &[String],
    ) -> Outcome<Self> {
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        let config = config(name, &folder, store, broker_port, wechat);
        fs::write(folder.join("parkgate.toml"), config)?;
        fs::write(folder.join("tariff.toml"), TARIFF)?;
        fs::write(folder.join("key.pem"), material::MERCHANT_KEY)?;
        fs::write(folder.join("cert.pem"), material::MERCHANT_CERTIFICATE)?;
        fs::write(folder.join("apiv3.key"), material::API_V3_KEY)?;
        fs::write(folder.join("wechatpay.pem"), material::PUBLIC_KEY)?;
        let process = spawn(&folder)?;
        Ok(Self {
            name,
            folder,
            store: store.to_owned(),
            process,
        })
    }

    /// Ends it as systemd does, and starts it again on the same store.
    pub fn restart(&mut self) -> Outcome<()> {
        let pid = Pid::from_child(&self.process);
        kill_process(pid, Signal::TERM)?;
        self.process.wait()?;
        self.process = spawn(&self.folder)?;
        Ok(())
    }

    pub fn entries(&self) -> Vec<String> {
        entry_cameras(self.name)
    }

    pub fn exits(&self) -> Vec<String> {
        (0..EXITS)
            .map(|lane| format!("{}-out-{lane}", self.name))
            .collect()
    }

    pub fn ledger(&self) -> PathBuf {
        self.store.join("ledger")
    }

    /// Waits until it has nothing left to do.
    pub async fn quiet(&self) -> Outcome<()> {
        let give_up = Instant::now() + QUIET_WITHIN;
        let mut before = self.ran_ns()?;
        while Instant::now() < give_up {
            sleep(QUIET).await;
            let now = self.ran_ns()?;
            if now == before {
                return Ok(());
            }
            before = now;
        }
        Err(format!("the daemon {} does not come to rest", self.name).into())
    }

    /// A figure of `/proc/PID/status`, in kB.
    pub fn memory_kb(&self, key: &str) -> Outcome<u64> {
        number(&fs::read_to_string(self.proc("status"))?, key)
    }

    /// Times that a thread went to sleep by itself, and so had been woken.
    pub fn switches(&self) -> Outcome<u64> {
        self.threads()?
            .iter()
            .map(|thread| {
                let status = fs::read_to_string(thread.join("status"))?;
                number(&status, "voluntary_ctxt_switches")
            })
            .sum()
    }

    /// Bytes that it caused to be written to disks.
    pub fn written_bytes(&self) -> Outcome<u64> {
        number(&fs::read_to_string(self.proc("io"))?, "write_bytes")
    }

    /// Time on a processor, all threads.
    pub fn ran_ns(&self) -> Outcome<u64> {
        self.threads()?
            .iter()
            .map(|thread| {
                let stat = fs::read_to_string(thread.join("schedstat"))?;
                let ran = stat.split_whitespace().next().unwrap_or_default();
                Ok(ran.parse::<u64>()?)
            })
            .sum()
    }

    fn threads(&self) -> Outcome<Vec<PathBuf>> {
        let threads = fs::read_dir(self.proc("task"))?;
        Ok(threads
            .map(|thread| thread.map(|thread| thread.path()))
            .collect::<Result<_, _>>()?)
    }

    fn proc(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.process.id()).into()
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(folder: &Path) -> Outcome<Child> {
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))?;
    let process = Command::new(env!("CARGO_BIN_EXE_parkgate"))
        .args(["run", "--config"])
        .arg(folder.join("parkgate.toml"))
        .env_remove("RUST_LOG")
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(log)
        .spawn()?;
    Ok(process)
}

/// `key: 123 …` in a file of /proc.
fn number(text: &str, key: &str) -> Outcome<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'))
        .and_then(|rest| rest.split_whitespace().next())
        .and_then(|number| number.parse().ok())
        .ok_or_else(|| format!("/proc says nothing of {key}").into())
}

const TARIFF: &str = "name = \"bench\"\nversion = \"1\"\nthen = { every = \"1h\", fen = 500 }\n";

/// As `firmware-config/parkgate.toml`, with the simulator's merchant and more lanes.
fn config(name: &str, folder: &Path, store: &Path, broker_port: u16, wechat: &[String]) -> String {
    let (folder, store) = (folder.display(), store.display());
    let mut text = format!(
        r#"
[site]
id = "bench"
box = "{name}"
name = "parkgate"
timezone = "+08:00"

[merchant]
mode = "direct"
mchid = "{mchid}"
appid = "{appid}"
advance = true
private_key_file = "{folder}/key.pem"
certificate_file = "{folder}/cert.pem"
api_v3_key_files = ["{folder}/apiv3.key"]

[wechat]
base_urls = {wechat:?}
[wechat.public_key]
id = "{public_key}"
file = "{folder}/wechatpay.pem"

[store]
path = "{store}"

[mqtt]
url = "mqtt://127.0.0.1:{broker_port}"

[clock]
trust = "rtc"

[tariff]
file = "{folder}/tariff.toml"

[control]
socket = "{folder}/parkgate.sock"
"#,
        mchid = material::MCHID,
        appid = material::APPID,
        public_key = material::PUBLIC_KEY_ID,
    );
    for (direction, short, count) in [("entry", "in", ENTRIES), ("exit", "out", EXITS)] {
        for lane in 0..count {
            text += &format!(
                r#"
[[lane]]
id = "{short}-{lane}"
direction = "{direction}"
camera = {{ dialect = "vz-mqtt", device_id = "{name}-{short}-{lane}" }}
barrier = {{ driver = "camera", output = 0 }}
"#
            );
        }
    }
    text
}
