use super::super::*;
use crate::lane::tariff::Stay;
use crate::lane::time::Wall;

const RIGHT: &str = "name = \"t\"\nversion = \"1\"\n";

#[test]
fn the_forms_are_read() {
    let tariff = Tariff::from_toml(
        r#"
        name = "Station garage"
        version = "2026-03"
        free = "30m"
        free_counts_once_exceeded = false
        first = { for = "2h", every = "1h", fen = 500 }
        then = { every = "1h", fen = 300 }
        cap = { per = "24h", fen = 2800 }
        "#,
        "tariff.toml",
    )
    .unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(tariff.prices.free_s, 1800);
    assert!(!tariff.prices.free_counts_once_exceeded);
    let first = tariff.prices.price.first[0];
    assert_eq!(
        (first.for_s, first.every_s.get(), first.fen),
        (7200, 3600, 500)
    );
    assert_eq!(tariff.prices.price.then.unwrap().fen, 300);
    assert_eq!(tariff.prices.cap_fen, Some(2800));
}

#[test]
fn a_first_block_without_a_unit_is_one_unit() {
    let text = format!("{RIGHT}first = {{ for = \"24h\", fen = 1000 }}\n");
    let tariff = Tariff::from_toml(&text, "tariff.toml").unwrap();
    let first = tariff.prices.price.first[0];
    assert_eq!(first.every_s.get(), first.for_s);
    assert_eq!(tariff.prices.free_s, 0);
    assert!(tariff.prices.free_counts_once_exceeded);
}

#[test]
fn contradictions_are_refused_with_their_fix() {
    for (added, fault) in [
        (
            "",
            "1:1: then: no price; write then = { every = \"1h\", fen = … } (fen = 0 for a car park that costs nothing)",
        ),
        (
            "first = { for = \"1h\", fen = 500 }",
            "3:9: [first]: nothing says what the time from 1h to 24h costs; add then = { every = \"1h\", fen = … }, or write for = \"24h\"",
        ),
        (
            "first = { for = \"24h\", fen = 500 }\nthen = { every = \"1h\", fen = 1 }",
            "4:8: [then]: never reached, since the first block lasts 24h and then starts anew; leave it out",
        ),
        (
            "first = { for = \"90m\", every = \"1h\", fen = 500 }\nthen = { every = \"1h\", fen = 1 }",
            "3:32: [first] every: does not divide the block of 90m; write a unit that does",
        ),
        (
            "then = { every = \"1h\", fen = 500 }\ncap = { per = \"24h\", fen = 400 }",
            "4:28: [cap] fen: 400 is less than the first unit costs, 500; write at least that",
        ),
        (
            "then = { every = \"1h\", fen = 500 }\ncap = { per = \"1d\", fen = 4000 }",
            "4:15: [cap] per: \"1d\" is unknown; write \"24h\" or \"day\" or \"stay\"",
        ),
        (
            "then = { every = \"90500ms\", fen = 500 }",
            "3:18: [then] every: parts of a second are not priced; write whole seconds",
        ),
        (
            "then = { every = \"1h\", fen = 5.0 }",
            "3:30: [then] fen: found a decimal number; write a whole number from 0 to 1000000, in fen: 5 yuan are 500",
        ),
        (
            "free = 30\nthen = { every = \"1h\", fen = 500 }",
            "3:8: free: found a whole number; write a duration in quotes, such as \"15m\"",
        ),
        (
            "fre = \"30m\"\nthen = { every = \"1h\", fen = 500 }",
            "3:1: fre: unknown key; did you mean \"free\"?",
        ),
        (
            "then = { fen = 500 }",
            "3:8: [then] every: missing; write every = …, 1m – 24h",
        ),
    ] {
        let text = format!("{RIGHT}{added}\n");
        let faults = Tariff::from_toml(&text, "tariff.toml")
            .unwrap_err()
            .to_string();
        assert_eq!(faults, format!("tariff.toml:{fault}\n1 fault"), "{added}");
    }
}

#[test]
fn the_example_in_the_documentation_is_true() {
    let tariff = include_str!("../../../firmware-config/tariff.toml");
    let tariff = Tariff::from_toml(tariff, "tariff.toml").unwrap();
    let quote = tariff.quote(&Stay {
        entry: Wall(1_772_413_200_000), // 2026-03-02T09:00:00+08:00
        duration_ms: 250 * 60_000,
        ..Stay::default()
    });
    let example = quote.display(Wall(1_772_413_200_000)).to_string();
    assert!(
        include_str!("../../../docs/money.md").contains(&format!("```\n{example}\n```")),
        "{example}"
    );
}

#[test]
fn contradictions_of_bands_days_and_classes_are_refused_with_their_fix() {
    const HOURLY: &str = "then = { every = \"1h\", fen = 500 }\n";
    let night = "[[band]]\nname = \"night\"\nfrom = \"19:00\"\nto = \"07:00\"\n";
    for (added, fault) in [
        (
            format!("{night}{HOURLY}"),
            "3:1: [[band]]: nothing says what the time from 07:00 costs; add a band, or then = { every = \"1h\", fen = … } for the time outside bands".to_owned(),
        ),
        (
            format!("{HOURLY}{night}"),
            "4:1: [[band]] then: no price; write then = { every = \"1h\", fen = … } (fen = 0 for free hours)".to_owned(),
        ),
        (
            format!("{HOURLY}{night}first = {{ for = \"1h\", fen = 5 }}\n"),
            "8:9: [[band]] first: nothing says what the time from 1h to 12h costs; add then = { every = \"1h\", fen = … }, or write for = \"12h\"".to_owned(),
        ),
        (
            format!("{HOURLY}{night}per_visit_fen = 500\n{}per_visit_fen = 500\n", night.replace("night", "late").replace("19", "22")),
            "9:1: [[band]]: \"night\" and \"late\" both hold at 22:00; make one end where the other begins".to_owned(),
        ),
        (
            format!("{HOURLY}{night}days = [\"holiday\"]\nper_visit_fen = 500\n"),
            "4:1: [[band]]: \"night\" is for holidays, and no [[calendar]] has any; add one with holidays".to_owned(),
        ),
        (
            format!("{HOURLY}{night}days = [\"fair\"]\nper_visit_fen = 500\n"),
            "4:1: [[band]]: \"night\" is for \"fair\", which is no kind of day, no date and no [[calendar]] with days; write workday, weekend, holiday, makeup, a day of the week or a date".to_owned(),
        ),
        (
            format!("{HOURLY}[[band]]\nname = \"b\"\nfrom = \"7\"\nper_visit_fen = 5\n"),
            "6:8: [[band]] from: \"7\" is no time of day; write hours and minutes, such as \"07:30\"".to_owned(),
        ),
        (
            format!("{HOURLY}[[calendar]]\nname = \"c\"\nholidays = [\"2026-02-30\"]\n"),
            "6:13: [[calendar]] holidays: \"2026-02-30\" is no date; write year-month-day, \"2026-02-17\"".to_owned(),
        ),
        (
            format!("{HOURLY}[[calendar]]\nname = \"c\"\nworkdays = [\"2026-02-16\"]\n"),
            "6:13: [[calendar]] workdays: 2026-02-16 is no Saturday or Sunday; a weekday is worked anyway".to_owned(),
        ),
        (
            format!("{HOURLY}[[class]]\nname = \"c\"\nkinds = [\"smal\"]\n"),
            "6:10: [[class]] kinds: \"smal\" is unknown; write \"small\"".to_owned(),
        ),
        (
            format!("{HOURLY}[[class]]\nname = \"c\"\npercent_off = 50\n"),
            "5:8: [[class]] name: has no vehicles; write kinds or plates".to_owned(),
        ),
        (
            format!("{HOURLY}[[class]]\nname = \"a\"\nkinds = [\"small\"]\n[[class]]\nname = \"b\"\nkinds = [\"small\"]\n"),
            "7:1: [[class]]: \"small\" stands in \"a\" and in \"b\"; leave one out".to_owned(),
        ),
        (
            "table = [{ up_to = \"2h\", fen = 5 }, { up_to = \"1h\", fen = 9 }]\nthen = { every = \"1h\", fen = 500 }\n".to_owned(),
            "3:9: table: rows must rise: each up_to longer than the one before, and no cheaper".to_owned(),
        ),
        (
            format!("{HOURLY}per_visit_fen = 500\n"),
            "4:17: per_visit_fen: one price for a visit leaves nothing to count; leave first, then and table out".to_owned(),
        ),
        (
            "then = { every = \"1h\", fen = 500, tail = \"1h\" }\n".to_owned(),
            "3:42: [then] tail: as long as the unit; write count = \"full\" and leave tail out".to_owned(),
        ),
        (
            format!("{HOURLY}cap = {{ per = \"stay\", fen = 900, shared = true }}\n"),
            "4:43: [cap] shared: visits share the cap of 24 h or of a day; write per = \"24h\" and fen".to_owned(),
        ),
        (
            format!("{HOURLY}free_again = \"each-window\"\n"),
            "4:14: free_again: there is no free time; write free = \"…\" or leave it out".to_owned(),
        ),
        (
            format!("{HOURLY}[[example]]\nname = \"e\"\nentry = \"2026-03-02T08:10\"\nexit = \"2026-03-02T08:09\"\nfee_fen = 0\n"),
            "7:8: [[example]] exit: before the entry; write a later time".to_owned(),
        ),
    ] {
        let text = format!("{RIGHT}{added}");
        let faults = Tariff::from_toml(&text, "tariff.toml").unwrap_err();
        assert_eq!(faults.to_string(), format!("tariff.toml:{fault}\n1 fault"), "{added}");
    }
}

#[test]
fn a_class_is_as_everybody_in_what_it_leaves_out() {
    let tariff = Tariff::from_toml(
        r#"
        name = "t"
        version = "1"
        free = "15m"
        then = { every = "1h", fen = 500 }
        cap = { per = "day", fen = 3000 }
        [[band]]
        name = "night"
        from = "19:00"
        to = "07:00"
        per_visit_fen = 500
        [[class]]
        name = "new energy"
        kinds = ["new-energy-small"]
        free = "2h"
        [[class]]
        name = "large"
        kinds = ["large"]
        then = { every = "1h", fen = 900 }
        "#,
        "tariff.toml",
    )
    .unwrap_or_else(|faults| panic!("{faults}"));
    let [new_energy, large] = &tariff.classes[..] else {
        panic!("{:?}", tariff.classes);
    };
    assert_eq!(new_energy.prices.free_s, 7200);
    assert_eq!(new_energy.prices.bands, tariff.prices.bands);
    assert_eq!(new_energy.prices.price, tariff.prices.price);
    assert_eq!(large.prices.free_s, 900);
    assert!(large.prices.bands.is_empty());
    assert_eq!(large.prices.cap_fen, Some(3000));
    assert_eq!(large.prices.window, tariff.prices.window);
}

#[test]
fn price_lists_follow_one_another() {
    let folder = tempfile::tempdir().unwrap();
    let write = |name: &str, from: &str| {
        let file = folder.path().join(name);
        let text = format!("{RIGHT}{from}then = {{ every = \"1h\", fen = 500 }}\n");
        std::fs::write(&file, text).unwrap();
        file
    };
    let first = write("a.toml", "");
    let july = write("b.toml", "from = \"2026-07-01\"\n");
    let august = write("c.toml", "from = \"2026-08-01T06:00\"\n");
    let load = |later: &[&std::path::PathBuf]| {
        Tariff::load_all(&first, later.iter().map(|file| file.as_path()))
    };
    let tariff = load(&[&july, &august]).unwrap();
    assert_eq!(tariff.later.len(), 2);
    let from = tariff.later[1].from.unwrap();
    assert_eq!(from.to_rfc3339(), "2026-08-01T06:00:00+08:00");
    let wrong = load(&[&august, &july]).unwrap_err().to_string();
    assert!(wrong.contains("b.toml: begins before"), "{wrong}");
    let wrong = load(&[&first]).unwrap_err().to_string();
    assert!(wrong.contains("needs its beginning"), "{wrong}");
}

const TOWER: &str = "then = { every = \"1h\", fen = 500 }\n[[zone]]\nname = \"tower\"\nthen = { every = \"1h\", fen = 200 }\n";

#[test]
fn a_zone_has_prices_of_its_own_and_takes_over_none() {
    let text = format!(
        "{RIGHT}free = \"30m\"\n{TOWER}passing = \"10m\"\n[[zone.band]]\nname = \"night\"\nfrom = \"20:00\"\nto = \"08:00\"\nper_visit_fen = 300\n[[zone.class]]\nname = \"large\"\nkinds = [\"large\"]\npercent_off = 10\n"
    );
    let tariff = Tariff::from_toml(&text, "tariff.toml").unwrap_or_else(|f| panic!("{f}"));
    let zone = &tariff.zones[0];
    assert!(zone.stops_clock);
    assert_eq!((zone.passing_s, zone.prices.free_s), (600, 0));
    assert_eq!(zone.prices.bands[0].name, "night");
    assert_eq!(zone.classes[0].prices.bands, zone.prices.bands);
}

#[test]
fn contradictions_of_zones_are_refused_with_their_fix() {
    for (added, fault) in [
        (
            "passing = \"10m\"\nouter_clock = \"goes-on\"\n",
            "7:11: [[zone]] passing: time outside is counted anyway where the outer clock goes on; leave it out",
        ),
        (
            "cap = { fen = 900, shared = true }\n",
            "7:29: [[zone]] cap.shared: each time in a zone has its cap; leave it out",
        ),
        (
            "free = \"15m\"\nfree_again = \"first-visit-of-day\"\n",
            "8:14: [[zone]] free_again: each time in a zone has its free time; leave it out",
        ),
        (
            "[[zone]]\nname = \"tower\"\nper_visit_fen = 5\n",
            "4:1: [[zone]]: \"tower\" is there twice; leave one out",
        ),
        (
            "[[zone.band]]\nname = \"a\"\nfrom = \"08:00\"\nto = \"18:00\"\nper_visit_fen = 1\n[[zone.band]]\nname = \"b\"\nfrom = \"17:00\"\nto = \"19:00\"\nper_visit_fen = 1\n",
            "12:1: [[zone.band]]: \"a\" and \"b\" both hold at 17:00; make one end where the other begins",
        ),
    ] {
        let text = format!("{RIGHT}{TOWER}{added}");
        let faults = Tariff::from_toml(&text, "t").unwrap_err();
        assert_eq!(faults.to_string(), format!("t:{fault}\n1 fault"), "{added}");
    }
    let shared = format!("{RIGHT}cap = {{ fen = 900, shared = true }}\n{TOWER}");
    let faults = Tariff::from_toml(&shared, "t").unwrap_err().to_string();
    assert!(
        faults.starts_with("t:3:29: [cap] shared: a cap that visits share"),
        "{faults}"
    );
}

/// What a new user does wrong, and what he is told: the line where it is, and what to write instead.
#[test]
fn the_mistakes_of_a_new_user_are_told_where_they_are() {
    const HOUR: &str = "then = { every = \"1h\", fen = 500 }\n";
    let band = |name: &str, from: &str, to: &str, rest: &str| {
        format!("[[band]]\nname = \"{name}\"\nfrom = \"{from}\"\nto = \"{to}\"\n{rest}\n")
    };
    let visit = "per_visit_fen = 1";
    let early = band("早", "07:00", "12:00", visit);
    for (text, fault) in [
        (
            format!(
                "{RIGHT}{HOUR}{early}{}",
                band("午", "11:00", "13:00", visit)
            ),
            "9:1: [[band]]: \"早\" and \"午\" both hold at 11:00; make one end where the other begins",
        ),
        (
            format!(
                "{RIGHT}{HOUR}{}",
                band(
                    "d",
                    "07:00",
                    "19:00",
                    "then = { every = \"1h\", fen = 900 }\ncap_fen = 500"
                )
            ),
            "9:11: [[band]] cap_fen: 500 is less than the first unit costs, 900; write at least that",
        ),
        (
            format!(
                "{RIGHT}{HOUR}cap = {{ fen = 800 }}\n{}",
                band("d", "07:00", "19:00", "per_visit_fen = 900")
            ),
            "4:15: [cap] fen: 800 is less than the first unit costs in \"d\", 900; write at least that",
        ),
        (
            format!("{RIGHT}{HOUR}{early}free = \"30m\"\n"),
            "9:1: [[band]] free: belongs to no section; move it up, above the first line with [ ]",
        ),
        (
            format!("{RIGHT}{HOUR}[[band]]\nname = \"h\"\ndays = [\"holidays\"]\n{visit}\n"),
            "4:1: [[band]]: \"h\" is for \"holidays\", which is no kind of day, no date and no [[calendar]] with days; write \"holiday\"",
        ),
        (
            "name ＝ \"停车场\"\n".to_owned(),
            "1:6: not TOML: key with no value, expected `=`; write = and not ＝",
        ),
        (
            "name = “停车场”\n".to_owned(),
            "1:8: not TOML: string values must be quoted, expected literal string; write \" and not “",
        ),
        (
            "停车 = 3\n".to_owned(),
            "1:1: not TOML: invalid unquoted key, expected letters, numbers, `-`, `_`; keys are those of docs/configure.md; other text stands in quotes",
        ),
        (
            format!("{RIGHT}{HOUR}{HOUR}"),
            "4:1: not TOML: duplicate key; it stands above already; leave one out",
        ),
        (
            format!("{RIGHT}then = {{ every = \"1h\", fen = \"5元\" }}\n"),
            "3:30: [then] fen: found a text; write a whole number from 0 to 1000000, in fen: 5 yuan are 500",
        ),
    ] {
        let faults = Tariff::from_toml(&text, "t").unwrap_err().to_string();
        assert_eq!(faults, format!("t:{fault}\n1 fault"), "{text}");
    }
}

/// As Notepad writes it: a byte order mark, and both signs at the ends of lines.
#[test]
fn a_file_from_windows_is_read() {
    let text =
        format!("\u{feff}{RIGHT}then = {{ every = \"1h\", fen = 500 }}\n").replace('\n', "\r\n");
    let tariff = Tariff::from_toml(&text, "t").unwrap_or_else(|faults| panic!("{faults}"));
    assert_eq!(tariff.name, "t");
}
