//! Stays that a person should look at, with their evidence, and what a person decided.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::charges::charge::WithdrawnReason;
use crate::charges::payment::{Payment, Toward};
use crate::charges::record::{MoneyRecord, StaffOutcome};
use crate::lane::guard::Doubt;
use crate::lane::number::SessionId;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::reading::PlateRead;
use crate::lane::session::LaneId;
use crate::lane::tariff::Quote;
use crate::lane::time::{Stamp, Wall};

/// Reviews kept in memory, decided ones included; the ledger has them all.
pub(super) const REVIEWS_MAX: usize = 1024;

/// A stay that a person should look at, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The stay.
    pub session: SessionId,
    /// Its plate, as read at the entry.
    pub plate: PlateNumber,
    /// Its plate's colour.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub color: Option<PlateColor>,
    /// When it came in.
    pub entered: Stamp,
    /// When it stood at the exit, where that was seen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exited: Option<Stamp>,
    /// When the doubt came up.
    pub at: Stamp,
    /// Where.
    pub lane: LaneId,
    /// Why a person should look.
    pub why: ReviewWhy,
    /// What the tariff says, where that is known.
    pub fee_fen: Option<u64>,
    /// The same, with the lines that explain it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quote: Option<Quote>,
    /// Paid beside what was due, fen: to be given back.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub over_fen: Option<u64>,
    /// The exit reading, if there was one.
    pub read: Option<PlateRead>,
    /// What was paid for it by then, fen: a quote that is shown is over the rest.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub paid_fen: u64,
    /// What came in for it since.
    #[serde(default, skip_serializing_if = "PaidSince::is_nothing")]
    pub since: PaidSince,
    /// Its newest charge, if one was ever made.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trade_no: Option<String>,
    /// How many charges were made for it.
    #[serde(default)]
    pub charges: u16,
    /// What a person decided; None: it waits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed: Option<Closed>,
}

/// What came in for a stay while it waited for a person.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaidSince {
    /// Toward what was due, by other means than a code, fen.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub fen: u64,
    /// By the number of the code order, fen; also what was more than was due.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub by_code: BTreeMap<String, u64>,
}

impl PaidSince {
    /// Whether nothing came in.
    pub fn is_nothing(&self) -> bool {
        self.fen == 0 && self.by_code.is_empty()
    }

    fn take(&mut self, payment: &Payment) {
        match (&payment.number, &payment.toward) {
            (Some(number), _) => {
                let of = self.by_code.entry(number.clone()).or_default();
                *of = of.saturating_add(payment.fen);
            }
            // Somebody gives it back.
            (None, Toward::Nothing) => {}
            (None, Toward::Stay { .. } | Toward::Charge { .. }) => {
                self.fen = self.fen.saturating_add(payment.fen);
            }
        }
    }
}

fn is_zero(fen: &u64) -> bool {
    *fen == 0
}

/// Why a person should look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewWhy {
    /// The guard kept it from being filed.
    Guarded(Vec<Doubt>),
    /// The plate came in again while it was inside (E4).
    ExitMissed,
    /// The exit came as a replay.
    ReplayedExit,
    /// A person ended it, and it may have to be charged.
    EndedByHand,
    /// More was paid than was due: to be given back.
    PaidTooMuch,
    /// It was charged for less time than it stayed.
    StayedAfterCharge,
}

/// What a person says shall become of a stay.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// Its fee is claimed: as the tariff had it, or as corrected.
    Charge(Terms),
    /// Nothing, or nothing more, is asked for it.
    Waive,
}

/// How a stay is charged. What is left out is as it was found.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Terms {
    /// The fee, fen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fee_fen: Option<u64>,
    /// When the car left; the tariff says what that costs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exited: Option<Wall>,
    /// Whose it really was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plate: Option<PlateNumber>,
}

/// The end of a review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Closed {
    /// What became of the stay.
    pub how: ReviewEnd,
    /// Who decided.
    pub by: String,
    /// Why.
    pub why: String,
}

/// What became of a stay under review.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewEnd {
    /// Its fee is claimed.
    Charged {
        /// `out_trade_no` of the claim.
        trade_no: String,
        /// Fen.
        fee_fen: u64,
    },
    /// Nothing, or nothing more, is asked for it.
    Waived {
        /// What the tariff had said, fen.
        fee_fen: Option<u64>,
    },
    /// A person finished its charge, and so the matter.
    Finished {
        /// `out_trade_no` of the charge.
        trade_no: String,
    },
    /// Too many wait, and it was the oldest.
    MadeRoom,
}

/// Takes up a review; where there are too many, a decided one goes, or the oldest.
pub(super) fn open(reviews: &mut BTreeMap<SessionId, Review>, review: &Review) {
    reviews.insert(review.session.clone(), review.clone());
    while reviews.len() > REVIEWS_MAX {
        let decided = reviews.iter().find(|(_, review)| review.closed.is_some());
        match decided.map(|(session, _)| session.clone()) {
            Some(session) => drop(reviews.remove(&session)),
            None => drop(reviews.pop_first()),
        }
    }
}

/// What a fact about money is to the review of its stay.
pub(super) fn note_money(reviews: &mut BTreeMap<SessionId, Review>, record: &MoneyRecord) {
    match record {
        MoneyRecord::ChargeOpened { claim } => {
            if let Some(review) = reviews.get_mut(&claim.session) {
                review.trade_no = Some(claim.trade_no.clone());
                review.charges = review.charges.saturating_add(1);
            }
        }
        MoneyRecord::PaymentTaken { payment } => {
            let review = reviews.get_mut(&payment.session);
            if let Some(review) = review.filter(|review| review.closed.is_none()) {
                review.since.take(payment);
            }
        }
        MoneyRecord::StaffFinished { trade_no, how } => {
            let (by, why) = match how {
                StaffOutcome::Collected { by, channel } => (by, channel),
                StaffOutcome::WrittenOff { by, why } => (by, why),
                StaffOutcome::Replaced { .. } => return,
            };
            finish(reviews, trade_no, by, why);
        }
        MoneyRecord::ChargeWithdrawn { trade_no, reason } => {
            let (by, why) = match reason {
                WithdrawnReason::PaidElsewhere { by, channel } => (by, channel),
                WithdrawnReason::Waived { by, why } => (by, why),
                WithdrawnReason::Replaced { .. } => return,
            };
            finish(reviews, trade_no, by, why);
        }
        _ => {}
    }
}

fn finish(reviews: &mut BTreeMap<SessionId, Review>, trade_no: &str, by: &str, why: &str) {
    let session = SessionId::named_by(trade_no);
    if let Some(review) = session.and_then(|session| reviews.get_mut(&session)) {
        review.closed.get_or_insert_with(|| Closed {
            how: ReviewEnd::Finished {
                trade_no: trade_no.to_owned(),
            },
            by: by.to_owned(),
            why: why.to_owned(),
        });
    }
}
