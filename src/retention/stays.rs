//! Stays, and which records tell of them.

use std::collections::BTreeSet;

use crate::lane::number::session_in;
use crate::park::Park;
use crate::park::disk::is_of_a_whole_state;
use crate::store::record::Record as Stored;

/// Numbers of stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stays(pub BTreeSet<String>);

impl Stays {
    /// Every stay that is open, waits for a person, or whose entry or charge is not done with: what tells
    /// of them is kept, however old it is.
    pub fn unfinished(park: &Park) -> Self {
        let (site, book) = (park.site(), park.queue().book());
        let open = site.sessions.keys().chain(site.reviews.keys());
        let held = site.holds.values().filter_map(|hold| hold.session.as_ref());
        let entries = book.entries().map(|entry| &entry.session);
        let charges = book.charges().chain(book.desk());
        let charged = charges.map(|charge| &charge.claim.session);
        let corrected = book.corrections().map(|correction| &correction.session);
        let all = open
            .chain(held)
            .chain(entries)
            .chain(charged)
            .chain(corrected);
        Self(all.map(|session| session.0.clone()).collect())
    }

    /// Whether a record tells of one of them: by its own number, its entry's or its charge's. Whole states
    /// tell of everything, and are nobody's evidence.
    pub fn are_told_of_by(&self, stored: &Stored) -> bool {
        if self.0.is_empty() || is_of_a_whole_state(stored) {
            return false;
        }
        let is_digit = |byte: &u8| byte.is_ascii_digit() || byte.is_ascii_uppercase();
        let runs = stored.payload.split(|byte| !is_digit(byte));
        runs.filter_map(|run| session_in(std::str::from_utf8(run).ok()?))
            .any(|session| self.0.contains(session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record::Class;

    #[test]
    fn a_stay_is_known_by_its_own_number_its_entrys_and_its_charges() {
        let stays = Stays(["3K9QZ0T8MB0000012".to_owned()].into());
        let names = |payload: &str| {
            stays.are_told_of_by(&Stored {
                class: Class::Money,
                kind: 38,
                version: 1,
                payload: payload.into(),
            })
        };
        assert!(names(r#"{"session":"3K9QZ0T8MB0000012"}"#));
        assert!(names(
            r#"{"body":"{\"out_trade_no\":\"T3K9QZ0T8MB000001200\"}"}"#
        ));
        assert!(names(r#"{"id":"P3K9QZ0T8MB000001201"}"#));
        assert!(!names(r#"{"session":"3K9QZ0T8MB0000013"}"#));
        assert!(!names(r#"{"id":"X3K9QZ0T8MB000001201"}"#));
        assert!(!names(r#"{"id":"3K9QZ0T8MB00000122"}"#));
    }
}
