//! `parkgate config`: a file to start from, every key explained, and all faults at once before a
//! configuration is in force.

use std::process::ExitCode;

use serde_json::{Value, json};

use super::output::{self, padded};
use super::{BAD_CONFIG, ConfigArgs, fail};
use crate::config::{Config, Key, Need};
use crate::lane::tariff::Tariff;

#[derive(Debug, clap::Subcommand)]
pub enum ConfigCommand {
    /// Name every fault of the config and of its tariff file
    Check(CheckArgs),
    /// Print a commented file to start from
    Template(TemplateArgs),
    /// Explain every key, or one, or all of a section: type, unit, default, meaning
    Explain(ExplainArgs),
}

#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    #[command(flatten)]
    config: ConfigArgs,
    /// Print what is found as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct TemplateArgs {
    /// The price list instead of the config
    #[arg(long)]
    tariff: bool,
    /// Print it as a JSON object with the text in it
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct ExplainArgs {
    /// exit.budget, or exit for the whole section; keys of the price list under tariff.toml.
    key: Option<String>,
    /// Print it as JSON
    #[arg(long)]
    json: bool,
}

const TEMPLATE: &str = include_str!("../../firmware-config/parkgate.toml");
const TARIFF_TEMPLATE: &str = include_str!("../../firmware-config/tariff.toml");
/// The meanings; a test proves that every key has its row, with its true default and range.
const MEANINGS: &str = include_str!("../../docs/configure.md");
/// Before the keys of the price list, which has no section of its own in the config.
const OF_TARIFF: &str = "tariff.toml:";

/// No such key.
const UNKNOWN_KEY: u8 = 1;

/// Does it; 78 if a config that is checked has faults.
pub fn run(command: &ConfigCommand) -> ExitCode {
    match command {
        ConfigCommand::Check(args) => check(args),
        ConfigCommand::Template(args) => {
            let text = match args.tariff {
                true => TARIFF_TEMPLATE,
                false => TEMPLATE,
            };
            match args.json {
                true => output::print(&json!({ "text": text }).to_string()),
                false => output::print(text),
            }
        }
        ConfigCommand::Explain(args) => explain(args),
    }
}

fn check(args: &CheckArgs) -> ExitCode {
    let file = &args.config.config;
    match Config::load_with_tariff(file) {
        Ok((config, tariff)) if args.json => output::print(
            &json!({ "in_order": true, "lanes": config.lanes.len(), "tariff": tariff.name })
                .to_string(),
        ),
        Ok((config, tariff)) => output::print(&format!(
            "{} is in order: {} lanes, tariff {:?}",
            file.display(),
            config.lanes.len(),
            tariff.name
        )),
        Err(faults) => {
            if args.json {
                let list: Vec<String> = faults.to_string().lines().map(str::to_owned).collect();
                output::print(&json!({ "in_order": false, "faults": list }).to_string());
            }
            fail(BAD_CONFIG, faults)
        }
    }
}

fn explain(args: &ExplainArgs) -> ExitCode {
    let wanted = args.key.as_deref().unwrap_or("");
    let explained: Vec<Explained> = all()
        .into_iter()
        .filter(|explained| explained.is_meant_by(wanted))
        .collect();
    if explained.is_empty() {
        let text = format!("no key {wanted:?}; `parkgate config explain` shows all");
        return fail(UNKNOWN_KEY, text);
    }
    match args.json {
        true => {
            let keys: Vec<Value> = explained.iter().map(Explained::to_json).collect();
            output::print(&json!({ "keys": keys }).to_string())
        }
        false => {
            let texts: Vec<String> = explained.iter().map(Explained::to_text).collect();
            output::print(&texts.join("\n"))
        }
    }
}

/// A key with its meaning.
struct Explained {
    /// As on the command line.
    name: String,
    key: Key,
    meaning: &'static str,
}

/// Every key of the config and of the price list, in the order of the documentation.
fn all() -> Vec<Explained> {
    let (config, tariff) = (Config::keys(), Tariff::keys());
    let of_config = config.into_iter().map(|key| (String::new(), key));
    let of_tariff = tariff.into_iter().map(|key| (OF_TARIFF.to_owned(), key));
    of_config
        .chain(of_tariff)
        .zip(meanings())
        .map(|((file, key), meaning)| Explained {
            name: format!("{file}{}", key.path),
            key,
            meaning,
        })
        .collect()
}

/// The second cell of each row whose first one is a key.
fn meanings() -> impl Iterator<Item = &'static str> {
    let rows = MEANINGS.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| row.split('|').nth(2).unwrap_or("").trim())
}

impl Explained {
    fn is_meant_by(&self, wanted: &str) -> bool {
        let wanted = wanted.trim_matches(['[', ']']).trim_end_matches('.');
        let rest = self.name.strip_prefix(wanted);
        let rest = rest.or_else(|| self.name.strip_prefix(OF_TARIFF)?.strip_prefix(wanted));
        rest.is_some_and(|rest| rest.is_empty() || wanted.is_empty() || rest.starts_with('.'))
            || (wanted == "tariff.toml" && self.name.starts_with(OF_TARIFF))
    }

    fn default(&self) -> Option<&str> {
        match &self.key.need {
            Need::Default(value) => Some(value),
            Need::Required | Need::Optional => None,
        }
    }

    fn to_text(&self) -> String {
        let mut text = format!("{}\n", self.name);
        let mut row = |name: &str, value: &str| {
            text.push_str(&format!("  {} {value}\n", padded(name, 8)));
        };
        let kind = match self.key.takes.unit() {
            Some(unit) => format!("{}, {unit}", self.key.takes.word()),
            None => self.key.takes.word().to_owned(),
        };
        row("type", &kind);
        row("default", &self.key.need.to_string());
        row("range", &self.key.range);
        row("meaning", &self.meaning.replace('`', ""));
        text
    }

    fn to_json(&self) -> Value {
        json!({
            "key": self.name,
            "type": self.key.takes.word(),
            "unit": self.key.takes.unit(),
            "required": self.key.need == Need::Required,
            "default": self.default(),
            "range": self.key.range,
            "meaning": self.meaning,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_key_of_the_parser_is_explained_once() {
        let explained = all();
        let keys = Config::keys().len() + Tariff::keys().len();
        assert_eq!(explained.len(), keys);
        assert_eq!(meanings().count(), keys);
        let documented: Vec<&str> = MEANINGS
            .lines()
            .filter_map(|line| line.strip_prefix("| `")?.split('`').next())
            .collect();
        for (explained, documented) in explained.iter().zip(documented) {
            assert_eq!(explained.key.path, documented);
            assert!(!explained.meaning.is_empty(), "{documented}");
        }
    }

    #[test]
    fn a_key_a_section_and_a_whole_file_can_be_asked_for() {
        let names = |wanted: &str| -> Vec<String> {
            let fits = all().into_iter().filter(|e| e.is_meant_by(wanted));
            fits.map(|explained| explained.name).collect()
        };
        assert_eq!(names("exit.budget"), ["exit.budget"]);
        assert_eq!(names("[store]"), ["store.path", "store.low_disk_mb"]);
        assert_eq!(names("[[lane]]").len(), names("lane").len());
        assert!(names("lane").len() > 8);
        assert!(
            names("tariff.toml")
                .iter()
                .all(|name| name.starts_with("tariff.toml:"))
        );
        assert_eq!(names("first.fen"), ["tariff.toml:first.fen"]);
        assert_eq!(names("exit.budge"), [""; 0]);
        assert_eq!(names("").len(), all().len());
    }

    #[test]
    fn types_and_units_are_told() {
        let explained = all();
        let of = |name: &str| {
            let found = explained.iter().find(|explained| explained.name == name);
            found
                .map(|found| (found.key.takes.word(), found.key.takes.unit()))
                .unwrap()
        };
        assert_eq!(
            of("exit.budget"),
            ("duration", Some("ms, s, m, h or d, in quotes"))
        );
        assert_eq!(of("guard.max_fee_fen"), ("whole number", Some("fen")));
        assert_eq!(of("merchant.advance"), ("true or false", None));
        assert_eq!(of("store.path"), ("path", None));
        assert_eq!(of("lists.permits"), ("list of texts", None));
        assert_eq!(of("lane.camera.min_confidence"), ("decimal number", None));
        assert_eq!(of("exit.near_match"), ("word", None));
    }
}
