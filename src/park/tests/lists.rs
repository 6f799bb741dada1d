//! Lists that are changed while the lanes run, and visits that are priced by earlier ones.

use super::cars::*;
use super::world::*;
use crate::lane::listing::{Bay, Change, List, Listed};
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::tariff::{Prices, Tariff};
use crate::lane::time::Wall;
use crate::park::event::Event;

const SECOND_CAR: &str = "粤B99999";

fn listed(plate: &str, list: List) -> Listed {
    Listed {
        plate: number(plate),
        list,
        from: None,
        until: None,
        bay: None,
        note: String::new(),
    }
}

fn change(world: &mut World, change: Change) {
    world.tell(Event::ListChanged {
        change,
        by: "王芳".into(),
        why: "rent paid".into(),
    });
}

fn wall(world: &World) -> Wall {
    world.now().wall
}

#[test]
fn a_permit_holds_from_the_next_car_on_and_over_a_restart() {
    let mut world = World::new();
    change(&mut world, Change::Put(listed(PLATE, List::Permit)));
    world.enter(PLATE);
    world.pass(5 * HOUR);
    world.power_off();
    world.start();
    world.read(OUT, PLATE);
    assert_eq!(world.reason(OUT), Some(RaiseReason::Permit));
    assert_eq!(world.calls_since(0), [""; 0], "WeChat never heard of it");
    assert_eq!(world.park().site().listing.version, 1);
}

#[test]
fn an_expired_permit_pays_as_anybody() {
    let mut world = World::new();
    let until = wall(&world).plus_ms(i64::try_from(HOUR).unwrap());
    let card = Listed {
        until: Some(until),
        ..listed(PLATE, List::Permit)
    };
    change(&mut world, Change::Put(card));
    world.pass(2 * HOUR);
    world.enter(PLATE);
    world.pass(HOUR);
    world.read(OUT, PLATE);
    world.pass(1_000);
    assert!(is_accepted(world.reason(OUT)));
}

#[test]
fn a_blocked_plate_is_held_until_it_is_taken_off_the_list() {
    let mut world = World::new();
    change(&mut world, Change::Put(listed(PLATE, List::Blocked)));
    world.read(IN, PLATE);
    assert_eq!(world.held_for(IN), Some(HoldReason::BlockListed));
    let off = Change::Remove {
        plate: number(PLATE),
        list: List::Blocked,
    };
    change(&mut world, off);
    world.pass(2 * MINUTE);
    world.read(IN, PLATE);
    assert_eq!(world.reason(IN), Some(RaiseReason::Entry));
}

#[test]
fn the_second_car_of_a_bay_pays_and_the_first_does_not() {
    let mut world = World::new();
    let bay = Some(Bay {
        name: "B1-07".into(),
        places: 1,
    });
    for plate in [PLATE, SECOND_CAR] {
        let card = Listed {
            bay: bay.clone(),
            ..listed(plate, List::Permit)
        };
        change(&mut world, Change::Put(card));
    }
    world.enter(PLATE);
    world.enter(SECOND_CAR);
    world.pass(HOUR);
    world.read(OUT, PLATE);
    assert_eq!(world.reason(OUT), Some(RaiseReason::Permit));
    world.pass(MINUTE);
    world.read(OUT, SECOND_CAR);
    world.pass(1_000);
    assert!(is_accepted(world.reason(OUT)), "{:?}", world.reason(OUT));
    // The bay is free again.
    world.pass(HOUR);
    world.enter(SECOND_CAR);
    world.pass(HOUR);
    world.read(OUT, SECOND_CAR);
    assert_eq!(world.reason(OUT), Some(RaiseReason::Permit));
}

#[test]
fn visits_within_a_day_share_the_cap() {
    let hourly = "name = \"t\"\nversion = \"1\"\nthen = { every = \"1h\", fen = 500 }\n";
    let prices: Prices = Tariff::from_toml(hourly, "t").unwrap().prices;
    let mut world = World::with(|rules| {
        rules.tariff.prices = Prices {
            cap_fen: Some(1000),
            cap_shared: true,
            ..prices.clone()
        };
    });
    let mut fees = Vec::new();
    for _ in 0..3 {
        world.enter(PLATE);
        world.pass(HOUR + 30 * MINUTE);
        world.read(OUT, PLATE);
        world.pass(2 * MINUTE);
        fees.push(world.book().totals().opened.fen);
        world.power_off();
        world.start();
    }
    assert_eq!(
        fees,
        [1000, 1000, 1000],
        "the cap is reached by the first visit"
    );
    assert_eq!(world.reason(OUT), Some(RaiseReason::Free));
    world.pass(DAY);
    world.enter(PLATE);
    world.pass(30 * MINUTE);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert_eq!(world.book().totals().opened.fen, 1500, "a new window");
}
