//! `parkgate refund`: money that goes back to drivers.

use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use serde_json::Value;

use super::lane::done;
use super::output::{Table, number, text};
use super::review::FEE_FEN_MAX;
use super::sessions::{left_off, story};
use super::when::short;
use super::words::{self, Lang, refund as told, story as names};
use super::{SocketArgs, client, fail};
use crate::charges::refunds::is_refund_no;
use crate::control::Question;
use crate::json;
use crate::lane::tariff::yuan;
use crate::story::happening::Story;
use crate::story::refund::RefundRow;

#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(group = clap::ArgGroup::new("how_much").args(["amount", "all"]).required(true))]
pub struct RefundArgs {
    #[command(subcommand)]
    command: Option<RefundCommand>,
    /// Number of the charge (T…), of what was paid by code (N…) or of the stay, or a plate for its newest stay
    #[arg(required = true)]
    of: Option<String>,
    /// How much goes back, fen
    #[arg(long, value_name = "FEN", value_parser = clap::value_parser!(u64).range(1..=FEE_FEN_MAX))]
    amount: Option<u64>,
    /// All of it that has not gone back
    #[arg(long)]
    all: bool,
    /// Who decides
    #[arg(long, value_name = "NAME", required = true, value_parser = NonEmptyStringValueParser::new())]
    by: Option<String>,
    /// Why; the driver reads it
    #[arg(long, alias = "why", value_name = "TEXT", required = true, value_parser = NonEmptyStringValueParser::new())]
    reason: Option<String>,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Subcommand)]
pub enum RefundCommand {
    /// Refunds that are not done with, newest first
    List(ListArgs),
    /// Everything about one, by its number (R…), or about all of a charge or a stay
    Show(ShowArgs),
    /// See to one now: ask WeChat, or send a refused one again under the same number
    Retry(RetryArgs),
    /// End one that was closed or refused, or that was paid otherwise after WeChat could not
    Close(CloseArgs),
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// All that the ledger tells of
    #[arg(long)]
    all: bool,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Its number (R…), that of its charge (T…) or stay, or a plate for its newest stay
    of: String,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct RetryArgs {
    /// Its number (R…)
    refund_no: String,
    /// Who asks for it
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct CloseArgs {
    /// Its number (R…)
    refund_no: String,
    #[command(flatten)]
    word: super::Word,
    #[command(flatten)]
    socket: SocketArgs,
}

/// Asks and shows.
pub fn run(args: RefundArgs, lang: Lang) -> ExitCode {
    let (question, socket) = match args.command {
        Some(RefundCommand::List(args)) => {
            let question = Question::Refunds { all: args.all };
            return client::read(&args.socket, lang, &question, |answer| list(answer, lang));
        }
        Some(RefundCommand::Show(args)) => return show(args, lang),
        Some(RefundCommand::Retry(args)) => {
            let (refund_no, by) = (args.refund_no, args.by);
            (Question::RetryRefund { refund_no, by }, args.socket)
        }
        Some(RefundCommand::Close(args)) => {
            let super::Word { by, why } = args.word;
            let refund_no = args.refund_no;
            (Question::EndRefund { refund_no, by, why }, args.socket)
        }
        None => {
            let question = Question::Refund {
                of: args.of.unwrap_or_default(),
                fen: args.amount,
                by: args.by.unwrap_or_default(),
                why: args.reason.unwrap_or_default(),
                charge: None,
                code: None,
            };
            (question, args.socket)
        }
    };
    client::ask(&socket, lang, &question, |answer| done(answer, lang))
}

fn show(args: ShowArgs, lang: Lang) -> ExitCode {
    let of = args.of.trim().to_uppercase();
    let question = Question::Charge { of: args.of };
    let mut answered = match client::answer(&args.socket, lang, &question) {
        Ok(answered) => answered,
        Err(code) => return code,
    };
    let story_of = json::typed::<Story>(&answered.value).unwrap_or_default();
    if is_refund_no(&of) && !story_of.refunds.iter().any(|row| row.refund_no == of) {
        return fail(client::REFUSED, lang.of(told::NO_SUCH));
    }
    if is_refund_no(&of)
        && let Some(rows) = answered.value["refunds"].as_array_mut()
    {
        rows.retain(|row| row["refund_no"].as_str() == Some(&of));
    }
    answered.print(&args.socket, lang, |answer| {
        list(answer, lang) + "\n" + &story(answer, lang)
    })
}

fn list(answer: &Value, lang: Lang) -> String {
    let rows: Vec<RefundRow> = json::typed(&answer["refunds"]).unwrap_or_default();
    match rows.is_empty() {
        true => lang.of(told::NONE).to_owned(),
        false => table(&rows, lang) + &left_off(answer, lang),
    }
}

/// Refunds in columns.
pub fn table(rows: &[RefundRow], lang: Lang) -> String {
    let mut table = Table::default();
    table.row([
        text(lang.of(told::NUMBER)),
        text(lang.of(names::TRADE_NO)),
        text(lang.of(words::PLATE)),
        text(lang.of(told::ASKED)),
        number(lang.of(told::SUM)),
        text(lang.of(words::STATE)),
        text(lang.of(words::REASON)),
    ]);
    for row in rows {
        table.row([
            text(row.refund_no.as_str()),
            text(row.trade_no.as_str()),
            text(row.plate.as_str()),
            text(short(row.asked)),
            number(yuan(row.fen)),
            text(lang.refund_state(row)),
            text(format!("{}: {}", row.by, row.why)),
        ]);
    }
    table.render()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn refunds_are_told_in_both_languages_with_what_to_do() {
        let row = |number: &str, state: Value| {
            json!({
                "refund_no": number, "trade_no": "T1", "session": "S1", "plate": "粤B10001",
                "charged_fen": 1500, "fen": 500, "state": state,
                "asked": "2026-03-01T08:00:00+08:00", "by": "王芳", "why": "误收",
                "payer_fen": 450,
            })
        };
        let refused =
            json!({ "refused": { "code": "NOT_ENOUGH", "message": "…", "proven": true } });
        let answer = json!({ "refunds": [
            row("R1", json!("succeeded")), row("R2", refused), row("R3", json!("abnormal")),
        ]});
        let english = list(&answer, Lang::En);
        for words in [
            "done, 4.50 to the driver",
            "NOT_ENOUGH",
            "merchant platform",
            "王芳: 误收",
        ] {
            assert!(english.contains(words), "{words}: {english}");
        }
        let chinese = list(&answer, Lang::Zh);
        for words in ["已退款，实退 4.50 元", "余额不足", "商户平台"] {
            assert!(chinese.contains(words), "{words}: {chinese}");
        }
        assert_eq!(list(&json!({}), Lang::En), "no refunds");
    }
}
