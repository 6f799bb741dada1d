//! Stays, and which records tell of them.

use std::collections::BTreeSet;

use crate::lane::number::{NumberKey, session_in};
use crate::park::Park;
use crate::park::disk::is_of_a_whole_state;
use crate::store::record::Record as Stored;

/// Numbers of stays.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Stays(pub BTreeSet<NumberKey>);

impl Stays {
    /// Every stay that is open, waits for a person, or whose entry or charge is not done with: what tells
    /// of them is kept, however old it is.
    pub fn unfinished(park: &Park) -> Self {
        let (site, book) = (park.site(), park.queue().book());
        let held = site.holds.values().filter_map(|hold| hold.session.as_ref());
        let corrected = book.corrections().map(|correction| &correction.session);
        let refunded = book.refunds().open().map(|refund| &refund.claim.session);
        let named = site
            .reviews
            .keys()
            .chain(held)
            .chain(corrected)
            .chain(refunded);
        let charged = book.queued().chain(book.with_staff());
        let all = site
            .open()
            .chain(named.filter_map(NumberKey::of_session))
            .chain(book.registering())
            .chain(charged.map(NumberKey::of_its_session));
        Self(all.collect())
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
            .filter_map(NumberKey::of_text)
            .any(|session| self.0.contains(&session))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::record::Class;

    #[test]
    fn a_stay_is_known_by_its_own_number_its_entrys_and_its_charges() {
        let stays = NumberKey::of_text("3K9QZ0T8MB0000012");
        let stays = Stays(stays.into_iter().collect());
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
