//! Records as they stand on disk: class, number, version, JSON (docs/ledger-format.md, "Record kinds").

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Park;
use super::event::Event;
use super::mind::MindRef;
use super::part::Part;
use super::record::{LaneRecord, Record};
use super::rules::Rules;
use super::state::{LaneMind, Site};
use crate::charges::book::Book;
use crate::charges::queue::Queue;
use crate::charges::record::MoneyRecord;
use crate::json;
use crate::lane::session::LaneId;
use crate::lane::time::Now;
use crate::store::record::{Class, Record as Stored};

/// Version of every payload's form in this release.
const VERSION: u16 = 1;
/// Version of what goes over several records: parts of a state and of a mind.
const IN_PARTS: u16 = 2;

/// The head of a step.
pub const STEP: u16 = 1;
/// The whole rules.
pub const RULES: u16 = 2;
/// The whole state.
pub const CHECKPOINT: u16 = 3;
const MEANWHILE: u16 = 4;
/// What the park knows of its present run.
pub const MIND: u16 = 5;
/// What was taken out of the ledger.
pub const ERASURE: u16 = 6;

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
            Self::StepTaken(step) => (class_of_event(&step.event), STEP, json::bytes(step)),
            Self::RulesChanged(rules) => (Class::Event, RULES, json::bytes(rules)),
            Self::Checkpoint(snapshot) => (Class::Session, CHECKPOINT, json::bytes(snapshot)),
            Self::Meanwhile(meanwhile) => (Class::Reading, MEANWHILE, json::bytes(meanwhile)),
            Self::Mind(mind) => (Class::Session, MIND, json::bytes(mind)),
            Self::PartOfState(part) => return stored_part_of_state(part),
            Self::PartOfMind(part) => return stored_mind_as(IN_PARTS, json::bytes(part)),
            Self::PayloadsErased(erasure) => (Class::Event, ERASURE, json::bytes(erasure)),
            Self::Lane(record) => (Class::Session, lane_kind(record), json::bytes(record)),
            Self::Money(record) => (Class::Money, money_kind(record), json::bytes(record)),
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
        if stored.payload.is_empty() {
            return Ok(unknown);
        }
        match (stored.kind, stored.class) {
            (CHECKPOINT, _) if stored.version == IN_PARTS => {
                return parse(stored).map(Self::PartOfState);
            }
            (MIND, _) if stored.version == IN_PARTS => return parse(stored).map(Self::PartOfMind),
            _ if stored.version != VERSION => return Ok(unknown),
            _ => {}
        }
        match (stored.kind, stored.class) {
            (STEP, _) => parse(stored).map(Self::StepTaken),
            (RULES, _) => parse(stored).map(Self::RulesChanged),
            (CHECKPOINT, _) => parse(stored).map(Self::Checkpoint),
            (MEANWHILE, _) => parse(stored).map(Self::Meanwhile),
            (MIND, _) => parse(stored).map(Self::Mind),
            (ERASURE, _) => parse(stored).map(Self::PayloadsErased),
            (kind, Class::Session) if is_lane_kind(kind) => parse(stored).map(Self::Lane),
            (kind, Class::Money) if is_money_kind(kind) => parse(stored).map(Self::Money),
            _ => Ok(unknown),
        }
    }
}

impl Park {
    /// The rules, the whole state and what is in mind, as a checkpoint holds them. Written without a
    /// copy in memory: there may be a hundred thousand charges. What has gathered without a record comes
    /// first, since the mind knows of it; [`Park::forget_notes`] once that is on disk.
    pub fn checkpoint(&self, now: Now) -> Vec<Stored> {
        #[derive(Serialize)]
        struct SnapshotRef<'a> {
            site: &'a Site,
            book: &'a Book,
        }
        let state = SnapshotRef {
            site: self.site(),
            book: self.queue().book(),
        };
        let whole = [
            stored_rules(self.rules()),
            Stored {
                class: Class::Session,
                kind: CHECKPOINT,
                version: VERSION,
                payload: json::bytes(&state),
            },
            stored_mind_as(VERSION, json::bytes(&self.mind_to_keep())),
        ];
        let notes = self.notes(now).map(|notes| notes.to_stored());
        notes.into_iter().chain(whole).collect()
    }
}

pub(super) fn stored_rules(rules: &Rules) -> Stored {
    Stored {
        class: Class::Event,
        kind: RULES,
        version: VERSION,
        payload: json::bytes(rules),
    }
}

pub(super) fn stored_part_of_state(part: &Part) -> Stored {
    Stored {
        class: Class::Session,
        kind: CHECKPOINT,
        version: IN_PARTS,
        payload: json::bytes(part),
    }
}

/// The plans alone.
pub(super) fn stored_part_of_mind(plans: &Queue) -> Stored {
    let lanes = &BTreeMap::new();
    let part = MindRef {
        lanes,
        queue: plans,
    };
    stored_mind_as(IN_PARTS, json::bytes(&part))
}

/// What stands in it besides its parts.
pub(super) fn stored_mind(lanes: &BTreeMap<LaneId, LaneMind>, queue: &Queue) -> Stored {
    stored_mind_as(VERSION, json::bytes(&MindRef { lanes, queue }))
}

fn stored_mind_as(version: u16, payload: Vec<u8>) -> Stored {
    Stored {
        class: Class::Session,
        kind: MIND,
        version,
        payload,
    }
}

/// Whether a record is a part of what [`Park::checkpoint`] writes: of everything, and nobody's evidence.
pub fn is_of_a_whole_state(stored: &Stored) -> bool {
    matches!(stored.kind, RULES | CHECKPOINT | MIND)
}

/// Whether a record is there for a re-run alone, and a start need not look into it.
pub fn is_for_a_rerun(stored: &Stored) -> bool {
    matches!(stored.kind, MEANWHILE | MIND)
}

fn parse<T: DeserializeOwned>(stored: &Stored) -> Result<T, Unreadable> {
    serde_json::from_slice(&stored.payload).map_err(|wrong| Unreadable {
        kind: stored.kind,
        version: stored.version,
        wrong,
    })
}

/// The name of a kind in docs/record-kinds.md; None if this release does not know it.
pub fn kind_name(class: Class, kind: u16) -> Option<&'static str> {
    let known = KIND_NAMES.iter().find(|(number, _)| *number == kind);
    let fits = match kind {
        STEP | RULES | CHECKPOINT | MEANWHILE | MIND | ERASURE => true,
        kind if is_lane_kind(kind) => class == Class::Session,
        kind => is_money_kind(kind) && class == Class::Money,
    };
    known.filter(|_| fits).map(|(_, name)| *name)
}

const KIND_NAMES: [(u16, &str); 63] = [
    (1, "step_taken"),
    (2, "rules"),
    (3, "checkpoint"),
    (4, "meanwhile"),
    (5, "mind"),
    (6, "payloads_erased"),
    (16, "session_opened"),
    (17, "session_closed"),
    (18, "raise_decided"),
    (19, "raise_reissued"),
    (20, "raise_carried_out"),
    (21, "passed"),
    (22, "hold_started"),
    (23, "hold_ended"),
    (24, "review_opened"),
    (25, "numbers_skipped"),
    (26, "doubt_lifted"),
    (27, "review_closed"),
    (28, "plate_named"),
    (29, "arrears_seen"),
    (30, "list_changed"),
    (31, "places_counted"),
    (32, "entry_opened"),
    (33, "entry_sent"),
    (34, "entry_unknown"),
    (35, "entry_registered"),
    (36, "entry_renumbered"),
    (37, "entry_ended"),
    (38, "charge_opened"),
    (39, "charge_sent"),
    (40, "charge_due_again"),
    (41, "charge_unknown"),
    (42, "charge_accepted"),
    (43, "charge_settled"),
    (44, "charge_superseded"),
    (45, "charge_let_out"),
    (46, "charge_handed_to_staff"),
    (47, "charge_withdrawn"),
    (48, "staff_finished"),
    (49, "merchant_stopped"),
    (50, "merchant_resumed"),
    (51, "charge_refused"),
    (52, "charge_failed"),
    (53, "charge_to_repeat"),
    (54, "correction_asked"),
    (55, "correction_done"),
    (56, "payment_taken"),
    (57, "notice_taken"),
    (58, "entry_service_changed"),
    (59, "advance_repaid"),
    (60, "notice_set_aside"),
    (61, "refund_asked"),
    (62, "refund_sent"),
    (63, "refund_told"),
    (64, "refund_given_up"),
    (68, "benefit_given"),
    (69, "benefit_taken_back"),
    (70, "balance_changed"),
    (71, "zone_passed"),
    (72, "spot_asked"),
    (73, "spot_sent"),
    (74, "spot_told"),
    (75, "spot_given_up"),
];

/// Readings are erased first, money last.
fn class_of_event(event: &Event) -> Class {
    match event {
        Event::PlateRead { .. } => Class::Reading,
        Event::EntryAnswered { .. }
        | Event::ChargeAnswered { .. }
        | Event::QueryAnswered { .. }
        | Event::Noticed { .. }
        | Event::RetryAsked { .. }
        | Event::StaffAsked { .. }
        | Event::ArrearsFinished { .. }
        | Event::ReviewDecided { .. }
        | Event::StayEnded { .. }
        | Event::PaymentTaken { .. }
        | Event::BenefitChanged { .. }
        | Event::BalanceChanged { .. }
        | Event::CorrectionAsked { .. }
        | Event::CorrectionDone { .. }
        | Event::RefundAsked { .. }
        | Event::RefundAnswered { .. }
        | Event::RefundQueryAnswered { .. }
        | Event::RefundRetryAsked { .. }
        | Event::RefundGivenUp { .. }
        | Event::SpotAnswered { .. }
        | Event::SpotQueryAnswered { .. }
        | Event::SpotCloseAnswered { .. }
        | Event::SpotEnded { .. } => Class::Money,
        _ => Class::Event,
    }
}

/// Kinds of facts about stays, barriers and people.
fn is_lane_kind(kind: u16) -> bool {
    matches!(kind, 16..=31 | 68..=71)
}

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
        LaneRecord::ReviewClosed { .. } => 27,
        LaneRecord::PlateNamed { .. } => 28,
        LaneRecord::ArrearsSeen { .. } => 29,
        LaneRecord::ListChanged { .. } => 30,
        LaneRecord::PlacesCounted { .. } => 31,
        LaneRecord::BenefitGiven { .. } => 68,
        LaneRecord::BenefitTakenBack { .. } => 69,
        LaneRecord::BalanceChanged { .. } => 70,
        LaneRecord::ZonePassed { .. } => 71,
    }
}

/// Kinds of facts about money.
fn is_money_kind(kind: u16) -> bool {
    matches!(kind, 32..=64 | 72..=75)
}

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
        MoneyRecord::CorrectionAsked { .. } => 54,
        MoneyRecord::CorrectionDone { .. } => 55,
        MoneyRecord::PaymentTaken { .. } => 56,
        MoneyRecord::NoticeTaken { .. } => 57,
        MoneyRecord::EntryServiceChanged { .. } => 58,
        MoneyRecord::AdvanceRepaid { .. } => 59,
        MoneyRecord::NoticeSetAside { .. } => 60,
        MoneyRecord::RefundAsked { .. } => 61,
        MoneyRecord::RefundSent { .. } => 62,
        MoneyRecord::RefundTold { .. } => 63,
        MoneyRecord::RefundGivenUp { .. } => 64,
        MoneyRecord::SpotAsked { .. } => 72,
        MoneyRecord::SpotSent { .. } => 73,
        MoneyRecord::SpotTold { .. } => 74,
        MoneyRecord::SpotGivenUp { .. } => 75,
    }
}
