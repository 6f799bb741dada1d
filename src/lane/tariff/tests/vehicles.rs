//! Vehicles that pay otherwise than others.

use super::*;

#[test]
fn a_class_has_prices_or_a_discount_of_its_own() {
    let class = |discount: Discount| Class {
        name: "new energy".into(),
        kinds: vec![VehicleKind::NewEnergySmall, VehicleKind::NewEnergyLarge],
        plates: std::collections::BTreeSet::new(),
        prices: hourly(free_for(0)),
        discount: Some(discount),
    };
    let half = Discount {
        percent_off: 50,
        for_s: None,
        after_cap: false,
    };
    let capped = |discount| Tariff {
        classes: vec![Class {
            prices: Prices {
                cap_fen: Some(1500),
                ..hourly(free_for(0))
            },
            ..class(discount)
        }],
        ..of(hourly(free_for(0)))
    };
    let green = |hours: u64| Stay {
        color: Some(PlateColor::Green),
        ..stay(hours * HOUR_S)
    };
    assert_eq!(capped(half).quote(&stay(4 * HOUR_S)).fee_fen, 2000);
    assert_eq!(capped(half).quote(&green(4)).fee_fen, 1000);
    assert_eq!(capped(half).quote(&green(8)).fee_fen, 1500);
    let after_cap = Discount {
        after_cap: true,
        ..half
    };
    assert_eq!(capped(after_cap).quote(&green(8)).fee_fen, 750);
    let to_hour_2 = Discount {
        for_s: Some(2 * HOUR_S),
        ..half
    };
    assert_eq!(capped(to_hour_2).quote(&green(2)).fee_fen, 500);
    assert_eq!(capped(to_hour_2).quote(&green(3)).fee_fen, 1000);
}

#[test]
fn the_kind_of_a_vehicle_is_what_its_plate_tells() {
    let kind = |plate: &str, color| {
        VehicleKind::of(
            PlateNumber::parse(plate).ok().map(|p| p.plate).as_ref(),
            color,
        )
    };
    use PlateColor::{Black, Blue, LimeGreen, White, Yellow};
    for (plate, color, expected) in [
        ("粤B12345", Some(Blue), VehicleKind::Small),
        ("粤B12345", Some(Yellow), VehicleKind::Large),
        ("粤B12345", Some(Black), VehicleKind::Small),
        ("粤B12345", None, VehicleKind::Unknown),
        ("粤BD12345", None, VehicleKind::NewEnergySmall),
        ("粤BD12345", Some(Blue), VehicleKind::NewEnergySmall),
        ("粤B12345D", Some(LimeGreen), VehicleKind::NewEnergyLarge),
        ("粤B1234挂", Some(Yellow), VehicleKind::Trailer),
        ("粤B1234学", Some(Yellow), VehicleKind::DrivingSchool),
        ("粤B1234警", Some(White), VehicleKind::Special),
        ("粤Z1234港", Some(Black), VehicleKind::Small),
    ] {
        assert_eq!(kind(plate, color), expected, "{plate}");
    }
}

#[test]
fn a_plate_named_in_a_class_goes_before_its_kind() {
    let plate = PlateNumber::parse("粤B12345").unwrap().plate;
    let class = |name: &str, kinds, plates| Class {
        name: name.into(),
        kinds,
        plates,
        prices: Prices::default(),
        discount: None,
    };
    let tariff = Tariff {
        classes: vec![
            class("small", vec![VehicleKind::Small], [].into()),
            class("taxis", vec![], [plate.clone()].into()),
        ],
        ..of(hourly(free_for(0)))
    };
    let taxi = Stay {
        plate: Some(plate),
        color: Some(PlateColor::Blue),
        ..stay(HOUR_S)
    };
    assert_eq!(tariff.class_of(&taxi).unwrap().name, "taxis");
    assert!(tariff.class_of(&stay(HOUR_S)).is_none());
}
