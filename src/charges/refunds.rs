//! The refunds that are not done with, and what has gone back of which charge. The fold of their records.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::record::MoneyRecord;
use super::refund::{Refund, RefundState, RefundTold};
use super::totals::Sum;
use crate::lane::number::{NumberKey, SessionId};
use crate::lane::time::Stamp;

/// So long after the last refund of a charge nothing more can be refunded of it: WeChat does it for a year
/// after the payment, and the money of a charge moves within 90 days.
pub const KEPT_DAYS: u64 = 2 * (REFUNDABLE_DAYS);
/// A charge whose car left longer ago cannot be refunded through WeChat any more.
pub const REFUNDABLE_DAYS: u64 = 365 + 90;
/// Refunds of one charge, whatever became of them.
pub const OF_ONE_CHARGE_MAX: u16 = 50;

/// Refunds by their number, and charges that money went back of.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refunds {
    #[serde(default)]
    open: BTreeMap<String, Refund>,
    /// By `out_trade_no`.
    #[serde(default)]
    charges: BTreeMap<String, Refunded>,
}

/// What became of one charge's refunds.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refunded {
    /// How many were ever asked for.
    pub asked: u16,
    /// What the drivers got back, fen.
    pub fen: u64,
    /// What a person gave back otherwise after WeChat could not, fen: it is not refunded again.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub otherwise_fen: u64,
    /// When one of them was last sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sent: Option<Stamp>,
    /// When one was last asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last: Option<Stamp>,
}

fn is_zero(fen: &u64) -> bool {
    *fen == 0
}

impl Refunds {
    /// Whether there never was one.
    pub fn is_empty(&self) -> bool {
        self.open.is_empty() && self.charges.is_empty()
    }

    /// One that is not done with.
    pub fn get(&self, refund_no: &str) -> Option<&Refund> {
        self.open.get(refund_no)
    }

    /// Those that are not done with, in the order of their numbers.
    pub fn open(&self) -> impl Iterator<Item = &Refund> {
        self.open.values()
    }

    /// Those of one charge that are not done with.
    pub fn open_of<'a>(&'a self, trade_no: &'a str) -> impl Iterator<Item = &'a Refund> {
        let all = self.open.values();
        all.filter(move |refund| refund.claim.trade_no == trade_no)
    }

    /// What became of a charge's refunds; None if none was ever asked for, or too long ago.
    pub fn of(&self, trade_no: &str) -> Option<&Refunded> {
        self.charges.get(trade_no)
    }

    /// What of a charge has gone back, or may go, fen.
    pub fn reserved_fen(&self, trade_no: &str) -> u64 {
        let under_way = self.open_of(trade_no);
        let under_way = under_way.filter(|refund| refund.state.reserves());
        let done = self
            .of(trade_no)
            .map_or(0, |of| of.fen.saturating_add(of.otherwise_fen));
        under_way.fold(done, |sum, refund| sum.saturating_add(refund.claim.fen))
    }

    /// The number of a stay's next refund: its charges, and what was paid on the spot, share them.
    pub fn next_no(&self, session: &SessionId) -> String {
        let charges = (session.trade_no(0), session.trade_no(u16::MAX));
        let spots = (session.spot_no(0), session.spot_no(u16::MAX));
        let of = |(first, last)| self.charges.range(first..=last);
        let asked = of(charges).chain(of(spots)).map(|(_, of)| of.asked);
        session.refund_no(asked.fold(0, u16::saturating_add))
    }

    /// The only way in which they change. `done` hears what went back to a driver.
    pub(super) fn apply(&mut self, record: &MoneyRecord, done: &mut Sum) {
        match record {
            MoneyRecord::RefundAsked { refund: claim } => {
                self.forget_old(&claim.at);
                let of = self.charges.entry(claim.trade_no.clone()).or_default();
                of.asked = of.asked.saturating_add(1);
                of.last = Some(claim.at.clone());
                // Who asks anew has seen that one was closed.
                self.open.retain(|_, refund| {
                    refund.claim.trade_no != claim.trade_no || refund.state != RefundState::Closed
                });
                let number = claim.refund_no.clone();
                self.open.insert(number, Refund::asked(claim.clone()));
            }
            MoneyRecord::RefundSent {
                refund_no,
                body,
                at,
            } => {
                if let Some(refund) = self.open.get_mut(refund_no) {
                    if let Some(body) = body {
                        refund.body = Some(body.clone());
                    }
                    refund.state = RefundState::Sent;
                    refund.sent = Some(at.clone());
                    let of = self.charges.entry(refund.claim.trade_no.clone());
                    of.or_default().sent = Some(at.clone());
                }
            }
            MoneyRecord::RefundTold { refund_no, told } => self.told(refund_no, told, done),
            MoneyRecord::RefundGivenUp { refund_no, .. } => {
                if let Some(refund) = self.open.remove(refund_no)
                    && refund.state == RefundState::Abnormal
                {
                    // WeChat may pay it after all, when the merchant platform is used.
                    let of = self.charges.entry(refund.claim.trade_no).or_default();
                    of.otherwise_fen = of.otherwise_fen.saturating_add(refund.claim.fen);
                }
            }
            _ => {}
        }
    }

    fn told(&mut self, refund_no: &str, told: &RefundTold, done: &mut Sum) {
        let Some(refund) = self.open.get_mut(refund_no) else {
            return;
        };
        let state = match told {
            RefundTold::Unknown { .. } => {
                refund.in_doubt = true;
                RefundState::Unknown
            }
            RefundTold::Missing { proven, .. } => {
                refund.in_doubt = false;
                refund.unproven = !proven;
                RefundState::ToRepeat
            }
            RefundTold::Processing { .. } => RefundState::Processing,
            RefundTold::Refused {
                code,
                message,
                proven,
            } => RefundState::Refused {
                code: code.clone(),
                message: message.clone(),
                proven: *proven,
            },
            RefundTold::Abnormal { .. } => RefundState::Abnormal,
            RefundTold::Closed => RefundState::Closed,
            RefundTold::Succeeded { .. } => {
                let of = self.charges.entry(refund.claim.trade_no.clone());
                let of = of.or_default();
                of.fen = of.fen.saturating_add(refund.claim.fen);
                done.add(refund.claim.fen);
                RefundState::Succeeded
            }
            RefundTold::NotNeeded => RefundState::NotNeeded,
        };
        refund.state = state;
        if matches!(
            refund.state,
            RefundState::Succeeded | RefundState::NotNeeded
        ) {
            self.open.remove(refund_no);
        }
    }

    /// Charges that nothing can be refunded of any more need not be known.
    fn forget_old(&mut self, now: &Stamp) {
        let open = &self.open;
        self.charges.retain(|trade_no, of| {
            let last = of.last.as_ref().map_or(now.now.wall, |at| at.now.wall);
            let days = u64::try_from(now.now.wall.0.saturating_sub(last.0)).unwrap_or(0) / DAY_MS;
            let is_open = || open.values().any(|it| it.claim.trade_no == *trade_no);
            days <= KEPT_DAYS || is_open()
        });
    }
}

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Whether this is a number that this release gives out for a refund.
pub fn is_refund_no(number: &str) -> bool {
    NumberKey::of_refund_no(number).is_some()
}
