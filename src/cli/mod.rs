//! The command line: one file per subcommand.

mod arrears;
mod bill;
mod books;
mod capture;
mod certificate;
mod charges;
mod client;
mod config;
#[cfg(feature = "demo")]
mod demo;
mod devices;
mod doctor;
mod evidence;
mod find;
mod keys;
mod lane;
mod ledger;
mod lists;
mod log;
mod output;
mod places;
mod prepare;
mod progress;
mod refund;
mod rerun;
mod review;
mod run;
#[cfg(feature = "demo")]
mod sandbox;
mod sessions;
mod status;
mod tariff;
mod when;
mod words;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use clap::{Parser, Subcommand};
use rustix::process::{Resource, Rlimit, setrlimit};

use self::words::Lang;

/// The command line as a whole.
#[derive(Debug, Parser)]
#[command(name = "parkgate", version, about, arg_required_else_help = true)]
struct Cli {
    /// Language of what is printed; else as LC_ALL, LC_MESSAGES or LANG have it
    #[arg(long, global = true, value_name = "LANG", value_enum)]
    lang: Option<Lang>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Control the gates: the daemon (Ctrl-C or SIGTERM ends it)
    Run(ConfigArgs),
    /// Show what drivers owe, and write down what the staff did about it
    Arrears {
        #[command(subcommand)]
        command: arrears::ArrearsCommand,
    },
    /// Fetch WeChat's daily bills, and hold them against the ledger
    Bill {
        #[command(subcommand)]
        command: bill::BillCommand,
    },
    /// Prove that every stay ended once and that the sums add up
    Books {
        #[command(subcommand)]
        command: books::BooksCommand,
    },
    /// The merchant's key and certificate: import, show, request, install
    Certificate {
        #[command(subcommand)]
        command: certificate::CertificateCommand,
    },
    /// Show and export charges, and take a hand in them
    Charges {
        #[command(subcommand)]
        command: charges::ChargesCommand,
    },
    /// Look at a configuration, or begin one
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
    /// Look at everything that a car park with WeChat Pay needs, and tell what to mend
    Doctor(doctor::DoctorArgs),
    /// Ask WeChat whether a driver has opened the service for a plate; changes nothing
    Find(find::FindArgs),
    /// Show cameras, barriers and links, as the running daemon hears them
    Devices(devices::DevicesArgs),
    /// WeChat's keys that answers are verified with, and the merchant's own
    Keys {
        #[command(subcommand)]
        command: keys::KeysCommand,
    },
    /// Raise a barrier by hand, or say which plate a held car has
    Lane {
        #[command(subcommand)]
        command: lane::LaneCommand,
    },
    /// Check the box's records, take them out, or erase what is known of a plate
    Ledger {
        #[command(subcommand)]
        command: ledger::LedgerCommand,
    },
    /// The merchant's preparation for WeChat Pay, as a checklist that is kept on the box
    Prepare(prepare::PrepareArgs),
    /// Permits, visitors and blocked plates: show them, and change them while the lanes run
    Lists {
        #[command(subcommand)]
        command: lists::ListsCommand,
    },
    /// Show how many places are free, and correct the count of the cars inside
    Places {
        #[command(subcommand)]
        command: places::PlacesCommand,
    },
    /// Give money of a charge back to its driver through WeChat, and show refunds
    Refund(refund::RefundArgs),
    /// Show what waits for a person, and decide it
    Review {
        #[command(subcommand)]
        command: review::ReviewCommand,
    },
    /// Show stays: who is inside, and everything about one
    Sessions {
        #[command(subcommand)]
        command: sessions::SessionsCommand,
    },
    /// Show how things stand: cars inside, queue, sums, alarms
    Status(status::StatusArgs),
    /// Price a stay, test a tariff file, compare two
    Tariff {
        #[command(subcommand)]
        command: tariff::TariffCommand,
    },
    /// Write down what a device says, byte by byte, for whoever is to read it (Ctrl-C ends it)
    Capture(capture::CaptureArgs),
}

/// Where the config is, unless it is told.
const CONFIG: &str = "/etc/parkgate/parkgate.toml";

/// Which configuration, for commands that read one.
#[derive(Debug, clap::Args)]
struct ConfigArgs {
    /// The configuration
    #[arg(
        long,
        value_name = "FILE",
        default_value = CONFIG
    )]
    config: PathBuf,
}

/// Whom to ask, and how to show what comes back.
#[derive(Debug, clap::Args)]
struct SocketArgs {
    /// The daemon's config, for its socket, and for its store where no daemon runs
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
    /// The daemon's store, to read it where no daemon runs
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,
    /// The daemon's socket, [control] socket of its config
    #[arg(long, value_name = "PATH")]
    socket: Option<PathBuf>,
    /// Print the answer as JSON
    #[arg(long)]
    json: bool,
    /// Hide plates
    #[arg(long)]
    mask: bool,
}

/// Who decides, and why.
#[derive(Debug, clap::Args)]
struct Word {
    /// Who decides
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    by: String,
    /// Why
    #[arg(long, alias = "reason", value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    why: String,
}

/// Reads the arguments and does what they say.
pub fn main() -> ExitCode {
    let Cli { lang, command } = Cli::parse();
    let lang = Lang::chosen(lang, |name| std::env::var(name).ok());
    match command {
        Command::Run(args) => {
            without_core_dumps();
            run::run(&args)
        }
        Command::Arrears { command } => arrears::run(command, lang),
        Command::Bill { command } => {
            without_core_dumps();
            bill::run(command, lang)
        }
        Command::Books { command } => books::run(&command, lang),
        Command::Certificate { command } => {
            without_core_dumps();
            certificate::run(&command, lang)
        }
        Command::Charges { command } => charges::run(command, lang),
        Command::Config { command } => config::run(&command),
        #[cfg(feature = "demo")]
        Command::Demo(args) => demo::run(&args),
        #[cfg(feature = "demo")]
        Command::Sandbox(args) => sandbox::run(&args),
        Command::Devices(args) => devices::run(&args, lang),
        Command::Doctor(args) => {
            without_core_dumps();
            doctor::run(&args, lang)
        }
        Command::Find(args) => find::run(args, lang),
        Command::Keys { command } => keys::run(command, lang),
        Command::Lane { command } => lane::run(command, lang),
        Command::Ledger { command } => ledger::run(command, lang),
        Command::Prepare(args) => prepare::run(&args, lang),
        Command::Lists { command } => lists::run(command, lang),
        Command::Places { command } => places::run(command, lang),
        Command::Refund(args) => refund::run(args, lang),
        Command::Review { command } => review::run(command, lang),
        Command::Sessions { command } => sessions::run(command, lang),
        Command::Status(args) => status::run(&args, lang),
        Command::Tariff { command } => tariff::run(&command, lang),
        Command::Capture(args) => capture::run(&args),
    }
}

/// Whatever happens from here on, no memory with keys in it is written to a disk.
fn without_core_dumps() {
    let limit = Rlimit {
        current: Some(0),
        maximum: Some(0),
    };
    // Lowering one's own limit is always allowed; where it is not, there is nothing better to do.
    let _ = setrlimit(Resource::Core, limit);
}

/// The config cannot be used.
const BAD_CONFIG: u8 = 78;

/// Tells what went wrong, and ends with `code`.
fn fail(code: u8, what: impl std::fmt::Display) -> ExitCode {
    output::note(&what.to_string());
    ExitCode::from(code)
}
