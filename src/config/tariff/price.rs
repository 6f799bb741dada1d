//! Blocks, steps and tables.

use std::num::NonZeroU64;

use super::super::document::{Need, Section, Written};
use super::{DAY_MS, HIGHEST_CAP_FEN, HIGHEST_FEN, HOUR_MS, MINUTE_MS, in_words};
use crate::lane::tariff::{Block, Price, Row, Steps};

/// Which units count.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Count {
    Started,
    Full,
}

pub(super) fn read(section: &mut Section<'_>) -> Price {
    Price {
        first: section.tables("first", Written::Inline, block),
        then: section.optional_section("then", steps),
        per_visit_fen: section.integer("per_visit_fen", Need::Optional, 0..=HIGHEST_FEN),
        table: table(section),
    }
}

/// Whether a section says anything of it.
pub(super) fn is_given(section: &Section<'_>) -> bool {
    ["first", "then", "per_visit_fen", "table", "band"]
        .iter()
        .any(|key| section.has(key))
}

fn block(section: &mut Section<'_>) -> Block {
    let before = section.faults();
    let for_s = section.seconds("for", Need::Required, HOUR_MS, MINUTE_MS..=DAY_MS);
    let as_for = Need::Default("as for".into());
    let every_s = section.seconds("every", as_for, HOUR_MS, MINUTE_MS..=DAY_MS);
    let fen = section.integer("fen", Need::Required, 0..=HIGHEST_FEN);
    let for_s = for_s.unwrap_or_default();
    let every_s = every_s.unwrap_or(for_s);
    let tail_s = tail(section, every_s);
    if section.faults() == before && !for_s.is_multiple_of(every_s) {
        section.fault(
            "every",
            format!(
                "does not divide the block of {}; write a unit that does",
                in_words(for_s)
            ),
        );
    }
    Block {
        for_s,
        every_s: non_zero(every_s),
        fen: fen.unwrap_or_default(),
        tail_s,
    }
}

fn steps(section: &mut Section<'_>) -> Steps {
    let every_s = section.seconds("every", Need::Required, HOUR_MS, MINUTE_MS..=DAY_MS);
    let fen = section.integer("fen", Need::Required, 0..=HIGHEST_FEN);
    let every_s = every_s.unwrap_or_default();
    Steps {
        every_s: non_zero(every_s),
        fen: fen.unwrap_or_default(),
        tail_s: tail(section, every_s),
    }
}

/// What a rest of a unit may last without being counted; the whole unit where only full ones count.
fn tail(section: &mut Section<'_>, every_s: u64) -> u64 {
    let counts = [("started", Count::Started), ("full", Count::Full)];
    let count = section.choice("count", Some("started"), &counts, &[]);
    let given = section.has("tail");
    let none = Need::Default("\"0s\"".into());
    let tail_s = section.seconds("tail", none, 15 * MINUTE_MS, 0..=DAY_MS);
    let tail_s = tail_s.unwrap_or_default();
    match count {
        Some(Count::Full) => {
            if given {
                let text = "of full units no rest counts; leave tail out";
                section.fault("tail", text.to_owned());
            }
            every_s
        }
        _ if every_s > 0 && tail_s >= every_s => {
            let text = "as long as the unit; write count = \"full\" and leave tail out";
            section.fault("tail", text.to_owned());
            0
        }
        _ => tail_s,
    }
}

fn table(section: &mut Section<'_>) -> Vec<Row> {
    let before = section.faults();
    let rows = section.tables("table", Written::Inline, row);
    let is_sorted = rows.is_sorted_by(|a, b| a.up_to_s < b.up_to_s && a.fen <= b.fen);
    if section.faults() == before && !is_sorted {
        section.fault(
            "table",
            "rows must rise: each up_to longer than the one before, and no cheaper".to_owned(),
        );
    }
    rows
}

fn row(section: &mut Section<'_>) -> Row {
    let up_to_s = section.seconds("up_to", Need::Required, HOUR_MS, MINUTE_MS..=31 * DAY_MS);
    let fen = section.integer("fen", Need::Required, 0..=HIGHEST_CAP_FEN);
    Row {
        up_to_s: up_to_s.unwrap_or_default(),
        fen: fen.unwrap_or_default(),
    }
}

/// Zero comes only of a fault, and then no tariff is made.
fn non_zero(seconds: u64) -> NonZeroU64 {
    NonZeroU64::new(seconds).unwrap_or(NonZeroU64::MIN)
}
