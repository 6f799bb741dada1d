//! What the daemon of the demo is given: a configuration like any other, in a folder of its own.

use std::io;
use std::net::SocketAddr;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

use crate::park::rules::Direction;
use crate::sim::site::SiteLane;
use crate::sim::{material, sandbox};

/// A temporary folder, removed when dropped unless it is kept.
pub struct Folder {
    path: PathBuf,
    keep: bool,
}

/// Why the daemon's files cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum FilesError {
    /// The folder.
    #[error("cannot make the folder {} for the demo; TMPDIR names another place", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
    /// The keys.
    #[error("cannot write the demo's keys")]
    Material(#[from] sandbox::FilesError),
    /// One of the others.
    #[error("cannot write {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: io::Error,
    },
}

const CONFIG_FILE: &str = "parkgate.toml";
const TARIFF_FILE: &str = "tariff.toml";
const SOCKET: &str = "parkgate.sock";

/// No free time, 5 yuan for each started hour: every stay of the demo costs 5 yuan.
const TARIFF: &str = r#"name = "Demo"
version = "demo"
then = { every = "1h", fen = 500 }
"#;

impl Folder {
    /// A new folder for this run.
    pub fn create(keep: bool) -> Result<Self, FilesError> {
        let name = format!(
            "parkgate-demo-{}-{:08x}",
            std::process::id(),
            getrandom::u32().unwrap_or_default()
        );
        let path = std::env::temp_dir().join(name);
        std::fs::DirBuilder::new()
            .mode(0o700)
            .create(&path)
            .map_err(|source| FilesError::Folder {
                path: path.clone(),
                source,
            })?;
        Ok(Self { path, keep })
    }

    /// Where it will be found afterwards, if it is kept.
    pub fn kept_in(&self) -> Option<PathBuf> {
        self.keep.then(|| self.path.clone())
    }

    /// Where the daemon's socket will be.
    pub fn socket(&self) -> PathBuf {
        self.path.join(SOCKET)
    }

    /// Writes the configuration for these surroundings, with everything that it names.
    pub fn write(
        &self,
        wechat: &[String],
        partner: bool,
        broker: SocketAddr,
        lanes: &[SiteLane],
    ) -> Result<PathBuf, FilesError> {
        sandbox::write_material(&self.keys())?;
        self.write_file(TARIFF_FILE, TARIFF)?;
        let config = self.config(wechat, broker, lanes);
        let config = if partner {
            with_sub_merchant(&config)
        } else {
            config
        };
        self.write_file(CONFIG_FILE, &config)
    }

    fn config(&self, wechat: &[String], broker: SocketAddr, lanes: &[SiteLane]) -> String {
        let file = |name: &str| toml_string(&self.path.join(name));
        let key = |name: &str| toml_string(&self.keys().join(name));
        let mut text = format!(
            r#"# Written by `parkgate demo`. The keys are throw-away ones that anybody may know.

[site]
id = "demo"
box = "demo-1"
name = "parkgate 演示停车场"
timezone = "+08:00"

[merchant]
mode = "direct"
mchid = "{mchid}"
appid = "{appid}"
advance = true
private_key_file = {private_key}
certificate_file = {certificate}
api_v3_key_files = [{api_v3_key}]
notify_base_url = "https://pay.invalid/parkgate"

[callbacks]
listen = "127.0.0.1:0"

[wechat]
base_urls = {wechat:?}

[wechat.public_key]
id = "{public_key_id}"
file = {public_key}

[store]
path = {store}

[mqtt]
url = "mqtt://{broker}"

[clock]
trust = "rtc"

[tariff]
file = {tariff}

[control]
socket = {socket}
"#,
            mchid = material::MCHID,
            appid = material::APPID,
            private_key = key(sandbox::KEY_FILE),
            certificate = key(sandbox::CERTIFICATE_FILE),
            api_v3_key = key(sandbox::API_V3_KEY_FILE),
            public_key_id = material::PUBLIC_KEY_ID,
            public_key = key(sandbox::PUBLIC_KEY_FILE),
            store = file("store"),
            tariff = file(TARIFF_FILE),
            socket = toml_string(&self.socket()),
        );
        for lane in lanes {
            text.push_str(&lane_section(lane));
        }
        text
    }

    fn keys(&self) -> PathBuf {
        self.path.join("keys")
    }

    fn write_file(&self, name: &str, text: &str) -> Result<PathBuf, FilesError> {
        let path = self.path.join(name);
        match std::fs::write(&path, text) {
            Ok(()) => Ok(path),
            Err(source) => Err(FilesError::File { path, source }),
        }
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        if !self.keep {
            // What is left over lies in the system's temporary folder.
            let _ = std::fs::remove_dir_all(&self.path);
        }
    }
}

/// The same, for a service provider.
fn with_sub_merchant(config: &str) -> String {
    let sub = format!(
        "[merchant.sub]\nmchid = {:?}\nappid = {:?}\n\n[callbacks]\n",
        material::SUB_MCHID,
        material::SUB_APPID,
    );
    config
        .replacen("mode = \"direct\"", "mode = \"partner\"", 1)
        .replacen("[callbacks]\n", &sub, 1)
}

fn lane_section(lane: &SiteLane) -> String {
    let direction = match lane.direction {
        Direction::Entry => "entry",
        Direction::Exit => "exit",
    };
    format!(
        r#"
[[lane]]
id = "{}"
direction = "{direction}"
camera = {{ dialect = "vz-mqtt", device_id = "{}" }}
barrier = {{ driver = "camera", output = 0, pulse = "500ms" }}
loops = {{ closing_input = {} }}
"#,
        lane.id,
        lane.serial,
        crate::sim::site::CLOSING_INPUT,
    )
}

/// A path as a string of TOML, whose escapes of `\` and `"` are those of Rust.
fn toml_string(path: &Path) -> String {
    format!("{:?}", path.display().to_string())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::demo::scene::lanes;
    use crate::config::Config;
    use crate::lane::tariff::Stay;
    use crate::lane::time::Wall;

    #[test]
    fn the_daemon_takes_what_is_written_and_a_short_stay_costs_5_yuan() {
        let folder = Folder::create(false).unwrap();
        let wechat = ["http://127.0.0.1:8701", "http://127.0.0.1:8702"].map(str::to_owned);
        let broker = "127.0.0.1:1883".parse().unwrap();
        let file = folder.write(&wechat, true, broker, &lanes()).unwrap();
        let partner = Config::load(&file).unwrap().merchant.sub.unwrap();
        assert_eq!(partner.mchid, material::SUB_MCHID);
        let file = folder.write(&wechat, false, broker, &lanes()).unwrap();
        let (config, tariff) = Config::load_with_tariff(&file).unwrap();
        assert_eq!(config.lanes.len(), 4);
        assert_eq!(config.wechat.base_urls, wechat);
        assert!(config.merchant.advance);
        assert_eq!(config.merchant.sub, None);
        for duration_ms in [3_000, 20_999] {
            let stay = Stay {
                entry: Wall(0),
                duration_ms,
                ..Stay::default()
            };
            assert_eq!(tariff.quote(&stay).fee_fen, 500);
        }
        assert_eq!(folder.kept_in(), None);
        let path = folder.path.clone();
        drop(folder);
        assert!(!path.exists());
    }
}
