//! The book of the car park and the decisions over it. Pure: the same code runs on the box, in the
//! simulator and in the re-run of an incident.

pub mod disk;
mod entry;
pub mod event;
mod exit;
mod hold;
pub mod record;
pub mod rules;
pub mod state;
pub mod step;
#[cfg(all(test, feature = "demo"))]
mod tests;
mod waiting;

use std::collections::BTreeMap;

use crate::charges::queue::{Out, Queue};
use crate::charges::record::StaffOutcome;
use crate::lane::alarm::{Alarm, AlarmKind};
use crate::lane::number::{LedgerId, SessionId};
use crate::lane::plate::PlateNumber;
use crate::lane::raise::RaiseReason;
use crate::lane::session::{Ending, LaneId, Session};
use crate::lane::time::{Moment, Now, Stamp};

use event::{Event, UnsentCall};
use record::{LaneRecord, Proof, Record, StepTaken};
use rules::{Direction, Rules};
use state::{LaneMind, Site, Snapshot};
use step::{Command, Ignored, Step};

/// A raise that nothing proved within this time is uncertain.
const PROOF_WITHIN_MS: u64 = 10_000;
/// A command to raise is worth nothing after this.
const RAISE_VALID_MS: u64 = 5_000;
/// The same plate at the same barrier within this time, without having passed, is the same car.
const SAME_CAR_MS: u64 = 5 * 60 * 1000;
/// Session numbers that are skipped when the last commit may be lost: more than one commit draws.
const NUMBERS_SKIPPED: u64 = 1024;
/// A raise is issued at most so often for one car.
const ISSUES_MAX: u8 = 2;

/// Everything that one box knows and decides.
#[derive(Clone, Debug)]
pub struct Park {
    ledger: LedgerId,
    rules: Rules,
    site: Site,
    queue: Queue,
    lanes: BTreeMap<LaneId, LaneMind>,
    store_failed: bool,
}

/// One decision in the making.
struct Turn {
    at: Stamp,
    records: Vec<Record>,
    commands: Vec<Command>,
    alarms: Vec<Alarm>,
    ignored: Option<Ignored>,
    reply: Option<Result<String, String>>,
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
            store_failed: false,
        }
    }

    pub fn rules(&self) -> &Rules {
        &self.rules
    }

    pub fn site(&self) -> &Site {
        &self.site
    }

    pub fn queue(&self) -> &Queue {
        &self.queue
    }

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
            Record::StepTaken(step) => self.note_seen(&step.event),
            Record::Lane(record) => self.site.apply(record),
            Record::Money(record) => {
                self.site.note_claim(record);
                self.queue.replay(record);
            }
            Record::RulesChanged(_) | Record::Unknown { .. } => {}
        }
    }

    /// When the park wants a [`Event::Tick`], if nothing happens before.
    pub fn wake_at(&self) -> Option<Moment> {
        let cars = self
            .lanes
            .values()
            .filter_map(|mind| mind.car.as_ref().map(|c| c.deadline));
        let proofs = self
            .lanes
            .values()
            .filter_map(|mind| mind.proof_by.map(|(_, at)| at));
        let held_at_most = self.rules.exit.held_at_most_ms;
        let holds = self
            .site
            .holds
            .values()
            .filter(|hold| self.direction(&hold.lane) == Some(Direction::Exit))
            .map(|hold| hold.since.now.moment.after_ms(held_at_most));
        cars.chain(proofs)
            .chain(holds)
            .chain(self.queue.wake_at())
            .min()
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
        };
        self.queue.note_clock(now);
        self.handle(event, &mut turn);
        self.cars_with_an_outcome(&mut turn);
        self.queue_turn(&mut turn);
        self.cars_without_an_answer(&mut turn);
        self.holds_over(&mut turn);
        self.queue_turn(&mut turn);
        if !turn.records.is_empty() {
            self.note_seen(event);
            let head = Record::StepTaken(StepTaken {
                now,
                event: event.clone(),
            });
            turn.records.insert(0, head);
        }
        Step {
            records: turn.records,
            commands: turn.commands,
            alarms: turn.alarms,
            ignored: turn.ignored,
            reply: turn.reply,
        }
    }

    fn handle(&mut self, event: &Event, turn: &mut Turn) {
        match event {
            Event::Started {
                rules_changed,
                possibly_lost,
                ..
            } => self.started(*rules_changed, *possibly_lost, turn),
            Event::PlateRead { lane, camera, read } => {
                self.plate_read(lane, camera, read, turn.at.clone(), turn);
            }
            Event::CameraAlive { lane, sent_at } => {
                if let (Some(mind), Some(sent_at)) = (self.lanes.get_mut(lane), sent_at) {
                    mind.camera.heard(*sent_at, turn.now());
                }
            }
            Event::ClosingLoop { lane, occupied } => self.closing_loop(lane, *occupied, turn),
            Event::ArmUp { lane } => self.proven(lane, None, Proof::Arm, turn),
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
                self.with_queue(turn, |queue, at, out| {
                    queue.charge_answered(trade_no, heard, at, out);
                });
            }
            Event::QueryAnswered { trade_no, heard } => {
                self.with_queue(turn, |queue, at, out| {
                    queue.query_answered(trade_no, heard, at, out);
                });
            }
            Event::AttendantRaised {
                lane,
                by,
                why,
                money,
            } => {
                self.attendant_raised(lane, by, why, money.clone(), turn);
            }
            Event::StoreFailed { raises, calls } => self.store_failed(raises, calls, turn),
            Event::StoreRecovered => {
                self.store_failed = false;
                self.queue.pause(false);
            }
            Event::Tick => self.proofs_missing(turn),
        }
    }

    fn started(&mut self, rules_changed: bool, possibly_lost: u64, turn: &mut Turn) {
        if rules_changed {
            let rules = Box::new(self.rules.clone());
            turn.records.push(Record::RulesChanged(rules));
        }
        if possibly_lost > 0 {
            let sessions = NUMBERS_SKIPPED;
            self.lane_record(LaneRecord::NumbersSkipped { sessions }, turn);
        }
        self.with_queue(turn, |queue, at, out| queue.resume(at.now, out));
        self.holds_of_another_boot(turn);
        let abandoned: Vec<(LaneId, u64)> = self
            .site
            .raises
            .iter()
            .filter(|(_, raise)| raise.proof.is_none())
            .map(|(lane, raise)| (lane.clone(), raise.raise))
            .collect();
        for (lane, raise) in abandoned {
            turn.alarms.push(uncertain(
                &lane,
                raise,
                "the box restarted before it was proven",
            ));
        }
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
        for record in &out.records {
            self.site.note_claim(record);
        }
        turn.records
            .extend(out.records.into_iter().map(Record::Money));
        turn.commands
            .extend(out.calls.into_iter().map(Command::Call));
        turn.alarms.append(&mut out.alarms);
        result
    }

    fn queue_turn(&mut self, turn: &mut Turn) {
        let merchant = self.rules.merchant.clone();
        self.with_queue(turn, |queue, at, out| queue.turn(at, &merchant, out));
    }

    fn direction(&self, lane: &LaneId) -> Option<Direction> {
        self.rules.lanes.get(lane).map(|rules| rules.direction)
    }

    fn mind(&mut self, lane: &LaneId) -> &mut LaneMind {
        self.lanes.entry(lane.clone()).or_default()
    }

    fn next_session_id(&self) -> SessionId {
        SessionId::new(self.ledger, self.site.sessions_opened + 1)
    }

    /// The reason is recorded, and with it the command goes out once the step is on disk.
    fn raise(
        &mut self,
        lane: &LaneId,
        plate: Option<PlateNumber>,
        session: Option<SessionId>,
        reason: RaiseReason,
        turn: &mut Turn,
    ) {
        let raise = self.site.raises_decided + 1;
        let at = turn.at.clone();
        self.end_hold(lane, turn);
        self.lane_record(
            LaneRecord::RaiseDecided {
                raise,
                lane: lane.clone(),
                plate: plate.clone(),
                session,
                reason,
                at,
            },
            turn,
        );
        self.issue(lane, raise, 1, turn);
        let moment = turn.moment();
        let mind = self.mind(lane);
        mind.car = None;
        mind.decided = plate.map(|plate| (plate, moment));
    }

    fn issue(&mut self, lane: &LaneId, raise: u64, issue: u8, turn: &mut Turn) {
        let valid_until = turn.moment().after_ms(RAISE_VALID_MS);
        let proof_by = turn.moment().after_ms(PROOF_WITHIN_MS);
        self.mind(lane).proof_by = Some((raise, proof_by));
        turn.commands.push(Command::RaiseBarrier {
            lane: lane.clone(),
            raise,
            issue,
            valid_until,
        });
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
        let at = turn.at.clone();
        self.lane_record(
            LaneRecord::SessionClosed {
                session: session.id.clone(),
                plate: session.plate.clone(),
                lane: lane.clone(),
                at,
                ending,
                fee_fen,
            },
            turn,
        );
        self.queue.no_hurry(&session.id);
        if !files {
            self.with_queue(turn, |queue, _, out| queue.abandon_entry(&session.id, out));
        }
    }

    fn closing_loop(&mut self, lane: &LaneId, occupied: bool, turn: &mut Turn) {
        let was_occupied = std::mem::replace(&mut self.mind(lane).loop_occupied, occupied);
        if occupied {
            self.proven(lane, None, Proof::Loop, turn);
            return;
        }
        let passed = self
            .site
            .raises
            .get(lane)
            .filter(|raise| was_occupied && !raise.passed);
        if let Some(raise) = passed.map(|raise| raise.raise) {
            self.lane_record(
                LaneRecord::Passed {
                    raise,
                    lane: lane.clone(),
                },
                turn,
            );
        }
    }

    /// Something showed that the lane's newest raise was carried out.
    fn proven(&mut self, lane: &LaneId, number: Option<u64>, proof: Proof, turn: &mut Turn) {
        let Some(raise) = self.site.raises.get(lane) else {
            return;
        };
        let is_meant = number.is_none_or(|number| number == raise.raise);
        if !is_meant || raise.proof.is_some() || raise.passed {
            return;
        }
        let raise = raise.raise;
        self.mind(lane).proof_by = None;
        self.lane_record(
            LaneRecord::RaiseCarriedOut {
                raise,
                lane: lane.clone(),
                proof,
            },
            turn,
        );
        turn.alarms.push(Alarm {
            kind: AlarmKind::BarrierUncertain,
            subject: lane.0.clone(),
            raised: false,
            text: format!("the barrier of lane {lane} answers"),
        });
    }

    fn proofs_missing(&mut self, turn: &mut Turn) {
        let moment = turn.moment();
        let missing: Vec<(LaneId, u64)> = self
            .lanes
            .iter()
            .filter_map(|(lane, mind)| Some((lane.clone(), mind.proof_by?)))
            .filter(|(_, (_, by))| *by <= moment)
            .map(|(lane, (raise, _))| (lane, raise))
            .collect();
        for (lane, raise) in missing {
            self.raise_uncertain(&lane, raise, "nothing showed that it rose", turn);
        }
    }

    /// No record: a raise without a proof is uncertain by itself, after a restart too.
    fn raise_uncertain(&mut self, lane: &LaneId, raise: u64, why: &str, turn: &mut Turn) {
        let mind = self.mind(lane);
        if mind
            .proof_by
            .is_some_and(|(waited_for, _)| waited_for == raise)
        {
            mind.proof_by = None;
            turn.alarms.push(uncertain(lane, raise, why));
        }
    }

    fn store_failed(&mut self, raises: &[(LaneId, u64)], calls: &[UnsentCall], turn: &mut Turn) {
        self.store_failed = true;
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

    fn attendant_raised(
        &mut self,
        lane: &LaneId,
        by: &str,
        why: &str,
        money: Option<StaffOutcome>,
        turn: &mut Turn,
    ) {
        if !self.rules.lanes.contains_key(lane) {
            turn.reply = Some(Err(format!("no lane {lane} in the configuration")));
            return;
        }
        let reason = RaiseReason::Attendant {
            by: by.to_owned(),
            why: why.to_owned(),
        };
        let outcome = self.release_by_hand(lane, reason, money, turn);
        turn.reply = Some(Ok(outcome));
    }

    fn note_seen(&mut self, event: &Event) {
        if let Event::PlateRead { camera, read, .. } = event
            && let Some(key) = seen_key(camera, read)
        {
            self.site.note_seen(key);
        }
    }
}

/// What tells one reading of one camera from every other: record numbers restart, so the second of
/// the capture belongs to it.
fn seen_key(camera: &str, read: &crate::lane::reading::PlateRead) -> Option<String> {
    let second = read.captured_at?.0.div_euclid(1000);
    let plate = read.plate.as_ref().map_or("", |plate| plate.as_str());
    let id = read.record_id.as_deref().unwrap_or(plate);
    Some(format!("{camera}|{id}|{second}"))
}

fn uncertain(lane: &LaneId, raise: u64, why: &str) -> Alarm {
    Alarm {
        kind: AlarmKind::BarrierUncertain,
        subject: lane.0.clone(),
        raised: true,
        text: format!(
            "raise {raise} of lane {lane} is uncertain: {why}; look at the barrier. The next \
             reading of the same car raises it once more, without a second charge"
        ),
    }
}
