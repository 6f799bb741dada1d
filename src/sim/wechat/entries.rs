//! *Create entry*, `POST /v3/vehicle/parking/parkings` (`wechat-pay.md` 2.2).

use serde_json::{Value, json};

use super::Simulator;
use super::fields::{Fields, WrittenTime, parse};
use super::message::Request;
use super::refusal::Refusal;
use super::settings::{Service, Settings};
use super::time;
use crate::lane::time::Wall;

/// An entry as WeChat keeps it.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    pub parking_id: String,
    pub asked: u32,
    /// Why it was blocked when created.
    pub blocked: Option<String>,
    /// The `out_trade_no`s accepted on it.
    pub accepted: Vec<String>,
    pub body: EntryBody,
}

/// What the merchant sent.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct EntryBody {
    pub sub_mchid: Option<String>,
    pub out_parking_no: String,
    pub plate_number: String,
    pub plate_color: String,
    pub notify_url: String,
    pub start_time: WrittenTime,
    pub parking_name: String,
    pub free_duration: u64,
}

/// 7 fixed digits, 10 of the time, 12 of a counter: 29, as seen in real answers.
const PARKING_ID_PREFIX: &str = "0100032";
/// Coprime to 10^12, so that neighbouring counters look unlike and none repeats.
const PARKING_ID_STRIDE: u64 = 677_937_836_733;
const PARKING_ID_SPAN: u64 = 1_000_000_000_000;

impl EntryBody {
    fn read(settings: &Settings, body: &[u8]) -> Result<Self, Refusal> {
        let value = parse(body)?;
        let mut fields = Fields::of(&value)?;
        let read = Self {
            sub_mchid: settings.merchant.read_sub_mchid(&mut fields)?,
            out_parking_no: fields.alphanumeric("out_parking_no", 32)?,
            plate_number: fields.plate("plate_number")?,
            plate_color: fields.color("plate_color")?,
            notify_url: fields.notify_url(settings.loopback_callbacks)?,
            start_time: fields.time("start_time")?,
            parking_name: fields.text("parking_name", 32)?,
            free_duration: fields.whole("free_duration")?,
        };
        fields.finish()?;
        Ok(read)
    }

    fn check_start(&self, settings: &Settings, now: Wall) -> Result<(), Refusal> {
        let ahead = i64::try_from(settings.future_start_ms).unwrap_or(i64::MAX);
        let back = i64::try_from(settings.oldest_start_ms).unwrap_or(i64::MAX);
        let start = self.start_time.wall;
        let issue = if start > now.plus_ms(ahead) {
            "lies in the future"
        } else if start < now.plus_ms(back.saturating_neg()) {
            "lies too far back"
        } else {
            return Ok(());
        };
        let written = Value::from(self.start_time.text.as_str());
        Err(Refusal::parameter(
            "body",
            "/start_time",
            Some(&written),
            issue,
        ))
    }
}

impl Simulator {
    /// Creates an entry, or answers the one that the number already names.
    pub(super) fn create_entry(&mut self, request: &Request, now: Wall) -> Result<Value, Refusal> {
        let body = EntryBody::read(&self.settings, &request.body)?;
        if let Some(&index) = self.entry_by_number.get(&body.out_parking_no) {
            return self.repeat_entry(index, &body);
        }
        body.check_start(&self.settings, now)?;
        let plate = self.settings.plate(&body.plate_number);
        let blocked = match plate.service_for(&body.plate_color) {
            Service::Normal => None,
            Service::Blocked(reason) => Some(reason.clone()),
            Service::NotEnrolled => Some("OUT_SERVICE".into()),
        };
        let index = self.entries.len();
        let parking_id = self.next_parking_id(now);
        self.entry_by_number
            .insert(body.out_parking_no.clone(), index);
        self.entry_by_id.insert(parking_id.clone(), index);
        self.latest_entry.insert(body.plate_number.clone(), index);
        self.entries.push(Entry {
            parking_id,
            asked: 1,
            blocked,
            accepted: Vec::new(),
            body,
        });
        Ok(self.entry_answer(index))
    }

    /// Whether a newer entry of the same plate exists.
    pub(super) fn is_superseded(&self, index: usize) -> bool {
        let plate = &self.entries[index].body.plate_number;
        self.latest_entry.get(plate) != Some(&index)
    }

    fn repeat_entry(&mut self, index: usize, body: &EntryBody) -> Result<Value, Refusal> {
        self.entries[index].asked += 1;
        if self.entries[index].body != *body {
            Err(Refusal::changed_repeat(
                "商户入场id重复，参数与首次请求时不一致",
            ))
        } else if self.settings.switches.strict_duplicate_entry {
            Err(Refusal::refused_repeat("商户入场id重复"))
        } else {
            Ok(self.entry_answer(index))
        }
    }

    fn entry_answer(&mut self, index: usize) -> Value {
        let entry = &self.entries[index];
        let body = &entry.body;
        let mut answer = json!({
            "id": entry.parking_id,
            "out_parking_no": body.out_parking_no,
            "plate_number": body.plate_number,
            "plate_color": body.plate_color,
            "start_time": body.start_time.text,
            "parking_name": body.parking_name,
            "free_duration": body.free_duration,
            "state": if entry.blocked.is_some() { "BLOCKED" } else { "NORMAL" },
        });
        if let Some(reason) = &entry.blocked {
            answer["block_reason"] = json!(reason);
        }
        if let Some(sub_mchid) = &body.sub_mchid {
            answer["sub_mchid"] = json!(sub_mchid);
        }
        let omitted = self.settings.switches.omit_free_duration_permille;
        if self.whims.chance(omitted)
            && let Some(keys) = answer.as_object_mut()
        {
            keys.remove("free_duration");
        }
        answer
    }

    fn next_parking_id(&mut self, now: Wall) -> String {
        self.ids_given += 1;
        let tail = u128::from(self.ids_given) * u128::from(PARKING_ID_STRIDE);
        format!(
            "{PARKING_ID_PREFIX}{:010}{:012}",
            time::seconds(now).clamp(0, 9_999_999_999),
            tail % u128::from(PARKING_ID_SPAN)
        )
    }
}
