//! When something is done next: what came to nothing, what must be repeated, what is only asked about.

use super::agenda::Item;
use super::backoff;
use super::charge::ChargeState;
use super::entry::EntryState;
use super::queue::{LANE_POLL_MS, Queue};
use super::refund::RefundState;
use crate::lane::plate::PlateNumber;
use crate::lane::time::{Moment, Stamp};

/// How soon to try again while a lane waits: a second failure then tells that WeChat is silent.
const LANE_AGAIN_MS: u64 = 250;
/// The longest between two looks at the order of a car that is held.
const HELD_POLL_MS: u64 = 5_000;
/// Tries after which a charge that WeChat has not got still goes again at once.
const AT_ONCE_MAX: u32 = 3;
/// Quiet that a 429 without `Retry-After` asks for.
const THROTTLED_MS: u64 = 1_000;

impl Queue {
    /// WeChat has not got it: it goes again, at once unless it failed time after time. Then it waits here,
    /// where nobody doubts whose the money is, and not before the query.
    pub(super) fn repeat_in_turn(&mut self, item: &Item, now: &Stamp) {
        let (moment, tries) = (now.now.moment, self.agenda.tries(item));
        let is_waited_for = self
            .lane_waits_for(item)
            .is_some_and(|until| until > moment);
        let waits_ms = match tries > AT_ONCE_MAX && !is_waited_for {
            true => backoff::item_delay_ms(item.key(), tries),
            false => 0,
        };
        self.agenda.put(item, moment.after_ms(waits_ms));
    }

    /// A 429 speaks of the merchant's calls and not of this one: everything waits.
    pub(super) fn throttled(&mut self, item: &Item, retry_after_ms: Option<u64>, now: &Stamp) {
        let moment = now.now.moment;
        let quiet_ms = self.quieten(retry_after_ms, moment);
        let own_ms = backoff::item_delay_ms(item.key(), self.agenda.tried(item));
        self.put_in_its_rank(item, moment.after_ms(own_ms.max(quiet_ms)));
    }

    /// Everything waits for so many milliseconds.
    pub(super) fn quieten(&mut self, retry_after_ms: Option<u64>, moment: Moment) -> u64 {
        let quiet_ms = retry_after_ms.unwrap_or(THROTTLED_MS);
        self.link.quieten(moment.after_ms(quiet_ms));
        quiet_ms
    }

    /// While WeChat is silent the link's own back-off rules; an item's grows only when others get
    /// through.
    pub(super) fn again_later(&mut self, item: &Item, now: &Stamp) {
        let moment = now.now.moment;
        let is_waited_for = self
            .lane_waits_for(item)
            .is_some_and(|until| until > moment);
        let delay = if is_waited_for {
            LANE_AGAIN_MS
        } else if self.link.is_silent() {
            backoff::item_delay_ms(item.key(), 0)
        } else {
            backoff::item_delay_ms(item.key(), self.agenda.tried(item))
        };
        self.put_in_its_rank(item, moment.after_ms(delay));
    }

    /// A poll that came to nothing is a poll again.
    fn put_in_its_rank(&mut self, item: &Item, at: Moment) {
        let is_taken_on = match item {
            Item::Charge(trade_no) => {
                let charge = self.book.charge(trade_no);
                charge.is_some_and(|charge| charge.is_accepted())
            }
            Item::Refund(refund_no) => {
                let refund = self.book.refunds().get(refund_no);
                refund.is_some_and(|refund| refund.state == RefundState::Processing)
            }
            Item::Entry(_) | Item::Spot(_) => false,
        };
        self.agenda.put_as(item, at, is_taken_on);
    }

    pub(super) fn poll_later(&mut self, item: &Item, now: &Stamp) {
        let moment = now.now.moment;
        let by_ladder = backoff::poll_delay_ms(item.key(), self.agenda.tried(item));
        let soon = |until: Moment| match until > moment {
            true => LANE_POLL_MS,
            false => by_ladder.min(HELD_POLL_MS),
        };
        match self.lane_waits_for(item).map(soon) {
            Some(ms) => self.agenda.put(item, moment.after_ms(ms)),
            None => self.agenda.put_poll(item, moment.after_ms(by_ladder)),
        }
    }

    /// Until when a lane waits, or waited, for it; None if no car stands there for it.
    fn lane_waits_for(&self, item: &Item) -> Option<Moment> {
        let session = match item {
            Item::Entry(session) => session.clone(),
            Item::Charge(trade_no) => self.book.charge(trade_no)?.claim.session,
            Item::Refund(_) | Item::Spot(_) => return None,
        };
        self.awaited.get(&session).copied()
    }

    /// The plate's entry has moved on: its charge may go now.
    pub(super) fn wake_charges_of(&mut self, plate: &PlateNumber, now: &Stamp) {
        let charges = self.book.charges_of(plate);
        let waiting = charges.filter(|c| c.state == ChargeState::WaitingForEntry);
        let waiting: Vec<Item> = waiting
            .map(|charge| Item::Charge(charge.claim.trade_no.clone()))
            .collect();
        for item in waiting {
            self.agenda.advance(&item, now.now.moment);
        }
    }

    /// The plate's charge has moved on: its next entry may go now.
    pub(super) fn wake_entries_of(&mut self, plate: &PlateNumber, now: &Stamp) {
        let entries = self.book.entries_of(plate);
        let waiting = entries.filter(|entry| entry.state == EntryState::Pending);
        let waiting: Vec<Item> = waiting
            .map(|entry| Item::Entry(entry.session.clone()))
            .collect();
        for item in waiting {
            self.agenda.advance(&item, now.now.moment);
        }
    }
}
