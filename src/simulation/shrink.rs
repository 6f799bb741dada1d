//! One run and what came of it; and which of its faults a failure needs.

use std::collections::BTreeSet;
use std::panic::{AssertUnwindSafe, catch_unwind};

use super::faults::{Group, Tally};
use super::oracle::{Rule, Violation, Way};
use super::trace::Detail;
use super::world::World;

/// What came of one run.
pub struct Outcome {
    pub violation: Option<Violation>,
    pub digest: String,
    pub last: Vec<String>,
    pub passages: u64,
    pub tally: Tally,
    /// Kinds of the records that reached the disk, as they are numbered there.
    pub kinds: BTreeSet<u16>,
    /// By what one stay was paid, two by two.
    pub ways: BTreeSet<(Way, Way)>,
}

/// Runs a seed with faults of these groups alone.
pub fn run(seed: u64, groups: &BTreeSet<Group>, detail: Detail) -> Outcome {
    let mut world = World::new(seed, groups, detail);
    let panicked = catch_unwind(AssertUnwindSafe(|| world.run()));
    let violation = match panicked {
        Ok(()) => world.violation.take(),
        Err(panic) => Some(Violation {
            rule: Rule::NoPanic,
            what: said(&*panic),
        }),
    };
    Outcome {
        violation,
        digest: world.digest(),
        last: world.trace.last(),
        passages: world.passages(),
        tally: world.tally.clone(),
        kinds: world.machine.disk.kinds(),
        ways: world.oracle.ways_that_met(),
    }
}

/// The fewest groups with which this rule still breaks: each is left out in turn, for good if nothing
/// changes by it.
pub fn shrunk(seed: u64, rule: Rule) -> BTreeSet<Group> {
    let mut groups = Group::all();
    for group in Group::ALL {
        let mut fewer = groups.clone();
        fewer.remove(&group);
        let broken = run(seed, &fewer, Detail::Digest).violation;
        if broken.is_some_and(|violation| violation.rule == rule) {
            groups = fewer;
        }
    }
    groups
}

/// Everything that a person needs to look into a failure.
pub fn report(seed: u64) -> String {
    let outcome = run(seed, &Group::all(), Detail::Last);
    let Some(Violation { rule, what }) = outcome.violation else {
        return format!("seed {seed}: it does not fail again, which is a fault of the simulation");
    };
    let groups = shrunk(seed, rule);
    format!(
        "seed {seed} breaks {}: {what}\n\
         the last {} lines:\n{}\n\
         it needs faults of {groups:?} only; PARKGATE_SEED={seed} shows the whole run",
        rule.name(),
        outcome.last.len(),
        outcome.last.join("\n"),
    )
}

fn said(panic: &(dyn std::any::Any + Send)) -> String {
    let text = panic.downcast_ref::<&str>().map(|text| (*text).to_owned());
    let text = text.or_else(|| panic.downcast_ref::<String>().cloned());
    text.unwrap_or_else(|| "a panic without a text".to_owned())
}
