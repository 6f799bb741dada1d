//! What WeChat tells by itself (`wechat-pay.md` 3): made when something happens, signed anew for each
//! delivery, and sent again by the ladder until it is taken.

mod history;

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use self::history::ENDED_KEPT;
pub use self::history::{CallbackAnswer, CallbackRow, CallbackState};
use super::Simulator;
use super::books::{OrderState, Violation, ViolationKind};
use super::certificates::{NONCE_LEN, encrypt};
use super::message::{Answer, Call, find};
use super::settings::{Plate, Service, TrustMode};
use super::{answer, time};
use crate::lane::time::Wall;
use crate::sim::random::SplitMix64;

/// Pauses between the deliveries of one notice, milliseconds: 15 repeats in 24 h 4 min.
pub const LADDER_MS: [u64; 15] = [
    15_000, 15_000, 30_000, 180_000, 600_000, 1_200_000, 1_800_000, 1_800_000, 1_800_000,
    3_600_000, 10_800_000, 10_800_000, 10_800_000, 21_600_000, 21_600_000,
];
const PROBE: &str = "WECHATPAY/SIGNTEST/";
/// What a key that is nobody's here looks like.
const OTHER_KEY: &[u8; 32] = b"00000000000000000000000000000000";

/// What goes wrong with one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CallbackFault {
    /// Nothing.
    Pass,
    /// Delivered twice at once.
    Twice,
    /// Not delivered until so many milliseconds later: others overtake it.
    Late(u64),
    /// Somebody else's signature.
    Forged,
    /// A `WECHATPAY/SIGNTEST/` probe.
    Probe,
    /// No signature at all.
    Unsigned,
    /// Signed an hour ago.
    Old,
    /// The end of the body is missing.
    Truncated,
    /// Sealed with another APIv3 key, and well signed.
    OtherKey,
}

/// One request that WeChat makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Delivery {
    /// Which notice it is of.
    pub number: u64,
    /// `notify_url` as the client gave it.
    pub url: String,
    /// With the signature.
    pub headers: Vec<(String, String)>,
    /// The raw bytes that the signature covers.
    pub body: Vec<u8>,
    /// What is wrong with it, if anything is.
    pub fault: CallbackFault,
}

/// What is to be told, and what became of it.
#[derive(Clone, Debug, Default)]
pub(super) struct Callbacks {
    waiting: BTreeMap<u64, Callback>,
    /// Taken or given up; the oldest are forgotten.
    ended: BTreeMap<u64, Callback>,
    made: u64,
    taken: u64,
    given_up: u64,
    /// For the next deliveries, in order.
    faults: VecDeque<CallbackFault>,
}

#[derive(Clone, Debug)]
struct Callback {
    id: String,
    url: String,
    event_type: &'static str,
    original_type: &'static str,
    summary: &'static str,
    resource: String,
    created: Wall,
    due: Wall,
    deliveries: usize,
    is_under_way: bool,
    /// Of the next delivery, before what is queued for any.
    next_fault: Option<CallbackFault>,
    state: CallbackState,
    answers: Vec<CallbackAnswer>,
}

impl Delivery {
    /// The first header of this name.
    pub fn header(&self, name: &str) -> Option<&str> {
        find(&self.headers, name)
    }
}

impl CallbackFault {
    /// Whether a client that takes such a delivery takes what WeChat never said.
    pub fn is_forgery(self) -> bool {
        match self {
            Self::Forged | Self::Probe | Self::Unsigned | Self::Old | Self::Truncated => true,
            Self::Pass | Self::Twice | Self::Late(_) | Self::OtherKey => false,
        }
    }
}

impl Simulator {
    /// Queues what goes wrong with the next deliveries.
    pub fn push_callback_faults(&mut self, faults: impl IntoIterator<Item = CallbackFault>) {
        self.callbacks.faults.extend(faults);
    }

    /// What goes wrong with the next deliveries.
    pub fn callback_faults(&self) -> Vec<CallbackFault> {
        self.callbacks.faults.iter().copied().collect()
    }

    /// Notices that were taken, and that were given up after the last repeat.
    pub fn callbacks_ended(&self) -> (u64, u64) {
        (self.callbacks.taken, self.callbacks.given_up)
    }

    /// When the next delivery is due of what is to be told by now.
    pub fn callback_due_next(&self) -> Option<Wall> {
        let waiting = self.callbacks.waiting.values();
        waiting.filter(|it| !it.is_under_way).map(|it| it.due).min()
    }

    /// Notices that are still to be delivered.
    pub fn callbacks_waiting(&self) -> usize {
        self.callbacks.waiting.len()
    }

    /// Changes what is true of a plate. A stay of it that is not charged yet is told of, where it may be
    /// charged now and could not before, or the other way round.
    pub fn set_plate(&mut self, number: &str, plate: Plate, now: Wall) {
        let Some(&index) = self.latest_entry.get(number) else {
            self.settings.plates.insert(number.to_owned(), plate);
            return;
        };
        let color = self.entries[index].body.plate_color.clone();
        let before = self.settings.plate(number).service_for(&color).clone();
        let after = plate.service_for(&color).clone();
        self.settings.plates.insert(number.to_owned(), plate);
        if before != after && self.entries[index].accepted.is_empty() {
            self.tell_entry(index, &after, now);
        }
    }

    /// Requests to make at `now`. Each is to be answered by [`Self::callback_answered`].
    pub fn callbacks_due(&mut self, now: Wall) -> Vec<Delivery> {
        self.advance(now);
        if self.faults.outage {
            return Vec::new();
        }
        let due: Vec<u64> = self
            .callbacks
            .waiting
            .iter()
            .filter(|(_, it)| it.due <= now && !it.is_under_way)
            .map(|(number, _)| *number)
            .collect();
        let mut deliveries = Vec::new();
        for number in due {
            let callbacks = &mut self.callbacks;
            let own = callbacks.waiting.get_mut(&number);
            let own = own.and_then(|callback| callback.next_fault.take());
            let fault = own.or_else(|| callbacks.faults.pop_front());
            let fault = fault.unwrap_or(CallbackFault::Pass);
            if let CallbackFault::Late(ms) = fault {
                if let Some(callback) = self.callbacks.waiting.get_mut(&number) {
                    callback.due = now.plus_ms(i64::try_from(ms).unwrap_or(i64::MAX));
                }
                continue;
            }
            let delivery = self.delivery(number, fault, now);
            if fault == CallbackFault::Twice {
                deliveries.extend(delivery.clone());
            }
            deliveries.extend(delivery);
        }
        deliveries
    }

    /// The client answered with this HTTP status; None: not at all.
    pub fn callback_answered(&mut self, delivery: &Delivery, status: Option<u16>, now: Wall) {
        let is_taken = matches!(status, Some(200 | 204));
        if is_taken && delivery.fault.is_forgery() {
            self.violations.push(Violation {
                at: now,
                call: Call::Other,
                kind: ViolationKind::CallbackBelieved,
                detail: format!("{:?} was answered with {status:?}", delivery.fault),
            });
        }
        let ladder = self.settings.callback_ladder_ms.clone();
        let answer = CallbackAnswer {
            at: now,
            status,
            fault: delivery.fault,
        };
        let callbacks = &mut self.callbacks;
        let Some(callback) = callbacks.waiting.get_mut(&delivery.number) else {
            if let Some(ended) = callbacks.ended.get_mut(&delivery.number) {
                ended.answered(answer);
            }
            return;
        };
        callback.is_under_way = false;
        callback.answered(answer);
        if is_taken {
            callback.state = CallbackState::Taken;
            callbacks.taken += 1;
            callbacks.end(delivery.number);
            return;
        }
        match ladder.get(callback.deliveries.saturating_sub(1)) {
            Some(pause_ms) => {
                callback.due = now.plus_ms(i64::try_from(*pause_ms).unwrap_or(i64::MAX));
            }
            None => {
                callback.state = CallbackState::GivenUp;
                callbacks.given_up += 1;
                callbacks.end(delivery.number);
            }
        }
    }

    /// Whether a delivery carries a signature of this simulator's keys that fits, whatever its age.
    pub fn verify_callback(&self, delivery: &Delivery) -> bool {
        self.verify(&Answer {
            status: 200,
            headers: delivery.headers.clone(),
            body: delivery.body.clone(),
        })
    }

    /// What became of an order.
    pub(super) fn tell_order(&mut self, index: usize, repaid: bool, at: Wall) {
        let (event_type, summary) = match (self.orders[index].state, repaid) {
            (OrderState::Success, true) => ("TRANSACTION.PAY_BACK", "用户还款"),
            (OrderState::Success, false) => ("TRANSACTION.SUCCESS", "支付成功"),
            (OrderState::PayFail, _) => ("TRANSACTION.FAIL", "支付失败"),
            (OrderState::Accepted, _) => return,
        };
        let url = self.orders[index].body.notify_url.clone();
        let mut resource = self.transaction(index);
        if repaid {
            resource["user_repaid"] = json!("Y");
        }
        self.tell(&url, event_type, "transaction", summary, &resource, at);
    }

    /// A Native order was paid. That it was not is never told.
    pub(super) fn tell_native(&mut self, url: &str, resource: &Value, at: Wall) {
        let event = "TRANSACTION.SUCCESS";
        self.tell(url, event, "transaction", "支付成功", resource, at);
    }

    fn tell_entry(&mut self, index: usize, service: &Service, at: Wall) {
        let entry = &self.entries[index];
        let body = &entry.body;
        let mut resource = json!({
            "sp_mchid": self.settings.merchant.mchid,
            "parking_id": entry.parking_id,
            "out_parking_no": body.out_parking_no,
            "plate_number": body.plate_number,
            "plate_color": body.plate_color,
            "start_time": body.start_time.text,
            "parking_name": body.parking_name,
            "free_duration": body.free_duration,
            "state_update_time": time::format_ms(at),
        });
        if let Some(sub_mchid) = &body.sub_mchid {
            resource["sub_mchid"] = json!(sub_mchid);
        }
        let blocked = match service {
            Service::Normal => None,
            Service::Blocked(reason) => Some(reason.as_str()),
            Service::NotEnrolled => Some("REMOVE"),
        };
        resource["parking_state"] = json!(if blocked.is_some() {
            "BLOCKED"
        } else {
            "NORMAL"
        });
        if let Some(reason) = blocked {
            resource["blocked_state_description"] = json!(reason);
        }
        let url = body.notify_url.clone();
        let event = "VEHICLE.ENTRANCE_STATE_CHANGE";
        self.tell(&url, event, "", "停车入场状态变更", &resource, at);
    }

    pub(super) fn tell(
        &mut self,
        url: &str,
        event_type: &'static str,
        original_type: &'static str,
        summary: &'static str,
        resource: &Value,
        at: Wall,
    ) {
        if !self.settings.calls_back {
            return;
        }
        let random = &mut self.callback_draws;
        let parts = [8, 4, 4, 4, 12].map(|length| random.hex(length));
        self.callbacks.made += 1;
        let callback = Callback {
            id: parts.join("-"),
            url: url.to_owned(),
            event_type,
            original_type,
            summary,
            resource: resource.to_string(),
            created: at,
            due: at,
            deliveries: 0,
            is_under_way: false,
            next_fault: None,
            state: CallbackState::Waiting,
            answers: Vec::new(),
        };
        self.callbacks.waiting.insert(self.callbacks.made, callback);
    }

    fn delivery(&mut self, number: u64, fault: CallbackFault, now: Wall) -> Option<Delivery> {
        let serial = self.callback_serial();
        let callback = self.callbacks.waiting.get_mut(&number)?;
        callback.deliveries += 1;
        callback.is_under_way = true;
        let random = &mut self.callback_draws;
        let key = match fault {
            CallbackFault::OtherKey => OTHER_KEY,
            _ => &self.settings.api_v3_key,
        };
        let body = callback.body(key, random);
        let signed_at = match fault {
            CallbackFault::Old => now.plus_ms(-3_600_000),
            _ => now,
        };
        let (timestamp, nonce) = (time::seconds(signed_at).to_string(), random.hex(32));
        let mut text = answer::signed_text(&timestamp, &nonce, &body);
        if fault == CallbackFault::Forged {
            text.extend_from_slice(b"of another text");
        }
        let mut signature = self.settings.seal.sign_answer(&serial, &text)?;
        if fault == CallbackFault::Probe {
            let rest = signature.get(PROBE.len()..).unwrap_or_default();
            signature = format!("{PROBE}{rest}");
        }
        let mut headers = vec![("Content-Type".to_owned(), "application/json".to_owned())];
        if fault != CallbackFault::Unsigned {
            headers.extend(
                [
                    ("Wechatpay-Timestamp", timestamp),
                    ("Wechatpay-Nonce", nonce),
                    ("Wechatpay-Signature", signature),
                    ("Wechatpay-Serial", serial),
                    (
                        "Wechatpay-Signature-Type",
                        "WECHATPAY2-SHA256-RSA2048".into(),
                    ),
                ]
                .map(|(name, value)| (name.to_owned(), value)),
            );
        }
        let whole = body.len();
        Some(Delivery {
            number,
            url: callback.url.clone(),
            headers,
            body: match fault {
                CallbackFault::Truncated => body.into_iter().take(whole / 2).collect(),
                _ => body,
            },
            fault,
        })
    }

    /// No request says which key is wanted.
    fn callback_serial(&mut self) -> String {
        let trust = &self.settings.trust;
        let by_public_key = match trust.mode {
            TrustMode::Certificates => false,
            TrustMode::PublicKey => true,
            TrustMode::Both | TrustMode::Mixed => self.callback_draws.chance(500),
        };
        match by_public_key {
            true => trust.public_key_id.clone(),
            false => {
                let drawn = self.callback_draws.pick(&trust.signing);
                drawn.cloned().unwrap_or_default()
            }
        }
    }
}

impl Callbacks {
    fn end(&mut self, number: u64) {
        if let Some(callback) = self.waiting.remove(&number) {
            self.ended.insert(number, callback);
        }
        if self.ended.len() > ENDED_KEPT {
            self.ended.pop_first();
        }
    }
}

impl Callback {
    fn body(&self, key: &[u8; 32], random: &mut SplitMix64) -> Vec<u8> {
        let nonce = random.hex(NONCE_LEN);
        let associated = self.original_type;
        let mut envelope = json!({
            "id": self.id,
            "create_time": time::format(self.created),
            "resource_type": "encrypt-resource",
            "event_type": self.event_type,
            "summary": self.summary,
            "resource": {
                "original_type": self.original_type,
                "algorithm": "AEAD_AES_256_GCM",
                "ciphertext": encrypt(key, &nonce, associated, &self.resource),
                "nonce": nonce,
            },
        });
        // Empty or missing is the same.
        if !associated.is_empty() || random.chance(500) {
            envelope["resource"]["associated_data"] = json!(associated);
        }
        envelope.to_string().into_bytes()
    }
}
