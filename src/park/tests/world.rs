//! One box in its world. One thread, one heap of events; all chance comes from a seed.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::disk::Disk;
use crate::charges::queue::Request;
use crate::gate::turn::{Outcome, StoreNews, Turner};
use crate::lane::alarm::Alarm;
use crate::lane::number::LedgerId;
use crate::lane::session::LaneId;
use crate::lane::time::{BootId, Moment, Now, Stamp, Wall};
use crate::park::Park;
use crate::park::event::Event;
use crate::park::part::WHOLE_MAX;
use crate::park::record::Record;
use crate::park::reply::{Done, Refusal};
use crate::park::rules::Rules;
use crate::park::step::{Command, Ignored};
use crate::sim::material;
use crate::sim::random::SplitMix64;
use crate::sim::wechat::{Seal, Simulator};
use crate::simulation::wire;

pub use crate::simulation::site::*;

/// How long the box has been up by then.
const UP_MS: u64 = 100_000;
/// A call without an answer counts as lost after this.
pub const CALL_MS: u64 = 10_000;
/// So many turns at one instant are a busy loop.
const TURNS_AT_ONCE_MAX: u32 = 200;

/// So much of the trace is shown when something fails.
const TRACED: usize = if cfg!(feature = "demo") { 20_000 } else { 60 };

/// What a barrier does with a command.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Arm {
    /// Rises and says so.
    #[default]
    Answers,
    /// Rises, and the reply is lost.
    RepliesInVain,
    /// The command is lost on the way.
    Deaf,
    /// Not connected.
    Offline,
    /// Connected, and its relay refuses.
    Refuses,
}

/// What becomes of the next step that has records.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cut {
    /// The power goes before the step is on disk.
    BeforeCommit,
    /// The step is on disk, nothing of what it commanded is done.
    BeforeCommands,
    /// So many of its commands are done.
    AfterCommands(usize),
}

/// A command to raise that reached a barrier.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    pub at: u64,
    pub lane: LaneId,
    pub raise: u64,
    pub issue: u8,
    /// Commits made so far.
    pub commits: u64,
    /// The arm went up.
    pub rose: bool,
}

pub struct World {
    pub rules: Rules,
    pub turner: Turner<Disk>,
    pub disk: Disk,
    whole_max: usize,
    pub simulator: Simulator,
    /// Milliseconds since the beginning.
    pub time: u64,
    pub boot: u64,
    booted_at: i64,
    /// The box's wall clock minus the true time; None: it was never set and counts from 1970.
    pub wall_error_ms: Option<i64>,
    pub trusted: bool,
    /// No way out of the building.
    pub unplugged: bool,
    pub arms: BTreeMap<LaneId, Arm>,
    pub next_cut: Option<Cut>,
    /// Cuts the power at this step, counting those that have records.
    pub cut_at: Option<(usize, Cut)>,
    /// Steps that had records.
    pub steps: usize,
    /// Cuts the power after so many of 1000 steps.
    pub cuts: Option<(SplitMix64, u16)>,
    /// Makes barriers fail now and then.
    pub arm_moods: Option<SplitMix64>,
    pub off: bool,
    /// What is on disk is all that was decided.
    in_sync: bool,
    /// The true times at which the boots began.
    boots: BTreeMap<u64, i64>,
    heap: BTreeMap<(u64, u64), (u64, Event)>,
    queued: u64,
    /// Events of an earlier run are lost with it.
    run: u64,
    pub(super) record_ids: u64,
    pub raised: Vec<Raised>,
    pub calls: Vec<(u64, Request)>,
    pub alarms: Vec<Alarm>,
    pub ignored: Vec<Ignored>,
    pub replies: Vec<Result<String, String>>,
    pub trace: Vec<String>,
    /// Writing the trace takes longer than everything else.
    pub traced: bool,
    store_down: bool,
    /// Records were given up, and so the ledger has a gap.
    pub has_given_up: bool,
}

impl World {
    pub fn new() -> Self {
        Self::with(|_| {})
    }

    /// A world whose rules are changed a little.
    pub fn with(change: impl FnOnce(&mut Rules)) -> Self {
        let mut rules = rules();
        change(&mut rules);
        Self::over(rules, 1)
    }

    pub fn over(rules: Rules, seed: u64) -> Self {
        let mut settings = material::settings(seed);
        settings.seal = Arc::new(Seal::None);
        settings.latency_ms = 200;
        let disk = Disk::default();
        disk.commit_rules(&rules);
        let park = Park::new(LedgerId::from_random(seed), rules.clone());
        let mut world = Self {
            rules,
            turner: Turner::new(park, disk.clone()),
            disk,
            // Every other seed writes its states in parts.
            whole_max: if seed.is_multiple_of(2) { 0 } else { WHOLE_MAX },
            simulator: Simulator::new(settings),
            time: 0,
            boot: 1,
            booted_at: -i64::try_from(UP_MS).unwrap(),
            wall_error_ms: Some(0),
            trusted: true,
            unplugged: false,
            arms: BTreeMap::new(),
            next_cut: None,
            cut_at: None,
            steps: 0,
            cuts: None,
            arm_moods: None,
            off: false,
            in_sync: true,
            boots: BTreeMap::from([(1, -i64::try_from(UP_MS).unwrap())]),
            heap: BTreeMap::new(),
            queued: 0,
            run: 0,
            record_ids: 0,
            raised: Vec::new(),
            calls: Vec::new(),
            alarms: Vec::new(),
            ignored: Vec::new(),
            replies: Vec::new(),
            trace: Vec::new(),
            traced: true,
            store_down: false,
            has_given_up: false,
        };
        world.turner.set_whole_max(world.whole_max);
        world.tell(started());
        world
    }

    // Time.

    pub fn now(&self) -> Now {
        let moment = Moment(u64::try_from(self.time_i64() - self.booted_at).unwrap());
        let wall = match self.wall_error_ms {
            Some(error) => self.true_wall().plus_ms(error),
            None => Wall(i64::try_from(moment.0).unwrap()),
        };
        Now {
            moment,
            wall,
            trusted: self.trusted,
            boot: BootId(self.boot),
        }
    }

    pub fn true_wall(&self) -> Wall {
        BEGINNING.plus_ms(self.time_i64())
    }

    fn time_i64(&self) -> i64 {
        i64::try_from(self.time).unwrap()
    }

    /// Lets `ms` milliseconds pass, with everything that happens in them.
    pub fn pass(&mut self, ms: u64) {
        self.run_to(self.time + ms);
    }

    /// Runs to `end`.
    pub fn run_to(&mut self, end: u64) {
        let mut last = (self.time, 0);
        while let Some(at) = self.next_at().filter(|at| *at <= end) {
            self.time = self.time.max(at);
            last = match last {
                (time, turns) if time == self.time => (time, turns + 1),
                _ => (self.time, 0),
            };
            assert!(
                last.1 < TURNS_AT_ONCE_MAX,
                "busy loop at {} ms: wake_at {:?}, now {:?}",
                self.time,
                self.turner.wake_at(),
                self.now().moment
            );
            let events = self.due_events();
            if events.is_empty() {
                self.turn(vec![Event::Tick]);
            } else {
                self.turn(events);
            }
        }
        self.time = self.time.max(end);
    }

    /// Lets time pass until `done`, at most `ms` milliseconds; false if it never was.
    pub fn pass_until(&mut self, ms: u64, done: impl Fn(&Self) -> bool) -> bool {
        let end = self.time + ms;
        loop {
            if done(self) {
                return true;
            }
            match self.next_at().filter(|at| *at <= end) {
                Some(at) => self.run_to(at.max(self.time)),
                None => {
                    self.time = end;
                    return done(self);
                }
            }
        }
    }

    /// When something happens next.
    pub fn next_at(&self) -> Option<u64> {
        let wake_at = self.turner.wake_at().filter(|_| !self.off).map(|moment| {
            let at = self.booted_at + i64::try_from(moment.0).unwrap_or(i64::MAX / 2);
            u64::try_from(at).unwrap_or(0).max(self.time)
        });
        let event_at = self.heap.first_key_value().map(|((at, _), _)| *at);
        wake_at.into_iter().chain(event_at).min()
    }

    fn due_events(&mut self) -> Vec<Event> {
        let later = self.heap.split_off(&(self.time + 1, 0));
        let due = std::mem::replace(&mut self.heap, later);
        due.into_values()
            .filter(|(run, _)| *run == self.run && !self.off)
            .map(|(_, event)| event)
            .collect()
    }

    /// Something that will happen in `after` milliseconds, if the box is still in this run.
    pub fn later(&mut self, after: u64, event: Event) {
        self.queued += 1;
        self.heap
            .insert((self.time + after, self.queued), (self.run, event));
    }

    // What happens.

    /// Happens now.
    pub fn tell(&mut self, event: Event) {
        self.turn(vec![event]);
    }

    pub fn turn(&mut self, events: Vec<Event>) {
        if self.off {
            return;
        }
        let now = self.now();
        for event in events.iter().filter(|event| **event != Event::Tick) {
            self.note(|| format!("{event:?}"));
        }
        let before = self.disk.len();
        let outcome = self.turner.turn(events, now);
        self.carry_out(outcome, before);
    }

    fn carry_out(&mut self, outcome: Outcome, before: usize) {
        if let Some(news) = &outcome.store {
            self.store_down = matches!(news, StoreNews::Failed(_));
            let given_up = matches!(news, StoreNews::Recovered { given_up } if *given_up > 0);
            self.has_given_up |= given_up;
            self.note(|| format!("store: {news:?}"));
        }
        let has_written = self.disk.len() > before;
        self.steps += usize::from(has_written);
        if let Some((_, cut)) = self.cut_at.filter(|(step, _)| *step == self.steps) {
            self.next_cut = Some(cut);
            self.cut_at = None;
        }
        if has_written && self.next_cut.is_none() {
            self.next_cut = self.cuts.as_mut().and_then(draw_cut);
        }
        let cut = self.next_cut.filter(|_| has_written);
        self.in_sync = !self.store_down && cut != Some(Cut::BeforeCommit);
        if cut == Some(Cut::BeforeCommit) {
            self.disk.lose_after(before);
        }
        let mut commands_left = match cut {
            None => usize::MAX,
            Some(Cut::AfterCommands(count)) => count,
            Some(Cut::BeforeCommit | Cut::BeforeCommands) => 0,
        };
        for taken in outcome.taken {
            for record in &taken.step.records {
                if !matches!(record, Record::StepTaken(_)) {
                    self.note(|| format!("  {record:?}"));
                }
            }
            self.alarms.extend(taken.step.alarms);
            self.ignored.extend(taken.step.ignored);
            let reply = taken.step.reply.map(told);
            self.replies.extend(reply);
            for command in taken.step.commands {
                if commands_left > 0 {
                    commands_left -= 1;
                    self.command(command);
                }
            }
        }
        if cut.is_some() {
            self.next_cut = None;
            self.note(|| "the power goes".to_owned());
            self.off = true;
        }
    }

    fn command(&mut self, command: Command) {
        self.note(|| format!("  -> {command:?}"));
        match command {
            Command::RaiseBarrier {
                lane,
                raise,
                issue,
                valid_until,
            } => {
                assert!(valid_until > self.now().moment, "a stale command");
                if !self.store_down {
                    assert!(
                        self.disk.has_raise(&lane, raise),
                        "raise {raise} of {lane} has no reason on disk"
                    );
                }
                self.command_raise(lane, raise, issue);
            }
            Command::Call(call) => {
                self.disk.check_call(&call.request);
                self.calls.push((self.time, call.request.clone()));
                self.call(&call.request);
            }
        }
    }

    fn command_raise(&mut self, lane: LaneId, raise: u64, issue: u8) {
        let drawn = self.arm_moods.as_mut().map(draw_arm);
        let set = self.arms.get(&lane).copied();
        let arm = drawn.or(set).unwrap_or_default();
        let answered = |driven| Event::RaiseAnswered {
            lane: lane.clone(),
            raise,
            driven,
        };
        match arm {
            Arm::Answers => self.later(80, answered(true)),
            Arm::Refuses => self.later(80, answered(false)),
            Arm::RepliesInVain | Arm::Deaf => {}
            Arm::Offline => {
                let why = "not connected".to_owned();
                let lane = lane.clone();
                self.later(1, Event::RaiseNotSent { lane, raise, why });
            }
        }
        self.raised.push(Raised {
            at: self.time,
            lane,
            raise,
            issue,
            commits: self.disk.commits(),
            rose: matches!(arm, Arm::Answers | Arm::RepliesInVain),
        });
    }

    fn call(&mut self, request: &Request) {
        if self.unplugged {
            self.later(5, wire::not_sent(request));
            return;
        }
        let wall = self.true_wall();
        let exchange = self.simulator.handle(&wire::http(request), wall);
        let answer = exchange.answer.as_ref();
        let verifies = answer.is_some_and(|answer| self.simulator.verify(answer));
        let event = wire::heard(request, &exchange, verifies);
        if let Some(fault) = &exchange.fault {
            self.note(|| format!("  wire: {fault:?}"));
        }
        if exchange.answer.is_some() && exchange.delay_ms < CALL_MS {
            self.later(exchange.delay_ms, event);
        } else {
            self.later(CALL_MS, wire::lost(request));
        }
    }

    pub(super) fn note(&mut self, what: impl FnOnce() -> String) {
        if self.traced {
            self.trace.push(format!("{:>9} {}", self.time, what()));
        }
    }

    // Power.

    /// The power goes now, between two steps.
    pub fn power_off(&mut self) {
        self.off = true;
    }

    /// The power is back: another boot of the same box.
    pub fn boot_again(&mut self, trusted: bool) {
        self.boot += 1;
        self.booted_at = self.time_i64();
        self.boots.insert(self.boot, self.booted_at);
        self.trusted = trusted;
        self.start();
    }

    /// Only the daemon was restarted.
    pub fn start(&mut self) {
        self.run += 1;
        self.off = false;
        self.store_down = false;
        self.disk.set_failing(false);
        let park = self.replayed();
        if self.in_sync {
            assert_eq!(
                park.snapshot(),
                self.park().snapshot(),
                "the fold is the state"
            );
        }
        let boot = self.boot;
        self.note(|| format!("starts, boot {boot}"));
        self.turner = Turner::new(park, self.disk.clone());
        self.turner.set_whole_max(self.whole_max);
        self.tell(started());
    }

    /// When a stamp of this box was really made.
    pub fn true_time(&self, stamp: &Stamp) -> Option<i64> {
        let booted_at = self.boots.get(&stamp.now.boot.0)?;
        Some(booted_at + i64::try_from(stamp.now.moment.0).unwrap())
    }

    /// The park as the disk would have it.
    pub fn replayed(&self) -> Park {
        let mut park = Park::new(self.park().ledger(), self.rules.clone());
        self.disk.replay_into(&mut park);
        park
    }
}

impl Drop for World {
    fn drop(&mut self) {
        if std::thread::panicking() {
            let from = self.trace.len().saturating_sub(TRACED);
            eprintln!("{}", self.trace[from..].join("\n"));
        }
    }
}

fn draw_cut((random, permille): &mut (SplitMix64, u16)) -> Option<Cut> {
    random.chance(*permille).then(|| match random.below(4) {
        0 => Cut::BeforeCommit,
        1 => Cut::BeforeCommands,
        commands => Cut::AfterCommands(usize::try_from(commands).unwrap() - 1),
    })
}

fn draw_arm(random: &mut SplitMix64) -> Arm {
    match random.below(100) {
        0..4 => Arm::RepliesInVain,
        4..8 => Arm::Deaf,
        8..11 => Arm::Offline,
        11..13 => Arm::Refuses,
        _ => Arm::Answers,
    }
}

fn told(reply: Result<Done, Refusal>) -> Result<String, String> {
    let done = reply.map(|done| done.to_string());
    done.map_err(|refusal| refusal.to_string())
}
