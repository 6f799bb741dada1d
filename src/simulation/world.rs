//! One car park with its box. One thread, one heap of what will happen; all chance comes from a seed.

use std::collections::{BTreeMap, BTreeSet};

use super::barrier::Arms;
use super::broker::{Broker, Letter};
use super::camera::{self, Cameras};
use super::clock::Clock;
use super::faults::{DiskFaults, FAULTS_MS, Faults, Group, Tally};
use super::machine::{Cuts, Machine, Turned};
use super::network::Network;
use super::oracle::{Oracle, Rule, Verdict, View, Violation, hold};
use super::people::People;
use super::site::{DAY, HOUR, LANES, MINUTE, drawn_rules, lane_id};
use super::trace::{Detail, Trace};
use super::vehicles::Vehicles;
use crate::barrier::command_id;
use crate::charges::queue::Request;
use crate::gate::ears::Ears;
use crate::lane::number::LedgerId;
use crate::lane::session::LaneId;
use crate::lane::time::Moment;
use crate::park::event::Event;
use crate::park::record::Record;
use crate::park::rules::Rules;
use crate::park::step::Command;
use crate::sim::random::SplitMix64;

/// By then every car is gone, if none is trapped.
const ALL_GONE_MS: u64 = 12 * HOUR;
/// So many turns at one instant are a busy loop.
const TURNS_AT_ONCE_MAX: u32 = 200;
/// A command takes so long to the relay behind a camera.
const ON_THE_WAY_MS: u64 = 30;
/// The queue gives a call up after this.
const FLIGHT_MS_MAX: u64 = 60_000;

/// What will happen.
#[derive(Clone, Debug)]
pub enum Doing {
    Arrive(&'static str, usize),
    Next(&'static str),
    Look(&'static str, usize),
    Through(&'static str, usize),
    TurnBack(&'static str, usize, bool),
    LoopFree(&'static str),
    ArmUp(&'static str),
    ArmDown(&'static str, u64),
    RaisedByHand(&'static str),
    Attend(&'static str),
    LookAfter(&'static str),
    Heartbeat(&'static str),
    /// A camera hands a letter to the broker.
    Post(Letter),
    /// A letter reaches the box.
    Hear(u64, Letter),
    /// Something that concerns one run of the daemon; whether WeChat really said so.
    Happen(u64, Box<Event>, bool),
    /// A command reaches the relay behind a camera.
    Order(Order),
    Reconnect,
    DiskFull(bool),
    Ask,
    NewTariff,
    Replace,
    /// The daemon stops for so long.
    Stop(u64),
    Boot,
    Start,
}

/// A command to raise on its way.
#[derive(Clone, Debug)]
pub struct Order {
    lane: &'static str,
    raise: u64,
    command_id: String,
    valid_until: Moment,
    run: u64,
    /// When it reaches the relay, also while the box waits for its disk.
    arrives: u64,
}

pub struct World {
    pub clock: Clock,
    pub machine: Machine,
    pub network: Network,
    pub broker: Broker,
    pub cameras: Cameras,
    pub arms: Arms,
    pub vehicles: Vehicles,
    pub people: People,
    pub oracle: Oracle,
    pub trace: Trace,
    pub tally: Tally,
    /// The first rule that did not hold.
    pub violation: Option<Violation>,
    disk: DiskFaults,
    disk_draws: SplitMix64,
    power_draws: SplitMix64,
    ears: Ears,
    heap: BTreeMap<(u64, u64), Doing>,
    planned: u64,
    calm: bool,
    /// When calls of this run come back.
    flights: Vec<u64>,
    /// Commands that could not leave and were kept: a planted defect.
    kept_orders: Vec<Order>,
    /// A copy of the ledger was made when it had so many commits: a planted defect puts it back.
    copied_at: Option<usize>,
    turns_at_once: (u64, u32),
}

impl World {
    /// A world with cars and faults, all from `seed`. Groups that are not named have no faults.
    pub fn new(seed: u64, groups: &BTreeSet<Group>, detail: Detail) -> Self {
        let faults = Faults::drawn(seed, groups);
        let mut world = Self::over(seed, drawn_rules(seed), faults, detail);
        for (at, doing) in world.vehicles.plan() {
            world.plan(at, doing);
        }
        for lane in LANES {
            let beat = world.disk_draws.below(MINUTE);
            world.plan(beat, Doing::Heartbeat(lane));
        }
        world
    }

    /// A world with these rules and faults and no cars yet.
    pub fn over(seed: u64, rules: Rules, faults: Faults, detail: Detail) -> Self {
        let ledger = LedgerId::from_random(SplitMix64::new(seed, "ledger").next_u64());
        let clock = Clock::new(faults.clock);
        let people_plan = faults.people.plan();
        let broker = Broker::new(seed, faults.broker);
        let cuts = Cuts::drawn(seed, faults.power);
        let mut world = Self {
            ears: Ears::new(camera::configured(), ledger, clock.now().moment),
            machine: Machine::new(ledger, rules.clone(), cuts),
            network: Network::new(seed, faults.network),
            cameras: Cameras::new(seed, faults.camera),
            arms: Arms::new(seed, faults.barrier),
            vehicles: Vehicles::new(seed, faults.vehicles),
            people: People::new(seed, faults.people),
            oracle: Oracle::new(rules),
            trace: Trace::new(detail),
            tally: Tally::new(),
            violation: None,
            disk: faults.disk,
            disk_draws: SplitMix64::new(seed, "disk"),
            power_draws: SplitMix64::new(seed, "power is back"),
            heap: BTreeMap::new(),
            planned: 0,
            calm: false,
            flights: Vec::new(),
            kept_orders: Vec::new(),
            copied_at: None,
            turns_at_once: (0, 0),
            clock,
            broker,
        };
        if world.disk_draws.chance(500) {
            let every = 5 + world.disk_draws.below(40);
            world
                .machine
                .disk
                .checkpoint_every(usize::try_from(every).unwrap());
        }
        for at in world.broker.turns() {
            world.plan(at, Doing::Reconnect);
        }
        for (from, to) in world.disk.full.clone() {
            world.plan(from, Doing::DiskFull(true));
            world.plan(to, Doing::DiskFull(false));
        }
        for (at, doing) in people_plan {
            world.plan(at, doing);
        }
        world.plan(0, Doing::Start);
        world
    }

    /// Runs through the faults and on until everything has come to rest, or until a rule breaks.
    pub fn run(&mut self) {
        self.run_to(FAULTS_MS);
        self.calm_down();
        while self.clock.time < ALL_GONE_MS && !self.vehicles.are_gone() {
            self.run_to(self.clock.time + 10 * MINUTE);
            if self.violation.is_some() {
                return;
            }
        }
        // Nothing is signed by a clock that is never set, and nothing comes to rest.
        let rest_ms = match self.clock.is_never_set() {
            true => 20 * MINUTE,
            false => 2 * DAY,
        };
        self.run_to(self.clock.time + rest_ms);
        if self.violation.is_none() {
            let verdict = self.oracle.judge_rest(&self.machine, &self.view());
            self.note(verdict);
        }
    }

    pub fn run_to(&mut self, end: u64) {
        while self.violation.is_none() {
            let planned = self.heap.first_key_value().map(|((at, _), _)| *at);
            let wakes = self.machine.turner.wake_at();
            let wakes = wakes.filter(|_| !self.machine.off);
            let wakes = wakes.map(|moment| self.clock.time_of(moment));
            let next = planned.into_iter().chain(wakes).min();
            let Some(at) = next.filter(|at| *at <= end) else {
                self.clock.time = self.clock.time.max(end);
                return;
            };
            self.clock.time = self.clock.time.max(at);
            match planned.filter(|planned| *planned <= at) {
                Some(_) => self.next_doing(),
                None => self.turn(vec![(Event::Tick, false)]),
            }
        }
    }

    /// Everything works from here on.
    pub fn calm_down(&mut self) {
        self.calm = true;
        self.tally.insert(Group::Camera, self.cameras.went_wrong);
        let clock_is_wrong = u64::from(!self.clock.is_right());
        self.tally.insert(Group::Clock, clock_is_wrong);
        self.network.calm_down();
        self.broker.calm_down();
        self.cameras.calm_down();
        self.arms.calm_down();
        self.vehicles.calm_down();
        self.people.calm_down();
        self.clock.calm_down();
        self.disk = DiskFaults::default();
        self.machine.disk.set_failing(false);
        self.machine.cuts = Cuts::never();
        self.heap.retain(|_, doing| {
            !matches!(
                doing,
                Doing::DiskFull(_) | Doing::Ask | Doing::NewTariff | Doing::Replace
            )
        });
        for lane in LANES {
            self.soon(MINUTE, Doing::LookAfter(lane));
            self.soon(MINUTE, Doing::Heartbeat(lane));
        }
        self.soon(0, Doing::Reconnect);
    }

    pub fn is_calm(&self) -> bool {
        self.calm
    }

    /// One more fault.
    pub fn count(&mut self, group: Group) {
        *self.tally.entry(group).or_default() += 1;
    }

    pub fn plan(&mut self, at: u64, doing: Doing) {
        self.planned += 1;
        self.heap.insert((at, self.planned), doing);
    }

    pub fn soon(&mut self, ms: u64, doing: Doing) {
        self.plan(self.clock.time + ms, doing);
    }

    fn next_doing(&mut self) {
        let now = self.clock.time;
        let mut events = Vec::new();
        // What reaches the daemon at one instant is one turn, as in the gate's loop.
        while let Some(entry) = self.heap.first_entry().filter(|e| e.key().0 <= now) {
            match entry.get() {
                Doing::Hear(..) | Doing::Happen(..) => {
                    let doing = entry.remove();
                    events.extend(self.heard(doing));
                }
                _ if events.is_empty() => {
                    let doing = entry.remove();
                    return self.act(doing);
                }
                _ => break,
            }
        }
        if !events.is_empty() {
            self.turn(events);
        }
    }

    fn act(&mut self, doing: Doing) {
        match doing {
            Doing::Arrive(lane, visit) => self.arrive(lane, visit),
            Doing::Next(lane) => self.come_to_the_front(lane),
            Doing::Look(lane, visit) => self.look(lane, visit),
            Doing::Through(lane, visit) => self.drive_through(lane, visit),
            Doing::TurnBack(lane, visit, is_seen) => self.turn_back(lane, visit, is_seen),
            Doing::LoopFree(lane) => self.tell_loop(lane, false),
            Doing::ArmUp(lane) => self.arm_is_up(lane),
            Doing::ArmDown(lane, risen) => self.arm_is_down(lane, risen),
            Doing::RaisedByHand(lane) => self.raised_by_hand(lane),
            Doing::Attend(lane) => self.attend(lane),
            Doing::LookAfter(lane) => self.look_after(lane),
            Doing::Heartbeat(lane) => self.heartbeat(lane),
            Doing::Post(letter) => self.post(letter),
            Doing::Order(order) => self.order(order),
            Doing::Reconnect => self.reconnect(false),
            Doing::DiskFull(full) => {
                self.machine.disk.set_failing(full);
                self.count(Group::Disk);
            }
            Doing::Ask => self.ask(),
            Doing::NewTariff => self.new_tariff(),
            Doing::Replace => self.replace(),
            Doing::Stop(ms) => self.stop(ms),
            Doing::Boot => self.boot(),
            Doing::Start => self.start(),
            Doing::Hear(..) | Doing::Happen(..) => unreachable!("gathered before"),
        }
    }

    // What the box hears.

    /// Happens now, if the daemon runs.
    pub fn happen(&mut self, event: Event) {
        self.turn(vec![(event, false)]);
    }

    fn heard(&mut self, doing: Doing) -> Option<(Event, bool)> {
        match doing {
            Doing::Happen(run, event, is_genuine) if run == self.machine.run => {
                Some((*event, is_genuine))
            }
            Doing::Hear(run, letter) if run == self.machine.run => {
                let heard = self.cameras.heard(&letter, self.clock.now());
                let event = self.ears.event(heard)?;
                if matches!(event, Event::CameraAlive { .. }) && !self.machine.off {
                    self.oracle.alive.insert(letter.lane.to_owned());
                }
                Some((event, false))
            }
            _ => None,
        }
    }

    /// A camera hands a letter to the broker.
    pub fn post(&mut self, letter: Letter) {
        let (time, hears) = (self.clock.time, !self.machine.off);
        let deliveries = self.broker.deliver(letter, time, hears);
        if deliveries.len() != 1 {
            self.count(Group::Broker);
        }
        self.will_hear(deliveries);
    }

    pub fn tell_loop(&mut self, lane: &'static str, occupied: bool) {
        let wall = self.clock.true_wall();
        let letter = self.cameras.closing_loop(lane, occupied, wall);
        self.post(letter);
    }

    fn heartbeat(&mut self, lane: &'static str) {
        let letter = self.cameras.heartbeat(lane, self.clock.true_wall());
        self.post(letter);
        if !self.calm {
            self.soon(5 * MINUTE, Doing::Heartbeat(lane));
        }
    }

    fn reconnect(&mut self, started: bool) {
        let letters = self.broker.reconnected(self.clock.time, started);
        self.will_hear(letters);
        if !self.broker.is_up(self.clock.time) {
            self.count(Group::Broker);
            return;
        }
        for mut order in std::mem::take(&mut self.kept_orders) {
            order.arrives = self.clock.time + ON_THE_WAY_MS;
            self.plan(order.arrives, Doing::Order(order));
        }
    }

    fn will_hear(&mut self, letters: Vec<(u64, Letter)>) {
        let run = self.machine.run;
        for (after_ms, letter) in letters {
            self.soon(after_ms, Doing::Hear(run, letter));
        }
    }

    // What the box does.

    fn turn(&mut self, events: Vec<(Event, bool)>) {
        if self.machine.off {
            return;
        }
        self.turns_at_once = match self.turns_at_once {
            (time, turns) if time == self.clock.time => (time, turns + 1),
            _ => (self.clock.time, 0),
        };
        let turns = self.turns_at_once.1;
        let verdict = hold(turns < TURNS_AT_ONCE_MAX, Rule::LimitsHold, || {
            format!("{turns} turns at one instant")
        });
        self.note(verdict);
        for (event, is_genuine) in &events {
            if *event != Event::Tick {
                self.trace.note(self.clock.time, || format!("{event:?}"));
            }
            if *is_genuine {
                self.oracle.note_genuine(event);
            }
        }
        let events = events.into_iter().map(|(event, _)| event).collect();
        let turned = self.machine.turn(events, self.clock.now());
        self.follow(turned);
    }

    fn follow(&mut self, mut turned: Turned) {
        for command in std::mem::take(&mut turned.ahead) {
            self.judge(&command);
            self.carry_out(command);
        }
        self.trace_turn(&turned);
        let verdict = self.learn(&turned);
        self.note(verdict);
        let writes = !turned.committed.is_empty();
        if writes && self.disk_draws.chance(self.disk.slow_permille) {
            self.count(Group::Disk);
            self.clock.time += self.disk_draws.below(8_000);
        }
        while let Some(command) = turned.commands.pop_front() {
            self.judge(&command);
            if self.violation.is_some() {
                return;
            }
            if !self.machine.goes_on() {
                break;
            }
            self.carry_out(command);
        }
        if self.machine.off {
            self.power_went();
        }
        let now = self.clock.time;
        self.flights.retain(|lands| *lands > now);
        let under_way = self.flights.len();
        let verdict = self.oracle.judge_state(&self.machine, under_way);
        self.note(verdict);
    }

    fn learn(&mut self, turned: &Turned) -> Verdict {
        let view = View {
            clock: &self.clock,
            cameras: &self.cameras,
            vehicles: &self.vehicles,
            simulator: &self.network.simulator,
        };
        self.oracle.learn(&turned.committed, &view)?;
        for taken in &turned.taken {
            self.oracle.judge_alarms(&taken.step.alarms)?;
        }
        Ok(())
    }

    fn judge(&mut self, command: &Command) {
        let (now, store_down) = (self.clock.now(), self.machine.store_down);
        let verdict = self.oracle.judge_command(command, now, store_down);
        self.note(verdict);
    }

    fn carry_out(&mut self, command: Command) {
        self.trace
            .note(self.clock.time, || format!("  -> {command:?}"));
        match command {
            Command::RaiseBarrier {
                lane,
                raise,
                issue,
                valid_until,
            } => self.send_order(&lane, raise, issue, valid_until),
            Command::Call(call) => self.call(&call.request),
        }
    }

    fn send_order(&mut self, lane: &LaneId, raise: u64, issue: u8, valid_until: Moment) {
        self.trace.effect(self.clock.time, lane.0.as_bytes());
        let Some(name) = LANES.into_iter().find(|name| *name == lane.0) else {
            return;
        };
        let order = Order {
            lane: name,
            raise,
            command_id: command_id(self.machine.park().ledger(), raise, issue),
            valid_until,
            run: self.machine.run,
            arrives: self.clock.time + ON_THE_WAY_MS,
        };
        let not_sent = if self.clock.now().moment > valid_until {
            "it came too late"
        } else if !self.broker.is_up(self.clock.time) {
            if planted!(StaleRaise) {
                self.kept_orders.push(order.clone());
            }
            "not connected"
        } else {
            return self.plan(order.arrives, Doing::Order(order));
        };
        let event = Event::RaiseNotSent {
            lane: lane.clone(),
            raise,
            why: not_sent.to_owned(),
        };
        let run = self.machine.run;
        self.soon(1, Doing::Happen(run, Box::new(event), false));
    }

    /// The command has reached the relay behind the camera.
    fn order(&mut self, order: Order) {
        let of_this_run = order.run == self.machine.run;
        let waited_ms = self.clock.time - order.arrives;
        let arrived = self.clock.now().moment.0.saturating_sub(waited_ms);
        let late_ms = Moment(arrived).since_ms(order.valid_until);
        let verdict = self.oracle.judge_arm(late_ms, of_this_run);
        self.note(verdict);
        let answer = self.arms.command();
        if answer.reply != Some(true) || answer.up_after_ms != Some(900) {
            self.count(Group::Barrier);
        }
        let raise = order.raise;
        self.trace.note(self.clock.time, || {
            format!("arm of {} hears raise {raise}: {answer:?}", order.lane)
        });
        if let Some(driven) = answer.reply {
            let wall = self.clock.true_wall();
            let reply = self
                .cameras
                .reply(order.lane, &order.command_id, driven, wall);
            self.soon(50, Doing::Post(reply));
        }
        if let Some(up_after_ms) = answer.up_after_ms {
            self.soon(up_after_ms, Doing::ArmUp(order.lane));
        }
    }

    fn raised_by_hand(&mut self, lane: &'static str) {
        self.count(Group::Barrier);
        self.arm_is_up(lane);
        for _ in 0..self.arms.contacts() {
            let lane = lane_id(lane);
            self.happen(Event::ArmUp { lane });
        }
    }

    fn call(&mut self, request: &Request) {
        let called = self.network.call(request, &self.clock);
        if let Some(body) = &called.sent {
            self.trace.effect(self.clock.time, body);
            let verdict = self.oracle.judge_wire(request, body);
            self.note(verdict);
        }
        if let Some(what) = &called.went_wrong {
            self.count(Group::Network);
            self.trace
                .note(self.clock.time, || format!("  wire: {what}"));
        }
        let books = self.network.simulator.books();
        let view = View {
            clock: &self.clock,
            cameras: &self.cameras,
            vehicles: &self.vehicles,
            simulator: &self.network.simulator,
        };
        let verdict = self.oracle.judge_books(&books, &view);
        self.note(verdict);
        let run = self.machine.run;
        let first_ms = called.deliveries.first().map_or(0, |it| it.after_ms);
        self.flights
            .push(self.clock.time + first_ms.min(FLIGHT_MS_MAX));
        for delivery in called.deliveries {
            let event = Box::new(delivery.event);
            let doing = Doing::Happen(run, event, delivery.is_genuine);
            self.soon(delivery.after_ms, doing);
        }
    }

    // Power.

    fn power_went(&mut self) {
        self.count(Group::Power);
        self.trace
            .note(self.clock.time, || "the power goes".to_owned());
        self.flights.clear();
        let off_ms = 2_000 + self.power_draws.below(4 * MINUTE);
        let again = self.power_draws.chance(700);
        let next = if again { Doing::Boot } else { Doing::Start };
        self.soon(off_ms, next);
    }

    fn boot(&mut self) {
        if self.machine.off {
            self.clock.boot_again();
            self.start();
        }
    }

    fn start(&mut self) {
        if !self.machine.off {
            return;
        }
        if planted!(NumberReusedAfterRestore) && self.machine.power_cuts > 0 {
            self.put_the_copy_back();
        }
        let ledger = self.machine.park().ledger();
        self.start_under(ledger);
    }

    fn start_under(&mut self, ledger: LedgerId) {
        self.machine.disk.set_failing(false);
        self.oracle.alive.clear();
        let now = self.clock.now();
        self.ears = Ears::new(camera::configured(), ledger, now.moment);
        let run = self.machine.run + 1;
        self.trace.note(self.clock.time, || {
            format!(
                "run {run} starts, boot {}, clock trusted: {}",
                now.boot.0, now.trusted
            )
        });
        let (is_the_state, turned) = self.machine.start_under(ledger, now);
        let verdict = hold(is_the_state, Rule::FoldIsTheState, || {
            "at a start, memory and ledger differ".to_owned()
        });
        self.note(verdict);
        self.follow(turned);
        if !self.machine.off {
            self.reconnect(true);
            for lane in World::lanes() {
                let ms = 200 + self.power_draws.below(5_000);
                let letter = self.cameras.heartbeat(lane, self.clock.true_wall());
                self.soon(ms, Doing::Post(letter));
            }
        }
        if planted!(NumberReusedAfterRestore) && self.copied_at.is_none() {
            self.copied_at = Some(self.machine.disk.commits());
        }
    }

    /// The daemon is stopped, and started again after a while.
    pub fn stop(&mut self, ms: u64) {
        if self.machine.off {
            return;
        }
        self.count(Group::People);
        self.trace
            .note(self.clock.time, || "the daemon stops".to_owned());
        self.machine.off = true;
        self.flights.clear();
        self.soon(ms.max(500), Doing::Start);
    }

    /// The box breaks. Another one with an empty disk, and so with a ledger of its own, takes its place.
    fn replace(&mut self) {
        self.count(Group::People);
        self.trace
            .note(self.clock.time, || "another box takes its place".to_owned());
        self.machine.off = true;
        self.flights.clear();
        self.machine.replace();
        self.oracle.relearn(&[]);
        self.clock.boot_again();
        let number = self.disk_draws.next_u64();
        self.start_under(LedgerId::from_random(number));
    }

    /// A defect: what docs/operations.md forbids.
    fn put_the_copy_back(&mut self) {
        let Some(commits) = self.copied_at else {
            return;
        };
        self.machine.restore(commits);
        let records: Vec<Record> = self.machine.disk.stored().iter().map(read).collect();
        self.oracle.relearn(&records);
    }

    // What is known of it.

    fn view(&self) -> View<'_> {
        View {
            clock: &self.clock,
            cameras: &self.cameras,
            vehicles: &self.vehicles,
            simulator: &self.network.simulator,
        }
    }

    fn note(&mut self, verdict: Verdict) {
        if let (Err(violation), None) = (verdict, &self.violation) {
            self.trace.note(self.clock.time, || {
                format!("VIOLATION {}: {}", violation.rule.name(), violation.what)
            });
            self.violation = Some(violation);
        }
    }

    fn trace_turn(&mut self, turned: &Turned) {
        let time = self.clock.time;
        if let Some(news) = &turned.news {
            self.trace.note(time, || format!("store: {news:?}"));
        }
        for taken in &turned.taken {
            for record in &taken.step.records {
                let is_told = matches!(record, Record::Lane(_) | Record::Money(_));
                if is_told {
                    self.trace.note(time, || format!("  {record:?}"));
                }
            }
        }
    }

    /// Digest of everything that this run did.
    pub fn digest(&self) -> String {
        self.trace.digest(self.machine.disk.digest())
    }

    /// Passages so far: cars that came in, and cars that left.
    pub fn passages(&self) -> u64 {
        let visits = self.vehicles.visits.iter();
        let stands = visits.flat_map(|visit| visit.entering.iter().chain(&visit.leaving));
        u64::try_from(stands.filter(|stand| stand.to.is_some()).count()).unwrap()
    }
}

fn read(stored: &crate::store::record::Record) -> Record {
    Record::from_stored(stored).expect("a readable record")
}
