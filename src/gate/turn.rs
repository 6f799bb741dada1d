//! The one step routine: decide, put the records on disk, and only then say what may be done. The
//! daemon and every simulation run this very code.

use std::collections::{BTreeMap, VecDeque};

use crate::causes;
use crate::lane::session::LaneId;
use crate::lane::time::{Moment, Now};
use crate::park::Park;
use crate::park::event::Event;
use crate::park::part::WHOLE_MAX;
use crate::park::record::Record;
use crate::park::step::{Command, Step};
use crate::store::record::Record as Stored;

/// Delays between attempts to write again what could not be written.
const RETRY_MS: [u64; 4] = [1_000, 2_000, 5_000, 30_000];
/// Records kept in memory while the store cannot write; then the oldest are given up, with an alarm.
const BACKLOG_MAX: usize = if cfg!(test) { 5_000 } else { 100_000 };

/// Kept records that are written in one commit.
const AT_ONCE_MAX: usize = 256;

/// What the routine needs of a store.
pub trait Journal {
    /// Why it could not write.
    type Error: std::error::Error;

    /// Puts the records on disk: all or none, durable on return.
    ///
    /// # Errors
    /// When any of them may not be on disk. None of them may then turn up later: they are handed over
    /// again when the store has recovered.
    fn commit(&mut self, records: &[Stored]) -> Result<u64, Self::Error>;

    /// Whether the state should be written whole soon.
    fn wants_checkpoint(&self) -> bool;

    /// Writes the state whole.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    fn checkpoint(&mut self, state: &[Stored]) -> Result<u64, Self::Error>;

    /// As [`Journal::checkpoint`], of a state in parts, of which each may be a commit of its own.
    ///
    /// # Errors
    /// As there.
    fn checkpoint_in_parts(
        &mut self,
        parts: &mut dyn Iterator<Item = Vec<Stored>>,
    ) -> Result<u64, Self::Error> {
        let state: Vec<Stored> = parts.flatten().collect();
        self.checkpoint(&state)
    }
}

/// Park and store together.
pub struct Turner<J> {
    park: Park,
    journal: J,
    failing: Option<Failing>,
    checkpoint_wanted: bool,
    /// Stays, entries and charges of a state that is written at once.
    whole_max: usize,
}

struct Failing {
    backlog: VecDeque<Record>,
    given_up: u64,
    retry_at: Moment,
    retries: usize,
}

/// One event's step, with the commands that may be carried out now.
#[derive(Debug)]
pub struct Taken {
    /// What happened.
    pub event: Event,
    /// When it was decided.
    pub now: Now,
    /// What it led to.
    pub step: Step,
}

/// What a turn led to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// In order; commands are to be carried out in this order.
    pub taken: Vec<Taken>,
    /// The store changed its mind.
    pub store: Option<StoreNews>,
    /// Records that had been kept and are on disk now.
    recovered: Vec<(u64, Vec<Record>)>,
    /// The steps that are on disk, from the first on, and the seq of the last record.
    written: Option<(usize, u64)>,
}

/// Records that reached the disk together.
#[derive(Debug)]
pub struct Committed<'a> {
    /// Seq of the last one.
    pub last_seq: u64,
    /// At least one.
    pub records: Vec<&'a Record>,
}

impl Outcome {
    /// What is on disk now that was not before, in order: kept records first, if the store recovered.
    pub fn committed(&self) -> impl Iterator<Item = Committed<'_>> {
        let recovered = self.recovered.iter().map(|(last_seq, records)| Committed {
            last_seq: *last_seq,
            records: records.iter().collect(),
        });
        let written = self.written.map(|(steps, last_seq)| Committed {
            last_seq,
            records: records_of(&self.taken[..steps]).collect(),
        });
        recovered.chain(written)
    }
}

impl Committed<'_> {
    /// Seq of the first one.
    pub fn first_seq(&self) -> u64 {
        let count = u64::try_from(self.records.len()).unwrap_or(u64::MAX);
        (self.last_seq + 1).saturating_sub(count)
    }
}

/// The store failed, or writes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreNews {
    /// It cannot write; why.
    Failed(String),
    /// It writes again, and has written what was kept.
    Recovered {
        /// Records that were given up for want of memory.
        given_up: u64,
    },
}

impl<J: Journal> Turner<J> {
    /// Over a park as it was replayed from this journal.
    pub fn new(park: Park, journal: J) -> Self {
        Self {
            park,
            journal,
            failing: None,
            checkpoint_wanted: false,
            whole_max: WHOLE_MAX,
        }
    }

    /// Has states of more stays, entries and charges written in parts.
    pub fn set_whole_max(&mut self, whole_max: usize) {
        self.whole_max = whole_max;
    }

    /// Has the next turn write the state whole.
    pub fn want_checkpoint(&mut self) {
        self.checkpoint_wanted = true;
    }

    /// The state.
    pub fn park(&self) -> &Park {
        &self.park
    }

    /// The store.
    pub fn journal(&self) -> &J {
        &self.journal
    }

    /// When a turn is wanted, if nothing happens before.
    pub fn wake_at(&self) -> Option<Moment> {
        let retry_at = self.failing.as_ref().map(|failing| failing.retry_at);
        retry_at.into_iter().chain(self.park.wake_at()).min()
    }

    /// Decides every event, commits what they led to at once, and gives out what may be done.
    pub fn turn(&mut self, mut events: Vec<Event>, now: Now) -> Outcome {
        let mut outcome = Outcome::default();
        let given_up = self.write_what_was_kept(now, &mut outcome);
        if let Some(given_up) = given_up {
            events.insert(0, Event::StoreRecovered);
            outcome.store = Some(StoreNews::Recovered { given_up });
        }
        for event in events {
            let step = self.park.decide(&event, now);
            outcome.taken.push(Taken { event, now, step });
        }
        let records = records_of(&outcome.taken);
        if let Some(failing) = &mut self.failing {
            failing.keep(records.cloned());
        } else {
            match self.commit(records) {
                Ok(last_seq) => {
                    outcome.written = last_seq.map(|last_seq| (outcome.taken.len(), last_seq));
                }
                Err(why) => {
                    let records = records_of(&outcome.taken).cloned().collect();
                    let not_done = take_commands(&mut outcome.taken);
                    self.fail(records, not_done, why, now, &mut outcome);
                }
            }
        }
        // What was given up is missing in the ledger, unless the state is written whole.
        let is_due = self.journal.wants_checkpoint()
            || std::mem::take(&mut self.checkpoint_wanted)
            || given_up.is_some_and(|count| count > 0);
        if self.failing.is_none() && is_due {
            self.checkpoint(now, &mut outcome);
        }
        outcome
    }

    /// Whether the store cannot write: what was decided last is in memory alone.
    pub fn is_failing(&self) -> bool {
        self.failing.is_some()
    }

    /// Records that could not be written so far.
    pub fn kept(&self) -> Vec<&Record> {
        let kept = self.failing.iter().flat_map(|failing| &failing.backlog);
        kept.collect()
    }

    /// Seq of the last record; None if there is none to write.
    fn commit<'a>(
        &mut self,
        records: impl Iterator<Item = &'a Record>,
    ) -> Result<Option<u64>, String> {
        let stored: Vec<Stored> = records.map(Record::to_stored).collect();
        if stored.is_empty() {
            return Ok(None);
        }
        let committed = self.journal.commit(&stored);
        committed.map(Some).map_err(|error| causes::told(&error))
    }

    /// What was commanded is not done. The park is told, and may still raise for those who wait.
    fn fail(
        &mut self,
        records: Vec<Record>,
        not_done: Vec<Command>,
        why: String,
        now: Now,
        outcome: &mut Outcome,
    ) {
        let (mut raises, mut calls) = (Vec::new(), Vec::new());
        for command in not_done {
            match command {
                Command::RaiseBarrier { lane, raise, .. } => raises.push((lane, raise)),
                Command::Call(call) => calls.push(call.request.unsent()),
            }
        }
        let mut failing = Failing {
            backlog: VecDeque::new(),
            given_up: 0,
            retry_at: now.moment.after_ms(RETRY_MS[0]),
            retries: 0,
        };
        failing.keep(records);
        let event = Event::StoreFailed {
            raises: newest_of_each_lane(raises),
            calls,
        };
        let step = self.park.decide(&event, now);
        let taken = Taken { event, now, step };
        failing.keep(taken.step.records.iter().cloned());
        self.failing = Some(failing);
        outcome.taken.push(taken);
        outcome.store = Some(StoreNews::Failed(why));
    }

    /// Some: the store writes again; how many records had been given up.
    fn write_what_was_kept(&mut self, now: Now, outcome: &mut Outcome) -> Option<u64> {
        let mut failing = self.failing.take()?;
        if now.moment < failing.retry_at {
            self.failing = Some(failing);
            return None;
        }
        while !failing.backlog.is_empty() {
            let rest = failing
                .backlog
                .split_off(failing.backlog.len().min(AT_ONCE_MAX));
            let mut first = std::mem::replace(&mut failing.backlog, rest);
            match self.commit(first.iter()) {
                Ok(last_seq) => {
                    let on_disk = last_seq.map(|last_seq| (last_seq, first.into()));
                    outcome.recovered.extend(on_disk);
                }
                Err(_) => {
                    first.append(&mut failing.backlog);
                    failing.backlog = first;
                    failing.retries = failing.retries.saturating_add(1);
                    let delay = RETRY_MS[failing.retries.min(RETRY_MS.len() - 1)];
                    failing.retry_at = now.moment.after_ms(delay);
                    self.failing = Some(failing);
                    return None;
                }
            }
        }
        Some(failing.given_up)
    }

    fn checkpoint(&mut self, now: Now, outcome: &mut Outcome) {
        let mut parts = self.park.checkpoint_in_parts(now, self.whole_max);
        let written = self.journal.checkpoint_in_parts(&mut parts);
        drop(parts);
        match written {
            Ok(_) => self.park.forget_notes(),
            Err(error) => {
                // The steps themselves are on disk, and what they command may be done.
                self.fail(Vec::new(), Vec::new(), causes::told(&error), now, outcome);
            }
        }
    }
}

impl Failing {
    fn keep(&mut self, records: impl IntoIterator<Item = Record>) {
        self.backlog.extend(records);
        let excess = self.backlog.len().saturating_sub(BACKLOG_MAX);
        self.backlog.drain(..excess);
        let excess = u64::try_from(excess).unwrap_or(u64::MAX);
        self.given_up = self.given_up.saturating_add(excess);
    }
}

fn take_commands(taken: &mut [Taken]) -> Vec<Command> {
    let commands = taken.iter_mut();
    commands
        .flat_map(|taken| std::mem::take(&mut taken.step.commands))
        .collect()
}

fn records_of(taken: &[Taken]) -> impl Iterator<Item = &Record> {
    taken.iter().flat_map(|taken| &taken.step.records)
}

/// A barrier need not be told twice.
fn newest_of_each_lane(raises: Vec<(LaneId, u64)>) -> Vec<(LaneId, u64)> {
    let newest: BTreeMap<LaneId, u64> = raises.into_iter().collect();
    newest.into_iter().collect()
}
