//! Quotes per second, on one core: `cargo bench --bench tariff`.

use std::hint::black_box;
use std::process::ExitCode;
use std::time::{Duration, Instant};

use parkgate::lane::tariff::{Stay, Tariff, Visit};
use parkgate::lane::time::Wall;

const HOUR_MS: u64 = 3_600_000;
const DAY_MS: u64 = 24 * HOUR_MS;

const SIMPLE: &str = include_str!("../firmware-config/tariffs/station-garage.toml");
const ZONES: &str = include_str!("../firmware-config/tariffs/inner-lot.toml");
const HOLIDAYS: &str =
    include_str!("../firmware-config/tariffs/template-weekends-and-holidays.toml");

/// Twelve bands of two hours, each with a block and a cap, on working days; three for other days.
fn many_bands() -> String {
    let calendar = HOLIDAYS
        .split_once("[[calendar]]")
        .map_or("", |(_, rest)| rest);
    let calendar = calendar.split("[[example]]").next().unwrap_or("");
    let mut text = String::from(
        "name = \"many\"\nversion = \"1\"\nfree = \"15m\"\ncap = { fen = 9000 }\nthen = { every = \"1h\", fen = 300 }\n",
    );
    for from in (0..24).step_by(2) {
        text.push_str(&format!(
            "[[band]]\nname = \"b{from}\"\ndays = [\"workday\"]\nfrom = \"{from:02}:00\"\nto = \"{:02}:00\"\nfirst = {{ for = \"1h\", every = \"15m\", fen = 100 }}\nthen = {{ every = \"30m\", fen = 150 }}\ncap_fen = 500\n",
            from + 2
        ));
    }
    text.push_str("[[band]]\nname = \"holiday\"\ndays = [\"holiday\"]\nper_visit_fen = 1500\n");
    text.push_str("[[calendar]]");
    text.push_str(calendar);
    text
}

fn main() -> ExitCode {
    let many = many_bands();
    for (name, text) in [("simple", SIMPLE), ("many bands", &many), ("zones", ZONES)] {
        let tariff = match Tariff::from_toml(text, name) {
            Ok(tariff) => tariff,
            Err(faults) => {
                eprintln!("{faults}");
                return ExitCode::FAILURE;
            }
        };
        for (what, duration_ms) in [
            ("3 h 15 min", 3 * HOUR_MS + HOUR_MS / 4),
            ("3 days", 3 * DAY_MS + HOUR_MS),
            ("1 year", 365 * DAY_MS + HOUR_MS),
            ("2 years", 730 * DAY_MS + HOUR_MS),
            ("10 years", 3653 * DAY_MS + HOUR_MS),
        ] {
            let visits = match name {
                "zones" => visits(duration_ms),
                _ => Vec::new(),
            };
            measure(&tariff, name, what, duration_ms, &visits);
        }
    }
    ExitCode::SUCCESS
}

/// One time in the tower a day, at most as many as a stay may have.
fn visits(duration_ms: u64) -> Vec<Visit> {
    const MOST: u64 = 64;
    let days = (duration_ms / DAY_MS).clamp(1, MOST);
    let visits = (0..days).map(|day| Visit {
        zone: "tower".to_owned(),
        from_ms: day * DAY_MS + HOUR_MS,
        to_ms: Some(day * DAY_MS + 3 * HOUR_MS),
    });
    visits.collect()
}

#[expect(
    clippy::disallowed_methods,
    reason = "clock.rs tells milliseconds; a quote takes nanoseconds"
)]
fn measure(tariff: &Tariff, name: &str, what: &str, duration_ms: u64, visits: &[Visit]) {
    const FOR: Duration = Duration::from_secs(1);
    let began = Instant::now();
    let mut quotes = 0_u64;
    let mut lines = 0;
    while began.elapsed() < FOR {
        for _ in 0..16 {
            let stay = Stay {
                // Each from another minute.
                entry: Wall(1_772_413_200_000).plus_ms(i64::try_from(quotes * 60_000).unwrap_or(0)),
                duration_ms,
                visits: visits.to_vec(),
                ..Stay::default()
            };
            lines = black_box(tariff.quote(black_box(&stay))).lines.len();
            quotes += 1;
        }
    }
    let nanos = began.elapsed().as_nanos() / u128::from(quotes);
    let per_second = 1_000_000_000 / nanos.max(1);
    println!("{name}, {what}: {per_second} quotes/s, {nanos} ns each, {lines} lines");
}
