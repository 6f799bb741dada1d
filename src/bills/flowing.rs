//! The fund-flow bill against the trade bill: what each payment brought in, each refund took out, and the fees.

use std::collections::BTreeMap;

use super::bill::{BillFault, of_fen};
use super::day::Day;
use super::flow::{self, Flow, FlowKind};
use super::held::{EDGE_MS, Held};
use super::keep::Bill;
use super::money;
use super::report::{Difference, FlowReport, Report, What};
use super::told::{Own, Told};
use crate::lane::number::LedgerId;
use crate::lane::time::Wall;

/// What the bill says of one number.
#[derive(Default)]
struct Moved {
    at: Option<Wall>,
    /// The payment or the refund itself, fen; more than nothing came in.
    fen: i64,
    has_moved: bool,
    /// The fee, fen; less than nothing was given back.
    fee_fen: i64,
    /// Lines of it: each is rounded to whole fen.
    fees: i64,
}

/// Compares them; differences go into the report. Charges and refunds that the ledger alone knows are told where
/// the trade bill is compared with it.
pub(super) fn compare(
    bill: Bill,
    told: &Told,
    held: &Held,
    day: Day,
    ledger: LedgerId,
    report: &mut Report,
) -> Result<FlowReport, BillFault> {
    let (mut flows, mut moved) = (FlowReport::default(), BTreeMap::<Own, Moved>::new());
    let mut fee_lines = 0_u64;
    if let Bill::Lines(lines) = bill {
        flows.rows = flow::read(lines, |flow| {
            fee_lines += u64::from(flow.kind == FlowKind::Fee);
            // What is shared with others (分账), say, may name an own number and is neither payment nor refund.
            let own = own(&flow, told, ledger).filter(|_| flow.kind != FlowKind::Other);
            match own {
                Some(own) => hear(&flow, moved.entry(own).or_default()),
                None => others(&flow, &mut flows),
            }
        })?;
    }
    // Some merchants pay their fees from another account, or by the month.
    flows.has_fees = fee_lines > 0;
    let mut fee_fen = 0_i64;
    for (own, moved) in &moved {
        fee_fen = fee_fen.saturating_add(moved.fee_fen);
        if !moved.has_moved {
            continue;
        }
        match own {
            Own::Paid(_) => flows.income.add(moved.fen.unsigned_abs()),
            Own::Refund(_) => flows.refunded.add(moved.fen.unsigned_abs()),
        }
        let is_told = match own {
            Own::Paid(key) => told.paid.contains_key(key),
            Own::Refund(key) => told.refunds.contains_key(key),
        };
        if is_told {
            continue;
        }
        match is_near_midnight(moved.at, day) {
            true => flows.at_midnight.add(moved.fen.unsigned_abs()),
            false => {
                let ledger_fen = match own {
                    Own::Paid(key) => held.charges.get(key).map(|held| held.fee_fen),
                    Own::Refund(key) => held.refunds.get(key).map(|held| held.fen),
                };
                let mut unknown = Difference::of(What::OnlyInFlow, own.number());
                unknown.ledger_fen = ledger_fen;
                report.differs(unknown.flow(moved.fen.unsigned_abs()));
            }
        }
    }
    flows.fee_yuan = money::write(fee_fen.saturating_mul(money::PER_FEN));
    payments(told, &moved, day, &mut flows, report);
    refunds(told, &moved, day, &mut flows, report);
    Ok(flows)
}

/// By the merchant's number, or by WeChat's, which the trade bill tells.
fn own(flow: &Flow, told: &Told, ledger: LedgerId) -> Option<Own> {
    let by_number = Own::of(&flow.voucher, ledger);
    by_number.or_else(|| told.by_id.get(&flow.business_no.parse().ok()?).copied())
}

fn hear(flow: &Flow, moved: &mut Moved) {
    moved.at = moved.at.or(flow.at);
    match flow.kind {
        FlowKind::Fee => {
            moved.fee_fen = moved.fee_fen.saturating_sub(flow.fen);
            moved.fees += 1;
        }
        FlowKind::Trade | FlowKind::Refund => {
            moved.fen = moved.fen.saturating_add(flow.fen);
            moved.has_moved = true;
        }
        FlowKind::Other => {}
    }
}

fn others(flow: &Flow, flows: &mut FlowReport) {
    let fen = flow.fen.unsigned_abs();
    match flow.fen < 0 {
        false => flows.others_in.add(fen),
        true => flows.others_out.add(fen),
    }
}

fn payments(
    told: &Told,
    moved: &BTreeMap<Own, Moved>,
    day: Day,
    flows: &mut FlowReport,
    report: &mut Report,
) {
    // A sub-merchant's money does not come to the provider's account.
    for (key, payment) in told.paid.iter().filter(|(_, payment)| !payment.is_subs) {
        let bill_fen = payment.settled_fen;
        let difference = |what| Difference::of(what, key.number()).bill(bill_fen);
        let Some(moved) = moved.get(&Own::Paid(*key)).filter(|it| it.has_moved) else {
            match is_near_midnight(payment.at, day) {
                // The merchant's own coupon paid it all, and nothing came in.
                _ if bill_fen == 0 => flows.ok.add(0),
                true => flows.at_midnight.add(bill_fen),
                false => report.differs(difference(What::NotInFlow)),
            }
            continue;
        };
        if moved.fen != i64::try_from(bill_fen).unwrap_or(i64::MAX) {
            let told = difference(What::FlowDiffers);
            report.differs(told.flow(moved.fen.unsigned_abs()));
        } else if flows.has_fees && !fee_fits(moved, payment.fee) {
            let told = difference(What::FeeDiffers);
            report.differs(told.flow(moved.fee_fen.unsigned_abs()));
        } else {
            flows.ok.add(bill_fen);
        }
    }
}

fn refunds(
    told: &Told,
    moved: &BTreeMap<Own, Moved>,
    day: Day,
    flows: &mut FlowReport,
    report: &mut Report,
) {
    for (key, refund) in told.refunds.iter().filter(|(_, refund)| !refund.is_subs) {
        let bill_fen = refund.settled_fen;
        let difference = |what| Difference::of(what, key.refund_no()).bill(bill_fen);
        let Some(moved) = moved.get(&Own::Refund(*key)).filter(|it| it.has_moved) else {
            // One that is on its way, or failed, may have moved nothing on this day.
            if bill_fen == 0 {
                flows.ok.add(0);
            } else if refund.is_done && !is_near_midnight(refund.at, day) {
                report.differs(difference(What::NotInFlow));
            }
            continue;
        };
        // The fee that is given back stands on a line of its own, or has been taken off.
        let out = moved.fen.saturating_neg();
        let whole = i64::try_from(bill_fen).unwrap_or(i64::MAX);
        let left = of_fen(bill_fen).saturating_add(refund.fee);
        let off = out
            .saturating_mul(money::PER_FEN)
            .saturating_sub(left)
            .abs();
        if out != whole && off >= money::PER_FEN {
            let told = difference(What::FlowDiffers);
            report.differs(told.flow(moved.fen.unsigned_abs()));
        } else {
            flows.ok.add(bill_fen);
        }
    }
}

/// The trade bill has five decimals, the fund flow whole fen.
fn fee_fits(moved: &Moved, fee: i64) -> bool {
    let told = moved.fee_fen.saturating_mul(money::PER_FEN);
    told.saturating_sub(fee).abs() < money::PER_FEN.saturating_mul(moved.fees.max(1))
}

/// It may stand in the other bill of either day.
fn is_near_midnight(at: Option<Wall>, day: Day) -> bool {
    let inside =
        |at: Wall| at >= day.begins().plus_ms(EDGE_MS) && at < day.ends().plus_ms(-EDGE_MS);
    !at.is_some_and(inside)
}
