//! `parkgate arrears`: what drivers owe, and what the staff does about it.

use std::process::ExitCode;

use clap::builder::NonEmptyStringValueParser;
use serde_json::Value;

use super::lane::done;
use super::output::{Table, number, text};
use super::sessions::why;
use super::when::{age_days, short};
use super::words::{self, Lang, review, story as told};
use super::{SocketArgs, client, fail};
use crate::charges::record::StaffOutcome;
use crate::control::Question;
use crate::json;
use crate::lane::number::SessionId;
use crate::lane::tariff::yuan;
use crate::story::charge::ChargeRow;

#[derive(Debug, clap::Subcommand)]
pub enum ArrearsCommand {
    /// What is owed, by plate and age
    List(ListArgs),
    /// A driver has paid: in cash, by a QR code, by transfer
    Collect(CollectArgs),
    /// Give up what is owed
    WriteOff(WriteOffArgs),
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    /// Only plates with this in them
    #[arg(long, value_name = "PLATE")]
    plate: Option<String>,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct CollectArgs {
    /// Number of the charge (T…), or a plate that owes for one stay
    of: String,
    /// Who took the money
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    by: String,
    /// How it was paid: cash, qr, transfer …
    #[arg(long, value_name = "CHANNEL", value_parser = NonEmptyStringValueParser::new())]
    channel: String,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Debug, clap::Args)]
pub struct WriteOffArgs {
    /// Number of the charge (T…), or a plate that owes for one stay
    of: String,
    /// Who decides
    #[arg(long, value_name = "NAME", value_parser = NonEmptyStringValueParser::new())]
    by: String,
    /// Why
    #[arg(long, alias = "reason", value_name = "TEXT", value_parser = NonEmptyStringValueParser::new())]
    why: String,
    #[command(flatten)]
    socket: SocketArgs,
}

/// Asks and shows.
pub fn run(command: ArrearsCommand, lang: Lang) -> ExitCode {
    match command {
        ArrearsCommand::List(args) => {
            let question = Question::Arrears { plate: args.plate };
            let answered = client::answer(&args.socket, lang, &question);
            match answered {
                Ok(mut answered) => {
                    with_ages(&mut answered.value);
                    answered.print(&args.socket, lang, |answer| list(answer, lang))
                }
                Err(code) => code,
            }
        }
        ArrearsCommand::Collect(args) => {
            let (by, channel) = (args.by, args.channel);
            let how = StaffOutcome::Collected { by, channel };
            finish(&args.of, how, &args.socket, lang)
        }
        ArrearsCommand::WriteOff(args) => {
            let (by, why) = (args.by, args.why);
            let how = StaffOutcome::WrittenOff { by, why };
            finish(&args.of, how, &args.socket, lang)
        }
    }
}

fn finish(of: &str, how: StaffOutcome, socket: &SocketArgs, lang: Lang) -> ExitCode {
    let trade_no = match charge_of(of, socket, lang) {
        Ok(trade_no) => trade_no,
        Err(code) => return code,
    };
    let question = Question::Finish { trade_no, how };
    client::ask(socket, lang, &question, |answer| done(answer, lang))
}

/// The charge that is meant. A plate that owes for several stays is asked about once more: money is
/// taken for one of them, and the amount is its own.
fn charge_of(of: &str, socket: &SocketArgs, lang: Lang) -> Result<String, ExitCode> {
    if SessionId::named_by(of).is_some() {
        return Ok(of.trim().to_uppercase());
    }
    let plate = Some(of.trim().to_owned());
    let answered = client::answer(socket, lang, &Question::Arrears { plate })?;
    let rows = rows(&answered.value);
    match &rows[..] {
        [row] => Ok(row.trade_no.clone()),
        [] => Err(fail(client::REFUSED, lang.owes_nothing(of))),
        rows => {
            let numbers = rows
                .iter()
                .map(|row| format!("{} ({})", row.trade_no, yuan(row.fee_fen)));
            let numbers: Vec<String> = numbers.collect();
            Err(fail(client::REFUSED, lang.owes_several(of, &numbers)))
        }
    }
}

fn rows(answer: &Value) -> Vec<ChargeRow> {
    json::typed(&answer["arrears"]).unwrap_or_default()
}

/// Beside each row, for how many days it is owed; for programs too.
fn with_ages(answer: &mut Value) {
    let ages: Vec<u64> = rows(answer)
        .iter()
        .map(|row| age_days(row.exited))
        .collect();
    if let Some(listed) = answer["arrears"].as_array_mut() {
        for (row, age) in listed.iter_mut().zip(ages) {
            row["age_days"] = age.into();
        }
    }
}

fn list(answer: &Value, lang: Lang) -> String {
    let rows = rows(answer);
    if rows.is_empty() {
        return lang.of(review::NO_ARREARS).to_owned();
    }
    let mut table = Table::default();
    table.row([
        text(lang.of(words::PLATE)),
        text(lang.of(told::TRADE_NO)),
        text(lang.of(told::LEFT)),
        number(lang.of(review::AGE_DAYS)),
        number(lang.of(words::FEE)),
        text(lang.of(words::REASON)),
    ]);
    for row in &rows {
        table.row([
            text(row.plate.as_str()),
            text(row.trade_no.as_str()),
            text(short(row.exited)),
            number(age_days(row.exited).to_string()),
            number(yuan(row.fee_fen)),
            text(why(row, lang).unwrap_or_default()),
        ]);
    }
    let total_fen = answer["total_fen"].as_u64().unwrap_or_default();
    let plates = answer["plates"].as_u64().unwrap_or_default();
    table.render() + &lang.owed(&yuan(total_fen), rows.len(), plates)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn answer() -> Value {
        json!({
            "plates": 1,
            "total_fen": 1700,
            "arrears": [{
                "trade_no": "T1", "session": "S1", "plate": "粤B10001", "lane": "out-1",
                "entered": "2026-03-01T08:00:00+08:00", "exited": "2026-03-01T09:00:00+08:00",
                "opened": "2026-03-01T09:00:00+08:00", "times_trusted": true, "stay_ms": 3600000,
                "fee_fen": 1700, "state": "with_staff", "let_out": true,
                "staff_reason": { "blocked": "OVERDUE" },
            }],
        })
    }

    #[test]
    fn what_is_owed_is_told_with_its_age_and_its_sum() {
        let mut answer = answer();
        with_ages(&mut answer);
        assert!(
            answer["arrears"][0]["age_days"].as_u64().is_some(),
            "{answer}"
        );
        let english = list(&answer, Lang::En);
        for words in [
            "粤B10001",
            "17.00",
            "OVERDUE",
            "17.00 yuan in 1 charge of 1 plate",
        ] {
            assert!(english.contains(words), "{words}: {english}");
        }
        assert!(list(&answer, Lang::Zh).contains("欠费 17.00 元"));
        assert_eq!(list(&json!({}), Lang::En), "nothing is owed");
    }
}
