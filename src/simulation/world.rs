//! One car park with its box. One thread, one heap of what will happen; all chance comes from a seed.

use std::collections::BTreeSet;

use super::barrier::Arms;
use super::broker::Broker;
use super::camera::{self, Cameras};
use super::clock::Clock;
use super::codes::Codes;
use super::doing::{Doing, Doings};
use super::faults::{DiskFaults, FAULTS_MS, Faults, Group, Tally};
use super::line::Line;
use super::machine::{Machine, Turned};
use super::network::Network;
use super::oracle::{Oracle, Rule, Verdict, View, Violation, hold};
use super::people::People;
use super::power::Cuts;
use super::site::{DAY, HOUR, LANES, MINUTE, beginning, drawn_rules, lane_id};
use super::trace::{Detail, Trace};
use super::vehicles::Vehicles;
use crate::charges::record::MoneyRecord;
use crate::charges::spot::SpotTold;
use crate::gate::ears::Ears;
use crate::lane::number::LedgerId;
use crate::park::event::Event;
use crate::park::record::{LaneRecord, Record};
use crate::park::reply::{Done, Refusal};
use crate::park::rules::Rules;
use crate::park::step::Command;
use crate::sim::random::SplitMix64;

/// By then every car is gone, if none is trapped.
const ALL_GONE_MS: u64 = 12 * HOUR;
/// So many turns at one instant are a busy loop.
const TURNS_AT_ONCE_MAX: u32 = 200;

/// What reaches the daemon.
pub struct Incoming {
    pub event: Event,
    /// WeChat really said so.
    pub is_genuine: bool,
}

impl From<Event> for Incoming {
    fn from(event: Event) -> Self {
        Self {
            event,
            is_genuine: false,
        }
    }
}

pub struct World {
    pub clock: Clock,
    pub machine: Machine,
    pub network: Network,
    pub broker: Broker,
    pub line: Line,
    pub cameras: Cameras,
    pub arms: Arms,
    pub vehicles: Vehicles,
    pub codes: Codes,
    pub people: People,
    pub oracle: Oracle,
    pub trace: Trace,
    pub tally: Tally,
    /// The first rule that did not hold.
    pub violation: Option<Violation>,
    disk: DiskFaults,
    pub(super) disk_draws: SplitMix64,
    pub(super) power_draws: SplitMix64,
    pub(super) ears: Ears,
    doings: Doings,
    calm: bool,
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
        for lane in world.lanes() {
            let beat = world.disk_draws.below(MINUTE);
            world.plan(beat, Doing::Heartbeat(lane));
        }
        world
    }

    /// A world with these rules and faults and no cars yet.
    pub fn over(seed: u64, rules: Rules, faults: Faults, detail: Detail) -> Self {
        let ledger = LedgerId::from_random(SplitMix64::new(seed, "ledger").next_u64());
        let clock = Clock::new(beginning(seed), faults.clock);
        let people_plan = faults.people.plan();
        let broker = Broker::new(seed, faults.broker);
        let cuts = Cuts::drawn(seed, faults.power);
        let mut world = Self {
            ears: Ears::new(camera::configured(), ledger, clock.now().moment),
            machine: Machine::new(ledger, rules.clone(), cuts),
            network: Network::new(seed, &rules.merchant, faults.network),
            cameras: Cameras::new(seed, faults.camera),
            arms: Arms::new(seed, faults.barrier),
            vehicles: Vehicles::new(seed, !rules.tariff.zones.is_empty(), faults.vehicles),
            codes: Codes::new(seed),
            people: People::new(seed, faults.people),
            oracle: Oracle::new(rules),
            trace: Trace::new(detail),
            tally: Tally::new(),
            violation: None,
            disk: faults.disk,
            disk_draws: SplitMix64::new(seed, "disk"),
            power_draws: SplitMix64::new(seed, "power is back"),
            doings: Doings::default(),
            calm: false,
            line: Line::new(seed, faults.line),
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
        if world.cameras.speak_bytes() {
            world.machine.disk.read_bytes();
        }
        for at in world.broker.turns() {
            world.plan(at, Doing::Reconnect);
        }
        for (from, to) in world.disk.full.clone() {
            world.plan(from, Doing::DiskFull(true));
            world.plan(to, Doing::DiskFull(false));
        }
        for (at, is_gone) in world.line.turns() {
            world.plan(at, Doing::PortGone(is_gone));
        }
        for (at, doing) in people_plan.into_iter().chain(world.network.plan()) {
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
            self.match_bills();
        }
    }

    pub fn run_to(&mut self, end: u64) {
        while self.violation.is_none() {
            let planned = self.doings.next_at();
            let wakes = self.machine.wakes_at();
            let wakes = wakes.map(|moment| self.clock.time_of(moment));
            let next = planned.into_iter().chain(wakes).min();
            let Some(at) = next.filter(|at| *at <= end) else {
                self.clock.time = self.clock.time.max(end);
                return;
            };
            self.clock.time = self.clock.time.max(at);
            match planned.filter(|planned| *planned <= at) {
                Some(_) => self.next_doing(),
                None => {
                    self.turn(vec![Event::Tick.into()]);
                }
            }
        }
    }

    /// Everything works from here on.
    pub fn calm_down(&mut self) {
        self.calm = true;
        for (what, count) in std::mem::take(&mut self.cameras.met) {
            self.tally.insert((Group::Camera, what), count);
        }
        if let Some(what) = self.clock.fault() {
            self.count(Group::Clock, what);
        }
        self.network.calm_down();
        self.broker.calm_down();
        self.line.calm_down();
        self.cameras.calm_down();
        self.arms.calm_down();
        self.vehicles.calm_down();
        self.people.calm_down();
        self.clock.calm_down();
        self.disk = DiskFaults::default();
        self.machine.disk.set_failing(false);
        self.machine.cuts = Cuts::never();
        self.doings.calm_down();
        for lane in self.lanes() {
            self.soon(MINUTE, Doing::LookAfter(lane));
            self.soon(MINUTE, Doing::Heartbeat(lane));
        }
        self.soon(0, Doing::Reconnect);
        self.finish_abnormal_refunds();
    }

    /// The lanes that there are.
    pub fn lanes(&self) -> Vec<&'static str> {
        let lanes = &self.machine.rules.lanes;
        let is_there = |lane: &&str| lanes.contains_key(&lane_id(lane));
        LANES.into_iter().filter(is_there).collect()
    }

    pub fn is_calm(&self) -> bool {
        self.calm
    }

    /// One more fault.
    pub fn count(&mut self, group: Group, what: &'static str) {
        *self.tally.entry((group, what)).or_default() += 1;
    }

    pub fn plan(&mut self, at: u64, doing: Doing) {
        self.doings.plan(at, doing);
    }

    pub fn soon(&mut self, ms: u64, doing: Doing) {
        self.plan(self.clock.time + ms, doing);
    }

    fn next_doing(&mut self) {
        let now = self.clock.time;
        let is_heard =
            |doing: &Doing| matches!(doing, Doing::Hear(..) | Doing::Happen(..) | Doing::Bytes(_));
        // What reaches the daemon at one instant is one turn, as in the gate's loop.
        let mut incoming = Vec::new();
        while let Some(doing) = self.doings.pop(now, is_heard) {
            incoming.extend(self.heard(doing));
        }
        if !incoming.is_empty() {
            self.turn(incoming);
        } else if let Some(doing) = self.doings.pop(now, |_| true) {
            self.act(doing);
        }
    }

    fn heard(&mut self, doing: Doing) -> Vec<Incoming> {
        match doing {
            Doing::Happen(run, event, is_genuine) if run == self.machine.run => vec![Incoming {
                event: *event,
                is_genuine,
            }],
            Doing::Hear(run, letter) if run == self.machine.run => {
                self.hear(&letter).into_iter().collect()
            }
            Doing::Bytes(bytes) => self.take_bytes(&bytes),
            _ => Vec::new(),
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
            Doing::Button(lane, visit) => self.push_button(lane, visit),
            Doing::RaisedByHand(lane) => self.raised_by_hand(lane),
            Doing::Attend(lane) => self.attend(lane),
            Doing::LookAfter(lane) => self.look_after(lane),
            Doing::Heartbeat(lane) => self.heartbeat(lane),
            Doing::Post(letter) => self.post(letter),
            Doing::Order(order) => self.order(order),
            Doing::Reconnect => self.reconnect(false),
            Doing::DiskFull(full) => {
                self.machine.disk.set_failing(full);
                if full {
                    self.count(Group::Disk, "full");
                }
            }
            Doing::PortGone(is_gone) => self.port_gone(is_gone),
            Doing::Scan(number) => self.scan(&number),
            Doing::DriveOver(number) => self.drive_over(&number),
            Doing::Ask => self.ask(),
            Doing::Office => self.work_off(),
            Doing::Round => self.go_round(),
            Doing::Erase => self.erase(),
            Doing::NewCertificate => self.new_certificate(),
            Doing::OldCertificateEnds => self.old_certificate_ends(),
            Doing::FetchCertificates(run) => self.fetch_certificates(run),
            Doing::WechatTells(at) => self.wechat_tells(at),
            Doing::DriverChanges => self.driver_changes(),
            Doing::Refund => self.refund(),
            Doing::Favour => self.favour(),
            Doing::NewTariff => self.new_tariff(),
            Doing::Replace => self.replace(),
            Doing::Act(act) => act(self),
            Doing::Stop(ms) => self.stop(ms),
            Doing::Boot => self.boot(),
            Doing::Start => self.start(),
            Doing::Hear(..) | Doing::Happen(..) | Doing::Bytes(_) => {
                unreachable!("gathered before")
            }
        }
    }

    /// Happens now, if the daemon runs.
    pub fn happen(&mut self, event: Event) {
        self.turn(vec![event.into()]);
    }

    /// What happens at one instant; gives back what the daemon replied to the first who asked.
    pub(super) fn turn(&mut self, incoming: Vec<Incoming>) -> Option<Result<Done, Refusal>> {
        if self.machine.off {
            return None;
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
        for Incoming { event, is_genuine } in &incoming {
            if *event != Event::Tick {
                self.trace.note(self.clock.time, || format!("{event:?}"));
            }
            if *is_genuine {
                self.oracle.note_genuine(event);
            }
        }
        let events = incoming.into_iter().map(|it| it.event).collect();
        let turned = self.machine.turn(events, self.clock.now());
        let reply = turned.taken.iter().find_map(|it| it.step.reply.clone());
        self.follow(turned);
        reply
    }

    pub(super) fn follow(&mut self, mut turned: Turned) {
        for command in std::mem::take(&mut turned.ahead) {
            self.judge(&command);
            self.carry_out(command);
        }
        self.trace_turn(&turned);
        let verdict = self.learn(&turned);
        self.note(verdict);
        for record in turned.committed.iter().flat_map(|commit| commit.iter()) {
            match record {
                Record::Lane(LaneRecord::HoldStarted { hold }) => self.a_car_is_held(&hold.lane),
                Record::Money(MoneyRecord::SpotTold {
                    number,
                    told: SpotTold::Open { .. },
                }) => self.a_code_is_shown(number),
                _ => {}
            }
        }
        let writes = !turned.committed.is_empty();
        if writes && self.disk_draws.chance(self.disk.slow_permille) {
            self.count(Group::Disk, "slow commit");
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
        let under_way = self.network.under_way(self.clock.time);
        let verdict = self
            .oracle
            .judge_state(&self.machine, under_way, turned.moves_money());
        self.note(verdict);
    }

    fn learn(&mut self, turned: &Turned) -> Verdict {
        let view = View::of(
            &self.clock,
            &self.cameras,
            &self.vehicles,
            &self.network.simulator,
        );
        for commit in &turned.committed {
            self.oracle.learn(commit, &view)?;
        }
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

    pub(super) fn view(&self) -> View<'_> {
        View::of(
            &self.clock,
            &self.cameras,
            &self.vehicles,
            &self.network.simulator,
        )
    }

    pub(super) fn note(&mut self, verdict: Verdict) {
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
