//! What is different between two decisions, field by field.

use std::collections::BTreeSet;

use serde::Serialize;
use serde_json::Value;

use crate::lane::number::LedgerId;
use crate::lane::time::Now;
use crate::park::event::Event;
use crate::park::record::Record;

/// One event of which something else is decided now.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Difference {
    /// Record of the step's head; of an event without a step, the record that tells of it.
    pub seq: u64,
    /// When it was decided, in Beijing time.
    pub at: String,
    pub at_trusted: bool,
    /// What happened.
    pub event: Value,
    pub changes: Vec<Change>,
    /// The first record from which a stay of this one was decided differently: this may be its
    /// consequence.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub follows: Option<u64>,
}

/// One fact that is only recorded, only decided now, or has another field.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Change {
    /// The fact's name in docs/record-kinds.md.
    pub fact: String,
    /// Which field; None: the whole fact.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub field: Option<String>,
    /// Null where it is not there.
    pub recorded: Value,
    /// Null where it is not there.
    pub now: Value,
}

impl Difference {
    pub(super) fn of(
        seq: u64,
        now: Now,
        event: &Event,
        recorded: &[Record],
        decided: &[Record],
    ) -> Self {
        Self {
            seq,
            at: now.wall.to_rfc3339(),
            at_trusted: now.trusted,
            event: serde_json::to_value(event).unwrap_or(Value::Null),
            changes: changes(recorded, decided),
            follows: None,
        }
    }

    /// Numbers of the stays that it is about.
    pub(super) fn stays(&self, ledger: LedgerId) -> BTreeSet<String> {
        const DIGITS: usize = 17;
        let prefix = ledger.to_string();
        let texts = self.changes.iter().flat_map(|change| {
            let sides = [&change.recorded, &change.now];
            sides.map(Value::to_string)
        });
        let texts = texts.chain([self.event.to_string()]);
        texts
            .flat_map(|text| {
                let found = text.match_indices(&prefix);
                let numbers = found.filter_map(|(at, _)| text.get(at..at + DIGITS));
                numbers.map(str::to_owned).collect::<Vec<_>>()
            })
            .collect()
    }
}

/// Facts of the same name are compared one with the other, in order.
fn changes(recorded: &[Record], decided: &[Record]) -> Vec<Change> {
    let mut left: Vec<(String, Value)> = decided.iter().filter_map(fact).collect();
    let mut changes = Vec::new();
    for (name, was) in recorded.iter().filter_map(fact) {
        let same = left.iter().position(|(other, _)| *other == name);
        match same.map(|at| left.remove(at)) {
            Some((_, now)) => compare(&name, "", &was, &now, &mut changes),
            None => changes.push(whole(name, was, Value::Null)),
        }
    }
    let only_now = left.into_iter();
    changes.extend(only_now.map(|(name, now)| whole(name, Value::Null, now)));
    changes
}

/// A record's name and fields. The head of a reading that was taken up within a step counts as one.
fn fact(record: &Record) -> Option<(String, Value)> {
    let stored = record.to_stored();
    let name = crate::park::disk::kind_name(stored.class, stored.kind)?;
    let mut fields: Value = serde_json::from_slice(&stored.payload).ok()?;
    if let Value::Object(fields) = &mut fields {
        fields.remove("fact");
    }
    Some((name.to_owned(), fields))
}

fn whole(fact: String, recorded: Value, now: Value) -> Change {
    Change {
        fact,
        field: None,
        recorded,
        now,
    }
}

fn compare(fact: &str, path: &str, was: &Value, now: &Value, changes: &mut Vec<Change>) {
    if was == now {
        return;
    }
    // A request's body is an object written as text.
    if let (Some(was), Some(now)) = (written_object(was), written_object(now)) {
        compare(fact, path, &was, &now, changes);
        return;
    }
    if let (Value::Object(was), Value::Object(now)) = (was, now) {
        let names: BTreeSet<&String> = was.keys().chain(now.keys()).collect();
        for name in names {
            let path = match path.is_empty() {
                true => name.clone(),
                false => format!("{path}.{name}"),
            };
            let side = |side: &serde_json::Map<String, Value>| {
                side.get(name).cloned().unwrap_or(Value::Null)
            };
            compare(fact, &path, &side(was), &side(now), changes);
        }
        return;
    }
    changes.push(Change {
        fact: fact.to_owned(),
        field: Some(path.to_owned()).filter(|path| !path.is_empty()),
        recorded: was.clone(),
        now: now.clone(),
    });
}

fn written_object(value: &Value) -> Option<Value> {
    let text = value.as_str().filter(|text| text.starts_with('{'))?;
    serde_json::from_slice(text.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::charges::record::MoneyRecord;

    fn sent(trade_no: &str, body: &str) -> Record {
        Record::Money(MoneyRecord::ChargeSent {
            trade_no: trade_no.into(),
            body: Some(body.into()),
        })
    }

    #[test]
    fn what_differs_is_named_down_to_the_field_of_a_body() {
        let was = [
            sent("T1", r#"{"amount":{"total":500},"x":1}"#),
            Record::Money(MoneyRecord::MerchantResumed),
        ];
        let now = [sent("T1", r#"{"amount":{"total":700},"x":1}"#)];
        let changes = changes(&was, &now);
        assert_eq!(changes.len(), 2, "{changes:?}");
        assert_eq!(changes[0].field.as_deref(), Some("body.amount.total"));
        assert_eq!(
            (&changes[0].recorded, &changes[0].now),
            (&500.into(), &700.into())
        );
        assert_eq!(changes[1].fact, "merchant_resumed");
        assert_eq!(changes[1].now, Value::Null);
    }
}
