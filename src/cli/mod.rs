//! The command line: one file per subcommand.

mod capture;
mod client;
mod config;
#[cfg(feature = "demo")]
mod demo;
mod find;
mod lane;
mod review;
mod run;
#[cfg(feature = "demo")]
mod sandbox;
mod status;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// The command line as a whole.
#[derive(Debug, Parser)]
#[command(name = "parkgate", version, about, arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Control the gates: the daemon (Ctrl-C or SIGTERM ends it)
    Run(ConfigArgs),
    /// Look at a configuration
    Config {
        #[command(subcommand)]
        command: config::ConfigCommand,
    },
    /// Show a car park at work on this machine, with simulated hardware and a simulated WeChat Pay
    #[cfg(feature = "demo")]
    Demo(demo::DemoArgs),
    /// Serve the WeChat Pay simulator alone, for other clients
    #[cfg(feature = "demo")]
    Sandbox(sandbox::SandboxArgs),
    /// Ask WeChat whether a driver has opened the service for a plate; changes nothing
    Find(find::FindArgs),
    /// Raise a barrier by hand, through the running daemon
    Lane {
        #[command(subcommand)]
        command: lane::LaneCommand,
    },
    /// Show what waits for a person
    Review {
        #[command(subcommand)]
        command: review::ReviewCommand,
    },
    /// Show how the running daemon is doing
    Status(status::StatusArgs),
    /// Write down what a device says, byte by byte, for whoever is to read it (Ctrl-C ends it)
    Capture(capture::CaptureArgs),
}

/// Which configuration, for commands that read one.
#[derive(Debug, clap::Args)]
struct ConfigArgs {
    /// The configuration
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/parkgate/parkgate.toml"
    )]
    config: PathBuf,
}

/// Where the daemon listens, for commands that speak to it.
#[derive(Debug, clap::Args)]
struct SocketArgs {
    /// The daemon's socket, [control] socket of its config
    #[arg(
        long,
        value_name = "PATH",
        default_value = "/run/parkgate/parkgate.sock"
    )]
    socket: PathBuf,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
}

/// Reads the arguments and does what they say.
pub fn main() -> ExitCode {
    match Cli::parse().command {
        Command::Run(args) => run::run(&args),
        Command::Config { command } => config::run(&command),
        #[cfg(feature = "demo")]
        Command::Demo(args) => demo::run(&args),
        #[cfg(feature = "demo")]
        Command::Sandbox(args) => sandbox::run(&args),
        Command::Find(args) => find::run(args),
        Command::Lane { command } => lane::run(command),
        Command::Review { command } => review::run(command),
        Command::Status(args) => status::run(args),
        Command::Capture(args) => capture::run(&args),
    }
}

/// The config cannot be used.
const BAD_CONFIG: u8 = 78;

/// Tells what went wrong, and ends with `code`.
fn fail(code: u8, what: impl std::fmt::Display) -> ExitCode {
    eprintln!("parkgate: {what}");
    ExitCode::from(code)
}
