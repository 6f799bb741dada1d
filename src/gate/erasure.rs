//! A person's request to erase one plate's payloads: whether it may be, and what goes with it.

use crate::control::erasure::Wanted;
use crate::lane::number::LedgerId;
use crate::park::Park;
use crate::park::reply::StillNeeded;
use crate::retention::{Request, Stays};
use crate::store::ledger::Closed;

/// What the plate's records are still needed for, if anything.
pub fn still_needed(park: &Park, wanted: &Wanted) -> Option<StillNeeded> {
    let plate = &wanted.plate;
    let text = plate.as_str();
    let (site, book, lists) = (park.site(), park.queue().book(), &park.rules().lists);
    let waits = site
        .holds
        .values()
        .any(|hold| hold.plate.as_ref() == Some(plate));
    let is_corrected = book.corrections().any(|correction| {
        correction.plate == *plate || correction.due_from.as_ref() == Some(plate)
    });
    let is_refunded = book
        .refunds()
        .open()
        .any(|refund| refund.claim.plate == *plate);
    if wanted.by.contains(text) || wanted.why.contains(text) {
        Some(StillNeeded::InTheReason)
    } else if site.session_of(plate).is_some() || waits {
        Some(StillNeeded::Inside)
    } else if book.charges_of(plate).next().is_some() || book.entries_of(plate).next().is_some() {
        Some(StillNeeded::NotSettled)
    } else if book.arrears_of(plate).is_some() || is_corrected || is_refunded {
        Some(StillNeeded::WithStaff)
    } else if site.reviews.values().any(|review| review.plate == *plate) {
        Some(StillNeeded::InReview)
    } else if site.listing.balance_fen(plate) > 0 {
        Some(StillNeeded::HasMoney)
    } else if lists.blocked.contains(plate)
        || lists.permits.contains(plate)
        || !site.listing.of(plate).is_empty()
    {
        Some(StillNeeded::Listed)
    } else {
        None
    }
}

/// With everything that the steward needs, and a reference to write onto the paper.
pub fn request(
    wanted: Wanted,
    left_number: Option<u64>,
    up_to: u64,
    closed: Closed,
    unfinished: Stays,
) -> Request {
    Request {
        left_number,
        plate: wanted.plate,
        by: wanted.by,
        why: wanted.why,
        reference: LedgerId::from_random(super::replay::random()).to_string(),
        dry_run: wanted.dry_run,
        up_to,
        closed,
        unfinished,
    }
}
