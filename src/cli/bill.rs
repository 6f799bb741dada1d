//! `parkgate bill`: WeChat's daily bills, fetched and held against the ledger. Needs no daemon, and reads the
//! ledger also beside a running one.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use serde_json::{Value, json};

use super::client::ledger_of;
use super::words::{Lang, bill as words};
use super::{BAD_CONFIG, CONFIG, fail, output};
use crate::bills::day::Day;
use crate::bills::fetch::{FetchFault, Fetched, fetch};
use crate::bills::keep::{Accepted, Bills};
use crate::bills::matching::compare;
use crate::bills::report::{Report, Sum};
use crate::bills::standing::{Stage, Standing};
use crate::causes::told;
use crate::clock::{Clock, TrustRule};
use crate::config::Config;
use crate::gate;
use crate::lane::tariff::yuan;
use crate::lane::time::Wall;
use crate::store::whole_file;
use crate::wechat::bill::Kind;

#[derive(Debug, clap::Subcommand)]
pub enum BillCommand {
    /// Fetch the trade bill and the fund-flow bill of a day, and keep them in the store
    Fetch(FetchArgs),
    /// Hold the trade bill of a day against the ledger, charge by charge
    Match(MatchArgs),
    /// Show the days whose bills are kept, and what matching them came to
    List(ListArgs),
    /// Say that a day is done with, whatever its bills say: its alarm goes
    Accept(AcceptArgs),
}

#[derive(Debug, clap::Args)]
pub struct FetchArgs {
    /// The day, of Beijing: 2026-03-01; WeChat has its bill from 10:00 of the next day, for three months
    #[arg(long, value_name = "DATE", value_parser = day)]
    date: Day,
    /// The config: merchant, keys, store
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
    /// Print what came of it as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct MatchArgs {
    /// The day, of Beijing: 2026-03-01
    #[arg(long, value_name = "DATE", value_parser = day)]
    date: Day,
    #[command(flatten)]
    store: StoreArgs,
    /// What does not fit, as CSV
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// The whole report as JSON
    #[arg(long)]
    json: bool,
    /// Write it into this file, in place of printing it
    #[arg(long, value_name = "FILE")]
    out: Option<PathBuf>,
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    store: StoreArgs,
    /// Only the days that are missing or differ
    #[arg(long)]
    open: bool,
    /// Print them as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, clap::Args)]
pub struct AcceptArgs {
    /// The day, of Beijing: 2026-03-01
    #[arg(long, value_name = "DATE", value_parser = day)]
    date: Day,
    #[command(flatten)]
    word: super::Word,
    #[command(flatten)]
    store: StoreArgs,
}

/// Where ledger and bills are.
#[derive(Debug, clap::Args)]
struct StoreArgs {
    /// The store's folder, with ledger and bills
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    store: Option<PathBuf>,
    /// The config that names the store
    #[arg(long, value_name = "FILE", default_value = CONFIG)]
    config: PathBuf,
}

impl StoreArgs {
    fn folder(&self) -> Result<PathBuf, ExitCode> {
        match &self.store {
            Some(store) => Ok(store.clone()),
            None => match Config::load(&self.config) {
                Ok(config) => Ok(config.store.path),
                Err(faults) => Err(fail(BAD_CONFIG, faults)),
            },
        }
    }
}

/// Something does not fit.
const DIFFERS: u8 = 1;
/// There is no bill, or it could not be compared.
const COULD_NOT: u8 = 2;

/// Does it.
pub fn run(command: BillCommand, lang: Lang) -> ExitCode {
    match command {
        BillCommand::Fetch(args) => fetch_both(&args, lang),
        BillCommand::Match(args) => match_day(&args, lang),
        BillCommand::List(args) => list(&args, lang),
        BillCommand::Accept(args) => accept(args),
    }
}

fn day(text: &str) -> Result<Day, String> {
    Day::read(text).ok_or_else(|| "write a day as 2026-03-01".to_owned())
}

fn fetch_both(args: &FetchArgs, lang: Lang) -> ExitCode {
    let config = match Config::load(&args.config) {
        Ok(config) => config,
        Err(faults) => return fail(BAD_CONFIG, faults),
    };
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let runtime = match runtime {
        Ok(runtime) => runtime,
        Err(error) => return fail(COULD_NOT, format!("cannot start: {error}")),
    };
    let clock = Clock::system(config.clock.trust, Wall(0));
    let client = match gate::client_directly(&config, &clock) {
        Ok(client) => client,
        Err(why) => return fail(COULD_NOT, why),
    };
    let bills = Bills::of(&config.store.path);
    let sub = config.merchant.sub.as_ref().map(|sub| sub.mchid.as_str());
    let (mut ended, mut report) = (ExitCode::SUCCESS, Vec::new());
    for kind in [Kind::Trade, Kind::FundFlow] {
        let path = bills.path(kind, args.date);
        let now = clock.now().wall;
        let fetched = fetch(&client, sub, &bills, kind, args.date, now);
        let came = runtime.block_on(fetched);
        let text = said(&came, &path, lang);
        let code = match &came {
            Ok(Fetched::Kept) => "kept",
            Ok(Fetched::Nothing) => "nothing",
            Err(_) => "failed",
        };
        report.push(json!({ "bill": words::code(kind), "came": code, "path": path, "text": text }));
        match (args.json, &came) {
            (true, _) => {}
            (false, Ok(_)) => {
                output::print(&text);
            }
            (false, Err(_)) => output::note(&text),
        }
        if came.is_err() {
            ended = ExitCode::from(COULD_NOT);
        }
    }
    if args.json {
        output::print(&json!({ "date": args.date.to_string(), "bills": report }).to_string());
    }
    ended
}

fn said(came: &Result<Fetched, FetchFault>, path: &Path, lang: Lang) -> String {
    match came {
        Ok(Fetched::Kept) => path.display().to_string(),
        Ok(Fetched::Nothing) => format!("{}: {}", path.display(), lang.of(words::NOTHING)),
        Err(fault) => told(fault),
    }
}

fn match_day(args: &MatchArgs, lang: Lang) -> ExitCode {
    let store = match args.store.folder() {
        Ok(store) => store,
        Err(code) => return code,
    };
    let bills = Bills::of(&store);
    let report = match compare(&bills, args.date, &ledger_of(&store)) {
        Ok(report) => report,
        Err(fault) => return fail(COULD_NOT, told(&fault)),
    };
    // The daemon takes it up from there. Who may only read may match all the same.
    if let Err(fault) = bills.keep_report(args.date, &report) {
        output::note(&told(&fault));
    }
    let text = match (args.csv, args.json) {
        (true, _) => report.csv(),
        (_, true) => {
            let mut told = json!(report);
            told["matches"] = json!(report.matches());
            format!("{told}\n")
        }
        _ => show(&report, lang),
    };
    match &args.out {
        Some(path) => {
            if let Err(error) = whole_file::write(path, text.as_bytes()) {
                return fail(COULD_NOT, format!("{}: {error}", path.display()));
            }
        }
        None => {
            output::write(text.as_bytes());
        }
    }
    match report.matches() {
        true => ExitCode::SUCCESS,
        false => ExitCode::from(DIFFERS),
    }
}

fn list(args: &ListArgs, lang: Lang) -> ExitCode {
    let bills = match args.store.folder() {
        Ok(store) => Bills::of(&store),
        Err(code) => return code,
    };
    let days = match bills.days() {
        Ok(days) => days,
        Err(error) => return fail(COULD_NOT, format!("the bills cannot be read: {error}")),
    };
    let mut all: Vec<Standing> = days
        .into_iter()
        .rev()
        .map(|day| Standing::of(&bills, day))
        .collect();
    if args.open {
        let is_open = |it: &Standing| !matches!(it.stage(), Stage::Matches | Stage::Accepted);
        all.retain(is_open);
    }
    output::print(&match args.json {
        true => json!(all.iter().map(listed).collect::<Vec<_>>()).to_string(),
        false => table(&all, lang),
    })
}

fn listed(standing: &Standing) -> Value {
    let report = standing.report.as_ref();
    let mut told = json!({
        "date": standing.day,
        "stage": standing.stage().code(),
        "trade": standing.trade,
        "fund_flow": standing.fund_flow,
        "accepted": standing.accepted,
    });
    if let Some(report) = report {
        told["paid"] = json!(report.ok);
        told["refunded"] = json!(report.refunded);
        told["others"] = json!(report.others);
        told["points"] = json!(report.points());
        told["fault"] = json!(report.fault);
    }
    told
}

fn table(all: &[Standing], lang: Lang) -> String {
    if all.is_empty() {
        return lang.of(words::NOT_HERE).to_owned();
    }
    let mut table = output::Table::default();
    let heads = [words::DAY, words::VERDICT, words::OK, words::REFUNDED];
    table.row(heads.map(|head| output::text(lang.of(head))));
    for it in all {
        let report = it.report.as_ref();
        let sum = |sum: Option<Sum>| {
            sum.map_or_else(|| "-".to_owned(), |sum| lang.sum(&yuan(sum.fen), sum.count))
        };
        let mut stage = lang.of(words::stage(it.stage())).to_owned();
        if let Some(points) = report.map(Report::points).filter(|points| *points > 0) {
            stage.push_str(&format!(" ({points})"));
        }
        let (ok, refunded) = (report.map(|it| it.ok), report.map(|it| it.refunded));
        let [day, stage] = [it.day.to_string(), stage].map(output::text);
        let [ok, refunded] = [sum(ok), sum(refunded)].map(output::number);
        table.row([day, stage, ok, refunded]);
    }
    table.render().trim_end().to_owned()
}

fn accept(args: AcceptArgs) -> ExitCode {
    let store = match args.store.folder() {
        Ok(store) => store,
        Err(code) => return code,
    };
    let super::Word { by, why } = args.word;
    let at = Clock::system(TrustRule::Rtc, Wall(0)).now().wall;
    match Bills::of(&store).accept(args.date, &Accepted { by, why, at }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => fail(COULD_NOT, told(&fault)),
    }
}

fn show(report: &Report, lang: Lang) -> String {
    let mut text = String::new();
    let mut row = |name, value: String| {
        let name = output::padded(lang.of(name), 15);
        text.push_str(&format!("{name} {value}\n"));
    };
    let sum = |sum: Sum| lang.sum(&yuan(sum.fen), sum.count);
    row(words::DAY, format!("{}  {}", report.day, report.ledger));
    if report.no_trade {
        row(words::LINES, lang.of(words::NOTHING).to_owned());
    } else {
        row(words::LINES, report.rows.to_string());
    }
    row(words::OK, sum(report.ok));
    if report.coupons.count > 0 {
        row(words::COUPONS, sum(report.coupons));
    }
    row(words::REFUNDED, sum(report.refunded));
    row(words::FEE, lang.yuan(&report.fee_yuan));
    row(words::OTHERS, sum(report.others));
    if report.others_refunded.count > 0 {
        row(words::OTHERS_REFUNDED, sum(report.others_refunded));
    }
    if report.at_midnight.count > 0 {
        row(words::AT_MIDNIGHT, sum(report.at_midnight));
    }
    match &report.flow {
        None => row(words::FLOW, lang.of(words::NOT_HERE_FLOW).to_owned()),
        Some(flow) => {
            row(words::FLOW, sum(flow.ok));
            row(words::FLOW_IN, sum(flow.income));
            row(words::FLOW_OUT, sum(flow.refunded));
            let fee = match flow.has_fees {
                true => lang.yuan(&flow.fee_yuan),
                false => lang.of(words::NO_FEES).to_owned(),
            };
            row(words::FLOW_FEE, fee);
            if flow.at_midnight.count > 0 {
                row(words::FLOW_MIDNIGHT, sum(flow.at_midnight));
            }
        }
    }
    let verdict = match report.matches() {
        true => words::MATCHES,
        false => words::DIFFERS,
    };
    row(words::VERDICT, lang.of(verdict).to_owned());
    let fen = |fen: Option<u64>| fen.map_or_else(|| "-".to_owned(), yuan);
    for it in &report.differences {
        let what = lang.of(words::what(it.what));
        let (bill, ledger) = (fen(it.bill_fen), fen(it.ledger_fen));
        let flow = fen(it.flow_fen);
        let number = &it.number;
        text.push_str(&format!("  {number}  {bill} | {ledger} | {flow}  {what}\n"));
    }
    if report.not_told > 0 {
        text.push_str(&format!("  {}\n", lang.left_off(report.not_told)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bills::report::{Difference, What};

    #[test]
    fn a_comparison_is_told_in_both_languages() {
        let report = Report {
            day: "2026-03-01".into(),
            ok: Sum {
                count: 2,
                fen: 1_000,
            },
            fee_yuan: "0.06000".into(),
            differences: vec![Difference {
                what: What::MissingThere,
                number: "T1".into(),
                bill_fen: None,
                ledger_fen: Some(500),
                flow_fen: None,
            }],
            ..Report::default()
        };
        let english = show(&report, Lang::En);
        for words in [
            "10.00 yuan in 2",
            "0.06000",
            "T1  - | 5.00 | -",
            "settled here",
        ] {
            assert!(english.contains(words), "{words}: {english}");
        }
        let chinese = show(&report, Lang::Zh);
        assert!(chinese.contains("账单中没有"), "{chinese}");
        assert_eq!(english.lines().count(), chinese.lines().count());
        assert!(
            report
                .csv()
                .ends_with("2026-03-01,missing_there,T1,,500,\r\n")
        );
    }
}
