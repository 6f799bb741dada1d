//! `docs/record-kinds.md` says what is on disk.

use std::collections::BTreeMap;

use serde_json::Value;

use super::traffic::Traffic;
use super::{noticed, spots};
use crate::park::disk::kind_name;
use crate::store::record::Class;

const TABLE: &str = include_str!("../../../docs/record-kinds.md");

/// Only a ledger that may have lost a commit leads to it, and the one in memory never does.
const NUMBERS_SKIPPED: u16 = 25;
/// Nothing in the traffic leads to it, but age and people's requests (`retention/`).
const PAYLOADS_ERASED: u16 = 6;
/// What is handed in for a stay, money in store and zones have tests of their own (`benefits.rs`,
/// `zones.rs`).
const BENEFITS: std::ops::RangeInclusive<u16> = 68..=71;

/// By number: class and name.
fn documented() -> BTreeMap<u16, (String, String)> {
    let rows = TABLE.lines().filter_map(|line| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let number = cells.get(1)?.parse().ok()?;
        Some((number, (cells[2].to_owned(), cells[3].to_owned())))
    });
    rows.collect()
}

#[test]
fn every_kind_on_disk_is_in_the_table_and_every_number_once() {
    let table = documented();
    let rows = TABLE.lines().filter(|line| {
        let number = line.split('|').nth(1).map(str::trim);
        number.is_some_and(|number| number.parse::<u16>().is_ok())
    });
    assert_eq!(rows.count(), table.len());
    let numbers: Vec<u16> = table.keys().copied().collect();
    let expected: Vec<u16> = (1..=6)
        .chain(16..=31)
        .chain(32..=64)
        .chain(BENEFITS)
        .chain(72..=75)
        .collect();
    assert_eq!(numbers, expected);

    for (number, (class, name)) in &table {
        let class = match class.as_str() {
            "session" => Class::Session,
            "money" => Class::Money,
            _ => Class::Event,
        };
        assert_eq!(kind_name(class, *number), Some(name.as_str()));
    }
    assert_eq!(kind_name(Class::Money, 16), None, "a session's kind");

    let mut seen = BTreeMap::new();
    let driven = (0..40).map(|seed| {
        let mut traffic = Traffic::new(seed);
        traffic.run();
        traffic.world.disk.stored()
    });
    // What WeChat tells by itself no traffic leads to.
    let told = std::iter::once_with(|| noticed::with_every_kind().disk.stored());
    // Nor does anybody pay by code in it.
    let by_code = std::iter::once_with(|| spots::with_every_kind().disk.stored());
    for stored in driven.chain(told).chain(by_code) {
        for record in stored {
            let payload: Value = serde_json::from_slice(&record.payload).unwrap();
            let (class, name) = &table[&record.kind];
            if let Some(fact) = payload["fact"].as_str() {
                assert_eq!(fact, name, "{}", record.kind);
            }
            match class.as_str() {
                "session" => assert_eq!(record.class, Class::Session),
                "money" => assert_eq!(record.class, Class::Money),
                "event" => assert_eq!(record.class, Class::Event),
                "reading" => assert_eq!(record.class, Class::Reading),
                _ => assert_eq!(record.kind, 1),
            }
            *seen.entry(record.kind).or_insert(0) += 1;
        }
    }
    let unseen: Vec<u16> = expected
        .into_iter()
        .filter(|number| !seen.contains_key(number))
        .filter(|number| ![NUMBERS_SKIPPED, PAYLOADS_ERASED].contains(number))
        .filter(|number| !BENEFITS.contains(number))
        .collect();
    assert_eq!(unseen, [0; 0], "the seeded traffic leads to every kind");
}
