//! Charges, stays and what people decide about them.

use super::{Lang, Pair, pair};
use crate::charges::charge::{StaffReason, WithdrawnReason};
use crate::charges::record::StaffOutcome;
use crate::lane::guard::Doubt;
use crate::lane::raise::HoldReason;
use crate::lane::session::Ending;
use crate::lane::tariff::{Line, What, yuan};
use crate::lane::time::Wall;
use crate::park::review::ReviewWhy;
use crate::story::charge::Stage;
use crate::story::session::Stay;

/// How far a charge has come.
pub fn stage(stage: Stage) -> Pair {
    match stage {
        Stage::WaitingForEntry => pair("waiting for entry", "等待入场登记"),
        Stage::Due => pair("due", "待发送"),
        Stage::Sent => pair("sent", "已发送"),
        Stage::Unknown => pair("unknown", "结果未知"),
        Stage::Accepted => pair("accepted", "已受理"),
        Stage::Settled => pair("settled", "已收"),
        Stage::WithStaff => pair("with staff", "转人工"),
        Stage::Collected => pair("collected", "人工已收"),
        Stage::WrittenOff => pair("written off", "已核销"),
        Stage::Replaced => pair("charged anew", "已另行计费"),
        Stage::Withdrawn => pair("withdrawn", "已撤销"),
    }
}

/// Whether a stay goes on.
pub fn stay(stay: Stay) -> Pair {
    match stay {
        Stay::Inside => pair("inside", "在场"),
        Stay::Held => pair("held", "等待人工"),
        Stay::Over => pair("over", "已离场"),
    }
}

/// A part of the queue, by its name in the status.
pub fn queue_part(name: &str) -> Option<Pair> {
    Some(match name {
        "entries" => pair("entries", "笔入场登记"),
        "waiting_for_entry" => pair("waiting for entry", "笔等待入场登记"),
        "due" => pair("due", "笔待发送"),
        "sent" => pair("sent", "笔已发送"),
        "unknown" => pair("unknown", "笔结果未知"),
        "accepted" => pair("accepted", "笔已受理"),
        _ => return None,
    })
}

impl Lang {
    /// Why a person has to finish a charge.
    pub fn staff_reason(self, reason: &StaffReason) -> String {
        match (reason, self) {
            (StaffReason::Refused(code), Self::En) => format!("refused: {code}"),
            (StaffReason::Refused(code), Self::Zh) => format!("微信拒绝：{code}"),
            (StaffReason::PaymentFailed, _) => {
                self.of(pair("the payment failed", "扣款失败")).to_owned()
            }
            (StaffReason::Blocked(why), Self::En) => format!("entry blocked: {why}"),
            (StaffReason::Blocked(why), Self::Zh) => format!("入场不可扣费：{why}"),
            (StaffReason::NotRegistered(why), Self::En) => format!("no entry: {why}"),
            (StaffReason::NotRegistered(why), Self::Zh) => format!("无入场登记：{why}"),
            (StaffReason::Superseded, _) => self
                .of(pair("a newer stay of the plate", "该车牌已有更新的停车"))
                .to_owned(),
            (StaffReason::Unsettled, _) => self
                .of(pair("not settled in 90 days", "90 天未到账"))
                .to_owned(),
            (StaffReason::Guarded(doubts), _) => self.doubts(doubts),
            (StaffReason::ByHand { by, why }, Self::En) => format!("taken by {by}: {why}"),
            (StaffReason::ByHand { by, why }, Self::Zh) => format!("{by} 转人工：{why}"),
        }
    }

    /// Why nothing is claimed.
    pub fn withdrawn(self, reason: &WithdrawnReason) -> String {
        match (reason, self) {
            (WithdrawnReason::PaidElsewhere { by, channel }, Self::En) => {
                format!("paid elsewhere ({channel}), by {by}")
            }
            (WithdrawnReason::PaidElsewhere { by, channel }, Self::Zh) => {
                format!("以其他方式支付（{channel}），经手人 {by}")
            }
            (WithdrawnReason::Replaced { trade_no, .. }, Self::En) => {
                format!("paid in part; the rest is {trade_no}")
            }
            (WithdrawnReason::Replaced { trade_no, .. }, Self::Zh) => {
                format!("已部分支付；余额为 {trade_no}")
            }
            (WithdrawnReason::Waived { by, why }, Self::En) => format!("waived by {by}: {why}"),
            (WithdrawnReason::Waived { by, why }, Self::Zh) => format!("{by} 免收：{why}"),
        }
    }

    /// What staff did.
    pub fn outcome(self, outcome: &StaffOutcome) -> String {
        match (outcome, self) {
            (StaffOutcome::Collected { by, channel }, Self::En) => {
                format!("collected ({channel}) by {by}")
            }
            (StaffOutcome::Collected { by, channel }, Self::Zh) => {
                format!("{by} 已收（{channel}）")
            }
            (StaffOutcome::WrittenOff { by, why }, Self::En) => {
                format!("written off by {by}: {why}")
            }
            (StaffOutcome::WrittenOff { by, why }, Self::Zh) => format!("{by} 核销：{why}"),
            (StaffOutcome::Replaced { by, why, trade_no }, Self::En) => {
                format!("charged anew as {trade_no} by {by}: {why}")
            }
            (StaffOutcome::Replaced { by, why, trade_no }, Self::Zh) => {
                format!("{by} 另行计费（{trade_no}）：{why}")
            }
        }
    }

    /// Why a car is held.
    pub fn hold(self, reason: &HoldReason) -> String {
        let words = match reason {
            HoldReason::Blocked(why) => {
                return self.with_code(pair("entry blocked", "入场不可扣费"), why);
            }
            HoldReason::NotRegistered(why) => {
                return self.with_code(pair("no entry at WeChat", "微信无入场登记"), why);
            }
            HoldReason::Refused(code) => {
                return self.with_code(pair("refused", "微信拒绝"), code);
            }
            HoldReason::Guarded(doubts) => return self.doubts(doubts),
            HoldReason::Arrears { fen } => {
                let words = pair(
                    "WeChat is silent, and it owes from before",
                    "微信无应答，且有欠费",
                );
                return self.with_code(words, &self.yuan(&yuan(*fen)));
            }
            HoldReason::NoEntry { candidates } if !candidates.is_empty() => {
                let near: Vec<&str> = candidates.iter().map(|id| id.0.as_str()).collect();
                let words = pair("no entry; near matches", "无入场记录；相近车牌");
                return self.with_code(words, &near.join(", "));
            }
            HoldReason::NoEntry { .. } => pair("no entry on record", "无入场记录"),
            HoldReason::Full => pair("no room left", "车位已满"),
            HoldReason::BlockListed => pair("on the block list", "在禁入名单"),
            HoldReason::Unreadable => pair("no readable plate", "车牌无法识别"),
            HoldReason::PaymentFailed => pair("the payment failed", "扣款失败"),
            HoldReason::Silent => pair("WeChat is silent", "微信无应答"),
            HoldReason::NotYetPaid => pair("not yet paid", "尚未到账"),
            HoldReason::BarrierStuck => pair("the barrier is stuck", "道闸未动作"),
        };
        self.of(words).to_owned()
    }

    /// Why a person should look at a stay.
    pub fn review(self, why: &ReviewWhy) -> String {
        let words = match why {
            ReviewWhy::Guarded(doubts) => return self.doubts(doubts),
            ReviewWhy::ExitMissed => pair("came in again while inside", "未见离场又入场"),
            ReviewWhy::EndedByHand => pair("ended by a person", "人工结束"),
            ReviewWhy::PaidTooMuch => pair("paid too much, to be given back", "多收款项，应退还"),
            ReviewWhy::ReplayedExit => pair("the exit came late", "离场记录补传"),
            ReviewWhy::StayedAfterCharge => {
                pair("stayed longer than charged for", "扣费后继续停留")
            }
        };
        self.of(words).to_owned()
    }

    /// What the guard doubts.
    pub fn doubts(self, doubts: &[Doubt]) -> String {
        let words = doubts.iter().map(|doubt| {
            self.of(match doubt {
                Doubt::StayTooLong => pair("stay too long", "停车过久"),
                Doubt::FeeTooHigh => pair("fee too high", "费用过高"),
                Doubt::NearMatch => pair("only a near match", "车牌仅近似"),
                Doubt::LowConfidence => pair("unsure reading", "识别把握低"),
                Doubt::ColorContradictsShape => {
                    pair("colour contradicts the plate", "颜色与车牌不符")
                }
                Doubt::FakePlate => pair("plate not believed", "车牌存疑"),
                Doubt::UntrustedTime => pair("times not trusted", "时间不可信"),
                Doubt::Replayed => pair("read late", "补传记录"),
                Doubt::ZoneUnclear => pair("time in a zone unclear", "内场时间不明"),
            })
        });
        let separator = self.of(pair(", ", "、"));
        words.collect::<Vec<_>>().join(separator)
    }

    /// How a stay ended.
    pub fn ending(self, ending: &Ending) -> &'static str {
        self.of(match ending {
            Ending::Free => pair("free", "免费"),
            Ending::Charged { .. } => pair("charged", "已计费"),
            Ending::ExitMissed => pair("exit missed", "未见离场"),
            Ending::ReplayedExit => pair("exit came late", "离场记录补传"),
            Ending::TurnedBack => pair("turned back", "掉头离开"),
            Ending::Reviewed { .. } => pair("for review", "待复核"),
            Ending::Prepaid { .. } => pair("paid in advance", "已提前付清"),
            Ending::EndedByHand { .. } => pair("ended by a person", "人工结束"),
        })
    }

    /// One line of a fee, for a stay that began at `entry`.
    pub fn fee_line(self, line: &Line, entry: Wall) -> String {
        let english = line.display(entry).to_string();
        if self == Self::En {
            return english;
        }
        let text = chinese(line);
        let of = line.of.as_deref().filter(|_| line.is_about_time());
        let text = of.map_or(text.clone(), |of| format!("{of}：{text}"));
        let zone = line.zone.as_deref();
        let text = zone.map_or(text.clone(), |zone| format!("{zone}，{text}"));
        match english.split_once("  ").filter(|_| line.has_span()) {
            Some((times, _)) => format!("{times}  {text}"),
            None => text,
        }
    }

    pub(super) fn with_code(self, words: Pair, code: &str) -> String {
        match self {
            Self::En => format!("{}: {code}", words.en),
            Self::Zh => format!("{}：{code}", words.zh),
        }
    }
}

/// A line of a fee without its times.
fn chinese(line: &Line) -> String {
    let (units, price) = (line.units, yuan(line.price_fen));
    let of = line.of.as_deref().unwrap_or_default();
    let sign = if line.amount_fen > 0 { '+' } else { '−' };
    let off = format!("{sign}{} 元", yuan(line.amount_fen.unsigned_abs()));
    match line.what {
        What::PriceList => format!("价目版本：{of}"),
        What::Class => format!("车辆类别：{of}"),
        What::FreeTime => "免费".to_owned(),
        What::Elsewhere => format!("在{of}内，场外不计时"),
        What::Passing => format!("往返{of}途经，不计时"),
        What::FirstBlock | What::Steps => format!("{units} × {price} 元"),
        What::Visit if units == 0 => "本次已计".to_owned(),
        What::Visit => format!("每次 {price} 元"),
        What::Table => format!("按时段表 {price} 元"),
        What::FullDays => format!("{units} × 24 小时 × {price} 元"),
        What::Cap => format!("24 小时封顶 {price} 元：{off}"),
        What::BandCap => format!("{of}封顶 {price} 元：{off}"),
        What::DayCap => format!("当日封顶 {price} 元：{off}"),
        What::StayCap => format!("单次封顶 {price} 元：{off}"),
        What::SharedCap => format!("多次停车共用封顶，余 {price} 元：{off}"),
        What::Discount => format!("{of}优惠 {}%：{off}", line.price_fen),
        What::TimeOff | What::Coupon => format!("{of}：{off}"),
        What::Prepaid => format!("已预付：{off}"),
        What::Grace => format!("付款后限时内离场：{off}"),
        What::Rounding => format!("按 {price} 元取整：{off}"),
        What::AtLeast => format!("最低 {price} 元：{off}"),
    }
}
