//! Codes that WeChat does not tell of: a person hears of it, and ends them.

use std::collections::VecDeque;

use super::spots::*;
use super::world::*;
use crate::charges::record::MoneyRecord;
use crate::charges::spot::SpotTold;
use crate::lane::alarm::AlarmKind;
use crate::lane::raise::RaiseReason;
use crate::park::event::Event;
use crate::park::record::Record;
use crate::sim::wechat::{Call, Fault};

/// WeChat answers other calls, and of these orders always something that cannot be believed.
fn never_tell(world: &mut World) {
    for (call, fault) in [
        (Call::NativeQuery, Fault::WrongEcho),
        (Call::NativeClose, Fault::ErrorBefore),
    ] {
        let always = VecDeque::from(vec![fault; 2_000]);
        world.simulator.faults_mut().next_on.insert(call, always);
    }
}

fn end(world: &mut World, number: &str, is_paid: bool) -> Result<String, String> {
    world.tell(Event::SpotEnded {
        number: number.to_owned(),
        is_paid,
        by: "王芳".into(),
        why: "as the merchant platform shows".into(),
    });
    world.replies.pop().expect("a reply")
}

/// Let out after ten minutes, and for an hour and a half nobody knows whether the driver has paid.
fn stuck() -> (World, String) {
    let mut world = held();
    never_tell(&mut world);
    let number = spot(&world).claim.number;
    let why = end(&mut world, &number, false).unwrap_err();
    assert!(why.contains("may still be paid"), "{why}");
    world.pass(10 * MINUTE);
    assert_eq!(world.reason(OUT), Some(RaiseReason::HeldTooLong));
    assert!(spot(&world).given_up.is_some());
    let why = end(&mut world, &number, false).unwrap_err();
    assert!(why.contains("may still be paid"), "its 15 minutes: {why}");
    assert!(pay(&mut world), "while the close is not made");
    world.pass(90 * MINUTE);
    assert!(world.is_alarmed(AlarmKind::CodeStuck));
    assert_eq!(open_spots(&world), 1, "not by itself");
    (world, number)
}

#[test]
fn given_an_order_that_wechat_never_tells_of_when_a_person_saw_it_paid_then_it_counts() {
    let (mut world, number) = stuck();
    let said = end(&mut world, &number, true).unwrap();
    assert!(said.contains("5.00 yuan is taken down as paid"), "{said}");
    assert!(!world.is_alarmed(AlarmKind::CodeStuck));
    assert!(!world.is_alarmed(AlarmKind::AnswerMismatch));
    assert_eq!((open_spots(&world), world.book().desk().count()), (0, 0));
    assert_eq!(world.book().totals().collected.fen, 500);
    // WeChat finds its words again, and it counts no second time.
    notice(&mut world, "1", &number, 500);
    assert_eq!(world.book().totals().collected.fen, 500);
    let why = end(&mut world, &number, true).unwrap_err();
    assert!(why.contains("no such code order"), "{why}");
    world.start();
    adds_up(&world, 500);
}

#[test]
fn given_an_order_that_wechat_never_tells_of_when_a_person_ends_it_then_late_money_still_counts() {
    let (mut world, number) = stuck();
    let said = end(&mut world, &number, false).unwrap();
    assert!(said.contains("has ended unpaid"), "{said}");
    assert!(!world.is_alarmed(AlarmKind::CodeStuck));
    assert_eq!((open_spots(&world), world.book().desk().count()), (0, 1));
    let records = world.disk.records().into_iter();
    let ended = records.filter_map(|record| match record {
        Record::Money(MoneyRecord::SpotTold {
            told: SpotTold::Closed { why },
            ..
        }) => Some(why),
        _ => None,
    });
    let why: Vec<String> = ended.collect();
    assert_eq!(why, ["王芳: as the merchant platform shows"]);
    notice(&mut world, "1", &number, 500);
    assert_eq!(world.book().totals().collected.fen, 500);
    adds_up(&world, 500);
}

#[test]
fn given_a_stuck_order_when_wechat_tells_of_it_again_then_it_ends_by_itself() {
    let (mut world, _) = stuck();
    world.simulator.faults_mut().next_on.clear();
    world.pass(10 * MINUTE);
    assert!(!world.is_alarmed(AlarmKind::CodeStuck));
    assert_eq!((open_spots(&world), world.book().desk().count()), (0, 0));
    adds_up(&world, 500);
}

#[test]
fn given_a_code_that_is_shown_when_wechat_does_not_tell_of_it_then_a_person_hears_so_at_once() {
    let mut world = held();
    never_tell(&mut world);
    world.pass(10_000);
    assert!(
        !world.is_alarmed(AlarmKind::CodeStuck),
        "it may be a moment"
    );
    world.pass(30_000);
    assert!(world.is_alarmed(AlarmKind::CodeStuck));
    assert!(spot(&world).code_url().is_some(), "it goes on being shown");
    world.simulator.faults_mut().next_on.clear();
    world.pass(5_000);
    assert!(!world.is_alarmed(AlarmKind::CodeStuck));
    assert!(pay(&mut world));
    world.pass(5_000);
    assert_eq!(world.raises(OUT), 1);
    adds_up(&world, 500);
}
