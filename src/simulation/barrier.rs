//! The arms. Each lowers by itself, by its own controller and its own loop; nothing that the box can
//! say lowers one.

use super::doing::Doing;
use super::faults::{Group, permille, windows, within};
use super::site::{LANES, MINUTE, lane_id};
use super::world::World;
use crate::barrier::command_id;
use crate::lane::session::LaneId;
use crate::lane::time::Moment;
use crate::park::event::Event;
use crate::sim::random::SplitMix64;

/// A command takes so long to the relay behind a camera.
const ON_THE_WAY_MS: u64 = 30;
/// An arm that nothing is wrong with is up after this.
const RISE_MS: u64 = 900;

/// What is wrong with the arms.
#[derive(Default)]
pub struct BarrierFaults {
    /// So many of 1000 commands are lost on the way.
    deaf_permille: u16,
    /// The relay clicks and the arm stays where it is.
    stuck_permille: u16,
    slow_permille: u16,
    reply_lost_permille: u16,
    refuses_permille: u16,
    /// Somebody raises it by hand now and then.
    by_hand_permille: u16,
    /// Somebody pushes the button of a barrier where a car is held, in so many of 1000 cases.
    button_permille: u16,
    /// Limit switch and loop bounce.
    bounces: bool,
    /// The loop under one arm says that a car stands on it, whether one does or not: from, to.
    loop_stuck: Vec<(u64, u64)>,
    stuck_lane: usize,
}

/// What a command to raise leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The arm is up after so long.
    pub up_after_ms: Option<u64>,
    /// The camera says so, or that its relay refused.
    pub reply: Option<bool>,
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

pub struct Arms {
    faults: BarrierFaults,
    random: SplitMix64,
    /// Commands that could not leave and were kept: a planted defect.
    kept_orders: Vec<Order>,
}

impl BarrierFaults {
    pub fn drawn(random: &mut SplitMix64) -> Self {
        Self {
            deaf_permille: permille(random, 60),
            stuck_permille: permille(random, 60),
            slow_permille: permille(random, 200),
            reply_lost_permille: permille(random, 100),
            refuses_permille: permille(random, 30),
            by_hand_permille: permille(random, 30),
            bounces: random.chance(300),
            button_permille: permille(random, 80),
            loop_stuck: windows(random, 1, 20 * MINUTE),
            stuck_lane: usize::try_from(random.below(4)).unwrap(),
        }
    }
}

impl Arms {
    pub fn new(seed: u64, faults: BarrierFaults) -> Self {
        Self {
            faults,
            random: SplitMix64::new(seed, "arms"),
            kept_orders: Vec::new(),
        }
    }

    pub fn calm_down(&mut self) {
        self.faults = BarrierFaults::default();
    }

    /// A command reached the relay.
    pub fn command(&mut self) -> Answer {
        let random = &mut self.random;
        if random.chance(self.faults.deaf_permille) {
            return Answer {
                up_after_ms: None,
                reply: None,
            };
        }
        if random.chance(self.faults.refuses_permille) {
            return Answer {
                up_after_ms: None,
                reply: Some(false),
            };
        }
        let rise_ms = match random.chance(self.faults.slow_permille) {
            true => 5_000 + random.below(10_000),
            false => RISE_MS,
        };
        let is_stuck = random.chance(self.faults.stuck_permille);
        let is_heard = !random.chance(self.faults.reply_lost_permille);
        Answer {
            up_after_ms: (!is_stuck).then_some(rise_ms),
            reply: is_heard.then_some(true),
        }
    }

    /// Somebody raises it by hand for the car that has come to the front.
    pub fn is_raised_by_hand(&mut self) -> bool {
        self.random.chance(self.faults.by_hand_permille)
    }

    /// Somebody pushes its button for the car that has come to the front.
    pub fn is_opened_by_button(&mut self) -> bool {
        self.random.chance(self.faults.button_permille)
    }

    /// Whether the loop under this lane's arm says that a car stands there, whatever is true.
    pub fn is_loop_stuck(&self, lane: &str, time: u64) -> bool {
        LANES[self.faults.stuck_lane] == lane && within(&self.faults.loop_stuck, time)
    }

    /// How often a contact closes for one time that it should.
    pub fn contacts(&mut self) -> u64 {
        match self.faults.bounces {
            true => 1 + self.random.below(3),
            false => 1,
        }
    }
}

impl Answer {
    /// What is wrong with it, if anything is.
    fn fault(self) -> Option<&'static str> {
        match (self.up_after_ms, self.reply) {
            (None, None) => Some("command lost"),
            (None, Some(false)) => Some("relay refused"),
            (None, Some(true)) => Some("arm stuck"),
            (Some(_), None | Some(false)) => Some("reply lost"),
            (Some(RISE_MS), Some(true)) => None,
            (Some(_), Some(true)) => Some("arm slow"),
        }
    }
}

impl World {
    pub(super) fn send_order(&mut self, lane: &LaneId, raise: u64, issue: u8, valid_until: Moment) {
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
                self.arms.kept_orders.push(order.clone());
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
    pub(super) fn order(&mut self, order: Order) {
        let of_this_run = order.run == self.machine.run;
        // What counts is when it left: the box knows no more.
        let waited_ms = self.clock.time - order.arrives + ON_THE_WAY_MS;
        let arrived = self.clock.now().moment.0.saturating_sub(waited_ms);
        let late_ms = Moment(arrived).since_ms(order.valid_until);
        let verdict = self.oracle.judge_arm(late_ms, of_this_run);
        self.note(verdict);
        let answer = self.arms.command();
        if let Some(fault) = answer.fault() {
            self.count(Group::Barrier, fault);
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

    pub(super) fn raised_by_hand(&mut self, lane: &'static str) {
        self.count(Group::Barrier, "raised by hand");
        self.arm_is_up(lane);
        for _ in 0..self.arms.contacts() {
            let lane = lane_id(lane);
            self.happen(Event::ArmUp { lane });
        }
    }

    /// Nobody tells the box, and there is no switch that would: a car that is held drives off.
    pub(super) fn push_button(&mut self, lane: &'static str, visit: usize) {
        let is_held = self
            .machine
            .park()
            .site()
            .holds
            .contains_key(&lane_id(lane));
        if is_held && self.vehicles.front_of(lane) == Some(visit) {
            self.count(Group::Barrier, "opened by its button");
            self.arm_is_up(lane);
        }
    }

    /// What could not leave goes now: a planted defect.
    pub(super) fn send_kept_orders(&mut self) {
        for mut order in std::mem::take(&mut self.arms.kept_orders) {
            order.arrives = self.clock.time + ON_THE_WAY_MS;
            self.plan(order.arrives, Doing::Order(order));
        }
    }
}
