//! A ledger decided once more: every event that it holds goes through the same core at the time it had
//! then, and what comes out is compared with what was recorded. With other rules it tells what they
//! would have decided on the same traffic. It reads, and never writes.
//!
//! Decisions follow from the state, the event, the time and what the box knew of its run. The state is
//! the fold of the records; the events without a record are in `meanwhile`; a checkpoint keeps the rest
//! in `mind`, so that a re-run may begin there. Where a record in between is missing or erased, nothing is
//! decided until the next start or checkpoint, and so many steps are reported as not run.

mod comparing;
mod source;
mod step;

pub use comparing::{Change, Difference};
pub use source::{Source, SourceError};

use std::collections::BTreeMap;

use serde::Serialize;

use crate::lane::number::LedgerId;
use crate::lane::time::{Now, Wall};
use crate::park::Park;
use crate::park::disk::is_for_a_rerun;
use crate::park::event::Event;
use crate::park::meanwhile::{Meanwhile, Quiet};
use crate::park::mind::Mind;
use crate::park::record::Record;
use crate::park::rules::Rules;
use crate::store::record::Record as Stored;
use crate::story::head::is_head;

use step::RecordedStep;

/// Differences that are kept whole; the rest are counted.
const DIFFERENCES_MAX: usize = 10_000;

/// What a re-run came to.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    /// Record at which it began.
    pub first_seq: u64,
    /// The last record that was read.
    pub last_seq: u64,
    /// Steps that were decided once more, within the time asked for.
    pub steps: u64,
    /// Of them: decided as recorded.
    pub equal: u64,
    /// Of them, and of events that led to nothing: decided in another way.
    pub differing: u64,
    /// Steps that could not be decided, since what was before them is not there.
    pub not_run: u64,
    /// Why, with the record at which it began to be so.
    pub holes: Vec<Hole>,
    /// Fees that became due in these steps, as recorded.
    pub fees_recorded_fen: u64,
    /// The same, as decided now.
    pub fees_now_fen: u64,
    /// The first ones, in the order of the ledger.
    pub differences: Vec<Difference>,
}

/// A place from which on nothing can be decided for a while.
#[derive(Debug, PartialEq, Eq, Serialize)]
pub struct Hole {
    pub seq: u64,
    pub why: HoleWhy,
}

/// Why nothing can be decided.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum HoleWhy {
    /// It is not there.
    Missing,
    /// Its contents have been erased.
    Erased,
    /// Its form is not one that this version reads.
    Unreadable,
    /// The ledger, or what was read of it, begins in the middle of a run.
    NoBeginning,
}

/// Which steps are judged. What is before is run all the same.
#[derive(Clone, Copy, Debug, Default)]
pub struct Span {
    pub from: Option<Wall>,
    pub to: Option<Wall>,
}

impl Span {
    fn has(self, at: Wall) -> bool {
        self.from.is_none_or(|from| at >= from) && self.to.is_none_or(|to| at < to)
    }
}

/// A re-run at work.
pub struct Rerun {
    ledger: LedgerId,
    span: Span,
    /// Other rules to try.
    change: Option<Rules>,
    /// As recorded last.
    rules: Option<Rules>,
    /// The fold of the records.
    folded: Option<Park>,
    /// Decides by the recorded rules.
    was: Option<Park>,
    /// `was` has decided something that is not in the ledger.
    has_strayed: bool,
    /// Decides by the other rules; put back to `was` whenever it decides something else.
    trial: Option<Park>,
    /// Parts of the mind that follows.
    plans: Vec<Mind>,
    step: Option<RecordedStep>,
    next_seq: Option<u64>,
    /// A record that state follows from is not there; only a checkpoint makes up for it.
    lacks_state: bool,
    newest_trusted: Option<Wall>,
    /// The first difference about a stay, by its number.
    touched: BTreeMap<String, u64>,
    report: Report,
}

impl Rerun {
    /// Of a ledger with this id; by its own rules, or by others.
    pub fn new(ledger: LedgerId, span: Span, change: Option<Rules>) -> Self {
        Self {
            ledger,
            span,
            change,
            rules: None,
            folded: None,
            was: None,
            has_strayed: false,
            trial: None,
            plans: Vec::new(),
            step: None,
            next_seq: None,
            lacks_state: false,
            newest_trusted: None,
            touched: BTreeMap::new(),
            report: Report::default(),
        }
    }

    /// The next record.
    pub fn take(&mut self, seq: u64, stored: &Stored) {
        match self.next_seq {
            None => self.report.first_seq = seq,
            Some(next) if next != seq => {
                self.lacks_state = true;
                self.hole(next, HoleWhy::Missing);
            }
            Some(_) => {}
        }
        self.next_seq = Some(seq + 1);
        self.report.last_seq = seq;
        let why = match Record::from_stored(stored) {
            Ok(Record::Unknown { .. }) if stored.payload.is_empty() => HoleWhy::Erased,
            Ok(Record::Unknown { .. }) | Err(_) => HoleWhy::Unreadable,
            Ok(record) => return self.hear(seq, record),
        };
        // Of a head, state takes no more than which reading it was.
        match is_head(stored) {
            true => {
                self.finish_step();
                self.report.not_run += 1;
            }
            false => self.lacks_state |= !is_for_a_rerun(stored),
        }
        self.hole(seq, why);
    }

    /// There are no more records.
    pub fn end(mut self) -> Report {
        self.finish_step();
        self.report
    }

    fn hear(&mut self, seq: u64, record: Record) {
        match record {
            Record::StepTaken(head) if head.waited_ms.is_none() => {
                self.finish_step();
                self.step = Some(RecordedStep::begin(seq, head));
            }
            Record::Meanwhile(meanwhile) => {
                self.finish_step();
                self.meanwhile(seq, &meanwhile);
            }
            Record::RulesChanged(rules) => {
                match self.step.as_mut().filter(|step| step.takes_rules()) {
                    Some(step) => step.rules_told = true,
                    None => self.finish_step(),
                }
                if self.folded.is_none() {
                    self.folded = Some(Park::new(self.ledger, (*rules).clone()));
                }
                self.rules = Some(*rules);
            }
            record @ Record::Checkpoint(_) => {
                self.finish_step();
                self.fold(&record);
                self.lacks_state = false;
                if self.has_strayed {
                    self.was = None;
                }
            }
            Record::PartOfState(part) => {
                self.finish_step();
                if part.first && self.lacks_state {
                    let rules = self.folded.as_ref().map(|folded| folded.rules().clone());
                    self.folded = rules.map(|rules| Park::new(self.ledger, rules));
                }
                let is_last = part.rest.is_some();
                self.fold(&Record::PartOfState(part));
                if is_last {
                    self.lacks_state = false;
                    self.plans.clear();
                    if self.has_strayed {
                        self.was = None;
                    }
                }
            }
            Record::PartOfMind(part) => self.plans.push(*part),
            Record::Mind(mut mind) => {
                for part in self.plans.drain(..) {
                    mind.complete_with(part);
                }
                if let (None, Some(folded), Some(rules)) = (&self.was, &self.folded, &self.rules) {
                    let was = folded.started_anew(rules.clone()).with_mind(*mind);
                    self.begin(was);
                }
            }
            record => match &mut self.step {
                Some(step) => step.records.push(record),
                None => self.fold(&record),
            },
        }
    }

    /// Decides from here on.
    fn begin(&mut self, was: Park) {
        self.trial = self.change.clone().map(|rules| was.clone().under(rules));
        self.was = Some(was);
        self.has_strayed = false;
        self.touched.clear();
    }

    /// Something of the ledger is not there. What was decided from it cannot be decided now.
    fn hole(&mut self, seq: u64, why: HoleWhy) {
        if self.was.is_some() || self.report.holes.is_empty() {
            self.report.holes.push(Hole { seq, why });
        }
        if let Some(step) = self.step.take() {
            self.not_run(&step);
            step.all().for_each(|record| self.fold(&record));
        }
        self.was = None;
        self.trial = None;
    }

    fn not_run(&mut self, step: &RecordedStep) {
        let at = self.at(step.head.now);
        self.report.not_run += u64::from(self.span.has(at));
        if self.report.holes.is_empty() {
            let (seq, why) = (step.seq, HoleWhy::NoBeginning);
            self.report.holes.push(Hole { seq, why });
        }
    }

    /// When it was; of clocks that were not trusted, the newest that was before.
    fn at(&mut self, now: Now) -> Wall {
        if now.trusted {
            self.newest_trusted = Some(now.wall);
        }
        let newest = self.newest_trusted.filter(|_| !now.trusted);
        newest.unwrap_or(now.wall)
    }

    fn fold(&mut self, record: &Record) {
        if let Some(folded) = &mut self.folded {
            folded.replay(record);
        }
    }

    fn finish_step(&mut self) {
        let Some(step) = self.step.take() else {
            return;
        };
        if let (Event::Started { .. }, Some(folded), Some(rules)) =
            (&step.head.event, &self.folded, &self.rules)
            && !self.lacks_state
        {
            let was = folded.started_anew(rules.clone());
            self.begin(was);
        }
        match &self.was {
            Some(_) => self.decide(step),
            None => {
                self.not_run(&step);
                step.all().for_each(|record| self.fold(&record));
            }
        }
    }

    fn decide(&mut self, step: RecordedStep) {
        let (seq, now) = (step.seq, step.head.now);
        let event = step.head.event.clone();
        let recorded: Vec<Record> = step.all().collect();
        let decided = self.decide_again(&event, 0, now, &recorded, |park, recorded| {
            recorded.iter().for_each(|record| park.replay(record));
        });
        let at = self.at(now);
        if self.span.has(at) {
            self.report.steps += 1;
            self.judge(seq, now, &event, &recorded, &decided);
        }
    }

    fn meanwhile(&mut self, seq: u64, meanwhile: &Meanwhile) {
        for quiet in &meanwhile.happened {
            if self.was.is_none() {
                return;
            }
            let Quiet { event, age_ms, .. } = quiet;
            let now = quiet.at(meanwhile.now);
            let decided = self.decide_again(event, age_ms.unwrap_or(0), now, &[], |_, _| {});
            let at = self.at(now);
            if self.span.has(at) && !decided.is_empty() {
                self.judge(seq, now, event, &[], &decided);
            }
        }
    }

    /// What the park whose decisions count makes of an event. All parks are then where the ledger has
    /// them.
    fn decide_again(
        &mut self,
        event: &Event,
        age_ms: u64,
        now: Now,
        recorded: &[Record],
        fold: impl FnOnce(&mut Park, &[Record]),
    ) -> Vec<Record> {
        let (Some(was), Some(folded)) = (&mut self.was, &mut self.folded) else {
            return recorded.to_vec();
        };
        let as_was = step::decisions(was.decide_again(event, age_ms, now));
        fold(folded, recorded);
        if as_was != recorded {
            self.has_strayed = true;
            was.corrected_by(folded);
        }
        let (Some(trial), Some(change)) = (&mut self.trial, &self.change) else {
            return as_was;
        };
        let as_tried = step::decisions(trial.decide_again(event, age_ms, now));
        if as_tried != recorded {
            *trial = was.clone().under(change.clone());
        }
        as_tried
    }

    fn judge(
        &mut self,
        seq: u64,
        now: Now,
        event: &Event,
        recorded: &[Record],
        decided: &[Record],
    ) {
        let report = &mut self.report;
        report.fees_recorded_fen += step::fees_fen(recorded);
        report.fees_now_fen += step::fees_fen(decided);
        if recorded == decided {
            report.equal += 1;
            return;
        }
        report.differing += 1;
        let mut difference = Difference::of(seq, now, event, recorded, decided);
        for stay in difference.stays(self.ledger) {
            let first = *self.touched.entry(stay).or_insert(seq);
            if first != seq {
                difference.follows = difference.follows.into_iter().chain([first]).min();
            }
        }
        if report.differences.len() < DIFFERENCES_MAX {
            report.differences.push(difference);
        }
    }
}
