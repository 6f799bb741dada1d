//! Starts, ends, and ports that come and go.

use super::*;

#[test]
fn given_a_coil_that_was_left_on_when_the_driver_starts_then_it_is_switched_off() {
    let mut world = World::without_driver();
    world.board.switch(COIL, true);
    world.board.switch(OTHER, true);
    world.start();
    world.is_ready();
    world.is_off();
    assert_eq!(world.board.asked(Asked::WriteOn), 0);
}

#[test]
fn given_a_pulse_when_the_driver_is_stopped_then_the_coil_is_off_before_it_is_gone() {
    let mut world = World::with_pulse(LONG_PULSE);
    assert_eq!(world.raised("a"), Outcome::Driven);
    assert!(world.board.is_on(COIL));
    world.stop();
    assert!(!world.board.is_on(COIL));
}

#[test]
fn given_a_coil_that_somebody_switched_on_when_the_driver_looks_then_it_is_switched_off() {
    let world = World::new();
    world.board.switch(OTHER, true);
    world.is_off();
    assert_eq!(world.told.alarms(), []);
}

#[test]
fn given_a_port_that_is_pulled_in_mid_pulse_when_it_is_back_under_its_name_then_the_coil_is_switched_off()
 {
    let mut world = World::with_pulse(LONG_PULSE);
    assert_eq!(world.raised("a"), Outcome::Driven);
    world.board.unplug();
    let subject = world.port.display().to_string();
    world.alarmed(&subject, "is not there; is the adapter plugged in?");
    assert!(world.board.is_on(COIL), "nobody can reach it");
    let Outcome::NotDriven { why } = world.raised("b") else {
        panic!("driven without a port")
    };
    assert!(why.contains("is not there"), "{why}");
    assert!(matches!(
        world.relays[1].1.state().health,
        Health::Failed(_)
    ));

    world.board.plug();
    world.is_off();
    world.is_ready();
    assert_eq!(
        world.board.pulses(COIL),
        1,
        "what was refused is not made up for"
    );
    assert_eq!(world.raised("c"), Outcome::Driven);
    world.is_off();
    let last = world.told.alarms().pop().unwrap();
    assert!(
        !last.raised && last.text.ends_with("is open again"),
        "{last:?}"
    );
}

#[test]
fn given_a_coil_that_the_board_does_not_have_when_the_driver_starts_then_the_alarm_says_so() {
    let mut world = World::without_driver();
    world.board = {
        let port = world.folder.path().join("other");
        let board = Board::at(&port, &[(1, 7), OTHER]);
        world.port = port;
        board
    };
    world.start();
    world.alarmed("in-1", "check the coil's number");
    world.raise(1, "b");
    assert_eq!(
        world.told.outcome("b"),
        Outcome::Driven,
        "the other board works"
    );
}

#[test]
fn given_one_silent_board_when_the_other_raises_then_its_pulse_is_not_stretched_much() {
    let mut world = World::without_driver();
    let port = world.folder.path().join("other");
    world.board = Board::at(&port, &[OTHER]);
    world.port = port;
    world.start();
    world.alarmed("in-1", "does not answer");
    world.raise(1, "b");
    assert_eq!(world.told.outcome("b"), Outcome::Driven);
    until("the coil to be off", || {
        (!world.board.is_on(OTHER)).then_some(())
    });
    let changes = world.board.changes();
    let held = changes[1].at - changes[0].at;
    assert!((PULSE..PULSE * 10).contains(&held), "{held:?}");
}
