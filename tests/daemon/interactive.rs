//! `parkgate demo` on a terminal, played by keys.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use rustix::fs::{Mode, OFlags, open};
use rustix::process::{Pid, Signal, WaitOptions, kill_process, waitpid};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{LocalModes, Winsize, tcgetattr, tcsetwinsize};

use crate::wait::{seen, until};

const PLATE: &str = "粤B12345";
/// What the demo begins with; the shell that it is started by has not.
const TAKEN: &str = "\x1b[?2004h";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_person_drives_cuts_the_network_and_ends_with_the_account() {
    let mut terminal = Terminal::start(&[]);
    terminal.says("h lists the keys").await;
    terminal.types("p");
    terminal.says("the traffic is stopped").await;

    // What is typed wrong is told, and stays.
    terminal.types("B123\r");
    terminal.says("B123 is no plate").await;
    terminal.types("45\r");
    terminal.says(&format!("{PLATE}  is inside")).await;
    terminal.types("n");
    terminal.says("✂ WeChat is cut off").await;
    terminal.says("WeChat cut").await;
    // Pasted, with the end of the line that it was copied from.
    terminal.types(&format!("\x1b[200~{PLATE}\n\x1b[201~o"));
    terminal.says(&format!("{PLATE}  has left")).await;
    terminal.says("queue 1: 5.00").await;

    // The same car once more, by the line's memory.
    terminal.types("\x1b[A\r");
    terminal.says(&format!("{PLATE}  is inside")).await;
    terminal.types("\x1b[Ao");
    terminal.says(&format!("{PLATE}  has left")).await;
    terminal.says("queue 2: 10.00").await;
    terminal.types("n");
    terminal.says("✓ WeChat is back").await;
    terminal.says("queue empty").await;
    terminal.says("paid 10.00").await;

    terminal.types("q");
    terminal.ended(0).await;
    let told = terminal.told();
    let charged = told.split("  charged").last().unwrap();
    assert!(charged.contains("= 10.00 settled"), "{told}");
    assert!(charged.contains("0 lost, 0 doubled"), "{told}");
    assert!(terminal.is_as_found(), "{told}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_fault_has_its_turn_and_ctrl_c_ends() {
    let mut terminal = Terminal::start(&[]);
    terminal.says("h lists the keys").await;
    terminal.types("pf");
    terminal.says("fault: silence").await;
    for name in [
        "slow",
        "answer lost",
        "500",
        "500 after",
        "429",
        "bad signature",
    ] {
        terminal.types("f");
        terminal.says(&format!("✂ fault: {name}:")).await;
    }
    terminal.types("\x03");
    terminal.ended(0).await;
    assert!(terminal.told().contains("came in and left"));
    assert!(terminal.is_as_found());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stopped_demo_gives_the_terminal_back_and_takes_it_again() {
    let mut terminal = Terminal::start(&[]);
    terminal.says("h lists the keys").await;
    terminal.types("\x1a");
    terminal.stops().await;
    assert!(terminal.is_as_found());
    kill_process(terminal.pid(), Signal::CONT).unwrap();
    terminal.says(TAKEN).await;
    terminal.says("plate> ").await;
    terminal.resize(60);
    terminal.types("q");
    terminal.ended(0).await;
    assert!(terminal.is_as_found());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plain_one_sends_no_escape_codes() {
    let mut terminal = Terminal::start(&["--plain"]);
    terminal.says("drives up").await;
    assert!(terminal.is_as_found());
    terminal.types("\x03");
    terminal.ended(0).await;
    let told = terminal.told();
    assert!(!told.contains('\x1b') && !told.contains("plate>"), "{told}");
}

/// A terminal with a demo as the leader of its session.
struct Terminal {
    keys: File,
    /// Kept open, so that its modes can be looked at when the demo has ended.
    line: OwnedFd,
    child: Child,
    told: Arc<Mutex<Vec<u8>>>,
    /// How far [`Self::says`] has read.
    read: usize,
    found: LocalModes,
}

impl Terminal {
    fn start(arguments: &[&str]) -> Self {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC);
        let master = master.unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap();
        let flags = OFlags::RDWR | OFlags::NOCTTY | OFlags::CLOEXEC;
        let line = open(&name, flags, Mode::empty()).unwrap();
        let found = tcgetattr(&line).unwrap().local_modes;
        set_columns(&master, 80);
        // setsid(1) makes it the terminal's own session, so that Ctrl-C and Ctrl-Z are signals.
        let child = Command::new("setsid")
            .args(["--ctty", env!("CARGO_BIN_EXE_parkgate"), "demo"])
            .args(["--seed", "7"])
            .args(arguments)
            .env("TERM", "xterm")
            .env("NO_COLOR", "1")
            .env_remove("RUST_LOG")
            .stdin(Stdio::from(line.try_clone().unwrap()))
            .stdout(Stdio::from(line.try_clone().unwrap()))
            .stderr(Stdio::from(line.try_clone().unwrap()))
            .spawn()
            .unwrap();
        let told = Arc::new(Mutex::new(Vec::new()));
        let (mut shown, heard) = (File::from(master.try_clone().unwrap()), told.clone());
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            // An error means that the last one who had the line open has closed it.
            while let Ok(count) = shown.read(&mut piece) {
                heard.lock().unwrap().extend_from_slice(&piece[..count]);
            }
        });
        Self {
            keys: File::from(master),
            line,
            child,
            told,
            read: 0,
            found,
        }
    }

    fn types(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    fn resize(&self, columns: u16) {
        set_columns(&self.keys, columns);
    }

    /// Waits until it says `text`, after what was waited for before.
    async fn says(&mut self, text: &str) {
        let from = self.read;
        let find = || {
            let told = self.told();
            let at = told.get(from..)?.find(text)?;
            Some(from + at + text.len())
        };
        self.read = seen(&format!("{text:?} on the terminal"), find).await;
    }

    fn told(&self) -> String {
        String::from_utf8_lossy(&self.told.lock().unwrap()).into_owned()
    }

    fn pid(&self) -> Pid {
        Pid::from_child(&self.child)
    }

    async fn stops(&self) {
        let pid = Some(self.pid());
        seen("the demo to stop", || {
            let waited = waitpid(pid, WaitOptions::UNTRACED | WaitOptions::NOHANG).unwrap();
            waited.filter(|(_, status)| status.stopped()).map(drop)
        })
        .await;
    }

    async fn ended(&mut self, code: i32) {
        let child = &mut self.child;
        let status = until("the demo to end", async || child.try_wait().unwrap()).await;
        assert_eq!(status.code(), Some(code), "{}", self.told());
    }

    /// Whether whole lines are read and shown as they are typed, as before.
    fn is_as_found(&self) -> bool {
        tcgetattr(&self.line).unwrap().local_modes == self.found
    }
}

impl Drop for Terminal {
    fn drop(&mut self) {
        if std::thread::panicking() {
            println!("{}", self.told());
        }
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn set_columns(terminal: impl AsFd, columns: u16) {
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(terminal, size).unwrap();
}
