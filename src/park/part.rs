//! A whole state that is too large to be written at once: in parts that follow each other. Each part puts
//! in what it holds, so that a state into which it is folded a second time stays as it is.

use serde::{Deserialize, Serialize};

use super::Park;
use super::disk::{self, stored_part_of_mind, stored_part_of_state};
use super::state::{Site, Snapshot};
use crate::charges::book::Book;
use crate::charges::charge::Charge;
use crate::charges::entry::Entry;
use crate::charges::queue::Queue;
use crate::lane::session::Session;
use crate::lane::time::Now;
use crate::store::record::Record as Stored;

/// Stays, entries and charges of a state that is still written at once.
pub const WHOLE_MAX: usize = 4096;
/// Stays, entries, charges or plans in one record.
const AT_ONCE: usize = 1024;
/// Bytes of records that share a commit. With the last one that makes up a segment at most.
const COMMIT_BYTES: usize = 2 << 20;

/// One part.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Part {
    /// A state begins with it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub first: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub sessions: Vec<Session>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub entries: Vec<Entry>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub charges: Vec<Charge>,
    /// Charges with the staff.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub desk: Vec<Charge>,
    /// Everything else: the state ends with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rest: Option<Box<Snapshot>>,
}

impl Park {
    /// As [`Park::checkpoint`], for each commit of it: one, if there are no more than `whole_max` stays,
    /// entries and charges. No more than one commit of it is in memory.
    pub fn checkpoint_in_parts(
        &self,
        now: Now,
        whole_max: usize,
    ) -> Box<dyn Iterator<Item = Vec<Stored>> + '_> {
        if self.size() <= whole_max {
            return Box::new(std::iter::once(self.checkpoint(now)));
        }
        let (site, book) = (self.site(), self.queue.book());
        let first = Part {
            first: true,
            ..Part::default()
        };
        let sessions = chunks(site.sessions()).map(|sessions| Part {
            sessions,
            ..Part::default()
        });
        let entries = chunks(book.entries()).map(|entries| Part {
            entries,
            ..Part::default()
        });
        let charges = chunks(book.charges()).map(|charges| Part {
            charges,
            ..Part::default()
        });
        let desk = chunks(book.desk()).map(|desk| Part {
            desk,
            ..Part::default()
        });
        let rest = std::iter::once_with(|| Part {
            rest: Some(Box::new(Snapshot {
                site: site.without_sessions(),
                book: book.without_entries_and_charges(),
            })),
            ..Part::default()
        });
        let parts = std::iter::once(first).chain(sessions).chain(entries);
        let parts = parts.chain(charges).chain(desk).chain(rest);
        let parts = parts.map(|part| stored_part_of_state(&part));
        let plans = self.queue.plans(AT_ONCE);
        let plans = plans.map(|plans| stored_part_of_mind(&plans));
        let mind = std::iter::once_with(|| {
            let queue = self.queue.without_plans();
            disk::stored_mind(&self.lanes, &queue)
        });
        let notes = self.notes(now).map(|notes| notes.to_stored());
        let rules = std::iter::once_with(|| disk::stored_rules(self.rules()));
        let records = notes.into_iter().chain(rules);
        let mut records = records.chain(parts).chain(plans).chain(mind);
        Box::new(std::iter::from_fn(move || {
            let (mut commit, mut bytes) = (Vec::new(), 0);
            while bytes < COMMIT_BYTES
                && let Some(record) = records.next()
            {
                bytes += record.payload.len();
                commit.push(record);
            }
            (!commit.is_empty()).then_some(commit)
        }))
    }

    /// Stays, entries and charges.
    fn size(&self) -> usize {
        let standing = self.queue.book().standing();
        self.site.cars_inside() + standing.entries + standing.queued() + standing.with_staff
    }

    /// Puts in a part of a state.
    pub(super) fn replay_part(&mut self, part: Part) {
        let ends = part.rest.is_some();
        let mut book = self.queue.take_book();
        part.put_into(&mut self.site, &mut book);
        match ends {
            true => self.queue = Queue::with_book(book),
            false => self.queue.put_back(book),
        }
    }
}

impl Part {
    /// Puts it into a state that is read in parts.
    pub fn put_into(self, site: &mut Site, book: &mut Book) {
        let Self {
            first: _,
            sessions,
            entries,
            charges,
            desk,
            rest,
        } = self;
        site.put(&sessions);
        book.put(&entries, &charges, &desk);
        if let Some(rest) = rest {
            site.end_with(rest.site);
            book.end_with(rest.book);
        }
    }
}

fn chunks<T>(mut all: impl Iterator<Item = T>) -> impl Iterator<Item = Vec<T>> {
    std::iter::from_fn(move || {
        let chunk: Vec<T> = all.by_ref().take(AT_ONCE).collect();
        (!chunk.is_empty()).then_some(chunk)
    })
}
