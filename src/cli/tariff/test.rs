//! `parkgate tariff test`.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::bad_file;
use super::quote::exit_of;
use crate::cli::output;
use crate::cli::when::long;
use crate::cli::words::{Lang, pair};
use crate::config::{Example, TariffFile};
use crate::lane::tariff::{Quote, yuan};

#[derive(Debug, clap::Args)]
pub struct TestArgs {
    /// Tariff files with [[example]] sections
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
    /// Print what is found as JSON
    #[arg(long)]
    json: bool,
}

/// An example costs something else, or a file has none.
const DIFFERS: u8 = 1;

/// Does it; 1 if an example differs, or a file has none, and 78 if a file has faults.
pub fn run(args: &TestArgs, lang: Lang) -> ExitCode {
    let mut reports = Vec::new();
    for path in &args.files {
        let file = match TariffFile::load(path) {
            Ok(file) => file,
            Err(faults) => return bad_file(faults),
        };
        reports.push(Report::of(path.display().to_string(), file));
    }
    match args.json {
        true => {
            let files: Vec<Value> = reports.iter().map(Report::to_json).collect();
            output::print(&json!({ "files": files }).to_string())
        }
        false => {
            let texts: Vec<String> = reports.iter().map(|r| r.to_text(lang)).collect();
            output::print(&texts.concat())
        }
    };
    match reports.iter().all(Report::is_right) {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(DIFFERS),
    }
}

/// What a file's examples cost.
struct Report {
    file: String,
    tariff: String,
    examples: Vec<(Example, Quote)>,
}

impl Report {
    fn of(file: String, read: TariffFile) -> Self {
        let quotes = Example::quotes(&read.examples, &read.tariff);
        Self {
            file,
            tariff: format!("{} ({})", read.tariff.name, read.tariff.version),
            examples: read.examples.into_iter().zip(quotes).collect(),
        }
    }

    fn is_right(&self) -> bool {
        !self.examples.is_empty() && self.wrong() == 0
    }

    fn wrong(&self) -> usize {
        let differs = |(example, quote): &&(Example, Quote)| example.fee_fen != quote.fee_fen;
        self.examples.iter().filter(differs).count()
    }

    fn to_json(&self) -> Value {
        let examples = self.examples.iter().map(|(example, quote)| {
            json!({
                "name": example.name,
                "expected_fen": example.fee_fen,
                "fee_fen": quote.fee_fen,
                "right": example.fee_fen == quote.fee_fen,
                "lines": quote.lines,
            })
        });
        json!({
            "file": self.file,
            "tariff": self.tariff,
            "right": self.is_right(),
            "examples": examples.collect::<Vec<_>>(),
        })
    }

    fn to_text(&self, lang: Lang) -> String {
        let (all, wrong) = (self.examples.len(), self.wrong());
        let verdict = match (all, wrong, lang) {
            (0, _, Lang::En) => "no [[example]]; add stays of which you know the fee".to_owned(),
            (0, _, Lang::Zh) => "没有 [[example]]；请补充已知费用的停车示例".to_owned(),
            (_, 0, Lang::En) => format!("{all} examples as expected"),
            (_, 0, Lang::Zh) => format!("{all} 个示例全部相符"),
            (_, _, Lang::En) => format!("{wrong} of {all} examples differ"),
            (_, _, Lang::Zh) => format!("{all} 个示例中 {wrong} 个不符"),
        };
        let mut text = format!("{}: {}: {verdict}\n", self.file, self.tariff);
        for (example, quote) in &self.examples {
            if example.fee_fen == quote.fee_fen {
                continue;
            }
            let (expected, is) = (yuan(example.fee_fen), yuan(quote.fee_fen));
            let differs = match lang {
                Lang::En => format!("expected {expected} yuan, is {is} yuan"),
                Lang::Zh => format!("应为 {expected} 元，实为 {is} 元"),
            };
            let (from, to) = (long(example.stay.entry), long(exit_of(&example.stay)));
            text.push_str(&format!("  {}: {differs}\n  {from} – {to}\n", example.name));
            for line in &quote.lines {
                let line = lang.fee_line(line, example.stay.entry);
                text.push_str(&format!("    {line}\n"));
            }
        }
        if all == 0 {
            let words = pair("  see docs/tariffs.md\n", "  见 docs/tariffs.md\n");
            text.push_str(lang.of(words));
        }
        text
    }
}
