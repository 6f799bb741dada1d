//! What was paid, whichever way: a parking charge, or an order whose code was scanned.

use super::Simulator;
use super::books::OrderState;
use super::orders::Order;
use super::settings::CouponPart;
use crate::lane::time::Wall;

/// One payment, as bills tell of it.
pub(super) struct Sale<'a> {
    pub at: Wall,
    /// The merchant's number.
    pub number: &'a str,
    pub transaction_id: String,
    pub appid: &'a str,
    pub sub_mchid: Option<&'a str>,
    pub openid: &'a str,
    /// By which product.
    pub kind: &'static str,
    pub bank: &'static str,
    pub description: &'a str,
    pub attach: Option<&'a str>,
    pub total_fen: u64,
    pub coupon: CouponPart,
}

impl Sale<'_> {
    /// What the merchant gets of a part of it, before the fee, or loses when that goes back: a coupon is in
    /// every part in proportion.
    pub fn settled_of(&self, fen: u64) -> u64 {
        fen - self.coupon.merchant_fen * fen / self.total_fen.max(1)
    }
}

impl Simulator {
    /// All that was ever paid.
    pub(super) fn sales(&self) -> impl Iterator<Item = Sale<'_>> {
        let charges = self.orders.iter().filter_map(|order| self.charged(order));
        let codes = self.natives.values();
        charges.chain(codes.filter_map(|order| order.sale(&self.settings)))
    }

    /// What was paid under this number.
    pub(super) fn sale(&self, number: &str) -> Option<Sale<'_>> {
        match self.order_by_number.get(number) {
            Some(&index) => self.charged(&self.orders[index]),
            None => self.natives.get(number)?.sale(&self.settings),
        }
    }

    fn charged<'a>(&'a self, order: &'a Order) -> Option<Sale<'a>> {
        let body = &order.body;
        let is_paid = order.state == OrderState::Success;
        Some(Sale {
            at: order.settled_at.filter(|_| is_paid)?,
            number: &body.out_trade_no,
            transaction_id: order.transaction_id.clone().unwrap_or_default(),
            appid: &body.appid,
            sub_mchid: body.sub_mchid.as_deref(),
            openid: &self.settings.plate(&body.parking.plate_number).openid,
            kind: "PARKING",
            bank: if order.advanced { "BPA" } else { "OTHERS" },
            description: &body.description,
            attach: body.attach.as_deref(),
            total_fen: body.total_fen,
            coupon: order.coupon,
        })
    }
}
