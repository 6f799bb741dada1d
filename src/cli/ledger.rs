//! `parkgate ledger`: the box's records checked, and taken out one by one. Reads by the format's
//! description and not by the code that writes, needs no lock, changes nothing.

use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::client::{NOT_RUNNING, ledger_of};
use super::output::{self, padded};
use super::progress::Progress;
use super::rerun::{self, RerunArgs};
use super::words::{Lang, Pair, ledger as words};
use super::{BAD_CONFIG, CONFIG, fail};
use crate::config::Config;
use crate::lane::number::LedgerId;
use crate::park::disk;
use crate::store::audit::{self, AuditError, Frame, Report, Verdict, Watcher};
use crate::store::record::{Class, Record as Stored};
use crate::story::head::decided_at;

#[derive(Debug, clap::Subcommand)]
pub enum LedgerCommand {
    /// Check every sum, every hash and every number; also beside a running daemon
    Verify(VerifyArgs),
    /// Print the records, one JSON object a line
    Export(ExportArgs),
    /// Decide everything in a ledger once more, and name every decision that differs
    Rerun(RerunArgs),
}

#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    which: WhichLedger,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    #[command(flatten)]
    which: WhichLedger,
    /// From this record on
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    from: u64,
    /// To this record
    #[arg(long, value_name = "SEQ", default_value_t = u64::MAX)]
    to: u64,
    /// Only this class: reading, session, money, event
    #[arg(long, value_name = "CLASS", value_parser = ["reading", "session", "money", "event"])]
    class: Option<String>,
    /// Hide plates
    #[arg(long)]
    mask: bool,
    /// As it is in any case
    #[arg(long, hide = true)]
    json: bool,
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

/// Bytes cannot be read, and every record is there.
const SCRATCHED: u8 = 3;
/// The last commit may be lost.
const POSSIBLY_LOST: u8 = 4;
/// Records are missing.
const MISSING: u8 = 5;
/// The hash chain does not hold.
const ALTERED: u8 = 6;
/// There is no ledger.
const NO_LEDGER: u8 = 66;

/// A commit that is being written looks like one that was cut short; then it is looked at again.
const LOOKS: u32 = 3;
const BETWEEN_LOOKS: Duration = Duration::from_millis(300);

/// Does it.
pub fn run(command: LedgerCommand, lang: Lang) -> ExitCode {
    match command {
        LedgerCommand::Verify(args) => match args.which.dir() {
            Ok(dir) => verify(&dir, args.json, lang),
            Err(code) => code,
        },
        LedgerCommand::Export(args) => match args.which.dir() {
            Ok(dir) => export(&dir, &args),
            Err(code) => code,
        },
        LedgerCommand::Rerun(args) => rerun::run(&args, lang),
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

fn verify(dir: &Path, json: bool, lang: Lang) -> ExitCode {
    let mut looks = 1;
    let report = loop {
        let mut watcher = Looking(Progress::new(lang));
        let report = match audit::read(dir, &mut watcher) {
            Ok(report) => report,
            Err(error) => return not_read(&error),
        };
        watcher.0.end();
        let in_doubt = report.verdict() == Verdict::PossiblyLost;
        if !in_doubt || looks >= LOOKS || !is_in_use(dir) {
            break report;
        }
        looks += 1;
        std::thread::sleep(BETWEEN_LOOKS);
    };
    let verdict = report.verdict();
    match json {
        true => output::print(&as_json(&report, dir).to_string()),
        false => output::print(&show(&report, dir, lang)),
    };
    match verdict {
        Verdict::Sound => ExitCode::SUCCESS,
        Verdict::Scratched => ExitCode::from(SCRATCHED),
        Verdict::PossiblyLost => ExitCode::from(POSSIBLY_LOST),
        Verdict::Missing => ExitCode::from(MISSING),
        Verdict::Altered => ExitCode::from(ALTERED),
    }
}

pub fn not_read(error: &AuditError) -> ExitCode {
    let code = match error {
        AuditError::Folder { .. } | AuditError::Empty { .. } => NO_LEDGER,
        AuditError::NewerFormat { .. } => NOT_RUNNING,
    };
    fail(code, crate::causes::told(error))
}

/// Whether the process that the lock file names is alive. The lock itself is not tried: a daemon that
/// starts at that moment would find it taken.
fn is_in_use(dir: &Path) -> bool {
    let holder = std::fs::read_to_string(dir.join("lock")).unwrap_or_default();
    let holder: Option<u32> = holder.trim().parse().ok();
    holder.is_some_and(|process| Path::new("/proc").join(process.to_string()).exists())
}

fn as_json(report: &Report, dir: &Path) -> Value {
    let mut value = json!(report);
    value["verdict"] = json!(report.verdict());
    value["ledger"] = json!(report.ledger_id.map(|id| LedgerId(id).to_string()));
    value["ledger_dir"] = json!(dir);
    value["answered_by"] = json!("ledger");
    value
}

fn show(report: &Report, dir: &Path, lang: Lang) -> String {
    let mut text = String::new();
    let mut row = |name: Pair, value: &str| {
        let name = padded(lang.of(name), 10);
        text.push_str(&format!("{name} {value}\n"));
    };
    let id = report.ledger_id.map(|id| LedgerId(id).to_string());
    let whose = format!(
        "{} {}/{}  {}",
        id.unwrap_or_default(),
        report.site,
        report.box_id,
        dir.display()
    );
    row(words::LEDGER, &whose);
    row(words::SEGMENTS, &report.segments.to_string());
    row(words::RECORDS, &lang.records(report));
    if report.erased > 0 {
        row(words::ERASED, &report.erased.to_string());
    }
    row(words::HEAD, report.head.as_deref().unwrap_or("-"));
    row(words::VERDICT, lang.of(words::verdict(report.verdict())));
    for finding in &report.findings {
        text.push_str(&format!("  {}\n", lang.finding(finding)));
    }
    text
}

/// Shows how far it is.
struct Looking(Progress);

impl Watcher for Looking {
    fn progress(&mut self, done: usize, of: usize) {
        self.0.told(done, of);
    }
}

fn export(dir: &Path, args: &ExportArgs) -> ExitCode {
    let mut lines = Lines { args, at: None };
    match audit::read(dir, &mut lines) {
        // What is amiss is another command's business, and must not be overlooked.
        Ok(report) => match report.verdict() {
            Verdict::Sound => ExitCode::SUCCESS,
            verdict => {
                let words = words::verdict(verdict).en;
                output::note(&format!("{words}; see `parkgate ledger verify`"));
                ExitCode::SUCCESS
            }
        },
        Err(error) => not_read(&error),
    }
}

/// Prints what it sees.
struct Lines<'a> {
    args: &'a ExportArgs,
    /// Time of the step at hand, and whether it was trusted.
    at: Option<(String, bool)>,
}

impl Watcher for Lines<'_> {
    fn commit(&mut self, frame: &Frame) -> ControlFlow<()> {
        for (seq, entry) in (frame.first_seq..).zip(&frame.entries) {
            if seq > self.args.to {
                return ControlFlow::Break(());
            }
            let stored = Stored {
                class: Class::from_code(entry.class),
                kind: entry.kind,
                version: entry.version,
                payload: entry.payload.clone().unwrap_or_default(),
            };
            if let Some(now) = decided_at(&stored) {
                self.at = Some((now.wall.to_rfc3339(), now.trusted));
            }
            let class = stored.class.name();
            let is_wanted = self
                .args
                .class
                .as_deref()
                .is_none_or(|wanted| wanted == class);
            if seq < self.args.from || !is_wanted {
                continue;
            }
            let mut line = line(seq, &stored, entry.payload.is_none(), self.at.as_ref());
            if self.args.mask {
                output::mask(&mut line);
            }
            if !output::write(format!("{line}\n").as_bytes()) {
                return ControlFlow::Break(());
            }
        }
        ControlFlow::Continue(())
    }
}

fn line(seq: u64, stored: &Stored, is_erased: bool, at: Option<&(String, bool)>) -> Value {
    let mut line = json!({
        "seq": seq,
        "at": at.map(|(at, _)| at),
        "at_trusted": at.map(|(_, trusted)| trusted),
        "class": stored.class.name(),
        "kind": stored.kind,
        "name": disk::kind_name(stored.class, stored.kind),
        "version": stored.version,
    });
    if is_erased {
        line["erased"] = json!(true);
        line["payload"] = Value::Null;
    } else {
        line["payload"] = match serde_json::from_slice::<Value>(&stored.payload) {
            Ok(payload) => payload,
            Err(_) => {
                let bytes = stored.payload.iter();
                let hexadecimal: String = bytes.map(|byte| format!("{byte:02x}")).collect();
                json!({ "hexadecimal": hexadecimal })
            }
        };
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::audit::Finding;

    #[test]
    fn a_report_names_file_and_byte_in_both_languages() {
        let report = Report {
            ledger_id: Some(0xBEEF),
            site: "sz-oct-bay".into(),
            box_id: "south-1".into(),
            segments: 2,
            commits: 3,
            records: 7,
            erased: 1,
            first_seq: 1,
            last_seq: 9,
            head: Some("ab".into()),
            findings: vec![
                Finding::Unreadable {
                    file: "0000000001.segment".into(),
                    from: 8192,
                    bytes: 4096,
                },
                Finding::Missing {
                    file: "0000000002.segment".into(),
                    at: 4096,
                    first: 4,
                    last: 5,
                },
            ],
        };
        let english = show(&report, Path::new("/var/lib/parkgate/ledger"), Lang::En);
        for words in [
            "0000000001.segment: 4096 bytes from byte 8192 on cannot be read",
            "0000000002.segment, byte 4096: the records 4 to 5 before it are missing",
            "RECORDS ARE MISSING",
            "7 in 3 commits, 1 to 9",
        ] {
            assert!(english.contains(words), "{words}: {english}");
        }
        let chinese = show(&report, Path::new("/x"), Lang::Zh);
        assert!(chinese.contains("自第 8192 字节起"), "{chinese}");
        let json = as_json(&report, Path::new("/x"));
        assert_eq!(json["verdict"], "missing");
        assert_eq!(json["findings"][0]["from"], 8192);
    }

    #[test]
    fn a_line_says_what_a_record_is_also_where_it_is_erased() {
        let mut stored = Stored {
            class: Class::Money,
            kind: 43,
            version: 1,
            payload: br#"{"fact":"charge_settled","trade_no":"T1"}"#.to_vec(),
        };
        let at = ("2025-11-25T00:00:00+08:00".to_owned(), true);
        let told = line(7, &stored, false, Some(&at));
        assert_eq!(told["name"], "charge_settled");
        assert_eq!(told["class"], "money");
        assert_eq!(told["payload"]["trade_no"], "T1");
        assert_eq!(told["at"], "2025-11-25T00:00:00+08:00");
        stored.payload.clear();
        let erased = line(7, &stored, true, None);
        assert_eq!(
            (&erased["erased"], &erased["payload"]),
            (&json!(true), &Value::Null)
        );
        stored.payload = vec![0xFF, 0];
        let strange = line(7, &stored, false, None);
        assert_eq!(strange["payload"]["hexadecimal"], "ff00");
    }
}
