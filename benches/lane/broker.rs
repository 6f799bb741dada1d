//! A Mosquitto of our own, on a port that the kernel chose.

use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tokio::time::{Instant, sleep};

use crate::Outcome;

/// How long it may take to listen.
const START_WITHIN: Duration = Duration::from_secs(5);

/// Ends with the value.
pub struct Broker {
    pub port: u16,
    process: Child,
}

/// Where Mosquitto is, if it is installed. Debian puts it where not every user looks.
pub fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path)
        .chain([PathBuf::from("/usr/sbin"), PathBuf::from("/usr/local/sbin")])
        .map(|folder| folder.join("mosquitto"))
        .find(|file| file.is_file())
}

impl Broker {
    /// Starts one with its config in `folder`.
    pub async fn start(mosquitto: &Path, folder: &Path) -> Outcome<Self> {
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?
            .local_addr()?
            .port();
        let config = folder.join("mosquitto.conf");
        // Without set_tcp_nodelay the broker itself may hold an answer back for 40 ms.
        let text = format!(
            "listener {port} 127.0.0.1\nallow_anonymous true\npersistence false\n\
             set_tcp_nodelay true\nlog_dest none\n"
        );
        std::fs::write(&config, text)?;
        let process = Command::new(mosquitto)
            .arg("-c")
            .arg(&config)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()?;
        let broker = Self { port, process };
        let until = Instant::now() + START_WITHIN;
        while TcpStream::connect((Ipv4Addr::LOCALHOST, port)).is_err() {
            if Instant::now() > until {
                return Err("mosquitto does not listen".into());
            }
            sleep(Duration::from_millis(5)).await;
        }
        Ok(broker)
    }
}

impl Drop for Broker {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
