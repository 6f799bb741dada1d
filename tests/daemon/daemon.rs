//! The daemon as a process, and the command line beside it.

use std::fs;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};

use rustix::process::{Pid, Resource, Rlimit, Signal, getrlimit, kill_process, prlimit};
use serde_json::Value;

use crate::wait::until;

/// The program.
pub const PARKGATE: &str = env!("CARGO_BIN_EXE_parkgate");

/// Where a daemon's files are.
#[derive(Clone, Debug)]
pub struct Place {
    pub config: PathBuf,
    pub socket: PathBuf,
    /// Its stderr, of all its runs.
    pub log: PathBuf,
}

/// A running daemon; killed when dropped.
pub struct Daemon {
    place: Place,
    child: Child,
}

impl Daemon {
    /// Starts it, and does not wait for anything.
    pub fn spawn(place: &Place) -> Self {
        Self::spawn_with(place, &[])
    }

    /// As [`Daemon::spawn`], with more in its environment.
    pub fn spawn_with(place: &Place, environment: &[(&str, String)]) -> Self {
        Self::spawn_command(Command::new(PARKGATE), place, environment)
    }

    fn spawn_command(mut command: Command, place: &Place, environment: &[(&str, String)]) -> Self {
        let log = fs::OpenOptions::new()
            .create(true)
            .append(true)
            .open(&place.log)
            .unwrap();
        let child = command
            .arg("run")
            .arg("--config")
            .arg(&place.config)
            .env_remove("RUST_LOG")
            .envs(environment.iter().cloned())
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let place = place.clone();
        Self { place, child }
    }

    /// Starts `program` as another user and waits until it answers at its socket.
    pub async fn start_as(user: u32, program: &Path, place: &Place) -> Self {
        let mut command = Command::new(program);
        command.uid(user).gid(user);
        Self::answering(Self::spawn_command(command, place, &[]), place).await
    }

    /// Starts it and waits until it answers at its socket.
    pub async fn start(place: &Place) -> Self {
        Self::answering(Self::spawn(place), place).await
    }

    async fn answering(mut daemon: Self, place: &Place) -> Self {
        until("the daemon to answer", async || {
            if let Some(status) = daemon.child.try_wait().unwrap() {
                panic!("the daemon ended: {status}\n{}", place.log());
            }
            place.status().await
        })
        .await;
        daemon
    }

    /// Leaves it no file to open, or as many as it likes.
    pub fn starve_of_files(&self, starve: bool) {
        let pid = Pid::from_child(&self.child);
        let maximum = getrlimit(Resource::Nofile).maximum;
        let current = if starve { Some(0) } else { maximum };
        let limit = Rlimit { current, maximum };
        prlimit(Some(pid), Resource::Nofile, limit).unwrap();
    }

    /// Makes the process stand still, and waits until no thread of it does anything more.
    pub async fn frozen(&self) {
        self.freeze(true);
        let is_still = |task: std::io::Result<fs::DirEntry>| {
            let stat = task.and_then(|task| fs::read_to_string(task.path().join("stat")));
            // Behind the name, which may hold anything: stopped, or waiting for the disk until it is.
            stat.ok()
                .and_then(|stat| Some(stat.rsplit_once(") ")?.1.starts_with(['T', 'D'])))
        };
        until("the daemon to stand still", async || {
            let mut tasks = fs::read_dir(self.proc("task")).unwrap();
            tasks.all(|task| is_still(task) == Some(true)).then_some(())
        })
        .await;
    }

    /// Makes the process stand still, or go on.
    pub fn freeze(&self, freeze: bool) {
        let signal = if freeze { Signal::STOP } else { Signal::CONT };
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// How often its threads went to sleep by themselves, and so had been woken.
    pub fn wake_ups(&self) -> u64 {
        let tasks = fs::read_dir(self.proc("task")).unwrap();
        // A thread that ends meanwhile has no figure.
        tasks
            .filter_map(|task| fs::read_to_string(task.unwrap().path().join("status")).ok())
            .map(|status| figure(&status, "voluntary_ctxt_switches:"))
            .sum()
    }

    /// Bytes that it caused to be written to disks.
    pub fn written_bytes(&self) -> u64 {
        figure(
            &fs::read_to_string(self.proc("io")).unwrap(),
            "write_bytes:",
        )
    }

    /// A file that the kernel has of it.
    pub fn told_by_the_kernel(&self, file: &str) -> Vec<u8> {
        fs::read(self.proc(file)).unwrap()
    }

    fn proc(&self, file: &str) -> PathBuf {
        format!("/proc/{}/{file}", self.child.id()).into()
    }

    /// Ends it as a power cut would.
    pub fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks it to end.
    pub fn terminate(&self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
    }

    /// Waits for its end.
    pub async fn ended(&mut self) -> ExitStatus {
        until("the daemon to end", async || self.child.try_wait().unwrap()).await
    }

    /// Ends it cleanly.
    pub async fn stop(mut self) {
        self.terminate();
        let status = self.ended().await;
        assert!(status.success(), "{status}\n{}", self.place.log());
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// `key: 123 …` in a file of /proc.
fn figure(text: &str, key: &str) -> u64 {
    let mut lines = text.lines();
    let line = lines.find_map(|line| line.strip_prefix(key)).unwrap();
    line.split_whitespace().next().unwrap().parse().unwrap()
}

impl Place {
    /// Everything that the daemon has said so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until the log says `text` so often.
    pub async fn logged(&self, text: &str, times: usize) {
        until(&format!("{text:?} in the log, {times} times"), async || {
            (self.log().matches(text).count() >= times).then_some(())
        })
        .await;
    }

    /// `parkgate status --json`; None if no daemon answers.
    pub async fn status(&self) -> Option<Value> {
        let output = self.ask(&["status", "--json"]).await;
        let answered = output.status.success();
        answered.then(|| serde_json::from_slice(&output.stdout).unwrap())
    }

    /// Waits until the status fits.
    pub async fn status_with(&self, what: &str, fits: impl Fn(&Value) -> bool) -> Value {
        until(what, async || self.status().await.filter(|s| fits(s))).await
    }

    /// A subcommand that speaks to the daemon.
    pub async fn ask(&self, arguments: &[&str]) -> Output {
        let socket = self.socket.to_str().unwrap();
        let all: Vec<String> = arguments
            .iter()
            .chain(&["--socket", socket])
            .map(|argument| (*argument).to_owned())
            .collect();
        run(all).await
    }
}

/// Runs `parkgate run` to its end: for daemons that should not start. Returns exit code and stderr.
pub async fn run_to_the_end(config: &Path) -> (Option<i32>, String) {
    let place = Place {
        config: config.to_owned(),
        socket: config.with_extension("sock"),
        log: config.with_extension("log"),
    };
    let status = Daemon::spawn(&place).ended().await;
    (status.code(), place.log())
}

/// Runs any subcommand to its end.
pub async fn run(arguments: Vec<String>) -> Output {
    let run = move || {
        Command::new(PARKGATE)
            .args(arguments)
            .env("LC_ALL", "C")
            .env_remove("RUST_LOG")
            .stdin(Stdio::null())
            .output()
            .unwrap()
    };
    tokio::task::spawn_blocking(run).await.unwrap()
}
