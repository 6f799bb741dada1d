//! `parkgate ledger`: the box's records checked, taken out one by one, and erased. What reads, reads by
//! the format's description and not by the code that writes, needs no lock, changes nothing.

mod erase;
mod export;
mod verify;

use std::path::PathBuf;
use std::process::ExitCode;

use super::client::{NOT_RUNNING, ledger_of};
use super::rerun::{self, RerunArgs};
use super::words::Lang;
use super::{BAD_CONFIG, CONFIG, fail};
use crate::config::Config;
use crate::store::audit::AuditError;

#[derive(Debug, clap::Subcommand)]
pub enum LedgerCommand {
    /// Check every sum, every hash and every number; also beside a running daemon
    Verify(verify::VerifyArgs),
    /// Print the records, one JSON object a line
    Export(export::ExportArgs),
    /// Decide everything in a ledger once more, and name every decision that differs
    Rerun(RerunArgs),
    /// Erase what is known of one plate, where it is needed no more; through the running daemon
    Erase(erase::EraseArgs),
}

/// Which ledger.
#[derive(Debug, clap::Args)]
struct WhichLedger {
    /// The store's folder, or a copy of the ledger's
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    store: Option<PathBuf>,
    /// The config that names the store
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
}

/// There is no ledger.
const NO_LEDGER: u8 = 66;

/// Does it.
pub fn run(command: LedgerCommand, lang: Lang) -> ExitCode {
    match command {
        LedgerCommand::Verify(args) => verify::run(&args, lang),
        LedgerCommand::Export(args) => export::run(&args),
        LedgerCommand::Rerun(args) => rerun::run(&args, lang),
        LedgerCommand::Erase(args) => erase::run(args, lang),
    }
}

impl WhichLedger {
    fn dir(&self) -> Result<PathBuf, ExitCode> {
        let store = match &self.store {
            Some(store) => store.clone(),
            None => match Config::load(&self.config) {
                Ok(config) => config.store.path,
                Err(faults) => return Err(fail(BAD_CONFIG, faults)),
            },
        };
        Ok(ledger_of(&store))
    }
}

/// Why there is nothing to look at.
pub fn not_read(error: &AuditError) -> ExitCode {
    let code = match error {
        AuditError::Folder { .. } | AuditError::Empty { .. } => NO_LEDGER,
        AuditError::NewerFormat { .. } => NOT_RUNNING,
    };
    fail(code, crate::causes::told(error))
}
