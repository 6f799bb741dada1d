//! Whose money WeChat takes, compared with who was really there.

use super::charge::Stage;
use super::{Oracle, Rule, Verdict, View, hold};
use crate::sim::wechat::OrderRow;

impl Oracle {
    /// WeChat has taken on a charge.
    pub(super) fn judge_order(&self, order: &OrderRow, view: &View<'_>) -> Verdict {
        let number = &order.out_trade_no;
        let Some(charge) = self.model.charges.get(number) else {
            return hold(false, Rule::FrozenNeverChanges, || {
                format!("WeChat has an order {number} that nobody opened")
            });
        };
        let on_entry = view.simulator.orders_on(&order.parking_id);
        hold(
            order.accepted == 1 && on_entry == 1,
            Rule::OneChargeAStay,
            || format!("{order:?} is not the only order on its entry"),
        )?;
        hold(
            order.total_fen == charge.claim.quote.fee_fen,
            Rule::FeeIsTheModels,
            || format!("{order:?} is not {} fen", charge.claim.quote.fee_fen),
        )?;
        let elsewhere = [
            Stage::Withdrawn,
            Stage::Collected,
            Stage::WrittenOff,
            Stage::Replaced,
        ];
        hold(!elsewhere.contains(&charge.stage), Rule::OneChannel, || {
            format!(
                "{number} was {:?}, and then WeChat took it on",
                charge.stage
            )
        })?;
        // The operator lets a car be charged that was read a little otherwise, or a person vouches.
        if charge.read_as.is_some() || charge.by_person {
            return Ok(());
        }
        let claim = &charge.claim;
        let Some(left) = view.clock.true_time(&claim.exited) else {
            return Ok(());
        };
        let stood_there = view
            .vehicles
            .stood_at(claim.plate.as_str(), &claim.lane.0, left);
        hold(stood_there, Rule::NobodyPaysForAnother, || {
            format!("no such car stood at {} at {left}: {claim:?}", claim.lane)
        })
    }
}
