//! Clients that we did not write, against the sandbox as it is shipped: over TLS, with callbacks, through
//! faults and rotations. `tests/clients/install.sh` brings them; `.ci/run clients` does both.

#![allow(clippy::unwrap_used, reason = "a test")]

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

#[test]
fn wechatpayv3_finds_it_faithful() {
    run("wechatpayv3_client.py", |clients| {
        Command::new(clients.join("python/bin/python"))
    });
}

#[test]
fn wechatpay_axios_plugin_finds_it_faithful() {
    run("axios_plugin_client.js", |clients| {
        let mut node = Command::new("node");
        node.env("NODE_PATH", clients.join("node_modules"));
        node
    });
}

fn run(script: &str, program: impl FnOnce(&Path) -> Command) {
    let Some(clients) = clients() else {
        return;
    };
    let folder = tempfile::tempdir().unwrap();
    let _sandbox = Sandbox::start(folder.path());
    let script = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/clients")
        .join(script);
    let output = program(&clients)
        .arg(&script)
        .arg(folder.path().join("client.json"))
        .output()
        .unwrap();
    let (said, complained) = (text(&output.stdout), text(&output.stderr));
    println!("{said}");
    assert!(output.status.success(), "{said}\n{complained}");
}

/// Where the clients are; None, and loudly, where they are not.
fn clients() -> Option<PathBuf> {
    let folder = |name: &str| std::env::var_os(name).map(PathBuf::from);
    let cache = folder("XDG_CACHE_HOME").or_else(|| Some(folder("HOME")?.join(".cache")));
    let tools = folder("PARKGATE_TOOLS").or_else(|| Some(cache?.join("parkgate-tools")));
    let clients = tools.map(|tools| tools.join("clients"));
    let installed = clients.filter(|clients| clients.join("installed").is_file());
    if installed.is_none() {
        let required = std::env::var_os("PARKGATE_REQUIRE_TOOLS").is_some();
        assert!(!required, "tests/clients/install.sh has not been run");
        eprintln!("NOT CHECKED: other people's clients; tests/clients/install.sh brings them");
    }
    installed
}

/// Ends with the value.
struct Sandbox(Child);

impl Sandbox {
    /// Returns when it serves.
    fn start(folder: &Path) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_parkgate"))
            .args([
                "sandbox",
                "--listen",
                "127.0.0.1:0",
                "--control",
                "127.0.0.1:0",
            ])
            .args(["--tls", "--notify", "--json", "--material"])
            .arg(folder)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(std::fs::File::create(folder.join("log")).unwrap())
            .spawn()
            .unwrap();
        let mut line = String::new();
        let mut stdout = BufReader::new(child.stdout.take().unwrap());
        stdout.read_line(&mut line).unwrap();
        let log = std::fs::read_to_string(folder.join("log")).unwrap();
        assert!(
            line.starts_with('{'),
            "the sandbox did not start: {line}{log}"
        );
        Self(child)
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
