//! The ready tariffs of `firmware-config/tariffs`: each is read and prices its examples, and the published
//! examples are asserted here too, so that a file cannot quietly say something else.

use std::path::{Path, PathBuf};

use super::super::*;
use crate::lane::plate::PlateNumber;
use crate::lane::tariff::Stay;
use crate::lane::time::Wall;

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("firmware-config/tariffs")
}

fn load(name: &str) -> TariffFile {
    let file = folder().join(format!("{name}.toml"));
    TariffFile::load(&file).unwrap_or_else(|faults| panic!("{faults}"))
}

fn stay(entry: &str, exit: &str) -> Stay {
    let wall = |text: &str| Wall::from_rfc3339(&format!("{text}:00+08:00")).unwrap();
    Stay {
        entry: wall(entry),
        duration_ms: u64::try_from(wall(exit).0 - wall(entry).0).unwrap(),
        ..Stay::default()
    }
}

fn fee_fen(name: &str, entry: &str, exit: &str) -> u64 {
    load(name).tariff.quote(&stay(entry, exit)).fee_fen
}

#[test]
fn each_ready_tariff_prices_its_examples() {
    let mut files = 0;
    for entry in std::fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|ending| ending != "toml") {
            continue;
        }
        files += 1;
        let file = TariffFile::load(&path).unwrap_or_else(|faults| panic!("{faults}"));
        assert!(file.examples.len() >= 2, "{}", path.display());
        let quotes = Example::quotes(&file.examples, &file.tariff);
        for (example, quote) in file.examples.iter().zip(quotes) {
            assert_eq!(
                quote.fee_fen,
                example.fee_fen,
                "{}: {}:\n{}",
                path.display(),
                example.name,
                quote.display(example.stay.entry)
            );
        }
    }
    assert!(files >= 10, "{files}");
}

/// Shantou station garage, yzzsnet.com/news/179043.html.
#[test]
fn t1_three_hours_in_a_station_garage() {
    let fee = fee_fen("station-garage", "2026-03-02T08:10", "2026-03-02T11:25");
    assert_eq!(fee, 1600);
}

/// As T1.
#[test]
fn t2_beyond_24_hours_the_excess_is_counted_anew() {
    let fee = fee_fen("station-garage", "2026-03-02T09:00", "2026-03-03T12:20");
    assert_eq!(fee, 4400);
}

/// Anshan, municipal notice of 2024-05-29, reposted.
#[test]
fn t3_day_and_night_have_their_units() {
    let fee = fee_fen("day-and-night", "2026-05-10T17:40", "2026-05-10T21:10");
    assert_eq!(fee, 450);
}

/// Shenyang Olympic centre, m.qebk.com.
#[test]
fn t4_the_day_has_a_cap_and_the_night_is_a_visit() {
    let fee = fee_fen(
        "day-cap-night-visit",
        "2026-04-06T07:30",
        "2026-04-06T20:15",
    );
    assert_eq!(fee, 2000);
}

/// zuomama.com/news/jiaodian/274680.html.
#[test]
fn t5_new_energy_cars_have_a_table_of_their_own() {
    let tariff = load("by-vehicle-class").tariff;
    let fuel = stay("2026-04-07T10:00", "2026-04-07T15:20");
    let new_energy = Stay {
        plate: Some(PlateNumber::parse("粤BD12345").unwrap().plate),
        ..fuel.clone()
    };
    assert_eq!(tariff.quote(&new_energy).fee_fen, 450);
    assert_eq!(tariff.quote(&fuel).fee_fen, 900);
}

/// autoweekly.com.cn/chanjing/202305/20156.html.
#[test]
fn t6_a_short_tail_is_not_counted() {
    let entry = "2026-02-10T09:00";
    assert_eq!(fee_fen("coach-station", entry, "2026-02-10T12:14"), 500);
    assert_eq!(fee_fen("coach-station", entry, "2026-02-10T12:16"), 600);
}

/// Minhang, Shanghai, m.114262.cn/ss/2021/1222/20945.html.
#[test]
fn t7_a_table_by_duration() {
    let fee = fee_fen(
        "residential-visitors",
        "2026-06-01T20:00",
        "2026-06-02T09:30",
    );
    assert_eq!(fee, 1000);
}

/// A vendor's manual, m.radition.cn/news_32/118.html.
#[test]
fn t8_several_visits_share_a_cap() {
    let tariff = load("shared-cap").tariff;
    let first = stay("2026-06-10T08:00", "2026-06-10T14:30");
    let second = Stay {
        tally: tariff.tally(&first),
        ..stay("2026-06-10T18:00", "2026-06-10T20:00")
    };
    assert_eq!(tariff.quote(&first).fee_fen, 1000);
    assert_eq!(tariff.quote(&second).fee_fen, 0);
}
