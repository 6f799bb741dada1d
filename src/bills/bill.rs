//! Reads a trade bill (`wechat-pay.md` 5.5) line by line, so that a large one needs no memory.

use std::io::{self, BufRead, Read};

use super::money;

/// No line of a bill is longer; one that is ends the reading.
const LINE_MAX: u64 = 64 * 1024;

/// One line of a bill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// In which line of the file it stands, from 1.
    pub line: u64,
    /// `out_trade_no`.
    pub trade_no: String,
    /// WeChat's number.
    pub transaction_id: String,
    /// Money that came, went back, or was taken back at once.
    pub state: RowState,
    /// The whole order, fen.
    pub total_fen: u64,
    /// `out_refund_no`; empty for a payment.
    pub refund_no: String,
    /// What was asked to go back, fen.
    pub refund_fen: u64,
    /// The fee, hundred-thousandths of a yuan; less than nothing where it is given back.
    pub fee: i64,
}

/// 交易状态.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum RowState {
    /// `SUCCESS`.
    #[default]
    Paid,
    /// `REFUND`.
    Refund,
    /// `REVOKED`, and whatever else comes to be written there.
    Other,
}

/// The last line of a bill, and what its lines came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Lines.
    pub rows: u64,
    /// Paid, fen.
    pub paid_fen: u64,
    /// Asked to go back, fen.
    pub refund_fen: u64,
    /// Fees, hundred-thousandths of a yuan.
    pub fee: i64,
}

/// Why a bill cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BillFault {
    /// Not to be read at all.
    #[error("the bill cannot be read")]
    Io(#[from] io::Error),
    /// Something else than UTF-8.
    #[error("line {0} of the bill is not text")]
    NotText(u64),
    /// Longer than any line of a bill.
    #[error("line {0} of the bill is too long")]
    TooLong(u64),
    /// A column that is needed is not there.
    #[error("the bill has no column {0}")]
    NoColumn(&'static str),
    /// A line with more or fewer cells than the bill has columns.
    #[error("line {line} of the bill has {cells} cells in place of {columns}")]
    Cells {
        line: u64,
        cells: usize,
        columns: usize,
    },
    /// A cell that is no amount.
    #[error("line {line} of the bill: {column} is no amount")]
    NoAmount { line: u64, column: &'static str },
    /// It ends before its sums.
    #[error("the bill ends before its sums: a part of it is missing")]
    Cut,
    /// Its sums are not those of its lines.
    #[error("the sums in the bill's last line are not those of its lines: {0}")]
    Sums(&'static str),
}

const TRADE_NO: &str = "商户订单号";
const TRANSACTION: &str = "微信订单号";
const STATE: &str = "交易状态";
const TOTAL: [&str; 2] = ["订单金额", "总金额"];
const SETTLED: &str = "应结订单金额";
const REFUND_NO: &str = "商户退款单号";
const REFUND: [&str; 2] = ["申请退款金额", "退款金额"];
const FEE: &str = "手续费";
/// The first column of the sums.
const COUNT: &str = "总交易单数";

/// Where each column is.
struct Columns {
    count: usize,
    trade_no: usize,
    transaction: usize,
    state: usize,
    total: usize,
    refund_no: usize,
    refund: usize,
    fee: usize,
}

/// Reads a bill; `row` hears each line. What the lines come to is compared with the bill's own sums.
///
/// # Errors
/// When it is none, or cut, or its sums are others.
pub fn read(bill: impl BufRead, mut row: impl FnMut(Row)) -> Result<Totals, BillFault> {
    let mut lines = Lines { bill, number: 0 };
    let head = lines.next()?.ok_or(BillFault::Cut)?;
    let columns = Columns::of(head.trim_start_matches('\u{FEFF}'))?;
    let mut totals = Totals::default();
    let sums_head = loop {
        let text = lines.next()?.ok_or(BillFault::Cut)?;
        if !text.starts_with('`') {
            if text.is_empty() {
                continue;
            }
            break text;
        }
        let read = columns.row(&text, lines.number)?;
        totals.rows += 1;
        totals.fee = totals.fee.saturating_add(read.fee);
        match read.state {
            RowState::Paid => totals.paid_fen = totals.paid_fen.saturating_add(read.total_fen),
            RowState::Refund => {
                totals.refund_fen = totals.refund_fen.saturating_add(read.refund_fen);
            }
            RowState::Other => {}
        }
        row(read);
    };
    if sums_head.split(',').next() != Some(COUNT) {
        return Err(BillFault::NoColumn(COUNT));
    }
    let sums = lines.next()?.ok_or(BillFault::Cut)?;
    check_sums(&sums_head, &sums, lines.number, &totals)?;
    Ok(totals)
}

/// A cell that is not there is not compared: not every kind of bill has all of them.
fn check_sums(head: &str, sums: &str, line: u64, totals: &Totals) -> Result<(), BillFault> {
    let cells = cells(sums);
    let columns: Vec<&str> = head.split(',').collect();
    if cells.len() != columns.len() {
        let (cells, columns) = (cells.len(), columns.len());
        return Err(BillFault::Cells {
            line,
            cells,
            columns,
        });
    }
    let cell = |name: &str| {
        let place = columns.iter().position(|column| *column == name)?;
        cells.get(place).copied()
    };
    if cell(COUNT).and_then(|text| text.parse().ok()) != Some(totals.rows) {
        return Err(BillFault::Sums(COUNT));
    }
    let fen = |value: u64| i64::try_from(value).ok()?.checked_mul(money::PER_FEN);
    for (column, expected) in [
        ("订单总金额", fen(totals.paid_fen)),
        ("申请退款总金额", fen(totals.refund_fen)),
        ("手续费总金额", Some(totals.fee)),
    ] {
        let told = cell(column);
        if told.is_some() && told.and_then(money::read) != expected {
            return Err(BillFault::Sums(column));
        }
    }
    Ok(())
}

/// Lines without their ends, each within its limit.
struct Lines<R> {
    bill: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<String>, BillFault> {
        let mut line = Vec::new();
        let mut limited = (&mut self.bill).take(LINE_MAX);
        if limited.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let is_full = u64::try_from(line.len()).is_ok_and(|length| length == LINE_MAX);
        if is_full && !line.ends_with(b"\n") {
            return Err(BillFault::TooLong(self.number));
        }
        let text = String::from_utf8(line).map_err(|_| BillFault::NotText(self.number))?;
        Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
    }
}

/// Cells of a line, each of which begins with a back-tick: a comma within one is none between two.
fn cells(line: &str) -> Vec<&str> {
    let line = line.strip_prefix('`').unwrap_or(line);
    line.split(",`").collect()
}

impl Columns {
    fn of(head: &str) -> Result<Self, BillFault> {
        let names: Vec<&str> = head.split(',').map(str::trim).collect();
        let one = |name: &'static str| {
            let place = names.iter().position(|column| *column == name);
            place.ok_or(BillFault::NoColumn(name))
        };
        Ok(Self {
            count: names.len(),
            trade_no: one(TRADE_NO)?,
            transaction: one(TRANSACTION)?,
            state: one(STATE)?,
            total: one(TOTAL[0])
                .or_else(|_| one(TOTAL[1]))
                .or_else(|_| one(SETTLED))?,
            refund_no: one(REFUND_NO)?,
            refund: one(REFUND[0]).or_else(|_| one(REFUND[1]))?,
            fee: one(FEE)?,
        })
    }

    fn row(&self, text: &str, line: u64) -> Result<Row, BillFault> {
        let cells = cells(text);
        if cells.len() != self.count {
            return Err(BillFault::Cells {
                line,
                cells: cells.len(),
                columns: self.count,
            });
        }
        let fen = |place: usize, column| {
            let read = money::read_fen(cells[place]);
            read.ok_or(BillFault::NoAmount { line, column })
        };
        let refund_no = cells[self.refund_no];
        Ok(Row {
            line,
            trade_no: cells[self.trade_no].to_owned(),
            transaction_id: cells[self.transaction].to_owned(),
            state: match cells[self.state] {
                "SUCCESS" => RowState::Paid,
                "REFUND" => RowState::Refund,
                _ => RowState::Other,
            },
            total_fen: fen(self.total, TOTAL[0])?,
            refund_no: if refund_no == "0" { "" } else { refund_no }.to_owned(),
            refund_fen: fen(self.refund, REFUND[0])?,
            fee: money::read(cells[self.fee]).ok_or(BillFault::NoAmount { line, column: FEE })?,
        })
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BILL: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注\r\n\
`2025-11-24 12:30:05,`wxcbda96de0b165486,`1900009191,`0,`,`4200002511202511240000000001,`T20251124123000000001,`oUpF8uMuAJOM2pxb1Q,`NATIVE,`SUCCESS,`OTHERS,`CNY,`15.00,`0.00,`0,`0,`0.00,`0.00,`,`,`停车费, lane=E1,`x,`0.09000,`0.60%,`15.00,`0.00,`\r\n\
`2025-11-24 13:30:05,`wxcbda96de0b165486,`1900009191,`0,`,`4200002511202511240000000001,`T20251124123000000001,`oUpF8uMuAJOM2pxb1Q,`NATIVE,`REFUND,`OTHERS,`CNY,`15.00,`0.00,`503,`R1,`5.00,`0.00,`ORIGINAL,`SUCCESS,`停车费,`x,`-0.03000,`0.60%,`15.00,`5.00,`\r\n\
总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额\r\n\
`2,`15.00,`5.00,`0.00,`0.06000,`15.00,`5.00\r\n";

    fn rows(bill: &[u8]) -> Result<(Vec<Row>, Totals), BillFault> {
        let mut rows = Vec::new();
        let totals = read(bill, |row| rows.push(row))?;
        Ok((rows, totals))
    }

    #[test]
    fn a_bill_is_read_with_its_sums() {
        for bill in [
            BILL.to_owned(),
            format!("\u{FEFF}{BILL}"),
            BILL.replace("\r\n", "\n"),
            BILL.trim_end().to_owned(),
        ] {
            let (rows, totals) = rows(bill.as_bytes()).unwrap();
            assert_eq!(
                (totals.rows, totals.paid_fen, totals.refund_fen),
                (2, 1500, 500)
            );
            assert_eq!(
                (totals.fee, rows[0].total_fen, rows[1].fee),
                (6_000, 1500, -3_000)
            );
            assert_eq!(
                (rows[0].refund_no.as_str(), rows[1].refund_no.as_str()),
                ("", "R1")
            );
        }
    }

    #[test]
    fn columns_are_found_by_their_names() {
        let bill = "商户订单号,微信订单号,交易状态,商户退款单号,退款金额,手续费,总金额,新列\n\
                    `T1,`42,`SUCCESS,`0,`0.00,`0.00600,`1.00,`?\n\
                    总交易单数,手续费总金额\n`1,`0.00600\n";
        let (rows, _) = rows(bill.as_bytes()).unwrap();
        assert_eq!((rows[0].total_fen, rows[0].fee), (100, 600));
    }

    #[test]
    fn what_is_cut_or_altered_is_refused() {
        let without_sums = BILL.split("总交易单数").next().unwrap();
        assert!(matches!(rows(without_sums.as_bytes()), Err(BillFault::Cut)));
        let one_row_less: Vec<&str> = BILL
            .lines()
            .enumerate()
            .filter(|(n, _)| *n != 1)
            .map(|(_, l)| l)
            .collect();
        let one_row_less = one_row_less.join("\n");
        assert!(matches!(
            rows(one_row_less.as_bytes()),
            Err(BillFault::Sums(_))
        ));
        let other_fee = BILL.replacen("0.09000", "0.09001", 1);
        assert!(matches!(
            rows(other_fee.as_bytes()),
            Err(BillFault::Sums("手续费总金额"))
        ));
        let no_amount = BILL.replacen("`15.00,`0.00,`\r\n", "`15,00,`0.00,`\r\n", 1);
        assert!(matches!(
            rows(no_amount.as_bytes()),
            Err(BillFault::NoAmount { line: 2, .. })
        ));
        let long = "x".repeat(70_000);
        assert!(matches!(rows(long.as_bytes()), Err(BillFault::TooLong(1))));
        assert!(matches!(rows(b"\xff\n"), Err(BillFault::NotText(1))));
        assert!(matches!(rows(b""), Err(BillFault::Cut)));
        assert!(matches!(rows(b"<html>\n"), Err(BillFault::NoColumn(_))));
    }

    proptest! {
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(any::<u8>(), 0..600)) {
            let _ = rows(&bytes);
        }

        #[test]
        fn a_changed_bill_is_refused_or_read_otherwise(at in 0_usize..BILL.len(), byte in any::<u8>()) {
            let mut bytes = BILL.as_bytes().to_vec();
            bytes[at] = byte;
            let _ = rows(&bytes);
            bytes.truncate(at);
            let read = rows(&bytes);
            // `5`, `5.0` and `5.00` are the same sum.
            let sums = BILL.rfind("5.00").unwrap() + 1;
            prop_assert!(read.is_err() || at >= sums);
        }
    }
}
