//! The broker between cameras and box: what it delivers late, twice, or not at all.

use std::collections::BTreeMap;

use super::doing::Doing;
use super::faults::{Group, permille, windows, within};
use super::letter::{Letter, as_replay};
use super::site::MINUTE;
use super::world::{Incoming, World};
use crate::park::event::Event;
use crate::sim::random::SplitMix64;

/// What is wrong with the broker.
#[derive(Default)]
pub struct BrokerFaults {
    /// Nothing gets through for any lane: from, to.
    down: Vec<(u64, u64)>,
    /// The box's subscription is forgotten: commands go out, nothing comes in.
    deaf: Vec<(u64, u64)>,
    twice_permille: u16,
    lost_permille: u16,
    late_permille: u16,
    /// What was said meanwhile comes all at once when it is back, as it was, instead of as a replay.
    keeps_backlog: bool,
    /// The last reading is kept, and delivered to whoever connects.
    retains: bool,
}

pub struct Broker {
    faults: BrokerFaults,
    random: SplitMix64,
    /// What waits for the box to be reached again.
    backlog: Vec<Letter>,
    kept: BTreeMap<&'static str, Letter>,
    was_up: bool,
}

impl BrokerFaults {
    pub fn drawn(random: &mut SplitMix64) -> Self {
        Self {
            down: windows(random, 4, 4 * MINUTE),
            deaf: windows(random, 1, 5 * MINUTE),
            twice_permille: permille(random, 200),
            lost_permille: permille(random, 50),
            late_permille: permille(random, 50),
            keeps_backlog: random.chance(500),
            retains: random.chance(300),
        }
    }
}

impl Broker {
    pub fn new(seed: u64, faults: BrokerFaults) -> Self {
        Self {
            faults,
            random: SplitMix64::new(seed, "broker"),
            backlog: Vec::new(),
            kept: BTreeMap::new(),
            was_up: true,
        }
    }

    pub fn calm_down(&mut self) {
        self.faults = BrokerFaults::default();
    }

    /// Whether commands get out.
    pub fn is_up(&self, time: u64) -> bool {
        !within(&self.faults.down, time)
    }

    /// When it goes down, and comes back.
    pub fn turns(&self) -> Vec<u64> {
        let stretches = self.faults.down.iter().chain(&self.faults.deaf);
        stretches.flat_map(|(from, to)| [*from, *to]).collect()
    }

    /// A camera says something: what reaches the box, after how many milliseconds. `hears` tells whether
    /// the box is there at all.
    pub fn deliver(&mut self, letter: Letter, time: u64, hears: bool) -> Vec<(u64, Letter)> {
        if self.faults.retains && letter.is_reading() {
            let kept = Letter {
                retained: true,
                ..letter.clone()
            };
            self.kept.insert(letter.lane, kept);
        }
        let heard = hears && self.is_up(time) && !within(&self.faults.deaf, time);
        if !heard {
            if letter.is_reading() && self.backlog.len() < 50 {
                self.backlog.push(letter);
            }
            return Vec::new();
        }
        if self.random.chance(self.faults.lost_permille) {
            return Vec::new();
        }
        let mut after_ms = 20 + self.random.below(60);
        // A sign of life that is late teaches the box a wrong time; the rule is about readings.
        if letter.is_reading() && self.random.chance(self.faults.late_permille) {
            after_ms += self.random.below(40_000);
        }
        let mut deliveries = vec![(after_ms, letter.clone())];
        if self.random.chance(self.faults.twice_permille) {
            let again_ms = after_ms + self.random.below(90_000);
            deliveries.push((again_ms, letter));
        }
        deliveries
    }

    /// Camera and box find each other again: what is delivered then.
    pub fn reconnected(&mut self, time: u64, started: bool) -> Vec<(u64, Letter)> {
        let is_up = self.is_up(time) && !within(&self.faults.deaf, time);
        let is_back = is_up && (started || !std::mem::replace(&mut self.was_up, is_up));
        self.was_up = is_up;
        if !is_back {
            return Vec::new();
        }
        let mut letters: Vec<Letter> = self.kept.values().cloned().collect();
        for letter in self.backlog.drain(..) {
            letters.push(match self.faults.keeps_backlog {
                true => letter,
                false => as_replay(letter),
            });
        }
        let random = &mut self.random;
        let spread = letters.into_iter();
        spread
            .map(|letter| (30 + random.below(2_000), letter))
            .collect()
    }
}

impl World {
    /// A camera says something: over the broker, or over its serial line.
    pub(super) fn post(&mut self, letter: Letter) {
        if self.line.is_of(&letter) {
            return self.say(&letter);
        }
        let (time, hears) = (self.clock.time, !self.machine.off);
        let deliveries = self.broker.deliver(letter, time, hears);
        match (deliveries.as_slice(), hears) {
            ([], true) => self.count(Group::Broker, "not delivered"),
            ([_, _, ..], _) => self.count(Group::Broker, "delivered twice"),
            ([(after_ms, _)], _) if *after_ms > 1_000 => self.count(Group::Broker, "late"),
            _ => {}
        }
        self.will_hear(deliveries);
    }

    pub(super) fn tell_loop(&mut self, lane: &'static str, occupied: bool) {
        let is_stuck = self.arms.is_loop_stuck(lane, self.clock.time);
        if is_stuck && !occupied {
            return self.count(Group::Barrier, "loop stuck on");
        }
        let wall = self.clock.true_wall();
        let letter = self.cameras.closing_loop(lane, occupied, wall);
        self.post(letter);
    }

    pub(super) fn heartbeat(&mut self, lane: &'static str) {
        let letter = self.cameras.heartbeat(lane, self.clock.true_wall());
        self.post(letter);
        if !self.is_calm() {
            self.soon(5 * MINUTE, Doing::Heartbeat(lane));
        }
    }

    pub(super) fn reconnect(&mut self, started: bool) {
        let letters = self.broker.reconnected(self.clock.time, started);
        for (_, letter) in &letters {
            let what = if letter.retained {
                "retained"
            } else {
                "backlog"
            };
            self.count(Group::Broker, what);
        }
        self.will_hear(letters);
        if !self.broker.is_up(self.clock.time) {
            return self.count(Group::Broker, "disconnected");
        }
        self.send_kept_orders();
    }

    fn will_hear(&mut self, letters: Vec<(u64, Letter)>) {
        let run = self.machine.run;
        for (after_ms, letter) in letters {
            self.soon(after_ms, Doing::Hear(run, letter));
        }
    }

    /// What the box makes of a letter that reached it.
    pub(super) fn hear(&mut self, letter: &Letter) -> Option<Incoming> {
        let heard = self.cameras.heard(letter, self.clock.now());
        let event = self.ears.event(heard)?;
        self.note_alive(&event);
        Some(Incoming::from(event))
    }

    pub(super) fn note_alive(&mut self, event: &Event) {
        let Event::CameraAlive { lane, sent_at } = event else {
            return;
        };
        if self.machine.off {
            return;
        }
        let camera_now = self.cameras.clock(self.clock.true_wall());
        // A serial line says no time, and has no delay.
        let took_ms = sent_at.map_or(0, |sent_at| camera_now.0 - sent_at.0);
        let took_ms = u64::try_from(took_ms).unwrap_or(0);
        self.oracle.note_alive(lane, self.clock.time, took_ms);
    }
}
