//! Which payloads of one segment go.

use std::collections::BTreeSet;

use super::Days;
use super::stays::Stays;
use crate::park::disk::STEP;
use crate::park::erasure::Payloads;
use crate::store::ledger::ClosedSegment;
use crate::store::record::{Commit, Record as Stored};

const DAY_MS: u64 = 86_400_000;

/// What becomes of a segment.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    pub number: u32,
    /// 0 if nothing in it can be read.
    pub first_seq: u64,
    pub last_seq: u64,
    /// Records whose payload goes.
    pub chosen: BTreeSet<u64>,
    /// How many these are, by class.
    pub payloads: Payloads,
    /// What would go, and has to stay.
    pub kept: Payloads,
    /// Payloads that are in it afterwards.
    pub left: u64,
}

impl Plan {
    fn of(segment: &ClosedSegment) -> Self {
        let commits = || segment.commits();
        Self {
            number: segment.number(),
            first_seq: commits().next().map_or(0, |commit| commit.first_seq),
            last_seq: commits().map(Commit::last_seq).max().unwrap_or(0),
            ..Self::default()
        }
    }

    /// What goes of a segment that is so old. A step that tells of an unfinished stay is kept as a whole.
    pub fn by_age(segment: &ClosedSegment, age_ms: u64, days: &Days, unfinished: &Stays) -> Self {
        let mut plan = Self::of(segment);
        let is_due = |stored: &Stored| age_ms >= days.of(stored).saturating_mul(DAY_MS);
        for commit in segment.commits() {
            for step in steps(commit) {
                let mut stays = None;
                for (seq, stored) in step.iter().filter(|(_, stored)| !stored.payload.is_empty()) {
                    if !is_due(stored) {
                        plan.left += 1;
                        continue;
                    }
                    let stays = *stays.get_or_insert_with(|| {
                        let mut records = step.iter();
                        records.any(|(_, stored)| unfinished.are_told_of_by(stored))
                    });
                    plan.settle(*seq, stored, stays);
                }
            }
        }
        plan
    }

    /// What goes where `choose` and `stays` say for each record whether it is meant, and whether it has
    /// to stay all the same.
    pub fn by_record(
        segment: &ClosedSegment,
        choose: impl Fn(u64, &Stored) -> bool,
        stays: impl Fn(&Stored) -> bool,
    ) -> Self {
        let mut plan = Self::of(segment);
        for commit in segment.commits() {
            let records = (commit.first_seq..).zip(&commit.records);
            for (seq, stored) in records.filter(|(_, stored)| !stored.payload.is_empty()) {
                match choose(seq, stored) {
                    true => plan.settle(seq, stored, stays(stored)),
                    false => plan.left += 1,
                }
            }
        }
        plan
    }

    fn settle(&mut self, seq: u64, stored: &Stored, stays: bool) {
        if stays {
            self.left += 1;
            self.kept.count(stored.class);
        } else {
            self.payloads.count(stored.class);
            self.chosen.insert(seq);
        }
    }
}

/// The records of each step; what stands before the first head is one of its own.
fn steps(commit: &Commit) -> Vec<Vec<(u64, &Stored)>> {
    let mut steps: Vec<Vec<(u64, &Stored)>> = Vec::new();
    for (seq, stored) in (commit.first_seq..).zip(&commit.records) {
        match steps.last_mut() {
            Some(step) if stored.kind != STEP => step.push((seq, stored)),
            _ => steps.push(vec![(seq, stored)]),
        }
    }
    steps
}
