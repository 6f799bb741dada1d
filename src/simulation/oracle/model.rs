//! What the records on disk say, folded by the oracle itself.

use std::collections::{BTreeMap, BTreeSet};

use crate::charges::charge::{Claim, Opening, WithdrawnReason};
use crate::charges::payment::{Payment, Toward};
use crate::charges::record::{MoneyRecord, StaffOutcome};
use crate::lane::listing::{Change, List, Listed};
use crate::lane::number::{NumberKey, SessionId};
use crate::lane::plate::PlateNumber;
use crate::lane::raise::RaiseReason;
use crate::lane::reading::PlateRead;
use crate::lane::session::{Ending, LaneId, Session};
use crate::lane::tariff::Tariff;
use crate::lane::time::Stamp;
use crate::park::balance;
use crate::park::event::Event;
use crate::park::record::{LaneRecord, Record, StepTaken};
use crate::park::review::{Closed, Review, ReviewEnd};
use crate::park::state::Hold;

use super::charge::{Charge, Stage};
use super::codes::Codes;
use super::favours::Favours;
use super::refunds::Refunds;
use super::zones::Zones;

/// An entry at WeChat.
#[derive(Clone, Debug)]
pub struct Entry {
    pub plate: PlateNumber,
    pub entered: Stamp,
    /// By attempt.
    pub bodies: BTreeMap<u16, String>,
}

/// What was paid in advance.
#[derive(Clone, Debug)]
pub struct Advance {
    pub fen: u64,
    /// What the stay cost when the last of it was paid.
    pub fee_fen: u64,
    pub at: Stamp,
}

#[derive(Default)]
pub struct Model {
    /// The step that the records at hand belong to.
    pub head: Option<StepTaken>,
    pub tariffs: Vec<Tariff>,
    pub open: BTreeMap<SessionId, Session>,
    /// All of them, by number.
    pub stays: BTreeMap<SessionId, Session>,
    pub entries: BTreeMap<SessionId, Entry>,
    /// By plate: the newest stay that WeChat was told of.
    pub notified: BTreeMap<PlateNumber, SessionId>,
    pub charges: BTreeMap<String, Charge>,
    /// What drivers may pay by code, and paid.
    pub codes: Codes,
    pub raises: BTreeMap<(LaneId, u64), RaiseReason>,
    /// The last car that was held in each lane, whether it still is or not.
    pub last_holds: BTreeMap<LaneId, Hold>,
    /// As what the car was read that a lane holds, or last held.
    pub held_reads: BTreeMap<LaneId, PlateRead>,
    pub reviews: BTreeMap<SessionId, Review>,
    /// By number of the charge: whether the correction is still to be made.
    pub corrections: BTreeMap<String, bool>,
    /// What came in for a stay since it waits for a person: cash toward it, and by number of the code order, fen.
    pub since: BTreeMap<SessionId, (u64, BTreeMap<String, u64>)>,
    /// What was taken for a stay by other means, fen.
    pub paid_fen: BTreeMap<SessionId, u64>,
    /// Stays that a person took money for, or the operator's page.
    pub by_hand: BTreeSet<SessionId>,
    /// What was paid for a stay before anything was claimed for it.
    pub advance: BTreeMap<SessionId, Advance>,
    /// What was taken for a stay beyond what was due, fen.
    pub over_fen: BTreeMap<SessionId, u64>,
    /// What of it was ever on the list, fen.
    pub listed_over_fen: BTreeMap<SessionId, u64>,
    /// What people put on lists.
    pub listed: BTreeMap<(PlateNumber, List), Listed>,
    /// By how much the cars that were counted differ from the open stays.
    uncounted: i64,
    /// Numbers of charges that are still in the queue.
    pub queued: BTreeSet<NumberKey>,
    /// Numbers of charges that staff has to finish.
    pub desk: BTreeSet<NumberKey>,
    pub(super) refunds: Refunds,
    /// Numbers of notices that were taken.
    pub notices: BTreeSet<String>,
    /// What lowers drivers' fees.
    pub favours: Favours,
    /// Where stays are within the car park.
    pub zones: Zones,
}

impl Model {
    /// Fees of cars that were let out, which WeChat has not taken on.
    pub fn at_risk_fen(&self) -> u64 {
        let charges = self.charges.values();
        let at_risk = charges.filter(|charge| charge.let_out && charge.is_unfiled());
        at_risk.map(|charge| charge.claim.quote.fee_fen).sum()
    }

    pub fn apply(&mut self, record: &Record) {
        match record {
            Record::StepTaken(head) => {
                self.head = Some(head.clone());
                self.codes.step();
            }
            Record::Lane(record) => self.apply_lane(record),
            Record::Money(record) => self.apply_money(record),
            Record::RulesChanged(_)
            | Record::Checkpoint(_)
            | Record::Meanwhile(_)
            | Record::Mind(_)
            | Record::PartOfState(_)
            | Record::PartOfMind(_)
            | Record::PayloadsErased(_)
            | Record::Unknown { .. } => {}
        }
    }

    fn apply_lane(&mut self, record: &LaneRecord) {
        match record {
            LaneRecord::SessionOpened { session } => {
                self.open.insert(session.id.clone(), session.clone());
                self.stays.insert(session.id.clone(), session.clone());
            }
            LaneRecord::SessionClosed {
                session, ending, ..
            } => {
                self.open.remove(session);
                // It had gone before the cars were counted.
                let is_late = matches!(ending, Ending::ExitMissed | Ending::EndedByHand { .. });
                if is_late && self.uncounted < 0 {
                    self.uncounted += 1;
                }
            }
            LaneRecord::ListChanged { change, .. } => self.list(change),
            LaneRecord::PlacesCounted {
                inside, open_stays, ..
            } => {
                let (inside, open) = (i64::try_from(*inside), i64::try_from(*open_stays));
                self.uncounted = inside.unwrap() - open.unwrap();
            }
            LaneRecord::RaiseDecided {
                raise,
                lane,
                reason,
                ..
            } => {
                self.raises.insert((lane.clone(), *raise), reason.clone());
            }
            LaneRecord::HoldStarted { hold } => {
                self.note_reading(&hold.lane);
                self.last_holds.insert(hold.lane.clone(), hold.clone());
            }
            LaneRecord::DoubtLifted { session, doubt } => {
                for stays in [&mut self.open, &mut self.stays] {
                    if let Some(session) = stays.get_mut(session) {
                        session.doubts.retain(|held| held != doubt);
                    }
                }
            }
            LaneRecord::ReviewOpened { review } => {
                let before = self.reviews.get(&review.session);
                // One that a person is done with has been seen to; one that is open stands in the new one.
                let open = before.filter(|before| before.closed.is_none());
                let open_fen = open.and_then(|before| before.over_fen).unwrap_or(0);
                let over_fen = review.over_fen.unwrap_or(0);
                let listed_fen = self.listed_over_fen.entry(review.session.clone());
                let listed_fen = listed_fen.or_default();
                *listed_fen = listed_fen.saturating_sub(open_fen) + over_fen;
                if before.is_none_or(|before| before.at != review.at) {
                    self.since
                        .insert(review.session.clone(), Default::default());
                }
                self.reviews
                    .insert(review.session.clone(), (**review).clone());
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
            LaneRecord::ZonePassed { .. } => self.zones.apply(record),
            LaneRecord::BalanceChanged { .. }
            | LaneRecord::BenefitGiven { .. }
            | LaneRecord::BenefitTakenBack { .. } => self.favours.apply(record),
            LaneRecord::RaiseReissued { .. }
            | LaneRecord::RaiseCarriedOut { .. }
            | LaneRecord::Passed { .. }
            | LaneRecord::HoldEnded { .. }
            | LaneRecord::NumbersSkipped { .. }
            | LaneRecord::PlateNamed { .. }
            | LaneRecord::ArrearsSeen { .. } => {}
        }
    }

    fn note_reading(&mut self, lane: &LaneId) {
        let read = match self.head.as_ref().map(|head| &head.event) {
            Some(Event::PlateRead { read, .. }) => read.clone(),
            Some(Event::PlateNamed { plate, .. }) => PlateRead::by_hand(plate.clone(), None),
            _ => return,
        };
        self.held_reads.insert(lane.clone(), read);
    }

    fn apply_money(&mut self, record: &MoneyRecord) {
        match record {
            MoneyRecord::EntryOpened {
                session,
                plate,
                entered,
                ..
            } => {
                let entry = Entry {
                    plate: plate.clone(),
                    entered: entered.clone(),
                    bodies: BTreeMap::new(),
                };
                self.entries.insert(session.clone(), entry);
            }
            MoneyRecord::EntrySent {
                session,
                attempt,
                body,
            } => {
                if let Some(entry) = self.entries.get_mut(session) {
                    entry.bodies.insert(*attempt, body.clone());
                    self.notified.insert(entry.plate.clone(), session.clone());
                }
            }
            MoneyRecord::ChargeOpened { claim } => {
                let charge = self.opened(claim);
                self.charges.insert(claim.trade_no.clone(), charge);
                self.sort(&claim.trade_no);
            }
            MoneyRecord::ChargeSent { trade_no, body } => {
                self.change(trade_no, |charge| {
                    charge.stage = Stage::Sent;
                    charge.body = body.clone().or(charge.body.take());
                });
            }
            MoneyRecord::ChargeSuperseded { trade_no } => {
                self.change(trade_no, |charge| charge.superseded = true);
            }
            MoneyRecord::ChargeLetOut { trade_no } => {
                self.change(trade_no, |charge| charge.let_out = true);
            }
            MoneyRecord::ChargeHandedToStaff { trade_no, reason } => {
                self.change(trade_no, |charge| {
                    charge.stage = Stage::WithStaff;
                    charge.reason = Some(reason.clone());
                });
            }
            MoneyRecord::PaymentTaken { payment } => {
                self.codes.take(&payment.session, &payment.by, payment.fen);
                self.take(payment);
            }
            MoneyRecord::CorrectionAsked { correction } => {
                self.corrections.insert(correction.trade_no.clone(), true);
            }
            MoneyRecord::CorrectionDone { trade_no, .. } => {
                self.corrections.insert(trade_no.clone(), false);
            }
            MoneyRecord::ChargeDueAgain { trade_no, .. } => self.stands(trade_no, Stage::Due),
            MoneyRecord::ChargeUnknown { trade_no, .. } => self.stands(trade_no, Stage::Unknown),
            MoneyRecord::ChargeToRepeat { trade_no, .. } => self.stands(trade_no, Stage::ToRepeat),
            MoneyRecord::ChargeAccepted { trade_no, .. } => self.stands(trade_no, Stage::Accepted),
            MoneyRecord::ChargeSettled { trade_no, .. } => self.stands(trade_no, Stage::Settled),
            MoneyRecord::ChargeRefused { trade_no, .. } => self.stands(trade_no, Stage::Refused),
            MoneyRecord::ChargeFailed { trade_no } => self.stands(trade_no, Stage::Failed),
            MoneyRecord::ChargeWithdrawn {
                trade_no,
                reason: WithdrawnReason::Replaced { .. },
            } => self.stands(trade_no, Stage::Replaced),
            MoneyRecord::ChargeWithdrawn { trade_no, reason } => {
                if let WithdrawnReason::PaidElsewhere { by, .. } = reason {
                    self.taken_by_code(trade_no, by);
                }
                self.stands(trade_no, Stage::Withdrawn);
                self.end_review_by_money(trade_no);
            }
            MoneyRecord::StaffFinished { trade_no, how } => {
                if let StaffOutcome::Collected { by, .. } = how {
                    self.taken_by_code(trade_no, by);
                }
                if !matches!(how, StaffOutcome::Replaced { .. }) {
                    self.end_review_by_money(trade_no);
                }
                let stage = match how {
                    StaffOutcome::Collected { .. } => Stage::Collected,
                    StaffOutcome::WrittenOff { .. } => Stage::WrittenOff,
                    StaffOutcome::Replaced { .. } => Stage::Replaced,
                };
                self.stands(trade_no, stage);
            }
            MoneyRecord::NoticeTaken { id, .. } => {
                self.notices.insert(id.clone());
            }
            MoneyRecord::RefundAsked { .. }
            | MoneyRecord::RefundSent { .. }
            | MoneyRecord::RefundTold { .. }
            | MoneyRecord::RefundGivenUp { .. } => self.refunds.apply(record),
            MoneyRecord::SpotAsked { .. }
            | MoneyRecord::SpotSent { .. }
            | MoneyRecord::SpotTold { .. }
            | MoneyRecord::SpotGivenUp { .. } => self.codes.apply(record),
            MoneyRecord::EntryUnknown { .. }
            | MoneyRecord::EntryServiceChanged { .. }
            | MoneyRecord::AdvanceRepaid { .. }
            | MoneyRecord::NoticeSetAside { .. }
            | MoneyRecord::EntryRegistered { .. }
            | MoneyRecord::EntryRenumbered { .. }
            | MoneyRecord::EntryEnded { .. }
            | MoneyRecord::MerchantStopped { .. }
            | MoneyRecord::MerchantResumed => {}
        }
    }

    fn taken_by_code(&mut self, trade_no: &str, by: &str) {
        if let Some(charge) = self.charges.get(trade_no) {
            let claim = &charge.claim;
            self.codes.take(&claim.session, by, claim.quote.fee_fen);
        }
    }

    fn opened(&self, claim: &Claim) -> Charge {
        let (stage, reason) = match &claim.opening {
            Opening::ToFile { .. } => (Stage::Waiting, None),
            Opening::ToStaff(reason) => (Stage::WithStaff, Some(reason.clone())),
        };
        let event = self.head.as_ref().map(|head| &head.event);
        let read = event.and_then(|event| match event {
            Event::PlateRead { read, .. } => read.plate.clone(),
            _ => None,
        });
        Charge {
            claim: claim.clone(),
            stage,
            body: None,
            let_out: false,
            superseded: false,
            reason,
            read_as: read.filter(|plate| *plate != claim.plate),
            by_person: matches!(event, Some(Event::ReviewDecided { .. })),
        }
    }

    /// Whose money is finished is not put before a person any more.
    fn end_review_by_money(&mut self, trade_no: &str) {
        let session = self.charges.get(trade_no).map(|it| &it.claim.session);
        let review = session.and_then(|session| self.reviews.get_mut(session));
        if let Some(review) = review.filter(|review| review.closed.is_none()) {
            review.closed = Some(Closed {
                how: ReviewEnd::Finished {
                    trade_no: trade_no.to_owned(),
                },
                by: String::new(),
                why: String::new(),
            });
        }
    }

    fn stands(&mut self, trade_no: &str, stage: Stage) {
        self.change(trade_no, |charge| charge.stage = stage);
    }

    fn change(&mut self, trade_no: &str, change: impl FnOnce(&mut Charge)) {
        if let Some(charge) = self.charges.get_mut(trade_no) {
            change(charge);
            self.sort(trade_no);
        }
    }

    fn take(&mut self, payment: &Payment) {
        let session = payment.session.clone();
        *self.paid_fen.entry(session.clone()).or_default() += payment.fen;
        if payment.number.is_none() && payment.channel != balance::CHANNEL {
            self.by_hand.insert(session.clone());
        }
        let (cash_fen, by_code) = self.since.entry(session.clone()).or_default();
        match (&payment.number, &payment.toward) {
            (Some(number), _) => *by_code.entry(number.clone()).or_default() += payment.fen,
            (None, Toward::Nothing) => {}
            (None, _) => *cash_fen += payment.fen,
        }
        match &payment.toward {
            Toward::Stay { fee_fen } => {
                let before = self.advance.get(&session).map_or(0, |paid| paid.fen);
                let advance = Advance {
                    fen: before + payment.fen,
                    fee_fen: *fee_fen,
                    at: payment.at.clone(),
                };
                self.advance.insert(session, advance);
            }
            Toward::Nothing => *self.over_fen.entry(session).or_default() += payment.fen,
            Toward::Charge { .. } => {}
        }
    }

    fn list(&mut self, change: &Change) {
        match change {
            Change::Put(listed) => self.put(listed),
            Change::Remove { plate, list } => {
                self.listed.remove(&(plate.clone(), *list));
            }
            Change::Replace(all) => {
                self.listed.clear();
                for listed in all {
                    self.put(listed);
                }
            }
        }
    }

    fn put(&mut self, listed: &Listed) {
        let key = (listed.plate.clone(), listed.list);
        self.listed.insert(key, listed.clone());
    }

    /// Cars inside: the open stays, as a person last corrected their count.
    pub fn inside(&self) -> u64 {
        let open = u64::try_from(self.open.len()).unwrap();
        open.saturating_add_signed(self.uncounted)
    }

    /// Puts a number where its charge stands now.
    fn sort(&mut self, trade_no: &str) {
        let charge = self.charges.get(trade_no);
        let (Some(charge), Some(key)) = (charge, NumberKey::of_trade_no(trade_no)) else {
            return;
        };
        self.queued.remove(&key);
        self.desk.remove(&key);
        if charge.is_queued() {
            self.queued.insert(key);
        } else if charge.stage == Stage::WithStaff {
            self.desk.insert(key);
        }
    }
}
