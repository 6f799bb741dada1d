//! What every part of the benchmark needs around its daemons.

use std::path::Path;
use std::time::Duration;

use tempfile::TempDir;

use crate::Outcome;
use crate::broker::Broker;
use crate::camera::Cameras;
use crate::daemon::Daemon;
use crate::wechat::WeChat;

/// A folder that is on no disk.
const MEMORY: &str = "/dev/shm";
/// A shorter stay costs nothing.
pub const STAY: Duration = Duration::from_millis(2500);

/// Broker, cameras, WeChat, and folders.
pub struct Place {
    pub cameras: Cameras,
    pub wechat: WeChat,
    pub broker: Broker,
    /// Not on the disk whose writes are counted: the daemons' logs are there.
    scratch: TempDir,
    on_disk: TempDir,
    in_memory: Option<TempDir>,
}

impl Place {
    pub async fn new(mosquitto: &Path) -> Outcome<Self> {
        let scratch = tempfile::tempdir_in(MEMORY).or_else(|_| tempfile::tempdir())?;
        let broker = Broker::start(mosquitto, scratch.path()).await?;
        Ok(Self {
            cameras: Cameras::connect(broker.port).await?,
            wechat: WeChat::start()?,
            broker,
            scratch,
            on_disk: tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR"))?,
            in_memory: tempfile::tempdir_in(MEMORY).ok(),
        })
    }

    pub fn disk(&self) -> &Path {
        self.on_disk.path()
    }

    /// A daemon with a new store on the disk.
    pub fn daemon(&self, name: &'static str) -> Outcome<Daemon> {
        self.daemon_at(name, &self.on_disk.path().join(name), &self.wechat.urls)
    }

    /// The same with its store in memory, where that can be had.
    pub fn daemon_in_memory(&self, name: &'static str) -> Outcome<Option<Daemon>> {
        let folder = self.in_memory.as_ref();
        let store = folder.map(|folder| folder.path().join(name));
        store
            .map(|store| self.daemon_at(name, &store, &self.wechat.urls))
            .transpose()
    }

    /// A daemon with a new store on the disk, for which WeChat is at `url`.
    pub fn daemon_asking(&self, name: &'static str, url: String) -> Outcome<Daemon> {
        self.daemon_at(name, &self.on_disk.path().join(name), &[url])
    }

    pub fn daemon_at(
        &self,
        name: &'static str,
        store: &Path,
        wechat: &[String],
    ) -> Outcome<Daemon> {
        Daemon::start(name, self.scratch.path(), store, self.broker.port, wechat)
    }
}
