//! Charges on their way: what each answer makes of them.

use super::world::*;
use crate::charges::answer::{Answer, Parties, TradeState, Transaction};
use crate::charges::charge::{ChargeState, StaffReason};
use crate::charges::entry::EntryState;
use crate::charges::queue::Request;
use crate::charges::record::MoneyRecord;
use crate::lane::alarm::AlarmKind;
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::sim::wechat::{Call, Fault, Outcome, Plate};
use crate::simulation::wire;

const PLATE: &str = "粤B6K7H2";

/// A car that came in an hour ago stands at the exit; `fault` is played on its charge.
fn charged_with(fault: Fault) -> World {
    let mut world = inside_for_an_hour();
    world.simulator.faults_mut().push_on(Call::Charge, fault);
    world.calls.clear();
    world.read(OUT, PLATE);
    world
}

fn inside_for_an_hour() -> World {
    let mut world = World::new();
    world.enter(PLATE);
    world.pass(HOUR);
    world
}

fn trade_no(world: &World) -> String {
    world
        .money_records()
        .into_iter()
        .find_map(|record| match record {
            MoneyRecord::ChargeOpened { claim } => Some(claim.trade_no),
            _ => None,
        })
        .expect("a charge was opened")
}

fn frozen_bodies(world: &World) -> Vec<String> {
    let calls = world.calls.iter();
    calls
        .filter_map(|(_, request)| match request {
            Request::Charge { body, .. } => Some(body.clone()),
            _ => None,
        })
        .collect()
}

/// WeChat's books and ours say the same, and nothing is left to do.
#[track_caller]
fn assert_settled_once(world: &World) {
    let books = world.simulator.books();
    assert_eq!(books.violations, []);
    assert_eq!(books.orders.len(), 1);
    let totals = world.book().totals();
    assert_eq!(totals.settled.fen, books.accepted_fen());
    assert_eq!(totals.settled, totals.opened);
    assert_eq!(world.book().charges().count(), 0);
}

#[test]
fn given_a_charge_when_it_is_accepted_then_it_is_polled_until_it_is_settled() {
    let mut world = charged_with(Fault::Pass);
    world.pass(300);
    assert!(matches!(world.charge().state, ChargeState::Accepted { .. }));
    world.pass(MINUTE);
    assert_eq!(world.calls_since(0), ["charge", "query"]);
    assert_settled_once(&world);
}

#[test]
fn given_a_request_that_never_arrived_when_time_is_up_then_the_order_is_queried_before_it_goes_again()
 {
    let mut world = charged_with(Fault::Silence);
    world.pass(CALL_MS + 100);
    assert_eq!(world.charge().state, ChargeState::Unknown { refused: None });
    world.pass(MINUTE);
    assert_eq!(world.calls_since(0)[..3], ["charge", "query", "charge"]);
    let bodies = frozen_bodies(&world);
    assert_eq!(bodies[0], bodies[1], "a repeat is byte-identical");
    world.pass(10 * MINUTE);
    assert_settled_once(&world);
}

#[test]
fn given_a_lost_answer_when_the_query_shows_the_order_then_it_does_not_go_again() {
    for fault in [Fault::AnswerLost, Fault::ErrorAfter, Fault::WrongSignature] {
        let mut world = charged_with(fault);
        world.pass(10 * MINUTE);
        assert_eq!(frozen_bodies(&world).len(), 1);
        assert_settled_once(&world);
    }
}

#[test]
fn given_nothing_believable_when_wechat_has_not_acted_then_the_charge_is_still_made_once() {
    for fault in [
        Fault::ErrorBefore,
        Fault::ProxyPage(200),
        Fault::ProxyPage(404),
        Fault::Unsigned,
        Fault::ProbeSignature,
        Fault::Throttled(None),
    ] {
        let mut world = charged_with(fault);
        world.pass(10 * MINUTE);
        assert_settled_once(&world);
    }
}

#[test]
fn given_a_first_try_when_it_is_refused_then_staff_has_it_at_once() {
    let mut world = inside_for_an_hour();
    block(&mut world);
    world.calls.clear();
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert_eq!(world.calls_since(0), ["charge"]);
    let refused = StaffReason::Refused("TRADE_ERROR".into());
    assert_eq!(world.desk().state, ChargeState::HandedToStaff(refused));
    assert_eq!(
        world.held_for(OUT),
        Some(HoldReason::Refused("TRADE_ERROR".into()))
    );
}

#[test]
fn given_a_lost_answer_when_the_repeat_is_refused_then_the_order_is_queried_first() {
    let mut world = charged_with(Fault::Silence);
    world.pass(1_000);
    block(&mut world);
    world.pass(MINUTE);
    assert_eq!(world.calls_since(0), ["charge", "query", "charge", "query"]);
    let records = world.money_records();
    let doubted = records.iter().any(|record| {
        matches!(record, MoneyRecord::ChargeUnknown { refused: Some(code), .. } if code == "TRADE_ERROR")
    });
    assert!(doubted, "the refusal is not believed by itself");
    let refused = StaffReason::Refused("TRADE_ERROR".into());
    assert_eq!(world.desk().state, ChargeState::HandedToStaff(refused));
    assert_eq!(world.simulator.books().violations, []);
}

#[test]
fn given_a_request_that_never_left_when_the_next_is_refused_then_that_is_final() {
    let mut world = inside_for_an_hour();
    world.calls.clear();
    world.unplugged = true;
    world.read(OUT, PLATE);
    world.pass(20);
    world.unplugged = false;
    block(&mut world);
    world.pass(MINUTE);
    assert_eq!(world.calls_since(0), ["charge", "charge"]);
    assert!(matches!(world.desk().state, ChargeState::HandedToStaff(_)));
}

#[test]
fn given_429_with_retry_after_when_others_are_due_then_everything_waits_for_it() {
    let mut world = charged_with(Fault::Throttled(Some(30)));
    world.pass(1_000);
    assert_eq!(world.charge().state, ChargeState::Due);
    world.read(IN, "粤B2M905");
    let before = world.calls.len();
    world.pass(28_000);
    assert_eq!(world.calls.len(), before, "nothing goes before");
    world.pass(MINUTE);
    assert_eq!(world.calls_since(before)[..2], ["entry", "charge"]);
    world.pass(MINUTE);
    assert_settled_once(&world);
}

#[test]
fn given_an_answer_about_something_else_when_it_is_verified_then_nothing_is_believed_of_it() {
    let right = |world: &World| Transaction {
        paid: Default::default(),
        out_trade_no: trade_no(world),
        parties: Parties::default(),
        state: TradeState::Accepted,
        total_fen: Some(1_000),
        parking_id: world.charge().body.as_ref().map(|b| b.parking_id.clone()),
        plate_number: Some(PLATE.into()),
        plate_color: None,
        transaction_id: None,
        bank_type: None,
        description: None,
    };
    let spoil: [fn(&mut Transaction); 9] = [
        |seen| seen.out_trade_no = "T0".into(),
        |seen| seen.total_fen = Some(1_001),
        |seen| seen.total_fen = None,
        |seen| seen.parking_id = Some("another".into()),
        |seen| seen.plate_number = Some("粤B6K7H3".into()),
        |seen| seen.parties.sp_mchid = Some("1900009192".into()),
        |seen| seen.parties.sub_mchid = Some("1900000109".into()),
        |seen| seen.parties.appid = Some("wx0".into()),
        |seen| seen.parties.sub_appid = Some("wx0".into()),
    ];
    for spoil in spoil {
        let mut world = charged_with(Fault::Silence);
        let number = trade_no(&world);
        let mut seen = right(&world);
        spoil(&mut seen);
        world.tell(wire::charge_answered(&number, Answer::Verified(seen)));
        assert_eq!(world.raises(OUT), 0, "it does not raise");
        assert_eq!(world.charge().state, ChargeState::Unknown { refused: None });
        assert!(world.is_alarmed(AlarmKind::AnswerMismatch));
        world.pass(10 * MINUTE);
        assert_settled_once(&world);
    }
    let mut world = charged_with(Fault::Silence);
    let (number, seen) = (trade_no(&world), right(&world));
    world.tell(wire::charge_answered(&number, Answer::Verified(seen)));
    assert_eq!(world.raises(OUT), 1, "the right one does");
}

#[test]
fn given_a_wrong_echo_of_a_query_when_the_order_was_accepted_then_it_stays_accepted() {
    let mut world = charged_with(Fault::Pass);
    world
        .simulator
        .faults_mut()
        .push_on(Call::Query, Fault::WrongEcho);
    let alarmed = world.pass_until(MINUTE, |world| world.is_alarmed(AlarmKind::AnswerMismatch));
    assert!(alarmed);
    assert!(matches!(world.charge().state, ChargeState::Accepted { .. }));
    world.pass(MINUTE);
    assert_settled_once(&world);
}

#[test]
fn given_an_answer_that_comes_after_its_call_was_given_up_when_it_refuses_then_it_is_ignored() {
    let mut world = charged_with(Fault::Silence);
    let number = trade_no(&world);
    world.pass(CALL_MS + 100);
    let refusal = crate::charges::answer::Refusal {
        status: 404,
        code: "ORDER_NOT_EXIST".into(),
        message: String::new(),
        proven: true,
    };
    world.tell(wire::charge_answered(
        &number,
        Answer::Refused(refusal.clone()),
    ));
    assert_eq!(world.charge().state, ChargeState::Unknown { refused: None });
    world.pass(10 * MINUTE);
    world.tell(wire::query_answered(&number, Answer::Refused(refusal)));
    assert_settled_once(&world);
}

#[test]
fn given_a_merchant_that_is_refused_when_charges_are_due_then_one_query_at_a_time_asks_to_be_let_in()
 {
    let mut world = charged_with(Fault::SignError);
    let standing = &mut world.simulator.faults_mut().standing;
    *standing = Some(Fault::SignError);
    world.pass(300);
    assert!(world.is_alarmed(AlarmKind::MerchantStopped));
    assert_eq!(world.charge().state, ChargeState::Due);
    world.read(IN, "粤B2M905");
    let (stopped_at, from) = (world.time, world.calls.len());
    world.pass(3 * HOUR);
    assert!(
        world.calls_since(from).iter().all(|call| *call == "query"),
        "only queries"
    );
    let minutes: Vec<u64> = world.calls[from..]
        .iter()
        .map(|(at, _)| (at - stopped_at).div_ceil(MINUTE))
        .collect();
    assert_eq!(minutes, [1, 3, 8, 23, 83, 143]);
    world.simulator.faults_mut().standing = None;
    world.pass(2 * HOUR);
    assert!(!world.is_alarmed(AlarmKind::MerchantStopped));
    assert_settled_once(&world);
}

#[test]
fn given_a_merchant_that_may_query_but_not_collect_when_it_is_refused_again_then_it_waits_longer() {
    let mut world = inside_for_an_hour();
    world.simulator.settings_mut().switches.may_collect = false;
    world.read(OUT, PLATE);
    world.calls.clear();
    world.pass(5 * HOUR);
    let charges = frozen_bodies(&world).len();
    assert!((5..=9).contains(&charges), "{charges} tries in five hours");
    world.simulator.settings_mut().switches.may_collect = true;
    world.pass(2 * HOUR);
    assert_settled_once(&world);
}

#[test]
fn given_a_stopped_merchant_when_the_box_restarts_then_it_asks_at_once_and_stays_stopped() {
    let mut world = charged_with(Fault::NoAuth);
    world.simulator.faults_mut().standing = Some(Fault::NoAuth);
    world.pass(300);
    world.power_off();
    world.calls.clear();
    world.boot_again(true);
    world.pass(30_000);
    assert_eq!(world.calls_since(0), ["query"]);
    assert!(world.book().stop().is_some());
    world.simulator.faults_mut().standing = None;
    world.pass(5 * MINUTE);
    assert_settled_once(&world);
}

#[test]
fn given_an_order_that_never_settles_when_it_is_polled_then_by_the_ladder_and_ninety_days_long() {
    let mut world = inside_for_an_hour();
    let never = Plate::ending(Outcome::Never);
    world
        .simulator
        .settings_mut()
        .plates
        .insert(PLATE.into(), never);
    world.read(OUT, PLATE);
    world.pass(300);
    world.calls.clear();
    let from = world.time;
    world.pass(89 * DAY);
    let ladder_s = [5, 15, 30, 60, 300, 1_800, 7_200, 43_200, 86_400, 86_400];
    let mut last = from;
    for (polled, expected_s) in world.calls.iter().zip(ladder_s) {
        let waited_ms = polled.0 - last;
        last = polled.0;
        let expected_ms = expected_s * 1_000;
        let within = expected_ms * 79 / 100..=expected_ms * 121 / 100 + 500;
        assert!(within.contains(&waited_ms), "{waited_ms} for {expected_s}");
    }
    assert!(matches!(world.charge().state, ChargeState::Accepted { .. }));
    world.pass(4 * DAY);
    assert_eq!(
        world.desk().state,
        ChargeState::HandedToStaff(StaffReason::Unsettled)
    );
    assert_eq!(world.next_at(), None, "nothing more is done about it");
}

#[test]
fn given_an_accepted_order_when_the_driver_cannot_pay_then_staff_has_it() {
    let mut world = inside_for_an_hour();
    let broke = Plate::ending(Outcome::PayFail);
    world
        .simulator
        .settings_mut()
        .plates
        .insert(PLATE.into(), broke);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    assert_eq!(world.raises(OUT), 1, "acceptance is money-safe");
    assert_eq!(
        world.desk().state,
        ChargeState::HandedToStaff(StaffReason::PaymentFailed)
    );
}

// A plate that comes back.

/// The first stay was let out in an outage that goes on; the plate is inside again.
fn back_in_an_outage() -> World {
    let mut world = inside_for_an_hour();
    world.simulator.faults_mut().outage = true;
    world.read(OUT, PLATE);
    world.pass(2_000);
    world.drive_through(OUT);
    assert_eq!(world.reason(OUT), Some(RaiseReason::SilentNormal));
    world.pass(MINUTE);
    world.read(IN, PLATE);
    world.drive_through(IN);
    world.calls.clear();
    world
}

#[test]
fn given_an_unfiled_charge_when_the_plate_comes_in_again_then_it_is_filed_before_the_new_entry() {
    let mut world = back_in_an_outage();
    world.pass(5 * MINUTE);
    assert!(!world.calls_since(0).contains(&"entry"));
    world.simulator.faults_mut().outage = false;
    world.pass(2 * MINUTE);
    let calls = world.calls_since(0);
    let at = |wanted| calls.iter().position(|call| *call == wanted);
    assert!(at("charge") < at("entry"), "{calls:?}");
    assert_settled_once(&world);
    let id = &world.session(PLATE).unwrap().id;
    let state = &world.book().entry(id).unwrap().state;
    assert!(matches!(state, EntryState::Registered { .. }));
}

#[test]
fn given_an_unknown_charge_when_ten_minutes_are_over_then_the_entry_goes_and_the_old_one_is_superseded()
 {
    let mut world = back_in_an_outage();
    world.pass(11 * MINUTE);
    assert!(world.charge().superseded);
    world.simulator.faults_mut().outage = false;
    world.pass(5 * MINUTE);
    assert_eq!(
        world.desk().state,
        ChargeState::HandedToStaff(StaffReason::Superseded)
    );
    let id = &world.session(PLATE).unwrap().id;
    let state = &world.book().entry(id).unwrap().state;
    assert!(matches!(state, EntryState::Registered { .. }));
    let books = world.simulator.books();
    assert_eq!((books.violations, books.orders.len()), (vec![], 0));
}

#[test]
fn given_a_superseded_charge_when_wechat_had_accepted_it_then_it_is_settled() {
    let mut world = inside_for_an_hour();
    let faults = world.simulator.faults_mut();
    faults.push_on(Call::Charge, Fault::AnswerLost);
    world.read(OUT, PLATE);
    world.simulator.faults_mut().outage = true;
    world.pass(MINUTE);
    world.read(IN, PLATE);
    world.pass(11 * MINUTE);
    assert!(world.charge().superseded);
    world.simulator.faults_mut().outage = false;
    world.pass(5 * MINUTE);
    assert_settled_once(&world);
}

#[test]
fn given_a_charge_that_was_never_sent_when_ten_minutes_are_over_then_staff_has_it() {
    let mut world = World::new();
    world.simulator.faults_mut().outage = true;
    world.enter(PLATE);
    world.pass(20 * MINUTE);
    world.read(OUT, PLATE);
    world.pass(10_000);
    world.drive_through(OUT);
    assert_eq!(world.reason(OUT), Some(RaiseReason::SilentUnknown));
    world.read(IN, PLATE);
    world.pass(9 * MINUTE);
    assert_eq!(world.charge().state, ChargeState::WaitingForEntry);
    world.pass(2 * MINUTE);
    assert_eq!(
        world.desk().state,
        ChargeState::HandedToStaff(StaffReason::Superseded)
    );
    world.simulator.faults_mut().outage = false;
    world.pass(5 * MINUTE);
    let books = world.simulator.books();
    assert_eq!(books.violations, []);
    let entries: Vec<_> = books.entries.iter().map(|e| &e.out_parking_no).collect();
    let id = world.session(PLATE).unwrap().id.clone();
    assert_eq!(entries, [&id.parking_no(0)], "the older one never goes");
}

fn block(world: &mut World) {
    let plates = &mut world.simulator.settings_mut().plates;
    plates.insert(PLATE.into(), Plate::blocked("OVERDUE"));
}
