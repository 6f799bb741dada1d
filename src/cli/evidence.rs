//! `parkgate sessions evidence`: one stay, with its proof, in a file of its own. Reads the ledger's
//! files, beside a running daemon too, or those of a copy.

use std::fs::{File, OpenOptions};
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::json;

use super::client::{REFUSED, ledger_of};
use super::words::{Lang, evidence as words};
use super::{BAD_CONFIG, CONFIG, fail, output, sessions};
use crate::causes;
use crate::config::Config;
use crate::evidence::{self, Evidence};
use crate::story::archive::{Archive, knows_nothing};

#[derive(Debug, clap::Args)]
pub struct EvidenceArgs {
    /// Its number, that of its entry (P…) or charge (T…), or a plate for the newest one
    of: String,
    /// The archive to write, a .zip that must not be there yet
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
    /// A copy of the ledger's folder, or the store's
    #[arg(long, value_name = "FOLDER", conflicts_with = "config")]
    ledger: Option<PathBuf>,
    /// The config that names the store
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Print what was written as JSON
    #[arg(long)]
    json: bool,
}

/// Does it.
pub fn run(args: &EvidenceArgs, lang: Lang) -> ExitCode {
    let store = match &args.ledger {
        Some(folder) => folder.clone(),
        None => match Config::load(&args.config) {
            Ok(config) => config.store.path,
            Err(faults) => return fail(BAD_CONFIG, faults),
        },
    };
    let archive = Archive::new(ledger_of(&store));
    let session = match archive.session(&args.of) {
        Ok(session) => session,
        Err(why) => return fail(REFUSED, why),
    };
    let evidence = match evidence::gather(archive.dir(), &session) {
        Ok(Some(evidence)) => evidence,
        Ok(None) => return fail(REFUSED, knows_nothing(&args.of)),
        Err(error) => return fail(REFUSED, causes::told(&error)),
    };
    if let Err(error) = write(&evidence, &args.out) {
        return fail(REFUSED, lang.not_written(&args.out, &error));
    }
    let (records, segments) = (evidence.records.len(), evidence.segments.len());
    output::print(&match args.json {
        true => json!({
            "session": session.0,
            "out": args.out,
            "records": records,
            "segments": segments,
        })
        .to_string(),
        false => lang.written(&args.out, records, segments),
    });
    output::note(lang.of(words::HOLDS_A_PLATE));
    ExitCode::SUCCESS
}

/// For the eyes of whoever made it. What was begun and could not be ended is taken away.
fn write(evidence: &Evidence, out: &Path) -> std::io::Result<()> {
    let mut options = OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(out)?;
    let written = write_to(evidence, file);
    if written.is_err() {
        // It is of no use to anybody.
        let _ = std::fs::remove_file(out);
    }
    written
}

fn write_to(evidence: &Evidence, file: File) -> std::io::Result<()> {
    let story = json!(evidence.story);
    let told = [("en", Lang::En), ("zh", Lang::Zh)];
    let told = told.map(|(name, lang)| (name, sessions::story(&story, lang)));
    evidence::write(evidence, &told, BufWriter::new(&file))?;
    file.sync_all()
}
