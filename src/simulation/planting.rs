//! The oracle can fail: each defect that is planted is found, by the rule that it breaks.

use std::sync::Mutex;

use super::faults::Group;
use super::oracle::Rule;
use super::shrink;
use super::trace::Detail;
use crate::planted::{Defect, plant};

/// Each defect is found within so many seeds; some break one of two rules, whichever comes first.
const SEEDS_MAX: u64 = 300;

#[test]
fn each_planted_defect_is_found_by_the_rule_that_it_breaks() {
    let defects: [(Defect, &[Rule]); 33] = [
        (Defect::RaiseBeforeCommit, &[Rule::RaiseHasAReason]),
        (Defect::NewNumberOnRetry, &[Rule::FrozenNeverChanges]),
        (
            Defect::AcceptedIsDone,
            &[Rule::ReasonIsTrue, Rule::QueueLosesNothing],
        ),
        (Defect::StaleRaise, &[Rule::RaiseIsFresh]),
        (
            Defect::WallClockSubtraction,
            &[Rule::FeeIsTheModels, Rule::ReasonIsTrue],
        ),
        (Defect::EntryBeforeOlderCharge, &[Rule::OlderChargeFirst]),
        (Defect::NearMatchCharged, &[Rule::NearMatchIsAsked]),
        (Defect::LateAnswerMovesBack, &[Rule::StatesMoveForward]),
        (
            Defect::PaidWhileUnknown,
            &[Rule::OneChannel, Rule::StatesMoveForward],
        ),
        (Defect::NumberReusedAfterRestore, &[Rule::NumbersAreNew]),
        (Defect::FeeOneStepTooHigh, &[Rule::FeeIsTheModels]),
        (
            Defect::UnverifiedBelieved,
            &[Rule::OnlyVerifiedAnswersCount],
        ),
        (Defect::StaleReadingRaises, &[Rule::OnlyLiveReadingsRaise]),
        (
            Defect::RecordLost,
            &[Rule::FoldIsTheState, Rule::QueueLosesNothing],
        ),
        (
            Defect::GuardIgnored,
            &[Rule::GuardedIsNotFiled, Rule::ReasonIsTrue],
        ),
        (Defect::ExposureUnlimited, &[Rule::ExposureIsLimited]),
        (Defect::ReviewedTwice, &[Rule::OneChargeAStay]),
        (Defect::CorrectedTwice, &[Rule::CorrectionIsOfWhatIsFiled]),
        (Defect::PartForgotten, &[Rule::PaidOnce]),
        (Defect::ListForgotten, &[Rule::ListsHold]),
        (Defect::RefundUnlimited, &[Rule::RefundWithinCharge]),
        (Defect::RefundDoneTooSoon, &[Rule::WechatAgrees]),
        (
            Defect::ForgedNoticeBelieved,
            &[Rule::OnlyVerifiedAnswersCount],
        ),
        (Defect::NoticeTakenTwice, &[Rule::NoticeCountsOnce]),
        (Defect::NoticeAnsweredUnwritten, &[Rule::NoticeOnDiskFirst]),
        (Defect::ChargedBesideCode, &[Rule::OneAmountDue]),
        (Defect::LateCodeForgotten, &[Rule::OneAmountDue]),
        (Defect::RefundLeftOut, &[Rule::BillsAgree]),
        (Defect::CouponForgotten, &[Rule::BillsAgree]),
        (Defect::CouponTakenTwice, &[Rule::PaidOnce]),
        (Defect::StoreNotDebited, &[Rule::PaidOnce]),
        (Defect::ZoneForgotten, &[Rule::FeeIsTheModels]),
        (Defect::OthersBillIsOurs, &[Rule::BillsAgree]),
    ];
    let wrong = Mutex::new(Vec::new());
    let left = Mutex::new(defects.to_vec());
    let workers = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        for _ in 0..workers {
            scope.spawn(|| {
                while let Some((defect, rules)) = { left.lock().unwrap().pop() } {
                    let told = search(defect, rules);
                    wrong.lock().unwrap().extend(told);
                }
            });
        }
    });
    let wrong = wrong.into_inner().unwrap();
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// The first seed that a defect shows in. Says what is wrong if it shows in none, or breaks
/// another rule.
fn search(defect: Defect, rules: &[Rule]) -> Option<String> {
    plant(Some(defect));
    let found = (0..SEEDS_MAX).find_map(|seed| {
        let outcome = shrink::run(seed, &Group::all(), Detail::Digest);
        Some((seed, outcome.violation?))
    });
    plant(None);
    let Some((seed, violation)) = found else {
        return Some(format!("{defect:?} is not found in {SEEDS_MAX} seeds"));
    };
    let broken = violation.rule.name();
    println!("{defect:?} is found by seed {seed}: {broken}");
    let what = &violation.what;
    (!rules.contains(&violation.rule))
        .then(|| format!("{defect:?}, seed {seed}, breaks {broken}: {what}"))
}

#[test]
fn the_page_names_every_rule_and_no_other() {
    let page = include_str!("../../docs/simulation.md");
    let first_cells = page.lines().filter_map(|line| line.split('|').nth(1));
    let named: Vec<&str> = first_cells
        .map(str::trim)
        .filter(|name| name.contains('-'))
        .collect();
    let named: Vec<&str> = named
        .into_iter()
        .filter(|name| !name.starts_with("--"))
        .collect();
    let rules: Vec<&str> = Rule::ALL.iter().map(|rule| rule.name()).collect();
    assert_eq!(named, rules);
}
