//! What is taken off a fee that stands.

use super::*;

#[test]
fn coupons_come_in_a_fixed_order_and_are_shown() {
    let tariff = of(Prices {
        cap_fen: Some(2000),
        ..hourly(free_for(0))
    });
    let name = |name: &str| name.to_owned();
    let stay = Stay {
        benefits: vec![
            Benefit::Percent {
                name: name("half"),
                off: 50,
            },
            Benefit::Amount {
                name: name("5 yuan"),
                fen: 500,
            },
            Benefit::Time {
                name: name("charger"),
                s: HOUR_S,
            },
        ],
        ..stay(4 * HOUR_S)
    };
    let quote = tariff.quote(&stay);
    assert_eq!(
        quote.display(entry()).to_string(),
        "09:00–13:00  4 × 5.00 yuan\ncharger: −5.00 yuan\n5 yuan: −5.00 yuan\nhalf: −5.00 yuan\n5.00 yuan"
    );
    let whole = Stay {
        benefits: vec![Benefit::Whole {
            name: name("guest"),
        }],
        ..stay
    };
    assert_eq!(tariff.quote(&whole).fee_fen, 0);
}

#[test]
fn what_was_paid_before_is_taken_off_and_leaves_time_to_go() {
    let tariff = Tariff {
        grace_s: 15 * MINUTE_S,
        ..of(hourly(free_for(0)))
    };
    let paid_after = |stay_min: u64| Stay {
        benefits: vec![Benefit::Prepaid {
            fen: 1000,
            at_s: 110 * MINUTE_S,
        }],
        ..stay(stay_min * MINUTE_S)
    };
    assert_eq!(tariff.quote(&paid_after(115)).fee_fen, 0);
    assert_eq!(
        tariff.quote(&paid_after(125)).fee_fen,
        0,
        "within the time to go"
    );
    assert_eq!(
        tariff.quote(&paid_after(126)).fee_fen,
        500,
        "only what is more"
    );
}

#[test]
fn who_had_not_paid_all_by_then_has_no_time_to_leave() {
    let tariff = Tariff {
        grace_s: 15 * MINUTE_S,
        ..of(hourly(free_for(0)))
    };
    let stay = Stay {
        benefits: vec![Benefit::Prepaid {
            fen: 100,
            at_s: 110 * MINUTE_S,
        }],
        ..stay(115 * MINUTE_S)
    };
    assert_eq!(tariff.quote(&stay).fee_fen, 900);
}

#[test]
fn what_was_paid_before_is_taken_off_before_rounding_and_counts_toward_the_least() {
    let mut tariff = of(hourly(free_for(0)));
    tariff.total.round_to_fen = 100;
    tariff.total.at_least_fen = Some(700);
    let rest = |paid_fen| tariff.rest(&stay(HOUR_S), paid_fen).fee_fen;
    assert_eq!(rest(0), 700, "the least");
    assert_eq!(rest(200), 500, "with what was paid it is the least");
    assert_eq!(rest(330), 370);
    assert_eq!(rest(700), 0);
    tariff.total.at_least_fen = None;
    assert_eq!(
        tariff.rest(&stay(HOUR_S), 130).fee_fen,
        400,
        "3.70 yuan rounded"
    );
}
