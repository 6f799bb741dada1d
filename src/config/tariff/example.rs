//! `[[example]]`: what a stay must cost by this price list, as data.

use super::super::document::{Need, Section, Written};
use super::super::value::shortened;
use super::{HIGHEST_CAP_FEN, label};
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::tariff::{Quote, Stay, Tariff, Visit};
use crate::lane::time::Wall;

/// A stay and its fee, as a municipal table, a sign or a sum on paper has it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Example {
    pub name: String,
    pub stay: Stay,
    pub fee_fen: u64,
    /// Whether the stay of the example before it was the same car's earlier visit.
    pub same_car: bool,
}

const TIME: &str = "2026-03-02T08:10 or with seconds, local time";

const COLORS: [(&str, PlateColor); 6] = [
    ("blue", PlateColor::Blue),
    ("green", PlateColor::Green),
    ("yellow", PlateColor::Yellow),
    ("black", PlateColor::Black),
    ("white", PlateColor::White),
    ("lime-green", PlateColor::LimeGreen),
];

impl Example {
    /// What the stays of examples cost by a price list, each after those of the same car.
    pub fn quotes(examples: &[Self], tariff: &Tariff) -> Vec<Quote> {
        let mut tally = None;
        let mut quotes = Vec::new();
        for example in examples {
            let stay = Stay {
                tally: tally.filter(|_| example.same_car),
                ..example.stay.clone()
            };
            tally = tariff.tally(&stay);
            quotes.push(tariff.quote(&stay));
        }
        quotes
    }
}

pub(super) fn read(root: &mut Section<'_>) -> Vec<Example> {
    root.tables("example", Written::Sections, one)
}

fn one(section: &mut Section<'_>) -> Example {
    let before = section.faults();
    let name = section.parsed("name", Need::Required, "1 to 64 characters", label);
    let entry = section.parsed("entry", Need::Required, TIME, time);
    let exit = section.parsed("exit", Need::Required, TIME, time);
    let plate = section.parsed("plate", Need::Optional, "a plate", |text| {
        PlateNumber::parse(text)
            .map(|parsed| parsed.plate)
            .map_err(|fault| format!("{fault}; write province, letter and serial"))
    });
    let mut words = COLORS.map(|(word, color)| (word, Some(color))).to_vec();
    words.push(("unknown", None));
    let color = section.choice("color", Some("unknown"), &words, &[]);
    let fee_fen = section.integer("fee_fen", Need::Required, 0..=HIGHEST_CAP_FEN);
    let same_car = section.flag("same_car", false);
    let (entry, exit) = (entry.unwrap_or_default(), exit.unwrap_or_default());
    let visits = section.tables("visits", Written::Inline, |section| {
        visit(section, entry, exit)
    });
    let duration_ms = exit.0.checked_sub(entry.0).map(u64::try_from);
    if section.faults() == before && !matches!(duration_ms, Some(Ok(_))) {
        section.fault("exit", "before the entry; write a later time".to_owned());
    }
    Example {
        name: name.unwrap_or_default(),
        stay: Stay {
            entry,
            duration_ms: duration_ms.and_then(Result::ok).unwrap_or_default(),
            color: color.flatten(),
            plate,
            visits,
            ..Stay::default()
        },
        fee_fen: fee_fen.unwrap_or_default(),
        same_car,
    }
}

/// A time in a zone.
fn visit(section: &mut Section<'_>, entry: Wall, exit: Wall) -> Visit {
    let before = section.faults();
    let zone = section.parsed("zone", Need::Required, "1 to 64 characters", label);
    let from = section.parsed("from", Need::Required, TIME, time);
    let to = section.parsed("to", Need::Required, TIME, time);
    let (from, to) = (from.unwrap_or_default(), to.unwrap_or_default());
    let is_within = entry <= from && from <= to && to <= exit;
    if section.is_given() && section.faults() == before && !is_within {
        let text = "not within the stay; write entry, from, to and exit in this order";
        section.fault("from", text.to_owned());
    }
    let after_ms = |wall: Wall| u64::try_from(wall.0.saturating_sub(entry.0)).unwrap_or(0);
    Visit {
        zone: zone.unwrap_or_default(),
        from_ms: after_ms(from),
        to_ms: Some(after_ms(to)),
    }
}

fn time(text: &str) -> Result<Wall, String> {
    let with_t = text.replacen(' ', "T", 1);
    let spellings = [
        format!("{with_t}:00+08:00"),
        format!("{with_t}+08:00"),
        with_t,
    ];
    let mut read = spellings.iter().filter_map(|text| Wall::from_rfc3339(text));
    read.next().ok_or_else(|| {
        let found = shortened(text);
        format!("{found:?} is no time; write {TIME}")
    })
}
