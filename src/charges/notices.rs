//! Notices that were taken, by their numbers, so that the same one is not taken twice, also after a restart.

use std::collections::{BTreeSet, VecDeque};

use serde::{Deserialize, Serialize};

use crate::store::sha256;

/// So many are remembered; the oldest go first. WeChat resends one for a day at most, and what a very late
/// one says is compared with what is known of its entry or charge anyway.
const REMEMBERED_MAX: usize = 4096;

/// See the module. Of each number eight bytes of its hash are kept.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "VecDeque<u64>", into = "VecDeque<u64>")]
pub struct Notices {
    in_order: VecDeque<u64>,
    all: BTreeSet<u64>,
}

impl Notices {
    /// Whether this one was taken before.
    pub fn has(&self, id: &str) -> bool {
        self.all.contains(&mark(id))
    }

    /// Whether none is remembered.
    pub fn is_empty(&self) -> bool {
        self.in_order.is_empty()
    }

    /// Remembers one.
    pub fn note(&mut self, id: &str) {
        let mark = mark(id);
        if !self.all.insert(mark) {
            return;
        }
        self.in_order.push_back(mark);
        while self.in_order.len() > REMEMBERED_MAX {
            if let Some(oldest) = self.in_order.pop_front() {
                self.all.remove(&oldest);
            }
        }
    }
}

/// 53 bits, which every reader of JSON keeps exactly.
fn mark(id: &str) -> u64 {
    let hash = sha256::of(id.as_bytes());
    let (first, _) = hash.split_first_chunk().expect("a hash has 32 bytes");
    u64::from_be_bytes(*first) >> 11
}

impl From<VecDeque<u64>> for Notices {
    fn from(in_order: VecDeque<u64>) -> Self {
        let all = in_order.iter().copied().collect();
        Self { in_order, all }
    }
}

impl From<Notices> for VecDeque<u64> {
    fn from(notices: Notices) -> Self {
        notices.in_order
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_newest_are_remembered_over_a_restart_and_the_oldest_forgotten() {
        let mut notices = Notices::default();
        for number in 0..=REMEMBERED_MAX {
            let id = format!("EV-{number}");
            assert!(!notices.has(&id));
            notices.note(&id);
            notices.note(&id);
        }
        let text = serde_json::to_string(&notices).unwrap();
        let again: Notices = serde_json::from_str(&text).unwrap();
        assert_eq!(again, notices);
        assert!(!again.has("EV-0"), "the oldest");
        assert!(again.has("EV-1") && again.has(&format!("EV-{REMEMBERED_MAX}")));
        assert_eq!(again.in_order.len(), REMEMBERED_MAX);
    }
}
