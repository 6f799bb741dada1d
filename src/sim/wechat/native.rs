//! *Native pay*: orders that a driver pays by scanning a code (`wechat-pay.md` 6).

use serde_json::{Value, json};

use super::Simulator;
use super::fields::{Fields, WrittenTime, parse};
use super::message::{CLOSE_SUFFIX, NATIVE_PARTNER_PREFIX, NATIVE_PREFIX, Request};
use super::parameters::{Parameters, decode, refuse};
use super::refusal::Refusal;
use super::sale::Sale;
use super::settings::{CouponPart, Settings};
use super::time;
use crate::lane::time::Wall;

/// An order as WeChat keeps it.
#[derive(Clone, Debug)]
pub(super) struct NativeOrder {
    body: NativeBody,
    state: NativeState,
    expires: Wall,
    paid_at: Wall,
    asked: u32,
}

/// What the merchant sent.
#[derive(Clone, Debug, PartialEq, Eq)]
struct NativeBody {
    appid: String,
    sub_mchid: Option<String>,
    sub_appid: Option<String>,
    description: String,
    out_trade_no: String,
    time_expire: Option<WrittenTime>,
    attach: Option<String>,
    goods_tag: Option<String>,
    notify_url: String,
    total_fen: u64,
}

/// Where the money of a Native order stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NativeState {
    /// Nobody has paid.
    NotPaid,
    /// Somebody has.
    Paid,
    /// By the merchant, or by its time.
    Closed,
}

/// One Native order, for tests to look at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeRow {
    /// The merchant's number.
    pub out_trade_no: String,
    /// Fen.
    pub total_fen: u64,
    /// Where the money stands.
    pub state: NativeState,
    /// When it was paid, if it was.
    pub paid_at: Option<Wall>,
    /// How often it was asked for, resends of one signed request not counted.
    pub asked: u32,
}

/// How long an order without `time_expire` can be paid.
const LASTS_MS: i64 = 7 * 24 * 3600 * 1000;
/// `time_expire` is at least so far ahead.
const AHEAD_MS: i64 = 60 * 1000;

impl Simulator {
    /// The driver scans the code and pays; false if the order cannot be paid.
    pub fn pay_native(&mut self, out_trade_no: &str, now: Wall) -> bool {
        self.expire_natives(now);
        let payable = self.natives.get_mut(out_trade_no);
        let Some(order) = payable.filter(|order| order.state == NativeState::NotPaid) else {
            return false;
        };
        order.state = NativeState::Paid;
        order.paid_at = now;
        let url = order.body.notify_url.clone();
        let resource = self.shown(&self.natives[out_trade_no]);
        self.tell_native(&url, &resource, now);
        true
    }

    /// Every Native order, by number.
    pub fn native_orders(&self) -> Vec<NativeRow> {
        let row = |order: &NativeOrder| NativeRow {
            out_trade_no: order.body.out_trade_no.clone(),
            total_fen: order.body.total_fen,
            state: order.state,
            paid_at: order.paid().map(|(at, _)| at),
            asked: order.asked,
        };
        self.natives.values().map(row).collect()
    }

    /// *Create*: an order comes again with the same content and gets a new code.
    pub(super) fn create_native(&mut self, request: &Request, now: Wall) -> Result<Value, Refusal> {
        self.check_native_path(request)?;
        self.expire_natives(now);
        let body = NativeBody::read(&self.settings, &request.body, now)?;
        let merchant = &self.settings.merchant;
        let bound = merchant.check_binding(
            &body.appid,
            body.sub_mchid.as_deref(),
            body.sub_appid.as_deref(),
        );
        bound.map_err(|_| Refusal::appid_not_bound())?;
        if self.order_by_number.contains_key(&body.out_trade_no) {
            return Err(Refusal::number_used());
        }
        match self.natives.get_mut(&body.out_trade_no) {
            Some(order) if order.body != body => {
                return Err(Refusal::changed_repeat(
                    "请求重入时，参数与首次请求时不一致",
                ));
            }
            Some(order) => {
                order.asked += 1;
                match order.state {
                    NativeState::NotPaid => {}
                    NativeState::Paid => return Err(Refusal::order_paid()),
                    NativeState::Closed => return Err(Refusal::order_closed()),
                }
            }
            None => {
                let order = NativeOrder {
                    expires: match &body.time_expire {
                        Some(time) => time.wall,
                        None => now.plus_ms(LASTS_MS),
                    },
                    state: NativeState::NotPaid,
                    paid_at: now,
                    asked: 1,
                    body,
                };
                self.natives.insert(order.body.out_trade_no.clone(), order);
            }
        }
        let code = self.nonces.hex(9);
        Ok(json!({ "code_url": format!("weixin://wxpay/bizpayurl?pr={code}") }))
    }

    /// *Query*, by the merchant's number.
    pub(super) fn query_native(&mut self, request: &Request, now: Wall) -> Result<Value, Refusal> {
        self.check_native_path(request)?;
        self.expire_natives(now);
        let mut parameters = Parameters::of(request)?;
        let caller = self.caller_key();
        let mchid = parameters.required(caller)?;
        if mchid != self.settings.merchant.mchid {
            return Err(refuse(caller, &mchid, "is not the caller's"));
        }
        let sub_mchid = self.settings.merchant.take_sub_mchid(&mut parameters)?;
        parameters.finish()?;
        let number = number_of(request, "")?;
        let order = self.native_of(&number, sub_mchid.as_deref())?;
        Ok(self.shown(order))
    }

    /// *Close*: may be repeated; answers without a body.
    pub(super) fn close_native(&mut self, request: &Request, now: Wall) -> Result<Value, Refusal> {
        self.check_native_path(request)?;
        self.expire_natives(now);
        let value = parse(&request.body)?;
        let mut fields = Fields::of(&value)?;
        self.settings
            .merchant
            .read_caller(&mut fields, self.caller_key())?;
        let sub_mchid = self.settings.merchant.read_sub_mchid(&mut fields)?;
        fields.finish()?;
        let number = number_of(request, CLOSE_SUFFIX)?;
        if self.native_of(&number, sub_mchid.as_deref())?.state == NativeState::Paid {
            return Err(Refusal::order_paid());
        }
        if let Some(order) = self.natives.get_mut(&number) {
            order.state = NativeState::Closed;
        }
        Ok(Value::Null)
    }

    /// A provider has paths of its own.
    fn check_native_path(&self, request: &Request) -> Result<(), Refusal> {
        let is_partner = !self.settings.merchant.sub_merchants.is_empty();
        match is_partner == request.path().starts_with(NATIVE_PARTNER_PREFIX) {
            true => Ok(()),
            false => Err(Refusal::no_permission()),
        }
    }

    fn caller_key(&self) -> &'static str {
        match self.settings.merchant.sub_merchants.is_empty() {
            true => "mchid",
            false => "sp_mchid",
        }
    }

    pub(super) fn native_of(
        &self,
        number: &str,
        sub_mchid: Option<&str>,
    ) -> Result<&NativeOrder, Refusal> {
        let order = self.natives.get(number);
        order
            .filter(|order| order.body.sub_mchid.as_deref() == sub_mchid)
            .ok_or_else(Refusal::no_such_order)
    }

    fn expire_natives(&mut self, now: Wall) {
        for order in self.natives.values_mut() {
            if order.state == NativeState::NotPaid && order.expires <= now {
                order.state = NativeState::Closed;
            }
        }
    }

    fn shown(&self, order: &NativeOrder) -> Value {
        let body = &order.body;
        let (state, description) = match order.state {
            NativeState::NotPaid => ("NOTPAY", "订单未支付"),
            NativeState::Paid if self.is_refunded(&body.out_trade_no) => {
                ("REFUND", "订单发生过退款")
            }
            NativeState::Paid => ("SUCCESS", "支付成功"),
            NativeState::Closed => ("CLOSED", "订单已关闭"),
        };
        let mut shown = json!({
            "out_trade_no": body.out_trade_no,
            "trade_state": state,
            "trade_state_desc": description,
            "amount": { "total": body.total_fen, "currency": "CNY" },
        });
        let mchid = &self.settings.merchant.mchid;
        match &body.sub_mchid {
            None => {
                shown["appid"] = json!(body.appid);
                shown["mchid"] = json!(mchid);
            }
            Some(sub_mchid) => {
                shown["sp_appid"] = json!(body.appid);
                shown["sp_mchid"] = json!(mchid);
                shown["sub_mchid"] = json!(sub_mchid);
            }
        }
        if let Some(attach) = &body.attach {
            shown["attach"] = json!(attach);
        }
        if order.state == NativeState::Paid {
            shown["trade_type"] = json!("NATIVE");
            shown["transaction_id"] = json!(order.transaction_id());
            shown["success_time"] = json!(time::format(order.paid_at));
            shown["bank_type"] = json!("OTHERS");
            shown["payer"] = json!({ "openid": self.settings.default_plate.openid });
            shown["amount"]["payer_total"] = json!(body.total_fen);
        }
        shown
    }
}

impl NativeOrder {
    /// When it was paid, and how much it was.
    pub(super) fn paid(&self) -> Option<(Wall, u64)> {
        (self.state == NativeState::Paid).then_some((self.paid_at, self.body.total_fen))
    }

    /// Its payment, if there is one. No coupon has a part in it here.
    pub(super) fn sale<'a>(&'a self, settings: &'a Settings) -> Option<Sale<'a>> {
        let (at, total_fen) = self.paid()?;
        Some(Sale {
            at,
            number: &self.body.out_trade_no,
            transaction_id: self.transaction_id(),
            appid: &self.body.appid,
            sub_mchid: self.body.sub_mchid.as_deref(),
            openid: &settings.default_plate.openid,
            kind: "NATIVE",
            bank: "OTHERS",
            description: &self.body.description,
            attach: self.body.attach.as_deref(),
            total_fen,
            coupon: CouponPart::default(),
        })
    }

    /// As WeChat numbers its payment.
    pub(super) fn transaction_id(&self) -> String {
        format!(
            "4200002346{}{:0>10}",
            time::day(self.paid_at),
            crc32fast::hash(self.body.out_trade_no.as_bytes())
        )
    }
}

impl NativeBody {
    fn read(settings: &Settings, body: &[u8], now: Wall) -> Result<Self, Refusal> {
        let value = parse(body)?;
        let mut fields = Fields::of(&value)?;
        let merchant = &settings.merchant;
        let is_partner = !merchant.sub_merchants.is_empty();
        let (caller, appid) = match is_partner {
            true => ("sp_mchid", "sp_appid"),
            false => ("mchid", "appid"),
        };
        merchant.read_caller(&mut fields, caller)?;
        let appid = fields.text(appid, 32)?;
        let sub_mchid = merchant.read_sub_mchid(&mut fields)?;
        let sub_appid = match is_partner {
            true => fields.optional_text("sub_appid", 32)?,
            false => None,
        };
        let description = fields.text("description", 127)?;
        let out_trade_no = fields.alphanumeric("out_trade_no", 32)?;
        if out_trade_no.len() < 6 {
            return Err(fields.refuse("out_trade_no", "is shorter than 6 characters"));
        }
        let time_expire = fields.optional_time("time_expire")?;
        if let Some(time) = &time_expire
            && time.wall < now.plus_ms(AHEAD_MS)
        {
            return Err(fields.refuse("time_expire", "is less than a minute ahead"));
        }
        let attach = fields.optional_text("attach", 128)?;
        let goods_tag = fields.optional_text("goods_tag", 32)?;
        let notify_url = fields.notify_url(settings.loopback_callbacks)?;
        let mut amount = fields.object("amount")?;
        let total_fen = amount.whole("total")?;
        if total_fen == 0 {
            return Err(amount.refuse("total", "is not at least 1"));
        }
        amount.optional_word("currency", &["CNY"])?;
        amount.finish()?;
        fields.finish()?;
        Ok(Self {
            appid,
            sub_mchid,
            sub_appid,
            description,
            out_trade_no,
            time_expire,
            attach,
            goods_tag,
            notify_url,
            total_fen,
        })
    }
}

/// The order's number, the last part of the path before `suffix`.
fn number_of(request: &Request, suffix: &str) -> Result<String, Refusal> {
    let path = request.path();
    let path = path
        .strip_prefix(NATIVE_PARTNER_PREFIX)
        .or_else(|| path.strip_prefix(NATIVE_PREFIX));
    path.and_then(|rest| rest.strip_prefix("out-trade-no/"))
        .and_then(|rest| rest.strip_suffix(suffix))
        .and_then(decode)
        .filter(|number| (6..=32).contains(&number.chars().count()))
        .ok_or_else(|| {
            let issue = "is not 6 to 32 percent-encoded characters";
            Refusal::parameter("url", "out_trade_no", None, issue)
        })
}
