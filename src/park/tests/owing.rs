//! What drivers owe: it ages, is shown when they come again, and is finished by people.

use super::cars::*;
use super::world::*;
use crate::charges::record::StaffOutcome;
use crate::lane::alarm::AlarmKind;
use crate::lane::raise::RaiseReason;
use crate::park::event::Event;
use crate::park::record::LaneRecord;
use crate::sim::wechat::{Outcome, Plate};

/// A driver who could not pay, and has gone.
fn gone_unpaid() -> World {
    let mut world = World::new();
    enrolled_as(&mut world, Plate::ending(Outcome::PayFail));
    world.enter(PLATE);
    world.pass(10 * MINUTE);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    world.drive_through(OUT);
    world.pass(DAY);
    world
}

fn finish(world: &mut World, trade_no: &str, how: StaffOutcome) -> Result<String, String> {
    let trade_no = trade_no.to_owned();
    world.tell(Event::ArrearsFinished { trade_no, how });
    world.replies.pop().expect("a reply")
}

fn collected() -> StaffOutcome {
    StaffOutcome::Collected {
        by: "王芳".into(),
        channel: "qr".into(),
    }
}

fn written_off() -> StaffOutcome {
    StaffOutcome::WrittenOff {
        by: "李四".into(),
        why: "moved away".into(),
    }
}

#[test]
fn given_a_car_that_has_gone_when_staff_finishes_its_charge_then_the_sums_balance_and_once_only() {
    for how in [collected(), written_off()] {
        let mut world = gone_unpaid();
        let trade_no = world.desk().claim.trade_no.clone();
        assert!(world.is_alarmed(AlarmKind::ChargeWithStaff));
        let said = finish(&mut world, &trade_no, how.clone()).unwrap();
        assert!(said.contains("5.00 yuan is finished"), "{said}");
        assert!(!world.is_alarmed(AlarmKind::ChargeWithStaff));
        let totals = *world.book().totals();
        assert_eq!(
            totals.handed_to_staff.fen,
            totals.collected.fen + totals.written_off.fen
        );
        assert!(world.book().arrears_of(&number(PLATE)).is_none());
        world.power_off();
        world.boot_again(true);
        let again = finish(&mut world, &trade_no, how).unwrap_err();
        assert!(again.contains("no such charge waits"), "{again}");
        assert_eq!(*world.book().totals(), totals);
    }
}

#[test]
fn given_a_car_that_stands_at_the_barrier_when_its_charge_is_collected_then_it_goes_by_that_persons_word()
 {
    let mut world = inside_for(HOUR);
    enrolled_as(&mut world, Plate::blocked("OVERDUE"));
    world.read(OUT, PLATE);
    world.pass(2_000);
    let trade_no = world.desk().claim.trade_no.clone();
    assert!(world.hold(OUT).is_some());
    finish(&mut world, &trade_no, collected()).unwrap();
    assert!(matches!(
        world.reason(OUT),
        Some(RaiseReason::Attendant { by, why }) if by == "王芳" && why == "qr"
    ));
    assert_eq!((world.raises(OUT), world.hold(OUT)), (1, None));
    assert!(world.session(PLATE).is_none());
}

#[test]
fn given_a_charge_that_wechat_may_have_when_staff_wants_to_collect_then_it_may_not() {
    let mut world = inside_for(20 * HOUR - 1);
    world.simulator.faults_mut().outage = true;
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    let trade_no = world.charge().claim.trade_no.clone();
    let why = finish(&mut world, &trade_no, collected()).unwrap_err();
    assert!(why.contains("may still take"), "{why}");
    let replaced = StaffOutcome::Replaced {
        by: "王芳".into(),
        why: "by hand".into(),
        trade_no: "T1".into(),
    };
    assert!(finish(&mut world, &trade_no, replaced).is_err());
}

#[test]
fn given_a_store_that_cannot_write_when_staff_collects_then_nothing_is_promised() {
    let mut world = gone_unpaid();
    let trade_no = world.desk().claim.trade_no.clone();
    world.disk.set_failing(true);
    world.read(IN, "苏E6P398");
    let why = finish(&mut world, &trade_no, collected()).unwrap_err();
    assert!(why.contains("store cannot write"), "{why}");
}

#[test]
fn given_a_plate_that_owes_when_it_comes_in_again_then_that_is_on_record_with_its_age() {
    let mut world = gone_unpaid();
    let left = world.desk().claim.exited.clone();
    world.enter(PLATE);
    let session = world.session(PLATE).unwrap().id.clone();
    let seen = world
        .lane_records()
        .into_iter()
        .find_map(|record| match record {
            LaneRecord::ArrearsSeen {
                session, owes, at, ..
            } => Some((session, owes, at)),
            _ => None,
        });
    let (of, owes, at) = seen.expect("on record");
    assert_eq!((of, owes.charges, owes.fen), (session, 1, 500));
    assert_eq!(owes.since, left);
    assert!(owes.since.stay_ms(&at) >= Some(DAY));
    world.enter("苏E6P398");
    let records = world.lane_records().into_iter();
    let count = records.filter(|record| matches!(record, LaneRecord::ArrearsSeen { .. }));
    assert_eq!(count.count(), 1, "who owes nothing is not spoken of");
}

// Wrong charges.

fn correct(world: &mut World, trade_no: &str, due_fen: u64) -> Result<String, String> {
    world.tell(Event::CorrectionAsked {
        sent_for: None,
        trade_no: trade_no.to_owned(),
        session: crate::lane::number::SessionId::named_by(trade_no).unwrap(),
        plate: number(PLATE),
        charged_fen: 500,
        due_fen,
        due_from: None,
        exited: None,
        by: "王芳".into(),
        why: "the camera was wrong".into(),
    });
    world.replies.pop().expect("a reply")
}

fn corrected(world: &mut World, trade_no: &str) -> Result<String, String> {
    world.tell(Event::CorrectionDone {
        trade_no: trade_no.to_owned(),
        by: "王芳".into(),
        why: "refund 5030".into(),
    });
    world.replies.pop().expect("a reply")
}

#[test]
fn e16_given_a_charge_that_was_wrong_when_it_is_to_be_corrected_then_the_intent_stands_until_it_is_made()
 {
    let mut world = inside_for(HOUR);
    world.read(OUT, PLATE);
    world.pass(100);
    let trade_no = world.charge().claim.trade_no.clone();
    let why = correct(&mut world, &trade_no, 0).unwrap_err();
    assert!(
        why.contains("may still take"),
        "not while it is on its way: {why}"
    );
    world.pass(MINUTE);
    assert_eq!(world.book().totals().settled.count, 1);
    let said = correct(&mut world, &trade_no, 0).unwrap();
    assert!(said.contains("5.00 yuan are to be refunded"), "{said}");
    let again = correct(&mut world, &trade_no, 100).unwrap_err();
    assert!(again.contains("asked for before"), "{again}");
    world.power_off();
    world.boot_again(true);
    let open: Vec<&str> = world
        .book()
        .corrections()
        .map(|correction| correction.trade_no.as_str())
        .collect();
    assert_eq!(open, [trade_no.as_str()]);
    assert_eq!(world.book().totals().settled.count, 1, "nothing is edited");
    corrected(&mut world, &trade_no).unwrap();
    assert_eq!(world.book().corrections().count(), 0);
    let again = corrected(&mut world, &trade_no).unwrap_err();
    assert!(again.contains("no correction of it is open"), "{again}");
}

#[test]
fn given_a_charge_that_wechat_has_not_got_when_it_is_to_be_corrected_then_it_is_charged_otherwise()
{
    let mut world = silent_for(5 * HOUR, false, |_| {});
    let trade_no = world.charge().claim.trade_no.clone();
    let why = correct(&mut world, &trade_no, 0).unwrap_err();
    assert!(why.contains("on its way to WeChat"), "{why}");
    let mut world = gone_unpaid();
    let trade_no = world.desk().claim.trade_no.clone();
    let why = correct(&mut world, &trade_no, 0).unwrap_err();
    assert!(why.contains("with the staff"), "{why}");
}
