//! `parkgate sandbox` as a process.

use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};

use serde_json::Value;

/// Ends with the value.
pub struct Sandbox {
    child: Child,
    /// What it told at its start.
    pub setup: Value,
}

impl Sandbox {
    /// With callbacks, and with its keys in `folder`. Returns when it serves.
    pub fn start(folder: &Path, more: &[&str]) -> Self {
        let any_port = "127.0.0.1:0";
        let mut child = Command::new(env!("CARGO_BIN_EXE_parkgate"))
            .args(["sandbox", "--listen", any_port, "--control", any_port])
            .args(["--notify", "--json", "--material"])
            .arg(folder)
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let setup = serde_json::from_str(&line);
        let log = std::fs::read_to_string(folder.join("log")).unwrap();
        let setup = setup.unwrap_or_else(|_| panic!("the sandbox did not start: {line}{log}"));
        Self { child, setup }
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
