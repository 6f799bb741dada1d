//! The arms. Each lowers by itself, by its own controller and its own loop; nothing that the box can
//! say lowers one.

use super::faults::permille;
use crate::sim::random::SplitMix64;

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
    /// Limit switch and loop bounce.
    bounces: bool,
}

/// What a command to raise leads to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Answer {
    /// The arm is up after so long.
    pub up_after_ms: Option<u64>,
    /// The camera says so, or that its relay refused.
    pub reply: Option<bool>,
}

pub struct Arms {
    faults: BarrierFaults,
    random: SplitMix64,
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
        }
    }
}

impl Arms {
    pub fn new(seed: u64, faults: BarrierFaults) -> Self {
        Self {
            faults,
            random: SplitMix64::new(seed, "arms"),
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
            false => 900,
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

    /// How often a contact closes for one time that it should.
    pub fn contacts(&mut self) -> u64 {
        match self.faults.bounces {
            true => 1 + self.random.below(3),
            false => 1,
        }
    }
}
