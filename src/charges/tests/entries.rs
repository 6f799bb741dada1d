//! Entries: sent, repeated, renumbered, one at a time for a plate.

use super::material::*;
use crate::charges::call::{Call, Out, Request};
use crate::charges::entry::{EntryEnd, EntryState};
use crate::charges::record::MoneyRecord;
use crate::lane::number::{LedgerId, SessionId};
use crate::lane::plate::PlateColor;
use crate::lane::session::{LaneId, Session};

#[test]
fn given_an_entry_that_was_on_its_way_when_the_repeat_is_refused_after_a_restart_then_it_is_renumbered()
 {
    let (mut queue, out) = resumed(&entry_sent()[..2]);
    assert!(matches!(
        out.records[..],
        [MoneyRecord::EntryUnknown { .. }]
    ));
    let out = turn(&mut queue, HOUR + 2_000);
    let [Call { request, .. }] = &out.calls[..] else {
        panic!("{out:?}");
    };
    let repeat = Request::NotifyEntry {
        session: session(),
        body: entry_sent_body(),
    };
    assert_eq!(*request, repeat);
    let mut out = Out::default();
    let heard = refused(400, "INVALID_REQUEST");
    queue.entry_answered(&session(), &heard, &at(HOUR + 3_000), &mut out);
    let entry = queue.book().entry(&session()).unwrap();
    assert_eq!((entry.attempt, &entry.state), (1, &EntryState::Pending));
    let out = turn(&mut queue, HOUR + 60_000);
    let Request::NotifyEntry { body, .. } = &out.calls[0].request else {
        panic!("{out:?}");
    };
    assert!(body.contains(&session().parking_no(1)));
    assert!(
        body.contains("2026-03-02T08:00:00+08:00"),
        "the start stays"
    );
}

#[test]
fn given_a_first_try_of_an_entry_when_it_is_refused_then_it_is_not_renumbered() {
    let (mut queue, _) = resumed(&entry_sent()[..1]);
    turn(&mut queue, HOUR + 2_000);
    let mut out = Out::default();
    let heard = refused(400, "PARAM_ERROR");
    queue.entry_answered(&session(), &heard, &at(HOUR + 3_000), &mut out);
    let ended = MoneyRecord::EntryEnded {
        session: session(),
        why: EntryEnd::Refused("PARAM_ERROR".into()),
    };
    assert_eq!(out.records, [ended]);
}

#[test]
fn given_an_entry_whose_repeats_are_always_refused_when_numbers_run_out_then_it_is_refused() {
    let (mut queue, _) = resumed(&entry_sent()[..2]);
    let mut ms = HOUR;
    for _ in 0..40 {
        ms += 60_000;
        let out = turn(&mut queue, ms);
        let mut answered = Out::default();
        for call in &out.calls {
            let Request::NotifyEntry { body, .. } = &call.request else {
                panic!("{call:?}");
            };
            // The first of each number is lost, the repeat refused.
            let is_repeat = queue.book().entry(&session()).unwrap().state == EntryState::Unknown;
            let heard = if is_repeat {
                refused(400, "INVALID_REQUEST")
            } else {
                lost()
            };
            assert!(body.len() < 1_000);
            queue.entry_answered(&session(), &heard, &at(ms + 1), &mut answered);
        }
    }
    let state = &queue.book().entry(&session()).unwrap().state;
    assert_eq!(*state, EntryState::Refused("INVALID_REQUEST".into()));
}

#[test]
fn given_two_stays_of_a_plate_when_the_first_call_is_still_under_way_then_the_second_waits_for_it()
{
    let (mut queue, _) = resumed(&entry_sent()[..1]);
    let mut out = turn(&mut queue, HOUR + 2_000);
    assert_eq!(out.calls.len(), 1);
    queue.abandon_entry(&session(), &mut out);
    let next = Session {
        id: SessionId::new(LedgerId(1), 2),
        plate: plate(),
        color: Some(PlateColor::Blue),
        lane: LaneId("in-1".into()),
        entered: at(HOUR + 3_000),
        doubts: Vec::new(),
    };
    queue.open_entry(&next, at(HOUR + 3_000).now, &mut out);
    assert_eq!(turn(&mut queue, HOUR + 3_000).calls, []);
    queue.entry_answered(&session(), &lost(), &at(HOUR + 12_000), &mut out);
    assert_eq!(turn(&mut queue, HOUR + 13_000).calls.len(), 1);
}
