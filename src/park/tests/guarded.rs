//! The wrong-charge guard and the attendant.

use super::cars::*;
use super::world::*;
use crate::charges::charge::{ChargeState, StaffReason};
use crate::charges::record::StaffOutcome;
use crate::lane::guard::{Doubt, WhenGuarded};
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::reading::{PlateRead, ReadWarning};
use crate::lane::session::Ending;
use crate::park::event::Event;
use crate::park::review::ReviewWhy;
use crate::sim::wechat::{Outcome, Plate};

// The guard.

#[test]
fn e05_given_an_implausible_stay_or_fee_when_it_ends_then_a_person_looks() {
    for (stay_ms, doubts) in [
        (20 * HOUR, vec![]),
        (20 * HOUR + 1_000, vec![Doubt::FeeTooHigh]),
        (73 * HOUR, vec![Doubt::StayTooLong, Doubt::FeeTooHigh]),
    ] {
        let mut world = inside_for(stay_ms);
        world.read(OUT, PLATE);
        world.pass(1_000);
        match doubts.is_empty() {
            true => assert!(is_accepted(world.reason(OUT))),
            false => {
                let guarded = HoldReason::Guarded(doubts.clone());
                assert_eq!(world.held_for(OUT), Some(guarded));
                assert_eq!(world.calls_since(0), [""; 0], "nothing is filed");
                let mut reviews = world.park().site().reviews.values();
                assert_eq!(reviews.next().unwrap().why, ReviewWhy::Guarded(doubts));
            }
        }
    }
}

#[test]
fn given_a_doubtful_exit_reading_when_it_costs_something_then_a_person_looks() {
    type Spoil = fn(&mut PlateRead);
    let spoil: [(Spoil, Doubt); 4] = [
        (
            |read| read.confidence_permille = Some(799),
            Doubt::LowConfidence,
        ),
        (
            |read| read.warnings = vec![ReadWarning::ColorConflict],
            Doubt::ColorContradictsShape,
        ),
        (
            |read| read.warnings = vec![ReadWarning::LengthSuspect],
            Doubt::ColorContradictsShape,
        ),
        (
            |read| read.warnings = vec![ReadWarning::FakePlate],
            Doubt::FakePlate,
        ),
    ];
    for (spoil, doubt) in spoil {
        let mut world = inside_for(HOUR);
        let mut read = world.reading(PLATE);
        spoil(&mut read);
        world.read_as(OUT, read);
        world.pass(1_000);
        assert_eq!(world.held_for(OUT), Some(HoldReason::Guarded(vec![doubt])));
        assert_eq!(world.calls_since(0), [""; 0]);
    }
    let mut world = inside_for(HOUR);
    let mut read = world.reading(PLATE);
    read.confidence_permille = None;
    world.read_as(OUT, read);
    world.pass(1_000);
    assert!(is_accepted(world.reason(OUT)), "no confidence passes");
}

#[test]
fn given_a_hold_for_low_confidence_when_a_better_reading_follows_then_it_is_decided_anew() {
    let mut world = inside_for(HOUR);
    let mut poor = world.reading(PLATE);
    poor.confidence_permille = Some(500);
    world.read_as(OUT, poor.clone());
    world.pass(2_000);
    poor.record_id = Some("another".into());
    poor.confidence_permille = Some(600);
    world.read_as(OUT, poor);
    assert!(world.hold(OUT).is_some(), "no better");
    world.pass(2_000);
    world.read(OUT, PLATE);
    world.pass(300);
    assert!(is_accepted(world.reason(OUT)));
    assert_eq!(world.hold(OUT), None);
    let lane_until = world.calls.len();
    assert_eq!(lane_until, 1);
}

#[test]
fn given_the_guard_opens_when_a_stay_is_implausible_then_out_and_staff_has_the_fee() {
    let mut world = inside_under(73 * HOUR, |rules| rules.guard.at_exit = WhenGuarded::Open);
    world.read(OUT, PLATE);
    assert_eq!(world.reason(OUT), Some(RaiseReason::GuardOpen));
    assert!(matches!(
        world.desk().state,
        ChargeState::HandedToStaff(StaffReason::Guarded(_))
    ));
    assert!(matches!(
        last_ending(&world),
        Some(Ending::Reviewed { trade_no: Some(_) })
    ));
    world.pass(DAY);
    assert_eq!(world.calls_since(0), [""; 0]);
}

// The attendant.

fn raised_by_hand(world: &mut World, money: Option<StaffOutcome>) -> String {
    world.tell(Event::AttendantRaised {
        lane: lane_id(OUT),
        by: "张三".into(),
        why: "asked to".into(),
        money,
    });
    world
        .replies
        .pop()
        .expect("a reply")
        .expect("it is always possible")
}

fn cash() -> Option<StaffOutcome> {
    Some(StaffOutcome::Collected {
        by: "张三".into(),
        channel: "cash".into(),
    })
}

fn is_by_hand(reason: Option<RaiseReason>) -> bool {
    matches!(reason, Some(RaiseReason::Attendant { .. }))
}

#[test]
fn e17_given_an_empty_lane_when_the_attendant_raises_then_it_is_recorded() {
    let mut world = World::new();
    assert_eq!(
        raised_by_hand(&mut world, cash()),
        "lane out-1 raised; nothing was due"
    );
    assert!(is_by_hand(world.reason(OUT)));
    world.tell(Event::AttendantRaised {
        lane: lane_id("north"),
        by: String::new(),
        why: String::new(),
        money: None,
    });
    assert!(world.replies.pop().unwrap().is_err());
}

#[test]
fn given_a_charge_on_its_way_when_the_attendant_takes_cash_then_the_money_may_not_be_taken() {
    let mut world = inside_for(HOUR);
    world.read(OUT, PLATE);
    assert_eq!(world.charge().state, ChargeState::Sent);
    let reply = raised_by_hand(&mut world, cash());
    assert!(reply.contains("may still take"), "{reply}");
    assert!(is_by_hand(world.reason(OUT)));
    world.pass(MINUTE);
    assert_eq!(world.raises(OUT), 1);
    assert_eq!(world.book().totals().settled.count, 1);
    assert_eq!(world.book().totals().withdrawn.count, 0);
}

#[test]
fn e15_given_an_unknown_charge_when_the_attendant_takes_cash_then_the_money_may_not_be_taken() {
    let mut world = inside_for(20 * HOUR - 1);
    world.simulator.faults_mut().outage = true;
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert!(matches!(world.charge().state, ChargeState::Unknown { .. }));
    let reply = raised_by_hand(&mut world, cash());
    assert!(reply.contains("may still take"), "{reply}");
    assert_eq!(world.raises(OUT), 1);
    world.simulator.faults_mut().outage = false;
    world.pass(10 * MINUTE);
    assert_eq!(world.book().totals().settled.count, 1);
}

#[test]
fn e14_given_a_charge_that_was_never_sent_when_the_attendant_takes_cash_then_it_is_withdrawn() {
    let mut world = silent_for(5 * HOUR, false, |_| {});
    assert_eq!(world.charge().state, ChargeState::WaitingForEntry);
    let reply = raised_by_hand(&mut world, cash());
    assert!(reply.ends_with("is finished"), "{reply}");
    world.simulator.faults_mut().outage = false;
    world.pass(10 * MINUTE);
    let totals = world.book().totals();
    assert_eq!(totals.withdrawn, totals.opened);
    assert_eq!(world.simulator.books().orders.len(), 0);
}

#[test]
fn given_a_refused_charge_when_the_attendant_takes_cash_then_the_desk_is_clear() {
    let mut world = inside_for(HOUR);
    enrolled_as(&mut world, Plate::blocked("OVERDUE"));
    world.read(OUT, PLATE);
    world.pass(1_000);
    let reply = raised_by_hand(&mut world, cash());
    assert!(reply.ends_with("is finished"), "{reply}");
    assert_eq!(world.book().desk().count(), 0);
    assert_eq!(world.book().totals().collected.count, 1);
}

#[test]
fn given_a_car_that_waits_for_its_money_when_the_attendant_raises_then_once_and_the_charge_stands()
{
    let mut world = without_advance(Outcome::Success, 20_000);
    world.pass(3_000);
    let reply = raised_by_hand(&mut world, cash());
    assert!(reply.contains("has taken this charge on"), "{reply}");
    world.pass(MINUTE);
    assert_eq!(world.raises(OUT), 1);
    assert_eq!(world.book().totals().settled.count, 1);
}

#[test]
fn given_a_hold_without_a_claim_when_the_attendant_raises_then_the_fee_is_arrears_or_collected() {
    for money in [None, cash()] {
        let mut world = inside_for(73 * HOUR);
        world.read(OUT, PLATE);
        let collects = money.is_some();
        raised_by_hand(&mut world, money);
        let totals = world.book().totals();
        assert_eq!(totals.handed_to_staff.count, 1);
        assert_eq!(totals.collected.count, u64::from(collects));
        assert!(world.session(PLATE).is_none());
    }
}
