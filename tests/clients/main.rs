//! The sandbox as it is shipped: against clients that we did not write, over TLS, with callbacks, through faults
//! and rotations; and its page in a browser. `.ci/install.sh` brings what this needs, `.ci/run clients` does it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "all of this is test; clippy sees that only of functions marked #[test]"
)]

mod browser;
#[expect(dead_code, reason = "the sandbox's own tests look at headers too")]
#[path = "../../src/sim/sandbox/tests/customer.rs"]
mod customer;
mod page;
mod receiver;
mod sandbox;

use std::path::{Path, PathBuf};
use std::process::Command;

use self::sandbox::Sandbox;

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
    let _sandbox = Sandbox::start(folder.path(), &["--tls"]);
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
        missing("other people's clients; tests/clients/install.sh brings them");
    }
    installed
}

/// What a test lacks on this machine.
///
/// # Panics
/// Where `PARKGATE_REQUIRE_TOOLS` is set.
fn missing(what: &str) {
    let required = std::env::var_os("PARKGATE_REQUIRE_TOOLS").is_some();
    assert!(!required, "NOT CHECKED: {what}");
    eprintln!("NOT CHECKED: {what}");
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}
