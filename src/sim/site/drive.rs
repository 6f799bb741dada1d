//! Cars on their way: to the entry, inside, to the exit, gone.

use std::sync::Arc;
use std::time::Duration;

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};

use super::barrier::Pulses;
use super::message::Trigger;
use super::presence::Presence;
use super::report::Visit;
use super::traffic::Car;
use super::{Lane, Shared};
use crate::lane::plate::PlateNumber;
use crate::lane::session::LaneId;
use crate::lane::time::Moment;
use crate::park::rules::Direction;

/// Something that happened on the ground.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Happening {
    pub at: Moment,
    pub lane: LaneId,
    pub plate: PlateNumber,
    pub what: What,
}

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum What {
    /// A car is the first in front of a barrier.
    Arrived,
    /// Its barrier was told to rise, so long after its first final reading.
    Raised { after_ms: u64 },
    /// It passed the arm.
    Passed(Direction),
    /// It has stood there for long: its driver calls the attendant.
    CallsAttendant { waited_ms: u64 },
    /// It waited in vain.
    GaveUp,
}

/// How long after its barrier was told to rise a car may be read once more.
const SECOND_LOOK_AFTER: Duration = Duration::from_millis(250);
/// Until the next car has moved up.
const MOVE_UP: Duration = Duration::from_millis(300);
/// More cars at once would only stand in line.
const ON_THEIR_WAY_MAX: usize = 200;

/// Drives all of them, and returns when none is on its way any more. A car whose plate is here
/// already does not come.
pub(super) async fn run(
    shared: &Arc<Shared>,
    cars: impl IntoIterator<Item = Car>,
    told: Option<mpsc::Sender<Happening>>,
) {
    let mut on_their_way = JoinSet::new();
    let mut paused = shared.paused.subscribe();
    for car in cars {
        sleep(Duration::from_millis(car.gap_ms)).await;
        // An error means that the car park is gone, and this with it.
        let _ = paused.wait_for(|paused| !paused).await;
        while on_their_way.len() >= ON_THEIR_WAY_MAX {
            on_their_way.join_next().await;
        }
        on_their_way.extend(visit(shared, car, told.clone()));
    }
    while on_their_way.join_next().await.is_some() {}
}

/// One car, from its coming to its going. None: its plate is here already.
pub(super) fn visit(
    shared: &Arc<Shared>,
    car: Car,
    told: Option<mpsc::Sender<Happening>>,
) -> Option<impl Future<Output = ()> + Send + use<>> {
    let presence = shared.present.enter(shared.clone(), car.plate.clone())?;
    let index = shared.arrives(&car);
    let drive = Drive {
        shared: shared.clone(),
        told,
        car,
        index,
        presence,
    };
    Some(drive.visit())
}

/// One car's visit.
struct Drive {
    shared: Arc<Shared>,
    told: Option<mpsc::Sender<Happening>>,
    car: Car,
    /// Of its row in the report.
    index: usize,
    presence: Presence,
}

impl Drive {
    async fn visit(self) {
        let entry = self.shared.lane(Direction::Entry, self.car.in_by);
        if !self.pass(entry, self.car.read_again_in).await {
            return;
        }
        self.presence.stand(self.car.stay_ms).await;
        let exit = self.shared.lane(Direction::Exit, self.car.out_by);
        self.pass(exit, self.car.read_again_out).await;
    }

    /// Through one barrier. False: it did not rise.
    async fn pass(&self, lane: &Lane, read_again: bool) -> bool {
        let Ok(_first_in_line) = lane.line.acquire().await else {
            return false;
        };
        self.tell(lane, What::Arrived).await;
        let Some(after_ms) = self.wait_for_raise(lane).await else {
            self.note(|visit| visit.gave_up = true);
            self.tell(lane, What::GaveUp).await;
            return false;
        };
        self.note(|visit| match lane.settings.direction {
            Direction::Entry => visit.let_in_after_ms = Some(after_ms),
            Direction::Exit => visit.let_out_after_ms = Some(after_ms),
        });
        self.tell(lane, What::Raised { after_ms }).await;
        if read_again {
            sleep(SECOND_LOOK_AFTER).await;
            // A reading less changes nothing.
            let _ = lane.camera.see(&self.car, Trigger::Stay).await;
        }
        self.cross(lane).await;
        true
    }

    /// Stands before the barrier, seen again and again, until its relay closes. How long that took
    /// from its first final reading, milliseconds.
    async fn wait_for_raise(&self, lane: &Lane) -> Option<u64> {
        let mut pulses = lane.barrier.pulses();
        let before = pulses.borrow_and_update().count;
        let arrived = self.now();
        let mut called = false;
        let mut trigger = Trigger::VirtualLoop;
        let mut seen_at = None;
        loop {
            // A camera without a broker tries again with the next look.
            if let Ok(sent) = lane.camera.see(&self.car, trigger).await {
                trigger = Trigger::Stay;
                seen_at.get_or_insert(sent);
            }
            let look_again = Duration::from_millis(self.shared.pace.look_again);
            if let Some(at) = raised(&mut pulses, before, look_again).await {
                return Some(at.since_ms(seen_at.unwrap_or(arrived)));
            }
            let waited_ms = self.now().since_ms(arrived);
            if waited_ms >= self.shared.pace.gives_up {
                return None;
            }
            if waited_ms >= self.shared.pace.patience && !called {
                called = true;
                self.tell(lane, What::CallsAttendant { waited_ms }).await;
            }
        }
    }

    async fn cross(&self, lane: &Lane) {
        lane.barrier.until_up().await;
        lane.barrier.set_occupied(true);
        lane.camera.set_occupied(true);
        sleep(Duration::from_millis(self.shared.pace.cross)).await;
        lane.barrier.set_occupied(false);
        lane.camera.set_occupied(false);
        let direction = lane.settings.direction;
        self.note(|visit| visit.gone = direction == Direction::Exit);
        self.presence.passed(direction);
        self.tell(lane, What::Passed(direction)).await;
        sleep(MOVE_UP.min(Duration::from_millis(self.shared.pace.cross))).await;
    }

    async fn tell(&self, lane: &Lane, what: What) {
        let Some(told) = &self.told else {
            return;
        };
        let happening = Happening {
            at: self.now(),
            lane: lane.settings.id.clone(),
            plate: self.car.plate.clone(),
            what,
        };
        // Nobody may be listening any more.
        let _ = told.send(happening).await;
    }

    fn note(&self, change: impl FnOnce(&mut Visit)) {
        if let Some(visit) = self.shared.report().visits.get_mut(self.index) {
            change(visit);
        }
    }

    fn now(&self) -> Moment {
        self.shared.clock.now().moment
    }
}

impl Shared {
    /// A new row in the report.
    fn arrives(&self, car: &Car) -> usize {
        let visits = &mut self.report().visits;
        visits.push(Visit {
            plate: car.plate.clone(),
            let_in_after_ms: None,
            let_out_after_ms: None,
            gone: false,
            gave_up: false,
        });
        visits.len() - 1
    }
}

/// When the relay closed after there had been `before` pulses, if it does within the time.
async fn raised(
    pulses: &mut watch::Receiver<Pulses>,
    before: u64,
    within: Duration,
) -> Option<Moment> {
    let more = pulses.wait_for(|pulses| pulses.count > before);
    match timeout(within, more).await {
        Ok(Ok(pulses)) => Some(pulses.last),
        _ => None,
    }
}
