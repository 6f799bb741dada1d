//! Ready tariffs with bytes changed, cut and doubled: refused with faults that can be printed, or read, and then
//! they price. The same as `fuzz/fuzz_targets/tariff_file.rs`, with every run of the tests.

use proptest::prelude::*;

use super::super::*;
use crate::lane::tariff::Stay;
use crate::lane::time::Wall;

const SEEDS: [&str; 4] = [
    include_str!("../../../firmware-config/tariffs/day-cap-night-visit.toml"),
    include_str!("../../../firmware-config/tariffs/template-new-energy.toml"),
    include_str!("../../../firmware-config/tariffs/template-weekends-and-holidays.toml"),
    include_str!("../../../firmware-config/tariffs/residential-visitors.toml"),
];

/// What is done to the bytes at a place.
#[derive(Clone, Debug)]
enum Change {
    Set(u8),
    Remove(usize),
    Repeat(usize),
    /// Puts what stands elsewhere here.
    Copy(usize, usize),
}

fn changes() -> impl Strategy<Value = Vec<(usize, Change)>> {
    let byte = prop_oneof![
        any::<u8>(),
        prop::sample::select(b"\"[]{}=,:.-0159\n".to_vec())
    ];
    let change = prop_oneof![
        byte.prop_map(Change::Set),
        (1..20_usize).prop_map(Change::Remove),
        (1..40_usize).prop_map(Change::Repeat),
        (any::<usize>(), 1..40_usize).prop_map(|(from, length)| Change::Copy(from, length)),
    ];
    prop::collection::vec((any::<usize>(), change), 1..6)
}

fn changed(text: &str, changes: &[(usize, Change)]) -> String {
    let mut bytes = text.as_bytes().to_vec();
    for (place, change) in changes {
        let at = place % bytes.len().max(1);
        let end = |length: usize| (at + length).min(bytes.len());
        match change {
            Change::Set(byte) => {
                if let Some(place) = bytes.get_mut(at) {
                    *place = *byte;
                }
            }
            Change::Remove(length) => {
                let end = end(*length);
                bytes.drain(at..end);
            }
            Change::Repeat(length) => {
                let part = bytes[at..end(*length)].to_vec();
                bytes.splice(at..at, part);
            }
            Change::Copy(from, length) => {
                let from = from % bytes.len().max(1);
                let part = bytes[from..(from + length).min(bytes.len())].to_vec();
                bytes.splice(at..at, part);
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_tariff_is_refused_or_prices(
        seed in 0..SEEDS.len(),
        changes in changes(),
        stay_ms in 0..40 * 86_400_000_u64,
    ) {
        let text = changed(SEEDS[seed], &changes);
        match TariffFile::from_toml(&text, "tariff.toml") {
            Err(faults) => {
                for fault in faults.list() {
                    let line = fault.to_string();
                    prop_assert!(line.starts_with("tariff.toml:"), "{line}");
                    prop_assert!(!line.contains(char::is_control), "{line:?}");
                }
            }
            Ok(file) => {
                let quotes = Example::quotes(&file.examples, &file.tariff);
                prop_assert_eq!(quotes.len(), file.examples.len());
                let stay = Stay {
                    entry: Wall(1_772_413_200_000),
                    duration_ms: stay_ms,
                    ..Stay::default()
                };
                let quote = file.tariff.quote(&stay);
                let sum: i64 = quote.lines.iter().map(|line| line.amount_fen).sum();
                prop_assert_eq!(i64::try_from(quote.fee_fen), Ok(sum));
            }
        }
    }
}

/// As many as `PROPTEST_CASES` asks for; 500 else.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(500)
}
