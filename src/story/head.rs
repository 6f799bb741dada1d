//! The head of a step: when it was decided.

use serde::Deserialize;

use crate::lane::time::{Now, Wall};
pub use crate::park::disk::STEP;
use crate::park::disk::{CHECKPOINT, MIND, RULES};
use crate::store::record::{Class, Record as Stored};

/// When the records from here on were decided, if this one is a step's head.
pub fn decided_at(stored: &Stored) -> Option<Now> {
    #[derive(Deserialize)]
    struct Head {
        now: Now,
    }
    if !is_head(stored) || stored.payload.is_empty() {
        return None;
    }
    let head: Head = serde_json::from_slice(&stored.payload).ok()?;
    Some(head.now)
}

/// Follows the records, one by one, and knows when each was decided: by its step's head, or, where
/// that has been erased, by what the records themselves say.
#[derive(Clone, Copy, Debug, Default)]
pub struct StepClock {
    at: Option<(Wall, bool)>,
    headless: bool,
}

impl StepClock {
    /// The next record; what its head says, if it is one.
    pub fn hear(&mut self, stored: &Stored) -> Option<Now> {
        let now = decided_at(stored);
        if let Some(now) = now {
            self.begin(now);
        } else if is_head(stored) {
            self.headless = true;
        } else if self.headless
            && let Some(stamp) = newest_stamp(stored)
            && self.at.is_none_or(|(at, trusted)| !trusted || at < stamp)
        {
            self.at = Some((stamp, true));
        }
        now
    }

    /// The next record, a step's head that says so.
    pub fn begin(&mut self, now: Now) {
        self.at = Some((now.wall, now.trusted));
        self.headless = false;
    }

    /// When the record that was heard last was decided, and whether that is believed.
    pub fn at(&self) -> Option<(Wall, bool)> {
        self.at
    }
}

/// The newest trusted time in a record: of most, when it was decided. None for whole states and rules, which
/// tell of other times.
pub fn newest_stamp(stored: &Stored) -> Option<Wall> {
    const WALL: &[u8] = b"\"wall\":";
    const TRUSTED: &[u8] = b",\"trusted\":true";
    if [RULES, CHECKPOINT, MIND].contains(&stored.kind) {
        return None;
    }
    let mut newest = None;
    let mut rest = &stored.payload[..];
    while let Some(at) = rest.windows(WALL.len()).position(|part| part == WALL) {
        rest = &rest[at + WALL.len()..];
        let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (number, behind) = rest.split_at(digits);
        if behind.starts_with(TRUSTED) {
            let wall = std::str::from_utf8(number).ok()?.parse().ok().map(Wall);
            newest = newest.max(wall);
        }
    }
    newest
}

/// Whether a record is a step's head, also if its contents are erased.
pub fn is_head(stored: &Stored) -> bool {
    stored.kind == STEP && matches!(stored.class, Class::Reading | Class::Money | Class::Event)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stored(class: Class, kind: u16, payload: &str) -> Stored {
        Stored {
            class,
            kind,
            version: 1,
            payload: payload.into(),
        }
    }

    #[test]
    fn where_the_head_is_erased_the_records_tell_their_time_themselves() {
        let mut clock = StepClock::default();
        let head = r#"{"now":{"moment":1,"wall":1000,"trusted":true,"boot":1},"event":{}}"#;
        clock.hear(&stored(Class::Reading, STEP, head));
        assert_eq!(clock.at(), Some((Wall(1000), true)));
        clock.hear(&stored(Class::Reading, STEP, ""));
        assert_eq!(
            clock.at(),
            Some((Wall(1000), true)),
            "nothing newer is known"
        );
        let claim = r#"{"entered":{"moment":1,"wall":1500,"trusted":true,"boot":1},
            "exited":{"moment":1,"wall":9000,"trusted":true,"boot":1}}"#;
        clock.hear(&stored(Class::Money, 38, claim));
        assert_eq!(clock.at(), Some((Wall(9000), true)));
        let untrusted = r#"{"at":{"moment":1,"wall":99999,"trusted":false,"boot":1}}"#;
        clock.hear(&stored(Class::Session, 17, untrusted));
        assert_eq!(clock.at(), Some((Wall(9000), true)));
    }
}
