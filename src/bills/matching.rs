//! A bill and the ledger, stay by stay. The bill is read once, the ledger once; in memory is what one day of
//! this box comes to, and what of its charges was open before.

use std::collections::BTreeMap;
use std::io;
use std::path::Path;

use super::bill::{self, BillFault, Row, RowState, Totals};
use super::day::Day;
use super::keep::{Bill, Bills};
use super::report::{Difference, Report, What};
use crate::charges::charge::{Charge, ChargeState};
use crate::charges::record::MoneyRecord;
use crate::charges::refund::{Refund, RefundState};
use crate::lane::number::{LedgerId, NumberKey};
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
    /// It was not fetched.
    #[error("the bill of {0} is not here; `parkgate bill fetch --date {0}` fetches it")]
    NotFetched(Day),
    /// Its file cannot be opened.
    #[error("the bill cannot be opened")]
    NotOpened(#[source] io::Error),
    /// The ledger.
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    /// A folder without a ledger.
    #[error("there is no ledger")]
    NoLedger,
}

/// The box's clock and WeChat's are not further apart: nothing is signed with one that is.
const CLOCKS_APART_MS: i64 = 60 * 60 * 1000;

/// What a bill says of this ledger's numbers.
#[derive(Default)]
struct Told {
    /// What was paid, fen, of each charge.
    paid: BTreeMap<NumberKey, u64>,
    /// What went back, fen, of each refund.
    refunds: BTreeMap<NumberKey, u64>,
    own_fee: i64,
}

/// What the ledger says of a charge.
struct Held {
    fee_fen: u64,
    /// When it was first sent.
    sent: Option<Wall>,
    settled: Option<Wall>,
}

/// What the ledger says of a refund.
struct HeldRefund {
    fen: u64,
    sent: Option<Wall>,
    taken: bool,
}

/// Compares the bill of a day with the ledger in `dir`.
///
/// # Errors
/// When one of them cannot be read.
pub fn compare(bills: &Bills, day: Day, dir: &Path) -> Result<Report, MatchFault> {
    let bill = bills
        .open(Kind::Trade, day)
        .map_err(MatchFault::NotOpened)?;
    let bill = bill.ok_or(MatchFault::NotFetched(day))?;
    let ledger = Ledger::read_all(dir)?.ledger_id();
    let ledger = ledger.ok_or(MatchFault::NoLedger)?;
    let mut report = Report {
        day: day.to_string(),
        ledger: ledger.to_string(),
        no_trade: matches!(bill, Bill::Nothing),
        ..Report::default()
    };
    let mut told = Told::default();
    let totals = match bill {
        Bill::Nothing => Totals::default(),
        Bill::Lines(lines) => bill::read(lines, |row| told.hear(&row, ledger, &mut report))?,
    };
    // What is in a day's bill was open on that day; by the box's clock that may have been a little earlier.
    let since = day.begins().plus_ms(-CLOCKS_APART_MS);
    let (mut charges, mut refunds) = held(dir, &told, day, Some(since))?;
    // Credited days after it settled, or the clock was wrong then: it stands further back.
    if !told.are_all_in(&charges, &refunds) {
        (charges, refunds) = held(dir, &told, day, None)?;
    }
    charges_against(&told, &charges, day, &mut report);
    refunds_against(&told, &refunds, day, &mut report);
    report.close(&totals, told.own_fee);
    Ok(report)
}

impl Told {
    fn are_all_in(&self, charges: &Charges, refunds: &Refunds) -> bool {
        self.paid.keys().all(|key| charges.contains_key(key))
            && self.refunds.keys().all(|key| refunds.contains_key(key))
    }

    fn hear(&mut self, row: &Row, ledger: LedgerId, report: &mut Report) {
        let number = NumberKey::of_trade_no(&row.trade_no);
        let is_own = |key: NumberKey| LedgerId::of_session(&key.session()) == Some(ledger);
        let Some(number) = number.filter(|key| is_own(*key)) else {
            match row.state {
                RowState::Refund => report.others_refunded.add(row.refund_fen),
                RowState::Paid | RowState::Other => report.others.add(row.total_fen),
            }
            return;
        };
        self.own_fee = self.own_fee.saturating_add(row.fee);
        match row.state {
            RowState::Paid | RowState::Other => {
                if self.paid.insert(number, row.total_fen).is_some() {
                    report.differs(Difference {
                        what: What::TwiceThere,
                        number: number.trade_no(),
                        bill_fen: Some(row.total_fen),
                        ledger_fen: None,
                    });
                }
            }
            RowState::Refund => match NumberKey::of_refund_no(&row.refund_no) {
                Some(refund) if is_own(refund) => {
                    self.refunds.insert(refund, row.refund_fen);
                }
                _ => report.differs(Difference {
                    what: What::RefundFromElsewhere,
                    number: number.trade_no(),
                    bill_fen: Some(row.refund_fen),
                    ledger_fen: None,
                }),
            },
        }
    }
}

type Charges = BTreeMap<NumberKey, Held>;
type Refunds = BTreeMap<NumberKey, HeldRefund>;

/// What the ledger says of the bill's numbers and of what it settled on that day.
fn held(
    dir: &Path,
    told: &Told,
    day: Day,
    since: Option<Wall>,
) -> Result<(Charges, Refunds), LedgerError> {
    let (mut charges, mut refunds) = (Charges::new(), Refunds::new());
    steps::read(dir, since, |step| match step.record() {
        Some(Record::Checkpoint(snapshot)) => {
            let book = &snapshot.book;
            book.charges()
                .chain(book.desk())
                .for_each(|charge| stood(&mut charges, &charge));
            let all = book.refunds().open();
            all.for_each(|refund| refund_stood(&mut refunds, refund));
        }
        Some(Record::PartOfState(part)) => {
            let all = part.charges.iter().chain(&part.desk);
            all.for_each(|charge| stood(&mut charges, charge));
            let rest = part.rest.iter();
            rest.flat_map(|rest| rest.book.refunds().open())
                .for_each(|refund| refund_stood(&mut refunds, refund));
        }
        Some(Record::Money(record)) => {
            hear(&mut charges, &mut refunds, told, day, &record, step.at);
        }
        _ => {}
    })?;
    Ok((charges, refunds))
}

/// A charge that was made in a part of the ledger that is not there any more.
fn stood(charges: &mut Charges, charge: &Charge) {
    if let Some(key) = NumberKey::of_trade_no(&charge.claim.trade_no) {
        charges.entry(key).or_insert_with(|| Held {
            fee_fen: charge.fee_fen(),
            sent: charge.body.as_ref().map(|_| charge.claim.exited.now.wall),
            settled: (charge.state == ChargeState::Settled).then_some(Wall::default()),
        });
    }
}

/// The same of a refund.
fn refund_stood(refunds: &mut Refunds, refund: &Refund) {
    if let Some(key) = NumberKey::of_refund_no(&refund.claim.refund_no) {
        refunds.entry(key).or_insert_with(|| HeldRefund {
            fen: refund.claim.fen,
            sent: refund.sent.as_ref().map(|sent| sent.now.wall),
            taken: matches!(
                refund.state,
                RefundState::Processing | RefundState::Abnormal | RefundState::Succeeded
            ),
        });
    }
}

fn hear(
    charges: &mut Charges,
    refunds: &mut Refunds,
    told: &Told,
    day: Day,
    record: &MoneyRecord,
    at: Wall,
) {
    match record {
        MoneyRecord::ChargeOpened { claim } => {
            if let Some(key) = NumberKey::of_trade_no(&claim.trade_no) {
                let held = Held {
                    fee_fen: claim.quote.fee_fen,
                    sent: None,
                    settled: None,
                };
                charges.insert(key, held);
            }
        }
        MoneyRecord::ChargeSent { trade_no, .. } => {
            let key = NumberKey::of_trade_no(trade_no);
            if let Some(held) = key.and_then(|key| charges.get_mut(&key)) {
                held.sent.get_or_insert(at);
            }
        }
        MoneyRecord::ChargeSettled { trade_no, .. } => {
            let Some(key) = NumberKey::of_trade_no(trade_no) else {
                return;
            };
            if let Some(held) = charges.get_mut(&key) {
                held.settled = Some(at);
                // Of another day, and the bill does not ask for it.
                if !day.has(at) && !told.paid.contains_key(&key) {
                    charges.remove(&key);
                }
            }
        }
        MoneyRecord::ChargeWithdrawn { trade_no, .. }
        | MoneyRecord::StaffFinished { trade_no, .. } => {
            let key = NumberKey::of_trade_no(trade_no);
            if let Some(key) = key.filter(|key| !told.paid.contains_key(key)) {
                charges.remove(&key);
            }
        }
        MoneyRecord::RefundAsked { refund } => {
            if let Some(key) = NumberKey::of_refund_no(&refund.refund_no) {
                let held = HeldRefund {
                    fen: refund.fen,
                    sent: None,
                    taken: false,
                };
                refunds.insert(key, held);
            }
        }
        MoneyRecord::RefundSent { refund_no, .. } => {
            let key = NumberKey::of_refund_no(refund_no);
            if let Some(held) = key.and_then(|key| refunds.get_mut(&key)) {
                held.sent = Some(at);
            }
        }
        MoneyRecord::RefundTold { refund_no, told } => {
            use crate::charges::refund::RefundTold::*;
            let key = NumberKey::of_refund_no(refund_no);
            if let Some(held) = key.and_then(|key| refunds.get_mut(&key)) {
                held.taken = matches!(told, Processing { .. } | Abnormal { .. } | Succeeded { .. });
            }
        }
        _ => {}
    }
}

fn charges_against(told: &Told, charges: &Charges, day: Day, report: &mut Report) {
    for (key, bill_fen) in &told.paid {
        let held = charges.get(key);
        let what = match held {
            None => What::MissingHere,
            Some(held) if held.fee_fen != *bill_fen => What::AmountDiffers,
            Some(held) if held.settled.is_none() => What::NotSettledHere,
            Some(_) => {
                report.ok.add(*bill_fen);
                continue;
            }
        };
        report.differs(Difference {
            what,
            number: key.trade_no(),
            bill_fen: Some(*bill_fen),
            ledger_fen: held.map(|held| held.fee_fen),
        });
    }
    let settled = charges
        .iter()
        .filter(|(_, held)| held.settled.is_some_and(|at| day.has(at)));
    for (key, held) in settled.filter(|(key, _)| !told.paid.contains_key(key)) {
        // The bill goes by the moment of the payment, the ledger by when it heard of it.
        if held.sent.is_none_or(|sent| sent < day.begins()) {
            report.at_midnight.add(held.fee_fen);
            continue;
        }
        report.differs(Difference {
            what: What::MissingThere,
            number: key.trade_no(),
            bill_fen: None,
            ledger_fen: Some(held.fee_fen),
        });
    }
}

fn refunds_against(told: &Told, refunds: &Refunds, day: Day, report: &mut Report) {
    for (key, bill_fen) in &told.refunds {
        let held = refunds.get(key);
        let what = match held {
            None => What::MissingHere,
            Some(held) if held.fen != *bill_fen => What::AmountDiffers,
            Some(_) => {
                report.refunded.add(*bill_fen);
                continue;
            }
        };
        report.differs(Difference {
            what,
            number: key.refund_no(),
            bill_fen: Some(*bill_fen),
            ledger_fen: held.map(|held| held.fen),
        });
    }
    for (key, held) in refunds
        .iter()
        .filter(|(key, _)| !told.refunds.contains_key(key))
    {
        if held.taken && held.sent.is_some_and(|at| day.has(at)) {
            report.differs(Difference {
                what: What::RefundMissingThere,
                number: key.refund_no(),
                bill_fen: None,
                ledger_fen: Some(held.fen),
            });
        }
    }
}
