//! `tariff.toml`: the form in which a price list is written (docs/tariffs.md).

use std::path::Path;

use super::document::{Document, Need, Section};
use super::fault::Faults;
use super::value::shortened;
use super::{Key, read_file};
use crate::lane::tariff::{Rounding, Spanning, Tariff, Total};
use crate::lane::time::Wall;

mod band;
mod calendar;
mod class;
mod contradiction;
mod example;
mod price;
mod prices;
mod zone;

pub use self::example::Example;

const MINUTE_MS: u64 = 60_000;
const HOUR_MS: u64 = 60 * MINUTE_MS;
const DAY_MS: u64 = 24 * HOUR_MS;
const HIGHEST_FEN: u64 = 1_000_000;
const HIGHEST_CAP_FEN: u64 = 100 * HIGHEST_FEN;

/// A tariff file: the price list and the examples that it gives.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TariffFile {
    pub tariff: Tariff,
    pub examples: Vec<Example>,
}

impl TariffFile {
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
}

impl Tariff {
    /// Reads and checks a tariff file.
    ///
    /// # Errors
    /// All faults of the file.
    pub fn load(file: &Path) -> Result<Self, Faults> {
        TariffFile::load(file).map(|file| file.tariff)
    }

    /// Checks the text of a tariff file; `file_name` stands in the faults.
    ///
    /// # Errors
    /// All faults of the text.
    pub fn from_toml(text: &str, file_name: &str) -> Result<Self, Faults> {
        TariffFile::from_toml(text, file_name).map(|file| file.tariff)
    }

    /// Reads the price lists that follow one another, the first of them in force already.
    ///
    /// # Errors
    /// All faults of all files; a later one must say from when it holds, and they must be in order.
    pub fn load_all<'a>(
        first: &Path,
        later: impl IntoIterator<Item = &'a Path>,
    ) -> Result<Self, Faults> {
        let mut faults = Vec::new();
        let mut load = |file: &Path| match Self::load(file) {
            Ok(tariff) => Some(tariff),
            Err(more) => {
                faults.extend(more.into_list());
                None
            }
        };
        let mut tariff = load(first);
        let lists: Vec<(&Path, Option<Self>)> =
            later.into_iter().map(|file| (file, load(file))).collect();
        let mut before: Option<Wall> = None;
        for (file, list) in lists {
            let Some(list) = list else { continue };
            let fix = match (list.from, before) {
                (None, _) => "a later price list needs its beginning; write from = \"2026-07-01\"",
                (Some(from), Some(before)) if from <= before => {
                    "begins before the one that stands before it; name later_files in their order"
                }
                (Some(_), _) => "",
            };
            if !fix.is_empty() {
                let name = file.display().to_string();
                faults.extend(Faults::of_file(&name, fix.to_owned()).into_list());
            }
            before = list.from.max(before);
            if let Some(tariff) = &mut tariff {
                tariff.later.push(list);
            }
        }
        match (Faults::of(faults), tariff) {
            (None, Some(tariff)) => Ok(tariff),
            (Some(faults), _) => Err(faults),
            (None, None) => Err(Faults::of_file(
                &first.display().to_string(),
                "cannot be used".to_owned(),
            )),
        }
    }

    /// Every key that a tariff file may have, in the order of `docs/configure.md`. A class takes the keys
    /// of the prices too.
    pub fn keys() -> Vec<Key> {
        let (_, _, keys) = Document::read_all("", "", read);
        keys
    }
}

fn read(root: &mut Section<'_>) -> TariffFile {
    let before = root.faults();
    let name = root.parsed("name", Need::Required, "1 to 64 characters", label);
    let version = root.parsed("version", Need::Required, "1 to 64 characters", label);
    let from = root.parsed("from", Need::Optional, DATE_OR_TIME, beginning);
    let spanning = root.choice(
        "spanning",
        Some("by-entry"),
        &[
            ("by-entry", Spanning::ByEntry),
            ("by-exit", Spanning::ByExit),
        ],
        &[],
    );
    let prices = prices::read(root, None);
    let grace_s = root.seconds(
        "grace_after_payment",
        Need::Default("\"15m\"".into()),
        15 * MINUTE_MS,
        0..=DAY_MS,
    );
    let total = root.section("total", total);
    let calendar = calendar::read(root);
    let classes = class::read(root, &prices);
    let zones = zone::read(root);
    let examples = example::read(root);
    let tariff = Tariff {
        name: name.unwrap_or_default(),
        version: version.unwrap_or_default(),
        prices,
        classes,
        zones,
        calendar,
        total,
        grace_s: grace_s.unwrap_or_default(),
        from,
        spanning: spanning.unwrap_or_default(),
        later: Vec::new(),
    };
    if root.faults() == before {
        contradiction::refuse(root, &tariff);
    }
    TariffFile { tariff, examples }
}

fn total(section: &mut Section<'_>) -> Total {
    let at_most_fen = section.integer("at_most_fen", Need::Optional, 1..=HIGHEST_CAP_FEN);
    let round_to_fen = section.integer("round_to_fen", Need::Default("1".into()), 1..=HIGHEST_FEN);
    let rounding = section.choice(
        "rounding",
        Some("half-up"),
        &[
            ("half-up", Rounding::HalfUp),
            ("down", Rounding::Down),
            ("up", Rounding::Up),
        ],
        &[],
    );
    let at_least_fen = section.integer("at_least_fen", Need::Optional, 1..=HIGHEST_FEN);
    if let (Some(least), Some(most)) = (at_least_fen, at_most_fen)
        && least > most
    {
        section.fault(
            "at_least_fen",
            format!("{least} is more than at_most_fen, {most}; write less"),
        );
    }
    Total {
        at_most_fen,
        round_to_fen: round_to_fen.filter(|unit| *unit > 1).unwrap_or_default(),
        rounding: rounding.unwrap_or_default(),
        at_least_fen,
    }
}

const DATE_OR_TIME: &str = "2026-07-01 or 2026-07-01T08:00";

fn beginning(text: &str) -> Result<Wall, String> {
    let spellings = [
        format!("{text}T00:00:00+08:00"),
        format!("{text}:00+08:00"),
        format!("{text}+08:00"),
    ];
    let mut read = spellings.iter().filter_map(|text| Wall::from_rfc3339(text));
    read.next().ok_or_else(|| {
        format!(
            "{:?} is no date; write {DATE_OR_TIME}, local time",
            shortened(text)
        )
    })
}

pub(super) fn label(text: &str) -> Result<String, String> {
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
    super::duration::format_ms(seconds.saturating_mul(1000))
}
