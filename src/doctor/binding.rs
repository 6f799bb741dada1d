//! The one thing that no harmless call shows: whether app id and merchant id are bound. A Native order of one
//! fen does, which is closed again.

use super::finding::Finding;
use super::step::Step;
use super::wechat::{PATIENCE, never_made, said};
use crate::bilingual::Both;
use crate::charges::answer::{Answer, Heard, NativeState};
use crate::clock::Clock;
use crate::config::Config;
use crate::gate::rules::native_notify_url;
use crate::wechat::native::{Order, Payee};
use crate::wechat::{Client, code};

const CREATE: &str = "POST /v3/pay/transactions/native";
const CLOSE: &str = "POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close";
const QUERY: &str = "GET /v3/pay/transactions/out-trade-no/{out_trade_no}";

/// An order that nobody closes ends by itself.
const LASTS_MS: i64 = 5 * 60 * 1000;
/// Nobody scans it: its code is shown nowhere.
const TOTAL_FEN: u64 = 1;
/// Tries to close it, and to see that it is closed.
const TRIES: u32 = 3;

/// No trial order was asked for.
pub fn unproven() -> Finding {
    Finding::cannot_tell(
        Step::Binding,
        both!(
            "no call that changes nothing shows whether app id and merchant id are bound",
            "没有不产生数据的接口可以验证 AppID 与商户号的绑定"
        ),
        both!(
            "run parkgate doctor --trial-order: it makes a Native order of 0.01 yuan, shows its code to nobody, and \
             closes it again. Needs the permission for Native pay",
            "运行 parkgate doctor --trial-order：创建一笔 0.01 元的 Native 订单，不展示二维码，随即关闭。需开通 Native 支付"
        ),
    )
}

/// Makes the order, closes it, and sees that it is closed.
pub async fn prove(config: &Config, client: &Client, clock: &Clock) -> Vec<Finding> {
    let payee = payee(config);
    let number = never_made().replacen('T', "N", 1);
    let body = Order {
        payee: &payee,
        out_trade_no: &number,
        description: "parkgate 绑定验证",
        total_fen: TOTAL_FEN,
        expires: clock.now().wall.plus_ms(LASTS_MS),
        notify_url: &native_notify_url(config),
    }
    .body();
    let made = client.create_native(&payee, &body, PATIENCE).await;
    let mut findings = vec![bound(&made, config)];
    // What was surely not made need not be closed.
    if !matches!(made.answer, Answer::Refused(_) | Answer::NotSent(_)) {
        findings.push(close(client, &payee, &number).await);
    }
    findings
}

/// In whose name orders are made, by the config.
pub fn payee(config: &Config) -> Payee {
    let merchant = &config.merchant;
    Payee {
        mchid: merchant.mchid.clone(),
        appid: merchant.appid.clone(),
        sub_mchid: merchant.sub.as_ref().map(|sub| sub.mchid.clone()),
    }
}

fn bound<T>(made: &Heard<T>, config: &Config) -> Finding {
    let (appid, mchid) = (&config.merchant.appid, &config.merchant.mchid);
    let finding = match &made.answer {
        Answer::Verified(_) => Finding::passed(
            Step::Binding,
            both!(
                "{appid} and {mchid} are bound: WeChat took an order of 0.01 yuan",
                "{appid} 与 {mchid} 已绑定：微信接受了一笔 0.01 元的订单"
            ),
        ),
        Answer::Refused(refusal) => Finding::failed(
            Step::Binding,
            said(refusal, made.request_id.as_deref()),
            code::of(refusal.status, &refusal.code).action.into(),
        ),
        Answer::Throttled { .. } => {
            unclear(&both!("WeChat asks to come back later", "微信要求稍后再试"))
        }
        Answer::NotSent(why) | Answer::Lost(why) => unclear(&Both::foreign(why)),
    };
    finding.asked(CREATE)
}

fn unclear(why: &Both) -> Finding {
    Finding::cannot_tell(
        Step::Binding,
        why.clone(),
        both!("run this again", "请再次运行"),
    )
}

/// A close whose answer is lost may have been heard: the order itself says.
async fn close(client: &Client, payee: &Payee, number: &str) -> Finding {
    for _ in 0..TRIES {
        client.close_native(payee, number, PATIENCE).await;
        let heard = client.query_native(payee, number, PATIENCE).await;
        match heard.answer {
            Answer::Verified(order) if order.state == NativeState::Closed => {
                let found = both!(
                    "the trial order {number} is closed again",
                    "试单 {number} 已关闭"
                );
                return Finding::passed(Step::Binding, found).asked(CLOSE);
            }
            Answer::Verified(order) if order.state == NativeState::Paid => {
                let found = both!(
                    "somebody paid the trial order {number}",
                    "试单 {number} 已被支付"
                );
                let fix = both!(
                    "refund 0.01 yuan in the merchant platform (交易中心), and ask WeChat how that was possible: its \
                     code was shown to nobody",
                    "请在商户平台（交易中心）退款 0.01 元，并向微信支付核实：二维码未向任何人展示"
                );
                return Finding::failed(Step::Binding, found, fix).asked(QUERY);
            }
            // It never arrived.
            Answer::Refused(refusal) if refusal.status == 404 => {
                let found = both!(
                    "the trial order {number} never arrived",
                    "试单 {number} 未到达"
                );
                return Finding::passed(Step::Binding, found).asked(QUERY);
            }
            _ => {}
        }
    }
    Finding::cannot_tell(
        Step::Binding,
        both!(
            "whether the trial order {number} is closed is not known",
            "无法确认试单 {number} 是否已关闭"
        ),
        both!(
            "nothing: it ends by itself after five minutes, and its code was shown to nobody",
            "无需处理：五分钟后自动失效，且二维码未向任何人展示"
        ),
    )
    .asked(CLOSE)
}
