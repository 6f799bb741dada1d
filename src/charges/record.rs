//! What the ledger remembers of entries and charges. Past tense, permanent; the queue's whole durable
//! state is the fold of these.

use serde::{Deserialize, Serialize};

use super::answer::Paid;
use super::charge::{Claim, StaffReason, WithdrawnReason};
use super::entry::{EntryEnd, NotRegistrable};
use super::payment::Payment;
use super::refund::{RefundClaim, RefundTold};
use super::spot::{GivenUp, SpotClaim, SpotTold};
use crate::lane::number::SessionId;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::service::ServiceState;
use crate::lane::time::{Stamp, Wall};
use crate::notice::NoticeKind;

/// One fact about money, or about the WeChat entry that money will need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fact")]
pub enum MoneyRecord {
    /// A stay wants an entry at WeChat.
    EntryOpened {
        /// The stay.
        session: SessionId,
        /// Its plate.
        plate: PlateNumber,
        /// The plate's colour, if the camera knew it.
        color: Option<PlateColor>,
        /// When it came in.
        entered: Stamp,
        /// Why it can have none.
        not_registrable: Option<NotRegistrable>,
    },
    /// The body is frozen; its first byte leaves after this record is on disk.
    EntrySent {
        /// The stay.
        session: SessionId,
        /// Which `out_parking_no` it goes under, from 0.
        attempt: u16,
        /// The bytes that are sent.
        body: String,
    },
    /// No believable answer. The identical request will be repeated.
    EntryUnknown {
        /// The stay.
        session: SessionId,
        /// Why.
        why: String,
    },
    /// WeChat has the entry.
    EntryRegistered {
        /// The stay.
        session: SessionId,
        /// WeChat's id of the entry.
        parking_id: String,
        /// May it be charged?
        service: ServiceState,
        /// When WeChat said so.
        as_of: Stamp,
    },
    /// The repeat was refused; the entry goes again under a new number.
    EntryRenumbered {
        /// The stay.
        session: SessionId,
        /// Which `out_parking_no` it goes under, from 0.
        attempt: u16,
        /// WeChat's code.
        code: String,
    },
    /// The entry has no further use.
    EntryEnded {
        /// The stay.
        session: SessionId,
        /// Why.
        why: EntryEnd,
    },
    /// A fee is due.
    ChargeOpened {
        /// What is due.
        claim: Claim,
    },
    /// The body is frozen (first time: `Some`); its first byte leaves after this record is on disk.
    ChargeSent {
        /// `out_trade_no`.
        trade_no: String,
        /// The bytes that are sent.
        body: Option<String>,
    },
    /// Nothing reached WeChat, or WeChat has no such order: it is due again, under the same number.
    ChargeDueAgain {
        /// `out_trade_no`.
        trade_no: String,
        /// Why.
        why: String,
    },
    /// No believable answer. The order is queried before anything else.
    ChargeUnknown {
        /// `out_trade_no`.
        trade_no: String,
        /// Why.
        why: String,
        /// Code of a refusal that may hide an earlier acceptance.
        refused: Option<String>,
    },
    /// An unsigned answer says that WeChat has no such order: the same bytes go again.
    ChargeToRepeat {
        /// `out_trade_no`.
        trade_no: String,
        /// Why.
        why: String,
    },
    /// WeChat took it on.
    ChargeAccepted {
        /// `out_trade_no`.
        trade_no: String,
        /// Since when.
        at: Stamp,
    },
    /// The money moved.
    ChargeSettled {
        /// `out_trade_no`.
        trade_no: String,
        /// WeChat's number of the order.
        transaction_id: Option<String>,
        /// `BPA`: WeChat advanced the money.
        bank_type: Option<String>,
        /// Who paid which part of it, and when.
        #[serde(default, skip_serializing_if = "Paid::is_untold")]
        paid: Paid,
    },
    /// WeChat refused it for good.
    ChargeRefused {
        /// `out_trade_no`.
        trade_no: String,
        /// WeChat's code.
        code: String,
    },
    /// The order was final without money having moved (`PAY_FAIL`).
    ChargeFailed {
        /// `out_trade_no`.
        trade_no: String,
    },
    /// A newer stay of the plate exists at WeChat: if the order turns out not to exist, staff has it.
    ChargeSuperseded {
        /// `out_trade_no`.
        trade_no: String,
    },
    /// The car was let out although WeChat had not taken the charge on.
    ChargeLetOut {
        /// `out_trade_no`.
        trade_no: String,
    },
    /// A person must finish it.
    ChargeHandedToStaff {
        /// `out_trade_no`.
        trade_no: String,
        /// Why.
        reason: StaffReason,
    },
    /// Nothing is claimed any more.
    ChargeWithdrawn {
        /// `out_trade_no`.
        trade_no: String,
        /// Why.
        reason: WithdrawnReason,
    },
    /// What staff did with what was handed to them.
    StaffFinished {
        /// `out_trade_no`.
        trade_no: String,
        /// What they did.
        how: StaffOutcome,
    },
    /// Money was taken for a stay by other means than its charge: in advance, in part, or too much.
    PaymentTaken {
        /// How much, and for what.
        payment: Payment,
    },
    /// A charge that WeChat took on is wrong: it is to be refunded, and what is right charged anew.
    CorrectionAsked {
        /// Which, and what is right.
        correction: Correction,
    },
    /// The refund was made, and what is right was charged or given up.
    CorrectionDone {
        /// `out_trade_no` of the charge that was wrong.
        trade_no: String,
        /// Who says so.
        by: String,
        /// How: the refund's number, say.
        why: String,
        /// When.
        at: Stamp,
    },
    /// WeChat told something by itself, for the first time under this number.
    NoticeTaken {
        /// WeChat's number of the notice.
        id: String,
        /// What it is about.
        about: NoticeKind,
    },
    /// WeChat told that an entry may be charged, or not any more.
    EntryServiceChanged {
        /// The stay.
        session: SessionId,
        /// May it be charged?
        service: ServiceState,
        /// Since when, by WeChat's clock; what is older does not count any more.
        updated_at: Wall,
        /// When WeChat said so.
        as_of: Stamp,
    },
    /// The driver repaid what WeChat had advanced. The merchant had the money before.
    AdvanceRepaid {
        /// `out_trade_no`.
        trade_no: String,
        /// When WeChat said so.
        at: Stamp,
    },
    /// A notice speaks of what this ledger does not know; nothing follows from it.
    NoticeSetAside {
        /// What it is about.
        about: NoticeKind,
        /// The number that it names.
        number: String,
    },
    /// Money of a charge is to go back.
    RefundAsked {
        /// How much, of which charge.
        refund: RefundClaim,
    },
    /// The body is frozen (first time: `Some`); its first byte leaves after this record is on disk.
    RefundSent {
        /// `out_refund_no`.
        refund_no: String,
        /// The bytes that are sent.
        body: Option<String>,
        /// When: another refund of the same charge goes a minute later.
        at: Stamp,
    },
    /// What became of a refund.
    RefundTold {
        /// `out_refund_no`.
        refund_no: String,
        /// What.
        told: RefundTold,
    },
    /// A person does not want it any more, has seen that it was closed, or paid otherwise.
    RefundGivenUp {
        /// `out_refund_no`.
        refund_no: String,
        /// Who.
        by: String,
        /// Why.
        why: String,
        /// When.
        at: Stamp,
    },
    /// A driver at the exit shall pay by scanning a code.
    SpotAsked {
        /// How much, for which stay.
        spot: SpotClaim,
    },
    /// The body is frozen (first time: `Some`); its first byte leaves after this record is on disk.
    SpotSent {
        /// `out_trade_no`.
        number: String,
        /// The bytes that are sent.
        body: Option<String>,
    },
    /// What became of an order that is paid on the spot.
    SpotTold {
        /// `out_trade_no`.
        number: String,
        /// What.
        told: SpotTold,
    },
    /// Nobody waits for its money any more: it is closed, unless it was paid meanwhile.
    SpotGivenUp {
        /// `out_trade_no`.
        number: String,
        /// Why.
        why: GivenUp,
        /// When.
        at: Stamp,
    },
    /// WeChat refuses this merchant as such; the queue stands still.
    MerchantStopped {
        /// WeChat's code.
        code: String,
        /// WeChat's words.
        message: String,
    },
    /// WeChat answers this merchant again.
    MerchantResumed,
}

/// What a record is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Subject<'a> {
    /// The entry of this stay.
    Entry(&'a SessionId),
    /// The charge with this `out_trade_no`.
    Charge(&'a str),
    /// What was paid for this stay beside its charge.
    Payment(&'a SessionId),
    /// What WeChat told by itself.
    Notice,
    /// The refund with this `out_refund_no`.
    Refund(&'a str),
    /// The order with this `out_trade_no` that is paid on the spot.
    Spot(&'a str),
    /// The merchant as such.
    Merchant,
}

impl MoneyRecord {
    /// What it is about.
    pub fn subject(&self) -> Subject<'_> {
        match self {
            Self::EntryOpened { session, .. }
            | Self::EntrySent { session, .. }
            | Self::EntryUnknown { session, .. }
            | Self::EntryRegistered { session, .. }
            | Self::EntryRenumbered { session, .. }
            | Self::EntryEnded { session, .. } => Subject::Entry(session),
            Self::ChargeOpened { claim } => Subject::Charge(&claim.trade_no),
            Self::ChargeSent { trade_no, .. }
            | Self::ChargeDueAgain { trade_no, .. }
            | Self::ChargeUnknown { trade_no, .. }
            | Self::ChargeToRepeat { trade_no, .. }
            | Self::ChargeAccepted { trade_no, .. }
            | Self::ChargeSettled { trade_no, .. }
            | Self::ChargeRefused { trade_no, .. }
            | Self::ChargeFailed { trade_no }
            | Self::ChargeSuperseded { trade_no }
            | Self::ChargeLetOut { trade_no }
            | Self::ChargeHandedToStaff { trade_no, .. }
            | Self::ChargeWithdrawn { trade_no, .. }
            | Self::StaffFinished { trade_no, .. }
            | Self::CorrectionDone { trade_no, .. } => Subject::Charge(trade_no),
            Self::EntryServiceChanged { session, .. } => Subject::Entry(session),
            Self::AdvanceRepaid { trade_no, .. } => Subject::Charge(trade_no),
            Self::NoticeTaken { .. } | Self::NoticeSetAside { .. } => Subject::Notice,
            Self::PaymentTaken { payment } => Subject::Payment(&payment.session),
            Self::RefundAsked { refund } => Subject::Refund(&refund.refund_no),
            Self::RefundSent { refund_no, .. }
            | Self::RefundTold { refund_no, .. }
            | Self::RefundGivenUp { refund_no, .. } => Subject::Refund(refund_no),
            Self::SpotAsked { spot } => Subject::Spot(&spot.number),
            Self::SpotSent { number, .. }
            | Self::SpotTold { number, .. }
            | Self::SpotGivenUp { number, .. } => Subject::Spot(number),
            Self::CorrectionAsked { correction } => Subject::Charge(&correction.trade_no),
            Self::MerchantStopped { .. } | Self::MerchantResumed => Subject::Merchant,
        }
    }
}

/// What staff did with a charge that was handed to them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StaffOutcome {
    /// Cash or QR at the gate.
    Collected {
        /// Who took the money.
        by: String,
        /// How it was paid.
        channel: String,
    },
    /// Written off.
    WrittenOff {
        /// Who decided so.
        by: String,
        /// Why.
        why: String,
    },
    /// The stay is charged anew, and this claim is not made any more.
    Replaced {
        /// Who decided so.
        by: String,
        /// Why.
        why: String,
        /// `out_trade_no` of the claim that took its place.
        trade_no: String,
    },
}

/// What is wrong with a charge that WeChat took on, and what would be right.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Correction {
    /// `out_trade_no` of the charge, which is to be refunded whole.
    pub trade_no: String,
    /// Its stay.
    pub session: SessionId,
    /// The plate that was charged.
    pub plate: PlateNumber,
    /// What was charged, fen.
    pub charged_fen: u64,
    /// What is due instead, fen; 0: nothing.
    pub due_fen: u64,
    /// Who owes it, if it is another.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub due_from: Option<PlateNumber>,
    /// `out_refund_no` of the refund that it makes by itself; None: of a version that made none, or nothing
    /// was left to refund.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_no: Option<String>,
    /// Who asked for it.
    pub by: String,
    /// Why.
    pub why: String,
    /// When.
    pub at: Stamp,
}
