//! `parkgate sandbox`: the WeChat Pay simulator alone, for other people's clients.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tracing_subscriber::filter::LevelFilter;

use super::{demo, fail, log, output};
use crate::sim::sandbox::{Kind, Notify, Sandbox};
use crate::sim::wechat::TrustMode;

/// A port is taken, or the files cannot be written.
const TRY_AGAIN: u8 = 75;

#[derive(Debug, clap::Args)]
pub struct SandboxArgs {
    /// Where to serve, in plain HTTP unless --tls is given; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8700")]
    listen: SocketAddr,
    /// Where the control page and its API are, in plain HTTP; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8701")]
    control: SocketAddr,
    /// Let control be reached from other machines: whoever reaches it rules the sandbox
    #[arg(long)]
    control_open: bool,
    /// Serve no control
    #[arg(long, conflicts_with_all = ["control", "control_open"])]
    no_control: bool,
    /// The folder for the sandbox's keys and what a client is given; made at the first start, and
    /// ~/.local/state/parkgate-sandbox if it is not named
    #[arg(long, value_name = "DIR")]
    material: Option<PathBuf>,
    /// Serve HTTPS, with a certificate that the folder's ca.pem vouches for
    #[arg(long)]
    tls: bool,
    /// Print what a client is told as JSON
    #[arg(long)]
    json: bool,
    /// All chance comes from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// Serve a service provider (服务商模式): every call has to name its sub-merchant
    #[arg(long)]
    partner: bool,
    /// Which keys answers are signed with
    #[arg(long, value_name = "MODEL", value_enum, default_value_t = TrustModel::Both)]
    trust: TrustModel,
    /// Call back: tell by itself what becomes of charges, at the notify_url that each request gives;
    /// http:// is taken there for this machine
    #[arg(long)]
    notify: bool,
    /// The same, but everything to this address in plain HTTP, at the path of the notify_url
    #[arg(long, value_name = "ADDR", conflicts_with = "notify")]
    notify_to: Option<SocketAddr>,
    /// Begin with one platform certificate, and bring the next one in after that long, such as 30s
    #[arg(long, value_name = "D", value_parser = demo::duration)]
    rotate_after: Option<Duration>,
}

#[derive(Clone, Copy, Debug, clap::ValueEnum)]
enum TrustModel {
    /// Platform certificates only
    Certificates,
    /// The public key only; there is no certificate to download
    PublicKey,
    /// The public key if the request names it, as during the migration
    Both,
    /// Any of them, whatever the request names
    Mixed,
}

impl From<TrustModel> for TrustMode {
    fn from(model: TrustModel) -> Self {
        match model {
            TrustModel::Certificates => Self::Certificates,
            TrustModel::PublicKey => Self::PublicKey,
            TrustModel::Both => Self::Both,
            TrustModel::Mixed => Self::Mixed,
        }
    }
}

/// Serves until Ctrl-C. What a client is configured with goes to stdout, each call to the log.
pub fn run(args: &SandboxArgs) -> ExitCode {
    log::to_stderr(log::level(LevelFilter::INFO));
    let Some(kind) = kind(args) else {
        let message = "no HOME says where the keys go: give --material DIR";
        return fail(TRY_AGAIN, message);
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(TRY_AGAIN, format!("cannot start: {error}")),
    };
    runtime.block_on(serve(args, kind))
}

fn kind(args: &SandboxArgs) -> Option<Kind> {
    Some(Kind {
        listen: args.listen,
        control: (!args.no_control).then_some(args.control),
        control_open: args.control_open,
        folder: args.material.clone().or_else(usual_folder)?,
        tls: args.tls,
        seed: args.seed,
        partner: args.partner,
        trust: args.trust.into(),
        rotated: args.rotate_after.is_none(),
        notify: match (args.notify_to, args.notify) {
            (Some(address), _) => Some(Notify::To(address)),
            (None, true) => Some(Notify::AsNamed),
            (None, false) => None,
        },
    })
}

/// As the XDG base directories have it.
fn usual_folder() -> Option<PathBuf> {
    let absolute = |name| {
        let path = PathBuf::from(std::env::var_os(name)?);
        path.is_absolute().then_some(path)
    };
    let state = absolute("XDG_STATE_HOME").or_else(|| Some(absolute("HOME")?.join(".local/state")));
    Some(state?.join("parkgate-sandbox"))
}

async fn serve(args: &SandboxArgs, kind: Kind) -> ExitCode {
    let sandbox = match Sandbox::start(kind).await {
        Ok(sandbox) => sandbox,
        Err(error) => return fail(TRY_AGAIN, crate::causes::told(&error)),
    };
    if args.json {
        output::print(&sandbox.setup.json().to_string());
    } else {
        output::print(
            "# A strict WeChat Pay serves parking calls here; Ctrl-C ends it. A client is told:",
        );
        output::print(&format!("\n{}", sandbox.setup));
    }
    tokio::select! {
        () = interrupted() => {}
        () = rotated(&sandbox, args.rotate_after) => {}
    }
    sandbox.shutdown().await;
    ExitCode::SUCCESS
}

async fn interrupted() {
    // An error means that there are no signals to wait for: then only killing ends it.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
}

/// Brings the next certificate in; never ends.
async fn rotated(sandbox: &Sandbox, after: Option<Duration>) {
    if let Some(after) = after {
        tokio::time::sleep(after).await;
        sandbox
            .server
            .with(|simulator| simulator.settings_mut().trust.rotate());
        tracing::info!("platform certificates rotate: the next one signs beside the old one");
    }
    std::future::pending().await
}
