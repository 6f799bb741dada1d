//! The final account: what the daemon says, held against what WeChat's books and the car park say.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;
use serde_json::Value;

use super::timeline::{Followed, Standing};
use crate::lane::plate::PlateNumber;
use crate::lane::tariff::yuan;
use crate::sim::site::{SiteReport, percentile};
use crate::sim::wechat::{Books, OrderRow, OrderState};

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
            lost: self.lost(),
            doubled: self.doubled(),
            p50_ms: percentile(&latencies, 50),
            p99_ms: percentile(&latencies, 99),
        }
    }

    fn number(&self, path: &str) -> u64 {
        number(self.status, path)
    }

    /// Stays of cars that left, and charges that the daemon takes for settled, without WeChat's
    /// having the money. Of a plate that came several times, as many as are missing.
    fn lost(&self) -> usize {
        let mut gone: BTreeMap<&PlateNumber, usize> = BTreeMap::new();
        // The demo's prices let nobody off but those who park free by law.
        let left = self.site.visits.iter().filter(|visit| visit.gone);
        for visit in left.filter(|visit| !visit.plate.is_special()) {
            *gone.entry(&visit.plate).or_default() += 1;
        }
        let mut imagined: BTreeMap<&PlateNumber, usize> = BTreeMap::new();
        for (trade_no, charge) in self.charges {
            let is_paid = self.books.order(trade_no).is_some_and(|order| {
                order.state == OrderState::Success && order.total_fen == charge.fee_fen
            });
            if charge.standing == Standing::Settled && !is_paid {
                *imagined.entry(&charge.plate).or_default() += 1;
            }
        }
        let plates: BTreeSet<&PlateNumber> = gone.keys().chain(imagined.keys()).copied().collect();
        let missing = |plate: &PlateNumber| {
            let gone = gone.get(plate).copied().unwrap_or_default();
            let unaccounted = gone.saturating_sub(self.stays_accounted(plate));
            unaccounted.max(imagined.get(plate).copied().unwrap_or_default())
        };
        plates.into_iter().map(missing).sum()
    }

    /// How many stays of a plate are in WeChat's books, or finished without WeChat.
    fn stays_accounted(&self, plate: &PlateNumber) -> usize {
        let charged = self.books.orders_of(plate.as_str());
        let charged = charged.map(|order| self.stay_of(order));
        let finished = self.charges.values().filter(|charge| {
            charge.plate == *plate && charge.standing.is_finished_without_wechat()
        });
        let finished = finished.map(|charge| &*charge.session.0);
        charged.chain(finished).collect::<BTreeSet<&str>>().len()
    }

    /// The stay that an order is for; one that the daemon does not know of is a stay of its own.
    fn stay_of<'a>(&'a self, order: &'a OrderRow) -> &'a str {
        match self.charges.get(&order.out_trade_no) {
            Some(charge) => &charge.session.0,
            None => &order.out_trade_no,
        }
    }

    /// A plate owes once for each stay, and no more often than it was here.
    fn doubled(&self) -> usize {
        let mut of_plate: BTreeMap<&str, Vec<&OrderRow>> = BTreeMap::new();
        for order in &self.books.orders {
            of_plate.entry(&order.plate).or_default().push(order);
        }
        let beyond = |(plate, orders): (&str, Vec<&OrderRow>)| {
            let stays: BTreeSet<&str> = orders.iter().map(|order| self.stay_of(order)).collect();
            let visits = self.site.visits.iter();
            let visits = visits.filter(|visit| visit.plate.as_str() == plate).count();
            orders.len().saturating_sub(stays.len().min(visits))
        };
        let beyond_stays: usize = of_plate.into_iter().map(beyond).sum();
        let also_collected = self.books.orders.iter().filter(|order| {
            let charge = self.charges.get(&order.out_trade_no);
            order.state != OrderState::PayFail
                && charge.is_none_or(|charge| charge.standing.is_finished_without_wechat())
        });
        beyond_stays + also_collected.count()
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
