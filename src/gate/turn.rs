//! The one step routine: decide, put the records on disk, and only then say what may be done. The
//! daemon and every simulation run this very code.

use crate::lane::session::LaneId;
use crate::lane::time::{Moment, Now};
use crate::park::event::Event;
use crate::park::record::Record;
use crate::park::step::{Command, Step};
use crate::park::{Park, unsent_call};
use crate::store::record::Record as Stored;

/// Delays between attempts to write again what could not be written.
const RETRY_MS: [u64; 4] = [1_000, 2_000, 5_000, 30_000];
/// Records kept in memory while the store cannot write; then the oldest are given up, with an alarm.
const BACKLOG_MAX: usize = 100_000;

/// What the routine needs of a store.
pub trait Journal {
    /// Why it could not write.
    type Error: std::fmt::Display;

    /// Puts the records on disk: all or none, durable on return.
    ///
    /// # Errors
    /// When any of them may not be on disk.
    fn commit(&mut self, records: &[Stored]) -> Result<u64, Self::Error>;

    /// Whether the state should be written whole soon.
    fn wants_checkpoint(&self) -> bool;

    /// Writes the state whole.
    ///
    /// # Errors
    /// As [`Journal::commit`].
    fn checkpoint(&mut self, state: &[Stored]) -> Result<u64, Self::Error>;
}

/// Park and store together.
pub struct Turner<J> {
    park: Park,
    journal: J,
    failing: Option<Failing>,
    last_seq: u64,
}

struct Failing {
    backlog: Vec<Stored>,
    given_up: u64,
    retry_at: Moment,
    retries: usize,
}

/// One event's step, with the commands that may be carried out now.
#[derive(Debug)]
pub struct Taken {
    pub event: Event,
    pub now: Now,
    pub step: Step,
}

/// What a turn led to.
#[derive(Debug, Default)]
pub struct Outcome {
    /// In order; commands are to be carried out in this order.
    pub taken: Vec<Taken>,
    /// The store changed its mind.
    pub store: Option<StoreNews>,
    /// Seq of the last record on disk.
    pub last_seq: u64,
}

/// The store failed, or writes again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StoreNews {
    Failed(String),
    Recovered { given_up: u64 },
}

impl<J: Journal> Turner<J> {
    /// Over a park as it was replayed from this journal, up to `last_seq`.
    pub fn new(park: Park, journal: J, last_seq: u64) -> Self {
        Self {
            park,
            journal,
            failing: None,
            last_seq,
        }
    }

    pub fn park(&self) -> &Park {
        &self.park
    }

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
        if let Some(given_up) = self.write_what_was_kept(now) {
            events.insert(0, Event::StoreRecovered);
            outcome.store = Some(StoreNews::Recovered { given_up });
        }
        for event in events {
            let step = self.park.decide(&event, now);
            outcome.taken.push(Taken { event, now, step });
        }
        let records = stored(&outcome.taken);
        if let Some(failing) = &mut self.failing {
            failing.keep(records);
        } else if let Err(why) = self.commit(&records) {
            self.fail(records, why, now, &mut outcome);
        }
        if self.failing.is_none() && self.journal.wants_checkpoint() {
            self.checkpoint(now, &mut outcome);
        }
        outcome.last_seq = self.last_seq;
        outcome
    }

    fn commit(&mut self, records: &[Stored]) -> Result<(), String> {
        if records.is_empty() {
            return Ok(());
        }
        self.last_seq = self
            .journal
            .commit(records)
            .map_err(|error| error.to_string())?;
        Ok(())
    }

    /// What was commanded is not done. The park is told, and may still raise for those who wait.
    fn fail(&mut self, records: Vec<Stored>, why: String, now: Now, outcome: &mut Outcome) {
        let (mut raises, mut calls) = (Vec::new(), Vec::new());
        for command in outcome
            .taken
            .iter_mut()
            .flat_map(|t| std::mem::take(&mut t.step.commands))
        {
            match command {
                Command::RaiseBarrier { lane, raise, .. } => raises.push((lane, raise)),
                Command::Call(call) => calls.push(unsent_call(&call.request)),
            }
        }
        let retry_at = now.moment.after_ms(RETRY_MS[0]);
        let mut failing = Failing {
            backlog: Vec::new(),
            given_up: 0,
            retry_at,
            retries: 0,
        };
        failing.keep(records);
        let event = Event::StoreFailed {
            raises: newest_of_each_lane(raises),
            calls,
        };
        let step = self.park.decide(&event, now);
        let taken = Taken { event, now, step };
        failing.keep(stored(std::slice::from_ref(&taken)));
        self.failing = Some(failing);
        outcome.taken.push(taken);
        outcome.store = Some(StoreNews::Failed(why));
    }

    /// Some: the store writes again; how many records had been given up.
    fn write_what_was_kept(&mut self, now: Now) -> Option<u64> {
        let failing = self
            .failing
            .as_mut()
            .filter(|failing| now.moment >= failing.retry_at)?;
        let backlog = std::mem::take(&mut failing.backlog);
        let written = match backlog.is_empty() {
            true => Ok(self.last_seq),
            false => self.journal.commit(&backlog),
        };
        match written {
            Ok(last_seq) => {
                self.last_seq = last_seq;
                self.failing.take().map(|failing| failing.given_up)
            }
            Err(_) => {
                failing.backlog = backlog;
                failing.retries = failing.retries.saturating_add(1);
                let delay = RETRY_MS[failing.retries.min(RETRY_MS.len() - 1)];
                failing.retry_at = now.moment.after_ms(delay);
                None
            }
        }
    }

    fn checkpoint(&mut self, now: Now, outcome: &mut Outcome) {
        let state = [
            Record::RulesChanged(Box::new(self.park.rules().clone())).to_stored(),
            Record::Checkpoint(Box::new(self.park.snapshot())).to_stored(),
        ];
        match self.journal.checkpoint(&state) {
            Ok(last_seq) => self.last_seq = last_seq,
            Err(error) => self.fail(Vec::new(), error.to_string(), now, outcome),
        }
    }
}

impl Failing {
    fn keep(&mut self, records: Vec<Stored>) {
        self.backlog.extend(records);
        let excess = self.backlog.len().saturating_sub(BACKLOG_MAX);
        self.backlog.drain(..excess);
        self.given_up = self.given_up.saturating_add(excess as u64);
    }
}

fn stored(taken: &[Taken]) -> Vec<Stored> {
    taken
        .iter()
        .flat_map(|taken| taken.step.records.iter().map(Record::to_stored))
        .collect()
}

/// A barrier need not be told twice.
fn newest_of_each_lane(raises: Vec<(LaneId, u64)>) -> Vec<(LaneId, u64)> {
    let newest: std::collections::BTreeMap<LaneId, u64> = raises.into_iter().collect();
    newest.into_iter().collect()
}
