//! A trade bill (`wechat-pay.md` 5.5): payments and refunds.

use std::io::BufRead;

use super::money;
pub use super::table::BillFault;
use super::table::{self, Head, Line};
use crate::lane::time::Wall;

/// One line of a bill.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Row {
    /// In which line of the file it stands, from 1.
    pub line: u64,
    /// When it was paid, or the refund filed; None if that cannot be read.
    pub at: Option<Wall>,
    /// `out_trade_no`.
    pub trade_no: String,
    /// WeChat's number.
    pub transaction_id: String,
    /// For whom, in partner mode.
    pub sub_mchid: Option<String>,
    /// Money that came, went back, or was taken back at once.
    pub state: RowState,
    /// The whole order, fen.
    pub total_fen: u64,
    /// What the merchant gets of it before the fee, fen; None in a bill without that column.
    pub settled_fen: Option<u64>,
    /// What coupons paid of it, fen; None in a bill without that column.
    pub coupon_fen: Option<u64>,
    /// `out_refund_no`; empty for a payment.
    pub refund_no: String,
    /// WeChat's number of the refund; empty for a payment.
    pub refund_id: String,
    /// What was asked to go back, fen.
    pub refund_fen: u64,
    /// What of that goes out of the merchant's account, fen; None in a bill without that column.
    pub settled_refund_fen: Option<u64>,
    /// The refund has come to its end.
    pub is_refunded: bool,
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

/// What the lines of a bill come to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Totals {
    /// Lines.
    pub rows: u64,
    /// Paid, fen.
    pub paid_fen: u64,
    /// What the merchant gets of that, fen.
    pub settled_fen: u64,
    /// Asked to go back, fen.
    pub refund_fen: u64,
    /// What of that goes out of the merchant's account, fen.
    pub settled_refund_fen: u64,
    /// Fees, hundred-thousandths of a yuan.
    pub fee: i64,
}

const TRADE_NO: &str = "商户订单号";
const TRANSACTION: &str = "微信订单号";
const STATE: &str = "交易状态";
const TOTAL: [&str; 3] = ["订单金额", "总金额", SETTLED];
const SETTLED: &str = "应结订单金额";
const COUPON: &str = "代金券金额";
const REFUND_NO: &str = "商户退款单号";
const REFUND: [&str; 2] = ["申请退款金额", SETTLED_REFUND];
const SETTLED_REFUND: &str = "退款金额";
const FEE: &str = "手续费";
/// The first column of the sums.
const COUNT: &str = "总交易单数";

/// Where each column is.
struct Columns {
    at: Option<usize>,
    trade_no: usize,
    transaction: usize,
    sub_mchid: Option<usize>,
    state: usize,
    total: usize,
    settled: Option<usize>,
    coupon: Option<usize>,
    refund_no: usize,
    refund_id: Option<usize>,
    refund: usize,
    settled_refund: Option<usize>,
    refund_state: Option<usize>,
    fee: usize,
}

/// Reads a bill; `row` hears each line. What the lines come to is compared with the bill's own sums.
///
/// # Errors
/// When it is none, or cut, or its sums are others.
pub fn read(bill: impl BufRead, mut row: impl FnMut(Row)) -> Result<Totals, BillFault> {
    let mut totals = Totals::default();
    // Refunds have their order's sum in these columns, or nothing: the page does not say.
    let (mut all_fen, mut all_settled_fen) = (0_u64, 0_u64);
    let sums = table::read(bill, COUNT, Columns::of, |columns, line| {
        let read = columns.row(line)?;
        totals.rows += 1;
        totals.fee = totals.fee.saturating_add(read.fee);
        let settled_fen = read.settled_fen.unwrap_or(read.total_fen);
        all_fen = all_fen.saturating_add(read.total_fen);
        all_settled_fen = all_settled_fen.saturating_add(settled_fen);
        match read.state {
            RowState::Paid => {
                totals.paid_fen = totals.paid_fen.saturating_add(read.total_fen);
                totals.settled_fen = totals.settled_fen.saturating_add(settled_fen);
            }
            RowState::Refund => {
                let settled_fen = read.settled_refund_fen.unwrap_or(read.refund_fen);
                totals.refund_fen = totals.refund_fen.saturating_add(read.refund_fen);
                totals.settled_refund_fen = totals.settled_refund_fen.saturating_add(settled_fen);
            }
            RowState::Other => {}
        }
        row(read);
        Ok(())
    })?;
    sums.check_count(COUNT, totals.rows)?;
    let yuan = |fen: &[u64]| fen.iter().map(|fen| of_fen(*fen)).collect::<Vec<i64>>();
    sums.check("订单总金额", &yuan(&[totals.paid_fen, all_fen]))?;
    sums.check(
        "应结订单总金额",
        &yuan(&[totals.settled_fen, all_settled_fen]),
    )?;
    sums.check("申请退款总金额", &yuan(&[totals.refund_fen]))?;
    sums.check("退款总金额", &yuan(&[totals.settled_refund_fen]))?;
    sums.check("手续费总金额", &[totals.fee])?;
    Ok(totals)
}

/// Fen in hundred-thousandths of a yuan.
pub(super) fn of_fen(fen: u64) -> i64 {
    let fen = i64::try_from(fen).unwrap_or(i64::MAX);
    fen.saturating_mul(money::PER_FEN)
}

/// As a bill writes it: `2025-11-24 12:30:05`, of Beijing.
pub(super) fn time(text: &str) -> Option<Wall> {
    let (day, time) = text.split_once(' ')?;
    Wall::from_rfc3339(&format!("{day}T{time}+08:00"))
}

impl Columns {
    fn of(head: &Head) -> Result<Self, BillFault> {
        Ok(Self {
            at: head.place("交易时间"),
            trade_no: head.one_of(&[TRADE_NO])?,
            transaction: head.one_of(&[TRANSACTION])?,
            sub_mchid: head.place("特约商户号"),
            state: head.one_of(&[STATE])?,
            total: head.one_of(&TOTAL)?,
            settled: head.place(SETTLED),
            coupon: head.place(COUPON),
            refund_no: head.one_of(&[REFUND_NO])?,
            refund_id: head.place("微信退款单号"),
            refund: head.one_of(&REFUND)?,
            settled_refund: head.place(SETTLED_REFUND),
            refund_state: head.place("退款状态"),
            fee: head.one_of(&[FEE])?,
        })
    }

    fn row(&self, line: &Line<'_>) -> Result<Row, BillFault> {
        let there = |text: &str| if text == "0" { "" } else { text }.to_owned();
        let sub_mchid = there(line.text(self.sub_mchid));
        Ok(Row {
            line: line.number,
            at: time(line.text(self.at)),
            trade_no: line.text(self.trade_no).to_owned(),
            transaction_id: line.text(self.transaction).to_owned(),
            sub_mchid: Some(sub_mchid).filter(|text| !text.is_empty()),
            state: match line.text(self.state) {
                "SUCCESS" => RowState::Paid,
                "REFUND" => RowState::Refund,
                _ => RowState::Other,
            },
            total_fen: line.fen(self.total, TOTAL[0])?,
            settled_fen: line.fen_if_there(self.settled, SETTLED)?,
            coupon_fen: line.fen_if_there(self.coupon, COUPON)?,
            refund_no: there(line.text(self.refund_no)),
            refund_id: there(line.text(self.refund_id)),
            refund_fen: line.fen(self.refund, REFUND[0])?,
            settled_refund_fen: line.fen_if_there(self.settled_refund, SETTLED_REFUND)?,
            is_refunded: line.text(self.refund_state) == "SUCCESS",
            fee: line.money(self.fee, FEE)?,
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
            let at = Wall::from_rfc3339("2025-11-24T12:30:05+08:00");
            assert_eq!((rows[0].at, rows[0].settled_fen), (at, Some(1500)));
            assert_eq!(
                (rows[1].settled_refund_fen, rows[1].is_refunded),
                (Some(500), true)
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
        let other_settled = BILL.replacen("`2,`15.00,`5.00,`0.00", "`2,`15.01,`5.00,`0.00", 1);
        assert!(matches!(
            rows(other_settled.as_bytes()),
            Err(BillFault::Sums("应结订单总金额"))
        ));
        let other_refund = BILL.replacen("`2,`15.00,`5.00,`0.00", "`2,`15.00,`5.01,`0.00", 1);
        assert!(matches!(
            rows(other_refund.as_bytes()),
            Err(BillFault::Sums("退款总金额"))
        ));
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
