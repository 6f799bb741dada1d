//! What the car park knows. The durable part is the fold of the ledger's records.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::record::{LaneRecord, Proof};
use crate::charges::book::Book;
use crate::charges::record::MoneyRecord;
use crate::lane::freshness::CameraClock;
use crate::lane::number::SessionId;
use crate::lane::plate::{PlateColor, PlateNumber};
use crate::lane::raise::{HoldReason, RaiseReason};
use crate::lane::reading::PlateRead;
use crate::lane::session::{LaneId, Session};
use crate::lane::tariff::Quote;
use crate::lane::time::{Moment, Stamp};

/// Readings remembered to know a second delivery by; the oldest go first.
const SEEN_MAX: usize = 4096;
/// Reviews kept in memory; the ledger has them all.
const REVIEWS_MAX: usize = 1024;
/// Open stays. Beyond this the oldest is closed as a missed exit: cars that left unread would fill the
/// memory over the years.
pub(super) const SESSIONS_MAX: usize = 65_536;

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
    pub sessions: BTreeMap<SessionId, Session>,
    /// The newest raise of each lane.
    pub raises: BTreeMap<LaneId, Raise>,
    /// Cars that wait for a person.
    pub holds: BTreeMap<LaneId, Hold>,
    /// Stays that a person should look at.
    pub reviews: BTreeMap<SessionId, Review>,
    /// The charge of a stay that is still open.
    pub claimed: BTreeMap<SessionId, String>,
    /// Keys of readings that were handled, in order of their handling.
    pub seen: BTreeMap<u64, String>,
    seen_count: u64,
    #[serde(skip)]
    by_plate: BTreeMap<PlateNumber, SessionId>,
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
}

/// A stay that a person should look at, with its evidence.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// The stay.
    pub session: SessionId,
    /// Its plate, as read at the entry.
    pub plate: PlateNumber,
    /// When it came in.
    pub entered: Stamp,
    /// When the doubt came up.
    pub at: Stamp,
    /// Where.
    pub lane: LaneId,
    /// Why a person should look.
    pub why: ReviewWhy,
    /// What the tariff says, where that is known.
    pub fee_fen: Option<u64>,
    /// The exit reading, if there was one.
    pub read: Option<PlateRead>,
}

/// Why a person should look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReviewWhy {
    /// The guard kept it from being filed.
    Guarded(Vec<crate::lane::guard::Doubt>),
    /// The plate came in again while it was inside (E4).
    ExitMissed,
    /// The exit came as a replay.
    ReplayedExit,
    /// It was charged for less time than it stayed.
    StayedAfterCharge,
}

impl Site {
    /// The open stay of a plate.
    pub fn session_of(&self, plate: &PlateNumber) -> Option<&Session> {
        self.by_plate
            .get(plate)
            .and_then(|id| self.sessions.get(id))
    }

    /// The plates inside.
    pub fn plates_inside(&self) -> impl Iterator<Item = (&PlateNumber, &SessionId)> {
        self.by_plate.iter()
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

    /// A fee became due for an open stay.
    pub fn note_claim(&mut self, record: &MoneyRecord) {
        if let MoneyRecord::ChargeOpened { claim } = record {
            self.claimed
                .insert(claim.session.clone(), claim.trade_no.clone());
        }
    }

    /// Makes what is not stored from what is.
    pub fn reindex(&mut self) {
        self.by_plate = self
            .sessions
            .values()
            .map(|s| (s.plate.clone(), s.id.clone()))
            .collect();
        self.seen_keys = self.seen.iter().map(|(n, key)| (key.clone(), *n)).collect();
    }

    /// The only way in which it changes, live and at replay.
    pub fn apply(&mut self, record: &LaneRecord) {
        match record {
            LaneRecord::SessionOpened { session } => {
                self.sessions_opened = self.sessions_opened.saturating_add(1);
                self.by_plate
                    .insert(session.plate.clone(), session.id.clone());
                self.sessions.insert(session.id.clone(), session.clone());
            }
            LaneRecord::SessionClosed { session, .. } => {
                self.claimed.remove(session);
                if let Some(closed) = self.sessions.remove(session)
                    && self.by_plate.get(&closed.plate) == Some(session)
                {
                    self.by_plate.remove(&closed.plate);
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
                self.reviews.insert(review.session.clone(), review.clone());
                while self.reviews.len() > REVIEWS_MAX {
                    self.reviews.pop_first();
                }
            }
            LaneRecord::DoubtLifted { session, doubt } => {
                if let Some(session) = self.sessions.get_mut(session) {
                    session.doubts.retain(|held| held != doubt);
                }
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

/// What a lane knows of this run only.
#[derive(Clone, Debug, Default, Serialize, Deserialize)]
pub struct LaneMind {
    /// How old its camera's messages are.
    #[serde(skip)]
    pub camera: CameraClock,
    /// What was last decided here.
    pub decided: Option<Decided>,
    /// The car that waits for an answer.
    pub car: Option<Arc<Car>>,
    /// The reading that waits until the car before it is decided.
    pub next: Option<Waiting>,
    /// When the car that is held here is let out.
    pub held_until: Option<Moment>,
    /// The raise whose proof is waited for, until then.
    pub proof_by: Option<(u64, Moment)>,
    /// The closing loop as last reported.
    pub loop_occupied: bool,
}

/// A raise or a hold, to know the same car by.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Decided {
    /// As read; None for a vehicle without a readable plate.
    pub plate: Option<PlateNumber>,
    /// When.
    pub at: Moment,
}

/// A reading that waits for its turn.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Waiting {
    /// Which camera.
    pub camera: String,
    /// What it saw.
    pub read: PlateRead,
    /// When it arrived.
    pub arrived: Stamp,
}

/// A car in front of the barrier while WeChat is asked.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Car {
    /// Its stay.
    pub session: SessionId,
    /// The plate of the stay; at an exit the reading may differ from it.
    pub plate: PlateNumber,
    /// How it was read here.
    pub read: PlateRead,
    /// When it arrived.
    pub arrived: Stamp,
    /// How it was held before it was decided anew; the time counts on.
    pub held: Option<Held>,
    /// Until when it waits.
    pub deadline: Moment,
    /// What it waits for.
    pub stage: Stage,
}

/// How long a car has waited for a person.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Held {
    /// Since when.
    pub since: Stamp,
    /// When it is let out, if it stands at an exit.
    pub until: Option<Moment>,
}

/// What it waits for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// At the entry: WeChat's answer, to greet with it.
    Greeting,
    /// At the exit: the charge to be taken on.
    Filing {
        /// Number of the charge.
        trade_no: String,
    },
    /// At the exit, without the advance permission: the money to move.
    Paying {
        /// Number of the charge.
        trade_no: String,
    },
}
