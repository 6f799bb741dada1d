//! Codes through power cuts, a silent WeChat and a store that cannot write: a driver pays once and gets away.

use super::cars::*;
use super::spots::*;
use super::world::*;
use crate::lane::alarm::AlarmKind;
use crate::lane::raise::RaiseReason;
use crate::sim::wechat::{Call, Fault, NativeState, Plate};

#[test]
fn given_a_create_whose_answer_is_lost_when_it_is_repeated_then_it_is_one_order() {
    for fault in [
        Fault::AnswerLost,
        Fault::ErrorBefore,
        Fault::ErrorAfter,
        Fault::Throttled(Some(2)),
        Fault::WrongSignature,
        Fault::Silence,
    ] {
        let mut world = World::with(by_code);
        let faults = world.simulator.faults_mut();
        faults.push_on(Call::NativeOrder, fault.clone());
        hold(&mut world);
        world.pass(30_000);
        let open = spot(&world);
        assert!(open.code_url().is_some(), "{fault:?}: {open:?}");
        assert_eq!(world.simulator.native_orders().len(), 1, "{fault:?}");
        assert!(pay(&mut world));
        world.pass(5_000);
        assert_eq!(world.raises(OUT), 1, "{fault:?}");
        adds_up(&world, 500);
    }
}

#[test]
fn e19_given_an_open_order_when_the_power_goes_then_it_stays_open_and_what_is_paid_meanwhile_counts()
 {
    for pays in [true, false] {
        let mut world = held();
        let before = spot(&world);
        world.power_off();
        world.pass(30_000);
        if pays {
            assert!(pay(&mut world));
        }
        world.boot_again(true);
        world.pass(10_000);
        assert_eq!(world.raises(OUT), usize::from(pays));
        if !pays {
            assert_eq!(spot(&world).code_url(), before.code_url());
            assert_eq!(world.simulator.native_orders()[0].asked, 1);
        }
        adds_up(&world, if pays { 500 } else { 0 });
    }
}

#[test]
fn given_any_step_when_the_power_goes_at_it_then_the_driver_pays_once_and_gets_away() {
    let run = |cut: Option<(usize, Cut)>| {
        let mut world = World::with(by_code);
        world.traced = false;
        world.cut_at = cut;
        enrolled_as(&mut world, Plate::blocked("OUT_SERVICE"));
        let boot = |world: &mut World| {
            if world.off {
                world.pass(2_000);
                world.boot_again(true);
                world.pass(5_000);
            }
        };
        world.read(IN, PLATE);
        world.pass(5_000);
        boot(&mut world);
        if world.session(PLATE).is_none() {
            world.read(IN, PLATE);
        }
        while world.time < HOUR - MINUTE {
            world.pass(MINUTE);
            boot(&mut world);
        }
        for _ in 0..60 {
            world.read(OUT, PLATE);
            for _ in 0..5 {
                world.pass(2_000);
                boot(&mut world);
            }
            let orders = world.simulator.native_orders();
            if orders.iter().all(|order| order.state != NativeState::Paid) && !orders.is_empty() {
                pay(&mut world);
            }
            if world.raises(OUT) > 0 {
                break;
            }
        }
        world.pass(30 * MINUTE);
        boot(&mut world);
        world.pass(MINUTE);
        assert!(world.raises(OUT) > 0, "{cut:?}: the car is trapped");
        assert_eq!(open_spots(&world), 0, "{cut:?}");
        assert!(world.session(PLATE).is_none(), "{cut:?}");
        adds_up(&world, 500);
        world.steps
    };
    let steps = run(None);
    for step in 1..=steps {
        for fate in [
            Cut::BeforeCommit,
            Cut::BeforeCommands,
            Cut::AfterCommands(1),
        ] {
            run(Some((step, fate)));
        }
    }
}

#[test]
fn given_a_wechat_that_makes_no_orders_when_a_car_is_held_then_it_is_asked_less_and_less_often() {
    let mut world = World::with(by_code);
    world.simulator.settings_mut().switches.native = false;
    hold(&mut world);
    assert_eq!(open_spots(&world), 0);
    assert!(world.is_alarmed(AlarmKind::CodeRefused));
    world.pass(9 * MINUTE);
    let asked = told(&world).len();
    assert!((3..=6).contains(&asked), "{asked}");
    world.simulator.settings_mut().switches.native = true;
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert_eq!(world.reason(OUT), Some(RaiseReason::HeldTooLong));
    adds_up(&world, 0);
}

#[test]
fn given_an_order_that_wechat_never_answers_when_its_time_runs_out_then_a_new_one_is_made() {
    let mut world = World::with(|rules| {
        by_code(rules);
        rules.exit.held_at_most_ms = 2 * HOUR;
    });
    let faults = world.simulator.faults_mut();
    let lost = std::collections::VecDeque::from(vec![Fault::ErrorBefore; 1_000]);
    faults.next_on.insert(Call::NativeOrder, lost);
    hold(&mut world);
    let first = spot(&world).claim.number;
    world.pass(20 * MINUTE);
    let faults = world.simulator.faults_mut();
    faults.next_on.remove(&Call::NativeOrder);
    world.pass(5 * MINUTE);
    let open = spot(&world);
    assert!(open.code_url().is_some(), "{open:?}");
    assert_ne!(open.claim.number, first);
    assert!(pay(&mut world));
    world.pass(5_000);
    assert_eq!(world.raises(OUT), 1);
    adds_up(&world, 500);
}

#[test]
fn given_a_store_that_cannot_write_when_an_order_is_paid_then_the_money_is_taken_down_later() {
    let mut world = held();
    world.disk.set_failing(true);
    world.read(IN, "粤B12345");
    assert!(pay(&mut world));
    world.pass(30_000);
    assert_eq!(world.raises(OUT), 0);
    world.disk.set_failing(false);
    world.pass(2 * MINUTE);
    assert_eq!(world.raises(OUT), 1);
    assert_eq!(world.book().totals().paid.fen, 500);
    adds_up(&world, 500);
}

#[test]
fn e13_given_a_silent_wechat_when_a_blocked_car_stands_there_then_no_code_is_shown_until_it_answers()
 {
    let mut world = World::with(by_code);
    enrolled_as(&mut world, Plate::blocked("OUT_SERVICE"));
    world.enter(PLATE);
    world.run_to(HOUR - MINUTE);
    world.simulator.faults_mut().outage = true;
    world.read(OUT, PLATE);
    world.pass(2 * MINUTE);
    assert_eq!(world.simulator.native_orders(), []);
    world.simulator.faults_mut().outage = false;
    world.pass(MINUTE);
    assert!(spot(&world).code_url().is_some());
    assert!(pay(&mut world));
    world.pass(5_000);
    assert_eq!(world.raises(OUT), 1);
    adds_up(&world, 500);
}
