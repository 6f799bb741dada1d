//! A part of a ledger that can be handed out: whole segments, without what others' records say.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::lane::number::LedgerId;

use super::error::LedgerError;
use super::files::{self, Files};
use super::history::Part;
use super::pack;

/// From the segment of the first record to that of the last, all between included, so that the chain
/// has no gap.
pub(super) fn of(
    dir: &Path,
    keep: &BTreeSet<u64>,
) -> Result<BTreeMap<String, Vec<u8>>, LedgerError> {
    let mut copies = BTreeMap::new();
    let mut between = BTreeMap::new();
    for number in Files::list(dir)?.numbers() {
        let Some(part) = Part::load(dir, number)? else {
            continue;
        };
        let Some(ledger) = part.scan.ledger() else {
            continue;
        };
        let has_some = part.scan.frames().any(|frame| {
            let commit = &frame.commit;
            keep.range(commit.first_seq..=commit.last_seq())
                .next()
                .is_some()
        });
        if has_some {
            copies.append(&mut between);
        } else if copies.is_empty() {
            continue;
        }
        let (name, copy) = without_others(&part, number, ledger, keep);
        match has_some {
            true => copies.insert(name, copy),
            false => between.insert(name, copy),
        };
    }
    Ok(copies)
}

fn without_others(
    part: &Part,
    number: u32,
    ledger: LedgerId,
    keep: &BTreeSet<u64>,
) -> (String, Vec<u8>) {
    let is_others = |seq: u64, _: &_| !keep.contains(&seq);
    let copy = pack::copy(&part.bytes, &part.scan, number, ledger, is_others);
    (files::packed_name(number), copy)
}
