//! A fund-flow bill (`wechat-pay.md` 5.6): what came to the merchant's account and went from it.

use std::io::BufRead;

use super::bill::{of_fen, time};
use super::table::{self, BillFault, Head, Line};
use crate::lane::time::Wall;

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Flow {
    /// When it was booked; None if that cannot be read.
    pub at: Option<Wall>,
    /// WeChat's number of the business: of the payment or of the refund.
    pub business_no: String,
    /// The merchant's own number.
    pub voucher: String,
    /// What it is.
    pub kind: FlowKind,
    /// Fen: more than nothing is income.
    pub fen: i64,
}

/// What a line is, by the words for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FlowKind {
    /// 手续费.
    Fee,
    /// 退款.
    Refund,
    /// 交易.
    Trade,
    /// Withdrawals, top-ups, and what other products move.
    Other,
}

const BUSINESS: &str = "微信支付业务单号";
const NAME: &str = "业务名称";
const KIND: &str = "业务类型";
const SIDE: &str = "收支类型";
const AMOUNT: [&str; 2] = ["收支金额(元)", "收支金额"];
const VOUCHER: &str = "业务凭证号";
/// The first column of the sums.
const COUNT: &str = "资金流水总笔数";

struct Columns {
    at: Option<usize>,
    business: usize,
    name: usize,
    kind: Option<usize>,
    side: usize,
    amount: usize,
    voucher: usize,
}

/// Reads a bill; `row` hears each line. Gives back how many there are.
///
/// # Errors
/// When it is none, or cut, or its sums are not those of its lines.
pub fn read(bill: impl BufRead, mut row: impl FnMut(Flow)) -> Result<u64, BillFault> {
    let (mut lines, mut sums) = (0_u64, [(0_u64, 0_u64); 2]);
    let told = table::read(bill, COUNT, Columns::of, |columns, line| {
        let (flow, is_outgo) = columns.row(line)?;
        let (count, fen) = &mut sums[usize::from(is_outgo)];
        *count += 1;
        *fen = fen.saturating_add(flow.fen.unsigned_abs());
        lines += 1;
        row(flow);
        Ok(())
    })?;
    let [(came, income_fen), (went, outgo_fen)] = sums;
    told.check_count(COUNT, lines)?;
    told.check("收入金额", &[of_fen(income_fen)])?;
    told.check("支出金额", &[of_fen(outgo_fen)])?;
    told.check("收入笔数", &[whole(came)])?;
    told.check("支出笔数", &[whole(went)])?;
    Ok(lines)
}

/// A count as it is read where amounts are.
fn whole(count: u64) -> i64 {
    of_fen(count.saturating_mul(100))
}

impl Columns {
    fn of(head: &Head) -> Result<Self, BillFault> {
        Ok(Self {
            at: head.place("记账时间"),
            business: head.one_of(&[BUSINESS])?,
            name: head.one_of(&[NAME])?,
            kind: head.place(KIND),
            side: head.one_of(&[SIDE])?,
            amount: head.one_of(&AMOUNT)?,
            voucher: head.one_of(&[VOUCHER])?,
        })
    }

    /// The line, and whether it is outgo, which a sum of nothing does not show.
    fn row(&self, line: &Line<'_>) -> Result<(Flow, bool), BillFault> {
        let words = [line.text(self.name), line.text(self.kind)];
        let says = |part: &str| words.iter().any(|word| word.contains(part));
        // "扣除交易手续费" is a fee.
        let kind = if says("手续费") {
            FlowKind::Fee
        } else if says("退款") {
            FlowKind::Refund
        } else if says("交易") {
            FlowKind::Trade
        } else {
            FlowKind::Other
        };
        let fen = i64::try_from(line.fen(self.amount, AMOUNT[0])?).unwrap_or(i64::MAX);
        let is_outgo = match line.text(self.side) {
            "收入" => false,
            "支出" => true,
            _ => {
                return Err(BillFault::NoAmount {
                    line: line.number,
                    column: SIDE,
                });
            }
        };
        let flow = Flow {
            at: time(line.text(self.at)),
            business_no: line.text(self.business).to_owned(),
            voucher: line.text(self.voucher).to_owned(),
            kind,
            fen: if is_outgo { -fen } else { fen },
        };
        Ok((flow, is_outgo))
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const BILL: &str = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额（元）,账户结余（元）,资金变更提交申请人,备注,业务凭证号\r\n\
`2025-11-24 12:30:05,`4200002511202511240000000001,`1,`交易,`交易,`收入,`15.00,`15.00,`system,`停车费, E1,`T1\r\n\
`2025-11-24 12:30:05,`4200002511202511240000000001,`2,`扣除交易手续费,`扣除交易手续费,`支出,`0.09,`14.91,`system,`,`T1\r\n\
`2025-11-24 13:30:05,`503,`3,`退款,`退款,`支出,`5.00,`9.91,`api,`,`R1\r\n\
`2025-11-24 18:00:00,`700,`4,`提现,`提现,`支出,`9.00,`0.91,`Li,`,`\r\n\
资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\r\n`4,`1,`15.00,`3,`14.09\r\n";

    fn flows(bill: &[u8]) -> Result<Vec<Flow>, BillFault> {
        let mut flows = Vec::new();
        read(bill, |flow| flows.push(flow))?;
        Ok(flows)
    }

    #[test]
    fn a_fund_flow_is_read_with_its_sums() {
        let flows = flows(BILL.as_bytes()).unwrap();
        let read: Vec<(FlowKind, i64)> = flows.iter().map(|it| (it.kind, it.fen)).collect();
        use FlowKind::*;
        assert_eq!(
            read,
            [(Trade, 1500), (Fee, -9), (Refund, -500), (Other, -900)]
        );
        assert_eq!(
            (flows[2].business_no.as_str(), flows[2].voucher.as_str()),
            ("503", "R1")
        );
    }

    /// Of a payment that a coupon of the merchant's paid whole, nothing goes out when it goes back.
    #[test]
    fn an_outgo_of_nothing_counts_as_outgo() {
        let nothing = BILL.replace("`支出,`5.00,", "`支出,`0.00,");
        let nothing = nothing.replace("`14.09\r\n", "`9.09\r\n");
        assert_eq!(flows(nothing.as_bytes()).unwrap()[2].fen, 0);
    }

    #[test]
    fn what_is_cut_or_altered_is_refused() {
        let altered = |from: &str, to: &str| flows(BILL.replacen(from, to, 1).as_bytes());
        let wrong = |from, to, column| {
            assert!(
                matches!(altered(from, to), Err(BillFault::Sums(it)) if it == column),
                "{column}"
            );
        };
        wrong("`4,`1,", "`5,`1,", COUNT);
        wrong("`4,`1,", "`4,`2,", "收入笔数");
        wrong("`1,`15.00,`3", "`1,`15.01,`3", "收入金额");
        wrong("`15.00,`3,", "`15.00,`2,", "支出笔数");
        wrong("`14.09\r\n", "`14.08\r\n", "支出金额");
        assert!(matches!(
            altered("`收入", "`?"),
            Err(BillFault::NoAmount { line: 2, .. })
        ));
        let (cut, _) = BILL.split_once("资金流水总笔数").unwrap();
        assert!(matches!(flows(cut.as_bytes()), Err(BillFault::Cut)));
        assert!(matches!(flows(b"x\n"), Err(BillFault::NoColumn(BUSINESS))));
    }

    proptest! {
        #[test]
        fn a_changed_bill_makes_nothing_panic(at in 0_usize..BILL.len(), byte in any::<u8>()) {
            let mut bytes = BILL.as_bytes().to_vec();
            bytes[at] = byte;
            let _ = flows(&bytes);
            bytes.truncate(at);
            let _ = flows(&bytes);
        }
    }
}
