//! What the books say.

use super::{Lang, Pair, pair};
use crate::books::{Violation, Wrong};
use crate::lane::tariff::yuan;

pub const RECORDS: Pair = pair("records", "记录");
pub const ENDED: Pair = pair("stays ended", "已结束的停车");
pub const INSIDE: Pair = pair("still inside", "仍在场内");
pub const DUE: Pair = pair("fees due", "应收");
pub const SETTLED: Pair = pair("settled", "已收");
pub const WITHDRAWN: Pair = pair("withdrawn", "已撤销");
pub const COLLECTED: Pair = pair("collected", "人工已收");
pub const WRITTEN_OFF: Pair = pair("written off", "核销");
pub const REPLACED: Pair = pair("replaced", "换单重收");
pub const ARREARS: Pair = pair("arrears", "欠费");
pub const QUEUED: Pair = pair("in the queue", "排队中");
pub const SUM: Pair = pair("sum", "合计");
pub const COUPONS: Pair = pair("by coupons", "其中优惠");
pub const PAID: Pair = pair("paid beside", "另行收款");
pub const OVER: Pair = pair("to give back", "应退多收");
pub const TO_REFUND: Pair = pair("corrected", "有误更正");
pub const REFUNDED: Pair = pair("refunded", "已退款");
pub const NET: Pair = pair("settled − it", "已收减已退");
pub const ERASED: Pair = pair("erased", "已擦除");
pub const VERDICT: Pair = pair("verdict", "结论");
pub const HOLDS: Pair = pair("the books balance", "账目平衡");
pub const FAILS: Pair = pair(
    "THE BOOKS DO NOT BALANCE; keep a copy of the ledger, and ask with the lines below",
    "账目不平；请备份账本，并附上以下各行求助",
);

/// How a stay ended, by its name in the ledger.
pub fn ending(name: &str) -> Option<Pair> {
    Some(match name {
        "free" => pair("free", "免费"),
        "charged" => pair("charged", "收费"),
        "exit_missed" => pair("exit missed", "漏记出场"),
        "replayed_exit" => pair("exit told late", "补传出场"),
        "turned_back" => pair("turned back", "掉头离开"),
        "prepaid" => pair("paid in advance", "提前付清"),
        "ended_by_hand" => pair("ended by a person", "人工结束"),
        "reviewed" => pair("for review", "待审核"),
        _ => return None,
    })
}

impl Lang {
    /// One violation with its place.
    pub fn violation(self, violation: &Violation) -> String {
        let what = self.wrong(&violation.wrong);
        let whose = [&violation.session, &violation.trade_no];
        let whose: Vec<&str> = whose.iter().filter_map(|of| of.as_deref()).collect();
        let (seq, at, whose) = (violation.seq, &violation.at, whose.join(" "));
        match self {
            Self::En => format!("record {seq}, {at}, {whose}: {what}"),
            Self::Zh => format!("第 {seq} 条记录，{at}，{whose}：{what}"),
        }
    }

    fn wrong(self, wrong: &Wrong) -> String {
        let is_en = self == Self::En;
        let text = |en: String, zh: String| if is_en { en } else { zh };
        let plain = |pair: Pair| self.of(pair).to_owned();
        match wrong {
            Wrong::Ledger => plain(pair(
                "the ledger has gaps or was altered, see `parkgate ledger verify`; nothing is proven",
                "账本有缺失或被改动，见 `parkgate ledger verify`；无法证明账目",
            )),
            Wrong::OpenedTwice => plain(pair("the stay began twice", "停车重复开始")),
            Wrong::EndedTwice => plain(pair("the stay ended twice", "停车重复结束")),
            Wrong::EndedUnopened => plain(pair(
                "a stay ended that never began",
                "结束了从未开始的停车",
            )),
            Wrong::ChargeMissing => plain(pair(
                "it ended as charged, and there is no such charge of it",
                "按收费结束，但没有对应的扣费",
            )),
            Wrong::FeeForgotten { due_fen } => {
                let due = yuan(*due_fen);
                text(
                    format!("it ended without a charge, and {due} yuan are due for it"),
                    format!("未带扣费结束，但应收 {due} 元"),
                )
            }
            Wrong::EndedWithOtherFee { ended_fen, due_fen } => {
                let (ended, due) = (yuan(*ended_fen), yuan(*due_fen));
                text(
                    format!("it ended with {ended} yuan, and {due} yuan are due"),
                    format!("结束时为 {ended} 元，而应收 {due} 元"),
                )
            }
            Wrong::ChargeWithoutStay => plain(pair(
                "a fee is due for a stay that never began",
                "为从未开始的停车产生费用",
            )),
            Wrong::NumberTwice => plain(pair("the number was given out twice", "单号重复")),
            Wrong::ChargedTwice { first } => text(
                format!("the stay is charged a second time; {first} stands"),
                format!("同一停车重复收费；{first} 仍有效"),
            ),
            Wrong::NotTheSumOfItsLines { fee_fen, lines_fen } => text(
                format!("the fee is {fee_fen} fen, its lines add up to {lines_fen} fen"),
                format!("费用 {fee_fen} 分，明细合计 {lines_fen} 分"),
            ),
            Wrong::NotByTariff {
                fee_fen,
                tariff_fen,
            } => {
                let (fee, tariff) = (yuan(*fee_fen), yuan(*tariff_fen));
                text(
                    format!("the fee is {fee} yuan, by the price list it is {tariff} yuan"),
                    format!("费用 {fee} 元，按价目应为 {tariff} 元"),
                )
            }
            Wrong::OtherAmountSent { fee_fen, sent_fen } => {
                let (fee, sent) = (yuan(*fee_fen), sent_fen.map(yuan).unwrap_or_default());
                text(
                    format!("{fee} yuan are due, and WeChat was asked for {sent} yuan"),
                    format!("应收 {fee} 元，却向微信请求 {sent} 元"),
                )
            }
            Wrong::OtherChargeSent => plain(pair(
                "the request to WeChat bears another number or plate",
                "发给微信的请求中单号或车牌不符",
            )),
            Wrong::FixedTwice => plain(pair(
                "the request to WeChat was fixed twice",
                "发给微信的请求被重复确定",
            )),
            Wrong::NoSuchCharge { fact } => text(
                format!("{fact} of a charge that is not there"),
                format!("不存在的扣费：{fact}"),
            ),
            Wrong::AfterItsEnd { fact, ended } => text(
                format!("{fact} after it was {ended}"),
                format!("已终结（{ended}）后又出现 {fact}"),
            ),
            Wrong::SettledTwice => plain(pair("it was settled twice", "重复结清")),
            Wrong::NeverSent { fact } => text(
                format!("{fact}, and it was never sent"),
                format!("从未发送，却有 {fact}"),
            ),
            Wrong::WhileWeChatMayTakeIt { fact } => text(
                format!("{fact} while WeChat may take the money"),
                format!("微信可能扣款时出现 {fact}"),
            ),
            Wrong::NotWithStaff => plain(pair(
                "a person finished it, and it was not with the staff",
                "未转人工却由人工了结",
            )),
            Wrong::NotPaid => plain(pair(
                "it ended as paid in advance, and the payments are others",
                "按提前付清结束，但收款不符",
            )),
            Wrong::PaidAfterItsEnd => plain(pair(
                "money came in advance after its end",
                "停车结束后又有提前收款",
            )),
            Wrong::PaidTooMuch => plain(pair(
                "a part of it was more than the whole",
                "部分收款超过应收",
            )),
            Wrong::NotTheRest { fee_fen, due_fen } => {
                let (fee, due) = (yuan(*fee_fen), yuan(*due_fen));
                text(
                    format!("{fee} yuan are charged, and the rest is {due} yuan"),
                    format!("收费 {fee} 元，而余额为 {due} 元"),
                )
            }
            Wrong::RefundedTooMuch {
                refund_fen,
                charged_fen,
            } => {
                let (refund, charged) = (yuan(*refund_fen), yuan(*charged_fen));
                text(
                    format!("{refund} yuan are refunded of a charge of {charged} yuan"),
                    format!("扣费 {charged} 元，却退款 {refund} 元"),
                )
            }
            Wrong::RefundOfUnsettled => plain(pair(
                "it was sent before its charge had settled",
                "扣费尚未到账即发送退款",
            )),
            Wrong::OtherRefundSent => plain(pair(
                "the refund names another number, charge or sum than was asked for",
                "退款请求中的单号或金额与申请不符",
            )),
            Wrong::BesideCode { number } => text(
                format!("it was sent while the driver could still pay {number} by scanning a code"),
                format!("司机仍可扫码支付 {number} 时发送了扣费"),
            ),
            Wrong::CodeNotTakenDown {
                paid_fen,
                taken_fen,
            } => {
                let (paid, taken) = (yuan(*paid_fen), yuan(*taken_fen));
                text(
                    format!(
                        "{paid} yuan were paid by scanning a code, and {taken} yuan taken down"
                    ),
                    format!("扫码支付 {paid} 元，却记为 {taken} 元"),
                )
            }
            Wrong::CouponNotValid { number } => text(
                format!("coupon {number} was taken twice, or for a stay that was over"),
                format!("优惠编号 {number} 重复使用，或停车已结束"),
            ),
            Wrong::BalanceDiffers {
                left_fen,
                books_fen,
            } => {
                let (left, books) = (yuan(*left_fen), yuan(*books_fen));
                text(
                    format!("{left} yuan are said to be in store, and it is {books} yuan"),
                    format!("储值余额记为 {left} 元，而应为 {books} 元"),
                )
            }
            Wrong::LeftRefused => plain(pair(
                "it was refused and not handed to staff",
                "被拒绝后未转人工",
            )),
            Wrong::StateDiffers { what, state, books } => text(
                format!("the whole state says {state}, the records {books}: {what}"),
                format!("整体状态为 {state}，按记录为 {books}：{what}"),
            ),
        }
    }
}
