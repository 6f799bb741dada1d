//! One look after the other: what has grown old since the last one goes.

use super::archive::Archive;
use super::catalogue::Catalogue;
use super::memory::Memory;
use super::plan::Plan;
use super::stays::Stays;
use super::{Days, Desk, Stopped};
use crate::lane::time::Wall;
use crate::park::erasure::{Erasure, Payloads, Rule};
use crate::store::ledger::{Closed, ClosedSegment};

/// Segments that share a record of what goes.
const AT_ONCE: usize = 16;

/// Keeps one ledger within its days.
pub struct Retention {
    pub(super) days: Days,
    pub(super) archive: Option<Archive>,
    pub(super) catalogue: Catalogue,
    memory: Option<Memory>,
    recalled: bool,
}

/// What a look needs.
pub struct Round {
    pub closed: Closed,
    /// Trusted.
    pub now: Wall,
    /// For how long the clock was seen to run evenly.
    pub even_for_ms: u64,
    pub unfinished: Stays,
}

impl Retention {
    /// Knows nothing yet; the first round reads every segment, but for those that a memory knows.
    pub fn new(days: Days, archive: Option<Archive>) -> Self {
        Self {
            days,
            archive,
            catalogue: Catalogue::default(),
            memory: None,
            recalled: false,
        }
    }

    /// Remembers from one run to the next what stands in which segment.
    pub fn remembering(self, memory: Memory) -> Self {
        Self {
            memory: Some(memory),
            ..self
        }
    }

    /// Brings the catalogue up to date.
    pub(super) fn look(&mut self, closed: &Closed, desk: &mut dyn Desk) -> Result<(), Stopped> {
        if let (Some(memory), false) = (&self.memory, self.recalled) {
            self.catalogue = memory.recall(closed, &self.days);
        }
        self.recalled = true;
        let looked = self.catalogue.refresh(closed, &self.days, desk);
        self.remember(closed);
        looked
    }

    /// Also what was read before it was stopped.
    fn remember(&mut self, closed: &Closed) {
        if let Some(memory) = &self.memory
            && self.catalogue.take_changed()
            && let Err(error) = memory.keep(&self.catalogue, closed, &self.days)
        {
            tracing::warn!(%error, "what stands in which segment cannot be kept; the next start reads it again");
        }
    }

    /// Erases what is too old, a few segments at a time, and has a new segment begun where the one in use
    /// has grown long. Returns what went. Writes nothing if nothing is too old.
    ///
    /// # Errors
    /// See [`Stopped`]; the next round goes on from there.
    pub fn round(&mut self, round: &Round, desk: &mut dyn Desk) -> Result<Payloads, Stopped> {
        let closed = &round.closed;
        self.look(closed, desk)?;
        let ages = self.catalogue.ages(round.now, round.even_for_ms);
        let needed_from = self.catalogue.needed_from(closed.newest_checkpoint());
        let due = match needed_from {
            Some(needed_from) => self.catalogue.due(needed_from, &ages),
            None => Vec::new(),
        };
        let mut taken = Payloads::default();
        let (days, unfinished) = (self.days, &round.unfinished);
        for numbers in due.chunks(AT_ONCE) {
            let mut plans = Vec::new();
            for number in numbers {
                let age_ms = ages.get(number).map_or(0, |age| age.last_ms);
                if let Some(segment) = closed.read(*number)? {
                    let plan = Plan::by_age(&segment, age_ms, &days, unfinished);
                    if plan.kept.total() > 0 {
                        self.catalogue.note_kept(*number, age_ms);
                    }
                    plans.push(plan);
                }
                if !desk.breathe() {
                    return Err(Stopped::Told);
                }
            }
            taken.add(self.carry_out(closed, plans, days.rule(), desk)?);
        }
        self.remember(closed);
        if self.catalogue.wants_rotation(needed_from, &ages) {
            desk.rotate();
        }
        Ok(taken)
    }

    /// Archives, records, and then takes the payloads; segments of which nothing is left are removed, as far
    /// as nothing older is left.
    pub(super) fn carry_out(
        &mut self,
        closed: &Closed,
        mut plans: Vec<Plan>,
        rule: Rule,
        desk: &mut dyn Desk,
    ) -> Result<Payloads, Stopped> {
        let removed = self.removable(&plans);
        let is_removed = |plan: &Plan| removed.contains(&plan.number);
        plans.retain(|plan| !plan.chosen.is_empty() || is_removed(plan));
        let (Some(first), Some(last)) = (plans.first(), plans.last()) else {
            return Ok(Payloads::default());
        };
        if let (Some(archive), Rule::Age { .. }) = (&self.archive, &rule) {
            for plan in &plans {
                if let Some(segment) = closed.read(plan.number)? {
                    archive.keep(&segment, closed.ledger(), desk)?;
                }
            }
        }
        let count = |plans: usize| u64::try_from(plans).unwrap_or(u64::MAX);
        let mut erasure = Erasure {
            rule,
            first_seq: first.first_seq,
            last_seq: last.last_seq,
            rewritten: count(plans.len() - removed.len()),
            removed: count(removed.len()),
            payloads: Payloads::default(),
            forgotten: None,
            kept: Payloads::default(),
        };
        for plan in &plans {
            erasure.payloads.add(plan.payloads);
            erasure.kept.add(plan.kept);
        }
        if !desk.breathe() || !desk.record(&erasure) {
            return Err(Stopped::Told);
        }
        for plan in &plans {
            if let Some(segment) = closed.read(plan.number)? {
                if !desk.breathe() {
                    return Err(Stopped::Told);
                }
                match is_removed(plan) {
                    true => closed.remove(&segment)?,
                    false => take(closed, &segment, plan, desk)?,
                }
                drop(segment);
                self.catalogue.reload(plan.number, closed, &self.days)?;
            }
            desk.taken(plan.first_seq, plan.last_seq);
        }
        Ok(erasure.payloads)
    }

    /// The oldest ones, as far as nothing is left in them.
    fn removable(&self, plans: &[Plan]) -> Vec<u32> {
        let mut removable = Vec::new();
        let mut oldest = self.catalogue.numbers();
        for plan in plans {
            if plan.left > 0 || oldest.next() != Some(plan.number) {
                break;
            }
            removable.push(plan.number);
        }
        removable
    }
}

fn take(
    closed: &Closed,
    segment: &ClosedSegment,
    plan: &Plan,
    desk: &mut dyn Desk,
) -> Result<(), Stopped> {
    let chosen = |seq: u64, _: &_| plan.chosen.contains(&seq);
    match closed.erase(segment, chosen, &mut || desk.breathe())? {
        Some(_) => Ok(()),
        None => Err(Stopped::Told),
    }
}
