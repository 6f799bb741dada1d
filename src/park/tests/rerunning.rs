//! What a ledger holds is enough to decide everything in it once more.

use super::stories::on_disk;
use super::traffic::Traffic;
use super::world::World;
use crate::lane::number::LedgerId;
use crate::lane::time::Wall;
use crate::park::record::{LaneRecord, Record};
use crate::park::rules::Rules;
use crate::rerun::{HoleWhy, Report, Rerun, Source, Span};
use crate::simulation::site::*;
use crate::store::record::{Class, Record as Stored};

fn run(seed: u64) -> Traffic {
    let mut traffic = Traffic::new(seed);
    traffic.run();
    traffic
}

fn again(ledger: LedgerId, records: &[Stored], change: Option<Rules>) -> Report {
    let mut rerun = Rerun::new(ledger, Span::default(), change);
    for (seq, stored) in (1..).zip(records) {
        rerun.take(seq, stored);
    }
    rerun.end()
}

/// Records that were given up for want of memory leave a gap that no number shows.
fn is_whole(traffic: &Traffic) -> bool {
    !traffic.world.has_given_up
}

#[test]
fn every_decision_of_seeded_traffic_is_the_same_again() {
    let (mut steps, mut quiet) = (0, 0);
    for seed in 0..40 {
        let traffic = run(seed);
        let records = traffic.world.disk.stored();
        let report = again(traffic.world.park().ledger(), &records, None);
        if is_whole(&traffic) {
            let first = report.differences.first();
            assert_eq!(report.differing, 0, "seed {seed}: {first:#?}");
        }
        assert_eq!((report.not_run, report.holes.len()), (0, 0), "seed {seed}");
        assert_eq!(report.equal, report.steps);
        assert_eq!(report.fees_now_fen, report.fees_recorded_fen);
        steps += report.steps;
        quiet += records.iter().filter(|r| r.kind == MEANWHILE).count();
    }
    assert!(steps > 5_000 && quiet > 500, "{steps} steps, {quiet} quiet");
}

const PLATE: &str = "粤B12345";
const RULES: u16 = 2;
const CHECKPOINT: u16 = 3;
const MEANWHILE: u16 = 4;

#[test]
fn a_rerun_may_begin_at_any_checkpoint() {
    let mut begun = 0;
    for seed in 0..24 {
        let traffic = run(seed);
        let records = traffic.world.disk.stored();
        let states = records.windows(2).enumerate();
        let states = states.filter(|(_, two)| [two[0].kind, two[1].kind] == [RULES, CHECKPOINT]);
        for (at, _) in states.step_by(5) {
            let rest = &records[at..];
            let report = again(traffic.world.park().ledger(), rest, None);
            let first = report.differences.first();
            if is_whole(&traffic) {
                assert_eq!(report.differing, 0, "seed {seed}, {at}: {first:#?}");
            }
            assert_eq!(report.not_run, 0, "seed {seed}, {at}: {:?}", report.holes);
            begun += 1;
        }
    }
    assert!(begun > 20, "{begun}");
}

#[test]
fn another_tariff_differs_in_its_fees_and_in_nothing_else() {
    let mut world = World::new();
    let plates = ["粤B10001", "粤B10002", "粤B10003"];
    for (plate, hours) in plates.iter().zip([1, 2, 5]) {
        world.read(IN, plate);
        world.pass(hours * HOUR - MINUTE);
        world.read(OUT, plate);
        world.pass(10 * MINUTE);
    }
    let mut dearer = world.rules.clone();
    let steps = dearer.tariff.prices.price.then.as_mut().unwrap();
    steps.fen = 600;
    let records = world.disk.stored();
    let report = again(world.park().ledger(), &records, Some(dearer));
    assert_eq!(report.fees_recorded_fen, 8 * 500);
    assert_eq!(report.fees_now_fen, 8 * 600);
    assert_eq!(report.differing, 3, "{:#?}", report.differences);
    for (difference, hours) in report.differences.iter().zip([1_u64, 2, 5]) {
        let opened = difference.changes.iter().find(|change| {
            change.fact == "charge_opened" && change.field.as_deref() == Some("claim.quote.fee_fen")
        });
        let opened = opened.expect("the fee differs");
        assert_eq!(opened.recorded, hours * 500);
        assert_eq!(opened.now, hours * 600);
        // The fee, its lines, and the body of the charge that is sent in the same step.
        for change in &difference.changes {
            let field = change.field.as_deref().unwrap_or_default();
            let is_money =
                field.contains("fen") || field.contains("lines") || field.contains("amount");
            assert!(is_money, "{change:?}");
        }
        assert_eq!(difference.follows, None);
    }
}

#[test]
fn other_rules_that_decide_alike_differ_in_nothing() {
    let traffic = run(3);
    let same = traffic.world.rules.clone();
    let records = traffic.world.disk.stored();
    let report = again(traffic.world.park().ledger(), &records, Some(same));
    assert_eq!(report.differing, 0, "{:#?}", report.differences.first());
    assert_eq!(report.equal, report.steps);
}

#[test]
fn a_decision_that_the_core_never_made_is_named() {
    let mut world = World::new();
    world.read(IN, PLATE);
    world.pass(2 * HOUR);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    let mut records = world.disk.stored();
    let raise = records
        .iter()
        .rposition(|record| record.kind == 18)
        .unwrap();
    let Ok(Record::Lane(LaneRecord::RaiseDecided {
        raise: number,
        lane,
        plate,
        session,
        at,
        ..
    })) = Record::from_stored(&records[raise])
    else {
        panic!("a raise");
    };
    let planted = LaneRecord::RaiseDecided {
        raise: number,
        lane,
        plate,
        session,
        reason: crate::lane::raise::RaiseReason::Free,
        at,
    };
    records[raise] = Record::Lane(planted).to_stored();
    let report = again(world.park().ledger(), &records, None);
    assert_eq!(report.differing, 1, "{:#?}", report.differences);
    let change = &report.differences[0].changes[0];
    assert_eq!(change.fact, "raise_decided");
    assert_eq!(change.field.as_deref(), Some("reason"));
    assert_eq!(change.recorded, "free");
    let head = (1..).zip(&records).take(raise + 1);
    let head = head
        .filter(|(_, record)| record.kind == 1)
        .last()
        .unwrap()
        .0;
    assert_eq!(report.differences[0].seq, head);
}

#[test]
fn what_is_erased_is_a_hole_and_the_run_goes_on_behind_it() {
    let mut world = World::new();
    world.read(IN, PLATE);
    world.pass(HOUR);
    world.read(OUT, PLATE);
    world.pass(MINUTE);
    world.start();
    world.pass(MINUTE);
    world.read(IN, PLATE);
    world.pass(MINUTE);
    let records = world.disk.stored();
    let ledger = world.park().ledger();
    let whole = again(ledger, &records, None);
    assert_eq!((whole.not_run, whole.differing), (0, 0), "{whole:#?}");
    let erased = |wanted: fn(&Stored) -> bool| {
        let at = records.iter().position(wanted).unwrap();
        let mut records = records.clone();
        records[at].payload.clear();
        let report = again(ledger, &records, None);
        assert_eq!(report.differing, 0, "{:#?}", report.differences);
        assert_eq!(report.holes.len(), 1, "{:?}", report.holes);
        assert_eq!(report.holes[0].seq, u64::try_from(at).unwrap() + 1);
        assert_eq!(report.holes[0].why, HoleWhy::Erased);
        assert_eq!(report.steps + report.not_run, whole.steps, "{report:?}");
        report
    };
    let reading = erased(|record| record.kind == 1 && record.class == Class::Reading);
    assert!(reading.steps > 4, "from the next start on: {reading:?}");
    // State is not whole again before a checkpoint, and there is none.
    let opened = erased(|record| record.kind == 16);
    assert_eq!(opened.steps, 1, "the start before it: {opened:?}");
    let mut rerun = Rerun::new(ledger, Span::default(), None);
    for (seq, stored) in (1..).zip(&records).filter(|(seq, _)| *seq != 7) {
        rerun.take(seq, stored);
    }
    let report = rerun.end();
    assert_eq!(
        report.holes.first().map(|hole| hole.why),
        Some(HoleWhy::Missing)
    );
}

#[test]
fn a_folder_is_run_again_as_a_whole_and_from_a_day_on() {
    let traffic = run(1);
    let ledger = traffic.world.park().ledger();
    let records = traffic.world.disk.stored();
    let folder = on_disk(&records, ledger.0);
    let source = Source::at(folder.path());
    let whole = source.rerun(Span::default(), None).unwrap();
    assert_eq!(whole, again(ledger, &records, None));
    let middle = Wall(BEGINNING.0 + i64::try_from(HOUR).unwrap());
    let before = Span {
        from: None,
        to: Some(middle),
    };
    let after = Span {
        from: Some(middle),
        to: None,
    };
    let before = source.rerun(before, None).unwrap();
    let after = source.rerun(after, None).unwrap();
    assert!(before.steps > 0 && after.steps > 0);
    assert_eq!(before.steps + after.steps, whole.steps);
    assert_eq!((before.differing, after.differing), (0, 0));
}

/// What led to nothing rides in the room that the padding of a step's block leaves.
#[test]
fn what_is_kept_for_a_rerun_costs_few_blocks() {
    const BLOCK: usize = 4096;
    let (mut plain, mut with, mut alone, mut quiet_bytes, mut bytes) = (0, 0, 0, 0, 0);
    for seed in 0..40 {
        let records = run(seed).world.disk.stored();
        let size = |record: &Stored| 44 + record.payload.len();
        let blocks = |bytes: usize| bytes.div_ceil(BLOCK);
        let (mut quiet, mut step) = (0, 0);
        let mut commit = |quiet: &mut usize, step: &mut usize| {
            if *step == 0 {
                alone += blocks(128 + *quiet) * usize::from(*quiet > 0);
            } else {
                plain += blocks(128 + *step);
                with += blocks(128 + *step + *quiet);
            }
            (*quiet, *step) = (0, 0);
        };
        let mut last = 0;
        for record in &records {
            // Whole states are another matter.
            if matches!(record.kind, 2 | 3 | 5) {
                continue;
            }
            bytes += size(record);
            let begins = record.kind == MEANWHILE || (record.kind == 1 && last != MEANWHILE);
            if begins {
                commit(&mut quiet, &mut step);
            }
            match record.kind {
                MEANWHILE => {
                    quiet_bytes += size(record);
                    quiet = size(record);
                }
                _ => step += size(record),
            }
            last = record.kind;
        }
        commit(&mut quiet, &mut step);
    }
    println!(
        "{plain} blocks, {with} with what was quiet, {alone} for it alone; {quiet_bytes} of {bytes} B"
    );
    assert!(
        (with - plain + alone) * 10 < plain,
        "{plain} {with} {alone}"
    );
}
