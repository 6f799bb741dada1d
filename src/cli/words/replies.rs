//! What people are told who asked for something to be done.

use super::{Lang, ledger, pair};
use crate::charges::staff::{Declined, WaitsFor};
use crate::lane::listing::ChangeFault;
use crate::lane::session::LaneId;
use crate::lane::tariff::yuan;
use crate::park::reply::{Claimed, Done, Money, Refusal, Undecided};

impl Lang {
    /// What was done.
    pub fn done(self, done: &Done) -> String {
        match self {
            Self::En => match done {
                Done::Hurried {
                    trade_no,
                    waits_for,
                } => format!("charge {trade_no} is due now{}", self.waits_for(waits_for)),
                Done::RefundHurried {
                    refund_no,
                    waits_for,
                } => format!("refund {refund_no} is due now{}", self.waits_for(waits_for)),
                Done::HandedToStaff { trade_no } => {
                    format!(
                        "charge {trade_no} is with the staff now; WeChat will not be asked for it"
                    )
                }
                Done::Raised { .. }
                | Done::Finished { .. }
                | Done::Charged { .. }
                | Done::Waived { .. }
                | Done::CorrectionNoted { .. }
                | Done::CorrectionClosed { .. }
                | Done::RefundNoted { .. }
                | Done::RefundEnded { .. }
                | Done::CodeEnded { .. }
                | Done::PlateNamed { .. }
                | Done::ListChanged { .. }
                | Done::BenefitNoted { .. }
                | Done::BalanceChanged { .. }
                | Done::StayEnded { .. }
                | Done::Paid { .. }
                | Done::PlacesCounted { .. }
                | Done::NoticeTaken { .. }
                | Done::NoticeKnown
                | Done::ErasureRecorded => done.to_string(),
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
                Done::NoticeTaken { .. } => "回调通知已入账".to_owned(),
                Done::NoticeKnown => "回调通知此前已收到".to_owned(),
                Done::ListChanged { version, plates } => {
                    format!("名单已更新：共 {plates} 个车牌，版本 {version}")
                }
                Done::BenefitNoted { session, rest_fen } => {
                    format!("停车 {session}：已记录；目前应收 {} 元", yuan(*rest_fen))
                }
                Done::BalanceChanged { left_fen, .. } => {
                    format!("储值余额 {} 元", yuan(*left_fen))
                }
                Done::StayEnded {
                    session,
                    trade_no,
                    review,
                } => match (trade_no, review) {
                    (Some(trade_no), _) => {
                        format!("停车 {session} 已结束；扣费 {trade_no} 继续处理")
                    }
                    (None, true) => {
                        format!("停车 {session} 已结束；待复核，见 `parkgate review list`")
                    }
                    (None, false) => format!("停车 {session} 已结束；不收费"),
                },
                Done::Paid {
                    session,
                    fen,
                    rest_fen,
                    over_fen,
                } => {
                    let rest = match (rest_fen, over_fen) {
                        (0, 0) => "目前已付清".to_owned(),
                        (rest_fen, 0) => format!("尚欠 {} 元", yuan(*rest_fen)),
                        (_, over_fen) => format!(
                            "多收 {} 元应退还，见 `parkgate review list`",
                            yuan(*over_fen)
                        ),
                    };
                    format!("停车 {session}：已收 {} 元；{rest}", yuan(*fen))
                }
                Done::PlacesCounted { before, inside } => {
                    format!("场内车辆记为 {inside} 辆（此前为 {before} 辆）")
                }
                Done::Finished { trade_no, fen, .. } => {
                    format!("扣费 {trade_no}（{} 元）已了结", yuan(*fen))
                }
                Done::Charged {
                    session,
                    trade_no,
                    fen,
                    paid_fen,
                    claimed,
                } => {
                    let fee = yuan(*fen);
                    let whose = match claimed {
                        Claimed::Queue => "向微信发送",
                        Claimed::Staff => "转人工（无法通过微信扣费）",
                    };
                    let paid = match paid_fen {
                        0 => String::new(),
                        paid_fen => format!("；此前已付 {} 元，已扣除", yuan(*paid_fen)),
                    };
                    format!("停车 {session}：扣费 {trade_no}（{fee} 元）{whose}{paid}")
                }
                Done::Waived { session, fen: None } => format!("停车 {session}：不再收费"),
                Done::Waived {
                    session,
                    fen: Some(fen),
                } => format!("停车 {session}：免收 {} 元", yuan(*fen)),
                Done::CorrectionNoted {
                    trade_no,
                    refund_fen,
                    by_itself,
                    due_fen,
                } => {
                    let how = match by_itself {
                        true => "自动退还",
                        false => "应在商户平台退还",
                    };
                    let (refund, due) = (yuan(*refund_fen), yuan(*due_fen));
                    format!("扣费 {trade_no}：已记录，{how} {refund} 元，应另收 {due} 元")
                }
                Done::RefundNoted {
                    refund_no,
                    trade_no,
                    fen,
                } => format!("退款 {refund_no}：扣费 {trade_no} 退还 {} 元", yuan(*fen)),
                Done::RefundHurried {
                    refund_no,
                    waits_for,
                } => format!("退款 {refund_no} 已提前到现在{}", self.waits_for(waits_for)),
                Done::RefundEnded { refund_no, fen } => {
                    format!("退款 {refund_no}（{} 元）已结束", yuan(*fen))
                }
                Done::CodeEnded {
                    number,
                    fen,
                    is_paid,
                } => {
                    let how = match is_paid {
                        true => "已按已支付入账",
                        false => "已按未支付结束",
                    };
                    format!("扫码订单 {number}（{} 元）{how}", yuan(*fen))
                }
                Done::CorrectionClosed { trade_no } => format!("扣费 {trade_no}：更正已完成"),
                Done::PlateNamed { lane, session, .. } => match session {
                    Some(session) => format!("车道 {lane}：车辆即停车 {session}"),
                    None => format!("车道 {lane}：已登记车牌"),
                },
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
            (Self::Zh, Refusal::ListUnchanged { why }) => {
                let why = match why {
                    ChangeFault::NoCard => {
                        "该车牌没有储值卡；请先用 `parkgate lists put PLATE --list stored` 登记"
                    }
                    ChangeFault::NotSoMuch { balance_fen } => {
                        return format!("余额未改动：仅余 {} 元", yuan(*balance_fen));
                    }
                    ChangeFault::TooMuch => "余额超过上限",
                    ChangeFault::NotListed => "该车牌不在此名单；见 `parkgate lists show`",
                    ChangeFault::TooMany => "超过控制机可保存的车牌数量",
                    ChangeFault::EndsBeforeItBegins => "结束时间不晚于开始时间",
                    ChangeFault::Twice => "同一名单中车牌重复",
                };
                format!("名单未改动：{why}")
            }
            (Self::Zh, Refusal::ListNotWritten) => {
                "名单未改动：存储无法写入；见 `parkgate status`".to_owned()
            }
            (Self::Zh, Refusal::NobodyHeld { lane }) => {
                format!("车道 {lane} 没有等待人工的车辆；见 `parkgate review list`")
            }
            (Self::Zh, Refusal::ChargedAsAnother { lane, trade_no }) => format!(
                "车道 {lane} 的车辆已按另一次停车计费（{trade_no}），请先处理该扣费：\
                 `parkgate charges to-staff` 或 `parkgate review correct`"
            ),
            (Self::Zh, Refusal::NoStay { plate: _ }) => {
                "该车牌没有在场停车；可用 `parkgate sessions list --plate` 查找相近车牌，\
                 或用 `parkgate lane raise` 放行"
                    .to_owned()
            }
            (Self::Zh, Refusal::Review { session, why }) => {
                format!("停车 {session}：{}", self.undecided(why))
            }
            (Self::Zh, Refusal::Charge { trade_no, why }) => {
                format!("扣费 {trade_no}：{}", self.declined(why))
            }
            (Self::Zh, Refusal::Refund { refund_no, why }) => {
                format!("退款 {refund_no}：{}", self.declined(why))
            }
            (Self::Zh, Refusal::Code { number, why }) => {
                format!("扫码订单 {number}：{}", self.declined(why))
            }
            (Self::Zh, Refusal::NothingWritten) => self.declined(&Declined::StoreFailed),
            (Self::Zh, Refusal::Plate { why }) => {
                format!("未删除任何内容：{}", ledger::still_needed(*why))
            }
        }
    }

    fn undecided(self, why: &Undecided) -> String {
        match why {
            Undecided::NotUnderReview => {
                "不在待复核之列；经过见 `parkgate sessions show`".to_owned()
            }
            Undecided::Decided { by } => {
                format!("此前已由 {by} 处理；经过见 `parkgate sessions show`")
            }
            Undecided::AtTheBarrier { lane } => format!(
                "车辆正在车道 {lane} 等候：请用 `parkgate lane raise {lane}` 并加 --waived 或 --collected"
            ),
            Undecided::NothingDue => {
                "没有应收费用；若款项已收，请加 --taken 记录，并予退还".to_owned()
            }
            Undecided::MoreThanDue { due_fen } => format!(
                "应收仅 {} 元；请按此收取，或加 --taken 记录多收款项并予退还",
                yuan(*due_fen)
            ),
            Undecided::ChargeMade { trade_no } => format!(
                "已按 {trade_no} 计费，不能再减免；退款请用 `parkgate review correct {trade_no}`"
            ),
            Undecided::NumberUsed { number } => {
                format!("编号 {number} 已使用过；见 `parkgate sessions show`")
            }
            Undecided::NoSuchNumber { number } => {
                format!("该停车没有编号为 {number} 的优惠；见 `parkgate sessions show`")
            }
            Undecided::TooManyBenefits => {
                "该停车的优惠已达上限；可用 `parkgate sessions take-back` 撤回".to_owned()
            }
            Undecided::NotInside => "该停车不在场；经过见 `parkgate sessions show`".to_owned(),
            Undecided::StandsThere { lane } => {
                format!("车辆正在车道 {lane} 等候；`parkgate lane raise {lane}` 放行后停车即结束")
            }
            Undecided::GoesOn => "车辆仍在场；如已离场，请用 --exit 说明离场时间".to_owned(),
            Undecided::FeeUnknown => {
                "费用未知；请用 --fee 说明金额，或用 --exit 说明离场时间".to_owned()
            }
            Undecided::ExitImpossible => "离场时间须在入场之后、当前之前".to_owned(),
            Undecided::PaidAlready { paid_fen } => format!(
                "待复核期间已付 {} 元，无余额可收；可用 `parkgate review waive` 结束，多收部分用 `parkgate refund` 退还",
                yuan(*paid_fen)
            ),
            Undecided::NothingToCharge => "费用为零；可用 `parkgate review waive` 结束".to_owned(),
            Undecided::ChargedBefore { trade_no } => format!(
                "已按 {trade_no} 计费并了结；有误请用 `parkgate review correct {trade_no}`，\
                 另有应收请加 --fee，否则用 `parkgate review waive` 结束"
            ),
            Undecided::Charge { trade_no, why } => {
                format!("扣费 {trade_no}：{}", self.declined(why))
            }
            Undecided::StoreFailed => self.declined(&Declined::StoreFailed),
        }
    }

    /// No driver has anything to scan at a lane.
    pub fn nothing_to_scan(self, lane: &LaneId) -> String {
        match self {
            Self::En => format!("lane {lane}: there is nothing to scan now"),
            Self::Zh => format!("车道 {lane}：当前没有可扫的二维码"),
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
            Declined::InQueue => {
                "正在等待发送给微信；微信尚未收到时可用 `parkgate charges to-staff` 转人工"
            }
            Declined::CorrectedBefore => "此前已要求更正；见 `parkgate review list`",
            Declined::NoCorrection => "没有待完成的更正；经过见 `parkgate charges show`",
            Declined::TooManyCorrections => {
                "待完成的更正过多，请先完成一部分；见 `parkgate review list`"
            }
            Declined::NoSuchRefund => {
                "没有待处理的这笔退款；`parkgate refund show` 可查看某个号码的经过"
            }
            Declined::RefundClosed => "微信已关闭此退款；请用 `parkgate refund` 以新单号重新申请",
            Declined::MayStillBeRefunded => {
                "微信可能仍会退款，不能结束；`parkgate refund retry` 立即向微信查询"
            }
            Declined::MayStillBePaid => {
                "此单仍可能被支付；车辆离开后会自动关闭，下单 15 分钟后失效，届时再试"
            }
            Declined::NoSuchCode => {
                "没有待处理的这笔扫码订单；`parkgate sessions show` 可查看某个号码的经过"
            }
            Declined::NeverPaid => "此单从未支付，无可退款项；见 `parkgate sessions show`",
            Declined::MoreThanIsLeft { left_fen } => {
                return format!("此单可退金额仅剩 {} 元", yuan(*left_fen));
            }
            Declined::TooOldToRefund => "微信只支持付款后一年内退款；请以其他方式退还，并自行记账",
            Declined::TooManyRefunds => "退款过多：每笔扣费最多 50 次，同时处理最多 4096 笔",
            Declined::StoreFailed => "存储无法写入，未作任何更改；见 `parkgate status` 的告警",
        }
        .to_owned()
    }
}
