//! Codes that a driver may pay, where lanes, people, the disk or WeChat are at odds about them.

use serde_json::Value;

use super::cars::*;
use super::spot_lanes::{OUT_2, read_poorly_beside_the_code};
use super::spots::*;
use super::world::*;
use crate::charges::answer::{Answer, Heard, NativeSeen, NativeState as Seen};
use crate::charges::record::MoneyRecord;
use crate::charges::spot::{GivenUp, SpotClaim, SpotTold};
use crate::charges::spots::OF_ONE_STAY_MAX;
use crate::gate::turn::Turner;
use crate::lane::alarm::AlarmKind;
use crate::lane::raise::RaiseReason;
use crate::park::Park;
use crate::park::event::Event;
use crate::park::record::Record;
use crate::rerun::{Rerun, Span};
use crate::sim::wechat::{Call, Fault};
use crate::story::spot::shown_at;

/// The same box, started over records that differ from what it wrote.
fn started_over(world: &mut World, records: impl IntoIterator<Item = Record>) {
    let mut park = Park::new(world.park().ledger(), world.rules.clone());
    for record in records {
        park.replay(&record);
    }
    world.turner = Turner::new(park, world.disk.clone());
    world.tell(started());
}

fn seen(number: &str, state: Seen) -> Event {
    Event::SpotQueryAnswered {
        number: number.to_owned(),
        heard: Heard {
            answer: Answer::Verified(NativeSeen {
                out_trade_no: number.to_owned(),
                mchid: None,
                sub_mchid: None,
                state,
                total_fen: Some(500),
                payer_total_fen: None,
                transaction_id: Some("42".into()),
            }),
            request_id: None,
            skew_ms: None,
        },
    }
}

#[test]
fn given_a_doubtful_reading_at_another_lane_when_the_code_is_paid_then_its_own_lane_rises() {
    let mut world = read_poorly_beside_the_code();
    assert_eq!(spot(&world).claim.lane, lane_id(OUT_2));
    assert!(pay(&mut world));
    world.pass(5_000);
    assert_eq!((world.raises(OUT), world.raises(OUT_2)), (0, 1));
    assert!(matches!(
        world.reason(OUT_2),
        Some(RaiseReason::PaidByCode { .. })
    ));
}

#[test]
fn given_a_record_of_what_was_sent_that_cannot_be_read_when_the_code_is_paid_then_it_counts() {
    for pays in [true, false] {
        let mut world = held();
        let is_readable =
            |record: &Record| !matches!(record, Record::Money(MoneyRecord::SpotSent { .. }));
        let records: Vec<Record> = world.disk.records();
        started_over(&mut world, records.into_iter().filter(is_readable));
        assert_eq!(spot(&world).body, None);
        world.pass(5_000);
        if pays {
            assert!(pay(&mut world));
        } else {
            world.read(OUT, "粤B12345");
        }
        world.pass(10_000);
        assert_eq!(
            (open_spots(&world), world.raises(OUT)),
            (0, usize::from(pays))
        );
        adds_up(&world, if pays { 500 } else { 0 });
    }
}

#[test]
fn given_the_last_order_that_a_stay_may_have_when_wechat_refuses_it_then_nothing_is_woken_for() {
    let mut world = World::with(by_code);
    world.simulator.settings_mut().switches.native = false;
    hold(&mut world);
    let mut records: Vec<Record> = world.disk.records();
    let asked = records.iter().find_map(|record| match record {
        Record::Money(MoneyRecord::SpotAsked { spot }) => Some(spot.clone()),
        _ => None,
    });
    let asked = asked.unwrap();
    for number in (1..OF_ONE_STAY_MAX - 1).map(|nth| asked.session.spot_no(nth)) {
        let spot = SpotClaim {
            number: number.clone(),
            ..asked.clone()
        };
        records.push(Record::Money(MoneyRecord::SpotAsked { spot }));
        let told = SpotTold::Closed {
            why: "it never left".into(),
        };
        records.push(Record::Money(MoneyRecord::SpotTold { number, told }));
    }
    started_over(&mut world, records);
    // A clock that spins is found by the world.
    world.pass(5 * MINUTE);
    let last = asked.session.spot_no(OF_ONE_STAY_MAX - 1);
    assert!(world.book().spots().done(&last).is_some());
    let next = world.turner.wake_at();
    assert!(next.is_none_or(|at| at > world.now().moment), "{next:?}");
}

#[test]
fn given_an_order_that_was_paid_and_refunded_by_hand_when_it_is_heard_of_then_nothing_is_credited()
{
    let mut world = held();
    let number = spot(&world).claim.number;
    world.tell(seen(&number, Seen::Refunded));
    assert!(world.is_alarmed(AlarmKind::RefundStuck), "a person looks");
    assert!(matches!(
        told(&world).last(),
        Some(SpotTold::GivenBack { .. })
    ));
    // The callback of its payment was on its way all the time.
    notice(&mut world, "1", &number, 500);
    let session = world.session(PLATE).expect("the stay goes on");
    assert!(!world.park().site().paid.contains_key(&session.id));
    assert_eq!((world.raises(OUT), world.book().totals().paid.fen), (0, 0));
    world.pass(5_000);
    assert_ne!(spot(&world).claim.number, number, "he may pay all the same");
    assert!(pay(&mut world));
    world.pass(5_000);
    assert_eq!(world.raises(OUT), 1);
    world.start();
    assert_eq!(world.book().totals().paid.fen, 500);
}

#[test]
fn given_a_code_when_its_car_is_gone_or_nobody_would_hear_then_it_is_not_shown() {
    let mut world = held();
    let shown = |world: &World| {
        let is_heard = !world.park().queue().is_silent();
        let site = world.park().site();
        shown_at(site, world.book(), &lane_id(OUT), is_heard).unwrap_or_default()
    };
    assert_eq!(shown(&world)["number"], spot(&world).claim.number);
    world.simulator.faults_mut().outage = true;
    world.pass(30_000);
    assert_eq!(shown(&world), Value::Null, "WeChat is silent");
    world.simulator.faults_mut().outage = false;
    world.pass(30_000);
    assert!(shown(&world).is_object());
    world.disk.set_failing(true);
    world.read(IN, "粤B12345");
    assert_eq!(shown(&world), Value::Null, "nobody could take it down");
    world.disk.set_failing(false);
    world.pass(2 * MINUTE);
    assert!(shown(&world).is_object());
    world.read(OUT, "粤B54321");
    assert_eq!(shown(&world), Value::Null, "another car stands there");
}

#[test]
fn given_a_stopped_merchant_when_the_code_was_paid_then_it_counts_all_the_same() {
    let mut world = held();
    let stop = MoneyRecord::MerchantStopped {
        code: "NO_AUTH".into(),
        message: "no parking permission".into(),
    };
    let mut records: Vec<Record> = world.disk.records();
    records.push(Record::Money(stop));
    assert!(pay(&mut world));
    world.simulator.settings_mut().switches.permission = false;
    started_over(&mut world, records);
    world.pass(10_000);
    assert!(world.book().stop().is_some(), "it is still stopped");
    assert_eq!((open_spots(&world), world.raises(OUT)), (0, 1));
}

#[test]
fn given_an_order_that_others_closed_when_its_car_stands_there_then_the_next_one_waits() {
    let mut world = held();
    let number = spot(&world).claim.number;
    world.tell(seen(&number, Seen::Closed));
    world.pass(10_000);
    assert_eq!(open_spots(&world), 0, "no order after the other");
    world.pass(MINUTE);
    assert_ne!(spot(&world).claim.number, number);
}

#[test]
fn given_an_order_that_wechat_never_ends_when_its_time_is_over_then_it_is_given_up() {
    let mut world = World::with(|rules| {
        by_code(rules);
        rules.exit.held_at_most_ms = 2 * HOUR;
    });
    hold(&mut world);
    let faults = world.simulator.faults_mut();
    let lost = std::collections::VecDeque::from(vec![Fault::WrongSignature; 1_000]);
    faults.next_on.insert(Call::NativeQuery, lost);
    world.pass(16 * MINUTE);
    assert_eq!(given_up(&world), [GivenUp::RanOut]);
    world.simulator.faults_mut().next_on.clear();
    world.pass(10 * MINUTE);
    assert!(pay(&mut world));
    world.pass(5_000);
    assert_eq!(world.raises(OUT), 1);
    adds_up(&world, 500);
}

#[test]
fn given_a_driver_who_takes_his_time_when_his_code_is_looked_at_then_the_ledger_hardly_grows() {
    let mut world = World::with(|rules| {
        by_code(rules);
        rules.exit.held_at_most_ms = 2 * HOUR;
    });
    hold(&mut world);
    let bytes = |world: &World| -> usize {
        let stored = world.disk.stored();
        stored.iter().map(|record| record.payload.len()).sum()
    };
    let before = bytes(&world);
    world.pass(10 * MINUTE);
    let an_hour = 6 * (bytes(&world) - before);
    assert!(an_hour < 320_000, "{an_hour} bytes an hour");
    assert!(pay(&mut world));
    world.pass(MINUTE);
    // And yet everything can be decided again.
    let mut rerun = Rerun::new(world.park().ledger(), Span::default(), None);
    for (seq, stored) in (1..).zip(&world.disk.stored()) {
        rerun.take(seq, stored);
    }
    let report = rerun.end();
    let first = report.differences.first();
    assert_eq!((report.differing, report.not_run), (0, 0), "{first:#?}");
    assert_eq!(report.equal, report.steps);
}

#[test]
fn given_an_answer_that_names_no_merchant_when_its_number_is_ours_then_it_is_believed() {
    for (merchant, counts) in [(None, true), (Some("1900000000"), false)] {
        let mut world = held();
        let number = spot(&world).claim.number;
        let mut event = seen(&number, Seen::Paid);
        if let Event::SpotQueryAnswered { heard, .. } = &mut event
            && let Answer::Verified(seen) = &mut heard.answer
        {
            seen.mchid = merchant.map(str::to_owned);
        }
        world.tell(event);
        assert_eq!(world.raises(OUT), usize::from(counts), "{merchant:?}");
        assert_eq!(world.is_alarmed(AlarmKind::AnswerMismatch), !counts);
    }
}
