//! What was told and how it was answered, and telling it once more.

use super::{Callback, CallbackFault, Simulator};
use crate::lane::time::Wall;

/// One notice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CallbackRow {
    /// In the order in which they were made, from 1.
    pub number: u64,
    /// As every delivery of it carries it.
    pub id: String,
    /// `TRANSACTION.SUCCESS`, `VEHICLE.ENTRANCE_STATE_CHANGE`, …
    pub event_type: &'static str,
    /// Where it goes.
    pub url: String,
    /// When what it tells of happened.
    pub created: Wall,
    /// Where it stands.
    pub state: CallbackState,
    /// The next delivery, if there is to be one.
    pub due: Option<Wall>,
    /// What came of each delivery; of very many the first are forgotten.
    pub answers: Vec<CallbackAnswer>,
    /// What is encrypted in it.
    pub resource: String,
}

/// Where a notice stands.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum CallbackState {
    /// To be delivered, or to be delivered again.
    #[default]
    Waiting,
    /// The client answered 200 or 204.
    Taken,
    /// Not taken at the last repeat.
    GivenUp,
}

/// What came of one delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CallbackAnswer {
    /// When it was answered, or given up.
    pub at: Wall,
    /// HTTP status; None: no answer.
    pub status: Option<u16>,
    /// What was wrong with the delivery.
    pub fault: CallbackFault,
}

/// Of one notice.
pub(super) const ANSWERS_KEPT: usize = 64;
/// Of those that are over.
pub(super) const ENDED_KEPT: usize = 1000;

impl Simulator {
    /// The newest notices, newest first, at most so many.
    pub fn callback_rows(&self, at_most: usize) -> Vec<CallbackRow> {
        let callbacks = &self.callbacks;
        let mut all: Vec<(&u64, &Callback)> =
            callbacks.ended.iter().chain(&callbacks.waiting).collect();
        all.sort_unstable_by_key(|(number, _)| std::cmp::Reverse(**number));
        let rows = all.into_iter().take(at_most);
        rows.map(|(number, it)| it.row(*number)).collect()
    }

    /// Whether a notice has this number, of those that are remembered.
    pub fn is_callback_known(&self, number: u64) -> bool {
        let callbacks = &self.callbacks;
        callbacks.waiting.contains_key(&number) || callbacks.ended.contains_key(&number)
    }

    /// Delivers a notice at once, with this fault, be it taken, given up or waiting; false if it is
    /// not known, or under way just now. Should it not be taken, the ladder begins anew.
    pub fn deliver_again(&mut self, number: u64, fault: CallbackFault, now: Wall) -> bool {
        let callbacks = &mut self.callbacks;
        if let Some(ended) = callbacks.ended.remove(&number) {
            callbacks.waiting.insert(number, ended);
        }
        let waiting = callbacks.waiting.get_mut(&number);
        let Some(callback) = waiting.filter(|callback| !callback.is_under_way) else {
            return false;
        };
        callback.state = CallbackState::Waiting;
        callback.next_fault = Some(fault);
        callback.due = now;
        callback.deliveries = 0;
        true
    }
}

impl Callback {
    pub(super) fn answered(&mut self, answer: CallbackAnswer) {
        if self.answers.len() >= ANSWERS_KEPT {
            self.answers.remove(0);
        }
        self.answers.push(answer);
    }

    fn row(&self, number: u64) -> CallbackRow {
        CallbackRow {
            number,
            id: self.id.clone(),
            event_type: self.event_type,
            url: self.url.clone(),
            created: self.created,
            state: self.state,
            due: (self.state == CallbackState::Waiting).then_some(self.due),
            answers: self.answers.clone(),
            resource: self.resource.clone(),
        }
    }
}
