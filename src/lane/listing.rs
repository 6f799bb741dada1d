//! Plates with a treatment of their own: season tickets, visitors, plates that are not let in; each with the
//! time for which it holds. Kept beside the short lists of the configuration, and changed while the lanes run.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::plate::PlateNumber;
use super::time::{Now, Stamp, Wall};

/// Plates that are listed at the most.
pub const LISTED_MAX: usize = 10_000;
/// The most that a plate has in store, fen: a million yuan, which is a slip of the hand.
pub const BALANCE_MAX_FEN: u64 = 100_000_000;

/// What being listed means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum List {
    /// Comes and goes without paying: season ticket, allow list.
    Permit,
    /// The same for somebody's guest.
    Visitor,
    /// Pays from what it has in store, as far as that goes.
    Stored,
    /// Not let in.
    Blocked,
}

impl List {
    /// Every list by its name.
    pub const ALL: [(&'static str, Self); 4] = [
        ("permit", Self::Permit),
        ("visitor", Self::Visitor),
        ("stored", Self::Stored),
        ("blocked", Self::Blocked),
    ];
}

/// A plate on a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    pub plate: PlateNumber,
    pub list: List,
    /// When it begins to hold; None for always.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<Wall>,
    /// When it no longer holds; None for ever.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Wall>,
    /// The bay that plates share: as many of them as it has places come free at one time, and the next
    /// pays like anybody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bay: Option<Bay>,
    /// For people.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub note: String,
}

/// A bay that several plates share.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bay {
    pub name: String,
    /// Cars that it has room for.
    pub places: u32,
}

/// What is changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Change {
    /// These are listed, and nothing else any more.
    Replace(Vec<Listed>),
    /// This plate is listed so, whatever it was on this list before.
    Put(Listed),
    /// This plate is taken off this list.
    Remove { plate: PlateNumber, list: List },
}

/// All lists.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listing {
    /// By plate; each at most once on each list.
    plates: BTreeMap<PlateNumber, Vec<Listed>>,
    /// What plates have in store, fen. It stays theirs when they are taken off the list.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    balances: BTreeMap<PlateNumber, u64>,
    /// Counts the changes.
    pub version: u64,
    /// When they were last changed.
    pub changed: Option<Stamp>,
}

/// Why a list does not hold now.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lapse {
    NotYet,
    Over,
}

impl Listed {
    /// Whether it holds. A clock that cannot be believed tells nothing: then a permit holds and a block
    /// does not, so that nobody is charged or refused by mistake.
    pub fn holds(&self, now: Now) -> bool {
        match now.trusted {
            true => self.lapse(now.wall).is_none(),
            false => self.list != List::Blocked || (self.from.is_none() && self.until.is_none()),
        }
    }

    /// Why it does not hold at a time.
    pub fn lapse(&self, at: Wall) -> Option<Lapse> {
        if self.from.is_some_and(|from| at < from) {
            return Some(Lapse::NotYet);
        }
        self.until
            .is_some_and(|until| at >= until)
            .then_some(Lapse::Over)
    }
}

impl Listing {
    /// Everything that is listed of a plate.
    pub fn of(&self, plate: &PlateNumber) -> &[Listed] {
        self.plates.get(plate).map_or(&[], |listed| listed)
    }

    /// Everything that is listed.
    pub fn all(&self) -> impl Iterator<Item = &Listed> {
        self.plates.values().flatten()
    }

    /// Plates that are listed.
    pub fn len(&self) -> usize {
        self.plates.len()
    }

    /// Whether nothing is listed.
    pub fn is_empty(&self) -> bool {
        self.plates.is_empty()
    }

    /// Whether a plate is not to be let in.
    pub fn is_blocked(&self, plate: &PlateNumber, now: Now) -> bool {
        let mut listed = self.of(plate).iter();
        listed.any(|listed| listed.list == List::Blocked && listed.holds(now))
    }

    /// The permit of a plate that holds; one without a bay before one with.
    pub fn permit(&self, plate: &PlateNumber, now: Now) -> Option<&Listed> {
        let listed = self.of(plate).iter();
        listed
            .filter(|listed| matches!(listed.list, List::Permit | List::Visitor))
            .filter(|listed| listed.holds(now))
            .min_by_key(|listed| listed.bay.is_some())
    }

    /// What a plate has in store, fen, whether its card holds or not.
    pub fn balance_fen(&self, plate: &PlateNumber) -> u64 {
        self.balances.get(plate).copied().unwrap_or(0)
    }

    /// What may be debited from it now, fen.
    pub fn stored(&self, plate: &PlateNumber, now: Now) -> u64 {
        let mut listed = self.of(plate).iter();
        let holds = listed.any(|listed| listed.list == List::Stored && listed.holds(now));
        if holds { self.balance_fen(plate) } else { 0 }
    }

    /// Everything that is in store.
    pub fn balances(&self) -> &BTreeMap<PlateNumber, u64> {
        &self.balances
    }

    /// Takes a new balance up.
    pub fn set_balance(&mut self, plate: &PlateNumber, fen: u64, at: &Stamp) {
        match fen {
            0 => self.balances.remove(plate),
            fen => self.balances.insert(plate.clone(), fen),
        };
        self.version = self.version.saturating_add(1);
        self.changed = Some(at.clone());
    }

    /// The plates that share a bay.
    pub fn sharing<'a>(&'a self, bay: &'a Bay) -> impl Iterator<Item = &'a PlateNumber> {
        let listed = self.all().filter(|listed| {
            let its = listed.bay.as_ref().map(|bay| &bay.name);
            its == Some(&bay.name)
        });
        listed.map(|listed| &listed.plate)
    }

    /// Takes a change up.
    pub fn apply(&mut self, change: &Change, at: &Stamp) {
        match change {
            Change::Replace(all) => {
                self.plates.clear();
                for listed in all {
                    self.put(listed);
                }
            }
            Change::Put(listed) => self.put(listed),
            Change::Remove { plate, list } => self.remove(plate, *list),
        }
        self.version = self.version.saturating_add(1);
        self.changed = Some(at.clone());
    }

    fn put(&mut self, listed: &Listed) {
        self.remove(&listed.plate, listed.list);
        let of = self.plates.entry(listed.plate.clone()).or_default();
        of.push(listed.clone());
    }

    fn remove(&mut self, plate: &PlateNumber, list: List) {
        if let Some(of) = self.plates.get_mut(plate) {
            of.retain(|listed| listed.list != list);
            if of.is_empty() {
                self.plates.remove(plate);
            }
        }
    }
}

impl Change {
    /// Why it makes no sense, if it does not.
    pub fn fault(&self, listing: &Listing) -> Option<ChangeFault> {
        let (all, before): (&[Listed], _) = match self {
            Self::Remove { plate, list } => {
                let is_there = listing.of(plate).iter().any(|listed| listed.list == *list);
                return (!is_there).then_some(ChangeFault::NotListed);
            }
            Self::Put(listed) => (std::slice::from_ref(listed), listing.len()),
            Self::Replace(all) => (all, 0),
        };
        if all.len().saturating_add(before) > LISTED_MAX {
            return Some(ChangeFault::TooMany);
        }
        let mut seen = BTreeSet::new();
        for listed in all {
            if let (Some(from), Some(until)) = (listed.from, listed.until)
                && until <= from
            {
                return Some(ChangeFault::EndsBeforeItBegins);
            }
            if !seen.insert((&listed.plate, listed.list)) {
                return Some(ChangeFault::Twice);
            }
        }
        None
    }
}

/// Why a change makes no sense.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(rename_all = "snake_case")]
pub enum ChangeFault {
    #[error("the plate is not on that list; `parkgate lists show` shows what is")]
    NotListed,
    #[error("more plates than a box keeps, {LISTED_MAX}")]
    TooMany,
    #[error("it ends before it begins; write an end that is later")]
    EndsBeforeItBegins,
    #[error("a plate stands on the same list twice; leave one out")]
    Twice,
    #[error(
        "the plate has no stored-value card; `parkgate lists put PLATE --list stored` gives it one"
    )]
    NoCard,
    #[error("only {} yuan are in store", super::tariff::yuan(*.balance_fen))]
    NotSoMuch { balance_fen: u64 },
    #[error(
        "more than a plate may have in store, {} yuan",
        super::tariff::yuan(BALANCE_MAX_FEN)
    )]
    TooMuch,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::time::{BootId, Moment};

    fn plate(text: &str) -> PlateNumber {
        PlateNumber::parse(text).unwrap().plate
    }

    fn now(wall: i64, trusted: bool) -> Now {
        Now {
            moment: Moment(0),
            wall: Wall(wall),
            trusted,
            boot: BootId(1),
        }
    }

    fn stamp() -> Stamp {
        Stamp {
            now: now(0, true),
            box_id: "b".into(),
        }
    }

    fn listed(text: &str, list: List, from: Option<i64>, until: Option<i64>) -> Listed {
        Listed {
            plate: plate(text),
            list,
            from: from.map(Wall),
            until: until.map(Wall),
            bay: None,
            note: String::new(),
        }
    }

    #[test]
    fn a_list_holds_from_its_beginning_to_its_end() {
        let card = listed("粤B12345", List::Permit, Some(100), Some(200));
        for (at, holds) in [(99, false), (100, true), (199, true), (200, false)] {
            assert_eq!(card.holds(now(at, true)), holds, "{at}");
        }
        assert_eq!(card.lapse(Wall(99)), Some(Lapse::NotYet));
        assert_eq!(card.lapse(Wall(200)), Some(Lapse::Over));
    }

    #[test]
    fn a_clock_that_is_not_believed_favours_the_driver() {
        let dated = |list| listed("粤B12345", list, Some(100), Some(200));
        assert!(dated(List::Permit).holds(now(500, false)));
        assert!(!dated(List::Blocked).holds(now(150, false)));
        assert!(listed("粤B12345", List::Blocked, None, None).holds(now(150, false)));
    }

    #[test]
    fn lists_are_put_taken_off_and_replaced() {
        let mut listing = Listing::default();
        let at = stamp();
        listing.apply(
            &Change::Put(listed("粤B12345", List::Permit, None, None)),
            &at,
        );
        listing.apply(
            &Change::Put(listed("粤B12345", List::Blocked, None, None)),
            &at,
        );
        assert!(listing.is_blocked(&plate("粤B12345"), now(0, true)));
        assert!(listing.permit(&plate("粤B12345"), now(0, true)).is_some());
        let off = Change::Remove {
            plate: plate("粤B12345"),
            list: List::Blocked,
        };
        assert_eq!(off.fault(&listing), None);
        listing.apply(&off, &at);
        assert_eq!(off.fault(&listing), Some(ChangeFault::NotListed));
        assert!(!listing.is_blocked(&plate("粤B12345"), now(0, true)));
        let others = vec![listed("粤B99999", List::Visitor, None, None)];
        listing.apply(&Change::Replace(others), &at);
        assert_eq!(listing.version, 4);
        assert_eq!(listing.len(), 1);
        assert!(listing.permit(&plate("粤B12345"), now(0, true)).is_none());
    }

    #[test]
    fn a_change_that_makes_no_sense_is_refused() {
        let listing = Listing::default();
        let backwards = listed("粤B12345", List::Permit, Some(200), Some(100));
        assert_eq!(
            Change::Put(backwards).fault(&listing),
            Some(ChangeFault::EndsBeforeItBegins)
        );
        let twice = vec![listed("粤B12345", List::Permit, None, None); 2];
        assert_eq!(
            Change::Replace(twice).fault(&listing),
            Some(ChangeFault::Twice)
        );
    }
}
