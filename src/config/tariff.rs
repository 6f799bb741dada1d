//! `tariff.toml`: the form in which a price list is written.

use std::num::NonZeroU64;
use std::path::Path;

use super::document::{Document, Need, Section};
use super::duration::format_ms;
use super::fault::Faults;
use super::value::shortened;
use super::{Key, read_file};
use crate::lane::tariff::{DAY_S, FirstBlock, Steps, Tariff};

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
const HIGHEST_FEN: u64 = 1_000_000;

impl Tariff {
    /// Reads and checks a tariff file.
    ///
    /// # Errors
    /// All faults of the file.
    pub fn load(file: &Path) -> Result<Self, Faults> {
        let file_name = file.display().to_string();
        Self::from_toml(&read_file(file, &file_name)?, &file_name)
    }

    /// Checks the text of a tariff file; `file_name` stands in the faults.
    ///
    /// # Errors
    /// All faults of the text.
    pub fn from_toml(text: &str, file_name: &str) -> Result<Self, Faults> {
        Document::read(file_name, text, read)
    }

    /// Every key that a tariff file may have, in the order of `docs/configure.md`.
    pub fn keys() -> Vec<Key> {
        let (_, _, keys) = Document::read_all("", "", read);
        keys
    }
}

fn read(root: &mut Section<'_>) -> Tariff {
    let before = root.faults();
    let name = root.parsed("name", Need::Required, "1 to 64 characters", label);
    let version = root.parsed("version", Need::Required, "1 to 64 characters", label);
    let free_s = root.seconds(
        "free",
        Need::Default("\"0s\"".into()),
        15 * MINUTE_MS,
        0..=DAY_MS,
    );
    let free_counts_once_exceeded = root.flag("free_counts_once_exceeded", true);
    let first = root.optional_section("first", first_block);
    let then = root.optional_section("then", steps);
    let cap_fen = root.optional_section("cap", cap);
    let tariff = Tariff {
        name: name.unwrap_or_default(),
        version: version.unwrap_or_default(),
        free_s: free_s.unwrap_or_default(),
        free_counts_once_exceeded,
        first,
        then,
        cap_fen,
    };
    if root.faults() == before {
        refuse_contradictions(root, &tariff);
    }
    tariff
}

fn first_block(section: &mut Section<'_>) -> FirstBlock {
    let before = section.faults();
    let for_s = section.seconds("for", Need::Required, HOUR_MS, MINUTE_MS..=DAY_MS);
    let as_for = Need::Default("as for".into());
    let every_s = section.seconds("every", as_for, HOUR_MS, MINUTE_MS..=DAY_MS);
    let fen = section.integer("fen", Need::Required, 0..=HIGHEST_FEN);
    let for_s = for_s.unwrap_or_default();
    let every_s = every_s.unwrap_or(for_s);
    if section.faults() == before && !for_s.is_multiple_of(every_s) {
        section.fault(
            "every",
            format!(
                "does not divide the block of {}; write a unit that does",
                in_words(for_s)
            ),
        );
    }
    FirstBlock {
        for_s,
        every_s: non_zero(every_s),
        fen: fen.unwrap_or_default(),
    }
}

fn steps(section: &mut Section<'_>) -> Steps {
    let every_s = section.seconds("every", Need::Required, HOUR_MS, MINUTE_MS..=DAY_MS);
    let fen = section.integer("fen", Need::Required, 0..=HIGHEST_FEN);
    Steps {
        every_s: non_zero(every_s.unwrap_or_default()),
        fen: fen.unwrap_or_default(),
    }
}

fn cap(section: &mut Section<'_>) -> u64 {
    section.choice("per", Some("24h"), &[("24h", ())], &[]);
    section
        .integer("fen", Need::Required, 0..=100 * HIGHEST_FEN)
        .unwrap_or_default()
}

fn refuse_contradictions(root: &Section<'_>, tariff: &Tariff) {
    match (tariff.first, tariff.then) {
        (None, None) => root.fault(
            "then",
            "no price; write then = { every = \"1h\", fen = … } (fen = 0 for a car park that costs nothing)".into(),
        ),
        (Some(first), None) if first.for_s < DAY_S => root.fault(
            "first",
            format!(
                "nothing says what the time from {} to 24h costs; add then = {{ every = \"1h\", fen = … }}, or write for = \"24h\"",
                in_words(first.for_s)
            ),
        ),
        (Some(first), Some(_)) if first.for_s == DAY_S => root.fault(
            "then",
            "never reached, since the first block lasts 24h and then starts anew; leave it out".into(),
        ),
        _ => {}
    }
    let first_unit_fen = match (tariff.first, tariff.then) {
        (Some(first), _) => first.fen,
        (None, Some(then)) => then.fen,
        (None, None) => 0,
    };
    if let Some(cap_fen) = tariff.cap_fen.filter(|cap_fen| *cap_fen < first_unit_fen) {
        root.fault(
            "cap.fen",
            format!(
                "{cap_fen} is less than the first unit costs, {first_unit_fen}; write at least that"
            ),
        );
    }
}

fn label(text: &str) -> Result<String, String> {
    let fits = !text.trim().is_empty()
        && text.chars().count() <= 64
        && !text.chars().any(char::is_control);
    match fits {
        true => Ok(text.to_owned()),
        false => Err(format!(
            "{:?} is no name; write 1 to 64 characters",
            shortened(text)
        )),
    }
}

fn in_words(seconds: u64) -> String {
    format_ms(seconds.saturating_mul(1000))
}

/// Zero comes only of a fault, and then no tariff is made.
fn non_zero(seconds: u64) -> NonZeroU64 {
    NonZeroU64::new(seconds).unwrap_or(NonZeroU64::MIN)
}
