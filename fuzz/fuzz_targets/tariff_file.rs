//! A tariff file from anywhere: it is refused with faults that can be printed, or it prices stays, and the
//! lines of each fee add up to it.

#![no_main]

use libfuzzer_sys::fuzz_target;
use parkgate::config::{Example, TariffFile};
use parkgate::lane::tariff::{Stay, Visit};
use parkgate::lane::time::Wall;

const HOUR_MS: u64 = 3_600_000;

fuzz_target!(|text: &str| {
    let file = match TariffFile::from_toml(text, "tariff.toml") {
        Ok(file) => file,
        Err(faults) => {
            assert!(faults.to_string().starts_with("tariff.toml"));
            return;
        }
    };
    let quotes = Example::quotes(&file.examples, &file.tariff);
    assert_eq!(quotes.len(), file.examples.len());
    for hours in [0, 1, 12, 24, 25, 24 * 400] {
        let stay = Stay {
            entry: Wall(1_772_413_200_000),
            duration_ms: hours * HOUR_MS + 1_000,
            visits: visits(&file, hours),
            ..Stay::default()
        };
        let quote = file.tariff.quote(&stay);
        let sum: i64 = quote.lines.iter().map(|line| line.amount_fen).sum();
        assert_eq!(i64::try_from(quote.fee_fen), Ok(sum));
    }
});

/// A time in each zone, the last one without an end.
fn visits(file: &TariffFile, hours: u64) -> Vec<Visit> {
    let zones = &file.tariff.zones;
    let part_ms = hours * HOUR_MS / u64::try_from(zones.len().max(1)).unwrap_or(1);
    let visits = (0..).zip(zones).map(|(number, zone)| Visit {
        zone: zone.name.clone(),
        from_ms: number * part_ms + 7_000,
        to_ms: (number + 1 < zones.len() as u64).then_some((number + 1) * part_ms),
    });
    visits.collect()
}
