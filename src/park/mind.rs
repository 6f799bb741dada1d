//! What a park knows of its present run only. A start forgets it; a checkpoint keeps it all the same,
//! so that a re-run can begin there and need not begin at the last start, months ago.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::Park;
use super::state::LaneMind;
use crate::charges::queue::Queue;
use crate::lane::session::LaneId;

/// Cars at barriers, and the queue's plans. Without what cameras told about their clocks.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Mind {
    lanes: BTreeMap<LaneId, LaneMind>,
    /// Without its book, which is state.
    queue: Queue,
}

/// The same, to be written.
#[derive(Debug, Serialize)]
pub(super) struct MindRef<'a> {
    pub(super) lanes: &'a BTreeMap<LaneId, LaneMind>,
    pub(super) queue: &'a Queue,
}

/// Two minds are the same if they are written the same.
impl PartialEq for Mind {
    fn eq(&self, other: &Self) -> bool {
        serde_json::to_vec(self).ok() == serde_json::to_vec(other).ok()
    }
}

impl Eq for Mind {}

impl Mind {
    /// Takes over a part of it that was written before it.
    pub fn complete_with(&mut self, part: Self) {
        self.queue.plan_as(part.queue);
    }
}

impl Park {
    /// The whole of it, to be written.
    pub(super) fn mind_to_keep(&self) -> MindRef<'_> {
        MindRef {
            lanes: &self.lanes,
            queue: &self.queue,
        }
    }

    /// Goes on from where a run stood.
    pub fn with_mind(mut self, mind: Mind) -> Self {
        let book = self.queue.book().clone();
        self.queue = mind.queue.over(book);
        self.lanes = mind.lanes;
        self
    }

    /// The same park under other rules, as it stands.
    pub fn under(mut self, rules: super::rules::Rules) -> Self {
        self.rules = rules;
        self
    }

    /// Takes another park's durable state over and keeps its own mind.
    pub fn corrected_by(&mut self, other: &Park) {
        self.site = other.site.clone();
        self.queue = std::mem::take(&mut self.queue).over(other.queue.book().clone());
    }

    /// A park that has just started over the same state.
    pub fn started_anew(&self, rules: super::rules::Rules) -> Self {
        let mut park = Park::new(self.ledger, rules);
        park.corrected_by(self);
        park
    }
}
