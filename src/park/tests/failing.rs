//! The store that cannot write, and the power that goes.

use super::world::*;
use crate::charges::charge::ChargeState;
use crate::gate::turn::{Journal, StoreNews, Turner};
use crate::lane::number::LedgerId;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::park::Park;
use crate::park::event::Event;
use crate::park::record::Record;
use crate::sim::wechat::{Call, Fault};
use crate::store::record::Record as Stored;

const PLATE: &str = "粤B6K7H2";

#[track_caller]
fn assert_ledger_is_the_state(world: &World) {
    assert_eq!(world.replayed().snapshot(), world.park().snapshot());
}

#[track_caller]
fn assert_settled_once(world: &World) {
    let books = world.simulator.books();
    assert_eq!((books.violations.len(), books.orders.len()), (0, 1));
    let totals = world.book().totals();
    assert_eq!(totals.settled.fen, books.accepted_fen());
    assert_eq!(totals.opened, totals.settled);
}

// The store fails.

#[test]
fn e20_given_a_store_that_fails_when_a_car_enters_then_it_is_let_in_and_nothing_is_sent() {
    let mut world = World::new();
    world.disk.set_failing(true);
    world.read(IN, PLATE);
    assert_eq!(world.raises(IN), 1);
    world.pass(20_000);
    assert_eq!(world.calls_since(0), [""; 0]);
    world.disk.set_failing(false);
    world.pass(MINUTE);
    assert_eq!(world.reason(IN), Some(RaiseReason::StoreFailed));
    assert_eq!(world.calls_since(0), ["entry"]);
    assert_eq!(world.raises(IN), 1);
    assert_ledger_is_the_state(&world);
}

#[test]
fn given_a_store_that_fails_with_the_charge_when_it_recovers_then_the_charge_is_made_once() {
    let mut world = World::new();
    world.enter(PLATE);
    world.pass(HOUR);
    world.disk.set_failing(true);
    world.calls.clear();
    world.read(OUT, PLATE);
    assert_eq!(world.charge().state, ChargeState::Due, "nothing was sent");
    assert_eq!(world.raises(OUT), 1);
    world.drive_through(OUT);
    world.pass(MINUTE);
    assert_eq!(world.calls_since(0), [""; 0]);
    world.disk.set_failing(false);
    world.pass(5 * MINUTE);
    assert_settled_once(&world);
    assert_ledger_is_the_state(&world);
}

#[test]
fn given_a_store_that_fails_when_a_car_is_over_the_limits_then_it_is_held_like_in_any_silence() {
    let mut world = World::new();
    world.enter(PLATE);
    world.pass(11 * HOUR);
    world.disk.set_failing(true);
    world.read(OUT, PLATE);
    assert_eq!(world.held_for(OUT), Some(HoldReason::Silent));
    world.attendant_raises(OUT);
    assert_eq!(world.raises(OUT), 1, "always possible");
    world.disk.set_failing(false);
    world.pass(5 * MINUTE);
    assert_settled_once(&world);
    assert_ledger_is_the_state(&world);
}

#[test]
fn given_a_store_that_fails_with_an_accepted_answer_when_it_is_heard_then_the_car_goes() {
    let mut world = World::new();
    world.enter(PLATE);
    world.pass(HOUR);
    world.read(OUT, PLATE);
    world.disk.set_failing(true);
    world.pass(1_000);
    assert_eq!(world.raises(OUT), 1);
    world.disk.set_failing(false);
    world.pass(5 * MINUTE);
    assert_settled_once(&world);
}

#[test]
fn given_a_store_that_fails_when_the_power_goes_too_then_what_was_sent_before_is_not_lost() {
    let mut world = World::new();
    world.enter(PLATE);
    world.pass(HOUR);
    world
        .simulator
        .faults_mut()
        .push_on(Call::Charge, Fault::AnswerLost);
    world.read(OUT, PLATE);
    world.disk.set_failing(true);
    world.pass(MINUTE);
    world.power_off();
    world.boot_again(true);
    world.pass(10 * MINUTE);
    assert_settled_once(&world);
}

#[test]
fn given_a_checkpoint_that_fails_when_the_step_is_on_disk_then_its_commands_are_done() {
    let mut world = World::new();
    world.disk.checkpoint_every(1);
    world.disk.fail_checkpoints(true);
    world.read(IN, PLATE);
    assert_eq!(world.reason(IN), Some(RaiseReason::Entry), "on disk");
    assert_eq!(world.raises(IN), 1);
    assert_eq!(world.calls_since(0), ["entry"]);
    world.disk.fail_checkpoints(false);
    world.pass(MINUTE);
    assert_ledger_is_the_state(&world);
}

#[test]
fn given_checkpoints_when_the_box_restarts_then_the_state_is_the_same() {
    let mut world = World::new();
    world.disk.checkpoint_every(3);
    world.simulator.faults_mut().rates.answer_lost = 300;
    for round in 0..12 {
        let plate = format!("粤B{:05}", 10_001 * (round % 5 + 1));
        world.read(if round < 5 { IN } else { OUT }, &plate);
        world.pass(10 * MINUTE);
        assert_ledger_is_the_state(&world);
    }
}

/// A store whose commits fail on command, and which counts what it is given.
#[derive(Default)]
struct Flaky {
    fails: bool,
    written: usize,
    commits: Vec<usize>,
    checkpoints: usize,
}

impl Journal for Flaky {
    type Error = std::io::Error;

    fn commit(&mut self, records: &[Stored]) -> Result<u64, Self::Error> {
        if self.fails {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        self.written += records.len();
        self.commits.push(records.len());
        Ok(self.written as u64)
    }

    fn wants_checkpoint(&self) -> bool {
        false
    }

    fn checkpoint(&mut self, _: &[Stored]) -> Result<u64, Self::Error> {
        self.checkpoints += 1;
        Ok(self.written as u64)
    }
}

#[test]
fn given_a_failure_longer_than_the_memory_when_it_is_over_then_the_state_is_written_whole() {
    let park = Park::new(LedgerId(1), rules());
    let mut clock = World::new().now();
    let mut turner = Turner::new(park, FlakyHandle::default());
    turner.journal().0.borrow_mut().fails = true;
    let read = World::new().reading(PLATE);
    let mut news = Vec::new();
    for car in 0..2_000_u64 {
        clock.moment = clock.moment.after_ms(100);
        let mut read = read.clone();
        read.plate = Some(number(&format!("粤B{:05}", car * 54_321 % 99_991)));
        read.record_id = Some(car.to_string());
        read.sent_at = None;
        let outcome = turner.turn(vec![plate_read(IN, read)], clock);
        news.extend(outcome.store);
    }
    turner.journal().0.borrow_mut().fails = false;
    clock.moment = clock.moment.after_ms(60_000);
    let outcome = turner.turn(vec![Event::Tick], clock);
    let Some(StoreNews::Recovered { given_up }) = outcome.store else {
        panic!("{:?}", outcome.store);
    };
    assert!(given_up > 0);
    assert!(matches!(news[..], [StoreNews::Failed(_)]));
    let journal = turner.journal().0.borrow();
    assert_eq!(journal.checkpoints, 1);
    assert!(journal.commits.iter().all(|records| *records <= 1_024));
}

/// Both the turner's and the test's.
#[derive(Default)]
struct FlakyHandle(std::rc::Rc<std::cell::RefCell<Flaky>>);

impl Journal for FlakyHandle {
    type Error = std::io::Error;

    fn commit(&mut self, records: &[Stored]) -> Result<u64, Self::Error> {
        self.0.borrow_mut().commit(records)
    }

    fn wants_checkpoint(&self) -> bool {
        self.0.borrow().wants_checkpoint()
    }

    fn checkpoint(&mut self, state: &[Stored]) -> Result<u64, Self::Error> {
        self.0.borrow_mut().checkpoint(state)
    }
}

// The power goes.

#[test]
fn given_a_charge_on_its_way_when_the_power_goes_then_it_is_unknown_and_queried_first() {
    for fault in [Fault::AnswerLost, Fault::Silence] {
        let mut world = World::new();
        world.enter(PLATE);
        world.pass(HOUR);
        world.simulator.faults_mut().push_on(Call::Charge, fault);
        world.read(OUT, PLATE);
        world.pass(100);
        world.power_off();
        world.pass(MINUTE);
        world.calls.clear();
        world.boot_again(true);
        assert_eq!(world.charge().state, ChargeState::Unknown { refused: None });
        world.pass(10 * MINUTE);
        assert_eq!(world.calls_since(0)[0], "query");
        assert_settled_once(&world);
    }
}

#[test]
fn given_a_charge_that_was_committed_and_not_sent_when_the_power_is_back_then_it_is_made_once() {
    let mut world = World::new();
    world.enter(PLATE);
    world.pass(HOUR);
    world.next_cut = Some(Cut::BeforeCommands);
    world.read(OUT, PLATE);
    assert_eq!(world.simulator.books().orders.len(), 0);
    world.pass(MINUTE);
    world.boot_again(true);
    world.pass(10 * MINUTE);
    assert_settled_once(&world);
}

#[test]
fn given_a_car_that_waited_when_the_power_went_then_it_gets_its_decision_without_a_second_reading()
{
    for (trusted, minutes, raises) in [(true, 1, 1), (false, 1, 1), (true, 6, 0)] {
        let mut world = World::new();
        world.enter(PLATE);
        world.pass(HOUR);
        world.read(OUT, PLATE);
        world.pass(100);
        world.power_off();
        world.pass(minutes * MINUTE);
        world.boot_again(trusted);
        world.pass(3_000);
        assert_eq!(world.raises(OUT), raises, "{trusted} {minutes}");
    }
}

#[test]
fn given_a_held_car_when_the_power_goes_twice_then_its_ten_minutes_go_on() {
    let mut world = World::new();
    world.read(OUT, PLATE);
    let from = world.time;
    for _ in 0..2 {
        world.pass(3 * MINUTE);
        world.power_off();
        world.pass(MINUTE);
        world.boot_again(true);
        world.pass(1_000);
    }
    let released = world.pass_until(20 * MINUTE, |world| world.raises(OUT) > 0);
    assert!(released);
    let minutes = (world.time - from) / MINUTE;
    assert!((9..=14).contains(&minutes), "{minutes} minutes");
}

#[test]
fn given_a_restart_with_an_untrusted_clock_when_cars_come_then_lanes_serve_them_and_nothing_is_signed()
 {
    let mut world = World::new();
    world.enter(PLATE);
    world.pass(HOUR);
    world.power_off();
    world.pass(MINUTE);
    world.wall_error_ms = None;
    world.calls.clear();
    world.boot_again(false);
    world.pass(MINUTE);
    world.enter("苏E6P398");
    assert_eq!(world.raises(IN), 2);
    world.read(OUT, "苏E6P398");
    assert_eq!(world.reason(OUT), Some(RaiseReason::SilentUnknown));
    world.pass(10 * MINUTE);
    world.read(OUT, PLATE);
    assert!(matches!(world.held_for(OUT), Some(HoldReason::Guarded(_))));
    assert_eq!(world.calls_since(0), [""; 0]);
    world.wall_error_ms = Some(0);
    world.trusted = true;
    world.pass(20 * MINUTE);
    assert_settled_once_of(&world, "苏E6P398");
}

#[track_caller]
fn assert_settled_once_of(world: &World, plate: &str) {
    let books = world.simulator.books();
    assert_eq!(books.violations, []);
    assert_eq!(books.orders_of(plate).count(), 1);
    assert_eq!(world.book().totals().settled.fen, books.accepted_fen());
}

#[test]
fn given_a_stay_over_a_restart_when_both_clocks_were_trusted_then_it_is_priced_by_them() {
    let mut world = World::new();
    world.enter(PLATE);
    world.pass(30 * MINUTE);
    world.power_off();
    world.pass(MINUTE);
    world.boot_again(true);
    world.pass(28 * MINUTE);
    world.read(OUT, PLATE);
    world.pass(1_000);
    let Some(RaiseReason::Accepted { .. }) = world.reason(OUT) else {
        panic!("{:?}", world.reason(OUT));
    };
    assert_eq!(world.book().totals().opened.fen, 500);
}

#[test]
fn given_an_unknown_kind_of_record_when_the_ledger_is_replayed_then_it_changes_nothing() {
    let mut world = World::new();
    world.enter(PLATE);
    let mut park = world.replayed();
    let before = park.snapshot();
    park.replay(&Record::Unknown { kind: 999 });
    assert_eq!(park.snapshot(), before);
}

#[test]
fn given_a_ledger_that_may_have_lost_a_commit_when_it_starts_then_numbers_are_skipped() {
    let mut world = World::new();
    world.tell(Event::Started {
        version: "test".into(),
        rules_changed: false,
        possibly_lost: 1,
        skip: 0,
    });
    for park in [world.park(), &world.replayed()] {
        assert_eq!(park.site().sessions_opened, 1024);
        assert_eq!(park.site().raises_decided, 1024);
    }
}
