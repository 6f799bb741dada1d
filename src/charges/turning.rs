//! The queue's turn: what goes next, when, and beside how much else.

use super::agenda::Item;
use super::call::{MerchantRules, Out};
use super::queue::{CONCURRENCY_MAX, Queue};
use crate::lane::time::{Moment, Stamp};

/// A call that has not come back after this long counts as lost.
const FLIGHT_MS_MAX: u64 = 60_000;
/// How soon to look again at what waits for something that tells no time of its own.
pub(super) const LOOK_AGAIN_MS: u64 = 5_000;

impl Queue {
    /// When the queue wants a turn, if nothing happens before.
    pub fn wake_at(&self) -> Option<Moment> {
        if self.paused {
            return None;
        }
        let lost_at = self
            .agenda
            .oldest_flight()
            .map(|since| since.after_ms(FLIGHT_MS_MAX + 1));
        let in_flight = self.agenda.in_flight();
        let due_at = if self.book.stop().is_some() {
            let half_open = self
                .half_open
                .filter(|_| in_flight == 0 && self.asks_while_stopped().is_some());
            let spots = self
                .spots_while_stopped_at()
                .filter(|_| in_flight < self.link.limit(CONCURRENCY_MAX));
            half_open.into_iter().chain(spots).min()
        } else {
            let background = self
                .agenda
                .next_at()
                .filter(|_| in_flight < self.link.limit(CONCURRENCY_MAX));
            let lanes = self.awaited_at().into_iter().chain(self.spots_at());
            background.into_iter().chain(lanes).min()
        };
        let opens_at = self.opens_at();
        let due_at = due_at.map(|at| at.max(opens_at));
        lost_at.into_iter().chain(due_at).min()
    }

    /// When the next call goes that a lane waits for; these go beside the background's.
    fn awaited_at(&self) -> Option<Moment> {
        if self.link.is_silent() {
            return None;
        }
        let opens_at = self.opens_at();
        let hurried = self.awaited.iter();
        hurried
            .flat_map(|(session, until)| {
                let charge = Item::Charge(session.trade_no(0));
                [Item::Entry(session.clone()), charge]
                    .into_iter()
                    .filter_map(|item| self.agenda.next_at_of(&item))
                    .map(|at| at.max(opens_at))
                    .filter(move |at| at < until)
            })
            .min()
    }

    /// No call goes before.
    pub(super) fn opens_at(&self) -> Moment {
        let link = self.link.opens_at();
        self.unsigned_until.map_or(link, |until| until.max(link))
    }

    /// Sends what is due and may go.
    pub fn turn(&mut self, now: &Stamp, rules: &MerchantRules, out: &mut Out) {
        if self.paused {
            return;
        }
        self.give_up_overdue_flights(now, rules, out);
        self.forget_missed_deadlines(now.now.moment);
        if self.unsigned_until.is_some() {
            return;
        }
        if self.book.stop().is_some() {
            self.query_once_while_stopped(now, rules, out);
            let due = self.spots_due_while_stopped(now.now.moment);
            self.act_on_admitted(due, now, rules, out);
            return;
        }
        let moment = now.now.moment;
        if !self.link.is_silent() && moment >= self.link.opens_at() {
            for (item, until) in self.awaited_and_due(moment) {
                self.act(&item, Some(until), now, rules, out);
            }
            for item in self.spots_due(moment) {
                self.act(&item, None, now, rules, out);
            }
        }
        while let Some(item) = self.agenda.first_due(moment) {
            if !self
                .link
                .admits(self.agenda.in_flight(), CONCURRENCY_MAX, moment)
            {
                break;
            }
            self.act(&item, None, now, rules, out);
        }
    }

    fn act_on_admitted(
        &mut self,
        due: Vec<Item>,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        for item in due {
            let in_flight = self.agenda.in_flight();
            if self.link.admits(in_flight, CONCURRENCY_MAX, now.now.moment) {
                self.act(&item, None, now, rules, out);
            }
        }
    }

    /// A lane that has waited in vain asks for no call of its own any more.
    fn forget_missed_deadlines(&mut self, now: Moment) {
        for until in self.awaited.values_mut().filter(|until| **until <= now) {
            *until = Moment::default();
        }
    }

    fn awaited_and_due(&self, now: Moment) -> Vec<(Item, Moment)> {
        let hurried = self.awaited.iter().filter(|(_, until)| **until > now);
        hurried
            .flat_map(|(session, until)| {
                let charge = Item::Charge(session.trade_no(0));
                [Item::Entry(session.clone()), charge].map(|item| (item, *until))
            })
            .filter(|(item, _)| self.agenda.next_at_of(item).is_some_and(|at| at <= now))
            .collect()
    }

    fn act(
        &mut self,
        item: &Item,
        lane_until: Option<Moment>,
        now: &Stamp,
        rules: &MerchantRules,
        out: &mut Out,
    ) {
        if self.agenda.is_in_flight(item) {
            self.look_again(item, now);
            return;
        }
        match item {
            Item::Entry(session) => self.act_on_entry(session, lane_until, now, rules, out),
            Item::Charge(trade_no) => self.act_on_charge(trade_no, lane_until, now, rules, out),
            Item::Refund(refund_no) => self.act_on_refund(refund_no, now, rules, out),
            Item::Spot(number) => self.act_on_spot(number, now, rules, out),
        }
    }

    pub(super) fn look_again(&mut self, item: &Item, now: &Stamp) {
        self.agenda
            .put(item, now.now.moment.after_ms(LOOK_AGAIN_MS));
    }

    fn give_up_overdue_flights(&mut self, now: &Stamp, rules: &MerchantRules, out: &mut Out) {
        let limit = Moment(now.now.moment.0.saturating_sub(FLIGHT_MS_MAX));
        while let Some((item, errand)) = self.agenda.overdue(limit) {
            self.lost_in_flight(&item, errand, now, rules, out);
        }
    }
}
