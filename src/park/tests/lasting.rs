//! What does not end by itself: a merchant that stays refused, a charge that always fails.

use std::collections::VecDeque;

use super::cars::*;
use super::world::*;
use crate::charges::charge::ChargeState;
use crate::lane::alarm::AlarmKind;
use crate::sim::wechat::{Call, Fault};

#[test]
fn given_a_charge_that_wechat_always_fails_on_when_days_pass_then_it_is_asked_about_and_sent_every_few_minutes()
 {
    let mut world = inside_for(HOUR);
    let failing = VecDeque::from(vec![Fault::ErrorBefore; 10_000]);
    let faults = world.simulator.faults_mut();
    faults.next_on.insert(Call::Charge, failing);
    world.read(OUT, PLATE);
    world.pass(10 * MINUTE);
    assert_eq!(world.raises(OUT), 1, "let out on trust");
    world.drive_through(OUT);
    for _ in 0..3 {
        let from = world.calls.len();
        world.pass(DAY);
        let calls = world.calls_since(from);
        let sent = calls.iter().filter(|call| **call == "charge").count();
        let asked = calls.iter().filter(|call| **call == "query").count();
        assert!((230..=370).contains(&sent), "{sent} in a day");
        assert!(
            sent.abs_diff(asked) <= 1,
            "each after a query: {sent}, {asked}"
        );
        let mut free = 0;
        for _ in 0..100 {
            world.pass(30_000);
            free += u32::from(world.charge().state == ChargeState::Due);
        }
        assert!(
            free > 85,
            "a person may take it over in {free} of 100 moments"
        );
    }
    // Others are served meanwhile.
    world.enter("粤B2M905");
    let registered = world.simulator.books().entries;
    assert!(registered.iter().any(|entry| entry.plate == "粤B2M905"));

    world.simulator.faults_mut().next_on.clear();
    world.pass(15 * MINUTE);
    let books = world.simulator.books();
    assert_eq!(books.violations, []);
    assert_eq!((books.orders.len(), books.orders[0].accepted), (1, 1));
    assert_eq!(world.book().totals().settled.fen, books.accepted_fen());
}

#[test]
fn given_a_charge_that_wechat_always_fails_on_when_the_plate_comes_again_then_staff_gets_it() {
    let mut world = inside_for(HOUR);
    let failing = VecDeque::from(vec![Fault::ErrorBefore; 10_000]);
    let faults = world.simulator.faults_mut();
    faults.next_on.insert(Call::Charge, failing);
    world.read(OUT, PLATE);
    world.pass(DAY);
    world.drive_through(OUT);
    world.enter(PLATE);
    world.pass(HOUR);
    assert!(matches!(world.desk().state, ChargeState::HandedToStaff(_)));
    assert_eq!(world.simulator.books().orders, []);
    let entries = world.simulator.books().entries;
    assert_eq!(entries.len(), 2, "its next stay can be charged");
}

#[test]
fn given_a_stopped_merchant_with_nothing_in_the_queue_when_it_is_let_in_then_that_is_seen_without_a_car()
 {
    let mut world = World::new();
    let faults = world.simulator.faults_mut();
    faults.standing = Some(Fault::NoAuth);
    world.read(IN, PLATE);
    world.pass(1_000);
    world.read(OUT, PLATE);
    world.pass(2_000);
    assert!(world.book().stop().is_some());
    assert!(world.book().is_idle(), "a stay of a second costs nothing");
    let from = world.calls.len();
    world.pass(DAY);
    let asked = world.calls_since(from);
    assert!(asked.iter().all(|call| *call == "query"));
    assert!((20..=30).contains(&asked.len()), "{} queries", asked.len());

    world.simulator.faults_mut().standing = None;
    world.pass(2 * HOUR);
    assert!(world.book().stop().is_none());
    assert!(!world.is_alarmed(AlarmKind::MerchantStopped));
    let from = world.calls.len();
    world.pass(DAY);
    assert_eq!(world.calls_since(from).len(), 0, "nothing is left to ask");
    assert_eq!(world.simulator.books().violations, []);
}

#[test]
fn given_a_stopped_merchant_when_the_box_restarts_then_people_are_told_again() {
    let mut world = inside_for(HOUR);
    world.simulator.faults_mut().standing = Some(Fault::NoAuth);
    world.read(OUT, PLATE);
    world.pass(300);
    assert!(world.is_alarmed(AlarmKind::MerchantStopped));
    world.power_off();
    world.alarms.clear();
    world.boot_again(true);
    assert!(world.is_alarmed(AlarmKind::MerchantStopped));
    let text = &world.alarms.last().unwrap().text;
    assert!(
        text.contains("NO_AUTH") && text.contains("permission"),
        "{text}"
    );
}
