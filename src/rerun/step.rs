//! One step as it was recorded, and what counts of a step.

use crate::charges::record::MoneyRecord;
use crate::park::event::Event;
use crate::park::record::{Record, StepTaken};
use crate::park::step::Step;

/// A step's head and what was decided, without the rules, which are no decision.
pub(super) struct RecordedStep {
    pub(super) seq: u64,
    pub(super) head: StepTaken,
    pub(super) records: Vec<Record>,
    /// The new rules of a start have been read.
    pub(super) rules_told: bool,
}

impl RecordedStep {
    pub(super) fn begin(seq: u64, head: StepTaken) -> Self {
        Self {
            seq,
            head,
            records: Vec::new(),
            rules_told: false,
        }
    }

    /// Whether rules that come next are those of this start, and not those of a checkpoint.
    pub(super) fn takes_rules(&self) -> bool {
        let is_expected = matches!(
            self.head.event,
            Event::Started {
                rules_changed: true,
                ..
            }
        );
        is_expected && self.records.is_empty() && !self.rules_told
    }

    /// With its head.
    pub(super) fn all(self) -> impl Iterator<Item = Record> {
        [Record::StepTaken(self.head)]
            .into_iter()
            .chain(self.records)
    }
}

/// What was decided in a step.
pub(super) fn decisions(step: Step) -> Vec<Record> {
    let records = step.records.into_iter();
    let decided =
        records.filter(|record| !matches!(record, Record::RulesChanged(_) | Record::Meanwhile(_)));
    decided.collect()
}

/// Fees that become due in it.
pub(super) fn fees_fen(records: &[Record]) -> u64 {
    let fees = records.iter().map(|record| match record {
        Record::Money(MoneyRecord::ChargeOpened { claim }) => claim.quote.fee_fen,
        _ => 0,
    });
    fees.sum()
}
