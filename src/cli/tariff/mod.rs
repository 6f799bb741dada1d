//! `parkgate tariff`: what a stay costs and why, whether a price list says what its examples say, and
//! what another one would have brought in.

mod compare;
mod quote;
mod sessions;
mod test;

use std::path::PathBuf;
use std::process::ExitCode;

use super::words::Lang;
use super::{BAD_CONFIG, CONFIG, fail};
use crate::config::{Config, Faults};
use crate::json;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::tariff::Tariff;

#[derive(Debug, clap::Subcommand)]
pub enum TariffCommand {
    /// Say what a stay costs, line by line
    Quote(quote::QuoteArgs),
    /// Price the examples of tariff files and show where a fee differs
    Test(test::TestArgs),
    /// Price the same stays by two tariff files: what would last month have cost?
    Compare(compare::CompareArgs),
}

/// Which price list.
#[derive(Debug, clap::Args)]
struct ListArgs {
    /// A tariff file; else the one that the config names
    #[arg(long, value_name = "FILE")]
    tariff: Option<PathBuf>,
    /// The config that names the tariff file
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
}

impl ListArgs {
    fn load(&self) -> Result<Tariff, Faults> {
        match &self.tariff {
            Some(file) => Tariff::load(file),
            None => Config::load(&self.config).and_then(|config| config.tariff.load()),
        }
    }
}

/// Does it; 78 if a file has faults.
pub fn run(command: &TariffCommand, lang: Lang) -> ExitCode {
    match command {
        TariffCommand::Quote(args) => quote::run(args, lang),
        TariffCommand::Test(args) => test::run(args, lang),
        TariffCommand::Compare(args) => compare::run(args, lang),
    }
}

fn bad_file(faults: Faults) -> ExitCode {
    fail(BAD_CONFIG, faults)
}

fn plate(text: &str) -> Result<PlateNumber, String> {
    PlateNumber::parse(text)
        .map(|parsed| parsed.plate)
        .map_err(|fault| fault.to_string())
}

/// A colour as WeChat names it, in any case.
fn color(text: &str) -> Result<PlateColor, String> {
    let word = text.to_ascii_uppercase().replace(['-', '_'], "");
    json::typed(&serde_json::Value::String(word)).map_err(|_| {
        "write blue, green, yellow, black, white or lime-green (yellow-green plates)".to_owned()
    })
}
