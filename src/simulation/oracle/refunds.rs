//! Rules about what goes back: how much, by whose word, and that WeChat's side has the same; and about what
//! WeChat tells by itself.

use std::collections::BTreeMap;

use super::{Oracle, Rule, Verdict, View, hold};
use crate::charges::record::MoneyRecord;
use crate::charges::refund::{RefundClaim, RefundTold};
use crate::charges::totals::Totals;
use crate::park::event::Event;
use crate::sim::wechat::{RefundRow, RefundState, Simulator};

use super::charge::Stage;

/// Where a refund stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Back {
    Waiting,
    Sent,
    Unknown,
    ToRepeat,
    Processing,
    Refused,
    Abnormal,
    Closed,
    Succeeded,
    NotNeeded,
    GivenUp,
    /// Given back otherwise, since the driver's account takes nothing; WeChat may pay it after all.
    PaidOtherwise,
}

#[derive(Clone, Debug)]
struct Refund {
    claim: RefundClaim,
    back: Back,
    body: Option<String>,
}

/// The refunds by the records, by number.
#[derive(Default)]
pub(super) struct Refunds(BTreeMap<String, Refund>);

impl Refunds {
    pub(super) fn apply(&mut self, record: &MoneyRecord) {
        let (refund_no, back) = match record {
            MoneyRecord::RefundAsked { refund: claim } => {
                let refund = Refund {
                    claim: claim.clone(),
                    back: Back::Waiting,
                    body: None,
                };
                self.0.insert(claim.refund_no.clone(), refund);
                return;
            }
            MoneyRecord::RefundSent {
                refund_no, body, ..
            } => {
                if let (Some(refund), Some(body)) = (self.0.get_mut(refund_no), body) {
                    refund.body = Some(body.clone());
                }
                (refund_no, Back::Sent)
            }
            MoneyRecord::RefundTold { refund_no, told } => (refund_no, becomes(told)),
            MoneyRecord::RefundGivenUp { refund_no, .. } => {
                let stood = self.0.get(refund_no).map(|refund| refund.back);
                let back = match stood {
                    Some(Back::Abnormal) => Back::PaidOtherwise,
                    _ => Back::GivenUp,
                };
                (refund_no, back)
            }
            _ => return,
        };
        if let Some(refund) = self.0.get_mut(refund_no) {
            refund.back = back;
        }
    }

    /// What of a charge is gone, or may go, fen.
    pub(super) fn reserved_fen(&self, trade_no: &str) -> u64 {
        let of_it = self.0.values().filter(|it| it.claim.trade_no == trade_no);
        let reserved = of_it.filter(|refund| {
            let is_free = matches!(refund.back, Back::Closed | Back::NotNeeded | Back::GivenUp);
            !is_free
        });
        reserved.map(|refund| refund.claim.fen).sum()
    }

    /// What was ever asked back of a charge, or of what was paid by code, fen.
    pub(super) fn asked_fen(&self, number: &str) -> u64 {
        let of_it = self.0.values().filter(|it| it.claim.trade_no == number);
        of_it.map(|refund| refund.claim.fen).sum()
    }
}

impl Oracle {
    pub(super) fn judge_refund(&self, record: &MoneyRecord, view: &View<'_>) -> Verdict {
        match record {
            MoneyRecord::RefundAsked { refund } => self.judge_refund_asked(refund),
            MoneyRecord::RefundSent {
                refund_no, body, ..
            } => {
                self.judge_refund_move(refund_no, record)?;
                let is_frozen = self.back_of(refund_no)?.body.is_some();
                hold(
                    is_frozen != body.is_some(),
                    Rule::FrozenNeverChanges,
                    || format!("{refund_no} was frozen twice, or never"),
                )
            }
            MoneyRecord::RefundTold { refund_no, told } => {
                self.judge_refund_move(refund_no, record)?;
                let by_wechat = matches!(
                    told,
                    RefundTold::Processing { .. }
                        | RefundTold::Abnormal { .. }
                        | RefundTold::Closed
                        | RefundTold::Succeeded { .. }
                );
                if by_wechat {
                    self.judge_answer(record)?;
                }
                let there = at_wechat(view.simulator, refund_no).map(|row| row.state);
                let agrees = match told {
                    RefundTold::Succeeded { .. } => there == Some(RefundState::Success),
                    RefundTold::Closed => there == Some(RefundState::Closed),
                    RefundTold::Processing { .. } | RefundTold::Abnormal { .. } => there.is_some(),
                    RefundTold::NotNeeded => there.is_none(),
                    RefundTold::Unknown { .. }
                    | RefundTold::Missing { .. }
                    | RefundTold::Refused { .. } => true,
                };
                hold(agrees, Rule::WechatAgrees, || {
                    format!("{record:?}, and at WeChat the refund is {there:?}")
                })
            }
            MoneyRecord::RefundGivenUp { refund_no, .. } => {
                self.judge_refund_move(refund_no, record)?;
                let stood = self.back_of(refund_no)?.back;
                let there = at_wechat(view.simulator, refund_no);
                let is_free = matches!(stood, Back::Abnormal | Back::Closed) || there.is_none();
                hold(is_free, Rule::OneChannel, || {
                    format!(
                        "{refund_no} is given up while it is {stood:?}, and WeChat has {there:?}"
                    )
                })
            }
            _ => Ok(()),
        }
    }

    /// What leaves is what was frozen.
    pub(super) fn judge_refund_call(&self, refund_no: &str, body: &str) -> Verdict {
        let frozen = self.back_of(refund_no)?.body.as_deref();
        hold(frozen == Some(body), Rule::FrozenNeverChanges, || {
            format!("{refund_no} leaves with other bytes than on disk")
        })
    }

    /// Once everything has worked for long: nothing is left that goes by itself, and both sides have the
    /// same sums.
    pub(super) fn judge_refunds_at_rest(&self, totals: &Totals, simulator: &Simulator) -> Verdict {
        let (mut moved_fen, mut told_fen) = (0, 0);
        for (number, refund) in &self.model.refunds.0 {
            let is_done = !matches!(
                refund.back,
                Back::Waiting | Back::Sent | Back::Unknown | Back::ToRepeat | Back::Processing
            );
            hold(is_done, Rule::QueueDrains, || {
                format!("{number} is still {:?}", refund.back)
            })?;
            let there = at_wechat(simulator, number).map(|row| row.state);
            if there == Some(RefundState::Success) && refund.back != Back::PaidOtherwise {
                moved_fen += refund.claim.fen;
            }
            if refund.back == Back::Succeeded {
                told_fen += refund.claim.fen;
            }
        }
        hold(moved_fen == told_fen, Rule::BooksAgree, || {
            format!("{told_fen} fen went back by the ledger, and {moved_fen} fen at WeChat")
        })?;
        hold(totals.refunded.fen == told_fen, Rule::SumsBalance, || {
            format!("{totals:?}, and {told_fen} fen went back")
        })
    }

    /// WeChat hears that a notice is taken.
    pub(in crate::simulation) fn judge_notice_answered(&self, id: &str) -> Verdict {
        let is_on_disk = self.model.notices.contains(id);
        hold(is_on_disk, Rule::NoticeOnDiskFirst, || {
            format!("notice {id} is answered, and not on disk")
        })
    }

    pub(super) fn judge_notice(&self, id: &str, record: &MoneyRecord) -> Verdict {
        self.judge_answer(record)?;
        let is_new = !self.model.notices.contains(id);
        hold(is_new, Rule::NoticeCountsOnce, || {
            format!("notice {id} is taken a second time")
        })
    }

    fn judge_refund_asked(&self, claim: &RefundClaim) -> Verdict {
        let by_code = self.model.codes.all.get(&claim.trade_no);
        let charged_fen = match by_code {
            Some(code) => self.judge_back_by_code(code, claim)?,
            None => self.judge_charge_back(claim)?,
        };
        let refunds = &self.model.refunds;
        hold(
            !refunds.0.contains_key(&claim.refund_no),
            Rule::NumbersAreNew,
            || format!("{} is given out again", claim.refund_no),
        )?;
        let gone_fen = refunds.reserved_fen(&claim.trade_no);
        let fits = claim.charged_fen == charged_fen && gone_fen + claim.fen <= charged_fen;
        hold(fits && claim.fen > 0, Rule::RefundWithinCharge, || {
            format!("{claim:?}, of {charged_fen} fen, of which {gone_fen} are gone or going")
        })?;
        let head = self.model.head.as_ref().map(|head| &head.event);
        let said = match head {
            Some(Event::RefundAsked { trade_no, by, .. })
            | Some(Event::CorrectionAsked { trade_no, by, .. }) => {
                *trade_no == claim.trade_no && *by == claim.by
            }
            // What is too much goes back by itself.
            _ => by_code.is_some(),
        };
        hold(said, Rule::APersonSaidSo, || {
            format!("{claim:?} follows from {head:?}")
        })
    }

    /// Of a charge, which WeChat has taken on; gives back its sum, fen.
    fn judge_charge_back(&self, claim: &RefundClaim) -> Result<u64, super::Violation> {
        let charge = self.charge(&claim.trade_no)?;
        let may = matches!(charge.stage, Stage::Accepted | Stage::Settled);
        hold(may, Rule::CorrectionIsOfWhatIsFiled, || {
            format!("{claim:?}, and the charge is {:?}", charge.stage)
        })?;
        Ok(charge.claim.quote.fee_fen)
    }

    fn judge_refund_move(&self, refund_no: &str, record: &MoneyRecord) -> Verdict {
        use Back::*;
        let from = self.back_of(refund_no)?.back;
        let may_come_from: &[Back] = match record {
            MoneyRecord::RefundSent { .. } => &[Waiting, ToRepeat, Refused],
            MoneyRecord::RefundTold { told, .. } => match told {
                RefundTold::Unknown { .. } => &[Sent],
                RefundTold::Missing { .. } => &[Sent, Unknown],
                RefundTold::Refused { .. } => &[Sent],
                RefundTold::NotNeeded => &[Waiting],
                RefundTold::Processing { .. } => &[Sent, Unknown, ToRepeat, Refused],
                RefundTold::Abnormal { .. } => &[Sent, Unknown, ToRepeat, Refused, Processing],
                RefundTold::Closed | RefundTold::Succeeded { .. } => {
                    &[Sent, Unknown, ToRepeat, Refused, Processing, Abnormal]
                }
            },
            MoneyRecord::RefundGivenUp { .. } => &[Waiting, ToRepeat, Refused, Abnormal, Closed],
            _ => return Ok(()),
        };
        let may = may_come_from.contains(&from);
        hold(may, Rule::StatesMoveForward, || {
            format!("{refund_no} was {from:?}, and then: {record:?}")
        })
    }

    fn back_of(&self, refund_no: &str) -> Result<&Refund, super::Violation> {
        let refund = self.model.refunds.0.get(refund_no);
        refund.ok_or_else(|| super::Violation {
            rule: Rule::StatesMoveForward,
            what: format!("{refund_no} was never asked for"),
        })
    }
}

fn becomes(told: &RefundTold) -> Back {
    match told {
        RefundTold::Unknown { .. } => Back::Unknown,
        RefundTold::Missing { .. } => Back::ToRepeat,
        RefundTold::Processing { .. } => Back::Processing,
        RefundTold::Refused { .. } => Back::Refused,
        RefundTold::Abnormal { .. } => Back::Abnormal,
        RefundTold::Closed => Back::Closed,
        RefundTold::Succeeded { .. } => Back::Succeeded,
        RefundTold::NotNeeded => Back::NotNeeded,
    }
}

fn at_wechat(simulator: &Simulator, refund_no: &str) -> Option<RefundRow> {
    let mut rows = simulator.refunds().into_iter();
    rows.find(|row| row.out_refund_no == refund_no)
}
