//! Charges, stays and what people decide about them.

use super::ledger;
use super::{Lang, Pair, pair};
use crate::charges::charge::{StaffReason, WithdrawnReason};
use crate::charges::record::StaffOutcome;
use crate::charges::staff::{Declined, WaitsFor};
use crate::lane::guard::Doubt;
use crate::lane::raise::HoldReason;
use crate::lane::session::Ending;
use crate::lane::tariff::{Line, What, yuan};
use crate::lane::time::Wall;
use crate::park::reply::{Done, Money, Refusal};
use crate::park::state::ReviewWhy;
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
            HoldReason::NoEntry { candidates } if !candidates.is_empty() => {
                let near: Vec<&str> = candidates.iter().map(|id| id.0.as_str()).collect();
                let words = pair("no entry; near matches", "无入场记录；相近车牌");
                return self.with_code(words, &near.join(", "));
            }
            HoldReason::NoEntry { .. } => pair("no entry on record", "无入场记录"),
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
        })
    }

    /// One line of a fee, for a stay that began at `entry`.
    pub fn fee_line(self, line: &Line, entry: Wall) -> String {
        let english = line.display(entry).to_string();
        let times = match (self, english.split_once("  ")) {
            (Self::En, _) | (_, None) => return english,
            (Self::Zh, Some((times, _))) => times,
        };
        let (units, price) = (line.units, yuan(line.price_fen));
        match line.what {
            What::FreeTime => format!("{times}  免费"),
            What::FirstBlock | What::Steps => format!("{times}  {units} × {price} 元"),
            What::FullDays => format!("{times}  {units} × 24 小时 × {price} 元"),
            What::Cap => {
                let taken_off = yuan(line.amount_fen.unsigned_abs());
                format!("{times}  24 小时封顶 {price} 元：−{taken_off} 元")
            }
        }
    }

    /// What was done.
    pub fn done(self, done: &Done) -> String {
        match self {
            Self::En => match done {
                Done::Hurried {
                    trade_no,
                    waits_for,
                } => format!("charge {trade_no} is due now{}", self.waits_for(waits_for)),
                Done::HandedToStaff { trade_no } => {
                    format!(
                        "charge {trade_no} is with the staff now; WeChat will not be asked for it"
                    )
                }
                done @ Done::ErasureRecorded => done.to_string(),
                Done::Raised { .. } => done.to_string(),
            },
            Self::Zh => match done {
                Done::Raised {
                    lane,
                    trade_no,
                    money,
                } => {
                    let money = match (trade_no, money) {
                        (None, Money::NotMentioned) => String::new(),
                        (None, _) => "；无应收费用".to_owned(),
                        (Some(trade_no), Money::Finished) => {
                            format!("；扣费 {trade_no} 已了结")
                        }
                        (Some(trade_no), Money::Stands(why)) => {
                            format!("；扣费 {trade_no} 维持不变：{}", self.declined(why))
                        }
                        (Some(trade_no), _) => format!("；扣费 {trade_no} 维持不变"),
                    };
                    format!("车道 {lane} 已起杆{money}")
                }
                Done::Hurried {
                    trade_no,
                    waits_for,
                } => format!("扣费 {trade_no} 已提前到现在{}", self.waits_for(waits_for)),
                Done::HandedToStaff { trade_no } => {
                    format!("扣费 {trade_no} 已转人工，不再向微信发送")
                }
                Done::ErasureRecorded => "删除已入账".to_owned(),
            },
        }
    }

    /// What a charge that is due still waits for.
    fn waits_for(self, waits_for: &WaitsFor) -> String {
        let words = match waits_for {
            WaitsFor::Nothing => return String::new(),
            WaitsFor::Merchant(code) => {
                let words = pair(
                    "; WeChat refuses this merchant, and single queries try now and then",
                    "；微信拒绝本商户，仅间歇查询",
                );
                return self.with_code(words, code);
            }
            WaitsFor::Entry => pair(
                "; it goes as soon as WeChat confirms the entry",
                "；微信确认入场后即发送",
            ),
            WaitsFor::Link => pair(
                "; it goes when the pause after failures is over",
                "；失败后的等待期结束即发送",
            ),
            WaitsFor::Clock => pair(
                "; it goes when the clock can be trusted",
                "；时钟可信后即发送",
            ),
        };
        self.of(words).to_owned()
    }

    /// Why nothing was done.
    pub fn refusal(self, refusal: &Refusal) -> String {
        match (self, refusal) {
            (Self::En, _) => refusal.to_string(),
            (Self::Zh, Refusal::UnknownLane { lane }) => format!("配置中没有车道 {lane}"),
            (Self::Zh, Refusal::Charge { trade_no, why }) => {
                format!("扣费 {trade_no}：{}", self.declined(why))
            }
            (Self::Zh, Refusal::Plate { why }) => {
                format!("未删除任何内容：{}", ledger::still_needed(*why))
            }
        }
    }

    fn declined(self, why: &Declined) -> String {
        let Self::Zh = self else {
            return why.to_string();
        };
        match why {
            Declined::NoSuchCharge => {
                "没有待处理的这笔扣费；`parkgate charges show` 可查看某个号码的经过"
            }
            Declined::MayStillBeTaken => {
                "微信可能仍会扣款，请勿重复收费。`parkgate charges retry` 立即向微信查询，\
                 微信确认没有此单后即可转人工"
            }
            Declined::TakenOn => {
                "微信已受理此单，会自行到账或退回。`parkgate charges retry` 立即向微信查询"
            }
            Declined::WithStaff => "此单已在人工处理；原因见 `parkgate review list`",
            Declined::OnItsWay => "正在等待微信应答，请一分钟后再看",
            Declined::StoreFailed => "存储无法写入，未作任何更改；见 `parkgate status` 的告警",
        }
        .to_owned()
    }

    fn with_code(self, words: Pair, code: &str) -> String {
        match self {
            Self::En => format!("{}: {code}", words.en),
            Self::Zh => format!("{}：{code}", words.zh),
        }
    }
}
