//! What the gate tells people: log lines and the answers of the local socket. Plates are masked above
//! DEBUG.

use serde_json::{Value, json};

use super::BROKER;
use super::ears::Ears;
use crate::camera::{CameraEvent, Report};
use crate::charges::charge::ChargeState;
use crate::charges::record::MoneyRecord;
use crate::control::{Answer, Question};
use crate::health::Alarms;
use crate::lane::alarm::{AlarmKind, Severity};
use crate::lane::session::LaneId;
use crate::lane::time::Now;
use crate::park::Park;
use crate::park::event::Event;
use crate::park::record::{LaneRecord, Record};
use crate::park::reply::{Done, Refusal};
use crate::park::step::Step;

/// What a camera said, if it is worth a line.
pub fn heard(heard: &CameraEvent, lane: Option<&LaneId>) {
    match (&heard.report, lane) {
        (Report::Dropped { fault, detail }, _) => {
            tracing::warn!(camera = %heard.camera_id, ?fault, "a message was dropped: {detail}");
        }
        (_, None) => {
            tracing::debug!(camera = %heard.camera_id, "not a camera of this box");
        }
        _ => {}
    }
}

/// What a step decided.
pub fn step(event: &Event, step: &Step) {
    if let (Some(why), Event::PlateRead { lane, read, .. }) = (&step.ignored, event) {
        tracing::debug!(%lane, plate = ?read.plate, ?why, "reading ignored");
    }
    for record in &step.records {
        match record {
            Record::Lane(record) => lane_fact(record),
            Record::Money(record) => money_fact(record),
            _ => {}
        }
    }
}

fn lane_fact(record: &LaneRecord) {
    match record {
        LaneRecord::SessionOpened { session } => {
            tracing::info!(
                session = %session.id, plate = ?session.plate, lane = %session.lane, "came in"
            );
        }
        LaneRecord::SessionClosed {
            session,
            plate,
            lane,
            ending,
            fee_fen,
            ..
        } => {
            tracing::info!(%session, ?plate, %lane, ?ending, fee_fen, "left");
        }
        LaneRecord::RaiseDecided {
            raise,
            lane,
            plate,
            reason,
            ..
        } => {
            tracing::info!(raise, %lane, ?plate, ?reason, "raise");
        }
        LaneRecord::RaiseReissued { raise, lane } => {
            tracing::info!(raise, %lane, "raise once more");
        }
        LaneRecord::HoldStarted { hold } => {
            tracing::info!(lane = %hold.lane, plate = ?hold.plate, reason = ?hold.reason, "held");
        }
        LaneRecord::ReviewOpened { review } => {
            tracing::info!(session = %review.session, why = ?review.why, "for review");
        }
        LaneRecord::NumbersSkipped { sessions } => {
            tracing::warn!(sessions, "numbers skipped: the last commit may be lost");
        }
        LaneRecord::DoubtLifted { .. }
        | LaneRecord::RaiseCarriedOut { .. }
        | LaneRecord::Passed { .. }
        | LaneRecord::HoldEnded { .. } => {}
    }
}

fn money_fact(record: &MoneyRecord) {
    match record {
        MoneyRecord::EntryRegistered {
            session, service, ..
        } => {
            tracing::info!(%session, ?service, "entry registered");
        }
        MoneyRecord::EntryEnded { session, why } => {
            tracing::debug!(%session, ?why, "entry ended");
        }
        MoneyRecord::ChargeOpened { claim } => {
            tracing::info!(
                trade_no = %claim.trade_no, fee_fen = claim.quote.fee_fen, "charge opened"
            );
        }
        MoneyRecord::ChargeAccepted { trade_no, .. } => {
            tracing::info!(%trade_no, "charge accepted");
        }
        MoneyRecord::ChargeSettled { trade_no, .. } => {
            tracing::info!(%trade_no, "charge settled");
        }
        MoneyRecord::ChargeUnknown { trade_no, why, .. } => {
            tracing::info!(%trade_no, why, "charge unknown, to be queried");
        }
        MoneyRecord::ChargeHandedToStaff { trade_no, reason } => {
            tracing::info!(%trade_no, ?reason, "charge with the staff");
        }
        MoneyRecord::ChargeWithdrawn { trade_no, .. } => {
            tracing::info!(%trade_no, "charge withdrawn");
        }
        MoneyRecord::StaffFinished { trade_no, how } => {
            tracing::info!(%trade_no, ?how, "finished by the staff");
        }
        _ => {}
    }
}

/// Answers whoever asked for something to be done. What is not on disk is not done, but for an arm
/// that rises all the same (DESIGN 3.12).
pub fn told(event: &Event, reply: Result<Done, Refusal>, is_on_disk: bool) -> Answer {
    match reply {
        Err(refusal) => Answer::Refused(refusal),
        Ok(done) if is_on_disk || matches!(event, Event::AttendantRaised { .. }) => {
            Answer::Ok(json!(done))
        }
        Ok(done) => Answer::Error(format!(
            "{done}, but the store cannot write: this is in memory alone and lost if the power goes"
        )),
    }
}

/// Answers a question that changes nothing.
pub fn answer(question: &Question, park: &Park, alarms: &Alarms) -> Answer {
    match question {
        Question::Status => Answer::Ok(status(park, alarms)),
        Question::Review => Answer::Ok(review(park)),
        Question::Raise { .. } | Question::Retry { .. } | Question::ToStaff { .. } => {
            Answer::Error("an event, and no question".to_owned())
        }
    }
}

fn status(park: &Park, alarms: &Alarms) -> Value {
    let mut status = figures(park);
    let book = park.queue().book();
    status["version"] = env!("CARGO_PKG_VERSION").into();
    status["ledger"] = park.ledger().to_string().into();
    status["wechat_silent"] = park.queue().is_silent().into();
    status["merchant_stopped"] = json!(book.stop().map(|stop| stop.code.clone()));
    status["alarms"] = json!(alarms.standing());
    status
}

/// Cars, queue and money, in numbers alone.
fn figures(park: &Park) -> Value {
    let book = park.queue().book();
    let count = |wanted: fn(&ChargeState) -> bool| {
        book.charges()
            .filter(|charge| wanted(&charge.state))
            .count()
    };
    json!({
        "cars_inside": park.site().sessions.len(),
        "queue": {
            "entries": book.entries().count(),
            "waiting_for_entry": count(|s| matches!(s, ChargeState::WaitingForEntry)),
            "due": count(|s| matches!(s, ChargeState::Due)),
            "sent": count(|s| matches!(s, ChargeState::Sent)),
            "unknown": count(|s| matches!(s, ChargeState::Unknown { .. } | ChargeState::ToRepeat)),
            "accepted": count(|s| matches!(s, ChargeState::Accepted { .. })),
        },
        "with_staff": book.desk().count(),
        "held": park.site().holds.len(),
        "exposure_fen": book.exposure_fen(),
        "totals": book.totals(),
    })
}

/// The data of the retained `state` (docs/topics.md). Without plates, and without what changes by itself.
pub fn state(park: &Park, alarms: &Alarms, ears: &Ears, started: Now, now: Now) -> Value {
    let site = park.site();
    let lanes = park.rules().lanes.iter().map(|(id, lane)| {
        json!({
            "id": id,
            "direction": lane.direction,
            "camera": if ears.is_silent(id, now.moment) { "silent" } else { "heard" },
            "held": site.holds.contains_key(id),
        })
    });
    let standing = alarms.standing();
    let count = |severity| standing.iter().filter(|it| it.severity == severity).count();
    let mut state = figures(park);
    state["online"] = true.into();
    state["version"] = env!("CARGO_PKG_VERSION").into();
    state["ledger"] = park.ledger().to_string().into();
    state["since"] = started.wall.to_rfc3339().into();
    state["lanes"] = lanes.collect();
    state["links"] = json!({
        "cameras": if alarms.stands(AlarmKind::LinkDown, BROKER) { "down" } else { "up" },
        "wechat": wechat(park, alarms),
        "store": if alarms.stands(AlarmKind::StoreFailed, "store") { "failed" } else { "writes" },
        "clock": if now.trusted { "trusted" } else { "untrusted" },
    });
    state["reviews"] = site.reviews.len().into();
    state["alarms"] = json!({
        "critical": count(Severity::Critical),
        "warning": count(Severity::Warning),
        "notice": count(Severity::Notice),
    });
    state
}

/// How things are in one line, for `systemctl status`.
pub fn line(park: &Park, alarms: &Alarms) -> String {
    let book = park.queue().book();
    let mut line = format!(
        "{} lanes, {} cars inside, {} charges not settled, WeChat {}",
        park.rules().lanes.len(),
        park.site().sessions.len(),
        book.charges().count(),
        wechat(park, alarms),
    );
    if let Some(worst) = alarms.standing().first() {
        line.push_str("; ");
        line.push_str(&worst.text);
    }
    line
}

fn wechat(park: &Park, alarms: &Alarms) -> &'static str {
    let stopped = park.queue().book().stop().is_some();
    match (stopped, park.queue().is_silent()) {
        _ if alarms.stands(AlarmKind::SecretsMissing, "wechat") => "without keys",
        (true, _) => "stopped",
        (false, true) => "silent",
        (false, false) => "answers",
    }
}

fn review(park: &Park) -> Value {
    let site = park.site();
    json!({
        "held": site.holds.values().collect::<Vec<_>>(),
        "stays": site.reviews.values().collect::<Vec<_>>(),
        "with_staff": park.queue().book().desk().collect::<Vec<_>>(),
    })
}
