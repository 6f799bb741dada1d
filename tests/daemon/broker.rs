//! The cameras' broker: Mosquitto as a process of its own, or rumqttd within this one where there is
//! no Mosquitto.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use parkgate::sim::broker::Broker as Embedded;
use tokio::net::{TcpSocket, TcpStream};

use crate::wait::until;

/// A broker at a port that stays its own, also while it is down.
pub struct Broker {
    port: u16,
    kind: Kind,
}

enum Kind {
    Mosquitto {
        program: PathBuf,
        config: PathBuf,
        child: Option<Child>,
        /// Bound and never listening: nobody else is given the port, and connections to it are
        /// refused while no broker listens.
        _holder: TcpSocket,
    },
    /// Cannot be stopped; it ends with the process.
    Embedded,
}

impl Broker {
    /// Starts a broker; `folder` is for its files.
    ///
    /// # Panics
    /// Without Mosquitto, where `PARKGATE_REQUIRE_TOOLS` is set.
    pub async fn start(folder: &Path) -> Self {
        let Some(program) = mosquitto() else {
            let required = std::env::var_os("PARKGATE_REQUIRE_TOOLS").is_some();
            assert!(!required, "mosquitto is not installed");
            eprintln!("mosquitto is not installed: rumqttd stands in for it");
            let port = Embedded::start().await.unwrap().address().port();
            let kind = Kind::Embedded;
            return Self { port, kind };
        };
        let (holder, port) = hold_a_port();
        let kind = Kind::Mosquitto {
            program,
            config: write_config(folder, port),
            child: None,
            _holder: holder,
        };
        let mut broker = Self { port, kind };
        broker.resume().await;
        broker
    }

    pub fn port(&self) -> u16 {
        self.port
    }

    /// Whether [`Broker::kill`] does anything. Says so loudly if not.
    pub fn can_be_killed(&self) -> bool {
        let can = matches!(self.kind, Kind::Mosquitto { .. });
        if !can {
            eprintln!("SKIPPED: a broker that dies needs mosquitto");
        }
        can
    }

    /// Ends it at once, as a power cut would.
    pub fn kill(&mut self) {
        if let Kind::Mosquitto { child, .. } = &mut self.kind
            && let Some(mut child) = child.take()
        {
            child.kill().unwrap();
            child.wait().unwrap();
        }
    }

    /// Starts it again at its port, and waits until it listens.
    pub async fn resume(&mut self) {
        if let Kind::Mosquitto {
            program,
            config,
            child,
            ..
        } = &mut self.kind
            && child.is_none()
        {
            let log = fs::OpenOptions::new()
                .create(true)
                .append(true)
                .open(config.with_extension("log"))
                .unwrap();
            let started = Command::new(program)
                .arg("-c")
                .arg(config)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .stderr(log)
                .spawn()
                .unwrap();
            *child = Some(started);
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, self.port));
        until("the broker to listen", async || {
            TcpStream::connect(address).await.ok()
        })
        .await;
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        self.kill();
    }
}

pub fn hold_a_port() -> (TcpSocket, u16) {
    let holder = TcpSocket::new_v4().unwrap();
    holder.set_reuseaddr(true).unwrap();
    holder
        .bind(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
        .unwrap();
    let port = holder.local_addr().unwrap().port();
    (holder, port)
}

/// On the path, or where Debian has it.
fn mosquitto() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|folder| folder.join("mosquitto"))
        .find(|program| program.is_file())
}

fn write_config(folder: &Path, port: u16) -> PathBuf {
    let file = folder.join("mosquitto.conf");
    let text = format!(
        "listener {port} 127.0.0.1\n\
         allow_anonymous true\n\
         persistence false\n\
         set_tcp_nodelay true\n\
         log_dest stderr\n"
    );
    fs::write(&file, text).unwrap();
    file
}
