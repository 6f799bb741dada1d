//! The edges of the simple forms, and what they look like in print and in the ledger.

use super::*;

#[test]
fn shantou_station_garage() {
    let tariff = of(Prices {
        price: price(
            Some(first_block(2 * HOUR_S, HOUR_S, 500)),
            steps(HOUR_S, 300),
        ),
        cap_fen: Some(2800),
        ..free_for(30 * MINUTE_S)
    });
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

#[test]
fn the_edges_of_free_time() {
    let tariff = of(hourly(free_for(30 * MINUTE_S)));
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
    let tariff = of(Prices {
        free_counts_once_exceeded: false,
        ..hourly(free_for(30 * MINUTE_S))
    });
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
    let tariff = of(Prices {
        free_counts_once_exceeded: false,
        ..hourly(free_for(DAY_S))
    });
    assert_eq!(fee(&tariff, DAY_S), 0);
    assert_eq!(fee(&tariff, DAY_S + 1), 500);
}

#[test]
fn nothing_is_free() {
    let tariff = of(hourly(free_for(0)));
    assert_eq!(fee(&tariff, 0), 0);
    assert!(tariff.quote(&stay(0)).lines.is_empty());
    assert_eq!(fee(&tariff, 1), 500);
    assert_eq!(fee(&tariff, HOUR_S), 500);
    assert_eq!(fee(&tariff, HOUR_S + 1), 1000);
}

#[test]
fn a_day_to_the_second() {
    let tariff = of(Prices {
        price: price(Some(first_block(HOUR_S, HOUR_S, 500)), steps(HOUR_S, 100)),
        cap_fen: Some(2000),
        ..free_for(0)
    });
    assert_eq!(fee(&tariff, DAY_S - 1), 2000);
    assert_eq!(fee(&tariff, DAY_S), 2000);
    assert_eq!(fee(&tariff, DAY_S + 1), 2500);
    assert_eq!(fee(&tariff, 2 * DAY_S), 4000);
    assert_eq!(fee(&tariff, 2 * DAY_S + 1), 4500);
}

#[test]
fn the_cap_bites_from_the_first_fen_above_it() {
    let capped = |cap_fen| {
        of(Prices {
            cap_fen: Some(cap_fen),
            ..hourly(free_for(0))
        })
    };
    assert_eq!(capped(1000).quote(&stay(2 * HOUR_S)).lines.len(), 1);
    let quote = capped(999).quote(&stay(2 * HOUR_S));
    assert_eq!(quote.fee_fen, 999);
    assert_eq!(quote.lines[1].amount_fen, -1);
}

#[test]
fn after_a_day_it_starts_anew_even_if_the_unit_does_not_divide_it() {
    let tariff = of(Prices {
        price: price(None, steps(7 * HOUR_S, 500)),
        ..free_for(0)
    });
    assert_eq!(fee(&tariff, DAY_S), 4 * 500);
    assert_eq!(fee(&tariff, DAY_S + 7 * HOUR_S), 5 * 500);
}

#[test]
fn years_are_a_few_lines() {
    let tariff = of(Prices {
        cap_fen: Some(2800),
        ..hourly(free_for(30 * MINUTE_S))
    });
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
        ..Stay::default()
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
    let tariff = of(Prices {
        price: price(None, steps(1, u64::MAX)),
        ..free_for(0)
    });
    let fee_fen = fee(&tariff, 10 * DAY_S);
    assert_eq!(fee_fen, u64::try_from(i64::MAX).unwrap());
}

#[test]
fn a_quote_survives_the_ledger() {
    let quote = of(hourly(free_for(0))).quote(&stay(HOUR_S + 1));
    let json = serde_json::to_string(&quote).unwrap();
    assert_eq!(
        json,
        r#"{"fee_fen":1000,"lines":[{"what":"steps","from_ms":0,"to_ms":3601000,"units":2,"price_fen":500,"amount_fen":1000}]}"#
    );
    assert_eq!(serde_json::from_str::<Quote>(&json).unwrap(), quote);
}

#[test]
fn the_first_form_of_a_price_list_is_read_from_the_ledger_and_written_as_it_was() {
    for written in [
        r#"{"name":"t","version":"1","free_s":1800,"free_counts_once_exceeded":true,"first":{"for_s":3600,"every_s":3600,"fen":500},"then":{"every_s":3600,"fen":100},"cap_fen":2000}"#,
        r#"{"name":"t","version":"1","free_s":0,"free_counts_once_exceeded":false,"first":null,"then":{"every_s":3600,"fen":500},"cap_fen":null}"#,
    ] {
        let tariff: Tariff = serde_json::from_str(written).unwrap();
        assert_eq!(serde_json::to_string(&tariff).unwrap(), written);
    }
}
