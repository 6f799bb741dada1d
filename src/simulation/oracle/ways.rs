//! By which ways drivers paid for one stay: what several of them take is one amount due.

use std::collections::{BTreeMap, BTreeSet};

use super::Oracle;
use super::codes::End;
use crate::lane::number::SessionId;

/// What lowers what is left of a fee, or pays it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Way {
    Coupon,
    Store,
    /// Taken by a person, or told by the operator's page.
    ByHand,
    Code,
    Charge,
}

impl Oracle {
    /// Which of them met in one stay, two by two.
    pub fn ways_that_met(&self) -> BTreeSet<(Way, Way)> {
        let mut of_stays: BTreeMap<&SessionId, BTreeSet<Way>> = BTreeMap::new();
        let mut note = |session, way| {
            of_stays.entry(session).or_default().insert(way);
        };
        for session in self.model.favours.coupons() {
            note(session, Way::Coupon);
        }
        for session in &self.model.favours.from_store {
            note(session, Way::Store);
        }
        for session in &self.model.by_hand {
            note(session, Way::ByHand);
        }
        let codes = self.model.codes.all.values();
        for code in codes.filter(|code| code.ended == Some(End::Paid)) {
            note(&code.claim.session, Way::Code);
        }
        let charges = self.model.charges.values();
        for charge in charges.filter(|charge| charge.is_filed()) {
            note(&charge.claim.session, Way::Charge);
        }
        let mut met = BTreeSet::new();
        for ways in of_stays.values() {
            for one in ways {
                met.extend(ways.range(one..).skip(1).map(|other| (*one, *other)));
            }
        }
        met
    }
}
