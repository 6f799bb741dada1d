//! A stay under review with all that a person decides it by.

use std::path::Path;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::at;
use super::happening::{self, Story};
use super::standing::Standing;
use super::steps;
use crate::charges::record::{Correction, MoneyRecord};
use crate::charges::totals::Arrears;
use crate::lane::near;
use crate::lane::number::SessionId;
use crate::lane::plate::PlateColor;
use crate::lane::time::{Stamp, Wall};
use crate::notice::Notice;
use crate::park::event::Event;
use crate::park::record::Record;
use crate::park::review::Review;
use crate::store::ledger::LedgerError;

/// Everything about it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Case {
    /// None: it was never under review, or so long ago that only the story tells.
    pub review: Option<Review>,
    /// When it came in and when it left, each with whether the clock was trusted then.
    pub times: Option<Times>,
    pub story: Story,
    /// What was sent to WeChat and what came back, whole. No secret is in either.
    pub exchanges: Vec<Exchange>,
    /// Open stays whose plates resemble what was read at the exit, nearest first.
    pub candidates: Vec<Candidate>,
    /// What its plate owes from before.
    pub arrears: Option<Arrears>,
    /// The refund that is still to be made.
    pub correction: Option<Correction>,
}

/// The two ends of a stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Times {
    pub entered: Stamp,
    pub exited: Option<Stamp>,
    /// None: no clock can tell.
    pub stay_ms: Option<u64>,
}

/// One request as it was sent, or one answer as it was believed or not.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Exchange {
    /// The record that holds it.
    pub seq: u64,
    #[serde(with = "at")]
    pub at: Wall,
    /// `entry_sent`, `charge_sent`, `entry_answered`, `charge_answered`, `query_answered`.
    pub what: String,
    pub content: Value,
}

/// A stay that may be meant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Candidate {
    pub session: String,
    pub plate: String,
    pub color: Option<PlateColor>,
    #[serde(with = "at")]
    pub entered: Wall,
    /// Half edits between the two plates.
    pub half_edits: u16,
}

/// So many candidates are shown.
const CANDIDATES_MAX: usize = 5;

/// Everything about a stay; None if the ledger does not know it.
///
/// # Errors
/// When the ledger cannot be read.
pub fn of(dir: &Path, session: &SessionId) -> Result<Option<Case>, LedgerError> {
    let Some(story) = happening::of(dir, session)? else {
        return Ok(None);
    };
    let standing = Standing::read(dir)?;
    let review = standing.site.reviews.get(session).cloned();
    let plate = review.as_ref().map(|review| review.plate.clone());
    let trade_no = story.charge.as_ref().map(|charge| &charge.trade_no);
    let correction = trade_no.and_then(|trade_no| standing.book.correction(trade_no));
    Ok(Some(Case {
        times: review.as_ref().map(times),
        candidates: candidates(&standing, session, review.as_ref()),
        arrears: plate.and_then(|plate| standing.book.arrears_of(&plate)),
        correction: correction.cloned(),
        exchanges: exchanges(dir, session)?,
        review,
        story,
    }))
}

fn times(review: &Review) -> Times {
    let exited = review.exited.clone();
    Times {
        entered: review.entered.clone(),
        stay_ms: exited
            .as_ref()
            .and_then(|exited| review.entered.stay_ms(exited)),
        exited,
    }
}

/// By what was read at the exit, or by its own plate where nothing was.
fn candidates(standing: &Standing, session: &SessionId, review: Option<&Review>) -> Vec<Candidate> {
    let Some(review) = review else {
        return Vec::new();
    };
    let read = review.read.as_ref().and_then(|read| read.plate.as_ref());
    let read = read.unwrap_or(&review.plate);
    let own = standing.site.session(session).map(|stay| stay.plate);
    let inside = standing.site.plates_inside();
    let others = inside.filter(|plate| Some(*plate) != own.as_ref());
    let rules = near::Rules::default();
    near::ranked(read.as_str(), others, &rules, CANDIDATES_MAX)
        .into_iter()
        .filter_map(|(distance, plate)| {
            let stay = standing.site.session_of(plate)?;
            Some(Candidate {
                session: stay.id.0.clone(),
                plate: plate.as_str().to_owned(),
                color: stay.color,
                entered: stay.entered.now.wall,
                half_edits: distance.0,
            })
        })
        .collect()
}

fn exchanges(dir: &Path, session: &SessionId) -> Result<Vec<Exchange>, LedgerError> {
    let mut exchanges = Vec::new();
    steps::read(dir, None, |told| {
        if !told.mentions(&session.0) {
            return;
        }
        let found = match told.record() {
            Some(Record::Money(record)) => request(&record, session),
            Some(Record::StepTaken(step)) => answer(&step.event, session),
            _ => None,
        };
        if let Some((what, content)) = found {
            let (seq, at, what) = (told.seq, told.at, what.to_owned());
            exchanges.push(Exchange {
                seq,
                at,
                what,
                content,
            });
        }
    })?;
    Ok(exchanges)
}

fn request(record: &MoneyRecord, session: &SessionId) -> Option<(&'static str, Value)> {
    let (what, text) = match record {
        MoneyRecord::EntrySent {
            session: of, body, ..
        } if of == session => ("entry_sent", body),
        MoneyRecord::ChargeSent {
            trade_no,
            body: Some(body),
        } if SessionId::named_by(trade_no).as_ref() == Some(session) => ("charge_sent", body),
        _ => return None,
    };
    // As it was frozen; what is no JSON is shown as it is.
    let content = serde_json::from_slice(text.as_bytes()).unwrap_or_else(|_| json!(text));
    Some((what, content))
}

fn answer(event: &Event, session: &SessionId) -> Option<(&'static str, Value)> {
    let is_ours = |trade_no: &str| SessionId::named_by(trade_no).as_ref() == Some(session);
    match event {
        Event::EntryAnswered { session: of, heard } if of == session => {
            Some(("entry_answered", json!(heard)))
        }
        Event::ChargeAnswered { trade_no, heard } if is_ours(trade_no) => {
            Some(("charge_answered", json!(heard)))
        }
        Event::QueryAnswered { trade_no, heard } if is_ours(trade_no) => {
            Some(("query_answered", json!(heard)))
        }
        Event::Noticed { told } if is_about(&told.notice, session) => {
            Some(("noticed", json!(told)))
        }
        _ => None,
    }
}

fn is_about(notice: &Notice, session: &SessionId) -> bool {
    let number = match notice {
        Notice::Entry(entry) => &entry.out_parking_no,
        Notice::Order(order) => &order.order.out_trade_no,
        Notice::Refund(refund) => &refund.out_trade_no,
        Notice::Native(native) => &native.out_trade_no,
        Notice::Other { .. } => return false,
    };
    SessionId::named_by(number).as_ref() == Some(session)
}
