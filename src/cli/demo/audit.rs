//! The final account: what the daemon says, held against what WeChat's books and the car park say.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::timeline::{Followed, Standing};
use crate::lane::plate::PlateNumber;
use crate::lane::tariff::yuan;
use crate::sim::site::{SiteReport, percentile};
use crate::sim::wechat::{Books, OrderState};

/// The JSON line of `parkgate demo --headless`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Sums {
    /// Cars that came in and left.
    pub passages: usize,
    /// The daemon's own sums.
    pub charged_fen: u64,
    pub settled_fen: u64,
    pub handed_to_staff_fen: u64,
    pub withdrawn_fen: u64,
    /// Charges that are neither settled nor with the staff nor withdrawn.
    pub queued: u64,
    /// Those of them whose answer was lost.
    pub unknown: u64,
    /// Stays that ended and whose money is neither in WeChat's books nor with the staff, nor let off.
    pub lost: usize,
    /// Charges in WeChat's books beyond one for each stay, or of a stay that staff collects as well.
    pub doubled: usize,
    /// From reading to relay.
    pub p50_ms: u64,
    pub p99_ms: u64,
}

/// The account and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Audit {
    pub sums: Sums,
    /// In words; empty when all is well.
    pub faults: Vec<String>,
}

/// What there is to compare.
pub struct Evidence<'a> {
    /// The daemon's answer to `status`.
    pub status: &'a Value,
    /// The charges as its records tell of them.
    pub charges: &'a BTreeMap<String, Followed>,
    /// What happened on the ground.
    pub site: &'a SiteReport,
    /// The outside judge.
    pub books: &'a Books,
}

impl Sums {
    /// The line, without its end.
    pub fn to_json(&self) -> String {
        serde_json::to_string(self).expect("a struct of integers always serialises")
    }
}

impl Audit {
    /// Draws up the account.
    pub fn of(evidence: &Evidence<'_>) -> Self {
        let sums = evidence.sums();
        let faults = evidence.faults(&sums);
        Self { sums, faults }
    }
}

impl Evidence<'_> {
    fn sums(&self) -> Sums {
        let latencies = self.site.latencies_ms();
        Sums {
            passages: self.site.passages(),
            charged_fen: self.number("/totals/opened/fen"),
            settled_fen: self.number("/totals/settled/fen"),
            handed_to_staff_fen: self.number("/totals/handed_to_staff/fen"),
            withdrawn_fen: self.number("/totals/withdrawn/fen"),
            queued: queued(self.status),
            unknown: self.number("/queue/unknown"),
            lost: self.lost().len(),
            doubled: self.doubled(),
            p50_ms: percentile(&latencies, 50),
            p99_ms: percentile(&latencies, 99),
        }
    }

    fn number(&self, path: &str) -> u64 {
        number(self.status, path)
    }

    /// Cars that left, and charges that the daemon takes for settled, without WeChat's having the
    /// money.
    fn lost(&self) -> BTreeSet<&PlateNumber> {
        let charged: BTreeSet<&str> = self.books.orders.iter().map(|o| &*o.plate).collect();
        let finished_otherwise: BTreeSet<&PlateNumber> = self
            .charges
            .values()
            .filter(|charge| charge.standing.is_finished_without_wechat())
            .map(|charge| &charge.plate)
            .collect();
        let left = self.site.visits.iter().filter(|visit| visit.gone);
        let unaccounted = left
            .map(|visit| &visit.plate)
            .filter(|plate| !charged.contains(plate.as_str()))
            .filter(|plate| !finished_otherwise.contains(plate));
        let imagined = self
            .charges
            .iter()
            .filter(|(_, charge)| charge.standing == Standing::Settled)
            .filter(|(trade_no, charge)| {
                !self.books.order(trade_no).is_some_and(|order| {
                    order.state == OrderState::Success && order.total_fen == charge.fee_fen
                })
            })
            .map(|(_, charge)| &charge.plate);
        unaccounted.chain(imagined).collect()
    }

    /// No plate comes twice, so that a second charge of a plate is a second charge of its stay.
    fn doubled(&self) -> usize {
        let mut of_plate: BTreeMap<&str, usize> = BTreeMap::new();
        for order in &self.books.orders {
            *of_plate.entry(&order.plate).or_default() += 1;
        }
        let beyond_one: usize = of_plate.values().map(|orders| orders - 1).sum();
        let also_collected = self.books.orders.iter().filter(|order| {
            let charge = self.charges.get(&order.out_trade_no);
            order.state != OrderState::PayFail
                && charge.is_none_or(|charge| charge.standing.is_finished_without_wechat())
        });
        beyond_one + also_collected.count()
    }

    fn faults(&self, sums: &Sums) -> Vec<String> {
        let mut faults = Vec::new();
        let accounted = [
            sums.settled_fen,
            sums.handed_to_staff_fen,
            sums.withdrawn_fen,
        ]
        .into_iter()
        .fold(0_u64, u64::saturating_add);
        if sums.charged_fen != accounted {
            faults.push(format!(
                "{} yuan were charged and {} are accounted for",
                yuan(sums.charged_fen),
                yuan(accounted)
            ));
        }
        let paid_fen = self.books.fen_in(OrderState::Success);
        if sums.settled_fen != paid_fen {
            faults.push(format!(
                "the daemon says that {} yuan are settled, and WeChat that {} are",
                yuan(sums.settled_fen),
                yuan(paid_fen)
            ));
        }
        let counts = [
            (sums.queued, "charges are still in the queue"),
            (sums.unknown, "charges have an unknown fate"),
            (count(sums.lost), "stays were not charged"),
            (count(sums.doubled), "charges were made twice"),
            (
                count(self.site.not_raised()),
                "cars waited in vain for a barrier",
            ),
            (
                count(self.books.violations.len()),
                "requests were none that WeChat takes",
            ),
        ];
        for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
            faults.push(format!("{count} {what}"));
        }
        for violation in &self.books.violations {
            faults.push(format!(
                "{:?} on {:?}: {}",
                violation.kind, violation.call, violation.detail
            ));
        }
        faults
    }
}

/// Charges that are still in the queue, by the daemon's answer to `status`: what was opened and has
/// come to none of its three ends, in whatever state it is.
pub fn queued(status: &Value) -> u64 {
    let count = |end: &str| number(status, &format!("/totals/{end}/count"));
    ["settled", "handed_to_staff", "withdrawn"]
        .into_iter()
        .map(count)
        .fold(count("opened"), u64::saturating_sub)
}

/// A number in the daemon's answer. What is not there fails the account rather than passing it.
fn number(status: &Value, path: &str) -> u64 {
    let found = status.pointer(path).and_then(Value::as_u64);
    found.unwrap_or(u64::MAX)
}

fn count(count: usize) -> u64 {
    u64::try_from(count).unwrap_or(u64::MAX)
}
