use proptest::prelude::*;

use super::random::{discounted, simple, stays, tariffs, visits, zoned};
use super::*;
use crate::books::slow;

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), ..ProptestConfig::default() })]

    #[test]
    fn the_fee_is_that_of_a_minute_by_minute_count(
        tariff in tariffs(),
        stay in stays(5, MINUTE_S),
    ) {
        prop_assert_eq!(tariff.quote(&stay).fee_fen, slow_fen(&tariff, &stay));
    }

    #[test]
    fn the_fee_of_a_class_is_that_of_a_minute_by_minute_count(
        tariff in discounted(),
        stay in stays(4, MINUTE_S),
    ) {
        prop_assert_eq!(tariff.quote(&stay).fee_fen, slow_fen(&tariff, &stay));
    }

    #[test]
    fn the_fee_is_that_of_a_second_by_second_count(
        tariff in tariffs(),
        stay in stays(1, 1),
    ) {
        prop_assert_eq!(tariff.quote(&stay).fee_fen, slow_fen(&tariff, &stay));
    }

    #[test]
    fn the_fee_with_zones_is_that_of_a_minute_by_minute_count(
        tariff in zoned(),
        stay in stays(5, MINUTE_S),
        visits in visits(MINUTE_S),
    ) {
        let stay = Stay { visits, ..stay };
        prop_assert_eq!(tariff.quote(&stay).fee_fen, slow_fen(&tariff, &stay));
    }

    #[test]
    fn the_fee_with_zones_is_that_of_a_second_by_second_count(
        tariff in zoned(),
        stay in stays(1, 1),
        visits in visits(1),
    ) {
        let stay = Stay { visits, ..stay };
        prop_assert_eq!(tariff.quote(&stay).fee_fen, slow_fen(&tariff, &stay));
    }

    /// What was paid before is taken off in the one order that there is, whoever takes it off.
    #[test]
    fn what_is_left_after_payments_is_that_of_a_slow_count(
        tariff in zoned(),
        stay in stays(2, MINUTE_S),
        visits in visits(MINUTE_S),
        grace_s in 0..HOUR_S,
        paid in (0..5000_u64, 0..2 * DAY_S, 0..3000_u64),
    ) {
        let (fen, at_s, more_fen) = paid;
        let tariff = Tariff { grace_s, ..tariff };
        let benefits = vec![Benefit::Prepaid { fen, at_s }];
        let stay = Stay { visits, benefits, ..stay };
        let rest = tariff.rest(&stay, more_fen);
        let sum: i64 = rest.lines.iter().map(|line| line.amount_fen).sum();
        prop_assert_eq!(sum, i64::try_from(rest.fee_fen).unwrap());
        prop_assert_eq!(Some(rest.fee_fen), slow::fee_fen(&tariff, &stay, more_fen));
        let rest = tariff.rest(&Stay { benefits: Vec::new(), ..stay.clone() }, fen);
        let far = Tariff { grace_s: 0, ..tariff };
        let late = vec![Benefit::Prepaid { fen, at_s: 0 }];
        let by_quote = far.quote(&Stay { benefits: late, ..stay.clone() });
        if stay.duration_ms >= 1000 {
            prop_assert_eq!(rest.fee_fen, by_quote.fee_fen, "at the gate and on paper");
        }
    }

    #[test]
    fn a_longer_stay_with_zones_never_costs_less_unless_passing_is_free(
        mut tariff in zoned(),
        stay in stays(5, 1),
        visits in visits(1),
        more_ms in prop_oneof![0..2000_u64, 0..2 * DAY_S * 1000],
    ) {
        for zone in &mut tariff.zones {
            zone.passing_s = 0;
            let of_classes = zone.classes.iter_mut().map(|class| &mut class.prices);
            for prices in of_classes.chain([&mut zone.prices]) {
                prices.full_day_fen = None;
            }
        }
        let of_classes = tariff.classes.iter_mut().map(|class| &mut class.prices);
        for prices in of_classes.chain([&mut tariff.prices]) {
            prices.full_day_fen = None;
        }
        let stay = Stay { visits, ..stay };
        let longer = Stay {
            duration_ms: stay.duration_ms.saturating_add(more_ms),
            ..stay.clone()
        };
        prop_assert!(tariff.quote(&stay).fee_fen <= tariff.quote(&longer).fee_fen);
    }

    #[test]
    fn the_lines_of_a_stay_with_zones_add_up_and_are_within_it(
        tariff in zoned(),
        stay in stays(60, 1),
        visits in visits(1),
    ) {
        let stay = Stay { visits, ..stay };
        let quote = tariff.quote(&stay);
        let sum: i64 = quote.lines.iter().map(|line| line.amount_fen).sum();
        prop_assert_eq!(sum, i64::try_from(quote.fee_fen).unwrap());
        for line in &quote.lines {
            prop_assert!(line.from_ms <= line.to_ms && line.to_ms <= stay.duration_ms, "{line:?}");
        }
        let json = serde_json::to_string(&tariff).unwrap();
        prop_assert_eq!(serde_json::from_str::<Tariff>(&json).unwrap(), tariff);
    }

    #[test]
    fn a_longer_stay_never_costs_less_unless_days_have_a_price_of_their_own(
        mut tariff in discounted(),
        stay in stays(20, 1),
        more_ms in prop_oneof![0..2000_u64, 0..2 * DAY_S * 1000, 0..800 * DAY_S * 1000],
    ) {
        for prices in [&mut tariff.prices, &mut tariff.classes[0].prices] {
            prices.full_day_fen = None;
        }
        let longer = Stay {
            duration_ms: stay.duration_ms.saturating_add(more_ms),
            ..stay.clone()
        };
        prop_assert!(tariff.quote(&stay).fee_fen <= tariff.quote(&longer).fee_fen);
    }

    #[test]
    fn the_cap_holds(tariff in simple(), stay in stays(40, MINUTE_S)) {
        if let Some(cap_fen) = tariff.prices.cap_fen {
            let days = (stay.duration_ms / 1000).div_ceil(DAY_S);
            prop_assert!(tariff.quote(&stay).fee_fen <= days * cap_fen);
        }
    }

    #[test]
    fn the_lines_add_up_and_follow_one_another(tariff in simple(), stay in stays(40, 1)) {
        let quote = tariff.quote(&stay);
        let sum: i64 = quote.lines.iter().map(|line| line.amount_fen).sum();
        prop_assert_eq!(sum, i64::try_from(quote.fee_fen).unwrap());
        let mut covered_to = 0;
        for line in quote.lines.iter().filter(|line| line.is_about_time()) {
            prop_assert_eq!(line.from_ms, covered_to);
            covered_to = line.to_ms;
        }
        let stay_s = stay.duration_ms / 1000;
        let dropped_s = if tariff.prices.drops_seconds { stay_s % 60 } else { 0 };
        prop_assert_eq!(covered_to, (stay_s - dropped_s) * 1000);
        prop_assert!(quote.lines.len() <= 14);
    }

    #[test]
    fn the_lines_of_any_tariff_add_up_and_fit_on_a_page(
        tariff in discounted(),
        stay in stays(400, 1),
    ) {
        let quote = tariff.quote(&stay);
        let sum: i64 = quote.lines.iter().map(|line| line.amount_fen).sum();
        prop_assert_eq!(sum, i64::try_from(quote.fee_fen).unwrap());
        prop_assert!(quote.lines.len() <= 110, "{}", quote.lines.len());
        for line in &quote.lines {
            prop_assert!(line.from_ms <= line.to_ms);
            let counted = i64::try_from(line.units * line.price_fen).unwrap();
            let is_counted = line.is_about_time() && line.what != What::FreeTime;
            prop_assert!(!is_counted || line.amount_fen == counted, "{line:?}");
        }
    }

    /// Where each part is counted on its own, a stay costs what its parts cost.
    #[test]
    fn a_stay_split_at_the_edge_of_a_band_costs_the_same(
        tariff in tariffs(),
        before_min in 1..720_u64,
        after_min in 1..720_u64,
    ) {
        let mut tariff = tariff;
        let prices = &mut tariff.prices;
        prices.bands = vec![Band {
            cap_fen: Some(700),
            ..band("night", 19, 7, prices.price.clone())
        }];
        prices.price = price(Some(first_block(HOUR_S, 1800, 130)), steps(1800, 70));
        prices.free_s = 0;
        (prices.cap_fen, prices.full_day_fen) = (None, None);
        (prices.first_once, prices.drops_seconds) = (false, false);
        (prices.window, prices.after_window) = (Window::Stay, AfterWindow::Anew);
        prices.at_edge = AtEdge::Split;
        tariff.total = Total::default();
        let edge = between("2026-03-02T19:00:00", "2026-03-02T19:00:00").entry;
        let stay = |from: Wall, minutes: u64| Stay {
            entry: from,
            duration_ms: minutes * 60_000,
            ..Stay::default()
        };
        let from = edge.plus_ms(-i64::try_from(before_min * 60_000).unwrap());
        let whole = tariff.quote(&stay(from, before_min + after_min)).fee_fen;
        let parts = [stay(from, before_min), stay(edge, after_min)];
        let parts = parts.iter().map(|stay| tariff.quote(stay).fee_fen);
        prop_assert_eq!(whole, parts.sum::<u64>());
    }

    #[test]
    fn a_price_list_survives_the_ledger(tariff in discounted()) {
        let json = serde_json::to_string(&tariff).unwrap();
        prop_assert_eq!(serde_json::from_str::<Tariff>(&json).unwrap(), tariff);
    }

    #[test]
    fn nothing_that_is_taken_off_makes_a_fee_negative(
        tariff in tariffs(),
        stay in stays(3, 1),
        time_s in 0..DAY_S,
        fen in 0..5000_u64,
        percent in 0..=100_u64,
        prepaid in (0..5000_u64, 0..DAY_S),
    ) {
        let name = || "c".to_owned();
        let benefits = vec![
            Benefit::Prepaid { fen: prepaid.0, at_s: prepaid.1 },
            Benefit::Percent { name: name(), off: percent },
            Benefit::Amount { name: name(), fen },
            Benefit::Time { name: name(), s: time_s },
        ];
        let mut with = stay.clone();
        with.benefits = benefits.clone();
        let quote = tariff.quote(&with);
        let sum: i64 = quote.lines.iter().map(|line| line.amount_fen).sum();
        prop_assert_eq!(sum, i64::try_from(quote.fee_fen).unwrap());
        // Rounding up and the least fee come after everything.
        let slack_fen = tariff.total.round_to_fen + tariff.total.at_least_fen.unwrap_or(0);
        prop_assert!(quote.fee_fen <= tariff.quote(&stay).fee_fen + slack_fen);
        prop_assert_eq!(quote.fee_fen, slow_fen(&tariff, &with));
        with.benefits.reverse();
        prop_assert_eq!(tariff.quote(&with), quote);
    }
}

/// By the second hand; what follows from earlier visits is not asked of it.
fn slow_fen(tariff: &Tariff, stay: &Stay) -> u64 {
    slow::fee_fen(tariff, stay, 0).expect("no earlier visits, and no years")
}

/// As many as `PROPTEST_CASES` asks for; 200 else.
fn cases() -> u32 {
    let asked = std::env::var("PROPTEST_CASES").ok();
    asked.and_then(|text| text.parse().ok()).unwrap_or(200)
}
