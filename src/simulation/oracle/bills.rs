//! WeChat's bills beside the ledger. What a bill should come to is summed up here from WeChat's own books.

use super::{Oracle, Rule, Verdict, View, hold};
use crate::bills::day::Day;
use crate::bills::matching::MatchFault;
use crate::bills::report::{Difference, Report, Sum, What};
use crate::sim::wechat::{OrderState, RefundState, Simulator};

/// How many, and how many fen.
type Counted = (u64, u64);

/// What a day's bill should come to.
#[derive(Debug, Default, PartialEq, Eq)]
struct Sums {
    paid: Counted,
    refunded: Counted,
    others: Counted,
    others_refunded: Counted,
}

impl Oracle {
    /// The box has compared a day's bill with its ledger.
    pub fn judge_bill(&self, day: Day, report: &Report, view: &View<'_>) -> Verdict {
        let unexplained = report.differences.iter().find(|it| !is_explained(it, view));
        hold(unexplained.is_none(), Rule::BillsAgree, || {
            format!("{day}: {:?}", report.differences)
        })?;
        let there = Sums::of(view.simulator, &report.ledger, day);
        let found = Sums {
            paid: counted(report.ok),
            refunded: counted(report.refunded),
            others: counted(report.others),
            others_refunded: counted(report.others_refunded),
        };
        hold(found == there, Rule::BillsAgree, || {
            format!("{day}: {found:?} is told, and WeChat has {there:?}")
        })?;
        // A sub-merchant's money does not come to the account whose flow this is.
        let flow = report
            .flow
            .as_ref()
            .filter(|_| self.rules.merchant.sub.is_none());
        let in_flow = flow.map_or(there.paid.0 + there.refunded.0, |flow| flow.ok.count);
        hold(
            in_flow == there.paid.0 + there.refunded.0,
            Rule::BillsAgree,
            || format!("{day}: {flow:?}, and WeChat has {there:?}"),
        )
    }

    /// It could not.
    pub fn judge_unmatched(&self, day: Day, fault: &MatchFault) -> Verdict {
        hold(false, Rule::BillsAgree, || format!("{day}: {fault:?}"))
    }
}

/// A box whose clock is an hour off, and trusted, looks for what was paid before midnight in the bill of the day
/// after, or the other way round. Nothing else may differ.
fn is_explained(difference: &Difference, view: &View<'_>) -> bool {
    let is_missing = matches!(
        difference.what,
        What::MissingThere | What::RefundMissingThere
    );
    is_missing && view.clock.lies()
}

impl Sums {
    fn of(simulator: &Simulator, ledger: &str, day: Day) -> Self {
        let is_ours = |number: &str| number.get(1..).is_some_and(|rest| rest.starts_with(ledger));
        let mut sums = Self::default();
        let charges = simulator.orders_from(0).filter_map(|order| {
            let is_paid = order.state == OrderState::Success;
            let at = order.settled_at.filter(|_| is_paid)?;
            Some((order.out_trade_no, order.total_fen, at))
        });
        let codes = simulator.native_orders().into_iter();
        let codes = codes.filter_map(|it| Some((it.out_trade_no, it.total_fen, it.paid_at?)));
        for (number, fen, _) in charges.chain(codes).filter(|(_, _, at)| day.has(*at)) {
            match is_ours(&number) {
                true => add(&mut sums.paid, fen),
                false => add(&mut sums.others, fen),
            }
        }
        let refunds = simulator.refunds().into_iter();
        let refunds = refunds.filter(|it| it.state != RefundState::Closed && day.has(it.created));
        for refund in refunds {
            match is_ours(&refund.out_trade_no) {
                true => add(&mut sums.refunded, refund.refund_fen),
                false => add(&mut sums.others_refunded, refund.refund_fen),
            }
        }
        sums
    }
}

fn add(sum: &mut Counted, fen: u64) {
    sum.0 += 1;
    sum.1 += fen;
}

fn counted(sum: Sum) -> Counted {
    (sum.count, sum.fen)
}
