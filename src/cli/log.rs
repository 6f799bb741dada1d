//! What goes into the log, and where it goes. `RUST_LOG` chooses, as in many programs: a level for
//! everything (`info`), a level for each of some targets (`parkgate=debug,rumqttc=warn`), or both.

use std::io::IsTerminal;

use tracing_subscriber::filter::{LevelFilter, Targets};
use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

const CHOICE: &str = "RUST_LOG";

/// Logs to stderr, which systemd gives to the journal; `default`, unless `RUST_LOG` chooses.
pub fn to_stderr(default: Targets) {
    let is_for_a_person = std::io::stderr().is_terminal();
    to(default, std::io::stderr, is_for_a_person);
}

/// Logs to `writer`, in colours or not.
pub fn to<W>(default: Targets, writer: W, in_colours: bool)
where
    W: for<'a> MakeWriter<'a> + Send + Sync + 'static,
{
    let (targets, fault) = match chosen() {
        Some(Ok(targets)) => (targets, None),
        Some(Err(fault)) => (default, Some(fault)),
        None => (default, None),
    };
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(writer)
        .with_ansi(in_colours)
        .with_target(false);
    let subscriber = tracing_subscriber::registry().with(targets).with(lines);
    // A second subscriber in one process is refused; the first one then serves.
    let _ = subscriber.try_init();
    if let Some(fault) = fault {
        tracing::error!("{fault}");
    }
}

/// Everything of a level, and of those that are worse.
pub fn level(level: LevelFilter) -> Targets {
    Targets::new().with_default(level)
}

/// Why a choice is not followed.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{CHOICE} is not followed for its \"{part}\": write a level (off, error, warn, info, debug, trace), or \
     TARGET=LEVEL such as parkgate=debug, with commas between"
)]
struct NoChoice {
    part: String,
}

/// None where nothing is chosen.
fn chosen() -> Option<Result<Targets, NoChoice>> {
    let text = std::env::var_os(CHOICE)?;
    let text = text.to_string_lossy();
    (!text.trim().is_empty()).then(|| parse(&text))
}

fn parse(text: &str) -> Result<Targets, NoChoice> {
    let parts = text.split(',').map(str::trim);
    parts
        .filter(|part| !part.is_empty())
        .try_fold(Targets::new(), |targets, part| {
            let chosen = match part.split_once('=') {
                None => level_of(part).map(|level| targets.with_default(level)),
                Some((target, level)) => Some(target.trim())
                    .filter(|target| is_target(target))
                    .zip(level_of(level.trim()))
                    .map(|(target, level)| targets.with_target(target, level)),
            };
            chosen.ok_or_else(|| NoChoice {
                part: part.chars().take(80).collect(),
            })
        })
}

fn level_of(word: &str) -> Option<LevelFilter> {
    // An empty word would be a level to the library.
    (!word.is_empty()).then(|| word.parse().ok()).flatten()
}

/// A crate or a module of one.
fn is_target(text: &str) -> bool {
    let is_name = |char: char| char.is_alphanumeric() || "_:-".contains(char);
    !text.is_empty() && text.chars().all(is_name)
}

#[cfg(test)]
mod tests {
    use tracing::Level;

    use super::*;

    #[test]
    fn a_level_and_levels_of_targets_are_understood() {
        let targets = parse("warn, parkgate=debug,parkgate::gate=TRACE,rumqttd=off,").unwrap();
        let enables = |target, level| targets.would_enable(target, &level);
        assert!(enables("hyper", Level::WARN) && !enables("hyper", Level::INFO));
        assert!(enables("parkgate::lane", Level::DEBUG));
        assert!(!enables("parkgate::lane", Level::TRACE));
        assert!(enables("parkgate::gate::run", Level::TRACE));
        assert!(!enables("rumqttd::router", Level::ERROR));
        let alone = parse("parkgate=info").unwrap();
        assert!(!alone.would_enable("rumqttc", &Level::ERROR));
    }

    #[test]
    fn what_is_no_choice_is_named() {
        for (text, part) in [
            ("inf", "inf"),
            ("parkgate", "parkgate"),
            ("info,parkgate=loud", "parkgate=loud"),
            ("parkgate=", "parkgate="),
            ("=debug", "=debug"),
            ("[span{field=1}]=debug,info", "[span{field=1}]=debug"),
        ] {
            let fault = parse(text).unwrap_err();
            assert_eq!(fault.part, part);
            assert!(fault.to_string().contains("parkgate=debug"));
        }
    }
}
