//! The whole ledger checked: sums, hash chain, gaps.

use std::path::Path;

use crate::lane::number::LedgerId;

use super::error::LedgerError;
use super::finding::Finding;
use super::history::Commits;

/// What a check of the whole ledger came to.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Report {
    /// `None` if nothing is readable.
    pub ledger_id: Option<LedgerId>,
    pub segments: u64,
    pub commits: u64,
    pub records: u64,
    /// Records whose payload has been erased. The chain holds without it.
    pub erased: u64,
    /// 0 if there is no record.
    pub first_seq: u64,
    pub last_seq: u64,
    /// The hash chain's head after the last commit: whoever noted an earlier head or this one can
    /// tell later whether the ledger was altered.
    pub head: Option<[u8; 32]>,
    pub findings: Vec<Finding>,
}

impl Report {
    /// Whether nothing is amiss. A commit that was superseded harms nobody.
    pub fn is_sound(&self) -> bool {
        self.findings
            .iter()
            .all(|finding| matches!(finding, Finding::Superseded { .. }))
    }
}

/// Reads everything and checks it. Needs no lock; beside a running daemon, a commit that is being
/// written at that very moment may show as [`Finding::PossiblyLost`]: run it again then.
pub(super) fn verify(dir: &Path) -> Result<Report, LedgerError> {
    let mut commits = Commits::of(dir)?;
    let mut report = Report {
        ledger_id: commits.ledger_id(),
        ..Report::default()
    };
    for commit in &mut commits {
        let commit = commit?;
        if report.commits == 0 {
            report.first_seq = commit.first_seq;
        }
        report.commits += 1;
        report.last_seq = commit.last_seq();
        report.records += u64::try_from(commit.records.len()).unwrap_or(u64::MAX);
        report.erased += u64::try_from(commit.erased.len()).unwrap_or(u64::MAX);
    }
    let next = commits.chain.next();
    report.head = next.map(|next| next.head);
    report.segments = commits.segments;
    report.findings = std::mem::take(&mut commits.findings);
    if commits.chain.in_doubt() {
        let after_seq = next.map_or(0, |next| next.seq - 1);
        report.findings.push(Finding::PossiblyLost { after_seq });
    }
    Ok(report)
}
