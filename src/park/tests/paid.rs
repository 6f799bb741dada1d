//! Money for a stay by other means than its charge: in advance, in part, twice (E14, E15).

use super::cars::*;
use super::world::*;
use crate::books::{self, Period};
use crate::charges::charge::{ChargeState, StaffReason};
use crate::charges::payment::{Payment, Toward};
use crate::charges::record::MoneyRecord;
use crate::lane::number::SessionId;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::session::Ending;
use crate::lane::tariff::What;
use crate::park::event::Event;
use crate::park::payment::{PaidStay, Taking};
use crate::park::record::Record;
use crate::park::review::{ReviewWhy, Terms, Verdict};
use crate::sim::wechat::Plate;

/// Money is taken for the stay, open or owed for, of this plate.
fn pay(world: &mut World, fen: u64) -> Result<String, String> {
    take(world, fen, false)
}

fn take(world: &mut World, fen: u64, regardless: bool) -> Result<String, String> {
    let open = world.session(PLATE).map(|session| PaidStay::of(&session));
    let owed = world.book().charges().chain(world.book().desk());
    let owed = owed.map(|charge| PaidStay::of_claim(&charge.claim)).last();
    let stay = open.or(owed).unwrap_or_else(|| gone(world));
    world.tell(Event::PaymentTaken {
        taking: Box::new(Taking {
            stay,
            fen,
            channel: "cash".into(),
            by: "张三".into(),
            regardless,
        }),
    });
    world.replies.pop().expect("a reply")
}

/// A stay that nobody but the ledger remembers.
fn gone(world: &World) -> PaidStay {
    let opened = world
        .lane_records()
        .into_iter()
        .find_map(|record| match record {
            crate::park::record::LaneRecord::SessionOpened { session } => Some(session),
            _ => None,
        });
    PaidStay::of(&opened.expect("a stay"))
}

fn payments(world: &World) -> Vec<Payment> {
    let records = world.disk.records().into_iter();
    let payments = records.filter_map(|record| match record {
        Record::Money(MoneyRecord::PaymentTaken { payment }) => Some(payment),
        _ => None,
    });
    payments.collect()
}

fn over(world: &World) -> Vec<(SessionId, Option<u64>)> {
    let reviews = world.park().site().open_reviews();
    let over = reviews.filter(|review| review.over_fen.is_some());
    over.map(|review| (review.session.clone(), review.over_fen))
        .collect()
}

/// Another hand works out the same.
fn assert_books(world: &World) {
    let stored = world.disk.stored().into_iter();
    let records = (1..).zip(stored).map(|(seq, record)| (seq, record, false));
    let report = books::check_records(Period::default(), records);
    assert_eq!(report.violations, []);
    assert_eq!(report.paid.fen, world.book().totals().paid.fen);
    assert_eq!(report.parts_fen(), report.due.fen);
}

#[test]
fn e14_given_a_stay_paid_in_advance_when_it_goes_on_then_only_what_is_left_is_charged() {
    let mut world = inside_for(2 * HOUR - MINUTE);
    let told = pay(&mut world, 1_000).unwrap();
    assert!(told.contains("nothing is due for it now"), "{told}");
    // Beyond the time to leave, and an hour more.
    world.run_to(3 * HOUR - MINUTE);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert!(is_accepted(world.reason(OUT)));
    let settled = world.book().totals().settled;
    assert_eq!((settled.count, settled.fen), (1, 500), "the third hour");
    let claims = world.disk.records().into_iter();
    let mut claims = claims.filter_map(|record| match record {
        Record::Money(MoneyRecord::ChargeOpened { claim }) => Some(claim),
        _ => None,
    });
    let lines = claims.next().unwrap().quote.lines;
    let paid = lines
        .iter()
        .find(|line| line.what == What::Prepaid)
        .unwrap();
    assert_eq!(paid.amount_fen, -1_000);
    assert_eq!(world.book().totals().paid.fen, 1_000);
    assert_eq!(over(&world), []);
    assert_books(&world);
}

#[test]
fn given_a_stay_paid_in_advance_when_it_leaves_in_time_then_it_costs_nothing_more() {
    for (wait, prepaid) in [(14 * MINUTE, true), (16 * MINUTE, false)] {
        let mut world = inside_for(2 * HOUR - 10 * MINUTE);
        pay(&mut world, 1_000).unwrap();
        world.pass(wait);
        world.read(OUT, PLATE);
        world.pass(MINUTE);
        assert_eq!(world.reason(OUT) == Some(RaiseReason::Prepaid), prepaid);
        let opened = world.book().totals().opened;
        assert_eq!(opened.fen, if prepaid { 0 } else { 500 });
        let ending = Ending::Prepaid {
            paid_fen: 1_000,
            over_fen: 0,
        };
        assert_eq!(last_ending(&world) == Some(ending), prepaid);
        assert_books(&world);
    }
}

#[test]
fn given_a_part_paid_in_advance_when_it_leaves_in_time_then_the_rest_is_charged() {
    let mut world = inside_for(2 * HOUR - MINUTE);
    let told = pay(&mut world, 300).unwrap();
    assert!(told.contains("7.00 yuan are still due"), "{told}");
    pay(&mut world, 200).unwrap();
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert_eq!(world.book().totals().settled.fen, 500);
    assert_eq!(world.book().totals().paid.fen, 500);
    assert_books(&world);
}

#[test]
fn given_more_paid_in_advance_than_it_comes_to_when_it_leaves_then_the_rest_is_to_be_given_back() {
    let mut world = inside_for(HOUR - MINUTE);
    pay(&mut world, 2_000).unwrap();
    world.read(OUT, PLATE);
    assert_eq!(world.reason(OUT), Some(RaiseReason::Prepaid));
    let listed = over(&world);
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].1, Some(1_500));
    world.tell(Event::ReviewDecided {
        session: listed[0].0.clone(),
        verdict: Verdict::Waive,
        by: "张三".into(),
        why: "15 yuan given back".into(),
    });
    world.replies.pop().unwrap().unwrap();
    assert_eq!(over(&world), []);
    assert_books(&world);
}

#[test]
fn given_a_held_car_when_its_fee_is_paid_in_parts_then_it_goes_with_the_last_of_them() {
    let mut world = inside_for(73 * HOUR);
    world.read(OUT, PLATE);
    assert!(matches!(world.held_for(OUT), Some(HoldReason::Guarded(_))));
    pay(&mut world, 30_000).unwrap();
    let quote = world.hold(OUT).unwrap().quote.clone().unwrap();
    assert_eq!(quote.fee_fen, 6_500);
    pay(&mut world, 6_500).unwrap();
    assert_eq!(world.hold(OUT), None);
    assert_eq!(world.reason(OUT), Some(RaiseReason::Prepaid));
    assert_eq!(world.book().totals().opened.count, 0);
    assert_books(&world);
}

#[test]
fn given_a_held_car_that_paid_a_part_when_a_person_lets_it_go_then_the_rest_is_arrears() {
    let mut world = inside_for(73 * HOUR);
    world.read(OUT, PLATE);
    pay(&mut world, 30_000).unwrap();
    world.attendant_raises(OUT);
    assert_eq!(world.desk().fee_fen(), 6_500);
    assert_books(&world);
}

#[test]
fn given_arrears_when_a_part_is_paid_then_they_are_over_the_rest_under_a_number_of_their_own() {
    let mut world = inside_for(HOUR);
    enrolled_as(&mut world, Plate::blocked("OVERDUE"));
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    world.attendant_raises(OUT);
    let before = world.desk();
    let due_fen = before.fee_fen();
    let told = pay(&mut world, 200).unwrap();
    assert!(told.contains("are still due"), "{told}");
    let rest = world.desk();
    assert_eq!(rest.fee_fen(), due_fen - 200);
    assert_ne!(rest.claim.trade_no, before.claim.trade_no);
    assert_eq!(rest.claim.session, before.claim.session);
    assert!(matches!(rest.state, ChargeState::HandedToStaff(_)));
    let too_much = pay(&mut world, due_fen).unwrap_err();
    assert!(too_much.contains("only"), "{too_much}");
    let told = pay(&mut world, due_fen - 200).unwrap();
    assert!(told.contains("is finished"), "{told}");
    let totals = *world.book().totals();
    assert_eq!(totals.collected.fen + totals.paid.fen, due_fen);
    assert_eq!(world.book().desk().count(), 0);
    let toward = payments(&world)[0].toward.clone();
    let trade_no = before.claim.trade_no;
    assert_eq!(toward, Toward::Charge { trade_no });
    assert_books(&world);
}

#[test]
fn given_a_charge_that_waits_for_wechat_when_a_part_is_paid_then_wechat_gets_the_rest() {
    let mut world = World::with(|rules| rules.exit.silent_unknown_up_to_fen = 0);
    world.simulator.faults_mut().outage = true;
    world.enter(PLATE);
    world.run_to(2 * HOUR - MINUTE);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert_eq!(world.held_for(OUT), Some(HoldReason::Silent));
    pay(&mut world, 400).unwrap();
    let hold = world.hold(OUT).unwrap();
    assert_eq!(hold.quote.as_ref().unwrap().fee_fen, 600);
    world.simulator.faults_mut().outage = false;
    world.pass(8 * MINUTE);
    let totals = *world.book().totals();
    assert_eq!((totals.settled.fen, totals.withdrawn.fen), (600, 1_000));
    assert_eq!(
        totals.opened.fen, 1_600,
        "the whole, and the rest once more"
    );
    assert!(is_accepted(world.reason(OUT)) || world.raises(OUT) == 1);
    assert_eq!(world.simulator.books().accepted_fen(), 600);
    assert_books(&world);
}

#[test]
fn e15_given_a_charge_that_wechat_has_when_money_was_taken_all_the_same_then_it_is_listed() {
    let mut world = inside_for(HOUR);
    world.read(OUT, PLATE);
    world.pass(1_000);
    let refused = pay(&mut world, 500).unwrap_err();
    assert!(
        refused.contains("WeChat") || refused.contains("--taken"),
        "{refused}"
    );
    assert_eq!(payments(&world), [], "nothing is noted that was not taken");
    let told = take(&mut world, 500, true).unwrap();
    assert!(told.contains("5.00 yuan are too much"), "{told}");
    world.pass(MINUTE);
    // Once more, when WeChat has settled and nobody remembers the stay.
    take(&mut world, 300, true).unwrap();
    let reviews = world.park().site().open_reviews();
    let why: Vec<ReviewWhy> = reviews.map(|review| review.why.clone()).collect();
    assert_eq!(why, [ReviewWhy::PaidTooMuch]);
    assert_eq!(over(&world)[0].1, Some(800));
    let totals = *world.book().totals();
    assert_eq!(totals.settled, totals.opened, "the charge stands");
    assert_eq!(totals.paid.fen, 800);
    assert_books(&world);
}

#[test]
fn given_a_stay_paid_in_advance_when_the_power_goes_then_it_is_paid() {
    let mut world = inside_for(HOUR - MINUTE);
    pay(&mut world, 500).unwrap();
    world.power_off();
    world.boot_again(true);
    world.pass(30_000);
    world.read(OUT, PLATE);
    assert_eq!(world.reason(OUT), Some(RaiseReason::Prepaid));
    assert_books(&world);
}

#[test]
fn given_a_season_ticket_that_paid_when_it_leaves_then_all_of_it_is_to_be_given_back() {
    let mut world = inside_for(HOUR);
    pay(&mut world, 500).unwrap();
    world.rules.lists.permits.insert(number(PLATE));
    world.power_off();
    world.boot_again(true);
    world.read(OUT, PLATE);
    assert_eq!(world.reason(OUT), Some(RaiseReason::Permit));
    assert_eq!(over(&world)[0].1, Some(500));
    assert_books(&world);
}

#[test]
fn given_a_store_that_fails_when_money_is_taken_then_it_is_not_said_to_be_noted() {
    let mut world = inside_for(HOUR);
    world.disk.set_failing(true);
    world.read(IN, "苏E6P398");
    assert!(
        pay(&mut world, 500)
            .unwrap_err()
            .contains("store cannot write")
    );
    assert!(world.park().site().paid.is_empty());
}

#[test]
fn given_arrears_paid_in_part_when_they_are_given_up_then_the_reason_stays() {
    let mut world = inside_for(HOUR);
    enrolled_as(&mut world, Plate::blocked("OVERDUE"));
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    world.attendant_raises(OUT);
    let ChargeState::HandedToStaff(before) = world.desk().state else {
        panic!("not with the staff");
    };
    pay(&mut world, 100).unwrap();
    let ChargeState::HandedToStaff(after) = world.desk().state else {
        panic!("not with the staff");
    };
    assert_eq!(before, after);
    assert!(!matches!(after, StaffReason::ByHand { .. }));
    assert_books(&world);
}

/// Seeds 3, 63 and 161 of the simulation: it was charged once more, under the number of its first charge.
#[test]
fn given_money_beyond_what_was_due_when_a_person_charges_that_stay_then_no_number_is_given_out_twice()
 {
    let mut world = inside_for(HOUR);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    take(&mut world, 300, true).unwrap();
    let session = over(&world)[0].0.clone();
    world.tell(Event::ReviewDecided {
        session: session.clone(),
        verdict: Verdict::Charge(Terms {
            fee_fen: Some(700),
            ..Terms::default()
        }),
        by: "王芳".into(),
        why: "a mistake".into(),
    });
    let told = world.replies.pop().expect("a reply").unwrap_err();
    assert!(told.contains("nothing is due"), "{told}");
    let numbers = world.disk.records().into_iter();
    let numbers = numbers.filter_map(|record| match record {
        Record::Money(MoneyRecord::ChargeOpened { claim }) => Some(claim.trade_no),
        _ => None,
    });
    assert_eq!(numbers.collect::<Vec<_>>(), [session.trade_no(0)]);
    assert_books(&world);
}

/// The price list rounds what is left to pay, after what was paid before: at the gate as on paper.
#[test]
fn given_a_part_paid_in_advance_when_the_rest_is_rounded_then_payments_come_before_rounding() {
    let mut world = inside_under(2 * HOUR - MINUTE, |rules| {
        rules.tariff.total.round_to_fen = 100;
        rules.tariff.total.at_least_fen = Some(900);
    });
    let told = pay(&mut world, 330).unwrap();
    assert!(told.contains("7.00 yuan are still due"), "{told}");
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert_eq!(world.book().totals().opened.fen, 700);
    assert_books(&world);
}

#[test]
fn given_a_price_list_that_gives_longer_to_leave_then_the_gate_gives_it() {
    let mut world = inside_under(HOUR - MINUTE, |rules| {
        rules.exit.time_to_leave_ms = None;
        rules.tariff.grace_s = 1_800;
    });
    pay(&mut world, 500).unwrap();
    world.pass(30 * MINUTE);
    world.read(OUT, PLATE);
    assert_eq!(world.reason(OUT), Some(RaiseReason::Prepaid));
    assert_books(&world);
}
