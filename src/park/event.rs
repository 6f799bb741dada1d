//! What happens to the car park. Written to the ledger with the step that it led to.

use serde::{Deserialize, Serialize};

use super::balance::BalanceChange;
use super::benefit::BenefitChange;
use super::payment::Taking;
use super::review::Verdict;
use crate::charges::answer::{CodeUrl, Heard, NativeSeen, ParkingEntry, RefundSeen, Transaction};
use crate::charges::body::SentFor;
pub use crate::charges::queue::UnsentCall;
use crate::charges::record::StaffOutcome;
use crate::lane::listing::Change;
use crate::lane::number::SessionId;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::reading::PlateRead;
use crate::lane::session::LaneId;
use crate::lane::time::Wall;
use crate::notice::Opened;
use crate::park::erasure::Erasure;

/// One thing that happened. Past tense; an answer from the world is simply the next event.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "event")]
pub enum Event {
    /// The daemon took up its work; its state is what the ledger holds.
    Started {
        /// The daemon's version.
        version: String,
        /// The rules differ from those that the ledger knows.
        rules_changed: bool,
        /// Commits that may have been acknowledged and cannot be read.
        possibly_lost: u64,
        /// The ledger is a copy that was put back: so many numbers may have been given out since it was made.
        #[serde(default, skip_serializing_if = "is_zero")]
        skip: u64,
    },
    /// A camera saw a vehicle.
    PlateRead {
        /// The lane.
        lane: LaneId,
        /// Which camera.
        camera: String,
        /// What it saw.
        read: PlateRead,
    },
    /// A camera gave a sign of life.
    CameraAlive {
        /// The lane.
        lane: LaneId,
        /// When the camera says it sent it.
        sent_at: Option<Wall>,
    },
    /// The loop under the arm became occupied or free.
    ClosingLoop {
        /// The lane.
        lane: LaneId,
        /// A vehicle is on it.
        occupied: bool,
    },
    /// The arm was seen up.
    ArmUp {
        /// The lane.
        lane: LaneId,
    },
    /// The barrier's relay was driven, or refused to be.
    RaiseAnswered {
        /// The lane.
        lane: LaneId,
        /// Number of the raise.
        raise: u64,
        /// The relay was driven.
        driven: bool,
    },
    /// The command to raise did not leave this box, or nobody can say that it drove the relay.
    RaiseNotSent {
        /// The lane.
        lane: LaneId,
        /// Number of the raise.
        raise: u64,
        /// Why.
        why: String,
    },
    /// WeChat answered *create entry*.
    EntryAnswered {
        /// The stay.
        session: SessionId,
        /// What came back.
        heard: Heard<ParkingEntry>,
    },
    /// WeChat answered *charge*.
    ChargeAnswered {
        /// `out_trade_no`.
        trade_no: String,
        /// What came back.
        heard: Heard<Transaction>,
    },
    /// WeChat answered *query*.
    QueryAnswered {
        /// `out_trade_no`.
        trade_no: String,
        /// What came back.
        heard: Heard<Transaction>,
    },
    /// WeChat told something by itself.
    Noticed {
        /// What, once its signature fitted and it was opened.
        told: Box<Opened>,
    },
    /// The attendant opens, always possible.
    AttendantRaised {
        /// The lane.
        lane: LaneId,
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// What became of the money, if the attendant says so.
        money: Option<StaffOutcome>,
    },
    /// A person wants a charge seen to now.
    RetryAsked {
        /// `out_trade_no`.
        trade_no: String,
        /// Who.
        by: Option<String>,
    },
    /// A person takes a charge out of the queue to finish it by hand.
    StaffAsked {
        /// `out_trade_no`.
        trade_no: String,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A person finished a charge that stood with the staff: collected it, or gave it up.
    ArrearsFinished {
        /// `out_trade_no`.
        trade_no: String,
        /// What was done, and by whom.
        how: StaffOutcome,
    },
    /// A person decided about a stay under review.
    ReviewDecided {
        /// The stay.
        session: SessionId,
        /// What shall become of it.
        verdict: Verdict,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A person says that the car of an open stay is gone.
    StayEnded {
        /// The stay.
        session: SessionId,
        /// Whether it shall be looked at: it may have to be charged.
        review: bool,
        /// When the car left, if that is known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        left: Option<Wall>,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// Money was taken for a stay, by other means than its charge.
    PaymentTaken {
        /// How much, and for which stay.
        taking: Box<Taking>,
    },
    /// A person counted the cars inside.
    PlacesCounted {
        /// So many.
        inside: u64,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A person wants a charge corrected that WeChat took on.
    CorrectionAsked {
        /// `out_trade_no` of the charge.
        trade_no: String,
        /// Its stay.
        session: SessionId,
        /// The plate that was charged.
        plate: PlateNumber,
        /// What was charged, fen.
        charged_fen: u64,
        /// What is due instead, fen.
        due_fen: u64,
        /// Who owes it, if it is another.
        due_from: Option<PlateNumber>,
        /// When its car left; None, of a version that refunded nothing by itself, and so here.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        exited: Option<Wall>,
        /// Whose money it is, as the charge was sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent_for: Option<SentFor>,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A person says that a correction is made.
    CorrectionDone {
        /// `out_trade_no` of the charge that was wrong.
        trade_no: String,
        /// Who.
        by: String,
        /// How: the refund's number, say.
        why: String,
    },
    /// A person wants money of a charge to go back.
    RefundAsked {
        /// `out_trade_no` of the charge.
        trade_no: String,
        /// Its stay.
        session: SessionId,
        /// The plate that was charged.
        plate: PlateNumber,
        /// What was charged, fen.
        charged_fen: u64,
        /// When its car left.
        exited: Wall,
        /// Whose money it is, as the charge was sent.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sent_for: Option<SentFor>,
        /// How much goes back, fen; None: all that is left.
        fen: Option<u64>,
        /// Who.
        by: String,
        /// Why; the driver reads it.
        why: String,
    },
    /// WeChat answered *apply for a refund*.
    RefundAnswered {
        /// `out_refund_no`.
        refund_no: String,
        /// What came back.
        heard: Heard<RefundSeen>,
    },
    /// WeChat answered *query refund*.
    RefundQueryAnswered {
        /// `out_refund_no`.
        refund_no: String,
        /// What came back.
        heard: Heard<RefundSeen>,
    },
    /// WeChat answered *create Native order*.
    SpotAnswered {
        /// `out_trade_no`.
        number: String,
        /// What came back.
        heard: Heard<CodeUrl>,
    },
    /// WeChat answered *query Native order*.
    SpotQueryAnswered {
        /// `out_trade_no`.
        number: String,
        /// What came back.
        heard: Heard<NativeSeen>,
    },
    /// WeChat answered *close Native order*.
    SpotCloseAnswered {
        /// `out_trade_no`.
        number: String,
        /// What came back.
        heard: Heard<()>,
    },
    /// A person wants a refund seen to now.
    RefundRetryAsked {
        /// `out_refund_no`.
        refund_no: String,
        /// Who.
        by: Option<String>,
    },
    /// A person does not want a refund any more, or paid otherwise.
    RefundGivenUp {
        /// `out_refund_no`.
        refund_no: String,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A person has seen how an order ended that WeChat does not tell of.
    SpotEnded {
        /// `out_trade_no`.
        number: String,
        /// It was paid; else nobody can pay it any more.
        is_paid: bool,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A person says which plate the car has that is held at a lane.
    PlateNamed {
        /// The lane.
        lane: LaneId,
        /// The plate.
        plate: PlateNumber,
        /// Its colour, if the person says so.
        color: Option<PlateColor>,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A person changes who comes and goes without paying, or is not let in.
    ListChanged {
        /// What is changed.
        change: Change,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// A coupon or time on the charger was handed in for an open stay, or is taken back.
    BenefitChanged {
        /// The stay.
        session: SessionId,
        /// What is wanted.
        change: BenefitChange,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// Money was put in store for a plate, or paid out.
    BalanceChanged {
        /// Whose.
        plate: PlateNumber,
        /// How much.
        change: BalanceChange,
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// The records of these could not be written; what they commanded was not done.
    StoreFailed {
        /// Barriers that were not told to rise: lane and number of the raise.
        raises: Vec<(LaneId, u64)>,
        /// Calls that were not made.
        calls: Vec<UnsentCall>,
    },
    /// The store writes again, and has written what was kept in memory.
    StoreRecovered,
    /// Payloads are about to be taken out of the ledger, by age or on request.
    ErasureDue {
        /// Which, and by what right.
        erasure: Box<Erasure>,
    },
    /// Time has passed.
    Tick,
}

fn is_zero(count: &u64) -> bool {
    *count == 0
}

impl Event {
    /// The lane that it concerns, if it concerns one.
    pub fn lane(&self) -> Option<&LaneId> {
        match self {
            Self::PlateRead { lane, .. }
            | Self::CameraAlive { lane, .. }
            | Self::ClosingLoop { lane, .. }
            | Self::ArmUp { lane }
            | Self::RaiseAnswered { lane, .. }
            | Self::RaiseNotSent { lane, .. }
            | Self::AttendantRaised { lane, .. }
            | Self::PlateNamed { lane, .. } => Some(lane),
            Self::Started { .. }
            | Self::EntryAnswered { .. }
            | Self::ChargeAnswered { .. }
            | Self::QueryAnswered { .. }
            | Self::Noticed { .. }
            | Self::RetryAsked { .. }
            | Self::StaffAsked { .. }
            | Self::ArrearsFinished { .. }
            | Self::ReviewDecided { .. }
            | Self::StayEnded { .. }
            | Self::PlacesCounted { .. }
            | Self::PaymentTaken { .. }
            | Self::CorrectionAsked { .. }
            | Self::CorrectionDone { .. }
            | Self::RefundAsked { .. }
            | Self::RefundAnswered { .. }
            | Self::RefundQueryAnswered { .. }
            | Self::SpotAnswered { .. }
            | Self::SpotQueryAnswered { .. }
            | Self::SpotCloseAnswered { .. }
            | Self::SpotEnded { .. }
            | Self::RefundRetryAsked { .. }
            | Self::RefundGivenUp { .. }
            | Self::ListChanged { .. }
            | Self::BenefitChanged { .. }
            | Self::BalanceChanged { .. }
            | Self::StoreFailed { .. }
            | Self::StoreRecovered
            | Self::ErasureDue { .. }
            | Self::Tick => None,
        }
    }
}
