//! What is to be done when, and what is under way.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::lane::number::{NumberKey, SessionId};
use crate::lane::time::Moment;

/// One thing that the queue works on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Item {
    /// The charge with this `out_trade_no`.
    Charge(String),
    /// The entry of this stay.
    Entry(SessionId),
    /// The refund with this `out_refund_no`.
    Refund(String),
    /// The order with this `out_trade_no` that is paid on the spot.
    Spot(String),
}

impl Item {
    /// What its jitter derives from.
    pub fn key(&self) -> &str {
        match self {
            Self::Charge(trade_no) => trade_no,
            Self::Entry(session) => &session.0,
            Self::Refund(refund_no) => refund_no,
            Self::Spot(number) => number,
        }
    }
}

/// An item as it is kept a hundred thousand times. In the order of the items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Slot {
    Charge(NumberKey),
    Entry(NumberKey),
    Refund(NumberKey),
    Spot(NumberKey),
}

impl Slot {
    fn of(item: &Item) -> Option<Self> {
        let slot = match item {
            Item::Charge(trade_no) => NumberKey::of_trade_no(trade_no).map(Self::Charge),
            Item::Entry(session) => NumberKey::of_session(session).map(Self::Entry),
            Item::Refund(refund_no) => NumberKey::of_refund_no(refund_no).map(Self::Refund),
            Item::Spot(number) => NumberKey::of_spot_no(number).map(Self::Spot),
        };
        debug_assert!(slot.is_some(), "a number that nobody gave out: {item:?}");
        slot
    }

    fn item(self) -> Item {
        match self {
            Self::Charge(key) => Item::Charge(key.trade_no()),
            Self::Entry(key) => Item::Entry(key.session()),
            Self::Refund(key) => Item::Refund(key.refund_no()),
            Self::Spot(key) => Item::Spot(key.spot_no()),
        }
    }
}

/// What is asked of WeChat about an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Errand {
    /// *Create entry*.
    Notify,
    /// *Charge*.
    File,
    /// *Query order*.
    Query,
    /// *Apply for a refund*.
    Refund,
    /// *Query refund*.
    QueryRefund,
    /// *Create Native order*.
    Spot,
    /// *Query Native order*.
    QuerySpot,
    /// *Close Native order*.
    CloseSpot,
}

/// Times are of this run and not on disk: after a restart everything is due at once. What WeChat has taken on
/// already and is only asked about lets everything else that is due go before it.
#[derive(Clone, Debug, Default)]
pub struct Agenda {
    due: BTreeSet<(Moment, Slot)>,
    polls: BTreeSet<(Moment, Slot)>,
    at: BTreeMap<Slot, Moment>,
    in_flight: BTreeMap<Item, Flight>,
    tries: BTreeMap<Item, u32>,
}

#[derive(Clone, Copy, Debug, Serialize, Deserialize)]
struct Flight {
    errand: Errand,
    since: Moment,
}

/// One item as a checkpoint keeps it.
#[derive(Serialize, Deserialize)]
struct Planned<I> {
    item: I,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    at: Option<Moment>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    poll: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    flight: Option<Flight>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    tries: Option<u32>,
}

impl Serialize for Agenda {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        // Those without a time are few: what is on its way.
        let others = self.in_flight.keys().chain(self.tries.keys());
        let others = others.filter_map(Slot::of);
        let others: BTreeSet<Slot> = others.filter(|slot| !self.at.contains_key(slot)).collect();
        let slots = self.at.keys().copied().chain(others);
        serializer.collect_seq(slots.map(|slot| {
            let item = slot.item();
            let at = self.at.get(&slot).copied();
            Planned {
                at,
                poll: at.is_some_and(|at| self.polls.contains(&(at, slot))),
                flight: self.in_flight.get(&item).copied(),
                tries: self.tries.get(&item).copied(),
                item,
            }
        }))
    }
}

impl<'de> Deserialize<'de> for Agenda {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let mut agenda = Self::default();
        for planned in Vec::<Planned<Item>>::deserialize(deserializer)? {
            let Planned {
                item,
                at,
                poll,
                flight,
                tries,
            } = planned;
            if let Some(at) = at {
                agenda.put_as(&item, at, poll);
            }
            if let Some(flight) = flight {
                agenda.in_flight.insert(item.clone(), flight);
            }
            if let Some(tries) = tries {
                agenda.tries.insert(item, tries);
            }
        }
        Ok(agenda)
    }
}

impl Agenda {
    /// Puts `item` at `at`, instead of where it was.
    pub fn put(&mut self, item: &Item, at: Moment) {
        self.put_as(item, at, false);
    }

    /// As [`Agenda::put`], of what WeChat has taken on.
    pub fn put_poll(&mut self, item: &Item, at: Moment) {
        self.put_as(item, at, true);
    }

    /// The one or the other.
    pub fn put_as(&mut self, item: &Item, at: Moment, is_poll: bool) {
        self.lift(item);
        if let Some(slot) = Slot::of(item) {
            let plans = match is_poll {
                true => &mut self.polls,
                false => &mut self.due,
            };
            plans.insert((at, slot));
            self.at.insert(slot, at);
        }
    }

    /// Moves `item` forward to `at`, if it waits for a later time.
    pub fn advance(&mut self, item: &Item, at: Moment) {
        if self.next_at_of(item).is_some_and(|later| later > at) {
            self.put(item, at);
        }
    }

    /// Nothing more is to be done about `item`. A call that is on its way stays so until it lands.
    pub fn forget(&mut self, item: &Item) {
        self.lift(item);
        self.tries.remove(item);
    }

    /// The first item that is due.
    pub fn first_due(&self, now: Moment) -> Option<Item> {
        [&self.due, &self.polls]
            .into_iter()
            .filter_map(BTreeSet::first)
            .find(|(at, _)| *at <= now)
            .map(|(_, slot)| slot.item())
    }

    /// When the first item is due.
    pub fn next_at(&self) -> Option<Moment> {
        let firsts = [self.due.first(), self.polls.first()];
        firsts.into_iter().flatten().map(|(at, _)| *at).min()
    }

    /// When `item` is due; None if it is on its way or unknown.
    pub fn next_at_of(&self, item: &Item) -> Option<Moment> {
        self.at.get(&Slot::of(item)?).copied()
    }

    /// `item` is on its way; it is not due until it is put again.
    pub fn sent(&mut self, item: &Item, errand: Errand, now: Moment) {
        self.lift(item);
        let flight = Flight { errand, since: now };
        self.in_flight.insert(item.clone(), flight);
    }

    /// An answer came. False: nobody was waiting for one of this kind any more.
    pub fn landed(&mut self, item: &Item, errand: Errand) -> bool {
        let awaited = self
            .in_flight
            .get(item)
            .is_some_and(|flight| flight.errand == errand);
        if awaited {
            self.in_flight.remove(item);
        }
        awaited
    }

    /// Whether `item` is on its way.
    pub fn is_in_flight(&self, item: &Item) -> bool {
        self.in_flight.contains_key(item)
    }

    /// How many calls are on their way.
    pub fn in_flight(&self) -> usize {
        self.in_flight.len()
    }

    /// What has been on its way since before `moment`.
    pub fn overdue(&self, moment: Moment) -> Option<(Item, Errand)> {
        self.in_flight
            .iter()
            .find(|(_, flight)| flight.since < moment)
            .map(|(item, flight)| (item.clone(), flight.errand))
    }

    /// When the longest call under way began.
    pub fn oldest_flight(&self) -> Option<Moment> {
        self.in_flight.values().map(|flight| flight.since).min()
    }

    /// Counts one more try; returns how many there were before.
    pub fn tried(&mut self, item: &Item) -> u32 {
        let tries = self.tries.entry(item.clone()).or_default();
        *tries = tries.saturating_add(1);
        *tries - 1
    }

    /// How many tries were counted.
    pub fn tries(&self, item: &Item) -> u32 {
        self.tries.get(item).copied().unwrap_or_default()
    }

    /// Starts counting anew, as the item has moved on.
    pub fn moved_on(&mut self, item: &Item) {
        self.tries.remove(item);
    }

    /// What is due when, so many items at once, without what is under way.
    pub fn parts(&self, at_once: usize) -> impl Iterator<Item = Self> {
        let mut all = self.at.iter();
        std::iter::from_fn(move || {
            let at: BTreeMap<Slot, Moment> =
                all.by_ref().take(at_once).map(|(s, m)| (*s, *m)).collect();
            (!at.is_empty()).then(|| {
                let plans = at.iter().map(|(slot, at)| (*at, *slot));
                let (polls, due) = plans.partition(|plan| self.polls.contains(plan));
                Self {
                    due,
                    polls,
                    at,
                    ..Self::default()
                }
            })
        })
    }

    /// What is on its way, and what was tried how often.
    pub fn under_way(&self) -> Self {
        Self {
            in_flight: self.in_flight.clone(),
            tries: self.tries.clone(),
            ..Self::default()
        }
    }

    /// Takes over what is due in another one.
    pub fn take_over(&mut self, mut other: Self) {
        self.due.append(&mut other.due);
        self.polls.append(&mut other.polls);
        self.at.append(&mut other.at);
    }

    fn lift(&mut self, item: &Item) {
        if let Some(slot) = Slot::of(item)
            && let Some(at) = self.at.remove(&slot)
            && !self.due.remove(&(at, slot))
        {
            self.polls.remove(&(at, slot));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::lane::number::LedgerId;

    fn item(number: u64) -> Item {
        Item::Charge(SessionId::new(LedgerId(7), number).trade_no(0))
    }

    #[test]
    fn what_is_put_twice_is_due_once() {
        let mut agenda = Agenda::default();
        agenda.put(&item(1), Moment(5));
        agenda.put(&item(1), Moment(9));
        assert_eq!(agenda.first_due(Moment(8)), None);
        assert_eq!(agenda.first_due(Moment(9)), Some(item(1)));
        agenda.advance(&item(1), Moment(3));
        agenda.advance(&item(1), Moment(7));
        assert_eq!(agenda.next_at(), Some(Moment(3)));
        agenda.advance(&item(2), Moment(1));
        assert_eq!(agenda.next_at_of(&item(2)), None);
    }

    #[test]
    fn what_is_only_asked_about_lets_the_rest_go_before() {
        let mut agenda = Agenda::default();
        agenda.put_poll(&item(1), Moment(1));
        agenda.put(&item(2), Moment(5));
        assert_eq!(agenda.next_at(), Some(Moment(1)));
        assert_eq!(agenda.first_due(Moment(4)), Some(item(1)));
        assert_eq!(agenda.first_due(Moment(5)), Some(item(2)));
        agenda.advance(&item(1), Moment(0));
        assert_eq!(
            agenda.first_due(Moment(5)),
            Some(item(1)),
            "somebody waits for it now"
        );
    }

    #[test]
    fn plans_outlive_a_checkpoint_in_one_piece_and_in_parts() {
        let mut agenda = Agenda::default();
        agenda.put_poll(&item(1), Moment(1));
        agenda.put(&item(2), Moment(5));
        agenda.put_poll(&item(3), Moment(3));
        let written = serde_json::to_string(&agenda).unwrap();
        let whole: Agenda = serde_json::from_str(&written).unwrap();
        let mut together = Agenda::default();
        for part in agenda.parts(2) {
            let written = serde_json::to_string(&part).unwrap();
            together.take_over(serde_json::from_str(&written).unwrap());
        }
        for read in [whole, together] {
            assert_eq!(
                (read.due, read.polls, read.at),
                (agenda.due.clone(), agenda.polls.clone(), agenda.at.clone())
            );
        }
    }

    #[test]
    fn an_answer_lands_only_on_the_call_that_it_answers() {
        let mut agenda = Agenda::default();
        agenda.sent(&item(1), Errand::Query, Moment(1));
        assert!(!agenda.landed(&item(1), Errand::File));
        agenda.forget(&item(1));
        assert_eq!(agenda.in_flight(), 1);
        assert_eq!(
            agenda.overdue(Moment(2)),
            Some((item(1), Errand::Query)),
            "the call is still on its way"
        );
        assert!(agenda.landed(&item(1), Errand::Query));
        assert!(!agenda.landed(&item(1), Errand::Query));
    }
}
