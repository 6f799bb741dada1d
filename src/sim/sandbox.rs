//! `parkgate sandbox`: the simulator alone, for other people's clients.

use std::fmt;
use std::io::Write;
use std::net::SocketAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use super::http::{ListenError, Server, Target};
use super::material;
use super::wechat::{Simulator, TrustMode};
use crate::clock::Clock;

/// A sandbox that is being served; each call is one line of the log.
pub struct Sandbox {
    /// The simulator behind its port: faults, plates, books.
    pub server: Server,
    /// What a client has to be told.
    pub setup: ClientSetup,
}

/// Everything that a client of the sandbox is configured with. Its `Display` is for people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClientSetup {
    /// Stands for `https://api.mch.weixin.qq.com`.
    pub base_url: String,
    /// The caller.
    pub mchid: &'static str,
    /// Bound to it.
    pub appid: &'static str,
    /// In partner mode: the sub-merchant, and the appid bound to it.
    pub sub: Option<(&'static str, &'static str)>,
    /// Which keys answers are signed with.
    pub trust: TrustMode,
    /// `serial_no` of the `Authorization` header.
    pub merchant_serial: &'static str,
    /// Id of the WeChat Pay public key.
    pub public_key_id: &'static str,
    /// Where the client's files are; None if they were not written.
    pub material: Option<PathBuf>,
}

/// Why the sandbox could not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The port.
    #[error("the sandbox cannot start")]
    Listen(#[from] ListenError),
    /// The folder for the client's files.
    #[error("cannot make the folder {} for the client's keys", path.display())]
    Folder {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// One of the client's files.
    #[error("cannot write {}", path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}

/// The merchant's private key within the material's folder, as WeChat's own tools call it.
pub const KEY_FILE: &str = "apiclient_key.pem";
/// Its certificate.
pub const CERTIFICATE_FILE: &str = "apiclient_cert.pem";
/// The APIv3 key.
pub const API_V3_KEY_FILE: &str = "apiv3.key";
/// WeChat Pay's public key.
pub const PUBLIC_KEY_FILE: &str = "wechatpay_pub.pem";

/// What the sandbox is like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Kind {
    /// All chance comes from it.
    pub seed: u64,
    /// Serves a service provider.
    pub partner: bool,
    /// Which keys answers are signed with.
    pub trust: TrustMode,
    /// The second platform certificate exists from the start; otherwise it comes with a rotation.
    pub rotated: bool,
    /// What WeChat tells by itself is delivered: where the client says, or to this address.
    pub notify: Option<Notify>,
}

/// Where callbacks go.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notify {
    /// To the `notify_url` of each request, which may be `http://` on this machine.
    AsNamed,
    /// To this address, at the path of the `notify_url`, in plain HTTP.
    To(SocketAddr),
}

impl Default for Kind {
    fn default() -> Self {
        Self {
            seed: 1,
            partner: false,
            trust: TrustMode::Both,
            rotated: true,
            notify: None,
        }
    }
}

/// Serves an empty simulator at `listen` until the result is shut down or dropped. Writes the
/// client's keys into `material` if it is given; they are throw-away keys that anybody may know.
pub async fn run(
    listen: SocketAddr,
    material: Option<&Path>,
    kind: Kind,
    clock: Clock,
) -> Result<Sandbox, SandboxError> {
    if let Some(folder) = material {
        write_material(folder)?;
    }
    let mut server = Server::start(simulator(kind), clock, &[listen]).await?;
    match kind.notify {
        None => {}
        Some(Notify::AsNamed) => server.deliver_callbacks(Target::AsNamed),
        Some(Notify::To(address)) => server.deliver_callbacks(Target::Proxied(address)),
    }
    let setup = ClientSetup {
        base_url: server.base_urls().concat(),
        mchid: material::MCHID,
        appid: material::APPID,
        sub: kind
            .partner
            .then_some((material::SUB_MCHID, material::SUB_APPID)),
        trust: kind.trust,
        merchant_serial: material::MERCHANT_SERIAL,
        public_key_id: material::PUBLIC_KEY_ID,
        material: material.map(Path::to_owned),
    };
    Ok(Sandbox { server, setup })
}

fn simulator(kind: Kind) -> Simulator {
    let mut settings = match kind.partner {
        true => material::partner_settings(kind.seed),
        false => material::settings(kind.seed),
    };
    if !kind.rotated {
        settings.trust = settings.trust.before_rotation();
    }
    settings.trust.mode = kind.trust;
    settings.calls_back = kind.notify.is_some();
    settings.loopback_callbacks = kind.notify == Some(Notify::AsNamed);
    Simulator::new(settings)
}

/// Writes a client's keys into `folder`, which is made if it is not there. They are throw-away keys
/// that anybody may know.
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn write_material(folder: &Path) -> Result<(), SandboxError> {
    std::fs::create_dir_all(folder).map_err(|source| SandboxError::Folder {
        path: folder.to_owned(),
        source,
    })?;
    let secret = 0o600;
    let public = 0o644;
    for (name, text, mode) in [
        (KEY_FILE, material::MERCHANT_KEY, secret),
        (CERTIFICATE_FILE, material::MERCHANT_CERTIFICATE, public),
        (API_V3_KEY_FILE, material::API_V3_KEY, secret),
        (PUBLIC_KEY_FILE, material::PUBLIC_KEY, public),
    ] {
        let path = folder.join(name);
        write_file(&path, text, mode).map_err(|source| SandboxError::File { path, source })?;
    }
    Ok(())
}

fn write_file(path: &Path, text: &str, mode: u32) -> std::io::Result<()> {
    std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(mode)
        .open(path)?
        .write_all(text.as_bytes())
}

impl fmt::Display for ClientSetup {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let folder = match &self.material {
            Some(folder) => folder.as_path(),
            None => Path::new("DIR"),
        };
        let file = |name| folder.join(name).display().to_string();
        writeln!(f, "[merchant]")?;
        if self.sub.is_some() {
            writeln!(f, "mode = \"partner\"")?;
        }
        writeln!(f, "mchid = {:?}", self.mchid)?;
        writeln!(f, "appid = {:?}", self.appid)?;
        writeln!(f, "private_key_file = {:?}", file(KEY_FILE))?;
        writeln!(f, "certificate_file = {:?}", file(CERTIFICATE_FILE))?;
        writeln!(f, "# its serial: {}", self.merchant_serial)?;
        writeln!(f, "api_v3_key_files = [{:?}]", file(API_V3_KEY_FILE))?;
        if let Some((mchid, appid)) = self.sub {
            writeln!(f)?;
            writeln!(f, "[merchant.sub]")?;
            writeln!(f, "mchid = {mchid:?}")?;
            writeln!(f, "appid = {appid:?}")?;
        }
        writeln!(f)?;
        writeln!(f, "[wechat]")?;
        writeln!(f, "base_urls = [{:?}]", self.base_url)?;
        if self.trust == TrustMode::PublicKey {
            writeln!(f, "platform_certificates = false")?;
        }
        if self.trust != TrustMode::Certificates {
            writeln!(f)?;
            writeln!(f, "[wechat.public_key]")?;
            writeln!(f, "id = {:?}", self.public_key_id)?;
            writeln!(f, "file = {:?}", file(PUBLIC_KEY_FILE))?;
        }
        if self.material.is_none() {
            writeln!(f)?;
            writeln!(f, "# DIR: give --material DIR to have these files written")?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::clock::TrustRule;
    use crate::lane::time::Wall;

    #[tokio::test]
    async fn the_material_is_written_and_the_setup_names_it() {
        let folder = tempfile::tempdir().unwrap();
        let keys = folder.path().join("keys");
        let sandbox = start(Some(&keys)).await.unwrap();

        let key = std::fs::read_to_string(keys.join(KEY_FILE)).unwrap();
        assert_eq!(key, material::MERCHANT_KEY);
        let mode = |name: &str| {
            let metadata = std::fs::metadata(keys.join(name)).unwrap();
            metadata.permissions().mode() & 0o777
        };
        assert_eq!((mode(KEY_FILE), mode(API_V3_KEY_FILE)), (0o600, 0o600));

        let setup: toml::Table = sandbox.setup.to_string().parse().unwrap();
        let merchant = setup["merchant"].as_table().unwrap();
        assert_eq!(merchant["mchid"].as_str(), Some(material::MCHID));
        let file = merchant["private_key_file"].as_str().unwrap();
        assert_eq!(std::fs::read_to_string(file).unwrap(), key);
        let url = setup["wechat"]["base_urls"][0].as_str().unwrap();
        assert_eq!(url, sandbox.server.base_urls()[0]);
        sandbox.server.shutdown().await;
    }

    #[tokio::test]
    async fn without_a_folder_the_setup_says_how_to_get_one() {
        let sandbox = start(None).await.unwrap();
        assert!(sandbox.setup.to_string().contains("--material DIR"));
    }

    #[tokio::test]
    async fn a_folder_that_cannot_be_made_is_named() {
        let file = tempfile::NamedTempFile::new().unwrap();
        let below = file.path().join("keys");
        let error = start(Some(&below)).await.err().unwrap();
        assert!(error.to_string().contains(&below.display().to_string()));
    }

    #[tokio::test]
    async fn a_port_that_is_taken_is_refused() {
        let sandbox = start(None).await.unwrap();
        let taken = sandbox.server.addresses()[0];
        let clock = Clock::system(TrustRule::Ntp, Wall(0));
        let error = run(taken, None, Kind::default(), clock)
            .await
            .err()
            .unwrap();
        assert!(matches!(error, SandboxError::Listen(_)));
    }

    #[tokio::test]
    async fn the_setup_says_what_each_kind_of_sandbox_needs() {
        for (partner, trust) in [
            (true, TrustMode::Both),
            (false, TrustMode::Certificates),
            (true, TrustMode::PublicKey),
            (false, TrustMode::Mixed),
        ] {
            let kind = Kind {
                partner,
                trust,
                ..Kind::default()
            };
            let setup = start_kind(None, kind).await.unwrap().setup.to_string();
            let read: toml::Table = setup.parse().unwrap();
            let (merchant, wechat) = (&read["merchant"], &read["wechat"]);
            let sub = merchant.get("sub").map(|sub| sub["mchid"].as_str());
            assert_eq!(sub, partner.then_some(Some(material::SUB_MCHID)));
            assert_eq!(merchant.get("mode").is_some(), partner);
            let by_key = wechat.get("public_key").is_some();
            assert_eq!(by_key, trust != TrustMode::Certificates);
            let off = wechat.get("platform_certificates").is_some();
            assert_eq!(off, trust == TrustMode::PublicKey);
        }
    }

    async fn start(material: Option<&Path>) -> Result<Sandbox, SandboxError> {
        start_kind(material, Kind::default()).await
    }

    async fn start_kind(material: Option<&Path>, kind: Kind) -> Result<Sandbox, SandboxError> {
        let clock = Clock::system(TrustRule::Ntp, Wall(0));
        run("127.0.0.1:0".parse().unwrap(), material, kind, clock).await
    }
}
