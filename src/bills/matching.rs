//! Bills and the ledger, stay by stay. Each is read once.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::path::Path;

use super::bill::BillFault;
use super::day::Day;
use super::flowing;
use super::held::{EDGE_MS, Held, HeldRefund, Settled};
use super::keep::{Bill, Bills};
use super::report::{Difference, Report, What};
use super::told::{Own, Told, numbers};
use crate::lane::number::LedgerId;
use crate::lane::time::Wall;
use crate::park::record::Record;
use crate::store::ledger::{Ledger, LedgerError};
use crate::story::steps;
use crate::wechat::bill::Kind;

/// Why they could not be compared.
#[derive(Debug, thiserror::Error)]
pub enum MatchFault {
    /// The bill.
    #[error(transparent)]
    Bill(#[from] BillFault),
    /// The fund-flow bill.
    #[error("the fund-flow bill")]
    Flow(#[source] BillFault),
    /// It was not fetched.
    #[error("the bill of {0} is not here; `parkgate bill fetch --date {0}` fetches it")]
    NotFetched(Day),
    /// Its file cannot be opened.
    #[error("the bill cannot be opened")]
    NotOpened(#[from] io::Error),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A folder without a ledger.
    #[error("there is no ledger")]
    NoLedger,
}

/// The box's clock and WeChat's are not further apart: nothing is signed with one that is.
const CLOCKS_APART_MS: i64 = 60 * 60 * 1000;
/// In the bills of so many days before a number is looked for.
const LOOKED_FOR_DAYS: i64 = 7;

/// Where bills and what the ledger recorded are read.
pub(crate) trait Sources {
    /// None: that bill is not here.
    fn bill(&self, kind: Kind, day: Day) -> io::Result<Option<Bill>>;

    /// Each record with the time of its step, from the newest whole state on that lies before `since`, or from
    /// the first one on.
    fn records(
        &self,
        since: Option<Wall>,
        hear: &mut dyn FnMut(&Record, Wall),
    ) -> Result<(), LedgerError>;
}

/// Compares the bills of a day with each other and with the ledger in `dir`.
///
/// # Errors
/// When one of them cannot be read, or the trade bill is not here.
pub fn compare(bills: &Bills, day: Day, dir: &Path) -> Result<Report, MatchFault> {
    if !bills.has(Kind::Trade, day) {
        return Err(MatchFault::NotFetched(day));
    }
    let ledger = Ledger::read_all(dir)?.ledger_id();
    let ledger = ledger.ok_or(MatchFault::NoLedger)?;
    compare_in(&Files { bills, dir }, day, ledger)
}

/// As [`compare`], of this ledger.
pub(crate) fn compare_in(
    sources: &dyn Sources,
    day: Day,
    ledger: LedgerId,
) -> Result<Report, MatchFault> {
    let bill = sources.bill(Kind::Trade, day)?;
    let bill = bill.ok_or(MatchFault::NotFetched(day))?;
    let mut report = Report {
        day: day.to_string(),
        ledger: ledger.to_string(),
        no_trade: matches!(bill, Bill::Nothing),
        ..Report::default()
    };
    let (told, totals) = Told::read(bill, ledger, &mut report)?;
    // What is in a day's bill was open on that day; by the box's clock that may have been a little earlier.
    let since = day.begins().plus_ms(-CLOCKS_APART_MS);
    let mut held = Held::read(sources, &told, day, Some(since))?;
    // Credited days after it settled, or the clock was wrong then: it stands further back.
    if !held.has_all_of(&told) {
        held = Held::read(sources, &told, day, None)?;
    }
    let mut before = Before {
        sources,
        ledger,
        day,
        numbers: BTreeMap::new(),
    };
    charges_against(&told, &held, day, &mut before, &mut report)?;
    refunds_against(&told, &held, day, &mut before, &mut report)?;
    if let Some(flow) = sources.bill(Kind::FundFlow, day)? {
        let flows = flowing::compare(flow, &told, &held, day, ledger, &mut report);
        report.flow = Some(flows.map_err(MatchFault::Flow)?);
    }
    report.close(&totals, told.own_fee);
    Ok(report)
}

/// A box's store.
struct Files<'a> {
    bills: &'a Bills,
    dir: &'a Path,
}

impl Sources for Files<'_> {
    fn bill(&self, kind: Kind, day: Day) -> io::Result<Option<Bill>> {
        self.bills.open(kind, day)
    }

    fn records(
        &self,
        since: Option<Wall>,
        hear: &mut dyn FnMut(&Record, Wall),
    ) -> Result<(), LedgerError> {
        let told = steps::read(self.dir, since, |step| {
            if let Some(record) = step.record() {
                hear(&record, step.at);
            }
        });
        told.map(|_| ())
    }
}

/// The bills of the days before, as far as they are looked into.
struct Before<'a> {
    sources: &'a dyn Sources,
    ledger: LedgerId,
    day: Day,
    /// None: that bill is not here.
    numbers: BTreeMap<Day, Option<BTreeSet<Own>>>,
}

impl Before<'_> {
    /// Whether the bill of a day from `first` on and before this one has it, or is not here to tell.
    fn may_have(&mut self, own: Own, first: Wall) -> Result<bool, MatchFault> {
        let first = Day::of(first).max(self.day.plus(-LOOKED_FOR_DAYS));
        for day in first.through(self.day.plus(-1)) {
            if !self.numbers.contains_key(&day) {
                let bill = self.sources.bill(Kind::Trade, day)?;
                let found = bill.map(|bill| numbers(bill, self.ledger)).transpose()?;
                self.numbers.insert(day, found);
            }
            let found = self.numbers.get(&day).and_then(Option::as_ref);
            if found.is_none_or(|numbers| numbers.contains(&own)) {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

fn charges_against(
    told: &Told,
    held: &Held,
    day: Day,
    before: &mut Before<'_>,
    report: &mut Report,
) -> Result<(), MatchFault> {
    for (key, payment) in &told.paid {
        let held = held.charges.get(key);
        let differs = |what| Difference::of(what, key.number());
        let difference = match held {
            None => differs(What::MissingHere).bill(payment.total_fen),
            Some(held) if held.fee_fen != payment.total_fen => differs(What::AmountDiffers)
                .bill(payment.total_fen)
                .ledger(held.fee_fen),
            Some(held) if held.settled.is_none() => differs(What::NotSettledHere)
                .bill(payment.total_fen)
                .ledger(held.fee_fen),
            Some(held) => match (payment.payer_fen, held.payer_fen) {
                (Some(there), Some(here)) if there != here => {
                    differs(What::PayerDiffers).bill(there).ledger(here)
                }
                _ => {
                    report.ok.add(payment.total_fen);
                    if let Some(fen) = payment.payer_fen {
                        let coupon_fen = payment.total_fen.saturating_sub(fen);
                        report.coupons.add_if_any(coupon_fen);
                    }
                    continue;
                }
            },
        };
        report.differs(difference);
    }
    for (key, held) in &held.charges {
        let Some(settled) = held.settled.filter(|_| !told.paid.contains_key(key)) else {
            continue;
        };
        match expected(settled, held.sent, day) {
            Expected::Elsewhere => continue,
            Expected::LookedForLater => {
                report.at_midnight.add(held.fee_fen);
                continue;
            }
            Expected::Here { since } => {
                if before.may_have(Own::Paid(*key), since)? {
                    // One of the day before is its bill's matter.
                    if settled.at() >= day.begins() {
                        report.at_midnight.add(held.fee_fen);
                    }
                    continue;
                }
            }
        }
        let missing = Difference::of(What::MissingThere, key.number());
        report.differs(missing.ledger(held.fee_fen));
    }
    Ok(())
}

/// In which bill a charge should stand.
enum Expected {
    /// In another day's.
    Elsewhere,
    /// In this one's or the next one's: when that is matched, both are looked into.
    LookedForLater,
    /// In this one's, or in that of a day from `since` on.
    Here { since: Wall },
}

/// A bill's day is WeChat's, by the time of the payment. Where the ledger knows that only by when it heard of
/// it, the payment was made at any time since the charge was sent. In either case a payment near midnight may
/// stand in the bill of either day.
fn expected(settled: Settled, sent: Option<Wall>, day: Day) -> Expected {
    let at = settled.at();
    if at < day.begins().plus_ms(-EDGE_MS) || at >= day.ends() {
        return Expected::Elsewhere;
    }
    if at >= day.ends().plus_ms(-EDGE_MS) {
        return Expected::LookedForLater;
    }
    let since = settled.paid.or(sent).unwrap_or_default();
    Expected::Here {
        since: since.plus_ms(-EDGE_MS),
    }
}

fn refunds_against(
    told: &Told,
    held: &Held,
    day: Day,
    before: &mut Before<'_>,
    report: &mut Report,
) -> Result<(), MatchFault> {
    for (key, refund) in &told.refunds {
        let held = held.refunds.get(key);
        let differs = |what| Difference::of(what, key.refund_no()).bill(refund.fen);
        match held {
            None => report.differs(differs(What::MissingHere)),
            Some(held) if held.fen != refund.fen => {
                report.differs(differs(What::AmountDiffers).ledger(held.fen));
            }
            Some(_) if planted!(RefundLeftOut) => {}
            Some(_) => report.refunded.add(refund.fen),
        }
    }
    let absent = held.refunds.iter();
    for (key, held) in absent.filter(|(key, held)| held.taken && !told.refunds.contains_key(key)) {
        let Some((first, last)) = of_day(held, day) else {
            continue;
        };
        let is_missing = !before.may_have(Own::Refund(*key), first.plus_ms(-EDGE_MS))?;
        if is_missing && last < day.ends().plus_ms(-EDGE_MS) {
            let missing = Difference::of(What::RefundMissingThere, key.refund_no());
            report.differs(missing.ledger(held.fen));
        }
    }
    Ok(())
}

/// When a refund was first and last sent, if this day's bill is the last that can have it.
fn of_day(held: &HeldRefund, day: Day) -> Option<(Wall, Wall)> {
    let begins = day.begins().plus_ms(-EDGE_MS);
    held.sent
        .filter(|(_, last)| *last >= begins && *last < day.ends())
}
