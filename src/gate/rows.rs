//! What the index holds of the park: rows that follow from its state, and history from its records.

use std::path::PathBuf;
use std::sync::mpsc::{RecvTimeoutError, SyncSender, sync_channel};
use std::time::Duration;

use serde::Serialize;

use super::inbox::{Inbox, Message};
use crate::charges::charge::Charge;
use crate::charges::entry::{Entry, EntryState};
use crate::charges::record::{MoneyRecord, Subject};
use crate::json;
use crate::lane::number::{NumberKey, SessionId};
use crate::lane::session::Session;
use crate::lane::shelf::Shelved;
use crate::park::Park;
use crate::park::record::{LaneRecord, Record};
use crate::store::index::{
    Batch, Change, HistoryRows, Level, Page, Prefix, Row, Truth, TruthError,
};
use crate::store::ledger::Ledger;
use crate::store::record::Commit;

/// Rows that are told at once: a car may wait for them.
const PAGE: usize = 32;
/// Stays, entries and charges that are looked at for them.
const LOOKED_AT: usize = 256;
/// How long the loop may take to tell them.
const TOLD_WITHIN: Duration = Duration::from_secs(60);
/// Between two looks at whether anybody still wants to know.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// What the index asks of the loop.
pub enum Ask {
    /// Where the ledger stands; None: it cannot be written, and the state is ahead of it.
    Level(SyncSender<Option<Level>>),
    /// The rows behind this one; None as above.
    Rows(Option<(Prefix, Vec<u8>)>, SyncSender<Option<Page>>),
}

/// The first rows behind this place, of those that follow from the park's state.
pub fn page(park: &Park, behind: Option<(Prefix, &[u8])>, last_seq: u64) -> Page {
    let (site, book) = (park.site(), park.queue().book());
    let from = behind.map_or(Prefix::Charge, |(prefix, _)| prefix);
    let text = behind.and_then(|(_, key)| std::str::from_utf8(key).ok());
    let key = |prefix, key_of: fn(&str) -> Option<NumberKey>| {
        text.filter(|_| prefix == from).and_then(key_of)
    };
    let charges = book.unfinished_after(key(Prefix::Charge, NumberKey::of_trade_no));
    let charges = charges.map(|charge| (Prefix::Charge, charge.key(), Some(charge_row(&charge))));
    let entries = book.entries_after(key(Prefix::Entry, NumberKey::of_text));
    let entries = entries.map(|entry| {
        let row = is_waiting(&entry).then(|| entry_row(&entry));
        (Prefix::Entry, entry.key(), row)
    });
    let sessions = site.sessions_after(key(Prefix::Session, NumberKey::of_text));
    let sessions =
        sessions.map(|session| (Prefix::Session, session.key(), Some(session_row(&session))));
    let from_charges = (from == Prefix::Charge).then_some(charges);
    let from_entries = (from <= Prefix::Entry).then_some(entries);
    let places = from_charges.into_iter().flatten();
    let places = places
        .chain(from_entries.into_iter().flatten())
        .chain(sessions);
    let (mut rows, mut next) = (Vec::new(), None);
    for (looked_at, (prefix, key, row)) in places.enumerate() {
        if rows.len() == PAGE || looked_at == LOOKED_AT {
            return Page {
                last_seq,
                rows,
                next,
            };
        }
        rows.extend(row);
        next = key.map(|key| (prefix, row_key(prefix, key)));
    }
    Page {
        last_seq,
        rows,
        next: None,
    }
}

fn row_key(prefix: Prefix, key: NumberKey) -> Vec<u8> {
    match prefix {
        Prefix::Charge => key.trade_no().into_bytes(),
        _ => key.session().0.into_bytes(),
    }
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
                    Subject::Payment(_)
                    | Subject::Refund(_)
                    | Subject::Spot(_)
                    | Subject::Notice
                    | Subject::Merchant => None,
                });
            }
            _ => {}
        }
        changes.extend(history_row(seq, record).map(Change::Put));
    }
    changes
}

/// The truth as the index learns it, on its own thread: the state from the loop, the past from the ledger.
pub struct GateTruth {
    pub dir: PathBuf,
    pub inbox: Inbox,
}

impl GateTruth {
    /// Has the loop tell something, and waits for it as long as anybody wants to know.
    fn ask<T>(
        &self,
        ask: impl FnOnce(SyncSender<Option<T>>) -> Ask,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<T, TruthError> {
        let (reply, told) = sync_channel(1);
        if !self.inbox.offer(Message::Index(ask(reply))) {
            return Err("the gate has too much to do".into());
        }
        let mut waited = Duration::ZERO;
        while waited < TOLD_WITHIN && is_wanted() {
            match told.recv_timeout(LOOK_EVERY) {
                Ok(Some(told)) => return Ok(told),
                Ok(None) => return Err("the store cannot write".into()),
                Err(RecvTimeoutError::Timeout) => waited += LOOK_EVERY,
                Err(RecvTimeoutError::Disconnected) => break,
            }
        }
        Err("the gate does not tell its state".into())
    }
}

impl Truth for GateTruth {
    fn level(&mut self, is_wanted: &dyn Fn() -> bool) -> Result<Level, TruthError> {
        self.ask(Ask::Level, is_wanted)
    }

    fn derived(
        &mut self,
        behind: Option<(Prefix, &[u8])>,
        is_wanted: &dyn Fn() -> bool,
    ) -> Result<Page, TruthError> {
        let behind = behind.map(|(prefix, key)| (prefix, key.to_vec()));
        self.ask(|reply| Ask::Rows(behind, reply), is_wanted)
    }

    fn history(&mut self, after: u64) -> Result<HistoryRows<'_>, TruthError> {
        let commits = Ledger::read_from(&self.dir, after.saturating_add(1))?;
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

/// Ends of stays and of charges, and erasures, by their place in the ledger.
fn history_row(seq: u64, record: &Record) -> Option<Row> {
    let value = match record {
        Record::PayloadsErased(erasure) => {
            return Some(Row::of_erasure(seq, erasure.first_seq, erasure.last_seq));
        }
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
    let entry = park.queue().book().entry(session).filter(is_waiting);
    match entry {
        Some(entry) => Change::Put(entry_row(&entry)),
        None => delete(Prefix::Entry, session.0.as_bytes()),
    }
}

fn charge_change(trade_no: &str, park: &Park) -> Change {
    match park.queue().book().unfinished(trade_no) {
        Some(charge) => Change::Put(charge_row(&charge)),
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
