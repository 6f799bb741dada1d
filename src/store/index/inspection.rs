//! Comparing the tree with itself and with the truth, and making up for what is missing.

use std::collections::{BTreeMap, VecDeque};
use std::ops::{Bound, RangeInclusive};

use super::digest::Tallies;
use super::fault::{Fault, Wrong};
use super::frame;
use super::meta::{META_KEY, Meta};
use super::row::{Change, Origin, Prefix, Row};
use super::table::Table;
use super::tree::Tree;
use super::{Snapshot, Truth};
use crate::lane::number::LedgerId;

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
) -> Result<(Table, usize), Fault> {
    let snapshot = truth.snapshot().map_err(Fault::Truth)?;
    let until = snapshot.last_seq;
    let Findings { meta, changes } = inspect(&tree, snapshot)?;
    let mut table = Table::new(tree, meta);
    let behind = table.last_seq();
    let mut repaired = 0;
    // Page by page out of memory: an empty tree is filled with all of it.
    let mut changes = changes.into_iter().peekable();
    while changes.peek().is_some() {
        repaired += table.write(behind, changes.by_ref().take(PAGE))?;
    }
    repaired += replay(&mut table, truth, until, filling)?;
    // What was erased while nobody could tell the index.
    repaired += sweep(&mut table, truth, 0..=until)?;
    Ok((table, repaired))
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
            if let Change::Put(row) = change {
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
        let history = |change: &Change| change.prefix().origin() == Origin::History;
        pending.extend(batch.changes.into_iter().filter(history));
        if pending.len() >= PAGE {
            written += table.write(batch.last_seq, pending.drain(..))?;
        }
    }
    Ok(written + table.write(until, pending)?)
}

struct Findings {
    meta: Meta,
    /// What turns the derived rows found into those of the truth.
    changes: Vec<Change>,
}

/// Reads every row.
fn inspect(tree: &Tree, snapshot: Snapshot) -> Result<Findings, Fault> {
    let Snapshot {
        ledger,
        last_seq,
        derived,
    } = snapshot;
    let mut missing: BTreeMap<Vec<u8>, Row> = derived
        .into_iter()
        .filter(|row| row.prefix.origin() == Origin::Derived)
        .map(|row| (row.prefix.tree_key(&row.key), row))
        .collect();
    let mut meta = None;
    let mut counted = Tallies::default();
    let mut surplus = Vec::new();
    for_each(tree, |tree_key, value| {
        if tree_key == META_KEY {
            meta = Some(Meta::decode(value).ok_or(Wrong::UnknownMeta)?);
            return Ok(());
        }
        let (first, key) = tree_key.split_first().ok_or(Wrong::UnknownPrefix(0))?;
        let prefix = Prefix::from_byte(*first).ok_or(Wrong::UnknownPrefix(*first))?;
        counted.add(prefix, key, value);
        if prefix.origin() != Origin::Derived {
            return Ok(());
        }
        match missing.get(tree_key) {
            Some(wanted) if wanted.value == value => {
                missing.remove(tree_key);
            }
            Some(_) => {}
            None => surplus.push(Change::Delete {
                prefix,
                key: key.to_vec(),
            }),
        }
        Ok(())
    })?;
    let puts = missing.into_values().map(Change::Put);
    let changes = surplus.into_iter().chain(puts).collect();
    let meta = match meta {
        Some(meta) => meta,
        None if counted == Tallies::default() => {
            let meta = Meta::empty(ledger);
            return Ok(Findings { meta, changes });
        }
        None => return Err(Wrong::NoMeta.into()),
    };
    let findings = Findings { meta, changes };
    judge(&findings, &counted, ledger, last_seq)?;
    Ok(findings)
}

/// Whether the findings are those of an index that is level with the truth, or only lags.
fn judge(
    findings: &Findings,
    counted: &Tallies,
    ledger: LedgerId,
    last_seq: u64,
) -> Result<(), Wrong> {
    let Findings { meta, changes } = findings;
    if let Some(prefix) = meta.tallies.difference(counted) {
        return Err(Wrong::Count(prefix));
    }
    if meta.ledger != ledger {
        return Err(Wrong::OtherLedger(meta.ledger));
    }
    if meta.last_seq > last_seq {
        return Err(Wrong::Ahead {
            index: meta.last_seq,
            ledger: last_seq,
        });
    }
    if meta.last_seq == last_seq && !changes.is_empty() {
        return Err(Wrong::Differs(changes.len()));
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
