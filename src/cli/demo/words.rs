//! Decisions in plain words.

use crate::charges::charge::{StaffReason, WithdrawnReason};
use crate::lane::plate::PlateColor;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::reading::PlateRead;
use crate::lane::service::ServiceState;
use crate::park::step::Ignored;
use crate::sim::site::What;

/// What a camera read.
pub fn read(read: &PlateRead) -> String {
    let color = match read.color {
        Some(PlateColor::Blue) => "blue",
        Some(PlateColor::Green) => "green",
        Some(PlateColor::Yellow) => "yellow",
        Some(PlateColor::Black) => "black",
        Some(PlateColor::White) => "white",
        Some(PlateColor::LimeGreen) => "yellow-green",
        None => "without a colour",
    };
    match read.confidence_permille {
        Some(permille) => format!("read as {color}, {} % sure", permille / 10),
        None => format!("read as {color}"),
    }
}

/// Why a reading led to nothing.
pub fn ignored(why: Ignored) -> &'static str {
    match why {
        Ignored::Duplicate => "read again → nothing: the same car",
        Ignored::SeenBefore => "delivered twice → nothing",
        Ignored::NextInLine => "read → waits for the car before it",
        Ignored::Stale { .. } => "read → nothing: the reading is old",
        Ignored::Retained => "read → nothing: the broker had kept it",
        Ignored::UnknownLane => "read → nothing: no such lane",
        Ignored::TurnedBack => "read → nothing: the car turned back",
        Ignored::UselessReplay => "cached reading → nothing to learn from it",
    }
}

/// Why a barrier rises.
pub fn raise(reason: &RaiseReason) -> String {
    let text = match reason {
        RaiseReason::Entry => "a car comes in",
        RaiseReason::Zone => "within the car park",
        RaiseReason::Free => "nothing to pay",
        RaiseReason::Permit => "season ticket",
        RaiseReason::Prepaid => "paid in advance",
        RaiseReason::PaidByCode { .. } => "paid at the barrier by scanning a code",
        RaiseReason::SpecialVehicle => "special vehicle, free by law",
        RaiseReason::Accepted { .. } => "WeChat took the charge on",
        RaiseReason::Settled { .. } => "the money has moved",
        RaiseReason::SilentNormal => {
            "WeChat is silent; the fee is within the limit for a driver it vouched for"
        }
        RaiseReason::SilentUnknown => {
            "WeChat is silent; the fee is within the limit for an unknown driver"
        }
        RaiseReason::HeldTooLong => "held for long enough; the fee is left as arrears",
        RaiseReason::NoEntryOpen => "no entry on record",
        RaiseReason::UnreadableOpen => "no plate to read",
        RaiseReason::GuardOpen => "a person looks at the fee later",
        RaiseReason::Attendant { by, why } => return format!("{by}: {why}"),
        RaiseReason::NotOurs => "opened by other means",
        RaiseReason::StoreFailed => "the store cannot write, and nobody is locked in for that",
    };
    text.to_owned()
}

/// Why a car waits for a person.
pub fn hold(reason: &HoldReason) -> String {
    let text = match reason {
        HoldReason::BlockListed => "on the block list",
        HoldReason::Full => "no room left",
        HoldReason::Unreadable => "no plate to read",
        HoldReason::NoEntry { .. } => "no entry on record",
        HoldReason::Blocked(why) => return format!("WeChat does not charge this plate: {why}"),
        HoldReason::NotRegistered(why) => return format!("no entry at WeChat: {why}"),
        HoldReason::Refused(code) => return format!("WeChat refused the charge: {code}"),
        HoldReason::PaymentFailed => "the payment failed",
        HoldReason::Silent => "WeChat is silent and the fee is over the limit",
        HoldReason::Arrears { .. } => "WeChat is silent and the plate owes from before",
        HoldReason::NotYetPaid => "the money has not moved yet",
        HoldReason::Guarded(doubts) => return format!("a person must look: {doubts:?}"),
        HoldReason::BarrierStuck => "the barrier did not rise twice",
    };
    text.to_owned()
}

/// Why staff has a charge.
pub fn staff(reason: &StaffReason) -> String {
    let text = match reason {
        StaffReason::Refused(code) => return format!("refused: {code}"),
        StaffReason::PaymentFailed => "the payment failed",
        StaffReason::Blocked(why) => return format!("not to be charged: {why}"),
        StaffReason::NotRegistered(why) => return format!("no entry: {why}"),
        StaffReason::Superseded => "a newer stay",
        StaffReason::Unsettled => "never settled",
        StaffReason::Guarded(doubts) => return format!("{doubts:?}"),
        StaffReason::ByHand { by, why } => return format!("taken out by {by}: {why}"),
    };
    text.to_owned()
}

/// Why nothing is claimed any more.
pub fn withdrawn(reason: &WithdrawnReason) -> String {
    match reason {
        WithdrawnReason::PaidElsewhere { by, channel } => format!("paid by {channel}, says {by}"),
        WithdrawnReason::Replaced { trade_no, .. } => {
            format!("paid in part, the rest is {trade_no}")
        }
        WithdrawnReason::Waived { by, why } => format!("let off by {by}: {why}"),
    }
}

/// WeChat's word on an entry.
pub fn service(state: &ServiceState) -> String {
    match state {
        ServiceState::Normal => "NORMAL".to_owned(),
        ServiceState::Blocked(why) => format!("BLOCKED: {why}"),
    }
}

/// What happened on the ground.
pub fn happening(what: What) -> String {
    use crate::park::rules::Direction::{Entry, Exit};
    match what {
        What::Arrived => "drives up".to_owned(),
        What::Raised { after_ms } => format!("barrier rises, {after_ms} ms after the reading"),
        What::Passed(Entry) => "is inside".to_owned(),
        What::Passed(Exit) => "has left".to_owned(),
        What::CallsAttendant { waited_ms } => {
            format!("has waited for {} s: calls the attendant", waited_ms / 1000)
        }
        What::GaveUp => "gives up".to_owned(),
    }
}
