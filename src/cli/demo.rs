//! `parkgate demo`: a car park at work on this machine. Embedded broker, virtual cameras and
//! barriers, a strict WeChat Pay, and between them the daemon as it runs on the box, over sockets.
//! On a terminal a person plays along: sends cars in and out, cuts the network, puts faults in force.

mod audit;
mod faults;
mod files;
mod foot;
mod keyboard;
mod keys;
mod line;
mod page;
mod paint;
mod player;
mod scene;
mod screen;
mod sheet;
mod terminal;
#[cfg(test)]
mod tests;
mod timeline;
mod typed;
mod width;
mod words;

use std::io::{self, Write};
use std::process::ExitCode;
use std::time::Duration;

use tracing_subscriber::filter::{LevelFilter, Targets};

use self::keyboard::Keyboard;
use self::paint::Paint;
use self::player::Player;
use self::scene::{Ending, Plan};
use self::screen::{Pen, Screen, Stream};
use self::terminal::Terminal;
use super::{fail, log, output};
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
    /// The timeline alone, also on a terminal: no keys, no line at the bottom
    #[arg(long)]
    plain: bool,
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
    let (screen, player) = match args.terminal().map(|terminal| args.interactive(terminal)) {
        Some(Ok((screen, player))) => (screen, Some(player)),
        Some(Err(error)) => {
            return fail(
                TRY_AGAIN,
                format!("cannot use the terminal: {error}; try --plain"),
            );
        }
        None => {
            log::to_stderr(quiet_log());
            (args.screen(), None)
        }
    };
    let runtime = match tokio::runtime::Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return fail(TRY_AGAIN, format!("cannot start: {error}")),
    };
    let played = runtime.block_on(scene::play(args.plan(), &screen, player));
    screen.close();
    // The screen hears no more of panics.
    drop(std::panic::take_hook());
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
    fn screen(&self) -> Screen {
        Screen::open(match (self.quiet, self.headless) {
            (true, _) => Stream::Nowhere,
            (false, true) => Stream::Stderr,
            (false, false) => Stream::Stdout,
        })
    }

    /// The terminal of a person who may play along.
    fn terminal(&self) -> Option<Terminal> {
        let is_for_a_person = !(self.headless || self.quiet || self.plain);
        is_for_a_person.then(Terminal::of_stdio).flatten()
    }

    fn interactive(&self, terminal: Terminal) -> io::Result<(Screen, Player)> {
        let keyboard = Keyboard::open(terminal.input()?)?;
        let paint = Paint::for_stream(&io::stdout());
        let screen = Screen::with_foot(terminal, paint)?;
        log_to_screen(&screen);
        let player = Player::new(keyboard, self.seed, &Pace::default());
        Ok((screen, player))
    }

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

/// The log and what a panic says, as lines of the screen: written to stderr, they would tear it.
fn log_to_screen(screen: &Screen) {
    let pen = screen.pen();
    let writer = move || Log(pen.clone());
    log::to(quiet_log(), writer, screen.paint() != Paint::none());
    let pen = screen.pen();
    std::panic::set_hook(Box::new(move |panic| {
        panic
            .to_string()
            .lines()
            .for_each(|line| pen.write(line.to_owned()));
    }));
}

/// What is told is on the screen; the log has what went wrong.
fn quiet_log() -> Targets {
    log::level(LevelFilter::ERROR).with_target("rumqttd", LevelFilter::OFF)
}

/// Takes what is logged, an entry at a time.
struct Log(Pen);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(bytes);
        text.lines().for_each(|line| self.0.write(line.to_owned()));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
