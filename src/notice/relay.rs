//! Notices that the operator's relay puts on the broker: it received them for a box that nobody reaches from
//! outside, and has no keys (docs/topics.md, "notice"). A connection of its own, since its messages are
//! acknowledged after they are on disk, and a raise must not stand behind one.

use std::convert::Infallible;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use rumqttc::{Event, Packet, PubAck, Publish, QoS, Request, Subscribe, SubscribeReasonCode};
use serde::Deserialize;
use serde_json::{Map, Value, json};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep};

use super::NoticeKind;
use super::receiver::{Receiver, Verdict};
use crate::broker::backoff::Backoff;
use crate::broker::{Connection, Endpoint, LinkFault, WRITE_WITHIN};
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::time::Wall;
use crate::site::Topics;
use crate::wechat::trust::SignatureHeaders;

/// Head room for the envelope around a body.
const ENVELOPE_BYTES_MAX: usize = 64 * 1024;
/// The relay has WeChat waiting for 5 s.
const ANSWER_WITHIN: Duration = Duration::from_millis(4_000);
/// Notices in hand at once; the broker keeps the others back.
const IN_HAND_MAX: usize = 32;
/// A connection that lived this long proved healthy.
const PROVEN_AFTER: Duration = Duration::from_secs(20);
/// The relay's clock may be so much ahead.
const AHEAD_MS_MAX: i64 = 60_000;
/// Longest name that a relay gives to a message.
const LONGEST_ID: usize = 128;

/// Where and as whom.
#[derive(Clone, Debug)]
pub struct Settings {
    pub endpoint: Endpoint,
    /// Another one than the box's other connections have.
    pub client_id: String,
    pub topics: Topics,
    /// A larger body is refused.
    pub body_bytes_max: usize,
    /// A notice that the relay received longer ago is refused.
    pub window_ms: u64,
}

/// What a relay publishes.
#[derive(Deserialize)]
struct Relayed {
    /// The relay's own name of it, which the answer repeats.
    id: String,
    /// RFC 3339, by the relay's clock.
    received_at: String,
    /// Names in any case.
    headers: Map<String, Value>,
    /// The body's bytes, where they are UTF-8.
    body: Option<String>,
    /// The same, base64.
    body_base64: Option<String>,
}

struct Answered {
    pkid: u16,
    id: Option<String>,
    verdict: Verdict,
}

/// Listens for ever.
pub async fn run(settings: Settings, receiver: Receiver) {
    let mut backoff = Backoff::default();
    let mut is_faulty = false;
    loop {
        let began = Instant::now();
        let Err(fault) = live(&settings, &receiver, &mut is_faulty).await;
        receiver.tally().with(|told| told.relay = Some(false));
        if began.elapsed() >= PROVEN_AFTER {
            backoff.reset();
        }
        tracing::debug!(%fault, "the relay's notices are not heard");
        // One that breaks is made anew at once.
        if !matches!(fault, LinkFault::Lost { .. }) && !std::mem::replace(&mut is_faulty, true) {
            receiver.alarm(unheard(Some(fault.to_string())));
        }
        sleep(backoff.next(getrandom::u64().unwrap_or_default())).await;
    }
}

/// One connection.
async fn live(
    settings: &Settings,
    receiver: &Receiver,
    is_faulty: &mut bool,
) -> Result<Infallible, LinkFault> {
    let incoming = settings.body_bytes_max.saturating_mul(2) + ENVELOPE_BYTES_MAX;
    let mut connection = Connection::new(&settings.endpoint, &settings.client_id, |options| {
        options.set_max_packet_size(incoming, ENVELOPE_BYTES_MAX);
    })?;
    connection.connect().await?;
    let filter = Subscribe::new(settings.topics.notices(), QoS::AtLeastOnce);
    connection.ask(Request::Subscribe(filter)).await?;
    let mut in_hand: JoinSet<Answered> = JoinSet::new();
    loop {
        tokio::select! {
            Some(answered) = in_hand.join_next(), if !in_hand.is_empty() => {
                // A panic leaves it unanswered, and the relay tells WeChat so.
                if let Ok(answered) = answered {
                    answer(&mut connection, settings, answered).await?;
                }
            }
            event = connection.poll(), if in_hand.len() < IN_HAND_MAX => match event {
                Ok(Event::Incoming(Packet::Publish(publish))) => {
                    take(&publish, settings, receiver, &mut in_hand);
                }
                Ok(Event::Incoming(Packet::SubAck(ack))) => {
                    let refused = ack.return_codes.contains(&SubscribeReasonCode::Failure);
                    receiver.tally().with(|told| told.relay = Some(!refused));
                    if refused && !std::mem::replace(is_faulty, true) {
                        let why = "the broker refuses the topic; check its access rules";
                        receiver.alarm(unheard(Some(why.to_owned())));
                    } else if !refused && std::mem::take(is_faulty) {
                        receiver.alarm(unheard(None));
                    }
                }
                Ok(_) => {}
                Err(error) => return Err(connection.fault(&error)),
            },
        }
    }
}

/// Retained messages never act: nobody waits for their answer any more.
fn take(
    publish: &Publish,
    settings: &Settings,
    receiver: &Receiver,
    in_hand: &mut JoinSet<Answered>,
) {
    let pkid = publish.pkid;
    let word = settings.topics.notice_of(&publish.topic);
    let is_known = word.and_then(NoticeKind::of_word).is_some();
    let relayed = serde_json::from_slice::<Relayed>(&publish.payload).ok();
    let acts = is_known && !publish.retain;
    let (settings, receiver) = (settings.clone(), receiver.clone());
    in_hand.spawn(async move {
        let Some(relayed) = relayed else {
            tracing::debug!("a relay's message was passed over");
            return Answered {
                pkid,
                id: None,
                verdict: Verdict::NotUnderstood,
            };
        };
        let verdict = match acts {
            true => judge(&relayed, &settings, &receiver).await,
            false => Verdict::NotUnderstood,
        };
        let id = (relayed.id.len() <= LONGEST_ID).then_some(relayed.id);
        Answered { pkid, id, verdict }
    });
}

/// The signature's window is counted from when the relay received it, and that from now.
async fn judge(relayed: &Relayed, settings: &Settings, receiver: &Receiver) -> Verdict {
    let deadline = Instant::now() + ANSWER_WITHIN;
    let Some(raw) = relayed
        .raw()
        .filter(|raw| raw.len() <= settings.body_bytes_max)
    else {
        return Verdict::NotUnderstood;
    };
    let Some(at) = Wall::from_rfc3339(&relayed.received_at) else {
        return Verdict::NotUnderstood;
    };
    let age_ms = receiver.now().wall.0.saturating_sub(at.0);
    let window_ms = i64::try_from(settings.window_ms).unwrap_or(i64::MAX);
    if !(-AHEAD_MS_MAX..=window_ms).contains(&age_ms) {
        tracing::debug!(age_ms, "a relay's notice is too old, or its clock is wrong");
        return Verdict::NotBelieved;
    }
    receiver.take(&relayed.headers(), &raw, at, deadline).await
}

impl Relayed {
    fn raw(&self) -> Option<Vec<u8>> {
        match (&self.body, &self.body_base64) {
            (Some(body), None) => Some(body.clone().into_bytes()),
            (None, Some(base64)) => STANDARD.decode(base64).ok(),
            (Some(_), Some(_)) | (None, None) => None,
        }
    }

    fn headers(&self) -> SignatureHeaders {
        let header = |name: &str| {
            let mut all = self.headers.iter();
            let (_, value) = all.find(|(key, _)| key.eq_ignore_ascii_case(name))?;
            value.as_str().map(str::to_owned)
        };
        SignatureHeaders {
            timestamp: header("Wechatpay-Timestamp"),
            nonce: header("Wechatpay-Nonce"),
            signature: header("Wechatpay-Signature"),
            serial: header("Wechatpay-Serial"),
            signature_type: header("Wechatpay-Signature-Type"),
        }
    }
}

/// The relay first, since WeChat waits for it; then the broker, that it need not send it again.
async fn answer(
    connection: &mut Connection,
    settings: &Settings,
    answered: Answered,
) -> Result<(), LinkFault> {
    let Answered { pkid, id, verdict } = answered;
    let told = id.map(|id| {
        let told = json!({ "id": id, "status": verdict.status(), "body": verdict.body() });
        let topic = settings.topics.notice_answer();
        Packet::Publish(Publish::new(topic, QoS::AtMostOnce, told.to_string()))
    });
    let acknowledged = (pkid != 0).then(|| Packet::PubAck(PubAck::new(pkid)));
    let packets = told.into_iter().chain(acknowledged);
    connection.write(packets, WRITE_WITHIN).await
}

fn unheard(why: Option<String>) -> Alarm {
    Alarm {
        kind: AlarmKind::CallbacksFail,
        subject: "relay".to_owned(),
        raised: why.is_some(),
        text: match why {
            Some(why) => format!(
                "WeChat's callbacks do not come in over the relay: {why}. Charges are polled meanwhile"
            ),
            None => "the relay's notices are heard".to_owned(),
        },
    }
}
