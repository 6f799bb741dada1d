//! What a look brought.

use serde::Serialize;

use super::step::Step;
use crate::bilingual::Both;

/// What a look came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// In order, as far as it was looked at.
    Passed,
    /// Not in order.
    Failed,
    /// Cannot be told from here, or not now.
    CannotTell,
}

/// One look.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub step: Step,
    /// Which of several: a host, a lane, a file.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub subject: Option<String>,
    pub outcome: Outcome,
    /// What was found.
    pub found: Both,
    /// What to do; none where nothing is to be done.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<Both>,
    /// The call that WeChat was asked with.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub call: Option<&'static str>,
}

/// All looks, in order.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Report {
    pub findings: Vec<Finding>,
}

impl Finding {
    /// It is in order.
    pub fn passed(step: Step, found: Both) -> Self {
        Self {
            step,
            subject: None,
            outcome: Outcome::Passed,
            found,
            fix: None,
            call: None,
        }
    }

    /// It is not.
    pub fn failed(step: Step, found: Both, fix: Both) -> Self {
        Self {
            outcome: Outcome::Failed,
            fix: Some(fix),
            ..Self::passed(step, found)
        }
    }

    /// Nobody can say from here; `fix` says how it can be told.
    pub fn cannot_tell(step: Step, found: Both, fix: Both) -> Self {
        Self {
            outcome: Outcome::CannotTell,
            fix: Some(fix),
            ..Self::passed(step, found)
        }
    }

    /// Of this one of several.
    pub fn of(mut self, subject: impl Into<String>) -> Self {
        self.subject = Some(subject.into());
        self
    }

    /// WeChat was asked with this call.
    pub fn asked(mut self, call: &'static str) -> Self {
        self.call = Some(call);
        self
    }
}

impl Report {
    pub fn push(&mut self, finding: Finding) {
        self.findings.push(finding);
    }

    pub fn extend(&mut self, findings: impl IntoIterator<Item = Finding>) {
        self.findings.extend(findings);
    }

    /// How many looks came to this.
    pub fn count(&self, outcome: Outcome) -> usize {
        let like = |finding: &&Finding| finding.outcome == outcome;
        self.findings.iter().filter(like).count()
    }
}
