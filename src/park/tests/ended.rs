//! Stays whose cars are gone, by a person's word.

use super::cars::*;
use super::world::*;
use crate::lane::number::SessionId;
use crate::lane::raise::HoldReason;
use crate::lane::session::Ending;
use crate::lane::time::Wall;
use crate::park::event::Event;
use crate::park::review::{ReviewWhy, Terms, Verdict};

fn end(world: &mut World, review: bool, left: Option<Wall>) -> Result<String, String> {
    let session = world.session(PLATE).map(|session| session.id.clone());
    let session = session.unwrap_or_else(|| SessionId("0".repeat(17)));
    world.tell(Event::StayEnded {
        session,
        review,
        left,
        by: "王芳".into(),
        why: "towed away".into(),
    });
    world.replies.pop().expect("a reply")
}

fn ended_by_hand(world: &World) -> bool {
    matches!(last_ending(world), Some(Ending::EndedByHand { .. }))
}

#[test]
fn given_a_car_that_is_gone_when_a_person_ends_its_stay_then_nothing_is_asked_for_it() {
    let mut world = inside_for(3 * HOUR);
    let told = end(&mut world, false, None).unwrap();
    assert!(told.contains("nothing is asked for it"), "{told}");
    assert!(ended_by_hand(&world));
    assert!(world.session(PLATE).is_none());
    assert_eq!(world.book().totals().opened.count, 0);
    assert!(world.book().is_idle(), "its entry is of no use any more");
    let told = end(&mut world, false, None).unwrap_err();
    assert!(told.contains("not open"), "{told}");
}

#[test]
fn given_a_missed_exit_that_is_found_later_when_it_is_to_be_charged_then_by_review_as_any_other() {
    let mut world = inside_for(10 * HOUR);
    let left = world.now().wall.plus_ms(-8 * 3_600_000);
    let told = end(&mut world, false, Some(left)).unwrap();
    assert!(told.contains("review list"), "{told}");
    assert!(ended_by_hand(&world));
    let reviews = &world.park().site().reviews;
    let (session, review) = reviews.first_key_value().unwrap();
    let (session, review) = (session.clone(), review.clone());
    assert_eq!(review.why, ReviewWhy::EndedByHand);
    assert_eq!(review.fee_fen, Some(1_000), "two hours");
    world.tell(Event::ReviewDecided {
        session,
        verdict: Verdict::Charge(Terms::default()),
        by: "王芳".into(),
        why: "seen on video".into(),
    });
    world.replies.pop().unwrap().unwrap();
    world.pass(MINUTE);
    let settled = world.book().totals().settled;
    assert_eq!(
        (settled.count, settled.fen),
        (1, 1_000),
        "at WeChat: its entry was kept"
    );
}

#[test]
fn given_an_impossible_time_of_leaving_when_a_stay_is_ended_then_it_goes_on() {
    let mut world = inside_for(HOUR);
    for ms in [-2 * 3_600_000, 60_000] {
        let left = world.now().wall.plus_ms(ms);
        let told = end(&mut world, true, Some(left)).unwrap_err();
        assert!(told.contains("cannot have left then"), "{told}");
    }
    assert!(world.session(PLATE).is_some());
    assert_eq!(world.park().site().reviews.len(), 0);
}

#[test]
fn given_a_car_at_the_barrier_when_its_stay_is_to_be_ended_then_the_lane_is_named() {
    let mut world = inside_for(73 * HOUR);
    world.read(OUT, PLATE);
    assert!(matches!(world.held_for(OUT), Some(HoldReason::Guarded(_))));
    let told = end(&mut world, false, None).unwrap_err();
    assert!(told.contains(&format!("lane raise {OUT}")), "{told}");
    assert!(world.session(PLATE).is_some());
}

#[test]
fn given_a_stay_that_was_charged_when_its_car_turned_back_and_it_is_ended_then_the_charge_goes_on()
{
    let mut world = inside_for(HOUR);
    world.simulator.faults_mut().outage = true;
    world.read(OUT, PLATE);
    let mut read = world.reading(PLATE);
    read.trigger = Some(crate::lane::reading::Trigger::TurnedBack);
    world.read_as(OUT, read);
    assert_eq!(world.hold(OUT), None);
    let told = end(&mut world, true, None).unwrap();
    assert!(told.contains("goes on"), "{told}");
    assert!(matches!(last_ending(&world), Some(Ending::Charged { .. })));
    world.simulator.faults_mut().outage = false;
    world.pass(HOUR);
    assert_eq!(world.book().totals().settled.count, 1);
}

#[test]
fn given_a_store_that_fails_when_a_stay_is_to_be_ended_then_nothing_is_changed() {
    let mut world = inside_for(HOUR);
    world.disk.set_failing(true);
    world.read(IN, "苏E6P398");
    assert!(
        end(&mut world, false, None)
            .unwrap_err()
            .contains("store cannot write")
    );
    assert!(world.session(PLATE).is_some());
}
