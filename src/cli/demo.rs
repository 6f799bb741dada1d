//! `parkgate demo`: a car park at work on this machine. Embedded broker, virtual cameras and
//! barriers, a strict WeChat Pay, and between them the daemon as it runs on the box, over sockets.

mod audit;
mod files;
mod paint;
mod scene;
mod screen;
#[cfg(test)]
mod tests;
mod timeline;
mod words;

use std::io::{IsTerminal, Write};
use std::process::ExitCode;
use std::time::Duration;

use tracing_subscriber::EnvFilter;

use self::scene::{Ending, Plan};
use self::screen::{Screen, Stream};
use super::{fail, output};
use crate::config::duration::parse_ms;
use crate::sim::material;
use crate::sim::site::Pace;

#[derive(Debug, clap::Args)]
pub struct DemoArgs {
    /// End by itself, with one line of JSON as the last on stdout; the timeline goes to stderr
    #[arg(long)]
    headless: bool,
    /// How many cars come; without --headless, endlessly many unless given
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u32).range(1..))]
    cars: Option<u32>,
    /// Cars, times and WeChat's chance come from it
    #[arg(long, value_name = "S", default_value_t = 1)]
    seed: u64,
    /// Cut WeChat off for that long, such as 30s, a few seconds after the start
    #[arg(long, value_name = "D", value_parser = duration)]
    offline_for: Option<Duration>,
    /// Play a service provider that collects for a sub-merchant (服务商模式)
    #[arg(long)]
    partner: bool,
    /// Keep the daemon's folder (configuration, keys, ledger) afterwards
    #[arg(long)]
    keep: bool,
    /// No timeline
    #[arg(long)]
    quiet: bool,
}

/// The account does not balance.
const DOES_NOT_BALANCE: u8 = 1;
/// The demo could not be set up.
const TRY_AGAIN: u8 = 75;

const HEADLESS_CARS: u32 = 20;
/// When WeChat is cut off, from the first car's coming.
const CUT_OFF_AFTER: Duration = Duration::from_secs(6);

/// Shows it. 0 if every fen is accounted for, once. An account that Ctrl-C left unfinished is no
/// fault, unless a script was to read it.
pub fn run(args: &DemoArgs) -> ExitCode {
    log_to_stderr("error,rumqttd=off");
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(TRY_AGAIN, format!("cannot start: {error}")),
    };
    let screen = Screen::open(match (args.quiet, args.headless) {
        (true, _) => Stream::Nowhere,
        (false, true) => Stream::Stderr,
        (false, false) => Stream::Stdout,
    });
    let played = runtime.block_on(scene::play(args.plan(), &screen));
    screen.close();
    match played {
        Ok(ending) => end(args, &ending),
        Err(error) => fail(TRY_AGAIN, crate::causes::told(&error)),
    }
}

fn end(args: &DemoArgs, ending: &Ending) -> ExitCode {
    // Whoever watches may stop watching while cars are inside.
    let is_forgiven = ending.interrupted && !args.headless;
    if !is_forgiven {
        for fault in &ending.audit.faults {
            output::note(&fault.to_string());
        }
    }
    if let Some(folder) = &ending.kept_in {
        output::note(&format!("the daemon's folder is {}", folder.display()));
    }
    if args.headless {
        // A reader that has gone away is no reason to complain.
        let _ = writeln!(std::io::stdout(), "{}", ending.audit.sums.to_json());
    }
    let is_sound = ending.audit.faults.is_empty() && !ending.interrupted;
    match is_sound || is_forgiven {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(DOES_NOT_BALANCE),
    }
}

impl DemoArgs {
    fn plan(&self) -> Plan {
        let cars = self.cars.or(self.headless.then_some(HEADLESS_CARS));
        Plan {
            cars: cars.map(|cars| usize::try_from(cars).unwrap_or(usize::MAX)),
            seed: self.seed,
            wechat: match self.partner {
                true => material::partner_settings(self.seed),
                false => material::settings(self.seed),
            },
            partner: self.partner,
            offline: self.offline_for.map(|length| (CUT_OFF_AFTER, length)),
            keep: self.keep,
            pace: Pace::default(),
        }
    }
}

/// Reads `30s`.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    match parse_ms(text) {
        Ok(ms) => Ok(Duration::from_millis(ms)),
        Err(_) => Err("write a whole number and a unit, such as 30s or 2m".to_owned()),
    }
}

/// The log of what is not on the screen, to stderr; `RUST_LOG` chooses instead of `default`.
pub(super) fn log_to_stderr(default: &str) {
    let filter = EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new(default));
    let subscriber = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(std::io::stderr().is_terminal())
        .with_target(false);
    // A second subscriber in one process is refused; the first one then serves.
    let _ = subscriber.try_init();
}
