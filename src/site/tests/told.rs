use proptest::prelude::*;

use serde_json::Value;

use super::super::cloud_event::Events;
use super::super::told::{Next, Told};
use super::super::topic::Topics;
use super::*;

/// Tells everything, and says what.
fn tell_all(told: &mut Told, now: &Announcement) -> Vec<String> {
    let mut said = Vec::new();
    while let Some(next) = told.next(now) {
        said.push(match &next {
            Next::State(state) => format!("state {}", state["cars_inside"]),
            Next::Raised(alarm) => format!("+{} {}", alarm.subject, alarm.text),
            Next::Cleared(alarm) => format!("-{}", alarm.subject),
            Next::Forgotten(id) => format!("forget {id}"),
            Next::Code(lane, code) => format!("code {lane} {}", code["pay"]["number"]),
        });
        told.took(next);
        assert!(said.len() < 100, "{said:?}");
    }
    said
}

#[test]
fn what_is_raised_is_told_once_and_its_end_is_told_and_forgotten() {
    let mut told = Told::default();
    let raised = announcement(1, &[alarm("a", "x")]);
    assert_eq!(tell_all(&mut told, &raised), ["state 1", "+a x"]);
    assert!(tell_all(&mut told, &raised).is_empty());
    let changed = announcement(1, &[alarm("a", "y"), alarm("b", "z")]);
    assert_eq!(tell_all(&mut told, &changed), ["+a y", "+b z"]);
    let over = announcement(1, &[alarm("b", "z")]);
    assert_eq!(tell_all(&mut told, &over), ["-a", "forget link_down/a"]);
}

#[test]
fn a_new_connection_is_told_everything_and_the_ends_it_missed() {
    let mut told = Told::default();
    tell_all(
        &mut told,
        &announcement(1, &[alarm("a", "x"), alarm("b", "x")]),
    );
    told.connected();
    let now = announcement(1, &[alarm("b", "x")]);
    let said = tell_all(&mut told, &now);
    assert_eq!(said, ["state 1", "+b x", "-a", "forget link_down/a"]);
}

#[test]
fn what_an_earlier_run_left_is_forgotten_unless_it_stands() {
    let mut told = Told::default();
    told.connected();
    let now = announcement(1, &[alarm("b", "x")]);
    told.found("link_down/a");
    told.found("link_down/b");
    let said = tell_all(&mut told, &now);
    assert_eq!(said, ["state 1", "+b x", "forget link_down/a"]);
}

#[test]
fn what_can_be_scanned_is_told_when_it_changes_and_taken_away_also_from_an_earlier_run() {
    let with = |code: Value| Announcement {
        codes: [("out-1".to_owned(), code)].into(),
        ..announcement(1, &[])
    };
    let mut told = Told::default();
    let nothing = with(Value::Null);
    assert_eq!(
        tell_all(&mut told, &nothing),
        ["state 1", "code out-1 null"]
    );
    let open = with(json!({ "pay": { "number": "N1" } }));
    assert_eq!(tell_all(&mut told, &open), ["code out-1 \"N1\""]);
    assert!(tell_all(&mut told, &open).is_empty());
    assert_eq!(tell_all(&mut told, &nothing), ["code out-1 null"]);
    told.connected();
    assert_eq!(
        tell_all(&mut told, &nothing),
        ["state 1", "code out-1 null"]
    );
    let topics = Topics::new("lab", "b1");
    let mut events = Events::new("x".to_owned(), 7);
    let message = Next::Code("out-1".into(), Value::Null).message(&topics, &mut events, "now");
    assert_eq!(message.topic, "parkgate/v1/lab/b1/lane/out-1/code");
    assert!(message.payload.is_empty() && message.retain);
}

#[test]
fn before_the_first_turn_there_is_nothing_to_tell() {
    assert_eq!(Told::default().next(&Announcement::default()), None);
}

proptest! {
    /// Whatever was raised, cleared, cut off and forgotten: in the end the broker holds what stands.
    #[test]
    fn the_broker_ends_with_what_stands(
        steps in prop::collection::vec((prop::collection::vec((0..5_u8, 0..3_u8), 0..4), 0..6_usize, any::<bool>()), 1..20)
    ) {
        let (mut told, mut held) = (Told::default(), std::collections::BTreeMap::new());
        held.insert("link_down/old".to_owned(), "from before".to_owned());
        let mut now = Announcement::default();
        for (alarms, taken, cut_off) in steps {
            let alarms: Vec<_> = alarms.iter().map(|(subject, text)| alarm(&subject.to_string(), &text.to_string())).collect();
            now = announcement(0, &alarms);
            if cut_off {
                told.connected();
                held.keys().for_each(|id| told.found(id));
            }
            for _ in 0..taken {
                let Some(next) = told.next(&now) else { break };
                apply(&mut held, &next);
                told.took(next);
            }
        }
        told.connected();
        held.keys().for_each(|id| told.found(id));
        while let Some(next) = told.next(&now) {
            apply(&mut held, &next);
            told.took(next);
        }
        let standing: Vec<_> = now.alarms.iter().map(|(id, alarm)| (id.clone(), alarm.text.clone())).collect();
        prop_assert_eq!(held.into_iter().collect::<Vec<_>>(), standing);
    }
}

fn apply(held: &mut std::collections::BTreeMap<String, String>, next: &Next) {
    match next {
        Next::Raised(alarm) => {
            held.insert(alarm.id.clone(), alarm.text.clone());
        }
        Next::Forgotten(id) => {
            held.remove(id);
        }
        Next::State(_) | Next::Cleared(_) | Next::Code(..) => {}
    }
}
