//! What happened to a stay and its charge.

use super::{Lang, Pair, pair};
use crate::charges::answer::Paid;
use crate::lane::plate::PlateColor;
use crate::lane::tariff::yuan;
use crate::story::happening::What;
use crate::story::spot::CodeRow;

pub const TRADE_NO: Pair = pair("charge", "扣费单号");
pub const SESSION: Pair = pair("stay", "停车编号");
pub const ENTERED: Pair = pair("entered", "入场");
pub const LEFT: Pair = pair("left", "离场");
pub const STAYED: Pair = pair("stayed", "时长");
pub const TRANSACTION: Pair = pair("WeChat no.", "微信单号");
pub const BANK: Pair = pair("paid from", "付款方式");
pub const PAID_BY: Pair = pair("coupons", "优惠");
pub const NEXT_TRY: Pair = pair("next try", "下次处理");
pub const HISTORY: Pair = pair("history", "经过");
pub const DOUBTS: Pair = pair("doubts", "疑点");
pub const NO_SESSIONS: Pair = pair("no stays fit", "没有符合条件的停车");
pub const NO_CHARGES: Pair = pair("no charges fit", "没有符合条件的扣费");
pub const LET_OUT: Pair = pair(
    "the car was let out before WeChat answered",
    "微信应答前已放行",
);
pub const UNTRUSTED: Pair = pair("the clock was not trusted", "时钟当时不可信");
pub const NO_SESSION: Pair = pair(
    "its entry is older than this ledger's first segment",
    "入场记录早于本账本的第一段",
);

/// A plate's colour.
pub fn color(color: PlateColor) -> Pair {
    match color {
        PlateColor::Blue => pair("blue", "蓝"),
        PlateColor::Green => pair("green", "绿"),
        PlateColor::Yellow => pair("yellow", "黄"),
        PlateColor::Black => pair("black", "黑"),
        PlateColor::White => pair("white", "白"),
        PlateColor::LimeGreen => pair("yellow-green", "黄绿"),
    }
}

/// One thing that happened.
pub fn happened(what: What) -> Pair {
    match what {
        What::PlateRead => pair("plate read", "识别车牌"),
        What::SessionOpened => pair("came in", "入场"),
        What::DoubtLifted => pair("doubt lifted", "疑点消除"),
        What::EntryOpened => pair("entry to be registered", "准备登记入场"),
        What::EntrySent => pair("entry sent", "发送入场登记"),
        What::EntryAnswered => pair("WeChat answered the entry", "微信应答入场"),
        What::EntryUnknown => pair("entry unknown", "入场登记结果未知"),
        What::EntryServiceChanged => pair("entry changed", "入场状态已变更"),
        What::AdvanceRepaid => pair("advance repaid by the driver", "用户已还垫款"),
        What::Noticed => pair("WeChat told", "微信回调通知"),
        What::EntryRegistered => pair("entry registered", "入场已登记"),
        What::EntryRenumbered => pair("entry under a new number", "入场换号重发"),
        What::EntryEnded => pair("entry ended", "入场登记结束"),
        What::ChargeOpened => pair("fee due", "产生费用"),
        What::ChargeSent => pair("charge sent", "发送扣费"),
        What::ChargeAnswered => pair("WeChat answered the charge", "微信应答扣费"),
        What::ChargeUnknown => pair("charge unknown", "扣费结果未知"),
        What::ChargeToRepeat => pair("to be repeated", "待原样重发"),
        What::ChargeDueAgain => pair("due again", "重新待发送"),
        What::QueryAnswered => pair("WeChat answered a query", "微信应答查询"),
        What::ChargeAccepted => pair("accepted", "已受理"),
        What::ChargeSettled => pair("settled", "已到账"),
        What::ChargeRefused => pair("refused", "被拒绝"),
        What::ChargeFailed => pair("payment failed", "扣款失败"),
        What::ChargeSuperseded => pair("a newer stay went to WeChat", "已有更新的停车上报"),
        What::ChargeLetOut => pair("let out unpaid", "先行放行"),
        What::RetryAsked => pair("retry asked for", "要求立即处理"),
        What::StaffAsked => pair("asked for by the staff", "人工要求接手"),
        What::ChargeHandedToStaff => pair("with the staff", "转人工"),
        What::ChargeWithdrawn => pair("withdrawn", "已撤销"),
        What::StaffFinished => pair("finished by the staff", "人工了结"),
        What::HoldStarted => pair("held", "等待人工"),
        What::HoldEnded => pair("no longer held", "等待结束"),
        What::ReviewOpened => pair("for review", "待复核"),
        What::ReviewClosed => pair("review decided", "复核结果"),
        What::PlateNamed => pair("plate named by a person", "人工确认车牌"),
        What::ArrearsSeen => pair("owes from before", "此前有欠费"),
        What::PaymentTaken => pair("money taken", "收款"),
        What::BenefitGiven => pair("coupon or charging time", "优惠或充电减免"),
        What::BenefitTakenBack => pair("coupon taken back", "优惠撤回"),
        What::BalanceChanged => pair("stored value", "储值扣款"),
        What::ZonePassed => pair("within the car park", "场内通过"),
        What::CorrectionAsked => pair("correction asked for", "要求更正"),
        What::CorrectionDone => pair("corrected", "更正完成"),
        What::RefundAsked => pair("refund asked for", "要求退款"),
        What::RefundSent => pair("refund sent", "发送退款"),
        What::RefundAnswered => pair("WeChat answered about the refund", "微信应答退款"),
        What::RefundTold => pair("refund", "退款"),
        What::RefundGivenUp => pair("refund ended", "退款结束"),
        What::SpotAsked => pair("to be paid by code", "扫码付款单"),
        What::SpotSent => pair("code order sent", "发送扫码付款单"),
        What::SpotAnswered => pair("WeChat answered about the code", "微信应答扫码付款单"),
        What::SpotTold => pair("code order", "扫码付款单状态"),
        What::SpotGivenUp => pair("code order given up", "放弃扫码付款单"),
        What::RaiseDecided => pair("raise", "起杆"),
        What::RaiseReissued => pair("raise again", "再次起杆"),
        What::RaiseCarriedOut => pair("raise carried out", "起杆已执行"),
        What::Passed => pair("passed", "车辆通过"),
        What::SessionClosed => pair("stay over", "停车结束"),
    }
}

/// An order that the driver could pay on the spot.
pub const CODE: Pair = pair("by code", "扫码付款");

impl Lang {
    /// Which part the driver paid, and which came from coupons; None if it was all the driver's, or nobody knows.
    pub fn paid(self, paid: &Paid, fee_fen: u64) -> Option<String> {
        let payer_fen = paid.payer_fen.filter(|fen| *fen != fee_fen)?;
        let coupon_fen = paid.coupon_fen.unwrap_or(fee_fen.saturating_sub(payer_fen));
        let (payer, coupon) = (yuan(payer_fen), yuan(coupon_fen));
        let mut text = match self {
            Self::En => format!("{coupon} yuan by coupons, {payer} yuan by the driver"),
            Self::Zh => format!("优惠 {coupon} 元，用户实付 {payer} 元"),
        };
        if let Some(fen) = paid.merchant_fen.filter(|fen| *fen > 0) {
            let merchant = yuan(fen);
            text.push_str(&match self {
                Self::En => format!("; the merchant bears {merchant}"),
                Self::Zh => format!("；商户承担 {merchant} 元"),
            });
        }
        Some(text)
    }

    /// Where such an order stands.
    pub fn code_state(self, row: &CodeRow) -> String {
        let word = match row.state.as_str() {
            "waiting" => pair("not made yet", "尚未下单"),
            "sent" | "unknown" | "to_repeat" => pair("asked for", "正在下单"),
            "open" if row.given_up => pair("being closed", "正在关闭"),
            "open" => pair("can be paid", "可扫码支付"),
            "paid" => pair("paid", "已支付"),
            "given_back" => pair("paid and given back elsewhere", "已支付，已在别处退款"),
            "closed" => pair("closed unpaid", "未支付已关闭"),
            _ => pair("refused by WeChat", "被微信拒绝"),
        };
        match &row.transaction_id {
            Some(id) => format!("{}, {id}", self.of(word)),
            None => self.of(word).to_owned(),
        }
    }

    /// A length of time, two units at most.
    pub fn length(self, ms: u64) -> String {
        let seconds = ms / 1000;
        let units = [
            (seconds / 86_400, pair("d", "天")),
            (seconds / 3_600 % 24, pair("h", "小时")),
            (seconds / 60 % 60, pair("min", "分")),
            (seconds % 60, pair("s", "秒")),
        ];
        let first = units.iter().position(|(count, _)| *count > 0).unwrap_or(3);
        let shown = units.iter().skip(first).take(2);
        let shown = shown.filter(|(count, _)| *count > 0 || seconds == 0);
        let parts: Vec<String> = shown
            .map(|(count, unit)| match self {
                Self::En => format!("{count} {}", unit.en),
                Self::Zh => format!("{count} {}", unit.zh),
            })
            .collect();
        parts.join(" ")
    }

    /// So long ago.
    pub fn ago(self, ms: u64) -> String {
        match self {
            Self::En => format!("{} ago", self.length(ms)),
            Self::Zh => format!("{}前", self.length(ms)),
        }
    }

    /// In so long.
    pub fn in_time(self, ms: u64) -> String {
        match (self, ms) {
            (_, 0) => self.of(pair("now", "现在")).to_owned(),
            (Self::En, _) => format!("in {}", self.length(ms)),
            (Self::Zh, _) => format!("{}后", self.length(ms)),
        }
    }
}
