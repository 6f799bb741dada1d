//! The preparation for WeChat Pay's parking service (接入前准备), from the merchant's first day: which steps
//! there are, what can be seen of each from here, what only a person can say, and who has said it.

mod checklist;
mod drafts;
mod step;
#[cfg(test)]
mod tests;

pub use self::checklist::{Checklist, Confirmation, SaveFault};
pub use self::drafts::draft;
pub use self::step::Step;

use serde::Serialize;

use crate::bilingual::Both;
use crate::config::Config;
use crate::doctor::{Finding, Outcome, merchant};
use crate::lane::time::Wall;

/// How a step stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// Nothing is wrong that can be seen from here, and who had to has confirmed.
    Done,
    /// Somebody has to do it, or to confirm that it is done.
    Open,
    /// It was looked at, and is wrong.
    Failed,
    /// There is nothing to do.
    Note,
}

/// A step as it is shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Row {
    pub step: Step,
    pub state: State,
    /// What it is about.
    pub about: Both,
    /// What can be checked from this box, and how.
    pub checked_here: Both,
    /// What a person has to confirm; none where the box sees everything.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub to_confirm: Option<Both>,
    /// A text to copy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub draft: Option<Both>,
    /// What was found by looking.
    pub findings: Vec<Finding>,
    /// Who has confirmed it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub confirmed: Option<Confirmation>,
}

/// Every step that this merchant has, in order.
pub fn rows(config: &Config, checklist: &Checklist, now: Wall) -> Vec<Row> {
    let all = merchant::look(config, now);
    let steps = Step::of(config.merchant.sub.is_some());
    steps
        .map(|step| row(step, config, checklist, &all))
        .collect()
}

fn row(step: Step, config: &Config, checklist: &Checklist, all: &[Finding]) -> Row {
    let of_step = |finding: &&Finding| step.checks().contains(&finding.step);
    let findings: Vec<Finding> = all.iter().filter(of_step).cloned().collect();
    let confirmed = checklist.confirmation(step, config).cloned();
    let has_failed = findings.iter().any(|it| it.outcome == Outcome::Failed);
    let to_confirm = step.to_confirm();
    let state = match (&to_confirm, &confirmed) {
        _ if has_failed => State::Failed,
        (None, _) if findings.is_empty() => State::Note,
        (None, _) | (Some(_), Some(_)) => State::Done,
        (Some(_), None) => State::Open,
    };
    Row {
        step,
        state,
        about: step.about().into(),
        checked_here: step.checked_here().into(),
        to_confirm: to_confirm.map(Both::from),
        draft: draft(step, config),
        findings,
        confirmed,
    }
}
