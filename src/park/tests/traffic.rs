//! Cars with a mind of their own, and everything that can go wrong, drawn from a seed.

use std::collections::{BTreeMap, VecDeque};

use super::faults::{PLATES, draw_wechat, drawn_rules};
use super::people;
use super::world::*;
use crate::charges::record::StaffOutcome;
use crate::lane::reading::{PlateRead, Trigger};
use crate::park::event::Event;
use crate::sim::random::SplitMix64;
use crate::sim::wechat::Faults;

/// Faults go on for so long; then everything works.
pub const FAULTS_MS: u64 = 2 * HOUR;
/// By then every car is gone, if none is trapped.
const ALL_GONE_MS: u64 = 10 * HOUR;
const SECOND: u64 = 1_000;

/// What a car plans, and how far it has come.
#[derive(Clone, Debug)]
pub struct Visit {
    pub plate: &'static str,
    /// True times at the entry barrier: from, to.
    pub entering: (u64, Option<u64>),
    /// The same at the exit; a car that turns back stands there several times.
    pub leaving: Vec<(u64, Option<u64>)>,
    stay_ms: u64,
    /// It drives off instead of in.
    pub turned_back: bool,
    /// The plate's next visit, and how long after this one.
    next: Option<(usize, u64)>,
}

#[derive(Clone, Debug)]
enum Doing {
    Arrive(&'static str, usize),
    Read(&'static str, usize),
    Through(&'static str, usize),
    LoopFree(&'static str),
    TurnBack(&'static str, usize),
    Attendant(&'static str),
    /// The barrier's own button.
    Button(&'static str, usize),
    /// A person works off the lists.
    Office,
    Boot {
        trusted: bool,
        again: bool,
    },
    ClockSet,
    StoreFails(bool),
    Outage(bool),
    Unplugged(bool),
    Next(&'static str),
}

#[derive(Default)]
struct Barrier {
    queue: VecDeque<usize>,
    /// The one that stands at the barrier.
    front: Option<usize>,
    moving: bool,
}

pub struct Traffic {
    pub world: World,
    pub visits: Vec<Visit>,
    /// A camera may misread.
    pub misreads: bool,
    barriers: BTreeMap<&'static str, Barrier>,
    heap: BTreeMap<(u64, u64), Doing>,
    queued: u64,
    seen_raises: usize,
    has_loops: bool,
    vehicles: SplitMix64,
    cameras: SplitMix64,
    people: SplitMix64,
    power: SplitMix64,
    calm: bool,
}

impl Traffic {
    /// A world with cars and faults, all from `seed`.
    pub fn new(seed: u64) -> Self {
        let draw = &mut SplitMix64::new(seed, "rules");
        let mut world = World::over(drawn_rules(draw), seed);
        world.traced = false;
        let faults = &mut SplitMix64::new(seed, "which faults");
        draw_wechat(&mut world, faults);
        if faults.chance(600) {
            let permille = 2 + u16::try_from(faults.below(15)).unwrap();
            world.cuts = Some((SplitMix64::new(seed, "cuts"), permille));
        }
        if faults.chance(500) {
            world.arm_moods = Some(SplitMix64::new(seed, "arms"));
        }
        if faults.chance(500) {
            world.disk.checkpoint_every(5 + faults.below(40));
        }
        world.wall_error_ms = Some(i64::try_from(faults.below(800)).unwrap() - 400);
        let mut traffic = Self {
            misreads: faults.chance(400),
            has_loops: faults.chance(600),
            world,
            visits: Vec::new(),
            barriers: [IN, OUT].map(|lane| (lane, Barrier::default())).into(),
            heap: BTreeMap::new(),
            queued: 0,
            seen_raises: 0,
            vehicles: SplitMix64::new(seed, "vehicles"),
            cameras: SplitMix64::new(seed, "cameras"),
            people: SplitMix64::new(seed, "people"),
            power: SplitMix64::new(seed, "power"),
            calm: false,
        };
        traffic.draw_visits();
        traffic.draw_windows(faults);
        traffic
    }

    fn draw_visits(&mut self) {
        for plate in PLATES {
            let first = self.vehicles.below(40 * MINUTE);
            let count = 1 + usize::try_from(self.vehicles.below(3)).unwrap();
            self.plan(first, Doing::Arrive(IN, self.visits.len()));
            for number in 1..=count {
                let stay_ms = match self.vehicles.below(4) {
                    0 => 1_000 + self.vehicles.below(20 * SECOND),
                    1 => self.vehicles.below(10 * MINUTE),
                    _ => self.vehicles.below(75 * MINUTE),
                };
                let next = (self.visits.len() + 1, self.vehicles.below(20 * MINUTE));
                self.visits.push(Visit {
                    plate,
                    entering: (0, None),
                    leaving: Vec::new(),
                    stay_ms,
                    turned_back: false,
                    next: Some(next).filter(|_| number < count),
                });
            }
        }
    }

    fn draw_windows(&mut self, random: &mut SplitMix64) {
        let mut windows = |most: u64, ms: u64, doing: fn(bool) -> Doing| {
            for _ in 0..random.below(most + 1) {
                let from = random.below(FAULTS_MS);
                let to = (from + random.below(ms)).min(FAULTS_MS);
                self.plan(from, doing(true));
                self.plan(to, doing(false));
            }
        };
        windows(2, 40 * MINUTE, Doing::Outage);
        windows(2, 10 * MINUTE, Doing::Unplugged);
        windows(2, 5 * MINUTE, Doing::StoreFails);
        for _ in 0..3 {
            let at = self.people.below(FAULTS_MS);
            self.plan(at, Doing::Office);
        }
    }

    fn plan(&mut self, at: u64, doing: Doing) {
        self.queued += 1;
        self.heap.insert((at, self.queued), doing);
    }

    fn soon(&mut self, ms: u64, doing: Doing) {
        self.plan(self.world.time + ms, doing);
    }

    /// Runs through the faults and on until everything has come to rest.
    pub fn run(&mut self) {
        self.run_to(FAULTS_MS);
        self.calm_down();
        self.run_to(ALL_GONE_MS);
        self.run_to(ALL_GONE_MS + 2 * DAY);
    }

    fn run_to(&mut self, end: u64) {
        loop {
            let planned = self.heap.first_key_value().map(|((at, _), _)| *at);
            let at = planned.into_iter().chain(self.world.next_at()).min();
            let Some(at) = at.filter(|at| *at <= end) else {
                self.world.run_to(end);
                return;
            };
            self.world.run_to(at.max(self.world.time));
            self.after_a_step();
            while let Some(entry) = self.heap.first_entry().filter(|e| e.key().0 <= at) {
                let doing = entry.remove();
                self.act(doing);
                self.after_a_step();
            }
        }
    }

    /// Everything works from here on.
    fn calm_down(&mut self) {
        self.calm = true;
        self.misreads = false;
        let simulator = &mut self.world.simulator;
        simulator.settings_mut().switches.sign_errors = true;
        let faults = simulator.faults_mut();
        *faults = Faults::default();
        self.world.cuts = None;
        self.world.next_cut = None;
        self.world.arm_moods = None;
        self.world.unplugged = false;
        self.world.disk.set_failing(false);
        self.world.wall_error_ms = Some(0);
        self.world.trusted = true;
        if self.world.off {
            self.world.boot_again(true);
        }
        self.world
            .simulator
            .settings_mut()
            .switches
            .unknown_state_permille = 0;
        self.heap.retain(|_, doing| {
            !matches!(
                doing,
                Doing::Boot { .. }
                    | Doing::ClockSet
                    | Doing::StoreFails(_)
                    | Doing::Outage(_)
                    | Doing::Unplugged(_)
            )
        });
    }

    fn after_a_step(&mut self) {
        while let Some(raised) = self.world.raised.get(self.seen_raises).cloned() {
            self.seen_raises += 1;
            let lane = if raised.lane.0 == IN { IN } else { OUT };
            let barrier = self.barriers.get_mut(lane).unwrap();
            let front = barrier.front.filter(|_| raised.rose && !barrier.moving);
            if let Some(visit) = front {
                barrier.moving = true;
                let ms = 1_500 + self.vehicles.below(3 * SECOND);
                self.soon(ms, Doing::Through(lane, visit));
            }
        }
        let boots = self
            .heap
            .values()
            .any(|doing| matches!(doing, Doing::Boot { .. }));
        if self.world.off && !boots {
            let again = self.power.chance(700);
            let trusted = !again || self.power.chance(500);
            let off_ms = 2_000 + self.power.below(4 * MINUTE);
            self.soon(off_ms, Doing::Boot { trusted, again });
        }
    }

    fn act(&mut self, doing: Doing) {
        match doing {
            Doing::Arrive(lane, visit) => self.arrive(lane, visit),
            Doing::Next(lane) => self.come_to_the_front(lane),
            Doing::Read(lane, visit) => self.read(lane, visit),
            Doing::Through(lane, visit) => self.drive_through(lane, visit),
            Doing::LoopFree(lane) => self.tell_loop(lane, false),
            Doing::TurnBack(lane, visit) => self.turn_back(lane, visit),
            Doing::Attendant(lane) => self.attend(lane),
            Doing::Button(lane, visit) => self.push_button(lane, visit),
            Doing::Office => people::work_off(&mut self.world, &mut self.people),
            Doing::Boot { trusted, again } => self.boot(trusted, again),
            Doing::ClockSet => {
                self.world.wall_error_ms = Some(0);
                self.world.trusted = true;
            }
            Doing::StoreFails(fails) => self.world.disk.set_failing(fails),
            Doing::Outage(on) => self.world.simulator.faults_mut().outage = on,
            Doing::Unplugged(on) => self.world.unplugged = on,
        }
    }

    fn arrive(&mut self, lane: &'static str, visit: usize) {
        let queue = &mut self.barriers.get_mut(lane).unwrap().queue;
        queue.push_back(visit);
        if queue.len() == 1 {
            self.come_to_the_front(lane);
        }
    }

    fn come_to_the_front(&mut self, lane: &'static str) {
        let barrier = self.barriers.get_mut(lane).unwrap();
        let next = barrier.queue.front().copied();
        let Some(visit) = next.filter(|_| barrier.front.is_none()) else {
            return;
        };
        barrier.front = Some(visit);
        let now = self.world.time;
        match lane == IN {
            true => self.visits[visit].entering.0 = now,
            false => self.visits[visit].leaving.push((now, None)),
        }
        self.soon(300, Doing::Read(lane, visit));
        if !self.calm && self.vehicles.chance(40) {
            let ms = 15 * SECOND + self.vehicles.below(MINUTE);
            self.soon(ms, Doing::TurnBack(lane, visit));
        }
        if !self.calm && self.people.chance(150) {
            self.soon(self.world.time % 40_000, Doing::Attendant(lane));
        }
        if !self.calm && self.has_loops && self.people.chance(60) {
            let ms = 5 * SECOND + self.people.below(MINUTE);
            self.soon(ms, Doing::Button(lane, visit));
        }
    }

    fn is_in_front(&self, lane: &str, visit: usize) -> bool {
        self.barriers[lane].front == Some(visit)
    }

    /// The camera sees the car, and again from time to time while it stands there.
    fn read(&mut self, lane: &'static str, visit: usize) {
        if !self.is_in_front(lane, visit) {
            return;
        }
        let again = 2 * SECOND + self.cameras.below(40 * SECOND);
        self.soon(again, Doing::Read(lane, visit));
        // At an entry only a person helps a car that is held.
        if self.calm && self.world.hold(IN).is_some() {
            self.attend(IN);
        }
        if self.barriers[lane].moving && self.cameras.chance(500) {
            return;
        }
        let mut read = self.world.reading(self.visits[visit].plate);
        self.spoil(&mut read);
        self.world.read_as(lane, read);
    }

    fn spoil(&mut self, read: &mut PlateRead) {
        match self.cameras.below(100) {
            0..6 if !self.calm => read.confidence_permille = Some(600),
            6..9 if !self.calm => read.confidence_permille = None,
            9..12 if self.misreads => *read = self.world.unreadable(),
            12..16 if self.misreads => {
                let mut text: Vec<char> = read.plate.as_ref().unwrap().as_str().chars().collect();
                let last = text.len() - 1;
                text[last] = if text[last] == '2' { '3' } else { '2' };
                let text: String = text.into_iter().collect();
                read.plate = Some(number(&text));
            }
            _ => {}
        }
    }

    fn drive_through(&mut self, lane: &'static str, visit: usize) {
        self.barriers.get_mut(lane).unwrap().moving = false;
        if !self.is_in_front(lane, visit) {
            return;
        }
        self.tell_loop(lane, true);
        self.soon(1_200, Doing::LoopFree(lane));
        self.leave_lane(lane, visit);
        if lane == IN {
            let stay_ms = self.visits[visit].stay_ms;
            self.soon(stay_ms, Doing::Arrive(OUT, visit));
        } else {
            self.come_again(visit);
        }
    }

    fn come_again(&mut self, visit: usize) {
        if let Some((next, ms)) = self.visits[visit].next {
            self.soon(5 * SECOND + ms, Doing::Arrive(IN, next));
        }
    }

    fn leave_lane(&mut self, lane: &'static str, visit: usize) {
        let now = self.world.time;
        match lane == IN {
            true => self.visits[visit].entering.1 = Some(now),
            false => self.visits[visit].leaving.last_mut().unwrap().1 = Some(now),
        }
        let barrier = self.barriers.get_mut(lane).unwrap();
        barrier.queue.pop_front();
        barrier.front = None;
        self.soon(2 * SECOND, Doing::Next(lane));
    }

    fn tell_loop(&mut self, lane: &'static str, occupied: bool) {
        if self.has_loops {
            let lane = lane_id(lane);
            self.world.tell(Event::ClosingLoop { lane, occupied });
        }
    }

    fn turn_back(&mut self, lane: &'static str, visit: usize) {
        if !self.is_in_front(lane, visit) || self.barriers[lane].moving {
            return;
        }
        if self.cameras.chance(500) {
            let mut read = self.world.reading(self.visits[visit].plate);
            read.trigger = Some(Trigger::TurnedBack);
            self.world.read_as(lane, read);
        }
        self.leave_lane(lane, visit);
        match lane == IN {
            true => {
                self.visits[visit].turned_back = true;
                self.come_again(visit);
            }
            false => {
                let ms = 10 * SECOND + self.vehicles.below(30 * MINUTE);
                self.soon(ms, Doing::Arrive(OUT, visit));
            }
        }
    }

    /// Nobody tells the box: a car that is held drives off.
    fn push_button(&mut self, lane: &'static str, visit: usize) {
        let barrier = self.barriers.get_mut(lane).unwrap();
        let is_held = self.world.hold(lane).is_some();
        if barrier.front == Some(visit) && !barrier.moving && is_held {
            barrier.moving = true;
            self.soon(2 * SECOND, Doing::Through(lane, visit));
        }
    }

    fn attend(&mut self, lane: &'static str) {
        let front = self.barriers[lane].front;
        if let Some(visit) = front.filter(|_| self.people.chance(500)) {
            people::name(&mut self.world, lane, self.visits[visit].plate);
        }
        let cash = StaffOutcome::Collected {
            by: "张三".into(),
            channel: "cash".into(),
        };
        let money = self.people.chance(500).then_some(cash);
        self.world.tell(Event::AttendantRaised {
            lane: lane_id(lane),
            by: "张三".into(),
            why: "asked to".into(),
            money,
        });
    }

    fn boot(&mut self, trusted: bool, again: bool) {
        if again {
            self.world.wall_error_ms = trusted.then_some(0);
            self.world.boot_again(trusted);
            if !trusted {
                let ms = 10 * SECOND + self.power.below(10 * MINUTE);
                self.soon(ms, Doing::ClockSet);
            }
        } else {
            self.world.start();
        }
    }

    /// Cars that stand at a barrier.
    pub fn standing(&self) -> usize {
        self.barriers
            .values()
            .map(|barrier| barrier.queue.len())
            .sum()
    }
}
