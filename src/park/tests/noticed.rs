//! What WeChat tells by itself reaches the lanes.

use super::cars::*;
use super::world::*;
use crate::charges::answer::{Parties, TradeState, Transaction};
use crate::charges::entry::EntryState;
use crate::charges::record::MoneyRecord;
use crate::lane::raise::HoldReason;
use crate::lane::service::ServiceState;
use crate::lane::time::Wall;
use crate::notice::{EntryNotice, NativeNotice, Notice, Opened, OrderEvent, OrderNotice};
use crate::park::event::Event;
use crate::park::record::Record;
use crate::sim::wechat::{Call, Outcome, Plate};

/// E8: the driver opened the service, or paid what was owed, while the car was inside.
#[test]
fn given_a_car_held_for_its_block_when_a_notice_frees_it_then_it_is_charged_and_goes() {
    let mut world = blocked_inside();
    tell(&mut world, "1", blocked(), 1);
    world.read(OUT, PLATE);
    assert_eq!(held_for(&world), Some(HoldReason::Blocked("PAUSE".into())));
    world.pass(MINUTE);
    assert_eq!(world.raises(OUT), 0);
    enrolled_as(&mut world, Plate::default());
    tell(&mut world, "2", ServiceState::Normal, 2);
    world.pass(1_000);
    assert!(is_accepted(world.reason(OUT)), "{:?}", world.reason(OUT));
    assert_eq!(world.calls_since(0), ["charge"]);
    assert_eq!(world.simulator.books().violations, []);
}

/// Without a callback the answer ages, and the charge is tried once; with one it does not.
#[test]
fn given_a_blocked_entry_when_callbacks_are_heard_then_its_charge_is_not_tried() {
    for heard in [false, true] {
        let mut world = blocked_inside();
        if heard {
            tell(&mut world, "1", blocked(), 1);
        }
        world.pass(5 * MINUTE);
        world.read(OUT, PLATE);
        world.pass(1_000);
        let tried = world.calls_since(0).contains(&"charge");
        assert_eq!(tried, !heard);
        assert_eq!(world.raises(OUT), 0);
    }
    let mut world = blocked_inside();
    tell(&mut world, "1", blocked(), 1);
    world.pass(11 * MINUTE);
    world.read(OUT, PLATE);
    world.pass(1_000);
    assert_eq!(world.calls_since(0), ["charge"], "heard too long ago");
}

#[test]
fn given_an_entry_that_was_normal_when_a_notice_blocks_it_then_the_exit_holds() {
    let mut world = inside_for(HOUR);
    tell(&mut world, "1", blocked(), 1);
    world.read(OUT, PLATE);
    assert_eq!(held_for(&world), Some(HoldReason::Blocked("PAUSE".into())));
    assert_eq!(world.calls_since(0), [""; 0]);
}

#[test]
fn given_a_notice_on_disk_when_the_power_goes_then_its_state_stands_and_the_same_one_is_known() {
    let mut world = inside_for(HOUR);
    tell(&mut world, "1", blocked(), 1);
    world.power_off();
    world.start();
    assert_eq!(service(&world), Some(blocked()));
    tell(&mut world, "1", ServiceState::Normal, 9);
    assert_eq!(
        service(&world),
        Some(blocked()),
        "the number was taken before"
    );
    assert_eq!(world.replies.len(), 2);
    assert!(
        world.replies[1]
            .as_ref()
            .is_ok_and(|it| it.contains("before"))
    );
}

#[test]
fn given_a_store_that_cannot_write_when_a_notice_comes_then_it_is_refused_and_changes_nothing() {
    let mut world = inside_for(HOUR);
    world.disk.set_failing(true);
    world.read(IN, "粤B12345");
    tell(&mut world, "1", blocked(), 1);
    assert!(
        world.replies.last().unwrap().is_err(),
        "{:?}",
        world.replies
    );
    assert_eq!(service(&world), Some(ServiceState::Normal));
    world.disk.set_failing(false);
    world.pass(2 * MINUTE);
    tell(&mut world, "1", blocked(), 1);
    assert!(world.replies.last().unwrap().is_ok(), "{:?}", world.replies);
    assert_eq!(service(&world), Some(blocked()));
}

/// Without the advance permission only money that has moved raises: a notice tells it sooner than a query.
#[test]
fn given_a_car_that_waits_for_its_money_when_a_notice_tells_that_it_moved_then_it_goes() {
    let mut world = without_advance(Outcome::Never, 200);
    world.pass(2_000);
    assert_eq!(world.raises(OUT), 0);
    let charge = world.book().charges().next().unwrap();
    let order = Transaction {
        paid: Default::default(),
        out_trade_no: charge.claim.trade_no.clone(),
        parties: Parties::default(),
        state: TradeState::Success,
        total_fen: Some(charge.fee_fen()),
        parking_id: None,
        plate_number: None,
        plate_color: None,
        transaction_id: Some("42".into()),
        bank_type: None,
        description: None,
    };
    let queries = world.simulator.asked(Call::Query);
    let event = OrderEvent::Success;
    noticed(
        &mut world,
        "1",
        Notice::Order(Box::new(OrderNotice { event, order })),
    );
    assert_eq!(world.raises(OUT), 1);
    assert_eq!(world.simulator.asked(Call::Query), queries);
}

/// A box to which WeChat told each kind of thing.
pub fn with_every_kind() -> World {
    let mut world = inside_for(HOUR);
    tell(&mut world, "1", blocked(), 1);
    tell(&mut world, "2", ServiceState::Normal, 2);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    let trade_no = world
        .disk
        .records()
        .into_iter()
        .find_map(|record| match record {
            Record::Money(MoneyRecord::ChargeSettled { trade_no, .. }) => Some(trade_no),
            _ => None,
        });
    let trade_no = trade_no.unwrap();
    let order = Transaction {
        paid: Default::default(),
        out_trade_no: trade_no.clone(),
        parties: Parties::default(),
        state: TradeState::Success,
        total_fen: None,
        parking_id: None,
        plate_number: None,
        plate_color: None,
        transaction_id: None,
        bank_type: Some("BPA".into()),
        description: None,
    };
    let event = OrderEvent::PayBack;
    noticed(
        &mut world,
        "3",
        Notice::Order(Box::new(OrderNotice { event, order })),
    );
    let native = NativeNotice {
        mchid: None,
        sub_mchid: None,
        appid: None,
        out_trade_no: trade_no.replacen('T', "N", 1),
        transaction_id: None,
        trade_state: "SUCCESS".into(),
        total_fen: None,
        payer_total_fen: None,
        success_at: None,
    };
    noticed(&mut world, "4", Notice::Native(native));
    world
}

/// A blocked plate, inside for an hour.
fn blocked_inside() -> World {
    let mut world = World::new();
    enrolled_as(&mut world, Plate::blocked("PAUSE"));
    world.enter(PLATE);
    world.run_to(HOUR);
    world.calls.clear();
    world
}

fn blocked() -> ServiceState {
    ServiceState::Blocked("PAUSE".into())
}

pub fn tell(world: &mut World, id: &str, state: ServiceState, time: i64) {
    let session = world.session(PLATE).unwrap();
    let entry = world.book().entry(&session.id).unwrap();
    let EntryState::Registered { parking_id, .. } = &entry.state else {
        panic!("{entry:?}");
    };
    let notice = Notice::Entry(EntryNotice {
        sp_mchid: None,
        sub_mchid: None,
        parking_id: parking_id.clone(),
        out_parking_no: session.id.parking_no(entry.attempt),
        plate_number: PLATE.into(),
        state,
        updated_at: Wall(time),
    });
    noticed(world, id, notice);
}

fn noticed(world: &mut World, id: &str, notice: Notice) {
    let id = id.to_owned();
    let told = Box::new(Opened { id, notice });
    world.tell(Event::Noticed { told });
}

fn held_for(world: &World) -> Option<HoldReason> {
    let holds = &world.turner.park().site().holds;
    holds.values().next().map(|hold| hold.reason.clone())
}

fn service(world: &World) -> Option<ServiceState> {
    let session = world.session(PLATE)?;
    match world.book().entry(&session.id)?.state {
        EntryState::Registered { service, .. } => Some(service),
        _ => None,
    }
}
