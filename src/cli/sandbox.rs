//! `parkgate sandbox`: the WeChat Pay simulator alone, for other people's clients.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use super::{demo, fail, output};
use crate::clock::{Clock, TrustRule};
use crate::lane::time::Wall;
use crate::sim::sandbox;

/// The port is taken, or the files cannot be written.
const TRY_AGAIN: u8 = 75;

#[derive(Debug, clap::Args)]
pub struct SandboxArgs {
    /// Where to serve, in plain HTTP; port 0 takes a free one
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:8700")]
    listen: SocketAddr,
    /// Write the client's keys and certificates there; they are throw-away ones that anybody may know
    #[arg(long, value_name = "DIR")]
    material: Option<PathBuf>,
    /// All chance comes from it
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

/// Serves until Ctrl-C. What a client is configured with goes to stdout, each call to the log.
pub fn run(args: &SandboxArgs) -> ExitCode {
    demo::log_to_stderr("info");
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(TRY_AGAIN, format!("cannot start: {error}")),
    };
    runtime.block_on(serve(args))
}

async fn serve(args: &SandboxArgs) -> ExitCode {
    let clock = Clock::system(TrustRule::Rtc, Wall(0));
    let started = sandbox::run(args.listen, args.material.as_deref(), args.seed, clock).await;
    let sandbox = match started {
        Ok(sandbox) => sandbox,
        Err(error) => return fail(TRY_AGAIN, crate::causes::told(&error)),
    };
    output::print(
        "# A strict WeChat Pay serves parking calls here; Ctrl-C ends it. A client is told:",
    );
    output::print(&format!("\n{}", sandbox.setup));
    // An error means that there are no signals to wait for: then only killing ends it.
    if tokio::signal::ctrl_c().await.is_err() {
        std::future::pending::<()>().await;
    }
    sandbox.server.shutdown().await;
    ExitCode::SUCCESS
}
