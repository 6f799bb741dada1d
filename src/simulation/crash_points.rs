//! One car, and the power cut at every effect there is, with every fate of what was being written; and
//! then cut again at every effect of the recovery. Small, and nothing is left to chance.

use std::collections::VecDeque;

use super::clock::Profile;
use super::disk::Fate;
use super::doing::Doing;
use super::faults::Faults;
use super::oracle::Violation;
use super::power::{Cuts, Effect};
use super::site::{MINUTE, lane_id, number, rules};
use super::trace::Detail;
use super::world::World;
use crate::charges::record::StaffOutcome;
use crate::park::event::Event;
use crate::park::review::{Terms, Verdict};
use crate::park::rules::Rules;
use crate::sim::wechat::{Call, Fault};

const PLATE: &str = "苏E6P398";
const STAY_MS: u64 = 90 * MINUTE;
/// So many effects of a start are cut at, too: the recovery itself, and the first that it decides.
const RECOVERY: usize = 2;
/// What becomes of the commit under way. One that is cut short is read as one that is garbled.
const FATES: [Fate; 3] = [Fate::Lost, Fate::Kept, Fate::Garbled];
/// At the second cut. That a commit is lost is known or not: the first cut has tried both.
const FATES_AGAIN: [Fate; 2] = [Fate::Lost, Fate::Kept];

/// How a scenario differs from a car that comes in, stays an hour and a half, and pays.
struct Scenario {
    name: &'static str,
    change: fn(&mut Rules),
    faults: &'static [(Call, Fault)],
    /// What a person does every two minutes from before the car leaves on, if there is a need.
    person: Option<fn(&mut World)>,
    /// How many orders WeChat has in the end, if the power never goes.
    orders: usize,
}

const SCENARIOS: [Scenario; 12] = [
    Scenario {
        name: "paid",
        change: |_| {},
        faults: &[],
        person: None,
        orders: 1,
    },
    Scenario {
        name: "free",
        change: |rules| rules.tariff.prices.free_s = 2 * 3_600,
        faults: &[],
        person: None,
        orders: 0,
    },
    Scenario {
        name: "greeted, and paid before it leaves",
        change: |rules| {
            rules.entry.wait_for_wechat_ms = 1_500;
            rules.exit.advance = false;
        },
        faults: &[],
        person: None,
        orders: 1,
    },
    Scenario {
        name: "answer to the charge lost",
        change: |_| {},
        faults: &[(Call::Charge, Fault::AnswerLost)],
        person: None,
        orders: 1,
    },
    Scenario {
        name: "answers to the entry lost",
        change: |rules| rules.entry.wait_for_wechat_ms = 1_500,
        faults: &[
            (Call::Entry, Fault::AnswerLost),
            (Call::Entry, Fault::WrongEcho),
        ],
        person: None,
        orders: 1,
    },
    Scenario {
        name: "charge never arrived, then throttled",
        change: |_| {},
        faults: &[
            (Call::Charge, Fault::Silence),
            (Call::Charge, Fault::Throttled(Some(5))),
        ],
        person: None,
        orders: 1,
    },
    Scenario {
        name: "held by the guard until nobody came",
        change: |rules| rules.guard.max_fee_fen = 500,
        faults: &[],
        person: None,
        orders: 0,
    },
    Scenario {
        name: "its plate is named",
        change: |_| {},
        faults: &[],
        person: Some(name_the_plate),
        orders: 1,
    },
    Scenario {
        name: "charged after review",
        change: |rules| rules.guard.max_fee_fen = 500,
        faults: &[],
        person: Some(charge_the_review),
        orders: 1,
    },
    Scenario {
        name: "let out unpaid, and collected later",
        change: |rules| rules.guard.max_fee_fen = 500,
        faults: &[],
        person: Some(collect_arrears),
        orders: 0,
    },
    Scenario {
        name: "paid, and corrected",
        change: |_| {},
        faults: &[],
        person: Some(correct),
        orders: 1,
    },
    Scenario {
        name: "the barrier's own button",
        change: |rules| rules.guard.max_fee_fen = 500,
        faults: &[],
        person: Some(|world| world.push_button("out-1", 0)),
        orders: 0,
    },
];

#[test]
fn e19_given_any_effect_when_the_power_goes_at_it_then_the_car_gets_away_and_pays_once() {
    let mut runs = 0;
    for scenario in &SCENARIOS {
        let uncut = run(scenario, &[], Profile::Right);
        let orders = uncut.network.simulator.books().orders.len();
        assert_eq!(orders, scenario.orders, "{}", scenario.name);
        for cut in cuts_at(&uncut.machine.effects_done, &FATES) {
            let recovered = run(scenario, &[cut], Profile::Right);
            assert_eq!(recovered.machine.power_cuts, 1, "{cut:?}");
            // The clock is set a while after the power is back.
            let set_after_ms = 40_000;
            run(scenario, &[cut], Profile::From1970 { set_after_ms });
            runs += 2;
            let recovery = recovered.machine.effects_done;
            let recovery = &recovery[..recovery.len().min(RECOVERY)];
            for again in cuts_at(recovery, &FATES_AGAIN) {
                run(scenario, &[cut, again], Profile::Right);
                runs += 1;
            }
        }
    }
    assert!(runs > 1_500, "{runs} runs");
}

/// At each of these effects; of a command nobody knows more than that the power went before it.
fn cuts_at(effects: &[Effect], fates_of_commits: &'static [Fate]) -> Vec<(usize, Fate)> {
    let at_each = effects.iter().enumerate();
    at_each
        .flat_map(|(at, effect)| {
            let fates = match effect {
                Effect::Commit => fates_of_commits,
                Effect::Command => &fates_of_commits[..1],
            };
            fates.iter().map(move |fate| (at, *fate))
        })
        .collect()
}

fn run(scenario: &Scenario, cuts: &[(usize, Fate)], clock: Profile) -> World {
    let world = play(scenario, cuts, clock, Detail::Digest);
    if let Some(Violation { rule, what }) = &world.violation {
        let told = play(scenario, cuts, clock, Detail::Last);
        let last = told.trace.last().join("\n");
        let name = scenario.name;
        panic!(
            "{name}, {cuts:?}, {clock:?}\n{last}\nbreaks {}: {what}",
            rule.name()
        );
    }
    let books = world.network.simulator.books();
    assert!(books.orders.len() <= 1, "{}, {cuts:?}", scenario.name);
    let open = world.machine.park().site().cars_inside();
    assert_eq!(open, 0, "{}, {cuts:?}", scenario.name);
    world
}

fn play(scenario: &Scenario, cuts: &[(usize, Fate)], clock: Profile, detail: Detail) -> World {
    let mut rules = rules();
    (scenario.change)(&mut rules);
    let faults = Faults {
        clock,
        ..Faults::default()
    };
    let mut world = World::over(1, rules, faults, detail);
    world.machine.cuts = Cuts::At(VecDeque::from(cuts.to_vec()));
    let simulator = &mut world.network.simulator;
    simulator.settings_mut().switches.strict_duplicate_entry = true;
    for (call, fault) in scenario.faults {
        simulator.faults_mut().push_on(*call, fault.clone());
    }
    if let Some(person) = scenario.person {
        for round in 0..15 {
            let at = STAY_MS - MINUTE + 2 * round * MINUTE;
            world.plan(at, Doing::Act(person));
        }
    }
    world.vehicles.add(PLATE, "in-1", "out-1", STAY_MS);
    world.plan(10_000, Doing::Arrive("in-1", 0));
    world.run();
    world
}

const BY: &str = "王芳";

/// The exit's camera is blind to plates from here on, and a person says what stands there.
fn name_the_plate(world: &mut World) {
    world.cameras.read_no_plates();
    if world.machine.park().site().holds.is_empty() {
        return;
    }
    world.happen(Event::PlateNamed {
        lane: lane_id("out-1"),
        plate: number(PLATE),
        color: None,
        by: BY.into(),
        why: "read by a person".into(),
    });
}

fn charge_the_review(world: &mut World) {
    let review = world.machine.park().site().open_reviews().next();
    let Some(session) = review.map(|review| review.session.clone()) else {
        return;
    };
    world.happen(Event::ReviewDecided {
        session,
        verdict: Verdict::Charge(Terms::default()),
        by: BY.into(),
        why: "seen in the picture".into(),
    });
}

/// Nobody comes for as long as the car is held.
fn collect_arrears(world: &mut World) {
    let charge = world.machine.park().queue().book().desk().next();
    let Some(trade_no) = charge.map(|charge| charge.claim.trade_no.clone()) else {
        return;
    };
    let how = StaffOutcome::Collected {
        by: BY.into(),
        channel: "cash".into(),
    };
    world.happen(Event::ArrearsFinished { trade_no, how });
}

/// Asks for it, and in the next round makes it.
fn correct(world: &mut World) {
    let by = BY.to_owned();
    let open = world.machine.park().queue().book().corrections().next();
    if let Some(trade_no) = open.map(|open| open.trade_no.clone()) {
        let why = "refund 5030".to_owned();
        return world.happen(Event::CorrectionDone { trade_no, by, why });
    }
    if let Some(claim) = world.oracle.filed_claims().pop() {
        world.happen(Event::CorrectionAsked {
            sent_for: None,
            charged_fen: claim.quote.fee_fen,
            trade_no: claim.trade_no,
            session: claim.session,
            plate: claim.plate,
            due_fen: 0,
            due_from: None,
            exited: None,
            by,
            why: "the camera was wrong".into(),
        });
    }
}
