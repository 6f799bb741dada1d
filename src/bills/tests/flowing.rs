//! What the driver paid, and what the merchant's account tells.

use super::desk::{Desk, HOUR, SECOND, day, line, paid_at, refund_line, session, whats};
use super::written::{FEE_FEN, Line};
use crate::bills::report::{Sum, What};
use crate::charges::answer::Paid;
use crate::wechat::bill::Kind;

/// A charge of noon, in full or by coupon, and a refund of another that was paid on the day before.
fn noon() -> (Desk, Vec<Line>) {
    let mut desk = Desk::new();
    let noon = day().begins().plus_ms(12 * HOUR);
    let paid = Paid {
        payer_fen: Some(300),
        coupon_fen: Some(200),
        ..paid_at(noon)
    };
    let number = desk.charge(1, noon, noon.plus_ms(SECOND), paid);
    let before = noon.plus_ms(-24 * HOUR);
    desk.charge(2, before, before, paid_at(before));
    desk.refund(2, noon);
    let line = Line {
        coupon_fen: 200,
        ..line(&number, noon)
    };
    (desk, vec![line, refund_line(2, noon)])
}

#[test]
fn what_the_driver_paid_is_compared_where_both_tell_it() {
    let (desk, mut lines) = noon();
    desk.trade_bill(day(), lines.clone());
    let report = desk.compare(day());
    assert!(report.matches(), "{report:?}");
    assert_eq!(
        (report.ok.fen, report.coupons.fen, report.refunded.fen),
        (500, 200, 200)
    );
    lines[0].coupon_fen = 100;
    desk.trade_bill(day(), lines);
    let report = desk.compare(day());
    assert_eq!(whats(&report), [What::PayerDiffers]);
    let difference = &report.differences[0];
    assert_eq!(
        (difference.bill_fen, difference.ledger_fen),
        (Some(400), Some(300))
    );
}

#[test]
fn what_the_merchants_own_coupon_paid_whole_needs_no_line_in_the_fund_flow() {
    let mut desk = Desk::new();
    let noon = day().begins().plus_ms(12 * HOUR);
    let number = desk.charge(1, noon, noon, paid_at(noon));
    let whole = Line {
        coupon_fen: FEE_FEN,
        merchants_fen: FEE_FEN,
        ..line(&number, noon)
    };
    desk.trade_bill(day(), [whole]);
    desk.bills().keep_nothing(Kind::FundFlow, day()).unwrap();
    let report = desk.compare(day());
    assert!(report.matches(), "{report:?}");
    assert_eq!(report.flow.unwrap().ok, Sum { count: 1, fen: 0 });
}

#[test]
fn the_fund_flow_is_held_against_the_trade_bill_line_by_line() {
    let (desk, lines) = noon();
    desk.trade_bill(day(), lines);
    let (charge, refund) = (session(1).trade_no(0), session(2).refund_no(0));
    let another = session(9).trade_no(0);
    let (charge, refund, another) = (&*charge, &*refund, &*another);
    let report = |lines: &[(&str, &str, i64)]| {
        desk.flow_bill(day(), lines);
        desk.compare(day())
    };
    let whole = [
        (charge, "交易", 500),
        (charge, "扣除交易手续费", -3),
        (refund, "退款", -200),
        (refund, "返还手续费", 1),
        ("other", "交易", 700),
        ("", "提现", -880),
        (charge, "分账", -20),
    ];
    let fits = report(&whole);
    assert!(fits.matches(), "{fits:?}");
    let flow = fits.flow.unwrap();
    assert_eq!(
        (flow.rows, flow.income.fen, flow.refunded.fen),
        (7, 500, 200)
    );
    assert_eq!((flow.others_in.fen, flow.others_out.fen), (700, 900));
    assert_eq!((flow.ok.count, flow.fee_yuan.as_str()), (2, "0.02000"));
    // Some merchants' fees go from elsewhere, and a refund's fee may be taken off it.
    for also in [
        &[whole[0], whole[2]][..],
        &[whole[0], whole[1], (refund, "退款", -199)],
    ] {
        let report = report(also);
        assert!(report.matches(), "{report:?}");
    }
    for (lines, what) in [
        (&whole[2..4], What::NotInFlow),
        (&whole[..2], What::NotInFlow),
        (
            &[(charge, "交易", 499), whole[1], whole[2], whole[3]][..],
            What::FlowDiffers,
        ),
        (
            &[whole[0], whole[1], (refund, "退款", -150)],
            What::FlowDiffers,
        ),
        (
            &[whole[0], (charge, "扣除交易手续费", -5), whole[2]],
            What::FeeDiffers,
        ),
        (
            &[whole[0], whole[1], whole[2], (another, "交易", 500)],
            What::OnlyInFlow,
        ),
    ] {
        let report = report(lines);
        assert_eq!(whats(&report), [what], "{report:?}");
        assert!(!report.matches() && report.csv().contains(what.code()));
    }
    desk.bills().keep_nothing(Kind::FundFlow, day()).unwrap();
    assert_eq!(
        whats(&desk.compare(day())),
        [What::NotInFlow, What::NotInFlow]
    );
}

#[test]
fn a_sub_merchants_money_is_not_looked_for_in_the_providers_account() {
    let (desk, mut lines) = noon();
    lines
        .iter_mut()
        .for_each(|line| line.sub_mchid = "1900000109");
    desk.trade_bill(day(), lines);
    desk.bills().keep_nothing(Kind::FundFlow, day()).unwrap();
    let report = desk.compare(day());
    assert!(report.matches(), "{report:?}");
}
