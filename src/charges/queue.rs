//! The queue of entries and charges: what goes to WeChat next, and what may not go yet.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::agenda::{Agenda, Item};
use super::backoff;
use super::book::Book;
pub use super::call::{Call, Extras, MerchantRules, Out, Request, SubMerchant, UnsentCall};
use super::charge::{ChargeState, Claim, Opening, StaffReason};
use super::entry::{EntryEnd, EntryState, NotRegistrable};
use super::link::Link;
use super::record::MoneyRecord;
use super::refund::{RefundState, RefundTold};
use super::spot::{SpotState, SpotTold};
use super::spotting::Refused;
use super::staff::WaitsFor;
use super::turning::LOOK_AGAIN_MS;
use crate::lane::number::SessionId;
use crate::lane::plate::PlateNumber;
use crate::lane::session::Session;
use crate::lane::time::{Moment, Now};

/// Background calls that are on the wire at once.
pub const ON_WIRE_MAX: usize = 8;
/// Background calls under way at once: for each on the wire another is written and signed meanwhile, so
/// that the wire waits for neither. Lanes' calls, at most one a lane, come on top.
pub const CONCURRENCY_MAX: usize = 2 * ON_WIRE_MAX;
/// How often an accepted order is queried while a lane waits for its money to move.
pub(super) const LANE_POLL_MS: u64 = 1_000;

/// The queue. Its book is durable; everything else is of this run.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct Queue {
    #[serde(skip)]
    pub(super) book: Book,
    pub(super) agenda: Agenda,
    pub(super) link: Link,
    /// Stays whose cars stand at a barrier, at most one a lane, and until when the lane waits for an
    /// answer. A car that is held longer stays in here until it goes, with the earliest moment.
    pub(super) awaited: BTreeMap<SessionId, Moment>,
    /// Entries on their way to WeChat: for each plate one at a time, so that none overtakes another.
    pub(super) notifying: BTreeMap<PlateNumber, SessionId>,
    /// Next query of a stopped merchant.
    pub(super) half_open: Option<Moment>,
    /// A number that no order has: what a stopped merchant with an empty queue asks about.
    pub(super) nobodys: Option<String>,
    /// How often the merchant was refused since WeChat last took something on.
    pub(super) refusals: u32,
    /// The clock is not trusted and so nothing can be signed; when to look again.
    pub(super) unsigned_until: Option<Moment>,
    /// The store cannot write: nothing is sent from it.
    pub(super) paused: bool,
    /// Stays for which WeChat would not take an order that is paid on the spot, in this run.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(super) spots_refused: BTreeMap<SessionId, Refused>,
    /// When WeChat last told something by itself, in this run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) noticed_at: Option<Moment>,
}

impl Queue {
    /// The queue over a book as it stood.
    pub fn with_book(mut book: Book) -> Self {
        book.reindex();
        Self {
            book,
            ..Self::default()
        }
    }

    /// The same plans over another book.
    pub fn over(self, mut book: Book) -> Self {
        book.reindex();
        Self { book, ..self }
    }

    /// Gives its book out, to be put back by [`Queue::put_back`].
    pub fn take_book(&mut self) -> Book {
        std::mem::take(&mut self.book)
    }

    /// As it was taken, or more of it.
    pub fn put_back(&mut self, book: Book) {
        self.book = book;
    }

    /// When what is due, so many at once, each beside nothing else.
    pub fn plans(&self, at_once: usize) -> impl Iterator<Item = Self> {
        self.agenda.parts(at_once).map(|agenda| Self {
            agenda,
            ..Self::default()
        })
    }

    /// What it has in mind but for its plans, and without its book.
    pub fn without_plans(&self) -> Self {
        Self {
            book: Book::default(),
            agenda: self.agenda.under_way(),
            link: self.link.clone(),
            awaited: self.awaited.clone(),
            notifying: self.notifying.clone(),
            half_open: self.half_open,
            nobodys: self.nobodys.clone(),
            refusals: self.refusals,
            unsigned_until: self.unsigned_until,
            paused: self.paused,
            spots_refused: self.spots_refused.clone(),
            noticed_at: self.noticed_at,
        }
    }

    /// Takes over another one's plans.
    pub fn plan_as(&mut self, other: Self) {
        self.agenda.take_over(other.agenda);
    }

    /// What is owed, and the entries it needs.
    pub fn book(&self) -> &Book {
        &self.book
    }

    /// Whether lanes need not wait for WeChat: it does not answer, or not to this merchant, or nothing
    /// can be sent.
    pub fn is_silent(&self) -> bool {
        self.paused
            || self.unsigned_until.is_some()
            || self.link.is_silent()
            || self.book.stop().is_some()
    }

    /// Replays a fact.
    pub fn replay(&mut self, record: &MoneyRecord) {
        self.book.apply(record);
    }

    /// Names a number that no order ever has.
    pub fn set_nobodys(&mut self, trade_no: String) {
        self.nobodys = Some(trade_no);
    }

    /// Takes up everything that was left; call once, after replay.
    pub fn resume(&mut self, now: Now, out: &mut Out) {
        self.tell_of_a_stop(out);
        self.tell_of_stuck_refunds(out);
        let why = "restarted before an answer came";
        for record in self.was_on_its_way(why) {
            self.record(out, record);
        }
        let charges = self.book.charges();
        let charges = charges.map(|c| (Item::Charge(c.claim.trade_no.clone()), c.is_accepted()));
        let entries = self.book.entries().filter(|entry| entry.is_to_send());
        let entries = entries.map(|entry| (Item::Entry(entry.session.clone()), false));
        let refunds = self.book.refunds().open();
        let refunds = refunds.filter(|refund| refund.state.goes_on());
        let refunds = refunds.map(|refund| {
            let is_taken_on = refund.state == RefundState::Processing;
            (Item::Refund(refund.claim.refund_no.clone()), is_taken_on)
        });
        let spots = self.book.spots().open();
        let spots = spots.map(|spot| (Item::Spot(spot.claim.number.clone()), false));
        let items = charges.chain(entries).chain(refunds).chain(spots);
        let items: Vec<(Item, bool)> = items.collect();
        for (item, is_taken_on) in items {
            let at = backoff::at_start(item.key(), now.moment);
            self.agenda.put_as(&item, at, is_taken_on);
        }
        self.half_open = self.book.stop().map(|_| now.moment);
    }

    fn was_on_its_way(&self, why: &str) -> Vec<MoneyRecord> {
        let charges = self.book.charges();
        let charges = charges.filter(|charge| charge.state == ChargeState::Sent);
        let charges = charges.map(|charge| MoneyRecord::ChargeUnknown {
            trade_no: charge.claim.trade_no.clone(),
            why: why.to_owned(),
            refused: None,
        });
        let entries = self.book.entries();
        let entries = entries.filter(|entry| entry.state == EntryState::Sent);
        let entries = entries.map(|entry| MoneyRecord::EntryUnknown {
            session: entry.session.clone(),
            why: why.to_owned(),
        });
        let refunds = self.book.refunds().open();
        let refunds = refunds.filter(|refund| refund.state == RefundState::Sent);
        let refunds = refunds.map(|refund| MoneyRecord::RefundTold {
            refund_no: refund.claim.refund_no.clone(),
            told: RefundTold::Unknown {
                why: why.to_owned(),
            },
        });
        let spots = self.book.spots().open();
        let spots = spots.filter(|spot| spot.state == SpotState::Sent);
        let spots = spots.map(|spot| MoneyRecord::SpotTold {
            number: spot.claim.number.clone(),
            told: SpotTold::Unknown {
                why: why.to_owned(),
            },
        });
        charges.chain(entries).chain(refunds).chain(spots).collect()
    }

    /// A stay began that may have to be charged.
    pub fn open_entry(&mut self, session: &Session, now: Now, out: &mut Out) {
        let not_registrable = session
            .color
            .is_none()
            .then_some(NotRegistrable::ColorUnknown);
        self.record(
            out,
            MoneyRecord::EntryOpened {
                session: session.id.clone(),
                plate: session.plate.clone(),
                color: session.color,
                entered: session.entered.clone(),
                not_registrable,
            },
        );
        if not_registrable.is_none() {
            self.agenda
                .put(&Item::Entry(session.id.clone()), now.moment);
        }
    }

    /// The stay is over and nothing will be filed for it.
    pub fn abandon_entry(&mut self, session: &SessionId, out: &mut Out) {
        if self.book.entry(session).is_some() {
            let session = session.clone();
            self.agenda.forget(&Item::Entry(session.clone()));
            let why = EntryEnd::NothingOwed;
            self.record(out, MoneyRecord::EntryEnded { session, why });
        }
    }

    /// A fee is due.
    pub fn open_charge(&mut self, claim: Claim, now: Now, out: &mut Out) {
        let session = claim.session.clone();
        let item = Item::Charge(claim.trade_no.clone());
        let to_file = matches!(claim.opening, Opening::ToFile { .. });
        let is_doubtful = matches!(claim.opening, Opening::ToStaff(StaffReason::Guarded(_)));
        self.record(out, MoneyRecord::ChargeOpened { claim });
        if to_file {
            self.agenda.put(&item, now.moment);
        } else if !(is_doubtful && self.is_registered(&session)) {
            self.abandon_entry(&session, out);
        }
    }

    /// Whether WeChat has the entry of a stay. It is kept for a stay under review: a person may have
    /// it charged after all, as long as the plate does not come in again.
    pub fn is_registered(&self, session: &SessionId) -> bool {
        let entry = self.book.entry(session);
        entry.is_some_and(|entry| matches!(entry.state, EntryState::Registered { .. }))
    }

    /// The car has left although WeChat has not taken the charge on.
    pub fn let_out(&mut self, trade_no: &str, out: &mut Out) {
        let charge = self.book.charge(trade_no);
        if charge.is_some_and(|charge| charge.is_unfiled() && !charge.let_out) {
            let trade_no = trade_no.to_owned();
            self.record(out, MoneyRecord::ChargeLetOut { trade_no });
        }
    }

    /// A lane waits for this stay's entry and charge until then: what is not under way goes at once.
    pub fn hurry(&mut self, session: &SessionId, until: Moment, now: Now) {
        self.awaited.insert(session.clone(), until);
        let items: Vec<Item> = self.items_of(session).collect();
        for item in items {
            self.agenda.advance(&item, now.moment);
        }
    }

    /// What a lane may wait for: its entry and its charge, and the order whose end its charge waits for.
    fn items_of(&self, session: &SessionId) -> impl Iterator<Item = Item> {
        let spot = self.book.spots().of(session);
        let spot = spot.map(|spot| Item::Spot(spot.claim.number.clone()));
        let charge = Item::Charge(session.trade_no(0));
        [Item::Entry(session.clone()), charge]
            .into_iter()
            .chain(spot)
    }

    /// A lane goes on waiting until then, now for the money to move: the order is looked at soon, and
    /// not by the ladder.
    pub fn await_payment(&mut self, session: &SessionId, until: Moment, now: Now) {
        self.awaited.insert(session.clone(), until);
        let charge = Item::Charge(session.trade_no(0));
        let soon = now.moment.after_ms(LANE_POLL_MS);
        self.agenda.advance(&charge, soon);
    }

    /// A held car waits for its charge. Its calls go in their turn, but its order is looked at often.
    pub fn await_held(&mut self, session: &SessionId) {
        self.awaited.entry(session.clone()).or_default();
    }

    /// No lane waits for it any more.
    pub fn no_hurry(&mut self, session: &SessionId) {
        self.awaited.remove(session);
    }

    /// How many lanes have a car whose entry or charge they wait for.
    pub fn lanes_waiting(&self) -> usize {
        self.awaited.len()
    }

    /// Whether an answer about this stay may come by then: a call is on its way, or will be in time.
    pub fn may_hear_of(&self, session: &SessionId, by: Moment) -> bool {
        let mut items = self.items_of(session);
        if items.any(|item| self.agenda.is_in_flight(&item)) {
            return true;
        }
        let opens_at = self.opens_at();
        let items = self.items_of(session);
        let next = items.filter_map(|item| Some(self.agenda.next_at_of(&item)?.max(opens_at)));
        let next = next.min();
        !self.is_silent() && next.is_some_and(|at| at <= by)
    }

    /// With a clock that is not trusted nothing is signed; everything waits where it stands.
    pub fn note_clock(&mut self, now: Now) {
        let looks_again = self.unsigned_until.is_none_or(|until| until <= now.moment);
        if now.trusted {
            self.unsigned_until = None;
        } else if looks_again {
            self.unsigned_until = Some(now.moment.after_ms(LOOK_AGAIN_MS));
        }
    }

    /// The store cannot write, or can again.
    pub fn pause(&mut self, paused: bool) {
        self.paused = paused;
    }

    /// Whether the store cannot write.
    pub fn is_paused(&self) -> bool {
        self.paused
    }

    /// Whether nothing is signed, since the clock is not trusted.
    pub fn waits_for_clock(&self) -> bool {
        self.unsigned_until.is_some()
    }

    /// When a charge in the queue is next seen to; None: a call about it is on its way.
    pub fn next_at(&self, trade_no: &str) -> Option<Moment> {
        let item = Item::Charge(trade_no.to_owned());
        Some(self.agenda.next_at_of(&item)?.max(self.opens_at()))
    }

    /// What keeps back a charge that is due.
    pub(super) fn kept_back_by(&self, now: Moment) -> WaitsFor {
        if self.unsigned_until.is_some() {
            WaitsFor::Clock
        } else if let Some(stop) = self.book.stop() {
            WaitsFor::Merchant(stop.code.clone())
        } else if self.link.opens_at() > now {
            WaitsFor::Link
        } else {
            WaitsFor::Nothing
        }
    }

    pub(super) fn record(&mut self, out: &mut Out, record: MoneyRecord) {
        self.book.apply(&record);
        out.records.push(record);
    }
}
