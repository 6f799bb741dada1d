//! Refunds (`wechat-pay.md` 4): applied for, on their way, and final after a time.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::Simulator;
use super::books::OrderState;
use super::fields::{Fields, parse};
use super::message::{REFUNDS, Request};
use super::native::NativeOrder;
use super::orders::Order;
use super::parameters::{Parameters, decode};
use super::refusal::Refusal;
use super::settings::{CouponPart, RefundOutcome};
use super::time;
use crate::lane::time::Wall;

/// Refunds of one order lie so far apart.
const APART_MS: i64 = 60_000;
/// Of one order.
const OF_ONE_ORDER_MAX: usize = 50;
/// After the payment.
const WITHIN_MS: i64 = 365 * 24 * 60 * 60 * 1000;

/// A refund as WeChat keeps it.
#[derive(Clone, Debug)]
pub(super) struct Refund {
    pub(super) body: RefundBody,
    pub(super) refund_id: String,
    pub(super) created: Wall,
    pub(super) state: RefundState,
    /// When it came into its last state.
    pub(super) ended: Option<Wall>,
    asked: u32,
}

/// What the merchant sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct RefundBody {
    pub(super) sub_mchid: Option<String>,
    pub(super) out_trade_no: String,
    pub(super) out_refund_no: String,
    reason: Option<String>,
    notify_url: Option<String>,
    pub(super) refund_fen: u64,
    pub(super) total_fen: u64,
}

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RefundState {
    /// On its way.
    Processing,
    /// The driver has it.
    Success,
    /// Not made.
    Closed,
    /// The driver's account takes nothing.
    Abnormal,
}

impl RefundState {
    fn word(self) -> &'static str {
        match self {
            Self::Processing => "PROCESSING",
            Self::Success => "SUCCESS",
            Self::Closed => "CLOSED",
            Self::Abnormal => "ABNORMAL",
        }
    }
}

impl From<RefundOutcome> for RefundState {
    fn from(outcome: RefundOutcome) -> Self {
        match outcome {
            RefundOutcome::Success => Self::Success,
            RefundOutcome::Closed => Self::Closed,
            RefundOutcome::Abnormal => Self::Abnormal,
        }
    }
}

/// One refund, for tests to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RefundRow {
    /// The merchant's number.
    pub out_refund_no: String,
    /// Of which charge.
    pub out_trade_no: String,
    /// Fen.
    pub refund_fen: u64,
    /// Where it stands.
    pub state: RefundState,
    /// When it was applied for.
    pub created: Wall,
    /// How often it was asked for, resends of one signed request not counted.
    pub asked: u32,
}

/// By the merchant's number.
pub(super) type Refunds = BTreeMap<String, Refund>;

impl Simulator {
    /// Every refund, by number.
    pub fn refunds(&self) -> Vec<RefundRow> {
        let row = |refund: &Refund| RefundRow {
            out_refund_no: refund.body.out_refund_no.clone(),
            out_trade_no: refund.body.out_trade_no.clone(),
            refund_fen: refund.body.refund_fen,
            state: refund.state,
            created: refund.created,
            asked: refund.asked,
        };
        self.refunds.values().map(row).collect()
    }

    /// The merchant platform finishes an abnormal refund; false if there is none of this number.
    pub fn finish_abnormal(&mut self, out_refund_no: &str, now: Wall) -> bool {
        self.end_refunds(now);
        let refund = self.refunds.get_mut(out_refund_no);
        let Some(refund) = refund.filter(|refund| refund.state == RefundState::Abnormal) else {
            return false;
        };
        refund.state = RefundState::Success;
        refund.ended = Some(now);
        self.tell_refund(out_refund_no, now);
        true
    }

    /// Ends the refunds that are due.
    pub(super) fn end_refunds(&mut self, now: Wall) {
        let after = i64::try_from(self.settings.refund_after_ms).unwrap_or(i64::MAX);
        let ends_as = RefundState::from(self.settings.refund_outcome);
        let mut ended = Vec::new();
        for (number, refund) in &mut self.refunds {
            let due = refund.created.plus_ms(after);
            if refund.state == RefundState::Processing && due <= now {
                refund.ended = Some(due);
                refund.state = ends_as;
                ended.push((number.clone(), due));
            }
        }
        for (number, due) in ended {
            self.tell_refund(&number, due);
        }
    }

    /// Ends one refund at once; false if there is none of this number on its way.
    pub fn end_refund(&mut self, out_refund_no: &str, outcome: RefundOutcome, now: Wall) -> bool {
        self.end_refunds(now);
        let refund = self.refunds.get_mut(out_refund_no);
        let Some(refund) = refund.filter(|refund| refund.state == RefundState::Processing) else {
            return false;
        };
        refund.state = outcome.into();
        refund.ended = Some(now);
        self.tell_refund(out_refund_no, now);
        true
    }

    /// How it ended, where the client gave an address for it (`wechat-pay.md` 4.5).
    fn tell_refund(&mut self, number: &str, at: Wall) {
        let Some(refund) = self.refunds.get(number) else {
            return;
        };
        let (event_type, summary) = match refund.state {
            RefundState::Processing => return,
            RefundState::Success => ("REFUND.SUCCESS", "退款成功"),
            RefundState::Closed => ("REFUND.CLOSED", "退款关闭"),
            RefundState::Abnormal => ("REFUND.ABNORMAL", "退款异常"),
        };
        let Some(url) = refund.body.notify_url.clone() else {
            return;
        };
        let shown = self.shown_refund(number);
        let mchid = &self.settings.merchant.mchid;
        let mut resource = match &self.refunds[number].body.sub_mchid {
            None => json!({ "mchid": mchid }),
            Some(sub_mchid) => json!({ "sp_mchid": mchid, "sub_mchid": sub_mchid }),
        };
        for key in [
            "transaction_id",
            "out_trade_no",
            "refund_id",
            "out_refund_no",
            "user_received_account",
            "success_time",
        ] {
            if let Some(value) = shown.get(key) {
                resource[key] = value.clone();
            }
        }
        resource["refund_status"] = shown["status"].clone();
        let amounts = ["total", "refund", "payer_total", "payer_refund"];
        let amounts = amounts.map(|key| (key.to_owned(), shown["amount"][key].clone()));
        resource["amount"] = Value::Object(amounts.into_iter().collect());
        self.tell(&url, event_type, "refund", summary, &resource, at);
    }

    /// *Apply*: one number is one refund, however often it comes.
    pub(super) fn create_refund(&mut self, request: &Request, now: Wall) -> Result<Value, Refusal> {
        let body = self.read_refund(&request.body)?;
        if let Some(known) = self.refunds.get_mut(&body.out_refund_no) {
            if known.body != body {
                return Err(Refusal::changed_repeat(
                    "订单号已存在，参数与首次请求时不一致",
                ));
            }
            known.asked += 1;
            return Ok(self.shown_refund(&body.out_refund_no));
        }
        let (paid_at, total_fen) = self.paid(&body)?;
        if total_fen != body.total_fen {
            return Err(Refusal::not_refundable(
                "订单金额或退款金额与之前请求不一致",
            ));
        }
        if now.0.saturating_sub(paid_at.0) > WITHIN_MS {
            return Err(Refusal::not_refundable("订单已超过退款有效期"));
        }
        let of_it = self.refunds.values();
        let of_it: Vec<&Refund> = of_it
            .filter(|refund| refund.body.out_trade_no == body.out_trade_no)
            .collect();
        let gone = of_it.iter().filter(|it| it.state != RefundState::Closed);
        let gone_fen: u64 = gone.map(|refund| refund.body.refund_fen).sum();
        if gone_fen.saturating_add(body.refund_fen) > body.total_fen {
            return Err(Refusal::not_refundable("退款金额大于可退金额"));
        }
        if of_it.len() >= OF_ONE_ORDER_MAX {
            return Err(Refusal::not_refundable("部分退款次数超限"));
        }
        let last = of_it.iter().map(|refund| refund.created).max();
        if last.is_some_and(|last| now < last.plus_ms(APART_MS)) {
            return Err(Refusal::not_refundable("申请退款过于频繁，请间隔一分钟"));
        }
        if self.settings.switches.balance_too_small {
            return Err(Refusal::not_enough());
        }
        let number = body.out_refund_no.clone();
        let refund = Refund {
            refund_id: format!("5030000{}{:013}", time::day(now), self.refunds.len() + 1),
            created: now,
            state: RefundState::Processing,
            ended: None,
            asked: 1,
            body,
        };
        self.refunds.insert(number.clone(), refund);
        Ok(self.shown_refund(&number))
    }

    /// When the order that a refund names was paid, a charge or a Native order, and how much it was.
    fn paid(&self, body: &RefundBody) -> Result<(Wall, u64), Refusal> {
        let unpaid = || Refusal::not_refundable("订单未支付");
        let index = self.order_by_number.get(&body.out_trade_no).copied();
        let order = index.map(|index| &self.orders[index]);
        if let Some(order) = order.filter(|order| order.body.sub_mchid == body.sub_mchid) {
            let is_paid = order.state == OrderState::Success;
            let paid_at = order.settled_at.filter(|_| is_paid).ok_or_else(unpaid)?;
            return Ok((paid_at, order.body.total_fen));
        }
        let native = self.native_of(&body.out_trade_no, body.sub_mchid.as_deref());
        let native = native.map_err(|_| Refusal::no_such_resource("订单不存在"))?;
        native.paid().ok_or_else(unpaid)
    }

    /// *Query*, by the merchant's number.
    pub(super) fn query_refund(&mut self, request: &Request) -> Result<Value, Refusal> {
        let number = request.path().strip_prefix(REFUNDS);
        let number = number
            .and_then(|rest| rest.strip_prefix('/'))
            .and_then(decode);
        let number = number.filter(|number| (1..=64).contains(&number.chars().count()));
        let Some(number) = number else {
            let issue = "is not 1 to 64 percent-encoded characters";
            return Err(Refusal::parameter("url", "out_refund_no", None, issue));
        };
        let mut parameters = Parameters::of(request)?;
        let sub_mchid = self.settings.merchant.take_sub_mchid(&mut parameters)?;
        parameters.finish()?;
        match self.refunds.get(&number) {
            Some(refund) if refund.body.sub_mchid == sub_mchid => Ok(self.shown_refund(&number)),
            _ => Err(Refusal::no_such_resource("退款单不存在")),
        }
    }

    /// Whether anything went back, or is going back, of an order.
    pub(super) fn is_refunded(&self, out_trade_no: &str) -> bool {
        let mut all = self.refunds.values();
        all.any(|it| it.body.out_trade_no == out_trade_no && it.state != RefundState::Closed)
    }

    pub(super) fn shown_refund(&self, number: &str) -> Value {
        let refund = &self.refunds[number];
        let body = &refund.body;
        let order = self.order_by_number.get(&body.out_trade_no);
        let charge = order.and_then(|index| self.orders[*index].transaction_id.clone());
        let native = self.natives.get(&body.out_trade_no);
        let transaction_id = charge.or_else(|| native.map(NativeOrder::transaction_id));
        let coupon = order.map(|index| self.orders[*index].coupon);
        let CouponPart { fen, merchant_fen } = coupon.unwrap_or_default();
        // A coupon goes back in proportion.
        let part = |fen: u64| fen * body.refund_fen / body.total_fen.max(1);
        let discount_fen = part(fen);
        let mut shown = json!({
            "refund_id": refund.refund_id,
            "out_refund_no": body.out_refund_no,
            "transaction_id": transaction_id,
            "out_trade_no": body.out_trade_no,
            "channel": "ORIGINAL",
            "user_received_account": "支付用户零钱",
            "create_time": time::format(refund.created),
            "status": refund.state.word(),
            "funds_account": "AVAILABLE",
            "amount": {
                "total": body.total_fen,
                "refund": body.refund_fen,
                "from": [],
                "payer_total": body.total_fen - fen,
                "payer_refund": body.refund_fen - discount_fen,
                "settlement_refund": body.refund_fen - part(merchant_fen),
                "settlement_total": body.total_fen - merchant_fen,
                "discount_refund": discount_fen,
                "currency": "CNY",
            },
            "promotion_detail": [],
        });
        if let (RefundState::Success, Some(ended)) = (refund.state, refund.ended) {
            shown["success_time"] = json!(time::format(ended));
        }
        shown
    }

    /// What is refunded is named by the merchant's number or by WeChat's own.
    fn read_refund(&self, body: &[u8]) -> Result<RefundBody, Refusal> {
        let settings = &self.settings;
        let value = parse(body)?;
        let mut fields = Fields::of(&value)?;
        let sub_mchid = settings.merchant.read_sub_mchid(&mut fields)?;
        let transaction_id = fields.optional_text("transaction_id", 32)?;
        let out_trade_no = match &transaction_id {
            Some(_) if value.get("out_trade_no").is_none() => None,
            _ => Some(fields.alphanumeric("out_trade_no", 32)?),
        };
        let out_refund_no = fields.text("out_refund_no", 64)?;
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-|*@".contains(&byte);
        if !out_refund_no.bytes().all(allowed) {
            let issue = "has characters other than digits, letters and _-|*@";
            return Err(fields.refuse("out_refund_no", issue));
        }
        fields.optional_word("funds_account", &["AVAILABLE"])?;
        let reason = fields.optional_text("reason", 80)?;
        if reason.as_ref().is_some_and(|reason| reason.len() > 80) {
            return Err(fields.refuse("reason", "is longer than 80 bytes"));
        }
        let notify_url = match value.get("notify_url") {
            Some(_) => Some(fields.notify_url(settings.loopback_callbacks)?),
            None => None,
        };
        let mut amount = fields.object("amount")?;
        let refund_fen = amount.whole("refund")?;
        let total_fen = amount.whole("total")?;
        if refund_fen == 0 {
            return Err(amount.refuse("refund", "is not at least 1"));
        }
        amount.word("currency", &["CNY"])?;
        amount.finish()?;
        fields.finish()?;
        let out_trade_no = self.refunded_order(transaction_id.as_deref(), out_trade_no)?;
        Ok(RefundBody {
            sub_mchid,
            out_trade_no,
            out_refund_no,
            reason,
            notify_url,
            refund_fen,
            total_fen,
        })
    }

    fn refunded_order(
        &self,
        transaction_id: Option<&str>,
        out_trade_no: Option<String>,
    ) -> Result<String, Refusal> {
        let Some(transaction_id) = transaction_id else {
            return Ok(out_trade_no.unwrap_or_default());
        };
        let paid = |order: &&Order| order.transaction_id.as_deref() == Some(transaction_id);
        let order = self.orders.iter().find(paid);
        let number = order.map(|order| order.body.out_trade_no.clone());
        number
            .filter(|number| out_trade_no.as_ref().is_none_or(|named| named == number))
            .ok_or_else(|| Refusal::no_such_resource("订单不存在"))
    }
}
