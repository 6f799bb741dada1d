//! `parkgate config check`: all faults of a configuration at once, before it is in force.

use std::process::ExitCode;

use super::{BAD_CONFIG, ConfigArgs, fail};
use crate::config::Config;

#[derive(Debug, clap::Subcommand)]
pub enum ConfigCommand {
    /// Name every fault of the config and of its tariff file
    Check(ConfigArgs),
}

/// Checks; 78 if there are faults.
pub fn run(command: &ConfigCommand) -> ExitCode {
    let ConfigCommand::Check(args) = command;
    match Config::load_with_tariff(&args.config) {
        Ok((config, tariff)) => {
            println!(
                "{} is in order: {} lanes, tariff {:?}",
                args.config.display(),
                config.lanes.len(),
                tariff.name
            );
            ExitCode::SUCCESS
        }
        Err(faults) => fail(BAD_CONFIG, faults),
    }
}
