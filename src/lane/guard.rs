//! The wrong-charge guard: what is never filed without a person (DESIGN 3.7).

use serde::{Deserialize, Serialize};

use super::reading::{PlateRead, ReadWarning};

/// Limits beyond which a person decides.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GuardRules {
    /// Longest stay that is charged automatically, milliseconds.
    pub max_stay_ms: u64,
    /// Highest fee that is charged automatically, fen.
    pub max_fee_fen: u64,
    /// What the barrier does meanwhile.
    pub at_exit: WhenGuarded,
}

/// What the barrier does for a stay that the guard keeps from being filed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WhenGuarded {
    /// Wait for the attendant, at most `held_at_most`.
    Hold,
    /// Let the car out; the fee stands with the staff.
    Open,
}

/// One reason why a charge is not filed automatically.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Doubt {
    /// The stay is longer than `max_stay`.
    StayTooLong,
    /// The fee is higher than `max_fee_fen`.
    FeeTooHigh,
    /// The exit plate only resembles the entry plate, and nobody has confirmed it.
    NearMatch,
    /// The camera was less sure than the lane's `min_confidence`.
    LowConfidence,
    /// The colour contradicts the plate's shape, or the plate probably lost a character.
    ColorContradictsShape,
    /// A photo, a screen or a handmade plate is suspected.
    FakePlate,
    /// Entry and exit cannot be compared by a clock that may be believed.
    UntrustedTime,
    /// The reading is cached data that the camera delivered late.
    Replayed,
    /// A passage into or out of a zone within the car park was missed, or nobody can tell when it was.
    ZoneUnclear,
}

/// What a reading alone gives cause to doubt. A camera that reports no confidence passes.
pub fn doubts_of_read(read: &PlateRead, min_confidence_permille: Option<u16>) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    if let (Some(confidence), Some(min)) = (read.confidence_permille, min_confidence_permille)
        && confidence < min
    {
        doubts.push(Doubt::LowConfidence);
    }
    let contradicts = [ReadWarning::ColorConflict, ReadWarning::LengthSuspect];
    if read.warnings.iter().any(|w| contradicts.contains(w)) {
        doubts.push(Doubt::ColorContradictsShape);
    }
    if read.warnings.contains(&ReadWarning::FakePlate) {
        doubts.push(Doubt::FakePlate);
    }
    if read.replay {
        doubts.push(Doubt::Replayed);
    }
    doubts
}

/// What the stay and its fee give cause to doubt. `stay_ms` is None where no clock could tell.
pub fn doubts_of_stay(stay_ms: Option<u64>, fee_fen: u64, rules: &GuardRules) -> Vec<Doubt> {
    let mut doubts = Vec::new();
    match stay_ms {
        None => doubts.push(Doubt::UntrustedTime),
        Some(stay) if stay > rules.max_stay_ms => doubts.push(Doubt::StayTooLong),
        Some(_) => {}
    }
    if fee_fen > rules.max_fee_fen {
        doubts.push(Doubt::FeeTooHigh);
    }
    doubts
}
