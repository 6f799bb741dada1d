//! What is wrong in a file, said so that the reader can mend it.

use std::fmt;
use std::ops::Range;

/// One thing wrong in a file: where, what, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Fault {
    /// The file's name as it was given.
    pub file: String,
    /// None where the file as a whole is at fault.
    pub position: Option<Position>,
    /// Section and key, `[exit] budget`; empty where no key is meant.
    pub place: String,
    /// The fault and its fix.
    pub text: String,
}

/// A place in a text, both from 1; columns count characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Position {
    pub line: usize,
    pub column: usize,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.file)?;
        if let Some(Position { line, column }) = self.position {
            write!(f, ":{line}:{column}")?;
        }
        if !self.place.is_empty() {
            write!(f, ": {}", self.place)?;
        }
        write!(f, ": {}", self.text)
    }
}

/// Every fault of a file or of several, sorted by file and line; never empty.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// None if there is nothing to report.
    pub(super) fn of(mut list: Vec<Fault>) -> Option<Self> {
        list.sort();
        (!list.is_empty()).then_some(Self(list))
    }

    /// A file that could not be used at all.
    pub(super) fn of_file(file: &str, text: String) -> Self {
        Self(vec![Fault {
            file: file.to_owned(),
            position: None,
            place: String::new(),
            text,
        }])
    }

    /// The faults in the order in which they are printed.
    pub fn list(&self) -> &[Fault] {
        &self.0
    }

    pub(super) fn into_list(self) -> Vec<Fault> {
        self.0
    }
}

/// Faults that are printed; who has mended these sees the rest.
const PRINTED_MAX: usize = 50;

/// A line for each fault, then how many there are.
impl fmt::Display for Faults {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for fault in self.0.iter().take(PRINTED_MAX) {
            writeln!(f, "{fault}")?;
        }
        match self.0.len() {
            1 => f.write_str("1 fault"),
            many if many > PRINTED_MAX => {
                write!(f, "{many} faults; the first {PRINTED_MAX} are above")
            }
            many => write!(f, "{many} faults"),
        }
    }
}

impl std::error::Error for Faults {}

/// Where the byte `offset` of `text` stands.
pub(super) fn position(text: &str, offset: usize) -> Position {
    let before = text.get(..offset).unwrap_or(text);
    let last_line = before.rsplit('\n').next().unwrap_or(before);
    Position {
        line: before.matches('\n').count() + 1,
        column: last_line.chars().count() + 1,
    }
}

/// What stands at `span`, for quoting: its first line, cut to a length that fits on a screen.
pub(super) fn excerpt(text: &str, span: &Range<usize>) -> String {
    const SHOWN: usize = 40;
    let found = text.get(span.clone()).unwrap_or_default();
    let line = found.lines().next().unwrap_or_default();
    let shown: String = line.chars().take(SHOWN).collect();
    if shown.len() < found.len() {
        format!("{shown}…")
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_count_characters_not_bytes() {
        let text = "name = \"停车场\" # 注\nid = 1";
        let at = |needle: &str| position(text, text.find(needle).unwrap());
        assert_eq!(
            at("#"),
            Position {
                line: 1,
                column: 14
            }
        );
        assert_eq!(at("1"), Position { line: 2, column: 6 });
        assert_eq!(position(text, 10_000).line, 2);
        assert_eq!(position("", 0), Position { line: 1, column: 1 });
    }
}
