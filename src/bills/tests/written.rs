//! Bills as WeChat writes them, for the tests and for the benchmark of matching, which is another program's.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;

/// What a charge comes to.
pub const FEE_FEN: u64 = 500;
/// What goes back with a refund.
pub const REFUND_FEN: u64 = 200;

/// A line of a trade bill.
#[derive(Clone)]
pub struct Line {
    /// `2026-03-01 12:00:00`.
    pub at: String,
    pub trade_no: String,
    /// `0`: no refund.
    pub refund_no: String,
    pub sub_mchid: &'static str,
    pub fen: u64,
    pub coupon_fen: u64,
    /// What of the coupon the merchant bears, and does not get.
    pub merchants_fen: u64,
}

impl Line {
    /// A charge.
    pub fn of(trade_no: &str, at: String) -> Self {
        Self {
            at,
            trade_no: trade_no.to_owned(),
            refund_no: "0".into(),
            sub_mchid: "0",
            fen: FEE_FEN,
            coupon_fen: 0,
            merchants_fen: 0,
        }
    }

    fn is_refund(&self) -> bool {
        self.refund_no != "0"
    }
}

/// Writes a trade bill, packed.
pub fn trade_bill(path: &Path, lines: impl IntoIterator<Item = Line>) {
    packed(path, |out| {
        let (mut rows, mut paid, mut settled, mut back, mut fees) = (0_u64, 0, 0, 0, 0);
        writeln!(out, "交易时间,特约商户号,微信订单号,商户订单号,交易状态,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,退款状态,手续费,订单金额,申请退款金额").unwrap();
        for line in lines {
            rows += 1;
            let (state, stands, went, fee) = match line.is_refund() {
                true => ("REFUND", "SUCCESS", REFUND_FEN, -1_200),
                false => ("SUCCESS", "", 0, 3_000),
            };
            (back, fees) = (back + went, fees + fee);
            if !line.is_refund() {
                paid += line.fen;
                settled += line.fen - line.merchants_fen;
            }
            let Line {
                at,
                trade_no: no,
                refund_no: refund,
                sub_mchid: sub,
                fen,
                coupon_fen,
                merchants_fen,
            } = &line;
            let (coupon, total, went) = (yuan(*coupon_fen), yuan(*fen), yuan(went));
            let settles = yuan(fen - merchants_fen);
            let fee = five_decimals(fee);
            writeln!(out, "`{at},`{sub},`42{rows},`{no},`{state},`{settles},`{coupon},`0,`{refund},`{went},`{stands},`{fee},`{total},`{went}").unwrap();
        }
        let (paid, back, fees) = (yuan(paid), yuan(back), five_decimals(fees));
        let settled = yuan(settled);
        writeln!(out, "总交易单数,应结订单总金额,退款总金额,手续费总金额,订单总金额,申请退款总金额\n`{rows},`{settled},`{back},`{fees},`{paid},`{back}").unwrap();
    });
}

/// Writes a fund-flow bill, packed. Of each line: number, words, fen.
pub fn flow_bill<'a>(
    path: &Path,
    at: &str,
    lines: impl IntoIterator<Item = (&'a str, &'a str, i64)>,
) {
    packed(path, |out| {
        let (mut came, mut went) = ((0, 0), (0, 0));
        writeln!(
            out,
            "记账时间,微信支付业务单号,业务名称,收支类型,收支金额(元),业务凭证号"
        )
        .unwrap();
        for (number, name, fen) in lines {
            let (side, sum) = match fen < 0 {
                true => ("支出", &mut went),
                false => ("收入", &mut came),
            };
            *sum = (sum.0 + 1, sum.1 + fen.unsigned_abs());
            let moved = yuan(fen.unsigned_abs());
            writeln!(out, "`{at},`9,`{name},`{side},`{moved},`{number}").unwrap();
        }
        let (all, income, outgo) = (came.0 + went.0, yuan(came.1), yuan(went.1));
        let (came, went) = (came.0, went.0);
        writeln!(out, "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额\n`{all},`{came},`{income},`{went},`{outgo}").unwrap();
    });
}

fn packed(path: &Path, write: impl FnOnce(&mut dyn Write)) {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let file = File::create(path).unwrap();
    let mut packed = BufWriter::new(GzEncoder::new(file, Compression::fast()));
    write(&mut packed);
    packed.into_inner().unwrap().finish().unwrap();
}

fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

fn five_decimals(value: i64) -> String {
    let (sign, size) = (if value < 0 { "-" } else { "" }, value.unsigned_abs());
    format!("{sign}{}.{:05}", size / 100_000, size % 100_000)
}
