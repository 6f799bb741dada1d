use proptest::prelude::*;

use super::*;

#[test]
fn distances_of_known_pairs() {
    for (a, b, halves) in [
        ("粤B6K7H2", "粤B6K7H2", 0),
        ("粤B6K7H8", "粤B6K7HB", 1),
        ("粤B6K7H2", "粤B6K7HZ", 1),
        ("苏E6P39B", "苏E6P398", 1),
        ("粤B6K7H2", "粤B6K7H3", 2),
        // A lost last character, and the D of a new-energy plate.
        ("粤B6K7H", "粤B6K7H2", 2),
        ("粤BD12873", "粤B12873", 2),
        ("粤BD12873", "BD12873", 2),
        // Provinces: look-alikes, others.
        ("粤B6K7H2", "鄂B6K7H2", 1),
        ("粤B6K7H2", "湘B6K7H2", 2),
        ("粤B0K1H2", "粤BDKTHZ", 3),
        ("粤B6K7H2", "粤B7K6H2", 4),
        // The suffix of a cross-border plate read as a letter, and dropped.
        ("粤Z7F26港", "粤Z7F26A", 2),
        ("粤Z7F26港", "粤Z7F26", 2),
        ("", "粤B6K7H2", 14),
    ] {
        assert_eq!(distance(a, b, None), HalfEdits(halves), "{a} {b}");
        assert_eq!(distance(b, a, None), HalfEdits(halves), "{b} {a}");
    }
}

#[test]
fn the_home_province_weighs_little() {
    let home = Some('粤');
    assert_eq!(distance("粤B6K7H2", "湘B6K7H2", home), HalfEdits(1));
    assert_eq!(distance("B6K7H2", "粤B6K7H2", home), HalfEdits(1));
    assert_eq!(distance("湘B6K7H2", "赣B6K7H2", home), HalfEdits(2));
    assert_eq!(distance("B6K7H2", "湘B6K7H2", home), HalfEdits(2));
}

#[test]
fn one_near_plate_is_found() {
    let inside = plates(&["粤B6K7H2", "粤B12873", "京A1357警"]);
    assert_eq!(
        best("粤B6K7HZ", &inside, &Rules::default()),
        Match::Unique {
            plate: &inside[0],
            distance: HalfEdits(1)
        }
    );
    assert_eq!(best("沪C99999", &inside, &Rules::default()), Match::None);
    assert_eq!(best("粤B6K7HZ", &[], &Rules::default()), Match::None);
}

#[test]
fn two_close_plates_are_refused() {
    let inside = plates(&["粤B6K7H2", "粤B6K7H3", "粤BD12873"]);
    assert_eq!(
        best("粤B6K7HZ", &inside, &Rules::default()),
        Match::Ambiguous {
            nearest: &inside[0],
            distance: HalfEdits(1),
            rival: &inside[1],
            rival_distance: HalfEdits(2),
        }
    );
    // Whatever the order.
    assert_eq!(
        best("粤B6K7HZ", inside.iter().rev(), &Rules::default()),
        best("粤B6K7HZ", &inside, &Rules::default())
    );
    // Equal is not near.
    assert_eq!(
        best("粤B6K7H3", &inside, &Rules::default()),
        Match::Unique {
            plate: &inside[1],
            distance: HalfEdits(0)
        }
    );
}

#[test]
fn a_plate_parked_twice_is_no_rival_of_itself() {
    let inside = plates(&["粤B6K7H2", "粤B6K7H2"]);
    assert!(matches!(
        best("粤B6K7HZ", &inside, &Rules::default()),
        Match::Unique { .. }
    ));
}

#[test]
fn the_attendant_s_list_is_nearest_first() {
    let inside = plates(&["粤B6K7H3", "粤B12873", "粤B6K7H2", "粤B6K7H2"]);
    let listed = ranked(" 粤b·6k7hz", &inside, &Rules::default(), 5);
    let listed: Vec<_> = listed
        .iter()
        .map(|(d, plate)| (d.0, plate.as_str()))
        .collect();
    assert_eq!(listed, [(1, "粤B6K7H2"), (2, "粤B6K7H3")]);
    assert_eq!(ranked("粤B6K7HZ", &inside, &Rules::default(), 1).len(), 1);
}

proptest! {
    #[test]
    fn distance_is_symmetric_and_zero_only_for_equals(
        a in text(), b in text(), home in proptest::option::of(Just('粤')),
    ) {
        let there = distance(&a, &b, home);
        prop_assert_eq!(there, distance(&b, &a, home));
        prop_assert_eq!(there == HalfEdits(0), a == b);
    }

    #[test]
    fn one_wrong_character_is_within_one_edit(a in text(), at in any::<prop::sample::Index>(), c in "[0-9A-Z]") {
        let mut chars: Vec<char> = a.chars().collect();
        prop_assume!(!chars.is_empty());
        let at = at.index(chars.len());
        chars[at] = c.chars().next().unwrap();
        prop_assert!(distance(&a, &String::from_iter(chars), None) <= HalfEdits::ONE_EDIT);
    }

    #[test]
    fn best_never_picks_one_of_two_that_are_close(
        read in text(), inside in proptest::collection::vec(plate(), 0..12),
    ) {
        let rules = Rules { home: Some('粤'), ..Rules::default() };
        if let Match::Unique { plate, distance: found } = best(&read, &inside, &rules) {
            prop_assert!(found <= rules.limit);
            for other in inside.iter().filter(|other| *other != plate) {
                let other = distance(&plate::normalise(&read), other.as_str(), rules.home);
                prop_assert!(other > found);
                prop_assert!(found == HalfEdits(0) || other.0 >= found.0 + rules.margin.0);
            }
        }
    }

    #[test]
    fn long_and_strange_texts_are_far(a in any::<String>(), b in any::<String>()) {
        prop_assert_eq!(distance(&a, &b, None) == HalfEdits(0), a == b);
    }
}

fn plates(texts: &[&str]) -> Vec<PlateNumber> {
    texts
        .iter()
        .map(|text| PlateNumber::parse(text).unwrap().plate)
        .collect()
}

fn text() -> impl Strategy<Value = String> {
    "[粤鄂湘]?B?[0-9A-Z]{0,6}[港警]?"
}

fn plate() -> impl Strategy<Value = PlateNumber> {
    "[粤鄂湘]B6[KX]7[HMN][28ZB]".prop_map(|text| PlateNumber::parse(&text).unwrap().plate)
}
