//! What systemd is told: ready, alive, stopping, and how things are (`sd_notify(3)`), without its library.

use std::ffi::OsStr;
use std::io;
use std::os::linux::net::SocketAddrExt;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{SocketAddr, UnixDatagram};
use std::sync::Arc;
use std::time::Duration;

/// The way to whoever started the daemon; to nobody, where nobody wants to know.
#[derive(Clone, Debug, Default)]
pub struct Notifier {
    socket: Option<Arc<Socket>>,
    watchdog: Option<Duration>,
}

#[derive(Debug)]
struct Socket {
    own: UnixDatagram,
    systemd: SocketAddr,
}

/// A line that `systemctl status` shows.
const STATUS_CHARS_MAX: usize = 200;

impl Notifier {
    /// As `NOTIFY_SOCKET`, `WATCHDOG_USEC` and `WATCHDOG_PID` say.
    pub fn from_environment() -> Self {
        let Some(socket) = std::env::var_os("NOTIFY_SOCKET") else {
            return Self::default();
        };
        let number = |name| std::env::var(name).ok()?.parse::<u64>().ok();
        let meant = number("WATCHDOG_PID").is_none_or(|pid| pid == u64::from(std::process::id()));
        let watchdog = number("WATCHDOG_USEC").filter(|usec| meant && *usec > 0);
        match Self::to(&socket, watchdog.map(Duration::from_micros)) {
            Ok(notifier) => notifier,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "NOTIFY_SOCKET cannot be used; systemd will not hear that parkgate serves"
                );
                Self::default()
            }
        }
    }

    /// To a socket: a path, or `@` and an abstract name. `watchdog` is within what time a sign of life
    /// is wanted.
    ///
    /// # Errors
    /// When the name is none, or there are no sockets to be had.
    pub fn to(socket: &OsStr, watchdog: Option<Duration>) -> io::Result<Self> {
        let systemd = match socket.as_bytes().strip_prefix(b"@") {
            Some(name) => SocketAddr::from_abstract_name(name)?,
            None => SocketAddr::from_pathname(socket)?,
        };
        let own = UnixDatagram::unbound()?;
        // The decision loop tells, and must not wait for systemd.
        own.set_nonblocking(true)?;
        Ok(Self {
            socket: Some(Arc::new(Socket { own, systemd })),
            watchdog,
        })
    }

    /// Within what time [`Notifier::alive`] is wanted.
    pub fn watchdog(&self) -> Option<Duration> {
        self.watchdog
    }

    /// The lanes are served.
    pub fn ready(&self) {
        self.say("READY=1");
    }

    /// A turn was completed.
    pub fn alive(&self) {
        self.say("WATCHDOG=1");
    }

    /// The daemon is ending.
    pub fn stopping(&self) {
        self.say("STOPPING=1");
    }

    /// One line on how things are; no plates.
    pub fn status(&self, line: &str) {
        let line: String = line
            .chars()
            .filter(|char| !char.is_control())
            .take(STATUS_CHARS_MAX)
            .collect();
        self.say(&format!("STATUS={line}"));
    }

    fn say(&self, text: &str) {
        if let Some(socket) = &self.socket
            && let Err(error) = socket.own.send_to_addr(text.as_bytes(), &socket.systemd)
        {
            // A sign of life that is not taken is followed by the next.
            tracing::debug!(
                error = &error as &dyn std::error::Error,
                "systemd takes no word"
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_word_is_one_datagram() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let systemd = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::to(path.as_os_str(), None).unwrap();
        notifier.ready();
        notifier.status("2 lanes\nREADY=0");
        notifier.stopping();
        let heard = || {
            let mut bytes = [0; 512];
            let length = systemd.recv(&mut bytes).unwrap();
            String::from_utf8(bytes[..length].to_vec()).unwrap()
        };
        assert_eq!(heard(), "READY=1");
        assert_eq!(heard(), "STATUS=2 lanesREADY=0");
        assert_eq!(heard(), "STOPPING=1");
    }

    #[test]
    fn an_abstract_name_is_one_too() {
        let name = format!("parkgate-test-{}", std::process::id());
        let address = SocketAddr::from_abstract_name(&name).unwrap();
        let systemd = UnixDatagram::bind_addr(&address).unwrap();
        let notifier = Notifier::to(OsStr::new(&format!("@{name}")), None).unwrap();
        notifier.alive();
        let mut bytes = [0; 64];
        let length = systemd.recv(&mut bytes).unwrap();
        assert_eq!(&bytes[..length], b"WATCHDOG=1");
    }

    #[test]
    fn a_systemd_that_does_not_read_holds_nobody_up() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("notify");
        let _systemd = UnixDatagram::bind(&path).unwrap();
        let notifier = Notifier::to(path.as_os_str(), None).unwrap();
        for _ in 0..10_000 {
            notifier.alive();
        }
        Notifier::default().alive();
    }
}
