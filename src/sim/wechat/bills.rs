//! Bills (`wechat-pay.md` 5), made of what the simulator itself has in its books.

use std::io::Write;

use flate2::Compression;
use flate2::write::GzEncoder;
use ring::digest::{SHA1_FOR_LEGACY_USE_ONLY, digest};
use serde_json::{Value, json};

use super::Simulator;
use super::message::{BILL_FILE, Request};
use super::parameters::{Parameters, refuse};
use super::refunds::{Refund, RefundState};
use super::refusal::Refusal;
use super::sale::Sale;
use super::time;
use crate::lane::time::Wall;

/// A bill's address is good for so long.
const LASTS_MS: i64 = 30_000;
/// From when on the bill of the day before is there.
const MADE_AT_MS: i64 = 10 * 60 * 60 * 1000;
const HEAD: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,申请退款金额,费率备注";
const SUMS: &str =
    "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";
const FLOW_HEAD: &str = "记账时间,微信支付业务单号,资金流水单号,业务名称,业务类型,收支类型,收支金额(元),账户结余(元),资金变更提交申请人,备注,业务凭证号";
const FLOW_SUMS: &str = "资金流水总笔数,收入笔数,收入金额,支出笔数,支出金额";

/// A file that was made and not fetched.
#[derive(Clone, Debug)]
pub(super) struct File {
    token: String,
    until: Wall,
    bytes: Vec<u8>,
}

/// One line of the trades: what was paid, or went back of it.
struct Line<'a> {
    at: Wall,
    sale: Sale<'a>,
    refund: Option<&'a Refund>,
}

impl Simulator {
    /// *Trade bill* of a day.
    pub(super) fn trade_bill(&mut self, request: &Request, now: Wall) -> Result<Value, Refusal> {
        let mut parameters = Parameters::of(request)?;
        let day = self.bill_day(&mut parameters, now)?;
        let sub_mchid = parameters.optional("sub_mchid");
        let kind = parameters.optional("bill_type");
        if kind.as_deref().is_some_and(|kind| kind != "ALL") {
            return Err(refuse(
                "bill_type",
                &kind.unwrap_or_default(),
                "is not ALL here",
            ));
        }
        let lines = self.lines(&day, sub_mchid.as_deref());
        if lines.is_empty() {
            return Err(Refusal::no_bill());
        }
        let text = self.written(&lines);
        self.offer(parameters, text, now)
    }

    /// *Fund-flow bill* of a day.
    pub(super) fn fund_flow_bill(
        &mut self,
        request: &Request,
        now: Wall,
    ) -> Result<Value, Refusal> {
        let mut parameters = Parameters::of(request)?;
        let day = self.bill_day(&mut parameters, now)?;
        let account = parameters.optional("account_type");
        if account.as_deref().is_some_and(|account| account != "BASIC") {
            let account = account.unwrap_or_default();
            return Err(refuse("account_type", &account, "is not BASIC here"));
        }
        // A sub-merchant's money does not come to the provider's account.
        let mut lines = self.lines(&day, None);
        lines.retain(|line| line.sale.sub_mchid.is_none());
        if lines.is_empty() {
            return Err(Refusal::no_bill());
        }
        let (mut text, mut sums) = (format!("{FLOW_HEAD}\r\n"), [(0_u64, 0_u64); 2]);
        for Line { at, sale, refund } in &lines {
            let at = written_time(*at);
            let mut moved = |id: &str, number: &str, name: &str, fen: u64, side: usize| {
                sums[side].0 += 1;
                sums[side].1 += fen;
                let (word, yuan) = (["收入", "支出"][side], yuan(fen));
                text.push_str(&format!(
                    "`{at},`{id},`{id},`{name},`{name},`{word},`{yuan},`0.00,`system,`,`{number}\r\n"
                ));
            };
            let (id, number, fen, names) = match refund {
                None => {
                    let names = [("交易", 0), ("扣除交易手续费", 1)];
                    (&sale.transaction_id, sale.number, sale.total_fen, names)
                }
                Some(Refund {
                    refund_id, body, ..
                }) => {
                    let names = [("退款", 1), ("返还手续费", 0)];
                    (refund_id, &*body.out_refund_no, body.refund_fen, names)
                }
            };
            let [(name, side), (fee_name, fee_side)] = names;
            // Whole fen, and no line for less than one.
            let fee_fen = (fee_of(fen) + 500) / 1_000;
            let both = [
                (name, sale.settled_of(fen), side),
                (fee_name, fee_fen, fee_side),
            ];
            for (name, fen, side) in both.into_iter().filter(|(_, fen, _)| *fen > 0) {
                moved(id, number, name, fen, side);
            }
        }
        let [(came, in_fen), (went, out_fen)] = sums;
        let (count, income, outgo) = (came + went, yuan(in_fen), yuan(out_fen));
        text.push_str(&format!(
            "{FLOW_SUMS}\r\n`{count},`{came},`{income},`{went},`{outgo}\r\n"
        ));
        self.offer(parameters, text, now)
    }

    /// The file of a bill: good for one download.
    pub(super) fn bill_file(&mut self, request: &Request, now: Wall) -> Result<Vec<u8>, Refusal> {
        let mut parameters = Parameters::of(request)?;
        let token = parameters.required("token")?;
        parameters.optional("tartype");
        parameters.finish()?;
        let file = self.bill_files.iter().position(|file| file.token == token);
        let file = file.map(|place| self.bill_files.swap_remove(place));
        let file = file.filter(|file| now < file.until);
        let mut bytes = file.ok_or_else(Refusal::stale_address)?.bytes;
        if self.settings.switches.bills_altered
            && let Some(byte) = bytes.last_mut()
        {
            *byte ^= 1;
        }
        Ok(bytes)
    }

    fn bill_day(&self, parameters: &mut Parameters, now: Wall) -> Result<String, Refusal> {
        let day = parameters.required("bill_date")?;
        let begins = time::parse(&format!("{day}T00:00:00+08:00"));
        let begins = begins.ok_or_else(|| refuse("bill_date", &day, "is no day"))?;
        let days_ms = 24 * 60 * 60 * 1000;
        if begins.plus_ms(days_ms) > now || begins.plus_ms(92 * days_ms) < now {
            return Err(refuse(
                "bill_date",
                &day,
                "is not one of the last three months",
            ));
        }
        match begins.plus_ms(days_ms + MADE_AT_MS) > now {
            true => Err(Refusal::bill_in_the_making()),
            false => Ok(day.replace('-', "")),
        }
    }

    /// What happened on a day, `yyyyMMdd`, in the order of the clock.
    fn lines(&self, day: &str, sub_mchid: Option<&str>) -> Vec<Line<'_>> {
        let is_wanted = |of: Option<&str>| sub_mchid.is_none() || of == sub_mchid;
        let left_out = &self.settings.bills_without;
        let sales = self.sales().filter(|sale| !left_out.contains(sale.number));
        let mut lines: Vec<Line> = sales
            .map(|sale| Line {
                at: sale.at,
                sale,
                refund: None,
            })
            .collect();
        for refund in self.refunds.values() {
            if refund.state != RefundState::Closed
                && let Some(sale) = self.sale(&refund.body.out_trade_no)
            {
                lines.push(Line {
                    at: refund.created,
                    sale,
                    refund: Some(refund),
                });
            }
        }
        lines.retain(|line| time::day(line.at) == day && is_wanted(line.sale.sub_mchid));
        lines.sort_by_key(|line| line.at);
        lines
    }

    fn written(&self, lines: &[Line<'_>]) -> String {
        let (mut text, mut paid, mut back, mut fee) = (format!("{HEAD}\r\n"), 0, 0, 0_i64);
        let (mut settled, mut settled_back) = (0, 0);
        for Line { at, sale, refund } in lines {
            let (state, fen, id, number, kind, stands) = match refund {
                None => {
                    paid += sale.total_fen;
                    settled += sale.settled_of(sale.total_fen);
                    ("SUCCESS", 0, "0", "0", "", "")
                }
                Some(Refund {
                    refund_id,
                    body,
                    state,
                    ..
                }) => {
                    back += body.refund_fen;
                    settled_back += sale.settled_of(body.refund_fen);
                    let stands = match state {
                        RefundState::Success => "SUCCESS",
                        RefundState::Abnormal => "FAIL",
                        RefundState::Processing | RefundState::Closed => "PROCESSING",
                    };
                    let (id, number) = (refund_id.as_str(), body.out_refund_no.as_str());
                    ("REFUND", body.refund_fen, id, number, "ORIGINAL", stands)
                }
            };
            let own_fee = match refund {
                None => i64::try_from(fee_of(sale.total_fen)).unwrap_or(0),
                Some(_) => -i64::try_from(fee_of(fen)).unwrap_or(0),
            };
            fee += own_fee;
            let cells = [
                written_time(*at),
                sale.appid.to_owned(),
                self.settings.merchant.mchid.clone(),
                sale.sub_mchid.unwrap_or("0").to_owned(),
                String::new(),
                sale.transaction_id.clone(),
                sale.number.to_owned(),
                sale.openid.to_owned(),
                sale.kind.to_owned(),
                state.to_owned(),
                sale.bank.to_owned(),
                "CNY".to_owned(),
                yuan(sale.settled_of(sale.total_fen)),
                yuan(sale.coupon.fen),
                id.to_owned(),
                number.to_owned(),
                yuan(sale.settled_of(fen)),
                "0.00".to_owned(),
                kind.to_owned(),
                stands.to_owned(),
                sale.description.to_owned(),
                sale.attach.unwrap_or_default().to_owned(),
                with_five_decimals(own_fee),
                "0.60%".to_owned(),
                yuan(sale.total_fen),
                yuan(fen),
                String::new(),
            ];
            text.push_str(&format!("`{}\r\n", cells.join(",`")));
        }
        let (count, paid, back) = (lines.len(), yuan(paid), yuan(back));
        let (settled, settled_back) = (yuan(settled), yuan(settled_back));
        let fee = with_five_decimals(fee);
        text.push_str(&format!(
            "{SUMS}\r\n`{count},`{settled},`{settled_back},`0.00,`{fee},`{paid},`{back}\r\n"
        ));
        text
    }

    fn offer(
        &mut self,
        mut parameters: Parameters,
        text: String,
        now: Wall,
    ) -> Result<Value, Refusal> {
        let packing = parameters.optional("tar_type");
        parameters.finish()?;
        let sha1 = digest(&SHA1_FOR_LEGACY_USE_ONLY, text.as_bytes());
        let sha1: String = sha1
            .as_ref()
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        let (bytes, tail) = match packing.as_deref() {
            None => (text.into_bytes(), ""),
            Some("GZIP") => (packed(text.as_bytes()), "&tartype=gzip"),
            Some(other) => return Err(refuse("tar_type", other, "is not GZIP")),
        };
        let token = format!("{}%2F{}", self.nonces.hex(12), self.nonces.hex(12));
        let url = format!("https://api.mch.weixin.qq.com{BILL_FILE}?token={token}{tail}");
        self.bill_files.retain(|file| now < file.until);
        self.bill_files.push(File {
            token: token.replace("%2F", "/"),
            until: now.plus_ms(LASTS_MS),
            bytes,
        });
        Ok(json!({ "hash_type": "SHA1", "hash_value": sha1, "download_url": url }))
    }
}

fn packed(text: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    let written = encoder.write_all(text).and_then(|()| encoder.finish());
    written.unwrap_or_default()
}

fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}

/// 0.6 %, in hundred-thousandths of a yuan.
fn fee_of(fen: u64) -> u64 {
    fen * 6
}

fn with_five_decimals(value: i64) -> String {
    let sign = if value < 0 { "-" } else { "" };
    let size = value.unsigned_abs();
    format!("{sign}{}.{:05}", size / 100_000, size % 100_000)
}

fn written_time(at: Wall) -> String {
    time::format(at).replace('T', " ").replace("+08:00", "")
}
