//! `parkgate charges`: what is owed, the story of one, the accountant's export, and a person's hand in it.

mod export;
#[cfg(test)]
mod tests;

use std::process::ExitCode;

use serde_json::Value;

use super::lane::done;
use super::output::{Table, number, text};
use super::sessions::{Which, left_off, story, why};
use super::when::short;
use super::words::{self, Lang, money, refund, story as told};
use super::{SocketArgs, client};
use crate::control::Question;
use crate::lane::tariff::yuan;
use crate::story::charge::{ChargeRow, Stage};

#[derive(Debug, clap::Subcommand)]
pub enum ChargesCommand {
    /// Charges, newest first: those that are not finished, unless a filter asks for more
    List(ListArgs),
    /// Everything about one charge: the fee line by line, every attempt, every answer
    Show(ShowArgs),
    /// Every charge that came due in a time, for the accountant
    Export(export::ExportArgs),
    /// Bring forward when a charge is next seen to; every rule holds as before
    Retry(RetryArgs),
    /// Take a charge out of the queue, to be finished by hand
    ToStaff(ToStaffArgs),
    /// Say how a code order ended that WeChat does not tell of
    CloseCode(CloseCodeArgs),
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only these: waiting_for_entry, due, sent, unknown, accepted, settled, with_staff, collected, written_off, withdrawn (may be given several times)
    #[arg(long, value_name = "STATE", value_parser = state)]
    state: Vec<Stage>,
    #[command(flatten)]
    which: Which,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct ShowArgs {
    /// Its number (T…), that of its stay or entry (P…), or a plate for the newest one
    of: String,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct RetryArgs {
    /// Its number (T…)
    trade_no: String,
    /// Who asks for it
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct ToStaffArgs {
    /// Its number (T…)
    trade_no: String,
    /// Who takes it
    #[arg(long, value_name = "NAME")]
    by: String,
    /// Why
    #[arg(long, value_name = "TEXT")]
    reason: String,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct CloseCodeArgs {
    /// Its number (N…)
    number: String,
    /// The merchant platform shows it as paid; else nobody can pay it any more
    #[arg(long)]
    paid: bool,
    #[command(flatten)]
    word: super::Word,
    #[command(flatten)]
    socket: SocketArgs,
}

/// Asks and shows.
pub fn run(command: ChargesCommand, lang: Lang) -> ExitCode {
    match command {
        ChargesCommand::List(args) => {
            let question = Question::Charges(args.which.wanted(args.state));
            client::read(&args.socket, lang, &question, |answer| list(answer, lang))
        }
        ChargesCommand::Show(args) => {
            let question = Question::Charge { of: args.of };
            client::read(&args.socket, lang, &question, |answer| story(answer, lang))
        }
        ChargesCommand::Export(args) => export::run(&args, lang),
        ChargesCommand::Retry(args) => {
            let (trade_no, by) = (args.trade_no, args.by);
            let question = Question::Retry { trade_no, by };
            client::ask(&args.socket, lang, &question, |answer| done(answer, lang))
        }
        ChargesCommand::CloseCode(args) => {
            let super::Word { by, why } = args.word;
            let question = Question::EndCode {
                number: args.number,
                is_paid: args.paid,
                by,
                why,
            };
            client::ask(&args.socket, lang, &question, |answer| done(answer, lang))
        }
        ChargesCommand::ToStaff(args) => {
            let question = Question::ToStaff {
                trade_no: args.trade_no,
                by: args.by,
                why: args.reason,
            };
            client::ask(&args.socket, lang, &question, |answer| done(answer, lang))
        }
    }
}

/// Where it stands, and what went back of it.
fn state_of(row: &ChargeRow, lang: Lang) -> String {
    let state = lang.of(money::stage(row.state));
    match row.refunded_fen {
        0 => state.to_owned(),
        fen => format!("{state}, {} {}", lang.of(refund::REFUNDED), yuan(fen)),
    }
}

fn state(text: &str) -> Result<Stage, String> {
    let mut all = Stage::ALL.into_iter();
    let found = all.find(|stage| stage.code() == text);
    found.ok_or_else(|| format!("one of {}", Stage::ALL.map(Stage::code).join(", ")))
}

fn list(answer: &Value, lang: Lang) -> String {
    let rows: Vec<ChargeRow> =
        serde_json::from_value(answer["charges"].clone()).unwrap_or_default();
    if rows.is_empty() {
        return lang.of(told::NO_CHARGES).to_owned();
    }
    let mut table = Table::default();
    table.row([
        text(lang.of(told::TRADE_NO)),
        text(lang.of(words::PLATE)),
        text(lang.of(words::LANE)),
        text(lang.of(told::LEFT)),
        number(lang.of(words::FEE)),
        text(lang.of(words::STATE)),
        text(lang.of(words::REASON)),
    ]);
    for row in &rows {
        let next = row.due_in_ms.map(|ms| lang.in_time(ms));
        table.row([
            text(row.trade_no.as_str()),
            text(row.plate.as_str()),
            text(row.lane.as_str()),
            text(short(row.exited)),
            number(yuan(row.fee_fen)),
            text(state_of(row, lang)),
            text(why(row, lang).or(next).unwrap_or_default()),
        ]);
    }
    table.render() + &left_off(answer, lang)
}
