//! Stays to price, from a file: CSV with a head line, or the JSON of `parkgate sessions list --json` or
//! `parkgate charges export --json`.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::cli::when::when;
use crate::json;
use crate::lane::plate::PlateNumber;
use crate::lane::tariff::{Stay, Visit};
use crate::lane::time::Wall;

/// What a file of stays holds.
#[derive(Debug, Default)]
pub(super) struct Sessions {
    /// In the order of their exits.
    pub stays: Vec<Stay>,
    /// Lines without an entry and an exit, such as cars that are still inside.
    pub left_out: usize,
}

/// Why a file of stays cannot be used.
#[derive(Debug, thiserror::Error)]
pub(super) enum BadSessions {
    #[error("{}: cannot be read ({source}); check the name and the rights", .path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error(
        "{}: no column is called entry, and none exit; write a head line with entry,exit and, for classes and shared caps, plate,color", .0.display()
    )]
    NoColumns(PathBuf),
    #[error("{}: line {line}: {what}", .path.display())]
    Line {
        path: PathBuf,
        line: usize,
        what: String,
    },
}

const ENTRY: [&str; 3] = ["entry", "entered", "entered_at"];
const EXIT: [&str; 4] = ["exit", "exited", "exited_at", "left"];

impl Sessions {
    pub(super) fn load(path: &Path) -> Result<Self, BadSessions> {
        let text = std::fs::read_to_string(path).map_err(|source| BadSessions::Unreadable {
            path: path.to_owned(),
            source,
        })?;
        let mut sessions = Self::default();
        match text.trim_start().starts_with(['{', '[']) {
            true => sessions.take_json(path, &text)?,
            false => sessions.take_csv(path, &text)?,
        }
        sessions.stays.sort_by_key(super::quote::exit_of);
        Ok(sessions)
    }

    fn take_csv(&mut self, path: &Path, text: &str) -> Result<(), BadSessions> {
        let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
        let head: Vec<&str> = lines
            .next()
            .map_or(Vec::new(), |(_, line)| line.split(',').map(bare).collect());
        let column = |names: &[&str]| head.iter().position(|name| names.contains(name));
        let (Some(entry), Some(exit)) = (column(&ENTRY), column(&EXIT)) else {
            return Err(BadSessions::NoColumns(path.to_owned()));
        };
        let (plate, color) = (column(&["plate"]), column(&["color"]));
        for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
            let cells: Vec<&str> = line.split(',').map(bare).collect();
            let cell = |at: Option<usize>| at.and_then(|at| cells.get(at).copied()).unwrap_or("");
            let row = [
                cell(Some(entry)),
                cell(Some(exit)),
                cell(plate),
                cell(color),
            ];
            self.take(path, index + 1, row, Vec::new())?;
        }
        Ok(())
    }

    /// One document, or a line for each stay.
    fn take_json(&mut self, path: &Path, text: &str) -> Result<(), BadSessions> {
        let wrong = |line: usize, error: &serde_json::Error| BadSessions::Line {
            path: path.to_owned(),
            line,
            what: format!("no JSON: {error}"),
        };
        let rows: Vec<(usize, Value)> = match serde_json::from_slice::<Value>(text.as_bytes()) {
            Ok(document) => list_in(document).into_iter().map(|row| (1, row)).collect(),
            Err(_) => {
                let lines = text.lines().enumerate();
                let lines = lines.filter(|(_, line)| !line.trim().is_empty());
                let rows = lines.map(|(index, line)| {
                    let row = serde_json::from_slice(line.as_bytes());
                    row.map(|row| (index + 1, row))
                        .map_err(|error| wrong(index + 1, &error))
                });
                rows.collect::<Result<_, _>>()?
            }
        };
        for (line, row) in rows {
            let visits = row["visits"]["list"].clone();
            let field = |names: &[&str]| {
                let found = names.iter().find_map(|name| row.get(name)?.as_str());
                found.unwrap_or("")
            };
            let row = [
                field(&ENTRY),
                field(&EXIT),
                field(&["plate"]),
                field(&["color"]),
            ];
            let visits = json::typed::<Vec<Visit>>(&visits).unwrap_or_default();
            self.take(path, line, row, visits)?;
        }
        Ok(())
    }

    fn take(
        &mut self,
        path: &Path,
        line: usize,
        row: [&str; 4],
        visits: Vec<Visit>,
    ) -> Result<(), BadSessions> {
        let [entry, exit, plate, color] = row;
        if entry.is_empty() || exit.is_empty() {
            self.left_out += 1;
            return Ok(());
        }
        let wrong = |what: String| BadSessions::Line {
            path: path.to_owned(),
            line,
            what,
        };
        let time = |text: &str| when(text).map_err(|fix| wrong(format!("{text:?}: {fix}")));
        let (entry, exit): (Wall, Wall) = (time(entry)?, time(exit)?);
        let duration_ms = u64::try_from(exit.0.saturating_sub(entry.0))
            .map_err(|_| wrong("the exit is before the entry".to_owned()))?;
        self.stays.push(Stay {
            entry,
            duration_ms,
            color: super::color(color).ok(),
            plate: PlateNumber::parse(plate).ok().map(|parsed| parsed.plate),
            visits,
            ..Stay::default()
        });
        Ok(())
    }
}

fn bare(cell: &str) -> &str {
    cell.trim().trim_matches('"')
}

/// The list that a document is, or that stands in it.
fn list_in(document: Value) -> Vec<Value> {
    match document {
        Value::Array(rows) => rows,
        Value::Object(fields) => {
            let is_row = fields.contains_key("entry") || fields.contains_key("entered");
            match is_row {
                true => vec![Value::Object(fields)],
                false => fields
                    .into_iter()
                    .find_map(|(_, value)| match value {
                        Value::Array(rows) => Some(rows),
                        _ => None,
                    })
                    .unwrap_or_default(),
            }
        }
        _ => Vec::new(),
    }
}
