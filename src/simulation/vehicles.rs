//! Cars with a mind of their own: they come, stand in front of a barrier, drive on when it is up, stay,
//! and leave; or turn back, follow another one through, or bear a plate that another car bears too.

use std::collections::{BTreeMap, VecDeque};

use super::doing::Doing;
use super::faults::{Group, permille};
use super::site::{INTO_TOWER, LANES, MINUTE, OUT_OF_TOWER, PLATES};
use super::world::World;
use crate::sim::random::SplitMix64;

const SECOND: u64 = 1_000;
/// A reading may arrive so long after its car has gone.
const LATE_MS: u64 = 20 * SECOND;

/// What drivers do that they should not.
#[derive(Default)]
pub struct VehicleFaults {
    tailgate_permille: u16,
    turn_back_permille: u16,
    /// They come in again within a minute.
    quick_return_permille: u16,
    /// Cars with the plate of another one.
    clones: usize,
    /// They leave the entry lane without a word.
    give_up_permille: u16,
}

impl VehicleFaults {
    pub fn drawn(random: &mut SplitMix64) -> Self {
        Self {
            tailgate_permille: permille(random, 200),
            turn_back_permille: permille(random, 60),
            quick_return_permille: permille(random, 300),
            clones: usize::try_from(random.below(3)).unwrap(),
            give_up_permille: permille(random, 40),
        }
    }
}

/// A time that a car stood in a lane.
#[derive(Clone, Debug)]
pub struct Stand {
    pub lane: &'static str,
    pub from: u64,
    pub to: Option<u64>,
}

/// What a car plans, and how far it has come.
#[derive(Clone, Debug)]
pub struct Visit {
    pub plate: &'static str,
    pub entering: Vec<Stand>,
    pub leaving: Vec<Stand>,
    /// At the gates of the tower.
    pub within: Vec<Stand>,
    /// It goes into the tower so long after it came, and comes out of it after so long.
    tower: Option<(u64, u64)>,
    entry: &'static str,
    exit: &'static str,
    stay_ms: u64,
    /// The car's next visit, and how long after this one.
    next: Option<(usize, u64)>,
    /// It left the car park.
    pub is_over: bool,
}

/// One lane as it is in the street.
#[derive(Default)]
struct Street {
    queue: VecDeque<usize>,
    /// The car that stands at the barrier.
    front: Option<usize>,
    /// It is driving through.
    moving: bool,
    arm_up: bool,
    /// Counts the times that the arm went up, so that an older plan to lower does not count.
    risen: u64,
}

impl Visit {
    /// When it stood in lanes like this one.
    fn stands_at(&mut self, lane: &str) -> &mut Vec<Stand> {
        match lane {
            INTO_TOWER | OUT_OF_TOWER => &mut self.within,
            lane if lane == self.entry => &mut self.entering,
            _ => &mut self.leaving,
        }
    }
}

pub struct Vehicles {
    pub visits: Vec<Visit>,
    streets: BTreeMap<&'static str, Street>,
    faults: VehicleFaults,
    random: SplitMix64,
    /// Draws who goes into the tower, if there is one.
    tower: Option<SplitMix64>,
}

impl Vehicles {
    pub fn new(seed: u64, has_tower: bool, faults: VehicleFaults) -> Self {
        Self {
            visits: Vec::new(),
            streets: LANES.map(|lane| (lane, Street::default())).into(),
            faults,
            random: SplitMix64::new(seed, "vehicles"),
            tower: has_tower.then(|| SplitMix64::new(seed, "who goes into the tower")),
        }
    }

    /// Plans all visits; returns when the first of each car begins.
    pub fn plan(&mut self) -> Vec<(u64, Doing)> {
        let clones = self.faults.clones;
        let cars = PLATES.iter().chain(PLATES.iter().take(clones));
        let mut arrivals = Vec::new();
        for plate in cars {
            let first = self.random.below(40 * MINUTE);
            let count = 1 + self.random.below(3);
            for number in 1..=count {
                let visit = self.visit(plate, number < count);
                if number == 1 {
                    let lane = self.visits[visit].entry;
                    arrivals.push((first, Doing::Arrive(lane, visit)));
                }
            }
        }
        arrivals
    }

    /// One car that comes in now and leaves after so long.
    pub fn add(
        &mut self,
        plate: &'static str,
        entry: &'static str,
        exit: &'static str,
        stay_ms: u64,
    ) {
        self.visits.push(Visit {
            plate,
            entering: Vec::new(),
            leaving: Vec::new(),
            within: Vec::new(),
            tower: None,
            entry,
            exit,
            stay_ms,
            next: None,
            is_over: false,
        });
    }

    fn visit(&mut self, plate: &'static str, comes_again: bool) -> usize {
        let random = &mut self.random;
        let stay_ms = match random.below(4) {
            0 => SECOND + random.below(20 * SECOND),
            1 => random.below(10 * MINUTE),
            _ => random.below(75 * MINUTE),
        };
        let entry = LANES[usize::try_from(random.below(2)).unwrap()];
        let exit = LANES[2 + usize::try_from(random.below(2)).unwrap()];
        let next_ms = match random.chance(self.faults.quick_return_permille) {
            true => random.below(MINUTE),
            false => random.below(20 * MINUTE),
        };
        let next = (self.visits.len() + 1, next_ms);
        self.add(plate, entry, exit, stay_ms);
        let visit = self.visits.len() - 1;
        self.visits[visit].next = Some(next).filter(|_| comes_again);
        if let Some(random) = &mut self.tower
            && random.chance(500)
        {
            let after_ms = random.below(stay_ms + 1);
            self.visits[visit].tower = Some((after_ms, random.below(50 * MINUTE)));
        }
        visit
    }

    pub fn calm_down(&mut self) {
        self.faults = VehicleFaults::default();
    }

    /// Cars that stand at a barrier or wait behind one.
    pub fn standing(&self) -> usize {
        self.streets.values().map(|street| street.queue.len()).sum()
    }

    /// Whether no car is inside, or will come.
    pub fn are_gone(&self) -> bool {
        self.visits.iter().all(|visit| visit.is_over)
    }

    /// Whether a car with this plate stood at this exit, or at this gate of the tower, then.
    pub fn stood_at(&self, plate: &str, lane: &str, at: u64) -> bool {
        let of_plate = self.visits.iter().filter(|visit| visit.plate == plate);
        let mut stands = of_plate.flat_map(|visit| visit.leaving.iter().chain(&visit.within));
        stands.any(|stand| {
            let to = stand.to.unwrap_or(u64::MAX - LATE_MS);
            stand.lane == lane && (stand.from..=to + LATE_MS).contains(&at)
        })
    }

    pub fn front_of(&self, lane: &str) -> Option<usize> {
        self.streets[lane].front
    }

    fn street(&mut self, lane: &'static str) -> &mut Street {
        self.streets.get_mut(lane).expect("every lane has a street")
    }
}

impl World {
    pub(super) fn arrive(&mut self, lane: &'static str, visit: usize) {
        let queue = &mut self.vehicles.street(lane).queue;
        queue.push_back(visit);
        if queue.len() == 1 {
            self.come_to_the_front(lane);
        }
    }

    pub(super) fn come_to_the_front(&mut self, lane: &'static str) {
        let now = self.clock.time;
        let street = self.vehicles.street(lane);
        let next = street.queue.front().copied();
        let Some(visit) = next.filter(|_| street.front.is_none()) else {
            return;
        };
        street.front = Some(visit);
        let arm_up = street.arm_up;
        let stand = Stand {
            lane,
            from: now,
            to: None,
        };
        self.vehicles.visits[visit].stands_at(lane).push(stand);
        let faults = &self.vehicles.faults;
        let (tailgates, turns, gives_up) = (
            faults.tailgate_permille,
            faults.turn_back_permille,
            faults.give_up_permille,
        );
        let random = &mut self.vehicles.random;
        if arm_up && random.chance(tailgates) {
            self.count(Group::Vehicles, "tailgates");
            self.drive(lane);
            return;
        }
        if random.chance(turns) {
            let ms = 5 * SECOND + random.below(MINUTE);
            let is_seen = random.chance(500);
            self.soon(ms, Doing::TurnBack(lane, visit, is_seen));
        } else if random.chance(gives_up) {
            let ms = 20 * SECOND + random.below(2 * MINUTE);
            self.soon(ms, Doing::TurnBack(lane, visit, false));
        }
        self.soon(300, Doing::Look(lane, visit));
        self.a_car_has_come(lane, visit);
    }

    /// The camera sees the car, and again from time to time while it stands there.
    pub(super) fn look(&mut self, lane: &'static str, visit: usize) {
        if self.vehicles.front_of(lane) != Some(visit) {
            return;
        }
        let again_ms = 2 * SECOND + self.vehicles.random.below(60 * SECOND);
        self.soon(again_ms, Doing::Look(lane, visit));
        if self.vehicles.streets[lane].moving {
            return;
        }
        let plate = self.vehicles.visits[visit].plate;
        let (time, wall) = (self.clock.time, self.clock.true_wall());
        for (after_ms, letter) in self.cameras.look(lane, plate, time, wall) {
            self.soon(after_ms, Doing::Post(letter));
        }
    }

    /// The arm is up, for whatever reason.
    pub(super) fn arm_is_up(&mut self, lane: &'static str) {
        let street = self.vehicles.street(lane);
        street.arm_up = true;
        street.risen += 1;
        let (risen, waits) = (street.risen, street.front.is_some() && !street.moving);
        if waits {
            self.drive(lane);
        } else {
            self.soon(15 * SECOND, Doing::ArmDown(lane, risen));
        }
    }

    pub(super) fn arm_is_down(&mut self, lane: &'static str, risen: u64) {
        let street = self.vehicles.street(lane);
        if street.risen == risen && !street.moving {
            street.arm_up = false;
        }
    }

    fn drive(&mut self, lane: &'static str) {
        let street = self.vehicles.street(lane);
        street.moving = true;
        let Some(visit) = street.front else { return };
        let ms = 1_500 + self.vehicles.random.below(3 * SECOND);
        self.soon(ms, Doing::Through(lane, visit));
    }

    pub(super) fn drive_through(&mut self, lane: &'static str, visit: usize) {
        self.vehicles.street(lane).moving = false;
        if self.vehicles.front_of(lane) != Some(visit) {
            return;
        }
        for _ in 0..self.arms.contacts() {
            self.tell_loop(lane, true);
        }
        self.soon(1_200, Doing::LoopFree(lane));
        let risen = self.vehicles.streets[lane].risen;
        self.soon(2 * SECOND, Doing::ArmDown(lane, risen));
        let close = self.vehicles.faults.tailgate_permille;
        let next_ms = match self.vehicles.random.chance(close) {
            true => 600,
            false => 3 * SECOND,
        };
        self.leave_lane(lane, next_ms);
        let plan = &self.vehicles.visits[visit];
        let (to, after_ms) = match (plan.tower, lane) {
            (_, lane) if lane == plan.exit => return self.is_over(visit),
            (Some((after_ms, _)), lane) if lane == plan.entry => (INTO_TOWER, after_ms),
            (Some((_, lasts_ms)), INTO_TOWER) => (OUT_OF_TOWER, lasts_ms),
            (Some((after_ms, _)), _) => (plan.exit, plan.stay_ms - after_ms),
            (None, _) => (plan.exit, plan.stay_ms),
        };
        self.soon(after_ms, Doing::Arrive(to, visit));
    }

    fn is_over(&mut self, visit: usize) {
        self.vehicles.visits[visit].is_over = true;
        if let Some((next, ms)) = self.vehicles.visits[visit].next {
            let lane = self.vehicles.visits[next].entry;
            self.soon(5 * SECOND + ms, Doing::Arrive(lane, next));
        }
    }

    /// The car at the barrier backs out of the lane, unless it is driving through.
    pub(super) fn back_out(&mut self, lane: &'static str) -> Option<usize> {
        let street = self.vehicles.street(lane);
        let visit = street.front.filter(|_| !street.moving)?;
        self.leave_lane(lane, 5 * SECOND);
        Some(visit)
    }

    fn leave_lane(&mut self, lane: &'static str, next_ms: u64) {
        let now = self.clock.time;
        let street = self.vehicles.street(lane);
        street.queue.pop_front();
        let Some(visit) = street.front.take() else {
            return;
        };
        let stands = self.vehicles.visits[visit].stands_at(lane);
        if let Some(stand) = stands.last_mut() {
            stand.to = Some(now);
        }
        self.soon(next_ms, Doing::Next(lane));
    }

    pub(super) fn turn_back(&mut self, lane: &'static str, visit: usize, is_seen: bool) {
        if self.vehicles.front_of(lane) != Some(visit) || self.vehicles.streets[lane].moving {
            return;
        }
        let what = match is_seen {
            true => "turned back",
            false => "left without a word",
        };
        self.count(Group::Vehicles, what);
        let plate = self.vehicles.visits[visit].plate;
        if is_seen {
            let (time, wall) = (self.clock.time, self.clock.true_wall());
            let letter = self.cameras.turned_back(lane, plate, time, wall);
            self.post(letter);
        }
        self.leave_lane(lane, 3 * SECOND);
        let plan = &self.vehicles.visits[visit];
        if plan.entry == lane {
            return self.is_over(visit);
        }
        // Who turns back in front of the tower does without it.
        let again = if lane == INTO_TOWER { plan.exit } else { lane };
        let ms = 10 * SECOND + self.vehicles.random.below(30 * MINUTE);
        self.soon(ms, Doing::Arrive(again, visit));
    }
}
