//! The box: the real park and the real step routine over a disk.

use std::collections::VecDeque;
use std::rc::Rc;

use super::disk::{Disk, Fate};
use super::power::{Cuts, Effect};
use super::site::started;
use crate::gate::turn::{StoreNews, Taken, Turner};
use crate::lane::number::LedgerId;
use crate::lane::time::{Moment, Now};
use crate::park::Park;
use crate::park::event::Event;
use crate::park::record::Record;
use crate::park::rules::Rules;
use crate::park::step::Command;

pub struct Machine {
    pub turner: Turner<Disk>,
    pub disk: Disk,
    pub rules: Rules,
    /// The power is off, or the daemon is stopped.
    pub off: bool,
    /// Starts of the daemon so far.
    pub run: u64,
    pub cuts: Cuts,
    /// Effects since the start.
    pub effects_done: Vec<Effect>,
    pub power_cuts: u64,
    /// What the newest of them fell on.
    pub last_cut: &'static str,
    /// The store cannot write.
    pub store_down: bool,
    /// Records were given up for want of memory, and so the ledger has a gap that no number shows.
    pub has_given_up: bool,
    /// What is on disk is all that was decided.
    in_sync: bool,
    starting: bool,
    /// When the daemon wants a turn.
    wakes_at: Option<Moment>,
    /// A copy of the ledger was made when it had so many commits: a planted defect puts it back.
    pub copied_at: Option<usize>,
}

/// What a turn led to.
#[derive(Default)]
pub struct Turned {
    pub taken: Vec<Taken>,
    /// What is on disk now, and survived.
    pub committed: Vec<Rc<[Record]>>,
    /// What may be carried out, in order.
    pub commands: VecDeque<Command>,
    /// What was carried out before anything was written: a planted defect.
    pub ahead: Vec<Command>,
    pub news: Option<StoreNews>,
}

impl Turned {
    /// Whether any of it is about money; so is a start.
    pub fn moves_money(&self) -> bool {
        self.taken.iter().any(|taken| {
            let mut records = taken.step.records.iter();
            matches!(taken.event, Event::Started { .. })
                || records.any(|record| matches!(record, Record::Money(_)))
        })
    }
}

impl Machine {
    /// A new box with an empty disk. [`Self::start_under`] is still to come.
    pub fn new(ledger: LedgerId, rules: Rules, cuts: Cuts) -> Self {
        let disk = Disk::default();
        let park = Park::new(ledger, rules.clone());
        Self {
            turner: Turner::new(park, disk.clone()),
            disk,
            rules,
            off: true,
            run: 0,
            cuts,
            effects_done: Vec::new(),
            power_cuts: 0,
            last_cut: "",
            store_down: false,
            has_given_up: false,
            in_sync: true,
            starting: false,
            wakes_at: None,
            copied_at: None,
        }
    }

    /// When the daemon wants a turn, if it runs.
    pub fn wakes_at(&self) -> Option<Moment> {
        self.wakes_at.filter(|_| !self.off)
    }

    pub fn park(&self) -> &Park {
        self.turner.park()
    }

    /// The daemon starts over what is on disk, which bears this ledger's name. False: what is on disk
    /// is not what was decided.
    pub fn start_under(&mut self, ledger: LedgerId, now: Now) -> (bool, Turned) {
        self.run += 1;
        self.off = false;
        self.effects_done.clear();
        self.store_down = false;
        let opening = self.disk.open(Park::new(ledger, self.rules.clone()));
        let is_the_state = !self.in_sync || opening.park.snapshot() == self.park().snapshot();
        self.in_sync = true;
        let rules_changed = opening.rules.as_ref() != Some(&self.rules);
        self.turner = Turner::new(opening.park, self.disk.clone());
        let Event::Started { version, .. } = started() else {
            unreachable!("it is a start");
        };
        self.starting = true;
        let turned = self.turn(
            vec![Event::Started {
                version,
                rules_changed,
                possibly_lost: opening.possibly_lost,
                skip: 0,
            }],
            now,
        );
        (is_the_state, turned)
    }

    /// Another box takes its place: nothing is on its disk.
    pub fn replace(&mut self) {
        self.disk = Disk::default();
        self.in_sync = false;
    }

    /// An old copy of the ledger is put back.
    pub fn restore(&mut self, commits: usize) {
        self.disk.restore(commits);
        self.in_sync = false;
    }

    /// Decides, writes, and says what may be carried out; or the power goes meanwhile.
    pub fn turn(&mut self, events: Vec<Event>, now: Now) -> Turned {
        let ahead = match planted!(RaiseBeforeCommit) {
            true => self.raises_ahead(&events, now),
            false => Vec::new(),
        };
        let before = self.disk.commits();
        let outcome = self.turner.turn(events, now);
        if let Some(news) = &outcome.store {
            self.store_down = matches!(news, StoreNews::Failed(_));
            let given_up = matches!(news, StoreNews::Recovered { given_up } if *given_up > 0);
            self.has_given_up |= given_up;
        }
        // Commits whose records the turn tells of; a checkpoint may come on top.
        let written = outcome.committed().map(|it| it.records);
        let written: Vec<Rc<[Record]>> = written
            .map(|records| records.into_iter().cloned().collect())
            .collect();
        let mut written = written.into_iter();
        let mut turned = Turned {
            taken: outcome.taken,
            committed: Vec::new(),
            commands: VecDeque::new(),
            ahead,
            news: outcome.store,
        };
        for commit in before..self.disk.commits() {
            let records = written.next();
            if let Some(records) = &records {
                self.disk.remember(commit, records);
            }
            if let Some(fate) = self.power_goes(Effect::Commit) {
                self.disk.restore(commit + 1);
                self.disk.tear(fate);
                if fate == Fate::Kept {
                    turned.committed.extend(records);
                }
                let is_all = written.next().is_none();
                self.in_sync = fate == Fate::Kept && is_all && !self.store_down;
                return turned;
            }
            turned.committed.extend(records);
        }
        self.in_sync = !self.store_down;
        self.wakes_at = self.turner.wake_at();
        let steps = turned.taken.iter_mut();
        let commands = steps.flat_map(|taken| std::mem::take(&mut taken.step.commands));
        turned.commands = commands.collect();
        if turned.commands.is_empty() {
            self.starting = false;
        }
        turned
    }

    /// Whether the next command may be carried out, or the power goes instead.
    pub fn goes_on(&mut self) -> bool {
        !self.off && self.power_goes(Effect::Command).is_none()
    }

    /// Whether the power goes at the next effect.
    fn power_goes(&mut self, effect: Effect) -> Option<Fate> {
        let fate = self.cuts.at(self.effects_done.len(), self.starting);
        self.effects_done.push(effect);
        if let Some(fate) = fate {
            self.off = true;
            self.power_cuts += 1;
            self.last_cut = match (effect, fate) {
                (Effect::Command, _) => "before a command",
                (Effect::Commit, Fate::Lost) => "commit lost",
                (Effect::Commit, Fate::Kept) => "after a commit",
                (Effect::Commit, Fate::Cut) => "commit cut short",
                (Effect::Commit, Fate::Garbled) => "commit garbled",
            };
        }
        fate
    }

    fn raises_ahead(&self, events: &[Event], now: Now) -> Vec<Command> {
        let mut park = self.park().clone();
        let steps = events.iter().map(|event| park.decide(event, now));
        let commands = steps.flat_map(|step| step.commands);
        commands
            .filter(|command| matches!(command, Command::RaiseBarrier { .. }))
            .collect()
    }
}
