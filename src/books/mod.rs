//! The books, kept a second time: from the ledger's records alone, by another hand. Nothing here is
//! shared with the core that decides and adds up, so that a mistake there is seen here; records are read
//! by docs/ledger-format.md and docs/record-kinds.md, rules by docs/money.md.

mod accountant;
mod charge;
mod opening;
mod payment;
mod price;
mod refund;
pub(crate) mod slow;
mod spot;
mod till;
mod violation;
mod walk;
mod whole;
mod zone;

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use serde::Serialize;

use crate::lane::time::Wall;
use crate::store::audit::{self, AuditError, Frame, Verdict, Watcher};

use accountant::Accountant;
pub use violation::{Violation, Wrong};

/// Which fees and stays are proven: those that became due, or ended, in it. What is before is read too.
#[derive(Clone, Copy, Debug, Default)]
pub struct Period {
    pub since: Option<Wall>,
    pub until: Option<Wall>,
}

impl Period {
    fn has(self, at: Wall) -> bool {
        self.since.is_none_or(|since| at >= since) && self.until.is_none_or(|until| at < until)
    }
}

/// How many and how much.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sum {
    pub count: u64,
    pub fen: u64,
}

impl Sum {
    fn add(&mut self, fen: u64) {
        self.count += 1;
        self.fen = self.fen.saturating_add(fen);
    }
}

/// What the books say.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub first_seq: u64,
    pub last_seq: u64,
    /// Of the whole ledger, as `parkgate ledger verify` has it.
    pub ledger: Option<Verdict>,
    /// Records whose contents have been erased. What they said is not proven.
    pub erased: u64,
    /// Stays that ended in the period, by how.
    pub ended: BTreeMap<String, u64>,
    /// Stays that go on at the ledger's end.
    pub inside: u64,
    /// Fees that became due in the period; what became of them, up to the ledger's end, adds up to it.
    pub due: Sum,
    /// WeChat moved the money.
    pub settled: Sum,
    /// Of that: what coupons paid, WeChat's or the merchant's; the drivers paid the rest.
    pub coupons: Sum,
    /// Not claimed any more.
    pub withdrawn: Sum,
    /// A person took the money.
    pub collected: Sum,
    /// A person gave it up.
    pub written_off: Sum,
    /// Charged anew under another number, and counted there.
    pub replaced: Sum,
    /// With the staff and not finished: still owed by the driver.
    pub arrears: Sum,
    /// Still in the queue.
    pub queued: Sum,
    /// Money of the period that came by other means than a charge: in advance, in part, or too much. What
    /// is due above is what it left.
    pub paid: Sum,
    /// Of that: more than was due, to be given back.
    pub over: Sum,
    /// Charges of the period that a person found wrong after WeChat had taken them on. They stay settled
    /// here; what went back of them is in `refunded`.
    pub to_refund: Sum,
    /// What went back to drivers through WeChat in the period, whenever it had been charged.
    pub refunded: Sum,
    /// The stays and charges at which something is wrong.
    pub violations: Vec<Violation>,
}

impl Report {
    /// Whether everything in the period is proven.
    pub fn holds(&self) -> bool {
        self.violations.is_empty()
    }

    /// Settled less refunded, fen; less than nothing where more went back than came.
    pub fn net_fen(&self) -> i128 {
        i128::from(self.settled.fen) - i128::from(self.refunded.fen)
    }

    /// Due = what became of it. True by the way it is counted; told so that a reader need not add.
    pub fn parts_fen(&self) -> u64 {
        let parts = [
            self.settled,
            self.withdrawn,
            self.collected,
            self.written_off,
            self.replaced,
            self.arrears,
            self.queued,
        ];
        parts.iter().map(|sum| sum.fen).sum()
    }
}

/// Reads the whole ledger in `dir` and proves the period. `progress` hears how many of how many
/// segments are done.
///
/// # Errors
/// When there is no ledger, or a newer format.
pub fn check(
    dir: &Path,
    period: Period,
    progress: impl FnMut(usize, usize),
) -> Result<Report, AuditError> {
    let mut reader = Reader {
        accountant: Accountant::new(period),
        progress,
    };
    let audit = audit::read(dir, &mut reader)?;
    let mut report = reader.accountant.close();
    (report.first_seq, report.last_seq) = (audit.first_seq, audit.last_seq);
    let verdict = audit.verdict();
    report.ledger = Some(verdict);
    if matches!(verdict, Verdict::Missing | Verdict::Altered) {
        let whole = Violation::of_the_ledger(audit.last_seq);
        report.violations.insert(0, whole);
    }
    Ok(report)
}

/// As [`check`], of records that are in no folder.
#[cfg(test)]
pub fn check_records(
    period: Period,
    records: impl IntoIterator<Item = (u64, crate::store::record::Record, bool)>,
) -> Report {
    let mut accountant = Accountant::new(period);
    for (seq, stored, in_checkpoint) in records {
        let entry = audit::Entry {
            class: stored.class.code(),
            kind: stored.kind,
            version: stored.version,
            payload: (!stored.payload.is_empty()).then_some(stored.payload),
        };
        accountant.hear(seq, &entry, in_checkpoint);
    }
    accountant.close()
}

struct Reader<P> {
    accountant: Accountant,
    progress: P,
}

impl<P: FnMut(usize, usize)> Watcher for Reader<P> {
    fn progress(&mut self, done: usize, of: usize) {
        (self.progress)(done, of);
    }

    fn commit(&mut self, frame: &Frame) -> ControlFlow<()> {
        for (seq, entry) in (frame.first_seq..).zip(&frame.entries) {
            self.accountant.hear(seq, entry, frame.checkpoint);
        }
        ControlFlow::Continue(())
    }
}
