//! Short scenarios with the power cut at every step, with every fate of the step.

use super::world::*;
use crate::sim::wechat::{Call, Fault, OrderState};

const PLATE: &str = "粤B6K7H2";

/// How a scenario differs from a car that comes in, stays an hour and a half, and pays.
struct Scenario {
    name: &'static str,
    free: bool,
    greets: bool,
    advance: bool,
    faults: &'static [(Call, Fault)],
}

const SCENARIOS: [Scenario; 6] = [
    Scenario {
        name: "paid",
        free: false,
        greets: false,
        advance: true,
        faults: &[],
    },
    Scenario {
        name: "free",
        free: true,
        greets: false,
        advance: true,
        faults: &[],
    },
    Scenario {
        name: "greeted and paid before it leaves",
        free: false,
        greets: true,
        advance: false,
        faults: &[],
    },
    Scenario {
        name: "answer to the charge lost",
        free: false,
        greets: false,
        advance: true,
        faults: &[(Call::Charge, Fault::AnswerLost)],
    },
    Scenario {
        name: "answers to the entry lost",
        free: false,
        greets: true,
        advance: true,
        faults: &[
            (Call::Entry, Fault::AnswerLost),
            (Call::Entry, Fault::WrongEcho),
        ],
    },
    Scenario {
        name: "charge never arrived, then throttled",
        free: false,
        greets: false,
        advance: true,
        faults: &[
            (Call::Charge, Fault::Silence),
            (Call::Charge, Fault::Throttled(Some(5))),
        ],
    },
];

const FATES: [Cut; 4] = [
    Cut::BeforeCommit,
    Cut::BeforeCommands,
    Cut::AfterCommands(1),
    Cut::AfterCommands(2),
];

#[test]
fn e19_given_any_step_when_the_power_goes_at_it_then_the_car_gets_away_and_pays_once() {
    let mut runs = 0;
    for scenario in &SCENARIOS {
        let steps = run(scenario, None).steps;
        for step in 1..=steps {
            for fate in FATES {
                for trusted in [true, false] {
                    run(scenario, Some((step, fate, trusted)));
                    runs += 1;
                }
            }
        }
    }
    assert!(runs > 300, "{runs} runs");
}

fn run(scenario: &Scenario, cut: Option<(usize, Cut, bool)>) -> World {
    let mut world = World::with(|rules| {
        rules.tariff.prices.free_s = if scenario.free { 2 * 3_600 } else { 0 };
        rules.entry.wait_for_wechat_ms = if scenario.greets { 1_500 } else { 0 };
        rules.exit.advance = scenario.advance;
    });
    world.traced = false;
    world
        .simulator
        .settings_mut()
        .switches
        .strict_duplicate_entry = true;
    for (call, fault) in scenario.faults {
        let faults = world.simulator.faults_mut();
        faults.push_on(*call, fault.clone());
    }
    world.cut_at = cut.map(|(step, fate, _)| (step, fate));
    let trusted = cut.is_none_or(|(.., trusted)| trusted);
    get_through(&mut world, IN, trusted);
    let leaves_at = world.time + 90 * MINUTE;
    while world.time < leaves_at {
        world.pass(MINUTE);
        boot_if_off(&mut world, trusted);
    }
    get_through(&mut world, OUT, trusted);
    for _ in 0..30 {
        world.pass(MINUTE);
        boot_if_off(&mut world, trusted);
    }
    check(&world, scenario, cut);
    world
}

/// The car stands there and is read until the arm has risen for it.
fn get_through(world: &mut World, lane: &str, trusted: bool) {
    let from = world.raised.len();
    for _ in 0..60 {
        world.read(lane, PLATE);
        for _ in 0..10 {
            world.pass(2_000);
            boot_if_off(world, trusted);
        }
        let raised = world.raised[from..].iter();
        if raised.filter(|raised| raised.lane.0 == lane).count() > 0 {
            world.drive_through(lane);
            boot_if_off(world, trusted);
            return;
        }
    }
    panic!("the car is trapped at {lane}");
}

fn boot_if_off(world: &mut World, trusted: bool) {
    if world.off {
        world.pass(3_000);
        world.boot_again(trusted);
        world.pass(30_000);
        world.trusted = true;
        world.pass(5_000);
    }
}

fn check(world: &World, scenario: &Scenario, cut: Option<(usize, Cut, bool)>) {
    let what = format!("{}, {cut:?}", scenario.name);
    let books = world.simulator.books();
    assert_eq!(books.violations, [], "{what}");
    assert!(books.orders.len() <= 1, "{what}");
    let totals = world.book().totals();
    assert_eq!(
        totals.settled.fen,
        books.fen_in(OrderState::Success),
        "{what}"
    );
    let parts = totals.settled.fen + totals.handed_to_staff.fen;
    assert_eq!(totals.opened.fen, parts, "{what}");
    assert!(totals.opened.count <= 1, "{what}");
    assert!(world.session(PLATE).is_none(), "{what}");
    assert!(world.book().charges().next().is_none(), "{what}");
    assert_eq!(world.park().site().holds.len(), 0, "{what}");
    assert!(world.hold(OUT).is_none(), "{what}");
    if cut.is_none() {
        assert_eq!(books.orders.len(), usize::from(!scenario.free), "{what}");
    }
}
