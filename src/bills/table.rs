//! The form that all bills have (`wechat-pay.md` 5.5): a head, lines whose cells begin with a back-tick, the head
//! of the sums, the sums. Read line by line, so that a large bill needs no memory.

use std::collections::BTreeMap;
use std::io::{self, BufRead, Read};

use super::money;

/// No line of a bill is longer; one that is ends the reading.
const LINE_MAX: u64 = 64 * 1024;

/// Why a bill cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum BillFault {
    /// Not to be read at all.
    #[error("the bill cannot be read")]
    Io(#[from] io::Error),
    /// Something else than UTF-8.
    #[error("line {0} of the bill is not text")]
    NotText(u64),
    /// Longer than any line of a bill.
    #[error("line {0} of the bill is too long")]
    TooLong(u64),
    /// A column that is needed is not there.
    #[error("the bill has no column {0}")]
    NoColumn(&'static str),
    /// A line with more or fewer cells than the bill has columns.
    #[error("line {line} of the bill has {cells} cells in place of {columns}")]
    Cells {
        line: u64,
        cells: usize,
        columns: usize,
    },
    /// A cell that is no amount.
    #[error("line {line} of the bill: {column} is no amount")]
    NoAmount { line: u64, column: &'static str },
    /// It ends before its sums.
    #[error("the bill ends before its sums: a part of it is missing")]
    Cut,
    /// Its sums are not those of its lines.
    #[error("the sums in the bill's last line are not those of its lines: {0}")]
    Sums(&'static str),
}

/// The names of the columns.
pub(super) struct Head(Vec<String>);

/// One line.
pub(super) struct Line<'a> {
    /// In which line of the file it stands, from 1.
    pub number: u64,
    cells: Vec<&'a str>,
}

/// The last line.
pub(super) struct Sums(BTreeMap<String, String>);

impl Head {
    /// Where the first of these columns is that the bill has.
    pub fn one_of(&self, names: &[&'static str]) -> Result<usize, BillFault> {
        let found = names.iter().find_map(|name| self.place(name));
        let first = names.first().copied().unwrap_or_default();
        found.ok_or(BillFault::NoColumn(first))
    }

    /// Where it is, if the bill has it.
    pub fn place(&self, name: &str) -> Option<usize> {
        self.0.iter().position(|column| column == name)
    }
}

impl<'a> Line<'a> {
    /// What stands there; nothing in a column that the bill has not got.
    pub fn text(&self, place: impl Into<Option<usize>>) -> &'a str {
        let place = place.into();
        place
            .and_then(|place| self.cells.get(place))
            .copied()
            .unwrap_or_default()
    }

    /// Whole fen, not less than nothing.
    pub fn fen(&self, place: usize, column: &'static str) -> Result<u64, BillFault> {
        money::read_fen(self.text(place)).ok_or(self.no_amount(column))
    }

    /// The same, in a column that not every bill has.
    pub fn fen_if_there(
        &self,
        place: Option<usize>,
        column: &'static str,
    ) -> Result<Option<u64>, BillFault> {
        place.map(|place| self.fen(place, column)).transpose()
    }

    /// Hundred-thousandths of a yuan.
    pub fn money(&self, place: usize, column: &'static str) -> Result<i64, BillFault> {
        money::read(self.text(place)).ok_or(self.no_amount(column))
    }

    fn no_amount(&self, column: &'static str) -> BillFault {
        BillFault::NoAmount {
            line: self.number,
            column,
        }
    }
}

impl Sums {
    /// The count must be there, and right.
    pub fn check_count(&self, column: &'static str, lines: u64) -> Result<(), BillFault> {
        let told = self.0.get(column).and_then(|text| text.parse().ok());
        match told == Some(lines) {
            true => Ok(()),
            false => Err(BillFault::Sums(column)),
        }
    }

    /// A sum that is there must be one of these, in hundred-thousandths of a yuan: not every kind of bill has
    /// every sum.
    pub fn check(&self, column: &'static str, expected: &[i64]) -> Result<(), BillFault> {
        let Some(text) = self.0.get(column) else {
            return Ok(());
        };
        match money::read(text).is_some_and(|told| expected.contains(&told)) {
            true => Ok(()),
            false => Err(BillFault::Sums(column)),
        }
    }
}

/// Reads a bill. `columns` finds what is needed in the head, `row` hears each line; `count` is the first column of
/// the sums.
///
/// # Errors
/// When it is none, or cut, or as `columns` and `row` say.
pub(super) fn read<C>(
    bill: impl BufRead,
    count: &'static str,
    columns: impl FnOnce(&Head) -> Result<C, BillFault>,
    mut row: impl FnMut(&C, &Line<'_>) -> Result<(), BillFault>,
) -> Result<Sums, BillFault> {
    let mut lines = Lines { bill, number: 0 };
    let head = lines.next()?.ok_or(BillFault::Cut)?;
    let head = Head(names(head.trim_start_matches('\u{FEFF}')));
    let columns = columns(&head)?;
    let sums_head = loop {
        let text = lines.next()?.ok_or(BillFault::Cut)?;
        if !text.starts_with('`') {
            if text.is_empty() {
                continue;
            }
            break names(&text);
        }
        row(&columns, &line(&text, lines.number, head.0.len())?)?;
    };
    if sums_head.first().map(String::as_str) != Some(count) {
        return Err(BillFault::NoColumn(count));
    }
    let text = lines.next()?.ok_or(BillFault::Cut)?;
    let sums = line(&text, lines.number, sums_head.len())?;
    let sums = sums.cells.into_iter().map(str::to_owned);
    Ok(Sums(sums_head.into_iter().zip(sums).collect()))
}

fn names(head: &str) -> Vec<String> {
    // A bracket of either width.
    let plain = |name: &str| name.trim().replace('（', "(").replace('）', ")");
    head.split(',').map(plain).collect()
}

/// Each cell begins with a back-tick: a comma within one is none between two.
fn line(text: &str, number: u64, columns: usize) -> Result<Line<'_>, BillFault> {
    let text = text.strip_prefix('`').unwrap_or(text);
    let cells: Vec<&str> = text.split(",`").collect();
    if cells.len() != columns {
        return Err(BillFault::Cells {
            line: number,
            cells: cells.len(),
            columns,
        });
    }
    Ok(Line { number, cells })
}

/// Lines without their ends, each within its limit.
struct Lines<R> {
    bill: R,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    fn next(&mut self) -> Result<Option<String>, BillFault> {
        let mut line = Vec::new();
        let mut limited = (&mut self.bill).take(LINE_MAX);
        if limited.read_until(b'\n', &mut line)? == 0 {
            return Ok(None);
        }
        self.number += 1;
        let is_full = u64::try_from(line.len()).is_ok_and(|length| length == LINE_MAX);
        if is_full && !line.ends_with(b"\n") {
            return Err(BillFault::TooLong(self.number));
        }
        let text = String::from_utf8(line).map_err(|_| BillFault::NotText(self.number))?;
        Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
    }
}
