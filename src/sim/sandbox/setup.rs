//! What a client of the sandbox is told.

use std::fmt;
use std::path::PathBuf;

use serde_json::{Value, json};

use super::files::{self, FilesError};
use super::{API_V3_KEY_FILE, CA_FILE, CERTIFICATE_FILE, KEY_FILE, PUBLIC_KEY_FILE, SETUP_FILE};
use crate::sim::wechat::TrustMode;

/// Everything that a client is configured with. Its `Display` is for parkgate's own configuration and for
/// people, [`ClientSetup::json`] for other clients.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSetup {
    /// Stands for `https://api.mch.weixin.qq.com`.
    pub base_url: String,
    /// Where the control page is; None without one.
    pub control_url: Option<String>,
    /// The caller.
    pub mchid: String,
    /// Bound to it.
    pub appid: String,
    /// In partner mode: the sub-merchant, and the appid bound to it.
    pub sub: Option<(String, String)>,
    /// A driver's name under the appid, for *find*.
    pub openid: String,
    /// Which keys answers are signed with.
    pub trust: TrustMode,
    /// `serial_no` of the `Authorization` header.
    pub merchant_serial: String,
    /// Id of the WeChat Pay public key.
    pub public_key_id: String,
    /// Where the client's files are.
    pub folder: PathBuf,
}

impl ClientSetup {
    /// For other clients: the values, and the paths of files. No secret is in it.
    pub fn json(&self) -> Value {
        json!({
            "base_url": self.base_url,
            "control_url": self.control_url,
            "mchid": self.mchid,
            "appid": self.appid,
            "sub_mchid": self.sub.as_ref().map(|(mchid, _)| mchid),
            "sub_appid": self.sub.as_ref().map(|(_, appid)| appid),
            "openid": self.openid,
            "trust": self.trust,
            "merchant_serial": self.merchant_serial,
            "private_key_file": self.file(KEY_FILE),
            "certificate_file": self.file(CERTIFICATE_FILE),
            "api_v3_key_file": self.file(API_V3_KEY_FILE),
            "public_key_id": self.public_key_id,
            "public_key_file": self.file(PUBLIC_KEY_FILE),
            "ca_file": self.file(CA_FILE),
        })
    }

    /// [`Self::json`] into the client's folder.
    pub(super) fn write(&self) -> Result<(), FilesError> {
        let text = format!("{:#}\n", self.json());
        files::write_public(&self.folder.join(SETUP_FILE), &text)
    }

    fn file(&self, name: &str) -> String {
        self.folder.join(name).display().to_string()
    }
}

impl fmt::Display for ClientSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "[merchant]")?;
        if self.sub.is_some() {
            writeln!(f, "mode = \"partner\"")?;
        }
        writeln!(f, "mchid = {:?}", self.mchid)?;
        writeln!(f, "appid = {:?}", self.appid)?;
        writeln!(f, "private_key_file = {:?}", self.file(KEY_FILE))?;
        writeln!(f, "certificate_file = {:?}", self.file(CERTIFICATE_FILE))?;
        writeln!(f, "# its serial: {}", self.merchant_serial)?;
        writeln!(f, "api_v3_key_files = [{:?}]", self.file(API_V3_KEY_FILE))?;
        if let Some((mchid, appid)) = &self.sub {
            writeln!(f)?;
            writeln!(f, "[merchant.sub]")?;
            writeln!(f, "mchid = {mchid:?}")?;
            writeln!(f, "appid = {appid:?}")?;
        }
        writeln!(f)?;
        writeln!(f, "[wechat]")?;
        writeln!(f, "base_urls = [{:?}]", self.base_url)?;
        if self.base_url.starts_with("https:") {
            writeln!(f, "ca_file = {:?}", self.file(CA_FILE))?;
        }
        if self.trust == TrustMode::PublicKey {
            writeln!(f, "platform_certificates = false")?;
        }
        if self.trust != TrustMode::Certificates {
            writeln!(f)?;
            writeln!(f, "[wechat.public_key]")?;
            writeln!(f, "id = {:?}", self.public_key_id)?;
            writeln!(f, "file = {:?}", self.file(PUBLIC_KEY_FILE))?;
        }
        writeln!(f)?;
        let json = self.file(SETUP_FILE);
        writeln!(
            f,
            "# Other clients read the same, with all addresses and serials, from"
        )?;
        writeln!(f, "# {json}, for example")?;
        writeln!(
            f,
            "#     jq -r '.base_url, .merchant_serial, .private_key_file' {json}"
        )?;
        if let Some(url) = &self.control_url {
            writeln!(f, "# Faults, drivers, money, keys and callbacks: {url}/")?;
        }
        Ok(())
    }
}
