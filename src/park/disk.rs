//! Records as they stand on disk: class, number, version, JSON (docs/ledger-format.md, "Record kinds").

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::event::Event;
use super::record::{LaneRecord, Record};
use crate::charges::record::MoneyRecord;
use crate::store::record::{Class, Record as Stored};

/// Version of every payload's form in this release.
const VERSION: u16 = 1;

const STEP: u16 = 1;
const RULES: u16 = 2;
const CHECKPOINT: u16 = 3;

/// A payload that is not what its number says. Where it is wrong is told, and not with what: plates may
/// stand there.
#[derive(Debug, thiserror::Error)]
#[error(
    "record kind {kind} version {version} cannot be read: {} at byte {}",
    match wrong.is_data() { true => "another form than it should have", false => "not JSON" },
    wrong.column()
)]
pub struct Unreadable {
    /// Number of the kind.
    pub kind: u16,
    /// Version of its form.
    pub version: u16,
    wrong: serde_json::Error,
}

impl Record {
    /// For the ledger.
    pub fn to_stored(&self) -> Stored {
        let (class, kind, payload) = match self {
            Self::StepTaken(step) => (class_of_event(&step.event), STEP, json(step)),
            Self::RulesChanged(rules) => (Class::Event, RULES, json(rules)),
            Self::Checkpoint(snapshot) => (Class::Session, CHECKPOINT, json(snapshot)),
            Self::Lane(record) => (Class::Session, lane_kind(record), json(record)),
            Self::Money(record) => (Class::Money, money_kind(record), json(record)),
            Self::Unknown { kind } => (Class::Event, *kind, Vec::new()),
        };
        Stored {
            class,
            kind,
            version: VERSION,
            payload,
        }
    }

    /// From the ledger. Kinds and versions that this release does not know are kept apart, not refused.
    ///
    /// # Errors
    /// When a kind that it does know has another form than it should.
    pub fn from_stored(stored: &Stored) -> Result<Self, Unreadable> {
        let unknown = Self::Unknown { kind: stored.kind };
        if stored.version != VERSION || stored.payload.is_empty() {
            return Ok(unknown);
        }
        match (stored.kind, stored.class) {
            (STEP, _) => parse(stored).map(Self::StepTaken),
            (RULES, _) => parse(stored).map(Self::RulesChanged),
            (CHECKPOINT, _) => parse(stored).map(Self::Checkpoint),
            (kind, Class::Session) if LANE_KINDS.contains(&kind) => parse(stored).map(Self::Lane),
            (kind, Class::Money) if MONEY_KINDS.contains(&kind) => parse(stored).map(Self::Money),
            _ => Ok(unknown),
        }
    }
}

fn json<T: Serialize>(value: &T) -> Vec<u8> {
    serde_json::to_vec(value).expect("records are structs of strings and integers")
}

fn parse<T: DeserializeOwned>(stored: &Stored) -> Result<T, Unreadable> {
    serde_json::from_slice(&stored.payload).map_err(|wrong| Unreadable {
        kind: stored.kind,
        version: stored.version,
        wrong,
    })
}

/// Readings are erased first, money last.
fn class_of_event(event: &Event) -> Class {
    match event {
        Event::PlateRead { .. } => Class::Reading,
        Event::EntryAnswered { .. }
        | Event::ChargeAnswered { .. }
        | Event::QueryAnswered { .. } => Class::Money,
        _ => Class::Event,
    }
}

const LANE_KINDS: std::ops::RangeInclusive<u16> = 16..=26;

fn lane_kind(record: &LaneRecord) -> u16 {
    match record {
        LaneRecord::SessionOpened { .. } => 16,
        LaneRecord::SessionClosed { .. } => 17,
        LaneRecord::RaiseDecided { .. } => 18,
        LaneRecord::RaiseReissued { .. } => 19,
        LaneRecord::RaiseCarriedOut { .. } => 20,
        LaneRecord::Passed { .. } => 21,
        LaneRecord::HoldStarted { .. } => 22,
        LaneRecord::HoldEnded { .. } => 23,
        LaneRecord::ReviewOpened { .. } => 24,
        LaneRecord::NumbersSkipped { .. } => 25,
        LaneRecord::DoubtLifted { .. } => 26,
    }
}

const MONEY_KINDS: std::ops::RangeInclusive<u16> = 32..=53;

fn money_kind(record: &MoneyRecord) -> u16 {
    match record {
        MoneyRecord::EntryOpened { .. } => 32,
        MoneyRecord::EntrySent { .. } => 33,
        MoneyRecord::EntryUnknown { .. } => 34,
        MoneyRecord::EntryRegistered { .. } => 35,
        MoneyRecord::EntryRenumbered { .. } => 36,
        MoneyRecord::EntryEnded { .. } => 37,
        MoneyRecord::ChargeOpened { .. } => 38,
        MoneyRecord::ChargeSent { .. } => 39,
        MoneyRecord::ChargeDueAgain { .. } => 40,
        MoneyRecord::ChargeUnknown { .. } => 41,
        MoneyRecord::ChargeAccepted { .. } => 42,
        MoneyRecord::ChargeSettled { .. } => 43,
        MoneyRecord::ChargeSuperseded { .. } => 44,
        MoneyRecord::ChargeLetOut { .. } => 45,
        MoneyRecord::ChargeHandedToStaff { .. } => 46,
        MoneyRecord::ChargeWithdrawn { .. } => 47,
        MoneyRecord::StaffFinished { .. } => 48,
        MoneyRecord::MerchantStopped { .. } => 49,
        MoneyRecord::MerchantResumed => 50,
        MoneyRecord::ChargeRefused { .. } => 51,
        MoneyRecord::ChargeFailed { .. } => 52,
        MoneyRecord::ChargeToRepeat { .. } => 53,
    }
}
