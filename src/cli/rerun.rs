//! `parkgate ledger rerun`: an incident explained at a desk, and a new version or a new price list
//! tried on last month's traffic. Reads only.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::{Value, json};

use super::client::ledger_of;
use super::output::{self, padded};
use super::when::when;
use super::words::{Lang, Pair, rerun as words};
use super::{BAD_CONFIG, fail};
use crate::config::Config;
use crate::gate;
use crate::lane::tariff::yuan;
use crate::lane::time::Wall;
use crate::rerun::{Report, Source, Span};

#[derive(Debug, clap::Args)]
pub struct RerunArgs {
    /// A store's folder, a ledger's folder or a copy of one, or what `parkgate ledger export` printed
    #[arg(value_name = "FILE|FOLDER")]
    of: PathBuf,
    /// Judge what was decided then or later: 2026-03-01, 2026-03-01T08:00, 2h (ago)
    #[arg(long, value_name = "DATE", value_parser = when)]
    from: Option<Wall>,
    /// Judge what was decided before then
    #[arg(long, value_name = "DATE", value_parser = when)]
    to: Option<Wall>,
    /// Decide by this configuration and its price list, and not by the recorded ones
    #[arg(long, value_name = "NEW.toml")]
    config: Option<PathBuf>,
    /// Show so many differences at most; --json prints up to 10 000
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: usize,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
    /// Hide plates
    #[arg(long)]
    mask: bool,
}

/// Something is decided in another way.
const DIFFERS: u8 = 1;
/// Nothing can be read, or nothing can be decided from it.
const NOT_READ: u8 = 2;

/// Does it.
pub fn run(args: &RerunArgs, lang: Lang) -> ExitCode {
    let rules = match &args.config {
        None => None,
        Some(file) => match Config::load_with_tariff(file) {
            Ok((config, tariff)) => Some(gate::rules(&config, tariff)),
            Err(faults) => return fail(BAD_CONFIG, faults),
        },
    };
    let span = Span {
        from: args.from,
        to: args.to,
    };
    let report = match Source::at(&ledger_of(&args.of)).rerun(span, rules) {
        Ok(report) => report,
        Err(error) => return fail(NOT_READ, crate::causes::told(&error)),
    };
    let mut told = json!(report);
    if args.mask {
        output::mask(&mut told);
    }
    output::print(&match args.json {
        true => told.to_string(),
        false => show(&report, &told, args.limit, lang),
    });
    match (report.steps, report.differing) {
        (0, 0) if report.not_run > 0 || report.last_seq == 0 => {
            fail(NOT_READ, lang.of(words::NOTHING_RUN))
        }
        (_, 0) => ExitCode::SUCCESS,
        _ => ExitCode::from(DIFFERS),
    }
}

/// `told` is the report as it may be shown.
fn show(report: &Report, told: &Value, limit: usize, lang: Lang) -> String {
    let mut text = String::new();
    let differences = told["differences"].as_array();
    let differences = differences.map(Vec::as_slice).unwrap_or_default();
    for difference in differences.iter().take(limit) {
        text.push_str(&difference_told(difference, lang));
    }
    let shown = u64::try_from(differences.len().min(limit)).unwrap_or(u64::MAX);
    let more = report.differing.saturating_sub(shown);
    if more > 0 {
        text.push_str(&lang.more_differences(more));
        text.push('\n');
    }
    let mut row = |name: Pair, value: &str| {
        let name = padded(lang.of(name), 14);
        text.push_str(&format!("{name} {value}\n"));
    };
    let range = format!("{}–{}", report.first_seq, report.last_seq);
    row(words::RECORDS, &range);
    row(words::STEPS, &report.steps.to_string());
    row(words::EQUAL, &report.equal.to_string());
    row(words::DIFFERING, &report.differing.to_string());
    if report.not_run > 0 {
        row(words::NOT_RUN, &report.not_run.to_string());
    }
    if report.fees_recorded_fen != report.fees_now_fen {
        row(
            words::FEES_RECORDED,
            &lang.yuan(&yuan(report.fees_recorded_fen)),
        );
        row(words::FEES_NOW, &lang.yuan(&yuan(report.fees_now_fen)));
    }
    for hole in &report.holes {
        text.push_str(&format!("  {}\n", lang.hole_at(hole.seq, hole.why)));
    }
    text
}

fn difference_told(difference: &Value, lang: Lang) -> String {
    let seq = difference["seq"].as_u64().unwrap_or(0);
    let mut at = difference["at"].as_str().unwrap_or("").to_owned();
    if difference["at_trusted"] == false {
        at = format!("{at} {}", lang.of(words::UNTRUSTED));
    }
    let event = event_told(&difference["event"]);
    let mut text = format!("{}\n", lang.difference_at(seq, &at, &event));
    for change in difference["changes"].as_array().into_iter().flatten() {
        let fact = change["fact"].as_str().unwrap_or("");
        let field = change["field"].as_str().unwrap_or("");
        let side = |value: &Value| match value {
            Value::Null => lang.of(words::NOTHING).to_owned(),
            Value::String(text) => text.clone(),
            value => value.to_string(),
        };
        text.push_str(&format!(
            "  {fact} {field}\n    {} {}\n    {} {}\n",
            padded(lang.of(words::RECORDED), 9),
            side(&change["recorded"]),
            padded(lang.of(words::NOW), 9),
            side(&change["now"]),
        ));
    }
    if let Some(seq) = difference["follows"].as_u64() {
        text.push_str(&format!("  {}\n", lang.follows(seq)));
    }
    text.push('\n');
    text
}

/// An event by its name and what it is about.
fn event_told(event: &Value) -> String {
    const ABOUT: [&str; 7] = [
        "/lane",
        "/read/plate",
        "/session",
        "/trade_no",
        "/raise",
        "/by",
        "/version",
    ];
    let about = ABOUT.iter().filter_map(|path| event.pointer(path));
    let words = about.filter_map(|value| match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        _ => None,
    });
    let name = event["event"].as_str().unwrap_or("").to_owned();
    let words: Vec<String> = [name].into_iter().chain(words).collect();
    words.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_difference_is_told_with_its_place_both_sides_and_in_both_languages() {
        let report = Report {
            steps: 9,
            equal: 8,
            differing: 1,
            fees_recorded_fen: 500,
            fees_now_fen: 700,
            ..Report::default()
        };
        let mut told = json!(report);
        told["differences"] = json!([{
            "seq": 41, "at": "2026-03-02T10:00:00+08:00", "at_trusted": true,
            "event": { "event": "plate_read", "lane": "out-1", "read": { "plate": "粤B12345" } },
            "changes": [{
                "fact": "charge_opened", "field": "claim.quote.fee_fen", "recorded": 500, "now": 700
            }],
            "follows": 7,
        }]);
        let english = show(&report, &told, 20, Lang::En);
        for words in [
            "record 41, 2026-03-02T10:00:00+08:00: plate_read out-1 粤B12345\n",
            "  charge_opened claim.quote.fee_fen\n    recorded  500\n    now       700\n",
            "may follow from what differs at record 7",
            "fees recorded  5.00 yuan\nfees now       7.00 yuan\n",
        ] {
            assert!(english.contains(words), "{words}: {english}");
        }
        let chinese = show(&report, &told, 20, Lang::Zh);
        assert!(
            chinese.contains("第 41 条记录") && chinese.contains("现在的费用"),
            "{chinese}"
        );
        let short = show(&report, &told, 0, Lang::En);
        assert!(
            short.contains("1 more differ") && !short.contains("out-1"),
            "{short}"
        );
    }
}
