//! Against a terminal that understands as much as is sent to it.

use proptest::prelude::*;
use unicode_width::UnicodeWidthChar;

use crate::cli::demo::foot::{Foot, Money, Standings};
use crate::cli::demo::page::Page;
use crate::cli::demo::paint::Paint;

#[test]
fn the_foot_stays_below_the_lines() {
    let mut terminal = Glass::new(80);
    let mut page = Page::new(Paint::none());
    let mut foot = Foot::default();
    terminal.show(&page.write(&lines(&["粤B12345 drives up"]), Some(&foot), 80));
    foot.typed = "粤B1".into();
    terminal.show(&page.write(&lines(&["粤B12345 is inside"]), Some(&foot), 80));
    let shown = terminal.text();
    assert_eq!(shown.len(), 4, "{shown:?}");
    assert_eq!(shown[0], "粤B12345 drives up");
    assert_eq!(shown[1], "粤B12345 is inside");
    assert!(shown[2].starts_with("0 inside | queue empty"));
    assert!(shown[3].starts_with("plate> 粤B1   Enter"));
    assert_eq!(terminal.cursor(), (3, 11));
    terminal.show(&page.write(&lines(&["over"]), None, 80));
    assert_eq!(
        terminal.text(),
        ["粤B12345 drives up", "粤B12345 is inside", "over"]
    );
}

proptest! {
    #[test]
    fn no_line_is_torn_whatever_the_width(
        steps in proptest::collection::vec(
            (any_lines(), "[A-Z粤港]{0,24}", 0_u64..1_000_000_000, 1_usize..160),
            1..12,
        ),
    ) {
        let mut terminal = Glass::new(80);
        let mut page = Page::new(Paint::none());
        let mut told = Vec::new();
        for (lines, typed, fen, columns) in steps {
            terminal.resize(columns);
            let waiting = Money { count: fen % 7, fen };
            let foot = Foot {
                standings: Standings { waiting, ..Standings::default() },
                typed,
            };
            terminal.show(&page.write(&lines, Some(&foot), columns));
            told.extend(lines);
        }
        terminal.resize(80);
        terminal.show(&page.write(&[], None, 80));
        prop_assert_eq!(terminal.text(), told);
    }
}

fn any_lines() -> impl Strategy<Value = Vec<String>> {
    proptest::collection::vec("[a-z粤→]{1,200}", 0..4)
}

fn lines(texts: &[&str]) -> Vec<String> {
    texts.iter().map(|text| (*text).to_owned()).collect()
}

/// A terminal that is high enough for everything, and breaks its lines anew when it is resized. A
/// line is kept whole and looked at in rows.
struct Glass {
    columns: usize,
    lines: Vec<Vec<char>>,
    /// Line, and column within it were it one row.
    at: (usize, usize),
}

impl Glass {
    fn new(columns: usize) -> Self {
        Self {
            columns,
            lines: vec![Vec::new()],
            at: (0, 0),
        }
    }

    fn resize(&mut self, columns: usize) {
        self.columns = columns;
    }

    /// Lines without the last one if that is empty.
    fn text(&self) -> Vec<String> {
        let mut text: Vec<String> = self
            .lines
            .iter()
            .map(|line| line.iter().collect())
            .collect();
        if text.last().is_some_and(String::is_empty) {
            text.pop();
        }
        text
    }

    fn cursor(&self) -> (usize, usize) {
        self.at
    }

    fn show(&mut self, sent: &str) {
        let mut chars = sent.chars().peekable();
        while let Some(c) = chars.next() {
            match c {
                '\n' => {
                    self.lines.truncate(self.at.0 + 1);
                    self.lines.push(Vec::new());
                    self.at = (self.at.0 + 1, 0);
                }
                '\r' => self.at.1 -= self.at.1 % self.columns,
                '\x1b' => {
                    assert_eq!(chars.next(), Some('['));
                    let mut parameters = String::new();
                    let last = loop {
                        match chars.next().unwrap() {
                            c @ ('0'..='9' | '?') => parameters.push(c),
                            c => break c,
                        }
                    };
                    self.obey(&parameters, last);
                }
                c => {
                    let line = &mut self.lines[self.at.0];
                    assert_eq!(self.at.1, width(line), "written over something");
                    line.push(c);
                    self.at.1 += c.width().unwrap();
                }
            }
        }
    }

    fn obey(&mut self, parameters: &str, last: char) {
        match last {
            'h' | 'l' => assert_eq!(parameters, "?2026"),
            'C' => self.at.1 += parameters.parse::<usize>().unwrap(),
            'A' => {
                for _ in 0..parameters.parse::<usize>().unwrap() {
                    self.up();
                }
            }
            'J' => {
                self.lines.truncate(self.at.0 + 1);
                let mut kept = 0;
                let columns = self.at.1;
                self.lines[self.at.0].retain(|c| {
                    kept += c.width().unwrap();
                    kept <= columns
                });
            }
            other => panic!("{other}"),
        }
    }

    /// One row up, at its beginning or wherever that is in a row of this line.
    fn up(&mut self) {
        match self.at.1.checked_sub(self.columns) {
            Some(column) => self.at.1 = column,
            None => {
                assert!(self.at.0 > 0, "beyond the first line");
                self.at.0 -= 1;
                let rows = width(&self.lines[self.at.0]).div_ceil(self.columns).max(1);
                self.at.1 = (rows - 1) * self.columns;
            }
        }
    }
}

fn width(line: &[char]) -> usize {
    line.iter().map(|c| c.width().unwrap()).sum()
}
