//! `parkgate capture`: the raw frames of a device, for support.

mod paper;

use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Duration;

use tokio::io::AsyncReadExt;
use tokio::time::{sleep, timeout};
use tokio_serial::SerialStream;

use super::{BAD_CONFIG, fail};
use crate::broker::Endpoint;
use crate::camera::mqtt::{self, overhear};
use crate::config::Config;
use crate::config::duration::parse_ms;
use crate::serial::{OpenFault, Parity, PortSettings};
use paper::Paper;

/// What was asked for cannot be.
const BAD_REQUEST: u8 = 64;
/// The device is not there, or somebody else has it.
const UNAVAILABLE: u8 = 69;
/// The file exists already, or cannot be written.
const NO_FILE: u8 = 73;

/// Bytes that come no later than this after each other belong together.
const PAUSE: Duration = Duration::from_millis(50);
/// Longer frames are written in parts.
const PART_BYTES_MAX: usize = 1024;
const AGAIN_AFTER: Duration = Duration::from_secs(1);

#[derive(Debug, clap::Args)]
pub struct CaptureArgs {
    /// The lane whose camera is listened to
    #[arg(required_unless_present = "port", conflicts_with_all = ["port", "baud"])]
    lane: Option<String>,
    /// The configuration that the lane stands in
    #[arg(
        long,
        value_name = "FILE",
        default_value = "/etc/parkgate/parkgate.toml"
    )]
    config: PathBuf,
    /// A serial port that stands in no configuration yet
    #[arg(long, value_name = "PATH")]
    port: Option<PathBuf>,
    /// Its bits a second
    #[arg(long, value_name = "N", default_value_t = 9600)]
    baud: u32,
    /// When to end, such as 30s or 10m; left out: at Ctrl-C
    #[arg(long = "for", value_name = "DURATION", value_parser = duration)]
    length: Option<Duration>,
    /// Where to write, a file that does not exist yet; left out: to stdout
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// What is listened to.
enum Source {
    Port(PortSettings),
    Broker(Box<mqtt::Settings>),
}

/// Writes until the time is over. Whole plates are in what it writes, so a file is the owner's alone.
pub fn run(args: &CaptureArgs) -> ExitCode {
    let source = match source(args) {
        Ok(source) => source,
        Err((code, what)) => return fail(code, what),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(UNAVAILABLE, format!("cannot start: {error}")),
    };
    match runtime.block_on(capture(&source, args)) {
        Ok(()) => ExitCode::SUCCESS,
        Err((code, what)) => fail(code, what),
    }
}

async fn capture(source: &Source, args: &CaptureArgs) -> Result<(), Failure> {
    let paper = || Paper::open(args.output.as_deref()).map_err(|what| (NO_FILE, what));
    let over = over(args.length);
    let (ended, paper) = match source {
        Source::Port(settings) => {
            // Before there is a file, which a port that cannot be opened would leave behind empty.
            let port = open(settings)?;
            let mut paper = paper()?;
            let listening = listen_to_port(port, settings, &mut paper);
            (until(over, listening).await, paper)
        }
        Source::Broker(settings) => {
            let mut paper = paper()?;
            let listening = listen_to_broker(settings, &mut paper);
            (until(over, listening).await, paper)
        }
    };
    eprintln!("{} frames, {} bytes", paper.frames, paper.bytes);
    ended.and(paper.end().map_err(|what| (NO_FILE, what)))
}

type Failure = (u8, String);

fn source(args: &CaptureArgs) -> Result<Source, Failure> {
    if let Some(path) = &args.port {
        return Ok(Source::Port(PortSettings {
            path: path.clone(),
            baud: args.baud,
            parity: Parity::None,
            stop_bits: 1,
        }));
    }
    let config = Config::load(&args.config).map_err(|faults| (BAD_CONFIG, faults.to_string()))?;
    let wanted = args.lane.as_deref().unwrap_or_default();
    let lane = config.lanes.iter().find(|lane| lane.id == wanted);
    let Some(lane) = lane else {
        let known: Vec<&str> = config.lanes.iter().map(|lane| lane.id.as_str()).collect();
        let text = format!(
            "there is no lane {wanted:?}; there are {}",
            known.join(", ")
        );
        return Err((BAD_REQUEST, text));
    };
    if let Some(text) = lane.camera.text() {
        return Ok(Source::Port(text.line.port.clone()));
    }
    let settings = mqtt::Settings {
        endpoint: Endpoint::of(&config.mqtt),
        // Under the daemon's name it would throw the daemon out.
        client_id: format!("{}-capture-{}", config.mqtt.client_id, std::process::id()),
        cameras: vec![lane.camera.device_id.clone()],
    };
    Ok(Source::Broker(Box::new(settings)))
}

async fn until(
    over: impl Future<Output = ()>,
    listening: impl Future<Output = Result<(), Failure>>,
) -> Result<(), Failure> {
    tokio::select! {
        ended = listening => ended,
        () = over => Ok(()),
    }
}

async fn over(length: Option<Duration>) {
    let end = async {
        match length {
            Some(length) => sleep(length).await,
            None => std::future::pending().await,
        }
    };
    tokio::select! {
        () = end => {}
        // An error means that there are no signals to wait for.
        Ok(()) = tokio::signal::ctrl_c() => {}
    }
}

fn open(settings: &PortSettings) -> Result<SerialStream, Failure> {
    settings.open().map_err(|fault| {
        let hint = match fault {
            OpenFault::InUse(_) => "; if it is parkgate, end it first: systemctl stop parkgate",
            _ => "",
        };
        (UNAVAILABLE, format!("{fault}{hint}"))
    })
}

async fn listen_to_port(
    mut port: SerialStream,
    settings: &PortSettings,
    paper: &mut Paper,
) -> Result<(), Failure> {
    loop {
        let lost = read(&mut port, settings, paper).await?;
        drop(port);
        paper.note(&format!("the port was lost: {lost}"))?;
        port = loop {
            sleep(AGAIN_AFTER).await;
            if let Ok(port) = settings.open() {
                break port;
            }
        };
        paper.note("the port is open again")?;
    }
}

/// Reads until the port is lost.
async fn read(
    port: &mut SerialStream,
    settings: &PortSettings,
    paper: &mut Paper,
) -> Result<String, Failure> {
    let name = settings.path.display().to_string();
    let mut held = Vec::new();
    let mut buffer = [0; PART_BYTES_MAX];
    loop {
        let came = match held.is_empty() {
            true => Ok(port.read(&mut buffer).await),
            false => timeout(PAUSE, port.read(&mut buffer)).await,
        };
        let lost = match came {
            Ok(Ok(0)) => Some("nothing is behind it".to_owned()),
            Ok(Ok(length)) => {
                held.extend(&buffer[..length]);
                None
            }
            Ok(Err(error)) => Some(error.to_string()),
            Err(_) => {
                paper.write(&name, &std::mem::take(&mut held))?;
                None
            }
        };
        while let Some(end) = end_of_frame(&held, lost.is_some()) {
            let frame: Vec<u8> = held.drain(..end).collect();
            paper.write(&name, &frame)?;
        }
        if let Some(lost) = lost {
            return Ok(lost);
        }
    }
}

/// Where the first frame ends: after its line end, where it is too long, or where nothing follows.
fn end_of_frame(held: &[u8], is_over: bool) -> Option<usize> {
    let line = held
        .iter()
        .position(|byte| *byte == b'\n')
        .map(|end| end + 1);
    let part = (held.len() >= PART_BYTES_MAX).then_some(PART_BYTES_MAX);
    let rest = (is_over && !held.is_empty()).then_some(held.len());
    line.or(part).or(rest)
}

async fn listen_to_broker(settings: &mqtt::Settings, paper: &mut Paper) -> Result<(), Failure> {
    loop {
        let mut failed = None;
        let fault = overhear(settings, |topic, payload| {
            if let Err(failure) = paper.write(topic, payload) {
                failed.get_or_insert(failure);
            }
        })
        .await;
        if let Some(failure) = failed {
            return Err(failure);
        }
        paper.note(&fault.to_string())?;
        sleep(AGAIN_AFTER).await;
    }
}

fn duration(text: &str) -> Result<Duration, String> {
    match parse_ms(text) {
        Ok(ms) => Ok(Duration::from_millis(ms)),
        Err(_) => Err("write a whole number and one of ms, s, m, h, such as 30s".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frames_end_with_their_line_or_where_nothing_follows() {
        assert_eq!(end_of_frame(b"$PGH\r\n$PG", false), Some(6));
        assert_eq!(end_of_frame(b"$PG", false), None);
        assert_eq!(end_of_frame(b"$PG", true), Some(3));
        assert_eq!(end_of_frame(b"", true), None);
        assert_eq!(end_of_frame(&[b'x'; 2000], false), Some(1024));
    }
}
