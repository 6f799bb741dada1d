//! Mosquitto as a process, at a port of the kernel's choice.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::net::{TcpSocket, TcpStream};

pub struct Mosquitto {
    child: Child,
    pub port: u16,
    /// Bound and never listening: nobody else is given the port.
    _holder: TcpSocket,
}

/// On the path, or where Debian has it.
///
/// # Panics
/// Without it, where `PARKGATE_REQUIRE_TOOLS` is set.
pub fn program() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let found = std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin")])
        .map(|folder| folder.join("mosquitto"))
        .find(|program| program.is_file());
    if found.is_none() {
        let required = std::env::var_os("PARKGATE_REQUIRE_TOOLS").is_some();
        assert!(!required, "mosquitto is not installed");
        eprintln!("SKIPPED: mosquitto is not installed");
    }
    found
}

impl Mosquitto {
    /// Starts it with further lines of configuration; `{port}` stands for the port in all of them.
    /// None: it is not installed.
    pub async fn start(folder: &Path, listener: &str) -> Option<Self> {
        let program = program()?;
        let holder = TcpSocket::new_v4().unwrap();
        holder.set_reuseaddr(true).unwrap();
        holder.bind((Ipv4Addr::LOCALHOST, 0).into()).unwrap();
        let port = holder.local_addr().unwrap().port();
        let config = folder.join("mosquitto.conf");
        // As root it would become a user who may not read the test's folder.
        let text = format!("user root\nlistener {port} 127.0.0.1\n{listener}\n");
        fs::write(&config, text.replace("{port}", &port.to_string())).unwrap();
        let log = fs::File::create(folder.join("mosquitto.log")).unwrap();
        let child = Command::new(program)
            .arg("-c")
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .unwrap();
        let mut broker = Self {
            child,
            port,
            _holder: holder,
        };
        broker.listens(folder).await;
        Some(broker)
    }

    pub fn kill(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    async fn listens(&mut self, folder: &Path) {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        for _ in 0..500 {
            if let Some(status) = self.child.try_wait().unwrap() {
                let log = fs::read_to_string(folder.join("mosquitto.log")).unwrap();
                panic!("mosquitto ended: {status}\n{log}");
            }
            if TcpStream::connect(address).await.is_ok() {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("mosquitto does not listen");
    }
}

impl Drop for Mosquitto {
    fn drop(&mut self) {
        self.kill();
    }
}
