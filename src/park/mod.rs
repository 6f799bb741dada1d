//! The book of the car park and the decisions over it. Pure: the same code runs on the box, in the
//! simulator and in the re-run of an incident.

mod asked;
pub mod balance;
mod barrier;
pub mod benefit;
pub mod disk;
mod ended;
mod entry;
pub mod erasure;
pub mod event;
mod exit;
mod hold;
mod lane_mind;
mod listed;
pub mod meanwhile;
pub mod mind;
mod named;
mod noticed;
pub mod part;
pub mod payment;
mod places;
mod price;
mod reading;
pub mod record;
mod refund;
mod replay;
pub mod reply;
pub mod review;
pub mod rules;
mod spot;
pub mod state;
pub mod step;
#[cfg(test)]
#[cfg(feature = "demo")]
mod tests;
mod verdict;
mod waiting;
pub mod zone;

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::charges::queue::{Out, Queue};
use crate::charges::spot::SpotClaim;
use crate::lane::alarm::Alarm;
use crate::lane::number::{LedgerId, SessionId};
use crate::lane::raise::RaiseReason;
use crate::lane::session::{Ending, LaneId, Session};
use crate::lane::time::{Moment, Now, Stamp};

use event::{Event, UnsentCall};
use meanwhile::Notes;
use payment::PaidStay;
use record::{LaneRecord, Proof, Record, StepTaken};
use reply::{Done, Refusal};
use rules::{Direction, Rules};
use state::{Car, LaneMind, Site, Snapshot};
use step::{Command, Ignored, Step};
use verdict::Word;

/// Session numbers that are skipped when the last commit may be lost: more than one commit draws.
const NUMBERS_SKIPPED: u64 = 1024;
/// Numbers that are skipped when WeChat knows one that this ledger never gave out: more than a box gives
/// out between two images of its disk.
const NUMBERS_TAKEN_SKIPPED: u64 = 1 << 20;
/// One event leads to so many rounds of decisions at most; two or three are common.
const ROUNDS_MAX: usize = 32;

/// Everything that one box knows and decides.
#[derive(Clone, Debug)]
pub struct Park {
    ledger: LedgerId,
    rules: Rules,
    site: Site,
    queue: Queue,
    lanes: BTreeMap<LaneId, LaneMind>,
    meanwhile: Notes,
    /// People were told that no place is left.
    is_told_full: bool,
}

/// One decision in the making.
struct Turn {
    at: Stamp,
    records: Vec<Record>,
    commands: Vec<Command>,
    alarms: Vec<Alarm>,
    ignored: Option<Ignored>,
    reply: Option<Result<Done, Refusal>>,
    /// Money that is being taken down was paid by this order.
    by_code: Option<SpotClaim>,
}

impl Turn {
    fn now(&self) -> Now {
        self.at.now
    }

    fn moment(&self) -> Moment {
        self.at.now.moment
    }
}

impl Park {
    /// An empty car park.
    pub fn new(ledger: LedgerId, rules: Rules) -> Self {
        let lanes = rules
            .lanes
            .keys()
            .map(|id| (id.clone(), LaneMind::default()))
            .collect();
        Self {
            ledger,
            rules,
            site: Site::default(),
            queue: Queue::default(),
            lanes,
            meanwhile: Notes::default(),
            is_told_full: false,
        }
    }

    /// What it decides by.
    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    /// Stays, raises, holds and reviews.
    pub fn site(&self) -> &Site {
        &self.site
    }

    /// Entries and charges.
    pub fn queue(&self) -> &Queue {
        &self.queue
    }

    /// The ledger whose numbers it gives out.
    pub fn ledger(&self) -> LedgerId {
        self.ledger
    }

    /// The whole durable state.
    pub fn snapshot(&self) -> Snapshot {
        Snapshot {
            site: self.site.clone(),
            book: self.queue.book().clone(),
        }
    }

    /// Applies one record of the ledger. The fold of all of them is the durable state.
    pub fn replay(&mut self, record: &Record) {
        match record {
            Record::Checkpoint(snapshot) => {
                self.site = snapshot.site.clone();
                self.site.reindex();
                self.queue = Queue::with_book(snapshot.book.clone());
            }
            Record::PartOfState(part) => self.replay_part((**part).clone()),
            Record::StepTaken(step) => self.note_seen(&step.event),
            Record::Lane(record) => self.site.apply(record),
            Record::Money(record) => {
                self.site.note_money(record);
                self.queue.replay(record);
            }
            Record::PayloadsErased(erasure) => self.site.note_erasure(erasure),
            Record::RulesChanged(_)
            | Record::Meanwhile(_)
            | Record::Mind(_)
            | Record::PartOfMind(_)
            | Record::Unknown { .. } => {}
        }
    }

    /// As [`Park::replay`], of a record that nobody needs any more: a whole state, which may be large, is
    /// not copied.
    pub fn replay_owned(&mut self, record: Record) {
        match record {
            Record::Checkpoint(snapshot) => {
                let Snapshot { site, book } = *snapshot;
                self.site = site;
                self.site.reindex();
                self.queue = Queue::with_book(book);
            }
            Record::PartOfState(part) => self.replay_part(*part),
            record => self.replay(&record),
        }
    }

    /// When the park wants a [`Event::Tick`], if nothing happens before.
    pub fn wake_at(&self) -> Option<Moment> {
        let lanes = self.lanes.values().flat_map(|mind| {
            let car = mind.car.as_ref().map(|car| car.deadline);
            let proof = mind.proof_by.map(|(_, by)| by);
            [car, proof, mind.held_until].into_iter().flatten()
        });
        lanes.chain(self.queue.wake_at()).min()
    }

    /// Decides. State changes here; the caller puts the step's records on disk and only then carries
    /// out its commands.
    pub fn decide(&mut self, event: &Event, now: Now) -> Step {
        let at = Stamp {
            now,
            box_id: self.rules.box_id.clone(),
        };
        let mut turn = Turn {
            at,
            records: Vec::new(),
            commands: Vec::new(),
            alarms: Vec::new(),
            ignored: None,
            reply: None,
            by_code: None,
        };
        self.queue.note_clock(now);
        let was_due = self.wake_at().is_some_and(|at| at <= now.moment);
        self.handle(event, &mut turn);
        let ignored = turn.ignored;
        self.settle(&mut turn);
        self.tell_if_full(&mut turn);
        // What a person was told is done is on record, also where nothing follows from it yet; and so
        // is a start, which ends what the run before it had in mind.
        let is_told = matches!(&turn.reply, Some(Ok(done)) if *done != Done::NoticeKnown);
        if !turn.records.is_empty() || is_told || matches!(event, Event::Started { .. }) {
            let head = Record::StepTaken(StepTaken {
                now,
                event: event.clone(),
                waited_ms: None,
            });
            let before = self.meanwhile.take(now);
            turn.records.splice(0..0, before.into_iter().chain([head]));
        } else {
            let gathered = self.note_quiet(event, ignored, was_due, now);
            turn.records.extend(gathered);
        }
        // In the order in which a replay comes to them.
        for record in &turn.records {
            if let Record::StepTaken(step) = record {
                self.note_seen(&step.event);
            }
        }
        Step {
            records: turn.records,
            commands: turn.commands,
            alarms: turn.alarms,
            ignored: turn.ignored,
            reply: turn.reply,
        }
    }

    /// What an event changed may change more: a charge goes out, a car is let go, the next is taken up.
    /// Each round leads to a record or is the last.
    fn settle(&mut self, turn: &mut Turn) {
        for _ in 0..ROUNDS_MAX {
            let before = turn.records.len();
            self.cars_with_an_outcome(turn);
            self.paid_by_code(turn);
            self.queue_turn(turn);
            self.cars_without_an_answer(turn);
            self.next_in_line(turn);
            self.proofs_missing(turn);
            self.holds_over(turn);
            if turn.records.len() == before {
                let waiting = self.queue.lanes_waiting();
                debug_assert!(waiting <= self.lanes.len(), "{waiting} lanes wait");
                return;
            }
        }
        debug_assert!(false, "one event led to {} records", turn.records.len());
    }

    fn handle(&mut self, event: &Event, turn: &mut Turn) {
        if event
            .lane()
            .is_some_and(|lane| !self.rules.lanes.contains_key(lane))
        {
            turn.ignored = Some(Ignored::UnknownLane);
            if let Event::AttendantRaised { lane, .. } | Event::PlateNamed { lane, .. } = event {
                let lane = lane.clone();
                turn.reply = Some(Err(Refusal::UnknownLane { lane }));
            }
            return;
        }
        match event {
            Event::Started {
                rules_changed,
                possibly_lost,
                skip,
                ..
            } => self.started(*rules_changed, *possibly_lost, *skip, turn),
            Event::PlateRead { lane, camera, read } => {
                self.plate_read(lane, camera, read, turn);
            }
            Event::CameraAlive { lane, sent_at } => {
                if let (Some(mind), Some(sent_at)) = (self.lanes.get_mut(lane), sent_at) {
                    mind.camera.heard(*sent_at, turn.now());
                }
            }
            Event::ClosingLoop { lane, occupied } => self.closing_loop(lane, *occupied, turn),
            Event::ArmUp { lane } => self.arm_up(lane, turn),
            Event::RaiseAnswered {
                lane,
                raise,
                driven: true,
            } => {
                self.proven(lane, Some(*raise), Proof::Reply, turn);
            }
            Event::RaiseAnswered {
                lane,
                raise,
                driven: false,
            } => {
                self.raise_uncertain(lane, *raise, "the camera refused to drive its relay", turn);
            }
            Event::RaiseNotSent { lane, raise, why } => {
                self.raise_uncertain(lane, *raise, why, turn);
            }
            Event::EntryAnswered { session, heard } => {
                self.with_queue(turn, |queue, at, out| {
                    queue.entry_answered(session, heard, at, out);
                });
            }
            Event::ChargeAnswered { trade_no, heard } => {
                let (mut out, merchant) = (Out::default(), &self.rules.merchant);
                self.queue
                    .charge_answered(trade_no, heard, &turn.at, merchant, &mut out);
                self.take_over(out, turn);
            }
            Event::QueryAnswered { trade_no, heard } => {
                let (mut out, merchant) = (Out::default(), &self.rules.merchant);
                self.queue
                    .query_answered(trade_no, heard, &turn.at, merchant, &mut out);
                self.take_over(out, turn);
            }
            Event::Noticed { told } => self.noticed(told, turn),
            Event::AttendantRaised {
                lane,
                by,
                why,
                money,
            } => {
                self.attendant_raised(lane, by, why, money.clone(), turn);
            }
            Event::RetryAsked { trade_no, .. } => self.retry_asked(trade_no, turn),
            Event::StaffAsked { trade_no, by, why } => {
                self.staff_asked(trade_no, by, why, turn);
            }
            Event::ArrearsFinished { trade_no, how } => {
                self.arrears_finished(trade_no, how, turn);
            }
            Event::ReviewDecided {
                session,
                verdict,
                by,
                why,
            } => self.review_decided(session, verdict, Word { by, why }, turn),
            Event::StayEnded {
                session,
                review,
                left,
                by,
                why,
            } => self.stay_ended(session, *review, *left, Word { by, why }, turn),
            Event::PaymentTaken { taking } => self.payment_taken(taking, turn),
            Event::PlacesCounted { inside, by, why } => {
                self.places_counted(*inside, Word { by, why }, turn);
            }
            Event::CorrectionAsked { .. } => self.correction_asked(event, turn),
            Event::CorrectionDone { trade_no, by, why } => {
                self.correction_done(trade_no, by, why, turn);
            }
            Event::RefundAsked { .. }
            | Event::RefundAnswered { .. }
            | Event::RefundQueryAnswered { .. }
            | Event::RefundRetryAsked { .. }
            | Event::RefundGivenUp { .. } => self.about_refund(event, turn),
            Event::SpotAnswered { .. }
            | Event::SpotQueryAnswered { .. }
            | Event::SpotCloseAnswered { .. }
            | Event::SpotEnded { .. } => self.about_spot(event, turn),
            Event::PlateNamed {
                lane,
                plate,
                color,
                by,
                why,
            } => self.plate_named(lane, plate, *color, Word { by, why }, turn),
            Event::ListChanged { change, by, why } => {
                self.list_changed(change, Word { by, why }, turn);
            }
            Event::BenefitChanged {
                session,
                change,
                by,
                why,
            } => self.benefit_changed(session, change, Word { by, why }, turn),
            Event::BalanceChanged {
                plate,
                change,
                by,
                why,
            } => self.balance_changed(plate, *change, Word { by, why }, turn),
            Event::StoreFailed { raises, calls } => self.store_failed(raises, calls, turn),
            Event::StoreRecovered => self.queue.pause(false),
            Event::ErasureDue { erasure } => {
                self.site.note_erasure(erasure);
                turn.records.push(Record::PayloadsErased(erasure.clone()));
                turn.reply = Some(Ok(Done::ErasureRecorded));
            }
            Event::Tick => {}
        }
    }

    fn started(&mut self, rules_changed: bool, possibly_lost: u64, skip: u64, turn: &mut Turn) {
        if rules_changed {
            let rules = Box::new(self.rules.clone());
            turn.records.push(Record::RulesChanged(rules));
        }
        if possibly_lost > 0 || skip > 0 {
            let sessions = skip.max(NUMBERS_SKIPPED);
            self.lane_record(LaneRecord::NumbersSkipped { sessions }, turn);
        }
        self.queue
            .set_nobodys(SessionId::new(self.ledger, 0).trade_no(0));
        self.with_queue(turn, |queue, at, out| queue.resume(at.now, out));
        self.holds_go_on(turn);
        self.cars_left_waiting(turn);
        self.raises_left_uncertain(turn);
    }

    /// Records a lane's fact: state follows from it, here and at replay alike.
    fn lane_record(&mut self, record: LaneRecord, turn: &mut Turn) {
        self.site.apply(&record);
        turn.records.push(Record::Lane(record));
    }

    fn with_queue<T>(
        &mut self,
        turn: &mut Turn,
        work: impl FnOnce(&mut Queue, &Stamp, &mut Out) -> T,
    ) -> T {
        let mut out = Out::default();
        let result = work(&mut self.queue, &turn.at, &mut out);
        self.take_over(out, turn);
        result
    }

    fn queue_turn(&mut self, turn: &mut Turn) {
        let mut out = Out::default();
        self.queue.turn(&turn.at, &self.rules.merchant, &mut out);
        self.take_over(out, turn);
    }

    fn take_over(&mut self, out: Out, turn: &mut Turn) {
        for record in &out.records {
            self.site.note_money(record);
        }
        let Out {
            records,
            calls,
            mut alarms,
            taken,
            paid,
        } = out;
        turn.records.extend(records.into_iter().map(Record::Money));
        turn.commands.extend(calls.into_iter().map(Command::Call));
        turn.alarms.append(&mut alarms);
        if let Some(session) = taken {
            self.skip_numbers_after(&session, turn);
        }
        for paid in paid {
            self.spot_paid(&paid, turn);
        }
    }

    /// WeChat knew the number of this stay before it was given out here, and so it may know those after
    /// it. Once is enough for all that were given out before anybody knew.
    fn skip_numbers_after(&mut self, session: &SessionId, turn: &mut Turn) {
        let since = self.site.sessions_opened.saturating_sub(session.counter());
        if since < NUMBERS_TAKEN_SKIPPED {
            let sessions = NUMBERS_TAKEN_SKIPPED;
            self.lane_record(LaneRecord::NumbersSkipped { sessions }, turn);
        }
    }

    /// Into the car park or out of it; None for lanes within it, where no stay begins or ends.
    fn direction(&self, lane: &LaneId) -> Option<Direction> {
        let rules = self.rules.lanes.get(lane)?;
        rules.zone.is_none().then_some(rules.direction)
    }

    /// Into the car park or a zone, or out of it.
    fn lane_direction(&self, lane: &LaneId) -> Option<Direction> {
        self.rules.lanes.get(lane).map(|rules| rules.direction)
    }

    fn mind(&mut self, lane: &LaneId) -> &mut LaneMind {
        self.lanes.entry(lane.clone()).or_default()
    }

    fn next_session_id(&self) -> SessionId {
        SessionId::new(self.ledger, self.site.sessions_opened.saturating_add(1))
    }

    /// The car at the barrier, if one waits, waits no longer.
    fn take_car(&mut self, lane: &LaneId) -> Option<Arc<Car>> {
        let car = self.mind(lane).car.take()?;
        self.queue.no_hurry(&car.session);
        Some(car)
    }

    fn close_session(
        &mut self,
        session: &Session,
        lane: &LaneId,
        ending: Ending,
        fee_fen: u64,
        turn: &mut Turn,
    ) {
        let files = matches!(ending, Ending::Charged { .. });
        let is_reviewed = match ending {
            Ending::Reviewed { .. } | Ending::ReplayedExit => true,
            Ending::EndedByHand { .. } => self.site.is_under_review(&session.id),
            _ => false,
        };
        let stays_chargeable = is_reviewed && self.queue.is_registered(&session.id);
        let at = turn.at.clone();
        let tally = self.tally_after(session, &ending, &at);
        let over_fen = self.over_at_the_end(&session.id, &ending);
        self.lane_record(
            LaneRecord::SessionClosed {
                session: session.id.clone(),
                plate: session.plate.clone(),
                lane: lane.clone(),
                at,
                ending,
                fee_fen,
                tally,
            },
            turn,
        );
        if over_fen > 0 {
            let stay = PaidStay::of(session);
            self.list_over_payment(&stay, over_fen, turn);
        }
        self.queue.no_hurry(&session.id);
        if !files && !stays_chargeable {
            self.with_queue(turn, |queue, _, out| queue.abandon_entry(&session.id, out));
        }
    }

    fn store_failed(&mut self, raises: &[(LaneId, u64)], calls: &[UnsentCall], turn: &mut Turn) {
        for call in calls {
            self.with_queue(turn, |queue, at, out| queue.not_made(call, at, out));
        }
        self.queue.pause(true);
        for (lane, raise) in raises {
            let decided = self
                .site
                .raises
                .get(lane)
                .filter(|held| held.raise == *raise);
            if let Some((plate, session)) = decided.map(|d| (d.plate.clone(), d.session.clone())) {
                self.raise(lane, plate, session, RaiseReason::StoreFailed, turn);
            }
        }
    }
}
