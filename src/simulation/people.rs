//! Attendants, who raise, take money and say which plate a car has; and operators, who stop the daemon,
//! change its prices and put another box in its place.

use super::doing::Doing;
use super::faults::{FAULTS_MS, Group, permille, windows};
use super::site::{LANES, MINUTE, PLATES, color_of, lane_id, number};
use super::world::World;
use crate::charges::record::StaffOutcome;
use crate::lane::raise::HoldReason;
use crate::lane::session::LaneId;
use crate::park::event::Event;
use crate::sim::random::SplitMix64;

/// What people do meanwhile.
#[derive(Default)]
pub struct PeopleFaults {
    /// An attendant comes to so many of 1000 cars.
    attends_permille: u16,
    /// Somebody comes to so many of 1000 cars that are held because nobody knows whose they are.
    helps_permille: u16,
    /// So many of 1000 plates that they say are mistyped.
    mistypes_permille: u16,
    /// The daemon is stopped: from, to.
    stops: Vec<(u64, u64)>,
    /// Somebody asks for a charge, or takes one out of the queue.
    asks: Vec<u64>,
    /// A person works through the lists.
    office: Vec<u64>,
    /// A person goes round.
    rounds: Vec<u64>,
    /// Payloads are erased.
    erasures: Vec<u64>,
    /// A person refunds.
    refunds: Vec<u64>,
    /// Coupons are handed in, or money put in store.
    favours: Vec<u64>,
    /// A new tariff from then on.
    tariff_at: Option<u64>,
    /// The box breaks, and another one with an empty disk takes its place.
    replaced_at: Option<u64>,
}

impl PeopleFaults {
    pub fn drawn(random: &mut SplitMix64) -> Self {
        let (asks, office, erasures) = (random.below(6), random.below(7), random.below(3));
        let mut sometime = |permille: u16| {
            let at = random.below(FAULTS_MS);
            random.chance(permille).then_some(at)
        };
        let tariff_at = sometime(300);
        let replaced_at = sometime(60);
        let faults = Self {
            attends_permille: permille(random, 200),
            helps_permille: permille(random, 900),
            mistypes_permille: permille(random, 100),
            stops: windows(random, 2, MINUTE),
            asks: (0..asks).map(|_| random.below(FAULTS_MS)).collect(),
            office: (0..office).map(|_| random.below(FAULTS_MS)).collect(),
            erasures: (0..erasures).map(|_| random.below(FAULTS_MS)).collect(),
            tariff_at,
            replaced_at,
            rounds: Vec::new(),
            refunds: Vec::new(),
            favours: Vec::new(),
        };
        let mut times = |most| -> Vec<u64> {
            let count = random.below(most);
            (0..count).map(|_| random.below(FAULTS_MS)).collect()
        };
        Self {
            rounds: times(6),
            refunds: times(8),
            favours: times(16),
            ..faults
        }
    }

    /// What they will do, and when.
    pub fn plan(&self) -> Vec<(u64, Doing)> {
        let mut doings = Vec::new();
        for (from, to) in &self.stops {
            doings.push((*from, Doing::Stop(to - from)));
        }
        let asks = self.asks.iter().map(|at| (*at, Doing::Ask));
        doings.extend(asks);
        doings.extend(self.office.iter().map(|at| (*at, Doing::Office)));
        doings.extend(self.rounds.iter().map(|at| (*at, Doing::Round)));
        doings.extend(self.favours.iter().map(|at| (*at, Doing::Favour)));
        doings.extend(self.refunds.iter().map(|at| (*at, Doing::Refund)));
        doings.extend(self.erasures.iter().map(|at| (*at, Doing::Erase)));
        doings.extend(self.tariff_at.map(|at| (at, Doing::NewTariff)));
        doings.extend(self.replaced_at.map(|at| (at, Doing::Replace)));
        doings
    }
}

pub struct People {
    faults: PeopleFaults,
    pub random: SplitMix64,
    pub rounds: SplitMix64,
    pub refunds: SplitMix64,
    pub favours: SplitMix64,
}

impl People {
    pub fn new(seed: u64, faults: PeopleFaults) -> Self {
        Self {
            faults,
            random: SplitMix64::new(seed, "people"),
            rounds: SplitMix64::new(seed, "rounds"),
            refunds: SplitMix64::new(seed, "refunds"),
            favours: SplitMix64::new(seed, "favours"),
        }
    }

    pub fn calm_down(&mut self) {
        self.faults = PeopleFaults::default();
    }
}

impl World {
    /// Perhaps an attendant comes to it, or somebody raises the arm by hand.
    pub(super) fn a_car_has_come(&mut self, lane: &'static str, visit: usize) {
        let attends = self.people.faults.attends_permille;
        if self.people.random.chance(attends) {
            let ms = self.people.random.below(40_000);
            self.soon(ms, Doing::Attend(lane));
        }
        if self.arms.is_raised_by_hand() {
            self.soon(5_000, Doing::RaisedByHand(lane));
        }
        if self.arms.is_opened_by_button() {
            let ms = 5_000 + self.people.random.below(MINUTE);
            self.soon(ms, Doing::Button(lane, visit));
        }
        // A car that is held at an entry is helped by a person alone.
        if self.is_calm() {
            self.soon(MINUTE, Doing::LookAfter(lane));
        }
    }

    /// It calls for help.
    pub(super) fn a_car_is_held(&mut self, lane: &LaneId) {
        let helps = self.people.faults.helps_permille;
        let name = LANES.into_iter().find(|name| *name == lane.0);
        if let Some(name) = name.filter(|_| self.people.random.chance(helps)) {
            let ms = 3_000 + self.people.random.below(30_000);
            self.soon(ms, Doing::Attend(name));
        }
    }

    /// As long as a car is held at an entry, somebody comes.
    pub(super) fn look_after(&mut self, lane: &'static str) {
        if self.vehicles.front_of(lane).is_none() {
            return;
        }
        let is_held = self
            .machine
            .park()
            .site()
            .holds
            .contains_key(&lane_id(lane));
        if is_held && lane.starts_with("in") {
            self.attend(lane);
        }
        self.soon(MINUTE, Doing::LookAfter(lane));
    }

    /// Says whose car it is, if nobody knows, and then raises, or leaves it at that.
    pub(super) fn attend(&mut self, lane: &'static str) {
        let is_named = self.people.random.chance(800) && self.name_the_plate(lane);
        if is_named && self.people.random.chance(600) {
            return;
        }
        let by = "张三".to_owned();
        let money = match self.people.random.below(4) {
            0 | 1 => None,
            2 => Some(StaffOutcome::Collected {
                by: by.clone(),
                channel: "cash".into(),
            }),
            _ => Some(StaffOutcome::WrittenOff {
                by: by.clone(),
                why: "let off".into(),
            }),
        };
        self.count(Group::People, "attendant raises");
        self.happen(Event::AttendantRaised {
            lane: lane_id(lane),
            by,
            why: "asked to".into(),
            money,
        });
    }

    /// A person reads the plate of a car that is held, and is right but for a slip of the finger.
    fn name_the_plate(&mut self, lane: &'static str) -> bool {
        let holds = &self.machine.park().site().holds;
        let reason = holds.get(&lane_id(lane)).map(|hold| &hold.reason);
        let is_wanted = matches!(
            reason,
            Some(HoldReason::NoEntry { .. } | HoldReason::Unreadable)
        );
        let front = self.vehicles.front_of(lane).filter(|_| is_wanted);
        let Some(visit) = front else { return false };
        let plate = self.vehicles.visits[visit].plate;
        let mistyped = plate.replace(plate.chars().last().expect("a plate"), "3");
        let slips = self
            .people
            .random
            .chance(self.people.faults.mistypes_permille);
        let is_free = !PLATES.contains(&mistyped.as_str());
        let (plate, what) = match slips && is_free {
            true => (number(&mistyped), "mistyped plate"),
            false => (number(plate), "named plate"),
        };
        self.count(Group::People, what);
        self.happen(Event::PlateNamed {
            lane: lane_id(lane),
            color: Some(color_of(plate.as_str())),
            plate,
            by: "张三".into(),
            why: "read by a person".into(),
        });
        true
    }

    /// Dearer from the next start on.
    pub(super) fn new_tariff(&mut self) {
        let tariff = &mut self.machine.rules.tariff;
        tariff.version = "2".into();
        if let Some(then) = &mut tariff.prices.price.then {
            then.fen = 800;
        }
        self.count(Group::People, "new tariff");
        self.stop(2_000);
    }
}
