//! What waits for a person, in columns.

use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::charges::charge::ChargeState;
use crate::charges::record::Correction;
use crate::cli::output::{Table, number, text};
use crate::cli::words::{self, Lang, review};
use crate::json;
use crate::lane::tariff::yuan;
use crate::story::refund::RefundRow;

pub fn list(answer: &Value, lang: Lang) -> String {
    let mut table = Table::default();
    let list = |name: &str| answer[name].as_array().cloned().unwrap_or_default();
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
            text(lang.with_over(
                told(&stay["why"], |why| lang.review(why)),
                stay["over_fen"].as_u64(),
            )),
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
    for correction in list("corrections") {
        let Ok(correction) = json::typed::<Correction>(&correction) else {
            continue;
        };
        table.row([
            text(lang.of(review::CORRECTION)),
            text(correction.trade_no.as_str()),
            text(correction.plate.as_str()),
            number(yuan(correction.charged_fen)),
            text(lang.correction(&correction)),
        ]);
    }
    for refund in list("refunds") {
        let Ok(row) = json::typed::<RefundRow>(&refund) else {
            continue;
        };
        table.row([
            text(lang.of(words::refund::NUMBER)),
            text(row.refund_no.as_str()),
            text(row.plate.as_str()),
            number(yuan(row.fen)),
            text(lang.refund_state(&row)),
        ]);
    }
    match table.is_empty() {
        true => lang.of(words::NOTHING_WAITS).to_owned(),
        false => table.render(),
    }
}

/// In words where it can be read, else as it is.
fn told<T: DeserializeOwned>(value: &Value, words: impl FnOnce(&T) -> String) -> String {
    match json::typed::<T>(value) {
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
            "corrections": [{ "trade_no": "T2", "session": "0000000000000000B", "plate": "粤B10002",
                              "charged_fen": 3070, "due_fen": 500, "by": "王芳", "why": "exit missed",
                              "at": { "moment": 1, "wall": 1764000000000_i64, "trusted": true,
                                      "boot": 1, "box": "south-1" } }],
            "refunds": [{ "refund_no": "R3", "trade_no": "T3", "session": "S", "plate": "粤B10003",
                          "charged_fen": 900, "fen": 900, "state": "closed",
                          "asked": "2026-03-01T08:00:00+08:00", "by": "王芳", "why": "误收" }],
        });
        let english = list(&review, Lang::En);
        for words in [
            "not yet paid",
            "entry blocked: OVERDUE",
            "stay too long, read late",
            "refused: PARAM_ERROR",
            "no plate",
            "12.00",
            "30.70",
            "charge 5.00 yuan instead, 王芳: exit missed",
            "R3",
            "closed by WeChat",
        ] {
            assert!(english.contains(words), "{words}: {english}");
        }
        let chinese = list(&review, Lang::Zh);
        for words in [
            "尚未到账",
            "入场不可扣费：OVERDUE",
            "停车过久、补传记录",
            "无牌",
            "改收 5.00 元",
        ] {
            assert!(chinese.contains(words), "{words}: {chinese}");
        }
        assert_eq!(list(&json!({}), Lang::En), "nothing waits for a person");
    }
}
