//! Rules about what drivers pay by scanning a code: for one amount due there is a charge or a code, whatever
//! was paid is taken down, and what was too much goes back or is listed.

use std::collections::BTreeMap;

use super::charge::Stage;
use super::{Oracle, Rule, Verdict, View, Violation, hold};
use crate::charges::record::MoneyRecord;
use crate::charges::refund::RefundClaim;
use crate::charges::spot::{SpotClaim, SpotTold};
use crate::lane::number::SessionId;
use crate::lane::session::LaneId;
use crate::park::payment::{PaidStay, Taking};
use crate::sim::wechat::{NativeState, Simulator};

/// One order.
#[derive(Clone, Debug)]
pub(super) struct Code {
    pub claim: SpotClaim,
    pub body: Option<String>,
    /// Somebody may have its code.
    pub was_shown: bool,
    pub ended: Option<End>,
}

/// How it ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum End {
    Paid,
    Closed,
    Refused,
}

/// All of them, by number, and what the step at hand brought in.
#[derive(Default)]
pub(super) struct Codes {
    pub all: BTreeMap<String, Code>,
    /// Paid in this step.
    pub paid: Option<SpotClaim>,
    /// Taken down of it so far, fen.
    pub taken_fen: u64,
}

impl Codes {
    /// A new step begins.
    pub fn step(&mut self) {
        (self.paid, self.taken_fen) = (None, 0);
    }

    pub fn open_of(&self, session: &SessionId) -> Option<&Code> {
        let mut all = self.all.values();
        all.find(|code| code.ended.is_none() && code.claim.session == *session)
    }

    /// Money of a stay was taken down by other means than its charge.
    pub fn take(&mut self, session: &SessionId, by: &str, fen: u64) {
        let is_its = self.paid.as_ref().is_some_and(|it| it.session == *session);
        if is_its && by == "WeChat" {
            self.taken_fen += fen;
        }
    }

    pub fn apply(&mut self, record: &MoneyRecord) {
        match record {
            MoneyRecord::SpotAsked { spot } => {
                let code = Code {
                    claim: spot.clone(),
                    body: None,
                    was_shown: false,
                    ended: None,
                };
                self.all.insert(spot.number.clone(), code);
            }
            MoneyRecord::SpotSent { number, body } => {
                if let (Some(code), Some(body)) = (self.all.get_mut(number), body) {
                    code.body = Some(body.clone());
                }
            }
            MoneyRecord::SpotTold { number, told } => {
                let Some(code) = self.all.get_mut(number) else {
                    return;
                };
                code.ended = match told {
                    SpotTold::Paid { .. } => {
                        self.paid = Some(code.claim.clone());
                        Some(End::Paid)
                    }
                    SpotTold::Closed { .. } | SpotTold::GivenBack { .. } => Some(End::Closed),
                    SpotTold::Refused { .. } => Some(End::Refused),
                    SpotTold::Open { .. } => {
                        code.was_shown = true;
                        code.ended
                    }
                    SpotTold::Unknown { .. } | SpotTold::ToRepeat { .. } => code.ended,
                };
            }
            _ => {}
        }
    }
}

impl Oracle {
    pub(super) fn judge_code(&self, record: &MoneyRecord, view: &View<'_>) -> Verdict {
        match record {
            MoneyRecord::SpotAsked { spot } => self.judge_asked(spot),
            MoneyRecord::SpotSent { number, body } => {
                let known = self.code(number)?.body.is_some();
                hold(known != body.is_some(), Rule::FrozenNeverChanges, || {
                    format!("{number} was frozen before: {known}")
                })
            }
            MoneyRecord::SpotTold { number, told } => {
                let code = self.code(number)?;
                hold(code.ended.is_none(), Rule::StatesMoveForward, || {
                    format!("{number} was {:?}, and then: {told:?}", code.ended)
                })?;
                self.judge_told(code, told, record, view.simulator)
            }
            MoneyRecord::SpotGivenUp { number, .. } => self.code(number).map(|_| ()),
            _ => Ok(()),
        }
    }

    /// Its turn has come, and nothing else takes this money.
    fn judge_asked(&self, spot: &SpotClaim) -> Verdict {
        let is_new = !self.model.codes.all.contains_key(&spot.number);
        hold(is_new, Rule::NumbersAreNew, || {
            format!("{} was given out before", spot.number)
        })?;
        let is_open = self.model.open.contains_key(&spot.session);
        let charges = self.model.charges.values();
        let mut of_stay = charges.filter(|charge| charge.claim.session == spot.session);
        let queued = of_stay.find(|charge| charge.is_queued());
        let other = self.model.codes.open_of(&spot.session);
        hold(
            is_open && queued.is_none() && other.is_none() && self.rules.exit.pay_by_code,
            Rule::OneChannel,
            || format!("{spot:?} beside {queued:?} and {other:?}"),
        )?;
        let charges = self.model.charges.values();
        let of_stay = charges.filter(|charge| charge.claim.session == spot.session);
        let mut with_staff = of_stay.filter(|charge| charge.stage == Stage::WithStaff);
        let claimed = with_staff.next().map(|it| it.claim.quote.fee_fen);
        let held = self.model.last_holds.get(&spot.lane);
        let held = held.filter(|hold| hold.session.as_ref() == Some(&spot.session));
        let quoted = held.and_then(|hold| Some(hold.quote.as_ref()?.fee_fen));
        hold(
            held.is_some() && claimed.or(quoted) == Some(spot.fen),
            Rule::FeeIsTheModels,
            || format!("{spot:?}, and {claimed:?} or {quoted:?} are due"),
        )
    }

    fn judge_told(
        &self,
        code: &Code,
        told: &SpotTold,
        record: &MoneyRecord,
        simulator: &Simulator,
    ) -> Verdict {
        let at_wechat = native(simulator, &code.claim.number);
        let (agrees, by_answer) = match told {
            SpotTold::Paid { .. } => (at_wechat == Some(NativeState::Paid), true),
            SpotTold::Open { .. } => (at_wechat.is_some(), true),
            // Who has no code can pay nothing.
            SpotTold::Closed { .. } if !code.was_shown => (true, false),
            SpotTold::Closed { .. } => (at_wechat == Some(NativeState::Closed), true),
            SpotTold::GivenBack { .. } => (at_wechat == Some(NativeState::Paid), true),
            SpotTold::Refused { .. } => (!code.was_shown, false),
            SpotTold::Unknown { .. } | SpotTold::ToRepeat { .. } => (true, false),
        };
        hold(agrees, Rule::WechatAgrees, || {
            format!("{record:?}, and at WeChat the order is {at_wechat:?}")
        })?;
        match by_answer {
            true => self.judge_answer(record),
            false => Ok(()),
        }
    }

    /// No charge of a stay leaves while its driver may pay it by code.
    pub(super) fn judge_beside_code(&self, trade_no: &str) -> Verdict {
        let session = &self.charge(trade_no)?.claim.session;
        let open = self.model.codes.open_of(session);
        hold(open.is_none(), Rule::OneAmountDue, || {
            format!("{trade_no} leaves while {open:?} may be paid")
        })
    }

    /// At the end of what reached the disk together: what was paid is taken down, all of it.
    pub(super) fn judge_taken_down(&self) -> Verdict {
        let codes = &self.model.codes;
        let paid_fen = codes.paid.as_ref().map_or(0, |claim| claim.fen);
        hold(paid_fen == codes.taken_fen, Rule::OneAmountDue, || {
            format!(
                "{:?} was paid, and {} fen taken down",
                codes.paid, codes.taken_fen
            )
        })
    }

    /// Of what a driver paid by code, who paid too much in this step; gives back what was paid, fen.
    pub(super) fn judge_back_by_code(
        &self,
        code: &Code,
        refund: &RefundClaim,
    ) -> Result<u64, Violation> {
        let paid = self.model.codes.paid.as_ref();
        let is_of_step = paid.is_some_and(|it| it.number == code.claim.number);
        let is_its = refund.session == code.claim.session;
        hold(is_of_step && is_its, Rule::OneAmountDue, || {
            format!("{refund:?} of {code:?}")
        })?;
        Ok(code.claim.fen)
    }

    /// What of a stay's money went, or goes, back by code, fen.
    pub(super) fn back_fen(&self, session: &SessionId) -> u64 {
        let codes = self.model.codes.all.values();
        let of_stay = codes.filter(|code| code.claim.session == *session);
        of_stay
            .map(|code| self.model.refunds.asked_fen(&code.claim.number))
            .sum()
    }

    /// In the end every code is over, and is what WeChat says it is.
    pub(super) fn judge_codes_at_rest(&self, view: &View<'_>) -> Verdict {
        for (number, code) in &self.model.codes.all {
            let at_wechat = native(view.simulator, number);
            let is_paid = at_wechat == Some(NativeState::Paid);
            let agrees = code.ended.is_some() && is_paid == (code.ended == Some(End::Paid));
            hold(agrees, Rule::BooksAgree, || {
                format!("{code:?}, and at WeChat the order is {at_wechat:?}")
            })?;
        }
        Ok(())
    }

    /// What a driver paid by code in the step at hand, as a taking.
    pub(super) fn taking_by_code(&self) -> Option<Taking> {
        let claim = self.model.codes.paid.as_ref()?;
        Some(Taking {
            stay: PaidStay {
                session: claim.session.clone(),
                plate: claim.plate.clone(),
                lane: claim.lane.clone(),
                entered: claim.entered.clone(),
            },
            fen: claim.fen,
            channel: "wechat_native".into(),
            by: "WeChat".into(),
            regardless: true,
        })
    }

    /// Whether the last car that was held there is of the stay that this order is for.
    pub(super) fn waits_for_code(&self, lane: &LaneId, number: &str) -> bool {
        let code = self.model.codes.all.get(number);
        let held = self.model.last_holds.get(lane);
        let held = held.and_then(|hold| hold.session.as_ref());
        held.is_some() && held == code.map(|code| &code.claim.session)
    }

    /// Whether this order was paid.
    pub(super) fn is_code_paid(&self, number: &str) -> bool {
        let code = self.model.codes.all.get(number);
        code.is_some_and(|code| code.ended == Some(End::Paid))
    }

    fn code(&self, number: &str) -> Result<&Code, Violation> {
        let code = self.model.codes.all.get(number);
        code.ok_or_else(|| Violation {
            rule: Rule::StatesMoveForward,
            what: format!("{number} was never asked for"),
        })
    }
}

fn native(simulator: &Simulator, number: &str) -> Option<NativeState> {
    let mut orders = simulator.native_orders().into_iter();
    let order = orders.find(|order| order.out_trade_no == number);
    order.map(|order| order.state)
}
