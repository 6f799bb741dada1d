//! `parkgate ledger verify`: every sum, every hash and every number.

use std::path::Path;
use std::process::ExitCode;
use std::time::Duration;

use serde_json::{Value, json};

use super::super::output::{self, padded};
use super::super::progress::Progress;
use super::super::words::{Lang, Pair, ledger as words};
use super::{WhichLedger, not_read};
use crate::lane::number::LedgerId;
use crate::store::audit::{self, Report, Verdict, Watcher};

#[derive(Debug, clap::Args)]
pub struct VerifyArgs {
    #[command(flatten)]
    which: WhichLedger,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Bytes cannot be read, and every record is there.
const SCRATCHED: u8 = 3;
/// The last commit may be lost.
const POSSIBLY_LOST: u8 = 4;
/// Records are missing.
const MISSING: u8 = 5;
/// The hash chain does not hold.
const ALTERED: u8 = 6;
/// A commit that is being written looks like one that was cut short; then it is looked at again.
const LOOKS: u32 = 3;
const BETWEEN_LOOKS: Duration = Duration::from_millis(300);

/// Checks and tells.
pub fn run(args: &VerifyArgs, lang: Lang) -> ExitCode {
    match args.which.dir() {
        Ok(dir) => verify(&dir, args.json, lang),
        Err(code) => code,
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
}
