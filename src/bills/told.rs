//! What a trade bill says of this ledger's numbers. In memory is what one day of this box comes to.

use std::collections::{BTreeMap, BTreeSet};

use super::bill::{self, BillFault, Row, RowState, Totals};
use super::keep::Bill;
use super::order::Order;
use super::report::{Difference, Report, What};
use crate::lane::number::{LedgerId, NumberKey};
use crate::lane::time::Wall;

/// See the module.
#[derive(Default)]
pub(super) struct Told {
    pub paid: BTreeMap<Order, Payment>,
    pub refunds: BTreeMap<NumberKey, Refund>,
    pub own_fee: i64,
    /// Of which charge or refund WeChat's number is.
    pub by_id: BTreeMap<u128, Own>,
}

/// A number of this ledger.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Own {
    Paid(Order),
    Refund(NumberKey),
}

/// A payment, as the bill has it.
pub(super) struct Payment {
    pub at: Option<Wall>,
    pub total_fen: u64,
    /// What the merchant gets before the fee.
    pub settled_fen: u64,
    /// What the driver paid, where the bill tells of coupons.
    pub payer_fen: Option<u64>,
    pub fee: i64,
    /// It is a sub-merchant's, and does not come to the account whose fund flow is fetched.
    pub is_subs: bool,
}

/// A refund, as the bill has it.
pub(super) struct Refund {
    pub at: Option<Wall>,
    pub fen: u64,
    /// What goes out of the merchant's account.
    pub settled_fen: u64,
    pub is_done: bool,
    pub fee: i64,
    pub is_subs: bool,
}

impl Own {
    /// What is this ledger's.
    pub fn of(number: &str, ledger: LedgerId) -> Option<Self> {
        match (Order::of(number), NumberKey::of_refund_no(number)) {
            (Some(order), _) => order.is_of(ledger).then_some(Self::Paid(order)),
            (None, Some(key)) => {
                let is_ours = LedgerId::of_session(&key.session()) == Some(ledger);
                is_ours.then_some(Self::Refund(key))
            }
            (None, None) => None,
        }
    }

    /// As it is written.
    pub fn number(self) -> String {
        match self {
            Self::Paid(order) => order.number(),
            Self::Refund(key) => key.refund_no(),
        }
    }
}

impl Told {
    /// Reads a bill. What it says twice, and of others, goes into the report.
    pub fn read(
        bill: Bill,
        ledger: LedgerId,
        report: &mut Report,
    ) -> Result<(Self, Totals), BillFault> {
        let mut told = Self::default();
        let totals = match bill {
            Bill::Nothing => Totals::default(),
            Bill::Lines(lines) => bill::read(lines, |row| told.hear(&row, ledger, report))?,
        };
        Ok((told, totals))
    }

    pub(super) fn hear(&mut self, row: &Row, ledger: LedgerId, report: &mut Report) {
        let Some(Own::Paid(order)) = Own::of(&row.trade_no, ledger) else {
            match row.state {
                RowState::Refund => report.others_refunded.add(row.refund_fen),
                RowState::Paid | RowState::Other => report.others.add(row.total_fen),
            }
            return;
        };
        self.own_fee = self.own_fee.saturating_add(row.fee);
        match row.state {
            RowState::Paid | RowState::Other => {
                self.knows(&row.transaction_id, Own::Paid(order));
                let coupon_fen = row.coupon_fen;
                let payment = Payment {
                    at: row.at,
                    total_fen: row.total_fen,
                    settled_fen: row.settled_fen.unwrap_or(row.total_fen),
                    payer_fen: coupon_fen.map(|fen| row.total_fen.saturating_sub(fen)),
                    fee: row.fee,
                    is_subs: row.sub_mchid.is_some(),
                };
                if self.paid.insert(order, payment).is_some() {
                    let number = order.number();
                    report.differs(Difference::of(What::TwiceThere, number).bill(row.total_fen));
                }
            }
            RowState::Refund => match Own::of(&row.refund_no, ledger) {
                Some(Own::Refund(key)) => {
                    self.knows(&row.refund_id, Own::Refund(key));
                    let refund = Refund {
                        at: row.at,
                        fen: row.refund_fen,
                        settled_fen: row.settled_refund_fen.unwrap_or(row.refund_fen),
                        is_done: row.is_refunded,
                        fee: row.fee,
                        is_subs: row.sub_mchid.is_some(),
                    };
                    self.refunds.insert(key, refund);
                }
                _ => {
                    let what = What::RefundFromElsewhere;
                    let number = order.number();
                    report.differs(Difference::of(what, number).bill(row.refund_fen));
                }
            },
        }
    }

    fn knows(&mut self, id: &str, own: Own) {
        if let Ok(id) = id.parse() {
            self.by_id.insert(id, own);
        }
    }
}

/// This ledger's numbers in a bill.
pub(super) fn numbers(bill: Bill, ledger: LedgerId) -> Result<BTreeSet<Own>, BillFault> {
    let mut numbers = BTreeSet::new();
    if let Bill::Lines(lines) = bill {
        bill::read(lines, |row| {
            let number = match row.state {
                RowState::Refund => &row.refund_no,
                RowState::Paid | RowState::Other => &row.trade_no,
            };
            numbers.extend(Own::of(number, ledger));
        })?;
    }
    Ok(numbers)
}
