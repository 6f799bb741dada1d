//! The oracle can fail: each defect that is planted is found, by the rule that it breaks.

use super::faults::Group;
use super::oracle::Rule;
use super::shrink;
use super::trace::Detail;
use crate::planted::{Defect, plant};

/// Each defect is found within so many seeds.
const SEEDS_MAX: u64 = 300;

#[test]
fn each_planted_defect_is_found_by_the_rule_that_it_breaks() {
    let defects = [
        (Defect::RaiseBeforeCommit, Rule::RaiseHasAReason),
        (Defect::NewNumberOnRetry, Rule::FrozenNeverChanges),
        (Defect::AcceptedIsDone, Rule::QueueLosesNothing),
        (Defect::StaleRaise, Rule::RaiseIsFresh),
        (Defect::WallClockSubtraction, Rule::FeeIsTheModels),
        (Defect::EntryBeforeOlderCharge, Rule::OlderChargeFirst),
        (Defect::NearMatchCharged, Rule::NearMatchIsAsked),
        (Defect::LateAnswerMovesBack, Rule::StatesMoveForward),
        (Defect::PaidWhileUnknown, Rule::OneChannel),
        (Defect::NumberReusedAfterRestore, Rule::NumbersAreNew),
        (Defect::FeeOneStepTooHigh, Rule::FeeIsTheModels),
        (Defect::UnverifiedBelieved, Rule::OnlyVerifiedAnswersCount),
        (Defect::StaleReadingRaises, Rule::OnlyLiveReadingsRaise),
        (Defect::RecordLost, Rule::FoldIsTheState),
        (Defect::GuardIgnored, Rule::GuardedIsNotFiled),
        (Defect::ExposureUnlimited, Rule::ExposureIsLimited),
    ];
    for (defect, rule) in defects {
        plant(Some(defect));
        let found = (0..SEEDS_MAX).find_map(|seed| {
            let outcome = shrink::run(seed, &Group::all(), Detail::Digest);
            Some((seed, outcome.violation?))
        });
        plant(None);
        let Some((seed, violation)) = found else {
            panic!("{defect:?} is not found in {SEEDS_MAX} seeds");
        };
        println!("{defect:?} is found by seed {seed}: {}", violation.rule.name());
        assert_eq!(violation.rule, rule, "{defect:?}, seed {seed}: {}", violation.what);
    }
}

#[test]
fn the_page_names_every_rule_and_no_other() {
    let page = include_str!("../../docs/simulation.md");
    let first_cells = page.lines().filter_map(|line| line.split('|').nth(1));
    let named: Vec<&str> = first_cells.map(str::trim).filter(|name| name.contains('-')).collect();
    let named: Vec<&str> = named.into_iter().filter(|name| !name.starts_with("--")).collect();
    let rules: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(named, rules);
}
