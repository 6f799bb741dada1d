//! Where the records come from: a ledger's folder, or what `parkgate ledger export` printed.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use serde::Deserialize;
use serde_json::Value;

use super::{Report, Rerun, Span};
use crate::lane::number::{LedgerId, SessionId};
use crate::lane::time::Wall;
use crate::park::rules::Rules;
use crate::store::ledger::{Ledger, LedgerError};
use crate::store::record::{Class, Record as Stored};
use crate::story::head::decided_at;
use crate::story::steps::is_before;

/// A folder of segments, or a file of JSON lines.
#[derive(Clone, Debug)]
pub enum Source {
    Folder(PathBuf),
    Export(PathBuf),
}

/// Why nothing can be run again.
#[derive(Debug, thiserror::Error)]
pub enum SourceError {
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// The file cannot be read.
    #[error("cannot read {}", .path.display())]
    File {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    /// A line is not a record.
    #[error(
        "{}, line {line}: not a record as `parkgate ledger export` prints it, at column {column}",
        .path.display()
    )]
    Line {
        path: PathBuf,
        line: usize,
        column: usize,
    },
}

impl Source {
    /// What the path names: a folder with a ledger in it, or a file.
    pub fn at(path: &Path) -> Self {
        match path.is_dir() {
            true => Self::Folder(path.to_owned()),
            false => Self::Export(path.to_owned()),
        }
    }

    /// Runs all of it again, by the recorded rules or by others.
    ///
    /// # Errors
    /// When it cannot be read.
    pub fn rerun(&self, span: Span, change: Option<Rules>) -> Result<Report, SourceError> {
        match self {
            Self::Folder(dir) => rerun_folder(dir, span, change),
            Self::Export(path) => rerun_export(path, span, change),
        }
    }
}

/// Begins at the newest checkpoint before the span.
fn rerun_folder(dir: &Path, span: Span, change: Option<Rules>) -> Result<Report, SourceError> {
    let commits = match span.from {
        Some(from) => Ledger::read_since(dir, |commits| is_before(commits, from))?,
        None => Ledger::read_all(dir)?,
    };
    let mut rerun = Rerun::new(commits.ledger_id().unwrap_or_default(), span, change);
    for commit in commits {
        let commit = commit?;
        for (seq, stored) in (commit.first_seq..).zip(&commit.records) {
            if is_over(stored, span.to) {
                return Ok(rerun.end());
            }
            rerun.take(seq, stored);
        }
    }
    Ok(rerun.end())
}

fn rerun_export(path: &Path, span: Span, change: Option<Rules>) -> Result<Report, SourceError> {
    let mut rerun = Rerun::new(ledger_of(path)?, span, change);
    for line in lines(path)? {
        let (seq, stored) = line?;
        if is_over(&stored, span.to) {
            break;
        }
        rerun.take(seq, &stored);
    }
    Ok(rerun.end())
}

/// A day after the span, since clocks are set back now and then, and only by one that was trusted.
fn is_over(stored: &Stored, to: Option<Wall>) -> bool {
    const DAY_MS: i64 = 24 * 3_600_000;
    let Some(to) = to else { return false };
    decided_at(stored).is_some_and(|now| now.trusted && now.wall >= to.plus_ms(DAY_MS))
}

/// An export does not name its ledger, but every stay does.
fn ledger_of(path: &Path) -> Result<LedgerId, SourceError> {
    const SESSION_OPENED: u16 = 16;
    for line in lines(path)? {
        let (_, stored) = line?;
        if stored.kind != SESSION_OPENED {
            continue;
        }
        let payload: Value = serde_json::from_slice(&stored.payload).unwrap_or(Value::Null);
        let id = payload.pointer("/session/id").and_then(Value::as_str);
        if let Some(ledger) = id.and_then(|id| LedgerId::of_session(&SessionId(id.to_owned()))) {
            return Ok(ledger);
        }
    }
    Ok(LedgerId::default())
}

type Lines = Box<dyn Iterator<Item = Result<(u64, Stored), SourceError>>>;

fn lines(path: &Path) -> Result<Lines, SourceError> {
    let path = path.to_owned();
    let failed = {
        let path = path.clone();
        move |source| SourceError::File {
            path: path.clone(),
            source,
        }
    };
    let file = File::open(&path).map_err(&failed)?;
    let lines = BufReader::new(file).lines().enumerate();
    Ok(Box::new(lines.map(move |(at, line)| {
        let line = line.map_err(&failed)?;
        record(&line).map_err(|wrong| SourceError::Line {
            path: path.clone(),
            line: at + 1,
            column: wrong.column(),
        })
    })))
}

fn record(line: &str) -> Result<(u64, Stored), serde_json::Error> {
    #[derive(Deserialize)]
    struct Line {
        seq: u64,
        class: String,
        kind: u16,
        version: u16,
        payload: Value,
    }
    let line: Line = serde_json::from_slice(line.as_bytes())?;
    let payload = match line.payload {
        Value::Null => Vec::new(),
        payload => serde_json::to_vec(&payload)?,
    };
    let stored = Stored {
        class: Class::from_name(&line.class),
        kind: line.kind,
        version: line.version,
        payload,
    };
    Ok((line.seq, stored))
}
