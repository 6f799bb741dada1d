//! Entry lanes.

use super::world::*;
use crate::charges::entry::EntryState;
use crate::lane::entry::Unreadable;
use crate::lane::guard::Doubt;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::reading::{ReadWarning, Trigger};
use crate::lane::session::Ending;
use crate::lane::time::Wall;
use crate::park::record::LaneRecord;
use crate::park::review::ReviewWhy;
use crate::park::step::Ignored;
use crate::sim::wechat::{Call, Fault, Plate};

const PLATE: &str = "粤B6K7H2";

fn endings(world: &World) -> Vec<Ending> {
    let records = world.lane_records().into_iter();
    records
        .filter_map(|record| match record {
            LaneRecord::SessionClosed { ending, .. } => Some(ending),
            _ => None,
        })
        .collect()
}

#[test]
fn given_a_plate_when_it_is_read_then_the_barrier_rises_at_once_and_wechat_hears_of_it() {
    let mut world = World::new();
    world.read(IN, PLATE);
    assert_eq!(world.raises(IN), 1);
    assert_eq!(world.reason(IN), Some(RaiseReason::Entry));
    world.pass(1_000);
    assert_eq!(world.calls_since(0), ["entry"]);
    let id = &world.session(PLATE).expect("a stay").id;
    let state = &world.book().entry(id).expect("an entry").state;
    assert!(matches!(state, EntryState::Registered { .. }));
}

// E1: the same car read several times.

#[test]
fn e01_given_a_car_that_stands_when_it_is_read_again_within_the_window_then_nothing_more_happens() {
    let mut world = World::new();
    for _ in 0..8 {
        world.read(IN, PLATE);
        world.pass(3_500);
    }
    assert_eq!(world.raises(IN), 1);
    assert_eq!(world.last_ignored(), Some(Ignored::Duplicate));
    assert_eq!(world.park().site().cars_inside(), 1);
    assert_eq!(world.calls_since(0), ["entry"]);
}

#[test]
fn given_the_window_is_over_when_the_car_still_stands_then_it_is_raised_once_more_and_no_more() {
    let mut world = World::new();
    world.read(IN, PLATE);
    for _ in 0..4 {
        world.pass(40_000);
        world.read(IN, PLATE);
    }
    let issues: Vec<_> = world.raised.iter().map(|r| (r.raise, r.issue)).collect();
    assert_eq!(issues, [(1, 1), (1, 2)]);
    assert_eq!(world.held_for(IN), Some(HoldReason::BarrierStuck));
    world.attendant_raises(IN);
    assert_eq!(world.park().site().cars_inside(), 1, "it is the same stay");
    assert_eq!(world.hold(IN), None);
    assert_eq!(endings(&world), []);
}

#[test]
fn given_a_poor_entry_reading_when_a_better_one_follows_then_its_doubt_is_lifted() {
    let mut world = World::new();
    let mut poor = world.reading(PLATE);
    poor.confidence_permille = Some(500);
    world.read_as(IN, poor);
    assert_eq!(world.session(PLATE).unwrap().doubts, [Doubt::LowConfidence]);
    world.pass(2_000);
    world.read(IN, PLATE);
    assert_eq!(world.session(PLATE).unwrap().doubts, []);
    assert_eq!(world.raises(IN), 1);
    world.pass(HOUR);
    world.read(OUT, PLATE);
    world.pass(1_000);
    assert!(matches!(
        world.reason(OUT),
        Some(RaiseReason::Accepted { .. })
    ));
}

#[test]
fn given_a_car_just_let_in_when_it_is_misread_by_one_character_then_no_second_stay_begins() {
    let mut world = World::new();
    world.read(IN, PLATE);
    world.pass(2_000);
    world.read(IN, "粤B6K7H8");
    let unreadable = world.unreadable();
    world.read_as(IN, unreadable);
    assert_eq!(world.park().site().cars_inside(), 1);
    assert_eq!((world.raises(IN), world.hold(IN)), (1, None));
    world.read(IN, "苏E6P398");
    assert_eq!(world.park().site().cars_inside(), 2, "another car");
}

// E4: inside already.

#[test]
fn e04_given_a_plate_inside_when_it_comes_in_again_then_the_old_stay_is_closed_uncharged_and_reviewed()
 {
    let mut world = World::new();
    world.enter(PLATE);
    let first = world.session(PLATE).unwrap().id.clone();
    world.pass(5 * HOUR);
    world.enter(PLATE);
    assert_ne!(world.session(PLATE).unwrap().id, first);
    assert_eq!(endings(&world), [Ending::ExitMissed]);
    let review = &world.park().site().reviews[&first];
    assert_eq!(review.why, ReviewWhy::ExitMissed);
    assert_eq!(world.book().totals().opened.count, 0);
    assert!(world.book().entry(&first).is_none());
}

#[test]
fn given_a_drop_off_without_loops_when_the_plate_comes_in_again_within_five_minutes_then_it_is_a_new_stay()
 {
    let mut world = World::new();
    for _ in 0..2 {
        world.read(IN, PLATE);
        world.pass(MINUTE);
        world.read(OUT, PLATE);
        world.pass(MINUTE);
    }
    world.pass(MINUTE);
    assert_eq!((world.raises(IN), world.raises(OUT)), (2, 2));
    assert_eq!(world.book().totals().settled.count, 2);
    assert!(world.session(PLATE).is_none());
}

#[test]
fn given_a_missed_exit_when_its_charge_was_made_before_then_that_charge_goes_on() {
    let mut world = World::new();
    world.simulator.faults_mut().outage = true;
    world.enter(PLATE);
    world.pass(5 * HOUR);
    world.read(OUT, PLATE);
    assert_eq!(world.held_for(OUT), Some(HoldReason::Silent));
    world.read(IN, PLATE);
    let ending = endings(&world).pop();
    assert!(matches!(ending, Some(Ending::Charged { .. })), "{ending:?}");
    world.simulator.faults_mut().outage = false;
    world.pass(20 * MINUTE);
    let totals = world.book().totals();
    assert_eq!(totals.opened.fen, totals.settled.fen);
}

// E8: turned back.

#[test]
fn e08_given_a_car_just_let_in_when_it_turns_back_then_its_stay_is_void() {
    let mut world = World::new();
    world.read(IN, PLATE);
    world.pass(5_000);
    let mut back = world.reading(PLATE);
    back.trigger = Some(Trigger::TurnedBack);
    world.read_as(IN, back);
    assert!(world.session(PLATE).is_none());
    assert_eq!(endings(&world), [Ending::TurnedBack]);
    assert!(world.book().is_idle());
    world.pass(10_000);
    world.read(IN, PLATE);
    assert_eq!(world.raises(IN), 2, "it may come again at once");
}

#[test]
fn given_a_car_that_passed_when_another_turns_back_then_its_stay_goes_on() {
    let mut world = World::new();
    world.enter(PLATE);
    for plate in [PLATE, "粤B2M905"] {
        let mut back = world.reading(plate);
        back.trigger = Some(Trigger::TurnedBack);
        world.read_as(IN, back);
        assert_eq!(world.last_ignored(), Some(Ignored::TurnedBack));
    }
    assert!(world.session(PLATE).is_some());
    assert_eq!(world.raises(IN), 1);
}

// E6, E21: no plate, block list.

#[test]
fn e06_given_an_unreadable_plate_when_the_policy_is_hold_then_the_attendant_lets_it_in() {
    let mut world = World::new();
    let read = world.unreadable();
    world.read_as(IN, read);
    assert_eq!(world.held_for(IN), Some(HoldReason::Unreadable));
    world.pass(HOUR);
    assert_eq!(world.raises(IN), 0, "nobody is let in by waiting");
    world.attendant_raises(IN);
    assert_eq!((world.raises(IN), world.hold(IN)), (1, None));
    assert!(world.park().site().cars_inside() == 0);
}

#[test]
fn given_an_unreadable_plate_when_the_policy_is_open_then_it_is_raised_once() {
    let mut world = World::with(|rules| rules.entry.unreadable = Unreadable::Open);
    for _ in 0..3 {
        let read = world.unreadable();
        world.read_as(IN, read);
        world.pass(2_000);
    }
    assert_eq!(world.raises(IN), 1);
    assert_eq!(world.reason(IN), Some(RaiseReason::UnreadableOpen));
    world.drive_through(IN);
    let read = world.unreadable();
    world.read_as(IN, read);
    assert_eq!(world.raises(IN), 2, "the next car");
}

#[test]
fn e21_given_a_plate_on_the_block_list_when_the_attendant_lets_it_in_then_it_is_charged_like_any_other()
 {
    let mut world = World::with(|rules| {
        rules.lists.blocked.insert(number(PLATE));
    });
    world.read(IN, PLATE);
    assert_eq!(world.held_for(IN), Some(HoldReason::BlockListed));
    assert_eq!(world.raises(IN), 0);
    world.attendant_raises(IN);
    world.pass(HOUR);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert_eq!(world.book().totals().settled.count, 1);
}

#[test]
fn given_a_handmade_plate_when_the_attendant_lets_it_in_then_it_is_never_charged_automatically() {
    let mut world = World::new();
    let mut read = world.reading(PLATE);
    read.warnings = vec![ReadWarning::FakePlate];
    world.read_as(IN, read);
    assert_eq!(world.held_for(IN), Some(HoldReason::Unreadable));
    world.attendant_raises(IN);
    assert_eq!(world.session(PLATE).unwrap().doubts, [Doubt::FakePlate]);
    world.pass(HOUR);
    world.read(OUT, PLATE);
    let guarded = HoldReason::Guarded(vec![Doubt::FakePlate]);
    assert_eq!(world.held_for(OUT), Some(guarded));
}

// wait_for_wechat.

fn greeting() -> World {
    World::with(|rules| rules.entry.wait_for_wechat_ms = 1_500)
}

#[test]
fn given_wait_for_wechat_when_it_answers_then_the_barrier_rises_with_the_answer() {
    let mut world = greeting();
    world.read(IN, PLATE);
    assert_eq!(world.raises(IN), 0);
    world.pass(150);
    world.read(IN, PLATE);
    world.pass(100);
    assert_eq!(world.raised[0].at, 200);
    world.pass(HOUR);
    assert_eq!(world.raises(IN), 1);
}

#[test]
fn given_wait_for_wechat_when_it_is_slow_then_the_barrier_rises_all_the_same() {
    for fault in [
        Fault::Silence,
        Fault::Slow(5_000),
        Fault::Throttled(Some(9)),
    ] {
        let mut world = greeting();
        world.simulator.faults_mut().push_on(Call::Entry, fault);
        world.read(IN, PLATE);
        world.pass(1_500);
        assert_eq!(world.raises(IN), 1);
        assert_eq!(world.reason(IN), Some(RaiseReason::Entry));
    }
}

#[test]
fn given_wait_for_wechat_when_the_plate_is_not_enrolled_then_it_is_let_in() {
    let mut world = greeting();
    let plates = &mut world.simulator.settings_mut().plates;
    plates.insert(PLATE.into(), Plate::not_enrolled());
    world.read(IN, PLATE);
    world.pass(1_000);
    assert_eq!(world.raises(IN), 1);
}

#[test]
fn given_wait_for_wechat_when_wechat_is_silent_then_nobody_waits() {
    let mut world = greeting();
    world.simulator.faults_mut().outage = true;
    world.enter("粤B2M905");
    world.pass(5 * MINUTE);
    world.read(IN, PLATE);
    assert_eq!(
        world.raised.last().map(|raised| raised.at),
        Some(world.time)
    );
}

#[test]
fn given_wait_for_wechat_when_another_car_is_read_meanwhile_then_it_is_next() {
    let mut world = greeting();
    world.read(IN, PLATE);
    world.pass(50);
    world.read(IN, "苏E6P398");
    assert_eq!(world.last_ignored(), Some(Ignored::NextInLine));
    world.pass(3_000);
    assert_eq!(world.raises(IN), 2);
    let stays = world.park().site().sessions();
    let arrived: Vec<_> = stays.map(|stay| stay.entered.now.moment.0).collect();
    assert_eq!(
        arrived[1] - arrived[0],
        50,
        "the second counts from its arrival"
    );
}

#[test]
fn given_wait_for_wechat_when_the_attendant_raises_meanwhile_then_once() {
    let mut world = greeting();
    world.simulator.faults_mut().outage = true;
    world.read(IN, PLATE);
    world.attendant_raises(IN);
    world.pass(MINUTE);
    assert_eq!(world.raises(IN), 1);
    let entries = world.calls_since(0).len();
    assert!(entries < 10, "{entries} calls in a minute of silence");
}

// E12: the entry happened offline.

#[test]
fn e12_given_an_outage_at_the_entry_when_it_is_over_then_the_entry_is_made_with_its_true_start() {
    let mut world = World::new();
    world.simulator.faults_mut().outage = true;
    world.enter(PLATE);
    assert_eq!(world.raises(IN), 1);
    world.pass(2 * HOUR);
    world.simulator.faults_mut().outage = false;
    world.pass(2 * MINUTE);
    let id = &world.session(PLATE).unwrap().id;
    let entry = world.book().entry(id).unwrap();
    assert!(matches!(entry.state, EntryState::Registered { .. }));
    assert_eq!(
        entry.start_time.as_deref(),
        Some("2026-03-02T08:00:00+08:00")
    );
}

#[test]
fn given_a_lost_answer_when_wechat_refuses_repeats_then_a_new_number_goes_with_the_same_start() {
    let mut world = World::new();
    world
        .simulator
        .settings_mut()
        .switches
        .strict_duplicate_entry = true;
    world
        .simulator
        .faults_mut()
        .push_on(Call::Entry, Fault::AnswerLost);
    world.read(IN, PLATE);
    world.pass(MINUTE);
    let id = &world.session(PLATE).unwrap().id;
    let entry = world.book().entry(id).unwrap();
    assert!(matches!(entry.state, EntryState::Registered { .. }));
    assert_eq!(entry.attempt, 1);
    assert_eq!(
        entry.start_time.as_deref(),
        Some("2026-03-02T08:00:00+08:00")
    );
    world.pass(HOUR);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert_eq!(world.book().totals().settled.count, 1);
    assert_eq!(world.simulator.books().violations, []);
}

#[test]
fn given_an_echo_of_another_entry_when_it_is_verified_then_it_is_asked_again() {
    for _ in 0..4 {
        let mut world = World::new();
        world
            .simulator
            .faults_mut()
            .push_on(Call::Entry, Fault::WrongEcho);
        world.read(IN, PLATE);
        world.pass(300);
        let id = world.session(PLATE).unwrap().id.clone();
        assert_eq!(world.book().entry(&id).unwrap().state, EntryState::Unknown);
        world.pass(MINUTE);
        let state = &world.book().entry(&id).unwrap().state;
        assert!(matches!(state, EntryState::Registered { .. }));
    }
}

// Time.

#[test]
fn given_an_untrusted_clock_at_the_entry_when_it_is_set_then_the_start_is_rebased() {
    let mut world = World::new();
    world.trusted = false;
    world.wall_error_ms = None;
    world.enter(PLATE);
    world.pass(10 * MINUTE);
    assert_eq!(world.calls_since(0).len(), 0, "nothing is signed");
    assert_eq!(world.raises(IN), 1);
    world.trusted = true;
    world.wall_error_ms = Some(0);
    world.pass(MINUTE);
    let id = &world.session(PLATE).unwrap().id;
    let entry = world.book().entry(id).unwrap();
    assert_eq!(
        entry.start_time.as_deref(),
        Some("2026-03-02T08:00:00+08:00")
    );
    world.pass(HOUR);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert_eq!(world.book().totals().settled.count, 1);
    assert_eq!(world.simulator.books().violations, []);
}

#[test]
fn given_an_untrusted_clock_at_the_entry_when_the_box_restarts_then_the_stay_goes_to_a_person() {
    let mut world = World::new();
    world.trusted = false;
    world.wall_error_ms = None;
    world.enter(PLATE);
    world.power_off();
    world.pass(MINUTE);
    world.wall_error_ms = Some(0);
    world.boot_again(true);
    world.pass(HOUR);
    assert_eq!(world.calls_since(0), [""; 0]);
    world.read(OUT, PLATE);
    let guarded = HoldReason::Guarded(vec![Doubt::UntrustedTime]);
    assert_eq!(world.held_for(OUT), Some(guarded));
    world.pass(11 * MINUTE);
    let ending = endings(&world).pop();
    assert_eq!(ending, Some(Ending::Reviewed { trade_no: None }));
    assert_eq!(world.reason(OUT), Some(RaiseReason::HeldTooLong));
}

#[test]
fn e18_given_a_wall_clock_that_is_set_during_the_stay_when_it_is_priced_then_by_the_boot_clock() {
    for jump_ms in [-3_600_000, 7_200_000] {
        let mut world = World::new();
        world.enter(PLATE);
        world.pass(30 * MINUTE);
        world.camera_lives(OUT);
        world.wall_error_ms = Some(jump_ms);
        world.read(OUT, PLATE);
        world.pass(300);
        assert_eq!(world.book().totals().opened.fen, 500);
    }
}

#[test]
fn given_a_wall_clock_that_drifts_during_the_stay_when_it_is_priced_then_by_the_boot_clock() {
    // Twelve millionths, as crystals drift.
    for drift_ms in [-43, 43] {
        let mut world = World::new();
        world.enter(PLATE);
        for hour in 1..=9 {
            world.pass(HOUR - if hour == 9 { MINUTE } else { 0 });
            world.wall_error_ms = Some(drift_ms * hour);
        }
        world.camera_lives(OUT);
        world.read(OUT, PLATE);
        world.pass(MINUTE);
        assert_eq!(world.book().totals().opened.fen, 9 * 500);
        assert_eq!(world.book().totals().settled.count, 1);
        assert_eq!(world.simulator.books().violations, []);
    }
}

#[test]
fn given_a_clock_that_is_never_set_when_cars_come_and_go_for_days_then_nothing_is_ever_signed() {
    let mut world = World::new();
    world.trusted = false;
    world.wall_error_ms = None;
    for day in 0..3 {
        world.enter(PLATE);
        world.pass(2 * HOUR - MINUTE);
        world.read(OUT, PLATE);
        world.pass(11 * MINUTE);
        assert_eq!(world.raises(OUT), day + 1, "nobody is trapped");
        world.pass(DAY);
    }
    assert_eq!(world.calls_since(0), [""; 0], "nothing is signed");
    let totals = world.book().totals();
    assert_eq!(totals.settled.count, 0, "{totals:?}");
    let queued: u64 = world.book().charges().map(|charge| charge.fee_fen()).sum();
    let parts = totals.handed_to_staff.fen + totals.withdrawn.fen + queued;
    assert_eq!(totals.opened.fen, parts, "{totals:?}");
    assert_eq!(
        totals.opened.fen,
        3 * 1_000,
        "by the boot clock: {totals:?}"
    );
}

#[test]
fn given_a_camera_that_replays_an_entry_when_it_is_heard_then_a_stay_begins_that_is_never_charged()
{
    let mut world = World::new();
    world.pass(HOUR);
    let mut cached = world.reading(PLATE);
    cached.replay = true;
    cached.captured_at = Some(Wall(BEGINNING.0 + 60_000));
    world.read_as(IN, cached);
    assert_eq!(world.raises(IN), 0);
    assert!(world.session(PLATE).is_some());
    world.read(OUT, PLATE);
    let guarded = vec![Doubt::UntrustedTime, Doubt::Replayed];
    assert_eq!(world.held_for(OUT), Some(HoldReason::Guarded(guarded)));
}
