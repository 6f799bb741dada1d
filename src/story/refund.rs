//! A refund as it is listed, and the fold of the ledger's records into such rows.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::at;
use super::wanted::ROWS_MAX;
use crate::charges::record::MoneyRecord;
use crate::charges::refund::{Refund, RefundClaim, RefundState, RefundTold};
use crate::lane::time::Wall;

/// One refund.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefundRow {
    /// `out_refund_no`.
    pub refund_no: String,
    /// `out_trade_no` of its charge.
    pub trade_no: String,
    pub session: String,
    pub plate: String,
    /// The whole charge.
    pub charged_fen: u64,
    /// What goes back of it.
    pub fen: u64,
    pub state: RefundState,
    /// When it was asked for.
    #[serde(with = "at")]
    pub asked: Wall,
    /// When it came into this state, where the ledger was asked.
    #[serde(with = "at::option", default, skip_serializing_if = "Option::is_none")]
    pub since: Option<Wall>,
    /// It belongs to a correction.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub corrects: bool,
    pub by: String,
    pub why: String,
    /// WeChat's number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refund_id: Option<String>,
    /// What the driver got, where WeChat said so; less than `fen` where a coupon had paid a part.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer_fen: Option<u64>,
    /// Where the driver got it, in WeChat's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub account: Option<String>,
    /// Who ended it, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended: Option<String>,
}

impl RefundRow {
    /// One that is not done with, as it stands.
    pub fn of(refund: &Refund) -> Self {
        Self {
            state: refund.state.clone(),
            since: None,
            ..Self::asked(&refund.claim, refund.claim.at.now.wall)
        }
    }

    fn asked(claim: &RefundClaim, at: Wall) -> Self {
        Self {
            refund_no: claim.refund_no.clone(),
            trade_no: claim.trade_no.clone(),
            session: claim.session.0.clone(),
            plate: claim.plate.as_str().to_owned(),
            charged_fen: claim.charged_fen,
            fen: claim.fen,
            state: RefundState::Waiting,
            asked: claim.at.now.wall,
            since: Some(at),
            corrects: claim.corrects,
            by: claim.by.clone(),
            why: claim.why.clone(),
            refund_id: None,
            payer_fen: None,
            account: None,
            ended: None,
        }
    }

    fn told(&mut self, told: &RefundTold) -> RefundState {
        match told {
            RefundTold::Unknown { .. } => RefundState::Unknown,
            RefundTold::Missing { .. } => RefundState::ToRepeat,
            RefundTold::Processing { refund_id } => {
                self.refund_id.clone_from(refund_id);
                RefundState::Processing
            }
            RefundTold::Refused {
                code,
                message,
                proven,
            } => RefundState::Refused {
                code: code.clone(),
                message: message.clone(),
                proven: *proven,
            },
            RefundTold::Abnormal { refund_id } => {
                self.refund_id.clone_from(refund_id);
                RefundState::Abnormal
            }
            RefundTold::Closed => RefundState::Closed,
            RefundTold::Succeeded {
                refund_id,
                payer_fen,
                account,
            } => {
                self.refund_id.clone_from(refund_id);
                self.payer_fen = *payer_fen;
                self.account.clone_from(account);
                RefundState::Succeeded
            }
            RefundTold::NotNeeded => RefundState::NotNeeded,
        }
    }
}

/// Rows by `out_refund_no`, of the refunds that `keep` wants.
pub struct Refunds<K> {
    pub rows: BTreeMap<String, RefundRow>,
    /// So many, the oldest, were left off.
    pub left_off: usize,
    keep: K,
}

impl<K: Fn(&RefundRow) -> bool> Refunds<K> {
    pub fn keeping(keep: K) -> Self {
        Self {
            rows: BTreeMap::new(),
            left_off: 0,
            keep,
        }
    }

    /// From a whole state: what was not done with then.
    pub fn stood(&mut self, refund: &Refund) {
        let row = RefundRow::of(refund);
        if !self.rows.contains_key(&row.refund_no) && (self.keep)(&row) {
            self.rows.insert(row.refund_no.clone(), row);
        }
    }

    /// The next record, decided at `at`.
    pub fn apply(&mut self, record: &MoneyRecord, at: Wall) {
        match record {
            MoneyRecord::RefundAsked { refund } => {
                let row = RefundRow::asked(refund, at);
                if (self.keep)(&row) {
                    self.rows.insert(row.refund_no.clone(), row);
                }
                if self.rows.len() > ROWS_MAX {
                    self.left_off += usize::from(self.rows.pop_first().is_some());
                }
            }
            MoneyRecord::RefundSent { refund_no, .. } => {
                self.change(refund_no, at, |_| RefundState::Sent);
            }
            MoneyRecord::RefundTold { refund_no, told } => {
                self.change(refund_no, at, |row| row.told(told));
            }
            MoneyRecord::RefundGivenUp {
                refund_no, by, why, ..
            } => self.change(refund_no, at, |row| {
                row.ended = Some(format!("{by}: {why}"));
                RefundState::GivenUp
            }),
            _ => {}
        }
    }

    fn change(
        &mut self,
        refund_no: &str,
        at: Wall,
        change: impl FnOnce(&mut RefundRow) -> RefundState,
    ) {
        if let Some(row) = self.rows.get_mut(refund_no) {
            row.state = change(row);
            row.since = Some(at);
        }
    }
}
