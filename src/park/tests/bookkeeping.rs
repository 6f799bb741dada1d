//! The books that another hand keeps agree with what the core did, and find what it never does.

use serde_json::Value;

use super::stories::on_disk;
use super::traffic::Traffic;
use super::world::World;
use crate::books::{self, Period, Report, Sum};
use crate::lane::time::Wall;
use crate::simulation::site::*;
use crate::store::record::Record as Stored;

const HEAD: u16 = 1;
const RULES: u16 = 2;
const CHECKPOINT: u16 = 3;
const CLOSED: u16 = 17;
const OPENED: u16 = 38;
const SENT: u16 = 39;
const SETTLED: u16 = 43;
const HANDED: u16 = 46;

fn check(records: &[Stored]) -> Report {
    books::check_records(Period::default(), numbered(records))
}

fn numbered(records: &[Stored]) -> impl Iterator<Item = (u64, Stored, bool)> {
    // The first state of all is in none of these.
    (1..)
        .zip(records.iter().cloned())
        .map(|(seq, record)| (seq, record, false))
}

#[test]
fn the_books_of_seeded_traffic_balance_also_half_way() {
    let (mut due, mut states) = (0, 0);
    for seed in 0..48 {
        let mut traffic = Traffic::new(seed);
        traffic.run();
        if traffic.world.has_given_up {
            continue;
        }
        let records = traffic.world.disk.stored();
        let report = check(&records);
        assert_eq!(report.violations, [], "seed {seed}");
        let totals = traffic.world.book().totals();
        assert_eq!(report.due.fen, totals.opened.fen, "seed {seed}");
        assert_eq!(report.settled.fen, totals.settled.fen, "seed {seed}");
        assert_eq!(report.withdrawn.fen, totals.withdrawn.fen, "seed {seed}");
        assert_eq!(report.collected.fen, totals.collected.fen, "seed {seed}");
        let staff = [
            report.collected,
            report.written_off,
            report.arrears,
            report.replaced,
        ];
        let staff: u64 = staff.iter().map(|sum| sum.fen).sum();
        assert_eq!(staff, totals.handed_to_staff.fen, "seed {seed}");
        assert_eq!(report.queued, Sum::default(), "seed {seed}");
        assert_eq!(report.parts_fen(), report.due.fen);
        let open = u64::try_from(traffic.world.park().site().cars_inside()).unwrap();
        assert_eq!(report.inside, open);
        due += report.due.count;
        states += records.iter().filter(|r| r.kind == CHECKPOINT).count();
        let heads = records.iter().enumerate().filter(|(_, r)| r.kind == HEAD);
        for (at, _) in heads.step_by(11) {
            let half = check(&records[..at]);
            assert_eq!(half.violations, [], "seed {seed}, {at} records");
            assert_eq!(half.parts_fen(), half.due.fen);
        }
    }
    assert!(due > 200 && states > 50, "{due} fees, {states} states");
}

#[test]
fn a_ledger_that_begins_with_a_whole_state_is_proven_from_there() {
    let mut begun = 0;
    for seed in 0..24 {
        let mut traffic = Traffic::new(seed);
        traffic.run();
        if traffic.world.has_given_up {
            continue;
        }
        let records = traffic.world.disk.stored();
        let states = records.windows(2).enumerate();
        let states = states.filter(|(_, two)| [two[0].kind, two[1].kind] == [RULES, CHECKPOINT]);
        for (at, _) in states.step_by(4) {
            let rest = numbered(&records).skip(at).enumerate();
            let rest = rest.map(|(n, (seq, record, _))| (seq, record, n < 3));
            let report = books::check_records(Period::default(), rest);
            assert_eq!(report.violations, [], "seed {seed}, {at}");
            begun += 1;
        }
    }
    assert!(begun > 20, "{begun}");
}

/// One car that pays, one that is let out as arrears.
fn two_fees() -> Vec<Stored> {
    let mut world = World::new();
    for plate in ["粤B10001", "粤B10002"] {
        world.read(IN, plate);
        world.pass(HOUR);
        world.read(OUT, plate);
        world.pass(10 * MINUTE);
    }
    world.pass(DAY);
    world.disk.stored()
}

fn place(records: &[Stored], kind: u16) -> usize {
    records
        .iter()
        .position(|record| record.kind == kind)
        .unwrap()
}

fn altered(stored: &Stored, change: impl FnOnce(&mut Value)) -> Stored {
    let mut payload: Value = serde_json::from_slice(&stored.payload).unwrap();
    change(&mut payload);
    Stored {
        payload: serde_json::to_vec(&payload).unwrap(),
        ..stored.clone()
    }
}

fn wrongs(records: &[Stored]) -> Vec<(u64, String)> {
    let violations = check(records).violations.into_iter();
    let named = violations.inspect(|v| assert!(v.session.is_some() || v.trade_no.is_some()));
    named.map(|v| (v.seq, v.wrong.code())).collect()
}

fn seq(at: usize) -> u64 {
    u64::try_from(at).unwrap() + 1
}

#[test]
fn every_planted_fault_is_found_at_its_record() {
    let records = two_fees();
    assert_eq!(wrongs(&records), []);
    let (opened, closed) = (place(&records, OPENED), place(&records, CLOSED));
    let (sent, settled) = (place(&records, SENT), place(&records, SETTLED));

    let mut fee = records.clone();
    fee[opened] = altered(&records[opened], |claim| {
        claim["claim"]["quote"]["fee_fen"] = 700.into();
    });
    let found = wrongs(&fee);
    for wrong in ["not_the_sum_of_its_lines", "not_by_tariff"] {
        assert!(found.contains(&(seq(opened), wrong.into())), "{found:?}");
    }
    assert!(
        found.contains(&(seq(sent), "other_amount_sent".into())),
        "{found:?}"
    );

    let mut consistent = records.clone();
    consistent[opened] = altered(&records[opened], |claim| {
        let quote = &mut claim["claim"]["quote"];
        quote["fee_fen"] = 700.into();
        quote["lines"][0]["units"] = 1.into();
        quote["lines"][0]["price_fen"] = 700.into();
        quote["lines"][0]["amount_fen"] = 700.into();
    });
    let found = wrongs(&consistent);
    assert!(
        found.contains(&(seq(opened), "not_by_tariff".into())),
        "{found:?}"
    );

    let mut missing = records.clone();
    missing.remove(opened);
    let found = wrongs(&missing);
    assert!(
        found.iter().any(|(_, wrong)| wrong == "charge_missing"),
        "{found:?}"
    );
    assert!(
        found.iter().any(|(_, wrong)| wrong == "no_such_charge"),
        "{found:?}"
    );

    let mut doubled = records.clone();
    doubled.insert(settled + 1, records[settled].clone());
    assert_eq!(
        wrongs(&doubled),
        [(seq(settled + 1), "settled_twice".into())]
    );

    let mut twice = records.clone();
    twice.insert(closed + 1, records[closed].clone());
    assert_eq!(wrongs(&twice), [(seq(closed + 1), "ended_twice".into())]);

    let mut second = records.clone();
    second.insert(
        opened + 1,
        altered(&records[opened], |claim| {
            let number = claim["claim"]["trade_no"]
                .as_str()
                .unwrap()
                .replacen("00", "01", 1);
            claim["claim"]["trade_no"] = number.into();
        }),
    );
    let found = wrongs(&second);
    assert!(
        found.contains(&(seq(opened + 1), "charged_twice".into())),
        "{found:?}"
    );

    let mut again = records.clone();
    again.insert(opened + 1, records[opened].clone());
    assert_eq!(wrongs(&again), [(seq(opened + 1), "number_twice".into())]);

    let mut handed = records.clone();
    handed.insert(
        sent + 1,
        Stored {
            kind: HANDED,
            ..altered(&records[sent], |fact| {
                let trade_no = fact["trade_no"].clone();
                *fact = serde_json::json!({
                    "fact": "charge_handed_to_staff", "trade_no": trade_no, "reason": "unsettled"
                });
            })
        },
    );
    let found = wrongs(&handed);
    assert!(
        found.contains(&(seq(sent + 1), "while_we_chat_may_take_it".into())),
        "{found:?}"
    );

    let mut other_fee = records.clone();
    other_fee[closed] = altered(&records[closed], |fact| fact["fee_fen"] = 600.into());
    assert_eq!(
        wrongs(&other_fee),
        [(seq(closed), "ended_with_other_fee".into())]
    );
}

#[test]
fn a_sum_of_the_core_that_its_records_do_not_give_is_found() {
    for seed in 0..40 {
        let mut traffic = Traffic::new(seed);
        traffic.run();
        let mut records = traffic.world.disk.stored();
        let Some(at) = records.iter().rposition(|record| record.kind == CHECKPOINT) else {
            continue;
        };
        records[at] = altered(&records[at], |state| {
            let rest = match state["rest"].is_null() {
                true => state,
                false => &mut state["rest"],
            };
            let opened = &mut rest["book"]["totals"]["opened"]["fen"];
            *opened = (opened.as_u64().unwrap() + 1).into();
        });
        let violations = check(&records).violations;
        assert!(violations.iter().any(|v| v.seq == seq(at)), "seed {seed}");
        return;
    }
    panic!("no seed with a checkpoint");
}

#[test]
fn a_period_counts_what_became_due_in_it_and_a_folder_is_read() {
    let mut traffic = Traffic::new(1);
    traffic.run();
    let ledger = traffic.world.park().ledger();
    let folder = on_disk(&traffic.world.disk.stored(), ledger.0);
    let check = |period| books::check(folder.path(), period, |_, _| {}).unwrap();
    let whole = check(Period::default());
    assert_eq!(whole.violations, []);
    let middle = Some(Wall(BEGINNING.0 + i64::try_from(HOUR).unwrap()));
    let before = check(Period {
        since: None,
        until: middle,
    });
    let after = check(Period {
        since: middle,
        until: None,
    });
    assert!(before.due.count > 0 && after.due.count > 0);
    assert_eq!(before.due.fen + after.due.fen, whole.due.fen);
    assert_eq!(before.due.count + after.due.count, whole.due.count);
    let ended = |report: &Report| report.ended.values().sum::<u64>();
    assert_eq!(ended(&before) + ended(&after), ended(&whole));
    let totals = traffic.world.book().totals();
    assert_eq!(whole.due.fen, totals.opened.fen);
}
