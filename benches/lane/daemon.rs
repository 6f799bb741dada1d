//! The daemon as it runs on a box: its own process, its own store.

use std::env;
use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, sleep};

use crate::Outcome;
use crate::installation::{Installation, camera, config_file};
use crate::process::Running;

const ENTRIES: usize = 8;
const EXITS: usize = 4;
/// Nothing ran for this long: what a reading led to is done.
const QUIET: Duration = Duration::from_millis(60);
const QUIET_WITHIN: Duration = Duration::from_secs(20);
const SOON: Duration = Duration::from_millis(20);

/// Names of the entry cameras of `name`, whoever serves them.
pub fn entry_cameras(name: &str) -> Vec<String> {
    (0..ENTRIES).map(|lane| camera(name, "in", lane)).collect()
}

/// A running daemon; ends with the value.
pub struct Daemon {
    name: &'static str,
    folder: PathBuf,
    store: PathBuf,
    pub process: Running,
    pub started_at: Instant,
}

impl Daemon {
    /// Writes a configuration into `folder` and starts the daemon.
    pub fn start(
        name: &'static str,
        folder: &Path,
        store: &Path,
        broker_port: u16,
        wechat: &[String],
    ) -> Outcome<Self> {
        let folder = folder.join(name);
        fs::create_dir_all(&folder)?;
        let installation = Installation {
            site: "bench",
            box_id: name,
            store,
            broker_port,
            wechat,
            public_key: false,
            entries: ENTRIES,
            exits: EXITS,
        };
        installation.write(&folder)?;
        let started_at = Instant::now();
        let process = spawn(&folder)?;
        Ok(Self {
            name,
            folder,
            store: store.to_owned(),
            process,
            started_at,
        })
    }

    /// Ends it as systemd does, and starts it again on the same store.
    pub fn restart(&mut self) -> Outcome<()> {
        self.process.stop()?;
        self.started_at = Instant::now();
        self.process = spawn(&self.folder)?;
        Ok(())
    }

    pub fn entries(&self) -> Vec<String> {
        entry_cameras(self.name)
    }

    pub fn exits(&self) -> Vec<String> {
        let name = self.name;
        (0..EXITS).map(|lane| camera(name, "out", lane)).collect()
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

    /// Answers the socket's question *status*.
    pub fn status(&self) -> Outcome<Value> {
        let mut socket = UnixStream::connect(self.folder.join("parkgate.sock"))?;
        socket.write_all(b"{\"ask\":\"status\"}\n")?;
        let mut line = String::new();
        BufReader::new(socket).read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line)?;
        Ok(answer["ok"].clone())
    }

    /// Waits until its status is as wanted.
    pub async fn until(
        &self,
        what: &str,
        within: Duration,
        wanted: impl Fn(&Value) -> bool,
    ) -> Outcome<Value> {
        let give_up = Instant::now() + within;
        loop {
            let status = self.status()?;
            if wanted(&status) {
                return Ok(status);
            }
            if Instant::now() > give_up {
                return Err(
                    format!("the daemon {} never told of {what}: {status}", self.name).into(),
                );
            }
            sleep(SOON).await;
        }
    }

    /// How many lines of its log hold these words.
    pub fn logged(&self, words: &str) -> Outcome<usize> {
        let log = fs::read_to_string(self.folder.join("log"))?;
        Ok(log.lines().filter(|line| line.contains(words)).count())
    }

    fn ran_ns(&self) -> Outcome<u64> {
        self.process.ran_ns()
    }
}

/// The program of `PARKGATE_PROGRAM`, such as the firmware's, or else the one that was built along with
/// this benchmark.
fn spawn(folder: &Path) -> Outcome<Running> {
    let program = env::var_os("PARKGATE_PROGRAM").unwrap_or(env!("CARGO_BIN_EXE_parkgate").into());
    let log = File::options()
        .create(true)
        .append(true)
        .open(folder.join("log"))?;
    Running::spawn(
        Command::new(program)
            .args(["run", "--config"])
            .arg(config_file(folder))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log),
    )
}
