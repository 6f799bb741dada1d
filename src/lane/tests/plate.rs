use proptest::prelude::*;

use super::*;

#[test]
fn every_class_of_plate_is_known_by_its_shape() {
    for (text, shape) in [
        ("粤B6K7H2", Shape::Ordinary),
        ("粤OA1234", Shape::Ordinary),
        ("粤BD12873", Shape::SmallNewEnergy),
        ("粤BAQ2873", Shape::SmallNewEnergy),
        ("粤B67453D", Shape::LargeNewEnergy),
        ("沪B31807F", Shape::LargeNewEnergy),
        ("鲁Q8T31挂", Shape::Trailer),
        ("鲁Q8T31学", Shape::DrivingSchool),
        ("京A1357警", Shape::Police),
        ("粤Z7F26港", Shape::CrossBorder),
        ("粤Z7F26澳", Shape::CrossBorder),
        ("使123456", Shape::Diplomatic),
        ("123456使", Shape::Diplomatic),
        ("领123456", Shape::Diplomatic),
        ("粤A1234领", Shape::Diplomatic),
        ("WJ1234X", Shape::ArmedPolice),
        ("WJ粤12345", Shape::ArmedPolice),
        ("VA12345", Shape::Military),
        ("民航A1234", Shape::CivilAviation),
        ("粤BX1234应急", Shape::Emergency),
        ("粤0912345", Shape::Farm),
        ("粤B1234临", Shape::Temporary),
        ("临12345", Shape::Temporary),
    ] {
        let parsed = PlateNumber::parse(text).unwrap_or_else(|fault| panic!("{text}: {fault}"));
        assert_eq!(parsed.plate.as_str(), text);
        assert_eq!(parsed.plate.shape(), shape, "{text}");
        assert!(!parsed.repaired, "{text}");
    }
}

#[test]
fn texts_that_fit_no_shape_are_refused() {
    for text in [
        "粤B888888",
        "粤I12345",
        "粤B1234",
        "AB123456",
        "粤BL12345",
        "粤Z7F26海",
        "车",
    ] {
        assert_eq!(PlateNumber::parse(text), Err(PlateFault::Invalid), "{text}");
    }
}

#[test]
fn width_case_and_separators_do_not_matter() {
    for text in [
        "粤B·6K7H2",
        " 粤b 6k7h2\0\0",
        "粤Ｂ－６Ｋ７Ｈ２",
        "粤_B.6K7•H2",
        "粤B　6K7H2",
    ] {
        assert_eq!(plate(text).as_str(), "粤B6K7H2", "{text}");
    }
}

#[test]
fn words_for_none_are_not_plates() {
    for text in [
        "_无_",
        "无牌车",
        " 无车牌 ",
        "无牌",
        "null",
        "Unknown",
        "ＮＵＬＬ",
        "无牌\0",
    ] {
        assert_eq!(
            PlateNumber::parse(text),
            Err(PlateFault::Unlicensed),
            "{text}"
        );
    }
    for text in ["", "  ", "·", "___", "\0\0"] {
        assert_eq!(PlateNumber::parse(text), Err(PlateFault::Empty), "{text:?}");
    }
}

#[test]
fn i_and_o_are_repaired_in_the_serial_part_only() {
    let parsed = PlateNumber::parse("粤BO234I").unwrap();
    assert_eq!((parsed.plate.as_str(), parsed.repaired), ("粤B02341", true));
    let parsed = PlateNumber::parse("粤BDO2873").unwrap();
    assert_eq!(
        (parsed.plate.as_str(), parsed.repaired),
        ("粤BD02873", true)
    );
    assert!(!PlateNumber::parse("粤O12345").unwrap().repaired);
}

#[test]
fn the_shape_decides_the_colour_of_eight_characters() {
    use PlateColor::*;
    for (text, device, color, warning) in [
        ("粤BD12873", Some(Green), Some(Green), None),
        (
            "粤BD12873",
            None,
            Some(Green),
            Some(ReadWarning::ColorFromShape),
        ),
        (
            "粤BD12873",
            Some(Blue),
            Some(Green),
            Some(ReadWarning::ColorConflict),
        ),
        (
            "粤BD12873",
            Some(LimeGreen),
            Some(Green),
            Some(ReadWarning::ColorConflict),
        ),
        (
            "粤B67453D",
            Some(Green),
            Some(LimeGreen),
            Some(ReadWarning::ColorFromShape),
        ),
        ("粤B67453D", Some(LimeGreen), Some(LimeGreen), None),
        (
            "粤B67453D",
            Some(Yellow),
            Some(LimeGreen),
            Some(ReadWarning::ColorConflict),
        ),
        ("粤B6K7H2", None, None, None),
        ("粤B6K7H2", Some(Blue), Some(Blue), None),
        ("粤B6K7H2", Some(Yellow), Some(Yellow), None),
        (
            "粤B6K7H2",
            Some(Green),
            Some(Green),
            Some(ReadWarning::LengthSuspect),
        ),
        (
            "粤B6K7H2",
            Some(White),
            Some(White),
            Some(ReadWarning::ColorConflict),
        ),
        (
            "BD12873",
            Some(Green),
            Some(Green),
            Some(ReadWarning::LengthSuspect),
        ),
        ("京A1357警", None, None, None),
        (
            "京A1357警",
            Some(Blue),
            Some(Blue),
            Some(ReadWarning::ColorConflict),
        ),
        ("民航A1234", Some(Green), Some(Green), None),
        ("粤0912345", Some(Green), None, None),
        ("临12345", Some(White), None, None),
    ] {
        assert_eq!(
            settle_color(&plate(text), device),
            (color, warning.into_iter().collect()),
            "{text} {device:?}"
        );
    }
}

#[test]
fn special_vehicles_are_known() {
    for text in ["京A1357警", "WJ粤12345", "VA12345", "粤BX1234应急"] {
        assert!(plate(text).is_special(), "{text}");
        assert!(plate(text).is_special_in(Some(PlateColor::White)), "{text}");
        assert!(
            !plate(text).is_special_in(Some(PlateColor::Green)),
            "{text}"
        );
    }
    assert!(plate("京A1357警").is_special_in(None));
    assert!(
        !plate("BD12873").is_special_in(None),
        "a new-energy plate without its province"
    );
    for text in ["粤B6K7H2", "粤BD12873", "鲁Q8T31学", "使123456"] {
        assert!(!plate(text).is_special(), "{text}");
    }
}

#[test]
fn deserialising_parses() {
    assert_eq!(
        serde_json::from_str::<PlateNumber>("\"粤b·6k7h2\"").unwrap(),
        plate("粤B6K7H2")
    );
    assert!(serde_json::from_str::<PlateNumber>("\"粤B\"").is_err());
    assert_eq!(
        serde_json::to_string(&plate("粤B6K7H2")).unwrap(),
        "\"粤B6K7H2\""
    );
}

proptest! {
    #[test]
    fn any_text_is_parsed_or_refused(text in any::<String>()) {
        let _ = PlateNumber::parse(&text);
        let _ = normalise(&text);
    }

    #[test]
    fn parsing_twice_changes_nothing(text in plate_like()) {
        if let Ok(first) = PlateNumber::parse(&text) {
            let second = PlateNumber::parse(first.plate.as_str()).unwrap();
            prop_assert_eq!(&second.plate, &first.plate);
            prop_assert!(!second.repaired);
            prop_assert_eq!(second.plate.shape(), first.plate.shape());
        }
    }

    #[test]
    fn masking_hides_at_least_two_characters(text in plate_like()) {
        if let Ok(parsed) = PlateNumber::parse(&text) {
            let masked = parsed.plate.masked();
            let shown = masked.chars().filter(|c| !"·*".contains(*c)).count();
            prop_assert!(shown + 2 <= parsed.plate.as_str().chars().count(), "{masked}");
            prop_assert!(!masked.contains(parsed.plate.as_str()));
            prop_assert_eq!(format!("{:?}", parsed.plate), masked);
        }
    }

    #[test]
    fn a_settled_colour_is_the_device_s_or_the_shape_s(
        text in plate_like(),
        device in proptest::option::of(color()),
    ) {
        if let Ok(parsed) = PlateNumber::parse(&text) {
            let (settled, warnings) = settle_color(&parsed.plate, device);
            if let Some(color) = settled {
                prop_assert!(device == Some(color) || parsed.plate.shape().colors() == [color]);
            }
            prop_assert!(warnings.len() <= 1);
        }
    }
}

fn plate(text: &str) -> PlateNumber {
    PlateNumber::parse(text)
        .unwrap_or_else(|fault| panic!("{text}: {fault}"))
        .plate
}

/// Texts of which a fair share are plates.
fn plate_like() -> impl Strategy<Value = String> {
    let shapes: Vec<&'static str> = SHAPES.iter().map(|(_, pattern)| *pattern).collect();
    let drawn = proptest::sample::select(shapes).prop_flat_map(|pattern| {
        pattern
            .chars()
            .map(|class| {
                let from: String = match class {
                    'p' => PROVINCES.into(),
                    'c' | 'l' => "ABDIOQZ".into(),
                    'n' | 't' => "0123456789ABDIOXZ".into(),
                    'd' => "0123456789IO".into(),
                    'e' => "DFAKI".into(),
                    'r' => "XS".into(),
                    literal => literal.into(),
                };
                proptest::sample::select(from.chars().collect::<Vec<_>>())
            })
            .collect::<Vec<_>>()
    });
    drawn.prop_map(String::from_iter)
}

fn color() -> impl Strategy<Value = PlateColor> {
    use PlateColor::*;
    proptest::sample::select(vec![Blue, Green, Yellow, Black, White, LimeGreen])
}
