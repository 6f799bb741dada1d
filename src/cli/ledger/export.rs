//! `parkgate ledger export`: the records, one JSON object a line.

use std::ops::ControlFlow;
use std::path::Path;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::super::output;
use super::super::words::ledger as words;
use super::{WhichLedger, not_read};
use crate::lane::time::Wall;
use crate::park::disk;
use crate::store::audit::{self, Frame, Verdict, Watcher};
use crate::store::record::{Class, Record as Stored};
use crate::story::head::StepClock;

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

/// Prints them.
pub fn run(args: &ExportArgs) -> ExitCode {
    match args.which.dir() {
        Ok(dir) => export(&dir, args),
        Err(code) => code,
    }
}

fn export(dir: &Path, args: &ExportArgs) -> ExitCode {
    let mut lines = Lines {
        args,
        clock: StepClock::default(),
    };
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
    /// Tells when each was decided.
    clock: StepClock,
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
            self.clock.hear(&stored);
            let class = stored.class.name();
            let is_wanted = self
                .args
                .class
                .as_deref()
                .is_none_or(|wanted| wanted == class);
            if seq < self.args.from || !is_wanted {
                continue;
            }
            let mut line = line(seq, &stored, entry.payload.is_none(), self.clock.at());
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

fn line(seq: u64, stored: &Stored, is_erased: bool, at: Option<(Wall, bool)>) -> Value {
    let mut line = json!({
        "seq": seq,
        "at": at.map(|(at, _)| at.to_rfc3339()),
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

    #[test]
    fn a_line_says_what_a_record_is_also_where_it_is_erased() {
        let mut stored = Stored {
            class: Class::Money,
            kind: 43,
            version: 1,
            payload: br#"{"fact":"charge_settled","trade_no":"T1"}"#.to_vec(),
        };
        let at = (Wall(1_764_000_000_000), true);
        let told = line(7, &stored, false, Some(at));
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
