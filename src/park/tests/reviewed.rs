//! What a person decides about a stay under review, and what the book lets them.

use super::cars::*;
use super::world::*;
use crate::books::{self, Period};
use crate::charges::charge::{ChargeState, StaffReason};
use crate::lane::guard::WhenGuarded;
use crate::lane::number::SessionId;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::time::Wall;
use crate::park::event::Event;
use crate::park::review::{ReviewEnd, ReviewWhy, Terms, Verdict};
use crate::sim::wechat::Plate;

/// What is said to a person who decides about the only stay under review.
fn decide(world: &mut World, verdict: Verdict) -> Result<String, String> {
    let reviews: Vec<SessionId> = world.park().site().reviews.keys().cloned().collect();
    assert_eq!(reviews.len(), 1, "one review");
    decide_on(world, &reviews[0], verdict)
}

fn decide_on(world: &mut World, session: &SessionId, verdict: Verdict) -> Result<String, String> {
    world.tell(Event::ReviewDecided {
        session: session.clone(),
        verdict,
        by: "王芳".into(),
        why: "seen in the picture".into(),
    });
    world.replies.pop().expect("a reply")
}

fn charge() -> Verdict {
    Verdict::Charge(Terms::default())
}

fn fee(fen: u64) -> Verdict {
    Verdict::Charge(Terms {
        fee_fen: Some(fen),
        ..Terms::default()
    })
}

fn left_at(wall: Wall) -> Verdict {
    Verdict::Charge(Terms {
        exited: Some(wall),
        ..Terms::default()
    })
}

fn waiting(world: &World) -> usize {
    world.park().site().open_reviews().count()
}

fn end(world: &World) -> ReviewEnd {
    let mut reviews = world.park().site().reviews.values();
    reviews.next().unwrap().closed.clone().unwrap().how
}

/// 73 hours, and the guard lets the car out: the fee is with the staff, and WeChat was never asked.
fn let_out_by_the_guard() -> World {
    let mut world = inside_under(73 * HOUR, |rules| rules.guard.at_exit = WhenGuarded::Open);
    world.read(OUT, PLATE);
    world.pass(1_000);
    world.drive_through(OUT);
    world
}

/// The camera of the exit kept the reading to itself.
fn replayed_exit() -> World {
    let mut world = World::new();
    world.enter(PLATE);
    world.pass(HOUR);
    let mut cached = world.reading(PLATE);
    cached.replay = true;
    world.pass(HOUR);
    world.read_as(OUT, cached);
    world
}

fn restarted(world: &mut World) {
    world.power_off();
    world.pass(5_000);
    world.boot_again(true);
    world.pass(1_000);
}

#[test]
fn given_a_doubtful_stay_at_the_barrier_when_a_person_has_it_charged_then_it_is_filed_and_the_car_goes()
 {
    let mut world = inside_for(73 * HOUR);
    world.read(OUT, PLATE);
    assert!(matches!(world.held_for(OUT), Some(HoldReason::Guarded(_))));
    let said = decide(&mut world, charge()).unwrap();
    assert!(said.contains("365.00 yuan goes to WeChat"), "{said}");
    assert_eq!(world.raises(OUT), 0, "not before WeChat has taken it on");
    world.pass(1_000);
    assert_eq!(world.calls_since(0), ["charge"]);
    assert!(is_accepted(world.reason(OUT)));
    assert_eq!((world.raises(OUT), waiting(&world)), (1, 0));
    world.pass(MINUTE);
    assert_eq!(world.book().totals().settled.fen, 36_500);
    let again = decide(&mut world, charge()).unwrap_err();
    assert!(again.contains("decided before, by 王芳"), "{again}");
}

#[test]
fn given_a_doubtful_stay_at_the_barrier_when_the_fee_is_corrected_then_that_is_charged() {
    let mut world = inside_for(73 * HOUR);
    world.read(OUT, PLATE);
    decide(&mut world, fee(500)).unwrap();
    world.pass(MINUTE);
    assert_eq!(world.book().totals().settled.fen, 500);
    assert!(is_accepted(world.reason(OUT)));
}

#[test]
fn given_a_car_that_waits_at_the_barrier_when_its_fee_is_waived_then_it_is_let_out_by_a_raise() {
    let mut world = inside_for(73 * HOUR);
    world.read(OUT, PLATE);
    let why = decide(&mut world, Verdict::Waive).unwrap_err();
    assert!(why.contains("lane raise out-1"), "{why}");
    assert_eq!(waiting(&world), 1);
}

#[test]
fn given_a_blocked_plate_when_a_person_has_it_charged_then_the_refusal_is_arrears() {
    let mut world = inside_for(73 * HOUR);
    enrolled_as(&mut world, Plate::blocked("OVERDUE"));
    world.read(OUT, PLATE);
    decide(&mut world, charge()).unwrap();
    world.pass(2_000);
    assert!(matches!(
        world.desk().state,
        ChargeState::HandedToStaff(StaffReason::Refused(_))
    ));
    assert!(matches!(world.held_for(OUT), Some(HoldReason::Refused(_))));
}

#[test]
fn given_a_car_that_has_gone_when_a_person_has_it_charged_then_a_new_claim_takes_the_first_ones_place()
 {
    let mut world = let_out_by_the_guard();
    let first = world.desk().claim.trade_no.clone();
    world.pass(DAY);
    assert_eq!(world.calls_since(0), [""; 0], "nothing by itself");
    decide(&mut world, charge()).unwrap();
    world.pass(MINUTE);
    let totals = *world.book().totals();
    assert_eq!((totals.opened.count, totals.replaced.count), (2, 1));
    assert_eq!(totals.settled.fen, 36_500);
    assert_eq!(totals.handed_to_staff, totals.replaced);
    let books = world.simulator.books();
    assert_eq!(books.violations, []);
    assert!(books.order(&first).is_none());
    assert_eq!(books.orders_of(PLATE).count(), 1);
    assert!(matches!(
        end(&world),
        ReviewEnd::Charged {
            fee_fen: 36_500,
            ..
        }
    ));
}

#[test]
fn given_a_car_that_has_gone_when_its_fee_is_waived_then_the_desk_is_clear() {
    let mut world = let_out_by_the_guard();
    let said = decide(&mut world, Verdict::Waive).unwrap();
    assert!(said.contains("365.00 yuan are let off"), "{said}");
    assert_eq!(world.book().totals().written_off.fen, 36_500);
    assert_eq!(waiting(&world), 0);
    assert!(world.book().is_idle(), "its entry has no use any more");
}

#[test]
fn given_the_plate_is_back_inside_when_the_older_stay_is_charged_then_the_driver_owes_it() {
    let mut world = let_out_by_the_guard();
    world.enter(PLATE);
    world.pass(MINUTE);
    let said = decide(&mut world, charge()).unwrap();
    assert!(said.contains("with the staff"), "{said}");
    assert!(matches!(
        world.desk().state,
        ChargeState::HandedToStaff(StaffReason::NotRegistered(_))
    ));
    world.pass(HOUR);
    assert_eq!(world.simulator.books().orders.len(), 0);
}

#[test]
fn given_an_exit_that_came_late_when_it_is_charged_then_a_person_says_when_or_how_much() {
    let mut world = replayed_exit();
    let why = decide(&mut world, charge()).unwrap_err();
    assert!(why.contains("--exit"), "{why}");
    let too_early = BEGINNING.plus_ms(-1_000);
    let too_late = world.true_wall().plus_ms(60_000);
    for impossible in [too_early, too_late] {
        let why = decide(&mut world, left_at(impossible)).unwrap_err();
        assert!(why.contains("cannot have left then"), "{why}");
    }
    let an_hour = i64::try_from(HOUR).unwrap();
    decide(&mut world, left_at(BEGINNING.plus_ms(an_hour))).unwrap();
    world.pass(MINUTE);
    let totals = world.book().totals();
    assert_eq!((totals.settled.fen, totals.opened.fen), (500, 500));
    assert_eq!(world.simulator.books().violations, []);
}

#[test]
fn given_a_missed_exit_when_the_newer_stay_is_at_wechat_then_the_fee_is_the_drivers_debt() {
    let mut world = World::new();
    world.enter(PLATE);
    world.pass(HOUR);
    world.enter(PLATE);
    world.pass(MINUTE);
    let why = &world.park().site().reviews.values().next().unwrap().why;
    assert_eq!(*why, ReviewWhy::ExitMissed);
    decide(&mut world, fee(700)).unwrap();
    let owes = world.book().arrears_of(&number(PLATE)).unwrap();
    assert_eq!(owes.fen, 700);
    world.pass(HOUR);
    assert_eq!(world.simulator.books().orders.len(), 0);
}

#[test]
fn given_a_charge_that_wechat_may_have_when_a_person_decides_then_nothing_is_claimed_twice() {
    let mut world = inside_for(20 * HOUR - 1);
    world.simulator.faults_mut().outage = true;
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert!(world.charge().is_under_way());
    world.read(IN, PLATE);
    for verdict in [charge(), fee(1), Verdict::Waive] {
        let why = decide(&mut world, verdict).unwrap_err();
        assert!(why.contains("may still take"), "{why}");
    }
    assert_eq!(waiting(&world), 1);
    world.simulator.faults_mut().outage = false;
    world.pass(20 * MINUTE);
    assert_eq!(world.book().totals().settled.count, 1);
    let why = decide(&mut world, charge()).unwrap_err();
    assert!(why.contains("review correct"), "{why}");
    decide(&mut world, Verdict::Waive).unwrap();
    assert_eq!(world.book().totals().settled.count, 1);
}

#[test]
fn given_a_charge_that_waits_to_be_sent_when_it_is_waived_then_it_is_withdrawn() {
    let mut world = silent_for(5 * HOUR, false, |_| {});
    world.read(IN, PLATE);
    let why = decide(&mut world, charge()).unwrap_err();
    assert!(why.contains("on its way to WeChat"), "{why}");
    decide(&mut world, Verdict::Waive).unwrap();
    let totals = world.book().totals();
    assert_eq!(totals.withdrawn, totals.opened);
}

#[test]
fn given_another_plate_when_a_stay_is_charged_to_it_then_wechat_is_not_asked_under_the_first() {
    let mut world = let_out_by_the_guard();
    let terms = Terms {
        plate: Some(number("苏E6P398")),
        ..Terms::default()
    };
    decide(&mut world, Verdict::Charge(terms)).unwrap();
    world.pass(HOUR);
    assert_eq!(world.simulator.books().orders.len(), 0);
    assert!(world.book().arrears_of(&number(PLATE)).is_none());
    let owes = world.book().arrears_of(&number("苏E6P398")).unwrap();
    assert_eq!(owes.fen, 36_500);
}

#[test]
fn given_a_decision_when_the_box_restarts_then_it_stands() {
    for verdict in [charge(), Verdict::Waive] {
        let mut world = let_out_by_the_guard();
        decide(&mut world, verdict).unwrap();
        restarted(&mut world);
        let again = decide(&mut world, charge()).unwrap_err();
        assert!(again.contains("decided before"), "{again}");
    }
    let mut undecided = let_out_by_the_guard();
    restarted(&mut undecided);
    decide(&mut undecided, charge()).unwrap();
    undecided.pass(MINUTE);
    assert_eq!(undecided.book().totals().settled.count, 1);
}

#[test]
fn given_a_store_that_cannot_write_when_a_person_decides_then_nothing_is_promised() {
    let mut world = let_out_by_the_guard();
    world.disk.set_failing(true);
    world.read(IN, "苏E6P398");
    let before = world.park().snapshot();
    let why = decide(&mut world, charge()).unwrap_err();
    assert!(why.contains("store cannot write"), "{why}");
    assert_eq!(world.park().snapshot(), before);
}

#[test]
fn given_a_stay_that_goes_on_when_it_is_charged_then_a_person_says_when_it_ended() {
    let mut world = inside_for(73 * HOUR);
    world.read(OUT, PLATE);
    world.pass(35_000);
    world.read(OUT, "苏E6P398");
    let why = decide(&mut world, charge()).unwrap_err();
    assert!(why.contains("goes on"), "{why}");
    let left = BEGINNING.plus_ms(i64::try_from(2 * HOUR).unwrap());
    decide(&mut world, left_at(left)).unwrap();
    assert!(world.session(PLATE).is_none());
    world.pass(MINUTE);
    assert_eq!(world.book().totals().settled.fen, 1_000);
}

#[test]
fn given_a_stay_that_nobody_doubts_when_a_person_decides_then_there_is_nothing_to_decide() {
    let mut world = inside_for(HOUR);
    let session = world.session(PLATE).unwrap().id.clone();
    let why = decide_on(&mut world, &session, charge()).unwrap_err();
    assert!(why.contains("not under review"), "{why}");
}

#[test]
fn given_an_attendant_who_took_the_money_when_the_car_is_out_then_its_review_is_closed() {
    let mut world = inside_for(73 * HOUR);
    world.read(OUT, PLATE);
    world.tell(Event::AttendantRaised {
        lane: lane_id(OUT),
        by: "张三".into(),
        why: "paid".into(),
        money: Some(crate::charges::record::StaffOutcome::Collected {
            by: "张三".into(),
            channel: "cash".into(),
        }),
    });
    assert!(matches!(
        world.reason(OUT),
        Some(RaiseReason::Attendant { .. })
    ));
    assert_eq!(waiting(&world), 0);
    assert!(matches!(end(&world), ReviewEnd::Finished { .. }));
}

#[test]
fn given_a_full_list_when_another_stay_is_doubtful_then_the_oldest_makes_room_on_record() {
    let mut world = World::new();
    world.traced = false;
    for counter in 0..1_025_u32 {
        let plate = format!("粤B{:05}", 10_000 + counter);
        for _ in 0..2 {
            world.read(IN, &plate);
            world.pass(6 * MINUTE);
        }
    }
    assert_eq!(waiting(&world), 1_024);
    let closed = world.lane_records().into_iter().filter(|record| {
        let made_room = ReviewEnd::MadeRoom;
        matches!(record, crate::park::record::LaneRecord::ReviewClosed { how, .. } if *how == made_room)
    });
    assert_eq!(closed.count(), 1);
}

/// Its oldest part has been archived: the ledger begins with a whole state.
#[test]
fn given_a_stay_that_ended_before_the_ledger_begins_when_it_is_charged_then_the_books_hold() {
    let mut world = replayed_exit();
    let state = world.park().checkpoint(world.now());
    let (from, of_state) = (world.disk.stored().len(), state.len());
    decide(&mut world, fee(800)).unwrap();
    world.pass(DAY);
    let records = state.into_iter().chain(world.disk.stored().split_off(from));
    let records = (1..).zip(records).enumerate();
    let records = records.map(|(n, (seq, record))| (seq, record, n < of_state));
    let report = books::check_records(Period::default(), records);
    assert_eq!(report.violations, []);
    assert_eq!((report.due.count, report.due.fen), (1, 800));
}
