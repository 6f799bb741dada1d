//! Why a barrier rises, or does not. The reason is in the ledger before the arm moves.

use serde::{Deserialize, Serialize};

use super::guard::Doubt;

/// Why a barrier rises.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RaiseReason {
    /// A car enters.
    Entry,
    /// It goes into a zone within the car park, or out of it. Nothing is due there.
    Zone,
    /// Nothing to pay.
    Free,
    /// Everything was paid in advance (E14).
    Prepaid,
    /// The driver paid at the barrier by scanning a code, by a verified answer.
    PaidByCode {
        /// Number of the order.
        number: String,
    },
    /// Season ticket.
    Permit,
    /// Police, fire, ambulance, military (E22).
    SpecialVehicle,
    /// WeChat took the charge on, by a verified answer.
    Accepted {
        /// Number of the charge.
        trade_no: String,
    },
    /// WeChat says that the money has moved, by a verified answer.
    Settled {
        /// Number of the charge.
        trade_no: String,
    },
    /// WeChat is silent; the amount is within the limit for cars that were NORMAL when last heard of.
    SilentNormal,
    /// WeChat is silent; the amount is within the limit for cars of which nothing is known.
    SilentUnknown,
    /// Held for `held_at_most`; let out as arrears.
    HeldTooLong,
    /// No entry on record and `no_entry = "open"`.
    NoEntryOpen,
    /// No plate and `unreadable = "open"`.
    UnreadableOpen,
    /// The guard kept the fee from being filed and `at_exit = "open"`.
    GuardOpen,
    /// The attendant's own decision.
    Attendant {
        /// Who.
        by: String,
        /// Why.
        why: String,
    },
    /// The store cannot write; nobody is locked in by a bad flash chip.
    StoreFailed,
    /// Nothing was commanded: arm or loop showed that a vehicle went through, by the barrier's own
    /// button or close behind another (E7, E17).
    NotOurs,
}

/// Why a car waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// On the block list.
    BlockListed,
    /// No room is left (E23).
    Full,
    /// No plate could be read.
    Unreadable,
    /// No entry on record (E3).
    NoEntry {
        /// Open stays whose plates resemble this one, best first.
        candidates: Vec<super::number::SessionId>,
    },
    /// WeChat says that this plate cannot be charged, in its own word.
    Blocked(String),
    /// The entry could not be registered, so there is nothing to charge.
    NotRegistered(String),
    /// WeChat refused the charge, with this code.
    Refused(String),
    /// The order was final without money having moved.
    PaymentFailed,
    /// WeChat is silent and the amount or the sum at risk is over its limit.
    Silent,
    /// WeChat is silent, and the plate owes from before.
    Arrears {
        /// How much, fen.
        fen: u64,
    },
    /// Accepted, but without the advance permission only money that has moved raises.
    NotYetPaid,
    /// The guard wants a person to look.
    Guarded(Vec<Doubt>),
    /// The barrier was told to rise twice for this car and it is still there.
    BarrierStuck,
}
