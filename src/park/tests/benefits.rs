//! Coupons, time on the charger, and money in store, at the gate.

use super::cars::*;
use super::world::*;
use crate::books::{self, Period};
use crate::lane::listing::{Change, List, Listed};
use crate::lane::raise::RaiseReason;
use crate::lane::session::Ending;
use crate::lane::tariff::{Benefit, What};
use crate::park::balance::BalanceChange;
use crate::park::benefit::{BenefitChange, Given};
use crate::park::disk::kind_name;
use crate::park::event::Event;

fn change(world: &mut World, change: BenefitChange) -> Result<String, String> {
    let session = world.session(PLATE).expect("a stay").id;
    world.tell(Event::BenefitChanged {
        session,
        change,
        by: "王芳".into(),
        why: "shop 12".into(),
    });
    world.replies.pop().expect("a reply")
}

fn give(world: &mut World, number: &str, benefit: Benefit) -> Result<String, String> {
    let number = number.to_owned();
    change(world, BenefitChange::Give(Given { number, benefit }))
}

fn hour_off() -> Benefit {
    Benefit::Time {
        name: "charging".into(),
        s: 3_600,
    }
}

fn put_in_store(world: &mut World, change: BalanceChange) -> Result<String, String> {
    world.tell(Event::BalanceChanged {
        plate: number(PLATE),
        change,
        by: "王芳".into(),
        why: "till 1".into(),
    });
    world.replies.pop().expect("a reply")
}

fn card(world: &mut World) {
    world.tell(Event::ListChanged {
        change: Change::Put(Listed {
            plate: number(PLATE),
            list: List::Stored,
            from: None,
            until: None,
            bay: None,
            note: String::new(),
        }),
        by: "王芳".into(),
        why: "new card".into(),
    });
    world.replies.clear();
}

fn balance(world: &World) -> u64 {
    world.park().site().listing.balance_fen(&number(PLATE))
}

fn leave(world: &mut World) {
    world.read(OUT, PLATE);
    world.pass(MINUTE);
}

/// Another hand works out the same, and what was written is read again.
fn assert_books(world: &World) {
    let stored = world.disk.stored();
    for record in stored.iter().filter(|record| record.kind >= 68) {
        let payload: serde_json::Value = serde_json::from_slice(&record.payload).unwrap();
        let name = kind_name(record.class, record.kind);
        assert_eq!(payload["fact"].as_str(), name);
    }
    let records = (1..).zip(stored).map(|(seq, record)| (seq, record, false));
    let report = books::check_records(Period::default(), records);
    assert_eq!(report.violations, []);
    assert_eq!(world.replayed().site(), world.park().site());
}

#[test]
fn time_on_the_charger_is_taken_off_and_stands_in_the_lines() {
    let mut world = inside_for(3 * HOUR - MINUTE);
    let told = give(&mut world, "C-1", hour_off()).unwrap();
    assert!(told.contains("10.00 yuan are due"), "{told}");
    leave(&mut world);
    assert!(is_accepted(world.reason(OUT)));
    assert_eq!(world.book().totals().opened.fen, 1_000);
    let lines = world
        .disk
        .records()
        .into_iter()
        .find_map(|record| match record {
            crate::park::record::Record::Money(
                crate::charges::record::MoneyRecord::ChargeOpened { claim },
            ) => Some(claim.quote.lines),
            _ => None,
        });
    let off = lines
        .unwrap()
        .into_iter()
        .find(|line| line.what == What::TimeOff);
    assert_eq!(off.unwrap().amount_fen, -500);
    assert_books(&world);
}

#[test]
fn a_coupon_number_is_taken_once_and_again_only_when_it_was_taken_back() {
    let mut world = inside_for(3 * HOUR - MINUTE);
    let half = || Benefit::Percent {
        name: "coupon".into(),
        off: 50,
    };
    give(&mut world, "K1", half()).unwrap();
    let again = give(&mut world, "K1", half()).unwrap_err();
    assert!(again.contains("K1 was handed in before"), "{again}");
    let unknown = BenefitChange::TakeBack {
        number: "K2".into(),
    };
    assert!(change(&mut world, unknown).is_err());
    let back = BenefitChange::TakeBack {
        number: "K1".into(),
    };
    let told = change(&mut world, back).unwrap();
    assert!(told.contains("15.00 yuan are due"), "{told}");
    give(&mut world, "K1", half()).unwrap();
    world.power_off();
    world.start();
    leave(&mut world);
    assert_eq!(world.book().totals().opened.fen, 750);
    assert_books(&world);
    world.enter(PLATE);
    assert!(
        give(&mut world, "K1", half()).is_err(),
        "spent by the stay before"
    );
}

#[test]
fn a_coupon_over_the_whole_opens_the_exit_without_a_charge() {
    let mut world = inside_for(3 * HOUR - MINUTE);
    let whole = Benefit::Whole {
        name: "guest".into(),
    };
    give(&mut world, "W", whole).unwrap();
    leave(&mut world);
    assert_eq!(world.reason(OUT), Some(RaiseReason::Free));
    assert_eq!(world.book().totals().opened.fen, 0);
    assert_books(&world);
}

#[test]
fn nothing_is_taken_off_once_a_charge_is_made() {
    let mut world = without_advance(crate::sim::wechat::Outcome::Success, 60_000);
    world.pass(1_000);
    let told = give(&mut world, "C-1", hour_off()).unwrap_err();
    assert!(told.contains("was made for it already"), "{told}");
}

#[test]
fn money_in_store_pays_a_stay_and_no_charge_is_made() {
    let mut world = World::new();
    let top_up = BalanceChange::TopUp { fen: 5_000 };
    let told = put_in_store(&mut world, top_up).unwrap_err();
    assert!(told.contains("no stored-value card"), "{told}");
    card(&mut world);
    put_in_store(&mut world, top_up).unwrap();
    world.enter(PLATE);
    world.pass(3 * HOUR - MINUTE);
    leave(&mut world);
    assert_eq!(world.reason(OUT), Some(RaiseReason::Prepaid));
    assert_eq!(balance(&world), 3_500);
    assert_eq!(world.book().totals().opened.fen, 0);
    assert!(matches!(
        last_ending(&world),
        Some(Ending::Prepaid {
            paid_fen: 1_500,
            over_fen: 0
        })
    ));
    let told = put_in_store(&mut world, BalanceChange::PayOut { fen: 3_501 }).unwrap_err();
    assert!(told.contains("only 35.00 yuan"), "{told}");
    put_in_store(&mut world, BalanceChange::PayOut { fen: 3_500 }).unwrap();
    assert_eq!(balance(&world), 0);
    assert_books(&world);
}

#[test]
fn what_is_in_store_goes_to_nothing_and_the_rest_is_charged() {
    let mut world = World::new();
    card(&mut world);
    put_in_store(&mut world, BalanceChange::TopUp { fen: 600 }).unwrap();
    world.enter(PLATE);
    world.pass(3 * HOUR - MINUTE);
    leave(&mut world);
    assert!(is_accepted(world.reason(OUT)));
    assert_eq!(balance(&world), 0);
    assert_eq!(world.book().totals().opened.fen, 900);
    assert_books(&world);
}

#[test]
fn what_is_put_in_store_while_a_car_is_held_makes_what_it_is_held_for_less() {
    let mut world = super::spots::held();
    card(&mut world);
    put_in_store(&mut world, BalanceChange::TopUp { fen: 100 }).unwrap();
    world.pass(30_000);
    world.read(OUT, PLATE);
    world.pass(5_000);
    assert_eq!(balance(&world), 0);
    let code = super::spots::spot(&world);
    assert_eq!(
        code.claim.fen, 400,
        "five yuan, of which one came from the card"
    );
    world.pass(10 * MINUTE);
    assert_eq!(world.desk().claim.quote.fee_fen, 400);
}
