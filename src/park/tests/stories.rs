//! What the ledger on disk tells is what happened: seeded traffic, written to a real ledger, and asked
//! about as from the command line.

use std::collections::BTreeMap;
use std::path::Path;

use serde_json::Value;
use tempfile::TempDir;

use super::traffic::Traffic;
use crate::control::{Answer, Question};
use crate::lane::time::Wall;
use crate::store::ledger::made;
use crate::store::record::Record as Stored;
use crate::story::archive::Archive;
use crate::story::charge::{ChargeRow, Stage};
use crate::story::happening::{Story, What};
use crate::story::session::{SessionRow, Stay};
use crate::story::standing::Standing;
use crate::story::wanted::Wanted;

const HEAD: u16 = 1;
const RULES: u16 = 2;
const CHECKPOINT: u16 = 3;
const MIND: u16 = 5;

#[test]
fn the_ledger_tells_what_the_park_knows() {
    for seed in [0, 1, 4, 11] {
        let mut traffic = Traffic::new(seed);
        traffic.run();
        let folder = on_disk(
            &traffic.world.disk.stored(),
            traffic.world.turner.park().ledger().0,
        );
        let park = traffic.world.turner.park();
        let standing = Standing::read(folder.path()).unwrap();
        assert_eq!(standing.book, park.snapshot().book, "seed {seed}");
        // Which readings were handled is for the park alone.
        let (told, known) = (&standing.site, park.site());
        assert!(told.sessions().eq(known.sessions()), "seed {seed}");
        assert_eq!(told.raises, known.raises, "seed {seed}");
        assert_eq!(told.holds, known.holds, "seed {seed}");
        assert_eq!(told.reviews, known.reviews, "seed {seed}");
        assert_eq!(told.claimed, known.claimed, "seed {seed}");
        let archive = Archive::new(folder.path().to_owned());
        the_export_balances(&archive, &standing, seed);
        every_stay_and_charge_has_its_story(&archive, seed);
        ranges_add_up(&archive, seed);
    }
}

fn the_export_balances(archive: &Archive, standing: &Standing, seed: u64) {
    let rows = export(archive, None, None);
    let sum = |wanted: &[Stage]| {
        let rows = rows.iter().filter(|row| wanted.contains(&row.state));
        rows.map(|row| row.fee_fen).sum::<u64>()
    };
    let totals = standing.book.totals();
    let queued: u64 = standing.book.charges().map(|charge| charge.fee_fen()).sum();
    assert_eq!(sum(&Stage::ALL), totals.opened.fen, "seed {seed}");
    assert_eq!(sum(&[Stage::Settled]), totals.settled.fen, "seed {seed}");
    assert_eq!(
        sum(&[Stage::Withdrawn]),
        totals.withdrawn.fen,
        "seed {seed}"
    );
    assert_eq!(
        sum(&[Stage::Collected]),
        totals.collected.fen,
        "seed {seed}"
    );
    assert_eq!(
        sum(&[Stage::WrittenOff]),
        totals.written_off.fen,
        "seed {seed}"
    );
    let staff = [
        Stage::WithStaff,
        Stage::Collected,
        Stage::WrittenOff,
        Stage::Replaced,
    ];
    assert_eq!(sum(&staff), totals.handed_to_staff.fen, "seed {seed}");
    let open = [
        Stage::WaitingForEntry,
        Stage::Due,
        Stage::Sent,
        Stage::Unknown,
        Stage::Accepted,
    ];
    assert_eq!(sum(&open), queued, "seed {seed}");
}

fn every_stay_and_charge_has_its_story(archive: &Archive, seed: u64) {
    let charges = export(archive, None, None);
    let by_session: BTreeMap<&str, &ChargeRow> = charges
        .iter()
        .map(|charge| (charge.session.as_str(), charge))
        .collect();
    let sessions = sessions(archive, &everything());
    assert!(!sessions.is_empty());
    for session in sessions {
        let of = session.session.clone();
        let story = story(archive, &Question::Session { of });
        assert_eq!(story.session.as_ref(), Some(&session), "seed {seed}");
        let has = |what: What| {
            story
                .happenings
                .iter()
                .any(|happened| happened.what == what)
        };
        assert!(has(What::SessionOpened), "seed {seed}: {story:?}");
        assert!(story.happenings.is_sorted_by_key(|happening| happening.seq));
        assert_eq!(
            session.state == Stay::Over,
            has(What::SessionClosed),
            "seed {seed}"
        );
        let charge = by_session.get(session.session.as_str());
        assert_eq!(story.charge.as_ref(), charge.copied(), "seed {seed}");
        let Some(charge) = charge else { continue };
        assert_eq!(session.trade_no.as_deref(), Some(charge.trade_no.as_str()));
        let quote = story.quote.as_ref().unwrap();
        assert_eq!(quote.fee_fen, charge.fee_fen);
        assert!(has(What::ChargeOpened));
        assert_eq!(charge.state == Stage::Settled, has(What::ChargeSettled));
        let by_number = self::story(
            archive,
            &Question::Charge {
                of: charge.trade_no.clone(),
            },
        );
        assert_eq!(by_number, story);
        if let Some(order) = &charge.transaction_id {
            let of = order.clone();
            assert_eq!(self::story(archive, &Question::Session { of }), story);
        }
    }
}

/// Every charge lies in exactly one of two ranges, and the list agrees with the export.
fn ranges_add_up(archive: &Archive, seed: u64) {
    let all = export(archive, None, None);
    let Some(middle) = all.get(all.len() / 2).map(|row| row.opened) else {
        return;
    };
    let before = export(archive, None, Some(middle));
    let after = export(archive, Some(middle), None);
    let mut both: Vec<ChargeRow> = before.into_iter().chain(after).collect();
    both.sort_by(|a, b| a.trade_no.cmp(&b.trade_no));
    assert_eq!(both, all, "seed {seed}");
    let limited = Wanted {
        limit: 2,
        ..everything::<Stage>()
    };
    let Answer::Ok(answer) = archive.answer(&Question::Charges(limited)) else {
        panic!("no list");
    };
    let listed: Vec<ChargeRow> = serde_json::from_value(answer["charges"].clone()).unwrap();
    assert_eq!(listed.len(), all.len().min(2));
    assert_eq!(answer["left_off"], all.len() - listed.len());
    assert!(listed.is_sorted_by_key(|row| std::cmp::Reverse(row.opened)));
}

#[test]
fn what_is_not_there_is_said_and_what_needs_a_daemon_is_declined() {
    let mut traffic = Traffic::new(1);
    traffic.run();
    let folder = on_disk(&traffic.world.disk.stored(), 1);
    let archive = Archive::new(folder.path().to_owned());
    for (of, says) in [
        ("T00000000000000ZZZ00", "knows nothing"),
        ("京Z99999", "knows nothing"),
        ("nonsense", "neither"),
    ] {
        let Answer::Error(why) = archive.answer(&Question::Charge { of: of.into() }) else {
            panic!("{of}");
        };
        assert!(why.contains(says), "{why}");
    }
    for question in [Question::Devices, Question::Store] {
        assert!(matches!(archive.answer(&question), Answer::Error(_)));
    }
    let nowhere = Archive::new(folder.path().join("nowhere"));
    assert!(matches!(
        nowhere.answer(&Question::Status),
        Answer::Error(_)
    ));
}

fn everything<S>() -> Wanted<S> {
    Wanted {
        all: true,
        states: Vec::new(),
        plate: None,
        since: None,
        until: None,
        limit: usize::MAX,
    }
}

fn export(archive: &Archive, since: Option<Wall>, until: Option<Wall>) -> Vec<ChargeRow> {
    let answer = ok(archive, &Question::Export { since, until });
    let rows: Vec<Value> = answer["charges"].as_array().unwrap().clone();
    rows.into_iter()
        .map(|row| serde_json::from_value(row).unwrap())
        .collect()
}

fn sessions(archive: &Archive, wanted: &Wanted<Stay>) -> Vec<SessionRow> {
    let answer = ok(archive, &Question::Sessions(wanted.clone()));
    serde_json::from_value(answer["sessions"].clone()).unwrap()
}

fn story(archive: &Archive, question: &Question) -> Story {
    serde_json::from_value(ok(archive, question)).unwrap()
}

fn ok(archive: &Archive, question: &Question) -> Value {
    match archive.answer(question) {
        Answer::Ok(value) => value,
        other => panic!("{question:?}: {other:?}"),
    }
}

/// The records as a daemon commits them: a step at a time, and whole states as checkpoints.
pub fn on_disk(records: &[Stored], ledger: u64) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let mut ledger = made::ledger(folder.path(), ledger);
    let mut at = 0;
    while at < records.len() {
        let is_state = |at: usize| {
            let kinds = records.get(at..at + 2);
            kinds.map(|two| [two[0].kind, two[1].kind]) == Some([RULES, CHECKPOINT])
        };
        if is_state(at) {
            // Its parts, if it has some, are of version 2.
            let is_last = |record: &Stored| record.kind == MIND && record.version == 1;
            let end = at + 1 + records[at..].iter().position(is_last).unwrap();
            let mut parts = records[at..end].chunks(3).map(<[Stored]>::to_vec);
            ledger.checkpoint_in_parts(&mut parts).unwrap();
            at = end;
            continue;
        }
        let rest = at + 1..records.len();
        let end = rest
            .clone()
            .find(|at| records[*at].kind == HEAD || is_state(*at));
        let end = end.unwrap_or(records.len());
        ledger.commit(&records[at..end]).unwrap();
        at = end;
    }
    drop(ledger);
    assert!(Path::new(folder.path()).exists());
    folder
}
