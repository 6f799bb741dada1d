use proptest::prelude::*;

use super::*;

const MINUTE_S: u64 = 60;
const HOUR_S: u64 = 60 * MINUTE_S;

#[test]
fn shantou_station_garage() {
    let tariff = Tariff {
        first: Some(first_block(2 * HOUR_S, HOUR_S, 500)),
        then: Some(steps(HOUR_S, 300)),
        cap_fen: Some(2800),
        ..free_for(30 * MINUTE_S)
    };
    assert_eq!(fee(&tariff, 3 * HOUR_S + 15 * MINUTE_S), 1600);

    let quote = tariff.quote(&stay(27 * HOUR_S + 20 * MINUTE_S));
    assert_eq!(quote.fee_fen, 4400);
    assert_eq!(
        quote.display(entry()).to_string(),
        "09:00–11:00  2 × 5.00 yuan\n\
         11:00–2026-03-03 09:00  22 × 3.00 yuan\n\
         09:00–2026-03-03 09:00  at most 28.00 yuan per 24 h: −48.00 yuan\n\
         2026-03-03 09:00–2026-03-03 11:00  2 × 5.00 yuan\n\
         2026-03-03 11:00–2026-03-03 12:20  2 × 3.00 yuan\n\
         44.00 yuan"
    );
}

/// The rule drops a tail of up to 15 minutes, which is no part of these forms; without it, both of
/// its stays cost the started hour.
#[test]
fn coach_station_without_its_tail_rule() {
    let tariff = Tariff {
        first: Some(first_block(3 * HOUR_S, 3 * HOUR_S, 500)),
        then: Some(steps(HOUR_S, 100)),
        cap_fen: Some(2000),
        ..free_for(30 * MINUTE_S)
    };
    assert_eq!(fee(&tariff, 3 * HOUR_S), 500);
    assert_eq!(fee(&tariff, 3 * HOUR_S + 14 * MINUTE_S), 600);
    assert_eq!(fee(&tariff, 3 * HOUR_S + 16 * MINUTE_S), 600);
}

#[test]
fn capped_day_of_a_vendor_manual() {
    let tariff = Tariff {
        first: Some(first_block(HOUR_S, HOUR_S, 500)),
        then: Some(steps(HOUR_S, 100)),
        cap_fen: Some(1000),
        ..free_for(30 * MINUTE_S)
    };
    assert_eq!(fee(&tariff, 6 * HOUR_S + 30 * MINUTE_S), 1000);
    assert_eq!(fee(&tariff, 2 * HOUR_S), 600);
}

#[test]
fn the_edges_of_free_time() {
    let tariff = hourly(free_for(30 * MINUTE_S));
    assert_eq!(tariff.free_duration_s(), 1800);
    assert_eq!(fee(&tariff, 0), 0);
    assert_eq!(fee(&tariff, 30 * MINUTE_S), 0);
    assert_eq!(fee(&tariff, 30 * MINUTE_S + 1), 500);

    let part_of_a_second = Stay {
        duration_ms: 1_800_999,
        ..stay(0)
    };
    assert_eq!(tariff.quote(&part_of_a_second).fee_fen, 0);
    assert_eq!(
        tariff.quote(&part_of_a_second).display(entry()).to_string(),
        "09:00–09:30  free\n0.00 yuan"
    );
}

#[test]
fn free_minutes_that_do_not_count() {
    let tariff = Tariff {
        free_counts_once_exceeded: false,
        ..hourly(free_for(30 * MINUTE_S))
    };
    assert_eq!(fee(&tariff, 30 * MINUTE_S), 0);
    assert_eq!(fee(&tariff, 90 * MINUTE_S), 500);
    assert_eq!(fee(&tariff, 90 * MINUTE_S + 1), 1000);
    // 23 h 30 of the first day are charged, then a day without free time.
    assert_eq!(fee(&tariff, 24 * HOUR_S), 24 * 500);
    assert_eq!(fee(&tariff, 25 * HOUR_S), 25 * 500);
    assert_eq!(
        tariff.quote(&stay(2 * HOUR_S)).display(entry()).to_string(),
        "09:00–09:30  free\n09:30–11:00  2 × 5.00 yuan\n10.00 yuan"
    );
}

#[test]
fn a_whole_free_day_that_does_not_count() {
    let tariff = Tariff {
        free_counts_once_exceeded: false,
        ..hourly(free_for(DAY_S))
    };
    assert_eq!(fee(&tariff, DAY_S), 0);
    assert_eq!(fee(&tariff, DAY_S + 1), 500);
}

#[test]
fn nothing_is_free() {
    let tariff = hourly(free_for(0));
    assert_eq!(fee(&tariff, 0), 0);
    assert!(tariff.quote(&stay(0)).lines.is_empty());
    assert_eq!(fee(&tariff, 1), 500);
    assert_eq!(fee(&tariff, HOUR_S), 500);
    assert_eq!(fee(&tariff, HOUR_S + 1), 1000);
}

#[test]
fn a_day_to_the_second() {
    let tariff = Tariff {
        first: Some(first_block(HOUR_S, HOUR_S, 500)),
        cap_fen: Some(2000),
        then: Some(steps(HOUR_S, 100)),
        ..free_for(0)
    };
    assert_eq!(fee(&tariff, DAY_S - 1), 2000);
    assert_eq!(fee(&tariff, DAY_S), 2000);
    assert_eq!(fee(&tariff, DAY_S + 1), 2500);
    assert_eq!(fee(&tariff, 2 * DAY_S), 4000);
    assert_eq!(fee(&tariff, 2 * DAY_S + 1), 4500);
}

#[test]
fn the_cap_bites_from_the_first_fen_above_it() {
    let capped = |cap_fen| Tariff {
        cap_fen: Some(cap_fen),
        ..hourly(free_for(0))
    };
    assert_eq!(capped(1000).quote(&stay(2 * HOUR_S)).lines.len(), 1);
    let quote = capped(999).quote(&stay(2 * HOUR_S));
    assert_eq!(quote.fee_fen, 999);
    assert_eq!(quote.lines[1].amount_fen, -1);
}

#[test]
fn after_a_day_it_starts_anew_even_if_the_unit_does_not_divide_it() {
    let tariff = Tariff {
        then: Some(steps(7 * HOUR_S, 500)),
        ..free_for(0)
    };
    assert_eq!(fee(&tariff, DAY_S), 4 * 500);
    assert_eq!(fee(&tariff, DAY_S + 7 * HOUR_S), 5 * 500);
}

#[test]
fn years_are_a_few_lines() {
    let tariff = Tariff {
        cap_fen: Some(2800),
        ..hourly(free_for(30 * MINUTE_S))
    };
    let quote = tariff.quote(&stay(3653 * DAY_S + 90 * MINUTE_S));
    assert_eq!(quote.fee_fen, 3653 * 2800 + 1000);
    assert_eq!(
        quote.display(entry()).to_string(),
        "09:00–2026-03-03 09:00  24 × 5.00 yuan\n\
         09:00–2026-03-03 09:00  at most 28.00 yuan per 24 h: −92.00 yuan\n\
         2026-03-03 09:00–2036-03-02 09:00  3652 × 24 h × 28.00 yuan\n\
         2036-03-02 09:00–2036-03-02 10:30  2 × 5.00 yuan\n\
         102294.00 yuan"
    );
    let endless = Stay {
        duration_ms: u64::MAX,
        entry: Wall(i64::MAX),
        color: None,
    };
    assert_eq!(tariff.quote(&endless).fee_fen, 365_250 * 2800);
    assert!(
        !tariff
            .quote(&endless)
            .display(endless.entry)
            .to_string()
            .is_empty()
    );
}

#[test]
fn absurd_prices_saturate() {
    let tariff = Tariff {
        then: Some(steps(1, u64::MAX)),
        ..free_for(0)
    };
    let fee_fen = fee(&tariff, 10 * DAY_S);
    assert_eq!(fee_fen, u64::try_from(i64::MAX).unwrap());
}

#[test]
fn a_quote_survives_the_ledger() {
    let quote = hourly(free_for(0)).quote(&stay(HOUR_S + 1));
    let json = serde_json::to_string(&quote).unwrap();
    assert_eq!(
        json,
        r#"{"fee_fen":1000,"lines":[{"what":"steps","from_ms":0,"to_ms":3601000,"units":2,"price_fen":500,"amount_fen":1000}]}"#
    );
    assert_eq!(serde_json::from_str::<Quote>(&json).unwrap(), quote);
}

proptest! {
    #[test]
    fn the_fee_equals_that_of_a_minute_by_minute_count(
        tariff in tariffs(),
        stay_s in 0..10 * DAY_S,
    ) {
        prop_assert_eq!(fee(&tariff, stay_s), counted_by_the_minute(&tariff, stay_s));
    }

    #[test]
    fn a_longer_stay_never_costs_less(
        tariff in tariffs(),
        stay_ms in 0..20 * DAY_S * 1000,
        more_ms in prop_oneof![0..2000_u64, 0..2 * DAY_S * 1000, any::<u64>()],
    ) {
        let quote = |duration_ms| tariff.quote(&Stay { duration_ms, ..stay(0) }).fee_fen;
        prop_assert!(quote(stay_ms) <= quote(stay_ms.saturating_add(more_ms)));
    }

    #[test]
    fn the_cap_holds(tariff in tariffs(), stay_s in 0..40 * DAY_S) {
        if let Some(cap_fen) = tariff.cap_fen {
            prop_assert!(fee(&tariff, stay_s) <= stay_s.div_ceil(DAY_S) * cap_fen);
        }
    }

    #[test]
    fn the_lines_add_up_and_follow_one_another(tariff in tariffs(), stay_s in 0..40 * DAY_S) {
        let quote = tariff.quote(&stay(stay_s));
        let sum: i64 = quote.lines.iter().map(|line| line.amount_fen).sum();
        prop_assert_eq!(sum, i64::try_from(quote.fee_fen).unwrap());
        let mut covered_to = 0;
        for line in quote.lines.iter().filter(|line| line.what != What::Cap) {
            prop_assert_eq!(line.from_ms, covered_to);
            covered_to = line.to_ms;
        }
        prop_assert_eq!(covered_to, stay_s * 1000);
        prop_assert!(quote.lines.len() <= 8);
    }
}

/// The rules once more, slowly: walks through the stay minute by minute and adds the price of each
/// unit that begins in it. Knows whole minutes only in the tariff, seconds in the stay.
fn counted_by_the_minute(tariff: &Tariff, stay_s: u64) -> u64 {
    if stay_s <= tariff.free_s {
        return 0;
    }
    let (mut fee, mut day_fee) = (0, 0);
    let mut until_next_unit = 0;
    let mut minute_of_pricing = 0;
    let mut minute = 0;
    while minute * MINUTE_S < stay_s {
        if minute % (24 * 60) == 0 {
            fee += day_fee;
            (day_fee, until_next_unit, minute_of_pricing) = (0, 0, 0);
        }
        let is_free = !tariff.free_counts_once_exceeded && minute * MINUTE_S < tariff.free_s;
        if !is_free {
            let first = tariff
                .first
                .filter(|first| minute_of_pricing * MINUTE_S < first.for_s);
            if first.is_none()
                && tariff
                    .first
                    .is_some_and(|first| minute_of_pricing * MINUTE_S == first.for_s)
            {
                until_next_unit = 0;
            }
            if until_next_unit == 0 {
                let (every_s, fen) = match (first, tariff.then) {
                    (Some(first), _) => (first.every_s.get(), first.fen),
                    (None, Some(then)) => (then.every_s.get(), then.fen),
                    (None, None) => (MINUTE_S, 0),
                };
                day_fee += fen;
                until_next_unit = every_s / MINUTE_S;
            }
            until_next_unit -= 1;
            minute_of_pricing += 1;
            day_fee = day_fee.min(tariff.cap_fen.unwrap_or(u64::MAX));
        }
        minute += 1;
    }
    fee + day_fee
}

/// Any tariff of whole minutes, as the reader of tariff files would let through.
fn tariffs() -> impl Strategy<Value = Tariff> {
    let day_minutes = DAY_S / MINUTE_S;
    let first = (1..=12_u64, 1..=120_u64, 0..2000_u64).prop_map(|(units, every_minutes, fen)| {
        let every_s = every_minutes * MINUTE_S;
        first_block(units * every_s, every_s, fen)
    });
    let then = (1..=day_minutes, 0..2000_u64)
        .prop_map(|(every_minutes, fen)| steps(every_minutes * MINUTE_S, fen));
    (
        prop_oneof![Just(0), 1..=180_u64, Just(day_minutes)],
        any::<bool>(),
        prop::option::of(first),
        then,
        prop::option::of(2000..10_000_u64),
    )
        .prop_map(|(free_minutes, counts, first, then, cap_fen)| Tariff {
            free_counts_once_exceeded: counts,
            first,
            then: Some(then),
            cap_fen,
            ..free_for(free_minutes * MINUTE_S)
        })
}

fn hourly(tariff: Tariff) -> Tariff {
    Tariff {
        then: Some(steps(HOUR_S, 500)),
        ..tariff
    }
}

fn free_for(free_s: u64) -> Tariff {
    Tariff {
        name: "test".to_owned(),
        version: "1".to_owned(),
        free_s,
        free_counts_once_exceeded: true,
        first: None,
        then: None,
        cap_fen: None,
    }
}

fn first_block(for_s: u64, every_s: u64, fen: u64) -> FirstBlock {
    FirstBlock {
        for_s,
        every_s: NonZeroU64::new(every_s).unwrap(),
        fen,
    }
}

fn steps(every_s: u64, fen: u64) -> Steps {
    Steps {
        every_s: NonZeroU64::new(every_s).unwrap(),
        fen,
    }
}

fn fee(tariff: &Tariff, stay_s: u64) -> u64 {
    tariff.quote(&stay(stay_s)).fee_fen
}

fn stay(stay_s: u64) -> Stay {
    Stay {
        entry: entry(),
        duration_ms: stay_s * 1000,
        color: None,
    }
}

/// 2026-03-02T09:00:00+08:00.
fn entry() -> Wall {
    Wall(1_772_413_200_000)
}
