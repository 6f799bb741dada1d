//! What the ledger remembers, with the numbers it is known by on disk (docs/ledger-format.md).

use serde::{Deserialize, Serialize};

use super::benefit::Given;
use super::erasure::Erasure;
use super::event::Event;
use super::meanwhile::Meanwhile;
use super::mind::Mind;
use super::part::Part;
use super::review::{Review, ReviewEnd};
use super::rules::Rules;
use super::state::{Hold, Snapshot};
use super::zone::Way;
use crate::charges::record::MoneyRecord;
use crate::charges::totals::Arrears;
use crate::lane::guard::Doubt;
use crate::lane::listing::Change;
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::raise::RaiseReason;
use crate::lane::session::{Ending, LaneId, Session};
use crate::lane::tariff::Tally;
use crate::lane::time::{Now, Stamp};

/// One permanent fact.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Record {
    /// The event and the time that the records after it (up to the next step) were decided from.
    StepTaken(StepTaken),
    /// The whole rules, as they are from here on.
    RulesChanged(Box<Rules>),
    /// The whole state, so that a start need not read what is before it.
    Checkpoint(Box<Snapshot>),
    /// A part of the whole state; several that follow each other make it up.
    PartOfState(Box<Part>),
    /// Payloads were taken out of the ledger.
    PayloadsErased(Box<Erasure>),
    /// What happened without a record of its own, for a re-run. Nothing follows from it at a start.
    Meanwhile(Box<Meanwhile>),
    /// What the park knows of its present run, beside a checkpoint, for a re-run. As above.
    Mind(Box<Mind>),
    /// A part of what stands in the mind that follows.
    PartOfMind(Box<Mind>),
    /// A fact about stays, barriers and people.
    Lane(LaneRecord),
    /// A fact about money.
    Money(MoneyRecord),
    /// A kind that this version does not know. Kept, never dropped.
    Unknown {
        /// Its number on disk.
        kind: u16,
    },
}

/// Head of a step.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StepTaken {
    /// When it was decided.
    pub now: Now,
    /// What happened.
    pub event: Event,
    /// Some: a reading that had waited for the car before it, so many milliseconds; it arrived so much
    /// earlier. It was taken up within the step before, whose event freed the lane.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waited_ms: Option<u64>,
}

/// A fact about stays, barriers and people.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fact")]
pub enum LaneRecord {
    /// A car came in.
    SessionOpened {
        /// The stay.
        session: Session,
    },
    /// The stay is over.
    SessionClosed {
        /// The stay.
        session: SessionId,
        /// The plate.
        plate: PlateNumber,
        /// The lane.
        lane: LaneId,
        /// When.
        at: Stamp,
        /// How it ended.
        ending: Ending,
        /// What is due for it, fen.
        fee_fen: u64,
        /// What its plate's next visit is priced by, where the price list looks back.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        tally: Option<Tally>,
    },
    /// A barrier may rise, for this reason.
    RaiseDecided {
        /// Number of the raise in this ledger.
        raise: u64,
        /// The lane.
        lane: LaneId,
        /// The plate.
        plate: Option<PlateNumber>,
        /// The stay.
        session: Option<SessionId>,
        /// Why.
        reason: RaiseReason,
        /// When.
        at: Stamp,
    },
    /// The same raise again: it was uncertain, and the car is still there.
    RaiseReissued {
        /// Number of the raise in this ledger.
        raise: u64,
        /// The lane.
        lane: LaneId,
    },
    /// Something showed that it was carried out.
    RaiseCarriedOut {
        /// Number of the raise in this ledger.
        raise: u64,
        /// The lane.
        lane: LaneId,
        /// What showed it.
        proof: Proof,
    },
    /// The car has passed the arm.
    Passed {
        /// Number of the raise in this ledger.
        raise: u64,
        /// The lane.
        lane: LaneId,
    },
    /// A car waits for a person.
    HoldStarted {
        /// The car and why it waits.
        hold: Hold,
    },
    /// It does not any more.
    HoldEnded {
        /// The lane.
        lane: LaneId,
    },
    /// The ledger may have lost its last commit: numbers that may be in use at WeChat, or in a
    /// camera's late reply, are skipped.
    NumbersSkipped {
        /// So many session numbers, and as many of raises.
        sessions: u64,
    },
    /// A person should look at this stay.
    ReviewOpened {
        /// The stay and why.
        review: Box<Review>,
    },
    /// A person decided about it, or its money was finished otherwise.
    ReviewClosed {
        /// The stay.
        session: SessionId,
        /// Its plate.
        plate: PlateNumber,
        /// What became of it.
        how: ReviewEnd,
        /// Who decided; "parkgate" where nobody did.
        by: String,
        /// Why.
        why: String,
        /// When.
        at: Stamp,
    },
    /// A person said which plate the car has that is held here (E3, E6).
    PlateNamed {
        /// Where it stands.
        lane: LaneId,
        /// The plate, by the person's word.
        plate: PlateNumber,
        /// As read, if anything was.
        read: Option<PlateNumber>,
        /// The stay that it is, at an exit.
        session: Option<SessionId>,
        /// Who said so.
        by: String,
        /// Why.
        why: String,
        /// When.
        at: Stamp,
    },
    /// A plate that owes from before came in.
    ArrearsSeen {
        /// Its new stay.
        session: SessionId,
        /// The plate.
        plate: PlateNumber,
        /// Where it came in.
        lane: LaneId,
        /// What it owes.
        owes: Arrears,
        /// When it came in.
        at: Stamp,
    },
    /// A person changed who comes and goes without paying, or is not let in.
    ListChanged {
        /// What was changed.
        change: Change,
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// When.
        at: Stamp,
    },
    /// A coupon or time on the charger was handed in for an open stay.
    BenefitGiven {
        /// The stay.
        session: SessionId,
        /// Its plate.
        plate: PlateNumber,
        /// What was handed in.
        given: Given,
        /// Who took it, or which system.
        by: String,
        /// Why.
        why: String,
        /// When.
        at: Stamp,
    },
    /// It was handed in by mistake: it is not taken off, and its number may be used again.
    BenefitTakenBack {
        /// The stay.
        session: SessionId,
        /// Its plate.
        plate: PlateNumber,
        /// Its number.
        number: String,
        /// Who took it back.
        by: String,
        /// Why.
        why: String,
        /// When.
        at: Stamp,
    },
    /// What a plate has in store became more or less.
    BalanceChanged {
        /// Whose.
        plate: PlateNumber,
        /// By how much, fen; below nothing where it was debited or paid out.
        fen: i64,
        /// What is left, fen.
        left_fen: u64,
        /// The stay that it was debited for.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        session: Option<SessionId>,
        /// Who; "parkgate" where it was debited.
        by: String,
        /// Why.
        why: String,
        /// When.
        at: Stamp,
    },
    /// A stay went into a zone within the car park, or out of it.
    ZonePassed {
        /// The stay.
        session: SessionId,
        /// Its plate.
        plate: PlateNumber,
        /// Where it passed.
        lane: LaneId,
        /// The zone.
        zone: String,
        /// Which way.
        way: Way,
        /// How long after its entry, milliseconds; None where nobody can tell, or tell whose car it was.
        after_ms: Option<u64>,
        /// When.
        at: Stamp,
    },
    /// A person counted the cars (E23).
    PlacesCounted {
        /// Cars inside.
        inside: u64,
        /// Stays that were open then.
        open_stays: u64,
        /// Who counted.
        by: String,
        /// Why.
        why: String,
        /// When.
        at: Stamp,
    },
    /// A better reading of the same car took a doubt about its entry away (E1).
    DoubtLifted {
        /// The stay.
        session: SessionId,
        /// The doubt.
        doubt: Doubt,
    },
}

/// What showed that a raise was carried out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// The relay was driven, says the camera.
    Reply,
    /// The arm was seen up.
    Arm,
    /// The closing loop was occupied.
    Loop,
}
