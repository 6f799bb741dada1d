//! What the ledger remembers of entries and charges. Past tense, permanent; the queue's whole durable
//! state is the fold of these.

use serde::{Deserialize, Serialize};

use super::charge::{Claim, StaffReason, WithdrawnReason};
use super::entry::{EntryEnd, NotRegistrable};
use crate::lane::number::SessionId;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::service::ServiceState;
use crate::lane::time::Stamp;

/// One fact about money, or about the WeChat entry that money will need.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "fact")]
pub enum MoneyRecord {
    /// A stay wants an entry at WeChat.
    EntryOpened {
        session: SessionId,
        plate: PlateNumber,
        color: Option<PlateColor>,
        entered: Stamp,
        /// Why it can have none.
        not_registrable: Option<NotRegistrable>,
    },
    /// The body is frozen; its first byte leaves after this record is on disk.
    EntrySent {
        session: SessionId,
        attempt: u16,
        body: String,
    },
    /// No believable answer. The identical request will be repeated.
    EntryUnknown { session: SessionId, why: String },
    /// WeChat has the entry.
    EntryRegistered {
        session: SessionId,
        parking_id: String,
        service: ServiceState,
        as_of: Stamp,
    },
    /// The repeat was refused; the entry goes again under a new number.
    EntryRenumbered {
        session: SessionId,
        attempt: u16,
        code: String,
    },
    /// The entry has no further use.
    EntryEnded { session: SessionId, why: EntryEnd },
    /// A fee is due.
    ChargeOpened { claim: Claim },
    /// The body is frozen (first time: `Some`); its first byte leaves after this record is on disk.
    ChargeSent {
        trade_no: String,
        body: Option<String>,
    },
    /// Nothing reached WeChat, or WeChat has no such order: it is due again, under the same number.
    ChargeDueAgain { trade_no: String, why: String },
    /// No believable answer. The order is queried before anything else.
    ChargeUnknown {
        trade_no: String,
        why: String,
        refused: Option<String>,
    },
    /// WeChat took it on.
    ChargeAccepted { trade_no: String, at: Stamp },
    /// The money moved.
    ChargeSettled {
        trade_no: String,
        transaction_id: Option<String>,
        bank_type: Option<String>,
    },
    /// WeChat refused it for good.
    ChargeRefused { trade_no: String, code: String },
    /// The order was final without money having moved (`PAY_FAIL`).
    ChargeFailed { trade_no: String },
    /// A newer stay of the plate exists at WeChat: if the order turns out not to exist, staff has it.
    ChargeSuperseded { trade_no: String },
    /// The car was let out although WeChat had not taken the charge on.
    ChargeLetOut { trade_no: String },
    /// A person must finish it.
    ChargeHandedToStaff {
        trade_no: String,
        reason: StaffReason,
    },
    /// Nothing is claimed any more.
    ChargeWithdrawn {
        trade_no: String,
        reason: WithdrawnReason,
    },
    /// What staff did with what was handed to them.
    StaffFinished { trade_no: String, how: StaffOutcome },
    /// WeChat refuses this merchant as such; the queue stands still.
    MerchantStopped { code: String, message: String },
    /// WeChat answers this merchant again.
    MerchantResumed,
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
}
