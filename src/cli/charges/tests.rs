use serde_json::{Value, json};

use super::export::{csv, json_lines};
use super::list;
use crate::charges::charge::{StaffReason, WithdrawnReason};
use crate::charges::record::StaffOutcome;
use crate::cli::words::Lang;
use crate::lane::time::Wall;
use crate::story::charge::{ChargeRow, Stage};

fn row(number: u64, state: Stage) -> ChargeRow {
    ChargeRow {
        trade_no: format!("T{number:019}"),
        session: format!("{number:017}"),
        plate: "粤B10001".into(),
        lane: "out-1".into(),
        entered: Wall(1_764_000_000_000),
        exited: Wall(1_764_003_600_000),
        opened: Wall(1_764_003_600_000),
        times_trusted: true,
        stay_ms: 3_600_000,
        fee_fen: 1205,
        state,
        since: Some(Wall(1_764_003_601_000)),
        staff_reason: None,
        outcome: None,
        withdrawn: None,
        transaction_id: None,
        bank_type: None,
        paid: Default::default(),
        sent_for: None,
        refunded_fen: 0,
        let_out: false,
        due_in_ms: None,
    }
}

fn rows() -> Vec<ChargeRow> {
    let mut settled = row(1, Stage::Settled);
    settled.transaction_id = Some("4200000000202511250000000001".into());
    settled.bank_type = Some("BPA".into());
    settled.paid.payer_fen = Some(1000);
    settled.paid.coupon_fen = Some(205);
    settled.refunded_fen = 300;
    let mut collected = row(2, Stage::Collected);
    collected.staff_reason = Some(StaffReason::Refused("PARAM_ERROR".into()));
    collected.outcome = Some(StaffOutcome::Collected {
        by: "王芳".into(),
        channel: "cash, in two parts".into(),
    });
    let mut waived = row(3, Stage::Withdrawn);
    waived.withdrawn = Some(WithdrawnReason::Waived {
        by: "=HYPERLINK(\"http://x\")".into(),
        why: "+1\nsecond line".into(),
    });
    let mut due = row(4, Stage::Due);
    due.due_in_ms = Some(90_000);
    vec![settled, collected, waived, due]
}

#[test]
fn a_list_is_told_in_both_languages() {
    let answer = json!({ "charges": rows(), "left_off": 3 });
    let english = list(&answer, Lang::En);
    for words in [
        "settled",
        "collected (cash, in two parts) by 王芳",
        "in 1 min 30 s",
        "12.05",
        "3 older ones are not shown",
    ] {
        assert!(english.contains(words), "{words}: {english}");
    }
    let chinese = list(&answer, Lang::Zh);
    for words in ["扣费单号", "已收", "王芳 已收", "1 分 30 秒后", "另有 3 条"] {
        assert!(chinese.contains(words), "{words}: {chinese}");
    }
    let nothing = json!({ "charges": [], "left_off": 0 });
    assert_eq!(list(&nothing, Lang::En), "no charges fit");
}

#[test]
fn the_csv_can_be_read_by_a_spreadsheet_and_runs_nothing_in_it() {
    let text = csv(&rows(), true);
    assert!(
        text.starts_with("\u{FEFF}trade_no,session,plate,"),
        "{text}"
    );
    assert!(!csv(&rows(), false).starts_with('\u{FEFF}'));
    let lines: Vec<&str> = text.split("\r\n").collect();
    assert_eq!(
        lines.len(),
        6,
        "header, four charges, and nothing behind the last end"
    );
    assert!(
        lines[1].contains(",1205,12.05,1205,0,0,0,0,0,settled,"),
        "{}",
        lines[1]
    );
    assert!(
        lines[1].ends_with(",4200000000202511250000000001,BPA,1000,205,300"),
        "{}",
        lines[1]
    );
    assert!(
        lines[2].contains("\"cash, in two parts\",王芳"),
        "{}",
        lines[2]
    );
    assert!(
        lines[3].contains("\"'=HYPERLINK(\"\"http://x\"\")\""),
        "{}",
        lines[3]
    );
    assert!(lines[3].contains("\"'+1\nsecond line\""), "{}", lines[3]);
    assert!(lines[4].contains(",0,0,0,0,0,1205,due,"), "{}", lines[4]);
}

#[test]
fn json_lines_balance_and_hold_what_the_csv_holds() {
    let text = json_lines(&rows());
    let values: Vec<Value> = text
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(values.len(), 4);
    for value in &values {
        let sum = |names: &[&str]| {
            names
                .iter()
                .map(|name| value[*name].as_u64().unwrap())
                .sum()
        };
        let parts: u64 = sum(&[
            "settled_fen",
            "withdrawn_fen",
            "collected_fen",
            "written_off_fen",
            "replaced_fen",
            "open_fen",
        ]);
        assert_eq!(parts, value["fee_fen"].as_u64().unwrap(), "{value}");
    }
    assert_eq!(values[0]["bank_type"], "BPA");
    assert_eq!(
        values[2]["by"], "=HYPERLINK(\"http://x\")",
        "as it is: only spreadsheets calculate"
    );
}
