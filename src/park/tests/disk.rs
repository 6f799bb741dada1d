//! A store in memory that keeps what a power cut would leave, and remembers what must never change.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use crate::charges::queue::Request;
use crate::charges::record::MoneyRecord;
use crate::gate::turn::Journal;
use crate::lane::number::SessionId;
use crate::lane::session::LaneId;
use crate::park::Park;
use crate::park::record::{LaneRecord, Record};
use crate::park::rules::Rules;
use crate::store::record::Record as Stored;

/// Handles to the same disk.
#[derive(Clone, Default)]
pub struct Disk(Rc<RefCell<Inner>>);

#[derive(Default)]
struct Inner {
    records: Vec<Stored>,
    /// Where the newest whole state begins.
    checkpoint_at: Option<usize>,
    failing: bool,
    failing_checkpoints: bool,
    /// Since the last checkpoint.
    commits_since_checkpoint: u64,
    commits: u64,
    checkpoint_every: Option<u64>,
    facts: Facts,
}

/// What is on disk, as far as commands depend on it.
#[derive(Default)]
struct Facts {
    raises: BTreeSet<(LaneId, u64)>,
    /// By stay and attempt.
    entries: BTreeMap<(SessionId, u16), String>,
    newest_entry: BTreeMap<SessionId, String>,
    charges: BTreeMap<String, String>,
    refunds: BTreeMap<String, String>,
    spots: BTreeMap<String, String>,
    opened: BTreeSet<String>,
}

impl Journal for Disk {
    type Error = std::io::Error;

    fn commit(&mut self, records: &[Stored]) -> Result<u64, Self::Error> {
        let mut inner = self.0.borrow_mut();
        if inner.failing {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        assert!(!records.is_empty(), "an empty commit");
        inner.commits_since_checkpoint += 1;
        inner.commits += 1;
        for record in records {
            inner.facts.learn(record);
        }
        inner.records.extend_from_slice(records);
        Ok(inner.records.len() as u64)
    }

    fn wants_checkpoint(&self) -> bool {
        let inner = self.0.borrow();
        inner
            .checkpoint_every
            .is_some_and(|every| inner.commits_since_checkpoint >= every)
    }

    fn checkpoint(&mut self, state: &[Stored]) -> Result<u64, Self::Error> {
        let mut inner = self.0.borrow_mut();
        if inner.failing || inner.failing_checkpoints {
            return Err(std::io::ErrorKind::StorageFull.into());
        }
        inner.commits_since_checkpoint = 0;
        inner.checkpoint_at = Some(inner.records.len());
        inner.records.extend_from_slice(state);
        Ok(inner.records.len() as u64)
    }
}

impl Disk {
    pub fn commit_rules(&self, rules: &Rules) {
        let record = Record::RulesChanged(Box::new(rules.clone())).to_stored();
        self.0.borrow_mut().records.push(record);
    }

    pub fn len(&self) -> usize {
        self.0.borrow().records.len()
    }

    /// How many commits were made, checkpoints not counted.
    pub fn commits(&self) -> u64 {
        self.0.borrow().commits
    }

    pub fn set_failing(&self, failing: bool) {
        self.0.borrow_mut().failing = failing;
    }

    pub fn fail_checkpoints(&self, failing: bool) {
        self.0.borrow_mut().failing_checkpoints = failing;
    }

    /// Writes the state whole after so many commits.
    pub fn checkpoint_every(&self, commits: u64) {
        self.0.borrow_mut().checkpoint_every = Some(commits);
    }

    /// What was not yet synced when the power went.
    pub fn lose_after(&self, len: usize) {
        let mut inner = self.0.borrow_mut();
        inner.records.truncate(len);
        inner.checkpoint_at = inner.checkpoint_at.filter(|at| *at < len);
        let mut facts = Facts::default();
        for record in &inner.records {
            facts.learn(record);
        }
        inner.facts = facts;
    }

    /// As a start does it: the newest whole state, and what came after it.
    pub fn replay_into(&self, park: &mut Park) {
        let inner = self.0.borrow();
        let from = inner.checkpoint_at.unwrap_or(0);
        for stored in &inner.records[from..] {
            park.replay(&Record::from_stored(stored).expect("a readable record"));
        }
    }

    pub fn records(&self) -> Vec<Record> {
        let inner = self.0.borrow();
        let read = |stored| Record::from_stored(stored).expect("a readable record");
        inner.records.iter().map(read).collect()
    }

    pub fn stored(&self) -> Vec<Stored> {
        self.0.borrow().records.clone()
    }

    pub fn has_raise(&self, lane: &LaneId, raise: u64) -> bool {
        let key = (lane.clone(), raise);
        self.0.borrow().facts.raises.contains(&key)
    }

    /// What leaves must be on disk, byte for byte.
    pub fn check_call(&self, request: &Request) {
        let inner = self.0.borrow();
        let facts = &inner.facts;
        match request {
            Request::NotifyEntry { session, body } => {
                assert_eq!(facts.newest_entry.get(session), Some(body), "{session}");
            }
            Request::Charge { trade_no, body } => {
                assert_eq!(facts.charges.get(trade_no), Some(body), "{trade_no}");
            }
            Request::Refund { refund_no, body } => {
                assert_eq!(facts.refunds.get(refund_no), Some(body), "{refund_no}");
            }
            Request::Spot { number, body, .. } => {
                assert_eq!(facts.spots.get(number), Some(body), "{number}");
            }
            Request::Query { .. }
            | Request::QueryRefund { .. }
            | Request::QuerySpot { .. }
            | Request::CloseSpot { .. } => {}
        }
    }
}

impl Facts {
    fn learn(&mut self, stored: &Stored) {
        const OF_INTEREST: [u16; 6] = [18, 33, 38, 39, 62, 73];
        if !OF_INTEREST.contains(&stored.kind) {
            return;
        }
        match Record::from_stored(stored).expect("a readable record") {
            Record::Lane(LaneRecord::RaiseDecided { lane, raise, .. }) => {
                assert!(self.raises.insert((lane, raise)), "raise {raise} twice");
            }
            Record::Money(MoneyRecord::EntrySent {
                session,
                attempt,
                body,
            }) => {
                let frozen = self
                    .entries
                    .entry((session.clone(), attempt))
                    .or_insert_with(|| body.clone());
                assert_eq!(*frozen, body, "the body of an entry changed");
                self.newest_entry.insert(session, body);
            }
            Record::Money(MoneyRecord::ChargeOpened { claim }) => {
                let number = claim.trade_no;
                assert!(self.opened.insert(number.clone()), "{number} opened twice");
            }
            Record::Money(MoneyRecord::ChargeSent { trade_no, body }) => {
                let frozen = self.charges.get(&trade_no);
                assert_eq!(frozen.is_none(), body.is_some(), "{trade_no} frozen twice");
                if let Some(body) = body {
                    self.charges.insert(trade_no, body);
                }
            }
            Record::Money(MoneyRecord::RefundSent {
                refund_no, body, ..
            }) => {
                let frozen = self.refunds.get(&refund_no);
                assert_eq!(frozen.is_none(), body.is_some(), "{refund_no} frozen twice");
                if let Some(body) = body {
                    self.refunds.insert(refund_no, body);
                }
            }
            Record::Money(MoneyRecord::SpotSent { number, body }) => {
                let frozen = self.spots.get(&number);
                assert_eq!(frozen.is_none(), body.is_some(), "{number} frozen twice");
                if let Some(body) = body {
                    self.spots.insert(number, body);
                }
            }
            _ => {}
        }
    }
}
