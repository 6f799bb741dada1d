//! What the car park knows. The durable part is the fold of the ledger's records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::benefit::Benefits;
use super::erasure::Erasure;
pub use super::lane_mind::{Car, Decided, Held, LaneMind, Stage, Waiting};
use super::record::{LaneRecord, Proof};
use super::review::{self, Closed, Review, ReviewWhy};
use super::zone::AllVisits;
use crate::charges::book::Book;
use crate::charges::payment::{Paid, Payment, Toward};
use crate::charges::record::MoneyRecord;
use crate::lane::listing::Listing;
use crate::lane::number::{NumberKey, SessionId};
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::session::{Ending, LaneId, Session};
use crate::lane::shelf::{Shelf, Shelved};
use crate::lane::tariff::{Quote, Tally};
use crate::lane::time::{Stamp, Wall};

/// Readings remembered to know a second delivery by; the oldest go first.
const SEEN_MAX: usize = 4096;
/// Plates remembered that have left; those that left first go first.
const LEFT_MAX: usize = 2048;
/// Open stays. Beyond this the oldest is closed as a missed exit: cars that left unread would fill the
/// memory over the years. No car park is as large; one takes some 200 bytes.
pub(super) const SESSIONS_MAX: usize = 262_144;

/// The whole durable state, as a checkpoint holds it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Snapshot {
    /// Stays, raises, holds and reviews.
    pub site: Site,
    /// Entries and charges.
    pub book: Book,
}

/// Stays, raises, holds and reviews.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Sessions opened so far.
    pub sessions_opened: u64,
    /// Raises decided so far.
    pub raises_decided: u64,
    /// Sessions that are open.
    #[serde(default)]
    sessions: Shelf<Session>,
    /// The newest raise of each lane.
    pub raises: BTreeMap<LaneId, Raise>,
    /// Cars that wait for a person.
    pub holds: BTreeMap<LaneId, Hold>,
    /// Stays that a person should look at.
    pub reviews: BTreeMap<SessionId, Review>,
    /// The charge of a stay that is still open.
    pub claimed: BTreeMap<SessionId, String>,
    /// What was paid for open stays before a charge was made.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub paid: BTreeMap<SessionId, Paid>,
    /// How many orders were made that an open stay's driver could pay on the spot.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub spots: BTreeMap<SessionId, u16>,
    /// Keys of readings that were handled, in order of their handling.
    pub seen: BTreeMap<u64, String>,
    seen_count: u64,
    /// Plates that have left and when, in order of their leaving.
    #[serde(default)]
    left: BTreeMap<u64, (PlateNumber, Wall)>,
    #[serde(default)]
    left_count: u64,
    /// What the next visit of a plate is priced by, for two days.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tallies: BTreeMap<PlateNumber, Tally>,
    /// Plates with a treatment of their own, beside those of the configuration.
    #[serde(default)]
    pub listing: Listing,
    /// Coupons and times on the charger.
    #[serde(default, skip_serializing_if = "Benefits::is_empty")]
    pub benefits: Benefits,
    /// Times in zones within the car park.
    #[serde(default, skip_serializing_if = "AllVisits::is_empty")]
    pub visits: AllVisits,
    /// Cars inside that have no open stay; below 0: open stays whose cars are gone. As a person last
    /// counted them.
    #[serde(default, skip_serializing_if = "is_zero")]
    uncounted: i64,
    #[serde(skip)]
    left_by_plate: BTreeMap<PlateNumber, u64>,
    #[serde(skip)]
    by_plate: BTreeMap<PlateNumber, NumberKey>,
    #[serde(skip)]
    seen_keys: BTreeMap<String, u64>,
}

/// A raise and what became of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Raise {
    /// Its number in this ledger.
    pub raise: u64,
    /// The plate as read there, if there was one.
    pub plate: Option<PlateNumber>,
    /// The stay that it began or ended.
    pub session: Option<SessionId>,
    /// Why.
    pub reason: RaiseReason,
    /// When it was decided.
    pub at: Stamp,
    /// How often it was issued.
    pub issues: u8,
    /// What showed that it was carried out; None: uncertain.
    pub proof: Option<Proof>,
    /// The car has passed.
    pub passed: bool,
}

/// A car that waits for a person.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Where it stands.
    pub lane: LaneId,
    /// As read there.
    pub plate: Option<PlateNumber>,
    /// As read there.
    pub color: Option<PlateColor>,
    /// What the camera wrote, where it is no plate.
    pub raw_plate: Option<String>,
    /// Its stay, if it is known.
    pub session: Option<SessionId>,
    /// Why it waits.
    pub reason: HoldReason,
    /// Since when.
    pub since: Stamp,
    /// When the car arrived at the barrier; its stay is counted to then.
    pub arrived: Stamp,
    /// What is due, where that is known.
    pub quote: Option<Quote>,
    /// The claim, if it was made already.
    pub trade_no: Option<String>,
    /// The reading's confidence.
    pub confidence_permille: Option<u16>,
    /// Of the lanes that hold cars of one stay, the one with the highest was read last; 0 where no other did.
    #[serde(default, skip_serializing_if = "is_none_before")]
    pub nth: u64,
}

impl Site {
    /// An open stay.
    pub fn session(&self, id: &SessionId) -> Option<Session> {
        self.sessions.get(NumberKey::of_session(id)?)
    }

    /// Whether a stay is open.
    pub fn is_open(&self, id: &SessionId) -> bool {
        NumberKey::of_session(id).is_some_and(|key| self.sessions.contains(key))
    }

    /// Every open stay, oldest first.
    pub fn sessions(&self) -> impl Iterator<Item = Session> {
        self.sessions.values()
    }

    /// As [`Site::sessions`], of those behind this one.
    pub fn sessions_after(&self, id: Option<NumberKey>) -> impl Iterator<Item = Session> {
        self.sessions.after(id)
    }

    /// Where a car of this stay waits. Two lanes may do so: it backed out of the one and nobody saw it, or two
    /// cars bear one plate.
    pub fn holds_of(&self, session: &SessionId) -> impl Iterator<Item = &Hold> {
        let holds = self.holds.values();
        holds.filter(move |hold| hold.session.as_ref() == Some(session))
    }

    /// Of these, where the stay was read last.
    pub fn newest_hold_of(&self, session: &SessionId) -> Option<&Hold> {
        self.holds_of(session).max_by_key(|hold| hold.nth)
    }

    /// The numbers of [`Site::sessions`].
    pub fn open(&self) -> impl Iterator<Item = NumberKey> {
        self.sessions.keys()
    }

    /// How many stays are open.
    pub fn cars_inside(&self) -> usize {
        self.sessions.len()
    }

    /// The open stay of a plate.
    pub fn session_of(&self, plate: &PlateNumber) -> Option<Session> {
        self.sessions.get(*self.by_plate.get(plate)?)
    }

    /// The plates inside.
    pub fn plates_inside(&self) -> impl Iterator<Item = &PlateNumber> {
        self.by_plate.keys()
    }

    /// Whether a reading with this key was handled before.
    pub fn has_seen(&self, key: &str) -> bool {
        self.seen_keys.contains_key(key)
    }

    /// Remembers a reading that was handled.
    pub fn note_seen(&mut self, key: String) {
        if self.seen_keys.contains_key(&key) {
            return;
        }
        self.seen_count = self.seen_count.saturating_add(1);
        self.seen_keys.insert(key.clone(), self.seen_count);
        self.seen.insert(self.seen_count, key);
        while self.seen.len() > SEEN_MAX {
            if let Some((_, oldest)) = self.seen.pop_first() {
                self.seen_keys.remove(&oldest);
            }
        }
    }

    /// Stays that wait for a person's word.
    pub fn open_reviews(&self) -> impl Iterator<Item = &Review> {
        self.reviews
            .values()
            .filter(|review| review.closed.is_none())
    }

    /// Whether a stay waits for a person's word.
    pub fn is_under_review(&self, session: &SessionId) -> bool {
        let review = self.reviews.get(session);
        review.is_some_and(|review| review.closed.is_none())
    }

    /// How many cars are inside: the open stays, as a person last corrected their count.
    pub fn counted_inside(&self) -> u64 {
        let open = u64::try_from(self.sessions.len()).unwrap_or(u64::MAX);
        open.saturating_add_signed(self.uncounted)
    }

    /// By how much that differs from the open stays.
    pub fn uncounted(&self) -> i64 {
        self.uncounted
    }

    /// When a plate last left, as far as that is remembered and a clock could tell.
    pub fn left_at(&self, plate: &PlateNumber) -> Option<Wall> {
        let number = self.left_by_plate.get(plate)?;
        self.left.get(number).map(|(_, at)| *at)
    }

    /// Where a plate stands among those that left last.
    pub fn left_number(&self, plate: &PlateNumber) -> Option<u64> {
        self.left_by_plate.get(plate).copied()
    }

    /// What is erased is not remembered either.
    pub fn note_erasure(&mut self, erasure: &Erasure) {
        let forgotten = erasure
            .forgotten
            .and_then(|number| self.left.remove(&number));
        if let Some((plate, _)) = forgotten {
            self.left_by_plate.remove(&plate);
        }
    }

    /// What a fact about money is to the stays: a fee became due, or a person finished it.
    pub fn note_money(&mut self, record: &MoneyRecord) {
        if let MoneyRecord::ChargeOpened { claim } = record
            && self.is_open(&claim.session)
        {
            self.claimed
                .insert(claim.session.clone(), claim.trade_no.clone());
        }
        if let MoneyRecord::PaymentTaken { payment } = record {
            self.note_payment(payment);
        }
        if let MoneyRecord::SpotAsked { spot } = record
            && self.is_open(&spot.session)
        {
            let count = self.spots.entry(spot.session.clone()).or_default();
            *count = count.saturating_add(1);
        }
        review::note_money(&mut self.reviews, record);
    }

    /// All but the open stays.
    pub(super) fn without_sessions(&self) -> Self {
        Self {
            sessions_opened: self.sessions_opened,
            raises_decided: self.raises_decided,
            raises: self.raises.clone(),
            holds: self.holds.clone(),
            reviews: self.reviews.clone(),
            claimed: self.claimed.clone(),
            seen: self.seen.clone(),
            seen_count: self.seen_count,
            left: self.left.clone(),
            left_count: self.left_count,
            tallies: self.tallies.clone(),
            listing: self.listing.clone(),
            benefits: self.benefits.clone(),
            visits: self.visits.clone(),
            uncounted: self.uncounted,
            paid: self.paid.clone(),
            spots: self.spots.clone(),
            ..Self::default()
        }
    }

    /// Puts in stays of a state that is read in parts.
    pub(super) fn put(&mut self, sessions: &[Session]) {
        self.sessions.put_all(sessions);
    }

    /// Takes over what [`Site::without_sessions`] gave.
    pub(super) fn end_with(&mut self, rest: Self) {
        let mut sessions = std::mem::take(&mut self.sessions);
        sessions.compact();
        *self = Self { sessions, ..rest };
        self.reindex();
    }

    fn note_payment(&mut self, payment: &Payment) {
        if let Toward::Stay { fee_fen } = payment.toward
            && self.is_open(&payment.session)
        {
            let before_fen = self.paid.get(&payment.session).map_or(0, |paid| paid.fen);
            let paid = Paid {
                fen: before_fen.saturating_add(payment.fen),
                fee_fen,
                at: payment.at.clone(),
            };
            self.paid.insert(payment.session.clone(), paid);
        }
    }

    /// Makes what is not stored from what is.
    pub fn reindex(&mut self) {
        let inside = self.sessions.values();
        let inside = inside.filter_map(|session| Some((session.plate.clone(), session.key()?)));
        self.by_plate = inside.collect();
        self.seen_keys = self.seen.iter().map(|(n, key)| (key.clone(), *n)).collect();
        let left = self.left.iter();
        self.left_by_plate = left.map(|(n, (plate, _))| (plate.clone(), *n)).collect();
    }

    /// The only way in which it changes, live and at replay.
    pub fn apply(&mut self, record: &LaneRecord) {
        match record {
            LaneRecord::SessionOpened { session } => {
                self.sessions_opened = self.sessions_opened.saturating_add(1);
                if let Some(key) = session.key() {
                    self.by_plate.insert(session.plate.clone(), key);
                }
                self.sessions.put(session);
            }
            LaneRecord::SessionClosed {
                session,
                plate,
                at,
                ending,
                tally,
                ..
            } => {
                if let Some(tally) = tally {
                    self.remember(plate, *tally);
                }
                self.note_end(session, plate, at, ending);
                // Whoever counted did not count its car.
                if ends_late(ending) && self.uncounted < 0 {
                    self.uncounted += 1;
                }
                self.claimed.remove(session);
                self.paid.remove(session);
                self.spots.remove(session);
                if let Some(key) = NumberKey::of_session(session)
                    && let Some(closed) = self.sessions.take(key)
                    && self.by_plate.get(&closed.plate) == Some(&key)
                {
                    self.by_plate.remove(&closed.plate);
                }
                self.forget_benefits();
                if !self.is_under_review(session) {
                    self.visits.forget(session);
                }
            }
            LaneRecord::RaiseDecided {
                raise,
                lane,
                plate,
                session,
                reason,
                at,
            } => {
                self.raises_decided = self.raises_decided.max(*raise);
                // A car that comes in has a stay, so this one leaves without.
                if let (Some(plate), None, true) = (plate, session, at.now.trusted)
                    && *reason != RaiseReason::Zone
                {
                    self.note_left(plate, at.now.wall);
                }
                let raise = Raise {
                    raise: *raise,
                    plate: plate.clone(),
                    session: session.clone(),
                    reason: reason.clone(),
                    at: at.clone(),
                    issues: 1,
                    proof: None,
                    passed: false,
                };
                self.raises.insert(lane.clone(), raise);
            }
            LaneRecord::RaiseReissued { raise, lane } => {
                self.change_raise(*raise, lane, |raise| {
                    raise.issues = raise.issues.saturating_add(1);
                    raise.proof = None;
                });
            }
            LaneRecord::RaiseCarriedOut { raise, lane, proof } => {
                self.change_raise(*raise, lane, |raise| raise.proof = Some(*proof));
            }
            LaneRecord::Passed { raise, lane } => {
                self.change_raise(*raise, lane, |raise| raise.passed = true);
            }
            LaneRecord::HoldStarted { hold } => {
                self.holds.insert(hold.lane.clone(), hold.clone());
            }
            LaneRecord::HoldEnded { lane } => {
                self.holds.remove(lane);
            }
            LaneRecord::NumbersSkipped { sessions } => {
                self.sessions_opened = self.sessions_opened.saturating_add(*sessions);
                self.raises_decided = self.raises_decided.saturating_add(*sessions);
            }
            LaneRecord::ReviewOpened { review } => {
                review::open(&mut self.reviews, review);
                self.forget_visits();
            }
            LaneRecord::ReviewClosed {
                session,
                how,
                by,
                why,
                ..
            } => {
                if let Some(review) = self.reviews.get_mut(session) {
                    review.closed = Some(Closed {
                        how: how.clone(),
                        by: by.clone(),
                        why: why.clone(),
                    });
                }
            }
            LaneRecord::DoubtLifted { session, doubt } => {
                if let Some(mut session) = self.session(session) {
                    session.doubts.retain(|held| held != doubt);
                    self.sessions.put(&session);
                }
            }
            LaneRecord::ListChanged { change, at, .. } => self.listing.apply(change, at),
            LaneRecord::BenefitGiven { session, given, .. } => self.benefits.give(session, given),
            LaneRecord::BenefitTakenBack {
                session, number, ..
            } => self.benefits.take_back(session, number),
            LaneRecord::BalanceChanged {
                plate,
                left_fen,
                at,
                ..
            } => self.listing.set_balance(plate, *left_fen, at),
            LaneRecord::ZonePassed {
                session,
                zone,
                way,
                after_ms,
                ..
            } => self.visits.pass(session, zone, *way, *after_ms),
            LaneRecord::PlacesCounted {
                inside, open_stays, ..
            } => {
                let signed = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
                self.uncounted = signed(*inside).saturating_sub(signed(*open_stays));
            }
            LaneRecord::PlateNamed { .. } | LaneRecord::ArrearsSeen { .. } => {}
        }
    }

    /// A stay under review may still be priced.
    fn forget_benefits(&mut self) {
        let mut benefits = std::mem::take(&mut self.benefits);
        benefits.keep(|session| self.is_open(session) || self.is_under_review(session));
        self.benefits = benefits;
    }

    /// Seldom, and so when a review begins: those of reviews that are over.
    fn forget_visits(&mut self) {
        let mut visits = std::mem::take(&mut self.visits);
        visits.keep(|session| self.is_open(session) || self.is_under_review(session));
        self.visits = visits;
    }

    /// No window lasts longer than a day, so what is older than two bears on no price.
    fn remember(&mut self, plate: &PlateNumber, tally: Tally) {
        const KEPT_MS: i64 = 2 * 86_400_000;
        let since = tally.entered.plus_ms(-KEPT_MS);
        self.tallies.retain(|_, held| held.entered >= since);
        self.tallies.insert(plate.clone(), tally);
    }

    /// Remembers when the plate left, where the end of the stay says so.
    fn note_end(&mut self, session: &SessionId, plate: &PlateNumber, at: &Stamp, ending: &Ending) {
        let wall = match ending {
            // It is inside again, or nobody knows.
            Ending::ExitMissed => None,
            Ending::ReplayedExit => {
                let review = self.reviews.get(session);
                let read = review.filter(|review| review.why == ReviewWhy::ReplayedExit);
                read.and_then(|review| review.read.as_ref()?.captured_at)
            }
            Ending::EndedByHand {
                left: Some(left), ..
            } => Some(*left),
            _ => at.now.trusted.then_some(at.now.wall),
        };
        if let Some(wall) = wall {
            self.note_left(plate, wall);
        }
    }

    fn note_left(&mut self, plate: &PlateNumber, at: Wall) {
        self.left_count = self.left_count.saturating_add(1);
        if let Some(before) = self.left_by_plate.insert(plate.clone(), self.left_count) {
            self.left.remove(&before);
        }
        self.left.insert(self.left_count, (plate.clone(), at));
        while self.left.len() > LEFT_MAX {
            if let Some((_, (oldest, _))) = self.left.pop_first() {
                self.left_by_plate.remove(&oldest);
            }
        }
    }

    fn change_raise(&mut self, number: u64, lane: &LaneId, change: impl FnOnce(&mut Raise)) {
        if let Some(raise) = self
            .raises
            .get_mut(lane)
            .filter(|raise| raise.raise == number)
        {
            change(raise);
        }
    }
}

/// Whether the car had left long before its stay ended, as far as anybody can tell.
fn ends_late(ending: &Ending) -> bool {
    matches!(ending, Ending::ExitMissed | Ending::EndedByHand { .. })
}

fn is_none_before(nth: &u64) -> bool {
    *nth == 0
}

fn is_zero(count: &i64) -> bool {
    *count == 0
}
