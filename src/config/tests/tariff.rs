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
    assert_eq!(tariff.free_s, 1800);
    assert!(!tariff.free_counts_once_exceeded);
    let first = tariff.first.unwrap();
    assert_eq!(
        (first.for_s, first.every_s.get(), first.fen),
        (7200, 3600, 500)
    );
    assert_eq!(tariff.then.unwrap().fen, 300);
    assert_eq!(tariff.cap_fen, Some(2800));
}

#[test]
fn a_first_block_without_a_unit_is_one_unit() {
    let text = format!("{RIGHT}first = {{ for = \"24h\", fen = 1000 }}\n");
    let tariff = Tariff::from_toml(&text, "tariff.toml").unwrap();
    let first = tariff.first.unwrap();
    assert_eq!(first.every_s.get(), first.for_s);
    assert_eq!(tariff.free_s, 0);
    assert!(tariff.free_counts_once_exceeded);
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
            "4:15: [cap] per: \"1d\" is unknown; write \"24h\"",
        ),
        (
            "then = { every = \"90500ms\", fen = 500 }",
            "3:18: [then] every: parts of a second are not priced; write whole seconds",
        ),
        (
            "then = { every = \"1h\", fen = 5.0 }",
            "3:30: [then] fen: found a decimal number; write a whole number from 0 to 1000000",
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
        color: None,
    });
    let example = quote.display(Wall(1_772_413_200_000)).to_string();
    assert!(
        include_str!("../../../docs/money.md").contains(&format!("```\n{example}\n```")),
        "{example}"
    );
}
