//! The power, which may go at any effect, and what starts again when it is back; the daemon that is
//! stopped, and the box that another one takes the place of.

use std::collections::VecDeque;

use super::camera;
use super::disk::Fate;
use super::doing::Doing;
use super::faults::{Group, permille};
use super::oracle::{Rule, hold};
use super::site::MINUTE;
use super::world::World;
use crate::gate::ears::Ears;
use crate::lane::number::LedgerId;
use crate::park::record::Record;
use crate::sim::random::SplitMix64;
use crate::store::record::Record as Stored;

/// How often the power goes.
#[derive(Default)]
pub struct PowerFaults {
    /// So many of 1000 effects.
    effect_permille: u16,
    /// So many of 1000 effects of a start.
    start_permille: u16,
}

/// What a power cut can fall on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Records are written.
    Commit,
    /// A command is carried out.
    Command,
}

/// When the power goes.
pub enum Cuts {
    /// In each boot at this effect, with this fate of what was being written; then never.
    At(VecDeque<(usize, Fate)>),
    Drawn {
        faults: PowerFaults,
        random: SplitMix64,
    },
}

impl PowerFaults {
    pub fn drawn(random: &mut SplitMix64) -> Self {
        Self {
            effect_permille: 1 + u16::try_from(random.below(12)).unwrap(),
            start_permille: permille(random, 200),
        }
    }
}

impl Cuts {
    pub fn never() -> Self {
        Self::At(VecDeque::new())
    }

    pub fn drawn(seed: u64, faults: PowerFaults) -> Self {
        Self::Drawn {
            faults,
            random: SplitMix64::new(seed, "power"),
        }
    }

    /// Whether the power goes at this effect.
    pub fn at(&mut self, effect: usize, starting: bool) -> Option<Fate> {
        match self {
            Self::At(cuts) => {
                let (_, fate) = *cuts.front().filter(|(at, _)| *at == effect)?;
                cuts.pop_front();
                Some(fate)
            }
            Self::Drawn { faults, random } => {
                let often = match starting {
                    true => faults.start_permille.max(faults.effect_permille),
                    false => faults.effect_permille,
                };
                let fates = Fate::ALL;
                random
                    .chance(often)
                    .then(|| *random.pick(&fates).expect("four"))
            }
        }
    }
}

impl World {
    pub(super) fn power_went(&mut self) {
        self.count(Group::Power, self.machine.last_cut);
        self.trace
            .note(self.clock.time, || "the power goes".to_owned());
        let off_ms = 2_000 + self.power_draws.below(4 * MINUTE);
        let again = self.power_draws.chance(700);
        let next = if again { Doing::Boot } else { Doing::Start };
        self.soon(off_ms, next);
    }

    pub(super) fn boot(&mut self) {
        if self.machine.off {
            self.clock.boot_again();
            self.start();
        }
    }

    pub(super) fn start(&mut self) {
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
        self.oracle.forget_signs_of_life();
        self.line.open();
        let now = self.clock.now();
        self.network.start(now.moment);
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
            for lane in self.lanes() {
                let ms = 200 + self.power_draws.below(5_000);
                let letter = self.cameras.heartbeat(lane, self.clock.true_wall());
                self.soon(ms, Doing::Post(letter));
            }
        }
        if planted!(NumberReusedAfterRestore) && self.machine.copied_at.is_none() {
            self.machine.copied_at = Some(self.machine.disk.commits());
        }
    }

    /// The daemon is stopped, and started again after a while.
    pub(super) fn stop(&mut self, ms: u64) {
        if self.machine.off {
            return;
        }
        self.count(Group::People, "daemon stopped");
        self.trace
            .note(self.clock.time, || "the daemon stops".to_owned());
        self.machine.off = true;
        self.soon(ms.max(500), Doing::Start);
    }

    /// The box breaks. Another one with an empty disk, and so with a ledger of its own, takes its place.
    pub(super) fn replace(&mut self) {
        self.count(Group::People, "box replaced");
        self.trace
            .note(self.clock.time, || "another box takes its place".to_owned());
        self.machine.off = true;
        self.machine.replace();
        self.oracle.relearn(&[]);
        self.clock.boot_again();
        let number = self.disk_draws.next_u64();
        self.start_under(LedgerId::from_random(number));
    }

    /// A defect: what docs/operations.md forbids.
    fn put_the_copy_back(&mut self) {
        let Some(commits) = self.machine.copied_at else {
            return;
        };
        self.machine.restore(commits);
        let records: Vec<Record> = self.machine.disk.stored().iter().map(read).collect();
        self.oracle.relearn(&records);
    }
}

fn read(stored: &Stored) -> Record {
    Record::from_stored(stored).expect("a readable record")
}
