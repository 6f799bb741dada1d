//! `parkgate charges export`: one line a charge, for spreadsheets and for programs.

use std::process::ExitCode;

use serde_json::{Value, json};

use crate::cli::client;
use crate::cli::output;
use crate::cli::when::when;
use crate::cli::words::Lang;
use crate::cli::{SocketArgs, fail};
use crate::control::Question;
use crate::json;
use crate::lane::tariff::yuan;
use crate::lane::time::Wall;
use crate::story::charge::{ChargeRow, Stage};
use crate::story::happening::word;

#[derive(Debug, clap::Args)]
pub struct ExportArgs {
    /// Due then or later: 2026-03-01, 2026-03-01T08:00, 30d (ago); left out: from the beginning
    #[arg(long, value_name = "TIME", value_parser = when)]
    since: Option<Wall>,
    /// Due before then; left out: to the end
    #[arg(long, value_name = "TIME", value_parser = when)]
    until: Option<Wall>,
    /// How: csv, or jsonl for one JSON object a line
    #[arg(long, value_name = "FORMAT", value_enum, default_value_t = Format::Csv)]
    format: Format,
    /// Begin with a byte order mark, so that spreadsheet programs read CSV as UTF-8
    #[arg(long)]
    bom: bool,
    #[command(flatten)]
    socket: SocketArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    Csv,
    Jsonl,
}

/// Asks and writes. What is written has no words of a language, so that programs can rely on it; who
/// answered goes to stderr.
pub fn run(args: &ExportArgs, lang: Lang) -> ExitCode {
    let question = Question::Export {
        since: args.since,
        until: args.until,
    };
    let mut answered = match client::answer(&args.socket, lang, &question) {
        Ok(answered) => answered,
        Err(code) => return code,
    };
    if args.socket.mask {
        output::mask(&mut answered.value);
    }
    let rows = answered.value["charges"].take();
    let rows: Vec<ChargeRow> = match json::typed(&rows) {
        Ok(rows) => rows,
        Err(error) => return fail(client::REFUSED, format!("the answer is no list: {error}")),
    };
    let text = match args.format == Format::Jsonl || args.socket.json {
        true => json_lines(&rows),
        false => csv(&rows, args.bom),
    };
    output::write(text.as_bytes());
    output::note(&answered.origin(lang));
    ExitCode::SUCCESS
}

/// By name, in their order.
const COLUMNS: [&str; 26] = [
    "trade_no",
    "session",
    "plate",
    "lane",
    "entered",
    "exited",
    "due",
    "times_trusted",
    "stay_s",
    "fee_fen",
    "fee_yuan",
    "settled_fen",
    "withdrawn_fen",
    "collected_fen",
    "written_off_fen",
    "replaced_fen",
    "open_fen",
    "state",
    "state_since",
    "reason",
    "by",
    "transaction_id",
    "bank_type",
    "payer_fen",
    "coupon_fen",
    "refunded_fen",
];

/// RFC 4180, lines that end in CR LF, amounts in fen and in yuan.
pub(super) fn csv(rows: &[ChargeRow], bom: bool) -> String {
    let mut text = String::new();
    if bom {
        text.push('\u{FEFF}');
    }
    text.push_str(&COLUMNS.join(","));
    text.push_str("\r\n");
    for row in rows {
        let object = columns(row);
        let cells = COLUMNS.map(|column| cell(&object[column]));
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

pub(super) fn json_lines(rows: &[ChargeRow]) -> String {
    rows.iter()
        .map(|row| format!("{}\n", columns(row)))
        .collect()
}

/// A charge by columns. What became of its fee stands in exactly one of the six sums.
fn columns(row: &ChargeRow) -> Value {
    let only = |is: bool| if is { row.fee_fen } else { 0 };
    let is_open = !matches!(
        row.state,
        Stage::Settled | Stage::Withdrawn | Stage::Collected | Stage::WrittenOff | Stage::Replaced
    );
    let (reason, by) = reason(row);
    json!({
        "trade_no": row.trade_no,
        "session": row.session,
        "plate": row.plate,
        "lane": row.lane,
        "entered": row.entered.to_rfc3339(),
        "exited": row.exited.to_rfc3339(),
        "due": row.opened.to_rfc3339(),
        "times_trusted": row.times_trusted,
        "stay_s": row.stay_ms / 1000,
        "fee_fen": row.fee_fen,
        "fee_yuan": yuan(row.fee_fen),
        "settled_fen": only(row.state == Stage::Settled),
        "withdrawn_fen": only(row.state == Stage::Withdrawn),
        "collected_fen": only(row.state == Stage::Collected),
        "written_off_fen": only(row.state == Stage::WrittenOff),
        "replaced_fen": only(row.state == Stage::Replaced),
        "open_fen": only(is_open),
        "state": row.state.code(),
        "state_since": row.since.map(Wall::to_rfc3339),
        "reason": reason,
        "by": by,
        "transaction_id": row.transaction_id,
        "bank_type": row.bank_type,
        "payer_fen": row.paid.payer_fen,
        "coupon_fen": row.paid.coupon_fen,
        "refunded_fen": row.refunded_fen,
    })
}

/// Why it is where it is, in the ledger's words, and who said so.
fn reason(row: &ChargeRow) -> (String, String) {
    use crate::charges::charge::{StaffReason, WithdrawnReason};
    use crate::charges::record::StaffOutcome;
    match (&row.outcome, &row.withdrawn, &row.staff_reason) {
        (Some(StaffOutcome::Collected { by, channel }), _, _) => (channel.clone(), by.clone()),
        (
            Some(StaffOutcome::WrittenOff { by, why } | StaffOutcome::Replaced { by, why, .. }),
            _,
            _,
        ) => (why.clone(), by.clone()),
        (
            _,
            Some(
                WithdrawnReason::PaidElsewhere { by, channel }
                | WithdrawnReason::Replaced { by, channel, .. },
            ),
            _,
        ) => (channel.clone(), by.clone()),
        (_, Some(WithdrawnReason::Waived { by, why }), _) => (why.clone(), by.clone()),
        (_, _, Some(StaffReason::ByHand { by, why })) => (why.clone(), by.clone()),
        (_, _, Some(reason)) => (word(reason), String::new()),
        (None, None, None) => (String::new(), String::new()),
    }
}

/// One cell. A text that a spreadsheet program would calculate gets an apostrophe before it: a name
/// or a reason must not be able to run something on the accountant's machine.
fn cell(value: &Value) -> String {
    let text = match value {
        Value::Null => return String::new(),
        Value::String(text) => text,
        number => return number.to_string(),
    };
    let starts_a_formula = text
        .trim_start_matches([' ', '\u{3000}'])
        .starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let text = match starts_a_formula {
        true => format!("'{text}"),
        false => text.clone(),
    };
    match text.contains(['"', ',', '\r', '\n']) || text != text.trim() {
        true => format!("\"{}\"", text.replace('"', "\"\"")),
        false => text,
    }
}
