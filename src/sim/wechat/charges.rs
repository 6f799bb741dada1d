//! *Charge*, `POST /v3/vehicle/transactions/parking` (`wechat-pay.md` 2.3).

use serde_json::{Value, json};

use super::Simulator;
use super::books::{OrderState, ViolationKind};
use super::entries::Entry;
use super::fields::{Fields, WrittenTime, parse};
use super::message::Request;
use super::orders::Order;
use super::refusal::Refusal;
use super::settings::{CouponPart, Service, Settings};
use super::time;
use crate::lane::time::Wall;

/// What the merchant sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ChargeBody {
    pub appid: String,
    pub sub_appid: Option<String>,
    pub sub_mchid: Option<String>,
    pub description: String,
    pub attach: Option<String>,
    pub out_trade_no: String,
    goods_tag: Option<String>,
    pub notify_url: String,
    profit_sharing: Option<String>,
    pub total_fen: u64,
    pub parking: ParkingInfo,
}

/// `parking_info`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ParkingInfo {
    pub parking_id: String,
    pub plate_number: String,
    pub plate_color: String,
    pub start_time: WrittenTime,
    pub end_time: WrittenTime,
    pub parking_name: String,
    pub charging_duration: u64,
    pub device_id: String,
}

const NO_ENTRY: &str = "停车入场id不存在";
const OTHER_SCENE: &str = "场景信息和停车入场id不匹配";

impl Simulator {
    /// Accepts a charge, answers the order that its number already names, or refuses.
    pub(super) fn accept_charge(&mut self, request: &Request, now: Wall) -> Result<Value, Refusal> {
        let body = ChargeBody::read(&self.settings, &request.body)?;
        if !self.settings.switches.may_collect {
            return Err(Refusal::restricted());
        }
        if let Some(&index) = self.order_by_number.get(&body.out_trade_no) {
            return self.repeat_charge(index, &body);
        }
        if self.natives.contains_key(&body.out_trade_no) {
            return Err(Refusal::number_used());
        }
        self.settings.merchant.check_binding(
            &body.appid,
            body.sub_mchid.as_deref(),
            body.sub_appid.as_deref(),
        )?;
        body.parking.check_times(now)?;
        let entry = self.chargeable_entry(&body)?;
        self.check_plate(&body.parking, now)?;
        self.entries[entry].accepted.push(body.out_trade_no.clone());
        let index = self.orders.len();
        self.order_by_number
            .insert(body.out_trade_no.clone(), index);
        self.orders.push(Order {
            asked: 1,
            accepted_at: now,
            settled_at: None,
            transaction_id: None,
            coupon: CouponPart::default(),
            advanced: false,
            repaid: false,
            state: OrderState::Accepted,
            body,
        });
        self.unsettled.insert(index);
        Ok(self.transaction(index))
    }

    fn repeat_charge(&mut self, index: usize, body: &ChargeBody) -> Result<Value, Refusal> {
        let order = &mut self.orders[index];
        order.asked += 1;
        if order.body != *body {
            return Err(Refusal::changed_repeat(
                "请求重入时，参数与首次请求时不一致",
            ));
        }
        Ok(self.transaction(index))
    }

    /// The entry that the charge names, if it is the plate's latest, unused, and fits.
    fn chargeable_entry(&self, body: &ChargeBody) -> Result<usize, Refusal> {
        let parking = &body.parking;
        let Some(&index) = self.entry_by_id.get(&parking.parking_id) else {
            return Err(Refusal::rule(ViolationKind::UnknownEntry, NO_ENTRY));
        };
        let entry = &self.entries[index];
        if !entry.accepted.is_empty() {
            return Err(Refusal::rule(ViolationKind::UsedEntry, OTHER_SCENE));
        }
        if self.is_superseded(index) {
            return Err(Refusal::rule(ViolationKind::SupersededEntry, NO_ENTRY));
        }
        if !entry.fits(body) {
            return Err(Refusal::rule(ViolationKind::Mismatch, OTHER_SCENE));
        }
        Ok(index)
    }

    fn check_plate(&self, parking: &ParkingInfo, now: Wall) -> Result<(), Refusal> {
        let plate = self.settings.plate(&parking.plate_number);
        match plate.service_for(&parking.plate_color) {
            Service::Normal => {}
            Service::Blocked(reason) => return Err(Refusal::blocked(reason)),
            Service::NotEnrolled => return Err(Refusal::no_such_plate()),
        }
        let Some(limit) = self.settings.charges_per_plate_and_day else {
            return Ok(());
        };
        let today = time::day(now);
        let charged_today = self
            .orders
            .iter()
            .filter(|order| {
                order.body.parking.plate_number == parking.plate_number
                    && time::day(order.accepted_at) == today
            })
            .count();
        if u32::try_from(charged_today).unwrap_or(u32::MAX) >= limit {
            return Err(Refusal::too_many_charges());
        }
        Ok(())
    }
}

impl ChargeBody {
    fn read(settings: &Settings, body: &[u8]) -> Result<Self, Refusal> {
        let value = parse(body)?;
        let mut fields = Fields::of(&value)?;
        let sub_mchid = settings.merchant.read_sub_mchid(&mut fields)?;
        let sub_appid = match sub_mchid {
            Some(_) => fields.optional_text("sub_appid", 32)?,
            None => None,
        };
        let appid = fields.text("appid", 32)?;
        let description = fields.text("description", 128)?;
        let attach = fields.optional_text("attach", 128)?;
        let out_trade_no = fields.alphanumeric("out_trade_no", 32)?;
        if out_trade_no.len() < 6 {
            return Err(fields.refuse("out_trade_no", "is shorter than 6 characters"));
        }
        fields.word("trade_scene", &["PARKING"])?;
        let goods_tag = fields.optional_text("goods_tag", 32)?;
        let notify_url = fields.notify_url(settings.loopback_callbacks)?;
        let profit_sharing = fields.optional_word("profit_sharing", &["Y", "N"])?;
        let total_fen = read_amount(fields.object("amount")?)?;
        let parking = ParkingInfo::read(fields.object("parking_info")?)?;
        fields.finish()?;
        Ok(Self {
            appid,
            sub_appid,
            sub_mchid,
            description,
            attach,
            out_trade_no,
            goods_tag,
            notify_url,
            profit_sharing,
            total_fen,
            parking,
        })
    }
}

fn read_amount(mut fields: Fields<'_>) -> Result<u64, Refusal> {
    let total = fields.whole("total")?;
    if total == 0 {
        return Err(fields.refuse("total", "is not more than 0"));
    }
    fields.optional_word("currency", &["CNY"])?;
    fields.finish()?;
    Ok(total)
}

impl ParkingInfo {
    fn read(mut fields: Fields<'_>) -> Result<Self, Refusal> {
        let read = Self {
            parking_id: fields.text("parking_id", 32)?,
            plate_number: fields.plate("plate_number")?,
            plate_color: fields.color("plate_color")?,
            start_time: fields.time("start_time")?,
            end_time: fields.time("end_time")?,
            parking_name: fields.text("parking_name", 32)?,
            charging_duration: fields.whole("charging_duration")?,
            device_id: fields.alphanumeric("device_id", 32)?,
        };
        fields.finish()?;
        Ok(read)
    }

    /// The end comes after the start and before WeChat's present.
    fn check_times(&self, now: Wall) -> Result<(), Refusal> {
        let issue = if self.end_time.wall <= self.start_time.wall {
            "is not after start_time"
        } else if self.end_time.wall >= now {
            "is not earlier than now"
        } else {
            return Ok(());
        };
        let written = Value::from(self.end_time.text.as_str());
        Err(Refusal::parameter(
            "body",
            "/parking_info/end_time",
            Some(&written),
            issue,
        ))
    }

    /// As it was sent.
    pub fn json(&self) -> Value {
        json!({
            "parking_id": self.parking_id,
            "plate_number": self.plate_number,
            "plate_color": self.plate_color,
            "start_time": self.start_time.text,
            "end_time": self.end_time.text,
            "parking_name": self.parking_name,
            "charging_duration": self.charging_duration,
            "device_id": self.device_id,
        })
    }
}

impl Entry {
    /// Whether the charge repeats what the entry was created with; times count as written.
    fn fits(&self, charge: &ChargeBody) -> bool {
        let (entry, parking) = (&self.body, &charge.parking);
        entry.plate_number == parking.plate_number
            && entry.plate_color == parking.plate_color
            && entry.start_time == parking.start_time
            && entry.parking_name == parking.parking_name
            && entry.sub_mchid == charge.sub_mchid
    }
}
