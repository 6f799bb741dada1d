//! Comparing the tree with itself and with the truth, and making up for what is missing.

use std::collections::VecDeque;
use std::ops::{Bound, RangeInclusive};

use super::digest::Tallies;
use super::fault::{Fault, Wrong};
use super::frame;
use super::meta::{META_KEY, Meta};
use super::row::{Change, Origin, Prefix, Row};
use super::table::Table;
use super::tree::Tree;
use super::{Level, Page, Truth};

/// Rows read or written at once, so that neither costs much memory.
const PAGE: usize = 256;
/// From so many records on it is told how far their rows are.
const MANY: u64 = 50_000;

/// Brings a tree that is whole to what the truth says, unsynced; returns how many rows that took.
///
/// A tree that only lags is repaired, and an empty one is filled in the same way. Derived rows come
/// first and the sequence number rises last, so that a crash on the way leaves a tree that lags.
///
/// # Errors
/// [`Wrong`] where lagging does not explain what was found.
pub(super) fn settle(
    tree: Tree,
    truth: &mut dyn Truth,
    filling: &dyn Fn(u64, u64),
    is_wanted: &dyn Fn() -> bool,
) -> Result<(Table, usize), Fault> {
    let level = truth.level(is_wanted).map_err(Fault::Truth)?;
    let meta = inspect(&tree, level)?;
    let mut table = Table::new(tree, meta);
    let behind = table.last_seq();
    let mut repaired = compare(&mut table, truth, is_wanted)?;
    repaired += replay(&mut table, truth, level.last_seq, filling)?;
    repaired += follow_erasures(&mut table, truth, behind)?;
    Ok((table, repaired))
}

/// Turns the derived rows of the table into those of the truth, page by page. While it lasts the park goes
/// on: what changes behind a page reaches the table by its batch.
fn compare(
    table: &mut Table,
    truth: &mut dyn Truth,
    is_wanted: &dyn Fn() -> bool,
) -> Result<usize, Fault> {
    let behind = table.last_seq();
    let mut found = Derived::default();
    let mut repaired = 0;
    let mut last: Option<(Prefix, Vec<u8>)> = None;
    loop {
        let from = last.as_ref().map(|(prefix, key)| (*prefix, &key[..]));
        let page = truth.derived(from, is_wanted).map_err(Fault::Truth)?;
        let Page {
            last_seq,
            rows,
            next,
        } = page;
        let mut changes = Vec::new();
        for row in &rows {
            found.up_to(table, row, &mut changes)?;
        }
        found.surplus(table, next.as_ref(), &mut changes)?;
        if last_seq == behind && !changes.is_empty() {
            return Err(Wrong::Differs(changes.len()).into());
        }
        // Page by page: an empty tree is filled with all of it.
        let mut changes = changes.into_iter().peekable();
        while changes.peek().is_some() {
            repaired += table.write(behind, changes.by_ref().take(PAGE))?;
        }
        if next.is_none() {
            return Ok(repaired);
        }
        last = next;
    }
}

/// Derived rows of the tree in the order of their prefixes and keys, a page at a time.
#[derive(Default)]
struct Derived {
    /// Which of the prefixes is read.
    at: usize,
    from: Vec<u8>,
    page: VecDeque<Row>,
}

impl Derived {
    /// What turns the rows up to the one that is wanted into it.
    fn up_to(
        &mut self,
        table: &Table,
        wanted: &Row,
        changes: &mut Vec<Change>,
    ) -> Result<(), Fault> {
        let at = (wanted.prefix, &wanted.key[..]);
        while let Some(row) = self.next(table)? {
            if (row.prefix, &row.key[..]) > at {
                self.page.push_front(row);
                break;
            }
            if row == *wanted {
                return Ok(());
            }
            if (row.prefix, &row.key[..]) == at {
                break;
            }
            changes.push(delete(row));
        }
        changes.push(Change::Put(wanted.clone()));
        Ok(())
    }

    /// The rows up to this place, or all that are left: nobody wants them.
    fn surplus(
        &mut self,
        table: &Table,
        end: Option<&(Prefix, Vec<u8>)>,
        changes: &mut Vec<Change>,
    ) -> Result<(), Fault> {
        while let Some(row) = self.next(table)? {
            let is_behind =
                |(prefix, key): &(Prefix, Vec<u8>)| (row.prefix, &row.key) > (*prefix, key);
            if end.is_some_and(is_behind) {
                self.page.push_front(row);
                return Ok(());
            }
            changes.push(delete(row));
        }
        Ok(())
    }

    fn next(&mut self, table: &Table) -> Result<Option<Row>, Fault> {
        while self.page.is_empty() {
            let Some(prefix) = Prefix::DERIVED.get(self.at) else {
                return Ok(None);
            };
            let rows = table.scan(*prefix, &self.from, PAGE)?;
            match rows.last() {
                Some(last) => self.from = [&last.key[..], &[0]].concat(),
                None => {
                    self.at += 1;
                    self.from.clear();
                }
            }
            self.page = rows.into();
        }
        Ok(self.page.pop_front())
    }
}

/// Takes out what was erased while nobody could tell the index. What it read from the ledger just now, the
/// records behind `behind`, is as the ledger has it.
fn follow_erasures(table: &mut Table, truth: &mut dyn Truth, behind: u64) -> Result<usize, Fault> {
    let mut swept = 0;
    loop {
        let rows = table.scan(Prefix::Erasure, &[], PAGE)?;
        if rows.is_empty() {
            return Ok(swept);
        }
        for row in rows {
            if let Some((first, last)) = row.erased()
                && first <= behind
            {
                swept += sweep(table, truth, first..=last)?;
            }
            forget(table, row)?;
        }
    }
}

/// As [`sweep`], and then of every erasure that ends with these records: so many of them as nobody could
/// tell of are made up for.
pub(super) fn follow_erasure(
    table: &mut Table,
    truth: &mut dyn Truth,
    seqs: RangeInclusive<u64>,
) -> Result<usize, Fault> {
    let mut swept = sweep(table, truth, seqs.clone())?;
    for row in table.scan(Prefix::Erasure, &[], PAGE)? {
        let Some((first, last)) = row.erased() else {
            continue;
        };
        if last <= *seqs.end() {
            if first < *seqs.start() {
                swept += sweep(table, truth, first..=last)?;
            }
            forget(table, row)?;
        }
    }
    Ok(swept)
}

fn forget(table: &mut Table, row: Row) -> Result<(), Fault> {
    table.write(table.last_seq(), [delete(row)])?;
    Ok(())
}

fn delete(row: Row) -> Change {
    let Row { prefix, key, .. } = row;
    Change::Delete { prefix, key }
}

/// Deletes the history rows of these records that the truth does not tell any more, since their payloads
/// were erased. Returns how many went.
pub(super) fn sweep(
    table: &mut Table,
    truth: &mut dyn Truth,
    seqs: RangeInclusive<u64>,
) -> Result<usize, Fault> {
    let (first, last) = (*seqs.start(), (*seqs.end()).min(table.last_seq()));
    let mut found = Found::new(first, last);
    let mut swept = 0;
    for batch in truth
        .history(first.saturating_sub(1))
        .map_err(Fault::Truth)?
    {
        let batch = batch.map_err(Fault::Truth)?;
        for change in batch.changes {
            if let Change::Put(row) = change
                && row.prefix == Prefix::History
            {
                swept += found.up_to(table, Some(&row.key))?;
                found.pass(&row.key);
            }
        }
        if batch.last_seq >= last {
            break;
        }
    }
    Ok(swept + found.up_to(table, None)?)
}

/// History rows of the tree in the order of their keys, a page at a time.
struct Found {
    from: Vec<u8>,
    last: [u8; 8],
    page: VecDeque<Vec<u8>>,
    ended: bool,
}

impl Found {
    fn new(first: u64, last: u64) -> Self {
        Self {
            from: first.to_be_bytes().to_vec(),
            last: last.to_be_bytes(),
            page: VecDeque::new(),
            ended: false,
        }
    }

    /// Deletes what comes before a key, or all that is left.
    fn up_to(&mut self, table: &mut Table, end: Option<&[u8]>) -> Result<usize, Fault> {
        let mut swept = 0;
        loop {
            if self.page.is_empty() && !self.ended {
                self.turn(table)?;
            }
            let is_before = |key: &[u8]| end.is_none_or(|end| key < end);
            let count = self.page.iter().take_while(|key| is_before(key)).count();
            let keys = self.page.drain(..count);
            let gone: Vec<Change> = keys
                .map(|key| Change::Delete {
                    prefix: Prefix::History,
                    key,
                })
                .collect();
            swept += table.write(table.last_seq(), gone)?;
            if self.ended || !self.page.is_empty() {
                return Ok(swept);
            }
        }
    }

    /// Leaves a key that is in order.
    fn pass(&mut self, key: &[u8]) {
        if self.page.front().is_some_and(|front| front[..] == *key) {
            self.page.pop_front();
        }
    }

    fn turn(&mut self, table: &Table) -> Result<(), Fault> {
        let rows = table.scan(Prefix::History, &self.from, PAGE)?;
        self.ended = rows.len() < PAGE;
        if let Some(last) = rows.last() {
            self.from = [&last.key[..], &[0]].concat();
            self.ended |= last.key[..] > self.last[..];
        }
        let keys = rows.into_iter().map(|row| row.key);
        self.page = keys.filter(|key| key[..] <= self.last[..]).collect();
        Ok(())
    }
}

/// Writes the history rows of the commits that the table has not seen.
fn replay(
    table: &mut Table,
    truth: &mut dyn Truth,
    until: u64,
    filling: &dyn Fn(u64, u64),
) -> Result<usize, Fault> {
    let from = table.last_seq();
    if from >= until {
        return Ok(0);
    }
    let of = until - from;
    let mut tenths = 0;
    let mut pending = Vec::new();
    let mut written = 0;
    for batch in truth.history(table.last_seq()).map_err(Fault::Truth)? {
        let batch = batch.map_err(Fault::Truth)?;
        if batch.last_seq > until {
            break;
        }
        let done = batch.last_seq.saturating_sub(from);
        if of >= MANY && done * 10 / of > tenths {
            tenths = done * 10 / of;
            filling(done, of);
        }
        let is_wanted = |change: &Change| match change {
            // What is read from here on is as the ledger has it now.
            Change::Put(row) if row.prefix == Prefix::Erasure => {
                row.erased().is_some_and(|(first, _)| first <= from)
            }
            change => change.prefix().origin() == Origin::History,
        };
        pending.extend(batch.changes.into_iter().filter(is_wanted));
        if pending.len() >= PAGE {
            written += table.write(batch.last_seq, pending.drain(..))?;
        }
    }
    Ok(written + table.write(until, pending)?)
}

/// Reads every row, and tells what they are by the tree's own account.
fn inspect(tree: &Tree, level: Level) -> Result<Meta, Fault> {
    let mut meta = None;
    let mut counted = Tallies::default();
    for_each(tree, |tree_key, value| {
        if tree_key == META_KEY {
            meta = Some(Meta::decode(value).ok_or(Wrong::UnknownMeta)?);
            return Ok(());
        }
        let (first, key) = tree_key.split_first().ok_or(Wrong::UnknownPrefix(0))?;
        let prefix = Prefix::from_byte(*first).ok_or(Wrong::UnknownPrefix(*first))?;
        counted.add(prefix, key, value);
        Ok(())
    })?;
    match meta {
        Some(meta) => {
            judge(&meta, &counted, level)?;
            Ok(meta)
        }
        None if counted == Tallies::default() => Ok(Meta::empty(level.ledger)),
        None => Err(Wrong::NoMeta.into()),
    }
}

/// Whether the rows are those of an index that is level with the truth, or only lags.
fn judge(meta: &Meta, counted: &Tallies, level: Level) -> Result<(), Wrong> {
    if let Some(prefix) = meta.tallies.difference(counted) {
        return Err(Wrong::Count(prefix));
    }
    if meta.ledger != level.ledger {
        return Err(Wrong::OtherLedger(meta.ledger));
    }
    if meta.last_seq > level.last_seq {
        return Err(Wrong::Ahead {
            index: meta.last_seq,
            ledger: level.last_seq,
        });
    }
    Ok(())
}

/// Hands every key and verified value to `each`.
fn for_each(
    tree: &Tree,
    mut each: impl FnMut(&[u8], &[u8]) -> Result<(), Wrong>,
) -> Result<(), Fault> {
    let mut last: Option<Vec<u8>> = None;
    loop {
        let from = last.as_deref().map_or(Bound::Unbounded, Bound::Excluded);
        let page = tree.page(from, PAGE)?;
        for (tree_key, framed) in &page {
            let (_, value) = frame::open(tree_key, framed).map_err(Wrong::Frame)?;
            each(tree_key, value)?;
        }
        match page.into_iter().next_back() {
            Some((tree_key, _)) => last = Some(tree_key),
            None => return Ok(()),
        }
    }
}
