//! What people do in the seeded traffic beside raising barriers: they name plates, decide about stays, and
//! finish what the staff has.

use super::world::*;
use crate::charges::charge::ChargeState;
use crate::charges::record::StaffOutcome;
use crate::lane::listing::{Change, List, Listed};
use crate::lane::number::SessionId;
use crate::lane::raise::HoldReason;
use crate::park::event::Event;
use crate::park::payment::{PaidStay, Taking};
use crate::park::review::{Terms, Verdict};
use crate::sim::random::SplitMix64;

const BY: &str = "王芳";

/// Says which plate the car has that nobody knows, and is right.
pub fn name(world: &mut World, lane: &str, plate: &str) {
    if let Some(HoldReason::NoEntry { .. } | HoldReason::Unreadable) = world.held_for(lane) {
        world.tell(Event::PlateNamed {
            lane: lane_id(lane),
            plate: number(plate),
            color: Some(color_of(plate)),
            by: BY.into(),
            why: "read by a person".into(),
        });
    }
}

/// Works through the lists, as far as patience goes.
pub fn work_off(world: &mut World, chance: &mut SplitMix64) {
    let reviews = world.park().site().open_reviews();
    let reviews: Vec<SessionId> = reviews.map(|review| review.session.clone()).collect();
    for session in reviews {
        let verdict = match chance.below(3) {
            0 => Verdict::Waive,
            1 => Verdict::Charge(Terms::default()),
            _ => continue,
        };
        let (by, why) = (BY.to_owned(), "seen in the picture".to_owned());
        world.tell(Event::ReviewDecided {
            session,
            verdict,
            by,
            why,
        });
    }
    pay_a_part(world);
    let desk = world.book().desk();
    let desk: Vec<String> = desk.map(|charge| charge.claim.trade_no.clone()).collect();
    for trade_no in desk {
        let how = match chance.below(4) {
            0 => StaffOutcome::Collected {
                by: BY.into(),
                channel: "qr".into(),
            },
            1 => StaffOutcome::WrittenOff {
                by: BY.into(),
                why: "moved away".into(),
            },
            _ => continue,
        };
        world.tell(Event::ArrearsFinished { trade_no, how });
    }
    correct(world, chance);
    list(world);
    count(world);
}

/// Somebody's card begins or ends.
fn list(world: &mut World) {
    let plate = number("粤B7K9M2");
    let change = match world.park().site().listing.is_empty() {
        true => Change::Put(Listed {
            plate,
            list: List::Visitor,
            from: None,
            until: Some(world.now().wall.plus_ms(3_600_000)),
            bay: None,
            note: String::new(),
        }),
        false => Change::Remove {
            plate,
            list: List::Visitor,
        },
    };
    world.tell(Event::ListChanged {
        change,
        by: BY.into(),
        why: "a guest of 3-1-501".into(),
    });
}

/// Somebody comes to pay, and has half of it.
fn pay_a_part(world: &mut World) {
    let owed = world.book().desk().next();
    let Some(owed) = owed.filter(|charge| charge.fee_fen() > 100) else {
        return;
    };
    world.tell(Event::PaymentTaken {
        taking: Box::new(Taking {
            stay: PaidStay::of_claim(&owed.claim),
            fen: owed.fee_fen() / 2,
            channel: "cash".into(),
            by: BY.into(),
            regardless: false,
        }),
    });
}

/// Goes round and counts, and is right.
fn count(world: &mut World) {
    let inside = world.park().site().counted_inside();
    world.tell(Event::PlacesCounted {
        inside,
        by: BY.into(),
        why: "the evening's round".into(),
    });
}

fn correct(world: &mut World, chance: &mut SplitMix64) {
    let open = world.book().corrections();
    let open: Vec<String> = open.map(|open| open.trade_no.clone()).collect();
    for trade_no in open {
        let (by, why) = (BY.to_owned(), "refund 5030".to_owned());
        world.tell(Event::CorrectionDone { trade_no, by, why });
    }
    let accepted = world.book().charges().find(|charge| {
        let is_accepted = matches!(charge.state, ChargeState::Accepted { .. });
        is_accepted && chance.chance(700)
    });
    if let Some(claim) = accepted.map(|charge| charge.claim.clone()) {
        let exited = Some(claim.exited.now.wall);
        world.tell(Event::CorrectionAsked {
            sent_for: None,
            exited,
            charged_fen: claim.quote.fee_fen,
            trade_no: claim.trade_no,
            session: claim.session,
            plate: claim.plate,
            due_fen: 0,
            due_from: None,
            by: BY.into(),
            why: "the camera was wrong".into(),
        });
        let refunds = world.book().refunds().open();
        let last = refunds.map(|refund| refund.claim.refund_no.clone()).last();
        if let Some(refund_no) = last.filter(|_| chance.chance(700)) {
            world.tell(Event::RefundGivenUp {
                refund_no,
                by: BY.into(),
                why: "paid in cash".into(),
            });
        }
    }
}
