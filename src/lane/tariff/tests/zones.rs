//! Zones within the car park.

use super::*;

/// 5 yuan an hour outside; 2 yuan an hour in the tower.
fn with_tower(change: impl FnOnce(&mut Zone)) -> Tariff {
    let mut tower = Zone {
        name: "tower".to_owned(),
        stops_clock: true,
        passing_s: 0,
        prices: Prices {
            price: price(None, steps(HOUR_S, 200)),
            ..Prices::default()
        },
        classes: Vec::new(),
    };
    change(&mut tower);
    Tariff {
        zones: vec![tower],
        ..of(hourly(free_for(0)))
    }
}

/// A stay from 09:00 for so many minutes, in the tower between two of them.
fn stay_with(minutes: u64, in_tower: &[(u64, u64)]) -> Stay {
    let visits = in_tower.iter().map(|(from, to)| Visit {
        zone: "tower".to_owned(),
        from_ms: from * 60_000,
        to_ms: Some(to * 60_000),
    });
    Stay {
        visits: visits.collect(),
        ..stay(minutes * MINUTE_S)
    }
}

fn fee_with(tariff: &Tariff, minutes: u64, in_tower: &[(u64, u64)]) -> u64 {
    let stay = stay_with(minutes, in_tower);
    let fee_fen = tariff.quote(&stay).fee_fen;
    assert_eq!(crate::books::slow::fee_fen(tariff, &stay, 0), Some(fee_fen));
    fee_fen
}

#[test]
fn time_in_a_zone_is_priced_there_and_stops_the_clock_outside() {
    let tariff = with_tower(|_| {});
    let stay = stay_with(300, &[(60, 240)]);
    assert_eq!(
        tariff.quote(&stay).display(entry()).to_string(),
        "09:00–14:00  2 × 5.00 yuan\n\
         10:00–13:00  in tower, not counted outside\n\
         10:00–13:00  tower, 3 × 2.00 yuan\n\
         16.00 yuan"
    );
    assert_eq!(fee_with(&tariff, 300, &[(60, 240)]), 1600);
    assert_eq!(fee_with(&tariff, 300, &[]), 2500, "never in the tower");
}

#[test]
fn the_clock_outside_goes_on_where_the_table_says_so() {
    let tariff = with_tower(|tower| tower.stops_clock = false);
    assert_eq!(fee_with(&tariff, 300, &[(60, 240)]), 5 * 500 + 3 * 200);
}

#[test]
fn a_unit_that_has_begun_outside_waits_for_the_car() {
    let tariff = with_tower(|_| {});
    // 30 minutes before and 30 after are one hour; one more minute begins another.
    assert_eq!(fee_with(&tariff, 90, &[(30, 60)]), 500 + 200);
    assert_eq!(fee_with(&tariff, 91, &[(30, 60)]), 1000 + 200);
}

#[test]
fn each_time_in_a_zone_is_a_stay_of_its_own_there() {
    let tariff = with_tower(|tower| tower.prices.free_s = 30 * MINUTE_S);
    assert_eq!(
        fee_with(&tariff, 180, &[(10, 40), (60, 90), (120, 151)]),
        1000 + 200
    );
}

#[test]
fn passing_through_on_the_way_to_a_zone_is_free() {
    let tariff = with_tower(|tower| tower.passing_s = 10 * MINUTE_S);
    let stay = stay_with(190, &[(10, 180)]);
    assert_eq!(
        tariff.quote(&stay).display(entry()).to_string(),
        "09:00–09:10  on the way to or from tower, not counted\n\
         09:10–12:00  in tower, not counted outside\n\
         12:00–12:10  on the way to or from tower, not counted\n\
         09:10–12:00  tower, 3 × 2.00 yuan\n\
         6.00 yuan"
    );
    assert_eq!(fee_with(&tariff, 190, &[(10, 180)]), 600);
    assert_eq!(
        fee_with(&tariff, 191, &[(10, 180)]),
        600 + 500,
        "a minute too long"
    );
    assert_eq!(fee_with(&tariff, 9, &[]), 500, "on the way to nowhere");
    let far = [(10, 60), (130, 180)];
    assert_eq!(
        fee_with(&tariff, 190, &far),
        200 + 200 + 2 * 500,
        "70 minutes between"
    );
}

#[test]
fn what_is_outside_is_priced_by_the_hours_in_which_it_was() {
    let mut tariff = with_tower(|_| {});
    tariff.prices.bands = vec![band("night", 19, 7, price(None, steps(HOUR_S, 100)))];
    // 17:00–18:00 and 20:00–21:00 outside.
    let stay = Stay {
        visits: stay_with(0, &[(60, 180)]).visits,
        ..between("2026-03-02T17:00:00", "2026-03-02T21:00:00")
    };
    assert_eq!(tariff.quote(&stay).fee_fen, 500 + 2 * 200 + 100);
}

#[test]
fn the_cap_of_24_hours_is_for_the_hours_that_count() {
    let mut tariff = with_tower(|tower| tower.prices.cap_fen = Some(600));
    tariff.prices.cap_fen = Some(2000);
    // 10 h outside, 20 h in the tower, 13 h outside: 23 h count, and one cap holds.
    let day = [(600, 1800)];
    assert_eq!(fee_with(&tariff, 43 * 60, &day), 2000 + 600);
    assert_eq!(fee_with(&tariff, 45 * 60, &day), 2000 + 500 + 600);
}

#[test]
fn a_calendar_day_ends_at_midnight_wherever_the_car_is() {
    let mut tariff = with_tower(|_| {});
    tariff.prices.window = Window::Day;
    tariff.prices.cap_fen = Some(2000);
    // From 09:00 outside for 12 h, in the tower until 09:00, outside for 12 h.
    assert_eq!(fee_with(&tariff, 36 * 60, &[(720, 1440)]), 4000 + 12 * 200);
    // In the tower over three midnights.
    assert_eq!(
        fee_with(&tariff, 75 * 60, &[(60, 74 * 60)]),
        1000 + 73 * 200
    );
}

/// Found by random stays: the rest of that day was taken for a whole one.
#[test]
fn a_day_that_begins_while_the_clock_stands_is_no_whole_day() {
    let mut tariff = with_tower(|tower| tower.prices.price = price(None, steps(HOUR_S, 0)));
    tariff.prices.window = Window::Day;
    tariff.prices.price = price(Some(first_block(HOUR_S, HOUR_S, 900)), steps(HOUR_S, 100));
    // From 09:00; in the tower from 10:00 to 07:00; 41 h outside after that, over a midnight.
    let fee_fen = fee_with(&tariff, 63 * 60, &[(60, 22 * 60)]);
    assert_eq!(fee_fen, 900 + (900 + 16 * 100) + (900 + 23 * 100));
}

#[test]
fn a_car_that_is_still_in_a_zone_is_priced_to_the_end() {
    let tariff = with_tower(|_| {});
    let mut stay = stay_with(180, &[(60, 60)]);
    stay.visits[0].to_ms = None;
    assert_eq!(tariff.quote(&stay).fee_fen, 500 + 400);
}

#[test]
fn a_zone_that_the_price_list_does_not_know_is_outside() {
    let mut tariff = with_tower(|_| {});
    tariff.zones[0].name = "annexe".to_owned();
    assert_eq!(fee_with(&tariff, 300, &[(60, 240)]), 2500);
}

#[test]
fn a_class_may_pay_less_in_a_zone() {
    let half = Discount {
        percent_off: 50,
        for_s: None,
        after_cap: false,
    };
    let tariff = with_tower(|tower| {
        tower.classes = vec![Class {
            name: "all".to_owned(),
            kinds: vec![VehicleKind::Unknown],
            plates: std::collections::BTreeSet::new(),
            prices: tower.prices.clone(),
            discount: Some(half),
        }];
    });
    assert_eq!(fee_with(&tariff, 300, &[(60, 240)]), 1000 + 300);
}

#[test]
fn coupons_and_the_most_that_a_stay_costs_are_for_all_of_it() {
    let mut tariff = with_tower(|_| {});
    tariff.total.at_most_fen = Some(1200);
    let stay = Stay {
        benefits: vec![Benefit::Amount {
            name: "shop".to_owned(),
            fen: 300,
        }],
        ..stay_with(300, &[(60, 240)])
    };
    assert_eq!(tariff.quote(&stay).fee_fen, 900);
}

/// Ten years in which the car went to the tower every fifth week or so.
#[test]
fn years_with_zones_in_them_fit_on_a_page() {
    let mut tariff = with_tower(|_| {});
    tariff.prices.cap_fen = Some(2800);
    let visits: Vec<(u64, u64)> = (1..60).map(|n| (n * 50_000, n * 50_000 + 90)).collect();
    let quote = tariff.quote(&stay_with(3_650 * 1440, &visits));
    let sum: i64 = quote.lines.iter().map(|line| line.amount_fen).sum();
    assert_eq!(i64::try_from(quote.fee_fen), Ok(sum));
    assert!(quote.lines.len() < 200, "{}", quote.lines.len());
}
