//! Everything that a test needs: broker, cameras, WeChat, a folder with the daemon's files, and the
//! daemon.

use std::fmt::Write;
use std::fs::{self, Permissions};
use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;

use parkgate::clock::Clock;
use parkgate::sim::http::Server;
use parkgate::sim::material;
use parkgate::sim::wechat::{Settings, Simulator};
use serde_json::Value;
use tempfile::TempDir;

use crate::broker::Broker;
use crate::camera::{CLOSING_INPUT, Camera};
use crate::daemon::{Daemon, Place};
use crate::shift::Shift;

/// Fen for each started hour.
pub const FEE: u64 = 500;

/// What a test wants different from the ordinary.
pub struct Setup {
    pub entries: usize,
    pub exits: usize,
    pub duplicate_window: &'static str,
    /// The advance permission.
    pub advance: bool,
    /// A service provider, for a sub-merchant.
    pub partner: bool,
    /// Lines of `[exit]`.
    pub exit: &'static str,
    /// WeChat's hosts.
    pub hosts: usize,
    /// Changes how WeChat is set up.
    pub wechat: fn(&mut Settings),
}

impl Default for Setup {
    /// One lane in and one out, WeChat settling at once.
    fn default() -> Self {
        Self {
            entries: 1,
            exits: 1,
            duplicate_window: "30s",
            advance: true,
            partner: false,
            exit: "",
            hosts: 1,
            wechat: |_| {},
        }
    }
}

/// See the module. Shows the daemon's log if the test fails.
pub struct Bench {
    pub broker: Broker,
    /// In the order `in-1`, `in-2`, …
    pub entries: Vec<Camera>,
    /// In the order `out-1`, `out-2`, …
    pub exits: Vec<Camera>,
    pub wechat: Server,
    pub place: Place,
    /// WeChat's.
    pub clock: Clock,
    /// How far off that is.
    pub shift: Shift,
    folder: TempDir,
}

impl Bench {
    /// Everything but the daemon.
    pub async fn prepare(setup: Setup) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let broker = Broker::start(folder.path()).await;
        let shift = Shift::default();
        let clock = shift.clock();
        let mut settings = match setup.partner {
            true => material::partner_settings(1),
            false => material::settings(1),
        };
        settings.settle_after_ms = 200;
        (setup.wechat)(&mut settings);
        let simulator = Simulator::new(settings);
        let wechat = Server::on_loopback(simulator, clock.clone(), setup.hosts)
            .await
            .unwrap();
        let entries = cameras(broker.port(), "in", setup.entries).await;
        let exits = cameras(broker.port(), "out", setup.exits).await;
        let path = |name: &str| folder.path().join(name);
        for (name, text) in [
            ("key.pem", material::MERCHANT_KEY),
            ("cert.pem", material::MERCHANT_CERTIFICATE),
            ("v3.key", material::API_V3_KEY),
            ("tariff.toml", TARIFF),
        ] {
            fs::write(path(name), text).unwrap();
            fs::set_permissions(path(name), Permissions::from_mode(0o600)).unwrap();
        }
        let place = Place {
            config: path("parkgate.toml"),
            socket: path("parkgate.sock"),
            log: path("daemon.log"),
        };
        let bench = Self {
            broker,
            entries,
            exits,
            wechat,
            place,
            clock,
            shift,
            folder,
        };
        fs::write(&bench.place.config, bench.config(&setup)).unwrap();
        bench
    }

    /// Everything, with the daemon serving and connected to the broker.
    pub async fn start(setup: Setup) -> (Self, Daemon) {
        let bench = Self::prepare(setup).await;
        let daemon = bench.daemon().await;
        (bench, daemon)
    }

    /// Starts the daemon and waits until it serves and is connected to the broker.
    pub async fn daemon(&self) -> Daemon {
        let connections = self.place.log().matches(CONNECTED).count();
        let daemon = Daemon::start(&self.place).await;
        self.place.logged(CONNECTED, connections + 1).await;
        daemon
    }

    /// Waits until the daemon has connected to the broker so often.
    pub async fn connected(&self, times: usize) {
        self.place.logged(CONNECTED, times).await;
    }

    /// The lane's camera.
    pub fn entry(&self) -> &Camera {
        &self.entries[0]
    }

    /// The lane's camera.
    pub fn exit(&self) -> &Camera {
        &self.exits[0]
    }

    /// Of all lanes.
    pub fn cameras(&self) -> impl Iterator<Item = &Camera> {
        self.entries.iter().chain(&self.exits)
    }

    /// A file or folder of the test's own.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// The store's folder.
    pub fn store(&self) -> PathBuf {
        self.path("store")
    }

    /// Waits until WeChat has taken on everything; so many cars are inside, each with its entry.
    pub async fn filed(&self, inside: u64) -> Value {
        self.queue_with("all charges to be filed", |name, count| match name {
            "accepted" => true,
            "entries" => count == inside,
            _ => count == 0,
        })
        .await
    }

    /// Waits until nothing is left to be done at WeChat. That takes some 5 s: when an accepted order
    /// is first queried.
    pub async fn settled(&self) -> Value {
        self.queue_with("the queue to be empty", |_, count| count == 0)
            .await
    }

    async fn queue_with(&self, what: &str, fits: impl Fn(&str, u64) -> bool) -> Value {
        let all_fit = |status: &Value| {
            let mut queue = status["queue"].as_object().into_iter().flatten();
            queue.all(|(name, count)| count.as_u64().is_some_and(|count| fits(name, count)))
        };
        self.place.status_with(what, all_fit).await
    }

    fn config(&self, setup: &Setup) -> String {
        let path = |name: &str| self.path(name).display().to_string();
        let hosts: Vec<String> = self
            .wechat
            .base_urls()
            .iter()
            .map(|url| format!("{url:?}"))
            .collect();
        let sub = format!(
            "[merchant.sub]\nmchid = \"{}\"\nappid = \"{}\"\n",
            material::SUB_MCHID,
            material::SUB_APPID,
        );
        let mut text = format!(
            "[site]\nid = \"lab\"\nbox = \"b1\"\nname = \"停车场\"\n\
             [merchant]\nmode = \"{}\"\nmchid = \"{}\"\nappid = \"{}\"\nadvance = {}\n\
             private_key_file = \"{}\"\ncertificate_file = \"{}\"\napi_v3_key_files = [\"{}\"]\n\
             {}\
             [wechat]\nbase_urls = [{}]\n\
             [store]\npath = \"{}\"\n\
             [mqtt]\nurl = \"mqtt://127.0.0.1:{}\"\n\
             [clock]\ntrust = \"rtc\"\n\
             [exit]\n{}\n\
             [tariff]\nfile = \"{}\"\n\
             [control]\nsocket = \"{}\"\n",
            if setup.partner { "partner" } else { "direct" },
            material::MCHID,
            material::APPID,
            setup.advance,
            path("key.pem"),
            path("cert.pem"),
            path("v3.key"),
            if setup.partner { sub } else { String::new() },
            hosts.join(", "),
            self.store().display(),
            self.broker.port(),
            setup.exit,
            path("tariff.toml"),
            self.place.socket.display(),
        );
        for (direction, cameras) in [("entry", &self.entries), ("exit", &self.exits)] {
            for camera in cameras {
                let serial = camera.serial();
                // Writing to a string cannot fail.
                let _ = write!(
                    text,
                    "[[lane]]\nid = \"{}\"\ndirection = \"{direction}\"\n\
                     duplicate_window = \"{}\"\n\
                     camera = {{ dialect = \"vz-mqtt\", device_id = \"{serial}\" }}\n\
                     barrier = {{ driver = \"camera\" }}\n\
                     loops = {{ closing_input = {CLOSING_INPUT} }}\n",
                    camera.lane(),
                    setup.duplicate_window,
                );
            }
        }
        text
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("--- the daemon's log ---\n{}", self.place.log());
        }
    }
}

const CONNECTED: &str = "connected to the cameras' broker";

/// No free time, so that a stay of 2 s costs something.
const TARIFF: &str = "name = \"lab\"\nversion = \"1\"\nfree = \"0s\"\n\
    first = { for = \"1h\", fen = 500 }\nthen = { every = \"1h\", fen = 500 }\n";

async fn cameras(port: u16, direction: &str, count: usize) -> Vec<Camera> {
    let mut cameras = Vec::new();
    for number in 1..=count {
        let serial = format!("camera-{direction}-{number}");
        cameras.push(Camera::connect(port, &serial).await);
    }
    cameras
}
