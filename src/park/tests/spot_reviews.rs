//! Stays under review whose drivers paid by code: nobody pays for one thing twice.

use super::cars::*;
use super::spot_lanes::{OUT_2, read_poorly_beside_the_code};
use super::spots::*;
use super::world::*;
use crate::charges::payment::Toward;
use crate::charges::record::MoneyRecord;
use crate::lane::number::SessionId;
use crate::lane::time::Wall;
use crate::park::event::Event;
use crate::park::record::Record;
use crate::park::review::{Review, ReviewWhy, Terms, Verdict};
use crate::sim::wechat::{Call, Fault};

/// A car that was shown a code, drove back in by the entry, and whose driver then paid. Its first stay waits for a
/// person.
fn paid_after_its_exit_was_missed() -> (World, SessionId, String) {
    let mut world = held();
    let claim = spot(&world).claim;
    let faults = world.simulator.faults_mut();
    faults.push_on(Call::NativeClose, Fault::ErrorBefore);
    world.read(OUT, "粤B12345");
    world.read(IN, PLATE);
    assert!(pay(&mut world));
    world.pass(MINUTE);
    assert_eq!(open_spots(&world), 0);
    (world, claim.session, claim.number)
}

fn review(world: &World, session: &SessionId) -> Review {
    world.park().site().reviews[session].clone()
}

fn charge(world: &mut World, session: &SessionId, terms: Terms) -> Result<String, String> {
    world.tell(Event::ReviewDecided {
        session: session.clone(),
        verdict: Verdict::Charge(terms),
        by: "王芳".into(),
        why: "seen in the picture".into(),
    });
    world.replies.pop().expect("a reply")
}

fn fee(fen: u64) -> Terms {
    Terms {
        fee_fen: Some(fen),
        ..Terms::default()
    }
}

fn left_at(wall: Wall) -> Terms {
    Terms {
        exited: Some(wall),
        ..Terms::default()
    }
}

fn give_back(world: &mut World, session: &SessionId, number: &str, fen: u64) {
    world.tell(Event::RefundAsked {
        trade_no: number.to_owned(),
        session: session.clone(),
        plate: PLATE.to_owned().try_into().unwrap(),
        charged_fen: 500,
        exited: world.true_wall(),
        sent_for: None,
        fen: Some(fen),
        by: "王芳".into(),
        why: "too much".into(),
    });
    world.replies.pop().expect("a reply").unwrap();
}

#[test]
fn e14_given_a_code_that_was_paid_late_when_its_stay_is_charged_after_review_then_it_is_taken_off()
{
    let (mut world, session, number) = paid_after_its_exit_was_missed();
    let listed = review(&world, &session);
    assert_eq!(listed.why, ReviewWhy::ExitMissed);
    assert_eq!(listed.over_fen, Some(500));
    assert_eq!(listed.since.by_code[&number], 500);
    let why = charge(&mut world, &session, fee(500)).unwrap_err();
    assert!(why.contains("5.00 yuan were paid for it"), "{why}");
    let said = charge(&mut world, &session, fee(800)).unwrap();
    assert!(said.contains("of 3.00 yuan"), "{said}");
    assert!(said.contains("5.00 yuan were paid before"), "{said}");
    assert_eq!(world.book().totals().opened.fen, 300);
    world.start();
    assert_eq!(review(&world, &session).since.by_code[&number], 500);
}

#[test]
fn given_a_code_that_was_paid_late_when_a_person_says_when_the_car_left_then_it_is_taken_off() {
    let (mut world, session, _) = paid_after_its_exit_was_missed();
    world.pass(2 * HOUR);
    let left = BEGINNING.plus_ms(5_400_000);
    let said = charge(&mut world, &session, left_at(left)).unwrap();
    assert!(said.contains("of 5.00 yuan"), "10 less 5: {said}");
}

#[test]
fn given_a_code_that_was_paid_late_when_it_went_back_then_the_whole_fee_is_charged() {
    for (back_fen, due) in [(500, "of 8.00 yuan"), (200, "of 5.00 yuan")] {
        let (mut world, session, number) = paid_after_its_exit_was_missed();
        give_back(&mut world, &session, &number, back_fen);
        world.pass(10 * MINUTE);
        assert_eq!(world.book().totals().refunded.fen, back_fen);
        let said = charge(&mut world, &session, fee(800)).unwrap();
        assert!(said.contains(due), "{said}");
    }
}

#[test]
fn given_a_doubtful_reading_beside_the_code_when_the_code_is_paid_then_no_charge_follows_it() {
    let mut world = read_poorly_beside_the_code();
    let session = spot(&world).claim.session;
    assert_eq!(review(&world, &session).fee_fen, Some(500));
    assert!(pay(&mut world));
    world.pass(5_000);
    assert_eq!(world.raises(OUT_2), 1);
    let why = charge(&mut world, &session, Terms::default()).unwrap_err();
    assert!(why.contains("5.00 yuan were paid for it"), "{why}");
    adds_up(&world, 500);
}

#[test]
fn given_a_driver_who_paid_and_turned_back_when_his_stay_is_ended_then_the_list_shows_the_rest() {
    let mut world = held();
    assert!(pay(&mut world));
    world.read(OUT, "粤B12345");
    world.pass(HOUR);
    let session = world.session(PLATE).expect("it goes on").id;
    let left = world.true_wall();
    world.tell(Event::StayEnded {
        session: session.clone(),
        review: true,
        left: Some(left),
        by: "王芳".into(),
        why: "gone by the raised barrier".into(),
    });
    world.replies.pop().expect("a reply").unwrap();
    let listed = review(&world, &session);
    assert_eq!((listed.fee_fen, listed.paid_fen), (Some(500), 500));
    let said = charge(&mut world, &session, left_at(left)).unwrap();
    assert!(said.contains("of 5.00 yuan"), "10 less 5: {said}");
}

#[test]
fn given_a_payment_by_code_when_it_is_on_record_then_it_names_its_order() {
    let (world, session, number) = paid_after_its_exit_was_missed();
    let records = world.disk.records().into_iter();
    let payments = records.filter_map(|record| match record {
        Record::Money(MoneyRecord::PaymentTaken { payment }) => Some(payment),
        _ => None,
    });
    let payments: Vec<_> = payments.collect();
    assert_eq!(payments.len(), 1);
    assert_eq!(payments[0].number, Some(number));
    assert_eq!(
        (&payments[0].session, &payments[0].toward),
        (&session, &Toward::Nothing)
    );
}
