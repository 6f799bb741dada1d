//! What an installer leaves in a folder: configuration, secrets, price list. For the simulator's merchant.

use std::fs;
use std::path::{Path, PathBuf};

use parkgate::sim::material;

/// A box to be set up.
pub struct Installation<'a> {
    pub site: &'a str,
    pub box_id: &'a str,
    pub store: &'a Path,
    pub broker_port: u16,
    /// Where WeChat is.
    pub wechat: &'a [String],
    /// WeChat's public key is known; else platform certificates have to be fetched, and cached.
    pub public_key: bool,
    pub entries: usize,
    pub exits: usize,
}

/// Name of the camera in a lane of this direction.
pub fn camera(box_id: &str, short: &str, lane: usize) -> String {
    format!("{box_id}-{short}-{lane}")
}

/// Where the configuration stands.
pub fn config_file(folder: &Path) -> PathBuf {
    folder.join("parkgate.toml")
}

impl Installation<'_> {
    /// Writes all of it into a folder that is there.
    pub fn write(&self, folder: &Path) -> std::io::Result<()> {
        for (name, text) in [
            ("key.pem", material::MERCHANT_KEY),
            ("cert.pem", material::MERCHANT_CERTIFICATE),
            ("apiv3.key", material::API_V3_KEY),
            ("wechatpay.pem", material::PUBLIC_KEY),
            ("tariff.toml", TARIFF),
        ] {
            fs::write(folder.join(name), text)?;
        }
        fs::write(config_file(folder), self.config(folder))
    }

    /// As `firmware-config/parkgate.toml`, with more lanes. As many cars as there are may leave in an outage.
    fn config(&self, folder: &Path) -> String {
        let (folder, store) = (folder.display(), self.store.display());
        let Self {
            site,
            box_id,
            broker_port,
            wechat,
            ..
        } = self;
        let public_key = match self.public_key {
            true => format!(
                "[wechat.public_key]\nid = \"{}\"\nfile = \"{folder}/wechatpay.pem\"\n",
                material::PUBLIC_KEY_ID
            ),
            false => String::new(),
        };
        let mut text = format!(
            r#"
[site]
id = "{site}"
box = "{box_id}"
name = "parkgate"
timezone = "+08:00"

[merchant]
mode = "direct"
mchid = "{mchid}"
appid = "{appid}"
advance = true
private_key_file = "{folder}/key.pem"
certificate_file = "{folder}/cert.pem"
api_v3_key_files = ["{folder}/apiv3.key"]

[wechat]
base_urls = {wechat:?}
{public_key}
[exit]
if_wechat_silent = {{ exposure_limit_fen = 100000000 }}

[store]
path = "{store}"

[mqtt]
url = "mqtt://127.0.0.1:{broker_port}"

[clock]
trust = "rtc"

[tariff]
file = "{folder}/tariff.toml"

[control]
socket = "{folder}/parkgate.sock"
"#,
            mchid = material::MCHID,
            appid = material::APPID,
        );
        for (direction, short, count) in
            [("entry", "in", self.entries), ("exit", "out", self.exits)]
        {
            for lane in 0..count {
                text += &format!(
                    r#"
[[lane]]
id = "{short}-{lane}"
direction = "{direction}"
camera = {{ dialect = "vz-mqtt", device_id = "{camera}" }}
barrier = {{ driver = "camera", output = 0 }}
"#,
                    camera = camera(box_id, short, lane),
                );
            }
        }
        text
    }
}

const TARIFF: &str = "name = \"bench\"\nversion = \"1\"\nthen = { every = \"1h\", fen = 500 }\n";
