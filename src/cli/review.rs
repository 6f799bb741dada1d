//! `parkgate review list`: what waits for a person.

use std::process::ExitCode;

use serde::de::DeserializeOwned;
use serde_json::Value;

use super::output::{Table, number, text};
use super::words::{self, Lang};
use super::{SocketArgs, client};
use crate::charges::charge::ChargeState;
use crate::control::Question;
use crate::lane::tariff::yuan;

#[derive(Debug, clap::Subcommand)]
pub enum ReviewCommand {
    /// Cars that are held, stays to look at, charges with the staff
    List(ListArgs),
}

#[derive(Debug, clap::Args)]
pub struct ListArgs {
    #[command(flatten)]
    socket: SocketArgs,
}

/// Asks and shows.
pub fn run(command: &ReviewCommand, lang: Lang) -> ExitCode {
    let ReviewCommand::List(args) = command;
    client::read(&args.socket, lang, &Question::Review, |review| {
        show(review, lang)
    })
}

fn show(review: &Value, lang: Lang) -> String {
    let mut table = Table::default();
    let list = |name: &str| review[name].as_array().cloned().unwrap_or_default();
    let word = |value: &Value| value.as_str().unwrap_or("").to_owned();
    let fee = |value: Option<&Value>| {
        let fen = value.and_then(Value::as_u64);
        fen.map_or_else(|| "-".to_owned(), yuan)
    };
    for hold in list("held") {
        let plate = hold["plate"].as_str().or(hold["raw_plate"].as_str());
        table.row([
            text(lang.of(words::HELD)),
            text(word(&hold["lane"])),
            text(plate.unwrap_or(lang.of(words::NO_PLATE))),
            number(fee(hold.pointer("/quote/fee_fen"))),
            text(told(&hold["reason"], |reason| lang.hold(reason))),
        ]);
    }
    for stay in list("stays") {
        table.row([
            text(lang.of(words::STAY)),
            text(word(&stay["session"])),
            text(word(&stay["plate"])),
            number(fee(stay.get("fee_fen"))),
            text(told(&stay["why"], |why| lang.review(why))),
        ]);
    }
    for charge in list("with_staff") {
        let claim = &charge["claim"];
        table.row([
            text(lang.of(words::CHARGE)),
            text(word(&claim["trade_no"])),
            text(word(&claim["plate"])),
            number(fee(claim.pointer("/quote/fee_fen"))),
            text(told(&charge["state"], |state| match state {
                ChargeState::HandedToStaff(reason) => lang.staff_reason(reason),
                state => format!("{state:?}"),
            })),
        ]);
    }
    match table.is_empty() {
        true => lang.of(words::NOTHING_WAITS).to_owned(),
        false => table.render(),
    }
}

/// In words where it can be read, else as it is.
fn told<T: DeserializeOwned>(value: &Value, words: impl FnOnce(&T) -> String) -> String {
    match serde_json::from_value::<T>(value.clone()) {
        Ok(reason) => words(&reason),
        Err(_) => value.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn what_waits_is_told_in_both_languages_and_in_columns() {
        let review = json!({
            "held": [
                { "lane": "out-1", "plate": "粤B10001", "reason": "not_yet_paid",
                  "quote": { "fee_fen": 500 } },
                { "lane": "out-2", "plate": null, "reason": { "blocked": "OVERDUE" } },
            ],
            "stays": [{ "session": "0000000000000000A", "plate": "京A7K2M5", "fee_fen": null,
                        "why": { "guarded": ["stay_too_long", "replayed"] } }],
            "with_staff": [{ "claim": { "trade_no": "T1", "plate": "苏E6P398",
                             "quote": { "fee_fen": 1200 } },
                             "state": { "handed_to_staff": { "refused": "PARAM_ERROR" } } }],
        });
        let english = show(&review, Lang::En);
        for words in [
            "not yet paid",
            "entry blocked: OVERDUE",
            "stay too long, read late",
            "refused: PARAM_ERROR",
            "no plate",
            "12.00",
        ] {
            assert!(english.contains(words), "{words}: {english}");
        }
        let chinese = show(&review, Lang::Zh);
        for words in [
            "尚未到账",
            "入场不可扣费：OVERDUE",
            "停车过久、补传记录",
            "无牌",
        ] {
            assert!(chinese.contains(words), "{words}: {chinese}");
        }
        assert_eq!(show(&json!({}), Lang::En), "nothing waits for a person");
    }
}
