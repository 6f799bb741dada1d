//! Accepted charges: how they settle, and how they are shown (`wechat-pay.md` 2.3, 2.4).

use serde_json::{Value, json};

use super::Simulator;
use super::books::OrderState;
use super::charges::ChargeBody;
use super::message::{QUERY_PREFIX, Request};
use super::parameters::{Parameters, decode};
use super::refusal::Refusal;
use super::settings::{CouponPart, Outcome};
use super::time;
use crate::lane::time::Wall;

/// An order as WeChat keeps it.
#[derive(Clone, Debug)]
pub(super) struct Order {
    pub asked: u32,
    pub accepted_at: Wall,
    pub settled_at: Option<Wall>,
    pub transaction_id: Option<String>,
    /// Of a settled one.
    pub coupon: CouponPart,
    /// WeChat paid in the driver's stead.
    pub advanced: bool,
    /// The driver paid it back, and that was told.
    pub repaid: bool,
    pub state: OrderState,
    pub body: ChargeBody,
}

impl Simulator {
    /// Settles the accepted orders that are due.
    pub(super) fn settle_due(&mut self, now: Wall) {
        let after = i64::try_from(self.settings.settle_after_ms).unwrap_or(i64::MAX);
        for index in self.unsettled.clone() {
            let order = &self.orders[index];
            let due = order.accepted_at.plus_ms(after);
            if due <= now {
                let plate = self.settings.plate(&order.body.parking.plate_number);
                self.settle_as(index, plate.outcome, due);
            }
        }
        self.repay_due(now);
    }

    /// Settles one accepted charge at once, whatever its plate's outcome is; false if there is no
    /// such charge, or it is settled.
    pub fn settle(&mut self, out_trade_no: &str, outcome: Outcome, now: Wall) -> bool {
        self.advance(now);
        let index = self.order_by_number.get(out_trade_no).copied();
        match index.filter(|index| self.unsettled.contains(index)) {
            Some(index) => self.settle_as(index, outcome, now),
            None => false,
        }
    }

    fn settle_as(&mut self, index: usize, outcome: Outcome, at: Wall) -> bool {
        let (state, advanced) = match outcome {
            Outcome::Success => (OrderState::Success, false),
            Outcome::Advanced => (OrderState::Success, true),
            Outcome::PayFail => (OrderState::PayFail, false),
            Outcome::Never => return false,
        };
        self.unsettled.remove(&index);
        let order = &mut self.orders[index];
        order.coupon = self.settings.coupon_of(order.body.total_fen);
        order.state = state;
        order.advanced = advanced;
        order.settled_at = Some(at);
        order.transaction_id = (state == OrderState::Success).then(|| transaction_id(index, at));
        self.tell_order(index, false, at);
        true
    }

    /// Drivers pay WeChat back.
    fn repay_due(&mut self, now: Wall) {
        let Some(after_ms) = self.settings.repay_after_ms else {
            return;
        };
        let after_ms = i64::try_from(after_ms).unwrap_or(i64::MAX);
        for index in 0..self.orders.len() {
            let order = &mut self.orders[index];
            let due = order.settled_at.map(|at| at.plus_ms(after_ms));
            if let Some(due) = due.filter(|due| order.advanced && !order.repaid && *due <= now) {
                order.repaid = true;
                self.tell_order(index, true, due);
            }
        }
    }

    /// *Query order*, by the merchant's number.
    pub(super) fn query_order(&mut self, request: &Request) -> Result<Value, Refusal> {
        let encoded = request
            .path()
            .strip_prefix(QUERY_PREFIX)
            .unwrap_or_default();
        let number = decode(encoded)
            .filter(|number| (1..=32).contains(&number.chars().count()))
            .ok_or_else(|| {
                Refusal::parameter(
                    "url",
                    "out_trade_no",
                    None,
                    "is not 1 to 32 percent-encoded characters",
                )
            })?;
        let mut parameters = Parameters::of(request)?;
        let sub_mchid = self.settings.merchant.take_sub_mchid(&mut parameters)?;
        parameters.finish()?;
        let index = self
            .order_by_number
            .get(&number)
            .copied()
            .filter(|&index| self.orders[index].body.sub_mchid == sub_mchid)
            .ok_or_else(Refusal::no_such_order)?;
        let mut transaction = self.transaction(index);
        let unknown = self.settings.switches.unknown_state_permille;
        if self.orders[index].state == OrderState::Accepted && self.whims.chance(unknown) {
            transaction["trade_state"] = json!("DEDUCTING");
        }
        Ok(transaction)
    }

    /// The Transaction object.
    pub(super) fn transaction(&self, index: usize) -> Value {
        let order = &self.orders[index];
        let body = &order.body;
        let payer = &self.settings.plate(&body.parking.plate_number).openid;
        let (state, description) = match order.state {
            OrderState::Accepted if self.settings.switches.accept_spelling => {
                ("ACCEPT", "已接收，等待扣款")
            }
            OrderState::Accepted => ("ACCEPTED", "已接收，等待扣款"),
            OrderState::Success if self.is_refunded(&body.out_trade_no) => {
                ("REFUND", "订单发生过退款")
            }
            OrderState::Success => ("SUCCESS", "支付成功"),
            OrderState::PayFail => ("PAY_FAIL", "支付失败，请重新下单支付"),
        };
        let mut transaction = json!({
            "appid": body.appid,
            "sp_mchid": self.settings.merchant.mchid,
            "description": body.description,
            "create_time": time::format(order.accepted_at),
            "out_trade_no": body.out_trade_no,
            "trade_state": state,
            "trade_state_description": description,
            "trade_scene": "PARKING",
            "parking_info": body.parking.json(),
            "payer": { "openid": payer },
            "amount": { "total": body.total_fen, "currency": "CNY" },
        });
        let mut set = |key: &str, value: Value| transaction[key] = value;
        if let Some(attach) = &body.attach {
            set("attach", json!(attach));
        }
        if let Some(sub_mchid) = &body.sub_mchid {
            set("sub_mchid", json!(sub_mchid));
        }
        if let Some(sub_appid) = &body.sub_appid {
            set("sub_appid", json!(sub_appid));
            set("payer", json!({ "openid": payer, "sub_openid": payer }));
        }
        if let Some(id) = &order.transaction_id {
            set("transaction_id", json!(id));
        }
        if let (OrderState::Success, Some(settled_at)) = (order.state, order.settled_at) {
            set("success_time", json!(time::format(settled_at)));
            set(
                "bank_type",
                json!(if order.advanced { "BPA" } else { "OTHERS" }),
            );
            let CouponPart { fen, merchant_fen } = order.coupon;
            set(
                "amount",
                json!({
                    "total": body.total_fen,
                    "currency": "CNY",
                    "payer_total": body.total_fen - fen,
                    "discount_total": fen,
                }),
            );
            if fen > 0 {
                let coupon = json!({
                    "coupon_id": "10001",
                    "name": "停车券",
                    "scope": "GLOBAL",
                    "type": if merchant_fen > 0 { "NOCASH" } else { "CASH" },
                    "stock_id": "101",
                    "amount": fen,
                    "wechatpay_contribute": fen - merchant_fen,
                    "merchant_contribute": merchant_fen,
                    "other_contribute": 0,
                    "currency": "CNY",
                });
                set("promotion_detail", json!([coupon]));
            }
        }
        if order.advanced {
            set("user_repaid", json!(if order.repaid { "Y" } else { "N" }));
        }
        transaction
    }
}

/// 28 digits: 10 fixed, 8 of the day, 10 of a counter.
fn transaction_id(index: usize, settled_at: Wall) -> String {
    format!("4200002345{}{:010}", time::day(settled_at), index + 1)
}
