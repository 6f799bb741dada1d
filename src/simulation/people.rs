//! Attendants, who raise and take money, and operators, who stop the daemon, change its prices, ask for
//! charges and put another box in its place.

use super::faults::{FAULTS_MS, Group, permille, windows};
use super::site::{LANES, MINUTE, lane_id};
use super::world::{Doing, World};
use crate::charges::record::StaffOutcome;
use crate::park::event::Event;
use crate::sim::random::SplitMix64;

/// What people do meanwhile.
#[derive(Default)]
pub struct PeopleFaults {
    /// An attendant comes to so many of 1000 cars.
    attends_permille: u16,
    /// The daemon is stopped: from, to.
    stops: Vec<(u64, u64)>,
    /// Somebody asks for a charge, or takes one out of the queue.
    asks: Vec<u64>,
    /// A new tariff from then on.
    tariff_at: Option<u64>,
    /// The box breaks, and another one with an empty disk takes its place.
    replaced_at: Option<u64>,
}

impl PeopleFaults {
    pub fn drawn(random: &mut SplitMix64) -> Self {
        let asks = random.below(6);
        let mut sometime = |permille: u16| {
            let at = random.below(FAULTS_MS);
            random.chance(permille).then_some(at)
        };
        let tariff_at = sometime(300);
        let replaced_at = sometime(60);
        Self {
            attends_permille: permille(random, 150),
            stops: windows(random, 2, MINUTE),
            asks: (0..asks).map(|_| random.below(FAULTS_MS)).collect(),
            tariff_at,
            replaced_at,
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
        doings.extend(self.tariff_at.map(|at| (at, Doing::NewTariff)));
        doings.extend(self.replaced_at.map(|at| (at, Doing::Replace)));
        doings
    }
}

pub struct People {
    faults: PeopleFaults,
    random: SplitMix64,
}

impl People {
    pub fn new(seed: u64, faults: PeopleFaults) -> Self {
        Self {
            faults,
            random: SplitMix64::new(seed, "people"),
        }
    }

    pub fn calm_down(&mut self) {
        self.faults = PeopleFaults::default();
    }
}

impl World {
    /// Perhaps an attendant comes to it, or somebody raises the arm by hand.
    pub(super) fn a_car_has_come(&mut self, lane: &'static str) {
        let attends = self.people.faults.attends_permille;
        if self.people.random.chance(attends) {
            let ms = self.people.random.below(40_000);
            self.soon(ms, Doing::Attend(lane));
        }
        if self.arms.is_raised_by_hand() {
            self.soon(5_000, Doing::RaisedByHand(lane));
        }
        // A car that is held at an entry is helped by a person alone.
        if self.is_calm() {
            self.soon(MINUTE, Doing::LookAfter(lane));
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

    pub(super) fn attend(&mut self, lane: &'static str) {
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
        self.happen(Event::AttendantRaised {
            lane: lane_id(lane),
            by,
            why: "asked to".into(),
            money,
        });
    }

    /// A person asks about a charge: that it be seen to, or that it be theirs.
    pub(super) fn ask(&mut self) {
        let random = &mut self.people.random;
        let book = self.machine.park().queue().book();
        let numbers: Vec<String> = book.charges().map(|c| c.claim.trade_no.clone()).collect();
        let Some(trade_no) = random.pick(&numbers).cloned() else {
            return;
        };
        let by = "王芳".to_owned();
        let event = match random.chance(500) {
            true => Event::RetryAsked {
                trade_no,
                by: Some(by),
            },
            false => Event::StaffAsked {
                trade_no,
                by,
                why: "the driver pays in cash".into(),
            },
        };
        self.count(Group::People);
        self.happen(event);
    }

    /// Dearer from the next start on.
    pub(super) fn new_tariff(&mut self) {
        let tariff = &mut self.machine.rules.tariff;
        tariff.version = "2".into();
        if let Some(then) = &mut tariff.prices.price.then {
            then.fen = 800;
        }
        self.count(Group::People);
        self.stop(2_000);
    }

    /// All lanes, for whoever goes round.
    pub(super) fn lanes() -> [&'static str; 4] {
        LANES
    }
}
