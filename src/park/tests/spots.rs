//! Cars whose plates cannot be charged: their drivers pay on the spot, by scanning a code, and once.

use super::cars::*;
use super::world::*;
use crate::books::{self, Period};
use crate::charges::record::{MoneyRecord, StaffOutcome};
use crate::charges::spot::{GivenUp, Spot, SpotState, SpotTold};
use crate::lane::alarm::AlarmKind;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::service::ServiceState;
use crate::notice::{NativeNotice, Notice, Opened};
use crate::park::event::Event;
use crate::park::payment::{PaidStay, Taking};
use crate::park::record::Record;
use crate::park::rules::Rules;
use crate::sim::wechat::{Call, Fault, NativeState, Plate, RefundState};

/// A box on which a driver got a code, turned back, and paid another one.
pub fn with_every_kind() -> World {
    let mut world = held();
    world.read(OUT, "粤B12345");
    world.pass(MINUTE);
    world.read(OUT, PLATE);
    world.pass(2_000);
    pay(&mut world);
    world.pass(5_000);
    world
}

/// Drivers may pay by code here, and nobody is charged whose entry was blocked when last heard of.
pub fn by_code(rules: &mut Rules) {
    rules.exit.try_when_blocked = false;
    rules.exit.pay_by_code = true;
    rules.merchant.native_notify_url = Some("https://pay.example.com/native".into());
}

/// A plate that is not enrolled, at the exit after an hour: 5 yuan are due.
pub fn held() -> World {
    let mut world = World::with(by_code);
    hold(&mut world);
    world
}

pub fn hold(world: &mut World) {
    enrolled_as(world, Plate::blocked("OUT_SERVICE"));
    world.enter(PLATE);
    world.run_to(HOUR - MINUTE);
    world.read(OUT, PLATE);
    world.pass(1_000);
    assert_eq!(
        world.held_for(OUT),
        Some(HoldReason::Blocked("OUT_SERVICE".into()))
    );
}

pub fn spot(world: &World) -> Spot {
    let mut spots = world.book().spots().open();
    let spot = spots.next().expect("an open order").clone();
    assert_eq!(spots.next(), None, "only one");
    spot
}

pub fn open_spots(world: &World) -> usize {
    world.book().spots().open().count()
}

pub fn pay(world: &mut World) -> bool {
    let number = world.simulator.native_orders().last().unwrap().clone();
    let wall = world.true_wall();
    world.simulator.pay_native(&number.out_trade_no, wall)
}

pub fn told(world: &World) -> Vec<SpotTold> {
    let records = world.disk.records().into_iter();
    let told = records.filter_map(|record| match record {
        Record::Money(MoneyRecord::SpotTold { told, .. }) => Some(told),
        _ => None,
    });
    told.collect()
}

pub fn given_up(world: &World) -> Vec<GivenUp> {
    let records = world.disk.records().into_iter();
    let given_up = records.filter_map(|record| match record {
        Record::Money(MoneyRecord::SpotGivenUp { why, .. }) => Some(why),
        _ => None,
    });
    given_up.collect()
}

fn by_native(world: &World) -> u64 {
    let orders = world.simulator.native_orders().into_iter();
    let paid = orders.filter(|order| order.state == NativeState::Paid);
    paid.map(|order| order.total_fen).sum()
}

fn given_back(world: &World) -> u64 {
    let refunds = world.simulator.refunds().into_iter();
    let done = refunds.filter(|refund| refund.state == RefundState::Success);
    done.map(|refund| refund.refund_fen).sum()
}

pub fn notice(world: &mut World, id: &str, number: &str, fen: u64) {
    let native = NativeNotice {
        mchid: Some(world.rules.merchant.mchid.clone()),
        sub_mchid: None,
        appid: None,
        out_trade_no: number.to_owned(),
        transaction_id: Some("42".into()),
        trade_state: "SUCCESS".into(),
        total_fen: Some(fen),
        payer_total_fen: Some(fen),
        success_at: None,
    };
    let told = Box::new(Opened {
        id: id.to_owned(),
        notice: Notice::Native(native),
    });
    world.tell(Event::Noticed { told });
}

/// The second accountant agrees; WeChat has seen nothing that a correct client never sends; and what came in by
/// code is what was due or has gone back.
pub fn adds_up(world: &World, due_fen: u64) {
    let stored = world.disk.stored().into_iter();
    let records = (1..).zip(stored).map(|(seq, record)| (seq, record, false));
    let report = books::check_records(Period::default(), records);
    assert_eq!(report.violations, [], "{report:?}");
    assert_eq!(world.simulator.violations(), []);
    assert_eq!(by_native(world), due_fen + given_back(world));
    let orders = world.simulator.books().orders.len();
    assert!(due_fen == 0 || orders == 0, "a charge and a code");
}

#[test]
fn e10_given_a_plate_that_is_not_enrolled_when_its_driver_scans_the_code_then_it_goes() {
    let mut world = held();
    let open = spot(&world);
    assert!(open.code_url().unwrap().starts_with("weixin://"));
    assert_eq!((open.claim.fen, world.raises(OUT)), (500, 0));
    assert!(pay(&mut world));
    world.pass(5_000);
    let number = open.claim.number;
    assert_eq!(world.reason(OUT), Some(RaiseReason::PaidByCode { number }));
    assert_eq!((open_spots(&world), world.hold(OUT)), (0, None));
    assert_eq!(world.book().totals().paid.fen, 500);
    assert_eq!(world.book().totals().opened.count, 0, "no charge was made");
    world.pass(HOUR);
    adds_up(&world, 500);
}

#[test]
fn given_an_operator_who_does_not_want_it_when_a_plate_is_not_enrolled_then_no_order_is_made() {
    let mut world = World::with(|rules| rules.exit.try_when_blocked = false);
    hold(&mut world);
    world.pass(MINUTE);
    assert_eq!(world.simulator.native_orders(), []);
    assert_eq!(open_spots(&world), 0);
}

#[test]
fn given_a_charge_that_wechat_refused_when_its_driver_scans_the_code_then_it_is_collected() {
    let mut world = World::with(|rules| {
        by_code(rules);
        rules.exit.try_when_blocked = true;
    });
    enrolled_as(&mut world, Plate::blocked("OUT_SERVICE"));
    world.enter(PLATE);
    world.run_to(HOUR - MINUTE);
    world.read(OUT, PLATE);
    world.pass(2_000);
    assert!(matches!(world.held_for(OUT), Some(HoldReason::Refused(_))));
    assert!(pay(&mut world));
    world.pass(5_000);
    assert!(matches!(
        world.reason(OUT),
        Some(RaiseReason::PaidByCode { .. })
    ));
    let totals = *world.book().totals();
    assert_eq!((totals.collected.fen, totals.paid.fen), (500, 0));
    adds_up(&world, 500);
}

#[test]
fn e08_given_a_driver_who_turns_back_when_another_car_comes_then_the_order_is_closed() {
    let mut world = held();
    world.read(OUT, "粤B12345");
    assert_eq!(spot(&world).given_up, Some(GivenUp::NotHeld));
    world.pass(10_000);
    assert_eq!(open_spots(&world), 0);
    let orders = world.simulator.native_orders();
    assert_eq!(orders[0].state, NativeState::Closed);
    assert!(!pay(&mut world));
    adds_up(&world, 0);
}

#[test]
fn given_a_driver_who_turned_back_when_he_comes_again_then_he_gets_an_order_over_what_is_due_then()
{
    let mut world = held();
    world.read(OUT, "粤B12345");
    world.pass(2 * HOUR);
    world.read(OUT, PLATE);
    world.pass(2_000);
    let second = spot(&world).claim;
    assert_eq!(second.fen, 1_500);
    assert!(second.number.ends_with("01"), "{second:?}");
    pay(&mut world);
    world.pass(5_000);
    assert!(matches!(
        world.reason(OUT),
        Some(RaiseReason::PaidByCode { .. })
    ));
    adds_up(&world, 1_500);
}

#[test]
fn given_a_driver_who_pays_while_the_order_is_closed_when_it_is_asked_about_then_his_stay_is_paid()
{
    let mut world = held();
    // The close is refused, since he has just paid.
    assert!(pay(&mut world));
    world.read(OUT, "粤B12345");
    world.pass(10_000);
    assert_eq!(open_spots(&world), 0);
    let session = world.session(PLATE).expect("the stay goes on");
    assert_eq!(world.park().site().paid[&session.id].fen, 500);
    // What he paid is taken off when he comes again.
    world.pass(HOUR);
    world.read(OUT, PLATE);
    world.pass(2_000);
    assert_eq!(spot(&world).claim.fen, 500);
    pay(&mut world);
    world.pass(5_000);
    assert!(matches!(
        world.reason(OUT),
        Some(RaiseReason::PaidByCode { .. })
    ));
    adds_up(&world, 1_000);
}

#[test]
fn given_a_car_that_nobody_came_for_when_its_driver_pays_after_all_then_its_arrears_are_collected()
{
    let mut world = held();
    world
        .simulator
        .faults_mut()
        .push_on(Call::NativeClose, Fault::Silence);
    world.pass(10 * MINUTE - 1_000);
    assert_eq!(world.reason(OUT), Some(RaiseReason::HeldTooLong));
    assert_eq!(world.book().desk().count(), 1);
    assert!(pay(&mut world));
    world.pass(MINUTE);
    assert_eq!((open_spots(&world), world.book().desk().count()), (0, 0));
    assert_eq!(world.book().totals().collected.fen, 500);
    adds_up(&world, 500);
}

#[test]
fn e15_given_cash_at_the_barrier_when_the_driver_scans_too_then_what_he_scanned_goes_back_by_itself()
 {
    let mut world = held();
    assert!(pay(&mut world));
    // Before the next look at the order.
    world.tell(Event::AttendantRaised {
        lane: lane_id(OUT),
        by: "张三".into(),
        why: "cash".into(),
        money: Some(StaffOutcome::Collected {
            by: "张三".into(),
            channel: "cash".into(),
        }),
    });
    world.pass(10 * MINUTE);
    assert_eq!(world.book().totals().collected.fen, 500);
    assert_eq!(given_back(&world), 500);
    assert_eq!(world.park().site().open_reviews().count(), 0);
    adds_up(&world, 0);
}

#[test]
fn given_a_part_paid_in_cash_when_an_order_is_open_then_another_is_made_over_the_rest() {
    let mut world = held();
    let first = spot(&world).claim.number;
    let stay = PaidStay::of(&world.session(PLATE).unwrap());
    world.tell(Event::PaymentTaken {
        taking: Box::new(Taking {
            stay,
            fen: 200,
            channel: "cash".into(),
            by: "张三".into(),
            regardless: false,
        }),
    });
    world.replies.pop().unwrap().unwrap();
    assert_eq!(given_up(&world), [GivenUp::OtherSum]);
    world.pass(5_000);
    let second = spot(&world).claim;
    assert_ne!(second.number, first);
    assert_eq!(second.fen, 300);
    pay(&mut world);
    world.pass(5_000);
    assert_eq!(world.hold(OUT), None);
    adds_up(&world, 300);
}

#[test]
fn given_a_part_paid_in_cash_when_the_driver_has_scanned_the_whole_then_the_surplus_goes_back() {
    let mut world = held();
    assert!(pay(&mut world));
    let stay = PaidStay::of(&world.session(PLATE).unwrap());
    world.tell(Event::PaymentTaken {
        taking: Box::new(Taking {
            stay,
            fen: 200,
            channel: "cash".into(),
            by: "张三".into(),
            regardless: false,
        }),
    });
    world.pass(10 * MINUTE);
    assert!(matches!(
        world.reason(OUT),
        Some(RaiseReason::PaidByCode { .. })
    ));
    assert_eq!(given_back(&world), 200);
    assert_eq!(world.park().site().open_reviews().count(), 0);
    adds_up(&world, 300);
}

#[test]
fn given_an_open_order_when_a_notice_frees_the_plate_then_it_is_charged_once_the_order_is_closed() {
    let mut world = held();
    enrolled_as(&mut world, Plate::default());
    let from = world.calls.len();
    super::noticed::tell(&mut world, "1", ServiceState::Normal, 1);
    assert_eq!(spot(&world).given_up, Some(GivenUp::NotHeld));
    world.pass(2_000);
    let calls = world.calls_since(from);
    let at = |call: &str| calls.iter().position(|it| *it == call);
    assert!(at("close spot") < at("charge"), "{calls:?}");
    assert!(at("query spot") < at("charge"), "{calls:?}");
    assert!(is_accepted(world.reason(OUT)), "{:?}", world.reason(OUT));
    assert_eq!(
        world.simulator.native_orders()[0].state,
        NativeState::Closed
    );
    adds_up(&world, 0);
}

#[test]
fn given_an_order_that_was_paid_when_a_notice_frees_the_plate_then_no_charge_leaves() {
    let mut world = held();
    assert!(pay(&mut world));
    enrolled_as(&mut world, Plate::default());
    super::noticed::tell(&mut world, "1", ServiceState::Normal, 1);
    world.pass(10_000);
    assert!(!world.calls_since(0).contains(&"charge"));
    assert_eq!(world.raises(OUT), 1);
    assert_eq!(world.book().totals().withdrawn.fen, 500);
    adds_up(&world, 500);
}

#[test]
fn given_a_callback_and_a_poll_when_both_tell_of_one_payment_then_it_counts_once() {
    let mut world = held();
    let number = spot(&world).claim.number;
    assert!(pay(&mut world));
    for (id, counts) in [("1", true), ("1", false), ("2", false)] {
        notice(&mut world, id, &number, 500);
        let paid = told(&world).into_iter();
        let paid = paid.filter(|told| matches!(told, SpotTold::Paid { .. }));
        assert_eq!(paid.count(), 1, "{id}, {counts}");
    }
    world.pass(MINUTE);
    assert_eq!(world.raises(OUT), 1);
    assert_eq!(world.book().totals().paid.fen, 500);
    assert!(!world.is_alarmed(AlarmKind::NoticeForeign));
    adds_up(&world, 500);
}

#[test]
fn given_a_callback_when_it_names_another_sum_or_merchant_then_it_moves_nothing() {
    let mut world = held();
    let number = spot(&world).claim.number;
    notice(&mut world, "1", &number, 499);
    assert_eq!(world.raises(OUT), 0);
    assert!(world.is_alarmed(AlarmKind::AnswerMismatch));
    notice(&mut world, "2", "N0000000001000009900", 500);
    assert!(world.is_alarmed(AlarmKind::NoticeForeign));
    assert_eq!(open_spots(&world), 1);
}

#[test]
fn given_an_order_that_wechat_had_closed_when_a_callback_tells_of_its_money_then_it_is_a_credit() {
    let mut world = held();
    let number = spot(&world).claim.number;
    world.read(OUT, "粤B12345");
    world.pass(10_000);
    assert_eq!(open_spots(&world), 0);
    notice(&mut world, "1", &number, 500);
    let session = world.session(PLATE).expect("the stay goes on");
    assert_eq!(world.park().site().paid[&session.id].fen, 500);
}

#[test]
fn given_an_order_that_runs_out_when_the_car_still_stands_there_then_another_takes_its_place() {
    let mut world = World::with(|rules| {
        by_code(rules);
        rules.exit.held_at_most_ms = 2 * HOUR;
    });
    hold(&mut world);
    let first = spot(&world).claim.number;
    world.pass(16 * MINUTE);
    let second = spot(&world);
    assert_ne!(second.claim.number, first);
    assert!(matches!(second.state, SpotState::Open { .. }));
    assert!(pay(&mut world));
    world.pass(5_000);
    assert_eq!(world.raises(OUT), 1);
    adds_up(&world, 500);
}
