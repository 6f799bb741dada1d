//! Each form in which prices are published, by itself (`parking-domain.md` 5.1).

use super::*;

#[test]
fn the_edge_of_the_free_time_may_cost() {
    let tariff = of(Prices {
        free_edge_costs: true,
        ..hourly(free_for(30 * MINUTE_S))
    });
    assert_eq!(fee(&tariff, 30 * MINUTE_S - 1), 0);
    assert_eq!(fee(&tariff, 30 * MINUTE_S), 500);
}

#[test]
fn free_time_may_be_given_in_each_window() {
    let tariff = of(Prices {
        free_again: FreeAgain::EachWindow,
        ..hourly(free_for(30 * MINUTE_S))
    });
    assert_eq!(fee(&tariff, DAY_S + 30 * MINUTE_S), 24 * 500);
    assert_eq!(fee(&tariff, DAY_S + 30 * MINUTE_S + 1), 25 * 500);
}

#[test]
fn free_time_may_be_for_the_first_visit_of_a_day() {
    let tariff = of(Prices {
        free_again: FreeAgain::FirstVisitOfDay,
        ..hourly(free_for(30 * MINUTE_S))
    });
    let first = between("2026-06-10T08:00:00", "2026-06-10T08:20:00");
    assert_eq!(tariff.quote(&first).fee_fen, 0);
    let again = |entry: &str, exit: &str| Stay {
        tally: tariff.tally(&first),
        ..between(entry, exit)
    };
    let same_day = again("2026-06-10T23:50:00", "2026-06-11T00:05:00");
    assert_eq!(tariff.quote(&same_day).fee_fen, 500);
    let next_day = again("2026-06-11T00:00:00", "2026-06-11T00:15:00");
    assert_eq!(tariff.quote(&next_day).fee_fen, 0);
}

#[test]
fn several_blocks_follow_one_another() {
    let tariff = of(Prices {
        price: Price {
            first: vec![
                first_block(HOUR_S, HOUR_S, 500),
                first_block(2 * HOUR_S, HOUR_S, 300),
            ],
            then: Some(steps(HOUR_S, 100)),
            ..Price::default()
        },
        ..Prices::default()
    });
    assert_eq!(fee(&tariff, HOUR_S), 500);
    assert_eq!(fee(&tariff, HOUR_S + 1), 800);
    assert_eq!(fee(&tariff, 3 * HOUR_S), 1100);
    assert_eq!(fee(&tariff, 3 * HOUR_S + 1), 1200);
}

#[test]
fn only_full_units_may_count() {
    let full = Steps {
        tail_s: HOUR_S,
        ..steps(HOUR_S, 500)
    };
    let tariff = of(Prices {
        price: price(None, full),
        ..Prices::default()
    });
    assert_eq!(fee(&tariff, HOUR_S - 1), 0);
    assert_eq!(fee(&tariff, HOUR_S), 500);
    assert_eq!(fee(&tariff, 2 * HOUR_S - 1), 500);
}

#[test]
fn a_tail_may_be_dropped() {
    let with_tail = Steps {
        tail_s: 15 * MINUTE_S,
        ..steps(HOUR_S, 500)
    };
    let tariff = of(Prices {
        price: price(None, with_tail),
        ..Prices::default()
    });
    assert_eq!(fee(&tariff, HOUR_S + 15 * MINUTE_S), 500);
    assert_eq!(fee(&tariff, HOUR_S + 15 * MINUTE_S + 1), 1000);
}

#[test]
fn seconds_may_be_dropped() {
    let tariff = of(Prices {
        drops_seconds: true,
        ..hourly(free_for(0))
    });
    assert_eq!(fee(&tariff, HOUR_S + 59), 500);
    assert_eq!(fee(&tariff, HOUR_S + 60), 1000);
}

fn day_and_night() -> Prices {
    Prices {
        price: price(None, steps(1800, 100)),
        bands: vec![band("night", 19, 7, price(None, steps(HOUR_S, 50)))],
        ..Prices::default()
    }
}

#[test]
fn bands_split_a_stay_and_each_part_is_rounded() {
    let tariff = of(day_and_night());
    let (entry, exit) = ("2026-03-02T18:50:00", "2026-03-02T19:10:00");
    assert_eq!(fee_between(&tariff, entry, exit), 100 + 50);
    assert_eq!(
        tariff
            .quote(&between(entry, exit))
            .display(between(entry, exit).entry)
            .to_string(),
        "18:50–19:00  1 × 1.00 yuan\n19:00–19:10  night: 1 × 0.50 yuan\n1.50 yuan"
    );
    // To the second.
    assert_eq!(fee_between(&tariff, entry, "2026-03-02T19:00:00"), 100);
    assert_eq!(fee_between(&tariff, entry, "2026-03-02T19:00:01"), 150);
    assert_eq!(
        fee_between(&tariff, "2026-03-02T19:00:00", "2026-03-03T07:00:00"),
        600
    );
}

#[test]
fn a_unit_may_go_on_over_the_edge_of_a_band() {
    let tariff = of(Prices {
        at_edge: AtEdge::GoOn,
        ..day_and_night()
    });
    let at = |exit: &str| fee_between(&tariff, "2026-03-02T18:50:00", exit);
    assert_eq!(at("2026-03-02T19:20:00"), 100);
    assert_eq!(at("2026-03-02T19:20:01"), 150);
    assert_eq!(at("2026-03-02T20:20:01"), 200);
}

#[test]
fn the_first_block_starts_again_with_a_band_or_does_not() {
    let mut prices = day_and_night();
    prices.price = price(Some(first_block(HOUR_S, HOUR_S, 500)), steps(HOUR_S, 100));
    let (entry, exit) = ("2026-03-02T18:00:00", "2026-03-03T09:00:00");
    assert_eq!(
        fee_between(&of(prices.clone()), entry, exit),
        500 + 600 + 500 + 100
    );
    prices.first_once = true;
    assert_eq!(fee_between(&of(prices), entry, exit), 500 + 600 + 100 + 100);
}

#[test]
fn a_night_may_cost_once_a_visit_and_be_free() {
    let mut prices = day_and_night();
    prices.bands[0].price = Price {
        per_visit_fen: Some(500),
        ..Price::default()
    };
    let night = ("2026-03-02T20:00:00", "2026-03-03T06:00:00");
    assert_eq!(fee_between(&of(prices.clone()), night.0, night.1), 500);
    prices.bands[0].price = price(None, steps(HOUR_S, 0));
    assert_eq!(fee_between(&of(prices), night.0, night.1), 0);
}

#[test]
fn a_band_has_a_cap_of_its_own() {
    let mut prices = day_and_night();
    prices.bands[0].cap_fen = Some(200);
    let tariff = of(prices);
    let (entry, exit) = ("2026-03-02T18:00:00", "2026-03-03T08:00:00");
    assert_eq!(fee_between(&tariff, entry, exit), 200 + 200 + 200);
}

#[test]
fn a_cap_per_calendar_day_starts_anew_at_midnight() {
    let tariff = of(Prices {
        cap_fen: Some(1000),
        window: Window::Day,
        ..hourly(free_for(0))
    });
    let at = |exit: &str| fee_between(&tariff, "2026-03-02T22:30:00", exit);
    assert_eq!(at("2026-03-03T00:00:00"), 1000);
    assert_eq!(at("2026-03-03T00:00:01"), 1500);
    assert_eq!(at("2026-03-03T23:59:59"), 2000);
    assert_eq!(at("2026-03-05T00:30:00"), 1000 + 1000 + 1000 + 500);
}

#[test]
fn a_cap_per_stay_is_for_all_of_it() {
    let tariff = of(Prices {
        cap_fen: Some(3000),
        window: Window::Stay,
        ..hourly(free_for(0))
    });
    assert_eq!(fee(&tariff, 5 * HOUR_S), 2500);
    assert_eq!(fee(&tariff, 500 * DAY_S), 3000);
}

#[test]
fn after_24_hours_prices_may_go_on() {
    let prices = Prices {
        price: price(Some(first_block(HOUR_S, HOUR_S, 500)), steps(HOUR_S, 100)),
        ..Prices::default()
    };
    assert_eq!(fee(&of(prices.clone()), 2 * DAY_S), 2 * (500 + 2300));
    let goes_on = Prices {
        after_window: AfterWindow::GoOn,
        ..prices
    };
    assert_eq!(fee(&of(goes_on.clone()), 2 * DAY_S), 500 + 4700);
    let capped = Prices {
        cap_fen: Some(2000),
        ..goes_on
    };
    assert_eq!(fee(&of(capped), 2 * DAY_S), 4000);
}

#[test]
fn a_full_day_may_have_a_price_of_its_own() {
    let tariff = of(Prices {
        full_day_fen: Some(3000),
        ..hourly(free_for(15 * MINUTE_S))
    });
    assert_eq!(fee(&tariff, DAY_S - 1), 12_000);
    assert_eq!(fee(&tariff, DAY_S), 3000);
    assert_eq!(fee(&tariff, 2 * DAY_S + 1), 6500);
}

#[test]
fn days_of_each_kind_have_their_prices() {
    let of_days = |name: &str, days: Vec<Days>, fen: u64| Band {
        days,
        ..band(name, 0, 24, price(None, steps(HOUR_S, fen)))
    };
    let mut tariff = of(Prices {
        price: price(None, steps(HOUR_S, 100)),
        bands: vec![
            of_days("fair", vec![Days::Named("fair".into())], 900),
            of_days("new year's eve", vec![Days::Date(day("2026-02-16"))], 800),
            of_days("weekend", vec![Days::Weekend], 200),
            of_days("holiday", vec![Days::Holiday], 300),
        ],
        ..Prices::default()
    });
    tariff.calendar = Calendar {
        holidays: vec![day("2026-02-16"), day("2026-02-17")],
        workdays: vec![day("2026-02-14")],
        named: vec![("fair".into(), vec![day("2026-02-18")])],
    };
    let hour_on = |date: &str| {
        let (entry, exit) = (format!("{date}T10:00:00"), format!("{date}T11:00:00"));
        fee_between(&tariff, &entry, &exit)
    };
    assert_eq!(hour_on("2026-02-13"), 100, "a Friday");
    assert_eq!(hour_on("2026-02-14"), 100, "a Saturday that is worked");
    assert_eq!(hour_on("2026-02-15"), 200, "a Sunday");
    assert_eq!(hour_on("2026-02-16"), 800, "named, and a holiday");
    assert_eq!(hour_on("2026-02-17"), 300, "a holiday");
    assert_eq!(hour_on("2026-02-18"), 900, "the fair");
    // Over midnight from one kind of day to another.
    let over = fee_between(&tariff, "2026-02-14T23:30:00", "2026-02-15T00:30:00");
    assert_eq!(over, 100 + 200);
    // Years of them are a few lines.
    let years = between("2026-01-01T10:00:00", "2036-01-01T11:00:00");
    assert!(tariff.quote(&years).lines.len() < 20);
}

#[test]
fn leap_days_and_year_ends_are_days_like_others() {
    let tariff = of(Prices {
        cap_fen: Some(1000),
        window: Window::Day,
        ..hourly(free_for(0))
    });
    let fee = |entry, exit| fee_between(&tariff, entry, exit);
    assert_eq!(fee("2028-02-28T12:00:00", "2028-03-01T12:00:00"), 3000);
    assert_eq!(fee("2027-02-28T12:00:00", "2027-03-01T12:00:00"), 2000);
    assert_eq!(fee("2026-12-31T23:00:00", "2027-01-01T01:00:00"), 1000);
    assert_eq!(day("2028-02-29").of_week(), 1);
    assert_eq!(day("2028-02-29").to_string(), "2028-02-29");
    assert_eq!(Day::parse("2027-02-29"), None);
}

/// Other zones change their clocks on these nights; the local time of a car park in China never jumps.
#[test]
fn no_night_is_an_hour_longer_or_shorter() {
    let tariff = of(day_and_night());
    for date in [
        "2026-03-28",
        "2026-03-29",
        "2026-10-24",
        "2026-10-25",
        "1986-05-03",
    ] {
        let entry = between(&format!("{date}T19:00:00"), &format!("{date}T19:00:00")).entry;
        let night = Stay {
            entry,
            duration_ms: 12 * HOUR_S * 1000,
            ..Stay::default()
        };
        assert_eq!(tariff.quote(&night).fee_fen, 600, "{date}");
    }
}

#[test]
fn the_total_is_rounded_limited_and_at_least_something() {
    let with = |total: Total| Tariff {
        total,
        ..of(Prices {
            price: price(None, steps(MINUTE_S, 33)),
            ..Prices::default()
        })
    };
    let to_jiao = |rounding| {
        with(Total {
            round_to_fen: 10,
            rounding,
            ..Total::default()
        })
    };
    // 5 × 33 = 165
    assert_eq!(fee(&to_jiao(Rounding::HalfUp), 300), 170);
    assert_eq!(fee(&to_jiao(Rounding::Down), 300), 160);
    assert_eq!(fee(&to_jiao(Rounding::Up), 241), 170);
    let limited = with(Total {
        at_most_fen: Some(100),
        at_least_fen: Some(50),
        ..Total::default()
    });
    assert_eq!(fee(&limited, 0), 0);
    assert_eq!(fee(&limited, 1), 50);
    assert_eq!(fee(&limited, 300), 100);
}

#[test]
fn a_later_price_list_holds_from_its_day_on() {
    let list = |version: &str, fen, from: Option<&str>, spanning| Tariff {
        version: version.into(),
        from: from.map(|from| between(from, from).entry),
        spanning,
        ..of(Prices {
            price: price(None, steps(HOUR_S, fen)),
            ..Prices::default()
        })
    };
    let from = Some("2026-07-01T00:00:00");
    let mut tariff = list("old", 100, None, Spanning::ByEntry);
    tariff.later = vec![list("new", 200, from, Spanning::ByEntry)];
    let over = between("2026-06-30T23:00:00", "2026-07-01T01:00:00");
    let before = between("2026-06-30T22:00:00", "2026-06-30T23:59:59");
    let after = between("2026-07-01T00:00:00", "2026-07-01T01:00:00");
    let fees = |tariff: &Tariff| [&before, &over, &after].map(|stay| tariff.quote(stay).fee_fen);
    assert_eq!(fees(&tariff), [200, 200, 200]);
    assert_eq!(tariff.in_force(&over).version, "old");
    tariff.later[0].spanning = Spanning::ByExit;
    assert_eq!(fees(&tariff), [200, 400, 200]);
    let told = tariff.quote(&after).display(after.entry).to_string();
    assert!(told.starts_with("price list new\n"), "{told}");
}

#[test]
fn visits_that_share_a_cap_share_it_for_24_hours_from_the_first() {
    let tariff = of(Prices {
        cap_fen: Some(1000),
        cap_shared: true,
        ..hourly(free_for(0))
    });
    let first = between("2026-06-10T08:00:00", "2026-06-10T08:30:00");
    let next = |tally, entry: &str, exit: &str| {
        let stay = Stay {
            tally,
            ..between(entry, exit)
        };
        (tariff.quote(&stay).fee_fen, tariff.tally(&stay))
    };
    let (fen, tally) = next(None, "2026-06-10T08:00:00", "2026-06-10T08:30:00");
    assert_eq!(fen, 500);
    assert_eq!(tally, tariff.tally(&first));
    let (fen, tally) = next(tally, "2026-06-10T12:00:00", "2026-06-10T14:00:00");
    assert_eq!(fen, 500, "1000 less what the first visit used");
    // Over the end of the shared window: what is before it is covered, and then a new one begins.
    let (fen, tally) = next(tally, "2026-06-11T07:00:00", "2026-06-11T09:00:00");
    assert_eq!(fen, 500);
    let (fen, _) = next(tally, "2026-06-11T10:00:00", "2026-06-11T13:00:00");
    assert_eq!(fen, 500);
}

#[test]
fn a_driver_is_told_the_free_time_of_the_class_and_of_the_day() {
    let plate = |text: &str| PlateNumber::parse(text).unwrap().plate;
    let mut tariff = Tariff {
        classes: vec![Class {
            name: "new energy".into(),
            kinds: vec![VehicleKind::NewEnergySmall],
            plates: [plate("粤B12345")].into(),
            prices: free_for(2 * HOUR_S),
            discount: None,
        }],
        ..of(free_for(900))
    };
    tariff.later = vec![Tariff {
        from: Some(entry().plus_ms(1)),
        ..of(free_for(600))
    }];
    let lists = FreeTime::of_all(&tariff);
    let told = |at: Wall, text: &str| FreeTime::find(&lists, at, &plate(text), None);
    assert_eq!(told(entry(), "粤B99999"), Some(900));
    assert_eq!(told(entry(), "粤BD12345"), Some(7200));
    assert_eq!(told(entry(), "粤B12345"), Some(7200));
    assert_eq!(told(entry().plus_ms(1), "粤BD12345"), Some(600));
    assert_eq!(FreeTime::find(&[], entry(), &plate("粤B99999"), None), None);
}
