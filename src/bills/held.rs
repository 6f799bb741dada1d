//! What the ledger says of a bill's numbers, and of what settled and went back around that day.

use std::collections::BTreeMap;

use super::day::Day;
use super::matching::Sources;
use super::order::Order;
use super::told::Told;
use crate::charges::charge::{Charge, ChargeState};
use crate::charges::record::MoneyRecord;
use crate::charges::refund::{Refund, RefundState, RefundTold};
use crate::charges::spot::{Spot, SpotTold};
use crate::lane::number::NumberKey;
use crate::lane::time::Wall;
use crate::park::record::Record;
use crate::store::ledger::LedgerError;

/// What lies so near to midnight may stand in the bill of either day.
pub(super) const EDGE_MS: i64 = 10 * 60 * 1000;

/// See the module.
#[derive(Default)]
pub(super) struct Held {
    pub charges: BTreeMap<Order, HeldCharge>,
    pub refunds: BTreeMap<NumberKey, HeldRefund>,
}

/// A charge, or an order whose code was scanned.
pub(super) struct HeldCharge {
    pub fee_fen: u64,
    /// What WeChat said that the driver paid.
    pub payer_fen: Option<u64>,
    /// When it was first sent.
    pub sent: Option<Wall>,
    pub settled: Option<Settled>,
}

/// That its money has moved.
#[derive(Clone, Copy)]
pub(super) struct Settled {
    /// When the ledger heard of it.
    pub heard: Wall,
    /// When that was by WeChat's clock, where WeChat said so.
    pub paid: Option<Wall>,
}

/// A refund.
pub(super) struct HeldRefund {
    pub fen: u64,
    /// When it was first sent, and last.
    pub sent: Option<(Wall, Wall)>,
    pub taken: bool,
}

impl Held {
    /// Reads the ledger, from the whole state on that lies before `since`.
    pub fn read(
        sources: &dyn Sources,
        told: &Told,
        day: Day,
        since: Option<Wall>,
    ) -> Result<Self, LedgerError> {
        let mut held = Self::default();
        sources.records(since, &mut |record, at| match record {
            Record::Checkpoint(snapshot) => {
                let book = &snapshot.book;
                let charges = book.charges().chain(book.desk());
                charges.for_each(|charge| held.stood(&charge));
                let refunds = book.refunds().open();
                refunds.for_each(|refund| held.refund_stood(refund));
                book.spots().open().for_each(|spot| held.code_stood(spot));
            }
            Record::PartOfState(part) => {
                let charges = part.charges.iter().chain(&part.desk);
                charges.for_each(|charge| held.stood(charge));
                let books = || part.rest.iter().map(|rest| &rest.book);
                let refunds = books().flat_map(|book| book.refunds().open());
                refunds.for_each(|refund| held.refund_stood(refund));
                let codes = books().flat_map(|book| book.spots().open());
                codes.for_each(|spot| held.code_stood(spot));
            }
            Record::Money(record) => held.hear(told, day, record, at),
            _ => {}
        })?;
        Ok(held)
    }

    /// Whether it knows every number of the bill.
    pub fn has_all_of(&self, told: &Told) -> bool {
        told.paid.keys().all(|key| self.charges.contains_key(key))
            && told
                .refunds
                .keys()
                .all(|key| self.refunds.contains_key(key))
    }

    /// A charge that was made in a part of the ledger that is not there any more, or was not read.
    fn stood(&mut self, charge: &Charge) {
        if let Some(key) = Order::of(&charge.claim.trade_no) {
            let has_settled = charge.state == ChargeState::Settled;
            self.charges.entry(key).or_insert_with(|| HeldCharge {
                fee_fen: charge.fee_fen(),
                payer_fen: None,
                sent: charge.body.as_ref().map(|_| charge.claim.exited.now.wall),
                settled: has_settled.then(|| Settled {
                    heard: Wall::default(),
                    paid: None,
                }),
            });
        }
    }

    /// A code that might still be paid then.
    fn code_stood(&mut self, spot: &Spot) {
        if let Some(key) = Order::of(&spot.claim.number) {
            self.charges.entry(key).or_insert_with(|| HeldCharge {
                fee_fen: spot.claim.fen,
                payer_fen: None,
                sent: spot.body.as_ref().map(|_| spot.claim.at.now.wall),
                settled: None,
            });
        }
    }

    fn refund_stood(&mut self, refund: &Refund) {
        if let Some(key) = NumberKey::of_refund_no(&refund.claim.refund_no) {
            let sent = refund.sent.as_ref().map(|sent| sent.now.wall);
            self.refunds.entry(key).or_insert_with(|| HeldRefund {
                fen: refund.claim.fen,
                sent: sent.map(|last| (refund.claim.at.now.wall.min(last), last)),
                taken: matches!(
                    refund.state,
                    RefundState::Processing | RefundState::Abnormal | RefundState::Succeeded
                ),
            });
        }
    }

    fn hear(&mut self, told: &Told, day: Day, record: &MoneyRecord, at: Wall) {
        match record {
            MoneyRecord::ChargeOpened { claim } => {
                self.asked_for(&claim.trade_no, claim.quote.fee_fen);
            }
            MoneyRecord::SpotAsked { spot } => self.asked_for(&spot.number, spot.fen),
            MoneyRecord::ChargeSent { trade_no, .. }
            | MoneyRecord::SpotSent {
                number: trade_no, ..
            } => {
                if let Some(held) = self.charge(trade_no) {
                    held.sent.get_or_insert(at);
                }
            }
            MoneyRecord::ChargeSettled { trade_no, paid, .. } => {
                let settled = Settled {
                    heard: at,
                    paid: paid.at,
                };
                self.settled(trade_no, settled, paid.payer_fen, told, day);
            }
            MoneyRecord::SpotTold {
                number,
                told: SpotTold::Paid { payer_fen, .. },
            } => {
                let settled = Settled {
                    heard: at,
                    paid: None,
                };
                self.settled(number, settled, *payer_fen, told, day);
            }
            MoneyRecord::ChargeWithdrawn { trade_no, .. }
            | MoneyRecord::StaffFinished { trade_no, .. }
            | MoneyRecord::SpotTold {
                number: trade_no,
                told: SpotTold::Closed { .. } | SpotTold::Refused { .. },
            } => self.forget(trade_no, told),
            MoneyRecord::RefundAsked { refund } => {
                if let Some(key) = NumberKey::of_refund_no(&refund.refund_no) {
                    let held = HeldRefund {
                        fen: refund.fen,
                        sent: None,
                        taken: false,
                    };
                    self.refunds.insert(key, held);
                }
            }
            MoneyRecord::RefundSent { refund_no, .. } => {
                if let Some(held) = self.refund(refund_no) {
                    let first = held.sent.map_or(at, |(first, _)| first);
                    held.sent = Some((first, at));
                }
            }
            MoneyRecord::RefundTold { refund_no, told } => {
                use RefundTold::*;
                if let Some(held) = self.refund(refund_no) {
                    held.taken =
                        matches!(told, Processing { .. } | Abnormal { .. } | Succeeded { .. });
                }
            }
            _ => {}
        }
    }

    fn asked_for(&mut self, number: &str, fee_fen: u64) {
        if let Some(key) = Order::of(number) {
            let held = HeldCharge {
                fee_fen,
                payer_fen: None,
                sent: None,
                settled: None,
            };
            self.charges.insert(key, held);
        }
    }

    fn settled(
        &mut self,
        number: &str,
        settled: Settled,
        payer_fen: Option<u64>,
        told: &Told,
        day: Day,
    ) {
        let Some(held) = self.charge(number) else {
            return;
        };
        held.settled = Some(settled);
        held.payer_fen = payer_fen;
        if !settled.may_be_of(day) {
            self.forget(number, told);
        }
    }

    fn charge(&mut self, number: &str) -> Option<&mut HeldCharge> {
        self.charges.get_mut(&Order::of(number)?)
    }

    fn refund(&mut self, refund_no: &str) -> Option<&mut HeldRefund> {
        self.refunds.get_mut(&NumberKey::of_refund_no(refund_no)?)
    }

    /// Of another day, and the bill does not ask for it.
    fn forget(&mut self, trade_no: &str, told: &Told) {
        if let Some(key) = Order::of(trade_no)
            && !told.paid.contains_key(&key)
        {
            self.charges.remove(&key);
        }
    }
}

impl Settled {
    /// When it was paid, as well as that is known.
    pub fn at(self) -> Wall {
        self.paid.unwrap_or(self.heard)
    }

    fn may_be_of(self, day: Day) -> bool {
        self.at() >= day.begins().plus_ms(-EDGE_MS) && self.at() < day.ends()
    }
}
