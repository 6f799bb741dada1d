//! Entries while they are of use. The fold of their records.

use serde::{Deserialize, Serialize};

use super::entry::{Entry, EntryEnd, EntryState};
use super::frozen::EntryText;
use super::plates::Plates;
use super::record::MoneyRecord;
use crate::lane::number::{NumberKey, SessionId};
use crate::lane::plate::PlateNumber;
use crate::lane::shelf::{Shelf, Shelved};

/// Entries by their stays.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Entries {
    shelf: Shelf<Entry>,
    #[serde(skip)]
    by_plate: Plates,
}

impl Entries {
    pub fn is_empty(&self) -> bool {
        self.shelf.is_empty()
    }

    pub fn len(&self) -> usize {
        self.shelf.len()
    }

    pub fn get(&self, session: &SessionId) -> Option<Entry> {
        self.shelf.get(NumberKey::of_session(session)?)
    }

    /// In the order of their stays.
    pub fn values(&self) -> impl Iterator<Item = Entry> {
        self.shelf.values()
    }

    /// As [`Entries::values`], of the stays behind this one.
    pub fn after(&self, session: Option<NumberKey>) -> impl Iterator<Item = Entry> {
        self.shelf.after(session)
    }

    pub fn keys(&self) -> impl Iterator<Item = NumberKey> {
        self.shelf.keys()
    }

    /// Those of a plate, oldest first.
    pub fn of(&self, plate: &PlateNumber) -> impl Iterator<Item = Entry> {
        let numbers = self.by_plate.of(plate);
        numbers.filter_map(|key| self.shelf.get(key))
    }

    /// Puts in those of a state that is read in parts.
    pub fn put_all(&mut self, entries: &[Entry]) {
        self.shelf.put_all(entries);
    }

    pub fn compact(&mut self) {
        self.shelf.compact();
    }

    /// Makes what is not stored from what is.
    pub fn reindex(&mut self) {
        let entries = self.shelf.values();
        let entries = entries.filter_map(|entry| Some((entry.plate.clone(), entry.key()?)));
        self.by_plate = entries.collect();
    }

    /// The only way in which they change.
    pub fn apply(&mut self, record: &MoneyRecord) {
        match record {
            MoneyRecord::EntryOpened {
                session,
                plate,
                color,
                entered,
                not_registrable,
            } => {
                let state = not_registrable.map_or(EntryState::Pending, EntryState::NotRegistrable);
                let entry = Entry {
                    session: session.clone(),
                    plate: plate.clone(),
                    color: *color,
                    entered: entered.clone(),
                    attempt: 0,
                    body: None,
                    start_time: None,
                    state,
                };
                if let Some(key) = entry.key() {
                    self.by_plate.add(plate, key);
                }
                self.shelf.put(&entry);
            }
            MoneyRecord::EntrySent {
                session,
                attempt,
                body,
            } => {
                self.change(session, |entry| {
                    let body = EntryText::of(body);
                    entry.attempt = *attempt;
                    entry.start_time = body.start_time().or(entry.start_time.take());
                    entry.body = Some(body);
                    entry.state = EntryState::Sent;
                });
            }
            MoneyRecord::EntryUnknown { session, .. } => {
                self.set(session, EntryState::Unknown);
            }
            MoneyRecord::EntryRegistered {
                session,
                parking_id,
                service,
                as_of,
            } => {
                let state = EntryState::Registered {
                    parking_id: parking_id.clone(),
                    service: service.clone(),
                    as_of: as_of.clone(),
                    told_at: None,
                };
                self.set(session, state);
            }
            MoneyRecord::EntryServiceChanged {
                session,
                service: told,
                updated_at,
                as_of: told_as_of,
            } => self.change(session, |entry| {
                if let EntryState::Registered {
                    service,
                    as_of,
                    told_at,
                    ..
                } = &mut entry.state
                {
                    *service = told.clone();
                    *as_of = told_as_of.clone();
                    *told_at = Some(*updated_at);
                }
            }),
            MoneyRecord::EntryRenumbered {
                session, attempt, ..
            } => {
                self.change(session, |entry| {
                    entry.attempt = *attempt;
                    entry.body = None;
                    entry.state = EntryState::Pending;
                });
            }
            MoneyRecord::EntryEnded { session, why } => match why {
                EntryEnd::Refused(code) => {
                    self.set(session, EntryState::Refused(code.clone()));
                }
                EntryEnd::NotRegistrable(why) => {
                    self.set(session, EntryState::NotRegistrable(*why));
                }
                EntryEnd::NothingOwed | EntryEnd::Superseded => self.remove(session),
            },
            _ => {}
        }
    }

    /// It is of no use any more.
    pub fn remove(&mut self, session: &SessionId) {
        let key = NumberKey::of_session(session);
        if let Some(entry) = key.and_then(|key| self.shelf.take(key))
            && let Some(key) = key
        {
            self.by_plate.remove(&entry.plate, key);
        }
    }

    fn set(&mut self, session: &SessionId, state: EntryState) {
        self.change(session, |entry| entry.state = state);
    }

    fn change(&mut self, session: &SessionId, change: impl FnOnce(&mut Entry)) {
        if let Some(mut entry) = self.get(session) {
            change(&mut entry);
            self.shelf.put(&entry);
        }
    }
}
