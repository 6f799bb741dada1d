//! `parkgate books`: the ledger's sums, worked out a second time. Reads only, also beside a running
//! daemon.

use std::path::PathBuf;
use std::process::ExitCode;

use serde_json::json;

use super::client::ledger_of;
use super::output::{self, padded};
use super::progress::Progress;
use super::when::{long, when};
use super::words::{Lang, Pair, books as words};
use super::{BAD_CONFIG, CONFIG, fail};
use crate::books::{self, Period, Report, Sum};
use crate::config::Config;
use crate::lane::tariff::yuan;
use crate::lane::time::Wall;

#[derive(Debug, clap::Subcommand)]
pub enum BooksCommand {
    /// Prove for a period that every stay ended once, and that fees and what became of them add up
    Check(CheckArgs),
}

#[derive(Debug, clap::Args)]
pub struct CheckArgs {
    /// From then on: 2026-03-01, 2026-03-01T08:00, 30d (ago); the ledger's beginning, if left out
    #[arg(long, value_name = "DATE", value_parser = when)]
    since: Option<Wall>,
    /// Up to then; the ledger's end, if left out
    #[arg(long, value_name = "DATE", value_parser = when)]
    until: Option<Wall>,
    /// The store's folder, or a copy of the ledger's
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    store: Option<PathBuf>,
    /// The config that names the store
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Print the report as JSON
    #[arg(long)]
    json: bool,
}

/// Something is wrong.
const WRONG: u8 = 1;

/// Does it.
pub fn run(command: &BooksCommand, lang: Lang) -> ExitCode {
    let BooksCommand::Check(args) = command;
    let store = match &args.store {
        Some(store) => store.clone(),
        None => match Config::load(&args.config) {
            Ok(config) => config.store.path,
            Err(faults) => return fail(BAD_CONFIG, faults),
        },
    };
    let period = Period {
        since: args.since,
        until: args.until,
    };
    let mut progress = Progress::new(lang);
    let report = books::check(&ledger_of(&store), period, |done, of| {
        progress.told(done, of);
    });
    progress.end();
    let report = match report {
        Ok(report) => report,
        Err(error) => return super::ledger::not_read(&error),
    };
    match args.json {
        true => {
            let mut told = json!(report);
            told["net_fen"] = json!(i64::try_from(report.net_fen()).unwrap_or_default());
            told["balanced"] = json!(report.holds());
            told["since"] = json!(args.since.map(Wall::to_rfc3339));
            told["until"] = json!(args.until.map(Wall::to_rfc3339));
            output::print(&told.to_string());
        }
        false => {
            output::print(&show(&report, period, lang));
        }
    }
    match report.holds() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(WRONG),
    }
}

fn show(report: &Report, period: Period, lang: Lang) -> String {
    let mut text = String::new();
    let mut row = |name: Pair, value: &str| {
        let name = padded(lang.of(name), 15);
        text.push_str(&format!("{name} {value}\n"));
    };
    let range = format!("{}–{}", report.first_seq, report.last_seq);
    let since = period.since.map(long).unwrap_or_default();
    let until = period.until.map(long).unwrap_or_default();
    let range = format!("{range}  {since} … {until}");
    row(words::RECORDS, range.trim_end());
    let ended: u64 = report.ended.values().sum();
    let parts: Vec<String> = report
        .ended
        .iter()
        .map(|(name, count)| match words::ending(name) {
            Some(words) => format!("{count} {}", lang.of(words)),
            None => format!("{count} {name}"),
        })
        .collect();
    row(
        words::ENDED,
        format!("{ended}  {}", parts.join("  ")).trim_end(),
    );
    row(words::INSIDE, &report.inside.to_string());
    let sum = |sum: Sum| lang.sum(&yuan(sum.fen), sum.count);
    row(words::DUE, &sum(report.due));
    for (name, part) in [
        (words::SETTLED, report.settled),
        (words::WITHDRAWN, report.withdrawn),
        (words::COLLECTED, report.collected),
        (words::WRITTEN_OFF, report.written_off),
        (words::REPLACED, report.replaced),
        (words::ARREARS, report.arrears),
        (words::QUEUED, report.queued),
    ] {
        row(name, &format!("  {}", sum(part)));
    }
    row(words::SUM, &lang.yuan(&yuan(report.parts_fen())));
    if report.coupons.count > 0 {
        row(words::COUPONS, &sum(report.coupons));
    }
    if report.paid.count > 0 {
        row(words::PAID, &sum(report.paid));
    }
    if report.over.count > 0 {
        row(words::OVER, &sum(report.over));
    }
    if report.refunded.count > 0 {
        row(words::REFUNDED, &sum(report.refunded));
        let net = report.net_fen();
        let sign = if net < 0 { "-" } else { "" };
        let net = u64::try_from(net.unsigned_abs()).unwrap_or(u64::MAX);
        row(words::NET, &lang.yuan(&format!("{sign}{}", yuan(net))));
    }
    if report.to_refund.count > 0 {
        row(words::TO_REFUND, &sum(report.to_refund));
    }
    if report.erased > 0 {
        row(words::ERASED, &report.erased.to_string());
    }
    let verdict = match report.holds() {
        true => words::HOLDS,
        false => words::FAILS,
    };
    row(words::VERDICT, lang.of(verdict));
    for violation in &report.violations {
        text.push_str(&format!("  {}\n", lang.violation(violation)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::books::{Violation, Wrong};

    #[test]
    fn the_books_are_told_in_both_languages_with_every_violation() {
        let report = Report {
            due: Sum {
                count: 2,
                fen: 1_000,
            },
            settled: Sum { count: 1, fen: 500 },
            queued: Sum { count: 1, fen: 500 },
            violations: vec![Violation {
                seq: 41,
                at: "2026-03-02T10:00:00+08:00".into(),
                session: Some("S".into()),
                trade_no: Some("T".into()),
                wrong: Wrong::SettledTwice,
            }],
            ..Report::default()
        };
        let english = show(&report, Period::default(), Lang::En);
        for words in [
            "fees due        10.00 yuan in 2\n",
            "sum             10.00 yuan\n",
            "THE BOOKS DO NOT BALANCE",
            "record 41, 2026-03-02T10:00:00+08:00, S T: it was settled twice",
        ] {
            assert!(english.contains(words), "{words}: {english}");
        }
        let chinese = show(&report, Period::default(), Lang::Zh);
        assert!(
            chinese.contains("账目不平") && chinese.contains("重复结清"),
            "{chinese}"
        );
        assert_eq!(english.lines().count(), chinese.lines().count());
        let json = serde_json::to_value(&report).unwrap();
        assert_eq!(json["violations"][0]["wrong"], "settled_twice");
    }
}
