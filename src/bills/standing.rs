//! How each day stands, by the files that are kept of it: they are all that there is to know.

use serde::Serialize;

use super::day::Day;
use super::keep::{Accepted, Bills};
use super::report::Report;
use crate::lane::time::Wall;
use crate::wechat::bill::Kind;

/// A bill that is paid and not settled here is asked about; after so many days a person should know.
const PASSES_WITHIN_DAYS: i64 = 3;

/// One day.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Standing {
    pub day: Day,
    /// The trade bill is here.
    pub trade: bool,
    /// The fund-flow bill is here.
    pub fund_flow: bool,
    /// What matching them last came to.
    pub report: Option<Report>,
    /// Who has said that the day is done with.
    pub accepted: Option<Accepted>,
}

/// How far a day has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Stage {
    /// A bill is not here.
    Missing,
    /// They are here, and nobody has matched them.
    NotMatched,
    /// Everything fits.
    Matches,
    /// Something does not.
    Differs,
    /// A person says that it is done with.
    Accepted,
}

impl Standing {
    /// As the files have it.
    pub fn of(bills: &Bills, day: Day) -> Self {
        Self {
            day,
            trade: bills.has(Kind::Trade, day),
            fund_flow: bills.has(Kind::FundFlow, day),
            report: bills.report(day),
            accepted: bills.accepted(day),
        }
    }

    /// How far it has come.
    pub fn stage(&self) -> Stage {
        match &self.report {
            _ if self.accepted.is_some() => Stage::Accepted,
            _ if !self.trade || !self.fund_flow => Stage::Missing,
            None => Stage::NotMatched,
            Some(report) if report.matches() => Stage::Matches,
            Some(_) => Stage::Differs,
        }
    }

    /// Whether a person has to look at what does not fit.
    pub fn needs_a_person(&self, now: Wall) -> bool {
        let is_old = now > self.day.plus(1 + PASSES_WITHIN_DAYS).ends();
        let may_pass = |report: &Report| report.may_pass() && !is_old;
        let differs = self.report.as_ref().filter(|report| !report.matches());
        self.accepted.is_none() && differs.is_some_and(|report| !may_pass(report))
    }
}

impl Stage {
    /// As in JSON.
    pub fn code(self) -> &'static str {
        match self {
            Self::Missing => "missing",
            Self::NotMatched => "not_matched",
            Self::Matches => "matches",
            Self::Differs => "differs",
            Self::Accepted => "accepted",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::bills::report::{Difference, What};

    #[test]
    fn a_day_stands_as_its_files_say() {
        let folder = tempfile::tempdir().unwrap();
        let bills = Bills::of(folder.path());
        let day = Day::read("2026-03-01").unwrap();
        let stage = || Standing::of(&bills, day).stage();
        assert_eq!(stage(), Stage::Missing);
        bills.keep_nothing(Kind::Trade, day).unwrap();
        assert_eq!(stage(), Stage::Missing, "half of it");
        bills.keep_nothing(Kind::FundFlow, day).unwrap();
        assert_eq!(stage(), Stage::NotMatched);
        bills.keep_report(day, &Report::default()).unwrap();
        assert_eq!(stage(), Stage::Matches);
        let mut report = Report::default();
        report.differs(differs(What::MissingThere));
        bills.keep_report(day, &report).unwrap();
        assert_eq!(stage(), Stage::Differs);
        assert!(Standing::of(&bills, day).needs_a_person(day.ends()));
        let accepted = Accepted {
            by: "Li".into(),
            why: "found".into(),
            at: Wall(0),
        };
        bills.accept(day, &accepted).unwrap();
        assert_eq!(stage(), Stage::Accepted);
        assert!(!Standing::of(&bills, day).needs_a_person(day.ends()));
    }

    #[test]
    fn what_goes_on_by_itself_has_three_days_for_it() {
        let day = Day::read("2026-03-01").unwrap();
        let standing = |whats: &[What]| {
            let mut report = Report::default();
            whats.iter().for_each(|what| report.differs(differs(*what)));
            Standing {
                day,
                trade: true,
                fund_flow: true,
                report: Some(report),
                accepted: None,
            }
        };
        let (soon, late) = (day.plus(3).begins(), day.plus(5).begins().plus_ms(1));
        let asked_about = standing(&[What::NotSettledHere]);
        assert!(!asked_about.needs_a_person(soon));
        assert!(asked_about.needs_a_person(late));
        assert!(standing(&[What::NotSettledHere, What::AmountDiffers]).needs_a_person(soon));
        assert!(!standing(&[]).needs_a_person(late));
    }

    fn differs(what: What) -> Difference {
        Difference {
            what,
            number: "T1".into(),
            bill_fen: None,
            ledger_fen: None,
            flow_fen: None,
        }
    }
}
