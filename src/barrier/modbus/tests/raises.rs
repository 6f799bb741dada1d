//! What becomes of a raise.

use tokio::time::Instant;

use super::*;

fn not_driven(outcome: &Outcome, because: &str) {
    let Outcome::NotDriven { why } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(why.contains(because), "{why}");
}

fn uncertain(outcome: &Outcome, because: &str) {
    let Outcome::Uncertain { why } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(why.contains(because), "{why}");
}

#[test]
fn given_a_good_board_when_raised_then_the_coil_pulses_once_for_as_long_as_it_should() {
    let world = World::new();
    assert_eq!(world.raised("a"), Outcome::Driven);
    world.is_off();
    let changes = world.board.changes();
    let [on, off] = &changes[..] else {
        panic!("{changes:?}")
    };
    assert!(on.on && !off.on && on.coil == COIL && off.coil == COIL);
    let held = off.at - on.at;
    assert!(held >= PULSE, "{held:?}");
    assert_eq!(world.board.asked(Asked::WriteOn), 1);
    assert_eq!(world.told.alarms(), []);
}

#[test]
fn given_boards_on_one_port_when_both_raise_then_each_coil_pulses() {
    let world = World::new();
    world.raise(0, "a");
    world.raise(1, "b");
    for id in ["a", "b"] {
        assert_eq!(world.told.outcome(id), Outcome::Driven);
    }
    world.is_off();
    assert_eq!(
        (world.board.pulses(COIL), world.board.pulses(OTHER)),
        (1, 1)
    );
}

#[test]
fn given_a_pulse_when_another_raise_comes_then_the_coil_stays_on_for_a_whole_pulse_more() {
    let world = World::with_pulse(LONG_PULSE);
    assert_eq!(world.raised("a"), Outcome::Driven);
    assert_eq!(world.raised("b"), Outcome::Driven);
    let told = Instant::now();
    world.is_off();
    assert_eq!(world.board.pulses(COIL), 1);
    let off = world.board.changes()[1].at;
    assert!(off + Duration::from_millis(100) > told + LONG_PULSE);
}

#[test]
fn given_a_silent_board_when_raised_then_it_is_uncertain_and_not_repeated() {
    let world = World::new();
    for asked in [Asked::WriteOn, Asked::WriteOff, Asked::Read] {
        world.board.fail(asked, Fault::Deaf, ALWAYS);
    }
    uncertain(&world.raised("a"), "the board does not answer");
    world.alarmed("in-1", "check the board's power");
    assert_eq!(world.board.asked(Asked::WriteOn), 1);
    world.board.mend();
    world.is_ready();
    let last = world.told.alarms().pop().unwrap();
    assert!(!last.raised && last.text == "the relay of lane in-1 answers, and is off");
}

#[test]
fn given_a_board_that_acts_and_loses_its_answers_when_raised_then_it_is_uncertain_and_still_switched_off()
 {
    let world = World::new();
    for asked in [Asked::WriteOn, Asked::WriteOff, Asked::Read] {
        world.board.fail(asked, Fault::Mute, ALWAYS);
    }
    uncertain(&world.raised("a"), "the board does not answer");
    world.is_off();
    assert_eq!(world.board.pulses(COIL), 1);
}

#[test]
fn given_one_answer_that_is_lost_late_or_damaged_when_raised_then_it_is_read_back_and_not_repeated()
{
    let late = Fault::Late(Duration::from_millis(300));
    for fault in [Fault::Mute, Fault::BadChecksum, late] {
        let world = World::new();
        world.board.fail(Asked::WriteOn, fault, 1);
        assert_eq!(world.raised("a"), Outcome::Driven, "{fault:?}");
        world.is_off();
        assert_eq!(world.board.pulses(COIL), 1, "{fault:?}");
        assert_eq!(world.board.asked(Asked::WriteOn), 1, "{fault:?}");
    }
}

#[test]
fn given_a_command_that_was_not_heard_when_the_coil_is_read_as_off_then_it_is_sent_once_more() {
    let world = World::new();
    world.board.fail(Asked::WriteOn, Fault::Deaf, 1);
    assert_eq!(world.raised("a"), Outcome::Driven);
    assert_eq!(world.board.asked(Asked::WriteOn), 2);
    world.is_off();
    world.board.fail(Asked::WriteOn, Fault::Deaf, ALWAYS);
    not_driven(&world.raised("b"), "did not hear it, twice");
    assert_eq!(world.board.asked(Asked::WriteOn), 4);
    assert_eq!(world.board.pulses(COIL), 1);
}

#[test]
fn given_a_board_that_refuses_when_raised_then_it_was_not_driven_and_the_alarm_says_so() {
    let world = World::new();
    world
        .board
        .fail(Asked::WriteOn, Fault::Exception(4), ALWAYS);
    not_driven(&world.raised("a"), "refuses to drive it");
    world.alarmed("in-1", "refuses to be driven");
    assert_eq!(world.board.asked(Asked::WriteOn), 1);
    world.is_ready();
    assert_eq!(world.board.pulses(COIL), 0);
}

#[test]
fn given_a_coil_that_does_not_go_on_when_raised_then_it_was_not_driven_although_the_board_said_so()
{
    let world = World::new();
    world.board.fail(Asked::WriteOn, Fault::Idle, ALWAYS);
    not_driven(&world.raised("a"), "took the command, and its coil is off");
    world.alarmed("in-1", "does not switch its coil on");
    assert_eq!(world.board.asked(Asked::WriteOn), 1);
}

#[test]
fn given_a_coil_that_stays_on_when_its_pulse_ends_then_that_is_an_alarm_until_it_is_off() {
    let world = World::new();
    world.board.fail(Asked::WriteOff, Fault::Idle, ALWAYS);
    assert_eq!(world.raised("a"), Outcome::Driven);
    world.alarmed("in-1", "stays on although it is written off");
    assert!(world.board.is_on(COIL));
    world.board.mend();
    world.is_off();
    world.is_ready();
    assert!(!world.told.alarms().pop().unwrap().raised);
}

#[test]
fn given_an_adapter_that_hears_itself_when_raised_then_only_the_boards_own_answers_count() {
    let world = World::without_driver();
    world.board.echo();
    let mut world = world;
    world.start();
    world.is_ready();
    assert_eq!(world.raised("a"), Outcome::Driven);
    world.is_off();
    assert_eq!(world.board.pulses(COIL), 1);
    for asked in [Asked::WriteOn, Asked::WriteOff, Asked::Read] {
        world.board.fail(asked, Fault::Deaf, ALWAYS);
    }
    uncertain(&world.raised("b"), "the board does not answer");
}

#[test]
fn given_an_order_whose_time_has_passed_when_it_is_taken_then_it_is_dropped() {
    let world = World::new();
    let order = RaiseOrder {
        command_id: "late".into(),
        valid_until: crate::lane::time::Moment(0),
    };
    world.relays[0].1.raise(&order).unwrap();
    not_driven(&world.told.outcome("late"), "its time had passed");
    assert_eq!(world.board.asked(Asked::WriteOn), 0);
}
