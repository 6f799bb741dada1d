//! The daemon as a process of its own, and the command line beside its ledger.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use parkgate::config::Config;
use parkgate::gate;
use parkgate::park::rules::Rules;
use rustix::process::{Pid, Signal, kill_process};

use crate::installation::{Installation, config_file};
use crate::{Outcome, seconds};

pub const SITE: &str = "bench";
pub const BOX: &str = "scale";
const BETWEEN_LOOKS: Duration = Duration::from_millis(10);

/// The rules of the daemon over `store`; writes its configuration beside it.
pub fn rules(store: &Path) -> Outcome<Rules> {
    fs::create_dir_all(store)?;
    let folder = folder(store);
    fs::create_dir_all(&folder)?;
    let installation = Installation {
        site: SITE,
        box_id: BOX,
        store,
        // Nobody listens there.
        broker_port: 9,
        wechat: &["http://127.0.0.1:9".to_owned()],
        public_key: true,
        entries: 1,
        exits: 1,
    };
    installation.write(&folder)?;
    let (config, tariff) =
        Config::load_with_tariff(&config_file(&folder)).map_err(|f| f.to_string())?;
    Ok(gate::rules(&config, tariff))
}

fn folder(store: &Path) -> PathBuf {
    store.with_extension("config")
}

/// A daemon at work.
pub struct Daemon {
    process: Child,
    log: PathBuf,
}

impl Daemon {
    pub fn start(store: &Path) -> Outcome<Self> {
        let log = folder(store).join("log");
        let process = Command::new(env!("CARGO_BIN_EXE_parkgate"))
            .args(["run", "--config"])
            .arg(config_file(&folder(store)))
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(File::create(&log)?)
            .spawn()?;
        Ok(Self { process, log })
    }

    /// Until its log has a line with this in it.
    pub fn wait_for(&mut self, word: &str, within: Duration) -> Outcome<()> {
        let give_up = seconds() + within.as_secs_f64();
        loop {
            let log = fs::read_to_string(&self.log)?;
            let is_told = match word {
                "index" => log.lines().any(|line| line.contains("the index is ready")),
                word => log.lines().any(|line| line.contains(word)),
            };
            if is_told {
                return Ok(());
            }
            if seconds() > give_up || self.process.try_wait()?.is_some() {
                return Err(format!("no {word:?} in time; its log:\n{log}").into());
            }
            std::thread::sleep(BETWEEN_LOOKS);
        }
    }

    /// A figure of /proc/PID/status.
    pub fn memory_mb(&self, key: &str) -> Outcome<u64> {
        let status = fs::read_to_string(format!("/proc/{}/status", self.process.id()))?;
        let line = status
            .lines()
            .find_map(|line| line.strip_prefix(key)?.strip_prefix(':'));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        Ok(number.ok_or("no such figure")?.parse::<u64>()? >> 10)
    }

    pub fn stop(mut self) -> Outcome<()> {
        kill_process(Pid::from_child(&self.process), Signal::TERM)?;
        self.process.wait()?;
        Ok(())
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Runs a command over the store of a stopped daemon: bytes printed, and the most memory it took, kB.
pub fn ask(store: &Path, command: &[&str]) -> Outcome<(u64, u64)> {
    let out = folder(store).join("out");
    let process = Command::new(env!("CARGO_BIN_EXE_parkgate"))
        .args(command)
        .arg("--store")
        .arg(store)
        .stdin(Stdio::null())
        .stdout(File::create(&out)?)
        .spawn()?;
    let status = format!("/proc/{}/status", process.id());
    let mut process = process;
    let mut most_kb = 0;
    while process.try_wait()?.is_none() {
        let told = fs::read_to_string(&status).unwrap_or_default();
        let line = told.lines().find_map(|line| line.strip_prefix("VmHWM:"));
        let number = line.and_then(|rest| rest.split_whitespace().next());
        most_kb = number.and_then(|n| n.parse().ok()).unwrap_or(most_kb);
        std::thread::sleep(BETWEEN_LOOKS);
    }
    Ok((fs::metadata(&out)?.len(), most_kb))
}
