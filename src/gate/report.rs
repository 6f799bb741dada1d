//! What the gate tells people: log lines and the answers of the local socket. Plates are masked above
//! DEBUG.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::BROKER;
use super::bills;
use super::ears::Ears;
use super::ports::Ports;
use crate::barrier::Barriers;
use crate::camera::{CameraEvent, Report};
use crate::charges::book::Book;
use crate::charges::record::MoneyRecord;
use crate::charges::spot::SpotTold;
use crate::control::{Answer, Question};
use crate::health::Alarms;
use crate::lane::alarm::{AlarmKind, Severity};
use crate::lane::raise::HoldReason;
use crate::lane::service::ServiceState;
use crate::lane::session::LaneId;
use crate::lane::time::{Moment, Now};
use crate::notice::Told;
use crate::park::Park;
use crate::park::event::Event;
use crate::park::record::{LaneRecord, Record};
use crate::park::reply::{Done, Refusal};
use crate::park::rules::Direction;
use crate::park::state::Hold;
use crate::park::step::Step;
use crate::story::session::SessionRow;
use crate::story::{archive, spot, standing};

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
        LaneRecord::ReviewClosed {
            session, how, by, ..
        } => {
            tracing::info!(%session, ?how, by, "review decided");
        }
        LaneRecord::PlateNamed {
            lane,
            plate,
            session,
            by,
            ..
        } => {
            tracing::info!(%lane, ?plate, ?session, by, "plate named by a person");
        }
        LaneRecord::ListChanged { by, why, .. } => {
            tracing::info!(by, why, "lists changed");
        }
        LaneRecord::BenefitGiven { session, by, .. } => {
            tracing::info!(%session, by, "coupon or time on the charger handed in");
        }
        LaneRecord::BenefitTakenBack { session, by, .. } => {
            tracing::info!(%session, by, "coupon or time on the charger taken back");
        }
        LaneRecord::ZonePassed {
            session,
            lane,
            zone,
            way,
            ..
        } => {
            tracing::info!(%session, %lane, zone, ?way, "passed within the car park");
        }
        LaneRecord::BalanceChanged {
            plate,
            fen,
            left_fen,
            by,
            ..
        } => {
            tracing::info!(?plate, fen, left_fen, by, "stored value");
        }
        LaneRecord::ArrearsSeen {
            session,
            plate,
            owes,
            ..
        } => {
            let (charges, fen) = (owes.charges, owes.fen);
            tracing::info!(%session, ?plate, charges, fen, "owes from before");
        }
        LaneRecord::NumbersSkipped { sessions } => {
            tracing::warn!(sessions, "numbers skipped: some may be in use already");
        }
        LaneRecord::PlacesCounted {
            inside,
            open_stays,
            by,
            ..
        } => {
            tracing::info!(inside, open_stays, by, "cars counted by a person");
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
        MoneyRecord::EntryServiceChanged {
            session, service, ..
        } => {
            tracing::info!(%session, ?service, "entry changed, WeChat tells");
        }
        MoneyRecord::AdvanceRepaid { trade_no, .. } => {
            tracing::info!(%trade_no, "the driver repaid WeChat's advance");
        }
        MoneyRecord::NoticeSetAside { about, number } => {
            let about = about.word();
            tracing::warn!(
                about,
                number,
                "a notice speaks of what is not in this ledger"
            );
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
        MoneyRecord::PaymentTaken { payment } => {
            let (session, fen, by) = (&payment.session, payment.fen, &payment.by);
            tracing::info!(%session, fen, by, "money taken");
        }
        MoneyRecord::CorrectionAsked { correction } => {
            let (trade_no, by) = (&correction.trade_no, &correction.by);
            tracing::info!(%trade_no, by, "correction asked for");
        }
        MoneyRecord::CorrectionDone { trade_no, by, .. } => {
            tracing::info!(%trade_no, by, "correction closed");
        }
        MoneyRecord::RefundAsked { refund } => {
            let (number, trade_no) = (&refund.refund_no, &refund.trade_no);
            tracing::info!(%number, %trade_no, fen = refund.fen, by = refund.by, "refund asked for");
        }
        MoneyRecord::RefundTold { refund_no, told } => {
            tracing::info!(%refund_no, ?told, "refund");
        }
        MoneyRecord::RefundGivenUp { refund_no, by, .. } => {
            tracing::info!(%refund_no, by, "refund ended by a person");
        }
        MoneyRecord::SpotAsked { spot } => {
            tracing::info!(number = %spot.number, fen = spot.fen, lane = %spot.lane, "to be paid by code");
        }
        MoneyRecord::SpotTold { number, told } => spot_told(number, told),
        MoneyRecord::SpotGivenUp { number, why, .. } => {
            tracing::info!(%number, ?why, "code given up");
        }
        _ => {}
    }
}

/// Who has the code's text can pay it, so that is no line of a log.
fn spot_told(number: &str, told: &SpotTold) {
    match told {
        SpotTold::Open { .. } => tracing::info!(%number, "code shown"),
        SpotTold::Paid { .. } => tracing::info!(%number, "code paid"),
        told => tracing::info!(%number, ?told, "code"),
    }
}

/// What hangs on the box, beside the cameras of the broker.
pub struct Hardware<'a> {
    pub ports: &'a Ports,
    pub barriers: &'a Barriers,
    /// As the status tells it.
    pub clock: Value,
    /// What became of WeChat's callbacks; None: none is received.
    pub notices: Option<Told>,
    /// How far WeChat's bills have come; None: none is fetched.
    pub bills: Option<bills::Told>,
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

/// Answers a question that changes nothing, from what the loop has in memory.
pub fn answer(
    question: &Question,
    park: &Park,
    alarms: &Alarms,
    hardware: &Hardware<'_>,
    now: Moment,
) -> Answer {
    let (site, book) = (park.site(), park.queue().book());
    match question {
        Question::Status => Answer::Ok(status(park, alarms, hardware)),
        Question::Places => Answer::Ok(json!({
            "cars_inside": site.counted_inside(),
            "stays": site.cars_inside(),
            "places": places(park),
        })),
        Question::Review => Answer::Ok(standing::review(site, book, !park.queue().is_silent())),
        Question::Code { lane } => match park.rules().lanes.contains_key(lane) {
            true => Answer::Ok(code(park, lane)),
            false => Answer::Refused(Refusal::UnknownLane { lane: lane.clone() }),
        },
        Question::Sessions(wanted) => {
            Answer::Ok(archive::sessions_answer(wanted, SessionRow::open(site), 0))
        }
        Question::Charges(wanted) => {
            let rows = standing::open_charges(book).map(|mut row| {
                row.due_in_ms = due_in_ms(park, &row.trade_no, now);
                row
            });
            Answer::Ok(archive::charges_answer(wanted, rows, 0))
        }
        Question::Due => {
            let numbers = book.queued().map(|number| number.trade_no());
            let due: BTreeMap<String, u64> = numbers
                .filter_map(|number| Some((due_in_ms(park, &number, now)?, number)))
                .map(|(due_in_ms, number)| (number, due_in_ms))
                .collect();
            Answer::Ok(json!(due))
        }
        Question::Refunds { .. } => Answer::Ok(archive::refunds_answer(standing::refunds(book), 0)),
        Question::Lists => Answer::Ok(standing::lists(park.site())),
        Question::Arrears { plate } => Answer::Ok(standing::arrears(book, plate.as_deref())),
        Question::Session { .. }
        | Question::Charge { .. }
        | Question::Reviewed { .. }
        | Question::Export { .. } => {
            Answer::Error("the ledger answers that, at the socket".to_owned())
        }
        Question::Raise { .. }
        | Question::Retry { .. }
        | Question::ToStaff { .. }
        | Question::Finish { .. }
        | Question::Decide { .. }
        | Question::Correct { .. }
        | Question::Corrected { .. }
        | Question::Refund { .. }
        | Question::RetryRefund { .. }
        | Question::EndRefund { .. }
        | Question::EndCode { .. }
        | Question::NamePlate { .. }
        | Question::ChangeList { .. }
        | Question::Benefit { .. }
        | Question::Balance { .. }
        | Question::EndStay { .. }
        | Question::CountPlaces { .. }
        | Question::Pay { .. }
        | Question::Find(_)
        | Question::Erase(_)
        | Question::Devices
        | Question::Store
        | Question::Keys
        | Question::ReloadKeys => Answer::Error("the loop answers that itself".to_owned()),
    }
}

/// What a driver can scan at a lane: to pay, or to enrol. Null: nothing. Without the plate.
pub fn code(park: &Park, lane: &LaneId) -> Value {
    let (site, book) = (park.site(), park.queue().book());
    let pay = spot::shown_at(site, book, lane, !park.queue().is_silent());
    let held = site.holds.get(lane);
    let enrol = held.filter(|hold| is_unenrolled(hold, book));
    let enrol_url = park.rules().config.pointer("/exit/enrol_url");
    let enrol_url = enrol_url
        .and_then(Value::as_str)
        .filter(|_| enrol.is_some());
    if pay.is_none() && enrol_url.is_none() {
        return Value::Null;
    }
    json!({ "lane": lane, "pay": pay, "enrol_url": enrol_url })
}

/// Whether the driver of a held car could be charged if he had enrolled the plate.
fn is_unenrolled(hold: &Hold, book: &Book) -> bool {
    let is_word = |word: &str| matches!(word, "OUT_SERVICE" | "REMOVE" | "NOT_FOUND");
    match &hold.reason {
        HoldReason::Blocked(word) => is_word(word),
        HoldReason::NotRegistered(_) => true,
        HoldReason::Refused(code) => {
            let charge = hold.trade_no.as_ref().and_then(|it| book.on_desk(it));
            let service = charge.and_then(|charge| Some(charge.body?.service));
            is_word(code) || matches!(service, Some(ServiceState::Blocked(word)) if is_word(&word))
        }
        _ => false,
    }
}

/// The same for each exit lane, as it is told on the broker.
pub fn codes(park: &Park) -> BTreeMap<String, Value> {
    let lanes = park.rules().lanes.iter();
    let exits = lanes.filter(|(_, rules)| rules.direction == Direction::Exit);
    exits
        .map(|(lane, _)| (lane.0.clone(), code(park, lane)))
        .collect()
}

fn due_in_ms(park: &Park, trade_no: &str, now: Moment) -> Option<u64> {
    let at = park.queue().next_at(trade_no)?;
    Some(at.since_ms(now))
}

fn status(park: &Park, alarms: &Alarms, hardware: &Hardware<'_>) -> Value {
    let mut status = standing::status(park.ledger(), park.site(), park.queue().book());
    status["places"] = places(park);
    status["wechat_silent"] = park.queue().is_silent().into();
    status["wechat"] = wechat(park, alarms).code().into();
    status["clock"] = hardware.clock.clone();
    status["devices"] = hardware.ports.status().into();
    status["callbacks"] = json!(hardware.notices);
    status["bills"] = json!(hardware.bills);
    status["barriers"] = json!(drivers(hardware.barriers));
    status["codes"] = codes_listed(park).into();
    status["alarms"] = json!(alarms.standing());
    status
}

/// Which lanes show a code to pay by, over how much, since when.
fn codes_listed(park: &Park) -> Vec<Value> {
    let (site, book) = (park.site(), park.queue().book());
    let is_heard = !park.queue().is_silent();
    let lanes = park.rules().lanes.keys();
    lanes
        .filter_map(|lane| spot::listed_at(site, book, lane, is_heard))
        .collect()
}

/// Null where places are not counted.
fn places(park: &Park) -> Value {
    let inside = park.site().counted_inside();
    match &park.rules().entry.places {
        Some(places) => json!({
            "count": places.count,
            "free": places.count.saturating_sub(inside),
            "uncounted": park.site().uncounted(),
        }),
        None => Value::Null,
    }
}

/// Each barrier with how it is.
fn drivers(barriers: &Barriers) -> Vec<Value> {
    let states = barriers.states().into_iter();
    states
        .map(|(lane, state)| {
            let mut told = json!(state);
            told["lane"] = json!(lane);
            told
        })
        .collect()
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
    let mut state = standing::figures(site, park.queue().book());
    state["places"] = places(park);
    state["online"] = true.into();
    state["version"] = env!("CARGO_PKG_VERSION").into();
    state["ledger"] = park.ledger().to_string().into();
    state["since"] = started.wall.to_rfc3339().into();
    state["lanes"] = lanes.collect();
    state["links"] = json!({
        "cameras": if alarms.stands(AlarmKind::LinkDown, BROKER) { "down" } else { "up" },
        "wechat": wechat(park, alarms).words(),
        "store": if alarms.stands(AlarmKind::StoreFailed, "store") { "failed" } else { "writes" },
        "clock": if now.trusted { "trusted" } else { "untrusted" },
    });
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
        park.site().counted_inside(),
        book.standing().queued(),
        wechat(park, alarms).words(),
    );
    if let Some(worst) = alarms.standing().first() {
        line.push_str("; ");
        line.push_str(&worst.text);
    }
    line
}

/// How things are between the box and WeChat. What keeps the box itself from asking is told first.
#[derive(Clone, Copy)]
enum WeChat {
    WithoutKeys,
    Stopped,
    StoreFailed,
    ClockUntrusted,
    Silent,
    Answers,
}

impl WeChat {
    fn code(self) -> &'static str {
        match self {
            Self::WithoutKeys => "without_keys",
            Self::Stopped => "stopped",
            Self::StoreFailed => "store_failed",
            Self::ClockUntrusted => "clock_untrusted",
            Self::Silent => "silent",
            Self::Answers => "answers",
        }
    }

    fn words(self) -> &'static str {
        match self {
            Self::WithoutKeys => "without keys",
            Self::Stopped => "stopped",
            Self::StoreFailed => "not asked: the store fails",
            Self::ClockUntrusted => "not asked: the clock is not trusted",
            Self::Silent => "silent",
            Self::Answers => "answers",
        }
    }
}

fn wechat(park: &Park, alarms: &Alarms) -> WeChat {
    let queue = park.queue();
    if alarms.stands(AlarmKind::SecretsMissing, "wechat") {
        WeChat::WithoutKeys
    } else if queue.is_paused() {
        WeChat::StoreFailed
    } else if queue.waits_for_clock() {
        WeChat::ClockUntrusted
    } else if queue.book().stop().is_some() {
        WeChat::Stopped
    } else if queue.is_silent() {
        WeChat::Silent
    } else {
        WeChat::Answers
    }
}
