//! What the index holds of the park: rows that follow from its state, and history from its records.

use std::path::PathBuf;

use serde::Serialize;

use crate::charges::charge::Charge;
use crate::charges::entry::{Entry, EntryState};
use crate::charges::record::{MoneyRecord, Subject};
use crate::json;
use crate::lane::number::{LedgerId, SessionId};
use crate::lane::session::Session;
use crate::park::Park;
use crate::park::disk::is_for_a_rerun;
use crate::park::record::{LaneRecord, Record};
use crate::park::rules::Rules;
use crate::store::index::{Batch, Change, HistoryRows, Prefix, Row, Snapshot, Truth, TruthError};
use crate::store::ledger::Ledger;
use crate::store::record::Commit;

/// Every row that follows from the park's state.
pub fn derived(park: &Park) -> Vec<Row> {
    let sessions = park.site().sessions.values().map(session_row);
    let book = park.queue().book();
    let entries = book
        .entries()
        .filter(|entry| is_waiting(entry))
        .map(entry_row);
    let charges = book.charges().chain(book.desk()).map(charge_row);
    sessions.chain(entries).chain(charges).collect()
}

/// What the records of one commit, from `first_seq` on, changed. `park` is the state after them.
pub fn changes(first_seq: u64, records: &[&Record], park: &Park) -> Vec<Change> {
    let mut changes = Vec::new();
    for (seq, record) in (first_seq..).zip(records) {
        match record {
            Record::Lane(LaneRecord::SessionOpened { session }) => {
                changes.push(Change::Put(session_row(session)));
            }
            Record::Lane(LaneRecord::SessionClosed { session, .. }) => {
                changes.push(delete(Prefix::Session, session.0.as_bytes()));
            }
            Record::Money(record) => {
                changes.extend(match record.subject() {
                    Subject::Entry(session) => Some(entry_change(session, park)),
                    Subject::Charge(trade_no) => Some(charge_change(trade_no, park)),
                    Subject::Merchant => None,
                });
            }
            _ => {}
        }
        changes.extend(history_row(seq, record).map(Change::Put));
    }
    changes
}

/// The ledger as the index reads it, on its own thread.
pub struct LedgerTruth {
    pub dir: PathBuf,
    pub ledger: LedgerId,
    pub rules: Rules,
}

impl Truth for LedgerTruth {
    fn snapshot(&mut self) -> Result<Snapshot, TruthError> {
        let mut park = Park::new(self.ledger, self.rules.clone());
        let mut last_seq = 0;
        // As the start does: from the newest whole state on.
        for commit in Ledger::read_since(&self.dir, |_| true)? {
            let commit = commit?;
            last_seq = commit.last_seq();
            let records = commit.records.iter().filter(|r| !is_for_a_rerun(r));
            for record in records.filter_map(|r| Record::from_stored(r).ok()) {
                park.replay_owned(record);
            }
        }
        Ok(Snapshot {
            ledger: self.ledger,
            last_seq,
            derived: derived(&park),
        })
    }

    fn history(&mut self, after: u64) -> Result<HistoryRows<'_>, TruthError> {
        // Whole states begin segments: from the newest one that is not behind what is wanted.
        let is_early_enough = |commits: &[&Commit]| {
            let first = commits.first();
            first.is_some_and(|commit| commit.first_seq <= after.saturating_add(1))
        };
        let commits = Ledger::read_since(&self.dir, is_early_enough)?;
        let is_old = move |commit: &Commit| commit.last_seq() <= after;
        let later = commits.filter(move |commit| !commit.as_ref().is_ok_and(is_old));
        Ok(Box::new(later.map(|commit| Ok(history_batch(&commit?)))))
    }
}

fn history_batch(commit: &Commit) -> Batch {
    let records = (commit.first_seq..).zip(&commit.records);
    let rows = records.filter_map(|(seq, stored)| {
        let record = Record::from_stored(stored).ok()?;
        history_row(seq, &record)
    });
    Batch {
        last_seq: commit.last_seq(),
        changes: rows.map(Change::Put).collect(),
    }
}

/// Ends of stays and of charges, by their place in the ledger.
fn history_row(seq: u64, record: &Record) -> Option<Row> {
    let value = match record {
        Record::Lane(record @ LaneRecord::SessionClosed { .. }) => json::bytes(record),
        Record::Money(
            record @ (MoneyRecord::ChargeSettled { .. }
            | MoneyRecord::ChargeHandedToStaff { .. }
            | MoneyRecord::ChargeWithdrawn { .. }
            | MoneyRecord::StaffFinished { .. }),
        ) => json::bytes(record),
        _ => return None,
    };
    Some(Row {
        prefix: Prefix::History,
        key: seq.to_be_bytes().to_vec(),
        value,
    })
}

fn session_row(session: &Session) -> Row {
    row(Prefix::Session, session.id.0.as_bytes(), session)
}

fn entry_row(entry: &Entry) -> Row {
    row(Prefix::Entry, entry.session.0.as_bytes(), entry)
}

fn charge_row(charge: &Charge) -> Row {
    row(Prefix::Charge, charge.claim.trade_no.as_bytes(), charge)
}

fn is_waiting(entry: &Entry) -> bool {
    !matches!(entry.state, EntryState::Registered { .. })
}

fn entry_change(session: &SessionId, park: &Park) -> Change {
    let entry = park
        .queue()
        .book()
        .entry(session)
        .filter(|entry| is_waiting(entry));
    match entry {
        Some(entry) => Change::Put(entry_row(entry)),
        None => delete(Prefix::Entry, session.0.as_bytes()),
    }
}

fn charge_change(trade_no: &str, park: &Park) -> Change {
    match park.queue().book().unfinished(trade_no) {
        Some(charge) => Change::Put(charge_row(charge)),
        None => delete(Prefix::Charge, trade_no.as_bytes()),
    }
}

fn row<T: Serialize>(prefix: Prefix, key: &[u8], value: &T) -> Row {
    Row {
        prefix,
        key: key.to_vec(),
        value: json::bytes(value),
    }
}

fn delete(prefix: Prefix, key: &[u8]) -> Change {
    Change::Delete {
        prefix,
        key: key.to_vec(),
    }
}
