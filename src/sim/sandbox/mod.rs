//! `parkgate sandbox`: the simulator alone, for other people's clients.

mod control;
mod files;
mod keys;
mod setup;
#[cfg(test)]
mod tests;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

pub use self::control::ControlError;
pub use self::files::FilesError;
use self::keys::Keys;
pub use self::keys::KeysError;
pub use self::setup::ClientSetup;
use super::http::{ListenError, Server, Target};
use super::material;
use super::wechat::{Plate, Settings, Simulator, TrustMode};
use crate::clock::{Clock, TrustRule};
use crate::lane::time::Wall;

/// A sandbox that is being served; each call is one line of the log.
pub struct Sandbox {
    /// The simulator behind its port: faults, plates, books.
    pub server: Server,
    /// What a client has to be told.
    pub setup: ClientSetup,
    control: Option<control::Serving>,
}

/// Why the sandbox could not start.
#[derive(Debug, thiserror::Error)]
pub enum SandboxError {
    /// The port.
    #[error("the sandbox cannot start")]
    Listen(#[from] ListenError),
    /// The control's port.
    #[error("the sandbox's control cannot start")]
    Control(#[from] ControlError),
    /// Making or reading the keys.
    #[error("the sandbox has no keys")]
    Keys(#[from] KeysError),
    /// The folder for the client's files, or one of them.
    #[error("the sandbox's files cannot be written")]
    Files(#[from] FilesError),
}

/// The merchant's private key within the material's folder, as WeChat's own tools call it.
pub const KEY_FILE: &str = "apiclient_key.pem";
/// Its certificate.
pub const CERTIFICATE_FILE: &str = "apiclient_cert.pem";
/// The APIv3 key.
pub const API_V3_KEY_FILE: &str = "apiv3.key";
/// WeChat Pay's public key.
pub const PUBLIC_KEY_FILE: &str = "wechatpay_pub.pem";
/// What issued every certificate of a sandbox, that for TLS too.
pub const CA_FILE: &str = "ca.pem";
/// [`ClientSetup::json`], for clients to read.
pub const SETUP_FILE: &str = "client.json";

/// What the sandbox is like.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kind {
    /// Where it serves; port 0 lets the kernel choose.
    pub listen: SocketAddr,
    /// Where it is controlled; None: nowhere.
    pub control: Option<SocketAddr>,
    /// Control may be reached from other machines.
    pub control_open: bool,
    /// Keeps its keys, and what a client is given. Made where it is not there.
    pub folder: PathBuf,
    /// Serve HTTPS.
    pub tls: bool,
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

impl Kind {
    /// At a port of this machine that the kernel chooses, without control.
    pub fn at(folder: &Path) -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
            control: None,
            control_open: false,
            folder: folder.to_owned(),
            tls: false,
            seed: 1,
            partner: false,
            trust: TrustMode::Both,
            rotated: true,
            notify: None,
        }
    }
}

impl Sandbox {
    /// Serves an empty simulator until the result is shut down or dropped.
    ///
    /// # Errors
    /// When a port is taken, or the folder or its keys cannot be used.
    pub async fn start(kind: Kind) -> Result<Self, SandboxError> {
        files::make_folder(&kind.folder)?;
        let ahead_ms = Arc::new(AtomicI64::new(0));
        let clock = Clock::system_off_by(TrustRule::Rtc, Wall(0), ahead_ms.clone());
        let now = clock.now().wall;
        let keys = {
            let folder = kind.folder.clone();
            let made = tokio::task::spawn_blocking(move || Keys::of(&folder, now));
            made.await.expect("making keys does not panic")?
        };
        let simulator = Simulator::new(settings(&kind, &keys)?);
        let listen = [kind.listen];
        let mut server = match kind.tls {
            false => Server::start(simulator, clock, &listen).await?,
            true => {
                let tls = keys.tls(kind.listen.ip(), now)?;
                Server::start_tls(simulator, clock, &listen, tls).await?
            }
        };
        match kind.notify {
            None => {}
            Some(Notify::AsNamed) => server.deliver_callbacks(Target::AsNamed),
            Some(Notify::To(address)) => server.deliver_callbacks(Target::Proxied(address)),
        }
        let mut setup = ClientSetup {
            base_url: server.base_urls().concat(),
            control_url: None,
            mchid: material::MCHID.into(),
            appid: material::APPID.into(),
            sub: kind
                .partner
                .then(|| (material::SUB_MCHID.into(), material::SUB_APPID.into())),
            openid: Plate::default().openid,
            trust: kind.trust,
            merchant_serial: keys.merchant.serial.clone(),
            public_key_id: keys.public_key_id.clone(),
            folder: kind.folder.clone(),
        };
        write_client_files(&kind.folder, &keys)?;
        let control = match kind.control {
            None => None,
            Some(address) => {
                let bound = control::Bound::at(address, kind.control_open).await?;
                setup.control_url = Some(bound.url());
                Some(bound)
            }
        };
        setup.write()?;
        let control = control.map(|bound| {
            let desk = control::Desk::new(server.handle(), setup.clone(), keys, ahead_ms);
            bound.serve(desk)
        });
        Ok(Self {
            server,
            setup,
            control,
        })
    }

    /// Stops listening and lets what is under way finish.
    pub async fn shutdown(self) {
        if let Some(control) = self.control {
            control.shutdown().await;
        }
        self.server.shutdown().await;
    }
}

fn settings(kind: &Kind, keys: &Keys) -> Result<Settings, KeysError> {
    let mut settings = match kind.partner {
        true => material::partner_settings(kind.seed),
        false => material::settings(kind.seed),
    };
    keys.put_into(&mut settings)?;
    if !kind.rotated {
        settings.trust = settings.trust.before_rotation();
    }
    settings.trust.mode = kind.trust;
    settings.calls_back = kind.notify.is_some();
    settings.loopback_callbacks = kind.notify == Some(Notify::AsNamed);
    Ok(settings)
}

/// The client's part of the keys, each in a file of its own.
fn write_client_files(folder: &Path, keys: &Keys) -> Result<(), SandboxError> {
    files::write_secret(&folder.join(KEY_FILE), &keys.merchant.key)?;
    files::write_secret(&folder.join(API_V3_KEY_FILE), &keys.api_v3_key)?;
    files::write_public(&folder.join(CERTIFICATE_FILE), &keys.merchant.certificate)?;
    files::write_public(&folder.join(PUBLIC_KEY_FILE), &keys.public_key()?)?;
    files::write_public(&folder.join(CA_FILE), &keys.root_certificate)?;
    Ok(())
}

/// Writes the keys that anybody may know into `folder`, for the demo and the tests. The folder is made
/// if it is not there.
///
/// # Errors
/// When the folder or a file cannot be written.
pub fn write_material(folder: &Path) -> Result<(), FilesError> {
    files::make_folder(folder)?;
    files::write_secret(&folder.join(KEY_FILE), material::MERCHANT_KEY)?;
    files::write_secret(&folder.join(API_V3_KEY_FILE), material::API_V3_KEY)?;
    let certificate = material::MERCHANT_CERTIFICATE;
    files::write_public(&folder.join(CERTIFICATE_FILE), certificate)?;
    files::write_public(&folder.join(PUBLIC_KEY_FILE), material::PUBLIC_KEY)
}
