//! Records with one wrong field, at replay: read, or left out with a reason; never a panic, and the lanes
//! go on over whatever was taken up.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::lane::number::LedgerId;
use crate::lane::time::Now;
use crate::park::Park;
use crate::park::event::Event;
use crate::park::record::Record;
use crate::simulation::site::{rules, started};
use crate::simulation::{self, World};
use crate::spoiled::{self, Spoiled};
use crate::store::record::Record as Stored;

#[test]
fn one_wrong_field_in_a_record_costs_that_record_at_most() {
    let world = busy();
    let (ledger, now) = (world.machine.park().ledger(), world.clock.now());
    let records = world.machine.disk.stored();
    let mut taken = 0;
    for (at, good) in one_of_each(&records) {
        let before = replayed(ledger, &records[..at]);
        let payload: Value = serde_json::from_slice(&good.payload).unwrap();
        for Spoiled { what, text } in spoiled::all(&payload) {
            let stored = Stored {
                payload: text,
                ..good.clone()
            };
            match Record::from_stored(&stored) {
                Ok(record) => {
                    taken += 1;
                    let mut park = before.clone();
                    park.replay(&record);
                    if matches!(record, Record::StepTaken(_)) {
                        continue; // it only says what the others came of
                    }
                    go_on(park, &records[at + 1..], now);
                }
                Err(error) => {
                    let said = crate::causes::told(&error);
                    assert!(said.chars().count() < 400, "{} {what}: {said}", good.kind);
                    assert!(!said.contains(char::is_control), "{what}: {said:?}");
                }
            }
        }
    }
    assert!(taken > 1_000, "{taken}");
}

/// A run in which much went wrong.
fn busy() -> World {
    simulation::ran(17)
}

/// The first record of each kind, and of steps one for each event.
fn one_of_each(records: &[Stored]) -> Vec<(usize, Stored)> {
    let mut first = BTreeMap::new();
    for (at, record) in records.iter().enumerate() {
        let payload: Value = serde_json::from_slice(&record.payload).unwrap();
        let event = payload["event"]["event"].as_str().unwrap_or_default();
        first
            .entry((record.kind, event.to_owned()))
            .or_insert_with(|| (at, record.clone()));
    }
    first.into_values().collect()
}

fn replayed(ledger: LedgerId, records: &[Stored]) -> Park {
    let mut park = Park::new(ledger, rules());
    for record in records {
        park.replay(&Record::from_stored(record).unwrap());
    }
    park
}

/// What came after it in the ledger, and the next start.
fn go_on(mut park: Park, after: &[Stored], now: Now) {
    for record in after.iter().take(5) {
        park.replay(&Record::from_stored(record).unwrap());
    }
    for event in [started(), Event::Tick] {
        park.decide(&event, now);
    }
    Record::Checkpoint(Box::new(park.snapshot())).to_stored();
}
